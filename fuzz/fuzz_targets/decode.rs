//! Any body at all: no panic, and what the decoder promises of every record that it finds.
#![no_main]

use acs_recording_exporter::inside::acs;
use acs_recording_exporter::inside::envelope::{self, RECORDS_MAX};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    let texts = envelope::open(body).records;
    assert!(texts.len() <= RECORDS_MAX + 1);
    let is_compressed = body.trim_ascii_start().starts_with(b"\x1f\x8b");
    for text in texts.iter().flatten() {
        let alone = envelope::open(text.as_bytes()).records;
        assert!(
            matches!(&*alone, [Ok(only)] if only.json == text.json),
            "a record is a body of one record"
        );
        assert!(
            serde_json::from_str::<&RawValue>(text).is_ok(),
            "a record is strict JSON"
        );
        assert!(
            is_compressed || text.len() <= 3 * body.len() + 2,
            "nothing grows without end"
        );
        let record =
            acs::read(text, None, &acs::FailureRules::default()).expect("a record can be read");
        assert!(record.unfamiliar.len() <= 8);
    }
});
