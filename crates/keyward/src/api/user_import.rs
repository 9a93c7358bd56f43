//! Users in and out of a pool by the thousand.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::error::{Code, Error};
use keyward_core::import::{ExportedUser as CoreExportedUser, Imported, ImportedUser as CoreImportedUser};
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::page::Page;
use crate::api::problem::{Absent, Guarded};
use crate::http::{Asking, Body, Failure, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(describe_user_import, import_users)).routes(routes!(export_users))
}

/// Which pool's users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PoolQuery {
    /// A user pool's id; the home pool when not said.
    pool: Option<String>,
}

/// Which users to export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
    /// A user pool's id; the home pool when not said.
    pool: Option<String>,
}

/// The columns of a file of users.
#[derive(Debug, Serialize, ToSchema)]
struct UserColumns {
    /// By Cognito's names.
    #[schema(examples(json!(["cognito:username", "email", "email_verified", "cognito:mfa_enabled"])))]
    columns: Vec<String>,
}

/// Users that were accounts elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportUsers {
    /// The pool to make them in; the home pool when not said.
    pool: Option<String>,
    /// 1 to 1000 of them.
    users: Vec<ImportedUser>,
}

/// A user who was an account elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedUser {
    /// The name; where users are known by an address, that.
    #[schema(examples("ada@example.com"))]
    username: String,
    /// By Cognito's names, with the addresses and whether they are proven.
    #[schema(examples(json!({ "email": "ada@example.com", "email_verified": "true" })))]
    attributes: Option<BTreeMap<String, String>>,
    /// Whether signing in is to ask for a second factor.
    mfa_enabled: Option<bool>,
    /// Of the password that the user keeps: bcrypt, or Argon2id in PHC form.
    #[schema(value_type = Option<String>)]
    password_hash: Option<Secret>,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
struct UserImportResults {
    /// In the order of the request.
    results: Vec<UserImportResult>,
}

/// What came of importing one user.
#[derive(Debug, Serialize, ToSchema)]
struct UserImportResult {
    #[schema(examples("ada@example.com"))]
    username: String,
    outcome: UserImportOutcome,
    /// The new account's id.
    #[schema(required = true, format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    id: Option<String>,
    /// Which member is wrong.
    #[schema(required = true, examples("attributes"))]
    field: Option<String>,
    /// Why the user was refused.
    #[schema(required = true)]
    error: Option<String>,
}

/// Made now, there already and left as it is, or not made.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UserImportOutcome {
    Created,
    Exists,
    Refused,
}

/// A user as the import takes them, but for the password.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedUser {
    /// The name; where users are known by an address, that.
    #[schema(examples("ada@example.com"))]
    username: String,
    /// By Cognito's names, with the addresses and whether they are proven.
    #[schema(examples(json!({ "email": "ada@example.com", "email_verified": "true" })))]
    attributes: BTreeMap<String, String>,
    /// Whether an import should ask for a second factor.
    #[schema(examples(false))]
    mfa_enabled: bool,
    /// Whether the user may sign in.
    #[schema(examples(true))]
    enabled: bool,
}

type ExportedUserPage = Page<ExportedUser>;

impl From<ImportedUser> for CoreImportedUser {
    fn from(user: ImportedUser) -> Self {
        Self {
            username: user.username,
            attributes: user.attributes.unwrap_or_default(),
            mfa: user.mfa_enabled.unwrap_or_default(),
            password_hash: user.password_hash,
        }
    }
}

impl From<CoreExportedUser> for ExportedUser {
    fn from(user: CoreExportedUser) -> Self {
        Self {
            username: user.username,
            attributes: user.attributes,
            mfa_enabled: user.mfa,
            enabled: user.enabled,
        }
    }
}

impl UserImportResult {
    fn new(username: String, outcome: Result<Imported, Error>) -> Self {
        let (outcome, id, refusal) = match outcome {
            Ok(Imported::Created(id)) => (UserImportOutcome::Created, Some(id), None),
            Ok(Imported::Exists) => (UserImportOutcome::Exists, None, None),
            Err(error) => (UserImportOutcome::Refused, None, Some(error)),
        };
        let field = refusal.as_ref().and_then(|error| match &error.code {
            Code::InvalidInput(field) => Some(field.to_string()),
            _ => None,
        });
        Self { username, outcome, id, field, error: refusal.map(|error| error.message.into_owned()) }
    }
}

/// Tell the columns of a file of users
///
/// Those of Amazon Cognito's user import, with the pool's own attributes. Needs `view:users` or
/// `manage:users`, for another pool than the home pool `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-import", tag = "Users", params(PoolQuery),
    responses((status = OK, description = "The columns", body = UserColumns), Guarded, Absent))]
async fn describe_user_import(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<PoolQuery>,
) -> Result<Json<UserColumns>, Failure> {
    let columns = keyward.user_columns(&caller, query.pool.as_deref()).await?;
    Ok(Json(UserColumns { columns }))
}

/// Import users
///
/// Takes over accounts that were made elsewhere, at most 1000. Each is answered for itself; those that are
/// there already stay as they are, so that a request may be repeated. Users without a password hash set a
/// password by a code; those with one sign in by that password, at first by showing it. Needs
/// `manage:users`, for another pool than the home pool `manage:pools`, and every permission of whoever has one
/// of the proven addresses.
#[utoipa::path(post, path = "/api/v1/user-import", tag = "Users", request_body = ImportUsers,
    responses((status = OK, description = "What came of each", body = UserImportResults), Guarded, Absent))]
async fn import_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(ImportUsers { pool, users }): Body<ImportUsers>,
) -> Result<Json<UserImportResults>, Failure> {
    let users: Vec<CoreImportedUser> = users.into_iter().map(CoreImportedUser::from).collect();
    let outcomes = keyward.import_users(&caller, pool.as_deref(), &users).await?;
    let results = users.into_iter().zip(outcomes);
    let results = results.map(|(user, outcome)| UserImportResult::new(user.username, outcome)).collect();
    Ok(Json(UserImportResults { results }))
}

/// Export users
///
/// The accounts, sorted by username, as an import takes them: without passwords, roles and the second factors
/// of authenticator applications. Needs `view:users` or `manage:users`, for another pool than the home pool
/// `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-export", tag = "Users", params(ExportQuery),
    responses((status = OK, description = "A piece of the list", body = ExportedUserPage), Guarded, Absent))]
async fn export_users(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<ExportQuery>,
) -> Result<ExportedUserPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    Ok(Page::of(keyward.export_users(&caller, query.pool.as_deref(), page).await?))
}
