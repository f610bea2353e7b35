//! A hub with eight partitions, Azurite, a Prometheus that scrapes every replica there ever was, and a load.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub};
use tempfile::TempDir;
use tokio::time::Instant;

use super::load::Load;
use super::watch::Watch;
use crate::azurite::Azurite;
use crate::prometheus::{Prometheus, free_address};
use crate::world::{Exporter, Signal, eventually};

pub(crate) const PARTITIONS: u32 = 8;
pub(crate) const EVENT_HUB: &str = "Logs";

/// The counter that is watched.
const FAILURES: &str = "acs_recording_operation_failures_total";
const EVENTS: &str = "acs_recording_exporter_events_total";

/// How often replicas look at the leases, how long those last, and how often Prometheus comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) cycle: Duration,
    pub(crate) lease: Duration,
    pub(crate) scrape: Duration,
}

impl Pace {
    /// So that a test takes seconds.
    pub(crate) const QUICK: Self = Self::of_seconds(1, 3, 1);

    /// The defaults, and a scrape interval as many have it.
    pub(crate) const DEFAULT: Self = Self::of_seconds(10, 30, 15);

    const fn of_seconds(cycle: u64, lease: u64, scrape: u64) -> Self {
        Self {
            cycle: Duration::from_secs(cycle),
            lease: Duration::from_secs(lease),
            scrape: Duration::from_secs(scrape),
        }
    }

    /// What is promised for a partition to move in order: two cycles until each side has seen the other, two scrapes to
    /// deliver.
    pub(crate) fn of_a_move(self) -> Duration {
        (self.cycle + self.scrape) * 2
    }

    /// What is promised for the partitions of a killed replica to be read again.
    pub(crate) fn of_a_death(self) -> Duration {
        self.lease + self.cycle
    }
}

pub(crate) struct Scene {
    pub(crate) pace: Pace,
    pub(crate) hub: Emulator,
    pub(crate) azurite: Azurite,
    pub(crate) watch: Watch,
    /// Those that run, by name.
    pub(crate) replicas: BTreeMap<String, Exporter>,
    folder: TempDir,
    partitions: u32,
    variables: Vec<(&'static str, String)>,
    /// Where each was, also those that have ended.
    addresses: BTreeMap<String, String>,
}

impl Scene {
    /// Nothing runs yet but the hub and Azurite. Upper case is the consumer group's and the hub's own: blobs have none.
    pub(crate) async fn new(variables: &[(&'static str, &str)]) -> Self {
        Self::with(PARTITIONS, Pace::QUICK, variables).await
    }

    /// The same with another number of partitions, or at another pace.
    pub(crate) async fn with(
        partitions: u32,
        pace: Pace,
        variables: &[(&'static str, &str)],
    ) -> Self {
        let seconds = |time: Duration| format!("{}s", time.as_secs());
        let hub = Emulator::start([EventHub::new(EVENT_HUB, partitions)])
            .await
            .unwrap();
        let azurite = Azurite::start().await;
        let mut all = vec![
            ("LOG__FORMAT", "json".to_owned()),
            (
                "EVENT_HUB__CONNECTION_STRING",
                hub.connection_string().to_owned(),
            ),
            ("EVENT_HUB__CONSUMER_GROUP", "$Default".to_owned()),
            ("METRICS__RESOURCES", "a".to_owned()),
            ("CHECKPOINT__STORE", "blob".to_owned()),
            ("CHECKPOINT__CONNECTION_STRING", azurite.connection_string()),
            ("CHECKPOINT__CONTAINER", "leases".to_owned()),
            ("CHECKPOINT__INTERVAL", "100ms".to_owned()),
            ("OWNERSHIP__INTERVAL", seconds(pace.cycle)),
            ("OWNERSHIP__LEASE", seconds(pace.lease)),
            ("OWNERSHIP__HAND_OVER_MAX", "30s".to_owned()),
            // Long enough that a replica which was away is known to be gone by its silence.
            ("WATCHDOG__INTERVAL", "5s".to_owned()),
        ];
        let given = variables.iter();
        all.extend(given.map(|(name, value)| (*name, (*value).to_owned())));
        Self {
            pace,
            hub,
            azurite,
            watch: Watch::start(),
            replicas: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
            partitions,
            variables: all,
            addresses: BTreeMap::new(),
        }
    }

    pub(crate) fn load(&self, seed: u64) -> Load {
        Load::start(self.hub.handle(), EVENT_HUB, self.partitions, seed)
    }

    /// A Prometheus that scrapes every replica.
    pub(crate) async fn prometheus(&self) -> Prometheus {
        self.tell_targets();
        let config = format!(
            "global: {{scrape_interval: {0}s, scrape_timeout: {0}s}}\n\
             scrape_configs: [{{job_name: exporter, file_sd_configs: [{{files: ['{1}'], refresh_interval: 1s}}]}}]\n",
            self.pace.scrape.as_secs(),
            self.folder.path().join("targets.json").display()
        );
        Prometheus::start(self.folder.path(), &config).await
    }

    fn tell_targets(&self) {
        let targets = self.addresses.iter().map(|(name, address)| {
            format!(r#"{{"targets": ["{address}"], "labels": {{"instance": "{name}"}}}}"#)
        });
        let targets: Vec<_> = targets.collect();
        let folder = self.folder.path();
        // Renamed, so that nobody reads half of it.
        fs::write(
            folder.join("targets.new"),
            format!("[{}]", targets.join(",")),
        )
        .unwrap();
        fs::rename(folder.join("targets.new"), folder.join("targets.json")).unwrap();
    }

    /// What the replicas that start from now on are told.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Starts a replica of this name, at an address of its own.
    pub(crate) async fn start(&mut self, name: &str) {
        let address = free_address();
        let named = self
            .variables
            .iter()
            .map(|(name, value)| (format!("ACS_RECORDING_EXPORTER__{name}"), value.as_str()));
        let named: Vec<_> = named.collect();
        let variables: Vec<_> = named
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let exporter = Exporter::started(&address, &variables).await;
        self.addresses.insert(name.to_owned(), address.clone());
        self.tell_targets();
        self.watch.add(name, &address);
        self.replicas.insert(name.to_owned(), exporter);
    }

    /// Waits until a replica takes part: its scrapers know it.
    pub(crate) async fn takes_part(&self, name: &str) {
        let exporter = self.replicas.get(name).expect("it runs");
        exporter.process.says("at 0: reading begins").await;
    }

    /// Tells a replica to stop, and waits for its end.
    pub(crate) async fn stop(&mut self, name: &str) {
        let mut exporter = self.replicas.remove(name).expect("it runs");
        exporter.process.signal(Signal::TERM);
        let status = exporter.process.ended().await;
        assert!(status.success(), "{name}: {}", exporter.process.written());
        self.watch.remove(name);
    }

    /// Kills a replica.
    pub(crate) async fn kill(&mut self, name: &str) {
        let mut exporter = self.replicas.remove(name).expect("it runs");
        exporter.process.signal(Signal::KILL);
        exporter.process.ended().await;
        self.watch.remove(name);
    }

    /// Waits until all partitions are read, and no replica has two more than another; returns the shares.
    pub(crate) async fn balanced(&self, replicas: usize) -> Vec<usize> {
        eventually("shares are balanced", || async {
            let shares = self.watch.shares();
            let counts: Vec<_> = shares.values().copied().collect();
            let all: usize = counts.iter().sum();
            let spread = counts.iter().max().zip(counts.iter().min());
            let is_even = spread.is_some_and(|(most, least)| most - least <= 1);
            if counts.len() == replicas
                && all == usize::try_from(self.partitions).unwrap()
                && is_even
            {
                Ok(counts)
            } else {
                Err(format!("{shares:?}"))
            }
        })
        .await
    }

    /// Waits until Prometheus has seen so many failures, and a little longer: what would be seen twice comes soon after.
    pub(crate) async fn seen(&self, prometheus: &Prometheus, failures: u32) -> f64 {
        let expected = f64::from(failures);
        eventually("every failure is seen by Prometheus", || async {
            let seen = prometheus.rise(FAILURES).await;
            if seen >= expected {
                Ok(())
            } else {
                Err(format!("{seen} of {expected}\n{}", self.written()))
            }
        })
        .await;
        let (mut last, mut since) = (prometheus.rise(FAILURES).await, Instant::now());
        while since.elapsed() < self.pace.scrape * 3 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let seen = prometheus.rise(FAILURES).await;
            if seen != last {
                (last, since) = (seen, Instant::now());
            }
        }
        last
    }

    /// How many events of each partition all replicas together have counted, as their last scrapes showed.
    pub(crate) async fn counted(&self, prometheus: &Prometheus) -> Vec<f64> {
        let query = format!("sum by (partition) (max_over_time({EVENTS}[1h]))");
        let counted = prometheus.ask(&query, None, "partition").await;
        (0..self.partitions)
            .map(|partition| counted.get(&partition.to_string()).copied().unwrap_or(0.0))
            .collect()
    }

    /// The sum of a counter over the replicas that run.
    pub(crate) async fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let mut sum = 0.0;
        for exporter in self.replicas.values() {
            let samples = eventually("a scrape", || exporter.scrape()).await;
            sum += samples.sum(name, labels);
        }
        sum
    }

    /// All that the replicas that run have written.
    pub(crate) fn written(&self) -> String {
        let written = self.replicas.iter();
        let written =
            written.map(|(name, exporter)| format!("{name}:\n{}", exporter.process.written()));
        written.collect::<Vec<_>>().join("\n")
    }
}

/// Asserts that every event of every partition was counted once.
pub(crate) fn assert_counted(counted: &[f64], published: &[u32]) {
    let published: Vec<_> = published.iter().map(|count| f64::from(*count)).collect();
    assert_eq!(
        counted, published,
        "events counted, and published, by partition"
    );
}
