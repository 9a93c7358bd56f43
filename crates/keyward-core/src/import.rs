//! Users in and out of a pool by the thousand: with the attributes that a file of Amazon's has, and with hashes
//! of their passwords, never with the passwords.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;

use crate::audit::Target;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::local_pool::password::check_imported_hash;
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_POOLS, MANAGE_USERS, PermissionSet, VIEW_USERS};
use crate::secret::Secret;
use crate::store::{ImportedAccount, Vacancy};
use crate::user::{NewUser, User, UserKind, UserQuery, UserStatus};
use crate::user_pool::{Identifiers, MfaMode, Occasion, SchemaAttribute, UserPool, UserPoolSettings};

/// The most users in one import.
const MAXIMUM_IMPORT: usize = 1000;

/// A user who was an account elsewhere.
#[derive(Debug, Clone, Default)]
pub struct ImportedUser {
    /// The name; where users are known by an address, that.
    pub username: String,
    /// By Cognito's names, with the addresses and whether they are proven.
    pub attributes: BTreeMap<String, String>,
    /// Whether signing in is to ask for a second factor.
    pub mfa: bool,
    /// Of the password that the user keeps: bcrypt, or Argon2id in PHC form.
    pub password_hash: Option<Secret>,
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// There is a new account, of this id.
    Created(String),
    /// There was an account already; it stays as it is.
    Exists,
}

/// A user as the import takes them, but for the password.
#[derive(Debug, Clone)]
pub struct ExportedUser {
    /// The name; where users are known by an address, that.
    pub username: String,
    /// By Cognito's names, with the addresses and whether they are proven.
    pub attributes: BTreeMap<String, String>,
    /// Whether signing in asks for a second factor that an import can make.
    pub mfa: bool,
    /// Whether the user may sign in. An import doesn't ask.
    pub enabled: bool,
}

impl Keyward {
    /// Takes over accounts that were made elsewhere, at most 1000, into this pool or the home pool: each gets
    /// its own answer (`Forbidden` for an address of somebody with rights above the caller's, too). All that
    /// are made enter together, with one event. Who comes with a hash may sign in by that password, at first
    /// by showing it; everybody else must set one by a code, as with Amazon
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool.html>).
    ///
    /// # Errors
    /// `Forbidden` without `manage:users`, for another pool than the home pool `manage:pools`;
    /// `NotFound(UserPool)`; `InvalidInput("users")` for none, or more than 1000.
    pub async fn import_users(
        &self,
        caller: &Caller,
        pool_id: Option<&str>,
        imported: &[ImportedUser],
    ) -> Result<Vec<Result<Imported>>> {
        const ACTION: &str = "user.import";
        let pool_id = pool_id.unwrap_or_else(|| self.directory.pool_id());
        let pool = self.pool_for(caller, pool_id, &[MANAGE_USERS]).await;
        let target = Target::named("user-pool", pool_id);
        let (pool, UserPool { name, settings, .. }) = self.audited(caller, ACTION, target, pool).await?;
        if imported.is_empty() || imported.len() > MAXIMUM_IMPORT {
            return Err(Error::invalid("users", "Send 1 to 1000 users in one request."));
        }
        let mut results = BTreeMap::new();
        let mut accounts = Vec::new();
        for (index, new) in imported.iter().enumerate() {
            match self.imported_account(pool_id, &settings, new) {
                Ok(account) => accounts.push((index, account)),
                Err(error) => drop(results.insert(index, Err(error))),
            }
        }
        let vacancies = self.store.vacancies(pool_id, &pool.identifiers, &users(&accounts)).await?;
        let accounts = vacant(accounts, vacancies, &mut results);
        let rights = self.rights_at_addresses_of(&pool, &users(&accounts)).await?;
        let mut permitted = Vec::new();
        for (index, account) in accounts {
            match require_over(caller, &pool.identifiers, &account.user, &rights) {
                Ok(()) => permitted.push((index, account)),
                Err(error) => {
                    let target = Target::named("user", &account.user.username);
                    results.insert(index, self.audited(caller, ACTION, target, Err(error)).await);
                }
            }
        }
        if !permitted.is_empty() {
            // The event tells how many, not who: a thousand addresses are nothing to keep there.
            let change = |made: &[&ImportedAccount]| {
                let with_hash = made.iter().filter(|account| account.password_hash.is_some()).count();
                let detail = json!({ "users": made.len(), "with_password_hash": with_hash });
                self.change(caller, ACTION, Target::new("user-pool", pool_id, &name), detail)
            };
            let vacancies =
                self.store.insert_accounts(pool_id, &pool.identifiers, &permitted, change).await?;
            for (index, account) in vacant(permitted, vacancies, &mut results) {
                results.insert(index, Ok(Imported::Created(account.user.id)));
            }
        }
        Ok(results.into_values().collect())
    }

    /// The names of the columns that a file of the pool's users has, as `GetCSVHeader` tells them.
    ///
    /// # Errors
    /// `Forbidden` as for [`Keyward::export_users`]; `NotFound(UserPool)`.
    pub async fn user_columns(&self, caller: &Caller, pool_id: Option<&str>) -> Result<Vec<String>> {
        let pool_id = pool_id.unwrap_or_else(|| self.directory.pool_id());
        let (_, pool) = self.pool_for(caller, pool_id, &[VIEW_USERS, MANAGE_USERS]).await?;
        let (standard, custom): (Vec<_>, Vec<_>) = pool
            .settings
            .attributes()
            .into_iter()
            .filter(|attribute| !["sub", "identities"].contains(&attribute.name.as_str()))
            .partition(SchemaAttribute::is_standard);
        let names = |attributes: Vec<SchemaAttribute>| attributes.into_iter().map(|attribute| attribute.name);
        let first = std::iter::once("cognito:username".to_owned());
        let mfa = std::iter::once("cognito:mfa_enabled".to_owned());
        Ok(first.chain(names(standard)).chain(mfa).chain(names(custom)).collect())
    }

    /// The accounts of this pool or the home pool, by name, as an import takes them.
    ///
    /// # Errors
    /// `Forbidden` without `view:users` or `manage:users`, for another pool than the home pool `manage:pools`;
    /// `NotFound(UserPool)`.
    pub async fn export_users(
        &self,
        caller: &Caller,
        pool_id: Option<&str>,
        page: Cursor,
    ) -> Result<Page<ExportedUser>> {
        let pool_id = pool_id.unwrap_or_else(|| self.directory.pool_id());
        let (pool, _) = self.pool_for(caller, pool_id, &[VIEW_USERS, MANAGE_USERS]).await?;
        let query = UserQuery { search: None, kind: Some(UserKind::Account), page };
        let users = self.store.users(pool_id, &query).await?;
        let exported = |user: User| ExportedUser {
            username: portable_name(&pool.identifiers, &user).to_owned(),
            attributes: user.all_attributes(),
            // The secret of an authenticator application stays where it is.
            mfa: false,
            enabled: user.enabled,
        };
        Ok(Page { items: users.items.into_iter().map(exported).collect(), next: users.next })
    }

    /// The pool, open and as it is now, for a caller who may do what one of `permissions` allows in the home
    /// pool.
    async fn pool_for(
        &self,
        caller: &Caller,
        pool_id: &str,
        permissions: &[&str],
    ) -> Result<(Arc<LocalPool>, UserPool)> {
        if self.is_home(pool_id) {
            caller.require_any(permissions)?;
        } else {
            caller.require(MANAGE_POOLS)?;
        }
        Ok((self.user_pool(pool_id).await?, self.known_pool(pool_id).await?))
    }

    fn imported_account(
        &self,
        pool_id: &str,
        settings: &UserPoolSettings,
        imported: &ImportedUser,
    ) -> Result<ImportedAccount> {
        let mut attributes = imported.attributes.clone();
        if let Some(birthdate) = attributes.get_mut("birthdate") {
            *birthdate = with_year_first(birthdate).unwrap_or_else(|| std::mem::take(birthdate));
        }
        // Amazon's columns ask about both addresses, of who has but one as well.
        for address in ["email", "phone_number"] {
            let flag = format!("{address}_verified");
            if attributes.get(&flag).is_some_and(|value| value.eq_ignore_ascii_case("false"))
                && !attributes.contains_key(address)
            {
                attributes.remove(&flag);
            }
        }
        let new = NewUser { username: imported.username.clone(), attributes, ..NewUser::default() };
        let mut user = self.account_in(pool_id, settings, &new, Occasion::Creation)?;
        if let Some(hash) = &imported.password_hash {
            check_imported_hash(hash.expose())?;
            user.status = UserStatus::Confirmed;
        } else if user.email_verified || user.phone_verified {
            user.status = UserStatus::ResetRequired;
        } else {
            return Err(Error::invalid(
                "attributes",
                "Without a password hash, email_verified or phone_number_verified must be TRUE: a password is \
                 set by a code that is sent there.",
            ));
        }
        if imported.mfa && settings.mfa != MfaMode::On {
            return Err(Error::invalid(
                "mfa_enabled",
                "A second factor can't be imported: set cognito:mfa_enabled to FALSE; who wants one sets it up \
                 after signing in.",
            ));
        }
        Ok(ImportedAccount { user, password_hash: imported.password_hash.clone() })
    }

    /// What those may do who have any of the addresses that these users would have proven, where it counts.
    async fn rights_at_addresses_of(
        &self,
        pool: &LocalPool,
        users: &[&User],
    ) -> Result<HashMap<String, PermissionSet>> {
        if !self.is_home(pool.id()) {
            return Ok(HashMap::new());
        }
        let addresses = users.iter().flat_map(|user| proven_addresses(&pool.identifiers, user)).collect();
        self.store.rights_at_addresses(pool.id(), &addresses).await
    }
}

fn users(accounts: &[(usize, ImportedAccount)]) -> Vec<&User> {
    accounts.iter().map(|(_, account)| &account.user).collect()
}

/// Those that can be made; what became of the others enters `results`.
fn vacant(
    accounts: Vec<(usize, ImportedAccount)>,
    vacancies: Vec<Vacancy>,
    results: &mut BTreeMap<usize, Result<Imported>>,
) -> Vec<(usize, ImportedAccount)> {
    let mut vacant = Vec::with_capacity(accounts.len());
    for ((index, account), vacancy) in accounts.into_iter().zip(vacancies) {
        match vacancy {
            Ok(true) => vacant.push((index, account)),
            Ok(false) => drop(results.insert(index, Ok(Imported::Exists))),
            Err(error) => drop(results.insert(index, Err(error))),
        }
    }
    vacant
}

/// Lets the caller through only when they hold every right of whoever has one of the addresses that the user
/// would have proven: an application may go by them.
fn require_over(
    caller: &Caller,
    identifiers: &Identifiers,
    user: &User,
    rights: &HashMap<String, PermissionSet>,
) -> Result<()> {
    proven_addresses(identifiers, user)
        .filter_map(|address| rights.get(&address))
        .try_for_each(|rights| caller.require_all_of(rights))
}

fn proven_addresses(identifiers: &Identifiers, user: &User) -> impl Iterator<Item = String> {
    ["email", "phone_number"].into_iter().filter_map(|name| match user.attribute(name) {
        Some((address, true)) => Some(identifiers.key(address)),
        _ => None,
    })
}

/// What an import is to be told for the user's name: where users are known by an address, that, for the name
/// of each pool's own making is nothing to another.
fn portable_name<'a>(identifiers: &Identifiers, user: &'a User) -> &'a str {
    let address = |name: &String| user.attribute(name).map(|(address, _)| address);
    identifiers.username_attributes.iter().find_map(address).unwrap_or(&user.username)
}

/// `02/01/1985`, as the files of Amazon's have the month, the day and the year, in the order of ISO 8601.
fn with_year_first(date: &str) -> Option<String> {
    let [month, day, year] = date.split('/').collect::<Vec<_>>().try_into().ok()?;
    (month.len() == 2 && day.len() == 2 && year.len() == 4).then(|| format!("{year}-{month}-{day}"))
}
