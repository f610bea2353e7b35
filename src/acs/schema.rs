//! The known properties of each log, and how each is read. So the exporter notices new properties and unreadable values.

use super::resource::ResourceId;
use super::value::Value;

/// How the value of a property is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text, or a number as text.
    Text,
    /// A number that is not negative; -1 means that there is no value.
    Amount,
    /// An amount in seconds, or `00:01:02`.
    Length,
    /// A point in time.
    Time,
    /// The id of an ACS resource.
    ResourceId,
    /// The exporter does not read it.
    Unread,
}

impl Form {
    /// Whether a value can be read in this form, or is missing.
    fn reads(self, value: &Value<'_>) -> bool {
        *value == Value::Missing
            || match self {
                Self::Text => *value != Value::Nested,
                Self::Amount => value.is_minus_one() || value.amount().is_some(),
                Self::Length => value.is_minus_one() || value.length().is_some(),
                Self::Time => value.instant().is_some(),
                Self::ResourceId => value
                    .text()
                    .is_some_and(|id| ResourceId::parse(&id).is_ok()),
                Self::Unread => true,
            }
    }
}

/// The properties of one log.
#[derive(Debug)]
pub(crate) struct Schema {
    /// By the length of the name: a name is compared with two or three others, not with sixty.
    by_length: Vec<Vec<Property>>,
}

/// Its name, and how it is read.
pub(super) type Property = (&'static str, Form);

/// The properties that every record may have, besides those of its own log.
const COMMON: [(Form, &[&str]); 4] = [
    (
        Form::Text,
        &[
            "category",
            "correlationId",
            "level",
            "operationName",
            "operationVersion",
            "resultSignature",
            "resultType",
            // The service's message and code of a failure; other logs of Azure have the first two.
            "resultDescription",
            "resultMessage",
            "subCode",
            // The table, in what Log Analytics exports.
            "Type",
            // Contains the properties of the log: an object, or text that contains one.
            "properties",
        ],
    ),
    (
        Form::Time,
        &[
            "time",
            "timestamp",
            "TimeGenerated",
            "EventTimeString",
            "EventTimestamp",
        ],
    ),
    (Form::ResourceId, &["resourceId", "_ResourceId"]),
    (
        Form::Unread,
        &[
            // Azure Monitor's common schema (https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema).
            "callerIpAddress",
            "durationMs",
            "identity",
            "location",
            "tenantId",
            "uri",
            // The columns of every table (https://learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns).
            "SourceSystem",
            "MG",
            "ManagementGroupName",
            "Computer",
            "_SubscriptionId",
            "_ItemId",
            "_TimeReceived",
            "_IsBillable",
            "_BilledSize",
        ],
    ),
];

impl Schema {
    /// The properties that every record may have, and those of the log, which take precedence.
    pub(super) fn of(own: &[(Form, &[&'static str])]) -> Self {
        let all = || {
            let forms = own.iter().chain(&COMMON);
            forms.flat_map(|(form, names)| names.iter().map(|name| (*name, *form)))
        };
        let longest = all().map(|(name, _)| name.len()).max().unwrap_or_default();
        let of_length = |length| all().filter(|(name, _)| name.len() == length).collect();
        Self {
            by_length: (0..=longest).map(of_length).collect(),
        }
    }

    /// The property of this name, in any case.
    pub(super) fn find(&self, name: &str) -> Option<Property> {
        let mut properties = self.by_length.get(name.len())?.iter();
        let found = properties.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.copied()
    }

    /// What is wrong with a value under this name.
    pub(super) fn check(&self, name: &str, value: &Value<'_>) -> Result<(), Fault> {
        match self.find(name) {
            None => Err(Fault::Unfamiliar),
            Some((_, form)) if form.reads(value) => Ok(()),
            Some((known, _)) => Err(Fault::Unreadable(known)),
        }
    }

    /// Every property that is read, and how.
    pub(crate) fn read(&self) -> impl Iterator<Item = Property> {
        let properties = self.by_length.iter().flatten().copied();
        properties.filter(|(name, form)| {
            *form != Form::Unread && self.find(name).is_some_and(|(_, first)| first == *form)
        })
    }
}

/// What is wrong with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The schema does not have it.
    Unfamiliar,
    /// Its value cannot be read. Contains its name, as in the schema.
    Unreadable(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acs::CATEGORIES;

    #[test]
    fn it_has_the_common_properties_and_its_own_in_any_case() {
        let schema = Schema::of(&[(Form::Length, &["recordingLength"])]);
        let check = |name, value, expected| assert_eq!(schema.check(name, value), expected);
        let number = &Value::Integer(7);
        check("RECORDINGLENGTH", number, Ok(()));
        check("Identity", &Value::Nested, Ok(()));
        check("Time", number, Err(Fault::Unreadable("time")));
        check("recordingLengths", number, Err(Fault::Unfamiliar));
        check("", number, Err(Fault::Unfamiliar));
    }

    #[test]
    fn a_value_that_is_there_and_cannot_be_read_is_unreadable() {
        #[track_caller]
        fn check(form: Form, json: &str, expected: bool) {
            let value: Value<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(form.reads(&value), expected, "{form:?} {json}");
        }
        let forms = [
            Form::Text,
            Form::Amount,
            Form::Length,
            Form::Time,
            Form::ResourceId,
        ];
        for form in forms {
            for none in ["null", r#""""#, r#""null""#, r#""None""#, "[]", "{}"] {
                check(form, none, true);
            }
            for unreadable in ["[1]", r#"{"a":1}"#] {
                check(form, unreadable, false);
                check(Form::Unread, unreadable, true);
            }
        }
        for form in [Form::Amount, Form::Length] {
            for readable in ["-1", r#""-1""#, "-1.0", "0", "1.5", r#"" 82 ""#] {
                check(form, readable, true);
            }
            for unreadable in [
                "-2",
                "true",
                r#""1,234.5""#,
                r#""+491512345678""#,
                r#""01512345678""#,
                r#""130ms""#,
                r#""NaN""#,
                "1e16",
            ] {
                check(form, unreadable, false);
            }
        }
        check(Form::Length, r#""00:01:02""#, true);
        check(Form::Amount, r#""00:01:02""#, false);
        check(Form::Time, r#""soon""#, false);
        check(Form::Time, "1769860800", true);
        check(Form::Time, "7", false);
        check(Form::ResourceId, r#""contoso""#, false);
    }

    /// Each property has one row in the table of the documentation, and it is read in the form that the table states.
    #[test]
    fn the_documentation_has_every_property_and_how_it_is_read() {
        let page = include_str!("../../docs/metrics.md");
        let begin = "| property | log | read as | becomes | if it cannot be read |";
        let (_, table) = page.split_once(begin).unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let rows: Vec<Vec<_>> = table
            .lines()
            .skip(2)
            .map(|row| row.split('|').map(str::trim).collect())
            .collect();
        let logs = ["operation", "summary", "usage"];
        assert_eq!(logs.len(), CATEGORIES.len(), "how the table names each log");
        for (category, log) in CATEGORIES.into_iter().zip(logs) {
            for (name, _) in category.schema.by_length.iter().flatten() {
                let (_, form) = category.schema.find(name).unwrap();
                let is_of_log = |cell: &str| cell == "all" || cell.contains(log);
                let mut of_name = rows
                    .iter()
                    .filter(|row| row[1].contains(&format!("`{name}`")) && is_of_log(row[2]));
                let row = of_name.next();
                let row = row.unwrap_or_else(|| panic!("no row for `{name}` of the {log} log"));
                assert!(
                    of_name.next().is_none(),
                    "two rows for `{name}` of the {log} log"
                );
                let read_as = match form {
                    Form::Text => "text",
                    Form::Amount => "amount",
                    Form::Length => "length",
                    Form::Time => "time",
                    Form::ResourceId => "resource id",
                    Form::Unread => "not read",
                };
                assert_eq!(row[3], read_as, "`{name}` of the {log} log");
                assert!(!row[4].is_empty(), "what becomes of `{name}`");
                let is_read = form != Form::Unread;
                assert_eq!(
                    !row[5].is_empty(),
                    is_read,
                    "`{name}`, if it cannot be read"
                );
            }
        }
    }
}
