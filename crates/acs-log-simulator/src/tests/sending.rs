//! Where envelopes go, and what happens without a hub. Sending itself is tested by the README's example.

use std::time::Duration;

use azure_messaging_eventhubs::ProducerClient;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{
    Category, Settings, SimulateError, Target, run,
    sender::{hub_of, send},
};

#[test]
fn each_category_goes_to_its_own_hub_or_the_general_one() {
    let check = |names: &[&str], expected: [usize; 3]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = Category::ALL.map(|category| hub_of(category, &names));
        assert_eq!(found, expected, "{names:?}");
    };
    let (operational, summary, usage) = (
        "insights-logs-callrecordingoperational",
        "insights-logs-callrecordingsummary",
        "insights-logs-usage",
    );
    check(&["acs"], [0, 0, 0]);
    check(&[summary], [0, 0, 0]);
    check(&[operational, summary, usage], [0, 1, 2]);
    check(&[usage, "acs", summary], [1, 2, 0]);
    check(&[summary, usage], [0, 0, 1]);
    check(&["acs", "other"], [0, 0, 0]);
}

fn absent_hub() -> Target {
    Target::new("acs", || async {
        Err::<ProducerClient, _>("connection refused")
    })
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_is_absent_at_the_start_is_an_error_after_half_a_minute() {
    let before = Instant::now();
    let ran = send(
        Settings::default(),
        vec![absent_hub()],
        CancellationToken::new(),
    )
    .await;
    let error = ran.expect_err("there is no hub");
    assert_eq!(error.to_string(), "cannot open event hub `acs`");
    assert!(
        matches!(error, SimulateError::Open { source, .. } if source.to_string() == "connection refused")
    );
    let waited = before.elapsed();
    assert!((30..60).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_hub_is_awaited_ends_the_run() {
    let stop = CancellationToken::new();
    stop.cancel();
    let settings = Settings {
        duration: Some(Duration::from_secs(5)),
        ..Settings::default()
    };
    let report = send(settings, vec![absent_hub()], stop).await;
    assert_eq!(report.expect("it was asked to stop").events, 0);
}

#[test]
fn a_run_can_be_a_task_of_its_own() {
    fn check<Task: Send + 'static>(_task: Task) {}
    check(run(
        Settings::default(),
        vec![absent_hub()],
        CancellationToken::new(),
    ));
}

#[tokio::test]
async fn without_a_hub_there_is_nothing_to_run() {
    let ran = run(Settings::default(), Vec::new(), CancellationToken::new()).await;
    assert!(matches!(ran, Err(SimulateError::NoTarget)));
}
