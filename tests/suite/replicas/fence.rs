//! Two owners of one partition: whoever took it last writes its checkpoint, and nobody else does.

use std::sync::Arc;

use acs_recording_exporter::inside::blobs::names::Names;
use acs_recording_exporter::inside::blobs::{Container, Settings};
use acs_recording_exporter::inside::checkpoint::blobs::{BlobPositions, Held, Taken, Wrote};
use acs_recording_exporter::inside::event::{PartitionId, Position, Reached};
use acs_recording_exporter::inside::telemetry::Telemetry;
use prometheus::Registry;

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

fn container(azurite: &Azurite) -> Arc<Container> {
    let settings = Settings::of_connection_string(&azurite.connection_string(), "leases").unwrap();
    let telemetry = Arc::new(Telemetry::new(&Registry::new()));
    Arc::new(Container::open(&settings, None, telemetry).unwrap())
}

/// The positions as the owner of this name sees and writes them.
fn owner(azurite: &Azurite, name: &str) -> BlobPositions {
    let names = Names::new("contoso.servicebus.windows.net", "Logs", "$Default");
    BlobPositions::new(container(azurite), names, name.to_owned())
}

fn held(positions: &BlobPositions) -> Arc<Held> {
    positions.held().pop().expect("it was taken")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_of_who_had_a_partition_before_is_refused() {
    let azurite = Azurite::start().await;
    container(&azurite).create().await.unwrap();
    let partition = PartitionId::new("Logs", "0");
    let (late, young) = (owner(&azurite, "late"), owner(&azurite, "young"));

    assert_eq!(late.take(&partition, true).await.unwrap(), Taken::Beginning);
    let of_late = held(&late);
    assert_eq!(late.save(&of_late, &at(5)).await.unwrap(), Wrote::Written);
    assert_eq!(late.save(&of_late, &at(5)).await.unwrap(), Wrote::Unchanged);

    // It sleeps, and its lease expires.
    assert_eq!(
        young.take(&partition, true).await.unwrap(),
        Taken::After(at(5))
    );
    let of_young = held(&young);
    // Before the young one has written anything, and after.
    assert_eq!(late.save(&of_late, &at(7)).await.unwrap(), Wrote::NotOurs);
    assert_eq!(late.lost().await, std::slice::from_ref(&partition));
    assert_eq!(young.save(&of_young, &at(9)).await.unwrap(), Wrote::Written);
    assert_eq!(late.save(&of_late, &at(11)).await.unwrap(), Wrote::NotOurs);
    let gave_up = late.give_up(&partition, Some(&at(11))).await.unwrap();
    assert_eq!(gave_up, Wrote::NotOurs);

    // What is handed over in order is where the next one goes on.
    assert_eq!(
        young.give_up(&partition, Some(&at(10))).await.unwrap(),
        Wrote::Written
    );
    assert_eq!(
        young.save(&of_young, &at(12)).await.unwrap(),
        Wrote::NotOurs
    );
    let next = owner(&azurite, "next");
    assert_eq!(
        next.take(&partition, true).await.unwrap(),
        Taken::After(at(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_found_to_be_our_own() {
    let azurite = Azurite::start().await;
    container(&azurite).create().await.unwrap();
    let partition = PartitionId::new("Logs", "0");
    let positions = owner(&azurite, "me");
    assert_eq!(
        positions.take(&partition, false).await.unwrap(),
        Taken::Unknown
    );
    let held = held(&positions);
    assert_eq!(positions.save(&held, &at(1)).await.unwrap(), Wrote::Written);
    // It is given up half way: the store may have done it or not.
    azurite.signal(Signal::STOP);
    positions.save(&held, &at(2)).await.unwrap_err();
    azurite.signal(Signal::CONT);
    assert_ne!(positions.save(&held, &at(3)).await.unwrap(), Wrote::NotOurs);
    let next = owner(&azurite, "next");
    assert_eq!(
        next.take(&partition, false).await.unwrap(),
        Taken::After(at(3))
    );
}
