//! Takes the keys from the highest layer that sets them, and collects the faults. How a value is read is up to its check.

use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::LazyLock;

use super::File;
use super::fault::{Fault, Origin, shown};
use super::keys::{self, KEYS};
use super::layers::Entry;
use crate::identity::is_open_to_others;
use crate::setting::{Configured, Setting, Source, Value};
use crate::telemetry::looks_secret;

/// Every layer's entries, and the faults found so far.
pub(super) struct Reader {
    /// In the order of precedence: of two that set a key, the later one wins.
    entries: Vec<Entry>,
    faults: Vec<Fault>,
    /// What the entries of the file were read from.
    file: Option<File>,
}

impl Source for Reader {
    fn take<T>(&mut self, Setting { key, check, unset }: Setting<T>) -> T {
        let Some(entry) = self.winner(key.name) else {
            return unset;
        };
        match check.read(&entry.value) {
            Ok(value) => value,
            Err(problem) => {
                let fault = Fault::new(entry, problem);
                self.faults.push(fault);
                unset
            }
        }
    }
}

impl Reader {
    pub(super) fn new(entries: Vec<Entry>, faults: Vec<Fault>, file: Option<File>) -> Self {
        Self {
            entries,
            faults,
            file,
        }
    }

    /// The files that contain secrets, and that every user of the machine can read: of those that keys name, and of the file
    /// of the configuration itself.
    pub(super) fn open_secret_files(&self) -> Vec<PathBuf> {
        let named = KEYS.iter().filter(|key| key.is_secret_file);
        let named = named.filter_map(|key| match &self.winner(key.name)?.value {
            Value::Text(path) => Some(PathBuf::from(path.trim())),
            Value::Nothing | Value::List(_) => None,
        });
        let is_secret = |entry: &Entry| {
            keys::named(&entry.key).is_some_and(|key| key.secret)
                || entry.value.items().into_iter().any(looks_secret)
        };
        let mut in_file = self.entries.iter();
        let has_one =
            in_file.any(|entry| matches!(entry.origin, Origin::Line { .. }) && is_secret(entry));
        let own = match &self.file {
            Some(File::Path(path)) if has_one => Some(path.clone()),
            _ => None,
        };
        let files = named.chain(own);
        files.filter(|file| is_open_to_others(file)).collect()
    }

    /// Every key that has a value, as people may see it.
    pub(super) fn configured(&self) -> Vec<Configured> {
        let configured = KEYS.iter().filter_map(|key| {
            let winner = self.winner(key.name);
            let default = key.default.map(|text| Value::Text(text.to_owned()));
            let value = winner.map(|entry| &entry.value).or(default.as_ref())?;
            let fingerprint = fingerprint(value);
            let value = match winner {
                Some(_) => shown(key.name, value)?,
                None => key.default?.to_owned(),
            };
            let origin = winner.map(|entry| entry.origin.to_string());
            Some(Configured {
                key: key.name,
                value: value.trim_matches('`').to_owned(),
                origin,
                fingerprint,
            })
        });
        configured.collect()
    }

    /// Notes faults that another file has.
    pub(super) fn faulty(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
    }

    /// Where a key was set, if it was.
    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.winner(key).map(|entry| &entry.origin)
    }

    /// Whether a key is set, by anything but a variable of Azure's own.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.origin(key).is_some_and(|origin| !origin.is_azures())
    }

    /// Whether something is wrong with a key.
    pub(super) fn is_faulty(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key() == key)
    }

    /// Notes that a key must be set, unless it is, or was set wrongly.
    pub(super) fn require(&mut self, key: &str, problem: impl Into<String>) {
        if self.winner(key).is_none() && !self.is_faulty(key) {
            self.faults.push(Fault::missing(key, problem));
        }
    }

    /// Notes that the value of a key, though right in itself, does not go with another.
    pub(super) fn contradiction(&mut self, key: &str, problem: impl Into<String>) {
        let fault = match self.winner(key) {
            Some(entry) => Fault::new(entry, problem),
            None => Fault::missing(key, problem),
        };
        self.faults.push(fault);
    }

    /// As [`contradiction`](Self::contradiction), for two keys: the fault is of the first of them that is set.
    pub(super) fn contradiction_of_either(&mut self, [one, other]: [(&str, String); 2]) {
        let (key, problem) = if self.is_set(one.0) { one } else { other };
        self.contradiction(key, problem);
    }

    /// Which of several keys that exclude each other is set; every further one is a contradiction.
    pub(super) fn only_one(&mut self, keys: &[&'static str]) -> Option<&'static str> {
        let mut set = keys.iter().filter(|key| self.is_set(key));
        let first = *set.next()?;
        let others: Vec<_> = set.collect();
        if let Some(origin) = self.origin(first).cloned() {
            for other in others {
                let problem = format!("`{first}` is set too ({origin}): keep one of the two");
                self.contradiction(other, problem);
            }
        }
        Some(first)
    }

    /// Notes those of some keys that are set, but to nothing that has an effect: neither a default, which the reference
    /// file spells out, nor a variable of Azure's own, which may be there for another program.
    pub(super) fn no_effect(&mut self, keys: impl IntoIterator<Item = &'static str>, why: &str) {
        for key in keys {
            let default = keys::named(key).and_then(|key| key.default);
            let is_default = |entry: &Entry| matches!(&entry.value, Value::Text(text) if default.is_some_and(|default| are_equal(text, default)));
            if self.is_set(key) && !self.is_faulty(key) && !self.winner(key).is_some_and(is_default)
            {
                self.contradiction(key, format!("has no effect {why}"));
            }
        }
    }

    /// Passes over Azure's own variables.
    pub(super) fn forget_azures(&mut self) {
        self.entries.retain(|entry| !entry.origin.is_azures());
        self.faults.retain(|fault| !fault.is_azures());
    }

    /// Every fault, in the order of the keys; unknown keys come last.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        self.faults.extend(self.entries.iter().filter_map(unknown));
        self.faults.sort_by_key(|fault| {
            let index = KEYS.iter().position(|key| key.name == fault.key());
            index.unwrap_or(usize::MAX)
        });
        self.faults
    }

    fn winner(&self, key: &str) -> Option<&Entry> {
        debug_assert!(keys::named(key).is_some(), "no section declares `{key}`");
        self.entries.iter().rfind(|entry| entry.key == key)
    }
}

/// The same for the same value, in this process.
fn fingerprint(value: &Value) -> u64 {
    static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEYED.hash_one(value.items())
}

/// Whether two spellings are of one value: words in any case, durations in any unit.
fn are_equal(text: &str, default: &str) -> bool {
    let duration = |text: &str| humantime::parse_duration(text.trim()).ok();
    text.trim().eq_ignore_ascii_case(default)
        || duration(text).is_some_and(|time| duration(default) == Some(time))
}

/// The fault of a key that does not exist, with the key that was meant.
fn unknown(entry: &Entry) -> Option<Fault> {
    let Entry { key, value, origin } = entry;
    if keys::named(key).is_some() {
        return None;
    }
    let in_section: Vec<_> = keys::section(key)
        .map(|key| format!("`{}`", origin.spelling_of(key)))
        .collect();
    let parent = key
        .rsplit_once('.')
        .and_then(|(parent, _)| keys::named(parent));
    let problem = if !in_section.is_empty() {
        if *value == Value::Nothing {
            return None;
        }
        format!(
            "is a section: set one of its keys: {}",
            in_section.join(", ")
        )
    } else if let Some(parent) = parent {
        let parent = origin.spelling_of(parent);
        format!("unknown key: `{parent}` has a value, and no keys below it")
    } else if let Some(meant) = keys::nearest(key) {
        format!("unknown key; did you mean `{}`?", origin.spelling_of(meant))
    } else {
        "unknown key; `config/exporter.yaml` lists every key".to_owned()
    };
    Some(Fault::new(entry, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_recognised_in_any_spelling() {
        let check = |text: &str, default: &str, expected: bool| {
            assert_eq!(are_equal(text, default), expected, "{text} and {default}");
        };
        check(" AUTO ", "auto", true);
        check("file", "memory", false);
        check("30000ms", "30s", true);
        check("0m 30 s", "30s", true);
        check("30s", "31s", false);
        check("30", "30s", false);
    }
}
