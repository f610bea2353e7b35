//! What goes wrong between the exporter and an event hub, sorted by cause.

use std::error::Error;
use std::path::PathBuf;

use azure_core_amqp::AmqpError;
use azure_core_amqp::error::{AmqpErrorCondition, AmqpErrorKind};
use azure_messaging_eventhubs::EventHubsError;
use azure_messaging_eventhubs::error::ErrorKind;
use fe2o3_amqp::link::RecvError;

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
    /// Events do not come, the sequence begins again, or the link should be another.
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
    /// A task that reads has ended although nothing stopped it.
    #[error("the reader of `{0}` ended unexpectedly")]
    ReaderEnded(String),
}

/// What ended a link, or kept it from opening; the value of the label `cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Not resolved, refused or disconnected: the hub or the network is down.
    Unreachable,
    /// The token or its rights are not accepted.
    Unauthorized,
    /// There is no such hub, consumer group or partition.
    NotFound,
    /// The hub asks for fewer requests.
    Busy,
    /// Another receiver took the partition.
    Stolen,
    /// The hub does not accept an argument, such as a position that it no longer has.
    Argument,
    /// The position is lost, and the configuration says to stop then.
    PositionLost,
    /// An event cannot be decoded.
    Poison,
    /// The SDK or the reader panicked.
    Panicked,
    /// No answer in time.
    Timeout,
    /// The hub closed the link, the session or the connection.
    Closed,
    /// The hub has more events, and they do not come.
    Stalled,
    /// Planned: the sequence of the partition begins again.
    Restarted,
    /// Planned: no event came for long, and only a new link shows that events can still come.
    Idle,
    /// Planned: the events are much smaller or larger than the link was opened for.
    Resized,
    /// Planned: the token that the link began with has aged, as the hub's answer shows.
    Token,
}

/// What to do about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The fault is temporary: try again, soon at first.
    Retry,
    /// The fault is temporary, and the hub needs time.
    Later,
    /// A person must correct something: try seldom, until it is done.
    Person,
    /// Another reader has the partition, perhaps for long: do not evict it again and again.
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

    /// The value of the label `cause`, and what to do about it.
    fn row(self) -> (&'static str, Remedy) {
        match self {
            Self::Unreachable => ("unreachable", Remedy::Retry),
            Self::Unauthorized => ("unauthorized", Remedy::Person),
            Self::NotFound => ("not_found", Remedy::Person),
            Self::Busy => ("busy", Remedy::Later),
            Self::Stolen => ("stolen", Remedy::GiveWay),
            Self::Argument => ("argument", Remedy::Retry),
            Self::PositionLost => ("position_lost", Remedy::Person),
            Self::Poison => ("poison", Remedy::Retry),
            Self::Panicked => ("panicked", Remedy::Retry),
            Self::Timeout => ("timeout", Remedy::Retry),
            Self::Closed => ("closed", Remedy::Retry),
            Self::Stalled => ("stalled", Remedy::Retry),
            Self::Restarted => ("restarted", Remedy::AtOnce),
            Self::Idle => ("idle", Remedy::AtOnce),
            Self::Resized => ("resized", Remedy::AtOnce),
            Self::Token => ("token", Remedy::AtOnce),
        }
    }

    /// Every value of the label `cause`.
    pub(super) fn labels() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::label)
    }

    /// The value of the label `cause`.
    pub(crate) fn label(self) -> &'static str {
        self.row().0
    }

    /// What to do about it.
    pub(super) fn remedy(self) -> Remedy {
        self.row().1
    }

    /// Whether the reader ended the link itself, and nothing is wrong.
    pub(super) fn is_planned(self) -> bool {
        self.remedy() == Remedy::AtOnce
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

/// The SDK passes on the errors of the AMQP library as they are.
fn transport_cause(error: &(dyn Error + 'static)) -> Cause {
    match error.downcast_ref() {
        Some(RecvError::MessageDecode(_)) => Cause::Poison,
        _ => Cause::Closed,
    }
}

/// The SDK wraps errors, to several levels. An answer of the hub or of the identity service decides, on whatever level;
/// without one, the connection was not established.
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
