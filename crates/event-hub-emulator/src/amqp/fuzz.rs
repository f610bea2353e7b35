//! What holds of any bytes: they decode to a value that encodes and decodes to the same, or to an error; likewise frames
//! and messages.

use bytes::{BufMut, Bytes, BytesMut};

use super::decode::encoded_length;
use super::encode::encode;
use super::frame::Frame;
use super::message::{Sections, map_entries};
use super::{Value, decode};

/// Decodes the bytes in every way.
///
/// # Panics
///
/// If something decodes to what does not encode, or encodes to what does not decode.
pub fn codec(input: &[u8]) {
    value(input);
    frames(input);
    message(input);
}

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
    // Bytes and not values are compared: a float may be NaN.
    assert_eq!(encoded(&again), once);
}

fn frames(input: &[u8]) {
    let mut input = BytesMut::from(input);
    while let Ok(Some(frame)) = Frame::take(&mut input, 64 * 1024) {
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
            // NaN is unlike itself, but is written the same.
            assert_eq!(format!("{again:?}"), format!("{:?}", Some(&frame)));
        }
    }
}

fn message(input: &[u8]) {
    let input = Bytes::copy_from_slice(input);
    drop(map_entries(&input));
    let mut length = 0;
    for section in Sections::of(input.clone()) {
        let Ok(section) = section else { return };
        length += section.encoded.len();
        assert!(section.encoded.ends_with(&section.body));
        if let Ok(data) = section.data() {
            assert!(data.len() < section.body.len());
        }
    }
    assert_eq!(length, input.len(), "the sections are the message");
}

pub(super) fn encoded(value: &Value) -> Bytes {
    let mut output = BytesMut::new();
    encode(value, &mut output);
    output.freeze()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::codec;

    #[test]
    fn what_clients_sent_decodes_and_encodes_again() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/codec");
        let mut count = 0;
        for seed in fs::read_dir(seeds).expect("the seeds") {
            codec(&fs::read(seed.expect("a file").path()).expect("a seed"));
            count += 1;
        }
        assert!(count > 20, "{count} seeds");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_what_encodes_again_or_to_an_error(bytes in vec(any::<u8>(), 0..400)) {
            codec(&bytes);
        }
    }
}
