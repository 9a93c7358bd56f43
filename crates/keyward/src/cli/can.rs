//! `keyward can`: may I, or may somebody else?

use clap::Args;
use serde::Serialize;

use super::api_key::{self, told};
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::printable;
use crate::client::{Explanation, Grant, PermissionDecision, Question};

/// Ask whether something is allowed
///
/// Exit code 0 when every permission is granted; 1 when one is not, or when it couldn't be asked (then there
/// is an `error:` on stderr, or `error` in the JSON); 2 when the command was typed wrongly.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward can submit:SOP1
  keyward can manage:users view:audit --as-user ada@example.com --explain")]
pub(crate) struct Can {
    /// What is to be allowed (can be several, up to 100)
    #[arg(value_name = "ACTION:RESOURCE", required = true)]
    permissions: Vec<String>,
    /// Ask about this user
    #[arg(long, value_name = "NAME", conflicts_with = "as_key")]
    as_user: Option<String>,
    /// Ask about this API key: its id, or its name
    #[arg(long, value_name = "KEY")]
    as_key: Option<String>,
    /// As if it came from this address
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<String>,
    /// Tell which role grants it, or what takes it away
    #[arg(long)]
    explain: bool,
    /// Say nothing: the exit code is the answer
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    allowed: bool,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    results: Vec<PermissionAnswer>,
}

#[derive(Serialize)]
struct PermissionAnswer {
    permission: String,
    allowed: bool,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationAnswer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationAnswer {
    granted_by: Vec<Grant>,
    withheld: Vec<Grant>,
}

impl From<PermissionDecision> for PermissionAnswer {
    fn from(decision: PermissionDecision) -> Self {
        Self {
            permission: decision.permission,
            allowed: decision.allowed,
            reason: decision.reason,
            explanation: decision
                .explanation
                .map(|Explanation { granted_by, withheld }| ExplanationAnswer { granted_by, withheld }),
        }
    }
}

pub(crate) async fn run(context: &Context, arguments: Can) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let asked = async {
        let as_key = match &arguments.as_key {
            Some(key) => Some(api_key::id_of(&client, key).await?),
            None => None,
        };
        let question = Question {
            permissions: arguments.permissions,
            as_user: arguments.as_user,
            as_key,
            client_ip: arguments.client_ip,
            explain: arguments.explain,
        };
        Ok::<_, Failure>(client.authorize(&question).await?)
    };
    let decision = output.waiting("Asking the server", asked).await?;
    let answer = Answer {
        allowed: decision.allowed,
        reason: decision.reason,
        user_id: decision.caller.map(|caller| caller.username),
        results: decision.results.into_iter().map(PermissionAnswer::from).collect(),
    };
    if !arguments.quiet {
        if output.json {
            output.json(&answer)?;
        } else {
            tell(context, &answer)?;
        }
    }
    if answer.allowed { Ok(()) } else { Err(Failure::answered(1)) }
}

fn tell(context: &Context, answer: &Answer) -> Result<()> {
    let output = &context.output;
    for result in &answer.results {
        let word = if result.allowed { "yes" } else { "no" };
        let because = match result.reason.as_deref().or(answer.reason.as_deref()) {
            Some(reason) if !result.allowed => format!(" ({})", told(reason)),
            _ => String::new(),
        };
        output.line(&format!("{word:3}  {}{because}", printable(&result.permission)))?;
        let Some(explanation) = &result.explanation else { continue };
        for Grant { role, pattern, .. } in &explanation.granted_by {
            output.line(&format!("     granted by {} through {}", printable(role), printable(pattern)))?;
        }
        for Grant { role, pattern, why } in &explanation.withheld {
            let why = why.as_deref().map(withheld).unwrap_or_default();
            let (role, pattern) = (printable(role), printable(pattern));
            output.line(&format!("     {role} would grant it through {pattern}, but {}", printable(&why)))?;
        }
        if explanation.granted_by.is_empty() && explanation.withheld.is_empty() {
            output.line("     no role that is held has a pattern that fits")?;
        }
    }
    Ok(())
}

/// Why a role that fits doesn't count, in words.
fn withheld(why: &str) -> String {
    match why {
        "mfa_required" => "asks for a second factor",
        "outside_scope" => "the key's scope leaves it out",
        "expired" => "the key has expired",
        "disabled" => "the key is disabled",
        "user_disabled" => "the user is disabled",
        "address_not_allowed" => "the key is not allowed from this address",
        other => other,
    }
    .to_owned()
}
