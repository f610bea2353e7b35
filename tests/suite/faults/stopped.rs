//! A hub whose process is stopped and continued (SIGSTOP, SIGCONT), as on a machine that sleeps: connections stay open,
//! the system accepts new ones, and nobody answers.

use std::time::Duration;

use event_hub_emulator::admin::HEADER;
use tokio::time::{Instant, sleep};

use super::scene::{EVENT, EVENT_HUB, Watched, report, restarts};
use crate::world::{Process, Signal};

const PARTITIONS: u32 = 2;

/// The command `hub`, and what is published over HTTP.
struct StoppableHub {
    process: Process,
    connection_string: String,
    admin: String,
}

impl StoppableHub {
    async fn start() -> Self {
        let process = Process::exporter(
            &[
                "hub",
                "--listen",
                "127.0.0.1:0",
                "--event-hub",
                EVENT_HUB,
                "--partitions",
                &PARTITIONS.to_string(),
                "--admin",
                "127.0.0.1:0",
            ],
            &[],
        );
        Self {
            connection_string: process.says("connection string: ").await,
            admin: process.says("faults: POST to ").await,
            process,
        }
    }

    async fn publish(&self, watched: &Watched, events: u64) {
        for partition in 0..PARTITIONS {
            let (admin, hub) = (&self.admin, EVENT_HUB);
            let answer = reqwest::Client::new()
                .post(format!(
                    "{admin}/event-hubs/{hub}/partitions/{partition}/publish?times={events}"
                ))
                .header(HEADER, "1")
                .body(EVENT)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
            watched.expect(partition, events);
        }
    }
}

/// Stops a hub for a time in the middle of its events.
pub(crate) async fn check(stopped_for: Duration) {
    let hub = StoppableHub::start().await;
    let watched = Watched::start(&hub.connection_string, &[]).await;
    hub.publish(&watched, 100).await;
    watched.observed().await;
    hub.publish(&watched, 500).await;
    hub.process.signal(Signal::STOP);
    sleep(stopped_for).await;
    hub.process.signal(Signal::CONT);
    let since = Instant::now();
    hub.publish(&watched, 100).await;
    watched.observed().await;
    let recovered = since.elapsed();
    hub.publish(&watched, 1).await;
    let last = i64::try_from(watched.events() / u64::from(PARTITIONS)).unwrap() - 1;
    let scrape = watched.exact(&[(0, last), (1, last)]).await;
    let name = format!("hub stopped for {} s", stopped_for.as_secs());
    report(&name, recovered, watched, &restarts(&scrape)).await;
}
