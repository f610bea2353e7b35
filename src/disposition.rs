//! How a record ends. Every record received ends in exactly one of these.

/// The end of a record: observed, ignored or rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It moved the metrics.
    Observed,
    /// It is of a category that is not exported, or of a resource of another provider.
    Ignored,
    /// It cannot be read.
    Rejected(Reject),
}

impl Disposition {
    /// Every value that the label `disposition` can take.
    pub(crate) const LABELS: [&'static str; 3] = ["observed", "ignored", "rejected"];

    /// The value of the label `disposition`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Ignored => "ignored",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// Why a record cannot be read: a closed set, since it is a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The event's body is empty.
    EmptyBody,
    /// The event's body, or a part of it between documents, is not JSON. Its records cannot be counted, so it counts as
    /// one.
    BodyNotJson,
    /// Where a record should be stands something other than an object.
    NotAnObject,
    /// An object, but one that cannot be read, even after repair.
    Malformed,
    /// The body ends too early: its incomplete or missing records count as one.
    Truncated,
    /// Envelopes nest deeper than the limit: their records count as one.
    TooDeep,
    /// The body holds more records than the limit: all beyond it count as one.
    TooManyRecords,
    /// A defect of the exporter panicked, which cost this record and no other; the log has the place in the code.
    Panicked,
    /// A compressed body inflates beyond the limit: its records count as one.
    InflatesTooFar,
}

impl Reject {
    /// Every reason there is.
    pub const ALL: [Self; 9] = [
        Self::EmptyBody,
        Self::BodyNotJson,
        Self::NotAnObject,
        Self::Malformed,
        Self::Truncated,
        Self::TooDeep,
        Self::TooManyRecords,
        Self::Panicked,
        Self::InflatesTooFar,
    ];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::BodyNotJson => "body_not_json",
            Self::NotAnObject => "not_an_object",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::TooDeep => "too_deep",
            Self::TooManyRecords => "too_many_records",
            Self::Panicked => "panicked",
            Self::InflatesTooFar => "inflates_too_far",
        }
    }
}
