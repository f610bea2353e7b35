//! What one replica has seen of the leases of an event hub. It reads no clock: time is an argument.
//!
//! A lease has expired when this replica has seen the same version of it for as long as a lease lasts. Only this replica's
//! own clock counts, not those of others. After a failed cycle, all leases start a new term, since their owners may not have
//! been able to renew them either.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::lease_store::Listing;
use super::{Owner, balance};
use crate::blobs::ETag;

/// What one replica has seen, and since when each version has been the latest.
#[derive(Debug)]
pub(super) struct View {
    me: Owner,
    lasts: Duration,
    leases: BTreeMap<String, Seen>,
    members: BTreeMap<Owner, Seen>,
    blind: BTreeSet<Owner>,
}

#[derive(Clone, Debug)]
struct Seen {
    owner: Option<Owner>,
    etag: ETag,
    since: Instant,
}

/// After how many lease durations without a sign of life a replica counts as gone for good.
const LONG_GONE: u32 = 10;

/// Processors of the official SDKs renew every half minute by default, so a foreign lease lasts this many times as long as one of
/// this program: 100 s by default. If a replica acquired their leases earlier, it would compete with a program that is alive.
const FOREIGN: u32 = 4;

impl View {
    /// The view of `me`, which has seen nothing yet. `lasts` is how long a lease lasts without a renewal.
    pub(super) fn new(me: Owner, lasts: Duration) -> Self {
        Self {
            me,
            lasts,
            leases: BTreeMap::new(),
            members: BTreeMap::new(),
            blind: BTreeSet::new(),
        }
    }

    /// Takes over a list of all leases and members of this time. `is_interrupted`: the previous cycle failed.
    pub(super) fn listed(&mut self, listing: Listing, is_interrupted: bool, now: Instant) {
        let seen = |before: Option<&Seen>, owner, etag| {
            let same = before.filter(|seen| !is_interrupted && seen.etag == etag);
            let since = same.map_or(now, |seen| seen.since);
            Seen { owner, etag, since }
        };
        let leases = listing
            .leases
            .into_iter()
            .map(|(partition, (owner, etag))| {
                let seen = seen(self.leases.get(&partition), owner, etag);
                (partition, seen)
            });
        let leases = leases.collect();
        let members = listing.members.into_iter().map(|(owner, etag)| {
            let seen = seen(self.members.get(&owner), Some(owner.clone()), etag);
            (owner, seen)
        });
        self.members = members.collect();
        self.leases = leases;
        self.blind = listing.blind;
    }

    /// This replica wrote a lease, which now has this version.
    pub(super) fn wrote(&mut self, partition: String, etag: ETag, now: Instant) {
        let seen = Seen {
            owner: Some(self.me.clone()),
            etag,
            since: now,
        };
        self.leases.insert(partition, seen);
    }

    /// The owner of a partition; none if its lease was released, was never acquired, or has expired.
    pub(super) fn owner(&self, partition: &str, now: Instant) -> Option<&Owner> {
        let seen = self.leases.get(partition)?;
        seen.owner.as_ref().filter(|_| !self.has_expired(seen, now))
    }

    /// Whether the owner of a partition has not renewed its lease in time.
    pub(super) fn is_expired(&self, partition: &str, now: Instant) -> bool {
        let seen = self.leases.get(partition);
        seen.is_some_and(|seen| self.has_expired(seen, now))
    }

    /// Whether a partition has had no owner for as long as a lease lasts: the replica that should acquire it has not done so.
    pub(super) fn is_overdue(&self, partition: &str, now: Instant) -> bool {
        let seen = self.leases.get(partition);
        seen.is_some_and(|seen| now.saturating_duration_since(self.owned_until(seen)) >= self.lasts)
    }

    /// The latest known version of a lease; none if there is no lease.
    pub(super) fn version(&self, partition: &str) -> Option<&ETag> {
        self.leases.get(partition).map(|seen| &seen.etag)
    }

    /// The replicas that are alive, including this one. A replica one of whose leases has expired is not alive: otherwise a
    /// replica that was killed between its announcement and its renewals would count for one more cycle.
    pub(super) fn members(&self, now: Instant) -> BTreeSet<Owner> {
        let expired: BTreeSet<_> = self
            .leases
            .values()
            .filter(|seen| self.has_expired(seen, now))
            .filter_map(|seen| seen.owner.as_ref())
            .collect();
        let alive = self
            .members
            .iter()
            .filter(|(owner, seen)| now - seen.since < self.lasts && !expired.contains(owner));
        let alive = alive.map(|(owner, _)| owner);
        alive.chain([&self.me]).cloned().collect()
    }

    /// The replicas among which the partitions are shared. `can_read`: whether this one can read.
    pub(super) fn readers(&self, can_read: bool, now: Instant) -> BTreeSet<Owner> {
        let mut blind = self.blind.clone();
        blind.remove(&self.me);
        blind.extend((!can_read).then(|| self.me.clone()));
        balance::readers(&self.members(now), &blind)
    }

    /// Replicas that will not come back. They cannot remove their blobs themselves.
    pub(super) fn long_gone(&self, now: Instant) -> impl Iterator<Item = &Owner> {
        let long = self.lasts * LONG_GONE;
        let gone = move |(owner, seen): (_, &Seen)| (now - seen.since >= long).then_some(owner);
        let gone = self.members.iter().filter_map(gone);
        gone.filter(|owner| **owner != self.me)
    }

    /// When the next lease of another owner expires, unless that owner renews it.
    pub(super) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        let of_others = self.leases.values().filter(|seen| self.is_of_others(seen));
        let expiries = of_others.map(|seen| self.owned_until(seen));
        expiries.filter(|at| *at > now).min()
    }

    fn has_expired(&self, seen: &Seen, now: Instant) -> bool {
        self.is_of_others(seen) && now >= self.owned_until(seen)
    }

    fn is_of_others(&self, seen: &Seen) -> bool {
        seen.owner.as_ref().is_some_and(|owner| *owner != self.me)
    }

    fn owned_until(&self, seen: &Seen) -> Instant {
        match &seen.owner {
            Some(owner) if owner.is_foreign() => seen.since + self.lasts * FOREIGN,
            Some(_) => seen.since + self.lasts,
            None => seen.since,
        }
    }
}
