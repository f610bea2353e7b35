//! What the exporter authenticates with: a token for each service, or the key of a connection string.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Report, STEP_TIMEOUT, Step};
use crate::config::Config;
use crate::identity::connection_string::Pairs;
use crate::identity::{Audience, Credential, Secret, Tokens, claims};
use crate::source::event_hub::{Authentication, ConnectionString};
use crate::telemetry::{Telemetry, chain};

/// For which services there is something to authenticate with.
pub(super) struct Authenticated {
    pub(super) event_hubs: bool,
    pub(super) blobs: bool,
}

pub(super) async fn check(
    config: &Config,
    telemetry: &Arc<Telemetry>,
    report: &mut Report<'_>,
) -> Authenticated {
    let found = match &config.event_hub.namespace.authentication {
        Authentication::Credential(credential) => {
            token(credential, Audience::EVENT_HUBS, telemetry).await
        }
        Authentication::ConnectionString(string) => key(string),
        Authentication::ConnectionStringFile(path) => match ConnectionString::read(path) {
            Ok(string) => match string.into_namespace().authentication {
                Authentication::ConnectionString(string) => key(&string),
                _ => Err("not a connection string".to_owned()),
            },
            Err(problem) => Err(format!("`{}`: {}", path.display(), chain(&problem))),
        },
    };
    let event_hubs = report.add(Step::Token, "Event Hubs", found);
    let blobs = match &config.store_credential {
        Some(credential) => {
            let found = token(credential, Audience::STORAGE, telemetry).await;
            report.add(Step::Token, "Blob Storage", found)
        }
        None => true,
    };
    Authenticated { event_hubs, blobs }
}

async fn token(
    credential: &Credential,
    audience: Audience,
    telemetry: &Arc<Telemetry>,
) -> Result<String, String> {
    let tokens = Tokens::new(credential, audience, Arc::clone(telemetry));
    let token = tokens.issued(STEP_TIMEOUT).await;
    let token = token.map_err(|error| chain(&error))?;
    let kind = credential.identity.kind().word();
    Ok(format!("`{kind}`: {}", claims::described(&token)))
}

/// What a connection string authenticates with, without the secret in it.
fn key(string: &Secret) -> Result<String, String> {
    let pairs = Pairs::read(string.secret()).map_err(|problem| problem.to_string())?;
    let value = |key| pairs.get(key).ok().flatten();
    if let Some(name) = value("SharedAccessKeyName") {
        return Ok(format!("the key of the shared access policy `{name}`"));
    }
    let signature = value("SharedAccessSignature").unwrap_or_default();
    let expiry = signature
        .split('&')
        .find_map(|pair| pair.strip_prefix("se="));
    let expiry =
        expiry.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok());
    match expiry {
        Some(expiry) if expiry <= OffsetDateTime::now_utc() => Err(format!(
            "the shared access signature has expired at {}: make a new one",
            claims::shown(expiry)
        )),
        Some(expiry) => Ok(format!(
            "a shared access signature, expires at {}",
            claims::shown(expiry)
        )),
        None => Ok("a shared access signature without a time of expiry".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_checked_by_its_time_of_expiry_and_no_secret_is_shown() {
        let check = |access: &str, expected: Result<&str, &str>| {
            let string = format!("Endpoint=sb://contoso.servicebus.windows.net/;{access}");
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(key(&Secret::new(string)), expected);
        };
        check(
            "SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0",
            Ok("the key of the shared access policy `listen`"),
        );
        let signature = "SharedAccessSignature=SharedAccessSignature sr=contoso&sig=c2VjcmV0";
        check(
            &format!("{signature}&se=4102444800&skn=listen"),
            Ok("a shared access signature, expires at 2100-01-01T00:00:00Z"),
        );
        check(
            &format!("{signature}&se=946684800&skn=listen"),
            Err("the shared access signature has expired at 2000-01-01T00:00:00Z: make a new one"),
        );
        check(
            signature,
            Ok("a shared access signature without a time of expiry"),
        );
    }
}
