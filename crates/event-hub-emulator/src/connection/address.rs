//! What the address of a link names: `hub`, `hub/Partitions/0`, `hub/ConsumerGroups/group/Partitions/0`, `$cbs`,
//! `$management`, each also behind `amqps://host/`.

/// A node of the namespace. The names are as the client wrote them; whether they exist is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// Where tokens are put.
    Cbs,
    /// Where properties are read.
    Management,
    /// An event hub or one of its partitions, to send to; a partition as a consumer group sees it, to receive from.
    Entity {
        event_hub: &'a str,
        consumer_group: Option<&'a str>,
        partition: Option<&'a str>,
    },
    /// None of these.
    Unknown,
}

impl<'a> Node<'a> {
    pub(super) fn parse(address: &'a str) -> Self {
        let is = |segment: &str, name| segment.eq_ignore_ascii_case(name);
        let entity = |event_hub, consumer_group, partition| Self::Entity {
            event_hub,
            consumer_group,
            partition,
        };
        let segments: Vec<&str> = path_of(address).split('/').collect();
        match *segments.as_slice() {
            ["$cbs"] => Self::Cbs,
            [.., last] if is(last, "$management") => Self::Management,
            [""] => Self::Unknown,
            [event_hub] => entity(event_hub, None, None),
            [event_hub, partitions, partition] if is(partitions, "Partitions") => {
                entity(event_hub, None, Some(partition))
            }
            [event_hub, groups, group, partitions, partition]
                if is(groups, "ConsumerGroups") && is(partitions, "Partitions") =>
            {
                entity(event_hub, Some(group), Some(partition))
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

    fn entity<'a>(group: Option<&'a str>, partition: Option<&'a str>) -> Node<'a> {
        Node::Entity {
            event_hub: "calls",
            consumer_group: group,
            partition,
        }
    }

    #[test]
    fn addresses_are_read_as_each_client_writes_them() {
        check("$cbs", Node::Cbs);
        check("amqps://localhost/$cbs", Node::Cbs);
        check("$management", Node::Management);
        check("calls/$management", Node::Management);
        check("calls", entity(None, None));
        check("amqps://localhost:5672/calls", entity(None, None));
        check("calls/Partitions/3", entity(None, Some("3")));
        let consumed = entity(Some("$Default"), Some("0"));
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
