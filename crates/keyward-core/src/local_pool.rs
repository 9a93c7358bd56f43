//! Keyward's own pool of users, on our own database.

mod challenge;
mod mfa;
pub mod password;
pub(crate) mod rate_limit;
mod session;
pub mod sign_in;
pub mod software_token;
pub mod srp;
pub mod token;

use std::fmt;

use async_trait::async_trait;

use self::password::{Line, PasswordHasher, PasswordPolicy};
use self::srp::Verifier;
use self::token::{PoolKeys, SigningKey, VerifiedToken};
use crate::audit::Change;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::error::{Error, Result, Thing};
use crate::master_key::MasterKey;
use crate::page::Page;
use crate::random::Random;
use crate::secret::Secret;
use crate::store::user_pool::SealedKey;
use crate::store::{AppClient, NewAccount, PasswordRecord, Store, UserPool};
use crate::user::{User, UserKind, UserQuery};

/// The flows of the app client that a pool begins with.
const FIRST_CLIENT_FLOWS: [&str; 4] = [
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
];

/// What the SRP verifier of a password is sealed for.
const VERIFIER: &str = "srp verifier";

/// What the home pool is opened with.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The region that the pool's id begins with, `us-east-1`.
    pub region: String,
    /// What tokens name as their issuer; `{pool}` in it stands for the pool's id.
    pub issuer: String,
    /// What passwords must be like.
    pub password_policy: PasswordPolicy,
}

/// A pool of users on our own database.
pub struct LocalPool {
    pub(crate) pool: UserPool,
    pub(crate) clients: Vec<AppClient>,
    pub(crate) keys: PoolKeys,
    pub(crate) issuer: String,
    pub(crate) password_policy: PasswordPolicy,
    /// Sealed as anybody's; read for names that nobody has.
    nobodys_verifier: String,
    pub(crate) hasher: PasswordHasher,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) master_key: MasterKey,
}

impl LocalPool {
    /// Opens the home pool, made at the first start with an app client and two signing keys.
    ///
    /// # Errors
    /// `Unavailable` when the database doesn't answer, `InvalidInput("master_key")` when the signing keys
    /// were sealed under another master key.
    pub async fn open_home(
        settings: PoolSettings,
        hasher: PasswordHasher,
        store: Store,
        clock: Clock,
        random: Random,
        master_key: MasterKey,
    ) -> Result<Self> {
        let pool_id = match store.setting("home_pool").await? {
            Some(pool_id) => pool_id,
            None => create_home_pool(&settings, &store, &clock, &random, &master_key).await?,
        };
        let pool = store
            .user_pool(&pool_id)
            .await?
            .ok_or_else(|| Error::not_found(Thing::UserPool, "The home pool is gone from the database."))?;
        let clients = store.app_clients(&pool_id).await?;
        let keys = open_keys(&store, &pool_id, &master_key).await?;
        let issuer = settings.issuer.replace("{pool}", &pool_id);
        let password_policy = settings.password_policy;
        let nobody = Verifier::new(&random, &pool_id, "", &random.base62(32));
        let nobodys_verifier = master_key.seal(&random, VERIFIER, nobody.to_text().as_bytes())?;
        Ok(Self {
            pool,
            clients,
            keys,
            issuer,
            password_policy,
            nobodys_verifier,
            hasher,
            store,
            clock,
            random,
            master_key,
        })
    }

    /// The pool's id, like `us-east-1_k3Y9wRd0A`.
    pub fn id(&self) -> &str {
        &self.pool.id
    }

    /// The region that the id begins with.
    pub fn region(&self) -> &str {
        self.pool.id.split('_').next().unwrap_or_default()
    }

    /// The app clients, the first one first.
    pub fn clients(&self) -> &[AppClient] {
        &self.clients
    }

    /// What tokens name as their issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public halves of the signing keys, as a JWK set (RFC 7517 §5).
    pub fn jwks(&self) -> serde_json::Value {
        self.keys.jwks()
    }

    /// What a token of ours says, its end not yet looked at; `None` for one that isn't ours.
    pub(crate) fn verify_token(&self, token: &str) -> Option<VerifiedToken> {
        // An end that has come is told apart from a forgery, so that the answer can say so.
        self.keys.verify(token, &self.issuer, i64::MIN)
    }

    /// A password as it is stored; `is_temporary` when it is to be changed at the next sign-in.
    ///
    /// # Errors
    /// `PasswordRejected` when the policy doesn't accept it.
    pub(crate) async fn password_record(
        &self,
        line: Line,
        user: &User,
        password: &Secret,
        is_temporary: bool,
    ) -> Result<PasswordRecord> {
        self.password_policy.check(password)?;
        let hash = self.hasher.hash(line, &self.random, password).await?;
        // By the id, which never changes, and which an unknown user can seem to have.
        let (random, pool_id, user_id) = (self.random.clone(), self.pool.id.clone(), user.id.clone());
        let password = password.clone();
        let verifier = move || Ok(Verifier::new(&random, &pool_id, &user_id, &password));
        let verifier = self.hasher.run(line, verifier).await?;
        let srp_verifier = self.master_key.seal(&self.random, VERIFIER, verifier.to_text().as_bytes())?;
        let temporary_until_ms =
            is_temporary.then(|| self.clock.now_ms() + self.password_policy.temporary_validity_ms());
        Ok(PasswordRecord { hash, temporary_until_ms, srp_verifier })
    }
}

#[async_trait]
impl Directory for LocalPool {
    fn pool_id(&self) -> &str {
        &self.pool.id
    }

    fn temporary_password(&self) -> Secret {
        password::temporary_password(&self.random, &self.password_policy)
    }

    async fn list(&self, query: &UserQuery) -> Result<Page<User>> {
        self.store.users(&self.pool.id, query).await
    }

    async fn find(&self, name_or_id: &str) -> Result<Option<User>> {
        Ok(self.store.account(&self.pool.id, name_or_id).await?.map(|account| account.user))
    }

    async fn create(
        &self,
        user: &User,
        password: &Secret,
        is_temporary: bool,
        role_ids: &[String],
        created_by: &str,
        change: &Change,
    ) -> Result<()> {
        let password = self.password_record(Line::Administration, user, password, is_temporary).await?;
        let account =
            NewAccount { user, pool_id: &self.pool.id, password: Some(&password), role_ids, created_by };
        self.store.insert_account(account, change).await
    }

    async fn update(&self, user: &User, change: &Change) -> Result<()> {
        self.store.update_user(user, change).await
    }

    async fn delete(&self, user: &User, change: &Change) -> Result<()> {
        self.store.delete_user(user, self.clock.now_ms(), change).await
    }

    async fn set_password(
        &self,
        user: &User,
        version: i64,
        password: &Secret,
        is_temporary: bool,
        change: &Change,
    ) -> Result<()> {
        let password = self.password_record(Line::Administration, user, password, is_temporary).await?;
        self.store.set_password(user, version, &password, change).await
    }

    async fn sign_out(&self, user: &User, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            return Ok(());
        }
        self.store.revoke_sessions(&user.id, self.clock.now_ms(), change).await
    }
}

impl fmt::Debug for LocalPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalPool").field("id", &self.pool.id).finish_non_exhaustive()
    }
}

async fn create_home_pool(
    settings: &PoolSettings,
    store: &Store,
    clock: &Clock,
    random: &Random,
    master_key: &MasterKey,
) -> Result<String> {
    let pool = UserPool {
        id: format!("{}_{}", settings.region, random.base62(9).expose()),
        name: "home".to_owned(),
        password_policy: settings.password_policy.clone(),
    };
    let client = AppClient {
        id: random.lower_alphanumeric(26),
        pool_id: pool.id.clone(),
        name: "keyward".to_owned(),
        flows: FIRST_CLIENT_FLOWS.map(str::to_owned).to_vec(),
        hides_unknown_users: true,
        access_token_seconds: 3600,
        id_token_seconds: 3600,
        refresh_token_seconds: 30 * 24 * 3600,
    };
    // An RSA key takes a tenth of a second to make.
    let keys = tokio::task::spawn_blocking(PoolKeys::generate).await.map_err(Error::internal)??;
    let mut sealed = Vec::new();
    for (token_use, key) in [("id", keys.id()), ("access", keys.access())] {
        let sealed_key = master_key.seal(random, "signing key", &key.to_pkcs8()?)?;
        sealed.push(SealedKey {
            kid: key.kid().to_owned(),
            token_use: token_use.to_owned(),
            sealed: sealed_key,
        });
    }
    let now_ms = clock.now_ms();
    let change = Change::by_operator(random, now_ms, "user-pool.create", "user-pool", &pool.id);
    store.insert_home_pool(&pool, &client, &sealed, now_ms, &change).await?;
    Ok(pool.id)
}

async fn open_keys(store: &Store, pool_id: &str, master_key: &MasterKey) -> Result<PoolKeys> {
    let (mut id, mut access) = (None, None);
    for key in store.signing_keys(pool_id).await? {
        let der = master_key.open("signing key", &key.sealed).ok_or_else(|| {
            Error::invalid(
                "master_key",
                "This isn't the master key that the database was made with; start with that one.",
            )
        })?;
        let slot = if key.token_use == "id" { &mut id } else { &mut access };
        *slot = Some(SigningKey::from_pkcs8(&der)?);
    }
    match (id, access) {
        (Some(id), Some(access)) => PoolKeys::new(id, access),
        _ => Err(Error::internal(anyhow::anyhow!("the pool {pool_id} has no signing keys"))),
    }
}
