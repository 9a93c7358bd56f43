//! Roles: `/roles`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::error::{Error, Result};
use keyward_core::keyward::Keyward;
use keyward_core::permission::{MANAGE_ROLES, Permission, VIEW_ROLES};
use keyward_core::role::{NewRole, Role, RoleUpdate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Body, Failure, Path, Query};
use crate::vams::caller::{Signed, read, told};
use crate::vams::failure::missing_as;
use crate::vams::field::{self, Flag, Text};
use crate::vams::moment::naive_seconds;
use crate::vams::paging::Paging;
use crate::vams::receipt::Receipt;

pub(super) const SEE: &[&str] = &[VIEW_ROLES, MANAGE_ROLES];
pub(super) const MANAGE: &[&str] = &[MANAGE_ROLES];

/// Roles in a page, when nobody says how many.
const USUAL_PAGE: usize = 3000;
/// Roles in a page at most.
const LARGEST_PAGE: usize = 30_000;

#[derive(Serialize)]
pub(super) struct Listed {
    message: Items,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Items {
    items: Vec<VamsRole>,
    next_token: Option<String>,
}

/// A role as VAMS shows it. What it allows stands elsewhere in VAMS, so `permissions` is ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VamsRole {
    id: String,
    role_name: String,
    description: String,
    created_on: String,
    source: Option<String>,
    source_identifier: Option<String>,
    mfa_required: bool,
    permissions: Vec<Permission>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleBody {
    role_name: Option<Text>,
    description: Option<Text>,
    source: Option<Text>,
    source_identifier: Option<Text>,
    mfa_required: Option<Flag>,
    permissions: Option<Vec<String>>,
}

impl From<Role> for VamsRole {
    fn from(role: Role) -> Self {
        Self {
            id: role.id,
            role_name: role.name,
            description: role.description,
            created_on: naive_seconds(role.created_at_ms),
            source: role.source,
            source_identifier: role.source_identifier,
            mfa_required: role.mfa_required,
            permissions: role.permissions,
        }
    }
}

impl RoleBody {
    fn check_new(self) -> Result<NewRole> {
        let both = field::required("roleName", self.role_name)
            .and_then(|name| Ok((name, field::required("description", self.description)?)));
        let (name, description) =
            both.map_err(|error| Error { message: "roleName and description are required".into(), ..error })?;
        Ok(NewRole {
            name: field::object_name("roleName", name)?,
            description: field::string_256("description", description)?,
            permissions: self.permissions.unwrap_or_default(),
            mfa_required: self.mfa_required.is_some_and(|Flag(mfa_required)| mfa_required),
            source: self.source.map(|Text(text)| text),
            source_identifier: source_identifier(self.source_identifier)?,
            ..NewRole::default()
        })
    }

    /// The role's name, and what to change of it: VAMS resets what isn't named, here it stays.
    fn check_update(self) -> Result<(String, RoleUpdate)> {
        let name = field::object_name("roleName", field::required("roleName", self.role_name)?)?;
        let description =
            self.description.map(|Text(text)| field::string_256("description", text)).transpose()?;
        let update = RoleUpdate {
            description,
            permissions: self.permissions,
            mfa_required: self.mfa_required.map(|Flag(mfa_required)| mfa_required),
            source: self.source.map(|Text(text)| Some(text)),
            source_identifier: source_identifier(self.source_identifier)?.map(Some),
            ..RoleUpdate::default()
        };
        let changes_nothing = update.description.is_none()
            && update.permissions.is_none()
            && update.mfa_required.is_none()
            && update.source.is_none()
            && update.source_identifier.is_none();
        if changes_nothing {
            let message = "At least one of description, permissions, mfaRequired, source or sourceIdentifier \
                           must be provided";
            return Err(Error::invalid("description", message));
        }
        Ok((name, update))
    }
}

pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    query: Result<Query<Paging>, Failure>,
) -> Result<Json<Listed>, Failure> {
    let wanted = query.and_then(|Query(paging)| Ok(paging.wanted(USUAL_PAGE, LARGEST_PAGE)?));
    let wanted = told(&caller, SEE, wanted)?;
    let (keyward, caller) = (&keyward, &caller);
    let page = wanted.of(|page| async move { keyward.list_roles(caller, &page).await }).await?;
    let items = page.items.into_iter().map(VamsRole::from).collect();
    Ok(Json(Listed { message: Items { items, next_token: page.next } }))
}

pub(super) async fn create(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<RoleBody>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let new = read(&caller, MANAGE, body, RoleBody::check_new)?;
    let name = keyward.create_role(&caller, new).await?.name;
    let message = format!("Role {name} created successfully");
    Ok(Json(Receipt::on_role(&keyward, "create", name, message)))
}

pub(super) async fn update(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<RoleBody>, Failure>,
) -> Result<Json<Receipt>, Failure> {
    let (name, update) = read(&caller, MANAGE, body, RoleBody::check_update)?;
    let updated = keyward.update_role(&caller, &name, update).await;
    let name = updated.map_err(missing_as("VAMS General Error: Role does not exist"))?.name;
    let message = format!("Role {name} updated successfully");
    Ok(Json(Receipt::on_role(&keyward, "update", name, message)))
}

pub(super) async fn delete(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let deleted = keyward.delete_role(&caller, &name, None).await;
    deleted.map_err(missing_as("Role does not exist"))?;
    Ok(Json(json!({ "message": "success" })))
}

fn source_identifier(text: Option<Text>) -> Result<Option<String>> {
    text.map(|Text(text)| field::string_256("sourceIdentifier", text)).transpose()
}
