//! How a struct of metric families is written down: field = name, doc comment = HELP.
//!
//! [`families!`] turns such a struct into registered families and a catalogue of them, so that the name, the help, the
//! labels and the code that moves a series cannot drift apart.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry,
};

/// One family as the catalogue lists it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The full name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The labels, in the order in which the code gives their values.
    pub labels: &'static [&'static str],
    help: &'static str,
}

impl Family {
    pub(crate) const fn new(
        name: &'static str,
        kind: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            labels,
            help,
        }
    }

    /// The HELP line.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }
}

/// A kind of family: what it is called, and how one is made.
pub(crate) trait Kind: Collector + Clone + Sized + 'static {
    const NAME: &'static str;

    fn make(family: &Family, buckets: Option<&[f64]>) -> prometheus::Result<Self>;

    fn registered(registry: &Registry, family: &Family, buckets: Option<&[f64]>) -> Self {
        let made = Self::make(family, buckets).and_then(|made| {
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        });
        made.expect("families have valid names, labels and buckets, and each is registered once")
    }
}

impl Kind for IntCounterVec {
    const NAME: &'static str = "counter";

    fn make(family: &Family, _: Option<&[f64]>) -> prometheus::Result<Self> {
        Self::new(Opts::new(family.name, family.help()), family.labels)
    }
}

impl Kind for CounterVec {
    const NAME: &'static str = "counter";

    fn make(family: &Family, _: Option<&[f64]>) -> prometheus::Result<Self> {
        Self::new(Opts::new(family.name, family.help()), family.labels)
    }
}

impl Kind for GaugeVec {
    const NAME: &'static str = "gauge";

    fn make(family: &Family, _: Option<&[f64]>) -> prometheus::Result<Self> {
        Self::new(Opts::new(family.name, family.help()), family.labels)
    }
}

impl Kind for HistogramVec {
    const NAME: &'static str = "histogram";

    fn make(family: &Family, buckets: Option<&[f64]>) -> prometheus::Result<Self> {
        let mut opts = HistogramOpts::new(family.name, family.help());
        if let Some(buckets) = buckets {
            opts = opts.buckets(buckets.to_vec());
        }
        Self::new(opts, family.labels)
    }
}

/// Declares a struct of families; see `metrics/acs.rs` for how it reads.
macro_rules! families {
    (
        $(#[$about:meta])*
        pub struct $Families:ident($context:ident: $Context:ty), prefix $prefix:literal {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $Kind:ident[$($label:literal),*] $(buckets $buckets:expr)?,
            )+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $Families {
            $(
                $(#[doc = $help])+
                pub(crate) $field: prometheus::$Kind,
            )+
        }

        impl $Families {
            /// Every family, in the order of the struct.
            pub const CATALOGUE: &'static [$crate::family::Family] = &[
                $($crate::family::Family::new(
                    concat!($prefix, stringify!($field)),
                    <prometheus::$Kind as $crate::family::Kind>::NAME,
                    &[$($label),*],
                    concat!($($help),+),
                ),)+
            ];

            pub(crate) fn register(registry: &prometheus::Registry, $context: $Context) -> Self {
                let mut families = Self::CATALOGUE.iter();
                let mut next = || families.next().expect("the catalogue has an entry for each field");
                Self {
                    $($field: {
                        let buckets: Option<&[f64]> = None $(.or(Some($buckets)))?;
                        $crate::family::Kind::registered(registry, next(), buckets)
                    },)+
                }
            }

            /// Takes every series out of every family.
            pub fn reset(&self) {
                $(self.$field.reset();)+
            }
        }
    };
}

pub(crate) use families;
