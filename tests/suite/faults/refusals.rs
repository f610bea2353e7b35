//! A hub that answers, and refuses.

use std::time::Duration;

use super::{Fault, check};

#[tokio::test]
async fn a_hub_that_refuses_tokens() {
    check(Fault {
        name: "401 for 6 s",
        begin: |hub| {
            hub.refuse_tokens(Some(401));
            assert!(hub.sever_connections() > 0);
        },
        undone: Some((Duration::from_secs(6), |hub| hub.refuse_tokens(None))),
        causes: &["unauthorized"],
    })
    .await;
}

#[tokio::test]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
async fn a_hub_that_refuses_tokens_for_a_minute() {
    check(Fault {
        name: "401 for a minute",
        begin: |hub| {
            hub.refuse_tokens(Some(401));
            assert!(hub.sever_connections() > 0);
        },
        undone: Some((Duration::from_mins(1), |hub| hub.refuse_tokens(None))),
        causes: &["unauthorized"],
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_is_busy() {
    check(Fault {
        name: "two readers refused as busy",
        begin: |hub| {
            hub.be_busy_to_readers(2);
            assert!(hub.sever_connections() > 0);
        },
        undone: None,
        causes: &["busy"],
    })
    .await;
}

#[tokio::test]
async fn a_hub_whose_tokens_expire_within_seconds() {
    check(Fault {
        name: "tokens that expire after 3 s, for 15 s",
        begin: |hub| {
            hub.shorten_tokens(Some(Duration::from_secs(3)));
            assert!(hub.sever_connections() > 0);
        },
        // Five times as long as a token lives.
        undone: Some((Duration::from_secs(15), |hub| hub.shorten_tokens(None))),
        causes: &["unauthorized"],
    })
    .await;
}

#[tokio::test]
async fn a_client_whose_token_for_questions_has_aged() {
    check(Fault {
        name: "questions answered with 401, links alive",
        begin: |hub| assert!(hub.refuse_questions() > 0),
        undone: Some((Duration::from_secs(4), |_| {})),
        causes: &["token"],
    })
    .await;
}
