//! What goes wrong between us and an event hub, sorted by what it means.

use std::error::Error;
use std::path::PathBuf;

use azure_core_amqp::AmqpError;
use azure_core_amqp::error::{AmqpErrorCondition, AmqpErrorKind};
use azure_messaging_eventhubs::EventHubsError;
use azure_messaging_eventhubs::error::ErrorKind;
use fe2o3_amqp::link::RecvError;

use crate::identity::TokenError;
use crate::identity::connection_string::UnusableFile;

/// Something went wrong between us and an event hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The SDK says so.
    #[error("{}", meaning(.0))]
    EventHub(#[from] EventHubsError),
    /// The SDK said nothing in time.
    #[error("no answer to `{step}` within {seconds} s")]
    Timeout {
        /// What was waited for.
        step: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// The hub has events that do not come, the sequence begins again, or the link is to be another.
    #[error("the link was given up: {}", .0.label())]
    GivenUp(Cause),
    /// The position is not to be gone on without.
    #[error(
        "the hub no longer has what follows event {sequence_number}: set `checkpoint.on_invalid` to `earliest` or `latest` to go on"
    )]
    PositionLost {
        /// Of the last event that was read.
        sequence_number: i64,
    },
    /// The SDK, or we, panicked.
    #[error("a panic while the partition was read: {0}")]
    Panicked(String),
    /// No thread for a connection.
    #[error("cannot start the thread of a connection")]
    Thread(#[source] std::io::Error),
    /// The stream of events ended without an error.
    #[error("the event hub ended the stream")]
    Ended,
    /// The host name does not resolve.
    #[error("the host `{host}` is not found: check the namespace's name and the network's DNS")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// Microsoft Entra ID gives no token, or was not asked for one.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The file with the connection string has none for us.
    #[error("`event_hub.connection_string_file` `{}`: {problem}", path.display())]
    ConnectionStringFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; it says all, so it is no source.
        problem: UnusableFile,
    },
    /// A task that reads ended although nobody stopped it.
    #[error("the reader of `{0}` ended by itself")]
    ReaderEnded(String),
}

/// What ended a link, or kept it from opening; the value of the label `cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Not resolved, refused, cut: the hub or the network is away.
    Unreachable,
    /// The token or its rights are not accepted.
    Unauthorized,
    /// There is no such hub, consumer group or partition.
    NotFound,
    /// The hub asks us to slow down.
    Busy,
    /// Another receiver took the partition.
    Stolen,
    /// The hub does not accept what we ask for, such as a position that it no longer has.
    Argument,
    /// The position is lost, and the configuration says not to go on without it.
    PositionLost,
    /// An event cannot be decoded.
    Poison,
    /// The SDK, or we, panicked.
    Panicked,
    /// No answer in time.
    Timeout,
    /// The hub closed the link, the session or the connection.
    Closed,
    /// The hub has events for us, and they do not come.
    Stalled,
    /// We: the sequence of the partition begins again.
    Restarted,
    /// We: nothing came for long, and only a new link proves that one can still come.
    Idle,
    /// We: the events are much smaller or larger than the link was opened for.
    Resized,
    /// We: the token that the link began with has aged, as the hub's answer shows.
    Token,
}

/// What to do about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It passes: try again, soon at first.
    Retry,
    /// It passes, and the hub wants time.
    Later,
    /// A person must do something: try seldom, and see when it is done.
    Person,
    /// Another reader is there, perhaps to stay: do not trade blows with it.
    GiveWay,
    /// Nothing is wrong: open the next link at once.
    AtOnce,
}

impl Cause {
    const ALL: [Self; 16] = [
        Self::Unreachable,
        Self::Unauthorized,
        Self::NotFound,
        Self::Busy,
        Self::Stolen,
        Self::Argument,
        Self::PositionLost,
        Self::Poison,
        Self::Panicked,
        Self::Timeout,
        Self::Closed,
        Self::Stalled,
        Self::Restarted,
        Self::Idle,
        Self::Resized,
        Self::Token,
    ];

    /// Every value of the label `cause`.
    pub(super) fn labels() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::label)
    }

    /// The value of the label `cause`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Stolen => "stolen",
            Self::Argument => "argument",
            Self::PositionLost => "position_lost",
            Self::Poison => "poison",
            Self::Panicked => "panicked",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Stalled => "stalled",
            Self::Restarted => "restarted",
            Self::Idle => "idle",
            Self::Resized => "resized",
            Self::Token => "token",
        }
    }

    /// What to do about it.
    pub(super) fn remedy(self) -> Remedy {
        match self {
            Self::Unreachable
            | Self::Argument
            | Self::Poison
            | Self::Panicked
            | Self::Timeout
            | Self::Closed
            | Self::Stalled => Remedy::Retry,
            Self::Busy => Remedy::Later,
            Self::Unauthorized | Self::NotFound | Self::PositionLost => Remedy::Person,
            Self::Stolen => Remedy::GiveWay,
            Self::Restarted | Self::Idle | Self::Resized | Self::Token => Remedy::AtOnce,
        }
    }

    /// Whether we ended the link, and nothing is wrong.
    pub(super) fn is_planned(self) -> bool {
        self.remedy() == Remedy::AtOnce
    }

    /// Whether the hub itself still answers: it may refuse us, or one link of ours may have ended.
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
    /// What it means.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::EventHub(error) => event_hub_cause(error),
            Self::Timeout { .. } => Cause::Timeout,
            Self::GivenUp(cause) => *cause,
            Self::PositionLost { .. } => Cause::PositionLost,
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

fn event_hub_cause(error: &EventHubsError) -> Cause {
    match &error.kind {
        ErrorKind::ConsumerDisconnected(_) => Cause::Stolen,
        ErrorKind::AmqpError(error) => amqp_cause(error),
        ErrorKind::AzureCore(error) => azure_cause(error),
        _ => Cause::Closed,
    }
}

/// What the SDK's error comes to, and what to do where a person must do it.
fn meaning(error: &EventHubsError) -> &'static str {
    match event_hub_cause(error) {
        Cause::Unauthorized => {
            "the event hub does not let us in: the identity needs the role `Azure Event Hubs Data Receiver`, a key the right to listen"
        }
        Cause::NotFound => {
            "there is no such event hub or consumer group: check `event_hub.names` and `event_hub.consumer_group`"
        }
        _ => "the event hub refused or the link to it broke",
    }
}

fn amqp_cause(error: &AmqpError) -> Cause {
    match error.kind() {
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
        AmqpErrorKind::AzureCore(error) => azure_cause(error),
        AmqpErrorKind::TransportImplementationError(error) => transport_cause(error.as_ref()),
        _ => Cause::Closed,
    }
}

/// The SDK hands on what the AMQP library says as it is.
fn transport_cause(error: &(dyn Error + 'static)) -> Cause {
    match error.downcast_ref() {
        Some(RecvError::MessageDecode(_)) => Cause::Poison,
        _ => Cause::Closed,
    }
}

/// The SDK wraps what happened, to several levels: what the hub or the identity service has answered counts, however
/// deep it lies; else the connection did not come about.
fn azure_cause(error: &azure_core::Error) -> Cause {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<TokenError>() {
            return token_cause(error);
        }
        if let Some(error) = error.downcast_ref::<AmqpError>()
            && let AmqpErrorKind::AmqpDescribedError(_) | AmqpErrorKind::ManagementStatusCode(..) =
                error.kind()
        {
            return amqp_cause(error);
        }
        next = error.source();
    }
    match error.kind() {
        azure_core::error::ErrorKind::Credential => Cause::Unauthorized,
        _ => Cause::Unreachable,
    }
}
