//! Which factors a user has: `SetUserMFAPreference`, `GetUserAuthFactors`, and the same for administrators.

use keyward_core::caller::{Caller, Origin};
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::mfa_preference::{AuthFactors, FactorSetting, MfaChange};
use keyward_core::secret::Secret;
use keyward_core::user_pool::FirstFactor;
use serde::{Deserialize, Serialize};

use crate::cognito::account::{Bearer, Nothing, factors, preferred_factor};
use crate::cognito::fault::Fault;
use crate::cognito::users::Someone;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetPreference {
    access_token: Secret,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminSetPreference {
    #[serde(flatten)]
    someone: Someone,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "SoftwareTokenMfaSettings")]
    software_token: Option<FactorSettings>,
    #[serde(rename = "SMSMfaSettings")]
    sms: Option<FactorSettings>,
    #[serde(rename = "EmailMfaSettings")]
    email: Option<FactorSettings>,
    #[serde(rename = "WebAuthnMfaSettings")]
    web_authn: Option<FactorSettings>,
}

/// What is not said is false, as in the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FactorSettings {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    preferred_mfa: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FactorsAnswer {
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_mfa_setting: Option<&'static str>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "<[_]>::is_empty")]
    user_mfa_setting_list: Vec<&'static str>,
    configured_user_auth_factors: Vec<&'static str>,
}

impl TryFrom<Settings> for MfaChange {
    type Error = Error;

    fn try_from(settings: Settings) -> Result<Self, Error> {
        if settings.web_authn.is_some_and(|settings| settings.enabled) {
            return Err(Error::invalid("input", "WEB_AUTHN isn't a second factor of this user pool."));
        }
        let setting = |settings: FactorSettings| FactorSetting {
            is_enabled: settings.enabled,
            is_preferred: settings.preferred_mfa,
        };
        Ok(Self {
            software_token: settings.software_token.map(setting),
            sms: settings.sms.map(setting),
            email: settings.email.map(setting),
        })
    }
}

impl From<AuthFactors> for FactorsAnswer {
    fn from(found: AuthFactors) -> Self {
        let first = found.first.into_iter().map(|factor| match factor {
            FirstFactor::Password => "PASSWORD",
            FirstFactor::EmailOtp => "EMAIL_OTP",
            FirstFactor::SmsOtp => "SMS_OTP",
            FirstFactor::WebAuthn => "WEB_AUTHN",
        });
        let software_token = found.has_software_token.then_some("SOFTWARE_TOKEN");
        Self {
            configured_user_auth_factors: first.chain(software_token).collect(),
            preferred_mfa_setting: preferred_factor(&found.user),
            user_mfa_setting_list: factors(&found.user),
            username: found.user.username,
        }
    }
}

pub(super) async fn set(keyward: &Keyward, origin: &Origin, input: SetPreference) -> Result<Nothing, Fault> {
    let changes = input.settings.try_into()?;
    keyward.set_mfa_preference(origin, &input.access_token, &changes).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_set(
    keyward: &Keyward,
    caller: &Caller,
    input: AdminSetPreference,
) -> Result<Nothing, Fault> {
    let pool = keyward.user_pool(&input.someone.user_pool_id).await?;
    let changes = input.settings.try_into()?;
    keyward.set_mfa_preference_in(&pool, caller, &input.someone.username, &changes).await?;
    Ok(Nothing {})
}

pub(super) async fn get_factors(
    keyward: &Keyward,
    _: &Origin,
    input: Bearer,
) -> Result<FactorsAnswer, Fault> {
    Ok(keyward.own_factors(&input.access_token).await?.into())
}

pub(super) async fn admin_get_factors(
    keyward: &Keyward,
    caller: &Caller,
    input: Someone,
) -> Result<FactorsAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    Ok(keyward.factors_in(&pool, caller, &input.username).await?.into())
}
