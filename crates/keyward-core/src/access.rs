//! Who is behind a credential, and may they do that: asked thousands of times a second.
//!
//! What a credential leads to is kept in memory, and never longer than the revocation bound: a change made
//! through this process empties the cache at once, a change made through another is seen by the revision,
//! which is asked for several times within the bound. When the database doesn't answer, what is kept grows
//! too old and isn't used.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use serde::Serialize;

use crate::access_key::{
    SIGNATURE_WINDOW_MS, SignatureFault, Signed, SigningKeys, SigningTime, is_well_formed,
};
use crate::api_key::LastUse;
use crate::app_client::PoolClient;
use crate::caller::{Caller, Identity, Origin, Standing};
use crate::clock::Clock;
use crate::directory::Directory as _;
use crate::error::{Error, Result, Thing};
use crate::external_issuer::ExternalIssuer;
use crate::keyward::Keyward;
use crate::permission::{Permission, PermissionSet, VERIFY_CREDENTIALS, VIEW_USERS};
use crate::remote_pool::{RemotePool, RemoteToken};
use crate::role::{Grant, OWN_GRANT};
use crate::secret::Secret;
use crate::store::{Epoch, KeyRecord, Mirror, SessionRecord, SignedIn, Store, UsedKey};
use crate::user::User;
use crate::user_pool::MfaMode;

/// How many credentials are kept in memory.
const CACHED_CREDENTIALS: usize = 150_000;
/// How many users, users' grants and sign-ins are kept in memory.
const CACHED_USERS: usize = 50_000;
/// How many app clients are kept in memory.
const CACHED_CLIENTS: usize = 1000;
/// How long the database may take to tell the revision.
const REVISION_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked for changes in a pool kept elsewhere that nobody has ended.
const SETTLE_INTERVAL: Duration = Duration::from_mins(1);
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
        let header = header.trim_ascii();
        if crate::api_key::is_well_formed(header) {
            return Some(Self::ApiKey(header.into()));
        }
        let (scheme, text) = header.split_once(|character: char| character.is_ascii_whitespace())?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let text = text.trim_ascii_start();
        if crate::api_key::is_well_formed(text) {
            return Some(Self::ApiKey(text.into()));
        }
        // Three parts, as every signed token has (RFC 7515 §3.1); 16 KiB is more than any of ours.
        (text.len() <= 16_384 && text.split('.').count() == 3).then(|| Self::Token(text.into()))
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
    pub standing: Option<Arc<Standing>>,
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
    pub standing: Option<Arc<Standing>>,
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

/// What a credential led to.
#[derive(Debug)]
struct Subject {
    record: Record,
    grants: Arc<UserGrants>,
    /// What it is worth as it stands: without MFA, narrowed by the key's scope.
    standing: Arc<Standing>,
    /// When a use of the key was last noted.
    noted_at_ms: AtomicI64,
    noted: Mutex<Noted>,
}

/// The last use of a key that was noted, and whether it waits to be written.
#[derive(Debug, Default)]
struct Noted {
    last_use: Option<LastUse>,
    is_waiting: bool,
}

#[derive(Debug)]
enum Record {
    Key(KeyRecord),
    AccessKey {
        identity: Arc<Identity>,
        user_enabled: bool,
        keys: SigningKeys,
    },
    Session {
        identity: Arc<Identity>,
        user_enabled: bool,
        is_revoked: bool,
    },
    /// A user of a home pool that is kept elsewhere, who shows a token of that pool.
    Account {
        identity: Arc<Identity>,
        mirror: Box<Mirror>,
    },
}

/// What a user's roles give: one for all their credentials, of which there may be thousands.
#[derive(Debug)]
struct UserGrants {
    grants: Vec<Grant>,
    without_mfa: Rights,
    with_mfa: Rights,
}

#[derive(Debug, Clone)]
struct Rights {
    roles: Arc<[String]>,
    permissions: Arc<PermissionSet>,
}

impl Rights {
    fn of<'a>(grants: impl Iterator<Item = &'a Grant>) -> Self {
        let (mut roles, mut permissions) = (Vec::new(), Vec::new());
        for grant in grants {
            if grant.role != OWN_GRANT {
                roles.push(grant.role.clone());
            }
            permissions.extend(grant.permissions.iter().cloned());
        }
        Self { roles: roles.into(), permissions: Arc::new(permissions.into_iter().collect()) }
    }

    fn narrowed(&self, scope: &[Permission]) -> Self {
        let scope = scope.iter().cloned().collect();
        Self { roles: Arc::clone(&self.roles), permissions: Arc::new(self.permissions.intersection(&scope)) }
    }

    fn of_somebody(self, identity: Arc<Identity>, expires_at_ms: Option<i64>) -> Standing {
        Standing { expires_at_ms, ..Standing::new(identity, self.roles, self.permissions) }
    }
}

impl UserGrants {
    fn new(grants: Vec<Grant>) -> Self {
        let without_mfa = Rights::of(grants.iter().filter(|grant| !grant.mfa_required));
        let with_mfa = Rights::of(grants.iter());
        Self { grants, without_mfa, with_mfa }
    }
}

impl Record {
    fn identity(&self) -> &Identity {
        match self {
            Self::Key(KeyRecord { identity, .. })
            | Self::AccessKey { identity, .. }
            | Self::Session { identity, .. }
            | Self::Account { identity, .. } => identity,
        }
    }
}

impl From<SessionRecord> for Record {
    fn from(record: SessionRecord) -> Self {
        let identity = Identity::Person {
            user_id: record.user_id,
            username: record.username,
            mfa: record.mfa,
            session_id: record.id,
        };
        Self::Session {
            identity: Arc::new(identity),
            user_enabled: record.user_enabled,
            is_revoked: record.revoked_at_ms.is_some(),
        }
    }
}

impl From<Mirror> for Record {
    fn from(mirror: Mirror) -> Self {
        let identity = Identity::Person {
            user_id: mirror.user.id.clone(),
            username: mirror.user.username.clone(),
            mfa: false,
            session_id: String::new(),
        };
        Self::Account { identity: Arc::new(identity), mirror: Box::new(mirror) }
    }
}

impl Subject {
    fn new(record: Record, grants: Arc<UserGrants>) -> Self {
        let rights = match &record {
            Record::Key(KeyRecord { scope: Some(scope), .. }) => grants.without_mfa.narrowed(scope),
            Record::Key(_) | Record::AccessKey { .. } | Record::Session { .. } | Record::Account { .. } => {
                grants.without_mfa.clone()
            }
        };
        let (identity, expires_at_ms) = match &record {
            Record::Key(key) => (Arc::clone(&key.identity), key.ends_at_ms),
            Record::AccessKey { identity, .. } | Record::Account { identity, .. } => {
                (Arc::clone(identity), None)
            }
            Record::Session { identity, .. } => (Arc::new(identity.without_mfa()), None),
        };
        Self {
            record,
            grants,
            standing: Arc::new(rights.of_somebody(identity, expires_at_ms)),
            noted_at_ms: AtomicI64::new(i64::MIN),
            noted: Mutex::default(),
        }
    }

    /// What a token of the session is worth. The session and the token must both say that there was MFA: a
    /// missing claim means without.
    fn of_token(&self, has_mfa: bool, expires_at_ms: i64) -> Standing {
        match &self.record {
            Record::Session { identity, .. } if has_mfa && identity.has_mfa() => {
                self.grants.with_mfa.clone().of_somebody(Arc::clone(identity), Some(expires_at_ms))
            }
            Record::Session { .. } | Record::Key(_) | Record::AccessKey { .. } | Record::Account { .. } => {
                let identity = Arc::clone(&self.standing.identity);
                self.grants.without_mfa.clone().of_somebody(identity, Some(expires_at_ms))
            }
        }
    }

    /// What a token of a home pool kept elsewhere is worth, or why nothing. The pool doesn't say what was shown:
    /// who has a second factor switched on has shown it, unless they signed in before that.
    fn of_remote_token(&self, token: RemoteToken, pool_asks_for_mfa: bool) -> Result<Standing, Reason> {
        let Record::Account { mirror, .. } = &self.record else { return Err(Reason::UnknownCredential) };
        let signed_in_at_ms = token.auth_time.saturating_mul(1000);
        let is_kept = mirror.kept_session.as_ref() == Some(&token.session_id);
        if mirror.not_before_ms.is_some_and(|not_before_ms| signed_in_at_ms < not_before_ms) && !is_kept {
            return Err(Reason::SignedOut);
        }
        let mfa =
            pool_asks_for_mfa && mirror.mfa_since_ms.is_some_and(|since_ms| since_ms <= signed_in_at_ms);
        let identity = Identity::Person {
            user_id: mirror.user.id.clone(),
            username: mirror.user.username.clone(),
            mfa,
            session_id: token.session_id,
        };
        let rights = if mfa { &self.grants.with_mfa } else { &self.grants.without_mfa };
        Ok(rights.clone().of_somebody(Arc::new(identity), Some(token.exp.saturating_mul(1000))))
    }

    /// What is used when this subject is; kept under `id`.
    fn used_key(&self, id: SubjectId) -> UsedKey {
        match self.record.identity() {
            Identity::AccessKey { access_key_id, .. } => UsedKey::AccessKey(access_key_id.clone()),
            _ => UsedKey::Secret(id),
        }
    }

    /// Taken before [`Access::uses`], where both are.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What leads to a subject.
#[derive(Debug, Clone, Copy)]
enum Sought<'a> {
    /// The SHA-256 of a key.
    Secret([u8; 32]),
    /// The id of a key, as if its newest secret were shown.
    Key(&'a str),
    /// The id of an access key.
    AccessKey(&'a str),
    /// The id of a session.
    Session(&'a str),
    /// The id of a user of a home pool that is kept elsewhere.
    Account(&'a str),
}

/// Under what a subject is kept.
type SubjectId = [u8; 32];

impl Sought<'_> {
    fn id(self) -> SubjectId {
        match self {
            Self::Secret(digest) => digest,
            // No secret is such a text, nor an id the other: neither has a space in it.
            Self::Key(id) => crate::sha256(format!("key {id}").as_bytes()),
            Self::AccessKey(id) => crate::sha256(format!("access-key {id}").as_bytes()),
            Self::Session(id) => crate::sha256(format!("session {id}").as_bytes()),
            Self::Account(id) => crate::sha256(format!("account {id}").as_bytes()),
        }
    }
}

/// What was found, and in which epoch.
type Known<T> = (u64, Arc<T>);

/// What is kept in memory for answering quickly, and what waits to be written.
pub(crate) struct Access {
    bound_ms: i64,
    subjects: Cache<SubjectId, Known<Subject>>,
    /// By the user's id.
    grants: Cache<Box<str>, Known<UserGrants>>,
    /// By the pool's id and whatever name was asked for.
    users: Cache<Box<str>, Known<User>>,
    /// By the hash of what the refresh tokens begin with.
    sign_ins: Cache<Box<str>, Known<SignedIn>>,
    /// By the app client's id.
    pool_clients: Cache<Box<str>, Known<PoolClient>>,
    /// Moves with the changes of rights made through this process, and with those seen of others.
    epoch: Arc<Epoch>,
    /// When the revision was last known to be the newest.
    confirmed_at: [AtomicI64; 2],
    /// Whose last use waits to be written.
    uses: Mutex<HashMap<SubjectId, Arc<Subject>>>,
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
            grants: Cache::new(CACHED_USERS),
            users: Cache::new(CACHED_USERS),
            sign_ins: Cache::new(CACHED_USERS),
            pool_clients: Cache::new(CACHED_CLIENTS),
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

    /// The epoch that what is kept must be of; nothing while what is kept may be too old.
    fn epoch_if_fresh(&self, clock: &Clock) -> Option<u64> {
        // In this order. The epoch moves before the revision is confirmed: the one that is read after a
        // confirmation was found fresh knows of every change until then. And what is loaded while a change is
        // on its way counts as of before the change.
        if self.is_fresh(clock) { self.epoch.now() } else { None }
    }

    /// The app client of this id, from memory where that is fresh, else as `find` finds it.
    pub(crate) async fn pool_client(
        &self,
        id: &str,
        clock: &Clock,
        find: impl AsyncFnOnce() -> Result<Option<PoolClient>>,
    ) -> Result<Option<Arc<PoolClient>>> {
        self.recent(&self.pool_clients, id, clock, find).await
    }

    /// The user of this name in the pool. Whatever changes what is told of a user moves the epoch.
    pub(crate) async fn user(
        &self,
        pool_id: &str,
        name: &str,
        clock: &Clock,
        find: impl AsyncFnOnce() -> Result<Option<User>>,
    ) -> Result<Option<Arc<User>>> {
        self.recent(&self.users, &format!("{pool_id} {name}"), clock, find).await
    }

    /// The sign-in whose refresh tokens begin with what has this hash. A rotation doesn't move the epoch: not
    /// for those that rotate.
    pub(crate) async fn signed_in(
        &self,
        refresh_family: &str,
        clock: &Clock,
        find: impl AsyncFnOnce() -> Result<Option<SignedIn>>,
    ) -> Result<Option<Arc<SignedIn>>> {
        self.recent(&self.sign_ins, refresh_family, clock, find).await
    }

    async fn recent<T>(
        &self,
        cache: &Cache<Box<str>, Known<T>>,
        id: &str,
        clock: &Clock,
        find: impl AsyncFnOnce() -> Result<Option<T>>,
    ) -> Result<Option<Arc<T>>> {
        let fresh = self.epoch_if_fresh(clock);
        if let Some(found) = kept(cache, id, fresh) {
            return Ok(Some(found));
        }
        // Apart, as in `Keyward::subject`.
        let found = Box::pin(find()).await?.map(Arc::new);
        if let Some(found) = &found {
            keep(cache, id.into(), fresh, found);
        }
        Ok(found)
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<SubjectId, Arc<Subject>>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyward {
    /// Who shows `credential`, with their rights of this moment.
    ///
    /// # Errors
    /// `Unauthenticated` for a credential that isn't good (whatever is wrong with it, the answer is the same;
    /// only a good key whose user holds no role is told so), `Unavailable` when it can't be known.
    pub async fn authenticate(&self, credential: &Credential, origin: Origin) -> Result<Caller> {
        match self.resolve(credential, &origin).await? {
            Ok(standing) => Ok(Caller { standing, origin }),
            Err(reason) => {
                tracing::debug!(?reason, "a credential was refused");
                Err(Error::unauthenticated(match reason {
                    Reason::NoRoles => {
                        "The user whom this API key acts as holds no role; ask an administrator to give them one."
                    }
                    _ => "The credential isn't valid: sign in again, or use an API key that is active.",
                }))
            }
        }
    }

    /// Who signed a request, with their rights of this moment, or why nobody is let in by it.
    ///
    /// # Errors
    /// `Unavailable` when it can't be known.
    pub async fn authenticate_signed(
        &self,
        signed: &Signed<'_>,
        origin: Origin,
    ) -> Result<Result<Caller, SignatureFault>> {
        let now_ms = self.clock.now_ms();
        let now = SigningTime::at_ms(now_ms);
        if signed.at.plus_ms(SIGNATURE_WINDOW_MS) < now {
            return Ok(Err(SignatureFault::Expired(now)));
        }
        if signed.at > now.plus_ms(SIGNATURE_WINDOW_MS) {
            return Ok(Err(SignatureFault::NotYetCurrent(now)));
        }
        let sought = Sought::AccessKey(signed.access_key_id);
        let subject = if is_well_formed(signed.access_key_id) { self.subject(sought).await? } else { None };
        let Some(subject) = subject else { return Ok(Err(SignatureFault::UnknownKey)) };
        let Record::AccessKey { keys, .. } = &subject.record else {
            return Ok(Err(SignatureFault::UnknownKey));
        };
        if !signed.is_made_with(keys) {
            return Ok(Err(SignatureFault::Mismatch));
        }
        Ok(match judge(&subject, origin.address, now_ms) {
            Ok(()) => {
                self.note_use(sought.id(), &subject, &origin, now_ms);
                Ok(Caller { standing: Arc::clone(&subject.standing), origin })
            }
            Err(reason) => {
                tracing::debug!(?reason, "an access key was refused");
                Err(SignatureFault::UnknownKey)
            }
        })
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
            return Ok(Verification { reason: Some(Reason::UnknownCredential), standing: None });
        };
        let origin = Origin { address: client_address, ..Origin::default() };
        Ok(match self.resolve(credential, &origin).await? {
            Ok(standing) => Verification { reason: None, standing: Some(standing) },
            Err(reason) => Verification { reason: Some(reason), standing: None },
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
                let found = Arc::clone(&caller.standing);
                if found.identity.user_id().is_none() {
                    // The operator at the machine has no roles that could be looked up: the rights decide.
                    return Ok(decide_by_rights(found, permissions));
                }
                if !explain {
                    return self.decide_for(found, permissions).await;
                }
                (self.subject_of(&found.identity).await?, found)
            }
            About::Credential(credential) => {
                let verification = self.verify_unchecked(credential.as_ref(), client_address).await?;
                match (verification.standing, explain) {
                    (Some(found), true) if found.identity.user_id().is_none() => {
                        return Ok(decide_by_rights(found, permissions));
                    }
                    (Some(found), false) => return self.decide_for(found, permissions).await,
                    (Some(found), true) => (self.subject_of(&found.identity).await?, found),
                    (None, _) => {
                        let reason = verification.reason.unwrap_or(Reason::UnknownCredential);
                        let subject = match (explain, credential) {
                            (true, Some(Credential::ApiKey(key))) => {
                                let digest = crate::sha256(key.expose().as_bytes());
                                self.subject(Sought::Secret(digest)).await?
                            }
                            _ => None,
                        };
                        return Ok(decide_against(subject.as_deref(), reason, permissions));
                    }
                }
            }
            About::User(name_or_id) => {
                let subject = Box::pin(self.as_if_signed_in(name_or_id)).await?;
                return Ok(self.decide_about(&subject, client_address, permissions));
            }
            About::ApiKey(id) => {
                let subject = Box::pin(self.subject_of_key(id)).await?;
                return Ok(self.decide_about(&subject, client_address, permissions));
            }
        };
        let Some(subject) = subject else {
            return Ok(decide_against(None, Reason::UnknownCredential, permissions));
        };
        Ok(decide_each(&subject, found, permissions))
    }

    /// Keeps what is cached good, writes the uses of keys and throws away what has expired, until the task
    /// that runs it is dropped.
    pub async fn run(&self) {
        tokio::join!(self.watch_revision(), self.keep_house(), self.settle_regularly());
    }

    /// Finds out what became of changes in a home pool kept elsewhere that were begun and never ended.
    async fn settle_regularly(&self) {
        let Some(pool) = &self.remote_pool else { return };
        let mut is_starting = true;
        loop {
            match pool.settle(is_starting).await {
                Ok(()) => is_starting = false,
                Err(error) => {
                    tracing::warn!(%error, cause = ?error.cause, "changes in the user pool are still open");
                }
            }
            tokio::time::sleep(SETTLE_INTERVAL).await;
        }
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
        let waiting: Vec<_> =
            self.access.uses().iter().map(|(id, subject)| (*id, Arc::clone(subject))).collect();
        for waiting in waiting.chunks(USES_IN_ONE_WRITE) {
            let last_uses = waiting.iter().filter_map(|(id, subject)| {
                let last_use = subject.noted().last_use.clone()?;
                Some(((id, subject), (subject.used_key(*id), last_use)))
            });
            let (waiting, written): (Vec<_>, Vec<_>) = last_uses.unzip();
            self.store.record_uses(&written).await?;
            for ((id, subject), (_, last_use)) in waiting.into_iter().zip(&written) {
                let mut noted = subject.noted();
                let mut uses = self.access.uses();
                if noted.last_use.as_ref() == Some(last_use)
                    && uses.get(id).is_some_and(|waiting| Arc::ptr_eq(waiting, subject))
                {
                    noted.is_waiting = false;
                    uses.remove(id);
                }
            }
        }
        Ok(())
    }

    /// What a credential is worth, or why nothing.
    async fn resolve(
        &self,
        credential: &Credential,
        origin: &Origin,
    ) -> Result<Result<Arc<Standing>, Reason>> {
        match credential {
            Credential::ApiKey(key) => {
                let digest = crate::sha256(key.expose().as_bytes());
                let Some(subject) = self.subject(Sought::Secret(digest)).await? else {
                    return Ok(Err(Reason::UnknownCredential));
                };
                let now_ms = self.clock.now_ms();
                Ok(judge(&subject, origin.address, now_ms).map(|()| {
                    self.note_use(digest, &subject, origin, now_ms);
                    Arc::clone(&subject.standing)
                }))
            }
            Credential::Token(token) => {
                if let Some(issuer) = &self.external_issuer
                    && issuer.is_named_by(token.expose())
                {
                    return Box::pin(self.resolve_external(issuer, token)).await;
                }
                if let Some(pool) = &self.remote_pool {
                    return Box::pin(self.resolve_elsewhere(pool, token, origin)).await;
                }
                let now_ms = self.clock.now_ms();
                let Some(token) = self.local_pool.verify_token(token.expose()) else {
                    return Ok(Err(Reason::UnknownCredential));
                };
                let expires_at_ms = token.exp.saturating_mul(1000);
                if expires_at_ms <= now_ms {
                    return Ok(Err(Reason::Expired));
                }
                let Some(subject) = self.subject(Sought::Session(&token.origin_jti)).await? else {
                    return Ok(Err(Reason::SignedOut));
                };
                if let Err(reason) = judge(&subject, origin.address, now_ms) {
                    return Ok(Err(reason));
                }
                if subject.standing.identity.user_id() != Some(&token.sub) {
                    return Ok(Err(Reason::UnknownCredential));
                }
                Ok(Ok(Arc::new(subject.of_token(token.mfa, expires_at_ms))))
            }
        }
    }

    /// The user and the session that a token of the home pool names, whether or not they are still there;
    /// nothing for one that was never good, or has expired.
    pub(crate) async fn signed_by_home(&self, token: &Credential) -> Result<Option<(String, String)>> {
        let Credential::Token(token) = token else { return Ok(None) };
        let token = if let Some(pool) = &self.remote_pool {
            let token = pool.verify_token(token.expose()).await?;
            token.map(|token| (token.sub, token.session_id, token.exp))
        } else {
            let token = self.local_pool.verify_token(token.expose());
            token.map(|token| (token.sub, token.origin_jti, token.exp))
        };
        let token = token.filter(|(_, _, exp)| exp.saturating_mul(1000) > self.clock.now_ms());
        Ok(token.map(|(user_id, session_id, _)| (user_id, session_id)))
    }

    /// What a token of another issuer is worth: the roles that its groups have here, as they are now.
    async fn resolve_external(
        &self,
        issuer: &ExternalIssuer,
        token: &Secret,
    ) -> Result<Result<Arc<Standing>, Reason>> {
        let (now_ms, monotonic_ms) = (self.clock.now_ms(), self.clock.monotonic_ms());
        let Some(token) = issuer.verify(token.expose(), self.clock.now_seconds(), monotonic_ms).await? else {
            return Ok(Err(Reason::UnknownCredential));
        };
        let expires_at_ms = token.exp.saturating_mul(1000);
        if expires_at_ms <= now_ms {
            return Ok(Err(Reason::Expired));
        }
        let mut roles = Vec::with_capacity(token.roles.len());
        for name in &token.roles {
            // One that isn't there (any more) gives nothing.
            roles.extend(self.store.role(self.directory.pool_id(), name).await?);
        }
        let grants = roles.into_iter().filter(|role| token.mfa || !role.mfa_required);
        let grants: Vec<_> = grants
            .map(|role| Grant {
                role: role.name,
                permissions: role.permissions,
                mfa_required: role.mfa_required,
            })
            .collect();
        let identity = Identity::External {
            issuer: issuer.settings.issuer.clone(),
            subject: token.subject,
            username: token.name,
            mfa: token.mfa,
        };
        let rights = Rights::of(grants.iter());
        Ok(Ok(Arc::new(rights.of_somebody(Arc::new(identity), Some(expires_at_ms)))))
    }

    /// What a token is worth that a home pool kept elsewhere has signed.
    async fn resolve_elsewhere(
        &self,
        pool: &RemotePool,
        token: &Secret,
        origin: &Origin,
    ) -> Result<Result<Arc<Standing>, Reason>> {
        let Some(token) = pool.verify_token(token.expose()).await? else {
            return Ok(Err(Reason::UnknownCredential));
        };
        let now_ms = self.clock.now_ms();
        if token.exp.saturating_mul(1000) <= now_ms {
            return Ok(Err(Reason::Expired));
        }
        let Some(subject) = self.subject(Sought::Account(&token.sub)).await? else {
            return Ok(Err(Reason::UnknownCredential));
        };
        if let Err(reason) = judge(&subject, origin.address, now_ms) {
            return Ok(Err(reason));
        }
        let pool_asks_for_mfa = pool.settings().await?.mfa != MfaMode::Off;
        Ok(subject.of_remote_token(token, pool_asks_for_mfa).map(Arc::new))
    }

    async fn subject_of(&self, identity: &Identity) -> Result<Option<Arc<Subject>>> {
        match identity {
            Identity::Person { user_id, .. } if self.remote_pool.is_some() => {
                self.subject(Sought::Account(user_id)).await
            }
            Identity::Person { session_id, .. } => self.subject(Sought::Session(session_id)).await,
            Identity::ApiKey { key_id, .. } => self.subject(Sought::Key(key_id)).await,
            Identity::AccessKey { access_key_id, .. } => self.subject(Sought::AccessKey(access_key_id)).await,
            Identity::Nobody | Identity::Operator | Identity::Developer | Identity::External { .. } => {
                Ok(None)
            }
        }
    }

    /// The user of this name or id, as if signed in without MFA.
    async fn as_if_signed_in(&self, name_or_id: &str) -> Result<Subject> {
        let user = self.known_user(name_or_id).await?;
        let grants = UserGrants::new(self.store.grants(&user.id, self.directory.pool_id()).await?);
        let identity = Identity::Person {
            user_id: user.id,
            username: user.username,
            mfa: false,
            session_id: String::new(),
        };
        let record =
            Record::Session { identity: Arc::new(identity), user_enabled: user.enabled, is_revoked: false };
        Ok(Subject::new(record, Arc::new(grants)))
    }

    async fn subject_of_key(&self, id: &str) -> Result<Subject> {
        let record = self.store.key_record_by_id(id).await?;
        let record = record.ok_or_else(|| Error::not_found(Thing::ApiKey, "API key not found"))?;
        self.loaded(Record::Key(record)).await
    }

    /// What is kept while it is fresh, else what the database has.
    async fn subject(&self, sought: Sought<'_>) -> Result<Option<Arc<Subject>>> {
        let (id, fresh) = (sought.id(), self.access.epoch_if_fresh(&self.clock));
        if let Some(subject) = kept(&self.access.subjects, &id, fresh)
            && self.is_recent(subject.record.identity())
        {
            return Ok(Some(subject));
        }
        // Apart, so that the future of a request that finds everything in memory has no room for queries in it:
        // it would be several kilobytes, copied and allocated for each request.
        Box::pin(self.load_subject(sought, id, fresh)).await
    }

    /// Whether what is known here of the user is young enough to go by, where the home is kept elsewhere.
    fn is_recent(&self, identity: &Identity) -> bool {
        match (&self.remote_pool, identity.user_id()) {
            (Some(pool), Some(user_id)) => pool.is_fresh(user_id),
            _ => true,
        }
    }

    async fn load_subject(
        &self,
        sought: Sought<'_>,
        id: SubjectId,
        mut fresh: Option<u64>,
    ) -> Result<Option<Arc<Subject>>> {
        let mut record = self.record(sought).await?;
        if let Some(pool) = &self.remote_pool {
            let user_id = match (&record, sought) {
                (_, Sought::Account(id)) => Some(id),
                (Some(record), _) => record.identity().user_id(),
                (None, _) => None,
            };
            if let Some(user_id) = user_id.filter(|user_id| !pool.is_fresh(user_id)) {
                pool.refresh(user_id).await?;
                fresh = self.access.epoch_if_fresh(&self.clock);
                record = self.record(sought).await?;
            }
        }
        let Some(record) = record else { return Ok(None) };
        let subject = Arc::new(self.loaded(record).await?);
        keep(&self.access.subjects, id, fresh, &subject);
        Ok(Some(subject))
    }

    async fn record(&self, sought: Sought<'_>) -> Result<Option<Record>> {
        Ok(match sought {
            Sought::Secret(digest) => self.store.key_record(&crate::hex(&digest)).await?.map(Record::Key),
            Sought::Key(id) => self.store.key_record_by_id(id).await?.map(Record::Key),
            Sought::AccessKey(id) => match self.store.access_key_record(id).await? {
                Some(record) => Some(Record::AccessKey {
                    keys: SigningKeys::new(self.access_key_secret(&record)?),
                    identity: record.identity,
                    user_enabled: record.user_enabled,
                }),
                None => None,
            },
            Sought::Session(id) => self.store.session_record(id).await?.map(Record::from),
            Sought::Account(id) => match &self.remote_pool {
                Some(pool) => {
                    pool.mirrored(id).await?.filter(|mirror| !mirror.is_program()).map(Record::from)
                }
                None => None,
            },
        })
    }

    async fn loaded(&self, record: Record) -> Result<Subject> {
        let grants = self.grants_of(record.identity().user_id().unwrap_or_default()).await?;
        Ok(Subject::new(record, grants))
    }

    async fn grants_of(&self, user_id: &str) -> Result<Arc<UserGrants>> {
        let fresh = self.access.epoch_if_fresh(&self.clock);
        if let Some(grants) = kept(&self.access.grants, user_id, fresh) {
            return Ok(grants);
        }
        let grants = self.store.grants(user_id, self.directory.pool_id()).await?;
        let grants = Arc::new(UserGrants::new(grants));
        keep(&self.access.grants, user_id.into(), fresh, &grants);
        Ok(grants)
    }

    /// Remembers when and from where the key was used; it is written later, with others.
    fn note_use(&self, id: SubjectId, subject: &Arc<Subject>, origin: &Origin, now_ms: i64) {
        // Asked without the lock, for which the requests with one key would stand in line.
        if now_ms.saturating_sub(subject.noted_at_ms.load(Ordering::Relaxed)) < USE_RESOLUTION_MS {
            return;
        }
        subject.noted_at_ms.store(now_ms, Ordering::Relaxed);
        let mut noted = subject.noted();
        noted.last_use =
            Some(LastUse { at_ms: now_ms, address: origin.address, user_agent: origin.user_agent.clone() });
        if !std::mem::replace(&mut noted.is_waiting, true) {
            // In the place of what an earlier look at the database led to, whose use was before this one.
            self.access.uses().insert(id, Arc::clone(subject));
        }
    }

    /// The decisions about somebody who doesn't ask themselves.
    fn decide_about(
        &self,
        subject: &Subject,
        address: Option<IpAddr>,
        permissions: Vec<Permission>,
    ) -> Authorization {
        match judge(subject, address, self.clock.now_ms()) {
            Err(reason) => decide_against(Some(subject), reason, permissions),
            Ok(()) => decide_each(subject, Arc::clone(&subject.standing), permissions),
        }
    }

    /// The decisions for somebody whose rights are known; only a refusal makes a look at the roles worth it.
    async fn decide_for(
        &self,
        standing: Arc<Standing>,
        permissions: Vec<Permission>,
    ) -> Result<Authorization> {
        if standing.identity.user_id().is_none()
            || permissions.iter().all(|permission| standing.permissions.allows(permission))
        {
            return Ok(decide_by_rights(standing, permissions));
        }
        let Some(subject) = self.subject_of(&standing.identity).await? else {
            return Ok(decide_against(None, Reason::SignedOut, permissions));
        };
        Ok(decide_each(&subject, standing, permissions))
    }
}

fn decide_by_rights(standing: Arc<Standing>, permissions: Vec<Permission>) -> Authorization {
    let decisions = permissions
        .into_iter()
        .map(|permission| {
            let reason = (!standing.permissions.allows(&permission)).then_some(Reason::NotGranted);
            Decision { permission, reason, granted_by: Vec::new(), withheld: Vec::new() }
        })
        .collect();
    Authorization { reason: None, decisions, standing: Some(standing) }
}

/// All is refused, for a reason that has to do with the credential itself.
fn decide_against(subject: Option<&Subject>, reason: Reason, permissions: Vec<Permission>) -> Authorization {
    let grants = subject.map(|subject| subject.grants.grants.as_slice()).unwrap_or_default();
    let decisions = permissions
        .into_iter()
        .map(|permission| {
            let withheld = grounds(grants, &permission).map(|(_, grounds)| (grounds, reason)).collect();
            Decision { permission, reason: Some(reason), granted_by: Vec::new(), withheld }
        })
        .collect();
    Authorization { reason: Some(reason), decisions, standing: None }
}

/// Whether the credential is good at this moment and from this address.
fn judge(subject: &Subject, address: Option<IpAddr>, now_ms: i64) -> Result<(), Reason> {
    match &subject.record {
        Record::Session { user_enabled: false, .. } | Record::AccessKey { user_enabled: false, .. } => {
            Err(Reason::UserDisabled)
        }
        Record::Account { mirror, .. } if !mirror.user.enabled => Err(Reason::UserDisabled),
        Record::Session { is_revoked: true, .. } => Err(Reason::SignedOut),
        Record::AccessKey { .. } if subject.grants.grants.is_empty() => Err(Reason::NoRoles),
        Record::Session { .. } | Record::AccessKey { .. } | Record::Account { .. } => Ok(()),
        Record::Key(key) => {
            if !key.active {
                return Err(Reason::Disabled);
            }
            if key.ends_at_ms.is_some_and(|ends_at_ms| ends_at_ms <= now_ms) {
                return Err(Reason::Expired);
            }
            if !key.user_enabled {
                return Err(Reason::UserDisabled);
            }
            // A range was set: whoever doesn't say where they come from isn't in it.
            let is_inside = key.allowed_addresses.is_empty()
                || address.is_some_and(|address| {
                    key.allowed_addresses.iter().any(|block| block.contains(&address.to_canonical()))
                });
            if !is_inside {
                return Err(Reason::AddressNotAllowed);
            }
            if subject.grants.grants.is_empty() {
                return Err(Reason::NoRoles);
            }
            Ok(())
        }
    }
}

/// What is kept under `id`, if it is of the epoch that is fresh now.
fn kept<K, Q, T>(cache: &Cache<K, Known<T>>, id: &Q, fresh: Option<u64>) -> Option<Arc<T>>
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ?Sized,
{
    let (epoch, found) = cache.get(id)?;
    (fresh == Some(epoch)).then_some(found)
}

/// Keeps what was loaded when `fresh` was the epoch.
fn keep<K: Eq + Hash, T>(cache: &Cache<K, Known<T>>, id: K, fresh: Option<u64>, found: &Arc<T>) {
    if let Some(epoch) = fresh {
        cache.insert(id, (epoch, Arc::clone(found)));
    }
}

fn decide_each(subject: &Subject, standing: Arc<Standing>, permissions: Vec<Permission>) -> Authorization {
    let decisions = permissions.into_iter().map(|wanted| decide(subject, &standing, wanted)).collect();
    Authorization { reason: None, decisions, standing: Some(standing) }
}

/// Whether somebody may do what is `wanted`, and what of the subject's roles grants or withholds it.
fn decide(subject: &Subject, standing: &Standing, wanted: Permission) -> Decision {
    let scope: Option<PermissionSet> = match &subject.record {
        Record::Key(record) => record.scope.as_ref().map(|scope| scope.iter().cloned().collect()),
        Record::AccessKey { .. } | Record::Session { .. } | Record::Account { .. } => None,
    };
    let is_in_scope = scope.is_none_or(|scope| scope.allows(&wanted));
    let (mut granted_by, mut withheld) = (Vec::new(), Vec::new());
    for (grant, grounds) in grounds(&subject.grants.grants, &wanted) {
        if grant.mfa_required && !standing.identity.has_mfa() {
            withheld.push((grounds, Reason::MfaRequired));
        } else if is_in_scope {
            granted_by.push(grounds);
        } else {
            withheld.push((grounds, Reason::OutsideScope));
        }
    }
    let reason = if standing.permissions.allows(&wanted) {
        None
    } else if withheld.iter().any(|(_, why)| *why == Reason::OutsideScope) {
        Some(Reason::OutsideScope)
    } else if let Some((_, why)) = withheld.first() {
        Some(*why)
    } else if subject.grants.grants.is_empty() {
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

    fn session(mfa: bool) -> Record {
        let identity = Identity::Person {
            user_id: "ada".into(),
            username: "ada@example.com".into(),
            mfa,
            session_id: "session".into(),
        };
        Record::Session { identity: identity.into(), user_enabled: true, is_revoked: false }
    }

    fn key(scope: Option<&[&str]>) -> Record {
        let identity = Identity::ApiKey {
            user_id: "ada".into(),
            username: "ada@example.com".into(),
            key_id: "key".into(),
            key_name: "CI".into(),
            public_id: String::new(),
        };
        Record::Key(KeyRecord {
            identity: identity.into(),
            user_enabled: true,
            active: true,
            ends_at_ms: None,
            scope: scope.map(permissions),
            allowed_addresses: Vec::new(),
        })
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
            let record = if is_key { key(scope.as_deref()) } else { session(mfa) };
            let has_mfa = mfa && !is_key;
            let subject = Subject::new(record, Arc::new(UserGrants::new(grants.collect())));
            if let Err(reason) = judge(&subject, None, 0) {
                prop_assert!(is_key && roles.is_empty() && reason == Reason::NoRoles);
                return Ok(());
            }
            let standing = if is_key { None } else { Some(subject.of_token(mfa, i64::MAX)) };
            let standing = standing.as_ref().unwrap_or(&subject.standing);

            let decision = decide(&subject, standing, Permission::parse(wanted).unwrap());

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
