//! The account of whoever shows an access token: `GetUser`, `GlobalSignOut`.

use keyward_core::caller::Origin;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::cognito::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Bearer {
    access_token: Secret,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetUserAnswer {
    username: String,
    user_attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_mfa_setting: Option<&'static str>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "<[_]>::is_empty")]
    user_mfa_setting_list: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: String,
    value: String,
}

/// An answer without members.
#[derive(Serialize)]
pub(super) struct Nothing {}

pub(super) async fn get_user(keyward: &Keyward, _: &Origin, input: Bearer) -> Result<GetUserAnswer, Fault> {
    let user = keyward.own_account(&input.access_token).await?;
    let factor = user.mfa.then_some("SOFTWARE_TOKEN_MFA");
    let sub = ("sub".to_owned(), user.id.clone());
    let attributes = std::iter::once(sub).chain(user.all_attributes());
    Ok(GetUserAnswer {
        user_attributes: attributes.map(|(name, value)| Attribute { name, value }).collect(),
        username: user.username,
        preferred_mfa_setting: factor,
        user_mfa_setting_list: factor.into_iter().collect(),
    })
}

pub(super) async fn global_sign_out(
    keyward: &Keyward,
    origin: &Origin,
    input: Bearer,
) -> Result<Nothing, Fault> {
    keyward.sign_out_everywhere(origin, &input.access_token).await?;
    Ok(Nothing {})
}
