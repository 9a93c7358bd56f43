//! Passkeys of whoever shows an access token: `StartWebAuthnRegistration`, `CompleteWebAuthnRegistration`,
//! `ListWebAuthnCredentials`, `DeleteWebAuthnCredential`.

use keyward_core::caller::Origin;
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::passkey::{MAXIMUM_PASSKEYS, Passkey};
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cognito::account::{Bearer, Nothing};
use crate::cognito::fault::Fault;
use crate::cognito::users::epoch_seconds;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Started {
    credential_creation_options: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Complete {
    access_token: Secret,
    credential: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    access_token: Secret,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    credentials: Vec<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    credential_id: String,
    friendly_credential_name: String,
    relying_party_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticator_attachment: Option<String>,
    authenticator_transports: Vec<String>,
    created_at: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    access_token: Secret,
    credential_id: String,
}

impl From<Passkey> for Description {
    fn from(passkey: Passkey) -> Self {
        Self {
            credential_id: passkey.id,
            friendly_credential_name: passkey.name,
            relying_party_id: passkey.relying_party_id,
            authenticator_attachment: passkey.attachment,
            authenticator_transports: passkey.transports,
            created_at: epoch_seconds(passkey.created_at_ms),
        }
    }
}

pub(super) async fn start(keyward: &Keyward, origin: &Origin, input: Bearer) -> Result<Started, Fault> {
    let options = keyward.start_passkey(origin, &input.access_token).await;
    Ok(Started { credential_creation_options: options.map_err(limit_exceeded)? })
}

pub(super) async fn complete(keyward: &Keyward, origin: &Origin, input: Complete) -> Result<Nothing, Fault> {
    let made = keyward.finish_passkey(origin, &input.access_token, input.credential).await;
    made.map_err(limit_exceeded)?;
    Ok(Nothing {})
}

pub(super) async fn list(keyward: &Keyward, _: &Origin, input: List) -> Result<Listed, Fault> {
    let list = ["ListWebAuthnCredentials"];
    let limit = input.max_results.filter(|limit| *limit > 0).unwrap_or(MAXIMUM_PASSKEYS);
    let cursor = keyward.opened_cursor(&list, limit, input.next_token.as_deref())?;
    let page = keyward.own_passkeys(&input.access_token, &cursor).await?;
    let next_token = keyward.page_token(&list, page.next.as_deref())?;
    Ok(Listed { credentials: page.items.into_iter().map(Description::from).collect(), next_token })
}

pub(super) async fn delete(keyward: &Keyward, origin: &Origin, input: Delete) -> Result<Nothing, Fault> {
    keyward.delete_passkey(origin, &input.access_token, &input.credential_id).await?;
    Ok(Nothing {})
}

/// That a user has as many as there may be is told by an error that is elsewhere about trying too often.
fn limit_exceeded(error: Error) -> Fault {
    match error.code {
        Code::Conflict => Fault::Named("LimitExceededException", error),
        _ => error.into(),
    }
}
