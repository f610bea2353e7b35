//! Reads points in time, in every spelling that Azure is known to use.
//!
//! RFC 3339 is tried first, then the spellings below, from the first to the last. For text that is not a time, the result is
//! `None`; no record is rejected because of it.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::{datetime, format_description};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// No record of ACS is older. Programs write older times to mean "no time": .NET 1 January of the year 1, Windows 1601, Unix
/// 1970. Such a time would add a delay of centuries to the sum of a histogram, and the sum never decreases.
const EARLIEST: OffsetDateTime = datetime!(2000-01-01 00:00:00 UTC);

/// No record of ACS is newer. .NET writes the year 9999 to mean "never", which would remain the time of the latest record.
const LATEST: OffsetDateTime = datetime!(2100-01-01 00:00:00 UTC);

/// No spelling is longer: `2007-01-09T10:41:00.123456789 +01:00` has 36 characters.
const LENGTH_MAX: usize = 48;

/// Spellings without a zone. Without a zone, a time is UTC, since Azure logs in UTC.
///
/// If both numbers of a date could be the month, the first one is: .NET writes dates in this order by default, and so do the
/// examples of ACS (`5/25/2023, 5:43:25.746 PM`). Only a date without such a month (`25/12/2022`) is read day first. Commas,
/// and blanks after a colon, are removed before.
const ZONELESS: [&[BorrowedFormatItem<'static>]; 7] = [
    format_description!(
        version = 2,
        "[year][month][day]T[hour][minute][second][optional [.[subsecond digits:1+]]]"
    ),
    format_description!(
        version = 2,
        "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond digits:1+]]]"
    ),
    format_description!(
        version = 2,
        "[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond digits:1+]]]"
    ),
    format_description!(
        version = 2,
        "[month padding:none]/[day padding:none]/[year] [hour padding:none repr:12]:[minute]:[second][optional [.[subsecond digits:1+]]] [period case_sensitive:false]"
    ),
    format_description!(
        version = 2,
        "[month padding:none]/[day padding:none]/[year] [hour padding:none]:[minute]:[second][optional [.[subsecond digits:1+]]]"
    ),
    format_description!(
        version = 2,
        "[day padding:none]/[month padding:none]/[year] [hour padding:none repr:12]:[minute]:[second][optional [.[subsecond digits:1+]]] [period case_sensitive:false]"
    ),
    format_description!(
        version = 2,
        "[day padding:none]/[month padding:none]/[year] [hour padding:none]:[minute]:[second][optional [.[subsecond digits:1+]]]"
    ),
];

/// The zones that may follow one of these spellings, each with its length.
const ZONES: [(usize, &[BorrowedFormatItem<'static>]); 2] = [
    (
        "+00:00".len(),
        format_description!(version = 2, "[offset_hour sign:mandatory]:[offset_minute]"),
    ),
    (
        "+0000".len(),
        format_description!(version = 2, "[offset_hour sign:mandatory][offset_minute]"),
    ),
];

/// Reads a point in time.
pub(super) fn instant(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if text.len() > LENGTH_MAX {
        return None;
    }
    if let Ok(number) = text.parse() {
        return since_1970(number);
    }
    if let Ok(seconds) = text.parse() {
        return seconds_since_1970(seconds);
    }
    let instant = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(instant) => instant,
        Err(_) => unusual(text)?,
    };
    believable(instant)
}

/// Reads seconds since 1970, or milliseconds.
pub(super) fn since_1970(number: i64) -> Option<OffsetDateTime> {
    /// As seconds, this is in the year 5138; as milliseconds, in 1973.
    const SECONDS_MAX: i64 = 100_000_000_000;
    let per_second = if number < SECONDS_MAX { 1 } else { 1000 };
    let nanoseconds = i128::from(number) * (1_000_000_000 / per_second);
    believable(OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?)
}

/// Reads seconds since 1970 with a fraction.
pub(super) fn seconds_since_1970(seconds: f64) -> Option<OffsetDateTime> {
    let since = Duration::checked_seconds_f64(seconds)?;
    believable(OffsetDateTime::UNIX_EPOCH.checked_add(since)?)
}

fn believable(instant: OffsetDateTime) -> Option<OffsetDateTime> {
    (EARLIEST..LATEST).contains(&instant).then_some(instant)
}

fn unusual(text: &str) -> Option<OffsetDateTime> {
    // ICU writes a narrow blank before AM and PM.
    let text = text
        .replace(',', "")
        .replace(": ", ":")
        .replace('\u{202f}', " ");
    let (text, zone) = split_zone(&text);
    let instant = ZONELESS
        .iter()
        .find_map(|format| PrimitiveDateTime::parse(text, format).ok())?;
    Some(instant.assume_offset(zone))
}

/// The text before its zone, and the zone: `Z`, `+01:00`, `+0100` or `UTC`, with or without a blank before it.
fn split_zone(text: &str) -> (&str, time::UtcOffset) {
    let utc = ["Z", "UTC"]
        .into_iter()
        .find_map(|zone| text.strip_suffix(zone));
    if let Some(text) = utc {
        return (text.trim_end(), time::UtcOffset::UTC);
    }
    let offset = ZONES.into_iter().find_map(|(length, format)| {
        let (text, zone) = text.split_at_checked(text.len().checked_sub(length)?)?;
        Some((text, time::UtcOffset::parse(zone, format).ok()?))
    });
    offset.map_or((text, time::UtcOffset::UTC), |(text, zone)| {
        (text.trim_end(), zone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: OffsetDateTime) {
        assert_eq!(instant(text), Some(expected), "{text}");
    }

    #[test]
    fn rfc_3339_has_any_number_of_fractional_digits_and_any_zone() {
        let at = datetime!(2023-05-09 15:58:30 UTC);
        check("2023-05-09T15:58:30Z", at);
        check("2023-05-09T15:58:30+00:00", at);
        check("2023-05-09T17:58:30+02:00", at);
        check(
            "2023-05-09T15:58:30.100Z",
            datetime!(2023-05-09 15:58:30.1 UTC),
        );
        check(
            "2022-08-17T23:18:26.4332392Z",
            datetime!(2022-08-17 23:18:26.433_239_2 UTC),
        );
        check(
            "2023-05-09T15:58:30.123456789Z",
            datetime!(2023-05-09 15:58:30.123_456_789 UTC),
        );
    }

    #[test]
    fn a_zone_may_be_missing_and_blanks_may_be_anywhere() {
        check("2023-05-09T15:58:30", datetime!(2023-05-09 15:58:30 UTC));
        check(
            "2023-05-09T15:58:30.5",
            datetime!(2023-05-09 15:58:30.5 UTC),
        );
        check(
            "2023-05-09 15:58:30.5",
            datetime!(2023-05-09 15:58:30.5 UTC),
        );
        check("2023-05-09 15:58:30Z", datetime!(2023-05-09 15:58:30 UTC));
        check(
            " 2023-05-09 17:58:30 +02:00",
            datetime!(2023-05-09 15:58:30 UTC),
        );
        check(
            "2021-02-04T07: 45: 44.5864815Z",
            datetime!(2021-02-04 07:45:44.586_481_5 UTC),
        );
    }

    #[test]
    fn a_zone_may_have_no_colon_and_a_time_no_separators() {
        let at = datetime!(2026-01-31 12:00:00 UTC);
        check("2026-01-31T13:00:00+0100", at);
        check("2026-01-31T10:30:00.000-0130", at);
        check("2026-01-31 13:00:00 +0100", at);
        check("20260131T120000Z", at);
        check("20260131T120000", at);
        check("20260131T130000+0100", at);
        check("20260131T120000.5Z", datetime!(2026-01-31 12:00:00.5 UTC));
    }

    #[test]
    fn a_number_is_seconds_or_milliseconds_since_1970() {
        check("1769860800", datetime!(2026-01-31 12:00:00 UTC));
        check("1769860800123", datetime!(2026-01-31 12:00:00.123 UTC));
        for number in ["7", "-1769860800", "1769860800123456", "20260131120000"] {
            assert_eq!(instant(number), None, "{number}");
        }
    }

    #[test]
    fn dates_with_strokes_begin_with_the_month_where_they_can() {
        let at = datetime!(2007-01-09 09:41:00 UTC);
        check("01/09/2007 09:41:00", at);
        check("1/9/2007 9:41:00 AM", at);
        check("1/9/2007 10:41:00 AM +01:00", at);
        check(
            "11/3/2020 9:06:42 AM +00:00",
            datetime!(2020-11-03 09:06:42 UTC),
        );
        check("04/05/2022 07:54:00", datetime!(2022-04-05 07:54:00 UTC));
        check(
            "5/25/2023, 5:43:25.746 PM",
            datetime!(2023-05-25 17:43:25.746 UTC),
        );
        check(
            "5/25/2023, 12:00:01.5 am",
            datetime!(2023-05-25 00:00:01.5 UTC),
        );
        check(
            "5/25/2023, 5:43:25\u{202f}PM",
            datetime!(2023-05-25 17:43:25 UTC),
        );
        check("25/12/2022 23:59:59", datetime!(2022-12-25 23:59:59 UTC));
        check("25/12/2022 11:59:59 PM", datetime!(2022-12-25 23:59:59 UTC));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "SOME-ERROR-HERE-T08:44:02.8921579Z",
            "2023-13-09T15:58:30Z",
            "2023-05-09",
            "+00:00",
            "äöü:00",
            "0001-01-01T00:00:00Z",
            "1601-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59.9999999Z",
            "NaN",
            "1e300",
            "0.5",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert_eq!(instant(&"2".repeat(1 << 20)), None);
    }
}
