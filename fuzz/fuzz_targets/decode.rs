//! Any body at all: no panic, and what the decoder promises of every record that it finds.
#![no_main]

use acs_recording_exporter::inside::acs;
use acs_recording_exporter::inside::envelope::{self, RECORDS_MAX};
use acs_recording_exporter::inside::repair::Repair;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let envelope = envelope::open(body);
    assert!(envelope.slots().len() <= RECORDS_MAX + 1);
    let is_compressed = envelope.repairs().contains(Repair::Gzip);
    for text in envelope.slots().flatten() {
        let alone = envelope::open(text.as_bytes());
        assert!(
            alone.slots().eq([Ok(text)]),
            "a record is a body of one record"
        );
        assert!(alone.repairs().is_empty(), "a record is strict JSON");
        assert!(
            is_compressed || text.len() <= 3 * body.len() + 2,
            "nothing grows without end"
        );
        let record = acs::read(text, None, &acs::FailureRules::default())
            .expect("a record can be read");
        assert!(record.unfamiliar.len() <= 8);
    }
});
