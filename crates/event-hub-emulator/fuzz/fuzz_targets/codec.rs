//! Any bytes decode to a value that encodes and decodes to the same, or to an error; likewise frames and messages.
#![no_main]

use event_hub_emulator::fuzz::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| codec(input));
