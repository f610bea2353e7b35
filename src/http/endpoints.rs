//! What each endpoint answers.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::time::Instant;

use super::Content;
use super::connection::Connection;
use super::delivery::Delivery;
use super::scrape_watch::ScrapeWatch;
use super::scraper::Scraper;
use super::scrapes::Scrapes;

/// Prometheus 3 fails a scrape that has no content type, so it is always this one.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes. Each request has its [`Connection`] as an extension.
pub(super) fn router(content: Content, watch: Arc<ScrapeWatch>, scrapes: Scrapes) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/", get(home))
        .layer(Extension(watch))
        .layer(Extension(scrapes))
        .with_state(content)
}

/// A scrape that is delivered whole acknowledges its snapshot; its connection knows when that is. HEAD has no body to
/// deliver.
async fn metrics(
    State(content): State<Content>,
    Extension(watch): Extension<Arc<ScrapeWatch>>,
    Extension(scrapes): Extension<Scrapes>,
    Extension(connection): Extension<Arc<Connection>>,
    method: Method,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let is_get = method == Method::GET;
    let mut delivery = is_get.then(|| Delivery::new(content.exposition, watch));
    let client = match Scraper::of(&query, &headers, connection.peer, &content.delivery) {
        Ok(client) => client,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    match scrapes.scrape().await {
        Ok(scrape) => {
            if let Some(mut delivery) = delivery.take() {
                delivery.sends(scrape.clone(), client);
                connection.delivers(delivery);
            }
            ([(header::CONTENT_TYPE, TEXT_FORMAT)], scrape.body).into_response()
        }
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot encode the metrics: {error}\n"),
        )
            .into_response(),
    }
}

/// Fails only when a restart would help; an unreachable event hub does not fail it.
async fn healthy(State(content): State<Content>) -> (StatusCode, String) {
    answer("healthy", &content.liveness.not_healthy(Instant::now()))
}

/// What is wrong with the scrapers is in the text alone: the exporter reads.
async fn ready(
    State(content): State<Content>,
    Extension(watch): Extension<Arc<ScrapeWatch>>,
) -> (StatusCode, String) {
    let (status, text) = answer("ready", &content.liveness.not_ready(Instant::now()));
    let warnings = watch.check.warnings().into_iter();
    let warnings: Vec<_> = warnings
        .map(|warning| format!("warning: {warning}\n"))
        .collect();
    (status, text + &warnings.concat())
}

fn answer(state: &str, faults: &[String]) -> (StatusCode, String) {
    if faults.is_empty() {
        return (StatusCode::OK, format!("{state}\n"));
    }
    let text = format!("not {state}\n{}\n", faults.join("\n"));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn home() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>acs-recording-exporter</title>\
         <h1>acs-recording-exporter</h1>\
         <p>Call Recording logs of Azure Communication Services, as Prometheus metrics.\
         <ul><li><a href=/metrics>metrics</a><li><a href=/-/ready>ready</a><li><a href=/-/healthy>healthy</a></ul>",
    )
}
