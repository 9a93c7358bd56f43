//! People who make accounts for themselves: `SignUp`, `ConfirmSignUp`, `ResendConfirmationCode`.

use keyward_core::caller::Origin;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::self_service::SelfService;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::cognito::account::{CodeDeliveryDetails, CodeSent};
use crate::cognito::fault::Fault;
use crate::cognito::users::{NamedValue, values};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignUp {
    client_id: String,
    username: String,
    secret_hash: Option<Secret>,
    password: Option<Secret>,
    #[serde(default)]
    user_attributes: Vec<NamedValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignedUp {
    user_confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_delivery_details: Option<CodeDeliveryDetails>,
    user_sub: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Confirm {
    client_id: String,
    username: String,
    secret_hash: Option<Secret>,
    confirmation_code: Secret,
    #[serde(default)]
    force_alias_creation: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Confirmed {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Resend {
    client_id: String,
    username: String,
    secret_hash: Option<Secret>,
}

pub(super) async fn sign_up(keyward: &Keyward, origin: &Origin, input: SignUp) -> Result<SignedUp, Fault> {
    let SignUp { client_id, username, secret_hash, password, user_attributes } = input;
    let asked =
        SelfService { origin, client_id: &client_id, secret_hash: secret_hash.as_ref(), username: &username };
    let password = password.filter(|password| !password.is_empty());
    let signed_up = keyward.sign_up(asked, password.as_ref(), values(user_attributes)).await?;
    Ok(SignedUp {
        user_confirmed: false,
        code_delivery_details: signed_up.delivery.map(CodeDeliveryDetails::from),
        user_sub: signed_up.user.id,
    })
}

pub(super) async fn confirm(keyward: &Keyward, origin: &Origin, input: Confirm) -> Result<Confirmed, Fault> {
    let Confirm { client_id, username, secret_hash, confirmation_code, force_alias_creation } = &input;
    let asked = SelfService { origin, client_id, secret_hash: secret_hash.as_ref(), username };
    Ok(Confirmed { session: keyward.confirm_sign_up(asked, confirmation_code, *force_alias_creation).await? })
}

pub(super) async fn resend(keyward: &Keyward, origin: &Origin, input: Resend) -> Result<CodeSent, Fault> {
    let Resend { client_id, username, secret_hash } = &input;
    let asked = SelfService { origin, client_id, secret_hash: secret_hash.as_ref(), username };
    Ok(keyward.resend_sign_up_code(asked).await?.into())
}
