//! Which properties a log is known to have, so that a new one is noticed.

/// The names of the properties of one log, in any case.
#[derive(Debug)]
pub(super) struct Schema {
    /// By their length: a name is compared with two or three others, not with sixty.
    by_length: Vec<Vec<&'static str>>,
}

/// What every record may have besides what its own log defines.
const COMMON: [&str; 31] = [
    // Azure Monitor's common schema (https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema).
    "time",
    "resourceId",
    "tenantId",
    "operationName",
    "operationVersion",
    "category",
    "resultType",
    "resultSignature",
    "resultDescription",
    "durationMs",
    "callerIpAddress",
    "correlationId",
    "identity",
    "level",
    "location",
    "uri",
    // Other names of the time.
    "timestamp",
    "TimeGenerated",
    "EventTimeString",
    "EventTimestamp",
    // The columns of every table, in what Log Analytics exports
    // (https://learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns).
    "Type",
    "SourceSystem",
    "MG",
    "ManagementGroupName",
    "Computer",
    "_ResourceId",
    "_SubscriptionId",
    "_ItemId",
    "_TimeReceived",
    "_IsBillable",
    "_BilledSize",
];

impl Schema {
    /// The properties that every record may have, and these.
    pub(super) fn of(properties: &[&'static str]) -> Self {
        let names = || COMMON.iter().chain(properties);
        let longest = names().map(|name| name.len()).max().unwrap_or_default();
        let of_length = |length| {
            let names = names().filter(move |name| name.len() == length);
            names.copied().collect()
        };
        Self {
            by_length: (0..=longest).map(of_length).collect(),
        }
    }

    /// Whether it has a property of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_length
            .get(name.len())
            .is_some_and(|names| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_common_properties_and_its_own_in_any_case() {
        let schema = Schema::of(&["recordingLength"]);
        assert!(schema.has("RECORDINGLENGTH"));
        assert!(schema.has("Time"));
        assert!(!schema.has("recordingLengths"));
        assert!(!schema.has(""));
    }
}
