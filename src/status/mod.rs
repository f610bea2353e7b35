//! What a person on call wants to see in five seconds: the page at `/`, and the same as JSON at `/api/v1/status`.
//!
//! The numbers are those of `/metrics`, gathered from the same registries, so the two cannot disagree; what is verified, and
//! what is missing, is what `/-/ready` answers. Only the last hour is remembered here, and bounded. Nothing here is personal:
//! labels of metrics, lines of the log, and keys of the configuration without secrets. docs/status.md has every field.

mod charts;
mod gathered;
mod history;
mod page;
mod read;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::liveness::{Liveness, PartitionState};
use crate::metrics::Exposition;
use crate::setting::Configured;
use crate::telemetry::{Line, Recent};
use gathered::{Gathered, whole};
pub(crate) use history::SAMPLE_EVERY;
use history::{Failures, History, Interval};
pub(crate) use page::page;

/// A lag of less than this is a burst, or an answer of the event hub that is a few seconds old.
const BEHIND_AFTER_SECONDS: f64 = 60.0;

/// Where the status is read from.
#[derive(Debug)]
pub(crate) struct Board {
    exposition: Arc<Exposition>,
    liveness: Arc<Liveness>,
    facts: Facts,
    history: Mutex<History>,
}

/// What the status shows beside what is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub recent: Recent,
    pub configuration: Arc<Mutex<Configuration>>,
    pub runbooks_url: Option<String>,
}

/// The configuration as it runs: a reload changes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    pub configured: Vec<Configured>,
    /// The keys whose new values wait for a restart.
    pub waiting: Vec<&'static str>,
}

/// The exporter at one moment: the body of `/api/v1/status`. Fields may be added, and none is removed or changed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub version: String,
    /// Of the source, if the build knows it.
    pub revision: Option<String>,
    /// Of that revision.
    pub build_date: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    pub state: State,
    pub ready: bool,
    pub healthy: bool,
    /// Why it is not ready or not healthy, and what to do.
    pub problems: Vec<String>,
    /// What is wrong with the scrapers.
    pub warnings: Vec<String>,
    pub event_hubs: Vec<EventHub>,
    pub partitions: Vec<Partition>,
    pub events: u64,
    pub events_last_hour: u64,
    pub records: Records,
    pub scrapers: u64,
    pub scrapers_expected: u64,
    /// When the last hour began; later than an hour ago while the process is younger.
    #[serde(with = "time::serde::rfc3339")]
    pub hour_began_at: OffsetDateTime,
    pub failures: Vec<Failures>,
    pub history: Vec<Interval>,
    pub log: Vec<Line>,
    pub configuration: Vec<Configured>,
    /// The keys that were changed, and keep their values until a restart.
    pub restart_needed_for: Vec<&'static str>,
    pub runbooks_url: Option<String>,
}

/// The exporter in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// A restart would help.
    Unhealthy,
    /// Something is not read.
    NotReady,
    /// Everything is read, and a partition is more than a minute behind.
    Behind,
    /// Nothing is to be read yet, or other replicas read everything.
    StandingBy,
    /// Everything is read.
    Reading,
}

/// An event hub, by the families `up` and `replicas`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventHub {
    pub name: String,
    pub up: bool,
    /// None where replicas do not share partitions.
    pub replicas: Option<u64>,
}

/// A partition. What is not known is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Partition {
    pub event_hub: String,
    pub partition: String,
    pub state: PartitionState,
    /// What ended its last link, and what to do.
    pub problem: Option<String>,
    /// Whether this process reads it.
    pub owned: bool,
    pub lag_events: Option<u64>,
    pub lag_seconds: Option<f64>,
    pub held_events: Option<u64>,
    pub unacknowledged_events: Option<u64>,
    pub last_sequence_number: Option<u64>,
    pub checkpoint_sequence_number: Option<u64>,
    /// When the event hub enqueued the last event that is counted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_event_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_verified_at: Option<OffsetDateTime>,
}

/// What became of the records received.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Records {
    pub received: u64,
    pub observed: u64,
    pub ignored: u64,
    pub rejected: u64,
}

impl Board {
    pub(crate) fn new(exposition: Arc<Exposition>, liveness: Arc<Liveness>, facts: Facts) -> Self {
        Self {
            exposition,
            liveness,
            facts,
            history: Mutex::default(),
        }
    }

    /// Reads the status, and remembers a sample of it if one is due. It costs less than half of
    /// what a scrape does: everything is gathered, and little of it is written.
    pub(crate) fn look(
        &self,
        warnings: Vec<String>,
        is_sample_due: bool,
        now: Instant,
        at: OffsetDateTime,
    ) -> Status {
        self.exposition.telemetry().scraped(at);
        let (families, positions) = self.exposition.glance();
        let gathered = Gathered::new(families);
        let partitions = read::partitions(&gathered, &positions, self.liveness.partitions(now));
        let at = at.truncate_to_second();
        let counts = read::counts(&gathered, at);
        let mut history = self.history.lock();
        if is_sample_due {
            history.add(&counts);
        }
        let (not_healthy, not_ready) =
            (self.liveness.not_healthy(now), self.liveness.not_ready(now));
        let [version, revision, build_date] = read::build(&gathered);
        let known = |text: String| Some(text).filter(|text| text != "unknown");
        let configuration = self.facts.configuration.lock().clone();
        Status {
            version,
            revision: known(revision),
            build_date: known(build_date),
            at,
            started_at: read::instant(gathered.sum("process_start_time_seconds")).unwrap_or(at),
            state: State::of(&not_healthy, &not_ready, &partitions),
            healthy: not_healthy.is_empty(),
            ready: not_ready.is_empty(),
            problems: not_healthy.into_iter().chain(not_ready).collect(),
            warnings,
            event_hubs: read::event_hubs(&gathered),
            partitions,
            events: counts.events,
            events_last_hour: history.events(&counts),
            records: read::records(&gathered),
            scrapers: whole(gathered.own_sum("scrapers")),
            scrapers_expected: whole(gathered.own_sum("scrapers_expected")),
            hour_began_at: history.since().unwrap_or(at),
            failures: history.failures(&counts),
            history: history.intervals(),
            log: self.facts.recent.lines(),
            configuration: configuration.configured,
            restart_needed_for: configuration.waiting,
            runbooks_url: self.facts.runbooks_url.clone(),
        }
    }
}

impl State {
    fn of(not_healthy: &[String], not_ready: &[String], partitions: &[Partition]) -> Self {
        let lags = partitions
            .iter()
            .filter_map(|partition| partition.lag_seconds);
        if !not_healthy.is_empty() {
            Self::Unhealthy
        } else if !not_ready.is_empty() {
            Self::NotReady
        } else if lags.fold(0.0, f64::max) > BEHIND_AFTER_SECONDS {
            Self::Behind
        } else if !partitions.iter().any(|partition| partition.owned) {
            Self::StandingBy
        } else {
            Self::Reading
        }
    }
}
