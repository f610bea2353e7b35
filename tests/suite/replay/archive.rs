//! An archive as Azure Monitor keeps it in a storage account, of simulated traffic
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs?tabs=log-analytics#send-to-azure-storage>).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use acs_log_simulator::{Envelopes, Settings};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    time: &'a str,
    resource_id: &'a str,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) files: usize,
    pub(super) records: u64,
    pub(super) bytes: usize,
}

/// Writes the traffic of some time from `start` on below `folder`: a line a record, a file for each category, resource
/// and hour.
pub(super) fn write(
    folder: &Path,
    settings: &Settings,
    start: OffsetDateTime,
    duration: Duration,
) -> Written {
    let mut files: HashMap<PathBuf, BufWriter<File>> = HashMap::new();
    let mut written = Written::default();
    let seconds = usize::try_from(duration.as_secs()).unwrap();
    for envelope in Envelopes::new(settings, start)
        .unwrap()
        .take(seconds)
        .flatten()
    {
        let body: Body<'_> = serde_json::from_str(&envelope.body).unwrap();
        for record in body.records {
            let head: Head<'_> = serde_json::from_str(record.get()).unwrap();
            let time = OffsetDateTime::parse(head.time, &Rfc3339).unwrap();
            let path = folder.join(format!(
                "insights-logs-{}/resourceId={}/y={:04}/m={:02}/d={:02}/h={:02}/m=00/PT1H.json",
                envelope.category.name().to_ascii_lowercase(),
                head.resource_id,
                time.year(),
                u8::from(time.month()),
                time.day(),
                time.hour()
            ));
            let file = files.entry(path).or_insert_with_key(|path| {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                BufWriter::new(File::create(path).unwrap())
            });
            writeln!(file, "{}\r", record.get()).unwrap();
            written.records += 1;
            written.bytes += record.get().len() + 2;
        }
    }
    written.files = files.len();
    for file in files.values_mut() {
        file.flush().unwrap();
    }
    written
}
