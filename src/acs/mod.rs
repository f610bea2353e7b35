//! Reads the records of the ACS logs: text -> [`Record`], with an [`Observation`] of the series that the record moves.
//!
//! A record *moves* a series: it increments a counter, raises a gauge, or adds a value to a histogram.
//!
//! Pure: no I/O, no clock, no log line, no metric. Each log category (`operation`, `summary`, `usage`) has one file. Its
//! [`Category`] defines the names of the category, its schema, how to recognise a record without a name, what it observes
//! and **where each of its labels is decided**, what identifies a record, what stands at 0 before anything happens, and the
//! failure family. A new category is one more file and one more line in [`CATEGORIES`]. `recognise` finds the category of a
//! record, `failure` has the tables of what counts as a failure, and `rules` applies them.

mod category;
mod common;
mod details;
mod failure;
mod grammar;
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

pub(crate) use category::{AtZero, Category, Failures, OTHER, UNKNOWN};
pub(crate) use common::{LEVELS, RESOURCE_INFO};
pub(crate) use details::Details;
use details::bounded;
pub(crate) use failure::ROUTINE;
pub(crate) use grammar::{NOT_A_NAME, fits, is_guid};
pub(crate) use moves::Moves;
pub use rules::FailureRules;
pub(crate) use rules::{Exceptions, Routine};

use crate::disposition::Reject;
use crate::family::Family;
use crate::repair::Repairs;
use category::Common;
use recognise::recognise;
use resource::{NotAcs, ResourceId};
use view::{Faults, View};

/// The exported log categories. A record without a known name belongs to the last category that it matches.
pub(crate) static CATEGORIES: [&Category; 3] =
    [&operation::CATEGORY, &summary::CATEGORY, &usage::CATEGORY];

/// Every family about ACS.
pub fn catalogue() -> impl Iterator<Item = &'static Family> {
    let of_categories = CATEGORIES.iter().flat_map(|category| category.families);
    of_categories.chain(common::COMMON_FAMILIES).copied()
}

/// Whether the labels of a family have values that may be shown. Of an unknown family, nothing is ever shown.
pub(crate) fn may_show(family: &str, labels: &[String]) -> bool {
    let family = catalogue().find(|known| known.name == family);
    let names = family.into_iter().flat_map(|family| family.labels);
    let mut pairs = names.zip(labels);
    pairs.all(|(name, value)| fits(name, value, false))
}

/// Adds every label set that stands at 0 for a resource before anything happens.
pub(crate) fn known(rules: &FailureRules, resource: &str, at_zero: &mut AtZero<'_>) {
    for category in CATEGORIES {
        common::known(category, resource, at_zero);
        (category.known)(resource, at_zero);
    }
    summary::known_by(rules, resource, at_zero);
}

/// Adds every label set that stands at 0 before any resource is known.
pub(crate) fn known_of_all(at_zero: &mut AtZero<'_>) {
    for category in CATEGORIES {
        common::known_of_all(category, at_zero);
    }
}

/// What was read from a record.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The category that the record names, as sent: `category`, or else the table in `Type`. It may not be an exported one.
    /// [`NOT_A_NAME`] stands for what no log line may contain, here as in `unfamiliar`.
    pub category: Option<Cow<'a, str>>,
    /// Whether that name is unknown to Microsoft's documentation. False for a record of another provider.
    pub is_category_unfamiliar: bool,
    /// The first eight names of properties that are not in the schema of the category. Empty if the category is not exported.
    pub unfamiliar: Vec<Cow<'a, str>>,
    /// What was repaired inside the record.
    pub repairs: Repairs,
    /// Names of properties with unreadable values, one for each such value. Empty if the category is not exported.
    pub unreadable: Vec<&'static str>,
    /// The series that the record moves; `None` if the category is not exported.
    pub observation: Option<Observation<'a>>,
}

/// Which series a record moves, and by how much.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// The category of the record.
    pub category: &'static Category,
    /// The resource group, or `unknown`, of a resource that is known.
    pub resource_group: Option<Cow<'a, str>>,
    /// The subscription, or `unknown`, of a resource that is known.
    pub subscription_id: Option<Cow<'a, str>>,
    /// When the record was written, by ACS's clock; `None` if the record contains no readable time.
    pub time: Option<OffsetDateTime>,
    /// Whether its JSON was repaired where it was not clear where a text ends: one may contain what stood behind it.
    pub is_repaired: bool,
    /// Distinguishes the record from all others with other values; `None` if the record has no id or no time.
    pub identity: Option<u64>,
    /// The id of the call: for exemplars, and for the failure log.
    pub correlation_id: Option<Cow<'a, str>>,
    /// What else the failure log writes; `None` if the record is not a failure.
    pub details: Option<Details<'a>>,
    /// The series, and by how much they move.
    pub moves: Moves<'a>,
}

impl Record<'_> {
    /// The record, if it was not clear where its texts end. Then a value may stand where a name should be, so none is shown.
    #[must_use]
    pub fn repaired(mut self) -> Self {
        let names = self.unfamiliar.iter_mut().chain(&mut self.category);
        for name in names {
            *name = Cow::Borrowed(NOT_A_NAME);
        }
        if let Some(observation) = &mut self.observation {
            observation.is_repaired = true;
        }
        self
    }
}

impl Observation<'_> {
    /// The name of the resource, or `unknown`.
    pub(crate) fn resource(&self) -> &str {
        self.moves.label("resource")
    }

    /// The failures of the category, if the record is one: if it moves a series of the failure family.
    pub(crate) fn failure(&self) -> Option<&'static Failures> {
        let failures = self.category.failures.as_ref()?;
        self.moves.has(failures.family).then_some(failures)
    }
}

/// Reads the text of a record. `enqueued_at` is when the event hub enqueued the record, if that is known. `rules` define what
/// counts as a failure.
///
/// Every property may be missing. It may be at the top level or in `properties`, in any case, a number or text. A value that
/// cannot be read counts as missing. If all of `properties` cannot be read, only the top level of the record is used.
///
/// # Errors
///
/// [`Reject::Malformed`] if the text is not one JSON object.
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
    let record = Record {
        category: log.name.map(shown),
        is_category_unfamiliar: log.is_unfamiliar,
        unfamiliar: unfamiliar.into_iter().map(shown).collect(),
        unreadable,
        observation: category.map(observe),
        repairs: view.repairs,
    };
    Ok(
        if record.repairs.iter().any(|repair| repair.hides_an_end()) {
            record.repaired()
        } else {
            record
        },
    )
}

/// A name as a log line may contain it.
fn shown(name: Cow<'_, str>) -> Cow<'_, str> {
    if grammar::is_name(&name) {
        name
    } else {
        Cow::Borrowed(NOT_A_NAME)
    }
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
        is_repaired: false,
        identity: category.identity(view, time),
        correlation_id: view.property("correlationId").text().map(bounded),
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
