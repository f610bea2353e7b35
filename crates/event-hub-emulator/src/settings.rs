//! What an emulator is started with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::limits::PARTITIONS_MAX;
use super::{EmulatorError, Policy};

/// Where an emulator listens, which event hubs it has, and how much it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address for AMQP without TLS; port 0 takes any free port.
    pub listen: SocketAddr,
    /// A second address, for TLS, if there is to be one.
    pub tls: Option<TlsSettings>,
    /// The event hubs of the namespace: at least one, each with its own name.
    pub event_hubs: Vec<EventHub>,
    /// The shared access policies of the namespace. With none, every key is accepted.
    pub policies: Vec<Policy>,
    /// How many bytes of memory the events of all event hubs may take together; beyond it the oldest are dropped.
    pub retain_bytes: usize,
}

/// TLS with a certificate that is made at the start; AMQP inside it or inside a WebSocket inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The address; port 0 takes any free port. Clients look for 5671, or for 443 with a WebSocket.
    pub listen: SocketAddr,
    /// The host that the certificate is made out to, besides this machine's own names and addresses. A name, since the
    /// Rust SDK (0.16) refuses an address where it uses TLS.
    pub host: String,
}

/// An event hub to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHub {
    /// The name, which clients may write in any case.
    pub name: String,
    /// How many partitions it has: 1 to 1024.
    pub partitions: u32,
    /// The consumer groups that clients may name, besides `$Default`. `None` accepts every group, so that a consumer can
    /// be tried without creating its group first. With a list, any other group is refused as Azure refuses it.
    pub consumer_groups: Option<Vec<String>>,
}

/// The default of [`Settings::retain_bytes`]: several hundred thousand events of 1 KiB, and a small part of a developer's
/// machine.
pub const RETAIN_BYTES: usize = 256 * 1024 * 1024;

/// The policy and key of the connection string where any is accepted: those of Microsoft's emulator.
const ANY_KEY: (&str, &str) = ("RootManageSharedAccessKey", "SAS_KEY_VALUE");

/// Any free port of this machine, which no other machine reaches.
const ANY_LOCAL_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Settings {
    /// These event hubs on any free port of this machine, not reachable from other machines, with [`RETAIN_BYTES`].
    pub fn local(event_hubs: impl IntoIterator<Item = EventHub>) -> Self {
        Self {
            listen: ANY_LOCAL_PORT,
            tls: None,
            event_hubs: event_hubs.into_iter().collect(),
            policies: Vec::new(),
            retain_bytes: RETAIN_BYTES,
        }
    }

    /// The connection string for a host, with the first policy. It names the event hub only if there is exactly one.
    pub(crate) fn connection_string(&self, host: &str) -> String {
        let entity_path = match self.event_hubs.as_slice() {
            [only] => format!(";EntityPath={}", only.name),
            _ => String::new(),
        };
        let first = self.policies.first();
        let (name, key) = first.map_or(ANY_KEY, |policy| (&policy.name, &policy.key));
        format!(
            "Endpoint=sb://{host}/;SharedAccessKeyName={name};SharedAccessKey={key}{entity_path}"
        )
    }

    pub(crate) fn check(&self) -> Result<(), EmulatorError> {
        if self.event_hubs.is_empty() {
            return Err(EmulatorError::NoEventHub);
        }
        for (index, event_hub) in self.event_hubs.iter().enumerate() {
            event_hub.check()?;
            let mut before = self.event_hubs.iter().take(index);
            if before.any(|other| other.name.eq_ignore_ascii_case(&event_hub.name)) {
                return Err(EmulatorError::Duplicate(event_hub.name.clone()));
            }
        }
        Ok(())
    }
}

impl TlsSettings {
    /// Any free port of this machine, not reachable from other machines, as `localhost`.
    pub fn local() -> Self {
        Self {
            listen: ANY_LOCAL_PORT,
            host: "localhost".to_owned(),
        }
    }
}

impl EventHub {
    /// An event hub of this name and number of partitions, which accepts every consumer group.
    pub fn new(name: impl Into<String>, partitions: u32) -> Self {
        Self {
            name: name.into(),
            partitions,
            consumer_groups: None,
        }
    }

    /// Whether Azure would allow it.
    pub(crate) fn check(&self) -> Result<(), EmulatorError> {
        if !is_name(&self.name) {
            return Err(EmulatorError::Name(self.name.clone()));
        }
        if !(1..=PARTITIONS_MAX).contains(&self.partitions) {
            return Err(EmulatorError::Partitions {
                event_hub: self.name.clone(),
                partitions: self.partitions,
            });
        }
        Ok(())
    }

    /// The same with only these consumer groups, and `$Default`.
    #[must_use]
    pub fn with_consumer_groups(
        mut self,
        groups: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.consumer_groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }
}

fn is_name(name: &str) -> bool {
    let separators = ['.', '-', '_'];
    (1..=256).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || separators.contains(&c))
        && !name.starts_with(separators)
        && !name.ends_with(separators)
}
