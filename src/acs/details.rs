//! What Microsoft's support asks for about a failure: ids, and the message of the service. Only the failure log contains
//! these details; no metric does.

use std::borrow::Cow;

use super::view::View;

/// The details of one failure, as far as its record contains them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details<'a> {
    /// The id of the recording.
    pub recording_id: Option<Cow<'a, str>>,
    /// The id of Call Automation's connection to the call.
    pub call_connection_id: Option<Cow<'a, str>>,
    /// The server's id of the call.
    pub server_call_id: Option<Cow<'a, str>>,
    /// The sub code. Microsoft's page of troubleshooting codes explains it.
    pub sub_code: Option<Cow<'a, str>>,
    /// The message of the service, without URIs: they contain ids of recordings, and tokens.
    pub message: Option<Cow<'a, str>>,
}

/// The most characters of one detail. A server call id has about 170.
const CHARACTERS_MAX: usize = 256;

impl<'a> Details<'a> {
    pub(super) fn of(view: &View<'a>) -> Self {
        let id = |name| view.property(name).text().map(bounded);
        let message = ["resultMessage", "resultDescription"]
            .into_iter()
            .find_map(|name| view.property(name).text());
        Self {
            recording_id: id("recordingId"),
            call_connection_id: id("callConnectionId"),
            server_call_id: id("serverCallId"),
            sub_code: id("subCode"),
            message: message.map(|text| bounded(without_uris(&text).into())),
        }
    }
}

/// The beginning of a long text.
pub(super) fn bounded(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned().into(),
        None => text,
    }
}

/// The text, with `URI` in place of each word that contains one.
fn without_uris(text: &str) -> String {
    let words = text.split_whitespace();
    let words = words.map(|word| if word.contains("://") { "URI" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_bounded_and_found_in_properties_or_at_the_top() {
        let long = "é".repeat(CHARACTERS_MAX + 1);
        let record = format!(
            r#"{{"RecordingId":"{long}","properties":{{"callConnectionId":"n","serverCallId":"s","subCode":8553}}}}"#
        );
        let details = Details::of(&View::read(&record).unwrap());
        let expected = Details {
            recording_id: Some("é".repeat(CHARACTERS_MAX).into()),
            call_connection_id: Some("n".into()),
            server_call_id: Some("s".into()),
            sub_code: Some("8553".into()),
            message: None,
        };
        assert_eq!(details, expected);
    }

    #[test]
    fn a_message_comes_from_either_name_and_without_uris() {
        #[track_caller]
        fn check(record: &str, expected: Option<&str>) {
            let details = Details::of(&View::read(record).unwrap());
            assert_eq!(details.message.as_deref(), expected);
        }
        check("{}", None);
        check(r#"{"resultDescription":"Busy."}"#, Some("Busy."));
        check(
            r#"{"resultDescription":"Busy.","properties":{"resultMessage":"Recording  not found:\nhttps://contoso/x?sig=y, (sip://a) retry"}}"#,
            Some("Recording not found: URI URI retry"),
        );
    }
}
