//! Connection strings and ready-made signatures that are replaced, and rights that are missing.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::{EVENT, counts, reads_an_event};
use crate::azure::LocalHub;
use crate::world::{Exporter, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_made_signature_is_replaced_before_it_expires() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let (endpoint, _) = hub
        .connection_string()
        .split_once("SharedAccessKeyName")
        .unwrap();
    let signed_for = |seconds: i64| {
        let expires_at = OffsetDateTime::now_utc().unix_timestamp() + seconds;
        let signature = format!("SharedAccessSignature sr=logs&sig=x&se={expires_at}&skn=listen");
        format!(
            "{endpoint}SharedAccessSignature={signature};EntityPath=logs;UseDevelopmentEmulator=true"
        )
    };
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), signed_for(4)).unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter.ready().await;
    hub.publish("logs", 0, EVENT).unwrap();
    counts(&exporter, 1.0).await;

    std::fs::write(file.path(), signed_for(3600)).unwrap();
    let restarts = eventually("the end of the first signature", || async {
        let restarts = exporter.scrape().await?.sum(
            "acs_recording_exporter_receiver_restarts_total",
            &[r#"cause="unauthorized""#],
        );
        if restarts > 0.0 {
            Ok(restarts)
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
    hub.publish("logs", 0, EVENT).unwrap();
    let expired_at = Instant::now();
    counts(&exporter, 2.0).await;
    let away = expired_at.elapsed();
    println!("{restarts} restart, read again after {away:?}");
    assert!(away < Duration::from_secs(10), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_may_not_read_is_reported_with_the_missing_right() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    hub.refuse_tokens(Some(401));
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), hub.connection_string()).unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter.process.says("it needs the claim `Listen`").await;
    let written = exporter.process.written();
    assert!(written.contains(r#""cause":"unauthorized""#), "{written}");
}

/// An exporter whose connection string is in a file.
async fn exporter_of_a_file(file: &NamedTempFile) -> Exporter {
    Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING_FILE",
            file.path().to_str().unwrap(),
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_in_a_file_is_read_for_every_connection() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), hub.connection_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter.ready().await;
    hub.publish("logs", 0, EVENT).unwrap();
    counts(&exporter, 1.0).await;

    std::fs::write(path, "c2VjcmV0").unwrap();
    hub.sever_connections();
    let problem = format!("`event_hub.connection_string_file` `{path}`: its content must be");
    exporter.process.says(&problem).await;
    let written = exporter.process.written();
    assert!(
        written.contains(r#""cause":"unauthorized""#) && !written.contains("c2VjcmV0"),
        "{written}"
    );

    // Another hub at another port of the same host: only reading the file again leads to it.
    let second = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    std::fs::write(path, second.connection_string()).unwrap();
    for _ in 0..2 {
        second.publish("logs", 0, EVENT).unwrap();
    }
    eventually("the second hub", || async {
        let readers = second.partitions("logs").unwrap()[0].readers;
        if readers > 0 {
            Ok(())
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
}

/// In an emulator's connection string, TLS is off: everybody on the way would get the key or the signature.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_connection_string_cannot_turn_tls_off() {
    let hub = LocalHub::shared().await;
    let ca_file = hub.ca_file("");
    let file = NamedTempFile::new().unwrap();
    let write = |text: &str| std::fs::write(file.path(), text).unwrap();
    let over_tls = format!("{};EntityPath=downgraded", hub.connection_string);
    write(&over_tls);
    let exporter = Exporter::start(&[
        ("SSL_CERT_FILE", ca_file.path().to_str().unwrap()),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING_FILE",
            file.path().to_str().unwrap(),
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ])
    .await;
    exporter.ready().await;

    let in_the_clear = TcpListener::bind("127.0.0.1:0").unwrap();
    in_the_clear.set_nonblocking(true).unwrap();
    let port = in_the_clear.local_addr().unwrap().port();
    let host = format!("sb://localhost:{port}");
    let clear = over_tls.replace("sb://localhost", &host);
    write(&format!("{clear};UseDevelopmentEmulator=true"));
    let forced = Some("amqp:link:detach-forced");
    hub.handle.detach_readers("downgraded", 0, forced).unwrap();
    let problem = "its `UseDevelopmentEmulator`, which turns TLS off, is not as at startup";
    exporter.process.says(problem).await;
    let error = in_the_clear.accept().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

    write(&over_tls);
    reads_an_event(&exporter, &hub, "downgraded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emulators_on_other_machines_are_warned_about() {
    let exporter = Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            "Endpoint=sb://hub.invalid;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=c;UseDevelopmentEmulator=true",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP", "d"),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__STORE", "blob"),
        (
            "ACS_RECORDING_EXPORTER__CHECKPOINT__CONNECTION_STRING",
            "BlobEndpoint=http://azurite.invalid:10000/devstoreaccount1",
        ),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER", "leases"),
    ])
    .await;
    for host in ["hub.invalid", "azurite.invalid:10000"] {
        let warning = format!(
            r#""message":"TLS is off, so the network can read and change what is sent: use this with an emulator only","host":"{host}""#
        );
        exporter.process.says(&warning).await;
    }
}
