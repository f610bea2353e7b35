//! The page and its JSON, as bodies that many requests share: the status is read at most once a second, on the thread that
//! takes the snapshots, and never twice at a time. However many ask for it, a scrape waits for one of these at most.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::scrape_watch::ScrapeWatch;
use super::settings::CONNECTIONS_MAX;
use crate::status::{Board, SAMPLE_EVERY, page};

/// For people, and scripts, a second is now.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The status at one moment, in both its forms.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) html: Bytes,
    pub(super) json: Bytes,
}

/// Asks for the status.
#[derive(Clone, Debug)]
pub(super) struct Looks(mpsc::Sender<oneshot::Sender<Look>>);

/// Reads the status when it is asked for, and as often as the last hour needs samples.
#[derive(Debug)]
pub(super) struct Looking {
    board: Arc<Board>,
    watch: Arc<ScrapeWatch>,
    asked: mpsc::Receiver<oneshot::Sender<Look>>,
}

impl Looks {
    /// The status of now; none while the exporter stops.
    pub(super) async fn look(&self) -> Option<Look> {
        let (answer, look) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        look.await.ok()
    }
}

impl Looking {
    pub(super) fn new(board: Board, watch: Arc<ScrapeWatch>) -> (Looks, Self) {
        let (asks, asked) = mpsc::channel(CONNECTIONS_MAX);
        let board = Arc::new(board);
        let looking = Self {
            board,
            watch,
            asked,
        };
        (Looks(asks), looking)
    }

    /// Answers for as long as this is polled.
    pub(super) async fn answer(mut self) -> Infallible {
        let mut samples = interval(SAMPLE_EVERY);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay); // after a pause, one sample is due and not many
        let mut latest: Option<(Instant, Look)> = None;
        let mut asking = Vec::new();
        loop {
            let is_sample_due = tokio::select! {
                _at = samples.tick() => true,
                asked = self.asked.recv_many(&mut asking, CONNECTIONS_MAX) => match asked {
                    0 => return std::future::pending().await, // nobody is left who could ask
                    _ => false,
                },
            };
            let fresh = latest.take_if(|(at, _)| !is_sample_due && at.elapsed() < FRESH_FOR);
            let look = match fresh {
                Some(fresh) => Some(fresh),
                None => self
                    .look(is_sample_due)
                    .await
                    .map(|look| (Instant::now(), look)),
            };
            for asks in asking.drain(..) {
                if let Some((_, look)) = &look {
                    let _client_is_gone = asks.send(look.clone());
                }
            }
            latest = look;
        }
    }

    /// None only after a panic, which is in the log.
    async fn look(&self, is_sample_due: bool) -> Option<Look> {
        let warnings = self.watch.check.warnings().into_iter();
        let warnings = warnings.map(|warning| warning.to_string()).collect();
        let board = Arc::clone(&self.board);
        let look = spawn_blocking(move || {
            let (now, at) = (Instant::now(), OffsetDateTime::now_utc());
            let status = board.look(warnings, is_sample_due, now, at);
            Some(Look {
                html: page(&status).into(),
                json: serde_json::to_vec(&status).ok()?.into(),
            })
        });
        look.await.ok().flatten()
    }
}
