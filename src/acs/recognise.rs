//! Finds the category of a record: the one that the record names, or, if it names none, the one that its properties match.

use std::borrow::Cow;

use super::category::Category;
use super::letters::{alike, contains, letters};
use super::value::Value;
use super::values::named;
use super::view::{Fields, View};

/// What is known about the category of a record.
#[derive(Debug)]
pub(super) struct Recognised<'a> {
    /// The name in the record, as sent.
    pub(super) name: Option<Cow<'a, str>>,
    /// Whether that name is unknown to Microsoft's documentation.
    pub(super) is_unfamiliar: bool,
    /// The category, if it is exported.
    pub(super) category: Option<&'static Category>,
}

/// Finds the category of a record. The exporter checks in this order:
///
/// 1. The exact names at the top level of the record, and then those in its `properties`.
/// 2. The longest known name that one of these names contains.
/// 3. The properties of the record: it belongs to the last category that it matches.
///
/// A foreign record, whose resource is not an ACS resource, belongs to no category, whatever its name.
pub(super) fn recognise<'a>(
    view: &View<'a>,
    is_foreign: bool,
    categories: &[&'static Category],
) -> Recognised<'a> {
    let places = [&view.envelope, &view.properties].map(names);
    let exactly = places
        .iter()
        .find_map(|names| Some((names, known(names, categories)?)));
    let name = exactly.map(|(names, _)| names).or_else(|| {
        let mut places = places.iter();
        places.find(|names| !names.is_empty())
    });
    let name = name.and_then(|names| names.first()).map(Name::sent);
    let by_letters = || {
        let mut names = places.iter().flatten();
        names.find_map(|name| similar(name.sent(), categories))
    };
    let by_looks = || {
        let mut categories = categories.iter().rev();
        categories.find(|category| (category.matches)(view))
    };
    let category = if is_foreign {
        None
    } else {
        match exactly.map(|(_, log)| log).or_else(by_letters) {
            Some(Log::Ours(category)) => Some(category),
            Some(Log::Another) => None,
            None => by_looks().copied(),
        }
    };
    Recognised {
        is_unfamiliar: name.is_some() && exactly.is_none() && !is_foreign,
        name: name.cloned(),
        category,
    }
}

/// A known log.
#[derive(Clone, Copy, Debug)]
enum Log {
    /// It is exported.
    Ours(&'static Category),
    /// It is not exported: another log of ACS, a log of another service, or a table of Log Analytics.
    Another,
}

/// A name that a record gives its log. The export of Log Analytics names the table in `Type`, and mostly has no category.
#[derive(Debug)]
enum Name<'a> {
    Category(Cow<'a, str>),
    Table(Cow<'a, str>),
}

fn names<'a>(fields: &Fields<'a>) -> Vec<Name<'a>> {
    let text = |name| named(fields, name).find_map(Value::text);
    let names = [
        text("category").map(Name::Category),
        text("Type").map(Name::Table),
    ];
    names.into_iter().flatten().collect()
}

/// The log that has one of these names.
fn known(names: &[Name<'_>], categories: &[&'static Category]) -> Option<Log> {
    let is_ours = |category: &&&Category| names.iter().any(|name| name.is_of(category));
    let ours = categories.iter().find(is_ours);
    let another = || {
        names
            .iter()
            .any(Name::is_of_another)
            .then_some(Log::Another)
    };
    ours.map(|category| Log::Ours(category)).or_else(another)
}

/// The log of an unknown name: the one with the longest name that the unknown name contains.
fn similar(sent: &str, categories: &[&'static Category]) -> Option<Log> {
    /// Too many other names contain a shorter one, such as `Usage`.
    const SHORTEST: usize = 10;
    let sent = letters(sent);
    let ours = categories
        .iter()
        .flat_map(|category| category.names().map(|name| (name, Log::Ours(category))));
    let others = OF_ACS.into_iter().chain(TABLES_OF_ACS);
    let all = ours.chain(others.map(|name| (name, Log::Another)));
    all.map(|(name, log)| (name.trim_start_matches("ACS"), log))
        .filter(|(name, _)| name.len() >= SHORTEST && contains(&sent, name))
        .max_by_key(|(name, _)| name.len())
        .map(|(_, log)| log)
}

impl<'a> Name<'a> {
    fn sent(&self) -> &Cow<'a, str> {
        match self {
            Self::Category(sent) | Self::Table(sent) => sent,
        }
    }

    fn is_of(&self, category: &Category) -> bool {
        match self {
            // Microsoft's page about closed captions prints the name of a table as a category.
            Self::Category(sent) => category.names().any(|name| alike(name, sent)),
            Self::Table(sent) => alike(category.table, sent),
        }
    }

    /// Whether it is the name of a known log that is not exported.
    fn is_of_another(&self) -> bool {
        let is_one_of = |known: &[&str]| known.iter().any(|known| alike(known, self.sent()));
        is_one_of(&TABLES_OF_ACS)
            || match self {
                Self::Category(_) => is_one_of(&OF_ACS) || is_one_of(&OF_OTHERS),
                Self::Table(_) => is_one_of(&TABLES_OF_OTHERS),
            }
    }
}

/// The other categories of ACS
/// (<https://learn.microsoft.com/azure/azure-monitor/reference/supported-logs/microsoft-communication-communicationservices-logs>),
/// and those that this page listed earlier.
const OF_ACS: [&str; 26] = [
    "AdvancedMessagingOperational",
    "AuthOperational",
    "CallAutomationMediaSummary",
    "CallAutomationOperational",
    "CallAutomationStreamingUsage",
    "CallClientMediaStatsCompressedTimeSeries",
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

/// The tables of these categories in Log Analytics
/// (<https://learn.microsoft.com/azure/azure-monitor/reference/tables/microsoft-communication_communicationservices>).
const TABLES_OF_ACS: [&str; 25] = [
    "ACSAdvancedMessagingOperations",
    "ACSAuthIncomingOperations",
    "ACSCallAutomationIncomingOperations",
    "ACSCallAutomationMediaSummary",
    "ACSCallAutomationStreamingUsage",
    "ACSCallClientMediaStatsTimeSeries",
    "ACSCallClientOperations",
    "ACSCallClientServiceRequestAndOutcome",
    "ACSCallClosedCaptionsSummary",
    "ACSCallDiagnostics",
    "ACSCallDiagnosticsUpdates",
    "ACSCallSummary",
    "ACSCallSummaryUpdates",
    "ACSCallSurvey",
    "ACSCallingMetrics",
    "ACSChatIncomingOperations",
    "ACSEmailSendMailOperational",
    "ACSEmailStatusUpdateOperational",
    "ACSEmailUserEngagementOperational",
    "ACSJobRouterIncomingOperations",
    "ACSNetworkTraversalDiagnostics",
    "ACSNetworkTraversalIncomingOperations",
    "ACSOptOutManagementOperations",
    "ACSRoomsIncomingOperations",
    "ACSSMSIncomingOperations",
];

/// The categories of the activity log
/// (<https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#categories>), and common categories of
/// other services.
const OF_OTHERS: [&str; 25] = [
    "Administrative",
    "ServiceHealth",
    "ResourceHealth",
    "Alert",
    "Autoscale",
    "Recommendation",
    "Security",
    "Policy",
    "AllMetrics",
    "ApplicationMetricsLogs",
    "ArchiveLogs",
    "Audit",
    "AuditEvent",
    "AuditLogs",
    "DiagnosticErrorLogs",
    "FunctionAppLogs",
    "GatewayLogs",
    "OperationalLogs",
    "RequestResponse",
    "RuntimeAuditLogs",
    "SignInLogs",
    "StorageDelete",
    "StorageRead",
    "StorageWrite",
    "WorkflowRuntime",
];

/// Tables of Log Analytics that are not about one service. In `Usage`, Log Analytics counts its own data.
const TABLES_OF_OTHERS: [&str; 11] = [
    "AppDependencies",
    "AppEvents",
    "AppExceptions",
    "AppMetrics",
    "AppPageViews",
    "AppRequests",
    "AppTraces",
    "AzureActivity",
    "AzureDiagnostics",
    "AzureMetrics",
    "Usage",
];
