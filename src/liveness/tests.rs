use super::*;
use time::macros::datetime;

const DEAD_AFTER: Duration = Duration::from_mins(5);

#[test]
fn ready_is_when_every_partition_of_every_hub_is_read() {
    let now = Instant::now();
    let liveness = Liveness::new(["a", "b"], DEAD_AFTER, now);
    liveness.event_hub_answered("a", ["0", "1"], now);
    liveness.partition_opened(&PartitionId::new("a", "0"));
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 1 of 2 partitions are not read\nevent hub `b` has not answered yet"
    );
    liveness.partition_opened(&PartitionId::new("a", "1"));
    liveness.event_hub_answered("b", [], now);
    assert!(liveness.not_ready(now).is_empty());
    liveness.event_hub_answered("a", ["0", "1", "2"], now);
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 1 of 3 partitions are not read"
    );
}

#[test]
fn a_hub_that_does_not_answer_and_a_partition_that_fails_are_not_ready_and_say_why() {
    let now = Instant::now();
    let liveness = Liveness::new(["a"], DEAD_AFTER, now);
    liveness.event_hub_failed("a", "no such hub: create it".to_owned());
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a` has not answered yet: no such hub: create it"
    );
    liveness.event_hub_answered("a", ["0", "1"], now);
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 2 of 2 partitions are not read"
    );
    liveness.leases_failed("a", Some("the store is away".to_owned()));
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 2 of 2 partitions are not read: the store is away"
    );
    liveness.leases_failed("a", None);
    let partition = PartitionId::new("a", "1");
    liveness.partition_failed(&partition, "no such group: create it".to_owned(), false);
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 2 of 2 partitions are not read: no such group: create it"
    );
    liveness.partition_opened(&partition);
    liveness.event_hub_failed("a", "the hub is gone".to_owned());
    assert_eq!(
        liveness.not_ready(now).join("\n"),
        "event hub `a`: 1 of 2 partitions are not read: the hub is gone"
    );
}

#[test]
fn a_hub_refuses_while_a_partition_failed_and_none_is_read() {
    let now = Instant::now();
    let liveness = Liveness::new(["a"], DEAD_AFTER, now);
    let [first, second] = ["0", "1"].map(|id| PartitionId::new("a", id));
    assert!(!liveness.is_refused("a"));
    liveness.event_hub_answered("a", ["0", "1"], now);
    assert!(!liveness.is_refused("a"));
    liveness.partition_failed(&first, String::new(), false);
    assert!(liveness.is_refused("a"));
    liveness.event_hub_answered("a", ["0", "1"], now);
    assert!(
        liveness.is_refused("a"),
        "its partitions can be listed, and not read"
    );
    liveness.partition_opened(&second);
    assert!(!liveness.is_refused("a"));
    liveness.partition_failed(&second, String::new(), true);
    assert!(liveness.is_refused("a"));
    liveness.partition_failed(&first, String::new(), true);
    assert!(!liveness.is_refused("a"), "single links ended");
}

#[test]
fn a_partition_that_is_not_verified_for_long_is_not_ready_and_names_the_last_time() {
    let start = Instant::now();
    let liveness = Liveness::new(["a"], DEAD_AFTER, start);
    let partition = PartitionId::new("a", "0");
    liveness.event_hub_answered("a", ["0"], start);
    liveness.partition_opened(&partition);
    let late = start + DEAD_AFTER + Duration::from_secs(1);
    assert_eq!(
        liveness.not_ready(late).join("\n"),
        "event hub `a`, partition 0: not verified for 301 s (last verified: never)"
    );
    liveness.partition_proved(&partition, start, datetime!(2026-01-31 12:00 UTC));
    assert_eq!(
        liveness.not_ready(late).join("\n"),
        "event hub `a`, partition 0: not verified for 301 s (last verified: 2026-01-31T12:00:00Z)"
    );
    liveness.partition_proved(&partition, late, datetime!(2026-01-31 12:05:01 UTC));
    assert!(liveness.not_ready(late).is_empty());
}

#[test]
fn a_partition_that_stands_by_is_ready_and_is_not_verified() {
    let start = Instant::now();
    let liveness = Liveness::new(["a"], DEAD_AFTER, start);
    let partition = PartitionId::new("a", "0");
    liveness.event_hub_answered("a", ["0"], start);
    liveness.partition_stands_by(&partition);
    let late = start + DEAD_AFTER + Duration::from_secs(1);
    assert!(liveness.not_ready(late).is_empty());
    liveness.partition_closed(&partition);
    assert!(!liveness.not_ready(late).is_empty());
    liveness.partition_stands_by(&partition);
    liveness.stopping();
    assert_eq!(liveness.not_ready(late).join("\n"), "stopping");
}

#[test]
fn a_process_can_read_while_all_its_partitions_are_verified_or_the_hub_answers() {
    let start = Instant::now();
    let late = start + DEAD_AFTER + Duration::from_secs(1);
    let liveness = Liveness::new(["a"], DEAD_AFTER, start);
    assert!(!liveness.can_read("a", start), "it has never answered");
    liveness.event_hub_answered("a", ["0", "1"], start);
    let (read, other) = (PartitionId::new("a", "0"), PartitionId::new("a", "1"));
    liveness.partition_stands_by(&read);
    liveness.partition_stands_by(&other);
    assert!(liveness.can_read("a", start) && !liveness.can_read("a", late));
    liveness.event_hub_answered("a", ["0", "1"], late);
    assert!(liveness.can_read("a", late));
    liveness.partition_assigned(&read, late);
    assert!(liveness.can_read("a", late) && liveness.is_verified(&read, late));
    let later = late + DEAD_AFTER + Duration::from_secs(1);
    liveness.event_hub_answered("a", ["0", "1"], later);
    assert!(!liveness.can_read("a", later) && !liveness.is_verified(&read, later));
}

#[test]
fn work_without_an_end_and_a_lost_pulse_are_unhealthy() {
    let start = Instant::now();
    let liveness = Arc::new(Liveness::new(["a"], DEAD_AFTER, start));
    let work = liveness.at_work("the reader of a/0".to_owned(), start);
    let late = start + STUCK_AFTER + Duration::from_secs(1);
    assert!(
        liveness.not_healthy(start).is_empty(),
        "not ready is not unhealthy"
    );
    assert_eq!(
        liveness.not_healthy(late).join("\n"),
        "the reader of a/0 has been stuck for 301 s\nthe runtime has made no progress for 301 s"
    );
    drop(work);
    liveness.pulse(late);
    assert!(liveness.not_healthy(late).is_empty());
}
