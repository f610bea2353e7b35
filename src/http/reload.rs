//! `POST /-/reload`, for those whom the web configuration admits.

use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::{mpsc, oneshot};

/// A client waits for the end of a reload: what is wrong with the configuration, if anything.
pub(crate) type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// Requests reloads.
#[derive(Clone, Debug)]
pub(crate) struct Reloads(mpsc::Sender<ReloadRequest>);

/// Who requests reloads, and what they request.
pub(crate) fn reloads() -> (Reloads, mpsc::Receiver<ReloadRequest>) {
    let (requests, requested) = mpsc::channel(1); // more than one at a time would load the same
    (Reloads(requests), requested)
}

/// Without [`Reloads`], nobody may.
pub(super) async fn reload(
    Extension(reloads): Extension<Option<Reloads>>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let Some(Reloads(requests)) = reloads else {
        let text = "reloading by request is off: set `http.reload` to `on`, or send SIGHUP\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    };
    // Only browsers send it: a page of somebody else must not use the password that they remember.
    if headers.contains_key(header::ORIGIN) {
        let text = "a web page may not reload the configuration\n".to_owned();
        return (StatusCode::FORBIDDEN, text);
    }
    let (answer, result) = oneshot::channel();
    // If the exporter stops, the request is dropped, and so is the answer.
    drop(requests.send(answer).await);
    match result.await {
        Ok(Ok(())) => (StatusCode::OK, "reloaded\n".to_owned()),
        Ok(Err(faults)) => {
            let text = format!("not reloaded\n{faults}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text)
        }
        Err(_) => {
            let text = "the exporter stops\n".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_answered_while_the_exporter_stops() {
        let (reloads, requested) = reloads();
        drop(requested);
        let (status, _) = reload(Extension(Some(reloads)), HeaderMap::new()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
