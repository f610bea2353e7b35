//! What one replica has seen of the leases of an event hub. No clock of its own: time is an argument.
//!
//! A lease has expired when it has not changed for its time since this replica first saw it so, by this replica's own
//! clock: the clocks of others do not matter. After a cycle that failed, all these times start again, since nobody could
//! renew a lease meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::Owner;
use super::lease_store::Listing;
use crate::blobs::ETag;

/// What one replica has seen, and since when it has been so.
#[derive(Debug)]
pub(super) struct View {
    me: Owner,
    lasts: Duration,
    leases: BTreeMap<String, Seen>,
    members: BTreeMap<Owner, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    owner: Option<Owner>,
    etag: ETag,
    since: Instant,
}

/// A replica that has been away for so many leases does not come back.
const LONG_GONE: u32 = 10;

/// Processors of the official SDKs renew every half minute by default, and expect others to wait for up to two: so many of
/// this program's leases. Acquiring their leases earlier would start a fight with a program that is alive.
const FOREIGN: u32 = 4;

impl View {
    /// Nothing seen yet, by `me`; leases last so long.
    pub(super) fn new(me: Owner, lasts: Duration) -> Self {
        Self {
            me,
            lasts,
            leases: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    /// All leases and members, as they were at this time; `is_interrupted` if the cycle before failed.
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
    }

    /// This replica wrote a lease, which has this version now.
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

    /// Whether a partition has had no owner for as long as a lease lasts: the replica that should acquire it does not.
    pub(super) fn is_overdue(&self, partition: &str, now: Instant) -> bool {
        self.leases.get(partition).is_some_and(|seen| {
            let free_since = match &seen.owner {
                None => seen.since,
                Some(_) => seen.since + self.lasts_for(seen),
            };
            now.saturating_duration_since(free_since) >= self.lasts
        })
    }

    /// The version of a lease that was seen last; none if there is no lease.
    pub(super) fn version(&self, partition: &str) -> Option<&ETag> {
        self.leases.get(partition).map(|seen| &seen.etag)
    }

    /// The replicas that are alive, this one among them. One that lets a lease expire is not alive: a replica that is killed
    /// after it announced itself and before it renewed its leases would count for a cycle longer than its leases last.
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

    /// Replicas that will not come back, and whose blobs nobody else removes.
    pub(super) fn long_gone(&self, now: Instant) -> impl Iterator<Item = &Owner> {
        let long = self.lasts * LONG_GONE;
        let gone = move |(owner, seen): (_, &Seen)| (now - seen.since >= long).then_some(owner);
        let gone = self.members.iter().filter_map(gone);
        gone.filter(|owner| **owner != self.me)
    }

    /// When the next lease of others expires, if it is not renewed before.
    pub(super) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        let of_others = self.leases.values().filter(|seen| self.is_of_others(seen));
        let expiries = of_others.map(|seen| seen.since + self.lasts_for(seen));
        expiries.filter(|at| *at > now).min()
    }

    fn has_expired(&self, seen: &Seen, now: Instant) -> bool {
        self.is_of_others(seen) && now - seen.since >= self.lasts_for(seen)
    }

    fn is_of_others(&self, seen: &Seen) -> bool {
        seen.owner.as_ref().is_some_and(|owner| *owner != self.me)
    }

    fn lasts_for(&self, seen: &Seen) -> Duration {
        match &seen.owner {
            Some(owner) if owner.is_foreign() => self.lasts * FOREIGN,
            _ => self.lasts,
        }
    }
}
