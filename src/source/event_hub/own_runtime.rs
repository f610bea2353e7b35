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
        let end = CancellationToken::new();
        let ended = end.clone();
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
            _ends: end.drop_guard(),
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
