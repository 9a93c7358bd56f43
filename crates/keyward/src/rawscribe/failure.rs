//! How RawScribe says that something failed, which is how `FastAPI` does: a status and `{"detail"}`, a list
//! of faults where the request is wrong.

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use keyward_core::error::{Code, Error};
use keyward_core::permission::MANAGE_USERS;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::{Failure, HttpFailure, RequestId};

/// What the core calls the members of a list's query.
const QUERY: [&str; 2] = ["limit", "cursor"];

/// Why a request of this dialect was not carried out.
pub(super) enum Refusal {
    Failure(Failure),
    /// Everything that is wrong with the body.
    Invalid(Vec<Fault>),
    /// What has another status here than elsewhere.
    Detail(StatusCode, Cow<'static, str>),
}

/// One thing that is wrong with a request, in Pydantic's words
/// (<https://docs.pydantic.dev/latest/errors/validation_errors/>).
#[derive(Serialize)]
pub(super) struct Fault {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where, from the outside in.
    loc: Vec<Cow<'static, str>>,
    msg: Cow<'static, str>,
    /// Always null: `FastAPI` repeats what was sent, which may be a password.
    input: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

impl Fault {
    /// In the member of this name, or in the body as a whole.
    pub(super) fn in_body(kind: &'static str, member: Option<&'static str>, msg: &'static str) -> Self {
        let loc = [Some("body"), member].into_iter().flatten().map(Cow::Borrowed).collect();
        Self { kind, loc, msg: msg.into(), input: (), ctx: None }
    }

    /// The same, with the reason once more on its own.
    pub(super) fn because(self, reason: &str) -> Self {
        Self { ctx: Some(json!({ "reason": reason })), ..self }
    }

    fn of_value(field: &str, msg: &str) -> Self {
        let part = if QUERY.contains(&field) { "query" } else { "body" };
        let field = Some(field).filter(|field| *field != part).map(|field| Cow::Owned(field.to_owned()));
        let loc = [Some(Cow::Borrowed(part)), field].into_iter().flatten().collect();
        Self { kind: "value_error", loc, msg: Cow::Owned(msg.to_owned()), input: (), ctx: None }
    }
}

impl<T: Into<Failure>> From<T> for Refusal {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Failure(failure) => failure.into_response(),
            Self::Invalid(faults) => invalid(&faults),
            Self::Detail(status, message) => detail(status, &message),
        }
    }
}

/// The failure in RawScribe's words.
pub(super) fn render(failure: &Failure, _: &RequestId) -> Response {
    let answer = match failure {
        Failure::Core(error) => return core_failure(failure.status(), error),
        Failure::Http(HttpFailure::UnknownRoute) => "Not Found",
        Failure::Http(HttpFailure::WrongMethod) => "Method Not Allowed",
        Failure::Http(HttpFailure::BodyMissing) => {
            return invalid(&[Fault::in_body("missing", None, "Field required")]);
        }
        Failure::Http(HttpFailure::BodyMalformed(sentence)) => {
            let fault = Fault::in_body("json_invalid", None, "JSON decode error");
            return invalid(&[Fault { ctx: Some(json!({ "error": sentence })), ..fault }]);
        }
        Failure::Http(failure) => failure.message(),
    };
    detail(failure.status(), answer)
}

fn core_failure(status: StatusCode, error: &Error) -> Response {
    match &error.code {
        Code::InvalidInput(field) => invalid(&[Fault::of_value(field, &error.message)]),
        Code::Unauthenticated => {
            ([(WWW_AUTHENTICATE, "Bearer")], detail(status, &error.message)).into_response()
        }
        // Programs know this one; another permission is missed by who lacks it to give away.
        Code::Forbidden(missing) if missing == MANAGE_USERS => {
            detail(status, "Requires manage:users permission")
        }
        Code::TooManyRequests(after) | Code::LimitExceeded(after) => {
            ([(RETRY_AFTER, after.to_string())], detail(status, &error.message)).into_response()
        }
        Code::Internal => detail(status, "Internal Server Error"),
        _ => detail(status, &error.message),
    }
}

fn detail(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

fn invalid(faults: &[Fault]) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": faults }))).into_response()
}
