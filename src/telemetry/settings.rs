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
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`, for the exporter, or for the modules that a prefix names. Other
        /// libraries, such as the Azure SDK, log only where a prefix names them: `info,azure_core_amqp=debug`. Their lines may
        /// contain secrets and the content of events, so a warning at startup names them.
        level: Targets = text("a level, or levels such as `info,azure_core_amqp=debug`", levels).default("info").reloads(),
        /// Whether to log each failed request and each failed recording, with the ids that Microsoft's support asks for.
        ///
        /// The level is `warn`. Besides the labels of the failure, a line contains correlation id, recording id, call connection
        /// id, server call id, sub code, and the service's message without URIs, as far as the record has them. The ids identify
        /// the call to everybody who can read the log. No metric contains them.
        failures: bool = words([("off", false), ("on", true)]).default("off"),
        /// Whether the system may write a core dump if the process crashes, and, on Linux, whether a debugger may attach to it.
        ///
        /// The memory of the process contains keys, tokens and events, and so would a core dump. To look for the cause of a
        /// crash, set it to `on`; the limit of the process on core dumps then applies.
        core_dumps: bool = words([("off", false), ("on", true)]).default("off"),
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

/// The crates of this project, as targets of log lines. They log no secret and no content of an event, at any level.
const OWN_CRATES: [&str; 3] = [
    "acs_recording_exporter",
    "acs_log_simulator",
    "event_hub_emulator",
];

impl Settings {
    /// The modules of other crates that the level names.
    pub(super) fn other_modules(&self) -> Vec<&str> {
        let named = self.level.iter();
        let is_own = |name: &str| OWN_CRATES.iter().any(|own| name.starts_with(own));
        named
            .filter(|(name, level)| !is_own(name) && *level != LevelFilter::OFF)
            .map(|(name, _)| name)
            .collect()
    }
}

/// The level of this project's crates, and of the modules that a prefix names. Other crates are silent unless they are
/// named: at `trace`, they write tokens and bodies, and at any level they format errors and frames that may contain them.
/// Their errors arrive as values, and are logged once, where they are handled.
fn levels(text: &str) -> Result<Targets, &'static str> {
    let (mut own, mut named) = (None, Vec::new());
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
        match target {
            Some(target) => named.push((target, level)),
            None => own = Some(level),
        }
    }
    let own = own.into_iter();
    let own = own.flat_map(|level| OWN_CRATES.map(|name| (name, level)));
    Ok(own.chain(named).collect())
}

const NO_LEVEL: &str = "must be `off`, `error`, `warn`, `info`, `debug` or `trace`; a module is followed by `=` and its level, for example `info,azure_core_amqp=debug`";

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// Whether a line of a module is logged at a level.
    fn logs(text: &str, target: &str, level: Level) -> bool {
        levels(text).expect(text).would_enable(target, &level)
    }

    #[test]
    fn levels_and_directives_are_taken() {
        let check = |text: &str, named: &[(&str, LevelFilter)]| {
            let targets = levels(text).expect(text);
            for (target, level) in named {
                let found = targets.iter().find(|(name, _)| name == target);
                assert_eq!(found, Some((*target, *level)), "{text}");
            }
            assert_eq!(targets.default_level(), None, "{text}");
        };
        let own = "acs_recording_exporter";
        check("info", &[(own, LevelFilter::INFO)]);
        check("OFF", &[(own, LevelFilter::OFF)]);
        check(
            " hyper=warn, info ",
            &[(own, LevelFilter::INFO), ("hyper", LevelFilter::WARN)],
        );
        check(
            "acs_recording_exporter=trace,warn",
            &[
                (own, LevelFilter::TRACE),
                ("event_hub_emulator", LevelFilter::WARN),
            ],
        );
        check(
            "acs::metrics=trace",
            &[("acs::metrics", LevelFilter::TRACE)],
        );
        assert!(!logs("acs::metrics=trace", own, Level::ERROR));
    }

    #[test]
    fn a_level_without_a_prefix_is_of_the_exporter_alone() {
        assert!(logs(
            "trace",
            "acs_recording_exporter::telemetry",
            Level::TRACE
        ));
        for target in [
            "azure_core_amqp::connection",
            "fe2o3_amqp::session",
            "tungstenite::protocol",
            "rustls::client",
            "object_store",
            "a_crate_that_comes_with_an_update",
        ] {
            assert!(!logs("trace", target, Level::ERROR), "{target}");
        }
        let named = "info,azure_core_amqp=debug";
        assert!(logs(named, "azure_core_amqp::connection", Level::DEBUG));
        assert!(!logs(named, "azure_core::http", Level::ERROR));
    }

    #[test]
    fn named_modules_of_other_crates_are_known() {
        let check = |text: &str, expected: &[&str]| {
            let settings = Settings {
                level: levels(text).expect(text),
                ..Settings::default()
            };
            let mut others = settings.other_modules();
            others.sort_unstable();
            assert_eq!(others, expected, "{text}");
        };
        check("trace", &[]);
        check("warn,acs_recording_exporter::http=trace", &[]);
        check("info,hyper=off", &[]);
        check(
            "info,azure_core=debug,tungstenite=error",
            &["azure_core", "tungstenite"],
        );
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
