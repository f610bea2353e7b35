//! The credential that signs a request: a key, a SAS or a token, as it is now.

use hyper::header::HeaderValue;
use object_store::azure::{AzureAccessKey, AzureCredential, split_sas};

use super::settings::Access;
use super::{BlobError, Container};

/// What a token for Blob Storage is requested with, in every cloud.
const SCOPE: &str = "https://storage.azure.com/.default";

impl Container {
    /// The credential for the next request. The tokens keep their token for as long as it is valid: each request asks for
    /// it.
    pub(super) async fn credential(&self) -> Result<AzureCredential, BlobError> {
        match &self.settings.access {
            Access::File(path) => {
                let now = self.settings.current(path);
                fixed(&now.map_err(|error| BlobError::ConnectionStringFile(path.clone(), error))?)
            }
            Access::Tokens => {
                let tokens = self.tokens.as_ref().ok_or(BlobError::NoCredential)?;
                let token = tokens.get_token(&[SCOPE], None).await;
                let token = token.map_err(BlobError::NoToken)?;
                let token = token.token.secret();
                // The library panics on a token that cannot be in a header.
                HeaderValue::from_str(token).map_err(|_| BlobError::Unsignable("token"))?;
                Ok(AzureCredential::BearerToken(token.to_owned()))
            }
            access => fixed(access),
        }
    }
}

fn fixed(access: &Access) -> Result<AzureCredential, BlobError> {
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
