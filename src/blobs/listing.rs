//! A page of a list, as XML.

use quick_xml::DeError;
use serde::Deserialize;

use super::blob::{Blob, ETag, Metadata};

/// A page of the list.
pub(super) struct Page {
    pub(super) blobs: Vec<Blob>,
    /// Where the next one begins, if there is one.
    pub(super) next: Option<String>,
}

/// Reads a page. Directories, which some accounts have, are left out.
pub(super) fn page(xml: &[u8]) -> Result<Page, DeError> {
    let xml = String::from_utf8_lossy(xml);
    // The service puts a byte order mark before it.
    let results: EnumerationResults = quick_xml::de::from_str(xml.trim_start_matches('\u{feff}'))?;
    let mut blobs = Vec::with_capacity(results.blobs.blob.len());
    for entry in results.blobs.blob {
        let metadata: Metadata = entry
            .metadata
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect();
        if metadata.get(DIRECTORY).is_some_and(|value| value == "true") {
            continue;
        }
        blobs.push(Blob {
            name: entry.name,
            etag: ETag::new(&entry.properties.etag),
            metadata,
        });
    }
    Ok(Page {
        blobs,
        next: results.next_marker.filter(|marker| !marker.is_empty()),
    })
}

/// The metadata that an account with a hierarchical namespace gives to each folder.
const DIRECTORY: &str = "hdi_isfolder";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnumerationResults {
    blobs: Blobs,
    next_marker: Option<String>,
}

#[derive(Deserialize)]
struct Blobs {
    #[serde(default, rename = "Blob")]
    blob: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    /// One that XML cannot contain has an attribute and is percent-encoded. Such names are of other programs, and stay as
    /// they are.
    name: String,
    properties: Properties,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Etag")]
    etag: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://contoso.blob.core.windows.net/\" ContainerName=\"recordings\"><Prefix>a/</Prefix><MaxResults>2</MaxResults>";

    fn entry(name: &str, metadata: &str) -> String {
        format!(
            "<Blob>{name}<Properties><Creation-Time>Sun, 01 Mar 2026 11:00:00 GMT</Creation-Time><Last-Modified>Sun, 01 Mar 2026 12:00:00 GMT</Last-Modified><Etag>0x8DE77</Etag><Content-Length>0</Content-Length><Content-MD5 /><BlobType>BlockBlob</BlobType></Properties>{metadata}<OrMetadata /></Blob>"
        )
    }

    /// Each blob in a line, and where the next page begins.
    fn read(entries: &str, next: &str) -> (Vec<String>, Option<String>) {
        let xml = format!("{HEAD}<Blobs>{entries}</Blobs>{next}</EnumerationResults>");
        let page = page(xml.as_bytes()).unwrap();
        let blobs = page
            .blobs
            .iter()
            .map(|blob| format!("{} {} {:?}", blob.name, blob.etag, blob.metadata));
        (blobs.collect(), page.next)
    }

    #[test]
    fn a_page_is_blobs_with_their_metadata() {
        let entries = [
            entry(
                "<Name>a/ownership/0</Name>",
                "<Metadata><ownerid>b-1</ownerid></Metadata>",
            ),
            entry(
                "<Name>a/checkpoint/0</Name>",
                "<Metadata><SequenceNumber>7</SequenceNumber><offset>a &amp; b</offset></Metadata>",
            ),
            entry("<Name>a/free</Name>", "<Metadata><ownerid /></Metadata>"),
            entry("<Name>a/bare</Name>", "<Metadata />"),
            entry("<Name>a/none</Name>", ""),
        ];
        let (blobs, next) = read(&entries.concat(), "<NextMarker>2!96!x--</NextMarker>");
        assert_eq!(
            blobs,
            [
                "a/ownership/0 0x8DE77 {\"ownerid\": \"b-1\"}",
                "a/checkpoint/0 0x8DE77 {\"offset\": \"a & b\", \"sequencenumber\": \"7\"}",
                "a/free 0x8DE77 {\"ownerid\": \"\"}",
                "a/bare 0x8DE77 {}",
                "a/none 0x8DE77 {}",
            ]
        );
        assert_eq!(next.as_deref(), Some("2!96!x--"));
    }

    #[test]
    fn an_empty_page_ends_the_list_or_does_not() {
        assert_eq!(read("", "<NextMarker />"), (Vec::new(), None));
        assert_eq!(read("", ""), (Vec::new(), None));
        let next = read("", "<NextMarker>m</NextMarker>").1;
        assert_eq!(next.as_deref(), Some("m"));
        let xml = format!("{HEAD}<Blobs /><NextMarker /></EnumerationResults>");
        assert!(page(xml.as_bytes()).unwrap().blobs.is_empty());
    }

    #[test]
    fn foreign_blobs_and_folders_do_not_break_a_page() {
        let entries = [
            entry("<Name>a//b</Name>", "<Metadata />"),
            entry("<Name>a/%</Name>", "<Metadata />"),
            entry("<Name Encoded=\"true\">a%EF%BF%BE</Name>", "<Metadata />"),
            entry("<Name>a/ü&lt;</Name>", "<Metadata><x>\u{fc}</x></Metadata>"),
            entry(
                "<Name>a/folder</Name>",
                "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>",
            ),
        ];
        assert_eq!(
            read(&entries.concat(), "").0,
            [
                "a//b 0x8DE77 {}",
                "a/% 0x8DE77 {}",
                "a%EF%BF%BE 0x8DE77 {}",
                "a/ü< 0x8DE77 {\"x\": \"ü\"}",
            ]
        );
    }

    #[test]
    fn anything_but_a_list_is_an_error() {
        for xml in [
            "",
            "{}",
            "<html><body>Sign in</body></html>",
            "<Blobs>",
            "\u{0}",
        ] {
            assert!(page(xml.as_bytes()).is_err(), "{xml}");
        }
    }
}
