//! Replicas that cannot reach the event hub: one of two, or both.

use std::fs;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::scene::{PARTITIONS, Scene, assert_counted};
use crate::world::eventually;

pub(super) const VARIABLES: [(&str, &str); 2] =
    [("WATCHDOG__INTERVAL", "2s"), ("WATCHDOG__DEAD_AFTER", "8s")];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_cannot_read_is_handed_over_to_one_that_can() {
    let mut scene = Scene::new(&VARIABLES).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(7);
    let (_relay, cut_off) = start_two(&mut scene).await;
    cut_off.send_replace(scene.replicas["a"].process.id());
    eventually("the other replica reads all", || async {
        let shares = scene.watch.shares();
        if shares.get("b") == Some(&usize::try_from(PARTITIONS).unwrap()) {
            Ok(())
        } else {
            Err(format!("{shares:?}\n{}", scene.written()))
        }
    })
    .await;
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    assert_eq!(seen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_hub_moves_nothing() {
    let mut scene = Scene::new(&VARIABLES).await;
    let _prometheus = scene.prometheus().await;
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    let shares = scene.balanced(2).await;
    let moves = async || {
        let moves = "acs_recording_exporter_lease_moves_total";
        scene.sum(moves, &[]).await
    };
    let before = moves().await;
    scene.hub.handle().away(true);
    // Longer than the time after which a single replica would have handed over.
    tokio::time::sleep(Duration::from_secs(20)).await;
    scene.hub.handle().away(false);
    assert_eq!(scene.balanced(2).await, shares);
    assert_eq!(moves().await, before, "{}", scene.written());
}

/// Starts replicas `a` and `b`, which reach the hub by a relay. Returns the relay, and the process that it cuts off.
pub(super) async fn start_two(scene: &mut Scene) -> (JoinSet<()>, watch::Sender<u32>) {
    let cut_off = watch::Sender::new(0);
    let (relay, relayed) = relay(scene.hub.connection_string(), &cut_off).await;
    scene.set("EVENT_HUB__CONNECTION_STRING", &relayed);
    scene.set("LOG__CORE_DUMPS", "on"); // or only root sees the sockets of a process
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    scene.balanced(2).await;
    (relay, cut_off)
}

/// A way to the hub that ends with what is returned, and the connection string of its entrance. The process `cut_off`
/// cannot use it.
async fn relay(connection_string: &str, cut_off: &watch::Sender<u32>) -> (JoinSet<()>, String) {
    let rest = connection_string.split("sb://").nth(1).unwrap();
    let hub = rest.split([';', '/']).next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let entrance = listener.local_addr().unwrap().to_string();
    let relayed = connection_string.replacen(&hub, &entrance, 1);
    let (mut relay, cut_off) = (JoinSet::new(), cut_off.subscribe());
    relay.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, peer)) = listener.accept().await {
            // A hub that is away refuses the client too.
            let Ok(mut hub) = TcpStream::connect(&hub).await else {
                continue;
            };
            let entrance = client.local_addr().unwrap().port();
            let mut cut_off = cut_off.clone();
            connections.spawn(async move {
                tokio::select! {
                    biased;
                    _ = cut_off.wait_for(|process| is_of(*process, peer.port(), entrance)) => {}
                    _ = copy_bidirectional(&mut client, &mut hub) => {}
                }
            });
        }
    });
    (relay, relayed)
}

/// Whether a process has the socket from the one port to the other: a port can be that of several.
fn is_of(process: u32, from: u16, to: u16) -> bool {
    let [from, to] = [from, to].map(|port| format!("0100007F:{port:04X}"));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace());
    let inode = lines.find_map(|mut words| {
        let is_it = words.nth(1) == Some(&from) && words.next() == Some(&to);
        is_it.then(|| words.nth(6).unwrap().to_owned())
    });
    let (Some(inode), Ok(files)) = (inode, fs::read_dir(format!("/proc/{process}/fd"))) else {
        return false;
    };
    let socket = format!("socket:[{inode}]");
    let mut files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    files.any(|file| file.as_os_str() == socket.as_str())
}
