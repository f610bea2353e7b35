//! A container of a real Azurite, by our own client.

use std::sync::Arc;

use acs_recording_exporter::blobs::{BlobError, Condition, Container, Metadata, Outcome, Settings};
use acs_recording_exporter::telemetry::Telemetry;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::task::JoinSet;

use crate::azurite::Azurite;
use crate::script::run;
use crate::world::Samples;

const NAME: &str = "contoso.servicebus.windows.net/logs/$default/ownership/0";

fn open(settings: &Settings) -> (Container, Registry) {
    let registry = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&registry));
    let container = Container::open(settings, None, telemetry);
    (container.unwrap(), registry)
}

fn by_key(azurite: &Azurite) -> Settings {
    Settings::of_connection_string(&azurite.connection_string(), "leases").unwrap()
}

fn says(owner: &str) -> Metadata {
    Metadata::from([("ownerid".to_owned(), owner.to_owned())])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_written_on_its_condition_only() {
    let azurite = Azurite::start().await;
    let (container, registry) = open(&by_key(&azurite));
    let missing = container.list("").await.unwrap_err();
    assert!(matches!(missing, BlobError::NoContainer(_)), "{missing}");
    assert!(container.create().await.unwrap());
    assert!(!container.create().await.unwrap());
    assert_eq!(container.head(NAME).await.unwrap(), None);

    let write = async |owner, condition: &Condition| {
        let says = says(owner);
        let wrote = container.write(NAME, &says, b"body", condition);
        wrote.await.unwrap()
    };
    let Outcome::Done(first) = write("a", &Condition::Missing).await else {
        panic!("there was none");
    };
    assert_eq!(write("b", &Condition::Missing).await, Outcome::Refused);
    let unchanged = Condition::Unchanged(first.clone());
    let Outcome::Done(second) = write("b", &unchanged).await else {
        panic!("it was unchanged");
    };
    assert_ne!(first, second);
    assert_eq!(write("c", &unchanged).await, Outcome::Refused);
    let (blob, body) = container.read(NAME).await.unwrap().unwrap();
    assert_eq!((blob.metadata, blob.etag.clone()), (says("b"), second));
    assert_eq!(body, b"body");
    // Also what a list tells, which has it in other words.
    let listed = container
        .list("contoso.servicebus.windows.net/")
        .await
        .unwrap();
    let listed: Vec<_> = listed
        .into_iter()
        .map(|blob| (blob.name, blob.etag, blob.metadata))
        .collect();
    assert_eq!(listed, [(NAME.to_owned(), blob.etag, says("b"))]);

    container.delete(NAME).await.unwrap();
    container.delete(NAME).await.unwrap();
    assert_eq!(container.list("").await.unwrap(), []);
    let line = "two\nlines";
    let refused = container
        .write(NAME, &says(line), b"", &Condition::Always)
        .await;
    assert!(matches!(refused, Err(BlobError::Metadata(_))));

    let mut text = Vec::new();
    TextEncoder::new()
        .encode(&registry.gather(), &mut text)
        .unwrap();
    let samples = Samples(String::from_utf8(text).unwrap());
    let operations = |operation: &str, result: &str| {
        let labels = [
            format!("operation=\"{operation}\""),
            format!("result=\"{result}\""),
        ];
        samples.sum(
            "acs_recording_exporter_store_operations_total",
            &[&labels[0], &labels[1]],
        )
    };
    assert_eq!(
        (operations("write", "ok"), operations("write", "refused")),
        (2.0, 2.0)
    );
    assert_eq!(
        (operations("create", "ok"), operations("create", "refused")),
        (1.0, 1.0)
    );
    // The container was missing, which is no failure: it is made then.
    assert_eq!(
        (operations("list", "ok"), operations("list", "refused")),
        (2.0, 1.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_that_are_as_fast_one_gets_it() {
    let azurite = Azurite::start().await;
    let (container, _) = open(&by_key(&azurite));
    container.create().await.unwrap();
    for round in 0..20 {
        let mut tasks = JoinSet::new();
        for number in 0..16 {
            let (container, name) = (container.clone(), format!("{NAME}{round}"));
            tasks.spawn(async move {
                let owner = says(&number.to_string());
                container
                    .write(&name, &owner, b"", &Condition::Missing)
                    .await
            });
        }
        let outcomes = tasks.join_all().await;
        let done = outcomes
            .into_iter()
            .filter(|outcome| matches!(outcome, Ok(Outcome::Done(_))));
        assert_eq!(done.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_lets_in_also_to_lists_of_many_pages_and_odd_names() {
    let azurite = Azurite::start().await;
    let (owner, _) = open(&by_key(&azurite));
    owner.create().await.unwrap();
    let mut tasks = JoinSet::new();
    for worker in 0..16 {
        let owner = owner.clone();
        tasks.spawn(async move {
            for number in 0..320 {
                let name = format!("many/{worker:02}{number:04}");
                let wrote = owner
                    .write(&name, &says("x"), b"", &Condition::Always)
                    .await;
                assert!(matches!(wrote, Ok(Outcome::Done(_))));
            }
        });
    }
    tasks.join_all().await;
    for name in ["odd//name", "odd/with space & more", "odd/ü"] {
        let wrote = owner.write(name, &says("x"), b"", &Condition::Always).await;
        assert!(matches!(wrote, Ok(Outcome::Done(_))), "{name}");
    }
    let signed = run("python/signature.py", &[&azurite.connection_string()], "").await;
    let settings = Settings::of_url(signed.trim()).unwrap();
    let (signed, _) = open(&settings);
    assert_eq!(signed.list("many/").await.unwrap().len(), 5120);
    let mut odd: Vec<_> = signed
        .list("odd")
        .await
        .unwrap()
        .into_iter()
        .map(|blob| blob.name)
        .collect();
    odd.sort();
    assert_eq!(odd, ["odd//name", "odd/with space & more", "odd/ü"]);
    let read = signed.head("odd/with space & more").await.unwrap().unwrap();
    assert_eq!(read.metadata, says("x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_without_secrets_and_within_its_time() {
    let mut azurite = Azurite::start().await;
    let other = azurite
        .connection_string()
        .replace("AccountKey=Eby8", "AccountKey=Fby8");
    let (denied, _) = open(&Settings::of_connection_string(&other, "leases").unwrap());
    let error = denied.list("").await.unwrap_err();
    let text = format!("{error} {error:?} {denied:?}");
    assert!(matches!(error, BlobError::Denied { .. }), "{text}");
    assert!(text.contains("Storage Blob Data Contributor"), "{text}");
    assert!(!text.contains("Fby8"), "{text}");

    let (container, _) = open(&by_key(&azurite));
    azurite.signal("STOP");
    let error = container.list("").await.unwrap_err();
    assert!(
        matches!(error, BlobError::Timeout { seconds: 5, .. }),
        "{error}"
    );
    azurite.signal("CONT");
    let signed = format!("{}/leases?sig=s3cret", azurite.url());
    azurite.stop().await;
    let (signed, _) = open(&Settings::of_url(&signed).unwrap());
    let error = signed.head(NAME).await.unwrap_err();
    let text = format!("{error} {error:?} {signed:?}");
    assert!(matches!(error, BlobError::Unreachable { .. }), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}
