//! What the log is told.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The shape of a line.
    pub format: Format,
    /// Which lines are written.
    pub level: Level,
    /// Whether each failed request and recording has a line, with its correlation id.
    pub failures: bool,
}

impl Default for Settings {
    /// What the configuration's defaults are, for commands that have none.
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: Level("info".to_owned()),
            failures: false,
        }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`Human`](Format::Human) where the log goes to a terminal, else [`Json`](Format::Json).
    Auto,
    /// For eyes.
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
    /// The SDK is silent unless a directive names it: what it has to say reaches us as an error, which is logged once,
    /// where it is handled.
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
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        let directives: Vec<&str> = text.split(',').map(str::trim).collect();
        // `EnvFilter` takes a lone word for a target at `trace`, so that a misspelt level would silence
        // everything else; and nothing at all for `error`.
        let has_level = |directive: &&str| match directive.split_once('=') {
            Some((_, level)) => !level.is_empty(),
            None => !directive.is_empty() && directive.parse::<LevelFilter>().is_ok(),
        };
        if !directives.iter().all(has_level) {
            return Err(InvalidLevel::NoLevel);
        }
        let text = directives.join(",");
        EnvFilter::try_new(&text).map_err(|_| InvalidLevel::NoDirective)?;
        Ok(Self(text))
    }
}

/// Why a text is no [`Level`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLevel {
    /// A word that is neither a level nor `target=level`.
    #[error(
        "must be `off`, `error`, `warn`, `info`, `debug` or `trace`; a target is followed by its level, for example `info,azure_core_amqp=debug`"
    )]
    NoLevel,
    /// The directives do not parse.
    #[error("is no list of filter directives: write for example `info,azure_core_amqp=debug`")]
    NoDirective,
}

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
        assert_eq!("inof".parse::<Level>(), Err(InvalidLevel::NoLevel));
        assert_eq!("info,hyper".parse::<Level>(), Err(InvalidLevel::NoLevel));
        assert_eq!("".parse::<Level>(), Err(InvalidLevel::NoLevel));
        assert_eq!("info,".parse::<Level>(), Err(InvalidLevel::NoLevel));
        assert_eq!("hyper=".parse::<Level>(), Err(InvalidLevel::NoLevel));
        assert_eq!(
            "hyper=loud".parse::<Level>(),
            Err(InvalidLevel::NoDirective)
        );
    }
}
