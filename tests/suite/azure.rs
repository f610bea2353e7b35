//! What stands in for Azure: a hub on the ports where Azure's would be, and an identity service.
//!
//! There is one port 5671, and every program that is given a namespace looks for it. So the tests of a process share a
//! hub there, each with an event hub of its own; the last one to let go of it frees the port.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as SyncMutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use azure_core::base64::encode_url_safe;
use azure_core::http::Url;
use event_hub_emulator::{Emulator, EmulatorError, EventHub, Handle, Settings, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::world::eventually;

/// Every event hub of the shared hub, with its partitions.
const EVENT_HUBS: [(&str, u32); 11] = [
    ("checked", 2),
    ("calls", 1),
    ("downgraded", 1),
    ("leased", 1),
    ("renewed", 2),
    ("many", 32),
    ("secret", 1),
    ("certificate", 1),
    ("workload", 1),
    ("managed", 1),
    ("refused", 1),
];

/// A hub with TLS on one of Azure's ports.
pub(crate) struct LocalHub {
    pub(crate) handle: Handle,
    /// Of the namespace.
    pub(crate) connection_string: String,
    pub(crate) ca_certificate: String,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

/// The hub at port 5671, as long as somebody needs it.
static SHARED: Mutex<Weak<LocalHub>> = Mutex::const_new(Weak::new());

impl LocalHub {
    /// The hub at port 5671. Another run of the tests may have the port at the moment.
    pub(crate) async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(hub) = shared.upgrade() {
            return hub;
        }
        let hub = eventually("port 5671", || async {
            Self::start(5671).await.map_err(|error| error.to_string())
        })
        .await;
        let hub = Arc::new(hub);
        *shared = Arc::downgrade(&hub);
        hub
    }

    /// A hub at a port, on a thread of its own: it outlives the test that started it.
    pub(crate) async fn start(port: u16) -> Result<Self, EmulatorError> {
        let (started, starts) = oneshot::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let settings = Settings {
                    tls: Some(TlsSettings {
                        listen: SocketAddr::from(([127, 0, 0, 1], port)),
                        ..TlsSettings::local()
                    }),
                    ..Settings::local(EVENT_HUBS.map(|(name, count)| EventHub::new(name, count)))
                };
                match Emulator::start_with(settings).await {
                    Ok(emulator) => {
                        let tls = emulator.tls().expect("it is in the settings");
                        let connection = tls.connection_string().to_owned();
                        let ca = tls.ca_certificate().to_owned();
                        let known = (emulator.handle(), connection, ca);
                        assert!(started.send(Ok(known)).is_ok(), "the test waits");
                        stopped.cancelled().await;
                        emulator.stop().await;
                    }
                    Err(error) => assert!(started.send(Err(error)).is_ok(), "the test waits"),
                }
            });
        });
        let (handle, connection_string, ca_certificate) =
            starts.await.expect("the thread tells")?;
        Ok(Self {
            handle,
            connection_string,
            ca_certificate,
            stop,
            serving: Some(serving),
        })
    }

    /// A file for `SSL_CERT_FILE`, with another authority besides.
    pub(crate) fn ca_file(&self, other: &str) -> NamedTempFile {
        let file = NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("{}{other}", self.ca_certificate)).expect("written");
        file
    }
}

impl Drop for LocalHub {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            // If it panicked, tests have failed already.
            let _ended = serving.join();
        }
    }
}

/// An identity service on this machine: Microsoft Entra ID, and the endpoint of a machine's managed identity.
pub(crate) struct IdentityService {
    /// `https://localhost:PORT`.
    pub(crate) address: String,
    pub(crate) ca_certificate: String,
    known: Arc<Known>,
    _serving: JoinSet<()>,
}

/// What the service knows, and what it was asked.
struct Known {
    lifetime: time::Duration,
    /// The client secret that it takes.
    secret: SyncMutex<String>,
    requests: SyncMutex<Vec<Asked>>,
}

/// A request for a token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The tenant; `managed` at the endpoint for managed identities.
    pub(crate) tenant: String,
    /// What stands in the form, or in the query.
    pub(crate) fields: HashMap<String, String>,
}

impl IdentityService {
    /// One whose tokens live so long.
    pub(crate) async fn start(lifetime: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let certificate = Certificate::new();
        let (acceptor, ca_certificate) = (certificate.acceptor(), certificate.authority);
        let known = Arc::new(Known {
            lifetime: lifetime.try_into().expect("a short time"),
            secret: SyncMutex::new("right".to_owned()),
            requests: SyncMutex::default(),
        });
        let router = Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(entra_id))
            .route("/managed", get(managed_identity))
            .with_state(Arc::clone(&known));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let listener = TlsListener { listener, acceptor };
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            address: format!("https://localhost:{}", address.port()),
            ca_certificate,
            known,
            _serving: serving,
        }
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.known.requests.lock().unwrap().clone()
    }

    /// Takes this client secret from now on, and no other.
    pub(crate) fn takes_secret(&self, secret: &str) {
        secret.clone_into(&mut self.known.secret.lock().unwrap());
    }
}

impl Known {
    fn asked(&self, tenant: String, query: &str) -> Asked {
        let url = Url::parse(&format!("http://localhost/?{query}")).expect("a query");
        let fields = url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()));
        let asked = Asked {
            tenant,
            fields: fields.collect(),
        };
        self.requests.lock().unwrap().push(asked.clone());
        asked
    }

    /// A token for what it was asked for, which nobody has signed, and when it expires.
    fn token(&self, asked: &Asked) -> (String, i64) {
        let now = OffsetDateTime::now_utc();
        let expires_at = (now + self.lifetime).unix_timestamp();
        let scope = asked.fields.get("scope").or(asked.fields.get("resource"));
        let audience = scope.map(|scope| scope.trim_end_matches("/.default"));
        let claims = json!({
            "aud": audience,
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "iat": now.unix_timestamp(), "nbf": now.unix_timestamp(), "exp": expires_at,
        });
        let header = encode_url_safe(r#"{"alg":"none","typ":"JWT"}"#);
        let claims = encode_url_safe(claims.to_string());
        (format!("{header}.{claims}."), expires_at)
    }
}

async fn entra_id(
    State(known): State<Arc<Known>>,
    Path(tenant): Path<String>,
    form: String,
) -> Response {
    let asked = known.asked(tenant, &form);
    if asked.tenant == "moved" {
        return Redirect::temporary("/elsewhere/oauth2/v2.0/token").into_response();
    }
    let is_right = |secret: &String| *secret == *known.secret.lock().unwrap();
    if !asked.fields.get("client_secret").is_none_or(is_right) {
        // It repeats what it was sent, as a proxy in front of it may.
        let secret = asked.fields.get("client_secret");
        let repeated = format!("{} {form} ", secret.map_or("", String::as_str)).repeat(100);
        let refusal = json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS7000215: Invalid client secret provided. {repeated}"),
            "error_codes": [7_000_215],
        });
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    let (token, _) = known.token(&asked);
    let seconds = known.lifetime.whole_seconds();
    let answer = json!({ "token_type": "Bearer", "expires_in": seconds, "access_token": token });
    Json(answer).into_response()
}

/// As App Service has it.
async fn managed_identity(
    State(known): State<Arc<Known>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let asked = known.asked("managed".to_owned(), &query.unwrap_or_default());
    if headers
        .get("x-identity-header")
        .is_none_or(|header| header != "header")
    {
        return (StatusCode::FORBIDDEN, Json(json!({})));
    }
    let (token, expires_at) = known.token(&asked);
    let answer = json!({
        "token_type": "Bearer", "access_token": token, "expires_on": expires_at.to_string(),
        "resource": asked.fields.get("resource"),
    });
    (StatusCode::OK, Json(answer))
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (socket, peer) = self.listener.accept().await.expect("a client");
            // Who does not shake hands is not a client.
            if let Ok(stream) = self.acceptor.accept(socket).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A certificate for `localhost`, its key, and the authority that has signed it.
pub(crate) struct Certificate {
    pub(crate) signed: rcgen::Certificate,
    pub(crate) key: KeyPair,
    /// In PEM.
    pub(crate) authority: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        Self::made_out_to("localhost", |_| ())
    }

    /// One that is no longer valid.
    pub(crate) fn expired(name: &str) -> Self {
        Self::made_out_to(name, |leaf| {
            leaf.not_before = datetime!(2020-01-01 0:00 UTC);
            leaf.not_after = datetime!(2021-01-01 0:00 UTC);
        })
    }

    fn made_out_to(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate().expect("a key");
        let ca_certificate = authority.self_signed(&authority_key).expect("signed").pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        change(&mut leaf);
        let key = KeyPair::generate().expect("a key");
        Self {
            signed: leaf.signed_by(&key, &issuer).expect("signed"),
            key,
            authority: ca_certificate,
        }
    }

    /// What speaks TLS with it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("its protocols")
            .with_no_client_auth()
            .with_single_cert(
                vec![self.signed.der().clone()],
                PrivatePkcs8KeyDer::from(self.key.serialize_der()).into(),
            )
            .expect("its own key");
        TlsAcceptor::from(Arc::new(config))
    }
}
