//! The connection string of an Event Hubs namespace, as the portal shows it and as an emulator prints it.
//!
//! The exporter parses it itself: `azure_messaging_eventhubs` 0.16 ignores `UseDevelopmentEmulator` and drops the port,
//! so that it would look for an emulator with TLS on 5671. The string for the SDK has neither of them, nor `EntityPath`,
//! which the SDK demands to be spelt exactly like the event hub that it opens.
//! No error repeats a value: any part of a mangled string may be the key.

use std::path::Path;
use std::str::FromStr;

use azure_core::http::Url;

use super::settings::{Authentication, Namespace, event_hub_name};
use crate::identity::Secret;
use crate::identity::clear_text::is_in_azure;
use crate::identity::connection_string::{InvalidPairs, Pairs, UnusableFile, read_file};

/// A connection string that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    pub(super) host: String,
    /// Of an emulator.
    pub(super) endpoint: Option<String>,
    /// As the SDK needs it: see [`Authentication::ConnectionString`].
    pub(super) cleaned: Secret,
    event_hub: Option<String>,
}

impl ConnectionString {
    /// The connection string that a file holds now.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, UnusableFile> {
        read_file(path, str::parse)
    }

    /// The host of the namespace.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The one hub that the string is for (`EntityPath`), if it names one.
    pub fn event_hub(&self) -> Option<&str> {
        self.event_hub.as_deref()
    }

    /// Whether it is for an emulator, which speaks plain TCP only.
    pub fn is_emulator(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The namespace, with the cleaned string as its authentication.
    pub fn into_namespace(self) -> Namespace {
        Namespace {
            host: self.host,
            endpoint: self.endpoint,
            authentication: Authentication::ConnectionString(self.cleaned),
        }
    }
}

impl FromStr for ConnectionString {
    type Err = InvalidConnectionString;

    fn from_str(text: &str) -> Result<Self, InvalidConnectionString> {
        let pairs = Pairs::read(text)?;
        let endpoint = pairs
            .get(ENDPOINT)?
            .ok_or(InvalidConnectionString::Missing(ENDPOINT))?;
        let (host, port) = host_and_port(endpoint)?;
        let emulator = match pairs.get(EMULATOR)? {
            None => false,
            Some(flag) if flag.eq_ignore_ascii_case("false") => false,
            Some(flag) if flag.eq_ignore_ascii_case("true") => true,
            Some(_) => return Err(InvalidConnectionString::Emulator),
        };
        if emulator && is_in_azure(&host) {
            return Err(InvalidConnectionString::EmulatorInAzure);
        }
        if port.is_some() && !emulator {
            return Err(InvalidConnectionString::Port);
        }
        let access = match (pairs.get(KEY_NAME)?, pairs.get(KEY)?, pairs.get(SIGNATURE)?) {
            (Some(name), Some(key), None) => {
                ["SharedAccessKeyName=", name, ";SharedAccessKey=", key]
            }
            (None, None, Some(signature)) if signature.starts_with("SharedAccessSignature ") => {
                ["SharedAccessSignature=", signature, "", ""]
            }
            (None, None, Some(_)) => return Err(InvalidConnectionString::Signature),
            (_, _, Some(_)) => return Err(InvalidConnectionString::KeyAndSignature),
            (None, Some(_), None) => return Err(InvalidConnectionString::Missing(KEY_NAME)),
            (_, None, None) => return Err(InvalidConnectionString::Missing(KEY)),
        };
        let cleaned = [&["Endpoint=sb://", &host, "/;"], &access[..]].concat();
        let event_hub = pairs.get(ENTITY_PATH)?.map(event_hub_name).transpose();
        let port = port.unwrap_or(EMULATOR_PORT);
        Ok(Self {
            event_hub: event_hub.map_err(|_| InvalidConnectionString::EntityPath)?,
            endpoint: emulator.then(|| format!("amqp://{host}:{port}")),
            cleaned: Secret::new(cleaned.concat()),
            host,
        })
    }
}

/// Why a text is not a [`ConnectionString`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConnectionString {
    /// It does not consist of the right pairs.
    #[error(transparent)]
    Pairs(#[from] InvalidPairs),
    /// A key that must be there.
    #[error(
        "has no `{0}`: copy the whole `Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...`"
    )]
    Missing(&'static str),
    /// `Endpoint` is not `sb://HOST`.
    #[error("its `Endpoint` must be `sb://HOST/`")]
    Endpoint,
    /// A port, although it is not an emulator.
    #[error(
        "its `Endpoint` has a port, which only an emulator's has: add `UseDevelopmentEmulator=true` or remove the port"
    )]
    Port,
    /// Neither `true` nor `false`.
    #[error("its `UseDevelopmentEmulator` must be `true` or `false`")]
    Emulator,
    /// An emulator in Azure, where the key would be sent without TLS.
    #[error(
        "its `UseDevelopmentEmulator=true` turns TLS off, but its `Endpoint` is in Azure: remove `UseDevelopmentEmulator`"
    )]
    EmulatorInAzure,
    /// A key and a signature.
    #[error("has a `SharedAccessSignature` beside a key: keep one of the two")]
    KeyAndSignature,
    /// Not a signature.
    #[error("its `SharedAccessSignature` must begin with `SharedAccessSignature sr=`")]
    Signature,
    /// Not a hub's name.
    #[error("its `EntityPath` is not the name of an event hub")]
    EntityPath,
}

const ENDPOINT: &str = "Endpoint";
const KEY_NAME: &str = "SharedAccessKeyName";
const KEY: &str = "SharedAccessKey";
const SIGNATURE: &str = "SharedAccessSignature";
const ENTITY_PATH: &str = "EntityPath";
const EMULATOR: &str = "UseDevelopmentEmulator";

/// The port of AMQP without TLS, where the official emulator listens.
const EMULATOR_PORT: u16 = 5672;

/// Takes `sb://HOST`, `sb://HOST/` and either with a port; nothing more.
fn host_and_port(endpoint: &str) -> Result<(String, Option<u16>), InvalidConnectionString> {
    let url = Url::parse(endpoint).map_err(|_| InvalidConnectionString::Endpoint)?;
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    // DNS has no underscore, but compose files name services with one, and the emulator is such a service.
    let is_name = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_ipv6 = host.starts_with('['); // `Url` has parsed it
    let authority = url
        .port()
        .map_or(host.clone(), |port| format!("{host}:{port}"));
    let bare = url.as_str().to_ascii_lowercase();
    let is_bare = bare.strip_suffix('/').unwrap_or(&bare) == format!("sb://{authority}");
    if host.is_empty() || !(is_name || is_ipv6) || !is_bare || url.port() == Some(0) {
        return Err(InvalidConnectionString::Endpoint);
    }
    Ok((host, url.port()))
}

#[cfg(test)]
mod tests {
    use super::InvalidConnectionString as Fault;
    use super::*;

    const BOTH: &str = "SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0==";

    /// What it yields, a line each, with the secret in the open.
    fn check(text: &str, expected: &str) {
        let shown = match text.parse::<ConnectionString>() {
            Err(fault) => fault.to_string(),
            Ok(parsed) => {
                let hub = parsed.event_hub().unwrap_or("-").to_owned();
                let Namespace {
                    host,
                    endpoint,
                    authentication,
                } = parsed.into_namespace();
                let Authentication::ConnectionString(secret) = authentication else {
                    panic!("a connection string authenticates by itself")
                };
                let endpoint = endpoint.unwrap_or("-".to_owned());
                format!("{host} {endpoint} {hub}\n{}", secret.secret())
            }
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn a_portal_string_yields_host_and_cleaned_string() {
        check(
            &format!("Endpoint=sb://Contoso.servicebus.windows.net/;{BOTH}\n"),
            &format!(
                "contoso.servicebus.windows.net - -\nEndpoint=sb://contoso.servicebus.windows.net/;{BOTH}"
            ),
        );
    }

    #[test]
    fn keys_are_known_in_any_case_order_and_spacing_and_strangers_are_passed_over() {
        check(
            "sharedaccesskey=c2VjcmV0==; TransportType=Amqp;ENTITYPATH=Hub-1 ;endpoint=sb://a.b;SHAREDACCESSKEYNAME=listen;",
            &format!("a.b - Hub-1\nEndpoint=sb://a.b/;{BOTH}"),
        );
    }

    #[test]
    fn a_signature_keeps_its_equal_signs() {
        let signature = "SharedAccessSignature=SharedAccessSignature sr=sb%3a%2f%2fa.b&sig=x%3d&se=1&skn=listen";
        check(
            &format!("Endpoint=sb://a.b/;{signature}"),
            &format!("a.b - -\nEndpoint=sb://a.b/;{signature}"),
        );
    }

    #[test]
    fn an_emulator_is_plain_tcp_on_its_own_port() {
        let emulator = |endpoint: &str, expected: &str| {
            check(
                &format!("Endpoint={endpoint};{BOTH};UseDevelopmentEmulator=true;EntityPath=logs"),
                &format!(
                    "{expected} logs\nEndpoint=sb://{}/;{BOTH}",
                    expected.split(' ').next().unwrap()
                ),
            );
        };
        emulator("sb://localhost", "localhost amqp://localhost:5672");
        emulator("sb://127.0.0.1:40001/", "127.0.0.1 amqp://127.0.0.1:40001");
        emulator("sb://event_hub:5672/", "event_hub amqp://event_hub:5672");
        emulator("sb://[::1]:5673", "[::1] amqp://[::1]:5673");
        check(
            &format!("Endpoint=sb://a.b;{BOTH};UseDevelopmentEmulator=FALSE"),
            &format!("a.b - -\nEndpoint=sb://a.b/;{BOTH}"),
        );
    }

    #[test]
    fn an_error_names_what_is_wrong_without_repeating_a_value() {
        let fault = |text: &str, fault: Fault| check(text, &fault.to_string());
        fault("", Fault::Missing("Endpoint"));
        fault("Endpoint", InvalidPairs::NoValue(1).into());
        fault(
            "Endpoint=sb://a.b;c2VjcmV0",
            InvalidPairs::NoValue(2).into(),
        );
        fault("Endpoint=", InvalidPairs::Empty(ENDPOINT).into());
        fault(
            &format!("\"Endpoint=sb://a.b;{BOTH}\""),
            InvalidPairs::Quoted.into(),
        );
        fault(
            &format!("Endpoint=sb://a.b;{BOTH};endpoint=sb://c.d"),
            InvalidPairs::Twice(ENDPOINT).into(),
        );
        fault("Endpoint=sb://a.b", Fault::Missing("SharedAccessKey"));
        fault(
            "Endpoint=sb://a.b;SharedAccessKeyName=listen",
            Fault::Missing("SharedAccessKey"),
        );
        fault(
            "Endpoint=sb://a.b;SharedAccessKey=c2VjcmV0",
            Fault::Missing("SharedAccessKeyName"),
        );
        fault(
            &format!("Endpoint=sb://a.b;{BOTH};SharedAccessSignature=x"),
            Fault::KeyAndSignature,
        );
        fault(
            "Endpoint=sb://a.b;SharedAccessSignature=c2VjcmV0",
            Fault::Signature,
        );
        fault(&format!("Endpoint=sb://a.b:5671;{BOTH}"), Fault::Port);
        fault(
            &format!("Endpoint=sb://a.b;{BOTH};UseDevelopmentEmulator=yes"),
            Fault::Emulator,
        );
        for host in [
            "contoso.servicebus.windows.net",
            "contoso.privatelink.servicebus.windows.net",
            "Contoso.servicebus.windows.net.:5672",
            "contoso.servicebus.usgovcloudapi.net/",
        ] {
            fault(
                &format!("Endpoint=sb://{host};{BOTH};UseDevelopmentEmulator=true"),
                Fault::EmulatorInAzure,
            );
        }
        fault(
            &format!("Endpoint=sb://a.b;{BOTH};EntityPath=a/b"),
            Fault::EntityPath,
        );
        for endpoint in [
            "a.b",
            "a.b:5672",
            "https://a.b",
            "sb://",
            "sb://a.b/hub",
            "sb://u:p@a.b",
            "sb://a.b?x",
            "sb://a,SharedAccessKey",
        ] {
            fault(&format!("Endpoint={endpoint};{BOTH}"), Fault::Endpoint);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let parsed: ConnectionString = format!("Endpoint=sb://a.b;{BOTH}").parse().unwrap();
        let shown = format!("{parsed:?}");
        assert!(
            shown.contains("a.b") && !shown.contains("c2VjcmV0"),
            "{shown}"
        );
    }
}
