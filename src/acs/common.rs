//! What the records of all categories have in common: a resource, a time, a level, and the families that they move.

use std::borrow::Cow;

use time::{Duration, OffsetDateTime};

use super::category::{AtZero, Category, Common, Vocabulary};
use super::letters::alike;
use super::moves::{Moves, acs_families};
use super::view::View;
use crate::family::Family;

acs_families! {
    /// Log records observed.
    LogRecords = Counter acs_log_records_total { resource, category, level };
    /// Delay from the time of a log record to its arrival in the event hub, in seconds.
    LogRecordDelay = Histogram acs_log_record_delay_seconds { category };
    /// The time of the latest log record, in seconds since 1970.
    LastLogRecord = Gauge acs_log_last_record_timestamp_seconds { resource, category };
    /// The ACS resources that records were about, always 1.
    ResourceInfo = Gauge acs_resource_info { resource, resource_group, subscription_id };
}

/// The families that records of every category move.
pub(crate) const COMMON_FAMILIES: &[&Family] = FAMILIES;

/// The family with one series for each resource. Records do not move it: `metrics` maintains its series.
pub(crate) const RESOURCE_INFO: &Family = ResourceInfo::FAMILY;

/// The values of the label `level` that are documented.
pub(crate) const LEVELS: Vocabulary = ("level", || {
    vec![INFORMATIONAL, "Warning", "Error", "Critical"]
});

/// The level of most records.
const INFORMATIONAL: &str = "Informational";

/// When a record was written, by ACS's clock: the first of its time properties that can be read.
pub(super) fn time(view: &View<'_>, own_time: Option<&str>) -> Option<OffsetDateTime> {
    // Event Hubs and Service Bus have names of their own
    // (https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/46162).
    const NAMES: [&str; 5] = [
        "time",
        "timestamp",
        "TimeGenerated",
        "EventTimeString",
        "EventTimestamp",
    ];
    let mut names = NAMES.into_iter().chain(own_time);
    names.find_map(|name| view.common(name).instant())
}

/// Adds the series that every record moves, whatever its category.
pub(super) fn observe<'a>(category: &Category, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let &Common {
        resource,
        level,
        time,
        enqueued_at,
        ..
    } = common;
    let category = &Cow::Borrowed(category.name);
    // Clocks differ: a record from the future has no delay.
    let delay = time
        .zip(enqueued_at)
        .map(|(time, enqueued_at)| (enqueued_at - time).as_seconds_f64().max(0.0));
    moves.count(LogRecords {
        resource,
        category,
        level,
    });
    moves.take(LogRecordDelay { category }, delay);
    let is_believed = |time: &OffsetDateTime| {
        enqueued_at.is_none_or(|enqueued_at| *time - enqueued_at <= AHEAD_MAX)
    };
    moves.take(
        LastLogRecord { resource, category },
        time.filter(is_believed).map(seconds),
    );
}

/// Adds what stands at 0 for a resource before anything happens.
pub(super) fn known(category: &Category, resource: &str, at_zero: &mut AtZero<'_>) {
    at_zero.add(LogRecords {
        resource,
        category: category.name,
        level: INFORMATIONAL,
    });
}

/// The same where no resource is known.
pub(super) fn known_of_all(category: &Category, at_zero: &mut AtZero<'_>) {
    let category = category.name;
    at_zero.add(LogRecordDelay { category });
}

/// A record whose time is further ahead of the event hub's clock comes from a wrong clock. It would remain the latest record,
/// and hide that no further record arrives.
const AHEAD_MAX: Duration = Duration::minutes(5);

/// Unix time, to the millisecond.
fn seconds(time: OffsetDateTime) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "milliseconds fit for millennia"
    )]
    let milliseconds = (time.unix_timestamp_nanos() / 1_000_000) as f64;
    milliseconds / 1000.0
}

/// The value of the label `level`: one of Azure Monitor's four levels, whatever its spelling, or else as sent.
pub(super) fn level(sent: Cow<'_, str>) -> Cow<'_, str> {
    // What other services of Azure write; API Management writes the numbers of .NET's `EventLevel`
    // (https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/28648).
    const OTHER_WORDS: [(&str, &[&str]); 4] = [
        (INFORMATIONAL, &["Information", "Info", "4"]),
        ("Warning", &["Warn", "3"]),
        ("Error", &["Err", "2"]),
        ("Critical", &["Crit", "Fatal", "1"]),
    ];
    let known = OTHER_WORDS
        .iter()
        .find(|(level, words)| alike(level, &sent) || words.iter().any(|word| alike(word, &sent)));
    match known {
        Some((level, _)) => Cow::Borrowed(*level),
        None => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_every_spelling_are_one() {
        for (sent, label) in [
            ("Information", "Informational"),
            ("informational", "Informational"),
            ("4", "Informational"),
            ("3", "Warning"),
            ("ERROR", "Error"),
            ("INFO", "Informational"),
            ("warn", "Warning"),
            ("fatal", "Critical"),
            ("Verbose", "Verbose"),
        ] {
            assert_eq!(level(sent.into()), label);
        }
    }
}
