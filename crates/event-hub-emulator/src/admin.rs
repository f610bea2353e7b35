//! Faults on request, over HTTP: for tests of consumers that are not written in Rust, or run in another process.
//!
//! Every fault is a POST that answers with a line of text, and so is publishing; `GET /` shows the partitions as JSON. It
//! is for a test's machine: there is no authentication, so it should listen on the loopback address only.
//!
//! | POST | does |
//! | --- | --- |
//! | `/cut-connections` | drops every connection without a word |
//! | `/close-connections?condition=amqp:connection:forced` | closes every connection with the condition |
//! | `/mute-connections` | leaves every connection open and never reads from it nor writes to it again |
//! | `/refuse-questions` | answers questions over the connections that are open with 401, and lets their links be |
//! | `/never-answer?on=true` | accepts new connections and never answers |
//! | `/silence?on=true` | neither reads nor answers, on old connections and new; goes on where it stood |
//! | `/away?on=true` | cuts every connection and refuses new ones, as a hub that restarts; keeps its events |
//! | `/refuse-tokens?status=401` | refuses tokens with the status; without one, takes them again |
//! | `/shorten-tokens?seconds=3` | lets tokens expire after so long; without it, when they say |
//! | `/be-busy?times=3` | answers the next sends with server-busy |
//! | `/be-busy-to-readers?times=3` | refuses the next readers with server-busy |
//! | `/delay-answers?ms=500` | leaves what clients say unread for so long |
//! | `/event-hubs/NAME/forget` | makes the event hub anew: no events, sequence numbers from 0 |
//! | `/event-hubs/NAME/grow?partitions=8` | gives it more partitions |
//! | `/event-hubs/NAME/partitions/0/detach?condition=amqp:internal-error` | detaches its readers, with a condition or without |
//! | `/event-hubs/NAME/partitions/0/freeze?on=true` | its readers, old and new, stay attached and get nothing |
//! | `/event-hubs/NAME/partitions/0/freeze-readers` | the readers of now stay attached and get nothing; new ones do |
//! | `/event-hubs/NAME/partitions/0/repeat?events=10` | sends the last events once more, over a link that stays |
//! | `/event-hubs/NAME/partitions/0/corrupt-next` | sends half of the next event |
//! | `/event-hubs/NAME/partitions/0/poison?sequence_number=5` | sends half of this event, to whomever and however often |
//! | `/event-hubs/NAME/partitions/0/trim?before=100` | drops the events before this sequence number |
//! | `/event-hubs/NAME/partitions/0/publish?times=3` | publishes the request's body as an event; once, unless told |

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Handle, HubError};

/// The endpoints, for a hub that may be running or not yet.
pub fn router(handle: Handle) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/cut-connections", post(cut_connections))
        .route("/close-connections", post(close_connections))
        .route("/mute-connections", post(mute_connections))
        .route("/refuse-questions", post(refuse_questions))
        .route("/never-answer", post(never_answer))
        .route("/silence", post(silence))
        .route("/away", post(away))
        .route("/refuse-tokens", post(refuse_tokens))
        .route("/shorten-tokens", post(shorten_tokens))
        .route("/be-busy", post(be_busy))
        .route("/be-busy-to-readers", post(be_busy_to_readers))
        .route("/delay-answers", post(delay_answers))
        .route("/event-hubs/{name}/forget", post(forget))
        .route("/event-hubs/{name}/grow", post(grow))
        .nest("/event-hubs/{name}/partitions/{partition}", of_partition())
        .with_state(handle)
}

fn of_partition() -> Router<Handle> {
    Router::new()
        .route("/detach", post(detach))
        .route("/freeze", post(freeze))
        .route("/freeze-readers", post(freeze_readers))
        .route("/repeat", post(repeat))
        .route("/corrupt-next", post(corrupt_next))
        .route("/poison", post(poison))
        .route("/trim", post(trim))
        .route("/publish", post(publish))
}

type Answer = Result<String, Refused>;

#[derive(Deserialize)]
struct Condition {
    condition: Option<String>,
}

#[derive(Deserialize)]
struct On {
    on: bool,
}

#[derive(Deserialize)]
struct Status {
    status: Option<u16>,
}

#[derive(Deserialize)]
struct Events {
    events: u32,
}

#[derive(Deserialize)]
struct Times {
    times: u32,
}

#[derive(Deserialize)]
struct TimesOrOnce {
    times: Option<u32>,
}

#[derive(Deserialize)]
struct Seconds {
    seconds: Option<u64>,
}

#[derive(Deserialize)]
struct SequenceNumber {
    sequence_number: i64,
}

#[derive(Deserialize)]
struct Before {
    before: i64,
}

#[derive(Deserialize)]
struct Milliseconds {
    ms: u64,
}

#[derive(Deserialize)]
struct Partitions {
    partitions: u32,
}

async fn show(State(hub): State<Handle>) -> Json<Value> {
    let event_hubs = hub.event_hubs().into_iter().map(|name| {
        let partitions: Vec<_> = hub
            .partitions(&name)
            .unwrap_or_default()
            .iter()
            .map(|state| {
                json!({
                    "partition": state.partition,
                    "first_sequence_number": state.first_sequence_number,
                    "last_sequence_number": state.last_sequence_number,
                    "retained_events": state.retained_events,
                    "retained_bytes": state.retained_bytes,
                    "readers": state.readers,
                })
            })
            .collect();
        (name, Value::from(partitions))
    });
    Json(Value::Object(event_hubs.collect()))
}

async fn cut_connections(State(hub): State<Handle>) -> Answer {
    Ok(format!("connections cut: {}\n", hub.cut_connections()))
}

async fn close_connections(State(hub): State<Handle>, Query(query): Query<Condition>) -> Answer {
    let condition = query
        .condition
        .as_deref()
        .unwrap_or("amqp:connection:forced");
    let closed = hub.close_connections(condition)?;
    Ok(format!("connections closed: {closed}\n"))
}

async fn mute_connections(State(hub): State<Handle>) -> Answer {
    Ok(format!("connections muted: {}\n", hub.mute_connections()))
}

async fn refuse_questions(State(hub): State<Handle>) -> Answer {
    let refusing = hub.refuse_questions();
    Ok(format!(
        "connections that answer no questions: {refusing}\n"
    ))
}

async fn never_answer(State(hub): State<Handle>, Query(query): Query<On>) -> Answer {
    hub.never_answer(query.on);
    Ok(DONE.to_owned())
}

async fn silence(State(hub): State<Handle>, Query(query): Query<On>) -> Answer {
    hub.silence(query.on);
    Ok(DONE.to_owned())
}

async fn away(State(hub): State<Handle>, Query(query): Query<On>) -> Answer {
    hub.away(query.on);
    Ok(DONE.to_owned())
}

async fn refuse_tokens(State(hub): State<Handle>, Query(query): Query<Status>) -> Answer {
    hub.refuse_tokens(query.status);
    Ok(DONE.to_owned())
}

async fn shorten_tokens(State(hub): State<Handle>, Query(query): Query<Seconds>) -> Answer {
    hub.shorten_tokens(query.seconds.map(Duration::from_secs));
    Ok(DONE.to_owned())
}

async fn be_busy(State(hub): State<Handle>, Query(query): Query<Times>) -> Answer {
    hub.be_busy(query.times);
    Ok(DONE.to_owned())
}

async fn be_busy_to_readers(State(hub): State<Handle>, Query(query): Query<Times>) -> Answer {
    hub.be_busy_to_readers(query.times);
    Ok(DONE.to_owned())
}

async fn delay_answers(State(hub): State<Handle>, Query(query): Query<Milliseconds>) -> Answer {
    hub.delay_answers(Duration::from_millis(query.ms));
    Ok(DONE.to_owned())
}

async fn forget(State(hub): State<Handle>, Path(name): Path<String>) -> Answer {
    hub.forget_everything(&name)?;
    Ok(DONE.to_owned())
}

async fn grow(
    State(hub): State<Handle>,
    Path(name): Path<String>,
    Query(query): Query<Partitions>,
) -> Answer {
    hub.grow(&name, query.partitions)?;
    Ok(DONE.to_owned())
}

async fn detach(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<Condition>,
) -> Answer {
    let detached = hub.detach_readers(&name, partition, query.condition.as_deref())?;
    Ok(format!("readers detached: {detached}\n"))
}

async fn freeze(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<On>,
) -> Answer {
    hub.freeze(&name, partition, query.on)?;
    Ok(DONE.to_owned())
}

async fn freeze_readers(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
) -> Answer {
    let frozen = hub.freeze_readers(&name, partition)?;
    Ok(format!("readers frozen: {frozen}\n"))
}

async fn repeat(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<Events>,
) -> Answer {
    hub.repeat(&name, partition, query.events)?;
    Ok(DONE.to_owned())
}

async fn corrupt_next(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
) -> Answer {
    hub.corrupt_next(&name, partition)?;
    Ok(DONE.to_owned())
}

async fn poison(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<SequenceNumber>,
) -> Answer {
    hub.poison(&name, partition, query.sequence_number)?;
    Ok(DONE.to_owned())
}

async fn trim(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<Before>,
) -> Answer {
    let dropped = hub.trim(&name, partition, query.before)?;
    Ok(format!("events dropped: {dropped}\n"))
}

async fn publish(
    State(hub): State<Handle>,
    Path((name, partition)): Path<(String, u32)>,
    Query(query): Query<TimesOrOnce>,
    body: Bytes,
) -> Answer {
    let times = query.times.unwrap_or(1);
    for _ in 0..times {
        hub.publish(&name, partition, &body)?;
    }
    Ok(format!("events published: {times}\n"))
}

/// What every fault without a count answers.
const DONE: &str = "done\n";

/// A fault that cannot be: of what does not exist, or with a value that will not do.
struct Refused(HubError);

impl From<HubError> for Refused {
    fn from(error: HubError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0 {
            HubError::UnknownEventHub(_) | HubError::UnknownPartition { .. } => {
                StatusCode::NOT_FOUND
            }
            _ => StatusCode::BAD_REQUEST,
        };
        (status, format!("{}\n", self.0)).into_response()
    }
}
