//! Users.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::clock::rfc3339;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::member::{clearable, given};
use crate::api::page::Page;
use crate::api::parameter::{IdempotencyHeader, IfMatchHeader, UserPath};
use crate::api::problem::{Absent, Conflicting, Guarded, Hashing, Outdated, Unsupported};
use crate::api::version::{IfMatch, Versioned};
use crate::api::words::{UserKind, UserStatus};
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, update_user, delete_user))
        .routes(routes!(reset_password))
        .routes(routes!(set_password))
        .routes(routes!(sign_out_user))
        .routes(routes!(reset_mfa))
}

/// Somebody who may have roles and keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    /// The immutable id; of an account it is the `sub` of its tokens.
    #[schema(format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    id: String,
    /// The name, as it was given. Two names that differ in case alone are one.
    #[schema(examples("ada@example.com"))]
    username: String,
    kind: UserKind,
    status: UserStatus,
    /// A disabled user can't sign in, and their keys don't work.
    #[schema(examples(true))]
    enabled: bool,
    /// The address that mail goes to.
    #[schema(required = true, examples("ada@example.com"))]
    email: Option<String>,
    /// Whether the address was proven to be the user's.
    #[schema(examples(true))]
    email_verified: bool,
    /// E.164.
    #[schema(required = true, examples("+12345678900"))]
    phone: Option<String>,
    /// Whether signing in asks for a second factor.
    #[schema(examples(false))]
    mfa: bool,
    /// The names of the user's roles, sorted.
    #[schema(examples("RESEARCHERS"))]
    roles: Vec<String>,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    updated_at: String,
    /// Counts the changes; what `If-Match` compares.
    #[schema(examples(1))]
    version: i64,
}

/// A user, with the temporary password that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserWithPassword {
    user: User,
    /// To be changed at the next sign-in; null for a program user.
    #[schema(required = true, value_type = Option<String>, examples("vD3!kq8Zr-"))]
    temporary_password: Option<Secret>,
}

/// What it takes to make a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// An email address; for a program user 3 to 256 letters, digits and `-_.+@`.
    #[schema(examples("ada@example.com"))]
    username: String,
    /// The username when not said.
    email: Option<String>,
    /// E.164.
    #[schema(examples("+12345678900"))]
    phone: Option<String>,
    /// Roles to have from the start; all or nothing is made.
    #[schema(examples("RESEARCHERS"))]
    roles: Option<Vec<String>>,
    /// Made by Keyward when not said.
    #[schema(value_type = Option<String>)]
    temporary_password: Option<Secret>,
    /// One for good, in place of a temporary one.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// `account` when not said.
    kind: Option<UserKind>,
}

/// A password that somebody has chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    #[schema(value_type = String, examples("Correct-horse-1"))]
    password: Secret,
    /// Whether the next sign-in asks for a new one; false when not said.
    temporary: Option<bool>,
}

/// What to change of a user; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and given are three things")]
struct UserUpdate {
    /// A new address; it counts as not proven.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    email: Option<String>,
    /// A new number; null takes it away.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    /// False ends all sessions and stops all keys at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false, examples(false))]
    enabled: Option<bool>,
}

type UserPage = Page<User>;

/// Which users to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UserQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
    /// The start of the username or of the address, whatever the case.
    search: Option<String>,
    /// These alone.
    #[param(value_type = Option<UserKind>)]
    kind: Option<UserKind>,
}

impl From<user::User> for User {
    fn from(user: user::User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            kind: user.kind.into(),
            status: user.status.into(),
            enabled: user.enabled,
            email: user.email,
            email_verified: user.email_verified,
            phone: user.phone,
            mfa: user.mfa,
            roles: user.roles,
            created_at: rfc3339(user.created_at_ms),
            updated_at: rfc3339(user.updated_at_ms),
            version: user.version,
        }
    }
}

impl From<user::UserWithPassword> for UserWithPassword {
    fn from(made: user::UserWithPassword) -> Self {
        Self { user: made.user.into(), temporary_password: made.temporary_password }
    }
}

/// List users
///
/// Sorted by username. Needs `view:users` or `manage:users`.
#[utoipa::path(get, path = "/api/v1/users", tag = "Users", params(UserQuery),
    responses((status = OK, description = "A piece of the list", body = UserPage), Guarded))]
async fn list_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<UserQuery>,
) -> Result<UserPage, Failure> {
    let query = user::UserQuery {
        search: query.search,
        kind: query.kind.map(|UserKind(kind)| kind),
        page: Cursor::new(query.limit, query.cursor.as_deref())?,
    };
    Ok(Page::of(keyward.list_users(&caller, &query).await?))
}

/// Create a user
///
/// An account gets a temporary password, shown in this answer alone, unless it is given one for good. Needs
/// `manage:users`, and every permission of the roles that are given.
#[utoipa::path(post, path = "/api/v1/users", tag = "Users", request_body = NewUser,
    params(IdempotencyHeader),
    responses((status = CREATED, description = "The user, and the password that is shown this once",
            body = UserWithPassword, headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Hashing))]
async fn create_user(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewUser>,
) -> Result<Versioned<UserWithPassword>, Failure> {
    let new = user::NewUser {
        username: new.username,
        email: new.email,
        phone: new.phone,
        roles: new.roles.unwrap_or_default(),
        temporary_password: new.temporary_password,
        password: new.password,
        program: matches!(new.kind, Some(UserKind(user::UserKind::Program))),
        ..user::NewUser::default()
    };
    // A bare name is half an address, or something in the wrong field. Over the Cognito protocol there are others.
    if !new.program && !new.username.contains('@') {
        return Err(Error::invalid(
            "username",
            "The username must be an email address, such as ada@example.com.",
        )
        .into());
    }
    let made = keyward.create_user(&caller, new).await?;
    Ok(Versioned::created(made.user.version, made.into()))
}

/// Show a user
///
/// Oneself, or with `view:users` or `manage:users` anybody.
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "Users",
    params(UserPath),
    responses((status = OK, description = "The user", body = User,
            headers(("ETag", description = "The version"))),
        Guarded, Absent))]
async fn get_user(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
) -> Result<Versioned<User>, Failure> {
    let user = keyward.user(&caller, &user).await?;
    Ok(Versioned::new(user.version, user.into()))
}

/// Change a user
///
/// Needs `manage:users`, and every permission that the user has.
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "Users", request_body = UserUpdate,
    params(UserPath, IfMatchHeader),
    responses((status = OK, description = "The user", body = User,
            headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Outdated))]
async fn update_user(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    if_match: IfMatch,
    Body(update): Body<UserUpdate>,
) -> Result<Versioned<User>, Failure> {
    let update = user::UserUpdate {
        email: update.email,
        phone: update.phone,
        enabled: update.enabled,
        if_match: if_match.version(),
        ..user::UserUpdate::default()
    };
    let user = keyward.update_user(&caller, &user, update).await?;
    Ok(Versioned::new(user.version, user.into()))
}

/// Delete a user
///
/// Sessions, roles and keys go with the user. Needs `manage:users`, and every permission that the user has.
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "Users",
    params(UserPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The user is gone"),
        Guarded, Absent, Conflicting, Outdated))]
async fn delete_user(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.delete_user(&caller, &user, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reset a password
///
/// The account gets a new temporary password, shown in this answer alone, and its sessions end. The account
/// itself, its roles, its second factor and its id stay. Needs `manage:users`, and every permission that the
/// user has.
#[utoipa::path(post, path = "/api/v1/users/{user}/reset-password", tag = "Users",
    params(UserPath, IdempotencyHeader),
    responses((status = OK, description = "The user, and the password that is shown this once",
            body = UserWithPassword, headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Hashing, Unsupported))]
async fn reset_password(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
) -> Result<Versioned<UserWithPassword>, Failure> {
    let reset = keyward.reset_password(&caller, &user).await?;
    Ok(Versioned::new(reset.user.version, reset.into()))
}

/// Set a password
///
/// The account's sessions end. Needs `manage:users`, and every permission that the user has.
#[utoipa::path(post, path = "/api/v1/users/{user}/set-password", tag = "Users", request_body = NewPassword,
    params(UserPath),
    responses((status = OK, description = "The user", body = User,
            headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Hashing, Unsupported))]
async fn set_password(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    Body(NewPassword { password, temporary }): Body<NewPassword>,
) -> Result<Versioned<User>, Failure> {
    let user = keyward.set_password(&caller, &user, &password, temporary.unwrap_or_default()).await?;
    Ok(Versioned::new(user.version, user.into()))
}

/// Sign a user out
///
/// Every session of the user ends; their API keys stay. Needs `manage:users`, and every permission that the
/// user has.
#[utoipa::path(post, path = "/api/v1/users/{user}/sign-out", tag = "Users",
    params(UserPath),
    responses((status = NO_CONTENT, description = "No session is left"), Guarded, Absent))]
async fn sign_out_user(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
) -> Result<StatusCode, Failure> {
    keyward.sign_out_user(&caller, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take second factors away
///
/// For who has lost the device with them: the software token, what is switched on and the passkeys are gone,
/// and every session ends. Needs `manage:users`, and every permission that the user has; for one's own, a session
/// with MFA.
#[utoipa::path(delete, path = "/api/v1/users/{user}/second-factors", tag = "Users",
    params(UserPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "Signing in asks for none"),
        Guarded, Absent, Conflicting, Outdated))]
async fn reset_mfa(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.reset_mfa(&caller, &user, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}
