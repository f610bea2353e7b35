//! One call, from its first request to the last record about it.
//!
//! A call is played through at once, into records that lie in the future; [`Traffic`](super::Traffic) puts those of all
//! calls in order. Every record follows from an earlier one, or is a request that fails because there is none.

mod service;

use azure_core::Uuid;
use time::{Duration, OffsetDateTime};

use super::{
    dice::Dice,
    incident::{Incident, Incidents},
    model::{EndReason, Media, Record, RecordingId, UsageKind, Verb},
    world::{Resource, Sdk},
};

/// The longest recording. Azure allows more (its documentation shows one of 20 hours); this bounds
/// the history that a warm start has to play.
const LENGTH_MAX: Duration = Duration::hours(4);

/// The shortest recording.
const LENGTH_MIN: Duration = Duration::seconds(2);

/// The longest second recording of a call.
const SECOND_LENGTH_MAX: Duration = Duration::minutes(30);

/// All that a call takes beyond the lengths of its recordings: retried starts, the gap between two
/// recordings, the wait for the file, its download. The sum of their limits is less.
const AFTERMATH_MAX: Duration = Duration::minutes(15);

/// The longest call.
pub(super) const CALL_MAX: Duration = LENGTH_MAX
    .saturating_add(SECOND_LENGTH_MAX)
    .saturating_add(AFTERMATH_MAX);

/// The recordings that are planned in a call: their lengths, before anything goes wrong.
#[derive(Debug)]
pub(super) struct Plan {
    first: Duration,
    second: Option<Duration>,
}

impl Plan {
    /// Five minutes in the median, and one in some hundreds runs into the limit.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let length = |dice: &mut Dice, max| dice.around(300.0, 1.0).clamp(LENGTH_MIN, max);
        let first = if dice.chance(0.002) {
            LENGTH_MAX
        } else {
            length(dice, LENGTH_MAX)
        };
        let second = dice.chance(0.05).then(|| length(dice, SECOND_LENGTH_MAX));
        Self { first, second }
    }

    /// No record of such a call comes later after its beginning.
    pub(super) fn duration_max(&self) -> Duration {
        self.first + self.second.unwrap_or_default() + AFTERMATH_MAX
    }
}

/// Plays a call that begins at `time`, and gives all records of it, in no order.
pub(super) fn play(
    time: OffsetDateTime,
    resource: &'static Resource,
    plan: &Plan,
    incidents: Incidents,
    dice: Dice,
) -> Vec<Record> {
    let mut call = Call::new(resource, incidents, dice);
    let mut ended_at = call.recording(time, plan.first);
    if let Some(length) = plan.second {
        let again_at = ended_at + call.dice.between(5.0, 60.0);
        ended_at = call.recording(again_at, length);
    }
    call.other_usage(time, ended_at);
    call.records
}

/// How long before an incident its victim's call begins: an ordinary recording by then.
pub(super) const VICTIM_AGE: Duration = Duration::seconds(90);

/// Plays the call that an incident is certain to hit: its recording fails, and so does the request to stop it. Without it, a
/// quiet resource or an unlucky seed would give an incident without a failure.
pub(super) fn play_victim(incident: Incident, incidents: Incidents, dice: Dice) -> Vec<Record> {
    let mut call = Call::new(incident.resource, incidents, dice);
    let started_at = incident.begins_at - VICTIM_AGE;
    call.answer(started_at, Verb::Start, Verb::Start.success());
    call.recording = Some(call.recording_id());

    let ended_at = incident.begins_at + call.dice.between(0.5, 1.5);
    let stop_at = ended_at + call.dice.between(0.1, 0.5);
    call.answer(stop_at, Verb::Stop, 503);
    let ready_at = ended_at + call.dice.between(1.0, 2.5);
    call.summary(started_at, ended_at, ready_at, EndReason::MediaTimeout);
    call.records
}

struct Call {
    resource: &'static Resource,
    incidents: Incidents,
    dice: Dice,
    correlation_id: Uuid,
    connection_id: Uuid,
    caller_host: u8,
    sdk: &'static Sdk,
    media: Media,
    /// The recording of the requests, once there is one.
    recording: Option<RecordingId>,
    records: Vec<Record>,
}

impl Call {
    fn new(resource: &'static Resource, incidents: Incidents, mut dice: Dice) -> Self {
        Self {
            resource,
            incidents,
            correlation_id: dice.uuid(),
            connection_id: dice.uuid(),
            caller_host: dice.whole(10, 14),
            sdk: dice.pick(resource.usual_sdk, &[(0.2, resource.other_sdk)]),
            media: dice.pick(resource.usual_media, resource.other_media),
            recording: None,
            records: Vec::new(),
            dice,
        }
    }

    /// Starts a recording and plays it to its end; gives when that was.
    fn recording(&mut self, time: OffsetDateTime, length: Duration) -> OffsetDateTime {
        self.recording = None;
        let Some(started_at) = self.start(time) else {
            return time;
        };
        if self.fails_to_record(started_at) {
            return started_at;
        }
        let (ended_at, reason) = self.end(started_at, length);
        self.pauses(started_at, ended_at);
        self.polls(started_at, ended_at);
        self.stop(ended_at, reason);
        self.ready(started_at, ended_at, reason);
        ended_at
    }

    /// Asks again while that may help, three times at most.
    fn start(&mut self, time: OffsetDateTime) -> Option<OffsetDateTime> {
        let mut asked_at = time;
        for _ in 0..3 {
            let (answered_at, status) = self.request(asked_at, Verb::Start);
            match status {
                200..300 => {
                    self.recording = Some(self.recording_id());
                    if self.dice.chance(0.005) {
                        // Two servers of the customer start the same recording: 400, subcode 8553.
                        let again_at = answered_at + self.dice.between(0.02, 0.5);
                        self.answer(again_at, Verb::Start, 400);
                    }
                    return Some(answered_at);
                }
                429 | 500.. => asked_at = answered_at + self.dice.between(1.0, 8.0),
                _ => return None,
            }
        }
        None
    }

    /// A start that was accepted does not prove a recording: some fail afterwards, and a few of those have no summary either.
    fn fails_to_record(&mut self, started_at: OffsetDateTime) -> bool {
        if !self.dice.chance(0.003) {
            return false;
        }
        if self.dice.chance(0.7) {
            let reason = self.dice.pick(
                EndReason::CouldNotStart,
                &[
                    (0.3, EndReason::AllInstancesBusy),
                    (0.2, EndReason::CallStartTimeout),
                ],
            );
            let ready_at = started_at + self.dice.between(2.0, 20.0);
            self.summary(started_at, started_at, ready_at, reason);
        }
        true
    }

    /// When and why a recording of this planned length ends.
    fn end(&mut self, started_at: OffsetDateTime, length: Duration) -> (OffsetDateTime, EndReason) {
        let planned_end = started_at + length;
        if let Some(incident) = self
            .incidents
            .overlapping(self.resource, started_at, planned_end)
            && self.dice.chance(0.01)
        {
            let from = incident.begins_at.max(started_at);
            let to = incident.ends_at.min(planned_end);
            return (from + (to - from) * self.dice.share(), self.fault());
        }
        if length == LENGTH_MAX {
            return (planned_end, EndReason::MaximumSessionTimeReached);
        }
        if self.dice.chance(0.003) {
            return (started_at + length * self.dice.share(), self.fault());
        }
        let reason = self.dice.pick(
            EndReason::CallEnded,
            &[
                (0.12, EndReason::InitiatorLeft),
                (0.003, EndReason::HandedOverDueToMediaTimeout),
            ],
        );
        (planned_end, reason)
    }

    fn fault(&mut self) -> EndReason {
        self.dice.pick(
            EndReason::MediaTimeout,
            &[
                (0.25, EndReason::ChunkCreationFailed),
                (0.20, EndReason::AudioStreamFailure),
                (0.15, EndReason::ProcessingTimeout),
            ],
        )
    }

    fn pauses(&mut self, started_at: OffsetDateTime, ended_at: OffsetDateTime) {
        if !self.dice.chance(self.resource.pause_share) {
            return;
        }
        let mut time = started_at;
        for _ in 0..self.dice.whole(1, 2) {
            let asked_at = time + (ended_at - time) * self.dice.share();
            let (paused_at, status) = self.request(asked_at, Verb::Pause);
            if status != Verb::Pause.success() {
                return;
            }
            if self.dice.chance(0.01) {
                // Paused already: 409, subcode 8571.
                self.answer(paused_at, Verb::Pause, 409);
            }
            let resume_at = paused_at + self.dice.between(8.0, 60.0);
            if resume_at >= ended_at {
                return;
            }
            (time, _) = self.request(resume_at, Verb::Resume);
            if time >= ended_at {
                return;
            }
        }
    }

    fn polls(&mut self, started_at: OffsetDateTime, ended_at: OffsetDateTime) {
        let length = ended_at - started_at;
        if self.dice.chance(0.2) {
            for _ in 0..self.dice.whole(1, 4) {
                let time = started_at + length * self.dice.share();
                self.request(time, Verb::Get);
            }
        }
        if self.dice.chance(0.0008) {
            // A client that polls without a pause is throttled after the first few.
            let mut time = started_at + length * self.dice.share();
            for number in 0..self.dice.whole(10, 30) {
                let status = if number < 5 { 200 } else { 429 };
                self.answer(time, Verb::Get, status);
                time += self.dice.between(0.05, 0.3);
            }
        }
    }

    /// The requests around the end, some of which come too late.
    fn stop(&mut self, ended_at: OffsetDateTime, reason: EndReason) {
        if reason == EndReason::CallEnded && self.dice.chance(0.6) {
            let (answered_at, status) = self.request(ended_at, Verb::Stop);
            if status >= 429 {
                let again_at = answered_at + self.dice.between(1.0, 5.0);
                self.request(again_at, Verb::Stop);
            }
        } else if self.dice.chance(0.02) {
            let status = self.dice.pick(412, &[(0.4, 404)]);
            let late_at = ended_at + self.dice.between(0.2, 3.0);
            self.answer(late_at, Verb::Stop, status);
        }
        if self.dice.chance(0.003) {
            let late_at = ended_at + self.dice.between(0.2, 3.0);
            self.answer(late_at, Verb::Pause, 412);
        }
    }

    /// The records after the file is ready: the summary, the bill, and the download.
    fn ready(&mut self, started_at: OffsetDateTime, ended_at: OffsetDateTime, reason: EndReason) {
        let length = ended_at - started_at;
        // A file takes some seconds, a long one up to a minute.
        let wait: Duration = self.dice.around(6.0, 0.6) + length / 200;
        let ready_at = ended_at + wait.clamp(Duration::seconds(2), Duration::seconds(90));
        self.summary(started_at, ended_at, ready_at, reason);

        let billed_at = ended_at + self.dice.wait(20.0).min(Duration::minutes(2));
        let minutes = length.as_seconds_f64() / 60.0;
        self.usage(
            UsageKind::CallRecording,
            minutes,
            started_at,
            ended_at,
            billed_at,
        );

        if reason.is_failure() || !self.dice.chance(0.35) {
            return;
        }
        let download_at = ready_at + self.dice.wait(45.0).min(Duration::minutes(5));
        let (downloaded_at, status) = if self.dice.chance(0.01) {
            // The file was deleted after 24 hours, or belongs to another caller.
            self.answer(download_at, Verb::Download, 404)
        } else {
            self.request(download_at, Verb::Download)
        };
        if status == Verb::Download.success() && self.dice.chance(0.5) {
            let delete_at = downloaded_at + self.dice.wait(5.0).min(Duration::minutes(1));
            self.request(delete_at, Verb::Delete);
        }
    }

    /// The bill of the call itself.
    fn other_usage(&mut self, began_at: OffsetDateTime, ended_at: OffsetDateTime) {
        let billed_at = ended_at + self.dice.wait(20.0).min(Duration::minutes(2));
        if self.dice.chance(self.resource.pstn_share) {
            let minutes = (ended_at - began_at).as_seconds_f64() / 60.0;
            self.usage(UsageKind::Pstn, minutes, began_at, ended_at, billed_at);
        } else if self.dice.chance(0.1) {
            let messages = self.dice.whole(1, 40).into();
            self.usage(UsageKind::Chat, messages, began_at, ended_at, billed_at);
        }
    }
}
