//! The failure series that any replica has seen, in one blob for the consumer group.
//!
//! Each replica adds its own to what is there, on the condition that nobody else did meanwhile; who loses that race tries
//! again the next time. It is written when a series is new, or was not seen for a day: not at every scrape.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::super::format::{self, Unreadable};
use super::super::{Damage, Scope, State};
use crate::blobs::{BlobError, Condition, Container, Metadata, Outcome};

/// A series is kept for 30 days after it was last seen: to the day is near enough.
const SEEN_AGAIN_AFTER: Duration = Duration::DAY;

/// The blob, and what is known to be in it.
#[derive(Debug)]
pub(crate) struct BlobSeries {
    container: Arc<Container>,
    blob: String,
    scope: Scope,
    /// None until it was read.
    known: Option<State>,
}

/// Why the series could not be had or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeriesError {
    /// The store did not do it.
    #[error("blob store")]
    Store(#[from] BlobError),
    /// It is not as it was written.
    #[error(
        "blob `{blob}` is damaged: delete it; failure series that it remembered are made anew when they move"
    )]
    Damaged {
        /// Its name.
        blob: String,
        /// How that shows.
        #[source]
        source: Damage,
    },
    /// It was written by another version of the program.
    #[error(
        "blob `{blob}` has version {version}, which this program does not know: delete it, or run the program that wrote it"
    )]
    UnknownVersion {
        /// Its name.
        blob: String,
        /// The version that it says it has.
        version: u64,
    },
    /// It cannot be encoded.
    #[error("series cannot be encoded")]
    Encode(#[source] serde_json::Error),
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
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the blob is not as it was written.
    pub(crate) async fn load(&mut self) -> Result<State, SeriesError> {
        let (_, state) = self.read().await?;
        self.known = Some(state.clone());
        Ok(state)
    }

    /// Adds what was seen, if that is news. True if it was written.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub(crate) async fn save(
        &mut self,
        seen: &State,
        now: OffsetDateTime,
    ) -> Result<bool, SeriesError> {
        if self
            .known
            .as_ref()
            .is_some_and(|known| !has_news(seen, known))
        {
            return Ok(false);
        }
        let (condition, mut all) = self.read().await?;
        if !has_news(seen, &all) {
            self.known = Some(all); // somebody else has met them too
            return Ok(false);
        }
        for (series, last_seen) in seen.series() {
            all.remember(series.clone(), last_seen);
        }
        all.forget_unseen(now);
        let bytes = format::encode(&self.scope, &all).map_err(SeriesError::Encode)?;
        let wrote = self
            .container
            .write(&self.blob, &Metadata::new(), &bytes, &condition)
            .await?;
        match wrote {
            Outcome::Done(_) => {
                self.known = Some(all);
                Ok(true)
            }
            Outcome::Refused => {
                self.known = None; // someone else has written: look again the next time
                Ok(false)
            }
        }
    }

    async fn read(&self) -> Result<(Condition, State), SeriesError> {
        let Some((found, bytes)) = self.container.read(&self.blob).await? else {
            return Ok((Condition::Missing, State::default()));
        };
        let (_, state) = format::decode(&bytes).map_err(|unreadable| match unreadable {
            Unreadable::Version(version) => SeriesError::UnknownVersion {
                blob: self.blob.clone(),
                version,
            },
            Unreadable::Damaged(source) => SeriesError::Damaged {
                blob: self.blob.clone(),
                source,
            },
        })?;
        Ok((Condition::Unchanged(found.etag), state))
    }
}

/// Whether something was seen that is not known, or not for a day.
fn has_news(seen: &State, known: &State) -> bool {
    let known: std::collections::HashMap<_, _> = known.series().collect();
    seen.series().any(|(series, last_seen)| {
        known
            .get(series)
            .is_none_or(|known| last_seen - *known > SEEN_AGAIN_AFTER)
    })
}
