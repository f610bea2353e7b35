use super::super::extent::tests::{holding, reached};
use super::*;
use proptest::prelude::*;

const WATCHDOG: Watchdog = Watchdog {
    interval: Duration::from_secs(30),
    reattach_idle: Duration::from_mins(5),
    dead_after: Duration::from_mins(5),
};

fn progress(start: Start, after: Option<i64>, now: Instant) -> Progress {
    Progress::new(
        start,
        after.map(reached),
        WATCHDOG,
        OnLostPosition::Earliest,
        8 << 20,
        now,
    )
}

/// A link that is open, to a partition that holds the events before the given one, all of which were received.
fn open(next: i64, now: Instant) -> Progress {
    let mut progress = progress(Start::Earliest, Some(next - 1), now);
    progress.opening(&holding(0, next - 1));
    progress.opened(&holding(0, next - 1), now);
    progress
}

/// A link that begins behind this event.
fn behind(sequence_number: i64) -> StartLocation {
    StartLocation::Offset(format!("o{sequence_number}"))
}

fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_quiet_partition_is_asked_about_and_at_last_opened_again() {
    let start = Instant::now();
    let mut progress = open(5, start);
    for asked in 1..10 {
        let now = start + after(30 * asked);
        assert_eq!(progress.next(now - after(1)), Action::Receive(now));
        assert_eq!(progress.next(now), Action::Ask);
        assert_eq!(progress.answered(&holding(0, 4), now), None);
    }
    let idle = start + WATCHDOG.reattach_idle;
    assert_eq!(progress.next(idle), Action::Replace(Cause::Idle));
    assert_eq!(progress.failed(Cause::Idle, idle, 0.0), Duration::ZERO);
    assert_eq!(progress.next(idle), Action::Open);
    let opening = progress.opening(&holding(0, 4));
    assert_eq!(opening.after, behind(4));
}

#[test]
fn an_event_that_the_hub_has_and_that_does_not_come_ends_the_link() {
    let start = Instant::now();
    let mut progress = open(5, start);
    let asked = start + after(30);
    assert_eq!(progress.answered(&holding(0, 5), asked), None);
    assert_eq!(progress.next(asked), Action::Receive(asked + after(5)));
    let again = asked + after(5);
    assert_eq!(progress.next(again), Action::Ask);
    assert_eq!(
        progress.answered(&holding(0, 5), again),
        Some(Cause::Stalled)
    );
}

#[test]
fn an_event_that_comes_meanwhile_shows_that_the_link_lives() {
    let start = Instant::now();
    let mut progress = open(5, start);
    let asked = start + after(30);
    progress.answered(&holding(0, 8), asked);
    progress.received(1, 100, reached(5), asked + after(1));
    assert_eq!(
        progress.next(asked + after(1)),
        Action::Receive(asked + after(31))
    );
    // A backlog is no stall while it is being worked off.
    let now = asked + after(31);
    progress.received(1, 100, reached(6), now);
    assert_eq!(progress.answered(&holding(0, 8), now + after(1)), None);
    assert_eq!(
        progress.next(now + after(1)),
        Action::Receive(now + after(31))
    );
}

#[test]
fn a_link_opened_on_a_backlog_has_ten_seconds_to_bring_something() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, None, start);
    progress.opening(&holding(0, 9));
    progress.opened(&holding(0, 9), start);
    assert_eq!(progress.next(start), Action::Receive(start + after(10)));
    assert_eq!(
        progress.answered(&holding(0, 9), start + after(10)),
        Some(Cause::Stalled)
    );
}

#[test]
fn standing_still_for_a_reason_of_our_own_is_no_fault_of_the_link() {
    let start = Instant::now();
    let mut progress = open(5, start);
    let late = start + after(400);
    progress.excused(late);
    assert_eq!(progress.answered(&holding(0, 9), late), None);
    assert_eq!(progress.next(late), Action::Receive(late + after(30)));
}

#[test]
fn latest_is_resolved_once() {
    let now = Instant::now();
    let mut progress = progress(Start::Latest, None, now);
    let first = progress.opening(&holding(0, 4));
    assert_eq!(first.after, behind(4));
    progress.failed(Cause::Closed, now, 0.0);
    let second = progress.opening(&holding(0, 9));
    assert_eq!(second.after, first.after);
}

#[test]
fn latest_of_an_empty_partition_is_its_first_event() {
    let mut progress = progress(Start::Latest, None, Instant::now());
    assert_eq!(
        progress.opening(&holding(0, -1)).after,
        StartLocation::Earliest
    );
    assert_eq!(
        progress.opening(&holding(0, 3)).after,
        StartLocation::Earliest
    );
}

#[test]
fn a_lost_position_is_replaced_as_the_configuration_says() {
    use OnLostPosition::{Earliest, Fail, Latest};
    let anew = holding(0, 2);
    let expired = holding(50, 99);
    let check = |on_lost, extent: &Extent, after: StartLocation, loss: Loss, missed| {
        let mut progress = progress(Start::Latest, Some(9), Instant::now());
        progress.on_lost = on_lost;
        let opening = progress.opening(extent);
        assert_eq!(opening.after, after);
        let lost = opening.lost.unwrap();
        assert_eq!((lost.reason, lost.missed), (loss.label(), missed));
        assert_eq!(lost.sequence_number, 9);
        assert_eq!(lost.is_final, on_lost == Fail);
        // It is reported once; with `fail`, until the configuration changes.
        let again = progress.opening(extent).lost;
        assert_eq!(again.is_some(), on_lost == Fail);
    };
    let before_oldest = StartLocation::SequenceNumber(49);
    check(Earliest, &anew, StartLocation::Earliest, Loss::Restarted, 0);
    check(Latest, &anew, behind(2), Loss::Restarted, 0);
    check(Fail, &anew, behind(9), Loss::Restarted, 0);
    check(Earliest, &expired, before_oldest, Loss::Expired, 40);
    check(Latest, &expired, behind(99), Loss::Expired, 40);
    check(Earliest, &holding(100, 99), behind(99), Loss::Expired, 90);
}

#[test]
fn a_position_that_is_refused_for_good_is_lost() {
    let now = Instant::now();
    let mut progress = progress(Start::Earliest, Some(4), now);
    for _ in 0..REFUSED_MAX {
        assert_eq!(progress.opening(&holding(0, 9)).lost, None);
        progress.failed(Cause::Argument, now, 0.0);
    }
    let opening = progress.opening(&holding(0, 9));
    assert_eq!(opening.lost.unwrap().reason, Loss::Refused.label());
    assert_eq!(opening.after, StartLocation::Earliest);
}

#[test]
fn an_event_that_never_decodes_is_received_alone_and_skipped() {
    let now = Instant::now();
    let mut progress = progress(Start::Earliest, None, now);
    assert_eq!(progress.opening(&holding(0, 9)).prefetch, 8);
    progress.received(1, 100, reached(3), now);
    for _ in 0..UNDECODABLE_MAX {
        assert_eq!(progress.opening(&holding(0, 9)).stepped_over, None);
        progress.failed(Cause::Poison, now, 0.0);
    }
    let opening = progress.opening(&holding(0, 9));
    assert_eq!(opening.stepped_over, Some(4));
    assert_eq!(opening.after, StartLocation::SequenceNumber(4));
    let reached = progress
        .reached()
        .map(|reached| reached.position.sequence_number);
    assert_eq!(reached, Some(4));
}

#[test]
fn other_failures_skip_nothing_and_progress_resets_the_count() {
    let now = Instant::now();
    let mut progress = progress(Start::Earliest, Some(3), now);
    for _ in 0..10 {
        progress.failed(Cause::Closed, now, 0.0);
        assert_eq!(progress.opening(&holding(0, 9)).stepped_over, None);
    }
    progress.failed(Cause::Poison, now, 0.0);
    progress.failed(Cause::Poison, now, 0.0);
    assert_eq!(progress.opening(&holding(0, 9)).prefetch, 1);
    progress.received(1, 100, reached(4), now);
    progress.failed(Cause::Poison, now, 0.0);
    assert_eq!(progress.opening(&holding(0, 9)).stepped_over, None);
}

/// The outcome of an action.
#[derive(Clone, Copy, Debug)]
enum Came {
    /// So many events, or less if there are less.
    Events(u8),
    Nothing,
    Failed(usize),
}

const FAILURES: [Cause; 10] = [
    Cause::Unreachable,
    Cause::Unauthorized,
    Cause::NotFound,
    Cause::Busy,
    Cause::Stolen,
    Cause::Timeout,
    Cause::Closed,
    Cause::Stalled,
    Cause::Token,
    Cause::Argument,
];

fn came() -> impl Strategy<Value = Came> {
    prop_oneof![
        4 => (1..20_u8).prop_map(Came::Events),
        2 => Just(Came::Nothing),
        1 => (0..FAILURES.len() - 1).prop_map(Came::Failed),
    ]
}

proptest! {
    /// A hub that gets events all the while, and links that fail in any way: every event is handed on once and in order,
    /// no wait is longer than it may be, and every partition is asked about in time.
    #[test]
    fn whatever_ends_links_every_event_is_handed_on_once(script in prop::collection::vec((came(), 0..3_i64), 1..300)) {
        let mut now = Instant::now();
        let mut progress = progress(Start::Earliest, None, now);
        let (mut last, mut next) = (-1, 0);
        let mut next_of_link = 0;
        let mut verified = now;
        for (came, published) in script {
            last += published;
            match progress.next(now) {
                Action::Wait(until) => {
                    prop_assert!(until - now <= Duration::from_mins(5));
                    now = until;
                    verified = now;
                }
                Action::Open => {
                    if let Came::Failed(cause) = came {
                        progress.failed(FAILURES[cause], now, 0.5);
                        continue;
                    }
                    let opening = progress.opening(&holding(0, last));
                    prop_assert!(opening.lost.is_none() && opening.stepped_over.is_none());
                    next_of_link = match opening.after {
                        StartLocation::Earliest => 0,
                        StartLocation::Offset(offset) => offset[1..].parse::<i64>().unwrap() + 1,
                        other => panic!("{other:?}"),
                    };
                    progress.opened(&holding(0, last), now);
                    verified = now;
                }
                Action::Receive(until) => match came {
                    Came::Events(count) if next_of_link <= last => {
                        let upto = (next_of_link + i64::from(count) - 1).min(last);
                        prop_assert_eq!(next_of_link, next, "none skipped, none twice");
                        progress.received(1, 1000, reached(upto), now);
                        (next, next_of_link) = (upto + 1, upto + 1);
                        verified = now;
                    }
                    Came::Failed(cause) => {
                        progress.failed(FAILURES[cause], now, 0.5);
                    }
                    _ => {
                        prop_assert!(until > now && until - now <= WATCHDOG.interval);
                        now = until;
                    }
                },
                Action::Ask => {
                    prop_assert!(now - verified <= WATCHDOG.interval + after(10));
                    match progress.answered(&holding(0, last), now) {
                        Some(cause) => {
                            progress.failed(cause, now, 0.5);
                        }
                        None => verified = now,
                    }
                }
                Action::Replace(cause) => {
                    prop_assert!(cause.is_planned());
                    progress.failed(cause, now, 0.5);
                }
            }
            prop_assert_eq!(progress.reached().map_or(-1, |reached| reached.position.sequence_number), next - 1);
        }
    }
}

#[test]
fn a_checkpoint_with_an_offset_alone_is_continued_there_until_an_event_has_a_number() {
    let now = Instant::now();
    let start = Start::AfterOffset("700".into());
    let mut progress = progress(start, None, now);
    assert!(progress.knows_where_to_begin());
    let extent = holding(0, 9);
    let offset = StartLocation::Offset("700".to_owned());
    for _ in 0..2 {
        assert_eq!(progress.opening(&extent).after, offset);
        progress.opened(&extent, now);
        assert_eq!(progress.ahead(&extent), 0);
        progress.failed(Cause::Idle, now, 0.0);
    }
    progress.opening(&extent);
    progress.opened(&extent, now);
    progress.received(1, 100, reached(7), now);
    assert_eq!(progress.ahead(&extent), 2);
}
