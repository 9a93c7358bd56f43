//! People's accounts: `/api/v1/user-management/users`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::caller::Caller;
use keyward_core::clock::rfc3339;
use keyward_core::error::{Code, Error, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, User, UserKind, UserQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::{Body, Failure, Path, Query};
use crate::rawscribe::caller::Manager;
use crate::rawscribe::failure::Refusal;
use crate::rawscribe::field::Fields;

/// A piece of the list; RawScribe has none to be alike to.
#[derive(Serialize)]
pub(super) struct Listed {
    users: Vec<ShownUser>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ShownUser {
    username: String,
    email: Option<String>,
    status: &'static str,
    enabled: bool,
    groups: Vec<String>,
    created: String,
    modified: String,
    is_test_user: bool,
}

#[derive(Serialize)]
pub(super) struct Created {
    username: String,
    group: String,
    status: &'static str,
    is_test_user: bool,
}

/// Who was deleted.
#[derive(Serialize)]
pub(super) struct Removed {
    removed: Vec<String>,
    count: usize,
}

impl From<User> for ShownUser {
    fn from(user: User) -> Self {
        Self {
            username: user.username,
            email: user.email,
            status: user.status.as_str(),
            enabled: user.enabled,
            groups: user.roles,
            created: moment(user.created_at_ms),
            modified: moment(user.updated_at_ms),
            is_test_user: user.is_test,
        }
    }
}

impl FromIterator<String> for Removed {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Self {
        let removed: Vec<String> = names.into_iter().collect();
        Self { count: removed.len(), removed }
    }
}

pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    Query(Paging { limit, cursor }): Query<Paging>,
) -> Result<Json<Listed>, Failure> {
    let page = Cursor::new(limit, cursor.as_deref())?;
    let query = UserQuery { kind: Some(UserKind::Account), page, ..UserQuery::default() };
    let page = keyward.list_users(&caller, &query).await?;
    let users = page.items.into_iter().map(ShownUser::from).collect();
    Ok(Json(Listed { users, next_cursor: page.next }))
}

/// With a password for good, and in its group, or not at all.
pub(super) async fn create(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    body: Result<Body<Value>, Failure>,
) -> Result<Json<Created>, Refusal> {
    let mut fields = Fields::of(body)?;
    let (username, group) = (fields.address("username"), fields.text("group"));
    let new = NewUser {
        username: username.clone(),
        password: Some(Secret::from(fields.text("password"))),
        roles: vec![group.clone()],
        attributes: given(fields.texts("attributes")),
        ..NewUser::default()
    };
    fields.end()?;
    let made = keyward.create_user(&caller, new).await.map_err(about(&username))?;
    let status = made.user.status.as_str();
    Ok(Json(Created { is_test_user: made.user.is_test, username: made.user.username, group, status }))
}

pub(super) async fn show(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    Path(username): Path<String>,
) -> Result<Json<ShownUser>, Failure> {
    let user = account(&keyward, &caller, &username).await?;
    Ok(Json(ShownUser { username, ..user.into() }))
}

pub(super) async fn delete(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    Path(username): Path<String>,
) -> Result<Json<Removed>, Failure> {
    let user = account(&keyward, &caller, &username).await?;
    keyward.delete_user(&caller, &user.id, None).await.map_err(about(&username))?;
    Ok(Json([username].into_iter().collect()))
}

/// For good. The user's sessions end.
pub(super) async fn set_password(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    Path(username): Path<String>,
    body: Result<Body<Value>, Failure>,
) -> Result<Json<ShownUser>, Refusal> {
    let mut fields = Fields::of(body)?;
    let password = Secret::from(fields.text("password"));
    fields.end()?;
    let user = account(&keyward, &caller, &username).await?;
    let user = keyward.set_password(&caller, &user.id, &password, false).await.map_err(about(&username))?;
    Ok(Json(ShownUser { username, ..user.into() }))
}

/// In place of all groups that the user was in.
pub(super) async fn set_group(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
    Path(username): Path<String>,
    body: Result<Body<Value>, Failure>,
) -> Result<Json<ShownUser>, Refusal> {
    let mut fields = Fields::of(body)?;
    let groups = [fields.text("group")];
    fields.end()?;
    let user = account(&keyward, &caller, &username).await?;
    keyward.set_groups(&caller, &user.id, &groups).await.map_err(about(&username))?;
    let user = account(&keyward, &caller, &user.id).await?;
    Ok(Json(ShownUser { username, ..user.into() }))
}

/// The account of this name or id. Program users have no account: here, they aren't there.
async fn account(keyward: &Keyward, caller: &Caller, name: &str) -> Result<User, Error> {
    let user = keyward.user(caller, name).await.and_then(|user| match user.kind {
        UserKind::Account => Ok(user),
        UserKind::Program => Err(Error::not_found(Thing::User, "")),
    });
    user.map_err(about(name))
}

/// The same in RawScribe's words, where it is the user who isn't there or is there already.
fn about(username: &str) -> impl FnOnce(Error) -> Error {
    // A name may be anything that got into the wrong place; only what looks like an address is repeated.
    let is_address =
        username.contains('@') && username.len() <= 256 && !username.contains(char::is_whitespace);
    let named = if is_address { format!("User {username}") } else { "User".to_owned() };
    move |error| match error.code {
        Code::NotFound(Thing::User) => Error { message: format!("{named} not found").into(), ..error },
        Code::AlreadyExists(Thing::User) => {
            Error { message: format!("{named} already exists").into(), ..error }
        }
        _ => error,
    }
}

/// An attribute without a value is one that isn't there.
fn given(attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// `2027-01-15T12:00:00.000000+00:00`
fn moment(ms: i64) -> String {
    format!("{}000+00:00", rfc3339(ms).trim_end_matches('Z'))
}
