//! How names and words are compared: by their letters and digits alone. Case, blanks, hyphens and full stops do not
//! matter: `Audio - Video`, `audioVideo` and `audio/video` are one.

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

/// The letters of a name, to look for some of them.
pub(super) fn letters(name: &str) -> String {
    characters(name).collect()
}

fn characters(name: &str) -> impl Iterator<Item = char> {
    let characters = name.chars().filter(|c| c.is_alphanumeric());
    characters.map(|c| c.to_ascii_lowercase())
}
