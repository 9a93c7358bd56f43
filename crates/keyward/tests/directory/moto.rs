//! moto, an emulator of AWS, for tests: one server for each test process, one pool for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};

/// Runs moto until our standard input closes: by the end of the test process, however it ends.
const WATCH: &str = r#"
trap '' HUP INT TERM
"$1" -H 127.0.0.1 -p "$2" >/dev/null 2>&1 &
moto=$!
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $2))" 2>/dev/null; do
    kill -0 $moto 2>/dev/null || { echo failed; exit 1; }
    sleep 0.1
done
echo ready
cat >/dev/null
kill $moto
"#;

struct Server {
    url: String,
    _watch: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();

/// Where moto is, started by the first test that asks.
///
/// # Panics
/// When it isn't there. Tests against it are never skipped.
pub(crate) fn url() -> &'static str {
    let server = SERVER.get_or_init(|| {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/venv/bin/moto_server");
        assert!(
            program.exists(),
            "These tests need moto: `make test` installs it, as `make .cache/venv.done` does"
        );
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut watch = Command::new("sh")
            .args(["-c", WATCH, "moto"])
            .arg(program)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let mut answer = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        assert_eq!(answer, "ready\n", "moto doesn't start");
        Server { url: format!("http://127.0.0.1:{port}"), _watch: watch }
    });
    &server.url
}

/// What makes the tests' own calls: one client for all, since each new one reads the machine's root certificates. It
/// keeps no connection, for each test has a runtime of its own.
pub(crate) fn http() -> &'static reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> =
        LazyLock::new(|| reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap());
    &CLIENT
}
