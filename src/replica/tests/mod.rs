//! The balancer by its table and its properties; what a replica sees; and many replicas together.

mod replicas;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::Owner;
use super::balance::{Plan, plan};
use super::lease_store::Listing;
use super::view::View;
use crate::blobs::ETag;

const LASTS: Duration = Duration::from_secs(30);

fn owner(number: usize) -> Owner {
    Owner::new("pod", u64::try_from(number).unwrap())
}

fn owners(count: usize) -> BTreeSet<Owner> {
    (0..count).map(owner).collect()
}

/// Partitions by their owners: a replica's number, `*` for a foreign program, `.` for none.
fn held(holders: &str) -> BTreeMap<String, Option<Owner>> {
    let holders = holders.chars().enumerate();
    holders
        .map(|(partition, holder)| {
            let holder = match holder {
                '.' => None,
                '*' => Owner::named("somebody else's"),
                digit => Some(owner(usize::try_from(digit.to_digit(10).unwrap()).unwrap())),
            };
            (format!("{partition:04}"), holder)
        })
        .collect()
}

#[test]
fn the_table_holds() {
    let check = |holders: &str, claims: &[usize], hands_over: &[usize]| {
        let partitions = held(holders);
        let plans: Vec<_> = owners(3)
            .iter()
            .map(|me| plan("logs", me, &owners(3), &partitions))
            .collect();
        let mut claimed: Vec<_> = plans.iter().map(|plan| plan.claim.len()).collect();
        if claims.is_empty() {
            claimed.sort_unstable();
            assert_eq!(claimed, [2, 3, 3], "{holders}");
        } else {
            assert_eq!(claimed, claims, "{holders}");
        }
        let handed: Vec<_> = plans.iter().map(|plan| plan.hand_over.len()).collect();
        assert_eq!(handed, hands_over, "{holders}");
    };
    check("........", &[], &[0, 0, 0]);
    check("00000000", &[0, 0, 0], &[5, 0, 0]);
    check("00001111", &[0, 0, 0], &[1, 1, 0]);
    check("00011122", &[0, 0, 0], &[0, 0, 0]);
    check("000111..", &[0, 0, 2], &[0, 0, 0]);
    check("00000***", &[0, 0, 0], &[3, 0, 0]);
}

#[test]
fn the_remainders_of_several_hubs_go_to_several_replicas() {
    let one = BTreeMap::from([("0".to_owned(), None)]);
    let takers: BTreeSet<_> = (0..20)
        .map(|hub| {
            let hub = format!("insights-logs-{hub}");
            let takes = |me: &&Owner| !plan(&hub, me, &owners(3), &one).claim.is_empty();
            let taken_by: Vec<_> = owners(3).iter().filter(takes).cloned().collect();
            assert_eq!(taken_by.len(), 1);
            taken_by
        })
        .collect();
    assert_eq!(takers.len(), 3);
}

/// Any state: up to 40 partitions held by some of up to 6 replicas, by others, or by nobody.
fn any_state() -> impl Strategy<Value = (usize, BTreeMap<String, Option<Owner>>)> {
    (1..7_usize).prop_flat_map(|replicas| {
        let holders = prop::collection::vec(0..replicas + 3, 0..40);
        holders.prop_map(move |holders| {
            let holders = holders.into_iter().enumerate();
            let partitions = holders.map(|(partition, holder)| {
                let holder = match holder {
                    holder if holder < replicas => Some(owner(holder)),
                    holder if holder == replicas => Owner::named("somebody else's"),
                    _ => None,
                };
                (format!("{partition:04}"), holder)
            });
            (replicas, partitions.collect())
        })
    })
}

/// How many partitions each replica has.
fn shares(
    members: &BTreeSet<Owner>,
    partitions: &BTreeMap<String, Option<Owner>>,
) -> BTreeMap<Owner, usize> {
    let mut shares: BTreeMap<_, _> = members.iter().map(|member| (member.clone(), 0)).collect();
    for holder in partitions.values().flatten() {
        if let Some(share) = shares.get_mut(holder) {
            *share += 1;
        }
    }
    shares
}

fn spread(shares: &BTreeMap<Owner, usize>) -> usize {
    shares.values().max().unwrap() - shares.values().min().unwrap()
}

proptest! {
    /// One round: all acquire and release, then what was released is acquired.
    #[test]
    fn everything_is_owned_once_and_evenly_with_as_few_moves_as_can_be((replicas, before) in any_state()) {
        let members = owners(replicas);
        let mut after = before.clone();
        let mut moves = 0;
        for round in 0..2 {
            let seen = after.clone();
            for me in &members {
                let Plan { claim, hand_over } = plan("logs", me, &members, &seen);
                for partition in claim {
                    prop_assert_eq!(&seen[&partition], &None);
                    let claimed = after.insert(partition, Some(me.clone())).unwrap();
                    prop_assert_eq!(claimed, None, "claimed twice");
                }
                moves += hand_over.len();
                prop_assert!(round == 0 || hand_over.is_empty(), "a second round of moves");
                for partition in hand_over {
                    prop_assert_eq!(seen[&partition].as_ref(), Some(me));
                    after.insert(partition, None);
                }
            }
        }
        prop_assert!(after.values().all(Option::is_some));
        let (was, is) = (shares(&members, &before), shares(&members, &after));
        prop_assert!(spread(&is) <= 1, "{is:?}");
        let surplus = |(member, was): (&Owner, &usize)| was.saturating_sub(is[member]);
        let least: usize = was.iter().map(surplus).sum();
        prop_assert_eq!(moves, least);
        for me in &members {
            prop_assert_eq!(plan("logs", me, &members, &after), Plan::default());
        }
    }
}

fn listed(
    view: &mut View,
    leases: &[(&str, Option<usize>, &str)],
    members: &[(usize, &str)],
    now: Instant,
) {
    let leases = leases.iter().map(|(partition, holder, etag)| {
        let holder = holder.map(owner);
        ((*partition).to_owned(), (holder, ETag::new(etag)))
    });
    let members = members
        .iter()
        .map(|(member, etag)| (owner(*member), ETag::new(etag)));
    let listing = Listing {
        leases: leases.collect(),
        members: members.collect(),
        blind: BTreeSet::new(),
    };
    view.listed(listing, false, now);
}

#[test]
fn a_lease_expires_by_the_replicas_own_clock_and_not_while_it_changes() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut view = View::new(owner(0), LASTS);
    listed(
        &mut view,
        &[("0", Some(1), "a"), ("1", Some(0), "a"), ("2", None, "a")],
        &[(1, "a")],
        at(0),
    );
    assert_eq!(view.owner("0", at(29)), Some(&owner(1)));
    assert_eq!(view.owner("0", at(30)), None);
    assert!(view.is_expired("0", at(30)) && !view.is_expired("0", at(29)));
    assert!(!view.is_expired("1", at(99)) && !view.is_expired("2", at(99)));
    assert_eq!(view.next_expiry(at(0)), Some(at(30)));
    assert_eq!(
        view.owner("1", at(99)),
        Some(&owner(0)),
        "its own does not expire"
    );
    assert_eq!(view.owner("2", at(99)), None);
    assert_eq!(view.owner("3", at(99)), None);
    listed(&mut view, &[("0", Some(1), "b")], &[(1, "b")], at(20));
    assert_eq!(view.owner("0", at(49)), Some(&owner(1)));
    assert_eq!(view.owner("0", at(50)), None);
}

#[test]
fn after_an_outage_all_times_start_again() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut view = View::new(owner(0), LASTS);
    let listing = Listing {
        leases: [("0".to_owned(), (Some(owner(1)), ETag::new("a")))].into(),
        members: [(owner(1), ETag::new("a"))].into(),
        blind: BTreeSet::new(),
    };
    view.listed(listing.clone(), false, at(0));
    view.listed(listing, true, at(120));
    assert_eq!(view.owner("0", at(149)), Some(&owner(1)));
    assert_eq!(view.owner("0", at(150)), None);
}

#[test]
fn a_replica_that_lets_a_lease_expire_is_not_alive_and_one_long_gone_is_removed() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut view = View::new(owner(0), LASTS);
    listed(
        &mut view,
        &[("0", Some(1), "a")],
        &[(1, "a"), (2, "a")],
        at(0),
    );
    // Killed after it announced itself, and before it renewed.
    listed(
        &mut view,
        &[("0", Some(1), "a")],
        &[(1, "b"), (2, "b")],
        at(10),
    );
    assert_eq!(view.members(at(29)), owners(3));
    assert_eq!(view.members(at(30)), [owner(0), owner(2)].into());
    assert_eq!(view.members(at(40)), owners(1));
    assert_eq!(view.long_gone(at(309)).count(), 0);
    assert_eq!(view.long_gone(at(310)).count(), 2);
}

#[test]
fn the_lease_of_a_foreign_program_lasts_longer() {
    let now = Instant::now();
    let mut view = View::new(owner(0), LASTS);
    let foreign = Owner::named("4f9c").unwrap();
    let lease = (Some(foreign.clone()), ETag::new("a"));
    let listing = Listing {
        leases: [("0".to_owned(), lease)].into(),
        members: BTreeMap::new(),
        blind: BTreeSet::new(),
    };
    view.listed(listing, false, now);
    assert_eq!(
        view.owner("0", now + LASTS * 3),
        Some(&foreign),
        "it renews less often than a replica does"
    );
    assert_eq!(view.owner("0", now + LASTS * 4), None);
    listed(&mut view, &[("0", Some(1), "a")], &[], now);
    assert_eq!(view.owner("0", now), Some(&owner(1)));
}

#[test]
fn only_replicas_that_can_read_share_partitions_unless_none_can() {
    let now = Instant::now();
    let mut view = View::new(owner(0), LASTS);
    let members = (1..3).map(|member| (owner(member), ETag::new("a")));
    let mut listing = Listing {
        members: members.collect(),
        ..Listing::default()
    };
    let mut check = |blind: &[usize], can_read, expected: &[usize]| {
        listing.blind = blind.iter().copied().map(owner).collect();
        view.listed(listing.clone(), false, now);
        let expected: BTreeSet<_> = expected.iter().copied().map(owner).collect();
        assert_eq!(view.readers(can_read, now), expected, "{blind:?}");
    };
    check(&[], true, &[0, 1, 2]);
    check(&[1], true, &[0, 2]);
    check(&[1], false, &[2]);
    check(&[1, 2], true, &[0]);
    check(&[0], true, &[0, 1, 2]); // what it knows itself is newer
    check(&[1, 2], false, &[0, 1, 2]);
}

#[test]
fn a_partition_without_an_owner_for_the_time_of_a_lease_is_overdue() {
    let now = Instant::now();
    let mut view = View::new(owner(0), LASTS);
    listed(
        &mut view,
        &[("0", None, "a"), ("1", Some(1), "a")],
        &[],
        now,
    );
    assert!(!view.is_overdue("0", now + LASTS - Duration::from_secs(1)));
    assert!(view.is_overdue("0", now + LASTS));
    assert!(!view.is_overdue("1", now + LASTS));
    assert!(view.is_overdue("1", now + LASTS * 2));
    assert!(!view.is_overdue("2", now + LASTS * 2));
}
