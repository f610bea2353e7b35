//! The failure series that any replica has seen, in one blob for the consumer group.
//!
//! Each replica adds its own to the blob, on the condition that no other replica wrote it meanwhile; one that loses that
//! race tries again the next time. The blob is written when a series is new, or was not seen for a day: not at every
//! scrape.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::super::format;
use super::super::{Scope, State, Unreadable};
use crate::blobs::{BlobError, Condition, Container, Metadata, Outcome};
use crate::delivery::Series;

/// A series is kept for 30 days after it was last seen: to the day is near enough.
const SEEN_AGAIN_AFTER: Duration = Duration::DAY;

/// The blob, and what it is known to hold.
#[derive(Debug)]
pub(crate) struct BlobSeries {
    container: Arc<Container>,
    blob: String,
    scope: Scope,
    /// None until it was read.
    known: Option<State>,
}

/// Why the series could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeriesError {
    /// The store did not do it.
    #[error("blob store")]
    Store(#[from] BlobError),
    /// The blob has other content.
    #[error(
        "blob `{0}` cannot be read as remembered series: delete it, and the series are created anew when they move; or run the version that wrote it"
    )]
    Unreadable(String, #[source] Unreadable),
}

impl BlobSeries {
    /// The series of this scope, in this blob.
    pub(crate) fn new(container: Arc<Container>, blob: String, scope: Scope) -> Self {
        Self {
            container,
            blob,
            scope,
            known: None,
        }
    }

    /// Reads what is remembered; empty if nothing is.
    pub(crate) async fn load(&mut self) -> Result<&State, SeriesError> {
        let (_, state) = self.read().await?;
        Ok(self.known.insert(state))
    }

    /// Adds what was seen, if that is news.
    pub(crate) async fn save(
        &mut self,
        seen: Vec<(Series, OffsetDateTime)>,
        now: OffsetDateTime,
    ) -> Result<(), SeriesError> {
        let known = self.known.as_ref();
        if known.is_some_and(|known| !has_news(&seen, known)) {
            return Ok(());
        }
        let (condition, mut all) = self.read().await?;
        if has_news(&seen, &all) {
            for (series, last_seen) in seen {
                all.remember(series, last_seen);
            }
            all.forget_unseen(now);
            let bytes = format::encode(&self.scope, &all);
            let wrote = self
                .container
                .write(&self.blob, &Metadata::new(), &bytes, &condition)
                .await?;
            if wrote == Outcome::Refused {
                self.known = None; // another replica has written: read it the next time
                return Ok(());
            }
        }
        self.known = Some(all);
        Ok(())
    }

    async fn read(&self) -> Result<(Condition, State), SeriesError> {
        let Some((found, bytes)) = self.container.read(&self.blob).await? else {
            return Ok((Condition::Missing, State::default()));
        };
        let (_, state) = format::decode(&bytes)
            .map_err(|source| SeriesError::Unreadable(self.blob.clone(), source))?;
        Ok((Condition::Unchanged(found.etag), state))
    }
}

/// Whether a series was seen that is not known, or not for a day.
fn has_news(seen: &[(Series, OffsetDateTime)], known: &State) -> bool {
    let is_news = |(series, last_seen): &(Series, OffsetDateTime)| {
        let known = known.series().get(series);
        known.is_none_or(|known| *last_seen - *known > SEEN_AGAIN_AFTER)
    };
    seen.iter().any(is_news)
}
