//! The one object that every surface holds.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::access::Access;
use crate::audit::EventOrder;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::external_issuer::ExternalIssuer;
use crate::local_pool::LocalPool;
use crate::local_pool::rate_limit::RateLimit;
use crate::master_key::MasterKey;
use crate::message::Deliveries;
use crate::page::Cursor;
use crate::random::Random;
use crate::remote_pool::RemotePool;
use crate::store::Store;
use crate::test_user::TestUser;
use crate::user_pool::OpenPools;

/// The setting that names our own pool.
pub(crate) const OWN_POOL: &str = "home_pool";
/// The setting that names the pool of the users of a file.
pub(crate) const FILE_POOL: &str = "file_pool";
/// The setting that names the home pool, where it isn't our own, or once was another.
const DIRECTORY: &str = "directory";
/// The setting that tells in which environment the server was last started.
const ENVIRONMENT: &str = "environment";
/// The setting that marks which test users it was started with.
const TEST_USERS: &str = "test_users";

/// Everything that Keyward knows and does. Its operations stand with their nouns: users in `user.rs`, roles
/// in `role.rs`, and so on.
pub struct Keyward {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) master_key: MasterKey,
    /// Where the home pool's users live.
    pub(crate) directory: Arc<dyn Directory>,
    /// The home pool, when it is kept elsewhere.
    pub(crate) remote_pool: Option<RemotePool>,
    /// Whose tokens are accepted beside those of the home pool.
    pub(crate) external_issuer: Option<ExternalIssuer>,
    /// Our own pool, which is the home pool when no other is.
    pub(crate) local_pool: Arc<LocalPool>,
    /// The other pools.
    pub(crate) pools: OpenPools,
    pub(crate) access: Access,
    pub(crate) event_order: EventOrder,
    pub(crate) sign_in_limit: RateLimit,
    /// Of what is sent to whoever asks: it doesn't keep people from signing in.
    pub(crate) sending_limit: RateLimit,
    /// Wakes who sends messages.
    pub(crate) message_made: Arc<Notify>,
}

/// What a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Somebody's own machine.
    Dev,
    /// Automatic tests.
    Test,
    /// A rehearsal of production.
    Stage,
    /// The real thing.
    Prod,
}

/// What can be set of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What this deployment is for.
    pub environment: Environment,
    /// What an API key begins with, before the underscore: 2 to 16 of `a-z0-9`.
    pub api_key_prefix: String,
    /// How old an answer about rights may be at most, in milliseconds.
    pub revocation_bound_ms: i64,
    /// Where the server is reached from outside, without a slash at its end.
    pub public_url: String,
    /// How many sign-ins from one address may fail in a minute; 0 for any number.
    pub failed_sign_ins_per_minute: u32,
    /// Whether requests that AWS signs are let in unsigned, as a developer's ([`Identity::Developer`]).
    ///
    /// [`Identity::Developer`]: crate::caller::Identity::Developer
    pub dev: bool,
    /// What becomes of messages.
    pub deliveries: Deliveries,
    /// Whether test users may be made; in production never.
    pub makes_test_users: bool,
    /// Who is to be there to try an application with.
    pub test_users: Vec<TestUser>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Dev,
            api_key_prefix: "vams".to_owned(),
            revocation_bound_ms: 1000,
            public_url: "http://localhost:8480".to_owned(),
            failed_sign_ins_per_minute: 20,
            dev: false,
            deliveries: Deliveries::default(),
            makes_test_users: true,
            test_users: TestUser::defaults(),
        }
    }
}

impl Environment {
    /// Its name, as it is set.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }
}

/// Where users may live.
#[derive(Debug, Clone, Copy)]
pub enum Home<'a> {
    /// In our own pool.
    Own,
    /// In RawScribe's file.
    File,
    /// In the pool with this id, elsewhere.
    Elsewhere(&'a str),
}

impl Keyward {
    /// Keyward on this database, with the home pool that lives in it.
    pub fn new(
        settings: Settings,
        store: Store,
        clock: Clock,
        random: Random,
        master_key: MasterKey,
        local_pool: Arc<LocalPool>,
    ) -> Self {
        let access = Access::new(settings.revocation_bound_ms, &store);
        let directory = Arc::clone(&local_pool) as Arc<dyn Directory>;
        let event_order = EventOrder::default();
        let limit = || RateLimit::new(settings.failed_sign_ins_per_minute);
        let (sign_in_limit, sending_limit) = (limit(), limit());
        Self {
            settings,
            store,
            clock,
            random,
            master_key,
            directory,
            remote_pool: None,
            external_issuer: None,
            local_pool,
            pools: OpenPools::default(),
            access,
            event_order,
            sign_in_limit,
            sending_limit,
            message_made: Arc::default(),
        }
    }

    /// The same, whose home pool is this one, kept elsewhere. Our own is a pool beside it then.
    #[must_use]
    pub fn at_home_in(mut self, remote_pool: RemotePool) -> Self {
        self.directory = Arc::new(remote_pool.clone());
        self.remote_pool = Some(remote_pool);
        self
    }

    /// The same, where tokens of another issuer are accepted too.
    #[must_use]
    pub fn believing(mut self, external_issuer: ExternalIssuer) -> Self {
        self.external_issuer = Some(external_issuer);
        self
    }

    /// Notes which pool is the home, and what is set that a command at the machine must go by too; gives a home that
    /// brings its users along the default roles when it is met first: who has them is in its groups.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn move_in(&self) -> Result<()> {
        let (id, known) = (self.directory.pool_id(), self.store.setting(DIRECTORY).await?);
        let brings_users = self.remote_pool.is_some() || self.local_pool.require_changeable().is_err();
        if brings_users && self.store.roles(id, &Cursor::default()).await?.items.is_empty() {
            self.make_default_roles().await?;
        }
        let noted = [
            (ENVIRONMENT, self.settings.environment.name().to_owned()),
            (TEST_USERS, self.test_users_mark()?),
        ];
        for (name, value) in noted {
            if self.store.setting(name).await? != Some(value.clone()) {
                self.store.set_setting(name, &value).await?;
            }
        }
        if known.as_deref() == Some(id) || (known.is_none() && !brings_users) {
            return Ok(());
        }
        self.store.set_directory(id).await
    }

    /// Refuses to open another home than the one that was last moved into: what is done at the machine must be done
    /// to those users that the server knows. To be asked before the home is opened, for that may make one.
    ///
    /// # Errors
    /// `Conflict`, `Unavailable`.
    pub async fn require_home(store: &Store, home: Home<'_>) -> Result<()> {
        let own = store.setting(OWN_POOL).await?;
        let lived_in = store.setting(DIRECTORY).await?.or_else(|| own.clone());
        let named = match home {
            Home::Own => own,
            Home::File => store.setting(FILE_POOL).await?,
            Home::Elsewhere(id) => Some(id.to_owned()),
        };
        if named.is_some() && named == lived_in {
            return Ok(());
        }
        let lived_in = lived_in.unwrap_or_else(|| "(none yet)".to_owned());
        Err(Error::conflict(format!(
            "The users of this data folder live in the user pool {lived_in}, which isn't the one that this command \
             is set to; give it the settings that the server has (KEYWARD_PROVIDER, COGNITO_USER_POOL_ID and so on, \
             or its file)."
        )))
    }

    /// Refuses to go by another environment or other test users than the server: what keeps test users from being
    /// made, and which there are, is said in its settings.
    ///
    /// # Errors
    /// `Conflict`, `Unavailable`.
    pub async fn require_same_test_users(&self) -> Result<()> {
        let environment = self.settings.environment.name();
        let noted = self.store.setting(ENVIRONMENT).await?;
        if noted.as_deref() != Some(environment) {
            let noted = noted.as_deref().unwrap_or("not known yet");
            return Err(Error::conflict(format!(
                "The environment of this data folder's server is {noted}, and this command's is {environment}; set \
                 KEYWARD_ENV (with make, ENV) to the server's."
            )));
        }
        if self.store.setting(TEST_USERS).await? != Some(self.test_users_mark()?) {
            return Err(Error::conflict(
                "This data folder's server has other test users, or none; give this command its settings \
                 (KEYWARD_TEST_USERS, KEYWARD_TEST_USERS_FILE, or its file).",
            ));
        }
        Ok(())
    }

    /// Which test users there are, in a form that tells nobody their passwords.
    fn test_users_mark(&self) -> Result<String> {
        let users = self.settings.test_users.iter().filter(|_| self.settings.makes_test_users);
        let users: Vec<_> =
            users.map(|user| (&user.username, user.password.expose(), &user.group, &user.name)).collect();
        let text = zeroize::Zeroizing::new(serde_json::to_string(&users).map_err(Error::internal)?);
        self.master_key.fingerprint("test users", text.as_bytes())
    }

    /// The home pool, wherever it is kept.
    pub fn home(&self) -> &dyn Directory {
        &*self.directory
    }

    /// The home pool, when it is kept elsewhere.
    pub fn remote_pool(&self) -> Option<&RemotePool> {
        self.remote_pool.as_ref()
    }

    /// Our own pool, for what is said in the Cognito protocol.
    pub fn local_pool(&self) -> &Arc<LocalPool> {
        &self.local_pool
    }

    /// What was set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where everything here takes its randomness from.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Unavailable` when it doesn't.
    pub async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }
}

impl fmt::Debug for Keyward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keyward").field("settings", &self.settings).finish_non_exhaustive()
    }
}
