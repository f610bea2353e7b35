//! What an ACS log record says: text -> [`Record`] -> [`Observation`].
//!
//! Pure: no I/O, no clock, no log line, no metric. One file for each log category (`operation`, `summary`, `usage`)
//! holds its schema and **where each of its labels is decided**; `end_reason` and `outcome` say what counts as a
//! failure. Another category is one more file, a line in [`Category`]'s table and an arm in the three matches below.

mod end_reason;
mod identity;
mod instant;
mod operation;
mod outcome;
mod properties;
mod resource;
mod rules;
mod schema;
mod summary;
mod usage;
mod value;
mod view;
mod vocabulary;

use std::borrow::Cow;

use time::OffsetDateTime;

pub(crate) use end_reason::{END_REASONS, EndClass};
pub(crate) use operation::{FAILURE_STATUSES, OPERATIONS, Operation, OperationMoves};
pub(crate) use outcome::{FailureReason, ResultType};
pub(crate) use properties::Legibility;
pub(crate) use resource::Resource;
pub use rules::FailureRules;
pub(crate) use summary::{RecordingFailure, Summary, SummaryMoves};
pub(crate) use usage::{Usage, UsageMoves};

use crate::disposition::Reject;
use value::Value;
use view::View;

/// The value of any label whose property is missing.
pub(crate) const UNKNOWN: &str = "unknown";

/// The log categories that are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Call Recording operations.
    Operation,
    /// Call Recording summaries.
    Summary,
    /// Usage.
    Usage,
}

/// A record, read.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Which resource it is about; `None` if it does not say.
    pub resource: Option<Resource<'a>>,
    /// When it was written, by ACS's clock; `None` if it does not say, or not legibly.
    pub time: Option<OffsetDateTime>,
    /// `category`, else the table in `Type`, as sent: what it calls itself, be it exported or not.
    pub category: Option<Cow<'a, str>>,
    /// `level`: `Informational`, `Warning`, `Error`, `Critical`.
    pub level: Option<Cow<'a, str>>,
    /// Names of properties that the schema of its log does not have, the first eight; of a log that is not exported,
    /// none.
    pub unfamiliar: Vec<Cow<'a, str>>,
    /// How well its `properties` could be read.
    pub legibility: Legibility,
    /// The rest, by category.
    pub log: Log<'a>,
}

/// The part of a record that its category defines.
#[derive(Clone, Debug)]
pub enum Log<'a> {
    /// Of [`Category::Operation`].
    Operation(Operation<'a>),
    /// Of [`Category::Summary`].
    Summary(Summary<'a>),
    /// Of [`Category::Usage`].
    Usage(Usage<'a>),
    /// Of a category that is not exported.
    Other,
}

/// Which series a record moves, and by how much. The labels are final but for the caps, which `metrics` applies.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation<'a> {
    /// The resource's name, or `unknown`.
    pub resource: Cow<'a, str>,
    /// The resource group, if known.
    pub resource_group: Option<Cow<'a, str>>,
    /// The subscription, if known.
    pub subscription_id: Option<Cow<'a, str>>,
    /// The category, by the name that its diagnostic setting has.
    pub category: Category,
    /// As sent, or `unknown`; `Information` is `Informational`.
    pub level: Cow<'a, str>,
    /// When the record was written.
    pub time: Option<OffsetDateTime>,
    /// From then to when the event hub took it in, in seconds; `None` if either is not known.
    pub delay_seconds: Option<f64>,
    /// Tells the record from all others; `None` if it has nothing that does.
    pub identity: Option<u64>,
    /// Of what failed, the correlation id, for the failure log alone; of all else none.
    pub correlation_id: Option<Cow<'a, str>>,
    /// The rest, by category.
    pub moves: Moves<'a>,
}

/// The part of an observation that its category defines.
#[derive(Clone, Debug, PartialEq)]
pub enum Moves<'a> {
    /// Of [`Category::Operation`].
    Operation(OperationMoves<'a>),
    /// Of [`Category::Summary`].
    Summary(SummaryMoves<'a>),
    /// Of [`Category::Usage`].
    Usage(UsageMoves<'a>),
}

impl Category {
    /// Every category, its name in diagnostic settings, which is the value of the label `category`, and the other
    /// names under which its records come: the header of the documentation's example, and the Log Analytics table.
    /// `RecordingSummaryPUBLICPREVIEW` and its like were the name before the feature was released.
    const TABLE: [(Self, &'static str, &'static [&'static str]); 3] = [
        (
            Self::Operation,
            "CallRecordingOperational",
            &["ACSCallRecordingIncomingOperations"],
        ),
        (
            Self::Summary,
            "CallRecordingSummary",
            &[
                "RecordingSummary",
                "RecordingSummaryPRIVATEPREVIEW",
                "RecordingSummaryPUBLICPREVIEW",
                "ACSCallRecordingSummary",
            ],
        ),
        (Self::Usage, "Usage", &["ACSBillingUsage"]),
    ];

    /// Every category.
    pub const ALL: [Self; 3] = [Self::Operation, Self::Summary, Self::Usage];

    /// The value of the label `category`.
    pub fn label(self) -> &'static str {
        Self::TABLE
            .iter()
            .find(|(category, ..)| *category == self)
            .map_or(UNKNOWN, |(_, name, _)| name)
    }

    /// Whether a category that is not exported is one that ACS is known to have
    /// (<https://learn.microsoft.com/azure/azure-monitor/reference/supported-logs/microsoft-communication-communicationservices-logs>),
    /// by its name or by that of its table, or one of the activity log's
    /// (<https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#categories>).
    pub fn is_known_elsewhere(sent: &str) -> bool {
        const OF_THE_ACTIVITY_LOG: [&str; 8] = [
            "Administrative",
            "ServiceHealth",
            "ResourceHealth",
            "Alert",
            "Autoscale",
            "Recommendation",
            "Security",
            "Policy",
        ];
        const OF_ACS: [&str; 25] = [
            "AdvancedMessagingOperational",
            "AuthOperational",
            "CallAutomationMediaSummary",
            "CallAutomationOperational",
            "CallAutomationStreamingUsage",
            "CallClientMediaStatsTimeSeries",
            "CallClientOperations",
            "CallClientServiceRequestAndOutcome",
            "CallClosedCaptionsSummary",
            "CallDiagnostics",
            "CallDiagnosticsUpdates",
            "CallSummary",
            "CallSummaryUpdates",
            "CallSurvey",
            "CallingMetrics",
            "ChatOperational",
            "EmailSendMailOperational",
            "EmailStatusUpdateOperational",
            "EmailUserEngagementOperational",
            "JobRouterOperational",
            "NetworkTraversalDiagnostics",
            "NetworkTraversalOperational",
            "OptOutManagementOperational",
            "RoomsOperational",
            "SMSOperational",
        ];
        let is_table_of_acs = sent
            .get(..3)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("ACS"));
        is_table_of_acs
            || OF_ACS
                .iter()
                .chain(&OF_THE_ACTIVITY_LOG)
                .any(|known| known.eq_ignore_ascii_case(sent))
    }

    fn named(sent: &str) -> Option<Self> {
        let is = |name: &&str| name.eq_ignore_ascii_case(sent);
        Self::TABLE
            .iter()
            .find(|(_, name, others)| is(name) || others.iter().any(is))
            .map(|(category, ..)| *category)
    }
}

/// Reads the text of a record.
///
/// Every property may be missing, stand at the top level or in `properties`, in any case, as a number or as text. What
/// cannot be read costs only itself: a bad time is no time, and where all of `properties` is lost the record counts for
/// what its top level says.
///
/// # Errors
///
/// [`Reject::Malformed`] when it is not one JSON object.
pub fn read(record: &str) -> Result<Record<'_>, Reject> {
    let view = View::read(record).map_err(|_| Reject::Malformed)?;
    let log = match category(&view) {
        Some(Category::Operation) => Log::Operation(operation::read(&view)),
        Some(Category::Summary) => Log::Summary(summary::read(&view)),
        Some(Category::Usage) => Log::Usage(usage::read(&view)),
        None => Log::Other,
    };
    let schema = match log {
        Log::Operation(_) => Some(&*operation::SCHEMA),
        Log::Summary(_) => Some(&*summary::SCHEMA),
        Log::Usage(_) => Some(&*usage::SCHEMA),
        Log::Other => None,
    };
    Ok(Record {
        resource: first(&view, ["resourceId", "_ResourceId"], |value| {
            Resource::parse(&value.text()?)
        }),
        time: time(&view, &log),
        category: first(&view, CATEGORY_NAMES, Value::text),
        level: view.common("level").text(),
        unfamiliar: schema.map_or_else(Vec::new, |schema| view.unfamiliar(schema)),
        legibility: view.legibility,
        log,
    })
}

/// Log Analytics' export names the table in `Type`, and mostly has no category.
const CATEGORY_NAMES: [&str; 2] = ["category", "Type"];

/// Which log a record is of: what it calls itself, and only where it calls itself nothing, what it looks like.
fn category(view: &View<'_>) -> Option<Category> {
    let named = first(view, CATEGORY_NAMES, |value| {
        Category::named(&value.text()?)
    });
    let calls_itself = || first(view, CATEGORY_NAMES, Value::text).is_some();
    if named.is_some() || calls_itself() {
        return named;
    }
    // The examples on Microsoft's page about operations have no category.
    if operation::looks_like_one(view) {
        Some(Category::Operation)
    } else if summary::looks_like_one(view) {
        Some(Category::Summary)
    } else if usage::looks_like_one(view) {
        Some(Category::Usage)
    } else {
        None
    }
}

/// When a record was written: the first of its times that is legible.
fn time(view: &View<'_>, log: &Log<'_>) -> Option<OffsetDateTime> {
    // Event Hubs and Service Bus have names of their own
    // (https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/46162).
    let names = [
        "time",
        "timestamp",
        "TimeGenerated",
        "EventTimeString",
        "EventTimestamp",
    ];
    first(view, names, Value::instant).or_else(|| match log {
        // When the use began, which may have been days ago.
        Log::Usage(_) => None,
        _ => view.common("startTime").instant(),
    })
}

/// The first of these fields that can be read so.
fn first<'a, T, const N: usize>(
    view: &View<'a>,
    names: [&str; N],
    read: impl Fn(&Value<'a>) -> Option<T>,
) -> Option<T> {
    names.into_iter().find_map(|name| read(view.common(name)))
}

/// What a record moves, given when the event hub took it in, if one did, and what counts as a failure. `None` if its
/// category is not exported.
pub fn observe<'a>(
    record: &Record<'a>,
    enqueued_at: Option<OffsetDateTime>,
    rules: &FailureRules,
) -> Option<Observation<'a>> {
    let (category, moves) = match &record.log {
        Log::Operation(operation) => (Category::Operation, operation::observe(operation, rules)),
        Log::Summary(summary) => (
            Category::Summary,
            summary::observe(summary, record.time, rules),
        ),
        Log::Usage(usage) => (Category::Usage, usage::observe(usage)),
        Log::Other => return None,
    };
    let resource = record.resource.clone();
    let (name, resource_group, subscription_id) = match resource {
        Some(resource) => (
            resource.name,
            resource.resource_group,
            resource.subscription_id,
        ),
        None => (Cow::Borrowed(UNKNOWN), None, None),
    };
    Some(Observation {
        resource: name,
        resource_group,
        subscription_id,
        category,
        level: record.level.clone().map_or(Cow::Borrowed(UNKNOWN), level),
        time: record.time,
        // Clocks differ: a record from the future has waited for nothing.
        delay_seconds: record
            .time
            .zip(enqueued_at)
            .map(|(time, enqueued_at)| (enqueued_at - time).as_seconds_f64().max(0.0)),
        identity: identity::identity(&record.log, record.time),
        correlation_id: match (&record.log, &moves) {
            (Log::Operation(log), Moves::Operation(moves)) if moves.failure.is_some() => {
                log.correlation_id.clone()
            }
            (Log::Summary(log), Moves::Summary(moves)) if moves.failure.is_some() => {
                log.correlation_id.clone()
            }
            _ => None,
        },
        moves,
    })
}

/// The value of the label `level`: one of Azure Monitor's four in whatever case, else as sent.
fn level(sent: Cow<'_, str>) -> Cow<'_, str> {
    const LEVELS: [(&str, &str); 9] = [
        ("Informational", "Informational"),
        ("Information", "Informational"), // what other services of Azure write
        ("Warning", "Warning"),
        ("Error", "Error"),
        ("Critical", "Critical"),
        // API Management writes the numbers of .NET's `EventLevel`
        // (https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/28648).
        ("1", "Critical"),
        ("2", "Error"),
        ("3", "Warning"),
        ("4", "Informational"),
    ];
    match LEVELS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&sent))
    {
        Some((_, label)) => Cow::Borrowed(*label),
        None => sent,
    }
}

#[cfg(test)]
mod tests;
