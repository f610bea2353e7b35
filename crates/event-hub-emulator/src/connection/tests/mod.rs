//! What no official client can be made to do, sent frame by frame over a pipe.

mod hostile;
mod protocol;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Connection;
use super::task::{Transport, serve};
use crate::amqp::composite::Composite;
use crate::amqp::frame::{AMQP_HEADER, Frame, put_frame};
use crate::amqp::message::{SectionKind, put_section};
use crate::amqp::performative::{
    Attach, Begin, Flow, Open, Performative, ROLE_RECEIVER, ROLE_SENDER, Source, Target, Transfer,
};
use crate::amqp::{Symbol, Value};
use crate::event::Incoming;
use crate::mailbox::Mailbox;
use crate::namespace::Namespace;
use crate::{EventHub, Settings};

impl Transport for DuplexStream {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

/// The client's end of a connection that speaks AMQP and has one session, on channel 0.
struct Client {
    stream: DuplexStream,
    input: BytesMut,
    namespace: Arc<Namespace>,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Client {
    async fn connect(incoming_window: u32, idle_time_out: Option<u32>) -> Self {
        Self::connect_with(incoming_window, open(idle_time_out)).await
    }

    async fn connect_with(incoming_window: u32, open: Open) -> Self {
        let settings = Settings::local([EventHub::new("calls", 1)]);
        let namespace = Arc::new(Namespace::new(&settings, 0));
        let (stream, theirs) = duplex(1024 * 1024);
        let (mailbox, inbox) = Mailbox::new();
        let connection = Connection::new(1, Arc::clone(&namespace), mailbox);
        let mut serving = JoinSet::new();
        serving.spawn(serve(connection, theirs, inbox, CancellationToken::new()));
        let mut client = Self {
            stream,
            input: BytesMut::new(),
            namespace,
            _serving: serving,
        };
        client
            .stream
            .write_all(&AMQP_HEADER)
            .await
            .expect("written");
        let mut header = [0; 8];
        client
            .stream
            .read_exact(&mut header)
            .await
            .expect("a header");
        assert_eq!(header, AMQP_HEADER);
        client.send(&open, &[]).await;
        client.send(&begin(incoming_window), &[]).await;
        assert!(matches!(client.receive().await, Performative::Open(_)));
        assert!(matches!(client.receive().await, Performative::Begin(_)));
        client
    }

    async fn send(&mut self, performative: &impl Composite, payload: &[u8]) {
        self.send_on(0, performative, payload).await;
    }

    async fn send_on(&mut self, channel: u16, performative: &impl Composite, payload: &[u8]) {
        assert!(
            self.send_if_open(channel, performative, payload).await,
            "the connection ended"
        );
    }

    /// False if the hub has hung up.
    async fn send_if_open(
        &mut self,
        channel: u16,
        performative: &impl Composite,
        payload: &[u8],
    ) -> bool {
        let mut output = BytesMut::new();
        put_frame(&mut output, channel, performative, &[payload]);
        self.stream.write_all(&output).await.is_ok()
    }

    async fn receive_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.input, u32::MAX).expect("frames") {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.input).await.expect("read") == 0 {
                return None;
            }
        }
    }

    /// The next frame that is not a heartbeat.
    async fn receive(&mut self) -> Performative {
        loop {
            match timeout(Duration::from_hours(1), self.receive_frame())
                .await
                .expect("a frame")
            {
                Some(Frame::Amqp { performative, .. }) => return performative,
                Some(_) => {}
                None => panic!("the connection ended"),
            }
        }
    }

    /// Puts a token that never expires.
    async fn authorize(&mut self) {
        self.send(&attach(0, ROLE_SENDER, "$cbs"), &[]).await;
        assert!(matches!(self.receive().await, Performative::Attach(_)));
        assert!(matches!(self.receive().await, Performative::Flow(_)));
        let properties = [
            ("operation", "put-token"),
            ("type", "jwt"),
            ("name", "amqps://host/calls"),
        ];
        let properties = properties.map(|(name, value)| (Value::from(name), Value::from(value)));
        let mut request = BytesMut::new();
        put_section(
            &mut request,
            SectionKind::ApplicationProperties,
            &Value::Map(properties.into()),
        );
        put_section(&mut request, SectionKind::Value, &Value::from("token"));
        self.send(&transfer(0), &request).await;
        assert!(matches!(self.receive().await, Performative::Disposition(_)));
    }

    fn publish(&self, count: usize, value: &Value) {
        let mut message = BytesMut::new();
        put_section(&mut message, SectionKind::Value, value);
        let message = Incoming::parse(&message.freeze()).expect("a message");
        let event_hub = self.namespace.find("calls").expect("the event hub");
        self.namespace
            .publish(event_hub, None, None, &vec![message; count], 0);
    }

    /// Attaches a reader of the partition.
    async fn read_with(&mut self, credit: u32, drain: bool) {
        self.send(
            &attach(1, ROLE_RECEIVER, "calls/ConsumerGroups/g/Partitions/0"),
            &[],
        )
        .await;
        assert!(matches!(self.receive().await, Performative::Attach(_)));
        self.send(&flow(Some(1), credit, drain, 1000), &[]).await;
    }
}

fn open(idle_time_out: Option<u32>) -> Open {
    Open {
        container_id: "test".to_owned(),
        max_frame_size: Some(1024),
        idle_time_out,
        ..Open::default()
    }
}

fn begin(incoming_window: u32) -> Begin {
    Begin {
        incoming_window,
        outgoing_window: 100,
        ..Begin::default()
    }
}

fn attach(handle: u32, role: bool, address: &str) -> Attach {
    let address = Some(Value::from(address));
    Attach {
        name: format!("link {handle}"),
        handle,
        role,
        source: Some(Source {
            address: address.clone(),
            ..Source::default()
        }),
        target: Some(Target {
            address,
            ..Target::default()
        }),
        initial_delivery_count: Some(0),
        desired_capabilities: Some(Value::Symbol(Symbol::from_static(
            "com.microsoft:enable-receiver-runtime-metric",
        ))),
        ..Attach::default()
    }
}

fn flow(handle: Option<u32>, credit: u32, drain: bool, incoming_window: u32) -> Flow {
    Flow {
        next_incoming_id: Some(1),
        incoming_window,
        outgoing_window: 100,
        handle,
        delivery_count: handle.map(|_| 0),
        link_credit: handle.map(|_| credit),
        drain: Some(drain),
        ..Flow::default()
    }
}

fn transfer(handle: u32) -> Transfer {
    Transfer {
        handle,
        delivery_id: Some(0),
        delivery_tag: Some(Bytes::from_static(b"0")),
        ..Transfer::default()
    }
}
