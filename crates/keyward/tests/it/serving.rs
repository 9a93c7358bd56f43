//! Starting, serving and stopping.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use keyward::app;
use keyward::complaint::Complaint;
use keyward::config::Config;
use keyward::http::{self, Body, Failure, RequestId, RequestOrigin, plain, speaking};
use keyward::server::{Server, StopSignals, Timing};
use keyward_core::master_key::MasterKey;
use keyward_core::random::Random;
use rcgen::{CertifiedKey, KeyPair};
use reqwest::{Certificate, Client};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, yield_now};
use tower::ServiceExt as _;

/// A server within this process.
struct Running {
    address: SocketAddr,
    stop: mpsc::Sender<()>,
    flushed: Arc<AtomicBool>,
    task: JoinHandle<Result<(), Complaint>>,
}

/// Short, so that no test waits long for what takes its time.
const TIMING: Timing = Timing {
    idle: Duration::from_secs(30),
    stop: Duration::from_secs(10),
    flush: Duration::from_secs(1),
    certificate: Duration::from_millis(10),
};

impl Running {
    async fn start(surfaces: Router, flags: &[&str]) -> Self {
        let (sender, stop) = StopSignals::by_hand();
        Self::start_with(surfaces, flags, TIMING, sender, stop).await
    }

    async fn start_with(
        surfaces: Router,
        flags: &[&str],
        timing: Timing,
        sender: mpsc::Sender<()>,
        stop: StopSignals,
    ) -> Self {
        let mut config = Config::from_flags(&[&["--listen", "0"], flags].concat()).unwrap();
        let server = Server::bind(&mut config).await.unwrap();
        let address = server.address();
        assert_eq!(config.listen, address);
        let router = http::layers(surfaces, &config, &Random::System);
        let flushed = Arc::new(AtomicBool::new(false));
        let flush = flushed.clone();
        let flush = async move { flush.store(true, Ordering::SeqCst) };
        let task = tokio::spawn(server.serve(router, timing, stop, flush));
        Self { address, stop: sender, flushed, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until nobody can connect any more.
    async fn is_closed(&self) {
        while TcpStream::connect(self.address).await.is_ok() {
            yield_now().await;
        }
    }

    async fn ends(self) {
        self.task.await.unwrap().unwrap();
        assert!(self.flushed.load(Ordering::SeqCst), "what is left to write is written");
    }
}

/// A dialect as short as VAMS's.
fn render(failure: &Failure, _: &RequestId) -> Response {
    (failure.status(), axum::Json(serde_json::json!({ "message": failure.message() }))).into_response()
}

/// A server that has little to say.
fn hello() -> Router {
    speaking(Router::new().route("/hello", get(async || "hello")), plain)
}

/// What a test can wait for and let go: a route `/slow` that has been entered, and what it waits for.
#[derive(Clone, Default)]
struct Slow {
    entered: Arc<Notify>,
    released: Arc<Notify>,
}

impl Slow {
    fn router(&self) -> Router {
        let Self { entered, released } = self.clone();
        let slow = move || async move {
            entered.notify_one();
            released.notified().await;
            "finished"
        };
        speaking(Router::new().route("/slow", get(slow)), render)
    }
}

/// Sends these bytes over a connection of its own, and reads until the server closes it.
async fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes with bytes unread resets the connection; what it said before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn health_is_told_with_the_store_and_without_it() {
    let folder = TempDir::new().unwrap();
    let flags = ["--environment", "test", "--hashing-memory-kib", "64"];
    let flags = [&["--data-dir", folder.path().to_str().unwrap()], flags.as_slice()].concat();
    let config = Config::from_flags(&flags).unwrap();
    let master_key = MasterKey::new(&[7; 32]);
    let keyward = app::open(&config, Random::seeded(1), master_key).await.unwrap();
    let router = app::router(&keyward, &config);
    let ask = async |path: &str| {
        let request = axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        (response.status(), axum::body::to_bytes(response.into_body(), 1000).await.unwrap())
    };

    assert_eq!(ask("/healthz").await, (StatusCode::OK, r#"{"status":"ok"}"#.into()));
    assert_eq!(ask("/readyz").await, (StatusCode::OK, r#"{"status":"ok"}"#.into()));
    keyward.close().await;

    assert_eq!(ask("/healthz").await.0, StatusCode::OK);
    let (status, body) = ask("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.starts_with(br#"{"message":"The store doesn't answer; try again.","#), "{body:?}");
}

#[tokio::test]
async fn failures_outside_of_handlers_speak_the_dialect_too() {
    let users = Router::new().route("/users", post(|_: Body<String>| async { "made" }));
    let server = Running::start(speaking(users, render), &[]).await;
    let client = Client::new();

    let unknown = client.get(server.url("/nowhere")).send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(unknown.text().await.unwrap(), r#"{"message":"There is nothing at this path."}"#);

    let wrong = client.delete(server.url("/users")).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()["allow"], "POST");
    assert_eq!(
        wrong.text().await.unwrap(),
        r#"{"message":"This path doesn't take this method; the Allow header has those that it takes."}"#
    );

    let large = "POST /users HTTP/1.1\r\nHost: keyward\r\nContent-Length: 1048577\r\n\r\n";
    let large = exchange(server.address, large).await;
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
    assert!(large.ends_with(r#"{"message":"The body is too large; send at most 1 MiB."}"#), "{large}");
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = Running::start(hello(), &[]).await;
    let client = Client::new();

    let given =
        client.get(server.url("/hello")).header("x-request-id", "from-the-client_7").send().await.unwrap();
    assert_eq!(given.headers()["x-request-id"], "from-the-client_7");

    let made = client.get(server.url("/nowhere")).header("x-request-id", "no good").send().await.unwrap();
    let id = made.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    let body = made.text().await.unwrap();
    assert_eq!(body, format!(r#"{{"message":"There is nothing at this path.","request_id":"{id}"}}"#));
}

#[tokio::test]
async fn a_handler_learns_where_a_request_comes_from() {
    let whence = async |RequestOrigin(origin): RequestOrigin| {
        format!("{:?} {:?} {:?}", origin.address.unwrap(), origin.user_agent, origin.idempotency_key)
    };
    let router = || speaking(Router::new().route("/whence", get(whence)), render);
    let direct = Running::start(router(), &[]).await;
    let proxied = Running::start(router(), &["--trusted-proxies", "127.0.0.0/8"]).await;
    let ask = async |server: &Running, key: &str| {
        let request =
            Client::new().get(server.url("/whence")).header("x-forwarded-for", "192.0.2.1, 203.0.113.9");
        let request = request.header("user-agent", "test\t".to_owned() + &"x".repeat(300));
        request.header("idempotency-key", key).send().await.unwrap().text().await.unwrap()
    };

    let agent = "test".to_owned() + &"x".repeat(252);
    assert_eq!(ask(&direct, "k1").await, format!(r#"127.0.0.1 Some("{agent}") Some("k1")"#));
    assert_eq!(ask(&proxied, "k1").await, format!(r#"203.0.113.9 Some("{agent}") Some("k1")"#));
    assert_eq!(
        ask(&direct, "two words").await,
        r#"{"message":"Idempotency-Key must be 1 to 128 visible ASCII characters."}"#
    );
}

async fn panic_on_purpose() {
    panic!("on purpose")
}

#[tokio::test]
async fn a_panic_does_not_end_the_server() {
    let panics = Router::new().route("/panics", get(panic_on_purpose));
    let server = Running::start(speaking(panics, render), &[]).await;
    let client = Client::new();

    let answer = client.get(server.url("/panics")).send().await.unwrap();

    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text().await.unwrap().contains("on purpose"));
    assert_eq!(client.get(server.url("/nowhere")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed() {
    let timing = Timing { idle: Duration::from_millis(50), ..TIMING };
    let (sender, stop) = StopSignals::by_hand();
    let server = Running::start_with(hello(), &[], timing, sender, stop).await;

    assert_eq!(exchange(server.address, "").await, "");
    assert_eq!(exchange(server.address, "P").await, "");
    assert_eq!(exchange(server.address, "GET /hello HTTP/1.1\r\nHost: ").await, "");
    // Also after an answer.
    let kept = exchange(server.address, "GET /hello HTTP/1.1\r\nHost: keyward\r\n\r\n").await;
    assert!(kept.starts_with("HTTP/1.1 200 OK"), "{kept}");
}

#[tokio::test]
async fn sigterm_lets_a_running_request_finish() {
    let slow = Slow::default();
    let stop = StopSignals::catch().unwrap();
    let (sender, _) = StopSignals::by_hand();
    let server = Running::start_with(slow.router(), &[], TIMING, sender, stop).await;
    let answer = tokio::spawn(reqwest::get(server.url("/slow")));
    slow.entered.notified().await;

    let this = std::process::id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {this}")]).status().unwrap().success());
    server.is_closed().await;
    assert!(!answer.is_finished());
    slow.released.notify_one();

    assert_eq!(answer.await.unwrap().unwrap().text().await.unwrap(), "finished");
    server.ends().await;
}

#[tokio::test]
async fn a_second_signal_breaks_off_what_runs() {
    let slow = Slow::default();
    let server = Running::start(slow.router(), &[]).await;
    let answer = tokio::spawn(reqwest::get(server.url("/slow")));
    slow.entered.notified().await;

    server.stop.send(()).await.unwrap();
    server.stop.send(()).await.unwrap();

    server.ends().await;
    assert!(answer.await.unwrap().is_err());
}

#[tokio::test]
async fn what_runs_too_long_is_broken_off() {
    let slow = Slow::default();
    let timing = Timing { stop: Duration::from_millis(20), ..TIMING };
    let (sender, stop) = StopSignals::by_hand();
    let server = Running::start_with(slow.router(), &[], timing, sender, stop).await;
    let answer = tokio::spawn(reqwest::get(server.url("/slow")));
    slow.entered.notified().await;

    server.stop.send(()).await.unwrap();

    server.ends().await;
    assert!(answer.await.unwrap().is_err());
}

/// A certificate for `localhost`, in files.
struct TlsPair {
    folder: TempDir,
}

impl TlsPair {
    fn new(pair: &CertifiedKey<KeyPair>) -> Self {
        let folder = TempDir::new().unwrap();
        let files = Self { folder };
        files.put("cert.pem", &pair.cert.pem());
        files.put("key.pem", &pair.signing_key.serialize_pem());
        files
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes the file, again and again until the file system's clock has moved on.
    fn put(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        let modified = || fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let before = modified();
        fs::write(&path, text).unwrap();
        while modified() == before {
            fs::write(&path, text).unwrap();
        }
    }

    async fn serve(&self) -> Running {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        Running::start(hello(), &["--tls-cert", &certificate, "--tls-key", &key]).await
    }
}

fn localhost() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Asks over a new connection, trusting this certificate alone.
async fn ask_over_tls(
    server: &Running,
    trusted: &CertifiedKey<KeyPair>,
) -> reqwest::Result<reqwest::Response> {
    let certificate = Certificate::from_pem(trusted.cert.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([certificate]).resolve("localhost", server.address);
    client.build().unwrap().get(format!("https://localhost:{}/hello", server.address.port())).send().await
}

#[tokio::test]
async fn https_is_served_with_the_certificate() {
    let pair = localhost();
    let server = TlsPair::new(&pair).serve().await;

    let answer = ask_over_tls(&server, &pair).await.unwrap();

    assert_eq!(answer.status(), StatusCode::OK);
    assert!(ask_over_tls(&server, &localhost()).await.is_err(), "another certificate is not trusted");
    assert!(reqwest::get(server.url("/hello")).await.is_err(), "plain HTTP is not answered");
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let (old, new) = (localhost(), localhost());
    let files = TlsPair::new(&old);
    let server = files.serve().await;
    ask_over_tls(&server, &old).await.unwrap();

    // The new certificate without its key is no pair: the old one stays.
    files.put("cert.pem", &new.cert.pem());
    ask_over_tls(&server, &old).await.unwrap();
    files.put("key.pem", "no key at all");
    ask_over_tls(&server, &old).await.unwrap();
    files.put("key.pem", &new.signing_key.serialize_pem());

    while ask_over_tls(&server, &new).await.is_err() {}
    assert!(ask_over_tls(&server, &old).await.is_err());
}

#[tokio::test]
async fn a_certificate_that_is_no_good_stops_the_start() {
    let files = TlsPair::new(&localhost());
    let complaint = async |certificate: &str, key: &str| {
        let flags = ["--tls-cert", &files.path(certificate), "--tls-key", &files.path(key)];
        let mut config = Config::from_flags(&flags).unwrap();
        let complaint = Server::bind(&mut config).await.unwrap_err();
        assert!(complaint.hint.is_some());
        complaint.sentence.replace(files.folder.path().to_str().unwrap(), "FOLDER")
    };
    files.put("other.pem", &localhost().signing_key.serialize_pem());

    assert_eq!(
        complaint("none.pem", "key.pem").await,
        "The TLS certificate FOLDER/none.pem can't be read: No such file or directory (os error 2)."
    );
    assert_eq!(
        complaint("key.pem", "key.pem").await,
        "The TLS certificate FOLDER/key.pem holds no certificate in PEM form."
    );
    assert_eq!(
        complaint("cert.pem", "cert.pem").await,
        "The TLS key FOLDER/cert.pem holds no private key in PEM form."
    );
    assert!(
        complaint("cert.pem", "other.pem")
            .await
            .starts_with("The TLS certificate and its key can't be used: ")
    );
}

/// What a first start needs where there is no terminal, with hashing that costs little.
const FIRST_START: [(&str, &str); 4] = [
    ("KEYWARD_ENV", "test"),
    ("KEYWARD_HASHING_MEMORY_KIB", "64"),
    ("KEYWARD_ADMIN_EMAIL", "admin@example.com"),
    ("KEYWARD_ADMIN_PASSWORD", "Correct-Horse-7"),
];

/// The program, run in a folder of its own and with no environment but what is told.
struct Program {
    child: Child,
    /// What it has said so far, up to the line with its URL.
    said: String,
    url: String,
}

fn keyward(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end: exit code, stdout, stderr.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = keyward(folder, arguments, variables).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

impl Program {
    /// Starts it and waits until it listens.
    fn serve(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let variables = [&FIRST_START, variables].concat();
        let mut child = keyward(folder, &["serve", "--listen", "0"], &variables).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended with: {said}");
            said.push_str(&line);
            if let Some((_, url)) = line.split_once(" listening on ") {
                break url.trim().to_owned();
            }
        };
        child.stderr = Some(stderr.into_inner());
        Self { child, said, url }
    }

    /// Tells it to stop, and waits for its end: exit code, and all that it said.
    fn terminate(mut self) -> (i32, String) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut said = std::mem::take(&mut self.said);
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), said)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_program_serves_and_ends_with_0_at_sigterm() {
    let folder = TempDir::new().unwrap();
    let program =
        Program::serve(folder.path(), &[("KEYWARD_LOG_FORMAT", "json"), ("KEYWARD_LOG_LEVEL", "debug")]);

    let healthy = reqwest::get(format!("{}/healthz", program.url)).await.unwrap();
    assert_eq!(healthy.status(), StatusCode::OK);
    reqwest::get(format!("{}/nowhere?key=vams_secret", program.url)).await.unwrap();
    let (code, said) = program.terminate();

    assert_eq!(code, 0);
    assert!(!said.contains("vams_secret") && !said.contains("Correct-Horse-7"), "{said}");
    let lines = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let lines = lines.filter(|line| line["target"] == "keyward::access").collect::<Vec<_>>();
    let seen = lines.iter().map(|line| (line["route"].as_str().unwrap(), line["status"].as_u64().unwrap()));
    assert_eq!(seen.collect::<Vec<_>>(), [("/healthz", 200), ("-", 404)]);
    assert_eq!(lines[0]["request_id"], healthy.headers()["x-request-id"].to_str().unwrap());
}

#[test]
fn a_first_start_without_a_terminal_needs_to_be_told_the_password() {
    let folder = TempDir::new().unwrap();

    let (code, stdout, stderr) = run(folder.path(), &["serve", "--listen", "0"], &[]);

    assert_eq!((code, stdout.as_str()), (1, ""));
    let (_, stderr) = stderr.split_once("error: ").unwrap();
    assert_eq!(
        stderr,
        "This is the first start, and there is no terminal to show the first admin's password on.\n\
         hint: Set KEYWARD_ADMIN_EMAIL and KEYWARD_ADMIN_PASSWORD, or start it once on a terminal.\n"
    );
    // Nothing of that start stands in the way of the next.
    drop(Program::serve(folder.path(), &[]));
}

#[test]
fn the_data_folder_is_for_its_owner_alone_and_keeps_its_key() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");

    drop(Program::serve(folder.path(), &[]));
    let key = fs::read_to_string(data.join("master.key")).unwrap();
    drop(Program::serve(folder.path(), &[]));

    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("master.key")), 0o600);
    assert_eq!(mode(&data.join("keyward.lock")), 0o600);
    assert_eq!((key.trim().len(), fs::read_to_string(data.join("master.key")).unwrap()), (64, key.clone()));
}

#[test]
fn a_data_folder_that_another_server_holds_is_refused() {
    let folder = TempDir::new().unwrap();
    let first = Program::serve(folder.path(), &[]);

    let (code, stdout, stderr) = run(folder.path(), &["serve", "--listen", "0"], &[]);

    assert_eq!((code, stdout.as_str()), (1, ""));
    let holder = format!("another server (process {})", first.child.id());
    assert_eq!(
        stderr.replace(&holder, "HOLDER"),
        "error: The data folder ./data is held by HOLDER.\n\
         hint: Stop that one first, or choose another folder with --data-dir.\n"
    );
    // A server that was killed holds nothing.
    drop(first);
    drop(Program::serve(folder.path(), &[]));
}

#[test]
fn a_port_in_use_is_told() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let (code, _, stderr) = run(folder.path(), &["serve", "--listen", &address], &[]);

    assert_eq!(code, 1);
    assert_eq!(
        stderr.replace(&address, "ADDRESS"),
        "error: Can't listen on ADDRESS: another program listens there.\n\
         hint: Stop it, or choose another port, as in: keyward serve --listen 8481\n"
    );
    assert!(!folder.path().join("data/master.key").exists(), "nothing is made before the port is had");
}

#[test]
fn wrong_settings_stop_the_start_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let start = |arguments: &[&str], variables: &[(&str, &str)]| {
        let (code, stdout, stderr) = run(folder.path(), &[&["serve"], arguments].concat(), variables);
        assert_eq!((code, stdout.as_str()), (2, ""));
        stderr
    };

    assert_eq!(
        start(&["--listen", "0.0.0.0:8480"], &[]),
        "error: Listening on 0.0.0.0:8480 would send passwords and keys over the network in clear.\n\
         hint: Give --tls-cert and --tls-key, or --behind-proxy if a proxy in front does the TLS.\n"
    );
    assert_eq!(
        start(&[], &[("KEYWARD_DATABSE", "sqlite:x")]),
        "error: The environment variable KEYWARD_DATABSE is unknown.\nhint: Did you mean KEYWARD_DATABASE?\n"
    );
    fs::write(folder.path().join("keyward.toml"), "log_levl = 'debug'").unwrap();
    assert_eq!(
        start(&[], &[]),
        "error: keyward.toml has an unknown setting `log_levl`.\nhint: Did you mean log_level?\n"
    );
    assert!(!folder.path().join("data").exists());
}

#[tokio::test]
async fn a_server_that_asks_for_no_signature_says_so_loudly() {
    let folder = TempDir::new().unwrap();
    let program = Program::serve(folder.path(), &[("KEYWARD_DEV", "true")]);
    let request = Client::new()
        .post(&program.url)
        .header("x-amz-target", "AWSCognitoIdentityProviderService.AdminGetUser")
        .body(r#"{"UserPoolId":"us-east-1_unknown00","Username":"ada"}"#);

    let answer = request.send().await.unwrap().text().await.unwrap();

    assert!(answer.contains("ResourceNotFoundException"), "{answer}");
    let (code, said) = program.terminate();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("!!  DEVELOPMENT MODE: the operations that AWS signs"), "{said}");
    assert!(said.contains(" WARN keyward::cli::serve: dev: whoever reaches this server may do"), "{said}");
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(Program::serve(folder.path(), &[]));
    let path = folder.path().join("data/master.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();

    let (code, _, stderr) = run(folder.path(), &["serve", "--listen", "0"], &[]);

    assert_eq!(code, 1);
    assert_eq!(
        stderr,
        "error: The master key ./data/master.key may be read by others (mode 0640).\n\
         hint: Run: chmod 600 ./data/master.key\n"
    );
}

#[test]
fn a_database_without_its_master_key_gets_no_new_one() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/keyward.db"), "").unwrap();

    let (code, _, stderr) = run(folder.path(), &["serve", "--listen", "0"], &[]);

    assert_eq!(code, 1);
    assert_eq!(
        stderr,
        "error: The database ./data/keyward.db is there, but its master key ./data/master.key isn't.\n\
         hint: Put the file back from your backup, or give the key with KEYWARD_MASTER_KEY.\n"
    );
}

#[test]
fn a_master_key_may_be_given() {
    let folder = TempDir::new().unwrap();
    let key = "0a".repeat(32);

    let (_, said) = Program::serve(folder.path(), &[("KEYWARD_MASTER_KEY", &key)]).terminate();

    assert!(!said.contains(&key));
    assert!(!folder.path().join("data/master.key").exists());
    let missing = run(folder.path(), &["serve", "--listen", "0", "--master-key-file", "none"], &[]).2;
    assert!(
        missing.starts_with("error: The master key file none isn't there.\nhint: Make one with: "),
        "{missing}"
    );
}

#[test]
fn config_show_tells_every_setting_its_value_and_its_source() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("keyward.toml"), "region = 'eu-west-1'\nlog_level = 'debug'").unwrap();
    let variables = [
        ("KEYWARD_LISTEN", "9000"),
        ("KEYWARD_LOG_LEVEL", ""),
        ("KEYWARD_ADMIN_EMAIL", "admin@example.com"),
        ("KEYWARD_ADMIN_PASSWORD", "Hunter2-Hunter2"),
    ];

    let (code, table, talk) = run(folder.path(), &["config", "show", "--api-key-prefix", "lab"], &variables);

    assert_eq!((code, talk.as_str()), (0, ""));
    insta::assert_snapshot!(table, @r"
    SETTING                     VALUE                                       SOURCE
    listen                      127.0.0.1:9000                              environment KEYWARD_LISTEN
    database                    sqlite:./data/keyward.db                    default
    data_dir                    ./data                                      default
    public_url                  http://localhost:9000                       default
    trusted_proxies             -                                           default
    behind_proxy                false                                       default
    tls_cert                    -                                           default
    tls_key                     -                                           default
    environment                 dev                                         default
    dev                         false                                       default
    test_users                  true                                        default
    test_users_file             -                                           default
    region                      eu-west-1                                   file keyward.toml
    provider                    local                                       default
    cognito_user_pool_id        -                                           default
    cognito_client_id           -                                           default
    cognito_region              -                                           default
    cognito_endpoint            -                                           default
    cognito_groups              ADMINS,LAB_MANAGERS,RESEARCHERS,CLINICIANS  default
    directory_bound             60s                                         default
    rawscribe_config            -                                           default
    oidc_issuer                 -                                           default
    oidc_audience               -                                           default
    oidc_groups_claim           groups                                      default
    oidc_roles                  -                                           default
    api_key_prefix              lab                                         flag --api-key-prefix
    issuer                      http://localhost:9000/{pool}                default
    admin_email                 admin@example.com                           environment KEYWARD_ADMIN_EMAIL
    admin_password              ********                                    environment KEYWARD_ADMIN_PASSWORD
    master_key                  -                                           default
    master_key_file             -                                           default
    revocation_bound_ms         1000                                        default
    hashing_memory_kib          19456                                       default
    hashing_iterations          2                                           default
    hashing_parallelism         1                                           default
    password_minimum_length     8                                           default
    password_require_uppercase  true                                        default
    password_require_lowercase  true                                        default
    password_require_digit      true                                        default
    password_require_symbol     true                                        default
    password_refuse_common      -                                           default
    temporary_password_days     7                                           default
    failed_sign_ins_per_minute  20                                          default
    smtp_url                    -                                           default
    smtp_password_file          -                                           default
    mail_from                   -                                           default
    sms_command                 -                                           default
    sms_webhook                 -                                           default
    log_format                  text                                        default
    log_level                   debug                                       file keyward.toml
    ");
    let (_, json, _) = run(folder.path(), &["config", "show", "--json-output"], &variables);
    let json = serde_json::from_str::<serde_json::Value>(&json).unwrap();
    assert_eq!(
        json[0],
        serde_json::json!({
            "setting": "listen", "value": "127.0.0.1:9000", "source": "environment KEYWARD_LISTEN"
        })
    );
    assert!(!json.to_string().contains("Hunter2"));
    assert!(!folder.path().join("data").exists(), "looking makes nothing");
}

#[tokio::test]
async fn a26_flaw_03_what_production_was_secured_with_stands_in_no_log_and_no_file() {
    let folder = TempDir::new().unwrap();
    let variables =
        [("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168"), ("KEYWARD_LOG_LEVEL", "trace")];
    let program = Program::serve(folder.path(), &variables);
    let client = Client::new();
    let url = |path: &str| format!("{}{path}", program.url);
    let login = serde_json::json!({ "username": "admin@example.com", "password": "Correct-Horse-7" });
    let login = client.post(url("/api/auth/login")).body(login.to_string());
    let login: serde_json::Value = serde_json::from_str(
        &login.header("content-type", "application/json").send().await.unwrap().text().await.unwrap(),
    )
    .unwrap();
    let token = login["token"].as_str().unwrap();
    let ask = async |path: &str| {
        let request = client.post(url(path)).bearer_auth(token).header("idempotency-key", "once");
        request.send().await.unwrap().text().await.unwrap()
    };

    ask("/api/v1/user-management/test-users").await;
    let secured = ask("/api/v1/user-management/secure-production").await;
    let secured: serde_json::Value = serde_json::from_str(&secured).unwrap();
    let password = secured["admin_passwords_reset"]["admin@example.com"].as_str().unwrap();
    let (code, said) = program.terminate();

    assert_eq!(code, 0);
    for secret in [password, "TestAdmin123!", "Correct-Horse-7", token] {
        assert!(!said.contains(secret), "the log has it");
        for entry in fs::read_dir(folder.path().join("data")).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "a file has it");
        }
    }
}
