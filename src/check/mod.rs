//! Checks the world that a configuration describes, step by step, and says of each step what was found, or what to do.
//!
//! It disturbs nobody. No link has an owner level, so that no reader is displaced. No lease, no checkpoint and no file of an
//! exporter is written: the checks of the store write a blob or a file of their own, and delete it.
//!
//! A step that needs another one which failed is not checked, and says why. What to do about a failure is written where the
//! failure is known: by the errors of `source`, `identity`, `blobs` and `checkpoint`. `network` alone has advice of its own.

pub(crate) mod any_certificate;
mod clock;
mod event_hub;
mod network;
mod store;
mod token;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use serde::Serialize;
use strum::IntoStaticStr;

use crate::config::Config;
use crate::source::event_hub::Probe;
use crate::telemetry::Telemetry;

/// How long a step may take. What answers more slowly is of no use to an exporter either.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// What is checked, in this order. The words are part of the format that docs/check.md describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Step {
    /// All keys have a value that is allowed.
    Configuration,
    /// The host of the namespace has an address.
    Dns,
    /// A connection to that address is accepted.
    Port,
    /// The certificate is valid, for this host, and of an authority that this machine trusts.
    Tls,
    /// Whether a proxy is configured, which event hubs are not read through.
    Proxy,
    /// There is a token, or a key.
    Token,
    /// This machine's clock agrees with that of a server.
    Clock,
    /// Positions can be read.
    StoreRead,
    /// Positions can be written.
    StoreWrite,
    /// The store refuses a write whose condition does not hold, which leases depend on.
    StoreCondition,
    /// The event hub may be read.
    Rights,
    /// The event hub exists.
    EventHub,
    /// The event hub has the consumer group.
    ConsumerGroup,
    /// The partitions of the event hub.
    Partitions,
    /// No stranger owns a partition in the consumer group.
    Owner,
    /// When the last event arrived.
    LastEvent,
}

/// One step and its outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) step: Step,
    /// What was checked: an address, an event hub, a container.
    pub(crate) subject: String,
    pub(crate) outcome: Outcome,
    /// What was found; of a failure also what to do; of a step that was not checked, why.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok,
    Failed,
    NotChecked,
}

/// The lines so far, each shown as soon as it is known.
pub(crate) struct Report<'a> {
    pub(crate) lines: Vec<Line>,
    show: &'a mut dyn FnMut(&Line),
}

impl<'a> Report<'a> {
    pub(crate) fn new(show: &'a mut dyn FnMut(&Line)) -> Self {
        Self {
            lines: Vec::new(),
            show,
        }
    }

    /// Adds a line. Returns whether the step succeeded.
    pub(crate) fn add(
        &mut self,
        step: Step,
        subject: &str,
        found: Result<impl Into<String>, String>,
    ) -> bool {
        let is_ok = found.is_ok();
        match found {
            Ok(text) => self.ok(step, subject, text),
            Err(text) => self.fail(step, subject, text),
        }
        is_ok
    }

    fn ok(&mut self, step: Step, subject: &str, text: impl Into<String>) {
        self.line(step, subject, Outcome::Ok, text.into());
    }

    fn fail(&mut self, step: Step, subject: &str, text: impl Into<String>) {
        self.line(step, subject, Outcome::Failed, text.into());
    }

    /// Adds a line for each of these steps, which cannot be checked.
    fn skip(&mut self, steps: &[Step], subject: &str, why: &str) {
        for step in steps {
            self.line(*step, subject, Outcome::NotChecked, why.to_owned());
        }
    }

    fn line(&mut self, step: Step, subject: &str, outcome: Outcome, text: String) {
        let line = Line {
            step,
            subject: subject.to_owned(),
            outcome,
            text,
        };
        (self.show)(&line);
        self.lines.push(line);
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word: &'static str = self.into();
        f.pad(&word.replace('_', " "))
    }
}

/// Checks everything outside of the process that the configuration names. `proxies` are the variables that set a proxy.
pub(crate) async fn world(config: &Config, proxies: &[String], report: &mut Report<'_>) {
    // Clients of Azure count and log what they do; here it is the report that says so.
    let telemetry = Arc::new(Telemetry::new(&Registry::new(), ""));
    let is_reachable = network::check(&config.event_hub, proxies, report).await;
    let tokens = token::check(config, &telemetry, report).await;
    clock::check(config, report).await;
    let owners = store::check(config, tokens.blobs, &telemetry, report).await;
    let probe = Probe::new(&config.event_hub, telemetry);
    for event_hub in &config.event_hub.event_hubs {
        if !is_reachable {
            report.skip(
                &event_hub::STEPS,
                event_hub,
                "the namespace is not reachable",
            );
        } else if !tokens.event_hubs {
            report.skip(&event_hub::STEPS, event_hub, "there is no token or key");
        } else {
            event_hub::check(
                &probe,
                event_hub,
                &config.event_hub.consumer_group,
                &owners,
                report,
            )
            .await;
        }
    }
}

/// Waits for the system or the network, within the time of a step.
async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let worked = tokio::time::timeout(STEP_TIMEOUT, work).await;
    worked.unwrap_or_else(|_| {
        let problem = format!("no answer within {STEP_TIMEOUT:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, problem))
    })
}
