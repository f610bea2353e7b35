//! Faults at random over two replicas: one is cut off from the hub, no scraper comes, the hub answers with nulls or with old
//! numbers and refuses positions. No process ends, so each event must be counted once, and each failure seen by Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use event_hub_emulator::Handle;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use super::cut_off::{VARIABLES, start_two};
use super::scene::{EVENT_HUB, PARTITIONS, Pace, Scene, assert_counted};
use crate::faults::storm::variable;
use crate::world::Signal;

/// Leases that no load of the machine lets expire: what a lost lease repeats has tests of its own.
const PACE: Pace = Pace {
    cycle: Duration::from_secs(2),
    lease: Duration::from_secs(30),
    scrape: Duration::from_secs(1),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    NullAnswers,
    StaleAnswers,
    RefusedPositions,
    Detached,
    Away,
    CutOff,
    NoScraper,
}

const TROUBLES: [Trouble; 7] = [
    Trouble::NullAnswers,
    Trouble::StaleAnswers,
    Trouble::RefusedPositions,
    Trouble::Detached,
    Trouble::Away,
    Trouble::CutOff,
    Trouble::NoScraper,
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes: tests/full and tests/storm run it, and each fault is tested alone"]
async fn a_storm_over_two_replicas() {
    let seconds = variable("ACS_STORM_SECONDS").unwrap_or(600);
    let seed = variable("ACS_STORM_SEED").unwrap_or_else(rand::random);
    pass(Duration::from_secs(seconds), seed).await;
}

async fn pass(lasts: Duration, seed: u64) {
    println!(
        "storm of {} s over two replicas, seed {seed}",
        lasts.as_secs()
    );
    let mut dice = StdRng::seed_from_u64(seed);
    let mut scene = Scene::with(PARTITIONS, PACE, &VARIABLES).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(seed);
    let (_relay, cut_off) = start_two(&mut scene).await;

    let hub = scene.hub.handle();
    let mut troubles: BTreeMap<Trouble, u32> = BTreeMap::new();
    let began = Instant::now();
    while began.elapsed() < lasts {
        let trouble = *TROUBLES.choose(&mut dice).unwrap();
        *troubles.entry(trouble).or_default() += 1;
        let partition = dice.random_range(0..PARTITIONS);
        let pause = Duration::from_millis(dice.random_range(200..=3000));
        match trouble {
            Trouble::NullAnswers => hub.answer_null(2),
            Trouble::StaleAnswers => hub.answer_stale(EVENT_HUB, partition, 2, 40).unwrap(),
            Trouble::RefusedPositions => {
                hub.refuse_positions(2);
                detach(&hub, partition);
            }
            Trouble::Detached => detach(&hub, partition),
            Trouble::Away => {
                hub.away(true);
                sleep(pause).await;
                hub.away(false);
            }
            Trouble::CutOff => {
                let name = ["a", "b"].choose(&mut dice).unwrap();
                cut_off.send_replace(scene.replicas.get(*name).unwrap().process.id());
                // Sometimes for long enough that its partitions are handed over.
                sleep(pause * dice.random_range(1..=20)).await;
                cut_off.send_replace(0);
            }
            Trouble::NoScraper => {
                prometheus.signal(Signal::STOP);
                sleep(pause * 2).await;
                prometheus.signal(Signal::CONT);
            }
        }
        sleep(pause).await;
    }
    println!("{troubles:?}");
    let (failures, published) = load.stop().await;
    let ended = Instant::now();
    let risen = scene.seen(&prometheus, failures).await;
    let events: u32 = published.iter().sum();
    let moves = scene
        .sum("acs_recording_exporter_lease_moves_total", &[])
        .await;
    println!(
        "{events} events, {failures} failures, {risen} seen {:.1?} after the end; {moves} moves of leases",
        ended.elapsed()
    );
    assert_eq!(risen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
}

fn detach(hub: &Handle, partition: u32) {
    hub.detach_readers(EVENT_HUB, partition, None).unwrap();
}
