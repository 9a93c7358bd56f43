//! A real PostgreSQL for tests: one server for each test process, one database for each test.
//!
//! The server is started by the first test that asks, from Debian's programs, in a temporary folder, on a
//! socket of its own. A small shell script watches over it: when this process ends, however it ends, the pipe
//! between them closes, and the script stops the server and removes the folder.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The running server; the pipe to `_watch` closes when this process ends, which stops it.
struct Server {
    programs: PathBuf,
    folder: PathBuf,
    _watch: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static TEMPLATE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The sqlx URL of a new database that is the caller's alone, as `migrate` leaves one.
///
/// `migrate` runs once in a process, on a template (about 0.1 s); it must close its connections before it
/// returns, since a template that is in use can't be copied. Every test of a process passes the same one.
///
/// # Panics
/// When PostgreSQL isn't installed (the message says what to install) or doesn't do as it is told. Tests on
/// PostgreSQL are never skipped.
pub(crate) async fn database<M: AsyncFnOnce(String)>(migrate: M) -> String {
    TEMPLATE
        .get_or_init(async || {
            create_database("template0", "migrated");
            migrate(url("migrated")).await;
        })
        .await;

    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    create_database("migrated", &name);
    url(&name)
}

/// The server of this process, started now if it isn't running yet (about a second).
fn server() -> &'static Server {
    SERVER.get_or_init(|| {
        let mut watch = Command::new("sh")
            .args(["-c", include_str!("postgres.sh")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell runs");
        let mut answer = String::new();
        let stdout = watch.stdout.take().expect("the output is piped");
        BufReader::new(stdout).read_line(&mut answer).expect("the script answers");

        match answer.trim_end().splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["ready", programs, folder] => {
                Server { programs: programs.into(), folder: folder.into(), _watch: watch }
            }
            _ => panic!("{}", answer.trim_end().trim_start_matches("failed ")),
        }
    })
}

/// Copies the database `template` under a new `name`, by PostgreSQL's own `createdb`.
fn create_database(template: &str, name: &str) {
    let server = server();
    let output = Command::new(server.programs.join("createdb"))
        .arg("--host")
        .arg(&server.folder)
        .args(["--port", "5432", "--username", "keyward", "--template", template, name])
        .output()
        .expect("createdb runs");
    assert!(output.status.success(), "createdb failed: {}", String::from_utf8_lossy(&output.stderr));
}

fn url(database: &str) -> String {
    format!("postgres://keyward@localhost:5432/{database}?host={}", server().folder.display())
}
