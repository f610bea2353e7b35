//! The series that a record moves, and by how much: a list that is filled through typed label sets.

use std::borrow::Cow;

use super::category::UNKNOWN;
use crate::family::{Family, LabelSet};

/// The labels of one family.
pub(super) trait Series<V>: LabelSet<V> {
    const FAMILY: &'static Family;
}

/// Declares the families that the records of a category move, each as a struct of its labels, and `FAMILIES`, which
/// lists them.
macro_rules! acs_families {
    ($(
        $(#[doc = $help:literal])+
        $Series:ident = $Kind:ident $name:ident { $($label:ident),+ } $(buckets [$($bound:literal),+])?;
    )+) => {
        $(
            $crate::family::label_set!($Series { $($label),+ });

            impl $Series<()> {
                const FAMILY: &'static $crate::family::Family = &$crate::family::Family {
                    name: stringify!($name),
                    kind: $crate::family::Kind::$Kind,
                    labels: <Self as $crate::family::LabelSet<()>>::NAMES,
                    help: concat!($($help),+),
                    buckets: &[$($($bound),+)?],
                };
            }

            impl<V> $crate::acs::moves::Series<V> for $Series<V> {
                const FAMILY: &'static $crate::family::Family = $Series::<()>::FAMILY;
            }
        )+

        const FAMILIES: &[&$crate::family::Family] = &[$($Series::<()>::FAMILY),+];
    };
}

pub(super) use acs_families;

/// The series that a record moves. The labels are final, except that `metrics` applies the caps on label values.
#[derive(Clone, Debug)]
pub struct Moves<'a> {
    /// Each label once, even if several families have it.
    labels: Vec<(&'static str, Cow<'a, str>)>,
    /// Families and amounts: a counter rises by the amount, a gauge rises to at least the amount, a histogram observes it.
    moves: Vec<(&'static Family, f64)>,
}

/// Enough for every record, so that neither list grows: a record of Call Recording has at most eleven labels and nine moves.
const CAPACITY: usize = 12;

impl<'a> Moves<'a> {
    pub(super) fn new() -> Self {
        Self {
            labels: Vec::with_capacity(CAPACITY),
            moves: Vec::with_capacity(CAPACITY),
        }
    }

    /// Adds a counter that rises by one.
    pub(super) fn count<'v, S: Series<&'v Cow<'a, str>>>(&mut self, labels: S)
    where
        'a: 'v,
    {
        self.take(labels, Some(1.0));
    }

    /// Adds a series that moves by an amount, if there is an amount.
    pub(super) fn take<'v, S: Series<&'v Cow<'a, str>>>(&mut self, labels: S, amount: Option<f64>)
    where
        'a: 'v,
    {
        let Some(amount) = amount else {
            return;
        };
        let names = S::FAMILY.labels;
        for (name, value) in names.iter().zip(labels.values().as_ref()) {
            if !self.labels.iter().any(|(known, _)| known == name) {
                self.labels.push((name, (*value).clone()));
            }
        }
        self.moves.push((S::FAMILY, amount));
    }

    /// Every label of the series that move, and its value.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.labels.iter().map(|(name, value)| (*name, &**value))
    }

    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels()
            .find(|(label, _)| *label == name)
            .map_or(UNKNOWN, |(_, value)| value)
    }

    /// The families of the series that move, and by how much.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Family, f64)> {
        self.moves.iter().copied()
    }

    /// Whether a series of the family moves.
    pub(crate) fn has(&self, family: &Family) -> bool {
        self.moves
            .iter()
            .any(|(moved, _)| moved.name == family.name)
    }
}
