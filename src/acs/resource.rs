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
    /// case, with or without its first slash. `None` when it names no ACS resource.
    pub(super) fn parse(id: Cow<'a, str>) -> Option<Self> {
        let id = lower_case(id);
        let part_after = |key: &str| part_after(&id, key).map(|part| Cow::Owned(part.to_owned()));
        Some(Self {
            name: part_after("communicationservices")?,
            resource_group: part_after("resourcegroups"),
            subscription_id: part_after("subscriptions"),
        })
    }
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
    fn check(id: &str, expected: Option<(&str, Option<&str>, Option<&str>)>) {
        let resource = Resource::parse(Cow::Borrowed(id));
        let parts = resource.as_ref().map(|r| {
            (
                &*r.name,
                r.resource_group.as_deref(),
                r.subscription_id.as_deref(),
            )
        });
        assert_eq!(parts, expected, "{id}");
    }

    #[test]
    fn an_id_is_read_in_any_case_with_or_without_its_first_slash() {
        let expected = Some(("contoso", Some("rg-1"), Some("0000-1111")));
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
    fn an_id_of_something_else_is_no_acs_resource() {
        check("/tenants/0000/providers/microsoft.aadiam", None);
        check(
            "/subscriptions/0/resourceGroups/r/providers/Microsoft.Communication/CommunicationServices/",
            None,
        );
        check("", None);
    }
}
