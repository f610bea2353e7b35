//! How the program logs.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::setting::{settings, text, words};

settings! {
    /// Log
    ///
    /// The log goes to standard error.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "log" {
        /// Log format.
        ///
        /// `auto` is `human` on a terminal, otherwise `json`.
        format: Format = words([
            ("auto", Format::Auto),
            ("human", Format::Human),
            ("json", Format::Json),
        ]).default("auto"),
        /// Log level.
        ///
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`. The log of the Azure SDK is off unless a directive names it:
        /// `info,azure_core_amqp=debug`.
        level: Level = text("a level, or directives such as `info,azure_core_amqp=debug`", str::parse).default("info"),
        /// Whether to log each failed request and recording, with its correlation id.
        ///
        /// The level is `warn`. The correlation id identifies the call to everybody who can read the log. No metric contains
        /// correlation ids.
        failures: bool = words([("off", false), ("on", true)]).default("off"),
    }
}

/// Log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`Human`](Format::Human) where the log goes to a terminal, else [`Json`](Format::Json).
    Auto,
    /// For people.
    Human,
    /// One JSON object a line, for a log store.
    Json,
}

/// The crates of the Azure SDK, and what it talks AMQP and HTTP with, as targets of log lines.
const SDK_TARGETS: [&str; 7] = [
    "azure_core",
    "azure_core_amqp",
    "azure_identity",
    "azure_messaging_eventhubs",
    "fe2o3_amqp",
    "typespec_client_core",
    "hyper_util",
];

/// Filter directives of the log that are known to parse: `info`, or `info,azure_core_amqp=warn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level(String);

impl Level {
    /// The filter, made anew: an [`EnvFilter`] cannot be cloned.
    ///
    /// The SDK is silent unless a directive names it: its errors arrive as values, and are logged once, where they are
    /// handled.
    pub fn filter(&self) -> EnvFilter {
        let silent = SDK_TARGETS
            .map(|target| target.to_owned() + "=off,")
            .concat();
        EnvFilter::new(silent + &self.0)
    }

    /// The directives, as they were written but for spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let directives: Vec<&str> = text.split(',').map(str::trim).collect();
        // `EnvFilter` reads a lone word as a target at `trace`, so that a misspelt level would silence
        // everything else; and nothing at all as `error`.
        let has_level = |directive: &&str| match directive.split_once('=') {
            Some((_, level)) => !level.is_empty(),
            None => !directive.is_empty() && directive.parse::<LevelFilter>().is_ok(),
        };
        if !directives.iter().all(has_level) {
            return Err(NO_LEVEL);
        }
        let text = directives.join(",");
        EnvFilter::try_new(&text).map_err(|_| NO_DIRECTIVE)?;
        Ok(Self(text))
    }
}

const NO_LEVEL: &str = "must be `off`, `error`, `warn`, `info`, `debug` or `trace`; a target is followed by its level, for example `info,azure_core_amqp=debug`";
const NO_DIRECTIVE: &str =
    "is not a list of filter directives: write for example `info,azure_core_amqp=debug`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_taken() {
        let check = |text: &str, expected| {
            let level: Level = text.parse().expect(text);
            assert_eq!(level.as_str(), expected);
        };
        check("info", "info");
        check("OFF", "OFF");
        check("info,hyper=warn", "info,hyper=warn");
        check(
            " warn, azure_core_amqp=debug ",
            "warn,azure_core_amqp=debug",
        );
        check("acs[span{a=1}]=trace", "acs[span{a=1}]=trace");
    }

    #[test]
    fn the_sdk_is_silent_unless_it_is_named() {
        let filter = |text: &str| text.parse::<Level>().unwrap().filter().to_string();
        assert!(filter("info").contains("azure_core_amqp=off"));
        assert!(!filter("info,azure_core_amqp=debug").contains("azure_core_amqp=off"));
    }

    #[test]
    fn a_misspelt_level_does_not_become_a_target() {
        assert_eq!("inof".parse::<Level>(), Err(NO_LEVEL));
        assert_eq!("info,hyper".parse::<Level>(), Err(NO_LEVEL));
        assert_eq!("".parse::<Level>(), Err(NO_LEVEL));
        assert_eq!("info,".parse::<Level>(), Err(NO_LEVEL));
        assert_eq!("hyper=".parse::<Level>(), Err(NO_LEVEL));
        assert_eq!("hyper=loud".parse::<Level>(), Err(NO_DIRECTIVE));
    }
}
