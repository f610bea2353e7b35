//! Events that cannot be received.

use super::super::undecodable::UNDECODABLE_MAX;
use super::*;

/// A link fails to receive the event after the position.
fn fails(progress: &mut Progress, cause: Cause, extent: &Extent) -> Opening {
    let now = Instant::now();
    let opening = opening(progress, extent);
    progress.opened(extent, now);
    if progress.awaits_proof() {
        assert!(progress.proves(&progress.reached().unwrap().clone(), now));
    }
    progress.receive_failed(cause, now);
    progress.failed(cause, now, 0.0);
    opening
}

#[test]
fn an_event_that_never_decodes_is_received_alone_and_skipped() {
    let mut progress = progress(Start::Earliest, Some(3), Instant::now());
    assert_eq!(
        fails(&mut progress, Cause::Poison, &holding(0, 9)).prefetch,
        8
    );
    for _ in 1..UNDECODABLE_MAX {
        let opening = fails(&mut progress, Cause::Poison, &holding(0, 9));
        assert_eq!((opening.stepped_over, opening.prefetch), (None, 1));
    }
    let opening = opening(&mut progress, &holding(0, 9));
    assert_eq!(opening.stepped_over, Some(4));
    assert_eq!(opening.at, at(StartLocation::SequenceNumber(4), false));
    let reached = progress.reached().unwrap();
    assert_eq!(reached.position.sequence_number, 4);
}

#[test]
fn only_an_event_that_the_hub_has_is_skipped() {
    let mut progress = progress(Start::Earliest, Some(9), Instant::now());
    for _ in 0..10 {
        let opening = fails(&mut progress, Cause::Poison, &holding(0, 9));
        assert_eq!(opening.stepped_over, None);
    }
    // The event that comes next has not failed yet.
    let opening = opening(&mut progress, &holding(0, 10));
    assert_eq!(opening.stepped_over, None);
}

#[test]
fn nothing_is_skipped_before_a_position_is_known() {
    let time = Start::At(reached(3).enqueued_at.unwrap());
    let now = Instant::now();
    let (mut at_time, mut earliest) = (
        progress(time, None, now),
        progress(Start::Earliest, None, now),
    );
    for _ in 0..UNDECODABLE_MAX {
        let opening = fails(&mut earliest, Cause::Poison, &holding(3, 9));
        assert_eq!(opening.stepped_over, None);
    }
    for _ in 0..10 {
        let opening = fails(&mut at_time, Cause::Poison, &holding(3, 9));
        assert_eq!(opening.stepped_over, None);
    }
    let opening = opening(&mut earliest, &holding(3, 9));
    assert_eq!(opening.stepped_over, Some(3));
}

#[test]
fn panics_while_asking_and_other_failures_skip_nothing() {
    let mut progress = progress(Start::Earliest, Some(3), Instant::now());
    for cause in [Cause::Closed, Cause::Panicked, Cause::Poison] {
        for _ in 0..10 {
            progress.failed(cause, Instant::now(), 0.0);
            let opening = opening(&mut progress, &holding(0, 9));
            assert_eq!((opening.stepped_over, opening.lost), (None, None));
        }
    }
}

#[test]
fn progress_resets_the_failures_of_an_event() {
    let mut progress = progress(Start::Earliest, Some(3), Instant::now());
    fails(&mut progress, Cause::Poison, &holding(0, 9));
    fails(&mut progress, Cause::Poison, &holding(0, 9));
    progress.received(1, 100, reached(4), Instant::now());
    let again = fails(&mut progress, Cause::Poison, &holding(0, 9));
    assert_eq!(again.stepped_over, None);
    assert_eq!(opening(&mut progress, &holding(0, 9)).stepped_over, None);
}
