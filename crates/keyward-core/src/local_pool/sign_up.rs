//! Signing up: people who make an account for themselves, and prove the address that they give.

use std::collections::BTreeMap;

use serde_json::json;

use super::challenge::ConfirmedState;
use super::own_account::Provable;
use super::password::Line;
use super::self_service::{SelfService, target, unknown_combination};
use super::session::user_disabled;
use super::sign_in::USER_AUTH;
use crate::app_client::PoolClient;
use crate::audit::{Change, Outcome};
use crate::caller::Caller;
use crate::code::{CodeDelivery, CodeOwner, NewCode, Purpose, ShownCode, code_void};
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::store::{Account, NewAccount};
use crate::user::{NewUser, User, UserKind, UserStatus};
use crate::user_pool::{FirstFactor, Occasion, UserPoolSettings};

/// Somebody who has signed up.
#[derive(Debug)]
pub struct SignedUp {
    /// The account, which is to be confirmed.
    pub user: User,
    /// Where the code went that confirms it; none where an administrator has to.
    pub delivery: Option<CodeDelivery>,
}

impl Keyward {
    /// Makes an account for whoever asks, to be confirmed by the code that goes to its address where the pool
    /// proves addresses so. The password may be left out where one can sign in without.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `Unauthenticated` in a pool whose users administrators make, as those of the home
    /// pool always are, and for attributes that the client may not write; `InvalidInput`, `PasswordRejected`;
    /// `AlreadyExists(User)`, also where the client hides who exists, as with Amazon; `DeliveryFailed`,
    /// `TooManyRequests`.
    pub async fn sign_up(
        &self,
        asked: SelfService<'_>,
        password: Option<&Secret>,
        attributes: BTreeMap<String, String>,
    ) -> Result<SignedUp> {
        let through = self.client_of(&asked).await?;
        let PoolClient { pool, settings, client, .. } = &*through;
        if settings.admin_create_only || self.is_home(pool.id()) {
            return Err(Error::unauthenticated("SignUp is not permitted for this user pool"));
        }
        through.require_writable(attributes.keys())?;
        if password.is_none() && !settings.is_passwordless() {
            return Err(Error::invalid("password", "Password is required in this user pool."));
        }
        self.leave_to_send(asked.origin).await?;
        let new = NewUser { username: asked.username.to_owned(), attributes, ..NewUser::default() };
        let user = self.account_in(pool.id(), settings, &new, Occasion::Creation)?;
        let user = User { status: UserStatus::Unconfirmed, ..user };
        let code = match address(&user, &self.sign_up_channels(settings)?) {
            Some((channel, to)) => {
                let (owner, purpose) = (CodeOwner::User(&user), Purpose::SignUp);
                let new = NewCode { pool, settings, owner, purpose, lifetime_ms: None, channel, to };
                // It isn't asked for: nobody is sent one more, and nobody is to be told from anybody by that.
                Some(self.new_code(&new)?.uncounted())
            }
            None => None,
        };
        let delivery = code.as_ref().map(|code| code.delivery.clone());
        let password = match password {
            Some(password) => Some(pool.password_record(Line::SignIn, &user, password, false).await?),
            None => None,
        };
        let caller = Caller::nobody(asked.origin.clone());
        let mut change =
            self.change(&caller, "user.sign-up", target(Some(&user)), json!({ "client": client.id }));
        if let Some(code) = code {
            change = change.with_code_to_newcomer(code, pool)?;
        }
        let account = NewAccount {
            user: &user,
            pool_id: pool.id(),
            identifiers: &pool.identifiers,
            password: password.as_ref(),
            takes_aliases: false,
            role_ids: &[],
            created_by: "",
        };
        self.store.insert_account(account, &change).await?;
        Ok(SignedUp { user, delivery })
    }

    /// Confirms the account to whose address `code` was sent, which proves the address. What is returned lets
    /// the user in for the first time without another code, by choice ([`Keyward::begin_choice`]), where the
    /// app client allows that flow.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `CodeMismatch`, `CodeExpired`; `AlreadyExists(Alias)` when the address stands for
    /// another user's name, unless `takes_aliases` says to take it from them; `TooManyRequests`. Where the
    /// client doesn't hide who exists: `NotFound(User)`, `Unauthenticated` for an account that is confirmed.
    pub async fn confirm_sign_up(
        &self,
        asked: SelfService<'_>,
        code: &Secret,
        takes_aliases: bool,
    ) -> Result<Option<Secret>> {
        const ACTION: &str = "user.confirm-sign-up";
        let through = self.client_of(&asked).await?;
        let PoolClient { pool, client, .. } = &*through;
        let leave = self.leave_to_try(asked.origin).await?;
        let account = through.account_named(asked.username, false).await?;
        let channels = self.sign_up_channels(&through.settings)?;
        let hides = client.settings.hides_unknown_users;
        let user = match unconfirmed(account.as_ref(), |status| {
            let status = status.as_str();
            Error::unauthenticated(format!("User cannot be confirmed. Current status is {status}"))
        }) {
            // As who was sent a code that nobody ever sees.
            Ok(user) if hides && address(user, &channels).is_none() => None,
            Ok(user) => Some(user),
            Err(_) if hides => None,
            Err(refusal) => return Err(refusal),
        };
        let detail = json!({ "client": client.id, "reason": "wrong_code" });
        let caller = Caller::nobody(asked.origin.clone());
        let failure = Change::of(self.event(&caller, ACTION, target(user), Outcome::Failed, detail));
        let owner = user.map_or(CodeOwner::Nobody(asked.username), CodeOwner::User);
        let shown = ShownCode { pool, owner, purpose: Purpose::SignUp, code, is_hidden: hides };
        let good = self.check_code(&shown, Some(&failure)).await?;
        let mut user = user.cloned().ok_or_else(code_void)?;
        good.prove(&mut user)?;
        user.status = UserStatus::Confirmed;
        user.updated_at_ms = self.clock.now_ms();
        let caller = Caller::person(asked.origin.clone(), &user, "", false);
        let detail = json!({ "client": client.id });
        let (user_id, user_version) = (user.id.clone(), user.version + 1);
        let state = ConfirmedState { user_id, user_version, channel: good.channel };
        let change = self.change(&caller, ACTION, target(Some(&user)), detail).using_code(good);
        self.store.update_user(&pool.identifiers, &user, takes_aliases, &change).await?;
        leave.give_back();
        client.settings.allows(USER_AUTH).then(|| pool.seal_confirmed(client, state)).transpose()
    }

    /// Sends another code that confirms the account.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `InvalidInput` where the pool proves no addresses; `DeliveryFailed`,
    /// `LimitExceeded`, `TooManyRequests`. Where the client doesn't hide who exists: `NotFound(User)`,
    /// `InvalidInput` for an account that is confirmed.
    pub async fn resend_sign_up_code(&self, asked: SelfService<'_>) -> Result<CodeDelivery> {
        let through = self.client_of(&asked).await?;
        let PoolClient { pool, settings, client, .. } = &*through;
        let mut channels = self.sign_up_channels(settings)?;
        let not_on =
            || Error::invalid("auto_verified", "Cannot resend codes. Auto verification not turned on.");
        if channels.is_empty() {
            return Err(not_on());
        }
        let seeming = through.seeming_delivery(asked.username, &mut channels);
        self.leave_to_send(asked.origin).await?;
        let account = through.account_named(asked.username, false).await?;
        let found =
            unconfirmed(account.as_ref(), |_| Error::invalid("username", "User is already confirmed."));
        let found = found.and_then(|user| Ok((user, address(user, &channels).ok_or_else(not_on)?)));
        let purpose = Purpose::SignUp;
        let (code, user) = match found {
            Ok((user, (channel, to))) => {
                let owner = CodeOwner::User(user);
                let new = NewCode { pool, settings, owner, purpose, lifetime_ms: None, channel, to };
                (self.new_code(&new)?, Some(user))
            }
            Err(refusal) => {
                let Some(CodeDelivery { channel, .. }) = seeming else { return Err(refusal) };
                let (owner, to) = (CodeOwner::Nobody(asked.username), asked.username);
                let new = NewCode { pool, settings, owner, purpose, lifetime_ms: None, channel, to };
                (self.new_code(&new)?, None)
            }
        };
        let outcome = if user.is_some() { Outcome::Done } else { Outcome::Failed };
        let delivery = seeming.unwrap_or_else(|| code.delivery.clone());
        let caller = Caller::nobody(asked.origin.clone());
        let detail = json!({ "client": client.id });
        let event = self.event(&caller, "user.resend-sign-up-code", target(user), outcome, detail);
        self.store.record_event(&Change::of(event).with_code(code)).await?;
        Ok(delivery)
    }

    /// By which ways a code can go that proves an address when somebody signs up: by SMS rather than by email,
    /// as with Amazon; none where the pool proves no addresses.
    fn sign_up_channels(&self, settings: &UserPoolSettings) -> Result<Vec<Channel>> {
        let is_on = |provable: &Provable| settings.auto_verified.iter().any(|name| name == provable.name);
        let proven = [Provable::PHONE, Provable::EMAIL].into_iter().filter(is_on);
        self.sendable(proven.map(|provable| provable.channel).collect())
    }
}

impl UserPoolSettings {
    /// Whether one can sign in without a password.
    pub(crate) fn is_passwordless(&self) -> bool {
        let is_code = |factor: &FirstFactor| matches!(factor, FirstFactor::EmailOtp | FirstFactor::SmsOtp);
        self.first_factors().iter().any(is_code)
    }
}

/// The user's address that a code goes to, by the first of these ways that leads to one.
fn address<'a>(user: &'a User, channels: &[Channel]) -> Option<(Channel, &'a str)> {
    channels.iter().find_map(|channel| Some((*channel, user.address(*channel)?.0)))
}

/// The user, when they are to be confirmed; `already` says what is wrong with another status.
fn unconfirmed(account: Option<&Account>, already: impl FnOnce(UserStatus) -> Error) -> Result<&User> {
    match account.map(|account| &account.user).filter(|user| user.kind == UserKind::Account) {
        Some(user) if !user.enabled => Err(user_disabled()),
        Some(user) if user.status == UserStatus::Unconfirmed => Ok(user),
        Some(user) => Err(already(user.status)),
        None => Err(unknown_combination()),
    }
}
