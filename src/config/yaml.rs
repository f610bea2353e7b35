//! A YAML file as flat entries: `section.key`, value, line.
//!
//! Reads the parser's events and not a tree: a tree keeps one of two keys of the same name, and a serde type stops at
//! the first fault. Anchors, aliases, tags and several documents are refused: the file is a list of settings. Sections may
//! be nested only so deep that no file can exhaust the stack.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use super::fault::{ConfigError, Fault, Origin};
use super::layers::Entry;
use crate::setting::Value;

/// Flattens a file. `file` is what its lines are called in a fault.
///
/// # Errors
/// The text is not YAML, or not a mapping, and nothing can be read of it. Whatever concerns one key is a fault.
pub(super) fn entries(
    file: &str,
    text: &str,
    faults: &mut Vec<Fault>,
) -> Result<Vec<Entry>, ConfigError> {
    let mut reader = YamlReader {
        file,
        events: Parser::new_from_str(text),
        lines: HashMap::new(),
        entries: Vec::new(),
        faults,
    };
    reader.document()?;
    Ok(reader.entries)
}

struct YamlReader<'a> {
    file: &'a str,
    events: Parser<'a, StrInput<'a>>,
    /// Of each key and section.
    lines: HashMap<String, usize>,
    entries: Vec<Entry>,
    faults: &'a mut Vec<Fault>,
}

/// No key is below so many sections.
const LEVELS_MAX: usize = 8;

impl<'a> YamlReader<'a> {
    fn document(&mut self) -> Result<(), ConfigError> {
        let mut documents = 0;
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) if documents == 1 => {
                    return Err(self.syntax(line, "a second document begins here: write one only"));
                }
                Event::DocumentStart(_) => documents += 1,
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::MappingStart(..) => self.section("", 0)?,
                Event::Scalar(text, style, ..) if is_nothing(&text, style) => {}
                _ => return Err(self.syntax(line, NO_SECTIONS)),
            }
        }
    }

    /// Reads a mapping to its end.
    fn section(&mut self, path: &str, levels: usize) -> Result<(), ConfigError> {
        loop {
            let (event, line) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(name, ..) if path.is_empty() => name.into_owned(),
                Event::Scalar(name, ..) => format!("{path}.{name}"),
                _ => return Err(self.syntax(line, "a key must be plain text")),
            };
            match self.next()?.0 {
                Event::Scalar(text, style, _, None) if is_nothing(&text, style) => {
                    self.entry(key, Value::Nothing, line);
                }
                Event::Scalar(text, _, _, None) => {
                    self.entry(key, Value::Text(text.into_owned()), line);
                }
                Event::SequenceStart(_, None) => {
                    if let Some(items) = self.list(&key)? {
                        self.entry(key, Value::List(items), line);
                    }
                }
                Event::MappingStart(_, None) if levels < LEVELS_MAX => {
                    if self.is_first(&key, &Value::Nothing, line) {
                        self.section(&key, levels + 1)?;
                    } else {
                        self.skip()?;
                    }
                }
                other => self.not_plain(key, line, &other)?,
            }
        }
    }

    /// Reads a list to its end. None if an item is faulty: the other items alone are not what was meant.
    fn list(&mut self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let (mut items, faults) = (Vec::new(), self.faults.len());
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok((self.faults.len() == faults).then_some(items)),
                Event::Scalar(text, style, _, None) if is_nothing(&text, style) => {
                    items.push(String::new());
                }
                Event::Scalar(text, _, _, None) => items.push(text.into_owned()),
                other => self.not_plain(key.to_owned(), line, &other)?,
            }
        }
    }

    /// Notes that something else stands where a value should, and passes over it.
    fn not_plain(&mut self, key: String, line: usize, event: &Event) -> Result<(), ConfigError> {
        let entry = self.at(key, Value::Nothing, line);
        self.faults.push(Fault::new(&entry, NOT_PLAIN));
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => self.skip(),
            _ => Ok(()),
        }
    }

    /// Passes over the rest of a mapping or list.
    fn skip(&mut self) -> Result<(), ConfigError> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()?.0 {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// The next event, with its line.
    fn next(&mut self) -> Result<(Event<'a>, usize), ConfigError> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(self.syntax(error.marker().line(), error.info())),
            None => Err(self.syntax(1, "ends too early")),
        }
    }

    fn entry(&mut self, key: String, value: Value, line: usize) {
        if self.is_first(&key, &value, line) {
            let entry = self.at(key, value, line);
            self.entries.push(entry);
        }
    }

    /// Notes the line of a key; the second time it is a fault.
    fn is_first(&mut self, key: &str, value: &Value, line: usize) -> bool {
        let Some(first) = self.lines.insert(key.to_owned(), line) else {
            return true;
        };
        let entry = self.at(key.to_owned(), value.clone(), line);
        let problem = format!("repeats line {first}: keep one of the two");
        self.faults.push(Fault::new(&entry, problem));
        false
    }

    fn at(&self, key: String, value: Value, line: usize) -> Entry {
        let origin = self.origin(line);
        Entry { key, value, origin }
    }

    fn syntax(&self, line: usize, problem: &str) -> ConfigError {
        let (origin, problem) = (self.origin(line), problem.to_owned());
        ConfigError::Syntax { origin, problem }
    }

    fn origin(&self, line: usize) -> Origin {
        let file = self.file.to_owned();
        Origin::Line { file, line }
    }
}

/// Of the types that YAML sees in plain text only this one matters: what a value means is up to the check of its key.
fn is_nothing(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

const NO_SECTIONS: &str = "must have sections, for example `event_hub:`, with keys below them";
const NOT_PLAIN: &str = "must be plain: a list has no lists or sections in it, and there are no tags (`!name`), aliases (`*name`) and deep sections";

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries and faults, or the error, a line each.
    fn check(text: &str, expected: &str) {
        let mut faults = Vec::new();
        let shown = match entries("file x.yaml", text, &mut faults) {
            Err(error) => error.to_string(),
            Ok(entries) => {
                let value = |value: &Value| match value {
                    Value::Nothing => "nothing".to_owned(),
                    Value::Text(text) => format!("{text:?}"),
                    Value::List(items) => format!("{items:?}"),
                };
                let line =
                    |Entry {
                         key,
                         value: given,
                         origin,
                     }: &Entry| format!("{key} = {} ({origin})", value(given));
                let lines: Vec<String> = entries
                    .iter()
                    .map(line)
                    .chain(faults.iter().map(Fault::to_string))
                    .collect();
                lines.join("\n")
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn sections_become_dotted_keys_with_their_lines_and_text_stays_as_written() {
        check(
            "# comment\nhttp:\n  listen: 0.0.0.0:9464\n\nmetrics:\n  buckets: {record_delay: [1, 2.50]}\n  resources:\n    - a\n    - 'b'\nlog:\n  level: ~\nauth:\n",
            "http.listen = \"0.0.0.0:9464\" (file x.yaml:3)\n\
             metrics.buckets.record_delay = [\"1\", \"2.50\"] (file x.yaml:6)\n\
             metrics.resources = [\"a\", \"b\"] (file x.yaml:7)\n\
             log.level = nothing (file x.yaml:11)\n\
             auth = nothing (file x.yaml:12)",
        );
        check("", "");
        check("# only a comment\n", "");
    }

    #[test]
    fn a_key_or_section_that_stands_twice_is_a_fault_and_the_rest_is_still_read() {
        check(
            "http:\n  listen: a\n  'listen': b\nhttp:\n  listen: c\nlog:\n  level: info\n",
            "http.listen = \"a\" (file x.yaml:2)\n\
             log.level = \"info\" (file x.yaml:7)\n\
             http.listen = `b` (file x.yaml:3): repeats line 2: keep one of the two\n\
             http (file x.yaml:4): repeats line 1: keep one of the two",
        );
    }

    #[test]
    fn what_the_file_is_not_for_is_a_fault_of_its_key() {
        check(
            "event_hub:\n  names:\n    - name: a\n    - [b]\n  start: !t latest\nx: &x\n  a: 1\ny: *x\nlog:\n  level: info\n",
            &format!(
                "x.a = \"1\" (file x.yaml:7)\n\
             log.level = \"info\" (file x.yaml:10)\n\
             event_hub.names (file x.yaml:3): {NOT_PLAIN}\n\
             event_hub.names (file x.yaml:4): {NOT_PLAIN}\n\
             event_hub.start (file x.yaml:5): {NOT_PLAIN}\n\
             y (file x.yaml:8): {NOT_PLAIN}"
            ),
        );
    }

    #[test]
    fn what_is_not_yaml_or_no_mapping_is_an_error_with_its_line() {
        check(
            "http:\n  listen: a\n b: [\n",
            "config: file x.yaml:3: while parsing a block mapping, did not find expected key",
        );
        check("- a\n", &format!("config: file x.yaml:1: {NO_SECTIONS}"));
        check("text", &format!("config: file x.yaml:1: {NO_SECTIONS}"));
        check(
            "a: 1\n---\nb: 2\n",
            "config: file x.yaml:2: a second document begins here: write one only",
        );
        check(
            "[a]: 1\n",
            "config: file x.yaml:1: a key must be plain text",
        );
    }

    #[test]
    fn deep_nesting_is_a_fault_and_no_danger() {
        check(
            &format!("a:\n  {}\n", "- ".repeat(5_000)),
            &format!("a (file x.yaml:2): {NOT_PLAIN}"),
        );
        let key = ["a"; 9].join(".");
        check(
            &format!("{}1{}", "{a: ".repeat(100), "}".repeat(100)),
            &format!("{key} (file x.yaml:1): {NOT_PLAIN}"),
        );
        check(
            &"{a: ".repeat(5_000),
            "config: file x.yaml:1: recursion limit exceeded",
        );
    }
}
