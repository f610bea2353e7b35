//! A runtime of its own for a connection, on one thread.

use std::io;
use std::thread;

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio_util::context::TokioContext;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The runtime of a connection. When it is dropped, it ends on its own thread, with all its tasks. Nobody waits for that:
/// the thread may be blocked.
pub(super) struct OwnRuntime {
    handle: Handle,
    _ends: DropGuard,
}

impl OwnRuntime {
    /// Starts the thread. It keeps the permit until its files are closed: four of the runtime (two of epoll, one that
    /// wakes it, one for signals) and the socket.
    pub(super) async fn start(permit: Option<OwnedSemaphorePermit>) -> io::Result<Self> {
        let ended = CancellationToken::new();
        let ends = ended.clone().drop_guard(); // also if the caller stops waiting
        let (built, building) = oneshot::channel();
        let thread = thread::Builder::new().name("amqp".to_owned());
        thread.spawn(move || {
            let _until_closed = permit;
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    if built.send(Ok(runtime.handle().clone())).is_ok() {
                        runtime.block_on(ended.cancelled());
                    }
                    runtime.shutdown_background();
                }
                // Without anybody who waits, the error is of no use.
                Err(error) => drop(built.send(Err(error))),
            }
        })?;
        let handle = building.await.map_err(io::Error::other)??;
        Ok(Self {
            handle,
            _ends: ends,
        })
    }

    /// Starts work on the thread of the runtime. It ends with the runtime.
    pub(super) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.handle.spawn(work)
    }

    /// Does the SDK's work here, but the tasks that it starts live and end with the connection.
    pub(super) fn on<F: Future>(&self, work: F) -> TokioContext<F> {
        TokioContext::new(work, self.handle.clone())
    }

    /// As long as the guard lives, tasks are started on the connection's runtime.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// Whether the only permit comes back.
    async fn is_returned(permits: &Arc<Semaphore>) -> bool {
        let permit = timeout(Duration::from_mins(1), permits.acquire()).await;
        permit.is_ok_and(|permit| permit.is_ok())
    }

    #[tokio::test]
    async fn a_runtime_that_is_dropped_ends_its_tasks_and_then_returns_its_permit() {
        let permits = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&permits).try_acquire_owned().ok();
        let runtime = OwnRuntime::start(permit).await.unwrap();
        let task = runtime.spawn(pending::<()>());
        assert_eq!(permits.available_permits(), 0);
        drop(runtime);
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(is_returned(&permits).await);
    }

    #[tokio::test]
    async fn a_start_that_nobody_waits_for_leaves_no_thread() {
        let permits = Arc::new(Semaphore::new(1));
        for _ in 0..100 {
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            let starting = timeout(Duration::ZERO, OwnRuntime::start(permit)).await;
            drop(starting);
            assert!(is_returned(&permits).await);
        }
    }
}
