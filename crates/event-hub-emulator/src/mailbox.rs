//! How other tasks reach a connection: commands, a wake-up when there are new events, and its end.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::amqp::performative::AmqpError;

/// Commands that wait for a connection. Its task takes them before anything else; a connection whose task does not is
/// severed.
const COMMANDS_MAX: usize = 256;

/// What a connection can be asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Detach the link of this reader, which is no longer registered as one.
    Detach {
        reader: ReaderId,
        error: Option<AmqpError>,
    },
    /// Close, with this error.
    Close(AmqpError),
    /// Answer requests to `$management` with 401 from now on.
    RefuseQuestions,
}

/// Which link a reader is, among all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderId {
    pub(crate) connection: u64,
    /// Unlike channel and handle, never used again.
    pub(crate) serial: u64,
    pub(crate) channel: u16,
    pub(crate) handle: u32,
}

/// The address of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    commands: mpsc::Sender<Command>,
    events: Arc<Notify>,
    severed: CancellationToken,
    muted: CancellationToken,
}

/// The connection's end of it.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Notified when a partition that is read here has new events.
    pub(crate) events: Arc<Notify>,
    /// When cancelled, the socket is dropped without a word.
    pub(crate) severed: CancellationToken,
    /// When cancelled, the socket is neither read nor written any more, and stays open.
    pub(crate) muted: CancellationToken,
}

impl Mailbox {
    pub(crate) fn new() -> (Self, Inbox) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let mailbox = Self {
            commands: sender,
            events: Arc::new(Notify::new()),
            severed: CancellationToken::new(),
            muted: CancellationToken::new(),
        };
        let inbox = Inbox {
            commands,
            events: Arc::clone(&mailbox.events),
            severed: mailbox.severed.clone(),
            muted: mailbox.muted.clone(),
        };
        (mailbox, inbox)
    }

    pub(crate) fn send(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            self.sever();
        }
    }

    pub(crate) fn new_events(&self) {
        self.events.notify_one();
    }

    pub(crate) fn sever(&self) {
        self.severed.cancel();
    }

    pub(crate) fn mute(&self) {
        self.muted.cancel();
    }
}
