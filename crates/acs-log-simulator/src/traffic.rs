//! The random process: calls begin, are played, and their records are put in the order of time.
//!
//! Pure: the start time and the seed decide everything. No clock, no I/O.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::{
    Settings, SimulateError,
    call::{self, CALL_MAX, Plan, VICTIM_AGE},
    dice::Dice,
    incident::Incidents,
    model::Record,
    world::{CONTACT_CENTER, SUPPORT, TELEHEALTH},
};

/// All records of three resources from a start time on, in the order of time, without end.
#[derive(Debug)]
pub struct Traffic {
    start: OffsetDateTime,
    mean_gap_seconds: f64,
    dice: Dice,
    incidents: Incidents,
    next_call_at: OffsetDateTime,
    next_victim: u32,
    /// Records to come of the calls in progress. The number keeps records of the same instant apart.
    pending: BTreeMap<(OffsetDateTime, u64), Record>,
    recorded: u64,
}

impl Traffic {
    /// The traffic from `start` on. Plays five hours of history first.
    ///
    /// # Errors
    ///
    /// [`SimulateError::CallsPerSecond`] when the rate is out of its range.
    pub fn new(settings: &Settings, start: OffsetDateTime) -> Result<Self, SimulateError> {
        settings.check()?;
        Ok(Self {
            start,
            mean_gap_seconds: settings.calls_per_second.recip(),
            dice: Dice::new(settings.seed),
            incidents: Incidents::new(start),
            // As much history as the longest call takes, so that calls of every age are in progress at the start.
            next_call_at: start - CALL_MAX,
            next_victim: 0,
            pending: BTreeMap::new(),
            recorded: 0,
        })
    }

    /// Plays the next call or victim of an incident, whichever is first.
    fn arrive(&mut self) {
        let victim_at = self.next_victim_at();
        if victim_at <= self.next_call_at {
            let incident = self.incidents.nth(self.next_victim);
            let dice = Dice::new(self.dice.seed());
            self.next_victim += 1;
            self.take(call::play_victim(incident, self.incidents, dice));
            return;
        }
        let time = self.next_call_at;
        self.next_call_at += self.dice.wait(self.mean_gap_seconds);
        let plan = Plan::draw(&mut self.dice);
        let dice = Dice::new(self.dice.seed());
        let resource = self.dice.pick(
            &CONTACT_CENTER,
            &[
                (SUPPORT.call_share, &SUPPORT),
                (TELEHEALTH.call_share, &TELEHEALTH),
            ],
        );
        if time + plan.duration_max() >= self.start {
            self.take(call::play(time, resource, &plan, self.incidents, dice));
        }
    }

    fn next_victim_at(&self) -> OffsetDateTime {
        self.incidents.nth(self.next_victim).begins_at - VICTIM_AGE
    }

    fn take(&mut self, records: Vec<Record>) {
        for record in records {
            if record.time >= self.start {
                self.recorded += 1;
                self.pending.insert((record.time, self.recorded), record);
            }
        }
    }
}

impl Iterator for Traffic {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            // A call that has not begun yet has no record before its beginning.
            let settled_until = self.next_call_at.min(self.next_victim_at());
            if let Some(first) = self.pending.first_entry()
                && first.key().0 <= settled_until
            {
                return Some(first.remove());
            }
            self.arrive();
        }
    }
}
