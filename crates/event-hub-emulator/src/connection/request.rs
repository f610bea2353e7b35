//! A request to `$cbs` or `$management`, and the answer to it.

use bytes::{Bytes, BytesMut};

use crate::amqp::composite::Composite;
use crate::amqp::message::{Properties, SectionKind, Sections, put_section};
use crate::amqp::{DecodeError, Symbol, Value};

/// A request, as far as the services read it.
#[derive(Debug)]
pub(super) struct Request {
    /// The correlation id of the answer, of the same type: the clients differ in it.
    message_id: Option<Value>,
    pub(super) reply_to: Option<String>,
    properties: Value,
    pub(super) body: Value,
}

/// What a service answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) description: String,
    /// The AMQP condition of a failure. Of the answers of `$cbs`, the one for an event hub that does not exist has one, as
    /// recordings of the service show; pyamqp (azure-eventhub 5.15) then shows the status as `None`.
    pub(super) condition: Option<Symbol>,
    pub(super) body: Value,
}

impl Request {
    pub(super) fn parse(message: Bytes) -> Result<Self, DecodeError> {
        let mut request = Self {
            message_id: None,
            reply_to: None,
            properties: Value::Null,
            body: Value::Null,
        };
        for section in Sections::of(message) {
            let section = section?;
            match section.kind {
                SectionKind::Properties => {
                    let Value::List(fields) = section.value()? else {
                        return Err(DecodeError::Descriptor("properties"));
                    };
                    let properties = Properties::from_fields(fields)?;
                    request.message_id = properties.message_id;
                    request.reply_to = properties
                        .reply_to
                        .and_then(|address| address.as_text().map(str::to_owned));
                }
                SectionKind::ApplicationProperties => request.properties = section.value()?,
                SectionKind::Value => request.body = section.value()?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// An application property.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.properties.get(name)
    }

    /// An application property that is a text; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_text).unwrap_or_default()
    }
}

impl Answer {
    pub(super) fn ok(status: i32, description: &str, body: Value) -> Self {
        Self {
            status,
            description: description.to_owned(),
            condition: None,
            body,
        }
    }

    pub(super) fn failed(status: i32, description: String, condition: Option<Symbol>) -> Self {
        Self {
            status,
            description,
            condition,
            body: Value::Null,
        }
    }

    /// The message for this answer. Status and description have two names each, since clients differ.
    pub(super) fn to_message(&self, request: &Request) -> Bytes {
        let properties = Properties {
            correlation_id: request.message_id.clone(),
            ..Properties::default()
        };
        let mut application_properties = vec![
            (Value::from("status-code"), Value::Int(self.status)),
            (Value::from("statusCode"), Value::Int(self.status)),
            (
                Value::from("status-description"),
                Value::from(self.description.as_str()),
            ),
            (
                Value::from("statusDescription"),
                Value::from(self.description.as_str()),
            ),
        ];
        if let Some(condition) = &self.condition {
            application_properties.push((
                Value::from("error-condition"),
                Value::Symbol(condition.clone()),
            ));
        }
        let mut message = BytesMut::new();
        properties.encode(&mut message);
        put_section(
            &mut message,
            SectionKind::ApplicationProperties,
            &Value::Map(application_properties),
        );
        put_section(&mut message, SectionKind::Value, &self.body);
        message.freeze()
    }
}
