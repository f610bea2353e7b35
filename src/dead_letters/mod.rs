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

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use letter::{MARK, read};
pub(crate) use settings::Settings;

use crate::disposition::Reject;
use crate::event::{Event, PartitionId};
use crate::telemetry::{LetterFate, Telemetry};
use files::Files;
use letter::Letter;

/// Letters that may wait for the disk: at the largest event of a standard hub, 1 MB, this is a bound on memory too.
const QUEUE_LETTERS: usize = 64;

/// Takes letters from the pipeline.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    letters: mpsc::Sender<Letter>,
    telemetry: Arc<Telemetry>,
}

/// Starts to keep letters, if a directory is configured. The thread that writes them becomes one of `keeping`; it ends when
/// every [`DeadLetters`] is dropped and every letter that waited is written.
///
/// The configuration has refused a directory that cannot be written to. One that becomes so later is not an error: until it
/// can be written to again, every letter is counted as failed.
pub(crate) fn keep(
    settings: Settings,
    telemetry: &Arc<Telemetry>,
    keeping: &mut JoinSet<()>,
) -> Option<DeadLetters> {
    let mut files = Files::new(settings.directory?, settings.max_bytes);
    telemetry.dead_letters_are_kept();
    let (letters, mut waiting) = mpsc::channel::<Letter>(QUEUE_LETTERS);
    let counted = Arc::clone(telemetry);
    keeping.spawn_blocking(move || {
        while let Some(letter) = waiting.blocking_recv() {
            match files.append(&letter) {
                Ok(()) => counted.dead_letter(LetterFate::Written, None),
                Err(error) => counted.dead_letter(LetterFate::Failed, Some(&error)),
            }
        }
    });
    Some(DeadLetters {
        letters,
        telemetry: Arc::clone(telemetry),
    })
}

impl DeadLetters {
    /// Queues an event to be kept, or drops it if too many wait. Never waits.
    pub(crate) fn offer(&self, partition: &PartitionId, event: &Event, reasons: &[Reject]) {
        let Ok(permit) = self.letters.try_reserve() else {
            self.telemetry.dead_letter(LetterFate::Dropped, None);
            return;
        };
        let now = OffsetDateTime::now_utc();
        permit.send(Letter::new(partition, event, now, reasons));
    }
}
