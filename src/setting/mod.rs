//! How a section of the configuration is written down: field = key, doc comment = help.
//!
//! [`settings!`] turns such a struct into one that takes its keys from a [`Source`], so that the name, the default, the
//! check, the unit and the help of a key cannot drift apart. `delivery/settings.rs` shows how it reads. Where values come
//! from, and what a fault looks like, is for `config`.

mod check;

use serde::Serialize;
use zeroize::Zeroize as _;

pub(crate) use check::{
    Check, address, all, bytes, duration, items, list, number, path, text, words,
};

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Section and key, with dots between.
    pub name: &'static str,
    /// What it is for: a sentence, and below it the details.
    pub help: &'static str,
    /// Which values pass its check, in one phrase.
    pub accepts: String,
    /// The value while nobody sets the key, as it would be written in a variable; none where there is no default.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether its value is the path of a file with a secret.
    pub is_secret_file: bool,
    /// The variable of Azure's own that sets it while none of ours does.
    pub azure_variable: Option<&'static str>,
    /// Whether a reload of the configuration applies it. Otherwise only a restart does.
    pub reloads: bool,
}

/// A key as people may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Configured {
    /// The key.
    pub key: &'static str,
    /// Its value, or that it is hidden.
    pub value: String,
    /// Where the value came from; none if it is the default.
    pub origin: Option<String>,
    /// Of the value itself, so that a secret that has changed is noticed. Nobody outside this process can compute it.
    #[serde(skip)]
    pub fingerprint: u64,
}

/// What every variable of ours starts with. It ends in two underscores, so that it cannot collide with the variables that
/// Kubernetes sets for a Service named `acs-recording-exporter` (`ACS_RECORDING_EXPORTER_SERVICE_HOST`).
pub(crate) const PREFIX: &str = "ACS_RECORDING_EXPORTER__";

impl Key {
    /// The variable that sets it: `ACS_RECORDING_EXPORTER__HTTP__LISTEN` for `http.listen`.
    pub(crate) fn variable(&self) -> String {
        let name = self.name.replace('.', "__").to_ascii_uppercase();
        format!("{PREFIX}{name}")
    }
}

/// What stands beside a key. It has no `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, as in `listen:`; or the value is a section.
    Nothing,
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// Overwrites it, and leaves nothing.
    pub(crate) fn overwrite(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Text(text) => text.zeroize(),
            Self::List(items) => items.zeroize(),
        }
    }

    /// A text is a list where one is expected, so that lists can be variables: `a, b`. The empty text is the empty list.
    pub(crate) fn items(&self) -> Vec<&str> {
        match self {
            Self::List(items) => items.iter().map(|item| item.trim()).collect(),
            Self::Text(text) if !text.trim().is_empty() => text.split(',').map(str::trim).collect(),
            Self::Text(_) | Self::Nothing => Vec::new(),
        }
    }
}

/// A key and how its value is read.
pub(crate) struct Setting<T> {
    pub(crate) key: Key,
    pub(crate) check: Check<T>,
    /// The value while nobody sets the key.
    pub(crate) unset: T,
}

impl<T: 'static> Check<T> {
    /// A key that has this value while nobody sets it.
    pub(crate) fn default(self, default: &'static str) -> Setting<T> {
        let unset = self.read(&Value::Text(default.to_owned()));
        let unset = unset.expect("a default passes the check of its key");
        Setting::new(self, Some(default), unset)
    }

    /// A key that may be left out.
    pub(crate) fn optional(self) -> Setting<Option<T>> {
        Setting::new(self.map(Some), None, None)
    }
}

impl<T> Setting<T> {
    fn new(check: Check<T>, default: Option<&'static str>, unset: T) -> Self {
        let key = Key {
            name: "",
            help: "",
            accepts: check.accepts.clone(),
            default,
            secret: false,
            is_secret_file: false,
            azure_variable: None,
            reloads: false,
        };
        Self { key, check, unset }
    }

    /// Its value must never be shown.
    pub(crate) fn secret(mut self) -> Self {
        self.key.secret = true;
        self
    }

    /// Its value is the path of a file with a secret.
    pub(crate) fn secret_file(mut self) -> Self {
        self.key.is_secret_file = true;
        self
    }

    /// A variable of Azure's own sets it while none of ours does.
    pub(crate) fn or_variable(mut self, name: &'static str) -> Self {
        self.key.azure_variable = Some(name);
        self
    }

    /// A reload of the configuration applies it: `service/reload.rs`.
    pub(crate) fn reloads(mut self) -> Self {
        self.key.reloads = true;
        self
    }

    /// For [`settings!`].
    pub(crate) fn named(mut self, name: &'static str, help: &'static str) -> Self {
        self.key.name = name;
        self.key.help = help;
        self
    }
}

/// Where a section takes its values from.
pub(crate) trait Source {
    /// A section begins, with its title and introduction.
    fn section(&mut self, _name: &'static str, _about: &'static str) {}

    /// The value of a key. A faulty one is noted, and the key counts as not set, so that the next key is still read.
    fn take<T>(&mut self, setting: Setting<T>) -> T;
}

/// The source in which nobody sets anything.
pub(crate) struct Defaults;

impl Source for Defaults {
    fn take<T>(&mut self, setting: Setting<T>) -> T {
        setting.unset
    }
}

/// Declares a section of the configuration as a struct. Of its doc comment the first line is the section's title. A field
/// without a setting is a section of its own.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        #[derive($($derive:ident),+)]
        $vis:vis struct $Settings:ident in $section:literal {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $Type:ty $(= $setting:expr)?,
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive($($derive),+)]
        $vis struct $Settings {
            $(
                $(#[doc = $help])+
                $vis $field: $Type,
            )+
        }

        impl $Settings {
            /// Takes every key of the section.
            pub(crate) fn take(source: &mut impl $crate::setting::Source) -> Self {
                source.section($section, concat!($($about, "\n"),+));
                Self {
                    $($field: $crate::setting::settings!(
                        @take source,
                        $Type,
                        concat!($section, ".", stringify!($field)),
                        concat!($($help, "\n"),+)
                        $(, $setting)?
                    ),)+
                }
            }
        }

        impl Default for $Settings {
            fn default() -> Self {
                Self::take(&mut $crate::setting::Defaults)
            }
        }
    };
    (@take $source:ident, $Type:ty, $name:expr, $help:expr, $setting:expr) => {
        $source.take($setting.named($name, $help))
    };
    (@take $source:ident, $Type:ty, $name:expr, $help:expr) => {
        <$Type>::take($source)
    };
}

pub(crate) use settings;
