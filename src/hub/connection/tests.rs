//! What no official client can be made to do, said frame by frame over a pipe.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::task::{Transport, serve};
use super::{Connection, IDLE_TIME_OUT};
use crate::hub::amqp::composite::Composite;
use crate::hub::amqp::frame::{AMQP_HEADER, Frame, put_frame};
use crate::hub::amqp::message::{SectionKind, put_section};
use crate::hub::amqp::performative::{
    Attach, Begin, Flow, Open, Performative, ROLE_RECEIVER, ROLE_SENDER, Source, Target, Transfer,
};
use crate::hub::amqp::{Symbol, Value};
use crate::hub::event::Incoming;
use crate::hub::mailbox::Mailbox;
use crate::hub::namespace::Namespace;
use crate::hub::{EventHub, Settings};

impl Transport for DuplexStream {
    fn acknowledge(&self) {}
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
        client.say(&open(idle_time_out), &[]).await;
        client.say(&begin(incoming_window), &[]).await;
        assert!(matches!(client.hear().await, Performative::Open(_)));
        assert!(matches!(client.hear().await, Performative::Begin(_)));
        client
    }

    async fn say(&mut self, performative: &impl Composite, payload: &[u8]) {
        let mut output = BytesMut::new();
        put_frame(&mut output, 0, performative, &[payload]);
        self.stream.write_all(&output).await.expect("written");
    }

    async fn hear_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.input, u32::MAX).expect("frames") {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.input).await.expect("read") == 0 {
                return None;
            }
        }
    }

    /// The next frame that says something.
    async fn hear(&mut self) -> Performative {
        loop {
            match timeout(Duration::from_hours(1), self.hear_frame())
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
        self.say(&attach(0, ROLE_SENDER, "$cbs"), &[]).await;
        assert!(matches!(self.hear().await, Performative::Attach(_)));
        assert!(matches!(self.hear().await, Performative::Flow(_)));
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
        self.say(&transfer(0), &request).await;
        assert!(matches!(self.hear().await, Performative::Disposition(_)));
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
        self.say(
            &attach(1, ROLE_RECEIVER, "calls/ConsumerGroups/g/Partitions/0"),
            &[],
        )
        .await;
        assert!(matches!(self.hear().await, Performative::Attach(_)));
        self.say(&flow(Some(1), credit, drain, 1000), &[]).await;
    }
}

fn open(idle_time_out: Option<u32>) -> Open {
    Open {
        container_id: "test".to_owned(),
        hostname: None,
        max_frame_size: Some(1024),
        channel_max: None,
        idle_time_out,
        outgoing_locales: None,
        incoming_locales: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

fn begin(incoming_window: u32) -> Begin {
    Begin {
        remote_channel: None,
        next_outgoing_id: 0,
        incoming_window,
        outgoing_window: 100,
        handle_max: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

fn attach(handle: u32, role: bool, address: &str) -> Attach {
    let address = Some(Value::from(address));
    Attach {
        name: format!("link {handle}"),
        handle,
        role,
        snd_settle_mode: None,
        rcv_settle_mode: None,
        source: Some(Source {
            address: address.clone(),
            durable: None,
            expiry_policy: None,
            timeout: None,
            dynamic: None,
            dynamic_node_properties: None,
            distribution_mode: None,
            filter: None,
            default_outcome: None,
            outcomes: None,
            capabilities: None,
        }),
        target: Some(Target {
            address,
            durable: None,
            expiry_policy: None,
            timeout: None,
            dynamic: None,
            dynamic_node_properties: None,
            capabilities: None,
        }),
        unsettled: None,
        incomplete_unsettled: None,
        initial_delivery_count: Some(0),
        max_message_size: None,
        offered_capabilities: None,
        desired_capabilities: Some(Value::Symbol(Symbol::from_static(
            "com.microsoft:enable-receiver-runtime-metric",
        ))),
        properties: None,
    }
}

fn flow(handle: Option<u32>, credit: u32, drain: bool, incoming_window: u32) -> Flow {
    Flow {
        next_incoming_id: Some(1),
        incoming_window,
        next_outgoing_id: 0,
        outgoing_window: 100,
        handle,
        delivery_count: handle.map(|_| 0),
        link_credit: handle.map(|_| credit),
        available: None,
        drain: Some(drain),
        echo: None,
        properties: None,
    }
}

fn transfer(handle: u32) -> Transfer {
    Transfer {
        handle,
        delivery_id: Some(0),
        delivery_tag: Some(Bytes::from_static(b"0")),
        message_format: None,
        settled: None,
        more: None,
        rcv_settle_mode: None,
        state: None,
        resume: None,
        aborted: None,
        batchable: None,
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_but_cbs_can_be_attached() {
    let mut client = Client::connect(100, None).await;
    for address in ["calls", "calls/Partitions/0", "$management", "nowhere"] {
        client.say(&attach(0, ROLE_SENDER, address), &[]).await;
        let Performative::Attach(answer) = client.hear().await else {
            panic!("no attach")
        };
        assert_eq!(answer.target, None, "the terminus is not there");
        match client.hear().await {
            Performative::Detach(detach) => {
                assert_eq!(
                    detach.error.unwrap().condition.as_str(),
                    "amqp:unauthorized-access"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    client.authorize().await;
}

#[tokio::test(start_paused = true)]
async fn a_settlement_is_held_back_for_the_rust_client() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    client.say(&attach(1, ROLE_SENDER, "calls"), &[]).await;
    assert!(matches!(client.hear().await, Performative::Attach(_)));
    assert!(matches!(client.hear().await, Performative::Flow(_)));
    let sent = Instant::now();
    client
        .say(&transfer(1), &[0x00, 0x53, 0x77, 0xa1, 1, b'x'])
        .await;
    assert!(matches!(client.hear().await, Performative::Disposition(_)));
    assert!(
        sent.elapsed() >= Duration::from_millis(5),
        "{:?}",
        sent.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_drains_gets_what_there_is_and_gives_the_rest_back() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    client.publish(3, &Value::from("event"));
    client.read_with(10, true).await;
    for _ in 0..3 {
        assert!(matches!(client.hear().await, Performative::Transfer(_)));
    }
    match client.hear().await {
        Performative::Flow(Flow {
            delivery_count: Some(10),
            link_credit: Some(0),
            drain: Some(true),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_frames_are_sent_than_the_window_takes() {
    let mut client = Client::connect(5, None).await;
    client.authorize().await;
    client
        .say(
            &attach(1, ROLE_RECEIVER, "calls/ConsumerGroups/g/Partitions/0"),
            &[],
        )
        .await;
    assert!(matches!(client.hear().await, Performative::Attach(_)));
    client.publish(10, &Value::from("x".repeat(1500).as_str()));
    // Each event takes two frames, of which the window has room for five.
    client.say(&flow(Some(1), 100, false, 5), &[]).await;
    for _ in 0..4 {
        assert!(matches!(client.hear().await, Performative::Transfer(_)));
    }
    assert!(
        timeout(Duration::from_secs(10), client.hear_frame())
            .await
            .is_err()
    );
    client
        .say(
            &Flow {
                next_incoming_id: Some(5),
                ..flow(None, 0, false, 2)
            },
            &[],
        )
        .await;
    for _ in 0..2 {
        assert!(matches!(client.hear().await, Performative::Transfer(_)));
    }
    assert!(
        timeout(Duration::from_secs(10), client.hear_frame())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn events_tell_the_end_of_the_partition_to_who_desires_it() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    client.publish(7, &Value::List(vec![Value::Null]));
    client.read_with(1, false).await;
    let Some(Frame::Amqp { payload, .. }) = client.hear_frame().await else {
        panic!("no transfer")
    };
    let sections: Vec<_> = crate::hub::amqp::message::Sections::of(payload)
        .map(Result::unwrap)
        .collect();
    assert_eq!(sections[0].kind, SectionKind::DeliveryAnnotations);
    let annotations = sections[0].value().unwrap();
    assert_eq!(
        annotations.get("last_enqueued_sequence_number"),
        Some(&Value::Long(6))
    );
    assert_eq!(
        sections[2].value().unwrap(),
        Value::List(vec![Value::Null]),
        "the body is as it was"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_hears_that_we_live_and_is_closed_when_it_is_dead() {
    let mut client = Client::connect(100, Some(60_000)).await;
    let (started, mut heartbeats) = (Instant::now(), 0);
    loop {
        match client.hear_frame().await {
            Some(Frame::Empty) => heartbeats += 1,
            Some(Frame::Amqp {
                performative: Performative::Close(close),
                ..
            }) => {
                assert_eq!(
                    close.error.unwrap().condition.as_str(),
                    "amqp:resource-limit-exceeded"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        started.elapsed() >= IDLE_TIME_OUT,
        "{:?}",
        started.elapsed()
    );
    assert!(heartbeats >= 15, "one each half minute: {heartbeats}");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frames_end_the_connection_and_say_why() {
    let mut client = Client::connect(100, None).await;
    client
        .stream
        .write_all(&[0xff; 100])
        .await
        .expect("written");
    match client.hear().await {
        Performative::Close(close) => {
            assert_eq!(
                close.error.unwrap().condition.as_str(),
                "amqp:connection:framing-error"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.hear_frame().await, None);
}
