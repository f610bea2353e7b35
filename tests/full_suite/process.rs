//! The command `hub` as a process of its own, so that its memory is its own; and clients of the Rust SDK for it.

use std::fs;
use std::time::Duration;

use azure_messaging_eventhubs::models::EventData;
use azure_messaging_eventhubs::{ConsumerClient, EventDataBatchOptions, ProducerClient};
use tokio::time::timeout;

use crate::support::{SdkError, connection_string, no_retries, within};
use crate::world::Process;

/// The event hub of all these tests.
const EVENT_HUB: &str = "calls";

/// Of each event hub.
pub(crate) const PARTITIONS: usize = 4;

/// A send that takes longer hangs: the SDK forgets a settlement that comes before it has registered the message
/// (fe2o3-amqp 0.16, cured in 0.18.2). A thousand times what a send takes.
const SEND_TIME_OUT: Duration = Duration::from_secs(10);

/// A running `hub`; killed when dropped.
pub(crate) struct HubProcess {
    process: Process,
    pub(crate) connection_string: String,
    endpoint: String,
}

impl HubProcess {
    pub(crate) async fn start(retain_bytes: &str) -> Self {
        let partitions = PARTITIONS.to_string();
        let process = Process::exporter(
            &[
                "hub",
                "--listen",
                "127.0.0.1:0",
                "--event-hub",
                EVENT_HUB,
                "--partitions",
                &partitions,
                "--retain-bytes",
                retain_bytes,
            ],
            &[],
        );
        let connection_string = process.says("connection string: ").await;
        let endpoint = format!("amqp://{}", process.says("ready: listening on ").await);
        Self {
            process,
            connection_string,
            endpoint,
        }
    }

    pub(crate) async fn producer(&self) -> Result<ProducerClient, SdkError> {
        within(
            ProducerClient::builder()
                .with_custom_endpoint(self.endpoint.clone())
                .with_retry_options(no_retries())
                .open_with_connection_string(&connection_string(EVENT_HUB), None),
        )
        .await
    }

    pub(crate) async fn consumer(&self) -> Result<ConsumerClient, SdkError> {
        within(
            ConsumerClient::builder()
                .with_custom_endpoint(self.endpoint.clone())
                .with_retry_options(no_retries())
                .open_with_connection_string(&connection_string(EVENT_HUB), None),
        )
        .await
    }

    /// The sequence numbers of the first and the last event of each partition, as the hub tells a client.
    pub(crate) async fn held(&self) -> Vec<(i64, i64)> {
        let consumer = self.consumer().await.unwrap();
        let mut held = Vec::new();
        for partition in 0..PARTITIONS {
            let partition = partition.to_string();
            let properties = within(consumer.get_partition_properties(&partition)).await;
            let properties = properties.unwrap();
            held.push((
                properties.beginning_sequence_number,
                properties.last_enqueued_sequence_number,
            ));
        }
        within(consumer.close()).await.unwrap();
        held
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS`, or `VmHWM` for the most that it ever was.
    pub(crate) fn memory_mib(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|status| status.strip_prefix(line));
        let kib = line.unwrap().trim_start_matches(':').trim();
        kib.trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// The processor time that it has used.
    pub(crate) fn processor_seconds(&self) -> f64 {
        processor_seconds(&self.process.id().to_string())
    }

    /// How many files, and with them connections, it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id()))
            .unwrap()
            .count()
    }
}

/// The processor time that a process has used, in user and in kernel mode.
pub(crate) fn processor_seconds(process: &str) -> f64 {
    /// The kernel counts here in hundredths of a second, whatever its own clock does.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in parentheses may have blanks; the two times are the 12th and the 13th field behind it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .map(|field| field.parse::<f64>().unwrap())
        .sum::<f64>()
        / TICKS_PER_SECOND
}

/// A producer that times each send out, and goes on with a new client when one hangs.
pub(crate) struct Sender<'hub> {
    hub: &'hub HubProcess,
    client: ProducerClient,
    /// Events whose send was answered.
    pub(crate) confirmed: usize,
    /// Events of sends that hung: the hub may have them or not.
    pub(crate) in_doubt: usize,
    pub(crate) sends: usize,
    pub(crate) hung: usize,
}

impl<'hub> Sender<'hub> {
    pub(crate) async fn open(hub: &'hub HubProcess) -> Self {
        Self {
            hub,
            client: hub.producer().await.unwrap(),
            confirmed: 0,
            in_doubt: 0,
            sends: 0,
            hung: 0,
        }
    }

    /// Sends one batch; whether it was answered.
    pub(crate) async fn send(
        &mut self,
        bodies: Vec<Vec<u8>>,
        options: EventDataBatchOptions,
    ) -> bool {
        let count = bodies.len();
        self.sends += 1;
        let sent = timeout(SEND_TIME_OUT, self.batch(bodies, options)).await;
        match &sent {
            Ok(sent) => {
                sent.as_ref().unwrap();
                self.confirmed += count;
            }
            Err(_) => {
                self.hung += 1;
                self.in_doubt += count;
                self.client = self.hub.producer().await.unwrap();
            }
        }
        sent.is_ok()
    }

    async fn batch(
        &self,
        bodies: Vec<Vec<u8>>,
        options: EventDataBatchOptions,
    ) -> Result<(), SdkError> {
        let batch = self.client.create_batch(Some(options)).await?;
        for body in bodies {
            let event = EventData::builder().with_body(body).build();
            assert!(batch.try_add_event_data(event, None)?, "the batch has room");
        }
        self.client.send_batch(batch, None).await
    }
}
