//! A hub, an exporter that reads it, and the account of what was published and what was counted.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub, Handle};
use tokio::time::{Instant, sleep};

use super::poller::{EVENTS, Expected, Poller, Polls, is};
use crate::world::{Exporter, Samples, eventually};

/// The event hub of all these tests.
pub(crate) const EVENT_HUB: &str = "logs";

/// A record that is counted twice over, so that neither of two metrics can be right by mistake.
pub(crate) const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":2}}]}"#;

pub(crate) const RESTARTS: &str = "acs_recording_exporter_receiver_restarts_total";
const LAST_SEQUENCE_NUMBER: &str = "acs_recording_exporter_partition_last_sequence_number";
const QUANTITY: &str = "acs_usage_quantity_total";

/// How often an event is published to each partition while time passes.
const PACE: Duration = Duration::from_millis(20);

/// What makes an exporter look at its links every second, so that no test waits for what it would do in a minute.
pub(crate) const WATCHFUL: (&str, &str) = ("ACS_RECORDING_EXPORTER__WATCHDOG__INTERVAL", "1s");

/// What an exporter needs to read all events of a hub.
pub(crate) fn variables(connection_string: &str) -> Vec<(&str, &str)> {
    vec![
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            connection_string,
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
        WATCHFUL,
    ]
}

/// A hub in this process and an exporter in its own.
pub(crate) struct Scene {
    pub(crate) hub: Emulator,
    pub(crate) watched: Watched,
}

impl Scene {
    pub(crate) async fn start(partitions: u32, more_variables: &[(&str, &str)]) -> Self {
        let hub = Emulator::start([EventHub::new(EVENT_HUB, partitions)])
            .await
            .unwrap();
        let watched = Watched::start(hub.connection_string(), more_variables).await;
        Self { hub, watched }
    }

    pub(crate) fn faults(&self) -> &Handle {
        &self.hub
    }

    /// Publishes so many events to each partition that there is.
    pub(crate) fn publish(&mut self, events: u64) {
        for (partition, _) in self.last_sequence_numbers() {
            self.publish_to(partition, events);
        }
    }

    pub(crate) fn publish_to(&mut self, partition: u32, events: u64) {
        for _ in 0..events {
            self.faults().publish(EVENT_HUB, partition, EVENT).unwrap();
        }
        self.watched.expect(partition, events);
    }

    /// Publishes steadily to every partition.
    pub(crate) async fn publish_for(&mut self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.publish(1);
            sleep(PACE).await;
        }
    }

    /// Waits until all events are counted and every partition is read: the exporter may be about to open a link anew of
    /// its own accord, and what befalls links then would miss it.
    pub(crate) async fn calm(&self) {
        self.watched.observed().await;
        eventually("a reader of each partition", || async {
            let partitions = self.faults().partitions(EVENT_HUB).unwrap();
            if partitions.iter().all(|state| state.readers == 1) {
                Ok(())
            } else {
                Err(format!("{partitions:?}"))
            }
        })
        .await;
    }

    /// Publishes a last event to each partition, waits until it is counted, and with it whatever would be counted twice,
    /// and checks that every count is exact.
    pub(crate) async fn settled(&mut self) -> Samples {
        self.publish(1);
        self.watched.exact(&self.last_sequence_numbers()).await
    }

    fn last_sequence_numbers(&self) -> Vec<(u32, i64)> {
        let partitions = self.faults().partitions(EVENT_HUB).unwrap();
        partitions
            .iter()
            .map(|state| (state.partition, state.last_sequence_number.unwrap_or(-1)))
            .collect()
    }
}

/// An exporter, what polls it, and what it is to count.
pub(crate) struct Watched {
    pub(crate) exporter: Exporter,
    poller: Poller,
    expected: Expected,
}

impl Watched {
    pub(crate) async fn start(connection_string: &str, more_variables: &[(&str, &str)]) -> Self {
        // A host name, so that it has to be looked up as in earnest.
        let connection_string = connection_string.replace("127.0.0.1", "localhost");
        let mut variables = variables(&connection_string);
        variables.extend(more_variables);
        let exporter = Exporter::start(&variables).await;
        exporter.ready().await;
        let expected = Expected::default();
        let poller = Poller::start(&exporter.address, Arc::clone(&expected));
        Self {
            exporter,
            poller,
            expected,
        }
    }

    /// So many events were published to a partition.
    pub(crate) fn expect(&self, partition: u32, events: u64) {
        *self.expected().entry(partition).or_default() += events;
    }

    /// So many of them will never be seen.
    pub(crate) fn lose(&self, partition: u32, events: u64) {
        *self.expected().get_mut(&partition).unwrap() -= events;
    }

    /// The events of all partitions.
    pub(crate) fn events(&self) -> u64 {
        self.expected().values().sum()
    }

    fn expected(&self) -> MutexGuard<'_, BTreeMap<u32, u64>> {
        self.expected.lock().unwrap()
    }

    pub(crate) async fn scrape(&self) -> Samples {
        eventually("a scrape", || self.exporter.scrape()).await
    }

    /// Waits until as many events are counted as are to be, of each partition.
    pub(crate) async fn observed(&self) {
        eventually("all events", || async {
            let scrape = self.exporter.scrape().await?;
            if self.matches(&scrape) {
                Ok(())
            } else {
                Err(self.differs(&scrape))
            }
        })
        .await;
    }

    /// Waits until these events are counted, the last of their partitions, and checks that every count is exact.
    pub(crate) async fn exact(&self, last: &[(u32, i64)]) -> Samples {
        eventually("the last event of each partition", || async {
            let scrape = self.exporter.scrape().await?;
            let seen = scrape.by(LAST_SEQUENCE_NUMBER, "partition");
            let is_seen = |(partition, sequence_number): &(u32, i64)| {
                is(seen.get(&partition.to_string()), sequence_number)
            };
            if last.iter().all(is_seen) {
                Ok(())
            } else {
                Err(format!("{seen:?} of {last:?}; {}", self.differs(&scrape)))
            }
        })
        .await;
        let scrape = self.scrape().await;
        assert!(self.matches(&scrape), "{}", self.differs(&scrape));
        let quantity = scrape.sum(QUANTITY, &[]);
        assert!(
            is(Some(&quantity), &(2 * self.events())),
            "{quantity} of {} events",
            self.events()
        );
        scrape
    }

    /// Ends the polling, and says how it went.
    pub(crate) async fn end(self) -> Polls {
        self.exporter.ready().await;
        self.poller.stop().await
    }

    fn matches(&self, scrape: &Samples) -> bool {
        let counted = scrape.by(EVENTS, "partition");
        self.expected()
            .iter()
            .all(|(partition, expected)| is(counted.get(&partition.to_string()), expected))
    }

    fn differs(&self, scrape: &Samples) -> String {
        let mut text = String::new();
        let counted = scrape.by(EVENTS, "partition");
        for (partition, expected) in self.expected().iter() {
            let counted = counted.get(&partition.to_string()).unwrap_or(&0.0);
            write!(text, "partition {partition}: {counted} of {expected}; ").unwrap();
        }
        write!(text, "restarts: {}; ", restarts(scrape)).unwrap();
        let written = self.exporter.process.written();
        let tail = written.lines().rev().take(8).collect::<Vec<_>>();
        write!(text, "wrote last:\n{}", tail.join("\n")).unwrap();
        text
    }
}

/// The restarts of all receivers, by what caused them.
pub(crate) fn restarts(scrape: &Samples) -> String {
    let by_cause = scrape.by(RESTARTS, "cause");
    let total: f64 = by_cause.values().sum();
    let causes: Vec<_> = by_cause
        .into_iter()
        .filter(|(_, times)| *times > 0.0)
        .map(|(cause, times)| format!("{cause} {times}"))
        .collect();
    format!("{total} ({})", causes.join(", "))
}

/// Ends the watch of an exporter and prints its line.
pub(crate) async fn report(
    name: &str,
    recovered: Duration,
    watched: Watched,
    restarts: &str,
) -> Polls {
    let events = watched.events();
    let polls = watched.end().await;
    println!(
        "{name}: all events seen after {:.1} s; {events} events exact; restarts {restarts}; slowest of {} scrapes {} ms",
        recovered.as_secs_f64(),
        polls.answers,
        polls.slowest.as_millis(),
    );
    polls
}
