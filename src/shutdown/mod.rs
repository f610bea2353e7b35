//! How the process is stopped: signals -> token.

mod settings;

use std::convert::Infallible;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) use settings::Settings;

/// The exit code that a shell reports of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Waits for SIGTERM or SIGINT and cancels `stop`; another signal ends the process at once. Never returns otherwise.
///
/// # Errors
///
/// When the system does not let the process handle the signals.
pub(crate) async fn on_signals(stop: CancellationToken) -> io::Result<Infallible> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let name = next().await;
    tracing::info!(
        signal = name,
        "stopping on a signal: a second signal ends the process at once"
    );
    stop.cancel();
    next().await;
    #[expect(
        clippy::exit,
        reason = "a second signal means that the first took too long"
    )]
    std::process::exit(INTERRUPTED)
}
