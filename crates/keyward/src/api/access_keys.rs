//! Access keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::access_key;
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::api_keys::LastUse;
use crate::api::page::Page;
use crate::api::parameter::{AccessKeyPath, IdempotencyHeader};
use crate::api::problem::{Absent, Conflicting, Guarded};
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_access_keys, create_access_key))
        .routes(routes!(delete_access_key))
}

/// An access key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessKey {
    /// What a client calls the access key id; no secret.
    #[schema(examples("AKIAIOSFODNN7EXAMPLE"))]
    id: String,
    /// Whom the key acts as.
    #[schema(format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    user_id: String,
    #[schema(examples("ci-bot@example.com"))]
    username: String,
    /// The name of who made the key.
    #[schema(examples("admin@example.com"))]
    created_by: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    #[schema(required = true)]
    last_used: Option<LastUse>,
}

/// A key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct IssuedAccessKey {
    #[serde(flatten)]
    key: AccessKey,
    /// What a client calls the secret access key.
    #[schema(value_type = String, examples("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))]
    secret: Secret,
}

/// Whom the key is to act as.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccessKey {
    /// An id or a username; must have a role.
    #[schema(examples("ci-bot@example.com"))]
    user: String,
}

type AccessKeyPage = Page<AccessKey>;

/// Which keys to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccessKeyQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
    /// The id or name of whom the keys act as.
    user: Option<String>,
}

impl From<access_key::AccessKey> for AccessKey {
    fn from(key: access_key::AccessKey) -> Self {
        Self {
            id: key.id,
            user_id: key.user_id,
            username: key.username,
            created_by: key.created_by,
            created_at: rfc3339(key.created_at_ms),
            last_used: key.last_used.map(LastUse::from),
        }
    }
}

/// List access keys
///
/// Sorted by username. Needs `view:api-keys` or `manage:api-keys`.
#[utoipa::path(get, path = "/api/v1/access-keys", tag = "Access keys", params(AccessKeyQuery),
    responses((status = OK, description = "A piece of the list", body = AccessKeyPage), Guarded, Absent))]
async fn list_access_keys(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<AccessKeyQuery>,
) -> Result<AccessKeyPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    let query = access_key::AccessKeyQuery { user: query.user, page };
    Ok(Page::of(keyward.access_keys(&caller, &query).await?))
}

/// Create an access key
///
/// The secret is in this answer alone. A user has two keys at most. Needs `manage:api-keys`, and every
/// permission of the user.
#[utoipa::path(post, path = "/api/v1/access-keys", tag = "Access keys", request_body = NewAccessKey,
    params(IdempotencyHeader),
    responses((status = CREATED, description = "The key, and the secret that is shown this once",
            body = IssuedAccessKey),
        Guarded, Absent, Conflicting))]
async fn create_access_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewAccessKey>,
) -> Result<(StatusCode, Json<IssuedAccessKey>), Failure> {
    let issued = keyward.create_access_key(&caller, &new.user).await?;
    let issued = IssuedAccessKey { key: issued.key.into(), secret: issued.secret };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Delete an access key
///
/// The next request that is signed with it is refused. Needs `manage:api-keys`.
#[utoipa::path(delete, path = "/api/v1/access-keys/{access_key}", tag = "Access keys", params(AccessKeyPath),
    responses((status = NO_CONTENT, description = "The key is gone"), Guarded, Absent, Conflicting))]
async fn delete_access_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    keyward.delete_access_key(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
