//! A hub, an exporter that can be stopped, killed and started again, and Prometheus servers that scrape it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::prometheus::{Prometheus, free_address};
use crate::world::{Exporter, eventually};

/// A failed request under labels that every resource has, or under labels that Microsoft does not document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Known,
    Strange,
}

/// What happens to one exporter, its hub and those who scrape it.
pub(crate) struct Scene {
    pub(crate) hub: Emulator,
    folder: TempDir,
    address: String,
    variables: Vec<(&'static str, String)>,
    pub(crate) published: Published,
}

/// How many events were published, and how many of them are failures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Published {
    pub(crate) events: u32,
    pub(crate) failures: u32,
}

/// The counter that is watched.
pub(crate) const FAILURES: &str = "acs_recording_operation_failures_total";

/// What every event moves by one.
pub(crate) const OF_EVERY_EVENT: [&str; 4] = [
    "acs_recording_operations_total",
    "acs_recording_operation_duration_seconds_count",
    "acs_recording_sdk_operations_total",
    "acs_usage_quantity_total",
];

pub(crate) const PARTITIONS: u32 = 2;

const RESOURCE: &str =
    "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A";

impl Scene {
    /// Nothing runs yet but the hub. The exporter has a checkpoint file, and these variables besides.
    pub(crate) async fn new(variables: &[(&'static str, &str)]) -> Self {
        let hub = Emulator::start([EventHub::new("logs", PARTITIONS)])
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json").display().to_string();
        let mut all = vec![
            ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json".to_owned()),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
                hub.connection_string().to_owned(),
            ),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter".to_owned(),
            ),
            ("ACS_RECORDING_EXPORTER__METRICS__RESOURCES", "a".to_owned()),
            (
                "ACS_RECORDING_EXPORTER__CHECKPOINT__STORE",
                "file".to_owned(),
            ),
            ("ACS_RECORDING_EXPORTER__CHECKPOINT__PATH", path),
        ];
        all.extend(
            variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        Self {
            hub,
            folder,
            address: free_address(),
            variables: all,
            published: Published::default(),
        }
    }

    /// Starts the exporter, always at the same address, and lets Prometheus know it under this name.
    pub(crate) async fn exporter(&self, instance: &str) -> Exporter {
        let targets = format!(
            r#"[{{"targets": ["{}"], "labels": {{"instance": "{instance}"}}}}]"#,
            self.address
        );
        // Renamed, so that nobody reads half of it.
        let file = self.path("targets.json");
        fs::write(self.path("targets.new"), targets).unwrap();
        fs::rename(self.path("targets.new"), file).unwrap();
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Exporter::started(&self.address, &variables).await
    }

    /// Starts a Prometheus that scrapes every second under this name; one of the same name goes on where it was.
    pub(crate) async fn prometheus(&self, scraper: &str) -> Prometheus {
        let folder = self.path(scraper);
        fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: exporter, params: {{scraper: [{scraper}]}}, \
             file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]}}]\n",
            self.path("targets.json").display()
        );
        Prometheus::start(&folder, &config).await
    }

    /// Publishes a failure to a partition.
    pub(crate) fn fail(&mut self, partition: u32, failure: Failure) {
        let (operation, status) = match failure {
            Failure::Known => ("StartRecording", 503),
            Failure::Strange => ("FlyToMars", 499),
        };
        self.publish(partition, operation, status);
        self.published.failures += 1;
    }

    /// Publishes a request that went well.
    pub(crate) fn succeed(&mut self, partition: u32) {
        self.publish(partition, "StartRecording", 202);
    }

    fn publish(&mut self, partition: u32, operation: &str, status: u16) {
        let result = if status < 400 { "Succeeded" } else { "Failed" };
        let body = format!(
            r#"{{"records":[
                {{"category":"CallRecordingOperational","resourceId":"{RESOURCE}","operationName":"{operation}","resultType":"{result}","resultSignature":"{status}","durationMs":20,"sdkType":"dotnet","sdkVersion":"1.2.3"}},
                {{"category":"Usage","resourceId":"{RESOURCE}","usageType":"CallRecording","unitType":"minutes","quantity":1}}
            ]}}"#
        );
        self.hub
            .publish("logs", partition, body.as_bytes())
            .unwrap();
        self.published.events += 1;
    }

    /// Waits until everything that was published has been seen to rise, and a little longer: what would be seen twice
    /// comes soon after.
    pub(crate) async fn seen(&self, prometheus: &Prometheus, exporter: &Exporter) -> f64 {
        let expected = f64::from(self.published.failures);
        eventually("every failure is seen by Prometheus", || async {
            let seen = prometheus.rise(FAILURES).await;
            if seen >= expected {
                Ok(())
            } else {
                Err(format!(
                    "{seen} of {expected}\n{}",
                    exporter.process.written()
                ))
            }
        })
        .await;
        let (mut last, mut since) = (prometheus.rise(FAILURES).await, Instant::now());
        // Three scrapes.
        while since.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let seen = prometheus.rise(FAILURES).await;
            if seen != last {
                (last, since) = (seen, Instant::now());
            }
        }
        last
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Waits until the exporter has been scraped by those it waits for, and reads.
pub(crate) async fn reads(exporter: &Exporter) {
    exporter.process.says("at 0: reading begins").await;
    exporter.ready().await;
}
