//! The report of a replay: the progress meanwhile, and the summary at the end.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ReplayFailed;
use crate::disposition::Reject;
use crate::metrics::Written;
use crate::pipeline::Ended;
use crate::source::replay::{Input, Location};
use crate::telemetry::{self, Tally};

/// How many rejected records are named one by one: enough to see what is wrong, and still a page.
const REJECTED_NAMED: usize = 20;

/// What was read, and how its records ended.
pub(super) struct Report {
    pub(super) progress: ProgressBar,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) undated: u64,
    pub(super) repeated: u64,
    pub(super) tally: Tally,
    pub(super) unreadable: u64,
    pub(super) rejected: Vec<String>,
    pub(super) written: Option<Written>,
    pub(super) is_stopped: bool,
}

impl Report {
    pub(super) fn new(bytes: Option<u64>) -> Self {
        Self {
            progress: progress(bytes),
            files: 0,
            bytes: 0,
            undated: 0,
            repeated: 0,
            tally: Tally::default(),
            unreadable: 0,
            rejected: Vec::new(),
            written: None,
            is_stopped: false,
        }
    }

    pub(super) fn records(&mut self, input: &Input, locations: &[Location], ended: &Ended) {
        self.progress.set_position(self.bytes);
        self.tally.add(&ended.tally);
        let left = REJECTED_NAMED.saturating_sub(self.rejected.len());
        for (record, reason) in ended.rejected.iter().take(left) {
            if let Some(location) = locations.get(*record) {
                let reason = reason.label();
                self.rejected.push(format!("{input}:{location}: {reason}"));
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
            "replayed: {}, {}",
            counted(self.files, "file"),
            counted(self.bytes, "byte")
        )?;
        let rejected = tally.rejected();
        writeln!(
            out,
            "records: {} received = {} observed + {} ignored + {rejected} rejected",
            tally.received, tally.observed, tally.ignored,
        )?;
        for (category, records) in tally.categories_ignored() {
            writeln!(out, "ignored, {category}: {records}")?;
        }
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
        match rejected.saturating_sub(named) {
            0 => {}
            more => writeln!(out, "  and {} more", counted(more, "record"))?,
        }
        self.report_oddities(out)?;
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

    fn report_oddities(&self, out: &mut impl Write) -> io::Result<()> {
        for (repair, times) in self.tally.repairs() {
            let times = counted(times, "time");
            writeln!(out, "repaired, {}: {times}", repair.label())?;
        }
        for ((category, field), values) in self.tally.unreadable_values() {
            let values = counted(values, "value");
            writeln!(out, "unreadable, {category} {field}: {values}")?;
        }
        for (kind, times) in self.tally.drift() {
            let times = counted(times, "time");
            writeln!(out, "not in Microsoft's documentation, {kind}: {times}")?;
        }
        if self.repeated > 0 {
            writeln!(
                out,
                "duplicates: {}; do two diagnostic settings write the same records?",
                counted(self.repeated, "record")
            )?;
        }
        Ok(())
    }

    pub(super) fn verdict(&self, is_strict: bool) -> Result<(), ReplayFailed> {
        let rejected = self.tally.rejected();
        let truncated = [
            Reject::Truncated,
            Reject::InflatesTooFar,
            Reject::TooManyRecords,
        ];
        let truncated = truncated.map(|reason| self.tally.rejects(reason));
        let truncated: u64 = truncated.iter().sum();
        if self.is_stopped {
            Err(ReplayFailed::Stopped)
        } else if self.unreadable > 0 {
            Err(ReplayFailed::Unreadable(self.unreadable))
        } else if truncated > 0 {
            Err(ReplayFailed::Truncated(truncated))
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
