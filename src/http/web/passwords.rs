//! Whether a password is right. bcrypt is slow on purpose: one check runs at a time, on a thread of its own, and who has
//! given the right password once is known.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

/// Who waits for checks: so many of one address, so that an attacker keeps no other client waiting for long.
const WAITING_MAX: usize = 2;

/// How long the answer to a wrong password takes at least: an attacker can keep a core busy for a fraction of this.
const WRONG: Duration = Duration::from_secs(1);

/// How many right passwords are known. There are a few scrapers.
const KNOWN_MAX: usize = 100;

/// What a user is checked against who does not exist, so that the time tells nobody which users do. Nobody knows its
/// password.
const NOBODY: &str = "$2b$10$T1GdyBvDKNmL2R0T5cD0JeUh7gyGhV1hHLuBBkBkJb3xp6tb5wLqy";

/// Checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    one_at_a_time: Arc<Semaphore>,
    known: Arc<Mutex<HashSet<Vec<u8>>>>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// Too many passwords of an address are being checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        Self {
            one_at_a_time: Arc::new(Semaphore::new(1)),
            known: Arc::default(),
            waiting: Mutex::default(),
        }
    }
}

impl Passwords {
    /// Whether the password of a user, whose hash this is, is right. If there is no such user, it is wrong.
    pub(super) async fn is_right(
        &self,
        peer: IpAddr,
        user: &str,
        hash: Option<&str>,
        password: String,
    ) -> Result<bool, Busy> {
        let known_as = digest(&[user, hash.unwrap_or(NOBODY), &password]);
        if self.known.lock().contains(&known_as) {
            return Ok(true);
        }
        let _turn = self.turn(peer)?;
        let is_right = self.check(known_as, hash, password).await.ok_or(Busy)?;
        if !is_right {
            sleep(WRONG).await;
        }
        Ok(is_right)
    }

    /// None if the system has no thread left. A check that began goes on even if its client goes away: where bcrypt takes
    /// longer than a scraper waits, the next scrape is known.
    async fn check(&self, known_as: Vec<u8>, hash: Option<&str>, password: String) -> Option<bool> {
        let permit = Arc::clone(&self.one_at_a_time).acquire_owned().await.ok()?;
        let known = Arc::clone(&self.known);
        let (hash, exists) = (hash.unwrap_or(NOBODY).to_owned(), hash.is_some());
        let (answer, checked) = oneshot::channel();
        let check = move || {
            let is_right = bcrypt::verify(password, &hash).unwrap_or(false) && exists;
            if is_right {
                let mut known = known.lock();
                if known.len() >= KNOWN_MAX {
                    known.clear();
                }
                known.insert(known_as);
            }
            let _client_is_gone = answer.send(is_right);
            drop(permit);
        };
        thread::Builder::new()
            .name("password".to_owned())
            .spawn(check)
            .ok()?;
        checked.await.ok()
    }

    fn turn(&self, peer: IpAddr) -> Result<Turn<'_>, Busy> {
        let mut waiting = self.waiting.lock();
        let of_peer = waiting.entry(peer).or_default();
        if *of_peer >= WAITING_MAX {
            return Err(Busy);
        }
        *of_peer += 1;
        Ok(Turn {
            waiting: &self.waiting,
            peer,
        })
    }
}

/// A check of an address that has not ended.
struct Turn<'a> {
    waiting: &'a Mutex<HashMap<IpAddr, usize>>,
    peer: IpAddr,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        if let Some(of_peer) = waiting.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                waiting.remove(&self.peer);
            }
        }
    }
}

/// Which user, with which hash, has given which password: the password itself is not kept.
fn digest(parts: &[&str]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().to_vec()
}
