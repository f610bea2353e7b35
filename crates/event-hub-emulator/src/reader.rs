//! The readers of a partition, and which may read: owner levels.
//!
//! A reader with an owner level is the only one of its consumer group: the next with the same level or a higher one
//! displaces it, with `amqp:link:stolen`. Without a level, up to five read side by side while no reader has one.

use super::amqp::performative::AmqpError;
use super::condition::{RESOURCE_LIMIT, STOLEN};
use super::mailbox::{Command, Mailbox, ReaderId};

/// Readers without an owner level per partition and consumer group; Event Hubs documents five.
const READERS_MAX: usize = 5;

/// A link that reads a partition.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) id: ReaderId,
    pub(crate) consumer_group: String,
    pub(crate) owner_level: Option<i64>,
    /// The client's name for it, for the texts of errors.
    pub(crate) name: String,
    /// Its connection.
    pub(crate) mailbox: Mailbox,
    /// It receives nothing: a fault that was asked for.
    pub(crate) frozen: bool,
}

impl Reader {
    fn detach(&self, error: Option<AmqpError>) {
        self.mailbox.send(Command::Detach {
            reader: self.id,
            error,
        });
    }
}

/// The readers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Readers(Vec<Reader>);

impl Readers {
    /// Adds a reader, and detaches those that it displaces.
    pub(crate) fn claim(&mut self, candidate: Reader) -> Result<(), AmqpError> {
        let same_group = |reader: &Reader| reader.consumer_group == candidate.consumer_group;
        let highest = self
            .0
            .iter()
            .filter(|reader| same_group(reader))
            .filter_map(|reader| reader.owner_level)
            .max();
        match (candidate.owner_level, highest) {
            (None, Some(owner)) => {
                let description = format!(
                    "At least one receiver for the endpoint is created with epoch of '{owner}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected."
                );
                return Err(AmqpError::new(STOLEN, description));
            }
            (Some(level), Some(owner)) if level < owner => {
                let description = format!(
                    "Receiver '{}' with a higher epoch '{owner}' already exists. Receiver with epoch {level} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.",
                    candidate.name
                );
                return Err(AmqpError::new(STOLEN, description));
            }
            (Some(level), _) => {
                for reader in self.0.extract_if(.., |reader| same_group(reader)) {
                    let description = format!(
                        "New receiver '{}' with higher epoch of '{level}' is created hence current receiver '{}' with epoch '{}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.",
                        candidate.name,
                        reader.name,
                        reader.owner_level.unwrap_or(-1)
                    );
                    reader.detach(Some(AmqpError::new(STOLEN, description)));
                }
            }
            (None, None) => {
                if self.0.iter().filter(|reader| same_group(reader)).count() >= READERS_MAX {
                    let description = format!(
                        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is {READERS_MAX}."
                    );
                    return Err(AmqpError::new(RESOURCE_LIMIT, description));
                }
            }
        }
        self.0.push(candidate);
        Ok(())
    }

    pub(crate) fn release(&mut self, id: ReaderId) {
        self.0.retain(|reader| reader.id != id);
    }

    /// Detaches every reader. Gives how many there were.
    pub(crate) fn detach_all(&mut self, error: Option<&AmqpError>) -> usize {
        let readers = std::mem::take(&mut self.0);
        for reader in &readers {
            reader.detach(error.cloned());
        }
        readers.len()
    }

    /// Freezes the present readers. Gives how many there are.
    pub(crate) fn freeze(&mut self) -> usize {
        for reader in &mut self.0 {
            reader.frozen = true;
        }
        self.0.len()
    }

    pub(crate) fn is_frozen(&self, id: ReaderId) -> bool {
        self.0.iter().any(|reader| reader.frozen && reader.id == id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reader> {
        self.0.iter()
    }
}
