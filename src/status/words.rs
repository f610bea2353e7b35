//! Times and numbers for people.

use maud::{Markup, html};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::gathered::whole;

/// A moment for people: how long ago, and when.
pub(super) fn ago(moment: Option<OffsetDateTime>, now: OffsetDateTime) -> Markup {
    let Some(moment) = moment else {
        return html! { span.muted { "never" } };
    };
    let passed = (now - moment).max(Duration::ZERO);
    html! {
        time { (seconds(passed.as_seconds_f64())) " ago " span.muted { (clock(moment)) } }
    }
}

/// Always whole and always UTC: readers may be in another time zone, and a page may be yesterday's.
pub(super) fn clock(moment: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    moment.format(&format).unwrap_or_default()
}

/// A length of time in its two largest units at most.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = whole(seconds);
    match whole {
        0 if seconds > 0.0 => "< 1 s".to_owned(),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min", whole / 60),
        3600..86400 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86400, whole / 3600 % 24),
    }
}

/// Digits in groups of three.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}'); // a narrow space that does not break
        }
        grouped.push(digit);
    }
    grouped
}
