//! Users, as whoever may see and manage them does: `AdminGetUser`, `AdminCreateUser`, `ListUsers` and so on.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::LocalPool;
use keyward_core::message::Channel;
use keyward_core::secret::Secret;
use keyward_core::user::{AttributeChanges, NewUser, User, UserKind, UserUpdate};
use serde::{Deserialize, Serialize};

use crate::cognito::account::{Attribute, Nothing, attributes, factors, preferred_factor};
use crate::cognito::fault::Fault;

/// Whom an operation is about.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Someone {
    pub(super) user_pool_id: String,
    /// The name, the `sub`, or an address that stands for the name.
    pub(super) username: String,
}

/// What is sent along may hold a secret: no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminCreateUser {
    user_pool_id: String,
    username: String,
    #[serde(default)]
    user_attributes: Vec<NamedValue>,
    temporary_password: Option<Secret>,
    #[serde(default)]
    force_alias_creation: bool,
    message_action: Option<MessageAction>,
    #[serde(default)]
    desired_delivery_mediums: Vec<Medium>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedValue {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MessageAction {
    Resend,
    Suppress,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Medium {
    Sms,
    Email,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminUpdateUserAttributes {
    user_pool_id: String,
    username: String,
    user_attributes: Vec<NamedValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminDeleteUserAttributes {
    user_pool_id: String,
    username: String,
    user_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminSetUserPassword {
    user_pool_id: String,
    username: String,
    password: Secret,
    #[serde(default)]
    permanent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUsers {
    user_pool_id: String,
    attributes_to_get: Option<Vec<String>>,
    limit: Option<usize>,
    pagination_token: Option<String>,
    #[serde(default)]
    filter: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUsersAnswer {
    users: Vec<ListedUser>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination_token: Option<String>,
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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminCreateUserAnswer {
    user: ListedUser,
}

/// A user in an answer about several.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedUser {
    username: String,
    attributes: Vec<Attribute>,
    user_create_date: f64,
    user_last_modified_date: f64,
    enabled: bool,
    user_status: &'static str,
}

impl From<User> for ListedUser {
    fn from(user: User) -> Self {
        Self {
            attributes: attributes(&user),
            user_create_date: epoch_seconds(user.created_at_ms),
            user_last_modified_date: epoch_seconds(user.updated_at_ms),
            enabled: user.enabled,
            user_status: user.status.as_str(),
            username: user.username,
        }
    }
}

impl From<Medium> for Channel {
    fn from(medium: Medium) -> Self {
        match medium {
            Medium::Sms => Self::Sms,
            Medium::Email => Self::Email,
        }
    }
}

impl Someone {
    pub(super) async fn found(
        self,
        keyward: &Keyward,
        caller: &Caller,
    ) -> Result<(Arc<LocalPool>, String), Error> {
        found(keyward, caller, &self.user_pool_id, self.username).await
    }
}

/// The pool, and how the user of this name is to be named in it: by the id. Program users aren't in the pool,
/// as far as its protocol goes. Whatever else is wrong is left for the act itself to say.
pub(super) async fn found(
    keyward: &Keyward,
    caller: &Caller,
    pool_id: &str,
    username: String,
) -> Result<(Arc<LocalPool>, String), Error> {
    let pool = keyward.user_pool(pool_id).await?;
    match keyward.user_in(&*pool, caller, &username).await {
        Ok(user) => require_account(&user).map(|()| (pool, user.id)),
        Err(_) => Ok((pool, username)),
    }
}

fn require_account(user: &User) -> Result<(), Error> {
    match user.kind {
        UserKind::Account => Ok(()),
        UserKind::Program => Err(Error::not_found(Thing::User, "User does not exist.")),
    }
}

pub(super) async fn admin_get_user(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<AdminGetUserAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let user = keyward.recent_user_in(&*pool, caller, &input.username).await?;
    require_account(&user)?;
    Ok(AdminGetUserAnswer {
        user_attributes: attributes(&user),
        user_create_date: epoch_seconds(user.created_at_ms),
        user_last_modified_date: epoch_seconds(user.updated_at_ms),
        enabled: user.enabled,
        user_status: user.status.as_str(),
        preferred_mfa_setting: preferred_factor(&user),
        user_mfa_setting_list: factors(&user),
        username: user.username.clone(),
    })
}

pub(super) async fn admin_create_user(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminCreateUser,
) -> Result<AdminCreateUserAnswer, Fault> {
    let channels: Vec<Channel> = input.desired_delivery_mediums.into_iter().map(Channel::from).collect();
    if let Some(MessageAction::Resend) = input.message_action {
        let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
        let password = input.temporary_password;
        let invited = keyward.invite_again_in(&*pool, caller, &username, password, &channels).await;
        let user = invited.map_err(unsupported_state)?.into();
        return Ok(AdminCreateUserAnswer { user });
    }
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let new = NewUser {
        username: input.username,
        attributes: values(input.user_attributes),
        temporary_password: input.temporary_password,
        takes_aliases: input.force_alias_creation,
        invitation: input.message_action.is_none().then_some(channels),
        ..NewUser::default()
    };
    let made = keyward.create_user_in(&*pool, caller, new).await?;
    Ok(AdminCreateUserAnswer { user: made.user.into() })
}

/// Who needs no temporary password is told so by an error that no other operation has.
fn unsupported_state(error: Error) -> Fault {
    match error.code {
        Code::Conflict => Fault::Named("UnsupportedUserStateException", error),
        _ => error.into(),
    }
}

/// An attribute without a value is one that isn't there.
pub(super) fn values(attributes: Vec<NamedValue>) -> BTreeMap<String, String> {
    let given = attributes.into_iter().filter_map(|attribute| Some((attribute.name, attribute.value?)));
    given.filter(|(_, value)| !value.is_empty()).collect()
}

pub(super) async fn admin_update_user_attributes(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminUpdateUserAttributes,
) -> Result<Nothing, Fault> {
    let given = input.user_attributes.into_iter();
    // An empty value takes the attribute away.
    let attributes =
        given.map(|attribute| (attribute.name, attribute.value.filter(|value| !value.is_empty()))).collect();
    update_attributes(keyward, caller, &input.user_pool_id, input.username, attributes).await
}

pub(super) async fn admin_delete_user_attributes(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminDeleteUserAttributes,
) -> Result<Nothing, Fault> {
    let attributes = input.user_attribute_names.into_iter().map(|name| (name, None)).collect();
    update_attributes(keyward, caller, &input.user_pool_id, input.username, attributes).await
}

async fn update_attributes(
    keyward: &Keyward,
    caller: &Caller,
    pool_id: &str,
    username: String,
    attributes: AttributeChanges,
) -> Result<Nothing, Fault> {
    let (pool, username) = found(keyward, caller, pool_id, username).await?;
    let update = UserUpdate { attributes, ..UserUpdate::default() };
    keyward.update_user_in(&*pool, caller, &username, update).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_enable_user(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    set_enabled(keyward, caller, input, true).await
}

pub(super) async fn admin_disable_user(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    set_enabled(keyward, caller, input, false).await
}

async fn set_enabled(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
    enabled: bool,
) -> Result<Nothing, Fault> {
    let (pool, username) = input.found(keyward, caller).await?;
    let update = UserUpdate { enabled: Some(enabled), ..UserUpdate::default() };
    keyward.update_user_in(&*pool, caller, &username, update).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_delete_user(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    let (pool, username) = input.found(keyward, caller).await?;
    keyward.delete_user_in(&*pool, caller, &username, None).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_set_user_password(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminSetUserPassword,
) -> Result<Nothing, Fault> {
    let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
    keyward.set_password_in(&*pool, caller, &username, &input.password, !input.permanent).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_reset_user_password(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    let (pool, username) = input.found(keyward, caller).await?;
    keyward.require_new_password_in(&pool, caller, &username).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_confirm_sign_up(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    let (pool, username) = input.found(keyward, caller).await?;
    keyward.confirm_user_in(&*pool, caller, &username).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_user_global_sign_out(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    let (pool, username) = input.found(keyward, caller).await?;
    keyward.sign_out_user_in(&*pool, caller, &username).await?;
    Ok(Nothing {})
}

pub(super) async fn list_users(
    keyward: &Keyward,
    caller: &Caller,
    input: ListUsers,
) -> Result<ListUsersAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let list = ["ListUsers", pool.id(), &input.filter];
    let cursor = keyward.opened_cursor(&list, limit(input.limit), input.pagination_token.as_deref())?;
    let page = keyward.search_users_in(&pool, caller, &input.filter, &cursor).await?;
    let pagination_token = keyward.page_token(&list, page.next.as_deref())?;
    let mut users: Vec<ListedUser> = page.items.into_iter().map(ListedUser::from).collect();
    if let Some(wanted) = input.attributes_to_get {
        pool.settings().await?.check_names(&wanted)?;
        for user in &mut users {
            user.attributes.retain(|attribute| wanted.contains(&attribute.name));
        }
    }
    Ok(ListUsersAnswer { users, pagination_token })
}

/// How many there are in a page: 60 at most, and where nothing is said.
pub(super) fn limit(wanted: Option<usize>) -> usize {
    wanted.filter(|wanted| *wanted > 0).unwrap_or(60)
}

/// As the protocol has times: seconds since the epoch, with a fraction.
#[expect(clippy::cast_precision_loss, reason = "a double counts milliseconds for 285,000 years")]
pub(super) fn epoch_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
