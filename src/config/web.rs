//! The web configuration file, in the format that Prometheus' exporters share. What the file means is up to
//! [`http::web`](crate::http::web); here it is read and checked, with every fault reported at once.
//!
//! Everything that exporter-toolkit accepts is accepted, but for four things. `CurveP521` alone is refused: it is not offered
//! here. So is a `max_version` below TLS 1.2, and a file of client CAs without a certificate. A lower `min_version` counts
//! as TLS 1.2.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::fault::{ConfigError, Fault};
use super::layers::Entry;
use super::{File, sources, yaml};
use crate::http::web::{
    CIPHER_SUITES, CURVES, ClientAuth, HTTP2_SUITES, Rate, TlsConfig, WebConfig,
};
use crate::setting::Value;

/// Reads the file, and those that it names; relative paths are relative to its folder.
///
/// # Errors
///
/// The file cannot be read, or is not YAML; or every fault.
pub(crate) fn load(path: &Path) -> Result<WebConfig, ConfigError> {
    let (name, text) = File::Path(path.to_owned()).read()?;
    let mut faults = Vec::new();
    let entries = yaml::entries(&name, &text, &mut faults)?;
    let mut file = WebFile {
        folder: path.parent().unwrap_or(Path::new("")),
        files: vec![path.to_owned()],
        entries,
        faults,
    };
    let config = file.config();
    file.refuse_the_rest();
    if file.faults.is_empty() {
        Ok(WebConfig {
            files: file.files,
            ..config
        })
    } else {
        Err(ConfigError::Faults(file.faults))
    }
}

/// A file, from whose entries is taken what it may say.
struct WebFile<'a> {
    folder: &'a Path,
    /// Those that were read.
    files: Vec<PathBuf>,
    entries: Vec<Entry>,
    faults: Vec<Fault>,
}

impl WebFile<'_> {
    fn config(&mut self) -> WebConfig {
        for section in SECTIONS {
            self.entries
                .retain(|entry| entry.key != *section || entry.value != Value::Nothing);
        }
        let http2 = self.is("http_server_config.http2", true);
        WebConfig {
            tls: self.tls(http2),
            users: self.users(),
            headers: self.headers(),
            rate: self.rate(),
            files: Vec::new(),
        }
    }

    /// None without TLS. Where a fault was noted, the value does not matter.
    fn tls(&mut self, http2: bool) -> Option<TlsConfig> {
        let client_auth = self.text("tls_server_config.client_auth_type");
        let chain = self.pem("cert_file", "cert");
        let key = self.pem("key_file", "key");
        let client_ca = self.pem("client_ca_file", "client_ca");
        let client_allowed_sans = self.list("tls_server_config.client_allowed_sans");
        let versions = self.versions();
        let cipher_suites = self.cipher_suites(http2);
        let curves = self.curves();
        let prefers = self.is("tls_server_config.prefer_server_cipher_suites", true);
        let is_there = |given: &Given| !matches!(given, Given::Nothing);
        if client_auth.is_none() && ![&chain, &key, &client_ca].into_iter().any(is_there) {
            return None;
        }
        let client_auth = client_auth.and_then(|entry| self.named(&entry, CLIENT_AUTH_TYPES));
        let client_auth = client_auth.unwrap_or(ClientAuth::None);
        if let (ClientAuth::None, Given::Pem(entry, _)) = (client_auth, &client_ca) {
            let problem =
                "needs a `client_auth_type`: only `RequireAndVerifyClientCert` keeps others out";
            self.fault(entry, problem);
        }
        let chain = self.certificates(chain, Some("cert_file"));
        let key = self.private_key(key);
        Some(TlsConfig {
            chain,
            key: key?,
            client_auth,
            client_ca: self.certificates(client_ca, None),
            client_allowed_sans: client_allowed_sans.map_or(Vec::new(), |(_, names)| names),
            versions,
            cipher_suites,
            curves,
            prefer_server_cipher_suites: prefers,
        })
    }

    /// From `min_version` to `max_version`.
    fn versions(&mut self) -> Vec<&'static SupportedProtocolVersion> {
        let least = self.text("tls_server_config.min_version");
        let least = least.and_then(|entry| self.named(&entry, VERSIONS));
        let most = self.text("tls_server_config.max_version");
        let range = match &most {
            Some(entry) => least.unwrap_or(12)..=self.named(entry, VERSIONS).unwrap_or(13),
            None => least.unwrap_or(12)..=13,
        };
        let offered = [(12, &TLS12), (13, &TLS13)];
        let offered = offered
            .into_iter()
            .filter(|(version, _)| range.contains(version));
        let offered: Vec<_> = offered.map(|(_, version)| version).collect();
        if let (true, Some(entry)) = (offered.is_empty(), most) {
            self.fault(&entry, "leaves no version: TLS 1.2 and TLS 1.3 are offered");
        }
        offered
    }

    /// None is all of them.
    fn cipher_suites(&mut self, http2: bool) -> Option<Vec<String>> {
        let (entry, names) = self.list("tls_server_config.cipher_suites")?;
        if http2
            && !names
                .iter()
                .any(|name| HTTP2_SUITES.contains(&name.as_str()))
        {
            let problem = format!(
                "must have {}: HTTP/2 needs one of them; or set `http_server_config.http2` to `false`",
                HTTP2_SUITES.join(" or ")
            );
            self.fault(&entry, problem);
        }
        let known = CIPHER_SUITES.map(|suite| (suite, ()));
        self.all_named(&entry, &names, &known)?;
        Some(names)
    }

    /// None is the usual ones.
    fn curves(&mut self) -> Option<Vec<NamedGroup>> {
        let (entry, names) = self.list("tls_server_config.curve_preferences")?;
        if names.iter().all(|name| name == "CurveP521") {
            self.fault(&entry, "needs another curve: P-521 is not offered here");
        }
        self.all_named(&entry, &names, CURVES)
    }

    fn users(&mut self) -> BTreeMap<String, String> {
        let mut users = BTreeMap::new();
        for entry in self.below("basic_auth_users.") {
            let user = entry.key.replacen("basic_auth_users.", "", 1);
            match entry.value.items().as_slice() {
                [hash] if hash.parse::<bcrypt::HashParts>().is_ok() => {
                    users.insert(user, (*hash).to_owned());
                }
                _ => self.fault(&entry, "must be a bcrypt hash of the password: `htpasswd -nBC 10 \"\" | tr -d ':\\n'` prints one"),
            }
        }
        users
    }

    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for entry in self.below("http_server_config.headers.") {
            let name = entry.key.replacen("http_server_config.headers.", "", 1);
            let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
                let known: Vec<_> = HEADERS.iter().map(|(known, _)| *known).collect();
                self.fault(&entry, format!("cannot be set: only {}", known.join(", ")));
                continue;
            };
            let value = entry.value.items().concat();
            if value.is_empty() {
                continue; // as if it were not there
            }
            match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                (Ok(name), Ok(header)) if values.is_empty() || values.contains(&value.as_str()) => {
                    headers.insert(name, header);
                }
                _ if values.is_empty() => self.fault(&entry, "is no value of an HTTP header"),
                _ => self.fault(&entry, format!("must be {}", values.join(" or "))),
            }
        }
        headers
    }

    fn rate(&mut self) -> Option<Rate> {
        let burst = self.text("rate_limit.burst").map_or(Some(0), |entry| {
            let burst = text_of(&entry).parse().ok();
            if burst.is_none() {
                self.fault(&entry, "must be a whole number of requests");
            }
            burst
        });
        let entry = self.text("rate_limit.interval")?;
        let interval = match text_of(&entry).as_str() {
            "0" => Ok(Duration::ZERO),
            text => humantime::parse_duration(text),
        };
        if interval.is_err() {
            let problem = "needs a number and a unit, for example `1s`; or `0` for no limit";
            self.fault(&entry, problem);
        }
        let (interval, burst) = (interval.ok()?, burst?);
        (!interval.is_zero()).then_some(Rate { interval, burst })
    }

    /// What a file has, or else what stands in the text.
    fn pem(&mut self, file_key: &str, text_key: &str) -> Given {
        let file = self.text(&format!("tls_server_config.{file_key}"));
        let text = self.text(&format!("tls_server_config.{text_key}"));
        let Some(entry) = file else {
            return text.map_or(Given::Nothing, |entry| {
                let pem = Zeroizing::new(text_of(&entry));
                Given::Pem(entry, pem)
            });
        };
        let path = self.folder.join(text_of(&entry));
        self.files.push(path.clone());
        match sources::read(&path) {
            Ok(pem) => Given::Pem(entry, pem),
            Err(error) => {
                self.fault(&entry, format!("cannot be read: {error}"));
                Given::Faulty
            }
        }
    }

    /// At least one, if there is a key that needs it.
    fn certificates(&mut self, given: Given, needed: Option<&str>) -> Vec<CertificateDer<'static>> {
        match given {
            Given::Pem(entry, pem) => {
                let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
                let certificates: Vec<_> =
                    certificates.collect::<Result<_, _>>().unwrap_or_default();
                if certificates.is_empty() {
                    self.fault(&entry, "has no certificate in PEM");
                }
                return certificates;
            }
            Given::Nothing => {
                if let Some(key) = needed {
                    self.missing(key);
                }
            }
            Given::Faulty => {}
        }
        Vec::new()
    }

    /// None where a fault was noted.
    fn private_key(&mut self, given: Given) -> Option<PrivateKeyDer<'static>> {
        match given {
            Given::Pem(entry, pem) => match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
                Ok(key) => return Some(key),
                Err(_) => self.fault(&entry, "has no private key in PEM, or an encrypted one"),
            },
            Given::Nothing => self.missing("key_file"),
            Given::Faulty => {}
        }
        None
    }

    /// Takes a key that has one value, unless that is empty, as if it were not there.
    fn text(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(index);
        match &entry.value {
            Value::Text(text) if !text.trim().is_empty() => Some(entry),
            Value::Text(_) | Value::Nothing => None,
            Value::List(_) => {
                self.fault(&entry, "must be one value, not a list");
                None
            }
        }
    }

    /// Takes a key that has a list.
    fn list(&mut self, key: &str) -> Option<(Entry, Vec<String>)> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(index);
        match &entry.value {
            Value::List(items) if !items.is_empty() => {
                let items = items.clone();
                Some((entry, items))
            }
            Value::List(_) | Value::Nothing => None,
            Value::Text(_) => {
                self.fault(&entry, "must be a list");
                None
            }
        }
    }

    /// Takes a key that is `true` or `false`.
    fn is(&mut self, key: &str, unset: bool) -> bool {
        let entry = self.text(key);
        let is = entry.and_then(|entry| self.named(&entry, &[("true", true), ("false", false)]));
        is.unwrap_or(unset)
    }

    /// Takes all keys that begin so.
    fn below(&mut self, prefix: &str) -> Vec<Entry> {
        self.entries
            .extract_if(.., |entry| entry.key.starts_with(prefix))
            .collect()
    }

    /// What a value stands for; none where a fault was noted.
    fn named<T: Copy>(&mut self, entry: &Entry, known: &[(&str, T)]) -> Option<T> {
        let values = self.all_named(entry, &[text_of(entry)], known)?;
        values.into_iter().next()
    }

    /// What these names stand for; none where a fault was noted.
    fn all_named<T: Copy>(
        &mut self,
        entry: &Entry,
        names: &[String],
        known: &[(&str, T)],
    ) -> Option<Vec<T>> {
        let mut values = Vec::new();
        for name in names {
            if let Some((_, value)) = known.iter().find(|(known, _)| known == name) {
                values.push(*value);
            } else {
                let known: Vec<_> = known.iter().map(|(known, _)| *known).collect();
                self.fault(entry, format!("must be one of {}", known.join(", ")));
                return None;
            }
        }
        Some(values)
    }

    fn missing(&mut self, key: &str) {
        let problem = "set it: TLS needs it";
        let key = format!("tls_server_config.{key}");
        self.faults.push(Fault::missing(&key, problem));
    }

    fn fault(&mut self, entry: &Entry, problem: impl Into<String>) {
        self.faults.push(Fault::new(entry, problem));
    }

    fn refuse_the_rest(&mut self) {
        for entry in std::mem::take(&mut self.entries) {
            self.fault(&entry, "is no key of a web configuration file");
        }
    }
}

/// A certificate or key in PEM, and where it stands.
enum Given {
    Pem(Entry, Zeroizing<String>),
    Nothing,
    /// A fault was noted.
    Faulty,
}

fn text_of(entry: &Entry) -> String {
    entry.value.items().concat()
}

/// They may be empty.
const SECTIONS: &[&str] = &[
    "tls_server_config",
    "http_server_config",
    "http_server_config.headers",
    "basic_auth_users",
    "rate_limit",
];

/// The headers that may be set, and their values; none: any.
const HEADERS: &[(&str, &[&str])] = &[
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

const CLIENT_AUTH_TYPES: &[(&str, ClientAuth)] = &[
    ("NoClientCert", ClientAuth::None),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    ("RequireClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
];

const VERSIONS: &[(&str, usize)] = &[("TLS10", 10), ("TLS11", 11), ("TLS12", 12), ("TLS13", 13)];
