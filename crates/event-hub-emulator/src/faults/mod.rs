//! Faults on request: what a test asks of a hub so that its clients see a bad day.
//!
//! Nothing here happens by itself. What is set stays until it is set back. Faults of the whole hub and of its connections
//! are here, those of one event hub or partition in [`partitions`].

mod partitions;

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::amqp::Symbol;
use super::amqp::performative::AmqpError;
use super::mailbox::{Command, Mailbox};
use super::{Handle, HubError, condition};

/// The faults that all connections look at. Each stands for itself, so relaxed order is enough.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    never_answers: AtomicBool,
    silence: watch::Sender<bool>,
    away: watch::Sender<bool>,
    token_status: AtomicU16,
    /// Zero: as long as the token says.
    token_lifetime_ms: AtomicU64,
    busy_to_senders: AtomicU32,
    busy_to_readers: AtomicU32,
    delay_ms: AtomicU64,
}

impl Faults {
    /// New connections get no answer.
    pub(crate) fn never_answers(&self) -> bool {
        self.never_answers.load(Ordering::Relaxed)
    }

    /// While true, nothing is read and nothing is said.
    pub(crate) fn silence(&self) -> watch::Receiver<bool> {
        self.silence.subscribe()
    }

    /// While true, nobody can connect.
    pub(crate) fn away(&self) -> watch::Receiver<bool> {
        self.away.subscribe()
    }

    /// The status that tokens are refused with.
    pub(crate) fn token_status(&self) -> Option<u16> {
        Some(self.token_status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// How long a token is good for, whatever it says.
    pub(crate) fn token_lifetime(&self) -> Option<Duration> {
        let lifetime_ms = self.token_lifetime_ms.load(Ordering::Relaxed);
        (lifetime_ms != 0).then(|| Duration::from_millis(lifetime_ms))
    }

    /// Whether this send is answered with server-busy; counts it.
    pub(crate) fn take_busy_to_senders(&self) -> bool {
        take_one(&self.busy_to_senders)
    }

    /// Whether this reader is refused with server-busy; counts it.
    pub(crate) fn take_busy_to_readers(&self) -> bool {
        take_one(&self.busy_to_readers)
    }

    /// How long what a client says is left unread.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::Relaxed))
    }
}

fn take_one(left: &AtomicU32) -> bool {
    let one_less = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        .is_ok()
}

/// Faults of connections, and of the hub as a whole.
impl Handle {
    /// Drops every connection without a word, as a network does. How many there were.
    pub fn cut_connections(&self) -> usize {
        let connections = self.namespace.connections();
        connections.iter().for_each(Mailbox::cut);
        connections.len()
    }

    /// Closes every connection with this condition, for example `amqp:connection:forced`. How many there were.
    ///
    /// # Errors
    ///
    /// If the condition is not ASCII.
    pub fn close_connections(&self, condition: &str) -> Result<usize, HubError> {
        let error = asked_for(condition)?;
        let connections = self.namespace.connections();
        for connection in &connections {
            connection.send(Command::Close(error.clone()));
        }
        Ok(connections.len())
    }

    /// Leaves every connection open and never reads from it nor writes to it again, as if its other end had vanished;
    /// new ones are served. How many there were.
    pub fn mute_connections(&self) -> usize {
        let connections = self.namespace.connections();
        connections.iter().for_each(Mailbox::mute);
        connections.len()
    }

    /// Answers what is asked over a connection that is open now (`$management`) with 401, while its links go on: as for a
    /// client that goes on asking with the token that it began with. How many there were.
    pub fn refuse_questions(&self) -> usize {
        let connections = self.namespace.connections();
        for connection in &connections {
            connection.send(Command::RefuseQuestions);
        }
        connections.len()
    }

    /// While set, connections are accepted and never answered; those that are open stay as they are.
    pub fn never_answer(&self, on: bool) {
        self.namespace
            .faults
            .never_answers
            .store(on, Ordering::Relaxed);
    }

    /// While set, all connections, old and new, stay open and are neither read nor answered; then everything goes on
    /// where it stood. So does a process that is stopped and continued.
    pub fn silence(&self, on: bool) {
        self.namespace.faults.silence.send_replace(on);
    }

    /// While set, the hub is as one that restarts: every connection is cut, and connecting is refused within moments.
    /// What it keeps, it keeps.
    pub fn away(&self, on: bool) {
        self.namespace.faults.away.send_replace(on);
        if on {
            self.cut_connections();
        }
    }

    /// While set, tokens are refused with this status: 401 is what Azure answers to a wrong one, 403 to one without
    /// the right.
    pub fn refuse_tokens(&self, status: Option<u16>) {
        self.namespace
            .faults
            .token_status
            .store(status.unwrap_or(0), Ordering::Relaxed);
    }

    /// While set, a token that is put expires after this long, even if it says that it lasts longer.
    pub fn shorten_tokens(&self, lifetime: Option<Duration>) {
        // A lifetime of nothing is as good as one of a millisecond.
        let lifetime_ms = lifetime.map_or(0, |lifetime| milliseconds(lifetime).max(1));
        self.namespace
            .faults
            .token_lifetime_ms
            .store(lifetime_ms, Ordering::Relaxed);
    }

    /// Answers the next so many sends with `com.microsoft:server-busy`.
    pub fn be_busy(&self, times: u32) {
        self.namespace
            .faults
            .busy_to_senders
            .store(times, Ordering::Relaxed);
    }

    /// Refuses the next so many readers with `com.microsoft:server-busy`.
    pub fn be_busy_to_readers(&self, times: u32) {
        self.namespace
            .faults
            .busy_to_readers
            .store(times, Ordering::Relaxed);
    }

    /// Leaves what a client says unread for this long, so that every answer comes so much later.
    pub fn delay_answers(&self, delay: Duration) {
        self.namespace
            .faults
            .delay_ms
            .store(milliseconds(delay), Ordering::Relaxed);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn asked_for(condition: &str) -> Result<AmqpError, HubError> {
    let symbol = Symbol::parse(condition.to_owned())
        .ok_or_else(|| HubError::Condition(condition.to_owned()))?;
    Ok(AmqpError::new(symbol, condition::ASKED_FOR))
}
