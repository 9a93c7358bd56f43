//! Keyward's own pool of users, on our own database.

mod challenge;
pub mod choice;
mod common_password;
pub mod factor;
pub mod file_token;
mod mfa;
pub mod mfa_preference;
mod new_password;
mod own_account;
pub mod passkey;
pub mod password;
pub(crate) mod rate_limit;
mod recovery;
mod refresh_token;
pub mod self_service;
mod session;
pub mod sign_in;
pub mod sign_up;
pub mod software_token;
pub mod srp;
pub mod token;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use self::file_token::{FileTokenSettings, FileTokens};
use self::password::{Line, PasswordHasher, PasswordPolicy};
use self::srp::Verifier;
use self::token::{PoolKeys, SigningKey, VerifiedToken};
use crate::app_client::{AppClient, AppClientSettings};
use crate::audit::Change;
use crate::clock::Clock;
use crate::directory::{Directory, Enrolment};
use crate::error::{Code, Error, Result};
use crate::keyward::{FILE_POOL, OWN_POOL};
use crate::master_key::MasterKey;
use crate::page::Page;
use crate::random::Random;
use crate::role::Role;
use crate::secret::Secret;
use crate::store::user_pool::SealedKey;
use crate::store::{Account, NewAccount, PasswordRecord, Store};
use crate::user::{User, UserKind, UserQuery};
use crate::user_pool::{Identifiers, UserPool, UserPoolSettings, unknown_pool};

/// What the SRP verifier of a password is sealed for.
const VERIFIER: &str = "srp verifier";

/// What the home pool is opened with.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The region that the pool's id begins with, `us-east-1`.
    pub region: String,
    /// What tokens name as their issuer; `{pool}` in it stands for the pool's id.
    pub issuer: String,
    /// What passwords must be like, from this start on; as they must be already when not said.
    pub password_policy: Option<PasswordPolicy>,
    /// Whether the passwords that most people choose are refused; as they are already when not said.
    pub refuses_common_passwords: Option<bool>,
    /// How tokens are signed where its users are kept in a file: the home pool is one of their own then.
    pub file: Option<FileTokenSettings>,
}

impl PoolSettings {
    /// The setting that names the home pool.
    fn place(&self) -> &'static str {
        if self.file.is_some() { FILE_POOL } else { OWN_POOL }
    }
}

/// A pool of users on our own database, open. What can be set of it, and may change, is read when it is needed.
pub struct LocalPool {
    id: String,
    issuer: String,
    /// What tokens of any pool name as their issuer; `{pool}` in it stands for the pool's id.
    issuer_template: String,
    pub(crate) identifiers: Identifiers,
    pub(crate) keys: PoolKeys,
    /// Signs the ID tokens of users who are kept in a file.
    pub(crate) file: Option<FileTokens>,
    /// Sealed as anybody's; read for names that nobody has.
    nobodys_verifier: String,
    pub(crate) hasher: Arc<PasswordHasher>,
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
        let pool_id = match store.setting(settings.place()).await? {
            Some(pool_id) => pool_id,
            None => create_home_pool(&settings, &store, &clock, &random, &master_key).await?,
        };
        let mut pool = store.user_pool(&pool_id).await?.ok_or_else(|| unknown_pool(&pool_id))?;
        let known = &pool.settings.password_policy;
        let policy = PasswordPolicy {
            // It isn't among what an operator configures.
            history_size: known.history_size,
            refuses_common: settings.refuses_common_passwords.unwrap_or(known.refuses_common),
            ..settings.password_policy.unwrap_or_else(|| known.clone())
        };
        if policy != *known {
            pool.settings.password_policy = policy;
            pool.updated_at_ms = clock.now_ms();
            let change =
                Change::by_operator(&random, pool.updated_at_ms, "user-pool.update", "user-pool", &pool_id);
            store.update_user_pool(&pool, &change).await?;
        }
        let hasher = Arc::new(hasher);
        let file = settings.file.map(|file| FileTokens::new(&file, &master_key)).transpose()?;
        let opened = Self::opened(pool, settings.issuer, hasher, store, clock, random, master_key).await?;
        Ok(Self { file, ..opened })
    }

    /// Opens another pool of the same database.
    ///
    /// # Errors
    /// `NotFound(UserPool)`.
    pub(crate) async fn open_beside(&self, id: &str) -> Result<Self> {
        let pool = self.store.user_pool(id).await?.ok_or_else(|| unknown_pool(id))?;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let (random, master_key) = (self.random.clone(), self.master_key.clone());
        let (issuer, hasher) = (self.issuer_template.clone(), Arc::clone(&self.hasher));
        Self::opened(pool, issuer, hasher, store, clock, random, master_key).await
    }

    async fn opened(
        pool: UserPool,
        issuer_template: String,
        hasher: Arc<PasswordHasher>,
        store: Store,
        clock: Clock,
        random: Random,
        master_key: MasterKey,
    ) -> Result<Self> {
        let UserPool { id, settings, .. } = pool;
        let keys = open_keys(&store, &id, &master_key).await?;
        let nobody = Verifier::new(&random, &id, "", &random.base62(32));
        let nobodys_verifier = master_key.seal(&random, VERIFIER, nobody.to_text().as_bytes())?;
        Ok(Self {
            issuer: issuer_template.replace("{pool}", &id),
            issuer_template,
            id,
            identifiers: settings.identifiers,
            keys,
            file: None,
            nobodys_verifier,
            hasher,
            store,
            clock,
            random,
            master_key,
        })
    }

    /// What is set of the pool at this moment.
    ///
    /// # Errors
    /// `NotFound(UserPool)` when it was deleted since it was opened.
    pub async fn settings(&self) -> Result<UserPoolSettings> {
        let pool = self.store.user_pool(&self.id).await?.ok_or_else(|| unknown_pool(&self.id))?;
        Ok(pool.settings)
    }

    /// The app client that was made first, of those that are there.
    pub async fn first_client(&self) -> Result<Option<AppClient>> {
        self.store.first_app_client(&self.id).await
    }

    /// The account of this name or id, or of an address that stands for the name, or the program user.
    pub(crate) async fn account(&self, name_or_id: &str) -> Result<Option<Account>> {
        let key = self.identifiers.key(name_or_id);
        let mut account = self.store.account(&self.id, &key, name_or_id).await?;
        for (attribute, must_be_proven) in self.aliases() {
            // Also when it is found: the time would else tell who is somebody.
            let other = self.store.account_with(&self.id, attribute, &key, must_be_proven).await?;
            account = account.or(other);
        }
        Ok(account)
    }

    /// The attributes that stand for a user's name, and whether only once they are proven.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = (&str, bool)> {
        let Identifiers { username_attributes, alias_attributes, .. } = &self.identifiers;
        let names = username_attributes.iter().map(|name| (name.as_str(), false));
        names.chain(alias_attributes.iter().map(|name| (name.as_str(), true)))
    }

    /// The pool's id, like `us-east-1_k3Y9wRd0A`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region that the id begins with.
    pub fn region(&self) -> &str {
        self.id.split('_').next().unwrap_or_default()
    }

    /// What tokens name as their issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What tokens of the pool of this id name as their issuer.
    pub fn issuer_of(&self, id: &str) -> String {
        self.issuer_template.replace("{pool}", id)
    }

    /// The public halves of the signing keys, as a JWK set (RFC 7517 §5).
    pub fn jwks(&self) -> serde_json::Value {
        self.keys.jwks()
    }

    /// What a token of ours says, its end not yet looked at; `None` for one that isn't ours.
    pub(crate) fn verify_token(&self, token: &str) -> Option<VerifiedToken> {
        // An end that has come is told apart from a forgery, so that the answer can say so.
        let token_of_file = || self.file.as_ref()?.verify(token);
        self.keys.verify(token, &self.issuer, i64::MIN).or_else(token_of_file)
    }

    /// A password as it is stored; `is_temporary` when it is to be changed at the next sign-in.
    ///
    /// # Errors
    /// `PasswordRejected` when the policy doesn't accept it, `PasswordReused`.
    pub(crate) async fn password_record(
        &self,
        line: Line,
        user: &User,
        password: &Secret,
        is_temporary: bool,
    ) -> Result<PasswordRecord> {
        let policy = self.settings().await?.password_policy;
        policy.check(password)?;
        if policy.history_size > 0 {
            let mut hashes = self.store.password_hashes(&user.id).await?;
            // More may be kept from when the pool remembered more.
            hashes.truncate(policy.history_size as usize);
            if self.hasher.is_one_of(line, password, hashes).await? {
                return Err(Error::new(Code::PasswordReused, "Password has previously been used."));
            }
        }
        let record = self.permanent_record(line, user, password).await?;
        // The one in use counts among them.
        let remembered = i64::from(policy.history_size.saturating_sub(1));
        let temporary_until_ms = is_temporary.then(|| self.clock.now_ms() + policy.temporary_validity_ms());
        Ok(PasswordRecord { remembered, temporary_until_ms, ..record })
    }

    /// As [`LocalPool::password_record`], of a password that the user has already.
    pub(crate) async fn permanent_record(
        &self,
        line: Line,
        user: &User,
        password: &Secret,
    ) -> Result<PasswordRecord> {
        let hash = self.hasher.hash(line, &self.random, password).await?;
        // By the id, which never changes, and which an unknown user can seem to have.
        let (random, pool_id, user_id) = (self.random.clone(), self.id.clone(), user.id.clone());
        let password = password.clone();
        let verifier = move || Ok(Verifier::new(&random, &pool_id, &user_id, &password));
        let verifier = self.hasher.run(line, verifier).await?;
        let srp_verifier = self.master_key.seal(&self.random, VERIFIER, verifier.to_text().as_bytes())?;
        Ok(PasswordRecord { remembered: 0, hash, temporary_until_ms: None, srp_verifier: Some(srp_verifier) })
    }
}

#[async_trait]
impl Directory for LocalPool {
    fn pool_id(&self) -> &str {
        &self.id
    }

    async fn settings(&self) -> Result<UserPoolSettings> {
        self.settings().await
    }

    async fn temporary_password(&self) -> Result<Secret> {
        Ok(password::temporary_password(&self.random, &self.settings().await?.password_policy))
    }

    async fn list(&self, query: &UserQuery) -> Result<Page<User>> {
        self.store.users(&self.id, query).await
    }

    async fn find(&self, name_or_id: &str) -> Result<Option<User>> {
        Ok(self.account(name_or_id).await?.map(|account| account.user))
    }

    async fn create(&self, new: Enrolment<'_>, change: &Change) -> Result<User> {
        self.require_changeable()?;
        let Enrolment { user, password, is_temporary, takes_aliases, roles, created_by } = new;
        let role_ids = ids(roles);
        let password = self.password_record(Line::Administration, user, password, is_temporary).await?;
        let account = NewAccount {
            user,
            pool_id: &self.id,
            identifiers: &self.identifiers,
            password: Some(&password),
            takes_aliases,
            role_ids: &role_ids,
            created_by,
        };
        self.store.insert_account(account, change).await?;
        Ok(user.clone())
    }

    async fn create_program_user(
        &self,
        user: &User,
        role_ids: &[String],
        created_by: &str,
        change: &Change,
    ) -> Result<()> {
        let account = NewAccount {
            user,
            pool_id: &self.id,
            identifiers: &self.identifiers,
            password: None,
            takes_aliases: false,
            role_ids,
            created_by,
        };
        self.store.insert_account(account, change).await
    }

    async fn update(&self, user: &User, change: &Change) -> Result<()> {
        self.require_changeable_user(user)?;
        self.store.update_user(&self.identifiers, user, false, change).await
    }

    async fn delete(&self, user: &User, change: &Change) -> Result<()> {
        self.require_changeable_user(user)?;
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
        self.require_changeable()?;
        let password = self.password_record(Line::Administration, user, password, is_temporary).await?;
        self.store.set_password(user, version, &password, change).await
    }

    async fn sign_out(&self, user: &User, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            return Ok(());
        }
        self.store.revoke_sessions(&user.id, self.clock.now_ms(), change).await
    }

    async fn add_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()> {
        self.require_changeable_user(user)?;
        self.store.add_assignments(user, &ids(roles), created_by, self.clock.now_ms(), change).await
    }

    async fn set_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()> {
        self.require_changeable_user(user)?;
        self.store.set_assignments(user, &ids(roles), created_by, self.clock.now_ms(), change).await
    }

    async fn remove_role(
        &self,
        user: &User,
        role: &Role,
        version: Option<i64>,
        change: &Change,
    ) -> Result<()> {
        self.require_changeable_user(user)?;
        self.store.remove_assignment(user, &role.id, version, self.clock.now_ms(), change).await
    }

    async fn delete_role(&self, role: &Role, change: &Change) -> Result<()> {
        self.store.delete_role(role, self.clock.now_ms(), change).await
    }

    async fn look_at_members(&self) -> Result<()> {
        Ok(())
    }
}

/// The ids of these roles.
pub(crate) fn ids(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.id.clone()).collect()
}

impl fmt::Debug for LocalPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalPool").field("id", &self.id).finish_non_exhaustive()
    }
}

async fn create_home_pool(
    settings: &PoolSettings,
    store: &Store,
    clock: &Clock,
    random: &Random,
    master_key: &MasterKey,
) -> Result<String> {
    let id = format!("{}_{}", settings.region, random.base62(9).expose());
    let (now_ms, is_file) = (clock.now_ms(), settings.file.is_some());
    let pool = UserPool {
        name: if is_file { "file" } else { "home" }.to_owned(),
        settings: UserPoolSettings {
            password_policy: settings.password_policy.clone().unwrap_or_default(),
            ..if is_file { UserPoolSettings::of_file() } else { UserPoolSettings::of_home() }
        },
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        version: 1,
        id,
    };
    let client = AppClient {
        id: random.lower_alphanumeric(26),
        pool_id: pool.id.clone(),
        name: "keyward".to_owned(),
        settings: if is_file { AppClientSettings::of_file() } else { AppClientSettings::of_home() },
        secrets: Vec::new(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        version: 1,
    };
    let keys = generate_keys(random, master_key).await?;
    let change = Change::by_operator(random, now_ms, "user-pool.create", "user-pool", &pool.id);
    store.insert_home_pool(settings.place(), &pool, &client, &keys, &change).await?;
    Ok(pool.id)
}

/// Two new signing keys, sealed.
pub(crate) async fn generate_keys(random: &Random, master_key: &MasterKey) -> Result<Vec<SealedKey>> {
    // An RSA key takes a tenth of a second to make.
    let keys = tokio::task::spawn_blocking(PoolKeys::generate).await.map_err(Error::internal)??;
    [("id", keys.id()), ("access", keys.access())]
        .into_iter()
        .map(|(token_use, key)| {
            let sealed = master_key.seal(random, "signing key", &key.to_pkcs8()?)?;
            Ok(SealedKey { kid: key.kid().to_owned(), token_use: token_use.to_owned(), sealed })
        })
        .collect()
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
