//! The software token of whoever shows an access token, or is asked to set one up before there are tokens:
//! `AssociateSoftwareToken`, `VerifySoftwareToken`; and `AdminDeleteSoftwareToken`.

use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::users::Someone;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Associate {
    access_token: Option<Secret>,
    session: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Associated {
    secret_code: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Verify {
    access_token: Option<Secret>,
    session: Option<Secret>,
    user_code: Secret,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Verified {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Secret>,
}

pub(super) async fn associate(
    keyward: &Keyward,
    origin: &Origin,
    input: Associate,
) -> Result<Associated, Fault> {
    let (secret_code, session) = match (input.access_token, input.session) {
        (Some(access_token), _) => (keyward.associate_software_token(origin, &access_token).await?, None),
        (None, Some(session)) => {
            let (secret, session) = keyward.associate_in_sign_in(origin, &session).await?;
            (secret, Some(session))
        }
        (None, None) => return Err(missing_access_token().into()),
    };
    Ok(Associated { secret_code, session })
}

pub(super) async fn verify(keyward: &Keyward, origin: &Origin, input: Verify) -> Result<Verified, Fault> {
    let Verify { access_token, session, user_code } = input;
    let outcome = match (access_token, session) {
        (Some(access_token), _) => {
            keyward.verify_software_token(origin, &access_token, &user_code).await.map(|()| None)
        }
        (None, Some(session)) => keyward.verify_in_sign_in(origin, &session, &user_code).await.map(Some),
        (None, None) => Err(missing_access_token()),
    };
    match outcome {
        Ok(session) => Ok(Verified { status: "SUCCESS", session }),
        Err(error) if error.code == Code::CodeMismatch => {
            Err(Fault::Named("EnableSoftwareTokenMFAException", error))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn admin_delete(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<Nothing, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    keyward.delete_software_token_in(&pool, caller, &input.username).await?;
    Ok(Nothing {})
}

fn missing_access_token() -> Error {
    Error::invalid("input", "Missing required parameter AccessToken")
}
