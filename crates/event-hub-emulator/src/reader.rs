//! The readers of a partition, and which may read: owner levels.
//!
//! A reader with an owner level is the only one of its consumer group: the next with the same level or a higher one
//! displaces it, with `amqp:link:stolen`. Without a level, up to five read side by side while no reader has one.

use super::amqp::performative::AmqpError;
use super::condition::{RESOURCE_LIMIT, STOLEN};
use super::mailbox::Mailbox;

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

/// Which link a reader is, among all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderId {
    pub(crate) connection: u64,
    /// Unlike channel and handle, never used again.
    pub(crate) serial: u64,
    pub(crate) channel: u16,
    pub(crate) handle: u32,
}

/// A reader that has to be detached, and the error for it.
#[derive(Debug)]
pub(crate) struct Displaced {
    pub(crate) reader: Reader,
    pub(crate) error: AmqpError,
}

/// The readers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Readers(Vec<Reader>);

impl Readers {
    /// Adds a reader. Gives those that it displaces: they are removed here, and have yet to be detached.
    pub(crate) fn claim(&mut self, candidate: Reader) -> Result<Vec<Displaced>, AmqpError> {
        let same_group = |reader: &Reader| reader.consumer_group == candidate.consumer_group;
        let highest = self
            .0
            .iter()
            .filter(|reader| same_group(reader))
            .filter_map(|reader| reader.owner_level)
            .max();
        let displaced = match (candidate.owner_level, highest) {
            (None, Some(owner)) => {
                return Err(AmqpError::new(STOLEN, format!(
                    "At least one receiver for the endpoint is created with epoch of '{owner}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected."
                )));
            }
            (Some(level), Some(owner)) if level < owner => {
                return Err(AmqpError::new(STOLEN, format!(
                    "Receiver '{}' with a higher epoch '{owner}' already exists. Receiver with epoch {level} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.",
                    candidate.name
                )));
            }
            (Some(level), _) => self
                .0
                .extract_if(.., |reader| same_group(reader))
                .map(|reader| Displaced {
                    error: AmqpError::new(STOLEN, format!(
                        "New receiver '{}' with higher epoch of '{level}' is created hence current receiver '{}' with epoch '{}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.",
                        candidate.name,
                        reader.name,
                        reader.owner_level.unwrap_or(-1)
                    )),
                    reader,
                })
                .collect(),
            (None, None) => {
                if self.0.iter().filter(|reader| same_group(reader)).count() >= READERS_MAX {
                    return Err(AmqpError::new(RESOURCE_LIMIT, format!(
                        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is {READERS_MAX}."
                    )));
                }
                Vec::new()
            }
        };
        self.0.push(candidate);
        Ok(displaced)
    }

    pub(crate) fn release(&mut self, id: ReaderId) {
        self.0.retain(|reader| reader.id != id);
    }

    pub(crate) fn take_all(&mut self) -> Vec<Reader> {
        std::mem::take(&mut self.0)
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
