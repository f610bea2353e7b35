//! URLs and connection strings, right and wrong.

use super::*;

const SAS: &str = "sv=2023-11-03&sr=c&sp=racwdl&se=2030-01-01T00%3A00%3A00Z&sig=c2VjcmV0%2Bs%3D";

/// The URL, the account and the way in; or the error. Neither shows a secret.
fn check(read: Result<Settings, InvalidContainer>, expected: &str) {
    let shown = match &read {
        Ok(settings) => format!(
            "{} {} {:?}",
            settings.url, settings.account, settings.access
        ),
        Err(error) => format!("{error:?}"),
    };
    assert_eq!(shown, expected);
    let all = match read {
        Ok(settings) => format!("{settings:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!all.contains("c2VjcmV0"), "a secret is shown: {all}");
}

#[test]
fn a_url_leads_to_a_container() {
    let url = |text: &str, expected| check(Settings::of_container_url(text), expected);
    url(
        "https://contoso.blob.core.windows.net/recordings",
        "https://contoso.blob.core.windows.net/recordings contoso Tokens",
    );
    url(
        "https://contoso.blob.core.chinacloudapi.cn/recordings/",
        "https://contoso.blob.core.chinacloudapi.cn/recordings contoso Tokens",
    );
    url(
        &format!("https://contoso.blob.core.windows.net/recordings?{SAS}"),
        "https://contoso.blob.core.windows.net/recordings contoso Sas(Secret)",
    );
    url(
        &format!("http://127.0.0.1:10000/devstoreaccount1/recordings?{SAS}"),
        "http://127.0.0.1:10000/devstoreaccount1/recordings devstoreaccount1 Sas(Secret)",
    );
    url(
        "https://127.0.0.1:10000/devstoreaccount1/recordings",
        "https://127.0.0.1:10000/devstoreaccount1/recordings devstoreaccount1 Tokens",
    );
}

#[test]
fn a_url_that_leads_nowhere_is_told_why() {
    let url = |text: &str, expected| check(Settings::of_container_url(text), expected);
    url("contoso", "Url");
    url("ftp://contoso.blob.core.windows.net/recordings", "Url");
    url("https://contoso.blob.core.windows.net", "Url");
    url(
        "https://contoso.blob.core.windows.net/recordings/blob",
        "Url",
    );
    url("https://127.0.0.1:10000/recordings", "Url");
    url(
        "https://u:c2VjcmV0@contoso.blob.core.windows.net/recordings",
        "Url",
    );
    url(
        "https://contoso.blob.core.windows.net/recordings#c2VjcmV0",
        "Url",
    );
    url("https://contoso.blob.core.windows.net/Recordings", "Name");
    url("https://contoso.blob.core.windows.net/re--cordings", "Name");
    url("https://contoso.blob.core.windows.net/-recordings", "Name");
    url("https://contoso.blob.core.windows.net/$root", "Name");
    url("http://contoso.blob.core.windows.net/recordings", "Http");
    url(
        &format!("http://azurite:10000/devstoreaccount1/recordings?{SAS}"),
        "Http",
    );
    url(
        "http://127.0.0.1:10000/devstoreaccount1/recordings",
        "TokensOverHttp",
    );
    url(
        "https://contoso.blob.core.windows.net/recordings?comp=list",
        "NoSignature",
    );
    url(
        "https://contoso.blob.core.windows.net/recordings?sp=rl&sig=c2VjcmV0",
        "Rights",
    );
    url(
        "https://contoso.blob.core.windows.net/recordings?sr=b&sp=rwdl&sig=c2VjcmV0",
        "Rights",
    );
    url(
        "https://contoso.blob.core.windows.net/recordings?ss=q&srt=sco&sp=rwdl&sig=c2VjcmV0",
        "Rights",
    );
}

#[test]
fn a_connection_string_leads_to_an_account() {
    let string = |text: &str, expected| {
        check(Settings::of_connection_string(text, "recordings"), expected);
    };
    string(
        "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net",
        "https://contoso.blob.core.windows.net/recordings contoso SharedKey(Secret)",
    );
    string(
        " AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.usgovcloudapi.net;\n",
        "https://contoso.blob.core.usgovcloudapi.net/recordings contoso SharedKey(Secret)",
    );
    string(
        &format!(
            "BlobEndpoint=https://contoso.blob.core.windows.net/;QueueEndpoint=https://contoso.queue.core.windows.net/;SharedAccessSignature={SAS}"
        ),
        "https://contoso.blob.core.windows.net/recordings contoso Sas(Secret)",
    );
    string(
        "UseDevelopmentStorage=true",
        "http://127.0.0.1:10000/devstoreaccount1/recordings devstoreaccount1 SharedKey(Secret)",
    );
    string(
        "BlobEndpoint=http://127.0.0.1:4242/devstoreaccount1",
        "http://127.0.0.1:4242/devstoreaccount1/recordings devstoreaccount1 SharedKey(Secret)",
    );
    // The key of every emulator is not a secret.
    string(
        "BlobEndpoint=http://azurite:10000/devstoreaccount1",
        "http://azurite:10000/devstoreaccount1/recordings devstoreaccount1 SharedKey(Secret)",
    );
}

#[test]
fn a_connection_string_that_leads_nowhere_is_told_why() {
    let string = |text: &str, expected| {
        check(Settings::of_connection_string(text, "recordings"), expected);
    };
    string("c2VjcmV0", "Pairs(NoValue(1))");
    string("'AccountName=contoso;AccountKey=c2VjcmV0'", "Pairs(Quoted)");
    string("", "Missing(\"AccountName\")");
    string(
        "AccountName=contoso;accountname=contoso",
        "Pairs(Twice(\"AccountName\"))",
    );
    string(
        "AccountName=contoso;AccountKey=",
        "Pairs(Empty(\"AccountKey\"))",
    );
    string("AccountKey=c2VjcmV0", "Missing(\"AccountName\")");
    string("AccountName=contoso", "Missing(\"AccountKey\")");
    string("AccountName=contoso;AccountKey=c2VjcmV0!", "Key");
    string(
        "AccountName=contoso;AccountKey=c2VjcmV0;SharedAccessSignature=sig=c2VjcmV0",
        "KeyAndSignature",
    );
    string(
        "AccountName=contoso;SharedAccessSignature=c2VjcmV0",
        "NoSignature",
    );
    string(
        "AccountName=contoso/c2VjcmV0;AccountKey=c2VjcmV0",
        "Endpoint",
    );
    string(
        "BlobEndpoint=contoso;AccountName=contoso;AccountKey=c2VjcmV0",
        "Endpoint",
    );
    string(
        "DefaultEndpointsProtocol=http;AccountName=contoso;AccountKey=c2VjcmV0",
        "Http",
    );
    string(
        "AccountName=devstoreaccount1;AccountKey=c2VjcmV0;BlobEndpoint=http://azurite:10000/devstoreaccount1",
        "Http",
    );
    let read = Settings::of_connection_string("UseDevelopmentStorage=true", "Recordings");
    check(read, "Name");
}

#[test]
fn a_file_is_read_anew_and_must_lead_to_the_same_container() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |text: &str| std::fs::write(file.path(), text).unwrap();
    let read = || Settings::of_connection_string_file(file.path(), "recordings");
    write("");
    assert!(matches!(read(), Err(UnusableFile::Unreadable(_))));
    write("AccountName=contoso");
    let error = read().unwrap_err().to_string();
    assert!(
        error.starts_with("its content has no `AccountKey`"),
        "{error}"
    );

    write("AccountName=contoso;AccountKey=Zmlyc3Q=\n");
    let settings = read().unwrap();
    assert!(!settings.wants_tokens());
    assert_eq!(settings.container(), "recordings");
    write("AccountName=contoso;AccountKey=c2Vjb25k\n");
    assert_eq!(
        settings.current(file.path()).unwrap(),
        Access::SharedKey("c2Vjb25k".into())
    );
    write("AccountName=fabrikam;AccountKey=c2Vjb25k\n");
    let error = settings.current(file.path()).unwrap_err().to_string();
    assert!(error.contains("leads to another container"), "{error}");
}
