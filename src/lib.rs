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
//! or a document      of a file                              source::replay
//!   -> Event         position, enqueued_at, body            event
//!   -> Batch         of one partition, in order             event               bounded queue, one writer behind it
//!   -> Envelope      the records of a body, still unread    envelope::open      pure; repair, where JSON is broken
//!   -> Record        Operation | Summary | Usage | Other    acs::read           pure
//!   -> Observation   which series move, by how much         acs::observe        pure
//!   -> series        of the `prometheus` registry           metrics
//!   -> scrape        a cut, taken under the writer's lock   metrics::Exposition -> http
//! ```
//!
//! # Where to look
//!
//! | question | place |
//! | --- | --- |
//! | Where is a label of a metric decided? | the `observe` of its log: `acs/operation.rs`, `acs/summary.rs`, `acs/usage.rs`; `resource`, `category` and `level` in `acs/mod.rs` |
//! | What counts as a failure? | `acs/outcome.rs` for requests, `acs/end_reason.rs` for recordings, `acs/rules.rs` for what the user says |
//! | Which shapes of a body are taken, and what is repaired? | `envelope/tests.rs` shows all; `repair/mod.rs` names each repair |
//! | Which spellings of a time, a number, a name? | `acs/instant.rs`, `acs/value.rs`, `acs/view.rs` |
//! | Which properties does a log have? | the `SCHEMA` of its file; one that is not in it is told as `Record::unfamiliar` |
//! | Which metrics are there? | `metrics/acs.rs` about ACS, `telemetry/families.rs` about the exporter; or the command `metrics` |
//! | How is a label kept bounded, and the number of series? | `metrics/labels.rs`, `metrics/budget.rs` |
//! | Why do failure series exist before any failure? | `metrics/zeros.rs` |
//! | What becomes of what cannot be read? | counted in `telemetry`; kept, if asked for, by `dead_letters/` |
//! | How does history get into Prometheus? | `metrics/backfill.rs` and `metrics/openmetrics.rs`, by the command `replay` |
//! | What happens when a link breaks? | `source/event_hub/reader.rs` |
//! | Who asks for a token, and when for the next? | `config/auth.rs` decides who, `source/event_hub/credential/` asks |
//! | What is remembered across restarts, and how does it survive a crash? | `checkpoint/state.rs`; `checkpoint/file.rs` |
//! | When has a scrape been delivered, and to whom? | `http/connection.rs` knows its last byte, `http/scraper.rs` who counts, `delivery/ledger.rs` what follows |
//! | How long may a client take, and how many may connect? | `http/settings.rs` |
//! | Which keys has the configuration? | `config/keys.rs`, and `config/exporter.yaml` for people |
//!
//! # Modules, in reading order
//!
//! [`event`], [`disposition`], [`repair`], [`envelope`] and [`acs`] are the core: values and functions of values, no I/O,
//! no clock, no log. [`family`] is how metric families are declared; [`metrics`] and [`telemetry`] hold every one, about
//! ACS and about ourselves. [`pipeline`] is the loop that joins them; [`dead_letters`] keeps what could not be read.
//! [`source`] reads event hubs, or files in their stead, [`liveness`] knows whether it does, [`http`] serves what is
//! known. [`delivery`] is about when that has been seen, [`checkpoint`] keeps how far it was across restarts. [`config`]
//! composes the settings that each module owns. [`service`] builds the parts and stops them in order, [`shutdown`] turns
//! signals into a token. [`cli`] has the commands. [`hub`] is a local Event Hub and [`simulate`] makes traffic for it; the
//! exporter needs neither.
//!
//! Nothing points back up: `cli -> service -> config -> {source, checkpoint, delivery, http, metrics, telemetry, shutdown,
//! dead_letters}`, `pipeline -> {event, envelope, acs, metrics, telemetry, dead_letters}`, `checkpoint -> event`, and the
//! core knows only itself. A test holds that.
//!
//! # What always holds
//!
//! 1. **Nothing is lost in silence.** Every record received is observed, ignored (a category that is not exported) or
//!    rejected (with a reason). What was received is counted where the envelope is split, the three where they happen.
//!    A record that is broken is repaired as far as that goes, and costs no other.
//! 2. **The first failure is seen.** A counter that is born at 1 is invisible to `increase()`, so the failure families
//!    stand at 0 for the whole known vocabulary of every resource that is configured or was seen. Failure series never
//!    expire.
//! 3. **A scrape is a consistent cut.** A batch is applied whole under one lock, and a scrape is gathered under it.
//! 4. **A hub that is away is not an error.** Its readers wait and open again after the last event that they passed on;
//!    `/metrics` answers from a thread of its own, and no client can keep others from it.
//! 5. **Everything is bounded**: the queue, batches, label values, series, what a body inflates to, connections, waits.
//!    A panic inside the decoder costs one record.
//! 6. **No personal data leaves**: no caller address, URI, recording, call or correlation id in a label or a log line.
//!    Dead letters have them, which is why they are off by default and their owner's alone.
//!
//! # What is not there yet
//!
//! Blob storage for checkpoints and the sharing of partitions between replicas: one process reads a hub today.

pub mod acs;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod dead_letters;
pub mod delivery;
pub mod disposition;
pub mod envelope;
pub mod event;
pub mod family;
pub mod http;
pub mod hub;
pub mod liveness;
pub mod metrics;
pub mod pipeline;
pub mod queue;
pub mod repair;
pub mod service;
pub mod shutdown;
pub mod simulate;
pub mod source;
pub mod telemetry;
