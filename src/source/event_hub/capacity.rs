//! How many connections the limits of the process allow, and how many partitions share one so that these suffice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::SourceError;
use super::settings::PARTITIONS_SHARING_MOST;

/// The connections that the partitions of an event hub may have open at a time.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    pub(super) connections: usize,
    free: Arc<Semaphore>,
}

/// A connection that ends takes a moment, or as long as a name server is silent.
const FREE_TIMEOUT: Duration = Duration::from_secs(10);

impl Capacity {
    /// The share of one of so many event hubs. One connection of each finds its partitions, and one at least reads them.
    pub(super) fn of(connections: usize, event_hubs: usize) -> Self {
        let share = connections / event_hubs.max(1);
        let connections = share.saturating_sub(1).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            connections,
            free: Arc::new(Semaphore::new(connections)),
        }
    }

    /// Waits until one more connection may be opened.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, SourceError> {
        let permit = timeout(FREE_TIMEOUT, Arc::clone(&self.free).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(SourceError::Exhausted(None)),
        }
    }

    /// Whether no more can be opened now.
    pub(super) fn is_used_up(&self) -> bool {
        self.free.available_permits() == 0
    }
}

/// How many partitions share a connection: as configured, or as many more as it takes.
pub(super) fn partitions_per_connection(
    configured: usize,
    partitions: usize,
    connections: usize,
) -> usize {
    // A partition returns a connection that it has alone before it opens the next. Partitions that share one move to the
    // next one after the other, and both are open meanwhile.
    let needed = |shared_by: usize| match shared_by {
        1 => partitions,
        _ => 2 * partitions.div_ceil(shared_by),
    };
    let mut possible = configured..=PARTITIONS_SHARING_MOST;
    let sufficient = possible.find(|shared_by| needed(*shared_by) <= connections);
    sufficient.unwrap_or(PARTITIONS_SHARING_MOST)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustix::io::Errno;

    use super::super::error::Cause;
    use super::*;

    #[test]
    fn partitions_share_connections_only_where_the_limits_do_not_suffice() {
        let shared_by = |configured, partitions, connections| {
            partitions_per_connection(configured, partitions, connections)
        };
        assert_eq!(shared_by(1, 32, 32), 1);
        assert_eq!(shared_by(1, 33, 32), 3); // 11 connections, each of which may be followed by another
        assert_eq!(shared_by(8, 32, 1000), 8);
        assert_eq!(shared_by(8, 1024, 100), 21);
        assert_eq!(shared_by(1, 1024, 1), 100); // the most that the SDK allows
    }

    #[test]
    fn each_event_hub_has_its_share_and_one_connection_finds_partitions() {
        assert_eq!(Capacity::of(100, 1).connections, 99);
        assert_eq!(Capacity::of(100, 10).connections, 9);
        assert_eq!(Capacity::of(1, 10).connections, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_allowed_waits_and_is_then_an_error_with_advice() {
        let capacity = Capacity::of(1, 1);
        let first = capacity.permit().await.unwrap();
        assert!(capacity.is_used_up());
        let error = capacity.permit().await.unwrap_err();
        assert_eq!(error.cause().label(), "resources");
        assert!(error.to_string().contains("raise"), "{error}");
        drop(first);
        assert!(capacity.permit().await.is_ok());
    }

    #[test]
    fn a_lack_of_files_or_threads_is_a_cause_of_its_own_wherever_it_shows() {
        let no_files = || io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let wrapped = azure_core::Error::with_error(
            azure_core::error::ErrorKind::Io,
            no_files(),
            "AMQP error",
        );
        let unresolved = SourceError::Unresolved {
            host: "contoso".to_owned(),
            source: no_files(),
        };
        let no_thread = "OS can't spawn worker thread: Resource temporarily unavailable";
        for error in [
            SourceError::EventHub(wrapped.into()),
            unresolved,
            SourceError::Exhausted(Some(no_files())),
            SourceError::panicked(no_thread.to_owned()),
        ] {
            let error = error.opening();
            assert_eq!(error.cause(), Cause::Resources, "{error:?}");
            assert!(error.to_string().contains("raise the limits"), "{error}");
        }
        let refused = SourceError::Unresolved {
            host: "contoso".to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        assert_eq!(refused.opening().cause(), Cause::Unreachable);
    }
}
