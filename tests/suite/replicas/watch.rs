//! Looks at every replica's metrics many times a second, as no scraper does: which replica reads which partition, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::world::{Samples, get};

/// Watches until it is dropped.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By name: where to look.
    replicas: BTreeMap<String, String>,
    /// Who was last seen to read each partition.
    readers: BTreeMap<String, String>,
    changes: Vec<Change>,
    /// How many events of each partition each replica has counted.
    counted: BTreeMap<(String, String), f64>,
    /// Who counted the last event of each partition, and when.
    last: BTreeMap<String, (String, Instant)>,
    moves: Vec<Move>,
}

/// An event of a partition was counted by another replica than the one before it.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) partition: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// When the last event was counted by the one.
    pub(crate) last: Instant,
    /// When the first was by the other.
    pub(crate) first: Instant,
}

impl Move {
    pub(crate) fn took(&self) -> Duration {
        self.first - self.last
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            from,
            to,
            ..
        } = self;
        write!(
            f,
            "{partition} {from}>{to} {:.1} s",
            self.took().as_secs_f64()
        )
    }
}

/// A partition began to be read by a replica, or ceased to be.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) at: Instant,
    pub(crate) partition: String,
    pub(crate) replica: String,
    pub(crate) reads: bool,
}

/// A tenth of the quickest cycle.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

impl Watch {
    pub(crate) fn start() -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut task = JoinSet::new();
        let looking = Arc::clone(&seen);
        task.spawn(async move {
            let mut ticks = interval(LOOKS_EVERY);
            loop {
                ticks.tick().await;
                let replicas = looking.lock().unwrap().replicas.clone();
                for (replica, address) in replicas {
                    let Ok((200, text)) = get(&address, "/metrics").await else {
                        continue; // it begins, or has ended
                    };
                    let (samples, now) = (Samples(text), Instant::now());
                    let owned = samples.by("acs_recording_exporter_partition_owned", "partition");
                    let counted = samples.by("acs_recording_exporter_events_total", "partition");
                    let mut seen = looking.lock().unwrap();
                    // Removed while it was being asked.
                    if seen.replicas.contains_key(&replica) {
                        seen.look(&replica, &owned, now);
                        seen.count(&replica, counted, now);
                    }
                }
            }
        });
        Self { seen, _task: task }
    }

    pub(crate) fn add(&self, replica: &str, address: &str) {
        let mut seen = self.seen.lock().unwrap();
        seen.replicas.insert(replica.to_owned(), address.to_owned());
    }

    /// It has ended: what it read is read no more.
    pub(crate) fn remove(&self, replica: &str) {
        let mut seen = self.seen.lock().unwrap();
        seen.replicas.remove(replica);
        seen.look(replica, &BTreeMap::new(), Instant::now());
    }

    /// How many partitions each replica reads.
    pub(crate) fn shares(&self) -> BTreeMap<String, usize> {
        let seen = self.seen.lock().unwrap();
        let mut shares: BTreeMap<_, _> =
            seen.replicas.keys().map(|name| (name.clone(), 0)).collect();
        for reader in seen.readers.values() {
            *shares.entry(reader.clone()).or_default() += 1;
        }
        shares
    }

    /// The partitions that a replica reads.
    pub(crate) fn read_by(&self, replica: &str) -> BTreeSet<String> {
        let seen = self.seen.lock().unwrap();
        let readers = seen.readers.iter();
        let read = readers.filter(|(_, reader)| *reader == replica);
        read.map(|(partition, _)| partition.clone()).collect()
    }

    /// The partitions that moved since then, as their events tell.
    pub(crate) fn moves_since(&self, then: Instant) -> Vec<Move> {
        let seen = self.seen.lock().unwrap();
        let moves = seen.moves.iter().filter(|moved| moved.first >= then);
        moves.cloned().collect()
    }

    /// All that changed since then.
    pub(crate) fn since(&self, then: Instant) -> Vec<Change> {
        let seen = self.seen.lock().unwrap();
        let changes = seen.changes.iter().filter(|change| change.at >= then);
        changes.cloned().collect()
    }
}

impl Seen {
    fn count(&mut self, replica: &str, counted: BTreeMap<String, f64>, at: Instant) {
        for (partition, events) in counted {
            let key = (replica.to_owned(), partition.clone());
            let before = self.counted.insert(key, events).unwrap_or_default();
            if events == before {
                continue;
            }
            let now = (replica.to_owned(), at);
            if let Some((from, last)) = self.last.insert(partition.clone(), now)
                && from != replica
            {
                self.moves.push(Move {
                    partition,
                    from,
                    to: replica.to_owned(),
                    last,
                    first: at,
                });
            }
        }
    }

    fn look(&mut self, replica: &str, owned: &BTreeMap<String, f64>, at: Instant) {
        let change = |partition: &str, reads| Change {
            at,
            partition: partition.to_owned(),
            replica: replica.to_owned(),
            reads,
        };
        let reads = |partition: &str| owned.get(partition).is_some_and(|owned| *owned == 1.0);
        let left: Vec<_> = self
            .readers
            .iter()
            .filter(|(partition, reader)| *reader == replica && !reads(partition))
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in left {
            self.readers.remove(&partition);
            self.changes.push(change(&partition, false));
        }
        for partition in owned.keys().filter(|partition| reads(partition)) {
            if self
                .readers
                .get(partition)
                .is_none_or(|reader| reader != replica)
            {
                self.readers.insert(partition.clone(), replica.to_owned());
                self.changes.push(change(partition, true));
            }
        }
    }
}

/// For each partition that changed hands: how long nobody read it, and when the next one did.
pub(crate) fn moved(changes: &[Change]) -> BTreeMap<String, (Duration, Instant)> {
    let mut moved = BTreeMap::new();
    for left in changes.iter().filter(|change| !change.reads) {
        let next = changes.iter().find(|change| {
            change.reads && change.partition == left.partition && change.at >= left.at
        });
        if let Some(next) = next.filter(|next| next.replica != left.replica) {
            moved.insert(left.partition.clone(), (next.at - left.at, next.at));
        }
    }
    moved
}
