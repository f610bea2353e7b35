//! The error conditions that the hub answers with, and their texts.
//!
//! The conditions are those that the official clients tell apart. The texts follow Azure's in what clients read from
//! them: the JavaScript client takes "The messaging entity '..' could not be found" for its `MessagingEntityNotFoundError`.
//! Which text Azure sends in which case is otherwise assumed.

use super::amqp::Symbol;
use super::amqp::performative::AmqpError;

const NOT_FOUND: Symbol = Symbol::from_static("amqp:not-found");
const UNAUTHORIZED: Symbol = Symbol::from_static("amqp:unauthorized-access");
const STOLEN: Symbol = Symbol::from_static("amqp:link:stolen");
const RESOURCE_LIMIT: Symbol = Symbol::from_static("amqp:resource-limit-exceeded");
const MESSAGE_SIZE: Symbol = Symbol::from_static("amqp:link:message-size-exceeded");
const DECODE: Symbol = Symbol::from_static("amqp:decode-error");
const NOT_ALLOWED: Symbol = Symbol::from_static("amqp:not-allowed");
const FRAMING: Symbol = Symbol::from_static("amqp:connection:framing-error");
const FORCED: Symbol = Symbol::from_static("amqp:connection:forced");
const ARGUMENT: Symbol = Symbol::from_static("com.microsoft:argument-error");

const SERVER_BUSY: Symbol = Symbol::from_static("com.microsoft:server-busy");

/// The text of a fault that was asked for, so that nobody takes it for a real one.
pub(crate) const ASKED_FOR: &str = "This fault was asked for.";

pub(crate) fn server_busy() -> AmqpError {
    AmqpError::new(
        SERVER_BUSY,
        "The request was terminated because the entity is being throttled. Please wait 4 seconds and try again.",
    )
}

pub(crate) fn not_found(address: &str) -> AmqpError {
    AmqpError::new(
        NOT_FOUND,
        format!("The messaging entity '{address}' could not be found."),
    )
}

/// No token was put that would allow the link.
pub(crate) fn no_token(address: &str) -> AmqpError {
    AmqpError::new(
        UNAUTHORIZED,
        format!("There is no token for '{address}': put one to $cbs first."),
    )
}

/// The token that allowed the link is no longer one. That Azure says it so is assumed.
pub(crate) fn token_expired() -> AmqpError {
    AmqpError::new(
        UNAUTHORIZED,
        "ExpiredToken: the token of the link has expired.",
    )
}

/// Someone reads the partition with a higher owner level, or as high and later.
pub(crate) fn stolen(description: String) -> AmqpError {
    AmqpError::new(STOLEN, description)
}

pub(crate) fn resource_limit(description: String) -> AmqpError {
    AmqpError::new(RESOURCE_LIMIT, description)
}

pub(crate) fn message_too_large(bytes: u64, bytes_max: u64) -> AmqpError {
    AmqpError::new(
        MESSAGE_SIZE,
        format!(
            "The received message of {bytes} bytes exceeds the limit of {bytes_max} bytes on the link."
        ),
    )
}

pub(crate) fn undecodable(description: String) -> AmqpError {
    AmqpError::new(DECODE, description)
}

pub(crate) fn not_allowed(description: String) -> AmqpError {
    AmqpError::new(NOT_ALLOWED, description)
}

/// The peer's bytes make no sense, so nothing after them can.
pub(crate) fn framing(description: String) -> AmqpError {
    AmqpError::new(FRAMING, description)
}

/// The hub ends the connection, and not because of what the peer did.
pub(crate) fn forced(description: &str) -> AmqpError {
    AmqpError::new(FORCED, description)
}

pub(crate) fn invalid_argument(description: String) -> AmqpError {
    AmqpError::new(ARGUMENT, description)
}
