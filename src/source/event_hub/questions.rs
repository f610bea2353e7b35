//! What an event hub is asked over a connection, and its answers in our words.

use std::time::Duration;

use time::OffsetDateTime;

use super::client::timed;
use super::connections::Connection;
use super::error::SourceError;
use super::extent::Extent;

/// One request and one answer on an open connection, after one exchange of a token.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What an event hub says of itself.
#[derive(Debug)]
pub(super) struct HubAnswer {
    /// When it was made, if it says so.
    pub(super) created_at: Option<OffsetDateTime>,
    /// The ids of its partitions.
    pub(super) partitions: Vec<String>,
}

impl Connection {
    /// Asks the event hub about itself.
    pub(super) async fn ask_hub(&self) -> Result<HubAnswer, SourceError> {
        let asking = self.on(self.client().get_eventhub_properties());
        let answer = timed("read event hub properties", ANSWER_TIMEOUT, asking).await?;
        Ok(HubAnswer {
            created_at: answer.created_on.map(OffsetDateTime::from),
            partitions: answer.partition_ids,
        })
    }

    /// Asks what a partition holds, of a hub that was made at this time.
    pub(super) async fn ask_partition(
        &self,
        id: &str,
        hub_created_at: Option<OffsetDateTime>,
    ) -> Result<Extent, SourceError> {
        let asking = self.on(self.client().get_partition_properties(id));
        let answer = timed("read partition properties", ANSWER_TIMEOUT, asking).await?;
        Ok(Extent {
            hub_created_at,
            first_sequence_number: answer.beginning_sequence_number,
            last_sequence_number: answer.last_enqueued_sequence_number,
            last_offset: answer.last_enqueued_offset,
            last_enqueued_at: answer.last_enqueued_time_utc.map(OffsetDateTime::from),
            is_empty: answer.is_empty,
        })
    }
}
