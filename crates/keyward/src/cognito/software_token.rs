//! The software token of whoever shows an access token: `AssociateSoftwareToken`, `VerifySoftwareToken`,
//! `SetUserMFAPreference`.

use keyward_core::caller::Origin;
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;

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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetPreference {
    access_token: Secret,
    software_token_mfa_settings: Option<MfaSettings>,
    #[serde(rename = "SMSMfaSettings")]
    sms_mfa_settings: Option<MfaSettings>,
    email_mfa_settings: Option<MfaSettings>,
    web_authn_mfa_settings: Option<MfaSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MfaSettings {
    enabled: Option<bool>,
    preferred_mfa: Option<bool>,
}

impl MfaSettings {
    /// What is not said is false, as in the model.
    fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }

    fn is_preferred(&self) -> bool {
        self.preferred_mfa.unwrap_or(false)
    }
}

pub(super) async fn associate(
    keyward: &Keyward,
    origin: &Origin,
    input: Associate,
) -> Result<Associated, Fault> {
    let access_token = bearer(input.access_token, input.session.as_ref())?;
    Ok(Associated { secret_code: keyward.associate_software_token(origin, &access_token).await? })
}

pub(super) async fn verify(keyward: &Keyward, origin: &Origin, input: Verify) -> Result<Verified, Fault> {
    let access_token = bearer(input.access_token, input.session.as_ref())?;
    match keyward.verify_software_token(origin, &access_token, &input.user_code).await {
        Ok(()) => Ok(Verified { status: "SUCCESS" }),
        Err(error) if error.code == Code::CodeMismatch => {
            Err(Fault::Named("EnableSoftwareTokenMFAException", error))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn set_preference(
    keyward: &Keyward,
    origin: &Origin,
    input: SetPreference,
) -> Result<Nothing, Fault> {
    let others = [input.sms_mfa_settings, input.email_mfa_settings, input.web_authn_mfa_settings];
    if others.iter().flatten().any(|settings| settings.is_enabled() || settings.is_preferred()) {
        return Err(invalid("This pool asks for codes of a software token alone.").into());
    }
    match input.software_token_mfa_settings {
        Some(settings) if settings.is_preferred() && !settings.is_enabled() => {
            Err(invalid("Software token MFA can't be preferred without being enabled.").into())
        }
        Some(settings) => {
            keyward.set_software_token_mfa(origin, &input.access_token, settings.is_enabled()).await?;
            Ok(Nothing {})
        }
        None => {
            // Nothing to change, but not for anybody.
            keyward.own_account(&input.access_token).await?;
            Ok(Nothing {})
        }
    }
}

/// The access token. A session in its stead belongs to the challenge `MFA_SETUP`, which no sign-in asks here;
/// that of any other challenge must not do, or the password alone would be enough to replace the second
/// factor.
fn bearer(access_token: Option<Secret>, session: Option<&Secret>) -> Result<Secret, Error> {
    match (access_token, session) {
        (Some(access_token), _) => Ok(access_token),
        (None, Some(_)) => Err(Error::unauthenticated("Invalid session for the user.")),
        (None, None) => Err(invalid("Missing required parameter AccessToken")),
    }
}

fn invalid(message: &'static str) -> Error {
    Error::invalid("input", message)
}
