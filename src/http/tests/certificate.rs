//! A certificate of the exporter, and clients that trust it.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use crate::http::web::{ClientAuth, TlsConfig, Web, WebConfig};

pub(super) struct Certificate {
    pub(super) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Certificate {
    pub(super) fn new() -> Arc<Self> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        Arc::new(Self {
            certificate: params.self_signed(&key).unwrap().into(),
            key: key.serialize_der(),
        })
    }

    fn config(&self) -> TlsConfig {
        TlsConfig {
            chain: vec![self.certificate.clone()],
            key: PrivateKeyDer::try_from(self.key.clone()).unwrap(),
            client_auth: ClientAuth::None,
            client_ca: Vec::new(),
            client_allowed_sans: Vec::new(),
            versions: vec![&TLS12, &TLS13],
            cipher_suites: None,
            curves: None,
            prefer_server_cipher_suites: true,
        }
    }

    /// A web configuration with this certificate, and with what `of_clients` adds.
    pub(super) fn web(
        self: &Arc<Self>,
        of_clients: impl Fn(&mut TlsConfig) + Send + Sync + 'static,
    ) -> Web {
        let this = Arc::clone(self);
        web(move |config| {
            let mut tls = this.config();
            of_clients(&mut tls);
            config.tls = Some(tls);
        })
    }

    /// A client that trusts this certificate, and may have one of its own.
    pub(super) fn client(&self, own: Option<&Self>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        Arc::new(match own {
            Some(own) => {
                let key = own.config().key;
                let chain = vec![own.certificate.clone()];
                builder.with_client_auth_cert(chain, key).unwrap()
            }
            None => builder.with_no_client_auth(),
        })
    }
}

/// A web configuration that says this.
pub(super) fn web(says: impl Fn(&mut WebConfig) + Send + Sync + 'static) -> Web {
    let load = move || {
        let mut config = WebConfig::default();
        says(&mut config);
        Ok(config)
    };
    Web::new(Box::new(load)).unwrap()
}
