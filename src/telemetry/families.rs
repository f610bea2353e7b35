//! The families about the exporter itself.

use crate::family::families;

families! {
    /// Every family about the exporter itself; those of the process are added by the `prometheus` crate.
    pub struct ExporterFamilies(_nothing: ()), prefix "acs_recording_exporter_" {
        /// The version that runs, always 1.
        build_info: GaugeVec["version"],
        /// 1 while the event hub answers.
        up: GaugeVec["event_hub"],
        /// Events received.
        events_total: IntCounterVec["event_hub", "partition"],
        /// Bytes of the bodies of the events received.
        event_bytes_total: IntCounterVec["event_hub", "partition"],
        /// 1 while this process reads the partition.
        partition_owned: GaugeVec["event_hub", "partition"],
        /// The sequence number of the last event that was applied to the metrics.
        partition_last_sequence_number: GaugeVec["event_hub", "partition"],
        /// Unix time of the partition's last proof of life: an event, or the hub's answer to what the partition holds.
        partition_last_proof_timestamp_seconds: GaugeVec["event_hub", "partition"],
        /// Events that the hub holds and that were not received yet, as of the hub's last answer.
        partition_lag_events: GaugeVec["event_hub", "partition"],
        /// For how long events that were not received yet have been waiting in the hub, 0 when there are none.
        partition_lag_seconds: GaugeVec["event_hub", "partition"],
        /// Events that wait until a scrape has shown the failure series that they move at 0.
        held_events: GaugeVec["event_hub", "partition"],
        /// Events that were counted and that no checkpoint may pass yet, since no scrape has carried them.
        unacknowledged_events: GaugeVec["event_hub", "partition"],
        /// The sequence number of the last event that the checkpoint has passed.
        checkpoint_sequence_number: GaugeVec["event_hub", "partition"],
        /// Times that the checkpoint was written, or could not be.
        checkpoint_writes_total: IntCounterVec["result"],
        /// For how long something has been delivered that the checkpoint does not know yet, 0 when it knows all.
        checkpoint_unwritten_seconds: GaugeVec[],
        /// Requests to the blob store; only where it is used.
        store_operations_total: IntCounterVec["operation", "result"],
        /// Leases of the event hub's partitions as this replica last saw them, by who holds them; only where replicas share.
        leases: GaugeVec["event_hub", "held_by"],
        /// Replicas that this one last saw, itself among them; only where replicas share.
        replicas: GaugeVec["event_hub"],
        /// Leases that this replica took, gave away or lost; only where replicas share.
        lease_moves_total: IntCounterVec["event_hub", "reason"],
        /// Unix time at which the leases were last seen and renewed; only where replicas share.
        last_lease_cycle_timestamp_seconds: GaugeVec["event_hub"],
        /// Events counted that no checkpoint had passed when another replica took the partition, which counts them again.
        recounted_events_total: IntCounterVec["event_hub", "partition"],
        /// Times that sequence numbers skipped some: events that were never received.
        sequence_gaps_total: IntCounterVec["event_hub", "partition"],
        /// Events that were delivered again and not counted again.
        refused_events_total: IntCounterVec["event_hub", "partition"],
        /// Events that cannot be decoded and were stepped over.
        poison_events_total: IntCounterVec["event_hub", "partition"],
        /// Times that the hub could not go on after the position that was reached.
        positions_lost_total: IntCounterVec["event_hub", "partition", "reason"],
        /// Times that a partition's receiver was opened again, by what ended it.
        receiver_restarts_total: IntCounterVec["event_hub", "partition", "cause"],
        /// Tokens asked of Microsoft Entra ID, by whether there was one; only where tokens are used.
        token_fetches_total: IntCounterVec["result"],
        /// Records received, counted where the envelope is split.
        records_received_total: IntCounterVec[],
        /// Records by how they ended; their sum is that of the records received.
        records_total: IntCounterVec["disposition"],
        /// Records that could not be read, by why.
        rejects_total: IntCounterVec["reason"],
        /// Records that had been received before: two diagnostic settings on one hub, or a redelivery.
        duplicate_records_total: IntCounterVec[],
        /// Values, fields and categories that no page of Microsoft names, by where they stood.
        drift_total: IntCounterVec["kind"],
        /// Events with rejected records, by whether they were kept; only where dead letters are kept.
        dead_letters_total: IntCounterVec["result"],
        /// Label values that became other, since their label has too many.
        label_overflow_total: IntCounterVec["label"],
        /// Times that a label set had values replaced by other, since there are too many series.
        series_overflow_total: IntCounterVec[],
        /// Answered GETs of the metrics; counted are those that a scraper which announces its time-out has taken whole in time.
        scrapes_total: IntCounterVec["counted"],
        /// Tasks alive in the runtime that reads and counts.
        runtime_tasks: GaugeVec[],
        /// Series about ACS in the latest scrape.
        series: GaugeVec[],
    }
}
