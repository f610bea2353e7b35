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
        match words.iter().find_map(|word| by_word(word))? {
            "GetRecording" if words.iter().any(|word| alike(word, "content")) => {
                Some("DownloadRecording")
            }
            operation => Some(operation),
        }
    };
    OPERATIONS.into_iter().find(plain).or_else(by_words)
}

/// The operation of a name that is only a verb. In the log of Call Recording, that is clear enough.
pub(super) fn by_verb(name: &str) -> Option<&'static str> {
    let letters = letters(name);
    let name = letters.strip_suffix("async").unwrap_or(&letters);
    let mut known = OPERATIONS.into_iter();
    known.find(|known| verb(known).eq_ignore_ascii_case(name))
}

/// The operation whose verb is this word. A name without inner capitals is one word: it begins with the verb, and contains
/// `recording` after it, or it ends with `recording` and the verb.
fn by_word(word: &str) -> Option<&'static str> {
    let word = letters(word);
    OPERATIONS.into_iter().find(|known| {
        let verb = verb(known).to_ascii_lowercase();
        let is_begin = word
            .strip_prefix(&verb)
            .is_some_and(|rest| rest.is_empty() || rest.contains("recording"));
        let is_end = || {
            let before = word.strip_suffix(&verb);
            before.is_some_and(|before| before.ends_with("recording"))
        };
        is_begin || is_end()
    })
}

/// The words of a name. Each begins with a capital, or after a character that is neither a letter nor a digit. Of several
/// capitals in a row, only the last begins a word, if a small letter follows: `ACSStopRecording`.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut begin, mut previous) = (0, ' ');
    let mut characters = name.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let is_in_run = previous.is_uppercase()
            && characters
                .peek()
                .is_none_or(|(_, next)| !next.is_lowercase());
        if !c.is_alphanumeric() || c.is_uppercase() && !is_in_run {
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
    let uri = uri.to_ascii_lowercase().replace("%3a", ":");
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
        check("ACSStopRecording", Some("StopRecording"));
        check("HTTPStopRecording", Some("StopRecording"));
        check("callrecordingstop", Some("StopRecording"));
        check("recordingstop", Some("StopRecording"));
        check("GetRecordingContent", Some("DownloadRecording"));
        check("GetRecordingStartTime", Some("GetRecording"));
        check("Call Recording Summary", None);
        check("RestartRecording", None);
        check("recordingrestart", None);
        check("Start", None);
        check("StartTranscription", None);
        check("", None);
    }

    #[test]
    fn a_verb_alone_is_a_name_in_the_log_of_call_recording() {
        for name in ["Stop", "STOP", "StopAsync", "stop-async"] {
            assert_eq!(by_verb(name), Some("StopRecording"), "{name}");
        }
        for name in ["Restart", "StartTranscription", "Async", ""] {
            assert_eq!(by_verb(name), None, "{name}");
        }
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
        check("/calling/recordings/eyJ%3Astop", Some("StopRecording"));
        check("/calling/recordings/eyJ", None);
        check("/calling/recordings/eyJ:sing", None);
        check("/calling/callConnections/c:play", None);
    }
}
