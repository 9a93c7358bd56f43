//! What users change of their own accounts, with an access token.

use serde_json::json;

use super::password::Line;
use super::session::Bearer;
use crate::audit::{Change, Outcome};
use crate::caller::Origin;
use crate::code::{CodeDelivery, CodeOwner, NewCode, Purpose, ShownCode, code_void};
use crate::directory::Directory as _;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;

/// An address that a code can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Provable {
    /// As an attribute.
    pub(crate) name: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) channel: Channel,
}

impl Provable {
    const EMAIL: Self = Self { name: "email", purpose: Purpose::Email, channel: Channel::Email };
    const PHONE: Self = Self { name: "phone_number", purpose: Purpose::Phone, channel: Channel::Sms };

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
        let Some((to, _)) = user.attribute(provable.name) else {
            return Err(Error::invalid("attribute_name", format!("The user has no {}.", provable.name)));
        };
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
            code,
        };
        let good = self.check_code(&shown, &self.failed(&bearer, origin, ACTION, "wrong_code")).await?;
        let mut user = bearer.account.user.clone();
        let (address, is_verified) = match good.channel {
            Channel::Sms => (&user.phone, &mut user.phone_verified),
            Channel::Email | Channel::Nowhere => (&user.email, &mut user.email_verified),
        };
        // It proves the address that it went to, and no other that was set since.
        if address.as_ref() != Some(&good.destination) {
            return Err(code_void());
        }
        *is_verified = true;
        user.updated_at_ms = self.clock.now_ms();
        let detail = json!({ "attribute": provable.name });
        let change = self.change(&bearer.caller(origin), ACTION, bearer.target(), detail).using_code(good);
        bearer.pool.update(&user, &change).await?;
        leave.give_back();
        Ok(())
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
