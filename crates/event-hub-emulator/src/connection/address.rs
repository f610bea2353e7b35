//! What a link's address names: `hub`, `hub/Partitions/0`, `hub/ConsumerGroups/group/Partitions/0`, `$cbs`,
//! `$management`, each also behind `amqps://host/`.

/// A node of the namespace. The names are as the client wrote them; whether they exist is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// Where tokens are put.
    Cbs,
    /// Where properties are read.
    Management,
    /// A whole event hub, to send to.
    EventHub { event_hub: &'a str },
    /// One partition of it, to send to.
    Partition {
        event_hub: &'a str,
        partition: &'a str,
    },
    /// A partition as a consumer group sees it, to receive from.
    Consumed {
        event_hub: &'a str,
        consumer_group: &'a str,
        partition: &'a str,
    },
    /// Nothing of these.
    Unknown,
}

impl<'a> Node<'a> {
    pub(super) fn parse(address: &'a str) -> Self {
        let segments: Vec<&str> = path_of(address).split('/').collect();
        match segments.as_slice() {
            ["$cbs"] => Self::Cbs,
            [.., last] if last.eq_ignore_ascii_case("$management") => Self::Management,
            [""] => Self::Unknown,
            [event_hub] => Self::EventHub { event_hub },
            [event_hub, partitions, partition] if partitions.eq_ignore_ascii_case("Partitions") => {
                Self::Partition {
                    event_hub,
                    partition,
                }
            }
            [event_hub, groups, consumer_group, partitions, partition]
                if groups.eq_ignore_ascii_case("ConsumerGroups")
                    && partitions.eq_ignore_ascii_case("Partitions") =>
            {
                Self::Consumed {
                    event_hub,
                    consumer_group,
                    partition,
                }
            }
            _ => Self::Unknown,
        }
    }
}

/// The path of an address or of a token's audience, without scheme, host and outer slashes.
pub(super) fn path_of(address: &str) -> &str {
    let path = match address.split_once("://") {
        None => address,
        Some((_, host_and_path)) => host_and_path.split_once('/').map_or("", |(_, path)| path),
    };
    path.trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Node<'_>) {
        assert_eq!(Node::parse(address), expected, "{address}");
    }

    #[test]
    fn addresses_are_read_as_each_client_writes_them() {
        let consumed = Node::Consumed {
            event_hub: "calls",
            consumer_group: "$Default",
            partition: "0",
        };
        check("$cbs", Node::Cbs);
        check("amqps://localhost/$cbs", Node::Cbs);
        check("$management", Node::Management);
        check("calls/$management", Node::Management);
        check("calls", Node::EventHub { event_hub: "calls" });
        check(
            "amqps://localhost:5672/calls",
            Node::EventHub { event_hub: "calls" },
        );
        check(
            "calls/Partitions/3",
            Node::Partition {
                event_hub: "calls",
                partition: "3",
            },
        );
        check(
            "amqps://host/calls/ConsumerGroups/$Default/Partitions/0",
            consumed,
        );
        check("calls/consumergroups/$Default/partitions/0/", consumed);
    }

    #[test]
    fn what_names_nothing_is_unknown() {
        check("", Node::Unknown);
        check("amqps://host", Node::Unknown);
        check("calls/Publishers/a", Node::Unknown);
        check("calls/ConsumerGroups/$Default", Node::Unknown);
    }
}
