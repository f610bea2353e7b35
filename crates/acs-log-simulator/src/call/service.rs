//! The service's side of a call: how it answers a request, and what it writes into the logs.

use time::{Duration, OffsetDateTime};

use super::{
    super::model::{
        Body, EndReason, Media, Operation, Record, RecordingId, Summary, Usage, UsageKind, Verb,
    },
    Call,
};

/// No answer takes longer: a gateway's usual timeout.
const ANSWER_MAX: Duration = Duration::seconds(30);

/// The documentation's recording of 73,872.94 s has 6 files, so one holds 3.4 to 4.1 hours.
const CHUNK_SECONDS: i64 = 12_600;

impl Call {
    /// A request with a random answer. Gives its time and status.
    pub(super) fn request(&mut self, time: OffsetDateTime, verb: Verb) -> (OffsetDateTime, u16) {
        let status = if self.incidents.at(self.resource, time).is_some() && self.dice.chance(0.5) {
            self.dice.pick(503, &[(0.3, 429)])
        } else {
            let usual = match verb {
                Verb::Start => self.dice.pick(202, &[(0.1, 200)]),
                other => other.success(),
            };
            self.dice.pick(
                usual,
                &[
                    (0.0015, 500),
                    (0.0015, 503),
                    (0.001, 403),
                    (0.001, 429),
                    (0.001, 404),
                ],
            )
        };
        self.answer(time, verb, status)
    }

    /// A request with a given answer.
    pub(super) fn answer(
        &mut self,
        time: OffsetDateTime,
        verb: Verb,
        status: u16,
    ) -> (OffsetDateTime, u16) {
        let duration = match status {
            // Refused by the gateway.
            400..500 => self.dice.around(0.03, 0.4),
            // The service failed.
            500.. => self.dice.between(0.3, 3.0),
            _ if self.dice.chance(0.01) => self.dice.around(verb.median_seconds() * 8.0, 0.5),
            _ => self.dice.around(verb.median_seconds(), 0.45),
        };
        let duration = duration.min(ANSWER_MAX);
        let operation = Operation {
            verb,
            status,
            duration,
            recording: self.recording.filter(|_| verb != Verb::Start),
            call_connection_id: self.connection_id,
            caller_host: self.caller_host,
            sdk: self.sdk,
        };
        self.record(time + duration, Body::Operation(operation));
        (time + duration, status)
    }

    pub(super) fn summary(
        &mut self,
        started_at: OffsetDateTime,
        ended_at: OffsetDateTime,
        ready_at: OffsetDateTime,
        end_reason: EndReason,
    ) {
        let length = ended_at - started_at;
        let chunk_count = match length.whole_seconds() {
            0 => 0,
            seconds => 1 + seconds / CHUNK_SECONDS,
        };
        let audio_channels = match self.media {
            // A channel per participant, five at most.
            Media::AudioUnmixed => self.dice.pick(2, &[(0.15, 3), (0.05, 4), (0.02, 5)]),
            Media::Video | Media::AudioMp3 | Media::AudioWav => 1,
        };
        let recording = self.recording.unwrap_or_else(|| self.recording_id());
        let summary = Summary {
            recording,
            started_at,
            length,
            chunk_count,
            media: self.media,
            audio_channels,
            end_reason,
        };
        self.record(ready_at, Body::Summary(summary));
    }

    pub(super) fn usage(
        &mut self,
        kind: UsageKind,
        quantity: f64,
        started_at: OffsetDateTime,
        ended_at: OffsetDateTime,
        billed_at: OffsetDateTime,
    ) {
        let usage = Usage {
            record_id: self.dice.uuid(),
            kind,
            quantity,
            started_at,
            ended_at,
            participant_id: self.dice.uuid(),
        };
        self.record(billed_at, Body::Usage(usage));
    }

    fn record(&mut self, time: OffsetDateTime, body: Body) {
        self.records.push(Record {
            time,
            resource: self.resource,
            correlation_id: self.correlation_id,
            body,
        });
    }

    pub(super) fn recording_id(&mut self) -> RecordingId {
        RecordingId {
            platform_endpoint_id: self.dice.uuid(),
            resource_specific_id: self.dice.uuid(),
        }
    }
}
