//! What any home of users must do.

use std::fmt;

use async_trait::async_trait;

use crate::audit::Change;
use crate::error::Result;
use crate::page::Page;
use crate::role::Role;
use crate::secret::Secret;
use crate::user::{User, UserQuery};
use crate::user_pool::UserPoolSettings;

/// An account to be made.
#[derive(Debug)]
pub struct Enrolment<'a> {
    /// Who it is for.
    pub user: &'a User,
    /// The password to begin with.
    pub password: &'a Secret,
    /// Whether the password is to be changed at the first sign-in.
    pub is_temporary: bool,
    /// Whether an address that stands for another user's name is taken from them.
    pub takes_aliases: bool,
    /// The roles to have from the start.
    pub roles: &'a [Role],
    /// The name of who makes it.
    pub created_by: &'a str,
}

/// A home of users: Keyward's own pool, or one kept elsewhere.
///
/// Rights are checked before; what is given here is to be carried out, with `change` entered in the same
/// transaction (or around the call, where the users are kept elsewhere). Program users are listed and found
/// beside the accounts, for a name means one of them alone.
#[async_trait]
pub trait Directory: fmt::Debug + Send + Sync {
    /// The pool's id, like `us-east-1_k3Y9wRd0A`.
    fn pool_id(&self) -> &str;

    /// What is set of the pool at this moment.
    async fn settings(&self) -> Result<UserPoolSettings>;

    /// A password that the pool's policy accepts, to be changed at the first sign-in.
    async fn temporary_password(&self) -> Result<Secret>;

    /// The users that fit, by name where the home can sort them, else in an order that stays.
    async fn list(&self, query: &UserQuery) -> Result<Page<User>>;

    /// The user of this name or id.
    async fn find(&self, name_or_id: &str) -> Result<Option<User>>;

    /// Makes the account with its roles, or nothing. The user as they were made: a directory kept elsewhere
    /// gives them an id of its own.
    async fn create(&self, new: Enrolment<'_>, change: &Change) -> Result<User>;

    /// Makes a program user with its roles (by id), or nothing.
    async fn create_program_user(
        &self,
        user: &User,
        role_ids: &[String],
        created_by: &str,
        change: &Change,
    ) -> Result<()>;

    /// Writes attributes, enabled and status; `user.version` is the version that was read. Who is disabled, or
    /// needs a new password, has no session any more.
    async fn update(&self, user: &User, change: &Change) -> Result<()>;

    /// Deletes the user with their sessions, assignments and keys.
    async fn delete(&self, user: &User, change: &Change) -> Result<()>;

    /// Sets a password, temporary or for good, with the status that `user` says, and ends the sessions;
    /// `version` is the version that was read.
    async fn set_password(
        &self,
        user: &User,
        version: i64,
        password: &Secret,
        is_temporary: bool,
        change: &Change,
    ) -> Result<()>;

    /// Ends all sessions of the user.
    async fn sign_out(&self, user: &User, change: &Change) -> Result<()>;

    /// Gives more roles to the user, all or none.
    ///
    /// # Errors
    /// `AlreadyExists(Assignment)` when the user has one of them.
    async fn add_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()>;

    /// Makes the user's roles exactly these; `user.version` is the version that was read.
    async fn set_roles(&self, user: &User, roles: &[Role], created_by: &str, change: &Change) -> Result<()>;

    /// Takes one role from the user, who is of this version still, where one is said.
    ///
    /// # Errors
    /// `NotFound(Assignment)` when the user doesn't have it.
    async fn remove_role(
        &self,
        user: &User,
        role: &Role,
        version: Option<i64>,
        change: &Change,
    ) -> Result<()>;

    /// Deletes the role, and takes it from everybody who has it.
    async fn delete_role(&self, role: &Role, change: &Change) -> Result<()>;

    /// Makes sure that the database knows who has which role.
    async fn look_at_members(&self) -> Result<()>;
}
