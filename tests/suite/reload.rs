//! The configuration of a running exporter is changed: what applies at once, what waits for a restart, and what is refused.

use std::fs;
use std::path::PathBuf;

use event_hub_emulator::{Emulator, EventHub};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::prometheus::Prometheus;
use crate::world::{Exporter, Process, Signal, eventually, get};

/// Nothing listens there: what is reloaded does not depend on it.
const NOWHERE: &str = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true";

const SUCCESSFUL: &str = "acs_recording_exporter_config_last_reload_successful";
const LOADED_AT: &str = "acs_recording_exporter_config_last_reload_success_timestamp_seconds";

/// An exporter with a configuration file that can be changed.
struct World {
    folder: TempDir,
    connection_string: String,
    exporter: Option<Exporter>,
}

impl World {
    /// Starts the exporter with these lines in its file.
    async fn new(connection_string: &str, lines: &str) -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            connection_string: connection_string.to_owned(),
            exporter: None,
        };
        world.write(lines);
        let path = world.path("exporter.yaml").display().to_string();
        let arguments = ["run", "--listen", "127.0.0.1:0", "--config", &path];
        world.exporter = Some(Exporter::serving(Process::exporter(&arguments, &[])).await);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the file. The last lines of a section may follow in `lines`.
    fn write(&self, lines: &str) {
        let text = format!(
            "event_hub:\n  connection_string: {}\n  names: [logs]\n  consumer_group: exporter\n{lines}\n",
            self.connection_string
        );
        fs::write(self.path("exporter.new"), text).unwrap();
        fs::rename(self.path("exporter.new"), self.path("exporter.yaml")).unwrap();
    }

    fn exporter(&self) -> &Exporter {
        self.exporter.as_ref().unwrap()
    }

    async fn metric(&self, name: &str) -> f64 {
        self.exporter().scrape().await.unwrap().sum(name, &[])
    }

    async fn status(&self) -> Value {
        let (_, text) = get(&self.exporter().address, "/api/v1/status")
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// How the status shows a key.
    async fn shown(&self, key: &str) -> Value {
        let status = self.status().await;
        let configuration = status.get("configuration").and_then(Value::as_array);
        let mut keys = configuration.unwrap().iter();
        let shown = keys.find(|it| it.get("key") == Some(&key.into()));
        shown.unwrap().get("value").unwrap().clone()
    }

    /// Waits until the log has a line for so many times.
    async fn says(&self, message: &str, times: usize) {
        eventually(message, || async {
            let written = self.exporter().process.written();
            if written.matches(message).count() >= times {
                Ok(())
            } else {
                Err(written)
            }
        })
        .await;
    }

    /// Requests `/-/reload`.
    async fn request(&self, method: Method, password: Option<&str>) -> (u16, String) {
        self.request_from(None, method, password).await
    }

    /// The same by a page of this origin, in a browser.
    async fn request_from(
        &self,
        origin: Option<&str>,
        method: Method,
        password: Option<&str>,
    ) -> (u16, String) {
        let url = format!("http://{}/-/reload", self.exporter().address);
        let mut request = reqwest::Client::new().request(method, url);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(password) = password {
            request = request.basic_auth("operator", Some(password));
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

fn publish(hub: &Emulator, record: &str) {
    let resource = "/A/B/C/D/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO";
    let body = format!(r#"{{"records":[{{"resourceId":"{resource}",{record}}}]}}"#);
    hub.publish("logs", 0, body.as_bytes()).unwrap();
}

/// Neither is a failure by default.
fn publish_both(hub: &Emulator) {
    publish(
        hub,
        r#""category":"CallRecordingOperational","operationName":"StopRecording","resultType":"Failed","resultSignature":"404","durationMs":20"#,
    );
    publish(
        hub,
        r#""category":"CallRecordingSummary","resultType":"Succeeded","properties":{"recordingEndReason":"InitiatorLeft","recordingLength":"12","chunkCount":1}"#,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_failure_rule_applies_after_its_zeros_were_shown_and_no_count_and_no_link_is_lost() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let base = "metrics: {resources: [contoso]}\n";
    let world = World::new(hub.connection_string(), base).await;
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: exporter, static_configs: [{{targets: ['{}']}}]}}]\n",
        world.exporter().address
    );
    let prometheus = Prometheus::start(world.folder.path(), &config).await;
    world.exporter().ready().await;
    let has = async |query: &str, wanted: f64| {
        eventually(query, || async {
            match prometheus.sum(query).await {
                value if value == wanted => Ok(()),
                value => Err(format!("{value}\n{}", world.exporter().process.written())),
            }
        })
        .await;
    };
    let operations = "acs_recording_operations_total";
    let ended = "acs_recording_failures_total{end_reason='InitiatorLeft',reason='ended_badly'}";
    let refused =
        "acs_recording_operation_failures_total{operation='StopRecording',result_signature='404'}";
    for _ in 0..3 {
        publish_both(&hub);
    }
    has(operations, 3.0).await;
    has("acs_recordings_total", 3.0).await;
    assert!(prometheus.query(ended, None).await.is_empty());

    world.write(&format!(
        "{base}failures: {{end_reasons: [initiatorLeft], routine: []}}"
    ));
    world.says("new failure rules and resources apply", 1).await;
    let written = world.exporter().process.written();
    assert!(written.contains("\"were_shown\":true"), "{written}");
    // The scrape that showed it is the one that the rules have waited for.
    has(&format!("count({ended})"), 1.0).await;
    assert_eq!(prometheus.sum(ended).await, 0.0);
    for _ in 0..2 {
        publish_both(&hub);
    }
    has(operations, 5.0).await;
    has("acs_recordings_total", 5.0).await;
    for failures in [ended, refused] {
        has(failures, 2.0).await;
        assert_eq!(prometheus.rise(failures).await, 2.0, "{failures}");
    }
    has(
        "acs_recording_operations_total{operation='StopRecording',outcome='routine'}",
        3.0,
    )
    .await;
    has(
        "acs_recording_exporter_records_total{disposition='observed'}",
        10.0,
    )
    .await;
    assert_eq!(
        world
            .metric("acs_recording_exporter_receiver_restarts_total")
            .await,
        0.0
    );
    let written = world.exporter().process.written();
    assert_eq!(written.matches("\"reading partition\"").count(), 1);
}

#[tokio::test]
async fn the_log_level_changes_with_the_file_and_on_sighup() {
    let world = World::new(NOWHERE, "log: {format: json}").await;
    let loaded_at = world.metric(LOADED_AT).await;
    assert!(loaded_at > 1e9, "{loaded_at}");
    world.write("log: {format: json, level: debug}");
    world.says("configuration reloaded", 1).await;
    let _scrape = world.exporter().scrape().await;
    world.says("scrape does not count", 1).await;
    world.exporter().process.signal(Signal::HUP);
    world.says("configuration reloaded", 2).await;
    assert!(world.metric(LOADED_AT).await > loaded_at);
    assert_eq!(world.metric(SUCCESSFUL).await, 1.0);
    assert_eq!(world.shown("log.level").await, "debug");
}

#[tokio::test]
async fn a_key_that_needs_a_restart_keeps_its_value_and_is_named_until_it_is_as_before() {
    let world = World::new(NOWHERE, "log: {format: json}").await;
    let connection_string = &world.connection_string;
    let changed = connection_string.replace("a2V5", "b3RoZXI=");
    let text = fs::read_to_string(world.path("exporter.yaml")).unwrap();
    let text = text.replace(connection_string, &changed)
        + "metrics: {series_max: 30000, resources: [fabrikam]}\nfailures: {end_reasons: [InitiatorLeft]}\n";
    fs::write(world.path("exporter.yaml"), text).unwrap();
    world
        .says("event_hub.connection_string,metrics.series_max", 1)
        .await;
    let status = world.status().await;
    assert_eq!(
        status["restart_needed_for"],
        serde_json::json!(["event_hub.connection_string", "metrics.series_max"])
    );
    assert_eq!(world.shown("metrics.series_max").await, "20000");
    assert_eq!(world.shown("failures.end_reasons").await, "[InitiatorLeft]");
    let scrape = world.exporter().scrape().await.unwrap();
    let of_resource = scrape.by("acs_recording_failures_total", "resource");
    assert_eq!(of_resource.get("fabrikam"), Some(&0.0));
    let (_, page) = get(&world.exporter().address, "/").await.unwrap();
    assert!(page.contains("waiting for a restart"), "{page}");
    world.write("log: {format: json}");
    world.says("configuration reloaded", 2).await;
    eventually("nothing waits", || async {
        let status = world.status().await;
        let waiting = &status["restart_needed_for"];
        if *waiting == serde_json::json!([]) {
            Ok(())
        } else {
            Err(waiting.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_with_faults_changes_nothing_and_every_fault_is_logged() {
    let world = World::new(NOWHERE, "log: {format: json}").await;
    let loaded_at = world.metric(LOADED_AT).await;
    world.write("log: {format: json, level: debug}\nmetrics: {series_max: 1}\nhttp: {lisetn: x}");
    world.says("configuration not reloaded", 1).await;
    let written = world.exporter().process.written();
    for fault in ["metrics.series_max = `1`", "http.lisetn = `x`"] {
        assert!(written.contains(fault), "{written}");
    }
    assert_eq!(world.metric(SUCCESSFUL).await, 0.0);
    assert_eq!(world.metric(LOADED_AT).await, loaded_at);
    assert_eq!(world.shown("log.level").await, "info");
    let written = world.exporter().process.written();
    assert!(!written.contains("\"DEBUG\""), "{written}");
    world.write("log: {format: json}");
    world.says("configuration reloaded", 1).await;
    assert_eq!(world.metric(SUCCESSFUL).await, 1.0);
}

#[tokio::test]
async fn a_reload_by_request_is_off_unless_configured_and_needs_the_password() {
    let world = World::new(NOWHERE, "log: {format: json}").await;
    let (status, text) = world.request(Method::POST, None).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("`http.reload`"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web.yml");
    let hash = bcrypt::hash("secret", 4).unwrap();
    fs::write(&web, format!("basic_auth_users:\n  operator: {hash}\n")).unwrap();
    let on = format!(
        "http: {{reload: on, web_config_file: {}}}\nlog: {{format: json}}\n",
        web.display()
    );
    let world = World::new(NOWHERE, &on).await;
    assert_eq!(world.request(Method::POST, None).await.0, 401);
    assert_eq!(world.request(Method::POST, Some("Secret")).await.0, 401);
    assert_eq!(world.request(Method::GET, Some("secret")).await.0, 405);
    let page = Some("https://example.com");
    let (status, _) = world.request_from(page, Method::POST, Some("secret")).await;
    assert_eq!(status, 403);
    let written = world.exporter().process.written();
    assert!(!written.contains("configuration reloaded"), "{written}");
    let (status, text) = world.request(Method::POST, Some("secret")).await;
    assert_eq!((status, text.as_str()), (200, "reloaded\n"));
    world.says("configuration reloaded", 1).await;
    world.write(&format!("{on}failures: {{routine: [nonsense]}}"));
    let (status, text) = world.request(Method::POST, Some("secret")).await;
    assert_eq!(status, 500);
    assert!(text.contains("failures.routine = "), "{text}");
}
