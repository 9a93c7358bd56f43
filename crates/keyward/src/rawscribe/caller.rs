//! Who is asking, as RawScribe sees it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use keyward_core::caller::Caller;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::permission::MANAGE_USERS;

use crate::http::{Asking, Failure, credential};

/// A caller whose credential is good.
#[derive(Debug)]
pub(super) struct Signed(pub(super) Caller);

/// A caller who may manage users, where they can be managed at all. Who may not learns nothing of what is
/// wrong with their request.
#[derive(Debug)]
pub(super) struct Manager(pub(super) Caller);

impl FromRequestParts<Arc<Keyward>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, keyward: &Arc<Keyward>) -> Result<Self, Failure> {
        if credential(&parts.headers).is_none() {
            return Err(Error::unauthenticated("Not authenticated").into());
        }
        let Asking(caller) = Asking::from_request_parts(parts, keyward).await?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<Arc<Keyward>> for Manager {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, keyward: &Arc<Keyward>) -> Result<Self, Failure> {
        let Signed(caller) = Signed::from_request_parts(parts, keyward).await?;
        caller.require(MANAGE_USERS)?;
        // Production is secured in stage and prod alone, which is asked first.
        if parts.method != Method::GET && !parts.uri.path().ends_with("/secure-production") {
            keyward.require_changeable_users()?;
        }
        Ok(Self(caller))
    }
}
