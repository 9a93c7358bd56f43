//! Second factors: which there are, and which of them a user has switched on.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Thing};
use crate::store::Account;
use crate::user_pool::{MfaMode, UserPoolSettings};

/// What a user shows beside a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// A code of an authenticator application.
    SoftwareToken,
    /// A code that came by SMS.
    Sms,
    /// A code that came by email.
    Email,
}

impl SecondFactor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SoftwareToken, Self::Sms, Self::Email];

    /// As the protocol calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SoftwareToken => "SOFTWARE_TOKEN_MFA",
            Self::Sms => "SMS_MFA",
            Self::Email => "EMAIL_OTP",
        }
    }
}

/// Which second factors a user has switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MfaPreference {
    /// A software token.
    pub software_token: bool,
    /// Codes by SMS.
    pub sms: bool,
    /// Codes by email.
    pub email: bool,
    /// The one that is asked for first, of those that are on.
    pub preferred: Option<SecondFactor>,
}

impl MfaPreference {
    /// Whether this one is on.
    pub fn has(&self, factor: SecondFactor) -> bool {
        match factor {
            SecondFactor::SoftwareToken => self.software_token,
            SecondFactor::Sms => self.sms,
            SecondFactor::Email => self.email,
        }
    }

    /// Those that are on.
    pub fn enabled(&self) -> impl Iterator<Item = SecondFactor> {
        SecondFactor::ALL.into_iter().filter(|factor| self.has(*factor))
    }

    /// Switches this one on, or off.
    pub fn set(&mut self, factor: SecondFactor, is_enabled: bool) {
        match factor {
            SecondFactor::SoftwareToken => self.software_token = is_enabled,
            SecondFactor::Sms => self.sms = is_enabled,
            SecondFactor::Email => self.email = is_enabled,
        }
        if !is_enabled && self.preferred == Some(factor) {
            self.preferred = None;
        }
    }
}

/// Which second factor a sign-in asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AskedFactor {
    /// None.
    Nothing,
    /// This one.
    One(SecondFactor),
    /// One of these, as the user likes.
    AnyOf(Vec<SecondFactor>),
    /// One of these, which is to be set up first.
    New(Vec<SecondFactor>),
}

impl UserPoolSettings {
    /// Whether this is a second factor here.
    pub(super) fn has_factor(&self, factor: SecondFactor) -> bool {
        self.mfa != MfaMode::Off
            && match factor {
                SecondFactor::SoftwareToken => self.software_token_mfa,
                SecondFactor::Sms => self.sms_mfa,
                SecondFactor::Email => self.email_mfa.is_some(),
            }
    }
}

impl Account {
    /// Whether the user could show this one: has a proven software token, or a proven address.
    pub(super) fn has_means(&self, factor: SecondFactor) -> bool {
        match factor {
            SecondFactor::SoftwareToken => self.totp_secret.is_some(),
            SecondFactor::Sms => self.user.phone.is_some() && self.user.phone_verified,
            SecondFactor::Email => self.user.email.is_some() && self.user.email_verified,
        }
    }

    /// Where a code goes for this one.
    pub(super) fn address(&self, factor: SecondFactor) -> Option<&str> {
        match factor {
            SecondFactor::SoftwareToken => None,
            SecondFactor::Sms => self.user.phone.as_deref(),
            SecondFactor::Email => self.user.email.as_deref(),
        }
    }

    /// Those that a sign-in can ask for.
    pub(super) fn usable_factors(&self, settings: &UserPoolSettings) -> Vec<SecondFactor> {
        match self.asked_factor(settings) {
            Ok(AskedFactor::One(factor)) => vec![factor],
            Ok(AskedFactor::AnyOf(factors)) => factors,
            Ok(AskedFactor::Nothing | AskedFactor::New(_)) | Err(_) => Vec::new(),
        }
    }

    /// What a sign-in asks for after a password. Of those that the user has switched on, the pool's count;
    /// where the pool asks everybody and nothing is switched on, or has none any more of what is, all of the
    /// pool's that the user has means for.
    ///
    /// # Errors
    /// `NotFound(SecondFactor)` when the user has no means (any more) for what they have switched on, or the
    /// pool has nothing to ask for: that is no reason to ask for less.
    pub(super) fn asked_factor(&self, settings: &UserPoolSettings) -> Result<AskedFactor> {
        let preference = &self.user.mfa_preference;
        let of_pool: Vec<_> =
            SecondFactor::ALL.into_iter().filter(|factor| settings.has_factor(*factor)).collect();
        let enabled: Vec<_> = of_pool.iter().copied().filter(|factor| preference.has(*factor)).collect();
        let is_required = match settings.mfa {
            MfaMode::Off => false,
            MfaMode::Optional => preference.enabled().next().is_some(),
            MfaMode::On => true,
        };
        if enabled.is_empty() && !is_required {
            return Ok(AskedFactor::Nothing);
        }
        let candidates = if enabled.is_empty() { &of_pool } else { &enabled };
        let usable: Vec<_> = candidates.iter().copied().filter(|factor| self.has_means(*factor)).collect();
        match (usable.as_slice(), preference.preferred) {
            ([], _) if enabled.is_empty() && !of_pool.is_empty() => Ok(AskedFactor::New(of_pool)),
            ([], _) => Err(Error::not_found(
                Thing::SecondFactor,
                "None of the user's second factors can be used; ask an administrator to set them anew.",
            )),
            (usable, Some(preferred)) if usable.contains(&preferred) => Ok(AskedFactor::One(preferred)),
            (&[one], _) => Ok(AskedFactor::One(one)),
            _ => Ok(AskedFactor::AnyOf(usable)),
        }
    }
}
