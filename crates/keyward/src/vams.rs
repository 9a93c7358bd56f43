//! The VAMS dialect: users, API keys and roles as awslabs/visual-asset-management-system 2.5.1 serves them,
//! so that its command line works here unchanged.
//!
//! Where VAMS itself is at fault (a role that loses its MFA by an update, 500 where it means 403), the answer
//! is the right one in VAMS' form.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RANGE};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodFilter, any, on};
use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use tower_http::cors::{Any, CorsLayer};

use crate::http::{Failure, HttpFailure, speaking};

mod api_keys;
mod caller;
mod failure;
mod field;
mod moment;
mod paging;
mod receipt;
mod roles;
mod session;
mod user_roles;
mod users;

/// How long a browser may keep the answer to a preflight.
const PREFLIGHT_LIFETIME: Duration = Duration::from_hours(1);

/// A route of this dialect.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// In capitals.
    pub method: &'static str,
    /// A segment in braces stands for any one segment.
    pub path: &'static str,
    /// What it takes to be let in. What is done there may ask for more.
    pub needs: Needs,
}

/// What a route asks of a caller.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Open to everybody.
    Nothing,
    /// Any credential that is good.
    Credential,
    /// One of these permissions.
    AnyOf(&'static [&'static str]),
}

impl Route {
    /// Whether a request with this method and path comes here.
    fn takes(&self, method: &str, path: &str) -> bool {
        let mut segments = path.split('/');
        self.method.eq_ignore_ascii_case(method)
            && self.path.split('/').all(|expected| {
                segments.next().is_some_and(|segment| {
                    segment == expected || (expected.starts_with('{') && !segment.is_empty())
                })
            })
            && segments.next().is_none()
    }
}

impl Needs {
    /// Whether the caller, whose credential is good, is let in.
    fn are_met_by(self, caller: &Caller) -> bool {
        match self {
            Self::Nothing | Self::Credential => true,
            Self::AnyOf(permissions) => caller.require_any(permissions).is_ok(),
        }
    }
}

/// Writes the routes once, for those who serve them and for those who ask about them.
macro_rules! routes {
    ($($method:ident $path:literal, $needs:expr => $handler:path;)*) => {
        /// Every route of this dialect.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, needs: $needs }),*];

        fn routes() -> Router<Arc<Keyward>> {
            Router::new()$(.route($path, on(MethodFilter::$method, $handler)))*
        }
    };
}

routes! {
    GET "/api/version", Needs::Nothing => session::version;
    GET "/api/amplify-config", Needs::Nothing => session::amplify_config;
    GET "/auth/loginProfile/{userId}", Needs::Credential => session::login_profile;
    POST "/auth/loginProfile/{userId}", Needs::Credential => session::update_login_profile;
    GET "/secure-config", Needs::Credential => session::secure_config;
    POST "/auth/routes", Needs::Credential => session::allowed_routes;
    GET "/user/cognito", Needs::AnyOf(users::SEE) => users::list;
    POST "/user/cognito", Needs::AnyOf(users::MANAGE) => users::create;
    PUT "/user/cognito/{userId}", Needs::AnyOf(users::MANAGE) => users::update;
    DELETE "/user/cognito/{userId}", Needs::AnyOf(users::MANAGE) => users::delete;
    POST "/user/cognito/{userId}/resetPassword", Needs::AnyOf(users::MANAGE) => users::reset_password;
    GET "/auth/api-keys", Needs::AnyOf(api_keys::SEE) => api_keys::list;
    POST "/auth/api-keys", Needs::AnyOf(api_keys::MANAGE) => api_keys::create;
    GET "/auth/api-keys/{apiKeyId}", Needs::AnyOf(api_keys::SEE) => api_keys::get;
    PUT "/auth/api-keys/{apiKeyId}", Needs::AnyOf(api_keys::MANAGE) => api_keys::update;
    DELETE "/auth/api-keys/{apiKeyId}", Needs::AnyOf(api_keys::MANAGE) => api_keys::delete;
    GET "/roles", Needs::AnyOf(roles::SEE) => roles::list;
    POST "/roles", Needs::AnyOf(roles::MANAGE) => roles::create;
    PUT "/roles", Needs::AnyOf(roles::MANAGE) => roles::update;
    DELETE "/roles/{roleId}", Needs::AnyOf(roles::MANAGE) => roles::delete;
    GET "/user-roles", Needs::AnyOf(user_roles::SEE) => user_roles::list;
    POST "/user-roles", Needs::AnyOf(user_roles::MANAGE) => user_roles::add;
    PUT "/user-roles", Needs::AnyOf(user_roles::MANAGE) => user_roles::set;
    DELETE "/user-roles", Needs::AnyOf(user_roles::MANAGE) => user_roles::clear;
}

/// Paths under those of VAMS where nothing is: they answer as VAMS does, whatever the method.
const UNKNOWN: [&str; 4] =
    ["/auth/{*rest}", "/user/{*rest}", "/roles/{roleId}/{*rest}", "/user-roles/{*rest}"];

/// The dialect's routes, to be merged at the root.
pub fn router(keyward: &Arc<Keyward>) -> Router {
    let unknown = async || Failure::from(HttpFailure::UnknownRoute);
    let routes = UNKNOWN.into_iter().fold(routes(), |routes, path| routes.route(path, any(unknown)));
    speaking(routes.with_state(Arc::clone(keyward)), failure::render)
        .layer(map_response(without_a_trace))
        .layer(cors())
        .reset_fallback()
}

/// VAMS forbids keeping every answer, and its clients look for these words.
async fn without_a_trace(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, const { HeaderValue::from_static("no-cache, no-store") });
    response
}

/// Any origin, for there are no cookies here that a stranger's page could ride on.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::HEAD,
            Method::OPTIONS,
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, RANGE, HeaderName::from_static("x-api-key")])
        .max_age(PREFLIGHT_LIFETIME)
}
