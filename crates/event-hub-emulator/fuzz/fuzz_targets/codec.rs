//! Any bytes decode to a value that encodes and decodes to the same, or to an error; likewise frames and messages.
#![no_main]

use bytes::{BufMut, Bytes, BytesMut};
use event_hub_emulator::amqp::decode::encoded_length;
use event_hub_emulator::amqp::encode::encode;
use event_hub_emulator::amqp::frame::Frame;
use event_hub_emulator::amqp::message::Sections;
use event_hub_emulator::amqp::{Value, decode};
use libfuzzer_sys::fuzz_target;

/// Of the largest frame, as the hub has it.
const FRAME_SIZE_MAX: u32 = 64 * 1024;

fuzz_target!(|input: &[u8]| {
    value(input);
    frames(input);
    message(input);
});

fn value(input: &[u8]) {
    let mut rest = Bytes::copy_from_slice(input);
    let Ok(value) = decode(&mut rest) else { return };
    let length = input.len() - rest.len();
    assert_eq!(encoded_length(input), Ok(length), "skipped as it is read");

    let once = encoded(&value);
    let mut rest = once.clone();
    let again = decode(&mut rest).expect("what was encoded decodes");
    assert!(rest.is_empty());
    assert_eq!(encoded_length(&once), Ok(once.len()));
    // Bytes and not values are compared: a float may be no number.
    assert_eq!(encoded(&again), once);
}

fn frames(input: &[u8]) {
    let mut input = BytesMut::from(input);
    while let Ok(Some(frame)) = Frame::take(&mut input, FRAME_SIZE_MAX) {
        if let Frame::Amqp {
            channel,
            performative,
            payload,
        } = &frame
        {
            let mut body = BytesMut::new();
            performative.encode(&mut body);
            body.put_slice(payload);
            let size = u32::try_from(body.len() + 8).expect("little more than the frame was");
            let mut again = BytesMut::new();
            again.put_u32(size);
            again.put_slice(&[2, 0]);
            again.put_u16(*channel);
            again.put_slice(&body);
            let again = Frame::take(&mut again, u32::MAX).expect("what was encoded decodes");
            // A float that is no number is unlike itself, but is written the same.
            assert_eq!(format!("{again:?}"), format!("{:?}", Some(&frame)));
        }
    }
}

fn message(input: &[u8]) {
    let mut length = 0;
    for section in Sections::of(Bytes::copy_from_slice(input)) {
        let Ok(section) = section else { return };
        length += section.encoded.len();
        assert!(section.encoded.ends_with(&section.body));
        // Both may fail, since a section is found without reading it; but only both.
        assert_eq!(section.value().is_ok(), section.described().is_ok());
        if let Ok(data) = section.data() {
            assert!(data.len() < section.body.len());
        }
    }
    assert_eq!(length, input.len(), "the sections are the message");
}

fn encoded(value: &Value) -> Bytes {
    let mut output = BytesMut::new();
    encode(value, &mut output);
    output.freeze()
}
