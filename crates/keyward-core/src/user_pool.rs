//! Pools of users: the home pool, whose users have roles and keys here, and others beside it.

mod schema;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::schema::{Occasion, SchemaAttribute};
pub use self::settings::{
    EmailMfa, FirstFactor, Identifiers, MessageTexts, Messages, MfaMode, RecoveryMechanism, ResourceServer,
    Scope, UserPoolSettings, WebAuthn,
};
use crate::audit::{Target, changed_members};
use crate::caller::Caller;
use crate::directory::Directory;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::{LocalPool, generate_keys};
use crate::page::{Cursor, Page};
use crate::permission::MANAGE_POOLS;
use crate::user::require_version;

/// How many pools are kept open; beyond them, one is opened anew each time it is needed.
const OPEN_POOLS: usize = 10_000;
/// The most pools there can be, as with Amazon
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>).
const MAXIMUM_POOLS: i64 = 10_000;
/// How often a change is made anew because another one came first.
const CHANGE_TRIES: usize = 10;
/// The most resource servers of a pool, as with Amazon (the same page).
const MAXIMUM_RESOURCE_SERVERS: usize = 25;
/// Characters after a pool's region.
const ID_LENGTH: usize = 9;

/// A pool of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// A pool to be made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewUserPool {
    /// What the id begins with; the home pool's region when not said.
    pub region: Option<String>,
    /// 1 to 128 characters.
    pub name: String,
    /// What can be set of it.
    pub settings: UserPoolSettings,
}

/// The second factors of a pool, as they are to be. What isn't said stays as it is, unless `mfa` is said.
#[derive(Debug, Clone, Default)]
pub struct PoolFactors {
    /// Whether signing in asks for one. Who says it says all of them: software tokens, SMS and email are none
    /// any more where they aren't said, too.
    pub mfa: Option<MfaMode>,
    /// Whether a software token is one.
    pub software_token_mfa: Option<bool>,
    /// A code by SMS is one.
    pub sms: Option<SmsMfa>,
    /// A code by email is one.
    pub email: Option<EmailMfa>,
    /// How passkeys are used.
    pub web_authn: Option<WebAuthn>,
}

/// The SMS with a code that is a second factor.
#[derive(Debug, Clone, Default)]
pub struct SmsMfa {
    /// With `{####}` in it; Cognito's own when not said.
    pub message: Option<String>,
    /// How Amazon would send it; kept, without effect.
    pub configuration: Option<Value>,
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

    fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
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
        self.require_ours(id)?;
        let pool = Arc::new(Box::pin(self.local_pool.open_beside(id)).await?);
        self.pools.keep(&pool);
        Ok(pool)
    }

    /// Makes a pool of users beside the home pool.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `InvalidInput`, `Conflict` when there are 10,000 pools.
    pub async fn create_user_pool(&self, caller: &Caller, new: NewUserPool) -> Result<UserPool> {
        const ACTION: &str = "user-pool.create";
        let target = Target::named("user-pool", &new.name);
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let region = new.region.as_deref().unwrap_or(self.local_pool.region());
            let is_region = (1..=32).contains(&region.len())
                && region.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            if !is_region {
                return Err(Error::invalid("region", "A region is a name such as us-east-1."));
            }
            let name = valid_name(&new.name)?;
            new.settings.validate()?;
            new.settings.validate_schema()?;
            let create = async || {
                let now_ms = self.clock.now_ms();
                let pool = UserPool {
                    id: format!("{region}_{}", self.random.base62(ID_LENGTH).expose()),
                    name: name.to_owned(),
                    settings: new.settings.clone(),
                    created_at_ms: now_ms,
                    updated_at_ms: now_ms,
                    version: 1,
                };
                let keys = generate_keys(&self.random, &self.master_key).await?;
                let target = Target::new("user-pool", &pool.id, &pool.name);
                let change = self.change_with_reply(caller, ACTION, &new, &pool, target, json!({}))?;
                self.store.insert_user_pool(&pool, &keys, MAXIMUM_POOLS, &change).await?;
                Ok(pool)
            };
            self.once(caller, ACTION, &new, create).await
        };
        self.audited(caller, ACTION, target, outcome.await).await
    }

    /// What is set of the pool of this id.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`.
    pub async fn described_user_pool(&self, caller: &Caller, id: &str) -> Result<UserPool> {
        caller.require(MANAGE_POOLS)?;
        self.known_pool(id).await
    }

    /// How many accounts there are in the pool.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`.
    pub async fn count_accounts(&self, caller: &Caller, pool_id: &str) -> Result<i64> {
        caller.require(MANAGE_POOLS)?;
        self.store.count_accounts(pool_id).await
    }

    /// The pools, by their ids.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`.
    pub async fn user_pools(&self, caller: &Caller, page: &Cursor) -> Result<Page<UserPool>> {
        caller.require(MANAGE_POOLS)?;
        let mut pools = self.store.user_pools(page).await?;
        pools.items.retain(|pool| self.require_ours(&pool.id).is_ok());
        Ok(pools)
    }

    /// Sets everything of the pool anew but for what never changes, what [`Keyward::set_pool_factors`] sets,
    /// and its schema; its name only when it is said.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, or without `*` for the texts of the home pool's messages and what
    /// it asks of who signs in; `NotFound(UserPool)`, `InvalidInput`; `Conflict` when no admin could show the
    /// second factor any more that their role asks for.
    pub async fn update_user_pool(
        &self,
        caller: &Caller,
        id: &str,
        name: Option<&str>,
        settings: UserPoolSettings,
    ) -> Result<UserPool> {
        self.change_user_pool(caller, id, "user-pool.update", |pool| {
            if let Some(name) = name {
                valid_name(name)?.clone_into(&mut pool.name);
            }
            let old = std::mem::replace(&mut pool.settings, settings.clone());
            let new = &mut pool.settings;
            let asks_for_else = new.mfa != old.mfa || new.first_factors() != old.first_factors();
            (new.identifiers, new.schema) = (old.identifiers, old.schema);
            new.resource_servers = old.resource_servers;
            (new.software_token_mfa, new.email_mfa) = (old.software_token_mfa, old.email_mfa);
            new.sms_mfa |= old.sms_mfa;
            new.web_authn = old.web_authn;
            new.password_policy.refuses_common = old.password_policy.refuses_common;
            let has_new_texts = new.messages != old.messages && new.messages != Messages::default();
            self.require_over_home(caller, id, has_new_texts || asks_for_else)
        })
        .await
    }

    /// Sets the second factors of the pool; of the home pool, with `*` alone.
    ///
    /// # Errors
    /// As [`Keyward::update_user_pool`].
    pub async fn set_pool_factors(
        &self,
        caller: &Caller,
        id: &str,
        factors: PoolFactors,
    ) -> Result<UserPool> {
        self.change_user_pool(caller, id, "user-pool.set-mfa", |pool| {
            let settings = &mut pool.settings;
            let factors = factors.clone();
            self.require_over_home(caller, id, true)?;
            let is_off = factors.mfa == Some(MfaMode::Off);
            if is_off && (factors.software_token_mfa == Some(true) || factors.sms.is_some()) {
                return Err(Error::invalid(
                    "mfa",
                    "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
                ));
            }
            if let Some(mfa) = factors.mfa {
                (settings.mfa, settings.software_token_mfa) = (mfa, false);
                (settings.sms_mfa, settings.email_mfa) = (false, None);
            }
            settings.software_token_mfa = factors.software_token_mfa.unwrap_or(settings.software_token_mfa);
            if let Some(SmsMfa { message, configuration }) = factors.sms {
                settings.sms_mfa = true;
                settings.messages.sms_authentication = message;
                let name = "SmsConfiguration".to_owned();
                settings.kept.extend(configuration.map(|configuration| (name, configuration)));
            }
            settings.email_mfa = factors.email.or_else(|| settings.email_mfa.take());
            settings.web_authn = factors.web_authn.unwrap_or_else(|| std::mem::take(&mut settings.web_authn));
            Ok(())
        })
        .await
    }

    /// Adds attributes that the pool's users may have.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `InvalidInput`.
    pub async fn add_pool_attributes(
        &self,
        caller: &Caller,
        id: &str,
        attributes: Vec<SchemaAttribute>,
    ) -> Result<UserPool> {
        self.change_user_pool(caller, id, "user-pool.add-attributes", |pool| {
            let schema = &mut pool.settings.schema;
            let is_there = |new: &SchemaAttribute| schema.iter().any(|known| known.name == new.name);
            if let Some(known) = attributes.iter().find(|new| is_there(new)) {
                return Err(Error::invalid(
                    "schema",
                    format!("{}: Existing attribute already has name {}.", known.name, known.name),
                ));
            }
            schema.extend(attributes.iter().cloned());
            pool.settings.validate_schema()
        })
        .await
    }

    /// Gives the pool these tags beside those it has.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `InvalidInput`.
    pub async fn tag_pool(
        &self,
        caller: &Caller,
        id: &str,
        tags: BTreeMap<String, String>,
    ) -> Result<UserPool> {
        self.change_user_pool(caller, id, "user-pool.tag", |pool| {
            pool.settings.tags.extend(tags.clone());
            Ok(())
        })
        .await
    }

    /// Takes tags from the pool; those that it doesn't have, it is without already.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`.
    pub async fn untag_pool(&self, caller: &Caller, id: &str, names: &[String]) -> Result<UserPool> {
        self.change_user_pool(caller, id, "user-pool.untag", |pool| {
            pool.settings.tags.retain(|name, _| !names.contains(name));
            Ok(())
        })
        .await
    }

    /// Makes a resource server of the pool. Nothing here asks for its scopes.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `AlreadyExists(ResourceServer)`, `Conflict`
    /// when the pool has 25 of them.
    pub async fn create_resource_server(
        &self,
        caller: &Caller,
        pool_id: &str,
        identifier: &str,
        server: &ResourceServer,
    ) -> Result<()> {
        self.change_user_pool(caller, pool_id, "resource-server.create", |pool| {
            let servers = &mut pool.settings.resource_servers;
            if servers.contains_key(identifier) {
                let message = format!("{identifier} already exists in user pool {pool_id}.");
                return Err(Error::already_exists(Thing::ResourceServer, message));
            }
            if servers.len() >= MAXIMUM_RESOURCE_SERVERS {
                return Err(Error::conflict(format!(
                    "There can be {MAXIMUM_RESOURCE_SERVERS} resource servers in a user pool at most; delete \
                     some first."
                )));
            }
            servers.insert(identifier.to_owned(), server.clone());
            Ok(())
        })
        .await
        .map(drop)
    }

    /// The resource servers of the pool, by their identifiers.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`.
    pub async fn resource_servers(
        &self,
        caller: &Caller,
        pool_id: &str,
        page: &Cursor,
    ) -> Result<Page<(String, ResourceServer)>> {
        caller.require(MANAGE_POOLS)?;
        let servers = self.known_pool(pool_id).await?.settings.resource_servers.into_iter();
        let rest = servers.filter(|(identifier, _)| identifier.as_str() > page.after());
        Ok(page.page(rest.collect(), |(identifier, _)| identifier))
    }

    /// Sets everything of a resource server anew, but for its identifier.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(ResourceServer)`.
    pub async fn update_resource_server(
        &self,
        caller: &Caller,
        pool_id: &str,
        identifier: &str,
        server: &ResourceServer,
    ) -> Result<()> {
        self.change_user_pool(caller, pool_id, "resource-server.update", |pool| {
            let known = pool.settings.resource_servers.get_mut(identifier);
            *known.ok_or_else(|| unknown_resource_server(identifier))? = server.clone();
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Deletes a resource server.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(ResourceServer)`.
    pub async fn delete_resource_server(
        &self,
        caller: &Caller,
        pool_id: &str,
        identifier: &str,
    ) -> Result<()> {
        self.change_user_pool(caller, pool_id, "resource-server.delete", |pool| {
            let known = pool.settings.resource_servers.remove(identifier);
            known.map(drop).ok_or_else(|| unknown_resource_server(identifier))
        })
        .await
        .map(drop)
    }

    /// Deletes the pool with its users, groups and app clients. Their tokens are refused at once.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `PreconditionFailed`, `Conflict` for the home
    /// pool, and for a pool that is protected.
    pub async fn delete_user_pool(
        &self,
        caller: &Caller,
        id: &str,
        if_match: Option<i64>,
    ) -> Result<UserPool> {
        const ACTION: &str = "user-pool.delete";
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let pool = self.known_pool(id).await?;
            require_version(if_match, pool.version)?;
            if self.is_home(&pool.id) || pool.id == self.local_pool.id() {
                return Err(Error::conflict(
                    "The home pool, whose users have roles and keys, can't be deleted.",
                ));
            }
            if pool.settings.deletion_protection {
                return Err(Error::conflict(
                    "The user pool cannot be deleted because deletion protection is activated. Deletion \
                     protection must be inactivated first.",
                ));
            }
            let target = Target::new("user-pool", &pool.id, &pool.name);
            let change = self.change(caller, ACTION, target, json!({}));
            self.store.delete_user_pool(&pool, &change).await?;
            self.pools.forget(&pool.id);
            Ok(pool)
        };
        self.audited(caller, ACTION, Target::named("user-pool", id), outcome.await).await
    }

    /// Takes `*` of who `decides` over the home pool's users. Who writes its messages could have the codes and
    /// temporary passwords in them sent on to where they like, by an image in the text for one, and so become
    /// any of its users; who says what signing in asks for could take everybody's second factor away.
    fn require_over_home(&self, caller: &Caller, pool_id: &str, decides: bool) -> Result<()> {
        if decides && self.is_home(pool_id) { caller.require("*") } else { Ok(()) }
    }

    /// Refuses settings of the home pool by which an admin could be kept out for good: of all second factors,
    /// a software token alone can be set up while signing in.
    fn require_way_in(&self, UserPool { id, settings, .. }: &UserPool) -> Result<()> {
        if self.is_home(id) && settings.mfa == MfaMode::On && !settings.software_token_mfa {
            return Err(Error::invalid(
                "mfa",
                "Where the home pool requires MFA, software tokens must be enabled: an admin who has nothing \
                 else could never sign in again.",
            ));
        }
        Ok(())
    }

    /// Lets software tokens be set up in the home pool again, where it asks everybody for a second factor.
    pub(crate) async fn restore_way_in(&self, caller: &Caller) -> Result<()> {
        let home = self.known_pool(self.local_pool.id()).await?;
        if self.require_way_in(&home).is_ok() {
            return Ok(());
        }
        let restore = |pool: &mut UserPool| {
            pool.settings.software_token_mfa = true;
            Ok(())
        };
        self.change_user_pool(caller, &home.id, "user-pool.set-mfa", restore).await.map(drop)
    }

    async fn change_user_pool(
        &self,
        caller: &Caller,
        id: &str,
        action: &str,
        edit: impl Fn(&mut UserPool) -> Result<()>,
    ) -> Result<UserPool> {
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let mut tries = 0;
            loop {
                let mut pool = self.known_pool(id).await?;
                let before = pool.clone();
                edit(&mut pool)?;
                pool.settings.validate()?;
                self.require_way_in(&pool)?;
                pool.updated_at_ms = self.clock.now_ms();
                let target = Target::new("user-pool", &pool.id, &pool.name);
                let mut changed = changed_members(&before.settings, &pool.settings)?;
                if pool.name != before.name {
                    changed.push("name".to_owned());
                }
                let change = self.change(caller, action, target, json!({ "changed": changed }));
                match self.store.update_user_pool(&pool, &change).await {
                    // Programs that set pools up change many parts of one at once.
                    Err(error) if error.code == Code::Conflict && tries < CHANGE_TRIES => tries += 1,
                    outcome => {
                        pool.version += 1;
                        return outcome.map(|()| pool);
                    }
                }
            }
        };
        self.audited(caller, action, Target::named("user-pool", id), outcome.await).await
    }

    pub(crate) async fn known_pool(&self, id: &str) -> Result<UserPool> {
        self.require_ours(id)?;
        self.store.user_pool(id).await?.ok_or_else(|| unknown_pool(id))
    }

    /// A home pool that is kept elsewhere isn't one of ours: what is set of it, and by whom, is decided there.
    fn require_ours(&self, id: &str) -> Result<()> {
        if self.remote_pool.is_some() && self.is_home(id) { Err(unknown_pool(id)) } else { Ok(()) }
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

/// The name of a pool or an app client, in the words that Amazon's pattern allows
/// (<https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html>).
pub(crate) fn valid_name(name: &str) -> Result<&str> {
    let is_fit = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | ' ' | '+' | '=' | ',' | '.' | '@' | '-')
    };
    if (1..=128).contains(&name.len()) && name.chars().all(is_fit) {
        return Ok(name);
    }
    Err(Error::invalid("name", "A name must be 1 to 128 letters, digits, spaces and characters of _+=,.@-."))
}

/// The error for a pool that isn't there.
pub(crate) fn unknown_pool(id: &str) -> Error {
    Error::not_found(Thing::UserPool, format!("User pool {id} does not exist."))
}

/// The error for a resource server that isn't there.
pub fn unknown_resource_server(identifier: &str) -> Error {
    Error::not_found(Thing::ResourceServer, format!("Resource server {identifier} does not exist."))
}
