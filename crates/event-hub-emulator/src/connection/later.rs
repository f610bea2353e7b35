//! Answers that wait for some milliseconds, since a client that gets them at once hangs.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use crate::amqp::performative::{DeliveryState, Disposition, ROLE_RECEIVER};

/// How long a settlement waits.
///
/// fe2o3-amqp 0.16, which the Rust SDK is built on, registers a message as unsettled after it has handed out the
/// transfer; a disposition that is faster finds nothing, and the send waits for ever (fixed in its 0.18.2). On an idle
/// machine three runs in three hung with 1 ms and none with 2 ms.
pub(super) const SETTLE_AFTER: Duration = Duration::from_millis(5);

/// How long after the outcome the Rust SDK receives the settlement.
///
/// With more work than processors, one in some hundred sends loses that race at 5 ms too. fe2o3-amqp accepts an outcome
/// that is not settled yet, and keeps the delivery. So it gets two dispositions, and a send that missed the first takes
/// this long instead of hanging. Longer than a thread waits for a processor, shorter than a client's patience.
pub(super) const SETTLE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the answer to a detach waits. For a link to a service it is dropped if the session ends meanwhile.
///
/// JavaScript ends the session right after it detaches from a partition, and expects both answers: without the first its
/// process lives on for a minute.
pub(super) const DETACH_AFTER: Duration = Duration::from_millis(3);

/// How long the answer to the Rust SDK's detach from `$cbs` waits.
///
/// After putting a token it drops both links and then ends the session. The answers to the detaches find no link; if two
/// come before that to the end, fe2o3-amqp forgets the session at the second, takes the end for one of an unknown
/// session, and closes the connection. No time is short enough: a client that waits for a processor ends its session
/// late. It never waits for these answers, so this is longer than any such wait.
pub(super) const CBS_DETACH_AFTER: Duration = Duration::from_secs(1);

/// An answer that is sent when its time has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deferred {
    Settle(Outcome),
    SettleAgain(Outcome),
    Detach {
        channel: u16,
        handle: u32,
        /// As the client's detach was.
        closed: bool,
        /// Of a link to `$cbs` or `$management`, not to a partition.
        of_service: bool,
    },
}

/// What became of a delivery, or of several in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) channel: u16,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) state: DeliveryState,
}

impl Outcome {
    fn continues(&self, before: &Self) -> bool {
        self.channel == before.channel
            && self.first == before.last.wrapping_add(1)
            && self.state == before.state
    }
}

impl Connection {
    /// Sends what is due. Outcomes of deliveries in a row go as one frame.
    pub(super) fn send_due(&mut self, due: Vec<Deferred>, now: Instant) {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for deferred in due {
            match deferred {
                Deferred::Detach {
                    channel,
                    handle,
                    closed,
                    ..
                } => self.answer_detach(channel, handle, closed),
                Deferred::SettleAgain(outcome) => self.dispose(&outcome, true),
                Deferred::Settle(outcome) => match outcomes.last_mut() {
                    Some(row) if outcome.continues(row) => row.last = outcome.last,
                    _ => outcomes.push(outcome),
                },
            }
        }
        for outcome in outcomes {
            // Settled at once, whatever mode the client attached with: pyamqp ignores a disposition that is not.
            self.dispose(&outcome, !self.is_rust_sdk);
            if self.is_rust_sdk {
                let again = Deferred::SettleAgain(outcome);
                self.later.push(now + SETTLE_AGAIN_AFTER, again);
            }
        }
    }

    fn dispose(&mut self, outcome: &Outcome, settled: bool) {
        let disposition = Disposition {
            role: ROLE_RECEIVER,
            first: outcome.first,
            last: Some(outcome.last),
            settled: Some(settled),
            state: Some(outcome.state.clone()),
            batchable: Some(false),
        };
        self.output.put(outcome.channel, &disposition);
    }
}

/// What waits, by when it is due and then in the order of its coming.
#[derive(Debug, Default)]
pub(super) struct Later {
    entries: BTreeMap<(Instant, u64), Deferred>,
    serial: u64,
}

impl Later {
    pub(super) fn push(&mut self, due: Instant, deferred: Deferred) {
        self.serial += 1;
        self.entries.insert((due, self.serial), deferred);
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Deferred> {
        let not_due = self.entries.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.entries, not_due)
            .into_values()
            .collect()
    }

    /// Drops what waits for a session that has ended. Gives the links that still need their detach: the handle of each, and
    /// whether it closes.
    pub(super) fn take_ended(&mut self, ended: u16) -> Vec<(u32, bool)> {
        let mut links = Vec::new();
        self.entries.retain(|_, deferred| match deferred {
            Deferred::Settle(outcome) | Deferred::SettleAgain(outcome) => outcome.channel != ended,
            Deferred::Detach {
                channel,
                handle,
                closed,
                of_service,
            } => {
                if *channel == ended && !*of_service {
                    links.push((*handle, *closed));
                }
                *channel != ended
            }
        });
        links
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
