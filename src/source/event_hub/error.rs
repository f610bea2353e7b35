//! What goes wrong between the exporter and an event hub, sorted by cause.

use std::error::Error;
use std::path::PathBuf;

use azure_core_amqp::AmqpError;
use azure_core_amqp::error::{AmqpErrorCondition, AmqpErrorKind};
use azure_messaging_eventhubs::EventHubsError;
use azure_messaging_eventhubs::error::ErrorKind;
use fe2o3_amqp::link::RecvError;
use tokio::task::JoinError;

use crate::family::label_values;
use crate::identity::TokenError;
use crate::identity::connection_string::UnusableFile;

/// Something went wrong between the exporter and an event hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The SDK reports an error.
    #[error("{}", meaning(.0))]
    EventHub(#[from] EventHubsError),
    /// The SDK did not answer in time.
    #[error("no answer to `{step}` within {seconds} s")]
    Timeout {
        /// What was waited for.
        step: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// Events do not come, or the link should be another.
    #[error("the link is replaced: {}", .0.label())]
    Replaced(Cause),
    /// Configured to stop when the position is lost.
    #[error(
        "the event hub no longer has the events after {sequence_number}: set `checkpoint.on_invalid` to `earliest` or `latest` to continue"
    )]
    PositionLost {
        /// Of the last event that was read.
        sequence_number: i64,
    },
    /// It is unknown whether the hub still has the position.
    #[error("nothing is read while the position is doubted: {0}")]
    Doubted(&'static str),
    /// The SDK panicked over an event.
    #[error("a panic while an event was received: {0}")]
    EventPanicked(String),
    /// The SDK or the reader panicked.
    #[error("a panic while the partition was read: {0}")]
    Panicked(String),
    /// No thread for a connection.
    #[error("cannot start the thread of a connection")]
    Thread(#[source] std::io::Error),
    /// The stream of events ended without an error.
    #[error("the event hub ended the stream")]
    Ended,
    /// The host name does not resolve.
    #[error("host `{host}` not found: check the namespace's name and the network's DNS")]
    Unresolved {
        /// The host.
        host: String,
        /// The error of the resolver.
        #[source]
        source: std::io::Error,
    },
    /// There is no token of Microsoft Entra ID.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The file with the connection string cannot be used.
    #[error("`event_hub.connection_string_file` `{}`: {problem}", path.display())]
    ConnectionStringFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Part of the message, and therefore not the source.
        problem: UnusableFile,
    },
    /// A task that reads has panicked.
    #[error("a reader ended unexpectedly")]
    ReaderEnded(#[from] JoinError),
}

label_values! {
    /// What ended a link, or kept it from opening; the value of the label `cause`.
    pub(crate) Cause {
        /// Not resolved, refused or disconnected: the hub or the network is down.
        Unreachable = "unreachable",
        /// The token or its rights are not accepted.
        Unauthorized = "unauthorized",
        /// There is no such hub, consumer group or partition.
        NotFound = "not_found",
        /// The hub asks for fewer requests.
        Busy = "busy",
        /// Another receiver took the partition.
        Stolen = "stolen",
        /// The hub does not accept an argument, such as a position that it no longer has.
        Argument = "argument",
        /// The position is lost, and the configuration says to stop then.
        PositionLost = "position_lost",
        /// An event cannot be decoded.
        Poison = "poison",
        /// The SDK or the reader panicked.
        Panicked = "panicked",
        /// No answer in time.
        Timeout = "timeout",
        /// The hub closed the link, the session or the connection.
        Closed = "closed",
        /// The hub has more events, and they do not come.
        Stalled = "stalled",
        /// The hub may no longer have the position.
        Doubted = "doubted",
        /// Planned: no event came for long, and only a new link shows that events can still come.
        Idle = "idle",
        /// Planned: the events are much smaller or larger than the link was opened for.
        Resized = "resized",
        /// Planned: the token that the link began with has aged, as the hub's answer shows.
        Token = "token",
    }
}

impl Cause {
    /// Whether the reader ended the link itself, and nothing is wrong: the next link is opened at once.
    pub(super) fn is_planned(self) -> bool {
        matches!(self, Self::Idle | Self::Resized | Self::Token)
    }

    /// Whether the hub itself still answers: it may refuse the exporter, or a single link may have ended.
    pub(crate) fn hub_answers(self) -> bool {
        !matches!(
            self,
            Self::Unreachable
                | Self::Unauthorized
                | Self::NotFound
                | Self::Timeout
                | Self::Panicked
        )
    }
}

impl SourceError {
    /// Its cause.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::EventHub(error) => event_hub_cause(error),
            Self::Timeout { .. } => Cause::Timeout,
            Self::Replaced(cause) => *cause,
            Self::PositionLost { .. } => Cause::PositionLost,
            Self::Doubted(_) => Cause::Doubted,
            Self::EventPanicked(_) => Cause::Poison,
            Self::Panicked(_) => Cause::Panicked,
            Self::Ended | Self::ReaderEnded(_) => Cause::Closed,
            Self::Unresolved { .. } | Self::Thread(_) => Cause::Unreachable,
            Self::Token(error) => token_cause(error),
            Self::ConnectionStringFile { .. } => Cause::Unauthorized,
        }
    }
}

fn token_cause(error: &TokenError) -> Cause {
    if error.needs_person() {
        Cause::Unauthorized
    } else {
        Cause::Unreachable
    }
}

/// The SDK wraps errors, to several levels. An answer of the hub or of the identity service decides, on whatever level, and
/// so does what the AMQP library reports of an event; without one, a link ended or was not established.
fn event_hub_cause(error: &EventHubsError) -> Cause {
    if let ErrorKind::ConsumerDisconnected(_) = error.kind {
        return Cause::Stolen;
    }
    let mut not_established = None;
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<TokenError>() {
            return token_cause(error);
        }
        if let Some(RecvError::MessageDecode(_)) = error.downcast_ref() {
            return Cause::Poison;
        }
        if let Some(error) = error.downcast_ref::<AmqpError>()
            && let Some(cause) = answer_cause(error)
        {
            return cause;
        }
        if let Some(error) = error.downcast_ref::<azure_core::Error>() {
            not_established.get_or_insert(match error.kind() {
                azure_core::error::ErrorKind::Credential => Cause::Unauthorized,
                _ => Cause::Unreachable,
            });
        }
        next = error.source();
    }
    not_established.unwrap_or(Cause::Closed)
}

/// What an answer of the hub means; none if the error is not an answer.
fn answer_cause(error: &AmqpError) -> Option<Cause> {
    Some(match error.kind() {
        AmqpErrorKind::AmqpDescribedError(described) => match described.condition {
            AmqpErrorCondition::UnauthorizedAccess => Cause::Unauthorized,
            AmqpErrorCondition::NotFound => Cause::NotFound,
            AmqpErrorCondition::ServerBusyError | AmqpErrorCondition::ResourceLimitExceeded => {
                Cause::Busy
            }
            AmqpErrorCondition::LinkStolen => Cause::Stolen,
            AmqpErrorCondition::ArgumentError | AmqpErrorCondition::ArgumentOutOfRangeError => {
                Cause::Argument
            }
            AmqpErrorCondition::TimeoutError => Cause::Timeout,
            _ => Cause::Closed,
        },
        AmqpErrorKind::ManagementStatusCode(status, _) => match u16::from(*status) {
            401 | 403 => Cause::Unauthorized,
            404 => Cause::NotFound,
            429 | 503 => Cause::Busy,
            _ => Cause::Closed,
        },
        _ => return None,
    })
}

/// What the SDK's error means, and what to do if a person must act.
fn meaning(error: &EventHubsError) -> &'static str {
    match event_hub_cause(error) {
        Cause::Unauthorized => {
            "the event hub refuses access: the identity needs the role `Azure Event Hubs Data Receiver`, a key needs the right to listen"
        }
        Cause::NotFound => {
            "there is no such event hub or consumer group: check `event_hub.names` and `event_hub.consumer_group`"
        }
        _ => "the event hub refused the request, or the link ended",
    }
}
