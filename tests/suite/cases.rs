//! Small inputs and what they must move: `tests/cases/decode.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::decoding::Decoder;
use crate::world::Samples;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    records: Vec<Value>,
    expect: Vec<Expected>,
}

/// The sum of the series of a family that have these labels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    metric: String,
    labels: BTreeMap<String, String>,
    sum: f64,
}

#[test]
fn every_case_moves_what_it_must() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../cases/decode.json")).unwrap();
    let mut faults = Vec::new();
    for case in &cases {
        let mut decoder = Decoder::new(&[]);
        let body = json!({"records": case.records});
        decoder.apply([body.to_string().into_bytes()]);
        let scrape = Samples(decoder.scrape());
        for expected in &case.expect {
            let labels = expected.labels.iter();
            let labels: Vec<_> = labels
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            let sum = scrape.sum(&expected.metric, &labels);
            if (sum - expected.sum).abs() > 1e-9 {
                let Expected {
                    metric,
                    sum: expected,
                    ..
                } = expected;
                faults.push(format!(
                    "{}: {metric} {labels:?} is {sum}, not {expected}",
                    case.name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
