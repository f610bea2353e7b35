//! A real Azurite: Microsoft's emulator of Blob Storage, as `tests/interop/setup` installs it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::prometheus::free_address;
use crate::world::{Process, eventually, get, interop};

/// An Azurite that can be stopped and started again, and keeps what it has.
pub(crate) struct Azurite {
    process: Option<Process>,
    address: String,
    folder: TempDir,
}

/// The account that every Azurite has; its key is public.
const ACCOUNT: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Azurite {
    pub(crate) async fn start() -> Self {
        let mut azurite = Self {
            process: None,
            address: free_address(),
            folder: tempfile::tempdir().unwrap(),
        };
        azurite.start_again().await;
        azurite
    }

    /// Leads to all of its containers.
    pub(crate) fn connection_string(&self) -> String {
        format!("{ACCOUNT};BlobEndpoint={};", self.url())
    }

    /// Of the account.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/devstoreaccount1", self.address)
    }

    /// Ends it, with all that it has on disk: unlike the real one, it writes that only now and then.
    pub(crate) async fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal("TERM");
        process.ended().await;
    }

    /// At the same address, with what it had.
    pub(crate) async fn start_again(&mut self) {
        let (host, port) = self.address.split_once(':').unwrap();
        let script = script();
        let folder = self.folder.path().display().to_string();
        let arguments = [
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
        let process = Process::start(Path::new("node"), &arguments, &[]);
        eventually("Azurite answers", || async {
            let answer = get(&self.address, "/devstoreaccount1?comp=list").await;
            answer.map_err(|error| format!("{error}\n{}", process.written()))
        })
        .await;
        self.process = Some(process);
    }

    /// Lets it stand still, or go on.
    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().expect("it runs").signal(name);
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
