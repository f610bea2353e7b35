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
    // A hundred names times a hundred result types would be ten thousand series.
    decoder.apply((0..10_000).map(|i| {
        let (name, result_type) = (format!("Invented{}", i % 100), format!("Odd{}", i / 100));
        operation(json!({"operationName": name, "resultType": result_type, "resultSignature": 202}))
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
fn a_value_that_is_too_long_is_other() {
    let mut decoder = Decoder::new(&[]);
    let (long, longer) = ("abc.".repeat(16), "abc.".repeat(16) + "d");
    let resource = |group: &str| {
        format!(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/{group}/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A"
        )
    };
    let fields = |value: &str, group: &str| {
        operation(json!({
            "resourceId": resource(group), "operationName": value, "level": value, "resultType": value, "sdkType": value,
        }))
    };
    let group = "ab.".repeat(30);
    decoder.apply([fields(&long, &group)]);
    let scrape = Samples(decoder.scrape());
    assert_eq!(scrape.sum("acs_resource_info", &[&group]), 1.0);
    assert_eq!(scrape.sum("acs_recording_operations_total", &[&long]), 1.0);
    decoder.apply([fields(&longer, &(group + "c"))]);
    let scrape = Samples(decoder.scrape());
    assert!(!scrape.0.contains(&longer), "{}", scrape.0);
    let info = [r#"resource_group="other""#, r#"subscription_id="other""#];
    assert_eq!(scrape.sum("acs_resource_info", &info), 1.0);
    assert_eq!(scrape.series("acs_resource_info"), 1);
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

/// A record of each resource, whose request failed.
fn failures(resources: impl IntoIterator<Item = String>) -> impl Iterator<Item = Vec<u8>> {
    resources.into_iter().map(|name| {
        let id = format!("/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/{name}");
        operation(json!({"resourceId": id, "operationName": "StartRecording", "resultSignature": 503}))
    })
}

fn invented() -> impl Iterator<Item = String> {
    (0..200).map(|number| format!("invented-{number}"))
}

#[test]
fn no_invented_resource_displaces_one_that_is_listed() {
    let mut decoder = Decoder::new(&[("metrics.resources", "real")]);
    decoder.apply(failures(invented().chain(["Real".to_owned()])));
    let scrape = Samples(decoder.scrape());
    let failed = |resource: &str| {
        let label = format!("resource={resource:?}");
        scrape.sum("acs_recording_operation_failures_total", &[&label])
    };
    assert_eq!(["real", "other"].map(failed), [1.0, 100.0]);
}

#[test]
fn the_records_of_others_can_be_ignored() {
    let mut decoder = Decoder::new(&[
        ("metrics.resources", "real"),
        ("metrics.resources_only", "true"),
    ]);
    let bodies = failures(invented().chain(["Real".to_owned()]));
    decoder.apply(bodies.chain([operation(json!({"resultSignature": 503}))]));
    let scrape = Samples(decoder.scrape());
    let failed = scrape.by("acs_recording_operation_failures_total", "resource");
    let failed: Vec<_> = failed
        .iter()
        .map(|(name, sum)| (name.as_str(), *sum))
        .collect();
    assert_eq!(failed, [("real", 1.0), ("unknown", 1.0)]);
    let own =
        |name: &str, labels: &[&str]| scrape.sum(&format!("acs_recording_exporter_{name}"), labels);
    assert_eq!(own("records_received_total", &[]), 202.0);
    assert_eq!(own("records_total", &[]), 202.0);
    assert_eq!(own("records_total", &[r#"disposition="ignored""#]), 200.0);
    assert_eq!(own("unlisted_records_total", &[]), 200.0);
    assert_eq!(own("label_overflow_total", &[r#"label="resource""#]), 0.0);
}
