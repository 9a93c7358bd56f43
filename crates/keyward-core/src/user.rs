//! Users: people's accounts in the home pool, and program users that Keyward alone knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::error::{Code, Error, Result, Thing};
use crate::keyward::Keyward;
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_USERS, PermissionSet, VIEW_USERS};
use crate::secret::Secret;

/// Somebody who may have roles and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether signing in asks for a second factor.
    pub mfa: bool,
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
    /// An email address for an account; 3 to 256 characters of letters, digits and `-_.+@` for a program
    /// user.
    pub username: String,
    /// The username when not said.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Roles to have from the start; all or nothing is made.
    pub roles: Vec<String>,
    /// Made by Keyward when not said.
    pub temporary_password: Option<Secret>,
    /// Makes a program user instead of an account.
    pub program: bool,
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
    /// Makes a user, with their roles or not at all. An account gets a temporary password.
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
                let user = self.new_user(&new)?;
                let password = match (user.kind, &new.temporary_password) {
                    (UserKind::Program, _) => None,
                    (UserKind::Account, Some(password)) => Some(password.clone()),
                    (UserKind::Account, None) => Some(pool.temporary_password().await?),
                };
                let detail = json!({ "kind": user.kind, "roles": user.roles });
                let target = Target::new("user", &user.id, &user.username);
                let answer = UserWithPassword { user, temporary_password: password };
                let change = self.change_with_reply(caller, ACTION, &new, &answer, target, detail)?;
                let (user, by) = (&answer.user, caller.name());
                if let Some(password) = &answer.temporary_password {
                    pool.create(user, password, true, &roles, by, &change).await?;
                } else {
                    pool.create_program_user(user, &roles, by, &change).await?;
                }
                Ok(answer)
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
            if update.email.is_none() && update.phone.is_none() && update.enabled.is_none() {
                return Err(Error::invalid("email", "Say what to change: email, phone or enabled."));
            }
            let mut changed = Vec::new();
            if user.kind == UserKind::Program && (update.email.is_some() || update.phone.is_some()) {
                return Err(Error::invalid(
                    "kind",
                    "A program user is a name alone, without email or phone.",
                ));
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
        let grants = self.store.grants(user_id).await?;
        Ok(grants.into_iter().flat_map(|grant| grant.permissions).collect())
    }

    /// Lets the caller through only when they hold every right of this user: who resets the password of
    /// somebody with more rights, or changes their address, could become them.
    pub(crate) async fn require_over(&self, caller: &Caller, user_id: &str) -> Result<()> {
        caller.require_all_of(&self.rights_of(user_id).await?)
    }

    pub(crate) fn new_user(&self, new: &NewUser) -> Result<User> {
        let (kind, username, email) = if new.program {
            if new.email.is_some() || new.phone.is_some() || new.temporary_password.is_some() {
                return Err(Error::invalid(
                    "kind",
                    "A program user is a name alone, without email, phone or password; leave them out.",
                ));
            }
            (UserKind::Program, program_name(&new.username)?, None)
        } else {
            let username = email_address("username", &new.username)?;
            let email = new.email.as_deref().map(|email| email_address("email", email)).transpose()?;
            (UserKind::Account, username.clone(), Some(email.unwrap_or(username)))
        };
        // An administrator vouches for the name, and for no other address: with one of somebody else's,
        // proven in the tokens, the new user could pass for them.
        let email_verified = email.as_ref() == Some(&username);
        let now_ms = self.clock.now_ms();
        let mut roles = new.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        Ok(User {
            id: self.random.uuid(),
            username,
            kind,
            status: match kind {
                UserKind::Account => UserStatus::ForceChangePassword,
                UserKind::Program => UserStatus::Confirmed,
            },
            enabled: true,
            email_verified,
            email,
            phone: new.phone.as_deref().map(phone_number).transpose()?,
            phone_verified: false,
            attributes: BTreeMap::new(),
            mfa: false,
            roles,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        })
    }

    /// A program user of this name, made because a role was given to a name that nobody has.
    pub(crate) fn new_program_user(&self, name: &str) -> Result<User> {
        self.new_user(&NewUser { username: name.to_owned(), program: true, ..NewUser::default() })
    }
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
