//! Failures in the form of AWS' JSON protocol: `{"__type", "message"}`, and the same in headers.
//!
//! Some clients read the body, some the headers: amazon-cognito-identity-js looks at `__type` first and at
//! `x-amzn-ErrorType` then.

use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue};
use axum::response::Response;
use keyward_core::error::{Code, Error, PasskeyFault, Thing};
use serde_json::json;

use crate::http::{Failure, HttpFailure, RequestId};

const X_AMZN_ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const X_AMZN_ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-amzn-errormessage");
/// The longest message that is also in a header, bytes: many a proxy takes 8 KiB of headers in all.
const HEADER_LENGTH: usize = 4096;

/// Why an operation was not carried out.
#[derive(Debug)]
pub(super) enum Fault {
    /// Called as any failure of its kind.
    Failure(Failure),
    /// Called by a name that only this operation has.
    Named(&'static str, Error),
}

impl<T: Into<Failure>> From<T> for Fault {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

/// The dialect of the protocol.
pub(super) fn render(failure: &Failure, _: &RequestId) -> Response {
    let (status, name) = match failure {
        // The SDKs repeat it by themselves.
        Failure::Core(error) if error.is_changed_meanwhile() => {
            (StatusCode::BAD_REQUEST, "TooManyRequestsException")
        }
        Failure::Core(error) => named(&error.code),
        Failure::Http(failure) => match failure {
            HttpFailure::UnknownRoute => (StatusCode::BAD_REQUEST, "UnknownOperationException"),
            HttpFailure::WrongMethod => (failure.status(), "UnknownOperationException"),
            HttpFailure::BodyMissing | HttpFailure::BodyMalformed(_) => {
                (StatusCode::BAD_REQUEST, "SerializationException")
            }
            HttpFailure::BodyTooLarge => (failure.status(), "RequestEntityTooLargeException"),
            HttpFailure::BodyTooSlow => (failure.status(), "RequestTimeoutException"),
            HttpFailure::UnsupportedMediaType => (failure.status(), "SerializationException"),
        },
    };
    let message = match failure {
        // What the core says of these is for other surfaces; whoever speaks the protocol knows AWS' words.
        Failure::Core(Error { code: Code::NotFound(Thing::User), .. }) => "User does not exist.",
        Failure::Core(Error { code: Code::NotFound(Thing::Role), .. }) => "Group not found.",
        Failure::Core(Error { code: Code::AlreadyExists(Thing::Role), .. }) => {
            "A group with the name already exists"
        }
        Failure::Http(HttpFailure::UnknownRoute) => "There is no such operation; X-Amz-Target names it.",
        failure => failure.message(),
    };
    refusal(status, name, message)
}

/// A refusal of this name.
pub(super) fn refusal(status: StatusCode, name: &'static str, message: &str) -> Response {
    let body = json!({ "__type": name, "message": message });
    let mut response = super::answer(status, body.to_string().into_bytes());
    let headers = response.headers_mut();
    headers.insert(X_AMZN_ERROR_TYPE, HeaderValue::from_static(name));
    // What no header can hold stands in the body alone.
    if message.len() <= HEADER_LENGTH
        && let Ok(message) = HeaderValue::from_str(message)
    {
        headers.insert(X_AMZN_ERROR_MESSAGE, message);
    }
    response
}

fn named(code: &Code) -> (StatusCode, &'static str) {
    let name = match code {
        Code::Unauthenticated => "NotAuthorizedException",
        Code::Forbidden(_) => "AccessDeniedException",
        Code::NotFound(Thing::User) => "UserNotFoundException",
        Code::NotFound(Thing::SoftwareToken) => "SoftwareTokenMFANotFoundException",
        Code::NotFound(Thing::SecondFactor) => "MFAMethodNotFoundException",
        Code::NotFound(_) => "ResourceNotFoundException",
        Code::AlreadyExists(Thing::User) => "UsernameExistsException",
        Code::AlreadyExists(Thing::Role) => "GroupExistsException",
        Code::AlreadyExists(Thing::Alias) => "AliasExistsException",
        Code::InvalidInput(_)
        | Code::AlreadyExists(_)
        | Code::Conflict
        | Code::PreconditionFailed
        | Code::Unsupported => "InvalidParameterException",
        Code::PasswordRejected => "InvalidPasswordException",
        Code::PasswordReused => "PasswordHistoryPolicyViolationException",
        Code::UserNotConfirmed => "UserNotConfirmedException",
        Code::PasswordResetRequired => "PasswordResetRequiredException",
        Code::CodeMismatch => "CodeMismatchException",
        Code::CodeExpired => "ExpiredCodeException",
        Code::Passkey(fault) => match fault {
            PasskeyFault::NotEnabled => "WebAuthnNotEnabledException",
            PasskeyFault::ConfigurationMissing => "WebAuthnConfigurationMissingException",
            PasskeyFault::ChallengeNotFound => "WebAuthnChallengeNotFoundException",
            PasskeyFault::ClientMismatch => "WebAuthnClientMismatchException",
            PasskeyFault::OriginNotAllowed => "WebAuthnOriginNotAllowedException",
            PasskeyFault::RelyingPartyMismatch => "WebAuthnRelyingPartyMismatchException",
            PasskeyFault::NotSupported => "WebAuthnCredentialNotSupportedException",
        },
        Code::LimitExceeded(_) => "LimitExceededException",
        Code::DeliveryFailed => "CodeDeliveryFailureException",
        Code::TooManyRequests(_) => "TooManyRequestsException",
        Code::Unavailable | Code::Internal => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "InternalErrorException");
        }
    };
    (StatusCode::BAD_REQUEST, name)
}
