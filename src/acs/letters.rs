//! Compares names and words by their letters and digits alone. Case, blanks, hyphens and full stops do not matter:
//! `Audio - Video`, `audioVideo` and `audio/video` are the same word.

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

/// The letters and digits of a name in lower case, to search them for a word.
pub(super) fn letters(name: &str) -> String {
    characters(name).collect()
}

fn characters(name: &str) -> impl Iterator<Item = char> {
    let characters = name.chars().filter(|c| c.is_alphanumeric());
    characters.map(|c| c.to_ascii_lowercase())
}
