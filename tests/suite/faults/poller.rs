//! Scrapes an exporter all the while: it always answers, and what it answers says whether events still come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::world::Samples;

/// Far more often than Prometheus.
const SCRAPE_INTERVAL: Duration = Duration::from_millis(100);

/// As long as Prometheus waits.
const SCRAPE_TIME_OUT: Duration = Duration::from_secs(10);

/// How many events of each partition are to be counted by now.
pub(crate) type Expected = Arc<Mutex<BTreeMap<u32, u64>>>;

/// A running poller.
pub(crate) struct Poller {
    stop: CancellationToken,
    polling: JoinSet<Polls>,
}

/// What it saw.
#[derive(Default)]
pub(crate) struct Polls {
    pub(crate) answers: u32,
    pub(crate) slowest: Duration,
    /// The longest time in which a partition had events to be counted and none was.
    pub(crate) longest_stall: Duration,
    /// Answers that were no 200, and scrapes without an answer.
    pub(crate) failures: Vec<String>,
}

impl Poller {
    pub(crate) fn start(address: &str, expected: Expected) -> Self {
        let stop = CancellationToken::new();
        let mut polling = JoinSet::new();
        let url = format!("http://{address}/metrics");
        polling.spawn(poll(url, expected, stop.clone()));
        Self { stop, polling }
    }

    /// Ends it; panics if a scrape failed.
    pub(crate) async fn stop(mut self) -> Polls {
        self.stop.cancel();
        let polls = self.polling.join_next().await.unwrap().unwrap();
        assert!(polls.failures.is_empty(), "{:?}", polls.failures);
        assert!(polls.answers > 0);
        polls
    }
}

async fn poll(url: String, expected: Expected, stop: CancellationToken) -> Polls {
    let client = reqwest::Client::builder()
        .timeout(SCRAPE_TIME_OUT)
        .build()
        .unwrap();
    let mut polls = Polls::default();
    let mut stalls = Stalls::default();
    let mut ticks = interval(SCRAPE_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let asked = Instant::now();
        match scrape(&client, &url).await {
            Ok(samples) => {
                polls.answers += 1;
                polls.slowest = polls.slowest.max(asked.elapsed());
                let longest = stalls.longest(&samples, &expected.lock().unwrap());
                polls.longest_stall = polls.longest_stall.max(longest);
            }
            Err(failure) => polls.failures.push(failure),
        }
    }
    polls
}

/// The events of each partition at the last scrape, and since when there were as many while there should be more.
#[derive(Default)]
struct Stalls(BTreeMap<u32, (f64, Instant)>);

impl Stalls {
    fn longest(&mut self, samples: &Samples, expected: &BTreeMap<u32, u64>) -> Duration {
        let counted = samples.by(EVENTS, "partition");
        let mut longest = Duration::ZERO;
        for (partition, expected) in expected {
            let events = counted.get(&partition.to_string()).copied().unwrap_or(0.0);
            let now = Instant::now();
            let (before, since) = self.0.entry(*partition).or_insert((events, now));
            longest = longest.max(since.elapsed());
            if *before != events || is(Some(&events), expected) {
                (*before, *since) = (events, now);
            }
        }
        longest
    }
}

/// Whether a sample is this whole number.
pub(crate) fn is(sample: Option<&f64>, number: &impl ToString) -> bool {
    sample.is_some_and(|sample| sample.to_string() == number.to_string())
}

async fn scrape(client: &reqwest::Client, url: &str) -> Result<Samples, String> {
    let answer = async {
        let response = client.get(url).send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
    };
    match answer.await {
        Ok((200, text)) => Ok(Samples(text)),
        Ok((status, text)) => Err(format!("{status}: {text}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The events that were counted, by event hub and partition.
pub(crate) const EVENTS: &str = "acs_recording_exporter_events_total";
