//! Roles.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::permission::Permission;
use keyward_core::role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::member::{clearable, given};
use crate::api::page::Page;
use crate::api::parameter::{IdempotencyHeader, IfMatchHeader, RolePath};
use crate::api::problem::{Absent, Conflicting, Guarded, Outdated};
use crate::api::version::{IfMatch, Versioned};
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(list_roles, create_role)).routes(routes!(
        get_role,
        update_role,
        delete_role
    ))
}

/// A named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Role {
    /// The immutable id: a role made anew under an old name is another role.
    #[schema(format = "uuid", examples("6d4c1f3a-0a55-4d0f-8a6e-2f6e2c1b7d90"))]
    id: String,
    #[schema(examples("readers"))]
    name: String,
    #[schema(examples("May read the database"))]
    description: String,
    /// What it allows, each `action:resource` or `*`; a trailing `*` stands for any rest.
    #[schema(value_type = Vec<String>, examples("read:*"))]
    permissions: Vec<Permission>,
    /// The role sleeps unless its user signed in with a second factor; under an API key it always sleeps.
    #[schema(examples(false))]
    mfa_required: bool,
    /// Where the role comes from.
    #[schema(required = true, examples("INTERNAL_SYSTEM"))]
    source: Option<String>,
    /// Its name there.
    #[schema(required = true)]
    source_identifier: Option<String>,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    updated_at: String,
    /// Counts the changes; what `If-Match` compares.
    #[schema(examples(1))]
    version: i64,
}

/// What it takes to make a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// 1 to 128 characters, without slashes.
    #[schema(examples("readers"))]
    name: String,
    /// 1 to 256 characters.
    #[schema(examples("May read the database"))]
    description: String,
    /// At most 1000, each `action:resource` or `*`.
    #[schema(examples("read:*"))]
    permissions: Option<Vec<String>>,
    mfa_required: Option<bool>,
    /// `INTERNAL_SYSTEM`, if anything.
    source: Option<String>,
    /// At most 256 characters.
    source_identifier: Option<String>,
}

/// What to change of a role; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and given are three things")]
struct RoleUpdate {
    /// 1 to 256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// The whole new list.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false, examples("read:*"))]
    permissions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    mfa_required: Option<bool>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    source: Option<Option<String>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    source_identifier: Option<Option<String>>,
}

type RolePage = Page<Role>;

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RoleQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl From<role::Role> for Role {
    fn from(role: role::Role) -> Self {
        Self {
            id: role.id,
            name: role.name,
            description: role.description,
            permissions: role.permissions,
            mfa_required: role.mfa_required,
            source: role.source,
            source_identifier: role.source_identifier,
            created_at: rfc3339(role.created_at_ms),
            updated_at: rfc3339(role.updated_at_ms),
            version: role.version,
        }
    }
}

/// List roles
///
/// Sorted by name. Needs `view:roles` or `manage:roles`.
#[utoipa::path(get, path = "/api/v1/roles", tag = "Roles", params(RoleQuery),
    responses((status = OK, description = "A piece of the list", body = RolePage), Guarded))]
async fn list_roles(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<RoleQuery>,
) -> Result<RolePage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    Ok(Page::of(keyward.list_roles(&caller, &page).await?))
}

/// Create a role
///
/// Needs `manage:roles`, and every permission that the role is to have.
#[utoipa::path(post, path = "/api/v1/roles", tag = "Roles", request_body = NewRole,
    params(IdempotencyHeader),
    responses((status = CREATED, description = "The role", body = Role,
            headers(("ETag", description = "The version"))),
        Guarded, Conflicting))]
async fn create_role(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewRole>,
) -> Result<Versioned<Role>, Failure> {
    let new = role::NewRole {
        name: new.name,
        description: new.description,
        permissions: new.permissions.unwrap_or_default(),
        mfa_required: new.mfa_required.unwrap_or_default(),
        source: new.source,
        source_identifier: new.source_identifier,
        ..role::NewRole::default()
    };
    let role = keyward.create_role(&caller, new).await?;
    Ok(Versioned::created(role.version, role.into()))
}

/// Show a role
///
/// Needs `view:roles` or `manage:roles`.
#[utoipa::path(get, path = "/api/v1/roles/{role}", tag = "Roles",
    params(RolePath),
    responses((status = OK, description = "The role", body = Role,
            headers(("ETag", description = "The version"))),
        Guarded, Absent))]
async fn get_role(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(role): Path<String>,
) -> Result<Versioned<Role>, Failure> {
    let role = keyward.role(&caller, &role).await?;
    Ok(Versioned::new(role.version, role.into()))
}

/// Change a role
///
/// It counts from the next request on, for everybody who has the role. Needs `manage:roles`, and every
/// permission that the role has and is to have.
#[utoipa::path(patch, path = "/api/v1/roles/{role}", tag = "Roles", request_body = RoleUpdate,
    params(RolePath, IfMatchHeader),
    responses((status = OK, description = "The role", body = Role,
            headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Outdated))]
async fn update_role(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(role): Path<String>,
    if_match: IfMatch,
    Body(update): Body<RoleUpdate>,
) -> Result<Versioned<Role>, Failure> {
    let update = role::RoleUpdate {
        description: update.description,
        permissions: update.permissions,
        mfa_required: update.mfa_required,
        source: update.source,
        source_identifier: update.source_identifier,
        if_match: if_match.version(),
        ..role::RoleUpdate::default()
    };
    let role = keyward.update_role(&caller, &role, update).await?;
    Ok(Versioned::new(role.version, role.into()))
}

/// Delete a role
///
/// It is taken from everybody who has it. Needs `manage:roles`, and every permission that the role has.
#[utoipa::path(delete, path = "/api/v1/roles/{role}", tag = "Roles",
    params(RolePath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The role is gone"),
        Guarded, Absent, Conflicting, Outdated))]
async fn delete_role(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(role): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.delete_role(&caller, &role, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}
