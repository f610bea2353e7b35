//! Text that was meant to be JSON -> JSON.
//!
//! For text that a strict parser has refused, and only for that: a blind replacement of quotes, say, breaks every
//! apostrophe. What cannot be understood becomes `null` and costs only its own property. Nothing here knows what a
//! record is, and nothing is ever made up: a property is as it was sent, or it is gone.
//!
//! Each repair answers a breakage that was seen on a real event hub:
//!
//! | in the text | becomes | sent by |
//! | --- | --- | --- |
//! | `'text'` | `"text"` | [Azure Functions on Linux](https://github.com/Azure/azure-functions-host/issues/7864) |
//! | a newline, a carriage return or a tab inside a text | its escape | [App Service](https://github.com/elastic/beats/issues/34092), [Application Gateway](https://github.com/elastic/beats/issues/35515) |
//! | another control character inside a text | a blank | the same |
//! | a run of bytes inside a text that are not UTF-8 | U+FFFD | |
//! | an escape that JSON does not have | its characters | |
//! | half a surrogate pair | U+FFFD | |
//! | a comma too many | nothing | the examples on Microsoft's own pages about ACS |
//! | an unescaped quote inside a text | an escaped one | [a Function for Splunk](https://github.com/microsoft/AzureFunctionforSplunkVS/issues/26) |
//! | an object between unescaped quotes | the object | the same |
//! | a bracket too many, or one too few before the next record | the nearest structure | |
//! | a value that is not JSON, such as `[ 227 B blob data ]`, or that nests too deep | `null` | [`PostgreSQL`](https://github.com/elastic/beats/issues/40641) |
//! | an object whose end is missing | its properties that are whole | [activity logs above 20 KB](https://github.com/Azure/azure-sdk-for-python/issues/9990) |

mod cursor;
mod kinds;
mod lookahead;
mod rewriter;
mod text;

use serde::de::IgnoredAny;

pub(crate) use cursor::Rewriter;
pub use kinds::Repair;
pub(crate) use kinds::Repairs;
pub(crate) use lookahead::is_first_key;
pub(crate) use rewriter::Stop;

/// The one object that `text` was meant to be, as strict JSON, and what was repaired. `None` when it is not an object.
pub(crate) fn object(text: &str) -> Option<(String, Repairs)> {
    let mut rewriter = Rewriter::new(text.as_bytes());
    rewriter.skip_blanks();
    if rewriter.peek() != Some(b'{') {
        return None;
    }
    let mut rewritten = String::with_capacity(text.len());
    // Of an object that stops early, the properties before that are whole.
    if rewriter.value(&mut rewritten).is_err() {
        rewriter.repaired(Repair::MissingEnd);
    }
    is_json(&rewritten).then(|| (rewritten, rewriter.take_repairs()))
}

/// Whether a text is one strict JSON value: rewritten text is checked, not trusted.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
