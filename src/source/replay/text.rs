//! Text of any length -> records, by the walk of the live decoder.
//!
//! The text is read in windows. A window grows while it holds no whole record, up to [`RECORD_BYTES_MAX`], so memory is
//! that of one record; an envelope may be as long as it likes.

use std::io::{self, Read};

use super::{Location, Replayed};
use crate::envelope::{Behind, Opened, Walk};

/// How much is read at a time: enough that the overhead vanishes, and little enough to stay in the processor's cache.
const WINDOW_BYTES: usize = 256 << 10;

/// An event of an event hub has 1 MB at most (20 MB in a dedicated cluster, which Azure Monitor does not fill), so no
/// record is longer than this. Of one that is, all but the fact is lost.
pub(super) const RECORD_BYTES_MAX: usize = 16 << 20;

/// Passes on the records of a text, until `take` returns false.
///
/// # Errors
///
/// When the text cannot be read to its end. What was read was passed on, and what is missing as one rejected record.
pub(super) fn read(
    mut reader: impl Read,
    take: &mut dyn FnMut(Replayed<'_>) -> bool,
) -> io::Result<()> {
    let mut walk = Walk::default();
    let mut window = Vec::new();
    let mut room = WINDOW_BYTES;
    let mut line = 1;
    let mut has_room = true;
    loop {
        let missing = u64::try_from(room - window.len()).unwrap_or(0);
        let read = reader.by_ref().take(missing).read_to_end(&mut window);
        let behind = match read {
            Err(_) => Behind::Lost,
            Ok(_) if window.len() < room => Behind::Nothing,
            Ok(_) if has_room => Behind::More,
            Ok(_) => Behind::NoRoom,
        };
        let (used, goes_on) = pass_on(&mut walk, &window, behind, &mut line, take);
        window.drain(..used);
        if !goes_on || matches!(behind, Behind::Nothing | Behind::Lost) {
            return read.map(|_| ());
        }
        has_room = window.len() < RECORD_BYTES_MAX;
        let more = if used == 0 { room } else { WINDOW_BYTES };
        room = RECORD_BYTES_MAX.min(window.len() + more);
    }
}

/// Passes on the records of a window that begins on this line. Returns how many bytes were read, and whether to go on.
fn pass_on(
    walk: &mut Walk,
    window: &[u8],
    behind: Behind,
    line: &mut u64,
    take: &mut dyn FnMut(Replayed<'_>) -> bool,
) -> (usize, bool) {
    let mut locations = Vec::new();
    let mut records = Vec::new();
    let mut counted = 0;
    let mut count_to = |at: usize, line: &mut u64| {
        *line += newlines(window.get(counted..at).unwrap_or_default());
        counted = at;
    };
    let used = walk.window(window, behind, |at, record| {
        count_to(at, line);
        locations.push(Location::Line(*line));
        records.push(record);
    });
    count_to(used, line);
    let repairs = walk.take_repairs();
    let goes_on = take(Replayed {
        enqueued_at: None,
        opened: Opened { records, repairs },
        locations,
    });
    (used, goes_on)
}

fn newlines(text: &[u8]) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text).count();
    u64::try_from(newlines).unwrap_or(u64::MAX)
}
