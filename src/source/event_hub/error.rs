//! What goes wrong between the exporter and an event hub, sorted by cause.

use std::error::Error;
use std::fmt;
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

use super::settings::{Authentication, Namespace};
use crate::family::label_values;
use crate::identity::TokenError;
use crate::identity::connection_string::UnusableFile;

/// Something went wrong between the exporter and an event hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The SDK reports an error.
    #[error("the event hub refused the request, or the link ended")]
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
        /// The hub may no longer have the position.
        Doubted = "doubted",
        /// Planned: no event came for long, and only a new link shows that events can still come.
        Idle = "idle",
        /// Planned: the events are much smaller or larger than the link was opened for.
        Resized = "resized",
        /// Planned: the token that the link began with has aged, as the hub's answer shows.
        Token = "token",
        /// Planned: a partition that shares the connection needs another, and the limits allow no more.
        Retired = "retired",
    }
}

impl Cause {
    /// Whether the reader ended the link itself, and nothing is wrong: the next link is opened at once.
    pub(super) fn is_planned(self) -> bool {
        matches!(
            self,
            Self::Idle | Self::Resized | Self::Token | Self::Retired
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
            Self::Doubted(_) => Cause::Doubted,
            Self::EventPanicked(_) => Cause::Poison,
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

/// What to do about a host that no connection leads to.
pub(crate) fn cannot_connect(host: &str) -> String {
    format!(
        "cannot connect to `{host}`: check the firewall, the private endpoint and port 5671 \
         (`event_hub.transport: websocket` needs only 443)"
    )
}

/// An error in words for the person who has to act: with the names of what was refused, and what to do.
#[derive(Debug)]
pub(super) struct Explained<'a> {
    pub(super) error: &'a SourceError,
    pub(super) event_hub: &'a str,
    pub(super) namespace: &'a Namespace,
    pub(super) consumer_group: &'a str,
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event_hub, group) = (self.event_hub, self.consumer_group);
        let host = self.namespace.name();
        let is_answer = matches!(self.error, SourceError::EventHub(_));
        match self.error.cause() {
            Cause::Unauthorized if is_answer => {
                write!(
                    f,
                    "`{host}` refuses access to event hub `{event_hub}` with consumer group `{group}`: "
                )?;
                match self.namespace.authentication {
                    Authentication::Credential(_) => write!(
                        f,
                        "assign the role `Azure Event Hubs Data Receiver` to the identity, at the scope of the event hub \
                         (`.../providers/Microsoft.EventHub/namespaces/{}/eventhubs/{event_hub}`) or of its namespace",
                        host.split('.').next().unwrap_or(host)
                    ),
                    _ => f.write_str(
                        "the shared access policy of the connection string must exist on the event hub or on its \
                         namespace, its key must be the current one, and it needs the claim `Listen`",
                    ),
                }
            }
            Cause::NotFound if is_answer => write!(
                f,
                "`{host}` has no event hub `{event_hub}`, or the event hub has no consumer group `{group}`: create what \
                 is missing, or correct `event_hub.names` or `event_hub.consumer_group`"
            ),
            Cause::Unreachable if is_answer => f.write_str(&cannot_connect(host)),
            Cause::Timeout => write!(
                f,
                "{}: if this lasts, check the network between the exporter and `{host}` (firewall, private endpoint, port)",
                self.error
            ),
            _ => self.error.fmt(f),
        }
    }
}

impl Error for Explained<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Credential, Identity, Secret};

    fn check(error: &SourceError, expected: &str) {
        let key = Authentication::ConnectionString(Secret::new(""));
        check_with(key, error, expected);
    }

    fn check_with(authentication: Authentication, error: &SourceError, expected: &str) {
        let namespace = Namespace {
            host: "contoso.servicebus.windows.net".to_owned(),
            endpoint: None,
            authentication,
        };
        let explained = Explained {
            error,
            event_hub: "logs",
            namespace: &namespace,
            consumer_group: "exporter",
        };
        assert_eq!(explained.to_string(), expected);
    }

    #[test]
    fn a_refusal_names_event_hub_consumer_group_and_what_the_policy_or_the_identity_lacks() {
        let refused = azure_core::Error::new(azure_core::error::ErrorKind::Credential, "no");
        let refused = SourceError::EventHub(refused.into());
        check(
            &refused,
            "`contoso.servicebus.windows.net` refuses access to event hub `logs` with consumer group `exporter`: the \
             shared access policy of the connection string must exist on the event hub or on its namespace, its key must \
             be the current one, and it needs the claim `Listen`",
        );
        let credential = Credential {
            identity: Identity::Managed { client_id: None },
            authority_host: String::new(),
            reason: String::new(),
        };
        check_with(
            Authentication::Credential(credential),
            &refused,
            "`contoso.servicebus.windows.net` refuses access to event hub `logs` with consumer group `exporter`: assign \
             the role `Azure Event Hubs Data Receiver` to the identity, at the scope of the event hub \
             (`.../providers/Microsoft.EventHub/namespaces/contoso/eventhubs/logs`) or of its namespace",
        );
    }

    #[test]
    fn silence_names_the_step_and_what_to_check() {
        check(
            &SourceError::Timeout {
                step: "open connection",
                seconds: 30,
            },
            "no answer to `open connection` within 30 s: if this lasts, check the network between the exporter and \
             `contoso.servicebus.windows.net` (firewall, private endpoint, port)",
        );
    }

    #[test]
    fn what_explains_itself_stays_as_it_is() {
        check(&SourceError::Ended, "the event hub ended the stream");
    }
}
