//! What happens between the exporter and its scrapers' requests.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use time::OffsetDateTime;

use super::families::Closed;
use super::source::seconds;
use super::{Telemetry, chain, counted, float};
use crate::family::label_values;

label_values! {
    /// Why a connection was closed for the sake of other clients.
    pub(crate) ClosedFor {
        /// There was no room for another one.
        Connections = "connections",
        /// It had its answer, and others may have waited for room.
        Crowd = "crowd",
        /// Too many different bodies were being sent.
        Memory = "memory",
        /// Its client asked again and again before it had read.
        Pipelining = "pipelining",
    }
}

label_values! {
    /// Why a request was refused.
    pub(crate) RefusedFor {
        /// The client has no certificate.
        Certificate = "certificate",
        /// It has no password, or a wrong one.
        Password = "password",
        /// Too many passwords of its address were being checked.
        Passwords = "passwords",
        /// There were too many requests.
        Rate = "rate",
    }
}

impl Telemetry {
    /// A request was refused.
    pub(crate) fn request_refused(&self, refused_for: RefusedFor) {
        let cause = refused_for.label();
        self.families
            .http_requests_refused_total(Closed { cause })
            .inc();
        tracing::debug!(cause, "HTTP request refused");
    }

    /// A client could not begin to speak TLS, or was not allowed to.
    pub(crate) fn handshake_failed(&self, error: &dyn Error) {
        self.families.tls_handshakes_failed_total().inc();
        tracing::debug!(error = chain(error), "TLS handshake failed");
    }

    /// The configuration was loaded, and is followed.
    pub(crate) fn config_loaded(&self, at: OffsetDateTime) {
        self.families.config_last_reload_successful().set(1.0);
        let families = &self.families;
        let loaded_at = families.config_last_reload_success_timestamp_seconds();
        loaded_at.set(seconds(at));
    }

    /// The configuration was loaded again. The keys in `waiting` keep the values with which the process was started.
    pub(crate) fn config_reloaded(&self, at: OffsetDateTime, waiting: &[&str]) {
        self.config_loaded(at);
        tracing::info!("configuration reloaded");
        if !waiting.is_empty() {
            let keys = waiting.join(",");
            tracing::warn!(keys, "these keys keep their values until a restart");
        }
    }

    /// The configuration has these faults, and all stays as it was.
    pub(crate) fn config_not_reloaded(&self, error: &(dyn Error + 'static)) {
        self.families.config_last_reload_successful().set(0.0);
        tracing::error!(
            error = chain(error),
            "configuration not reloaded: nothing of it is applied"
        );
    }

    /// The web configuration file changed, and is followed.
    pub(crate) fn web_config_reloaded(&self) {
        self.web_config_is_followed(true);
        tracing::info!("web configuration read again");
    }

    /// It changed, and what it said before stays.
    pub(crate) fn web_config_not_reloaded(&self, error: &(dyn Error + 'static)) {
        self.web_config_is_followed(false);
        tracing::error!(
            error = chain(error),
            "web configuration has changed and cannot be used: what it said before stays"
        );
    }

    fn web_config_is_followed(&self, is_followed: bool) {
        let successful = self.families.web_config_last_reload_successful();
        successful.set(float(usize::from(is_followed)));
    }

    /// A counted scraper received a scrape whole, within its timeout.
    pub(crate) fn scrape_counted(&self) {
        self.families.scrapes_total(counted(true)).inc();
    }

    /// A scrape was answered and cannot acknowledge anything.
    pub(crate) fn scrape_not_counted(&self, cause: &'static str) {
        self.families.scrapes_total(counted(false)).inc();
        tracing::debug!(cause, "scrape does not count");
    }

    /// So many distinct scrapers are expected; none has come yet.
    pub(crate) fn scrapers_are_expected(&self, scrapers: usize) {
        self.families.scrapers_expected().set(float(scrapers));
        self.scrapers_are(0);
    }

    /// So many distinct scrapers are known.
    pub(crate) fn scrapers_are(&self, scrapers: usize) {
        self.families.scrapers().set(float(scrapers));
    }

    /// Something is wrong with the scrapers, and was not before.
    pub(crate) fn scrapers_differ(warning: &dyn Display) {
        tracing::warn!("{warning}");
    }

    /// For so long there was no qualifying scrape; so many were answered that do not count.
    pub(crate) fn nobody_scrapes(silence: Duration, not_counted: u64) {
        tracing::warn!(
            silence_s = silence.as_secs(),
            not_counted,
            "no qualifying scrape: none was fully delivered, within its timeout, to a scraper that sends \
             `X-Prometheus-Scrape-Timeout-Seconds`, as Prometheus does, and whose address is in `delivery.scrapers_from`, \
             if that is set"
        );
    }

    /// A connection was closed for the sake of other clients.
    pub(crate) fn connection_closed(&self, closed_for: ClosedFor) {
        let cause = closed_for.label();
        self.families
            .http_connections_closed_total(Closed { cause })
            .inc();
    }

    /// Logs how many such connections were closed since there were so many, and returns how many there are now.
    pub(crate) fn connections_closed_since(&self, before: u64) -> u64 {
        let closed = ClosedFor::ALL.map(|closed_for| {
            let cause = closed_for.label();
            let of_cause = self
                .families
                .http_connections_closed_total(Closed { cause });
            of_cause.get()
        });
        let closed = closed.iter().sum();
        if closed > before {
            tracing::warn!(
                connections = closed - before,
                "HTTP connections closed for the sake of other clients: a client has too many, reads too slowly, or asks \
                 again before it has read; `acs_recording_exporter_http_connections_closed_total` has the causes"
            );
        }
        closed
    }

    /// The system has no connection for a client that asks for one; the exporter tries again.
    pub(crate) fn connection_not_accepted(error: &dyn Error, retry_ms: u128) {
        tracing::warn!(
            error = chain(error),
            retry_ms,
            "HTTP connection not accepted"
        );
    }
}
