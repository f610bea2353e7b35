//! Takes each key once, from the highest layer that has it, and keeps the faults. What a value has to look like is for
//! the getters.

use std::collections::BTreeSet;

use super::fault::{Fault, Origin};
use super::keys::{KEYS, Key};
use super::layers::{Entry, Value};

/// Every layer's entries, and what was found wrong so far.
pub(super) struct Reader {
    /// In the order of precedence: of two that set a key, the later one holds.
    entries: Vec<Entry>,
    taken: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(entries: Vec<Entry>, faults: Vec<Fault>) -> Self {
        Self {
            entries,
            taken: BTreeSet::new(),
            faults,
        }
    }

    /// Where a key was set, if anybody did.
    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.winner(key).map(|entry| &entry.origin)
    }

    /// Notes that a key must be set, unless it is, or was set wrongly.
    pub(super) fn require(&mut self, key: &'static str, problem: &str) {
        if self.winner(key).is_none() && !self.is_faulty(key) {
            self.faults.push(Fault::missing(key, problem));
        }
    }

    /// Notes that the value of a key, though right in itself, does not go with another.
    pub(super) fn contradiction(&mut self, key: &str, problem: impl Into<String>) {
        let fault = match self.winner(key) {
            Some(Entry { value, origin, .. }) => Fault::new(key, value, origin, problem),
            None => Fault::missing(key, problem),
        };
        self.faults.push(fault);
    }

    /// Whether something was found wrong with a key.
    pub(super) fn is_faulty(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key() == key)
    }

    /// Passes over Azure's own variables.
    pub(super) fn forget_azures(&mut self) {
        self.entries.retain(|entry| !entry.origin.is_azures());
    }

    /// Every fault; a key that nobody took is one.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        for entry in &self.entries {
            let is_empty_section = entry.value == Value::Nothing && Key::is_section(&entry.key);
            if !self.taken.contains(entry.key.as_str()) && !is_empty_section {
                self.faults.push(unknown(entry));
            }
        }
        self.faults
    }

    /// What all getters share: the highest layer's value, or the default where it is faulty or there is none.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.taken.insert(key);
        if let Some(entry) = self.winner(key) {
            match parse(&entry.value) {
                Ok(value) => return Some(value),
                Err(problem) => {
                    let fault = Fault::new(key, &entry.value, &entry.origin, problem);
                    self.faults.push(fault);
                }
            }
        }
        let default = Value::Text(Key::named(key)?.default?.to_owned());
        match parse(&default) {
            Ok(value) => Some(value),
            // The test of the reference file shows that every default parses; if one did not, that is a fault too.
            Err(problem) => {
                self.faults
                    .push(Fault::new(key, &default, &Origin::Default, problem));
                None
            }
        }
    }

    fn winner(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rfind(|entry| entry.key == key)
    }
}

/// A key that does not exist, with the one that was meant.
fn unknown(Entry { key, value, origin }: &Entry) -> Fault {
    let problem = if Key::is_section(key) {
        let keys = KEYS
            .iter()
            .filter(|known| known.name.starts_with(&format!("{key}.")));
        let keys: Vec<String> = keys
            .map(|known| format!("`{}`", origin.spelling_of(known)))
            .collect();
        format!("is a section: set {}", keys.join(", "))
    } else if let Some(parent) = key
        .rsplit_once('.')
        .and_then(|(parent, _)| Key::named(parent))
    {
        format!(
            "is no key: `{}` holds a value, and no keys below it",
            origin.spelling_of(parent)
        )
    } else if let Some(meant) = Key::nearest(key) {
        format!("is no key; did you mean `{}`?", origin.spelling_of(meant))
    } else {
        "is no key: remove it; `config/exporter.yaml` lists those that are".to_owned()
    };
    Fault::new(key, value, origin, problem)
}
