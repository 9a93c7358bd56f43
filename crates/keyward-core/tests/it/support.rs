//! What the tests stand on: a database of either kind, and Keyward on it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use keyward_core::access::Credential;
use keyward_core::api_key::{IssuedApiKey, NewApiKey};
use keyward_core::caller::{Caller, Identity, Origin, Standing};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Result};
use keyward_core::keyward::{Environment, Keyward, Settings};
use keyward_core::local_pool::file_token::FileTokenSettings;
use keyward_core::local_pool::password::{HashingCost, PasswordHasher};
use keyward_core::local_pool::{LocalPool, PoolSettings};
use keyward_core::master_key::MasterKey;
use keyward_core::random::Random;
use keyward_core::remote_pool::{RemotePool, UserPoolService};
use keyward_core::role::{NewRole, Role};
use keyward_core::secret::Secret;
use keyward_core::store::Store;
use keyward_core::user::{NewUser, User};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::elsewhere::Elsewhere;
use crate::{evidence, postgres};

/// When a test begins, by its fixed clock: 2027-01-01, midnight UTC.
pub(crate) const START_MS: i64 = 1_798_761_600_000;
pub(crate) const SECOND_MS: i64 = 1000;
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * SECOND_MS;

/// Makes of each function here, an `async fn(TestDatabase)` below, a test on SQLite and a test on PostgreSQL,
/// each with a database of its own. A function that is missing here is never used, and the compiler says so.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::support::TestDatabase;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(TestDatabase::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(TestDatabase::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both;

/// A database that is one test's alone, with a home pool in it.
pub(crate) enum TestDatabase {
    Sqlite { folder: TempDir },
    Postgres { url: String },
}

/// A connection past Keyward.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl TestDatabase {
    /// A SQLite file in a temporary folder, copied from one that was made once.
    pub(crate) async fn sqlite() -> Self {
        static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let template = TEMPLATE
            .get_or_init(async || {
                let folder = evidence::folder();
                let file = folder.path().join("keyward.db");
                prepare(Store::sqlite(&file).await.unwrap()).await;
                std::fs::read(file).unwrap()
            })
            .await;
        let folder = evidence::folder();
        std::fs::write(folder.path().join("keyward.db"), template).unwrap();
        Self::Sqlite { folder }
    }

    /// A database on this process's PostgreSQL, copied from one that was made once.
    pub(crate) async fn postgres() -> Self {
        let url = postgres::database(async |url| prepare(Store::postgres(&url).await.unwrap()).await).await;
        Self::Postgres { url }
    }

    /// The database opened once more, as by another process.
    pub(crate) async fn store(&self) -> Store {
        match self {
            Self::Sqlite { .. } => Store::sqlite(&self.file()).await.unwrap(),
            Self::Postgres { url } => Store::postgres(url).await.unwrap(),
        }
    }

    /// Keyward on this database, with a clock that stands at [`START_MS`].
    pub(crate) async fn keyward(&self) -> Arc<Keyward> {
        self.keyward_with(Clock::fixed(START_MS), Settings::default()).await
    }

    pub(crate) async fn keyward_with(&self, clock: Clock, settings: Settings) -> Arc<Keyward> {
        let store = self.store().await;
        let pool = Arc::new(open_pool(&store, &clock, None).await);
        Arc::new(Keyward::new(settings, store, clock, Random::System, master_key(), pool))
    }

    /// Keyward on this database, whose home pool refuses the passwords that most people choose.
    pub(crate) async fn keyward_refusing_common_passwords(&self, clock: &Clock) -> Arc<Keyward> {
        let store = self.store().await;
        let pool = Arc::new(open_pool(&store, clock, Some(true)).await);
        let (settings, clock) = (Settings::default(), clock.clone());
        Arc::new(Keyward::new(settings, store, clock, Random::System, master_key(), pool))
    }

    /// Keyward on this database, whose users are kept in a file.
    pub(crate) async fn keyward_of_file(&self, clock: Clock, tokens: FileTokenSettings) -> Arc<Keyward> {
        let store = self.store().await;
        let pool = PoolSettings { file: Some(tokens), ..pool_settings() };
        let pool = Arc::new(open_home(&store, &clock, pool).await);
        Arc::new(Keyward::new(Settings::default(), store, clock, Random::System, master_key(), pool))
    }

    /// Keyward on this database, whose users live in `pool`.
    pub(crate) async fn keyward_elsewhere(
        &self,
        clock: &Clock,
        pool: &Arc<Elsewhere>,
    ) -> Result<Arc<Keyward>> {
        // Where test users are made, and production is secured.
        let settings = Settings { environment: Environment::Stage, ..Settings::default() };
        let store = self.store().await;
        let own = Arc::new(open_pool(&store, clock, None).await);
        let (random, service) = (Random::System, Arc::clone(pool) as Arc<dyn UserPoolService>);
        let (opened_with, own_store) = (pool.settings(), store.clone());
        let opening =
            RemotePool::open(opened_with, service, own_store, clock.clone(), random.clone(), master_key());
        let remote = opening.await?;
        let keyward = Keyward::new(settings, store, clock.clone(), random, master_key(), own);
        let keyward = keyward.at_home_in(remote);
        keyward.move_in().await?;
        Ok(Arc::new(keyward))
    }

    /// Runs a statement past Keyward.
    pub(crate) async fn execute(&self, statement: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self.raw().await {
            Raw::Sqlite(mut raw) => raw.execute(query).await.map(drop).unwrap(),
            Raw::Postgres(mut raw) => raw.execute(query).await.map(drop).unwrap(),
        }
    }

    /// What a query of one text column gives, past Keyward.
    pub(crate) async fn column(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        match self.raw().await {
            Raw::Sqlite(mut raw) => sqlx::query_scalar(query).fetch_all(&mut raw).await.unwrap(),
            Raw::Postgres(mut raw) => sqlx::query_scalar(query).fetch_all(&mut raw).await.unwrap(),
        }
    }

    /// Every row of every table, as text.
    pub(crate) async fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let (tables, columns) = match self {
            Self::Sqlite { .. } => (
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlx%'",
                "SELECT 'quote(' || group_concat(name, ') || '','' || quote(') || ')' FROM pragma_table_info('{}')",
            ),
            Self::Postgres { .. } => (
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' \
                 AND tablename NOT LIKE '%sqlx%'",
                "SELECT CAST('CAST({} AS TEXT)' AS TEXT)",
            ),
        };
        let mut contents = BTreeMap::new();
        for table in self.column(tables).await {
            let row = self.column(&columns.replace("{}", &table)).await.remove(0);
            let mut rows = self.column(&format!("SELECT {row} FROM {table}")).await;
            rows.sort_unstable();
            contents.insert(table, rows);
        }
        contents
    }

    /// Takes the database away from `keyward`: PostgreSQL shuts everybody out, a SQLite file is closed.
    pub(crate) async fn lose(&self, keyward: &Keyward) {
        match self {
            Self::Sqlite { .. } => keyward.close().await,
            Self::Postgres { .. } => {
                self.administer("ALTER DATABASE {} ALLOW_CONNECTIONS false").await;
                let everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'";
                self.administer(everybody).await;
            }
        }
    }

    /// Lets everybody in again; what was closed stays closed.
    pub(crate) async fn find_again(&self) -> bool {
        if let Self::Postgres { .. } = self {
            self.administer("ALTER DATABASE {} ALLOW_CONNECTIONS true").await;
            return true;
        }
        false
    }

    /// Runs a statement about this database, from beside it.
    async fn administer(&self, statement: &str) {
        let Self::Postgres { url } = self else { return };
        let options: PgConnectOptions = url.parse().unwrap();
        let statement = statement.replace("{}", options.get_database().unwrap());
        let mut beside = PgConnection::connect_with(&options.database("postgres")).await.unwrap();
        beside.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap();
    }

    async fn raw(&self) -> Raw {
        match self {
            Self::Sqlite { .. } => Raw::Sqlite(
                SqliteConnection::connect(&format!("sqlite://{}", self.file().display())).await.unwrap(),
            ),
            Self::Postgres { url } => Raw::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite { folder } => folder.path().join("keyward.db"),
            Self::Postgres { .. } => unreachable!("PostgreSQL has no one file"),
        }
    }
}

/// Leaves a home pool in the database, and closes it.
async fn prepare(store: Store) {
    open_pool(&store, &Clock::fixed(START_MS), None).await;
    store.close().await;
}

async fn open_pool(store: &Store, clock: &Clock, refuses_common_passwords: Option<bool>) -> LocalPool {
    open_home(store, clock, PoolSettings { refuses_common_passwords, ..pool_settings() }).await
}

fn pool_settings() -> PoolSettings {
    PoolSettings {
        region: "us-east-1".into(),
        issuer: "http://localhost:8480/{pool}".into(),
        password_policy: None,
        refuses_common_passwords: None,
        file: None,
    }
}

async fn open_home(store: &Store, clock: &Clock, settings: PoolSettings) -> LocalPool {
    let random = Random::System;
    let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hasher = PasswordHasher::new(&random, cost, None, PasswordHasher::WAITING).unwrap();
    LocalPool::open_home(settings, hasher, store.clone(), clock.clone(), random, master_key()).await.unwrap()
}

fn master_key() -> MasterKey {
    MasterKey::new(&[7; 32])
}

/// The home pool's first app client.
pub(crate) async fn client_id(keyward: &Keyward) -> String {
    keyward.local_pool().first_client().await.unwrap().unwrap().id
}

/// Makes a role.
pub(crate) async fn role(keyward: &Keyward, name: &str, permissions: &[&str]) -> Role {
    let new = NewRole {
        name: name.into(),
        description: "A role".into(),
        permissions: texts(permissions),
        ..NewRole::default()
    };
    keyward.create_role(&Caller::operator(), new).await.unwrap()
}

/// Makes an account.
pub(crate) async fn account(keyward: &Keyward, email: &str, roles: &[&str]) -> User {
    let new = NewUser { username: email.into(), roles: texts(roles), ..NewUser::default() };
    keyward.create_user(&Caller::operator(), new).await.unwrap().user
}

/// Makes a key without end or scope.
pub(crate) async fn key(keyward: &Keyward, name: &str, user: &str) -> IssuedApiKey {
    let issued = keyward.create_api_key(&Caller::operator(), new_key(name, user)).await.unwrap();
    evidence::secret(issued.secret.expose());
    issued
}

pub(crate) fn new_key(name: &str, user: &str) -> NewApiKey {
    NewApiKey { name: name.into(), user: user.into(), description: "A key".into(), ..NewApiKey::default() }
}

/// The user, as if signed in now.
pub(crate) async fn person(keyward: &Keyward, name_or_id: &str, mfa: bool) -> Caller {
    let operator = Caller::operator();
    let user = keyward.user(&operator, name_or_id).await.unwrap();
    let mut permissions = Vec::new();
    for name in &user.roles {
        let role = keyward.role(&operator, name).await.unwrap();
        if mfa || !role.mfa_required {
            permissions.extend(role.permissions);
        }
    }
    let identity = Identity::Person {
        user_id: user.id.clone(),
        username: user.username.clone(),
        mfa,
        session_id: format!("session of {}", user.id),
    };
    let standing = Standing::new(identity, user.roles.into(), Arc::new(permissions.into_iter().collect()));
    Caller { standing: Arc::new(standing), origin: Origin::default() }
}

/// What a client with this key is let in as.
pub(crate) async fn let_in(keyward: &Keyward, issued: &IssuedApiKey) -> Result<Caller> {
    let credential = Credential::parse(issued.secret.expose()).unwrap();
    keyward.authenticate(&credential, Origin::default()).await
}

/// The code of what was refused.
pub(crate) fn code<T>(outcome: Result<T>) -> Code {
    outcome.err().expect("this is refused").code
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

/// Waits until `keyward` answers for this key from memory: until a change past Keyward, which moves no
/// revision, isn't seen.
pub(crate) async fn until_kept(database: &TestDatabase, keyward: &Keyward, issued: &IssuedApiKey) {
    let rename = |name: &str| format!("UPDATE api_keys SET name = '{name}' WHERE id = '{}'", issued.key.id);
    for attempt in 0..2000 {
        let_in(keyward, issued).await.unwrap();
        let name = format!("renamed {attempt}");
        database.execute(&rename(&name)).await;
        let caller = let_in(keyward, issued).await.unwrap();
        database.execute(&rename(&issued.key.name)).await;
        match &*caller.standing.identity {
            Identity::ApiKey { key_name, .. } if *key_name == name => tokio::task::yield_now().await,
            _ => return,
        }
    }
    panic!("nothing is kept in memory; is Keyward::run running?");
}

/// What an authenticator application shows for `secret` now.
pub(crate) fn one_time_code(secret: &Secret, clock: &Clock) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from(clock.now_seconds()).unwrap()).to_string()
}

/// What is stored of a key that was made elsewhere.
pub(crate) fn sha256_hex(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
