//! Records as JSON, in the shapes in which they reach an Event Hub.
//!
//! Two shapes. *Diagnostic*: camelCase, the common schema of resource logs at the top and the fields of the log itself in
//! `properties`, as in the voice and video logs of which Microsoft shows the JSON. *Documentation*: as the Call Recording
//! page shows them, `PascalCase` and all in `properties`. No public sample of a Call Recording event exists, so both occur.
//!
//! JSON is written here and not by `serde`, since one list of fields gives both shapes, in the order in which Azure writes
//! them.

use std::fmt::Display;

use azure_core::base64;
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    model::{Body, Operation, Record, RecordingId, Summary, Usage, Verb},
    world::Resource,
};

/// How a record is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Diagnostic,
    Documentation,
}

/// A record as JSON.
pub(super) fn write(record: &Record, shape: Shape) -> String {
    let fields = match &record.body {
        Body::Operation(operation) => operation_fields(record, operation),
        Body::Summary(summary) => summary_fields(summary),
        Body::Usage(usage) => usage_fields(usage),
    };
    match shape {
        Shape::Diagnostic => diagnostic(record, &fields),
        Shape::Documentation => documentation(record, &fields),
    }
}

/// The fields of a record, before they are laid out.
struct Fields {
    operation_name: String,
    operation_version: &'static str,
    result: Option<(Level, &'static str)>,
    /// Fields of the common schema, beside those that every record has.
    common: Vec<(&'static str, Value)>,
    /// Fields of this log alone.
    properties: Vec<(&'static str, Value)>,
}

type Level = &'static str;

fn operation_fields(record: &Record, operation: &Operation) -> Fields {
    let resource = record.resource;
    let duration_ms = u64::try_from(operation.duration.whole_milliseconds()).unwrap_or_default();
    let result = match operation.status {
        200..300 => ("Informational", "Succeeded"),
        // `Failure` and not `Failed`: Microsoft's own query for errors in this log asks for it.
        500.. => ("Error", "Failure"),
        _ => ("Warning", "Failure"),
    };
    Fields {
        operation_name: format!("{}Recording", operation.verb.name()),
        operation_version: operation.sdk.api_version,
        result: Some(result),
        common: vec![
            ("resultSignature", operation.status.into()),
            ("durationMs", duration_ms.into()),
            (
                "callerIpAddress",
                format!("{}.{}", resource.network, operation.caller_host).into(),
            ),
            ("uri", uri(resource, operation).into()),
        ],
        properties: vec![
            (
                "callConnectionId",
                operation.call_connection_id.to_string().into(),
            ),
            ("serverCallId", server_call_id(record).into()),
            ("sdkVersion", operation.sdk.version.into()),
            ("sdkType", operation.sdk.name.into()),
        ],
    }
}

fn summary_fields(summary: &Summary) -> Fields {
    let result = if summary.end_reason.is_failure() {
        ("Error", "Failed")
    } else {
        ("Informational", "Succeeded")
    };
    Fields {
        operation_name: "Call Recording Summary".into(),
        operation_version: "1.0",
        result: Some(result),
        common: Vec::new(),
        properties: vec![
            ("recordingId", recording_id(summary.recording).into()),
            ("recordingEndReason", summary.end_reason.name().into()),
            ("recordingStartTime", timestamp(summary.started_at).into()),
            (
                "recordingLength",
                hundredths(summary.length.as_seconds_f64()).into(),
            ),
            ("chunkCount", summary.chunk_count.into()),
            ("contentType", summary.media.content().into()),
            ("channelType", summary.media.channel().into()),
            ("formatType", summary.media.format().into()),
            ("audioChannelsCount", summary.audio_channels.into()),
        ],
    }
}

fn usage_fields(usage: &Usage) -> Fields {
    Fields {
        // The documentation has no example of this log; the name is an assumption.
        operation_name: "Usage".into(),
        operation_version: "1.0",
        result: None,
        common: Vec::new(),
        properties: vec![
            ("recordId", usage.record_id.to_string().into()),
            ("usageType", usage.kind.name().into()),
            ("unitType", usage.kind.unit().into()),
            ("quantity", hundredths(usage.quantity).into()),
            ("startTime", timestamp(usage.started_at).into()),
            ("endTime", timestamp(usage.ended_at).into()),
            ("participantId", usage.participant_id.to_string().into()),
            ("userIdA", format!("8:acs:{}", usage.participant_id).into()),
            ("userIdB", "".into()),
        ],
    }
}

fn diagnostic(record: &Record, fields: &Fields) -> String {
    let mut top = JsonObject::default();
    top.text("time", &timestamp(record.time));
    top.text("resourceId", &resource_id(record.resource));
    top.text("operationName", &fields.operation_name);
    top.text("operationVersion", fields.operation_version);
    top.text("category", record.category().name());
    if let Some((level, result_type)) = fields.result {
        top.text("level", level);
        top.text("resultType", result_type);
    }
    top.text("correlationId", &record.correlation_id.to_string());
    for (name, value) in &fields.common {
        top.field(name, value);
    }
    let mut properties = JsonObject::default();
    for (name, value) in &fields.properties {
        properties.field(name, value);
    }
    top.field("properties", properties.finish());
    top.finish()
}

fn documentation(record: &Record, fields: &Fields) -> String {
    // On the page a summary has one name at the top and another inside; so has its category.
    let (category, inner_name) = match &record.body {
        Body::Summary(_) => ("RecordingSummary", "RecordingSummary".to_owned()),
        // The page's only request is a `ResumeCallRecording`, where its text has `ResumeRecording`.
        Body::Operation(Operation { verb, .. }) => (record.category().name(), doc_name(*verb)),
        Body::Usage(_) => (record.category().name(), fields.operation_name.clone()),
    };
    let top_name = match &record.body {
        Body::Operation(_) => &inner_name,
        Body::Summary(_) | Body::Usage(_) => &fields.operation_name,
    };
    let mut properties = JsonObject::default();
    properties.text("TimeGenerated", &timestamp(record.time));
    properties.text("OperationName", &inner_name);
    properties.text("Category", record.category().name());
    properties.text("CorrelationId", &record.correlation_id.to_string());
    if let Some((level, result_type)) = fields.result {
        properties.text("ResultType", result_type);
        properties.text("Level", level);
    }
    for (name, value) in fields.common.iter().chain(&fields.properties) {
        match (*name, value.as_f64()) {
            ("uri", _) => properties.field("URI", value),
            // On the page the long recording has a string here, and the short ones a number.
            ("recordingLength", Some(300.0..)) => {
                properties.text("RecordingLength", &value.to_string());
            }
            (name, _) => properties.field(&pascal_case(name), value),
        }
    }
    let mut top = JsonObject::default();
    top.text("time", &timestamp(record.time));
    top.text("resourceId", &resource_id(record.resource));
    top.text("operationName", top_name);
    top.text("operationVersion", fields.operation_version);
    top.text("category", category);
    top.field("properties", properties.finish());
    top.finish()
}

fn doc_name(verb: Verb) -> String {
    format!("{}CallRecording", verb.name())
}

fn pascal_case(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// As resource logs write it: in upper case.
fn resource_id(resource: &Resource) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Communication/communicationServices/{}",
        resource.subscription_id, resource.resource_group, resource.name
    )
    .to_ascii_uppercase()
}

fn uri(resource: &Resource, operation: &Operation) -> String {
    let id = operation.recording.map(recording_id).unwrap_or_default();
    let recordings = format!(
        "https://{}.communication.azure.com/calling/recordings",
        resource.name
    );
    let version = operation.sdk.api_version;
    let file = operation
        .recording
        .map(|id| id.resource_specific_id.simple());
    let file = file.map(|id| format!("https://storage.asm.skype.com/v1/objects/0-eus-d1-{id}"));
    let file = file.unwrap_or_default();
    match operation.verb {
        Verb::Start => format!("{recordings}?api-version={version}"),
        Verb::Stop | Verb::Get => format!("{recordings}/{id}?api-version={version}"),
        Verb::Pause => format!("{recordings}/{id}:pause?api-version={version}"),
        Verb::Resume => format!("{recordings}/{id}:resume?api-version={version}"),
        Verb::Download => format!("{file}/content/video"),
        Verb::Delete => file,
    }
}

/// base64url of a small JSON object, without padding, as the documentation's samples decode.
fn recording_id(id: RecordingId) -> String {
    base64::encode_url_safe(format!(
        r#"{{"PlatformEndpointId":"{}","ResourceSpecificId":"{}"}}"#,
        id.platform_endpoint_id, id.resource_specific_id
    ))
}

/// base64 of an address in the calling service, the same for all requests of a call.
fn server_call_id(record: &Record) -> String {
    base64::encode(format!(
        "https://api.flightproxy.skype.com/api/v2/cp/conv-usea2-01.conv.skype.com/conv/{}",
        record.correlation_id.simple()
    ))
}

/// UTC with seven fractional digits, the ticks of .NET.
pub(super) fn timestamp(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, nanosecond) = time.to_hms_nano();
    let month = u8::from(month);
    let ticks = nanosecond / 100;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A JSON object in the order in which its fields are written.
#[derive(Default)]
struct JsonObject(String);

impl JsonObject {
    fn text(&mut self, name: &str, value: &str) {
        self.field(name, Value::from(value));
    }

    /// `value` displays as JSON: a `Value`, or an object that is finished.
    fn field(&mut self, name: &str, value: impl Display) {
        self.0 += if self.0.is_empty() { "{\"" } else { ",\"" };
        self.0 += name;
        self.0 += "\":";
        self.0 += &value.to_string();
    }

    fn finish(mut self) -> String {
        self.0 += "}";
        self.0
    }
}
