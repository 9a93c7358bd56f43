//! What is asked of a pool of users that lives elsewhere: plain calls, without rules and without memory.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::Result;
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::sign_in::Tokens;
use crate::secret::Secret;
use crate::user::UserStatus;
use crate::user_pool::UserPoolSettings;

/// The pool, as the service tells of it.
#[derive(Debug, Clone)]
pub struct RemotePoolFacts {
    /// What people call it.
    pub name: String,
    /// What is set of it, as far as it matters here.
    pub settings: UserPoolSettings,
}

/// A user, as the service tells of them.
#[derive(Debug, Clone)]
pub struct RemoteUser {
    /// By what the service knows them; in a pool whose users are known by an address, this is the `sub`.
    pub name: String,
    /// By Cognito's names, the `sub` among them.
    pub attributes: BTreeMap<String, String>,
    /// Where the account stands.
    pub status: UserStatus,
    /// Whether the user can sign in.
    pub enabled: bool,
    /// Which second factors are on; nothing where the service doesn't tell of them.
    pub mfa: Option<MfaPreference>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
}

impl RemoteUser {
    /// The immutable id.
    pub fn id(&self) -> &str {
        self.attributes.get("sub").map_or(self.name.as_str(), String::as_str)
    }
}

/// Which users to list: those whose attribute has this value, or begins with it.
#[derive(Debug, Clone, Copy)]
pub struct RemoteFilter<'a> {
    /// `username`, `email`, `sub` and so on.
    pub attribute: &'a str,
    /// What it is, or begins with.
    pub value: &'a str,
    /// Whether it need only begin with it.
    pub is_prefix: bool,
}

/// What came of a password.
#[derive(Debug)]
pub enum RemoteSignIn {
    /// The user is signed in.
    Done(Tokens),
    /// More is asked for, by Cognito's word (`NEW_PASSWORD_REQUIRED`).
    Challenge(String),
}

/// A pool of users that lives elsewhere.
///
/// A name is the service's own, or an address that stands for it. Each call ends within about ten seconds, and
/// fails with one of these: `Unavailable` when the service doesn't answer (whether it has acted isn't known then)
/// or doesn't let us, `TooManyRequests`, `InvalidInput`, and what is named below. Lists are read to their end.
#[async_trait]
pub trait UserPoolService: fmt::Debug + Send + Sync {
    /// The pool itself; nothing where we may not ask.
    async fn pool(&self) -> Result<Option<RemotePoolFacts>>;

    /// The user of this name.
    async fn user(&self, name: &str) -> Result<Option<RemoteUser>>;

    /// The names of the groups that the user is in; none of a user who isn't there.
    async fn groups_of(&self, name: &str) -> Result<Vec<String>>;

    /// Up to `limit` users that fit, after what `token` says, and the token for those after them.
    async fn users(
        &self,
        filter: Option<RemoteFilter<'_>>,
        limit: usize,
        token: Option<&str>,
    ) -> Result<(Vec<RemoteUser>, Option<String>)>;

    /// All users in the group; none of a group that isn't there.
    async fn members(&self, group: &str) -> Result<Vec<RemoteUser>>;

    /// Makes a user with a temporary password, and sends nothing. It is tried once: a second try would find the
    /// name taken by the first.
    ///
    /// # Errors
    /// `AlreadyExists(User)`, `PasswordRejected`.
    async fn create_user(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        temporary_password: &Secret,
    ) -> Result<RemoteUser>;

    /// Sets a password.
    ///
    /// # Errors
    /// `PasswordRejected`, `PasswordReused`, `NotFound(User)`.
    async fn set_password(&self, name: &str, password: &Secret, is_permanent: bool) -> Result<()>;

    /// Sets attributes; an address that is set stays as proven as `attributes` say.
    ///
    /// # Errors
    /// `NotFound(User)`, `AlreadyExists(Alias)`.
    async fn set_attributes(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<()>;

    /// Takes attributes away.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn delete_attributes(&self, name: &str, attributes: &[String]) -> Result<()>;

    /// Lets the user sign in, or not.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()>;

    /// Confirms an account that signed up.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn confirm(&self, name: &str) -> Result<()>;

    /// Switches these second factors of the user off.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn forget_factors(&self, name: &str, factors: MfaPreference) -> Result<()>;

    /// Ends all sessions of the user.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn sign_out(&self, name: &str) -> Result<()>;

    /// Deletes the user. One who isn't there any more is deleted.
    async fn delete_user(&self, name: &str) -> Result<()>;

    /// Makes a group. One that is there stays as it is.
    async fn create_group(&self, group: &str, description: &str) -> Result<()>;

    /// Deletes a group. One that isn't there any more is deleted.
    async fn delete_group(&self, group: &str) -> Result<()>;

    /// Makes the user a member of the group; who is one already stays so.
    ///
    /// # Errors
    /// `NotFound(Role)`, `NotFound(User)`.
    async fn add_to_group(&self, name: &str, group: &str) -> Result<()>;

    /// Takes the user out of the group; who isn't in it, or whose group isn't there, is out of it.
    ///
    /// # Errors
    /// `NotFound(User)`.
    async fn remove_from_group(&self, name: &str, group: &str) -> Result<()>;

    /// The public keys that tokens are signed with, a JWK set (RFC 7517 §5).
    async fn signing_keys(&self) -> Result<Value>;

    /// Signs in through the application's client.
    ///
    /// # Errors
    /// `Unauthenticated`, `PasswordResetRequired`, `UserNotConfirmed`.
    async fn sign_in(&self, name: &str, password: &Secret) -> Result<RemoteSignIn>;
}
