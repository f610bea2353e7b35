//! A real Azurite: Microsoft's emulator of Blob Storage, as `tests/interop/setup` installs it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::azure::Certificate;
use crate::prometheus::free_address;
use crate::world::{Process, Signal, eventually, interop};

/// An Azurite that can be stopped and started again, and keeps what it has.
pub(crate) struct Azurite {
    process: Option<Process>,
    address: String,
    folder: TempDir,
    is_entered_by_token: bool,
}

/// The account that every Azurite has; its key is public.
const ACCOUNT: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Azurite {
    pub(crate) async fn start() -> Self {
        let mut azurite = Self::new();
        azurite.start_again().await;
        azurite
    }

    /// One that is reached over TLS, and takes tokens.
    pub(crate) async fn start_with_tokens(certificate: &Certificate) -> Self {
        let mut azurite = Self {
            is_entered_by_token: true,
            ..Self::new()
        };
        let pem = certificate.signed.pem();
        fs::write(azurite.file("certificate.pem"), pem).unwrap();
        fs::write(azurite.file("key.pem"), certificate.key.serialize_pem()).unwrap();
        azurite.start_again().await;
        azurite
    }

    fn new() -> Self {
        Self {
            process: None,
            address: free_address(),
            folder: tempfile::tempdir().unwrap(),
            is_entered_by_token: false,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Leads to all of its containers.
    pub(crate) fn connection_string(&self) -> String {
        format!("{ACCOUNT};BlobEndpoint={};", self.url())
    }

    /// Of the account.
    pub(crate) fn url(&self) -> String {
        if self.is_entered_by_token {
            let (_, port) = self.address.split_once(':').unwrap();
            return format!("https://localhost:{port}/devstoreaccount1");
        }
        format!("http://{}/devstoreaccount1", self.address)
    }

    /// Ends it, with all that it has on disk: unlike the real one, it writes that only now and then.
    pub(crate) async fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(Signal::TERM);
        process.ended().await;
    }

    /// At the same address, with what it had.
    pub(crate) async fn start_again(&mut self) {
        let (host, port) = self.address.split_once(':').unwrap();
        let script = script();
        let folder = self.file("");
        let (certificate, key) = (self.file("certificate.pem"), self.file("key.pem"));
        let mut arguments = vec![
            script.to_str().unwrap(),
            "--blobHost",
            host,
            "--blobPort",
            port,
            "--location",
            &folder,
            "--silent",
            "--skipApiVersionCheck",
            "--loose",
            // Without it, it calls home.
            "--disableTelemetry",
        ];
        if self.is_entered_by_token {
            arguments.extend(["--oauth", "basic", "--cert", &certificate, "--key", &key]);
        }
        let process = Process::start(Path::new("node"), &arguments, &[]);
        eventually("Azurite listens", || async {
            let connecting = TcpStream::connect(&self.address).await;
            connecting.map_err(|error| format!("{error}\n{}", process.written()))
        })
        .await;
        self.process = Some(process);
    }

    /// Lets it stand still, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }
}

fn script() -> PathBuf {
    let script = PathBuf::from(interop("azurite/node_modules/.bin/azurite-blob"));
    assert!(
        script.exists(),
        "no `{}`: run `tests/interop/setup` first",
        script.display()
    );
    script
}
