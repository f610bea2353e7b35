//! Faults of connections, and of the namespace as a whole.

use std::time::Duration;

use super::{Handle, asked_for};
use crate::EmulatorError;
use crate::faults::Active;
use crate::mailbox::{Command, Mailbox};

/// Faults of connections, and of the namespace as a whole.
impl Handle {
    /// Drops every connection without a word, as a broken network does. Gives how many there were.
    pub fn sever_connections(&self) -> usize {
        self.on_connections(Mailbox::sever)
    }

    /// Closes every connection with this condition, for example `amqp:connection:forced`. Gives how many there were.
    ///
    /// # Errors
    ///
    /// If the condition is not ASCII.
    pub fn close_connections(&self, condition: &str) -> Result<usize, EmulatorError> {
        let error = asked_for(condition)?;
        Ok(self.on_connections(|connection| connection.send(Command::Close(error.clone()))))
    }

    /// Leaves every connection open, but never reads from it nor writes to it again, as if the other end had vanished. New
    /// connections are served. Gives how many there were.
    pub fn mute_connections(&self) -> usize {
        self.on_connections(Mailbox::mute)
    }

    /// Answers requests for properties (`$management`) over the connections that are open now with 401, while their links
    /// go on: as for a client that keeps using its first token. Gives how many there were.
    pub fn refuse_questions(&self) -> usize {
        self.on_connections(|connection| connection.send(Command::RefuseQuestions))
    }

    /// While set, new connections are accepted and never answered; open ones are served.
    pub fn never_answer(&self, on: bool) {
        self.set(|active| active.never_answers = on);
    }

    /// While set, all connections, old and new, stay open and are neither read nor answered; then each goes on where it
    /// stood, as with a process that is stopped and continued.
    pub fn silence(&self, on: bool) {
        self.set(|active| active.silent = on);
    }

    /// While set, every connection is severed and new ones are refused within moments, as by a service that restarts. The
    /// events are kept.
    pub fn away(&self, on: bool) {
        self.set(|active| active.away = on);
        if on {
            self.sever_connections();
        }
    }

    /// While set, tokens are refused with this status: Azure answers 401 to a wrong token, 403 to one without the right.
    pub fn refuse_tokens(&self, status: Option<u16>) {
        self.set(|active| active.token_status = status);
    }

    /// While set, new tokens expire after this time, even if they claim to be valid for longer.
    pub fn shorten_tokens(&self, lifetime: Option<Duration>) {
        self.set(|active| active.token_lifetime = lifetime);
    }

    /// Answers this many sends with `com.microsoft:server-busy`.
    pub fn be_busy(&self, times: u32) {
        self.set(|active| active.busy_sends = times);
    }

    /// Refuses this many readers with `com.microsoft:server-busy`.
    pub fn be_busy_to_readers(&self, times: u32) {
        self.set(|active| active.busy_readers = times);
    }

    /// Refuses the start position of this many readers with `com.microsoft:argument-error`.
    pub fn refuse_positions(&self, times: u32) {
        self.set(|active| active.refused_positions = times);
    }

    /// Answers this many questions about a partition with null for its last offset and the time of its last event.
    pub fn answer_null(&self, times: u32) {
        self.set(|active| active.null_answers = times);
    }

    /// Leaves what a client sends unread for this long, so that every answer is late by as much.
    pub fn delay_answers(&self, delay: Duration) {
        self.set(|active| active.delay = delay);
    }

    fn set(&self, change: impl FnOnce(&mut Active)) {
        self.namespace.faults.set(change);
    }

    fn on_connections(&self, fault: impl Fn(&Mailbox)) -> usize {
        let connections = self.namespace.connections();
        connections.iter().for_each(fault);
        connections.len()
    }
}
