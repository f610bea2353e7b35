//! The binary: flags -> command -> exit code. The rest is in the library.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use acs_recording_exporter::Cli;
use tokio::runtime::Builder;

/// Reading and counting keep no more busy, and a thread for each processor of a large machine may be more than a limit on
/// threads allows.
const WORKERS_MAX: usize = 8;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread()
        .worker_threads(processors.min(WORKERS_MAX))
        .enable_all()
        .build()
        .expect("a machine that runs programs has threads");
    let code = runtime.block_on(acs_recording_exporter::run(cli));
    // Whatever has not stopped by its deadline ends with the process.
    runtime.shutdown_background();
    code
}
