//! The pool's discovery document (`OpenID` Connect Discovery 1.0) and its keys (RFC 7517), for whoever checks
//! tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::routing::get;
use axum::{Json, Router};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::LocalPool;
use serde_json::{Value, json};

use crate::http::{Failure, Path, plain, speaking};

/// Verifiers ask again when they meet a key that they don't know; an hour is what they keep one for at most.
const CACHEABLE: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");

type Document = ([(HeaderName, &'static str); 1], Json<Value>);

pub(super) fn router(keyward: &Arc<Keyward>) -> Router {
    let routes = Router::new()
        .route("/{pool}/.well-known/openid-configuration", get(configuration))
        .route("/{pool}/.well-known/jwks.json", get(keys));
    speaking(routes.with_state(Arc::clone(keyward)), plain)
}

/// Names what there is, and no endpoint of OAuth, for there is none.
async fn configuration(
    State(keyward): State<Arc<Keyward>>,
    Path(pool_id): Path<String>,
) -> Result<Document, Failure> {
    let pool = there(&keyward, &pool_id).await?;
    // The issuer is what tokens say, wherever that may be; the keys are here.
    let document = json!({
        "issuer": pool.issuer(),
        "jwks_uri": format!("{}/{pool_id}/.well-known/jwks.json", keyward.settings().public_url),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "jti", "origin_jti", "event_id", "token_use",
            "amr", "cognito:username", "cognito:groups", "cognito:roles", "cognito:preferred_role", "email",
            "email_verified", "phone_number", "phone_number_verified",
        ],
    });
    Ok(([CACHEABLE], Json(document)))
}

async fn keys(State(keyward): State<Arc<Keyward>>, Path(pool_id): Path<String>) -> Result<Document, Failure> {
    Ok(([CACHEABLE], Json(there(&keyward, &pool_id).await?.jwks())))
}

/// The pool, unless it was deleted since it was opened here; the home pool never is.
async fn there(keyward: &Keyward, pool_id: &str) -> Result<Arc<LocalPool>, Failure> {
    let pool = keyward.user_pool(pool_id).await?;
    if pool.id() != keyward.local_pool().id() {
        pool.settings().await?;
    }
    Ok(pool)
}
