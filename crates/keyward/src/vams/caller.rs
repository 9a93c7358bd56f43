//! Who is asking, as VAMS' gateway sees it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use keyward_core::caller::Caller;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;

use crate::http::{Asking, Body, Failure};
use crate::vams::failure::unauthorized;

/// A caller whose credential is good. Without an `Authorization` header the answer is 401, with a credential
/// that isn't good 403, as VAMS' gateway has it.
#[derive(Debug)]
pub(super) struct Signed(pub(super) Caller);

impl FromRequestParts<Arc<Keyward>> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, keyward: &Arc<Keyward>) -> Result<Self, Response> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Err(unauthorized());
        }
        let asking = Asking::from_request_parts(parts, keyward).await;
        asking.map(|Asking(caller)| Self(caller)).map_err(Failure::into_response)
    }
}

/// Passes on what was read of a request. What is wrong with it is told only to who may make it: VAMS, too,
/// looks at the right to call before it looks at what is asked for.
pub(super) fn told<T>(caller: &Caller, needs: &[&str], read: Result<T, Failure>) -> Result<T, Failure> {
    read.map_err(|failure| caller.require_any(needs).map_or_else(Failure::from, |()| failure))
}

/// [`told`] of a body, and of what `check` finds wrong with it.
pub(super) fn read<W, T>(
    caller: &Caller,
    needs: &[&str],
    body: Result<Body<W>, Failure>,
    check: impl FnOnce(W) -> Result<T, Error>,
) -> Result<T, Failure> {
    told(caller, needs, body.and_then(|Body(wire)| check(wire).map_err(Failure::from)))
}
