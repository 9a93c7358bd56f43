//! Signing in by choice (`USER_AUTH`).

use keyward_core::app_client::NewSecret;
use keyward_core::audit::Outcome;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::Settings;
use keyward_core::local_pool::choice::{ChoiceInput, Chosen, FirstChoice};
use keyward_core::local_pool::mfa_preference::{FactorSetting, MfaChange};
use keyward_core::local_pool::sign_in::{Answer, Challenge, Question, SignIn, SrpChallenge};
use keyward_core::message::{Channel, Deliveries, Delivery};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{EmailMfa, FirstFactor, PoolFactors, UserPoolSettings};
use serde_json::json;

use crate::sign_in::{
    ANN, INCORRECT, INVALID_SESSION, LOCKED, MINUTE_MS, PASSWORD, Proof, TEMPORARY, USED_SESSION, World,
    asked, claims, done, said,
};
use crate::support::{SECOND_MS, TestDatabase, code, on_both};

on_both! {
    a_sign_in_begins_with_the_choice_among_what_the_pool_allows,
    a_preferred_factor_is_asked_for_at_once,
    a_password_may_come_with_the_choice_or_after_it,
    srp_may_be_chosen,
    a_code_that_was_sent_stands_for_the_password,
    where_the_client_hides_who_exists_everybody_is_offered_and_asked_the_same,
    each_way_is_counted_alone_of_somebody_as_of_nobody,
    where_it_does_not_each_is_offered_what_they_have,
    who_has_a_second_factor_shows_the_password,
    whoever_has_no_proven_address_gets_no_code,
    a_code_for_an_address_that_was_taken_away_signs_nobody_in,
    guesses_at_a_code_lock_with_those_at_the_password,
    a_choice_is_made_once_and_for_itself,
    steps_that_fail_count_once_for_the_address,
    a_client_must_have_the_flow,
    what_cannot_be_sent_is_not_offered,
}

const NUMBER: &str = "+12345678900";
const WRONG_CODE: &str = "Invalid code or auth state for the user.";

impl World {
    /// With a confirmed user of a proven address, in a pool that allows codes in place of passwords. Any
    /// number may fail from one address.
    async fn with_choices(database: &TestDatabase) -> Self {
        let world = Self::with_limited_choices(database).await;
        let settings = Settings { failed_sign_ins_per_minute: 0, ..Settings::default() };
        let keyward = database.keyward_with(world.keyward.clock().clone(), settings).await;
        Self { keyward, ..world }
    }

    async fn with_limited_choices(database: &TestDatabase) -> Self {
        let world = Self::with_user(database).await;
        world.allow(&[FirstFactor::Password, FirstFactor::EmailOtp, FirstFactor::SmsOtp]).await;
        let flows = |settings: &mut keyward_core::app_client::AppClientSettings| {
            settings.flows = vec!["ALLOW_USER_AUTH".into(), "ALLOW_REFRESH_TOKEN_AUTH".into()];
        };
        world.through(NewSecret::None, flows).await.0
    }

    /// The same through a client that hides nobody.
    async fn telling(&self) -> Self {
        self.through(NewSecret::None, |settings| settings.hides_unknown_users = false).await.0
    }

    async fn allow(&self, factors: &[FirstFactor]) {
        let pool = self.keyward.local_pool();
        let settings = UserPoolSettings { first_factors: factors.to_vec(), ..pool.settings().await.unwrap() };
        self.keyward.update_user_pool(&Caller::operator(), pool.id(), None, settings).await.unwrap();
    }

    async fn begin(&self, name: &str, preferred: Option<FirstChoice>) -> Result<Chosen> {
        self.keyward.begin_choice(self.request(), name, preferred, ChoiceInput::default()).await
    }

    async fn select_first(
        &self,
        challenge: &Challenge,
        choice: FirstChoice,
        input: ChoiceInput<'_>,
    ) -> Result<Chosen> {
        self.keyward.choose(self.answer(challenge), choice, input).await
    }

    async fn show_first(&self, challenge: &Challenge, code: &str) -> Result<SignIn> {
        let choice = match challenge.question {
            Question::SmsOtp => FirstChoice::SmsOtp,
            _ => FirstChoice::EmailOtp,
        };
        self.keyward.show_first_code(self.answer(challenge), choice, &code.into()).await
    }

    /// The code that was sent last, and where it went.
    async fn sent_first(&self) -> (String, String) {
        let page = self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
        let content = &page.items.last().unwrap().content;
        let body = content.body.expose();
        let code = body.split(|character: char| !character.is_ascii_digit()).find(|text| text.len() == 8);
        (code.unwrap().to_owned(), content.to.expose().to_owned())
    }

    async fn messages(&self) -> usize {
        self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap().items.len()
    }
}

fn sign_in(outcome: Result<Chosen>) -> Result<SignIn> {
    match outcome? {
        Chosen::SignIn(sign_in) => Ok(sign_in),
        Chosen::Srp(_) => panic!("begun by SRP"),
    }
}

fn srp(outcome: Result<Chosen>) -> SrpChallenge {
    match outcome.unwrap() {
        Chosen::Srp(challenge) => challenge,
        Chosen::SignIn(sign_in) => panic!("{sign_in:?}"),
    }
}

fn with_password(password: &Secret) -> ChoiceInput<'_> {
    ChoiceInput { password: Some(password), ..ChoiceInput::default() }
}

async fn a_sign_in_begins_with_the_choice_among_what_the_pool_allows(database: TestDatabase) {
    let world = World::with_choices(&database).await;

    let challenge = asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);
    assert_eq!(
        challenge.choices,
        [FirstChoice::PasswordSrp, FirstChoice::Password, FirstChoice::EmailOtp, FirstChoice::SmsOtp]
    );
    assert!((20..=4096).contains(&challenge.session.expose().len()));
    world.allow(&[FirstFactor::Password]).await;
    let challenge =
        asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::SelectFirst);
    assert_eq!(challenge.choices, [FirstChoice::PasswordSrp, FirstChoice::Password]);
    let refused = world.select_first(&challenge, FirstChoice::EmailOtp, ChoiceInput::default()).await;
    assert_eq!(code(refused), Code::InvalidInput("answer".into()));
    assert_eq!(world.messages().await, 0);
    // However long the name is.
    for name in ["n".repeat(100_000), "é".repeat(700)] {
        let challenge = asked(sign_in(world.begin(&name, None).await), Question::SelectFirst);
        assert!(challenge.session.expose().len() <= 4096);
        let password = PASSWORD.into();
        let chosen = world.select_first(&challenge, FirstChoice::Password, with_password(&password)).await;
        assert_eq!(said(chosen), INCORRECT);
    }
}

async fn a_preferred_factor_is_asked_for_at_once(database: TestDatabase) {
    let world = World::with_choices(&database).await;

    for (preferred, question) in [
        (FirstChoice::Password, Question::Password),
        (FirstChoice::PasswordSrp, Question::PasswordSrp),
        (FirstChoice::EmailOtp, Question::EmailOtp),
        (FirstChoice::SmsOtp, Question::SmsOtp),
    ] {
        asked(sign_in(world.begin(ANN, Some(preferred)).await), question);
    }
    let password = PASSWORD.into();
    let begun = world
        .keyward
        .begin_choice(world.request(), ANN, Some(FirstChoice::Password), with_password(&password))
        .await;
    done(sign_in(begun));
}

async fn a_password_may_come_with_the_choice_or_after_it(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let (right, wrong) = (Secret::from(PASSWORD), Secret::from("Wrong-Password-1"));
    let select = async || asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);

    let tokens = done(sign_in(
        world.select_first(&select().await, FirstChoice::Password, with_password(&right)).await,
    ));
    assert_eq!(claims(&tokens.id_token)["amr"], json!(["pwd"]));
    let refused = world.select_first(&select().await, FirstChoice::Password, with_password(&wrong)).await;
    assert_eq!(said(refused), INCORRECT);
    let without = world.select_first(&select().await, FirstChoice::Password, ChoiceInput::default()).await;
    let challenge = asked(sign_in(without), Question::Password);
    done(sign_in(world.select_first(&challenge, FirstChoice::Password, with_password(&right)).await));
    // What comes after the password is as ever.
    world.set_enabled(false).await;
    let refused = world.select_first(&select().await, FirstChoice::Password, with_password(&right)).await;
    assert_eq!(said(refused), "User is disabled.");
    world.set_enabled(true).await;
    world.keyward.reset_password(&Caller::operator(), ANN).await.unwrap();
    database.execute("UPDATE users SET temporary_until_ms = NULL").await;
    let challenge = asked(sign_in(world.begin(ANN, Some(FirstChoice::Password)).await), Question::Password);
    let refused = world.select_first(&challenge, FirstChoice::Password, with_password(&right)).await;
    assert_eq!(said(refused), INCORRECT);
}

async fn srp_may_be_chosen(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let (client, srp_a) = world.srp_client(ANN, PASSWORD);
    let input = ChoiceInput { srp_a: Some(&srp_a), ..ChoiceInput::default() };
    let challenge = asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);

    let begun = srp(world.select_first(&challenge, FirstChoice::PasswordSrp, input).await);

    assert_eq!(begun.username, ANN);
    let proof = Proof::of(&client, &begun);
    done(world.keyward.finish_srp(world.request(), proof.as_srp_proof()).await);
    let begun = world.keyward.begin_choice(world.request(), ANN, Some(FirstChoice::PasswordSrp), input).await;
    let begun = srp(begun);
    done(world.keyward.finish_srp(world.request(), Proof::of(&client, &begun).as_srp_proof()).await);
    // The flow itself isn't on, and what was begun in the one isn't finished in the other.
    let refused = "USER_SRP_AUTH flow not enabled for this client";
    assert_eq!(said(world.keyward.begin_srp(world.request(), ANN, &srp_a).await), refused);
}

async fn a_code_that_was_sent_stands_for_the_password(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let attributes = [("phone_number", NUMBER), ("phone_number_verified", "true")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
    world.update_user(UserUpdate { attributes: attributes.into(), ..UserUpdate::default() }).await;

    for (choice, question, channel, to, masked, amr, method) in [
        (FirstChoice::EmailOtp, Question::EmailOtp, Channel::Email, ANN, "a***@x***", "otp", "email_otp"),
        (FirstChoice::SmsOtp, Question::SmsOtp, Channel::Sms, NUMBER, "+*******", "sms", "sms_otp"),
    ] {
        let challenge = asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);
        let challenge =
            asked(sign_in(world.select_first(&challenge, choice, ChoiceInput::default()).await), question);
        let delivery = challenge.delivery.clone().unwrap();
        assert_eq!((delivery.channel, &*delivery.masked), (channel, masked));
        let (sent, sent_to) = world.sent_first().await;
        assert_eq!(sent_to, to);

        let wrong = format!("{:08}", (sent.parse::<u32>().unwrap() + 1) % 100_000_000);
        let refused = world.show_first(&challenge, &wrong).await.unwrap_err();
        assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, WRONG_CODE));
        let tokens = done(world.show_first(&challenge, &sent).await);

        assert_eq!(claims(&tokens.access_token)["amr"], json!([amr]));
        assert!(!world.authenticate(&tokens.access_token).await.unwrap().has_mfa());
        world.event(Outcome::Done, "method", method).await;
        assert_eq!(said(world.show_first(&challenge, &sent).await), USED_SESSION);
    }
    let challenge = asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    let (sent, _) = world.sent_first().await;
    world.pass(3 * MINUTE_MS);
    let expired = "Invalid session for the user, session is expired.";
    assert_eq!(said(world.show_first(&challenge, &sent).await), expired);
}

async fn where_the_client_hides_who_exists_everybody_is_offered_and_asked_the_same(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let names = [ANN, "bob@x.co", "carl", "bob"];
    let mut lengths = Vec::new();
    for name in names {
        let challenge = asked(sign_in(world.begin(name, None).await), Question::SelectFirst);
        assert_eq!(challenge.choices.len(), 4, "{name}");
        lengths.push(challenge.session.expose().len() - (name.len() * 4).div_ceil(3));

        for choice in [FirstChoice::EmailOtp, FirstChoice::SmsOtp] {
            let challenge = asked(sign_in(world.begin(name, Some(choice)).await), choice_question(choice));
            let delivery = challenge.delivery.clone().unwrap();
            // What was typed, of somebody as of nobody.
            let masked = match (choice, name) {
                (FirstChoice::SmsOtp, _) => "+*******",
                (_, ANN) => "a***@x***",
                (_, "bob@x.co") => "b***@x***",
                _ => "***@***",
            };
            assert_eq!(delivery.masked, masked, "{name}");
            // It looks the same whenever one asks.
            let again = asked(sign_in(world.begin(name, Some(choice)).await), choice_question(choice));
            assert_eq!(again.delivery, challenge.delivery);
            assert_eq!(said(world.show_first(&again, "00000000").await), WRONG_CODE);
        }
        let challenge =
            asked(sign_in(world.begin(name, Some(FirstChoice::Password)).await), Question::Password);
        let password = Secret::from("Wrong-Password-1");
        let refused = world.select_first(&challenge, FirstChoice::Password, with_password(&password)).await;
        assert_eq!(said(refused), INCORRECT);
        let (_, srp_a) = world.srp_client(name, PASSWORD);
        let input = ChoiceInput { srp_a: Some(&srp_a), ..ChoiceInput::default() };
        let begun =
            world.keyward.begin_choice(world.request(), name, Some(FirstChoice::PasswordSrp), input).await;
        assert_eq!(srp(begun).user_id.len(), 36);
    }
    assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) <= 2), "{lengths:?}");
    // Only one of them was sent anything, and no name is kept that nobody has.
    let page = world.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
    assert!(page.items.iter().all(|message| message.content.to.expose() == ANN));
    for (table, rows) in database.contents().await {
        assert!(!rows.iter().any(|row| row.contains("carl")), "in {table}");
    }
}

fn choice_question(choice: FirstChoice) -> Question {
    if choice == FirstChoice::SmsOtp { Question::SmsOtp } else { Question::EmailOtp }
}

async fn each_way_is_counted_alone_of_somebody_as_of_nobody(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let (email, sms) = (FirstChoice::EmailOtp, FirstChoice::SmsOtp);
    for (often, once) in [(email, sms), (sms, email)] {
        // An address and no number, and neither.
        for name in [ANN, "bob@x.co"] {
            for _ in 0..20 {
                asked(sign_in(world.begin(name, Some(often)).await), choice_question(often));
            }
            assert_eq!(code(world.begin(name, Some(often)).await), Code::LimitExceeded(3600), "{name}");
            asked(sign_in(world.begin(name, Some(once)).await), choice_question(once));
        }
        world.pass(60 * MINUTE_MS);
    }
}

async fn where_it_does_not_each_is_offered_what_they_have(database: TestDatabase) {
    let world = World::with_choices(&database).await.telling().await;

    let challenge = asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);
    assert_eq!(challenge.choices, [FirstChoice::PasswordSrp, FirstChoice::Password, FirstChoice::EmailOtp]);
    asked(sign_in(world.begin(ANN, Some(FirstChoice::SmsOtp)).await), Question::SelectFirst);
    assert_eq!(code(world.begin("bob@x.co", None).await), Code::NotFound(Thing::User));
    // It counts as a guess at a name does.
    for _ in 0..4 {
        assert_eq!(code(world.begin("bob@x.co", None).await), Code::NotFound(Thing::User));
    }
    assert_eq!(said(world.begin("bob@x.co", None).await), LOCKED);
}

async fn who_has_a_second_factor_shows_the_password(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let factors = PoolFactors { email: Some(EmailMfa::default()), ..PoolFactors::default() };
    world
        .keyward
        .set_pool_factors(&Caller::operator(), world.keyward.local_pool().id(), factors)
        .await
        .unwrap();
    let challenge = asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    let (sent, _) = world.sent_first().await;
    let before = world.messages().await;
    let on = Some(FactorSetting { is_enabled: true, is_preferred: true });
    let changes = MfaChange { email: on, ..MfaChange::default() };
    let pool = world.keyward.local_pool();
    world.keyward.set_mfa_preference_in(pool, &Caller::operator(), ANN, &changes).await.unwrap();

    // Not even with a code from before.
    assert_eq!(said(world.show_first(&challenge, &sent).await), WRONG_CODE);
    asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    assert_eq!(world.messages().await, before);
    let telling = world.telling().await;
    let challenge = asked(sign_in(telling.begin(ANN, None).await), Question::SelectFirst);
    assert_eq!(challenge.choices, [FirstChoice::PasswordSrp, FirstChoice::Password]);
    let password = PASSWORD.into();
    let chosen = telling.select_first(&challenge, FirstChoice::Password, with_password(&password)).await;
    asked(sign_in(chosen), Question::Email);
}

async fn whoever_has_no_proven_address_gets_no_code(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    for statement in [
        "UPDATE users SET email_verified = FALSE",
        "UPDATE users SET email_verified = TRUE, status = 'RESET_REQUIRED'",
        "UPDATE users SET status = 'FORCE_CHANGE_PASSWORD'",
        "UPDATE users SET status = 'UNCONFIRMED'",
        "UPDATE users SET status = 'CONFIRMED', enabled = FALSE",
        "UPDATE users SET enabled = TRUE, email = NULL",
    ] {
        database.execute(statement).await;
        let challenge =
            asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
        assert_eq!(challenge.delivery.unwrap().masked, "a***@x***");
        assert_eq!(world.messages().await, 0, "{statement}");
    }
    database.execute(&format!("UPDATE users SET email = '{ANN}'")).await;
    asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    assert_eq!(world.messages().await, 1);
}

async fn a_code_for_an_address_that_was_taken_away_signs_nobody_in(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let challenge = asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    let (sent, _) = world.sent_first().await;

    // Not even when the one in its place is proven.
    for address in ["email = 'other@x.co'".to_owned(), format!("email = '{ANN}', email_verified = FALSE")] {
        database.execute(&format!("UPDATE users SET {address}")).await;
        assert_eq!(said(world.show_first(&challenge, &sent).await), WRONG_CODE, "{address}");
    }
    database.execute("UPDATE users SET email_verified = TRUE").await;
    done(world.show_first(&challenge, &sent).await);
}

async fn guesses_at_a_code_lock_with_those_at_the_password(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    for name in [ANN, "bob@x.co"] {
        let challenge =
            asked(sign_in(world.begin(name, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
        for _ in 0..3 {
            assert_eq!(said(world.show_first(&challenge, "00000000").await), WRONG_CODE);
        }
        for _ in 0..2 {
            let select = asked(sign_in(world.begin(name, None).await), Question::SelectFirst);
            let wrong = Secret::from("Wrong-Password-1");
            let refused = world.select_first(&select, FirstChoice::Password, with_password(&wrong)).await;
            assert_eq!(said(refused), INCORRECT);
        }

        assert_eq!(said(world.show_first(&challenge, "00000000").await), LOCKED);
        assert_eq!(said(world.begin(name, None).await), LOCKED);
        assert_eq!(said(world.begin(name, Some(FirstChoice::EmailOtp)).await), LOCKED);
    }
    let challenge_after = async || {
        world.pass(SECOND_MS);
        asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp)
    };
    let challenge = challenge_after().await;
    let (sent, _) = world.sent_first().await;
    done(world.show_first(&challenge, &sent).await);
}

async fn a_choice_is_made_once_and_for_itself(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let (right, nothing) = (Secret::from(PASSWORD), ChoiceInput::default());
    let select = async || asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);

    let challenge = select().await;
    asked(sign_in(world.select_first(&challenge, FirstChoice::EmailOtp, nothing).await), Question::EmailOtp);
    for choice in [FirstChoice::EmailOtp, FirstChoice::Password] {
        assert_eq!(said(world.select_first(&challenge, choice, with_password(&right)).await), USED_SESSION);
    }
    let challenge = asked(sign_in(world.begin(ANN, Some(FirstChoice::Password)).await), Question::Password);
    assert_eq!(said(world.select_first(&challenge, FirstChoice::EmailOtp, nothing).await), INVALID_SESSION);
    assert_eq!(said(world.show_first(&challenge, "00000000").await), INVALID_SESSION);
    let by_email = asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
    let shown =
        world.keyward.show_first_code(world.answer(&by_email), FirstChoice::SmsOtp, &"0".into()).await;
    assert_eq!(said(shown), INVALID_SESSION);
    // Nothing was shown yet, so it is none of the other challenges.
    for refused in [
        said(world.show_code(&by_email, "123456").await),
        said(world.choose(&by_email, "Another-Horse-9!").await),
        said(world.keyward.associate_in_sign_in(&world.origin, &by_email.session).await),
        said(world.keyward.verify_in_sign_in(&world.origin, &by_email.session, &"123456".into()).await),
    ] {
        assert_eq!(refused, INVALID_SESSION);
    }
    let answer = Answer { username: Some("bob@x.co"), ..world.answer(&by_email) };
    let shown = world.keyward.show_first_code(answer, FirstChoice::EmailOtp, &"0".into()).await;
    assert_eq!(said(shown), INVALID_SESSION);
    let other = world.through(NewSecret::None, |_| ()).await.0;
    assert_eq!(said(other.show_first(&by_email, "00000000").await), INVALID_SESSION);
    assert_eq!(
        said(other.select_first(&select().await, FirstChoice::EmailOtp, nothing).await),
        INVALID_SESSION
    );
    let forged = Secret::from("A".repeat(500));
    let answer = Answer { session: &forged, ..world.answer(&by_email) };
    assert_eq!(said(world.keyward.choose(answer, FirstChoice::Password, nothing).await), INVALID_SESSION);
    // A namesake isn't who began.
    let challenge = select().await;
    world.keyward.delete_user(&Caller::operator(), ANN, None).await.unwrap();
    assert_eq!(
        said(world.select_first(&challenge, FirstChoice::Password, with_password(&right)).await),
        INVALID_SESSION
    );
}

async fn steps_that_fail_count_once_for_the_address(database: TestDatabase) {
    const AT_ONCE: usize = 16;
    let world = World::with_limited_choices(&database).await;
    let (right, wrong) = (Secret::from(PASSWORD), Secret::from("Wrong-Password-1"));
    let attempt = async |name: &str, password: &Secret| {
        let challenge = asked(sign_in(world.begin(name, None).await), Question::SelectFirst);
        sign_in(world.select_first(&challenge, FirstChoice::Password, with_password(password)).await)
    };
    for number in 0..AT_ONCE - 2 {
        assert_eq!(said(attempt(&format!("nobody-{number}@x.co"), &wrong).await), INCORRECT);
    }

    for _ in 0..AT_ONCE {
        done(attempt(ANN, &right).await);
    }
    for _ in 0..AT_ONCE {
        let challenge =
            asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::EmailOtp);
        let (sent, _) = world.sent_first().await;
        done(world.show_first(&challenge, &sent).await);
    }
    assert_eq!(said(attempt("nobody@x.co", &wrong).await), INCORRECT);
    asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);
    assert!(said(world.begin(ANN, None).await).starts_with("Rate exceeded"));
}

async fn a_client_must_have_the_flow(database: TestDatabase) {
    let world = World::with_user(&database).await;

    let refused = "USER_AUTH flow not enabled for this client";
    assert_eq!(said(world.begin(ANN, None).await), refused);
    let (with_flow, _) =
        world.through(NewSecret::None, |settings| settings.flows.push("ALLOW_USER_AUTH".into())).await;
    asked(sign_in(with_flow.begin(ANN, None).await), Question::SelectFirst);
    assert_eq!(said(with_flow.sign_in(TEMPORARY).await), INCORRECT);
}

async fn what_cannot_be_sent_is_not_offered(database: TestDatabase) {
    let world = World::with_choices(&database).await;
    let deliveries = Deliveries { email: Delivery::Refused, sms: Delivery::Kept };
    let settings = Settings { deliveries, ..Settings::default() };
    let keyward = database.keyward_with(world.keyward.clock().clone(), settings).await;
    let world = World { keyward, origin: world.origin.clone(), client_id: world.client_id.clone() };

    let challenge = asked(sign_in(world.begin(ANN, None).await), Question::SelectFirst);

    assert_eq!(challenge.choices, [FirstChoice::PasswordSrp, FirstChoice::Password, FirstChoice::SmsOtp]);
    asked(sign_in(world.begin(ANN, Some(FirstChoice::EmailOtp)).await), Question::SelectFirst);
}
