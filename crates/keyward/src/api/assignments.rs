//! Who has which roles.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::page::Page;
use crate::api::parameter::{IfMatchHeader, RolePath, UserPath};
use crate::api::problem::{Absent, Conflicting, Guarded, Outdated};
use crate::api::version::{IfMatch, Versioned};
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_assignments))
        .routes(routes!(get_user_roles, add_user_roles, set_user_roles, clear_user_roles))
        .routes(routes!(remove_user_role))
}

/// A user's roles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Assignments {
    #[schema(format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    user_id: String,
    #[schema(examples("ci-bot@example.com"))]
    username: String,
    /// The roles' names, sorted.
    #[schema(examples("RESEARCHERS"))]
    roles: Vec<String>,
    /// When the first of them was given.
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    /// The user's version; what `If-Match` compares.
    #[schema(examples(2))]
    version: i64,
}

/// A user's roles after a change.
#[derive(Debug, Serialize, ToSchema)]
struct Assigned {
    #[serde(flatten)]
    assignments: Assignments,
    /// Whether nobody had the name, and a program user was made for it.
    #[schema(examples(true))]
    created_program_user: bool,
}

/// Roles to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleNames {
    #[schema(examples("RESEARCHERS"))]
    roles: Vec<String>,
}

type AssignmentsPage = Page<Assignments>;

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AssignmentQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl From<role::Assignments> for Assignments {
    fn from(assignments: role::Assignments) -> Self {
        Self {
            user_id: assignments.user_id,
            username: assignments.username,
            roles: assignments.roles,
            created_at: rfc3339(assignments.created_at_ms),
            version: assignments.version,
        }
    }
}

impl From<role::Assigned> for Versioned<Assigned> {
    fn from(assigned: role::Assigned) -> Self {
        let role::Assigned { assignments, created_program_user } = assigned;
        Versioned::new(
            assignments.version,
            Assigned { assignments: assignments.into(), created_program_user },
        )
    }
}

/// List who has roles
///
/// Users with roles only, sorted by username. Needs `view:users` or `manage:users`.
#[utoipa::path(get, path = "/api/v1/assignments", tag = "Assignments", params(AssignmentQuery),
    responses((status = OK, description = "A piece of the list", body = AssignmentsPage), Guarded))]
async fn list_assignments(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<AssignmentQuery>,
) -> Result<AssignmentsPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    Ok(Page::of(keyward.list_assignments(&caller, &page).await?))
}

/// Show a user's roles
///
/// Of oneself, or with `view:users` or `manage:users` of anybody.
#[utoipa::path(get, path = "/api/v1/users/{user}/roles", tag = "Assignments",
    params(UserPath),
    responses((status = OK, description = "The user's roles", body = Assignments,
            headers(("ETag", description = "The user's version"))),
        Guarded, Absent))]
async fn get_user_roles(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
) -> Result<Versioned<Assignments>, Failure> {
    let assignments = keyward.user_roles(&caller, &user).await?;
    Ok(Versioned::new(assignments.version, assignments.into()))
}

/// Give roles to a user
///
/// All of them or none. A name that nobody has becomes a program user. Needs `manage:users`, and every
/// permission of the roles and of the user.
#[utoipa::path(post, path = "/api/v1/users/{user}/roles", tag = "Assignments", request_body = RoleNames,
    params(UserPath),
    responses((status = OK, description = "The user's roles", body = Assigned,
            headers(("ETag", description = "The user's version"))),
        Guarded, Absent, Conflicting))]
async fn add_user_roles(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    Body(RoleNames { roles }): Body<RoleNames>,
) -> Result<Versioned<Assigned>, Failure> {
    Ok(keyward.assign_roles(&caller, &user, &roles).await?.into())
}

/// Set a user's roles
///
/// They are exactly these afterwards. A name that nobody has becomes a program user, unless `If-Match` is
/// there. Needs `manage:users`, and every permission of the roles and of the user.
#[utoipa::path(put, path = "/api/v1/users/{user}/roles", tag = "Assignments", request_body = RoleNames,
    params(UserPath, IfMatchHeader),
    responses((status = OK, description = "The user's roles", body = Assigned,
            headers(("ETag", description = "The user's version"))),
        Guarded, Absent, Conflicting, Outdated))]
async fn set_user_roles(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    if_match: IfMatch,
    Body(RoleNames { roles }): Body<RoleNames>,
) -> Result<Versioned<Assigned>, Failure> {
    if if_match == IfMatch::Any {
        // Here alone something would be made where nothing is.
        keyward.user(&caller, &user).await?;
    }
    Ok(keyward.set_roles(&caller, &user, &roles, if_match.version()).await?.into())
}

/// Take all roles from a user
///
/// Needs `manage:users`, and every permission of the user.
#[utoipa::path(delete, path = "/api/v1/users/{user}/roles", tag = "Assignments",
    params(UserPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The user has no role"),
        Guarded, Absent, Conflicting, Outdated))]
async fn clear_user_roles(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(user): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.set_roles(&caller, &user, &[], if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a role from a user
///
/// Needs `manage:users`, and every permission of the user.
#[utoipa::path(delete, path = "/api/v1/users/{user}/roles/{role}", tag = "Assignments",
    params(UserPath, RolePath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The user doesn't have the role"),
        Guarded, Absent, Conflicting, Outdated))]
async fn remove_user_role(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((user, role)): Path<(String, String)>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.remove_role(&caller, &user, &role, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}
