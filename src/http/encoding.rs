//! How a body is encoded for a client: plain, or with gzip where the client asks for it. Every Prometheus asks.

use std::io::{self, Write};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// What a client asks for in `Accept-Encoding`: gzip unless its quality is 0 (RFC 9110, 12.5.3).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let listed = headers.get_all(header::ACCEPT_ENCODING).iter();
        let listed = listed
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        let mut gzip = listed.filter_map(|coding| {
            let (name, parameter) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let (_, quality) = parameter.split_once('=')?;
            let is_gzip = name.trim().eq_ignore_ascii_case("gzip");
            is_gzip.then(|| {
                quality
                    .trim()
                    .parse()
                    .is_ok_and(|quality: f32| quality > 0.0)
            })
        });
        if gzip.next() == Some(true) {
            Self::Gzip
        } else {
            Self::Plain
        }
    }
}

/// A body as a gzip stream. The metrics repeat themselves so much that the fastest level is small enough.
pub(super) fn gzip(body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into_boxed_slice().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asks_for() {
        let cases = [
            (&[][..], Encoding::Plain),
            (&["gzip"], Encoding::Gzip),
            (&["deflate, GZIP;q=0.5"], Encoding::Gzip),
            (&["deflate", "br, gzip ; q = 1"], Encoding::Gzip),
            (&["gzip;q=0"], Encoding::Plain),
            (&["gzip;q=0.000, identity"], Encoding::Plain),
            (&["gzip;quality"], Encoding::Plain),
            (&["identity, xgzip, *"], Encoding::Plain),
        ];
        for (lines, expected) in cases {
            let lines = lines
                .iter()
                .map(|line| (header::ACCEPT_ENCODING, line.parse().unwrap()));
            let headers: HeaderMap = lines.collect();
            assert_eq!(Encoding::of(&headers), expected, "{headers:?}");
        }
    }
}
