//! A real Prometheus, and how its raw samples are counted.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde::Deserialize;

use crate::world::{Process, Signal, eventually, get};

/// A Prometheus that runs until this is dropped.
pub(crate) struct Prometheus {
    process: Process,
    address: String,
}

/// A series, with its samples: when, in seconds, and what.
#[derive(Debug, Deserialize)]
pub(crate) struct Series {
    pub(crate) metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
    value: Option<(f64, String)>,
}

impl Prometheus {
    /// In this folder, which may hold blocks below `tsdb`, with this configuration.
    pub(crate) async fn start(folder: &Path, config: &str) -> Self {
        Self::start_as(Path::new("prometheus"), &[], folder, config).await
    }

    /// The same as this program, with more flags.
    pub(crate) async fn start_as(
        program: &Path,
        flags: &[&str],
        folder: &Path,
        config: &str,
    ) -> Self {
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let address = free_address();
        let own = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.join("tsdb").display()),
            // What is older than 15 days would be deleted at the start.
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address={address}"),
        ];
        let all: Vec<_> = own
            .iter()
            .map(String::as_str)
            .chain(flags.iter().copied())
            .collect();
        let process = Process::start(program, &all, &[]);
        let prometheus = Self { process, address };
        eventually("Prometheus is ready", || async {
            match get(&prometheus.address, "/-/ready").await {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}\n{}", prometheus.process.written())),
            }
        })
        .await;
        prometheus
    }

    /// Stops it, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The answer to a query, now or at a time.
    pub(crate) async fn query(&self, query: &str, at: Option<i64>) -> Vec<Series> {
        let mut parameters = vec![("query", query.to_owned())];
        parameters.extend(at.map(|at| ("time", at.to_string())));
        let url =
            reqwest::Url::parse_with_params("http://prometheus/api/v1/query", parameters).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let text = self.get(&path).await;
        let answer: Answer = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        answer.data.result
    }

    /// What its API answers.
    pub(crate) async fn get(&self, path: &str) -> String {
        let (_, text) = get(&self.address, path).await.unwrap();
        text
    }

    /// The same, by the values of a label. What is zero is left out.
    pub(crate) async fn ask(
        &self,
        query: &str,
        at: Option<i64>,
        label: &str,
    ) -> BTreeMap<String, f64> {
        let answer = self.query(query, at).await;
        let of = |series: &Series| (series.metric.get(label).unwrap().clone(), series.value());
        let answers = answer.iter().map(of);
        answers.filter(|(_, value)| *value != 0.0).collect()
    }

    /// The sum of what a query answers; 0 if it answers nothing.
    pub(crate) async fn sum(&self, query: &str) -> f64 {
        self.query(query, None)
            .await
            .iter()
            .map(Series::value)
            .sum()
    }

    /// By how much the counters that a selector names have risen in an hour, by their raw samples.
    pub(crate) async fn rise(&self, selector: &str) -> f64 {
        let series = self.query(&format!("{selector}[1h]"), None).await;
        series.iter().map(Series::rise).sum()
    }
}

impl Series {
    /// Of an instant query.
    pub(crate) fn value(&self) -> f64 {
        let (_, value) = self.value.as_ref().expect("an instant vector");
        value.parse().unwrap()
    }

    /// The same as the server wrote it; none of a native histogram.
    pub(crate) fn text(&self) -> Option<String> {
        self.value.as_ref().map(|(_, text)| text.clone())
    }

    /// Of a range.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        let values = self.values.iter();
        values.map(|(_, value)| value.parse().unwrap())
    }

    /// By how much a counter has risen. Where it fell it began again at 0. Its first value is not a rise, as for
    /// `increase()`.
    fn rise(&self) -> f64 {
        let values: Vec<_> = self.values().collect();
        let rises = values.windows(2).map(|pair| match pair {
            [before, after] if after < before => *after,
            [before, after] => after - before,
            _ => 0.0,
        });
        rises.sum()
    }
}

/// An address on which no program listens: for programs that cannot take port 0, and for one that restarts at its address.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[test]
fn a_rise_counts_resets_and_not_what_was_first_seen() {
    let check = |values: &[f64], rise: f64| {
        let values = values.iter().map(|value| (0.0, value.to_string()));
        let series = Series {
            metric: BTreeMap::new(),
            values: values.collect(),
            value: None,
        };
        assert_eq!(series.rise(), rise);
    };
    check(&[], 0.0);
    check(&[5.0], 0.0);
    check(&[0.0, 1.0, 1.0, 4.0], 4.0);
    check(&[2.0, 5.0, 0.0, 1.0], 4.0);
    check(&[5.0, 2.0], 2.0);
}
