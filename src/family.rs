//! How metric families are declared, so that name, HELP, labels and the code that moves a series cannot drift apart.
//!
//! Each declaration makes a struct of the family's labels: a wrong or missing label does not compile. [`families!`]
//! declares families that are registered as one struct; `acs::moves` declares those that log records move.

use std::fmt;

use prometheus::core::Collector;
use prometheus::{Opts, Registry};

/// One family as the catalogue lists it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The full name.
    pub name: &'static str,
    /// What its series are.
    pub kind: Kind,
    /// The names of its labels, in the order of their values.
    pub labels: &'static [&'static str],
    pub(crate) help: &'static str,
    /// The upper bounds of a histogram that cannot be configured.
    pub(crate) buckets: &'static [f64],
}

/// What the series of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts values by size.
    Histogram,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

impl Family {
    /// The HELP line.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }

    /// The names of all labels of its series, as the catalogue lists them.
    pub fn all_labels(&self) -> Vec<&'static str> {
        let of_process = self.label_of_process().into_iter();
        of_process.chain(self.labels.iter().copied()).collect()
    }

    /// Event hubs of several namespaces may have the same name. A process reads from one namespace, so this label has the
    /// same value in all its series: it is no label of a [`LabelSet`], is not stored, and costs no series.
    fn label_of_process(&self) -> Option<&'static str> {
        let is_of_event_hub = self.labels.contains(&"event_hub");
        is_of_event_hub.then_some("event_hubs_namespace")
    }

    pub(crate) fn opts(&self) -> Opts {
        Opts::new(self.name, self.help())
    }

    /// The options in a process that reads from this Event Hubs namespace.
    pub(crate) fn opts_in(&self, event_hubs_namespace: &str) -> Opts {
        match self.label_of_process() {
            Some(label) => self.opts().const_label(label, event_hubs_namespace),
            None => self.opts(),
        }
    }
}

/// Registers a family that was just made.
pub(crate) fn registered<V: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<V>,
) -> V {
    let registered = made.and_then(|made| {
        registry.register(Box::new(made.clone()))?;
        Ok(made)
    });
    registered.expect("families have valid names, labels and buckets, and each is registered once")
}

/// The labels of a family, with values of one type: a struct that [`label_set!`] makes.
pub(crate) trait LabelSet<V> {
    const NAMES: &'static [&'static str];

    /// The values, in the order of the names.
    fn values(self) -> impl AsRef<[V]>;
}

/// Makes the struct of a label set.
macro_rules! label_set {
    ($vis:vis $Labels:ident { $($label:ident),+ }) => {
        #[derive(Clone, Copy, Debug)]
        $vis struct $Labels<V> {
            $($vis $label: V,)+
        }

        impl<V> $crate::family::LabelSet<V> for $Labels<V> {
            const NAMES: &'static [&'static str] = &[$(stringify!($label)),+];

            fn values(self) -> impl AsRef<[V]> {
                [$(self.$label),+]
            }
        }
    };
}

/// Declares a closed set of words: the values of a label, or of a key of the configuration.
macro_rules! label_values {
    (
        $(#[$about:meta])*
        $vis:vis $Values:ident { $($(#[$doc:meta])* $Value:ident = $label:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $Values {
            $($(#[$doc])* $Value,)+
        }

        impl $Values {
            /// Every value, in this order.
            $vis const ALL: [Self; [$($label),+].len()] = [$(Self::$Value),+];

            /// The word.
            $vis fn label(self) -> &'static str {
                match self {
                    $(Self::$Value => $label,)+
                }
            }
        }
    };
}

/// What the kinds of [`families!`] are made of.
pub(crate) mod vectors {
    pub(crate) use prometheus::{GaugeVec as Gauge, IntCounterVec as Counter};
}

/// The series of these.
pub(crate) mod series {
    pub(crate) use prometheus::{Gauge, IntCounter as Counter};
}

/// Declares a struct of families, with a method for each that gives the series of a label set. Families with the same
/// labels share the struct of their labels, which the first of them declares; see `telemetry/families.rs`.
macro_rules! families {
    (
        $(#[$about:meta])*
        pub struct $Families:ident, prefix $prefix:literal {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $Kind:ident[$($Labels:ident $({ $($label:ident),+ })?)?],
            )+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $Families {
            $($field: $crate::family::vectors::$Kind,)+
        }

        $($($(
            $crate::family::label_set!(pub(crate) $Labels { $($label),+ });
        )?)?)+

        impl $Families {
            /// Every family, in the order of the struct.
            pub const CATALOGUE: &'static [$crate::family::Family] = &[
                $($crate::family::Family {
                    name: concat!($prefix, stringify!($field)),
                    kind: $crate::family::Kind::$Kind,
                    labels: $crate::family::families!(@names $($Labels)?),
                    help: concat!($($help),+),
                    buckets: &[],
                },)+
            ];

            pub(crate) fn register(registry: &prometheus::Registry, event_hubs_namespace: &str) -> Self {
                let mut families = Self::CATALOGUE.iter();
                let mut next = || families.next().expect("the catalogue has an entry for each field");
                Self {
                    $($field: {
                        let family = next();
                        let opts = family.opts_in(event_hubs_namespace);
                        let made = $crate::family::vectors::$Kind::new(opts, family.labels);
                        $crate::family::registered(registry, made)
                    },)+
                }
            }

            $(
                $(#[doc = $help])+
                pub(crate) fn $field(&self $(, labels: $Labels<&str>)?) -> $crate::family::series::$Kind {
                    self.$field.with_label_values($crate::family::families!(@values $($Labels labels)?))
                }
            )+
        }
    };
    (@names) => { &[] };
    (@names $Labels:ident) => { <$Labels<&str> as $crate::family::LabelSet<&str>>::NAMES };
    (@values) => { &[""; 0] };
    (@values $Labels:ident $labels:ident) => { $crate::family::LabelSet::values($labels).as_ref() };
}

pub(crate) use {families, label_set, label_values};
