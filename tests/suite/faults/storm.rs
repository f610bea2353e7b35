//! Faults at random, one after the other, while events come all the time: at the end each was counted once, and the
//! exporter holds no more than at the beginning.
//!
//! Left out are faults that lose events or add partitions: what must come out of those has tests of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use event_hub_emulator::Handle;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::scene::{EVENT_HUB, Scene, Watched, restarts};
use crate::world::{Samples, eventually};

const PARTITIONS: u32 = 8;

/// The exporter's links are all used, its queues and caches as large as they get.
const WARM_UP: Duration = Duration::from_secs(3);

/// How long a fault lasts, and until the next, in milliseconds: from less than a reconnect takes to much more.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 200..=3000;

/// A fault, on one partition if it is of one.
struct Trouble {
    name: &'static str,
    begin: fn(&Handle, u32),
    end: fn(&Handle, u32),
}

const NOTHING: fn(&Handle, u32) = |_, _| {};

const TROUBLES: [Trouble; 22] = [
    once("cut", |hub, _| cut(hub)),
    once("close", |hub, _| {
        hub.close_connections("amqp:connection:forced").unwrap();
    }),
    once("mute", |hub, _| {
        hub.mute_connections();
    }),
    once("detach", |hub, partition| detach(hub, partition, None)),
    once("detach, forced", |hub, partition| {
        detach(hub, partition, Some("amqp:link:detach-forced"));
    }),
    once("detach, internal error", |hub, partition| {
        detach(hub, partition, Some("amqp:internal-error"));
    }),
    once("detach, time-out", |hub, partition| {
        detach(hub, partition, Some("com.microsoft:timeout"));
    }),
    once("detach, disabled", |hub, partition| {
        detach(hub, partition, Some("com.microsoft:entity-disabled"));
    }),
    once("detach, stolen", |hub, partition| {
        detach(hub, partition, Some("amqp:link:stolen"));
    }),
    once("freeze readers", |hub, partition| {
        hub.freeze_readers(EVENT_HUB, partition).unwrap();
    }),
    once("garble", |hub, partition| {
        hub.corrupt_next(EVENT_HUB, partition).unwrap();
    }),
    once("busy", |hub, partition| {
        hub.be_busy_to_readers(2);
        detach(hub, partition, None);
    }),
    once("answer with nulls", |hub, _| hub.answer_null(2)),
    once("answer with old numbers", |hub, partition| {
        hub.answer_stale(EVENT_HUB, partition, 2, 40).unwrap();
    }),
    once("refuse positions", |hub, partition| {
        hub.refuse_positions(2);
        detach(hub, partition, None);
    }),
    Trouble {
        name: "away",
        begin: |hub, _| hub.away(true),
        end: |hub, _| hub.away(false),
    },
    Trouble {
        name: "silence",
        begin: |hub, _| hub.silence(true),
        end: |hub, _| hub.silence(false),
    },
    Trouble {
        name: "never answer",
        begin: |hub, _| {
            hub.never_answer(true);
            cut(hub);
        },
        end: |hub, _| hub.never_answer(false),
    },
    Trouble {
        name: "refuse tokens",
        begin: |hub, _| {
            hub.refuse_tokens(Some(401));
            cut(hub);
        },
        end: |hub, _| hub.refuse_tokens(None),
    },
    Trouble {
        name: "shorten tokens",
        begin: |hub, _| {
            hub.shorten_tokens(Some(Duration::from_secs(1)));
            cut(hub);
        },
        end: |hub, _| hub.shorten_tokens(None),
    },
    Trouble {
        name: "freeze",
        begin: |hub, partition| hub.freeze(EVENT_HUB, partition, true).unwrap(),
        end: |hub, partition| hub.freeze(EVENT_HUB, partition, false).unwrap(),
    },
    Trouble {
        name: "delay answers",
        begin: |hub, _| hub.delay_answers(Duration::from_millis(700)),
        end: |hub, _| hub.delay_answers(Duration::ZERO),
    },
];

const fn once(name: &'static str, begin: fn(&Handle, u32)) -> Trouble {
    Trouble {
        name,
        begin,
        end: NOTHING,
    }
}

fn cut(hub: &Handle) {
    hub.sever_connections();
}

fn detach(hub: &Handle, partition: u32, condition: Option<&str>) {
    hub.detach_readers(EVENT_HUB, partition, condition).unwrap();
}

/// Lets a storm pass over an exporter, and checks what is left.
pub(crate) async fn pass(lasts: Duration, seed: u64) {
    println!("storm of {} s, seed {seed}", lasts.as_secs());
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut scene = Scene::start(PARTITIONS, &[]).await;
    scene.publish(500);
    scene.publish_for(WARM_UP).await;
    scene.watched.observed().await;
    let before = Holds::of(&scene.watched.scrape().await);

    let mut faults: BTreeMap<&str, u32> = BTreeMap::new();
    let began = Instant::now();
    while began.elapsed() < lasts {
        let trouble = TROUBLES.choose(&mut dice).unwrap();
        let partition = dice.random_range(0..PARTITIONS);
        *faults.entry(trouble.name).or_default() += 1;
        (trouble.begin)(scene.faults(), partition);
        let pause = Duration::from_millis(dice.random_range(PAUSE_MS));
        scene.publish_for(pause).await;
        (trouble.end)(scene.faults(), partition);
    }
    println!("faults: {faults:?}");
    let ended = Instant::now();
    scene.watched.observed().await;
    let recovered = ended.elapsed();
    let scrape = scene.settled().await;
    let after = before.regained(&scene.watched).await;
    let events = scene.watched.events();
    let polls = scene.watched.end().await;
    println!(
        "{events} events exact, all seen {:.1} s after the end; restarts {}; longest stall of a partition {:.1} s; slowest of {} scrapes {} ms",
        recovered.as_secs_f64(),
        restarts(&scrape),
        polls.longest_stall.as_secs_f64(),
        polls.answers,
        polls.slowest.as_millis()
    );
    println!("before: {before}; after: {after}");
}

/// What the exporter holds of what it must give back.
struct Holds {
    tasks: f64,
    files: f64,
    bytes: f64,
}

/// What comes and goes by itself: a connection that is being opened again, a scrape.
const SPARE: f64 = 6.0;

const MIB: f64 = 1024.0 * 1024.0;

impl Holds {
    fn of(scrape: &Samples) -> Self {
        Self {
            tasks: scrape.sum("acs_recording_exporter_runtime_tasks", &[]),
            files: scrape.sum("process_open_fds", &[]),
            bytes: scrape.sum("process_resident_memory_bytes", &[]),
        }
    }

    /// Waits until the exporter holds no more than it did, or little.
    async fn regained(&self, watched: &Watched) -> Self {
        assert!(self.tasks > 0.0, "tasks are counted");
        eventually("as little as before", || async {
            let now = Self::of(&watched.exporter.scrape().await?);
            let is_little = now.tasks <= self.tasks + SPARE
                && now.files <= self.files + SPARE
                && now.bytes <= self.bytes * 1.5 + 16.0 * MIB;
            if is_little {
                Ok(now)
            } else {
                Err(format!("{now}, before: {self}"))
            }
        })
        .await
    }
}

impl std::fmt::Display for Holds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            tasks,
            files,
            bytes,
        } = self;
        let mib = bytes / MIB;
        write!(
            formatter,
            "{tasks} tasks, {files} files, {mib:.1} MiB resident"
        )
    }
}

/// What `tests/storm` was told.
#[expect(
    clippy::disallowed_methods,
    reason = "what `tests/storm` was told; it is no configuration of the program"
)]
pub(crate) fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a whole number"))
}
