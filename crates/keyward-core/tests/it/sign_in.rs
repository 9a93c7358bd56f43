//! Signing in to the local pool: every way in, and every way that must stay shut.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use aws_cognito_srp::{SrpClient, User as SrpUser, VerificationParameters};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward_core::access::Credential;
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::audit::{AuditEvent, AuditQuery, Outcome};
use keyward_core::caller::{Caller, Identity, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::mfa_preference::MfaChange;
use keyward_core::local_pool::password::{HashingCost, Line, PasswordHasher};
use keyward_core::local_pool::sign_in::{
    Answer, Challenge, Question, SignIn, SignInRequest, SrpChallenge, SrpProof, Tokens,
};
use keyward_core::random::Random;
use keyward_core::role::RoleUpdate;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserStatus, UserUpdate};
use keyward_core::user_pool::{NewUserPool, UserPoolSettings};
use serde_json::Value;

use crate::support::{self, SECOND_MS, TestDatabase, code, on_both};

pub(crate) const ANN: &str = "ann@x.co";
pub(crate) const TEMPORARY: &str = "Temporary-1";
pub(crate) const PASSWORD: &str = "Correct-Horse-9!";
pub(crate) const MINUTE_MS: i64 = 60 * SECOND_MS;

/// A Keyward with an account in it.
pub(crate) struct World {
    pub(crate) keyward: Arc<Keyward>,
    pub(crate) origin: Origin,
    pub(crate) client_id: String,
}

impl World {
    /// With a user who has a temporary password.
    pub(crate) async fn with_new_user(database: &TestDatabase) -> Self {
        // The client's half of SRP asks the machine's clock; so ours stands where that one is.
        let world = Self::open(database, Clock::fixed(Clock::System.now_ms())).await;
        let new = NewUser {
            username: ANN.into(),
            temporary_password: Some(TEMPORARY.into()),
            ..NewUser::default()
        };
        world.keyward.create_user(&Caller::operator(), new).await.unwrap();
        world
    }

    /// The same through a new app client of the home pool, set up alike but for what `set` changes, and its secret where it has one.
    pub(crate) async fn through(
        &self,
        secret: NewSecret,
        set: impl FnOnce(&mut AppClientSettings),
    ) -> (Self, Option<Secret>) {
        let mut settings = self.keyward.pool_client(&self.client_id).await.unwrap().client.settings.clone();
        set(&mut settings);
        let new = NewAppClient { name: "another".into(), settings, secret };
        let pool_id = self.keyward.local_pool().id();
        let made = self.keyward.create_app_client(&Caller::operator(), pool_id, new).await.unwrap();
        let (keyward, origin) = (Arc::clone(&self.keyward), self.origin.clone());
        (Self { keyward, origin, client_id: made.client.id }, made.secret)
    }

    /// With a user who has chosen a password.
    pub(crate) async fn with_user(database: &TestDatabase) -> Self {
        let world = Self::with_new_user(database).await;
        let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
        done(world.choose(&challenge, PASSWORD).await);
        world
    }

    /// The same database, with what was changed past Keyward.
    pub(crate) async fn reopened(&self, database: &TestDatabase) -> Self {
        Self::open(database, self.keyward.clock().clone()).await
    }

    pub(crate) async fn open(database: &TestDatabase, clock: Clock) -> Self {
        let keyward = database.keyward_with(clock, Settings::default()).await;
        let client_id = crate::support::client_id(&keyward).await;
        Self { keyward, origin: Origin::default(), client_id }
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.keyward.clock().advance_ms(ms);
    }

    /// What whoever signs in asks with.
    pub(crate) fn request(&self) -> SignInRequest<'_> {
        SignInRequest::new(&self.origin, &self.client_id)
    }

    pub(crate) async fn sign_in(&self, password: &str) -> Result<SignIn> {
        self.sign_in_as(ANN, password).await
    }

    pub(crate) async fn sign_in_as(&self, name: &str, password: &str) -> Result<SignIn> {
        self.keyward.sign_in_with_password(self.request(), name, &password.into()).await
    }

    pub(crate) async fn sign_in_from(
        &self,
        address: impl Into<IpAddr>,
        name: &str,
        password: &str,
    ) -> Result<SignIn> {
        let origin = Origin { address: Some(address.into()), ..Origin::default() };
        let request = SignInRequest::new(&origin, &self.client_id);
        self.keyward.sign_in_with_password(request, name, &password.into()).await
    }

    pub(crate) async fn tokens(&self) -> Tokens {
        done(self.sign_in(PASSWORD).await)
    }

    pub(crate) fn answer<'a>(&'a self, challenge: &'a Challenge) -> Answer<'a> {
        Answer { request: self.request(), session: &challenge.session, username: None }
    }

    pub(crate) async fn choose(&self, challenge: &Challenge, password: &str) -> Result<SignIn> {
        self.keyward.choose_password(self.answer(challenge), &password.into()).await
    }

    pub(crate) async fn show_code(&self, challenge: &Challenge, code: &str) -> Result<SignIn> {
        self.keyward.show_code(self.answer(challenge), &code.into()).await
    }

    /// Sets up a software token by this session, and has signing in ask for it.
    pub(crate) async fn enrol(&self, tokens: &Tokens) -> SoftwareToken {
        let token = self.prove_token(&tokens.access_token).await;
        self.keyward
            .set_mfa_preference(&self.origin, &tokens.access_token, &MfaChange::software_token(true))
            .await
            .unwrap();
        token
    }

    pub(crate) async fn prove_token(&self, access_token: &Secret) -> SoftwareToken {
        let secret = self.keyward.associate_software_token(&self.origin, access_token).await.unwrap();
        let token = SoftwareToken(secret);
        let code = token.code(self).into();
        self.keyward.verify_software_token(&self.origin, access_token, &code).await.unwrap();
        token
    }

    /// Signs in with password and code; the code is of the next step, since this one's may be used up.
    pub(crate) async fn tokens_with_mfa(&self, token: &SoftwareToken) -> Tokens {
        let challenge = asked(self.sign_in(PASSWORD).await, Question::SoftwareToken);
        self.pass(30 * SECOND_MS);
        done(self.show_code(&challenge, &token.code(self)).await)
    }

    /// The client's half of SRP, and what it sends first.
    pub(crate) fn srp_client(&self, name: &str, password: &str) -> (SrpClient<SrpUser>, Secret) {
        let user = SrpUser::new(self.keyward.local_pool().id(), name, password);
        let client = SrpClient::new(user, &self.client_id, None);
        let srp_a = Secret::from(client.get_auth_parameters().a);
        (client, srp_a)
    }

    pub(crate) async fn begin_srp(&self, name: &str, password: &str) -> (SrpClient<SrpUser>, SrpChallenge) {
        let (client, srp_a) = self.srp_client(name, password);
        let challenge = self.keyward.begin_srp(self.request(), name, &srp_a).await.unwrap();
        (client, challenge)
    }

    pub(crate) async fn finish_srp(
        &self,
        client: &SrpClient<SrpUser>,
        challenge: &SrpChallenge,
    ) -> Result<SignIn> {
        let proof = Proof::of(client, challenge);
        self.keyward.finish_srp(self.request(), proof.as_srp_proof()).await
    }

    pub(crate) async fn sign_in_by_srp(&self, name: &str, password: &str) -> Result<SignIn> {
        let (client, challenge) = self.begin_srp(name, password).await;
        self.finish_srp(&client, &challenge).await
    }

    pub(crate) async fn authenticate(&self, token: &Secret) -> Result<Caller> {
        self.keyward.authenticate(&Credential::Token(token.clone()), Origin::default()).await
    }

    pub(crate) async fn refresh(&self, tokens: &Tokens) -> Result<Tokens> {
        self.keyward.refresh(self.request(), tokens.refresh_token.as_ref().unwrap()).await
    }

    pub(crate) async fn update_user(&self, update: UserUpdate) {
        self.keyward.update_user(&Caller::operator(), ANN, update).await.unwrap();
    }

    pub(crate) async fn set_enabled(&self, is_enabled: bool) {
        self.update_user(UserUpdate { enabled: Some(is_enabled), ..UserUpdate::default() }).await;
    }

    /// The one sign-in of this outcome whose detail has this member; the clock stands, so they have no order.
    pub(crate) async fn event(&self, outcome: Outcome, name: &str, value: &str) -> AuditEvent {
        let query = AuditQuery { action: Some("user.sign-in".into()), ..AuditQuery::default() };
        let events = self.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
        let fits = |event: &AuditEvent| event.outcome == outcome && event.detail[name] == value;
        events.into_iter().find(fits).unwrap()
    }

    /// Asserts that no token of these is good for anything.
    pub(crate) async fn assert_ended(&self, tokens: &Tokens, refresh: &str, access: &str) {
        assert_eq!(said(self.refresh(tokens).await), refresh);
        assert_eq!(said(self.keyward.own_account(&tokens.access_token).await), access);
        for token in [&tokens.access_token, &tokens.id_token] {
            assert_eq!(code(self.authenticate(token).await), Code::Unauthenticated);
        }
    }
}

/// An authenticator application.
pub(crate) struct SoftwareToken(pub(crate) Secret);

impl SoftwareToken {
    pub(crate) fn code(&self, world: &World) -> String {
        support::one_time_code(&self.0, world.keyward.clock())
    }

    pub(crate) fn wrong_code(&self, world: &World) -> String {
        format!("{:06}", (self.code(world).parse::<u32>().unwrap() + 1) % 1_000_000)
    }
}

/// What a client answers to an SRP challenge.
pub(crate) struct Proof {
    secret_block: Secret,
    timestamp: Secret,
    signature: Secret,
    pub(crate) username: Option<String>,
}

impl Proof {
    pub(crate) fn of(client: &SrpClient<SrpUser>, challenge: &SrpChallenge) -> Self {
        let SrpChallenge { user_id, salt, srp_b, secret_block, .. } = challenge;
        let VerificationParameters { timestamp, password_claim_signature, .. } =
            client.verify(secret_block.expose(), user_id, salt, srp_b).unwrap();
        Self {
            secret_block: secret_block.clone(),
            timestamp: timestamp.into(),
            signature: password_claim_signature.into(),
            username: None,
        }
    }

    pub(crate) fn as_srp_proof(&self) -> SrpProof<'_> {
        SrpProof {
            secret_block: &self.secret_block,
            timestamp: &self.timestamp,
            signature: &self.signature,
            username: self.username.as_deref(),
        }
    }
}

#[track_caller]
pub(crate) fn done(outcome: Result<SignIn>) -> Tokens {
    match outcome.unwrap() {
        SignIn::Done(tokens) => tokens,
        SignIn::Challenge(challenge) => panic!("asked for {:?}", challenge.question),
    }
}

#[track_caller]
pub(crate) fn asked(outcome: Result<SignIn>, question: Question) -> Challenge {
    match outcome.unwrap() {
        SignIn::Challenge(challenge) if challenge.question == question => challenge,
        other => panic!("{other:?}"),
    }
}

/// The sentence of what was refused.
#[track_caller]
pub(crate) fn said<T>(outcome: Result<T>) -> String {
    let Err(Error { message, .. }) = outcome else { panic!("this is refused") };
    message.into_owned()
}

pub(crate) fn claims(token: &Secret) -> Value {
    let part = token.expose().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) const INCORRECT: &str = "Incorrect username or password.";
pub(crate) const LOCKED: &str = "Password attempts exceeded";
pub(crate) const INVALID_SESSION: &str = "Invalid session for the user.";
pub(crate) const USED_SESSION: &str = "Invalid session for the user, session can only be used once.";

on_both! {
    a_temporary_password_leads_to_a_new_one_and_then_to_tokens,
    the_tokens_say_who_signed_in_and_when,
    an_unknown_name_and_a_wrong_password_are_refused_alike,
    a_client_with_legacy_errors_says_who_is_unknown,
    a_client_may_sign_in_only_as_it_was_set_up_to,
    after_five_failures_attempts_are_locked_for_ever_longer,
    the_lock_ends_with_a_success_or_a_quiet_quarter_of_an_hour,
    of_many_guesses_at_once_five_are_answered,
    an_address_whose_sign_ins_fail_is_sent_away_and_leaves_nothing_behind,
    every_step_of_signing_in_counts_for_the_address,
    sign_ins_that_succeed_are_no_number_too_many,
    a_back_end_signs_users_in_with_what_they_show,
    a_back_end_needs_a_right_to_it_and_the_clients_own_pool,
    a_back_end_serves_many_from_one_address_and_locks_are_each_users_own,
    a_user_of_another_pool_signs_in_there_and_nowhere_else,
    what_is_wrong_with_an_account_is_said_to_whoever_knows_the_password,
    a_temporary_password_is_good_for_a_week,
    a_password_hashed_at_another_cost_is_hashed_anew,
    a_new_password_must_meet_the_policy_and_may_be_chosen_again,
    a_new_password_is_there_to_sign_in_with,
    an_answer_counts_once_and_within_three_minutes,
    others_guesses_do_not_lock_out_whoever_is_choosing_a_password,
    of_two_answers_at_once_one_counts,
    a_challenge_is_void_when_it_is_not_for_this,
    a_challenge_is_void_once_the_user_is_reset_disabled_or_deleted,
    a_client_of_others_signs_in_by_srp,
    srp_asks_for_a_new_password_and_for_a_code_as_a_password_does,
    by_srp_an_unknown_name_looks_like_any_other,
    guesses_by_srp_are_counted_with_the_others,
    a_secret_block_is_good_for_one_guess_within_three_minutes,
    an_answer_by_srp_must_fit_in_every_part,
    a_password_set_between_the_steps_of_srp_counts,
    a_bad_srp_a_is_refused,
    with_a_software_token_signing_in_asks_for_its_code,
    of_many_answers_with_one_code_one_counts,
    wrong_codes_lock_and_a_right_password_does_not_open,
    whoever_only_knows_the_password_cannot_touch_the_second_factor,
    a_software_token_counts_once_it_is_proven,
    the_last_admin_keeps_the_second_factor_that_the_role_asks_for,
    a_refresh_brings_tokens_of_the_same_sign_in_with_the_roles_of_now,
    a_refresh_token_ends_after_thirty_days,
    a_refresh_token_is_good_at_its_own_client_alone,
    signing_out_everywhere_ends_every_session_at_once,
    a_revoked_refresh_token_takes_its_own_session_along,
    the_tokens_of_a_disabled_user_are_refused_at_once_and_for_good,
    the_tokens_of_a_reset_or_deleted_user_are_refused_at_once,
    choosing_a_password_ends_the_sessions_before_it,
    either_token_is_a_credential_and_only_the_access_token_is_for_the_account,
    a_role_that_asks_for_mfa_counts_in_a_session_with_mfa_alone,
    a_role_taken_away_counts_no_more_for_a_token_that_names_it,
    nothing_secret_lies_in_the_database,
}

async fn a_temporary_password_leads_to_a_new_one_and_then_to_tokens(database: TestDatabase) {
    let world = World::with_new_user(&database).await;

    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    assert_eq!(challenge.attributes["email"], ANN);
    assert!((20..=4096).contains(&challenge.session.expose().len()));
    let tokens = done(world.choose(&challenge, PASSWORD).await);

    let user = world.keyward.own_account(&tokens.access_token).await.unwrap();
    assert_eq!(user.status, UserStatus::Confirmed);
    assert_eq!(said(world.sign_in(TEMPORARY).await), INCORRECT);
    done(world.sign_in(PASSWORD).await);
    done(world.sign_in_as("ANN@X.CO", PASSWORD).await);
    // An id is no name to sign in by: it would tell which of the ids that SRP gives out are real.
    assert_eq!(said(world.sign_in_as(&user.id, PASSWORD).await), INCORRECT);
}

async fn the_tokens_say_who_signed_in_and_when(database: TestDatabase) {
    let world = World::with_user(&database).await;
    support::role(&world.keyward, "readers", &["read:*"]).await;
    world.keyward.assign_roles(&Caller::operator(), ANN, &["readers".into()]).await.unwrap();
    let user = world.keyward.user(&Caller::operator(), ANN).await.unwrap();
    let now = world.keyward.clock().now_seconds();

    let tokens = world.tokens().await;

    assert_eq!(tokens.expires_in_seconds, 3600);
    let (id, access) = (claims(&tokens.id_token), claims(&tokens.access_token));
    for claims in [&id, &access] {
        assert_eq!(claims["sub"], user.id);
        assert_eq!(claims["iss"], world.keyward.local_pool().issuer());
        assert_eq!(claims["cognito:groups"][0], "readers");
        assert_eq!((&claims["auth_time"], &claims["iat"]), (&now.into(), &now.into()));
        assert_eq!(claims["exp"], now + 3600);
        assert_eq!(claims["origin_jti"], id["origin_jti"]);
        assert_eq!(claims["event_id"], id["event_id"]);
    }
    assert_ne!(id["jti"], access["jti"]);
    assert_eq!((&id["aud"], &access["client_id"]), (&Value::from(&*world.client_id), &id["aud"]));
    assert_eq!((&id["email"], &id["email_verified"]), (&ANN.into(), &true.into()));
    let query = AuditQuery { actor: Some(user.id.clone()), ..AuditQuery::default() };
    let events = world.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    let event = events.iter().find(|event| event.credential.as_deref() == id["origin_jti"].as_str()).unwrap();
    assert_eq!((&*event.action, event.outcome), ("user.sign-in", Outcome::Done));
    assert_eq!(
        event.detail,
        serde_json::json!({ "client": world.client_id, "method": "password", "mfa": false })
    );
}

async fn an_unknown_name_and_a_wrong_password_are_refused_alike(database: TestDatabase) {
    let world = World::with_user(&database).await;
    support::role(&world.keyward, "readers", &["read:*"]).await;
    world.keyward.assign_roles(&Caller::operator(), "bot", &["readers".into()]).await.unwrap();
    // What somebody typed into the wrong field.
    let mistyped = "Typed-Into-The-Wrong-Field-1";

    for (name, password) in [
        (ANN, "Wrong-Password-1"),
        (ANN, ""),
        ("nobody@x.co", PASSWORD),
        (mistyped, PASSWORD),
        ("bot", ""),
        ("", ""),
        ("a\0b", "a\0b"),
    ] {
        let error = world.sign_in_as(name, password).await.unwrap_err();
        assert_eq!((error.code, &*error.message), (Code::Unauthenticated, INCORRECT), "{name}");
    }

    let unknown = world.event(Outcome::Failed, "reason", "unknown_user").await;
    assert_eq!((unknown.target_id, unknown.target_name), (None, None));
    let wrong = world.event(Outcome::Failed, "reason", "wrong_password").await;
    assert_eq!((wrong.target_name.as_deref(), &*wrong.actor_kind), (Some(ANN), "nobody"));
    for (table, rows) in database.contents().await {
        assert!(!rows.iter().any(|row| row.to_lowercase().contains("wrong-field")), "in {table}");
    }
}

async fn a_client_with_legacy_errors_says_who_is_unknown(database: TestDatabase) {
    let world = World::with_user(&database).await;
    database.execute(&set_of_clients("hides_unknown_users", "true", "false")).await;
    let world = world.reopened(&database).await;

    let unknown = world.sign_in_as("nobody@x.co", PASSWORD).await.unwrap_err();
    assert_eq!((unknown.code, &*unknown.message), (Code::NotFound(Thing::User), "User does not exist."));
    let by_srp = world.keyward.begin_srp(world.request(), "nobody@x.co", &"abc123".into()).await;
    assert_eq!(code(by_srp), Code::NotFound(Thing::User));
    assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
}

async fn a_client_may_sign_in_only_as_it_was_set_up_to(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    database.execute(&only_administrators_sign_in()).await;

    assert_eq!(said(world.sign_in(PASSWORD).await), "USER_PASSWORD_AUTH flow not enabled for this client");
    let begun = world.keyward.begin_srp(world.request(), ANN, &"abc123".into()).await;
    assert_eq!(said(begun), "USER_SRP_AUTH flow not enabled for this client");
    assert_eq!(said(world.refresh(&tokens).await), "REFRESH_TOKEN_AUTH flow not enabled for this client");
    let unknown = world
        .keyward
        .sign_in_with_password(SignInRequest::new(&world.origin, "0123456789"), ANN, &PASSWORD.into())
        .await
        .unwrap_err();
    assert_eq!(unknown.code, Code::NotFound(Thing::AppClient));
    assert_eq!(unknown.message, "User pool client 0123456789 does not exist.");
}

async fn after_five_failures_attempts_are_locked_for_ever_longer(database: TestDatabase) {
    let mut world = World::with_user(&database).await;

    for name in [ANN, "nobody@x.co"] {
        for _ in 0..5 {
            assert_eq!(said(world.sign_in_as(name, "Wrong-Password-1").await), INCORRECT);
        }
        for locked_seconds in [1, 2, 4, 8] {
            let locked_ms = i64::from(locked_seconds) * SECOND_MS;
            // Wherever they come from.
            world.origin.address = Some([192, 0, 2, locked_seconds].into());
            // Attempts that are refused don't count, not even right ones.
            for password in [PASSWORD, "Wrong-Password-1"] {
                assert_eq!(said(world.sign_in_as(name, password).await), LOCKED);
            }
            world.pass(locked_ms - 1);
            assert_eq!(said(world.sign_in_as(&name.to_uppercase(), PASSWORD).await), LOCKED);
            world.pass(1);
            assert_eq!(said(world.sign_in_as(name, "Wrong-Password-1").await), INCORRECT);
        }
    }
}

async fn the_lock_ends_with_a_success_or_a_quiet_quarter_of_an_hour(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let fail = async |times: usize| {
        for _ in 0..times {
            assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
        }
    };

    fail(5).await;
    world.pass(SECOND_MS);
    world.tokens().await;
    fail(4).await;
    world.pass(15 * MINUTE_MS + 1);
    fail(4).await;
    world.tokens().await;
}

async fn of_many_guesses_at_once_five_are_answered(database: TestDatabase) {
    let world = Arc::new(World::with_user(&database).await);
    let guesses: Vec<_> = (0..40)
        .map(|guess| {
            let (world, password) = (Arc::clone(&world), format!("Wrong-Password-{guess}"));
            tokio::spawn(async move { said(world.sign_in_from([192, 0, 2, guess], ANN, &password).await) })
        })
        .collect();
    let mut answers = Vec::new();
    for guess in guesses {
        answers.push(guess.await.unwrap());
    }

    assert_eq!(answers.iter().filter(|answer| *answer == INCORRECT).count(), 5, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == LOCKED).count(), 35, "{answers:?}");
    assert_eq!(said(world.sign_in(PASSWORD).await), LOCKED);
}

/// How many sign-ins of one address may fail at once.
const AT_ONCE: usize = 16;
const RATE_EXCEEDED: &str =
    "Rate exceeded: too much from your address has failed or had to be sent; try again in 3 s.";

async fn an_address_whose_sign_ins_fail_is_sent_away_and_leaves_nothing_behind(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (guesser, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    for number in 0..AT_ONCE {
        let name = format!("nobody-{number}@x.co");
        assert_eq!(said(world.sign_in_from(guesser, &name, PASSWORD).await), INCORRECT);
    }
    let before = database.contents().await;

    let refused = world.sign_in_from(guesser, "nobody@x.co", PASSWORD).await.unwrap_err();
    assert_eq!((refused.code, &*refused.message), (Code::TooManyRequests(3), RATE_EXCEEDED));
    // The first of them is an event, and the only one.
    let told = database.contents().await;
    for number in 0..50 {
        let name = format!("somebody-{number}@x.co");
        assert_eq!(said(world.sign_in_from(guesser, &name, PASSWORD).await), RATE_EXCEEDED);
    }
    assert_eq!(said(world.sign_in_from(guesser, ANN, PASSWORD).await), RATE_EXCEEDED);
    assert_eq!(database.contents().await, told);
    let events = |contents: &BTreeMap<String, Vec<String>>| contents["audit_events"].len();
    assert_eq!(events(&told), events(&before) + 1);
    assert_eq!(told["sign_in_failures"], before["sign_in_failures"]);
    let event = world.event(Outcome::Refused, "reason", "too_many_failures").await;
    assert_eq!((&*event.actor_kind, event.address.as_deref()), ("nobody", Some("192.0.2.1")));
    assert_eq!((event.target_kind.as_str(), event.target_name), ("user", None));

    done(world.sign_in_from(other, ANN, PASSWORD).await);
    world.pass(3 * SECOND_MS);
    done(world.sign_in_from(guesser, ANN, PASSWORD).await);
    assert_eq!(said(world.sign_in_from(guesser, "nobody@x.co", PASSWORD).await), INCORRECT);
    assert_eq!(said(world.sign_in_from(guesser, ANN, PASSWORD).await), RATE_EXCEEDED);
}

async fn every_step_of_signing_in_counts_for_the_address(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    let by_code = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    let new = NewUser {
        username: "bob@x.co".into(),
        temporary_password: Some(TEMPORARY.into()),
        ..NewUser::default()
    };
    world.keyward.create_user(&Caller::operator(), new).await.unwrap();
    let by_choice = asked(world.sign_in_as("bob@x.co", TEMPORARY).await, Question::NewPassword);
    let (client, srp) = world.begin_srp(ANN, PASSWORD).await;
    // Each is one failure, whichever step was the last; the one above hasn't come to its last yet.
    for number in 0..AT_ONCE / 2 {
        let said = said(world.sign_in_by_srp(&format!("nobody-{number}@x.co"), PASSWORD).await);
        assert_eq!(said, INCORRECT);
    }
    for _ in AT_ONCE / 2 + 1..AT_ONCE {
        world.begin_srp("nobody@x.co", PASSWORD).await;
    }

    let srp_a = Secret::from(client.get_auth_parameters().a);
    let begun = world.keyward.begin_srp(world.request(), ANN, &srp_a).await;
    assert_eq!(said(begun), RATE_EXCEEDED);
    assert_eq!(said(world.finish_srp(&client, &srp).await), RATE_EXCEEDED);
    assert_eq!(said(world.sign_in(PASSWORD).await), RATE_EXCEEDED);
    assert_eq!(said(world.choose(&by_choice, PASSWORD).await), RATE_EXCEEDED);
    assert_eq!(said(world.show_code(&by_code, &token.code(&world)).await), RATE_EXCEEDED);
    // None of them was used up.
    world.pass(30 * SECOND_MS);
    asked(world.finish_srp(&client, &srp).await, Question::SoftwareToken);
    done(world.choose(&by_choice, PASSWORD).await);
    done(world.show_code(&by_code, &token.code(&world)).await);
}

async fn sign_ins_that_succeed_are_no_number_too_many(database: TestDatabase) {
    let world = World::with_user(&database).await;
    for number in 1..AT_ONCE {
        let name = format!("nobody-{number}@x.co");
        assert_eq!(said(world.sign_in_as(&name, PASSWORD).await), INCORRECT);
    }

    // One more failure would be the last.
    for _ in 0..AT_ONCE {
        world.tokens().await;
    }
    assert_eq!(said(world.sign_in_as("nobody@x.co", PASSWORD).await), INCORRECT);
    assert_eq!(said(world.sign_in(PASSWORD).await), RATE_EXCEEDED);
    // By SRP it takes two steps.
    world.pass(6 * SECOND_MS);
    for _ in 0..AT_ONCE {
        done(world.sign_in_by_srp(ANN, PASSWORD).await);
    }
}

/// A program that holds these permissions.
async fn back_end(world: &World, permissions: &[&str]) -> Caller {
    support::role(&world.keyward, "back ends", permissions).await;
    support::account(&world.keyward, "program@x.co", &["back ends"]).await;
    support::person(&world.keyward, "program@x.co", false).await
}

async fn a_back_end_signs_users_in_with_what_they_show(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let (caller, keyward) = (back_end(&world, &["verify:credentials"]).await, &world.keyward);
    let pool_id = keyward.local_pool().id();
    let request = SignInRequest::of_back_end(&caller, pool_id, &world.client_id);
    let sign_in = async |password: &str| keyward.sign_in_with_password(request, ANN, &password.into()).await;

    let challenge = asked(sign_in(TEMPORARY).await, Question::NewPassword);
    let answer = Answer { request, ..world.answer(&challenge) };
    let tokens = done(keyward.choose_password(answer, &PASSWORD.into()).await);
    keyward.refresh(request, tokens.refresh_token.as_ref().unwrap()).await.unwrap();
    let by_srp = SrpClient::new(SrpUser::new(pool_id, ANN, PASSWORD), &world.client_id, None);
    let srp_a = Secret::from(by_srp.get_auth_parameters().a);
    let challenge = keyward.begin_srp(request, ANN, &srp_a).await.unwrap();
    done(keyward.finish_srp(request, Proof::of(&by_srp, &challenge).as_srp_proof()).await);
    assert_eq!(said(sign_in("Wrong-Password-1").await), INCORRECT);
    // Its own rights are none of theirs.
    assert!(!world.authenticate(&tokens.access_token).await.unwrap().may("verify:credentials"));

    let event = world.event(Outcome::Failed, "reason", "wrong_password").await;
    assert_eq!((&*event.actor_kind, event.target_name.as_deref()), ("nobody", Some(ANN)));
    assert_eq!(event.detail["back_end"]["name"], "program@x.co");
    let event = world.event(Outcome::Done, "method", "srp").await;
    assert_eq!((&*event.actor_kind, &*event.actor_name), ("person", ANN));
    assert_eq!(event.detail["back_end"]["credential"], caller.credential().unwrap());
    // Only administrators' flows are on.
    database.execute(&only_administrators_sign_in()).await;
    let world = world.reopened(&database).await;
    let refused = "Auth flow not enabled for this client";
    assert_eq!(said(world.keyward.begin_srp(request, ANN, &srp_a).await), refused);
    let refreshed = world.keyward.refresh(request, tokens.refresh_token.as_ref().unwrap()).await;
    assert_eq!(said(refreshed), refused);
    done(world.keyward.sign_in_with_password(request, ANN, &PASSWORD.into()).await);
}

async fn a_back_end_needs_a_right_to_it_and_the_clients_own_pool(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (caller, keyward) = (back_end(&world, &["view:users", "manage:pools"]).await, &world.keyward);
    let pool_id = keyward.local_pool().id();
    let of = |pool_id| SignInRequest::of_back_end(&caller, pool_id, &world.client_id);

    let password = PASSWORD.into();
    let refused = keyward.sign_in_with_password(of(pool_id), ANN, &password).await;
    assert_eq!(code(refused), Code::Forbidden("verify:credentials".into()));
    let refused = keyward.begin_srp(of(pool_id), ANN, &"abc123".into()).await;
    assert_eq!(code(refused), Code::Forbidden("verify:credentials".into()));
    let token = world.enrol(&world.tokens().await).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    let answer = Answer { request: of(pool_id), ..world.answer(&challenge) };
    let shown = keyward.show_code(answer, &token.code(&world).into()).await;
    assert_eq!(code(shown), Code::Forbidden("verify:credentials".into()));
    let event = world.event(Outcome::Refused, "missing", "verify:credentials").await;
    assert_eq!(&*event.actor_name, "program@x.co");
    let elsewhere = keyward.sign_in_with_password(of("us-east-1_elsewhere"), ANN, &password).await;
    assert_eq!(said(elsewhere), "User pool us-east-1_elsewhere does not exist.");

    let permissions = Some(support::texts(&["manage:users"]));
    let update = RoleUpdate { permissions, ..RoleUpdate::default() };
    keyward.update_role(&Caller::operator(), "back ends", update).await.unwrap();
    let caller = support::person(keyward, "program@x.co", false).await;
    let of = |pool_id| SignInRequest::of_back_end(&caller, pool_id, &world.client_id);
    asked(keyward.sign_in_with_password(of(pool_id), ANN, &password).await, Question::SoftwareToken);
    let elsewhere = keyward.sign_in_with_password(of("us-east-1_elsewhere"), ANN, &password).await;
    assert_eq!(code(elsewhere), Code::Forbidden("manage:pools".into()));
}

async fn a_back_end_serves_many_from_one_address_and_locks_are_each_users_own(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let mut caller = back_end(&world, &["verify:credentials"]).await;
    caller.origin.address = Some([192, 0, 2, 1].into());
    let pool_id = world.keyward.local_pool().id();
    let request = SignInRequest::of_back_end(&caller, pool_id, &world.client_id);
    let sign_in = async |name: &str, password: &str| {
        world.keyward.sign_in_with_password(request, name, &password.into()).await
    };

    for number in 0..2 * AT_ONCE {
        assert_eq!(said(sign_in(&format!("nobody-{number}@x.co"), PASSWORD).await), INCORRECT);
    }
    for _ in 0..5 {
        assert_eq!(said(sign_in(ANN, "Wrong-Password-1").await), INCORRECT);
    }
    assert_eq!(said(sign_in(ANN, PASSWORD).await), LOCKED);
    assert_eq!(said(world.sign_in(PASSWORD).await), LOCKED);
    world.pass(SECOND_MS);
    done(sign_in(ANN, PASSWORD).await);
    // They took nothing from whoever comes from there unsigned.
    done(world.sign_in_from([192, 0, 2, 1], ANN, PASSWORD).await);
}

async fn a_user_of_another_pool_signs_in_there_and_nowhere_else(database: TestDatabase) {
    let home = World::with_user(&database).await;
    let (keyward, operator) = (&home.keyward, Caller::operator());
    let new = NewUserPool { name: "other".into(), settings: UserPoolSettings::default(), region: None };
    let pool_id = keyward.create_user_pool(&operator, new).await.unwrap().id;
    let settings = keyward.pool_client(&home.client_id).await.unwrap().client.settings.clone();
    let new = NewAppClient { name: "client".into(), settings, secret: NewSecret::None };
    let client_id = keyward.create_app_client(&operator, &pool_id, new).await.unwrap().client.id;
    let world = World { keyward: Arc::clone(keyward), origin: Origin::default(), client_id };
    let pool = keyward.user_pool(&pool_id).await.unwrap();
    let new = NewUser { username: "eve@x.co".into(), ..NewUser::default() };
    let eve = keyward.create_user_in(&*pool, &operator, new).await.unwrap().user;
    let password = Secret::from(PASSWORD);
    keyward.set_password_in(&*pool, &operator, &eve.id, &password, false).await.unwrap();

    let tokens = done(world.sign_in_as("eve@x.co", PASSWORD).await);
    let client = SrpClient::new(SrpUser::new(&pool_id, "eve@x.co", PASSWORD), &world.client_id, None);
    let srp_a = Secret::from(client.get_auth_parameters().a);
    let challenge = keyward.begin_srp(world.request(), "eve@x.co", &srp_a).await.unwrap();
    done(world.finish_srp(&client, &challenge).await);
    assert_eq!(claims(&tokens.id_token)["iss"], pool.issuer());
    assert_eq!(keyward.own_account(&tokens.access_token).await.unwrap().id, eve.id);
    world.refresh(&tokens).await.unwrap();
    // Neither pool's users are the other's, nor are their tokens.
    assert_eq!(said(home.sign_in_as("eve@x.co", PASSWORD).await), INCORRECT);
    assert_eq!(said(world.sign_in_as(ANN, PASSWORD).await), INCORRECT);
    assert_eq!(said(home.refresh(&tokens).await), "Invalid Refresh Token.");
    assert_eq!(code(home.authenticate(&tokens.access_token).await), Code::Unauthenticated);
    let (_, challenge) = home.begin_srp(ANN, PASSWORD).await;
    let elsewhere = Proof::of(&client, &challenge);
    let request = world.request();
    assert_eq!(said(keyward.finish_srp(request, elsewhere.as_srp_proof()).await), INVALID_SESSION);

    let caller = back_end(&home, &["verify:credentials", "manage:users"]).await;
    let of = |caller, pool_id| SignInRequest::of_back_end(caller, pool_id, &world.client_id);
    let refused = keyward.sign_in_with_password(of(&caller, &pool_id), "eve@x.co", &password).await;
    assert_eq!(code(refused), Code::Forbidden("manage:pools".into()));
    let done_by_operator = of(&operator, &pool_id);
    done(keyward.sign_in_with_password(done_by_operator, "eve@x.co", &password).await);
    // The client isn't the pool's that is named.
    let refused = keyward.sign_in_with_password(of(&operator, keyward.local_pool().id()), ANN, &password);
    assert_eq!(code(refused.await), Code::NotFound(Thing::AppClient));
    // With the pool, all goes that was begun in it.
    keyward.delete_user_pool(&operator, &pool_id, None).await.unwrap();
    assert_eq!(code(world.sign_in_as("eve@x.co", PASSWORD).await), Code::NotFound(Thing::AppClient));
    assert_eq!(code(keyward.own_account(&tokens.access_token).await), Code::Unauthenticated);
}

async fn what_is_wrong_with_an_account_is_said_to_whoever_knows_the_password(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let status = async |status: &str| {
        let change = "temporary_until_ms = NULL";
        database.execute(&format!("UPDATE users SET status = '{status}', {change}")).await;
    };

    status("RESET_REQUIRED").await;
    let error = world.sign_in(PASSWORD).await.unwrap_err();
    assert_eq!(
        (error.code, &*error.message),
        (Code::PasswordResetRequired, "Password reset required for the user")
    );
    assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
    status("UNCONFIRMED").await;
    assert_eq!(said(world.sign_in(PASSWORD).await), "User is not confirmed.");
    status("CONFIRMED").await;
    world.set_enabled(false).await;
    assert_eq!(said(world.sign_in(PASSWORD).await), "User is disabled.");
    assert_eq!(said(world.sign_in_by_srp(ANN, PASSWORD).await), "User is disabled.");
    assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
    assert_eq!(said(world.sign_in_by_srp(ANN, "Wrong-Password-1").await), INCORRECT);
    world.event(Outcome::Failed, "reason", "disabled").await;
    for _ in 0..3 {
        let _ = world.sign_in("Wrong-Password-1").await;
    }
    assert_eq!(said(world.sign_in(PASSWORD).await), LOCKED);
}

async fn a_temporary_password_is_good_for_a_week(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    world.pass(7 * support::DAY_MS - 1);
    asked(world.sign_in(TEMPORARY).await, Question::NewPassword);

    world.pass(1);

    assert_eq!(
        said(world.sign_in(TEMPORARY).await),
        "Temporary password has expired and must be reset by an administrator."
    );
    assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
    assert_eq!(said(world.sign_in_as("nobody@x.co", TEMPORARY).await), INCORRECT);
}

async fn a_password_hashed_at_another_cost_is_hashed_anew(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let cost = HashingCost { memory_kib: 32, iterations: 2, parallelism: 1 };
    let hasher = PasswordHasher::new(&Random::System, cost, None, 1).unwrap();
    let old = hasher.hash(Line::SignIn, &Random::System, &PASSWORD.into()).await.unwrap();
    database.execute(&format!("UPDATE users SET password_hash = '{old}'")).await;

    assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
    assert_eq!(database.column("SELECT password_hash FROM users").await, [old]);
    world.tokens().await;

    let new = database.column("SELECT password_hash FROM users").await.remove(0);
    assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{new}");
    world.tokens().await;
}

async fn a_new_password_must_meet_the_policy_and_may_be_chosen_again(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);

    let error = world.choose(&challenge, "short").await.unwrap_err();

    assert_eq!(error.code, Code::PasswordRejected);
    assert_eq!(error.message, "Password did not conform with policy: Password not long enough");
    let choose = async |attribute: (&str, &str)| {
        let (answer, attributes) = (world.answer(&challenge), BTreeMap::from([attribute]));
        world.keyward.choose_password_with(answer, &PASSWORD.into(), &attributes).await
    };
    assert_eq!(said(choose(("email", "eve@x.co")).await), "Cannot modify an already provided email");
    assert_eq!(said(choose(("sub", "x")).await), "Cannot modify the non-mutable attribute sub");
    for attribute in [("email_verified", "false"), ("phone_number_verified", "true")] {
        assert_eq!(said(choose(attribute).await), "A client attempted to write unauthorized attribute");
    }
    let told = [("email", ANN), ("name", "Ann"), ("phone_number", "+12345678900"), ("nickname", "")];
    let answer = world.answer(&challenge);
    let tokens = world.keyward.choose_password_with(answer, &PASSWORD.into(), &told.into()).await;
    let user = world.keyward.own_account(&done(tokens).access_token).await.unwrap();
    // An address is proven by nothing but a code that went to it.
    assert_eq!((user.phone.as_deref(), user.phone_verified), (Some("+12345678900"), false));
    assert_eq!(user.attributes, BTreeMap::from([("name".to_owned(), "Ann".to_owned())]));
}

async fn a_new_password_is_there_to_sign_in_with(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);

    done(world.choose(&challenge, PASSWORD).await);
}

async fn an_answer_counts_once_and_within_three_minutes(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let other = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let late = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    world.pass(3 * MINUTE_MS - 1);

    done(world.choose(&challenge, PASSWORD).await);

    assert_eq!(said(world.choose(&challenge, "Another-Horse-9!").await), USED_SESSION);
    // Given before the password was chosen, and so no way to choose another.
    assert_eq!(said(world.choose(&other, "Another-Horse-9!").await), INVALID_SESSION);
    world.pass(1);
    assert_eq!(
        said(world.choose(&late, "Another-Horse-9!").await),
        "Invalid session for the user, session is expired."
    );
}

async fn others_guesses_do_not_lock_out_whoever_is_choosing_a_password(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    for _ in 0..5 {
        assert_eq!(said(world.sign_in("Wrong-Password-1").await), INCORRECT);
    }

    done(world.choose(&challenge, PASSWORD).await);

    assert_eq!(said(world.sign_in(PASSWORD).await), LOCKED);
}

async fn of_two_answers_at_once_one_counts(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);

    let (one, other) =
        tokio::join!(world.choose(&challenge, PASSWORD), world.choose(&challenge, "Another-Horse-9!"));

    assert_ne!(one.is_ok(), other.is_ok());
    assert_eq!(world.sign_in(PASSWORD).await.is_ok(), one.is_ok());
}

async fn a_challenge_is_void_when_it_is_not_for_this(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let choose = async |answer: Answer<'_>| world.keyward.choose_password(answer, &PASSWORD.into()).await;

    // Another question's, another user's, another client's, altered, made up.
    assert_eq!(said(world.show_code(&challenge, "123456").await), INVALID_SESSION);
    let answer = Answer { username: Some("bob@x.co"), ..world.answer(&challenge) };
    assert_eq!(said(choose(answer).await), INVALID_SESSION);
    let request = SignInRequest::new(&world.origin, "0123456789");
    let answer = Answer { request, ..world.answer(&challenge) };
    assert_eq!(code(choose(answer).await), Code::NotFound(Thing::AppClient));
    let mut altered = challenge.session.expose().to_owned().into_bytes();
    altered[40] = if altered[40] == b'A' { b'B' } else { b'A' };
    for session in [String::from_utf8(altered).unwrap(), "A".repeat(500), String::new()] {
        let session = Secret::from(session);
        let answer = Answer { session: &session, ..world.answer(&challenge) };
        assert_eq!(said(choose(answer).await), INVALID_SESSION);
    }
    let (_, srp) = world.begin_srp(ANN, TEMPORARY).await;
    let answer = Answer { session: &srp.secret_block, ..world.answer(&challenge) };
    assert_eq!(said(choose(answer).await), INVALID_SESSION);

    for username in ["ANN@x.co", &challenge.user_id] {
        let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
        let answer = Answer { username: Some(username), ..world.answer(&challenge) };
        done(choose(answer).await);
        let name = ANN;
        let reset = world.keyward.reset_password(&Caller::operator(), name).await.unwrap();
        database.execute("UPDATE users SET temporary_until_ms = NULL").await;
        let temporary = reset.temporary_password.unwrap();
        let challenge = asked(world.sign_in(temporary.expose()).await, Question::NewPassword);
        done(world.choose(&challenge, TEMPORARY).await);
        database.execute("UPDATE users SET status = 'FORCE_CHANGE_PASSWORD'").await;
    }
}

async fn a_challenge_is_void_once_the_user_is_reset_disabled_or_deleted(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let operator = Caller::operator();

    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let reset = world.keyward.reset_password(&operator, ANN).await.unwrap();
    assert_eq!(said(world.choose(&challenge, PASSWORD).await), INVALID_SESSION);

    let temporary = reset.temporary_password.unwrap();
    let challenge = asked(world.sign_in(temporary.expose()).await, Question::NewPassword);
    world.set_enabled(false).await;
    assert_eq!(said(world.choose(&challenge, PASSWORD).await), INVALID_SESSION);

    world.set_enabled(true).await;
    let challenge = asked(world.sign_in(temporary.expose()).await, Question::NewPassword);
    world.keyward.delete_user(&operator, ANN, None).await.unwrap();
    assert_eq!(said(world.choose(&challenge, PASSWORD).await), INVALID_SESSION);
}

async fn a_client_of_others_signs_in_by_srp(database: TestDatabase) {
    let world = World::with_user(&database).await;

    let tokens = done(world.sign_in_by_srp(ANN, PASSWORD).await);
    done(world.sign_in_by_srp("Ann@X.co", PASSWORD).await);
    assert_eq!(said(world.sign_in_by_srp(ANN, "Wrong-Password-1").await), INCORRECT);

    world.keyward.own_account(&tokens.access_token).await.unwrap();
    world.event(Outcome::Done, "method", "srp").await;
    world.event(Outcome::Failed, "method", "srp").await;
}

async fn srp_asks_for_a_new_password_and_for_a_code_as_a_password_does(database: TestDatabase) {
    let world = World::with_new_user(&database).await;

    let challenge = asked(world.sign_in_by_srp(ANN, TEMPORARY).await, Question::NewPassword);
    let tokens = done(world.choose(&challenge, PASSWORD).await);
    let token = world.enrol(&tokens).await;
    let challenge = asked(world.sign_in_by_srp(ANN, PASSWORD).await, Question::SoftwareToken);
    world.pass(30 * SECOND_MS);
    let tokens = done(world.show_code(&challenge, &token.code(&world)).await);

    assert!(world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
}

async fn by_srp_an_unknown_name_looks_like_any_other(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let known = world.keyward.user(&Caller::operator(), ANN).await.unwrap();

    let challenge = |name: &'static str| async { world.begin_srp(name, PASSWORD).await.1 };
    let (ann, again) = (challenge(ANN).await, challenge(ANN).await);
    let (bob, bob_again) = (challenge("bob@x.co").await, challenge("BOB@x.co").await);

    for (one, other) in [(&ann, &again), (&bob, &bob_again)] {
        assert_eq!((&one.user_id, &one.salt), (&other.user_id, &other.salt));
        assert_ne!(one.srp_b, other.srp_b);
    }
    assert_eq!(ann.user_id, known.id);
    assert_eq!(ann.user_id.len(), bob.user_id.len());
    assert_ne!(ann.user_id, bob.user_id);
    // The blocks differ in length by the names, and by zeros at the front of random numbers, alone.
    let lengths =
        [&ann, &bob].map(|challenge| STANDARD.decode(challenge.secret_block.expose()).unwrap().len());
    assert!(lengths[0].abs_diff(lengths[1]) <= 4, "{lengths:?}");
    // Somebody's id that isn't in use any more is as good as one that is.
    let id = "3f2c0e7e-1b6b-4f0e-9d0c-0a7d5f3f9c11";
    assert_eq!(challenge(id).await.user_id, id);
    for name in ["bob@x.co", id] {
        assert_eq!(said(world.sign_in_by_srp(name, PASSWORD).await), INCORRECT);
    }
}

async fn guesses_by_srp_are_counted_with_the_others(database: TestDatabase) {
    let world = World::with_user(&database).await;

    for name in [ANN, "nobody@x.co"] {
        let (client, challenge) = world.begin_srp(name, PASSWORD).await;
        for _ in 0..3 {
            assert_eq!(said(world.sign_in_by_srp(name, "Wrong-Password-1").await), INCORRECT);
        }
        for _ in 0..2 {
            assert_eq!(said(world.sign_in_as(name, "Wrong-Password-1").await), INCORRECT);
        }
        assert_eq!(said(world.finish_srp(&client, &challenge).await), LOCKED);
        let begun = world.keyward.begin_srp(world.request(), name, &"abc123".into()).await;
        assert_eq!(said(begun), LOCKED);
    }
}

async fn a_secret_block_is_good_for_one_guess_within_three_minutes(database: TestDatabase) {
    let world = World::with_user(&database).await;

    // A wrong answer uses it up as a right one does.
    let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;
    let proof = Proof::of(&client, &challenge);
    let wrong = Proof { signature: STANDARD.encode([7; 32]).into(), ..Proof::of(&client, &challenge) };
    let finish = async |proof: &Proof| world.keyward.finish_srp(world.request(), proof.as_srp_proof()).await;
    assert_eq!(said(finish(&wrong).await), INCORRECT);
    assert_eq!(said(finish(&proof).await), USED_SESSION);

    let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;
    done(world.finish_srp(&client, &challenge).await);
    assert_eq!(said(world.finish_srp(&client, &challenge).await), USED_SESSION);

    let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;
    world.pass(3 * MINUTE_MS);
    assert_eq!(
        said(world.finish_srp(&client, &challenge).await),
        "Invalid session for the user, session is expired."
    );
}

async fn an_answer_by_srp_must_fit_in_every_part(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;
    let proof = || Proof::of(&client, &challenge);
    let finish = async |proof: Proof| world.keyward.finish_srp(world.request(), proof.as_srp_proof()).await;
    let session = asked_session(&world, &database).await;

    for block in ["", "AAAA", "not base64!", session.expose()] {
        assert_eq!(said(finish(Proof { secret_block: block.into(), ..proof() }).await), INVALID_SESSION);
    }
    let named = |name: &str| Proof { username: Some(name.to_owned()), ..proof() };
    assert_eq!(said(finish(named("bob@x.co")).await), INVALID_SESSION);
    for time in ["", "2026-11-22T01:38:52Z", "Sun Nov 22 01:38:52 CET 2026"] {
        let error = finish(Proof { timestamp: time.into(), ..proof() }).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidInput("timestamp".into()), "{time}");
    }
    let error = finish(Proof { timestamp: "Sun Nov 22 01:38:52 UTC 2015".into(), ..proof() }).await;
    assert!(said(error).contains("clock"));
    // None of these used the block up.
    done(finish(named(&challenge.user_id)).await);
    for name in [ANN, "ANN@x.co"] {
        let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;
        done(finish(Proof { username: Some(name.into()), ..Proof::of(&client, &challenge) }).await);
    }
}

async fn a_password_set_between_the_steps_of_srp_counts(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (client, challenge) = world.begin_srp(ANN, PASSWORD).await;

    world.keyward.reset_password(&Caller::operator(), ANN).await.unwrap();

    assert_eq!(said(world.finish_srp(&client, &challenge).await), INCORRECT);
}

async fn a_bad_srp_a_is_refused(database: TestDatabase) {
    let world = World::with_user(&database).await;
    for srp_a in ["", "0", "00", "xyz", &"f".repeat(769), &"f".repeat(100_000)] {
        let begun = world.keyward.begin_srp(world.request(), ANN, &srp_a.into()).await;
        assert_eq!(code(begun), Code::InvalidInput("srp_a".into()));
    }
}

async fn with_a_software_token_signing_in_asks_for_its_code(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    assert_eq!(token.0.expose().len(), 32);

    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    // The code that proved the token is used up by that.
    let used = world.show_code(&challenge, &token.code(&world)).await.unwrap_err();
    assert_eq!(
        (used.code, &*used.message),
        (Code::CodeExpired, "Your software token has already been used once.")
    );
    world.pass(30 * SECOND_MS);
    let wrong = world.show_code(&challenge, &token.wrong_code(&world)).await.unwrap_err();
    assert_eq!((wrong.code, &*wrong.message), (Code::CodeMismatch, "Invalid code received for user"));
    // Neither ended the challenge.
    let tokens = done(world.show_code(&challenge, &token.code(&world)).await);
    assert_eq!(
        said(world.show_code(&challenge, &token.code(&world)).await),
        "Your software token has already been used once."
    );
    world.pass(30 * SECOND_MS);
    assert_eq!(said(world.show_code(&challenge, &token.code(&world)).await), USED_SESSION);

    assert_eq!(claims(&tokens.access_token)["amr"], serde_json::json!(["pwd", "mfa", "otp"]));
    assert!(world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
    world.event(Outcome::Failed, "reason", "wrong_code").await;
}

async fn of_many_answers_with_one_code_one_counts(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    let challenges = [
        asked(world.sign_in(PASSWORD).await, Question::SoftwareToken),
        asked(world.sign_in(PASSWORD).await, Question::SoftwareToken),
    ];
    world.pass(30 * SECOND_MS);
    let code = token.code(&world);

    let (one, other, third) = tokio::join!(
        world.show_code(&challenges[0], &code),
        world.show_code(&challenges[1], &code),
        world.show_code(&challenges[0], &code),
    );

    assert_eq!([one, other, third].iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

async fn wrong_codes_lock_and_a_right_password_does_not_open(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    world.pass(30 * SECOND_MS);

    for _ in 0..5 {
        let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
        let outcome = world.show_code(&challenge, &token.wrong_code(&world)).await;
        assert_eq!(code(outcome), Code::CodeMismatch);
    }

    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    assert_eq!(said(world.show_code(&challenge, &token.code(&world)).await), LOCKED);
    world.pass(SECOND_MS);
    done(world.show_code(&challenge, &token.code(&world)).await);
}

async fn whoever_only_knows_the_password_cannot_touch_the_second_factor(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let before = world.tokens().await;
    let token = world.enrol(&world.tokens().await).await;
    let (keyward, origin, access) = (&world.keyward, &world.origin, &before.access_token);

    // A session from before the second factor was asked for.
    let refusal = "Sign in with your second factor before you change this.";
    assert_eq!(said(keyward.associate_software_token(origin, access).await), refusal);
    assert_eq!(
        said(keyward.set_mfa_preference(origin, access, &MfaChange::software_token(false)).await),
        refusal
    );
    let verified = keyward.verify_software_token(origin, access, &token.code(&world).into()).await;
    assert_eq!(said(verified), refusal);

    let with_mfa = world.tokens_with_mfa(&token).await.access_token;
    keyward.associate_software_token(origin, &with_mfa).await.unwrap();
    // The new one isn't proven, so the old one counts.
    world.tokens_with_mfa(&token).await;
    let new = world.prove_token(&with_mfa).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    world.pass(30 * SECOND_MS);
    assert_eq!(code(world.show_code(&challenge, &token.code(&world)).await), Code::CodeMismatch);
    done(world.show_code(&challenge, &new.code(&world)).await);
    keyward.set_mfa_preference(origin, &with_mfa, &MfaChange::software_token(false)).await.unwrap();
    world.tokens().await;
}

async fn a_software_token_counts_once_it_is_proven(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let access = world.tokens().await.access_token;
    let (keyward, origin) = (&world.keyward, &world.origin);
    let verify = async |code: &str| keyward.verify_software_token(origin, &access, &code.into()).await;

    assert_eq!(code(verify("123456").await), Code::NotFound(Thing::SoftwareToken));
    let first = SoftwareToken(keyward.associate_software_token(origin, &access).await.unwrap());
    let second = SoftwareToken(keyward.associate_software_token(origin, &access).await.unwrap());
    let enabled = keyward.set_mfa_preference(origin, &access, &MfaChange::software_token(true)).await;
    assert_eq!(said(enabled), "User has not verified software token mfa");
    assert_eq!(said(verify(&first.code(&world)).await), "Code mismatch");
    verify(&second.code(&world)).await.unwrap();
    assert_eq!(code(verify(&second.code(&world)).await), Code::NotFound(Thing::SoftwareToken));
    // Proven, but not asked for yet.
    world.tokens().await;
    keyward.set_mfa_preference(origin, &access, &MfaChange::software_token(false)).await.unwrap();
    keyward.set_mfa_preference(origin, &access, &MfaChange::software_token(true)).await.unwrap();
    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
}

async fn the_last_admin_keeps_the_second_factor_that_the_role_asks_for(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let operator = Caller::operator();
    support::role(&world.keyward, "admins", &["*"]).await;
    world.keyward.assign_roles(&operator, ANN, &["admins".into()]).await.unwrap();
    let token = world.enrol(&world.tokens().await).await;
    let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    world.keyward.update_role(&operator, "admins", update).await.unwrap();
    let access = world.tokens_with_mfa(&token).await.access_token;

    let outcome =
        world.keyward.set_mfa_preference(&world.origin, &access, &MfaChange::software_token(false)).await;

    assert_eq!(code(outcome), Code::Conflict);
}

async fn a_refresh_brings_tokens_of_the_same_sign_in_with_the_roles_of_now(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    let tokens = world.tokens_with_mfa(&token).await;
    support::role(&world.keyward, "readers", &["read:*"]).await;
    world.keyward.assign_roles(&Caller::operator(), ANN, &["readers".into()]).await.unwrap();
    world.pass(10 * MINUTE_MS);

    let renewed = world.refresh(&tokens).await.unwrap();

    assert!(renewed.refresh_token.is_none());
    for (old, new) in [(&tokens.id_token, &renewed.id_token), (&tokens.access_token, &renewed.access_token)] {
        let (old, new) = (claims(old), claims(new));
        for name in ["sub", "origin_jti", "auth_time", "amr", "token_use"] {
            assert_eq!(old[name], new[name], "{name}");
        }
        for name in ["jti", "iat", "exp", "event_id"] {
            assert_ne!(old[name], new[name], "{name}");
        }
        assert_eq!((&old["cognito:groups"], &new["cognito:groups"][0]), (&Value::Null, &"readers".into()));
    }
    assert!(world.authenticate(&renewed.access_token).await.unwrap().has_mfa());
}

async fn a_refresh_token_ends_after_thirty_days(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    world.pass(30 * support::DAY_MS - 1);
    let renewed = world.refresh(&tokens).await.unwrap();
    world.pass(1);

    assert_eq!(said(world.refresh(&tokens).await), "Refresh Token has expired");
    // The tokens that it brought live as long as they say, also when what has ended is swept away.
    let store = database.store().await;
    store.sweep(world.keyward.clock().now_ms()).await.unwrap();
    world.authenticate(&renewed.access_token).await.unwrap();
    world.pass(support::DAY_MS + 1);
    store.sweep(world.keyward.clock().now_ms()).await.unwrap();
    assert_eq!(said(world.refresh(&tokens).await), "Invalid Refresh Token.");
    for unknown in ["", "x", tokens.access_token.expose()] {
        let refreshed = world.keyward.refresh(world.request(), &unknown.into()).await;
        assert_eq!(said(refreshed), "Invalid Refresh Token.");
    }
}

async fn a_refresh_token_is_good_at_its_own_client_alone(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    database
        .execute(
            "INSERT INTO app_clients SELECT 'another', pool_id, name, settings, created_at_ms + 1, \
             updated_at_ms, version FROM app_clients",
        )
        .await;
    let world = world.reopened(&database).await;
    let refresh_token = tokens.refresh_token.as_ref().unwrap();

    let request = SignInRequest::new(&world.origin, "another");
    assert_eq!(said(world.keyward.refresh(request, refresh_token).await), "Invalid Refresh Token.");
    let revoked = world.keyward.revoke_refresh_token(&world.origin, "another", None, refresh_token).await;
    assert_eq!(code(revoked), Code::Unauthenticated);
    let challenge = asked_session(&world, &database).await;
    let answer = Answer { request, session: &challenge, username: None };
    assert_eq!(said(world.keyward.choose_password(answer, &PASSWORD.into()).await), INVALID_SESSION);
}

async fn signing_out_everywhere_ends_every_session_at_once(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (one, other) = (world.tokens().await, world.tokens().await);

    world.keyward.sign_out_everywhere(&world.origin, &one.access_token).await.unwrap();

    for tokens in [&one, &other] {
        world.assert_ended(tokens, "Refresh Token has been revoked", "Access Token has been revoked").await;
    }
    world.authenticate(&world.tokens().await.access_token).await.unwrap();
}

async fn a_revoked_refresh_token_takes_its_own_session_along(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (revoked, other) = (world.tokens().await, world.tokens().await);
    let renewed = world.refresh(&revoked).await.unwrap();
    let revoke = async |token: &Secret| {
        world.keyward.revoke_refresh_token(&world.origin, &world.client_id, None, token).await
    };

    for token in [&revoked.access_token, &revoked.id_token] {
        assert_eq!(code(revoke(token).await), Code::Unsupported);
    }
    revoke(&"never-given".into()).await.unwrap();
    revoke(revoked.refresh_token.as_ref().unwrap()).await.unwrap();
    revoke(revoked.refresh_token.as_ref().unwrap()).await.unwrap();

    world.assert_ended(&revoked, "Refresh Token has been revoked", "Access Token has been revoked").await;
    assert_eq!(code(world.authenticate(&renewed.id_token).await), Code::Unauthenticated);
    world.authenticate(&other.access_token).await.unwrap();
    let query = AuditQuery { action: Some("user.sign-out".into()), ..AuditQuery::default() };
    let events = world.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    assert_eq!(events.len(), 1);
}

async fn the_tokens_of_a_disabled_user_are_refused_at_once_and_for_good(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;

    world.set_enabled(false).await;
    world.assert_ended(&tokens, "User is disabled.", "User is disabled.").await;
    world.set_enabled(true).await;

    world.assert_ended(&tokens, "Refresh Token has been revoked", "Access Token has been revoked").await;
}

async fn the_tokens_of_a_reset_or_deleted_user_are_refused_at_once(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let operator = Caller::operator();
    let tokens = world.tokens().await;
    world.keyward.reset_password(&operator, ANN).await.unwrap();
    world.assert_ended(&tokens, "Refresh Token has been revoked", "Access Token has been revoked").await;

    world.keyward.delete_user(&operator, ANN, None).await.unwrap();
    world.assert_ended(&tokens, "Invalid Refresh Token.", "Access Token has been revoked").await;
    // Neither comes back to life for a namesake.
    support::account(&world.keyward, ANN, &[]).await;
    world.assert_ended(&tokens, "Invalid Refresh Token.", "Access Token has been revoked").await;
}

async fn choosing_a_password_ends_the_sessions_before_it(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    database.execute("UPDATE users SET status = 'FORCE_CHANGE_PASSWORD'").await;

    let challenge = asked(world.sign_in(PASSWORD).await, Question::NewPassword);
    world.authenticate(&tokens.access_token).await.unwrap();
    let new = done(world.choose(&challenge, "Another-Horse-9!").await);

    world.assert_ended(&tokens, "Refresh Token has been revoked", "Access Token has been revoked").await;
    world.authenticate(&new.access_token).await.unwrap();
}

async fn either_token_is_a_credential_and_only_the_access_token_is_for_the_account(database: TestDatabase) {
    let world = World::with_user(&database).await;
    support::role(&world.keyward, "readers", &["read:*"]).await;
    world.keyward.assign_roles(&Caller::operator(), ANN, &["readers".into()]).await.unwrap();
    let tokens = world.tokens().await;

    for token in [&tokens.id_token, &tokens.access_token] {
        let caller = world.authenticate(token).await.unwrap();
        assert!(caller.may("read:database") && !caller.may("write:database") && !caller.has_mfa());
        let Identity::Person { session_id, username, .. } = &*caller.standing.identity else { panic!() };
        assert_eq!(claims(token)["origin_jti"], **session_id);
        assert_eq!(username, ANN);
    }
    assert_eq!(said(world.keyward.own_account(&tokens.id_token).await), "Invalid Access Token");
    let refresh_token = tokens.refresh_token.as_ref().unwrap();
    assert_eq!(said(world.keyward.own_account(refresh_token).await), "Invalid Access Token");
    assert_eq!(world.keyward.own_account(&tokens.access_token).await.unwrap().username, ANN);

    world.pass(3600 * SECOND_MS);

    assert_eq!(said(world.keyward.own_account(&tokens.access_token).await), "Access Token has expired");
    for token in [&tokens.id_token, &tokens.access_token] {
        assert_eq!(code(world.authenticate(token).await), Code::Unauthenticated);
    }
}

async fn a_role_that_asks_for_mfa_counts_in_a_session_with_mfa_alone(database: TestDatabase) {
    let world = World::with_user(&database).await;
    support::role(&world.keyward, "keepers", &["open:vault"]).await;
    let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    world.keyward.update_role(&Caller::operator(), "keepers", update).await.unwrap();
    world.keyward.assign_roles(&Caller::operator(), ANN, &["keepers".into()]).await.unwrap();
    let without = world.tokens().await;
    let token = world.enrol(&without).await;
    let with = world.tokens_with_mfa(&token).await;

    assert!(world.authenticate(&with.access_token).await.unwrap().may("open:vault"));
    assert!(world.authenticate(&with.id_token).await.unwrap().may("open:vault"));
    // That the token is set up now doesn't count for a session that hasn't shown it.
    assert!(!world.authenticate(&without.access_token).await.unwrap().may("open:vault"));
    let renewed = world.refresh(&without).await.unwrap();
    assert!(!world.authenticate(&renewed.access_token).await.unwrap().may("open:vault"));
}

async fn a_role_taken_away_counts_no_more_for_a_token_that_names_it(database: TestDatabase) {
    let world = World::with_user(&database).await;
    support::role(&world.keyward, "readers", &["read:*"]).await;
    world.keyward.assign_roles(&Caller::operator(), ANN, &["readers".into()]).await.unwrap();
    let tokens = world.tokens().await;
    assert!(world.authenticate(&tokens.access_token).await.unwrap().may("read:database"));

    world.keyward.delete_role(&Caller::operator(), "readers", None).await.unwrap();

    assert!(!world.authenticate(&tokens.access_token).await.unwrap().may("read:database"));
}

async fn nothing_secret_lies_in_the_database(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let first = done(world.choose(&challenge, PASSWORD).await);
    let token = world.enrol(&first).await;
    let pending = world.tokens_with_mfa(&token).await;
    let second = world.keyward.associate_software_token(&world.origin, &pending.access_token).await.unwrap();
    let (client, srp) = world.begin_srp(ANN, PASSWORD).await;
    asked(world.finish_srp(&client, &srp).await, Question::SoftwareToken);
    let _ = world.sign_in("Wrong-Password-1").await;

    let contents = database.contents().await;

    let proof = Proof::of(&client, &srp);
    for secret in [
        TEMPORARY,
        PASSWORD,
        "Wrong-Password-1",
        first.refresh_token.as_ref().unwrap().expose(),
        first.access_token.expose(),
        first.id_token.expose(),
        challenge.session.expose(),
        token.0.expose(),
        second.expose(),
        srp.secret_block.expose(),
        proof.signature.expose(),
    ] {
        for (table, rows) in &contents {
            assert!(!rows.iter().any(|row| row.contains(secret)), "{secret} lies in {table}");
        }
    }
    let shown = format!("{challenge:?} {first:?} {srp:?} {:?}", proof.as_srp_proof());
    assert!(!shown.contains(first.access_token.expose()) && !shown.contains(challenge.session.expose()));
    assert!(!shown.contains(srp.secret_block.expose()) && !shown.contains(proof.signature.expose()));
}
/// The session of a challenge of another user, fit to be tried where it doesn't belong.
async fn asked_session(world: &World, database: &TestDatabase) -> Secret {
    let new = NewUser {
        username: "carl@x.co".into(),
        temporary_password: Some(TEMPORARY.into()),
        ..NewUser::default()
    };
    world.keyward.create_user(&Caller::operator(), new).await.unwrap();
    assert_eq!(database.column("SELECT username FROM users ORDER BY username").await, [ANN, "carl@x.co"]);
    asked(world.sign_in_as("carl@x.co", TEMPORARY).await, Question::NewPassword).session
}

/// Changes what is set of every app client, past Keyward.
fn set_of_clients(setting: &str, from: &str, to: &str) -> String {
    let said = |value: &str| format!("\"{setting}\":{value}");
    format!("UPDATE app_clients SET settings = replace(settings, '{}', '{}')", said(from), said(to))
}

fn only_administrators_sign_in() -> String {
    let all = r#"["ALLOW_USER_PASSWORD_AUTH","ALLOW_USER_SRP_AUTH","ALLOW_ADMIN_USER_PASSWORD_AUTH","ALLOW_REFRESH_TOKEN_AUTH"]"#;
    set_of_clients("flows", all, r#"["ALLOW_ADMIN_USER_PASSWORD_AUTH"]"#)
}
