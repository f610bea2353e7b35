//! When an event counts as delivered, to whom, and how long it may wait for that.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use ipnet::IpNet;

use crate::setting::{Check, duration, items, number, settings, words};

settings! {
    /// Delivery
    ///
    /// When a scrape counts as delivered, and what waits for it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "delivery" {
        /// When a checkpoint may advance past an event.
        ///
        /// - `scrape`: once the event was counted and a scrape with that count was delivered. A crash loses nothing.
        /// - `processing`: once the event was counted. A crash loses counts that no scrape has delivered.
        checkpoint_after: CheckpointAfter = words([
            ("scrape", CheckpointAfter::Scrape),
            ("processing", CheckpointAfter::Processing),
        ]).default("scrape"),
        /// How many scrapers must have received a snapshot before it counts as delivered.
        ///
        /// Scrapers are distinguished by their address, or by `?scraper=NAME` (`params` in the scrape configuration) where you
        /// give each its own name. One that is silent for 10 minutes is forgotten.
        /// `acs_recording_exporter_scrapers` shows how many there are.
        scrapers: NonZeroUsize = number(1..=SCRAPERS_MOST).default("1"),
        /// The networks and addresses whose scrapes can acknowledge; if empty, every client that reaches the port can.
        ///
        /// For example `[10.1.0.0/16, "fd00::/8"]`: where your Prometheus servers run. A scrape from elsewhere is answered and
        /// acknowledges nothing. The exporter compares the address from which the connection comes, which may be that of a proxy.
        scrapers_from: Vec<IpNet> = networks().default(""),
        /// At startup, how long to wait for a scrape (so that failure series are visible at 0) before consuming.
        ///
        /// `0s` does not wait.
        start_gate: Duration = duration(Duration::ZERO..=WAIT_MOST).default("2m"),
        /// How long a partition waits at most, within any ten minutes, until scrapes have delivered failure series at 0.
        ///
        /// An event is held if it would increase a failure series that no scrape has delivered yet. Later events of the same
        /// partition wait behind it. A partition that has waited this long within ten minutes does not wait: otherwise a
        /// sender of ever new failures could delay all others. `0s` does not wait. Above `10m`, the setting bounds each wait
        /// only.
        hold_max: Duration = duration(Duration::ZERO..=WAIT_MOST).default("2m"),
    }
}

/// When a checkpoint may advance past an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointAfter {
    /// Once a scrape that shows it was delivered: a crash loses nothing.
    Scrape,
    /// Once it was counted: a crash loses what no delivered scrape has shown.
    Processing,
}

impl Settings {
    /// Whether scrapes from this address can acknowledge.
    pub(crate) fn may_acknowledge(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.scrapers_from.is_empty()
            || self
                .scrapers_from
                .iter()
                .any(|network| network.contains(&address))
    }
}

fn networks() -> Check<Vec<IpNet>> {
    let accepts = format!("up to {NETWORKS_MAX} networks or IP addresses");
    items(accepts.clone(), move |items| {
        if items.len() > NETWORKS_MAX {
            return Err(format!("must have {accepts}, not {}", items.len()));
        }
        let networks = (1..).zip(items).map(|(number, item)| {
            let network: Result<IpNet, _> = item.parse().or_else(|_| item.parse().map(IpAddr::into));
            let network = network.map_err(|_| {
                format!(
                    "item {number} must be a network or an IP address, for example `10.1.0.0/16` or `fd00::1`"
                )
            })?;
            let meant = IpNet::from(network.addr().to_canonical());
            if network.network() != network.addr() {
                let network = network.trunc();
                return Err(format!(
                    "item {number} has more bits than its prefix: write `{meant}` or `{network}`"
                ));
            }
            if network.network().to_canonical() != network.network() {
                return Err(format!(
                    "item {number} is an IPv4 network written as IPv6: write it as IPv4, for example `{meant}`"
                ));
            }
            Ok(network)
        });
        networks.collect()
    })
}

/// Prometheus runs in pairs; more than this are not one exporter's scrapers but a mistake.
const SCRAPERS_MOST: usize = 10;

/// One for each scraper and some more are enough; every scrape is compared with all of them.
const NETWORKS_MAX: usize = 100;

/// No scraper is slower, and a partition that waits longer is down.
const WAIT_MOST: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Value;

    #[test]
    fn the_addresses_that_may_acknowledge_are_those_in_the_networks_or_all() {
        let check = |networks_text: &str, address: &str, expected: bool| {
            let settings = Settings {
                scrapers_from: networks()
                    .read(&Value::Text(networks_text.to_owned()))
                    .unwrap(),
                ..Settings::default()
            };
            let may = settings.may_acknowledge(address.parse().unwrap());
            assert_eq!(may, expected, "{address} in `{networks_text}`");
        };
        for address in ["10.1.2.3", "::1", "::ffff:10.1.2.3"] {
            check("", address, true);
        }
        check("10.1.0.0/16", "10.1.2.3", true);
        check("10.1.0.0/16", "::ffff:10.1.2.3", true);
        check("10.1.0.0/16", "10.2.0.1", false);
        check("10.1.0.0/16", "::1", false);
        check("10.1.2.3", "10.1.2.3", true);
        check("10.1.2.3", "10.1.2.4", false);
        check("fd00::/8, 127.0.0.1", "fd12::1", true);
        check("fd00::/8, 127.0.0.1", "127.0.0.1", true);
    }

    #[test]
    fn a_network_is_written_with_a_prefix_or_is_one_address() {
        let fault = |text: &str| networks().read(&Value::Text(text.to_owned())).unwrap_err();
        let expected =
            "item 2 must be a network or an IP address, for example `10.1.0.0/16` or `fd00::1`";
        for bad in ["prometheus", "10.1.0.0/33", "10.1", "", "*"] {
            assert_eq!(fault(&format!("::1, {bad}")), expected, "{bad}");
        }
        let expected = "item 1 has more bits than its prefix: write `10.0.0.1/32` or `10.0.0.0/8`";
        assert_eq!(fault("10.0.0.1/8"), expected);
        assert!(fault("::ffff:10.0.0.0/104").contains("write it as IPv4"));
        let many = vec!["::1"; NETWORKS_MAX + 1].join(",");
        let expected = "must have up to 100 networks or IP addresses, not 101";
        assert_eq!(fault(&many), expected);
    }
}
