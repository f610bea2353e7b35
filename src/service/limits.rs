//! What the system lets the process have, and how the parts divide it: whatever one part takes, the others keep theirs.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

use crate::http;

/// How many connections each part may have open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// Of the clients of the HTTP endpoints.
    pub(super) http: usize,
    /// To event hubs.
    pub(super) event_hubs: usize,
}

/// What a connection to an event hub takes: five files as long as it lives, and one while its host is looked up.
const FILES_PER_CONNECTION: usize = 6;

/// For the checkpoint, the store, tokens, dead letters and certificates.
const OTHER_FILES: usize = 64;

/// For the HTTP endpoints, dead letters, and name lookups of tokens and of the store.
const OTHER_THREADS: usize = 16;

impl Shares {
    /// Divides what is left to this process.
    pub(super) fn of_process() -> Self {
        let (files, threads) = (files_left(), threads_left());
        let shares = Self::divided(files, threads);
        tracing::info!(
            files = known(files),
            threads = known(threads),
            http_connections = shares.http,
            event_hub_connections = shares.event_hubs,
            "limits of the process"
        );
        shares
    }

    fn divided(files: usize, threads: usize) -> Self {
        let files = files - OTHER_FILES.min(files / 4);
        let http = http::CONNECTIONS_MAX.min(files / 2);
        let by_files = (files - http) / FILES_PER_CONNECTION;
        let by_threads = threads - OTHER_THREADS.min(threads / 4);
        Self {
            http: http.max(1),
            event_hubs: by_files.min(by_threads),
        }
    }
}

/// How many more files may be opened. The soft limit is raised to the hard one: it protects programs that use `select`.
fn files_left() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    let limit = if raised.is_ok() { maximum } else { current };
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    whole(limit).saturating_sub(open)
}

/// How many more threads may be started.
fn threads_left() -> usize {
    let of_user = match getrlimit(Resource::Nproc).current {
        Some(limit) if !getuid().is_root() => whole(Some(limit)).saturating_sub(threads_of_user()),
        _ => usize::MAX, // the system does not apply the limit to root
    };
    let control_groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    of_user.min(left_in(&control_groups, Path::new("/sys/fs/cgroup")))
}

/// How many more threads the control groups of a process allow, of the lines of its `/proc/PID/cgroup`.
fn left_in(control_groups: &str, root: &Path) -> usize {
    let folders = control_groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let root = match controllers {
            "" => root.to_owned(), // version 2 has one tree for all
            "pids" => root.join("pids"),
            _ => return None,
        };
        Some((root, Path::new(path.trim_start_matches('/')).to_owned()))
    });
    folders
        .flat_map(|(root, path)| {
            // Each group limits those in it. Inside a container, a group's path may be that of the host.
            let groups = path.ancestors().map(|group| root.join(group));
            groups.collect::<Vec<_>>()
        })
        .filter_map(|group| {
            let number = |file| {
                fs::read_to_string(group.join(file))
                    .ok()?
                    .trim()
                    .parse()
                    .ok()
            };
            let (most, now): (usize, usize) = (number("pids.max")?, number("pids.current")?);
            Some(most.saturating_sub(now))
        })
        .min()
        .unwrap_or(usize::MAX)
}

/// What is left, if there is a limit.
fn known(left: usize) -> Option<usize> {
    (left < usize::MAX / 2).then_some(left)
}

/// How many threads the user of this process has, as far as the process sees them: the limit is on all of them.
fn threads_of_user() -> usize {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_to_string(process.path().join("status")).ok())
        .filter_map(|status| {
            let number = |name| {
                let value = status.lines().find_map(|line| line.strip_prefix(name))?;
                value.split_whitespace().next()?.parse::<u32>().ok()
            };
            let is_own = number("Uid:")? == getuid().as_raw();
            let threads = number("Threads:").filter(|_| is_own)?;
            usize::try_from(threads).ok()
        })
        .sum()
}

/// A limit; without one, more than anything takes.
fn whole(limit: Option<u64>) -> usize {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn each_part_has_its_share_of_the_limits() {
        let divided = |files, threads| {
            let Shares { http, event_hubs } = Shares::divided(files, threads);
            (http, event_hubs)
        };
        assert_eq!(divided(usize::MAX, 1000), (256, 984));
        assert_eq!(divided(1_048_576, usize::MAX), (256, 174_709));
        assert_eq!(divided(1024, usize::MAX), (256, 117));
        assert_eq!(divided(256, usize::MAX), (96, 16));
        assert_eq!(divided(1_048_576, 40), (256, 30));
        assert_eq!(divided(32, 4), (12, 2));
        assert_eq!(divided(0, 0), (1, 0));
    }

    #[test]
    fn the_threads_of_other_processes_of_the_user_count_too() {
        let own = fs::read_dir("/proc/self/task").unwrap().count();
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let all = threads_of_user();
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(all > own, "{all} with another process, {own} of this one");
    }

    #[test]
    fn the_tightest_control_group_limits_the_threads() {
        let root = tempfile::tempdir().unwrap();
        let group = |path: &str, most: &str, now: &str| {
            let group = root.path().join(path);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("pids.max"), most).unwrap();
            fs::write(group.join("pids.current"), now).unwrap();
        };
        group("pod", "100\n", "90\n");
        group("pod/container", "max\n", "3\n");
        group("pids/pod", "50\n", "7\n");
        let left = |control_groups| left_in(control_groups, root.path());
        assert_eq!(left("0::/pod/container\n"), 10);
        assert_eq!(left("12:cpu:/pod\n7:pids:/pod\n"), 43);
        assert_eq!(left("0::/\n"), usize::MAX);
        assert_eq!(left(""), usize::MAX);
    }
}
