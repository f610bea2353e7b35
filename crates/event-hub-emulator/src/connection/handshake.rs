//! The first frames of a connection: protocol headers, SASL, and the limits of both sides.

use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::{Connection, FRAME_SIZE_MAX, Stage};
use crate::amqp::frame::{AMQP_HEADER, SASL_HEADER};
use crate::amqp::performative::{Open, SaslInit, SaslMechanisms, SaslOutcome};
use crate::amqp::{Array, Symbol, Value};

/// The highest channel; Event Hubs documents 5,000 connections and sessions alike for a namespace.
pub(super) const CHANNEL_MAX: u16 = 4999;

/// After this time without a frame each side takes the other for dead; as Event Hubs has it.
pub(super) const IDLE_TIME_OUT: Duration = Duration::from_mins(4);

impl Connection {
    /// Nothing is sent before the client's first header: pyamqp writes back the TCP options that it reads after
    /// connecting, and Linux has been seen to refuse one of them where data came meanwhile.
    pub(super) fn take_header(&mut self, input: &mut BytesMut) -> bool {
        let Some(&header) = input.first_chunk() else {
            return false;
        };
        match (self.stage, header) {
            (Stage::Header, SASL_HEADER) => {
                self.output.put_header(SASL_HEADER);
                let mechanisms = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];
                self.output.put_sasl(&SaslMechanisms {
                    mechanisms: Array::of_symbols(mechanisms.map(Symbol::from_static)),
                });
                self.stage = Stage::Sasl;
            }
            (_, AMQP_HEADER) => {
                self.output.put_header(AMQP_HEADER);
                self.stage = Stage::Frames;
            }
            _ => {
                // Section 2.2: answer with a header that would do, and hang up.
                self.output.put_header(SASL_HEADER);
                self.closed = true;
            }
        }
        input.advance(header.len());
        true
    }

    /// Accepts every client: the tokens that it puts to `$cbs` decide what it may do.
    pub(super) fn take_sasl(&mut self, init: &SaslInit) {
        let mechanism = init.mechanism.as_str();
        tracing::debug!(connection = self.id, mechanism, "authenticated");
        self.output.put_sasl(&SaslOutcome {
            code: 0,
            additional_data: None,
        });
        self.stage = Stage::SecondHeader;
    }

    pub(super) fn take_open(&mut self, open: &Open) {
        self.output
            .limit_frames(open.max_frame_size, FRAME_SIZE_MAX);
        self.is_rust_sdk = open
            .properties
            .as_ref()
            .and_then(|properties| properties.get("user-agent")?.as_text())
            .is_some_and(|agent| agent.contains("azsdk-rust-"));
        self.peer_idle_time_out = open
            .idle_time_out
            .filter(|milliseconds| *milliseconds > 0)
            .map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let property = |key, value: &str| (Symbol::from_static(key).into(), value.into());
        let properties = vec![
            property("product", env!("CARGO_PKG_NAME")),
            property("version", env!("CARGO_PKG_VERSION")),
        ];
        let answer = Open {
            container_id: env!("CARGO_PKG_NAME").to_owned(),
            max_frame_size: Some(FRAME_SIZE_MAX),
            channel_max: Some(CHANNEL_MAX),
            idle_time_out: u32::try_from(IDLE_TIME_OUT.as_millis()).ok(),
            properties: Some(Value::Map(properties)),
            ..Open::default()
        };
        self.output.put(0, &answer);
    }
}
