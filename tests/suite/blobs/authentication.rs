//! Keys and signatures: right ones, wrong ones, and those that change.

use std::fs;

use acs_recording_exporter::inside::blobs::{BlobError, Condition, Settings};
use aws_lc_rs::hmac;
use azure_core::base64::{decode, encode};
use azure_core::http::Url;
use tempfile::NamedTempFile;

use super::{World, done, names, open, owner};

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
/// The key of every emulator's account.
pub(crate) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A key that no account has.
const WRONG_KEY: &str = "bm90IHRoZSBrZXk=";
const VERSION: &str = "2023-11-03";
const EXPIRY: &str = "2099-01-01T00:00:00Z";

/// What a service signs for one container, with its rights in the order that the service wants.
pub(super) fn container_sas(rights: &str, expiry: &str) -> String {
    let resource = format!("/blob/{ACCOUNT}/recordings");
    // "Create a service SAS", version 2020-12-06 and later: the empty lines are for what is not limited.
    let signed = [
        rights, "", expiry, &resource, "", "", "", VERSION, "c", "", "", "", "", "", "", "",
    ];
    let signature = sign(&signed.join("\n"));
    query(&[
        ("sv", VERSION),
        ("sr", "c"),
        ("sp", rights),
        ("se", expiry),
        ("sig", &signature),
    ])
}

/// What a service signs for one container, with the rights of a policy that the container has.
pub(crate) fn policy_sas(policy: &str) -> String {
    let resource = format!("/blob/{ACCOUNT}/recordings");
    let signed = [
        "", "", "", &resource, policy, "", "", VERSION, "c", "", "", "", "", "", "", "",
    ];
    let signature = sign(&signed.join("\n"));
    query(&[
        ("sv", VERSION),
        ("sr", "c"),
        ("si", policy),
        ("sig", &signature),
    ])
}

/// What is signed for the containers and blobs of an account.
fn account_sas() -> String {
    let signed = [
        ACCOUNT, "rwdlac", "b", "co", "", EXPIRY, "", "", VERSION, "", "",
    ];
    let signature = sign(&signed.join("\n"));
    query(&[
        ("sv", VERSION),
        ("ss", "b"),
        ("srt", "co"),
        ("sp", "rwdlac"),
        ("se", EXPIRY),
        ("sig", &signature),
    ])
}

fn sign(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &decode(KEY).unwrap());
    encode(hmac::sign(&key, text.as_bytes()))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://localhost", pairs).unwrap();
    url.query().unwrap().to_owned()
}

#[tokio::test]
async fn a_signature_gives_access_as_the_key_does() {
    let world = World::start().await;
    let endpoint = &world.azurite.url();
    let url =
        |sas: &str| Settings::of_container_url(&format!("{endpoint}/recordings?{sas}")).unwrap();
    let string = format!(
        "BlobEndpoint={endpoint};SharedAccessSignature={}",
        account_sas()
    );
    for (name, settings) in [
        ("container", url(&container_sas("racwdl", EXPIRY))),
        ("account", url(&account_sas())),
        (
            "string",
            Settings::of_connection_string(&string, "recordings").unwrap(),
        ),
    ] {
        let (container, _) = open(&settings);
        let metadata = owner("me");
        let first = done(&container, name, &metadata, &Condition::Missing).await;
        done(&container, name, &metadata, &first).await;
        assert_eq!(names(&container.list("").await.unwrap()), [name]);
        let (blob, _) = container.read(name).await.unwrap().unwrap();
        assert_eq!(blob.metadata, metadata);
        container.delete(name).await.unwrap();
        assert_eq!(container.head(name).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_refusal_is_reported_with_what_to_do_and_without_secrets() {
    let world = World::start().await;
    let endpoint = &world.azurite.url();
    let string = format!("BlobEndpoint={endpoint};AccountName={ACCOUNT};AccountKey={WRONG_KEY}");
    let expired = container_sas("racwdl", "2020-01-01T00:00:00Z");
    let url = format!("{endpoint}/recordings?{expired}");
    for (settings, advice) in [
        (
            Settings::of_connection_string(&string, "recordings").unwrap(),
            "the account key is wrong",
        ),
        (Settings::of_container_url(&url).unwrap(), "has expired"),
    ] {
        let (container, _) = open(&settings);
        for error in [
            container.list("").await.unwrap_err(),
            container.head("a").await.unwrap_err(),
            container
                .write("a", &owner("me"), b"", &Condition::Missing)
                .await
                .unwrap_err(),
        ] {
            let shown = format!("{error} {error:?} {container:?}");
            assert!(error.to_string().contains(advice), "{shown}");
            assert!(
                matches!(error, BlobError::Status { status: 403, .. }),
                "{shown}"
            );
            for secret in [WRONG_KEY, KEY, "sig=", "%3D"] {
                assert!(!shown.contains(secret), "`{secret}` in {shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_in_a_file_can_be_rotated() {
    let world = World::start().await;
    let file = NamedTempFile::new().unwrap();
    let write = |key: &str| {
        let endpoint = &world.azurite.url();
        let string = format!("BlobEndpoint={endpoint};AccountName={ACCOUNT};AccountKey={key}\n");
        fs::write(file.path(), string).unwrap();
    };
    write(WRONG_KEY);
    let settings = Settings::of_connection_string_file(file.path(), "recordings").unwrap();
    let (container, _) = open(&settings);
    let refused = container.list("").await;
    assert!(matches!(
        refused,
        Err(BlobError::Status { status: 403, .. })
    ));
    write(KEY);
    assert_eq!(container.list("").await.unwrap(), []);
    fs::write(file.path(), "").unwrap();
    let error = container.list("").await.unwrap_err();
    assert!(
        error.to_string().starts_with("connection string file"),
        "{error}"
    );
}

#[tokio::test]
async fn foreign_blobs_do_not_break_a_list() {
    let world = World::start().await;
    let endpoint = &world.azurite.url();
    let sas = container_sas("racwdl", EXPIRY);
    for name in ["a//b", "a/%25", "a/%C3%BC%20%26%3C", "a/B"] {
        let answer = reqwest::Client::new()
            .put(format!("{endpoint}/recordings/{name}?{sas}"))
            .header("x-ms-blob-type", "BlockBlob")
            .header("x-ms-meta-Kind", "foreign & strange")
            .body("body")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "{name}");
    }
    done(&world.container, "a/mine", &owner("me"), &Condition::None).await;
    let blobs = world.container.list("a/").await.unwrap();
    assert_eq!(names(&blobs), ["a/%", "a//b", "a/B", "a/mine", "a/ü &<"]);
    assert_eq!(blobs[0].metadata["kind"], "foreign & strange");
    assert_eq!(blobs[3].metadata, owner("me"));
}
