//! The lock under which events are applied and scrapes are gathered.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use prometheus::Registry;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;

use super::own::Own;
use super::rules::Rules;
use super::{AcsMetrics, Remembered, Settings};
use crate::acs::{FailureRules, Observation};
use crate::delivery::{CheckpointAfter, Ledger, Positions, Series, Snapshot};
use crate::event::{Event, PartitionId, Reached};
use crate::format::{Family, Format};
use crate::telemetry::{Tally, Telemetry};

/// What `/metrics` shows, and how far into each partition that reaches.
#[derive(Debug)]
pub struct Exposition {
    own: Own,
    created_samples: bool,
    telemetry: Arc<Telemetry>,
    failure_rules: RwLock<Arc<FailureRules>>,
    applied: Mutex<Applied>,
    /// The latest snapshot that is acknowledged.
    acknowledged: watch::Sender<Snapshot>,
}

#[derive(Debug)]
struct Applied {
    metrics: AcsMetrics,
    positions: Arc<Positions>,
    /// What each partition had reached before this process.
    began_after: HashMap<PartitionId, i64>,
    ledger: Ledger,
    /// The first snapshot that shows all that was restored.
    restored_in: Snapshot,
    /// The snapshot that shows what was applied of partitions that were released before a scrape had delivered it.
    owed: Snapshot,
}

impl Applied {
    /// How far a checkpoint of each partition may advance.
    fn positions(&self, after: CheckpointAfter) -> &Arc<Positions> {
        match after {
            CheckpointAfter::Scrape => self.ledger.acknowledged_positions(),
            CheckpointAfter::Processing => &self.positions,
        }
    }

    /// How many events of a partition are applied and not acknowledged.
    fn unacknowledged(&self, partition: &PartitionId, reached: &Reached) -> i64 {
        let began_after = self.began_after.get(partition).copied();
        let acknowledged = self.ledger.acknowledged_positions().get(partition);
        let acknowledged = acknowledged.map(|reached| reached.position.sequence_number);
        reached.position.sequence_number - acknowledged.or(began_after).unwrap_or(-1)
    }

    /// Whether every failure series that an event moves is shown by an acknowledged snapshot. All of them exist from now on.
    fn are_shown(&mut self, observations: &[Observation<'_>]) -> bool {
        let (next, acknowledged) = (self.ledger.next(), self.ledger.acknowledged());
        let mut are_shown = true;
        for observation in observations {
            let shown_from = self.metrics.shown_from(observation, next);
            are_shown &= shown_from.is_none_or(|snapshot| snapshot <= acknowledged);
        }
        are_shown
    }
}

/// An event was not applied, since it moves a failure series that no acknowledged snapshot shows.
#[derive(Clone, Copy, Debug)]
pub struct NotShown;

/// Whether an event is held until an acknowledged snapshot shows the failure series that it moves at 0.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// It is not.
    Never,
    /// It is, if there was a qualifying scrape since then.
    WhileScrapedSince(Instant),
    /// The partition has waited long enough. Other events that move the same series are not held either.
    NoLonger,
}

/// What was applied of a partition until it was released, by sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// Of the last event.
    pub sequence_number: i64,
    /// Of the event before the first.
    pub began_after: i64,
}

/// One scrape: what it shows, in no format yet.
#[derive(Clone, Debug)]
pub struct Scrape {
    families: Vec<Family>,
    created_samples: bool,
    /// For [`Exposition::delivered`], once a body of the scrape has been delivered.
    pub snapshot: Snapshot,
}

impl Scrape {
    /// Its body in a format.
    pub(crate) fn write(&self, format: Format) -> Vec<u8> {
        format.write(&self.families, self.created_samples)
    }

    /// Its body in the classic text format.
    pub fn text(&self) -> Vec<u8> {
        self.write(Format::Text)
    }

    /// Leaves out the families whose names are not shown.
    pub(crate) fn retain(&mut self, is_shown: impl Fn(&str) -> bool) {
        self.families.retain(|family| is_shown(&family.name));
    }
}

impl Exposition {
    /// Registers the families about ACS; `own` is the registry of `telemetry`. A snapshot is acknowledged when so many
    /// scrapers have received it.
    pub fn new(
        settings: &Settings,
        scrapers: usize,
        own: Registry,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let metrics = AcsMetrics::new(settings, &telemetry);
        let failure_rules = Arc::clone(&metrics.rules().failures);
        let (acknowledged, _) = watch::channel(0);
        let applied = Mutex::new(Applied {
            metrics,
            positions: Arc::default(),
            began_after: HashMap::new(),
            ledger: Ledger::new(scrapers),
            restored_in: 1,
            owed: 0,
        });
        Self {
            own: Own::new(own),
            created_samples: settings.created_samples,
            telemetry,
            failure_rules: RwLock::new(failure_rules),
            applied,
            acknowledged,
        }
    }

    /// What counts as a failure besides what the tables say.
    pub fn failure_rules(&self) -> Arc<FailureRules> {
        Arc::clone(&self.failure_rules.read())
    }

    /// Lets the series of other failure rules and of more resources exist at 0. Returns the first snapshot that shows them,
    /// after which they may be [followed](Self::follow); none if this is what was announced last.
    pub(crate) fn announce(&self, settings: &Settings) -> Option<Snapshot> {
        let rules = Rules::of(settings);
        let mut applied = self.applied.lock();
        let next = applied.ledger.next();
        if rules == *applied.metrics.rules() {
            return None;
        }
        applied.metrics.announce(rules, next);
        Some(next)
    }

    /// From now on, what was announced last decides what counts as a failure, and which records are ignored.
    pub(crate) fn follow(&self) {
        let mut applied = self.applied.lock();
        applied.metrics.follow();
        *self.failure_rules.write() = Arc::clone(&applied.metrics.rules().failures);
    }

    /// The metrics about the exporter itself, beside those about ACS.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Applies an event whole: what it moves, the position that it reaches, and what it adds to the exporter's own counts. No
    /// scrape sees a part of it. Returns the indices of the observations that were dropped, since their records have come
    /// before; the tally counts them as ignored.
    ///
    /// # Errors
    ///
    /// [`NotShown`], and nothing was applied. Every failure series that the event moves exists at 0 now.
    pub fn apply(
        &self,
        partition: &PartitionId,
        event: &Event,
        observations: &[Observation<'_>],
        tally: &mut Tally,
        hold: Hold,
    ) -> Result<Vec<usize>, NotShown> {
        // A panic under the lock leaves counters that were moved one by one: each is still right by itself.
        let mut applied = self.applied.lock();
        let applied = &mut *applied;
        let (next, acknowledged) = (applied.ledger.next(), applied.ledger.acknowledged());
        match hold {
            Hold::Never => {}
            Hold::WhileScrapedSince(since) => {
                let is_scraped = applied.ledger.scraped_at().is_some_and(|at| at >= since);
                if !applied.are_shown(observations) && is_scraped {
                    return Err(NotShown);
                }
            }
            Hold::NoLonger => {
                for observation in observations {
                    applied.metrics.waited_enough(observation, next);
                }
            }
        }
        let mut dropped = Vec::new();
        for (index, observation) in observations.iter().enumerate() {
            if !applied.metrics.apply(observation, next, acknowledged) {
                dropped.push(index);
            }
        }
        if !applied.began_after.contains_key(partition) {
            let began_after = event.position.sequence_number - 1;
            applied.began_after.insert(partition.clone(), began_after);
        }
        Arc::make_mut(&mut applied.positions).insert(partition.clone(), event.reached());
        tally.dropped(dropped.len());
        self.telemetry.event_applied(partition, event, tally);
        Ok(dropped)
    }

    /// A partition goes on after this, whatever its last event was. Where nothing of it was applied, nothing is to be
    /// delivered before that, and it is acknowledged at once; else the next snapshot shows it.
    pub fn moved_to(&self, partition: &PartitionId, reached: Reached) {
        let mut applied = self.applied.lock();
        if !applied.positions.contains_key(partition) {
            applied.ledger.begin(partition, &reached);
            self.acknowledged.send_modify(|_same| {}); // the checkpoint follows it
        }
        Arc::make_mut(&mut applied.positions).insert(partition.clone(), reached);
    }

    /// Lets every failure series exist that an event will move.
    pub fn prepare(&self, observations: &[Observation<'_>]) {
        let mut applied = self.applied.lock();
        let _waits_in_any_case = applied.are_shown(observations);
    }

    /// Takes a snapshot: everything applied so far and nothing else.
    pub fn scrape(&self) -> Scrape {
        let (own, domain, snapshot) = {
            let mut applied = self.applied.lock();
            self.count_unacknowledged(&applied);
            self.telemetry.series_are(applied.metrics.series());
            let positions = Arc::clone(&applied.positions);
            let snapshot = applied.ledger.snapshot(positions);
            (self.own.gather(), applied.metrics.families(), snapshot)
        };
        let mut families = self.own.families(&own);
        families.extend(domain);
        families.sort_by(|a, b| a.name.cmp(&b.name));
        for family in &mut families {
            family.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Scrape {
            families,
            created_samples: self.created_samples,
            snapshot,
        }
    }

    /// What a scrape would show, and how far each partition has been applied, for people. It is no snapshot: nothing is
    /// acknowledged by it.
    pub(crate) fn glance(&self) -> (Vec<Family>, Arc<Positions>) {
        let (domain, positions) = {
            let applied = self.applied.lock();
            self.count_unacknowledged(&applied);
            (applied.metrics.families(), Arc::clone(&applied.positions))
        };
        let mut families = self.own.families(&self.own.gather());
        families.extend(domain);
        (families, positions)
    }

    fn count_unacknowledged(&self, applied: &Applied) {
        for (partition, reached) in applied.positions.iter() {
            let events = applied.unacknowledged(partition, reached);
            self.telemetry.events_unacknowledged(partition, events);
        }
    }

    /// A counted scraper has received a snapshot whole.
    pub fn delivered(&self, snapshot: Snapshot, scraper: &str, now: Instant) {
        let mut applied = self.applied.lock();
        if applied.ledger.delivered(snapshot, scraper, now) {
            self.acknowledged
                .send_replace(applied.ledger.acknowledged());
        }
    }

    /// How far each partition has been applied.
    pub fn applied_positions(&self) -> Arc<Positions> {
        self.positions(CheckpointAfter::Processing)
    }

    /// How far each partition has been acknowledged.
    pub fn acknowledged_positions(&self) -> Arc<Positions> {
        self.positions(CheckpointAfter::Scrape)
    }

    /// How far a checkpoint of each partition may advance.
    pub fn positions(&self, after: CheckpointAfter) -> Arc<Positions> {
        Arc::clone(self.applied.lock().positions(after))
    }

    /// The same for one partition, if what moved up to there is remembered.
    pub(crate) fn remembered_position(
        &self,
        partition: &PartitionId,
        after: CheckpointAfter,
    ) -> Option<Reached> {
        let applied = self.applied.lock();
        let positions = applied.positions(after);
        let position = positions
            .get(partition)
            .filter(|_| !applied.metrics.has_news());
        position.cloned()
    }

    /// Whether all that was applied is acknowledged, also of partitions that were released.
    pub fn is_delivered(&self) -> bool {
        let applied = self.applied.lock();
        applied.positions == *applied.ledger.acknowledged_positions()
            && applied.ledger.acknowledged() >= applied.owed
    }

    /// Whether all that was applied of a partition is acknowledged.
    pub fn is_partition_delivered(&self, partition: &PartitionId) -> bool {
        let applied = self.applied.lock();
        let acknowledged = applied.ledger.acknowledged_positions().get(partition);
        applied.positions.get(partition) == acknowledged
    }

    /// Another process reads the partition from now on, and no event of it is on its way here. What was applied of it stays
    /// counted, and has yet to be delivered if it was not.
    pub(crate) fn release(&self, partition: &PartitionId) -> Option<Released> {
        let mut applied = self.applied.lock();
        let applied = &mut *applied;
        let reached = applied.positions.get(partition).cloned();
        let unacknowledged = reached
            .as_ref()
            .map(|reached| applied.unacknowledged(partition, reached));
        if unacknowledged.is_some_and(|events| events > 0) {
            applied.owed = applied.ledger.next();
        }
        if reached.is_some() {
            Arc::make_mut(&mut applied.positions).remove(partition);
        }
        let began_after = applied.began_after.remove(partition);
        applied.ledger.release(partition);
        let sequence_number = reached?.position.sequence_number;
        Some(Released {
            sequence_number,
            began_after: began_after.unwrap_or(sequence_number),
        })
    }

    /// Whether a counted scraper has received a snapshot within this time.
    pub fn is_scraped(&self, now: Instant, within: Duration) -> bool {
        let applied = self.applied.lock();
        applied
            .ledger
            .scraped_at()
            .is_some_and(|at| now - at < within)
    }

    /// How many distinct scrapers have received a snapshot within this time.
    pub fn scrapers_within(&self, now: Instant, within: Duration) -> usize {
        self.applied.lock().ledger.scrapers_within(now, within)
    }

    /// The interval of the scraper that comes most seldom.
    pub fn slowest_interval(&self) -> Option<Duration> {
        self.applied.lock().ledger.slowest_interval()
    }

    /// Whether every expected scraper has received a snapshot within this time.
    pub fn are_all_scraped(&self, now: Instant, within: Duration) -> bool {
        self.applied.lock().ledger.are_all_scraped(now, within)
    }

    /// Lets what an earlier process remembered exist at 0. If there is no room for everything, what moved last is restored.
    pub fn restore(&self, remembered: impl IntoIterator<Item = (Series, OffsetDateTime)>) {
        let mut remembered: Vec<_> = remembered.into_iter().collect();
        remembered.sort_by_key(|(_, last_moved)| Reverse(*last_moved));
        let mut applied = self.applied.lock();
        let next = applied.ledger.next();
        applied.restored_in = next;
        for (series, last_moved) in remembered {
            applied.metrics.restore(series, last_moved, next);
        }
    }

    /// What shall exist at 0 after a restart.
    pub fn remembered(&self, now: OffsetDateTime) -> Remembered {
        let mut applied = self.applied.lock();
        applied.metrics.remembered(now)
    }

    /// The first snapshot that shows all that was restored.
    pub(crate) fn restored_in(&self) -> Snapshot {
        self.applied.lock().restored_in
    }

    /// The latest snapshot that is acknowledged, as it moves.
    pub fn acknowledged(&self) -> watch::Receiver<Snapshot> {
        self.acknowledged.subscribe()
    }
}
