//! Whose connection is closed when there is no room: pure decisions about what the connections hold.
//!
//! Room is shared out between addresses, and among the connections of one address by how they use it. So a client with
//! hundreds of connections makes room with its own, however often it connects again; and where all clients share one
//! address, as behind a service mesh, those that do not read make room for those that do.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// What a connection holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding<Id> {
    pub(super) id: Id,
    pub(super) peer: IpAddr,
    /// How far the client is behind a slow but honest one.
    pub(super) lag: Duration,
    /// The snapshot that is being sent, and how long its body is.
    pub(super) sends: Option<(u64, usize)>,
}

/// A client that is so far behind is slow. An honest one gets that far behind by a bad line only; and the connections
/// of a client that connects again at once change slowly enough for others to come in between.
const SLOW: Duration = Duration::from_millis(500);

/// How many connections any address may have before they count: two scrapers behind one address must not be worse off
/// than an attacker who has many addresses.
const FEW: usize = 4;

/// Which connection makes room for one that comes from this address. None if the newcomer has to wait: its address has
/// no less than any other, and none of the slow ones is left.
pub(super) fn for_newcomer<Id: Copy>(holdings: &[Holding<Id>], newcomer: IpAddr) -> Option<Id> {
    let mut connections: HashMap<IpAddr, usize> = HashMap::new();
    for holding in holdings {
        *connections.entry(client(holding.peer)).or_default() += 1;
    }
    let share = |peer, more| {
        let connections = connections.get(&client(peer)).copied().unwrap_or(0);
        FEW.max(connections + more)
    };
    let largest = holdings
        .iter()
        .map(|holding| share(holding.peer, 0))
        .max()?;
    let of_largest = holdings
        .iter()
        .filter(|holding| share(holding.peer, 0) == largest);
    let slowest = of_largest.max_by_key(|holding| holding.lag)?;
    let has_less = share(newcomer, 1) < largest;
    (has_less || slowest.lag >= SLOW).then_some(slowest.id)
}

/// Which snapshot is not sent any more, so that there is memory for another one: that whose fastest reader is the slowest,
/// and the oldest of those.
pub(super) fn for_body<Id>(holdings: &[Holding<Id>]) -> Option<u64> {
    let mut fastest: HashMap<u64, Duration> = HashMap::new();
    for holding in holdings {
        if let Some((snapshot, _)) = holding.sends {
            let lag = fastest.entry(snapshot).or_insert(holding.lag);
            *lag = holding.lag.min(*lag);
        }
    }
    let slowest = fastest
        .into_iter()
        .max_by_key(|(snapshot, lag)| (*lag, Reverse(*snapshot)));
    slowest.map(|(snapshot, _)| snapshot)
}

/// Who has an address. A host has all of its IPv6 network.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections as `address lag_ms snapshot`; their ids are their indices.
    fn holdings(connections: &[(&str, u64, u64)]) -> Vec<Holding<usize>> {
        let holding = |(id, (peer, lag, snapshot)): (usize, &(&str, u64, u64))| Holding {
            id,
            peer: peer.parse().unwrap(),
            lag: Duration::from_millis(*lag),
            sends: (*snapshot > 0).then_some((*snapshot, 1)),
        };
        connections.iter().enumerate().map(holding).collect()
    }

    fn newcomer(connections: &[(&str, u64, u64)], peer: &str, expected: Option<usize>) {
        let made_room = for_newcomer(&holdings(connections), peer.parse().unwrap());
        assert_eq!(made_room, expected, "{peer} to {connections:?}");
    }

    #[test]
    fn the_address_with_the_most_connections_makes_room_with_the_slowest() {
        let mut connections = vec![("10.0.0.1", 9000, 0), ("10.0.0.2", 8000, 0)];
        connections.extend((0..250).map(|i| ("10.0.0.66", i, 0)));
        newcomer(&connections, "10.0.0.1", Some(251));
        newcomer(&connections, "10.0.0.3", Some(251));
        newcomer(&connections, "10.0.0.66", None);
        connections[100].1 = 500;
        newcomer(&connections, "10.0.0.66", Some(100));
    }

    #[test]
    fn a_client_with_many_addresses_has_no_more_of_each_than_two_scrapers_of_one() {
        let addresses: Vec<_> = (0..254).map(|i| format!("10.0.1.{i}")).collect();
        let mut connections = vec![("10.0.0.1", 0, 0), ("10.0.0.1", 499, 0)];
        connections.extend(addresses.iter().map(|address| (address.as_str(), 400, 0)));
        newcomer(&connections, "10.0.0.9", None);
        connections[77].1 = 600;
        newcomer(&connections, "10.0.0.9", Some(77));
        newcomer(&connections, "10.0.1.3", Some(77));
    }

    #[test]
    fn one_address_for_all_is_shared_by_how_they_read() {
        let mut connections = vec![("127.0.0.6", 100, 1); 256];
        newcomer(&connections, "127.0.0.6", None);
        connections[200].1 = 1000;
        newcomer(&connections, "127.0.0.6", Some(200));
        newcomer(&connections, "10.0.0.1", Some(200));
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_a_mapped_address_is_itself() {
        let mut connections = vec![("2001:db8::1", 0, 0); 3];
        connections.extend([("2001:db8::2", 0, 0), ("2001:db8::3", 10, 0)]);
        connections.extend([("::ffff:10.0.0.1", 20, 0), ("::ffff:10.0.0.2", 30, 0)]);
        newcomer(&connections, "::ffff:10.0.0.3", Some(4));
        newcomer(&connections, "2001:db8:0:1::1", Some(4));
        newcomer(&connections, "2001:db8::4", None);
    }

    #[test]
    fn a_body_that_one_client_reads_fast_enough_stays() {
        let check = |connections: &[(&str, u64, u64)], expected| {
            assert_eq!(for_body(&holdings(connections)), expected);
        };
        check(&[("10.0.0.1", 9000, 0)], None);
        check(&[("10.0.0.1", 9, 1), ("10.0.0.1", 10, 2)], Some(2));
        check(&[("10.0.0.1", 0, 1), ("10.0.0.1", 0, 2)], Some(1));
        let shared = ("10.0.0.2", 0, 1);
        check(
            &[("10.0.0.1", 9000, 1), shared, ("10.0.0.1", 1, 2)],
            Some(2),
        );
    }
}
