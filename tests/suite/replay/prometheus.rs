//! A real Prometheus, on blocks of history or scraping.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::text;
use crate::world::{Process, eventually, get};

/// Turns a history into blocks; returns what promtool says of them.
pub(super) fn make_blocks(history: &Path, tsdb: &Path) -> String {
    let made = Command::new("promtool")
        .args([
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            text(history),
            text(tsdb),
        ])
        .output()
        .expect("promtool is installed by `tests/run` (Debian's package prometheus)");
    let said =
        String::from_utf8_lossy(&made.stderr).into_owned() + &String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success(), "promtool: {said}");
    said.trim_end().to_owned()
}

pub(crate) struct Prometheus {
    process: Process,
    address: String,
}

impl Prometheus {
    /// On the blocks below `folder`, scraping nothing.
    pub(super) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, "").await
    }

    /// With its data below `folder`.
    pub(crate) async fn start_with(folder: &Path, configuration: &str) -> Self {
        let config = folder.join("prometheus.yml");
        fs::write(&config, configuration).unwrap();
        // It takes no port 0: somebody may be faster, and then it does not come up.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let process = Process::start(
            Path::new("prometheus"),
            &[
                &format!("--config.file={}", text(&config)),
                &format!("--storage.tsdb.path={}", text(&folder.join("tsdb"))),
                // What is older than 15 days would be deleted at the start.
                "--storage.tsdb.retention.time=100y",
                &format!("--web.listen-address={address}"),
            ],
            &[],
        );
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

    /// The answer to a query at a time, by the values of a label. What is zero is left out.
    pub(crate) async fn ask(&self, query: &str, at: i64, label: &str) -> BTreeMap<String, f64> {
        let parameters = [("query", query), ("time", &at.to_string())];
        let url =
            reqwest::Url::parse_with_params("http://prometheus/api/v1/query", parameters).unwrap();
        let (_, text) = get(
            &self.address,
            &format!("{}?{}", url.path(), url.query().unwrap()),
        )
        .await
        .unwrap();
        let answer: Answer = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        let of = |sample: Sample| {
            (
                sample.metric.get(label).cloned(),
                sample.value.1.parse::<f64>(),
            )
        };
        let answers = answer.data.result.into_iter().map(of);
        answers
            .map(|(of, value)| (of.unwrap(), value.unwrap()))
            .filter(|(_, value)| *value != 0.0)
            .collect()
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}
