//! The families about the exporter itself.

use crate::event::PartitionId;
use crate::family::{LabelSet, families};

families! {
    /// Every family about the exporter itself. The `prometheus` crate adds those of the process.
    pub struct ExporterFamilies, prefix "acs_recording_exporter_" {
        /// The running version, always 1.
        build_info: Gauge[Build { version, revision, build_date }],
        /// 1 while the event hub answers, and lets this process read; 0 from the start until then.
        up: Gauge[OfHub { event_hub }],
        /// Attempts to list the partitions of the event hub that failed, by cause.
        discovery_failures_total: Counter[DiscoveryFailures { event_hub, cause }],
        /// Events received.
        events_total: Counter[OfPartition { event_hub, partition }],
        /// Bytes of the bodies of the events received.
        event_bytes_total: Counter[OfPartition],
        /// 1 while this process reads the partition.
        partition_owned: Gauge[OfPartition],
        /// The sequence number of the last event that was applied to the metrics.
        partition_last_sequence_number: Gauge[OfPartition],
        /// Unix time at which the partition was last verified: an event arrived, or the event hub answered a liveness check.
        partition_last_proof_timestamp_seconds: Gauge[OfPartition],
        /// Events in the event hub that were not received yet, as of the event hub's latest answer.
        partition_lag_events: Gauge[OfPartition],
        /// Age in seconds, since it was enqueued, of the oldest event that was not received yet; 0 if there is none.
        partition_lag_seconds: Gauge[OfPartition],
        /// Events that wait until a scrape has shown their failure series at 0.
        held_events: Gauge[OfPartition],
        /// Events that are counted but not delivered yet, so that no checkpoint may pass them.
        unacknowledged_events: Gauge[OfPartition],
        /// The sequence number of the last event that is checkpointed.
        checkpoint_sequence_number: Gauge[OfPartition],
        /// Attempts to write the checkpoint, by result.
        checkpoint_writes_total: Counter[Ended { result }],
        /// Age in seconds of the oldest delivered position that is not yet checkpointed; 0 if there is none.
        checkpoint_unwritten_seconds: Gauge[],
        /// Operations on the blob store, by result; only where it is used.
        store_operations_total: Counter[StoreOperations { operation, result }],
        /// Leases of the event hub's partitions as this replica last saw them, by owner; only where replicas share partitions.
        leases: Gauge[OfHolder { event_hub, held_by }],
        /// Replicas that this replica last saw, itself included; only where replicas share partitions.
        replicas: Gauge[OfHub],
        /// Leases that this replica acquired, released or lost; only where replicas share partitions.
        lease_moves_total: Counter[LeaseMoves { event_hub, reason }],
        /// Unix time at which the leases were last listed and renewed; only where replicas share partitions.
        last_lease_cycle_timestamp_seconds: Gauge[OfHub],
        /// Events that this replica had counted but not checkpointed when it lost the partition. The new owner counts them again.
        recounted_events_total: Counter[OfPartition],
        /// Gaps in sequence numbers: events that were dropped before they were received.
        sequence_gaps_total: Counter[OfPartition],
        /// Events that were received again and not counted again.
        refused_events_total: Counter[OfPartition],
        /// Events that cannot be decoded and were skipped.
        poison_events_total: Counter[OfPartition],
        /// Lost positions: the event hub no longer had the events after the checkpoint.
        positions_lost_total: Counter[LostPositions { event_hub, partition, reason }],
        /// Times that a partition's receiver was opened again, by what ended the previous receiver.
        receiver_restarts_total: Counter[Restarts { event_hub, partition, cause }],
        /// Requests to Microsoft Entra ID for a token, by result; only where tokens are used.
        token_fetches_total: Counter[Ended],
        /// Records received, counted when the event's body is split into records.
        records_received_total: Counter[],
        /// Records by disposition; the sum is the number of records received.
        records_total: Counter[Records { disposition }],
        /// Records that could not be read, by reason.
        rejects_total: Counter[Rejects { reason }],
        /// Records that were not valid JSON and were repaired, by kind of repair. A record that needed several kinds counts under each.
        repairs_total: Counter[Repairs { kind }],
        /// Records that were ignored because their resource is not among the configured ones, where only those are observed.
        unlisted_records_total: Counter[],
        /// Records that were received before: two diagnostic settings send to one event hub, or Azure sent the record again.
        duplicate_records_total: Counter[],
        /// Categories, fields and values not in Microsoft's documentation, by kind. A record of such a category is observed if its properties match a known category. Such fields are ignored. Such values are exported as sent, if they look like values of their label.
        drift_total: Counter[Drift { kind }],
        /// Values that cannot be read, by category and field. They count as missing.
        unreadable_values_total: Counter[Unreadable { category, field }],
        /// Events with rejected records, by what became of their dead letters; only where dead letters are kept.
        dead_letters_total: Counter[Ended],
        /// Times that a label value was replaced by other: its label has too many values, it does not look like one of them, or it is not a documented one and its record was so broken that a text may end elsewhere.
        label_overflow_total: Counter[Overflow { label }],
        /// Times that unknown label values of a series were replaced by other, because there are too many series.
        series_overflow_total: Counter[],
        /// Label sets of metrics other than failures that first moved before a delivered scrape had shown them at 0. Prometheus misses what the first scrape counts of them.
        born_unshown_total: Counter[BornUnshown { family }],
        /// Times that remembered label sets could not be read at the start.
        label_sets_lost_total: Counter[],
        /// Scrapes of /metrics. counted="true": fully delivered within the timeout that the scraper announced, to an address that may acknowledge.
        scrapes_total: Counter[Scrapes { counted }],
        /// HTTP connections that the exporter closed for the sake of other clients, by cause.
        http_connections_closed_total: Counter[Closed { cause }],
        /// HTTP requests that were refused, by cause: no or a wrong password, no certificate, too many.
        http_requests_refused_total: Counter[Closed],
        /// TLS handshakes with clients that failed.
        tls_handshakes_failed_total: Counter[],
        /// 1 if the last change of the web configuration file could be used, otherwise 0; absent until it changes.
        web_config_last_reload_successful: Gauge[],
        /// 1 if the last reload of the configuration succeeded, otherwise 0. The start counts as one.
        config_last_reload_successful: Gauge[],
        /// When the configuration was last loaded successfully.
        config_last_reload_success_timestamp_seconds: Gauge[],
        /// Distinct scrapers to which a scrape was fully delivered within the last 10 minutes.
        scrapers: Gauge[],
        /// Distinct scrapers that are expected: delivery.scrapers.
        scrapers_expected: Gauge[],
        /// Tasks alive in the runtime that reads and counts.
        runtime_tasks: Gauge[],
        /// Series about ACS in the latest scrape.
        series: Gauge[],
    }
}

impl<'a> From<&'a PartitionId> for OfPartition<&'a str> {
    fn from(partition: &'a PartitionId) -> Self {
        Self {
            event_hub: partition.event_hub(),
            partition: partition.partition(),
        }
    }
}

impl ExporterFamilies {
    /// Removes the gauges of a partition that this process no longer reads: their values would be stale.
    pub(super) fn remove_gauges(&self, partition: OfPartition<&str>) {
        for gauge in [
            &self.partition_last_sequence_number,
            &self.partition_last_proof_timestamp_seconds,
            &self.partition_lag_events,
            &self.partition_lag_seconds,
            &self.held_events,
            &self.unacknowledged_events,
            &self.checkpoint_sequence_number,
        ] {
            let _may_not_exist = gauge.remove_label_values(partition.values().as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use prometheus::{Registry, TextEncoder};

    use super::*;

    #[test]
    fn a_series_of_an_event_hub_names_the_namespace_too() {
        let registry = Registry::new();
        let families = ExporterFamilies::register(&registry, "contoso");
        families.up(OfHub { event_hub: "logs" }).set(1.0);
        let partition = PartitionId::new("logs", "0");
        families.held_events((&partition).into()).set(2.0);
        families.drift_total(Drift { kind: "field" }).inc();
        let scrape = TextEncoder::new().encode_to_string(&registry.gather());
        let scrape = scrape.unwrap();
        let samples = scrape.lines().filter(|line| !line.starts_with('#'));
        expect![[r#"
            acs_recording_exporter_drift_total{kind="field"} 1
            acs_recording_exporter_held_events{event_hub="logs",event_hubs_namespace="contoso",partition="0"} 2
            acs_recording_exporter_up{event_hub="logs",event_hubs_namespace="contoso"} 1"#]]
        .assert_eq(&samples.collect::<Vec<_>>().join("\n"));
    }
}
