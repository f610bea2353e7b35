//! TLS: a certificate that is made at the start, and the way from a socket to a stream of AMQP.
//!
//! The certificate lives as long as the emulator. Its authority (CA) is made with it, signs it and drops its key, so that a
//! client that trusts the authority trusts this emulator and nothing else. A certificate that is its own authority would
//! be shorter, but webpki refuses it (`CaUsedAsEndEntity`), and with webpki the Rust SDK.
//!
//! On the port of TLS the client's first byte distinguishes AMQP and WebSocket, so one port stands for Event Hubs' 5671 and
//! 443.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use super::clock::Timestamp;
use super::connection::task::Transport;
use super::listener::Listener;
use super::{EmulatorError, Settings, TlsSettings, websocket};

/// How clients connect over TLS.
#[derive(Debug)]
pub struct Tls {
    endpoint: String,
    connection_string: String,
    ca_certificate: String,
}

impl Tls {
    /// The address as a custom endpoint, `amqps://HOST:PORT`, for clients that would otherwise look for port 5671.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What clients connect with, as they do to Azure. It has no port, since clients ignore it: they take 5671, or 443 with
    /// a WebSocket. On any other port they need [`Tls::endpoint`] as well.
    pub fn connection_string(&self) -> &str {
        &self.connection_string
    }

    /// The certificate of the authority that clients have to trust, in PEM: `SSL_CERT_FILE` names the file with it.
    pub fn ca_certificate(&self) -> &str {
        &self.ca_certificate
    }
}

/// The listener for TLS, and its certificate.
#[derive(Debug)]
pub(crate) struct TlsListener {
    listener: Listener,
    acceptor: Acceptor,
    host: String,
    ca_certificate: String,
}

impl TlsListener {
    /// Makes the certificate and takes the port.
    pub(crate) async fn bind(
        settings: &TlsSettings,
        now: Timestamp,
    ) -> Result<Self, EmulatorError> {
        let listener = Listener::bind(settings.listen).await?;
        let certificates =
            Certificates::make(settings, now).map_err(|source| EmulatorError::Certificate {
                host: settings.host.clone(),
                source,
            })?;
        Ok(Self {
            listener,
            acceptor: Acceptor::new(certificates.chain, certificates.key)?,
            host: settings.host.clone(),
            ca_certificate: certificates.ca,
        })
    }

    /// How clients connect here.
    pub(crate) fn describe(&self, settings: &Settings) -> Tls {
        Tls {
            endpoint: format!("amqps://{}:{}", self.host, self.listener.address().port()),
            connection_string: settings.connection_string(&self.host),
            ca_certificate: self.ca_certificate.clone(),
        }
    }

    pub(crate) fn listener(&mut self) -> &mut Listener {
        &mut self.listener
    }

    /// The next client, and what will shake hands with it.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr, Acceptor)> {
        let (socket, peer) = self.listener.accept().await?;
        Ok((socket, peer, self.acceptor.clone()))
    }
}

/// How long a client may take for the handshakes and its first byte: far longer than over the slowest network.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Turns sockets into streams of AMQP.
#[derive(Clone)]
pub(super) struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// The provider of cryptography is named: the process may have none, or another, as its default.
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivatePkcs8KeyDer<'static>,
    ) -> Result<Self, EmulatorError> {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, key.into())
            })
            .map_err(EmulatorError::Tls)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<Box<dyn Transport>> {
        timeout(HANDSHAKE_MAX, self.shake_hands(socket)).await?
    }

    async fn shake_hands(&self, socket: TcpStream) -> io::Result<Box<dyn Transport>> {
        let mut stream = BufReader::new(self.0.accept(socket).await?);
        // Every header of AMQP begins with `A`, every request for a WebSocket with `GET`.
        if stream.fill_buf().await?.first() == Some(&b'G') {
            Ok(Box::new(websocket::accept(stream).await?))
        } else {
            Ok(Box::new(stream))
        }
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

/// A client's stream once TLS is taken off, with a look ahead.
type Decrypted = BufReader<TlsStream<TcpStream>>;

impl Transport for Decrypted {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.get_ref().get_ref().0)
    }
}

/// How long a certificate is valid, in seconds: a year, far longer than an emulator runs and short enough for Apple's
/// systems, which refuse more than 825 days.
const VALID_FOR: i64 = 365 * 24 * 60 * 60;

/// How long it has been valid already, in seconds: clocks of containers and their hosts differ.
const VALID_SINCE: i64 = 24 * 60 * 60;

/// What clients are shown, and what they check it with.
struct Certificates {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    ca: String,
}

impl Certificates {
    fn make(settings: &TlsSettings, now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut authority = params(Vec::new(), "event-hub-emulator CA", now)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate()?;
        let ca = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut leaf = params(names(settings), &settings.host, now)?;
        // Python 3.13 checks strictly, and misses these two.
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &issuer)?;
        Ok(Self {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            ca,
        })
    }
}

/// The host that was asked for, and the names and addresses of this machine.
fn names(settings: &TlsSettings) -> Vec<String> {
    let mut names = vec![settings.host.clone()];
    let mut others = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    if !settings.listen.ip().is_unspecified() {
        others.push(settings.listen.ip().to_string());
    }
    for other in others {
        if !names.contains(&other) {
            names.push(other);
        }
    }
    names
}

fn params(
    names: Vec<String>,
    common_name: &str,
    now: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| rcgen::Error::Time);
    params.not_before = at(now / 1000 - VALID_SINCE)?;
    params.not_after = at(now / 1000 + VALID_FOR)?;
    Ok(params)
}
