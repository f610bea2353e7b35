//! An event that cannot be received, and when it is skipped.

use super::super::extent::Extent;

/// The event of this sequence number could not be received, this often in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undecodable {
    sequence_number: i64,
    times: u32,
}

/// An event that fails this often in a row, each time over a fresh link and the last times received alone, is itself at
/// fault.
pub(super) const UNDECODABLE_MAX: u32 = 3;

impl Undecodable {
    /// Another failure, at the event of this sequence number.
    pub(super) fn again(before: Option<Self>, sequence_number: i64) -> Self {
        let before = before.filter(|before| before.sequence_number == sequence_number);
        Self {
            sequence_number,
            times: before.map_or(0, |before| before.times) + 1,
        }
    }

    /// The event to skip: one that the hub reports that it has.
    pub(super) fn to_skip(self, extent: &Extent) -> Option<i64> {
        (self.times >= UNDECODABLE_MAX && extent.has(self.sequence_number))
            .then_some(self.sequence_number)
    }
}
