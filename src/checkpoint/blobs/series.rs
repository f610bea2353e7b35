//! The series that any replica has seen, in blobs for the consumer group: those of failures in one, all others in another.
//!
//! Each replica adds its own to the blob, on the condition that no other replica wrote it meanwhile; one that loses that
//! race tries again the next time. The blob is written when a series is new, or was not seen for a day: not at every
//! scrape. A blob that cannot be read is written anew: it costs first values, and nobody would mend it at night.

use std::sync::Arc;

use time::OffsetDateTime;

use super::super::format;
use super::super::{Scope, State, Unreadable};
use crate::blobs::{BlobError, Condition, Container, Metadata, Outcome};
use crate::delivery::Series;

/// The blob, and what it is known to hold.
#[derive(Debug)]
pub(crate) struct BlobSeries {
    container: Arc<Container>,
    blob: String,
    scope: Scope,
    /// None until it was read.
    known: Option<State>,
}

/// The blob has other content.
#[derive(Debug, thiserror::Error)]
#[error("blob `{0}` cannot be read as remembered series")]
pub(crate) struct LostSeries(String, #[source] Unreadable);

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

    /// Reads what is remembered; empty if nothing is, or if the blob cannot be read, and then also why.
    pub(crate) async fn load(&mut self) -> Result<(&State, Option<LostSeries>), BlobError> {
        let (_, read) = self.read().await?;
        let (state, error) = match read {
            Ok(state) => (state, None),
            Err(error) => (State::default(), Some(error)),
        };
        Ok((self.known.insert(state), error))
    }

    /// Adds what was seen, if that is news.
    pub(crate) async fn save(
        &mut self,
        seen: Vec<(Series, OffsetDateTime)>,
        now: OffsetDateTime,
    ) -> Result<(), BlobError> {
        let known = self.known.as_ref();
        if known.is_some_and(|known| !known.has_news(&seen, now)) {
            return Ok(());
        }
        let (condition, read) = self.read().await?;
        let mut all = read.unwrap_or_default();
        if all.has_news(&seen, now) {
            all.learn(seen, now);
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

    async fn read(&self) -> Result<(Condition, Result<State, LostSeries>), BlobError> {
        let Some((found, bytes)) = self.container.read(&self.blob).await? else {
            return Ok((Condition::Missing, Ok(State::default())));
        };
        let state = format::decode(&bytes)
            .map(|(_, state)| state)
            .map_err(|source| LostSeries(self.blob.clone(), source));
        Ok((Condition::Unchanged(found.etag), state))
    }
}
