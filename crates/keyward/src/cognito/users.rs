//! Users, as whoever may see and manage them does: `AdminGetUser`.

use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::user::{User, UserKind};
use serde::{Deserialize, Serialize};

use crate::cognito::account::{Attribute, attributes, factor};
use crate::cognito::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminGetUser {
    user_pool_id: String,
    /// The name or the `sub`.
    username: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminGetUserAnswer {
    username: String,
    user_attributes: Vec<Attribute>,
    user_create_date: f64,
    user_last_modified_date: f64,
    enabled: bool,
    user_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_mfa_setting: Option<&'static str>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "<[_]>::is_empty")]
    user_mfa_setting_list: Vec<&'static str>,
}

pub(super) async fn admin_get_user(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminGetUser,
) -> Result<AdminGetUserAnswer, Fault> {
    require_pool(keyward, &input.user_pool_id)?;
    let user = account(keyward, caller, &input.username).await?;
    Ok(AdminGetUserAnswer {
        user_attributes: attributes(&user),
        user_create_date: epoch_seconds(user.created_at_ms),
        user_last_modified_date: epoch_seconds(user.updated_at_ms),
        enabled: user.enabled,
        user_status: user.status.as_str(),
        preferred_mfa_setting: factor(&user),
        user_mfa_setting_list: factor(&user).into_iter().collect(),
        username: user.username,
    })
}

fn require_pool(keyward: &Keyward, pool_id: &str) -> Result<(), Error> {
    if keyward.local_pool().id() == pool_id {
        return Ok(());
    }
    Err(Error::not_found(Thing::UserPool, format!("User pool {pool_id} does not exist.")))
}

/// The account of this name or id. Program users aren't in the pool, as far as its protocol goes.
async fn account(keyward: &Keyward, caller: &Caller, username: &str) -> Result<User, Error> {
    let unknown = || Error::not_found(Thing::User, "User does not exist.");
    match keyward.user(caller, username).await {
        Ok(user) if user.kind == UserKind::Account => Ok(user),
        Ok(_) => Err(unknown()),
        Err(error) if error.code == Code::NotFound(Thing::User) => Err(unknown()),
        Err(error) => Err(error),
    }
}

/// As the protocol has times: seconds since the epoch, with a fraction.
#[expect(clippy::cast_precision_loss, reason = "a double counts milliseconds for 285,000 years")]
pub(super) fn epoch_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
