//! Usage records: what is billed.
//!
//! Category `Usage`, table `ACSBillingUsage`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>,
//! <https://learn.microsoft.com/azure/azure-monitor/reference/tables/acsbillingusage>).
//!
//! Ids of participants and users are not exported, since they identify people.

use std::sync::LazyLock;

use super::category::{Category, Common};
use super::moves::{Moves, acs_families};
use super::schema::{Form, Schema};
use super::view::View;

pub(super) static CATEGORY: Category = Category {
    name: "Usage",
    table: "ACSBillingUsage",
    other_names: &[],
    // The columns of the table that are not common to all logs.
    schema: LazyLock::new(|| {
        Schema::of(&[
            (Form::Text, &["recordId", "unitType", "usageType"]),
            (Form::Amount, &["quantity"]),
            (
                Form::Unread,
                &[
                    "endTime",
                    "participantId",
                    "startTime",
                    "userIdA",
                    "userIdB",
                ],
            ),
        ])
    }),
    // Recognises a record by properties that only usage records have.
    matches: |view| {
        view.property("usageType").text().is_some() && view.property("quantity").amount().is_some()
    },
    own_time: None, // `startTime` is when the usage began, which may have been days ago
    id: "recordId",
    observe,
    families: FAMILIES,
    vocabularies: &[], // both types are open sets
    known: |_, _| {},
    failures: None,
};

acs_families! {
    /// Usage that is billed, in the unit that the label unit_type names.
    UsageQuantity = Counter acs_usage_quantity_total { resource, usage_type, unit_type };
    /// Usage records.
    UsageRecords = Counter acs_usage_records_total { resource, usage_type, unit_type };
}

/// The labels are in lower case, since Microsoft's own query compares `tolower(UsageType)`.
fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let usage_type = &view.property("usageType").label_in_lower_case();
    let unit_type = &view.property("unitType").label_in_lower_case();
    moves.count(UsageRecords {
        resource,
        usage_type,
        unit_type,
    });
    moves.take(
        UsageQuantity {
            resource,
            usage_type,
            unit_type,
        },
        view.property("quantity").amount(),
    );
}
