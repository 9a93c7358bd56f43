//! What everybody may know of this deployment: that it lives, and where to sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::keyward::Keyward;
use serde_json::{Value, json};

use crate::http::Failure;

/// What RawScribe calls the Cognito protocol, whoever speaks it.
const PROVIDER: &str = "cognito";

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

/// The pool to sign in with. Our own has no address that clients would know by its region, so it is told.
pub(super) async fn config(State(keyward): State<Arc<Keyward>>) -> Result<Json<Value>, Failure> {
    let pool = keyward.local_pool();
    let client = pool.first_client().await?;
    Ok(Json(json!({
        "auth": {
            "provider": PROVIDER,
            "config": {
                "userPoolId": pool.id(),
                "clientId": client.map(|client| client.id),
                "region": pool.region(),
                "source": "local",
                "endpoint": keyward.settings().public_url,
            },
        },
    })))
}

pub(super) async fn auth_config(State(keyward): State<Arc<Keyward>>) -> Json<Value> {
    Json(json!({
        "provider": PROVIDER,
        "environment": keyward.settings().environment.name(),
        "cognito_region": keyward.local_pool().region(),
        "mock_users_count": 0,
    }))
}
