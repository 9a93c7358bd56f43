//! Signing in by choice (`USER_AUTH`): with which first factor, and then that one.
//!
//! Where the app client hides who exists, everybody is offered all that the pool allows. Who chooses what the
//! user doesn't have, or a user whom nobody is, is asked as anybody is, and no answer is right: were less
//! offered to some, it would tell of them.

use std::sync::Arc;

use serde_json::json;

use super::challenge::{ChoiceState, Envelope};
use super::factor::AskedFactor;
use super::passkey::{self, PasskeyChallenge, StoredPasskey};
use super::rate_limit::Leave;
use super::session::{Opening, Shown};
use super::sign_in::{
    Answer, Challenge, Method, Question, SignIn, SignInRequest, SrpChallenge, USER_AUTH, challenge_used,
    invalid_session,
};
use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::Caller;
use crate::code::{CodeOwner, GoodCode, NewCode, Purpose, ShownCode};
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::store::Account;
use crate::user::{User, UserKind, UserStatus};
use crate::user_pool::FirstFactor;

/// The longest name that anybody has, in bytes; a longer one isn't carried along.
const LONGEST_NAME: usize = 1024;

/// With what a sign-in by choice may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstChoice {
    /// The password itself.
    Password,
    /// The proof that the client knows the password.
    PasswordSrp,
    /// A code by email.
    EmailOtp,
    /// A code by SMS.
    SmsOtp,
    /// A passkey.
    WebAuthn,
}

/// How a sign-in by choice goes on.
#[derive(Debug)]
pub enum Chosen {
    /// As any does.
    SignIn(SignIn),
    /// With the server's half of SRP.
    Srp(SrpChallenge),
}

/// What is sent together with a choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChoiceInput<'a> {
    /// For [`FirstChoice::Password`].
    pub password: Option<&'a Secret>,
    /// For [`FirstChoice::PasswordSrp`].
    pub srp_a: Option<&'a Secret>,
    /// What [`Keyward::confirm_sign_up`] gave to whoever has just signed up: the code that they have shown
    /// there counts as one that is shown here.
    pub confirmed: Option<&'a Secret>,
}

impl FirstChoice {
    const ALL: [Self; 5] = [Self::PasswordSrp, Self::Password, Self::EmailOtp, Self::SmsOtp, Self::WebAuthn];

    /// As the protocol calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::PasswordSrp => "PASSWORD_SRP",
            Self::EmailOtp => "EMAIL_OTP",
            Self::SmsOtp => "SMS_OTP",
            Self::WebAuthn => "WEB_AUTHN",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    fn factor(self) -> FirstFactor {
        match self {
            Self::Password | Self::PasswordSrp => FirstFactor::Password,
            Self::EmailOtp => FirstFactor::EmailOtp,
            Self::SmsOtp => FirstFactor::SmsOtp,
            Self::WebAuthn => FirstFactor::WebAuthn,
        }
    }

    fn question(self) -> Question {
        match self {
            Self::Password => Question::Password,
            Self::PasswordSrp => Question::PasswordSrp,
            Self::EmailOtp => Question::EmailOtp,
            Self::SmsOtp => Question::SmsOtp,
            Self::WebAuthn => Question::WebAuthn,
        }
    }

    /// By which way its code goes, what for, and what it shows when it is right.
    fn code(self) -> Option<(Channel, Purpose, Method)> {
        match self {
            Self::Password | Self::PasswordSrp | Self::WebAuthn => None,
            Self::EmailOtp => Some((Channel::Email, Purpose::SignInByEmail, Method::EmailOtp)),
            Self::SmsOtp => Some((Channel::Sms, Purpose::SignInBySms, Method::SmsOtp)),
        }
    }
}

/// Somebody who signs in by choice.
struct Chooser<'a> {
    request: SignInRequest<'a>,
    through: Arc<PoolClient>,
    /// The name as it was typed.
    username: String,
    account: Option<Account>,
    /// Of the account, where the pool lets anybody sign in by one.
    passkeys: Vec<StoredPasskey>,
    counter: String,
}

/// A choice that was opened again.
struct OpenedChoice<'a> {
    chooser: Chooser<'a>,
    id: String,
    expires_at_ms: i64,
    question: Question,
    /// What an answer to [`Question::WebAuthn`] is held against.
    passkey: Option<String>,
    /// To be given back, once for this step and once for the one before it.
    leave: Leave,
}

impl Keyward {
    /// Begins to sign in by choice: with the preferred first factor where it can be chosen, else with the
    /// question which it shall be.
    ///
    /// # Errors
    /// `Forbidden` for a back end that may not; `NotFound(AppClient)`; `InvalidInput` when the client may not
    /// do this; `Unauthenticated` when attempts are locked, for a sign-up that isn't theirs, and as
    /// [`Keyward::sign_in_with_password`] where a password comes along; `NotFound(User)` where the client
    /// doesn't hide who exists; `DeliveryFailed`,
    /// `LimitExceeded`, `TooManyRequests`.
    pub async fn begin_choice(
        &self,
        request: SignInRequest<'_>,
        username: &str,
        preferred: Option<FirstChoice>,
        input: ChoiceInput<'_>,
    ) -> Result<Chosen> {
        let through = self.admitted(&request, USER_AUTH).await?;
        request.check_secret(&through, &[username])?;
        // Given back by the next step: who never comes to it has failed.
        let leave = self.leave(&request).await?;
        let chooser = self.chooser(request, through, username.to_owned()).await?;
        if chooser.account.is_none() && !chooser.hides() {
            return Err(self.unknown_chooser(&chooser).await);
        }
        if let Some(session) = input.confirmed
            && let Some(signed_in) = self.let_newcomer_in(&chooser, session).await?
        {
            leave.give_back();
            return Ok(Chosen::SignIn(signed_in));
        }
        let offered = chooser.offered(self);
        if let Some(choice) = preferred.filter(|choice| offered.contains(choice)) {
            return self.go_on(chooser, choice, input, &leave).await;
        }
        let challenge = chooser.ask(Question::SelectFirst)?;
        Ok(Chosen::SignIn(SignIn::Challenge(Challenge { choices: offered, ..challenge })))
    }

    /// Takes the answer to [`Question::SelectFirst`], [`Question::Password`] or [`Question::PasswordSrp`].
    /// Any answer uses the question up.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), and as for [`Keyward::begin_choice`];
    /// `InvalidInput` for what wasn't offered, after which the session is still good.
    pub async fn choose(
        &self,
        answer: Answer<'_>,
        choice: FirstChoice,
        input: ChoiceInput<'_>,
    ) -> Result<Chosen> {
        let opened = self.open_choice(&answer).await?;
        if opened.question != Question::SelectFirst && opened.question != choice.question() {
            return Err(invalid_session());
        }
        if !opened.chooser.offered(self).contains(&choice) {
            return Err(Error::invalid("answer", "That isn't one of the challenges to choose from."));
        }
        if !self.store.use_once(&opened.id, opened.expires_at_ms).await? {
            return Err(challenge_used());
        }
        // The step before: two steps that fail are one failure.
        opened.leave.give_back();
        self.go_on(opened.chooser, choice, input, &opened.leave).await
    }

    /// Takes the code that a [`Question::EmailOtp`] or [`Question::SmsOtp`] asked for.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), or while attempts are locked;
    /// `CodeMismatch`, after which the session is still good.
    pub async fn show_first_code(
        &self,
        answer: Answer<'_>,
        choice: FirstChoice,
        code: &Secret,
    ) -> Result<SignIn> {
        let opened = self.open_choice(&answer).await?;
        let Some((channel, purpose, method)) = choice.code() else { return Err(invalid_session()) };
        if opened.question != choice.question() {
            return Err(invalid_session());
        }
        self.refuse_used(&opened.id).await?;
        let chooser = &opened.chooser;
        let pool = &*chooser.through.pool;
        let usable = chooser.usable_account(choice.factor());
        let owner =
            usable.map_or(CodeOwner::Nobody(&chooser.username), |account| CodeOwner::User(&account.user));
        let shown = ShownCode { pool, owner, purpose, code, is_hidden: false };
        // It may have gone to an address that is the user's no more.
        let address = usable.and_then(|account| account.user.address(channel));
        let good = match self.check_code(&shown, None).await {
            Ok(good) => Some(good).filter(|good: &GoodCode| address == Some((&*good.destination, true))),
            Err(error) if matches!(error.code, Code::CodeMismatch | Code::CodeExpired) => None,
            Err(error) => return Err(error),
        };
        let (Some(account), Some(good)) = (usable, good) else {
            let user = chooser.account.as_ref().map(|account| &account.user);
            let change = self.failed_sign_in(&answer.request, &chooser.through, user, method, "wrong_code");
            self.count_failure(pool, &chooser.counter, &change).await?;
            return Err(Error::new(Code::CodeMismatch, "Invalid code or auth state for the user."));
        };
        let opening = Opening {
            request: answer.request,
            through: &chooser.through,
            account,
            method,
            counter: Some(&chooser.counter),
            challenge: Some((&opened.id, opened.expires_at_ms)),
            second: None,
            first_code: Some(good),
        };
        let signed_in = self.open_session(opening).await?;
        opened.leave.give_back();
        opened.leave.give_back();
        Ok(signed_in)
    }

    /// Takes what a passkey has answered to [`Question::WebAuthn`]. Any answer uses the question up.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more), for a passkey that isn't, or while
    /// attempts are locked; `InvalidInput` for what is no answer of a passkey.
    pub async fn show_passkey(&self, answer: Answer<'_>, credential: &Secret) -> Result<SignIn> {
        let opened = self.open_choice(&answer).await?;
        let (Question::WebAuthn, Some(state)) = (opened.question, &opened.passkey) else {
            return Err(invalid_session());
        };
        let assertion = passkey::assertion(credential)?;
        if !self.store.use_once(&opened.id, opened.expires_at_ms).await? {
            return Err(challenge_used());
        }
        let chooser = &opened.chooser;
        let Chooser { through, passkeys, .. } = chooser;
        let method = Method::WebAuthn;
        let is_good = self.is_signed_by(passkeys, &through.settings, state, &assertion).await?;
        let Some(account) = chooser.passkey_account().filter(|_| is_good) else {
            let user = chooser.account.as_ref().map(|account| &account.user);
            let change = self.failed_sign_in(&answer.request, through, user, method, "wrong_passkey");
            self.count_failure(&through.pool, &chooser.counter, &change).await?;
            return Err(Error::unauthenticated("Invalid passkey or auth state for the user."));
        };
        let opening = Opening {
            request: answer.request,
            through,
            account,
            method,
            counter: Some(&chooser.counter),
            // It is used up already.
            challenge: None,
            second: through.settings.web_authn.is_multi_factor.then_some(Shown::VerifiedUser),
            first_code: None,
        };
        let signed_in = self.open_session(opening).await?;
        opened.leave.give_back();
        opened.leave.give_back();
        Ok(signed_in)
    }

    /// Whether this `Session` is one of a sign-in by choice that has shown nothing yet.
    pub fn is_choice(&self, session: &Secret) -> bool {
        self.local_pool.is_choice(session)
    }

    /// Signs in who has just confirmed their sign-up; none when the code that they have shown there isn't
    /// what they could sign in by.
    async fn let_newcomer_in(&self, chooser: &Chooser<'_>, session: &Secret) -> Result<Option<SignIn>> {
        let Chooser { request, through, counter, .. } = chooser;
        let Envelope { id, expires_at_ms, content, .. } =
            through.pool.open_confirmed(&through.client.id, session)?;
        let choice = match content.channel {
            Channel::Sms => FirstChoice::SmsOtp,
            Channel::Email | Channel::Nowhere => FirstChoice::EmailOtp,
        };
        let is_same = |user: &User| user.id == content.user_id && user.version == content.user_version;
        let account = chooser.account.as_ref().filter(|account| is_same(&account.user));
        let account = account.ok_or_else(invalid_session)?;
        let is_first_factor = through.settings.first_factors().contains(&choice.factor());
        let (true, Some(_), Some((_, _, method))) =
            (is_first_factor, chooser.usable_account(choice.factor()), choice.code())
        else {
            return Ok(None);
        };
        let opening = Opening {
            request: *request,
            through,
            account,
            method,
            counter: Some(counter),
            challenge: Some((&id, expires_at_ms)),
            second: None,
            first_code: None,
        };
        self.open_session(opening).await.map(Some)
    }

    async fn go_on(
        &self,
        chooser: Chooser<'_>,
        choice: FirstChoice,
        input: ChoiceInput<'_>,
        leave: &Leave,
    ) -> Result<Chosen> {
        let Chooser { request, through, username, .. } = &chooser;
        match (choice, input) {
            (FirstChoice::Password, ChoiceInput { password: Some(password), .. }) => {
                let signed_in = self.try_password(*request, through, username, password).await?;
                leave.give_back();
                Ok(Chosen::SignIn(signed_in))
            }
            (FirstChoice::PasswordSrp, ChoiceInput { srp_a: Some(srp_a), .. }) => {
                Ok(Chosen::Srp(self.start_srp(*request, through, username, srp_a, true).await?))
            }
            (FirstChoice::Password | FirstChoice::PasswordSrp, _) => {
                Ok(Chosen::SignIn(SignIn::Challenge(chooser.ask(choice.question())?)))
            }
            (FirstChoice::WebAuthn, _) => Ok(Chosen::SignIn(SignIn::Challenge(chooser.ask_passkey()?))),
            (FirstChoice::EmailOtp | FirstChoice::SmsOtp, _) => {
                Ok(Chosen::SignIn(SignIn::Challenge(self.send_first_code(&chooser, choice).await?)))
            }
        }
    }

    /// Sends a code in place of a password. For somebody who can't sign in by it, all of it is done but for
    /// the sending.
    async fn send_first_code(&self, chooser: &Chooser<'_>, choice: FirstChoice) -> Result<Challenge> {
        let Some((channel, purpose, _)) = choice.code() else { return Err(invalid_session()) };
        self.require_channel(channel)?;
        let Chooser { request, through, username, .. } = chooser;
        let usable = chooser.usable_account(choice.factor()).map(|account| &account.user);
        let seeming = through.seeming_delivery(username, &mut [channel]);
        let (owner, address) = match usable {
            Some(user) => {
                (CodeOwner::User(user), if channel == Channel::Sms { &user.phone } else { &user.email })
            }
            None => (CodeOwner::Nobody(username), &None),
        };
        let code = self.new_code(&NewCode {
            pool: &through.pool,
            settings: &through.settings,
            owner,
            purpose,
            lifetime_ms: Some(through.client.settings.challenge_minutes * 60_000),
            channel,
            to: address.as_deref().unwrap_or(username),
        })?;
        let delivery = seeming.or_else(|| Some(code.delivery.clone()));
        let target = usable
            .map_or_else(|| Target::unknown("user"), |user| Target::new("user", &user.id, &user.username));
        let detail = request.told(json!({ "factor": choice.factor() }));
        let change = self.change(&Caller::nobody(request.origin.clone()), "user.send-code", target, detail);
        self.store.record_event(&change.with_code(code)).await?;
        Ok(Challenge { delivery, ..chooser.ask(choice.question())? })
    }

    async fn chooser<'a>(
        &self,
        request: SignInRequest<'a>,
        through: Arc<PoolClient>,
        username: String,
    ) -> Result<Chooser<'a>> {
        let account = through.account_named(&username, request.back_end.is_some()).await?;
        let name = account.as_ref().map_or(&username, |account| &account.user.username);
        let counter = self.counter("password", &through.pool.identifiers.key(name))?;
        self.refuse_while_locked(&through.pool, &counter).await?;
        let account = account.filter(|account| account.user.kind == UserKind::Account);
        let passkeys = if through.settings.first_factors().contains(&FirstFactor::WebAuthn) {
            // Asked also of nobody, for it takes the same time.
            self.store.passkeys_of(account.as_ref().map_or("", |account| &account.user.id)).await?
        } else {
            Vec::new()
        };
        Ok(Chooser { request, through, username, account, passkeys, counter })
    }

    async fn unknown_chooser(&self, chooser: &Chooser<'_>) -> Error {
        let Chooser { request, through, counter, .. } = chooser;
        let change = self.failed_sign_in(request, through, None, Method::Password, "unknown_user");
        let counted = self.count_failure(&through.pool, counter, &change).await;
        counted.err().unwrap_or_else(|| Error::not_found(Thing::User, "User does not exist."))
    }

    /// The choice that is answered, and who answers it. Who it is, is looked up anew.
    async fn open_choice<'a>(&self, answer: &Answer<'a>) -> Result<OpenedChoice<'a>> {
        let through = self.through(&answer.request).await?;
        let leave = self.leave(&answer.request).await?;
        let Envelope { id, expires_at_ms, content, .. } =
            through.pool.open_choice(&through.client.id, answer.session)?;
        let ChoiceState { question, username, user_id, passkey } = content;
        let chooser = self.chooser(answer.request, through, username).await?;
        let Chooser { through, username, account, .. } = &chooser;
        let key = |name: &str| through.pool.identifiers.key(name);
        let is_named = answer.username.is_none_or(|name| {
            let is_user =
                account.as_ref().is_some_and(|account| through.pool.is_name_of(name, &account.user));
            name == user_id || key(name) == key(username) || is_user
        });
        if !is_named || chooser.user_id()? != user_id {
            return Err(invalid_session());
        }
        let named = answer.username.unwrap_or(username);
        answer.request.check_secret(through, &[named, username, &user_id])?;
        Ok(OpenedChoice { chooser, id, expires_at_ms, question, passkey, leave })
    }
}

impl Chooser<'_> {
    fn hides(&self) -> bool {
        self.through.client.settings.hides_unknown_users
    }

    /// The user's id, or the one that they seem to have.
    fn user_id(&self) -> Result<String> {
        match &self.account {
            Some(account) if account.password.is_some() || !self.hides() => Ok(account.user.id.clone()),
            _ => self.through.pool.simulated_user_id(&self.username),
        }
    }

    fn ask(&self, question: Question) -> Result<Challenge> {
        self.ask_with(question, None)
    }

    fn ask_passkey(&self) -> Result<Challenge> {
        let PasskeyChallenge { options, state } = passkey::challenge(&self.through.settings)?;
        let challenge = self.ask_with(Question::WebAuthn, Some(state))?;
        Ok(Challenge { passkey_options: Some(options), ..challenge })
    }

    fn ask_with(&self, question: Question, passkey: Option<String>) -> Result<Challenge> {
        let user_id = self.user_id()?;
        // Nobody has so long a name; the id, which nobody can sign in by, stands for it.
        let is_short = self.username.len() <= LONGEST_NAME;
        let username = if is_short { self.username.clone() } else { user_id.clone() };
        let state = ChoiceState { question, username, user_id: user_id.clone(), passkey };
        let session = self.through.pool.seal_choice(&self.through.client, state)?;
        Ok(Challenge::new(question, session, user_id))
    }

    /// With what the sign-in may begin.
    fn offered(&self, keyward: &Keyward) -> Vec<FirstChoice> {
        let allowed = self.through.settings.first_factors();
        let has_relying_party = self.through.settings.web_authn.relying_party_id.is_some();
        let can_be_asked = |choice: FirstChoice| {
            (choice != FirstChoice::WebAuthn || has_relying_party)
                && choice.code().is_none_or(|(channel, ..)| keyward.require_channel(channel).is_ok())
        };
        let is_had = |choice: FirstChoice| match choice {
            FirstChoice::Password => self.account.as_ref().is_some_and(|account| account.password.is_some()),
            FirstChoice::PasswordSrp => self.account.as_ref().is_some_and(|account| {
                account.password.as_ref().is_some_and(|password| password.srp_verifier.is_some())
            }),
            FirstChoice::EmailOtp | FirstChoice::SmsOtp => self.usable_account(choice.factor()).is_some(),
            FirstChoice::WebAuthn => !self.passkeys.is_empty() && self.passkey_account().is_some(),
        };
        let choices = FirstChoice::ALL.into_iter();
        choices
            .filter(|choice| allowed.contains(&choice.factor()) && can_be_asked(*choice))
            .filter(|choice| self.hides() || is_had(*choice))
            .collect()
    }

    /// Who can sign in by a code that is sent: a confirmed user with a proven address, of whom no second
    /// factor is asked, for that one would come by the same way, or be worth less after it.
    fn usable_account(&self, factor: FirstFactor) -> Option<&Account> {
        self.account
            .as_ref()
            .filter(|Account { user, .. }| {
                let has_address = match factor {
                    FirstFactor::EmailOtp => user.email.is_some() && user.email_verified,
                    FirstFactor::SmsOtp => user.phone.is_some() && user.phone_verified,
                    FirstFactor::Password | FirstFactor::WebAuthn => false,
                };
                has_address && user.enabled && user.status == UserStatus::Confirmed
            })
            .filter(|account| {
                matches!(account.asked_factor(&self.through.settings), Ok(AskedFactor::Nothing))
            })
    }

    /// Who can sign in by a passkey: a confirmed user, of whom no second factor is asked, or whose passkeys
    /// count as two.
    fn passkey_account(&self) -> Option<&Account> {
        let settings = &self.through.settings;
        self.account
            .as_ref()
            .filter(|Account { user, .. }| user.enabled && user.status == UserStatus::Confirmed)
            .filter(|account| {
                let asked = account.asked_factor(settings);
                settings.web_authn.is_multi_factor || matches!(asked, Ok(AskedFactor::Nothing))
            })
    }
}
