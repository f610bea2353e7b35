//! What goes wrong between us and an event hub, sorted by what it means.

use azure_core_amqp::AmqpError;
use azure_core_amqp::error::{AmqpErrorCondition, AmqpErrorKind};
use azure_messaging_eventhubs::EventHubsError;
use azure_messaging_eventhubs::error::ErrorKind;

/// Something went wrong between us and an event hub.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The SDK says so.
    #[error("the event hub refused or the link to it broke")]
    EventHub(#[source] EventHubsError),
    /// The SDK said nothing in time.
    #[error("no answer to `{step}` within {seconds} s")]
    Timeout {
        /// What was waited for.
        step: &'static str,
        /// For how long.
        seconds: u64,
    },
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
    /// The credential cannot be made of what the environment holds.
    #[error("credential `{kind}` cannot be used: {needs}")]
    Credential {
        /// The kind that was configured.
        kind: &'static str,
        /// What it needs.
        needs: &'static str,
        /// What the identity library said.
        #[source]
        source: Option<azure_core::Error>,
    },
    /// A task that reads ended although nobody stopped it.
    #[error("the reader of `{0}` ended by itself")]
    ReaderEnded(String),
}

/// What an error means; the value of the label `cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
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
    /// No answer in time.
    Timeout,
    /// The hub closed the link, the session or the connection.
    Closed,
}

impl Cause {
    /// Every value of the label `cause`.
    pub const LABELS: [&'static str; 8] = [
        "unreachable",
        "unauthorized",
        "not_found",
        "busy",
        "stolen",
        "argument",
        "timeout",
        "closed",
    ];

    /// Whether the hub itself still answers: it may refuse us, or one link of ours may have ended.
    pub fn hub_answers(self) -> bool {
        matches!(
            self,
            Self::Stolen | Self::Argument | Self::Closed | Self::Busy
        )
    }

    /// The value of the label `cause`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Stolen => "stolen",
            Self::Argument => "argument",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
        }
    }
}

impl SourceError {
    /// What it means.
    pub fn cause(&self) -> Cause {
        match self {
            Self::EventHub(error) => match &error.kind {
                ErrorKind::ConsumerDisconnected(_) => Cause::Stolen,
                ErrorKind::AmqpError(error) => amqp_cause(error),
                ErrorKind::AzureCore(error) => azure_cause(error),
                _ => Cause::Closed,
            },
            Self::Timeout { .. } => Cause::Timeout,
            Self::Ended | Self::ReaderEnded(_) => Cause::Closed,
            Self::Unresolved { .. } => Cause::Unreachable,
            Self::Credential { .. } => Cause::Unauthorized,
        }
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
        _ => Cause::Closed,
    }
}

fn azure_cause(error: &azure_core::Error) -> Cause {
    match error.kind() {
        azure_core::error::ErrorKind::Credential => Cause::Unauthorized,
        _ => Cause::Unreachable,
    }
}
