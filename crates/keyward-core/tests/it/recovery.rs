//! Forgotten passwords: set anew by whoever reads what is sent to the user's proven address, and by nobody
//! else; and changed ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::audit::{AuditEvent, AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::code::CodeDelivery;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::mfa_preference::{FactorSetting, MfaChange};
use keyward_core::local_pool::self_service::SelfService;
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest, Tokens};
use keyward_core::message::{Channel, Deliveries, Delivery};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::{User, UserStatus, UserUpdate};
use keyward_core::user_pool::{EmailMfa, MfaMode, PoolFactors, RecoveryMechanism, SmsMfa, UserPoolSettings};

use crate::support::{SECOND_MS, START_MS, TestDatabase, account, client_id, code as refusal, on_both, role};

on_both! {
    a_forgotten_password_is_set_with_the_code,
    who_was_reset_comes_back_with_a_code,
    nobody_who_cannot_be_helped_is_reset,
    nobody_and_those_who_cannot_be_helped_look_like_anybody,
    a_client_that_hides_nobody_says_what_is_wrong,
    a_code_for_an_address_that_was_changed_sets_no_password,
    by_the_way_of_the_second_factor_no_password_is_recovered,
    a_bad_password_costs_no_code,
    of_a_hundred_guesses_at_a_forgotten_password_five_count,
    what_cannot_be_sent_is_refused_for_anybody,
    a_phone_comes_before_an_address,
    what_was_typed_comes_first_where_nothing_else_may_be_told,
    messages_are_counted_by_client_address,
    a_pool_says_by_which_way_a_password_is_recovered,
    an_application_with_a_secret_proves_that_it_asks,
    past_passwords_are_refused_where_the_pool_remembers_them,
    the_commonest_passwords_are_refused_where_the_pool_asks_for_it,
    a_changed_password_ends_the_other_sessions,
    guesses_at_the_previous_password_lock,
    who_deletes_themselves_is_gone_unless_they_are_the_last_admin,
}

const ADA: &str = "ada@example.com";
const OLD: &str = "Correct-Horse-9!";
const NEW: &str = "Battery-Staple-7!";
const MISMATCH: &str = "Invalid verification code provided, please try again or request a code again.";

/// Lets app clients tell who exists.
const TELL: &str = "UPDATE app_clients SET settings = REPLACE(settings, '\"hides_unknown_users\":true', \
                    '\"hides_unknown_users\":false')";

/// Lets them tell nobody.
const HIDE: &str = "UPDATE app_clients SET settings = REPLACE(settings, '\"hides_unknown_users\":false', \
                    '\"hides_unknown_users\":true')";

struct Fixture {
    keyward: Arc<Keyward>,
    clock: Clock,
    client: String,
    origin: Origin,
}

async fn fixture(database: &TestDatabase, settings: Settings) -> Fixture {
    let clock = Clock::fixed(START_MS);
    let keyward = database.keyward_with(clock.clone(), settings).await;
    let client = client_id(&keyward).await;
    Fixture { keyward, clock, client, origin: Origin::default() }
}

/// Without a limit by address.
async fn unlimited(database: &TestDatabase) -> Fixture {
    fixture(database, Settings { failed_sign_ins_per_minute: 0, ..Settings::default() }).await
}

impl Fixture {
    fn asked<'a>(&'a self, username: &'a str) -> SelfService<'a> {
        SelfService { origin: &self.origin, client_id: &self.client, secret_hash: None, username }
    }

    async fn forgot(&self, username: &str) -> Result<CodeDelivery> {
        self.keyward.forgot_password(self.asked(username)).await
    }

    async fn set(&self, username: &str, code: &str, password: &str) -> Result<()> {
        let (code, password) = (Secret::from(code), Secret::from(password));
        self.keyward.set_forgotten_password(self.asked(username), &code, &password).await
    }

    /// Makes a confirmed user.
    async fn user(&self, email: &str, roles: &[&str]) -> User {
        let user = account(&self.keyward, email, roles).await;
        let pool = self.keyward.local_pool();
        let operator = Caller::operator();
        self.keyward.set_password_in(&**pool, &operator, &user.id, &OLD.into(), false).await.unwrap()
    }

    async fn sign_in(&self, username: &str, password: &str) -> Result<Tokens> {
        let request = SignInRequest::new(&self.origin, &self.client);
        match self.keyward.sign_in_with_password(request, username, &password.into()).await? {
            SignIn::Done(tokens) => Ok(tokens),
            SignIn::Challenge(challenge) => panic!("{challenge:?}"),
        }
    }

    async fn own(&self, tokens: &Tokens) -> Result<User> {
        self.keyward.own_account(&tokens.access_token).await
    }

    /// The code in the message that was made last, and whom it went to.
    async fn sent(&self) -> (String, String) {
        let page = self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
        let content = &page.items.last().unwrap().content;
        let code = content.body.expose().strip_prefix("Your confirmation code is ").unwrap().to_owned();
        (code, content.to.expose().to_owned())
    }

    async fn events(&self, action: &str) -> Vec<AuditEvent> {
        let query = AuditQuery { action: Some(action.into()), ..AuditQuery::default() };
        self.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items
    }
}

/// Another code than this one.
fn wrong(code: &str, number: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1 + number) % 1_000_000)
}

async fn a_forgotten_password_is_set_with_the_code(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let before = fixture.sign_in(ADA, OLD).await.unwrap();
    for _ in 0..5 {
        fixture.sign_in(ADA, "wrong").await.unwrap_err();
    }
    assert_eq!(fixture.sign_in(ADA, OLD).await.unwrap_err().message, "Password attempts exceeded");

    let delivery = fixture.forgot("Ada@Example.com").await.unwrap();
    let (code, to) = fixture.sent().await;

    // What was typed, for it is all that may be told.
    assert_eq!(delivery, CodeDelivery { channel: Channel::Email, masked: "A***@E***".into() });
    assert_eq!(to, ADA);
    // Asking alone changes nothing.
    assert!(fixture.own(&before).await.is_ok());
    let refused = fixture.set(ADA, &wrong(&code, 0), NEW).await.unwrap_err();
    assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, MISMATCH));
    fixture.set(ADA, &code, NEW).await.unwrap();
    assert_eq!(refusal(fixture.own(&before).await), Code::Unauthenticated);
    // The lock is gone with the old password.
    let after = fixture.sign_in(ADA, NEW).await.unwrap();
    assert_eq!(fixture.own(&after).await.unwrap().status, UserStatus::Confirmed);
    assert_eq!(refusal(fixture.sign_in(ADA, OLD).await), Code::Unauthenticated);
    let refused = fixture.set(ADA, &code, NEW).await.unwrap_err();
    assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, MISMATCH));
    let outcomes: Vec<_> =
        fixture.events("user.set-forgotten-password").await.iter().map(|event| event.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Done, Outcome::Failed]);
    let trail = format!("{:?}", fixture.events("user.forgot-password").await);
    assert!(!trail.contains(&code) && !trail.contains(NEW), "{trail}");
}

async fn who_was_reset_comes_back_with_a_code(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let before = fixture.sign_in(ADA, OLD).await.unwrap();
    let reset = async || {
        let pool = fixture.keyward.local_pool();
        fixture.keyward.require_new_password_in(pool, &Caller::operator(), ADA).await
    };

    reset().await.unwrap();

    let (code, to) = fixture.sent().await;
    assert_eq!(to, ADA);
    assert_eq!(refusal(fixture.own(&before).await), Code::Unauthenticated);
    assert_eq!(refusal(fixture.sign_in(ADA, OLD).await), Code::PasswordResetRequired);
    assert_eq!(fixture.events("user.require-new-password").await.len(), 1);
    // Once more sends nothing, so that the code stays good.
    reset().await.unwrap();
    fixture.set(ADA, &code, NEW).await.unwrap();
    fixture.sign_in(ADA, NEW).await.unwrap();
}

async fn nobody_who_cannot_be_helped_is_reset(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    role(&fixture.keyward, "ROOT", &["*"]).await;
    fixture.user(ADA, &["ROOT"]).await;
    fixture.user("unproven@example.com", &[]).await;
    account(&fixture.keyward, "new@example.com", &[]).await;
    fixture.user("disabled@example.com", &[]).await;
    database.execute("UPDATE users SET email_verified = FALSE WHERE username = 'unproven@example.com'").await;
    database.execute("UPDATE users SET enabled = FALSE WHERE username = 'disabled@example.com'").await;
    let before = database.contents().await;
    let reset = async |name: &str| {
        let pool = fixture.keyward.local_pool();
        refusal(fixture.keyward.require_new_password_in(pool, &Caller::operator(), name).await)
    };

    // Nobody else may do everything.
    assert_eq!(reset(ADA).await, Code::Conflict);
    assert_eq!(reset("unproven@example.com").await, Code::InvalidInput("username".into()));
    for name in ["new@example.com", "disabled@example.com"] {
        assert_eq!(reset(name).await, Code::Unauthenticated, "{name}");
    }
    assert_eq!(reset("nobody@example.com").await, Code::NotFound(Thing::User));

    assert_eq!(database.contents().await, before);
}

async fn nobody_and_those_who_cannot_be_helped_look_like_anybody(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    account(&fixture.keyward, "new@example.com", &[]).await;
    for name in ["disabled@example.com", "unproven@example.com", "unconfirmed@example.com"] {
        fixture.user(name, &[]).await;
    }
    database.execute("UPDATE users SET enabled = FALSE WHERE username = 'disabled@example.com'").await;
    database.execute("UPDATE users SET email_verified = FALSE WHERE username = 'unproven@example.com'").await;
    database
        .execute("UPDATE users SET status = 'UNCONFIRMED' WHERE username = 'unconfirmed@example.com'")
        .await;
    let known = fixture.user(ADA, &[]).await;
    fixture.user("_bob@example.com", &[]).await;
    let phil = fixture.user("phil@example.com", &[]).await;
    let with_phone =
        format!("UPDATE users SET phone = '+12345678900', phone_verified = TRUE WHERE id = '{}'", phil.id);
    database.execute(&with_phone).await;
    let helped = [ADA, "_bob@example.com", "phil@example.com", "Phil@example.com"];
    let names = [
        helped[0],
        helped[1],
        helped[2],
        "_zed@example.com",
        "NOB@example.com",
        "nobody@example.com",
        "new@example.com",
        "disabled@example.com",
        "unproven@example.com",
        "unconfirmed@example.com",
        &known.id,
    ];

    for name in names {
        let mut seen = Vec::new();
        let first = name.chars().next().unwrap();
        for _ in 0..5 {
            seen.push(fixture.forgot(name).await.unwrap());
        }
        let seemed = CodeDelivery { channel: Channel::Email, masked: format!("{first}***@e***") };
        if name.contains('@') {
            assert_eq!(seen, vec![seemed; 5], "{name}");
        } else {
            let seemed = CodeDelivery { channel: Channel::Email, masked: "***@***".into() };
            assert_eq!(seen, vec![seemed; 5], "{name}");
        }
        assert_eq!(refusal(fixture.forgot(name).await), Code::LimitExceeded(3600), "{name}");
        // No guess of a hundred thousand is right, and the sixth is too many, but isn't told from the others.
        let code = if helped.contains(&name) { fixture.sent().await.0 } else { "123456".to_owned() };
        for guess in (0..6).map(|number| wrong(&code, number)).chain([code.clone()]) {
            let refused = fixture.set(name, &guess, NEW).await.unwrap_err();
            assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, MISMATCH), "{name}");
        }
    }
    // Nor is it told whether anybody has asked for a code, and it takes the same work.
    let tries = async || fixture.events("user.set-forgotten-password").await.len();
    let before = tries().await;
    for name in ["nobody-else@example.com", "unasked@example.com"] {
        let refused = fixture.set(name, "123456", NEW).await.unwrap_err();
        assert_eq!((refused.code, &*refused.message), (Code::CodeMismatch, MISMATCH), "{name}");
    }
    assert_eq!(tries().await, before + 2);

    // As many codes and messages as for anybody, but to nobody.
    let count = async |query: &str| database.column(query).await.len();
    assert_eq!(count("SELECT owner FROM codes").await, names.len());
    assert_eq!(count("SELECT id FROM messages WHERE channel = 'nowhere'").await, (names.len() - 3) * 5);
    assert_eq!(count("SELECT id FROM messages WHERE channel = 'email'").await, 15);
    let reasons: BTreeMap<String, usize> =
        fixture.events("user.forgot-password").await.iter().fold(BTreeMap::new(), |mut reasons, event| {
            *reasons.entry(event.detail["reason"].as_str().unwrap_or("helped").to_owned()).or_default() += 1;
            reasons
        });
    let expected = [
        ("disabled", 5),
        ("helped", 15),
        ("no_proven_address", 5),
        ("not_confirmed", 10),
        ("unknown_user", 20),
    ];
    assert_eq!(reasons, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    // What was typed may be a password: no name that nobody has is kept.
    let contents = database.contents().await;
    assert!(!format!("{contents:?}").contains("nobody@example.com"));
    assert!(fixture.sign_in(ADA, OLD).await.is_ok());
}

async fn a_client_that_hides_nobody_says_what_is_wrong(database: TestDatabase) {
    database.execute(TELL).await;
    let fixture = unlimited(&database).await;
    account(&fixture.keyward, "new@example.com", &[]).await;
    fixture.user("disabled@example.com", &[]).await;
    fixture.user("unproven@example.com", &[]).await;
    database.execute("UPDATE users SET enabled = FALSE WHERE username = 'disabled@example.com'").await;
    database.execute("UPDATE users SET email_verified = FALSE WHERE username = 'unproven@example.com'").await;
    let unproven =
        "Cannot reset password for the user as there is no registered/verified email or phone_number";

    for (name, code, message) in [
        ("nobody", Code::NotFound(Thing::User), "Username/client id combination not found."),
        ("new@example.com", Code::Unauthenticated, "User password cannot be reset in the current state."),
        ("disabled@example.com", Code::Unauthenticated, "User is disabled."),
        ("unproven@example.com", Code::InvalidInput("username".into()), unproven),
    ] {
        let refused = fixture.forgot(name).await.unwrap_err();
        assert_eq!((&refused.code, &*refused.message), (&code, message));
        let refused = fixture.set(name, "123456", NEW).await.unwrap_err();
        assert_eq!((refused.code, &*refused.message), (code, message));
    }
    assert_eq!(database.column("SELECT owner FROM codes").await, [""; 0]);
}

async fn a_code_for_an_address_that_was_changed_sets_no_password(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    fixture.forgot(ADA).await.unwrap();
    let (code, _) = fixture.sent().await;
    let update = UserUpdate { email: Some("other@example.com".into()), ..UserUpdate::default() };
    fixture.keyward.update_user(&Caller::operator(), ADA, update).await.unwrap();
    // Not even when the new one is proven.
    for (is_proven, refused) in [("FALSE", Code::CodeMismatch), ("TRUE", Code::CodeExpired)] {
        database.execute(&format!("UPDATE users SET email_verified = {is_proven}")).await;
        assert_eq!(refusal(fixture.set(ADA, &code, NEW).await), refused);
    }
    fixture.sign_in(ADA, OLD).await.unwrap();
}

async fn by_the_way_of_the_second_factor_no_password_is_recovered(database: TestDatabase) {
    database.execute(TELL).await;
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let (operator, pool) = (Caller::operator(), fixture.keyward.local_pool());
    let set_mfa = async |mfa| {
        let (software_token_mfa, sms, email) =
            (Some(true), Some(SmsMfa::default()), Some(EmailMfa::default()));
        let factors = PoolFactors { mfa, software_token_mfa, sms, email, web_authn: None };
        fixture.keyward.set_pool_factors(&operator, pool.id(), factors).await.unwrap();
    };
    set_mfa(Some(MfaMode::Optional)).await;
    let prefer = async |email: bool, sms: bool| {
        let setting = |is_enabled| Some(FactorSetting { is_enabled, is_preferred: false });
        let changes = MfaChange { email: setting(email), sms: setting(sms), software_token: None };
        fixture.keyward.set_mfa_preference_in(pool, &operator, ADA, &changes).await.unwrap();
    };
    let reset = async || fixture.keyward.require_new_password_in(pool, &operator, ADA).await;
    let hopeless = Code::InvalidInput("username".into());
    fixture.forgot(ADA).await.unwrap();
    let (by_email, _) = fixture.sent().await;

    prefer(true, false).await;
    assert_eq!(refusal(fixture.forgot(ADA).await), hopeless);
    assert_eq!(refusal(fixture.set(ADA, &by_email, NEW).await), hopeless);
    assert_eq!(refusal(reset().await), hopeless);
    // The other way is open, to a code that went by it.
    database.execute("UPDATE users SET phone = '+12345678900', phone_verified = TRUE").await;
    assert_eq!(refusal(fixture.set(ADA, &by_email, NEW).await), Code::CodeExpired);
    assert_eq!(fixture.forgot(ADA).await.unwrap().channel, Channel::Sms);
    prefer(false, true).await;
    assert_eq!(fixture.forgot(ADA).await.unwrap().channel, Channel::Email);
    prefer(true, true).await;
    assert_eq!(refusal(fixture.forgot(ADA).await), hopeless);
    // Where the pool asks everybody, any proven address may be asked for.
    prefer(false, false).await;
    assert_eq!(fixture.forgot(ADA).await.unwrap().channel, Channel::Sms);
    set_mfa(Some(MfaMode::On)).await;
    assert_eq!(refusal(fixture.forgot(ADA).await), hopeless);
    assert_eq!(refusal(reset().await), hopeless);

    // Where nobody is told of anybody, it looks as ever.
    database.execute(HIDE).await;
    let hiding = unlimited(&database).await;
    let seemed = CodeDelivery { channel: Channel::Email, masked: "a***@e***".into() };
    assert_eq!(hiding.forgot(ADA).await.unwrap(), seemed);
}

async fn a_bad_password_costs_no_code(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    fixture.forgot(ADA).await.unwrap();
    let (code, _) = fixture.sent().await;

    for _ in 0..10 {
        assert_eq!(refusal(fixture.set(ADA, &code, "simple").await), Code::PasswordRejected);
        assert_eq!(refusal(fixture.set("nobody@example.com", &code, "simple").await), Code::PasswordRejected);
    }

    fixture.set(ADA, &code, NEW).await.unwrap();
}

async fn of_a_hundred_guesses_at_a_forgotten_password_five_count(database: TestDatabase) {
    database.execute(TELL).await;
    let fixture = Arc::new(unlimited(&database).await);
    fixture.user(ADA, &[]).await;
    fixture.forgot(ADA).await.unwrap();
    let (code, _) = fixture.sent().await;

    // The right one among them: it is used once at most.
    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let fixture = Arc::clone(&fixture);
            let guess = if number % 20 == 19 { code.clone() } else { wrong(&code, number) };
            tokio::spawn(async move { fixture.set(ADA, &guess, NEW).await.map_err(|error| error.code) })
        })
        .collect();
    let (mut mismatches, mut done) = (0, 0);
    for guess in guesses {
        match guess.await.unwrap() {
            Ok(()) => done += 1,
            Err(Code::CodeMismatch) => mismatches += 1,
            Err(Code::CodeExpired | Code::Conflict | Code::TooManyRequests(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    assert!(done <= 1 && done + mismatches <= 5, "{done} and {mismatches}");
    assert_eq!(refusal(fixture.set(ADA, &code, NEW).await), Code::CodeExpired);
}

async fn what_cannot_be_sent_is_refused_for_anybody(database: TestDatabase) {
    let deliveries = Deliveries { email: Delivery::Refused, sms: Delivery::Refused };
    let fixture = fixture(&database, Settings { deliveries, ..Settings::default() }).await;
    fixture.user(ADA, &[]).await;

    for name in [ADA, "nobody@example.com"] {
        assert_eq!(refusal(fixture.forgot(name).await), Code::DeliveryFailed);
    }
    assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
}

async fn a_phone_comes_before_an_address(database: TestDatabase) {
    database.execute(TELL).await;
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let phone = UserUpdate { phone: Some(Some("+12345678900".into())), ..UserUpdate::default() };
    fixture.keyward.update_user(&Caller::operator(), ADA, phone).await.unwrap();
    assert_eq!(fixture.forgot(ADA).await.unwrap().channel, Channel::Email, "it isn't proven");
    database.execute("UPDATE users SET phone_verified = TRUE").await;

    let delivery = fixture.forgot(ADA).await.unwrap();

    assert_eq!(delivery, CodeDelivery { channel: Channel::Sms, masked: "+*******8900".into() });
    // Where no SMS can be sent, there is the address.
    let deliveries = Deliveries { sms: Delivery::Refused, ..Deliveries::default() };
    let without_sms = self::fixture(&database, Settings { deliveries, ..Settings::default() }).await;
    assert_eq!(without_sms.forgot(ADA).await.unwrap().channel, Channel::Email);
}

async fn what_was_typed_comes_first_where_nothing_else_may_be_told(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    database.execute("UPDATE users SET phone = '+12345678900', phone_verified = TRUE").await;

    for (name, channel, masked) in [
        (ADA, Channel::Email, "a***@e***"),
        ("ada", Channel::Email, "***@***"),
        ("+12345678900", Channel::Sms, "+*******8900"),
    ] {
        database.execute(&format!("UPDATE users SET username = '{name}', username_key = '{name}'")).await;
        let delivery = fixture.forgot(name).await.unwrap();
        assert_eq!(delivery, CodeDelivery { channel, masked: masked.into() });
        let (code, to) = fixture.sent().await;
        assert_eq!(to, if channel == Channel::Email { ADA } else { "+12345678900" });
        // By whichever name one goes on.
        fixture.set(name, &code, NEW).await.unwrap();
    }
    let nobody = fixture.forgot("+12345670000").await.unwrap();
    assert_eq!(nobody, CodeDelivery { channel: Channel::Sms, masked: "+*******0000".into() });
}

async fn messages_are_counted_by_client_address(database: TestDatabase) {
    let settings = Settings { failed_sign_ins_per_minute: 20, ..Settings::default() };
    let fixture = fixture(&database, settings).await;
    let mut outcomes = Vec::new();
    for number in 0..17 {
        outcomes.push(fixture.forgot(&format!("user-{number}@example.com")).await);
    }

    assert!(outcomes[..16].iter().all(Result::is_ok));
    assert_eq!(refusal(outcomes.remove(16)), Code::TooManyRequests(3));
    fixture.clock.advance_ms(3 * SECOND_MS);
    fixture.forgot("user-16@example.com").await.unwrap();
}

/// Sets something of the home pool.
async fn set_up(keyward: &Keyward, change: impl FnOnce(&mut UserPoolSettings)) {
    let (operator, pool) = (Caller::operator(), keyward.local_pool());
    let mut settings = pool.settings().await.unwrap();
    change(&mut settings);
    keyward.update_user_pool(&operator, pool.id(), None, settings).await.unwrap();
}

async fn a_pool_says_by_which_way_a_password_is_recovered(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    database.execute("UPDATE users SET phone = '+12345678900', phone_verified = TRUE").await;
    database.execute("UPDATE users SET username = 'ada', username_key = 'ada'").await;

    for (mechanisms, channel) in [
        (vec![RecoveryMechanism::VerifiedEmail, RecoveryMechanism::VerifiedPhoneNumber], Channel::Email),
        (vec![RecoveryMechanism::VerifiedPhoneNumber], Channel::Sms),
    ] {
        set_up(&fixture.keyward, |settings| settings.recovery_mechanisms = mechanisms).await;
        for name in ["ada", "nobody"] {
            assert_eq!(fixture.forgot(name).await.unwrap().channel, channel, "{name}");
        }
        let to = if channel == Channel::Sms { "+12345678900" } else { ADA };
        assert_eq!(fixture.sent().await.1, to);
    }
    set_up(&fixture.keyward, |settings| settings.recovery_mechanisms = vec![RecoveryMechanism::AdminOnly])
        .await;
    for name in [ADA, "nobody@example.com"] {
        assert_eq!(refusal(fixture.forgot(name).await), Code::Unauthenticated);
        assert_eq!(refusal(fixture.set(name, "123456", NEW).await), Code::Unauthenticated);
    }
}

async fn an_application_with_a_secret_proves_that_it_asks(database: TestDatabase) {
    let mut fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let pool = fixture.keyward.local_pool().id().to_owned();
    let new = NewAppClient {
        name: "app".into(),
        settings: AppClientSettings { hides_unknown_users: true, ..AppClientSettings::default() },
        secret: NewSecret::Generated,
    };
    let made = fixture.keyward.create_app_client(&Caller::operator(), &pool, new).await.unwrap();
    fixture.client.clone_from(&made.client.id);
    let hash = |name: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, made.secret.as_ref().unwrap().expose().as_bytes());
        Secret::from(STANDARD.encode(hmac::sign(&key, [name, &made.client.id].concat().as_bytes())))
    };
    let forgot = async |name: &str, secret_hash: Option<&Secret>| {
        fixture.keyward.forgot_password(SelfService { secret_hash, ..fixture.asked(name) }).await
    };

    for name in [ADA, "nobody@example.com"] {
        assert_eq!(refusal(forgot(name, None).await), Code::Unauthenticated);
        assert_eq!(refusal(forgot(name, Some(&hash("other"))).await), Code::Unauthenticated);
        assert_eq!(refusal(fixture.set(name, "123456", NEW).await), Code::Unauthenticated);
        forgot(name, Some(&hash(name))).await.unwrap();
    }
    let code = Secret::from(fixture.sent().await.0);
    let secret_hash = hash(ADA);
    let asked = SelfService { secret_hash: Some(&secret_hash), ..fixture.asked(ADA) };
    fixture.keyward.set_forgotten_password(asked, &code, &NEW.into()).await.unwrap();
}

async fn past_passwords_are_refused_where_the_pool_remembers_them(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    let ada = fixture.user(ADA, &[]).await;
    let hashes = async || database.column("SELECT hash FROM past_passwords").await;
    let tokens = fixture.sign_in(ADA, OLD).await.unwrap();
    let change = async |previous: &str, proposed: &str| {
        let (previous, proposed) = (Secret::from(previous), Secret::from(proposed));
        let token = &tokens.access_token;
        fixture.keyward.change_password(&fixture.origin, token, Some(&previous), &proposed).await
    };
    // Not remembered: neither refused nor kept.
    change(OLD, OLD).await.unwrap();
    assert_eq!(hashes().await, [""; 0]);
    set_up(&fixture.keyward, |settings| settings.password_policy.history_size = 3).await;

    let refused = change(OLD, OLD).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.message),
        (Code::PasswordReused, "Password has previously been used.")
    );
    change(OLD, "Second-2!").await.unwrap();
    change("Second-2!", "Third-3!").await.unwrap();
    for used in [OLD, "Second-2!", "Third-3!"] {
        assert_eq!(refusal(change("Third-3!", used).await), Code::PasswordReused, "{used}");
    }
    // Whoever sets it.
    let (pool, operator) = (fixture.keyward.local_pool(), Caller::operator());
    let set = async |password: &str| {
        fixture.keyward.set_password_in(&**pool, &operator, &ada.id, &password.into(), false).await
    };
    assert_eq!(refusal(set("Second-2!").await), Code::PasswordReused);
    fixture.forgot(ADA).await.unwrap();
    let (code, _) = fixture.sent().await;
    assert_eq!(refusal(fixture.set(ADA, &code, OLD).await), Code::PasswordReused);
    fixture.set(ADA, &code, "Fourth-4!").await.unwrap();
    // The fourth last one isn't remembered any more.
    set(OLD).await.unwrap();
    assert_eq!(hashes().await.len(), 2);
    set_up(&fixture.keyward, |settings| settings.password_policy.history_size = 1).await;
    assert_eq!(refusal(set(OLD).await), Code::PasswordReused);
    set("Fourth-4!").await.unwrap();
    assert_eq!(hashes().await, [""; 0]);
}

async fn the_commonest_passwords_are_refused_where_the_pool_asks_for_it(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    let ada = fixture.user(ADA, &[]).await;
    set_up(&fixture.keyward, |settings| settings.password_policy.require_symbols = false).await;
    let set = async |keyward: &Keyward, password: &str| {
        let pool = keyward.local_pool();
        keyward.set_password_in(&**pool, &Caller::operator(), &ada.id, &password.into(), false).await
    };
    set(&fixture.keyward, "Password1").await.unwrap();

    // As the operator configures the home pool.
    let asking = database.keyward_refusing_common_passwords(&fixture.clock).await;

    let refused = set(&asking, "Password1").await.unwrap_err();
    assert_eq!(refused.code, Code::PasswordRejected);
    let sentence = "Password did not conform with policy: Password must not be one of the most common ones";
    assert_eq!(refused.message, sentence);
    set(&asking, "Passworb1").await.unwrap();
    // It stays so when the configuration says nothing of it, and what the protocol sets leaves it.
    set_up(&asking, |settings| settings.password_policy.refuses_common = false).await;
    let later = database.keyward().await;
    assert_eq!(refusal(set(&later, "pAssword1").await), Code::PasswordRejected);
}

async fn a_changed_password_ends_the_other_sessions(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let (here, elsewhere) =
        (fixture.sign_in(ADA, OLD).await.unwrap(), fixture.sign_in(ADA, OLD).await.unwrap());
    let change = async |previous: Option<&str>, proposed: &str| {
        let previous = previous.map(Secret::from);
        let token = &here.access_token;
        fixture.keyward.change_password(&fixture.origin, token, previous.as_ref(), &proposed.into()).await
    };

    let refused = change(Some("wrong"), NEW).await.unwrap_err();
    assert_eq!((refused.code, &*refused.message), (Code::Unauthenticated, "Incorrect username or password."));
    assert_eq!(refusal(change(None, NEW).await), Code::InvalidInput("previous_password".into()));
    assert_eq!(refusal(change(Some(OLD), "simple").await), Code::PasswordRejected);
    assert!(fixture.own(&elsewhere).await.is_ok());
    change(Some(OLD), NEW).await.unwrap();

    assert!(fixture.own(&here).await.is_ok());
    assert_eq!(refusal(fixture.own(&elsewhere).await), Code::Unauthenticated);
    let refresh = elsewhere.refresh_token.unwrap();
    assert_eq!(
        refusal(
            fixture.keyward.refresh(SignInRequest::new(&fixture.origin, &fixture.client), &refresh).await
        ),
        Code::Unauthenticated
    );
    assert_eq!(refusal(fixture.sign_in(ADA, OLD).await), Code::Unauthenticated);
    fixture.sign_in(ADA, NEW).await.unwrap();
    let outcomes: Vec<_> =
        fixture.events("user.change-password").await.iter().map(|event| event.outcome).collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::Failed]);
}

async fn guesses_at_the_previous_password_lock(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    fixture.user(ADA, &[]).await;
    let token = fixture.sign_in(ADA, OLD).await.unwrap().access_token;
    let change = async |previous: &str| {
        let (previous, proposed) = (Secret::from(previous), Secret::from(NEW));
        fixture.keyward.change_password(&fixture.origin, &token, Some(&previous), &proposed).await
    };

    for _ in 0..5 {
        assert_eq!(change("wrong").await.unwrap_err().message, "Incorrect username or password.");
    }

    assert_eq!(change(OLD).await.unwrap_err().message, "Password attempts exceeded");
    assert_eq!(fixture.sign_in(ADA, OLD).await.unwrap_err().message, "Password attempts exceeded");
    fixture.clock.advance_ms(SECOND_MS);
    change(OLD).await.unwrap();
}

async fn who_deletes_themselves_is_gone_unless_they_are_the_last_admin(database: TestDatabase) {
    let fixture = unlimited(&database).await;
    role(&fixture.keyward, "EVERYTHING", &["*"]).await;
    fixture.user("root@example.com", &["EVERYTHING"]).await;
    fixture.user(ADA, &[]).await;
    let delete = async |tokens: &Tokens| {
        fixture.keyward.delete_own_account(&fixture.origin, &tokens.access_token).await
    };
    let (ada, root) =
        (fixture.sign_in(ADA, OLD).await.unwrap(), fixture.sign_in("root@example.com", OLD).await.unwrap());

    delete(&ada).await.unwrap();

    assert_eq!(refusal(delete(&ada).await), Code::Unauthenticated);
    assert_eq!(refusal(fixture.keyward.user(&Caller::operator(), ADA).await), Code::NotFound(Thing::User));
    assert_eq!(refusal(delete(&root).await), Code::Conflict);
    assert!(fixture.own(&root).await.is_ok());
    assert_eq!(fixture.events("user.delete").await[0].actor_name, ADA);
}
