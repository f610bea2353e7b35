//! The ACS resource that a record is about.

use super::value::Value;
use super::view::View;

/// The id of an ACS resource, which Azure Monitor puts on every record.
///
/// Azure writes it in upper case, and ids are case-insensitive: labels have its parts in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResourceId<'t> {
    /// The resource's name. ACS names are unique in all of Azure.
    pub(super) name: &'t str,
    /// The resource group, if the id names one.
    pub(super) resource_group: Option<&'t str>,
    /// The subscription, if the id names one.
    pub(super) subscription_id: Option<&'t str>,
}

const TYPE: [&str; 3] = [
    "providers",
    "Microsoft.Communication",
    "CommunicationServices",
];

/// The first part of an id in Azure.
const BEGINNINGS: [&str; 3] = ["subscriptions", "tenants", "providers"];

impl<'t> ResourceId<'t> {
    /// The resource that a record is about: the first id of an ACS resource, wherever the record has it.
    ///
    /// # Errors
    ///
    /// The record has no such id.
    pub(super) fn of(view: &'t View<'_>) -> Result<Self, NotAcs> {
        let values = ["resourceId", "_ResourceId"]
            .into_iter()
            .flat_map(|name| view.common(name).iter());
        let mut instead = NotAcs::Illegible;
        for value in values {
            let Value::Text(text) = value else {
                continue;
            };
            match Self::parse(text) {
                Ok(id) => return Ok(id),
                Err(NotAcs::Foreign) => instead = NotAcs::Foreign,
                Err(NotAcs::Illegible) => {}
            }
        }
        Err(instead)
    }

    /// Reads `/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/NAME`, in any
    /// case, however many slashes are between its parts.
    ///
    /// # Errors
    ///
    /// The text is not such an id.
    pub(super) fn parse(text: &'t str) -> Result<Self, NotAcs> {
        let parts = text.split('/').map(str::trim);
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        let is_type = |parts: &[&str]| {
            let mut pairs = parts.iter().zip(TYPE);
            pairs.all(|(part, expected)| part.eq_ignore_ascii_case(expected))
        };
        let at = parts.windows(TYPE.len()).position(is_type);
        let Some((before, of_type)) = at.and_then(|at| parts.split_at_checked(at)) else {
            let is_id = parts.first().is_some_and(|part| {
                let mut beginnings = BEGINNINGS.iter();
                beginnings.any(|beginning| beginning.eq_ignore_ascii_case(part))
            });
            return Err(if is_id {
                NotAcs::Foreign
            } else {
                NotAcs::Illegible
            });
        };
        let behind = |key: &str| {
            let at = before
                .iter()
                .position(|part| part.eq_ignore_ascii_case(key));
            before.get(at? + 1).copied()
        };
        Ok(Self {
            name: of_type.get(TYPE.len()).ok_or(NotAcs::Illegible)?,
            resource_group: behind("resourceGroups"),
            subscription_id: behind("subscriptions"),
        })
    }
}

/// Why a text is not the id of an ACS resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAcs {
    /// It is the id of something else: a resource of another type, a subscription, a tenant.
    Foreign,
    /// It cannot be read as an id.
    Illegible,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, Option<&str>, Option<&str>), NotAcs>) {
        let id = ResourceId::parse(text);
        let parts = id.map(|id| (id.name, id.resource_group, id.subscription_id));
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn an_id_is_read_in_any_case_with_or_without_its_first_slash() {
        check(
            "/SUBSCRIPTIONS/0000-1111/RESOURCEGROUPS/RG-1/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO",
            Ok(("CONTOSO", Some("RG-1"), Some("0000-1111"))),
        );
        check(
            "subscriptions/0000-1111/resourceGroups/rg-1/providers/Microsoft.Communication/CommunicationServices/Contoso/",
            Ok(("Contoso", Some("rg-1"), Some("0000-1111"))),
        );
        check(
            "//subscriptions//S/resourceGroups//providers/Microsoft.Communication//CommunicationServices/A",
            Ok(("A", None, Some("S"))),
        );
    }

    #[test]
    fn a_group_may_be_called_as_a_part_is() {
        check(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/providers/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A",
            Ok(("A", Some("providers"), Some("S"))),
        );
        check(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/CommunicationServices/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A",
            Ok(("A", Some("CommunicationServices"), Some("S"))),
        );
    }

    #[test]
    fn an_id_of_something_else_is_foreign_or_illegible() {
        let foreign = [
            "/tenants/0000/providers/microsoft.aadiam",
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/COMMUNICATIONSERVICES/PROVIDERS/MICROSOFT.STORAGE/STORAGEACCOUNTS/A",
            "/subscriptions/0/resourceGroups/r/providers/Microsoft.Communication/EmailServices/e",
            "/subscriptions/0",
            "/tenants/0000",
        ];
        for id in foreign {
            check(id, Err(NotAcs::Foreign));
        }
        let illegible = [
            "/subscriptions/0/resourceGroups/r/providers/Microsoft.Communication/CommunicationServices/",
            "contoso",
            "https://contoso.communication.azure.com/",
            "",
        ];
        for id in illegible {
            check(id, Err(NotAcs::Illegible));
        }
    }
}
