//! Sends the envelopes of each second, when that second is over, to the event hub of their category.
//!
//! Every event is counted: sent, of unknown fate, or dropped, as Azure Monitor drops what it cannot deliver.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::{
    runtime::Builder,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    Category, Envelope, Envelopes, Settings, SimulateError,
    target::{Hub, Target},
};

/// Often enough to see progress, rarely enough to leave the log of a demonstration readable.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// What became of the traffic.
#[derive(Debug, Default)]
pub(super) struct Report {
    operations: Published,
    summaries: Published,
    usage: Published,
    /// Events that the event hub accepted or rejected: the SDK's producer (0.16) reports both as sent.
    pub(super) events: u64,
    /// Events that were sent and neither accepted nor surely refused.
    pub(super) events_of_unknown_fate: u64,
    /// Events that were never sent, because their event hub was away for too long or the run ended.
    pub(super) events_dropped: u64,
}

/// Records of a category in events that were sent.
#[derive(Debug, Default)]
struct Published {
    records: u64,
    /// Records of a failed request or recording.
    failures: u64,
}

impl Report {
    pub(super) fn count(&mut self, envelope: &Envelope) {
        let published = match envelope.category {
            Category::Operational => &mut self.operations,
            Category::Summary => &mut self.summaries,
            Category::Usage => &mut self.usage,
        };
        published.records += envelope.records;
        published.failures += envelope.failures;
        self.events += 1;
    }

    fn log(&self, message: &str) {
        info!(
            operations = self.operations.records,
            failed_operations = self.operations.failures,
            summaries = self.summaries.records,
            failed_recordings = self.summaries.failures,
            usage_records = self.usage.records,
            events = self.events,
            events_of_unknown_fate = self.events_of_unknown_fate,
            events_dropped = self.events_dropped,
            "{message}"
        );
    }
}

/// Sends traffic from now on until `stop`, or for the duration of the settings. Dropped, it stops too.
///
/// Each category goes to one event hub: to the one that Azure Monitor names after it when a diagnostic setting names none
/// (`insights-logs-callrecordingsummary`), else to the first that is not named after another category, else to the first.
///
/// The event hubs take turns: one that hangs delays the others by some 10 s, and they catch up. After the first opening no
/// error ends the run: the sender reopens an unreachable event hub, after longer and longer waits.
///
/// The simulation, producers included, runs on a thread and a runtime of its own: `fe2o3-amqp` 0.16 hands out a transfer
/// before it registers it as unsettled, so on a runtime of many threads an answer that comes between the two is lost, and
/// `send_batch` waits for ever (seen after 20 events, with a hub that answers at once). On one thread nothing comes between.
///
/// # Errors
///
/// [`SimulateError::CallsPerSecond`] for a rate out of its range, [`SimulateError::NoTarget`] without
/// targets, [`SimulateError::Open`] when an event hub could not be opened within 30 s at the start,
/// [`SimulateError::Runtime`] when the thread could not be started, or panicked.
pub async fn run(
    settings: Settings,
    targets: Vec<Target>,
    stop: CancellationToken,
) -> Result<(), SimulateError> {
    let stop = stop.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let thread = spawn_blocking(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SimulateError::Runtime)?;
        let sent = runtime.block_on(send(settings, targets, stop));
        // The SDK resolves names on blocking threads: those are not waited for.
        runtime.shutdown_background();
        sent
    });
    match thread.await {
        Ok(sent) => sent.map(drop),
        Err(panicked) => Err(SimulateError::Runtime(panicked.into())),
    }
}

/// [`run`], on the runtime that calls it.
pub(super) async fn send(
    settings: Settings,
    targets: Vec<Target>,
    stop: CancellationToken,
) -> Result<Report, SimulateError> {
    settings.check()?;
    if targets.is_empty() {
        return Err(SimulateError::NoTarget);
    }
    let mut report = Report::default();
    let names: Vec<String> = targets
        .iter()
        .map(|target| target.event_hub.clone())
        .collect();
    let mut hubs: Vec<Hub> = targets.into_iter().map(Hub::new).collect();
    for hub in &mut hubs {
        match stop.run_until_cancelled(hub.open_first()).await {
            Some(opened) => opened?,
            None => return Ok(report),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the simulation's one look at the clock"
    )]
    let start = OffsetDateTime::from(std::time::SystemTime::now());
    let mut second_ends_at = Instant::now();
    let mut log_at = second_ends_at + LOG_EVERY;
    info!(
        event_hubs = hubs.len(),
        calls_per_second = settings.calls_per_second,
        seed = settings.seed,
        "simulated traffic starts"
    );
    let seconds = settings.duration.map_or(usize::MAX, whole_seconds);
    for envelopes in Envelopes::new(&settings, start)?.take(seconds) {
        // Counted from the start, so that seconds that took long are caught up with.
        second_ends_at += Duration::from_secs(1);
        if stop
            .run_until_cancelled(sleep_until(second_ends_at))
            .await
            .is_none()
        {
            break;
        }
        for envelope in envelopes {
            if let Some(hub) = hubs.get_mut(hub_of(envelope.category, &names)) {
                hub.enqueue(envelope, &mut report);
            }
        }
        for hub in &mut hubs {
            hub.send(&stop, &mut report).await;
        }
        if Instant::now() >= log_at {
            log_at += LOG_EVERY;
            report.log("simulated traffic is sent");
        }
    }
    for hub in hubs {
        hub.close(&stop, &mut report).await;
    }
    report.log("simulated traffic ends");
    Ok(report)
}

/// The event hub of a category, by the rule of [`run`].
pub(super) fn hub_of(category: Category, names: &[String]) -> usize {
    let named_after = |category: Category, name: &str| {
        name.strip_prefix("insights-logs-")
            .is_some_and(|rest| rest.eq_ignore_ascii_case(category.name()))
    };
    let own = names.iter().position(|name| named_after(category, name));
    let general = || {
        let mut names = names.iter();
        names.position(|name| !Category::ALL.iter().any(|of| named_after(*of, name)))
    };
    own.or_else(general).unwrap_or_default()
}

fn whole_seconds(duration: Duration) -> usize {
    let begun = u64::from(duration.subsec_nanos() > 0);
    usize::try_from(duration.as_secs().saturating_add(begun)).unwrap_or(usize::MAX)
}
