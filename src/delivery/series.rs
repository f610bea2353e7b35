//! A label set by its name, to be remembered.

use std::borrow::Cow;
use std::sync::Arc;

/// A label set of a family, or a resource, which has label sets of its own. Cheap to clone.
///
/// A later version of the program may have families of other names and other labels, so the metrics check that it still
/// fits before they create the series.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// The name of the family; of a resource, `acs_resource_info`.
    pub family: Cow<'static, str>,
    /// The values of its labels, in the order of the family; of a resource, its name alone.
    pub labels: Arc<[String]>,
}

impl Series {
    /// A label set of a family that exists.
    pub(crate) fn new(family: &'static str, labels: &[impl AsRef<str>]) -> Self {
        let labels = labels.iter().map(|label| label.as_ref().to_owned());
        Self {
            family: Cow::Borrowed(family),
            labels: labels.collect(),
        }
    }
}
