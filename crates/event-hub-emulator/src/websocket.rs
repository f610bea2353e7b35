//! AMQP inside a WebSocket, for clients that are configured for it: the bytes of binary messages, one after the other.
//!
//! A message need not hold exactly one AMQP frame, in either direction: the binding of OASIS (AMQP WebSocket Binding 1.0)
//! asks for it, but no client checks.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::connection::task::Transport;

/// The path at Event Hubs; some clients add a slash.
const PATH: &str = "/$servicebus/websocket";

/// What clients ask for: JavaScript and Python the first, Rust (fe2o3-amqp-ws 0.16) the second.
const SUBPROTOCOLS: [&str; 2] = ["AMQPWSB10", "amqp"];

/// The bytes of the largest message that is taken. Clients send frames of AMQP, which are a sixteenth of it.
const MESSAGE_MAX: usize = 1024 * 1024;

/// Bytes that are read or written at once, and of the largest message that is sent: the largest frame of AMQP.
const BUFFER_SIZE: usize = 64 * 1024;

/// A WebSocket as a stream of bytes.
pub(super) struct WebSocket<S> {
    messages: WebSocketStream<S>,
    /// The rest of the message that came last.
    unread: Bytes,
}

/// Reads the client's request and answers it.
pub(super) async fn accept<S: Transport>(stream: S) -> io::Result<WebSocket<S>> {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let messages = accept_hdr_async_with_config(stream, Subprotocol, Some(config))
        .await
        .map_err(io::Error::other)?;
    Ok(WebSocket {
        messages,
        unread: Bytes::new(),
    })
}

/// Agrees to the client's subprotocol, or to nothing.
struct Subprotocol;

impl Callback for Subprotocol {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        if request.uri().path().trim_end_matches('/') != PATH {
            return Err(refuse(StatusCode::NOT_FOUND, PATH));
        }
        let mut asked = request
            .headers()
            .get_all(header::SEC_WEBSOCKET_PROTOCOL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(',').map(str::trim));
        let Some(agreed) =
            asked.find_map(|name| SUBPROTOCOLS.into_iter().find(|known| *known == name))
        else {
            return Err(refuse(
                StatusCode::BAD_REQUEST,
                "Sec-WebSocket-Protocol: AMQPWSB10",
            ));
        };
        response.headers_mut().insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(agreed),
        );
        Ok(response)
    }
}

fn refuse(status: StatusCode, wanted: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(format!(
        "This is an Event Hubs emulator: the request has to name `{wanted}`.\n"
    )));
    *response.status_mut() = status;
    response
}

impl<S: Transport> Transport for WebSocket<S> {
    fn socket(&self) -> Option<&TcpStream> {
        self.messages.get_ref().socket()
    }
}

impl<S: Transport> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.messages).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                // Pings are answered by the library; AMQP is never text.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        self.unread
            .split_to(length)
            .copy_to_slice(buffer.initialize_unfilled_to(length));
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut messages = Pin::new(&mut self.messages);
        ready!(messages.as_mut().poll_ready(context)).map_err(io::Error::other)?;
        let length = bytes.len().min(BUFFER_SIZE);
        let message = Message::binary(Bytes::copy_from_slice(bytes.split_at(length).0));
        messages.start_send(message).map_err(io::Error::other)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.messages)
            .poll_flush(context)
            .map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.messages).poll_close(context)) {
            Ok(()) | Err(Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(io::Error::other(error))),
        }
    }
}
