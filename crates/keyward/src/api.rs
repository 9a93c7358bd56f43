//! The native API, `/api/v1`, as `docs/API-DESIGN.md` describes it: one file for each noun.
//!
//! A handler parses, calls one method of [`Keyward`], and shapes the answer; rights are checked in the core,
//! beside the act. Its annotation puts it into the OpenAPI document, and with that before the test that walks
//! every route.

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use keyward_core::keyward::Keyward;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{Failure, HttpFailure, plain, speaking};

mod access;
mod access_keys;
mod api_keys;
mod assignments;
mod audit;
mod docs;
mod member;
mod openapi;
mod outbox;
mod page;
mod parameter;
mod problem;
mod production;
mod roles;
mod test_users;
mod user_import;
mod user_pools;
mod users;
mod version;
mod words;

/// The API, and what describes it: `/openapi.json` and `/docs`.
pub fn router(keyward: &Arc<Keyward>) -> Router {
    let (routes, operations) = routes().split_for_parts();
    // Each path is written out, and so is what answers under no path of ours: nesting the routes would take
    // every request's URI apart and put it together again.
    let unknown = || any(async || Failure::Http(HttpFailure::UnknownRoute));
    let routes = ["/api/v1", "/api/v1/", "/api/v1/{*rest}"]
        .into_iter()
        .fold(routes, |routes, path| routes.route(path, unknown()));
    let native = speaking(routes.with_state(Arc::clone(keyward)), problem::render).reset_fallback();
    let document = openapi::document(operations, keyward.settings());
    let description = speaking(docs::router(&document), plain).reset_fallback();
    native.merge(description)
}

fn routes() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new()
        .merge(users::router())
        .merge(user_import::router())
        .merge(assignments::router())
        .merge(roles::router())
        .merge(api_keys::router())
        .merge(access_keys::router())
        .merge(user_pools::router())
        .merge(test_users::router())
        .merge(production::router())
        .merge(access::router())
        .merge(audit::router())
        .merge(outbox::router())
}
