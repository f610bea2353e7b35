//! Whatever the event hub sends, the number of series stays bounded and the totals stay right.

use serde_json::json;

use crate::decoding::Decoder;
use crate::world::Samples;

/// Of a resource, before any record: seven operations with three statuses each.
const SUCCESSES: usize = 21;

#[test]
fn a_hundred_thousand_operation_names_make_as_many_series_as_allowed_and_the_total_is_right() {
    let mut decoder = Decoder::new(&[]);
    for chunk in 0..100 {
        decoder.apply((0..1000).map(|i| {
            operation(json!({"operationName": format!("Invented{}", chunk * 1000 + i), "resultSignature": 202}))
        }));
    }
    let scrape = Samples(decoder.scrape());
    assert_eq!(scrape.sum("acs_recording_operations_total", &[]), 100_000.0);
    assert_eq!(
        scrape.sum("acs_recording_operations_total", &[r#"operation="other""#]),
        99_900.0
    );
    assert_eq!(
        scrape.series("acs_recording_operations_total"),
        SUCCESSES + 101
    );
    assert_eq!(
        scrape.sum(
            "acs_recording_exporter_label_overflow_total",
            &[r#"label="operation""#]
        ),
        99_900.0
    );
}

#[test]
fn products_of_labels_are_bounded_and_known_values_are_shown_all_the_same() {
    let mut decoder = Decoder::new(&[("metrics.series_max", "500")]);
    // A hundred names times a hundred signatures would be ten thousand series.
    decoder.apply((0..10_000).map(|i| {
        let (name, signature) = (format!("Invented{}", i % 100), format!("Odd{}", i / 100));
        operation(json!({"operationName": name, "resultSignature": signature}))
    }));
    decoder.apply([operation(
        json!({"operationName": "StartRecording", "resultSignature": 503}),
    )]);
    let scrape = Samples(decoder.scrape());
    assert_eq!(scrape.sum("acs_recording_operations_total", &[]), 10_001.0);
    assert!(
        scrape.series("acs_recording_operations_total") <= SUCCESSES + 502,
        "{}",
        scrape.series("acs_recording_operations_total")
    );
    let known = [r#"operation="StartRecording""#, r#"result_signature="503""#];
    assert_eq!(
        scrape.sum("acs_recording_operation_failures_total", &known),
        1.0
    );
    assert!(scrape.sum("acs_recording_exporter_series_overflow_total", &[]) > 0.0);
}

#[test]
fn a_value_of_more_than_64_characters_is_other_whatever_its_label() {
    let mut decoder = Decoder::new(&[]);
    let (long, longer) = ("\u{e4}".repeat(64), "x".repeat(65));
    let resource = |group: &str, subscription: &str| {
        format!(
            "/SUBSCRIPTIONS/{subscription}/RESOURCEGROUPS/{group}/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A"
        )
    };
    let fields = |value: &str| {
        operation(json!({
            "resourceId": resource(value, value), "operationName": value, "operationVersion": value, "level": value,
            "resultType": value, "resultSignature": value, "sdkType": value, "sdkVersion": value,
        }))
    };
    decoder.apply([fields(&long)]);
    assert_eq!(
        Samples(decoder.scrape()).sum("acs_resource_info", &[&long]),
        1.0
    );
    decoder.apply([fields(&longer)]);
    let scrape = Samples(decoder.scrape());
    assert!(!scrape.0.contains(&longer), "{}", scrape.0);
    let info = [r#"resource_group="other""#, r#"subscription_id="other""#];
    assert_eq!(scrape.sum("acs_resource_info", &info), 1.0);
    assert_eq!(scrape.series("acs_resource_info"), 1);
    assert_eq!(scrape.sum("acs_recording_operations_total", &[&long]), 1.0);
}

#[test]
fn records_that_come_twice_are_counted_as_such_and_not_dropped() {
    let mut decoder = Decoder::new(&[]);
    let documentation = include_bytes!("../data/documentation.json").to_vec();
    decoder.apply([documentation.clone(), documentation]);
    let scrape = Samples(decoder.scrape());
    assert_eq!(
        scrape.sum("acs_recording_exporter_duplicate_records_total", &[]),
        5.0
    );
    assert_eq!(scrape.sum("acs_recordings_total", &[]), 6.0);
}

#[test]
fn records_that_come_twice_can_be_dropped() {
    let mut decoder = Decoder::new(&[("records.duplicates", "drop")]);
    let documentation = include_bytes!("../data/documentation.json").to_vec();
    let about_acs = |scrape: &str| -> Vec<String> {
        let lines = scrape.lines().map(str::to_owned);
        lines
            .filter(|line| !line.contains("acs_recording_exporter_"))
            .collect()
    };
    decoder.apply([documentation.clone()]);
    let once = decoder.scrape();
    decoder.apply([documentation]);
    let twice = decoder.scrape();
    assert_eq!(about_acs(&twice), about_acs(&once));
    let (once, twice) = (Samples(once), Samples(twice));
    let rise = |name, labels: &[&str]| twice.sum(name, labels) - once.sum(name, labels);
    assert_eq!(
        rise("acs_recording_exporter_duplicate_records_total", &[]),
        5.0
    );
    let ignored = [r#"disposition="ignored""#];
    assert_eq!(rise("acs_recording_exporter_records_total", &ignored), 5.0);
    assert_eq!(rise("acs_recording_exporter_records_total", &[]), 5.0);
}

fn operation(mut properties: serde_json::Value) -> Vec<u8> {
    let fields = properties.as_object_mut().unwrap();
    fields.insert("category".to_owned(), json!("CallRecordingOperational"));
    json!({"records": [properties]}).to_string().into_bytes()
}
