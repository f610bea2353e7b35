//! The upper bounds of the histograms, as they are configured.

/// The upper bounds of each histogram, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketSettings {
    /// How long an API operation took.
    pub operation_duration: Buckets,
    /// How long a recording is.
    pub recording_length: Buckets,
    /// From the end of a recording to its summary.
    pub report_delay: Buckets,
    /// From a record's own time to when the hub enqueued it.
    pub record_delay: Buckets,
}

/// Upper bounds of a histogram: 1 to 50 of them, positive, finite, strictly increasing. `+Inf` is not among them:
/// the registry adds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets(Vec<f64>);

impl Buckets {
    /// Each bound is a series of every label set, so their number has a limit; Prometheus' own defaults are 11.
    pub const MAX: usize = 50;

    /// Checks the bounds.
    ///
    /// # Errors
    /// Says which rule the bounds break.
    pub fn new(bounds: Vec<f64>) -> Result<Self, InvalidBuckets> {
        if bounds.is_empty() || bounds.len() > Self::MAX {
            return Err(InvalidBuckets::Count(bounds.len()));
        }
        if let Some(bound) = bounds
            .iter()
            .find(|bound| !(bound.is_finite() && **bound > 0.0))
        {
            return Err(InvalidBuckets::Bound(*bound));
        }
        let mut pairs = bounds.iter().zip(bounds.iter().skip(1));
        if let Some((left, right)) = pairs.find(|(left, right)| left >= right) {
            return Err(InvalidBuckets::Order(*left, *right));
        }
        Ok(Self(bounds))
    }

    /// The bounds in seconds, increasing.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

/// Why bounds are no [`Buckets`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidBuckets {
    /// None, or too many.
    #[error("must hold 1 to {max} bounds, not {0}", max = Buckets::MAX)]
    Count(usize),
    /// Zero, negative, infinite or not a number.
    #[error("must hold positive, finite seconds, not `{0}`; `+Inf` is added by itself")]
    Bound(f64),
    /// Not strictly increasing.
    #[error("must increase: `{0}` stands before `{1}`")]
    Order(f64, f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_few_positive_finite_and_increasing() {
        let check = |bounds: &[f64], expected: Option<&str>| {
            let fault = Buckets::new(bounds.to_vec())
                .err()
                .map(|fault| fault.to_string());
            assert_eq!(fault.as_deref(), expected, "{bounds:?}");
        };
        check(&[0.5], None);
        check(&[0.5, 1.0, 2.5], None);
        check(&[], Some("must hold 1 to 50 bounds, not 0"));
        check(&[1.0; 51], Some("must hold 1 to 50 bounds, not 51"));
        check(
            &[0.0, 1.0],
            Some("must hold positive, finite seconds, not `0`; `+Inf` is added by itself"),
        );
        check(
            &[f64::NAN],
            Some("must hold positive, finite seconds, not `NaN`; `+Inf` is added by itself"),
        );
        check(
            &[1.0, f64::INFINITY],
            Some("must hold positive, finite seconds, not `inf`; `+Inf` is added by itself"),
        );
        check(&[1.0, 1.0], Some("must increase: `1` stands before `1`"));
        check(
            &[1.0, 3.0, 2.0],
            Some("must increase: `3` stands before `2`"),
        );
    }
}
