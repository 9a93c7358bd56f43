//! People who make accounts for themselves, prove their addresses, and change what is known of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::code::CodeDelivery;
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::self_service::SelfService;
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest};
use keyward_core::local_pool::sign_up::SignedUp;
use keyward_core::message::{Channel, Deliveries, Delivery};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::{User, UserStatus, UserUpdate};
use keyward_core::user_pool::{FirstFactor, Identifiers, NewUserPool, SchemaAttribute, UserPoolSettings};

use crate::support::{SECOND_MS, START_MS, TestDatabase, client_id, code as refusal, on_both, texts};

on_both! {
    who_signs_up_is_confirmed_by_the_code_that_was_sent,
    only_where_the_pool_allows_it_anybody_signs_up,
    what_schema_policy_and_client_forbid_is_refused,
    of_many_who_sign_up_by_one_name_one_has_it,
    nobody_is_confirmed_as_anybody_is,
    a_client_that_hides_nobody_says_what_is_wrong,
    an_address_is_a_name_where_the_pool_says_so,
    a_phone_is_proven_before_an_address,
    an_alias_is_whose_address_was_proven_first,
    without_a_password_where_one_can_sign_in_without,
    who_signs_up_is_counted_by_client_address,
    an_address_is_sent_five_codes_an_hour_whoever_signs_up,
    who_is_hidden_is_named_by_no_id,
    a_new_address_is_unproven_until_its_code_is_shown,
    an_address_stays_until_the_new_one_is_proven,
    what_was_changed_meanwhile_is_left,
    attributes_that_are_not_the_users_to_change_stay,
    an_address_that_is_a_name_is_one_users_alone,
    in_the_home_pool_an_address_of_another_proves_nothing,
}

const PASSWORD: &str = "Correct-Horse-9!";
const MISMATCH: &str = "Invalid verification code provided, please try again or request a code again.";
const EMAIL: &str = "ada@example.com";
const HOUR_MS: i64 = 60 * 60 * SECOND_MS;

/// A pool beside the home pool, and a client of it.
struct Fixture {
    keyward: Arc<Keyward>,
    clock: Clock,
    pool_id: String,
    client: String,
    origin: Origin,
}

/// A pool that proves email addresses, and a client that hides who exists.
async fn fixture(database: &TestDatabase, change: impl FnOnce(&mut UserPoolSettings)) -> Fixture {
    fixture_with(database, Settings { failed_sign_ins_per_minute: 0, ..Settings::default() }, change).await
}

async fn fixture_with(
    database: &TestDatabase,
    settings: Settings,
    change: impl FnOnce(&mut UserPoolSettings),
) -> Fixture {
    let clock = Clock::fixed(START_MS);
    let keyward = database.keyward_with(clock.clone(), settings).await;
    let mut settings = UserPoolSettings { auto_verified: texts(&["email"]), ..UserPoolSettings::default() };
    change(&mut settings);
    let new = NewUserPool { name: "pool".into(), settings, region: None };
    let pool_id = keyward.create_user_pool(&Caller::operator(), new).await.unwrap().id;
    let mut fixture = Fixture { keyward, clock, pool_id, client: String::new(), origin: Origin::default() };
    fixture.client = fixture.client_with(|_| {}).await;
    fixture
}

impl Fixture {
    async fn client_with(&self, change: impl FnOnce(&mut AppClientSettings)) -> String {
        let flows = texts(&["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]);
        let mut settings =
            AppClientSettings { flows, hides_unknown_users: true, ..AppClientSettings::default() };
        change(&mut settings);
        let new = NewAppClient { name: "app".into(), settings, secret: NewSecret::None };
        let made = self.keyward.create_app_client(&Caller::operator(), &self.pool_id, new).await.unwrap();
        made.client.id
    }

    fn asked<'a>(&'a self, username: &'a str) -> SelfService<'a> {
        SelfService { origin: &self.origin, client_id: &self.client, secret_hash: None, username }
    }

    async fn sign_up(&self, username: &str, attributes: &[(&str, &str)]) -> Result<SignedUp> {
        let password = Secret::from(PASSWORD);
        self.keyward.sign_up(self.asked(username), Some(&password), named(attributes)).await
    }

    async fn confirm(&self, username: &str, code: &str) -> Result<()> {
        self.keyward.confirm_sign_up(self.asked(username), &code.into(), false).await.map(drop)
    }

    async fn resend(&self, username: &str) -> Result<CodeDelivery> {
        self.keyward.resend_sign_up_code(self.asked(username)).await
    }

    /// Signs up and confirms.
    async fn joined(&self, username: &str, attributes: &[(&str, &str)]) -> User {
        let user = self.sign_up(username, attributes).await.unwrap().user;
        self.confirm(username, &self.sent().await.0).await.unwrap();
        self.user(&user.id).await
    }

    async fn user(&self, name_or_id: &str) -> User {
        let pool = self.keyward.user_pool(&self.pool_id).await.unwrap();
        self.keyward.user_in(&*pool, &Caller::operator(), name_or_id).await.unwrap()
    }

    async fn token(&self, username: &str) -> Result<Secret> {
        let request = SignInRequest::new(&self.origin, &self.client);
        match self.keyward.sign_in_with_password(request, username, &PASSWORD.into()).await? {
            SignIn::Done(tokens) => Ok(tokens.access_token),
            SignIn::Challenge(challenge) => panic!("{challenge:?}"),
        }
    }

    async fn update(&self, token: &Secret, attributes: &[(&str, &str)]) -> Result<Vec<CodeDelivery>> {
        self.keyward.update_own_attributes(&self.origin, token, named(attributes)).await
    }

    async fn verify(&self, token: &Secret, attribute: &str, code: &str) -> Result<()> {
        self.keyward.verify_attribute(&self.origin, token, attribute, &code.into()).await
    }

    /// The code in the message that was made last, and where it went.
    async fn sent(&self) -> (String, String) {
        let page = self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
        let content = &page.items.last().unwrap().content;
        let code = content.body.expose().strip_prefix("Your confirmation code is ").unwrap().to_owned();
        (code, content.to.expose().to_owned())
    }

    async fn outcomes(&self, action: &str) -> Vec<Outcome> {
        let query = AuditQuery { action: Some(action.into()), ..AuditQuery::default() };
        let events = self.keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
        events.into_iter().map(|event| event.outcome).collect()
    }
}

fn named(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

fn by_email(masked: &str) -> CodeDelivery {
    CodeDelivery { channel: Channel::Email, masked: masked.into() }
}

#[track_caller]
fn assert_said<T>(outcome: Result<T>, code: Code, message: &str) {
    let Error { code: said, message: sentence, .. } = outcome.map(drop).unwrap_err();
    assert_eq!((said, &*sentence), (code, message));
}

fn immutable(name: &str) -> SchemaAttribute {
    SchemaAttribute {
        name: name.into(),
        data_type: "String".into(),
        mutable: false,
        required: false,
        minimum: None,
        maximum: None,
    }
}

async fn who_signs_up_is_confirmed_by_the_code_that_was_sent(database: TestDatabase) {
    let fixture = fixture(&database, |_| {}).await;

    let signed_up = fixture.sign_up("ada", &[("email", EMAIL), ("name", "Ada")]).await.unwrap();
    let (code, to) = fixture.sent().await;

    assert_eq!((signed_up.delivery, to.as_str()), (Some(by_email("a***@e***")), EMAIL));
    let user = fixture.user("ada").await;
    assert_eq!((user.id.as_str(), user.status), (signed_up.user.id.as_str(), UserStatus::Unconfirmed));
    assert!(!user.email_verified && user.roles.is_empty());
    assert_eq!(refusal(fixture.token("ada").await), Code::UserNotConfirmed);
    assert_eq!(refusal(fixture.confirm("ada", &wrong(&code)).await), Code::CodeMismatch);
    fixture.confirm("ada", &code).await.unwrap();
    let user = fixture.user("ada").await;
    assert_eq!((user.status, user.email_verified), (UserStatus::Confirmed, true));
    assert_eq!(user.attributes["name"], "Ada");
    fixture.token("ada").await.unwrap();
    assert_eq!(fixture.outcomes("user.sign-up").await, [Outcome::Done]);
    assert_eq!(fixture.outcomes("user.confirm-sign-up").await, [Outcome::Done, Outcome::Failed]);
}

async fn only_where_the_pool_allows_it_anybody_signs_up(database: TestDatabase) {
    let mut fixture = fixture(&database, |settings| settings.admin_create_only = true).await;
    let sentence = "SignUp is not permitted for this user pool";

    assert_said(fixture.sign_up("ada", &[("email", EMAIL)]).await, Code::Unauthenticated, sentence);
    // The home pool's users have roles: whatever is set of it, nobody lets themselves in.
    fixture.client = client_id(&fixture.keyward).await;
    let pool = fixture.keyward.local_pool();
    let open = UserPoolSettings { admin_create_only: false, ..pool.settings().await.unwrap() };
    fixture.keyward.update_user_pool(&Caller::operator(), pool.id(), None, open).await.unwrap();
    assert_said(fixture.sign_up(EMAIL, &[("email", EMAIL)]).await, Code::Unauthenticated, sentence);
    assert_eq!(database.column("SELECT id FROM users").await, [""; 0]);
}

async fn what_schema_policy_and_client_forbid_is_refused(database: TestDatabase) {
    let mut fixture = fixture(&database, |settings| {
        settings.schema = vec![
            SchemaAttribute { required: true, ..immutable("email") },
            SchemaAttribute { maximum: Some("3".into()), ..immutable("custom:lab") },
        ];
    })
    .await;
    let schema = |rest: &str| format!("Attributes did not conform to the schema: {rest}");
    let attributes = || Code::InvalidInput("attributes".into());

    let missing = schema("email: The attribute is required");
    assert_said(fixture.sign_up("ada", &[]).await, attributes(), &missing);
    let unknown = schema("custom:other: Attribute does not exist in the schema.");
    let other = fixture.sign_up("ada", &[("email", EMAIL), ("custom:other", "x")]).await;
    assert_said(other, attributes(), &unknown);
    assert_eq!(
        refusal(fixture.sign_up("ada", &[("email", EMAIL), ("custom:lab", "long")]).await),
        attributes()
    );
    assert_eq!(refusal(fixture.sign_up("ada", &[("email", "no address")]).await), attributes());
    let not_ours = "A client attempted to write unauthorized attribute";
    for attribute in [("email_verified", "true"), ("phone_number_verified", "true"), ("dev:custom:lab", "x")]
    {
        let outcome = fixture.sign_up("ada", &[("email", EMAIL), attribute]).await;
        assert_said(outcome, Code::Unauthenticated, not_ours);
    }
    let weak = Secret::from("weak");
    let outcome =
        fixture.keyward.sign_up(fixture.asked("ada"), Some(&weak), named(&[("email", EMAIL)])).await;
    assert_eq!(refusal(outcome), Code::PasswordRejected);
    let without = fixture.keyward.sign_up(fixture.asked("ada"), None, named(&[("email", EMAIL)])).await;
    assert_eq!(refusal(without), Code::InvalidInput("password".into()));
    fixture.client = fixture.client_with(|client| client.write_attributes = Some(texts(&["email"]))).await;
    let outcome = fixture.sign_up("ada", &[("email", EMAIL), ("custom:lab", "x")]).await;
    assert_said(outcome, Code::Unauthenticated, not_ours);
    assert_eq!(database.column("SELECT id FROM users").await, [""; 0]);
    assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
    fixture.sign_up("ada", &[("email", EMAIL)]).await.unwrap();
}

async fn of_many_who_sign_up_by_one_name_one_has_it(database: TestDatabase) {
    let fixture = Arc::new(fixture(&database, |_| {}).await);
    let signing_up: Vec<_> = (0..20)
        .map(|number| {
            let fixture = Arc::clone(&fixture);
            let name = if number % 2 == 0 { "ada" } else { "ADA" };
            tokio::spawn(async move { fixture.sign_up(name, &[("email", EMAIL)]).await })
        })
        .collect();
    let mut made = 0;
    for signing_up in signing_up {
        match signing_up.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(error.code, Code::AlreadyExists(Thing::User));
                assert_eq!(error.message, "User already exists");
            }
        }
    }

    assert_eq!(made, 1);
    // Of the codes, one row is the address's.
    for (table, count) in [("users", 1), ("codes", 2), ("messages", 1)] {
        let rows = database.column(&format!("SELECT pool_id FROM {table}")).await;
        assert_eq!(rows, vec![fixture.pool_id.as_str(); count], "{table}");
    }
}

async fn nobody_is_confirmed_as_anybody_is(database: TestDatabase) {
    let fixture = fixture(&database, |_| {}).await;
    fixture.joined("confirmed", &[("email", "confirmed@example.com")]).await;
    fixture.sign_up("without", &[]).await.unwrap();
    fixture.sign_up("disabled", &[("email", "disabled@example.com")]).await.unwrap();
    database.execute("UPDATE users SET enabled = FALSE WHERE username = 'disabled'").await;
    fixture.sign_up("ada", &[("email", EMAIL)]).await.unwrap();

    for name in ["ada", "nobody", "confirmed", "without", "disabled"] {
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(fixture.resend(name).await.unwrap());
        }
        assert_eq!(seen, vec![by_email("***@***"); 5], "{name}");
        assert_eq!(refusal(fixture.resend(name).await), Code::LimitExceeded(3600), "{name}");
        let code = if name == "ada" { fixture.sent().await.0 } else { "123456".to_owned() };
        for guess in [wrong(&code), wrong(&code), wrong(&code), wrong(&code), wrong(&code), code] {
            assert_said(fixture.confirm(name, &guess).await, Code::CodeMismatch, MISMATCH);
        }
    }
    // Who has just signed up, and nobody who has asked for a code.
    fixture.sign_up("eve", &[("email", "eve@example.com")]).await.unwrap();
    let tries = async || fixture.outcomes("user.confirm-sign-up").await.len();
    let before = tries().await;
    for name in ["eve", "nobody else"] {
        assert_said(fixture.confirm(name, "000000").await, Code::CodeMismatch, MISMATCH);
        fixture.clock.advance_ms(HOUR_MS / 2);
        for number in 0..5 {
            assert_eq!(fixture.resend(name).await.unwrap(), by_email("***@***"), "{name} {number}");
        }
        assert_eq!(refusal(fixture.resend(name).await), Code::LimitExceeded(3600), "{name}");
    }
    assert_eq!(tries().await, before + 2);
    // That a name is taken is told to whoever wants it, as with Amazon.
    let taken = fixture.sign_up("ada", &[("email", "other@example.com")]).await;
    assert_said(taken, Code::AlreadyExists(Thing::User), "User already exists");
}

async fn a_client_that_hides_nobody_says_what_is_wrong(database: TestDatabase) {
    let mut fixture = fixture(&database, |_| {}).await;
    fixture.client = fixture.client_with(|client| client.hides_unknown_users = false).await;
    fixture.joined("confirmed", &[("email", EMAIL)]).await;
    fixture.sign_up("without", &[]).await.unwrap();
    let unknown = || (Code::NotFound(Thing::User), "Username/client id combination not found.");

    assert_said(fixture.resend("nobody").await, unknown().0, unknown().1);
    assert_said(fixture.confirm("nobody", "123456").await, unknown().0, unknown().1);
    let already = Code::InvalidInput("username".into());
    assert_said(fixture.resend("confirmed").await, already, "User is already confirmed.");
    let already = "User cannot be confirmed. Current status is CONFIRMED";
    assert_said(fixture.confirm("confirmed", "123456").await, Code::Unauthenticated, already);
    let not_on = "Cannot resend codes. Auto verification not turned on.";
    assert_said(fixture.resend("without").await, Code::InvalidInput("auto_verified".into()), not_on);
    // So it is for anybody where the pool proves nothing.
    let pool = fixture.keyward.user_pool(&fixture.pool_id).await.unwrap();
    let settings = UserPoolSettings { auto_verified: Vec::new(), ..pool.settings().await.unwrap() };
    fixture.keyward.update_user_pool(&Caller::operator(), &fixture.pool_id, None, settings).await.unwrap();
    assert_said(fixture.resend("nobody").await, Code::InvalidInput("auto_verified".into()), not_on);
    assert_eq!(fixture.sign_up("ada", &[("email", EMAIL)]).await.unwrap().delivery, None);
}

async fn an_address_is_a_name_where_the_pool_says_so(database: TestDatabase) {
    let fixture = fixture(&database, |settings| {
        settings.identifiers.username_attributes = texts(&["email"]);
    })
    .await;

    let user = fixture.joined("Ada@Example.com", &[]).await;

    assert_eq!((&user.username, user.email.as_deref()), (&user.id, Some("Ada@Example.com")));
    assert!(user.email_verified);
    fixture.token(EMAIL).await.unwrap();
    let taken = "An account with the given email already exists.";
    assert_said(fixture.sign_up(EMAIL, &[]).await, Code::AlreadyExists(Thing::User), taken);
    let form = Code::InvalidInput("username".into());
    assert_said(fixture.sign_up("ada", &[]).await, form, "Username should be an email.");
}

async fn a_phone_is_proven_before_an_address(database: TestDatabase) {
    let both = |settings: &mut UserPoolSettings| settings.auto_verified = texts(&["email", "phone_number"]);
    let fixture = fixture(&database, both).await;
    let attributes = [("email", EMAIL), ("phone_number", "+12345678900")];

    let signed_up = fixture.sign_up("ada", &attributes).await.unwrap();
    let (code, to) = fixture.sent().await;

    let delivery = CodeDelivery { channel: Channel::Sms, masked: "+*******8900".into() };
    assert_eq!((signed_up.delivery, to.as_str()), (Some(delivery), "+12345678900"));
    fixture.confirm("ada", &code).await.unwrap();
    let user = fixture.user("ada").await;
    assert!(user.phone_verified && !user.email_verified);
    assert_eq!(fixture.sign_up("eve", &attributes[..1]).await.unwrap().delivery, Some(by_email("a***@e***")));
    // Where no SMS can be sent, the address is; where nothing can be, nobody signs up who has to be sent it.
    let deliveries = Deliveries { sms: Delivery::Refused, ..Deliveries::default() };
    let without_sms = fixture_with(&database, Settings { deliveries, ..Settings::default() }, both).await;
    assert_eq!(without_sms.sign_up("ada", &attributes).await.unwrap().delivery, Some(by_email("a***@e***")));
    let deliveries = Deliveries { sms: Delivery::Refused, email: Delivery::Refused };
    let without = fixture_with(&database, Settings { deliveries, ..Settings::default() }, both).await;
    assert_eq!(refusal(without.sign_up("ada", &attributes).await), Code::DeliveryFailed);
    for name in ["ada", "nobody"] {
        assert_eq!(refusal(without.resend(name).await), Code::DeliveryFailed);
    }
}

async fn an_alias_is_whose_address_was_proven_first(database: TestDatabase) {
    let fixture = fixture(&database, |settings| {
        settings.identifiers = Identifiers { alias_attributes: texts(&["email"]), ..Identifiers::default() };
    })
    .await;
    let first = fixture.joined("ada", &[("email", EMAIL)]).await;
    // Unproven, it stands for nobody.
    fixture.sign_up("eve", &[("email", EMAIL)]).await.unwrap();
    let (code, _) = fixture.sent().await;

    let exists = "An account with the given email already exists.";
    assert_said(fixture.confirm("eve", &code).await, Code::AlreadyExists(Thing::Alias), exists);
    assert_eq!(fixture.user("eve").await.status, UserStatus::Unconfirmed);
    // The code is still good: what it was to permit didn't happen.
    fixture.keyward.confirm_sign_up(fixture.asked("eve"), &code.as_str().into(), true).await.unwrap();

    let (eve, ada) = (fixture.user("eve").await, fixture.user(&first.id).await);
    assert_eq!((eve.status, eve.email_verified, ada.email_verified), (UserStatus::Confirmed, true, false));
    let form = "Username cannot be of email format, since user pool is configured for email alias.";
    assert_said(fixture.sign_up(EMAIL, &[]).await, Code::InvalidInput("username".into()), form);
}

async fn without_a_password_where_one_can_sign_in_without(database: TestDatabase) {
    let fixture = fixture(&database, |settings| {
        settings.first_factors = vec![FirstFactor::Password, FirstFactor::EmailOtp];
    })
    .await;

    fixture.keyward.sign_up(fixture.asked("ada"), None, named(&[("email", EMAIL)])).await.unwrap();

    fixture.confirm("ada", &fixture.sent().await.0).await.unwrap();
    assert_eq!(fixture.user("ada").await.status, UserStatus::Confirmed);
    assert_eq!(refusal(fixture.token("ada").await), Code::Unauthenticated);
}

async fn who_signs_up_is_counted_by_client_address(database: TestDatabase) {
    let fixture = fixture_with(&database, Settings::default(), |_| {}).await;
    for number in 0..16 {
        let (name, email) = (format!("user-{number}"), format!("user-{number}@example.com"));
        fixture.sign_up(&name, &[("email", &email)]).await.unwrap();
    }

    assert_eq!(refusal(fixture.sign_up("ada", &[("email", EMAIL)]).await), Code::TooManyRequests(3));
    assert_eq!(refusal(fixture.resend("user-1").await), Code::TooManyRequests(3));
    // It keeps nobody from signing in, nor from showing the code.
    assert_eq!(refusal(fixture.token("user-1").await), Code::UserNotConfirmed);
    fixture.confirm("user-15", &fixture.sent().await.0).await.unwrap();
    fixture.token("user-15").await.unwrap();
}

async fn an_address_is_sent_five_codes_an_hour_whoever_signs_up(database: TestDatabase) {
    let fixture = fixture(&database, |_| {}).await;
    for number in 0..5 {
        fixture.sign_up(&format!("user-{number}"), &[("email", EMAIL)]).await.unwrap();
    }

    for email in [EMAIL, "Ada@Example.com"] {
        assert_eq!(refusal(fixture.sign_up("eve", &[("email", email)]).await), Code::LimitExceeded(3600));
    }
    let taken = fixture.sign_up("user-1", &[("email", EMAIL)]).await;
    assert_eq!(refusal(taken), Code::AlreadyExists(Thing::User));
    assert_eq!(database.column("SELECT username FROM users WHERE username = 'eve'").await, [""; 0]);
    assert_eq!(database.column("SELECT id FROM messages").await.len(), 5);

    fixture.sign_up("eve", &[("email", "eve@example.com")]).await.unwrap();
    fixture.clock.advance_ms(HOUR_MS);
    fixture.sign_up("bob", &[("email", EMAIL)]).await.unwrap();
}

async fn who_is_hidden_is_named_by_no_id(database: TestDatabase) {
    let mut fixture = fixture(&database, |settings| {
        settings.identifiers.username_attributes = texts(&["email"]);
    })
    .await;
    let signed_up = fixture.sign_up(EMAIL, &[]).await.unwrap().user;
    let (code, _) = fixture.sent().await;

    // The id is the name that a back end is told, but everybody is told one for whatever name.
    assert_eq!(signed_up.username, signed_up.id);
    assert_said(fixture.confirm(&signed_up.id, &code).await, Code::CodeMismatch, MISMATCH);
    fixture.client = fixture.client_with(|client| client.hides_unknown_users = false).await;
    fixture.confirm(&signed_up.id, &code).await.unwrap();
    fixture.token(&signed_up.id).await.unwrap();
    fixture.keyward.forgot_password(fixture.asked(&signed_up.id)).await.unwrap();
    assert_eq!(fixture.sent().await.1, EMAIL);
}

async fn a_new_address_is_unproven_until_its_code_is_shown(database: TestDatabase) {
    let fixture = fixture(&database, |_| {}).await;
    fixture.joined("ada", &[("email", EMAIL)]).await;
    let token = fixture.token("ada").await.unwrap();
    fixture.clock.advance_ms(SECOND_MS);

    let sent = fixture.update(&token, &[("email", "new@example.org"), ("name", "Ada")]).await.unwrap();
    let (code, to) = fixture.sent().await;

    assert_eq!((sent, to.as_str()), (vec![by_email("n***@e***")], "new@example.org"));
    let user = fixture.user("ada").await;
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("new@example.org"), false));
    assert_eq!(user.attributes["name"], "Ada");
    fixture.verify(&token, "email", &code).await.unwrap();
    assert!(fixture.user("ada").await.email_verified);
    // What stays as it is, stays proven, and costs no code.
    assert_eq!(fixture.update(&token, &[("email", "new@example.org"), ("name", "")]).await.unwrap(), []);
    let user = fixture.user("ada").await;
    assert!(user.email_verified && user.attributes.is_empty());
    // Numbers aren't proven here.
    assert_eq!(fixture.update(&token, &[("phone_number", "+12345678900")]).await.unwrap(), []);
    fixture.keyward.delete_own_attributes(&fixture.origin, &token, texts(&["email"])).await.unwrap();
    let user = fixture.user("ada").await;
    assert_eq!((user.email, user.email_verified), (None, false));
}

async fn an_address_stays_until_the_new_one_is_proven(database: TestDatabase) {
    let fixture = fixture(&database, |settings| settings.verified_before_update = texts(&["email"])).await;
    fixture.joined("ada", &[("email", EMAIL)]).await;
    let token = fixture.token("ada").await.unwrap();
    fixture.clock.advance_ms(SECOND_MS);

    let sent = fixture.update(&token, &[("email", "new@example.org"), ("name", "Ada")]).await.unwrap();

    assert_eq!(sent, [by_email("n***@e***")]);
    let user = fixture.user("ada").await;
    assert_eq!((user.email.as_deref(), user.email_verified), (Some(EMAIL), true));
    assert_eq!(user.attributes["name"], "Ada");
    // Another code goes to the new address as well.
    fixture.clock.advance_ms(SECOND_MS);
    let again = fixture.keyward.send_attribute_code(&fixture.origin, &token, "email").await.unwrap();
    let (code, to) = fixture.sent().await;
    assert_eq!((again, to.as_str()), (by_email("n***@e***"), "new@example.org"));
    fixture.verify(&token, "email", &code).await.unwrap();
    let user = fixture.user("ada").await;
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("new@example.org"), true));
    // From now on, there is nothing that waits.
    fixture.clock.advance_ms(SECOND_MS);
    fixture.keyward.send_attribute_code(&fixture.origin, &token, "email").await.unwrap();
    assert_eq!(fixture.sent().await.1, "new@example.org");
    // A first address is one that waits, too.
    fixture.update(&token, &[("email", "")]).await.unwrap();
    fixture.clock.advance_ms(SECOND_MS);
    fixture.update(&token, &[("email", EMAIL)]).await.unwrap();
    assert_eq!(fixture.user("ada").await.email, None);
    fixture.verify(&token, "email", &fixture.sent().await.0).await.unwrap();
    assert_eq!(fixture.user("ada").await.email.as_deref(), Some(EMAIL));
}

async fn what_was_changed_meanwhile_is_left(database: TestDatabase) {
    let fixture = fixture(&database, |settings| settings.verified_before_update = texts(&["email"])).await;
    let ada = fixture.joined("ada", &[("email", EMAIL)]).await;
    let token = fixture.token("ada").await.unwrap();
    fixture.clock.advance_ms(SECOND_MS);
    fixture.update(&token, &[("email", "new@example.org")]).await.unwrap();
    let (code, _) = fixture.sent().await;
    let pool = fixture.keyward.user_pool(&fixture.pool_id).await.unwrap();
    let update = UserUpdate { email: Some("admin@example.com".into()), ..UserUpdate::default() };
    fixture.keyward.update_user_in(&*pool, &Caller::operator(), &ada.id, update).await.unwrap();

    assert_eq!(refusal(fixture.verify(&token, "email", &code).await), Code::CodeExpired);

    assert_eq!(fixture.user("ada").await.email.as_deref(), Some("admin@example.com"));
    fixture.clock.advance_ms(SECOND_MS);
    fixture.keyward.send_attribute_code(&fixture.origin, &token, "email").await.unwrap();
    assert_eq!(fixture.sent().await.1, "admin@example.com");
}

async fn attributes_that_are_not_the_users_to_change_stay(database: TestDatabase) {
    let mut fixture = fixture(&database, |settings| {
        settings.schema = vec![
            SchemaAttribute { required: true, mutable: true, ..immutable("email") },
            immutable("custom:lab"),
        ];
    })
    .await;
    fixture.joined("ada", &[("email", EMAIL), ("custom:lab", "7")]).await;
    let token = fixture.token("ada").await.unwrap();
    let before = fixture.user("ada").await;

    for (change, code) in [
        (("custom:lab", "8"), Code::InvalidInput("attributes".into())),
        (("custom:lab", ""), Code::InvalidInput("attributes".into())),
        (("custom:other", "8"), Code::InvalidInput("attributes".into())),
        (("email", ""), Code::InvalidInput("attributes".into())),
        (("sub", "x"), Code::InvalidInput("attributes".into())),
        (("email_verified", "true"), Code::Unauthenticated),
        (("email_verified", ""), Code::Unauthenticated),
    ] {
        assert_eq!(refusal(fixture.update(&token, &[("name", "Ada"), change]).await), code, "{change:?}");
        let names = texts(&["name", change.0]);
        let deleted = fixture.keyward.delete_own_attributes(&fixture.origin, &token, names).await;
        assert_eq!(refusal(deleted), code, "{change:?}");
    }
    fixture.client = fixture.client_with(|client| client.write_attributes = Some(texts(&["email"]))).await;
    let token = fixture.token("ada").await.unwrap();
    assert_eq!(refusal(fixture.update(&token, &[("name", "Ada")]).await), Code::Unauthenticated);
    assert_eq!(fixture.user("ada").await, before);
}

async fn an_address_that_is_a_name_is_one_users_alone(database: TestDatabase) {
    let fixture = fixture(&database, |settings| {
        settings.identifiers.username_attributes = texts(&["email"]);
    })
    .await;
    fixture.joined(EMAIL, &[]).await;
    fixture.clock.advance_ms(SECOND_MS);
    fixture.joined("eve@example.com", &[]).await;
    let token = fixture.token("eve@example.com").await.unwrap();

    let exists = "An account with the given email already exists.";
    let changed = fixture.update(&token, &[("email", EMAIL)]).await;
    assert_said(changed, Code::AlreadyExists(Thing::Alias), exists);
    let gone = fixture.update(&token, &[("email", "")]).await;
    let kept = "email can't be deleted, for it is the user's name.";
    assert_said(gone, Code::InvalidInput("attributes".into()), kept);
    fixture.token("eve@example.com").await.unwrap();
}

async fn in_the_home_pool_an_address_of_another_proves_nothing(database: TestDatabase) {
    let mut fixture = fixture(&database, |_| {}).await;
    fixture.client = client_id(&fixture.keyward).await;
    let (keyward, operator) = (&fixture.keyward, Caller::operator());
    for name in ["root@example.com", "eve@example.com"] {
        let user = crate::support::account(keyward, name, &[]).await;
        let pool = keyward.local_pool();
        keyward.set_password_in(&**pool, &operator, &user.id, &PASSWORD.into(), false).await.unwrap();
    }
    let token = fixture.token("eve@example.com").await.unwrap();

    fixture.update(&token, &[("email", "root@example.com")]).await.unwrap();

    let eve = keyward.user(&operator, "eve@example.com").await.unwrap();
    assert_eq!((eve.email.as_deref(), eve.email_verified), (Some("root@example.com"), false));
    let root = keyward.user(&operator, "root@example.com").await.unwrap();
    assert_ne!(root.id, eve.id);
    // What is sent to that address is read by its owner; nothing of it opens the other's account.
    keyward.send_attribute_code(&fixture.origin, &token, "email").await.unwrap();
    let (code, to) = fixture.sent().await;
    assert_eq!(to, "root@example.com");
    let asked = SelfService { username: "root@example.com", ..fixture.asked("") };
    let taken_over =
        keyward.set_forgotten_password(asked, &code.as_str().into(), &"New-Pass-1!".into()).await;
    assert_eq!(refusal(taken_over), Code::CodeMismatch);
}
