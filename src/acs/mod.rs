//! What an ACS log record says: text -> [`Record`], with the [`Observation`] of what it moves.
//!
//! Pure: no I/O, no clock, no log line, no metric. One file for each log category (`operation`, `summary`, `usage`)
//! says all about it in its [`Category`]: its names, its schema, how a record without a name is recognised, what it
//! observes and **where each of its labels is decided**, what identifies a record, and which failure family it moves.
//! Another category is one more file and a line in [`CATEGORIES`]. `recognise` says which log a record is of, `failure`
//! has the tables of what counts as a failure, and `rules` applies them.

mod category;
mod common;
mod details;
mod failure;
mod instant;
mod letters;
mod moves;
mod operation;
mod operation_name;
mod properties;
mod recognise;
mod resource;
mod rules;
mod schema;
mod status;
mod summary;
mod usage;
mod value;
mod values;
mod view;

use std::borrow::Cow;

use time::OffsetDateTime;

pub(crate) use category::{Category, Failures, UNKNOWN};
pub(crate) use common::{LEVELS, RESOURCE_INFO};
pub(crate) use details::Details;
pub(crate) use failure::ROUTINE;
pub(crate) use moves::Moves;
pub use rules::FailureRules;
pub(crate) use rules::{Exceptions, Routine};

use crate::disposition::Reject;
use crate::family::Family;
use category::Common;
use recognise::recognise;
use resource::{NotAcs, ResourceId};
use view::{Faults, View};

/// The log categories that are exported. A record that names none is of the last that it looks like.
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
    /// Whether no page of Microsoft has that name, of a record that may be of ACS.
    pub is_category_unfamiliar: bool,
    /// Names of properties that the schema of its category does not have, the first eight; none if its category is not
    /// exported.
    pub unfamiliar: Vec<Cow<'a, str>>,
    /// Names of properties with a value that cannot be read, one for each such value; none if its category is not exported.
    pub unreadable: Vec<&'static str>,
    /// What it moves; `None` if its category is not exported.
    pub observation: Option<Observation<'a>>,
}

/// Which series a record moves, and by how much.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// Its category.
    pub category: &'static Category,
    /// The resource group, or `unknown`, of a resource that is known.
    pub resource_group: Option<Cow<'a, str>>,
    /// The subscription, or `unknown`, of a resource that is known.
    pub subscription_id: Option<Cow<'a, str>>,
    /// When the record was written, by ACS's clock; `None` if it does not say, or not legibly.
    pub time: Option<OffsetDateTime>,
    /// Tells the record from all that say anything else; `None` if it has no id or no time.
    pub identity: Option<u64>,
    /// Of a failure, for the failure log alone; of all else none.
    pub details: Option<Details<'a>>,
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
    let id = ResourceId::of(&view);
    let is_foreign = id == Err(NotAcs::Foreign);
    let log = recognise(&view, is_foreign, &CATEGORIES);
    let category = log.category;
    let faults = category.map(|category| view.faults(&category.schema));
    let Faults {
        unfamiliar,
        unreadable,
    } = faults.unwrap_or_default();
    let observe = |category| observe(&view, category, id.ok(), enqueued_at, rules);
    Ok(Record {
        category: log.name,
        is_category_unfamiliar: log.is_unfamiliar,
        unfamiliar,
        unreadable,
        observation: category.map(observe),
    })
}

fn observe<'a>(
    view: &View<'a>,
    category: &'static Category,
    id: Option<ResourceId<'_>>,
    enqueued_at: Option<OffsetDateTime>,
    rules: &FailureRules,
) -> Observation<'a> {
    let label = |part: Option<&str>| {
        part.map_or(Cow::Borrowed(UNKNOWN), |part| {
            Cow::Owned(part.to_ascii_lowercase())
        })
    };
    let resource = label(id.map(|id| id.name));
    let time = common::time(view, category.own_time);
    let level = common::level(view.common("level").label());
    let common = Common {
        resource: &resource,
        level: &level,
        time,
        enqueued_at,
        rules,
    };
    let mut moves = Moves::new();
    common::observe(category, &common, &mut moves);
    (category.observe)(view, &common, &mut moves);
    let mut observation = Observation {
        category,
        resource_group: id.map(|id| label(id.resource_group)),
        subscription_id: id.map(|id| label(id.subscription_id)),
        time,
        identity: category.identity(view, time),
        details: None,
        moves,
    };
    if observation.failure().is_some() {
        observation.details = Some(Details::of(view));
    }
    observation
}

#[cfg(test)]
mod tests;
