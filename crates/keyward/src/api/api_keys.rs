//! API keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ipnet::IpNet;
use keyward_core::api_key;
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::permission::Permission;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::member::{clearable, given};
use crate::api::page::Page;
use crate::api::parameter::{IdempotencyHeader, IfMatchHeader, KeyPath};
use crate::api::problem::{Absent, Conflicting, Guarded, Outdated};
use crate::api::version::{IfMatch, Versioned};
use crate::api::words::ApiKeyState;
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(import_api_keys))
        .routes(routes!(get_api_key, update_api_key, delete_api_key))
        .routes(routes!(rotate_api_key))
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKey {
    /// The immutable id.
    #[schema(format = "uuid", examples("3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"))]
    id: String,
    /// The part of the current secret that is safe to show; empty for an imported key.
    #[schema(examples("q7Xk2mPz0aBd"))]
    public_id: String,
    #[schema(examples("CI"))]
    name: String,
    #[schema(examples("Runs the nightly import"))]
    description: String,
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
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    updated_at: String,
    /// When it ends, as it was written.
    #[schema(required = true, examples("2027-06-30"))]
    expires_at: Option<String>,
    /// What that means.
    #[schema(required = true, format = "date-time", examples("2027-06-30T23:59:59.999Z"))]
    expires_at_utc: Option<String>,
    /// A key that isn't active is refused.
    #[schema(examples(true))]
    active: bool,
    state: ApiKeyState,
    /// What the key may do at most; its user's rights when null.
    #[schema(required = true, value_type = Option<Vec<String>>, examples("read:*"))]
    scope: Option<Vec<Permission>>,
    /// CIDR blocks that it may be used from; anywhere when empty.
    #[schema(value_type = Vec<String>, examples("203.0.113.0/24"))]
    allowed_addresses: Vec<IpNet>,
    /// Who answers for the key.
    #[schema(required = true, examples("Ada"))]
    owner: Option<String>,
    /// When somebody should look whether it is still needed.
    #[schema(required = true, format = "date", examples("2027-06-01"))]
    review_at: Option<String>,
    /// The last use of the current secret.
    #[schema(required = true)]
    last_used: Option<LastUse>,
    /// The secret before the last rotation, while it still works.
    #[schema(required = true)]
    previous: Option<PreviousSecret>,
    /// Whether the secret was made elsewhere.
    #[schema(examples(false))]
    imported: bool,
    /// Counts the changes; what `If-Match` compares.
    #[schema(examples(1))]
    version: i64,
}

/// When and from where a secret was last used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LastUse {
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    at: String,
    #[schema(required = true, examples("203.0.113.7"))]
    address: Option<String>,
    #[schema(required = true, examples("curl/8.10.1"))]
    user_agent: Option<String>,
}

/// A secret that still works beside its successor.
#[derive(Debug, Serialize, ToSchema)]
struct PreviousSecret {
    /// The part that is safe to show.
    #[schema(examples("Lm4TzR81wQ0c"))]
    public_id: String,
    #[schema(format = "date-time", examples("2027-01-16T12:00:00.000Z"))]
    valid_until: String,
    #[schema(required = true)]
    last_used: Option<LastUse>,
}

/// A key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct IssuedApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// What to send in `Authorization`.
    #[schema(value_type = String, examples("vams_q7Xk2mPz0aBd..."))]
    secret: Secret,
}

/// What it takes to make a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    /// 1 to 256 characters; no other key has it.
    #[schema(examples("CI"))]
    name: String,
    /// The id or name of whom it acts as; must have a role.
    #[schema(examples("ci-bot@example.com"))]
    user: String,
    /// At most 256 characters.
    #[schema(examples("Runs the nightly import"))]
    description: String,
    /// Anything ISO 8601; a date alone means the end of that day, UTC.
    #[schema(examples("2027-06-30"))]
    expires_at: Option<String>,
    /// What the key may do at most.
    #[schema(examples("read:*"))]
    scope: Option<Vec<String>>,
    /// Addresses and CIDR blocks.
    allowed_addresses: Option<Vec<String>>,
    /// 1 to 256 characters.
    owner: Option<String>,
    /// A date.
    review_at: Option<String>,
}

/// What to change of a key; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and given are three things")]
struct ApiKeyUpdate {
    /// At most 256 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// Null or empty takes it away. A key that had ended stays disabled unless `active` is true in the same
    /// change.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>, examples("2027-12-31"))]
    expires_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false, examples(true))]
    active: Option<bool>,
    /// Null takes it away: the key may then do all that its user may.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<Vec<String>>)]
    scope: Option<Option<Vec<String>>>,
    /// The whole new list; an empty one allows any address.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    allowed_addresses: Option<Vec<String>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    review_at: Option<Option<String>>,
}

/// How to rotate a key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how long the old secret keeps working, 0 to 7776000 (90 days); 0 when not said, and never longer
    /// than the key itself.
    #[schema(minimum = 0, maximum = 7_776_000, examples(86400))]
    overlap_seconds: Option<i64>,
}

/// Keys that were made elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyImport {
    /// At most 1000.
    #[schema(max_items = 1000)]
    keys: Vec<ImportedApiKey>,
}

/// A key that was made elsewhere, known by the hash of its secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedApiKey {
    #[schema(examples("CI"))]
    name: String,
    /// The id or name of whom it acts as; must have a role.
    #[schema(examples("ci-bot@example.com"))]
    user: String,
    description: Option<String>,
    /// SHA-256 of the whole key with its prefix, 64 hexadecimal digits.
    #[schema(
        pattern = "^[0-9A-Fa-f]{64}$",
        examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    )]
    sha256: String,
    expires_at: Option<String>,
    /// True when not said.
    active: Option<bool>,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
struct ImportResults {
    /// In the order of the request.
    results: Vec<ImportResult>,
}

/// What came of importing one key.
#[derive(Debug, Serialize, ToSchema)]
struct ImportResult {
    #[schema(examples("CI"))]
    name: String,
    /// The new key's id.
    #[schema(required = true, format = "uuid", examples("3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"))]
    id: Option<String>,
    /// Why it was not imported.
    #[schema(required = true)]
    error: Option<String>,
}

type ApiKeyPage = Page<ApiKey>;

/// Which keys to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApiKeyQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
    /// The id or name of whom the keys act as.
    user: Option<String>,
    /// The key's exact name.
    name: Option<String>,
}

impl ApiKey {
    fn new(key: api_key::ApiKey, keyward: &Keyward) -> Self {
        Self {
            state: key.state(keyward.clock().now_ms()).into(),
            id: key.id,
            public_id: key.public_id,
            name: key.name,
            description: key.description,
            user_id: key.user_id,
            username: key.username,
            created_by: key.created_by,
            created_at: rfc3339(key.created_at_ms),
            updated_at: rfc3339(key.updated_at_ms),
            expires_at: key.expires_at,
            expires_at_utc: key.expires_at_ms.map(rfc3339),
            active: key.active,
            scope: key.scope,
            allowed_addresses: key.allowed_addresses,
            owner: key.owner,
            review_at: key.review_at,
            last_used: key.last_used.map(LastUse::from),
            previous: key.previous.map(PreviousSecret::from),
            imported: key.imported,
            version: key.version,
        }
    }
}

impl From<api_key::LastUse> for LastUse {
    fn from(last_use: api_key::LastUse) -> Self {
        Self {
            at: rfc3339(last_use.at_ms),
            address: last_use.address.map(|address| address.to_string()),
            user_agent: last_use.user_agent,
        }
    }
}

impl From<api_key::PreviousSecret> for PreviousSecret {
    fn from(previous: api_key::PreviousSecret) -> Self {
        Self {
            public_id: previous.public_id,
            valid_until: rfc3339(previous.valid_until_ms),
            last_used: previous.last_used.map(LastUse::from),
        }
    }
}

impl From<ImportedApiKey> for api_key::ImportedApiKey {
    fn from(key: ImportedApiKey) -> Self {
        Self {
            name: key.name,
            user: key.user,
            description: key.description.unwrap_or_default(),
            sha256: key.sha256,
            expires_at: key.expires_at,
            active: key.active.unwrap_or(true),
        }
    }
}

/// List API keys
///
/// Sorted by name. Needs `view:api-keys` or `manage:api-keys`.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "API keys", params(ApiKeyQuery),
    responses((status = OK, description = "A piece of the list", body = ApiKeyPage), Guarded, Absent))]
async fn list_api_keys(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<ApiKeyQuery>,
) -> Result<ApiKeyPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    let query = api_key::ApiKeyQuery { user: query.user, name: query.name, page };
    let page = keyward.list_api_keys(&caller, &query).await?;
    Ok(Page::map(page, |key| ApiKey::new(key, &keyward)))
}

/// Create an API key
///
/// The secret is in this answer alone. Needs `manage:api-keys`, and every permission of the user, whatever the
/// scope; for a key of one's own, those that it will have.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "API keys", request_body = NewApiKey,
    params(IdempotencyHeader),
    responses((status = CREATED, description = "The key, and the secret that is shown this once",
            body = IssuedApiKey, headers(("ETag", description = "The version"))),
        Guarded, Conflicting))]
async fn create_api_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewApiKey>,
) -> Result<Versioned<IssuedApiKey>, Failure> {
    let new = api_key::NewApiKey {
        name: new.name,
        user: new.user,
        description: new.description,
        expires_at: new.expires_at,
        scope: new.scope,
        allowed_addresses: new.allowed_addresses.unwrap_or_default(),
        owner: new.owner,
        review_at: new.review_at,
    };
    let api_key::IssuedApiKey { key, secret } = keyward.create_api_key(&caller, new).await?;
    let key = ApiKey::new(key, &keyward);
    Ok(Versioned::created(key.version, IssuedApiKey { key, secret }))
}

/// Show an API key
///
/// Needs `view:api-keys` or `manage:api-keys`.
#[utoipa::path(get, path = "/api/v1/api-keys/{key}", tag = "API keys",
    params(KeyPath),
    responses((status = OK, description = "The key", body = ApiKey,
            headers(("ETag", description = "The version"))),
        Guarded, Absent))]
async fn get_api_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(key): Path<String>,
) -> Result<Versioned<ApiKey>, Failure> {
    let key = keyward.api_key(&caller, &key).await?;
    Ok(Versioned::new(key.version, ApiKey::new(key, &keyward)))
}

/// Change an API key
///
/// It counts from the next request on. Needs `manage:api-keys`, and every permission that the key may use
/// after the change, unless the change can only narrow it.
#[utoipa::path(patch, path = "/api/v1/api-keys/{key}", tag = "API keys", request_body = ApiKeyUpdate,
    params(KeyPath, IfMatchHeader),
    responses((status = OK, description = "The key", body = ApiKey,
            headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting, Outdated))]
async fn update_api_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(key): Path<String>,
    if_match: IfMatch,
    Body(update): Body<ApiKeyUpdate>,
) -> Result<Versioned<ApiKey>, Failure> {
    let update = api_key::ApiKeyUpdate {
        description: update.description,
        expires_at: update.expires_at.map(Option::unwrap_or_default),
        active: update.active,
        scope: update.scope,
        allowed_addresses: update.allowed_addresses,
        owner: update.owner,
        review_at: update.review_at,
        if_match: if_match.version(),
    };
    let key = keyward.update_api_key(&caller, &key, update).await?;
    Ok(Versioned::new(key.version, ApiKey::new(key, &keyward)))
}

/// Delete an API key
///
/// The next request with it is refused. Needs `manage:api-keys`.
#[utoipa::path(delete, path = "/api/v1/api-keys/{key}", tag = "API keys",
    params(KeyPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The key is gone"),
        Guarded, Absent, Conflicting, Outdated))]
async fn delete_api_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(key): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.delete_api_key(&caller, &key, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate an API key
///
/// The key gets a new secret, shown in this answer alone, under the same name, scope and rights. Needs
/// `manage:api-keys`, and every permission of the user, whatever the scope; for a key of one's own, those that it
/// has.
#[utoipa::path(post, path = "/api/v1/api-keys/{key}/rotate", tag = "API keys", request_body = Option<Rotation>,
    params(KeyPath, IdempotencyHeader),
    responses((status = OK, description = "The key, and the secret that is shown this once",
            body = IssuedApiKey, headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting))]
async fn rotate_api_key(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(key): Path<String>,
    rotation: Option<Body<Rotation>>,
) -> Result<Versioned<IssuedApiKey>, Failure> {
    let overlap_seconds = rotation.and_then(|Body(rotation)| rotation.overlap_seconds).unwrap_or_default();
    let issued = keyward.rotate_api_key(&caller, &key, overlap_seconds).await?;
    let key = ApiKey::new(issued.key, &keyward);
    Ok(Versioned::new(key.version, IssuedApiKey { key, secret: issued.secret }))
}

/// Import API keys
///
/// Takes over keys that were made elsewhere, by the hash of their secrets; they then work as they are. Each
/// key gets its own answer. Needs `manage:api-keys`, and every permission of the users that the keys act as.
#[utoipa::path(post, path = "/api/v1/api-keys/import", tag = "API keys", request_body = ApiKeyImport,
    responses((status = OK, description = "What came of each key", body = ImportResults), Guarded))]
async fn import_api_keys(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(import): Body<ApiKeyImport>,
) -> Result<Json<ImportResults>, Failure> {
    let keys: Vec<api_key::ImportedApiKey> = import.keys.into_iter().map(Into::into).collect();
    let imported = keyward.import_api_keys(&caller, &keys).await?;
    let results = keys.into_iter().zip(imported).map(|(key, outcome)| {
        let (id, error) = match outcome {
            Ok(imported) => (Some(imported.id), None),
            Err(error) => (None, Some(error.message.into_owned())),
        };
        ImportResult { name: key.name, id, error }
    });
    Ok(Json(ImportResults { results: results.collect() }))
}
