//! Remembers which records came lately, in bounded memory.

use std::collections::HashSet;
use std::mem;

/// Identities in one generation: at a busy hundred records a second, ten minutes; in memory about 1 MiB. Records that
/// two diagnostic settings repeat come within a minute or two of each other.
const GENERATION: usize = 65_536;

/// The identities of the latest records: at least as many as one generation, at most two.
///
/// An identity is a hash of 64 bits, so that among these a false repeat is a matter of one in 10¹⁴ records.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    current: HashSet<u64>,
    previous: HashSet<u64>,
}

impl Repeats {
    /// Remembers an identity; whether it was there already.
    pub(super) fn is_repeat(&mut self, identity: u64) -> bool {
        if self.previous.contains(&identity) || !self.current.insert(identity) {
            return true;
        }
        if self.current.len() >= GENERATION {
            self.previous = mem::take(&mut self.current);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_lately_is_a_repeat_and_memory_is_bounded() {
        let mut repeats = Repeats::default();
        let many = u64::try_from(GENERATION * 3).unwrap();
        for identity in 0..many {
            assert!(!repeats.is_repeat(identity));
        }
        assert!(repeats.is_repeat(many - 1));
        assert!(!repeats.is_repeat(0), "three generations ago is forgotten");
        assert!(repeats.current.len() + repeats.previous.len() <= 2 * GENERATION);
    }
}
