//! How words of a vocabulary are compared.

/// The letters and digits of a word, in lower case: `Audio - Video`, `audioVideo` and `audio/video` are one.
pub(super) fn letters(sent: &str) -> String {
    sent.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}
