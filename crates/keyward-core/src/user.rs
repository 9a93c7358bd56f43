//! Users: people's accounts in the home pool, and program users that Keyward alone knows.

pub(crate) mod attribute;
pub mod filter;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::{AuditEvent, Change, Target};
use crate::caller::Caller;
use crate::directory::{Directory, Enrolment};
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::{LocalPool, ids};
use crate::message::{Channel, NewMessage};
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_USERS, PermissionSet, VIEW_AUDIT, VIEW_USERS};
use crate::secret::Secret;
pub use crate::user::attribute::AttributeChanges;
use crate::user::filter::UserFilter;
use crate::user_pool::{Identifiers, Occasion, UserPoolSettings};

/// Somebody who may have roles and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct User {
    /// The immutable id, a UUID; of an account it is the `sub`. What points to a user points here.
    pub id: String,
    /// The name, as it was given. Two names that differ in case alone are one.
    pub username: String,
    /// An account or a program user.
    pub kind: UserKind,
    /// Where the account stands, in Cognito's words. A program user is always `CONFIRMED`.
    pub status: UserStatus,
    /// A disabled user can't sign in, and their keys don't work.
    pub enabled: bool,
    /// The address that mail goes to.
    pub email: Option<String>,
    /// Whether the address was proven to be the user's.
    pub email_verified: bool,
    /// The telephone number, E.164.
    pub phone: Option<String>,
    /// Whether the number was proven to be the user's.
    pub phone_verified: bool,
    /// Everything else that is known of an account, by Cognito's names.
    pub attributes: BTreeMap<String, String>,
    /// Whether the account is one of the operator's, to try an application with.
    #[serde(default)]
    pub is_test: bool,
    /// Whether signing in asks for a second factor.
    pub mfa: bool,
    /// Which ones are on.
    #[serde(default)]
    pub mfa_preference: MfaPreference,
    /// The names of the user's roles, sorted.
    pub roles: Vec<String>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// Counts the changes; what `If-Match` compares.
    pub version: i64,
}

impl User {
    /// All that is known of an account as attributes, by Cognito's names, but for the `sub`.
    pub fn all_attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = self.attributes.clone();
        let mut set = |name: &str, value: &str| attributes.insert(name.to_owned(), value.to_owned());
        if let Some(email) = &self.email {
            set("email", email);
            set("email_verified", if self.email_verified { "true" } else { "false" });
        }
        if let Some(phone) = &self.phone {
            set("phone_number", phone);
            set("phone_number_verified", if self.phone_verified { "true" } else { "false" });
        }
        attributes
    }
}

impl User {
    /// The address that messages go to by this channel, and whether it is proven.
    pub(crate) fn address(&self, channel: Channel) -> Option<(&str, bool)> {
        match channel {
            Channel::Email => self.attribute("email"),
            Channel::Sms => self.attribute("phone_number"),
            Channel::Nowhere => None,
        }
    }

    /// One of the attributes that can stand for a name, and whether it is proven; only addresses need be.
    pub(crate) fn attribute(&self, name: &str) -> Option<(&str, bool)> {
        match name {
            "email" => self.email.as_deref().map(|email| (email, self.email_verified)),
            "phone_number" => self.phone.as_deref().map(|phone| (phone, self.phone_verified)),
            name => self.attributes.get(name).map(|value| (value.as_str(), true)),
        }
    }
}

/// What kind of user it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// A person's account in the pool.
    Account,
    /// A name that Keyward alone knows, without password or sign-in.
    Program,
}

impl UserKind {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Program => "program",
        }
    }
}

/// Where an account stands
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// Signed up, the address not yet proven.
    Unconfirmed,
    /// May sign in.
    Confirmed,
    /// An administrator asked for a new password by code.
    ResetRequired,
    /// Has a temporary password, to be changed at the first sign-in.
    ForceChangePassword,
}

impl UserStatus {
    pub(crate) const ALL: [Self; 4] =
        [Self::Unconfirmed, Self::Confirmed, Self::ResetRequired, Self::ForceChangePassword];

    /// In Cognito's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Confirmed => "CONFIRMED",
            Self::ResetRequired => "RESET_REQUIRED",
            Self::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
        }
    }

    /// What is stored; a word that nobody knows means that the user can't sign in.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "CONFIRMED" => Self::Confirmed,
            "RESET_REQUIRED" => Self::ResetRequired,
            "FORCE_CHANGE_PASSWORD" => Self::ForceChangePassword,
            _ => Self::Unconfirmed,
        }
    }
}

/// What it takes to make a user.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewUser {
    /// Of an account an email address or, without `@`, 1 to 128 characters without spaces; 3 to 256
    /// characters of letters, digits and `-_.+@` for a program user.
    pub username: String,
    /// The username when not said, where that is an address.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Roles to have from the start; all or nothing is made.
    pub roles: Vec<String>,
    /// Made by Keyward when not said.
    pub temporary_password: Option<Secret>,
    /// One for good, in place of a temporary one.
    pub password: Option<Secret>,
    /// Makes a program user instead of an account.
    pub program: bool,
    /// What else is known of an account, by Cognito's names; also its addresses, and whether they are proven.
    pub attributes: BTreeMap<String, String>,
    /// Whether an address that stands for another user's name is taken from them.
    pub takes_aliases: bool,
    /// By which ways to send the temporary password to them; without any by whichever there is. To nobody
    /// when not said.
    pub invitation: Option<Vec<Channel>>,
}

/// A user with the temporary password that is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserWithPassword {
    /// The user as they now are.
    pub user: User,
    /// To be changed at the next sign-in; none for a program user.
    pub temporary_password: Option<Secret>,
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    /// A new address.
    pub email: Option<String>,
    /// A new number, or none.
    pub phone: Option<Option<String>>,
    /// Whether the user may do anything at all.
    pub enabled: Option<bool>,
    /// Attributes of an account, by Cognito's names.
    pub attributes: AttributeChanges,
    /// Refuse unless the user still has this version.
    pub if_match: Option<i64>,
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserQuery {
    /// The start of the username or the address, whatever the case.
    pub search: Option<String>,
    /// Accounts or program users alone.
    pub kind: Option<UserKind>,
    /// How many, from where.
    pub page: Cursor,
}

impl Keyward {
    /// Makes a user, with their roles or not at all. An account gets a temporary password, unless it is made
    /// with one for good.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for roles above the caller's rights, `InvalidInput` for what
    /// isn't an address or a number, `PasswordRejected`, `AlreadyExists(User)`, `NotFound(Role)`.
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<UserWithPassword> {
        self.create_user_in(&*self.directory, caller, new).await
    }

    /// As [`Keyward::create_user`], in this pool.
    pub async fn create_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        new: NewUser,
    ) -> Result<UserWithPassword> {
        const ACTION: &str = "user.create";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let roles = self.grantable_roles(pool, caller, &new.roles).await?;
            let create = async || {
                let user = self.new_user(pool, &new).await?;
                self.require_over_addresses(pool, caller, None, &user).await?;
                let is_temporary = new.password.is_none();
                let password = match (user.kind, new.password.as_ref().or(new.temporary_password.as_ref())) {
                    (UserKind::Program, _) => None,
                    (UserKind::Account, Some(password)) => Some(password.clone()),
                    (UserKind::Account, None) => Some(pool.temporary_password().await?),
                };
                let detail = json!({ "kind": user.kind, "roles": user.roles });
                let target = Target::new("user", &user.id, &user.username);
                let temporary_password = password.clone().filter(|_| is_temporary);
                let answer = UserWithPassword { user, temporary_password };
                let mut change = self.change_with_reply(caller, ACTION, &new, &answer, target, detail)?;
                let (user, created_by) = (&answer.user, caller.name());
                let Some(password) = &password else {
                    pool.create_program_user(user, &ids(&roles), created_by, &change).await?;
                    return Ok(answer);
                };
                if let Some(channels) = &new.invitation {
                    change = self.invite(change, pool, user, &new.username, password, channels).await?;
                }
                let enrolment = Enrolment {
                    user,
                    password,
                    is_temporary,
                    takes_aliases: new.takes_aliases,
                    roles: &roles,
                    created_by,
                };
                let user = pool.create(enrolment, &change).await?;
                Ok(UserWithPassword { user, ..answer })
            };
            self.once(caller, ACTION, &new, create).await
        };
        self.audited(caller, ACTION, Target::named("user", &new.username), outcome.await).await
    }

    /// The users that fit, by name.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`.
    pub async fn list_users(&self, caller: &Caller, query: &UserQuery) -> Result<Page<User>> {
        caller.require_any(&[VIEW_USERS, MANAGE_USERS])?;
        self.directory.list(query).await
    }

    /// The accounts of this pool that fit, in an order that stays; program users aren't among them.
    ///
    /// # Errors
    /// As [`Keyward::list_users`]; `InvalidInput("filter")`.
    pub async fn search_users_in(
        &self,
        pool: &LocalPool,
        caller: &Caller,
        filter: &str,
        page: &Cursor,
    ) -> Result<Page<User>> {
        self.require_in(pool, caller, &[VIEW_USERS, MANAGE_USERS])?;
        if let Some(filter) = UserFilter::parse(filter)? {
            return self.store.search_users(pool.id(), &pool.identifiers, &filter, page).await;
        }
        let kind = Some(UserKind::Account);
        pool.list(&UserQuery { kind, page: page.clone(), ..UserQuery::default() }).await
    }

    /// The user of this name or id.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`, unless it is the caller; `NotFound(User)`.
    pub async fn user(&self, caller: &Caller, name_or_id: &str) -> Result<User> {
        self.user_in(&*self.directory, caller, name_or_id).await
    }

    /// As [`Keyward::user`], in this pool.
    pub async fn user_in(&self, pool: &dyn Directory, caller: &Caller, name_or_id: &str) -> Result<User> {
        let user = self.known_user_in(pool, name_or_id).await;
        if let Ok(user) = &user
            && caller.user_id() == Some(&user.id)
        {
            return Ok(user.clone());
        }
        self.require_in(pool, caller, &[VIEW_USERS, MANAGE_USERS])?;
        user
    }

    /// The caller's own account: where it is kept elsewhere, as the credential was just judged by, without asking
    /// once more.
    ///
    /// # Errors
    /// `NotFound(User)` for who has none here.
    pub async fn account_of(&self, caller: &Caller) -> Result<User> {
        let Some(id) = caller.user_id() else { return Err(unknown_user(caller.name())) };
        let Some(pool) = &self.remote_pool else { return self.known_user(id).await };
        pool.refresh(id).await?;
        let mirror = pool.mirrored(id).await?.filter(|mirror| mirror.gone_at_ms.is_none());
        mirror.map(|mirror| mirror.user).ok_or_else(|| unknown_user(id))
    }

    /// As [`Keyward::user_in`], for who asks thousands of times a second: as the user was at most the
    /// revocation bound ago, where another server has changed them since.
    pub async fn recent_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<Arc<User>> {
        let find = async || pool.find(name_or_id).await;
        let user = self.access.user(pool.pool_id(), name_or_id, &self.clock, find).await?;
        match user {
            Some(user) if caller.user_id() == Some(&user.id) => Ok(user),
            user => {
                self.require_in(pool, caller, &[VIEW_USERS, MANAGE_USERS])?;
                user.ok_or_else(|| unknown_user(name_or_id))
            }
        }
    }

    /// Changes what is named in `update`, and nothing else.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `InvalidInput`, `PreconditionFailed`, `Conflict` for the last admin's being disabled.
    pub async fn update_user(&self, caller: &Caller, name_or_id: &str, update: UserUpdate) -> Result<User> {
        self.update_user_in(&*self.directory, caller, name_or_id, update).await
    }

    /// As [`Keyward::update_user`], in this pool.
    pub async fn update_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        update: UserUpdate,
    ) -> Result<User> {
        const ACTION: &str = "user.update";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let mut user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            require_version(update.if_match, user.version)?;
            let is_about_person =
                update.email.is_some() || update.phone.is_some() || !update.attributes.is_empty();
            if !is_about_person && update.enabled.is_none() {
                return Err(Error::invalid("email", "Say what to change: email, phone or enabled."));
            }
            let before = user.clone();
            let mut changed: Vec<&str> = update.attributes.keys().map(String::as_str).collect();
            if user.kind == UserKind::Program && is_about_person {
                return Err(Error::invalid(
                    "kind",
                    "A program user is a name alone, without email or phone.",
                ));
            }
            if !update.attributes.is_empty() {
                user.change_attributes(&update.attributes, &pool.settings().await?, Occasion::Change)?;
            }
            if let Some(email) = &update.email {
                let email = email_address("email", email)?;
                user.email_verified = user.email_verified && user.email.as_deref() == Some(&email);
                user.email = Some(email);
                changed.push("email");
            }
            if let Some(phone) = &update.phone {
                let phone = phone.as_deref().map(phone_number).transpose()?;
                user.phone_verified = user.phone_verified && user.phone == phone;
                user.phone = phone;
                changed.push("phone");
            }
            if let Some(enabled) = update.enabled {
                user.enabled = enabled;
                changed.push(if enabled { "enabled" } else { "disabled" });
            }
            self.require_over_addresses(pool, caller, Some(&before), &user).await?;
            user.updated_at_ms = self.clock.now_ms();
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({ "changed": changed }));
            pool.update(&user, &change).await?;
            user.version += 1;
            Ok(user)
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Deletes the user, and with them their sessions, roles and keys.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `PreconditionFailed`, `Conflict` for the last admin.
    pub async fn delete_user(
        &self,
        caller: &Caller,
        name_or_id: &str,
        if_match: Option<i64>,
    ) -> Result<User> {
        self.delete_user_in(&*self.directory, caller, name_or_id, if_match).await
    }

    /// As [`Keyward::delete_user`], in this pool.
    pub async fn delete_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        if_match: Option<i64>,
    ) -> Result<User> {
        const ACTION: &str = "user.delete";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            require_version(if_match, user.version)?;
            let target = Target::new("user", &user.id, &user.username);
            let change =
                self.change(caller, ACTION, target, json!({ "kind": user.kind, "roles": user.roles }));
            pool.delete(&user, &change).await?;
            Ok(user)
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Gives the account a new temporary password and ends its sessions. The account itself, its roles, its
    /// `sub` and its second factor stay.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `Unsupported` for a program user.
    pub async fn reset_password(&self, caller: &Caller, name_or_id: &str) -> Result<UserWithPassword> {
        const ACTION: &str = "user.reset-password";
        let outcome = async {
            caller.require(MANAGE_USERS)?;
            let mut user = self.known_user(name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            if user.kind == UserKind::Program {
                return Err(has_no_password());
            }
            let request = user.id.clone();
            let reset = async || {
                let password = self.directory.temporary_password().await?;
                let version = user.version;
                user.status = UserStatus::ForceChangePassword;
                user.updated_at_ms = self.clock.now_ms();
                user.version += 1;
                let target = Target::new("user", &user.id, &user.username);
                let answer = UserWithPassword { user, temporary_password: Some(password.clone()) };
                let change = self.change_with_reply(caller, ACTION, &request, &answer, target, json!({}))?;
                self.directory.set_password(&answer.user, version, &password, true, &change).await?;
                Ok(answer)
            };
            self.once(caller, ACTION, &request, reset).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// As [`Keyward::set_password_in`], in the home pool.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name_or_id: &str,
        password: &Secret,
        is_temporary: bool,
    ) -> Result<User> {
        self.set_password_in(&*self.directory, caller, name_or_id, password, is_temporary).await
    }

    /// Gives the account of this pool a password, to be changed at the first sign-in where it is temporary,
    /// and ends its sessions.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`,
    /// `Unsupported` for a program user, `PasswordRejected`.
    pub async fn set_password_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        password: &Secret,
        is_temporary: bool,
    ) -> Result<User> {
        const ACTION: &str = "user.set-password";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let mut user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            if user.kind == UserKind::Program {
                return Err(has_no_password());
            }
            let version = user.version;
            user.status = if is_temporary { UserStatus::ForceChangePassword } else { UserStatus::Confirmed };
            user.updated_at_ms = self.clock.now_ms();
            user.version += 1;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({ "temporary": is_temporary }));
            pool.set_password(&user, version, password, is_temporary, &change).await?;
            Ok(user)
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Gives who has yet to choose a password another temporary one, made by Keyward when not said, and sends
    /// it to them, by channels as in [`NewUser::invitation`].
    ///
    /// # Errors
    /// As [`Keyward::set_password_in`]; `Conflict` for a user who needs no temporary password,
    /// `DeliveryFailed`.
    pub async fn invite_again_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        password: Option<Secret>,
        channels: &[Channel],
    ) -> Result<User> {
        const ACTION: &str = "user.invite";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let mut user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            if user.status != UserStatus::ForceChangePassword {
                let name = &user.username;
                let message = format!("Resend not possible. {name} status is not FORCE_CHANGE_PASSWORD");
                return Err(Error::conflict(message));
            }
            let password = match password {
                Some(password) => password,
                None => pool.temporary_password().await?,
            };
            let version = user.version;
            user.updated_at_ms = self.clock.now_ms();
            user.version += 1;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({}));
            let change = self.invite(change, pool, &user, name_or_id, &password, channels).await?;
            pool.set_password(&user, version, &password, true, &change).await?;
            Ok(user)
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// Confirms an account that signed up, without a code.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`;
    /// `Unauthenticated` for one that isn't waiting for it.
    pub async fn confirm_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<User> {
        const ACTION: &str = "user.confirm";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let mut user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            if user.status != UserStatus::Unconfirmed {
                let status = user.status.as_str();
                let message = format!("User cannot be confirmed. Current status is {status}");
                return Err(Error::unauthenticated(message));
            }
            user.status = UserStatus::Confirmed;
            user.updated_at_ms = self.clock.now_ms();
            let target = Target::new("user", &user.id, &user.username);
            pool.update(&user, &self.change(caller, ACTION, target, json!({}))).await?;
            user.version += 1;
            Ok(user)
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// What became of the account's sign-ins, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `view:audit`, `NotFound(User)`.
    pub async fn list_sign_ins_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
        page: &Cursor,
    ) -> Result<Page<AuditEvent>> {
        self.require_in(pool, caller, &[VIEW_AUDIT])?;
        let user = self.known_user_in(pool, name_or_id).await?;
        if user.kind == UserKind::Program {
            return Err(unknown_user(name_or_id));
        }
        self.store.sign_in_events(&user.id, page).await
    }

    /// Ends all sessions of the user.
    ///
    /// # Errors
    /// `Forbidden` without `manage:users` or for a user with rights above the caller's, `NotFound(User)`.
    pub async fn sign_out_user(&self, caller: &Caller, name_or_id: &str) -> Result<()> {
        self.sign_out_user_in(&*self.directory, caller, name_or_id).await
    }

    /// As [`Keyward::sign_out_user`], in this pool.
    pub async fn sign_out_user_in(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        name_or_id: &str,
    ) -> Result<()> {
        const ACTION: &str = "user.sign-out";
        let outcome = async {
            self.require_in(pool, caller, &[MANAGE_USERS])?;
            let user = self.known_user_in(pool, name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            let target = Target::new("user", &user.id, &user.username);
            let change = self.change(caller, ACTION, target, json!({}));
            pool.sign_out(&user, &change).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// The user of this name or id, for a caller whose rights are checked elsewhere.
    pub(crate) async fn known_user(&self, name_or_id: &str) -> Result<User> {
        self.known_user_in(&*self.directory, name_or_id).await
    }

    /// The same in this pool.
    pub(crate) async fn known_user_in(&self, pool: &dyn Directory, name_or_id: &str) -> Result<User> {
        pool.find(name_or_id).await?.ok_or_else(|| unknown_user(name_or_id))
    }

    /// Everything that the user may do at best, with MFA.
    pub(crate) async fn rights_of(&self, user_id: &str) -> Result<PermissionSet> {
        let grants = self.store.grants(user_id, self.directory.pool_id()).await?;
        Ok(grants.into_iter().flat_map(|grant| grant.permissions).collect())
    }

    /// Whether the user has a role, or permissions of their own.
    pub(crate) async fn has_grants(&self, user_id: &str) -> Result<bool> {
        Ok(!self.store.grants(user_id, self.directory.pool_id()).await?.is_empty())
    }

    /// Lets the caller through only when they hold every right of this user: who resets the password of
    /// somebody with more rights, or changes their address, could become them.
    pub(crate) async fn require_over(&self, caller: &Caller, user_id: &str) -> Result<()> {
        caller.require_all_of(&self.rights_of(user_id).await?)
    }

    /// Lets the caller through only when they hold every right of whoever has one of the user's addresses, as
    /// their name or their own: an application may go by an address that is proven. What was proven before
    /// is left.
    pub(crate) async fn require_over_addresses(
        &self,
        pool: &dyn Directory,
        caller: &Caller,
        before: Option<&User>,
        user: &User,
    ) -> Result<()> {
        if !self.is_home(pool.pool_id()) || caller.may("*") {
            return Ok(());
        }
        for attribute in ["email", "phone_number"] {
            let Some((address, true)) = user.attribute(attribute) else { continue };
            if before.and_then(|before| before.attribute(attribute)) == Some((address, true)) {
                continue;
            }
            pool.look_at_members().await?;
            let key = address.to_lowercase();
            let rights = self.store.rights_at_address(pool.pool_id(), attribute, &key, &user.id).await?;
            caller.require_all_of(&rights.into_iter().collect())?;
        }
        Ok(())
    }

    /// `change`, which also sends the temporary password, by these channels.
    async fn invite(
        &self,
        mut change: Change,
        pool: &dyn Directory,
        user: &User,
        name: &str,
        password: &Secret,
        channels: &[Channel],
    ) -> Result<Change> {
        let settings = pool.settings().await?;
        let address = |channel: &Channel| match channel {
            Channel::Sms => user.phone.as_deref().map(|phone| (Channel::Sms, phone)),
            Channel::Email => user.email.as_deref().map(|email| (Channel::Email, email)),
            Channel::Nowhere => None,
        };
        let mut addresses: Vec<_> = channels.iter().filter_map(address).collect();
        if addresses.is_empty() && !channels.is_empty() {
            return Err(Error::invalid(
                "channels",
                "The user has no address for this delivery medium; give an email or a phone_number.",
            ));
        }
        if channels.is_empty() {
            // As Amazon's default, an SMS, where there is a number and a way to send one.
            addresses.extend([Channel::Sms, Channel::Email].iter().filter_map(address));
            let sent = addresses.iter().position(|(channel, _)| self.require_channel(*channel).is_ok());
            addresses = addresses.into_iter().skip(sent.unwrap_or_default()).take(1).collect();
        }
        for (channel, to) in addresses {
            change = change.with_message(self.message(&NewMessage {
                pool_id: pool.pool_id(),
                channel,
                to,
                template: settings.invitation(channel),
                username: name,
                code: password,
                lifetime_ms: settings.password_policy.temporary_validity_ms(),
            })?);
        }
        Ok(change)
    }

    async fn new_user(&self, pool: &dyn Directory, new: &NewUser) -> Result<User> {
        if !new.program {
            return self.new_account(pool, new).await;
        }
        if new.email.is_some()
            || new.phone.is_some()
            || new.temporary_password.is_some()
            || new.password.is_some()
            || !new.attributes.is_empty()
        {
            return Err(Error::invalid(
                "kind",
                "A program user is a name alone, without email, phone or password; leave them out.",
            ));
        }
        let user = self.new_program_user(&new.username)?;
        Ok(User { roles: distinct(&new.roles), ..user })
    }

    /// The account that is to be made.
    pub(crate) async fn new_account(&self, pool: &dyn Directory, new: &NewUser) -> Result<User> {
        let user = self.account_in(pool.pool_id(), &pool.settings().await?, new, Occasion::Invitation)?;
        let status = if new.password.is_some() { UserStatus::Confirmed } else { user.status };
        Ok(User { status, ..user })
    }

    /// The same, in the pool of this id with these settings.
    pub(crate) fn account_in(
        &self,
        pool_id: &str,
        settings: &UserPoolSettings,
        new: &NewUser,
        occasion: Occasion,
    ) -> Result<User> {
        let now_ms = self.clock.now_ms();
        let mut user = User {
            id: self.random.uuid(),
            username: String::new(),
            kind: UserKind::Account,
            status: UserStatus::ForceChangePassword,
            enabled: true,
            email: new.email.as_deref().map(|email| email_address("email", email)).transpose()?,
            email_verified: false,
            phone: new.phone.as_deref().map(phone_number).transpose()?,
            phone_verified: false,
            attributes: BTreeMap::new(),
            is_test: false,
            mfa: false,
            mfa_preference: MfaPreference::default(),
            roles: distinct(&new.roles),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        };
        let mut attributes: AttributeChanges =
            new.attributes.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        if self.is_home(pool_id) && new.username.contains('@') {
            user.username = email_address("username", &new.username)?;
            if user.email.is_none() && !attributes.contains_key("email") {
                user.email = Some(user.username.clone());
            }
            // An administrator vouches for the name, and for another address only by saying so: with one of
            // somebody else's, proven in the tokens, the new user could pass for them.
            let address = attributes.get("email").map_or(user.email.as_ref(), Option::as_ref);
            if address == Some(&user.username) {
                attributes.entry("email_verified".to_owned()).or_insert_with(|| Some("true".to_owned()));
            }
        } else {
            user.username = settings.identifiers.new_name(&new.username, &user.id, &mut attributes)?;
        }
        user.change_attributes(&attributes, settings, occasion)?;
        Ok(user)
    }

    /// A program user of this name.
    pub(crate) fn new_program_user(&self, name: &str) -> Result<User> {
        let now_ms = self.clock.now_ms();
        Ok(User {
            id: self.random.uuid(),
            username: program_name(name)?,
            kind: UserKind::Program,
            status: UserStatus::Confirmed,
            enabled: true,
            email: None,
            email_verified: false,
            phone: None,
            phone_verified: false,
            attributes: BTreeMap::new(),
            is_test: false,
            mfa: false,
            mfa_preference: MfaPreference::default(),
            roles: Vec::new(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        })
    }
}

impl Identifiers {
    /// What a new account is called whose name was given as `name`: its id where users are known by an
    /// address, which becomes an attribute then.
    pub(crate) fn new_name(&self, name: &str, id: &str, attributes: &mut AttributeChanges) -> Result<String> {
        let wrong = |message: Cow<'static, str>| Err(Error::invalid("username", message));
        let form = if email_address("username", name).is_ok() {
            Some("email")
        } else {
            attribute::is_phone_number(name).then_some("phone_number")
        };
        let words = |form: &str| if form == "email" { "email" } else { "phone number" };
        if !self.username_attributes.is_empty() {
            let Some(form) = form.filter(|form| self.username_attributes.iter().any(|name| name == form))
            else {
                return wrong(match self.username_attributes.as_slice() {
                    [one] if one == "email" => "Username should be an email.".into(),
                    [_] => "Username should be a phone number.".into(),
                    _ => "Username should be either an email or a phone number.".into(),
                });
            };
            let given = attributes.insert(form.to_owned(), Some(name.to_owned())).flatten();
            if given.is_some_and(|given| given != name) {
                let word = words(form);
                return wrong(
                    format!(
                        "User {word} should be empty or same as username, since username attribute is {word}"
                    )
                    .into(),
                );
            }
            return Ok(id.to_owned());
        }
        if let Some(form) = form.filter(|form| self.alias_attributes.iter().any(|name| name == form)) {
            let word = words(form);
            return wrong(
                format!(
                    "Username cannot be of {word} format, since user pool is configured for {word} alias."
                )
                .into(),
            );
        }
        account_name(name)
    }
}

fn distinct(roles: &[String]) -> Vec<String> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// The error for a user that isn't there.
pub(crate) fn unknown_user(name_or_id: &str) -> Error {
    // A name that was never one of ours may be anything: it is shown only when it looks like one, and never
    // when it may be a key or a token that got into the wrong place.
    let is_credential = crate::access::Credential::parse(&format!("Bearer {name_or_id}")).is_some();
    let named = program_name(name_or_id).ok().filter(|_| !is_credential);
    let named = named.map(|name| format!(" {name}")).unwrap_or_default();
    Error::not_found(Thing::User, format!("There is no user{named}; the list of users shows who there is."))
}

fn has_no_password() -> Error {
    Error::new(Code::Unsupported, "A program user has no password; give it an API key instead.")
}

/// Refuses when the version that the caller saw is not the one that is there.
pub(crate) fn require_version(if_match: Option<i64>, version: i64) -> Result<()> {
    match if_match {
        Some(expected) if expected != version => Err(Error::new(
            Code::PreconditionFailed,
            "It was changed since you read it; read it again, then repeat the change on what is there now.",
        )),
        _ => Ok(()),
    }
}

/// An account's name as Cognito has them: 1 to 128 characters, none of them a space. What looks like an API
/// key was put in the wrong place, and must not be kept as a name.
fn account_name(text: &str) -> Result<String> {
    let is_name = (1..=128).contains(&text.chars().count())
        && !crate::api_key::is_well_formed(text)
        && !text.chars().any(|character| character.is_whitespace() || character.is_control());
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("username", "A username must be 1 to 128 characters without spaces."))
}

/// An email address: one `@`, something before it, a dotted name after it, at most 256 characters (RFC 5321
/// §4.5.3.1.3).
pub(crate) fn email_address(field: &'static str, text: &str) -> Result<String> {
    let is_address = text.split_once('@').is_some_and(|(local, domain)| {
        let is_local = !local.is_empty()
            && local
                .chars()
                .all(|character| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character));
        let is_domain = domain.contains('.')
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .chars()
                        .all(|character| character.is_alphanumeric() || character == '-' || character == '_')
            });
        is_local && is_domain
    });
    if is_address && (3..=256).contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(field, format!("The {field} must be an email address, such as ada@example.com.")))
}

/// A telephone number in E.164 (<https://www.itu.int/rec/T-REC-E.164>), 10 to 15 digits as VAMS wants them.
pub(crate) fn phone_number(text: &str) -> Result<String> {
    let wrong = |message: &'static str| Err(Error::invalid("phone", message));
    let Some(digits) = text.strip_prefix('+') else {
        return wrong("phone must be in E.164 format (e.g., +12345678900)");
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("phone must contain only digits after the + sign");
    }
    if !(10..=15).contains(&digits.len()) {
        return wrong("phone must have 10-15 digits after the + sign");
    }
    Ok(text.to_owned())
}

/// A program user's name: 3 to 256 letters, digits and `-_.+@`, as VAMS has user ids. What looks like an API
/// key was put in the wrong place, and must not be kept as a name.
pub(crate) fn program_name(text: &str) -> Result<String> {
    let is_name = (3..=256).contains(&text.chars().count())
        && !crate::api_key::is_well_formed(text)
        && text.chars().all(|character| character.is_alphanumeric() || "-_.+@".contains(character));
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("username", "A username must be 3 to 256 letters, digits and -_.+@ characters."))
}
