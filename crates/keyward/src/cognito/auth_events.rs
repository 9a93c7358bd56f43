//! What became of a user's sign-ins: `AdminListUserAuthEvents`, out of the audit log.

use keyward_core::audit::{AuditEvent, Outcome};
use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use serde::{Deserialize, Serialize};

use crate::cognito::fault::Fault;
use crate::cognito::users::{epoch_seconds, found, limit};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminListUserAuthEvents {
    user_pool_id: String,
    username: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthEventsAnswer {
    auth_events: Vec<AuthEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AuthEvent {
    event_id: String,
    event_type: &'static str,
    creation_date: f64,
    event_response: &'static str,
    challenge_responses: Vec<ChallengeResponse>,
    event_context_data: EventContextData,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChallengeResponse {
    challenge_name: &'static str,
    challenge_response: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventContextData {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
}

impl From<AuditEvent> for AuthEvent {
    fn from(event: AuditEvent) -> Self {
        let is_passed = event.outcome == Outcome::Done;
        // Whoever got as far as a code had the password right.
        let is_code_wrong = event.detail.get("reason").is_some_and(|reason| reason == "wrong_code");
        let response = |challenge_name, is_right| ChallengeResponse {
            challenge_name,
            challenge_response: if is_right { "Success" } else { "Failure" },
        };
        // What stands for a password is neither of the two that Amazon has names for here.
        let is_by_password =
            event.detail.get("method").is_none_or(|method| method == "password" || method == "srp");
        let password = is_by_password.then(|| response("Password", is_passed || is_code_wrong));
        let has_mfa = event.detail.get("mfa").is_some_and(|mfa| mfa == true);
        let code = (has_mfa || is_code_wrong && is_by_password).then(|| response("Mfa", is_passed));
        Self {
            event_id: event.id,
            event_type: "SignIn",
            creation_date: epoch_seconds(event.at_ms),
            event_response: if is_passed { "Pass" } else { "Fail" },
            challenge_responses: password.into_iter().chain(code).collect(),
            event_context_data: EventContextData { ip_address: event.address },
        }
    }
}

pub(super) async fn admin_list_user_auth_events(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminListUserAuthEvents,
) -> Result<AuthEventsAnswer, Fault> {
    let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
    let list = ["AdminListUserAuthEvents", pool.id(), &username];
    let cursor = keyward.opened_cursor(&list, limit(input.max_results), input.next_token.as_deref())?;
    let page = keyward.list_sign_ins_in(&*pool, caller, &username, &cursor).await?;
    let next_token = keyward.page_token(&list, page.next.as_deref())?;
    Ok(AuthEventsAnswer { auth_events: page.items.into_iter().map(AuthEvent::from).collect(), next_token })
}
