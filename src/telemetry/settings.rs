//! How the program logs.

use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::family::label_values;
use crate::setting::{settings, text, words};

settings! {
    /// Log
    ///
    /// The log goes to standard error.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Settings in "log" {
        /// Log format.
        ///
        /// `auto` is `human` on a terminal, otherwise `json`.
        format: Format = words(Format::ALL.map(|format| (format.label(), format))).default("auto"),
        /// Log level.
        ///
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`, for all modules or for the modules that a prefix names. The log of
        /// the Azure SDK is off, unless a prefix names one of its modules: `info,azure_core_amqp=debug`.
        level: Targets = text("a level, or levels such as `info,azure_core_amqp=debug`", levels).default("info"),
        /// Whether to log each failed request and each failed recording, with the ids that Microsoft's support asks for.
        ///
        /// The level is `warn`. Besides the labels of the failure, a line contains correlation id, recording id, call connection
        /// id, server call id, sub code, and the service's message without URIs, as far as the record has them. The ids identify
        /// the call to everybody who can read the log. No metric contains them.
        failures: bool = words([("off", false), ("on", true)]).default("off"),
    }
}

label_values! {
    /// Log format.
    pub Format {
        /// [`Human`](Format::Human) where the log goes to a terminal, else [`Json`](Format::Json).
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line, for a log store.
        Json = "json",
    }
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

/// The level of all modules, and of those that a prefix names. The SDK is silent unless it is named: its errors arrive as
/// values, and are logged once, where they are handled.
fn levels(text: &str) -> Result<Targets, &'static str> {
    let silent = SDK_TARGETS.map(|target| (target, LevelFilter::OFF));
    let mut targets = Targets::new().with_targets(silent);
    for directive in text.split(',').map(str::trim) {
        // `Targets` by itself reads a lone word as a target at `trace`, so that a misspelt level would silence everything
        // else; and nothing at all as `error`.
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        if level.is_empty()
            || target.is_some_and(|target| target.is_empty() || target.contains('['))
        {
            return Err(NO_LEVEL);
        }
        let level: LevelFilter = level.parse().map_err(|_| NO_LEVEL)?;
        targets = match target {
            Some(target) => targets.with_target(target, level),
            None => targets.with_default(level),
        };
    }
    Ok(targets)
}

const NO_LEVEL: &str = "must be `off`, `error`, `warn`, `info`, `debug` or `trace`; a module is followed by `=` and its level, for example `info,azure_core_amqp=debug`";

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter as Level;

    use super::*;

    #[test]
    fn levels_and_directives_are_taken() {
        let check = |text: &str, all: Option<Level>, named: &[(&str, Level)]| {
            let targets = levels(text).expect(text);
            assert_eq!(targets.default_level(), all, "{text}");
            for (target, level) in named {
                let found = targets.iter().find(|(name, _)| name == target);
                assert_eq!(found, Some((*target, *level)), "{text}");
            }
        };
        check("info", Some(Level::INFO), &[]);
        check("OFF", Some(Level::OFF), &[]);
        check(
            "info,hyper=warn",
            Some(Level::INFO),
            &[("hyper", Level::WARN)],
        );
        check(
            " warn, azure_core_amqp=debug ",
            Some(Level::WARN),
            &[("azure_core_amqp", Level::DEBUG)],
        );
        check(
            "acs::metrics=trace",
            None,
            &[("acs::metrics", Level::TRACE)],
        );
    }

    #[test]
    fn the_sdk_is_silent_unless_it_is_named() {
        let logs = |text: &str, target| {
            levels(text)
                .unwrap()
                .would_enable(target, &tracing::Level::ERROR)
        };
        assert!(!logs("info", "azure_core_amqp::connection"));
        assert!(logs("info", "acs_recording_exporter::telemetry"));
        assert!(logs(
            "info,azure_core_amqp=debug",
            "azure_core_amqp::connection"
        ));
        assert!(!logs("info,azure_core_amqp=debug", "azure_core::http"));
    }

    #[test]
    fn a_misspelt_level_does_not_become_a_target() {
        for text in [
            "inof",
            "info,hyper",
            "",
            "info,",
            "hyper=",
            "hyper=loud",
            "=info",
            "hyper=a=info",
        ] {
            assert_eq!(levels(text), Err(NO_LEVEL), "{text}");
        }
    }

    #[test]
    fn spans_and_fields_are_not_targets() {
        for text in ["acs[span]=trace", "acs[span{a=1}]=trace", "acs[{a}]=trace"] {
            assert_eq!(levels(text), Err(NO_LEVEL), "{text}");
        }
    }
}
