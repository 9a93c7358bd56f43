//! Why a request was not carried out, on its way to the dialect that says so.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keyward_core::error::{Code, Error};
use serde_json::json;

use crate::http::request::RequestId;

/// Turns a failure into an answer of a dialect: status, headers and body.
///
/// `Allow` of a wrong method, `X-Request-Id` and the log line are added around it.
pub type Render = fn(&Failure, &RequestId) -> Response;

/// Why a request was not carried out.
///
/// Handlers return it as the `Err` of their `Result`; [`super::speaking()`] around their routes renders it.
#[derive(Debug)]
pub enum Failure {
    /// The core refused, or couldn't.
    Core(Error),
    /// The request never reached the core.
    Http(HttpFailure),
}

/// What can be wrong with a request before anybody looks at what it asks for. A closed list: a new one breaks
/// every dialect's `match` until somebody decides how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFailure {
    /// No route of this path: 404.
    UnknownRoute,
    /// The path is there, the method isn't: 405, and `Allow` tells which are.
    WrongMethod,
    /// A body is needed and there is none: 400.
    BodyMissing,
    /// The body isn't JSON, or isn't UTF-8, or broke off: 400; the sentence says where.
    BodyMalformed(Cow<'static, str>),
    /// The body is longer than [`super::BODY_LIMIT`]: 413.
    BodyTooLarge,
    /// The body didn't arrive in time: 408.
    BodyTooSlow,
    /// The body is packed in a way that we don't unpack: 415.
    UnsupportedMediaType,
}

/// Travels in a response's extensions from the handler to the layer that renders it.
#[derive(Clone)]
pub(super) struct Carried(pub(super) Arc<Failure>);

impl Failure {
    /// One sentence for the client.
    pub fn message(&self) -> &str {
        match self {
            Self::Core(error) => &error.message,
            Self::Http(failure) => failure.message(),
        }
    }

    /// The status that HTTP has for it; dialects may well use another.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Core(error) => status_of(&error.code),
            Self::Http(failure) => failure.status(),
        }
    }

    /// Whether it is ours to look into, not the client's.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Core(Error { code: Code::Internal | Code::Unavailable, .. }))
    }
}

impl HttpFailure {
    /// One sentence for the client.
    pub fn message(&self) -> &str {
        match self {
            Self::UnknownRoute => "There is nothing at this path.",
            Self::WrongMethod => {
                "This path doesn't take this method; the Allow header has those that it takes."
            }
            Self::BodyMissing => "A body is needed; send a JSON object.",
            Self::BodyMalformed(sentence) => sentence,
            Self::BodyTooLarge => "The body is too large; send at most 1 MiB.",
            Self::BodyTooSlow => "The body took too long to arrive; send it again.",
            Self::UnsupportedMediaType => {
                "The body is compressed; send it as it is, without Content-Encoding."
            }
        }
    }

    /// The status that HTTP has for it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyMissing | Self::BodyMalformed(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

fn status_of(code: &Code) -> StatusCode {
    match code {
        Code::InvalidInput(_)
        | Code::PasswordRejected
        | Code::PasswordReused
        | Code::PasswordResetRequired
        | Code::UserNotConfirmed
        | Code::CodeMismatch
        | Code::CodeExpired
        | Code::Passkey(_) => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden(_) => StatusCode::FORBIDDEN,
        Code::NotFound(_) => StatusCode::NOT_FOUND,
        Code::AlreadyExists(_) | Code::Conflict => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::TooManyRequests(_) | Code::LimitExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
        Code::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Code::DeliveryFailed | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The dialect of what belongs to no surface (health, the paths of nobody): `{"message", "request_id"}`.
pub fn plain(failure: &Failure, request_id: &RequestId) -> Response {
    let body = json!({ "message": failure.message(), "request_id": request_id.as_str() });
    (failure.status(), Json(body)).into_response()
}

/// Not yet in a dialect. Should no [`super::speaking()`] be around the route, the status is right at least.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<HttpFailure> for Failure {
    fn from(failure: HttpFailure) -> Self {
        Self::Http(failure)
    }
}
