//! What a whole test run leaves behind, for `tests/secrets.py` to search: the data folders, the log at its most
//! talkative, and every secret that the tests learned of.
//!
//! `make test` names a folder in `KEYWARD_TEST_RUN`. Without it nothing is kept.
#![allow(dead_code, reason = "not every test binary needs all of it")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;
use tempfile::TempDir;

/// Members of JSON documents, of any of our dialects, whose text is secret.
const SECRET_MEMBERS: [&str; 19] = [
    "secret",
    "apiKey",
    "password",
    "temporary_password",
    "temporaryPassword",
    "PASSWORD",
    "NEW_PASSWORD",
    "REFRESH_TOKEN",
    "AccessToken",
    "IdToken",
    "RefreshToken",
    "SecretCode",
    "ClientSecret",
    "ClientSecretValue",
    "Session",
    "SECRET_BLOCK",
    "PASSWORD_CLAIM_SECRET_BLOCK",
    "token",
    "idToken",
];

/// Members that hold a secret for each name.
const SECRETS_BY_NAME: [&str; 2] = ["admin_passwords_reset", "adminPasswordsReset"];

/// What is shorter may stand anywhere by chance, or is a wrong value that a test made up.
const SHORTEST: usize = 12;

/// A temporary folder, kept where the run is to be searched.
pub(crate) fn folder() -> TempDir {
    match run() {
        Some(run) => {
            let data = run.join("data");
            fs::create_dir_all(&data).unwrap();
            tempfile::Builder::new().disable_cleanup(true).tempdir_in(data).unwrap()
        }
        None => tempfile::tempdir().unwrap(),
    }
}

/// An address in the place of a secret is a mistake that a test makes on purpose.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))
}

/// Notes a secret that must be found nowhere.
pub(crate) fn secret(text: &str) {
    static NOTES: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let notes = NOTES.get_or_init(|| run().map(|run| Mutex::new(file(&run, "secrets"))));
    if let Some(notes) = notes
        && text.len() >= SHORTEST
        && !text.contains(['\n', ' '])
        && !is_address(text)
    {
        writeln!(notes.lock().unwrap(), "{text}").unwrap();
    }
}

/// Notes what is secret in a JSON document, however deep.
pub(crate) fn secrets_in(document: &Value) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if SECRET_MEMBERS.contains(&name.as_str()) => secret(text),
                    Value::Object(secrets) if SECRETS_BY_NAME.contains(&name.as_str()) => {
                        secrets.values().filter_map(Value::as_str).for_each(secret);
                    }
                    _ => secrets_in(value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(secrets_in),
        _ => {}
    }
}

/// Where the run's log of this process goes.
pub(crate) fn log() -> Option<File> {
    run().map(|run| file(&run, "log"))
}

#[expect(clippy::disallowed_methods, reason = "the test run's own variable, no setting of Keyward")]
fn run() -> Option<PathBuf> {
    std::env::var_os("KEYWARD_TEST_RUN").filter(|run| !run.is_empty()).map(PathBuf::from)
}

fn file(run: &std::path::Path, kind: &str) -> File {
    let folder = run.join(kind);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(std::process::id().to_string());
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}
