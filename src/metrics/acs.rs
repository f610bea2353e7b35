//! How an observation moves the series about ACS, within the caps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use time::OffsetDateTime;

use super::label_sets::{Id, LabelSets};
use super::labels::{Admitted, Labels, RESOURCE, Sent};
use super::repeats::Repeats;
use super::rules::Rules;
use super::settings::{Duplicates, Settings};
use super::vectors::Vectors;
use crate::acs::{self, AtZero, CATEGORIES, OTHER, Observation, RESOURCE_INFO, UNKNOWN, is_guid};
use crate::delivery::{Series, Snapshot};
use crate::family::{Family, Kind};
use crate::format;
use crate::telemetry::Telemetry;

/// What exists from the start is shown by this snapshot and every later one.
const FIRST_SNAPSHOT: Snapshot = 1;

/// The families about ACS, and what is needed to keep them bounded.
#[derive(Debug)]
pub(crate) struct AcsMetrics {
    vectors: Vectors,
    labels: Labels,
    label_sets: LabelSets,
    repeats: Repeats,
    duplicates: Duplicates,
    /// The resources whose records move anything, if not all do.
    only: Option<HashSet<String>>,
    /// What decides, or will once a scrape has shown its series.
    rules: Arc<Rules>,
    /// The resources whose series stand at 0 or above.
    exposed: HashSet<String>,
    /// The labels of each resource's `acs_resource_info`: group and subscription.
    info: HashMap<String, (String, String)>,
    telemetry: Arc<Telemetry>,
}

/// What shall exist at 0 after a restart, and when it last moved.
#[derive(Debug)]
pub struct Remembered {
    /// The resources, and the failure series that not every resource has.
    pub of_failures: Vec<(Series, OffsetDateTime)>,
    /// Label sets of the other families.
    pub others: Vec<(Series, OffsetDateTime)>,
}

/// The labels of an observation, within their caps.
type Labelled<'v> = Vec<(&'static str, Admitted<'v>)>;

impl AcsMetrics {
    /// With the usual series of the configured resources at zero.
    pub(crate) fn new(settings: &Settings, telemetry: &Arc<Telemetry>) -> Self {
        let mut metrics = Self {
            vectors: Vectors::new(settings, |family| {
                settings.exemplars && has_exemplars(family)
            }),
            labels: Labels::new(settings, Arc::clone(telemetry)),
            label_sets: LabelSets::new(settings.series_max.get()),
            repeats: Repeats::default(),
            duplicates: settings.records.duplicates,
            only: None,
            rules: Arc::default(),
            exposed: HashSet::new(),
            info: HashMap::new(),
            telemetry: Arc::clone(telemetry),
        };
        acs::known_of_all(&mut AtZero(&mut |family, labels| {
            metrics.has_always(family, labels, FIRST_SNAPSHOT);
        }));
        metrics.announce(Rules::of(settings), FIRST_SNAPSHOT);
        metrics.follow();
        for category in CATEGORIES {
            for (field, _) in category.schema.read() {
                telemetry.field_is_read(category.name, field);
            }
        }
        for family in acs::catalogue().filter(|family| is_not_held(family)) {
            telemetry.family_is_not_held(family.name);
        }
        metrics
    }

    /// Creates at 0 what is remembered of an earlier process, if there is room for it. The next snapshot has this number.
    pub(super) fn restore(&mut self, series: Series, last_moved: OffsetDateTime, next: Snapshot) {
        let values = Arc::clone(&series.labels);
        if series.family == RESOURCE_INFO.name
            && let [resource] = &*values
        {
            if self.is_of_interest(resource) && self.labels.restore(RESOURCE, resource).is_some() {
                self.expose(resource, next);
                let id = self.resource_moves(resource);
                self.label_sets.restored(id, last_moved, false);
            }
            return;
        }
        let Some(family) = family(&series.family) else {
            return; // of another version
        };
        let names = family.labels.iter();
        if family.kind == Kind::Gauge || names.len() != values.len() {
            return;
        }
        let resource = values.first();
        let resource = resource.filter(|_| family.labels.first() == Some(&RESOURCE));
        if resource.is_some_and(|resource| !self.is_of_interest(resource)) {
            return;
        }
        let labels = names
            .zip(&*values)
            .map(|(name, value)| self.labels.restore(name, value));
        let Some(labels) = labels.collect::<Option<Vec<_>>>() else {
            return;
        };
        if let Some(resource) = resource {
            self.expose(resource, next);
        }
        let id = Id::of(family.name, &labels);
        let cost = self.cost(family, &labels);
        if !self.label_sets.has(id) {
            if !self.label_sets.has_room(cost) {
                return;
            }
            self.label_sets.make(id, Some(series), cost, next);
            self.vectors.create(family, id, &labels);
        }
        let yields = cost > 0 && is_not_held(family);
        self.label_sets.restored(id, last_moved, yields);
    }

    /// Whether a label set has moved for the first time since the last call of [`Self::remembered`].
    pub(super) fn has_news(&self) -> bool {
        self.label_sets.has_news()
    }

    /// What shall exist at 0 after a restart, and when it last moved.
    pub(super) fn remembered(&mut self, now: OffsetDateTime) -> Remembered {
        let remembered = self.label_sets.remembered(now);
        let (others, of_failures) =
            remembered.partition(|(series, _)| family(&series.family).is_some_and(is_not_held));
        Remembered {
            of_failures,
            others,
        }
    }

    /// The first snapshot that shows the failure series which an observation moves; `None` if it moves none. The series
    /// exists from now on, and the next snapshot has this number.
    pub(super) fn shown_from(
        &mut self,
        observation: &Observation<'_>,
        next: Snapshot,
    ) -> Option<Snapshot> {
        let id = self.failure(observation, next)?;
        self.label_sets.shown_from(id)
    }

    /// Events that move the failure series of an observation are no longer held until a snapshot shows it.
    pub(super) fn waited_enough(&mut self, observation: &Observation<'_>, next: Snapshot) {
        if let Some(id) = self.failure(observation, next) {
            self.label_sets.waited_enough(id);
        }
    }

    /// The failure series that an observation moves. It exists from now on.
    fn failure(&mut self, observation: &Observation<'_>, next: Snapshot) -> Option<Id> {
        if !self.is_of_interest(observation.resource()) {
            return None;
        }
        let family = observation.failure()?.family;
        let names = family.labels.iter();
        let mut labels: Vec<_> = names
            .map(|name| {
                let value = observation.moves.label(name);
                self.labels.place(name, sent(observation, value))
            })
            .collect();
        self.drop_yielded();
        self.expose(labels.first()?.value, next);
        // What does not fit is counted when the series moves.
        let (id, _fits) = self.fit(family, &mut labels, next);
        self.vectors.create(family, id, &labels);
        Some(id)
    }

    /// Moves every series that an observation names. False if nothing moves: its record has come before, and such are
    /// dropped, or it is about a resource whose records are ignored. The next snapshot has this number, and the latest that is
    /// acknowledged has the other.
    pub(super) fn apply(
        &mut self,
        observation: &Observation<'_>,
        next: Snapshot,
        acknowledged: Snapshot,
    ) -> bool {
        if !self.is_of_interest(observation.resource()) {
            self.telemetry.record_unlisted();
            return false;
        }
        let identity = observation.identity;
        if identity.is_some_and(|identity| self.repeats.is_repeat(identity)) {
            self.telemetry.record_repeated();
            if self.duplicates == Duplicates::Drop {
                return false;
            }
        }
        let labels = observation.moves.labels();
        let labelled: Labelled<'_> = labels
            .map(|(label, value)| (label, self.labels.admit(label, sent(observation, value))))
            .collect();
        self.drop_yielded();
        if let Some(resource) = find(&labelled, RESOURCE) {
            self.expose(resource.value, next);
            let id = self.resource_moves(resource.value);
            self.label_sets.moves(id);
            self.describe(resource.value, observation);
        }
        let correlation_id = observation.correlation_id.as_deref();
        let correlation_id = correlation_id.filter(|id| !observation.is_repaired && is_guid(id));
        let mut labels = Vec::with_capacity(labelled.len());
        for (family, amount) in observation.moves.iter() {
            labels.clear();
            let names = family.labels.iter();
            labels.extend(names.filter_map(|name| find(&labelled, name)));
            let (id, fits) = self.fit(family, &mut labels, next);
            if !fits {
                self.telemetry.series_overflowed();
            }
            let first = self.label_sets.moves(id);
            if first.is_some_and(|shown_from| shown_from > acknowledged) && is_not_held(family) {
                self.telemetry.born_unshown(family.name);
            }
            self.vectors
                .take(family, id, &labels, amount, correlation_id);
        }
        true
    }

    /// Makes a label set, unless it exists. If there is no room for it, its values outside the vocabularies become `other`:
    /// totals stay right, and what is known is shown whatever else was sent.
    fn fit(
        &mut self,
        family: &'static Family,
        labels: &mut [Admitted<'_>],
        next: Snapshot,
    ) -> (Id, bool) {
        let id = Id::of(family.name, labels);
        if self.label_sets.has(id) || self.make(id, family, labels, next) {
            return (id, true);
        }
        for label in labels.iter_mut().filter(|label| !label.is_known) {
            *label = Admitted {
                value: OTHER,
                is_known: true,
            };
        }
        let id = Id::of(family.name, labels);
        if !self.label_sets.has(id) {
            self.make(id, family, labels, next);
        }
        (id, false)
    }

    /// Makes a label set, at the cost of restored ones that have not moved. False if there is no room for it.
    fn make(
        &mut self,
        id: Id,
        family: &'static Family,
        labels: &[Admitted<'_>],
        next: Snapshot,
    ) -> bool {
        let cost = self.cost(family, labels);
        while !self.label_sets.has_room(cost) {
            let Some(series) = self.label_sets.yields() else {
                return false;
            };
            self.vectors.remove(&series.family, &series.labels);
        }
        let is_remembered = family.kind != Kind::Gauge;
        let series = is_remembered.then(|| Series::new(family.name, labels));
        self.label_sets.make(id, series, cost, next);
        true
    }

    /// The series of the budget that a label set takes: none if all its values are known.
    fn cost(&self, family: &Family, labels: &[Admitted<'_>]) -> usize {
        let is_known = labels.iter().all(|label| label.is_known);
        if is_known {
            0
        } else {
            self.vectors.cost(family)
        }
    }

    /// Removes the restored label sets whose values have yielded to those that were sent.
    fn drop_yielded(&mut self) {
        for (label, value) in self.labels.yielded() {
            let has_value = |series: &Series| {
                let names = family(&series.family).into_iter().flat_map(|f| f.labels);
                names
                    .zip(&*series.labels)
                    .any(|(name, of)| *name == label && *of == value)
            };
            let yielded = if label == RESOURCE {
                self.conceal(&value);
                self.label_sets.remove_all(has_value)
            } else {
                self.label_sets.yield_all(has_value)
            };
            for series in yielded {
                self.vectors.remove(&series.family, &series.labels);
            }
        }
    }

    /// Takes out what [`Self::expose`] has created for a resource of which no record has come.
    fn conceal(&mut self, resource: &str) {
        let rules = Arc::clone(&self.rules);
        let mut remove = |family: &Family, labels: &[&str]| {
            self.vectors.remove(family.name, labels);
            self.label_sets.remove(Id::of(family.name, labels));
        };
        acs::known(&rules.failures, resource, &mut AtZero(&mut remove));
        self.exposed.remove(resource);
    }

    /// Whether the records of a resource move anything. Those that name no resource do: they may be failures of any.
    fn is_of_interest(&self, resource: &str) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.contains(resource) || resource == UNKNOWN)
    }

    /// A resource is remembered as a series of `acs_resource_info`.
    fn resource_moves(&mut self, resource: &str) -> Id {
        let id = Id::of(RESOURCE_INFO.name, &[resource]);
        if !self.label_sets.has(id) {
            let series = Series::new(RESOURCE_INFO.name, &[resource]);
            self.label_sets.make(id, Some(series), 0, FIRST_SNAPSHOT);
        }
        id
    }

    /// Takes every series out, so that only what moves next is there. What is known of labels, label sets and repeats stays.
    pub(super) fn clear(&mut self) {
        self.vectors.clear();
    }

    /// Every family that has series, in no order.
    pub(super) fn families(&self) -> Vec<format::Family> {
        self.vectors.families()
    }

    /// How many series Prometheus makes of them.
    pub(super) fn series(&self) -> usize {
        self.vectors.series()
    }

    /// Creates the usual series and the known failure series of a resource, unless they exist. A counter that is born at 1
    /// shows no rise to `increase()`, so the first failure of its kind would be invisible.
    fn expose(&mut self, resource: &str, next: Snapshot) {
        if self.exposed.contains(resource) {
            return;
        }
        let rules = Arc::clone(&self.rules);
        acs::known(
            &rules.failures,
            resource,
            &mut AtZero(&mut |family, labels| self.has_always(family, labels, next)),
        );
        self.exposed.insert(resource.to_owned());
    }

    /// What decides, or will.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Lets the series of other rules exist at 0. The next snapshot has this number, and is the first that shows them. A resource
    /// that is no longer listed goes, unless a record of it has come or is remembered: its series would grow with each change.
    pub(super) fn announce(&mut self, rules: Rules, next: Snapshot) {
        for resource in &Arc::clone(&self.rules).resources {
            let id = Id::of(RESOURCE_INFO.name, &[resource]);
            if !rules.resources.contains(resource) && !self.label_sets.has(id) {
                self.labels.forget(RESOURCE, resource);
                self.conceal(resource);
            }
        }
        for resource in &rules.resources {
            self.labels.know(RESOURCE, resource);
        }
        let exposed = std::mem::take(&mut self.exposed);
        let resources = exposed.into_iter().chain(rules.resources.clone());
        self.rules = Arc::new(rules);
        for resource in resources {
            self.expose(&resource, next);
        }
    }

    /// From now on, only the records of the resources that were announced last move anything, if not all do.
    pub(super) fn follow(&mut self) {
        let rules = &self.rules;
        let only = || rules.resources.iter().cloned().collect();
        self.only = rules.resources_only.then(only);
    }

    /// Creates a series that need not be remembered, unless it exists.
    fn has_always(&mut self, family: &'static Family, labels: &[&str], next: Snapshot) {
        let id = Id::of(family.name, labels);
        self.vectors.create(family, id, labels);
        self.label_sets.has_always(id, next);
    }

    /// Keeps one info series for each resource: one that moved to another group does not have two.
    fn describe(&mut self, resource: &str, observation: &Observation<'_>) {
        let (Some(group), Some(subscription)) =
            (&observation.resource_group, &observation.subscription_id)
        else {
            return;
        };
        let known = self.info.get(resource);
        if resource == OTHER || known.is_some_and(|(g, s)| g == group && s == subscription) {
            return;
        }
        let mut admit = |label, value| self.labels.admit(label, sent(observation, value)).value;
        let group = admit("resource_group", group);
        let subscription = admit("subscription_id", subscription);
        if let Some((group, subscription)) = known {
            self.vectors
                .remove(RESOURCE_INFO.name, &[resource, group, subscription]);
        }
        let labels = [resource, group, subscription];
        let id = Id::of(RESOURCE_INFO.name, &labels);
        self.vectors.take(RESOURCE_INFO, id, &labels, 1.0, None);
        self.info.insert(
            resource.to_owned(),
            (group.to_owned(), subscription.to_owned()),
        );
    }
}

/// A family about ACS.
fn family(name: &str) -> Option<&'static Family> {
    acs::catalogue().find(|family| family.name == name)
}

/// Whether series of the family have exemplars, where such are wanted: it counts failures, or shows how long requests took.
fn has_exemplars(family: &Family) -> bool {
    family.kind != Kind::Gauge && !is_not_held(family) || family.name.ends_with("_duration_seconds")
}

/// Whether no event is held until a scrape has shown a label set of the family: it counts, and not failures.
fn is_not_held(family: &Family) -> bool {
    let mut failures = CATEGORIES
        .iter()
        .filter_map(|category| category.failures.as_ref());
    family.kind != Kind::Gauge && !failures.any(|failures| failures.family.name == family.name)
}

/// A value of an observation.
fn sent<'v>(observation: &Observation<'_>, value: &'v str) -> Sent<'v> {
    Sent {
        value,
        is_repaired: observation.is_repaired,
    }
}

fn find<'v>(labelled: &Labelled<'v>, name: &str) -> Option<Admitted<'v>> {
    let found = labelled.iter().find(|(label, _)| *label == name);
    found.map(|(_, admitted)| *admitted)
}
