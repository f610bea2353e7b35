//! Names that are found slowly: the SDK looks the host up in the midst of its work, on a thread that others wait for.
//!
//! The exporter is started with a library before the system's own whose `getaddrinfo` sleeps while a file is there.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scene::{EVENT_HUB, Scene, report, restarts};

/// Longer than anything else here, shorter than every time-out.
const LOOKUP_SECONDS: u64 = 3;

/// What a scrape, and an event of a healthy partition, may take meanwhile.
const PROMPT: Duration = Duration::from_secs(1);

const SLOW_GETADDRINFO: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*system_getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    const char *slow = getenv("SLOW_NAMES");
    if (slow && access(slow, F_OK) == 0) {
        sleep(SECONDS);
    }
    return system_getaddrinfo(node, service, hints, found);
}
"#;

#[tokio::test]
async fn slow_names_hold_up_neither_scrapes_nor_other_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("slow_names.so");
    build(&library);
    let slow = folder.path().join("slow");
    let variables = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("SLOW_NAMES", slow.to_str().unwrap()),
    ];
    let mut scene = Scene::start(2, &variables).await;
    scene.publish(100);
    scene.calm().await;

    // One link breaks, and looks for the hub; the other goes on.
    File::create(&slow).unwrap();
    scene
        .faults()
        .detach_readers(EVENT_HUB, 0, Some("amqp:internal-error"))
        .unwrap();
    let broken = Instant::now();
    let mut slowest = Duration::ZERO;
    while broken.elapsed() < Duration::from_secs(LOOKUP_SECONDS) {
        let published = Instant::now();
        scene.publish_to(1, 1);
        scene.watched.observed().await;
        slowest = slowest.max(published.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    assert!(slowest < PROMPT, "an event of the other took {slowest:?}");
    scene.publish_to(0, 100);
    scene.watched.observed().await;
    let one = broken.elapsed();
    assert!(one.as_secs() >= LOOKUP_SECONDS, "nothing was looked up");

    // All break at once.
    let since = Instant::now();
    assert!(scene.faults().sever_connections() > 0);
    scene.publish(100);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    fs::remove_file(&slow).unwrap();
    let scrape = scene.settled().await;
    let polls = report(
        &format!(
            "lookups of {LOOKUP_SECONDS} s: one link after {:.1} s, the other's slowest event {} ms; then all",
            one.as_secs_f64(),
            slowest.as_millis()
        ),
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
    assert!(polls.slowest < PROMPT, "a scrape took {:?}", polls.slowest);
}

fn build(library: &Path) {
    let source = library.with_extension("c");
    fs::write(&source, SLOW_GETADDRINFO).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(library)
        .arg(format!("-DSECONDS={LOOKUP_SECONDS}"))
        .arg(&source)
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
}
