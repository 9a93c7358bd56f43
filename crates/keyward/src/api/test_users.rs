//! Test users: the operator's, to try an application with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_core::test_user::{FoundTestUser, MadeOutcome, MadeTestUser};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::problem::{Absent, Conflicting, Guarded, Hashing};
use crate::api::words::UserStatus;
use crate::http::{Asking, Failure};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_test_users, create_test_users, delete_test_users))
        .routes(routes!(allow_test_users))
}

/// A test user as it stands.
#[derive(Debug, Serialize, ToSchema)]
struct TestUser {
    #[schema(examples("testresearcher@example.com"))]
    username: String,
    /// What one signs in with, or would; null when it isn't what is configured any more.
    #[schema(required = true, value_type = Option<String>, examples("TestResearch123!"))]
    password: Option<Secret>,
    /// The role that is configured.
    #[schema(examples("RESEARCHERS"))]
    role: String,
    /// Those that the account has; null when there is none.
    #[schema(required = true)]
    roles: Option<Vec<String>>,
    /// Null when there is no account.
    #[schema(required = true)]
    status: Option<UserStatus>,
    #[schema(examples(true))]
    enabled: bool,
}

/// Those that are configured, in that order.
#[derive(Debug, Serialize, ToSchema)]
struct TestUsers {
    items: Vec<TestUser>,
}

/// What became of a test user that was to be there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Making {
    Created,
    /// It was there, and right.
    Kept,
    Repaired,
    /// Somebody's account has the name, and isn't the caller's to make a test user of.
    Foreign,
}

/// A test user that was to be there.
#[derive(Debug, Serialize, ToSchema)]
struct MadeUser {
    #[schema(examples("testresearcher@example.com"))]
    username: String,
    /// The role that is configured.
    #[schema(examples("RESEARCHERS"))]
    role: String,
    outcome: Making,
    /// What was wrong: `mark`, `enabled`, `groups`, `password`.
    #[schema(examples("password"))]
    repaired: Vec<&'static str>,
}

/// Those that are configured, in that order.
#[derive(Debug, Serialize, ToSchema)]
struct MadeUsers {
    results: Vec<MadeUser>,
}

/// The names of who was deleted.
#[derive(Debug, Serialize, ToSchema)]
struct DeletedUsers {
    #[schema(examples("testresearcher@example.com"))]
    deleted: Vec<String>,
}

impl From<FoundTestUser> for TestUser {
    fn from(FoundTestUser { configured, user, password }: FoundTestUser) -> Self {
        Self {
            username: configured.username,
            password,
            role: configured.group,
            status: user.as_ref().map(|user| user.status.into()),
            enabled: user.as_ref().is_some_and(|user| user.enabled),
            roles: user.map(|user| user.roles),
        }
    }
}

impl From<MadeTestUser> for MadeUser {
    fn from(MadeTestUser { user, group, outcome }: MadeTestUser) -> Self {
        let (outcome, repaired) = match outcome {
            MadeOutcome::Created => (Making::Created, Vec::new()),
            MadeOutcome::Kept => (Making::Kept, Vec::new()),
            MadeOutcome::Repaired(wrong) => (Making::Repaired, wrong),
            MadeOutcome::Foreign => (Making::Foreign, Vec::new()),
        };
        Self { username: user.username, role: group, outcome, repaired }
    }
}

/// List test users
///
/// With the passwords that are configured, where they are still true. Needs `manage:users`.
#[utoipa::path(get, path = "/api/v1/test-users", tag = "Test users",
    responses((status = OK, description = "All that are configured", body = TestUsers), Guarded, Hashing))]
async fn list_test_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
) -> Result<Json<TestUsers>, Failure> {
    let found = keyward.list_test_users(&caller).await?;
    Ok(Json(TestUsers { items: found.into_iter().map(TestUser::from).collect() }))
}

/// Make test users
///
/// Those that are configured, and those of them as they were of whom something has changed: the roles, the
/// password, whether they are enabled. 409 in production, and once it was secured. Needs `manage:users`: since
/// they are the operator's, no right of theirs.
#[utoipa::path(post, path = "/api/v1/test-users", tag = "Test users",
    responses((status = OK, description = "What became of each", body = MadeUsers),
        Guarded, Absent, Conflicting, Hashing))]
async fn create_test_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
) -> Result<Json<MadeUsers>, Failure> {
    let made = keyward.create_test_users(&caller).await?;
    Ok(Json(MadeUsers { results: made.into_iter().map(MadeUser::from).collect() }))
}

/// Delete test users
///
/// All that there are, or none; also those that are not configured any more. Needs `manage:users`.
#[utoipa::path(delete, path = "/api/v1/test-users", tag = "Test users",
    responses((status = OK, description = "Who was deleted", body = DeletedUsers), Guarded, Conflicting))]
async fn delete_test_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
) -> Result<Json<DeletedUsers>, Failure> {
    let deleted = keyward.delete_test_users(&caller).await?;
    Ok(Json(DeletedUsers { deleted: deleted.into_iter().map(|user| user.username).collect() }))
}

/// Let test users be made again
///
/// After production was secured, which has switched them off. Needs `*`.
#[utoipa::path(post, path = "/api/v1/test-users/allow", tag = "Test users",
    responses((status = NO_CONTENT, description = "They may be made"), Guarded))]
async fn allow_test_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
) -> Result<StatusCode, Failure> {
    keyward.allow_test_users(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
