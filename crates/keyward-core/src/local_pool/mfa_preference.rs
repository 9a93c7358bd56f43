//! Which second factors signing in asks for: what users say themselves, and what administrators say for them.

use serde_json::json;

use super::LocalPool;
use super::factor::{MfaPreference, SecondFactor};
use crate::audit::Target;
use crate::caller::{Caller, Origin};
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::permission::{MANAGE_USERS, VIEW_USERS};
use crate::secret::Secret;
use crate::store::Account;
use crate::user::{User, UserKind, UserStatus, require_version, unknown_user};
use crate::user_pool::{FirstFactor, MfaMode, UserPoolSettings};

/// What is to become of a user's second factors; what isn't named stays.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each name says it")]
pub struct MfaChange {
    pub software_token: Option<FactorSetting>,
    pub sms: Option<FactorSetting>,
    pub email: Option<FactorSetting>,
}

/// What is to become of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorSetting {
    /// Whether signing in asks for it.
    pub is_enabled: bool,
    /// Whether it asks for it first.
    pub is_preferred: bool,
}

/// How a user may sign in.
#[derive(Debug, Clone)]
pub struct AuthFactors {
    /// The user.
    pub user: User,
    /// What a sign-in by choice may begin with; of a password, that there is one.
    pub first: Vec<FirstFactor>,
    /// Whether there is a software token.
    pub has_software_token: bool,
}

impl MfaChange {
    /// The software token on and preferred, or off.
    pub fn software_token(is_enabled: bool) -> Self {
        let setting = FactorSetting { is_enabled, is_preferred: is_enabled };
        Self { software_token: Some(setting), ..Self::default() }
    }

    fn of(self, factor: SecondFactor) -> Option<FactorSetting> {
        match factor {
            SecondFactor::SoftwareToken => self.software_token,
            SecondFactor::Sms => self.sms,
            SecondFactor::Email => self.email,
        }
    }

    /// What these changes make of what the account has.
    fn made_of(
        self,
        account: &Account,
        settings: &UserPoolSettings,
        unproven: &'static str,
    ) -> Result<MfaPreference> {
        let wrong = |message: String| Err(Error::invalid("mfa_preference", message));
        let mut preference = account.user.mfa_preference;
        let mut preferred = Vec::new();
        for factor in SecondFactor::ALL {
            let Some(FactorSetting { is_enabled, is_preferred }) = self.of(factor) else { continue };
            let name = factor.as_str();
            if is_preferred && !is_enabled {
                return wrong(format!("{name} can't be preferred without being enabled."));
            }
            if is_enabled && !preference.has(factor) {
                // Said first, as Amazon does: it tells what helps.
                if factor == SecondFactor::SoftwareToken && !account.has_means(factor) {
                    return wrong(unproven.to_owned());
                }
                if !settings.has_factor(factor) {
                    return wrong(format!("{name} isn't a second factor of this user pool."));
                }
                if !account.has_means(factor) {
                    return wrong(format!("User does not have delivery config set to turn on {name}"));
                }
            }
            preference.set(factor, is_enabled);
            if is_preferred {
                preferred.push(factor);
            } else if preference.preferred == Some(factor) {
                preference.preferred = None;
            }
        }
        match preferred.as_slice() {
            [] => {}
            [factor] => preference.preferred = Some(*factor),
            _ => return wrong("Only one second factor can be preferred.".to_owned()),
        }
        Ok(preference)
    }
}

impl Keyward {
    /// Switches the second factors of whoever shows `access_token` on and off.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and for any change in a session without MFA where
    /// signing in asks for it; `InvalidInput` for a factor that can't be used, more than one that is
    /// preferred, and for switching off the last one where the pool asks everybody for one; `Conflict` when
    /// no admin would be left who can sign in.
    pub async fn set_mfa_preference(
        &self,
        origin: &Origin,
        access_token: &Secret,
        changes: &MfaChange,
    ) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        let settings = bearer.pool.settings().await?;
        let before = bearer.account.user.mfa_preference;
        let preference =
            changes.made_of(&bearer.account, &settings, "User has not verified software token mfa")?;
        if preference == before {
            return Ok(());
        }
        self.require_second_factor(&bearer, &settings).await?;
        let mut ends_it = preference.enabled().filter(|factor| settings.has_factor(*factor));
        if settings.mfa == MfaMode::On && before.enabled().next().is_some() && ends_it.next().is_none() {
            return Err(Error::invalid(
                "mfa_preference",
                "This user pool asks everybody for a second factor; switch another one on first.",
            ));
        }
        let mut user = bearer.account.user.clone();
        (user.mfa_preference, user.updated_at_ms) = (preference, self.clock.now_ms());
        let detail = json!({ "preference": preference });
        let change = self.change(&bearer.caller(origin), "user.set-mfa", bearer.target(), detail);
        self.store.set_mfa_preference(&user, &change).await
    }

    /// Switches the second factors of this user on and off.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `InvalidInput` as for [`Keyward::set_mfa_preference`], `Conflict` when no admin would be left who can
    /// sign in.
    pub async fn set_mfa_preference_in(
        &self,
        pool: &LocalPool,
        caller: &Caller,
        name_or_id: &str,
        changes: &MfaChange,
    ) -> Result<()> {
        const ACTION: &str = "user.set-mfa";
        let outcome = async {
            let Account { mut user, .. } = {
                let account = self.managed_account(pool, caller, name_or_id).await?;
                let settings = pool.settings().await?;
                let unproven = "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA";
                let preference = changes.made_of(&account, &settings, unproven)?;
                let user = User { mfa_preference: preference, ..account.user.clone() };
                Account { user, ..account }
            };
            user.updated_at_ms = self.clock.now_ms();
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({ "preference": user.mfa_preference }));
            self.store.set_mfa_preference(&user, &change).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Takes the software token from this user, who has lost it; another one can be set up.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `Conflict` when no admin would be left who can sign in.
    pub async fn delete_software_token_in(
        &self,
        pool: &LocalPool,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<()> {
        const ACTION: &str = "user.delete-software-token";
        let outcome = async {
            let mut user = self.managed_account(pool, caller, name_or_id).await?.user;
            user.mfa_preference.set(SecondFactor::SoftwareToken, false);
            user.updated_at_ms = self.clock.now_ms();
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({}));
            self.store.delete_totp(&user, &change).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Takes every second factor from this user of the home pool, and their passkeys, and ends their sessions:
    /// the device with them is lost. Amazon lets nobody take passkeys away but the user.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `PreconditionFailed`, `Conflict` for the caller's own without having shown one, and when no admin would
    /// be left who can sign in.
    pub async fn reset_mfa(&self, caller: &Caller, name_or_id: &str, if_match: Option<i64>) -> Result<()> {
        const ACTION: &str = "user.reset-mfa";
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            let user = self.known_user(name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            require_version(if_match, user.version)?;
            // Who only knows the password, or has found a key, would be left with all that it takes.
            if caller.user_id() == Some(user.id.as_str()) && !caller.has_mfa() {
                return Err(Error::conflict(
                    "Sign in with your second factor before you take your own away, or ask somebody else who \
                     manages users.",
                ));
            }
            self.forget_factors(caller, ACTION, user, true).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Takes every second factor from this user, and their passkeys, and ends their sessions; unless no admin
    /// would be left, where it `keeps_an_admin`.
    pub(crate) async fn forget_factors(
        &self,
        caller: &Caller,
        action: &str,
        mut user: User,
        keeps_an_admin: bool,
    ) -> Result<()> {
        let target = Target::new("user", &user.id, &user.username);
        let change = self.change(caller, action, target, json!({}));
        if let Some(pool) = &self.remote_pool {
            return pool.forget_factors(&user, keeps_an_admin, &change).await;
        }
        (user.mfa_preference, user.updated_at_ms) = (MfaPreference::default(), self.clock.now_ms());
        self.store.forget_factors(&user, keeps_an_admin, &change).await
    }

    /// How whoever shows `access_token` may sign in.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good.
    pub async fn own_factors(&self, access_token: &Secret) -> Result<AuthFactors> {
        let bearer = self.bearer(access_token).await?;
        let settings = bearer.pool.settings().await?;
        self.auth_factors(bearer.account, &settings).await
    }

    /// How this user may sign in.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`, `NotFound(User)`.
    pub async fn factors_in(
        &self,
        pool: &LocalPool,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<AuthFactors> {
        self.require_in(pool, caller, &[VIEW_USERS, MANAGE_USERS])?;
        let account = self.known_account(pool, name_or_id).await?;
        self.auth_factors(account, &pool.settings().await?).await
    }

    /// The account of this name or id, for a caller who may change it.
    async fn managed_account(&self, pool: &LocalPool, caller: &Caller, name_or_id: &str) -> Result<Account> {
        self.require_in(pool, caller, &[MANAGE_USERS])?;
        let account = self.known_account(pool, name_or_id).await?;
        self.require_over(caller, &account.user.id).await?;
        Ok(account)
    }

    async fn known_account(&self, pool: &LocalPool, name_or_id: &str) -> Result<Account> {
        let account = pool.account(name_or_id).await?;
        let account = account.filter(|account| account.user.kind == UserKind::Account);
        account.ok_or_else(|| unknown_user(name_or_id))
    }

    async fn auth_factors(&self, account: Account, settings: &UserPoolSettings) -> Result<AuthFactors> {
        let has_passkey = !self.store.passkeys_of(&account.user.id).await?.is_empty();
        Ok(AuthFactors::of(account, settings, has_passkey))
    }
}

impl AuthFactors {
    fn of(account: Account, settings: &UserPoolSettings, has_passkey: bool) -> Self {
        let has = |factor: &FirstFactor| match factor {
            FirstFactor::Password => account.password.is_some(),
            FirstFactor::EmailOtp => account.user.email.is_some() && account.user.email_verified,
            FirstFactor::SmsOtp => account.user.phone.is_some() && account.user.phone_verified,
            FirstFactor::WebAuthn => has_passkey,
        };
        let is_ready = account.user.status == UserStatus::Confirmed;
        let is_open = |factor: &FirstFactor| *factor == FirstFactor::Password || is_ready;
        let first = settings.first_factors().iter().copied().filter(|factor| has(factor) && is_open(factor));
        Self { first: first.collect(), has_software_token: account.totp_secret.is_some(), user: account.user }
    }
}
