//! Links that end, and links that stay open and give nothing.

use std::time::Duration;

use event_hub_emulator::Handle;

use super::scene::EVENT_HUB;
use super::{Fault, check};

/// How a link ends that the hub closes, whatever it says.
const ENDED: &[&str] = &["closed", "unreachable", "stolen"];

/// Longer than every time-out of the exporter here: a shorter silence passes unnoticed.
const SILENCE: Duration = Duration::from_secs(15);

/// How a link shows that gives no answer.
const SILENT: &[&str] = &["timeout", "stalled", "unreachable", "closed"];

#[tokio::test]
async fn a_hub_that_restarts() {
    check(Fault {
        name: "hub away for 5 s",
        begin: |hub| hub.away(true),
        undone: Some((Duration::from_secs(5), |hub| hub.away(false))),
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_cut() {
    check(Fault {
        name: "connections cut",
        begin: |hub| assert!(hub.sever_connections() > 0),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_closed() {
    check(Fault {
        name: "connections closed, amqp:connection:forced",
        begin: |hub| assert_ne!(hub.close_connections("amqp:connection:forced").unwrap(), 0),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_detached_without_a_word() {
    check(Fault {
        name: "links detached without a condition",
        begin: |hub| detach(hub, None),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_detached_by_force() {
    check(Fault {
        name: "links detached, amqp:link:detach-forced",
        begin: |hub| detach(hub, Some("amqp:link:detach-forced")),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_detached_for_an_internal_error() {
    check(Fault {
        name: "links detached, amqp:internal-error",
        begin: |hub| detach(hub, Some("amqp:internal-error")),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_detached_for_a_time_out() {
    check(Fault {
        name: "links detached, com.microsoft:timeout",
        begin: |hub| detach(hub, Some("com.microsoft:timeout")),
        undone: None,
        causes: &["timeout"],
    })
    .await;
}

#[tokio::test]
async fn a_link_whose_entity_is_disabled() {
    check(Fault {
        name: "links detached, com.microsoft:entity-disabled",
        begin: |hub| detach(hub, Some("com.microsoft:entity-disabled")),
        undone: None,
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_half_open() {
    check(Fault {
        name: "connections muted",
        begin: |hub| assert!(hub.mute_connections() > 0),
        undone: None,
        causes: SILENT,
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_accepts_and_never_answers() {
    check(Fault {
        name: "connections cut, and new ones never answered for 10 s",
        begin: |hub| {
            hub.never_answer(true);
            assert!(hub.sever_connections() > 0);
        },
        // Whoever waits for an answer then waits in vain, until it gives up by itself.
        undone: Some((Duration::from_secs(10), |hub| hub.never_answer(false))),
        causes: ENDED,
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_is_silent() {
    check(Fault {
        name: "silence of 15 s",
        begin: |hub| hub.silence(true),
        undone: Some((SILENCE, |hub| hub.silence(false))),
        causes: SILENT,
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_gives_nothing() {
    check(Fault {
        name: "a partition frozen for 15 s",
        begin: |hub| hub.freeze(EVENT_HUB, 0, true).unwrap(),
        undone: Some((SILENCE, |hub| {
            hub.freeze(EVENT_HUB, 0, false).unwrap();
        })),
        causes: &["stalled"],
    })
    .await;
}

fn detach(hub: &Handle, condition: Option<&str>) {
    for partition in 0..2 {
        let detached = hub.detach_readers(EVENT_HUB, partition, condition);
        assert_eq!(detached.unwrap(), 1);
    }
}
