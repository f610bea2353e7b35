//! Faults over HTTP: for tests of consumers in other languages, or in another process.
//!
//! Every fault is a POST that answers with a line of text, and so is publishing; `GET /` shows the partitions as JSON. It
//! is meant for the machine of a test: it has no authentication, so it should listen on the loopback address only. A web
//! page in a browser on that machine cannot use it, see [`guard`].
//!
//! The README lists them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::{EmulatorError, EventHub, Handle, PartitionState};

/// The header that every POST needs, with any value.
pub const HEADER: &str = "X-Event-Hub-Emulator";

/// What one request may ask for: more would keep it from its answer for minutes.
const TIMES_MAX: u32 = 10_000;

/// The endpoints, for a listener on this address. They go on answering when the emulator has stopped.
pub fn router(handle: Handle, listens_on: SocketAddr) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/{action}", post(on_all))
        .route("/event-hubs/{name}/{action}", post(on_event_hub))
        .route(
            "/event-hubs/{name}/partitions/{partition}/{action}",
            post(on_partition),
        )
        .layer(from_fn_with_state(listens_on.ip().is_loopback(), guard))
        .with_state(handle)
}

/// Refuses what a web page can send. It can POST to any address, but a header of its own only to a server that allows that,
/// and this one never does. It can read the answers of this machine only if the name of its own host leads here (DNS
/// rebinding), and then that name is the `Host`.
async fn guard(
    State(is_on_loopback): State<bool>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let headers = request.headers();
    if is_on_loopback && !headers.get(HOST).is_some_and(is_loopback) {
        return Err(Refused::Host);
    }
    if !request.method().is_safe() && !headers.contains_key(HEADER) {
        return Err(Refused::NoHeader);
    }
    Ok(next.run(request).await)
}

/// Whether a `Host` is this machine, with any port.
fn is_loopback(host: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What any action may be given.
#[derive(Deserialize)]
struct Arguments {
    condition: Option<String>,
    on: Option<bool>,
    status: Option<u16>,
    seconds: Option<u64>,
    ms: Option<u64>,
    times: Option<u32>,
    events: Option<u32>,
    partitions: Option<u32>,
    sequence_number: Option<i64>,
    before: Option<i64>,
    consumer_group: Option<String>,
}

impl Arguments {
    fn times(&self) -> Result<Option<u32>, Refused> {
        match self.times {
            Some(times) if times > TIMES_MAX => Err(Refused::TooOften),
            times => Ok(times),
        }
    }
}

/// A line of text.
type Answer = Result<String, Refused>;

/// Why an action was not carried out.
enum Refused {
    Host,
    NoHeader,
    UnknownAction,
    Missing(&'static str),
    TooOften,
    Failed(EmulatorError),
}

async fn show(State(hub): State<Handle>) -> Json<BTreeMap<String, Vec<PartitionState>>> {
    let event_hubs = hub.event_hubs().into_iter().map(|name| {
        let partitions = hub.partitions(&name).unwrap_or_default();
        (name, partitions)
    });
    Json(event_hubs.collect())
}

async fn on_all(
    State(hub): State<Handle>,
    Path(action): Path<String>,
    Query(arguments): Query<Arguments>,
) -> Answer {
    let on = || needed("on", arguments.on);
    let times = || needed("times", arguments.times()?);
    match action.as_str() {
        "sever-connections" => return Ok(counted("connections severed", hub.sever_connections())),
        "close-connections" => {
            let condition = arguments.condition.as_deref();
            let closed = hub.close_connections(condition.unwrap_or("amqp:connection:forced"))?;
            return Ok(counted("connections closed", closed));
        }
        "mute-connections" => return Ok(counted("connections muted", hub.mute_connections())),
        "refuse-questions" => {
            let refusing = hub.refuse_questions();
            return Ok(counted("connections that answer no questions", refusing));
        }
        "never-answer" => hub.never_answer(on()?),
        "silence" => hub.silence(on()?),
        "away" => hub.away(on()?),
        "refuse-tokens" => hub.refuse_tokens(arguments.status),
        "shorten-tokens" => hub.shorten_tokens(arguments.seconds.map(Duration::from_secs)),
        "be-busy" => hub.be_busy(times()?),
        "be-busy-to-readers" => hub.be_busy_to_readers(times()?),
        "refuse-positions" => hub.refuse_positions(times()?),
        "answer-null" => hub.answer_null(times()?),
        "delay-answers" => {
            hub.delay_answers(Duration::from_millis(needed("ms", arguments.ms)?));
        }
        _ => return Err(Refused::UnknownAction),
    }
    Ok("done\n".to_owned())
}

async fn on_event_hub(
    State(hub): State<Handle>,
    Path((name, action)): Path<(String, String)>,
    Query(arguments): Query<Arguments>,
) -> Answer {
    match action.as_str() {
        "recreate" => hub.recreate(&name)?,
        "create" => {
            let partitions = needed("partitions", arguments.partitions)?;
            hub.create_event_hub(&EventHub::new(name, partitions))?;
        }
        "create-consumer-group" => {
            let group = needed("consumer_group", arguments.consumer_group)?;
            hub.create_consumer_group(&name, &group)?;
        }
        "grow" => hub.grow(&name, needed("partitions", arguments.partitions)?)?,
        _ => return Err(Refused::UnknownAction),
    }
    Ok("done\n".to_owned())
}

async fn on_partition(
    State(hub): State<Handle>,
    Path((name, partition, action)): Path<(String, u32, String)>,
    Query(arguments): Query<Arguments>,
    body: Bytes,
) -> Answer {
    match action.as_str() {
        "detach" => {
            let condition = arguments.condition.as_deref();
            let detached = hub.detach_readers(&name, partition, condition)?;
            return Ok(counted("readers detached", detached));
        }
        "freeze" => hub.freeze(&name, partition, needed("on", arguments.on)?)?,
        "freeze-readers" => {
            return Ok(counted(
                "readers frozen",
                hub.freeze_readers(&name, partition)?,
            ));
        }
        "repeat" => hub.repeat(&name, partition, needed("events", arguments.events)?)?,
        "answer-stale" => {
            let answers = needed("times", arguments.times()?)?;
            let events = needed("events", arguments.events)?;
            hub.answer_stale(&name, partition, answers, count(events))?;
        }
        "fall-back" => {
            let events = needed("events", arguments.events)?;
            hub.fall_back(&name, partition, count(events))?;
        }
        "corrupt-next" => hub.corrupt_next(&name, partition)?,
        "poison" => {
            let sequence_number = needed("sequence_number", arguments.sequence_number)?;
            hub.poison(&name, partition, sequence_number)?;
        }
        "trim" => {
            let before = needed("before", arguments.before)?;
            return Ok(counted(
                "events dropped",
                hub.trim(&name, partition, before)?,
            ));
        }
        "publish" => {
            let times = arguments.times()?.unwrap_or(1);
            for _ in 0..times {
                hub.publish(&name, partition, &body)?;
            }
            return Ok(counted("events published", times));
        }
        _ => return Err(Refused::UnknownAction),
    }
    Ok("done\n".to_owned())
}

fn needed<T>(name: &'static str, argument: Option<T>) -> Result<T, Refused> {
    argument.ok_or(Refused::Missing(name))
}

fn count(events: u32) -> usize {
    usize::try_from(events).unwrap_or(usize::MAX)
}

fn counted(what: &str, count: impl std::fmt::Display) -> String {
    format!("{what}: {count}\n")
}

impl From<EmulatorError> for Refused {
    fn from(error: EmulatorError) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Host => {
                let text = "the `Host` has to be that of this machine: `localhost`, `127.0.0.1` or `[::1]`, with any port";
                (StatusCode::FORBIDDEN, text.to_owned())
            }
            Self::NoHeader => {
                let text = format!("a POST has to have the header `{HEADER}: 1`");
                (StatusCode::FORBIDDEN, text)
            }
            Self::UnknownAction => (StatusCode::NOT_FOUND, "unknown action".to_owned()),
            Self::Missing(name) => {
                let text = format!("the query has to set `{name}`");
                (StatusCode::BAD_REQUEST, text)
            }
            Self::TooOften => {
                let text = format!("`times` has to be {TIMES_MAX} at most");
                (StatusCode::BAD_REQUEST, text)
            }
            Self::Failed(error) => {
                let status = match error {
                    EmulatorError::UnknownEventHub(_) | EmulatorError::UnknownPartition { .. } => {
                        StatusCode::NOT_FOUND
                    }
                    _ => StatusCode::BAD_REQUEST,
                };
                (status, error.to_string())
            }
        };
        (status, format!("{text}\n")).into_response()
    }
}
