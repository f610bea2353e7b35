//! The walk from document to envelope to record, each record read strictly first and repaired if need be.
//!
//! A text may come whole, or in windows: of a file of any size, no more is in memory than one record. So the walk goes in
//! steps, each of which passes a bracket, a key or a record. A step that has met the end of a window, where more would
//! follow, is taken again with the next window: the same bytes give the same records, whatever the windows.
//!
//! Linear: each level of nesting is looked at once, of which there are few, and where the strict parser has read much
//! further than the walk then went, it is not asked for a while.

mod steps;

use super::RecordText;
use crate::disposition::Reject;
use crate::repair::{Repair, Repairs, Rewriter};

/// What comes behind a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Another window, which begins with what this one leaves.
    More,
    /// More, but nothing of it has room: the record with which the window begins is too long.
    NoRoom,
    /// Nothing.
    Nothing,
    /// Something that is lost.
    Lost,
}

/// Bytes that the strict parser may read in vain in any case: as many as a broken event of some records makes it read.
const READ_IN_VAIN_MAX: usize = 64 << 10;

/// Finds the records of a text.
#[derive(Debug, Default)]
pub struct Walk {
    /// What was opened and not closed, outermost first.
    open: Vec<Open>,
    next: Next,
    /// How many brackets stand around the text itself, where it was a text within another.
    depth: usize,
    /// Whether there was anything at all.
    has_begun: bool,
    is_truncated: bool,
    /// How many bytes came before the window.
    read: usize,
    /// How many bytes the strict parser has read beyond where the walk then went.
    read_in_vain: usize,
    /// Whether that is so much that the parser is not asked for now.
    is_parser_unasked: bool,
    repairs: Vec<Repair>,
}

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Array,
    /// An object around records.
    Wrapper,
    /// Quotes around an object or an array whose own are not escaped.
    Quotes,
}

/// What must come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// What may stand where the walk is: a document, an item, a key.
    #[default]
    Any,
    /// The value of a key of a wrapper.
    Value,
    /// A document or a record, behind text that is neither, which was counted. Whether only blanks stand between here
    /// and the beginning of the line.
    Beginning { of_line: bool },
}

/// What a step did.
enum Step<'a> {
    /// It passed what does not even make a body that is not empty.
    Skipped,
    /// It passed something that is no record.
    Passed(Next),
    Opened(Open, Next),
    Closed,
    Found(RecordText<'a>),
    /// It found the records of a text within this one, and what was repaired in them.
    FoundInside(Vec<RecordText<'static>>, Vec<Repair>),
    /// The text ended within something.
    Truncated,
    /// The text ends here.
    End,
}

impl Walk {
    /// Passes on the records of a window, each with the place where it begins, and returns how many bytes were read.
    pub fn window<'a>(
        &mut self,
        text: &'a [u8],
        behind: Behind,
        take: impl FnMut(usize, RecordText<'a>),
    ) -> usize {
        let read = self.walk(text, behind, take);
        self.read += read;
        read
    }

    fn walk<'a>(
        &mut self,
        text: &'a [u8],
        behind: Behind,
        mut take: impl FnMut(usize, RecordText<'a>),
    ) -> usize {
        let mut text = Rewriter::new(text);
        let mut has_room = behind != Behind::NoRoom;
        loop {
            if !matches!(self.next, Next::Beginning { .. }) {
                text.skip_blanks();
            }
            let begin = text.at();
            let is_last = !has_room || matches!(behind, Behind::Nothing | Behind::Lost);
            let step = self.step(&mut text, is_last);
            if !is_last && text.has_met_end() {
                return begin;
            }
            let is_end = matches!(step, Step::End | Step::Truncated);
            if is_end && !has_room {
                self.truncated(begin, &mut take);
                self.is_truncated = false;
                self.next = Next::Beginning { of_line: false };
                return text.at();
            }
            has_room = true;
            self.done(step, begin, &mut text, &mut take);
            if is_end {
                self.ended(behind, text.at(), &mut take);
                return text.at();
            }
        }
    }

    /// The repairs that were made since this was last asked: each kind once for each record that needed it.
    pub fn take_repairs(&mut self) -> Vec<Repair> {
        std::mem::take(&mut self.repairs)
    }

    /// Goes where a step has led.
    fn done<'a>(
        &mut self,
        step: Step<'a>,
        begin: usize,
        text: &mut Rewriter<'a>,
        take: &mut impl FnMut(usize, RecordText<'a>),
    ) {
        let repairs = text.take_repairs();
        let is_repaired = repairs.iter().any(|repair| repair.hides_an_end());
        self.note_repairs(repairs, &step);
        self.note_read_in_vain(text.take_read_in_vain(), text.at());
        self.next = Next::Any;
        match step {
            Step::Passed(next) => self.next = next,
            Step::Opened(open, next) => {
                self.open.push(open);
                self.next = next;
            }
            Step::Closed => {
                self.open.pop();
            }
            Step::Found(Err(Reject::BodyNotJson)) => {
                take(begin, Err(Reject::BodyNotJson));
                self.next = Next::Beginning { of_line: false };
            }
            Step::Found(record) => take(begin, marked(record, is_repaired)),
            Step::FoundInside(records, repairs) => {
                self.repairs.extend(repairs);
                for record in records {
                    take(begin, marked(record, is_repaired));
                }
            }
            Step::Truncated => self.truncated(begin, take),
            Step::Skipped | Step::End => return,
        }
        self.has_begun = true;
    }

    /// Of a record that is rejected, only that another was parted from it is a repair.
    fn note_repairs(&mut self, mut repairs: Repairs, step: &Step<'_>) {
        if repairs.is_empty() {
            return;
        }
        if matches!(step, Step::Found(Err(_)) | Step::Truncated) {
            repairs.retain(|repair| *repair == Repair::MergedRecords);
        }
        self.repairs.extend(repairs);
    }

    /// The end is missing. How many records it held cannot be known, so it counts as one.
    fn truncated<'a>(&mut self, at: usize, take: &mut impl FnMut(usize, RecordText<'a>)) {
        if !self.is_truncated {
            self.is_truncated = true;
            take(at, Err(Reject::Truncated));
        }
    }

    fn ended<'a>(
        &mut self,
        behind: Behind,
        at: usize,
        take: &mut impl FnMut(usize, RecordText<'a>),
    ) {
        if behind == Behind::Lost || !self.open.is_empty() {
            self.truncated(at, take);
        } else if !self.has_begun {
            take(at, Err(Reject::EmptyBody));
        }
    }

    /// Has the strict parser asked no more once it has read much in vain, until the walk has caught up: objects in objects
    /// that never end, say, of which each is most likely a record.
    fn note_read_in_vain(&mut self, bytes: usize, at: usize) {
        self.read_in_vain += bytes;
        if bytes > 0 || self.is_parser_unasked {
            let much = READ_IN_VAIN_MAX.max(4 * (self.read + at));
            self.is_parser_unasked = self.read_in_vain > much;
        }
    }

    fn depth(&self) -> usize {
        self.depth + self.open.len()
    }
}

/// A record of a text that was repaired, if it was.
fn marked(mut record: RecordText<'_>, is_repaired: bool) -> RecordText<'_> {
    if let Ok(text) = &mut record {
        text.is_repaired |= is_repaired;
    }
    record
}
