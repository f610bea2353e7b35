//! The faults in force that all connections look at.

use std::time::Duration;

use tokio::sync::watch;

/// The faults that all connections look at.
#[derive(Debug, Default)]
pub(crate) struct Faults(watch::Sender<Active>);

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Active {
    /// New connections get no answer.
    pub(crate) never_answers: bool,
    /// Nothing is read and nothing is sent.
    pub(crate) silent: bool,
    /// New connections are refused.
    pub(crate) away: bool,
    /// Tokens are refused with this status.
    pub(crate) token_status: Option<u16>,
    /// Tokens expire after this time at the latest.
    pub(crate) token_lifetime: Option<Duration>,
    /// How many sends will be answered with server-busy.
    pub(crate) busy_sends: u32,
    /// How many readers will be refused with server-busy.
    pub(crate) busy_readers: u32,
    /// How many readers will be refused because of their start position.
    pub(crate) refused_positions: u32,
    /// How many answers about a partition will have nulls.
    pub(crate) null_answers: u32,
    /// How long what a client sends is left unread.
    pub(crate) delay: Duration,
}

impl Faults {
    pub(crate) fn get<T>(&self, read: impl FnOnce(&Active) -> T) -> T {
        read(&self.0.borrow())
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Active)) {
        self.0.send_modify(change);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Active> {
        self.0.subscribe()
    }

    /// Takes one from a count. False if it is used up.
    pub(crate) fn take_one(&self, count: fn(&mut Active) -> &mut u32) -> bool {
        let mut taken = false;
        self.0.send_if_modified(|active| {
            let count = count(active);
            taken = *count > 0;
            *count = count.saturating_sub(1);
            taken
        });
        taken
    }
}

/// Waits until the faults in force are such. At once if they are.
pub(crate) async fn until(
    faults: &mut watch::Receiver<Active>,
    condition: impl FnMut(&Active) -> bool,
) {
    // The sender lives in the namespace, as long as any connection.
    drop(faults.wait_for(condition).await);
}
