//! The way to the namespace: name, port, certificate. Each step uses what the one before it has found.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error};
use rustls_platform_verifier::Verifier;
use tokio::net::{TcpStream, lookup_host};
use x509_parser::parse_x509_certificate;

use super::{Report, Step, any_certificate, within};
use crate::source::event_hub::{Settings, SourceError, cannot_connect};
use crate::telemetry::chain;

/// Checks the way to the namespace, and whether a proxy is expected to be the way. Returns whether the way is open.
pub(super) async fn check(
    settings: &Settings,
    proxies: &[String],
    report: &mut Report<'_>,
) -> bool {
    let (is_open, is_connected) = way(settings, report).await;
    let proxy = proxy(proxies, is_connected);
    report.add(Step::Proxy, &settings.address(), proxy);
    is_open
}

/// Whether the certificate is right, or none is used; and whether there is a connection at all.
async fn way(settings: &Settings, report: &mut Report<'_>) -> (bool, bool) {
    let address = settings.address();
    let host = &settings.namespace.host;
    let found = match within(lookup_host(&address)).await {
        Ok(found) => found.collect::<Vec<_>>(),
        Err(source) => {
            let unresolved = SourceError::Unresolved {
                host: host.clone(),
                source,
            };
            report.fail(Step::Dns, host, chain(&unresolved));
            report.skip(&[Step::Port, Step::Tls], &address, "the host was not found");
            return (false, false);
        }
    };
    report.ok(Step::Dns, host, listed(&found));
    let stream = match within(TcpStream::connect(found.as_slice())).await {
        Ok(stream) => stream,
        Err(error) => {
            let problem = format!("{}: {error}", cannot_connect(host));
            report.fail(Step::Port, &address, problem);
            report.skip(&[Step::Tls], &address, "there is no connection");
            return (false, false);
        }
    };
    report.ok(Step::Port, &address, "a connection is accepted");
    let verified = if settings.namespace.endpoint.is_some() {
        Ok("not used: `UseDevelopmentEmulator=true` turns TLS off".to_owned())
    } else {
        certificate(stream, host, &address).await
    };
    (report.add(Step::Tls, &address, verified), true)
}

fn listed(addresses: &[SocketAddr]) -> String {
    let mut shown: Vec<_> = addresses
        .iter()
        .map(|found| found.ip().to_string())
        .collect();
    shown.dedup();
    shown.join(", ")
}

/// Event hubs are read directly, whatever proxy is configured.
fn proxy(proxies: &[String], is_connected: bool) -> Result<String, String> {
    let set = proxies.join("`, `");
    if set.is_empty() {
        Ok("none is configured".to_owned())
    } else if is_connected {
        Ok(format!(
            "tokens and blobs are requested through the proxy of `{set}`; event hubs are read without it"
        ))
    } else {
        Err(format!(
            "`{set}` is set, but event hubs are not read through a proxy: allow this machine to connect to the namespace \
             directly, for example by a private endpoint"
        ))
    }
}

/// Verifies the certificate of the server as the SDK does, but on a connection that accepts any: so a certificate that is
/// refused can be described. Nothing is sent.
async fn certificate(stream: TcpStream, host: &str, address: &str) -> Result<String, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` cannot be the name in a certificate"))?;
    let connecting = any_certificate::connector().connect(name.clone(), stream);
    let stream = within(connecting).await.map_err(|error| {
        format!(
            "`{address}` does not speak TLS ({error}): another service or a proxy answers there"
        )
    })?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let (own, others) = chain.split_first().ok_or("it has no certificate")?;
    let shown = described(own);
    let verifier = Verifier::new(Arc::new(aws_lc_rs::default_provider())).map_err(|error| {
        format!("no certificate authority of this machine can be used: {error}")
    })?;
    match verifier.verify_server_cert(own, others, &name, &[], UnixTime::now()) {
        Ok(_) => Ok(shown),
        Err(error) => Err(format!("{shown}: {}", advice(&error, host))),
    }
}

fn described(certificate: &CertificateDer<'_>) -> String {
    match parse_x509_certificate(certificate) {
        Ok((_, certificate)) => format!(
            "certificate of `{}`, issued by `{}`, valid until {}",
            certificate.subject(),
            certificate.issuer(),
            certificate.validity().not_after
        ),
        Err(_) => "a certificate that is not X.509".to_owned(),
    }
}

fn advice(error: &Error, host: &str) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    let Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    match problem {
        Expired | ExpiredContext { .. } => {
            "it has expired: its owner must renew it, or this machine's clock is wrong".to_owned()
        }
        NotValidYet | NotValidYetContext { .. } => {
            "it is not valid yet: correct this machine's clock".to_owned()
        }
        UnknownIssuer => {
            "this machine does not trust the issuer: let connections to event hubs pass the proxy that inspects TLS, or add \
             its certificate authority to those of the system or of `SSL_CERT_FILE`"
                .to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => format!(
            "it is not for `{host}`: check that DNS leads to the namespace, and that no proxy answers in its place"
        ),
        _ => error.to_string(),
    }
}
