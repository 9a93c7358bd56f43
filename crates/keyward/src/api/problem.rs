//! Failures as RFC 9457 problems.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use keyward_core::error::{Code, Error};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Header, Ref, RefOr, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::http::{Failure, HttpFailure, RequestId};

const MEDIA_TYPE: &str = "application/problem+json";

/// What the `type` of a problem begins with; its code follows.
const TYPE: &str = "https://keyward.dev/problems/";

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// A URI that stands for this kind of problem.
    #[schema(format = "uri", examples("https://keyward.dev/problems/not-found"))]
    r#type: Cow<'static, str>,
    /// The kind of problem, in words.
    #[schema(examples("Not found"))]
    title: &'static str,
    /// The answer's status.
    #[schema(examples(404))]
    status: u16,
    /// One sentence that says what to do.
    #[schema(examples("There is no user ada@example.com; the list of users shows who there is."))]
    detail: &'a str,
    /// The kind of problem, for programs to act on: a closed list.
    #[schema(examples("not-found"))]
    code: &'static str,
    /// The id that the answer and the log lines about it carry.
    #[schema(examples("4f0c2a9d1b7e4a55b9a3f1c0d2e8b761"))]
    request_id: &'a str,
    /// Which value is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    field: Option<&'a str>,
    /// Which permission is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    permission: Option<&'a str>,
}

/// Turns a failure into a problem. Nothing of the request is repeated but what the core's sentence says.
pub(super) fn render(failure: &Failure, request_id: &RequestId) -> Response {
    let (code, title) = kind(failure);
    let status = failure.status();
    let refusal = match failure {
        Failure::Core(Error { code, .. }) => Some(code),
        Failure::Http(_) => None,
    };
    let problem = Problem {
        r#type: Cow::Owned([TYPE, code].concat()),
        title,
        status: status.as_u16(),
        detail: failure.message(),
        code,
        request_id: request_id.as_str(),
        field: if let Some(Code::InvalidInput(field)) = refusal { Some(field) } else { None },
        permission: if let Some(Code::Forbidden(permission)) = refusal { Some(permission) } else { None },
    };
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    match refusal {
        Some(Code::Unauthenticated) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Some(Code::TooManyRequests(seconds) | Code::LimitExceeded(seconds)) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        _ => {}
    }
    response
}

/// The code of the closed list, and its title.
fn kind(failure: &Failure) -> (&'static str, &'static str) {
    match failure {
        Failure::Core(error) => match &error.code {
            Code::InvalidInput(_) => ("invalid-input", "A value is wrong"),
            Code::Unauthenticated => ("unauthenticated", "Who is asking?"),
            Code::Forbidden(_) => ("forbidden", "Not permitted"),
            Code::NotFound(_) => ("not-found", "Not found"),
            Code::AlreadyExists(_) => ("already-exists", "It is there already"),
            Code::Conflict => ("conflict", "It can't be done now"),
            Code::PreconditionFailed => ("precondition-failed", "It was changed"),
            Code::PasswordReused => ("password-reused", "The password was used before"),
            Code::PasswordRejected => ("password-rejected", "The password isn't good enough"),
            Code::PasswordResetRequired => ("password-reset-required", "The password must be reset"),
            Code::UserNotConfirmed => ("user-not-confirmed", "The address is not proven yet"),
            Code::CodeMismatch => ("code-mismatch", "The code isn't right"),
            Code::CodeExpired => ("code-expired", "The code has expired"),
            Code::Passkey(_) => ("passkey", "The passkey can't be registered"),
            Code::LimitExceeded(_) => ("limit-exceeded", "Tried too often"),
            Code::TooManyRequests(_) => ("too-many-requests", "Too many requests"),
            Code::DeliveryFailed => ("delivery-failed", "It can't be sent from here"),
            Code::Unsupported => ("unsupported", "Not supported"),
            Code::Unavailable => ("unavailable", "Not available now"),
            Code::Internal => ("internal", "A defect of ours"),
        },
        Failure::Http(failure) => match failure {
            HttpFailure::UnknownRoute => ("not-found", "Not found"),
            HttpFailure::WrongMethod => ("method-not-allowed", "Wrong method"),
            HttpFailure::BodyMissing | HttpFailure::BodyMalformed(_) => ("invalid-input", "A value is wrong"),
            HttpFailure::BodyTooLarge => ("too-large", "Too large"),
            HttpFailure::BodyTooSlow => ("too-slow", "Too slow"),
            HttpFailure::UnsupportedMediaType => ("unsupported-media-type", "Unsupported media type"),
        },
    }
}

/// Declares sets of problems for the annotations of routes.
macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident: [$($status:literal $description:literal),+ $(,)?])+) => {$(
        $(#[$meta])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
                let responses = ResponsesBuilder::new();
                $(let responses = responses.response($status, problem($status, $description));)+
                responses.build().into()
            }
        }
    )+};
}

problems! {
    /// What any call may answer, if it asks for nothing but a credential.
    Known: [
        "400" "A value is wrong; `field` names it",
        "401" "There is no credential, or it isn't good",
        "500" "A defect; the log has the details under the request's id",
        "503" "The store doesn't answer now; nothing was changed",
    ]
    /// What a call may answer that asks for a permission too.
    Guarded: [
        "400" "A value is wrong; `field` names it",
        "401" "There is no credential, or it isn't good",
        "403" "The caller may not; `permission` names what is missing",
        "500" "A defect; the log has the details under the request's id",
        "503" "The store doesn't answer now; nothing was changed",
    ]
    /// Where a path or a body names something.
    Absent: ["404" "What was named isn't there"]
    /// Where names are given, or the state of things may be against it.
    Conflicting: ["409" "The name is taken, or the state of things doesn't allow it now"]
    /// Where `If-Match` is read.
    Outdated: ["412" "It was changed since the version in `If-Match`; nothing was changed now"]
    /// Where a password is hashed.
    Hashing: ["429" "Too many passwords are being hashed; try again after `Retry-After` seconds"]
    /// Where something is sent.
    Sending: ["503" "It can't be sent from here, or the store doesn't answer now; nothing was changed"]
    /// Where not all users can have it done.
    Unsupported: ["501" "Not possible for this kind of user"]
    /// Where not all deployments do it.
    NotHere: ["501" "Not for what this deployment is for"]
}

fn problem(status: &str, description: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content);
    match status {
        "401" => response.header("WWW-Authenticate", Header::default()),
        "429" => response.header("Retry-After", Header::default()),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::current_request_id;

    #[test]
    fn whoever_comes_too_often_is_told_when_to_come_again() {
        let failure = Error::new(Code::TooManyRequests(7), "Wait.").into();

        let response = render(&failure, &current_request_id());

        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    }
}
