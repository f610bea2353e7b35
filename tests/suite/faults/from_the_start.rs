//! A hub that refuses from the start, or is silent: what the exporter shows meanwhile, and that it recovers by itself.

use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub, Policy, Rights, Settings};
use tokio::time::{Instant, sleep};

use super::scene::WATCHFUL;
use crate::world::{Exporter, eventually, get};

const UP: &str = "acs_recording_exporter_up";
const DISCOVERY_FAILURES: &str = "acs_recording_exporter_discovery_failures_total";

/// What a hub lacks at first.
struct Refusal {
    hub: Settings,
    /// What `/-/ready` says beside the names of event hub and consumer group.
    advice: &'static str,
    /// The cause of the failures of discovery; none if the partitions can be listed.
    cause: Option<&'static str>,
    mend: fn(&Emulator),
}

/// Starts an exporter that listens to `logs` in the group `exporter` with the key `secret` of the policy `reader`.
async fn check(refusal: Refusal) {
    let hub = Emulator::start_with(refusal.hub).await.unwrap();
    let connection_string = format!(
        "Endpoint=sb://{}/;SharedAccessKeyName=reader;SharedAccessKey=secret;EntityPath=logs;UseDevelopmentEmulator=true",
        hub.address()
    );
    let exporter = Exporter::reading(&connection_string, &[WATCHFUL]).await;
    let born = exporter.scrape().await.unwrap().by(UP, "event_hub");
    // Where the hub lists its partitions, it is up until it refuses them.
    let first = if refusal.cause.is_some() {
        [0.0, 0.0]
    } else {
        [0.0, 1.0]
    };
    assert!(
        first.contains(&born["logs"]),
        "there from the start: {born:?}"
    );

    eventually("the cause, and what to do", || async {
        let (status, text) = get(&exporter.address, "/-/ready").await?;
        let named = [
            "event hub `logs`",
            "consumer group `exporter`",
            refusal.advice,
        ];
        if status == 503 && named.iter().all(|name| text.contains(name)) {
            Ok(())
        } else {
            Err(format!("{status} {text}"))
        }
    })
    .await;
    exporter.process.says(refusal.advice).await;
    // Discovery asks every second, and is answered where only the partitions are refused.
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        assert_eq!(exporter.scrape().await.unwrap().sum(UP, &[]), 0.0);
        sleep(Duration::from_millis(100)).await;
    }
    let scrape = exporter.scrape().await.unwrap();
    for (cause, failures) in scrape.by(DISCOVERY_FAILURES, "cause") {
        let is_expected = Some(cause.as_str()) == refusal.cause;
        assert_eq!(failures > 0.0, is_expected, "{cause}: {failures}");
    }

    (refusal.mend)(&hub);
    exporter.ready().await;
    exporter.has(UP, &[], 1.0).await;
}

fn reader(key: &str, listen: bool) -> Policy {
    Policy {
        name: "reader".to_owned(),
        key: key.to_owned(),
        rights: Rights { listen, send: true },
    }
}

/// A hub that is right but for these policies.
fn with_policies(policies: impl IntoIterator<Item = Policy>) -> Settings {
    Settings {
        policies: policies.into_iter().collect(),
        ..Settings::local([EventHub::new("logs", 2)])
    }
}

#[tokio::test]
async fn an_event_hub_that_does_not_exist_yet() {
    check(Refusal {
        hub: Settings::local([EventHub::new("other", 1)]),
        advice: "correct `event_hub.names` or `event_hub.consumer_group`",
        cause: Some("not_found"),
        mend: |hub| hub.create_event_hub(&EventHub::new("logs", 2)).unwrap(),
    })
    .await;
}

#[tokio::test]
async fn a_consumer_group_that_does_not_exist_yet() {
    let none: [&str; 0] = [];
    check(Refusal {
        hub: Settings::local([EventHub::new("logs", 2).with_consumer_groups(none)]),
        advice: "correct `event_hub.names` or `event_hub.consumer_group`",
        cause: None,
        mend: |hub| hub.create_consumer_group("logs", "exporter").unwrap(),
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_rotated() {
    check(Refusal {
        hub: with_policies([reader("rotated", true)]),
        advice: "its key must be the current one",
        cause: Some("unauthorized"),
        mend: |hub| hub.set_policies([reader("secret", true)]),
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_does_not_exist_yet() {
    let other = Policy {
        name: "other".to_owned(),
        ..reader("secret", true)
    };
    check(Refusal {
        hub: with_policies([other]),
        advice: "must exist on the event hub or on its namespace",
        cause: Some("unauthorized"),
        mend: |hub| hub.set_policies([reader("secret", true)]),
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_may_not_listen() {
    check(Refusal {
        hub: with_policies([reader("secret", false)]),
        advice: "it needs the claim `Listen`",
        cause: None,
        mend: |hub| hub.set_policies([reader("secret", true)]),
    })
    .await;
}

#[tokio::test]
#[ignore = "takes half a minute, the exporter's patience: tests/full runs it"]
async fn a_hub_that_is_silent() {
    let hub = Emulator::start([EventHub::new("logs", 2)]).await.unwrap();
    hub.never_answer(true);
    let exporter = Exporter::reading(hub.connection_string(), &[]).await;
    let timeouts = [r#"cause="timeout""#];
    exporter.has(DISCOVERY_FAILURES, &timeouts, 1.0).await;
    let scrape = exporter.scrape().await.unwrap();
    assert_eq!(scrape.by(UP, "event_hub").get("logs"), Some(&0.0));
    let (status, text) = get(&exporter.address, "/-/ready").await.unwrap();
    assert!(
        status == 503 && text.contains("check the network between the exporter and"),
        "{status} {text}"
    );
    hub.never_answer(false);
    exporter.ready().await;
    exporter.has(UP, &[], 1.0).await;
}
