//! The command `run`: the long-running exporter.

use std::io;
use std::path::PathBuf;

use clap::Args;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::config::{self, Config, File, Flag, Sources};
use crate::service::Service;
use crate::{telemetry, version};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration file, in YAML. Every key can also be a variable: `ACS_RECORDING_EXPORTER__SECTION__KEY`.
    #[arg(long, visible_alias = "config.file", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// What is configured by flags as by the file, with the names that Prometheus' exporters have.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Where the metrics are served, for example `0.0.0.0:9464`.
    #[arg(long, visible_alias = "web.listen-address", value_name = "ADDRESS")]
    listen: Option<String>,
    /// The web configuration file of the endpoints, in exporter-toolkit's format: TLS, client certificates, users. See
    /// docs/security.md.
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<String>,
    /// Log level: `off`, `error`, `warn`, `info`, `debug` or `trace`, or of modules. See docs/configuration.md.
    #[arg(long = "log.level", value_name = "LEVEL")]
    log_level: Option<String>,
    /// How it is logged: `auto`, `human` or `json`.
    #[arg(long = "log.format", value_name = "FORMAT")]
    log_format: Option<String>,
}

pub(super) async fn run(args: RunArgs, stop: CancellationToken) -> Result<(), CommandError> {
    // From now on SIGHUP does not end the process: the service handles it once it is built.
    let _hangups = signal(SignalKind::hangup())?;
    let sources = args.sources();
    let ignored = config::misspelt_variables(&sources.environment);
    let config = config::load(sources.clone())?;
    let log = telemetry::start_log(&config.log)?;
    for name in ignored {
        tracing::warn!(name, "this variable is ignored: write it in upper case");
    }
    introduce(&config);
    protect_secrets(&config);
    let service = Service::build(config, sources, log)?;
    tracing::info!(address = %service.http_address(), "serving metrics");
    Ok(service.run(stop).await?)
}

/// What is read, as whom, and where the positions are kept.
fn introduce(config: &Config) {
    let settings = &config.event_hub;
    tracing::info!(
        version = version::VERSION,
        revision = version::REVISION,
        build_date = version::BUILD_DATE,
        namespace = settings.namespace.host,
        event_hubs = settings.event_hubs.join(","),
        consumer_group = settings.consumer_group,
        identity = settings.namespace.authentication.word(),
        checkpoint = config.checkpoint.store.word(),
        tls = config.http.web_config_file.is_some(),
        "starting"
    );
}

/// Keeps the secrets of the process out of core dumps, and reports the files that do not keep theirs.
fn protect_secrets(config: &Config) {
    if !config.log.core_dumps
        && let Err(error) = forbid_core_dumps()
    {
        tracing::warn!(%error, "core dumps cannot be turned off: one would contain secrets");
    }
    for file in &config.open_secret_files {
        tracing::warn!(
            file = %file.display(),
            "every user of this machine can read this file, which contains a secret: run `chmod 600` on it, or `chmod 640` \
             if its group is the exporter's"
        );
    }
}

/// Where the system hands core dumps to a program, the limit alone does not turn them off.
fn forbid_core_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

impl RunArgs {
    /// What they configure, together with the environment.
    pub(super) fn sources(self) -> Sources {
        Sources {
            file: self.config.map(File::Path),
            environment: config::environment(),
            flags: self.settings.flags(),
        }
    }
}

impl Settings {
    /// What they set.
    pub(super) fn flags(self) -> Vec<Flag> {
        let flags = [
            ("http.listen", "--listen", self.listen),
            (
                "http.web_config_file",
                "--web.config.file",
                self.web_config_file,
            ),
            ("log.level", "--log.level", self.log_level),
            ("log.format", "--log.format", self.log_format),
        ];
        let flags = flags.into_iter().filter_map(|(key, flag, value)| {
            let value = value?;
            Some(Flag { key, value, flag })
        });
        flags.collect()
    }
}
