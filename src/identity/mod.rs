//! Authenticates the exporter to Azure, with the identities of Microsoft Entra ID and their tokens, or with secrets in
//! files. The event hubs and the blob store both use this module. `config` decides which identity to use.
//!
//! `credential` is the checked section `auth`. `entra` makes the credentials of `azure_identity` from it, and `assertion`
//! signs for an application with a certificate. `tokens` keeps the tokens of one service and renews them; `event_hubs`
//! and `storage` pass them to the clients of the two services. `error` explains what to do when there is no token.
//! `connection_string` reads the pairs that connection strings consist of, `secret_file` reads files with secrets, and
//! `secret` keeps one in memory, and `claims` describes a token. `clear_text` decides where TLS may be off.

mod assertion;
pub(crate) mod claims;
pub(crate) mod clear_text;
pub(crate) mod connection_string;
mod credential;
mod entra;
mod error;
mod event_hubs;
mod secret;
mod secret_file;
mod storage;
mod tokens;

pub use credential::{Application, Credential, CredentialKind, Identity, SecretSource};
pub(crate) use credential::{authority_host, authority_of, client_id, tenant_id};
pub(crate) use error::TokenError;
pub(crate) use event_hubs::EventHubsTokens;
pub use secret::Secret;
pub(crate) use secret_file::is_open_to_others;
pub use storage::storage_tokens;
pub(crate) use tokens::{Audience, Tokens};
