//! A failure series by its name, to be remembered.

/// A failure series, or a resource, which has such series of its own.
///
/// A later version of the program may have families of other names and other labels, so the metrics check that it still
/// fits before they create the series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// The name of the family; of a resource, `acs_resource_info`.
    pub family: String,
    /// The values of its labels, in the order of the family; of a resource, its name alone.
    pub labels: Vec<String>,
}
