//! Pools of users: the home pool, whose users have roles and keys here, and others beside it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::directory::Directory;
use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::local_pool::password::PasswordPolicy;
use crate::permission::MANAGE_POOLS;

/// How many pools are kept open; beyond them, one is opened anew each time it is needed.
const OPEN_POOLS: usize = 10_000;

/// A pool of users.
#[derive(Debug, Clone)]
pub struct UserPool {
    /// Like `us-east-1_k3Y9wRd0A`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What can be set of it.
    pub settings: UserPoolSettings,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// Counts the changes.
    pub version: i64,
}

/// What can be set of a pool. What isn't said in a stored one is as in a pool of Amazon's that nothing was
/// said of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UserPoolSettings {
    /// What its passwords must be like.
    pub password_policy: PasswordPolicy,
    /// What its users are known by; never changes.
    pub identifiers: Identifiers,
    /// Whether signing in asks for a second factor.
    pub mfa: MfaMode,
    /// Whether a software token is a second factor here.
    pub software_token_mfa: bool,
    /// Whether only administrators make users (`AllowAdminCreateUserOnly`).
    pub admin_create_only: bool,
    /// Whether the pool can't be deleted.
    pub deletion_protection: bool,
    /// The attributes that are proven by a code when a user signs up: `email`, `phone_number`.
    pub auto_verified: Vec<String>,
    /// What the pool's users may have beside the standard attributes, and which of those they must have.
    pub schema: Vec<SchemaAttribute>,
    /// Free words of the pool's owner.
    pub tags: BTreeMap<String, String>,
    /// What was set beside, kept as it came and without effect here.
    pub kept: Map<String, Value>,
}

/// What users are known by beside their `sub`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identifiers {
    /// Whether names that differ in case alone are different ones.
    pub case_sensitive: bool,
    /// A user's name is one of these attributes (`email`, `phone_number`), and the `sub` stands for it; none
    /// where users have names.
    pub username_attributes: Vec<String>,
    /// The attributes (`email`, `phone_number`, `preferred_username`) that stand for the name once proven.
    pub alias_attributes: Vec<String>,
}

/// Whether signing in asks for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MfaMode {
    /// Of nobody.
    #[default]
    Off,
    /// Of who wants it.
    Optional,
    /// Of everybody.
    On,
}

/// An attribute that a pool's users have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaAttribute {
    /// With `custom:` in front where it isn't a standard one.
    pub name: String,
    /// `String`, `Number`, `DateTime` or `Boolean`.
    pub data_type: String,
    /// Whether it may change.
    pub mutable: bool,
    /// Whether every user must have it.
    pub required: bool,
    /// The shortest text or smallest number, as it was written.
    pub minimum: Option<String>,
    /// The longest text or largest number, as it was written.
    pub maximum: Option<String>,
}

impl Identifiers {
    /// How a name or an address is looked up.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.case_sensitive { name.to_owned() } else { name.to_lowercase() }
    }
}

/// The pools that are open, by their ids. What is kept of one never changes while it is there.
#[derive(Debug, Default)]
pub(crate) struct OpenPools(Mutex<HashMap<String, Arc<LocalPool>>>);

impl OpenPools {
    fn get(&self, id: &str) -> Option<Arc<LocalPool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn keep(&self, pool: &Arc<LocalPool>) {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.len() >= OPEN_POOLS {
            pools.clear();
        }
        pools.insert(pool.id().to_owned(), Arc::clone(pool));
    }
}

impl Keyward {
    /// The pool of this id, open. It may have been deleted since it was opened; its settings tell.
    ///
    /// # Errors
    /// `NotFound(UserPool)`.
    pub async fn user_pool(&self, id: &str) -> Result<Arc<LocalPool>> {
        if id == self.local_pool.id() {
            return Ok(Arc::clone(&self.local_pool));
        }
        if let Some(pool) = self.pools.get(id) {
            return Ok(pool);
        }
        let pool = Arc::new(self.local_pool.open_beside(id).await?);
        self.pools.keep(&pool);
        Ok(pool)
    }

    /// Whether this is the home pool, whose users have roles and keys.
    pub(crate) fn is_home(&self, pool_id: &str) -> bool {
        pool_id == self.directory.pool_id()
    }

    /// Lets the caller through with any of `permissions`, which are about the home pool's users; what
    /// concerns another pool takes `manage:pools`.
    ///
    /// # Errors
    /// `Unauthenticated` without a credential, `Forbidden` without the permission.
    pub(crate) fn require_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        permissions: &[&str],
    ) -> Result<()> {
        if self.is_home(pool.pool_id()) {
            caller.require_any(permissions)
        } else {
            caller.require(MANAGE_POOLS)
        }
    }
}

/// The error for a pool that isn't there.
pub(crate) fn unknown_pool(id: &str) -> Error {
    Error::not_found(Thing::UserPool, format!("User pool {id} does not exist."))
}
