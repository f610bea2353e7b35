//! The log: to standard error, for eyes or for a log store.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, reload};

use super::recent::{self, Recent};
use super::redaction::redacted;
use super::settings::{Format, Settings};

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the log is started already")]
pub(crate) struct LogError(#[source] TryInitError);

/// The log, started.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Its last lines.
    pub(crate) recent: Recent,
    level: reload::Handle<Targets, Registry>,
}

/// Starts the log, for the whole process, and remembers its last lines.
///
/// # Errors
///
/// When it was started before.
pub(crate) fn start(settings: &Settings) -> Result<Log, LogError> {
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
    let (filter, level) = reload::Layer::new(settings.level.clone());
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(recent.clone().with_filter(recent::shown()))
        .try_init()
        .map_err(LogError)?;
    warn_of_others(settings);
    Ok(Log { recent, level })
}

impl Log {
    /// Follows another level.
    pub(crate) fn set_level(&self, settings: &Settings) {
        // The log lives as long as the process.
        let _log_is_gone = self.level.reload(settings.level.clone());
        warn_of_others(settings);
    }
}

fn warn_of_others(settings: &Settings) {
    let modules = settings.other_modules();
    if !modules.is_empty() {
        tracing::warn!(
            modules = redacted(&modules.join(",")),
            "`log.level` names modules of other libraries: their lines may contain secrets and the content of events"
        );
    }
}
