//! Signing in, and who has.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use keyward_core::access::Credential;
use keyward_core::caller::{Caller, Identity, Origin};
use keyward_core::error::{Code, Error, Result};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::sign_in::{Challenge, SignIn, SignInRequest, Tokens};
use keyward_core::permission::Permission;
use keyward_core::remote_pool::RemoteSignIn;
use keyward_core::secret::Secret;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::{Body, Failure, RequestOrigin};
use crate::rawscribe::caller::Signed;
use crate::rawscribe::failure::Refusal;
use crate::rawscribe::field::Fields;
use crate::rawscribe_file::RawScribeWatch;

/// Who has signed in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    id: String,
    email: Option<String>,
    username: String,
    name: String,
    groups: Vec<String>,
    permissions: Vec<String>,
    is_admin: bool,
}

/// What came of a sign-in.
#[derive(Serialize)]
struct Outcome {
    success: bool,
    token: Option<Secret>,
    user: Option<SignedIn>,
    error: Option<String>,
    /// The error again, where the rest of this API has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is asked for before there is a token, in Cognito's words, and what goes back with the answer,
    /// which is given over the Cognito protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Secret>,
}

impl SignedIn {
    async fn of(keyward: &Keyward, caller: &Caller) -> Result<Self> {
        let permissions = caller.standing.permissions.iter().map(Permission::to_string).collect();
        if let Identity::External { subject, username, .. } = &*caller.standing.identity {
            return Ok(Self {
                id: subject.clone(),
                email: Some(username.clone()).filter(|name| name.contains('@')),
                username: username.clone(),
                name: username.clone(),
                groups: caller.standing.roles.to_vec(),
                permissions,
                is_admin: caller.may("*"),
            });
        }
        let user = keyward.account_of(caller).await?;
        Ok(Self {
            name: user.attributes.get("name").unwrap_or(&user.username).clone(),
            id: user.id,
            email: user.email,
            username: user.username,
            groups: user.roles,
            permissions,
            is_admin: caller.may("*"),
        })
    }
}

impl Outcome {
    fn failed(error: impl Into<String>) -> Self {
        let error = error.into();
        let detail = Some(error.clone());
        Self {
            success: false,
            token: None,
            user: None,
            error: Some(error),
            detail,
            challenge: None,
            session: None,
        }
    }

    fn challenged(challenge: Challenge) -> Self {
        let name = challenge.question.as_str();
        let error = format!(
            "Something more is asked for ({name}); answer over the Cognito protocol, or by `keyward auth login`."
        );
        Self { session: Some(challenge.session), challenge: Some(name.to_owned()), ..Self::failed(error) }
    }

    /// By a pool that is kept elsewhere, where the sign-in is to be begun anew.
    fn challenged_elsewhere(name: String) -> Self {
        let error = format!("Something more is asked for ({name}); sign in at the user pool itself.");
        Self { challenge: Some(name), ..Self::failed(error) }
    }

    async fn done(keyward: &Keyward, tokens: Tokens, origin: Origin) -> Result<Self> {
        let token = tokens.id_token;
        let caller = keyward.authenticate(&Credential::Token(token.clone()), origin).await?;
        let user = Some(SignedIn::of(keyward, &caller).await?);
        Ok(Self {
            success: true,
            token: Some(token),
            user,
            error: None,
            detail: None,
            challenge: None,
            session: None,
        })
    }
}

/// Takes the name as `username`, as it is documented, or as `email`, as RawScribe's own pages send it.
pub(super) async fn login(
    State(keyward): State<Arc<Keyward>>,
    Extension(watch): Extension<Arc<RawScribeWatch>>,
    RequestOrigin(origin): RequestOrigin,
    body: std::result::Result<Body<Value>, Failure>,
) -> std::result::Result<Response, Refusal> {
    let mut fields = Fields::of(body)?;
    let username = match fields.optional_text("email") {
        Some(email) => email,
        None => fields.text("username"),
    };
    let password = Secret::from(fields.text("password"));
    fields.end()?;
    watch.look().await;
    let outcome = match sign_in(&keyward, &origin, &username, &password).await {
        Err(error) if is_about_the_user(&error.code) => Outcome::failed(error.message),
        outcome => outcome?,
    };
    Ok(if outcome.success {
        Json(outcome).into_response()
    } else {
        (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], Json(outcome)).into_response()
    })
}

/// Through the home pool, wherever it is.
async fn sign_in(keyward: &Keyward, origin: &Origin, username: &str, password: &Secret) -> Result<Outcome> {
    if keyward.remote_pool().is_some() {
        return match keyward.sign_in_elsewhere(origin, username, password).await? {
            RemoteSignIn::Done(tokens) => Outcome::done(keyward, tokens, origin.clone()).await,
            RemoteSignIn::Challenge(name) => Ok(Outcome::challenged_elsewhere(name)),
        };
    }
    let client = keyward.local_pool().first_client().await?.ok_or_else(no_client)?;
    let request = SignInRequest::new(origin, &client.id);
    match keyward.sign_in_with_password(request, username, password).await? {
        SignIn::Done(tokens) => Outcome::done(keyward, tokens, origin.clone()).await,
        SignIn::Challenge(challenge) => Ok(Outcome::challenged(challenge)),
    }
}

pub(super) async fn me(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
) -> std::result::Result<Json<SignedIn>, Failure> {
    Ok(Json(SignedIn::of(&keyward, &caller).await?))
}

/// What RawScribe's pages show to whoever has signed in, as its file has it.
pub(super) async fn private_config(
    State(keyward): State<Arc<Keyward>>,
    Extension(watch): Extension<Arc<RawScribeWatch>>,
    Signed(caller): Signed,
) -> std::result::Result<Json<Value>, Failure> {
    let user = SignedIn::of(&keyward, &caller).await?;
    Ok(Json(json!({ "private_webapp": watch.look().await.private_webapp, "user": user })))
}

/// Whether the sign-in failed for a reason of the one who tries.
fn is_about_the_user(code: &Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated | Code::PasswordResetRequired | Code::UserNotConfirmed | Code::NotFound(_)
    )
}

fn no_client() -> Error {
    Error::new(Code::Unsupported, "The pool has no app client to sign in through; make one first.")
}
