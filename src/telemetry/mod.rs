//! What the exporter reports about itself: every metric, and every log line that goes with one.
//!
//! What happens is an event: one function here counts it and logs it, so the two cannot disagree. Lines are written
//! per event or per change, never per record, and carry no body, token, key or address of a caller.

mod delivered;
mod families;
mod leases;
mod log;
mod recent;
mod redaction;
mod repeated;
mod scrapes;
mod settings;
mod source;
mod store;
mod tally;

use std::collections::HashSet;
use std::error::Error;

use parking_lot::Mutex;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntCounter, Registry};
use time::OffsetDateTime;

pub use families::ExporterFamilies;
pub(crate) use leases::{LeaseMove, Leases};
pub(crate) use log::start as start_log;
pub(crate) use log::{Log, LogError};
pub(crate) use recent::{Line, Recent};
pub(crate) use redaction::{REDACTED, looks_secret, redacted};
pub(crate) use scrapes::{ClosedFor, RefusedFor};
pub(crate) use settings::Settings;
pub(crate) use source::{Lag, LostPosition};
pub(crate) use store::{StoreOperation, StoreResult};
pub(crate) use tally::{Became, Tally, shortened};

use crate::family::label_values;
use crate::version;
use families::{BornUnshown, Build, Closed, Drift, Ended, Overflow, Scrapes, Unreadable};
use repeated::Repeated;
use source::Behind;

/// Logs a line about a partition.
macro_rules! log_partition {
    ($level:ident, $partition:expr, $($fields_and_message:tt)+) => {
        tracing::$level!(
            event_hub = $partition.event_hub(),
            partition = $partition.partition(),
            $($fields_and_message)+
        )
    };
}
use log_partition;

/// The exporter's metrics about itself.
#[derive(Debug)]
pub struct Telemetry {
    families: ExporterFamilies,
    /// What was logged as drift, since it is logged once.
    drift_logged: Mutex<HashSet<(&'static str, String)>>,
    /// What was logged of values that became `other`, since it is logged once.
    replaced_logged: Mutex<HashSet<(&'static str, Replaced)>>,
    /// Since when each partition is behind, for a lag that grows while nothing else moves.
    behind: Behind,
    /// Since when a position is delivered and not checkpointed.
    unwritten_since: Mutex<Option<OffsetDateTime>>,
    repeated: Repeated,
}

/// A sender of nonsense must not fill the log with it; the count goes on.
const DRIFT_LOGGED_MAX: usize = 200;

impl Telemetry {
    /// Registers the families on `registry`, with those of the process itself, and everything known at zero.
    /// `event_hubs_namespace` is a label: empty, which is absent to Prometheus, if no event hub is read.
    ///
    /// # Panics
    ///
    /// When the registry holds families of these names already.
    pub fn new(registry: &Registry, event_hubs_namespace: &str) -> Self {
        let families = ExporterFamilies::register(registry, event_hubs_namespace);
        registry
            .register(Box::new(ProcessCollector::for_self()))
            .expect("the names of the process collector are its own");
        let build = Build {
            version: version::VERSION,
            revision: version::REVISION,
            build_date: version::BUILD_DATE,
        };
        families.build_info(build).set(1.0);
        let _at_zero = families.duplicate_records_total();
        let _at_zero = families.unlisted_records_total();
        let _at_zero = families.checkpoint_unwritten_seconds();
        let _at_zero = families.series_overflow_total();
        let _at_zero = families.label_sets_lost_total();
        for kind in ["category", "field"] {
            let _at_zero = families.drift_total(Drift { kind });
        }
        for cause in ClosedFor::ALL.map(ClosedFor::label) {
            let _at_zero = families.http_connections_closed_total(Closed { cause });
        }
        for cause in RefusedFor::ALL.map(RefusedFor::label) {
            let _at_zero = families.http_requests_refused_total(Closed { cause });
        }
        let _at_zero = families.tls_handshakes_failed_total();
        for is_so in [true, false] {
            let _at_zero = families.scrapes_total(counted(is_so));
            let _at_zero = families.checkpoint_writes_total(ended(is_so));
        }
        let telemetry = Self {
            families,
            drift_logged: Mutex::default(),
            replaced_logged: Mutex::default(),
            behind: Behind::default(),
            unwritten_since: Mutex::default(),
            repeated: Repeated::default(),
        };
        telemetry.records_ended(&Tally::zero());
        telemetry
    }

    /// Dead letters are kept: their series exist from now on.
    pub(crate) fn dead_letters_are_kept(&self) {
        for fate in LetterFate::ALL {
            let _at_zero = self.dead_letters(fate);
        }
    }

    /// What became of a dead letter, and why. That they cannot be kept is logged at the first and then at every thousandth.
    pub(crate) fn dead_letter(&self, fate: LetterFate, error: Option<&dyn Error>) {
        let letters = self.dead_letters(fate);
        let before = letters.get();
        letters.inc();
        let message = match fate {
            LetterFate::Written => return,
            LetterFate::Dropped => "dead letter dropped: the disk is slower than they come",
            LetterFate::Failed => "dead letter could not be written",
        };
        if before.is_multiple_of(LETTERS_PER_LINE) {
            tracing::warn!(before, error = error.map(chain), "{message}");
        }
    }

    fn dead_letters(&self, fate: LetterFate) -> IntCounter {
        let result = fate.label();
        self.families.dead_letters_total(Ended { result })
    }

    /// The identity for which tokens are requested is known: their series exist from now on.
    pub(crate) fn credential_chosen(
        &self,
        kind: &'static str,
        reason: &str,
        authority_host: &str,
        audience: &'static str,
    ) {
        for is_ok in [true, false] {
            let _at_zero = self.families.token_fetches_total(ended(is_ok));
        }
        tracing::info!(kind, reason, authority_host, audience, "credential chosen");
    }

    /// The exporter connects to another machine without TLS, as configured.
    pub fn tls_is_off(&self, host: &str) {
        tracing::warn!(
            host,
            "TLS is off, so the network can read and change what is sent: use this with an emulator only"
        );
    }

    /// Entra ID issued a token.
    pub(crate) fn token_fetched(&self) {
        self.families.token_fetches_total(ended(true)).inc();
    }

    /// Entra ID issued no token. While the last one is valid, links live on, and nothing else logs this.
    pub(crate) fn token_not_fetched(&self, error: &dyn Error, valid_for_s: Option<i64>) {
        self.families.token_fetches_total(ended(false)).inc();
        if let Some(valid_for_s) = valid_for_s {
            tracing::warn!(error = chain(error), valid_for_s, "token not renewed");
        }
    }

    /// Drift of this kind is counted: its series exists from now on.
    pub(crate) fn drift_is_watched(&self, kind: &'static str) {
        let _at_zero = self.families.drift_total(Drift { kind });
    }

    /// A label had a value that is not in the documentation: ACS has changed, or never documented it.
    pub(crate) fn drifted(&self, kind: &'static str, value: &str, is_shown: bool) {
        self.families.drift_total(Drift { kind }).inc();
        let became = if is_shown {
            Became::Shown
        } else {
            Became::Other
        };
        self.log_drift_once(kind, value, became);
    }

    fn log_drift_once(&self, kind: &'static str, value: &str, became: Became) {
        let mut logged = self.drift_logged.lock();
        if logged.len() < DRIFT_LOGGED_MAX && logged.insert((kind, value.to_owned())) {
            tracing::warn!(kind, value, "not in the documentation of ACS: {became}");
        }
    }

    /// A field of a category is read: its series exists from now on.
    pub(crate) fn field_is_read(&self, category: &'static str, field: &'static str) {
        let _at_zero = self
            .families
            .unreadable_values_total(Unreadable { category, field });
    }

    /// Values of a field were there and could not be read.
    fn values_unreadable(&self, category: &'static str, field: &'static str, values: u64) {
        let unreadable = Unreadable { category, field };
        let unreadable = self.families.unreadable_values_total(unreadable);
        if unreadable.get() == 0 {
            tracing::warn!(
                category,
                field,
                "a value cannot be read and counts as missing"
            );
        }
        unreadable.inc_by(values);
    }

    /// A label has a cap: its series exists from now on.
    pub(crate) fn label_is_capped(&self, label: &'static str) {
        let _at_zero = self.families.label_overflow_total(Overflow { label });
    }

    /// A value of a label became `other`.
    pub(crate) fn label_value_replaced(&self, label: &'static str, why: Replaced) {
        self.families.label_overflow_total(Overflow { label }).inc();
        if self.replaced_logged.lock().insert((label, why)) {
            match why {
                Replaced::TooMany => tracing::warn!(
                    label,
                    "too many distinct values: new ones are counted as `other` from here on"
                ),
                Replaced::Unlike => tracing::warn!(
                    label,
                    "a value does not look like one of this label, or its record is broken: it is counted as `other`"
                ),
            }
        }
    }

    /// A label set beyond the budget of series was folded into one with `other`.
    pub(crate) fn series_overflowed(&self) {
        let overflow = self.families.series_overflow_total();
        if overflow.get() == 0 {
            tracing::warn!(
                "too many series: new label sets are counted under `other` from here on"
            );
        }
        overflow.inc();
    }

    /// No event is held for the label sets of a family: what is missed of them is counted from now on.
    pub(crate) fn family_is_not_held(&self, family: &'static str) {
        let _at_zero = self.families.born_unshown_total(BornUnshown { family });
    }

    /// A label set of such a family moved for the first time, and no delivered scrape had shown it at 0.
    pub(crate) fn born_unshown(&self, family: &'static str) {
        let unshown = BornUnshown { family };
        self.families.born_unshown_total(unshown).inc();
    }

    /// What an earlier process remembered cannot be read. That costs no failure: those have a place of their own.
    pub(crate) fn label_sets_lost(&self, error: &dyn Error) {
        self.families.label_sets_lost_total().inc();
        tracing::error!(
            error = chain(error),
            "the label sets of earlier processes cannot be read and are remembered anew: `increase()` may miss the first values of counters and histograms other than failures"
        );
    }

    /// A record was ignored, since its resource is not listed.
    pub(crate) fn record_unlisted(&self) {
        self.families.unlisted_records_total().inc();
    }

    /// A record came that had been received before.
    pub(crate) fn record_repeated(&self) {
        self.families.duplicate_records_total().inc();
    }

    /// How many records came that had been received before.
    pub(crate) fn records_repeated(&self) -> u64 {
        self.families.duplicate_records_total().get()
    }

    /// How many series about ACS a scrape shows.
    pub(crate) fn series_are(&self, series: usize) {
        self.families.series().set(float(series));
    }
}

/// Why a label value became `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Replaced {
    /// Its label has too many values.
    TooMany,
    /// It does not look like a value of its label.
    Unlike,
}

/// A number as a gauge has it: a float.
pub(crate) fn float(number: impl TryInto<i64>) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "no count nears 2^53"
    )]
    let float = number.try_into().unwrap_or(i64::MAX) as f64;
    float
}

/// The label of what either works or fails.
fn ended(is_ok: bool) -> Ended<&'static str> {
    Ended {
        result: if is_ok { "ok" } else { "failed" },
    }
}

/// The label of a scrape.
fn counted(is_counted: bool) -> Scrapes<&'static str> {
    Scrapes {
        counted: if is_counted { "true" } else { "false" },
    }
}

/// A full disk fails every letter: one line for so many is enough.
const LETTERS_PER_LINE: u64 = 1000;

label_values! {
    /// What became of a dead letter.
    pub(crate) LetterFate {
        /// It is on disk.
        Written = "written",
        /// Too many waited.
        Dropped = "dropped",
        /// It could not be written.
        Failed = "failed",
    }
}

/// Enough for an answer of Microsoft Entra ID, which has ids for its support at the end.
const CAUSE_CHARACTERS: usize = 1000;

/// An error and its causes in one line: an error describes itself only, so the chain is logged where it is handled. Causes
/// are in the words of libraries and services: they are shortened, and what looks like a secret is not repeated.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text: String = cause.to_string().chars().take(CAUSE_CHARACTERS).collect();
        // The SDK's errors repeat their causes in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    redacted(&text)
}
