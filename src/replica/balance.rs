//! Computes which replica should own which partition. Pure: replicas that see the same leases compute the same plan.
//!
//! Each free partition goes to the replica with the fewest partitions. Then, as long as one replica has at least two more
//! than another, one partition goes from the replica with the most to the one with the fewest. Each such move makes the sum
//! of the squares of all shares smaller, so the moves end. Their result requires no further move, and no other order needs
//! fewer moves.
//!
//! | seen: `a`, `b`, `c` are alive | `a` does | `b` does | `c` does |
//! | --- | --- | --- | --- |
//! | 8 free | claims 3 or 2 | claims 3 or 2 | claims 3 or 2 |
//! | `a` has 8 | hands over 5 | | |
//! | `a` has 4, `b` 4 | hands over 1 | hands over 1 | |
//! | `a` has 3, `b` 3, `c` 2 | | | |
//! | `a` has 3, `b` 3, 2 free | | | claims 2 |
//! | `a` has 5, a foreign program 3 | hands over 3 | | |

use std::collections::{BTreeMap, BTreeSet};

use super::Owner;

/// What one replica should do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Free partitions that it should acquire.
    pub claim: BTreeSet<String>,
    /// Partitions that it owns and others should own.
    pub hand_over: Vec<String>,
}

/// The replicas among which the partitions are shared: those that can read the event hub. If none can, it is away for all of
/// them, and nothing has to move.
pub(super) fn readers(members: &BTreeSet<Owner>, blind: &BTreeSet<Owner>) -> BTreeSet<Owner> {
    let readers: BTreeSet<_> = members.difference(blind).cloned().collect();
    if readers.is_empty() {
        members.clone()
    } else {
        readers
    }
}

/// What `me` should do, given the replicas that are alive, and the partitions of an event hub with their owners, if they
/// have any. A partition whose owner is not among these replicas stays with that owner.
pub(super) fn plan(
    event_hub: &str,
    me: &Owner,
    members: &BTreeSet<Owner>,
    partitions: &BTreeMap<String, Option<Owner>>,
) -> Plan {
    // The order differs for each event hub, so that the same replica does not get the remainder of each.
    let mut ranked: Vec<_> = members.iter().collect();
    ranked.sort_by_key(|owner| (rank(event_hub, owner), *owner));
    let mut held: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); ranked.len()];
    let ranks: BTreeMap<_, _> = ranked.iter().copied().zip(0..).collect();
    for (partition, holder) in partitions {
        let rank: Option<&usize> = holder.as_ref().and_then(|holder| ranks.get(holder));
        if let Some(held) = rank.and_then(|rank| held.get_mut(*rank)) {
            held.insert(partition);
        }
    }
    let mut shares: BTreeSet<_> = held.iter().map(BTreeSet::len).zip(0..).collect();
    let mut plan = Plan::default();
    let free = partitions.iter().filter(|(_, holder)| holder.is_none());
    for (partition, _) in free {
        let Some((share, fewest)) = shares.pop_first() else {
            break;
        };
        shares.insert((share + 1, fewest));
        if ranked.get(fewest) == Some(&me) {
            plan.claim.insert(partition.clone());
        }
    }
    while let (Some((least, fewest)), Some((greatest, most))) =
        (shares.first().copied(), shares.last().copied())
        && greatest >= least + 2
        && let Some(partition) = held.get_mut(most).and_then(BTreeSet::pop_last)
    {
        shares.remove(&(least, fewest));
        shares.remove(&(greatest, most));
        shares.insert((least + 1, fewest));
        shares.insert((greatest - 1, most));
        if ranked.get(most) == Some(&me) {
            plan.hand_over.push(partition.to_owned());
        }
    }
    plan
}

/// FNV-1a, which is the same in every version of the program: during a rollout, replicas of two versions share a consumer
/// group.
fn rank(event_hub: &str, owner: &Owner) -> u64 {
    let bytes = event_hub.bytes().chain([0]).chain(owner.id().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
