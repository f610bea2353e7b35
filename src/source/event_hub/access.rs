//! How a namespace is entered: by a connection string as it is now, or by tokens of the one credential of the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};

use super::connection_string::{ConnectionString, UnusableFile};
use super::credential::{self, Audience, ClientTokens, Refreshing};
use super::error::SourceError;
use super::settings::{Authentication, Namespace};
use crate::telemetry::Telemetry;

/// What outlives the clients.
#[derive(Debug)]
pub(super) struct Access {
    host: String,
    endpoint: Option<String>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    ConnectionString(Secret),
    File(PathBuf),
    Tokens(Arc<Refreshing>),
}

/// Where one client goes in, and with what.
pub(super) struct Door {
    pub(super) host: String,
    pub(super) endpoint: Option<String>,
    pub(super) key: Key,
}

/// What lets a client in.
pub(super) enum Key {
    ConnectionString(Secret),
    Tokens(Arc<dyn TokenCredential>),
}

impl Access {
    /// What tokens cost is told to `telemetry`, if there is one.
    pub(super) fn new(namespace: &Namespace, telemetry: Option<Arc<Telemetry>>) -> Self {
        let way =
            match &namespace.authentication {
                Authentication::ConnectionString(string) => Way::ConnectionString(string.clone()),
                Authentication::ConnectionStringFile(path) => Way::File(path.clone()),
                Authentication::Credential(credential) => Way::Tokens(Arc::new(
                    credential::tokens(credential, Audience::EventHubs, telemetry),
                )),
            };
        Self {
            host: namespace.host.clone(),
            endpoint: namespace.endpoint.clone(),
            way,
        }
    }

    /// The door for the next client.
    pub(super) async fn door(&self) -> Result<Door, SourceError> {
        let mut endpoint = self.endpoint.clone();
        let key = match &self.way {
            Way::ConnectionString(string) => Key::ConnectionString(string.clone()),
            Way::File(path) => {
                let unusable = |problem| SourceError::ConnectionStringFile {
                    path: path.clone(),
                    problem,
                };
                let current = self.current(path).map_err(unusable)?;
                endpoint = current.endpoint;
                Key::ConnectionString(current.cleaned)
            }
            Way::Tokens(tokens) => {
                let tokens = ClientTokens::new(Arc::clone(tokens));
                // Had here and not while the SDK connects: what is wrong with a token comes as an error of its own, and
                // within a time of its own.
                tokens.token().await?;
                Key::Tokens(Arc::new(tokens))
            }
        };
        Ok(Door {
            host: self.host.clone(),
            endpoint,
            key,
        })
    }

    /// What the file holds now. Positions are of one namespace, so it must be the same as at the start.
    fn current(&self, path: &Path) -> Result<ConnectionString, UnusableFile> {
        let current = ConnectionString::read(path)?;
        if current.host == self.host {
            Ok(current)
        } else {
            Err(UnusableFile::OtherNamespace(current.host))
        }
    }
}
