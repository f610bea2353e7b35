//! The names of the blobs of a consumer group, as in the official SDKs. Pure.
//!
//! ```text
//! {namespace host}/{event hub}/{consumer group}/ownership/{partition}    a lease
//! {namespace host}/{event hub}/{consumer group}/checkpoint/{partition}   a position
//! {namespace host}/{event hub}/{consumer group}/member/{owner}           this exporter's: a replica that is running
//! {namespace host}/.acs-recording-exporter/{consumer group}/series       this exporter's: the remembered failure series
//! {namespace host}/.acs-recording-exporter/{consumer group}/label-sets   this exporter's: all other remembered label sets
//! {namespace host}/.acs-recording-exporter/{consumer group}/check-{id}   the command `check`'s, for a moment
//! ```
//!
//! All in lower case, as .NET, JavaScript and Python write them. Go, Java and Rust leave names as they are, so their
//! checkpoints are looked up under those names, once.

use crate::event::PartitionId;

/// The names of one event hub's blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    /// The same as the SDKs spell it that do not fold names.
    unfolded: String,
}

/// The kind of a blob, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// The lease of this partition.
    Ownership(&'a str),
    /// The position of this partition.
    Checkpoint(&'a str),
    /// A replica with this id.
    Member(&'a str),
    /// Something else.
    Other,
}

impl Names {
    /// The names for a consumer group of an event hub, in the namespace of that host.
    pub fn new(namespace: &str, event_hub: &str, consumer_group: &str) -> Self {
        let unfolded = format!("{namespace}/{event_hub}/{consumer_group}/");
        Self {
            prefix: unfolded.to_lowercase(),
            unfolded,
        }
    }

    /// The prefix of all names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The lease of a partition.
    pub fn ownership(&self, partition: &str) -> String {
        format!("{}ownership/{}", self.prefix, partition.to_lowercase())
    }

    /// The position of a partition.
    pub fn checkpoint(&self, partition: &PartitionId) -> String {
        let partition = partition.partition().to_lowercase();
        format!("{}checkpoint/{partition}", self.prefix)
    }

    /// The same as the SDKs spell it that do not fold names; none if it is the same name.
    pub fn unfolded_checkpoint(&self, partition: &PartitionId) -> Option<String> {
        let unfolded = format!("{}checkpoint/{}", self.unfolded, partition.partition());
        Some(unfolded).filter(|unfolded| *unfolded != self.checkpoint(partition))
    }

    /// A replica that is running.
    pub fn member(&self, owner: &str) -> String {
        format!("{}member/{owner}", self.prefix)
    }

    /// The kind of the blob of this name.
    pub fn kind<'a>(&self, name: &'a str) -> Kind<'a> {
        let rest = name.strip_prefix(&self.prefix);
        match rest.and_then(|rest| rest.split_once('/')) {
            Some((_, id)) if id.is_empty() || id.contains('/') => Kind::Other,
            Some(("ownership", partition)) => Kind::Ownership(partition),
            Some(("checkpoint", partition)) => Kind::Checkpoint(partition),
            Some(("member", owner)) => Kind::Member(owner),
            _ => Kind::Other,
        }
    }
}

/// The blob with the remembered failure series of all event hubs of a namespace.
pub(crate) fn series(namespace: &str, consumer_group: &str) -> String {
    of_group(namespace, consumer_group, "series")
}

/// The blob with all other label sets that are remembered.
pub(crate) fn label_sets(namespace: &str, consumer_group: &str) -> String {
    of_group(namespace, consumer_group, "label-sets")
}

/// A blob for a check of the store, which deletes it.
pub(crate) fn check(namespace: &str, consumer_group: &str, id: u64) -> String {
    of_group(namespace, consumer_group, &format!("check-{id:016x}"))
}

fn of_group(namespace: &str, consumer_group: &str, what: &str) -> String {
    format!("{namespace}/.acs-recording-exporter/{consumer_group}/{what}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_told_apart() {
        let names = Names::new("Contoso.servicebus.windows.net", "Logs", "$Default");
        let partition = PartitionId::new("Logs", "3");
        assert_eq!(
            names.checkpoint(&partition),
            "contoso.servicebus.windows.net/logs/$default/checkpoint/3"
        );
        assert_eq!(
            names.unfolded_checkpoint(&partition).as_deref(),
            Some("Contoso.servicebus.windows.net/Logs/$Default/checkpoint/3")
        );
        let folded = Names::new("contoso.servicebus.windows.net", "logs", "exporter");
        assert_eq!(folded.unfolded_checkpoint(&partition), None);
        for (name, kind) in [
            (names.ownership("3"), Kind::Ownership("3")),
            (names.checkpoint(&partition), Kind::Checkpoint("3")),
            (names.member("me"), Kind::Member("me")),
            (names.ownership(""), Kind::Other),
            (names.ownership("a/b"), Kind::Other),
            (folded.ownership("3"), Kind::Other),
        ] {
            assert_eq!(names.kind(&name), kind, "{name}");
        }
    }
}
