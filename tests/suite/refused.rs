//! Everything that an operator can get wrong at the start, and the exact words of the program for it: a wrong configuration
//! ends it at once, with every fault, and a world that is not there yet does not.
//!
//! `UPDATE_EXPECT=1 cargo test refused` accepts what the program says now; read the diff before you commit it.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::expect_file;
use tokio::time::Instant;

const KEY: &str = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0";

/// What is right beside what is wrong.
#[derive(Clone, Copy, PartialEq)]
enum Base {
    Nothing,
    /// The event hub and its consumer group.
    Hubs,
    /// These and a connection string: all that is needed.
    All,
}

/// What is wrong, and beside what; variables without their prefix, and flags.
type Case = (
    &'static str,
    Base,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const CASES: &[Case] = &[
    ("nothing is configured", Base::Nothing, &[], &[]),
    (
        "a flag that does not exist",
        Base::All,
        &[],
        &["--port", "9464"],
    ),
    (
        "a command that does not exist",
        Base::Nothing,
        &[],
        &["start"],
    ),
    // The file.
    (
        "no such file",
        Base::All,
        &[],
        &["--config", "nothing.yaml"],
    ),
    (
        "a directory for a file",
        Base::All,
        &[],
        &["--config", "folder"],
    ),
    (
        "a file that is not YAML",
        Base::All,
        &[],
        &["--config", "broken.yaml"],
    ),
    (
        "a file that is a list",
        Base::All,
        &[],
        &["--config", "list.yaml"],
    ),
    (
        "two documents in a file",
        Base::All,
        &[],
        &["--config", "two.yaml"],
    ),
    (
        "a file of 2 MB",
        Base::All,
        &[],
        &["--config", "large.yaml"],
    ),
    (
        "keys that do not exist, stand twice, or have the wrong kind of value",
        Base::All,
        &[],
        &["--config", "keys.yaml"],
    ),
    // Variables.
    (
        "a variable with single underscores",
        Base::All,
        &[("_LOG_LEVEL", "debug")],
        &[],
    ),
    (
        "a variable that is a section",
        Base::All,
        &[("LOG", "debug")],
        &[],
    ),
    // What is read.
    (
        "https:// before the namespace",
        Base::Hubs,
        &[(
            "EVENT_HUB__NAMESPACE",
            "https://contoso.servicebus.windows.net/",
        )],
        &[],
    ),
    (
        "a port after the namespace",
        Base::Hubs,
        &[(
            "EVENT_HUB__NAMESPACE",
            "contoso.servicebus.windows.net:5671",
        )],
        &[],
    ),
    (
        "a namespace and a connection string",
        Base::All,
        &[("EVENT_HUB__NAMESPACE", "contoso")],
        &[],
    ),
    (
        "a connection string without a key",
        Base::All,
        &[(
            "EVENT_HUB__CONNECTION_STRING",
            "Endpoint=sb://contoso.servicebus.windows.net/",
        )],
        &[],
    ),
    (
        "a connection string that is something else",
        Base::All,
        &[("EVENT_HUB__CONNECTION_STRING", "hunter2")],
        &[],
    ),
    (
        "a connection string of a storage account",
        Base::All,
        &[(
            "EVENT_HUB__CONNECTION_STRING",
            "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net",
        )],
        &[],
    ),
    (
        "TLS off for a host in Azure",
        Base::All,
        &[(
            "EVENT_HUB__CONNECTION_STRING",
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true",
        )],
        &[],
    ),
    (
        "a connection string in a file that is not there",
        Base::Hubs,
        &[("EVENT_HUB__CONNECTION_STRING_FILE", "nothing")],
        &[],
    ),
    (
        "a directory for a secret",
        Base::Hubs,
        &[("EVENT_HUB__CONNECTION_STRING_FILE", "folder")],
        &[],
    ),
    (
        "an empty file for a secret",
        Base::Hubs,
        &[("EVENT_HUB__CONNECTION_STRING_FILE", "empty")],
        &[],
    ),
    (
        "a file with two secrets",
        Base::Hubs,
        &[("EVENT_HUB__CONNECTION_STRING_FILE", "two-secrets")],
        &[],
    ),
    (
        "several bad items in a list",
        Base::All,
        &[
            ("EVENT_HUB__NAMES", "logs, a b, logs, https://c, d"),
            (
                "DELIVERY__SCRAPERS_FROM",
                "10.0.0.0/8, 10.0.0.300, prometheus",
            ),
        ],
        &[],
    ),
    ("an empty list", Base::All, &[("EVENT_HUB__NAMES", "")], &[]),
    (
        "no consumer group",
        Base::Nothing,
        &[
            ("EVENT_HUB__CONNECTION_STRING", KEY),
            ("EVENT_HUB__NAMES", "logs"),
        ],
        &[],
    ),
    (
        "an empty consumer group",
        Base::All,
        &[("EVENT_HUB__CONSUMER_GROUP", " ")],
        &[],
    ),
    (
        "a start that is no time",
        Base::All,
        &[("EVENT_HUB__START", "yesterday")],
        &[],
    ),
    (
        "a transport that does not exist",
        Base::All,
        &[("EVENT_HUB__TRANSPORT", "kafka")],
        &[],
    ),
    // As whom.
    (
        "an identity that lacks half of itself",
        Base::Hubs,
        &[
            ("EVENT_HUB__NAMESPACE", "contoso"),
            ("AUTH__KIND", "client_secret"),
            ("AUTH__CLIENT_SECRET", "hunter2"),
        ],
        &[],
    ),
    (
        "two secrets",
        Base::Hubs,
        &[
            ("EVENT_HUB__NAMESPACE", "contoso"),
            ("AUTH__TENANT_ID", "contoso.com"),
            ("AUTH__CLIENT_ID", "00000000-0000-0000-0000-000000000000"),
            ("AUTH__CLIENT_SECRET", "hunter2"),
            ("AUTH__CLIENT_SECRET_FILE", "two-secrets"),
        ],
        &[],
    ),
    (
        "an identity beside a connection string",
        Base::All,
        &[("AUTH__KIND", "managed_identity")],
        &[],
    ),
    (
        "an authority in plain text",
        Base::Hubs,
        &[
            ("EVENT_HUB__NAMESPACE", "contoso"),
            ("AUTH__AUTHORITY_HOST", "http://login.microsoftonline.com"),
        ],
        &[],
    ),
    // Where positions are kept.
    (
        "a file store without a path",
        Base::All,
        &[("CHECKPOINT__STORE", "file")],
        &[],
    ),
    (
        "a checkpoint in a folder that is not there",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "file"),
            ("CHECKPOINT__PATH", "nothing/checkpoint.json"),
        ],
        &[],
    ),
    (
        "a checkpoint that is a folder",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "file"),
            ("CHECKPOINT__PATH", "folder"),
        ],
        &[],
    ),
    (
        "a checkpoint that is something else",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "file"),
            ("CHECKPOINT__PATH", "list.yaml"),
        ],
        &[],
    ),
    (
        "a container without its account",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "blob"),
            ("CHECKPOINT__CONTAINER", "positions"),
        ],
        &[],
    ),
    (
        "a container that is no URL of one",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "blob"),
            (
                "CHECKPOINT__CONTAINER_URL",
                "https://contoso.blob.core.windows.net/",
            ),
        ],
        &[],
    ),
    (
        "a lease that renewals cannot keep",
        Base::All,
        &[
            ("CHECKPOINT__STORE", "blob"),
            (
                "CHECKPOINT__CONTAINER_URL",
                "https://contoso.blob.core.windows.net/positions?sv=1&sig=c2VjcmV0",
            ),
            ("OWNERSHIP__LEASE", "5s"),
        ],
        &[],
    ),
    // What is served.
    (
        "a host name to listen on",
        Base::All,
        &[],
        &["--listen", "localhost:9464"],
    ),
    (
        "a port that does not exist",
        Base::All,
        &[],
        &["--web.listen-address", ":99999"],
    ),
    (
        "an address of another machine",
        Base::All,
        &[],
        &["--listen", "192.0.2.1:9464"],
    ),
    (
        "no such web configuration file",
        Base::All,
        &[],
        &["--web.config.file", "nothing.yml"],
    ),
    (
        "a web configuration file with faults, beside others",
        Base::All,
        &[("LOG__LEVEL", "loud")],
        &["--web.config.file", "web.yml"],
    ),
    (
        "a certificate with the key of another",
        Base::All,
        &[],
        &["--web.config.file", "pair.yml"],
    ),
    // The rest.
    (
        "numbers without their units, and outside of their ranges",
        Base::All,
        &[
            ("SHUTDOWN__DEADLINE", "25"),
            ("WATCHDOG__INTERVAL", "1ms"),
            ("EVENT_HUB__PREFETCH_BYTES", "1024"),
            ("METRICS__LABEL_VALUES_MAX", "0"),
            ("DELIVERY__SCRAPERS", "none"),
        ],
        &[],
    ),
    (
        "values that do not go together",
        Base::All,
        &[
            ("SHUTDOWN__DEADLINE", "5s"),
            ("WATCHDOG__DEAD_AFTER", "10s"),
            ("METRICS__RESOURCES_ONLY", "true"),
        ],
        &[],
    ),
    (
        "buckets that fall",
        Base::All,
        &[("METRICS__BUCKETS__OPERATION_DURATION", "1, 0.5")],
        &[],
    ),
    (
        "a file for the folder of dead letters",
        Base::All,
        &[("DEAD_LETTERS__DIRECTORY", "list.yaml")],
        &[],
    ),
    (
        "a folder for dead letters to which all may write",
        Base::All,
        &[("DEAD_LETTERS__DIRECTORY", "open")],
        &[],
    ),
    (
        "a folder for dead letters that cannot be created",
        Base::All,
        &[("DEAD_LETTERS__DIRECTORY", "list.yaml/letters")],
        &[],
    ),
    (
        "a log level and a format that do not exist",
        Base::All,
        &[("LOG__LEVEL", "loud")],
        &["--log.format", "xml"],
    ),
];

fn files(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    for name in ["folder", "open"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let all = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
    fs::set_permissions(folder.join("open"), all).unwrap();
    write("broken.yaml", "http:\n  listen: a\n b: [\n");
    write("list.yaml", "- a\n- b\n");
    write(
        "two.yaml",
        "log:\n  level: info\n---\nlog:\n  level: debug\n",
    );
    write("large.yaml", &"# nothing\n".repeat(200_000));
    write(
        "keys.yaml",
        "http:\n  lisetn: 0.0.0.0:1\n  listen: [a]\nlog:\n  level: info\n  level: debug\ntls: yes\n",
    );
    write("empty", "\n");
    write("two-secrets", &format!("{KEY}\n{KEY}\n"));
    write(
        "web.yml",
        "tls_server_config:\n  cert_file: nothing.crt\n  client_auth_type: Always\nbasic_auth_users:\n  alice: hunter2\n",
    );
    for name in ["one", "other"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new([])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        write(&format!("{name}.crt"), &certificate.pem());
        write(&format!("{name}.key"), &key.serialize_pem());
    }
    write(
        "pair.yml",
        "tls_server_config: {cert_file: one.crt, key_file: other.key}\n",
    );
}

#[test]
fn every_mistake_ends_the_program_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let mut told = String::new();
    for (what, base, variables, flags) in CASES {
        let mut command = program(folder.path(), *base);
        let variables = variables
            .iter()
            .map(|(name, value)| (variable(name), value));
        let (code, text) = answer(command.envs(variables).args(*flags));
        // The log may have begun.
        let text = text.replace(&format!("{}/", folder.path().display()), "");
        let lines = text.lines().filter(|line| !line.starts_with('{'));
        let lines: Vec<_> = lines.map(|line| format!("    {line}\n")).collect();
        writeln!(told, "# {what}: {code}\n\n{}", lines.concat()).unwrap();
    }
    assert!(
        !told.contains("hunter2") && !told.contains("c2VjcmV0"),
        "{told}"
    );
    expect_file!["../data/refused.txt"].assert_eq(&told);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path(), Base::All);
    let answer = command.args(["--listen", &address]).output().unwrap();
    let text = String::from_utf8(answer.stderr).unwrap();
    let expected =
        format!("cannot listen on `{address}`: choose another address with `http.listen`");
    assert!(text.contains(&expected), "{text}");
    assert_eq!(answer.status.code(), Some(1));
}

/// How it ends, and what it writes. What does not end within some seconds goes on.
fn answer(command: &mut Command) -> (String, String) {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let code = loop {
        match child.try_wait().unwrap() {
            Some(status) => break format!("exit code {}", status.code().unwrap()),
            None if begun.elapsed() > Duration::from_secs(20) => break "goes on".to_owned(),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    // It may have ended by itself.
    let _killed = child.kill();
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let _reaped = child.wait();
    (code, text)
}

fn variable(name: &str) -> String {
    let prefix = if name.starts_with('_') { "" } else { "__" };
    format!("ACS_RECORDING_EXPORTER{prefix}{name}")
}

/// The program in a folder, with no variables but those of its base.
fn program(folder: &Path, base: Base) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    if base != Base::Nothing {
        command.env(variable("EVENT_HUB__NAMES"), "logs");
        command.env(variable("EVENT_HUB__CONSUMER_GROUP"), "exporter");
    }
    if base == Base::All {
        command.env(variable("EVENT_HUB__CONNECTION_STRING"), KEY);
    }
    command
}
