//! The ACS resource that a record is about.

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

impl<'t> ResourceId<'t> {
    /// Reads `/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/NAME`, in any
    /// case, with or without its first slash.
    ///
    /// # Errors
    ///
    /// The text is not such an id.
    pub(super) fn parse(text: &'t str) -> Result<Self, NotAcs> {
        let mut parts = text.split('/').map(str::trim);
        let (mut subscription_id, mut resource_group) = (None, None);
        loop {
            match parts.next().ok_or(NotAcs::Illegible)? {
                key if key.eq_ignore_ascii_case("subscriptions") => subscription_id = parts.next(),
                key if key.eq_ignore_ascii_case("resourceGroups") => resource_group = parts.next(),
                key if key.eq_ignore_ascii_case("providers") => break,
                _ => {}
            }
        }
        let mut is_next = |expected: &str| {
            let part = parts.next();
            part.is_some_and(|part| part.eq_ignore_ascii_case(expected))
        };
        if !is_next("Microsoft.Communication") {
            return Err(NotAcs::Foreign);
        }
        let is_acs = is_next("CommunicationServices");
        let name = parts.next().filter(|name| is_acs && !name.is_empty());
        Ok(Self {
            name: name.ok_or(NotAcs::Illegible)?,
            resource_group,
            subscription_id,
        })
    }
}

/// Why a text is not the id of an ACS resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAcs {
    /// It is the id of a resource of another provider.
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
