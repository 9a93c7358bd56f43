//! What users change of their own accounts, with an access token.

use std::collections::BTreeMap;

use serde_json::json;

use super::password::Line;
use super::session::Bearer;
use crate::audit::{Change, Outcome};
use crate::caller::Origin;
use crate::code::{CodeDelivery, CodeOwner, NewCode, Purpose, ShownCode};
use crate::directory::Directory as _;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::user::AttributeChanges;
use crate::user_pool::{Occasion, UserPoolSettings};

/// An address that a code can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provable {
    /// As an attribute.
    pub(super) name: &'static str,
    pub(super) purpose: Purpose,
    pub(super) channel: Channel,
}

impl Provable {
    pub(super) const EMAIL: Self = Self { name: "email", purpose: Purpose::Email, channel: Channel::Email };
    pub(super) const PHONE: Self =
        Self { name: "phone_number", purpose: Purpose::Phone, channel: Channel::Sms };

    fn named(attribute: &str) -> Result<Self> {
        [Self::EMAIL, Self::PHONE].into_iter().find(|provable| provable.name == attribute).ok_or_else(|| {
            Error::invalid("attribute_name", "Only email and phone_number can be verified by a code.")
        })
    }
}

impl Keyward {
    /// Sends a code to the address of whoever shows `access_token` that this attribute (`email` or
    /// `phone_number`) holds, to prove it.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good; `InvalidInput` when there is no such address;
    /// `DeliveryFailed`, `LimitExceeded`.
    pub async fn send_attribute_code(
        &self,
        origin: &Origin,
        access_token: &Secret,
        attribute: &str,
    ) -> Result<CodeDelivery> {
        let bearer = self.bearer(access_token).await?;
        let provable = Provable::named(attribute)?;
        let user = &bearer.account.user;
        let current = user.address(provable.channel).map(|(address, _)| address);
        // A new address that waits to be proven comes first.
        let (pool_id, replaces) = (bearer.pool.id(), current.unwrap_or_default());
        let pending = self.store.pending_address(pool_id, &user.id, provable.purpose, replaces).await?;
        let Some(to) = pending.as_deref().or(current) else {
            return Err(Error::invalid("attribute_name", format!("The user has no {}.", provable.name)));
        };
        self.leave_to_send(origin).await?;
        let code = self.new_code(&NewCode {
            pool: &bearer.pool,
            settings: &bearer.pool.settings().await?,
            owner: CodeOwner::User(user),
            purpose: provable.purpose,
            lifetime_ms: None,
            channel: provable.channel,
            to,
        })?;
        let delivery = code.delivery.clone();
        let detail = json!({ "attribute": provable.name });
        let change = self.change(&bearer.caller(origin), "user.send-code", bearer.target(), detail);
        self.store.record_event(&change.with_code(code)).await?;
        Ok(delivery)
    }

    /// Proves the address of whoever shows `access_token` to which `code` was sent.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good; `CodeMismatch`, `CodeExpired`; `TooManyRequests` for
    /// an address from which too much fails.
    pub async fn verify_attribute(
        &self,
        origin: &Origin,
        access_token: &Secret,
        attribute: &str,
        code: &Secret,
    ) -> Result<()> {
        const ACTION: &str = "user.verify-attribute";
        let bearer = self.bearer(access_token).await?;
        let provable = Provable::named(attribute)?;
        let leave = self.leave_to_try(origin).await?;
        let shown = ShownCode {
            pool: &bearer.pool,
            owner: CodeOwner::User(&bearer.account.user),
            purpose: provable.purpose,
            is_hidden: false,
            code,
        };
        let good = self.check_code(&shown, Some(&self.failed(&bearer, origin, ACTION, "wrong_code"))).await?;
        let mut user = bearer.account.user.clone();
        good.prove(&mut user)?;
        user.updated_at_ms = self.clock.now_ms();
        let detail = json!({ "attribute": provable.name });
        let change = self.change(&bearer.caller(origin), ACTION, bearer.target(), detail).using_code(good);
        bearer.pool.update(&user, &change).await?;
        leave.give_back();
        Ok(())
    }

    /// Changes attributes of whoever shows `access_token`; an empty value takes one away. A new address is
    /// unproven; where the pool proves such addresses, a code goes to it, and where it says so, the old one
    /// stays until then.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and for attributes that the client may not write;
    /// `InvalidInput` for what the schema doesn't allow; `AlreadyExists(Alias)` for an address that is another
    /// user's name; `DeliveryFailed`, `LimitExceeded`, `TooManyRequests`.
    pub async fn update_own_attributes(
        &self,
        origin: &Origin,
        access_token: &Secret,
        attributes: BTreeMap<String, String>,
    ) -> Result<Vec<CodeDelivery>> {
        let bearer = self.bearer(access_token).await?;
        let through = self.pool_client(&bearer.session.client_id).await?;
        through.require_writable(attributes.keys())?;
        let (before, settings) = (&bearer.account.user, &through.settings);
        if attributes.contains_key("email") || attributes.contains_key("phone_number") {
            // A second factor's codes go there.
            self.require_second_factor(&bearer, settings).await?;
        }
        let named: Vec<_> = attributes.keys().cloned().collect();
        let given = |value: String| Some(value).filter(|value| !value.is_empty());
        let mut changes: AttributeChanges =
            attributes.into_iter().map(|(name, value)| (name, given(value))).collect();
        settings.require_names_kept(&changes)?;
        let mut wished = before.clone();
        wished.change_attributes(&changes, settings, Occasion::Change)?;
        let is_in = |names: &[String], provable: &Provable| names.iter().any(|name| name == provable.name);
        let to_prove = |provable: Provable| {
            let (address, _) = wished.address(provable.channel)?;
            let is_new = before.address(provable.channel).is_none_or(|(before, _)| before != address);
            (is_new && is_in(&settings.auto_verified, &provable)).then_some((provable, address))
        };
        let to_prove: Vec<_> = [Provable::EMAIL, Provable::PHONE].into_iter().filter_map(to_prove).collect();
        for (provable, _) in &to_prove {
            if is_in(&settings.verified_before_update, provable) {
                changes.remove(provable.name);
            }
        }
        if !to_prove.is_empty() {
            self.leave_to_send(origin).await?;
        }
        let mut user = before.clone();
        user.change_attributes(&changes, settings, Occasion::Change)?;
        user.updated_at_ms = self.clock.now_ms();
        let detail = json!({ "changed": named });
        let mut change = self.change(&bearer.caller(origin), "user.update", bearer.target(), detail);
        let mut deliveries = Vec::with_capacity(to_prove.len());
        for (provable, to) in to_prove {
            let code = self.new_code(&NewCode {
                pool: &bearer.pool,
                settings,
                owner: CodeOwner::User(&user),
                purpose: provable.purpose,
                lifetime_ms: None,
                channel: provable.channel,
                to,
            })?;
            deliveries.push(code.delivery.clone());
            change = change.with_code(code);
        }
        bearer.pool.update(&user, &change).await?;
        Ok(deliveries)
    }

    /// Takes attributes away from whoever shows `access_token`.
    ///
    /// # Errors
    /// As [`Keyward::update_own_attributes`].
    pub async fn delete_own_attributes(
        &self,
        origin: &Origin,
        access_token: &Secret,
        names: Vec<String>,
    ) -> Result<()> {
        let without = names.into_iter().map(|name| (name, String::new())).collect();
        self.update_own_attributes(origin, access_token, without).await.map(drop)
    }

    /// Changes the password of whoever shows `access_token` and knows the one before. Their other sessions
    /// end: whoever may have signed in with the old password is out. (Amazon lets them go on.)
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, a wrong `previous` password, and while attempts are
    /// locked, for a wrong one counts as it does at a sign-in; `PasswordRejected`; `TooManyRequests`.
    pub async fn change_password(
        &self,
        origin: &Origin,
        access_token: &Secret,
        previous: Option<&Secret>,
        proposed: &Secret,
    ) -> Result<()> {
        const ACTION: &str = "user.change-password";
        let bearer = self.bearer(access_token).await?;
        let pool = &bearer.pool;
        pool.require_changeable()?;
        let leave = self.leave_to_try(origin).await?;
        let mut user = bearer.account.user.clone();
        if let Some(stored) = &bearer.account.password {
            let previous = previous.ok_or_else(|| {
                Error::invalid(
                    "previous_password",
                    "PreviousPassword is required, for the user has a password.",
                )
            })?;
            let counter = self.counter("password", &pool.identifiers.key(&user.username))?;
            self.refuse_while_locked(pool, &counter).await?;
            if !pool.hasher.verify(previous, &stored.hash).await? {
                let failure = self.failed(&bearer, origin, ACTION, "wrong_password");
                self.count_failure(pool, &counter, &failure).await?;
                return Err(Error::unauthenticated("Incorrect username or password."));
            }
            self.forget_failures(pool, &counter).await?;
        }
        leave.give_back();
        let version = user.version;
        user.updated_at_ms = self.clock.now_ms();
        let record = pool.password_record(Line::SignIn, &user, proposed, false).await?;
        let change = self.change(&bearer.caller(origin), ACTION, bearer.target(), json!({}));
        self.store.change_password(&user, version, &record, &bearer.session.id, &change).await
    }

    /// Deletes the account of whoever shows `access_token`, and with it their sessions, roles and keys.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good; `Conflict` for the last admin.
    pub async fn delete_own_account(&self, origin: &Origin, access_token: &Secret) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        let user = &bearer.account.user;
        let detail = json!({ "kind": user.kind, "roles": user.roles });
        let change = self.change(&bearer.caller(origin), "user.delete", bearer.target(), detail);
        bearer.pool.delete(user, &change).await
    }

    fn failed(&self, bearer: &Bearer, origin: &Origin, action: &str, reason: &str) -> Change {
        let detail = json!({ "reason": reason });
        Change::of(self.event(&bearer.caller(origin), action, bearer.target(), Outcome::Failed, detail))
    }
}

impl UserPoolSettings {
    /// Refuses to take away what the user is known by.
    fn require_names_kept(&self, changes: &AttributeChanges) -> Result<()> {
        let is_taken = |name: &&String| changes.get(*name).is_some_and(Option::is_none);
        match self.identifiers.username_attributes.iter().find(is_taken) {
            Some(name) => Err(Error::invalid(
                "attributes",
                format!("{name} can't be deleted, for it is the user's name."),
            )),
            None => Ok(()),
        }
    }
}
