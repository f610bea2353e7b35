//! Where the exporter may connect without TLS. On the way to any other host, keys and signatures could be read.

use std::net::IpAddr;

/// How the hosts of Event Hubs namespaces end in Azure's clouds, also behind a private link.
const CLOUDS: [&str; 4] = [
    ".servicebus.windows.net",
    ".servicebus.chinacloudapi.cn",
    ".servicebus.usgovcloudapi.net",
    ".servicebus.cloudapi.de",
];

/// Whether a host, as it is in a URL, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a host is a namespace in Azure, where no emulator is.
pub(crate) fn is_in_azure(host: &str) -> bool {
    // With a dot at its end, a name is the same name.
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    CLOUDS.iter().any(|cloud| host.ends_with(cloud))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some_names() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "azurite",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "localhost.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn every_cloud_is_known_also_by_a_private_link() {
        for host in [
            "contoso.servicebus.windows.net",
            "contoso.servicebus.windows.net.",
            "Contoso.ServiceBus.Windows.Net",
            "contoso.privatelink.servicebus.windows.net",
            "contoso.servicebus.chinacloudapi.cn",
            "contoso.servicebus.usgovcloudapi.net",
            "contoso.servicebus.cloudapi.de",
        ] {
            assert!(is_in_azure(host), "{host}");
        }
        for host in [
            "event-hubs",
            "localhost",
            "emulator.servicebus.svc.cluster.local",
            "contoso.servicebus.windows.net.example",
        ] {
            assert!(!is_in_azure(host), "{host}");
        }
    }
}
