//! The one place where a clock is read.

use tokio::time::Instant;

/// Milliseconds since the Unix epoch, which is how AMQP writes a time.
pub(crate) type Timestamp = i64;

/// A moment on both clocks: the one that people set, for the times that clients read, and the one that only goes forward,
/// for waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) timestamp: Timestamp,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self {
            instant: Instant::now(),
            timestamp: unix_milliseconds(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "events carry the time of their arrival: this is the edge where it is read"
)]
fn unix_milliseconds() -> Timestamp {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
