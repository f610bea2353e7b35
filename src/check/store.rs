//! Where checkpoints are stored: can it be read and written, and does it refuse a write whose condition does not hold?

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{Report, Step, within};
use crate::blobs::names::{self, Kind, Names};
use crate::blobs::{self, BlobError, Condition, Container, Metadata, Outcome};
use crate::checkpoint::{Scope, StoreError, StoreKind, inspect};
use crate::config::Config;
use crate::identity::storage_tokens;
use crate::telemetry::{Telemetry, chain};

/// Who is known to own partitions.
pub(super) enum Owners {
    /// Nothing is known about owners.
    Unknown,
    /// An exporter that uses the same checkpoint file, and so reads every partition.
    Exporter,
    /// Those that have leases: the owner of each partition of each event hub.
    Leases(BTreeMap<(String, String), String>),
}

pub(super) async fn check(
    config: &Config,
    has_token: bool,
    telemetry: &Arc<Telemetry>,
    report: &mut Report<'_>,
) -> Owners {
    match &config.checkpoint.store {
        StoreKind::Memory => {
            let text = "not stored: after a restart, reading begins at `event_hub.start`";
            report.ok(Step::StoreRead, "memory", text);
            Owners::Unknown
        }
        StoreKind::File(path) => file(path, config, report).await,
        StoreKind::Blob(container) if !has_token => {
            report.skip(&BLOB_STEPS, container.url().as_str(), "there is no token");
            Owners::Unknown
        }
        StoreKind::Blob(container) => blob(container, config, telemetry, report).await,
    }
}

const BLOB_STEPS: [Step; 3] = [Step::StoreRead, Step::StoreWrite, Step::StoreCondition];

async fn file(path: &Path, config: &Config, report: &mut Report<'_>) -> Owners {
    let subject = path.display().to_string();
    let source = &config.event_hub;
    let scope = Scope::new(&source.namespace.host, &source.consumer_group);
    let read = on_disk(path, move |path| inspect::peek(path, &scope)).await;
    let is_in_use = inspect::is_in_use(path);
    let found = read.map(|state| {
        let content = match state {
            Some(state) => format!("positions of {} partitions", state.checkpoints().len()),
            None => "there is no file yet".to_owned(),
        };
        let user = if is_in_use {
            "; a running exporter uses it"
        } else {
            ""
        };
        format!("{content}{user}")
    });
    report.add(Step::StoreRead, &subject, found);
    let written = on_disk(path, inspect::try_write).await;
    let found = written.map(|()| "a file beside it was written and removed");
    report.add(Step::StoreWrite, &subject, found);
    if is_in_use {
        Owners::Exporter
    } else {
        Owners::Unknown
    }
}

/// Does the work on another thread, since disks block, and network disks may hang.
async fn on_disk<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    let path = path.to_owned();
    let working = spawn_blocking(move || work(&path));
    match within(async { Ok(working.await?) }).await {
        Ok(worked) => worked.map_err(|error| chain(&error)),
        Err(error) => Err(format!("the disk: {error}")),
    }
}

async fn blob(
    settings: &blobs::Settings,
    config: &Config,
    telemetry: &Arc<Telemetry>,
    report: &mut Report<'_>,
) -> Owners {
    let subject = settings.url().to_string();
    let credential = config.store_credential.as_ref();
    let tokens = credential.map(|credential| storage_tokens(credential, Arc::clone(telemetry)));
    let opening = Container::open(settings, tokens, Arc::clone(telemetry));
    let listed = match opening {
        Ok(container) => leases(&container, config)
            .await
            .map(|leases| (container, leases)),
        Err(error) => Err(error),
    };
    let (container, leases) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let rest = [Step::StoreWrite, Step::StoreCondition];
            report.fail(Step::StoreRead, &subject, chain(&error));
            report.skip(&rest, &subject, "the container cannot be read");
            return Owners::Unknown;
        }
    };
    let text = format!("{} partitions have an owner", leases.len());
    report.ok(Step::StoreRead, &subject, text);
    let (namespace, group) = (
        config.event_hub.namespace.name(),
        &config.event_hub.consumer_group,
    );
    let name = names::check(namespace, group, rand::random());
    let written = write(&container, &name, &Condition::Missing).await;
    let condition = match &written {
        Ok(_) => Some(conditions_hold(&container, &name).await),
        Err(_) => None,
    };
    // Also after a failure: the write may have been done.
    let deleted = container.delete(&name).await;
    let found = written.and(deleted.map_err(|error| chain(&error)));
    let found = found.map(|()| "a blob was written and deleted");
    report.add(Step::StoreWrite, &subject, found);
    match condition {
        Some(found) => drop(report.add(Step::StoreCondition, &subject, found)),
        None => report.skip(
            &[Step::StoreCondition],
            &subject,
            "the container cannot be written",
        ),
    }
    Owners::Leases(leases)
}

async fn write(
    container: &Container,
    name: &str,
    condition: &Condition,
) -> Result<Outcome, String> {
    let written = container
        .write(name, &Metadata::new(), BODY, condition)
        .await;
    written.map_err(|error| chain(&error))
}

/// The content of the blob that is written. A write with a body is not looked up if its answer is lost.
const BODY: &[u8] = b"check";

/// The owner of each partition, by the leases in the container.
async fn leases(
    container: &Container,
    config: &Config,
) -> Result<BTreeMap<(String, String), String>, BlobError> {
    let source = &config.event_hub;
    let mut leases = BTreeMap::new();
    for event_hub in &source.event_hubs {
        let names = Names::new(source.namespace.name(), event_hub, &source.consumer_group);
        for blob in container.list(names.prefix()).await? {
            if let (Kind::Ownership(partition), Some(owner)) =
                (names.kind(&blob.name), blob.metadata.get("ownerid"))
                && !owner.is_empty()
            {
                leases.insert((event_hub.clone(), partition.to_owned()), owner.clone());
            }
        }
    }
    Ok(leases)
}

/// Writes the blob once more as the version that it is, then as one that it is no longer, and as one that does not exist.
async fn conditions_hold(container: &Container, name: &str) -> Result<&'static str, String> {
    let blob = container.head(name).await.map_err(|error| chain(&error))?;
    let first = Condition::Unchanged(blob.ok_or("a blob that was written is missing")?.etag);
    let renewed = write(container, name, &first).await?;
    let refused = [
        write(container, name, &first).await?,
        write(container, name, &Condition::Missing).await?,
    ];
    if renewed != Outcome::Refused && refused == [Outcome::Refused, Outcome::Refused] {
        Ok("a write of an old version is refused")
    } else {
        Err("the store does not keep the conditions of writes, so two replicas could own one partition: use Azure Blob \
             Storage, and no proxy that changes requests"
            .to_owned())
    }
}
