//! The table of every key: the one place that knows a key's name, its default and what it is for.
//!
//! A new key is a line here and a call of a getter in `sections`; a test holds the two, and `config/exporter.yaml`,
//! together.

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name: section and key, with dots between.
    pub name: &'static str,
    /// What holds where nobody sets it, as it would be written in a variable; none where there is no default.
    pub default: Option<&'static str>,
    /// What it is for, in one line.
    pub help: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// The variable of Azure's own that sets it where nothing of ours does.
    pub azure_variable: Option<&'static str>,
}

/// Every key, in the order of `config/exporter.yaml`.
pub const KEYS: &[Key] = &[
    Key::without(
        "event_hub.connection_string",
        "A SAS connection string of the namespace, or of one hub in it. It is a secret.",
    )
    .secret(),
    Key::without(
        "event_hub.connection_string_file",
        "A file that holds such a connection string.",
    ),
    Key::without(
        "event_hub.namespace",
        "The namespace to read from with a token of Microsoft Entra ID.",
    ),
    Key::without(
        "event_hub.names",
        "The hubs to read, one or more, all of the same namespace.",
    ),
    Key::without(
        "event_hub.consumer_group",
        "The consumer group. It must be this exporter's alone.",
    ),
    Key::without(
        "event_hub.start",
        "Where to begin where no position is known.",
    ),
    Key::with("event_hub.transport", "tcp", "What AMQP runs over."),
    Key::with(
        "event_hub.prefetch_bytes",
        "8MiB",
        "How many bytes of events the hub may send ahead, for each partition.",
    ),
    Key::with(
        "event_hub.partitions_per_connection",
        "1",
        "How many partitions share a connection.",
    ),
    Key::with(
        "auth.kind",
        "auto",
        "Who asks Microsoft Entra ID for a token.",
    ),
    Key::without("auth.tenant_id", "The tenant that the identity is in.").or("AZURE_TENANT_ID"),
    Key::without(
        "auth.client_id",
        "The client id of the application, or of a user-assigned managed identity.",
    )
    .or("AZURE_CLIENT_ID"),
    Key::without(
        "auth.client_secret",
        "The secret of the application. Give it as the variable, from a Secret.",
    )
    .or("AZURE_CLIENT_SECRET")
    .secret(),
    Key::without(
        "auth.client_secret_file",
        "A file that holds the secret of the application.",
    ),
    Key::without(
        "auth.client_certificate_file",
        "A file that holds a certificate of the application and its private key.",
    )
    .or("AZURE_CLIENT_CERTIFICATE_PATH"),
    Key::without(
        "auth.federated_token_file",
        "A file that holds the token of a Kubernetes service account.",
    )
    .or("AZURE_FEDERATED_TOKEN_FILE"),
    Key::without(
        "auth.authority_host",
        "The identity service, where it is not that of the namespace's cloud.",
    )
    .or("AZURE_AUTHORITY_HOST"),
    Key::with(
        "checkpoint.store",
        "memory",
        "Where it is kept up to which event of each partition all was delivered.",
    ),
    Key::without("checkpoint.path", "The file, for the store `file`."),
    Key::without(
        "checkpoint.container_url",
        "The container, for the store `blob`. With a SAS in it, it is a secret.",
    ),
    Key::without(
        "checkpoint.connection_string",
        "A connection string of the storage account, for the store `blob`. It is a secret.",
    )
    .secret(),
    Key::without(
        "checkpoint.connection_string_file",
        "A file that holds such a connection string of the account.",
    ),
    Key::without(
        "checkpoint.container",
        "The name of the container, where a connection string leads to its account.",
    ),
    Key::with(
        "checkpoint.interval",
        "5s",
        "The least time between two writes.",
    ),
    Key::with(
        "checkpoint.on_invalid",
        "earliest",
        "Where to go on when the hub no longer has what follows a position.",
    ),
    Key::with(
        "ownership.interval",
        "10s",
        "How often replicas look at each other and renew their leases.",
    ),
    Key::with(
        "ownership.lease",
        "30s",
        "After how long without a renewal a partition is free for others.",
    ),
    Key::with(
        "ownership.hand_over_max",
        "30s",
        "How long a partition that goes to another replica waits for a last scrape.",
    ),
    Key::with(
        "delivery.checkpoint_after",
        "scrape",
        "What an event must have been through before a checkpoint passes it.",
    ),
    Key::with(
        "delivery.scrapers",
        "1",
        "How many scrapers must have seen something before it is delivered.",
    ),
    Key::with(
        "delivery.start_gate",
        "2m",
        "How long reading waits for the scrapers to see the zeros.",
    ),
    Key::with(
        "delivery.hold_max",
        "2m",
        "How long an event waits for the scrapers to see a failure series at 0.",
    ),
    Key::with(
        "watchdog.interval",
        "30s",
        "How often the hub is asked what each partition holds.",
    ),
    Key::with(
        "watchdog.reattach_idle",
        "5m",
        "After how long without an event a link is opened again.",
    ),
    Key::with(
        "watchdog.dead_after",
        "5m",
        "After how long without a proof of life a partition is not ready.",
    ),
    Key::with(
        "metrics.resources",
        "",
        "The ACS resources whose failures must be seen from the very first.",
    ),
    Key::with(
        "metrics.label_values_max",
        "100",
        "How many values one label may take.",
    ),
    Key::with(
        "metrics.series_max",
        "20000",
        "How many series there may be outside the known vocabularies.",
    ),
    Key::with(
        "metrics.buckets.operation_duration",
        "0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10",
        "acs_recording_operation_duration_seconds: how long an API call took.",
    ),
    Key::with(
        "metrics.buckets.recording_length",
        "1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200",
        "acs_recording_length_seconds: how long a recording is.",
    ),
    Key::with(
        "metrics.buckets.report_delay",
        "1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800",
        "acs_recording_report_delay_seconds: from a recording's end to its summary.",
    ),
    Key::with(
        "metrics.buckets.record_delay",
        "1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600",
        "acs_log_record_delay_seconds: from a record's own time to its arrival in the hub.",
    ),
    Key::with(
        "failures.end_reasons",
        "",
        "End reasons that count as failures though the built-in table does not say so.",
    ),
    Key::with(
        "failures.end_reasons_except",
        "",
        "End reasons that do not count as failures though the built-in table says so.",
    ),
    Key::with(
        "failures.statuses_except",
        "",
        "HTTP statuses of operations that do not count as failures.",
    ),
    Key::with(
        "http.listen",
        "0.0.0.0:9464",
        "Where /metrics and the health endpoints are served.",
    ),
    Key::with(
        "shutdown.final_scrape",
        "15s",
        "How long a stop waits for the scrape that carries what was counted last.",
    ),
    Key::with(
        "shutdown.deadline",
        "25s",
        "How long an orderly stop may take. After that the process just ends.",
    ),
    Key::without(
        "dead_letters.directory",
        "Where to keep the events that hold records which cannot be read. Off if it is not set.",
    ),
    Key::with(
        "dead_letters.max_bytes",
        "100MiB",
        "How much all dead letters may take. The oldest go first.",
    ),
    Key::with("log.format", "auto", "The shape of a line."),
    Key::with("log.level", "info", "Which lines are written."),
    Key::with(
        "log.failures",
        "off",
        "Whether each failed request and recording has a line, with its correlation id.",
    ),
];

/// What every variable of ours starts with. It ends in two underscores, so that it cannot meet the variables that
/// Kubernetes sets for a Service of the name `acs-recording-exporter` (`ACS_RECORDING_EXPORTER_SERVICE_HOST`).
pub(super) const PREFIX: &str = "ACS_RECORDING_EXPORTER__";

impl Key {
    /// The variable that sets it: `ACS_RECORDING_EXPORTER__HTTP__LISTEN` for `http.listen`.
    pub fn variable(&self) -> String {
        format!(
            "{PREFIX}{}",
            self.name.replace('.', "__").to_ascii_uppercase()
        )
    }

    /// The key of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The key that whoever wrote `name` most likely meant: the same but for case and punctuation; or misspelt, with a
    /// quarter of all letters wrong at most and half of those after the section; or right but for its section.
    pub(super) fn nearest(name: &str) -> Option<&'static Self> {
        let (whole, last) = (letters(name), last_letters(name));
        let wrong = |key: &Self| {
            let (meant, meant_last) = (letters(key.name), last_letters(key.name));
            let wrong = strsim::osa_distance(&whole, &meant);
            let wrong_last = strsim::osa_distance(&last, &meant_last);
            let is_near = wrong * 4 <= meant.len() && wrong_last * 2 <= meant_last.len();
            (wrong == 0 || is_near).then_some(wrong)
        };
        let misspelt = KEYS.iter().filter_map(|key| Some((wrong(key)?, key)));
        let misplaced = || KEYS.iter().find(|key| last_letters(key.name) == last);
        misspelt
            .min_by_key(|(wrong, _)| *wrong)
            .map(|(_, key)| key)
            .or_else(misplaced)
    }

    /// Whether keys stand below `name`, as in a section.
    pub(super) fn is_section(name: &str) -> bool {
        KEYS.iter().any(|key| {
            key.name
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        })
    }

    /// Whether `name` is this key but for case and punctuation.
    pub(super) fn sounds_like(&self, name: &str) -> bool {
        letters(self.name) == letters(name)
    }

    const fn with(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self {
            name,
            default: Some(default),
            help,
            secret: false,
            azure_variable: None,
        }
    }

    const fn without(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            default: None,
            help,
            secret: false,
            azure_variable: None,
        }
    }

    const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }

    const fn or(self, azure_variable: &'static str) -> Self {
        Self {
            azure_variable: Some(azure_variable),
            ..self
        }
    }
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// Those after the section.
fn last_letters(name: &str) -> String {
    letters(name.rsplit('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_what_was_meant_or_nothing() {
        let check = |name: &str, meant: Option<&str>| {
            assert_eq!(Key::nearest(name).map(|key| key.name), meant, "{name}");
        };
        check(
            "event_hub.conection_string",
            Some("event_hub.connection_string"),
        );
        check("eventHub.consumerGroup", Some("event_hub.consumer_group"));
        check("event_hub.name", Some("event_hub.names"));
        check("consumer_group", Some("event_hub.consumer_group"));
        check("metrics.record_delay", Some("metrics.buckets.record_delay"));
        check("http.lisetn", Some("http.listen"));
        check("event_hub_names", Some("event_hub.names"));
        check("event_hub.sas", None);
        check("http.tls", None);
        check("nothing.of_the_kind", None);
    }
}
