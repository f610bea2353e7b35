//! What each endpoint answers.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::time::Instant;

use super::Content;
use super::accept::Form;
use super::connection::Connection;
use super::delivery::Delivery;
use super::looks::Looks;
use super::reload::reload;
use super::scrape_watch::ScrapeWatch;
use super::scraper::Scraper;
use super::scrapes::Scrapes;
use super::web::{Door, admit};

/// The routes. Each request has its [`Connection`] as an extension.
pub(super) fn router(
    content: Content,
    watch: Arc<ScrapeWatch>,
    scrapes: Scrapes,
    looks: Looks,
    door: Door,
) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .route("/", get(home))
        .route("/api/v1/status", get(status))
        .fallback(nothing)
        .layer(Extension(watch))
        .layer(Extension(scrapes))
        .layer(Extension(looks))
        .layer(Extension(content.reloads.clone()))
        .with_state(content)
        .layer(from_fn_with_state(door, admit))
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
    let form = Form::of(&headers);
    match scrapes.scrape(form).await {
        Ok(scrape) => {
            if let Some(mut delivery) = delivery.take() {
                delivery.sends(scrape.clone(), client);
                connection.delivers(delivery);
            }
            let mut headers = HeaderMap::from_iter([
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static(form.format.content_type()),
                ),
                (
                    header::VARY,
                    HeaderValue::from_static("accept, accept-encoding"),
                ),
            ]);
            if form.gzip {
                let gzip = HeaderValue::from_static("gzip");
                headers.insert(header::CONTENT_ENCODING, gzip);
            }
            (headers, scrape.body).into_response()
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

/// The page for people. Its policy allows nothing but the style that is in it, so that no text can become more than text.
async fn home(Extension(looks): Extension<Looks>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    match looks.look().await {
        Some(look) => (headers, look.html).into_response(),
        None => stops(),
    }
}

/// No script, picture, font or frame; and nobody may frame the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page shows, for scripts.
async fn status(Extension(looks): Extension<Looks>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    match looks.look().await {
        Some(look) => (headers, look.json).into_response(),
        None => stops(),
    }
}

fn stops() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the exporter stops\n").into_response()
}

async fn nothing() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "not found; there are /metrics, /-/ready, /-/healthy, /api/v1/status and /\n",
    )
}
