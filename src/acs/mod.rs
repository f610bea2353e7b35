//! What an ACS log record says: text -> [`Record`], with the [`Observation`] of what it moves.
//!
//! Pure: no I/O, no clock, no log line, no metric. One file for each log category (`operation`, `summary`, `usage`)
//! says all about it in its [`Category`]: its names, its schema, how a record without a name is recognised, what it
//! observes and **where each of its labels is decided**, what identifies a record, and which failure family it moves.
//! Another category is one more file and a line in [`CATEGORIES`]. `end_reason` and `outcome` say what counts as a
//! failure.

mod category;
mod common;
mod end_reason;
mod instant;
mod letters;
mod moves;
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

use std::borrow::Cow;

use time::OffsetDateTime;

pub(crate) use category::{Category, Failures, UNKNOWN, is_known_elsewhere};
pub(crate) use common::{LEVELS, RESOURCE_INFO};
pub(crate) use moves::Moves;
pub use rules::FailureRules;

use crate::disposition::Reject;
use crate::family::Family;
use crate::repair::Repairs;
use category::Common;
use resource::Resource;
use view::View;

/// The log categories that are exported. A record that names none is of the first that it matches.
pub(crate) static CATEGORIES: [&Category; 3] =
    [&operation::CATEGORY, &summary::CATEGORY, &usage::CATEGORY];

/// Every family about ACS.
pub fn catalogue() -> impl Iterator<Item = &'static Family> {
    let of_categories = CATEGORIES.iter().flat_map(|category| category.families);
    of_categories.chain(common::COMMON_FAMILIES).copied()
}

/// A record, read.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// `category`, else the table in `Type`, as sent: the category that the record names, exported or not.
    pub category: Option<Cow<'a, str>>,
    /// Names of properties that the schema of its category does not have, the first eight; none if its category is not
    /// exported.
    pub unfamiliar: Vec<Cow<'a, str>>,
    /// What was repaired inside it.
    pub repairs: Repairs,
    /// What it moves; `None` if its category is not exported.
    pub observation: Option<Observation<'a>>,
}

/// Which series a record moves, and by how much.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// Its category.
    pub category: &'static Category,
    /// The resource group, if known.
    pub resource_group: Option<Cow<'a, str>>,
    /// The subscription, if known.
    pub subscription_id: Option<Cow<'a, str>>,
    /// When the record was written, by ACS's clock; `None` if it does not say, or not legibly.
    pub time: Option<OffsetDateTime>,
    /// Tells the record from all others; `None` if it has nothing that does.
    pub identity: Option<u64>,
    /// Of a failure, the correlation id, for the failure log alone; of all else none.
    pub correlation_id: Option<Cow<'a, str>>,
    /// The series and by how much they move.
    pub moves: Moves<'a>,
}

impl Observation<'_> {
    /// The name of the resource, or `unknown`.
    pub(crate) fn resource(&self) -> &str {
        self.moves.label("resource")
    }

    /// The failure family of which the record moves a series, if it moves one.
    pub(crate) fn failure(&self) -> Option<&'static Failures> {
        let failures = self.category.failures.as_ref()?;
        self.moves.has(failures.family).then_some(failures)
    }
}

/// Reads the text of a record, given when the event hub enqueued it, if one did, and what counts as a failure.
///
/// Every property may be missing, stand at the top level or in `properties`, in any case, as a number or as text. What
/// cannot be read costs only itself: a bad time counts as missing, and where all of `properties` is lost the record counts for
/// what its top level says.
///
/// # Errors
///
/// [`Reject::Malformed`] when it is not one JSON object.
pub fn read<'a>(
    record: &'a str,
    enqueued_at: Option<OffsetDateTime>,
    rules: &FailureRules,
) -> Result<Record<'a>, Reject> {
    let view = View::read(record).map_err(|_| Reject::Malformed)?;
    let name = common::category_name(&view);
    let category = category(&view, name.is_some());
    Ok(Record {
        repairs: view.repairs().clone(),
        category: name,
        unfamiliar: category.map_or_else(Vec::new, |category| view.unfamiliar(&category.schema)),
        observation: category.map(|category| observe(&view, category, enqueued_at, rules)),
    })
}

/// The category of a record: the one it names, or, if it names none, the one its properties match.
fn category(view: &View<'_>, names_one: bool) -> Option<&'static Category> {
    if names_one {
        return common::named(view, &CATEGORIES);
    }
    // The examples on Microsoft's page about operations have no category.
    let mut categories = CATEGORIES.into_iter();
    categories.find(|category| (category.matches)(view))
}

fn observe<'a>(
    view: &View<'a>,
    category: &'static Category,
    enqueued_at: Option<OffsetDateTime>,
    rules: &FailureRules,
) -> Observation<'a> {
    let resource = common::first(view, &["resourceId", "_ResourceId"], |value| {
        Resource::parse(value.text()?)
    })
    .unwrap_or_default();
    let time = common::time(view, category.own_time);
    let common = Common {
        resource: &resource.name,
        time,
        enqueued_at,
        rules,
    };
    let mut moves = Moves::new();
    common::observe(view, category, &common, &mut moves);
    (category.observe)(view, &common, &mut moves);
    let mut observation = Observation {
        category,
        resource_group: resource.resource_group,
        subscription_id: resource.subscription_id,
        time,
        identity: (category.identity)(view, time),
        correlation_id: None,
        moves,
    };
    if observation.failure().is_some() {
        observation.correlation_id = view.property("correlationId").text();
    }
    observation
}

#[cfg(test)]
mod tests;
