//! `$management`: what clients ask about an event hub and its partitions.
//!
//! The fields are those that the clients read. The Rust SDK needs `partition_ids` to be an array and not a list, and the
//! `.._epoch` fields to be there.

use crate::amqp::{Array, Value};
use crate::condition::{NOT_ALLOWED, NOT_FOUND};
use crate::namespace::{EventHubId, Namespace};
use crate::partition::Partition;

use super::request::{Answer, Request};

/// How often a partition has failed over; this is the number of one that never has.
const REPLICATION_EPOCH: i32 = -1;

/// Carries out a request to `$management`.
pub(super) fn answer(namespace: &Namespace, request: &Request) -> Answer {
    let (operation, kind, name) = (
        request.text("operation"),
        request.text("type"),
        request.text("name"),
    );
    if operation != "READ" {
        return Answer::failed(
            400,
            format!("There is no operation `{operation}`."),
            Some(NOT_ALLOWED),
        );
    }
    let Some(event_hub) = namespace.find(name) else {
        return not_found(format!("The messaging entity '{name}' could not be found."));
    };
    match kind {
        "com.microsoft:eventhub" => event_hub_properties(namespace, event_hub),
        "com.microsoft:partition" => {
            partition_properties(namespace, event_hub, request.text("partition"))
        }
        _ => Answer::failed(
            400,
            format!("There is nothing of type `{kind}`."),
            Some(NOT_ALLOWED),
        ),
    }
}

fn event_hub_properties(namespace: &Namespace, event_hub: EventHubId) -> Answer {
    let properties = namespace.properties(event_hub);
    let partition_ids =
        Array::of_strings((0..properties.partitions).map(|number| number.to_string()));
    ok(vec![
        ("name", Value::String(properties.name)),
        ("type", Value::from("com.microsoft:eventhub")),
        ("created_at", Value::Timestamp(properties.created_at)),
        (
            "partition_count",
            Value::Int(i32::try_from(properties.partitions).unwrap_or(i32::MAX)),
        ),
        ("partition_ids", Value::Array(partition_ids)),
        ("georeplication_factor", Value::Int(1)),
    ])
}

fn partition_properties(namespace: &Namespace, event_hub: EventHubId, number: &str) -> Answer {
    let hub = namespace.properties(event_hub);
    let Some(partition) = namespace.find_partition(event_hub, number) else {
        return not_found(format!(
            "The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and {}.",
            hub.partitions.saturating_sub(1)
        ));
    };
    let properties = namespace.with(partition, Partition::answer);
    let last = properties.last;
    let is_null = namespace.faults.take_one(|active| &mut active.null_answers);
    let or_null = |value| if is_null { Value::Null } else { value };
    ok(vec![
        ("name", Value::String(hub.name)),
        ("type", Value::from("com.microsoft:partition")),
        ("partition", Value::from(number)),
        (
            "begin_sequence_number",
            Value::Long(properties.first_sequence_number),
        ),
        ("begin_sequence_number_epoch", Value::Int(REPLICATION_EPOCH)),
        (
            "last_enqueued_sequence_number",
            Value::Long(last.sequence_number),
        ),
        (
            "last_enqueued_sequence_number_epoch",
            Value::Int(REPLICATION_EPOCH),
        ),
        (
            "last_enqueued_offset",
            or_null(Value::String(last.offset.to_string())),
        ),
        (
            "last_enqueued_time_utc",
            or_null(Value::Timestamp(last.enqueued_at)),
        ),
        (
            "is_partition_empty",
            Value::Boolean(properties.retained_events == 0),
        ),
    ])
}

fn ok(fields: Vec<(&str, Value)>) -> Answer {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (Value::from(name), value))
        .collect();
    Answer::ok(200, "OK", Value::Map(fields))
}

fn not_found(description: String) -> Answer {
    Answer::failed(404, description, Some(NOT_FOUND))
}
