//! The service while it runs: how its parts start, and how they drain.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Service, ServiceError, Signals};
use crate::http::{HttpError, Serving};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::pipeline;
use crate::shutdown;
use crate::telemetry::Telemetry;

/// A process that nothing has scraped for so long is not scraped for a last time either.
const SCRAPED_WITHIN: Duration = Duration::from_mins(5);

/// The name of the task that applies events.
const PIPELINE: &str = "pipeline";

/// A task's name, and how it ended.
type Ended = (&'static str, Result<(), ServiceError>);

/// The parts that run.
pub(super) struct Running {
    settings: shutdown::Settings,
    signals: Signals,
    exposition: Arc<Exposition>,
    liveness: Arc<Liveness>,
    serving: Serving,
    /// What reads and applies events.
    tasks: JoinSet<Ended>,
    dead_letters: JoinSet<()>,
    keeper: JoinSet<()>,
    replicas: JoinSet<()>,
}

impl Service {
    /// Starts every part.
    pub(super) fn start(self) -> Result<Running, ServiceError> {
        let signals = self.signals;
        let exposition = Arc::clone(&self.content.exposition);
        let liveness = Arc::clone(&self.content.liveness);
        let serving = self.server.spawn(self.content, signals.close.clone())?;

        let mut tasks = JoinSet::new();
        let telemetry = Arc::clone(&self.source.telemetry);
        let stop = signals.stop_reading.clone();
        let reading = self.source.run(self.assignments, stop);
        tasks.spawn(async move { ("source", reading.await.map_err(ServiceError::from)) });
        let (batches, writer) = (self.batches, self.writer);
        let (acknowledged, working) = (exposition.acknowledged(), Arc::clone(&liveness));
        let stop = signals.stop_reading.clone();
        tasks.spawn(async move {
            pipeline::run(batches, writer, acknowledged, working, stop).await;
            (PIPELINE, Ok(()))
        });
        let (reload, stop) = (self.reload, signals.stop_reading.clone());
        tasks.spawn(async move {
            stop.run_until_cancelled(reload.run()).await;
            ("reload", Ok(()))
        });
        let (pulse, start_gate) = (Arc::clone(&liveness), self.start_gate);
        let (shown, restored) = (Arc::clone(&exposition), signals.restored.clone());
        let (begin, stop) = (signals.begin.clone(), signals.stop_reading.clone());
        tasks.spawn(async move {
            let gate = async {
                gate(&shown, &restored, start_gate, &telemetry).await;
                begin.cancel();
            };
            let gate_and_pulse = async { tokio::join!(gate, beat(&pulse, &telemetry)) };
            stop.run_until_cancelled(gate_and_pulse).await;
            ("pulse", Ok(()))
        });

        let mut keeper = JoinSet::new();
        if let Some(part) = self.keeper {
            keeper.spawn(part.run(signals.last_checkpoint.clone()));
        }
        let mut replicas = JoinSet::new();
        for replica in self.replicas {
            replicas.spawn(replica.run(signals.begin.clone(), signals.release.clone()));
        }
        Ok(Running {
            settings: self.settings,
            signals,
            exposition,
            liveness,
            serving,
            tasks,
            dead_letters: self.dead_letters,
            keeper,
            replicas,
        })
    }
}

impl Running {
    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// When a part ends before that.
    pub(super) async fn run(&mut self, stop: &CancellationToken) -> Result<(), ServiceError> {
        tokio::select! {
            biased; // a task that ends because of the stop has not ended by itself
            () = stop.cancelled() => Ok(()),
            () = self.signals.close.cancelled() => Err(ServiceError::Task("http", None)),
            Some(ended) = self.tasks.join_next() => Err(early(ended)),
            Some(Err(panic)) = self.replicas.join_next() => {
                Err(ServiceError::Task("replica", Some(panic)))
            }
        }
    }

    /// Stops every part, in the order of the signals.
    pub(super) async fn drain(mut self) -> Result<(), ServiceError> {
        let parts = self.settings.parts(Instant::now());
        self.liveness.stopping();
        self.signals.stop_reading.cancel();
        self.until_nothing_is_applied().await?;
        // Links and dead letters are closed meanwhile.
        let mut tasks = self.tasks;
        let ending = async {
            while let Some(ended) = tasks.join_next().await {
                of_task(ended)?;
            }
            all_ended(self.dead_letters).await;
            Ok(())
        };
        let delivering = async {
            // Nothing is applied any more, so what is to be delivered does not change.
            let last_scrape = last_scrape(&self.exposition);
            let _in_time_or_not = timeout_at(parts.scraped, last_scrape).await;
            self.signals.close.cancel();
            let served = timeout_at(parts.closed, self.serving).await;
            self.signals.last_checkpoint.cancel();
            // What is not written is read again.
            let _written_or_not = timeout_at(parts.checkpointed, all_ended(self.keeper)).await;
            self.signals.release.cancel();
            let _released_or_expiring = timeout_at(parts.released, all_ended(self.replicas)).await;
            match served {
                Ok(served) => Ok(served.unwrap_or(Err(HttpError::Ended(None)))?), // by a panic
                Err(_slow) => Ok(()), // the process ends the connection of a client that does not
            }
        };
        let (ended, delivered) = tokio::join!(ending, delivering);
        ended.and(delivered)
    }

    /// Waits until the pipeline has ended.
    async fn until_nothing_is_applied(&mut self) -> Result<(), ServiceError> {
        while let Some(ended) = self.tasks.join_next().await {
            if of_task(ended)? == PIPELINE {
                break;
            }
        }
        Ok(())
    }
}

/// Waits until every expected scraper has received a scrape, which shows at 0 what every resource has and what earlier
/// processes remembered; or until that has taken too long.
async fn gate(
    exposition: &Exposition,
    restored: &CancellationToken,
    start_gate: Duration,
    telemetry: &Telemetry,
) {
    if start_gate.is_zero() {
        return;
    }
    telemetry.waiting_for_scrapers(start_gate);
    let shown = async {
        let mut acknowledged = exposition.acknowledged();
        // A scrape that came before that has not shown it.
        restored.cancelled().await;
        let snapshot = exposition.restored_in();
        // The sender lives as long as the exposition.
        let _shown = acknowledged
            .wait_for(|acknowledged| *acknowledged >= snapshot)
            .await;
    };
    let were_shown = timeout(start_gate, shown).await.is_ok();
    telemetry.reading_begins(were_shown);
}

/// Waits until all that was applied is delivered, but not for scrapers that have long been away.
async fn last_scrape(exposition: &Exposition) {
    let mut acknowledged = exposition.acknowledged();
    while !exposition.is_delivered() && exposition.is_scraped(Instant::now(), SCRAPED_WITHIN) {
        if acknowledged.changed().await.is_err() {
            return;
        }
    }
}

/// Shows once a second that the runtime makes progress, on which everything but the endpoints runs.
async fn beat(liveness: &Liveness, telemetry: &Telemetry) -> Infallible {
    let mut every_second = interval(Duration::from_secs(1));
    loop {
        let now = every_second.tick().await;
        liveness.pulse(now);
        telemetry.repeated_failures(now);
        telemetry.tasks_are(Handle::current().metrics().num_alive_tasks());
    }
}

/// The name of a task that ended in order.
fn of_task(ended: Result<Ended, JoinError>) -> Result<&'static str, ServiceError> {
    let (name, ended) = ended.map_err(|panic| ServiceError::Task("unknown", Some(panic)))?;
    ended.map(|()| name)
}

/// The error of a task that ended before the service stops.
fn early(ended: Result<Ended, JoinError>) -> ServiceError {
    match ended {
        Ok((_, Err(error))) => error,
        Ok((name, Ok(()))) => ServiceError::Task(name, None),
        Err(panic) => ServiceError::Task("unknown", Some(panic)),
    }
}

async fn all_ended(mut tasks: JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
