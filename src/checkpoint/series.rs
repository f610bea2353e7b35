//! The label sets that stand at 0 after a restart, in a file beside the positions: all but those of failures, which are stored
//! with the positions.
//!
//! The file is written when a label set is new, or was not seen for a day: not at every scrape. Losing it costs the first
//! values of counters, so nothing about it keeps the program from starting.

use std::path::Path;

use time::OffsetDateTime;

use super::{Scope, State, Store, StoreError};
use crate::delivery::Series;

/// The file, and what it holds.
#[derive(Debug)]
pub(crate) struct FileSeries {
    /// None if the file could not be opened: then nothing is remembered.
    store: Option<Store>,
    state: State,
}

impl FileSeries {
    /// The file beside the positions at this path, and why it could not be read. This blocks, as [`Store::open`] does.
    pub(crate) fn open(path: &Path, scope: Scope) -> (Self, Option<StoreError>) {
        let mut path = path.as_os_str().to_owned();
        path.push(".series");
        let (store, state) = match Store::open_whatever_is_there(Path::new(&path), scope) {
            Ok((store, state)) => (Some(store), state),
            Err(error) => (None, Err(error)),
        };
        let (state, error) = match state {
            Ok(state) => (state, None),
            Err(error) => (State::default(), Some(error)),
        };
        (Self { store, state }, error)
    }

    /// What is remembered.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Adds what was seen, if that is news.
    ///
    /// # Errors
    ///
    /// As those of [`Store::save`].
    pub(crate) async fn save(
        &mut self,
        seen: Vec<(Series, OffsetDateTime)>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.state.learn(seen, now);
        if let Some(store) = &mut self.store {
            store.save(&self.state).await?;
        }
        Ok(())
    }

    /// Unlocks the file.
    ///
    /// # Errors
    ///
    /// As those of [`Store::close`].
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        match self.store {
            Some(store) => store.close().await,
            None => Ok(()),
        }
    }
}
