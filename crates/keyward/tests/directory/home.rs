//! A Keyward whose users live here, in moto, or in another Keyward.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use keyward::app;
use keyward::config::Config;
use keyward_aws::{CognitoService, CognitoSettings, Credentials};
use keyward_core::access::Credential;
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Result};
use keyward_core::keyward::{Environment, Keyward, Settings};
use keyward_core::local_pool::password::{HashingCost, PasswordHasher};
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest};
use keyward_core::local_pool::{LocalPool, PoolSettings};
use keyward_core::master_key::MasterKey;
use keyward_core::provisioning::FirstAdmin;
use keyward_core::random::Random;
use keyward_core::remote_pool::{RemotePool, RemotePoolSettings, RemoteSignIn, UserPoolService};
use keyward_core::secret::Secret;
use keyward_core::store::Store;
use keyward_core::user::{NewUser, User};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::{evidence, moto};

/// The password of everybody whom [`Home::person`] makes.
pub(crate) const PASSWORD: &str = "Battery-staple-2";

/// The first admin of each home.
pub(crate) const FIRST: &str = "first@example.com";

/// Where the users live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In our own pool.
    Local,
    /// In a pool of moto's.
    Moto,
    /// In the home pool of another Keyward, over its Cognito protocol with signatures on.
    Keyward,
}

/// A Keyward with its home.
pub(crate) struct Home {
    pub(crate) place: Place,
    pub(crate) keyward: Arc<Keyward>,
    pub(crate) folder: TempDir,
    pub(crate) elsewhere: Option<Elsewhere>,
    upkeep: JoinHandle<()>,
}

/// The pool of a home that is kept elsewhere.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    pub(crate) settings: CognitoSettings,
    /// What reaches it past Keyward.
    pub(crate) service: Arc<CognitoService>,
    _served: Option<Arc<Served>>,
}

/// Another Keyward, which serves.
struct Served {
    _folder: TempDir,
    serving: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
        self.upkeep.abort();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl Home {
    pub(crate) async fn at(place: Place) -> Self {
        Self::with_bound(place, 60_000).await
    }

    /// With this bound of what is known of users, in milliseconds.
    pub(crate) async fn with_bound(place: Place, bound_ms: i64) -> Self {
        let elsewhere = match place {
            Place::Local => None,
            Place::Moto => Some(Elsewhere::in_moto().await),
            Place::Keyward => Some(Elsewhere::in_keyward().await),
        };
        Self::open(place, evidence::folder(), elsewhere, bound_ms).await
    }

    /// On this folder and over this pool.
    pub(crate) async fn open(
        place: Place,
        folder: TempDir,
        elsewhere: Option<Elsewhere>,
        bound_ms: i64,
    ) -> Self {
        let keyward = Arc::new(open(&folder, elsewhere.as_ref(), bound_ms).await);
        // As the server does, so that what is kept in memory is used here too.
        let upkeep = tokio::spawn({
            let keyward = Arc::clone(&keyward);
            async move { keyward.run().await }
        });
        let home = Self { place, keyward, folder, elsewhere, upkeep };
        if home.keyward.user(&operator(), FIRST).await.is_err() {
            let first = FirstAdmin { email: FIRST.into(), password: Some(PASSWORD.into()) };
            if home.keyward.bootstrap(first).await.unwrap().is_none() {
                // The other Keyward has an admin of its own.
                home.account(FIRST, &["ADMINS"]).await;
                home.set_password(FIRST, PASSWORD).await;
            }
        }
        home
    }

    pub(crate) fn elsewhere(&self) -> &Elsewhere {
        self.elsewhere.as_ref().unwrap()
    }

    /// What reaches the pool past Keyward.
    pub(crate) fn service(&self) -> &dyn UserPoolService {
        &*self.elsewhere().service
    }

    /// Makes an account with a temporary password.
    pub(crate) async fn account(&self, name: &str, roles: &[&str]) -> User {
        let new = new_user(name, roles);
        self.keyward.create_user(&operator(), new).await.unwrap().user
    }

    /// Makes an account with [`PASSWORD`], and gives the ID token of a sign-in.
    pub(crate) async fn person(&self, name: &str, roles: &[&str]) -> (User, String) {
        let user = self.account(name, roles).await;
        self.set_password(name, PASSWORD).await;
        let token = self.token(name, PASSWORD).await;
        (self.keyward.user(&operator(), &user.id).await.unwrap(), token)
    }

    pub(crate) async fn set_password(&self, name: &str, password: &str) {
        let (keyward, password) = (&self.keyward, Secret::from(password));
        keyward.set_password_in(keyward.home(), &operator(), name, &password, false).await.unwrap();
    }

    /// The ID token of a sign-in.
    pub(crate) async fn token(&self, name: &str, password: &str) -> String {
        match self.sign_in(name, password).await.unwrap() {
            Ok(token) => token,
            Err(challenge) => panic!("{challenge} is asked for"),
        }
    }

    /// The ID token of a sign-in, or what is asked for.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<Result<String, String>> {
        let password = Secret::from(password);
        if self.keyward.remote_pool().is_some() {
            return Ok(match self.keyward.sign_in_elsewhere(&Origin::default(), name, &password).await? {
                RemoteSignIn::Done(tokens) => Ok(tokens.id_token.expose().to_owned()),
                RemoteSignIn::Challenge(challenge) => Err(challenge),
            });
        }
        let client = self.keyward.local_pool().first_client().await?.unwrap().id;
        let origin = Origin::default();
        let request = SignInRequest::new(&origin, &client);
        Ok(match self.keyward.sign_in_with_password(request, name, &password).await? {
            SignIn::Done(tokens) => Ok(tokens.id_token.expose().to_owned()),
            SignIn::Challenge(_) => Err("NEW_PASSWORD_REQUIRED".to_owned()),
        })
    }

    /// Who is let in with this token.
    pub(crate) async fn let_in(&self, token: &str) -> Result<Caller> {
        let credential = Credential::parse(&format!("Bearer {token}")).unwrap();
        self.keyward.authenticate(&credential, Origin::default()).await
    }
}

impl Elsewhere {
    /// A new pool of moto's with a client.
    pub(crate) async fn in_moto() -> Self {
        let pool = json!({ "PoolName": "people", "MfaConfiguration": "OPTIONAL" });
        let pool = moto_call("CreateUserPool", pool).await;
        let pool_id = pool["UserPool"]["Id"].as_str().unwrap().to_owned();
        let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
        let client =
            json!({ "UserPoolId": pool_id, "ClientName": "application", "ExplicitAuthFlows": flows });
        let client = moto_call("CreateUserPoolClient", client).await;
        let settings = CognitoSettings {
            pool_id,
            client_id: client["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(moto::url().to_owned()),
            credentials: Some(Credentials {
                access_key_id: "AKIATEST".into(),
                secret_access_key: "secret".into(),
            }),
        };
        Self::reached_by(settings, None).await
    }

    /// The home pool of another Keyward, with an access key of an admin.
    pub(crate) async fn in_keyward() -> Self {
        let folder = evidence::folder();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = [
            ("KEYWARD_DATA_DIR", folder.path().to_str().unwrap()),
            ("KEYWARD_ENV", "test"),
            ("KEYWARD_HASHING_MEMORY_KIB", "64"),
            ("KEYWARD_HASHING_ITERATIONS", "1"),
            ("KEYWARD_PUBLIC_URL", &url),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_variables(&BTreeMap::from(settings)).unwrap();
        let keyward = app::open(&config, Random::System, master_key()).await.unwrap();
        let first = FirstAdmin { email: "root@example.org".into(), password: Some(PASSWORD.into()) };
        keyward.bootstrap(first).await.unwrap();
        keyward.assign_roles(&operator(), "root-bot", &texts(&["ADMINS"])).await.unwrap();
        let key = keyward.create_access_key(&operator(), "root-bot").await.unwrap();
        let settings = CognitoSettings {
            pool_id: keyward.local_pool().id().to_owned(),
            client_id: keyward.local_pool().first_client().await.unwrap().unwrap().id,
            region: keyward.local_pool().region().to_owned(),
            endpoint: Some(url),
            credentials: Some(Credentials { access_key_id: key.key.id, secret_access_key: key.secret }),
        };
        let router = app::router(&keyward, &config).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let upkeep = tokio::spawn(async move { keyward.run().await });
        Self::reached_by(settings, Some(Arc::new(Served { _folder: folder, serving, upkeep }))).await
    }

    async fn reached_by(settings: CognitoSettings, served: Option<Arc<Served>>) -> Self {
        let service = Arc::new(CognitoService::new(settings.clone()).await.unwrap());
        Self { settings, service, _served: served }
    }

    /// The same pool, reached at another place.
    pub(crate) fn through(&self, endpoint: &str) -> Self {
        let settings = CognitoSettings { endpoint: Some(endpoint.to_owned()), ..self.settings.clone() };
        Self { settings, ..self.clone() }
    }

    /// Calls the pool by the protocol, past Keyward and past AWS' library.
    pub(crate) async fn call(&self, operation: &str, mut input: Value) -> Value {
        input["UserPoolId"] = json!(self.settings.pool_id);
        moto_call(operation, input).await
    }
}

/// Calls moto as it is, without a signature.
async fn moto_call(operation: &str, input: Value) -> Value {
    let request = moto::http()
        .post(moto::url())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
        .header("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/cognito-idp/aws4_request");
    let answer = request.body(input.to_string()).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{operation}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A Keyward on the folder's database, whose users live in `elsewhere`, or here.
pub(crate) async fn open(folder: &TempDir, elsewhere: Option<&Elsewhere>, bound_ms: i64) -> Keyward {
    open_in(folder.path(), elsewhere, bound_ms).await
}

pub(crate) async fn open_in(folder: &Path, elsewhere: Option<&Elsewhere>, bound_ms: i64) -> Keyward {
    let file = folder.join("keyward.db");
    if !file.exists() {
        std::fs::write(&file, database().await).unwrap();
    }
    let store = Store::sqlite(&file).await.unwrap();
    let (random, clock) = (Random::System, Clock::System);
    let pool = Arc::new(open_pool(&store).await);
    // Where production can be secured, and test users made.
    let environment = Environment::Stage;
    let settings = Settings { environment, failed_sign_ins_per_minute: 0, ..Settings::default() };
    let keyward = Keyward::new(settings, store.clone(), clock.clone(), random.clone(), master_key(), pool);
    let Some(elsewhere) = elsewhere else { return keyward };
    let CognitoSettings { pool_id, client_id, region, endpoint, .. } = elsewhere.settings.clone();
    let endpoint = endpoint.unwrap();
    let issuers = vec![
        format!("https://cognito-idp.{region}.amazonaws.com/{pool_id}"),
        format!("{endpoint}/{pool_id}"),
    ];
    let groups = ["ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS"].map(str::to_owned).into();
    let settings = RemotePoolSettings { id: pool_id, client_id, endpoint, issuers, groups, bound_ms };
    let service = Arc::new(CognitoService::new(elsewhere.settings.clone()).await.unwrap());
    let remote = RemotePool::open(settings, service, store, clock, random, master_key()).await.unwrap();
    let keyward = keyward.at_home_in(remote);
    keyward.move_in().await.unwrap();
    keyward
}

/// A database with a home pool of ours in it, made once: its keys take long to make.
async fn database() -> &'static [u8] {
    static DATABASE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let made = async || {
        let folder = evidence::folder();
        let file = folder.path().join("keyward.db");
        let store = Store::sqlite(&file).await.unwrap();
        open_pool(&store).await;
        store.close().await;
        std::fs::read(file).unwrap()
    };
    DATABASE.get_or_init(made).await
}

async fn open_pool(store: &Store) -> LocalPool {
    let (random, clock) = (Random::System, Clock::System);
    let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hasher = PasswordHasher::new(&random, cost, None, PasswordHasher::WAITING).unwrap();
    let pool = PoolSettings {
        region: "us-east-1".into(),
        issuer: "http://localhost:8480/{pool}".into(),
        password_policy: None,
        refuses_common_passwords: None,
        file: None,
    };
    LocalPool::open_home(pool, hasher, store.clone(), clock, random, master_key()).await.unwrap()
}

fn master_key() -> MasterKey {
    MasterKey::new(&[7; 32])
}

pub(crate) fn operator() -> Caller {
    Caller::operator()
}

pub(crate) fn new_user(name: &str, roles: &[&str]) -> NewUser {
    NewUser { username: name.into(), roles: texts(roles), ..NewUser::default() }
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

/// The code of what was refused.
pub(crate) fn code<T>(outcome: Result<T>) -> Code {
    outcome.err().expect("this is refused").code
}
