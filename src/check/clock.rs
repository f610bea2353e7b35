//! Compares this machine's clock with that of a server: of the blob store, else of the identity service, else of the
//! namespace. Each writes its time into every answer, also into a refusal, so nothing secret is sent.

use std::time::Duration;

use azure_core::http::Url;
use hyper::header::DATE;
use reqwest::redirect;
use time::OffsetDateTime;

use super::{Report, STEP_TIMEOUT, Step};
use crate::checkpoint::StoreKind;
use crate::config::Config;
use crate::identity::Identity;
use crate::source::event_hub::Authentication;

/// Azure refuses tokens and signatures from five minutes on. Delays and lags are wrong by the whole difference, and machines
/// that synchronise their clocks are within a second.
const DIFFERENCE_MAX: time::Duration = time::Duration::minutes(1);

pub(super) async fn check(config: &Config, report: &mut Report<'_>) {
    let Some(url) = server(config) else {
        let why = "neither a blob store, an identity service nor Azure is used, so no server reports its time";
        report.skip(&[Step::Clock], "", why);
        return;
    };
    let host = url.authority();
    match difference(&url).await {
        Ok(ahead) => {
            report.add(Step::Clock, host, judged(ahead));
        }
        Err(why) => report.skip(&[Step::Clock], host, &why),
    }
}

/// A server that the exporter uses anyway, or could: the machine's own identity endpoint would not help.
fn server(config: &Config) -> Option<Url> {
    let namespace = &config.event_hub.namespace;
    match (&config.checkpoint.store, &namespace.authentication) {
        (StoreKind::Blob(container), _) => Some(container.url().clone()),
        (_, Authentication::Credential(credential))
            if !matches!(credential.identity, Identity::Managed { .. }) =>
        {
            Url::parse(&credential.authority_host).ok()
        }
        _ if namespace.endpoint.is_some() => None,
        _ => Url::parse(&format!("https://{}/", namespace.host)).ok(),
    }
}

/// How far this machine's clock is ahead of the server's; or why that is not known.
async fn difference(url: &Url) -> Result<time::Duration, String> {
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(STEP_TIMEOUT);
    if url.scheme() == "http" {
        // A cache on the way would answer with an old time.
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(|error| error.to_string())?;
    let asked = OffsetDateTime::now_utc();
    let answer = client.head(url.as_str()).send().await;
    let answer = answer.map_err(|_| "the server does not answer over HTTP".to_owned())?;
    let answered = OffsetDateTime::now_utc();
    let date = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.ok_or("the server's answer has no `Date`")?;
    Ok(asked + (answered - asked) / 2 - OffsetDateTime::from(date))
}

fn judged(ahead: time::Duration) -> Result<String, String> {
    let seconds = Duration::from_secs(ahead.whole_seconds().unsigned_abs());
    let shown = humantime::format_duration(seconds);
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    if ahead.abs() <= DIFFERENCE_MAX {
        Ok(format!(
            "this machine's clock is {shown} {direction} the server's"
        ))
    } else {
        Err(format!(
            "this machine's clock is {shown} {direction} the server's: synchronise it (NTP). Delays and lags are wrong by \
             this much, and Azure refuses tokens and signatures of a clock that is five minutes off"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_a_minute_off() {
        let check = |seconds: i64, expected: bool, text: &str| {
            let judged = judged(time::Duration::seconds(seconds));
            assert_eq!(judged.is_ok(), expected, "{judged:?}");
            let judged = judged.unwrap_or_else(|text| text);
            assert!(judged.contains(text), "{judged}");
        };
        check(0, true, "0s ahead of the server's");
        check(-60, true, "1m behind the server's");
        check(61, false, "1m 1s ahead of the server's: synchronise it");
        check(-600, false, "10m behind the server's: synchronise it");
    }
}
