//! How partitions are read: over shared connections, within a budget of memory, and after a lost position.

use event_hub_emulator::{Emulator, EventHub};

use crate::world::{Exporter, Samples, eventually, get};

const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":2}}]}"#;

const EVENTS: &str = "acs_recording_exporter_events_total";
const RESTARTS: &str = "acs_recording_exporter_receiver_restarts_total";
const LOST: &str = "acs_recording_exporter_positions_lost_total";

#[tokio::test]
async fn partitions_that_share_a_connection_lose_nothing_when_one_of_them_fails() {
    let hub = Emulator::start([EventHub::new("logs", 8)]).await.unwrap();
    let sharing = (
        "ACS_RECORDING_EXPORTER__EVENT_HUB__PARTITIONS_PER_CONNECTION",
        "4",
    );
    let exporter = exporter(&hub, &[sharing]).await;
    // Two connections for the partitions, one for the search for more of them; none that was opened for a start.
    crate::support::eventually(3, || hub.connections()).await;
    let readers = || {
        hub.partitions("logs")
            .unwrap()
            .iter()
            .map(|state| state.readers)
            .sum()
    };
    crate::support::eventually(8_usize, readers).await;
    publish(&hub, 0..8, 100);
    for partition in 0..8 {
        let detached = hub.detach_readers("logs", partition, Some("amqp:internal-error"));
        assert_eq!(detached.unwrap(), 1);
        publish(&hub, 0..8, 50);
        // The hub has other readers on the same connection, which do not notice.
        exporter
            .reads(8 * (100 + 50 * (u64::from(partition) + 1)))
            .await;
    }
    hub.sever_connections();
    publish(&hub, 0..8, 100);
    let scrape = exporter.reads(8 * 600).await;
    assert_eq!(scrape.sum("acs_usage_quantity_total", &[]), 2.0 * 4800.0);
    assert_eq!(
        scrape.sum("acs_recording_exporter_refused_events_total", &[]),
        0.0
    );
    exporter.ready().await;
}

#[tokio::test]
async fn events_of_a_megabyte_stay_within_the_budget_of_memory() {
    const PARTITIONS: u32 = 4;
    let hub = Emulator::start([EventHub::new("logs", PARTITIONS)])
        .await
        .unwrap();
    // 60 events of 1 MB in each partition: all of them at once would be 240 MB.
    let large = vec![b' '; 1_000_000];
    for partition in 0..PARTITIONS {
        for _ in 0..60 {
            hub.publish("logs", partition, &large).unwrap();
        }
    }
    let exporter = exporter(&hub, &[]).await;
    exporter.reads(60 * u64::from(PARTITIONS)).await;
    let most = exporter.memory_mib("VmHWM");
    println!(
        "240 MB in events of 1 MB, on 4 partitions of 8 MiB each: {most} MiB resident at most"
    );
    assert!(most < 160, "{most} MiB");
}

#[tokio::test]
async fn a_hub_that_is_created_again_is_read_from_the_configured_position() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let on_invalid = |policy| ("ACS_RECORDING_EXPORTER__CHECKPOINT__ON_INVALID", policy);
    let earliest = exporter_in(&hub, "a", &[on_invalid("earliest")]).await;
    let latest = exporter_in(&hub, "b", &[on_invalid("latest")]).await;
    let fail = exporter_in(&hub, "c", &[on_invalid("fail")]).await;
    publish(&hub, 0..1, 20);
    for exporter in [&earliest, &latest, &fail] {
        exporter.reads(20).await;
    }
    // Down at first, so that all of them find a hub that has counted further than the old one when it comes back.
    hub.never_answer(true);
    hub.recreate("logs").unwrap();
    hub.sever_connections();
    publish(&hub, 0..1, 30);
    hub.never_answer(false);

    let restarted = r#"reason="restarted""#;
    let scrape = earliest.reads(50).await;
    assert_eq!(scrape.sum(LOST, &[restarted]), 1.0);
    latest.has(LOST, &[restarted], 1.0).await;
    latest.ready().await;
    publish(&hub, 0..1, 5);
    assert_eq!(latest.reads(25).await.sum(LOST, &[]), 1.0);

    fail.has(RESTARTS, &[r#"cause="position_lost""#], 1.0).await;
    let (status, text) = get(&fail.address, "/-/ready").await.unwrap();
    assert_eq!(status, 503);
    let not_read = "not ready\nevent hub `logs`: 1 of 1 partitions are not read: the event hub no longer has the events after";
    assert!(text.starts_with(not_read), "{text}");
    assert_eq!(get(&fail.address, "/-/healthy").await.unwrap().0, 200);
    assert_eq!(fail.scrape().await.unwrap().sum(EVENTS, &[]), 20.0);
    fail.process.says("set `checkpoint.on_invalid` to").await;
}

#[tokio::test]
async fn lag_and_last_verification_are_exported_while_the_hub_is_down() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    publish(&hub, 0..1, 10);
    let interval = ("ACS_RECORDING_EXPORTER__WATCHDOG__INTERVAL", "1s");
    let dead_after = ("ACS_RECORDING_EXPORTER__WATCHDOG__DEAD_AFTER", "3s");
    let exporter = exporter(&hub, &[interval, dead_after]).await;
    let scrape = exporter.reads(10).await;
    let lag = |scrape: &Samples| {
        (
            scrape.sum("acs_recording_exporter_partition_lag_events", &[]),
            scrape.sum("acs_recording_exporter_partition_lag_seconds", &[]),
        )
    };
    assert_eq!(lag(&scrape), (0.0, 0.0));

    // The hub still reports what it has, but no reader gets it.
    hub.freeze("logs", 0, true).unwrap();
    publish(&hub, 0..1, 7);
    exporter
        .has("acs_recording_exporter_partition_lag_events", &[], 7.0)
        .await;
    let first = lag(&exporter.scrape().await.unwrap()).1;
    hub.never_answer(true);
    hub.sever_connections();
    eventually("not ready, since when", || async {
        let (status, text) = get(&exporter.address, "/-/ready").await?;
        if status == 503 && text.contains("not verified for") {
            Ok(())
        } else {
            Err(format!("{status} {text}"))
        }
    })
    .await;
    let scrape = exporter.has("acs_recording_exporter_up", &[], 0.0).await;
    let (events, seconds) = lag(&scrape);
    assert_eq!(events, 7.0);
    assert!(seconds > first, "it grows: {first}, {seconds}");
    assert!(
        scrape.sum(
            "acs_recording_exporter_partition_last_proof_timestamp_seconds",
            &[]
        ) > 1e9
    );
    assert_eq!(get(&exporter.address, "/-/healthy").await.unwrap().0, 200);

    hub.never_answer(false);
    hub.freeze("logs", 0, false).unwrap();
    let scrape = exporter.reads(17).await;
    assert_eq!(lag(&scrape), (0.0, 0.0));
    exporter.ready().await;
}

#[tokio::test]
async fn what_failed_is_named_in_the_log_where_that_is_asked_for_and_nowhere_else() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let telling = ("ACS_RECORDING_EXPORTER__LOG__FAILURES", "on");
    let (telling, silent) = (
        exporter_in(&hub, "a", &[telling]).await,
        exporter_in(&hub, "b", &[]).await,
    );
    for (status, correlation_id) in [(202, "call-that-went-well"), (503, "call-that-failed")] {
        let body = format!(
            r#"{{"records":[{{"category":"CallRecordingOperational","operationName":"StartRecording","resultSignature":{status},"correlationId":"{correlation_id}","subCode":8531,"resultMessage":"No recording at https://contoso.example/call-that-failed","callerIpAddress":"203.0.113.7","properties":{{"serverCallId":"server-{correlation_id}"}}}}]}}"#
        );
        hub.publish("logs", 0, body.as_bytes()).unwrap();
    }
    for exporter in [&telling, &silent] {
        exporter.reads(2).await;
    }
    let line = telling.process.says("\"recording request failed\"").await;
    for told in [
        r#""correlation_id":"call-that-failed""#,
        r#""server_call_id":"server-call-that-failed""#,
        r#""sub_code":"8531""#,
        r#""detail":"No recording at URI""#,
        r#""what":"StartRecording""#,
        r#""result":"503""#,
        r#""reason":"server_error""#,
    ] {
        assert!(line.contains(told), "no `{told}` in {line}");
    }
    assert!(!telling.process.written().contains("call-that-went-well"));
    assert!(!telling.process.written().contains("203.0.113.7"));
    assert!(!silent.process.written().contains("call-that"));
    assert!(!silent.scrape().await.unwrap().0.contains("call-that"));
}

impl Exporter {
    /// Waits until so many events have been read, and no more.
    async fn reads(&self, events: u64) -> Samples {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "the counts of these tests are small"
        )]
        self.has(EVENTS, &[], events as f64).await
    }

    /// Waits until the series that have these labels sum up to this.
    pub(crate) async fn has(&self, name: &str, labels: &[&str], expected: f64) -> Samples {
        eventually(name, || async {
            let scrape = self.scrape().await?;
            let seen = scrape.sum(name, labels);
            if seen == expected {
                Ok(scrape)
            } else {
                Err(format!(
                    "{seen}, not {expected}\n{}",
                    self.process.written()
                ))
            }
        })
        .await
    }
}

async fn exporter(hub: &Emulator, variables: &[(&str, &str)]) -> Exporter {
    exporter_in(hub, "exporter", variables).await
}

async fn exporter_in(hub: &Emulator, group: &str, variables: &[(&str, &str)]) -> Exporter {
    let mut all = vec![
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP", group),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ];
    all.extend(variables);
    let exporter = Exporter::reading(hub.connection_string(), &all).await;
    exporter.ready().await;
    exporter
}

fn publish(hub: &Emulator, partitions: std::ops::Range<u32>, events: u32) {
    for partition in partitions {
        for _ in 0..events {
            hub.publish("logs", partition, EVENT).unwrap();
        }
    }
}
