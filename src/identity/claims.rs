//! What a token says about itself, for people. Only the service that the token is for can verify it.

use azure_core::base64::decode_url_safe;
use azure_core::credentials::AccessToken;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The claims that say who a token is for, by "Access token claims reference".
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    aud: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    upn: Option<String>,
    oid: Option<String>,
    tid: Option<String>,
}

/// Describes a token: its service, its identity, and when it expires.
pub(crate) fn described(token: &AccessToken) -> String {
    let claims = claims(token.token.secret()).unwrap_or_default();
    let parts = [
        ("for", claims.aud),
        ("of application", claims.appid.or(claims.azp)),
        ("of user", claims.upn),
        ("object", claims.oid),
        ("tenant", claims.tid),
    ];
    let parts = parts.into_iter().filter_map(|(word, value)| {
        let value = value?;
        Some(format!("{word} `{value}`, "))
    });
    format!(
        "a token {}expires at {}",
        parts.collect::<String>(),
        shown(token.expires_on)
    )
}

/// A time as people read it.
pub(crate) fn shown(at: OffsetDateTime) -> String {
    let shown = at.truncate_to_second().format(&Rfc3339);
    shown.unwrap_or_else(|_| at.to_string())
}

/// None of a token that is not a JSON Web Token, which no service promises.
fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let payload = decode_url_safe(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use azure_core::base64::encode_url_safe;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_token_is_described_by_its_claims_as_far_as_it_has_any() {
        let check = |token: String, expected: &str| {
            let token = AccessToken::new(token, datetime!(2026-03-01 12:00 UTC));
            assert_eq!(described(&token), expected);
        };
        let claims =
            r#"{"aud":"https://eventhubs.azure.net","appid":"a","oid":"o","tid":"t","x":[]}"#;
        check(
            format!("e30.{}.", encode_url_safe(claims)),
            "a token for `https://eventhubs.azure.net`, of application `a`, object `o`, tenant `t`, expires at \
             2026-03-01T12:00:00Z",
        );
        let opaque = "a token expires at 2026-03-01T12:00:00Z";
        check("opaque".to_owned(), opaque);
        check("a.b.c".to_owned(), opaque);
    }
}
