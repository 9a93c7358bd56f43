//! How VAMS says that something failed: a status and `{"message"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use keyward_core::error::{Code, Error, Thing};
use serde::Serialize;

use crate::http::{Failure, HttpFailure, RequestId};

/// What VAMS puts before the errors of its own rules, but not before all of them.
const GENERAL_ERROR: &str = "VAMS General Error: ";

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    /// What the reader can do, where VAMS' own words don't tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// The failure in VAMS' words. A credential that isn't good is 403 here: 401 is for who shows none, which
/// [`unauthorized`] says.
pub(super) fn render(failure: &Failure, _: &RequestId) -> Response {
    let error = match failure {
        Failure::Core(error) => error,
        Failure::Http(failure) => return http_failure(failure),
    };
    let message = &*error.message;
    let general = |text: &str| refusal(StatusCode::BAD_REQUEST, &format!("{GENERAL_ERROR}{text}"));
    match &error.code {
        Code::Unauthenticated => refusal(StatusCode::FORBIDDEN, "Forbidden"),
        Code::Forbidden(_) => not_authorized(Some(message)),
        Code::NotFound(Thing::User) => general("User not found"),
        Code::AlreadyExists(Thing::User) => general("User already exists"),
        Code::NotFound(Thing::Role) | Code::AlreadyExists(Thing::Role | Thing::Assignment) => {
            general(message)
        }
        Code::InvalidInput(_)
        | Code::NotFound(_)
        | Code::AlreadyExists(_)
        | Code::Conflict
        | Code::PreconditionFailed
        | Code::PasswordRejected
        | Code::PasswordReused
        | Code::PasswordResetRequired
        | Code::UserNotConfirmed
        | Code::CodeMismatch
        | Code::CodeExpired
        | Code::Passkey(_)
        | Code::Unsupported => refusal(StatusCode::BAD_REQUEST, message),
        Code::TooManyRequests(after) | Code::LimitExceeded(after) => {
            let answer = refusal(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
            ([(RETRY_AFTER, after.to_string())], answer).into_response()
        }
        Code::DeliveryFailed | Code::Unavailable => refusal(StatusCode::SERVICE_UNAVAILABLE, message),
        Code::Internal => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn http_failure(failure: &HttpFailure) -> Response {
    let message = match failure {
        HttpFailure::UnknownRoute => "Not Found",
        HttpFailure::WrongMethod => "Method Not Allowed",
        HttpFailure::BodyMissing => "Request body is required",
        HttpFailure::BodyMalformed(_) => "Invalid JSON in request body",
        HttpFailure::BodyTooLarge | HttpFailure::BodyTooSlow | HttpFailure::UnsupportedMediaType => {
            failure.message()
        }
    };
    refusal(failure.status(), message)
}

/// The answer to who shows no credential at all.
pub(super) fn unauthorized() -> Response {
    let answer = refusal(StatusCode::UNAUTHORIZED, "Unauthorized");
    ([(WWW_AUTHENTICATE, "Bearer")], answer).into_response()
}

/// The answer to who may not. Programs compare the message; `detail` is for people.
pub(super) fn not_authorized(detail: Option<&str>) -> Response {
    (StatusCode::FORBIDDEN, Json(Refusal { message: "Not Authorized", detail })).into_response()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(Refusal { message, detail: None })).into_response()
}

/// Another message for what isn't there, where VAMS has one of its own for this route.
pub(super) fn missing_as(message: &'static str) -> impl FnOnce(Error) -> Error {
    move |error| match error.code {
        Code::NotFound(_) => Error::invalid("path", message),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::http::current_request_id;

    async fn rendered(error: Error) -> (u16, String, Response) {
        let mut response = render(&Failure::Core(error), &current_request_id());
        let body = std::mem::take(response.body_mut());
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap(), response)
    }

    #[tokio::test]
    async fn who_asks_too_often_hears_when_to_come_back() {
        let (status, body, response) =
            rendered(Error::new(Code::TooManyRequests(7), "Wait 7 seconds, then try again.")).await;

        assert_eq!((status, body.as_str()), (429, r#"{"message":"Too Many Requests"}"#));
        assert_eq!(response.headers()[RETRY_AFTER], "7");
    }

    #[tokio::test]
    async fn a_defect_of_ours_says_nothing_of_its_cause() {
        let (status, body, _) = rendered(Error::internal(anyhow::anyhow!("the disk is on fire"))).await;

        assert_eq!((status, body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_no_defect() {
        let (status, body, _) = rendered(Error::new(Code::Unavailable, "Try again in a moment.")).await;

        assert_eq!((status, body.as_str()), (503, r#"{"message":"Try again in a moment."}"#));
    }
}
