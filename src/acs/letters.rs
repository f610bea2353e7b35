//! How names and words are compared: by their letters and digits alone. Case, blanks, hyphens and full stops do not
//! matter: `Audio - Video`, `audioVideo` and `audio/video` are one.

use super::failure::NEGATIONS;

/// Whether two names are the same by their letters.
pub(super) fn alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || characters(one).eq(characters(other))
}

/// The one of some known names that is the same as what was sent.
pub(super) fn find(
    known: impl IntoIterator<Item = &'static str>,
    sent: &str,
) -> Option<&'static str> {
    known.into_iter().find(|known| alike(known, sent))
}

/// Whether the letters of a name have those of a known name among them.
pub(super) fn contains(letters: &str, known: &str) -> bool {
    let mut windows = letters.as_bytes().windows(known.len());
    windows.any(|window| window.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether the letters of a name have those of a word among them, and no negation before them.
pub(super) fn says(letters: &str, word: &str) -> bool {
    let begins = 0..=letters.len().saturating_sub(word.len());
    let mut splits = begins.filter_map(|at| letters.split_at_checked(at));
    splits.any(|(before, rest)| {
        let begin = rest.get(..word.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && !NEGATIONS.iter().any(|negation| before.ends_with(negation))
    })
}

/// The letters of a name, to look for some of them.
pub(super) fn letters(name: &str) -> String {
    characters(name).collect()
}

fn characters(name: &str) -> impl Iterator<Item = char> {
    let characters = name.chars().filter(|c| c.is_alphanumeric());
    characters.map(|c| c.to_ascii_lowercase())
}
