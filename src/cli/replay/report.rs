//! The report of a replay: the progress meanwhile, and the summary at the end.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ReplayFailed;
use crate::disposition::Reject;
use crate::metrics::Written;
use crate::pipeline::Ended;
use crate::source::replay::{Input, Replayed};
use crate::telemetry::{self, Tally};

/// How many rejected events are named one by one: enough to see what is wrong, and still a page.
const REJECTED_NAMED: usize = 20;

/// What was read, and how its records ended.
pub(super) struct Report {
    pub(super) progress: ProgressBar,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) events: u64,
    pub(super) truncated: u64,
    pub(super) undated: u64,
    pub(super) repeated: u64,
    pub(super) tally: Tally,
    pub(super) unreadable: u64,
    pub(super) rejected: Vec<String>,
    pub(super) rejected_events: u64,
    pub(super) written: Option<Written>,
    pub(super) is_stopped: bool,
}

impl Report {
    pub(super) fn new(bytes: Option<u64>) -> Self {
        Self {
            progress: progress(bytes),
            files: 0,
            bytes: 0,
            events: 0,
            truncated: 0,
            undated: 0,
            repeated: 0,
            tally: Tally::default(),
            unreadable: 0,
            rejected: Vec::new(),
            rejected_events: 0,
            written: None,
            is_stopped: false,
        }
    }

    pub(super) fn event(&mut self, input: &Input, event: &Replayed, ended: &Ended) {
        self.progress.set_position(self.bytes);
        self.events += 1;
        self.truncated += u64::from(event.is_truncated);
        self.tally.add(&ended.tally);
        for rejected in &ended.rejected {
            self.rejected_events += 1;
            if self.rejected.len() < REJECTED_NAMED {
                let note = if event.is_truncated {
                    " (truncated: too long)"
                } else {
                    ""
                };
                self.rejected.push(format!(
                    "{input}:{}: {}{note}",
                    event.location,
                    reasons(&rejected.reasons)
                ));
            }
        }
    }

    /// Names an input that cannot be read, at once: a long replay must not end in a surprise.
    pub(super) fn unreadable(&mut self, error: &dyn Error) {
        self.unreadable += 1;
        // Standard error may be closed; the exit code still reports it.
        let _written = self
            .progress
            .suspend(|| writeln!(io::stderr(), "{}", telemetry::chain(error)));
    }

    pub(super) fn report(&self, out: &mut impl Write) -> io::Result<()> {
        let tally = &self.tally;
        writeln!(
            out,
            "replayed: {}, {}, {}",
            counted(self.files, "file"),
            counted(self.bytes, "byte"),
            counted(self.events, "event")
        )?;
        let rejected = tally.rejected();
        writeln!(
            out,
            "records: {} received = {} observed + {} ignored + {rejected} rejected",
            tally.received, tally.observed, tally.ignored,
        )?;
        for reason in Reject::ALL {
            match tally.rejects(reason) {
                0 => {}
                records => writeln!(out, "rejected as {}: {records}", reason.label())?,
            }
        }
        for line in &self.rejected {
            writeln!(out, "  {line}")?;
        }
        let named = u64::try_from(self.rejected.len()).unwrap_or(u64::MAX);
        match self.rejected_events.saturating_sub(named) {
            0 => {}
            more => writeln!(out, "  and {} more", counted(more, "event"))?,
        }
        if self.repeated > 0 {
            writeln!(
                out,
                "duplicates, counted again: {}; do two diagnostic settings write the same records?",
                counted(self.repeated, "record")
            )?;
        }
        if self.truncated > 0 {
            let events = counted(self.truncated, "event");
            writeln!(out, "longer than 16 MiB, and truncated there: {events}")?;
        }
        if let Some(written) = self.written {
            writeln!(
                out,
                "history: {} series, {} samples",
                written.series, written.samples
            )?;
            if self.undated > 0 {
                writeln!(
                    out,
                    "without a time, and so not in the history: {}",
                    counted(self.undated, "record")
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn verdict(&self, is_strict: bool) -> Result<(), ReplayFailed> {
        let rejected = self.tally.rejected();
        if self.is_stopped {
            Err(ReplayFailed::Stopped)
        } else if self.unreadable > 0 {
            Err(ReplayFailed::Unreadable(self.unreadable))
        } else if is_strict && rejected > 0 {
            Err(ReplayFailed::Rejected(rejected))
        } else {
            Ok(())
        }
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `malformed`, or `malformed x3, not_an_object` where there are several.
fn reasons(reasons: &[Reject]) -> String {
    let count = |reason| reasons.iter().filter(|of| **of == reason).count();
    let texts: Vec<String> = Reject::ALL
        .into_iter()
        .filter_map(|reason| match count(reason) {
            0 => None,
            1 => Some(reason.label().to_owned()),
            records => Some(format!("{} x{records}", reason.label())),
        })
        .collect();
    texts.join(", ")
}

/// A bar on a terminal, without an end where the size of the input is not known.
fn progress(bytes: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, style) = match bytes {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {bytes}, {bytes_per_sec}",
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
