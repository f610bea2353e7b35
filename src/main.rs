//! The binary: flags -> command -> exit code. The library is where to read on.

use std::process::ExitCode;

use acs_recording_exporter::cli::{self, Cli};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
