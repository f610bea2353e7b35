//! Finds the operation of a request by the words of its name, or by its URI.

use super::letters::{alike, letters};

/// The known values of the label `operation`: the routes of the Call Recording API.
pub(super) const OPERATIONS: [&str; 7] = [
    "StartRecording",
    "StopRecording",
    "PauseRecording",
    "ResumeRecording",
    "GetRecording",
    "DownloadRecording",
    "DeleteRecording",
];

/// What an operation does to a recording: its name without `Recording`.
fn verb(operation: &'static str) -> &'static str {
    operation.trim_end_matches("Recording")
}

/// The operation whose verb is among the words of a name that also contains `recording`. Names vary: the documentation
/// prints `ResumeCallRecording`, and in its prose `ResumeRecording`; the REST API has `CallRecording_ResumeRecording`, and in
/// older versions `StartServerCallRecording`.
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    // The spellings that ACS writes are recognised without a search for words.
    let plain = |known: &&'static str| {
        let rest = name.strip_prefix(verb(known));
        rest.is_some_and(|rest| ["CallRecording", "Recording"].contains(&rest))
    };
    let by_words = || {
        let words = letters(name).contains("recording").then(|| words(name))?;
        let mut operations = words.iter().map(|word| by_word(word));
        operations.find_map(|operation| operation)
    };
    OPERATIONS.into_iter().find(plain).or_else(by_words)
}

/// The operation whose verb is this word. A name without inner capitals is one word: it begins with the verb, and contains
/// `recording` after it.
fn by_word(word: &str) -> Option<&'static str> {
    OPERATIONS.into_iter().find(|known| {
        let verb = verb(known);
        word.split_at_checked(verb.len())
            .filter(|(begin, _)| begin.eq_ignore_ascii_case(verb))
            .is_some_and(|(_, rest)| rest.is_empty() || letters(rest).contains("recording"))
    })
}

/// The words of a name. Each begins with a capital, or after a character that is neither a letter nor a digit.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut begin, mut previous) = (0, ' ');
    for (at, c) in name.char_indices() {
        if !c.is_alphanumeric() || c.is_uppercase() && !previous.is_uppercase() {
            words.extend(name.get(begin..at));
            begin = at;
        }
        previous = c;
    }
    words.extend(name.get(begin..));
    let ends = |c: char| !c.is_alphanumeric();
    words
        .into_iter()
        .map(|word| word.trim_matches(ends))
        .collect()
}

/// The operation of a URI: the method after the recording id (`/calling/recordings/ID:stop`), or a start if there is no
/// recording id. A `GET` and a `DELETE` have the same URI, so it identifies neither.
pub(super) fn by_uri(uri: &str) -> Option<&'static str> {
    let uri = uri.to_ascii_lowercase();
    let (_, rest) = uri.split_once("/calling/recordings")?;
    let path = rest.split(['?', '#']).next()?.trim_matches(['/', ' ']);
    if path.is_empty() {
        return Some("StartRecording");
    }
    let (_, method) = path.rsplit_once(':')?;
    OPERATIONS
        .into_iter()
        .find(|known| alike(verb(known), method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_words() {
        #[track_caller]
        fn check(name: &str, expected: Option<&str>) {
            assert_eq!(by_name(name), expected, "{name}");
        }
        check("ResumeCallRecording", Some("ResumeRecording"));
        check("resumerecording", Some("ResumeRecording"));
        check("CallRecording_StartRecording", Some("StartRecording"));
        check("CallRecording_GetRecordingProperties", Some("GetRecording"));
        check("ServerCalls_StopRecording", Some("StopRecording"));
        check("CallAutomation.StartRecording", Some("StartRecording"));
        check("StartServerCallRecording", Some("StartRecording"));
        check("STARTSERVERCALLRECORDING", Some("StartRecording"));
        check("Pause Call Recording", Some("PauseRecording"));
        check("start-recording", Some("StartRecording"));
        check("Recording.Stop", Some("StopRecording"));
        check("GetRecordingStartTime", Some("GetRecording"));
        check("Call Recording Summary", None);
        check("RestartRecording", None);
        check("Start", None);
        check("StartTranscription", None);
        check("", None);
    }

    #[test]
    fn a_uri_is_known_by_its_method() {
        #[track_caller]
        fn check(path: &str, expected: Option<&str>) {
            let uri = format!("https://contoso.communication.azure.com{path}");
            assert_eq!(by_uri(&uri), expected, "{uri}");
        }
        let version = "api-version=2023-03-06";
        check(
            &format!("/calling/recordings?{version}"),
            Some("StartRecording"),
        );
        check("/calling/recordings/", Some("StartRecording"));
        check("/calling/recordings/ eyJ:resume", Some("ResumeRecording"));
        check(
            &format!("/Calling/Recordings/a:b:Stop?{version}"),
            Some("StopRecording"),
        );
        check("/calling/recordings/eyJ:pause#x", Some("PauseRecording"));
        check("/calling/recordings/eyJ", None);
        check("/calling/recordings/eyJ:sing", None);
        check("/calling/callConnections/c:play", None);
    }
}
