//! The status of an answer, however it is written.

use super::failure::{FAILING_STATUSES, SUCCESSFUL_STATUSES};
use super::letters::{letters, says};

const HTTP: &[u8] = b"HTTP";

/// The status in a text: a number of exactly three digits in the range that ACS uses, or else the status whose phrase the text
/// contains (`Failed.InternalServerError`). Of several numbers, it is the first after `HTTP` that ACS lists, or else the first
/// that ACS lists, or else the first.
pub(super) fn status(text: &str) -> Option<u16> {
    let mut windows = text.as_bytes().windows(HTTP.len());
    let at = windows.position(|window| window.eq_ignore_ascii_case(HTTP));
    let behind_http = at.and_then(|at| text.get(at..)).unwrap_or(text);
    let listed = |text| numbers(text).find(|number| is_listed(number));
    let number = listed(behind_http)
        .or_else(|| listed(text))
        .or_else(|| numbers(text).next());
    number.or_else(|| by_phrase(text))?.parse().ok()
}

/// The status in a result type or an end reason. There, a number only counts at the beginning.
pub(super) fn status_of_word(text: &str) -> Option<u16> {
    let begin = text.as_bytes().get(..HTTP.len());
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        || begin.is_some_and(|begin| begin.eq_ignore_ascii_case(HTTP));
    if is_number {
        status(text)
    } else {
        by_phrase(text)?.parse().ok()
    }
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 3 && ("100".."700").contains(digits))
}

fn is_listed(number: &str) -> bool {
    let failing = FAILING_STATUSES.iter().map(|(status, _)| status);
    failing
        .chain(&SUCCESSFUL_STATUSES)
        .any(|status| *status == number)
}

fn by_phrase(text: &str) -> Option<&'static str> {
    let letters = letters(text);
    let mut statuses = FAILING_STATUSES.iter();
    let (status, _) = statuses.find(|(_, phrase)| says(&letters, phrase))?;
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        for written in [
            "202",
            "202.0",
            "202 Accepted",
            "HTTP 202",
            "HTTP/1.1 202 Accepted",
            "status=202",
            "202: retry after 120 s",
            "120 s, then 202",
            "attempt 500: HTTP 202",
        ] {
            assert_eq!(status(written), Some(202), "{written}");
        }
        for (written, expected) in [
            ("ServiceUnavailable", 503),
            ("Failed.InternalServerError", 500),
            ("Not Found", 404),
            ("TooManyRequests", 429),
            ("Precondition Failed", 412),
            ("Payload Too Large", 413),
            ("HTTP 418", 418),
        ] {
            assert_eq!(status(written), Some(expected), "{written}");
        }
        for no_status in [
            "",
            "0",
            "-1",
            "Started.",
            "99999999999",
            "2023",
            "099",
            "700",
            "No conflict",
        ] {
            assert_eq!(status(no_status), None, "{no_status}");
        }
        for (word, expected) in [
            ("503", Some(503)),
            ("404 Not Found", Some(404)),
            ("HTTP/1.1 500", Some(500)),
            ("BadGateway", Some(502)),
            ("Completed in 500 ms", None),
        ] {
            assert_eq!(status_of_word(word), expected, "{word}");
        }
    }
}
