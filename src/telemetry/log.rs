//! The log: to standard error, for eyes or for a log store.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use super::recent::{self, Recent};
use super::redaction::redacted;
use super::settings::{Format, Settings};

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the log is started already")]
pub(crate) struct LogError(#[source] TryInitError);

/// Starts the log, for the whole process, and remembers its last lines.
///
/// # Errors
///
/// When it was started before.
pub(crate) fn start(settings: &Settings) -> Result<Recent, LogError> {
    let human = match settings.format {
        Format::Auto => io::stderr().is_terminal(),
        Format::Human => true,
        Format::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(human && io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if human {
        lines.with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    let recent = Recent::default();
    tracing_subscriber::registry()
        .with(lines.with_filter(settings.level.clone()))
        .with(recent.clone().with_filter(recent::shown()))
        .try_init()
        .map_err(LogError)?;
    let modules = settings.other_modules();
    if !modules.is_empty() {
        tracing::warn!(
            modules = redacted(&modules.join(",")),
            "`log.level` names modules of other libraries: their lines may contain secrets and the content of events"
        );
    }
    Ok(recent)
}
