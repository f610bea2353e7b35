//! The world around the program, as it is: processes, HTTP, and waiting for what is to come.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use tokio::time::Instant;

pub(crate) use rustix::process::Signal;

/// Long enough for two busy cores; a test that passes never waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Asks again until the answer is `Ok`; panics with what it last saw.
pub(crate) async fn eventually<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(seen) if started.elapsed() > PATIENCE => {
                panic!("{what}: not within {PATIENCE:?}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts the program itself.
    pub(crate) fn exporter(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(
            Path::new(env!("CARGO_BIN_EXE_acs-recording-exporter")),
            arguments,
            variables,
        )
    }

    pub(crate) fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{}`: {error}", program.display()));
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// All that it has written so far.
    pub(crate) fn written(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// What stands behind `marker` in the first line that has it, once it is written.
    pub(crate) async fn says(&self, marker: &str) -> String {
        eventually(&format!("a line with `{marker}`"), || async {
            let lines = self.lines.lock().unwrap();
            let found = lines.iter().find_map(|line| {
                line.split_once(marker)
                    .map(|(_, rest)| rest.trim().to_owned())
            });
            found.ok_or_else(|| lines.join("\n"))
        })
        .await
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "does not end; it wrote:\n{}",
                self.written()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}

/// An exporter under test: its process and where it serves.
pub(crate) struct Exporter {
    pub(crate) process: Process,
    pub(crate) address: String,
    /// What it reads for as long as it runs.
    files: Vec<tempfile::NamedTempFile>,
}

impl Exporter {
    /// Starts `run` with a port of its own.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
            // No scrape qualifies unless a test makes one; such a test sets the start gate itself.
            ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "0s"),
        ];
        all.extend(variables);
        Self::started("127.0.0.1:0", &all).await
    }

    /// Starts `run` for what a connection string leads to, in a consumer group of its own.
    pub(crate) async fn reading(connection_string: &str, variables: &[(&str, &str)]) -> Self {
        let mut all = vec![
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
                connection_string,
            ),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter",
            ),
        ];
        all.extend(variables);
        Self::start(&all).await
    }

    /// Starts `run` at this address, with every default but for these variables.
    pub(crate) async fn started(listen: &str, variables: &[(&str, &str)]) -> Self {
        Self::serving(Process::exporter(&["run", "--listen", listen], variables)).await
    }

    /// Waits until an exporter serves.
    pub(crate) async fn serving(process: Process) -> Self {
        let rest = process.says("\"address\":\"").await;
        let address = rest.split('"').next().unwrap().to_owned();
        Self {
            process,
            address,
            files: Vec::new(),
        }
    }

    /// Keeps a file for as long as the exporter runs.
    pub(crate) fn keep(&mut self, file: tempfile::NamedTempFile) {
        self.files.push(file);
    }

    pub(crate) async fn ready(&self) {
        eventually("ready", || async {
            let (status, text) = get(&self.address, "/-/ready").await?;
            if status == 200 {
                Ok(())
            } else {
                Err(format!("{text}\n{}", self.process.written()))
            }
        })
        .await;
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS`, or `VmHWM` for the most that it ever was.
    pub(crate) fn memory_mib(&self, line: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|status| status.strip_prefix(line));
        let kib = line.unwrap().trim_start_matches(':').trim();
        kib.trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    pub(crate) async fn scrape(&self) -> Result<Samples, String> {
        let (status, text) = get(&self.address, "/metrics").await?;
        if status == 200 {
            Ok(Samples(text))
        } else {
            Err(text)
        }
    }
}

/// Made once: a client reads all certificates of the system. It keeps no connection, which would be of one test's runtime.
static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0);
    client.build().unwrap()
});

pub(crate) async fn get(address: &str, path: &str) -> Result<(u16, String), String> {
    let asking = async {
        let url = format!("http://{address}{path}");
        let response = CLIENT.get(url).send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
    };
    match tokio::time::timeout(Duration::from_secs(10), asking).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer within 10 s".to_owned()),
    }
}

/// A scrape, to be asked.
pub(crate) struct Samples(pub(crate) String);

impl Samples {
    /// The sum of the samples of `name` whose labels contain all of `labels`, each written `key="value"`.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.of(name)
            .filter(|(series, _)| labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// The same by the values of one label.
    pub(crate) fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let label = format!("{label}=\"");
        let mut sums = BTreeMap::new();
        for (series, value) in self.of(name) {
            let labelled = series.split_once(label.as_str()).map(|(_, rest)| rest);
            if let Some((label_value, _)) = labelled.and_then(|rest| rest.split_once('"')) {
                *sums.entry(label_value.to_owned()).or_default() += value;
            }
        }
        sums
    }

    /// Checks that every sample about an event hub names this Event Hubs namespace.
    pub(crate) fn event_hubs_are_of(&self, namespace: &str) {
        let namespace = format!(r#"event_hubs_namespace="{namespace}""#);
        let is_of_event_hub =
            |line: &&str| line.contains(r#"{event_hub=""#) || line.contains(r#",event_hub=""#);
        let lines: Vec<_> = self.0.lines().filter(is_of_event_hub).collect();
        assert!(!lines.is_empty(), "{}", self.0);
        for line in lines {
            assert!(line.contains(&namespace), "{line}");
        }
    }

    /// The labels and the value of each sample of `name`.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (series_name, labels) = series.split_once('{').unwrap_or((series, ""));
            (series_name == name).then(|| (labels, value.parse::<f64>().unwrap()))
        })
    }

    /// How many series `name` has.
    pub(crate) fn series(&self, name: &str) -> usize {
        self.0
            .lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('{'))
            })
            .count()
    }
}

/// The Python that has the Event Hubs client.
pub(crate) fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/.venv/bin/python");
    assert!(
        python.exists(),
        "no `{}`: run `tests/interop/setup` first",
        python.display()
    );
    python
}

/// A file beside the clients in other languages.
pub(crate) fn interop(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(file)
        .to_str()
        .unwrap()
        .to_owned()
}
