//! The TLS side of a web configuration, and the verification of client certificates.
//!
//! A client without a certificate always gets a connection, since the kubelet's probes have none: whether it may ask for
//! what it asks for is decided for each request, by `admission`.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, RootCertStore,
    ServerConfig, SignatureScheme, SupportedCipherSuite,
};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::config::{ClientAuth, TlsConfig};

/// The suites that a file may name, which are those of Go's `tls.CipherSuites`. Those with CBC are not offered here.
pub(crate) const CIPHER_SUITES: [&str; 13] = [
    HTTP2_SUITES[0],
    HTTP2_SUITES[1],
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// HTTP/2 needs one of these.
pub(crate) const HTTP2_SUITES: [&str; 2] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
];

/// The curves that a file may name. P-521 is not offered here.
pub(crate) const CURVES: &[(&str, NamedGroup)] = &[
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
    ("X25519", NamedGroup::X25519),
];

/// # Errors
///
/// What does not go together, for example a key with a certificate that is not its own.
pub(super) fn server_config(tls: &TlsConfig) -> Result<ServerConfig, Error> {
    let provider = Arc::new(provider(tls));
    let clients = tls
        .client_auth
        .ne(&ClientAuth::None)
        .then(|| Clients::new(tls, &provider))
        .transpose()?;
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&tls.versions)?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(tls.chain.clone(), tls.key.clone_key())?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Those of rustls that the file has not excluded. As in Go, suites of TLS 1.3 cannot be.
fn provider(tls: &TlsConfig) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(listed) = &tls.cipher_suites {
        let rank = |suite: &SupportedCipherSuite| {
            let name = suite.suite().as_str()?;
            listed.iter().position(|listed| listed == name)
        };
        let suites = &mut provider.cipher_suites;
        suites.retain(|suite| suite.tls13().is_some() || rank(suite).is_some());
        suites.sort_by_key(rank);
    }
    if let Some(listed) = &tls.curves {
        let rank = |curve: NamedGroup| listed.iter().position(|listed| *listed == curve);
        provider
            .kx_groups
            .retain(|group| rank(group.name()).is_some());
        provider.kx_groups.sort_by_key(|group| rank(group.name()));
    }
    provider
}

/// Verifies the certificates of clients.
#[derive(Debug)]
struct Clients {
    trusted: Trusted,
    allowed_sans: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Trusted {
    /// Any certificate will do.
    All,
    /// What one of these has signed, and these themselves.
    Signed {
        verifier: Option<Arc<dyn ClientCertVerifier>>,
        by: Vec<CertificateDer<'static>>,
    },
}

impl Clients {
    fn new(tls: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let trusted = if tls.client_auth.verifies() {
            Trusted::Signed {
                verifier: verifier(&tls.client_ca, provider)?,
                by: tls.client_ca.clone(),
            }
        } else {
            Trusted::All
        };
        Ok(Self {
            trusted,
            allowed_sans: tls.client_allowed_sans.clone(),
            algorithms: provider.signature_verification_algorithms,
        })
    }

    fn is_allowed(&self, certificate: &CertificateDer) -> bool {
        let Ok((_, certificate)) = parse_x509_certificate(certificate) else {
            return false;
        };
        let Ok(Some(names)) = certificate.subject_alternative_name() else {
            return false;
        };
        let mut names = names.value.general_names.iter().filter_map(text);
        names.any(|name| self.allowed_sans.contains(&name))
    }
}

/// None without a certificate that could have signed.
fn verifier(
    signers: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    if signers.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for signer in signers {
        roots.add(signer.clone())?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = builder.build();
    verifier
        .map(Some)
        .map_err(|error| Error::General(error.to_string()))
}

/// A name as Go writes it.
fn text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.trusted {
            Trusted::Signed {
                verifier: Some(verifier),
                ..
            } => verifier.root_hint_subjects(),
            _ => &[],
        }
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Trusted::Signed { verifier, by } = &self.trusted {
            // As in Go, what is trusted to sign is trusted itself.
            let is_listed = by.iter().any(|listed| listed == certificate);
            match verifier {
                Some(_) if is_listed && is_valid_at(certificate, now) => {}
                Some(verifier) => {
                    verifier.verify_client_cert(certificate, intermediates, now)?;
                }
                None => return Err(CertificateError::UnknownIssuer.into()),
            }
        }
        if self.allowed_sans.is_empty() || self.is_allowed(certificate) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_valid_at(certificate: &CertificateDer, now: UnixTime) -> bool {
    let Ok((_, certificate)) = parse_x509_certificate(certificate) else {
        return false;
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}
