//! Decides whether a request or a recording failed, by the tables and by the configured exceptions.

use std::borrow::Cow;

use super::category::UNKNOWN;
use super::failure::{
    EMPTY, END_REASONS, ENDED_BADLY, End, FAILED, FAILING_LEVELS, FAILING_WORDS, HANDED_OVER,
    RESULT_TYPES, ROUTINE, Says, label, of_status, words,
};
use super::letters::{alike, find, letters, says};
use super::operation_name::by_name;
use super::status::status_of_word;
use super::values::Values;

/// Exceptions to the tables of what counts as a failure, and the routine answers. Only letters and digits of a word are
/// compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRules {
    /// End reasons that are a failure, or are not, whatever the table contains.
    pub end_reasons: Exceptions,
    /// Result types that are a failure, or are not, whatever the table contains.
    pub result_types: Exceptions,
    /// Answers that are not failures, whatever else the record contains.
    pub routine: Routine,
}

impl Default for FailureRules {
    /// No exceptions, and the built-in routine answers.
    fn default() -> Self {
        Self {
            end_reasons: Exceptions::default(),
            result_types: Exceptions::default(),
            routine: Routine::parse([ROUTINE]).expect("the table has operations and statuses"),
        }
    }
}

/// Exceptions to a table of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Words that are a failure.
    pub also: Vec<String>,
    /// Words that are not a failure. They take precedence over `also`.
    pub except: Vec<String>,
}

impl FailureRules {
    /// The value of the label `result_type`, and its meaning, if it has one.
    pub(super) fn result_type<'a>(&self, sent: Cow<'a, str>) -> (Cow<'a, str>, Option<Says>) {
        let (label, said) = meaning(&sent);
        let is_meant = |word: &str| alike(word, &sent) || label.is_some_and(|it| alike(word, it));
        let says = match self.result_types.decide(is_meant) {
            Some(true) => said
                .filter(|says| says.reason().is_some())
                .or(Some(Says::Failure(FAILED))),
            Some(false) => Some(Says::NoFailure),
            None => said,
        };
        (label.map_or(sent, Cow::Borrowed), says)
    }

    /// The same, for the worst of the values of a property.
    pub(super) fn worst_result_type<'a>(
        &self,
        values: Values<'_, 'a>,
    ) -> (Cow<'a, str>, Option<Says>) {
        let has_failed = |says: Says| says.reason().is_some();
        values.worst(
            |sent| self.result_type(sent),
            |(_, says)| says.map(has_failed),
        )
    }

    /// The value of the label `end_reason`, in the spelling of the table, and its meaning, if known: the API writes
    /// `callEnded`, the log `CallEnded`.
    pub(super) fn end_reason<'a>(&self, sent: Cow<'a, str>) -> (Cow<'a, str>, Option<End>) {
        let known = known_end_reason(&sent);
        let label = known.map_or(sent, Cow::Borrowed);
        let end = end(&label);
        let is_meant = |word: &str| alike(known_end_reason(word).unwrap_or(word), &label);
        let end = match (self.end_reasons.decide(is_meant), end) {
            (Some(true), _) => Some(End::Broke),
            (Some(false), None | Some(End::Broke)) => Some(End::Wanted),
            (Some(false) | None, end) => end,
        };
        (label, end)
    }

    /// The end reasons of the table that are a failure by these rules alone.
    pub(super) fn known_end_reasons(&self) -> impl Iterator<Item = &'static str> {
        let also = self.end_reasons.also.iter();
        also.filter_map(|word| known_end_reason(word))
    }

    /// The same, for the worst of the values of a property.
    pub(super) fn worst_end_reason<'a>(
        &self,
        values: Values<'_, 'a>,
    ) -> (Cow<'a, str>, Option<End>) {
        let has_failed = |end: End| end == End::Broke;
        values.worst(|sent| self.end_reason(sent), |(_, end)| end.map(has_failed))
    }

    /// The outcome of a request. Routine answers are checked first. Then a failing status or a failing result type is a
    /// failure. If there is neither a status nor a known result type, the level decides.
    pub(super) fn of_request(
        &self,
        operation: &str,
        status: Option<u16>,
        result_type: Option<Says>,
        level: &str,
    ) -> Outcome {
        if status.is_some_and(|status| self.routine.has(operation, status)) {
            return Outcome::Routine;
        }
        let by_status = status.and_then(|status| of_status(operation, status));
        let failure = by_status.or_else(|| result_type?.reason());
        let is_unsaid = status.is_none() && result_type.is_none();
        let by_level = is_unsaid && FAILING_LEVELS.contains(&level);
        let failure = failure.or(by_level.then_some(FAILED));
        failure.map_or(Outcome::Succeeded, Outcome::Failed)
    }
}

/// The label `reason` of a recording that failed; `None` if it did not. If there is neither a known result type nor a known
/// end reason, the level decides.
///
/// A recording that succeeded and has ended is a failure too if its record states that it is empty. It may have been
/// started paused, so count such failures, but do not page for a single one.
pub(super) fn of_recording(
    result_type: Option<Says>,
    end: Option<End>,
    is_empty: bool,
    level: &str,
) -> Option<&'static str> {
    let is_unsaid = result_type.is_none() && end.is_none();
    let has_ended = !matches!(end, Some(End::GoesOn | End::HandedOver));
    if result_type.is_some_and(|says| says.reason().is_some()) {
        Some(FAILED)
    } else if end == Some(End::Broke) {
        Some(ENDED_BADLY)
    } else if is_unsaid && FAILING_LEVELS.contains(&level) {
        Some(FAILED)
    } else if is_empty && has_ended && result_type == Some(Says::Success) {
        Some(EMPTY)
    } else {
        None
    }
}

/// The label and the meaning of a result type, or of an end reason that is not in its own table. The table of result types
/// decides, or else the status that it is, or else the words in it.
fn meaning(sent: &str) -> (Option<&'static str>, Option<Says>) {
    if sent == UNKNOWN {
        return (None, None);
    }
    let row = RESULT_TYPES
        .into_iter()
        .find(|(_, row)| words(row).any(|word| alike(word, sent)));
    if let Some((says, row)) = row {
        return (Some(label(row)), Some(says));
    }
    let by_status = status_of_word(sent)
        .map(|status| of_status(UNKNOWN, status).map_or(Says::Success, Says::Failure));
    let by_words = || {
        let letters = letters(sent);
        let mut words = FAILING_WORDS.iter();
        let has_failed = words.any(|word| says(&letters, word));
        has_failed.then_some(Says::Failure(FAILED))
    };
    (None, by_status.or_else(by_words))
}

/// The end reason of the table that has the letters of this one.
fn known_end_reason(sent: &str) -> Option<&'static str> {
    if alike(sent, "handedOverOrTransferred") {
        return Some("HandedOverOrTransfered"); // in case the SDK ever corrects its spelling
    }
    find(END_REASONS.map(|(known, _)| known), sent)
}

/// What an end reason means, given its label.
fn end(label: &str) -> Option<End> {
    let known = END_REASONS.iter().find(|(known, _)| *known == label);
    if let Some((_, end)) = known {
        return Some(*end);
    }
    let begin = letters(label);
    if begin.starts_with(&letters(HANDED_OVER)) {
        return Some(End::HandedOver);
    }
    match meaning(label).1? {
        Says::Success => Some(End::Wanted),
        Says::NoFailure => Some(End::GoesOn),
        Says::Failure(_) => Some(End::Broke),
    }
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The request did not fail.
    Succeeded,
    /// It was refused, and such a refusal is not a failure.
    Routine,
    /// It failed, for this reason.
    Failed(&'static str),
}

impl Outcome {
    /// The value of the label `outcome`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Routine => "routine",
            Self::Failed(_) => "failed",
        }
    }

    /// The value of the label `reason`.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Succeeded | Self::Routine => None,
            Self::Failed(reason) => Some(reason),
        }
    }
}

impl Exceptions {
    /// Whether a word is a failure, given which exceptions are for it; `None` if there is none.
    fn decide(&self, is_meant: impl Fn(&str) -> bool) -> Option<bool> {
        let has = |words: &[String]| words.iter().any(|word| is_meant(word));
        if has(&self.except) {
            Some(false)
        } else {
            has(&self.also).then_some(true)
        }
    }
}

/// The routine answers: operations, each with statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routine(Vec<(&'static str, u16)>);

impl Routine {
    /// Reads `StopRecording=404,409;DeleteRecording=404`, whole or in pieces that end at a comma or a semicolon.
    ///
    /// # Errors
    ///
    /// Text that states what the value must be.
    pub fn parse<'t>(pieces: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        const FORM: &str = "must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`";
        let mut answers = Vec::new();
        let mut operation = None;
        let pieces = pieces.into_iter().flat_map(|text| text.split([';', ',']));
        for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
            let status = match piece.split_once('=') {
                Some((name, status)) => {
                    let known = by_name(name).ok_or_else(|| {
                        format!("names `{}`, which is not an operation: {FORM}", name.trim())
                    })?;
                    operation = Some(known);
                    status.trim()
                }
                None => piece,
            };
            match (operation, status.parse()) {
                (Some(operation), Ok(status @ 400..=699)) => answers.push((operation, status)),
                (Some(_), _) => return Err("must have statuses from 400 to 699".to_owned()),
                (None, _) => return Err(FORM.to_owned()),
            }
        }
        Ok(Self(answers))
    }

    fn has(&self, operation: &str, status: u16) -> bool {
        let mut answers = self.0.iter();
        answers.any(|(known, routine)| *known == operation && *routine == status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_says_goes_before_the_tables() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let rules = FailureRules {
            end_reasons: Exceptions {
                also: words(&["Solar flare", "HandedOverOrTransferred"]),
                except: words(&["media-timeout", "System failure"]),
            },
            result_types: Exceptions {
                also: words(&["Postponed", "Throttled"]),
                except: words(&["Canceled", "Error"]),
            },
            routine: Routine::default(),
        };
        let ended = |end_reason: &'static str| {
            let (_, end) = rules.end_reason(end_reason.into());
            of_recording(None, end, false, "Informational")
        };
        assert_eq!(ended("solarflare"), Some(ENDED_BADLY));
        assert_eq!(ended("handedOverOrTransfered"), Some(ENDED_BADLY));
        assert_eq!(ended("MediaTimeout"), None);
        assert_eq!(ended("SystemFailure"), None);
        assert_eq!(ended("CouldNotStart"), Some(ENDED_BADLY));
        let says = |word: &'static str| rules.result_type(word.into()).1;
        assert_eq!(says("post-poned"), Some(Says::Failure(FAILED)));
        assert_eq!(says("Throttled"), Some(Says::Failure("throttled")));
        assert_eq!(says("Cancelled"), Some(Says::NoFailure));
        assert_eq!(says("Error."), Some(Says::NoFailure));
        assert_eq!(says("Failed"), Some(Says::Failure(FAILED)));
        let stopped = rules.of_request("StopRecording", Some(404), None, "");
        assert_eq!(stopped, Outcome::Failed("client_error"));
    }

    #[test]
    fn a_known_end_reason_is_one_value_however_it_is_written() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            let rules = FailureRules::default();
            assert_eq!(rules.end_reason(sent.into()).0, expected);
        }
        check("callEnded", "CallEnded");
        check("MEDIATIMEOUT", "MediaTimeout");
        check(
            "Handed over, due to media timeout.",
            "HandedOverDueToMediaTimeout",
        );
        check("handedOverOrTransferred", "HandedOverOrTransfered");
        check("SolarFlare", "SolarFlare");
    }

    #[test]
    fn routine_answers_are_read_whole_and_in_pieces() {
        #[track_caller]
        fn check(pieces: &[&str], expected: Result<&[(&str, u16)], &str>) {
            let routine = Routine::parse(pieces.iter().copied());
            let routine = routine.as_ref().map(|routine| routine.0.as_slice());
            assert_eq!(routine.map_err(String::as_str), expected, "{pieces:?}");
        }
        let both = [
            ("StopRecording", 404),
            ("StopRecording", 409),
            ("DeleteRecording", 404),
        ];
        check(&["StopRecording=404,409;DeleteRecording=404"], Ok(&both));
        check(
            &["StopCallRecording = 404", "409", "delete-recording=404"],
            Ok(&both),
        );
        check(&[], Ok(&[]));
        check(
            &["404"],
            Err(
                "must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`",
            ),
        );
        check(
            &["Sing=404"],
            Err(
                "names `Sing`, which is not an operation: must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`",
            ),
        );
        for status in ["StopRecording=", "StopRecording=202", "StopRecording=404,x"] {
            check(&[status], Err("must have statuses from 400 to 699"));
        }
    }
}
