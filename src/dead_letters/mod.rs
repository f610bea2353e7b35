//! Events that could not be read, kept so that a person can find out why. Off unless a directory is configured.
//!
//! Every event with rejected records is appended to files that only their owner may read, since bodies contain what the
//! metrics and the log must not: addresses of callers, ids, URIs. `replay` reads the files.
//!
//! The pipeline never waits for a letter and never fails because of one: a bounded queue leads to a thread of its own
//! (disks block), what does not fit is dropped, and the fate of each letter is counted. When the bound on the files is
//! reached, the oldest are removed first.

mod files;
mod letter;
mod settings;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use time::OffsetDateTime;
use tokio::sync::mpsc;

pub(crate) use letter::{MARK, read};
pub(crate) use settings::{Keys, Settings};

use crate::disposition::Reject;
use crate::event::{Event, PartitionId};
use crate::telemetry::{LetterFate, Telemetry};
use files::Files;
use letter::DeadLetter;

/// Letters that may wait for the disk: at the largest event of a standard hub, 1 MB, this is a bound on memory too.
const QUEUE_LETTERS: usize = 64;

/// Takes letters from the pipeline.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    letters: mpsc::Sender<DeadLetter>,
    telemetry: Arc<Telemetry>,
}

/// The thread that writes the letters.
#[derive(Debug)]
pub(crate) struct Keeping {
    thread: JoinHandle<()>,
}

/// Starts the thread; it ends when every [`DeadLetters`] is dropped and every letter that waited is written.
///
/// A directory that cannot be written to is not an error: it may be there later, and until then every letter is counted
/// as failed.
///
/// # Errors
///
/// When the system has no thread for it.
pub(crate) fn keep(
    settings: Settings,
    telemetry: Arc<Telemetry>,
) -> io::Result<(DeadLetters, Keeping)> {
    telemetry.dead_letters_are_kept();
    let (letters, mut waiting) = mpsc::channel::<DeadLetter>(QUEUE_LETTERS);
    let counted = Arc::clone(&telemetry);
    let thread = std::thread::Builder::new()
        .name("dead-letters".to_owned())
        .spawn(move || {
            let mut files = Files::new(settings);
            while let Some(letter) = waiting.blocking_recv() {
                match files.append(&letter) {
                    Ok(()) => counted.dead_letter(LetterFate::Written),
                    Err(error) => counted.dead_letter(LetterFate::Failed(&error)),
                }
            }
        })?;
    Ok((DeadLetters { letters, telemetry }, Keeping { thread }))
}

impl DeadLetters {
    /// Queues an event to be kept, or drops it if too many wait. Never waits.
    pub(crate) fn offer(&self, partition: &PartitionId, event: &Event, reasons: &[Reject]) {
        let Ok(permit) = self.letters.try_reserve() else {
            self.telemetry.dead_letter(LetterFate::Dropped);
            return;
        };
        permit.send(DeadLetter {
            partition: partition.clone(),
            event: event.clone(),
            rejected_at: OffsetDateTime::now_utc(),
            reasons: reasons.to_vec(),
        });
    }
}

impl Keeping {
    /// Waits until every queued letter is written.
    pub(crate) async fn join(self) {
        // A panic of the thread was printed; its letters are lost either way.
        let _ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
    }
}
