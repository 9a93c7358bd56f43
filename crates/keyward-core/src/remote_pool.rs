//! A home of users that is kept elsewhere, in Amazon Cognito or whatever speaks its protocol.
//!
//! Each of its users whom Keyward has met has a row here that mirrors what the directory says of them: roles, keys
//! and decisions go by that row and know of no directory. `freshness.rs` keeps the row no older than the bound,
//! `change.rs` carries changes out so that none is left half-made.

mod change;
mod freshness;
mod service;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use self::change::{Act, RoleName, Turns};
use self::freshness::{Looks, moment};
pub use self::service::{RemoteFilter, RemotePoolFacts, RemoteSignIn, RemoteUser, UserPoolService};
pub(crate) use self::token::RemoteToken;
pub(crate) use self::token::SigningKeys;
use crate::audit::Change;
use crate::caller::Origin;
use crate::clock::Clock;
use crate::directory::{Directory, Enrolment};
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::{ids, password};
use crate::master_key::MasterKey;
use crate::page::{Cursor, MAXIMUM_LIMIT, Page};
use crate::random::Random;
use crate::role::{Role, unassigned};
use crate::secret::Secret;
use crate::store::{LOOKED_UP_AT_ONCE, Mirror, MirrorWrite, NewAccount, Store};
use crate::user::{User, UserKind, UserQuery, UserStatus};
use crate::user_pool::{Identifiers, UserPool, UserPoolSettings};

/// How often what is read is read again because somebody else has changed the row meanwhile.
const READ_TRIES: usize = 5;

/// What a pool kept elsewhere is opened with.
#[derive(Debug, Clone)]
pub struct RemotePoolSettings {
    /// The pool's id, like `us-east-1_k3Y9wRd0A`.
    pub id: String,
    /// The application's client, for which tokens must be.
    pub client_id: String,
    /// Where the pool's protocol is spoken.
    pub endpoint: String,
    /// What tokens may name as their issuer.
    pub issuers: Vec<String>,
    /// The groups that count as the roles of their names.
    pub groups: Vec<String>,
    /// How old what is known of a user may be at most when a decision goes by it, in milliseconds.
    pub bound_ms: i64,
}

/// A home of users that is kept elsewhere, open.
#[derive(Clone)]
pub struct RemotePool(Arc<Inner>);

pub(super) struct Inner {
    settings: RemotePoolSettings,
    service: Arc<dyn UserPoolService>,
    store: Store,
    clock: Clock,
    random: Random,
    master_key: MasterKey,
    /// Tells what this process has begun from what others have.
    node: String,
    /// What is set of the pool, and when it was asked for.
    pool: Mutex<(UserPool, i64)>,
    asking_for_pool: tokio::sync::Mutex<()>,
    keys: SigningKeys,
    looks: Looks,
    turns: Turns,
}

impl RemotePool {
    /// Opens the pool; at the first start, it must answer.
    ///
    /// # Errors
    /// `NotFound(UserPool)`, `Unavailable`.
    pub async fn open(
        settings: RemotePoolSettings,
        service: Arc<dyn UserPoolService>,
        store: Store,
        clock: Clock,
        random: Random,
        master_key: MasterKey,
    ) -> Result<Self> {
        let known = store.user_pool(&settings.id).await?;
        let asked_at_ms = clock.monotonic_ms();
        let facts = match (service.pool().await, &known) {
            (Ok(facts), _) => facts,
            (Err(error), Some(_)) => {
                tracing::warn!(%error, "the user pool doesn't answer; what was known of it counts");
                None
            }
            (Err(error), None) => return Err(error),
        };
        let is_new = known.is_none();
        let now_ms = clock.now_ms();
        let mut pool = known.unwrap_or_else(|| UserPool {
            id: settings.id.clone(),
            name: settings.id.clone(),
            settings: UserPoolSettings::default(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        });
        if is_new && facts.is_none() {
            tracing::warn!(
                "Keyward may not call DescribeUserPool, so it doesn't know the pool's password policy, and takes \
                 nobody to have a second factor; grant cognito-idp:DescribeUserPool"
            );
        }
        if let Some(facts) = facts
            && (pool.settings != facts.settings || pool.name != facts.name || is_new)
        {
            (pool.name, pool.settings, pool.updated_at_ms) = (facts.name, facts.settings, now_ms);
            store.mirror_pool(&pool).await?;
        } else if is_new {
            store.mirror_pool(&pool).await?;
        }
        let node = random.uuid();
        Ok(Self(Arc::new(Inner {
            settings,
            service,
            store,
            clock,
            random,
            master_key,
            node,
            pool: Mutex::new((pool, asked_at_ms)),
            asking_for_pool: tokio::sync::Mutex::default(),
            keys: SigningKeys::default(),
            looks: Looks::default(),
            turns: Turns::default(),
        })))
    }

    /// What it was opened with.
    pub fn opened_with(&self) -> &RemotePoolSettings {
        &self.0.settings
    }

    /// The region that the id begins with.
    pub fn region(&self) -> &str {
        self.0.settings.id.split('_').next().unwrap_or_default()
    }

    pub(crate) async fn verify_token(&self, token: &str) -> Result<Option<RemoteToken>> {
        self.0.verify_token(token).await
    }

    /// Whether what is known of the user is young enough to go by.
    pub(crate) fn is_fresh(&self, user_id: &str) -> bool {
        self.0.is_fresh(user_id)
    }

    /// Asks the directory what is true of the user, unless that was done within the bound.
    ///
    /// # Errors
    /// `Unavailable`, `TooManyRequests`.
    pub(crate) async fn refresh(&self, user_id: &str) -> Result<()> {
        self.0.refresh(user_id).await
    }

    /// The user of this id as decisions see them.
    pub(crate) async fn mirrored(&self, user_id: &str) -> Result<Option<Mirror>> {
        self.0.store.mirror_of_id(&self.0.settings.id, user_id).await
    }

    /// Whether one signs in with this password, for good.
    ///
    /// # Errors
    /// `Unavailable`, `TooManyRequests`.
    pub(crate) async fn has_password(&self, user: &User, password: &Secret) -> Result<bool> {
        if user.kind == UserKind::Program {
            return Ok(false);
        }
        let known = self.mirrored(&user.id).await?.and_then(|mirror| mirror.remote_name);
        match self.0.service.sign_in(known.as_deref().unwrap_or(&user.username), password).await {
            Ok(RemoteSignIn::Done(_)) => Ok(true),
            Ok(RemoteSignIn::Challenge(challenge)) => Ok(challenge != "NEW_PASSWORD_REQUIRED"),
            Err(error) => match error.code {
                Code::Unauthenticated | Code::PasswordResetRequired | Code::UserNotConfirmed => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Gives a password for good, and ends all sessions but the one of this id.
    ///
    /// # Errors
    /// As [`Directory::set_password`].
    pub(crate) async fn secure_password(
        &self,
        user: &User,
        password: &Secret,
        kept_session: Option<&str>,
        change: &Change,
    ) -> Result<()> {
        let act = Act::SetPassword {
            id: user.id.clone(),
            version: user.version,
            is_temporary: false,
            kept_session: kept_session.map(str::to_owned),
        };
        self.change(user.id.clone(), act, Some(password), "", change).await.map(drop)
    }

    /// Waits until nobody else of this process secures production, and keeps others waiting.
    pub(crate) async fn turn_to_secure(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.turns.securing.lock().await
    }

    /// Switches every second factor off, and ends all sessions; unless no admin would be left, where it
    /// `keeps_an_admin`.
    ///
    /// # Errors
    /// `Conflict`, `NotFound(User)`, `Unavailable`, `TooManyRequests`.
    pub(crate) async fn forget_factors(
        &self,
        user: &User,
        keeps_an_admin: bool,
        change: &Change,
    ) -> Result<()> {
        let mut lost_roles = Vec::new();
        for name in user.roles.iter().filter(|_| keeps_an_admin) {
            let role = self.0.store.role(&self.0.settings.id, name).await?;
            lost_roles.extend(role.filter(|role| role.mfa_required).map(|role| role.id));
        }
        let act = Act::ForgetFactors { id: user.id.clone(), lost_roles };
        self.change(user.id.clone(), act, None, "", change).await.map(drop)
    }

    /// Finds out what became of changes that were begun and never ended, by a process that is gone. At the
    /// start of the only process on a database that is every one that is open.
    ///
    /// # Errors
    /// `Unavailable`, `TooManyRequests`: what is left is for the next time.
    pub async fn settle(&self, is_starting: bool) -> Result<()> {
        self.0.settle_all(is_starting).await
    }
}

impl Keyward {
    /// Signs in to the home pool that is kept elsewhere, which counts the failures of a name itself; those of a
    /// client's address are counted here.
    ///
    /// # Errors
    /// `Unauthenticated`, `PasswordResetRequired`, `UserNotConfirmed`, `TooManyRequests`, `Unavailable`;
    /// `Unsupported` for our own pool.
    pub async fn sign_in_elsewhere(
        &self,
        origin: &Origin,
        name: &str,
        password: &Secret,
    ) -> Result<RemoteSignIn> {
        let Some(RemotePool(pool)) = &self.remote_pool else {
            return Err(Error::new(
                Code::Unsupported,
                "The home pool is our own; sign in through its app client.",
            ));
        };
        let leave = self.leave_to_try(origin).await?;
        let outcome = pool.service.sign_in(name, password).await;
        if !matches!(&outcome, Err(Error { code: Code::Unauthenticated, .. })) {
            leave.give_back();
        }
        outcome
    }
}

impl Inner {
    /// What is set of the pool, no older than the bound where it answers.
    async fn pool_settings(&self) -> UserPoolSettings {
        let known = || self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_old = |(_, asked_at_ms): &(UserPool, i64)| {
            self.clock.monotonic_ms().saturating_sub(*asked_at_ms) > self.settings.bound_ms
        };
        let (pool, asked_at_ms) = known();
        if !is_old(&(pool.clone(), asked_at_ms)) {
            return pool.settings;
        }
        let _asking = self.asking_for_pool.lock().await;
        let (mut pool, asked_at_ms) = known();
        if !is_old(&(pool.clone(), asked_at_ms)) {
            return pool.settings;
        }
        let now_ms = self.clock.monotonic_ms();
        match self.service.pool().await {
            Ok(Some(facts)) if facts.settings != pool.settings || facts.name != pool.name => {
                (pool.name, pool.settings, pool.updated_at_ms) =
                    (facts.name, facts.settings, self.clock.now_ms());
                if let Err(error) = self.store.mirror_pool(&pool).await {
                    tracing::warn!(%error, "what is set of the user pool could not be written");
                }
            }
            Ok(_) => {}
            // It is the users' own state that must not be old; the policy is checked by the pool itself too.
            Err(error) => {
                tracing::warn!(%error, "the user pool's settings can't be read; the known ones count");
            }
        }
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = (pool.clone(), now_ms);
        pool.settings
    }

    fn identifiers(&self) -> Identifiers {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).0.settings.identifiers.clone()
    }

    fn is_listed(&self, role: &str) -> bool {
        self.settings.groups.iter().any(|group| group == role)
    }

    /// The user as the directory tells of them, beside what only Keyward knows.
    fn mirror_of(&self, seen: &RemoteUser, known: Option<&Mirror>) -> Mirror {
        let now_ms = self.clock.now_ms();
        let id = seen.id();
        let mut attributes = seen.attributes.clone();
        attributes.remove("sub");
        let mut take = |name: &str| attributes.remove(name).filter(|value| !value.is_empty());
        let (email, phone) = (take("email"), take("phone_number"));
        let is_true = |value: Option<String>| value.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let (email_verified, phone_verified) =
            (is_true(take("email_verified")), is_true(take("phone_number_verified")));
        // Where users are known by an address, nobody knows them by the id that is their name.
        let username = if seen.name == id { email.as_ref().or(phone.as_ref()) } else { None };
        let username = username.unwrap_or(&seen.name).clone();
        let before = known.map(|known| known.user.mfa_preference);
        let mfa_preference = seen.mfa.or(before).unwrap_or_default();
        let mfa = mfa_preference.enabled().next().is_some();
        let mfa_since_ms = match (seen.mfa, known.and_then(|known| known.mfa_since_ms), mfa) {
            (Some(_), _, false) => Some(i64::MAX),
            // It was on before Keyward knew of the user.
            (Some(_), None, true) => Some(0),
            (Some(_), Some(i64::MAX), true) => Some(now_ms),
            (_, known, _) => known,
        };
        let was_enabled = known.is_some_and(|known| known.user.enabled);
        let not_before_ms = known.and_then(|known| known.not_before_ms);
        let not_before_ms = if was_enabled && !seen.enabled { Some(now_ms) } else { not_before_ms };
        // Whatever else of the user is changed makes the password no younger. One that was set past Keyward isn't told
        // from that, and counts as old until its user has signed in.
        let temporary_until_ms = known
            .and_then(|known| known.temporary_until_ms)
            .filter(|_| seen.status == UserStatus::ForceChangePassword)
            .or_else(|| self.temporary_until_ms(seen.status, seen.updated_at_ms));
        let user = User {
            id: id.to_owned(),
            username,
            kind: UserKind::Account,
            status: seen.status,
            enabled: seen.enabled,
            email,
            email_verified,
            phone,
            phone_verified,
            attributes,
            is_test: known.is_some_and(|known| known.user.is_test),
            mfa,
            mfa_preference,
            roles: known.map(|known| known.user.roles.clone()).unwrap_or_default(),
            created_at_ms: seen.created_at_ms,
            updated_at_ms: seen.updated_at_ms,
            version: known.map_or(1, |known| known.user.version),
        };
        Mirror {
            temporary_until_ms,
            user,
            remote_name: Some(seen.name.clone()),
            not_before_ms,
            kept_session: known.and_then(|known| known.kept_session.clone()),
            mfa_since_ms,
            gone_at_ms: None,
        }
    }

    /// Until when a temporary password is good that was set at `set_at_ms`. The directory tells only of the user's
    /// last change, so that it may have run out earlier.
    fn temporary_until_ms(&self, status: UserStatus, set_at_ms: i64) -> Option<i64> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let validity_ms = pool.0.settings.password_policy.temporary_validity_ms();
        (status == UserStatus::ForceChangePassword).then(|| set_at_ms.saturating_add(validity_ms))
    }

    /// Writes what the directory says of a user, where it is news, and gives the user as they are now.
    ///
    /// # Errors
    /// `Conflict` when the row was changed since `known` was read.
    async fn take_in(&self, seen: &RemoteUser, groups: &[String], known: Option<&Mirror>) -> Result<Mirror> {
        let mut mirror = self.mirror_of(seen, known);
        let held = known.map(|known| known.user.roles.as_slice()).unwrap_or_default();
        let wanted: BTreeSet<&String> = groups.iter().filter(|group| self.is_listed(group)).collect();
        let listed: BTreeSet<&String> = held.iter().filter(|role| self.is_listed(role)).collect();
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        if wanted != listed {
            let roles = self.listed_roles().await?;
            for role in &roles {
                match (listed.contains(&role.name), wanted.contains(&role.name)) {
                    (true, false) => removed.push(role.id.clone()),
                    (false, true) => added.push(role.id.clone()),
                    _ => {}
                }
            }
            let is_own = |role: &&String| !self.is_listed(role);
            let mut names: Vec<String> = held.iter().filter(is_own).cloned().collect();
            names.extend(roles.into_iter().map(|role| role.name).filter(|name| wanted.contains(name)));
            names.sort_unstable();
            mirror.user.roles = names;
        }
        // A name that somebody else has here stays the id, and is no news each time.
        if let Some(known) = known
            && known.user.username == known.user.id
            && known.remote_name == mirror.remote_name
            && known.user.email == mirror.user.email
        {
            known.user.username.clone_into(&mut mirror.user.username);
        }
        // The directory's moment of the last change differs from ours also when the change was ours.
        let updated_at_ms = mirror.user.updated_at_ms;
        if let Some(known) = known {
            mirror.user.updated_at_ms = known.user.updated_at_ms;
            if *known == mirror {
                mirror.user.updated_at_ms = updated_at_ms;
                return Ok(mirror);
            }
        }
        mirror.user.updated_at_ms = updated_at_ms;
        let write = MirrorWrite {
            mirror: &mirror,
            known: known.map(|known| known.user.version),
            removed: &removed,
            added: &added,
            by: "directory",
            now_ms: self.clock.now_ms(),
            makes_test_user: false,
        };
        self.store.write_mirror(&self.settings.id, &self.identifiers(), &write).await?;
        mirror.user.version = known.map_or(0, |known| known.user.version) + 1;
        Ok(mirror)
    }

    /// The roles that groups of the directory count as.
    async fn listed_roles(&self) -> Result<Vec<Role>> {
        let mut roles = Vec::new();
        for group in &self.settings.groups {
            roles.extend(self.store.role(&self.settings.id, group).await?);
        }
        Ok(roles)
    }

    /// What the directory says of a user, with their groups.
    async fn ask(&self, name: &str) -> Result<Option<(RemoteUser, Vec<String>)>> {
        let (user, groups) = tokio::join!(self.service.user(name), self.service.groups_of(name));
        Ok(user?.zip(Some(groups?)))
    }

    /// The same of the user with this id, where it isn't known what the directory calls them; else, where it may
    /// be one, of the user with this name. Whose name is another user's id doesn't come in the other's place.
    async fn ask_by_id(&self, id: &str, may_be_name: bool) -> Result<Option<(RemoteUser, Vec<String>)>> {
        let named = self.ask(id).await?;
        let named_so = named.clone().filter(|_| may_be_name);
        if uuid::Uuid::try_parse(id).is_err() {
            return Ok(named_so);
        }
        if named.as_ref().is_some_and(|(seen, _)| seen.id() == id) {
            return Ok(named);
        }
        let filter = RemoteFilter { attribute: "sub", value: id, is_prefix: false };
        let (users, _) = self.service.users(Some(filter), 1, None).await?;
        let found = match users.first() {
            Some(user) => self.ask(&user.name).await?.filter(|(seen, _)| seen.id() == id),
            None => None,
        };
        Ok(found.or(named_so))
    }

    /// The user of this name or id, as the directory and Keyward know them now.
    async fn find(&self, name_or_id: &str) -> Result<Option<Mirror>> {
        for _ in 0..READ_TRIES {
            let key = self.identifiers().key(name_or_id);
            let known = self.store.mirror(&self.settings.id, &key, name_or_id).await?;
            match self.found(name_or_id, known.as_ref(), true).await {
                Err(error) if error.is_changed_meanwhile() => {}
                outcome => return outcome,
            }
        }
        Err(Error::changed_meanwhile())
    }

    /// The user of this id, whoever has a name like it.
    async fn find_by_id(&self, id: &str) -> Result<Option<Mirror>> {
        for _ in 0..READ_TRIES {
            let known = self.store.mirror_of_id(&self.settings.id, id).await?;
            match self.found(id, known.as_ref(), false).await {
                Err(error) if error.is_changed_meanwhile() => {}
                outcome => return outcome,
            }
        }
        Err(Error::changed_meanwhile())
    }

    /// What the directory tells of somebody of whom `known` is known here.
    async fn found(
        &self,
        name_or_id: &str,
        known: Option<&Mirror>,
        may_be_name: bool,
    ) -> Result<Option<Mirror>> {
        if known.is_some_and(Mirror::is_program) {
            return Ok(known.cloned());
        }
        let asked_at = moment(&self.clock);
        let found = match known {
            Some(Mirror { user, remote_name: Some(name), .. }) if user.id == name_or_id => {
                self.ask(name).await?.filter(|(seen, _)| seen.id() == name_or_id)
            }
            Some(Mirror { user, .. }) if user.id == name_or_id => self.ask_by_id(name_or_id, false).await?,
            Some(_) => self.ask(name_or_id).await?,
            None => self.ask_by_id(name_or_id, may_be_name).await?,
        };
        let Some((seen, groups)) = found else {
            if let Some(known) = known {
                self.note_gone(known).await?;
            }
            return Ok(None);
        };
        let known = match known {
            Some(known) if known.user.id == seen.id() => Some(known.clone()),
            _ => self.store.mirror_of_id(&self.settings.id, seen.id()).await?,
        };
        if known.as_ref().is_some_and(Mirror::is_program) {
            return Ok(None);
        }
        let mirror = self.take_in(&seen, &groups, known.as_ref()).await?;
        self.looks.note(&mirror.user.id, asked_at);
        Ok(Some(mirror))
    }

    /// The directory has no such user any more: what points to them is refused, and their name is free. A
    /// name that it doesn't know may still be an address that the user has given up.
    async fn note_gone(&self, known: &Mirror) -> Result<()> {
        if known.gone_at_ms.is_some() {
            return Ok(());
        }
        if let Some(name) = &known.remote_name
            && let Some((seen, groups)) = self.ask(name).await?
            && seen.id() == known.user.id
        {
            return self.take_in(&seen, &groups, Some(known)).await.map(drop);
        }
        let listed: Vec<_> = self.listed_roles().await?;
        let held = |role: &&Role| known.user.roles.contains(&role.name);
        let removed: Vec<String> = listed.iter().filter(held).map(|role| role.id.clone()).collect();
        let now_ms = self.clock.now_ms();
        let mut gone = known.clone();
        gone.user.enabled = false;
        (gone.not_before_ms, gone.gone_at_ms) = (Some(now_ms), Some(now_ms));
        gone.kept_session = None;
        let write = MirrorWrite {
            mirror: &gone,
            known: Some(known.user.version),
            removed: &removed,
            added: &[],
            by: "directory",
            now_ms,
            makes_test_user: false,
        };
        self.store.write_mirror(&self.settings.id, &self.identifiers(), &write).await
    }

    /// The users that fit of those the directory has, beginning with what `after` says; with what comes after
    /// them.
    async fn list_accounts(
        &self,
        search: Option<&str>,
        after: &Place,
        limit: usize,
    ) -> Result<(Vec<User>, Option<Place>)> {
        let (mut users, mut place) = (Vec::new(), Some(after.clone()));
        while let Some(at) = &place
            && users.len() < limit
        {
            let Some(attribute) = at.attribute(search) else {
                place = None;
                break;
            };
            let filter = search.map(|value| RemoteFilter { attribute, value, is_prefix: true });
            let wanted = (limit - users.len()).min(LOOKED_UP_AT_ONCE);
            let (found, token) = self.service.users(filter, wanted, at.token.as_deref()).await?;
            // Those whose name begins with it too were told before.
            let is_told = |user: &RemoteUser| {
                at.phase > 0 && search.is_some_and(|text| user.name.to_lowercase().starts_with(text))
            };
            let found: Vec<_> = found.into_iter().filter(|user| !is_told(user)).collect();
            users.extend(self.known_users(found).await?);
            place = Some(match token {
                Some(token) => Place { token: Some(token), ..at.clone() },
                None => Place { phase: at.phase + 1, token: None },
            });
        }
        let place = place.filter(|place| place.attribute(search).is_some());
        Ok((users, place))
    }

    /// These users with what only Keyward knows of them.
    async fn known_users(&self, seen: Vec<RemoteUser>) -> Result<Vec<User>> {
        let mut users = Vec::with_capacity(seen.len());
        for seen in seen.chunks(LOOKED_UP_AT_ONCE) {
            let ids: Vec<&str> = seen.iter().map(RemoteUser::id).collect();
            let known = self.store.mirrors(&self.settings.id, &ids).await?;
            users.extend(seen.iter().map(|seen| self.mirror_of(seen, known.get(seen.id())).user));
        }
        Ok(users)
    }

    /// Brings the rows of everybody who is, or seemed to be, in one of the listed groups up to date.
    async fn look_at_members(&self) -> Result<()> {
        let listed = self.listed_roles().await?;
        let mut asking = tokio::task::JoinSet::new();
        let mut known = BTreeMap::new();
        for role in &listed {
            for mirror in self.store.holders(&self.settings.id, &role.name).await? {
                known.insert(mirror.user.id.clone(), mirror);
            }
        }
        for role in &listed {
            let (service, group) = (Arc::clone(&self.service), role.name.clone());
            asking.spawn(async move { service.members(&group).await.map(|members| (group, members)) });
        }
        let mut members: BTreeMap<String, (RemoteUser, Vec<String>)> = BTreeMap::new();
        while let Some(answer) = asking.join_next().await {
            let (group, found) = answer.map_err(Error::internal)??;
            for user in found {
                let id = user.id().to_owned();
                members.entry(id).or_insert_with(|| (user, Vec::new())).1.push(group.clone());
            }
        }
        for (id, (seen, groups)) in &members {
            let known = match known.remove(id) {
                Some(known) => Some(known),
                None => self.store.mirror_of_id(&self.settings.id, id).await?,
            };
            if known.as_ref().is_some_and(Mirror::is_program) {
                continue;
            }
            unless_changed(self.take_in(seen, groups, known.as_ref()).await.map(drop))?;
        }
        // Who isn't in any of them any more is asked for alone: they may be gone.
        for mirror in known.into_values() {
            self.find_by_id(&mirror.user.id).await?;
        }
        Ok(())
    }
}

/// Who was changed meanwhile is as somebody has just made them.
fn unless_changed(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.is_changed_meanwhile() => Ok(()),
        outcome => outcome,
    }
}

/// How far a list of the directory's users has come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// A search goes by names first, then by addresses.
    phase: usize,
    token: Option<String>,
}

impl Place {
    fn attribute(&self, search: Option<&str>) -> Option<&'static str> {
        let attributes: &[&str] = if search.is_some() { &["username", "email"] } else { &["username"] };
        attributes.get(self.phase).copied()
    }

    /// What a page of accounts is continued by; program users' pages by their names.
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self { phase: 0, token: None });
        }
        let (phase, token) = text.strip_prefix('\u{1}')?.split_once(' ')?;
        let token = (!token.is_empty()).then(|| token.to_owned());
        Some(Self { phase: phase.parse().ok()?, token })
    }

    fn text(&self) -> String {
        format!("\u{1}{} {}", self.phase, self.token.as_deref().unwrap_or_default())
    }
}

#[async_trait]
impl Directory for RemotePool {
    fn pool_id(&self) -> &str {
        &self.0.settings.id
    }

    async fn settings(&self) -> Result<UserPoolSettings> {
        Ok(self.0.pool_settings().await)
    }

    async fn temporary_password(&self) -> Result<Secret> {
        Ok(password::temporary_password(&self.0.random, &self.0.pool_settings().await.password_policy))
    }

    /// The accounts in the directory's own order, then the program users by name.
    async fn list(&self, query: &UserQuery) -> Result<Page<User>> {
        let limit = usize::try_from(query.page.limit_and_one() - 1).unwrap_or(MAXIMUM_LIMIT);
        let (mut items, mut next) = (Vec::new(), None);
        let place = Place::parse(query.page.after()).filter(|_| query.kind != Some(UserKind::Program));
        if let Some(place) = &place {
            self.look_at_members().await?;
            let search = query.search.as_deref().filter(|search| !search.is_empty()).map(str::to_lowercase);
            (items, next) = self.0.list_accounts(search.as_deref(), place, limit).await?;
            let is_whole = next.is_none() && query.page.after().is_empty();
            if is_whole {
                items.sort_by_cached_key(|user| user.username.to_lowercase());
            }
        }
        let next = next.map(|place| Cursor::encoded(&place.text()));
        if next.is_some() || query.kind == Some(UserKind::Account) {
            return Ok(Page { items, next });
        }
        if items.len() == limit {
            // What is behind a place after the last of the accounts: the program users.
            return Ok(Page { items, next: Some(Cursor::encoded("\u{2}")) });
        }
        let kind = Some(UserKind::Program);
        let rest = Cursor::of(limit - items.len(), place.is_none().then(|| query.page.after()));
        let programs = UserQuery { kind, page: rest, search: query.search.clone() };
        let page = self.0.store.users(&self.0.settings.id, &programs).await?;
        items.extend(page.items);
        Ok(Page { items, next: page.next })
    }

    async fn find(&self, name_or_id: &str) -> Result<Option<User>> {
        Ok(self.0.find(name_or_id).await?.map(|mirror| mirror.user))
    }

    async fn create(&self, new: Enrolment<'_>, change: &Change) -> Result<User> {
        let settings = self.0.pool_settings().await;
        settings.password_policy.check(new.password)?;
        let name = name_for(new.user, &settings.identifiers);
        let subject = settings.identifiers.key(&name);
        let mut user = new.user.clone();
        user.mfa_preference = MfaPreference::default();
        let act = Act::Create { name, user, roles: RoleName::all(new.roles), is_temporary: new.is_temporary };
        let made = self.change(subject, act, Some(new.password), new.created_by, change).await?;
        made.ok_or_else(Error::changed_meanwhile)
    }

    async fn create_program_user(
        &self,
        user: &User,
        role_ids: &[String],
        created_by: &str,
        change: &Change,
    ) -> Result<()> {
        if self.0.find(&user.username).await?.is_some() {
            return Err(Error::already_exists(Thing::User, "User account already exists"));
        }
        let account = NewAccount {
            user,
            pool_id: &self.0.settings.id,
            identifiers: &self.0.identifiers(),
            password: None,
            takes_aliases: false,
            role_ids,
            created_by,
        };
        self.0.store.insert_account(account, change).await
    }

    async fn update(&self, user: &User, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            return self.0.store.update_user(&self.0.identifiers(), user, false, change).await;
        }
        self.change(user.id.clone(), Act::Update { user: user.clone() }, None, "", change).await.map(drop)
    }

    async fn delete(&self, user: &User, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            return self.0.store.delete_user(user, self.0.clock.now_ms(), change).await;
        }
        let act = Act::Delete { id: user.id.clone(), version: user.version };
        self.change(user.id.clone(), act, None, "", change).await.map(drop)
    }

    async fn set_password(
        &self,
        user: &User,
        version: i64,
        password: &Secret,
        is_temporary: bool,
        change: &Change,
    ) -> Result<()> {
        self.0.pool_settings().await.password_policy.check(password)?;
        let act = Act::SetPassword { id: user.id.clone(), version, is_temporary, kept_session: None };
        self.change(user.id.clone(), act, Some(password), "", change).await.map(drop)
    }

    async fn sign_out(&self, user: &User, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            return Ok(());
        }
        self.change(user.id.clone(), Act::SignOut { id: user.id.clone() }, None, "", change).await.map(drop)
    }

    async fn add_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program || !roles.iter().any(|role| self.0.is_listed(&role.name)) {
            let now_ms = self.0.clock.now_ms();
            return self.0.store.add_assignments(user, &ids(roles), created_by, now_ms, change).await;
        }
        if roles.iter().any(|role| user.roles.contains(&role.name)) {
            return Err(Error::already_exists(
                Thing::Assignment,
                "One or more roles already exist for this user",
            ));
        }
        let (added, removed) = (RoleName::all(roles), Vec::new());
        let act = Act::Roles { id: user.id.clone(), version: None, added, removed };
        self.change(user.id.clone(), act, None, created_by, change).await.map(drop)
    }

    async fn set_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()> {
        if user.kind == UserKind::Program {
            let now_ms = self.0.clock.now_ms();
            return self.0.store.set_assignments(user, &ids(roles), created_by, now_ms, change).await;
        }
        let added: Vec<_> = roles.iter().filter(|role| !user.roles.contains(&role.name)).cloned().collect();
        let mut removed = Vec::new();
        for name in user.roles.iter().filter(|name| !roles.iter().any(|role| &role.name == *name)) {
            removed.extend(self.0.store.role(&self.0.settings.id, name).await?);
        }
        let (id, version) = (user.id.clone(), Some(user.version));
        let act = Act::Roles { id, version, added: RoleName::all(&added), removed: RoleName::all(&removed) };
        self.change(user.id.clone(), act, None, created_by, change).await.map(drop)
    }

    async fn remove_role(
        &self,
        user: &User,
        role: &Role,
        version: Option<i64>,
        change: &Change,
    ) -> Result<()> {
        if user.kind == UserKind::Program {
            let now_ms = self.0.clock.now_ms();
            return self.0.store.remove_assignment(user, &role.id, version, now_ms, change).await;
        }
        if !user.roles.contains(&role.name) {
            return Err(unassigned());
        }
        let (id, removed) = (user.id.clone(), RoleName::all(std::slice::from_ref(role)));
        let act = Act::Roles { id, version, added: Vec::new(), removed };
        self.change(user.id.clone(), act, None, "", change).await.map(drop)
    }

    async fn delete_role(&self, role: &Role, change: &Change) -> Result<()> {
        if !self.0.is_listed(&role.name) {
            return self.0.store.delete_role(role, self.0.clock.now_ms(), change).await;
        }
        let act = Act::DeleteRole { id: role.id.clone(), name: role.name.clone() };
        self.change(role.id.clone(), act, None, "", change).await.map(drop)
    }

    async fn look_at_members(&self) -> Result<()> {
        self.0.look_at_members_within_bound().await
    }
}

/// By what the directory makes the account.
fn name_for(user: &User, identifiers: &Identifiers) -> String {
    let address = |name: &String| user.attribute(name).map(|(address, _)| address.to_owned());
    let address = identifiers.username_attributes.iter().find_map(address);
    address.unwrap_or_else(|| user.username.clone())
}

/// The attributes of a user as the directory takes them.
fn attributes_of(user: &User) -> BTreeMap<String, String> {
    user.all_attributes()
}

/// A name that a change was asked for by somebody who is gone by now.
fn gone() -> Error {
    Error::new(
        Code::NotFound(Thing::User),
        "The user is gone from the user pool; the list of users shows who there is.",
    )
}

impl fmt::Debug for RemotePool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RemotePool").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
