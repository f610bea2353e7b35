//! What each endpoint answers.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Shown;

/// Prometheus 3 fails a scrape that has no content type, so it is always this one.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/", get(home))
        .with_state(shown)
}

/// Here, later, a scrape that was written whole acknowledges the positions that it carried.
async fn metrics(State(shown): State<Shown>) -> Response {
    shown
        .exposition
        .telemetry()
        .scraped(OffsetDateTime::now_utc());
    match shown.exposition.scrape() {
        Ok(scrape) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], scrape.body).into_response(),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot encode the metrics: {error}\n"),
        )
            .into_response(),
    }
}

/// Fails only for what a restart cures. A hub that is down is not.
async fn healthy(State(shown): State<Shown>) -> (StatusCode, String) {
    told("healthy", shown.liveness.healthy(Instant::now()))
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, String) {
    told("ready", shown.liveness.ready(Instant::now()))
}

fn told(state: &str, missing: Result<(), String>) -> (StatusCode, String) {
    match missing {
        Ok(()) => (StatusCode::OK, format!("{state}\n")),
        Err(missing) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not {state}\n{missing}\n"),
        ),
    }
}

async fn home() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>acs-recording-exporter</title>\
         <h1>acs-recording-exporter</h1>\
         <p>Call Recording logs of Azure Communication Services, as Prometheus metrics.\
         <ul><li><a href=/metrics>metrics</a><li><a href=/-/ready>ready</a><li><a href=/-/healthy>healthy</a></ul>",
    )
}
