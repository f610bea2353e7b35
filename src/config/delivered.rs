//! The sections that say when something is delivered, and what a stop does for it.

use std::num::NonZeroUsize;
use std::time::Duration;

use humantime::format_duration;

use super::reader::Reader;
use crate::delivery::CheckpointAfter;
use crate::{delivery, shutdown};

pub(super) fn delivery(reader: &mut Reader) -> Option<delivery::Settings> {
    let checkpoint_after = reader.one_of(
        "delivery.checkpoint_after",
        &[
            ("scrape", CheckpointAfter::Scrape),
            ("processing", CheckpointAfter::Processing),
        ],
    );
    let scrapers = reader.number("delivery.scrapers", 1..=SCRAPERS_MOST);
    let start_gate = reader.duration("delivery.start_gate", Duration::ZERO..=WAIT_MOST);
    let hold_max = reader.duration("delivery.hold_max", Duration::ZERO..=WAIT_MOST);
    Some(delivery::Settings {
        checkpoint_after: checkpoint_after?,
        scrapers: scrapers.and_then(NonZeroUsize::new)?,
        start_gate: start_gate?,
        hold_max: hold_max?,
    })
}

pub(super) fn shutdown(reader: &mut Reader) -> Option<shutdown::Settings> {
    let final_scrape = reader.duration(FINAL_SCRAPE, Duration::ZERO..=SHUTDOWN_MOST);
    let deadline = reader.duration(DEADLINE, SHUTDOWN_LEAST..=SHUTDOWN_MOST);
    if let Some((final_scrape, deadline)) = final_scrape.zip(deadline)
        && final_scrape >= deadline
    {
        // Whoever set one of the two should hear of that one.
        if reader.origin(FINAL_SCRAPE).is_some() {
            let problem = format!(
                "must be shorter than `{DEADLINE}`, which is `{}`: what the scrape carried has yet to be saved",
                format_duration(deadline)
            );
            reader.contradiction(FINAL_SCRAPE, problem);
        } else {
            let problem = format!(
                "must be longer than `{FINAL_SCRAPE}`, which is `{}`: set both",
                format_duration(final_scrape)
            );
            reader.contradiction(DEADLINE, problem);
        }
    }
    Some(shutdown::Settings {
        final_scrape: final_scrape?,
        deadline: deadline?,
    })
}

const FINAL_SCRAPE: &str = "shutdown.final_scrape";
const DEADLINE: &str = "shutdown.deadline";

/// Prometheus runs in pairs; more than this are not one exporter's scrapers but somebody's mistake.
const SCRAPERS_MOST: usize = 10;

/// Nobody scrapes less often, and a partition that waits longer is down.
const WAIT_MOST: Duration = Duration::from_hours(1);

/// Less would abort every stop.
const SHUTDOWN_LEAST: Duration = Duration::from_secs(1);

/// No supervisor waits longer; Kubernetes gives 30 s unless told otherwise.
const SHUTDOWN_MOST: Duration = Duration::from_mins(10);
