//! What signs a request: a key, a SAS or a token, as it is now.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use hyper::header::HeaderValue;
use object_store::azure::{AzureAccessKey, AzureCredential, split_sas};

use super::BlobError;
use super::error::Means;
use super::settings::{Access, Settings};

/// What a token for Blob Storage is asked for with, in every cloud.
const SCOPE: &str = "https://storage.azure.com/.default";

/// How a container is entered.
pub(super) enum Entry {
    Fixed(Arc<AzureCredential>),
    File(PathBuf),
    /// The credential keeps its token for as long as it is good: it is asked for each request.
    Tokens(Arc<dyn TokenCredential>),
}

impl Entry {
    pub(super) fn open(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
    ) -> Result<Self, BlobError> {
        match settings.access() {
            Access::File(path) => Ok(Self::File(path.clone())),
            Access::Tokens => tokens.map(Self::Tokens).ok_or(BlobError::NoCredential),
            fixed => Ok(Self::Fixed(Arc::new(signer(fixed)?))),
        }
    }

    /// What signs the next request to the container.
    pub(super) async fn credential(
        &self,
        settings: &Settings,
    ) -> Result<Arc<AzureCredential>, BlobError> {
        match self {
            Self::Fixed(credential) => Ok(Arc::clone(credential)),
            Self::File(path) => {
                let now = settings.current(path);
                let now = now.map_err(|source| BlobError::ConnectionStringFile {
                    path: path.clone(),
                    source,
                })?;
                Ok(Arc::new(signer(&now)?))
            }
            Self::Tokens(tokens) => {
                let token = tokens.get_token(&[SCOPE], None).await;
                let token = token.map_err(BlobError::NoToken)?;
                let token = token.token.secret();
                // What cannot stand in a header would be a panic where it is put there.
                HeaderValue::from_str(token).map_err(|_| BlobError::Unsignable("token"))?;
                Ok(Arc::new(AzureCredential::BearerToken(token.to_owned())))
            }
        }
    }
}

/// The library's credentials show what they hold.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::File(_) => "File",
            Self::Tokens(_) => "Tokens",
        })
    }
}

pub(super) fn means(credential: &AzureCredential) -> Means {
    match credential {
        AzureCredential::AccessKey(_) => Means::Key,
        AzureCredential::SASToken(_) => Means::Sas,
        AzureCredential::BearerToken(_) => Means::Token,
    }
}

fn signer(access: &Access) -> Result<AzureCredential, BlobError> {
    match access {
        Access::SharedKey(key) => AzureAccessKey::try_new(key.secret())
            .map(AzureCredential::AccessKey)
            .map_err(|_| BlobError::Unsignable("account key")),
        Access::Sas(sas) => split_sas(sas.secret())
            .map(AzureCredential::SASToken)
            .map_err(|_| BlobError::Unsignable("SAS")),
        Access::File(_) | Access::Tokens => Err(BlobError::NoCredential),
    }
}
