//! The table of every key, made of what the sections declare, and how a key is found by its name.

use std::sync::LazyLock;

use super::sections::Sections;
use crate::setting::{Key, Setting, Source};

/// Every key, in the order of `config/exporter.yaml`.
pub static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut catalogue = Catalogue(Vec::new());
    Sections::take(&mut catalogue);
    catalogue.0
});

struct Catalogue(Vec<Key>);

impl Source for Catalogue {
    fn take<T>(&mut self, setting: Setting<T>) -> T {
        self.0.push(setting.key);
        setting.unset
    }
}

/// The key of that name.
pub(super) fn named(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that the author of `name` most likely meant: the same but for case and punctuation; or misspelt, with a quarter
/// of all letters wrong at most and half of those after the section; or right but for its section.
pub(super) fn nearest(name: &str) -> Option<&'static Key> {
    let (whole, last) = (letters(name), last_letters(name));
    let wrong = |key: &Key| {
        let (meant, meant_last) = (letters(key.name), last_letters(key.name));
        let wrong = strsim::osa_distance(&whole, &meant);
        let wrong_last = strsim::osa_distance(&last, &meant_last);
        let is_near = wrong * 4 <= meant.len() && wrong_last * 2 <= meant_last.len();
        (wrong == 0 || is_near).then_some(wrong)
    };
    let misspelt = KEYS.iter().filter_map(|key| Some((wrong(key)?, key)));
    let misplaced = || KEYS.iter().find(|key| last_letters(key.name) == last);
    misspelt
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, key)| key)
        .or_else(misplaced)
}

/// The keys of a section.
pub(super) fn section(name: &str) -> impl Iterator<Item = &'static Key> {
    let prefix = format!("{name}.");
    KEYS.iter().filter(move |key| key.name.starts_with(&prefix))
}

/// Whether `name` is this key but for case and punctuation.
pub(super) fn sounds_like(key: &Key, name: &str) -> bool {
    letters(key.name) == letters(name)
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// Those after the section.
fn last_letters(name: &str) -> String {
    letters(name.rsplit('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_what_was_meant_or_nothing() {
        let check = |name: &str, meant: Option<&str>| {
            assert_eq!(nearest(name).map(|key| key.name), meant, "{name}");
        };
        check(
            "event_hub.conection_string",
            Some("event_hub.connection_string"),
        );
        check("eventHub.consumerGroup", Some("event_hub.consumer_group"));
        check("event_hub.name", Some("event_hub.names"));
        check("consumer_group", Some("event_hub.consumer_group"));
        check("metrics.record_delay", Some("metrics.buckets.record_delay"));
        check("http.lisetn", Some("http.listen"));
        check("event_hub_names", Some("event_hub.names"));
        check("event_hub.sas", None);
        check("http.tls", None);
        check("nothing.of_the_kind", None);
    }
}
