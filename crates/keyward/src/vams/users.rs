//! People's accounts: `/user/cognito`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::permission::{MANAGE_USERS, VIEW_USERS};
use keyward_core::user::{NewUser, User, UserKind, UserQuery, UserUpdate};
use serde::{Deserialize, Serialize};

use crate::http::{Body, Failure, Path, Query};
use crate::vams::caller::{Signed, read, told};
use crate::vams::field::{self, Flag, Text};
use crate::vams::moment::zoned;
use crate::vams::paging::{Paging, STARTING_TOKEN};
use crate::vams::receipt::Receipt;

pub(super) const SEE: &[&str] = &[VIEW_USERS, MANAGE_USERS];
pub(super) const MANAGE: &[&str] = &[MANAGE_USERS];

/// Accounts in a page at most, as Cognito's `ListUsers` has it.
const LARGEST_PAGE: usize = 60;

/// The same list twice: VAMS answers `users`, and its command line reads `Items`.
#[derive(Serialize)]
pub(super) struct Listed {
    users: Arc<[CognitoUser]>,
    #[serde(rename = "Items")]
    items: Arc<[CognitoUser]>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CognitoUser {
    user_id: String,
    email: Option<String>,
    phone: Option<String>,
    user_status: &'static str,
    enabled: bool,
    user_create_date: String,
    user_last_modified_date: String,
    mfa_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateUser {
    user_id: Option<Text>,
    email: Option<Text>,
    phone: Option<Text>,
}

#[derive(Deserialize)]
pub(super) struct UpdateUser {
    email: Option<Text>,
    phone: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResetPassword {
    confirm_reset: Option<Flag>,
}

impl From<User> for CognitoUser {
    fn from(user: User) -> Self {
        Self {
            user_id: user.username,
            email: user.email,
            phone: user.phone,
            user_status: user.status.as_str(),
            enabled: user.enabled,
            user_create_date: zoned(user.created_at_ms),
            user_last_modified_date: zoned(user.updated_at_ms),
            mfa_enabled: user.mfa,
        }
    }
}

impl CreateUser {
    fn check(self) -> Result<NewUser> {
        Ok(NewUser {
            username: field::account_id("userId", self.user_id)?,
            email: Some(field::email("email", self.email)?),
            phone: self.phone.map(|Text(phone)| phone),
            ..NewUser::default()
        })
    }
}

impl UpdateUser {
    fn check(self) -> Result<UserUpdate> {
        if self.email.is_none() && self.phone.is_none() {
            let message = "At least one field (email or phone) must be provided for update";
            return Err(Error::invalid("email", message));
        }
        let email = self.email.map(|email| field::email("email", Some(email))).transpose()?;
        Ok(UserUpdate { email, phone: self.phone.map(|Text(phone)| Some(phone)), ..UserUpdate::default() })
    }
}

pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    query: Result<Query<Paging>, Failure>,
) -> Result<Json<Listed>, Failure> {
    let wanted = query.and_then(|Query(paging)| {
        Ok(paging.wanted(LARGEST_PAGE, LARGEST_PAGE).map_err(|error| match &error.code {
            Code::InvalidInput(field) if field == STARTING_TOKEN => {
                Error { message: "VAMS General Error: Error listing users".into(), ..error }
            }
            _ => error,
        })?)
    });
    let wanted = told(&caller, SEE, wanted)?;
    let (keyward, caller) = (&keyward, &caller);
    let list = |page| async move {
        let query = UserQuery { kind: Some(UserKind::Account), page, ..UserQuery::default() };
        keyward.list_users(caller, &query).await
    };
    let page = wanted.of(list).await?;
    let users: Arc<[CognitoUser]> = page.items.into_iter().map(CognitoUser::from).collect();
    Ok(Json(Listed { items: Arc::clone(&users), users, next_token: page.next }))
}

pub(super) async fn create(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<CreateUser>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let new = read(&caller, MANAGE, body, CreateUser::check)?;
    let made = keyward.create_user(&caller, new).await?;
    let name = made.user.username;
    let message = format!("User {name} created successfully.");
    Ok(Json(Receipt::on_user(&keyward, "create", name, message).with_password(made.temporary_password)))
}

pub(super) async fn update(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(user_id): Path<String>,
    body: Result<Body<UpdateUser>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let update = read(&caller, MANAGE, body, UpdateUser::check)?;
    refuse_program(&keyward, &caller, &user_id).await?;
    let name = keyward.update_user(&caller, &user_id, update).await?.username;
    let message = format!("User {name} updated successfully");
    Ok(Json(Receipt::on_user(&keyward, "update", name, message)))
}

pub(super) async fn delete(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(user_id): Path<String>,
) -> Result<Json<Receipt>, Failure> {
    refuse_program(&keyward, &caller, &user_id).await?;
    let name = keyward.delete_user(&caller, &user_id, None).await?.username;
    let message = format!("User {name} deleted successfully");
    Ok(Json(Receipt::on_user(&keyward, "delete", name, message)))
}

/// Unlike VAMS', it takes no empty body for a confirmation.
pub(super) async fn reset_password(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(user_id): Path<String>,
    body: Result<Option<Body<ResetPassword>>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let confirmed = body.and_then(|body| match body {
        Some(Body(ResetPassword { confirm_reset: Some(Flag(true)) })) => Ok(()),
        _ => Err(Error::invalid("confirmReset", "confirmReset must be true to reset password").into()),
    });
    told(&caller, MANAGE, confirmed)?;
    refuse_program(&keyward, &caller, &user_id).await?;
    let reset = keyward.reset_password(&caller, &user_id).await?;
    let name = reset.user.username;
    let message = format!("Password reset successfully for user {name}.");
    let receipt = Receipt::on_user(&keyward, "resetPassword", name, message);
    Ok(Json(receipt.with_password(reset.temporary_password)))
}

/// Program users have no account: for VAMS, they aren't there. What else is wrong is left for the act itself
/// to say.
async fn refuse_program(keyward: &Keyward, caller: &Caller, user_id: &str) -> Result<()> {
    match keyward.user(caller, user_id).await {
        Ok(User { kind: UserKind::Program, .. }) if caller.may(MANAGE_USERS) => {
            Err(Error::not_found(Thing::User, "User not found"))
        }
        _ => Ok(()),
    }
}
