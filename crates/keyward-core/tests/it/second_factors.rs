//! Second factors: which are asked for, how they are set up, and who may change them.

use keyward_core::app_client::NewSecret;
use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::local_pool::choice::{ChoiceInput, Chosen, FirstChoice};
use keyward_core::local_pool::factor::{MfaPreference, SecondFactor};
use keyward_core::local_pool::mfa_preference::{FactorSetting, MfaChange};
use keyward_core::local_pool::sign_in::{Answer, Challenge, Question, SignIn, SignInRequest, Tokens};
use keyward_core::message::Channel;
use keyward_core::page::Cursor;
use keyward_core::role::RoleUpdate;
use keyward_core::secret::Secret;
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{EmailMfa, MfaMode, PoolFactors, SmsMfa, UserPoolSettings, WebAuthn};
use serde_json::json;

use crate::sign_in::{
    ANN, INVALID_SESSION, LOCKED, MINUTE_MS, PASSWORD, Proof, SoftwareToken, TEMPORARY, USED_SESSION, World,
    asked, claims, done, said,
};
use crate::support::{self, SECOND_MS, TestDatabase, code, on_both};

on_both! {
    a_code_by_email_or_sms_is_a_second_factor,
    a_sent_code_is_good_once_for_its_own_challenge_and_for_its_time,
    guesses_at_a_sent_code_lock_with_those_at_the_software_token,
    with_several_factors_the_preferred_one_is_asked_for,
    a_factor_is_chosen_once_and_among_ones_own,
    where_the_pool_asks_everybody_a_software_token_is_set_up_first,
    setting_up_is_bound_to_its_session_and_step,
    guesses_while_setting_up_lock,
    where_the_pool_asks_everybody_a_proven_address_will_do,
    where_the_pool_asks_everybody_no_way_in_goes_without_a_factor,
    where_the_pool_asks_nobody_nothing_is_asked,
    a_factor_that_the_pool_has_no_more_is_no_reason_to_ask_for_less,
    a_factor_without_means_is_no_reason_to_ask_for_less,
    what_cannot_be_switched_on_is_refused,
    whoever_only_knows_the_password_switches_nothing,
    where_everybody_is_asked_the_last_factor_stays_on,
    an_administrator_switches_factors_within_their_rights,
    an_administrator_takes_away_a_lost_software_token,
    all_that_was_lost_is_taken_away_at_once_with_the_sessions,
    the_last_admin_keeps_the_factor_that_the_role_asks_for,
    what_one_may_sign_in_with_is_told,
    codes_that_are_sent_are_limited,
}

const ON: Option<FactorSetting> = Some(FactorSetting { is_enabled: true, is_preferred: false });
const PREFERRED: Option<FactorSetting> = Some(FactorSetting { is_enabled: true, is_preferred: true });
const OFF: Option<FactorSetting> = Some(FactorSetting { is_enabled: false, is_preferred: false });
const NUMBER: &str = "+12345678900";
const WRONG_CODE: &str = "Invalid code or auth state for the user.";
const SIGN_IN_WITH_CODE: &str = "Sign in with your second factor before you change this.";

impl World {
    /// With a user whose address and number are proven, in a pool with every second factor.
    async fn with_factors(database: &TestDatabase, mfa: MfaMode) -> Self {
        let world = Self::with_user(database).await;
        let attributes = [("phone_number", NUMBER), ("phone_number_verified", "true")];
        world.set_attributes(&attributes.map(|(name, value)| (name, Some(value)))).await;
        let (sms, email) = (Some(SmsMfa::default()), Some(EmailMfa::default()));
        world.set_pool(PoolFactors { sms, email, ..with_software_tokens(mfa) }).await;
        world
    }

    async fn set_pool(&self, factors: PoolFactors) {
        let pool_id = self.keyward.local_pool().id();
        self.keyward.set_pool_factors(&Caller::operator(), pool_id, factors).await.unwrap();
    }

    async fn set_attributes(&self, attributes: &[(&str, Option<&str>)]) {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
        self.update_user(UserUpdate { attributes: attributes.collect(), ..UserUpdate::default() }).await;
    }

    async fn prefer(&self, tokens: &Tokens, changes: MfaChange) -> Result<()> {
        self.keyward.set_mfa_preference(&self.origin, &tokens.access_token, &changes).await
    }

    /// The code that was sent last, and where it went.
    async fn sent(&self) -> (String, String) {
        let page = self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
        let content = &page.items.last().unwrap().content;
        let body = content.body.expose();
        let code = body.split(|character: char| !character.is_ascii_digit()).find(|text| text.len() == 6);
        (code.unwrap().to_owned(), content.to.expose().to_owned())
    }

    async fn show_sent(&self, challenge: &Challenge, code: &str) -> Result<SignIn> {
        let factor = match challenge.question {
            Question::Sms => SecondFactor::Sms,
            Question::Email => SecondFactor::Email,
            other => panic!("{other:?}"),
        };
        self.keyward.show_sent_code(self.answer(challenge), factor, &code.into()).await
    }

    async fn select(&self, challenge: &Challenge, factor: SecondFactor) -> Result<SignIn> {
        self.keyward.select_factor(self.answer(challenge), factor).await
    }

    async fn associate(&self, session: &Secret) -> Result<(SoftwareToken, Secret)> {
        let (secret, session) = self.keyward.associate_in_sign_in(&self.origin, session).await?;
        Ok((SoftwareToken(secret), session))
    }

    async fn verify(&self, session: &Secret, code: &str) -> Result<Secret> {
        self.keyward.verify_in_sign_in(&self.origin, session, &code.into()).await
    }

    async fn finish(&self, session: &Secret) -> Result<SignIn> {
        let answer = Answer { request: self.request(), session, username: Some(ANN) };
        self.keyward.finish_set_up(answer).await
    }

    /// Sets up a software token with which the sign-in goes on.
    async fn set_up(&self) -> (SoftwareToken, Tokens) {
        let challenge = asked(self.sign_in(PASSWORD).await, Question::SetUpFactor);
        let (token, session) = self.associate(&challenge.session).await.unwrap();
        let session = self.verify(&session, &token.code(self)).await.unwrap();
        let tokens = done(self.finish(&session).await);
        (token, tokens)
    }
}

/// A pool with software tokens alone.
fn with_software_tokens(mfa: MfaMode) -> PoolFactors {
    PoolFactors { mfa: Some(mfa), software_token_mfa: Some(true), ..PoolFactors::default() }
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

async fn a_code_by_email_or_sms_is_a_second_factor(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let mut tokens = world.tokens().await;

    for (question, changes, channel, to, masked, amr) in [
        (
            Question::Email,
            MfaChange { email: ON, ..MfaChange::default() },
            Channel::Email,
            ANN,
            "a***@x***",
            json!(["pwd", "mfa", "otp"]),
        ),
        (
            Question::Sms,
            MfaChange { email: OFF, sms: PREFERRED, ..MfaChange::default() },
            Channel::Sms,
            NUMBER,
            "+*******8900",
            json!(["pwd", "mfa", "sms"]),
        ),
    ] {
        world.prefer(&tokens, changes).await.unwrap();

        let challenge = asked(world.sign_in(PASSWORD).await, question);

        let delivery = challenge.delivery.clone().unwrap();
        assert_eq!((delivery.channel, &*delivery.masked), (channel, masked));
        let (code, sent_to) = world.sent().await;
        assert_eq!(sent_to, to);
        let refused = world.show_sent(&challenge, &wrong(&code)).await.unwrap_err();
        assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, WRONG_CODE));
        tokens = done(world.show_sent(&challenge, &code).await);
        assert!(world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
        let renewed = world.refresh(&tokens).await.unwrap();
        assert_eq!((&claims(&tokens.id_token)["amr"], &claims(&renewed.access_token)["amr"]), (&amr, &amr));
    }
    world.event(Outcome::Failed, "reason", "wrong_code").await;
    // By SRP it is no different.
    asked(world.sign_in_by_srp(ANN, PASSWORD).await, Question::Sms);
    world.prefer(&tokens, MfaChange { sms: OFF, ..MfaChange::default() }).await.unwrap();
    done(world.sign_in(PASSWORD).await);
}

async fn a_sent_code_is_good_once_for_its_own_challenge_and_for_its_time(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    world.prefer(&tokens, MfaChange { email: ON, sms: ON, ..MfaChange::default() }).await.unwrap();
    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    let by_email = asked(world.select(&choice, SecondFactor::Email).await, Question::Email);
    let (first, _) = world.sent().await;

    // A newer one makes it void, and none is good for a challenge of another kind.
    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    let by_sms = asked(world.select(&choice, SecondFactor::Sms).await, Question::Sms);
    let (second, _) = world.sent().await;
    if first != second {
        assert_eq!(code(world.show_sent(&by_email, &first).await), Code::CodeMismatch);
    }
    assert_eq!(code(world.show_sent(&by_email, &second).await), Code::CodeMismatch);
    let shown = Secret::from(second.as_str());
    let shown = world.keyward.show_sent_code(world.answer(&by_sms), SecondFactor::Email, &shown).await;
    assert_eq!(said(shown), INVALID_SESSION);
    assert_eq!(said(world.show_code(&by_sms, &second).await), INVALID_SESSION);
    done(world.show_sent(&by_sms, &second).await);
    assert_eq!(said(world.show_sent(&by_sms, &second).await), USED_SESSION);

    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    let late = asked(world.select(&choice, SecondFactor::Sms).await, Question::Sms);
    let (third, _) = world.sent().await;
    world.pass(3 * MINUTE_MS);
    let expired = "Invalid session for the user, session is expired.";
    assert_eq!(said(world.show_sent(&late, &third).await), expired);
    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    let later = asked(world.select(&choice, SecondFactor::Sms).await, Question::Sms);
    assert_ne!(third, world.sent().await.0);
    assert_eq!(code(world.show_sent(&later, &third).await), Code::CodeMismatch);
    // Nothing of it lies in the database in clear but for what waits to be sent, sealed.
    let (fourth, _) = world.sent().await;
    for (table, rows) in database.contents().await {
        let is_code =
            |row: &String| row.split(|digit: char| !digit.is_ascii_digit()).any(|text| text == fourth);
        assert!(!rows.iter().any(is_code), "in {table}");
    }
}

async fn guesses_at_a_sent_code_lock_with_those_at_the_software_token(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    let token = world.enrol(&tokens).await;
    let tokens = world.tokens_with_mfa(&token).await;
    world.prefer(&tokens, MfaChange { software_token: ON, email: ON, sms: None }).await.unwrap();
    world.pass(30 * SECOND_MS);
    let choose = async |factor: SecondFactor| {
        let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
        asked(world.select(&choice, factor).await, factor.into())
    };

    for _ in 0..2 {
        let challenge = choose(SecondFactor::SoftwareToken).await;
        let outcome = world.show_code(&challenge, &token.wrong_code(&world)).await;
        assert_eq!(code(outcome), Code::CodeMismatch);
    }
    for _ in 0..3 {
        let challenge = choose(SecondFactor::Email).await;
        let (sent, _) = world.sent().await;
        assert_eq!(code(world.show_sent(&challenge, &wrong(&sent)).await), Code::CodeMismatch);
    }

    let challenge = choose(SecondFactor::Email).await;
    let (sent, _) = world.sent().await;
    assert_eq!(said(world.show_sent(&challenge, &sent).await), LOCKED);
    let challenge = choose(SecondFactor::SoftwareToken).await;
    assert_eq!(said(world.show_code(&challenge, &token.code(&world)).await), LOCKED);
    world.pass(SECOND_MS);
    done(world.show_code(&challenge, &token.code(&world)).await);
}

async fn with_several_factors_the_preferred_one_is_asked_for(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    let token = world.enrol(&tokens).await;
    let tokens = world.tokens_with_mfa(&token).await;
    let sign_in = async |changes: MfaChange| {
        world.prefer(&tokens, changes).await.unwrap();
        match world.sign_in(PASSWORD).await.unwrap() {
            SignIn::Challenge(challenge) => challenge,
            SignIn::Done(_) => panic!("nothing was asked for"),
        }
    };

    assert_eq!(
        sign_in(MfaChange { sms: ON, ..MfaChange::default() }).await.question,
        Question::SoftwareToken
    );
    let choice = sign_in(MfaChange { software_token: ON, email: ON, sms: None }).await;
    assert_eq!(choice.question, Question::SelectFactor);
    assert_eq!(choice.factors, SecondFactor::ALL);
    assert_eq!(
        sign_in(MfaChange { email: PREFERRED, ..MfaChange::default() }).await.question,
        Question::Email
    );
    assert_eq!(sign_in(MfaChange { sms: PREFERRED, ..MfaChange::default() }).await.question, Question::Sms);
    let choice = sign_in(MfaChange { sms: OFF, ..MfaChange::default() }).await;
    assert_eq!(choice.factors, [SecondFactor::SoftwareToken, SecondFactor::Email]);
    // One that the pool has no more isn't asked for, whatever the user said.
    world.set_pool(PoolFactors { software_token_mfa: Some(false), ..PoolFactors::default() }).await;
    asked(world.sign_in(PASSWORD).await, Question::Email);
    // What administrators change in an address makes it one that isn't proven.
    world.set_pool(PoolFactors { software_token_mfa: Some(true), ..PoolFactors::default() }).await;
    world.set_attributes(&[("email", Some("other@x.co"))]).await;
    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
}

async fn a_factor_is_chosen_once_and_among_ones_own(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    world.prefer(&tokens, MfaChange { email: ON, sms: ON, ..MfaChange::default() }).await.unwrap();
    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);

    let refused = world.select(&choice, SecondFactor::SoftwareToken).await;
    assert_eq!(code(refused), Code::InvalidInput("answer".into()));
    asked(world.select(&choice, SecondFactor::Email).await, Question::Email);
    assert_eq!(said(world.select(&choice, SecondFactor::Sms).await), USED_SESSION);
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    for wrong_use in [
        world.show_code(&challenge, "123456").await,
        world.choose(&challenge, "Another-Horse-9!").await,
        world.finish(&challenge.session).await,
    ] {
        assert_eq!(said(wrong_use), INVALID_SESSION);
    }
    let (one, other) = tokio::join!(
        world.select(&challenge, SecondFactor::Email),
        world.select(&challenge, SecondFactor::Sms),
    );
    assert_ne!(one.is_ok(), other.is_ok());
}

async fn where_the_pool_asks_everybody_a_software_token_is_set_up_first(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    world.set_pool(with_software_tokens(MfaMode::On)).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    let challenge = asked(world.choose(&challenge, PASSWORD).await, Question::SetUpFactor);
    assert_eq!(challenge.factors, [SecondFactor::SoftwareToken]);

    let (token, session) = world.associate(&challenge.session).await.unwrap();
    assert_eq!(token.0.expose().len(), 32);
    let refused = world.verify(&session, &token.wrong_code(&world)).await.unwrap_err();
    assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, "Code mismatch"));
    assert_eq!(said(world.finish(&session).await), INVALID_SESSION);
    let shown = token.code(&world);
    let session = world.verify(&session, &shown).await.unwrap();
    assert!((20..=4096).contains(&session.expose().len()));
    let tokens = done(world.finish(&session).await);

    assert!(world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
    assert_eq!(claims(&tokens.id_token)["amr"], json!(["pwd", "mfa", "otp"]));
    let user = world.keyward.own_account(&tokens.access_token).await.unwrap();
    assert_eq!(user.mfa_preference.preferred, Some(SecondFactor::SoftwareToken));
    // The code that proved it is used up, and the sessions are.
    assert_eq!(said(world.finish(&session).await), USED_SESSION);
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    assert_eq!(code(world.show_code(&challenge, &shown).await), Code::CodeExpired);
    world.pass(30 * SECOND_MS);
    done(world.show_code(&challenge, &token.code(&world)).await);
    for (table, rows) in database.contents().await {
        assert!(!rows.iter().any(|row| row.contains(token.0.expose())), "in {table}");
    }
}

async fn setting_up_is_bound_to_its_session_and_step(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let before = world.tokens().await;
    world.set_pool(with_software_tokens(MfaMode::On)).await;
    let sign_in = async || asked(world.sign_in(PASSWORD).await, Question::SetUpFactor).session;

    let (_, rival) = world.associate(&sign_in().await).await.unwrap();
    // Neither step goes without the one before it, and none twice.
    let session = sign_in().await;
    assert_eq!(code(world.verify(&session, "123456").await), Code::NotFound(Thing::SoftwareToken));
    let (token, given) = world.associate(&session).await.unwrap();
    assert_eq!(said(world.associate(&session).await), USED_SESSION);
    // One may ask for another secret; the first one counts no more.
    let (other, given_again) = world.associate(&given).await.unwrap();
    assert_eq!(said(world.verify(&given, &token.code(&world)).await), USED_SESSION);
    let verified = world.verify(&given_again, &other.code(&world)).await.unwrap();
    for refused in
        [world.associate(&verified).await.map(drop), world.verify(&verified, "123456").await.map(drop)]
    {
        assert!(refused.is_err());
    }
    // Who began to set one up at the same time comes too late: it would replace the factor.
    assert_eq!(said(world.associate(&rival).await), INVALID_SESSION);
    done(world.finish(&verified).await);
    for session in [&given, &given_again, &verified] {
        assert!(world.associate(session).await.is_err());
        assert!(world.verify(session, &other.code(&world)).await.is_err());
    }
    let forged = Secret::from("A".repeat(500));
    assert_eq!(said(world.associate(&forged).await), INVALID_SESSION);
    assert_eq!(said(world.verify(&forged, "123456").await), INVALID_SESSION);
    // A session from before the pool asked everybody is no way round it.
    let associated = world.keyward.associate_software_token(&world.origin, &before.access_token).await;
    assert_eq!(said(associated), SIGN_IN_WITH_CODE);

    // Two at once: one of them has it.
    database
        .execute("UPDATE users SET totp_secret = NULL, totp_enabled = FALSE, mfa_preference = NULL")
        .await;
    world.pass(30 * SECOND_MS);
    let (one, other) = (sign_in().await, sign_in().await);
    let (mine, one) = world.associate(&one).await.unwrap();
    let (theirs, other) = world.associate(&other).await.unwrap();
    let (my_code, their_code) = (mine.code(&world), theirs.code(&world));
    let (one, other) = tokio::join!(world.verify(&one, &my_code), world.verify(&other, &their_code));
    assert_ne!(one.is_ok(), other.is_ok());

    // Those of any other challenge do nothing.
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    assert_eq!(said(world.associate(&challenge.session).await), INVALID_SESSION);
    assert_eq!(said(world.verify(&challenge.session, "123456").await), INVALID_SESSION);
}

async fn guesses_while_setting_up_lock(database: TestDatabase) {
    let world = World::with_user(&database).await;
    world.set_pool(with_software_tokens(MfaMode::On)).await;
    let session = asked(world.sign_in(PASSWORD).await, Question::SetUpFactor).session;
    let (token, session) = world.associate(&session).await.unwrap();
    for _ in 0..5 {
        assert_eq!(code(world.verify(&session, &token.wrong_code(&world)).await), Code::CodeMismatch);
    }

    assert_eq!(said(world.verify(&session, &token.code(&world)).await), LOCKED);

    world.pass(SECOND_MS);
    let session = world.verify(&session, &token.code(&world)).await.unwrap();
    done(world.finish(&session).await);
}

async fn where_the_pool_asks_everybody_a_proven_address_will_do(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::On).await;

    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    assert_eq!(choice.factors, [SecondFactor::Sms, SecondFactor::Email]);
    world.set_attributes(&[("phone_number_verified", Some("false"))]).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::Email);
    let (sent, _) = world.sent().await;
    done(world.show_sent(&challenge, &sent).await);
    world.set_attributes(&[("email_verified", Some("false"))]).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SetUpFactor);
    assert_eq!(challenge.factors, SecondFactor::ALL);
    let (_, tokens) = world.set_up().await;
    // What is set up is what counts from now on.
    world.set_attributes(&[("email_verified", Some("true"))]).await;
    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    assert!(world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
}

async fn where_the_pool_asks_everybody_no_way_in_goes_without_a_factor(database: TestDatabase) {
    let world = World::with_new_user(&database).await;
    let all = ["USER_PASSWORD", "ADMIN_USER_PASSWORD", "USER_SRP", "USER", "REFRESH_TOKEN"];
    let all = all.map(|flow| format!("ALLOW_{flow}_AUTH")).to_vec();
    let (world, _) = world.through(NewSecret::None, |settings| settings.flows = all).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());
    let back_end = SignInRequest::of_back_end(&operator, keyward.local_pool().id(), &world.client_id);
    let every = |mfa| PoolFactors {
        sms: Some(SmsMfa::default()),
        email: Some(EmailMfa::default()),
        ..with_software_tokens(mfa)
    };
    let attempts = async |password: &str| {
        let password = Secret::from(password);
        let (client, srp_a) = world.srp_client(ANN, password.expose());
        let mut outcomes = vec![world.sign_in(password.expose()).await];
        outcomes.push(keyward.sign_in_with_password(back_end, ANN, &password).await);
        outcomes.push(world.sign_in_by_srp(ANN, password.expose()).await);
        for request in [world.request(), back_end] {
            let input =
                ChoiceInput { password: Some(&password), srp_a: Some(&srp_a), ..ChoiceInput::default() };
            let choose = keyward.begin_choice(request, ANN, Some(FirstChoice::Password), input);
            let Chosen::SignIn(by_password) = choose.await.unwrap() else { panic!("SRP wasn't chosen") };
            outcomes.push(Ok(by_password));
            let choose = keyward.begin_choice(request, ANN, Some(FirstChoice::PasswordSrp), input);
            let Chosen::Srp(challenge) = choose.await.unwrap() else { panic!("SRP was chosen") };
            let proof = Proof::of(&client, &challenge);
            outcomes.push(keyward.finish_srp(request, proof.as_srp_proof()).await);
        }
        outcomes
    };
    let assert_asked = async |password: &str, question: Question| {
        for outcome in attempts(password).await {
            asked(outcome, question);
        }
    };

    world.set_attributes(&[("email_verified", Some("false"))]).await;
    world.set_pool(every(MfaMode::On)).await;
    assert_asked(TEMPORARY, Question::NewPassword).await;
    let challenge = asked(world.sign_in(TEMPORARY).await, Question::NewPassword);
    asked(world.choose(&challenge, PASSWORD).await, Question::SetUpFactor);
    assert_asked(PASSWORD, Question::SetUpFactor).await;
    // What was signed in before isn't renewed.
    world.set_pool(every(MfaMode::Optional)).await;
    let before = world.tokens().await;
    world.set_pool(every(MfaMode::On)).await;
    let refused = "This user pool asks everybody for a second factor; sign in again.";
    assert_eq!(said(world.refresh(&before).await), refused);
    world.set_attributes(&[("email_verified", Some("true"))]).await;
    assert_asked(PASSWORD, Question::Email).await;
    world.set_attributes(&[("phone_number", Some(NUMBER)), ("phone_number_verified", Some("true"))]).await;
    assert_asked(PASSWORD, Question::SelectFactor).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    let challenge = asked(world.select(&challenge, SecondFactor::Sms).await, Question::Sms);
    let tokens = done(world.show_sent(&challenge, &world.sent().await.0).await);
    world.prefer(&tokens, MfaChange { sms: PREFERRED, ..MfaChange::default() }).await.unwrap();
    assert_asked(PASSWORD, Question::Sms).await;
    world.refresh(&tokens).await.unwrap();
    // Not even where an administrator switches it off, and takes the addresses away.
    let off = MfaChange { sms: OFF, ..MfaChange::default() };
    keyward.set_mfa_preference_in(keyward.local_pool(), &operator, ANN, &off).await.unwrap();
    assert_asked(PASSWORD, Question::SelectFactor).await;
    world.set_attributes(&[("phone_number", None), ("email_verified", Some("false"))]).await;
    assert_asked(PASSWORD, Question::SetUpFactor).await;
}

async fn where_the_pool_asks_nobody_nothing_is_asked(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let before = world.tokens().await;
    let token = world.enrol(&before).await;
    let with_mfa = world.tokens_with_mfa(&token).await;
    world.set_pool(PoolFactors { mfa: Some(MfaMode::Off), ..PoolFactors::default() }).await;

    let tokens = done(world.sign_in(PASSWORD).await);

    assert!(!world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
    let associated =
        world.keyward.associate_software_token(&world.origin, &with_mfa.access_token).await.unwrap_err();
    assert_eq!(associated.code, Code::NotFound(Thing::SoftwareToken));
    assert_eq!(associated.message, "Software Token MFA has not been enabled by the userPool");
    // No session has more, so none has to show it: to change one's address either.
    let attributes = [("email".to_owned(), "other@x.co".to_owned())].into();
    world.keyward.update_own_attributes(&world.origin, &tokens.access_token, attributes).await.unwrap();
    // What the user has switched on is asked for again as soon as the pool asks.
    world.set_pool(with_software_tokens(MfaMode::Optional)).await;
    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
    world.set_pool(PoolFactors { mfa: Some(MfaMode::Off), ..PoolFactors::default() }).await;
    world.prefer(&tokens, MfaChange::software_token(false)).await.unwrap();
}

async fn a_factor_that_the_pool_has_no_more_is_no_reason_to_ask_for_less(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    let token = world.enrol(&tokens).await;
    let with_mfa = world.tokens_with_mfa(&token).await;

    world.set_pool(PoolFactors { software_token_mfa: Some(false), ..PoolFactors::default() }).await;

    let choice = asked(world.sign_in(PASSWORD).await, Question::SelectFactor);
    assert_eq!(choice.factors, [SecondFactor::Sms, SecondFactor::Email]);
    let challenge = asked(world.select(&choice, SecondFactor::Email).await, Question::Email);
    let by_email = done(world.show_sent(&challenge, &world.sent().await.0).await);
    // Who has shown it may switch on what there is.
    assert_eq!(
        said(world.prefer(&tokens, MfaChange { sms: ON, ..MfaChange::default() }).await),
        SIGN_IN_WITH_CODE
    );
    world.prefer(&by_email, MfaChange { sms: ON, ..MfaChange::default() }).await.unwrap();
    asked(world.sign_in(PASSWORD).await, Question::Sms);

    // Without means for any, one is set up first, and where there is none to set up, nobody comes in.
    world.prefer(&with_mfa, MfaChange { sms: OFF, ..MfaChange::default() }).await.unwrap();
    let unproven = [("email_verified", Some("false")), ("phone_number_verified", Some("false"))];
    world.set_attributes(&unproven).await;
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SetUpFactor);
    assert_eq!(challenge.factors, [SecondFactor::Sms, SecondFactor::Email]);
    let web_authn = WebAuthn { is_multi_factor: true, ..WebAuthn::default() };
    let settings = UserPoolSettings { mfa: MfaMode::Optional, web_authn, ..UserPoolSettings::default() };
    let settings = serde_json::to_string(&settings).unwrap();
    database.execute(&format!("UPDATE user_pools SET mfa = 'OPTIONAL', settings = '{settings}'")).await;
    let off = MfaChange { sms: OFF, ..MfaChange::default() };
    let pool = world.keyward.local_pool();
    world.keyward.set_mfa_preference_in(pool, &Caller::operator(), ANN, &off).await.unwrap();
    assert_eq!(code(world.sign_in(PASSWORD).await), Code::NotFound(Thing::SecondFactor));
}

async fn a_factor_without_means_is_no_reason_to_ask_for_less(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    world.prefer(&tokens, MfaChange { sms: ON, ..MfaChange::default() }).await.unwrap();
    world.set_attributes(&[("phone_number", None)]).await;

    assert_eq!(code(world.sign_in(PASSWORD).await), Code::NotFound(Thing::SecondFactor));
    assert_eq!(code(world.sign_in_by_srp(ANN, PASSWORD).await), Code::NotFound(Thing::SecondFactor));
    assert_eq!(said(world.sign_in("Wrong-Password-1").await), "Incorrect username or password.");

    let pool = world.keyward.local_pool();
    let off = MfaChange { sms: OFF, ..MfaChange::default() };
    world.keyward.set_mfa_preference_in(pool, &Caller::operator(), ANN, &off).await.unwrap();
    done(world.sign_in(PASSWORD).await);
}

async fn what_cannot_be_switched_on_is_refused(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    let refused = async |changes: MfaChange| said(world.prefer(&tokens, changes).await);
    let nothing = MfaChange::default();

    assert_eq!(
        refused(MfaChange { sms: ON, ..nothing }).await,
        "SMS_MFA isn't a second factor of this user pool."
    );
    assert_eq!(
        refused(MfaChange { email: ON, ..nothing }).await,
        "EMAIL_OTP isn't a second factor of this user pool."
    );
    let (sms, email) = (Some(SmsMfa::default()), Some(EmailMfa::default()));
    world.set_pool(PoolFactors { sms, email, ..PoolFactors::default() }).await;
    assert_eq!(
        refused(MfaChange { sms: ON, ..nothing }).await,
        "User does not have delivery config set to turn on SMS_MFA"
    );
    assert_eq!(
        refused(MfaChange { software_token: ON, ..nothing }).await,
        "User has not verified software token mfa"
    );
    let only_preferred = Some(FactorSetting { is_enabled: false, is_preferred: true });
    assert_eq!(
        refused(MfaChange { email: only_preferred, ..nothing }).await,
        "EMAIL_OTP can't be preferred without being enabled."
    );
    world.set_attributes(&[("phone_number", Some(NUMBER)), ("phone_number_verified", Some("true"))]).await;
    assert_eq!(
        refused(MfaChange { sms: PREFERRED, email: PREFERRED, ..nothing }).await,
        "Only one second factor can be preferred."
    );
    // Nothing of that was kept.
    assert!(!world.keyward.own_account(&tokens.access_token).await.unwrap().mfa);
    world.prefer(&tokens, MfaChange { software_token: OFF, sms: OFF, email: OFF }).await.unwrap();
    world.prefer(&tokens, nothing).await.unwrap();
    done(world.sign_in(PASSWORD).await);
}

async fn whoever_only_knows_the_password_switches_nothing(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let before = world.tokens().await;
    world.enrol(&world.tokens().await).await;

    // Not even another factor on: the weakest one decides.
    for changes in [
        MfaChange { email: ON, ..MfaChange::default() },
        MfaChange { sms: PREFERRED, ..MfaChange::default() },
        MfaChange { software_token: OFF, ..MfaChange::default() },
        MfaChange { software_token: ON, ..MfaChange::default() },
    ] {
        assert_eq!(said(world.prefer(&before, changes).await), SIGN_IN_WITH_CODE);
    }
    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
}

async fn where_everybody_is_asked_the_last_factor_stays_on(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::On).await;
    world
        .set_attributes(&[("email_verified", Some("false")), ("phone_number_verified", Some("false"))])
        .await;
    let (_, tokens) = world.set_up().await;

    let refused = world.prefer(&tokens, MfaChange::software_token(false)).await;

    let message = "This user pool asks everybody for a second factor; switch another one on first.";
    assert_eq!(said(refused), message);
    world.set_attributes(&[("phone_number_verified", Some("true"))]).await;
    let (tokens, challenge) = (tokens, asked(world.sign_in(PASSWORD).await, Question::SoftwareToken));
    drop(challenge);
    world.prefer(&tokens, MfaChange { software_token: OFF, sms: ON, email: None }).await.unwrap();
    asked(world.sign_in(PASSWORD).await, Question::Sms);
}

async fn an_administrator_switches_factors_within_their_rights(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let (keyward, pool) = (&world.keyward, world.keyward.local_pool());
    support::role(keyward, "helpers", &["manage:users"]).await;
    support::role(keyward, "keepers", &["open:vault"]).await;
    support::account(keyward, "helper@x.co", &["helpers"]).await;
    let helper = support::person(keyward, "helper@x.co", true).await;
    let set = async |caller: &Caller, changes: MfaChange| {
        keyward.set_mfa_preference_in(pool, caller, ANN, &changes).await
    };
    let email = MfaChange { email: ON, ..MfaChange::default() };

    set(&helper, email).await.unwrap();
    asked(world.sign_in(PASSWORD).await, Question::Email);
    let unproven = set(&helper, MfaChange { software_token: ON, ..MfaChange::default() }).await;
    let message = "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA";
    assert_eq!(said(unproven), message);
    keyward.assign_roles(&Caller::operator(), ANN, &["keepers".into()]).await.unwrap();
    let off = MfaChange { email: OFF, ..MfaChange::default() };
    assert_eq!(code(set(&helper, off).await), Code::Forbidden("open:vault".into()));
    let refused = keyward.delete_software_token_in(pool, &helper, ANN).await;
    assert_eq!(code(refused), Code::Forbidden("open:vault".into()));
    let ann = support::person(keyward, ANN, true).await;
    assert_eq!(code(set(&ann, off).await), Code::Forbidden("manage:users".into()));
    assert_eq!(code(set(&Caller::nobody(Origin::default()), off).await), Code::Unauthenticated);
    let unknown = keyward.set_mfa_preference_in(pool, &Caller::operator(), "nobody@x.co", &off).await;
    assert_eq!(code(unknown), Code::NotFound(Thing::User));
    asked(world.sign_in(PASSWORD).await, Question::Email);
    set(&Caller::operator(), off).await.unwrap();
    done(world.sign_in(PASSWORD).await);
}

async fn an_administrator_takes_away_a_lost_software_token(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let token = world.enrol(&world.tokens().await).await;
    let (keyward, pool) = (&world.keyward, world.keyward.local_pool());
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);

    keyward.delete_software_token_in(pool, &Caller::operator(), ANN).await.unwrap();

    world.pass(30 * SECOND_MS);
    assert_eq!(said(world.show_code(&challenge, &token.code(&world)).await), INVALID_SESSION);
    let tokens = world.tokens().await;
    let user = keyward.own_account(&tokens.access_token).await.unwrap();
    assert_eq!((user.mfa, user.mfa_preference.preferred), (false, None));
    let on = world.prefer(&tokens, MfaChange::software_token(true)).await;
    assert_eq!(said(on), "User has not verified software token mfa");
    let token = world.enrol(&tokens).await;
    world.tokens_with_mfa(&token).await;
    // Once more is no error.
    for _ in 0..2 {
        keyward.delete_software_token_in(pool, &Caller::operator(), ANN).await.unwrap();
    }
}

async fn all_that_was_lost_is_taken_away_at_once_with_the_sessions(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let token = world.enrol(&world.tokens().await).await;
    let with_mfa = world.tokens_with_mfa(&token).await;
    world.prefer(&with_mfa, MfaChange { email: ON, ..MfaChange::default() }).await.unwrap();
    let keyward = &world.keyward;
    support::role(keyward, "helpers", &["manage:users"]).await;
    keyward.assign_roles(&Caller::operator(), ANN, &["helpers".into()]).await.unwrap();
    let challenge = asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);

    // Nobody's own go without having shown one: a password or a key alone would be enough from then on.
    let ann = support::person(keyward, ANN, false).await;
    assert_eq!(code(keyward.reset_mfa(&ann, ANN, None).await), Code::Conflict);
    let issued = support::key(keyward, "ci", ANN).await;
    let by_key = support::let_in(keyward, &issued).await.unwrap();
    assert_eq!(code(keyward.reset_mfa(&by_key, ANN, None).await), Code::Conflict);
    let version = keyward.user(&Caller::operator(), ANN).await.unwrap().version;
    let outdated = keyward.reset_mfa(&Caller::operator(), ANN, Some(version - 1)).await;
    assert_eq!(code(outdated), Code::PreconditionFailed);
    assert!(world.authenticate(&with_mfa.access_token).await.is_ok());

    keyward.reset_mfa(&Caller::operator(), ANN, Some(version)).await.unwrap();

    assert!(world.authenticate(&with_mfa.access_token).await.is_err());
    world.pass(30 * SECOND_MS);
    assert_eq!(said(world.show_code(&challenge, &token.code(&world)).await), INVALID_SESSION);
    let tokens = world.tokens().await;
    let user = keyward.own_account(&tokens.access_token).await.unwrap();
    assert_eq!((user.mfa, user.mfa_preference), (false, MfaPreference::default()));
    let token = world.enrol(&tokens).await;
    let with_mfa = world.tokens_with_mfa(&token).await;
    let ann = world.authenticate(&with_mfa.access_token).await.unwrap();
    keyward.reset_mfa(&ann, ANN, None).await.unwrap();
    let query = AuditQuery { action: Some("user.reset-mfa".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    assert_eq!(events.iter().filter(|event| event.outcome == Outcome::Done).count(), 2);
}

async fn the_last_admin_keeps_the_factor_that_the_role_asks_for(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());
    support::role(keyward, "admins", &["*"]).await;
    keyward.assign_roles(&operator, ANN, &["admins".into()]).await.unwrap();
    world.enrol(&world.tokens().await).await;
    let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&operator, "admins", update).await.unwrap();
    let pool = keyward.local_pool();

    let off = MfaChange::software_token(false);
    assert_eq!(code(keyward.set_mfa_preference_in(pool, &operator, ANN, &off).await), Code::Conflict);
    assert_eq!(code(keyward.delete_software_token_in(pool, &operator, ANN).await), Code::Conflict);
    assert_eq!(code(keyward.reset_mfa(&operator, ANN, None).await), Code::Conflict);

    asked(world.sign_in(PASSWORD).await, Question::SoftwareToken);
}

async fn what_one_may_sign_in_with_is_told(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let (keyward, pool) = (&world.keyward, world.keyward.local_pool());
    let tokens = world.tokens().await;
    world.enrol(&tokens).await;

    let own = keyward.own_factors(&tokens.access_token).await.unwrap();
    let told = keyward.factors_in(pool, &Caller::operator(), ANN).await.unwrap();

    for factors in [own, told] {
        assert_eq!(factors.first, [keyward_core::user_pool::FirstFactor::Password]);
        assert!(factors.has_software_token);
        assert_eq!(factors.user.mfa_preference.preferred, Some(SecondFactor::SoftwareToken));
    }
    let nobody = Caller::nobody(Origin::default());
    assert_eq!(code(keyward.factors_in(pool, &nobody, ANN).await), Code::Unauthenticated);
    let unknown = keyward.factors_in(pool, &Caller::operator(), "nobody@x.co").await;
    assert_eq!(code(unknown), Code::NotFound(Thing::User));
    assert_eq!(said(keyward.own_factors(&"x".into()).await), "Invalid Access Token");
}

async fn codes_that_are_sent_are_limited(database: TestDatabase) {
    let world = World::with_factors(&database, MfaMode::Optional).await;
    let tokens = world.tokens().await;
    world.prefer(&tokens, MfaChange { email: ON, ..MfaChange::default() }).await.unwrap();
    for _ in 0..20 {
        asked(world.sign_in(PASSWORD).await, Question::Email);
    }

    let Err(Error { code: Code::LimitExceeded(_), .. }) = world.sign_in(PASSWORD).await else {
        panic!("one code more than an hour has")
    };
    // It is for nobody else to feel, nor for long.
    world.pass(60 * MINUTE_MS);
    asked(world.sign_in(PASSWORD).await, Question::Email);
    let request = SignInRequest::new(&world.origin, &world.client_id);
    let wrong = world.keyward.sign_in_with_password(request, ANN, &"Wrong-Password-1".into()).await;
    assert_eq!(said(wrong), "Incorrect username or password.");
}
