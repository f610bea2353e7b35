//! Killed at every step of a write, the next start reads the old state or the new one.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Stdio};

use super::*;

const STEPS: [&str; 8] = [
    "begun",
    "cleared",
    "made",
    "half written",
    "written",
    "synced",
    "renamed",
    "folder synced",
];

#[tokio::test]
async fn killed_at_any_step_of_a_write_the_next_start_reads_the_old_or_the_new_state() {
    let test =
        "crashes::killed_at_any_step_of_a_write_the_next_start_reads_the_old_or_the_new_state";
    if let Some((part, path)) = part() {
        return die_at(&part, &path).await;
    }
    // From the first write of all, over one that makes the file longer, to one that makes it shorter.
    for (old, new) in [(0, 1), (1, 49), (49, 2)] {
        for step in STEPS {
            let folder = tempfile::tempdir().unwrap();
            let path = file_in(&folder);
            let (mut store, _) = open(&path).unwrap();
            if old > 0 {
                store.save(&state(old)).await.unwrap();
            }
            store.close().await.unwrap();

            let is_new = matches!(step, "renamed" | "folder synced");
            // Where nothing came of it, once more, on top of what was left behind.
            for round in 1..=if is_new { 1 } else { 2 } {
                let output = again(test, &format!("{new} {step}"), &path)
                    .output()
                    .unwrap();
                let written = String::from_utf8_lossy(&output.stdout);
                assert!(written.contains("dies here"), "{step}: {written}");
                assert_eq!(
                    number_of(&reads(&path).await),
                    if is_new { new } else { old },
                    "after {step}, round {round}"
                );
            }
            let (mut store, _) = open(&path).unwrap();
            store.save(&state(5)).await.unwrap();
            store.close().await.unwrap();
            assert_eq!(number_of(&reads(&path).await), 5, "after {step}");
        }
    }
}

/// Saves a state and ends at a step of that.
async fn die_at(part: &str, path: &Path) {
    let (number, last) = part.split_once(' ').unwrap();
    let last = last.to_owned();
    let (mut store, _) = open(path).unwrap();
    let dies = move |step| {
        if step == last {
            println!("dies here");
            std::process::abort();
        }
    };
    let state = state(number.parse().unwrap());
    store.save_observed(&state, dies).await.unwrap();
    println!("did not get there");
}

/// Enough for every step to be hit many times.
const KILLS: usize = 200;

#[tokio::test]
async fn killed_at_any_moment_the_next_start_reads_the_old_or_the_new_state() {
    let test = "crashes::killed_at_any_moment_the_next_start_reads_the_old_or_the_new_state";
    if let Some((_, path)) = part() {
        return save_on_and_on(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let (mut last_read, mut stopped_before, mut stopped_after) = (0, 0, 0);
    for kill in 1..=KILLS {
        let mut child = again(test, "save", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        until_first_save(&mut lines);
        // Any moment is right, so none can be waited for.
        std::thread::sleep(Duration::from_micros(rand::random_range(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut written = String::new();
        lines.read_to_string(&mut written).unwrap();

        let last = |what: &str| {
            let mut numbers = written
                .lines()
                .filter_map(|line| line.strip_prefix(what)?.parse::<i64>().ok());
            numbers.next_back()
        };
        let saved = last("saved ").unwrap_or(last_read);
        let begun = last("saves ").unwrap_or(last_read + 1); // that line has been read
        let number = number_of(&reads(&path).await);
        assert!(
            number == saved || number == begun,
            "kill {kill}: read {number}, though {saved} was saved and {begun} begun:\n{written}"
        );
        if begun > saved {
            *(if number == saved {
                &mut stopped_before
            } else {
                &mut stopped_after
            }) += 1;
        }
        last_read = number;
    }
    println!(
        "{last_read} states; {stopped_before} writes were interrupted before their state was there, {stopped_after} after"
    );
    assert!(
        last_read > 0 && stopped_before > 0,
        "no kill has interrupted a write"
    );
}

/// Goes on after the state that is there, as fast as the disk allows.
async fn save_on_and_on(path: &Path) {
    let (mut store, found) = open(path).unwrap();
    for number in number_of(&found) + 1.. {
        println!("saves {number}");
        store.save(&state(number)).await.unwrap();
        println!("saved {number}");
    }
}

/// Reads up to the line of the first save; the test harness writes some before.
fn until_first_save(lines: &mut BufReader<ChildStdout>) {
    let mut written = String::new();
    while !written.contains("saves ") {
        let bytes = lines.read_line(&mut written).unwrap();
        assert!(bytes > 0, "the child ended:\n{written}");
    }
}
