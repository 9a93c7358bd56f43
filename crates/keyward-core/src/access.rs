//! Who is behind a credential, and may they do that: asked thousands of times a second.
//!
//! What a credential leads to is kept in memory, and never longer than the revocation bound: a change made
//! through this process empties the cache at once, a change made through another is seen by the revision,
//! which is asked for several times within the bound. When the database doesn't answer, what is kept grows
//! too old and isn't used.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use serde::Serialize;

use crate::api_key::LastUse;
use crate::caller::{Caller, Identity, Origin};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::permission::{Permission, PermissionSet, VERIFY_CREDENTIALS, VIEW_USERS};
use crate::role::Grant;
use crate::secret::Secret;
use crate::store::{KeyRecord, SecretUse, SessionRecord, Store};

/// How many credentials are kept in memory.
const CACHED_CREDENTIALS: usize = 150_000;
/// How long the database may take to tell the revision.
const REVISION_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the last uses of keys are written.
const FLUSH_INTERVAL: Duration = Duration::from_mins(1);
/// How many uses are written at once: other writers wait for no more than that.
const USES_IN_ONE_WRITE: usize = 500;
/// What has expired is thrown away every ten minutes.
const ROUNDS_UNTIL_SWEEP: u64 = 60;
/// A key's use is noted at most this often.
const USE_RESOLUTION_MS: i64 = 1000;

/// What somebody shows to be let in.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key.
    ApiKey(Secret),
    /// An ID or access token.
    Token(Secret),
}

impl Credential {
    /// Reads the value of an `Authorization` header: a key alone or after `Bearer`, a token after `Bearer`.
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.trim();
        let (is_bearer, text) = match header.split_once(char::is_whitespace) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => (true, rest.trim_start()),
            _ => (false, header),
        };
        if crate::api_key::is_well_formed(text) {
            return Some(Self::ApiKey(text.into()));
        }
        // Three parts, as every signed token has (RFC 7515 §3.1); 16 KiB is more than any of ours.
        let is_token = is_bearer && text.len() <= 16_384 && text.split('.').count() == 3;
        is_token.then(|| Self::Token(text.into()))
    }
}

/// Why the answer is no. A closed list, for programs to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No such key or token, or not a good one.
    UnknownCredential,
    /// The key or the token has ended.
    Expired,
    /// The key was disabled.
    Disabled,
    /// Its user was disabled.
    UserDisabled,
    /// The user signed out, or was signed out.
    SignedOut,
    /// The key may not be used from that address.
    AddressNotAllowed,
    /// The user has no role that counts here.
    NoRoles,
    /// No role grants it.
    NotGranted,
    /// A role that needs MFA would grant it.
    MfaRequired,
    /// The user may, but the key's scope leaves it out.
    OutsideScope,
}

/// What a credential is worth.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Nothing when the credential is good.
    pub reason: Option<Reason>,
    /// Who is behind it, where the credential is good.
    pub caller: Option<Caller>,
}

/// About whom [`Keyward::authorize`] is asked.
#[derive(Debug, Clone)]
pub enum About {
    /// The caller itself.
    Caller,
    /// Whoever shows this credential.
    Credential(Option<Credential>),
    /// A user, by name or id, as if signed in without MFA.
    User(String),
    /// An API key, by its id.
    ApiKey(String),
}

/// What [`Keyward::authorize`] answers.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Nothing when the credential itself is good.
    pub reason: Option<Reason>,
    /// The answer for each permission, in the order asked.
    pub decisions: Vec<Decision>,
    /// Who it is about, where the credential is good.
    pub caller: Option<Caller>,
}

impl Authorization {
    /// Whether all that was asked is allowed.
    pub fn allowed(&self) -> bool {
        self.reason.is_none() && self.decisions.iter().all(|decision| decision.reason.is_none())
    }
}

/// The answer for one permission.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What was asked.
    pub permission: Permission,
    /// Nothing when it is allowed.
    pub reason: Option<Reason>,
    /// Which roles would grant it.
    pub granted_by: Vec<Grounds>,
    /// Which roles would grant it, but for a reason.
    pub withheld: Vec<(Grounds, Reason)>,
}

/// A pattern of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says it")]
pub struct Grounds {
    pub role: String,
    pub pattern: Permission,
}

/// What a credential led to, and what its user's roles give.
#[derive(Debug)]
struct Subject {
    record: Record,
    grants: Vec<Grant>,
    /// What counts in a request without MFA, narrowed by the key's scope.
    without_mfa: Rights,
    /// What counts with MFA.
    with_mfa: Rights,
    /// When a use of the key was last noted.
    noted_at_ms: AtomicI64,
}

#[derive(Debug)]
enum Record {
    Key(Box<KeyRecord>),
    Session(SessionRecord),
}

#[derive(Debug, Clone)]
struct Rights {
    roles: Arc<[String]>,
    permissions: Arc<PermissionSet>,
}

impl Rights {
    fn new<'a>(grants: impl Iterator<Item = &'a Grant>, scope: Option<&[Permission]>) -> Self {
        let (mut roles, mut permissions) = (Vec::new(), Vec::new());
        for grant in grants {
            roles.push(grant.role.clone());
            permissions.extend(grant.permissions.iter().cloned());
        }
        let mut permissions: PermissionSet = permissions.into_iter().collect();
        if let Some(scope) = scope {
            permissions = permissions.intersection(&scope.iter().cloned().collect());
        }
        Self { roles: roles.into(), permissions: Arc::new(permissions) }
    }
}

impl Subject {
    fn new(record: Record, grants: Vec<Grant>) -> Self {
        let scope = match &record {
            Record::Key(record) => record.scope.as_deref(),
            Record::Session(_) => None,
        };
        let without_mfa = Rights::new(grants.iter().filter(|grant| !grant.mfa_required), scope);
        let with_mfa = Rights::new(grants.iter(), scope);
        Self { record, grants, without_mfa, with_mfa, noted_at_ms: AtomicI64::new(i64::MIN) }
    }

    fn caller(&self, identity: Identity, expires_at_ms: Option<i64>, origin: Origin) -> Caller {
        let has_mfa = matches!(identity, Identity::Person { mfa: true, .. });
        let rights = if has_mfa { &self.with_mfa } else { &self.without_mfa };
        Caller {
            identity,
            roles: Arc::clone(&rights.roles),
            permissions: Arc::clone(&rights.permissions),
            expires_at_ms,
            origin,
        }
    }
}

/// What is kept in memory for answering quickly, and what waits to be written.
pub(crate) struct Access {
    bound_ms: i64,
    /// By SHA-256 of the key, by the session's id, or by `key ` and the key's id.
    subjects: Cache<Box<str>, (u64, Arc<Subject>)>,
    /// Counts the changes of rights made through this process, and those seen of others.
    epoch: Arc<AtomicU64>,
    /// When the revision was last known to be the newest.
    confirmed_at: [AtomicI64; 2],
    /// By the secret's hash.
    uses: Mutex<HashMap<String, LastUse>>,
}

/// A moment by both clocks, in milliseconds: the monotonic one, which nobody sets back, and the calendar's,
/// which goes on while the machine sleeps.
#[derive(Debug, Clone, Copy)]
struct Moment([i64; 2]);

impl Moment {
    fn now(clock: &Clock) -> Self {
        Self([clock.monotonic_ms(), clock.now_ms()])
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("bound_ms", &self.bound_ms).finish_non_exhaustive()
    }
}

impl Access {
    pub(crate) fn new(bound_ms: i64, store: &Store) -> Self {
        Self {
            bound_ms,
            subjects: Cache::new(CACHED_CREDENTIALS),
            epoch: store.epoch(),
            confirmed_at: [const { AtomicI64::new(i64::MIN / 2) }; 2],
            uses: Mutex::default(),
        }
    }

    /// The revision was the newest at this moment.
    fn confirm(&self, Moment(moment): Moment) {
        for (confirmed_at, at_ms) in self.confirmed_at.iter().zip(moment) {
            confirmed_at.store(at_ms, Ordering::Release);
        }
    }

    /// Whether what is kept is no older than the bound, by either clock.
    fn is_fresh(&self, clock: &Clock) -> bool {
        let Moment(now) = Moment::now(clock);
        let mut ages =
            self.confirmed_at.iter().zip(now).map(|(at, now_ms)| now_ms - at.load(Ordering::Acquire));
        ages.all(|age_ms| age_ms <= self.bound_ms)
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, LastUse>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyward {
    /// Who shows `credential`, with their rights of this moment.
    ///
    /// # Errors
    /// `Unauthenticated` for a credential that isn't good (whatever is wrong with it: the answer is the
    /// same),
    /// `Unavailable` when it can't be known.
    pub async fn authenticate(&self, credential: &Credential, origin: Origin) -> Result<Caller> {
        let address = origin.address;
        match self.resolve(credential, address, origin).await? {
            Ok(caller) => Ok(caller),
            Err(reason) => {
                tracing::debug!(?reason, "a credential was refused");
                Err(Error::unauthenticated(
                    "The credential isn't valid: sign in again, or use an API key that is active.",
                ))
            }
        }
    }

    /// What `credential` is worth, shown by a client at `client_address`.
    ///
    /// # Errors
    /// `Forbidden` without `verify:credentials`.
    pub async fn verify(
        &self,
        caller: &Caller,
        credential: Option<&Credential>,
        client_address: Option<IpAddr>,
    ) -> Result<Verification> {
        caller.require(VERIFY_CREDENTIALS)?;
        self.verify_unchecked(credential, client_address).await
    }

    async fn verify_unchecked(
        &self,
        credential: Option<&Credential>,
        client_address: Option<IpAddr>,
    ) -> Result<Verification> {
        let Some(credential) = credential else {
            return Ok(Verification { reason: Some(Reason::UnknownCredential), caller: None });
        };
        let origin = Origin { address: client_address, ..Origin::default() };
        Ok(match self.resolve(credential, client_address, origin).await? {
            Ok(caller) => Verification { reason: None, caller: Some(caller) },
            Err(reason) => Verification { reason: Some(reason), caller: None },
        })
    }

    /// Whether somebody may do each of `permissions` (1 to 100). With `explain`, also what grants or
    /// withholds it.
    ///
    /// # Errors
    /// `Forbidden`: about another's credential without `verify:credentials`; about a user or a key by name,
    /// or with `explain`, without `view:users`. `InvalidInput` for no or too many permissions; `NotFound`.
    pub async fn authorize(
        &self,
        caller: &Caller,
        about: &About,
        permissions: &[String],
        client_address: Option<IpAddr>,
        explain: bool,
    ) -> Result<Authorization> {
        match about {
            About::Caller => caller.require_credential()?,
            About::Credential(_) => caller.require(VERIFY_CREDENTIALS)?,
            About::User(_) | About::ApiKey(_) => caller.require(VIEW_USERS)?,
        }
        if explain {
            caller.require(VIEW_USERS)?;
        }
        if permissions.is_empty() || permissions.len() > 100 {
            return Err(Error::invalid("permissions", "Ask about 1 to 100 permissions."));
        }
        let permissions =
            permissions.iter().map(|text| Permission::parse(text)).collect::<Result<Vec<_>>>()?;
        let (subject, found) = match about {
            About::Caller => {
                let Some(user_id) = caller.user_id() else {
                    // The operator at the machine has no roles that could be looked up: the rights decide.
                    return Ok(Self::decide_by_rights(caller.clone(), permissions));
                };
                if !explain {
                    return self.decide_for_caller(caller.clone(), user_id, permissions).await;
                }
                (self.subject_of(&caller.identity).await?, caller.clone())
            }
            About::Credential(credential) => {
                let verification = self.verify_unchecked(credential.as_ref(), client_address).await?;
                match (verification.caller, explain) {
                    (Some(found), false) => {
                        let user_id = found.user_id().unwrap_or_default().to_owned();
                        return self.decide_for_caller(found, &user_id, permissions).await;
                    }
                    (Some(found), true) => (self.subject_of(&found.identity).await?, found),
                    (None, _) => {
                        let reason = verification.reason.unwrap_or(Reason::UnknownCredential);
                        let subject = match (explain, credential) {
                            (true, Some(Credential::ApiKey(key))) => self.key_subject(key).await?,
                            _ => None,
                        };
                        return Ok(Self::decide_against(subject.as_deref(), reason, permissions));
                    }
                }
            }
            About::User(name_or_id) => {
                let user = self.known_user(name_or_id).await?;
                let identity = Identity::Person {
                    user_id: user.id.clone(),
                    username: user.username.clone(),
                    mfa: false,
                    session_id: String::new(),
                };
                let grants = self.store.grants(&user.id).await?;
                let record = SessionRecord::imagined(&user);
                let subject = Arc::new(Subject::new(Record::Session(record), grants));
                if !user.enabled {
                    return Ok(Self::decide_against(Some(&subject), Reason::UserDisabled, permissions));
                }
                let found = subject.caller(identity, None, Origin::default());
                (Some(subject), found)
            }
            About::ApiKey(id) => {
                let record = self
                    .store
                    .key_record_by_id(id)
                    .await?
                    .ok_or_else(|| Error::not_found(crate::error::Thing::ApiKey, "API key not found"))?;
                let grants = self.store.grants(&record.user_id).await?;
                let subject = Arc::new(Subject::new(Record::Key(Box::new(record)), grants));
                match self.judge(&subject, client_address) {
                    Ok((identity, expires_at_ms)) => {
                        let found = subject.caller(identity, expires_at_ms, Origin::default());
                        (Some(subject), found)
                    }
                    Err(reason) => return Ok(Self::decide_against(Some(&subject), reason, permissions)),
                }
            }
        };
        let Some(subject) = subject else {
            return Ok(Self::decide_against(None, Reason::UnknownCredential, permissions));
        };
        let decisions = permissions.into_iter().map(|wanted| decide(&subject, &found, wanted)).collect();
        Ok(Authorization { reason: None, decisions, caller: Some(found) })
    }

    /// Keeps what is cached good, writes the uses of keys and throws away what has expired, until the task
    /// that runs it is dropped.
    pub async fn run(&self) {
        tokio::join!(self.watch_revision(), self.keep_house());
    }

    /// Asks for the revision four times within the bound: while it stays, what is kept in memory is good.
    async fn watch_revision(&self) {
        let pause = Duration::from_millis(u64::try_from(self.access.bound_ms / 4).unwrap_or(0).max(5));
        let (mut known, mut is_lost) = (None, false);
        loop {
            let asked_at = Moment::now(&self.clock);
            // A connection that died without a word would else be waited for until the network gives it up.
            let answer = tokio::time::timeout(REVISION_TIMEOUT, self.store.revision());
            match answer.await.unwrap_or_else(|elapsed| Err(Error::internal(elapsed))) {
                Ok(revision) => {
                    if known != Some(revision) {
                        self.store.forget();
                        known = Some(revision);
                    }
                    self.access.confirm(asked_at);
                    is_lost = false;
                }
                Err(error) if !is_lost => {
                    tracing::warn!(
                        cause = ?error.cause,
                        "the database doesn't answer; nothing kept in memory is used"
                    );
                    is_lost = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn keep_house(&self) {
        for round in 0_u64.. {
            if let Err(error) = self.flush_uses().await {
                tracing::warn!(cause = ?error.cause, "the last uses of API keys could not be written");
            }
            if round % ROUNDS_UNTIL_SWEEP == 0
                && let Err(error) = self.store.sweep(self.clock.now_ms()).await
            {
                tracing::warn!(cause = ?error.cause, "what has expired could not be thrown away");
            }
            tokio::time::sleep(FLUSH_INTERVAL).await;
        }
    }

    /// Writes what waits, and closes the database.
    pub async fn close(&self) {
        if let Err(error) = self.flush_uses().await {
            tracing::warn!(cause = ?error.cause, "the last uses of API keys could not be written");
        }
        self.store.close().await;
    }

    /// Writes the uses of keys that were noted since the last time. What can't be written, or isn't because
    /// nobody waits for it any more, stays noted.
    pub(crate) async fn flush_uses(&self) -> Result<()> {
        let noted: Vec<SecretUse> = {
            let uses = self.access.uses();
            uses.iter()
                .map(|(hash, last_use)| SecretUse { hash: hash.clone(), last_use: last_use.clone() })
                .collect()
        };
        for written in noted.chunks(USES_IN_ONE_WRITE) {
            self.store.record_uses(written).await?;
            let mut uses = self.access.uses();
            for SecretUse { hash, last_use } in written {
                if uses.get(hash) == Some(last_use) {
                    uses.remove(hash);
                }
            }
        }
        Ok(())
    }

    /// The caller behind a credential, or why there is none.
    async fn resolve(
        &self,
        credential: &Credential,
        address: Option<IpAddr>,
        origin: Origin,
    ) -> Result<Result<Caller, Reason>> {
        match credential {
            Credential::ApiKey(key) => {
                let Some(subject) = self.key_subject(key).await? else {
                    return Ok(Err(Reason::UnknownCredential));
                };
                Ok(self.judge(&subject, address).map(|(identity, expires_at_ms)| {
                    self.note_use(&subject, &origin);
                    subject.caller(identity, expires_at_ms, origin)
                }))
            }
            Credential::Token(token) => {
                let now_seconds = self.clock.now_seconds();
                let Some(token) = self.local_pool.verify_token(token.expose()) else {
                    return Ok(Err(Reason::UnknownCredential));
                };
                if token.exp <= now_seconds {
                    return Ok(Err(Reason::Expired));
                }
                let Some(subject) = self.session_subject(&token.origin_jti).await? else {
                    return Ok(Err(Reason::SignedOut));
                };
                Ok(self.judge(&subject, address).and_then(|(identity, _)| match identity {
                    Identity::Person { user_id, username, mfa, session_id } if user_id == token.sub => {
                        // The session and the token must both say so: a missing claim means without.
                        let identity =
                            Identity::Person { user_id, username, mfa: mfa && token.mfa, session_id };
                        Ok(subject.caller(identity, Some(token.exp.saturating_mul(1000)), origin))
                    }
                    _ => Err(Reason::UnknownCredential),
                }))
            }
        }
    }

    async fn key_subject(&self, key: &Secret) -> Result<Option<Arc<Subject>>> {
        let hash = crate::sha256_hex(key.expose().as_bytes());
        self.subject(&hash, async || {
            let Some(record) = self.store.key_record(&hash).await? else { return Ok(None) };
            let grants = self.store.grants(&record.user_id).await?;
            Ok(Some(Subject::new(Record::Key(Box::new(record)), grants)))
        })
        .await
    }

    async fn session_subject(&self, session_id: &str) -> Result<Option<Arc<Subject>>> {
        self.subject(session_id, async || {
            let Some(record) = self.store.session_record(session_id).await? else { return Ok(None) };
            let grants = self.store.grants(&record.user_id).await?;
            Ok(Some(Subject::new(Record::Session(record), grants)))
        })
        .await
    }

    async fn subject_of(&self, identity: &Identity) -> Result<Option<Arc<Subject>>> {
        match identity {
            Identity::Person { session_id, .. } => self.session_subject(session_id).await,
            // Apart from the subjects of secrets, which are kept by their hashes, and of sessions, kept by
            // their ids.
            Identity::ApiKey { key_id, user_id, .. } => {
                self.subject(&format!("key {key_id}"), async || {
                    let Some(record) = self.store.key_record_by_id(key_id).await? else { return Ok(None) };
                    let grants = self.store.grants(user_id).await?;
                    Ok(Some(Subject::new(Record::Key(Box::new(record)), grants)))
                })
                .await
            }
            Identity::Nobody | Identity::Operator => Ok(None),
        }
    }

    /// What is kept under `id` while it is fresh, else what `load` finds.
    async fn subject(
        &self,
        id: &str,
        load: impl AsyncFnOnce() -> Result<Option<Subject>>,
    ) -> Result<Option<Arc<Subject>>> {
        // In this order. The epoch moves before the revision is confirmed: the one that is read after a
        // confirmation was found fresh knows of every change until then. And what is loaded while a change is
        // on its way counts as of before the change.
        let is_fresh = self.access.is_fresh(&self.clock);
        let epoch = self.access.epoch.load(Ordering::Acquire);
        if is_fresh
            && let Some((known_epoch, subject)) = self.access.subjects.get(id)
            && known_epoch == epoch
        {
            return Ok(Some(subject));
        }
        let Some(subject) = load().await?.map(Arc::new) else { return Ok(None) };
        if is_fresh {
            self.access.subjects.insert(id.into(), (epoch, Arc::clone(&subject)));
        }
        Ok(Some(subject))
    }

    /// Whether the credential is good at this moment and from this address.
    fn judge(&self, subject: &Subject, address: Option<IpAddr>) -> Result<(Identity, Option<i64>), Reason> {
        let now_ms = self.clock.now_ms();
        match &subject.record {
            Record::Session(record) => {
                if !record.user_enabled {
                    return Err(Reason::UserDisabled);
                }
                if record.revoked_at_ms.is_some() {
                    return Err(Reason::SignedOut);
                }
                Ok((
                    Identity::Person {
                        user_id: record.user_id.clone(),
                        username: record.username.clone(),
                        mfa: record.mfa,
                        session_id: record.id.clone(),
                    },
                    None,
                ))
            }
            Record::Key(record) => {
                let has_ended =
                    record.expires_at.is_some() && record.expires_at_ms.is_none_or(|at| at <= now_ms);
                if !record.active {
                    return Err(Reason::Disabled);
                }
                if has_ended || record.valid_until_ms.is_some_and(|until| until <= now_ms) {
                    return Err(Reason::Expired);
                }
                if !record.user_enabled {
                    return Err(Reason::UserDisabled);
                }
                // A range was set: whoever doesn't say where they come from isn't in it.
                let is_inside = record.allowed_addresses.is_empty()
                    || address.is_some_and(|address| {
                        record.allowed_addresses.iter().any(|block| block.contains(&address.to_canonical()))
                    });
                if !is_inside {
                    return Err(Reason::AddressNotAllowed);
                }
                if subject.grants.is_empty() {
                    return Err(Reason::NoRoles);
                }
                let expires_at_ms = match (record.expires_at_ms, record.valid_until_ms) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                Ok((
                    Identity::ApiKey {
                        user_id: record.user_id.clone(),
                        username: record.username.clone(),
                        key_id: record.id.clone(),
                        key_name: record.name.clone(),
                        public_id: record.public_id.clone(),
                    },
                    expires_at_ms,
                ))
            }
        }
    }

    /// Remembers when and from where the key was used; it is written later, with others.
    fn note_use(&self, subject: &Subject, origin: &Origin) {
        let Record::Key(record) = &subject.record else { return };
        let now_ms = self.clock.now_ms();
        let noted_at_ms = subject.noted_at_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(noted_at_ms) < USE_RESOLUTION_MS {
            return;
        }
        subject.noted_at_ms.store(now_ms, Ordering::Relaxed);
        let last_use = LastUse {
            at_ms: now_ms,
            address: origin.address.map(|address| address.to_string()),
            user_agent: origin.user_agent.clone(),
        };
        self.access.uses().insert(record.hash.clone(), last_use);
    }

    /// The decisions for a caller whose rights are known; only a refusal makes a look at the roles worth it.
    async fn decide_for_caller(
        &self,
        caller: Caller,
        user_id: &str,
        permissions: Vec<Permission>,
    ) -> Result<Authorization> {
        if permissions.iter().all(|permission| caller.permissions.allows(permission)) {
            return Ok(Self::decide_by_rights(caller, permissions));
        }
        let Some(subject) = self.subject_of(&caller.identity).await? else {
            let reason = if user_id.is_empty() { Reason::UnknownCredential } else { Reason::SignedOut };
            return Ok(Self::decide_against(None, reason, permissions));
        };
        let decisions = permissions.into_iter().map(|wanted| decide(&subject, &caller, wanted)).collect();
        Ok(Authorization { reason: None, decisions, caller: Some(caller) })
    }

    fn decide_by_rights(caller: Caller, permissions: Vec<Permission>) -> Authorization {
        let decisions = permissions
            .into_iter()
            .map(|permission| {
                let reason = (!caller.permissions.allows(&permission)).then_some(Reason::NotGranted);
                Decision { permission, reason, granted_by: Vec::new(), withheld: Vec::new() }
            })
            .collect();
        Authorization { reason: None, decisions, caller: Some(caller) }
    }

    /// All is refused, for a reason that has to do with the credential itself.
    fn decide_against(
        subject: Option<&Subject>,
        reason: Reason,
        permissions: Vec<Permission>,
    ) -> Authorization {
        let grants = subject.map(|subject| subject.grants.as_slice()).unwrap_or_default();
        let decisions = permissions
            .into_iter()
            .map(|permission| {
                let withheld = grounds(grants, &permission).map(|(_, grounds)| (grounds, reason)).collect();
                Decision { permission, reason: Some(reason), granted_by: Vec::new(), withheld }
            })
            .collect();
        Authorization { reason: Some(reason), decisions, caller: None }
    }
}

/// Whether `caller` may do what is `wanted`, and what of the subject's roles grants or withholds it.
fn decide(subject: &Subject, caller: &Caller, wanted: Permission) -> Decision {
    let scope: Option<PermissionSet> = match &subject.record {
        Record::Key(record) => record.scope.as_ref().map(|scope| scope.iter().cloned().collect()),
        Record::Session(_) => None,
    };
    let is_in_scope = scope.is_none_or(|scope| scope.allows(&wanted));
    let (mut granted_by, mut withheld) = (Vec::new(), Vec::new());
    for (grant, grounds) in grounds(&subject.grants, &wanted) {
        if grant.mfa_required && !caller.has_mfa() {
            withheld.push((grounds, Reason::MfaRequired));
        } else if is_in_scope {
            granted_by.push(grounds);
        } else {
            withheld.push((grounds, Reason::OutsideScope));
        }
    }
    let reason = if caller.permissions.allows(&wanted) {
        None
    } else if withheld.iter().any(|(_, why)| *why == Reason::OutsideScope) {
        Some(Reason::OutsideScope)
    } else if let Some((_, why)) = withheld.first() {
        Some(*why)
    } else if subject.grants.is_empty() {
        Some(Reason::NoRoles)
    } else {
        Some(Reason::NotGranted)
    };
    Decision { permission: wanted, reason, granted_by, withheld }
}

/// The patterns that contain `wanted`, with the grants that they come of.
fn grounds<'a>(grants: &'a [Grant], wanted: &'a Permission) -> impl Iterator<Item = (&'a Grant, Grounds)> {
    grants.iter().flat_map(move |grant| {
        let patterns = grant.permissions.iter().filter(|pattern| pattern.contains(wanted));
        patterns.map(move |pattern| (grant, Grounds { role: grant.role.clone(), pattern: pattern.clone() }))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: [&str; 6] = ["*", "a:*", "a:b", "a:b*", "a:c", "b:*"];
    const WANTED: [&str; 5] = ["a:b", "a:bc", "a:c", "b:a", "c:a"];

    fn permissions(texts: &[&str]) -> Vec<Permission> {
        texts.iter().map(|text| Permission::parse(text).unwrap()).collect()
    }

    fn any_matches(patterns: &[&str], text: &str) -> bool {
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => *pattern == text,
        })
    }

    fn session(mfa: bool) -> SessionRecord {
        SessionRecord {
            id: "session".into(),
            user_id: "ada".into(),
            username: "ada@example.com".into(),
            user_enabled: true,
            client_id: String::new(),
            pool_id: String::new(),
            mfa,
            created_at_ms: 0,
            expires_at_ms: i64::MAX,
            revoked_at_ms: None,
        }
    }

    fn key(scope: Option<&[&str]>) -> KeyRecord {
        KeyRecord {
            id: "key".into(),
            name: "CI".into(),
            user_id: "ada".into(),
            username: "ada@example.com".into(),
            user_enabled: true,
            expires_at: None,
            expires_at_ms: None,
            active: true,
            scope: scope.map(permissions),
            allowed_addresses: Vec::new(),
            hash: String::new(),
            public_id: String::new(),
            valid_until_ms: None,
        }
    }

    proptest! {
        #[test]
        fn what_explains_a_decision_is_what_decided_it(
            roles in prop::collection::vec((prop::sample::subsequence(&PATTERNS, 0..4), any::<bool>()), 0..4),
            scope in prop::option::of(prop::sample::subsequence(&PATTERNS, 0..3)),
            is_key: bool,
            mfa: bool,
            wanted in prop::sample::select(&WANTED),
        ) {
            let grants = roles.iter().enumerate().map(|(number, (patterns, mfa_required))| Grant {
                role: format!("role {number}"),
                permissions: permissions(patterns),
                mfa_required: *mfa_required,
            });
            let scope = scope.filter(|_| is_key);
            let record = if is_key {
                Record::Key(Box::new(key(scope.as_deref())))
            } else {
                Record::Session(session(mfa))
            };
            let has_mfa = mfa && !is_key;
            let identity = Identity::Person {
                user_id: "ada".into(),
                username: "ada@example.com".into(),
                mfa: has_mfa,
                session_id: "session".into(),
            };
            let subject = Subject::new(record, grants.collect());
            let caller = subject.caller(identity, None, Origin::default());

            let decision = decide(&subject, &caller, Permission::parse(wanted).unwrap());

            let granted = |asleep: bool| roles.iter().any(|(patterns, mfa_required)| {
                (asleep == (*mfa_required && !has_mfa)) && any_matches(patterns, wanted)
            });
            let is_in_scope = scope.is_none_or(|scope| any_matches(&scope, wanted));
            let expected = match (granted(false), granted(true)) {
                (true, _) if is_in_scope => None,
                (true, _) => Some(Reason::OutsideScope),
                (false, true) => Some(Reason::MfaRequired),
                (false, false) if roles.is_empty() => Some(Reason::NoRoles),
                (false, false) => Some(Reason::NotGranted),
            };
            prop_assert_eq!(decision.reason, expected);
            prop_assert_eq!(decision.granted_by.is_empty(), expected.is_some());
            let withheld = decision.withheld.iter().map(|(grounds, _)| grounds);
            for Grounds { role, pattern } in decision.granted_by.iter().chain(withheld) {
                let number: usize = role.trim_start_matches("role ").parse().unwrap();
                prop_assert!(roles[number].0.contains(&pattern.as_str()));
                prop_assert!(any_matches(&[pattern.as_str()], wanted));
            }
        }
    }
}
