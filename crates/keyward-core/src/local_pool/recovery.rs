//! A forgotten password, set anew by whoever reads what is sent to the user's proven address.
//!
//! Where the app client hides who exists, a name that nobody has, and a user who can't be helped, are answered
//! as anybody is, in words and in work: a code is made that nobody ever sees.

use serde_json::json;

use super::LocalPool;
use super::factor::SecondFactor;
use super::password::Line;
use super::self_service::{SelfService, target, unknown_combination};
use super::session::user_disabled;
use crate::app_client::PoolClient;
use crate::audit::{Change, Outcome, Target};
use crate::caller::{Caller, Origin};
use crate::code::{CodeDelivery, CodeOwner, NewCode, Purpose, ShownCode, code_void};
use crate::directory::Directory as _;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::permission::MANAGE_USERS;
use crate::secret::Secret;
use crate::store::Account;
use crate::user::{User, UserKind, UserStatus, unknown_user};
use crate::user_pool::{RecoveryMechanism, UserPoolSettings};

/// Whose password it is that was forgotten.
enum Forgotten<'a> {
    /// Somebody's, who has proven this address.
    Of { user: &'a User, channel: Channel, address: &'a str },
    /// Nobody's that could be helped, for a reason that the audit log has.
    Hopeless { user: Option<&'a User>, reason: &'static str, refusal: Error },
}

impl Keyward {
    /// Sends a code to a proven address of the user, with which the password can be set anew. No second factor
    /// of theirs goes there: else whoever reads what is sent to it would have both.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `Unauthenticated` where an administrator alone can help; `DeliveryFailed`,
    /// `LimitExceeded`; `TooManyRequests` for an address from which too much comes. Where the client doesn't
    /// hide who exists: `NotFound(User)`, `Unauthenticated` for a disabled user or one who has not chosen a
    /// password yet, `InvalidInput` for one without a proven address.
    pub async fn forgot_password(&self, asked: SelfService<'_>) -> Result<CodeDelivery> {
        const ACTION: &str = "user.forgot-password";
        let through = self.client_of(&asked).await?;
        through.pool.require_changeable()?;
        let mut channels = self.recovery_channels(&through.settings)?;
        let seeming = through.seeming_delivery(asked.username, &mut channels);
        self.leave_to_send(asked.origin).await?;
        let account = through.account_named(asked.username, false).await?;
        let (pool, settings, purpose) = (&through.pool, &through.settings, Purpose::Password);
        spare_second_factors(&mut channels, account.as_ref(), settings);
        let (code, target, outcome, reason) = match forgotten(account.as_ref(), &channels) {
            Forgotten::Of { user, channel, address: to } => {
                let owner = CodeOwner::User(user);
                let new = NewCode { pool, settings, owner, purpose, lifetime_ms: None, channel, to };
                (self.new_code(&new)?, target(Some(user)), Outcome::Done, None)
            }
            Forgotten::Hopeless { user, reason, refusal } => {
                let Some(CodeDelivery { channel, .. }) = seeming else { return Err(refusal) };
                let (owner, to) = (CodeOwner::Nobody(asked.username), asked.username);
                let new = NewCode { pool, settings, owner, purpose, lifetime_ms: None, channel, to };
                (self.new_code(&new)?, target(user), Outcome::Failed, Some(reason))
            }
        };
        let delivery = seeming.unwrap_or_else(|| code.delivery.clone());
        let detail = json!({ "client": through.client.id, "reason": reason });
        let caller = Caller::nobody(asked.origin.clone());
        let change = Change::of(self.event(&caller, ACTION, target, outcome, detail));
        self.store.record_event(&change.with_code(code)).await?;
        Ok(delivery)
    }

    /// Sets the password of the user to whom `code` was sent, and confirms them. All their sessions end, and
    /// what has failed before is forgotten; the second factor stays.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `PasswordRejected`, after which the code is still good; `CodeMismatch`,
    /// `CodeExpired`; `TooManyRequests`; and as for [`Keyward::forgot_password`].
    pub async fn set_forgotten_password(
        &self,
        asked: SelfService<'_>,
        code: &Secret,
        password: &Secret,
    ) -> Result<()> {
        const ACTION: &str = "user.set-forgotten-password";
        let through = self.client_of(&asked).await?;
        through.pool.require_changeable()?;
        let mut channels = self.recovery_channels(&through.settings)?;
        let leave = self.leave_to_try(asked.origin).await?;
        // Before anything depends on the user, and before the code is guessed at.
        through.settings.password_policy.check(password)?;
        let pool = &through.pool;
        let account = through.account_named(asked.username, false).await?;
        spare_second_factors(&mut channels, account.as_ref(), &through.settings);
        let user = match forgotten(account.as_ref(), &channels) {
            Forgotten::Of { user, .. } => Some(user),
            Forgotten::Hopeless { .. } if through.client.settings.hides_unknown_users => None,
            Forgotten::Hopeless { refusal, .. } => return Err(refusal),
        };
        let owner = user.map_or(CodeOwner::Nobody(asked.username), CodeOwner::User);
        let failure = self.wrong_recovery_code(asked.origin, &through, account.as_ref(), ACTION);
        let is_hidden = through.client.settings.hides_unknown_users;
        let shown = ShownCode { pool, owner, purpose: Purpose::Password, code, is_hidden };
        let good = self.check_code(&shown, Some(&failure)).await?;
        let mut user = user.cloned().ok_or_else(code_void)?;
        // It may have gone to an address that is the user's no more, or no longer proven, or by a way by which
        // none goes any more.
        if proven_address(&user, &[good.channel]) != Some((good.channel, &good.destination))
            || !channels.contains(&good.channel)
        {
            return Err(code_void());
        }
        let version = user.version;
        user.status = UserStatus::Confirmed;
        user.updated_at_ms = self.clock.now_ms();
        let record = pool.password_record(Line::SignIn, &user, password, false).await?;
        let counter = self.counter("password", &pool.identifiers.key(&user.username))?;
        let caller = Caller::person(asked.origin.clone(), &user, "", false);
        let detail = json!({ "client": through.client.id });
        let change = self.change(&caller, ACTION, target(Some(&user)), detail).using_code(good);
        self.store.recover_password(&user, version, &record, &counter, &change).await?;
        leave.give_back();
        Ok(())
    }

    /// Makes the account of this pool need a new password, and sends a code for it to a proven address of the
    /// user; until they have set one, the old one lets nobody in, and their sessions end. Whoever needs one
    /// already isn't sent another code.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`;
    /// `Unauthenticated` for an account that can't be helped so, `InvalidInput` for one without a proven
    /// address; `Conflict` for the last admin; `DeliveryFailed`, `LimitExceeded`.
    pub async fn require_new_password_in(
        &self,
        pool: &LocalPool,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<()> {
        const ACTION: &str = "user.require-new-password";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let account = pool.account(name_or_id).await?.ok_or_else(|| unknown_user(name_or_id))?;
            let user = &account.user;
            self.require_over(caller, &user.id).await?;
            if !user.enabled {
                return Err(Error::unauthenticated("User is disabled"));
            }
            match user.status {
                UserStatus::Confirmed if user.kind == UserKind::Account => {}
                UserStatus::ResetRequired => return Ok(()),
                _ => {
                    let message = "User password cannot be reset in the current state.";
                    return Err(Error::unauthenticated(message));
                }
            }
            let settings = pool.settings().await?;
            let mut channels = self.recovery_channels(&settings)?;
            spare_second_factors(&mut channels, Some(&account), &settings);
            let (channel, to) = proven_address(user, &channels).ok_or_else(no_proven_address)?;
            let code = self.new_code(&NewCode {
                pool,
                settings: &settings,
                owner: CodeOwner::User(user),
                purpose: Purpose::Password,
                lifetime_ms: None,
                channel,
                to,
            })?;
            let change = self.change(caller, ACTION, target(Some(user)), json!({}));
            let (status, updated_at_ms) = (UserStatus::ResetRequired, self.clock.now_ms());
            let user = User { status, updated_at_ms, ..account.user };
            pool.update(&user, &change.with_code(code)).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// By which ways a code can go that lets a forgotten password be set, the preferred one first.
    fn recovery_channels(&self, settings: &UserPoolSettings) -> Result<Vec<Channel>> {
        let channel = |mechanism: &RecoveryMechanism| match mechanism {
            RecoveryMechanism::VerifiedEmail => Some(Channel::Email),
            RecoveryMechanism::VerifiedPhoneNumber => Some(Channel::Sms),
            RecoveryMechanism::AdminOnly => None,
        };
        let channels: Vec<_> = settings.recovery().iter().filter_map(channel).collect();
        if channels.is_empty() {
            return Err(Error::unauthenticated("Contact administrator to reset password."));
        }
        self.sendable(channels)
    }

    fn wrong_recovery_code(
        &self,
        origin: &Origin,
        through: &PoolClient,
        account: Option<&Account>,
        action: &str,
    ) -> Change {
        let detail = json!({ "client": through.client.id, "reason": "wrong_code" });
        let user = account.map(|account| &account.user);
        let caller = Caller::nobody(origin.clone());
        Change::of(self.event(&caller, action, target(user), Outcome::Failed, detail))
    }
}

/// Whether the account's password can be set anew, and by which of these ways.
fn forgotten<'a>(account: Option<&'a Account>, channels: &[Channel]) -> Forgotten<'a> {
    let user = account.map(|account| &account.user).filter(|user| user.kind == UserKind::Account);
    let hopeless = |reason, refusal| Forgotten::Hopeless { user, reason, refusal };
    let Some(known) = user else {
        return hopeless("unknown_user", unknown_combination());
    };
    if !known.enabled {
        return hopeless("disabled", user_disabled());
    }
    match (known.status, proven_address(known, channels)) {
        (UserStatus::Confirmed | UserStatus::ResetRequired, Some((channel, address))) => {
            Forgotten::Of { user: known, channel, address }
        }
        (UserStatus::ForceChangePassword, _) | (UserStatus::Unconfirmed, Some(_)) => hopeless(
            "not_confirmed",
            Error::unauthenticated("User password cannot be reset in the current state."),
        ),
        _ => hopeless("no_proven_address", no_proven_address()),
    }
}

/// Takes away the ways by which a sign-in could send the account's second factor: one address would be both.
fn spare_second_factors(channels: &mut Vec<Channel>, account: Option<&Account>, settings: &UserPoolSettings) {
    let factors = account.map(|account| account.usable_factors(settings)).unwrap_or_default();
    channels.retain(|channel| match channel {
        Channel::Email => !factors.contains(&SecondFactor::Email),
        Channel::Sms => !factors.contains(&SecondFactor::Sms),
        Channel::Nowhere => true,
    });
}

/// The user's proven address that one of these ways leads to.
fn proven_address<'a>(user: &'a User, channels: &[Channel]) -> Option<(Channel, &'a str)> {
    channels.iter().find_map(|channel| {
        let (address, is_proven) = user.address(*channel)?;
        is_proven.then_some((*channel, address))
    })
}

fn no_proven_address() -> Error {
    Error::invalid(
        "username",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )
}
