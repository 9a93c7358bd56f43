//! Changes in the directory: what is intended is committed first, then the calls are made, then what became
//! of it is committed. What several calls make is undone when a later one fails; what was cut off between any
//! two of them is found by its intent, and the directory is asked what is true.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::freshness::moment;
use super::{Inner, RemotePool, RemoteUser, attributes_of, gone};
use crate::audit::{AuditEvent, Change, Outcome, Reply};
use crate::clock::Clock;
use crate::error::{Code, Error, Result, Thing};
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::password;
use crate::role::Role;
use crate::secret::Secret;
use crate::store::{Intent, Mirror, MirrorWrite};
use crate::test_user::SWITCH;
use crate::user::{User, UserStatus};

/// No change takes longer: what is open that long was left by a process that is gone.
const LONGEST_CHANGE_MS: i64 = 120_000;
/// How far the directory's clock and ours may be apart; requests that differ more are refused by Amazon
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;
/// How long a change waits for another one of the same user.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
/// Whose turn it is isn't remembered of more than this many, but for those who wait.
const REMEMBERED_TURNS: usize = 1000;

/// A role, by what the database and what the directory know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoleName {
    id: String,
    name: String,
    description: String,
}

impl RoleName {
    pub(super) fn all(roles: &[Role]) -> Vec<Self> {
        let name = |Role { id, name, description, .. }: &Role| Self {
            id: id.clone(),
            name: name.clone(),
            description: description.clone(),
        };
        roles.iter().map(name).collect()
    }
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Act {
    /// The user's id is one that Keyward has made up until there is a real one.
    Create {
        name: String,
        user: User,
        roles: Vec<RoleName>,
        is_temporary: bool,
    },
    /// As the user is to be.
    Update {
        user: User,
    },
    Delete {
        id: String,
        version: i64,
    },
    SetPassword {
        id: String,
        version: i64,
        is_temporary: bool,
        /// The sign-in that goes on.
        kept_session: Option<String>,
    },
    SignOut {
        id: String,
    },
    ForgetFactors {
        id: String,
        /// The ids of the roles that count no more without a second factor, where an admin is to be left.
        lost_roles: Vec<String>,
    },
    Roles {
        id: String,
        version: Option<i64>,
        added: Vec<RoleName>,
        removed: Vec<RoleName>,
    },
    DeleteRole {
        id: String,
        name: String,
    },
}

/// An intent, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    act: Act,
    /// Who decides it.
    by: String,
    event: AuditEvent,
    reply: Option<Reply>,
}

/// A change that wasn't made.
enum Failure {
    /// Nothing of it.
    Whole(Error),
    /// It isn't known how much of it.
    Unknown(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // A call that wasn't answered may have been carried out.
        if error.code == Code::Unavailable { Self::Unknown(error) } else { Self::Whole(error) }
    }
}

/// Whose turn it is to change a user: one change after the other.
#[derive(Default)]
pub(super) struct Turns {
    of_users: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// What this process carries out now, by the intents' ids.
    under_way: Mutex<HashSet<String>>,
    /// Whoever might take the last admin away does so alone.
    demoting: tokio::sync::Mutex<()>,
    /// Who secures production does so alone.
    pub(super) securing: tokio::sync::Mutex<()>,
}

impl Turns {
    async fn take(&self, subject: &str) -> Result<OwnedMutexGuard<()>> {
        let turn = {
            let mut turns = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= REMEMBERED_TURNS {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(subject.to_owned()).or_default())
        };
        tokio::time::timeout(TURN_TIMEOUT, turn.lock_owned()).await.map_err(|_| {
            Error::new(
                Code::Unavailable,
                "Another change of this user is still under way in the user pool; try again in a moment.",
            )
        })
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RemotePool {
    /// Carries the change out, in a task of its own: a client that goes away cuts nothing off. The user as
    /// they are now, where one was made.
    pub(super) async fn change(
        &self,
        subject: String,
        act: Act,
        password: Option<&Secret>,
        by: &str,
        change: &Change,
    ) -> Result<Option<User>> {
        let (inner, change, password) = (Arc::clone(&self.0), change.clone(), password.cloned());
        let by = if by.is_empty() { change.event.actor_name.clone() } else { by.to_owned() };
        let plan = Plan { act, by, event: change.event.clone(), reply: change.reply.clone() };
        let carried_out = tokio::spawn(async move { inner.carry_out(subject, plan, change, password).await });
        carried_out.await.map_err(Error::internal)?
    }
}

impl Inner {
    async fn carry_out(
        self: Arc<Self>,
        subject: String,
        plan: Plan,
        change: Change,
        password: Option<Secret>,
    ) -> Result<Option<User>> {
        let _turn = self.turns.take(&subject).await?;
        // A creation, which depends on no row, hears of them when it is noted itself.
        if !matches!(plan.act, Act::Create { .. }) {
            self.settle_abandoned(&subject).await?;
        }
        let may_demote = match &plan.act {
            Act::Delete { .. } | Act::DeleteRole { .. } => true,
            Act::Update { user } => !user.enabled,
            Act::Roles { removed, .. } => !removed.is_empty(),
            Act::ForgetFactors { lost_roles, .. } => !lost_roles.is_empty(),
            Act::Create { .. } | Act::SetPassword { .. } | Act::SignOut { .. } => false,
        };
        let _demoting = if may_demote { Some(self.turns.demoting.lock().await) } else { None };
        self.require_possible(&plan.act).await?;
        let intent = Intent {
            id: self.random.uuid_at(plan.event.at_ms, 0),
            node: self.node.clone(),
            subject,
            plan: serde_json::to_string(&plan).map_err(Error::internal)?,
            at_ms: self.clock.now_ms(),
        };
        self.turns.under_way().insert(intent.id.clone());
        let outcome = self.try_out(&intent, &plan, change, password).await;
        self.turns.under_way().remove(&intent.id);
        match outcome {
            Ok(user) => Ok(user),
            Err(Failure::Whole(error)) => Err(error),
            Err(Failure::Unknown(error)) => {
                // At once, where that can be: the next one to try is to find nothing half-made.
                let inner = Arc::clone(&self);
                tokio::spawn(async move { inner.settle_later(intent).await });
                Err(error)
            }
        }
    }

    /// Finds out what became of changes of this user that nobody carries out any more.
    async fn settle_abandoned(&self, subject: &str) -> Result<()> {
        for intent in self.store.intents(&self.settings.id, Some(subject)).await? {
            if self.is_abandoned(&intent, false) {
                self.settle(&intent).await?;
            }
        }
        Ok(())
    }

    async fn try_out(
        &self,
        intent: &Intent,
        plan: &Plan,
        change: Change,
        password: Option<Secret>,
    ) -> Result<Option<User>, Failure> {
        let is_creation = matches!(plan.act, Act::Create { .. });
        let noted = self.store.insert_intent(&self.settings.id, intent, is_creation).await;
        let Some(others) = noted.map_err(Failure::Whole)? else {
            let message = "User account already exists";
            return Err(Failure::Whole(Error::already_exists(Thing::User, message)));
        };
        let called = async {
            if is_creation && others > 0 {
                self.settle_abandoned(&intent.subject).await.map_err(Failure::Whole)?;
            }
            self.call(plan, password.as_ref()).await
        };
        match called.await {
            Ok(made) => {
                // What can't be entered now was done all the same, and is found by its intent.
                self.conclude(intent, plan, change, made.as_ref()).await.map_err(Failure::Unknown)
            }
            Err(Failure::Whole(error)) => {
                let failed = Self::failed(plan, &error.message);
                match self.store.end_failed(&intent.id, &failed).await {
                    Ok(()) => Err(Failure::Whole(error)),
                    Err(_) => Err(Failure::Unknown(error)),
                }
            }
            Err(unknown) => Err(unknown),
        }
    }

    /// Refuses what can't be done as things are.
    async fn require_possible(&self, act: &Act) -> Result<()> {
        let (id, version) = match act {
            Act::Create { .. } => return Ok(()),
            Act::DeleteRole { id, .. } => return self.require_admin_without(|(_, role)| role == id).await,
            Act::Update { user } => (&user.id, Some(user.version)),
            Act::Delete { id, version } | Act::SetPassword { id, version, .. } => (id, Some(*version)),
            Act::SignOut { id } | Act::ForgetFactors { id, .. } => (id, None),
            Act::Roles { id, version, .. } => (id, *version),
        };
        let known = self.known(id).await?;
        if version.is_some_and(|version| version != known.user.version) {
            return Err(Error::changed_meanwhile());
        }
        match act {
            Act::Update { user } if !user.enabled => self.require_admin_without(|(user, _)| user == id).await,
            Act::Delete { .. } => self.require_admin_without(|(user, _)| user == id).await,
            Act::Roles { removed, .. } if !removed.is_empty() => {
                let is_taken = |(user, role): &(String, String)| {
                    user == id && removed.iter().any(|taken| &taken.id == role)
                };
                self.require_admin_without(is_taken).await
            }
            Act::ForgetFactors { lost_roles, .. } => {
                self.require_admin_without(|(user, role)| user == id && lost_roles.contains(role)).await
            }
            _ => Ok(()),
        }
    }

    /// Refuses when nobody would be left who can do everything and sign in.
    async fn require_admin_without(&self, is_taken: impl Fn(&(String, String)) -> bool) -> Result<()> {
        let now_ms = self.clock.now_ms();
        if !self.store.admin_roles(now_ms).await?.iter().any(&is_taken) {
            return Ok(());
        }
        // Others may have been made, or have gone, past Keyward.
        self.looks.forget_members();
        self.look_at_members_within_bound().await?;
        if self.store.admin_roles(now_ms).await?.iter().all(is_taken) {
            return Err(Error::conflict(
                "This would leave no admin who can sign in; make another one first, with a role that has `*`.",
            ));
        }
        Ok(())
    }

    /// The row of the account with this id.
    async fn known(&self, id: &str) -> Result<Mirror> {
        let known = self.store.mirror_of_id(&self.settings.id, id).await?;
        known.filter(|known| known.user.id == id && known.gone_at_ms.is_none()).ok_or_else(gone)
    }

    async fn remote_name(&self, id: &str) -> Result<String> {
        Ok(self.known(id).await?.remote_name.unwrap_or_else(|| id.to_owned()))
    }

    /// Makes the calls, all or none. The user, where one was made.
    async fn call(&self, plan: &Plan, password: Option<&Secret>) -> Result<Option<RemoteUser>, Failure> {
        let service = &self.service;
        match &plan.act {
            Act::Create { name, user, roles, is_temporary } => {
                let password = password.ok_or_else(|| Error::internal(anyhow::anyhow!("no password")))?;
                return self.make(name, user, roles, *is_temporary, password).await.map(Some);
            }
            Act::Update { user } => self.write_user(user).await?,
            Act::Delete { id, .. } => service.delete_user(&self.remote_name(id).await?).await?,
            Act::SetPassword { id, is_temporary, .. } => {
                let password = password.ok_or_else(|| Error::internal(anyhow::anyhow!("no password")))?;
                let name = self.remote_name(id).await?;
                service.set_password(&name, password, !is_temporary).await?;
                self.end_sessions(&name).await;
            }
            Act::ForgetFactors { id, .. } => {
                let known = self.known(id).await?;
                let name = known.remote_name.as_deref().unwrap_or(id);
                service.forget_factors(name, known.user.mfa_preference).await?;
                self.end_sessions(name).await;
            }
            Act::SignOut { id } => service.sign_out(&self.remote_name(id).await?).await?,
            Act::Roles { id, added, removed, .. } => {
                let name = self.remote_name(id).await?;
                if let Err(error) = self.move_between_groups(&name, added, removed).await {
                    return Err(self.moved_back(&name, added, removed, error).await);
                }
            }
            Act::DeleteRole { name, .. } => service.delete_group(name).await?,
        }
        Ok(None)
    }

    /// Of a user who can't sign in any more as before. What was signed in is refused here by its time in any case.
    async fn end_sessions(&self, name: &str) {
        if let Err(error) = self.service.sign_out(name).await {
            tracing::warn!(%error, "the sessions of a user go on in the user pool");
        }
    }

    async fn make(
        &self,
        name: &str,
        user: &User,
        roles: &[RoleName],
        is_temporary: bool,
        password: &Secret,
    ) -> Result<RemoteUser, Failure> {
        let policy = self.pool_settings().await.password_policy;
        let first =
            if is_temporary { password.clone() } else { password::temporary_password(&self.random, &policy) };
        let made = self.service.create_user(name, &attributes_of(user), &first).await?;
        let rest = async {
            if !is_temporary {
                self.service.set_password(&made.name, password, true).await?;
            }
            if !user.enabled {
                self.service.set_enabled(&made.name, false).await?;
            }
            self.move_between_groups(&made.name, roles, &[]).await
        };
        match rest.await {
            Ok(()) => Ok(RemoteUser {
                status: if is_temporary { made.status } else { UserStatus::Confirmed },
                enabled: user.enabled,
                mfa: Some(MfaPreference::default()),
                ..made
            }),
            Err(error) if error.code == Code::Unavailable => Err(Failure::Unknown(error)),
            Err(error) => match self.service.delete_user(&made.name).await {
                Ok(()) => Err(Failure::Whole(error)),
                Err(_) => Err(Failure::Unknown(error)),
            },
        }
    }

    async fn write_user(&self, user: &User) -> Result<(), Failure> {
        let known = self.known(&user.id).await?;
        let name = known.remote_name.as_deref().unwrap_or(&user.id);
        if user.status != known.user.status {
            if (known.user.status, user.status) != (UserStatus::Unconfirmed, UserStatus::Confirmed) {
                return Err(Failure::Whole(Error::new(
                    Code::Unsupported,
                    "The user pool doesn't take this status; reset the password instead.",
                )));
            }
            self.service.confirm(name).await?;
        }
        let (before, after) = (attributes_of(&known.user), attributes_of(user));
        let is_news = |(name, value): &(&String, &String)| before.get(*name) != Some(value);
        let mut set: BTreeMap<String, String> =
            after.iter().filter(is_news).map(|(name, value)| (name.clone(), value.clone())).collect();
        // Amazon takes an address that is set alone for one that isn't proven.
        for (address, proof) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
            if set.contains_key(address)
                && let Some(value) = after.get(proof)
            {
                set.insert(proof.to_owned(), value.clone());
            }
        }
        let removed: Vec<String> = before
            .keys()
            .filter(|name| !after.contains_key(*name) && !name.ends_with("_verified"))
            .cloned()
            .collect();
        let was_enabled = known.user.enabled;
        if user.enabled != was_enabled {
            self.service.set_enabled(name, user.enabled).await?;
        }
        let rest = async {
            if !set.is_empty() {
                self.service.set_attributes(name, &set).await?;
            }
            if !removed.is_empty() {
                self.service.delete_attributes(name, &removed).await?;
            }
            Ok::<(), Error>(())
        };
        match rest.await {
            Err(error) if error.code != Code::Unavailable && user.enabled != was_enabled => {
                match self.service.set_enabled(name, was_enabled).await {
                    Ok(()) => Err(Failure::Whole(error)),
                    Err(_) => Err(Failure::Unknown(error)),
                }
            }
            outcome => outcome.map_err(Failure::from),
        }
    }

    /// Of roles that are groups. The group of a role that is listed is made when somebody is first put into it.
    async fn move_between_groups(&self, name: &str, added: &[RoleName], removed: &[RoleName]) -> Result<()> {
        for role in added.iter().filter(|role| self.is_listed(&role.name)) {
            match self.service.add_to_group(name, &role.name).await {
                Err(error) if error.code == Code::NotFound(Thing::Role) => {
                    self.service.create_group(&role.name, &role.description).await?;
                    self.service.add_to_group(name, &role.name).await?;
                }
                outcome => outcome?,
            }
        }
        for role in removed.iter().filter(|role| self.is_listed(&role.name)) {
            self.service.remove_from_group(name, &role.name).await?;
        }
        Ok(())
    }

    /// Undoes what was done of it, when the directory answers.
    async fn moved_back(
        &self,
        name: &str,
        added: &[RoleName],
        removed: &[RoleName],
        error: Error,
    ) -> Failure {
        if error.code == Code::Unavailable {
            return Failure::Unknown(error);
        }
        match self.move_between_groups(name, removed, added).await {
            Ok(()) => Failure::Whole(error),
            // Who is gone is in no group.
            Err(undone) if undone.code == Code::NotFound(Thing::User) => Failure::Whole(error),
            Err(_) => Failure::Unknown(error),
        }
    }

    /// Enters that it was done.
    async fn conclude(
        &self,
        intent: &Intent,
        plan: &Plan,
        change: Change,
        made: Option<&RemoteUser>,
    ) -> Result<Option<User>> {
        let mut tries = 0;
        loop {
            match self.try_conclude(intent, plan, &change, made, tries > 0).await {
                // Somebody has looked at the user at this moment.
                Err(error) if error.is_changed_meanwhile() && tries < super::READ_TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_conclude(
        &self,
        intent: &Intent,
        plan: &Plan,
        change: &Change,
        made: Option<&RemoteUser>,
        may_be_known: bool,
    ) -> Result<Option<User>> {
        let now_ms = self.clock.now_ms();
        let asked_at = moment(&self.clock);
        let (mut mirror, known) = match (&plan.act, made) {
            (Act::Create { .. }, Some(made)) => {
                // Who was just made has a row only if somebody has met them since.
                let known = if may_be_known {
                    self.store.mirror_of_id(&self.settings.id, made.id()).await?
                } else {
                    None
                };
                (self.mirror_of(made, known.as_ref()), known)
            }
            (Act::Delete { id, .. }, _) => {
                self.store.end_deletion(&intent.id, id, change).await?;
                return Ok(None);
            }
            (Act::DeleteRole { id, .. }, _) => {
                self.store.end_role(&intent.id, id, change).await?;
                return Ok(None);
            }
            (
                Act::Update { user: User { id, .. } }
                | Act::SetPassword { id, .. }
                | Act::SignOut { id }
                | Act::ForgetFactors { id, .. }
                | Act::Roles { id, .. },
                _,
            ) => {
                let known = self.known(id).await?;
                (known.clone(), Some(known))
            }
            (Act::Create { .. }, None) => return Err(Error::internal(anyhow::anyhow!("nobody was made"))),
        };
        let (mut added, mut removed): (&[RoleName], &[RoleName]) = (&[], &[]);
        let mut change = change.clone();
        let (mut is_signed_out, mut kept) = (false, None);
        match &plan.act {
            Act::Create { user, roles, .. } => {
                added = roles;
                mirror.user.is_test = user.is_test;
                change = self.about(change, &user.id, &mirror.user.id)?;
            }
            Act::Update { user } => {
                let (roles, version) = (std::mem::take(&mut mirror.user.roles), mirror.user.version);
                mirror.user = User { roles, version, ..user.clone() };
                is_signed_out = !user.enabled;
            }
            Act::SetPassword { is_temporary, kept_session, .. } => {
                kept.clone_from(kept_session);
                mirror.user.status =
                    if *is_temporary { UserStatus::ForceChangePassword } else { UserStatus::Confirmed };
                mirror.temporary_until_ms = self.temporary_until_ms(mirror.user.status, now_ms);
                is_signed_out = true;
            }
            Act::SignOut { .. } => is_signed_out = true,
            Act::ForgetFactors { .. } => {
                (mirror.user.mfa, mirror.user.mfa_preference) = (false, MfaPreference::default());
                mirror.mfa_since_ms = Some(i64::MAX);
                is_signed_out = true;
            }
            Act::Roles { added: more, removed: fewer, .. } => (added, removed) = (more, fewer),
            Act::Delete { .. } | Act::DeleteRole { .. } => {}
        }
        if is_signed_out {
            mirror.kept_session = kept;
            mirror.not_before_ms = Some(now_ms.div_euclid(1000).saturating_add(1).saturating_mul(1000));
        }
        let held = known.as_ref().map(|known| known.user.roles.as_slice()).unwrap_or_default();
        let added: Vec<&RoleName> = added.iter().filter(|role| !held.contains(&role.name)).collect();
        let names: BTreeSet<&String> = held
            .iter()
            .filter(|name| !removed.iter().any(|role| &role.name == *name))
            .chain(added.iter().map(|role| &role.name))
            .collect();
        mirror.user.roles = names.into_iter().cloned().collect();
        let ids = |roles: &[&RoleName]| roles.iter().map(|role| role.id.clone()).collect::<Vec<_>>();
        let write = MirrorWrite {
            mirror: &mirror,
            known: known.as_ref().map(|known| known.user.version),
            removed: &ids(&removed.iter().collect::<Vec<_>>()),
            added: &ids(&added),
            by: &plan.by,
            now_ms,
            makes_test_user: matches!(&plan.act, Act::Create { user, .. } if user.is_test),
        };
        let identifiers = self.identifiers();
        self.store.end_intent(&self.settings.id, &identifiers, &intent.id, Some(&write), &change).await?;
        if matches!(plan.act, Act::Create { .. }) {
            self.looks.note(&mirror.user.id, asked_at);
        }
        if is_signed_out && !matches!(plan.act, Act::Update { .. }) {
            self.until(mirror.not_before_ms.unwrap_or(now_ms)).await;
        }
        mirror.user.version = known.map_or(0, |known| known.user.version) + 1;
        Ok(Some(mirror.user))
    }

    /// Tokens tell whole seconds of when their user signed in: only from the next one on can who signs in be told
    /// from who was signed out.
    async fn until(&self, moment_ms: i64) {
        if let Clock::System = &self.clock {
            let pause_ms = moment_ms.saturating_sub(self.clock.now_ms()).clamp(0, 1000);
            tokio::time::sleep(Duration::from_millis(pause_ms.unsigned_abs())).await;
        }
    }

    /// The change, about the id that the directory has given where it was about one that Keyward has made up.
    fn about(&self, mut change: Change, made_up: &str, id: &str) -> Result<Change> {
        if let Some(target) = change.event.target_id.as_mut().filter(|target| *target == made_up) {
            id.clone_into(target);
        }
        if let Some(reply) = &mut change.reply {
            let opened = self.master_key.open("reply", &reply.sealed);
            let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            let text = text.ok_or_else(|| Error::internal(anyhow::anyhow!("a reply can't be opened")))?;
            let text = zeroize::Zeroizing::new(text.replace(made_up, id));
            reply.sealed = self.master_key.seal(&self.random, "reply", text.as_bytes())?;
        }
        Ok(change)
    }

    /// That it was begun, and nothing came of it, or not what was meant.
    fn failed(plan: &Plan, why: &str) -> Change {
        let mut event = plan.event.clone();
        event.outcome = Outcome::Failed;
        if let Some(detail) = event.detail.as_object_mut() {
            detail.insert("failed".to_owned(), why.into());
        }
        Change::of(event)
    }

    /// Whether nobody carries it out any more.
    fn is_abandoned(&self, intent: &Intent, is_starting: bool) -> bool {
        if intent.node == self.node {
            return !self.turns.under_way().contains(&intent.id);
        }
        // Nobody else has an embedded database open.
        (is_starting && self.store.is_embedded())
            || self.clock.now_ms().saturating_sub(intent.at_ms) > LONGEST_CHANGE_MS
    }

    pub(super) async fn settle_all(&self, is_starting: bool) -> Result<()> {
        for intent in self.store.intents(&self.settings.id, None).await? {
            if self.is_abandoned(&intent, is_starting) {
                let _turn = self.turns.take(&intent.subject).await?;
                self.settle(&intent).await?;
            }
        }
        Ok(())
    }

    async fn settle_later(&self, intent: Intent) {
        let settled = async {
            let _turn = self.turns.take(&intent.subject).await?;
            self.settle(&intent).await
        };
        if let Err(error) = settled.await {
            tracing::warn!(%error, cause = ?error.cause, "a change in the user pool is still open");
        }
    }

    /// Asks the directory what is true, and enters it.
    async fn settle(&self, intent: &Intent) -> Result<()> {
        // Somebody else may have done so since it was read, and another user may have the name by now.
        if !self.store.claim_intent(&intent.id, &intent.node, &self.node).await? {
            return Ok(());
        }
        let plan: Plan = serde_json::from_str(&intent.plan).map_err(Error::internal)?;
        let outcome = match &plan.act {
            Act::Create { name, user, roles, is_temporary } => {
                self.settle_creation(intent, &plan, name, user, roles, *is_temporary).await
            }
            Act::DeleteRole { name, .. } => {
                self.service.delete_group(name).await?;
                self.settled(intent, &plan, None).await
            }
            Act::Delete { id, .. }
            | Act::SetPassword { id, .. }
            | Act::SignOut { id }
            | Act::ForgetFactors { id, .. }
            | Act::Roles { id, .. }
            | Act::Update { user: User { id, .. } } => self.settle_account(intent, &plan, id).await,
        };
        match outcome {
            // Somebody else has come first.
            Err(error) if error.is_changed_meanwhile() => Ok(()),
            outcome => outcome,
        }
    }

    async fn settled(&self, intent: &Intent, plan: &Plan, made: Option<&RemoteUser>) -> Result<()> {
        let mut change = Change::of(plan.event.clone());
        change.reply.clone_from(&plan.reply);
        self.conclude(intent, plan, change, made).await.map(drop)
    }

    async fn settled_as_failed(&self, intent: &Intent, plan: &Plan, why: &str) -> Result<()> {
        self.store.end_failed(&intent.id, &Self::failed(plan, why)).await
    }

    async fn settle_creation(
        &self,
        intent: &Intent,
        plan: &Plan,
        name: &str,
        user: &User,
        roles: &[RoleName],
        is_temporary: bool,
    ) -> Result<()> {
        let Some((seen, groups)) = self.ask(name).await? else {
            return self.settled_as_failed(intent, plan, "the user pool has made nobody").await;
        };
        // Who was made long before, or after we can have made anybody, is somebody else's: Keyward may have been
        // down for a day.
        let (earliest_ms, latest_ms) = (
            intent.at_ms.saturating_sub(CLOCK_SKEW_MS),
            intent.at_ms.saturating_add(LONGEST_CHANGE_MS + CLOCK_SKEW_MS),
        );
        if !(earliest_ms..=latest_ms).contains(&seen.created_at_ms) {
            return self.settled_as_failed(intent, plan, "somebody else had the name").await;
        }
        // Nor would we have made them with other attributes.
        let is_ours = |(name, value): (&String, &String)| seen.attributes.get(name) == Some(value);
        if !attributes_of(user).iter().all(is_ours) {
            return self.settled_as_failed(intent, plan, "somebody else has the name").await;
        }
        let has_password = is_temporary || seen.status == UserStatus::Confirmed;
        // Production was secured while they were made.
        let is_unwanted = user.is_test && self.store.setting(SWITCH).await?.is_some();
        let mut listed = roles.iter().filter(|role| self.is_listed(&role.name));
        if !is_unwanted && has_password && listed.all(|role| groups.contains(&role.name)) {
            return self.settled(intent, plan, Some(&seen)).await;
        }
        self.service.delete_user(&seen.name).await?;
        self.settled_as_failed(intent, plan, "what was half-made is undone").await
    }

    async fn settle_account(&self, intent: &Intent, plan: &Plan, id: &str) -> Result<()> {
        let Ok(known) = self.known(id).await else {
            return self.settled_as_failed(intent, plan, "the user is gone").await;
        };
        let name = known.remote_name.as_deref().unwrap_or(id);
        let Some((seen, groups)) = self.ask(name).await?.filter(|(seen, _)| seen.id() == id) else {
            if let Act::Delete { .. } = plan.act {
                return self.settled(intent, plan, None).await;
            }
            return self.settled_as_failed(intent, plan, "the user is gone").await;
        };
        match &plan.act {
            Act::Roles { added, removed, .. } => {
                let is_done = |role: &RoleName, is_in: bool| {
                    !self.is_listed(&role.name) || groups.contains(&role.name) == is_in
                };
                if added.iter().all(|role| is_done(role, true))
                    && removed.iter().all(|role| is_done(role, false))
                {
                    return self.settled(intent, plan, None).await;
                }
                self.move_between_groups(name, removed, added).await?;
                self.settled_as_failed(intent, plan, "what was half-done is undone").await
            }
            Act::SignOut { .. } => {
                self.service.sign_out(name).await?;
                self.settled(intent, plan, None).await
            }
            Act::ForgetFactors { .. } => {
                self.service.forget_factors(name, seen.mfa.unwrap_or_default()).await?;
                self.service.sign_out(name).await?;
                self.settled(intent, plan, None).await
            }
            Act::Update { user } => {
                let is_done = seen.enabled == user.enabled
                    && attributes_of(user)
                        .iter()
                        .all(|(name, value)| seen.attributes.get(name) == Some(value));
                if is_done {
                    return self.settled(intent, plan, None).await;
                }
                self.settled_as_failed(intent, plan, "the user is as the user pool has them").await?;
                self.find(id).await.map(drop)
            }
            Act::SetPassword { .. } => {
                let mut mirror = self.mirror_of(&seen, Some(&known));
                mirror.not_before_ms = Some(self.clock.now_ms());
                mirror.kept_session = None;
                let write = MirrorWrite {
                    mirror: &mirror,
                    known: Some(known.user.version),
                    removed: &[],
                    added: &[],
                    by: &plan.by,
                    now_ms: self.clock.now_ms(),
                    makes_test_user: false,
                };
                let failed = Self::failed(plan, "the password may have been changed; reset it again");
                let identifiers = self.identifiers();
                self.store
                    .end_intent(&self.settings.id, &identifiers, &intent.id, Some(&write), &failed)
                    .await
            }
            Act::Delete { .. } | Act::Create { .. } | Act::DeleteRole { .. } => {
                self.settled_as_failed(intent, plan, "the user is still there").await
            }
        }
    }
}
