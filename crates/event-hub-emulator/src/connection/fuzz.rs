//! A connection without socket, clock and peer: what holds whatever a client sends.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::output::OVERFULL;
use super::{Connection, FRAME_SIZE_MAX, LATER_MAX};
use crate::amqp::frame::{AMQP_HEADER, Frame, SASL_HEADER};
use crate::clock::Now;
use crate::event::Incoming;
use crate::mailbox::{Inbox, Mailbox};
use crate::namespace::Namespace;
use crate::{EventHub, Settings};

/// What the small namespace retains, so that fuzzing meets dropped events.
const RETAIN_BYTES: usize = 256 * 1024;

/// What is added to the output after the client is no longer read: answers that waited, and an event.
const LAST_ANSWERS_MAX: usize = 4 * 1024 * 1024;

/// Milliseconds since the Unix epoch: 2026, when the tokens in the seeds were valid.
const BEGINNING: i64 = 1_767_225_600_000;

/// How much later each chunk comes than the one before: longer than answers wait.
const STEP: Duration = Duration::from_millis(10);

/// Feeds a connection with what a client sends: after a number of two bytes, the bytes of its socket, in chunks of that
/// many. The client reads the answers after every other chunk.
///
/// # Panics
///
/// If the connection grows without bound, sends what is not AMQP, or leaves a reader behind.
pub fn connection(input: &[u8]) {
    let Some((&chunk_size, bytes)) = input.split_first_chunk() else {
        return;
    };
    let chunk_size = usize::from(u16::from_be_bytes(chunk_size)).max(1);
    let namespace = small_namespace();
    let mut client = Client::connect(Arc::clone(&namespace));
    for (index, chunk) in bytes.chunks(chunk_size).enumerate() {
        client.send(chunk);
        if index % 2 == 1 || !client.connection.wants_input() {
            client.read();
        }
        if client.connection.closed {
            break;
        }
    }
    client.read();
    drop(client);
    let mut retained = 0;
    for partition in namespace.all_partitions(event_hub(&namespace)) {
        assert_eq!(partition.readers, 0, "a reader outlives its connection");
        retained += partition.retained_bytes;
    }
    assert!(retained <= RETAIN_BYTES, "{retained} bytes are retained");
}

struct Client {
    connection: Connection,
    inbox: Inbox,
    input: BytesMut,
    now: Now,
}

impl Client {
    fn connect(namespace: Arc<Namespace>) -> Self {
        let (mailbox, inbox) = Mailbox::new();
        Self {
            connection: Connection::new(1, namespace, mailbox),
            inbox,
            input: BytesMut::new(),
            now: Now {
                instant: Instant::now(),
                timestamp: BEGINNING,
            },
        }
    }

    /// What the task of a connection does with what it reads.
    fn send(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.now.instant += STEP;
        self.now.timestamp += i64::try_from(STEP.as_millis()).unwrap_or(0);
        let connection = &mut self.connection;
        connection.take_input(&mut self.input, self.now);
        connection.take_due(self.now);
        connection.fill(self.now);
        while let Ok(command) = self.inbox.commands.try_recv() {
            connection.take_command(command);
        }
        assert!(connection.later.len() <= LATER_MAX + 1);
        let length = connection.output.buffer.len();
        assert!(
            length <= OVERFULL + LAST_ANSWERS_MAX,
            "{length} bytes wait for the client"
        );
        if !connection.closed && connection.wants_input() {
            let unread = u32::try_from(self.input.len()).unwrap_or(u32::MAX);
            assert!(
                unread < FRAME_SIZE_MAX,
                "{unread} bytes are not a frame yet"
            );
        }
    }

    /// Checks that the answers are headers and frames.
    fn read(&mut self) {
        let mut output = self.connection.output.buffer.split();
        while !output.is_empty() {
            if output.starts_with(&SASL_HEADER) || output.starts_with(&AMQP_HEADER) {
                output.advance(SASL_HEADER.len());
            } else if output.get(5) == Some(&1) {
                // Of the SASL layer, which only clients have to read.
                let size = output.clone().get_u32();
                output.advance(usize::try_from(size).expect("a small number"));
            } else {
                let frame = Frame::take(&mut output, FRAME_SIZE_MAX);
                assert!(matches!(frame, Ok(Some(_))), "not a frame: {frame:?}");
            }
        }
    }
}

/// One event hub `calls` of four partitions, which hold events of one frame and of several.
fn small_namespace() -> Arc<Namespace> {
    let settings = Settings {
        retain_bytes: RETAIN_BYTES,
        ..Settings::local([EventHub::new("calls", 4)])
    };
    let namespace = Namespace::new(&settings, BEGINNING);
    let id = event_hub(&namespace);
    for size in [10, 100, 100_000, 10] {
        let mut message = BytesMut::new();
        crate::amqp::message::put_data(&mut message, &vec![b'x'; size]);
        let message = Incoming::parse(&message.freeze()).expect("a message");
        namespace.publish(id, None, None, &[message], BEGINNING);
    }
    Arc::new(namespace)
}

fn event_hub(namespace: &Namespace) -> crate::namespace::EventHubId {
    namespace.find("calls").expect("it is in the settings")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::connection;

    #[test]
    fn what_clients_sent_is_read_in_chunks_of_any_size() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/connection");
        let mut count = 0;
        for seed in fs::read_dir(seeds).expect("the seeds") {
            let mut input = fs::read(seed.expect("a file").path()).expect("a seed");
            for chunk_size in [1_u16, 7, 100, 8192, u16::MAX] {
                input[..2].copy_from_slice(&chunk_size.to_be_bytes());
                connection(&input);
            }
            count += 1;
        }
        assert!(count > 5, "{count} seeds");
    }
}
