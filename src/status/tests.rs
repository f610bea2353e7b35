use std::time::Duration as Time;

use expect_test::expect;
use prometheus::Registry;
use time::Duration;
use time::macros::datetime;

use super::history::Kind;
use super::*;
use crate::event::PartitionId;
use crate::metrics::Settings;
use crate::telemetry::{Lag, Telemetry};

const NOW: OffsetDateTime = datetime!(2026-01-31 12:00 UTC);

/// A status with this text wherever a text can be.
fn of(text: &str) -> Status {
    let text = || text.to_owned();
    Status {
        version: text(),
        revision: Some(text()),
        build_date: Some(text()),
        at: NOW,
        started_at: NOW - Duration::hours(3),
        state: State::NotReady,
        ready: false,
        healthy: true,
        problems: vec![text()],
        warnings: vec![text()],
        event_hubs: vec![EventHub {
            name: text(),
            up: true,
            replicas: Some(2),
        }],
        partitions: vec![Partition {
            event_hub: text(),
            partition: text(),
            state: PartitionState::NotVerified,
            problem: Some(text()),
            owned: true,
            lag_events: Some(12345),
            lag_seconds: Some(61.5),
            held_events: Some(1),
            unacknowledged_events: Some(2),
            last_sequence_number: Some(3),
            checkpoint_sequence_number: None,
            last_event_at: Some(NOW - Duration::minutes(3)),
            last_verified_at: None,
        }],
        events: 10,
        events_last_hour: 5,
        records: Records {
            received: 20,
            observed: 17,
            ignored: 2,
            rejected: 1,
        },
        scrapers: 1,
        scrapers_expected: 2,
        hour_began_at: NOW - Duration::hours(1),
        failures: vec![Failures {
            kind: Kind {
                operation: text(),
                status: text(),
                reason: text(),
            },
            last_hour: 1,
            since_start: 2,
        }],
        history: vec![Interval {
            at: NOW,
            events: 4,
            failures: 1,
            lag_seconds: 61.5,
        }],
        log: vec![Line {
            at: NOW,
            level: "warn".to_owned(),
            message: text(),
            fields: [("error", text())].into(),
        }],
        configuration: vec![Configured {
            key: "http.listen",
            value: text(),
            origin: Some(text()),
            fingerprint: 0,
        }],
        restart_needed_for: vec!["http.listen"],
        runbooks_url: Some(text()),
    }
}

/// Fields may be added. One that is gone or changed breaks what reads it.
#[test]
fn the_json_has_this_shape() {
    let json = serde_json::to_string_pretty(&of("text")).unwrap();
    expect![[r#"
        {
          "version": "text",
          "revision": "text",
          "build_date": "text",
          "at": "2026-01-31T12:00:00Z",
          "started_at": "2026-01-31T09:00:00Z",
          "state": "not_ready",
          "ready": false,
          "healthy": true,
          "problems": [
            "text"
          ],
          "warnings": [
            "text"
          ],
          "event_hubs": [
            {
              "name": "text",
              "up": true,
              "replicas": 2
            }
          ],
          "partitions": [
            {
              "event_hub": "text",
              "partition": "text",
              "state": "not_verified",
              "problem": "text",
              "owned": true,
              "lag_events": 12345,
              "lag_seconds": 61.5,
              "held_events": 1,
              "unacknowledged_events": 2,
              "last_sequence_number": 3,
              "checkpoint_sequence_number": null,
              "last_event_at": "2026-01-31T11:57:00Z",
              "last_verified_at": null
            }
          ],
          "events": 10,
          "events_last_hour": 5,
          "records": {
            "received": 20,
            "observed": 17,
            "ignored": 2,
            "rejected": 1
          },
          "scrapers": 1,
          "scrapers_expected": 2,
          "hour_began_at": "2026-01-31T11:00:00Z",
          "failures": [
            {
              "operation": "text",
              "status": "text",
              "reason": "text",
              "last_hour": 1,
              "since_start": 2
            }
          ],
          "history": [
            {
              "at": "2026-01-31T12:00:00Z",
              "events": 4,
              "failures": 1,
              "lag_seconds": 61.5
            }
          ],
          "log": [
            {
              "at": "2026-01-31T12:00:00Z",
              "level": "warn",
              "message": "text",
              "fields": {
                "error": "text"
              }
            }
          ],
          "configuration": [
            {
              "key": "http.listen",
              "value": "text",
              "origin": "text"
            }
          ],
          "restart_needed_for": [
            "http.listen"
          ],
          "runbooks_url": "text"
        }"#]]
    .assert_eq(&json);
}

#[test]
fn whatever_is_shown_is_text_in_the_page_and_nothing_else() {
    let hostile = r#"</td><script>alert("x")</script><img src=x onerror='alert(1)'>&amp;"#;
    let page = page(&of(hostile));
    let escaped = "&lt;/td&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img src=x onerror='alert(1)'&gt;&amp;amp;";
    assert_eq!(page.matches(escaped).count(), 16, "{page}");
    let page = page.replace(escaped, "");
    for active in [
        "script", "<img", " style=", " src=", "<link", "url(", "@import", " onerror",
    ] {
        assert!(!page.contains(active), "{active}\n{page}");
    }
}

#[test]
fn a_page_is_bounded_however_much_there_is_to_show() {
    let mut status = of("text");
    status.log = vec![status.log[0].clone(); 1000];
    status.partitions = vec![status.partitions[0].clone(); 5000];
    let page = page(&status);
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains("4800 more partitions are in the JSON."));
}

#[test]
fn times_and_numbers_are_for_people() {
    let page = page(&of("text"));
    for shown in [
        "Up for 3 h 0 min <span class=\"muted\">since 2026-01-31 09:00:00 UTC</span>",
        "3 min ago <span class=\"muted\">2026-01-31 11:57:00 UTC</span>",
        "<span class=\"muted\">never</span>",
        "12\u{202f}345</span> events · 1 min",
        "1 of 2",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
}

#[test]
fn the_worst_that_is_known_decides_the_state() {
    let check = |not_healthy: &str, not_ready: &str, owned, lag_seconds, expected| {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let partition = Partition {
            owned,
            lag_seconds,
            ..of("text").partitions.remove(0)
        };
        let state = State::of(&lines(not_healthy), &lines(not_ready), &[partition]);
        assert_eq!(
            state, expected,
            "{not_healthy} {not_ready} {owned} {lag_seconds:?}"
        );
    };
    check("stuck", "not read", false, None, State::Unhealthy);
    check("", "not read", true, Some(600.0), State::NotReady);
    check("", "", true, Some(60.1), State::Behind);
    check("", "", true, Some(60.0), State::Reading);
    check("", "", false, None, State::StandingBy);
}

#[test]
fn the_numbers_are_those_of_the_metrics() {
    let own = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&own, ""));
    let settings = Settings {
        resources: vec!["contoso".to_owned()],
        ..Settings::default()
    };
    let exposition = Exposition::new(&settings, 1, own, Arc::clone(&telemetry));
    let now = Instant::now();
    let liveness = Liveness::new(["logs"], Time::from_mins(5), now);
    let [one, other] = ["0", "1"].map(|id| PartitionId::new("logs", id));
    liveness.event_hub_answered("logs", ["0", "1"], now);
    for partition in [&one, &other] {
        telemetry.partition_found(partition, [], []);
    }
    telemetry.receiver_opened(&one, None, 10);
    liveness.partition_opened(&one);
    telemetry.partition_proved(&one, NOW - Duration::seconds(7));
    let lag = Lag {
        events: 5,
        since: Some(NOW - Duration::seconds(90)),
    };
    telemetry.partition_lags(&one, lag);
    liveness.partition_failed(&other, "no such group: create it".to_owned(), false);

    let board = Board::new(Arc::new(exposition), Arc::new(liveness), Facts::default());
    let status = board.look(Vec::new(), true, now, NOW);
    assert_eq!(
        (status.state, status.ready, status.healthy),
        (State::NotReady, false, true)
    );
    let [failed, read] = status.partitions.as_slice() else {
        panic!("{status:?}")
    };
    assert_eq!(
        (failed.partition.as_str(), failed.state),
        ("1", PartitionState::NotRead)
    );
    assert_eq!(failed.problem.as_deref(), Some("no such group: create it"));
    assert_eq!((failed.owned, failed.lag_events), (false, None));
    assert_eq!(
        (read.partition.as_str(), read.state),
        ("0", PartitionState::Reading)
    );
    assert_eq!((read.lag_events, read.lag_seconds), (Some(5), Some(90.0)));
    assert_eq!(read.last_verified_at, Some(NOW - Duration::seconds(7)));
    assert!(status.event_hubs[0].up);
    assert!(status.history.is_empty());
    let later = board.look(Vec::new(), true, now, NOW + Duration::seconds(30));
    let interval = Interval {
        at: NOW + Duration::seconds(30),
        events: 0,
        failures: 0,
        lag_seconds: 120.0,
    };
    assert_eq!(later.history, [interval]);
    assert_eq!(later.hour_began_at, NOW);
}
