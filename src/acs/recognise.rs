//! Which log a record is of: the one that it names, or the one that it looks like.

use std::borrow::Cow;

use super::category::Category;
use super::letters::{alike, contains, letters};
use super::value::Value;
use super::values::named;
use super::view::{Fields, View};

/// What is known of the log of a record.
#[derive(Debug)]
pub(super) struct Recognised<'a> {
    /// Its name, as sent.
    pub(super) name: Option<Cow<'a, str>>,
    /// Whether it has a name that no page of Microsoft has.
    pub(super) is_unfamiliar: bool,
    /// The category, if it is exported.
    pub(super) category: Option<&'static Category>,
}

/// Recognises the log of a record. These are asked in this order:
///
/// 1. its names: those at its top, and then those in its properties;
/// 2. the longest known name whose letters one of its names contains;
/// 3. what it looks like, asked from the last category to the first: the last has the clearest marks.
///
/// A foreign record, about a resource that is not of ACS, is of no category whatever its name.
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

/// A log that is known.
#[derive(Clone, Copy, Debug)]
enum Log {
    /// One that is exported.
    Ours(&'static Category),
    /// One that is not: another of ACS, of another service, or of Log Analytics.
    Another,
}

/// What a record calls its log. Log Analytics' export names the table in `Type`, and mostly has no category.
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

/// The log that one of these names is the name of.
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

/// The log of which a name that nobody knows is a variant: the one with the longest name that is in it.
fn similar(sent: &str, categories: &[&'static Category]) -> Option<Log> {
    /// `Usage` is in the names of too many others.
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
            // The page about closed captions prints a table's name as a category.
            Self::Category(sent) => category.names().any(|name| alike(name, sent)),
            Self::Table(sent) => alike(category.table, sent),
        }
    }

    /// Whether it names a log that is known not to be exported. `Usage` is the table in which Log Analytics counts its own
    /// data.
    fn is_of_another(&self) -> bool {
        let mut known = [&OF_ACS[..], &TABLES_OF_ACS, &OF_OTHERS]
            .into_iter()
            .flatten();
        known.any(|known| alike(known, self.sent()))
            || matches!(self, Self::Table(sent) if alike("Usage", sent))
    }
}

/// The other categories of ACS
/// (<https://learn.microsoft.com/azure/azure-monitor/reference/supported-logs/microsoft-communication-communicationservices-logs>),
/// and those that this page had earlier.
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

/// Their tables in Log Analytics
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
/// (<https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#categories>), categories that many services
/// have, and the tables of Log Analytics in which requests and logs of any service are.
const OF_OTHERS: [&str; 35] = [
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
];
