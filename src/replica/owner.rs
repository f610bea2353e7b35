//! The owner of a lease.

/// One process. A replica that restarts becomes another owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Owner(String);

/// What the ids of this program's processes begin with.
const PREFIX: &str = "acs-recording-exporter-";

/// A host name has at most 253 characters; the first ones suffice to recognise it.
const HOST_MAX: usize = 64;

impl Owner {
    /// The process on this host that chose this random number when it started.
    pub(super) fn new(host: &str, number: u64) -> Self {
        let host: String = host
            .to_ascii_lowercase()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || ".-".contains(*letter))
            .take(HOST_MAX)
            .collect();
        Self(format!("{PREFIX}{host}-{number:016x}"))
    }

    /// The owner that a lease names; none if the lease is released.
    pub(super) fn named(id: &str) -> Option<Self> {
        Some(Self(id.to_owned())).filter(|owner| !owner.0.is_empty())
    }

    /// The id that leases contain.
    pub(super) fn id(&self) -> &str {
        &self.0
    }

    /// Whether it is a process of another program. No replica counts the events of its partitions.
    pub(super) fn is_foreign(&self) -> bool {
        !self.0.starts_with(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_header_and_names_the_program() {
        let owner = Owner::new("Pod_1.Example ü", 255);
        assert_eq!(
            owner.id(),
            "acs-recording-exporter-pod1.example-00000000000000ff"
        );
        assert!(!owner.is_foreign());
        assert!(Owner::named("4f9c").unwrap().is_foreign());
        assert_eq!(Owner::named(""), None);
    }
}
