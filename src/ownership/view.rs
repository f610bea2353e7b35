//! What one replica has seen of the leases of an event hub. No clock of its own: time is an argument.
//!
//! A lease has expired when it has not changed for its time since we first saw it so, by our own clock: what clocks
//! others have, and when they believe to have renewed it, does not matter. After a cycle that failed all of that begins
//! anew, since nobody could renew anything meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::Owner;
use crate::blobs::ETag;

/// What one replica has seen, and since when it has been so.
#[derive(Debug)]
pub(crate) struct View {
    me: Owner,
    lasts: Duration,
    leases: BTreeMap<String, Seen>,
    members: BTreeMap<Owner, Seen>,
    /// A cycle has failed since the last listing.
    is_interrupted: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    owner: Option<Owner>,
    etag: ETag,
    since: Instant,
}

/// Who has a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// We have.
    Me,
    /// A replica that is there.
    Peer(Owner),
    /// A replica that has not shown itself for long: it has it until the lease expires.
    Gone(Owner),
    /// A program that is none of ours.
    Foreign(Owner),
    /// Nobody: it was given up, or never had.
    Nobody,
    /// Nobody: its owner has not renewed the lease.
    Expired,
}

/// A replica that has been away for so many leases does not come back.
const LONG_GONE: u32 = 10;

/// Processors of the official SDKs renew every half minute by default, and expect others to wait for up to two: so many of
/// our leases. Who takes theirs earlier trades blows with a program that lives.
const FOREIGN: u32 = 4;

impl View {
    /// Nothing seen yet, by `me`; leases last so long.
    pub(crate) fn new(me: Owner, lasts: Duration) -> Self {
        Self {
            me,
            lasts,
            leases: BTreeMap::new(),
            members: BTreeMap::new(),
            is_interrupted: false,
        }
    }

    /// All leases and members, as they were at this time.
    pub(crate) fn listed(
        &mut self,
        leases: impl IntoIterator<Item = (String, Option<Owner>, ETag)>,
        members: impl IntoIterator<Item = (Owner, ETag)>,
        now: Instant,
    ) {
        let is_interrupted = std::mem::take(&mut self.is_interrupted);
        let seen = |before: Option<&Seen>, owner, etag| {
            let same = before.filter(|seen| !is_interrupted && seen.etag == etag);
            let since = same.map_or(now, |seen| seen.since);
            Seen { owner, etag, since }
        };
        let leases = leases.into_iter().map(|(partition, owner, etag)| {
            let seen = seen(self.leases.get(&partition), owner, etag);
            (partition, seen)
        });
        let leases = leases.collect();
        let members = members.into_iter().map(|(owner, etag)| {
            let seen = seen(self.members.get(&owner), Some(owner.clone()), etag);
            (owner, seen)
        });
        self.members = members.collect();
        self.leases = leases;
    }

    /// The leases could not be seen.
    pub(crate) fn failed(&mut self) {
        self.is_interrupted = true;
    }

    /// Who has a partition.
    pub(crate) fn holder(&self, partition: &str, now: Instant) -> Holder {
        let Some(seen) = self.leases.get(partition) else {
            return Holder::Nobody;
        };
        match &seen.owner {
            None => Holder::Nobody,
            Some(owner) if *owner == self.me => Holder::Me,
            Some(_) if self.has_expired(seen, now) => Holder::Expired,
            Some(owner) if !owner.is_ours() => Holder::Foreign(owner.clone()),
            Some(owner) if self.is_there(owner, now) => Holder::Peer(owner.clone()),
            Some(owner) => Holder::Gone(owner.clone()),
        }
    }

    /// Whether nobody has had a partition for as long as a lease lasts: who should have it does not take it.
    pub(crate) fn is_overdue(&self, partition: &str, now: Instant) -> bool {
        self.leases.get(partition).is_some_and(|seen| {
            let free_since = match &seen.owner {
                None => seen.since,
                Some(_) => seen.since + self.lasts_for(seen),
            };
            now.saturating_duration_since(free_since) >= self.lasts
        })
    }

    /// The version of a lease that was seen last; none where there is no lease.
    pub(crate) fn version(&self, partition: &str) -> Option<&ETag> {
        self.leases.get(partition).map(|seen| &seen.etag)
    }

    /// The replicas that are there, this one among them. One that lets a lease expire is not: who is killed between
    /// showing itself and renewing its leases seems to be there for a cycle longer than they last.
    pub(crate) fn members(&self, now: Instant) -> BTreeSet<Owner> {
        let expired: BTreeSet<_> = self
            .leases
            .values()
            .filter(|seen| self.has_expired(seen, now))
            .filter_map(|seen| seen.owner.as_ref())
            .collect();
        let there = self.members.keys();
        let there = there.filter(|owner| self.is_there(owner, now) && !expired.contains(owner));
        there.chain([&self.me]).cloned().collect()
    }

    /// Replicas that will not come back, and whose blobs nobody else removes.
    pub(crate) fn long_gone(&self, now: Instant) -> impl Iterator<Item = &Owner> {
        let long = self.lasts * LONG_GONE;
        let is_gone = move |seen: &Seen| now - seen.since >= long;
        let gone = self.members.iter().filter(move |(_, seen)| is_gone(seen));
        gone.map(|(owner, _)| owner)
            .filter(|owner| **owner != self.me)
    }

    /// When the next lease of others expires, if it is not renewed before.
    pub(crate) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        let of_others = self
            .leases
            .values()
            .filter(|seen| seen.owner.as_ref().is_some_and(|owner| *owner != self.me));
        let expiries = of_others.map(|seen| seen.since + self.lasts_for(seen));
        expiries.filter(|at| *at > now).min()
    }

    fn has_expired(&self, seen: &Seen, now: Instant) -> bool {
        let is_held_by_others = seen.owner.as_ref().is_some_and(|owner| *owner != self.me);
        is_held_by_others && now - seen.since >= self.lasts_for(seen)
    }

    fn lasts_for(&self, seen: &Seen) -> Duration {
        match &seen.owner {
            Some(owner) if !owner.is_ours() => self.lasts * FOREIGN,
            _ => self.lasts,
        }
    }

    fn is_there(&self, owner: &Owner, now: Instant) -> bool {
        let seen = self.members.get(owner);
        *owner == self.me || seen.is_some_and(|seen| now - seen.since < self.lasts)
    }
}
