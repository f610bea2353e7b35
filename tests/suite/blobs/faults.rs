//! A service that is down, that does not answer, or whose answer is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acs_recording_exporter::inside::blobs::{BlobError, Condition, Container, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{World, by_key, done, open, owner};
use crate::world::{Exporter, Signal};

/// What a request may take, and what two busy cores may add.
const IN_TIME: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_service_that_is_down_is_an_error_at_once() {
    let mut world = World::start().await;
    let first = done(&world.container, "a", &owner("me"), &Condition::Missing).await;
    world.azurite.stop().await;
    let (nowhere, _) = open(&by_key("http://devstoreaccount1.blob.invalid/"));
    for container in [&world.container, &nowhere] {
        let asked = Instant::now();
        let error = container.list("").await.unwrap_err();
        assert!(asked.elapsed() < IN_TIME, "{:?}", asked.elapsed());
        let shown = error.to_string();
        assert!(shown.contains("is unreachable"), "{shown}");
        let error = write(container, "a", "me", b"", &first).await;
        assert!(matches!(error, Err(BlobError::Unreachable { .. })));
    }
    world.azurite.start_again().await;
    done(&world.container, "a", &owner("me"), &first).await;
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_an_error_in_time() {
    let world = World::start().await;
    let container = &world.container;
    world.azurite.signal(Signal::STOP);
    let asked = Instant::now();
    let others = async {
        let (listed, read, deleted) = tokio::join!(
            container.list(""),
            container.read("a"),
            container.delete("a"),
        );
        assert!(asked.elapsed() < IN_TIME, "{:?}", asked.elapsed());
        [listed.unwrap_err(), read.unwrap_err(), deleted.unwrap_err()]
    };
    let written = write(container, "a", "me", b"", &Condition::Missing);
    let (written, others) = tokio::join!(written, others);
    // The write was looked up once, since it might have been done.
    assert!(asked.elapsed() < 2 * IN_TIME, "{:?}", asked.elapsed());
    for error in others.into_iter().chain([written.unwrap_err()]) {
        assert!(matches!(error, BlobError::TimedOut { .. }), "{error}");
        let shown = error.to_string();
        assert!(shown.contains("did not answer within 5s"), "{shown}");
    }
    world.azurite.signal(Signal::CONT);
    container.list("").await.unwrap();
}

/// A proxy is on another machine, and http is for this one only.
#[tokio::test]
async fn what_is_sent_over_http_is_not_sent_to_a_proxy() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let exporter = Exporter::start(&[
        ("HTTP_PROXY", &address),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=c;UseDevelopmentEmulator=true",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP", "d"),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__STORE", "blob"),
        (
            "ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER_URL",
            "http://127.0.0.1:1/devstoreaccount1/leases?sp=rwdl&sig=c2VjcmV0",
        ),
    ])
    .await;
    exporter.process.says("`127.0.0.1:1` is unreachable").await;
    let error = proxy.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_known_by_its_blob() {
    let world = World::start().await;
    let wire = Wire::before(&world.azurite.url()).await;
    let (container, registry) = open(&by_key(&wire.endpoint()));
    let first = done(&world.container, "a", &owner("other"), &Condition::Missing).await;

    // Created, and taken over: the metadata shows that this write did it.
    wire.lose_the_next_answer();
    let created = done(&container, "b", &owner("me"), &Condition::Missing).await;
    wire.lose_the_next_answer();
    let taken = done(&container, "a", &owner("me"), &first).await;
    // Renewed: the metadata is the same before and after, the version is not.
    wire.lose_the_next_answer();
    let renewed = done(&container, "a", &owner("me"), &taken).await;
    assert_ne!(taken, renewed);
    for (name, condition) in [("a", renewed.clone()), ("b", created)] {
        let blob = world.container.head(name).await.unwrap().unwrap();
        assert_eq!(Condition::Unchanged(blob.etag), condition);
    }

    // Not arrived at all: metadata and version are the same as before.
    wire.lose_the_next_request();
    let error = write(&container, "a", "me", b"", &renewed).await;
    assert!(matches!(error, Err(BlobError::Disconnected { .. })));
    // Another program was first.
    wire.lose_the_next_request();
    let error = write(&container, "a", "third", b"", &renewed).await;
    assert!(matches!(error, Err(BlobError::Disconnected { .. })));
    // Metadata does not identify a write with a body.
    wire.lose_the_next_answer();
    let error = write(&container, "c", "me", b"body", &Condition::Missing).await;
    assert!(matches!(error, Err(BlobError::Disconnected { .. })));
    let outcome = write(&container, "c", "me", b"body", &Condition::Missing).await;
    assert_eq!(outcome.unwrap(), Outcome::Refused);
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    for line in [
        r#"store_operations_total{operation="write",result="ok"} 3"#,
        r#"store_operations_total{operation="write",result="failed"} 3"#,
        r#"store_operations_total{operation="write",result="refused"} 1"#,
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

async fn write(
    container: &Container,
    name: &str,
    id: &str,
    body: &[u8],
    condition: &Condition,
) -> Result<Outcome, BlobError> {
    container.write(name, &owner(id), body, condition).await
}

/// A wire to the service that can be cut before a request, or before its answer.
struct Wire {
    address: SocketAddr,
    loses_request: Arc<AtomicBool>,
    loses_answer: Arc<AtomicBool>,
    _carrying: JoinSet<()>,
}

impl Wire {
    async fn before(endpoint: &str) -> Self {
        let authority = endpoint.strip_prefix("http://").unwrap();
        let service: SocketAddr = authority.split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (loses_request, loses_answer) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let (request, answer) = (Arc::clone(&loses_request), Arc::clone(&loses_answer));
        let mut carrying = JoinSet::new();
        carrying.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(service).await.unwrap();
                connections.spawn(carry(
                    client,
                    server,
                    Arc::clone(&request),
                    Arc::clone(&answer),
                ));
            }
        });
        Self {
            address,
            loses_request,
            loses_answer,
            _carrying: carrying,
        }
    }

    fn endpoint(&self) -> String {
        format!("http://{}/devstoreaccount1", self.address)
    }

    fn lose_the_next_request(&self) {
        self.loses_request.store(true, Ordering::SeqCst);
    }

    fn lose_the_next_answer(&self) {
        self.loses_answer.store(true, Ordering::SeqCst);
    }
}

/// Carries both ways, until one side ends or something is to be lost.
async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    loses_request: Arc<AtomicBool>,
    loses_answer: Arc<AtomicBool>,
) {
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            read = client.read_buf(&mut asked) => {
                if read.unwrap_or(0) == 0 || loses_request.swap(false, Ordering::SeqCst) {
                    return;
                }
                if server.write_all(&asked).await.is_err() {
                    return;
                }
                asked.clear();
            }
            read = server.read_buf(&mut answered) => {
                if read.unwrap_or(0) == 0 || loses_answer.swap(false, Ordering::SeqCst) {
                    return;
                }
                if client.write_all(&answered).await.is_err() {
                    return;
                }
                answered.clear();
            }
        }
    }
}
