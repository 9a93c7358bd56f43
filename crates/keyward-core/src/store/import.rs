//! Many accounts at once: which of them can be made, and making them.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::QueryBuilder;
use uuid::Uuid;

use super::role::permissions;
use super::user::{aliases, searched, user_exists, value_key};
use super::{Store, TAKE_TURN, read, record, unless_taken, write};
use crate::audit::Change;
use crate::error::{Error, Result, Thing};
use crate::permission::{Permission, PermissionSet};
use crate::secret::Secret;
use crate::user::{User, UserStatus};
use crate::user_pool::Identifiers;

/// How many rows one statement inserts. Each statement costs a walk to the database's thread or server and
/// back; SQLite takes 32,766 parameters, PostgreSQL 65,535.
const ROWS_AT_ONCE: usize = 100;

/// Whether an account can be made: `true` when nobody is in its way, `false` when it is there already; what
/// else is in its way.
pub(crate) type Vacancy = Result<bool>;

/// Who is in the way of accounts to be made.
#[derive(Default)]
struct Occupied {
    /// The kinds of those who have a name.
    names: HashMap<String, String>,
    ids: HashSet<String>,
    /// By value as it is looked up: whose attribute it is, and whether it is proven there.
    addresses: HashMap<String, Vec<(String, bool)>>,
}

/// Reads who is in the way of `$users` in the pool, with `$connection`. None of these texts comes again.
macro_rules! occupied {
    ($connection:ident, $pool_id:expr, $identifiers:expr, $users:expr) => {{
        let mut occupied = Occupied::default();
        let key = |user: &User| $identifiers.key(&user.username);
        let mut query = QueryBuilder::new("SELECT username_key, kind FROM users WHERE pool_id = ");
        query.push_bind($pool_id).push(" AND username_key IN (");
        let mut names = query.separated(", ");
        for user in $users {
            names.push_bind(key(user));
        }
        query.push(")");
        let rows: Vec<(String, String)> =
            query.build_query_as().persistent(false).fetch_all(&mut *$connection).await?;
        occupied.names = rows.into_iter().collect();

        let like_ids: Vec<String> = $users
            .iter()
            .filter(|user| user.username != user.id)
            .map(|user| key(user))
            .filter(|key| Uuid::try_parse(key).is_ok())
            .collect();
        if !like_ids.is_empty() {
            let mut query = QueryBuilder::new("SELECT id FROM users WHERE id IN (");
            let mut ids = query.separated(", ");
            for id in like_ids {
                ids.push_bind(id);
            }
            query.push(")");
            let rows: Vec<(String,)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$connection).await?;
            occupied.ids = rows.into_iter().map(|(id,)| id).collect();
        }

        let addresses: HashSet<String> = $users
            .iter()
            .flat_map(|user| aliases($identifiers, user))
            .map(|(_, value_key, _)| value_key)
            .collect();
        if !addresses.is_empty() {
            let mut query = QueryBuilder::new(
                "SELECT a.name, a.value_key, CASE a.name WHEN 'email' THEN o.email_verified \
                 WHEN 'phone_number' THEN o.phone_verified ELSE TRUE END \
                 FROM user_attributes a JOIN users o ON o.id = a.user_id WHERE a.pool_id = ",
            );
            query.push_bind($pool_id);
            query.push(
                " AND a.name IN ('email', 'phone_number', 'preferred_username', 'username') \
                 AND a.value_key IN (",
            );
            let mut values = query.separated(", ");
            for address in addresses {
                values.push_bind(address);
            }
            query.push(")");
            let rows: Vec<(String, String, bool)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$connection).await?;
            for (name, value_key, is_proven) in rows {
                occupied.addresses.entry(value_key).or_default().push((name, is_proven));
            }
        }
        occupied
    }};
}

/// An account to be made.
#[derive(Debug)]
pub(crate) struct ImportedAccount {
    pub user: User,
    /// Of a password that was never here.
    pub password_hash: Option<Secret>,
}

impl Occupied {
    /// Whether each of the users can be made, beside those before it.
    fn vacancies(mut self, identifiers: &Identifiers, users: &[&User]) -> Vec<Vacancy> {
        users
            .iter()
            .map(|user| {
                let vacancy = self.vacancy(identifiers, user);
                if let Ok(true) = vacancy {
                    self.add(identifiers, user);
                }
                vacancy
            })
            .collect()
    }

    fn vacancy(&self, identifiers: &Identifiers, user: &User) -> Vacancy {
        let key = identifiers.key(&user.username);
        match self.names.get(&key).map(String::as_str) {
            Some("account") => return Ok(false),
            Some(_) => {
                return Err(Error::already_exists(Thing::User, "A program user has this name already."));
            }
            None if self.ids.contains(&key) => return Err(user_exists(user.status)),
            None => (),
        }
        for (name, value_key, must_be_proven) in aliases(identifiers, user) {
            let is_held = self.addresses.get(&value_key).into_iter().flatten().any(|(held, is_proven)| {
                let stands_for = held == name || (name == "preferred_username" && held == "username");
                stands_for && (*is_proven || !must_be_proven)
            });
            if is_held && !must_be_proven {
                return Ok(false);
            }
            if is_held {
                let message = format!("An account with the given {name} already exists.");
                return Err(Error::already_exists(Thing::Alias, message));
            }
        }
        Ok(true)
    }

    fn add(&mut self, identifiers: &Identifiers, user: &User) {
        self.names.insert(identifiers.key(&user.username), user.kind.as_str().to_owned());
        if identifiers.username_attributes.is_empty() && identifiers.alias_attributes.is_empty() {
            return;
        }
        for (name, value_key) in searched(identifiers, user) {
            let is_proven = user.attribute(name).is_none_or(|(_, is_proven)| is_proven);
            self.addresses.entry(value_key).or_default().push((name.to_owned(), is_proven));
        }
    }
}

impl Store {
    /// Whether each of these users can be made in the pool, beside those before it.
    pub(crate) async fn vacancies(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        users: &[&User],
    ) -> Result<Vec<Vacancy>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        read!(self, connection => {
            Ok(occupied!(connection, pool_id, identifiers, users).vacancies(identifiers, users))
        })
    }

    /// What those may do who have any of these addresses, as they are looked up, or whose name one is; by
    /// address.
    pub(crate) async fn rights_at_addresses(
        &self,
        pool_id: &str,
        addresses: &BTreeSet<String>,
    ) -> Result<HashMap<String, PermissionSet>> {
        if addresses.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, String)> = read!(self, connection => {
            let mut query = QueryBuilder::new(
                "SELECT o.held, r.permissions FROM roles r JOIN assignments a ON a.role_id = r.id JOIN ( \
                 SELECT id, username_key AS held FROM users WHERE pool_id = ",
            );
            query.push_bind(pool_id).push(" AND username_key IN (");
            let mut names = query.separated(", ");
            for address in addresses {
                names.push_bind(address.as_str());
            }
            query.push(
                ") UNION SELECT user_id, value_key FROM user_attributes \
                 WHERE name IN ('email', 'phone_number') AND pool_id = ",
            );
            query.push_bind(pool_id).push(" AND value_key IN (");
            let mut values = query.separated(", ");
            for address in addresses {
                values.push_bind(value_key(address));
            }
            query.push(")) o ON o.id = a.user_id");
            query.build_query_as().persistent(false).fetch_all(connection).await?
        });
        // An address is none of its own digits, so it is one of either by which somebody was found.
        let by_digits: HashMap<String, &String> =
            addresses.iter().map(|address| (value_key(address), address)).collect();
        let mut rights: HashMap<String, Vec<Permission>> = HashMap::new();
        for (held, json) in rows {
            let address = by_digits.get(&held).map_or(held, |address| (*address).clone());
            rights.entry(address).or_default().extend(permissions(&json));
        }
        Ok(rights.into_iter().map(|(address, rights)| (address, rights.into_iter().collect())).collect())
    }

    /// Makes of these accounts those that can be made, in one transaction, and nothing of the others; `change`
    /// is asked for what goes with so many.
    pub(crate) async fn insert_accounts(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        accounts: &[(usize, ImportedAccount)],
        change: impl FnOnce(&[&ImportedAccount]) -> Change,
    ) -> Result<Vec<Vacancy>> {
        let users: Vec<&User> = accounts.iter().map(|(_, account)| &account.user).collect();
        // They have no roles, so nobody's rights change; but they must not get in each other's way.
        write!(self, transaction => {
            sqlx::query(TAKE_TURN).execute(&mut *transaction).await?;
            let occupied = occupied!(transaction, pool_id, identifiers, &users);
            let vacancies = occupied.vacancies(identifiers, &users);
            let vacant: Vec<&ImportedAccount> = accounts
                .iter()
                .zip(&vacancies)
                .filter_map(|((_, account), vacancy)| matches!(vacancy, Ok(true)).then_some(account))
                .collect();
            if vacant.is_empty() {
                return Ok(vacancies);
            }
            for accounts in vacant.chunks(ROWS_AT_ONCE) {
                let rows = accounts
                    .iter()
                    .map(|account| {
                        let attributes = serde_json::to_string(&account.user.attributes);
                        Ok((*account, attributes.map_err(Error::internal)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                let mut query = QueryBuilder::new(
                    "INSERT INTO users (id, pool_id, username, username_key, kind, status, enabled, email, \
                     email_key, email_verified, phone, phone_verified, attributes, password_hash, \
                     temporary_until_ms, srp_verifier, totp_enabled, totp_last_step, created_at_ms, \
                     updated_at_ms, version) ",
                );
                query.push_values(&rows, |mut row, (ImportedAccount { user, password_hash }, attributes)| {
                    row.push_bind(user.id.as_str())
                        .push_bind(pool_id)
                        .push_bind(user.username.as_str())
                        .push_bind(identifiers.key(&user.username))
                        .push_bind(user.kind.as_str())
                        .push_bind(user.status.as_str())
                        .push_bind(user.enabled)
                        .push_bind(user.email.as_deref())
                        .push_bind(user.email.as_deref().map(str::to_lowercase))
                        .push_bind(user.email_verified)
                        .push_bind(user.phone.as_deref())
                        .push_bind(user.phone_verified)
                        .push_bind(attributes.as_str())
                        .push_bind(password_hash.as_ref().map(Secret::expose))
                        .push("NULL, NULL, FALSE, 0")
                        .push_bind(user.created_at_ms)
                        .push_bind(user.updated_at_ms)
                        .push_bind(user.version);
                });
                // Only whole pieces have a text that comes again.
                let is_whole = accounts.len() == ROWS_AT_ONCE;
                let inserted = query.build().persistent(is_whole).execute(&mut *transaction).await;
                unless_taken(inserted, || user_exists(UserStatus::Confirmed))?;
            }
            let searched: Vec<_> = vacant
                .iter()
                .flat_map(|account| {
                    let user = &account.user;
                    searched(identifiers, user).into_iter().map(|(name, key)| (user.id.as_str(), name, key))
                })
                .collect();
            for rows in searched.chunks(ROWS_AT_ONCE) {
                let mut query =
                    QueryBuilder::new("INSERT INTO user_attributes (pool_id, name, value_key, user_id) ");
                query.push_values(rows, |mut row, (user_id, name, value_key)| {
                    row.push_bind(pool_id).push_bind(*name).push_bind(value_key.as_str()).push_bind(*user_id);
                });
                let is_whole = rows.len() == ROWS_AT_ONCE;
                query.build().persistent(is_whole).execute(&mut *transaction).await?;
            }
            let change = change(&vacant);
            record!(transaction, &change);
            Ok(vacancies)
        })
    }
}
