//! What must hold of the traffic as a whole.

mod sending;
mod shapes;

use std::{collections::BTreeMap, ops::RangeInclusive};

use time::{Duration, OffsetDateTime, macros::datetime};

use super::{
    Category, Envelopes, Record, Settings, Traffic,
    call::{self, Plan, VICTIM_AGE},
    dice::Dice,
    incident::Incidents,
    model::{Body, EndReason, Operation, Summary, UsageKind, Verb},
    world::{CONTACT_CENTER, RESOURCES, SUPPORT},
};

const START: OffsetDateTime = datetime!(2026-03-02 09:30:00.123_456_7 UTC);

fn records(seed: u64, duration: Duration) -> impl Iterator<Item = Record> {
    let settings = Settings {
        seed,
        ..Settings::default()
    };
    let traffic = Traffic::new(&settings, START).expect("the default settings are in range");
    traffic.take_while(move |record| record.time < START + duration)
}

fn bytes(seed: u64, seconds: usize) -> Vec<String> {
    let settings = Settings {
        seed,
        ..Settings::default()
    };
    let envelopes = Envelopes::new(&settings, START).expect("the default settings are in range");
    let envelopes = envelopes.take(seconds).flatten();
    envelopes.map(|envelope| envelope.body).collect()
}

fn check_share(what: &str, part: usize, whole: usize, expected: RangeInclusive<f64>) {
    let of = |count| f64::from(u32::try_from(count).expect("an hour's counts are small"));
    let share = of(part) / of(whole);
    println!("{what}: {part} of {whole} = {share:.4}");
    assert!(
        expected.contains(&share),
        "{what}: {part} of {whole} is {share:.4}, expected {expected:?}"
    );
}

#[test]
fn an_hour_has_the_shares_of_production() {
    let records: Vec<Record> = records(1, Duration::HOUR).collect();
    let operations: Vec<&Operation> = records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Operation(operation) => Some(operation),
            _ => None,
        })
        .collect();
    let summaries: Vec<&Summary> = records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Summary(summary) => Some(summary),
            _ => None,
        })
        .collect();

    let requests = operations.len();
    let statuses = |range: RangeInclusive<u16>| {
        let of = operations.iter().filter(|of| range.contains(&of.status));
        of.count()
    };
    // 7,200 calls, with a little over one recording each.
    check_share("recordings per call", summaries.len(), 7200, 0.97..=1.13);
    check_share("requests per call", requests, 7200, 2.5..=4.0);
    check_share(
        "failed requests",
        requests - statuses(200..=299),
        requests,
        0.02..=0.04,
    );
    check_share("throttled", statuses(429..=429), requests, 0.004..=0.02);
    check_share(
        "server errors",
        statuses(500..=599),
        requests,
        0.008..=0.025,
    );
    for status in [200, 202, 204, 400, 403, 404, 409, 412, 429, 500, 503] {
        assert!(
            statuses(status..=status) > 0,
            "no request answered {status}"
        );
    }

    let ended = |expected: fn(&EndReason) -> bool| {
        let of = summaries.iter().filter(|of| expected(&of.end_reason));
        of.count()
    };
    let all = summaries.len();
    check_share(
        "call ended",
        ended(|of| *of == EndReason::CallEnded),
        all,
        0.80..=0.95,
    );
    check_share(
        "initiator left",
        ended(|of| *of == EndReason::InitiatorLeft),
        all,
        0.08..=0.15,
    );
    check_share(
        "failed recordings",
        ended(|of| of.is_failure()),
        all,
        0.003..=0.025,
    );
    let limit = ended(|of| *of == EndReason::MaximumSessionTimeReached);
    check_share("session limit", limit, all, 0.0005..=0.004);

    let busy = |record: &&Record| record.resource == &CONTACT_CENTER;
    let quiet = |record: &&Record| record.resource.name == "fabrikam-telehealth";
    let of = |filter: &dyn Fn(&&Record) -> bool| records.iter().filter(|of| filter(of)).count();
    check_share("busy resource", of(&busy), records.len(), 0.60..=0.72);
    check_share("quiet resource", of(&quiet), records.len(), 0.05..=0.11);

    let mut lengths: Vec<Duration> = summaries.iter().map(|summary| summary.length).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    let expected = Duration::seconds(260)..=Duration::seconds(340);
    assert!(expected.contains(&median), "the median length is {median}");
}

#[test]
fn shares_of_the_resources_sum_to_one() {
    let sum: f64 = RESOURCES.iter().map(|resource| resource.call_share).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(bytes(7, 30), bytes(7, 30));
    assert_ne!(bytes(7, 30), bytes(8, 30));
}

#[test]
fn records_come_in_the_order_of_time_and_none_before_the_start() {
    let mut last = START;
    for record in records(3, Duration::minutes(30)) {
        assert!(last <= record.time, "{record:?} comes after one of {last}");
        last = record.time;
    }
}

#[test]
fn from_the_first_seconds_there_are_calls_of_every_age() {
    let mut ages: Vec<Duration> = records(1, Duration::seconds(20))
        .filter_map(|record| match record.body {
            Body::Summary(summary) => Some(record.time - summary.started_at),
            _ => None,
        })
        .collect();
    ages.sort_unstable();
    assert!(ages.len() > 20, "only {} summaries", ages.len());
    assert!(
        ages[0] < Duration::minutes(2),
        "the youngest is {}",
        ages[0]
    );
    let oldest = ages[ages.len() - 1];
    assert!(oldest > Duration::minutes(15), "the oldest is {oldest}");
}

#[test]
fn the_first_minutes_are_as_busy_as_later_ones() {
    let in_minutes = |from: i64, to: i64| {
        let from = START + Duration::minutes(from);
        let records = records(5, Duration::minutes(to));
        records.filter(|record| record.time >= from).count()
    };
    check_share(
        "minutes 0-10 to 60-70",
        in_minutes(0, 10),
        in_minutes(60, 70),
        0.85..=1.15,
    );
}

#[test]
fn within_12_seconds_a_request_and_a_recording_have_failed_at_any_seed_and_rate() {
    // Few calls make it harder, and their history quicker to play.
    let quiet = (0..200).map(|seed| (seed, 0.1));
    let usual = (200..220).map(|seed| (seed, Settings::default().calls_per_second));
    for (seed, calls_per_second) in quiet.chain(usual) {
        let settings = Settings {
            calls_per_second,
            seed,
            ..Settings::default()
        };
        let traffic = Traffic::new(&settings, START).expect("the settings are in range");
        let soon = traffic.take_while(|record| record.time < START + Duration::seconds(12));
        let failed: Vec<Category> = soon
            .filter(Record::is_failure)
            .map(|record| record.category())
            .collect();
        for category in [Category::Operational, Category::Summary] {
            assert!(
                failed.contains(&category),
                "seed {seed}: no failed {category:?}"
            );
        }
    }
}

#[test]
fn an_incident_hits_most_requests_of_its_resource_and_few_of_the_others() {
    let from = START + Duration::minutes(5);
    let mut counts = [[0usize; 2]; 2];
    for record in records(2, Duration::seconds(330)).filter(|record| record.time >= from) {
        if record.category() == Category::Operational {
            let hit = usize::from(record.resource == &SUPPORT);
            counts[hit][usize::from(record.is_failure())] += 1;
        }
    }
    let [[others, others_failed], [hit, hit_failed]] = counts;
    check_share(
        "failed at the resource",
        hit_failed,
        hit + hit_failed,
        0.4..=0.8,
    );
    check_share(
        "failed elsewhere",
        others_failed,
        others + others_failed,
        0.0..=0.06,
    );
}

#[test]
fn incidents_take_turns_and_are_found_by_time() {
    let incidents = Incidents::new(START);
    let at = |seconds| {
        let time = START + Duration::seconds(seconds);
        let hit = RESOURCES
            .iter()
            .filter(|resource| incidents.at(resource, time).is_some());
        hit.map(|resource| resource.name).collect::<Vec<_>>()
    };
    assert_eq!(at(-90), [""; 0]);
    assert_eq!(at(4), [""; 0]);
    assert_eq!(at(5), ["contoso-contact-center"]);
    assert_eq!(at(11), [""; 0]);
    assert_eq!(at(300), ["contoso-support"]);
    assert_eq!(at(329), ["contoso-support"]);
    assert_eq!(at(330), [""; 0]);
    assert_eq!(at(600), ["fabrikam-telehealth"]);
    assert_eq!(at(900), ["contoso-contact-center"]);
    let long_ago = START - VICTIM_AGE;
    let spanned = incidents.overlapping(&SUPPORT, long_ago, START + Duration::HOUR);
    assert_eq!(
        spanned.map(|incident| incident.begins_at),
        Some(START + Duration::minutes(5))
    );
}

#[test]
fn no_record_of_a_call_comes_before_its_cause_or_after_its_longest_end() {
    for seed in 0..3000 {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&mut dice);
        let incidents = Incidents::new(START);
        let mut records = call::play(START, &CONTACT_CENTER, &plan, incidents, dice);
        records.sort_by_key(|record| record.time);
        check_causes(&records, START + plan.duration_max());
    }
}

/// A recording needs a start that was answered 2xx before it, and its file its summary.
fn check_causes(records: &[Record], end: OffsetDateTime) {
    let mut starts = Vec::new();
    let mut ready = BTreeMap::new();
    for record in records {
        assert!(record.time <= end, "{record:?}");
        match &record.body {
            Body::Operation(operation) if operation.verb == Verb::Start => {
                if operation.succeeded() {
                    starts.push(record.time);
                }
            }
            Body::Operation(operation) => {
                let asked_at = record.time - operation.duration;
                assert!(starts.iter().any(|start| *start <= asked_at), "{record:?}");
                let recording = operation.recording.expect("every other request names one");
                if matches!(operation.verb, Verb::Download | Verb::Delete) {
                    assert!(
                        ready
                            .get(&recording)
                            .is_some_and(|ready| *ready <= asked_at),
                        "{record:?}"
                    );
                }
            }
            Body::Summary(summary) => {
                assert!(starts.contains(&summary.started_at), "{record:?}");
                assert!(!summary.length.is_negative(), "{record:?}");
                assert!(
                    summary.started_at + summary.length <= record.time,
                    "{record:?}"
                );
                let again = ready.insert(summary.recording, record.time);
                assert_eq!(again, None, "a second summary of the same recording");
            }
            Body::Usage(usage) => {
                assert!(usage.started_at <= usage.ended_at, "{record:?}");
                assert!(usage.ended_at <= record.time, "{record:?}");
                assert!(usage.quantity >= 0.0, "{record:?}");
            }
        }
    }
}

#[test]
fn unmixed_recordings_are_wav_and_have_more_than_one_channel() {
    for record in records(6, Duration::minutes(20)) {
        if let Body::Summary(summary) = record.body {
            let unmixed = summary.media.channel() == "unmixed";
            assert_eq!(unmixed, summary.audio_channels > 1, "{summary:?}");
            assert!(!unmixed || summary.media.format() == "wav", "{summary:?}");
            assert_eq!(
                summary.chunk_count == 0,
                summary.length.whole_seconds() == 0
            );
        }
    }
}

#[test]
fn usage_has_more_than_one_type() {
    for kind in [UsageKind::CallRecording, UsageKind::Pstn, UsageKind::Chat] {
        let mut records = records(1, Duration::minutes(5));
        let has = |record: Record| matches!(record.body, Body::Usage(usage) if usage.kind == kind);
        assert!(records.any(has), "no {kind:?}");
    }
}

#[test]
fn a_rate_out_of_range_is_refused() {
    for calls_per_second in [0.0, -1.0, 501.0, f64::NAN, f64::INFINITY] {
        let settings = Settings {
            calls_per_second,
            ..Settings::default()
        };
        let fault = Traffic::new(&settings, START).expect_err("it is out of range");
        let range = "must be above 0 and at most 500";
        assert_eq!(
            fault.to_string(),
            format!("`calls_per_second` = `{calls_per_second}` {range}")
        );
    }
}
