//! What is encoded decodes to the same; what is hostile or short is met.

use bytes::{Buf, Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::decode::encoded_length;
use super::frame::{Frame, put_frame};
use super::fuzz::encoded;
use super::message::{SectionKind, Sections, put_data, put_section};
use super::performative::{AmqpError, Close, Flow, Performative, Transfer};
use super::value::Described;
use super::{Array, DecodeError, Symbol, Value, decode};

fn symbol() -> impl Strategy<Value = Symbol> {
    "[ -~]{0,300}".prop_map(|text| Symbol::parse(text).expect("ASCII"))
}

fn simple() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<u8>().prop_map(Value::Ubyte),
        any::<u16>().prop_map(Value::Ushort),
        any::<u32>().prop_map(Value::Uint),
        prop_oneof![any::<u64>(), 0..300_u64].prop_map(Value::Ulong),
        any::<i8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        any::<f32>().prop_map(Value::Float),
        any::<f64>().prop_map(Value::Double),
        any::<[u8; 4]>().prop_map(Value::Decimal32),
        any::<[u8; 8]>().prop_map(Value::Decimal64),
        any::<[u8; 16]>().prop_map(Value::Decimal128),
        any::<char>().prop_map(Value::Char),
        any::<i64>().prop_map(Value::Timestamp),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Binary(bytes.into())),
        ".{0,100}".prop_map(Value::String),
        symbol().prop_map(Value::Symbol),
    ]
}

fn array() -> impl Strategy<Value = Array> {
    prop_oneof![
        vec(symbol(), 0..5).prop_map(Array::of_symbols),
        vec(".{0,20}", 0..5).prop_map(Array::of_strings),
        vec(any::<u64>(), 0..5).prop_map(|numbers| {
            Array::of_one_type(numbers.into_iter().map(Value::Ulong).collect())
        }),
        vec(vec(simple(), 0..3), 0..4).prop_map(|lists| {
            let lists = lists
                .into_iter()
                .map(|list| (Value::Ulong(7), Value::List(list)))
                .map(|(descriptor, value)| {
                    Value::Described(Box::new(Described { descriptor, value }))
                });
            Array::of_one_type(lists.collect())
        }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![simple(), array().prop_map(Value::Array)].prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::List),
            vec((inner.clone(), inner.clone()), 0..8).prop_map(Value::Map),
            (inner.clone(), inner).prop_map(|(descriptor, value)| {
                Value::Described(Box::new(Described { descriptor, value }))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(value in value(), behind in vec(any::<u8>(), 0..20)) {
        let mut bytes = BytesMut::from(encoded(&value).as_ref());
        let length = bytes.len();
        bytes.extend_from_slice(&behind);
        prop_assert_eq!(encoded_length(&bytes), Ok(length));
        let mut bytes = bytes.freeze();
        prop_assert_eq!(decode(&mut bytes), Ok(value));
        prop_assert_eq!(bytes.as_ref(), behind.as_slice());
    }

    #[test]
    fn a_part_of_a_value_is_an_error(value in value(), end in any::<prop::sample::Index>()) {
        let whole = encoded(&value);
        prop_assert!(decode(&mut whole.slice(..end.index(whole.len()))).is_err());
    }

    #[test]
    fn a_frame_comes_out_as_it_went_in(channel in any::<u16>(), handle in any::<u32>(), payload in vec(any::<u8>(), 0..100)) {
        let transfer = Transfer {
            handle,
            delivery_id: Some(1),
            delivery_tag: Some(Bytes::from_static(b"tag")),
            settled: Some(true),
            ..Transfer::default()
        };
        let mut wire = BytesMut::new();
        put_frame(&mut wire, channel, &transfer, &[&payload]);
        let expected = Frame::Amqp {
            channel,
            performative: Performative::Transfer(transfer),
            payload: payload.into(),
        };
        prop_assert_eq!(Frame::take(&mut wire, 65_536), Ok(Some(expected)));
        prop_assert!(wire.is_empty());
    }
}

fn refused(bytes: &[u8], expected: &DecodeError) {
    assert_eq!(
        decode(&mut Bytes::copy_from_slice(bytes)).as_ref(),
        Err(expected),
        "{bytes:02x?}"
    );
}

#[test]
fn hostile_bytes_are_refused_before_they_cost_anything() {
    // A list of four billion values in nine bytes, an array of as many nulls, a string that is not there.
    refused(
        &[0xd0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff],
        &DecodeError::TooMany,
    );
    refused(
        &[0xf0, 0, 0, 0, 5, 0, 0, 0xff, 0xff, 0x40],
        &DecodeError::Count(0xffff),
    );
    refused(&[0xb1, 0xff, 0xff, 0xff, 0xff], &DecodeError::Truncated);
    refused(&[0xc1, 2, 1, 0x40], &DecodeError::Count(1));
    refused(&[0xc0, 3, 1, 0x40, 0x40], &DecodeError::Size);
    refused(&[0xa3, 1, 0xff], &DecodeError::Text);
    refused(&[0x3f], &DecodeError::Constructor(0x3f));
    refused(&[0; 100], &DecodeError::TooDeep);
    assert_eq!(encoded_length(&[0; 100]), Err(DecodeError::TooDeep));
    let nested: Vec<u8> = (0..60)
        .rev()
        .flat_map(|left| [0xc0, left * 3 + 1, 1])
        .collect();
    refused(&nested, &DecodeError::TooDeep);
}

#[test]
fn short_forms_and_absent_fields_are_read() {
    let mut list0 = Bytes::from_static(&[0x00, 0x53, 0x18, 0x45]);
    let close = Performative::from_value(decode(&mut list0).unwrap()).unwrap();
    assert_eq!(close, Performative::Close(Close { error: None }));
    let mut flow = Bytes::from_static(&[
        0x00, 0x53, 0x13, 0xc0, 8, 5, 0x40, 0x52, 9, 0x43, 0x52, 7, 0x43,
    ]);
    match Performative::from_value(decode(&mut flow).unwrap()).unwrap() {
        Performative::Flow(Flow {
            incoming_window: 9,
            outgoing_window: 7,
            handle: Some(0),
            echo: None,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert!(!flow.has_remaining());
}

#[test]
fn every_field_of_a_performative_is_written() {
    let mut wire = BytesMut::new();
    let error = AmqpError::new(Symbol::from_static("amqp:not-found"), "gone");
    put_frame(&mut wire, 0, &Close { error: Some(error) }, &[]);
    // Descriptor as smallulong in the third byte, then list32 of one field; inside, all three fields of the error.
    assert_eq!(wire[8..12], [0, 0x53, 0x18, 0xd0]);
    assert_eq!(wire[16..20], [0, 0, 0, 1]);
    assert_eq!(wire[28..32], [0, 0, 0, 3]);
    assert_eq!(wire.last(), Some(&0x40), "an explicit null");
}

#[test]
fn sections_are_found_in_their_order_only() {
    let mut message = BytesMut::new();
    put_section(
        &mut message,
        SectionKind::ApplicationProperties,
        &Value::Map(Vec::new()),
    );
    put_data(&mut message, b"first");
    put_data(&mut message, b"second");
    let sections: Vec<_> = Sections::of(message.clone().freeze())
        .map(|section| section.unwrap())
        .collect();
    let kinds: Vec<_> = sections.iter().map(|section| section.kind).collect();
    assert_eq!(
        kinds,
        [
            SectionKind::ApplicationProperties,
            SectionKind::Data,
            SectionKind::Data
        ]
    );
    assert_eq!(sections[2].data().unwrap(), "second");

    put_section(
        &mut message,
        SectionKind::Properties,
        &Value::List(Vec::new()),
    );
    let last = Sections::of(message.freeze()).last();
    assert_eq!(last, Some(Err(DecodeError::SectionOrder)));
}
