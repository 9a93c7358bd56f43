//! Who is asking: the credential of a request, and the caller behind it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use keyward_core::access::Credential;
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;

use crate::http::failure::Failure;
use crate::http::origin::RequestOrigin;

/// The caller behind a request: nobody when there is no `Authorization` header. A header whose credential isn't
/// good is refused, also where nobody would have been let in: who shows a key wants it to count.
#[derive(Debug, Clone)]
pub struct Asking(pub Caller);

impl FromRequestParts<Arc<Keyward>> for Asking {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, keyward: &Arc<Keyward>) -> Result<Self, Failure> {
        let RequestOrigin(origin) = RequestOrigin::from_request_parts(parts, keyward).await?;
        match credential(&parts.headers) {
            None => Ok(Self(Caller::nobody(origin))),
            Some(Some(credential)) => Ok(Self(keyward.authenticate(&credential, origin).await?)),
            // Nothing that could be a credential is looked up.
            Some(None) => Err(Error::unauthenticated(
                "The Authorization header holds no credential of ours; send an API key, or `Bearer` and a token.",
            )
            .into()),
        }
    }
}

/// What a request shows of who is asking, for a handler that has something for who isn't let in any more.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What may be a credential of ours.
    pub credential: Option<Credential>,
    /// Where the request comes from.
    pub origin: Origin,
}

impl<S: Sync> FromRequestParts<S> for Shown {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let RequestOrigin(origin) = RequestOrigin::from_request_parts(parts, state).await?;
        Ok(Self { credential: credential(&parts.headers).flatten(), origin })
    }
}

/// What the `Authorization` header holds: nothing, what can't be a credential of ours, or one that may be.
pub fn credential(headers: &HeaderMap) -> Option<Option<Credential>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    // Two headers are two opinions about who is asking.
    let is_alone = values.next().is_none();
    Some(value.to_str().ok().filter(|_| is_alone).and_then(Credential::parse))
}
