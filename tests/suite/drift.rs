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
