//! Asks Keyward about somebody's credential. `KEYWARD_URL`, `SERVICE_KEY` (a key whose user has the role
//! SERVICE) and `CREDENTIAL` come from the environment.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own, not a part of Keyward"
)]

use std::env;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Verdict {
    allowed: bool,
    reason: Option<String>,
    caller: Option<Caller>,
}

#[derive(Deserialize)]
struct Caller {
    username: String,
}

#[derive(Deserialize)]
struct Decision {
    results: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    permission: String,
    allowed: bool,
}

/// Keyward's answer. Anything but an answer is an error: then refuse.
async fn ask<A: for<'a> Deserialize<'a>>(path: &str, question: Value) -> anyhow::Result<A> {
    let answer = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .build()?
        .post(format!("{}/api/v1/{path}", env::var("KEYWARD_URL")?))
        .header("Authorization", env::var("SERVICE_KEY")?)
        .json(&question)
        .send()
        .await?;
    Ok(answer.error_for_status()?.json().await?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let credential = env::var("CREDENTIAL")?;

    // Who is this?
    let verdict: Verdict = ask("verify", json!({ "credential": credential })).await?;
    match verdict.caller.filter(|_| verdict.allowed) {
        Some(caller) => println!("allowed: {}", caller.username),
        None => println!("refused: {}", verdict.reason.unwrap_or_default()),
    }

    // May they do this?
    let permissions = ["read:database", "write:database"];
    let question = json!({ "credential": credential, "permissions": permissions });
    let decision: Decision = ask("authorize", question).await?;
    for result in decision.results {
        println!("{} {}", result.permission, if result.allowed { "yes" } else { "no" });
    }
    Ok(())
}
