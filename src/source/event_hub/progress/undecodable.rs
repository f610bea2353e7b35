//! An event that cannot be received, and when it is skipped.

/// The event of this sequence number could not be received, this often in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undecodable {
    pub(super) sequence_number: i64,
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

    /// The event to skip, if it is at fault.
    pub(super) fn to_skip(self) -> Option<i64> {
        (self.times >= UNDECODABLE_MAX).then_some(self.sequence_number)
    }
}
