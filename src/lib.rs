//! A Prometheus exporter for the Call Recording logs of Azure Communication Services (ACS).
//!
//! Azure Monitor's diagnostic settings stream the logs of an ACS resource into an Event Hub. This program reads that
//! hub for as long as it runs, and exports what the logs say about Call Recording: failures, latency, result
//! signatures, what was recorded, what was used. This page is its map; it must stay true.
//!
//! # The way of an event
//!
//! ```text
//! ReceivedEventData  (the SDK's)                            source::event_hub   one task for each partition
//!   -> Event         position, enqueued_at, body            event
//!   -> Batch         of one partition, in order             event -> queue      a bounded lane for each partition
//!   -> Event         one at a time: whole, or not at all    pipeline::writer
//!   -> RecordText    a record of the body, still unread     envelope::open      pure; repair, where JSON is broken
//!      or            of a file, in windows                  source::replay      by the same envelope::Walk
//!   -> Record        its category, and an Observation:      acs::read           pure
//!                    which series move, by how much
//!   -> series        counters, gauges, histograms           metrics             the writer of pipeline, under one lock
//!   -> scrape        a snapshot, taken under that lock      metrics::Exposition -> format, http
//!   -> acknowledged  when its last byte was written         delivery
//!   -> checkpoint    a file, or blobs                       checkpoint          by the keeper of service
//! ```
//!
//! # Where to look
//!
//! | question | place |
//! | --- | --- |
//! | Where is a label of a metric decided? | the `observe` of its log: `acs/operation.rs`, `acs/summary.rs`, `acs/usage.rs`; `resource`, `category` and `level` in `acs/common.rs`; `event_hubs_namespace` in `family.rs` |
//! | Which log is a record of? | `acs/recognise.rs` |
//! | What counts as a failure? | the tables of `acs/failure.rs`, which docs/failures.md has too; `acs/rules.rs` applies them, and what the user says |
//! | Which shapes of a body are taken, and what is repaired? | `envelope/tests.rs` shows all; `repair/mod.rs` lists each repair |
//! | How much may one event cost? | the limits of `envelope/mod.rs`; `tests/suite/hostile.rs` measures it |
//! | How does a record begin, where the one before it never ends? | `repair/lookahead.rs` |
//! | How is a file of any size read as a body is? | `envelope/walk/`, window by window for `source/replay/text.rs` |
//! | Which spellings of a time, a number, a status, a name? | `acs/instant.rs`, `acs/value.rs`, `acs/status.rs`, `acs/view.rs` |
//! | Which value counts, if a record has several of a property? | `acs/values.rs` |
//! | Which properties does a log have, and how is each read? | the `schema` of its `CATEGORY`; a property that is not in it is listed in `Record::unfamiliar`, one that cannot be read in `Record::unreadable` |
//! | Which metrics are there? | the file of each log in `acs/` about ACS, `telemetry/families.rs` about the exporter; or the command `metrics` |
//! | In which format is a scrape written? | `http/accept.rs` decides, `format/` writes; docs/metrics.md has what each format has |
//! | What has an exemplar, and when did a counter begin? | `metrics/vectors.rs` about ACS, `metrics/own.rs` about the exporter |
//! | How is a label kept bounded, and the number of series? | `metrics/labels.rs`, `metrics/label_sets.rs` |
//! | What may a label or a log line contain of a record? | `acs/grammar.rs`; `metrics/labels.rs` applies it |
//! | What is needed to export another log category? | one file in `acs/`, and its line in `CATEGORIES` of `acs/mod.rs` |
//! | Which series stand at 0 before anything happens, and why? | the `known` of each log; `metrics/label_sets.rs` |
//! | What becomes of what cannot be read? | counted in `telemetry`; kept, if asked for, by `dead_letters/` |
//! | How does history get into Prometheus? | `metrics/backfill.rs` and `metrics/openmetrics.rs`, by the command `replay` |
//! | What does a refusal say, and to whom? | `Explained` in `source/event_hub/error.rs`; `liveness.rs` keeps the last for `/-/ready` |
//! | When is a position lost, and where does reading continue then? | `source/event_hub/progress/doubt.rs`, `progress/bookmark.rs`; docs/recovery.md |
//! | What ends a link, and what is done about it? | `source/event_hub/progress/`, by the causes in `error.rs` and the waits in `backoff.rs`; docs/recovery.md has all in one table |
//! | What verifies that a partition is alive? | `source/event_hub/progress/`; `liveness.rs` decides what follows if that fails |
//! | Why does the SDK's client live on a runtime of its own? | `source/event_hub/connections.rs` |
//! | How many connections, threads and open files? | `service/limits.rs` divides what the system allows, `source/event_hub/capacity.rs` shares it |
//! | Which call was it that failed? | `log.failures: on`; `pipeline/failures.rs` |
//! | When does an event wait for a scrape? | `pipeline/writer.rs`, by what `metrics/label_sets.rs` knows; docs/delivery.md has the promise |
//! | How long may a partition wait for scrapes? | `pipeline/waits.rs` |
//! | What changes without a restart, and how? | `service/reload.rs`; the keys that are declared as `reloads` |
//! | In which order does everything stop? | the `Signals` of `service/mod.rs`; `service/running.rs` |
//! | With which identity is a token requested, and when the next one? | `config/auth.rs` decides the identity, `identity/` requests the tokens |
//! | Where may TLS be off? | `identity/clear_text.rs`; no client of ours follows a redirect |
//! | What keeps a secret out of the log, of faults and of core dumps? | `telemetry/redaction.rs`, `telemetry/settings.rs`; `config/fault.rs`; `cli/run.rs` |
//! | What is remembered across restarts, and how does it survive a crash? | `checkpoint/state.rs`; `checkpoint/file.rs`, `checkpoint/series.rs` |
//! | Which replica reads which partition, and when is one handed over? | `replica/balance.rs` computes it, `replica/cycle.rs` does it; docs/replicas-design.md has the promise |
//! | What keeps a replica that slept from undoing what another did? | `checkpoint/blobs/positions.rs`, and the `Lease` of `source/event_hub/assignment.rs` |
//! | What are the blobs called, and what is in them? | `blobs/names.rs`, `checkpoint/blobs/format.rs` |
//! | Is the world as the configuration says? | the command `check`: `check/` has a file for each group of steps; docs/check.md |
//! | When has a scrape been delivered, and to whom? | `http/connection.rs` knows its last byte, `http/scraper.rs` which scrapers count, `delivery/ledger.rs` what follows |
//! | Are the scrapers those that are expected? | `http/scraper_check.rs` decides, `http/scrape_watch.rs` logs it |
//! | How long may a client take, and how many may connect? | `http/settings.rs` |
//! | Who makes room if there are too many clients? | `http/eviction.rs`; `http/scrapes.rs` shares one body among many |
//! | Who may ask for what, and how does TLS begin? | `http/web`; `config/web.rs` reads the file that says it |
//! | What does the page at `/` show, and from where? | `status/mod.rs` reads the metrics and the liveness, `status/page.rs` shows them; `http/looks.rs` says how often |
//! | Which keys has the configuration? | the `settings!` of each module; `config/exporter.yaml` and `docs/configuration.md` are generated from them |
//!
//! # Modules, in reading order
//!
//! [`event`], [`disposition`], [`repair`], [`envelope`] and [`acs`] are the core: values and functions of values, no
//! I/O, no clock, no log. [`setting`] is how the keys of the configuration are declared, [`family`] how metric families
//! are; [`metrics`] and [`telemetry`] hold every family, about ACS and about ourselves, [`format`](mod@format) writes what they show. [`queue`] leads from the
//! partitions to [`pipeline`], the loop that joins them; [`dead_letters`] keeps what could not be read. [`identity`] is
//! how the exporter authenticates to Azure: tokens and secrets, for [`source`] and [`blobs`] alike. [`source`] reads
//! event hubs, or files in their stead, [`liveness`] knows whether it does, [`status`] shows it
//! to people, [`http`] serves what is known. [`delivery`]
//! decides when a snapshot has been delivered, [`checkpoint`] stores the delivered positions across restarts. [`replica`]
//! shares the partitions with other replicas, by leases; [`blobs`] is the store for that. [`config`] composes the settings
//! that each module owns. [`service`] builds the parts, starts them and drains them in order, [`shutdown`] turns signals
//! into a token; [`check`] looks at the world that they will find. [`version`] says which build this is, [`watched`] whether a
//! file has changed. [`cli`] has the
//! commands.
//!
//! Two crates stand beside this one, since the exporter needs neither: `crates/event-hub-emulator`, a local Event Hub, and
//! `crates/acs-log-simulator`, which makes traffic for it. Each has a command of its own, `hub` and `simulate`; the feature
//! `demo` (a default) adds both, and the command `demo`, which joins them with the exporter.
//!
//! Nothing points back up, and no two modules use each other: `main -> cli -> {service, check} -> config -> {replica, source,
//! checkpoint, delivery, http, metrics, identity, blobs, telemetry, shutdown, dead_letters}`, `replica -> {source, checkpoint,
//! blobs}`, `pipeline -> {queue, event, envelope, acs, metrics, delivery, telemetry, liveness, dead_letters}`, `source ->
//! {envelope, dead_letters, identity, queue, liveness, telemetry, family, event}`, `checkpoint -> {blobs, delivery, acs}`,
//! `http -> {status, metrics, format, liveness, delivery}`, `status -> {metrics, format, liveness, telemetry}`, `metrics -> format -> family`, `identity -> telemetry`, and the core knows only itself. A test holds that, and prints the graph.
//!
//! # What always holds
//!
//! 1. **Nothing is lost in silence.** Every record received is observed, ignored (a category that is not exported, or a
//!    resource of another provider) or rejected (with a reason). What was received is counted where the envelope is split,
//!    the three where they happen. A record that is broken is repaired as far as that goes, and costs no other; each repair
//!    and each value that cannot be read is counted.
//! 2. **The first failure is seen.** A counter that is born at 1 is invisible to `increase()`, so the failure families
//!    stand at 0 for the whole known vocabulary of every resource that is configured, remembered or was seen, and an event
//!    that would move a failure series which no scrape has shown waits until one has, as long as its partition has not waited
//!    for `delivery.hold_max` within ten minutes. Failure series never expire. No event waits for another series: the usual successes stand at 0 too, all label sets are remembered, and what is born above 0
//!    all the same is counted.
//! 3. **A checkpoint never runs ahead of a scrape.** An event is applied whole under one lock, with its position, and a scrape is
//!    gathered under it, so what a scrape shows and the positions that it acknowledges are one snapshot.
//! 4. **It never stalls silently.** Every partition is checked regularly, even when the event hub is idle. A link that
//!    fails the check is replaced by one that starts after the last event that was passed on. An unreachable event hub is
//!    not an error. `/metrics` answers from a thread of its own, and no client can keep others from it.
//! 5. **Everything is bounded**: lanes and the queue, batches, what the hub may send ahead, label values, series, what a
//!    body inflates to and how many records are read from it (of one event at a time), connections, snapshots, scrapers, waits. A panic inside the decoder costs one record, one inside the SDK
//!    a link.
//! 6. **No personal data leaves**: no caller address, URI, recording, call or correlation id in a label or a log line, but
//!    for the failure log (`log.failures`), which has the ids that Microsoft's support asks for, and exemplars (`metrics.exemplars`), which have the
//!    correlation id. Both are off by default. What does not
//!    look like a value of its label is `other`, and a record that was repaired adds no value to a label but its resource and a
//!    status. Dead letters have them, which is why they are off by default and their owner's alone.
//!
//! # Where the design was changed
//!
//! * Each connection has a runtime of its own (`source::event_hub`): the SDK's tasks wait for ever for the close of a peer
//!   that is silent, and nothing but the end of their runtime ends them.
//! * An event hub that was created anew is recognised by its creation time, which is later than the last event that was
//!   read: its sequence numbers may have passed the stored ones. Whatever else speaks against a position is doubted for a
//!   minute, and a link that begins behind the end shows the last event that was read before it continues
//!   (`source::event_hub::progress`). Sequences have only the enqueue time in common, so it decides where a lost position
//!   continues.
//! * A sequence gap, a lost position, and a skipped event each have a metric of their own beside
//!   `receiver_restarts_total{cause}`.
//! * The exporter counts as ready while the start gate is closed: it stands by.
//! * The TLS handshake takes a client without a certificate also where one is needed, and the request is refused instead: the
//!   kubelet's probes have none.
//! * A stop does not wait for a last scrape if there was no qualifying scrape for five minutes.
//! * A replica does not ask for one partition after the other. It announces itself by one blob, which it rewrites every
//!   cycle; the replica with the most partitions hands over to the one with the fewest, by a function that all compute alike
//!   (`replica`). That is one write a cycle however many partitions there are, nothing is asked for twice, and no replica
//!   gets more than its share because two asked at once.
//! * A replica acquires no partition before its start gate is open, and is not ready before that: others read on until the
//!   scrapers know it, and a rollout waits for it.
//! * The checkpoint blob names its writer beside what the official SDKs write there: otherwise a write whose answer was lost
//!   could not be distinguished from the write of another replica.
//! * A log category is a value, [`acs`]`::category::Category`, and not an arm of an enum: the decoder returns moves of typed
//!   label sets, and `metrics` applies them without knowing any category.
//! * A file is decoded by the walk that decodes a body, in windows (`envelope::walk`): a splitter of its own gave other numbers.
//! * For status, result type and end reason, the value that says failure wins over any other place of the record that says
//!   success (`acs::values`): a failure that is written once is a failure.
//! * The series about ACS are in structures of our own (`metrics::vectors`), since the model of the `prometheus` crate has no
//!   exemplars, native histograms or start times. Its registry has the families about the exporter and about the process.
//! * A key of the configuration is declared where it is used, by [`setting`]`::settings!`; the reference is generated.

mod acs;
mod blobs;
mod check;
mod checkpoint;
mod cli;
mod config;
mod dead_letters;
mod delivery;
mod disposition;
mod envelope;
mod event;
mod family;
mod format;
mod http;
mod identity;
mod liveness;
mod metrics;
mod pipeline;
mod queue;
mod repair;
mod replica;
mod service;
mod setting;
mod shutdown;
mod source;
mod status;
mod telemetry;
mod version;
mod watched;

pub use cli::{Cli, run};

/// What the tests, the benchmark and the fuzz target reach of the inside. It is no interface: the program is.
#[doc(hidden)]
pub mod inside {
    pub mod acs {
        pub use crate::acs::{FailureRules, catalogue, read};
    }
    pub mod blobs {
        pub use crate::blobs::{
            Blob, BlobError, Condition, Container, InvalidContainer, Metadata, Outcome, Settings,
        };
        pub mod names {
            pub use crate::blobs::names::Names;
        }
    }
    pub mod checkpoint {
        pub use crate::checkpoint::StoreKind;
        pub mod blobs {
            pub use crate::checkpoint::blobs::{BlobPositions, Found, OwnedPosition, Wrote};
        }
    }
    pub mod config {
        pub use crate::config::{File, Flag, KEYS, Sources, load};
    }
    pub mod envelope {
        pub use crate::envelope::{Behind, Opened, RECORDS_MAX, RecordText, Text, Walk, open};
    }
    pub mod event {
        pub use crate::event::{Batch, Event, PartitionId, Position, Reached};
    }
    pub mod identity {
        pub use crate::identity::{
            Application, Credential, CredentialKind, Identity, Secret, SecretSource, storage_tokens,
        };
    }
    pub mod metrics {
        pub use crate::metrics::{Exposition, Remembered};
    }
    pub mod pipeline {
        pub use crate::pipeline::apply;
    }
    pub mod repair {
        pub use crate::repair::Repair;
    }
    pub mod source {
        pub mod event_hub {
            pub use crate::source::event_hub::ConnectionString;
        }
    }
    pub mod telemetry {
        pub use crate::telemetry::{ExporterFamilies, Telemetry, chain};
    }
}
