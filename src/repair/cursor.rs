//! Where the rewriter is in its bytes, and what it has noted.

use std::cell::Cell;

use super::kinds::{Repair, Repairs};

/// Reads bytes that were meant to be JSON, from `at` on.
#[derive(Debug)]
pub(crate) struct Rewriter<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) repairs: Repairs,
    met_end: Cell<bool>,
    read_in_vain: usize,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            repairs: Repairs::new(),
            met_end: Cell::new(false),
            read_in_vain: 0,
        }
    }

    /// How many bytes have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether reading, or looking ahead, has met the end of the bytes: with more behind them, it may have gone otherwise.
    pub(crate) fn has_met_end(&self) -> bool {
        self.met_end.get()
    }

    /// Has what is being read decided only when more bytes are there.
    pub(crate) fn meet_end(&self) {
        self.met_end.set(true);
    }

    /// Notes a repair for the text that is being read.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        self.repairs.insert(repair);
    }

    /// The repairs that were noted since this was last asked.
    pub(crate) fn take_repairs(&mut self) -> Repairs {
        std::mem::take(&mut self.repairs)
    }

    /// Notes that so many bytes were read ahead for nothing.
    pub(crate) fn read_in_vain(&mut self, bytes: usize) {
        self.read_in_vain += bytes;
    }

    /// How many were, since this was last asked.
    pub(crate) fn take_read_in_vain(&mut self) -> usize {
        std::mem::take(&mut self.read_in_vain)
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.byte(self.at)
    }

    /// The byte at a place; none behind the end.
    pub(crate) fn byte(&self, at: usize) -> Option<u8> {
        let byte = self.bytes.get(at).copied();
        if byte.is_none() {
            self.meet_end();
        }
        byte
    }

    /// Whether these bytes are next.
    pub(crate) fn begins_with(&self, bytes: &[u8]) -> bool {
        (self.at..)
            .zip(bytes)
            .all(|(at, byte)| self.byte(at) == Some(*byte))
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.at = self.past_blanks(self.at);
    }

    pub(super) fn past_blanks(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let blanks = rest.iter().position(|byte| !is_blank(*byte));
        blanks.map_or(self.bytes.len(), |blanks| at + blanks)
    }

    /// Where the last byte before `at` stands that is not a blank, and whether there is a newline between.
    pub(super) fn before_blanks(&self, at: usize) -> Option<(usize, bool)> {
        let before = self.bytes.get(..at)?;
        let last = before.iter().rposition(|byte| !is_blank(*byte))?;
        let newline = before.get(last..)?.contains(&b'\n');
        Some((last, newline))
    }
}

/// JSON's blanks, and the NUL that some senders pad with.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}
