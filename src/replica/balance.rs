//! Who should have which partition. Pure: whoever sees the same comes to the same.
//!
//! What is free goes to who has the fewest. Then, as long as someone has two more than someone else, one partition goes
//! from who has the most to who has the fewest. Each such move makes the sum of the squares of all shares smaller, so
//! this ends, and what it ends in gives rise to no move; and no order of moves comes there with fewer.
//!
//! | seen: `a`, `b`, `c` are there | `a` does | `b` does | `c` does |
//! | --- | --- | --- | --- |
//! | 8 free | claims 3 or 2 | claims 3 or 2 | claims 3 or 2 |
//! | `a` has 8 | hands over 5 | | |
//! | `a` has 4, `b` 4 | hands over 1 | hands over 1 | |
//! | `a` has 3, `b` 3, `c` 2 | | | |
//! | `a` has 3, `b` 3, 2 free | | | claims 2 |
//! | `a` has 5, a foreign program 3 | hands over 3 | | |

use std::collections::{BTreeMap, BTreeSet};

use super::Owner;

/// What one replica is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Free partitions that should be its own.
    pub claim: Vec<String>,
    /// Partitions of its own that others should have.
    pub hand_over: Vec<String>,
}

/// What `me` is to do, given the replicas that are there and the partitions of an event hub with their holders, if they
/// have any. What is held by others than those that are there is left to them.
pub(crate) fn plan(
    event_hub: &str,
    me: &Owner,
    members: &BTreeSet<Owner>,
    partitions: &BTreeMap<String, Option<Owner>>,
) -> Plan {
    // In another order for each event hub, so that the same replica does not get what is left over of all of them.
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
            plan.claim.push(partition.clone());
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

/// FNV-1a, which is the same in every version of the program: replicas of two versions share a group while it is rolled
/// out.
fn rank(event_hub: &str, owner: &Owner) -> u64 {
    let bytes = event_hub.bytes().chain([0]).chain(owner.id().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
