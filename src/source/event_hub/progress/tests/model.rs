//! A partition that is made anew, fails over, loses what has expired, lies and refuses, and a reader of it: whatever
//! happens, no event is lost that the hub still had, and none is counted twice unless the sequence really began anew.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::super::super::extent::tests::CREATED;
use super::*;
use crate::event::Position;

/// An event of the simulated partition.
#[derive(Clone, Debug)]
struct Event {
    id: usize,
    reached: Reached,
    is_poison: bool,
}

/// What happens to the hub or between it and the reader.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// So many events at one time; the last can be one that nobody can decode.
    Published(u8, bool),
    /// The hub is made anew; whether it reports when.
    MadeAnew(bool),
    /// The hub fails over to a replica that lacks the last events, and gets new ones before anyone looks.
    FailedOver(u8, u8),
    /// The oldest events expire.
    Expired(u8),
    /// So many answers report the partition without its last events.
    Stale(u8, u8),
    /// So many questions end in a panic.
    Panics(u8),
    /// So many links are refused.
    Refuses(u8),
    /// The link breaks.
    Broken,
    /// Time passes.
    Passed(u16),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        8 => (1..6_u8, prop::bool::weighted(0.1)).prop_map(|(events, poison)| Happens::Published(events, poison)),
        1 => any::<bool>().prop_map(Happens::MadeAnew),
        1 => (1..8_u8, 0..12_u8).prop_map(|(lacks, new)| Happens::FailedOver(lacks, new)),
        1 => (0..10_u8).prop_map(Happens::Expired),
        2 => (1..3_u8, 1..8_u8).prop_map(|(answers, lacks)| Happens::Stale(answers, lacks)),
        2 => (1..5_u8).prop_map(Happens::Panics),
        2 => (1..3_u8).prop_map(Happens::Refuses),
        3 => Just(Happens::Broken),
        8 => (1..40_u16).prop_map(Happens::Passed),
    ]
}

struct World {
    start: Instant,
    now: Instant,
    created_at: Option<OffsetDateTime>,
    log: Vec<Event>,
    next: i64,
    last_enqueued_at: Option<OffsetDateTime>,
    published: usize,
    stale: (u8, u8),
    panics: u8,
    refuses: u8,
    progress: Progress,
    /// The sequence number that the link sends next, if one is open.
    link: Option<i64>,
    /// How often each event was handed on.
    counted: BTreeMap<usize, u32>,
    /// Some events cannot be decoded.
    has_poison: bool,
    /// The sequence has really begun anew.
    is_restarted: bool,
}

impl World {
    fn new(has_poison: bool) -> Self {
        let now = Instant::now();
        Self {
            start: now,
            now,
            created_at: Some(CREATED),
            log: Vec::new(),
            next: 0,
            last_enqueued_at: None,
            published: 0,
            stale: (0, 0),
            panics: 0,
            refuses: 0,
            progress: progress(Start::Earliest, None, now),
            link: None,
            counted: BTreeMap::new(),
            has_poison,
            is_restarted: false,
        }
    }

    /// Nothing is remembered of an event that was skipped, or expired unread. Before the next one comes, a failover that
    /// the hub does not report cannot be seen, and a position that is refused is followed by the same event again.
    fn is_blind(&self) -> bool {
        let reached = self.progress.reached();
        self.has_poison || reached.is_some_and(|reached| reached.position.offset.is_none())
    }

    fn clock(&self) -> OffsetDateTime {
        CREATED + (self.now - self.start) + Duration::from_secs(1)
    }

    fn publish(&mut self, events: u8, poison_last: bool) {
        for event in 0..events {
            let reached = Reached {
                position: Position {
                    sequence_number: self.next,
                    offset: Some(format!("o{}", self.next)),
                },
                enqueued_at: Some(self.clock()),
            };
            self.log.push(Event {
                id: self.published,
                reached,
                is_poison: poison_last && event > 0 && event + 1 == events,
            });
            self.last_enqueued_at = Some(self.clock());
            self.published += 1;
            self.next += 1;
        }
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Published(events, poison) => self.publish(events, poison && self.has_poison),
            Happens::MadeAnew(reports) => {
                self.pass(1);
                (self.log, self.next) = (Vec::new(), 0);
                self.created_at = Some(self.clock()).filter(|_| reports || self.is_blind());
                self.is_restarted = true;
                self.link_ends(Cause::Closed);
                self.pass(1);
                // A position at a time is none that an event can be skipped at.
                self.publish(1, false);
            }
            Happens::FailedOver(..) | Happens::Refuses(_) if self.is_blind() => {}
            Happens::FailedOver(lacks, new) => {
                self.pass(1);
                let kept = self.log.len().saturating_sub(usize::from(lacks));
                self.next -= i64::try_from(self.log.len() - kept).unwrap();
                self.log.truncate(kept);
                self.is_restarted = true;
                self.link_ends(Cause::Closed);
                self.publish(new.max(1), false);
            }
            Happens::Expired(events) => {
                let events = usize::from(events).min(self.log.len());
                self.log.drain(..events);
            }
            Happens::Stale(answers, lacks) => self.stale = (answers, lacks),
            Happens::Panics(times) => self.panics = times,
            Happens::Refuses(times) => self.refuses = times,
            Happens::Broken => self.link_ends(Cause::Closed),
            Happens::Passed(seconds) => {
                for _ in 0..seconds {
                    self.pass(1000);
                    self.act();
                }
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn link_ends(&mut self, cause: Cause) {
        if self.link.take().is_some() {
            self.progress.receive_failed(cause, self.now);
            self.progress.failed(cause, self.now, 0.5);
        }
    }

    fn fails(&mut self, cause: Cause) {
        self.link = None;
        self.progress.failed(cause, self.now, 0.5);
    }

    /// What the hub answers.
    fn ask(&mut self) -> Option<Extent> {
        if self.panics > 0 {
            self.panics -= 1;
            return None;
        }
        let mut lacks = 0;
        if self.stale.0 > 0 {
            self.stale.0 -= 1;
            lacks = usize::from(self.stale.1).min(self.log.len());
        }
        let log = &self.log[..self.log.len() - lacks];
        let last = self.next - 1 - i64::try_from(lacks).unwrap();
        Some(Extent {
            hub_created_at: self.created_at,
            first_sequence_number: log
                .first()
                .map_or(last + 1, |event| event.reached.position.sequence_number),
            last_sequence_number: last,
            last_offset: format!("o{last}"),
            last_enqueued_at: log
                .last()
                .map_or(self.last_enqueued_at, |event| event.reached.enqueued_at),
            is_empty: log.is_empty(),
        })
    }

    /// Does what `progress` decides, until it waits.
    fn act(&mut self) {
        for _ in 0..100 {
            match self.progress.next(self.now) {
                Action::Wait(_) => return,
                Action::Open => self.open(),
                Action::Ask => match self.ask() {
                    None => self.fails(Cause::Panicked),
                    Some(extent) => {
                        if let Some(cause) = self.progress.answered(&extent, self.now) {
                            self.fails(cause);
                        }
                    }
                },
                Action::Replace(cause) => self.fails(cause),
                Action::Receive(_) => {
                    if !self.receive() {
                        return;
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        let Some(extent) = self.ask() else {
            return self.fails(Cause::Panicked);
        };
        let Ok(opening) = self.progress.opening(&extent, self.now) else {
            return self.fails(Cause::Doubted);
        };
        if let Some(skipped) = opening.stepped_over {
            self.skip(skipped);
        }
        self.progress.opened(&extent, self.now);
        let StartPosition {
            location,
            inclusive,
        } = opening.at;
        let number = |number: i64| number + i64::from(!inclusive);
        let first = match location {
            StartLocation::Earliest => 0,
            StartLocation::Offset(offset) => number(offset[1..].parse().unwrap()),
            StartLocation::SequenceNumber(after) => number(after),
            StartLocation::EnqueuedTime(time) => {
                let time = OffsetDateTime::from(time);
                let later = |event: &&Event| event.reached.enqueued_at.unwrap() >= time;
                let event = self.log.iter().find(later);
                event.map_or(self.next, |event| event.reached.position.sequence_number)
            }
            StartLocation::Latest => panic!("`latest` is resolved before"),
        };
        self.link = Some(first);
        if self.refuses > 0 || first > self.next {
            self.refuses = self.refuses.saturating_sub(1);
            self.link_ends(Cause::Argument);
        }
    }

    /// An event is skipped only if it exists and is what failed.
    fn skip(&self, sequence_number: i64) {
        let is_it = |event: &&Event| event.reached.position.sequence_number == sequence_number;
        let event = self.log.iter().find(is_it).unwrap();
        assert!(event.is_poison, "{event:?}");
    }

    /// One event, as the reader takes it. False: there is none.
    fn receive(&mut self) -> bool {
        let from = self.link.unwrap();
        let is_next = |event: &&Event| event.reached.position.sequence_number >= from;
        let Some(event) = self.log.iter().find(is_next).cloned() else {
            return false;
        };
        if event.is_poison {
            self.link_ends(Cause::Poison);
            return true;
        }
        let sequence_number = event.reached.position.sequence_number;
        self.link = Some(sequence_number + 1);
        if self.progress.awaits_proof() {
            if !self.progress.proves(&event.reached, self.now) {
                self.fails(Cause::Doubted);
            }
            return true;
        }
        let Seen { last, until } = self.progress.seen();
        let is_seen = last.is_some_and(|last| sequence_number <= last)
            && until.is_none_or(|until| event.reached.enqueued_at.unwrap() <= until);
        if !is_seen {
            *self.counted.entry(event.id).or_default() += 1;
            self.progress.received(1, 1000, event.reached, self.now);
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_interleaving_loses_an_event_that_the_hub_has(
        has_poison in any::<bool>(),
        script in prop::collection::vec(happens(), 1..60),
    ) {
        let mut world = World::new(has_poison);
        for happens in script {
            world.happen(happens);
        }
        // In peace for ten minutes, every doubt is settled.
        (world.stale, world.panics, world.refuses) = ((0, 0), 0, 0);
        world.happen(Happens::Passed(600));
        for event in &world.log {
            let times = world.counted.get(&event.id).copied().unwrap_or(0);
            prop_assert!(event.is_poison || times > 0, "{event:?} is lost");
        }
        let twice = world.counted.iter().find(|(_, times)| **times > 1);
        prop_assert!(world.is_restarted || twice.is_none(), "{twice:?} is counted twice");
    }
}
