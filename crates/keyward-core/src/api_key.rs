//! API keys: secrets shown once, with which a program acts as a user.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use jiff::civil::{Date, ISOWeekDate, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_API_KEYS, Permission, PermissionSet, VIEW_API_KEYS};
use crate::random::{Random, to_base62};
use crate::secret::Secret;
use crate::user::{User, program_name, require_version};

/// Characters of a key that name it and are safe to show.
const PUBLIC_ID_LENGTH: usize = 12;
/// Characters of a key that are the secret: 273 bits.
const SECRET_LENGTH: usize = 46;
/// Characters of the CRC-32 over all before.
const CHECKSUM_LENGTH: usize = 6;
/// What follows the prefix and its underscore, in our keys and in those of VAMS.
const BODY_LENGTH: usize = PUBLIC_ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH;
/// The longest time that an old secret may keep working after a rotation.
const MAXIMUM_OVERLAP_SECONDS: i64 = 90 * 24 * 60 * 60;
/// When a day ends, as far as keys go.
const END_OF_DAY: Time = Time::constant(23, 59, 59, 999_000_000);
/// The most keys in one import.
pub const MAXIMUM_IMPORT: usize = 1000;

/// An API key, as it may be shown; the secret isn't in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The immutable id, a UUID.
    pub id: String,
    /// The part of the current secret that is safe to show; empty for an imported key.
    pub public_id: String,
    /// 1 to 256 characters, no other key has it.
    pub name: String,
    /// At most 256 characters.
    pub description: String,
    /// Whom the key acts as.
    pub user_id: String,
    /// That user's name.
    pub username: String,
    /// Whether that user is enabled.
    pub user_enabled: bool,
    /// The name of who made the key.
    pub created_by: String,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// When it ends, as it was written.
    pub expires_at: Option<String>,
    /// What that means, in milliseconds since the epoch, UTC. Text without a meaning counts as expired.
    pub expires_at_ms: Option<i64>,
    /// A key that isn't active is refused.
    pub active: bool,
    /// What the key may do at most; its user's rights when there is none.
    pub scope: Option<Vec<Permission>>,
    /// Where it may be used from; anywhere when empty.
    pub allowed_addresses: Vec<IpNet>,
    /// Who answers for the key.
    pub owner: Option<String>,
    /// When somebody should look whether it is still needed; a date.
    pub review_at: Option<String>,
    /// The last use of the current secret.
    pub last_used: Option<LastUse>,
    /// The secret before the last rotation, while it still works.
    pub previous: Option<PreviousSecret>,
    /// Whether the secret was made elsewhere.
    pub imported: bool,
    /// Counts the changes; what `If-Match` compares.
    pub version: i64,
}

/// When and from where a secret was last used, to the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// A secret that still works beside its successor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The part that is safe to show.
    pub public_id: String,
    /// Until when it works; milliseconds since the epoch, UTC.
    pub valid_until_ms: i64,
    /// Its last use.
    pub last_used: Option<LastUse>,
}

/// Whether a key works now, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name says it")]
pub enum ApiKeyState {
    Active,
    Disabled,
    Expired,
    UserDisabled,
}

/// What it takes to make a key.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "as in ApiKey")]
pub struct NewApiKey {
    pub name: String,
    /// The name or id of whom it acts as; must have a role.
    pub user: String,
    pub description: String,
    /// Anything ISO 8601; a date alone means the end of that day, UTC; without a zone means UTC.
    pub expires_at: Option<String>,
    pub scope: Option<Vec<String>>,
    /// Addresses and CIDR blocks.
    pub allowed_addresses: Vec<String>,
    pub owner: Option<String>,
    pub review_at: Option<String>,
}

/// What to change of a key; what is `None` stays.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as in ApiKey")]
pub struct ApiKeyUpdate {
    pub description: Option<String>,
    /// `""` clears it. An expired key stays disabled unless `active` is set to true in the same change.
    pub expires_at: Option<String>,
    pub active: Option<bool>,
    pub scope: Option<Option<Vec<String>>>,
    pub allowed_addresses: Option<Vec<String>>,
    pub owner: Option<Option<String>>,
    pub review_at: Option<Option<String>>,
    /// Refuse unless the key still has this version.
    pub if_match: Option<i64>,
}

/// A key with its secret: the only place where the secret exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct IssuedApiKey {
    pub key: ApiKey,
    pub secret: Secret,
}

/// Which keys to list.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyQuery {
    /// The name or id of whom the keys act as.
    pub user: Option<String>,
    /// The key's exact name.
    pub name: Option<String>,
    /// How many, from where.
    pub page: Cursor,
}

/// A key that was made elsewhere, known by the hash of its secret.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as in NewApiKey")]
pub struct ImportedApiKey {
    pub name: String,
    pub user: String,
    pub description: String,
    /// SHA-256 of the whole key with its prefix, 64 hexadecimal digits.
    pub sha256: String,
    pub expires_at: Option<String>,
    pub active: bool,
}

/// A secret on its way into the database.
#[derive(Debug, Clone)]
pub(crate) struct StoredSecret {
    pub(crate) hash: String,
    pub(crate) public_id: String,
}

impl ApiKey {
    /// Whether the key works at `now_ms`.
    pub fn state(&self, now_ms: i64) -> ApiKeyState {
        if !self.active {
            ApiKeyState::Disabled
        } else if self.is_expired(now_ms) {
            ApiKeyState::Expired
        } else if self.user_enabled {
            ApiKeyState::Active
        } else {
            ApiKeyState::UserDisabled
        }
    }

    /// Whether it has ended at `now_ms`; an end that nobody can read has come.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at.is_some() && self.expires_at_ms.is_none_or(|expires_at_ms| expires_at_ms <= now_ms)
    }

    /// The secret before the last rotation is shown while it works, not until somebody sweeps it up.
    fn drop_ended_secret(&mut self, now_ms: i64) {
        self.previous.take_if(|previous| previous.valid_until_ms <= now_ms);
    }
}

impl Keyward {
    /// Makes a key that acts as a user who has a role. The secret is in the answer, and nowhere else.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys` or for a user with rights above the caller's, `InvalidInput` (a
    /// user who has no role, or isn't there, among them), `AlreadyExists(ApiKey)`.
    pub async fn create_api_key(&self, caller: &Caller, new: NewApiKey) -> Result<IssuedApiKey> {
        const ACTION: &str = "api-key.create";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            // What is wrong with the request itself comes before what the database says of it.
            let name = key_name(&new.name)?;
            let description = description(&new.description)?;
            let scope = scope(new.scope.as_deref())?;
            let owner = owner(new.owner.as_deref())?;
            let review_at = review_at(new.review_at.as_deref())?;
            let expires_at = new.expires_at.as_deref().filter(|text| !text.is_empty());
            let expires_at_ms = expires_at.map(parse_expiry).transpose()?;
            let allowed_addresses = allowed_addresses(&new.allowed_addresses)?;
            let user = match self.key_user(&new.user).await {
                // As in VAMS, a name that is taken comes before a user without roles.
                Err(_) if self.store.has_api_key(&name).await? => return Err(name_taken(&name)),
                user => user?,
            };
            self.require_issuable(caller, &user.id, scope.as_deref()).await?;
            let create = async || {
                let (secret, stored) = self.new_secret();
                let now_ms = self.clock.now_ms();
                let key = ApiKey {
                    id: self.random.uuid(),
                    public_id: stored.public_id.clone(),
                    name,
                    description,
                    user_id: user.id,
                    username: user.username,
                    user_enabled: user.enabled,
                    created_by: caller.name().to_owned(),
                    created_at_ms: now_ms,
                    updated_at_ms: now_ms,
                    expires_at: expires_at.map(str::to_owned),
                    expires_at_ms,
                    active: true,
                    scope,
                    allowed_addresses,
                    owner,
                    review_at,
                    last_used: None,
                    previous: None,
                    imported: false,
                    version: 1,
                };
                let detail = json!({
                    "user": key.username,
                    "public_id": key.public_id,
                    "expires_at": key.expires_at,
                    "scope": key.scope,
                });
                let target = Target::new("api-key", &key.id, &key.name);
                let issued = IssuedApiKey { key, secret };
                let change = self.change_with_reply(caller, ACTION, &new, &issued, target, detail)?;
                self.store.insert_api_key(&issued.key, &stored, &change).await?;
                Ok(issued)
            };
            self.once(caller, ACTION, &new, create).await
        };
        self.audited(caller, ACTION, Target::named("api-key", &new.name), outcome.await).await
    }

    /// The keys that fit, by name.
    ///
    /// # Errors
    /// `Forbidden` without `view:api-keys` or `manage:api-keys`.
    pub async fn list_api_keys(&self, caller: &Caller, query: &ApiKeyQuery) -> Result<Page<ApiKey>> {
        caller.require_any(&[VIEW_API_KEYS, MANAGE_API_KEYS])?;
        let user_id = match &query.user {
            Some(name_or_id) => Some(self.known_user(name_or_id).await?.id),
            None => None,
        };
        self.flush_uses().await?;
        let now_ms = self.clock.now_ms();
        let mut page = self.store.api_keys(user_id.as_deref(), query.name.as_deref(), &query.page).await?;
        page.items.iter_mut().for_each(|key| key.drop_ended_secret(now_ms));
        Ok(page)
    }

    /// The key of this id.
    ///
    /// # Errors
    /// `Forbidden` without `view:api-keys` or `manage:api-keys`, `NotFound(ApiKey)`.
    pub async fn api_key(&self, caller: &Caller, id: &str) -> Result<ApiKey> {
        caller.require_any(&[VIEW_API_KEYS, MANAGE_API_KEYS])?;
        self.flush_uses().await?;
        self.known_api_key(id).await
    }

    /// Changes what is named in `update`, and nothing else. It counts from the next request on.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys`, or when the key would do more than the caller may,
    /// `NotFound(ApiKey)`, `InvalidInput`, `PreconditionFailed`.
    pub async fn update_api_key(&self, caller: &Caller, id: &str, update: ApiKeyUpdate) -> Result<ApiKey> {
        const ACTION: &str = "api-key.update";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            let mut key = self.known_api_key(id).await?;
            require_version(update.if_match, key.version)?;
            let now_ms = self.clock.now_ms();
            let was_expired = key.is_expired(now_ms);
            let mut changed = Vec::new();
            if let Some(text) = &update.description {
                key.description = description(text)?;
                changed.push("description");
            }
            if let Some(text) = &update.expires_at {
                key.expires_at = Some(text.clone()).filter(|text| !text.is_empty());
                key.expires_at_ms = key.expires_at.as_deref().map(parse_expiry).transpose()?;
                changed.push("expires_at");
            }
            if let Some(active) = update.active {
                key.active = active;
                changed.push("active");
            }
            // Who clears the end of a dead key seldom means to arm it again: that must be said.
            if was_expired && !key.is_expired(now_ms) && update.active != Some(true) {
                key.active = false;
            }
            if let Some(texts) = &update.scope {
                key.scope = scope(texts.as_deref())?;
                changed.push("scope");
            }
            if let Some(texts) = &update.allowed_addresses {
                key.allowed_addresses = allowed_addresses(texts)?;
                changed.push("allowed_addresses");
            }
            // Also of a key that sleeps: what it may do then is what it does when somebody else wakes it. To
            // disable it, like deleting it, is everybody's right who manages keys.
            let is_about_rights = update.expires_at.is_some()
                || update.scope.is_some()
                || update.allowed_addresses.is_some()
                || update.active == Some(true);
            if is_about_rights {
                caller.require_all_of(&self.key_rights(&key.user_id, key.scope.as_deref()).await?)?;
            }
            if let Some(text) = &update.owner {
                key.owner = owner(text.as_deref())?;
                changed.push("owner");
            }
            if let Some(text) = &update.review_at {
                key.review_at = review_at(text.as_deref())?;
                changed.push("review_at");
            }
            if changed.is_empty() {
                return Err(Error::invalid(
                    "description",
                    "Say what to change: description, expires_at, active, scope, allowed_addresses, owner or \
                     review_at.",
                ));
            }
            key.updated_at_ms = now_ms;
            let detail = json!({
                "changed": changed,
                "active": key.active,
                "expires_at": key.expires_at,
                "scope": key.scope,
            });
            let change = self.change(caller, ACTION, Target::new("api-key", &key.id, &key.name), detail);
            self.store.update_api_key(&key, &change).await?;
            key.version += 1;
            Ok(key)
        };
        self.audited(caller, ACTION, Target::named("api-key", id), outcome.await).await
    }

    /// Deletes the key; the next request with it is refused.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys`, `NotFound(ApiKey)`, `PreconditionFailed`.
    pub async fn delete_api_key(&self, caller: &Caller, id: &str, if_match: Option<i64>) -> Result<ApiKey> {
        const ACTION: &str = "api-key.delete";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            let key = self.known_api_key(id).await?;
            require_version(if_match, key.version)?;
            let target = Target::new("api-key", &key.id, &key.name);
            let change = self.change(caller, ACTION, target, json!({ "user": key.username }));
            self.store.delete_api_key(&key, &change).await?;
            Ok(key)
        };
        self.audited(caller, ACTION, Target::named("api-key", id), outcome.await).await
    }

    /// Gives the key a new secret under the same name, scope and rights. The old one keeps working for
    /// `overlap_seconds` (at most 90 days), and never longer than the key itself.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys` or for a user with rights above the caller's, `NotFound(ApiKey)`,
    /// `InvalidInput`, `Conflict` for a key that is disabled or expired.
    pub async fn rotate_api_key(
        &self,
        caller: &Caller,
        id: &str,
        overlap_seconds: i64,
    ) -> Result<IssuedApiKey> {
        const ACTION: &str = "api-key.rotate";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            self.flush_uses().await?;
            let mut key = self.known_api_key(id).await?;
            self.require_issuable(caller, &key.user_id, key.scope.as_deref()).await?;
            if !(0..=MAXIMUM_OVERLAP_SECONDS).contains(&overlap_seconds) {
                return Err(Error::invalid(
                    "overlap_seconds",
                    "The overlap must be between 0 seconds and 90 days.",
                ));
            }
            // What the user may do now is nothing to go by when they have no role for the moment.
            if !self.has_grants(&key.user_id).await? {
                return Err(Error::conflict(
                    "The key's user has no role; give them one before you rotate the key.",
                ));
            }
            let request = (key.id.clone(), overlap_seconds);
            let rotate = async || {
                let now_ms = self.clock.now_ms();
                if !key.active || key.is_expired(now_ms) {
                    return Err(Error::conflict(
                        "The key is disabled or expired; make it active again before you rotate it, or \
                         create a new one.",
                    ));
                }
                let (secret, stored) = self.new_secret();
                let until_ms = now_ms + overlap_seconds * 1000;
                let valid_until_ms =
                    key.expires_at_ms.map_or(until_ms, |expires_at_ms| expires_at_ms.min(until_ms));
                let overlaps = overlap_seconds > 0;
                key.previous = overlaps.then(|| PreviousSecret {
                    public_id: std::mem::take(&mut key.public_id),
                    valid_until_ms,
                    last_used: key.last_used.take(),
                });
                key.public_id.clone_from(&stored.public_id);
                key.last_used = None;
                key.imported = false;
                key.updated_at_ms = now_ms;
                let version = key.version;
                key.version += 1;
                let detail = json!({ "public_id": key.public_id, "overlap_seconds": overlap_seconds });
                let target = Target::new("api-key", &key.id, &key.name);
                let issued = IssuedApiKey { key, secret };
                let change = self.change_with_reply(caller, ACTION, &request, &issued, target, detail)?;
                let keep_until_ms = overlaps.then_some(valid_until_ms);
                self.store.rotate_api_key(&issued.key, version, &stored, keep_until_ms, &change).await?;
                Ok(issued)
            };
            self.once(caller, ACTION, &request, rotate).await
        };
        self.audited(caller, ACTION, Target::named("api-key", id), outcome.await).await
    }

    /// Takes over keys that were made elsewhere, at most 1000: each gets its own answer, the key or the
    /// reason why not (`Forbidden` for rights above the caller's, too).
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys`, `InvalidInput` for more than 1000.
    pub async fn import_api_keys(
        &self,
        caller: &Caller,
        imported: &[ImportedApiKey],
    ) -> Result<Vec<Result<ApiKey>>> {
        const ACTION: &str = "api-key.import";
        let permitted = caller.require(MANAGE_API_KEYS);
        self.audited(caller, ACTION, Target::named("api-key", "import"), permitted).await?;
        if imported.is_empty() || imported.len() > MAXIMUM_IMPORT {
            return Err(Error::invalid("keys", "Send 1 to 1000 keys in one request."));
        }
        // Many keys act as few users: each is looked up once.
        let mut users: HashMap<&str, User> = HashMap::new();
        let mut ready = Vec::new();
        let mut results = Vec::with_capacity(imported.len());
        for new in imported {
            let outcome = async {
                let user = match users.entry(&new.user) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let user = self.key_user(&new.user).await?;
                        caller.require_all_of(&self.rights_of(&user.id).await?)?;
                        place.insert(user)
                    }
                };
                self.imported_key(caller, new, user)
            };
            let target = Target::named("api-key", &new.name);
            match self.audited(caller, ACTION, target, outcome.await).await {
                Ok((key, secret)) => {
                    let target = Target::new("api-key", &key.id, &key.name);
                    let change = self.change(caller, ACTION, target, json!({ "user": key.username }));
                    ready.push((key, secret, change));
                    results.push(None);
                }
                // No fault of the row: nothing is imported.
                Err(error) if matches!(error.code, Code::Unavailable | Code::Internal) => return Err(error),
                Err(error) => results.push(Some(error)),
            }
        }
        let mut inserted = self.store.insert_api_keys(ready).await?.into_iter();
        Ok(results
            .into_iter()
            .map(|refused| match refused {
                Some(error) => Err(error),
                None => inserted.next().unwrap_or_else(|| {
                    Err(Error::internal(anyhow::anyhow!("the import answered fewer keys than it was given")))
                }),
            })
            .collect())
    }

    fn imported_key(
        &self,
        caller: &Caller,
        new: &ImportedApiKey,
        user: &User,
    ) -> Result<(ApiKey, StoredSecret)> {
        let hash = new.sha256.to_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid("sha256", "The SHA-256 must be 64 hexadecimal digits."));
        }
        let expires_at = new.expires_at.as_deref().filter(|text| !text.is_empty());
        let now_ms = self.clock.now_ms();
        let key = ApiKey {
            id: self.random.uuid(),
            public_id: String::new(),
            name: key_name(&new.name)?,
            description: description(&new.description)?,
            user_id: user.id.clone(),
            username: user.username.clone(),
            user_enabled: user.enabled,
            created_by: caller.name().to_owned(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            expires_at: expires_at.map(str::to_owned),
            expires_at_ms: expires_at.map(parse_expiry).transpose()?,
            active: new.active,
            scope: None,
            allowed_addresses: Vec::new(),
            owner: None,
            review_at: None,
            last_used: None,
            previous: None,
            imported: true,
            version: 1,
        };
        Ok((key, StoredSecret { hash, public_id: String::new() }))
    }

    /// The user that a key is to act as.
    async fn key_user(&self, name_or_id: &str) -> Result<User> {
        let no_roles = |name: &str| {
            Error::invalid(
                "user",
                format!(
                    "User '{name}' has no roles assigned. Cannot create API key for a user without roles."
                ),
            )
        };
        match self.directory.find(name_or_id).await? {
            Some(user) => {
                let has_rights = !user.roles.is_empty() || self.has_grants(&user.id).await?;
                if has_rights { Ok(user) } else { Err(no_roles(&user.username)) }
            }
            // A name that nobody has can't have roles; giving it one is what makes it a program user.
            None => match program_name(name_or_id) {
                Ok(name) => Err(no_roles(&name)),
                Err(error) => Err(Error { code: Code::InvalidInput("user".into()), ..error }),
            },
        }
    }

    /// What a key of this user with this scope could ever do with the roles of now, those that sleep
    /// included.
    async fn key_rights(&self, user_id: &str, scope: Option<&[Permission]>) -> Result<PermissionSet> {
        let rights = self.rights_of(user_id).await?;
        Ok(match scope {
            Some(scope) => rights.intersection(&scope.iter().cloned().collect()),
            None => rights,
        })
    }

    /// Lets `caller` have a secret that acts as this user. A scope makes that less for oneself alone: an
    /// application is told whom a key acts as, and may go by the name as well as by the rights.
    async fn require_issuable(
        &self,
        caller: &Caller,
        user_id: &str,
        scope: Option<&[Permission]>,
    ) -> Result<()> {
        let scope = scope.filter(|_| caller.user_id() == Some(user_id));
        caller.require_all_of(&self.key_rights(user_id, scope).await?)
    }

    async fn known_api_key(&self, id: &str) -> Result<ApiKey> {
        let found = self.store.api_key(id).await?;
        let mut key = found.ok_or_else(|| Error::not_found(Thing::ApiKey, "API key not found"))?;
        key.drop_ended_secret(self.clock.now_ms());
        Ok(key)
    }

    fn new_secret(&self) -> (Secret, StoredSecret) {
        new_secret(&self.random, &self.settings.api_key_prefix)
    }
}

/// A new key's text, `<prefix>_<12 of public id><46 of secret><6 of checksum>`, and what is stored of it.
fn new_secret(random: &Random, prefix: &str) -> (Secret, StoredSecret) {
    let public_id = random.base62(PUBLIC_ID_LENGTH).expose().to_owned();
    let body =
        zeroize::Zeroizing::new(format!("{prefix}_{public_id}{}", random.base62(SECRET_LENGTH).expose()));
    let text = format!("{}{}", *body, checksum(&body));
    let hash = crate::sha256_hex(text.as_bytes());
    (Secret::from(text), StoredSecret { hash, public_id })
}

/// CRC-32 (IEEE) of `text`, as six characters of base 62.
fn checksum(text: &str) -> String {
    to_base62(crc32fast::hash(text.as_bytes()), CHECKSUM_LENGTH)
}

/// Whether the key's last six characters are the checksum of those before; `None` for what can't be one of
/// our keys. It tells a typing error, and nothing about whether the key is good: a key that was imported has
/// none.
pub fn checksum_fits(key: &str) -> Option<bool> {
    if !is_well_formed(key) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let (body, given) = key.split_at_checked(key.len().checked_sub(CHECKSUM_LENGTH)?)?;
    Some(checksum(body) == given)
}

/// Whether `key` looks like a key of any prefix, ours or VAMS' own: what doesn't is refused before any
/// look-up.
pub(crate) fn is_well_formed(key: &str) -> bool {
    key.split_once('_').is_some_and(|(prefix, body)| {
        !prefix.is_empty()
            && prefix.len() <= 16
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && body.len() == BODY_LENGTH
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// When a key ends, in milliseconds since the epoch, UTC. ISO 8601 in any of its usual forms; a date alone
/// means the end of that day, UTC, and a time without a zone is in UTC. What lies beyond the calendar is its
/// first or last moment.
///
/// # Errors
/// `InvalidInput("expires_at")` for what is no date.
pub fn parse_expiry(text: &str) -> Result<i64> {
    moment(text).map(Timestamp::as_millisecond).ok_or_else(|| {
        let shown: String = text.chars().filter(|character| !character.is_control()).take(64).collect();
        Error::invalid(
            "expires_at",
            format!(
                "Invalid date format: '{shown}'. Use ISO 8601 format \
                 (e.g. 2026-12-31 or 2026-12-31T23:59:59Z)"
            ),
        )
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    // Longer than any moment is written, with the name of its zone.
    if text.len() > 64 {
        return None;
    }
    let (date, time) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    let full_date = calendar_date(date).or_else(|| week_date(date)).or_else(|| ordinal_date(date));
    // A week, a month or a year ends as a day does, with its last day.
    let date = full_date.or_else(|| last_date(date).filter(|_| time.is_empty()))?;
    let (time, offset) = if time.is_empty() {
        (END_OF_DAY, Offset::UTC)
    } else if let Some(next_day) = after_hour_24(date, time) {
        return moment(&next_day);
    } else {
        let written = format!("{date}{time}");
        let pieces = Pieces::parse(&written).ok()?;
        // A zone's name alone would need its rules: what is left unread is no date of ours.
        if pieces.to_numeric_offset().is_none() && pieces.time_zone_annotation().is_some() {
            return None;
        }
        (pieces.time()?, pieces.to_numeric_offset().unwrap_or(Offset::UTC))
    };
    let beyond = if date.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    Some(offset.to_timestamp(date.to_datetime(time)).unwrap_or(beyond))
}

/// `2027-06-30` or `20270630`.
fn calendar_date(text: &str) -> Option<Date> {
    // A date may have a zone's name after it, which would go unread.
    text.parse().ok().filter(|_| !text.contains('['))
}

/// `2027-W26-3` or `2027W263`: the day of the week of the year (ISO 8601 §4.1.4).
fn week_date(text: &str) -> Option<Date> {
    text.parse().ok().map(ISOWeekDate::date)
}

/// `2027-181` or `2027181`: the day of the year (ISO 8601 §4.1.3).
fn ordinal_date(text: &str) -> Option<Date> {
    let digits = match text.split_once('-') {
        Some((year, day)) if year.len() == 4 && day.len() == 3 => format!("{year}{day}"),
        None if text.len() == 7 => text.to_owned(),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, day) = digits.split_at_checked(4)?;
    let (year, day): (i16, i16) = (year.parse().ok()?, day.parse().ok()?);
    let first = Date::new(year, 1, 1).ok()?;
    (1..=first.days_in_year()).contains(&day).then(|| first.checked_add((day - 1).days()).ok())?
}

/// The last day of `2027`, `2027-06`, `2027-W26` or `2027W26` (ISO 8601 §4.1.2.3, §4.1.4.3).
fn last_date(text: &str) -> Option<Date> {
    if !text.is_ascii() {
        return None;
    }
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    match text.len() {
        4 => Date::new(number(text)?, 12, 31).ok(),
        7 if text.get(4..5) == Some("-") && text.get(5..6) != Some("W") => {
            let month = number(text.get(5..)?)?;
            Date::new(number(text.get(..4)?)?, i8::try_from(month).ok()?, 1).ok().map(Date::last_of_month)
        }
        7 => week_date(&format!("{text}7")),
        8 => week_date(&format!("{text}-7")),
        _ => None,
    }
}

/// `T24:00` is the beginning of the next day (ISO 8601 §4.2.3): that moment, written so.
fn after_hour_24(date: Date, time: &str) -> Option<String> {
    let rest = time.get(1..)?.strip_prefix("24")?;
    let zone = rest.find(|character: char| !matches!(character, '0' | ':' | '.' | ',')).unwrap_or(rest.len());
    let (zeros, zone) = rest.split_at(zone);
    let is_zone = zone.is_empty() || zone.starts_with(['Z', 'z', '+', '-', '[']);
    is_zone.then(|| Some(format!("{}T00{zeros}{zone}", date.tomorrow().ok()?)))?
}

/// The error for a name that another key has.
pub(crate) fn name_taken(name: &str) -> Error {
    Error::already_exists(
        Thing::ApiKey,
        format!("An API key with the name '{name}' already exists. Please choose a different name."),
    )
}

fn key_name(text: &str) -> Result<String> {
    let is_name = (1..=256).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
        // The key itself in the place of its name must not be kept, let alone shown.
        && !is_well_formed(text);
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("name", "A key's name must be 1 to 256 characters, without spaces at its ends."))
}

fn description(text: &str) -> Result<String> {
    if text.chars().count() <= 256 && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("description", "The description must be at most 256 characters."))
}

fn owner(text: Option<&str>) -> Result<Option<String>> {
    match text {
        Some(text) if text.is_empty() || text.chars().count() > 256 || text.chars().any(char::is_control) => {
            Err(Error::invalid("owner", "The owner must be 1 to 256 characters."))
        }
        _ => Ok(text.map(str::to_owned)),
    }
}

fn review_at(text: Option<&str>) -> Result<Option<String>> {
    match text {
        Some(text) => match text.parse::<Date>() {
            Ok(date) => Ok(Some(date.to_string())),
            Err(_) => Err(Error::invalid("review_at", "The review date must be a date, such as 2027-06-30.")),
        },
        None => Ok(None),
    }
}

fn scope(texts: Option<&[String]>) -> Result<Option<Vec<Permission>>> {
    let Some(texts) = texts else { return Ok(None) };
    if texts.len() > 1000 {
        return Err(Error::invalid("scope", "A scope has at most 1000 permissions."));
    }
    let parsed = texts.iter().map(|text| Permission::parse(text)).collect::<Result<Vec<_>>>();
    parsed.map(Some).map_err(|error| Error { code: Code::InvalidInput("scope".into()), ..error })
}

fn allowed_addresses(texts: &[String]) -> Result<Vec<IpNet>> {
    if texts.len() > 100 {
        return Err(Error::invalid("allowed_addresses", "A key has at most 100 address ranges."));
    }
    let parse = |text: &String| {
        let block =
            text.parse::<IpNet>().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
        block.map(|block| canonical(block.trunc())).map_err(|_| {
            Error::invalid(
                "allowed_addresses",
                "An allowed address must be an IP address or a CIDR block, such as 203.0.113.0/24 or \
                 2001:db8::/32.",
            )
        })
    };
    texts.iter().map(parse).collect()
}

/// A range within the IPv4-mapped addresses of IPv6 (RFC 4291 §2.5.5.2) as the IPv4 range that it stands for,
/// for a client's address is compared in that form.
fn canonical(block: IpNet) -> IpNet {
    let IpNet::V6(block) = block else { return block };
    let mapped = block.addr().to_ipv4_mapped().zip(block.prefix_len().checked_sub(96));
    let as_ipv4 = mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    as_ipv4.map_or(IpNet::V6(block), IpNet::V4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::rfc3339;

    #[test]
    fn a_key_has_a_public_id_a_secret_and_a_checksum() {
        let (secret, stored) = new_secret(&Random::seeded(1), "vams");

        assert_eq!(secret.expose().len(), 69);
        assert!(secret.expose().starts_with(&format!("vams_{}", stored.public_id)));
        assert_eq!(stored.hash, crate::sha256_hex(secret.expose().as_bytes()));
        assert_eq!(checksum_fits(secret.expose()), Some(true));
        let mistyped = secret.expose().replace(&stored.public_id, "AAAAAAAAAAAA");
        assert_eq!(checksum_fits(&mistyped), Some(false));
        assert_eq!(checksum_fits("vams_short"), None);
    }

    #[test]
    fn an_end_may_be_written_in_any_form_of_iso_8601() {
        for (text, meant) in [
            ("2027-06-30T23:59:59Z", "2027-06-30T23:59:59.000Z"),
            ("2027-06-30", "2027-06-30T23:59:59.999Z"),
            ("20270630", "2027-06-30T23:59:59.999Z"),
            ("2027-W01-1", "2027-01-04T23:59:59.999Z"),
            ("2027-181", "2027-06-30T23:59:59.999Z"),
            ("2028-366", "2028-12-31T23:59:59.999Z"),
            ("2027-06-30T10", "2027-06-30T10:00:00.000Z"),
            ("2027-06-30T10:30", "2027-06-30T10:30:00.000Z"),
            ("2027-06-30 10:30:15", "2027-06-30T10:30:15.000Z"),
            ("2027-06-30T23:59:59.123456+02:00", "2027-06-30T21:59:59.123Z"),
            ("20270630T235959Z", "2027-06-30T23:59:59.000Z"),
            ("2027-06-30T10:30:15,5", "2027-06-30T10:30:15.500Z"),
            ("2027-W01-1T10:30Z", "2027-01-04T10:30:00.000Z"),
            ("2027W011T1030+02", "2027-01-04T08:30:00.000Z"),
            ("2027-181T10:30", "2027-06-30T10:30:00.000Z"),
            ("2027181t103015z", "2027-06-30T10:30:15.000Z"),
            ("2027-06-30T10:00:00+02:00[Europe/Paris]", "2027-06-30T08:00:00.000Z"),
            ("2027-06-30T24:00:00Z", "2027-07-01T00:00:00.000Z"),
            ("20271231T2400+0200", "2027-12-31T22:00:00.000Z"),
            ("2027", "2027-12-31T23:59:59.999Z"),
            ("2027-06", "2027-06-30T23:59:59.999Z"),
            ("2027-W26", "2027-07-04T23:59:59.999Z"),
            ("2027W26", "2027-07-04T23:59:59.999Z"),
            // What people write for never; the calendar here ends a day before.
            ("9999-12-31", "9999-12-30T22:00:00.999Z"),
            ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.999Z"),
            ("-009999-01-01", "-009999-01-02T01:59:59.000Z"),
        ] {
            assert_eq!(parse_expiry(text).map(rfc3339).unwrap(), meant, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "not-a-date",
            "2027-13-01",
            "2027-02-30",
            "2027-366",
            "tomorrow",
            "1",
            "2027-00",
            "2027-W54",
            "2027T10:00",
            "2027-06-30T24:30",
            "",
            "2027-06-30T25:00",
            "2027-06-30T",
            "2027-06-30T10:00[Europe/Paris]",
            "2027-06-30[Europe/Paris]",
            "2027-06-30Z",
            "2027-06-30T10:00Z tomorrow",
            " 2027-06-30",
            "2027-06-30T10:00:00Z/P1D",
            "2027-W54-1",
            "2027-000",
            "٢٠٢٧-٠٦-٣٠",
        ] {
            assert!(parse_expiry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_ipv4_range_may_be_written_as_ipv6() {
        for (written, meant) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(allowed_addresses(&[written.to_owned()]).unwrap()[0].to_string(), meant, "{written}");
        }
        for text in ["", "203.0.113", "203.0.113.7/33", "::/129", "example.com", "203.0.113.0/24 "] {
            assert!(allowed_addresses(&[text.to_owned()]).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_read_or_refused(text in "\\PC{0,70}") {
            let _ = parse_expiry(&text);
        }

        #[test]
        fn what_looks_like_a_date_is_read_or_refused(
            date in "[+-]?[0-9]{0,6}[-W]?[0-9]{0,3}-?[0-9]{0,2}",
            time in "([Tt ][0-9:.,]{0,12})?([Zz]|[+-][0-9:]{0,6})?(\\[UTC\\])?",
        ) {
            let _ = parse_expiry(&format!("{date}{time}"));
        }

        #[test]
        fn a_time_with_an_offset_is_the_same_moment_in_utc(
            ms in 0..4_102_444_800_000_i64,
            minutes in -1439..1440_i32,
        ) {
            let moment = Timestamp::from_millisecond(ms).unwrap();
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            let written = moment.display_with_offset(offset).to_string();
            prop_assert_eq!(parse_expiry(&written).unwrap(), ms);
        }

        #[test]
        fn a_date_alone_ends_with_its_last_millisecond(day in 0..40_000_i64) {
            let day_ms = day * 86_400_000;
            let written = &rfc3339(day_ms)[..10];
            prop_assert_eq!(parse_expiry(written).unwrap(), day_ms + 86_399_999);
        }

        #[test]
        fn a_typing_error_shows_in_the_checksum(seed: u64, place in 5..69_usize, typed in "[0-9A-Za-z]") {
            let (secret, _) = new_secret(&Random::seeded(seed), "vams");
            let mut text = secret.expose().to_owned();
            prop_assert_eq!(checksum_fits(&text), Some(true));
            text.replace_range(place..=place, &typed);
            prop_assert_eq!(checksum_fits(&text), Some(text == secret.expose()));
        }

        #[test]
        fn no_text_is_too_strange_for_the_checksum(text in "(vams_)?\\PC{0,70}") {
            let _ = checksum_fits(&text);
        }
    }
}
