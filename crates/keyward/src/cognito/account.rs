//! The account of whoever shows an access token: `GetUser`, `GlobalSignOut`.

use std::collections::BTreeMap;

use keyward_core::caller::Origin;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_core::user::User;
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
pub(super) struct Attribute {
    pub(super) name: String,
    value: String,
}

/// An answer without members.
#[derive(Serialize)]
pub(super) struct Nothing {}

pub(super) async fn get_user(keyward: &Keyward, _: &Origin, input: Bearer) -> Result<GetUserAnswer, Fault> {
    let (user, readable) = keyward.own_attributes(&input.access_token).await?;
    Ok(GetUserAnswer {
        user_attributes: with_sub(&user, readable),
        preferred_mfa_setting: factor(&user),
        user_mfa_setting_list: factor(&user).into_iter().collect(),
        username: user.username,
    })
}

/// All that is known of the user, the `sub` first.
pub(super) fn attributes(user: &User) -> Vec<Attribute> {
    with_sub(user, user.all_attributes())
}

fn with_sub(user: &User, attributes: BTreeMap<String, String>) -> Vec<Attribute> {
    let sub = ("sub".to_owned(), user.id.clone());
    std::iter::once(sub).chain(attributes).map(|(name, value)| Attribute { name, value }).collect()
}

/// The second factor that signing in asks for.
pub(super) fn factor(user: &User) -> Option<&'static str> {
    user.mfa.then_some("SOFTWARE_TOKEN_MFA")
}

pub(super) async fn global_sign_out(
    keyward: &Keyward,
    origin: &Origin,
    input: Bearer,
) -> Result<Nothing, Fault> {
    keyward.sign_out_everywhere(origin, &input.access_token).await?;
    Ok(Nothing {})
}
