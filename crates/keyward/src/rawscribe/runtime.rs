//! What everybody may know of this deployment: that it lives, and where to sign in.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::file_token::FileTokenSettings;
use serde_json::{Value, json};

use crate::config::{CognitoPool, Provider, RawScribe, ToldSource};
use crate::http::Failure;
use crate::rawscribe_file::RawScribeWatch;

/// What RawScribe calls the Cognito protocol, whoever speaks it.
const COGNITO: &str = "cognito";
/// What it calls users who are kept in its file.
const JWT: &str = "jwt";

pub(super) async fn root() -> Json<Value> {
    Json(json!({ "message": "CLAIRE API is running", "status": "healthy" }))
}

/// That the process lives; `/readyz` tells whether it can do its work.
pub(super) async fn health(State(keyward): State<Arc<Keyward>>) -> Json<Value> {
    Json(json!({
        "status": "healthy",
        "service": "claire-api",
        "version": "1.0.0",
        "environment": keyward.settings().environment.name(),
    }))
}

/// Where to sign in, as it is at this moment.
pub(super) async fn config(
    State(keyward): State<Arc<Keyward>>,
    Extension(watch): Extension<Arc<RawScribeWatch>>,
) -> Result<Json<Value>, Failure> {
    let rawscribe = watch.look().await;
    let (provider, config) = match watch.provider() {
        Provider::Local => (COGNITO, own_pool(&keyward).await?),
        Provider::Cognito(pool) => (COGNITO, amazon_pool(pool)),
        Provider::Jwt => (JWT, file_tokens(&rawscribe)),
    };
    Ok(Json(json!({ "auth": { "provider": provider, "config": config } })))
}

/// Our own pool has no address that clients would know by its region, so it is told.
async fn own_pool(keyward: &Keyward) -> Result<Value, Failure> {
    let pool = keyward.local_pool();
    let client = pool.first_client().await?;
    Ok(json!({
        "userPoolId": pool.id(),
        "clientId": client.map(|client| client.id),
        "region": pool.region(),
        "source": "local",
        "endpoint": keyward.settings().public_url,
    }))
}

fn amazon_pool(pool: &CognitoPool) -> Value {
    let told = [
        ("userPoolId", Some(pool.user_pool_id.as_str())),
        ("clientId", Some(&pool.client_id)),
        ("region", Some(&pool.region)),
        ("source", Some(pool.source.as_str())),
        ("endpoint", pool.endpoint.as_deref()),
    ];
    told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
}

fn file_tokens(rawscribe: &RawScribe) -> Value {
    let FileTokenSettings { algorithm, issuer, audience, .. } = &rawscribe.tokens;
    json!({
        "algorithm": algorithm.as_str(),
        "issuer": issuer,
        "audience": audience,
        "mockUsers": rawscribe.mock_users,
        "source": ToldSource::ConfigFile.as_str(),
    })
}

pub(super) async fn auth_config(
    State(keyward): State<Arc<Keyward>>,
    Extension(watch): Extension<Arc<RawScribeWatch>>,
) -> Json<Value> {
    let mock_users = watch.look().await.mock_users;
    let (provider, region) = match watch.provider() {
        Provider::Local => (COGNITO, Some(keyward.local_pool().region())),
        Provider::Cognito(pool) => (COGNITO, Some(pool.region.as_str())),
        Provider::Jwt => (JWT, None),
    };
    Json(json!({
        "provider": provider,
        "environment": keyward.settings().environment.name(),
        "cognito_region": region,
        "mock_users_count": mock_users,
    }))
}
