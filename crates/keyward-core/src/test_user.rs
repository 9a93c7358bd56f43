//! Test users: accounts that the operator's configuration names, their passwords included, to try an
//! application with.
//!
//! What makes one is a mark in the store, not its name. Since they are the operator's, making them takes
//! `manage:users` alone: the one exception to nobody giving more rights than they have.

use serde_json::json;

use crate::audit::{Change, Target};
use crate::caller::Caller;
use crate::directory::Enrolment;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::{Environment, Keyward};
use crate::local_pool::password::Line;
use crate::permission::MANAGE_USERS;
use crate::provisioning::ADMINS;
use crate::role::Role;
use crate::secret::Secret;
use crate::user::{NewUser, User, UserKind, UserStatus};

/// The setting that is there once test users are switched off.
pub(crate) const SWITCH: &str = "test_users_off";

/// What is configured of a test user.
#[derive(Debug, Clone)]
pub struct TestUser {
    /// An email address.
    pub username: String,
    /// What one signs in with; no secret to whoever may manage users.
    pub password: Secret,
    /// The one group that it is in.
    pub group: String,
    /// What the attribute `name` says.
    pub name: String,
}

/// A test user as it stands.
#[derive(Debug, Clone)]
pub struct FoundTestUser {
    /// What is configured of it.
    pub configured: TestUser,
    /// The account of its name, whether it is a test user or not.
    pub user: Option<User>,
    /// What one signs in with, or would if there were such an account; none where it isn't what is
    /// configured. With the account of somebody else, it isn't even tried.
    pub password: Option<Secret>,
}

/// A test user that was to be there.
#[derive(Debug, Clone)]
pub struct MadeTestUser {
    /// The account of its name.
    pub user: User,
    /// The group that is configured.
    pub group: String,
    /// What became of it.
    pub outcome: MadeOutcome,
}

/// What became of a test user that was to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeOutcome {
    /// It wasn't there.
    Created,
    /// Nothing was wrong with it.
    Kept,
    /// These were wrong: `mark`, `enabled`, `groups`, `password`.
    Repaired(Vec<&'static str>),
    /// Somebody's account has the name, and isn't one to make a test user of: it has another password, or rights
    /// that the caller can't give.
    Foreign,
}

/// What is said to whoever would make test users once production was secured.
pub(crate) fn switched_off() -> Error {
    Error::conflict(
        "Test users were switched off when production was secured; ask somebody who may do everything to switch \
         them on again.",
    )
}

impl MadeOutcome {
    /// `created`, `kept`, `repaired` or `foreign`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Kept => "kept",
            Self::Repaired(_) => "repaired",
            Self::Foreign => "foreign",
        }
    }
}

impl TestUser {
    /// Those of RawScribe.
    pub fn defaults() -> Vec<Self> {
        [
            ("testadmin@example.com", "TestAdmin123!", ADMINS, "Test Administrator"),
            ("testresearcher@example.com", "TestResearch123!", "RESEARCHERS", "Test Researcher"),
            ("testclinician@example.com", "TestClinic123!", "CLINICIANS", "Test Clinician"),
        ]
        .into_iter()
        .map(|(username, password, group, name)| Self {
            username: username.to_owned(),
            password: password.into(),
            group: group.to_owned(),
            name: name.to_owned(),
        })
        .collect()
    }
}

impl Keyward {
    /// The test users that are configured, in that order.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`.
    pub async fn list_test_users(&self, caller: &Caller) -> Result<Vec<FoundTestUser>> {
        caller.require(MANAGE_USERS)?;
        self.require_changeable_users()?;
        let mut found = Vec::new();
        for configured in &self.settings.test_users {
            let user = self.directory.find(&configured.username).await?;
            let is_told = match &user {
                Some(user) => user.is_test && self.has_password(user, configured).await?,
                None => true,
            };
            let password = is_told.then(|| configured.password.clone());
            found.push(FoundTestUser { configured: configured.clone(), user, password });
        }
        Ok(found)
    }

    /// Makes the test users that are configured, and what has changed of them as it was. Each is made or
    /// repaired as a whole.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`, `Conflict` in production, once it was secured and where they are
    /// switched off, `NotFound(Role)` for a group that isn't there.
    pub async fn create_test_users(&self, caller: &Caller) -> Result<Vec<MadeTestUser>> {
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            self.require_changeable_users()?;
            if self.settings.environment == Environment::Prod {
                return Err(Error::conflict("There are no test users in production."));
            }
            if !self.settings.makes_test_users {
                return Err(Error::conflict(
                    "Test users are switched off here; the server's operator can set test_users.",
                ));
            }
            if self.store.setting(SWITCH).await?.is_some() {
                return Err(switched_off());
            }
            let mut made = Vec::new();
            for configured in &self.settings.test_users {
                made.push(match self.make_test_user(caller, configured).await {
                    // Somebody else was faster: now it is there.
                    Err(error)
                        if error.is_changed_meanwhile() || error.code == Code::AlreadyExists(Thing::User) =>
                    {
                        self.make_test_user(caller, configured).await?
                    }
                    outcome => outcome?,
                });
            }
            Ok(made)
        };
        self.audited(caller, "user.create", Target::unknown("user"), outcome.await).await
    }

    /// Deletes the test users, all or none (but where the home pool is kept elsewhere): those that are configured
    /// in that order, then those that were. It takes no right of theirs, as making them doesn't.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`, `Conflict` when no admin would be left.
    pub async fn delete_test_users(&self, caller: &Caller) -> Result<Vec<User>> {
        const ACTION: &str = "user.delete";
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            self.require_changeable_users()?;
            let users = self.test_users_in_order().await?;
            let change = |user: User| {
                let detail = json!({ "kind": user.kind, "roles": user.roles, "test": true });
                let target = Target::new("user", &user.id, &user.username);
                let change = self.change(caller, ACTION, target, detail);
                (user, change)
            };
            let deletions: Vec<(User, Change)> = users.into_iter().map(change).collect();
            if self.remote_pool.is_none() {
                self.store.delete_users(&deletions, self.clock.now_ms()).await?;
            } else {
                // One after the other: where one can't go, those before it are gone, and a second run goes on.
                for (user, change) in &deletions {
                    self.directory.delete(user, change).await?;
                }
            }
            Ok(deletions.into_iter().map(|(user, _)| user).collect())
        };
        self.audited(caller, ACTION, Target::unknown("user"), outcome.await).await
    }

    /// Says in the log that there are test users in production: they came with the database, and sign in.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn warn_of_test_users(&self) -> Result<()> {
        if self.settings.environment == Environment::Prod {
            let users = self.store.test_users(self.directory.pool_id()).await?.len();
            if users > 0 {
                tracing::warn!(
                    users,
                    "there are test users in production, whose passwords are no secret; \
                     `keyward secure-production` deletes them"
                );
            }
        }
        Ok(())
    }

    /// Those that are marked: first those that are configured, in that order.
    pub(crate) async fn test_users_in_order(&self) -> Result<Vec<User>> {
        let configured = &self.settings.test_users;
        let place = |user: &User| configured.iter().position(|one| one.username == user.username);
        let mut users = self.store.test_users(self.directory.pool_id()).await?;
        users.sort_by_key(|user| place(user).unwrap_or(usize::MAX));
        Ok(users)
    }

    async fn make_test_user(&self, caller: &Caller, configured: &TestUser) -> Result<MadeTestUser> {
        let role = self.known_role_in(&*self.directory, &configured.group).await?;
        let group = configured.group.clone();
        let Some(user) = self.directory.find(&configured.username).await? else {
            let user = self.create_test_user(caller, configured, role).await?;
            return Ok(MadeTestUser { user, group, outcome: MadeOutcome::Created });
        };
        if !user.is_test && !self.may_adopt(caller, &user, &role).await? {
            return Ok(MadeTestUser { user, group, outcome: MadeOutcome::Foreign });
        }
        let wrong = self.what_is_wrong(&user, configured).await?;
        // Somebody may really be called so: only who has the password, too, was made to be a test user.
        if !user.is_test && wrong.contains(&"password") {
            return Ok(MadeTestUser { user, group, outcome: MadeOutcome::Foreign });
        }
        if wrong.is_empty() {
            return Ok(MadeTestUser { user, group, outcome: MadeOutcome::Kept });
        }
        let user = if self.remote_pool.is_some() {
            self.repair_elsewhere(caller, &user.id, configured, role, &wrong).await?
        } else {
            self.repair_test_user(caller, user, configured, role, &wrong).await?
        };
        Ok(MadeTestUser { user, group, outcome: MadeOutcome::Repaired(wrong) })
    }

    async fn create_test_user(&self, caller: &Caller, configured: &TestUser, role: Role) -> Result<User> {
        let new = NewUser {
            username: configured.username.clone(),
            password: Some(configured.password.clone()),
            roles: vec![role.name.clone()],
            attributes: [("name".to_owned(), configured.name.clone())].into(),
            ..NewUser::default()
        };
        let user = User { is_test: true, ..self.new_account(&*self.directory, &new).await? };
        self.require_over_addresses(&*self.directory, caller, None, &user).await?;
        let detail = json!({ "kind": user.kind, "roles": user.roles, "test": true });
        let target = Target::new("user", &user.id, &user.username);
        let change = self.change(caller, "user.create", target, detail);
        let enrolment = Enrolment {
            user: &user,
            password: &configured.password,
            is_temporary: false,
            takes_aliases: false,
            roles: &[role],
            created_by: caller.name(),
        };
        self.directory.create(enrolment, &change).await
    }

    async fn repair_test_user(
        &self,
        caller: &Caller,
        mut user: User,
        configured: &TestUser,
        role: Role,
        wrong: &[&'static str],
    ) -> Result<User> {
        user.status = UserStatus::Confirmed;
        user.enabled = true;
        user.is_test = true;
        user.roles = vec![role.name];
        user.updated_at_ms = self.clock.now_ms();
        // Whatever the pool remembers: it may well be one that the user had before.
        let password = if wrong.contains(&"password") {
            let pool = &self.local_pool;
            Some(pool.permanent_record(Line::Administration, &user, &configured.password).await?)
        } else {
            None
        };
        let target = Target::new("user", &user.id, &user.username);
        let change = self.change(caller, "user.repair", target, json!({ "test": true, "repaired": wrong }));
        self.store.repair_test_user(&user, password.as_ref(), &[role.id], caller.name(), &change).await?;
        Ok(user)
    }

    /// The same in a pool that is kept elsewhere, one thing after the other: a second run goes on with what is
    /// still wrong.
    async fn repair_elsewhere(
        &self,
        caller: &Caller,
        user_id: &str,
        configured: &TestUser,
        role: Role,
        wrong: &[&'static str],
    ) -> Result<User> {
        for what in wrong {
            let mut user = self.known_user(user_id).await?;
            let target = Target::new("user", &user.id, &user.username);
            let change =
                self.change(caller, "user.repair", target, json!({ "test": true, "repaired": [what] }));
            match *what {
                "mark" => self.store.mark_test_user(&user, &change).await?,
                "enabled" => {
                    user.enabled = true;
                    self.directory.update(&user, &change).await?;
                }
                "groups" => {
                    let roles = std::slice::from_ref(&role);
                    self.directory.set_roles(&user, roles, caller.name(), &change).await?;
                }
                _ => {
                    let password = &configured.password;
                    self.directory.set_password(&user, user.version, password, false, &change).await?;
                }
            }
        }
        self.known_user(user_id).await
    }

    /// Whether all that the account may, and will, is the caller's to give.
    async fn may_adopt(&self, caller: &Caller, user: &User, role: &Role) -> Result<bool> {
        if user.kind == UserKind::Program {
            return Ok(false);
        }
        let outcome = match caller.require_all_of(&role.permissions.iter().cloned().collect()) {
            Ok(()) => self.require_over(caller, &user.id).await,
            refused => refused,
        };
        match outcome {
            Err(Error { code: Code::Forbidden(_), .. }) => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }

    async fn what_is_wrong(&self, user: &User, configured: &TestUser) -> Result<Vec<&'static str>> {
        let has_password =
            user.status == UserStatus::Confirmed && self.has_password(user, configured).await?;
        let faults = [
            ("mark", !user.is_test),
            ("enabled", !user.enabled),
            ("groups", *user.roles != [configured.group.clone()]),
            ("password", !has_password),
        ];
        Ok(faults.into_iter().filter(|(_, is_wrong)| *is_wrong).map(|(name, _)| name).collect())
    }

    /// Whether one signs in with what is configured.
    pub(crate) async fn has_password(&self, user: &User, configured: &TestUser) -> Result<bool> {
        if let Some(pool) = &self.remote_pool {
            return pool.has_password(user, &configured.password).await;
        }
        let account = self.local_pool.account(&user.id).await?;
        let Some(password) = account.and_then(|account| account.password) else { return Ok(false) };
        if password.temporary_until_ms.is_some() {
            return Ok(false);
        }
        let hasher = &self.local_pool.hasher;
        hasher.is_one_of(Line::Administration, &configured.password, vec![password.hash]).await
    }
}
