//! The binary: flags -> command -> exit code. The rest is in the library.

use std::process::ExitCode;

use acs_recording_exporter::Cli;
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a machine that runs programs has threads");
    let code = runtime.block_on(acs_recording_exporter::run(cli));
    // Whatever has not stopped by its deadline ends with the process.
    runtime.shutdown_background();
    code
}
