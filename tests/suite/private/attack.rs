//! Broken records with personal data in them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::RECORDS;

/// Bodies of broken records, and the texts that must not be shown, in lower case.
pub(super) fn attack(runner: &mut TestRunner) -> (Vec<Vec<u8>>, Vec<String>) {
    let records = vec(record(), RECORDS).new_tree(runner).unwrap().current();
    let mut needles = Vec::new();
    let bodies = records.into_iter().map(|record| {
        needles.extend(record.personal.iter().flat_map(Personal::needles));
        record.body()
    });
    let bodies = bodies.collect();
    (bodies, needles)
}

/// A record of one of the logs, what was put into it, and how it was broken.
#[derive(Clone, Debug)]
struct Record {
    log: Log,
    personal: Vec<Personal>,
    places: Vec<Index>,
    shape: Shape,
    breaks: Vec<Break>,
}

#[derive(Clone, Copy, Debug)]
enum Log {
    Operation,
    Summary,
    Usage,
}

/// How the properties of a record are written.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Nested,
    Flat,
    Text,
    /// As text whose quotes are not escaped.
    BareText,
}

/// What a sender does to the text of a record.
#[derive(Clone, Debug)]
enum Break {
    /// Of one property: `"a":"x","b":"y"` becomes `"a":"b":"y"`.
    Value(Index),
    /// One of the quotes.
    Quote(Index),
    /// One of the brackets and commas.
    Structure(Index),
    /// Everything from here on.
    End(Index),
    SingleQuotes,
    Newline(Index),
    AnotherQuote(Index),
}

fn record() -> impl Strategy<Value = Record> {
    let shape = select(&[Shape::Nested, Shape::Flat, Shape::Text, Shape::BareText][..]);
    let one_break = prop_oneof![
        any::<Index>().prop_map(Break::Value),
        any::<Index>().prop_map(Break::Quote),
        any::<Index>().prop_map(Break::Structure),
        any::<Index>().prop_map(Break::End),
        Just(Break::SingleQuotes),
        any::<Index>().prop_map(Break::Newline),
        any::<Index>().prop_map(Break::AnotherQuote),
    ];
    (
        select(&[Log::Operation, Log::Summary, Log::Usage][..]),
        vec(personal(), 1..6),
        vec(any::<Index>(), 6),
        shape,
        vec(one_break, 0..3),
    )
        .prop_map(|(log, personal, places, shape, breaks)| Record {
            log,
            personal,
            places,
            shape,
            breaks,
        })
}

const RESOURCE: &str = "/SUBSCRIPTIONS/00000000-1111-2222-3333-444444444444/RESOURCEGROUPS/RG-CALLS/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/";

impl Record {
    fn body(&self) -> Vec<u8> {
        let text = self.text();
        let mut text = self
            .breaks
            .iter()
            .fold(text, |text, broken| broken.make(&text));
        // Other records stand around it.
        if self.places.first().is_some_and(|place| place.index(2) == 0) {
            let whole = r#"{"category":"Usage","usageType":"audio"}"#;
            text = format!(r#"{{"records":[{whole},{text},{whole}]}}"#);
        }
        text.into_bytes()
    }

    fn text(&self) -> String {
        let (mut common, mut own) = (common(self.log), self.log.properties());
        for (Personal(text), place) in self.personal.iter().zip(&self.places) {
            let count = common.len() + own.len();
            let place = place.index(count + 3);
            match place.checked_sub(count) {
                Some(0) => own.push((text.clone(), json!("x"))),
                Some(1) => common.push((text.clone(), json!(1))),
                Some(_) => common.extend(properties(
                    &json!({"resourceId": format!("{RESOURCE}{text}")}),
                )),
                None => {
                    let mut all = common.iter_mut().chain(&mut own);
                    all.nth(place).unwrap().1 = json!(text);
                }
            }
        }
        let object = |fields: &[(String, Value)]| {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{}:{value}", json!(name)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        };
        let properties = object(&own);
        let top = object(&common);
        let properties = match self.shape {
            Shape::Flat => return format!("{},{}", top.trim_end_matches('}'), &properties[1..]),
            Shape::Nested => properties,
            Shape::Text => json!(properties).to_string(),
            Shape::BareText => format!("\"{properties}\""),
        };
        format!(
            r#"{},"properties":{properties}}}"#,
            top.trim_end_matches('}')
        )
    }
}

type Properties = Vec<(String, Value)>;

fn properties(object: &Value) -> Properties {
    let object = object.as_object().unwrap();
    object.clone().into_iter().collect()
}

fn common(log: Log) -> Properties {
    let (category, operation) = match log {
        Log::Operation => ("CallRecordingOperational", "StartRecording"),
        Log::Summary => ("CallRecordingSummary", "RecordingSummary"),
        Log::Usage => ("Usage", "Usage"),
    };
    properties(&json!({
        "time": "2026-01-31T11:00:00Z", "resourceId": format!("{RESOURCE}CONTOSO"), "level": "Informational",
        "operationVersion": "2024-09-15", "resultType": "Failed", "resultSignature": "503", "durationMs": "82",
        "callerIpAddress": "203.0.113.9", "correlationId": "c", "uri": "u", "identity": "i", "resultDescription": "d",
        "category": category, "operationName": operation,
    }))
}

impl Log {
    /// The properties that the others do not have.
    fn properties(self) -> Properties {
        properties(&match self {
            Self::Operation => json!({
                "callConnectionId": "x", "serverCallId": "x", "sdkType": "dotnet", "sdkVersion": "1.2.0", "subCode": "8553",
            }),
            Self::Summary => json!({
                "recordingId": "x", "recordingEndReason": "MediaTimeout", "contentType": "Audio - Video",
                "channelType": "mixed", "formatType": "mp4", "chunkCount": "1", "recordingLength": "62",
                "audioChannelsCount": 1, "recordingStartTime": "2026-01-31T10:00:00Z",
            }),
            Self::Usage => json!({
                "recordId": "x", "usageType": "Audio", "unitType": "minutes", "quantity": "1", "participantId": "x",
                "userIdA": "x", "userIdB": "x", "startTime": "2026-01-31T10:00:00Z", "endTime": "2026-01-31T10:00:00Z",
            }),
        })
    }
}

impl Break {
    fn make(&self, text: &str) -> String {
        let at_one_of = |characters: &[char], index: &Index| {
            let places: Vec<_> = text.match_indices(characters).collect();
            (!places.is_empty()).then(|| index.get(&places).0)
        };
        let without = |at: Option<usize>| {
            let at = at.unwrap_or_default();
            let mut text = text.to_owned();
            text.remove(at);
            text
        };
        let with = |inserted: &str, index: &Index| {
            let mut text = text.to_owned();
            text.insert_str(any_place(&text, *index), inserted);
            text
        };
        match self {
            Self::Value(index) => {
                let Some(at) = at_one_of(&[':'], index) else {
                    return text.to_owned();
                };
                let (before, rest) = text.split_at(at + 1);
                let rest = rest.split_once(',').map_or("", |(_, rest)| rest);
                format!("{before}{rest}")
            }
            Self::Quote(index) => without(at_one_of(&['"'], index)),
            Self::Structure(index) => without(at_one_of(&['{', '}', '[', ']', ',', ':'], index)),
            Self::End(index) => text.split_at(any_place(text, *index).max(1)).0.to_owned(),
            Self::SingleQuotes => text.replace('"', "'"),
            Self::Newline(index) => with("\n", index),
            Self::AnotherQuote(index) => with("\"", index),
        }
    }
}

fn any_place(text: &str, index: Index) -> usize {
    let places: Vec<_> = text.char_indices().collect();
    index.get(&places).0
}

/// Something that must not be shown.
#[derive(Clone, Debug)]
struct Personal(String);

impl Personal {
    /// The parts of it that would identify somebody, in lower case: all of it, and what is left if a break parts it.
    fn needles(&self) -> Vec<String> {
        const LENGTH: usize = 12;
        let text = self.0.to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric());
        let mut needles: Vec<_> = parts
            .filter(|part| part.len() >= LENGTH)
            .map(|part| part.chars().take(LENGTH).collect())
            .collect();
        needles.push(text);
        needles
    }
}

fn personal() -> impl Strategy<Value = Personal> {
    let guid = || "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    let base64 = |text: String| Personal(base64(text.as_bytes()));
    let texts = prop_oneof![
        "(1[0-9]|2[0-4])[0-9]\\.[1-9][0-9]{1,2}\\.[0-9]{1,3}\\.[1-9][0-9]",
        "[1-9]\\.[0-9]{2}\\.[0-9]{2}\\.[1-9][0-9]",
        "2001:db8:[1-9a-f][0-9a-f]{3}::[1-9a-f][0-9a-f]{1,3}",
        "::ffff:192\\.0\\.2\\.[1-9][0-9]",
        "192\\.0\\.2\\.[1-9][0-9]:[1-9][0-9]{4}",
        "[a-z]{5,9}\\.[a-z]{5,9}@[a-z]{5}\\.example",
        "\\+49 1[0-9]{2} [0-9]{7,8}",
        "\\+1425[0-9]{7}",
        "00491[0-9]{9}",
        "01[0-9]{2}-[0-9]{7}",
        "\\([2-9][0-9]{2}\\) 555-[0-9]{4}",
        "[2-9][0-9]{2}\\.555\\.[0-9]{4}",
        "tel:\\+49151[0-9]{8}",
        "sips?:[a-z]{6,9}@[a-z]{5}\\.example",
        "https://[a-z]{6}\\.example/[a-z0-9]{12}\\?sig=[a-z0-9]{12}",
        "file:///home/[a-z]{6,9}/call\\.mp4",
        guid(),
        "8:acs:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}_0000000b-[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}",
        "[0-9a-f]{32}",
        "[0-9A-F]{40}",
    ];
    let server_call_id = "https://conv-uswe-0[1-9]\\.conv\\.skype\\.com/conv/[A-Za-z0-9_-]{22}\\?i=1[0-9]&e=63[0-9]{16}";
    let recording_id = format!(
        r#"\{{"PlatformEndpointId":"{0}","ResourceSpecificId":"{0}"\}}"#,
        guid()
    );
    prop_oneof![
        20 => texts.prop_map(Personal),
        2 => server_call_id.prop_map(base64),
        2 => string_regex(&recording_id).unwrap().prop_map(base64),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| {
        let digit = DIGITS.get(usize::try_from(bits & 63).unwrap());
        char::from(*digit.unwrap())
    };
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        [18, 12, 6, 0].map(|shift| digit(bits >> shift))
    });
    digits.collect()
}
