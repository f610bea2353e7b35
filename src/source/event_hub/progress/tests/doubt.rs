//! A position that is doubted, and one that is lost.

use super::*;

#[test]
fn a_lost_position_is_replaced_as_the_configuration_says() {
    use OnLostPosition::{Earliest, Fail, Latest};
    let mut anew = holding(0, 2);
    anew.hub_created_at = reached(10).enqueued_at;
    let expired = holding(50, 99);
    let check = |on_lost, extent: &Extent, at: StartPosition, loss: Loss, missed| {
        let now = Instant::now();
        let mut progress = Progress::new(
            Start::Latest,
            Some(reached(9)),
            WATCHDOG,
            on_lost,
            8 << 20,
            now,
        );
        let first = opening(&mut progress, extent);
        assert_eq!(first.at, at);
        let lost = first.lost.unwrap();
        assert_eq!((lost.reason, lost.missed), (loss.label(), missed));
        assert_eq!(lost.sequence_number, 9);
        assert_eq!(lost.is_final, on_lost == Fail);
        // It is reported once; with `fail`, until the configuration changes. A hub that was made anew with `latest` has
        // its own last event as the position.
        let again = progress.opening(extent, now);
        let is_reported = again.is_ok_and(|again| again.lost.is_some());
        assert_eq!(
            is_reported,
            on_lost == Fail || (on_lost == Latest && loss == Loss::Restarted)
        );
    };
    let before_oldest = at(StartLocation::SequenceNumber(49), false);
    let oldest = at(StartLocation::Earliest, false);
    check(Earliest, &anew, oldest, Loss::Restarted, 0);
    check(Earliest, &expired, before_oldest, Loss::Expired, 40);
    check(Latest, &expired, behind(99), Loss::Expired, 40);
    check(Earliest, &holding(100, 99), behind(99), Loss::Expired, 90);
    check(Fail, &expired, behind(9), Loss::Expired, 40);
}

/// Asks every 12 s, and is told each time that the hub ends before the position, until it is lost. Returns after how long.
fn until_lost(progress: &mut Progress, extent: &Extent, start: Instant) -> (Duration, Opening) {
    (0..20)
        .map(|check| 12 * check)
        .find_map(|seconds| {
            let now = start + after(seconds);
            let opening = progress.opening(extent, now).ok();
            let opening = opening.filter(|opening| opening.lost.is_some());
            if opening.is_none() {
                let wait = progress.failed(Cause::Doubted, now, 0.0);
                assert_eq!(wait, after(15), "whatever the backoff");
            }
            opening.map(|opening| (after(seconds), opening))
        })
        .unwrap()
}

#[test]
fn one_stale_answer_costs_a_wait_and_the_position_stands() {
    let now = Instant::now();
    let mut progress = open(10, now);
    assert_eq!(progress.answered(&holding(0, 5), now), Some(Cause::Doubted));
    assert_eq!(progress.failed(Cause::Doubted, now, 1.0), after(10));
    let now = now + after(10);
    // Nothing is handed on before the event at the position is seen.
    let opening = progress.opening(&holding(0, 9), now).unwrap();
    assert_eq!(opening.lost, None);
    assert_eq!(opening.at, at(StartLocation::SequenceNumber(9), true));
    progress.opened(&holding(0, 9), now);
    assert!(progress.awaits_proof());
    assert!(progress.proves(&reached(9), now));
    assert_eq!(progress.finding(), None);
    assert!(!progress.awaits_proof());
}

#[test]
fn a_hub_that_ends_before_the_position_for_a_minute_is_another_one() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, Some(9), start);
    let (lasted, opening) = until_lost(&mut progress, &holding(0, 5), start);
    assert_eq!(lasted, after(60));
    let lost = opening.lost.unwrap();
    assert_eq!((lost.reason, lost.times), (Loss::Restarted.label(), 6));
    // Events that came before this hub was first seen may have lower numbers than its end then.
    assert_eq!(opening.at, at_the_time_of(9));
}

#[test]
fn an_outage_during_a_doubt_confirms_nothing() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, Some(9), start);
    for now in [start, start + after(600), start + after(1200)] {
        assert!(progress.opening(&holding(0, 5), now).is_err());
        progress.failed(Cause::Unreachable, now, 0.0);
    }
}

#[test]
fn findings_that_take_turns_are_decided_within_three_minutes() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, Some(9), start);
    let decided = (0..20).map(|check| start + after(15 * check)).find(|now| {
        let extent = if progress.finding() == Some(Finding::EndsBefore) {
            holding(0, 99)
        } else {
            holding(0, 5)
        };
        let Ok(opening) = progress.opening(&extent, *now) else {
            return false;
        };
        progress.opened(&extent, *now);
        progress.receive_failed(Cause::Argument, *now);
        progress.failed(Cause::Argument, *now, 0.0);
        opening.lost.is_some()
    });
    assert!(decided.unwrap() - start <= after(180));
}

#[test]
fn refusals_far_apart_with_healthy_links_between_lose_no_position() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, Some(4), start);
    for times in 0..20 {
        let now = start + after(20 * times);
        assert_eq!(progress.opening(&holding(0, 4), now).unwrap().lost, None);
        progress.opened(&holding(0, 4), now);
        progress.receive_failed(Cause::Argument, now);
        progress.failed(Cause::Argument, now, 0.0);
        let now = now + after(15);
        assert_eq!(progress.opening(&holding(0, 4), now).unwrap().lost, None);
        progress.opened(&holding(0, 4), now);
        assert!(progress.proves(&reached(4), now));
        // A link that has shown its event was detached: no refusal of a position.
        progress.receive_failed(Cause::Argument, now);
        assert_eq!(progress.finding(), None);
        progress.failed(Cause::Argument, now, 0.0);
    }
}

#[test]
fn a_position_that_is_refused_for_a_minute_is_lost() {
    let start = Instant::now();
    let mut progress = progress(Start::Earliest, Some(4), start);
    let lost = (0..10).find_map(|times| {
        let now = start + after(15 * times);
        let opening = progress.opening(&holding(0, 9), now).unwrap();
        progress.opened(&holding(0, 9), now);
        progress.receive_failed(Cause::Argument, now);
        progress.failed(Cause::Argument, now, 0.0);
        opening.lost.map(|lost| (times, lost.reason, opening.at))
    });
    assert_eq!(lost, Some((5, Loss::Refused.label(), at_the_time_of(4))));
}

#[test]
fn an_event_that_has_the_sequence_number_and_the_offset_is_not_yet_the_event() {
    let now = Instant::now();
    let mut progress = progress(Start::Earliest, Some(4), now);
    assert_eq!(opening(&mut progress, &holding(0, 9)).at, with(4));
    progress.opened(&holding(0, 9), now);
    let mut other = reached(4);
    other.enqueued_at = reached(5).enqueued_at;
    assert!(!progress.proves(&other, now));
    assert_eq!(progress.finding(), Some(Finding::Differs));
}
