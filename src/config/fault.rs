//! What is wrong with a configuration, in the words that the operator reads: key, value, where it came from, and what
//! would do. No secret gets in here: a value is shown through [`shown`], or not at all.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::keys::Key;
use super::layers::Value;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("config: file {} cannot be read", path.display())]
    Unreadable {
        /// The file, as it was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("config: file {} is larger than {max_bytes} bytes: is it the right file?", path.display())]
    TooLarge {
        /// The file, as it was given.
        path: PathBuf,
        /// The most that is read.
        max_bytes: u64,
    },
    /// The file is not YAML, or not a mapping of sections.
    #[error("config: {origin}: {problem}")]
    Syntax {
        /// The file and line.
        origin: Origin,
        /// What the parser said.
        problem: String,
    },
    /// The keys are at fault, each with its own line.
    #[error("config: {} fault{}{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, lines(.0))]
    Faults(Vec<Fault>),
}

/// One thing that is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    key: String,
    given: Option<(Shown, Origin)>,
    problem: String,
}

/// Where a value came from, in the order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
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
    /// A key whose value will not do.
    pub(super) fn new(
        key: &str,
        value: &Value,
        origin: &Origin,
        problem: impl Into<String>,
    ) -> Self {
        let shown = shown(Key::named(key).or_else(|| Key::nearest(key)), value);
        Self {
            key: shown_key(key),
            given: Some((shown, origin.clone())),
            problem: problem.into(),
        }
    }

    /// A key that is needed and that nobody set.
    pub(super) fn missing(key: &str, problem: impl Into<String>) -> Self {
        Self {
            key: shown_key(key),
            given: None,
            problem: problem.into(),
        }
    }

    /// The key that it is about.
    pub(super) fn key(&self) -> &str {
        &self.key
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
            Self::Default | Self::Line { .. } | Self::Flag(_) => key.name.to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.given {
            Some((Shown::Nothing, origin)) => write!(f, "{key} ({origin})")?,
            Some((shown, origin)) => write!(f, "{key} = {shown} ({origin})")?,
            None => write!(f, "{key} (not set)")?,
        }
        write!(f, ": {}", self.problem)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "variable {}", printable(name)),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    /// There is none to show: the key stands alone, or is a section.
    Nothing,
    Redacted,
    Text(String),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Redacted => f.write_str(REDACTED),
            Self::Text(text) => write!(f, "`{text}`"),
        }
    }
}

/// Without backticks, so that nobody takes it for the value.
const REDACTED: &str = "<redacted>";

/// Hides what is a secret, what was meant for a secret's key, what looks like one although it stands elsewhere, and
/// what stands under a key of which we cannot tell what was meant.
fn shown(key: Option<&Key>, value: &Value) -> Shown {
    let text = match value {
        Value::Nothing => return Shown::Nothing,
        Value::Text(text) => text.clone(),
        Value::List(items) => format!("[{}]", items.join(", ")),
    };
    if key.is_none_or(|key| key.secret) || looks_secret(&text) {
        return Shown::Redacted;
    }
    Shown::Text(printable(&text))
}

/// A mangled line can leave a secret where the key should be.
fn shown_key(key: &str) -> String {
    if looks_secret(key) {
        REDACTED.to_owned()
    } else {
        printable(key)
    }
}

/// The parts of connection strings and signatures of Event Hubs and Storage that come before a secret.
fn looks_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["sharedaccess", "accountkey", "sig="]
        .iter()
        .any(|mark| text.contains(mark))
}

/// One line, and not a long one, whatever was pasted.
fn printable(text: &str) -> String {
    /// Enough for any name that is right, and a line still reads.
    const CHARS_MAX: usize = 120;
    let mut line = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == CHARS_MAX {
            line.push('…');
            break;
        }
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_wherever_it_was_put() {
        let secret = "Endpoint=sb://a.b/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0";
        let check = |key: &str, value: &str, expected: &str| {
            let value = Value::Text(value.to_owned());
            let fault = Fault::new(key, &value, &Origin::Flag("--set"), "will not do");
            assert_eq!(fault.to_string(), expected);
            assert!(!format!("{fault:?}").contains("c2VjcmV0"), "{fault:?}");
        };
        check(
            "event_hub.connection_string",
            "c2VjcmV0",
            "event_hub.connection_string = <redacted> (flag --set): will not do",
        );
        check(
            "event_hub.conection_string",
            "c2VjcmV0",
            "event_hub.conection_string = <redacted> (flag --set): will not do",
        );
        check(
            "event_hub.namespace",
            secret,
            "event_hub.namespace = <redacted> (flag --set): will not do",
        );
        check(
            "event_hub.sas",
            "c2VjcmV0",
            "event_hub.sas = <redacted> (flag --set): will not do",
        );
        check(
            secret,
            "",
            "<redacted> = <redacted> (flag --set): will not do",
        );
        check(
            "http.lisetn",
            "here",
            "http.lisetn = `here` (flag --set): will not do",
        );
    }

    #[test]
    fn a_value_stays_on_one_line_of_bounded_length() {
        let value = Value::Text(format!("a\nb{}", "x".repeat(500)));
        let fault = Fault::new("http.listen", &value, &Origin::Default, "will not do");
        let expected = format!(
            "http.listen = `a\\nb{}…` (default): will not do",
            "x".repeat(117)
        );
        assert_eq!(fault.to_string(), expected);
    }
}
