//! The factors of a pool: `SetUserPoolMfaConfig`, `GetUserPoolMfaConfig`.

use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use keyward_core::user_pool::{EmailMfa, MfaMode, PoolFactors, SmsMfa, UserPool, WebAuthn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cognito::fault::Fault;
use crate::cognito::user_pools::{OfPool, concurrent_modification};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetUserPoolMfaConfig {
    user_pool_id: String,
    sms_mfa_configuration: Option<WireSms>,
    software_token_mfa_configuration: Option<WireSoftwareToken>,
    email_mfa_configuration: Option<WireEmail>,
    mfa_configuration: Option<MfaMode>,
    web_authn_configuration: Option<WireWebAuthn>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the model has them")]
pub(super) struct MfaConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_mfa_configuration: Option<WireSms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software_token_mfa_configuration: Option<WireSoftwareToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_mfa_configuration: Option<WireEmail>,
    mfa_configuration: MfaMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_authn_configuration: Option<WireWebAuthn>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireSms {
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_authentication_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_configuration: Option<Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireSoftwareToken {
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireEmail {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireWebAuthn {
    #[serde(skip_serializing_if = "Option::is_none")]
    relying_party_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_verification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factor_configuration: Option<String>,
}

/// The words of the model.
const REQUIRED: &str = "required";
const PREFERRED: &str = "preferred";
const SINGLE: &str = "SINGLE_FACTOR";
const MULTI: &str = "MULTI_FACTOR_WITH_USER_VERIFICATION";

pub(super) async fn set(
    keyward: &Keyward,
    caller: &Caller,
    input: SetUserPoolMfaConfig,
) -> Result<MfaConfig, Fault> {
    let factors = PoolFactors {
        mfa: input.mfa_configuration,
        software_token_mfa: input.software_token_mfa_configuration.map(|token| token.enabled),
        sms: input.sms_mfa_configuration.map(|sms| SmsMfa {
            message: sms.sms_authentication_message,
            configuration: sms.sms_configuration,
        }),
        email: input
            .email_mfa_configuration
            .map(|email| EmailMfa { subject: email.subject, body: email.message }),
        web_authn: input.web_authn_configuration.map(|passkeys| WebAuthn {
            relying_party_id: passkeys.relying_party_id,
            requires_user_verification: passkeys.user_verification.as_deref() == Some(REQUIRED),
            is_multi_factor: passkeys.factor_configuration.as_deref() == Some(MULTI),
        }),
    };
    let pool = keyward.set_pool_factors(caller, &input.user_pool_id, factors).await;
    Ok(told(&pool.map_err(concurrent_modification)?))
}

pub(super) async fn get(keyward: &Keyward, caller: &Caller, input: OfPool) -> Result<MfaConfig, Fault> {
    Ok(told(&keyward.described_user_pool(caller, &input.user_pool_id).await?))
}

fn told(pool: &UserPool) -> MfaConfig {
    let settings = &pool.settings;
    let (is_on, passkeys) = (settings.mfa != MfaMode::Off, &settings.web_authn);
    let word = |is: bool, yes: &str, no: &str| Some(if is { yes } else { no }.to_owned());
    MfaConfig {
        sms_mfa_configuration: (is_on && settings.sms_mfa).then(|| WireSms {
            sms_authentication_message: settings.messages.sms_authentication.clone(),
            sms_configuration: settings.kept.get("SmsConfiguration").cloned(),
        }),
        software_token_mfa_configuration: is_on
            .then_some(WireSoftwareToken { enabled: settings.software_token_mfa }),
        email_mfa_configuration: settings
            .email_mfa
            .clone()
            .map(|email| WireEmail { message: email.body, subject: email.subject }),
        mfa_configuration: settings.mfa,
        web_authn_configuration: (*passkeys != WebAuthn::default()).then(|| WireWebAuthn {
            relying_party_id: passkeys.relying_party_id.clone(),
            user_verification: word(passkeys.requires_user_verification, REQUIRED, PREFERRED),
            factor_configuration: word(passkeys.is_multi_factor, MULTI, SINGLE),
        }),
    }
}
