//! Where a reader starts, as it writes it: `amqp.annotation.x-opt-offset > '1024'`.

use super::amqp::Value;
use super::amqp::performative::Source;
use super::clock::Timestamp;

/// A start position. The exclusive ones name the last event that the reader does not want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the oldest event that is kept.
    Earliest,
    /// With the next event to come.
    Latest,
    Offset {
        offset: i64,
        inclusive: bool,
    },
    SequenceNumber {
        sequence_number: i64,
        inclusive: bool,
    },
    EnqueuedTime {
        enqueued_at: Timestamp,
        inclusive: bool,
    },
}

/// The name of the filter; Python sends it as the descriptor too.
const SELECTOR: &str = "apache.org:selector-filter:string";
/// The filter's registered descriptor, which Rust and JavaScript send.
const SELECTOR_CODE: u64 = 0x0000_468C_0000_0004;

impl Start {
    /// The start that a link's source asks for: `Earliest` if it names none. An error is the filter that is none.
    pub(crate) fn of_source(source: &Source) -> Result<Self, String> {
        let Some(Value::Map(filters)) = &source.filter else {
            return Ok(Self::Earliest);
        };
        let selector = filters
            .iter()
            .find(|(name, _)| is_selector(name))
            .map(|(_, filter)| match filter {
                Value::Described(described) => &described.value,
                filter => filter,
            });
        match selector {
            None => Ok(Self::Earliest),
            Some(selector) => {
                let text = selector.as_text().unwrap_or_default();
                Self::parse(text).ok_or_else(|| text.to_owned())
            }
        }
    }

    /// Reads `amqp.annotation.NAME OPERATOR 'VALUE'`. Rust leaves out the blanks around the operator.
    fn parse(selector: &str) -> Option<Self> {
        let (before, quoted) = selector.split_once('\'')?;
        let value = quoted.strip_suffix('\'')?;
        let (name, operator) = before.split_at(before.find('>')?);
        let inclusive = match operator.trim() {
            ">" => false,
            ">=" => true,
            _ => return None,
        };
        match (name.trim(), value) {
            ("amqp.annotation.x-opt-offset", "@latest") => Some(Self::Latest),
            ("amqp.annotation.x-opt-offset", "-1") => Some(Self::Earliest),
            ("amqp.annotation.x-opt-offset", _) => Some(Self::Offset {
                offset: value.parse().ok()?,
                inclusive,
            }),
            ("amqp.annotation.x-opt-sequence-number", _) => Some(Self::SequenceNumber {
                sequence_number: value.parse().ok()?,
                inclusive,
            }),
            ("amqp.annotation.x-opt-enqueued-time", _) => Some(Self::EnqueuedTime {
                enqueued_at: value.parse().ok()?,
                inclusive,
            }),
            _ => None,
        }
    }
}

fn is_selector(name: &Value) -> bool {
    name.as_text() == Some(SELECTOR) || *name == Value::Ulong(SELECTOR_CODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(selector: &str, expected: Option<Start>) {
        assert_eq!(Start::parse(selector), expected, "{selector}");
    }

    #[test]
    fn selectors_are_read_as_each_client_writes_them() {
        check("amqp.annotation.x-opt-offset > '-1'", Some(Start::Earliest));
        check(
            "amqp.annotation.x-opt-offset > '@latest'",
            Some(Start::Latest),
        );
        check(
            "amqp.annotation.x-opt-sequence-number >'5'",
            Some(Start::SequenceNumber {
                sequence_number: 5,
                inclusive: false,
            }),
        );
        check(
            "amqp.annotation.x-opt-offset >= '1024'",
            Some(Start::Offset {
                offset: 1024,
                inclusive: true,
            }),
        );
        check(
            "amqp.annotation.x-opt-enqueued-time > '1700000000000'",
            Some(Start::EnqueuedTime {
                enqueued_at: 1_700_000_000_000,
                inclusive: false,
            }),
        );
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        check("", None);
        check("amqp.annotation.x-opt-offset > 5", None);
        check("amqp.annotation.x-opt-offset < '5'", None);
        check("amqp.annotation.x-opt-offset > 'five'", None);
        check("amqp.annotation.x-opt-publisher > '5'", None);
    }
}
