//! What is wrong with a configuration, in the words that the operator reads: key, value, where it came from, and what
//! would pass. A fault never contains a secret: it keeps only what [`shown`] returns.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::keys;
use super::layers::Entry;
use crate::setting::{Key, Value};
use crate::telemetry::{REDACTED, looks_secret, redacted};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("config: file {} cannot be read", redacted(&path.to_string_lossy()))]
    Unreadable {
        /// The file, as it was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not YAML, or not a mapping of sections.
    #[error("config: {origin}: {}", redacted(problem))]
    Syntax {
        /// The file and line.
        origin: Origin,
        /// What the parser said.
        problem: String,
    },
    /// Keys have faults, a line each.
    #[error("config: {} fault{}{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, lines(.0))]
    Faults(Vec<Fault>),
}

/// One thing that is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    key: String,
    /// The value, unless there is none to show, and where it came from; none if nobody set the key.
    given: Option<(Option<String>, Origin)>,
    problem: String,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file.
    Line {
        /// The file as the operator knows it: `file config/exporter.yaml`, `built-in config/demo.yaml`.
        file: String,
        /// From 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Fault {
    /// A key whose value does not pass.
    pub(super) fn new(Entry { key, value, origin }: &Entry, problem: impl Into<String>) -> Self {
        let mut problem = problem.into();
        let is_for_secrets = keys::named(key).is_some_and(|key| key.secret);
        if let Some(text) = text_of(value).filter(|text| !is_for_secrets && looks_secret(text)) {
            problem = without_quotations(&problem, &text);
        }
        Self {
            key: shown_key(key),
            given: Some((shown(key, value), origin.clone())),
            problem,
        }
    }

    /// A key that is needed and not set.
    pub(super) fn missing(key: &str, problem: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            given: None,
            problem: problem.into(),
        }
    }

    /// The key that it is about.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether a variable of Azure's own has it.
    pub(super) fn is_azures(&self) -> bool {
        self.given
            .as_ref()
            .is_some_and(|(_, origin)| origin.is_azures())
    }
}

impl Origin {
    /// Whether it is a variable of Azure's own, which may be there for other programs.
    pub(super) fn is_azures(&self) -> bool {
        matches!(self, Self::Variable(name) if name.starts_with("AZURE_"))
    }

    /// How a key is spelt there.
    pub(super) fn spelling_of(&self, key: &Key) -> String {
        match self {
            Self::Variable(_) => key.variable(),
            Self::Line { .. } | Self::Flag(_) => key.name.to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.given {
            Some((Some(value), origin)) => write!(f, "{key} = {value} ({origin})")?,
            Some((None, origin)) => write!(f, "{key} ({origin})")?,
            None => write!(f, "{key} (not set)")?,
        }
        write!(f, ": {}", self.problem)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "variable {}", printable(name)),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as it may be shown. Hidden is what is a secret, what was meant for a secret's key, what looks like a secret
/// although it stands elsewhere, and the value of a key of which we cannot guess what was meant.
pub(super) fn shown(key: &str, value: &Value) -> Option<String> {
    let text = text_of(value)?;
    let meant = keys::named(key).or_else(|| keys::nearest(key));
    if meant.is_none_or(|key| key.secret) || looks_secret(&text) {
        return Some(REDACTED.to_owned());
    }
    Some(format!("`{}`", printable(&text)))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Nothing => None,
        Value::Text(text) => Some(text.clone()),
        Value::List(items) => Some(format!("[{}]", items.join(", "))),
    }
}

/// What is wrong with a secret under the wrong key, without the parts of it that are quoted. Those who check a value that is a
/// secret quote the names of its parts alone.
fn without_quotations(problem: &str, secret: &str) -> String {
    let parts = problem.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        let is_quotation = index % 2 == 1;
        if is_quotation && secret.contains(part) {
            REDACTED
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// A mangled line can leave a secret where the key should be.
fn shown_key(key: &str) -> String {
    if looks_secret(key) {
        REDACTED.to_owned()
    } else {
        printable(key)
    }
}

/// One line, and not a long one, whatever was pasted.
fn printable(text: &str) -> String {
    /// Enough for any name that is right, and a line still reads.
    const CHARS_MAX: usize = 120;
    let shown = text.chars().take(CHARS_MAX).map(|char| {
        if char.is_control() {
            char.escape_default().to_string()
        } else {
            char.to_string()
        }
    });
    let is_longer = text.chars().nth(CHARS_MAX).is_some();
    shown.chain(is_longer.then(|| "…".to_owned())).collect()
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            value: Value::Text(value.to_owned()),
            origin: Origin::Flag("--set"),
        }
    }

    #[test]
    fn a_secret_is_not_shown_wherever_it_was_put() {
        let secret = "Endpoint=sb://a.b/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0";
        let check = |key: &str, value: &str, expected: &str| {
            let fault = Fault::new(&entry(key, value), "does not pass");
            assert_eq!(fault.to_string(), expected);
            assert!(!format!("{fault:?}").contains("c2VjcmV0"), "{fault:?}");
        };
        check(
            "event_hub.connection_string",
            "c2VjcmV0",
            "event_hub.connection_string = <redacted> (flag --set): does not pass",
        );
        check(
            "event_hub.conection_string",
            "c2VjcmV0",
            "event_hub.conection_string = <redacted> (flag --set): does not pass",
        );
        check(
            "event_hub.namespace",
            secret,
            "event_hub.namespace = <redacted> (flag --set): does not pass",
        );
        check(
            "event_hub.sas",
            "c2VjcmV0",
            "event_hub.sas = <redacted> (flag --set): does not pass",
        );
        check(
            secret,
            "",
            "<redacted> = <redacted> (flag --set): does not pass",
        );
        check(
            "http.lisetn",
            "here",
            "http.lisetn = `here` (flag --set): does not pass",
        );
    }

    #[test]
    fn a_value_stays_on_one_line_of_bounded_length() {
        let value = format!("a\nb{}", "x".repeat(500));
        let fault = Fault::new(&entry("http.listen", &value), "does not pass");
        let expected = format!(
            "http.listen = `a\\nb{}…` (flag --set): does not pass",
            "x".repeat(117)
        );
        assert_eq!(fault.to_string(), expected);
    }
}
