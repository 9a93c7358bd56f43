//! Securing production: no test user stays, and no admin keeps a password that somebody else may know.
//!
//! All of it is one transaction: when it fails, every password is the one that it was, and nobody is gone.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::{Change, Target};
use crate::caller::Caller;
use crate::error::{Code, Error, Result};
use crate::keyward::{Environment, Keyward};
use crate::local_pool::password::{Line, permanent_password};
use crate::permission::{MANAGE_USERS, Permission};
use crate::secret::Secret;
use crate::store::PasswordReset;
use crate::user::{User, UserStatus};

const ACTION: &str = "production.secure";

/// What was done to secure production, or would be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secured {
    /// Whether it is only a plan.
    pub is_plan: bool,
    /// The names of the test users, who go.
    pub test_users: Vec<String>,
    /// Everybody else who may do everything, the caller last.
    pub admins: Vec<SecuredAdmin>,
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

impl Keyward {
    /// Deletes the test users, keeps others from being made, and gives a new password to every account with a
    /// role that has `*`; or tells what that would do. With an `Idempotency-Key`, the answer can be had
    /// again.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`, `Unsupported` but in stage and prod, `Conflict` when no admin
    /// would be left who can sign in.
    pub async fn secure_production(&self, caller: &Caller, is_plan: bool) -> Result<Secured> {
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            let environment = self.settings.environment;
            if !matches!(environment, Environment::Stage | Environment::Prod) {
                let name = environment.name();
                let message = format!("secure-production only for stage/prod environments (current: {name})");
                return Err(Error::new(Code::Unsupported, message));
            }
            if is_plan {
                let (test_users, admins) = self.to_be_secured(caller).await?;
                let admin = |(user, is_theirs): (User, bool)| secured(&user, is_theirs, None);
                let admins = admins.into_iter().map(admin).collect();
                return Ok(Secured { is_plan, test_users: names(&test_users), admins });
            }
            self.once(caller, ACTION, &rights(caller), async || self.secure(caller).await).await
        };
        let target = Target::new("user-pool", self.directory.pool_id(), self.directory.pool_id());
        self.audited(caller, ACTION, target, outcome.await).await
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
        let (test_users, admins) = self.to_be_secured(caller).await?;
        let (now_ms, policy) = (self.clock.now_ms(), self.directory.settings().await?.password_policy);
        let (mut resets, mut told) = (Vec::new(), Vec::new());
        for (mut user, is_theirs) in admins {
            if !is_theirs {
                told.push(secured(&user, false, None));
                continue;
            }
            let password = permanent_password(&self.random, &policy);
            user.status = UserStatus::Confirmed;
            user.updated_at_ms = now_ms;
            let record =
                self.local_pool.password_record(Line::Administration, &user, &password, false).await?;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, "user.set-password", target, json!({ "temporary": false }));
            told.push(secured(&user, true, Some(password)));
            resets.push(PasswordReset { user, password: record, change });
        }
        let answer = Secured { is_plan: false, test_users: names(&test_users), admins: told };
        let deletion = |user: User| {
            let detail = json!({ "kind": user.kind, "roles": user.roles, "test": true });
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, "user.delete", target, detail);
            (user, change)
        };
        let deletions: Vec<(User, Change)> = test_users.into_iter().map(deletion).collect();
        let target = Target::new("user-pool", self.directory.pool_id(), self.directory.pool_id());
        let detail = json!({ "test_users": answer.test_users, "passwords": resets.len() });
        let change = self.change_with_reply(caller, ACTION, &rights(caller), &answer, target, detail)?;
        // Of the caller's sessions this one stays: an answer that was lost can be had again through it alone.
        let kept_session = caller.credential().unwrap_or_default();
        self.store.secure_production(&resets, &deletions, kept_session, now_ms, &change).await?;
        Ok(answer)
    }

    /// The test users, and the others who may do everything, each with whether the caller may give them a
    /// password.
    async fn to_be_secured(&self, caller: &Caller) -> Result<(Vec<User>, Vec<(User, bool)>)> {
        let pool_id = self.directory.pool_id();
        let test_users = self.test_users_in_order().await?;
        let mut admins = Vec::new();
        for user in self.store.admins(pool_id).await? {
            if !user.is_test {
                let is_theirs = match self.require_over(caller, &user.id).await {
                    Err(Error { code: Code::Forbidden(_), .. }) => false,
                    outcome => outcome.map(|()| true)?,
                };
                admins.push((user, is_theirs));
            }
        }
        admins.sort_by_key(|(user, _)| caller.user_id() == Some(&user.id));
        Ok((test_users, admins))
    }
}

/// What makes a repeated request the same: the passwords are never told again to somebody who has lost rights
/// since.
fn rights(caller: &Caller) -> Vec<&str> {
    caller.standing.permissions.iter().map(Permission::as_str).collect()
}

fn secured(user: &User, is_reset: bool, password: Option<Secret>) -> SecuredAdmin {
    SecuredAdmin { username: user.username.clone(), is_reset, password, has_mfa: user.mfa }
}

fn names(users: &[User]) -> Vec<String> {
    users.iter().map(|user| user.username.clone()).collect()
}
