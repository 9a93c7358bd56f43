//! Signing in: the password, shown or proven by SRP, then what else is asked for, then tokens.
//!
//! The sentences are Cognito's, for clients act on some of them. Where the app client hides who exists, an
//! unknown name and a wrong password are alike in words, in time and in what is written down; so everything
//! that would tell of an account (that it is disabled, that its password has expired) is said to whoever has
//! shown the right password, and to nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::challenge::{ChallengeState, SetUp, SrpState};
use super::choice::FirstChoice;
use super::factor::{AskedFactor, SecondFactor};
use super::new_password::ask_for_password;
use super::password::Line;
use super::rate_limit::{Leave, RateLimit, Refusal};
use super::session::Opening;
use super::srp::{self, ClientPublic, PasswordClaim, ServerKey, Verifier};
use super::{LocalPool, VERIFIER};
use crate::app_client::{PoolClient, unknown_client};
use crate::audit::{Change, Outcome, Target};
use crate::caller::{Caller, Origin};
use crate::code::CodeDelivery;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::permission::{MANAGE_POOLS, MANAGE_USERS, VERIFY_CREDENTIALS};
use crate::secret::Secret;
use crate::store::Account;
use crate::user::{User, UserKind, UserStatus};

/// After so much time without a failure, the count starts over.
const QUIET_MS: i64 = 15 * 60 * 1000;
/// How many failures are free.
const FREE_FAILURES: i64 = 5;
/// How far the clock of a client that proves its password by SRP may be off, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 10 * 60;
/// The flow of a sign-in by choice.
pub(super) const USER_AUTH: &str = "USER_AUTH";
/// What an unknown user's salt, verifier and id are made from.
const SIMULATION: &str = "srp simulation";

/// How a sign-in goes on.
#[derive(Debug)]
pub enum SignIn {
    /// It is done.
    Done(Tokens),
    /// Something more is asked for.
    Challenge(Challenge),
}

/// What a sign-in gives.
#[derive(Debug)]
pub struct Tokens {
    /// Tells an application who has signed in.
    pub id_token: Secret,
    /// Lets its bearer call an API.
    pub access_token: Secret,
    /// Brings new ones of the other two; none where it was itself what brought these.
    pub refresh_token: Option<Secret>,
    /// How long the access token lives.
    pub expires_in_seconds: i64,
}

/// What is asked for before there are tokens.
#[derive(Debug)]
pub struct Challenge {
    /// What it is.
    pub question: Question,
    /// To be brought back with the answer; good for the client's time.
    pub session: Secret,
    /// The id of who is signing in.
    pub user_id: String,
    /// What is known of the user, by Cognito's names, where a new password is asked for.
    pub attributes: BTreeMap<String, String>,
    /// What is yet to be told of the user, together with the new password.
    pub required: Vec<String>,
    /// Among what to choose, or what to set up.
    pub factors: Vec<SecondFactor>,
    /// With what the sign-in may begin.
    pub choices: Vec<FirstChoice>,
    /// Where a code was sent.
    pub delivery: Option<CodeDelivery>,
    /// What a browser is to ask of its passkeys: `PublicKeyCredentialRequestOptionsJSON`.
    pub passkey_options: Option<Value>,
}

impl Challenge {
    /// The question alone, with nothing to help with it.
    pub(super) fn new(question: Question, session: Secret, user_id: String) -> Self {
        Self {
            question,
            session,
            user_id,
            attributes: BTreeMap::new(),
            required: Vec::new(),
            factors: Vec::new(),
            choices: Vec::new(),
            delivery: None,
            passkey_options: None,
        }
    }
}

/// The questions that a sign-in may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The password was a temporary one: which shall it be from now on?
    NewPassword,
    /// What does the software token show?
    SoftwareToken,
    /// Which code came by SMS?
    Sms,
    /// Which code came by email?
    Email,
    /// Which second factor shall it be?
    SelectFactor,
    /// A second factor is to be set up before there are tokens.
    SetUpFactor,
    /// With which first factor shall it begin?
    SelectFirst,
    /// What is the password?
    Password,
    /// What is the client's public number, for a proof that it knows the password?
    PasswordSrp,
    /// Which code came by email, in place of a password?
    EmailOtp,
    /// Which code came by SMS, in place of a password?
    SmsOtp,
    /// What does a passkey answer?
    WebAuthn,
}

impl Question {
    /// In Cognito's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewPassword => "NEW_PASSWORD_REQUIRED",
            Self::SoftwareToken => SecondFactor::SoftwareToken.as_str(),
            Self::Sms => SecondFactor::Sms.as_str(),
            Self::Email => SecondFactor::Email.as_str(),
            Self::SelectFactor => "SELECT_MFA_TYPE",
            Self::SetUpFactor => "MFA_SETUP",
            Self::SelectFirst => "SELECT_CHALLENGE",
            Self::Password => FirstChoice::Password.as_str(),
            Self::PasswordSrp => FirstChoice::PasswordSrp.as_str(),
            Self::EmailOtp => FirstChoice::EmailOtp.as_str(),
            Self::SmsOtp => FirstChoice::SmsOtp.as_str(),
            Self::WebAuthn => FirstChoice::WebAuthn.as_str(),
        }
    }
}

impl From<SecondFactor> for Question {
    fn from(factor: SecondFactor) -> Self {
        match factor {
            SecondFactor::SoftwareToken => Self::SoftwareToken,
            SecondFactor::Sms => Self::Sms,
            SecondFactor::Email => Self::Email,
        }
    }
}

/// A request about somebody's sign-in: where it comes from, and through which app client.
#[derive(Debug, Clone, Copy)]
pub struct SignInRequest<'a> {
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Through which app client.
    pub client_id: &'a str,
    /// What shows that the client's secret is known, where it has one: `SECRET_HASH`.
    pub secret_hash: Option<&'a Secret>,
    /// The program that asks for whoever signs in; none where they ask themselves.
    pub back_end: Option<BackEnd<'a>>,
}

/// A program that signs users in with what they show to it (`AdminInitiateAuth`).
#[derive(Debug, Clone, Copy)]
pub struct BackEnd<'a> {
    /// Who it is.
    pub caller: &'a Caller,
    /// The pool whose users it signs in.
    pub pool_id: &'a str,
}

/// An answer's frame: whose it is, and to which question.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What it comes with.
    pub request: SignInRequest<'a>,
    /// The challenge's [`Challenge::session`].
    pub session: &'a Secret,
    /// The user's name or id, for clients that repeat it. Who it is, the session tells.
    pub username: Option<&'a str>,
}

/// The server's half of a sign-in by SRP.
#[derive(Debug)]
pub struct SrpChallenge {
    /// The name as it was typed: as it is stored, it would tell that somebody has it.
    pub username: String,
    /// The user's id, with which the password was hashed.
    pub user_id: String,
    /// In hexadecimal, without zeros at the front.
    pub salt: String,
    /// The server's public number, in hexadecimal.
    pub srp_b: String,
    /// To be signed and brought back, base64; good for three minutes.
    pub secret_block: Secret,
}

/// The client's half of a sign-in by SRP.
#[derive(Debug, Clone, Copy)]
pub struct SrpProof<'a> {
    /// [`SrpChallenge::secret_block`] as it was given.
    pub secret_block: &'a Secret,
    /// The client's time, such as `Sun Nov 2 01:02:03 UTC 2026`.
    pub timestamp: &'a Secret,
    /// The signature, base64.
    pub signature: &'a Secret,
    /// The user's name or id, for clients that repeat it.
    pub username: Option<&'a str>,
}

/// What was shown as the first factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    /// Itself.
    Password,
    /// By the proof that the client knows it.
    Srp,
    /// Not at all: by a code that came by email.
    EmailOtp,
    /// Not at all: by a code that came by SMS.
    SmsOtp,
    /// Not at all: by a passkey.
    WebAuthn,
}

impl Method {
    /// In the words of RFC 8176.
    pub(super) fn amr(self) -> &'static str {
        match self {
            Self::Password | Self::Srp => "pwd",
            Self::EmailOtp => "otp",
            Self::SmsOtp => "sms",
            Self::WebAuthn => "pop",
        }
    }
}

/// Somebody who has shown a first factor.
#[derive(Clone, Copy)]
pub(super) struct Proven<'a> {
    pub(super) request: SignInRequest<'a>,
    pub(super) through: &'a PoolClient,
    pub(super) account: &'a Account,
    pub(super) method: Method,
    /// What counts the failures of the step that came last; none where nothing was guessed.
    pub(super) counter: Option<&'a str>,
}

/// One try at a password.
struct Attempt<'a> {
    request: SignInRequest<'a>,
    through: &'a PoolClient,
    method: Method,
    /// Whose password it would be; nobody's where the name is unknown, or a program user's.
    account: Option<Account>,
    /// Whether there is such a user without any password, who is to set one by a code.
    has_to_reset: bool,
    counter: String,
}

impl<'a> SignInRequest<'a> {
    /// Of whoever signs in.
    pub fn new(origin: &'a Origin, client_id: &'a str) -> Self {
        Self { origin, client_id, secret_hash: None, back_end: None }
    }

    /// Of a program that signs users of this pool in.
    pub fn of_back_end(caller: &'a Caller, pool_id: &'a str, client_id: &'a str) -> Self {
        let back_end = Some(BackEnd { caller, pool_id });
        Self { origin: &caller.origin, client_id, secret_hash: None, back_end }
    }

    /// The same with a `SECRET_HASH`.
    #[must_use]
    pub fn with_secret_hash(self, secret_hash: Option<&'a Secret>) -> Self {
        Self { secret_hash, ..self }
    }

    /// Refuses a flow that is not on.
    fn require_flow(&self, through: &PoolClient, flow: &str) -> Result<()> {
        through.require_flow(flow).map_err(|error| match self.back_end {
            Some(_) => Error::invalid("auth_flow", "Auth flow not enabled for this client"),
            None => error,
        })
    }

    /// Refuses who doesn't know the client's secret, where it has one. Clients make the hash of what they call
    /// the user, which is one of these names.
    pub(super) fn check_secret(&self, through: &PoolClient, names: &[&str]) -> Result<()> {
        let mut outcome = through.check_secret_hash("", None);
        for name in names {
            outcome = outcome.or_else(|_| through.check_secret_hash(name, self.secret_hash));
        }
        outcome
    }

    /// What an event tells of a sign-in, and of the program that asked for it.
    pub(super) fn told(&self, mut detail: Value) -> Value {
        if let (Some(BackEnd { caller, .. }), Some(members)) = (self.back_end, detail.as_object_mut()) {
            let back_end = json!({ "name": caller.name(), "credential": caller.credential() });
            members.insert("back_end".into(), back_end);
        }
        detail
    }
}

impl Attempt<'_> {
    fn has_verifier(&self) -> bool {
        let password = self.account.as_ref().and_then(|account| account.password.as_ref());
        password.is_some_and(|password| password.srp_verifier.is_some())
    }

    /// Whether it comes by SRP to a password of which only the hash is here.
    fn has_to_show_password(&self) -> bool {
        let is_enabled = self.account.as_ref().is_some_and(|account| account.user.enabled);
        self.method == Method::Srp && is_enabled && !self.has_verifier()
    }
}

impl Keyward {
    /// Signs in with a password that is shown.
    ///
    /// # Errors
    /// `Forbidden` for a back end that may not; `NotFound(AppClient)`; `InvalidInput` when the client may not
    /// do this; `Unauthenticated` for a wrong password, an unknown name, attempts that are locked, a disabled
    /// user, a temporary password that has expired; `PasswordResetRequired`; `TooManyRequests` when too many
    /// sign in at once, or have failed from this address.
    pub async fn sign_in_with_password(
        &self,
        request: SignInRequest<'_>,
        username: &str,
        password: &Secret,
    ) -> Result<SignIn> {
        let is_back_end = request.back_end.is_some();
        let flow = if is_back_end { "ADMIN_USER_PASSWORD_AUTH" } else { "USER_PASSWORD_AUTH" };
        let through = self.admitted(&request, flow).await?;
        request.check_secret(&through, &[username])?;
        let leave = self.leave(&request).await?;
        self.try_password(request, &through, username, password).await.inspect(|_| leave.give_back())
    }

    pub(super) async fn try_password(
        &self,
        request: SignInRequest<'_>,
        through: &PoolClient,
        username: &str,
        password: &Secret,
    ) -> Result<SignIn> {
        let account = through.account_named(username, request.back_end.is_some()).await?;
        let attempt = self.attempt(request, through, Method::Password, account, username).await?;
        let pool = &through.pool;
        let stored = attempt.account.as_ref().and_then(|account| Some((account, account.password.as_ref()?)));
        let Some((account, stored)) = stored else {
            pool.hasher.verify_nothing(password).await?;
            return Err(self.password_was_wrong(&attempt).await);
        };
        if !pool.hasher.verify(password, &stored.hash).await? {
            return Err(self.password_was_wrong(&attempt).await);
        }
        let is_outdated = stored.srp_verifier.is_none() || pool.hasher.needs_rehash(&stored.hash);
        if is_outdated && pool.file.is_none() {
            self.remake_record(pool, account, &stored.hash, password).await;
        }
        self.password_was_right(attempt).await
    }

    /// Begins to sign in by SRP. An unknown name gets an answer that looks like anybody's; so does who was
    /// imported with a hash and has yet to show the password, by which alone there can be a verifier.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `InvalidInput` when the client may not do this, or `srp_a` is no good number;
    /// `Unauthenticated` when attempts are locked; `TooManyRequests`. Where the client doesn't hide who
    /// exists, also `NotFound(User)`, and `PasswordResetRequired` for who was imported and has yet to show the
    /// password or to set one.
    pub async fn begin_srp(
        &self,
        request: SignInRequest<'_>,
        username: &str,
        srp_a: &Secret,
    ) -> Result<SrpChallenge> {
        let through = self.admitted(&request, "USER_SRP_AUTH").await?;
        request.check_secret(&through, &[username])?;
        // Given back by the second step: who never comes to it has failed.
        self.leave(&request).await?;
        self.start_srp(request, &through, username, srp_a, false).await
    }

    pub(super) async fn start_srp(
        &self,
        request: SignInRequest<'_>,
        through: &PoolClient,
        username: &str,
        srp_a: &Secret,
        by_choice: bool,
    ) -> Result<SrpChallenge> {
        let pool = &through.pool;
        let client_public = ClientPublic::parse(srp_a.expose())?;
        let account = through.account_named(username, request.back_end.is_some()).await?;
        let attempt = self.attempt(request, through, Method::Srp, account, username).await?;
        if !attempt.has_verifier() && !through.client.settings.hides_unknown_users {
            return Err(self.password_was_wrong(&attempt).await);
        }
        let user_id = match &attempt.account {
            Some(account) => account.user.id.clone(),
            None => pool.simulated_user_id(username)?,
        };
        let verifier = pool.verifier(attempt.account.as_ref(), username)?;
        let salt = verifier.salt().to_owned();
        let random = self.random.clone();
        let server_key =
            pool.hasher.run(Line::SignIn, move || Ok(ServerKey::new(&random, &verifier))).await?;
        let state = SrpState {
            username: username.to_owned(),
            user_id: user_id.clone(),
            by_choice,
            client_public: client_public.to_hex(),
            server_key: Secret::from(server_key.to_text().as_str()),
        };
        let secret_block = pool.seal_secret_block(&through.client, state)?;
        let (username, srp_b) = (username.to_owned(), server_key.public_hex());
        Ok(SrpChallenge { username, user_id, salt, srp_b, secret_block })
    }

    /// Signs in with the proof that the client knows the password.
    ///
    /// # Errors
    /// As [`Keyward::sign_in_with_password`], and `Unauthenticated` for a secret block that isn't ours, was
    /// used before or is too old; `InvalidInput` for a time that can't be read; `PasswordResetRequired`,
    /// whatever the proof, for who was imported with a hash and has yet to show the password.
    pub async fn finish_srp(&self, request: SignInRequest<'_>, proof: SrpProof<'_>) -> Result<SignIn> {
        let through = self.through(&request).await?;
        let pool = &through.pool;
        let leave = self.leave(&request).await?;
        let (block, signed) = pool.open_secret_block(&through.client.id, proof.secret_block)?;
        let state = block.content;
        request.require_flow(&through, if state.by_choice { USER_AUTH } else { "USER_SRP_AUTH" })?;
        // Found by the name that was typed at first, or not at all.
        let account = through.account_named(&state.username, request.back_end.is_some()).await?;
        let account = account.filter(|account| account.user.id == state.user_id);
        let is_named = proof.username.is_none_or(|name| {
            let key = |name: &str| pool.identifiers.key(name);
            let is_typed = name == state.user_id || key(name) == key(&state.username);
            is_typed || account.as_ref().is_some_and(|account| pool.is_name_of(name, &account.user))
        });
        if !is_named {
            return Err(invalid_session());
        }
        let named = proof.username.unwrap_or(&state.username);
        request.check_secret(&through, &[named, &state.username, &state.user_id])?;
        self.check_timestamp(proof.timestamp)?;
        let attempt = self.attempt(request, &through, Method::Srp, account, &state.username).await?;
        // Used up by any answer: each guess needs a block of its own.
        if !self.store.use_once(&block.id, block.expires_at_ms).await? {
            return Err(challenge_used());
        }
        let (Ok(client_public), Some(server_key)) =
            (ClientPublic::parse(&state.client_public), ServerKey::from_text(state.server_key.expose()))
        else {
            return Err(invalid_session());
        };
        let verifier = pool.verifier(attempt.account.as_ref(), &state.username)?;
        let (pool_id, user_id) = (pool.id().to_owned(), state.user_id);
        let (timestamp, signature) = (proof.timestamp.clone(), proof.signature.clone());
        let claim = move || {
            let claim = PasswordClaim {
                pool_id: &pool_id,
                user_id: &user_id,
                client_public: &client_public,
                secret_block: &signed,
                timestamp: timestamp.expose(),
                signature: signature.expose(),
            };
            Ok(claim.is_proven(&verifier, &server_key))
        };
        let is_proven = pool.hasher.run(Line::SignIn, claim).await?;
        // The first step's, which was used up above: two steps that fail are one failure.
        leave.give_back();
        // A simulated verifier fits no password; that somebody is there is asked for all the same.
        if is_proven && attempt.account.is_some() {
            self.password_was_right(attempt).await.inspect(|_| leave.give_back())
        } else {
            Err(self.password_was_wrong(&attempt).await)
        }
    }

    /// What comes after the first factor: a second one, or tokens.
    pub(super) async fn second_step(&self, proven: Proven<'_>) -> Result<SignIn> {
        let Proven { request, through, account, method, counter } = proven;
        let asked = account.asked_factor(&through.settings);
        if let Ok(AskedFactor::Nothing) = asked {
            return self.open_session(Opening::by_first_factor(proven)).await;
        }
        if let Some(counter) = counter {
            self.forget_failures(&through.pool, counter).await?;
        }
        match asked? {
            AskedFactor::One(factor) => self.ask_for(factor, request, through, account, method).await,
            AskedFactor::AnyOf(factors) => {
                let challenge = ask(through, Question::SelectFactor, account, method)?;
                Ok(SignIn::Challenge(Challenge { factors, ..challenge }))
            }
            AskedFactor::New(factors) => {
                let challenge = ask(through, Question::SetUpFactor, account, method)?;
                Ok(SignIn::Challenge(Challenge { factors, ..challenge }))
            }
            AskedFactor::Nothing => Err(Error::internal(anyhow::anyhow!("a second step that asks nothing"))),
        }
    }

    /// The app client that a request comes through, which may sign in by this flow (without `ALLOW_`).
    ///
    /// # Errors
    /// `Forbidden` for a back end that may not; `NotFound(AppClient)`; `InvalidInput("auth_flow")`.
    pub async fn admitted(&self, request: &SignInRequest<'_>, flow: &str) -> Result<Arc<PoolClient>> {
        let through = self.through(request).await?;
        request.require_flow(&through, flow)?;
        Ok(through)
    }

    /// The app client that a request comes through. A back end must be one that may ask what credentials of
    /// the pool's users are worth, or that may set their passwords anyway; it gets no more by them than
    /// whoever signs in.
    pub(super) async fn through(&self, request: &SignInRequest<'_>) -> Result<Arc<PoolClient>> {
        let Some(BackEnd { caller, pool_id }) = request.back_end else {
            return self.pool_client(request.client_id).await;
        };
        let permitted = if self.is_home(pool_id) {
            caller.require_any(&[VERIFY_CREDENTIALS, MANAGE_USERS])
        } else {
            caller.require(MANAGE_POOLS)
        };
        self.audited(caller, "user.sign-in", Target::unknown("user"), permitted).await?;
        let pool = self.user_pool(pool_id).await?;
        let through = self.pool_client(request.client_id).await?;
        if through.pool.id() == pool.id() { Ok(through) } else { Err(unknown_client(request.client_id)) }
    }

    /// The refusal of an answer to a question that no sign-in asks here.
    pub async fn answer_nothing(&self, answer: Answer<'_>) -> Error {
        self.through(&answer.request).await.err().unwrap_or_else(invalid_session)
    }

    /// Leave to try, for whoever signs in. All of a back end's users come from its own address, which tells
    /// nothing of them, and it is known by its signature.
    pub(super) async fn leave(&self, request: &SignInRequest<'_>) -> Result<Leave> {
        match request.back_end {
            Some(_) => Ok(Leave::of_nobody()),
            None => self.leave_to_try(request.origin).await,
        }
    }

    /// Lets an address try whose sign-ins don't fail too often: before anything is looked up, hashed or
    /// written. Of those that are sent away, one in a quarter of an hour is an event.
    pub(crate) async fn leave_to_try(&self, origin: &Origin) -> Result<Leave> {
        self.leave_of(&self.sign_in_limit, origin).await
    }

    /// Lets an address have something sent, as often as it may fail to sign in, and beside that. It is never
    /// given back: what sends a message is bounded also when nothing fails.
    pub(super) async fn leave_to_send(&self, origin: &Origin) -> Result<()> {
        self.leave_of(&self.sending_limit, origin).await.map(drop)
    }

    async fn leave_of(&self, limit: &RateLimit, origin: &Origin) -> Result<Leave> {
        let Refusal { after_seconds, is_news } = match limit.take(origin.address, self.clock.monotonic_ms()) {
            Ok(leave) => return Ok(leave),
            Err(refusal) => refusal,
        };
        if is_news {
            let caller = Caller::nobody(origin.clone());
            let detail = json!({ "reason": "too_many_failures" });
            let event =
                self.event(&caller, "user.sign-in", Target::unknown("user"), Outcome::Refused, detail);
            self.store.record_event(&Change::of(event)).await?;
        }
        // Begins with Cognito's words.
        Err(Error::new(
            Code::TooManyRequests(after_seconds),
            format!(
                "Rate exceeded: too much from your address has failed or had to be sent; try again in {after_seconds} s."
            ),
        ))
    }

    /// The tries at this name's password, unless they are locked.
    async fn attempt<'a>(
        &self,
        request: SignInRequest<'a>,
        through: &'a PoolClient,
        method: Method,
        account: Option<Account>,
        username: &str,
    ) -> Result<Attempt<'a>> {
        // One for all the names of somebody.
        let name = account.as_ref().map_or(username, |account| &account.user.username);
        let counter = self.counter("password", &through.pool.identifiers.key(name))?;
        self.refuse_while_locked(&through.pool, &counter).await?;
        let has_to_reset = account.as_ref().is_some_and(|Account { user, password, .. }| {
            user.enabled && user.status == UserStatus::ResetRequired && password.is_none()
        });
        let account =
            account.filter(|account| account.user.kind == UserKind::Account && account.password.is_some());
        Ok(Attempt { request, through, method, account, has_to_reset, counter })
    }

    /// Counts the failure. What is said is the same whether or not there is such a user, but to who was
    /// imported with a hash and comes by SRP: there is no other way to tell them what helps.
    async fn password_was_wrong(&self, attempt: &Attempt<'_>) -> Error {
        let hides = attempt.through.client.settings.hides_unknown_users;
        let (reason, refusal) = if attempt.has_to_show_password() {
            ("no_srp_verifier", password_reset_required())
        } else if attempt.account.is_some() {
            ("wrong_password", wrong_password())
        } else if hides {
            ("unknown_user", wrong_password())
        } else if attempt.has_to_reset {
            ("reset_required", password_reset_required())
        } else {
            ("unknown_user", Error::not_found(Thing::User, "User does not exist."))
        };
        let change = self.failure(attempt, reason);
        let counted = self.count_failure(&attempt.through.pool, &attempt.counter, &change).await;
        counted.err().unwrap_or(refusal)
    }

    /// What comes after the right password.
    async fn password_was_right(&self, attempt: Attempt<'_>) -> Result<SignIn> {
        let Some(account @ Account { user, password: Some(password), .. }) = &attempt.account else {
            return Err(self.password_was_wrong(&attempt).await);
        };
        let has_expired = password.temporary_until_ms.is_some_and(|until_ms| until_ms <= self.clock.now_ms());
        let (reason, refusal) = match user.status {
            _ if !user.enabled => ("disabled", Error::unauthenticated("User is disabled.")),
            UserStatus::Unconfirmed => {
                ("unconfirmed", Error::new(Code::UserNotConfirmed, "User is not confirmed."))
            }
            UserStatus::ResetRequired => ("reset_required", password_reset_required()),
            UserStatus::ForceChangePassword if has_expired => (
                "temporary_password_expired",
                Error::unauthenticated(
                    "Temporary password has expired and must be reset by an administrator.",
                ),
            ),
            UserStatus::ForceChangePassword => {
                self.forget_failures(&attempt.through.pool, &attempt.counter).await?;
                return ask_for_password(attempt.through, account, attempt.method);
            }
            UserStatus::Confirmed => {
                let proven = Proven {
                    request: attempt.request,
                    through: attempt.through,
                    account,
                    method: attempt.method,
                    counter: Some(&attempt.counter),
                };
                return self.second_step(proven).await;
            }
        };
        // Also what is only said after the right password isn't said while attempts are locked.
        self.forget_failures(&attempt.through.pool, &attempt.counter).await?;
        self.store.record_event(&self.failure(&attempt, reason)).await?;
        Err(refusal)
    }

    /// The question that is answered, and who answers it.
    pub(super) async fn open_question(&self, answer: &Answer<'_>, question: Question) -> Result<Asked> {
        let asked = self.open_any_question(answer, question).await?;
        let user = &asked.account.user;
        let named = answer.username.unwrap_or(&user.username);
        answer.request.check_secret(&asked.through, &[named, &user.username, &user.id])?;
        Ok(asked)
    }

    /// The same, whether or not the client's secret is known.
    pub(super) async fn open_any_question(&self, answer: &Answer<'_>, question: Question) -> Result<Asked> {
        let through = self.through(&answer.request).await?;
        let pool = &through.pool;
        let leave = self.leave(&answer.request).await?;
        let opened = pool.open_challenge(&through.client.id, answer.session)?;
        let (state, id, expires_at_ms) = (opened.content, opened.id, opened.expires_at_ms);
        if state.question != question {
            return Err(invalid_session());
        }
        let account = pool.account(&state.user_id).await?.filter(|account| {
            account.user.id == state.user_id
                && account.user.version == state.user_version
                && account.user.enabled
                && answer.username.is_none_or(|name| pool.is_name_of(name, &account.user))
        });
        match account {
            Some(account) => {
                let ChallengeState { method, set_up, .. } = state;
                Ok(Asked { through, account, method, set_up, id, expires_at_ms, leave })
            }
            None if self.store.is_used(&id).await? => Err(challenge_used()),
            None => Err(invalid_session()),
        }
    }

    /// Refuses a challenge that was answered before; its code is used up, and would only seem to be wrong.
    pub(super) async fn refuse_used(&self, challenge_id: &str) -> Result<()> {
        if self.store.is_used(challenge_id).await? { Err(challenge_used()) } else { Ok(()) }
    }

    /// What counts the failures at somebody's `kind` of secret. A fingerprint: what is typed where a name
    /// belongs may be a password.
    pub(crate) fn counter(&self, kind: &str, name: &str) -> Result<String> {
        self.master_key.fingerprint("sign-in failures", format!("{kind}\n{name}").as_bytes())
    }

    pub(super) async fn refuse_while_locked(&self, pool: &LocalPool, counter: &str) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let (_, locked_until_ms) = self.store.sign_in_failures(pool.id(), counter, now_ms - QUIET_MS).await?;
        if locked_until_ms > now_ms { Err(attempts_exceeded()) } else { Ok(()) }
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// `Unauthenticated` when others have locked attempts meanwhile; then nothing is counted.
    pub(super) async fn count_failure(&self, pool: &LocalPool, counter: &str, change: &Change) -> Result<()> {
        let (pool_id, now_ms) = (pool.id(), self.clock.now_ms());
        let failures = self
            .store
            .add_sign_in_failure(pool_id, counter, now_ms, now_ms - QUIET_MS, lock_ms, change)
            .await?;
        failures.map(drop).ok_or_else(attempts_exceeded)
    }

    pub(crate) async fn forget_failures(&self, pool: &LocalPool, counter: &str) -> Result<()> {
        self.store.forget_sign_in_failures(pool.id(), counter, self.clock.now_ms()).await
    }

    fn failure(&self, attempt: &Attempt<'_>, reason: &str) -> Change {
        let user = attempt.account.as_ref().map(|account| &account.user);
        self.failed_sign_in(&attempt.request, attempt.through, user, attempt.method, reason)
    }

    /// The event of a failed sign-in. An unknown name isn't in it: it may be a password, typed in the wrong
    /// field.
    pub(super) fn failed_sign_in(
        &self,
        request: &SignInRequest<'_>,
        through: &PoolClient,
        user: Option<&User>,
        method: Method,
        reason: &str,
    ) -> Change {
        let target = user
            .map_or_else(|| Target::unknown("user"), |user| Target::new("user", &user.id, &user.username));
        let detail = request.told(json!({ "client": through.client.id, "method": method, "reason": reason }));
        let caller = Caller::nobody(request.origin.clone());
        Change::of(self.event(&caller, "user.sign-in", target, Outcome::Failed, detail))
    }

    /// Stores a password anew that is stored at an outdated cost or without an SRP verifier. That this may
    /// fail is nothing to the sign-in: the next one tries again.
    async fn remake_record(&self, pool: &LocalPool, account: &Account, old: &str, password: &Secret) {
        let outcome = async {
            let new = pool.permanent_record(Line::SignIn, &account.user, password).await?;
            self.store.replace_password_record(&account.user.id, old, &new).await
        };
        if let Err(error) = outcome.await {
            tracing::debug!(code = ?error.code, "a password could not be stored anew");
        }
    }

    fn check_timestamp(&self, timestamp: &Secret) -> Result<()> {
        let at = srp::parse_timestamp(timestamp.expose()).ok_or_else(|| {
            Error::invalid("timestamp", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
        })?;
        if (at - self.clock.now_seconds()).abs() > CLOCK_SKEW_SECONDS {
            return Err(Error::unauthenticated(
                "The TIMESTAMP is more than ten minutes off; set this machine's clock and sign in again.",
            ));
        }
        Ok(())
    }
}

/// Asks for something more.
pub(super) fn ask(
    through: &PoolClient,
    question: Question,
    account: &Account,
    method: Method,
) -> Result<Challenge> {
    ask_on(through, question, &account.user, method, None)
}

/// The same, with how far the user has come in setting up a software token.
pub(super) fn ask_on(
    through: &PoolClient,
    question: Question,
    user: &User,
    method: Method,
    set_up: Option<SetUp>,
) -> Result<Challenge> {
    let (user_id, user_version) = (user.id.clone(), user.version);
    let state = ChallengeState { question, user_id: user_id.clone(), user_version, method, set_up };
    let session = through.pool.seal_challenge(&through.client, state)?;
    Ok(Challenge::new(question, session, user_id))
}

/// A question that was opened again.
pub(super) struct Asked {
    pub(super) through: Arc<PoolClient>,
    /// Who is signing in, unchanged since the question was asked.
    pub(super) account: Account,
    pub(super) method: Method,
    pub(super) set_up: Option<SetUp>,
    pub(super) id: String,
    pub(super) expires_at_ms: i64,
    /// To be given back once it was answered well.
    pub(super) leave: Leave,
}

impl PoolClient {
    /// The account of this name, or of an address that stands for it. Of this id, which Cognito takes as well,
    /// for a back end alone, and where the client doesn't hide who exists: SRP tells everybody an id for every
    /// name, and one that leads somewhere would tell which of them are real.
    pub(super) async fn account_named(&self, name: &str, is_back_end: bool) -> Result<Option<Account>> {
        let takes_id = is_back_end || !self.client.settings.hides_unknown_users;
        let is_named = |Account { user, .. }: &Account| {
            // Whoever writes a file may give somebody one text as id and as name.
            let is_id_alone = name == user.id && (self.pool.file.is_none() || name != user.username);
            self.pool.is_name_of(name, user) && (takes_id || !is_id_alone)
        };
        Ok(self.pool.account(name).await?.filter(is_named))
    }
}

impl LocalPool {
    /// Whether this is a name of the user: the one they have, the id, or an address that stands for it.
    pub(super) fn is_name_of(&self, name: &str, user: &User) -> bool {
        let key = |name: &str| self.identifiers.key(name);
        name == user.id
            || key(name) == key(&user.username)
            || self.aliases().any(|(attribute, must_be_proven)| {
                user.attribute(attribute).is_some_and(|(value, is_proven)| {
                    key(value) == key(name) && (is_proven || !must_be_proven)
                })
            })
    }

    /// The verifier of this account, or the one that an unknown user of this name seems to have, where it has
    /// none. One of either kind is worked out for everybody, so that it takes the same time.
    fn verifier(&self, account: Option<&Account>, username: &str) -> Result<Verifier> {
        let simulated =
            Verifier::simulated(&self.simulation_secret()?, &self.id, &self.identifiers.key(username));
        let real = account.and_then(|account| account.password.as_ref()?.srp_verifier.as_ref());
        let stored = real.unwrap_or(&self.nobodys_verifier);
        let stored = self
            .master_key
            .open(VERIFIER, stored)
            .and_then(|text| Verifier::from_text(str::from_utf8(&text).ok()?))
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a stored SRP verifier can't be read")))?;
        Ok(if real.is_some() { stored } else { simulated })
    }

    /// The id that an unknown user of this name seems to have. What looks like an id stays one.
    pub(super) fn simulated_user_id(&self, username: &str) -> Result<String> {
        match Uuid::try_parse(username) {
            Ok(id) if id.to_string() == username => Ok(username.to_owned()),
            _ => {
                let secret = self.simulation_secret()?;
                Ok(srp::simulated_user_id(&secret, &self.id, &self.identifiers.key(username)))
            }
        }
    }

    fn simulation_secret(&self) -> Result<Secret> {
        self.master_key.fingerprint(SIMULATION, self.id.as_bytes()).map(Secret::from)
    }
}

/// For how long so many failures lock further attempts: 1 second after the fifth, twice as long after each
/// one more, 15 minutes at most
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html>, "Lockout behavior").
fn lock_ms(failures: i64) -> i64 {
    if failures < FREE_FAILURES {
        return 0;
    }
    let doublings = u32::try_from(failures - FREE_FAILURES).unwrap_or(u32::MAX);
    1000_i64.saturating_mul(2_i64.saturating_pow(doublings)).min(QUIET_MS)
}

/// Attempts are locked. Right or wrong, the answer is the same, and it isn't counted.
pub(crate) fn attempts_exceeded() -> Error {
    Error::unauthenticated("Password attempts exceeded")
}

fn wrong_password() -> Error {
    Error::unauthenticated("Incorrect username or password.")
}

/// There is no password, or none that can be used so.
fn password_reset_required() -> Error {
    Error::new(Code::PasswordResetRequired, "Password reset required for the user")
}

/// The user isn't any more what was checked.
pub(crate) fn user_changed() -> Error {
    Error::unauthenticated("The user was changed at the same moment; sign in again.")
}

/// A challenge's session that isn't ours, isn't for this, or was given before the user was changed.
pub(super) fn invalid_session() -> Error {
    Error::unauthenticated("Invalid session for the user.")
}

/// A challenge that was answered before.
pub(crate) fn challenge_used() -> Error {
    Error::unauthenticated("Invalid session for the user, session can only be used once.")
}

/// A one-time code that was shown before.
pub(crate) fn code_used() -> Error {
    Error::new(Code::CodeExpired, "Your software token has already been used once.")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::session::Shown;
    use super::*;
    use crate::clock::Clock;
    use crate::keyward::Settings;
    use crate::local_pool::PoolSettings;
    use crate::local_pool::password::{HashingCost, PasswordHasher};
    use crate::master_key::MasterKey;
    use crate::random::Random;
    use crate::store::Store;
    use crate::user::NewUser;

    #[test]
    fn each_failure_after_the_fourth_locks_twice_as_long_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<i64> =
            [0, 1, 4, 5, 6, 7, 14, 15, 16, 1000].map(|failures| lock_ms(failures) / 1000).into();

        assert_eq!(seconds, [0, 0, 0, 1, 2, 4, 512, 900, 900, 900]);
        assert_eq!(lock_ms(i64::MAX), QUIET_MS);
    }

    async fn keyward(folder: &tempfile::TempDir) -> Keyward {
        let store = Store::sqlite(&folder.path().join("keyward.db")).await.unwrap();
        let (clock, random) = (Clock::fixed(1_798_761_600_000), Random::seeded(1));
        let master_key = MasterKey::new(&[7; 32]);
        let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
        let hasher = PasswordHasher::new(&random, cost, None, 1).unwrap();
        let settings = PoolSettings {
            region: "us-east-1".into(),
            issuer: "http://localhost:8480/{pool}".into(),
            password_policy: None,
            refuses_common_passwords: None,
            file: None,
        };
        let parts = (store.clone(), clock.clone(), random.clone(), master_key.clone());
        let pool = LocalPool::open_home(settings, hasher, parts.0, parts.1, parts.2, parts.3).await.unwrap();
        Keyward::new(Settings::default(), store, clock, random, master_key, Arc::new(pool))
    }

    /// What comes between the check and the session is what a hundred requests at once would make of it.
    #[tokio::test]
    async fn what_came_between_the_check_and_the_session_counts() {
        let folder = tempfile::tempdir().unwrap();
        let keyward = keyward(&folder).await;
        let new = NewUser { username: "ann@x.co".into(), ..NewUser::default() };
        let user = keyward.create_user(&Caller::operator(), new).await.unwrap().user;
        let client = keyward.local_pool.first_client().await.unwrap().unwrap();
        let (origin, through) = (Origin::default(), keyward.pool_client(&client.id).await.unwrap());
        let account = through.pool.account(&user.id).await.unwrap().unwrap();
        let expires_at_ms = keyward.clock.now_ms() + 1000;
        let open = async |user: &User, counter, challenge, step| {
            let opening = Opening {
                request: SignInRequest::new(&origin, &client.id),
                through: &through,
                account: &Account { user: user.clone(), ..account.clone() },
                method: Method::Password,
                counter: Some(counter),
                challenge: Some((challenge, expires_at_ms)),
                second: Some(Shown::SoftwareToken { step: Some(step) }),
                first_code: None,
            };
            keyward.open_session(opening).await.map_err(|error| error.message)
        };

        open(&user, "free", "first", 7).await.unwrap();

        let (used_code, used_challenge) = (code_used().message, challenge_used().message);
        assert_eq!(open(&user, "free", "second", 7).await.unwrap_err(), used_code);
        assert_eq!(open(&user, "free", "second", 6).await.unwrap_err(), used_code);
        assert_eq!(open(&user, "free", "first", 8).await.unwrap_err(), used_challenge);
        let older = User { version: user.version - 1, ..user.clone() };
        assert_eq!(open(&older, "free", "second", 8).await.unwrap_err(), user_changed().message);
        let change = keyward.failed_sign_in(
            &SignInRequest::new(&origin, &client.id),
            &through,
            Some(&user),
            Method::Password,
            "wrong_password",
        );
        for _ in 0..5 {
            let change =
                Change::of(crate::audit::AuditEvent { id: keyward.random.uuid(), ..change.event.clone() });
            keyward.count_failure(&through.pool, "locked", &change).await.unwrap();
        }
        assert_eq!(open(&user, "locked", "second", 8).await.unwrap_err(), attempts_exceeded().message);
        // What was refused used nothing up.
        open(&user, "free", "second", 8).await.unwrap();
    }
}
