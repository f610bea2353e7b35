//! Usage records: what is billed.
//!
//! Category `Usage`, table `ACSBillingUsage`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>,
//! <https://learn.microsoft.com/azure/azure-monitor/reference/tables/acsbillingusage>).

use std::borrow::Cow;
use std::sync::LazyLock;

use time::OffsetDateTime;

use super::resource::lower_case;
use super::schema::Schema;
use super::view::View;
use super::{Moves, UNKNOWN};

/// The record, property by property. Ids are not exported: participants and users are people.
#[derive(Clone, Debug)]
pub struct Usage<'a> {
    /// `usageType`: what was used, such as `Chat`, `PSTN`, `NAT`; an open set.
    pub usage_type: Option<Cow<'a, str>>,
    /// `unitType`: what `quantity` counts, such as `minutes`, `megabytes`, `messages`; an open set.
    pub unit_type: Option<Cow<'a, str>>,
    /// `quantity`, in units of `unitType`.
    pub quantity: Option<f64>,
    /// `recordId`.
    pub record_id: Option<Cow<'a, str>>,
    /// `operationName`.
    pub operation_name: Option<Cow<'a, str>>,
    /// `operationVersion`.
    pub operation_version: Option<Cow<'a, str>>,
    /// `correlationId`.
    pub correlation_id: Option<Cow<'a, str>>,
    /// `startTime` of the use.
    pub start_time: Option<OffsetDateTime>,
    /// `endTime` of the use.
    pub end_time: Option<OffsetDateTime>,
    /// `participantId`.
    pub participant_id: Option<Cow<'a, str>>,
    /// `userIdA`.
    pub user_id_a: Option<Cow<'a, str>>,
    /// `userIdB`.
    pub user_id_b: Option<Cow<'a, str>>,
}

/// What a usage record moves.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageMoves<'a> {
    /// In lower case: Microsoft's own query compares `tolower(UsageType)`.
    pub usage_type: Cow<'a, str>,
    /// In lower case.
    pub unit_type: Cow<'a, str>,
    /// In units of the unit type.
    pub quantity: Option<f64>,
}

/// The columns of the table that are not common to all.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::of(&[
        "recordId",
        "usageType",
        "unitType",
        "quantity",
        "startTime",
        "endTime",
        "participantId",
        "userIdA",
        "userIdB",
    ])
});

/// Whether a record that has no category is one of these: by what only they have.
pub(super) fn looks_like_one(view: &View<'_>) -> bool {
    view.property("usageType").text().is_some() && view.property("quantity").number().is_some()
}

pub(super) fn read<'a>(view: &View<'a>) -> Usage<'a> {
    Usage {
        usage_type: view.property("usageType").text(),
        unit_type: view.property("unitType").text(),
        quantity: view.property("quantity").amount(),
        record_id: view.property("recordId").text(),
        operation_name: view.property("operationName").text(),
        operation_version: view.property("operationVersion").text(),
        correlation_id: view.property("correlationId").text(),
        start_time: view.property("startTime").instant(),
        end_time: view.property("endTime").instant(),
        participant_id: view.property("participantId").text(),
        user_id_a: view.property("userIdA").text(),
        user_id_b: view.property("userIdB").text(),
    }
}

pub(super) fn observe<'a>(usage: &Usage<'a>) -> Moves<'a> {
    let in_lower_case =
        |text: &Option<Cow<'a, str>>| text.as_ref().map_or(Cow::Borrowed(UNKNOWN), lower_case);
    Moves::Usage(UsageMoves {
        usage_type: in_lower_case(&usage.usage_type),
        unit_type: in_lower_case(&usage.unit_type),
        quantity: usage.quantity,
    })
}
