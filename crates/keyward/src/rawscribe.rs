//! The RawScribe dialect: where to sign in, signing in, and the management of users as pathwaybio's SYNDI
//! serves them, with the calls that its command lines make and it lacks.
//!
//! Where RawScribe is at fault (a failed sign-in that is 200, a private configuration that everybody may
//! read, a user left without the group that was asked for), the answer is the right one in its form.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Method, Uri};
use axum::response::Redirect;
use axum::routing::{MethodFilter, any, get, on};
use axum::{Extension, Router};
use keyward_core::keyward::Keyward;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::{Config, RawScribeFile};
use crate::http::{Failure, HttpFailure, speaking};
use crate::rawscribe_file::RawScribeWatch;

mod caller;
mod failure;
mod field;
mod groups;
mod production;
mod runtime;
mod session;
mod test_users;
mod users;

/// How long a browser may keep the answer to a preflight, as RawScribe says.
const PREFLIGHT_LIFETIME: Duration = Duration::from_mins(10);

/// Whose pages may call where RawScribe's file doesn't say it, as RawScribe has it.
const USUAL_ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:5173"];

/// Writes the routes once, for those who serve them and for those who ask about them.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// Every route of this dialect: the method and the path, in which a segment in braces stands for any
        /// one segment. There is `GET /` too.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn routes() -> Router<Arc<Keyward>> {
            Router::new()$(.route($path, on(MethodFilter::$method, $handler)))*
        }
    };
}

routes! {
    GET "/health" => runtime::health;
    GET "/api/config/runtime" => runtime::config;
    GET "/api/config/private" => session::private_config;
    GET "/api/auth/config" => runtime::auth_config;
    POST "/api/auth/login" => session::login;
    GET "/api/auth/me" => session::me;
    GET "/api/v1/user-management/test-users" => test_users::list;
    POST "/api/v1/user-management/test-users" => test_users::create;
    DELETE "/api/v1/user-management/test-users" => test_users::delete;
    POST "/api/v1/user-management/secure-production" => production::secure;
    GET "/api/v1/user-management/groups" => groups::list;
    GET "/api/v1/user-management/users" => users::list;
    POST "/api/v1/user-management/users" => users::create;
    GET "/api/v1/user-management/users/{username}" => users::show;
    DELETE "/api/v1/user-management/users/{username}" => users::delete;
    PUT "/api/v1/user-management/users/{username}/password" => users::set_password;
    PUT "/api/v1/user-management/users/{username}/group" => users::set_group;
}

/// Paths under those of RawScribe where nothing is.
const UNKNOWN: [&str; 4] =
    ["/health/", "/api/config/{*rest}", "/api/auth/{*rest}", "/api/v1/user-management/{*rest}"];

/// The dialect's routes, to be merged at the root.
pub fn router(keyward: &Arc<Keyward>, config: &Config) -> Router {
    let watch = Arc::new(RawScribeWatch::new(keyward, config));
    let unknown = async |uri: Uri| slashless(&uri).ok_or(Failure::from(HttpFailure::UnknownRoute));
    let routes = UNKNOWN.into_iter().fold(routes(), |routes, path| routes.route(path, any(unknown)));
    let routes = speaking(routes.with_state(Arc::clone(keyward)), failure::render).reset_fallback();
    // Not `speaking`: what else comes to this path is the Cognito protocol's to answer.
    routes
        .merge(Router::new().route("/", get(runtime::root)))
        .layer(Extension(watch))
        .layer(cors(&config.rawscribe))
}

/// Where a path leads that has only a slash too many; the method and the body go with it, as in RawScribe.
fn slashless(uri: &Uri) -> Option<Redirect> {
    let path = uri.path().strip_suffix('/')?;
    let is_route = |(_, route): &(&str, &str)| {
        let (segments, names) = (path.split('/'), route.split('/'));
        let is_one = |(segment, name): (&str, &str)| segment == name || name.starts_with('{');
        segments.clone().count() == names.clone().count() && segments.zip(names).all(is_one)
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    ROUTES.iter().any(is_route).then(|| Redirect::temporary(&format!("{path}{query}")))
}

/// The origins that RawScribe's file names, or its usual ones. Without such a file any: there are no cookies here
/// that a stranger's page could ride on, so nothing is given away by letting it send what it has.
fn cors(file: &RawScribeFile) -> CorsLayer {
    let common = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(PREFLIGHT_LIFETIME);
    if file.now().path.is_none() {
        return common.allow_credentials(true).allow_origin(AllowOrigin::mirror_request());
    }
    let file = file.clone();
    let is_allowed = move |origin: &HeaderValue| match &file.now().allowed_origins {
        Some(origins) => origins.iter().any(|known| known == "*" || known.as_bytes() == origin.as_bytes()),
        None => USUAL_ORIGINS.iter().any(|known| known.as_bytes() == origin.as_bytes()),
    };
    common.allow_credentials(true).allow_origin(AllowOrigin::predicate(move |origin, _| is_allowed(origin)))
}
