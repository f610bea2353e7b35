//! Which web configuration files are accepted: as exporter-toolkit does, but for what `config::web` says.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::config::load_web;
use crate::http::web::{ClientAuth, Rate, Web, WebConfig};

const USER: &str = "$2b$10$abcdefghijklmnopqrstuuYyjXtHjgPRWzO7DKGVTZpqHUBbTlyLu";

const PAIR: &str = "tls_server_config: {cert_file: server.crt, key_file: server.key";

/// A folder with certificates. What a file in it says, or its faults, a line each.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["server", "other"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap();
            folder.write(&format!("{name}.crt"), &certificate.pem());
            folder.write(&format!("{name}.key"), &key.serialize_pem());
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn load(&self, text: &str) -> Result<WebConfig, String> {
        self.write("web.yml", text);
        let path = self.0.path().join("web.yml");
        let folder = format!("{}/", self.0.path().display());
        let load = {
            let path = path.clone();
            move || Ok(load_web(&path)?)
        };
        Web::new(Box::new(load)).map_err(|error| error.to_string().replace(&folder, ""))?;
        Ok(load_web(&path).expect("it was accepted"))
    }

    fn accepts(&self, text: &str) -> WebConfig {
        self.load(text)
            .unwrap_or_else(|error| panic!("{text}\n{error}"))
    }

    fn refuses(&self, text: &str, expected: &str) {
        let error = self
            .load(text)
            .err()
            .unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn what_the_toolkit_accepts() {
    let folder = Folder::new();
    let accepts = |text: &str| folder.accepts(text);
    for text in [
        "",
        "# nothing\n",
        "tls_server_config:\n",
        "http_server_config: {http2: false}",
        "rate_limit: {interval: 0, burst: 0}",
    ] {
        let config = accepts(text);
        assert!(
            config.tls.is_none() && config.users.is_empty() && config.rate.is_none(),
            "{text}"
        );
    }
    let tls = |more: &str| accepts(&format!("{PAIR}{more}}}")).tls.unwrap();
    assert_eq!(tls("").client_auth, ClientAuth::None);
    for (name, meant) in [
        ("NoClientCert", ClientAuth::None),
        ("RequestClientCert", ClientAuth::Request),
        ("RequireAnyClientCert", ClientAuth::RequireAny),
        ("RequireClientCert", ClientAuth::RequireAny),
        ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
        ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
    ] {
        assert_eq!(
            tls(&format!(", client_auth_type: {name}")).client_auth,
            meant
        );
    }
    let with_ca = tls(
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: other.crt, client_allowed_sans: [a, 'spiffe://b/c']",
    );
    assert_eq!(with_ca.client_ca.len(), 1);
    assert_eq!(with_ca.client_allowed_sans, ["a", "spiffe://b/c"]);
    assert_eq!(tls(", min_version: TLS10").versions.len(), 2);
    assert_eq!(tls(", min_version: TLS13").versions.len(), 1);
    assert_eq!(
        tls(", min_version: TLS12, max_version: TLS12")
            .versions
            .len(),
        1
    );
    let suites = "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, TLS_AES_128_GCM_SHA256]";
    assert_eq!(
        tls(&format!(", {suites}, prefer_server_cipher_suites: false"))
            .cipher_suites
            .unwrap()
            .len(),
        3
    );
    tls(", curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]");
    accepts(&format!(
        "{PAIR}, max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}}\nhttp_server_config: {{http2: false}}"
    ));
    let inline = |text: &str| text.trim().replace('\n', "\n    ");
    let (certificate, key) = (folder.read("server.crt"), folder.read("server.key"));
    accepts(&format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n",
        inline(&certificate),
        inline(&key)
    ));
    let headers = accepts("http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Content-Security-Policy: \"default-src 'self'\"\n").headers;
    assert_eq!(headers.len(), 5);
    let config = accepts(&format!(
        "basic_auth_users:\n  alice: {USER}\n  prometheus.team-a: {USER}\nrate_limit: {{interval: 1s, burst: 20}}\n"
    ));
    assert_eq!(
        config.users.keys().collect::<Vec<_>>(),
        ["alice", "prometheus.team-a"]
    );
    let interval = std::time::Duration::from_secs(1);
    assert_eq!(
        config.rate,
        Some(Rate {
            interval,
            burst: 20
        })
    );
}

#[test]
fn what_the_toolkit_refuses() {
    let folder = Folder::new();
    let refuses = |text: &str, why: &str| folder.refuses(text, why);
    let tls = |more: &str, why: &str| folder.refuses(&format!("{PAIR}{more}}}"), why);
    refuses(
        "hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n",
        "web.yml:1: must have sections",
    );
    refuses(
        "tls_server_config: {cert_filse: server.crt}",
        "tls_server_config.cert_filse",
    );
    for (text, missing) in [
        (
            "cert_file: '', key_file: server.key",
            "tls_server_config.cert_file (not set): set it: TLS needs it",
        ),
        (
            "cert: '', key_file: server.key",
            "tls_server_config.cert_file (not set)",
        ),
        (
            "cert_file: server.crt, key_file: ''",
            "tls_server_config.key_file (not set)",
        ),
        (
            "cert_file: server.crt, key: ''",
            "tls_server_config.key_file (not set)",
        ),
        (
            "cert_file: '', key_file: '', client_auth_type: x",
            "client_auth_type",
        ),
        (
            "client_auth_type: NoClientCert",
            "tls_server_config.cert_file (not set)",
        ),
        (
            "cert_file: nothing, key_file: server.key",
            "cannot be read: No such file",
        ),
        (
            "cert_file: nothing, key_file: nothing",
            "cannot be read: No such file",
        ),
        (
            "cert_file: server.key, key_file: server.key",
            "has no certificate in PEM",
        ),
        (
            "cert_file: server.crt, key_file: server.crt",
            "has no private key in PEM",
        ),
        (
            "cert_file: server.crt, key_file: other.key",
            "tls_server_config: ",
        ),
    ] {
        refuses(&format!("tls_server_config: {{{text}}}"), missing);
    }
    tls(
        ", client_auth_type: Always",
        "must be one of NoClientCert, RequestClientCert",
    );
    tls(", client_ca_file: other.crt", "needs a `client_auth_type`");
    tls(
        ", client_auth_type: RequestClientCert, client_ca_file: nothing",
        "cannot be read",
    );
    tls(
        ", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]",
        "must be one of TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    );
    tls(
        ", max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
        "HTTP/2 needs one of them",
    );
    tls(
        ", curve_preferences: [CurveP257]",
        "must be one of CurveP256",
    );
    tls(", min_version: TLS111", "must be one of TLS10");
    refuses("basic_auth_users: {john: doe}", "must be a bcrypt hash");
    for (header, why) in [
        ("X-Content-Type-Options: sniff", "must be nosniff"),
        ("X-Frame-Options: foo", "must be deny or sameorigin"),
        ("Content-Type: foo", "cannot be set"),
    ] {
        refuses(
            &format!("http_server_config: {{headers: {{{header}}}}}"),
            why,
        );
    }
    refuses("rate_limit: {interval: soon}", "needs a number and a unit");
}

#[test]
fn what_only_this_exporter_refuses() {
    let folder = Folder::new();
    let refuses = |more: &str, why: &str| folder.refuses(&format!("{PAIR}{more}}}"), why);
    refuses(
        ", curve_preferences: [CurveP521]",
        "P-521 is not offered here",
    );
    refuses(
        ", min_version: TLS10, max_version: TLS11",
        "leaves no version",
    );
    refuses(
        ", client_auth_type: RequestClientCert, client_ca_file: /dev/null",
        "has no certificate in PEM",
    );
}

#[test]
fn every_fault_is_reported_with_its_line_and_no_secret() {
    let folder = Folder::new();
    let text = "tls_server_config:\n  cert_file: nothing\n  key: hunter2\n  min_version: 13\nbasic_auth_users:\n  alice: hunter2\nrate: 5\n";
    let error = folder.load(text).err().unwrap();
    for line in 2..=7 {
        let is_there = error.contains(&format!("web.yml:{line})"));
        assert_eq!(is_there, line != 5, "{line}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}
