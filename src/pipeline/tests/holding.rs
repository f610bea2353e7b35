//! How long events wait for scrapes, by the events that a partition sends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use prometheus::Registry;
use proptest::prelude::*;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{HOLD_MAX, NOW, WINDOW, Writer, id};
use crate::event::{Batch, Event, Position};
use crate::metrics::{Exposition, Settings};
use crate::queue::{self, Lane, Queued};
use crate::telemetry::Telemetry;

const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

/// A partition that always has more to read, a writer, and a scraper.
struct Scene {
    exposition: Arc<Exposition>,
    writer: Writer,
    lane: Lane,
    queued: Receiver<Queued>,
    /// Those that were not read yet.
    events: Vec<Event>,
    published: usize,
    now: Instant,
    /// When the partition waited for a scrape.
    waits: Vec<(Instant, Instant)>,
    stop: CancellationToken,
}

impl Scene {
    fn new(bodies: impl IntoIterator<Item = String>) -> Self {
        let registry = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&registry, ""));
        let settings = Settings {
            resources: ["a".to_owned()].into(),
            ..Settings::default()
        };
        let exposition = Exposition::new(&settings, 1, registry, telemetry);
        let exposition = Arc::new(exposition);
        let (queue, queued) = queue::queue();
        let events = bodies
            .into_iter()
            .zip(0..)
            .map(|(body, sequence_number)| Event {
                position: Position {
                    sequence_number,
                    offset: None,
                },
                enqueued_at: Some(NOW),
                body: body.into_bytes(),
            });
        let events: Vec<_> = events.collect();
        let stop = CancellationToken::new();
        let mut scene = Self {
            writer: Writer::new(Arc::clone(&exposition), HOLD_MAX, None, false, stop.clone()),
            exposition,
            lane: queue.lane(),
            queued,
            published: events.len(),
            events,
            now: Instant::now(),
            waits: Vec::new(),
            stop,
        };
        scene.scrape();
        scene
    }

    /// Hands over batches of so many events, for as long as the lane takes them.
    fn read(&mut self, events: usize) {
        while !self.events.is_empty()
            && let Some(slot) = self.lane.slot().now_or_never()
        {
            let rest = self.events.split_off(events.min(self.events.len()));
            let events = std::mem::replace(&mut self.events, rest);
            slot.unwrap().send(Batch::new(id(0), events).unwrap());
            self.writer.take(self.queued.try_recv().unwrap(), self.now);
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(end) = self.writer.next_end().filter(|end| *end <= until) {
            self.pass_to(end);
            self.writer.go_on(end);
        }
        self.pass_to(until);
    }

    fn pass_to(&mut self, now: Instant) {
        let applied = self
            .applied()
            .map_or(0, |last| usize::try_from(last + 1).unwrap());
        if applied < self.published - self.events.len() {
            self.waits.push((self.now, now));
        }
        self.now = now;
    }

    /// How long the partition waited within the ten minutes up to now.
    fn waited(&self) -> Duration {
        let within = |at| WINDOW.min(self.now - at);
        let waits = self.waits.iter();
        waits
            .map(|(begin, end)| within(*begin).saturating_sub(within(*end)))
            .sum()
    }

    /// A scrape is delivered.
    fn scrape(&mut self) {
        let snapshot = self.exposition.scrape().snapshot;
        self.exposition.delivered(snapshot, "prometheus", self.now);
        self.writer.go_on(self.now);
    }

    /// The last event that was applied.
    fn applied(&self) -> Option<i64> {
        let positions = self.exposition.applied_positions();
        let reached = positions.get(&id(0));
        reached.map(|reached| reached.position.sequence_number)
    }

    fn shows(&self, series: &str) -> bool {
        let body = self.exposition.scrape().text();
        String::from_utf8(body).unwrap().contains(series)
    }
}

fn failure(operation: &str, status: &str) -> String {
    format!(
        r#"{{"records":[{{"category":"CallRecordingOperational","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A","operationName":"{operation}","resultType":"Failed","resultSignature":"{status}"}}]}}"#
    )
}

/// Failures of which none was before.
fn invented(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| failure(&format!("Fly{}", n / 99), &format!("4{:02}", n % 99)))
}

#[test]
fn thousands_of_failures_that_never_were_delay_a_real_one_by_two_minutes_at_most() {
    const INVENTED: usize = 9000;
    let real = failure("StartRecording", "503");
    let mut scene = Scene::new(invented(INVENTED).chain([real]));
    let last = i64::try_from(INVENTED).ok();
    let mut scrapes = 0;
    scene.read(80);
    while scene.applied() != last {
        assert!(scrapes <= 8, "{:?} of {last:?}", scene.applied());
        scene.pass(SCRAPE_INTERVAL);
        scene.scrape();
        scene.read(80);
        scrapes += 1;
    }
    println!("the real failure is counted after {scrapes} scrapes");
}

#[test]
fn events_are_applied_up_to_the_one_that_waits_and_all_that_wait_are_shown_together() {
    let bodies = [
        ("StartRecording", "503"),
        ("FlyToMars", "499"),
        ("StartRecording", "500"),
        ("FlyBack", "498"),
    ];
    let mut scene = Scene::new(bodies.map(|(operation, status)| failure(operation, status)));
    scene.read(10);
    assert_eq!(scene.applied(), Some(0));
    for operation in ["FlyToMars", "FlyBack"] {
        let series = format!(r#"failures_total{{operation="{operation}""#);
        assert!(scene.shows(&series), "{series}");
    }
    scene.scrape();
    assert_eq!(scene.applied(), Some(3));
}

/// A batch of large events takes longer than a stop may.
#[test]
fn no_event_is_applied_once_the_exporter_stops() {
    let mut scene = Scene::new([failure("StartRecording", "503")]);
    scene.stop.cancel();
    scene.read(1);
    assert_eq!(scene.applied(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_waits_for_two_minutes_in_ten_whatever_it_sends(
        steps in prop::collection::vec((any::<bool>(), 1..60_u64, any::<bool>()), 1..60),
    ) {
        let mut scene = Scene::new(invented(400));
        for (reads, seconds, is_scraped) in steps {
            if reads {
                scene.read(3);
            }
            scene.pass(Duration::from_secs(seconds));
            prop_assert!(scene.waited() <= HOLD_MAX, "waited for {:?}", scene.waited());
            if is_scraped {
                scene.scrape();
            }
        }
    }
}
