//! What VAMS' command line asks before and after it signs in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use keyward_core::caller::Caller;
use keyward_core::error::{Error, Result};
use keyward_core::keyward::Keyward;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Body, Failure, Path};
use crate::vams::ROUTES;
use crate::vams::caller::Signed;
use crate::vams::failure::not_authorized;
use crate::vams::field::{self, Text};

/// The version of VAMS that this dialect is of. Its command line compares it with its own, letter by letter
/// (`tools/VamsCLI/vamscli/commands/setup.py`).
const VERSION: &str = "2.5.1";
/// What VAMS says of what it doesn't have.
const UNDEFINED: &str = "undefined";
/// What this deployment has of what VAMS' pages and command line know to switch on.
const FEATURES: &str = "AUTHPROVIDER_COGNITO";

#[derive(Serialize)]
pub(super) struct Wrapped<T> {
    message: Items<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Items<T> {
    items: [T; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoginProfile {
    user_id: String,
    email: String,
}

#[derive(Deserialize)]
pub(super) struct UpdateLoginProfile {
    email: Option<Text>,
}

#[derive(Deserialize)]
pub(super) struct AskedRoutes {
    routes: Option<Vec<AskedRoute>>,
}

/// A route that somebody asks about; given back with what VAMS calls it.
#[derive(Serialize, Deserialize)]
pub(super) struct AskedRoute {
    method: String,
    #[serde(rename = "route__path")]
    path: String,
    #[serde(rename = "object__type", skip_deserializing)]
    object_type: ObjectType,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
enum ObjectType {
    #[default]
    Web,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllowedRoutes {
    allowed_routes: Vec<AskedRoute>,
    /// The user's id, whatever VAMS calls it here.
    email: String,
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

/// Where the API is and whom to sign in with.
pub(super) async fn amplify_config(State(keyward): State<Arc<Keyward>>) -> Result<Json<Value>, Failure> {
    let own = keyward.local_pool();
    let client = own.first_client().await?;
    let client = client.as_ref().map_or(UNDEFINED, |client| client.id.as_str());
    let (region, pool_id, client_id) = match keyward.remote_pool() {
        Some(pool) => (pool.region(), pool.opened_with().id.as_str(), pool.opened_with().client_id.as_str()),
        None => (own.region(), own.id(), client),
    };
    let mut config = json!({
        "region": region,
        "api": keyward.settings().public_url,
        "cognitoUserPoolId": pool_id,
        "cognitoAppClientId": client_id,
        "cognitoIdentityPoolId": UNDEFINED,
        "externalOAuthIdpURL": UNDEFINED,
        "externalOAuthIdpClientId": UNDEFINED,
        "externalOAuthIdpScope": UNDEFINED,
        "externalOAuthIdpScopeMfa": UNDEFINED,
        "externalOAuthIdpTokenEndpoint": UNDEFINED,
        "externalOAuthIdpAuthorizationEndpoint": UNDEFINED,
        "externalOAuthIdpDiscoveryEndpoint": UNDEFINED,
        "stackName": "keyward",
        "contentSecurityPolicy": UNDEFINED,
        "bannerHtmlMessage": "",
    });
    if let (Some(pool), Some(members)) = (keyward.remote_pool(), config.as_object_mut()) {
        // The command line signs in there.
        members.insert("cognitoEndpoint".to_owned(), pool.opened_with().endpoint.as_str().into());
    }
    Ok(Json(config))
}

/// The caller's own profile: whoever signed in has one, seen before or not.
pub(super) async fn login_profile(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(user_id): Path<String>,
) -> Result<Json<Wrapped<LoginProfile>>, Response> {
    profile(&keyward, &caller, &user_id).await
}

/// The same. An address in the body changes nothing: the account's own is the one that counts.
pub(super) async fn update_login_profile(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(user_id): Path<String>,
    body: Result<Body<UpdateLoginProfile>, Failure>,
) -> Result<Json<Wrapped<LoginProfile>>, Response> {
    let profile = profile(&keyward, &caller, &user_id).await?;
    let Body(UpdateLoginProfile { email }) = body.map_err(Failure::into_response)?;
    if email.is_some() {
        field::email("email", email).map_err(|error| Failure::from(error).into_response())?;
    }
    Ok(profile)
}

pub(super) async fn secure_config(Signed(_): Signed) -> Json<Value> {
    Json(json!({ "featuresEnabled": FEATURES, "locationServiceApiUrl": "", "webDeployedUrl": "" }))
}

/// Which of the routes the caller may call.
pub(super) async fn allowed_routes(
    Signed(caller): Signed,
    body: Result<Body<AskedRoutes>, Failure>,
) -> Result<Json<AllowedRoutes>, Failure> {
    let Body(AskedRoutes { routes }) = body?;
    let routes = routes.ok_or_else(|| Error::invalid("routes", "routes is a required field."))?;
    let is_allowed = |asked: &AskedRoute| {
        let mut routes = ROUTES.iter().filter(|route| route.takes(&asked.method, &asked.path));
        routes.any(|route| route.needs.are_met_by(&caller))
    };
    let allowed_routes = routes.into_iter().filter(is_allowed).collect();
    Ok(Json(AllowedRoutes { allowed_routes, email: caller.name().to_owned() }))
}

async fn profile(
    keyward: &Keyward,
    caller: &Caller,
    user_id: &str,
) -> Result<Json<Wrapped<LoginProfile>>, Response> {
    let is_self = caller.name().to_lowercase() == user_id.to_lowercase() || caller.user_id() == Some(user_id);
    if !is_self {
        return Err(not_authorized(Some("A login profile is for its own user.")));
    }
    let user = keyward.account_of(caller).await.map_err(|error| Failure::from(error).into_response())?;
    let profile = LoginProfile { user_id: user.username, email: user.email.unwrap_or_default() };
    Ok(Json(Wrapped { message: Items { items: [profile] } }))
}
