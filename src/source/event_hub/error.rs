//! What goes wrong between the exporter and an event hub, sorted by cause.

use std::error::Error;
use std::io;
use std::iter;
use std::path::PathBuf;

use azure_core_amqp::AmqpError;
use azure_core_amqp::error::{AmqpErrorCondition, AmqpErrorKind};
use azure_messaging_eventhubs::EventHubsError;
use azure_messaging_eventhubs::error::ErrorKind;
use fe2o3_amqp::link::RecvError;
use rustix::io::Errno;
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
    /// No thread or no open file is left for a connection.
    #[error(
        "no thread or open file is left for another connection: raise the limits on them, or `event_hub.partitions_per_connection`"
    )]
    Exhausted(#[source] Option<io::Error>),
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
        source: io::Error,
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
        /// The process has no thread or no open file left.
        Resources = "resources",
        /// No answer in time.
        Timeout = "timeout",
        /// The hub closed the link, the session or the connection.
        Closed = "closed",
        /// The hub has more events, and they do not come.
        Stalled = "stalled",
        /// Planned: the sequence of the partition begins again.
        Restarted = "restarted",
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
        matches!(
            self,
            Self::Restarted | Self::Idle | Self::Resized | Self::Token
        )
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
    /// A panic with this message. The runtime panics if it cannot start a thread.
    pub(super) fn panicked(message: String) -> Self {
        if message.contains("OS can't spawn worker thread") {
            Self::Exhausted(Some(io::Error::other(message)))
        } else {
            Self::Panicked(message)
        }
    }

    /// The error of a connection that was not opened: the limit on open files may be behind any.
    pub(super) fn opening(self) -> Self {
        if has_no_files(&self) {
            Self::Exhausted(Some(io::Error::other(self)))
        } else {
            self
        }
    }

    /// Its cause.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::EventHub(error) => event_hub_cause(error),
            Self::Timeout { .. } => Cause::Timeout,
            Self::Replaced(cause) => *cause,
            Self::PositionLost { .. } => Cause::PositionLost,
            Self::Panicked(_) => Cause::Panicked,
            Self::Ended | Self::ReaderEnded(_) => Cause::Closed,
            Self::Exhausted(_) => Cause::Resources,
            Self::Unresolved { .. } => Cause::Unreachable,
            Self::Token(error) => token_cause(error),
            Self::ConnectionStringFile { .. } => Cause::Unauthorized,
        }
    }
}

/// Whether the limit on open files, of the process or of the system, is behind an error.
fn has_no_files(error: &(dyn Error + 'static)) -> bool {
    let chain = iter::successors(Some(error), |&error| error.source());
    let mut system = chain.filter_map(|error| error.downcast_ref::<io::Error>());
    system.any(|error| {
        let number = error.raw_os_error();
        [Errno::MFILE, Errno::NFILE]
            .map(|files| Some(files.raw_os_error()))
            .contains(&number)
    })
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
