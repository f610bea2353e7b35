//! A secret in memory: once, and only for as long as something needs it.
//!
//! What the process cannot keep from being copied: the environment that it was started with, and what the SDK and the HTTP
//! client make of a secret that they are given.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret. Its clones share one copy, which is overwritten when the last of them is dropped. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes a secret, without a copy.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(secret.into())))
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_copy() {
        let secret = Secret::new("c2VjcmV0");
        let clone = secret.clone();
        assert!(std::ptr::eq(secret.secret(), clone.secret()));
        assert_eq!(format!("{clone:?}"), "Secret");
    }
}
