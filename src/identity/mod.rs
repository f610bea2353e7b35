//! How the exporter authenticates to Azure: the identities of Microsoft Entra ID and their tokens, and the secrets that
//! files contain. The event hubs and the blob store use it alike. Which identity to use is decided by `config`.
//!
//! `credential` is the checked section `auth`. `entra` makes the credentials of `azure_identity` from it, `assertion`
//! signs for an application with a certificate. `tokens` keeps the tokens of one service and renews them; `event_hubs`
//! and `storage` give them to the clients of the two services. `error` says what to do when there is no token.
//! `connection_string` reads the pairs that connection strings consist of, and `secret_file` the files of secrets.

mod assertion;
pub(crate) mod connection_string;
mod credential;
mod entra;
mod error;
mod event_hubs;
mod secret_file;
mod storage;
mod tokens;

pub use credential::{Application, Credential, CredentialKind, Identity, SecretSource};
pub(crate) use credential::{authority_host, authority_of, client_id, tenant_id};
pub(crate) use error::TokenError;
pub(crate) use event_hubs::EventHubsTokens;
pub use storage::storage_tokens;
pub(crate) use tokens::{Audience, Tokens};
