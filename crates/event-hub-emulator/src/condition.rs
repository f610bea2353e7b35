//! The error conditions that clients receive, and their texts.
//!
//! The conditions are those that the official clients distinguish. The texts follow Azure's where a client reads them: the
//! JavaScript client turns "The messaging entity '..' could not be found" into its `MessagingEntityNotFoundError`. Which
//! text Azure sends in which case is otherwise assumed.

use super::amqp::Symbol;
use super::amqp::performative::AmqpError;
use super::policy::Claim;

pub(crate) const NOT_FOUND: Symbol = Symbol::from_static("amqp:not-found");
const UNAUTHORIZED: Symbol = Symbol::from_static("amqp:unauthorized-access");
/// Another reader has a higher owner level, or the same and came later.
pub(crate) const STOLEN: Symbol = Symbol::from_static("amqp:link:stolen");
pub(crate) const RESOURCE_LIMIT: Symbol = Symbol::from_static("amqp:resource-limit-exceeded");
const MESSAGE_SIZE: Symbol = Symbol::from_static("amqp:link:message-size-exceeded");
pub(crate) const UNDECODABLE: Symbol = Symbol::from_static("amqp:decode-error");
pub(crate) const NOT_ALLOWED: Symbol = Symbol::from_static("amqp:not-allowed");
/// The peer's bytes are not a frame, so nothing after them can be read.
pub(crate) const FRAMING: Symbol = Symbol::from_static("amqp:connection:framing-error");
/// The emulator ends the connection, and not because of what the peer did.
pub(crate) const FORCED: Symbol = Symbol::from_static("amqp:connection:forced");
pub(crate) const INVALID_ARGUMENT: Symbol = Symbol::from_static("com.microsoft:argument-error");
const SERVER_BUSY: Symbol = Symbol::from_static("com.microsoft:server-busy");

/// The text of a fault that was asked for, so that it is not taken for a real one.
pub(crate) const ASKED_FOR: &str = "This fault was asked for.";

pub(crate) fn server_busy() -> AmqpError {
    AmqpError::new(
        SERVER_BUSY,
        "The request was terminated because the entity is being throttled. Please wait 4 seconds and try again.",
    )
}

pub(crate) fn not_found(address: &str) -> AmqpError {
    let description = format!("The messaging entity '{address}' could not be found.");
    AmqpError::new(NOT_FOUND, description)
}

/// No token was put that would allow the link.
pub(crate) fn no_token(address: &str) -> AmqpError {
    let description = format!("There is no token for '{address}': put one to $cbs first.");
    AmqpError::new(UNAUTHORIZED, description)
}

/// The token for the event hub does not allow the link.
pub(crate) fn lacks(claim: Claim, address: &str) -> AmqpError {
    let description = format!(
        "Unauthorized access. '{claim:?}' claim(s) are required to perform this operation. Resource: '{address}'."
    );
    AmqpError::new(UNAUTHORIZED, description)
}

/// The token that allowed the link has expired. That Azure puts it this way is assumed.
pub(crate) fn token_expired() -> AmqpError {
    let description = "ExpiredToken: the token of the link has expired.";
    AmqpError::new(UNAUTHORIZED, description)
}

pub(crate) fn message_too_large(bytes: u64, bytes_max: u64) -> AmqpError {
    let description = format!(
        "The received message of {bytes} bytes exceeds the limit of {bytes_max} bytes on the link."
    );
    AmqpError::new(MESSAGE_SIZE, description)
}
