//! Two owners of one partition: the last one to acquire it writes its checkpoint, and no other process does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use acs_recording_exporter::inside::blobs::names::Names;
use acs_recording_exporter::inside::blobs::{Condition, Container, Metadata, Settings};
use acs_recording_exporter::inside::checkpoint::blobs::{
    BlobPositions, Found, OwnedPosition, Wrote,
};
use acs_recording_exporter::inside::event::{PartitionId, Position, Reached};
use acs_recording_exporter::inside::telemetry::Telemetry;
use prometheus::Registry;
use tokio::task::JoinSet;

use crate::azurite::Azurite;
use crate::world::Signal;

fn at(sequence_number: i64) -> Reached {
    Reached {
        position: Position {
            sequence_number,
            offset: Some((sequence_number * 100).to_string()),
        },
        enqueued_at: None,
    }
}

pub(crate) fn container(azurite: &Azurite) -> Arc<Container> {
    let settings = Settings::of_connection_string(&azurite.connection_string(), "leases").unwrap();
    let telemetry = Arc::new(Telemetry::new(&Registry::new(), ""));
    Arc::new(Container::open(&settings, None, telemetry).unwrap())
}

/// The positions as the owner of this name sees and writes them.
fn owner(azurite: &Azurite, name: &str) -> BlobPositions {
    let names = Names::new("contoso.servicebus.windows.net", "Logs", "$Default");
    BlobPositions::new(container(azurite), names, name.to_owned())
}

fn owned(positions: &BlobPositions) -> Arc<OwnedPosition> {
    positions.owned().pop().expect("it was acquired")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_of_the_previous_owner_is_refused() {
    let azurite = Azurite::start().await;
    container(&azurite).create().await.unwrap();
    let partition = PartitionId::new("Logs", "0");
    let (late, young) = (owner(&azurite, "late"), owner(&azurite, "young"));

    assert_eq!(
        late.acquire(&partition, true).await.unwrap(),
        Found::Beginning
    );
    let of_late = owned(&late);
    assert_eq!(
        late.save(&of_late, || Some(at(5))).await.unwrap(),
        Wrote::Written
    );
    assert_eq!(
        late.save(&of_late, || Some(at(5))).await.unwrap(),
        Wrote::Unchanged
    );

    // It sleeps, and its lease expires.
    assert_eq!(
        young.acquire(&partition, true).await.unwrap(),
        Found::Position(at(5))
    );
    let of_young = owned(&young);
    // Before the young one has written anything, and after.
    assert_eq!(
        late.save(&of_late, || Some(at(7))).await.unwrap(),
        Wrote::Refused
    );
    assert_eq!(late.lost().await, std::slice::from_ref(&partition));
    assert_eq!(
        young.save(&of_young, || Some(at(9))).await.unwrap(),
        Wrote::Written
    );
    assert_eq!(
        late.save(&of_late, || Some(at(11))).await.unwrap(),
        Wrote::Refused
    );
    let released = late.release(&partition, || Some(at(11))).await.unwrap();
    assert_eq!(released, Wrote::Refused);

    // What is handed over in order is where the next one goes on.
    assert_eq!(
        young.release(&partition, || Some(at(10))).await.unwrap(),
        Wrote::Written
    );
    assert_eq!(
        young.save(&of_young, || Some(at(12))).await.unwrap(),
        Wrote::Unchanged
    );
    let next = owner(&azurite, "next");
    assert_eq!(
        next.acquire(&partition, true).await.unwrap(),
        Found::Position(at(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_recognised() {
    let azurite = Azurite::start().await;
    container(&azurite).create().await.unwrap();
    let partition = PartitionId::new("Logs", "0");
    let positions = owner(&azurite, "me");
    assert_eq!(
        positions.acquire(&partition, false).await.unwrap(),
        Found::Nothing
    );
    let owned = owned(&positions);
    assert_eq!(
        positions.save(&owned, || Some(at(1))).await.unwrap(),
        Wrote::Written
    );
    // It is interrupted: the store may have done it or not.
    azurite.signal(Signal::STOP);
    positions.save(&owned, || Some(at(2))).await.unwrap_err();
    azurite.signal(Signal::CONT);
    assert_ne!(
        positions.save(&owned, || Some(at(3))).await.unwrap(),
        Wrote::Refused
    );
    let next = owner(&azurite, "next");
    assert_eq!(
        next.acquire(&partition, false).await.unwrap(),
        Found::Position(at(3))
    );
}

/// .NET may leave the sequence number out. The fence must not lose what there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_with_an_offset_alone_is_acquired_and_keeps_it() {
    let azurite = Azurite::start().await;
    let container = container(&azurite);
    container.create().await.unwrap();
    let blob = "contoso.servicebus.windows.net/logs/$default/checkpoint/0";
    let pairs = [("offset", "700"), ("sequencenumber", "")];
    let metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let metadata = Metadata::from(metadata);
    let written = container
        .write(blob, &metadata, b"", &Condition::None)
        .await;
    written.unwrap();
    let partition = PartitionId::new("Logs", "0");
    for name in ["me", "next"] {
        let positions = owner(&azurite, name);
        let found = positions.acquire(&partition, true).await.unwrap();
        assert_eq!(found, Found::Offset("700".to_owned()));
        assert_eq!(
            positions.save(&owned(&positions), || None).await.unwrap(),
            Wrote::Unchanged
        );
    }
}

/// The keeper writes after each scrape, and a hand-over writes once. Each asks for what is delivered when it is its turn.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_writes_at_a_time_none_takes_a_position_back() {
    const WRITES: i64 = 8;
    let azurite = Azurite::start().await;
    container(&azurite).create().await.unwrap();
    let (me, next) = (Arc::new(owner(&azurite, "me")), owner(&azurite, "next"));
    for number in 0..8 {
        let partition = PartitionId::new("Logs", number.to_string());
        me.acquire(&partition, true).await.unwrap();
        let (owned, delivered) = (owned(&me), Arc::new(AtomicI64::new(0)));
        let mut writing = JoinSet::new();
        for write in 0..=WRITES {
            let (me, owned) = (Arc::clone(&me), Arc::clone(&owned));
            let (partition, delivered) = (partition.clone(), Arc::clone(&delivered));
            writing.spawn(async move {
                let mut reached = 0;
                let now = || {
                    reached = delivered.fetch_add(1, Ordering::SeqCst);
                    Some(at(reached))
                };
                let wrote = if write == WRITES / 2 {
                    me.release(&partition, now).await
                } else {
                    me.save(&owned, now).await
                };
                (wrote.unwrap(), reached)
            });
        }
        let written = writing.join_all().await.into_iter();
        let written = written.filter(|(wrote, _)| *wrote == Wrote::Written);
        let last = written.map(|(_, reached)| reached).max().unwrap();
        let found = next.acquire(&partition, true).await.unwrap();
        assert_eq!(found, Found::Position(at(last)));
    }
}
