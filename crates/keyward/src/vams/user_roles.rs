//! Who has which roles: `/user-roles`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::permission::{MANAGE_USERS, VIEW_USERS};
use keyward_core::role::{Assigned, Assignments};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::{Body, Failure, Query};
use crate::vams::caller::{Signed, read, told};
use crate::vams::field::{self, Text};
use crate::vams::moment::naive_seconds;
use crate::vams::paging::Paging;
use crate::vams::receipt::Receipt;

pub(super) const SEE: &[&str] = &[VIEW_USERS, MANAGE_USERS];
pub(super) const MANAGE: &[&str] = &[MANAGE_USERS];

/// Users in a page, when nobody says how many, and at most.
const LARGEST_PAGE: usize = 30_000;

#[derive(Serialize)]
pub(super) struct Listed {
    message: Items,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Items {
    items: Vec<UserRoles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserRoles {
    user_id: String,
    /// All of them, whatever VAMS calls it.
    role_name: Vec<String>,
    created_on: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GivenRoles {
    user_id: Option<Text>,
    role_name: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cleared {
    user_id: Option<Text>,
}

impl From<Assignments> for UserRoles {
    fn from(assignments: Assignments) -> Self {
        Self {
            user_id: assignments.username,
            role_name: assignments.roles,
            created_on: naive_seconds(assignments.created_at_ms),
        }
    }
}

impl GivenRoles {
    /// The user and their roles.
    fn check(self) -> Result<(String, Vec<String>)> {
        let user_id = field::user_id("userId", self.user_id)?;
        Ok((user_id, field::role_names("roleName", self.role_name)?))
    }
}

pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    query: Result<Query<Paging>, Failure>,
) -> Result<Json<Listed>, Failure> {
    let wanted = query.and_then(|Query(paging)| Ok(paging.wanted(LARGEST_PAGE, LARGEST_PAGE)?));
    let wanted = told(&caller, SEE, wanted)?;
    let (keyward, caller) = (&keyward, &caller);
    let page = wanted.of(|page| async move { keyward.list_assignments(caller, &page).await }).await?;
    let items = page.items.into_iter().map(UserRoles::from).collect();
    Ok(Json(Listed { message: Items { items, next_token: page.next } }))
}

pub(super) async fn add(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<GivenRoles>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let (user_id, roles) = read(&caller, MANAGE, body, GivenRoles::check)?;
    let assigned = keyward.assign_roles(&caller, &user_id, &roles).await?;
    Ok(Json(given(&keyward, "create", "User roles created successfully", assigned)))
}

pub(super) async fn set(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<GivenRoles>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let (user_id, roles) = read(&caller, MANAGE, body, GivenRoles::check)?;
    let assigned = keyward.set_roles(&caller, &user_id, &roles, None).await?;
    Ok(Json(given(&keyward, "update", "User roles updated successfully", assigned)))
}

/// Takes all roles from the user. A user who isn't there has none left, which is what was asked for.
pub(super) async fn clear(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<Cleared>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let user_id = read(&caller, MANAGE, body, |cleared| field::user_id("userId", cleared.user_id))?;
    match keyward.set_roles(&caller, &user_id, &[], None).await {
        Err(error) if error.code != Code::NotFound(Thing::User) => return Err(error.into()),
        _ => {}
    }
    let message = "User roles deleted successfully".to_owned();
    Ok(Json(Receipt::on_user(&keyward, "delete", user_id, message)))
}

/// That roles were given, and whether it took a new program user.
fn given(keyward: &Keyward, operation: &'static str, message: &str, assigned: Assigned) -> Receipt {
    let name = assigned.assignments.username;
    let message = if assigned.created_program_user {
        format!("{message}. Nobody had the name {name}, so a program user was made for it.")
    } else {
        message.to_owned()
    };
    Receipt::on_user(keyward, operation, name, message)
}
