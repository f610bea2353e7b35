//! The Event Hub as a source of events.

mod connection_string;
mod settings;

pub use connection_string::{ConnectionString, InvalidConnectionString};
pub use settings::{
    Authentication, CredentialKind, InvalidName, Namespace, Settings, Start, Transport,
    consumer_group, event_hub_name, namespace_host,
};
