//! What the service tells of many blobs at once. Pure.
//! <https://learn.microsoft.com/rest/api/storageservices/list-blobs#response-body>

use std::collections::HashMap;

use serde::Deserialize;

use super::{Blob, BlobError, ETag};

/// A page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<Blob>,
    /// What the next page is asked for with; none after the last.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnumerationResults {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    next_marker: String,
}

#[derive(Default, Deserialize)]
struct Blobs {
    #[serde(rename = "Blob", default)]
    blobs: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: Name,
    properties: Properties,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
struct Name {
    #[serde(rename = "$text", default)]
    text: String,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Etag")]
    etag: String,
}

/// The blobs of a page.
pub(super) fn page(xml: &str) -> Result<Page, BlobError> {
    // The service begins with a byte order mark.
    let results: EnumerationResults = quick_xml::de::from_str(xml.trim_start_matches('\u{feff}'))?;
    let blobs = results.blobs.blobs.into_iter().map(|listed| Blob {
        name: listed.name.text,
        etag: ETag::new(&listed.properties.etag),
        metadata: listed
            .metadata
            .unwrap_or_default()
            .into_iter()
            // An attribute of the element itself, such as whether it is encrypted.
            .filter(|(name, _)| !name.starts_with('@'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
    });
    Ok(Page {
        blobs: blobs.collect(),
        next: Some(results.next_marker).filter(|next| !next.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_what_its_blobs_say() {
        let xml = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://calls.blob.core.windows.net/\" ContainerName=\"leases\"><Prefix>ns/</Prefix><Blobs>\
            <Blob><Name>ns/hub/$default/ownership/0</Name><Properties><Last-Modified>Tue, 24 Nov 2026 09:00:00 GMT</Last-Modified><Etag>0x8DB1</Etag></Properties><Metadata><ownerid>me</ownerid></Metadata></Blob>\
            <Blob><Name>ns/hub/$default/ownership/1</Name><Properties><Etag>\"0x8DB2\"</Etag></Properties><Metadata><OwnerId></OwnerId></Metadata><OrMetadata/></Blob>\
            <Blob><Name>a//b</Name><Properties><Etag>0x8DB3</Etag></Properties><Metadata /></Blob>\
            <Blob><Name>plain &amp; simple</Name><Properties><Etag>0x8DB4</Etag></Properties></Blob>\
            </Blobs><NextMarker>2!72</NextMarker></EnumerationResults>";
        let page = page(xml).unwrap();
        assert_eq!(page.next.as_deref(), Some("2!72"));
        let told: Vec<_> = page
            .blobs
            .iter()
            .map(|blob| {
                (
                    blob.name.as_str(),
                    blob.etag.0.as_str(),
                    blob.metadata.get("ownerid").map(String::as_str),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("ns/hub/$default/ownership/0", "0x8DB1", Some("me")),
                ("ns/hub/$default/ownership/1", "0x8DB2", Some("")),
                ("a//b", "0x8DB3", None),
                ("plain & simple", "0x8DB4", None),
            ]
        );
    }

    #[test]
    fn an_empty_list_and_the_last_page_have_no_next() {
        for xml in [
            "<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>",
            "<EnumerationResults><Blobs></Blobs><NextMarker></NextMarker></EnumerationResults>",
        ] {
            let expected = Page {
                blobs: Vec::new(),
                next: None,
            };
            assert_eq!(page(xml).unwrap(), expected);
        }
        page("<html>proxy</html").unwrap_err();
    }
}
