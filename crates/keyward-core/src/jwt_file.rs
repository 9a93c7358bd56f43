//! Users who are kept in RawScribe's file of settings, on-prem: whoever runs the server writes down there who
//! may use it.
//!
//! Each has a row among the accounts of a pool of their own, which is the home pool then: signing in, lockout,
//! second factors, sessions, keys and roles are as of any pool of ours. What the file says is entered when it
//! is read; nobody changes it through Keyward.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::local_pool::password::{Line, check_imported_hash};
use crate::permission::Permission;
use crate::role::NewRole;
use crate::secret::Secret;
use crate::store::file_user::{FileAccount, FileChanges};
use crate::user::{User, UserKind};

/// What a change of somebody who is kept in the file is answered with; RawScribe's words.
pub const UNCHANGEABLE: &str = "User management not supported for provider 'jwt'. On-prem deployments: edit \
                                users in config.json. AWS deployments: use provider='cognito'.";

/// The longest id, name or address, characters.
const LONGEST_TEXT: usize = 256;

/// Somebody, as the file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUser {
    /// By which they stay the same user when anything else of them changes.
    pub id: String,
    /// What they sign in with.
    pub username: String,
    /// What they can sign in with, too.
    pub email: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// The roles that they have.
    pub groups: Vec<String>,
    /// All that they may do, where it is said; what the roles allow counts no more then.
    pub permissions: Option<Vec<String>>,
    /// Who has none can't sign in.
    pub password: Option<FilePassword>,
}

/// A password, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePassword {
    /// Its Argon2id hash in PHC form, or a bcrypt hash.
    Hash(Secret),
    /// Itself, as a developer may write it.
    Clear(Secret),
}

impl LocalPool {
    /// Refuses to change the accounts of a pool whose users are kept in a file.
    pub(crate) fn require_changeable(&self) -> Result<()> {
        match self.file {
            None => Ok(()),
            Some(_) => Err(Error::new(Code::Unsupported, UNCHANGEABLE)),
        }
    }

    /// The same, of this user: program users are Keyward's own wherever the accounts are.
    pub(crate) fn require_changeable_user(&self, user: &User) -> Result<()> {
        match user.kind {
            UserKind::Account => self.require_changeable(),
            UserKind::Program => Ok(()),
        }
    }
}

impl Keyward {
    /// Refuses to change accounts where they are kept in a file.
    ///
    /// # Errors
    /// `Unsupported`.
    pub fn require_changeable_users(&self) -> Result<()> {
        self.local_pool.require_changeable()
    }

    /// Makes the accounts those of the file, together or not at all: who isn't in it any more is disabled, with
    /// their keys and sessions, and whose password is another one has to sign in again. Nothing is written when
    /// nothing is new.
    ///
    /// # Errors
    /// `InvalidInput` for a user who can't be as the file says, `AlreadyExists(User)` for an id that is
    /// somebody else's.
    pub async fn enter_file_users(&self, users: &[FileUser]) -> Result<()> {
        check_users(users)?;
        let role_ids = self.roles_of_file(users).await?;
        let known = self.store.file_accounts(self.local_pool.id()).await?;
        let mut known: BTreeMap<_, _> =
            known.into_iter().map(|account| (account.id.clone(), account)).collect();
        let mut changes = FileChanges::default();
        for user in users {
            let before = known.remove(&user.id);
            let account = self.file_account(user, before.as_ref(), &role_ids).await?;
            if before.as_ref() != Some(&account) {
                let is_other_password =
                    before.is_some_and(|before| before.password_hash != account.password_hash);
                changes.entered.push((account, is_other_password));
            }
        }
        changes.gone =
            known.into_values().filter(|account| account.enabled).map(|account| account.id).collect();
        if changes.entered.is_empty() && changes.gone.is_empty() {
            return Ok(());
        }
        let (pool, now_ms) = (&self.local_pool, self.clock.now_ms());
        let detail = json!({
            "entered": changes.entered.iter().map(|(account, _)| &account.username).collect::<Vec<_>>(),
            "disabled": changes.gone,
        });
        let target = Target::new("user-pool", pool.id(), "file");
        let change = self.change(&Caller::operator(), "user.enter-file", target, detail);
        self.store.enter_file_users(pool.id(), &pool.identifiers, &changes, now_ms, &change).await
    }

    /// The ids of the roles that are there, by their names; those that the file names are there then, and allow
    /// nothing if they weren't.
    async fn roles_of_file(&self, users: &[FileUser]) -> Result<BTreeMap<String, String>> {
        let named: BTreeSet<_> = users.iter().flat_map(|user| &user.groups).collect();
        let mut ids = BTreeMap::new();
        for name in named {
            let role = if let Some(role) = self.store.role(self.local_pool.id(), name).await? {
                role
            } else {
                let description = "Named in the file of users".to_owned();
                let new = NewRole { name: name.clone(), description, ..NewRole::default() };
                self.create_group_in(&*self.directory, &Caller::operator(), new).await?
            };
            ids.insert(role.name, role.id);
        }
        Ok(ids)
    }

    async fn file_account(
        &self,
        user: &FileUser,
        before: Option<&FileAccount>,
        role_ids: &BTreeMap<String, String>,
    ) -> Result<FileAccount> {
        let known = before.and_then(|before| before.password_hash.clone());
        let password_hash = match &user.password {
            None => None,
            Some(FilePassword::Hash(hash)) => Some(hash.expose().to_owned()),
            Some(FilePassword::Clear(password)) => {
                let hasher = &self.local_pool.hasher;
                match known {
                    Some(hash) if hasher.verify(password, &hash).await? => Some(hash),
                    _ => Some(hasher.hash(Line::Administration, &self.random, password).await?),
                }
            }
        };
        let groups: BTreeSet<_> = user.groups.iter().filter_map(|name| role_ids.get(name)).collect();
        Ok(FileAccount {
            id: user.id.clone(),
            username: user.username.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            enabled: true,
            password_hash,
            permissions: user.permissions.as_deref().map(distinct_permissions).transpose()?,
            role_ids: groups.into_iter().cloned().collect(),
        })
    }
}

/// Refuses what can't be, in the words of the file.
fn check_users(users: &[FileUser]) -> Result<()> {
    let mut taken = BTreeMap::new();
    for user in users {
        let who = format!("the user \"{}\"", user.id.escape_debug());
        let wrong = |what: &str| Err(Error::invalid("users", format!("In lambda.auth, {who} {what}.")));
        let texts = [Some(&user.id), Some(&user.username), user.email.as_ref()];
        for text in texts.into_iter().flatten() {
            let is_good = (1..=LONGEST_TEXT).contains(&text.chars().count())
                && !text.chars().any(|character| character.is_whitespace() || character.is_control());
            if !is_good || crate::api_key::is_well_formed(text) {
                return wrong("needs an id, a username and an email of 1 to 256 characters without spaces");
            }
            if let Some(other) = taken.insert(text.to_lowercase(), &user.id)
                && *other != user.id
            {
                return wrong("has an id, a username or an email that another user has");
            }
        }
        if let Some(FilePassword::Hash(hash)) = &user.password
            && check_imported_hash(hash.expose()).is_err()
        {
            return wrong("has a password_hash that isn't one; make one with `keyward hash-password`");
        }
        if let Some(permissions) = &user.permissions
            && distinct_permissions(permissions).is_err()
        {
            return wrong("has something among its permissions that isn't of the form action:resource");
        }
    }
    let ids: BTreeSet<_> = users.iter().map(|user| &user.id).collect();
    if ids.len() < users.len() {
        return Err(Error::invalid("users", "In lambda.auth, two users have the same id."));
    }
    Ok(())
}

fn distinct_permissions(texts: &[String]) -> Result<Vec<Permission>> {
    let permissions = texts.iter().map(|text| Permission::parse(text)).collect::<Result<BTreeSet<_>>>()?;
    Ok(permissions.into_iter().collect())
}
