//! Pools of users, and the app clients that lead to them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::app_client::{self, AppClientSettings, NewSecret};
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::password::PasswordPolicy;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user_pool::{self, Identifiers, UserPoolSettings};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::member::given;
use crate::api::page::Page;
use crate::api::parameter::{ClientPath, ClientSecretPath, IdempotencyHeader, IfMatchHeader, PoolPath};
use crate::api::problem::{Absent, Conflicting, Guarded, Outdated};
use crate::api::version::{IfMatch, Versioned};
use crate::http::{Asking, Body, Failure, Path, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .routes(routes!(list_user_pools, create_user_pool))
        .routes(routes!(get_user_pool, delete_user_pool))
        .routes(routes!(list_app_clients, create_app_client))
        .routes(routes!(get_app_client, update_app_client, delete_app_client))
        .routes(routes!(add_client_secret))
        .routes(routes!(delete_client_secret))
}

/// A pool of users.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserPool {
    #[schema(examples("us-east-1_k3Y9wRd0A"))]
    id: String,
    #[schema(examples("staging"))]
    name: String,
    /// Whether it is the pool whose users have roles and keys.
    #[schema(examples(false))]
    home: bool,
    /// What its tokens name as their issuer.
    #[schema(format = "uri", examples("https://keyward.example.com/us-east-1_k3Y9wRd0A"))]
    issuer: String,
    /// `OFF`, `OPTIONAL` or `ON`: whether signing in asks for a second factor.
    #[schema(examples("OPTIONAL"))]
    mfa: &'static str,
    #[serde(flatten)]
    options: PoolOptions,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    updated_at: String,
    /// Counts the changes; what `If-Match` compares.
    #[schema(examples(1))]
    version: i64,
}

/// What can be said of a pool.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "they are the pool's")]
struct PoolOptions {
    /// The attributes, `email` and `phone_number`, one of which is each user's name; none where users have
    /// names of their own.
    #[schema(examples("email"))]
    username_attributes: Vec<String>,
    /// The attributes, `email`, `phone_number` and `preferred_username`, that stand for a user's name once
    /// proven.
    alias_attributes: Vec<String>,
    /// Whether names that differ in case alone are different ones.
    #[schema(examples(false))]
    case_sensitive: bool,
    /// Whether only administrators make users.
    #[schema(examples(true))]
    admin_create_only: bool,
    /// Whether it can't be deleted.
    #[schema(examples(false))]
    deletion_protection: bool,
    /// Whether the passwords that most people choose are refused.
    #[schema(examples(true))]
    refuses_common_passwords: bool,
}

/// A pool, with how many accounts there are in it.
#[derive(Debug, Serialize, ToSchema)]
struct DescribedUserPool {
    #[serde(flatten)]
    pool: UserPool,
    #[schema(examples(42))]
    accounts: i64,
}

/// What it takes to make a pool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUserPool {
    /// 1 to 128 letters, digits, spaces and characters of `_+=,.@-`.
    #[schema(examples("staging"))]
    name: String,
    /// What the id begins with; the home pool's region when not said.
    #[schema(examples("us-east-1"))]
    region: Option<String>,
    /// `email`, `phone_number` or both, where one of them is each user's name.
    username_attributes: Option<Vec<PoolAddress>>,
    /// The attributes that stand for a user's name once proven.
    alias_attributes: Option<Vec<PoolAlias>>,
    /// Whether names that differ in case alone are different ones.
    case_sensitive: Option<bool>,
    /// Whether only administrators make users.
    admin_create_only: Option<bool>,
    /// Whether it can't be deleted.
    deletion_protection: Option<bool>,
    /// Whether the passwords that most people choose are refused.
    refuses_common_passwords: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PoolAddress {
    Email,
    PhoneNumber,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PoolAlias {
    Email,
    PhoneNumber,
    PreferredUsername,
}

/// An application's way into a pool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppClient {
    #[schema(examples("5h3kq0m1c8d2v7x9b4n6z1l0pa"))]
    id: String,
    #[schema(examples("us-east-1_k3Y9wRd0A"))]
    pool_id: String,
    #[schema(examples("web"))]
    name: String,
    /// The flows that are on, in Cognito's words.
    #[schema(examples("ALLOW_USER_SRP_AUTH"))]
    flows: Vec<String>,
    /// An unknown user and a wrong password look the same.
    #[schema(examples(true))]
    hides_unknown_users: bool,
    #[schema(examples(3600))]
    access_token_seconds: i64,
    #[schema(examples(3600))]
    id_token_seconds: i64,
    #[schema(examples(2_592_000))]
    refresh_token_seconds: i64,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    updated_at: String,
    /// Counts the changes; what `If-Match` compares.
    #[schema(examples(1))]
    version: i64,
}

/// An app client, with what is known of its secrets.
#[derive(Debug, Serialize, ToSchema)]
struct DescribedAppClient {
    #[serde(flatten)]
    client: AppClient,
    /// Its secrets, the older one first; without any, whoever knows the client's id may come through it.
    secrets: Vec<ClientSecret>,
}

/// A new app client, with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct IssuedAppClient {
    #[serde(flatten)]
    client: DescribedAppClient,
    #[schema(value_type = Option<String>, required = true,
        examples("1p8v0q6m4x2k9d7b5h3n1c0z8l6j4g2f0s9a7y5w3t1r8e6u4i2o"))]
    secret: Option<Secret>,
}

/// What is known of a client's secret.
#[derive(Debug, Serialize, ToSchema)]
struct ClientSecret {
    #[schema(examples("5h3kq0m1c8d2v7x9b4n6z1l0pa--1800014400000"))]
    id: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
}

/// A client's secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct IssuedClientSecret {
    #[serde(flatten)]
    known: ClientSecret,
    #[schema(value_type = String, examples("1p8v0q6m4x2k9d7b5h3n1c0z8l6j4g2f0s9a7y5w3t1r8e6u4i2o"))]
    secret: Secret,
}

/// What it takes to make an app client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAppClient {
    /// 1 to 128 letters, digits, spaces and characters of `_+=,.@-`.
    #[schema(examples("web"))]
    name: String,
    /// Whether it has a secret, as clients do that can keep one.
    #[schema(examples(true))]
    with_secret: Option<bool>,
    /// The flows that are on, in Cognito's words; `ALLOW_CUSTOM_AUTH`, `ALLOW_REFRESH_TOKEN_AUTH` and
    /// `ALLOW_USER_SRP_AUTH` when not said.
    #[schema(examples("ALLOW_USER_SRP_AUTH"))]
    flows: Option<Vec<String>>,
    /// An unknown user and a wrong password look the same; true when not said.
    hides_unknown_users: Option<bool>,
    /// 300 to 86400.
    #[schema(examples(3600))]
    access_token_seconds: Option<i64>,
    /// 300 to 86400.
    #[schema(examples(3600))]
    id_token_seconds: Option<i64>,
    /// 3600 to 315360000.
    #[schema(examples(2_592_000))]
    refresh_token_seconds: Option<i64>,
}

/// What to change of an app client; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AppClientUpdate {
    /// 1 to 128 letters, digits, spaces and characters of `_+=,.@-`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, examples("web"))]
    name: Option<String>,
    /// The whole new list of flows that are on, in Cognito's words.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false, examples("ALLOW_USER_SRP_AUTH"))]
    flows: Option<Vec<String>>,
    /// An unknown user and a wrong password look the same.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    hides_unknown_users: Option<bool>,
    /// 300 to 86400.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = i64, required = false, examples(3600))]
    access_token_seconds: Option<i64>,
    /// 300 to 86400.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = i64, required = false, examples(3600))]
    id_token_seconds: Option<i64>,
    /// 3600 to 315360000.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = i64, required = false, examples(2_592_000))]
    refresh_token_seconds: Option<i64>,
}

/// Which secret a client is to have beside its other one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClientSecret {
    /// 24 to 64 letters, digits and characters of `_+`; one is made when not said.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

type UserPoolPage = Page<UserPool>;
type AppClientPage = Page<AppClient>;

/// Which piece of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PoolQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl UserPool {
    fn of(keyward: &Keyward, pool: user_pool::UserPool) -> Self {
        let UserPoolSettings { identifiers, .. } = pool.settings;
        Self {
            home: pool.id == keyward.home().pool_id(),
            issuer: keyward.local_pool().issuer_of(&pool.id),
            mfa: pool.settings.mfa.as_str(),
            options: PoolOptions {
                username_attributes: identifiers.username_attributes,
                alias_attributes: identifiers.alias_attributes,
                case_sensitive: identifiers.case_sensitive,
                admin_create_only: pool.settings.admin_create_only,
                deletion_protection: pool.settings.deletion_protection,
                refuses_common_passwords: pool.settings.password_policy.refuses_common,
            },
            id: pool.id,
            name: pool.name,
            created_at: rfc3339(pool.created_at_ms),
            updated_at: rfc3339(pool.updated_at_ms),
            version: pool.version,
        }
    }
}

impl From<app_client::AppClient> for AppClient {
    fn from(client: app_client::AppClient) -> Self {
        Self {
            id: client.id,
            pool_id: client.pool_id,
            name: client.name,
            flows: client.settings.flows,
            hides_unknown_users: client.settings.hides_unknown_users,
            access_token_seconds: client.settings.access_token_seconds,
            id_token_seconds: client.settings.id_token_seconds,
            refresh_token_seconds: client.settings.refresh_token_seconds,
            created_at: rfc3339(client.created_at_ms),
            updated_at: rfc3339(client.updated_at_ms),
            version: client.version,
        }
    }
}

impl From<app_client::AppClient> for DescribedAppClient {
    fn from(mut client: app_client::AppClient) -> Self {
        let secrets = std::mem::take(&mut client.secrets);
        Self { secrets: secrets.into_iter().map(ClientSecret::from).collect(), client: client.into() }
    }
}

impl From<app_client::ClientSecret> for ClientSecret {
    fn from(secret: app_client::ClientSecret) -> Self {
        Self { id: secret.id, created_at: rfc3339(secret.created_at_ms) }
    }
}

impl NewUserPool {
    fn into_core(self) -> user_pool::NewUserPool {
        let address = |address| match address {
            PoolAddress::Email => "email".to_owned(),
            PoolAddress::PhoneNumber => "phone_number".to_owned(),
        };
        let alias = |alias| match alias {
            PoolAlias::Email => "email".to_owned(),
            PoolAlias::PhoneNumber => "phone_number".to_owned(),
            PoolAlias::PreferredUsername => "preferred_username".to_owned(),
        };
        let password_policy = PasswordPolicy {
            refuses_common: self.refuses_common_passwords.unwrap_or_default(),
            ..PasswordPolicy::default()
        };
        let settings = UserPoolSettings {
            password_policy,
            identifiers: Identifiers {
                case_sensitive: self.case_sensitive.unwrap_or_default(),
                username_attributes: self.username_attributes.into_iter().flatten().map(address).collect(),
                alias_attributes: self.alias_attributes.into_iter().flatten().map(alias).collect(),
            },
            admin_create_only: self.admin_create_only.unwrap_or_default(),
            deletion_protection: self.deletion_protection.unwrap_or_default(),
            ..UserPoolSettings::default()
        };
        user_pool::NewUserPool { region: self.region, name: self.name, settings }
    }
}

impl NewAppClient {
    fn into_core(self) -> app_client::NewAppClient {
        let default = AppClientSettings::unsaid();
        let settings = AppClientSettings {
            flows: self.flows.unwrap_or(default.flows),
            hides_unknown_users: self.hides_unknown_users.unwrap_or(true),
            access_token_seconds: self.access_token_seconds.unwrap_or(default.access_token_seconds),
            id_token_seconds: self.id_token_seconds.unwrap_or(default.id_token_seconds),
            refresh_token_seconds: self.refresh_token_seconds.unwrap_or(default.refresh_token_seconds),
            ..default
        }
        .in_fitting_units();
        let secret =
            if self.with_secret.unwrap_or_default() { NewSecret::Generated } else { NewSecret::None };
        app_client::NewAppClient { name: self.name, settings, secret }
    }
}

impl AppClientUpdate {
    fn applied(self, settings: AppClientSettings) -> AppClientSettings {
        AppClientSettings {
            flows: self.flows.unwrap_or(settings.flows),
            hides_unknown_users: self.hides_unknown_users.unwrap_or(settings.hides_unknown_users),
            access_token_seconds: self.access_token_seconds.unwrap_or(settings.access_token_seconds),
            id_token_seconds: self.id_token_seconds.unwrap_or(settings.id_token_seconds),
            refresh_token_seconds: self.refresh_token_seconds.unwrap_or(settings.refresh_token_seconds),
            ..settings
        }
        .in_fitting_units()
    }
}

/// List user pools
///
/// Sorted by id. Needs `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-pools", tag = "User pools", params(PoolQuery),
    responses((status = OK, description = "A piece of the list", body = UserPoolPage), Guarded))]
async fn list_user_pools(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<PoolQuery>,
) -> Result<UserPoolPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    let pools = keyward.user_pools(&caller, &page).await?;
    Ok(Page::map(pools, |pool| UserPool::of(&keyward, pool)))
}

/// Create a user pool
///
/// Beside the home pool, and apart from it: its users have no roles and keys here. What else can be set of it,
/// the Cognito protocol sets. Needs `manage:pools`.
#[utoipa::path(post, path = "/api/v1/user-pools", tag = "User pools", request_body = NewUserPool,
    params(IdempotencyHeader),
    responses((status = CREATED, description = "The pool", body = UserPool,
            headers(("ETag", description = "The version"))),
        Guarded, Conflicting))]
async fn create_user_pool(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewUserPool>,
) -> Result<Versioned<UserPool>, Failure> {
    let pool = keyward.create_user_pool(&caller, new.into_core()).await?;
    Ok(Versioned::created(pool.version, UserPool::of(&keyward, pool)))
}

/// Show a user pool
///
/// Needs `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-pools/{pool}", tag = "User pools", params(PoolPath),
    responses((status = OK, description = "The pool", body = DescribedUserPool,
            headers(("ETag", description = "The version"))),
        Guarded, Absent))]
async fn get_user_pool(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
) -> Result<Versioned<DescribedUserPool>, Failure> {
    let pool = keyward.described_user_pool(&caller, &id).await?;
    let accounts = keyward.count_accounts(&caller, &pool.id).await?;
    Ok(Versioned::new(pool.version, DescribedUserPool { pool: UserPool::of(&keyward, pool), accounts }))
}

/// Delete a user pool
///
/// With its users, groups and app clients. Their tokens are refused at once. The home pool can't be deleted.
/// Needs `manage:pools`.
#[utoipa::path(delete, path = "/api/v1/user-pools/{pool}", tag = "User pools",
    params(PoolPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The pool is gone"), Guarded, Absent, Conflicting, Outdated))]
async fn delete_user_pool(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.delete_user_pool(&caller, &id, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List app clients
///
/// Sorted by id, without their secrets. Needs `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-pools/{pool}/clients", tag = "User pools",
    params(PoolPath, PoolQuery),
    responses((status = OK, description = "A piece of the list", body = AppClientPage), Guarded, Absent))]
async fn list_app_clients(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(pool_id): Path<String>,
    Query(query): Query<PoolQuery>,
) -> Result<AppClientPage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    Ok(Page::of(keyward.app_clients(&caller, &pool_id, &page).await?))
}

/// Create an app client
///
/// The secret is in this answer alone. Needs `manage:pools`.
#[utoipa::path(post, path = "/api/v1/user-pools/{pool}/clients", tag = "User pools",
    request_body = NewAppClient, params(PoolPath, IdempotencyHeader),
    responses((status = CREATED, description = "The app client, and the secret that is shown this once",
            body = IssuedAppClient, headers(("ETag", description = "The version"))),
        Guarded, Absent, Conflicting))]
async fn create_app_client(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path(pool_id): Path<String>,
    Body(new): Body<NewAppClient>,
) -> Result<Versioned<IssuedAppClient>, Failure> {
    let made = keyward.create_app_client(&caller, &pool_id, new.into_core()).await?;
    let version = made.client.version;
    Ok(Versioned::created(version, IssuedAppClient { client: made.client.into(), secret: made.secret }))
}

/// Show an app client
///
/// Without its secrets. Needs `manage:pools`.
#[utoipa::path(get, path = "/api/v1/user-pools/{pool}/clients/{client}", tag = "User pools",
    params(PoolPath, ClientPath),
    responses((status = OK, description = "The app client", body = DescribedAppClient,
            headers(("ETag", description = "The version"))),
        Guarded, Absent))]
async fn get_app_client(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((pool_id, id)): Path<(String, String)>,
) -> Result<Versioned<DescribedAppClient>, Failure> {
    let client = keyward.described_app_client(&caller, &pool_id, &id).await?.client;
    Ok(Versioned::new(client.version, client.into()))
}

/// Change an app client
///
/// Its secrets stay. What else can be set of it, the Cognito protocol sets. Needs `manage:pools`, and `*` for
/// the one that Keyward's own command line signs in through.
#[utoipa::path(patch, path = "/api/v1/user-pools/{pool}/clients/{client}", tag = "User pools",
    request_body = AppClientUpdate, params(PoolPath, ClientPath, IfMatchHeader),
    responses((status = OK, description = "The app client", body = DescribedAppClient,
            headers(("ETag", description = "The version"))),
        Guarded, Absent, Outdated))]
async fn update_app_client(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((pool_id, id)): Path<(String, String)>,
    if_match: IfMatch,
    Body(mut update): Body<AppClientUpdate>,
) -> Result<Versioned<DescribedAppClient>, Failure> {
    let (name, if_match) = (update.name.take(), if_match.version());
    let changed = keyward
        .update_app_client(&caller, &pool_id, &id, if_match, name.as_deref(), |settings| {
            update.applied(settings)
        })
        .await?;
    Ok(Versioned::new(changed.client.version, changed.client.into()))
}

/// Delete an app client
///
/// The sessions that began through it end. Needs `manage:pools`.
#[utoipa::path(delete, path = "/api/v1/user-pools/{pool}/clients/{client}", tag = "User pools",
    params(PoolPath, ClientPath, IfMatchHeader),
    responses((status = NO_CONTENT, description = "The app client is gone"),
        Guarded, Absent, Conflicting, Outdated))]
async fn delete_app_client(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((pool_id, id)): Path<(String, String)>,
    if_match: IfMatch,
) -> Result<StatusCode, Failure> {
    keyward.delete_app_client(&caller, &pool_id, &id, if_match.version()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a secret to an app client
///
/// Two are good at a time, so that one can take the other's place. The secret is in this answer alone. Needs
/// `manage:pools`.
#[utoipa::path(post, path = "/api/v1/user-pools/{pool}/clients/{client}/secrets", tag = "User pools",
    request_body = NewClientSecret, params(PoolPath, ClientPath, IdempotencyHeader),
    responses((status = CREATED, description = "The secret, which is shown this once",
            body = IssuedClientSecret),
        Guarded, Absent, Conflicting))]
async fn add_client_secret(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((pool_id, id)): Path<(String, String)>,
    Body(new): Body<NewClientSecret>,
) -> Result<(StatusCode, Json<IssuedClientSecret>), Failure> {
    let issued = keyward.add_client_secret(&caller, &pool_id, &id, new.secret.as_ref()).await?;
    let issued = IssuedClientSecret { known: issued.stored.into(), secret: issued.secret };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Delete a secret of an app client
///
/// The next request with it is refused. The last one can't be deleted. Needs `manage:pools`.
#[utoipa::path(delete, path = "/api/v1/user-pools/{pool}/clients/{client}/secrets/{secret}",
    tag = "User pools", params(PoolPath, ClientPath, ClientSecretPath),
    responses((status = NO_CONTENT, description = "The secret is gone"), Guarded, Absent, Conflicting))]
async fn delete_client_secret(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Path((pool_id, id, secret_id)): Path<(String, String, String)>,
) -> Result<StatusCode, Failure> {
    keyward.delete_client_secret(&caller, &pool_id, &id, &secret_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
