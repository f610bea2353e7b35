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
        ("failures.statuses_except", "404"),
        ("failures.end_reasons", "SolarFlare"),
        ("failures.end_reasons_except", "MediaTimeout"),
    ]);
    let operation = |status| json!({"category": "CallRecordingOperational", "operationName": "StopRecording", "resultSignature": status});
    let summary =
        |reason| json!({"category": "CallRecordingSummary", "recordingEndReason": reason});
    let records = json!([
        operation(404),
        operation(409),
        summary("solarFlare"),
        summary("MediaTimeout"),
        summary("CouldNotStart")
    ]);
    decoder.apply([records.to_string().into_bytes()]);
    let scrape = Samples(decoder.scrape());
    assert_eq!(scrape.sum("acs_recording_operations_total", &[]), 2.0);
    assert_eq!(
        scrape.sum("acs_recording_operation_failures_total", &[]),
        1.0
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
