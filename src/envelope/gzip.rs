//! Compressed bodies, as users send them. Azure Monitor does not compress.

use std::io::Read;

use flate2::bufread::GzDecoder;

use crate::disposition::Reject;

/// How much a compressed body may inflate to: 16 times the largest event of a standard event hub (1 MiB). Logs compress
/// 10 to 20 times, so an honest body of that size still passes; a bomb of 1 MiB would be 1 GiB.
pub(super) const INFLATED_MAX: usize = 16 << 20;

/// What a compressed body contains.
pub(super) struct Inflated {
    pub(super) bytes: Vec<u8>,
    /// Whether that is only the beginning: the body ends too early or is damaged behind it.
    pub(super) is_truncated: bool,
}

/// Whether this is a gzip stream: its magic number and its only method.
pub(super) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1F, 0x8B, 0x08])
}

/// Inflates as far as that goes: one gzip stream or several behind one another, and nothing else that follows.
pub(super) fn inflate(mut body: &[u8]) -> Result<Inflated, Reject> {
    let mut bytes = Vec::with_capacity(body.len().min(INFLATED_MAX));
    let mut is_truncated = false;
    while is_gzip(body) && !is_truncated {
        let left = INFLATED_MAX.saturating_sub(bytes.len());
        let limit = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        let mut stream = GzDecoder::new(body).take(limit);
        is_truncated = stream.read_to_end(&mut bytes).is_err();
        if bytes.len() > INFLATED_MAX {
            return Err(Reject::InflatesTooFar);
        }
        body = stream.into_inner().into_inner();
    }
    if is_truncated && bytes.is_empty() {
        return Err(Reject::BodyNotJson);
    }
    Ok(Inflated {
        bytes,
        is_truncated,
    })
}
