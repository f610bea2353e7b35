//! Tokens: from the credential, by way of a stand-in for Microsoft Entra ID, to a service that judges them.
//!
//! Certificates are trusted by a variable of the process, so the test proper runs in one of its own.

use std::env;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use acs_recording_exporter::inside::blobs::{
    BlobError, Condition, Container, InvalidContainer, Settings,
};
use acs_recording_exporter::inside::identity::{
    Application, Credential, Identity, SecretSource, storage_tokens,
};
use acs_recording_exporter::inside::telemetry::{Telemetry, chain};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use prometheus::{Registry, TextEncoder};
use serde_json::json;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use super::{done, names, owner};
use crate::azure::{Certificate, IdentityService};
use crate::azurite::Azurite;
use crate::world::Process;

/// The variable for the process of the test proper: endpoint and identity service.
const TOLD: &str = "BLOBS_TEST_TOLD";

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_gives_access_as_a_key_does() {
    let certificate = Certificate::new();
    let azurite = Azurite::start_with_tokens(&certificate).await;
    let service = IdentityService::start(Duration::from_hours(1)).await;
    let trusted = NamedTempFile::new().unwrap();
    let authorities = format!("{}{}", certificate.authority, service.ca_certificate);
    fs::write(trusted.path(), authorities).unwrap();

    let told = json!([azurite.url(), service.address]).to_string();
    let mut process = Process::start(
        &env::current_exe().unwrap(),
        &[
            "--exact",
            "blobs::tokens::proper",
            "--ignored",
            "--nocapture",
        ],
        &[
            ("SSL_CERT_FILE", trusted.path().to_str().unwrap()),
            (TOLD, &told),
        ],
    );
    let status = process.ended().await;
    let written = process.written();
    assert!(
        status.success() && written.contains("1 passed"),
        "{written}"
    );
    let scopes: Vec<_> = service
        .requests()
        .iter()
        .map(|asked| asked.fields["scope"].clone())
        .collect();
    assert_eq!(scopes.len(), 2, "one for each credential: {scopes:?}");
    assert!(
        scopes[0].contains("https://storage.azure.com/.default"),
        "{scopes:?}"
    );
}

#[tokio::test]
#[ignore = "it is run by `a_credential_gives_access_as_a_key_does`"]
async fn proper() {
    let told = env::var_os(TOLD).expect("it is run by the test above");
    let [endpoint, authority]: [String; 2] = serde_json::from_str(told.to_str().unwrap()).unwrap();
    let settings = Settings::of_container_url(&format!("{endpoint}/recordings")).unwrap();
    assert!(settings.wants_tokens());
    let registry = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&registry, ""));
    let open = |secret: &'static str| {
        let credential = Credential {
            identity: Identity::ClientSecret {
                application: Application {
                    tenant_id: "tenant".to_owned(),
                    client_id: "client".to_owned(),
                },
                secret: SecretSource::Value(secret.into()),
            },
            authority_host: authority.clone(),
            reason: "the test says so".to_owned(),
        };
        let tokens = storage_tokens(&credential, Arc::clone(&telemetry));
        Container::open(&settings, Some(tokens), Arc::clone(&telemetry)).unwrap()
    };

    let container = open("right");
    assert!(container.create().await.unwrap());
    let first = done(&container, "a", &owner("me"), &Condition::Missing).await;
    done(&container, "a", &owner("me"), &first).await;
    assert_eq!(names(&container.list("").await.unwrap()), ["a"]);

    // The identity service says no; then the storage account does.
    let error = open("wrong").list("").await.unwrap_err();
    assert!(matches!(error, BlobError::NoToken(_)), "{error}");
    let shown = chain(&error);
    assert!(shown.contains("the client secret is wrong"), "{shown}");
    let stranger: Arc<dyn TokenCredential> = Arc::new(Stranger);
    let strange = Container::open(&settings, Some(stranger), Arc::clone(&telemetry)).unwrap();
    let error = strange.list("").await.unwrap_err();
    assert!(
        matches!(
            error,
            BlobError::Status {
                status: 401 | 403,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("`Storage Blob Data Contributor`"),
        "{error}"
    );
    assert!(!format!("{error:?} {strange:?}").contains("c3RyYW5nZXI"));

    let error = Container::open(&settings, None, telemetry).unwrap_err();
    assert!(matches!(error, BlobError::NoCredential), "{error}");
    let text = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    for line in [
        r#"token_fetches_total{result="ok"} 1"#,
        r#"token_fetches_total{result="failed"} 1"#,
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[test]
fn no_token_is_sent_over_http() {
    let url = "http://127.0.0.1:10000/devstoreaccount1/recordings";
    let error = Settings::of_container_url(url).unwrap_err();
    assert_eq!(error, InvalidContainer::TokensOverHttp);
}

/// Whose tokens no account takes.
#[derive(Debug)]
struct Stranger;

#[async_trait::async_trait]
impl TokenCredential for Stranger {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires_on = OffsetDateTime::now_utc() + Duration::from_hours(1);
        Ok(AccessToken::new("c3RyYW5nZXI", expires_on))
    }
}
