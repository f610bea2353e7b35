//! What of the status is read off the gathered families.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::gathered::{Gathered, whole};
use super::history::{Counts, Kind};
use super::{EventHub, Partition, Records};
use crate::delivery::Positions;
use crate::liveness::PartitionSeen;

pub(super) fn build(gathered: &Gathered) -> [String; 3] {
    let builds = gathered.own("build_info", ["version", "revision", "build_date"]);
    builds.into_keys().next().unwrap_or_default()
}

pub(super) fn event_hubs(gathered: &Gathered) -> Vec<EventHub> {
    let replicas = gathered.own("replicas", ["event_hub"]);
    let event_hubs = gathered.own("up", ["event_hub"]).into_iter();
    let event_hubs = event_hubs.map(|(key, up)| EventHub {
        up: up > 0.0,
        replicas: replicas.get(&key).copied().map(whole),
        name: key.concat(),
    });
    event_hubs.collect()
}

/// Those that need a person come first.
pub(super) fn partitions(
    gathered: &Gathered,
    positions: &Positions,
    mut seen: Vec<PartitionSeen>,
) -> Vec<Partition> {
    let of = |name: &str| gathered.own(name, ["event_hub", "partition"]);
    let owned = of("partition_owned");
    let (lag_events, lag_seconds) = (of("partition_lag_events"), of("partition_lag_seconds"));
    let (held, unacknowledged) = (of("held_events"), of("unacknowledged_events"));
    let last_sequence_number = of("partition_last_sequence_number");
    let checkpoint = of("checkpoint_sequence_number");
    let verified = of("partition_last_proof_timestamp_seconds");
    seen.sort_by_key(|seen| seen.state);
    let partitions = seen
        .into_iter()
        .map(|PartitionSeen { id, state, problem }| {
            let key = [id.event_hub().to_owned(), id.partition().to_owned()];
            let reached = positions.get(&id).and_then(|reached| reached.enqueued_at);
            let count = |values: &BTreeMap<_, f64>| values.get(&key).copied().map(whole);
            Partition {
                state,
                problem,
                owned: owned.get(&key).is_some_and(|owned| *owned > 0.0),
                lag_events: count(&lag_events),
                lag_seconds: lag_seconds.get(&key).copied(),
                held_events: count(&held),
                unacknowledged_events: count(&unacknowledged),
                last_sequence_number: count(&last_sequence_number),
                checkpoint_sequence_number: count(&checkpoint),
                last_event_at: reached.map(OffsetDateTime::truncate_to_second),
                last_verified_at: verified.get(&key).copied().and_then(instant),
                event_hub: id.event_hub().to_owned(),
                partition: id.partition().to_owned(),
            }
        });
    partitions.collect()
}

pub(super) fn records(gathered: &Gathered) -> Records {
    let by_disposition = gathered.own("records_total", ["disposition"]);
    let of = |disposition: &str| {
        let count = by_disposition.get(&[disposition.to_owned()]);
        count.copied().map_or(0, whole)
    };
    Records {
        received: whole(gathered.own_sum("records_received_total")),
        observed: of("observed"),
        ignored: of("ignored"),
        rejected: of("rejected"),
    }
}

pub(super) fn counts(gathered: &Gathered, at: OffsetDateTime) -> Counts {
    let operations = gathered.by(
        "acs_recording_operation_failures_total",
        ["operation", "result_signature", "reason"],
    );
    let recordings = gathered.by("acs_recording_failures_total", ["end_reason", "reason"]);
    let recordings = recordings.into_iter().map(|([status, reason], count)| {
        let operation = "recording".to_owned();
        ([operation, status, reason], count)
    });
    let failures = operations.into_iter().chain(recordings);
    let failures = failures.filter(|(_, count)| *count > 0.0);
    let failures = failures.map(|([operation, status, reason], count)| {
        let kind = Kind {
            operation,
            status,
            reason,
        };
        (kind, whole(count))
    });
    let lags = gathered.own("partition_lag_seconds", ["event_hub", "partition"]);
    Counts {
        at,
        events: whole(gathered.own_sum("events_total")),
        failures: failures.collect(),
        lag_seconds: lags.into_values().fold(0.0, f64::max),
    }
}

/// A Unix time as a metric has it; none for one that is not set.
pub(super) fn instant(seconds: f64) -> Option<OffsetDateTime> {
    let since = Duration::checked_seconds_f64(seconds).filter(|since| since.is_positive())?;
    let at = OffsetDateTime::UNIX_EPOCH.checked_add(since)?;
    Some(at.truncate_to_second())
}
