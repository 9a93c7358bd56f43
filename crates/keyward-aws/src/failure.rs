//! What Amazon says when it doesn't do what it is asked for, in Keyward's words: nothing of it is a defect of
//! ours.

use aws_sdk_cognitoidentityprovider::config::http::HttpResponse;
use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use keyward_core::error::{Code, Error, Thing};

/// When it is worth another try, where Amazon doesn't say: its quotas are for a second.
const RETRY_SECONDS: u64 = 1;

/// A call, for what is said of its failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    operation: &'static str,
    /// What isn't there when the call is answered with `ResourceNotFoundException`.
    resource: Thing,
    /// Whether it is the user who may not be authorized, not the server.
    is_sign_in: bool,
}

impl Call {
    pub(crate) fn new(operation: &'static str, resource: Thing) -> Self {
        Self { operation, resource, is_sign_in: false }
    }

    pub(crate) fn sign_in() -> Self {
        Self { operation: "InitiateAuth", resource: Thing::AppClient, is_sign_in: true }
    }

    /// The error for an answer that has failed.
    pub(crate) fn failed<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> Error {
        let operation = self.operation;
        let SdkError::ServiceError(answer) = error else {
            let what = match error {
                SdkError::TimeoutError(_) => "it took too long".to_owned(),
                SdkError::DispatchFailure(failure) => format!("it can't be reached: {failure:?}"),
                SdkError::ConstructionFailure(failure) => format!("it can't be asked: {failure:?}"),
                _ => "its answer can't be read".to_owned(),
            };
            return unavailable(format!("{operation}: {what}"));
        };
        let (code, message) =
            (answer.err().code().unwrap_or_default(), answer.err().message().unwrap_or_default());
        let cause = anyhow::anyhow!("{operation}: {code}: {message}");
        let said = if message.is_empty() { code.to_owned() } else { message.to_owned() };
        let new = |code, message: String| Error::new(code, message);
        let error = match code {
            "UserNotFoundException" if self.is_sign_in => wrong_password(),
            "UserNotFoundException" => new(Code::NotFound(Thing::User), "There is no such user.".to_owned()),
            "ResourceNotFoundException" if self.resource == Thing::Role => {
                new(Code::NotFound(Thing::Role), "There is no such group in the user pool.".to_owned())
            }
            "ResourceNotFoundException" => {
                let message = "The user pool or its app client isn't there; check cognito_user_pool_id, \
                               cognito_client_id and cognito_region.";
                new(Code::Unavailable, message.to_owned())
            }
            "UsernameExistsException" => {
                new(Code::AlreadyExists(Thing::User), "User account already exists".to_owned())
            }
            "AliasExistsException" => new(Code::AlreadyExists(Thing::Alias), said),
            "GroupExistsException" => new(Code::AlreadyExists(Thing::Role), "Role already exists".to_owned()),
            "InvalidPasswordException" => new(Code::PasswordRejected, said),
            "PasswordHistoryPolicyViolationException" => new(Code::PasswordReused, said),
            "InvalidParameterException" | "SerializationException" | "ValidationException" => {
                new(Code::InvalidInput("attributes".into()), said)
            }
            "UnsupportedUserStateException" => new(Code::Conflict, said),
            "UserNotConfirmedException" => new(Code::UserNotConfirmed, "User is not confirmed.".to_owned()),
            "PasswordResetRequiredException" => {
                new(Code::PasswordResetRequired, "Password reset required for the user".to_owned())
            }
            "NotAuthorizedException" | "UserLambdaValidationException" | "ForbiddenException"
                if self.is_sign_in =>
            {
                wrong_password()
            }
            "TooManyRequestsException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TooManyFailedAttemptsException" => new(
                Code::TooManyRequests(retry_after(answer.raw())),
                "The user pool takes no more requests now; try again in a moment.".to_owned(),
            ),
            _ if is_denial(code) => new(
                Code::Unavailable,
                format!(
                    "Amazon doesn't let this server do that; give its credentials the permission \
                     cognito-idp:{operation}."
                ),
            ),
            _ => return unavailable(cause.to_string()),
        };
        error.because(cause)
    }

    /// The error for an answer that lacks what it must have.
    pub(crate) fn unreadable(&self) -> Error {
        unavailable(format!("{}: its answer lacks what it must have", self.operation))
    }
}

/// Whether Amazon refuses us, not what we ask for.
pub(crate) fn is_denied<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(answer) => answer.err().code().is_some_and(is_denial),
        _ => false,
    }
}

fn is_denial(code: &str) -> bool {
    // https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html
    matches!(
        code,
        "AccessDeniedException"
            | "AccessDenied"
            | "NotAuthorized"
            | "NotAuthorizedException"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "OptInRequired"
            | "UnrecognizedClientException"
    )
}

fn retry_after(answer: &HttpResponse) -> u64 {
    answer.headers().get("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(RETRY_SECONDS)
}

fn wrong_password() -> Error {
    Error::unauthenticated("Incorrect username or password.")
}

fn unavailable(cause: String) -> Error {
    Error::new(Code::Unavailable, "The user pool doesn't answer now; try again in a moment.")
        .because(anyhow::Error::msg(cause))
}
