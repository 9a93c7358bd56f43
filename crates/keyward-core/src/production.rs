//! Securing production: no test user stays, and no admin keeps a password that somebody else may know.
//!
//! All of it is one transaction: when it fails, every password is the one that it was, and nobody is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::Credential;
use crate::api_key::{ApiKey, ApiKeyState};
use crate::audit::{Change, Target};
use crate::caller::{Caller, Origin};
use crate::directory::Directory as _;
use crate::error::{Code, Error, Result};
use crate::keyward::{Environment, Keyward};
use crate::local_pool::password::{Line, permanent_password};
use crate::page::{Cursor, MAXIMUM_LIMIT};
use crate::permission::{MANAGE_API_KEYS, MANAGE_ROLES, MANAGE_USERS, Permission, VIEW_API_KEYS, VIEW_ROLES};
use crate::remote_pool::RemotePool;
use crate::secret::Secret;
use crate::store::PasswordReset;
use crate::user::{User, UserStatus};

const ACTION: &str = "production.secure";
/// How often it is tried when somebody whom it concerns changes meanwhile.
const TRIES: usize = 5;
/// How long a key may lie unused before somebody should look whether it is still needed.
const UNUSED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// What was done to secure production, or would be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secured {
    /// Whether it is only a plan.
    pub is_plan: bool,
    /// The names of the test users, who go.
    pub test_users: Vec<String>,
    /// Everybody else who may do everything, the caller last.
    pub admins: Vec<SecuredAdmin>,
    /// The names of all these, and of whoever has the name of a test user, in whose account a configured
    /// password was good. Nobody is told so of somebody with rights above their own.
    pub test_passwords: Vec<String>,
    /// The API keys to look at, by name; none told to who may not see keys.
    pub keys: Option<Vec<RiskyKey>>,
    /// What could not be done, or isn't known to be; only where the home pool is kept elsewhere.
    #[serde(default)]
    pub failures: Vec<SecuringFailure>,
    /// The roles that allow everything; none told to who may not see roles.
    pub roles: Option<Vec<PowerfulRole>>,
}

/// An API key that works and shouldn't go on like that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct RiskyKey {
    pub id: String,
    pub name: String,
    /// Whom it acts as.
    pub username: String,
    pub risks: Vec<KeyRisk>,
}

/// What is wrong about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRisk {
    /// It has no end.
    NeverExpires,
    /// It was not used for 90 days.
    Unused,
    /// Its user is kept out: it works again as soon as they aren't.
    UserDisabled,
    /// A test user, whose password isn't secret, has made it.
    MadeByTestUser,
}

/// What could not be done of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct SecuringFailure {
    pub username: String,
    pub detail: String,
}

/// A role that allows everything, and who holds it, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct PowerfulRole {
    pub name: String,
    pub holders: Vec<String>,
}

/// What becomes of somebody who may do everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecuredAdmin {
    /// The name.
    pub username: String,
    /// Whether the password is another one now, and the sessions have ended but for the caller's own. It
    /// isn't where the admin has rights that the caller hasn't.
    pub is_reset: bool,
    /// The new password, shown this once; none in a plan.
    pub password: Option<Secret>,
    /// Whether signing in asks for a second factor.
    pub has_mfa: bool,
}

impl Secured {
    /// Notes which of the test users with these names are gone: they hold no role any more.
    fn remove(&mut self, names: &[String], gone: &BTreeSet<String>) {
        self.test_users = names.iter().filter(|name| gone.contains(*name)).cloned().collect();
        for role in self.roles.iter_mut().flatten() {
            role.holders.retain(|holder| !gone.contains(holder));
        }
    }
}

impl SecuringFailure {
    fn of(user: User, error: Error) -> Self {
        Self { username: user.username, detail: error.message.into_owned() }
    }
}

impl Keyward {
    /// Deletes the test users, keeps others from being made, and gives a new password to every account with a
    /// role that has `*`; or tells what that would do. With an `Idempotency-Key`, the answer can be had
    /// again.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`, `Unsupported` but in stage and prod, `Conflict` when no admin
    /// would be left who can sign in.
    pub async fn secure_production(self: &Arc<Self>, caller: &Caller, is_plan: bool) -> Result<Secured> {
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            let environment = self.settings.environment;
            if !matches!(environment, Environment::Stage | Environment::Prod) {
                let name = environment.name();
                let message = format!("secure-production only for stage/prod environments (current: {name})");
                return Err(Error::new(Code::Unsupported, message));
            }
            self.require_changeable_users()?;
            if is_plan {
                let (test_users, admins) = self.to_be_secured(caller).await?;
                let told = admins.iter().map(|(user, is_theirs)| secured(user, *is_theirs, None)).collect();
                return self.report(caller, true, &test_users, &admins, told).await;
            }
            let Some(pool) = &self.remote_pool else {
                let secure = async || self.secure(caller).await;
                return self.once(caller, ACTION, &self.asker(caller).await?, secure).await;
            };
            // In a task of its own: a caller who goes away in the middle of it would cut it off. And one after the
            // other: who asks again meanwhile waits for the answer.
            let (keyward, caller, pool) = (Arc::clone(self), caller.clone(), pool.clone());
            let securing = tokio::spawn(async move {
                let _turn = pool.turn_to_secure().await;
                let secure = async || keyward.secure_elsewhere(&caller, &pool).await;
                keyward.once(&caller, ACTION, &keyward.asker(&caller).await?, secure).await
            });
            securing.await.map_err(Error::internal)?
        };
        let target = Target::new("user-pool", self.directory.pool_id(), self.directory.pool_id());
        self.audited(caller, ACTION, target, outcome.await).await
    }

    /// The answer that this very request had, asked for by a test user who went with the others: `token` is
    /// theirs, good but for their account, and `origin` has the `Idempotency-Key`. The passwords of all admins
    /// must not be lost with them. Nothing for anybody else.
    ///
    /// # Errors
    /// `Unavailable`; `InvalidInput` for what is no `Idempotency-Key`.
    pub async fn secured_before(
        &self,
        token: Option<&Credential>,
        origin: Origin,
    ) -> Result<Option<Secured>> {
        let Some(token) = token.filter(|_| origin.idempotency_key.is_some()) else { return Ok(None) };
        let Some((user_id, session_id)) = self.signed_by_home(token).await? else { return Ok(None) };
        if self.directory.find(&user_id).await?.is_some() {
            return Ok(None);
        }
        let caller = Caller::departed(origin, user_id, session_id);
        self.replay(&caller, ACTION, &self.asker(&caller).await?).await
    }

    /// Lets test users be made again.
    ///
    /// # Errors
    /// `Forbidden` without `*`.
    pub async fn allow_test_users(&self, caller: &Caller) -> Result<()> {
        const ACTION: &str = "test-users.allow";
        let target = || Target::new("user-pool", self.directory.pool_id(), self.directory.pool_id());
        let outcome = async {
            caller.require("*")?;
            self.store.allow_test_users(&self.change(caller, ACTION, target(), json!({}))).await
        };
        self.audited(caller, ACTION, target(), outcome.await).await
    }

    async fn secure(&self, caller: &Caller) -> Result<Secured> {
        for _ in 0..TRIES {
            if let Some(secured) = self.try_to_secure(caller).await? {
                return Ok(secured);
            }
        }
        Err(Error::changed_meanwhile())
    }

    /// Nothing when somebody has become a test user or an admin meanwhile.
    async fn try_to_secure(&self, caller: &Caller) -> Result<Option<Secured>> {
        let (test_users, admins) = self.to_be_secured(caller).await?;
        let planned: Vec<String> = test_users
            .iter()
            .chain(admins.iter().map(|(user, _)| user))
            .map(|user| user.id.clone())
            .collect();
        let mut answer = self.report(caller, false, &test_users, &admins, Vec::new()).await?;
        let (now_ms, policy) = (self.clock.now_ms(), self.directory.settings().await?.password_policy);
        let mut resets = Vec::new();
        for (mut user, is_theirs) in admins {
            if !is_theirs {
                answer.admins.push(secured(&user, false, None));
                continue;
            }
            let password = permanent_password(&self.random, &policy);
            user.status = UserStatus::Confirmed;
            user.updated_at_ms = now_ms;
            let record =
                self.local_pool.password_record(Line::Administration, &user, &password, false).await?;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, "user.set-password", target, json!({ "temporary": false }));
            answer.admins.push(secured(&user, true, Some(password)));
            resets.push(PasswordReset { user, password: record, change });
        }
        answer.remove(&names(&test_users), &names(&test_users).into_iter().collect());
        let deletion = |user: User| {
            let change = self.deletion(caller, &user);
            (user, change)
        };
        let deletions: Vec<(User, Change)> = test_users.into_iter().map(deletion).collect();
        let target = Target::new("user-pool", self.directory.pool_id(), self.directory.pool_id());
        let detail = json!({ "test_users": answer.test_users, "passwords": resets.len() });
        let asker = self.asker(caller).await?;
        let change = self.change_with_reply(caller, ACTION, &asker, &answer, target, detail)?;
        // Of the caller's sessions this one stays: an answer that was lost can be had again through it alone.
        let kept_session = caller.credential().unwrap_or_default();
        let (pool_id, planned) = (self.directory.pool_id(), planned.iter().map(String::as_str).collect());
        let is_done = self
            .store
            .secure_production(pool_id, &planned, &resets, &deletions, kept_session, now_ms, &change)
            .await?;
        Ok(is_done.then_some(answer))
    }

    /// The same where the home pool is kept elsewhere: one after the other, the caller last, and what can't be
    /// done keeps nothing else from it. The answer tells of each, and a second run does the rest.
    async fn secure_elsewhere(&self, caller: &Caller, pool: &RemotePool) -> Result<Secured> {
        // Somebody else may have had the turn before, and the caller be gone with the test users.
        if let Some(user_id) = caller.user_id()
            && self.directory.find(user_id).await?.is_none_or(|user| !user.enabled)
        {
            return Err(Error::unauthenticated("The credential isn't valid any more."));
        }
        let (_, admins) = self.to_be_secured(caller).await?;
        self.require_admin_after(&admins).await?;
        let home = || Target::new("user-pool", pool.pool_id(), pool.pool_id());
        self.store.forbid_test_users(&self.change(caller, "test-users.forbid", home(), json!({}))).await?;
        // Once more: until then, somebody may have become a test user.
        let (test_users, admins) = self.to_be_secured(caller).await?;
        self.require_admin_after(&admins).await?;
        let asker = self.asker(caller).await?;
        let mut answer = self.report(caller, false, &test_users, &admins, Vec::new()).await?;
        answer.test_users.clear();
        self.reset_elsewhere(caller, pool, admins, &mut answer).await?;
        let is_kept = self.delete_elsewhere(caller, pool, test_users, &asker, &mut answer).await?;
        let passwords = answer.admins.iter().filter(|admin| admin.is_reset).count();
        let detail = json!({
            "test_users": answer.test_users, "passwords": passwords, "failures": answer.failures.len(),
        });
        let mut change = self.change(caller, ACTION, home(), detail);
        if !is_kept {
            change.reply = self.reply(caller, ACTION, &asker, &answer)?;
        }
        if let Err(error) = self.store.record_event(&change).await {
            // The passwords are nowhere else: they must not be lost for want of an event.
            tracing::error!(cause = ?error.cause, "production was secured, which the audit log doesn't tell");
        }
        Ok(answer)
    }

    /// Gives each a new password, and tells of each.
    async fn reset_elsewhere(
        &self,
        caller: &Caller,
        pool: &RemotePool,
        admins: Vec<(User, bool)>,
        answer: &mut Secured,
    ) -> Result<()> {
        let policy = pool.settings().await?.password_policy;
        for (user, is_theirs) in admins {
            if !is_theirs {
                answer.admins.push(secured(&user, false, None));
                continue;
            }
            let password = permanent_password(&self.random, &policy);
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, "user.set-password", target, json!({ "temporary": false }));
            // As in `secure`: of the caller's sessions this one stays.
            let kept = caller.credential().filter(|_| caller.user_id() == Some(&user.id));
            match pool.secure_password(&user, &password, kept, &change).await {
                Ok(()) => answer.admins.push(secured(&user, true, Some(password))),
                Err(error) if error.code == Code::Unavailable => {
                    answer.admins.push(secured(&user, false, Some(password)));
                    answer.failures.push(SecuringFailure {
                        username: user.username,
                        detail:
                            "It isn't known whether the password was changed: if the old one is refused, \
                                 this one is good. Run it again when the user pool answers."
                                .to_owned(),
                    });
                }
                Err(error) => {
                    answer.admins.push(secured(&user, false, None));
                    answer.failures.push(SecuringFailure::of(user, error));
                }
            }
        }
        Ok(())
    }

    /// Deletes the test users, and tells of each; at last who asks, if they are one, and with them the answer is
    /// entered: whatever happens, one of both is there. Whether it is entered, or may still be.
    async fn delete_elsewhere(
        &self,
        caller: &Caller,
        pool: &RemotePool,
        mut test_users: Vec<User>,
        asker: &[&str],
        answer: &mut Secured,
    ) -> Result<bool> {
        let (names, mut gone) = (names(&test_users), BTreeSet::new());
        let is_own = |user: &User| caller.user_id() == Some(&user.id);
        test_users.sort_by_key(is_own);
        let mut is_kept = false;
        for user in test_users {
            let mut change = self.deletion(caller, &user);
            if is_own(&user) {
                let mut whole = answer.clone();
                whole.remove(&names, &gone.iter().chain([&user.username]).cloned().collect());
                change.reply = self.reply(caller, ACTION, &asker, &whole)?;
            }
            match pool.delete(&user, &change).await {
                Ok(()) => {
                    is_kept |= is_own(&user);
                    gone.insert(user.username);
                }
                Err(error) => {
                    // What isn't known yet may still be entered, once it is.
                    is_kept |= is_own(&user) && error.code == Code::Unavailable;
                    answer.failures.push(SecuringFailure::of(user, error));
                }
            }
        }
        answer.remove(&names, &gone);
        Ok(is_kept)
    }

    /// Refuses when none of these will be able to sign in: each is given a password, or has one.
    async fn require_admin_after(&self, admins: &[(User, bool)]) -> Result<()> {
        let able = self.store.admin_roles(self.clock.now_ms()).await?;
        let is_able = |(user, is_theirs): &(User, bool)| {
            user.enabled && (*is_theirs || able.iter().any(|(id, _)| *id == user.id))
        };
        if admins.iter().any(is_able) { Ok(()) } else { Err(Error::no_admin_left()) }
    }

    /// That this test user goes.
    fn deletion(&self, caller: &Caller, user: &User) -> Change {
        let detail = json!({ "kind": user.kind, "roles": user.roles, "test": true });
        self.change(caller, "user.delete", Target::new("user", &user.id, &user.username), detail)
    }

    /// The test users, and the others who may do everything, each with whether the caller may give them a
    /// password.
    async fn to_be_secured(&self, caller: &Caller) -> Result<(Vec<User>, Vec<(User, bool)>)> {
        let pool_id = self.directory.pool_id();
        self.directory.look_at_members().await?;
        let test_users = self.test_users_in_order().await?;
        let mut admins = Vec::new();
        for mut user in self.store.admins(pool_id).await? {
            if self.remote_pool.is_some() {
                // As they are now; who is gone, or may not do everything any more, is passed over.
                let Some(found) = self.directory.find(&user.id).await? else { continue };
                if !self.rights_of(&found.id).await?.allows_text("*") {
                    continue;
                }
                user = found;
            }
            if !user.is_test {
                let is_theirs = self.is_within(caller, &user.id).await?;
                admins.push((user, is_theirs));
            }
        }
        admins.sort_by_key(|(user, _)| caller.user_id() == Some(&user.id));
        Ok((test_users, admins))
    }
}

impl Keyward {
    /// What was found, of which nothing is changed here.
    async fn report(
        &self,
        caller: &Caller,
        is_plan: bool,
        test_users: &[User],
        admins: &[(User, bool)],
        told: Vec<SecuredAdmin>,
    ) -> Result<Secured> {
        let theirs = admins.iter().filter_map(|(user, is_theirs)| is_theirs.then_some(user));
        let test_passwords = self.test_passwords(caller, test_users.iter().chain(theirs)).await?;
        let may = |permissions: [&str; 2]| permissions.iter().any(|permission| caller.may(permission));
        let sees_keys = may([VIEW_API_KEYS, MANAGE_API_KEYS]);
        let sees_roles = may([VIEW_ROLES, MANAGE_ROLES]);
        Ok(Secured {
            is_plan,
            test_users: names(test_users),
            admins: told,
            test_passwords,
            failures: Vec::new(),
            keys: if sees_keys { Some(self.risky_keys(test_users).await?) } else { None },
            roles: if sees_roles { Some(self.powerful_roles().await?) } else { None },
        })
    }

    /// The names of those of these users, and of who has the name of a test user, who sign in with what is
    /// configured of one. Each password is tried once.
    async fn test_passwords<'a>(
        &self,
        caller: &Caller,
        users: impl Iterator<Item = &'a User>,
    ) -> Result<Vec<String>> {
        let mut users: Vec<User> = users.cloned().collect();
        for configured in &self.settings.test_users {
            let Some(user) = self.directory.find(&configured.username).await? else { continue };
            let is_new = users.iter().all(|known| known.id != user.id);
            if is_new && self.is_within(caller, &user.id).await? {
                users.push(user);
            }
        }
        let mut found = Vec::new();
        for user in users {
            for configured in &self.settings.test_users {
                if self.has_password(&user, configured).await? {
                    found.push(user.username);
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The keys that are to be looked at: those of APIs, then access keys, which never expire.
    async fn risky_keys(&self, test_users: &[User]) -> Result<Vec<RiskyKey>> {
        self.flush_uses().await?;
        let now_ms = self.clock.now_ms();
        // Those that are configured may be gone by now, and what they made is still there.
        let configured = self.settings.test_users.iter().map(|user| &user.username);
        let makers: BTreeSet<&String> =
            test_users.iter().map(|user| &user.username).chain(configured).collect();
        let (mut keys, mut next) = (Vec::new(), Some(String::new()));
        while let Some(cursor) = next {
            let page = Cursor::new(Some(MAXIMUM_LIMIT), Some(&cursor))?;
            let page = self.store.api_keys(None, None, &page).await?;
            keys.extend(page.items.into_iter().filter_map(|key| {
                let mut risks = risks(&key, now_ms);
                if makers.contains(&key.created_by) && key.state(now_ms) != ApiKeyState::Expired {
                    risks.push(KeyRisk::MadeByTestUser);
                }
                let key = RiskyKey { id: key.id, name: key.name, username: key.username, risks };
                Some(key).filter(|key| !key.risks.is_empty())
            }));
            next = page.next;
        }
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let page = Cursor::new(Some(MAXIMUM_LIMIT), Some(&cursor))?;
            let page = self.store.access_keys(None, &page).await?;
            keys.extend(page.items.into_iter().map(|key| {
                let mut risks = vec![KeyRisk::NeverExpires];
                let last_used_ms = key.last_used.as_ref().map_or(key.created_at_ms, |last| last.at_ms);
                if last_used_ms <= now_ms - UNUSED_MS {
                    risks.push(KeyRisk::Unused);
                }
                if makers.contains(&key.created_by) {
                    risks.push(KeyRisk::MadeByTestUser);
                }
                RiskyKey { id: key.id, name: "access key".to_owned(), username: key.username, risks }
            }));
            next = page.next;
        }
        Ok(keys)
    }

    async fn powerful_roles(&self) -> Result<Vec<PowerfulRole>> {
        let mut roles: Vec<PowerfulRole> = Vec::new();
        for (role, holder) in self.store.powerful_roles(self.directory.pool_id()).await? {
            match roles.last_mut().filter(|known| known.name == role) {
                Some(known) => known.holders.extend(holder),
                None => roles.push(PowerfulRole { name: role, holders: holder.into_iter().collect() }),
            }
        }
        Ok(roles)
    }

    /// What makes a repeated request the same: the passwords are never told again to somebody who has lost
    /// rights since. A test user, who goes and so loses them all, is told by the session alone.
    async fn asker<'a>(&self, caller: &'a Caller) -> Result<Vec<&'a str>> {
        let goes = match caller.user_id() {
            Some(user_id) => self.directory.find(user_id).await?.is_none_or(|user| user.is_test),
            None => false,
        };
        if goes {
            return Ok(Vec::new());
        }
        Ok(caller.standing.permissions.iter().map(Permission::as_str).collect())
    }

    /// Whether the user has no right that the caller hasn't.
    async fn is_within(&self, caller: &Caller, user_id: &str) -> Result<bool> {
        match self.require_over(caller, user_id).await {
            Err(Error { code: Code::Forbidden(_), .. }) => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }
}

/// What is wrong about a key that works, or would if its user were let in.
fn risks(key: &ApiKey, now_ms: i64) -> Vec<KeyRisk> {
    let state = key.state(now_ms);
    if matches!(state, ApiKeyState::Disabled | ApiKeyState::Expired) {
        return Vec::new();
    }
    let last_used_ms = key.last_used.as_ref().map_or(key.created_at_ms, |last| last.at_ms);
    let faults = [
        (KeyRisk::NeverExpires, key.expires_at.is_none()),
        (KeyRisk::Unused, last_used_ms <= now_ms - UNUSED_MS),
        (KeyRisk::UserDisabled, state == ApiKeyState::UserDisabled),
    ];
    faults.into_iter().filter_map(|(risk, is_there)| is_there.then_some(risk)).collect()
}

fn secured(user: &User, is_reset: bool, password: Option<Secret>) -> SecuredAdmin {
    SecuredAdmin { username: user.username.clone(), is_reset, password, has_mfa: user.mfa }
}

fn names(users: &[User]) -> Vec<String> {
    users.iter().map(|user| user.username.clone()).collect()
}
