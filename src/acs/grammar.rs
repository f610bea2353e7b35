//! What the values of each label look like. No other value is shown: in a broken record, an address, a telephone number, or
//! the id of a call may stand where a name should be.
//!
//! Characters alone do not decide: a telephone number is digits, an IPv4 address looks like a version, and an id has the
//! characters of a name. So what has the shape of one of these is refused too. The names of resources are the exception: many
//! end in letters and digits that were made up, so only addresses and whole GUIDs are refused there. A single word, such as a
//! first name, cannot be distinguished from the name of a new operation.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::category::{OTHER, UNKNOWN};

/// Stands in the log for a name that is not shown.
pub(crate) const NOT_A_NAME: &str = "(not a name)";

/// Whether a label may have a value that it did not have before. The values of the vocabularies are shown without this.
///
/// In a record that was `repaired`, a text may contain what stood behind it. Such a record adds only a status and the parts
/// of a resource id, since nothing else is as short or as strict.
pub(crate) fn fits(label: &str, value: &str, repaired: bool) -> bool {
    let grammar = Grammar::of(label);
    let is_open = matches!(grammar, Grammar::Name | Grammar::Version);
    [UNKNOWN, OTHER].contains(&value) || (!(repaired && is_open) && grammar.fits(value))
}

/// Whether a text is a name: of a category, of a property, or of what a label without a grammar of its own is about.
pub(crate) fn is_name(text: &str) -> bool {
    Grammar::Name.fits(text)
}

/// Whether a text is a GUID, as the ids of calls are. Nothing else is shown as one.
pub(crate) fn is_guid(text: &str) -> bool {
    Grammar::Subscription.fits(text)
}

/// What the values of a label look like.
#[derive(Clone, Copy, Debug)]
enum Grammar {
    Status,
    Name,
    Version,
    Resource,
    ResourceGroup,
    Subscription,
}

/// The names of resource groups may be longer than any other value.
const GROUP_CHARACTERS_MAX: usize = 90;

/// The names that ACS writes, and those of its resources, are not longer.
const CHARACTERS_MAX: usize = 64;

/// A telephone number has more digits.
const DIGITS_OF_A_NAME_MAX: usize = 5;

/// `P2PCall1To1` has two numbers in front of letters. Words with more are ids.
const INNER_NUMBERS_MAX: usize = 2;

/// A word this long is seldom one word, and ids are this long.
const LONG_WORD: usize = 16;

impl Grammar {
    fn of(label: &str) -> Self {
        match label {
            "result_signature" => Self::Status,
            "operation_version" | "sdk_version" => Self::Version,
            "resource" => Self::Resource,
            "resource_group" => Self::ResourceGroup,
            "subscription_id" => Self::Subscription,
            _ => Self::Name,
        }
    }

    fn fits(self, value: &str) -> bool {
        let length_max = match self {
            Self::ResourceGroup => GROUP_CHARACTERS_MAX,
            _ => CHARACTERS_MAX,
        };
        value.len() <= length_max
            && self.shape().is_match(value)
            && match self {
                Self::Status | Self::Subscription => true,
                Self::Version | Self::Resource | Self::ResourceGroup => {
                    !ADDRESS_OR_ID.is_match(value)
                }
                Self::Name => {
                    let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
                    !ADDRESS_OR_ID.is_match(&value.replace([' ', '_', '-'], "."))
                        && !ADDRESS_OR_ID.is_match(value)
                        && count(value, u8::is_ascii_digit) <= DIGITS_OF_A_NAME_MAX
                        && !words.any(is_jumbled)
                }
            }
    }

    /// The characters, and their order.
    fn shape(self) -> &'static Regex {
        macro_rules! shape {
            ($pattern:literal) => {{
                static SHAPE: LazyLock<Regex> = LazyLock::new(|| regex($pattern));
                &SHAPE
            }};
        }
        match self {
            Self::Status => shape!("^[0-9]{3}$"),
            Self::Name => shape!("^[A-Za-z0-9_][A-Za-z0-9 ._-]*$"),
            // Not four short numbers, which are an IPv4 address; nor numbers as long as those of a telephone number.
            Self::Version => shape!(
                r"(?x)^ v?
                ( 20[0-9]{2}-[01][0-9]-[0-3][0-9]
                | (20[0-9]{2}|[0-9]{1,2}) (\.[0-9]{1,3} (\.[0-9]{1,4} | \.20[0-9]{6} (\.[0-9]{1,3})? )? )? )
                ( [-+.]? [A-Za-z]{1,14} ( [0-9]{0,3} | 20[0-9]{2}[01][0-9][0-3][0-9]{1,4} )
                ( [-+.] ( [A-Za-z]{1,14}[0-9]{0,3} | [0-9]{1,3} | 20[0-9]{6} ) ){0,3} )? $"
            ),
            // With at least one letter.
            Self::Resource => shape!("^[0-9_-]*[A-Za-z][A-Za-z0-9_-]*$"),
            Self::ResourceGroup => shape!("^[0-9_().-]*[A-Za-z][A-Za-z0-9_().-]*$"),
            Self::Subscription => {
                shape!("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
            }
        }
    }
}

/// A GUID, with hyphens or without, or an IPv4 address, anywhere in a text.
static ADDRESS_OR_ID: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x) [0-9a-fA-F]{8} ([-_]?[0-9a-fA-F]{4}){3} [-_]?[0-9a-fA-F]{12}
        | (^|[^0-9]) [0-9]{1,3} (\.[0-9]{1,3}){3} ($|[^0-9])",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is tested")
}

/// Whether a word looks like an id: with many numbers between its letters, or, if it is long, with capitals anywhere.
fn is_jumbled(word: &str) -> bool {
    let pairs = word.bytes().zip(word.bytes().skip(1));
    let inner_numbers = pairs.filter(|(one, next)| one.is_ascii_digit() && !next.is_ascii_digit());
    let capitals = count(word, u8::is_ascii_uppercase);
    let is_mixed = count(word, u8::is_ascii_lowercase) > 0 && capitals * 3 > word.len();
    inner_numbers.count() > INNER_NUMBERS_MAX || (word.len() >= LONG_WORD && is_mixed)
}

fn count(text: &str, is_counted: fn(&u8) -> bool) -> usize {
    text.bytes().filter(is_counted).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acs::{CATEGORIES, LEVELS};

    #[track_caller]
    fn check(label: &str, values: &[&str], expected: bool) {
        for value in values {
            assert_eq!(fits(label, value, false), expected, "{label} {value}");
        }
    }

    #[test]
    fn every_value_that_is_documented_fits() {
        let vocabularies = CATEGORIES.iter().flat_map(|category| category.vocabularies);
        for (label, values) in vocabularies.chain([&LEVELS]) {
            check(label, &values(), true);
        }
        for category in CATEGORIES {
            check("category", &[category.name], true);
            for (name, _) in category.schema.read() {
                assert!(is_name(name), "{name}");
            }
        }
    }

    #[test]
    fn what_acs_may_send_one_day_fits() {
        check(
            "operation",
            &[
                "TranslateRecording",
                "Something new",
                "StartV2Recording",
                "Start1To1Recording",
                "CallRecording_StartRecordingV2",
                "Recording Summary 2.0",
                "STARTSERVERCALLRECORDING",
                "azsdk-net-Communication.CallAutomation",
                "h264",
                "3gp",
                "503 Service Unavailable",
                "_IsBillable",
                "x86_64",
            ],
            true,
        );
        check(
            "sdk_version",
            &[
                "0",
                "7.0",
                "1.0",
                "1.2.3",
                "v1.12.1234",
                "2024.1.3",
                "1.2.3-beta.1",
                "1.2.0b1",
                "1.0.0-alpha.20220829.1",
                "1.0.0a20230629001",
                "2022-12-15-privatepreview",
                "5.0.0+build.12",
                "1.0.20240101",
                "1.0.20240101.1",
                "2023-06-15",
                "2023-06-15-preview",
                "2020-07-20-preview1",
            ],
            true,
        );
        check(
            "resource",
            &[
                "contoso",
                "3m-acs",
                "contoso-contact-center",
                "acs_dev",
                "acs-prod-weu-01",
                "communicationservices7k3xj2mwz5qa",
                "acs-1706700000",
                "acs-20240101",
                "acs-4f3a2b1c-prod",
                "comm-5f2b8f0e",
                "contoso2024eu1test99",
                "acs-1-2-3-4",
            ],
            true,
        );
        check(
            "resource_group",
            &["rg-calls", "rg.calls_(1)", &"x".repeat(90)],
            true,
        );
        check("subscription_id", &[GUID, &GUID.to_uppercase()], true);
        check(
            "result_signature",
            &["202", "418", "unknown", "other"],
            true,
        );
    }

    const GUID: &str = "5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21";

    #[test]
    fn what_is_about_a_person_or_a_call_fits_nowhere() {
        let personal = [
            "192.0.2.77",
            "10.0.0.1",
            "2001:db8::77",
            "::ffff:192.0.2.77",
            "192.0.2.77:5060",
            "ip 10.0.0.1",
            "ip-10-0-0-1",
            "1.2.3-ip192.0.2.77",
            "2023-06-15-a10.0.0.1",
            "1-tel049.151.234.567",
            "alice@contoso.com",
            "+491512345678",
            "00491512345678",
            "01512345678",
            "555-123-4567",
            "555.123.4567",
            "(555) 123-4567",
            "tel 0151 234567",
            "49.151.2345678",
            "9.99.99.99",
            "12-345-6789",
            "sip:alice@contoso.com",
            "tel:+491512345678",
            "https://contoso.com/recordings/1",
            "file:///home/alice/call.mp4",
            "8:acs:5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21_0000000b-4fee-66cf-ac00-343a0d003158",
            "5f2b8f0e3c1d4b6a9a570d1e6c7f8a21",
            "af8b6c2e",
            "abcdefab-cdef-abcd-efab-cdefabcdefab-x",
            "call-5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21",
            "aHR0cHM6Ly9jb252LXVzd2UtMDQuY29udi5za3lwZS5jb20vY29udi8",
            "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiI0ZmM0NTEy",
            "Kj3x9QmZ7pT2vL8nR4sW1g",
            "KjMxQmZpTvLnRsWgQxYzAbCd",
            r#"callerIpAddress": "192.0.2.77"#,
            "",
            " ",
            "\u{e4}rger",
            "line\nbreak",
        ];
        for label in [
            "operation",
            "level",
            "usage_type",
            "sdk_version",
            "result_signature",
        ] {
            check(label, &personal, false);
        }
        // The names of resources often contain letters and digits that Azure made up.
        let made_up = |value: &&&str| {
            ["af8b6c2e", "aHR0", "eyJQ", "Kj3x", "KjMx", "ip-10-"]
                .iter()
                .any(|begin| value.starts_with(begin))
        };
        let others: Vec<_> = personal
            .iter()
            .filter(|value| !made_up(value))
            .copied()
            .collect();
        for label in ["resource", "resource_group", "subscription_id"] {
            check(label, &others, false);
        }
        check("operation", &[GUID, &"x".repeat(65)], false);
        let contains_a_guid = format!("acs-{GUID}");
        check(
            "resource",
            &[GUID, &contains_a_guid, "192-0-2-77", "4915112345678"],
            false,
        );
        check(
            "resource_group",
            &[GUID, "192.0.2.77", &"x".repeat(91)],
            false,
        );
    }

    #[test]
    fn of_a_repaired_record_only_a_status_and_the_parts_of_an_id_fit() {
        for (label, value, expected) in [
            ("result_signature", "418", true),
            ("resource", "contoso", true),
            ("subscription_id", GUID, true),
            ("operation", "TranslateRecording", false),
            ("sdk_version", "1.2.3", false),
            ("usage_type", "unknown", true),
        ] {
            assert_eq!(fits(label, value, true), expected, "{label} {value}");
        }
    }
}
