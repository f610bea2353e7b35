//! What is remembered stands at 0 in the next process, within the caps.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use prometheus::{Registry, TextEncoder};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::rules::Rules;
use super::{AcsMetrics, Exposition, Remembered, Settings};
use crate::acs::{self, FailureRules};
use crate::delivery::{Series, Snapshot};
use crate::format::Format;
use crate::telemetry::Telemetry;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

struct Process {
    own: Registry,
    metrics: AcsMetrics,
}

impl Process {
    fn new(settings: &Settings) -> Self {
        let own = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&own, ""));
        let metrics = AcsMetrics::new(settings, &telemetry);
        Self { own, metrics }
    }

    fn restore(&mut self, remembered: Remembered) {
        for (series, last_moved) in [remembered.of_failures, remembered.others].concat() {
            self.metrics.restore(series, last_moved, 1);
        }
    }

    /// Applies a usage record, when this is the latest acknowledged snapshot.
    fn uses(&mut self, usage_type: &str, acknowledged: Snapshot) {
        self.uses_of("A", usage_type, acknowledged);
    }

    fn uses_of(&mut self, resource: &str, usage_type: &str, acknowledged: Snapshot) {
        let record = format!(
            r#"{{"category":"Usage","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/{resource}","usageType":"{usage_type}","unitType":"minutes","quantity":1}}"#
        );
        let record = acs::read(&record, None, &FailureRules::default()).unwrap();
        let observation = record.observation.unwrap();
        self.metrics
            .apply(&observation, acknowledged + 1, acknowledged);
    }

    /// The usage types that are shown, and how much of each was used.
    fn usage(&self) -> Vec<String> {
        self.lines("acs_usage_quantity_total{")
            .into_iter()
            .map(|line| {
                let (_, usage) = line.split_once("usage_type=\"").unwrap();
                usage.replace("\"}", "")
            })
            .collect()
    }

    fn born_unshown(&self, family: &str) -> String {
        let start = format!(r#"acs_recording_exporter_born_unshown_total{{family="{family}"}} "#);
        let text = TextEncoder::new().encode_to_string(&self.own.gather());
        lines(&text.unwrap(), &start).concat().replace(&start, "")
    }

    /// Those about ACS.
    fn lines(&self, start: &str) -> Vec<String> {
        let mut families = self.metrics.families();
        for family in &mut families {
            family.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        let text = Format::Text.write(&families, false);
        lines(&String::from_utf8(text).unwrap(), start)
    }
}

fn lines(text: &str, start: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with(start));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_label_set_stands_at_0_in_the_next_process_and_is_born_unshown_once() {
    let mut first = Process::new(&Settings::default());
    first.uses("voice", 1);
    first.uses("voice", 1);
    assert_eq!(first.usage(), ["voice 2"]);
    assert_eq!(first.born_unshown("acs_usage_quantity_total"), "1");

    let remembered = first.metrics.remembered(NOW);
    let of_failures: Vec<_> = remembered.of_failures.iter().collect();
    let resource = Series::new("acs_resource_info", &["a"]);
    assert_eq!(of_failures, [&(resource, NOW)]);

    let mut next = Process::new(&Settings::default());
    next.restore(remembered);
    assert_eq!(next.usage(), ["voice 0"]);
    next.uses("voice", 1);
    assert_eq!(next.usage(), ["voice 1"]);
    assert_eq!(next.born_unshown("acs_usage_quantity_total"), "0");
    // It is remembered on, though it has not moved since.
    let later = next.metrics.remembered(NOW + Duration::HOUR).others;
    assert_eq!(later.len(), 3, "{later:?}");
}

#[test]
fn what_was_restored_yields_its_room_to_what_moves() {
    for settings in [
        Settings {
            label_values_max: NonZeroUsize::new(4).unwrap(),
            ..Settings::default()
        },
        // Two series for each of three types, the level of their records aside.
        Settings {
            series_max: NonZeroUsize::new(6).unwrap(),
            ..Settings::default()
        },
    ] {
        let mut process = Process::new(&settings);
        // The one that moved last goes first.
        for usage_type in ["c", "b", "a"] {
            for family in ["acs_usage_records_total", "acs_usage_quantity_total"] {
                let series = Series::new(family, &["a", usage_type, "minutes"]);
                process.metrics.restore(series, NOW, 1);
            }
        }
        assert_eq!(process.usage(), ["a 0", "b 0", "c 0"]);
        process.uses("b", 1);
        process.uses("d", 1);
        process.uses("e", 1);
        let usage = process.usage();
        assert!(usage.contains(&"b 1".to_owned()), "{usage:?}");
        assert!(usage.contains(&"d 1".to_owned()), "{usage:?}");
        assert!(usage.contains(&"e 1".to_owned()), "{usage:?}");
        assert!(!usage.contains(&"a 0".to_owned()), "{usage:?}");
    }
}

/// A hundred resources that somebody made up, and a restart.
#[test]
fn restored_resources_yield_their_room_to_those_that_are_sent() {
    let mut first = Process::new(&Settings::default());
    for number in 0..100 {
        first.uses_of(&format!("invented-{number}"), "voice", 1);
    }
    let mut next = Process::new(&Settings::default());
    next.restore(first.metrics.remembered(NOW));
    let resources = |process: &Process| {
        let family = "acs_recording_operation_failures_total{";
        let names = process.lines(family).into_iter().map(|line| {
            let (_, rest) = line.split_once("resource=\"").unwrap();
            rest.split('"').next().unwrap().to_owned()
        });
        names.collect::<HashSet<_>>()
    };
    assert_eq!(resources(&next).len(), 100);
    next.uses_of("invented-7", "voice", 1);
    for number in 0..99 {
        next.uses_of(&format!("real-{number}"), "voice", 1);
    }
    let shown = resources(&next);
    assert_eq!(shown.len(), 100);
    let others = shown.iter().filter(|name| !name.starts_with("real-"));
    assert_eq!(others.collect::<Vec<_>>(), ["invented-7"]);
    assert_eq!(next.usage().len(), 100);
    assert_eq!(next.metrics.remembered(NOW).of_failures.len(), 100);
    // Its room is free again, and a later record of it finds none.
    next.uses_of("invented-8", "voice", 1);
    assert!(resources(&next).contains("other"));
}

#[test]
fn what_has_no_room_or_another_form_is_not_restored() {
    let mut process = Process::new(&Settings {
        label_values_max: NonZeroUsize::new(2).unwrap(),
        ..Settings::default()
    });
    for (family, labels) in [
        ("acs_usage_quantity_total", &["a", "first", "minutes"][..]),
        ("acs_usage_quantity_total", &["a", "second", "minutes"]),
        ("acs_usage_quantity_total", &["a", "third", "minutes"]),
        ("acs_usage_quantity_total", &["a", "first"]),
        (
            "acs_usage_quantity_total",
            &["192.0.2.77", "first", "minutes"],
        ),
        ("acs_usage_quantity_total", &["a", "sip:alice", "minutes"]),
        ("acs_resource_info", &["192.0.2.77"]),
        ("acs_log_last_record_timestamp_seconds", &["a", "Usage"]),
        ("acs_of_another_version_total", &["a"]),
    ] {
        let series = Series::new(family, labels);
        process.metrics.restore(series, NOW, 1);
    }
    assert_eq!(process.usage(), ["first 0", "second 0"]);
    assert!(process.lines("acs_log_last").is_empty());
}

#[test]
fn new_failure_rules_are_shown_at_0_before_they_decide() {
    let mut settings = Settings {
        resources: vec!["a".to_owned()],
        ..Settings::default()
    };
    let own = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&own, ""));
    let exposition = Exposition::new(&settings, 1, own, telemetry);
    let zero = r#"acs_recording_failures_total{end_reason="InitiatorLeft",reason="ended_badly",resource="a"} 0"#;
    let shows = || {
        let scrape = exposition.scrape();
        let text = String::from_utf8(scrape.text()).unwrap();
        (text.contains(zero), scrape.snapshot)
    };
    let (is_shown, before) = shows();
    assert!(!is_shown);
    assert_eq!(exposition.announce(&settings), None);

    settings.failures.end_reasons = vec!["initiator left".to_owned(), "SolarFlare".to_owned()];
    let shown_in = exposition.announce(&settings).unwrap();
    assert!(shown_in > before);
    assert_eq!(*exposition.failure_rules(), FailureRules::default());
    assert_eq!(shows(), (true, shown_in));
    assert_eq!(exposition.announce(&settings), None);
    exposition.follow();
    assert_eq!(*exposition.failure_rules(), settings.failures.rules());
}

#[test]
fn new_resources_are_shown_at_0_before_the_records_of_others_are_ignored() {
    let resources = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut settings = Settings {
        label_values_max: NonZeroUsize::new(1).unwrap(),
        ..Settings::default()
    };
    let mut process = Process::new(&settings);
    process.uses_of("sent", "voice", 1);
    // What is taken off the list again leaves nothing, unless a record of it has come.
    settings.resources = resources(&["brief", "sent"]);
    process.metrics.announce(Rules::of(&settings), 2);
    settings.resources = resources(&["listed", "sent"]);
    settings.resources_only = true;
    process.metrics.announce(Rules::of(&settings), 2);
    let zeros = process.lines("acs_recording_failures_total{");
    let of_new = zeros.iter().filter(|line| line.contains("listed"));
    assert!(of_new.count() > 20, "{zeros:?}");
    assert!(
        zeros.iter().all(|line| !line.contains("brief")),
        "{zeros:?}"
    );
    // Neither is unknown any more, so there is room for one that is.
    process.uses_of("third", "voice", 1);
    process.metrics.follow();
    process.uses_of("third", "voice", 2);
    process.uses_of("listed", "voice", 2);
    let usage = process.lines("acs_usage_quantity_total{");
    let moved = |resource: &str| {
        let of = format!("resource=\"{resource}\",");
        let line = usage.iter().find(|line| line.contains(&of));
        line.map(|line| line.rsplit(' ').next().unwrap())
    };
    let expected = [Some("1"), Some("1"), Some("1")];
    assert_eq!(
        ["sent", "third", "listed"].map(moved),
        expected,
        "{usage:?}"
    );
}
