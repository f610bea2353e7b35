//! TLS, client certificates and passwords: a real Prometheus, those who are refused, and certificates that are replaced.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use event_hub_emulator::{Emulator, EventHub};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::prometheus::Prometheus;
use crate::world::{Exporter, eventually};

const PATH: &str = "ACS_RECORDING_EXPORTER__HTTP__WEB_CONFIG_FILE";

/// A folder with certificates, a web configuration file and a Prometheus.
struct World {
    folder: TempDir,
    signer: Issuer<'static, KeyPair>,
    signers_certificate: CertificateDer<'static>,
}

impl World {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            signer: Issuer::new(params, key),
            signers_certificate: certificate.der().clone(),
        };
        world.write("ca.crt", &certificate.pem());
        for name in ["server", "client"] {
            world.certify(name);
        }
        let key = KeyPair::generate().unwrap();
        let foreign = CertificateParams::new(["client".to_owned()]).unwrap();
        world.write("foreign.crt", &foreign.self_signed(&key).unwrap().pem());
        world.write("foreign.key", &key.serialize_pem());
        let hash = bcrypt::hash("secret", 4).unwrap();
        world.write(
            "web.yml",
            &format!(
                "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [client]\nbasic_auth_users:\n  prometheus: {hash}\n"
            ),
        );
        world
    }

    /// Makes or replaces a certificate and its key.
    fn certify(&self, name: &str) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let of = if name == "server" { "localhost" } else { name };
        let params = CertificateParams::new([of.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.signer).unwrap();
        self.write(&format!("{name}.crt"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
        certificate.der().clone()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A Prometheus with a job for each way to ask.
    async fn prometheus(&self, exporter: &Exporter) -> Prometheus {
        let job = |name: &str, certificate: Option<&str>, password: Option<&str>| {
            let of_client = certificate.map(|name| {
                format!(
                    ", cert_file: {}, key_file: {}",
                    self.path(&format!("{name}.crt")),
                    self.path(&format!("{name}.key"))
                )
            });
            let user = password.map(|password| {
                format!(", basic_auth: {{username: prometheus, password: {password}}}")
            });
            format!(
                "- {{job_name: {name}, scheme: https, tls_config: {{ca_file: {}, server_name: localhost{}}}{}, static_configs: [{{targets: ['{}']}}]}}\n",
                self.path("ca.crt"),
                of_client.unwrap_or_default(),
                user.unwrap_or_default(),
                exporter.address,
            )
        };
        let jobs = [
            job("right", Some("client"), Some("secret")),
            job("wrong-password", Some("client"), Some("Secret")),
            job("no-password", Some("client"), None),
            job("no-certificate", None, Some("secret")),
            job("foreign-certificate", Some("foreign"), Some("secret")),
            format!(
                "- {{job_name: plain, static_configs: [{{targets: ['{}']}}]}}\n",
                exporter.address
            ),
        ];
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}",
            jobs.concat()
        );
        Prometheus::start(self.folder.path(), &config).await
    }

    /// Which certificate a new connection is shown.
    async fn shown(&self, exporter: &Exporter) -> Option<CertificateDer<'static>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.signers_certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let client = builder.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(&exporter.address).await.ok()?;
        let connecting =
            TlsConnector::from(Arc::new(client)).connect("localhost".try_into().unwrap(), stream);
        let stream = connecting.await.ok()?;
        let shown = stream.get_ref().1.peer_certificates()?;
        shown.first().cloned()
    }
}

/// Prometheus does not have it otherwise.
async fn has(prometheus: &Prometheus, query: &str, wanted: f64) {
    eventually(query, || async {
        match prometheus.sum(query).await {
            value if value == wanted => Ok(()),
            value => Err(value.to_string()),
        }
    })
    .await;
}

async fn exporter(hub: &Emulator, world: &World) -> Exporter {
    let path = world.path("web.yml");
    let variables = [
        ("ACS_RECORDING_EXPORTER__METRICS__RESOURCES", "contoso"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "2m"),
        (PATH, path.as_str()),
    ];
    Exporter::reading(hub.connection_string(), &variables).await
}

fn fail(hub: &Emulator) {
    let failed = r#"{"records":[{"category":"CallRecordingOperational","resourceId":"/A/B/C/D/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO","operationName":"StartRecording","resultType":"Failed","resultSignature":"503","durationMs":20}]}"#;
    hub.publish("logs", 0, failed.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_over_tls_and_delivery_is_exact_while_certificates_are_replaced_and_others_are_refused()
 {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let world = World::new();
    let exporter = exporter(&hub, &world).await;
    let prometheus = world.prometheus(&exporter).await;
    has(&prometheus, "up{job='right'}", 1.0).await;
    // The gate opens by a scrape that was delivered over TLS.
    has(&prometheus, "acs_recording_exporter_up", 1.0).await;

    let mut published = 0;
    let mut slow = Vec::new();
    for round in 0..4 {
        let certificate = world.certify("server");
        for _ in 0..125 {
            slow.push(half_a_handshake(&exporter).await);
            fail(&hub);
            published += 1;
        }
        eventually("the certificate is shown", || async {
            let shown = world.shown(&exporter).await;
            if shown.as_ref() == Some(&certificate) {
                Ok(())
            } else {
                Err(format!("round {round}"))
            }
        })
        .await;
    }
    // Half of a change: the key is another's.
    world.write("server.key", &KeyPair::generate().unwrap().serialize_pem());
    exporter
        .process
        .says("web configuration has changed and cannot be used")
        .await;
    fail(&hub);
    has(
        &prometheus,
        "acs_recording_exporter_web_config_last_reload_successful",
        0.0,
    )
    .await;
    let failures =
        "acs_recording_operation_failures_total{operation='StartRecording',result_signature='503'}";
    has(&prometheus, failures, f64::from(published + 1)).await;
    assert_eq!(
        prometheus
            .rise(&failures.replace('}', ",job='right'}"))
            .await,
        f64::from(published + 1)
    );
    has(&prometheus, "min_over_time(up{job='right'}[5s])", 1.0).await;
    world.certify("server");
    has(
        &prometheus,
        "acs_recording_exporter_web_config_last_reload_successful",
        1.0,
    )
    .await;

    let up = prometheus.ask("max_over_time(up[1h])", None, "job").await;
    assert_eq!(
        up.into_iter().collect::<Vec<_>>(),
        [("right".to_owned(), 1.0)]
    );
    let refused = prometheus
        .ask(
            "acs_recording_exporter_http_requests_refused_total",
            None,
            "cause",
        )
        .await;
    println!("{} half handshakes, refused {refused:?}", slow.len());
    assert!(
        refused["password"] > 0.0 && refused["certificate"] > 0.0,
        "{refused:?}"
    );
    // A counted scrape is one that was delivered to the one scraper who may have it.
    has(&prometheus, "acs_recording_exporter_scrapers", 1.0).await;
    let written = exporter.process.written();
    assert!(
        !written.contains("panicked") && !written.contains("secret"),
        "{written}"
    );
}

/// A client from another address that begins to speak TLS and stops.
async fn half_a_handshake(exporter: &Exporter) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from((Ipv4Addr::new(127, 1, 0, 1), 0)))
        .unwrap();
    let mut stream = socket
        .connect(exporter.address.parse().unwrap())
        .await
        .unwrap();
    // A record of a handshake, of 512 bytes that never come. The exporter may have closed it already.
    let _sent = stream.write_all(&[22, 3, 1, 2, 0, 1]).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_follows_the_web_configuration() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let world = World::new();
    let exporter = exporter(&hub, &world).await;
    let health = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"));
        command.arg("health").args(arguments).output().unwrap()
    };
    let path = world.path("web.yml");
    let address = exporter.address.as_str();
    for flag in ["--listen", "--web.listen-address", "--address"] {
        let answer = health(&[flag, address, "--web.config.file", &path]);
        assert_eq!(
            String::from_utf8_lossy(&answer.stdout),
            "healthy\n",
            "{answer:?}"
        );
    }
    let in_plain_text = health(&["--listen", address]);
    assert_eq!(in_plain_text.status.code(), Some(1), "{in_plain_text:?}");
}
