//! Whatever a client sends, in chunks of any size: the connection neither panics nor grows, and sends only AMQP.
#![no_main]

use event_hub_emulator::fuzz::connection;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| connection(input));
