//! A container in a real Blob Storage emulator: what is written comes back, and conditions hold.

pub(crate) mod authentication;
mod faults;
mod tokens;

use std::sync::Arc;

use acs_recording_exporter::inside::blobs::{
    Blob, BlobError, Condition, Container, Metadata, Outcome, Settings,
};
use acs_recording_exporter::inside::telemetry::Telemetry;
use prometheus::{Registry, TextEncoder};
use tokio::task::JoinSet;

use crate::azurite::Azurite;

/// A container in an emulator, and the metrics of its use.
pub(crate) struct World {
    pub(crate) azurite: Azurite,
    pub(crate) container: Arc<Container>,
    registry: Registry,
}

impl World {
    /// With a container that exists, used with the account's key.
    async fn start() -> Self {
        let world = Self::before_the_container().await;
        assert!(world.container.create().await.unwrap());
        world
    }

    async fn before_the_container() -> Self {
        let azurite = Azurite::start().await;
        let string = azurite.connection_string();
        let settings = Settings::of_connection_string(&string, "recordings").unwrap();
        let (container, registry) = open(&settings);
        Self {
            azurite,
            container,
            registry,
        }
    }

    /// Every operation that was counted: `write ok 2`.
    fn counted(&self) -> Vec<String> {
        let text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        let counted = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("acs_recording_exporter_store_operations_total{")?;
            let words = rest.replace(['"', '}'], "");
            Some(words.replace("operation=", "").replace(",result=", " "))
        });
        counted.filter(|line| !line.ends_with(" 0")).collect()
    }
}

/// At another address than the emulator's own.
fn by_key(endpoint: &str) -> Settings {
    Settings::of_connection_string(&format!("BlobEndpoint={endpoint}"), "recordings").unwrap()
}

fn open(settings: &Settings) -> (Arc<Container>, Registry) {
    let registry = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&registry, ""));
    let container = Container::open(settings, None, telemetry).unwrap();
    (Arc::new(container), registry)
}

fn owner(id: &str) -> Metadata {
    Metadata::from([("ownerid".to_owned(), id.to_owned())])
}

/// A write that must be done.
async fn done(
    container: &Container,
    name: &str,
    metadata: &Metadata,
    condition: &Condition,
) -> Condition {
    match container.write(name, metadata, b"", condition).await {
        Ok(Outcome::Done(etag)) => Condition::Unchanged(etag),
        other => panic!("{name} was not written: {other:?}"),
    }
}

fn names(blobs: &[Blob]) -> Vec<&str> {
    blobs.iter().map(|blob| blob.name.as_str()).collect()
}

#[tokio::test]
async fn a_container_is_made_once_and_missed_before() {
    let world = World::before_the_container().await;
    let container = &world.container;
    for error in [
        container.list("").await.unwrap_err(),
        container.head("a").await.unwrap_err(),
        container.read("a").await.unwrap_err(),
        container.delete("a").await.unwrap_err(),
        container
            .write("a", &owner("me"), b"", &Condition::Missing)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, BlobError::NoContainer(_)), "{error:?}");
    }
    assert!(container.create().await.unwrap());
    assert!(!container.create().await.unwrap());
    assert_eq!(container.list("").await.unwrap(), []);
    assert_eq!(
        world.counted(),
        [
            "create ok 1",
            "create refused 1",
            "delete failed 1",
            "list failed 1",
            "list ok 1",
            "read failed 2",
            "write failed 1",
        ]
    );
}

#[tokio::test]
async fn what_is_written_comes_back_from_lists_heads_and_reads() {
    let world = World::start().await;
    let container = &world.container;
    let lease = "contoso.servicebus.windows.net/logs/$default/ownership/0";
    let series = "contoso.servicebus.windows.net/.acs-recording-exporter/$default/series";
    let checkpoint = Metadata::from(
        [
            ("sequencenumber", "-1"),
            ("offset", "a & <b> \"c\""),
            ("enqueuedat", "2026-03-01T12:00:00.5Z"),
            ("empty", ""),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let body = vec![b'x'; 3_000_000];
    for (name, metadata, body) in [
        (lease, &checkpoint, &b""[..]),
        (series, &Metadata::new(), &body),
    ] {
        let condition = Condition::None;
        let Outcome::Done(etag) = container
            .write(name, metadata, body, &condition)
            .await
            .unwrap()
        else {
            panic!("{name} was refused");
        };
        let head = container.head(name).await.unwrap().unwrap();
        assert_eq!((&head.etag, &head.metadata), (&etag, metadata));
        let read = container.read(name).await.unwrap().unwrap();
        assert_eq!(read, (head.clone(), body.to_vec()));
        let prefix = format!("{}/", name.rsplit_once('/').unwrap().0);
        assert_eq!(container.list(&prefix).await.unwrap(), [head]);
    }
    let all = container.list("contoso.servicebus.windows.net/").await;
    assert_eq!(names(&all.unwrap()), [series, lease]);

    container.delete(lease).await.unwrap();
    container.delete(lease).await.unwrap();
    assert_eq!(container.head(lease).await.unwrap(), None);
    assert_eq!(container.read(lease).await.unwrap(), None);
}

#[tokio::test]
async fn a_list_has_as_many_pages_as_it_needs() {
    /// A page has 5,000 at most.
    const BLOBS: usize = 5_050;
    let world = World::start().await;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let container = Arc::clone(&world.container);
        writers.spawn(async move {
            for number in (writer..BLOBS).step_by(16) {
                let name = format!("many/{number:04}");
                let id = number.to_string();
                done(&container, &name, &owner(&id), &Condition::None).await;
            }
        });
    }
    writers.join_all().await;
    done(&world.container, "other", &owner("me"), &Condition::None).await;

    let blobs = world.container.list("many/").await.unwrap();
    assert_eq!(blobs.len(), BLOBS);
    for (number, blob) in blobs.iter().enumerate() {
        assert_eq!(blob.name, format!("many/{number:04}"));
        assert_eq!(blob.metadata, owner(&number.to_string()));
    }
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_refusal() {
    let world = World::start().await;
    let container = &world.container;
    let refused = async |name: &str, condition: &Condition| {
        let outcome = container.write(name, &owner("other"), b"", condition).await;
        assert_eq!(outcome.unwrap(), Outcome::Refused);
    };
    let first = done(container, "a", &owner("me"), &Condition::Missing).await;
    refused("a", &Condition::Missing).await;
    let second = done(container, "a", &owner("me"), &first).await;
    assert_ne!(first, second, "a renewal is a new version");
    refused("a", &first).await;
    // That of a list is as good as that of a write.
    let listed = container.list("").await.unwrap().remove(0);
    assert_eq!(listed.metadata, owner("me"));
    let third = done(
        container,
        "a",
        &owner("me"),
        &Condition::Unchanged(listed.etag),
    )
    .await;
    refused("missing", &third).await;
    container.delete("a").await.unwrap();
    refused("a", &third).await;
    done(container, "a", &owner("me"), &Condition::Missing).await;
    assert_eq!(
        world.counted(),
        [
            "create ok 1",
            "delete ok 1",
            "list ok 1",
            "write ok 4",
            "write refused 4",
        ]
    );
}

#[tokio::test]
async fn of_sixteen_who_race_for_a_blob_one_has_it() {
    let world = World::start().await;
    let mut condition = Condition::Missing;
    for round in 0..20 {
        let mut racers = JoinSet::new();
        for racer in 0..16 {
            let (container, condition) = (Arc::clone(&world.container), condition.clone());
            racers.spawn(async move {
                let id = format!("{round}-{racer}");
                let written = container.write("a", &owner(&id), b"", &condition).await;
                (id, written.unwrap())
            });
        }
        let mut winners = racers.join_all().await;
        winners.retain(|(_, outcome)| *outcome != Outcome::Refused);
        let [(id, Outcome::Done(etag))] = winners.as_slice() else {
            panic!("not one winner: {winners:?}");
        };
        let blob = world.container.head("a").await.unwrap().unwrap();
        assert_eq!((&blob.etag, blob.metadata), (etag, owner(id)));
        condition = Condition::Unchanged(etag.clone());
    }
}

#[tokio::test]
async fn names_and_metadata_that_do_not_come_back_are_not_sent() {
    let world = World::start().await;
    let container = &world.container;
    for (name, value) in [("a//b", "x"), ("../a", "x"), ("a", "x\ny"), ("a", "ü")] {
        let error = container
            .write(name, &owner(value), b"", &Condition::None)
            .await
            .unwrap_err();
        let is_invalid = matches!(error, BlobError::Name(_) | BlobError::Metadata(_));
        assert!(is_invalid, "{error}");
    }
    let error = container.list("a").await.unwrap_err();
    assert!(matches!(error, BlobError::Name(_)), "{error}");
    let body = vec![0; 9 * 1024 * 1024];
    let error = container
        .write("a", &owner("me"), &body, &Condition::None)
        .await
        .unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { .. }), "{error}");
    assert_eq!(container.list("").await.unwrap(), []);
}
