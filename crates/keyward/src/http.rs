//! The ground that every surface stands on: what comes in is read here, what fails is answered here.
//!
//! A surface wraps its routes in [`speaking`], so that all its failures come out in its dialect; [`layers`]
//! goes once around everything.

use std::sync::Arc;

use axum::Router;
use keyward_core::random::Random;

use crate::config::Config;
use crate::http::request::RequestLayer;

mod body;
mod caller;
mod failure;
mod origin;
mod request;
mod speaking;

pub use body::{Body, Path, Query, RawBody};
pub use caller::{Asking, Shown, credential};
pub use failure::{Failure, HttpFailure, Render, plain};
pub use origin::RequestOrigin;
pub(crate) use request::with_current_request_id;
pub use request::{RequestId, current_request_id};
pub use speaking::{speaking, speaking_within};

/// The largest request body, bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// What goes once around all routes: the request's id, the client's address, the access log, and
/// `Cache-Control: no-store` wherever a handler said nothing else.
pub fn layers(router: Router, config: &Config, random: &Random) -> Router {
    router.layer(RequestLayer::new(Arc::from(config.trusted_proxies.as_slice()), random.clone()))
}
