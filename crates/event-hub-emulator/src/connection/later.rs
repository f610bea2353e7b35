//! Answers that are held back, since a client that gets them at once hangs.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::amqp::performative::DeliveryState;

/// How long a settlement is held back.
///
/// fe2o3-amqp 0.16, which the Rust SDK is built on, registers a message as unsettled after it has handed out the
/// transfer; a disposition that is faster finds nothing, and the send waits for ever (fixed in its 0.18.2). On an idle
/// machine three runs in three hung with 1 ms and none with 2 ms.
pub(super) const SETTLE_AFTER: Duration = Duration::from_millis(5);

/// How long after the outcome the Rust SDK is told that a delivery is settled.
///
/// With more work than processors, one in some hundred sends loses that race at 5 ms too. fe2o3-amqp takes an outcome
/// that is not settled yet, and does not forget the delivery: so it is told twice, and a send that missed the first
/// takes this long instead of hanging. Longer than a thread waits for a processor, shorter than a client's patience.
pub(super) const SETTLE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the answer to a detach is held back, and dropped for a service's link if the session ends meanwhile.
///
/// After putting a token the Rust SDK detaches twice, ends the session and forgets it. Answers that come then look to
/// it like frames of an unknown session, and it closes the connection: 3 of 230 producers failed so, none with this.
/// JavaScript ends the session right after it detaches from a partition too, and wants both answers: without the first
/// its process lives on for a minute.
pub(super) const DETACH_AFTER: Duration = Duration::from_millis(3);

/// Something to say when its time has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deferred {
    Settle {
        channel: u16,
        delivery_id: u32,
        state: DeliveryState,
    },
    SettleAgain(Settled),
    Detach {
        channel: u16,
        handle: u32,
        /// Of a link to `$cbs` or `$management`, not to a partition.
        of_service: bool,
    },
}

/// Deliveries in a row that became the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settled {
    pub(super) channel: u16,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) state: DeliveryState,
}

impl Settled {
    pub(super) fn continues(&self, channel: u16, delivery_id: u32, state: &DeliveryState) -> bool {
        self.channel == channel && self.last.wrapping_add(1) == delivery_id && self.state == *state
    }
}

impl Deferred {
    fn channel(&self) -> u16 {
        match self {
            Self::Settle { channel, .. } | Self::Detach { channel, .. } => *channel,
            Self::SettleAgain(settled) => settled.channel,
        }
    }
}

/// What is held back, by when it is due and then in the order of its coming.
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

    /// Forgets what was for a session that has ended, but for what it still has to hear.
    pub(super) fn take_ended(&mut self, channel: u16) -> Vec<Deferred> {
        let of_session = |_: &_, deferred: &mut Deferred| deferred.channel() == channel;
        let all = self.entries.extract_if(.., of_session);
        all.map(|(_, deferred)| deferred)
            .filter(|deferred| {
                matches!(
                    deferred,
                    Deferred::Detach {
                        of_service: false,
                        ..
                    }
                )
            })
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
