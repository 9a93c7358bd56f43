//! `keyward api-key verify`: is this key good, and whose is it?

use clap::Args;
use keyward_core::secret::Secret;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::{Failure, Result};
use crate::cli::prompt;
use crate::cli::whoami::CallerJson;
use crate::client::{Caller, Credential, Error};

/// Ask whether a key is good, and what it may do
///
/// Who may verify credentials asks by that right; anybody else asks with the key itself, which then counts as
/// a use of it. Exit code 0 when the key is good, 1 when it is not or can't be asked about.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyward api-key verify\n  keyward api-key verify --key-stdin < key.txt")]
pub(crate) struct Verify {
    /// The key; other users of this machine can see it in the list of processes
    #[arg(long, conflicts_with = "key_stdin")]
    key: Option<Secret>,
    /// Read the key from stdin
    #[arg(long)]
    key_stdin: bool,
    /// As if the key came from this address
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    allowed: bool,
    reason: Option<String>,
    caller: Option<CallerJson>,
}

pub(super) async fn run(context: &Context, arguments: Verify) -> Result<()> {
    let output = &context.output;
    let key = match arguments.key {
        Some(key) => key,
        None if arguments.key_stdin => prompt::secret_from_stdin("API key")?,
        None if output.json => {
            return Err(Failure::new("input-needed", "A key is needed: --key-stdin reads it from stdin."));
        }
        None => prompt::secret("API key", "`--key-stdin` reads it from stdin")?,
    };
    let asked = ask(context, &key, arguments.client_ip.as_deref());
    let answer = output.waiting("Asking the server", asked).await?;
    if answer.allowed {
        if output.json {
            return output.json(&answer);
        }
        output.success("The key is good.");
        return answer.caller.map_or(Ok(()), |caller| output.fields(&caller.fields()));
    }
    let reason = answer.reason.as_deref().unwrap_or("unknown_credential");
    let mut failure = Failure::new("key-refused", format!("The key is not good: {}.", told(reason)))
        .member("allowed", false)
        .member("reason", reason);
    failure.hint = super::checksum_hint(&key);
    Err(failure)
}

async fn ask(context: &Context, key: &Secret, client_ip: Option<&str>) -> Result<Answer> {
    // Somebody who is signed in may have the right to ask; whoever isn't has the key to ask with.
    let refused = match context.client() {
        Ok(client) => match client.verify(key, client_ip).await {
            Ok(verification) => {
                return Ok(Answer {
                    allowed: verification.allowed,
                    reason: verification.reason,
                    caller: verification.caller.map(CallerJson::from),
                });
            }
            Err(error) if matches!(error.code(), Some("forbidden" | "unauthenticated")) => {
                Failure::from(error)
            }
            Err(error) => return Err(error.into()),
        },
        Err(failure) if failure.code == "unauthenticated" => failure,
        Err(failure) => return Err(failure),
    };
    if client_ip.is_some() {
        return Err(refused);
    }
    let client = context.anonymous()?.acting_by(Credential { bearer: key.clone(), renewal: None });
    let good =
        |caller: Caller| Answer { allowed: true, reason: None, caller: Some(CallerJson::from(caller)) };
    match client.me().await {
        Ok(caller) => Ok(good(caller)),
        Err(Error::Refused(problem)) if matches!(problem.status, 401 | 403) => {
            Ok(Answer { allowed: false, reason: Some("unknown_credential".to_owned()), caller: None })
        }
        Err(Error::Unsendable) => {
            Ok(Answer { allowed: false, reason: Some("unknown_credential".to_owned()), caller: None })
        }
        Err(error) => Err(error.into()),
    }
}

/// A reason of the server in words.
pub(crate) fn told(reason: &str) -> String {
    match reason {
        "unknown_credential" => "it is not known here, or no longer accepted".to_owned(),
        "expired" => "it has expired".to_owned(),
        "disabled" => "it is disabled".to_owned(),
        "user_disabled" => "its user is disabled".to_owned(),
        "signed_out" => "its session was ended".to_owned(),
        "address_not_allowed" => "it is not allowed from this address".to_owned(),
        "no_roles" => "its user holds no role".to_owned(),
        "not_granted" => "no role grants it".to_owned(),
        "mfa_required" => "the role that grants it needs a second factor".to_owned(),
        "outside_scope" => "it is outside the key's scope".to_owned(),
        other => other.to_owned(),
    }
}
