//! The page at `/` and its JSON: what they show is what `/metrics` shows.

use event_hub_emulator::{Emulator, EventHub};
use futures_util::future::join_all;
use serde_json::Value;

use crate::world::{Exporter, Samples, eventually, get};

const OPERATIONS: &[u8] = include_bytes!("../data/operations.json");
const SUMMARIES: &[u8] = include_bytes!("../data/summaries.json");

#[tokio::test]
async fn the_numbers_on_the_page_and_in_the_json_are_those_of_the_metrics() {
    let hub = Emulator::start([EventHub::new("logs", 3)]).await.unwrap();
    let secret = "SharedAccessKey=";
    assert!(hub.connection_string().contains(secret));
    let exporter = Exporter::reading(hub.connection_string(), &[]).await;
    exporter.ready().await;
    for partition in 0..3 {
        for body in [OPERATIONS, SUMMARIES] {
            hub.publish("logs", partition, body).unwrap();
        }
    }
    let (scrape, status, page) = eventually("the same numbers", || async {
        let scrape = exporter.scrape().await?;
        let status = status(&exporter).await?;
        let (_, page) = get(&exporter.address, "/").await?;
        let events = scrape.sum("acs_recording_exporter_events_total", &[]);
        if events < 6.0 || status["events"] != events {
            return Err(format!("{events} events\n{status:#}"));
        }
        Ok((scrape, status, page))
    })
    .await;

    assert_eq!(status["state"], "reading", "{status:#}");
    assert!(page.contains("<dd id=\"events\">6</dd>"), "{page}");
    let received = scrape.sum("acs_recording_exporter_records_received_total", &[]);
    assert_eq!(status["records"]["received"], received);
    for disposition in ["observed", "ignored", "rejected"] {
        let label = format!("disposition=\"{disposition}\"");
        let records = scrape.sum("acs_recording_exporter_records_total", &[&label]);
        assert_eq!(status["records"][disposition], records, "{disposition}");
    }
    let partitions = status["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 3);
    for partition in partitions {
        compare_partition(&scrape, partition, &page);
    }
    let failures = status["failures"].as_array().unwrap();
    assert!(failures.len() > 3, "{status:#}");
    for failure in failures {
        compare_failure(&scrape, failure, &page);
    }
    let all: f64 = failures
        .iter()
        .map(|failure| number(&failure["since_start"]))
        .sum();
    let counted = scrape.sum("acs_recording_operation_failures_total", &[])
        + scrape.sum("acs_recording_failures_total", &[]);
    assert_eq!(all, counted);

    let text = status.to_string();
    for written in [&text, &page] {
        assert!(written.contains("event_hub.connection_string"));
        assert!(written.contains("variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING"));
        assert!(!written.contains(secret));
        assert!(written.contains("reading partition"));
    }
}

/// The page and a script's requests are for people: they neither acknowledge nor keep a scraper waiting.
#[tokio::test]
async fn many_requests_share_one_page_and_scrapes_go_on() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let exporter = Exporter::reading(hub.connection_string(), &[]).await;
    exporter.ready().await;
    let pages = join_all((0..100).map(|_| get(&exporter.address, "/api/v1/status")));
    let (pages, scrape) = tokio::join!(pages, exporter.scrape());
    assert!(scrape.is_ok(), "{:?}", scrape.err());
    let mut moments: Vec<_> = pages
        .into_iter()
        .map(|answer| serde_json::from_str::<Value>(&answer.unwrap().1).unwrap()["at"].to_string())
        .collect();
    moments.sort();
    moments.dedup();
    println!("100 requests, {} readings", moments.len());
    assert!(moments.len() < 20, "{moments:?}");

    let (code, text) = get(&exporter.address, "/status").await.unwrap();
    assert_eq!(code, 404);
    for endpoint in ["/metrics", "/-/ready", "/-/healthy", "/api/v1/status"] {
        assert!(text.contains(endpoint), "{text}");
    }
}

fn compare_partition(scrape: &Samples, partition: &Value, page: &str) {
    let label = format!("partition={}", partition["partition"]);
    for (field, family) in [
        ("lag_events", "partition_lag_events"),
        ("held_events", "held_events"),
        ("unacknowledged_events", "unacknowledged_events"),
        ("last_sequence_number", "partition_last_sequence_number"),
    ] {
        let name = format!("acs_recording_exporter_{family}");
        assert_eq!(
            partition[field],
            scrape.sum(&name, &[&label]),
            "{field} of {label}"
        );
    }
    assert_eq!(partition["owned"], true);
    let row = page
        .split("<tr data-")
        .find(|row| row.starts_with(&label))
        .unwrap();
    let lag = format!("<span class=\"lag\">{}</span>", partition["lag_events"]);
    assert!(row.contains(&lag), "{row}");
    assert!(row.contains("this process"), "{row}");
}

fn compare_failure(scrape: &Samples, failure: &Value, page: &str) {
    let [operation, status, reason] =
        ["operation", "status", "reason"].map(|field| failure[field].as_str().unwrap());
    let reason_label = format!("reason=\"{reason}\"");
    let counted = if operation == "recording" {
        let end_reason = format!("end_reason=\"{status}\"");
        scrape.sum(
            "acs_recording_failures_total",
            &[&end_reason, &reason_label],
        )
    } else {
        let operation = format!("operation=\"{operation}\"");
        let signature = format!("result_signature=\"{status}\"");
        let labels = [operation.as_str(), &signature, &reason_label];
        scrape.sum("acs_recording_operation_failures_total", &labels)
    };
    assert_eq!(number(&failure["last_hour"]), counted, "{failure}");
    let row = format!(
        "<th scope=\"row\">{operation}</th><td>{status}</td><td>{reason}</td><td class=\"number\">{counted}</td>"
    );
    assert!(page.contains(&row), "{row}\n{page}");
}

async fn status(exporter: &Exporter) -> Result<Value, String> {
    let (code, text) = get(&exporter.address, "/api/v1/status").await?;
    assert_eq!(code, 200, "{text}");
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}
