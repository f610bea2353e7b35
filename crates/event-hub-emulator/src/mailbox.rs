//! How others reach a connection: commands, a nudge that there is something to send, and the cut.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::amqp::performative::AmqpError;
use super::reader::ReaderId;

/// Commands that wait for a connection. Its task takes them before anything else; one that does not is beyond help,
/// and is cut.
const COMMANDS_MAX: usize = 256;

/// What a connection can be told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Detach the link of this reader, which is no longer registered as one.
    Detach {
        reader: ReaderId,
        error: Option<AmqpError>,
    },
    /// Say good-bye and end.
    Close(AmqpError),
    /// Answer no more questions.
    RefuseQuestions,
}

/// The address of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    commands: mpsc::Sender<Command>,
    events: Arc<Notify>,
    cut: CancellationToken,
    muted: CancellationToken,
}

/// The connection's end of it.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Notified when a partition that is read here has new events.
    pub(crate) events: Arc<Notify>,
    /// When cancelled, the socket is dropped without a word.
    pub(crate) cut: CancellationToken,
    /// When cancelled, the socket is neither read nor written any more, and stays open.
    pub(crate) muted: CancellationToken,
}

impl Mailbox {
    pub(crate) fn new() -> (Self, Inbox) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let mailbox = Self {
            commands: sender,
            events: Arc::new(Notify::new()),
            cut: CancellationToken::new(),
            muted: CancellationToken::new(),
        };
        let inbox = Inbox {
            commands,
            events: Arc::clone(&mailbox.events),
            cut: mailbox.cut.clone(),
            muted: mailbox.muted.clone(),
        };
        (mailbox, inbox)
    }

    pub(crate) fn send(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            self.cut();
        }
    }

    pub(crate) fn new_events(&self) {
        self.events.notify_one();
    }

    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    pub(crate) fn mute(&self) {
        self.muted.cancel();
    }
}
