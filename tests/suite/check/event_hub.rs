//! What the event hub, its policies and its consumer groups may lack.

use super::{CONNECTION_STRING, CONSUMER_GROUP, OF_EVENT_HUBS, check, hub};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_a_lack_of_rights() {
    let hub = hub().await;
    let string = hub.connection_string().replace("a2V5", "d3Jvbmc=");
    let checked = check(&[(CONNECTION_STRING, &string)]).await;
    let mut others = OF_EVENT_HUBS[1..].to_vec();
    others.push("clock");
    checked.is(&[("rights", "its key must be the current one")], &others);
    assert!(!format!("{:?}", checked.document).contains("d3Jvbmc="));
}

/// A policy without the claim may still ask what the event hub has.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_may_only_send_is_a_lack_of_rights() {
    let hub = hub().await;
    let string = hub.connection_string().replace("listener", "sender");
    let checked = check(&[(CONNECTION_STRING, &string)]).await;
    checked.is(
        &[("rights", "it needs the claim `Listen`")],
        &["consumer_group", "owner", "clock"],
    );
    assert_eq!(checked.text("partitions"), "2: 0, 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_consumer_group_is_named() {
    let hub = hub().await;
    let checked = check(&[
        (CONNECTION_STRING, hub.connection_string()),
        (CONSUMER_GROUP, "missing"),
    ])
    .await;
    checked.is(
        &[("consumer_group", "no consumer group `missing`")],
        &["owner", "clock"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_event_hub_is_named() {
    let hub = hub().await;
    let string = hub.connection_string().replace("=logs", "=missing");
    let checked = check(&[(CONNECTION_STRING, &string)]).await;
    let others: Vec<_> = OF_EVENT_HUBS
        .into_iter()
        .filter(|step| *step != "event_hub")
        .chain(["clock"])
        .collect();
    checked.is(&[("event_hub", "has no event hub `missing`")], &others);
}
