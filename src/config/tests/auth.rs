//! The section `auth`: what it comes to, or the text of its faults.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them so"
)]

use expect_test::{Expect, expect};

use crate::config::{File, Sources, load};
use crate::source::event_hub::Authentication;

const NAMESPACE: &str =
    "event_hub:\n  namespace: contoso\n  names: [logs]\n  consumer_group: exporter\n";
const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "tenant");
const CLIENT: (&str, &str) = ("AZURE_CLIENT_ID", "client");
const SECRET: (&str, &str) = ("AZURE_CLIENT_SECRET", "c2VjcmV0");

/// What a file and variables come to: the credential, or the faults.
fn check(file: String, environment: &[(&str, &str)], expected: &Expect) {
    let text: &'static str = Box::leak(file.into_boxed_str());
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let loaded = load(Sources {
        file: Some(File::Embedded {
            name: "x.yaml",
            text,
        }),
        environment: environment.collect(),
        flags: Vec::new(),
    });
    let shown = match loaded {
        Ok(config) => match config.event_hub.namespace.authentication {
            Authentication::Credential(credential) => format!(
                "{:?}\n{}\n{}",
                credential.identity, credential.authority_host, credential.reason
            ),
            other => format!("{other:?}"),
        },
        Err(error) => error.to_string(),
    };
    assert!(!shown.contains("c2VjcmV0"), "a secret is shown: {shown}");
    expected.assert_eq(&shown);
}

fn with_auth(section: &str) -> String {
    format!("{NAMESPACE}auth:\n{section}")
}

#[test]
fn auto_goes_by_what_is_there() {
    check(
        NAMESPACE.to_owned(),
        &[],
        &expect![[r#"
        Managed { client_id: None }
        https://login.microsoftonline.com
        neither a federated token, a secret nor a certificate is set"#]],
    );
    check(
        NAMESPACE.to_owned(),
        &[TENANT, CLIENT],
        &expect![[r#"
        Managed { client_id: Some("client") }
        https://login.microsoftonline.com
        neither a federated token, a secret nor a certificate is set"#]],
    );
    check(
        NAMESPACE.to_owned(),
        &[TENANT, CLIENT, SECRET],
        &expect![[r#"
            ClientSecret { application: Application { tenant_id: "tenant", client_id: "client" }, secret: Value(Secret) }
            https://login.microsoftonline.com
            `auth.client_secret` is set (variable AZURE_CLIENT_SECRET)"#]],
    );
    check(
        NAMESPACE.to_owned(),
        &[
            TENANT,
            CLIENT,
            SECRET,
            ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
            ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
        ],
        &expect![[r#"
            Workload { application: Application { tenant_id: "tenant", client_id: "client" }, token_file: "/token" }
            https://login.microsoftonline.us
            `auth.federated_token_file` is set (variable AZURE_FEDERATED_TOKEN_FILE)"#]],
    );
    check(
        with_auth("  client_certificate_file: /tls.pem\n"),
        &[TENANT, CLIENT, SECRET],
        &expect![[r#"
            ClientCertificate { application: Application { tenant_id: "tenant", client_id: "client" }, file: "/tls.pem" }
            https://login.microsoftonline.com
            `auth.client_certificate_file` is set (built-in x.yaml:6)"#]],
    );
}

#[test]
fn what_a_kind_lacks_is_asked_for() {
    check(
        NAMESPACE.to_owned(),
        &[SECRET],
        &expect![[r#"
        config: 2 faults
          auth.tenant_id (not set): `client_secret` needs it: set it, or the variable AZURE_TENANT_ID
          auth.client_id (not set): `client_secret` needs it: set it, or the variable AZURE_CLIENT_ID"#]],
    );
    check(
        with_auth("  kind: client_secret\n"),
        &[TENANT, CLIENT],
        &expect![[r#"
            config: 1 fault
              auth.client_secret (not set): `client_secret` needs it: set it or `auth.client_secret_file`, or the variable AZURE_CLIENT_SECRET"#]],
    );
    check(
        with_auth("  kind: client_certificate\n"),
        &[],
        &expect![[r#"
            config: 3 faults
              auth.tenant_id (not set): `client_certificate` needs it: set it, or the variable AZURE_TENANT_ID
              auth.client_id (not set): `client_certificate` needs it: set it, or the variable AZURE_CLIENT_ID
              auth.client_certificate_file (not set): `client_certificate` needs it: set it, or the variable AZURE_CLIENT_CERTIFICATE_PATH"#]],
    );
    check(
        with_auth("  kind: workload_identity\n"),
        &[TENANT, CLIENT, ("AZURE_FEDERATED_TOKEN_FILE", "")],
        &expect![[r#"
            config: 1 fault
              auth.federated_token_file (not set): `workload_identity` needs it: set it, or the variable AZURE_FEDERATED_TOKEN_FILE"#]],
    );
}

#[test]
fn what_has_no_effect_is_a_fault_unless_azure_has_set_it() {
    check(
        with_auth("  kind: managed_identity\n  tenant_id: t\n  client_secret: c2VjcmV0\n"),
        &[CLIENT],
        &expect![[r#"
            config: 2 faults
              auth.tenant_id = `t` (built-in x.yaml:7): has no effect with a credential of the kind `managed_identity`, chosen because `auth.kind` is set (built-in x.yaml:6)
              auth.client_secret = <redacted> (built-in x.yaml:8): has no effect with a credential of the kind `managed_identity`, chosen because `auth.kind` is set (built-in x.yaml:6)"#]],
    );
    check(
        with_auth("  kind: managed_identity\n"),
        &[TENANT, SECRET],
        &expect![[r#"
            Managed { client_id: None }
            https://login.microsoftonline.com
            `auth.kind` is set (built-in x.yaml:6)"#]],
    );
    check(
        with_auth("  tenant_id: t\n"),
        &[],
        &expect![[r#"
            config: 1 fault
              auth.tenant_id = `t` (built-in x.yaml:6): has no effect with a credential of the kind `managed_identity`, chosen because neither a federated token, a secret nor a certificate is set"#]],
    );
    check(
        with_auth("  client_secret: c2VjcmV0\n  client_secret_file: /secret\n"),
        &[TENANT, CLIENT],
        &expect![[r#"
            config: 1 fault
              auth.client_secret_file = `/secret` (built-in x.yaml:7): `auth.client_secret` is set too (built-in x.yaml:6): keep one of the two"#]],
    );
    check(
        with_auth("  client_secret_file: /secret\n"),
        &[TENANT, CLIENT, SECRET],
        &expect![[r#"
            ClientSecret { application: Application { tenant_id: "tenant", client_id: "client" }, secret: File("/secret") }
            https://login.microsoftonline.com
            `auth.client_secret_file` is set (built-in x.yaml:6)"#]],
    );
}

#[test]
fn a_connection_string_needs_no_identity() {
    const CONNECTION: (&str, &str) = (
        "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
        "Endpoint=sb://a.b/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0;EntityPath=logs",
    );
    let file = "event_hub:\n  consumer_group: exporter\n";
    check(
        file.to_owned(),
        &[CONNECTION, SECRET, ("AZURE_AUTHORITY_HOST", "no address")],
        &expect!["ConnectionString(Secret)"],
    );
    check(
        format!("{file}auth:\n  client_secret: c2VjcmV0\n"),
        &[CONNECTION],
        &expect![[r#"
            config: 1 fault
              auth.client_secret = <redacted> (built-in x.yaml:4): has no effect with `event_hub.connection_string` (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): use `event_hub.namespace` instead, or remove this key"#]],
    );
}

#[test]
fn a_cloud_is_known_by_its_namespaces_and_can_be_named() {
    let china = NAMESPACE.replace("contoso", "contoso.servicebus.chinacloudapi.cn");
    check(
        china.clone(),
        &[],
        &expect![[r#"
        Managed { client_id: None }
        https://login.chinacloudapi.cn
        neither a federated token, a secret nor a certificate is set"#]],
    );
    check(
        format!("{china}auth:\n  authority_host: http://login.example\n  client_id: a b\n"),
        &[],
        &expect![[r#"
            config: 2 faults
              auth.client_id = `a b` (built-in x.yaml:7): must be the client id (application id) of an application or a managed identity
              auth.authority_host = `http://login.example` (built-in x.yaml:6): must be the address of an identity service, for example `https://login.microsoftonline.us`, without a path"#]],
    );
}
