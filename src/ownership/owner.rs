//! Who can hold a lease.

use std::fmt;

/// One process; another one of the same replica is another owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner(String);

/// What the ids of ours begin with.
const PREFIX: &str = "acs-recording-exporter-";

/// A host's name has 253 characters at most, and says little after this.
const HOST_MAX: usize = 64;

impl Owner {
    /// A process on this host that was given this number, by chance, when it began.
    pub(crate) fn new(host: &str, number: u64) -> Self {
        let host: String = host
            .to_ascii_lowercase()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || ".-".contains(*letter))
            .take(HOST_MAX)
            .collect();
        Self(format!("{PREFIX}{host}-{number:016x}"))
    }

    /// The owner that a lease names; none where it is free.
    pub(crate) fn named(id: &str) -> Option<Self> {
        Some(Self(id.to_owned())).filter(|owner| !owner.0.is_empty())
    }

    /// The id, as leases name it.
    pub(crate) fn id(&self) -> &str {
        &self.0
    }

    /// Whether it is a process of this program. Others count nothing that we would know of.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.starts_with(PREFIX)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_header_a_name_and_ours() {
        let owner = Owner::new("Pod_1.Example ü", 255);
        assert_eq!(
            owner.id(),
            "acs-recording-exporter-pod1.example-00000000000000ff"
        );
        assert!(owner.is_ours());
        assert!(!Owner::named("4f9c").unwrap().is_ours());
        assert_eq!(Owner::named(""), None);
    }
}
