//! Many replicas, each with a view of its own that is up to a cycle old, on one store that refuses outdated writes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{owner, shares, spread};
use crate::replica::Owner;
use crate::replica::balance::{plan, readers};

/// Cycles after which a lease that is not renewed expires.
const LASTS: u32 = 3;

/// A partition's lease in the store.
#[derive(Clone, Debug, Default)]
struct Lease {
    holder: Option<Owner>,
    version: u64,
    renewed: u32,
}

#[derive(Clone, Debug, Default)]
struct Store {
    leases: BTreeMap<String, Lease>,
    /// When each replica last announced itself.
    members: BTreeMap<Owner, u32>,
    /// Those that announce that they cannot read.
    blind: BTreeSet<Owner>,
}

struct World {
    store: Store,
    cycle: u32,
    alive: BTreeSet<Owner>,
    /// Those that cannot read, alive or not.
    blind: BTreeSet<Owner>,
    /// Partitions that are handed over, by which replica, and when that ends.
    handing_over: BTreeMap<String, (Owner, u32)>,
    /// The previous owner of each partition.
    last_owners: BTreeMap<String, Owner>,
    moves: usize,
    hand_over_max: u32,
    random: StdRng,
}

impl World {
    fn new(partitions: usize, hand_over_max: u32, seed: u64) -> Self {
        let ids = (0..partitions).map(|id| (format!("{id:04}"), Lease::default()));
        Self {
            store: Store {
                leases: ids.collect(),
                members: BTreeMap::new(),
                blind: BTreeSet::new(),
            },
            cycle: 0,
            alive: BTreeSet::new(),
            blind: BTreeSet::new(),
            handing_over: BTreeMap::new(),
            last_owners: BTreeMap::new(),
            moves: 0,
            hand_over_max,
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn join(&mut self, replica: Owner) {
        self.store.members.insert(replica.clone(), self.cycle);
        self.alive.insert(replica);
    }

    fn kill(&mut self, replica: &Owner) {
        self.alive.remove(replica);
        self.handing_over.retain(|_, (owner, _)| owner != replica);
    }

    /// In order: releases all that it owns.
    fn stop(&mut self, replica: &Owner) {
        self.kill(replica);
        self.store.members.remove(replica);
        for lease in self.store.leases.values_mut() {
            if lease.holder.as_ref() == Some(replica) {
                lease.holder = None;
                lease.version += 1;
            }
        }
    }

    /// Every replica acts once, in any order, on what it saw at some time since the last cycle. True if any did anything.
    fn cycle(&mut self) -> bool {
        self.cycle += 1;
        let mut order: Vec<_> = self.alive.iter().cloned().collect();
        order.shuffle(&mut self.random);
        let mut snapshots = vec![self.store.clone()];
        let mut has_acted = false;
        for me in order {
            let seen = self.random.random_range(0..snapshots.len());
            let seen = snapshots[seen].clone();
            has_acted |= self.act(&me, &seen);
            snapshots.push(self.store.clone());
        }
        has_acted
    }

    fn act(&mut self, me: &Owner, seen: &Store) -> bool {
        let now = self.cycle;
        self.store.members.insert(me.clone(), now);
        self.store.blind.remove(me);
        if self.blind.contains(me) {
            self.store.blind.insert(me.clone());
        }
        let due: Vec<_> = self
            .handing_over
            .iter()
            .filter(|(_, (owner, at))| owner == me && *at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        let mut has_acted = !due.is_empty();
        for id in due {
            self.handing_over.remove(&id);
            self.write(&id, me, None);
        }
        for (id, lease) in &mut self.store.leases {
            if lease.holder.as_ref() == Some(me) && !self.handing_over.contains_key(id) {
                lease.renewed = now;
                lease.version += 1;
            }
        }
        let mut members: BTreeSet<_> = seen
            .members
            .iter()
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|(_, shown)| **shown + LASTS > now)
            .map(|(member, _)| member.clone())
            .collect();
        members.insert(me.clone());
        let mut blind = seen.blind.clone();
        blind.remove(me);
        blind.extend(self.blind.get(me).cloned());
        let readers = readers(&members, &blind);
        let holders = seen.leases.iter().map(|(id, lease)| {
            let is_handed_over = self
                .handing_over
                .get(id)
                .is_some_and(|(owner, _)| owner == me);
            // A replica knows its own leases, however old the listing is.
            let is_mine = self.store.leases[id].holder.as_ref() == Some(me);
            let holder = match &lease.holder {
                _ if is_handed_over => None,
                _ if is_mine => Some(me.clone()),
                Some(holder) if holder != me && lease.renewed + LASTS > now => Some(holder.clone()),
                _ => None,
            };
            (id.clone(), holder)
        });
        let holders: BTreeMap<_, _> = holders.collect();
        let mut plan = plan("logs", me, &readers, &holders);
        if self.blind.contains(me) {
            plan.hand_over.clear(); // if no replica can read, nothing moves for the sake of balance
        }
        if !readers.contains(me) {
            assert!(plan.claim.is_empty(), "it cannot read, and another can");
            let owned = holders
                .iter()
                .filter(|(_, owner)| owner.as_ref() == Some(me));
            plan.hand_over = owned.map(|(id, _)| id.clone()).collect();
        }
        for id in plan.claim {
            let current = &self.store.leases[&id];
            let is_current = current.version == seen.leases[&id].version;
            if is_current && !self.handing_over.contains_key(&id) {
                has_acted = true;
                let before = self.last_owners.insert(id.clone(), me.clone());
                self.moves += usize::from(before.is_some_and(|before| before != *me));
                self.write(&id, me, Some(me.clone()));
            }
        }
        for id in plan.hand_over {
            has_acted = true;
            let takes = self.random.random_range(0..=self.hand_over_max);
            self.handing_over.insert(id, (me.clone(), now + takes));
        }
        has_acted
    }

    fn write(&mut self, id: &str, me: &Owner, holder: Option<Owner>) {
        let lease = self.store.leases.get_mut(id).unwrap();
        if holder.is_none() && lease.holder.as_ref() != Some(me) {
            return; // refused
        }
        *lease = Lease {
            holder,
            version: lease.version + 1,
            renewed: self.cycle,
        };
    }

    /// Runs until no replica does anything for as long as a lease lasts, and returns the cycles until then.
    fn settle(&mut self, at_most: u32) -> Option<u32> {
        let begun = self.cycle;
        let mut acted_at = begun;
        while self.cycle - acted_at <= LASTS + 1 {
            if self.cycle() || !self.handing_over.is_empty() {
                acted_at = self.cycle;
            }
            if acted_at - begun > at_most {
                return None;
            }
        }
        Some(acted_at - begun)
    }

    fn holders(&self) -> BTreeMap<String, Option<Owner>> {
        let leases = self.store.leases.iter();
        leases
            .map(|(id, lease)| (id.clone(), lease.holder.clone()))
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Replicas come, leave, are killed and cut off from the event hub; when that ends, all settle, and everything is owned,
    /// evenly, by those that can read.
    #[test]
    fn they_settle_whatever_happened(
        partitions in 1..40_usize,
        events in prop::collection::vec((0..6_u8, 0..8_usize, 0..4_u32), 1..20),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(partitions, 2, seed);
        world.join(owner(99));
        for (event, replica, cycles) in events {
            let replica = owner(replica);
            match event {
                0 | 1 => world.join(replica),
                2 if world.alive.contains(&replica) => world.stop(&replica),
                3 => world.kill(&replica),
                4 => _ = world.blind.insert(replica),
                5 => _ = world.blind.remove(&replica),
                _ => {}
            }
            for _ in 0..cycles {
                world.cycle();
            }
        }
        let settled = world.settle(30);
        prop_assert!(settled.is_some(), "still moving after 30 cycles");
        let holders = world.holders();
        prop_assert!(holders.values().flatten().count() == partitions);
        let readers = readers(&world.alive, &world.blind);
        prop_assert!(holders.values().flatten().all(|holder| readers.contains(holder)));
        let is_away = world.alive.is_subset(&world.blind);
        prop_assert!(is_away || spread(&shares(&readers, &holders)) <= 1);
        let moves = world.moves;
        for _ in 0..20 {
            world.cycle();
        }
        prop_assert_eq!(world.moves, moves, "it oscillates");
    }
}

#[test]
fn a_thousand_partitions_and_ten_replicas() {
    let told = |what: &str, world: &mut World, least: usize| {
        let cycles = world.settle(50).expect("it settles");
        let moves = std::mem::take(&mut world.moves);
        let shares = shares(&world.alive, &world.holders());
        println!("{what}: settled after {cycles} cycles and {moves} moves, {least} at the least");
        assert!(spread(&shares) <= 1, "{what}: {shares:?}");
        assert!(moves <= 3 * least, "{what}: {moves} moves");
    };
    let mut world = World::new(1000, 2, 1);
    for replica in 0..10 {
        world.join(owner(replica));
    }
    told("ten that begin at once", &mut world, 0);
    world.join(owner(10));
    told("an eleventh", &mut world, 90);
    world.kill(&owner(3));
    told("one killed", &mut world, 91);
    world.stop(&owner(4));
    told("one stopped", &mut world, 100);
    for replica in [0, 1, 2, 5, 6, 7, 8, 9, 10] {
        world.join(owner(replica + 20));
        world.cycle();
        world.stop(&owner(replica));
        world.cycle();
    }
    told("a rollout of all nine, two cycles each", &mut world, 1000);

    let mut world = World::new(1000, 2, 2);
    world.join(owner(0));
    told("one alone", &mut world, 0);
    for replica in 1..10 {
        world.join(owner(replica));
    }
    told("nine more at once", &mut world, 900);
}
