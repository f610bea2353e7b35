//! Each kind of identity, and what goes wrong with one.

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use azure_core::base64::decode_url_safe;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::{EVENT, HOUR, counts, exporter, reads_an_event};
use crate::azure::{IdentityService, LocalHub};
use crate::world::{Process, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_file_can_be_replaced_and_a_wrong_one_is_explained() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(Duration::from_secs(3)).await;
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "right\n").unwrap();
    let exporter = exporter(
        &hub,
        &service,
        "secret",
        &[
            ("ACS_RECORDING_EXPORTER__AUTH__TENANT_ID", "tenant"),
            ("ACS_RECORDING_EXPORTER__AUTH__CLIENT_ID", "client"),
            (
                "ACS_RECORDING_EXPORTER__AUTH__CLIENT_SECRET_FILE",
                file.path().to_str().unwrap(),
            ),
            (
                "ACS_RECORDING_EXPORTER__AUTH__AUTHORITY_HOST",
                &service.address,
            ),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "secret").await;
    let first = &service.requests()[0];
    assert_eq!(first.tenant, "tenant");
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("client_id", "client"),
        ("client_secret", "right"),
        ("scope", "https://eventhubs.azure.net/.default"),
    ] {
        assert_eq!(first.fields[field], value, "{field}");
    }

    // The new secret is in the file before the old one is refused, as in a careful rotation.
    std::fs::write(file.path(), "new\n").unwrap();
    eventually("the new secret", || async {
        let requests = service.requests();
        let last = &requests.last().unwrap().fields["client_secret"];
        if last == "new" {
            Ok(())
        } else {
            Err(format!("{last} of {}", requests.len()))
        }
    })
    .await;
    // It was refused: until now the service knows the old one only.
    let line = exporter.process.says("the client secret is wrong").await;
    assert!(line.contains("`auth.client_secret` must be"), "{line}");
    assert!(!exporter.process.written().contains("right"));
    service.takes_secret("new");
    hub.handle.publish("secret", 0, EVENT).unwrap();
    counts(&exporter, 2.0).await;
}

/// The request has the secret in its body.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_of_the_identity_service_is_not_followed() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "refused",
        &[
            ("AZURE_TENANT_ID", "moved"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "right"),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ],
    )
    .await;
    exporter.process.says("no token for `client_secret`").await;
    let requests = service.requests();
    assert!(
        requests.iter().all(|asked| asked.tenant == "moved"),
        "{requests:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_signs_the_request_for_a_token() {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        format!("{}{}", certificate.pem(), key.serialize_pem()),
    )
    .unwrap();
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "certificate",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            (
                "AZURE_CLIENT_CERTIFICATE_PATH",
                file.path().to_str().unwrap(),
            ),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "certificate").await;
    let fields = &service.requests()[0].fields;
    assert_eq!(
        fields["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let (signed, signature) = fields["client_assertion"].rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key_raw())
        .verify(signed.as_bytes(), &decode_url_safe(signature).unwrap())
        .expect("the key of the certificate has signed it");
    let claims = decode_url_safe(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let audience = format!("{}/tenant/oauth2/v2.0/token", service.address);
    assert_eq!(claims["aud"], audience);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_exchanges_its_token_for_one_of_the_workload_identity() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated").unwrap();
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    // As Azure's webhook sets them.
    let exporter = exporter(
        &hub,
        &service,
        "workload",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap()),
            ("AZURE_AUTHORITY_HOST", &format!("{}/", service.address)),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "workload").await;
    assert_eq!(
        service.requests()[0].fields["client_assertion"],
        "federated"
    );
    let chosen = exporter.process.says("credential chosen").await;
    let written = exporter.process.written();
    for field in [
        r#""kind":"workload_identity""#,
        "auth.federated_token_file` is set (variable AZURE_FEDERATED_TOKEN_FILE)",
        &format!(r#""authority_host":"{}""#, service.address),
    ] {
        assert!(written.contains(field), "no {field}: {chosen}\n{written}");
    }
    assert_eq!(written.matches("credential chosen").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_has_the_token_of_its_managed_identity() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "managed",
        &[
            ("AZURE_CLIENT_ID", "client"),
            ("IDENTITY_ENDPOINT", &format!("{}/managed", service.address)),
            ("IDENTITY_HEADER", "header"),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "managed").await;
    let first = &service.requests()[0];
    assert_eq!(first.tenant, "managed");
    assert_eq!(first.fields["client_id"], "client");
    assert_eq!(first.fields["resource"], "https://eventhubs.azure.net");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_service_that_is_down_is_named_and_asked_again() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "refused",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "right"),
            // Nobody listens at the port that is for nothing.
            ("AZURE_AUTHORITY_HOST", "https://localhost:9"),
        ],
    )
    .await;
    exporter.process.says("event hub does not answer").await;
    let written = exporter.process.written();
    for part in [
        r#""cause":"unreachable""#,
        "no token for `client_secret`: `https://localhost:9` is unreachable",
        "`auth.authority_host`",
    ] {
        assert!(written.contains(part), "no {part}:\n{written}");
    }
    let scrape = exporter.scrape().await.unwrap();
    let failed = scrape.sum(
        "acs_recording_exporter_token_fetches_total",
        &[r#"result="failed""#],
    );
    assert!(failed >= 1.0, "{failed}");
}

#[tokio::test]
async fn an_identity_without_a_key_that_it_needs_is_a_fault_at_the_start() {
    let mut process = Process::exporter(
        &["run", "--listen", "127.0.0.1:0"],
        &[
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMESPACE", "contoso"),
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "logs"),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter",
            ),
            ("AZURE_CLIENT_SECRET", "c2VjcmV0"),
        ],
    );
    assert_eq!(process.ended().await.code(), Some(2));
    assert_eq!(
        process.written(),
        "config: 2 faults\n  \
         auth.tenant_id (not set): `client_secret` needs it: set it, or the variable AZURE_TENANT_ID\n  \
         auth.client_id (not set): `client_secret` needs it: set it, or the variable AZURE_CLIENT_ID"
    );
}
