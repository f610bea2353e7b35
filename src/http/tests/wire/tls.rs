//! The same over TLS: a client that decides about each byte that it takes from the wire.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::super::certificate::Certificate;
use super::{SCRAPE, WIRE, World};
use crate::http::settings::Limits;

/// A client that takes from the wire what it is told to.
struct TlsClient {
    wire: DuplexStream,
    tls: ClientConnection,
    /// What is known of the answer.
    answer: Vec<u8>,
}

impl TlsClient {
    async fn connect(wire: DuplexStream, certificate: &Certificate) -> Self {
        let name = "localhost".try_into().unwrap();
        let mut client = Self {
            wire,
            tls: ClientConnection::new(certificate.client(None), name).unwrap(),
            answer: Vec::new(),
        };
        client.send().await;
        while client.tls.is_handshaking() {
            client.take(1).await;
            client.send().await;
        }
        client
    }

    async fn ask(&mut self, request: &str) {
        self.answer.clear();
        self.tls.writer().write_all(request.as_bytes()).unwrap();
        self.send().await;
    }

    async fn send(&mut self) {
        let mut sent = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut sent).unwrap();
        }
        self.wire.write_all(&sent).await.unwrap();
    }

    async fn take(&mut self, bytes: usize) {
        let mut taken = vec![0; bytes];
        self.wire.read_exact(&mut taken).await.unwrap();
        self.takes(&taken);
    }

    fn takes(&mut self, mut taken: &[u8]) {
        while !taken.is_empty() {
            self.tls.read_tls(&mut taken).unwrap();
            let state = self.tls.process_new_packets().unwrap();
            let mut text = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut text).unwrap();
            self.answer.extend(text);
        }
    }

    /// Takes the rest of an answer, so many bytes of the wire at a time at most. How many that are.
    async fn rest(&mut self, at_a_time: usize) -> usize {
        let mut bytes = 0;
        while !self.is_whole() {
            let mut taken = vec![0; at_a_time];
            let read = self.wire.read(&mut taken).await.unwrap();
            self.takes(&taken[..read]);
            bytes += read;
        }
        bytes
    }

    fn is_whole(&self) -> bool {
        let head = String::from_utf8_lossy(&self.answer[..self.answer.len().min(500)]);
        let Some((head, _)) = head.split_once("\r\n\r\n") else {
            return false;
        };
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        self.answer.len() == head.len() + 4 + length
    }
}

/// The rule is the same with TLS: the byte that completes a scrape is the last one of its last record.
#[tokio::test(start_paused = true)]
async fn with_tls_a_scrape_is_complete_when_the_last_byte_of_its_last_record_is_accepted() {
    let certificate = Certificate::new();
    let mut world = World::with(Arc::new(certificate.web(|_| ())), 1, Limits::default());
    let mut client = TlsClient::connect(world.connect(), &certificate).await;
    client.ask(SCRAPE).await;
    client.rest(WIRE).await;
    world.settle().await;
    assert_eq!(world.metrics.acknowledged(), 1);

    let length = client.answer.len();
    client.ask(SCRAPE).await;
    while client.answer.len() + 3 * WIRE < length {
        client.take(WIRE).await;
    }
    world.settle().await;
    assert_eq!(world.metrics.acknowledged(), 1);
    while world.metrics.acknowledged() == 1 {
        client.take(1).await;
        world.settle().await;
    }
    // Of the wire, as it holds them.
    assert_eq!(client.rest(1).await, WIRE);
    assert_eq!(world.metrics.scrapes(), (2.0, 0.0));
}
