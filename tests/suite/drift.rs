//! Names that Microsoft does not document are counted unchanged and logged; the user configures what counts as a failure.

use serde_json::json;

use crate::decoding::Decoder;
use crate::world::Samples;

#[test]
fn new_fields_operations_end_reasons_and_categories_are_counted_as_drift() {
    let mut decoder = Decoder::new(&[]);
    let records = json!({"records": [
        {"category": "CallRecordingOperational", "operationName": "TranslateRecording", "resultSignature": 202,
         "properties": {"moodOfTheCaller": "sunny"}},
        {"category": "CallRecordingSummary", "properties": {"recordingEndReason": "SolarFlare"}},
        {"category": "CallRecordingTelepathy"},
        {"category": "CallSummary"},
        {"category": "Administrative"},
    ]});
    decoder.apply([records.to_string().into_bytes()]);
    let scrape = Samples(decoder.scrape());
    let drift = |kind: &str| {
        scrape.sum(
            "acs_recording_exporter_drift_total",
            &[&format!(r#"kind="{kind}""#)],
        )
    };
    assert_eq!(
        ["field", "operation", "end_reason", "category", "level"].map(drift),
        [1.0, 1.0, 1.0, 1.0, 0.0],
        "{}",
        scrape.0
    );
}

/// A value that does not look like one of its label, and any that is not documented in a record that was broken.
#[test]
fn what_does_not_look_like_a_value_is_other_and_a_failure_stays_one() {
    let mut decoder = Decoder::new(&[]);
    let id = |name| {
        format!(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/{name}"
        )
    };
    let whole = json!({
        "category": "CallRecordingOperational", "resourceId": id("192-0-2-77"), "operationName": "sip:alice@contoso.com",
        "resultType": "Failed: 192.0.2.77", "resultSignature": "503 at 192.0.2.77", "level": "call 0151 2345678",
        "sdkType": "5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21", "sdkVersion": "192.0.2.77", "operationVersion": "01512345678",
    });
    // The value of `resultSignature` is missing.
    let broken = format!(
        r#"{{"category":"CallRecordingOperational","resourceId":"{}","operationName":"Translate","resultType":"Failed","resultSignature":"callerIpAddress": "192.0.2.77","sdkType":"dotnet","sdkVersion":"1.2.3"}}"#,
        id("CONTOSO")
    );
    decoder.apply([whole.to_string().into_bytes(), broken.into_bytes()]);
    let scrape = Samples(decoder.scrape());
    for personal in [
        "192.0.2", "192-0-2", "alice", "2345678", "5f2b8f0e", "callerip",
    ] {
        assert!(!scrape.0.contains(personal), "{personal} in {}", scrape.0);
    }
    let failures = |labels: &[&str]| scrape.sum("acs_recording_operation_failures_total", labels);
    let whole = [
        r#"resource="other""#,
        r#"operation="other""#,
        r#"result_signature="503""#,
    ];
    assert_eq!(failures(&whole), 1.0, "{}", scrape.0);
    let broken = [
        r#"resource="contoso""#,
        r#"operation="other""#,
        r#"reason="failed""#,
    ];
    assert_eq!(failures(&broken), 1.0, "{}", scrape.0);
    let replaced = |label: &str| {
        let label = format!("label={label:?}");
        scrape.sum("acs_recording_exporter_label_overflow_total", &[&label])
    };
    assert_eq!(
        [
            "resource",
            "operation",
            "result_type",
            "level",
            "sdk_type",
            "sdk_version",
            "operation_version"
        ]
        .map(replaced),
        [1.0, 2.0, 1.0, 1.0, 2.0, 2.0, 1.0],
        "{}",
        scrape.0
    );
}

#[test]
fn the_configuration_decides_what_counts_as_a_failure() {
    let mut decoder = Decoder::new(&[
        ("failures.routine", "StopRecording=404;StartRecording=409"),
        ("failures.end_reasons", "Solar flare"),
        ("failures.end_reasons_except", "media-timeout"),
        ("failures.result_types", "Postponed"),
        ("failures.result_types_except", "Canceled"),
    ]);
    let operation = |name, status| json!({"category": "CallRecordingOperational", "operationName": name, "resultSignature": status});
    let result = |word| json!({"category": "CallRecordingOperational", "operationName": "StopRecording", "resultType": word});
    let summary =
        |reason| json!({"category": "CallRecordingSummary", "recordingEndReason": reason});
    let records = json!([
        operation("StopRecording", 404),
        operation("StopRecording", 409),
        operation("StartRecording", 409),
        result("Postponed"),
        result("Cancelled"),
        summary("solarFlare"),
        summary("MediaTimeout"),
        summary("CouldNotStart")
    ]);
    decoder.apply([records.to_string().into_bytes()]);
    let scrape = Samples(decoder.scrape());
    let outcomes = scrape.by("acs_recording_operations_total", "outcome");
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|(outcome, sum)| (outcome.as_str(), *sum))
        .collect();
    assert_eq!(
        outcomes,
        [("failed", 2.0), ("routine", 2.0), ("succeeded", 1.0)]
    );
    assert_eq!(
        scrape.sum("acs_recording_operation_failures_total", &[]),
        2.0
    );
    assert_eq!(scrape.sum("acs_recording_failures_total", &[]), 2.0);
    assert_eq!(
        scrape.sum(
            "acs_recording_failures_total",
            &[r#"end_reason="MediaTimeout""#]
        ),
        0.0
    );
}
