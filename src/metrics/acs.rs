//! How an observation moves the series about ACS, within the caps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prometheus::Registry;
use time::OffsetDateTime;

use super::budget::Budget;
use super::firsts::Firsts;
use super::labels::{Admitted, Labels, OTHER, RESOURCE};
use super::repeats::Repeats;
use super::settings::{Duplicates, Settings};
use super::vectors::Vectors;
use crate::acs::{CATEGORIES, Failures, Observation, RESOURCE_INFO};
use crate::delivery::{Series, Snapshot};
use crate::family::Family;
use crate::telemetry::Telemetry;

/// What exists from the start is shown by this snapshot and every later one.
const FIRST_SNAPSHOT: Snapshot = 1;

/// The families about ACS, and what is needed to keep them bounded.
#[derive(Debug)]
pub(crate) struct AcsMetrics {
    vectors: Vectors,
    labels: Labels,
    budget: Budget,
    repeats: Repeats,
    duplicates: Duplicates,
    /// The resources whose failure series exist.
    exposed: HashSet<String>,
    firsts: Firsts,
    /// The labels of each resource's `acs_resource_info`: group and subscription.
    info: HashMap<String, (String, String)>,
    telemetry: Arc<Telemetry>,
}

/// The labels of an observation, within their caps.
type Labelled<'v> = Vec<(&'static str, Admitted<'v>)>;

impl AcsMetrics {
    /// Registers the families, with the failure families of the configured resources at zero.
    pub(crate) fn new(
        registry: &Registry,
        settings: &Settings,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let mut metrics = Self {
            vectors: Vectors::register(registry, &settings.buckets),
            labels: Labels::new(settings, Arc::clone(telemetry)),
            budget: Budget::new(settings),
            repeats: Repeats::default(),
            duplicates: settings.records.duplicates,
            exposed: HashSet::new(),
            firsts: Firsts::default(),
            info: HashMap::new(),
            telemetry: Arc::clone(telemetry),
        };
        for resource in &settings.resources {
            metrics.expose(resource, FIRST_SNAPSHOT);
        }
        for category in CATEGORIES {
            for (field, _) in category.schema.read() {
                telemetry.field_is_read(category.name, field);
            }
        }
        metrics
    }

    /// Creates at 0 what is remembered of an earlier process.
    pub(super) fn restore(&mut self, remembered: Series, last_moved: OffsetDateTime) {
        let labels: Vec<_> = remembered.labels.iter().map(String::as_str).collect();
        let Some(resource) = labels.first() else {
            return;
        };
        let resource = self.labels.place(RESOURCE, resource);
        self.expose(resource.value, FIRST_SNAPSHOT);
        let family = failures()
            .map(|failures| failures.family)
            .find(|family| family.name == remembered.family);
        if let Some(family) = family {
            if !self.vectors.create(family, &labels) {
                return; // of a version with other labels
            }
            self.firsts.exists(family, &labels, FIRST_SNAPSHOT, false);
        }
        self.firsts.restore(remembered, last_moved);
    }

    /// What shall exist at 0 after a restart, and when it last moved.
    pub(super) fn remembered(&mut self, now: OffsetDateTime) -> Vec<(Series, OffsetDateTime)> {
        self.firsts.remembered(now)
    }

    /// The first snapshot that shows the failure series which an observation moves; `None` if it moves none. The series
    /// exists from now on, and the next snapshot has this number.
    pub(super) fn shown_from(
        &mut self,
        observation: &Observation<'_>,
        next: Snapshot,
    ) -> Option<Snapshot> {
        let (family, labels) = self.failure(observation)?;
        self.expose(labels.first()?, next);
        self.vectors.create(family, &labels);
        Some(self.firsts.exists(family, &labels, next, false))
    }

    /// Events that move the failure series of an observation are no longer held until a snapshot shows it.
    pub(super) fn waited_enough(&mut self, observation: &Observation<'_>) {
        if let Some((family, labels)) = self.failure(observation) {
            self.firsts.waited_enough(family, &labels);
        }
    }

    /// The failure series that an observation moves.
    fn failure<'v>(
        &mut self,
        observation: &'v Observation<'_>,
    ) -> Option<(&'static Family, Vec<&'v str>)> {
        let family = observation.failure()?.family;
        let names = family.labels.iter();
        let mut labels: Vec<_> = names
            .map(|name| self.labels.place(name, observation.moves.label(name)))
            .collect();
        // What does not fit is counted when the series moves.
        self.budget.fit(family.name, 1, &mut labels);
        let labels = labels.iter().map(|label| label.value).collect();
        Some((family, labels))
    }

    /// Moves every series that an observation names, unless its record has come before and such are dropped: then false. The
    /// next snapshot has this number.
    pub(super) fn apply(&mut self, observation: &Observation<'_>, next: Snapshot) -> bool {
        let identity = observation.identity;
        if identity.is_some_and(|identity| self.repeats.is_repeat(identity)) {
            self.telemetry.record_repeated();
            if self.duplicates == Duplicates::Drop {
                return false;
            }
        }
        if let Some((family, labels)) = self.failure(observation) {
            self.firsts.exists(family, &labels, next, false);
            self.firsts.moved(family, &labels);
        }
        let labels = observation.moves.labels();
        let labelled: Labelled<'_> = labels
            .map(|(label, value)| (label, self.labels.admit(label, value)))
            .collect();
        if let Some(resource) = find(&labelled, RESOURCE) {
            self.expose(resource.value, next);
            self.firsts.moved(RESOURCE_INFO, &[resource.value]);
            self.describe(resource.value, observation);
        }
        let mut labels = Vec::with_capacity(labelled.len());
        for (family, amount) in observation.moves.iter() {
            labels.clear();
            let names = family.labels.iter();
            labels.extend(names.filter_map(|name| find(&labelled, name)));
            let cost = self.vectors.cost(family);
            if !self.budget.fit(family.name, cost, &mut labels) {
                self.telemetry.series_overflowed();
            }
            self.vectors.take(family, &labels, amount);
        }
        true
    }

    /// Takes every series out, so that only what moves next is there. What is remembered of labels, budget and
    /// repeats stays.
    pub(super) fn reset(&self) {
        self.vectors.reset();
    }

    /// Creates the known failure series of a resource, unless they exist. A counter that is born at 1 shows no rise to
    /// `increase()`, so the first failure of its kind would be invisible.
    fn expose(&mut self, resource: &str, next: Snapshot) {
        if self.exposed.contains(resource) {
            return;
        }
        for failures in failures() {
            (failures.known)(resource, &mut |labels| {
                self.vectors.create(failures.family, labels);
                self.firsts.exists(failures.family, labels, next, true);
            });
        }
        self.exposed.insert(resource.to_owned());
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
        let group = self.labels.admit("resource_group", group).value;
        let subscription = self.labels.admit("subscription_id", subscription).value;
        if let Some((group, subscription)) = known {
            self.vectors
                .remove(RESOURCE_INFO, &[resource, group, subscription]);
        }
        self.vectors
            .take(RESOURCE_INFO, &[resource, group, subscription], 1.0);
        self.info.insert(
            resource.to_owned(),
            (group.to_owned(), subscription.to_owned()),
        );
    }
}

fn failures() -> impl Iterator<Item = &'static Failures> {
    CATEGORIES
        .iter()
        .filter_map(|category| category.failures.as_ref())
}

fn find<'v>(labelled: &Labelled<'v>, name: &str) -> Option<Admitted<'v>> {
    let found = labelled.iter().find(|(label, _)| *label == name);
    found.map(|(_, admitted)| *admitted)
}
