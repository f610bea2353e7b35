//! What does not exist, and keys that do not fit or do not suffice.

use std::error::Error;
use std::iter::successors;

use azure_messaging_eventhubs::{ConsumerClient, ProducerClient};
use event_hub_emulator::{Emulator, EventHub, Policy, Rights, Settings};

use crate::support::{Clients, SdkError, error_of, from_earliest, no_retries, open, within};

fn policy(name: &str, key: &str, listen: bool, send: bool) -> Policy {
    Policy {
        name: name.to_owned(),
        key: key.to_owned(),
        rights: Rights { listen, send },
    }
}

/// A hub that knows who may listen, and who may send.
async fn strict() -> Emulator {
    let settings = Settings {
        policies: vec![
            policy("listener", "first", true, false),
            policy("sender", "second", false, true),
        ],
        ..Settings::local([EventHub::new("calls", 1)])
    };
    Emulator::start_with(settings).await.expect("started")
}

fn with_key(name: &str, key: &str) -> String {
    format!(
        "Endpoint=sb://127.0.0.1/;SharedAccessKeyName={name};SharedAccessKey={key};EntityPath=calls"
    )
}

async fn consumer(hub: &Emulator, name: &str, key: &str) -> ConsumerClient {
    let connection_string = with_key(name, key);
    let opening = ConsumerClient::builder()
        .with_custom_endpoint(hub.endpoint())
        .with_retry_options(no_retries())
        .open_with_connection_string(&connection_string, None);
    within(opening).await.expect("nothing is asked yet")
}

/// An error with all its causes: the SDK's own text is short.
fn chain(error: &SdkError) -> String {
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| {
        format!("{text}: {cause:?}")
    })
}

/// Why a consumer cannot read: the SDK shows it where the first event is awaited.
async fn refused(consumer: &ConsumerClient) -> SdkError {
    match open(consumer, "0", from_earliest()).await {
        Ok(receiver) => error_of(&receiver).await,
        Err(error) => error,
    }
}

/// How a request for the properties ends.
async fn ask(hub: &Emulator, name: &str, key: &str) -> Result<(), SdkError> {
    let consumer = consumer(hub, name, key).await;
    within(consumer.get_eventhub_properties()).await.map(|_| ())
}

async fn check_refused(hub: &Emulator, name: &str, key: &str) {
    let refused = chain(&ask(hub, name, key).await.expect_err("refused"));
    assert!(
        refused.contains("401") && refused.contains("InvalidSignature"),
        "{name} {key}: {refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_an_event_hub_that_does_not_exist_is_answered_with_404_until_it_exists() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let early = hub.consumer("late").await.expect("nothing is asked yet");
    let refused = within(early.get_eventhub_properties()).await;
    let refused = chain(&refused.expect_err("refused"));
    assert!(
        refused.contains("404") && refused.contains("could not be found"),
        "{refused}"
    );
    hub.create_event_hub(&EventHub::new("late", 3)).unwrap();
    assert!(hub.create_event_hub(&EventHub::new("LATE", 3)).is_err());
    let late = hub.consumer("late").await.expect("a consumer");
    let properties = within(late.get_eventhub_properties())
        .await
        .expect("it exists");
    assert_eq!(properties.partition_ids, ["0", "1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_group_is_refused_until_it_exists() {
    let event_hub = EventHub::new("calls", 1).with_consumer_groups(["other"]);
    let hub = Emulator::start([event_hub]).await.expect("started");
    let consumer = hub.consumer_in("calls", "late").await.expect("a consumer");
    assert!(chain(&refused(&consumer).await).contains("could not be found"));
    hub.create_consumer_group("calls", "late").unwrap();
    let consumer = hub.consumer_in("calls", "late").await.expect("a consumer");
    open(&consumer, "0", from_earliest())
        .await
        .expect("it exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_an_unknown_policy_and_a_rotated_key_are_refused() {
    let hub = strict().await;
    ask(&hub, "listener", "first").await.expect("it fits");
    check_refused(&hub, "listener", "wrong").await;
    check_refused(&hub, "nobody", "first").await;
    hub.set_policies([policy("listener", "rotated", true, false)]);
    check_refused(&hub, "listener", "first").await;
    ask(&hub, "listener", "rotated").await.expect("it fits");
    hub.set_policies([]);
    ask(&hub, "anybody", "anything").await.expect("any fits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_allows_what_its_claims_are() {
    let hub = strict().await;
    assert!(
        hub.connection_string()
            .contains("SharedAccessKeyName=listener;SharedAccessKey=first")
    );
    let lacks = |refused: &SdkError, claim: &str| {
        let refused = chain(refused);
        assert!(
            refused.contains(&format!("'{claim}' claim(s)")),
            "{refused}"
        );
    };
    let sender = consumer(&hub, "sender", "second").await;
    within(sender.get_eventhub_properties())
        .await
        .expect("any claim allows to ask");
    lacks(&refused(&sender).await, "Listen");
    let listener = consumer(&hub, "listener", "first").await;
    open(&listener, "0", from_earliest())
        .await
        .expect("it may listen");

    let connection_string = with_key("listener", "first");
    let producer = ProducerClient::builder()
        .with_custom_endpoint(hub.endpoint())
        .with_retry_options(no_retries())
        .open_with_connection_string(&connection_string, None);
    let producer = within(producer).await.expect("nothing is asked yet");
    let refused = within(producer.send_event("lost", None)).await;
    lacks(&refused.expect_err("refused"), "Send");
}
