//! How a record ends: it moves the metrics, its category is not exported, or it is rejected for one of these reasons.

use crate::family::label_values;

label_values! {
    /// Why a record cannot be read: a closed set, since it is a label.
    pub Reject {
        /// The event's body is empty.
        EmptyBody = "empty_body",
        /// The event's body, or a part of it between documents, is not JSON. Its records cannot be counted, so it counts as
        /// one.
        BodyNotJson = "body_not_json",
        /// Where a record should be stands something other than an object.
        NotAnObject = "not_an_object",
        /// An object, but one that cannot be read, even after repair, or is longer than any event.
        Malformed = "malformed",
        /// The body ends too early: its incomplete or missing records count as one.
        Truncated = "truncated",
        /// Envelopes nest deeper than the limit: their records count as one.
        TooDeep = "too_deep",
        /// The body holds more records than the limit: all beyond it count as one.
        TooManyRecords = "too_many_records",
        /// A defect of the exporter panicked, which cost this record and no other; the log has the place in the code.
        Panicked = "panicked",
        /// An encoded body inflates beyond the limit, or to too many times its size: its records count as one.
        InflatesTooFar = "inflates_too_far",
    }
}
