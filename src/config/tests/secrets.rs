//! Connection strings, the files that they are in, and secrets that stand in the wrong place.

use super::*;

#[test]
fn a_connection_string_may_name_its_hub() {
    let connection = format!("{CONNECTION};EntityPath=Logs");
    let flags = [
        (
            "--connection-string",
            "event_hub.connection_string",
            connection.as_str(),
        ),
        ("--consumer-group", "event_hub.consumer_group", "exporter"),
    ];
    let settings = load(sources("", &[], &flags))
        .expect("nothing is missing")
        .event_hub;
    assert_eq!(settings.event_hubs, ["Logs"]);
    let settings = load(sources("event_hub: {names: [logs]}", &[], &flags))
        .expect("the two agree")
        .event_hub;
    assert_eq!(settings.event_hubs, ["logs"]);
    assert!(
        !format!("{settings:?}").contains("c2VjcmV0"),
        "{settings:?}"
    );
}

#[test]
fn a_connection_string_may_be_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let flags = [
        ("--file", "event_hub.connection_string_file", path),
        ("--consumer-group", "event_hub.consumer_group", "exporter"),
    ];
    std::fs::write(path, format!("{CONNECTION};EntityPath=logs\n")).unwrap();
    let settings = load(sources("", &[], &flags))
        .expect("nothing is missing")
        .event_hub;
    assert_eq!(settings.event_hubs, ["logs"]);
    assert_eq!(settings.namespace.host, "contoso.servicebus.windows.net");
    assert_eq!(
        settings.namespace.authentication,
        Authentication::ConnectionStringFile(path.into())
    );

    let fault = |content: &str| {
        std::fs::write(path, content).unwrap();
        let error = load(sources("", &[], &flags)).unwrap_err().to_string();
        assert!(!error.contains("c2VjcmV0"), "{error}");
        error.replace(path, "x.txt")
    };
    expect![[r#"
        config: 1 fault
          event_hub.connection_string_file = `x.txt` (flag --file): its content must be `Key=Value` pairs with `;` between them: part 1 has no `=`"#]]
    .assert_eq(&fault("c2VjcmV0"));
    expect![[r#"
        config: 1 fault
          event_hub.connection_string_file = `x.txt` (flag --file): cannot be read: is empty"#]]
    .assert_eq(&fault(""));
}

#[test]
fn no_connection_string_turns_tls_off_for_azure() {
    let connection = format!("{CONNECTION};UseDevelopmentEmulator=true");
    let flag = ("--x", "event_hub.connection_string", connection.as_str());
    check_faults(
        sources("", &least(), &[flag]),
        &expect![[r#"
        config: 1 fault
          event_hub.connection_string = <redacted> (flag --x): its `UseDevelopmentEmulator=true` turns TLS off, but its `Endpoint` is in Azure: remove `UseDevelopmentEmulator`"#]],
    );
}

/// Whatever is pasted into whatever key: no fault repeats it. What passes the check of a key is recognised by its shape, so
/// that no error repeats it either.
#[test]
fn a_secret_under_the_wrong_key_is_not_repeated() {
    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let secrets = [
        KEY.to_owned(),
        CONNECTION.replace("c2VjcmV0", KEY),
        format!("AccountName=contoso;AccountKey={KEY}"),
        format!("https://contoso.blob.core.windows.net/c?sr=c&sp=rwdl&sig={KEY}"),
        format!("SharedAccessSignature sr=a&sig={KEY}&se=1&skn=n"),
        format!("https://user:{KEY}@contoso.servicebus.windows.net"),
        format!("eyJhbGciOiJub25lIn0.{}.", KEY.trim_end_matches('=')),
        format!("abc8Q~{}", KEY.trim_end_matches('=')),
    ];
    for (key, secret) in KEYS
        .iter()
        .flat_map(|key| secrets.iter().map(move |secret| (key, secret)))
    {
        let variable = key.variable();
        let name = variable.trim_start_matches("ACS_RECORDING_EXPORTER__");
        let mut environment = least();
        environment.retain(|(other, _)| *other != name);
        environment.push((name, secret));
        match load(sources("", &environment, &[])) {
            Ok(_) => assert!(looks_secret(secret), "{} = {secret}", key.name),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                assert!(
                    !shown.contains("MDEyMzQ1"),
                    "{} = {secret}: {shown}",
                    key.name
                );
            }
        }
    }
}
