//! The status as a page: no script, nothing from elsewhere, and everything shown is escaped by the templates.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use time::{Duration, OffsetDateTime};

use super::charts;
use super::gathered::whole;
use super::history::{Failures, Interval, SAMPLE_EVERY};
use super::words::{ago, clock, number, seconds};
use super::{BEHIND_AFTER_SECONDS, EventHub, Partition, PartitionState, State, Status};
use crate::setting::Configured;
use crate::telemetry::{Line, float};

/// A browser that stays open asks so often.
const REFRESH_SECONDS: u32 = 10;

/// Those that need a person come first, and the JSON has all.
const PARTITIONS_MAX: usize = 200;

/// The most frequent ones; the others are one click away, so that the log stays in sight.
const FAILURES_MAX: usize = 10;

/// Enough to see what led to now; the JSON has all.
const LINES_MAX: usize = 50;

const STYLE: &str = include_str!("page.css");

/// The page.
pub(crate) fn page(status: &Status) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content=(REFRESH_SECONDS);
                title { (word(status.state)) " · acs-recording-exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(status))
                main {
                    (verdict(status))
                    (tiles(status))
                    (partitions(status))
                    (failures(status))
                    (log(status))
                    (configuration(status))
                }
                footer {
                    "As of " (clock(status.at)) ". This page loads itself again every " (REFRESH_SECONDS) " s."
                }
            }
        }
    };
    page.into_string()
}

fn header(status: &Status) -> Markup {
    html! {
        header {
            h1 { "acs-recording-exporter" }
            span.version {
                (status.version)
                @if let Some(revision) = &status.revision { " (" (revision) ")" }
                @if let Some(date) = &status.build_date { ", " (date) }
            }
            nav {
                a href="/metrics" { "metrics" }
                a href="/-/ready" { "ready" }
                a href="/-/healthy" { "healthy" }
                a href="/api/v1/status" { "JSON" }
                @if let Some(url) = &status.runbooks_url { a href=(url) rel="noreferrer" { "runbooks" } }
            }
        }
    }
}

/// The answer to the first question: is it alive?
fn verdict(status: &Status) -> Markup {
    let read = status.partitions.iter().filter(|partition| partition.owned);
    let (read, all) = (read.count(), status.partitions.len());
    let summary = match status.state {
        State::Unhealthy => "A part of the process is stuck: restart it.".to_owned(),
        State::NotReady => format!("{read} of {all} partitions read."),
        State::Behind => format!(
            "All partitions are read, and the oldest unread event is {} old.",
            seconds(lag(status))
        ),
        State::StandingBy => {
            "No partition is to be read: the start gate is closed, or other replicas read them all."
                .to_owned()
        }
        State::Reading => format!("{read} of {all} partitions read, and verified."),
    };
    html! {
        section.verdict.(class(status.state)) {
            h2 { (word(status.state)) }
            p {
                (summary) " Up for " (seconds((status.at - status.started_at).as_seconds_f64()))
                " " span.muted { "since " (clock(status.started_at)) } "."
            }
            @if !status.problems.is_empty() || !status.warnings.is_empty() {
                ul {
                    @for problem in &status.problems { li { (problem) } }
                    @for warning in &status.warnings { li { "Warning: " (warning) } }
                }
            }
        }
    }
}

fn tiles(status: &Status) -> Markup {
    let failures = status.failures.iter();
    let failures: u64 = failures.map(|failures| failures.last_hour).sum();
    let records = status.records;
    html! {
        section.tiles {
            div.tile {
                h3 { "Events" }
                p.value { (number(status.events_last_hour)) }
                (chart(status, "events", count_of_a_sample, |interval| float(interval.events)))
            }
            div.tile.failures {
                h3 { "Failures" }
                p.value { (number(failures)) }
                (chart(status, "failures", count_of_a_sample, |interval| float(interval.failures)))
            }
            div.tile.lag {
                h3 { "Lag now" }
                p.value { (seconds(lag(status))) }
                (chart(status, "lag", seconds, |interval| interval.lag_seconds))
            }
            div.tile {
                h3 { "Since the start" }
                dl {
                    dt { "events" } dd #events { (number(status.events)) }
                    dt { "records" } dd { (number(records.received)) }
                    dt { "observed" } dd { (number(records.observed)) }
                    dt { "ignored" } dd { (number(records.ignored)) }
                    dt { "rejected" } dd.bad[records.rejected > 0] { (number(records.rejected)) }
                    dt { "scrapers" } dd.bad[status.scrapers != status.scrapers_expected] {
                        (status.scrapers) " of " (status.scrapers_expected)
                    }
                }
            }
        }
    }
}

/// A line over the last hour, or what there is of it, with its largest value in words.
fn chart(
    status: &Status,
    what: &str,
    in_words: fn(f64) -> String,
    value: fn(&Interval) -> f64,
) -> Markup {
    let span = (status.at - status.hour_began_at).max(Duration::SECOND);
    let points = status.history.iter().map(|interval| {
        let through = (interval.at - status.hour_began_at) / span;
        (through.clamp(0.0, 1.0), value(interval))
    });
    let points: Vec<_> = points.collect();
    let most = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let title = if points.is_empty() {
        format!("a line in {} s", SAMPLE_EVERY.as_secs())
    } else {
        let minutes = span.whole_minutes().max(1);
        format!("last {minutes} min, at most {}", in_words(most))
    };
    html! {
        (charts::line(&format!("{what}: {title}"), &points))
        p.note { (title) }
    }
}

fn count_of_a_sample(count: f64) -> String {
    format!("{} in {} s", number(whole(count)), SAMPLE_EVERY.as_secs())
}

fn partitions(status: &Status) -> Markup {
    let more = status.partitions.len().saturating_sub(PARTITIONS_MAX);
    html! {
        section {
            h2 { "Partitions" }
            @for event_hub in &status.event_hubs {
                @let own = status.partitions.iter().take(PARTITIONS_MAX);
                @let own: Vec<_> = own.filter(|partition| partition.event_hub == event_hub.name).collect();
                (of_event_hub(event_hub, &own, status))
            }
            @if more > 0 { p.note { (more) " more partitions are in the JSON." } }
        }
    }
}

fn of_event_hub(event_hub: &EventHub, partitions: &[&Partition], status: &Status) -> Markup {
    html! {
        h3.hub {
            (event_hub.name) " "
            span.pill.(if event_hub.up { "good" } else { "bad" }) { (if event_hub.up { "up" } else { "down" }) }
            @if let Some(replicas) = event_hub.replicas {
                " " span.muted { (replicas) @if replicas == 1 { " replica" } @else { " replicas" } }
            }
        }
        @if partitions.is_empty() {
            p.note { "Its partitions are not known yet." }
        } @else {
            table.partitions {
                thead {
                    tr { th { "Partition" } th { "Owner" } th.number { "Lag" } th { "Last event" } th { "Last verified" } }
                }
                tbody { @for partition in partitions { (row(partition, status)) } }
            }
        }
    }
}

fn row(partition: &Partition, status: &Status) -> Markup {
    let (state, class) = match partition.state {
        PartitionState::NotRead => ("not read", "bad"),
        PartitionState::NotVerified => ("not verified", "bad"),
        PartitionState::Reading => ("this process", "good"),
        PartitionState::StandingBy => ("another replica, or none", "muted"),
    };
    let is_said = |problem: &str| status.problems.iter().any(|line| line.contains(problem));
    let lag_seconds = partition.lag_seconds.unwrap_or_default();
    let is_behind = lag_seconds > BEHIND_AFTER_SECONDS;
    html! {
        tr data-partition=(partition.partition) {
            th scope="row" { (partition.partition) }
            td data-label="Owner" {
                span.pill.(class) { (state) }
                @if let Some(held) = partition.held_events.filter(|held| *held > 0) {
                    " " span.pill.warn { (number(held)) " held" }
                }
            }
            td.number data-label="Lag" {
                @match partition.lag_events {
                    None => { span.muted { "unknown" } }
                    Some(lag) => {
                        span.warn[is_behind] {
                            span.lag { (number(lag)) }
                            @if lag > 0 { " events · " (seconds(lag_seconds)) }
                        }
                    }
                }
            }
            td data-label="Last event" { (ago(partition.last_event_at, status.at)) }
            td data-label="Last verified" { (ago(partition.last_verified_at, status.at)) }
        }
        @if let Some(problem) = partition.problem.as_deref().filter(|problem| !is_said(problem)) {
            tr.problem { td colspan="5" { (problem) } }
        }
    }
}

fn failures(status: &Status) -> Markup {
    let (first, more) = status
        .failures
        .split_at(status.failures.len().min(FAILURES_MAX));
    html! {
        section {
            h2 { "Failures" }
            @if first.is_empty() {
                p.note { "None since the start." }
            } @else {
                (table_of_failures(first))
            }
            @if !more.is_empty() {
                details {
                    summary { (more.len()) " more" }
                    (table_of_failures(more))
                }
            }
        }
    }
}

fn table_of_failures(failures: &[Failures]) -> Markup {
    html! {
        table.failures {
            thead {
                tr { th { "Operation" } th { "Status" } th { "Reason" } th.number { "Last hour" } th.number { "Since start" } }
            }
            tbody {
                @for failures in failures {
                    tr.muted[failures.last_hour == 0] {
                        th scope="row" { (failures.kind.operation) }
                        td { (failures.kind.status) }
                        td { (failures.kind.reason) }
                        td.number { (number(failures.last_hour)) }
                        td.number { (number(failures.since_start)) }
                    }
                }
            }
        }
    }
}

fn log(status: &Status) -> Markup {
    html! {
        section {
            h2 { "Last changes" }
            @if status.log.is_empty() { p.note { "None." } }
            ol.log {
                @for line in status.log.iter().take(LINES_MAX) { (log_line(line, status.at)) }
            }
        }
    }
}

fn log_line(line: &Line, at: OffsetDateTime) -> Markup {
    html! {
        li {
            (ago(Some(line.at), at))
            div {
                span.level.(line.level) { (line.level) } " " (line.message)
                @for (name, value) in &line.fields {
                    " " span.field { (name) "=" (value) }
                }
            }
        }
    }
}

fn configuration(status: &Status) -> Markup {
    let is_set = |key: &&Configured| key.origin.is_some();
    let (set, defaults): (Vec<_>, Vec<_>) = status.configuration.iter().partition(is_set);
    html! {
        section {
            h2 { "Configuration" }
            @if !status.restart_needed_for.is_empty() {
                p id="restart" { "Changed, and waiting for a restart: " (status.restart_needed_for.join(", ")) }
            }
            table.configuration {
                thead { tr { th { "Key" } th { "Value" } th { "From" } } }
                tbody {
                    @for key in set {
                        tr {
                            th scope="row" { (key.key) }
                            td { code { (key.value) } }
                            td.muted { (key.origin.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
            details {
                summary { (defaults.len()) " defaults" }
                table.configuration {
                    tbody { @for key in defaults { tr { th scope="row" { (key.key) } td { code { (key.value) } } } } }
                }
            }
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Unhealthy => "Unhealthy",
        State::NotReady => "Not ready",
        State::Behind => "Behind",
        State::StandingBy => "Standing by",
        State::Reading => "Healthy",
    }
}

fn class(state: State) -> &'static str {
    match state {
        State::Unhealthy | State::NotReady => "bad",
        State::Behind | State::StandingBy => "warn",
        State::Reading => "good",
    }
}

/// The lag of the partition that is most behind.
fn lag(status: &Status) -> f64 {
    let lags = status
        .partitions
        .iter()
        .filter_map(|partition| partition.lag_seconds);
    lags.fold(0.0, f64::max)
}
