//! Passwords, changed by their users: `ForgotPassword`, `ConfirmForgotPassword`, `ChangePassword`.

use keyward_core::caller::Origin;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::self_service::SelfService;
use keyward_core::secret::Secret;
use serde::Deserialize;

use crate::cognito::account::{CodeSent, Nothing};
use crate::cognito::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Forgot {
    client_id: String,
    username: String,
    secret_hash: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmForgot {
    client_id: String,
    username: String,
    secret_hash: Option<Secret>,
    confirmation_code: Secret,
    password: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Change {
    access_token: Secret,
    previous_password: Option<Secret>,
    proposed_password: Secret,
}

pub(super) async fn forgot(keyward: &Keyward, origin: &Origin, input: Forgot) -> Result<CodeSent, Fault> {
    let Forgot { client_id, username, secret_hash } = &input;
    let asked = SelfService { origin, client_id, secret_hash: secret_hash.as_ref(), username };
    Ok(keyward.forgot_password(asked).await?.into())
}

pub(super) async fn confirm_forgot(
    keyward: &Keyward,
    origin: &Origin,
    input: ConfirmForgot,
) -> Result<Nothing, Fault> {
    let ConfirmForgot { client_id, username, secret_hash, confirmation_code, password } = &input;
    let asked = SelfService { origin, client_id, secret_hash: secret_hash.as_ref(), username };
    keyward.set_forgotten_password(asked, confirmation_code, password).await?;
    Ok(Nothing {})
}

pub(super) async fn change(keyward: &Keyward, origin: &Origin, input: Change) -> Result<Nothing, Fault> {
    let Change { access_token, previous_password, proposed_password } = &input;
    keyward.change_password(origin, access_token, previous_password.as_ref(), proposed_password).await?;
    Ok(Nothing {})
}
