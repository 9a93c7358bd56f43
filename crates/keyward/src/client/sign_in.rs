//! Signing in, over the Cognito protocol: `POST /` with the operation in `X-Amz-Target`.
//! <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html>

use std::collections::BTreeMap;

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Call, Client, Error, Result};

/// What a sign-in gives: tokens, or something more to answer.
pub(crate) enum SignIn {
    Done(Tokens),
    Asked(Challenge),
}

/// The tokens of a sign-in. A refresh gives no new refresh token.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tokens {
    pub access_token: Secret,
    #[serde(default)]
    pub id_token: Option<Secret>,
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// Seconds that the access token lives.
    #[serde(default)]
    pub expires_in: i64,
}

/// What the server wants to know before it gives tokens.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    /// `NEW_PASSWORD_REQUIRED`, `SOFTWARE_TOKEN_MFA`, ...
    pub name: String,
    pub session: Secret,
    /// The name that goes back with the answer: the one that the pool knows the user by, when it says so.
    pub username: String,
    /// Where a code was sent, partly hidden.
    pub destination: Option<String>,
    /// Among which second factors to choose, or which can be set up.
    pub factors: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Associated {
    secret_code: Secret,
    session: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthAnswer {
    #[serde(default)]
    authentication_result: Option<Tokens>,
    #[serde(default)]
    challenge_name: Option<String>,
    #[serde(default)]
    session: Option<Secret>,
    #[serde(default)]
    challenge_parameters: Option<serde_json::Map<String, Value>>,
}

impl Client {
    pub(crate) async fn sign_in(&self, client_id: &str, username: &str, password: &Secret) -> Result<SignIn> {
        let body = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": client_id,
            "AuthParameters": { "USERNAME": username, "PASSWORD": password.expose() },
        });
        self.auth_step("InitiateAuth", body, username).await
    }

    /// Answers `challenge`, with `NEW_PASSWORD` or `SOFTWARE_TOKEN_MFA_CODE` and its value, say; `MFA_SETUP`
    /// with nothing but its session.
    pub(crate) async fn answer(
        &self,
        client_id: &str,
        challenge: &Challenge,
        answer: Option<(&str, &Secret)>,
    ) -> Result<SignIn> {
        let mut responses = BTreeMap::from([("USERNAME", challenge.username.as_str())]);
        if let Some((name, value)) = answer {
            responses.insert(name, value.expose());
        }
        let body = json!({
            "ChallengeName": challenge.name,
            "ClientId": client_id,
            "Session": challenge.session.expose(),
            "ChallengeResponses": responses,
        });
        self.auth_step("RespondToAuthChallenge", body, &challenge.username).await
    }

    pub(crate) async fn refresh(&self, client_id: &str, refresh_token: &Secret) -> Result<Tokens> {
        let body = json!({
            "AuthFlow": "REFRESH_TOKEN_AUTH",
            "ClientId": client_id,
            "AuthParameters": { "REFRESH_TOKEN": refresh_token.expose() },
        });
        match self.auth_step("InitiateAuth", body, "").await? {
            SignIn::Done(tokens) => Ok(tokens),
            SignIn::Asked(challenge) => Err(Error::SignIn {
                kind: "NotAuthorizedException".to_owned(),
                message: format!("The server asks for {} again.", challenge.name),
            }),
        }
    }

    /// Ends the session of `refresh_token`, with every token that came of it.
    pub(crate) async fn revoke(&self, client_id: &str, refresh_token: &Secret) -> Result<()> {
        let body = json!({ "ClientId": client_id, "Token": refresh_token.expose() });
        self.operation::<Value>("RevokeToken", body).await.map(|_| ())
    }

    /// A new secret for an authenticator app; it counts once a code of it was shown.
    pub(crate) async fn associate_software_token(&self, access_token: &Secret) -> Result<Secret> {
        let body = json!({ "AccessToken": access_token.expose() });
        let Associated { secret_code, .. } = self.operation("AssociateSoftwareToken", body).await?;
        Ok(secret_code)
    }

    /// The same for who must set one up before there are tokens: the secret, and the session to go on with.
    pub(crate) async fn associate_in_sign_in(&self, session: &Secret) -> Result<(Secret, Secret)> {
        let body = json!({ "Session": session.expose() });
        let Associated { secret_code, session } = self.operation("AssociateSoftwareToken", body).await?;
        Ok((secret_code, session.ok_or_else(without_session)?))
    }

    /// Shows a code of that secret; the session to answer `MFA_SETUP` with.
    pub(crate) async fn verify_in_sign_in(&self, session: &Secret, code: &Secret) -> Result<Secret> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Verified {
            session: Option<Secret>,
        }
        let body = json!({ "Session": session.expose(), "UserCode": code.expose() });
        let Verified { session } = self.operation("VerifySoftwareToken", body).await?;
        session.ok_or_else(without_session)
    }

    pub(crate) async fn verify_software_token(&self, access_token: &Secret, code: &Secret) -> Result<()> {
        let body = json!({ "AccessToken": access_token.expose(), "UserCode": code.expose() });
        self.operation::<Value>("VerifySoftwareToken", body).await.map(|_| ())
    }

    /// Whether a code is asked for at each sign-in.
    pub(crate) async fn prefer_software_token(&self, access_token: &Secret, wanted: bool) -> Result<()> {
        let body = json!({
            "AccessToken": access_token.expose(),
            "SoftwareTokenMfaSettings": { "Enabled": wanted, "PreferredMfa": wanted },
        });
        self.operation::<Value>("SetUserMFAPreference", body).await.map(|_| ())
    }

    async fn auth_step(&self, operation: &'static str, body: Value, username: &str) -> Result<SignIn> {
        let answer: AuthAnswer = self.operation(operation, body).await?;
        if let Some(tokens) = answer.authentication_result {
            return Ok(SignIn::Done(tokens));
        }
        let (Some(name), Some(session)) = (answer.challenge_name, answer.session) else {
            let what = "neither tokens nor a challenge".to_owned();
            return Err(Error::Unexpected { status: 200, what });
        };
        let parameters = answer.challenge_parameters.unwrap_or_default();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str);
        // A list within a text.
        let factors = text("MFAS_CAN_CHOOSE").or_else(|| text("MFAS_CAN_SETUP"));
        let factors = factors.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        let username = text("USER_ID_FOR_SRP").unwrap_or(username).to_owned();
        let destination = text("CODE_DELIVERY_DESTINATION").map(str::to_owned);
        Ok(SignIn::Asked(Challenge { name, session, username, destination, factors }))
    }

    async fn operation<T: DeserializeOwned>(&self, operation: &'static str, body: Value) -> Result<T> {
        let mut call = Call::new(Method::POST, &[""]).body(body);
        call.operation = Some(operation);
        self.json(call).await
    }
}

fn without_session() -> Error {
    Error::Unexpected { status: 200, what: "no session to go on with".to_owned() }
}

/// The error of the Cognito protocol in `body`: `{"__type": "...", "message": "..."}`.
pub(super) fn refusal(body: &[u8]) -> Option<Error> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(rename = "__type")]
        kind: String,
        #[serde(default, alias = "Message")]
        message: String,
    }
    let Refusal { kind, message } = serde_json::from_slice(body).ok()?;
    let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
    Some(Error::SignIn { kind, message })
}
