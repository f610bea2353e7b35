//! Where a reader starts, as clients write it: `amqp.annotation.x-opt-offset > '1024'`.

use super::amqp::Value;
use super::amqp::performative::Source;
use super::clock::Timestamp;

/// A start position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The oldest event that is retained.
    Earliest,
    /// The next event to come.
    Latest,
    /// The first event behind a position, or at it if it is inclusive.
    At { position: Position, inclusive: bool },
}

/// A place in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Offset(i64),
    SequenceNumber(i64),
    EnqueuedTime(Timestamp),
}

/// The name of the filter; Python sends it as the descriptor too.
const SELECTOR: &str = "apache.org:selector-filter:string";
/// The filter's registered descriptor, which Rust and JavaScript send.
const SELECTOR_CODE: u64 = 0x0000_468C_0000_0004;

impl Start {
    /// The start that a link's source asks for: `Earliest` if it names none. The error is the filter that cannot be read.
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

    /// Reads `amqp.annotation.NAME OPERATOR 'VALUE'`. The Rust SDK omits the blank after the operator.
    fn parse(selector: &str) -> Option<Self> {
        let (before, quoted) = selector.split_once('\'')?;
        let value = quoted.strip_suffix('\'')?;
        let (name, operator) = before.split_at(before.find('>')?);
        let inclusive = match operator.trim() {
            ">" => false,
            ">=" => true,
            _ => return None,
        };
        let position = match (name.trim(), value) {
            ("amqp.annotation.x-opt-offset", "@latest") => return Some(Self::Latest),
            ("amqp.annotation.x-opt-offset", "-1") => return Some(Self::Earliest),
            ("amqp.annotation.x-opt-offset", _) => Position::Offset(value.parse().ok()?),
            ("amqp.annotation.x-opt-sequence-number", _) => {
                Position::SequenceNumber(value.parse().ok()?)
            }
            ("amqp.annotation.x-opt-enqueued-time", _) => {
                Position::EnqueuedTime(value.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self::At {
            position,
            inclusive,
        })
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
            Some(Start::At {
                position: Position::SequenceNumber(5),
                inclusive: false,
            }),
        );
        check(
            "amqp.annotation.x-opt-offset >= '1024'",
            Some(Start::At {
                position: Position::Offset(1024),
                inclusive: true,
            }),
        );
        check(
            "amqp.annotation.x-opt-enqueued-time > '1700000000000'",
            Some(Start::At {
                position: Position::EnqueuedTime(1_700_000_000_000),
                inclusive: false,
            }),
        );
    }

    #[test]
    fn what_is_not_a_selector_is_refused() {
        check("", None);
        check("amqp.annotation.x-opt-offset > 5", None);
        check("amqp.annotation.x-opt-offset < '5'", None);
        check("amqp.annotation.x-opt-offset > 'five'", None);
        check("amqp.annotation.x-opt-publisher > '5'", None);
    }
}
