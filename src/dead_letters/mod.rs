//! What could not be read, kept for whoever can find out why: off unless a directory is named.
//!
//! The body of every event with rejected records is appended to files that only their owner may read, since bodies
//! hold what the metrics and the log must not: addresses of callers, ids, URIs. `replay` reads them back.
//!
//! The pipeline never waits for it and never fails because of it: a bounded queue leads to a thread of its own (disks
//! block), what does not fit is dropped, and what became of each letter is counted. The oldest files go first when the
//! bound is reached.

mod files;
mod letter;
mod settings;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use time::OffsetDateTime;
use tokio::sync::mpsc;

pub(crate) use letter::{DeadLetter, MARK, NotALetter};
pub(crate) use settings::{Keys, Settings};

use crate::disposition::Reject;
use crate::event::{Event, PartitionId};
use crate::telemetry::{LetterFate, Telemetry};
use files::Files;

/// Letters that may wait for the disk: at the largest event of a standard hub, 1 MB, this is a bound on memory too.
const QUEUE_LETTERS: usize = 64;

/// Where the pipeline leaves letters.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    letters: mpsc::Sender<DeadLetter>,
    telemetry: Arc<Telemetry>,
}

/// The thread that writes them.
#[derive(Debug)]
pub(crate) struct Keeping {
    thread: JoinHandle<()>,
}

/// Starts the thread; it ends when every [`DeadLetters`] is gone and all that waited is written.
///
/// A directory that cannot be written to is no error: it may be there later, and until then every letter is counted as
/// failed.
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
    /// Leaves an event to be kept, or drops it if too many wait. Never waits.
    pub(crate) fn offer(&self, partition: &PartitionId, event: &Event, reasons: &[Reject]) {
        let Ok(place) = self.letters.try_reserve() else {
            self.telemetry.dead_letter(LetterFate::Dropped);
            return;
        };
        place.send(DeadLetter {
            partition: partition.clone(),
            event: event.clone(),
            rejected_at: OffsetDateTime::now_utc(),
            reasons: reasons
                .iter()
                .map(|reason| reason.label().to_owned())
                .collect(),
        });
    }
}

impl Keeping {
    /// Waits until all that was left is written.
    pub(crate) async fn join(self) {
        // A panic of the thread has been printed; what it had is lost either way.
        let _ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
    }
}
