//! Second factors at a sign-in: codes of an authenticator application, codes that are sent; and how the
//! application is set up.

use serde_json::json;

use super::challenge::SetUp;
use super::factor::SecondFactor;
use super::session::{Bearer, Opening, Shown};
use super::sign_in::{
    Answer, Asked, Challenge, Method, Question, SignIn, SignInRequest, ask, ask_on, challenge_used,
    invalid_session,
};
use super::software_token;
use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::{Caller, Origin};
use crate::code::{CodeOwner, NewCode, Purpose, ShownCode};
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::store::Account;
use crate::user_pool::{MfaMode, UserPoolSettings};

/// What the secret of a software token is sealed for.
const PURPOSE: &str = "software token";

impl Keyward {
    /// Asks for this second factor; a code is sent where it takes one.
    pub(super) async fn ask_for(
        &self,
        factor: SecondFactor,
        request: SignInRequest<'_>,
        through: &PoolClient,
        account: &Account,
        method: Method,
    ) -> Result<SignIn> {
        let challenge = ask(through, factor.into(), account, method)?;
        let (Some(channel), Some(to)) = (channel(factor), account.address(factor)) else {
            return Ok(SignIn::Challenge(challenge));
        };
        let user = &account.user;
        let code = self.new_code(&NewCode {
            pool: &through.pool,
            settings: &through.settings,
            owner: CodeOwner::User(user),
            purpose: Purpose::SecondFactor,
            lifetime_ms: Some(through.client.settings.challenge_minutes * 60_000),
            channel,
            to,
        })?;
        let delivery = Some(code.delivery.clone());
        let caller = Caller::person(request.origin.clone(), user, "", false);
        let target = Target::new("user", &user.id, &user.username);
        let detail = request.told(json!({ "factor": factor }));
        let change = self.change(&caller, "user.send-code", target, detail);
        self.store.record_event(&change.with_code(code)).await?;
        Ok(SignIn::Challenge(Challenge { delivery, ..challenge }))
    }

    /// Takes the answer to a [`Question::SelectFactor`].
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more); `InvalidInput` for a factor that there is
    /// no choice of, after which the session is still good; `LimitExceeded` when too many codes were sent.
    pub async fn select_factor(&self, answer: Answer<'_>, factor: SecondFactor) -> Result<SignIn> {
        let asked = self.open_question(&answer, Question::SelectFactor).await?;
        if !asked.account.usable_factors(&asked.through.settings).contains(&factor) {
            return Err(Error::invalid("answer", "That isn't one of the factors to choose from."));
        }
        self.use_up(&asked).await?;
        asked.leave.give_back();
        self.ask_for(factor, answer.request, &asked.through, &asked.account, asked.method).await
    }

    /// Takes the one-time code that a [`Question::SoftwareToken`] asked for.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), or while attempts are locked;
    /// `CodeMismatch`, after which the session is still good; `CodeExpired` for a code that was used before.
    pub async fn show_code(&self, answer: Answer<'_>, code: &Secret) -> Result<SignIn> {
        let asked = self.open_question(&answer, Question::SoftwareToken).await?;
        let counter = self.counter("mfa", &asked.account.user.id)?;
        self.refuse_while_locked(&asked.through.pool, &counter).await?;
        let secret = asked.account.totp_secret.as_deref().ok_or_else(no_software_token)?;
        let Some(step) = self.matching_step(&self.opened_secret(secret)?, code) else {
            return Err(self
                .code_was_wrong(&answer, &asked, &counter, "Invalid code received for user")
                .await);
        };
        let shown = Shown::SoftwareToken { step: Some(step) };
        self.open_session_with(&answer, &asked, &counter, shown).await
    }

    /// Takes the code that a [`Question::Sms`] or [`Question::Email`] asked for.
    ///
    /// # Errors
    /// As [`Keyward::show_code`].
    pub async fn show_sent_code(
        &self,
        answer: Answer<'_>,
        factor: SecondFactor,
        code: &Secret,
    ) -> Result<SignIn> {
        const WRONG: &str = "Invalid code or auth state for the user.";
        let asked = self.open_question(&answer, factor.into()).await?;
        self.refuse_used(&asked.id).await?;
        let user = &asked.account.user;
        let counter = self.counter("mfa", &user.id)?;
        self.refuse_while_locked(&asked.through.pool, &counter).await?;
        let (pool, owner) = (&*asked.through.pool, CodeOwner::User(user));
        let shown = ShownCode { pool, owner, purpose: Purpose::SecondFactor, code, is_hidden: false };
        match self.check_code(&shown, None).await {
            // The one that was asked for last is the only one that is good.
            Ok(good) if Some(good.channel) == channel(factor) => {
                self.open_session_with(&answer, &asked, &counter, Shown::Code(good)).await
            }
            Err(error) if !matches!(error.code, Code::CodeMismatch | Code::CodeExpired) => Err(error),
            Ok(_) | Err(_) => Err(self.code_was_wrong(&answer, &asked, &counter, WRONG).await),
        }
    }

    async fn open_session_with(
        &self,
        answer: &Answer<'_>,
        asked: &Asked,
        counter: &str,
        shown: Shown,
    ) -> Result<SignIn> {
        let opening = Opening {
            request: answer.request,
            through: &asked.through,
            account: &asked.account,
            method: asked.method,
            counter: Some(counter),
            challenge: Some((&asked.id, asked.expires_at_ms)),
            second: Some(shown),
            first_code: None,
        };
        self.open_session(opening).await.inspect(|_| asked.leave.give_back())
    }

    /// Counts the failure.
    async fn code_was_wrong(
        &self,
        answer: &Answer<'_>,
        asked: &Asked,
        counter: &str,
        sentence: &'static str,
    ) -> Error {
        let user = Some(&asked.account.user);
        let change = self.failed_sign_in(&answer.request, &asked.through, user, asked.method, "wrong_code");
        match self.count_failure(&asked.through.pool, counter, &change).await {
            Ok(()) => Error::new(Code::CodeMismatch, sentence),
            Err(error) => error,
        }
    }

    async fn use_up(&self, asked: &Asked) -> Result<()> {
        let is_first = self.store.use_once(&asked.id, asked.expires_at_ms).await?;
        if is_first { Ok(()) } else { Err(challenge_used()) }
    }

    /// A new secret for the authenticator application of whoever shows `access_token`: 32 characters of
    /// base32, shown once. It counts for nothing until [`Keyward::verify_software_token`] has seen a code of
    /// it; until then a token that is in use stays.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and without MFA where signing in asks for it: who only
    /// knows the password must not replace the second factor. `NotFound(SoftwareToken)` where the pool has no
    /// such factor.
    pub async fn associate_software_token(&self, origin: &Origin, access_token: &Secret) -> Result<Secret> {
        let bearer = self.bearer(access_token).await?;
        let settings = bearer.pool.settings().await?;
        self.require_second_factor(&bearer, &settings).await?;
        require_software_token(&settings)?;
        let secret = software_token::generate(&self.random);
        let sealed = self.sealed_secret(&secret)?;
        let change =
            self.change(&bearer.caller(origin), "user.associate-software-token", bearer.target(), json!({}));
        self.store.set_pending_totp(&bearer.account.user.id, &sealed, &change).await?;
        Ok(secret)
    }

    /// The same for somebody who has yet to set up a second factor before there are tokens
    /// ([`Question::SetUpFactor`]); with the session to go on with.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more); `NotFound(SoftwareToken)` where the pool
    /// has no such factor.
    pub async fn associate_in_sign_in(&self, origin: &Origin, session: &Secret) -> Result<(Secret, Secret)> {
        let (_, asked) = self.open_set_up(origin, session).await?;
        require_software_token(&asked.through.settings)?;
        if matches!(asked.set_up, Some(SetUp::Done)) {
            return Err(invalid_session());
        }
        self.use_up(&asked).await?;
        let secret = software_token::generate(&self.random);
        let set_up = Some(SetUp::Given(secret.clone()));
        let next = ask_on(&asked.through, Question::SetUpFactor, &asked.account.user, asked.method, set_up)?;
        asked.leave.give_back();
        Ok((secret, next.session))
    }

    /// Puts the secret into use that was given last, which `code` proves to be in the application. Signing in
    /// asks for it once [`Keyward::set_mfa_preference`] says so.
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
        self.require_second_factor(&bearer, &bearer.pool.settings().await?).await?;
        let pending = bearer.account.totp_pending.as_deref().ok_or_else(no_software_token)?;
        let step = self.matching_step(&self.opened_secret(pending)?, code).ok_or_else(code_mismatch)?;
        let change =
            self.change(&bearer.caller(origin), "user.verify-software-token", bearer.target(), json!({}));
        let (user_id, now_ms) = (&bearer.account.user.id, self.clock.now_ms());
        self.store.prove_totp(user_id, pending, step, now_ms, &change).await
    }

    /// The same for somebody who has yet to set up a second factor before there are tokens; signing in asks
    /// for it from now on. The session to answer [`Question::SetUpFactor`] with.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), or while attempts are locked;
    /// `NotFound(SoftwareToken)` when no secret was given; `CodeMismatch`, after which the session is still
    /// good.
    pub async fn verify_in_sign_in(
        &self,
        origin: &Origin,
        session: &Secret,
        code: &Secret,
    ) -> Result<Secret> {
        let (client_id, mut asked) = self.open_set_up(origin, session).await?;
        let Some(SetUp::Given(secret)) = asked.set_up.take() else { return Err(no_software_token()) };
        let counter = self.counter("mfa", &asked.account.user.id)?;
        self.refuse_while_locked(&asked.through.pool, &counter).await?;
        let Some(step) = self.matching_step(&secret, code) else {
            let request = SignInRequest::new(origin, &client_id);
            let answer = Answer { request, session, username: None };
            return Err(self.code_was_wrong(&answer, &asked, &counter, CODE_MISMATCH).await);
        };
        let mut user = asked.account.user;
        user.mfa_preference.set(SecondFactor::SoftwareToken, true);
        user.mfa_preference.preferred = Some(SecondFactor::SoftwareToken);
        user.updated_at_ms = self.clock.now_ms();
        let caller = Caller::person(origin.clone(), &user, "", false);
        let target = Target::new("user", &user.id, &user.username);
        let change = self.change(&caller, "user.verify-software-token", target, json!({ "sign_in": true }));
        let (sealed, challenge) = (self.sealed_secret(&secret)?, (&*asked.id, asked.expires_at_ms));
        self.store.enrol_totp(&user, &sealed, step, challenge, &change).await.map_err(|error| match error
            .code
        {
            Code::Conflict => invalid_session(),
            _ => error,
        })?;
        asked.leave.give_back();
        user.version += 1;
        let next = ask_on(&asked.through, Question::SetUpFactor, &user, asked.method, Some(SetUp::Done))?;
        Ok(next.session)
    }

    /// Goes on with a sign-in after the second factor that a [`Question::SetUpFactor`] asked for was set up.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), or was given before a code was shown.
    pub async fn finish_set_up(&self, answer: Answer<'_>) -> Result<SignIn> {
        let asked = self.open_question(&answer, Question::SetUpFactor).await?;
        if !matches!(asked.set_up, Some(SetUp::Done)) {
            return Err(invalid_session());
        }
        let counter = self.counter("mfa", &asked.account.user.id)?;
        let shown = Shown::SoftwareToken { step: None };
        self.open_session_with(&answer, &asked, &counter, shown).await
    }

    /// The question that belongs to a session which comes without the id of its app client, and that id.
    async fn open_set_up(&self, origin: &Origin, session: &Secret) -> Result<(String, Asked)> {
        let client_id = self.local_pool.client_of_challenge(session)?;
        let request = SignInRequest::new(origin, &client_id);
        // There is no SECRET_HASH in these requests; who began to sign in has shown one.
        let asked = self
            .open_any_question(&Answer { request, session, username: None }, Question::SetUpFactor)
            .await?;
        Ok((client_id, asked))
    }

    fn sealed_secret(&self, secret: &Secret) -> Result<String> {
        self.master_key.seal(&self.random, PURPOSE, secret.expose().as_bytes())
    }

    fn opened_secret(&self, sealed: &str) -> Result<Secret> {
        let unreadable = || Error::internal(anyhow::anyhow!("a stored software token can't be read"));
        let secret = self.master_key.open(PURPOSE, sealed).ok_or_else(unreadable)?;
        Ok(Secret::from(str::from_utf8(&secret).map_err(|_| unreadable())?))
    }

    /// Where signing in asks for a second factor, or a passkey stands for both, only a session that has shown as
    /// much may change them: whoever knows the password alone could else give themselves another. Where the
    /// pool asks nobody, no session ever has, and what is switched on keeps nobody out.
    pub(super) async fn require_second_factor(
        &self,
        bearer: &Bearer,
        settings: &UserPoolSettings,
    ) -> Result<()> {
        let user = &bearer.account.user;
        let is_asked = (user.mfa && settings.mfa != MfaMode::Off)
            || settings.mfa == MfaMode::On
            || (settings.web_authn.is_multi_factor && !self.store.passkeys_of(&user.id).await?.is_empty());
        if is_asked && !bearer.session.mfa {
            return Err(Error::unauthenticated("Sign in with your second factor before you change this."));
        }
        Ok(())
    }

    fn matching_step(&self, secret: &Secret, code: &Secret) -> Option<i64> {
        software_token::matching_step(secret, code.expose(), self.clock.now_seconds())
    }
}

const CODE_MISMATCH: &str = "Code mismatch";

fn code_mismatch() -> Error {
    Error::new(Code::CodeMismatch, CODE_MISMATCH)
}

fn channel(factor: SecondFactor) -> Option<Channel> {
    match factor {
        SecondFactor::SoftwareToken => None,
        SecondFactor::Sms => Some(Channel::Sms),
        SecondFactor::Email => Some(Channel::Email),
    }
}

fn require_software_token(settings: &UserPoolSettings) -> Result<()> {
    if settings.has_factor(SecondFactor::SoftwareToken) {
        return Ok(());
    }
    Err(Error::not_found(Thing::SoftwareToken, "Software Token MFA has not been enabled by the userPool"))
}

fn no_software_token() -> Error {
    Error::not_found(Thing::SoftwareToken, "Software Token MFA does not exist for the user.")
}
