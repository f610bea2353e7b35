//! A YAML file as flat entries: `section.key`, value, line.
//!
//! Reads the parser's events and not a tree: a tree keeps one of two keys of the same name, and a serde type stops at
//! the first fault. Anchors, aliases, tags and several documents are refused: the file is a list of settings. There is
//! no recursion, so no nesting can exhaust the stack.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::fault::{ConfigError, Fault, Origin};
use super::layers::{Entry, Value};

/// Flattens a file. `file` is what its lines are called in a fault.
///
/// # Errors
/// The text is not YAML, or not a mapping: nothing more can be said of it then. Whatever concerns one key is a fault.
pub(super) fn entries(
    file: &str,
    text: &str,
    faults: &mut Vec<Fault>,
) -> Result<Vec<Entry>, ConfigError> {
    let mut flat = Flat {
        file,
        stack: Vec::new(),
        skipping: 0,
        seen: HashMap::new(),
        entries: Vec::new(),
        faults,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| flat.syntax(error.marker().line(), error.info()))?;
        let line = span.start.line();
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(flat.syntax(line, "a second document begins here: write one only"));
                }
            }
            Event::MappingStart(_, tag) => flat.mapping(tag.as_ref(), line)?,
            Event::SequenceStart(_, tag) => flat.list(tag.as_ref(), line)?,
            Event::MappingEnd | Event::SequenceEnd => flat.end(),
            Event::Scalar(text, style, _, tag) => flat.scalar(text, style, tag.as_ref(), line)?,
            Event::Alias(_) => flat.alias(line)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    Ok(flat.entries)
}

/// The place in the file, and what was found so far.
struct Flat<'a> {
    file: &'a str,
    stack: Vec<Frame>,
    /// How deep we are in a collection that a fault was already reported for.
    skipping: usize,
    /// The line of each key and section.
    seen: HashMap<String, usize>,
    entries: Vec<Entry>,
    faults: &'a mut Vec<Fault>,
}

/// A collection that has begun and not ended.
enum Frame {
    /// `key` is the one whose value comes next, with its line.
    Mapping {
        path: String,
        key: Option<(String, usize)>,
    },
    List {
        key: String,
        line: usize,
        items: Vec<String>,
    },
}

/// What the next node is, by where it stands.
enum Place {
    /// In a collection that is passed over.
    Nowhere,
    Root,
    Key,
    ValueOf(String, usize),
    ItemOf(String, usize),
}

impl Flat<'_> {
    fn mapping(&mut self, tag: Option<&Cow<'_, Tag>>, line: usize) -> Result<(), ConfigError> {
        match self.place() {
            Place::Nowhere => self.skipping += 1,
            Place::Root => self.stack.push(Frame::Mapping {
                path: String::new(),
                key: None,
            }),
            Place::Key => return Err(self.syntax(line, "a key must be plain text")),
            Place::ItemOf(key, _) => self.skip(&key, line, "must be a list of plain values"),
            Place::ValueOf(key, line) if tag.is_some() => self.skip(&key, line, NO_TAGS),
            Place::ValueOf(path, line) => {
                if self.is_first(&path, &Value::Nothing, line) {
                    self.stack.push(Frame::Mapping { path, key: None });
                } else {
                    self.skipping = 1;
                }
            }
        }
        Ok(())
    }

    fn list(&mut self, tag: Option<&Cow<'_, Tag>>, line: usize) -> Result<(), ConfigError> {
        match self.place() {
            Place::Nowhere => self.skipping += 1,
            Place::Root => return Err(self.syntax(line, NO_SECTIONS)),
            Place::Key => return Err(self.syntax(line, "a key must be plain text")),
            Place::ItemOf(key, _) => self.skip(&key, line, "must be a list of plain values"),
            Place::ValueOf(key, line) if tag.is_some() => self.skip(&key, line, NO_TAGS),
            Place::ValueOf(key, line) => self.stack.push(Frame::List {
                key,
                line,
                items: Vec::new(),
            }),
        }
        Ok(())
    }

    fn end(&mut self) {
        if self.skipping > 0 {
            self.skipping -= 1;
        } else if let Some(Frame::List { key, line, items }) = self.stack.pop() {
            // A list with a faulty item is not read on: what is left of it is not what was meant.
            if !self.faults.iter().any(|fault| fault.key() == key) {
                self.entry(key, Value::List(items), line);
            }
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
        line: usize,
    ) -> Result<(), ConfigError> {
        // Of the types that YAML sees in plain text only "nothing" matters: what a value means is for its getter.
        let is_nothing =
            style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
        match self.place() {
            Place::Nowhere => {}
            Place::Root if is_nothing => {}
            Place::Root => return Err(self.syntax(line, NO_SECTIONS)),
            Place::Key => {
                if let Some(Frame::Mapping { path, key }) = self.stack.last_mut() {
                    let name = if path.is_empty() {
                        text.into_owned()
                    } else {
                        format!("{path}.{text}")
                    };
                    *key = Some((name, line));
                }
            }
            Place::ValueOf(key, line) if tag.is_some() => self.fault(&key, line, NO_TAGS),
            Place::ValueOf(key, line) if is_nothing => self.entry(key, Value::Nothing, line),
            Place::ValueOf(key, line) => self.entry(key, Value::Text(text.into_owned()), line),
            Place::ItemOf(key, _) if tag.is_some() => self.fault(&key, line, NO_TAGS),
            Place::ItemOf(..) => {
                if let Some(Frame::List { items, .. }) = self.stack.last_mut() {
                    items.push(if is_nothing {
                        String::new()
                    } else {
                        text.into_owned()
                    });
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, line: usize) -> Result<(), ConfigError> {
        match self.place() {
            Place::Nowhere => {}
            Place::Root | Place::Key => return Err(self.syntax(line, NO_ALIASES)),
            Place::ValueOf(key, line) | Place::ItemOf(key, line) => {
                self.fault(&key, line, NO_ALIASES);
            }
        }
        Ok(())
    }

    /// Where the next node stands. A key that waits for its value is used up.
    fn place(&mut self) -> Place {
        if self.skipping > 0 {
            return Place::Nowhere;
        }
        match self.stack.last_mut() {
            None => Place::Root,
            Some(Frame::Mapping { key, .. }) => key
                .take()
                .map_or(Place::Key, |(key, line)| Place::ValueOf(key, line)),
            Some(Frame::List { key, line, .. }) => Place::ItemOf(key.clone(), *line),
        }
    }

    fn entry(&mut self, key: String, value: Value, line: usize) {
        if self.is_first(&key, &value, line) {
            let origin = self.origin(line);
            self.entries.push(Entry { key, value, origin });
        }
    }

    /// Notes where a key stands; the second time it is a fault.
    fn is_first(&mut self, key: &str, value: &Value, line: usize) -> bool {
        let Some(first) = self.seen.get(key) else {
            self.seen.insert(key.to_owned(), line);
            return true;
        };
        let problem = format!("stands in line {first} already: keep one of the two");
        self.faults
            .push(Fault::new(key, value, &self.origin(line), problem));
        false
    }

    fn skip(&mut self, key: &str, line: usize, problem: &str) {
        self.skipping = 1;
        self.fault(key, line, problem);
    }

    fn fault(&mut self, key: &str, line: usize, problem: &str) {
        self.faults.push(Fault::new(
            key,
            &Value::Nothing,
            &self.origin(line),
            problem,
        ));
    }

    fn syntax(&self, line: usize, problem: &str) -> ConfigError {
        ConfigError::Syntax {
            origin: self.origin(line),
            problem: problem.to_owned(),
        }
    }

    fn origin(&self, line: usize) -> Origin {
        Origin::Line {
            file: self.file.to_owned(),
            line,
        }
    }
}

const NO_SECTIONS: &str = "must hold sections, for example `event_hub:`, with keys below them";
const NO_ALIASES: &str = "is an alias (`*name`): write the value itself";
const NO_TAGS: &str = "has a tag (`!name`): write the value alone";

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
             http.listen = `b` (file x.yaml:3): stands in line 2 already: keep one of the two\n\
             http (file x.yaml:4): stands in line 1 already: keep one of the two",
        );
    }

    #[test]
    fn what_the_file_is_not_for_is_a_fault_of_its_key() {
        check(
            "event_hub:\n  names:\n    - name: a\n    - [b]\n  start: !t latest\nx: &x\n  a: 1\ny: *x\nlog:\n  level: info\n",
            "x.a = \"1\" (file x.yaml:7)\n\
             log.level = \"info\" (file x.yaml:10)\n\
             event_hub.names (file x.yaml:3): must be a list of plain values\n\
             event_hub.names (file x.yaml:4): must be a list of plain values\n\
             event_hub.start (file x.yaml:5): has a tag (`!name`): write the value alone\n\
             y (file x.yaml:8): is an alias (`*name`): write the value itself",
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
            "a (file x.yaml:2): must be a list of plain values",
        );
    }
}
