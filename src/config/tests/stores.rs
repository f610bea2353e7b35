//! The sections `checkpoint` and `ownership`: what they come to, or the text of their faults.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them so"
)]

use std::time::Duration;

use expect_test::{Expect, expect};

use super::{CONNECTION, least, sources};
use crate::checkpoint::StoreKind;
use crate::config::{Config, load};
use crate::source::event_hub::{Authentication, Start};

const URL: &str = "https://contoso.blob.core.windows.net/recordings";
const ACCOUNT: &str = "AccountName=contoso;AccountKey=c2VjcmV0";
const SAS: &str = "?sr=c&sp=racwdl&sig=c2VjcmV0";

/// What a file comes to beside a connection string for the hub.
fn config(file: &str) -> Result<Config, String> {
    let file: &'static str = Box::leak(file.to_owned().into_boxed_str());
    load(sources(file, &least(), &[])).map_err(|error| {
        assert!(
            !format!("{error} {error:?}").contains("c2VjcmV0"),
            "{error}"
        );
        error.to_string()
    })
}

fn check_faults(file: &str, expected: &Expect) {
    expected.assert_eq(&config(file).unwrap_err());
}

/// The container, how it is accessed, and with which identity.
fn check(file: &str, expected: &Expect) {
    let config = config(file).unwrap();
    let StoreKind::Blob(container) = &config.checkpoint.store else {
        panic!("not blobs: {:?}", config.checkpoint);
    };
    assert_eq!(config.event_hub.start, Start::Earliest);
    assert_eq!(container.wants_tokens(), config.store_credential.is_some());
    let credential = config
        .store_credential
        .map(|credential| format!("\n{:?}\n{}", credential.identity, credential.authority_host));
    let shown = format!("{container:?}{}", credential.unwrap_or_default());
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
    expected.assert_eq(&shown);
}

#[test]
fn a_container_has_a_url_or_a_connection_string_and_a_name() {
    check(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}\n"),
        &expect![[r#"
            Settings { url: "https://contoso.blob.core.windows.net/recordings", account: "contoso", access: Tokens }
            Managed { client_id: None }
            https://login.microsoftonline.com"#]],
    );
    check(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}{SAS}\n"),
        &expect![[
            r#"Settings { url: "https://contoso.blob.core.windows.net/recordings", account: "contoso", access: Sas(Secret) }"#
        ]],
    );
    check(
        &format!(
            "checkpoint:\n  store: blob\n  connection_string: {ACCOUNT}\n  container: recordings\n"
        ),
        &expect![[
            r#"Settings { url: "https://contoso.blob.core.windows.net/recordings", account: "contoso", access: SharedKey(Secret) }"#
        ]],
    );
}

#[test]
fn a_connection_string_of_the_account_may_be_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let text = format!(
        "checkpoint:\n  store: blob\n  connection_string_file: {path}\n  container: recordings\n"
    );
    std::fs::write(path, ACCOUNT).unwrap();
    assert!(matches!(
        config(&text).unwrap().checkpoint.store,
        StoreKind::Blob(container) if container.url().as_str() == URL
    ));
    std::fs::write(path, "c2VjcmV0").unwrap();
    let faults = config(&text).unwrap_err().replace(path, "x.txt");
    expect![[r#"
        config: 1 fault
          checkpoint.connection_string_file = `x.txt` (built-in x.yaml:3): its content must be `Key=Value` pairs with `;` between them: part 1 has no `=`"#]].assert_eq(&faults);
}

#[test]
fn one_way_to_a_container_is_enough() {
    check_faults(
        "checkpoint:\n  store: blob\n",
        &expect![[r#"
        config: 1 fault
          checkpoint.container_url (not set): set it, or `checkpoint.connection_string` and `checkpoint.container`: `checkpoint.store` is `blob`"#]],
    );
    check_faults(
        &format!(
            "checkpoint:\n  store: blob\n  container_url: {URL}\n  connection_string: {ACCOUNT}\n  container: recordings\n"
        ),
        &expect![[r#"
            config: 1 fault
              checkpoint.connection_string = <redacted> (built-in x.yaml:4): `checkpoint.container_url` is set too (built-in x.yaml:3): keep one of the two"#]],
    );
    check_faults(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}\n  container: recordings\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.container = `recordings` (built-in x.yaml:4): has no effect with `checkpoint.container_url`, which names the container"#]],
    );
    check_faults(
        &format!("checkpoint:\n  store: blob\n  connection_string: {ACCOUNT}\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.container (not set): set it: `checkpoint.connection_string` leads to a storage account, not to a container"#]],
    );
    check_faults(
        &format!(
            "checkpoint:\n  store: blob\n  connection_string: {ACCOUNT}\n  connection_string_file: /x\n  container: Re\n"
        ),
        &expect![[r#"
            config: 3 faults
              checkpoint.connection_string_file = `/x` (built-in x.yaml:4): cannot be read: No such file or directory (os error 2)
              checkpoint.connection_string_file = `/x` (built-in x.yaml:4): `checkpoint.connection_string` is set too (built-in x.yaml:3): keep one of the two
              checkpoint.container = `Re` (built-in x.yaml:5): must name a container: 3 to 63 lower case letters, digits and `-`, with a letter or digit at both ends and no two `-` together"#]],
    );
}

#[test]
fn what_leads_to_no_container_is_told_without_its_secret() {
    check_faults(
        "checkpoint:\n  store: blob\n  container_url: https://contoso.blob.core.windows.net\nauth:\n  client_secret: c2VjcmV0\n",
        &expect![[r#"
            config: 1 fault
              checkpoint.container_url = `https://contoso.blob.core.windows.net` (built-in x.yaml:3): must be the URL of a container, for example `https://ACCOUNT.blob.core.windows.net/CONTAINER`"#]],
    );
    check_faults(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}?sp=r&sig=c2VjcmV0\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.container_url = <redacted> (built-in x.yaml:3): must have a SAS for the container and its blobs that allows to read, write, delete and list: `sr=c` (or `ss=b`, `srt=co`) and `sp=rwdl`"#]],
    );
    check_faults(
        "checkpoint:\n  store: blob\n  connection_string: AccountKey=c2VjcmV0\n  container: recordings\n",
        &expect![[r#"
            config: 1 fault
              checkpoint.connection_string = <redacted> (built-in x.yaml:3): has no `AccountName`: copy the whole `DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...`"#]],
    );
}

#[test]
fn what_belongs_to_another_store_has_no_effect() {
    check_faults(
        &format!("checkpoint:\n  store: blob\n  path: /x\n  container_url: {URL}{SAS}\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.path = `/x` (built-in x.yaml:3): has no effect while `checkpoint.store` is `blob`: set `checkpoint.store` to `file`, or remove this key"#]],
    );
    check_faults(
        &format!("checkpoint:\n  container_url: {URL}\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.container_url = `https://contoso.blob.core.windows.net/recordings` (built-in x.yaml:2): has no effect while `checkpoint.store` is `memory`: set `checkpoint.store` to `blob`, or remove this key"#]],
    );
    check_faults(
        &format!(
            "checkpoint:\n  store: file\n  path: /x\n  connection_string: {ACCOUNT}\n  container: recordings\n"
        ),
        &expect![[r#"
            config: 2 faults
              checkpoint.connection_string = <redacted> (built-in x.yaml:4): has no effect while `checkpoint.store` is `file`: set `checkpoint.store` to `blob`, or remove this key
              checkpoint.container = `recordings` (built-in x.yaml:5): has no effect while `checkpoint.store` is `file`: set `checkpoint.store` to `blob`, or remove this key"#]],
    );
    check_faults(
        &format!("checkpoint:\n  store: blobs\n  path: /x\n  container_url: {URL}{SAS}\n"),
        &expect![[r#"
            config: 1 fault
              checkpoint.store = `blobs` (built-in x.yaml:2): must be one of `memory`, `file`, `blob`"#]],
    );
}

#[test]
fn a_container_that_wants_tokens_takes_the_credential_of_auth() {
    let auth = "auth:\n  tenant_id: t\n  client_id: c\n  client_secret: c2VjcmV0\n";
    check(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}\n{auth}"),
        &expect![[r#"
            Settings { url: "https://contoso.blob.core.windows.net/recordings", account: "contoso", access: Tokens }
            ClientSecret { application: Application { tenant_id: "t", client_id: "c" }, secret: Value(Secret) }
            https://login.microsoftonline.com"#]],
    );
    // It is checked as it is for a namespace.
    check_faults(
        &format!(
            "checkpoint:\n  store: blob\n  container_url: {URL}\nauth:\n  kind: workload_identity\n"
        ),
        &expect![[r#"
            config: 3 faults
              auth.tenant_id (not set): `workload_identity` needs it: set it, or the variable AZURE_TENANT_ID
              auth.client_id (not set): `workload_identity` needs it: set it, or the variable AZURE_CLIENT_ID
              auth.federated_token_file (not set): `workload_identity` needs it: set it, or the variable AZURE_FEDERATED_TOKEN_FILE"#]],
    );
    // One that has a SAS leaves nothing for it to do.
    check_faults(
        &format!("checkpoint:\n  store: blob\n  container_url: {URL}{SAS}\n{auth}"),
        &expect![[r#"
            config: 3 faults
              auth.tenant_id = `t` (built-in x.yaml:5): has no effect with `event_hub.connection_string` (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): use `event_hub.namespace` instead, or remove this key
              auth.client_id = `c` (built-in x.yaml:6): has no effect with `event_hub.connection_string` (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): use `event_hub.namespace` instead, or remove this key
              auth.client_secret = <redacted> (built-in x.yaml:7): has no effect with `event_hub.connection_string` (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): use `event_hub.namespace` instead, or remove this key"#]],
    );
}

#[test]
fn a_namespace_and_a_container_share_the_credential() {
    let file = format!(
        "event_hub:\n  namespace: contoso\n  names: [logs]\n  consumer_group: exporter\ncheckpoint:\n  store: blob\n  container_url: {URL}\n"
    );
    let file: &'static str = Box::leak(file.into_boxed_str());
    let config = load(sources(file, &[], &[])).unwrap();
    let Authentication::Credential(credential) = config.event_hub.namespace.authentication else {
        panic!("no credential");
    };
    assert_eq!(config.store_credential, Some(credential));
}

#[test]
fn azures_variables_count_where_a_token_is_wanted() {
    let load_with = |url: &str| {
        let file = format!("checkpoint:\n  store: blob\n  container_url: {url}\n");
        let mut sources = sources(Box::leak(file.into_boxed_str()), &least(), &[]);
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        sources.environment.extend([
            variable("AZURE_TENANT_ID", "t"),
            variable("AZURE_CLIENT_ID", "c"),
            variable("AZURE_FEDERATED_TOKEN_FILE", "/token"),
        ]);
        load(sources).unwrap().store_credential
    };
    let credential = load_with(URL).unwrap();
    expect![[r#"Workload { application: Application { tenant_id: "t", client_id: "c" }, token_file: "/token" }"#]].assert_eq(&format!("{:?}", credential.identity));
    assert_eq!(load_with(&format!("{URL}{SAS}")), None);
}

#[test]
fn a_lease_outlives_two_renewals() {
    let blob = format!("checkpoint:\n  store: blob\n  container_url: {URL}\n");
    let ownership = |section: &str| config(&format!("{blob}ownership: {{{section}}}\n"));
    let settings = ownership("interval: 1s, lease: 3s, hand_over_max: 1s")
        .unwrap()
        .ownership;
    assert_eq!(settings.interval, Duration::from_secs(1));
    assert_eq!(settings.lease, Duration::from_secs(3));
    assert_eq!(settings.hand_over_max, Duration::from_secs(1));

    let faults = |section: &str| ownership(section).unwrap_err();
    expect![[r#"
        config: 1 fault
          ownership.lease = `29s` (built-in x.yaml:4): must be at least three times `ownership.interval`, which is `10s`, so that two failed renewals do not lose the lease"#]].assert_eq(&faults("lease: 29s"));
    expect![[r#"
        config: 1 fault
          ownership.interval = `11s` (built-in x.yaml:4): must be at most a third of `ownership.lease`, which is `30s`: set both"#]].assert_eq(&faults("interval: 11s"));
    expect![[r#"
        config: 3 faults
          ownership.interval = `0s` (built-in x.yaml:4): must be between `1s` and `5m`
          ownership.lease = `1s` (built-in x.yaml:4): must be between `3s` and `30m`
          ownership.hand_over_max = `31m` (built-in x.yaml:4): must be between `1s` and `30m`"#]]
    .assert_eq(&faults("interval: 0s, lease: 1s, hand_over_max: 31m"));
}

#[test]
fn leases_are_in_a_container() {
    check_faults(
        "ownership:\n  interval: 10s\n  lease: 40s\n  hand_over_max: 5s\n",
        &expect![[r#"
            config: 2 faults
              ownership.lease = `40s` (built-in x.yaml:3): has no effect unless `checkpoint.store` is `blob`: replicas share partitions by leases in a container
              ownership.hand_over_max = `5s` (built-in x.yaml:4): has no effect unless `checkpoint.store` is `blob`: replicas share partitions by leases in a container"#]],
    );
    assert!(CONNECTION.contains("c2VjcmV0"), "what the checks look for");
}
