//! The events that Azure Monitor would write: the records of a second, by category, in envelopes.
//!
//! Pure, as the traffic is: the same settings and start time give the same bytes.

use std::iter::Peekable;

use time::{Duration, OffsetDateTime};

use super::{
    Settings, SimulateError, Traffic,
    dice::Dice,
    model::Category,
    records::{Shape, write},
};

/// An event stays below this. The smallest limit of a service tier is 256 KiB (Basic), for a whole
/// batch with its AMQP wrapping.
pub(super) const ENVELOPE_BYTES_MAX: usize = 200 * 1024;

/// The share of records in the documentation's shape: the rarer one, and common enough to occur.
const DOCUMENTATION_SHAPE_SHARE: f64 = 0.25;

const OPEN: &str = r#"{"records":["#;
const CLOSE: &str = "]}";

/// An event: records of one category in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The category of all its records.
    pub category: Category,
    /// `{"records":[...]}`, less than 200 KiB.
    pub body: String,
    /// The number of its records.
    pub records: u64,
    /// How many of them are about a failed request or recording.
    pub failures: u64,
}

/// The traffic second by second: each item is what Azure Monitor would write in that second, one
/// event per category that has records, more where one would be too large. Endless.
#[derive(Debug)]
pub struct Envelopes {
    traffic: Peekable<Traffic>,
    until: OffsetDateTime,
    dice: Dice,
}

impl Envelopes {
    /// The envelopes of the traffic from `start` on.
    ///
    /// # Errors
    ///
    /// [`SimulateError::CallsPerSecond`] when the rate is out of its range.
    pub fn new(settings: &Settings, start: OffsetDateTime) -> Result<Self, SimulateError> {
        Ok(Self {
            traffic: Traffic::new(settings, start)?.peekable(),
            until: start,
            // Dice of their own: the shape of a record does not change what happens.
            dice: Dice::new(settings.seed.rotate_left(32)),
        })
    }
}

impl Iterator for Envelopes {
    type Item = Vec<Envelope>;

    fn next(&mut self) -> Option<Vec<Envelope>> {
        self.until += Duration::SECOND;
        let mut second = Vec::new();
        while let Some(record) = self.traffic.next_if(|record| record.time < self.until) {
            let shape = if self.dice.chance(DOCUMENTATION_SHAPE_SHARE) {
                Shape::Documentation
            } else {
                Shape::Diagnostic
            };
            second.push((
                record.category(),
                record.is_failure(),
                write(&record, shape),
            ));
        }
        let mut envelopes = Vec::new();
        for category in Category::ALL {
            let of_category = second.iter().filter(|(of, ..)| *of == category);
            let records = of_category.map(|(_, failure, json)| (*failure, json.as_str()));
            envelopes.extend(gather(category, records));
        }
        Some(envelopes)
    }
}

/// Puts records of a category into as few envelopes as the limit allows.
pub(super) fn gather<'a>(
    category: Category,
    records: impl Iterator<Item = (bool, &'a str)>,
) -> Vec<Envelope> {
    let mut envelopes: Vec<Envelope> = Vec::new();
    for (is_failure, json) in records {
        let room = ENVELOPE_BYTES_MAX.saturating_sub(json.len() + ",".len() + CLOSE.len());
        match envelopes.last_mut() {
            Some(open) if open.body.len() < room => {
                open.body += ",";
                open.body += json;
                open.records += 1;
                open.failures += u64::from(is_failure);
            }
            _ => envelopes.push(Envelope {
                category,
                body: format!("{OPEN}{json}"),
                records: 1,
                failures: u64::from(is_failure),
            }),
        }
    }
    for envelope in &mut envelopes {
        envelope.body += CLOSE;
    }
    envelopes
}
