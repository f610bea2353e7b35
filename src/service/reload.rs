//! Reloads the configuration: on SIGHUP, on `POST /-/reload` if `http.reload` is on, and when its file changes.
//!
//! All of it is read and checked again. If anything is wrong, nothing changes. Otherwise the keys that are declared as
//! `reloads` are applied, and the others keep the values with which the process was started. New failure rules and resources
//! apply once a scrape has shown their series at 0, or has not come within `delivery.start_gate`, as at the start. The web
//! configuration and the files with secrets are not read here: the parts that use them read them again.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroize as _;

use crate::config::{self, Config, File, Sources};
use crate::delivery::Snapshot;
use crate::http::ReloadRequest;
use crate::metrics::Exposition;
use crate::status::Configuration;
use crate::telemetry::{Log, chain};
use crate::watched::Watched;

/// A file system that hangs must not end reloading for good.
const LOADED_WITHIN: Duration = Duration::from_secs(10);

/// Faults, or a panic, which is in the log.
type LoadError = Box<dyn Error + Send + Sync>;

/// Reloads the configuration.
pub(super) struct Reload {
    /// Without the environment, which may contain secrets and is read anew.
    sources: Sources,
    watched: Watched,
    hangups: Signal,
    requests: mpsc::Receiver<ReloadRequest>,
    log: Log,
    exposition: Arc<Exposition>,
    configuration: Arc<Mutex<Configuration>>,
    /// How long new rules wait for a scrape.
    wait_max: Duration,
    /// The snapshot that shows the series of new failure rules and resources, and how long they wait for it.
    announced: Option<(Snapshot, Instant)>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}

impl Reload {
    /// Of the process that was started with this configuration.
    ///
    /// # Errors
    ///
    /// When the system does not let the process handle SIGHUP.
    pub(super) fn new(
        config: &Config,
        mut sources: Sources,
        log: Log,
        exposition: &Arc<Exposition>,
        configuration: &Arc<Mutex<Configuration>>,
        requests: mpsc::Receiver<ReloadRequest>,
    ) -> io::Result<Self> {
        sources.environment.zeroize();
        let file = match &sources.file {
            Some(File::Path(path)) => Some(path.clone()),
            _ => None,
        };
        exposition
            .telemetry()
            .config_loaded(OffsetDateTime::now_utc());
        Ok(Self {
            watched: Watched::new(file.into_iter().collect()),
            hangups: signal(SignalKind::hangup())?,
            sources,
            requests,
            log,
            exposition: Arc::clone(exposition),
            configuration: Arc::clone(configuration),
            wait_max: config.delivery.start_gate,
            announced: None,
        })
    }

    /// Reloads for as long as this is polled.
    pub(super) async fn run(mut self) -> Infallible {
        loop {
            let answer = tokio::select! {
                were_shown = are_shown(self.announced, &self.exposition) => {
                    self.follow(were_shown);
                    continue;
                }
                Some(()) = self.hangups.recv() => None,
                () = self.watched.changed() => None,
                Some(answer) = self.requests.recv() => Some(answer),
            };
            let result = self.reload().await;
            if let Some(answer) = answer {
                let _client_is_gone = answer.send(result);
            }
        }
    }

    async fn reload(&mut self) -> Result<(), String> {
        let mut sources = self.sources.clone();
        sources.environment = config::environment();
        let loading = spawn_blocking(|| config::load(sources));
        let loaded = timeout(LOADED_WITHIN, loading)
            .await
            .map_err(|_| {
                "the file cannot be read within 10 s: is it a pipe, or on a volume that hangs?"
                    .into()
            })
            .and_then(|loaded| loaded.map_err(LoadError::from));
        match loaded.and_then(|loaded| Ok(loaded?)) {
            Ok(config) => {
                let waiting = self.apply(&config);
                let telemetry = self.exposition.telemetry();
                telemetry.config_reloaded(OffsetDateTime::now_utc(), &waiting);
                Ok(())
            }
            Err(error) => {
                self.exposition.telemetry().config_not_reloaded(&*error);
                Err(chain(&*error))
            }
        }
    }

    /// Applies what can be. Returns the keys that wait for a restart.
    fn apply(&mut self, config: &Config) -> Vec<&'static str> {
        let waiting = {
            let mut running = self.configuration.lock();
            let (configured, waiting) = config::merged(&running.configured, &config.configured);
            *running = Configuration {
                configured,
                waiting: waiting.clone(),
            };
            waiting
        };
        self.log.set_level(&config.log);
        if let Some(shown_in) = self.exposition.announce(&config.metrics) {
            tracing::info!(
                "new failure rules and resources wait until a scrape has shown their series at 0"
            );
            // Those that waited already do not wait longer.
            let until = self.announced.map(|(_, until)| until);
            let until = until.unwrap_or_else(|| Instant::now() + self.wait_max);
            self.announced = Some((shown_in, until));
        }
        waiting
    }

    fn follow(&mut self, were_shown: bool) {
        self.announced = None;
        self.exposition.follow();
        tracing::info!(were_shown, "new failure rules and resources apply");
    }
}

/// Waits until the new rules, if there are any, may be followed. Returns whether a scrape has shown their series.
async fn are_shown(announced: Option<(Snapshot, Instant)>, exposition: &Exposition) -> bool {
    let Some((shown_in, until)) = announced else {
        return pending().await;
    };
    let mut acknowledged = exposition.acknowledged();
    let shown = acknowledged.wait_for(|acknowledged| *acknowledged >= shown_in);
    timeout_at(until, shown).await.is_ok()
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;
    use crate::metrics;
    use crate::telemetry::Telemetry;

    #[tokio::test(start_paused = true)]
    async fn new_rules_wait_for_a_scrape_that_shows_their_series_but_not_for_ever() {
        let own = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&own, ""));
        let mut settings = metrics::Settings::default();
        let exposition = Exposition::new(&settings, 1, own, telemetry);
        let before = exposition.scrape().snapshot;
        settings.failures.end_reasons = vec!["InitiatorLeft".to_owned()];
        let shown_in = exposition.announce(&settings).unwrap();
        let until = Instant::now() + Duration::from_mins(2);
        let announced = Some((shown_in, until));

        exposition.delivered(before, "scraper", Instant::now());
        assert!(!are_shown(announced, &exposition).await);
        assert_eq!(Instant::now(), until);
        let after = exposition.scrape().snapshot;
        exposition.delivered(after, "scraper", Instant::now());
        assert!(are_shown(announced, &exposition).await);
    }
}
