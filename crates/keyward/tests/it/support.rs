//! What the tests stand on: a real Keyward on a real database file, behind the real router.
//!
//! ```ignore
//! let app = App::new().await;
//! let admin = app.admin();
//! admin.post("/api/v1/roles", json!({ "name": "readers", "description": "Read" })).await.expect(201);
//! let reader = app.holder(&["view:users"]).await;
//! assert_eq!(reader.get("/api/v1/users").await.expect(200)["items"][0]["username"], ADMIN);
//! ```
#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, Index};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request as HttpRequest, StatusCode};
use keyward::app;
use keyward::config::Config;
use keyward_core::api_key::NewApiKey;
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::mfa_preference::MfaChange;
use keyward_core::local_pool::sign_in::{Answer as To, Question, SignIn, SignInRequest, Tokens};
use keyward_core::master_key::MasterKey;
use keyward_core::provisioning::{ADMINS, FirstAdmin};
use keyward_core::random::Random;
use keyward_core::role::NewRole;
use keyward_core::secret::Secret;
use keyward_core::user::NewUser;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::evidence;

/// The first admin, who can sign in.
pub(crate) const ADMIN: &str = "admin@example.com";
/// Their password, which is permanent.
pub(crate) const ADMIN_PASSWORD: &str = "Correct-horse-1";
/// The program user with the role ADMINS whose key [`App::admin`] shows.
pub(crate) const ADMIN_BOT: &str = "admin-bot@example.com";
/// The password of everybody whom [`App::person`] makes.
pub(crate) const PASSWORD: &str = "Battery-staple-2";
/// What the clock of each app stands at first: 2027-01-15T12:00:00Z.
pub(crate) const NOW_MS: i64 = 1_800_014_400_000;
/// Where requests come from unless the test says otherwise (TEST-NET-1, RFC 5737).
pub(crate) const CLIENT_ADDRESS: &str = "192.0.2.10";

/// RawScribe's file of settings, where there is one beside the database.
pub(crate) const RAWSCRIBE_FILE: &str = "rawscribe.json";

/// A Keyward with its router, in a folder of its own. The clock stands still and randomness is seeded: the
/// same test gets the same ids.
pub(crate) struct App {
    pub(crate) keyward: Arc<Keyward>,
    pub(crate) router: Router,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) folder: TempDir,
    /// The home pool's first app client.
    pub(crate) client_id: String,
    admin: Client,
    count: AtomicU64,
    upkeep: JoinHandle<()>,
}

/// The database that [`App::new`] begins with, made once for all tests: the pool with its signing keys, the
/// default roles, the first admin, and a key for [`App::admin`].
struct Template {
    /// The database's file, and the log beside it where the last connection to close left one.
    files: Vec<(&'static str, Vec<u8>)>,
    admin: (String, String, String),
}

static TEMPLATE: OnceCell<Template> = OnceCell::const_new();

impl App {
    /// With the default roles, the first admin ([`ADMIN`], [`ADMIN_PASSWORD`]), and [`App::admin`].
    pub(crate) async fn new() -> Self {
        Self::with_settings(&[]).await
    }

    /// The same with these settings (`("KEYWARD_TRUSTED_PROXIES", "192.0.2.0/24")`).
    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        let template = TEMPLATE.get_or_init(Template::make).await;
        let folder = evidence::folder();
        for (name, bytes) in &template.files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut app = Self::open(folder, settings, 2, NOW_MS).await;
        // The template's own key has the first number.
        app.count = AtomicU64::new(1);
        let (user_id, key_id, secret) = template.admin.clone();
        app.admin = Client { user_id, username: ADMIN_BOT.to_owned(), key_id, ..app.client(&secret) };
        app
    }

    /// As it is before the first start: a pool and nobody in it.
    pub(crate) async fn bare() -> Self {
        Self::open(evidence::folder(), &[], 1, NOW_MS).await
    }

    /// Before the first start, with this file of RawScribe's settings beside the database.
    pub(crate) async fn with_rawscribe_file(file: &str, settings: &[(&str, &str)]) -> Self {
        let folder = evidence::folder();
        std::fs::write(folder.path().join(RAWSCRIBE_FILE), file).unwrap();
        let path = folder.path().join(RAWSCRIBE_FILE).to_str().unwrap().to_owned();
        let settings = [&[("KEYWARD_RAWSCRIBE_CONFIG", path.as_str())], settings].concat();
        Self::open(folder, &settings, 3, NOW_MS).await
    }

    async fn open(folder: TempDir, settings: &[(&str, &str)], seed: u64, now_ms: i64) -> Self {
        keep_the_log();
        let data_dir = folder.path().to_str().unwrap().to_owned();
        let cheap = [
            ("KEYWARD_DATA_DIR", data_dir.as_str()),
            ("KEYWARD_ENV", "test"),
            ("KEYWARD_HASHING_MEMORY_KIB", "64"),
            ("KEYWARD_HASHING_ITERATIONS", "1"),
        ];
        let variables: BTreeMap<String, String> = cheap
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::from_variables(&variables).unwrap();
        let clock = Clock::fixed(now_ms);
        let keyward = app::open_at(&config, clock.clone(), Random::seeded(seed), MasterKey::new(&[7; 32]))
            .await
            .unwrap();
        let router = app::router(&keyward, &config);
        // As `keyward serve` does, so that what is kept in memory is used here too.
        let upkeep = tokio::spawn({
            let keyward = Arc::clone(&keyward);
            async move { keyward.run().await }
        });
        let admin = Client::new(&router, None);
        let client_id = keyward.local_pool().first_client().await.unwrap().unwrap().id;
        Self { keyward, router, clock, config, folder, client_id, admin, count: AtomicU64::new(0), upkeep }
    }

    /// A program with the role ADMINS: an API key of [`ADMIN_BOT`].
    pub(crate) fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// Somebody without a credential.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(&self.router, None)
    }

    /// Somebody who shows this in `Authorization`.
    pub(crate) fn client(&self, authorization: &str) -> Client {
        Client::new(&self.router, Some(authorization))
    }

    /// A program user whose one role has these permissions, by an API key of theirs.
    pub(crate) async fn holder(&self, permissions: &[&str]) -> Client {
        let role = format!("holders-{}", self.count.fetch_add(1, Ordering::Relaxed));
        self.create_role(&role, permissions).await;
        self.holder_of(&role).await
    }

    /// A program user with this role, by an API key of theirs.
    pub(crate) async fn holder_of(&self, role: &str) -> Client {
        let username = format!("holder-{}@example.com", self.count.fetch_add(1, Ordering::Relaxed));
        self.give_roles(&username, &[role]).await;
        self.key_of(&username).await
    }

    /// Gives roles to a user; a name that nobody has becomes a program user.
    pub(crate) async fn give_roles(&self, user: &str, roles: &[&str]) {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        self.keyward.assign_roles(&Caller::operator(), user, &roles).await.unwrap();
    }

    /// Makes a role.
    pub(crate) async fn create_role(&self, name: &str, permissions: &[&str]) {
        self.create_role_with(name, permissions, false).await;
    }

    /// Makes a role that sleeps without MFA.
    pub(crate) async fn create_mfa_role(&self, name: &str, permissions: &[&str]) {
        self.create_role_with(name, permissions, true).await;
    }

    async fn create_role_with(&self, name: &str, permissions: &[&str], mfa_required: bool) {
        let role = NewRole {
            name: name.to_owned(),
            description: "Made by a test".to_owned(),
            permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
            mfa_required,
            ..NewRole::default()
        };
        self.keyward.create_role(&Caller::operator(), role).await.unwrap();
    }

    /// A new API key of this user, who has a role.
    pub(crate) async fn key_of(&self, user: &str) -> Client {
        let name = format!("key {}", self.count.fetch_add(1, Ordering::Relaxed));
        let new = NewApiKey { name, user: user.to_owned(), ..NewApiKey::default() };
        let issued = self.keyward.create_api_key(&Caller::operator(), new).await.unwrap();
        let (user_id, username) = (issued.key.user_id, issued.key.username);
        Client { user_id, username, key_id: issued.key.id, ..self.client(issued.secret.expose()) }
    }

    /// A person with these roles, signed in with [`PASSWORD`].
    pub(crate) async fn person(&self, roles: &[&str]) -> Client {
        let username = format!("person-{}@example.com", self.count.fetch_add(1, Ordering::Relaxed));
        let new = NewUser {
            username: username.clone(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            temporary_password: Some(Secret::from("Temporary-3")),
            ..NewUser::default()
        };
        let made = self.keyward.create_user(&Caller::operator(), new).await.unwrap();
        let tokens = self.sign_in(&username, "Temporary-3", &[PASSWORD]).await;
        let client = self.client(&format!("Bearer {}", tokens.access_token.expose()));
        Client { user_id: made.user.id, username, ..client }
    }

    /// The same, signed in with a second factor.
    pub(crate) async fn person_with_mfa(&self, roles: &[&str]) -> Client {
        let person = self.person(roles).await;
        let (keyward, origin) = (&self.keyward, Origin::default());
        let token = Secret::from(person.secret().trim_start_matches("Bearer "));
        let secret = keyward.associate_software_token(&origin, &token).await.unwrap();
        let code = || Secret::from(one_time_code(secret.expose(), self.clock.now_seconds()));
        keyward.verify_software_token(&origin, &token, &code()).await.unwrap();
        keyward.set_mfa_preference(&origin, &token, &MfaChange::software_token(true)).await.unwrap();
        // A code is good once.
        self.advance(Duration::from_secs(30));
        let tokens = self.sign_in(&person.username, PASSWORD, &[code().expose()]).await;
        Client { authorization: Some(format!("Bearer {}", tokens.access_token.expose())), ..person }
    }

    /// Signs in through the first app client; what is asked for on the way is answered with `answers`.
    pub(crate) async fn sign_in(&self, username: &str, password: &str, answers: &[&str]) -> Tokens {
        let origin = Origin::default();
        let (request, password) = (SignInRequest::new(&origin, &self.client_id), Secret::from(password));
        let mut signing = self.keyward.sign_in_with_password(request, username, &password).await.unwrap();
        for answer in answers {
            let SignIn::Challenge(challenge) = &signing else { panic!("nothing was asked for") };
            let to = To { request, session: &challenge.session, username: None };
            let answer = Secret::from(*answer);
            signing = match challenge.question {
                Question::NewPassword => self.keyward.choose_password(to, &answer).await.unwrap(),
                Question::SoftwareToken => self.keyward.show_code(to, &answer).await.unwrap(),
                other => panic!("{other:?}"),
            };
        }
        let SignIn::Done(tokens) = signing else { panic!("more was asked for") };
        tokens
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance_ms(i64::try_from(time.as_millis()).unwrap());
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl Template {
    async fn make() -> Self {
        // A minute before, so that what a test does comes after it.
        let app = App::open(evidence::folder(), &[], 1, NOW_MS - 60_000).await;
        let first = FirstAdmin { email: ADMIN.to_owned(), password: Some(Secret::from(ADMIN_PASSWORD)) };
        app.keyward.bootstrap(first).await.unwrap();
        app.give_roles(ADMIN_BOT, &[ADMINS]).await;
        let admin = app.key_of(ADMIN_BOT).await;
        app.upkeep.abort();
        app.keyward.close().await;
        // The log first: what moves from it into the database meanwhile is then in both, not in neither.
        let files = ["keyward.db-wal", "keyward.db"]
            .into_iter()
            .filter_map(|name| Some((name, std::fs::read(app.folder.path().join(name)).ok()?)))
            .collect();
        Self { files, admin: (admin.user_id.clone(), admin.key_id.clone(), admin.secret().to_owned()) }
    }
}

/// What an authenticator application shows for `secret` (base32) at that time (RFC 6238, RFC 4226).
pub(crate) fn one_time_code(secret: &str, now_seconds: i64) -> String {
    let digits = secret.bytes().map(|character| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == character).unwrap()
    });
    let bits: Vec<String> = digits.map(|digit| format!("{digit:05b}")).collect();
    let bits = bits.concat();
    let bytes = bits.as_bytes().chunks_exact(8).map(|byte| std::str::from_utf8(byte).unwrap());
    let key: Vec<u8> = bytes.map(|byte| u8::from_str_radix(byte, 2).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(now_seconds / 30).to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[19] & 15);
    let number = u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) & 0x7FFF_FFFF;
    format!("{:06}", number % 1_000_000)
}

/// Writes everything that is logged in this process, where the run is to be searched for secrets.
fn keep_the_log() {
    static KEPT: std::sync::Once = std::sync::Once::new();
    KEPT.call_once(|| {
        if let Some(file) = evidence::log() {
            let everything = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_writer(std::sync::Mutex::new(file));
            // A test of the log itself may have come first, with its own.
            let _ = everything.try_init();
        }
    });
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    authorization: Option<String>,
    /// Whom the credential acts as; empty where the test gave it.
    pub(crate) user_id: String,
    pub(crate) username: String,
    /// The id of the API key that is shown; empty where the test gave it.
    pub(crate) key_id: String,
}

impl Client {
    pub(crate) fn new(router: &Router, authorization: Option<&str>) -> Self {
        Self {
            router: router.clone(),
            authorization: authorization.map(str::to_owned),
            user_id: String::new(),
            username: String::new(),
            key_id: String::new(),
        }
    }

    /// What is shown in `Authorization`.
    pub(crate) fn secret(&self) -> &str {
        self.authorization.as_deref().unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Value>) -> Request {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: impl Into<Value>) -> Request {
        self.request(Method::PUT, path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, body: impl Into<Value>) -> Request {
        self.request(Method::PATCH, path).json(body)
    }

    /// A request without a body, to be sent by awaiting it.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let mut request = HttpRequest::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let address = SocketAddr::new(CLIENT_ADDRESS.parse().unwrap(), 40000);
        request.extensions_mut().insert(ConnectInfo(address));
        let request = Request { router: self.router.clone(), request };
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION.as_str(), authorization),
            None => request,
        }
    }
}

/// A request that is sent when it is awaited.
#[must_use]
pub(crate) struct Request {
    router: Router,
    request: HttpRequest<Body>,
}

impl Request {
    /// One more header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: axum::http::HeaderName = name.parse().unwrap();
        self.request.headers_mut().append(name, value.parse().unwrap());
        self
    }

    /// A JSON body.
    pub(crate) fn json(self, body: impl Into<Value>) -> Self {
        let body = body.into();
        evidence::secrets_in(&body);
        self.body(body.to_string()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// Any body.
    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Sent from this address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 40000)));
        self
    }
}

impl IntoFuture for Request {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let what = format!("{} {}", self.request.method(), self.request.uri());
            let response = self.router.oneshot(self.request).await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            let json = serde_json::from_str(&text).unwrap_or_default();
            evidence::secrets_in(&json);
            Answer { what, status, headers, text, json }
        })
    }
}

/// What came back. `answer["items"]` reads the JSON body; what isn't there is null.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body, null when it isn't JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// The same, once the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} answered {}", self.what, self.text);
        self
    }

    /// The header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of a member of the body.
    #[track_caller]
    pub(crate) fn str(&self, member: &str) -> &str {
        let missing = || panic!("{} answered no text `{member}`: {}", self.what, self.text);
        self.json[member].as_str().unwrap_or_else(missing)
    }

    /// The items of a page, or what `path` picks of each of them.
    pub(crate) fn pick(&self, member: &str) -> Vec<String> {
        let items = self.json["items"].as_array().unwrap_or_else(|| panic!("no page: {}", self.text));
        items.iter().map(|item| item[member].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Deref for Answer {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.json
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.json[member]
    }
}

#[tokio::test]
async fn a_person_may_have_a_second_factor() {
    let app = App::new().await;

    for (person, mfa) in [(app.person(&[]).await, false), (app.person_with_mfa(&["ADMINS"]).await, true)] {
        let me = person.get("/api/v1/me").await.expect(200);
        assert_eq!(me["username"], person.username);
        assert_eq!(me["mfa"], mfa);
    }
}

#[tokio::test]
async fn two_apps_of_one_template_know_nothing_of_each_other() {
    let (one, other) = (App::new().await, App::new().await);

    one.create_role("readers", &["read:*"]).await;

    let operator = Caller::operator();
    assert!(one.keyward.role(&operator, "readers").await.is_ok());
    assert!(other.keyward.role(&operator, "readers").await.is_err());
    one.anonymous().get("/healthz").await.expect(200);
}
