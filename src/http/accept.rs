//! What a client accepts: the format of a body, by `Accept`, and its encoding, by `Accept-Encoding`. Both headers are lists
//! of names with parameters, one of which is the quality (RFC 9110, 12.4.2).

use std::io::{self, Write};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, header};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::format::Format;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) gzip: bool,
}

impl Form {
    /// What a client likes best.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            format: format(headers),
            gzip: takes_gzip(headers),
        }
    }
}

/// A body as a gzip stream. The metrics repeat themselves so much that the fastest level is small enough.
pub(super) fn compressed(body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into_boxed_slice().into())
}

/// An element of a list: a name in lower case, its parameters, and its quality.
struct Listed<'h> {
    name: String,
    parameters: Vec<(String, &'h str)>,
    quality: f32,
}

/// The elements of all lines of a header, in their order. One whose quality cannot be read is not acceptable.
fn listed(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Listed<'_>> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            Some((name.trim().to_ascii_lowercase(), value))
        });
        let parameters: Vec<_> = parameters.collect();
        let quality = parameters.iter().find(|(name, _)| name == "q");
        let quality = quality.map_or(Some(1.0), |(_, value)| value.parse().ok());
        Listed {
            name,
            parameters,
            quality: quality.unwrap_or(0.0),
        }
    })
}

impl Listed<'_> {
    fn has(&self, name: &str, is_so: impl Fn(&str) -> bool, or_absent: bool) -> bool {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(parameter, _)| parameter == name);
        found.map_or(or_absent, |(_, value)| is_so(value))
    }

    /// The format that it names, if there is such a one here. A wildcard is the classic text, as for a client that says
    /// nothing: those that can read more say so.
    fn format(&self) -> Option<Format> {
        let version = |version: &str| self.has("version", |value| value == version, true);
        match &*self.name {
            "application/vnd.google.protobuf" => {
                let is_family = |value: &str| value == "io.prometheus.client.MetricFamily";
                let is_delimited = |value: &str| value == "delimited";
                let is_ours = self.has("proto", is_family, false)
                    && self.has("encoding", is_delimited, false);
                is_ours.then_some(Format::Protobuf)
            }
            "application/openmetrics-text" => version("1.0.0").then_some(Format::OpenMetrics),
            "text/plain" => version("0.0.4").then_some(Format::Text),
            "text/*" | "*/*" => Some(Format::Text),
            _ => None,
        }
    }
}

/// The format that a client likes best, and the first of several. The classic text if it names none that there is.
fn format(headers: &HeaderMap) -> Format {
    let mut best = (0.0, Format::Text);
    for listed in listed(headers, header::ACCEPT) {
        if let Some(format) = listed.format()
            && listed.quality > best.0
        {
            best = (listed.quality, format);
        }
    }
    best.1
}

/// Whether a client takes gzip. Every Prometheus does.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut listed = listed(headers, header::ACCEPT_ENCODING);
    let gzip = listed.find(|coding| coding.name == "gzip");
    gzip.is_some_and(|gzip| gzip.quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|line| (name.clone(), line.parse().unwrap()));
        lines.collect()
    }

    #[test]
    fn a_client_gets_gzip_if_it_asks_for_it() {
        for (lines, expected) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["deflate, GZIP;q=0.5"], true),
            (&["deflate", "br, gzip ; q = 1"], true),
            (&["gzip;q=0"], false),
            (&["gzip;q=0.000, identity"], false),
            (&["gzip;q=high"], false),
            (&["identity, xgzip, *"], false),
        ] {
            let headers = headers(&header::ACCEPT_ENCODING, lines);
            assert_eq!(takes_gzip(&headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_client_gets_the_format_that_it_likes_best() {
        const DELIMITED: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let protobuf = |rest: &str| format!("{DELIMITED}{rest}");
        for (lines, expected) in [
            (vec![], Format::Text),
            // curl, and a browser.
            (vec!["*/*".to_owned()], Format::Text),
            (vec!["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8".into()], Format::Text),
            // Prometheus 2.42, without and with native histograms.
            (vec!["application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1".into()], Format::OpenMetrics),
            (vec![protobuf(",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")], Format::Protobuf),
            // Prometheus 3.5, the same, and with the classic text alone.
            (vec!["application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2".into()], Format::OpenMetrics),
            (vec![protobuf(";q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")], Format::Protobuf),
            (vec!["text/plain;version=0.0.4;q=0.6,*/*;q=0.5".into()], Format::Text),
            // Case, quotes, blanks, and several lines.
            (vec!["text/plain; q=0.5".into(), r#"Application/OpenMetrics-Text ; Version="1.0.0" ; Q=0.9"#.into()], Format::OpenMetrics),
            // What is not acceptable, or is not here.
            (vec![protobuf(";q=0, text/plain;q=0.1")], Format::Text),
            (vec!["application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text".into()], Format::Text),
            (vec!["application/vnd.google.protobuf".into()], Format::Text),
            (vec!["application/openmetrics-text;version=2.0.0,text/plain;version=1.0.0".into()], Format::Text),
            (vec!["application/openmetrics-text;q=x,;;=,,q=1".into()], Format::Text),
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let headers = headers(&header::ACCEPT, &lines);
            assert_eq!(format(&headers), expected, "{headers:?}");
        }
    }
}
