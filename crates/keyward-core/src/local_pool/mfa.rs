//! Second factors: the software token of an authenticator application.

use serde_json::json;

use super::session::{Bearer, Opening};
use super::sign_in::{Answer, Question, SignIn};
use super::software_token;
use crate::caller::Origin;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::secret::Secret;

/// What the secret of a software token is sealed for.
const PURPOSE: &str = "software token";

impl Keyward {
    /// Takes the one-time code that a [`Question::SoftwareToken`] asked for.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), or while attempts are locked;
    /// `CodeMismatch`, after which the session is still good; `CodeExpired` for a code that was used before.
    pub async fn show_code(&self, answer: Answer<'_>, code: &Secret) -> Result<SignIn> {
        let asked = self.open_question(&answer, Question::SoftwareToken).await?;
        let user = &asked.account.user;
        let counter = self.counter("mfa", &user.id)?;
        self.refuse_while_locked(&asked.through.pool, &counter).await?;
        let secret = asked.account.totp_secret.as_deref().ok_or_else(no_software_token)?;
        let Some(step) = self.matching_step(secret, code)? else {
            let change =
                self.failed_sign_in(&answer.request, &asked.through, Some(user), asked.method, "wrong_code");
            self.count_failure(&asked.through.pool, &counter, &change).await?;
            return Err(Error::new(Code::CodeMismatch, "Invalid code received for user"));
        };
        self.open_session(Opening {
            request: answer.request,
            through: &asked.through,
            account: &asked.account,
            method: asked.method,
            counter: Some(&counter),
            challenge: Some((&asked.id, asked.expires_at_ms)),
            totp_step: Some(step),
        })
        .await
        .inspect(|_| asked.leave.give_back())
    }

    /// A new secret for the authenticator application of whoever shows `access_token`: 32 characters of
    /// base32, shown once. It counts for nothing until [`Keyward::verify_software_token`] has seen a code of
    /// it; until then a token that is in use stays.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and without MFA where signing in asks for it: who only
    /// knows the password must not replace the second factor.
    pub async fn associate_software_token(&self, origin: &Origin, access_token: &Secret) -> Result<Secret> {
        let bearer = self.bearer(access_token).await?;
        bearer.require_second_factor()?;
        let secret = software_token::generate(&self.random);
        let sealed = self.master_key.seal(&self.random, PURPOSE, secret.expose().as_bytes())?;
        let change =
            self.change(&bearer.caller(origin), "user.associate-software-token", bearer.target(), json!({}));
        self.store.set_pending_totp(&bearer.account.user.id, &sealed, &change).await?;
        Ok(secret)
    }

    /// Puts the secret into use that was given last, which `code` proves to be in the application. Signing in
    /// asks for it once [`Keyward::set_software_token_mfa`] says so.
    ///
    /// # Errors
    /// `Unauthenticated` as for [`Keyward::associate_software_token`]; `NotFound(SoftwareToken)` when none
    /// was given; `CodeMismatch`; `Conflict` when another one was given at the same moment.
    pub async fn verify_software_token(
        &self,
        origin: &Origin,
        access_token: &Secret,
        code: &Secret,
    ) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        bearer.require_second_factor()?;
        let pending = bearer.account.totp_pending.as_deref().ok_or_else(no_software_token)?;
        let step = self
            .matching_step(pending, code)?
            .ok_or_else(|| Error::new(Code::CodeMismatch, "Code mismatch"))?;
        let change =
            self.change(&bearer.caller(origin), "user.verify-software-token", bearer.target(), json!({}));
        let (user_id, now_ms) = (&bearer.account.user.id, self.clock.now_ms());
        self.store.prove_totp(user_id, pending, step, now_ms, &change).await
    }

    /// Makes signing in ask for a code of the software token, or no longer.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and for switching off in a session without MFA;
    /// `InvalidInput` when there is no proven software token; `Conflict` when no admin would be left who can
    /// sign in.
    pub async fn set_software_token_mfa(
        &self,
        origin: &Origin,
        access_token: &Secret,
        is_enabled: bool,
    ) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        let user = &bearer.account.user;
        if is_enabled && bearer.account.totp_secret.is_none() {
            return Err(Error::invalid("software_token_mfa", "User has not verified software token mfa"));
        }
        if is_enabled == user.mfa {
            return Ok(());
        }
        bearer.require_second_factor()?;
        let detail = json!({ "software_token": is_enabled });
        let change = self.change(&bearer.caller(origin), "user.set-mfa", bearer.target(), detail);
        self.store.set_totp_enabled(&user.id, is_enabled, self.clock.now_ms(), &change).await
    }

    fn matching_step(&self, sealed: &str, code: &Secret) -> Result<Option<i64>> {
        let unreadable = || Error::internal(anyhow::anyhow!("a stored software token can't be read"));
        let secret = self.master_key.open(PURPOSE, sealed).ok_or_else(unreadable)?;
        let secret = Secret::from(str::from_utf8(&secret).map_err(|_| unreadable())?);
        Ok(software_token::matching_step(&secret, code.expose(), self.clock.now_seconds()))
    }
}

impl Bearer {
    /// Where signing in asks for a second factor, only a session that has shown it may change it.
    fn require_second_factor(&self) -> Result<()> {
        if self.account.user.mfa && !self.session.mfa {
            return Err(Error::unauthenticated(
                "Sign in with a code of your software token before you change it.",
            ));
        }
        Ok(())
    }
}

fn no_software_token() -> Error {
    Error::not_found(Thing::SoftwareToken, "Software Token MFA does not exist for the user.")
}
