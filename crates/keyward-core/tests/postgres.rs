//! The PostgreSQL that tests run on is itself under test: a store can be trusted only where this holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]
#![allow(
    clippy::disallowed_methods,
    reason = "a process that starts itself tells itself so by its environment"
)]

#[path = "support/postgres.rs"]
mod postgres;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use sqlx::{Connection, PgConnection};

async fn migrate(url: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE notes (text TEXT NOT NULL)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_test_writes_into_a_database_of_its_own() {
    assert_a_fresh_database_takes_one_note().await;
}

#[tokio::test]
async fn another_test_sees_nothing_of_it() {
    assert_a_fresh_database_takes_one_note().await;
}

async fn assert_a_fresh_database_takes_one_note() {
    let url = postgres::database(migrate).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();

    sqlx::query("INSERT INTO notes VALUES ($1)").bind("mine").execute(&mut connection).await.unwrap();

    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&mut connection).await.unwrap();
    assert_eq!(count, 1);
}

/// Set for the process that this test starts to watch it die.
const VICTIM: &str = "KEYWARD_TEST_VICTIM";

#[tokio::test]
async fn the_server_and_its_folder_go_when_the_test_process_dies() {
    #[expect(clippy::disallowed_methods, reason = "the test's own variable, no setting of Keyward")]
    let is_victim = std::env::var_os(VICTIM).is_some();
    if is_victim {
        let url = postgres::database(migrate).await;
        println!("server in {}", url.rsplit('=').next().unwrap());
        panic!("on purpose");
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_server_and_its_folder_go_when_the_test_process_dies", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    victim.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    // The script that watches over the server holds this pipe too: its end means that it has cleaned up.
    victim.stderr.take().unwrap().read_to_string(&mut String::new()).unwrap();
    assert!(!victim.wait().unwrap().success());

    let folder = said.split("server in ").nth(1).unwrap().lines().next().unwrap();

    assert!(folder.contains("keyward-pg."), "{folder}");
    assert!(!Path::new(folder).exists(), "{folder} is still there");
}
