//! What looks like a secret is not shown, wherever a text is quoted: a value of the configuration, or what a service or a
//! library says.
//!
//! It goes by the shape of the words, since a secret can be pasted into any place. A short password without anything around
//! it looks like any other word: the places that are for secrets are known to `config`, and are never shown.

/// Without backticks, so that nobody takes it for the value.
pub(crate) const REDACTED: &str = "<redacted>";

/// What comes before a secret: in connection strings and signatures, in requests for tokens, and in every client secret that
/// Microsoft Entra ID generates.
const MARKS: [&str; 7] = [
    "sharedaccesskey=",
    "accountkey=",
    "sig=",
    "client_secret=",
    "client_assertion=",
    "access_token=",
    "q~",
];

/// Whether a part of the text looks like a secret.
pub(crate) fn looks_secret(text: &str) -> bool {
    text.split(is_between_words).any(is_secret)
}

/// The text, with every word that looks like a secret replaced.
pub(crate) fn redacted(text: &str) -> String {
    let words = text.split_inclusive(is_between_words);
    words
        .map(|word| {
            let bare = word.trim_end_matches(is_between_words);
            if is_secret(bare) {
                word.replacen(bare, REDACTED, 1)
            } else {
                word.to_owned()
            }
        })
        .collect()
}

/// A connection string and a URL are each one word.
fn is_between_words(char: char) -> bool {
    char.is_whitespace() || char.is_control() || "\"'`,()<>{}[]|\\".contains(char)
}

fn is_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    // Advice has dots instead of a value: `SharedAccessKey=...`.
    let is_a_value = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric() || "+/%_-~".contains(first))
    };
    let has_value = |mark: &&str| lower.split(*mark).skip(1).any(is_a_value);
    let user_information = word.split_once("://");
    let mut parts = word.split(|char: char| !char.is_ascii_alphanumeric());
    MARKS.iter().any(has_value)
        || user_information.is_some_and(|(_, rest)| rest.contains('@'))
        || is_key(word)
        || parts.any(|part| part.starts_with(TOKEN) || is_random(part))
}

/// How a JSON object begins in base64, and with it every token of Microsoft Entra ID and of Kubernetes.
const TOKEN: &str = "eyJ";

/// Whether a word is a key in base64. The keys of event hubs and storage accounts have 32 and 64 bytes, so they are padded.
fn is_key(word: &str) -> bool {
    const LENGTH_LEAST: usize = 40;
    let bytes = word.as_bytes();
    let has = |is_one: fn(&u8) -> bool| bytes.iter().any(is_one);
    let is_mixed =
        has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    // A path begins with `/`, and names have neither.
    let is_punctuated = word.contains(['+', '/']) && !word.starts_with('/');
    let is_of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    word.len() >= LENGTH_LEAST
        && bytes.iter().all(is_of_base64)
        && (word.ends_with('=') || is_mixed && is_punctuated)
}

/// Whether a part of a word, without punctuation, is long and has digits all over, as tokens and hashes have. A name has
/// digits in one or two places.
fn is_random(text: &str) -> bool {
    const LENGTH_LEAST: usize = 32;
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let neighbours = text.as_bytes().windows(2);
    let changes = neighbours.filter(|pair| is_digit(pair.first()) != is_digit(pair.last()));
    text.len() >= LENGTH_LEAST && changes.count() * 8 >= text.len()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_replaced_and_what_stands_around_them_stays() {
        let check = |text: &str, expected: &str| assert_eq!(redacted(text), expected);
        check(
            "file `Endpoint=sb://a.b/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0` is missing",
            "file `<redacted>` is missing",
        );
        check(
            "SharedAccessSignature sr=a&sig=x%3d&se=1",
            "SharedAccessSignature <redacted>",
        );
        check("at https://user:pass@a.b/c: no", "at <redacted> no");
        check(
            r#"{"echo":"grant_type=x&client_secret=short&scope=y"}"#,
            r#"{"echo":"<redacted>"}"#,
        );
        check(
            "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln\n",
            "Bearer <redacted>\n",
        );
        check("abc8Q~defghijklmnopqrstuvwxyz", "<redacted>");
        check(
            "9f86d081884c7d659a2feaa0c55ad015 is one",
            "<redacted> is one",
        );
    }

    #[test]
    fn names_addresses_ids_and_advice_are_shown() {
        for text in [
            "has no `SharedAccessKey`: copy the whole `Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...`",
            "copy the whole `DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...`",
            "(`sr=c&sp=rwdl`)",
            "https://login.microsoftonline.com/3f2504e0-4f89-11d3-9a0c-0305e82c3301/oauth2/v2.0/token",
            "/subscriptions/3f2504e0-4f89-11d3-9a0c-0305e82c3301/resourceGroups/Prod1/providers/Microsoft.EventHub/namespaces/contoso1/eventhubs/logs",
            "EventHub-CallRecording-Production-01",
            "MyAppLogsHubProdWestEurope2024North01",
            "config=here, design=there",
            "ManagedIdentityCredential authentication failed. AADSTS7000215: Invalid client secret provided.",
            "/var/lib/kubelet/pods/acs-recording-exporter-7d4b9c6f5d-x2x9z/volumes",
            "2026-01-31T12:00:00.000000Z",
        ] {
            assert_eq!(redacted(text), text);
            assert!(!looks_secret(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_alone_is_recognised(of_event_hub in vec(any::<u8>(), 32), of_account in vec(any::<u8>(), 64)) {
            for key in [of_event_hub, of_account].map(azure_core::base64::encode) {
                prop_assert!(looks_secret(&key), "{key}");
            }
        }
    }
}
