//! Which series a record moves, and by how much: a list that is written to by typed label sets.

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

/// What a record moves. The labels are final but for the caps, which `metrics` applies.
#[derive(Clone, Debug)]
pub struct Moves<'a> {
    /// Each label once, though several families have it.
    labels: Vec<(&'static str, Cow<'a, str>)>,
    /// A counter rises by the number, a gauge is at least the number, a histogram takes the number in.
    moves: Vec<(&'static Family, f64)>,
}

/// As many as a record has, so that neither list grows: the records of Call Recording have ten labels and nine moves.
const CAPACITY: usize = 12;

impl<'a> Moves<'a> {
    pub(super) fn new() -> Self {
        Self {
            labels: Vec::with_capacity(CAPACITY),
            moves: Vec::with_capacity(CAPACITY),
        }
    }

    /// A counter rises by one.
    pub(super) fn count<'v, S: Series<&'v Cow<'a, str>>>(&mut self, labels: S)
    where
        'a: 'v,
    {
        self.take(labels, Some(1.0));
    }

    /// A series takes in an amount, if there is one.
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
