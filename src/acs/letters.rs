//! Compares names and words by their letters and digits alone. Case, blanks, hyphens and full stops do not matter:
//! `Audio - Video`, `audioVideo` and `audio/video` are the same word.

use super::failure::NEGATIONS;

/// Whether two names have the same letters and digits.
pub(super) fn alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || characters(one).eq(characters(other))
}

/// The known name that has the letters and digits of the name that was sent.
pub(super) fn find(
    known: impl IntoIterator<Item = &'static str>,
    sent: &str,
) -> Option<&'static str> {
    known.into_iter().find(|known| alike(known, sent))
}

/// Whether the letters of a name contain a known name.
pub(super) fn contains(letters: &str, known: &str) -> bool {
    let mut windows = letters.as_bytes().windows(known.len());
    windows.any(|window| window.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether the letters of a name contain a word, without a negation directly before it.
pub(super) fn says(letters: &str, word: &str) -> bool {
    let begins = 0..=letters.len().saturating_sub(word.len());
    let mut splits = begins.filter_map(|at| letters.split_at_checked(at));
    splits.any(|(before, rest)| {
        let begin = rest.get(..word.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && !NEGATIONS.iter().any(|negation| before.ends_with(negation))
    })
}

/// The letters and digits of a name in lower case, to search them for a word.
pub(super) fn letters(name: &str) -> String {
    characters(name).collect()
}

fn characters(name: &str) -> impl Iterator<Item = char> {
    let characters = name.chars().filter(|c| c.is_alphanumeric());
    characters.map(|c| c.to_ascii_lowercase())
}
