//! What it means when the store does not do what it should.

use std::error::Error;

use azure_core::Error as TokenError;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Nobody answers there.
    #[error("`{host}` is not reached")]
    Unreachable {
        /// Who should.
        host: String,
        /// What happened instead.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer does not come.
    #[error("`{host}` did not answer within {seconds} s")]
    Timeout {
        /// Who should.
        host: String,
        /// How long it had.
        seconds: u64,
    },
    /// There is no token to show.
    #[error("no token for Blob Storage")]
    Token(#[source] TokenError),
    /// We are not let in.
    #[error(
        "`{container}` does not let us in ({status}, {code}): with Microsoft Entra ID, assign the role `Storage Blob Data Contributor` on the container; with a key or a SAS, check that it is of this account, has not expired, and allows to read, write, create, delete and list"
    )]
    Denied {
        /// Which container.
        container: String,
        /// The HTTP status.
        status: u16,
        /// The service's word for it.
        code: String,
    },
    /// There is no such container.
    #[error(
        "there is no container `{0}`: make it, or let the exporter do so with the rights of the account"
    )]
    NoContainer(String),
    /// Something else.
    #[error("the store answered {status} ({code})")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The service's word for it.
        code: String,
    },
    /// An answer that is none.
    #[error("the store's answer does not read as one: {0}")]
    Unreadable(&'static str),
    /// A list that is none.
    #[error("the store's list does not read as one")]
    List(#[from] quick_xml::DeError),
    /// An answer beyond all measure.
    #[error("the store's answer has more than {0} bytes")]
    TooLarge(usize),
    /// A value that no header can carry.
    #[error("`{0}` cannot be written: metadata is printable ASCII")]
    Metadata(String),
    /// The request could not be made or signed.
    #[error("the request cannot be made")]
    Request(#[source] Box<dyn Error + Send + Sync>),
}
