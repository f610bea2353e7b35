//! Which ACS resource a record is about.

use std::borrow::Cow;

use super::category::UNKNOWN;

/// An ACS resource, from the `resourceId` that Azure Monitor puts on every record.
///
/// Azure writes the id in upper case, and ids are case-insensitive: all parts are in lower case here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Resource<'a> {
    /// The resource's name, the value of the label `resource`. ACS names are unique in all of Azure.
    pub(super) name: Cow<'a, str>,
    /// The resource group, if the id names one.
    pub(super) resource_group: Option<Cow<'a, str>>,
    /// The subscription, if the id names one.
    pub(super) subscription_id: Option<Cow<'a, str>>,
}

impl Default for Resource<'_> {
    /// The resource of a record that names none.
    fn default() -> Self {
        Self {
            name: Cow::Borrowed(UNKNOWN),
            resource_group: None,
            subscription_id: None,
        }
    }
}

impl<'a> Resource<'a> {
    /// Reads `/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/NAME`, in any
    /// case, with or without its first slash.
    ///
    /// # Errors
    ///
    /// What the id is instead.
    pub(super) fn parse(id: Cow<'a, str>) -> Result<Self, NotAcs> {
        let id = lower_case(id);
        let (scope, resource) = id.split_once("/providers/").ok_or(NotAcs::Illegible)?;
        let mut parts = resource.split('/').map(str::trim);
        if parts.next() != Some("microsoft.communication") {
            return Err(NotAcs::Foreign);
        }
        let is_acs = parts.next() == Some("communicationservices");
        let name = parts.next().filter(|name| is_acs && !name.is_empty());
        let owned = |part: &str| Cow::Owned(part.to_owned());
        Ok(Self {
            name: name.map(owned).ok_or(NotAcs::Illegible)?,
            resource_group: part_after(scope, "resourcegroups").map(owned),
            subscription_id: part_after(scope, "subscriptions").map(owned),
        })
    }
}

/// What a text is that is not the id of an ACS resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAcs {
    /// The id of a resource of another provider.
    Foreign,
    /// Nothing that could be read.
    Illegible,
}

/// `text` in lower case, borrowed where it is already.
pub(super) fn lower_case(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}

fn part_after<'t>(id: &'t str, key: &str) -> Option<&'t str> {
    let mut parts = id.split('/');
    parts.find(|part| *part == key)?;
    parts.next().map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, expected: Result<(&str, Option<&str>, Option<&str>), NotAcs>) {
        let resource = Resource::parse(Cow::Borrowed(id));
        let parts = resource.as_ref().map(|r| {
            (
                &*r.name,
                r.resource_group.as_deref(),
                r.subscription_id.as_deref(),
            )
        });
        assert_eq!(parts.map_err(|not| *not), expected, "{id}");
    }

    #[test]
    fn an_id_is_read_in_any_case_with_or_without_its_first_slash() {
        let expected = Ok(("contoso", Some("rg-1"), Some("0000-1111")));
        check(
            "/SUBSCRIPTIONS/0000-1111/RESOURCEGROUPS/RG-1/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO",
            expected,
        );
        check(
            "subscriptions/0000-1111/resourceGroups/rg-1/providers/Microsoft.Communication/CommunicationServices/Contoso/",
            expected,
        );
    }

    #[test]
    fn a_group_may_be_called_as_the_type_is() {
        check(
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/CommunicationServices/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A",
            Ok(("a", Some("communicationservices"), Some("s"))),
        );
    }

    #[test]
    fn an_id_of_something_else_is_foreign_or_illegible() {
        let foreign = [
            "/tenants/0000/providers/microsoft.aadiam",
            "/SUBSCRIPTIONS/S/RESOURCEGROUPS/COMMUNICATIONSERVICES/PROVIDERS/MICROSOFT.STORAGE/STORAGEACCOUNTS/A",
        ];
        for id in foreign {
            check(id, Err(NotAcs::Foreign));
        }
        let illegible = [
            "/subscriptions/0/resourceGroups/r/providers/Microsoft.Communication/CommunicationServices/",
            "/subscriptions/0/resourceGroups/r/providers/Microsoft.Communication/EmailServices/e",
            "contoso",
            "",
        ];
        for id in illegible {
            check(id, Err(NotAcs::Illegible));
        }
    }
}
