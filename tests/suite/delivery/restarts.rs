//! Rollouts, crashes and orderly restarts, counted in the raw samples of a real Prometheus.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::time::{Instant, interval};

use super::scene::{Failure, OF_EVERY_EVENT, PARTITIONS, Scene, reads};
use crate::prometheus::Prometheus;
use crate::world::{Signal, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_over_a_backlog_of_failures_loses_none() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus("a").await;
    let mut old = scene.exporter("pod-1").await;
    reads(&old).await;
    for number in 0..20 {
        scene.fail(number % PARTITIONS, Failure::Known);
    }
    assert_eq!(scene.seen(&prometheus, &old).await, 20.0);
    old.process.signal(Signal::TERM);
    assert!(old.process.ended().await.success());

    for number in 0..500 {
        let failure = if number % 7 == 0 {
            Failure::Strange
        } else {
            Failure::Known
        };
        scene.fail(number % PARTITIONS, failure);
    }
    let new = scene.exporter("pod-2").await;
    assert_eq!(scene.seen(&prometheus, &new).await, 520.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_lose_nothing() {
    let told = restarted(Plan {
        events: 4_000,
        restarts: 4,
        signal: Signal::KILL,
        seed: 7,
    })
    .await;
    println!("{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orderly_restarts_neither_lose_nor_repeat() {
    let told = restarted(Plan {
        events: 4_000,
        restarts: 4,
        signal: Signal::TERM,
        seed: 8,
    })
    .await;
    println!("{told}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
async fn ten_crashes_lose_nothing() {
    let told = restarted(Plan {
        events: 20_000,
        restarts: 10,
        signal: Signal::KILL,
        seed: 9,
    });
    println!("{}", told.await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
async fn ten_orderly_restarts_neither_lose_nor_repeat() {
    let told = restarted(Plan {
        events: 20_000,
        restarts: 10,
        signal: Signal::TERM,
        seed: 10,
    });
    println!("{}", told.await);
}

/// What a test of restarts does.
pub(crate) struct Plan {
    pub(crate) events: u32,
    pub(crate) restarts: u32,
    pub(crate) signal: Signal,
    pub(crate) seed: u64,
}

/// One event in so many is a failure.
const FAILS: u32 = 5;

/// Publishes steadily, sends the signal at random moments and starts the exporter again, and counts what Prometheus saw.
/// Returns the figures, as text.
pub(crate) async fn restarted(plan: Plan) -> String {
    /// How long an exporter lives, at most, besides the time until it reads.
    const LIFE: Duration = Duration::from_secs(5);
    const PER_TICK: u32 = 10;
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut scene = Scene::new(&[("ACS_RECORDING_EXPORTER__CHECKPOINT__INTERVAL", "100ms")]).await;
    let prometheus = scene.prometheus("a").await;
    let mut exporter = scene.exporter("pod").await;
    reads(&exporter).await;

    // Every label set has moved once before.
    scene.succeed(0);
    scene.fail(0, Failure::Known);
    scene.fail(0, Failure::Strange);
    scene.seen(&prometheus, &exporter).await;
    let (before, known) = (scene.published.events, rises(&prometheus).await);

    // The restarts are spread over the events.
    let per_restart = plan.events / (plan.restarts + 1);
    let (mut restarts, mut slowest) = (0, Duration::ZERO);
    let mut ticks = interval(Duration::from_millis(50));
    let mut restart_at = per_restart;
    while scene.published.events < plan.events {
        ticks.tick().await;
        for _ in 0..PER_TICK.min(plan.events - scene.published.events) {
            let partition = random.next_u32() % PARTITIONS;
            match random.random_range(0..FAILS * 4) {
                0 => scene.fail(partition, Failure::Strange),
                1..4 => scene.fail(partition, Failure::Known),
                _ => scene.succeed(partition),
            }
        }
        if scene.published.events >= restart_at && restarts < plan.restarts {
            let moment = random.random_range(0.0..LIFE.as_secs_f64() / 5.0);
            tokio::time::sleep(Duration::from_secs_f64(moment)).await;
            exporter.process.signal(plan.signal);
            let told_at = Instant::now();
            let status = exporter.process.ended().await;
            slowest = slowest.max(told_at.elapsed());
            assert_eq!(
                status.success(),
                plan.signal == Signal::TERM,
                "{}",
                exporter.process.written()
            );
            exporter = scene.exporter("pod").await;
            reads(&exporter).await;
            restarts += 1;
            restart_at += per_restart;
        }
    }
    let seen = scene.seen(&prometheus, &exporter).await;
    let published = f64::from(scene.published.failures);
    let repeats = seen - published;
    let events = f64::from(scene.published.events - before);
    let rose = eventually("every event is seen by Prometheus", || async {
        let rises = rises(&prometheus).await;
        let rises = rises.iter().zip(&known);
        let rose: Vec<_> = rises.map(|(after, before)| after - before).collect();
        let are_all_seen = rose.iter().all(|rose| *rose >= events);
        are_all_seen
            .then(|| rose.clone())
            .ok_or_else(|| format!("{rose:?} of {events}"))
    })
    .await;
    let told = format!(
        "{} events with {published} failures, {restarts} times {:?}: {seen} seen, {repeats} repeated; {rose:?} of {events} by {OF_EVERY_EVENT:?}; slowest end {slowest:.1?}",
        scene.published.events, plan.signal
    );
    assert!(seen >= published, "lost: {told}");
    let most = rose.iter().copied().fold(events, f64::max);
    if plan.signal == Signal::TERM {
        assert!(repeats == 0.0 && most == events, "repeated: {told}");
    } else {
        // For each crash at most one scrape is delivered and not checkpointed: a second of failures, or two if it was late.
        let a_second = f64::from(PER_TICK * 20) / f64::from(FAILS);
        let of_a_scrape = 2.0 * a_second;
        assert!(
            repeats <= f64::from(restarts) * of_a_scrape,
            "too often: {told}"
        );
        let of_a_scrape = of_a_scrape * f64::from(FAILS);
        assert!(
            most - events <= f64::from(restarts) * of_a_scrape,
            "too often: {told}"
        );
    }
    told
}

/// By how much Prometheus has seen rise what every event moves by one.
async fn rises(prometheus: &Prometheus) -> Vec<f64> {
    let mut rises = Vec::new();
    for family in OF_EVERY_EVENT {
        rises.push(prometheus.rise(family).await);
    }
    rises
}
