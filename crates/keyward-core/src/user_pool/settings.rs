//! What can be set of a pool of users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::SchemaAttribute;
use crate::error::{Error, Result};
use crate::local_pool::password::PasswordPolicy;
use crate::message::{Channel, Template};

/// The most tags of a pool (<https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html>).
const MAXIMUM_TAGS: usize = 50;

/// What can be set of a pool. What isn't said in a stored one is as in a pool of Amazon's that nothing was
/// said of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "they are Cognito's, each a setting of its own")]
pub struct UserPoolSettings {
    /// What its passwords must be like.
    pub password_policy: PasswordPolicy,
    /// What its users are known by; never changes.
    pub identifiers: Identifiers,
    /// What a sign-in by `USER_AUTH` may begin with; a password alone when empty.
    pub first_factors: Vec<FirstFactor>,
    /// Whether signing in asks for a second factor.
    pub mfa: MfaMode,
    /// Whether a software token is a second factor here.
    pub software_token_mfa: bool,
    /// Whether a code by SMS is a second factor here.
    pub sms_mfa: bool,
    /// The message with the code, where a code by email is a second factor here.
    pub email_mfa: Option<EmailMfa>,
    /// How passkeys are used.
    pub web_authn: WebAuthn,
    /// Whether only administrators make users (`AllowAdminCreateUserOnly`).
    pub admin_create_only: bool,
    /// Whether the pool can't be deleted.
    pub deletion_protection: bool,
    /// The attributes that are proven by a code when a user signs up: `email`, `phone_number`.
    pub auto_verified: Vec<String>,
    /// The attributes whose new value counts only once it is proven by a code.
    pub verified_before_update: Vec<String>,
    /// How a forgotten password is set anew, the preferred way first; by what [`UserPoolSettings::recovery`]
    /// says when empty.
    pub recovery_mechanisms: Vec<RecoveryMechanism>,
    /// The texts of its messages.
    pub messages: Messages,
    /// What the pool's users may have beside the standard attributes, and which of those they must have.
    pub schema: Vec<SchemaAttribute>,
    /// The resource servers, by their identifiers.
    pub resource_servers: BTreeMap<String, ResourceServer>,
    /// Free words of the pool's owner.
    pub tags: BTreeMap<String, String>,
    /// What was set beside, kept as it came and without effect here.
    pub kept: Map<String, Value>,
}

/// What users are known by beside their `sub`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identifiers {
    /// Whether names that differ in case alone are different ones.
    pub case_sensitive: bool,
    /// A user's name is one of these attributes (`email`, `phone_number`), and the `sub` stands for it; none
    /// where users have names.
    pub username_attributes: Vec<String>,
    /// The attributes (`email`, `phone_number`, `preferred_username`) that stand for the name once proven.
    pub alias_attributes: Vec<String>,
}

/// Whether signing in asks for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MfaMode {
    /// Of nobody.
    #[default]
    Off,
    /// Of who wants it.
    Optional,
    /// Of everybody.
    On,
}

/// What a sign-in by `USER_AUTH` may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FirstFactor {
    /// A password, sent or by SRP.
    Password,
    /// A code by email.
    EmailOtp,
    /// A code by SMS.
    SmsOtp,
    /// A passkey.
    WebAuthn,
}

/// The message with a code that is a second factor; Cognito's own where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EmailMfa {
    /// One line.
    pub subject: Option<String>,
    /// With `{####}` in it.
    pub body: Option<String>,
}

/// How passkeys are used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WebAuthn {
    /// The domain that passkeys are for.
    pub relying_party_id: Option<String>,
    /// Whether an authenticator must have made sure who its user is (`UserVerification`: `required`).
    pub requires_user_verification: bool,
    /// Whether a passkey with user verification counts as two factors
    /// (`FactorConfiguration`: `MULTI_FACTOR_WITH_USER_VERIFICATION`).
    pub is_multi_factor: bool,
}

/// How a forgotten password is set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryMechanism {
    /// By a code to the proven email address.
    VerifiedEmail,
    /// By a code to the proven telephone number.
    VerifiedPhoneNumber,
    /// By an administrator alone.
    AdminOnly,
}

/// The texts of a pool's messages; Cognito's own where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Messages {
    /// With a code that proves an address or lets a forgotten password be set.
    pub verification: MessageTexts,
    /// With a temporary password.
    pub invitation: MessageTexts,
    /// The SMS with a code that is a factor.
    pub sms_authentication: Option<String>,
}

/// A message by email and by SMS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each name says it")]
pub struct MessageTexts {
    pub email_subject: Option<String>,
    pub email_body: Option<String>,
    pub sms: Option<String>,
}

/// A program that takes tokens, and what can be asked of it. Nothing here gives such tokens out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct ResourceServer {
    pub name: String,
    pub scopes: Vec<Scope>,
}

/// What can be asked of a resource server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct Scope {
    pub name: String,
    pub description: String,
}

impl MessageTexts {
    fn template<'a>(&'a self, channel: Channel, otherwise: Template<'a>) -> Template<'a> {
        let body = if channel == Channel::Sms { &self.sms } else { &self.email_body };
        Template {
            subject: self.email_subject.as_deref().unwrap_or(otherwise.subject),
            body: body.as_deref().unwrap_or(otherwise.body),
        }
    }
}

impl Identifiers {
    /// How a name or an address is looked up.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.case_sensitive { name.to_owned() } else { name.to_lowercase() }
    }
}

impl MfaMode {
    /// As the protocol has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Optional => "OPTIONAL",
            Self::On => "ON",
        }
    }
}

impl UserPoolSettings {
    /// What the home pool begins with.
    pub fn of_home() -> Self {
        Self {
            mfa: MfaMode::Optional,
            software_token_mfa: true,
            // Nobody lets themselves in.
            admin_create_only: true,
            deletion_protection: true,
            ..Self::default()
        }
    }

    /// What the pool of users who are kept in a file begins with: they sign in by their address, too, and nobody
    /// forgets a password that stands there.
    pub fn of_file() -> Self {
        let alias_attributes = vec!["email".to_owned()];
        Self {
            identifiers: Identifiers { alias_attributes, ..Identifiers::default() },
            recovery_mechanisms: vec![RecoveryMechanism::AdminOnly],
            ..Self::of_home()
        }
    }

    /// The message with a code that proves an address or lets a forgotten password be set.
    pub fn verification(&self, channel: Channel) -> Template<'_> {
        self.messages.verification.template(channel, Template::VERIFICATION)
    }

    /// The message with a temporary password.
    pub fn invitation(&self, channel: Channel) -> Template<'_> {
        self.messages.invitation.template(channel, Template::INVITATION)
    }

    /// The message with a code that is a factor of a sign-in.
    pub fn authentication(&self, channel: Channel) -> Template<'_> {
        let Template { subject, body } = Template::AUTHENTICATION;
        let email = self.email_mfa.as_ref();
        let text = match channel {
            Channel::Sms => self.messages.sms_authentication.as_deref(),
            Channel::Email | Channel::Nowhere => email.and_then(|email| email.body.as_deref()),
        };
        Template {
            subject: email.and_then(|email| email.subject.as_deref()).unwrap_or(subject),
            body: text.unwrap_or(body),
        }
    }

    /// What a sign-in by `USER_AUTH` may begin with.
    pub fn first_factors(&self) -> &[FirstFactor] {
        if self.first_factors.is_empty() { &[FirstFactor::Password] } else { &self.first_factors }
    }

    /// How a forgotten password is set anew, the preferred way first. Where nothing is said, by SMS and then
    /// by email, as in Cognito
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html>).
    pub fn recovery(&self) -> &[RecoveryMechanism] {
        if self.recovery_mechanisms.is_empty() {
            &[RecoveryMechanism::VerifiedPhoneNumber, RecoveryMechanism::VerifiedEmail]
        } else {
            &self.recovery_mechanisms
        }
    }

    /// Whether any second factor can be used here.
    fn has_second_factor(&self) -> bool {
        self.has_factor_beside_password() || self.web_authn.is_multi_factor
    }

    /// Whether there is one that a sign-in by password asks for.
    fn has_factor_beside_password(&self) -> bool {
        self.software_token_mfa || self.sms_mfa || self.email_mfa.is_some()
    }

    /// Checks what no single setting shows to be wrong.
    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |field: &'static str, message: &'static str| Err(Error::invalid(field, message));
        self.password_policy.validate()?;
        let Identifiers { username_attributes, alias_attributes, .. } = &self.identifiers;
        if !username_attributes.is_empty() && !alias_attributes.is_empty() {
            return wrong(
                "identifiers",
                "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
            );
        }
        if self.mfa != MfaMode::Off && !self.has_second_factor() {
            // What AWS says; here a software token or a code by email will do as well.
            return wrong(
                "mfa",
                "SMS configuration and Auto verification for phone_number are required when MFA is \
                 required/optional",
            );
        }
        if self.mfa == MfaMode::On && !self.has_factor_beside_password() {
            // Passkeys are registered by who is signed in: nobody without one could ever come in.
            return wrong(
                "mfa",
                "Where MFA is required, a second factor beside passkeys must be enabled: software tokens, SMS or \
                 email.",
            );
        }
        // Else the pool would be open to whoever reads the mail: the same address would be both factors.
        let is_otp = |factor| matches!(factor, &FirstFactor::EmailOtp | &FirstFactor::SmsOtp);
        if self.mfa == MfaMode::On && self.first_factors().iter().any(is_otp) {
            return wrong(
                "first_factors",
                "A one-time password can't be the first factor where MFA is required.",
            );
        }
        let is_passkey_alone =
            self.first_factors().contains(&FirstFactor::WebAuthn) && !self.web_authn.is_multi_factor;
        if self.mfa == MfaMode::On && is_passkey_alone {
            return wrong(
                "first_factors",
                "WEB_AUTHN can be a first factor where MFA is required only with the factor configuration \
                 MULTI_FACTOR_WITH_USER_VERIFICATION.",
            );
        }
        if self.web_authn.relying_party_id.as_ref().is_some_and(|id| !is_domain(id)) {
            return wrong("web_authn", "The relying party id must be a domain, such as auth.example.com.");
        }
        if !self.first_factors().contains(&FirstFactor::Password) {
            return wrong("first_factors", "PASSWORD must be one of the allowed first auth factors.");
        }
        if self.recovery_mechanisms.contains(&RecoveryMechanism::AdminOnly)
            && self.recovery_mechanisms.len() > 1
        {
            return wrong(
                "recovery_mechanisms",
                "Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only \
                 setting with any other recovery mechanisms.",
            );
        }
        if let Some(unproven) =
            self.verified_before_update.iter().find(|name| !self.auto_verified.contains(name))
        {
            return Err(Error::invalid(
                "verified_before_update",
                format!(
                    "{unproven} must be one of the auto-verified attributes to be verified before an update."
                ),
            ));
        }
        self.validate_tags()
    }

    fn validate_tags(&self) -> Result<()> {
        if self.tags.len() > MAXIMUM_TAGS {
            return Err(Error::invalid("tags", format!("There can be {MAXIMUM_TAGS} tags at most.")));
        }
        if self.tags.keys().any(|name| name.to_ascii_lowercase().starts_with("aws:")) {
            return Err(Error::invalid("tags", "A tag's name must not begin with aws:."));
        }
        Ok(())
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 127 && text.split('.').all(is_label)
}
