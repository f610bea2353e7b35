//! The records as JSON, and that envelopes have them all.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::Value;
use time::Duration;

use super::{
    super::{
        Category, Envelopes, Settings,
        envelopes::{ENVELOPE_BYTES_MAX, gather},
        records::{Shape, write},
    },
    START, check_share, records,
};

#[test]
fn envelopes_have_every_record_once_and_count_the_failures() {
    let settings = Settings::default();
    let envelopes = Envelopes::new(&settings, START).expect("the default settings are in range");
    let mut found: BTreeMap<Category, (u64, u64)> = BTreeMap::new();
    let mut documentation = 0;
    for envelope in envelopes.take(300).flatten() {
        assert!(envelope.body.len() < ENVELOPE_BYTES_MAX);
        let json: Value = serde_json::from_str(&envelope.body).expect("it is JSON");
        let records = json["records"].as_array().expect("it has records");
        assert_eq!(u64::try_from(records.len()).expect("few"), envelope.records);
        for record in records {
            let inner = record["properties"]["Category"].as_str();
            documentation += usize::from(inner.is_some());
            let category = inner.or(record["category"].as_str());
            assert_eq!(category, Some(envelope.category.name()));
        }
        let (records, failures) = found.entry(envelope.category).or_default();
        *records += envelope.records;
        *failures += envelope.failures;
    }
    let mut expected: BTreeMap<Category, (u64, u64)> = BTreeMap::new();
    for record in records(settings.seed, Duration::seconds(300)) {
        let (records, failures) = expected.entry(record.category()).or_default();
        *records += 1;
        *failures += u64::from(record.is_failure());
    }
    assert_eq!(found, expected);
    let all: u64 = found.values().map(|(records, _)| records).sum();
    let all = usize::try_from(all).expect("few");
    check_share("the documentation's shape", documentation, all, 0.22..=0.28);
}

#[test]
fn an_envelope_is_split_before_it_reaches_the_limit() {
    let record = format!("\"{}\"", "x".repeat(998));
    let records = std::iter::repeat_n((true, record.as_str()), 1000);
    let envelopes = gather(Category::Usage, records);
    let counts: Vec<u64> = envelopes.iter().map(|envelope| envelope.records).collect();
    assert_eq!(counts, [204, 204, 204, 204, 184]);
    for envelope in envelopes {
        assert!(
            envelope.body.len() < ENVELOPE_BYTES_MAX,
            "{}",
            envelope.body.len()
        );
        assert_eq!(envelope.records, envelope.failures);
        let json: Value = serde_json::from_str(&envelope.body).expect("it is JSON");
        assert_eq!(
            json["records"].as_array().map(Vec::len).map(u64::try_from),
            Some(Ok(envelope.records))
        );
    }
}

fn check_record(category: Category, shape: Shape, expected: &Expect) {
    let mut records = records(1, Duration::MINUTE);
    let record = records.find(|record| record.category() == category);
    let json = write(&record.expect("a minute has every category"), shape);
    // Written anew with line breaks, and the keys in alphabetical order, only to be read here.
    let value: Value = serde_json::from_str(&json).expect("it is JSON");
    expected.assert_eq(&format!("{value:#}\n"));
}

#[test]
fn an_operation_in_the_diagnostic_shape() {
    check_record(
        Category::Operational,
        Shape::Diagnostic,
        &expect![[r#"
            {
              "callerIpAddress": "192.0.2.13",
              "category": "CallRecordingOperational",
              "correlationId": "a0009b3b-5d85-43b9-b03b-08a76dac0b80",
              "durationMs": 1113,
              "level": "Informational",
              "operationName": "StartRecording",
              "operationVersion": "2024-04-15",
              "properties": {
                "callConnectionId": "2283a4a6-6214-457c-9db8-7daaf1395c0f",
                "sdkType": "dotnet",
                "sdkVersion": "1.2.0",
                "serverCallId": "aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29tL2FwaS92Mi9jcC9jb252LXVzZWEyLTAxLmNvbnYuc2t5cGUuY29tL2NvbnYvYTAwMDliM2I1ZDg1NDNiOWIwM2IwOGE3NmRhYzBiODA="
              },
              "resourceId": "/SUBSCRIPTIONS/5F2B8F0E-3C1D-4B6A-9A57-0D1E6C7F8A21/RESOURCEGROUPS/CONTOSO-VOICE-PROD/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO-CONTACT-CENTER",
              "resultSignature": 202,
              "resultType": "Succeeded",
              "time": "2026-03-02T09:30:00.1523985Z",
              "uri": "https://contoso-contact-center.communication.azure.com/calling/recordings?api-version=2024-04-15"
            }
        "#]],
    );
}

#[test]
fn an_operation_in_the_documentation_shape() {
    check_record(
        Category::Operational,
        Shape::Documentation,
        &expect![[r#"
            {
              "category": "CallRecordingOperational",
              "operationName": "StartCallRecording",
              "operationVersion": "2024-04-15",
              "properties": {
                "CallConnectionId": "2283a4a6-6214-457c-9db8-7daaf1395c0f",
                "CallerIpAddress": "192.0.2.13",
                "Category": "CallRecordingOperational",
                "CorrelationId": "a0009b3b-5d85-43b9-b03b-08a76dac0b80",
                "DurationMs": 1113,
                "Level": "Informational",
                "OperationName": "StartCallRecording",
                "ResultSignature": 202,
                "ResultType": "Succeeded",
                "SdkType": "dotnet",
                "SdkVersion": "1.2.0",
                "ServerCallId": "aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29tL2FwaS92Mi9jcC9jb252LXVzZWEyLTAxLmNvbnYuc2t5cGUuY29tL2NvbnYvYTAwMDliM2I1ZDg1NDNiOWIwM2IwOGE3NmRhYzBiODA=",
                "TimeGenerated": "2026-03-02T09:30:00.1523985Z",
                "URI": "https://contoso-contact-center.communication.azure.com/calling/recordings?api-version=2024-04-15"
              },
              "resourceId": "/SUBSCRIPTIONS/5F2B8F0E-3C1D-4B6A-9A57-0D1E6C7F8A21/RESOURCEGROUPS/CONTOSO-VOICE-PROD/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO-CONTACT-CENTER",
              "time": "2026-03-02T09:30:00.1523985Z"
            }
        "#]],
    );
}

#[test]
fn a_summary_in_the_diagnostic_shape() {
    check_record(
        Category::Summary,
        Shape::Diagnostic,
        &expect![[r#"
            {
              "category": "CallRecordingSummary",
              "correlationId": "c8ec8644-c967-4ee7-90ff-6aa346d60ee2",
              "level": "Informational",
              "operationName": "Call Recording Summary",
              "operationVersion": "1.0",
              "properties": {
                "audioChannelsCount": 1,
                "channelType": "mixed",
                "chunkCount": 1,
                "contentType": "Audio Only",
                "formatType": "mp3",
                "recordingEndReason": "CallEnded",
                "recordingId": "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiJhYzEzMjVlYS1jZjBhLTRkNjgtYTU0Yy03MWVmYTgzOTVjMDAiLCJSZXNvdXJjZVNwZWNpZmljSWQiOiIwNDMzZDQ2Yy00Nzk4LTQ2ZTgtOGMwMC00NDhlYThiZDEyNmIifQ",
                "recordingLength": 5887.21,
                "recordingStartTime": "2026-03-02T07:51:18.0298315Z"
              },
              "resourceId": "/SUBSCRIPTIONS/5F2B8F0E-3C1D-4B6A-9A57-0D1E6C7F8A21/RESOURCEGROUPS/CONTOSO-VOICE-PROD/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO-CONTACT-CENTER",
              "resultType": "Succeeded",
              "time": "2026-03-02T09:30:01.0752812Z"
            }
        "#]],
    );
}

#[test]
fn a_summary_in_the_documentation_shape() {
    check_record(
        Category::Summary,
        Shape::Documentation,
        &expect![[r#"
            {
              "category": "RecordingSummary",
              "operationName": "Call Recording Summary",
              "operationVersion": "1.0",
              "properties": {
                "AudioChannelsCount": 1,
                "Category": "CallRecordingSummary",
                "ChannelType": "mixed",
                "ChunkCount": 1,
                "ContentType": "Audio Only",
                "CorrelationId": "c8ec8644-c967-4ee7-90ff-6aa346d60ee2",
                "FormatType": "mp3",
                "Level": "Informational",
                "OperationName": "RecordingSummary",
                "RecordingEndReason": "CallEnded",
                "RecordingId": "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiJhYzEzMjVlYS1jZjBhLTRkNjgtYTU0Yy03MWVmYTgzOTVjMDAiLCJSZXNvdXJjZVNwZWNpZmljSWQiOiIwNDMzZDQ2Yy00Nzk4LTQ2ZTgtOGMwMC00NDhlYThiZDEyNmIifQ",
                "RecordingLength": "5887.21",
                "RecordingStartTime": "2026-03-02T07:51:18.0298315Z",
                "ResultType": "Succeeded",
                "TimeGenerated": "2026-03-02T09:30:01.0752812Z"
              },
              "resourceId": "/SUBSCRIPTIONS/5F2B8F0E-3C1D-4B6A-9A57-0D1E6C7F8A21/RESOURCEGROUPS/CONTOSO-VOICE-PROD/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO-CONTACT-CENTER",
              "time": "2026-03-02T09:30:01.0752812Z"
            }
        "#]],
    );
}

#[test]
fn a_usage_record_in_the_diagnostic_shape() {
    check_record(
        Category::Usage,
        Shape::Diagnostic,
        &expect![[r#"
            {
              "category": "Usage",
              "correlationId": "cf33b60f-0476-4df2-ab33-caeb942e4040",
              "operationName": "Usage",
              "operationVersion": "1.0",
              "properties": {
                "endTime": "2026-03-02T09:29:26.2349378Z",
                "participantId": "b23edd72-32aa-44a3-89df-b44103dff8fb",
                "quantity": 5.51,
                "recordId": "f2d3a568-14f7-47b5-86bb-adcfa43c173b",
                "startTime": "2026-03-02T09:23:55.5713204Z",
                "unitType": "minutes",
                "usageType": "CallRecording",
                "userIdA": "8:acs:b23edd72-32aa-44a3-89df-b44103dff8fb",
                "userIdB": ""
              },
              "resourceId": "/SUBSCRIPTIONS/5F2B8F0E-3C1D-4B6A-9A57-0D1E6C7F8A21/RESOURCEGROUPS/CONTOSO-VOICE-PROD/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO-CONTACT-CENTER",
              "time": "2026-03-02T09:30:00.5361510Z"
            }
        "#]],
    );
}
