//! Finds the category of a record: the one that the record names, or, if it names none, the one that its properties match.

use std::borrow::Cow;

use super::category::Category;
use super::letters::alike;
use super::value::Value;
use super::view::{Fields, View, find};

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

/// Finds the category of a record. Names at its top level decide, or else names in its `properties`. A record without a
/// known name belongs to the first category that it matches. A foreign record, whose resource is not an ACS resource, belongs
/// to no category, whatever its name.
pub(super) fn recognise<'a>(
    view: &View<'a>,
    is_foreign: bool,
    categories: &[&'static Category],
) -> Recognised<'a> {
    let names = names(view);
    let ours = categories
        .iter()
        .find(|category| names.iter().any(|name| name.is_of(category)));
    let is_known = ours.is_some() || names.iter().any(Name::is_known_elsewhere);
    let category = match ours {
        _ if is_foreign => None,
        None if !is_known => categories.iter().find(|category| (category.matches)(view)),
        ours => ours,
    };
    Recognised {
        is_unfamiliar: !names.is_empty() && !is_known && !is_foreign,
        name: names
            .into_iter()
            .next()
            .map(|(Name::Category(sent) | Name::Table(sent))| sent),
        category: category.copied(),
    }
}

/// A name that a record gives its log. The export of Log Analytics names the table in `Type`, and mostly has no category.
enum Name<'a> {
    Category(Cow<'a, str>),
    Table(Cow<'a, str>),
}

/// The names at the top level of a record, or else those in its `properties`.
fn names<'a>(view: &View<'a>) -> Vec<Name<'a>> {
    let of = |fields: &Fields<'a>| -> Vec<Name<'a>> {
        let text = |name| find(fields, name).and_then(Value::text);
        let names = [
            text("category").map(Name::Category),
            text("Type").map(Name::Table),
        ];
        names.into_iter().flatten().collect()
    };
    let at_the_top = of(&view.envelope);
    if at_the_top.is_empty() {
        of(&view.properties)
    } else {
        at_the_top
    }
}

impl Name<'_> {
    fn is_of(&self, category: &Category) -> bool {
        match self {
            // Microsoft's page about closed captions prints the name of a table as a category.
            Self::Category(sent) => {
                let mut names = [category.name, category.table].into_iter();
                let mut others = category.other_names.iter();
                names.any(|name| alike(name, sent)) || others.any(|name| alike(name, sent))
            }
            Self::Table(sent) => alike(category.table, sent),
        }
    }

    /// Whether it is the name of a known log that is not exported: another log of ACS, a category of the activity log, or
    /// the table in which Log Analytics counts its own data.
    fn is_known_elsewhere(&self) -> bool {
        let is_one_of = |known: &[&str], sent: &str| known.iter().any(|known| alike(known, sent));
        match self {
            Self::Category(sent) => [&OF_ACS[..], &TABLES_OF_ACS, &OF_THE_ACTIVITY_LOG]
                .into_iter()
                .any(|known| is_one_of(known, sent)),
            Self::Table(sent) => is_one_of(&TABLES_OF_ACS, sent) || alike("Usage", sent),
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
/// (<https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#categories>).
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
