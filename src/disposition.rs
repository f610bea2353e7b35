//! How a record ends. Every record received ends in exactly one of these.

/// The end of a record: observed, ignored or rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It moved the metrics.
    Observed,
    /// It is of a category that is not exported.
    Ignored,
    /// It could not be read.
    Rejected(Reject),
}

impl Disposition {
    /// Every value that the label `disposition` can take.
    pub const LABELS: [&'static str; 3] = ["observed", "ignored", "rejected"];

    /// The value of the label `disposition`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Ignored => "ignored",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// Why a record could not be read: a closed set, since it is a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The event's body is empty.
    EmptyBody,
    /// The event's body is not JSON: what records it held, if any, cannot be told, so it counts as one.
    BodyNotJson,
    /// The place of a record holds something other than an object.
    NotAnObject,
    /// An object, but one that cannot be read: nested too deep, or broken inside `properties`.
    Malformed,
}

impl Reject {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [
        Self::EmptyBody,
        Self::BodyNotJson,
        Self::NotAnObject,
        Self::Malformed,
    ];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::BodyNotJson => "body_not_json",
            Self::NotAnObject => "not_an_object",
            Self::Malformed => "malformed",
        }
    }
}
