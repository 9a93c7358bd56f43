//! Signing in: `InitiateAuth` and `RespondToAuthChallenge`, and the same for a back end that signs its users in.

use std::collections::BTreeMap;

use keyward_core::caller::{Caller, Origin};
use keyward_core::code::CodeDelivery;
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::choice::{ChoiceInput, Chosen, FirstChoice};
use keyward_core::local_pool::factor::SecondFactor;
use keyward_core::local_pool::sign_in::{
    Answer, Challenge, Question, SignIn, SignInRequest, SrpChallenge, SrpProof, Tokens,
};
use keyward_core::message::Channel;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cognito::fault::Fault;
use crate::cognito::input::{Parameters, missing_parameter, parameter};

/// What an attribute's name comes after, among the answers to `NEW_PASSWORD_REQUIRED`.
const ATTRIBUTE: &str = "userAttributes.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitiateAuth {
    auth_flow: String,
    client_id: String,
    #[serde(default)]
    auth_parameters: Parameters,
    session: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RespondToAuthChallenge {
    client_id: String,
    challenge_name: String,
    session: Option<Secret>,
    #[serde(default)]
    challenge_responses: Parameters,
}

/// What a back end sends: the same, with the pool.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfBackEnd<T> {
    user_pool_id: String,
    #[serde(flatten)]
    input: T,
}

/// What all of them answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Secret>,
    challenge_parameters: BTreeMap<&'static str, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_result: Option<AuthenticationResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_challenges: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthenticationResult {
    access_token: Secret,
    expires_in: i64,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Secret>,
    id_token: Secret,
}

pub(super) async fn initiate_auth(
    keyward: &Keyward,
    origin: &Origin,
    input: InitiateAuth,
) -> Result<AuthAnswer, Fault> {
    let client_id = input.client_id.clone();
    initiate(keyward, SignInRequest::new(origin, &client_id), input).await
}

pub(super) async fn admin_initiate_auth(
    keyward: &Keyward,
    caller: &Caller,
    OfBackEnd { user_pool_id, input }: OfBackEnd<InitiateAuth>,
) -> Result<AuthAnswer, Fault> {
    let client_id = input.client_id.clone();
    initiate(keyward, SignInRequest::of_back_end(caller, &user_pool_id, &client_id), input).await
}

async fn initiate(
    keyward: &Keyward,
    request: SignInRequest<'_>,
    InitiateAuth { auth_flow, auth_parameters: parameters, session, .. }: InitiateAuth,
) -> Result<AuthAnswer, Fault> {
    let request = request.with_secret_hash(parameters.get("SECRET_HASH"));
    let is_back_end = request.back_end.is_some();
    match auth_flow.as_str() {
        "USER_PASSWORD_AUTH" if is_back_end => Err(not_supported()),
        "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" if !is_back_end => Err(not_supported()),
        "USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" => {
            let username = parameter(&parameters, "USERNAME")?.expose();
            let password = parameter(&parameters, "PASSWORD")?;
            Ok(keyward.sign_in_with_password(request, username, password).await?.into())
        }
        "USER_SRP_AUTH" => {
            let username = parameter(&parameters, "USERNAME")?;
            let srp_a = parameter(&parameters, "SRP_A")?;
            Ok(keyward.begin_srp(request, username.expose(), srp_a).await?.into())
        }
        "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => {
            let refresh_token = parameter(&parameters, "REFRESH_TOKEN")?;
            Ok(SignIn::Done(keyward.refresh(request, refresh_token).await?).into())
        }
        "USER_AUTH" => {
            let username = parameter(&parameters, "USERNAME")?;
            let preferred = parameters.get("PREFERRED_CHALLENGE").map(Secret::expose);
            let preferred = preferred.and_then(FirstChoice::named);
            let input = ChoiceInput { confirmed: session.as_ref(), ..choice_input(&parameters) };
            Ok(keyward.begin_choice(request, username.expose(), preferred, input).await?.into())
        }
        flow => {
            keyward.admitted(&request, flow).await?;
            Err(Error::new(Code::Unsupported, format!("{flow} isn't offered by this pool.")).into())
        }
    }
}

pub(super) async fn respond_to_auth_challenge(
    keyward: &Keyward,
    origin: &Origin,
    input: RespondToAuthChallenge,
) -> Result<AuthAnswer, Fault> {
    let client_id = input.client_id.clone();
    respond(keyward, SignInRequest::new(origin, &client_id), input).await
}

pub(super) async fn admin_respond_to_auth_challenge(
    keyward: &Keyward,
    caller: &Caller,
    OfBackEnd { user_pool_id, input }: OfBackEnd<RespondToAuthChallenge>,
) -> Result<AuthAnswer, Fault> {
    let client_id = input.client_id.clone();
    respond(keyward, SignInRequest::of_back_end(caller, &user_pool_id, &client_id), input).await
}

async fn respond(
    keyward: &Keyward,
    request: SignInRequest<'_>,
    RespondToAuthChallenge { challenge_name, session, challenge_responses: responses, .. }: RespondToAuthChallenge,
) -> Result<AuthAnswer, Fault> {
    let request = request.with_secret_hash(responses.get("SECRET_HASH"));
    let username = responses.get("USERNAME").map(Secret::expose);
    if challenge_name == "PASSWORD_VERIFIER" {
        let proof = SrpProof {
            secret_block: parameter(&responses, "PASSWORD_CLAIM_SECRET_BLOCK")?,
            timestamp: parameter(&responses, "TIMESTAMP")?,
            signature: parameter(&responses, "PASSWORD_CLAIM_SIGNATURE")?,
            username,
        };
        return Ok(keyward.finish_srp(request, proof).await?.into());
    }
    let session = session.ok_or_else(|| missing_parameter("Session"))?;
    let answer = Answer { request, session: &session, username };
    match challenge_name.as_str() {
        "NEW_PASSWORD_REQUIRED" => {
            let password = parameter(&responses, "NEW_PASSWORD")?;
            let attributes = responses
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(ATTRIBUTE)?, value.expose())))
                .collect();
            Ok(keyward.choose_password_with(answer, password, &attributes).await?.into())
        }
        "SOFTWARE_TOKEN_MFA" => {
            let code = parameter(&responses, "SOFTWARE_TOKEN_MFA_CODE")?;
            Ok(keyward.show_code(answer, code).await?.into())
        }
        "SMS_MFA" => {
            let code = parameter(&responses, "SMS_MFA_CODE")?;
            Ok(keyward.show_sent_code(answer, SecondFactor::Sms, code).await?.into())
        }
        "EMAIL_OTP" | "SMS_OTP" if keyward.is_choice(&session) => {
            let (choice, name) = match challenge_name.as_str() {
                "SMS_OTP" => (FirstChoice::SmsOtp, "SMS_OTP_CODE"),
                _ => (FirstChoice::EmailOtp, "EMAIL_OTP_CODE"),
            };
            let code = parameter(&responses, name)?;
            Ok(keyward.show_first_code(answer, choice, code).await?.into())
        }
        "EMAIL_OTP" => {
            let code = parameter(&responses, "EMAIL_OTP_CODE")?;
            Ok(keyward.show_sent_code(answer, SecondFactor::Email, code).await?.into())
        }
        "SELECT_MFA_TYPE" => {
            let factor = second_factor(parameter(&responses, "ANSWER")?.expose())?;
            Ok(keyward.select_factor(answer, factor).await?.into())
        }
        "MFA_SETUP" => Ok(keyward.finish_set_up(answer).await?.into()),
        "WEB_AUTHN" => Ok(keyward.show_passkey(answer, parameter(&responses, "CREDENTIAL")?).await?.into()),
        "SELECT_CHALLENGE" | "PASSWORD" | "PASSWORD_SRP" => {
            let choice = match challenge_name.as_str() {
                "SELECT_CHALLENGE" => parameter(&responses, "ANSWER")?.expose(),
                asked => asked,
            };
            let choice = FirstChoice::named(choice).ok_or_else(|| {
                Error::invalid("answer", "That isn't one of the challenges to choose from.")
            })?;
            Ok(keyward.choose(answer, choice, choice_input(&responses)).await?.into())
        }
        // A question that no sign-in asks here, so no session can belong to it.
        _ => Err(keyward.answer_nothing(answer).await.into()),
    }
}

/// Back ends have flows of their own.
fn not_supported() -> Fault {
    Error::invalid("auth_flow", "Initiate Auth method not supported").into()
}

impl From<SignIn> for AuthAnswer {
    fn from(outcome: SignIn) -> Self {
        match outcome {
            SignIn::Done(tokens) => Self {
                challenge_name: None,
                session: None,
                challenge_parameters: BTreeMap::new(),
                authentication_result: Some(tokens.into()),
                available_challenges: None,
            },
            SignIn::Challenge(challenge) => challenge.into(),
        }
    }
}

impl From<Challenge> for AuthAnswer {
    fn from(challenge: Challenge) -> Self {
        let Challenge { question, session, user_id, attributes, required, factors, choices, .. } = challenge;
        let mut parameters = BTreeMap::from([("USER_ID_FOR_SRP", Secret::from(user_id))]);
        let mut available = None;
        // JSON within JSON, as AWS sends it.
        let mut list = |name, value: Value| drop(parameters.insert(name, value.to_string().into()));
        let factors: Vec<_> = factors.into_iter().map(SecondFactor::as_str).collect();
        match question {
            Question::NewPassword => {
                let required: Vec<_> = required.iter().map(|name| format!("{ATTRIBUTE}{name}")).collect();
                list("userAttributes", json!(attributes));
                list("requiredAttributes", json!(required));
            }
            Question::SelectFactor => list("MFAS_CAN_CHOOSE", json!(factors)),
            Question::SetUpFactor => list("MFAS_CAN_SETUP", json!(factors)),
            Question::SelectFirst => {
                available = Some(choices.into_iter().map(FirstChoice::as_str).collect());
            }
            Question::WebAuthn => list("CREDENTIAL_REQUEST_OPTIONS", json!(challenge.passkey_options)),
            Question::SoftwareToken
            | Question::Sms
            | Question::Email
            | Question::Password
            | Question::PasswordSrp
            | Question::EmailOtp
            | Question::SmsOtp => {}
        }
        if let Some(CodeDelivery { channel, masked }) = challenge.delivery {
            let medium = if channel == Channel::Sms { "SMS" } else { "EMAIL" };
            parameters.insert("CODE_DELIVERY_DELIVERY_MEDIUM", medium.into());
            parameters.insert("CODE_DELIVERY_DESTINATION", masked.into());
        }
        Self {
            challenge_name: Some(question.as_str()),
            session: Some(session),
            challenge_parameters: parameters,
            authentication_result: None,
            available_challenges: available,
        }
    }
}

fn choice_input(parameters: &Parameters) -> ChoiceInput<'_> {
    ChoiceInput {
        password: parameters.get("PASSWORD"),
        srp_a: parameters.get("SRP_A"),
        ..ChoiceInput::default()
    }
}

/// What `SELECT_MFA_TYPE` is answered with.
fn second_factor(answer: &str) -> Result<SecondFactor, Error> {
    let is_meant = |factor: &SecondFactor| {
        factor.as_str() == answer || (*factor == SecondFactor::Email && answer == "EMAIL_MFA")
    };
    SecondFactor::ALL
        .into_iter()
        .find(is_meant)
        .ok_or_else(|| Error::invalid("answer", "ANSWER must be SMS_MFA, EMAIL_OTP or SOFTWARE_TOKEN_MFA."))
}

impl From<Chosen> for AuthAnswer {
    fn from(chosen: Chosen) -> Self {
        match chosen {
            Chosen::SignIn(sign_in) => sign_in.into(),
            Chosen::Srp(challenge) => challenge.into(),
        }
    }
}

impl From<SrpChallenge> for AuthAnswer {
    fn from(challenge: SrpChallenge) -> Self {
        let parameters = [
            ("USERNAME", challenge.username.into()),
            ("USER_ID_FOR_SRP", challenge.user_id.into()),
            ("SALT", challenge.salt.into()),
            ("SRP_B", challenge.srp_b.into()),
            ("SECRET_BLOCK", challenge.secret_block),
        ];
        Self {
            challenge_name: Some("PASSWORD_VERIFIER"),
            session: None,
            challenge_parameters: parameters.into(),
            authentication_result: None,
            available_challenges: None,
        }
    }
}

impl From<Tokens> for AuthenticationResult {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            expires_in: tokens.expires_in_seconds,
            token_type: "Bearer",
            refresh_token: tokens.refresh_token,
            id_token: tokens.id_token,
        }
    }
}
