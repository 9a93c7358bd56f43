//! Versions of what can be changed: `ETag` tells which one an answer shows, `If-Match` which one a change is
//! meant for (RFC 9110, sections 8.8.3 and 13.1.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, HeaderValue, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keyward_core::error::Error;
use serde::Serialize;

use crate::http::Failure;

/// What the `If-Match` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// There is no such header.
    Unasked,
    /// `*`: whatever is there.
    Any,
    /// `"7"`: this version, and no other.
    Version(i64),
}

impl IfMatch {
    /// The version that the core is to compare. What isn't there can't be changed anyway, so `*` asks for
    /// nothing.
    pub(super) fn version(self) -> Option<i64> {
        match self {
            Self::Unasked | Self::Any => None,
            Self::Version(version) => Some(version),
        }
    }

    fn parse(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(IF_MATCH).iter();
        let Some(value) = values.next() else { return Some(Self::Unasked) };
        let text = value.to_str().ok().filter(|_| values.next().is_none())?.trim();
        if text == "*" {
            return Some(Self::Any);
        }
        // A proxy that packs the answer makes the tag a weak one; the version is the same.
        let quoted = text.strip_prefix("W/").unwrap_or(text);
        let digits = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).or_else(|| {
            // Without quotes it isn't a tag, but what is meant is plain.
            (quoted == text).then_some(text)
        })?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number).map(Self::Version)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::parse(&parts.headers).ok_or_else(|| {
            Error::invalid(
                "If-Match",
                "If-Match must be one version as the ETag shows it, such as \"3\", or *.",
            )
            .into()
        })
    }
}

/// An answer about something of this version.
pub(super) struct Versioned<T> {
    pub(super) status: StatusCode,
    pub(super) version: i64,
    pub(super) body: T,
}

impl<T> Versioned<T> {
    pub(super) fn new(version: i64, body: T) -> Self {
        Self { status: StatusCode::OK, version, body }
    }

    /// The same, just made.
    pub(super) fn created(version: i64, body: T) -> Self {
        Self { status: StatusCode::CREATED, version, body }
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.version)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(values: &[&str]) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        }
        IfMatch::parse(&headers)
    }

    #[test]
    fn a_version_may_be_quoted_weak_or_bare() {
        assert_eq!(parsed(&[]), Some(IfMatch::Unasked));
        assert_eq!(parsed(&["*"]), Some(IfMatch::Any));
        for text in ["\"7\"", "W/\"7\"", "7", " \"7\" "] {
            assert_eq!(parsed(&[text]), Some(IfMatch::Version(7)), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in
            ["", "\"\"", "\"x\"", "\"7", "7\"", "W/7", "w/\"7\"", "\"+7\"", "-7", "\"1\", \"2\"", "**"]
        {
            assert_eq!(parsed(&[text]), None, "{text}");
        }
        assert_eq!(parsed(&["\"1\"", "\"1\""]), None);
        assert_eq!(parsed(&["\"99999999999999999999\""]), None);
    }
}
