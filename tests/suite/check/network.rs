//! What may be wrong on the way to the namespace, and with tokens.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{CONNECTION_STRING, OF_EVENT_HUBS, check, hub};
use crate::azure::{Certificate, IdentityService, LocalHub};

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_stopped_and_a_host_that_is_unknown_are_what_everything_else_waits_for() {
    let hub = hub().await;
    let string = hub.connection_string().to_owned();
    hub.stop().await;
    let others = [&OF_EVENT_HUBS[..], &["tls", "clock"]].concat();
    let checked = check(&[(CONNECTION_STRING, &string)]).await;
    checked.is(&[("port", "check the firewall")], &others);

    // Event hubs are not read through a proxy.
    let proxied = [
        (CONNECTION_STRING, string.as_str()),
        ("https_proxy", "http://127.0.0.1:9"),
    ];
    let checked = check(&proxied).await;
    checked.is(
        &[
            ("port", "Connection refused"),
            ("proxy", "`https_proxy` is set"),
        ],
        &others,
    );

    let unknown = string.replace("127.0.0.1", "contoso.invalid");
    let checked = check(&[(CONNECTION_STRING, &unknown)]).await;
    let others = [&others[..], &["port"]].concat();
    checked.is(&[("dns", "host `contoso.invalid` not found")], &others);
}

/// At the port of the namespace, since Azure has no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_or_is_of_an_unknown_authority_is_described() {
    let address = SocketAddr::from(([127, 0, 0, 3], 5671));
    let certificate = Certificate::expired("127.0.0.3");
    let acceptor = certificate.acceptor();
    let listener = TcpListener::bind(address).await.unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            // The client ends the connection once it has seen the certificate.
            let _accepted = acceptor.accept(socket).await;
        }
    });
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &certificate.authority).unwrap();
    let string =
        "Endpoint=sb://127.0.0.3/;SharedAccessKeyName=a;SharedAccessKey=a2V5;EntityPath=logs";
    let trusted = ("SSL_CERT_FILE", file.path().to_str().unwrap());
    let others = [&OF_EVENT_HUBS[..], &["clock"]].concat();
    let checked = check(&[(CONNECTION_STRING, string), trusted]).await;
    checked.is(&[("tls", "it has expired")], &others);
    assert!(
        checked.text("tls").contains("valid until"),
        "{}",
        checked.text("tls")
    );

    let hub = LocalHub::shared().await;
    let string = format!("{};EntityPath=checked", hub.connection_string);
    let checked = check(&[(CONNECTION_STRING, &string), trusted]).await;
    checked.is(&[("tls", "does not trust the issuer")], &others);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_tokens_are_described_and_a_wrong_secret_is_explained() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(Duration::from_hours(1)).await;
    let ca_file = hub.ca_file(&service.ca_certificate);
    let secret = |secret| {
        [
            ("SSL_CERT_FILE", ca_file.path().to_str().unwrap()),
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMESPACE", "localhost"),
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "checked"),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", secret),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ]
    };
    let checked = check(&secret("right")).await;
    checked.is(&[], &[]);
    let tls = checked.text("tls");
    assert!(
        tls.contains("issued by `CN=event-hub-emulator CA`"),
        "{tls}"
    );
    let token = checked.text("token");
    let described = "`client_secret`: a token for `https://eventhubs.azure.net`, expires at 20";
    assert!(token.starts_with(described), "{token}");

    let checked = check(&secret("wrong")).await;
    checked.is(&[("token", "the client secret is wrong")], &OF_EVENT_HUBS);
    assert_eq!(hub.handle.partitions("checked").unwrap()[0].readers, 0);
}
