//! A TLS client that decides about each byte that it takes from the wire.

use std::io::{Read, Write};

use rustls::ClientConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::certificate::Certificate;

/// A client that takes from the wire what it is told to.
pub(super) struct TlsClient {
    wire: DuplexStream,
    tls: ClientConnection,
    /// What is known of the answer.
    pub(super) answer: Vec<u8>,
}

impl TlsClient {
    pub(super) async fn connect(wire: DuplexStream, certificate: &Certificate) -> Self {
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

    pub(super) async fn ask(&mut self, request: &str) {
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

    pub(super) async fn take(&mut self, bytes: usize) {
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
    pub(super) async fn rest(&mut self, at_a_time: usize) -> usize {
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
