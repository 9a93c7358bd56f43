//! Passkeys: registered and shown by a software authenticator, and by browsers that mean ill.

use keyward_core::app_client::{AppClientSettings, NewSecret};
use keyward_core::audit::Outcome;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, PasskeyFault, Result, Thing};
use keyward_core::local_pool::choice::{ChoiceInput, Chosen, FirstChoice};
use keyward_core::local_pool::sign_in::{Challenge, Question, SignIn, Tokens};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{FirstFactor, MfaMode, PoolFactors, UserPoolSettings, WebAuthn};
use serde_json::{Value, json};
use webauthn_authenticator_rs::AuthenticatorBackend as _;
use webauthn_authenticator_rs::prelude::{
    CreationChallengeResponse, RequestChallengeResponse, Url, WebauthnAuthenticator as _,
};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

use crate::sign_in::{
    ANN, INVALID_SESSION, LOCKED, MINUTE_MS, USED_SESSION, World, asked, claims, done, said,
};
use crate::support::{TestDatabase, code, on_both};

on_both! {
    who_has_registered_a_passkey_signs_in_with_it,
    a_registration_is_good_once_for_its_client_and_its_time,
    what_no_honest_browser_makes_is_refused,
    a_pool_without_passkeys_says_so,
    a_user_has_twenty_passkeys_at_most,
    a_passkey_is_one_users_and_goes_with_them,
    an_assertion_counts_once_for_its_own_challenge_and_user,
    guesses_with_passkeys_lock_with_those_at_the_password,
    where_the_client_hides_who_exists_everybody_is_asked_for_the_same,
    where_it_does_not_passkeys_are_offered_to_those_who_have_some,
    a_copied_passkey_is_refused,
    a_passkey_counts_as_two_factors_where_the_pool_says_so,
    whoever_only_knows_the_password_adds_no_passkey_beside_a_second_factor,
    a_lost_passkey_is_taken_away_by_an_administrator_and_at_the_machine,
}

const DOMAIN: &str = "example.com";
const PAGE: &str = "https://app.example.com:8443";
/// As long as [`ANN`]: a session has the name in it.
const NOBODY: &str = "bob@x.co";
const WRONG: &str = "Invalid passkey or auth state for the user.";
const SECOND_FIRST: &str = "Sign in with your second factor before you change this.";

/// A browser with its device, which does what it is asked, on this page.
struct Browser {
    device: SoftPasskey,
    page: Url,
    /// The ids of what it has made. The software authenticator finds nothing by itself.
    made: Vec<Value>,
}

impl Browser {
    fn new() -> Self {
        Self { device: SoftPasskey::new(true), page: PAGE.parse().unwrap(), made: Vec::new() }
    }

    /// `navigator.credentials.create()`.
    fn create(&mut self, options: &Value) -> Value {
        let mut options = options.clone();
        options["authenticatorSelection"]["requireResidentKey"] = json!(false);
        let options: CreationChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).unwrap();
        let made = self.device.do_registration(self.page.clone(), options).unwrap();
        let made = serde_json::to_value(made).unwrap();
        self.made.push(made["id"].clone());
        made
    }

    /// The same without any of a browser's checks.
    fn create_unchecked(&mut self, page: &str, options: &Value) -> Value {
        let mut options = options.clone();
        options["authenticatorSelection"]["requireResidentKey"] = json!(false);
        let options: CreationChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).unwrap();
        let page = page.parse().unwrap();
        let made = self.device.perform_register(page, options.public_key, 60_000).unwrap();
        serde_json::to_value(made).unwrap()
    }

    /// `navigator.credentials.get()`, as JSON in a text.
    fn get(&mut self, options: &Value) -> Secret {
        let mut options = options.clone();
        let known = self.made.iter().map(|id| json!({ "type": "public-key", "id": id }));
        options["allowCredentials"] = known.collect();
        let options: RequestChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).unwrap();
        let shown = self.device.do_authentication(self.page.clone(), options).unwrap();
        serde_json::to_string(&shown).unwrap().as_str().into()
    }
}

impl World {
    /// With a confirmed user, in a pool that lets passkeys in.
    async fn with_passkeys(database: &TestDatabase) -> Self {
        Self::with_user(database).await.letting_passkeys_in().await
    }

    async fn letting_passkeys_in(self) -> Self {
        self.set_web_authn(false).await;
        let pool = self.keyward.local_pool();
        let settings = UserPoolSettings {
            first_factors: vec![FirstFactor::Password, FirstFactor::WebAuthn],
            ..pool.settings().await.unwrap()
        };
        self.keyward.update_user_pool(&Caller::operator(), pool.id(), None, settings).await.unwrap();
        let flows = |settings: &mut AppClientSettings| {
            let flows = ["USER", "USER_PASSWORD", "REFRESH_TOKEN"];
            settings.flows = flows.map(|flow| format!("ALLOW_{flow}_AUTH")).to_vec();
        };
        self.through(NewSecret::None, flows).await.0
    }

    async fn set_web_authn(&self, is_multi_factor: bool) {
        let web_authn = WebAuthn {
            relying_party_id: Some(DOMAIN.into()),
            requires_user_verification: is_multi_factor,
            is_multi_factor,
        };
        let factors = PoolFactors { web_authn: Some(web_authn), ..PoolFactors::default() };
        let id = self.keyward.local_pool().id();
        self.keyward.set_pool_factors(&Caller::operator(), id, factors).await.unwrap();
    }

    async fn start(&self, tokens: &Tokens) -> Result<Value> {
        self.keyward.start_passkey(&self.origin, &tokens.access_token).await
    }

    async fn complete(&self, tokens: &Tokens, credential: Value) -> Result<()> {
        self.keyward.finish_passkey(&self.origin, &tokens.access_token, credential).await
    }

    async fn register(&self, tokens: &Tokens, browser: &mut Browser) {
        let options = self.start(tokens).await.unwrap();
        self.complete(tokens, browser.create(&options)).await.unwrap();
    }

    async fn begin_passkey(&self, name: &str) -> Result<Challenge> {
        let (preferred, input) = (Some(FirstChoice::WebAuthn), ChoiceInput::default());
        match self.keyward.begin_choice(self.request(), name, preferred, input).await? {
            Chosen::SignIn(SignIn::Challenge(challenge)) => Ok(challenge),
            other => panic!("{other:?}"),
        }
    }

    async fn show(&self, challenge: &Challenge, credential: &Secret) -> Result<SignIn> {
        self.keyward.show_passkey(self.answer(challenge), credential).await
    }

    async fn sign_in_with(&self, browser: &mut Browser) -> Result<SignIn> {
        let challenge = self.begin_passkey(ANN).await?;
        let credential = browser.get(challenge.passkey_options.as_ref().unwrap());
        self.show(&challenge, &credential).await
    }

    async fn names(&self, tokens: &Tokens) -> Vec<String> {
        let page = self.keyward.own_passkeys(&tokens.access_token, &Cursor::default()).await.unwrap();
        page.items.into_iter().map(|passkey| passkey.name).collect()
    }
}

fn fault<T: std::fmt::Debug>(outcome: Result<T>) -> PasskeyFault {
    match outcome.unwrap_err().code {
        Code::Passkey(fault) => fault,
        other => panic!("{other:?}"),
    }
}

async fn who_has_registered_a_passkey_signs_in_with_it(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());

    let options = world.start(&tokens).await.unwrap();
    let mut made = browser.create(&options);
    made["authenticatorAttachment"] = json!("platform");
    made["response"]["transports"] = json!(["internal", "hybrid"]);
    world.complete(&tokens, made.clone()).await.unwrap();

    assert_eq!(options["rp"]["id"], DOMAIN);
    assert_eq!(options["user"]["name"], ANN);
    assert_eq!(options["authenticatorSelection"]["requireResidentKey"], true);
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    let page = world.keyward.own_passkeys(&tokens.access_token, &Cursor::default()).await.unwrap();
    let [passkey] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((passkey.name.as_str(), passkey.relying_party_id.as_str()), ("Passkey 1", DOMAIN));
    assert_eq!(
        (passkey.attachment.as_deref(), passkey.id.as_str()),
        (Some("platform"), made["id"].as_str().unwrap())
    );
    assert_eq!(passkey.transports, ["internal", "hybrid"]);
    let challenge = world.begin_passkey(ANN).await.unwrap();
    assert_eq!(challenge.question, Question::WebAuthn);
    assert!(challenge.session.expose().len() <= 4096);
    for _ in 0..2 {
        let tokens = done(world.sign_in_with(&mut browser).await);
        assert_eq!(claims(&tokens.access_token)["amr"], json!(["pop"]));
    }
    world.event(Outcome::Done, "method", "web_authn").await;
    // A browser knows by this list what needn't be registered again.
    let options = world.start(&tokens).await.unwrap();
    assert_eq!(options["excludeCredentials"][0]["id"], made["id"]);
}

async fn a_registration_is_good_once_for_its_client_and_its_time(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());

    let first = world.start(&tokens).await.unwrap();
    let second = world.start(&tokens).await.unwrap();
    let of_first = browser.create(&first);
    let of_second = browser.create(&second);
    // The later one counts; whatever answers it uses it up.
    assert_eq!(fault(world.complete(&tokens, of_first).await), PasskeyFault::ChallengeNotFound);
    assert_eq!(fault(world.complete(&tokens, of_second).await), PasskeyFault::ChallengeNotFound);

    let options = world.start(&tokens).await.unwrap();
    let late = browser.create(&options);
    world.pass(5 * MINUTE_MS);
    assert_eq!(fault(world.complete(&tokens, late).await), PasskeyFault::ChallengeNotFound);

    let options = world.start(&tokens).await.unwrap();
    let made = browser.create(&options);
    let other = world.through(NewSecret::None, |_| {}).await.0;
    let others = other.tokens().await;
    assert_eq!(fault(world.complete(&others, made).await), PasskeyFault::ClientMismatch);

    let options = world.start(&tokens).await.unwrap();
    let made = browser.create(&options);
    world.complete(&tokens, made.clone()).await.unwrap();
    assert_eq!(fault(world.complete(&tokens, made).await), PasskeyFault::ChallengeNotFound);
    assert_eq!(world.names(&tokens).await, ["Passkey 1"]);
}

async fn what_no_honest_browser_makes_is_refused(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());

    for page in ["https://evil.example", "https://notexample.com", "http://app.example.com"] {
        let options = world.start(&tokens).await.unwrap();
        let made = browser.create_unchecked(page, &options);
        assert_eq!(fault(world.complete(&tokens, made).await), PasskeyFault::OriginNotAllowed, "{page}");
    }
    let mut options = world.start(&tokens).await.unwrap();
    options["rp"]["id"] = json!("app.example.com");
    let made = browser.create_unchecked(PAGE, &options);
    assert_eq!(fault(world.complete(&tokens, made).await), PasskeyFault::RelyingPartyMismatch);
    let mut options = world.start(&tokens).await.unwrap();
    options["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let made = browser.create_unchecked(PAGE, &options);
    assert_eq!(fault(world.complete(&tokens, made).await), PasskeyFault::ChallengeNotFound);
    // Nobody was asked who they are.
    let mut options = world.start(&tokens).await.unwrap();
    options["authenticatorSelection"]["userVerification"] = json!("discouraged");
    let made = browser.create_unchecked(PAGE, &options);
    assert_eq!(fault(world.complete(&tokens, made).await), PasskeyFault::NotSupported);
    let options = world.start(&tokens).await.unwrap();
    for nothing in [json!({}), json!("x"), json!({ "id": "x", "rawId": "?", "type": "public-key" })] {
        let refused = code(world.complete(&tokens, nothing).await);
        assert_eq!(refused, Code::InvalidInput("credential".into()));
    }
    // What can't be read has used nothing up.
    world.complete(&tokens, browser.create(&options)).await.unwrap();
}

async fn a_pool_without_passkeys_says_so(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let tokens = world.tokens().await;
    assert_eq!(fault(world.start(&tokens).await), PasskeyFault::NotEnabled);
    assert_eq!(fault(world.complete(&tokens, json!({})).await), PasskeyFault::NotEnabled);

    let world = world.letting_passkeys_in().await;
    let id = world.keyward.local_pool().id();
    let none = PoolFactors { web_authn: Some(WebAuthn::default()), ..PoolFactors::default() };
    world.keyward.set_pool_factors(&Caller::operator(), id, none).await.unwrap();

    assert_eq!(fault(world.start(&tokens).await), PasskeyFault::ConfigurationMissing);
    let challenge = world.begin_passkey(ANN).await.unwrap();
    assert_eq!(challenge.question, Question::SelectFirst);
    assert!(!challenge.choices.contains(&FirstChoice::WebAuthn));
}

async fn a_user_has_twenty_passkeys_at_most(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    for _ in 0..20 {
        world.register(&tokens, &mut browser).await;
    }

    assert_eq!(code(world.start(&tokens).await), Code::Conflict);
    let mut names = Vec::new();
    let mut cursor = Cursor::new(Some(7), None).unwrap();
    loop {
        let page = world.keyward.own_passkeys(&tokens.access_token, &cursor).await.unwrap();
        names.extend(page.items.into_iter().map(|passkey| passkey.name));
        let Some(next) = page.next else { break };
        cursor = Cursor::new(Some(7), Some(&next)).unwrap();
    }
    names.sort_by_key(|name| name[8..].parse::<u8>().unwrap());
    assert_eq!(names, (1..=20).map(|number| format!("Passkey {number}")).collect::<Vec<_>>());
    let id = browser.made[4].as_str().unwrap();
    world.keyward.delete_passkey(&world.origin, &tokens.access_token, id).await.unwrap();
    world.start(&tokens).await.unwrap();
}

async fn a_passkey_is_one_users_and_goes_with_them(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut browser).await;
    let id = browser.made[0].as_str().unwrap().to_owned();
    let delete = async |id: &str| world.keyward.delete_passkey(&world.origin, &tokens.access_token, id).await;

    assert_eq!(code(delete("x").await), Code::NotFound(Thing::Passkey));
    let challenge = world.begin_passkey(ANN).await.unwrap();
    let credential = browser.get(challenge.passkey_options.as_ref().unwrap());
    delete(&id).await.unwrap();
    assert_eq!(said(world.show(&challenge, &credential).await), WRONG);
    assert_eq!(code(delete(&id).await), Code::NotFound(Thing::Passkey));

    world.register(&tokens, &mut browser).await;
    world.start(&tokens).await.unwrap();
    world.keyward.delete_user(&Caller::operator(), ANN, None).await.unwrap();
    for table in ["passkeys", "passkey_ceremonies"] {
        assert!(database.column(&format!("SELECT user_id FROM {table}")).await.is_empty(), "{table}");
    }
}

async fn an_assertion_counts_once_for_its_own_challenge_and_user(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut browser).await;

    let challenge = world.begin_passkey(ANN).await.unwrap();
    let credential = browser.get(challenge.passkey_options.as_ref().unwrap());
    let another = world.begin_passkey(ANN).await.unwrap();
    assert_eq!(said(world.show(&another, &credential).await), WRONG);
    // It was never shown for its own.
    done(world.show(&challenge, &credential).await);
    assert_eq!(said(world.show(&challenge, &credential).await), USED_SESSION);

    // Neither a name nor a passkey of one lets another in.
    let eve = world.begin_passkey("eve@example.com").await.unwrap();
    let credential = browser.get(eve.passkey_options.as_ref().unwrap());
    assert_eq!(said(world.show(&eve, &credential).await), WRONG);
    let challenge = world.begin_passkey(ANN).await.unwrap();
    let nothing = code(world.show(&challenge, &"{}".into()).await);
    assert_eq!(nothing, Code::InvalidInput("credential".into()));
    let refused =
        world.keyward.choose(world.answer(&challenge), FirstChoice::Password, ChoiceInput::default());
    assert_eq!(said(refused.await), INVALID_SESSION);
    // Who is disabled meanwhile is out.
    let credential = browser.get(challenge.passkey_options.as_ref().unwrap());
    world.update_user(UserUpdate { enabled: Some(false), ..UserUpdate::default() }).await;
    assert_eq!(said(world.show(&challenge, &credential).await), WRONG);
}

async fn guesses_with_passkeys_lock_with_those_at_the_password(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut browser).await;
    let mut stranger = Browser::new();
    stranger.create(&world.start(&tokens).await.unwrap());

    for _ in 0..3 {
        assert_eq!(said(world.sign_in_with(&mut stranger).await), WRONG);
    }
    for _ in 0..2 {
        world.sign_in("wrong").await.unwrap_err();
    }

    assert_eq!(said(world.begin_passkey(ANN).await), LOCKED);
    world.pass(MINUTE_MS);
    done(world.sign_in_with(&mut browser).await);
    world.event(Outcome::Failed, "reason", "wrong_passkey").await;
}

async fn where_the_client_hides_who_exists_everybody_is_asked_for_the_same(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let seen = async |name: &str| {
        let challenge = world.begin_passkey(name).await.unwrap();
        let mut options = challenge.passkey_options.unwrap();
        assert_eq!(options["allowCredentials"], json!([]));
        options["challenge"] = json!(options["challenge"].as_str().unwrap().len());
        (options, challenge.session.expose().len(), challenge.user_id.len())
    };
    let without = seen(ANN).await;
    let nobody = seen(NOBODY).await;
    let tokens = world.tokens().await;
    world.register(&tokens, &mut Browser::new()).await;

    assert_eq!(seen(ANN).await, without);
    assert_eq!(seen(NOBODY).await, nobody);
    assert_eq!(nobody, without);
}

async fn where_it_does_not_passkeys_are_offered_to_those_who_have_some(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let world = world.through(NewSecret::None, |settings| settings.hides_unknown_users = false).await.0;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());

    assert_eq!(world.begin_passkey(ANN).await.unwrap().question, Question::SelectFirst);
    world.register(&tokens, &mut browser).await;
    assert_eq!(world.begin_passkey(ANN).await.unwrap().question, Question::WebAuthn);
    let factors = world.keyward.own_factors(&tokens.access_token).await.unwrap();
    assert_eq!(factors.first, [FirstFactor::Password, FirstFactor::WebAuthn]);
    assert_eq!(code(world.begin_passkey("eve@example.com").await), Code::NotFound(Thing::User));
}

async fn a_copied_passkey_is_refused(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut browser).await;
    let early = world.begin_passkey(ANN).await.unwrap();
    let of_copy = browser.get(early.passkey_options.as_ref().unwrap());

    done(world.sign_in_with(&mut browser).await);

    // It has signed less often than the one that is known.
    assert_eq!(said(world.show(&early, &of_copy).await), WRONG);
    assert_eq!(database.column("SELECT CAST(counter AS TEXT) FROM passkeys").await, ["2"]);
    done(world.sign_in_with(&mut browser).await);
}

async fn a_passkey_counts_as_two_factors_where_the_pool_says_so(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let (tokens, mut browser) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut browser).await;

    world.set_web_authn(true).await;
    let with_mfa = done(world.sign_in_with(&mut browser).await);
    assert_eq!(claims(&with_mfa.access_token)["amr"], json!(["pop", "mfa", "user"]));
    // From here on the password alone adds no factor.
    assert_eq!(said(world.start(&tokens).await), SECOND_FIRST);
    let token = world.keyward.associate_software_token(&world.origin, &tokens.access_token).await;
    assert_eq!(said(token), SECOND_FIRST);
    // Nor does it take one away: it could else add another after that.
    let id = browser.made[0].as_str().unwrap();
    let deleted = world.keyward.delete_passkey(&world.origin, &tokens.access_token, id).await;
    assert_eq!(said(deleted), SECOND_FIRST);
    done(world.sign_in_with(&mut browser).await);
    world.register(&with_mfa, &mut browser).await;
    world.enrol(&with_mfa).await;
    done(world.sign_in_with(&mut browser).await);

    world.set_web_authn(false).await;
    assert_eq!(said(world.sign_in_with(&mut browser).await), WRONG);
    let pool = world.keyward.local_pool();
    let (mfa, software_token_mfa) = (Some(MfaMode::On), Some(true));
    let mfa = PoolFactors { mfa, software_token_mfa, ..PoolFactors::default() };
    let refused = world.keyward.set_pool_factors(&Caller::operator(), pool.id(), mfa).await;
    assert_eq!(code(refused), Code::InvalidInput("first_factors".into()));
}

async fn whoever_only_knows_the_password_adds_no_passkey_beside_a_second_factor(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    let tokens = world.tokens().await;
    let options = world.start(&tokens).await.unwrap();
    let token = world.enrol(&tokens).await;
    let made = Browser::new().create(&options);

    assert_eq!(said(world.start(&tokens).await), SECOND_FIRST);
    assert_eq!(said(world.complete(&tokens, made).await), SECOND_FIRST);

    let challenge = asked(world.sign_in(crate::sign_in::PASSWORD).await, Question::SoftwareToken);
    world.pass(30_000);
    let with_mfa = done(world.show_code(&challenge, &token.code(&world)).await);
    world.register(&with_mfa, &mut Browser::new()).await;
}

async fn a_lost_passkey_is_taken_away_by_an_administrator_and_at_the_machine(database: TestDatabase) {
    let world = World::with_passkeys(&database).await;
    world.set_web_authn(true).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());

    let mut lost = Browser::new();
    let tokens = world.tokens().await;
    world.register(&tokens, &mut lost).await;
    done(world.sign_in_with(&mut lost).await);
    keyward.reset_mfa(&operator, ANN, None).await.unwrap();

    assert_eq!(said(world.sign_in_with(&mut lost).await), WRONG);
    // What was signed in with it has ended, and another one can be registered.
    assert!(world.start(&tokens).await.is_err());
    let (tokens, mut found) = (world.tokens().await, Browser::new());
    world.register(&tokens, &mut found).await;
    let tokens = done(world.sign_in_with(&mut found).await);
    // What was begun before isn't finished after, either.
    world.start(&tokens).await.unwrap();
    keyward.recover_admin(Some(ANN), true).await.unwrap();
    for table in ["passkeys", "passkey_ceremonies"] {
        assert!(database.column(&format!("SELECT user_id FROM {table}")).await.is_empty(), "{table}");
    }
}
