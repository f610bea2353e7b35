//! What the exporter does when the world breaks: it goes on after the last event, counts nothing twice, says what
//! happened, and answers scrapes all the while.
//!
//! Each test is one fault of the hub, put on an exporter that reads it. [`links`] has those that end or deafen links,
//! [`refusals`] those of a hub that refuses, [`from_the_start`] those of one that always did, [`changes`] those that
//! change what a hub holds; [`quiet`] is no fault at all, [`panics`] answers over which the SDK panics, [`stopped`] a hub
//! that the system stops, [`dns`] names that are found slowly, and [`storm`] all of them at random.

mod changes;
mod dns;
mod from_the_start;
mod links;
mod panics;
mod poller;
mod quiet;
mod readers;
mod refusals;
mod scene;
mod stopped;
pub(crate) mod storm;

use std::time::Duration;

use event_hub_emulator::Handle;
use tokio::time::Instant;

use scene::{RESTARTS, Scene, report, restarts};

/// A fault, and what it must show as.
struct Fault {
    /// For the line that is printed.
    name: &'static str,
    begin: fn(&Handle),
    /// For how long, and how it is undone; none for a fault that happens once.
    undone: Option<(Duration, Undo)>,
    /// Causes of restarts, of which one must have been counted. None: nothing need be.
    causes: &'static [&'static str],
}

type Undo = fn(&Handle);

/// Puts a fault on an exporter while events come, and checks that each is counted once.
async fn check(fault: Fault) {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    // Some are on their way when it happens, some come right after.
    scene.publish(300);
    (fault.begin)(scene.faults());
    let mut since = Instant::now();
    scene.publish(200);
    if let Some((lasts, end)) = fault.undone {
        scene.publish_for(lasts).await;
        end(scene.faults());
        since = Instant::now();
    }
    scene.publish(50);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    report(fault.name, recovered, scene.watched, &restarts(&scrape)).await;
    let moved = fault.causes.iter().any(|cause| {
        let cause = format!("cause=\"{cause}\"");
        scrape.sum(RESTARTS, &[&cause]) > 0.0
    });
    assert!(
        moved || fault.causes.is_empty(),
        "none of {:?}: restarts {}",
        fault.causes,
        restarts(&scrape)
    );
}

/// As long as [`links`] are silent.
#[tokio::test]
async fn a_hub_that_is_stopped_and_continued() {
    stopped::check(Duration::from_secs(15)).await;
}

/// Long enough for each kind of fault; `tests/storm` lets it last as long as one likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_storm() {
    storm::pass(Duration::from_secs(40), 1).await;
}
