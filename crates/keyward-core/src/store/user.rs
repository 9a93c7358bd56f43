//! Users' rows: accounts of the pools, and program users beside them.

use std::collections::BTreeSet;

use super::role::{insert_assignments, permissions, replace_assignments};
use super::{Store, one_row, read, record, rows, unless_taken, write, write_keeping_an_admin, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result, Thing};
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::token::TokenGroup;
use crate::page::{Cursor, Page};
use crate::permission::Permission;
use crate::test_user::SWITCH;
use crate::user::filter::UserFilter;
use crate::user::{User, UserKind, UserQuery, UserStatus};
use crate::user_pool::Identifiers;

/// The attributes that users are found by, beside their names.
pub(crate) const SEARCHABLE: [&str; 6] =
    ["email", "phone_number", "name", "given_name", "family_name", "preferred_username"];

/// How much of a value is indexed. PostgreSQL takes 2704 bytes into an index, and a filter has 256 characters,
/// which are 1024 bytes at most.
const INDEXED_BYTES: usize = 1024;

rows! {
    pub(super) struct UserRow {
        id: String, username: String, username_key: String, kind: String, status: String, enabled: bool,
        email: Option<String>, email_verified: bool, phone: Option<String>, phone_verified: bool,
        attributes: String, is_test: bool, totp_enabled: bool, mfa_preference: Option<String>, created_at_ms: i64, updated_at_ms: i64, version: i64,
        roles: Option<String>,
    }
}

rows! {
    struct AccountRow {
        pool_id: String, password_hash: Option<String>, temporary_until_ms: Option<i64>,
        srp_verifier: Option<String>, totp_secret: Option<String>, totp_pending: Option<String>,
        roles: Option<String>,
    }
}

/// Ends all sessions of a user, within a transaction.
macro_rules! end_sessions {
    ($transaction:expr, $user_id:expr, $now_ms:expr) => {
        sqlx::query("UPDATE sessions SET revoked_at_ms = $2 WHERE user_id = $1 AND revoked_at_ms IS NULL")
            .bind($user_id)
            .bind($now_ms)
            .execute(&mut *$transaction)
            .await?
    };
}
pub(super) use end_sessions;

/// The same, but for the session with the id `$kept`.
macro_rules! end_other_sessions {
    ($transaction:expr, $user_id:expr, $now_ms:expr, $kept:expr) => {
        sqlx::query(
            "UPDATE sessions SET revoked_at_ms = $2 \
             WHERE user_id = $1 AND revoked_at_ms IS NULL AND id <> $3",
        )
        .bind($user_id)
        .bind($now_ms)
        .bind($kept)
        .execute(&mut *$transaction)
        .await?
    };
}

/// Gives the account of this version a password and a status, within a transaction.
macro_rules! write_password {
    ($transaction:expr, $user:expr, $version:expr, $password:expr) => {{
        let (user, password): (&User, &PasswordRecord) = ($user, $password);
        if password.remembered > 0 {
            sqlx::query(
                "INSERT INTO past_passwords (user_id, version, hash) \
                 SELECT id, version, password_hash FROM users WHERE id = $1 AND password_hash IS NOT NULL",
            )
            .bind(user.id.as_str())
            .execute(&mut *$transaction)
            .await?;
        }
        sqlx::query(
            "DELETE FROM past_passwords WHERE user_id = $1 AND version NOT IN \
             (SELECT version FROM past_passwords WHERE user_id = $1 ORDER BY version DESC LIMIT $2)",
        )
        .bind(user.id.as_str())
        .bind(password.remembered)
        .execute(&mut *$transaction)
        .await?;
        let updated = sqlx::query(
            "UPDATE users SET status = $3, password_hash = $4, temporary_until_ms = $5, srp_verifier = $6, \
             updated_at_ms = $7, version = version + 1 WHERE id = $1 AND version = $2",
        )
        .bind(user.id.as_str())
        .bind($version)
        .bind(user.status.as_str())
        .bind(password.hash.as_str())
        .bind(password.temporary_until_ms)
        .bind(password.srp_verifier.as_deref())
        .bind(user.updated_at_ms)
        .execute(&mut *$transaction)
        .await?;
        one_row(updated.rows_affected())?;
    }};
}

/// Deletes these users, each with its event, within a transaction.
macro_rules! delete_each {
    ($transaction:expr, $users:expr) => {
        for (user, change) in $users {
            let deleted = sqlx::query("DELETE FROM users WHERE id = $1 AND version = $2")
                .bind(user.id.as_str())
                .bind(user.version)
                .execute(&mut *$transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!($transaction, change);
        }
    };
}

/// Enters what the user is found by, within a transaction.
macro_rules! index_attributes {
    ($transaction:expr, $pool_id:expr, $identifiers:expr, $user:expr) => {
        let found_by = searched($identifiers, $user);
        if !found_by.is_empty() {
            let insert = "INSERT INTO user_attributes (pool_id, name, value_key, user_id) ";
            let mut query = sqlx::QueryBuilder::new(insert);
            query.push_values(&found_by, |mut row, (name, value_key)| {
                row.push_bind($pool_id).push_bind(*name).push_bind(value_key.as_str());
                row.push_bind($user.id.as_str());
            });
            query.build().execute(&mut *$transaction).await?;
        }
    };
}

pub(super) use index_attributes;

/// Refuses to make a test user once they are switched off, within a transaction that changes rights: whoever secures
/// production at the same time comes before or after it.
macro_rules! require_test_users {
    ($transaction:expr) => {
        let off: Option<(String,)> = sqlx::query_as("SELECT value FROM settings WHERE name = $1")
            .bind($crate::test_user::SWITCH)
            .fetch_optional(&mut *$transaction)
            .await?;
        if off.is_some() {
            return Err($crate::test_user::switched_off());
        }
    };
}
pub(super) use require_test_users;

/// Makes sure that no name leads to two users, within a transaction: what stands for the user's name stands
/// for nobody else's. With `$takes_aliases`, a proven address is taken from whoever has it.
macro_rules! claim_aliases {
    ($transaction:expr, $pool_id:expr, $identifiers:expr, $user:expr, $takes_aliases:expr, $is_new:expr) => {
        for (name, value_key, must_be_proven) in aliases($identifiers, $user) {
            let holder: Option<(String,)> = sqlx::query_as(
                "SELECT o.id FROM user_attributes a JOIN users o ON o.id = a.user_id \
                 WHERE a.pool_id = $1 AND (a.name = $2 OR ($2 = 'preferred_username' AND a.name = 'username')) \
                 AND a.value_key = $3 AND o.id <> $4 AND (NOT $5 OR CASE a.name \
                 WHEN 'email' THEN o.email_verified WHEN 'phone_number' THEN o.phone_verified ELSE TRUE END)",
            )
            .bind($pool_id)
            .bind(name)
            .bind(value_key)
            .bind($user.id.as_str())
            .bind(must_be_proven)
            .fetch_optional(&mut *$transaction)
            .await?;
            let Some((holder,)) = holder else { continue };
            if !must_be_proven || !$takes_aliases || name == "preferred_username" {
                let message = format!("An account with the given {name} already exists.");
                let is_name = !must_be_proven && $is_new;
                let thing = if is_name { Thing::User } else { Thing::Alias };
                return Err(Error::already_exists(thing, message));
            }
            sqlx::query(
                "UPDATE users SET email_verified = email_verified AND $2 <> 'email', \
                 phone_verified = phone_verified AND $2 <> 'phone_number', updated_at_ms = $3, \
                 version = version + 1 WHERE id = $1",
            )
            .bind(holder)
            .bind(name)
            .bind($user.updated_at_ms)
            .execute(&mut *$transaction)
            .await?;
        }
    };
}

pub(super) use claim_aliases;

/// Enters anew what the user is found by, within a transaction.
macro_rules! index_anew {
    ($transaction:expr, $pool_id:expr, $identifiers:expr, $user:expr, $takes_aliases:expr) => {
        sqlx::query("DELETE FROM user_attributes WHERE user_id = $1")
            .bind($user.id.as_str())
            .execute(&mut *$transaction)
            .await?;
        claim_aliases!($transaction, $pool_id, $identifiers, $user, $takes_aliases, false);
        index_attributes!($transaction, $pool_id, $identifiers, $user);
    };
}

/// What stands for the user's name: names of attributes, the values as they are looked up, and whether only
/// a proven one of another user would stand for theirs.
pub(super) fn aliases(identifiers: &Identifiers, user: &User) -> Vec<(&'static str, String, bool)> {
    let is_in = |names: &[String], name: &str| names.iter().any(|one| one == name);
    let key = |value: &str| value_key(&identifiers.key(value));
    let name = is_in(&identifiers.alias_attributes, "preferred_username")
        .then(|| ("preferred_username", key(&user.username), true));
    SEARCHABLE
        .into_iter()
        .filter_map(|name| {
            let (value, is_proven) = user.attribute(name)?;
            let is_name = is_in(&identifiers.username_attributes, name);
            let is_alias = is_in(&identifiers.alias_attributes, name) && is_proven;
            (is_name || is_alias).then(|| (name, key(value), !is_name))
        })
        .chain(name)
        .collect()
}

/// What an account is found by: names of attributes, and the values as they are looked up. Program users have
/// names alone, which their rows are found by.
pub(super) fn searched(identifiers: &Identifiers, user: &User) -> Vec<(&'static str, String)> {
    if user.kind == UserKind::Program {
        return Vec::new();
    }
    let attributes = SEARCHABLE.into_iter().filter_map(|name| Some((name, user.attribute(name)?.0)));
    let names = [("username", user.username.as_str()), ("sub", user.id.as_str())];
    attributes.chain(names).map(|(name, value)| (name, value_key(&identifiers.key(value)))).collect()
}

/// How a value is looked up, in hexadecimal digits. What is too long for an index is cut off, with a mark that
/// no digit is: what is searched for is shorter, so that it never seems to be all of one that was cut.
pub(super) fn value_key(value: &str) -> String {
    let bytes = value.as_bytes();
    match bytes.split_at_checked(INDEXED_BYTES) {
        Some((indexed, rest)) if !rest.is_empty() => crate::hex(indexed) + "x",
        _ => crate::hex(bytes),
    }
}

/// What a user row is read from; `$1` onwards are the condition's.
macro_rules! select_users {
    ($rest:literal) => {
        $crate::store::user::select_users!(and "", $rest)
    };
    (and $columns:literal, $rest:literal) => {
        concat!(
            "SELECT u.id, u.username, u.username_key, u.kind, u.status, u.enabled, u.email, ",
            "u.email_verified, u.phone, u.phone_verified, u.attributes, u.is_test, u.totp_enabled, ",
            "u.mfa_preference, u.created_at_ms, u.updated_at_ms, ",
            "u.version, u.pool_id, u.password_hash, u.temporary_until_ms, u.srp_verifier, u.totp_secret, ",
            "u.totp_pending, ",
            "(SELECT string_agg(r.name || '\t' || COALESCE(CAST(r.precedence AS TEXT), '') || '\t' || ",
            "COALESCE(r.iam_role, ''), '\n') FROM assignments a JOIN roles r ON r.id = a.role_id ",
            "WHERE a.user_id = u.id) AS roles",
            $columns,
            " FROM users u ",
            $rest
        )
    };
}
pub(super) use select_users;

/// The names in what `string_agg` gave, sorted. No role's name has a line break or a tab in it.
pub(super) fn role_names(aggregated: &str) -> Vec<String> {
    let names = aggregated.split('\n').filter_map(|role| role.split('\t').next());
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The same as tokens tell of them.
fn token_groups(aggregated: &str) -> Vec<TokenGroup> {
    let group = |line: &str| {
        let mut parts = line.split('\t');
        let (name, precedence, iam_role) = (parts.next()?, parts.next()?, parts.next()?);
        Some(TokenGroup {
            name: name.to_owned(),
            precedence: precedence.parse().ok(),
            iam_role: (!iam_role.is_empty()).then(|| iam_role.to_owned()),
        })
    };
    aggregated.split('\n').filter_map(group).collect()
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let preference = row.mfa_preference.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mfa_preference =
            MfaPreference { software_token: row.totp_enabled, ..preference.unwrap_or_default() };
        Self {
            id: row.id,
            username: row.username,
            kind: if row.kind == "program" { UserKind::Program } else { UserKind::Account },
            status: UserStatus::parse(&row.status),
            enabled: row.enabled,
            email: row.email,
            email_verified: row.email_verified,
            phone: row.phone,
            phone_verified: row.phone_verified,
            attributes: serde_json::from_str(&row.attributes).unwrap_or_default(),
            is_test: row.is_test,
            mfa: mfa_preference.enabled().next().is_some(),
            mfa_preference,
            roles: role_names(row.roles.as_deref().unwrap_or_default()),
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            version: row.version,
        }
    }
}

/// An account with what signing in needs to know.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The user's groups.
    pub groups: Vec<TokenGroup>,
    /// The pool that the account is in.
    pub pool_id: String,
    /// The password, hashed and as an SRP verifier; none for whoever has no password.
    pub password: Option<PasswordRecord>,
    /// The secret of the software token, sealed.
    pub totp_secret: Option<String>,
    /// The secret, sealed, of a software token that isn't proven yet.
    pub totp_pending: Option<String>,
}

/// A password as it is stored.
#[derive(Debug, Clone)]
pub struct PasswordRecord {
    /// How many of those before it are to be kept.
    pub remembered: i64,
    /// Argon2id, in PHC form; of who was imported bcrypt too, until they first sign in.
    pub hash: String,
    /// Until when a temporary one is good; milliseconds since the epoch, UTC.
    pub temporary_until_ms: Option<i64>,
    /// The SRP verifier with its salt, sealed; none where the password was never here, but only its hash.
    pub srp_verifier: Option<String>,
}

/// A password that somebody is given, of the version of the user that was read.
#[derive(Debug)]
pub(crate) struct PasswordReset {
    pub(crate) user: User,
    pub(crate) password: PasswordRecord,
    pub(crate) change: Change,
}

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// The user.
    pub user: &'a User,
    /// The pool to make it in.
    pub pool_id: &'a str,
    /// How that pool looks names up.
    pub identifiers: &'a Identifiers,
    /// Its password; none for a program user.
    pub password: Option<&'a PasswordRecord>,
    /// Whether an address that stands for another user's name is taken from them.
    pub takes_aliases: bool,
    /// The ids of the roles to have from the start.
    pub role_ids: &'a [String],
    /// The name of who makes it.
    pub created_by: &'a str,
}

impl From<(UserRow, AccountRow)> for Account {
    fn from((user, row): (UserRow, AccountRow)) -> Self {
        let password = row.password_hash.map(|hash| PasswordRecord {
            remembered: 0,
            hash,
            temporary_until_ms: row.temporary_until_ms,
            srp_verifier: row.srp_verifier,
        });
        Self {
            user: user.into(),
            groups: token_groups(row.roles.as_deref().unwrap_or_default()),
            pool_id: row.pool_id,
            password,
            totp_secret: row.totp_secret,
            totp_pending: row.totp_pending,
        }
    }
}

/// Both parts of one row.
pub(super) struct FullRow(UserRow, AccountRow);

impl From<FullRow> for Account {
    fn from(FullRow(user, row): FullRow) -> Self {
        (user, row).into()
    }
}

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for FullRow
where
    UserRow: sqlx::FromRow<'r, R>,
    AccountRow: sqlx::FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self(UserRow::from_row(row)?, AccountRow::from_row(row)?))
    }
}

/// What users are put into by an index.
#[derive(Debug, Clone, Copy)]
enum Class {
    Status(UserStatus),
    Enabled(bool),
}

/// The error for a username that somebody has; as Amazon, in other words to who signs up.
pub(super) fn user_exists(new: UserStatus) -> Error {
    let is_signing_up = new == UserStatus::Unconfirmed;
    let message = if is_signing_up { "User already exists" } else { "User account already exists" };
    Error::already_exists(Thing::User, message)
}

impl Store {
    /// The users of the pool that fit, by name.
    pub async fn users(&self, pool_id: &str, query: &UserQuery) -> Result<Page<User>> {
        let search = query.search.as_deref().map(str::to_lowercase).unwrap_or_default();
        let rows: Vec<UserRow> = read!(self, connection => {
            sqlx::query_as(select_users!(
                "WHERE u.pool_id = $1 AND u.username_key > $2 AND (CAST($3 AS TEXT) IS NULL OR u.kind = $3) \
                 AND (substr(u.username_key, 1, length($4)) = $4 \
                    OR substr(u.email_key, 1, length($4)) = $4) ORDER BY u.username_key LIMIT $5"
            ))
            .bind(pool_id)
            .bind(query.page.after())
            .bind(query.kind.map(UserKind::as_str))
            .bind(search.as_str())
            .bind(query.page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        let page = query.page.page(rows, |row| &row.username_key);
        Ok(Page { items: page.items.into_iter().map(User::from).collect(), next: page.next })
    }

    /// The accounts of the pool that fit, each page found by an index.
    pub(crate) async fn search_users(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        filter: &UserFilter,
        page: &Cursor,
    ) -> Result<Page<User>> {
        let rows = match filter {
            UserFilter::Attribute { name, value, is_prefix } => {
                let least = value_key(&identifiers.key(value));
                // Behind all that begins with it, or behind itself alone.
                let end = least.clone() + if *is_prefix { "y" } else { "0" };
                let users = self.users_with(pool_id, name, (least, end), page).await?;
                let key = |user: &User| {
                    let value = match *name {
                        "username" => user.username.as_str(),
                        "sub" => &user.id,
                        name => user.attribute(name).map_or("", |(value, _)| value),
                    };
                    format!("{}/{}", value_key(&identifiers.key(value)), user.id)
                };
                users.into_iter().map(|user| (key(&user), user)).collect()
            }
            UserFilter::Status(statuses) => {
                let statuses = statuses.iter().map(|status| (status.as_str(), Class::Status(*status)));
                self.users_of(pool_id, statuses.collect(), page).await?
            }
            UserFilter::Enabled(both) => {
                let both = both.iter().map(|is| (if *is { "1" } else { "0" }, Class::Enabled(*is)));
                self.users_of(pool_id, both.collect(), page).await?
            }
        };
        let page = page.page(rows, |(key, _)| key);
        Ok(Page { items: page.items.into_iter().map(|(_, user)| user).collect(), next: page.next })
    }

    /// The accounts of the pool in these classes, one class after the other by their words, by name in each;
    /// with what each is sorted by.
    async fn users_of(
        &self,
        pool_id: &str,
        classes: Vec<(&str, Class)>,
        page: &Cursor,
    ) -> Result<Vec<(String, User)>> {
        let (first, name) = page.after().split_once('/').unwrap_or_default();
        let mut users = Vec::new();
        for (word, class) in classes.into_iter().filter(|(word, _)| *word >= first) {
            let after = if word == first { name } else { "" };
            let missing = page.limit_and_one() - i64::try_from(users.len()).unwrap_or(i64::MAX);
            let rows: Vec<UserRow> = read!(self, connection => {
                let query = match class {
                    Class::Status(status) => sqlx::query_as(select_users!(
                        "WHERE u.pool_id = $1 AND u.username_key > $2 AND u.status = $4 AND u.kind = 'account' \
                         ORDER BY u.username_key LIMIT $3"
                    )).bind(pool_id).bind(after).bind(missing).bind(status.as_str()),
                    Class::Enabled(enabled) => sqlx::query_as(select_users!(
                        "WHERE u.pool_id = $1 AND u.username_key > $2 AND u.enabled = $4 AND u.kind = 'account' \
                         ORDER BY u.username_key LIMIT $3"
                    )).bind(pool_id).bind(after).bind(missing).bind(enabled),
                };
                query.fetch_all(connection).await?
            });
            users.extend(rows.into_iter().map(|row| (format!("{word}/{}", row.username_key), row.into())));
        }
        Ok(users)
    }

    /// The accounts of the pool whose attribute's value, as it is looked up, is in the range, by value and id.
    async fn users_with(
        &self,
        pool_id: &str,
        attribute: &str,
        (mut least, end): (String, String),
        page: &Cursor,
    ) -> Result<Vec<User>> {
        let mut rows: Vec<UserRow> = Vec::new();
        // Those who have the value that the page before ended with first: no index finds them among the others.
        if let Some((value, user_id)) = page.after().split_once('/') {
            rows = read!(self, connection => {
                sqlx::query_as(select_users!(
                    "JOIN (SELECT a.user_id FROM user_attributes a WHERE a.pool_id = $1 AND a.name = $2 \
                     AND a.value_key = $3 AND a.user_id > $4 ORDER BY a.user_id LIMIT $5) f \
                     ON f.user_id = u.id ORDER BY f.user_id"
                ))
                .bind(pool_id)
                .bind(attribute)
                .bind(value)
                .bind(user_id)
                .bind(page.limit_and_one())
                .fetch_all(connection)
                .await?
            });
            least = value.to_owned() + "0";
        }
        let missing = page.limit_and_one() - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let others: Vec<UserRow> = read!(self, connection => {
            sqlx::query_as(select_users!(
                "JOIN (SELECT a.user_id, a.value_key FROM user_attributes a WHERE a.pool_id = $1 \
                 AND a.name = $2 AND a.value_key >= $3 AND a.value_key < $4 \
                 ORDER BY a.value_key, a.user_id LIMIT $5) f ON f.user_id = u.id \
                 ORDER BY f.value_key, f.user_id"
            ))
            .bind(pool_id)
            .bind(attribute)
            .bind(least)
            .bind(end)
            .bind(missing)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().chain(others).map(User::from).collect())
    }

    /// The accounts that have the role, in an order that stays. Written so that PostgreSQL begins with the
    /// role: left to itself, it goes through all users for a page of a large group.
    pub async fn members(&self, role_id: &str, page: &Cursor) -> Result<Page<User>> {
        let rows: Vec<UserRow> = read!(self, connection => {
            sqlx::query_as(select_users!(
                "JOIN (SELECT a.user_id FROM assignments a WHERE a.role_id = $1 AND a.user_id > $2 \
                 AND (SELECT o.kind FROM users o WHERE o.id = a.user_id) = 'account' \
                 ORDER BY a.user_id LIMIT $3) m ON m.user_id = u.id ORDER BY m.user_id"
            ))
            .bind(role_id)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        Ok(page.page(rows.into_iter().map(User::from).collect(), |user| &user.id))
    }

    /// The name of the account with a role that allows everything which was made first.
    pub(crate) async fn first_admin(&self, pool_id: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = read!(self, connection => {
            sqlx::query_as(
                "SELECT u.username FROM users u JOIN assignments a ON a.user_id = u.id \
                 JOIN roles r ON r.id = a.role_id WHERE u.kind = 'account' AND u.pool_id = $1 \
                 AND u.gone_at_ms IS NULL AND r.permissions LIKE '%\"*\"%' \
                 ORDER BY u.created_at_ms, u.id LIMIT 1",
            )
            .bind(pool_id)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(|(username,)| username))
    }

    /// The account of this name, as it is looked up, or id in the pool, or the program user.
    pub async fn account(&self, pool_id: &str, username_key: &str, id: &str) -> Result<Option<Account>> {
        if username_key.contains('\0') || id.contains('\0') {
            return Ok(None);
        }
        let row: Option<FullRow> = read!(self, connection => {
            sqlx::query_as(select_users!("WHERE u.pool_id = $1 AND (u.username_key = $2 OR u.id = $3)"))
                .bind(pool_id)
                .bind(username_key)
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(|FullRow(user, row)| (user, row).into()))
    }

    /// The account of the pool that has this value, as it is looked up, for one of the [`SEARCHABLE`]
    /// attributes; where it must be proven, only one that has proven it.
    pub(crate) async fn account_with(
        &self,
        pool_id: &str,
        attribute: &str,
        value_key: &str,
        must_be_proven: bool,
    ) -> Result<Option<Account>> {
        let row: Option<FullRow> = read!(self, connection => {
            sqlx::query_as(select_users!(
                "WHERE u.id = (SELECT a.user_id FROM user_attributes a JOIN users o ON o.id = a.user_id \
                 WHERE a.pool_id = $1 AND a.name = $2 AND a.value_key = $3 AND (NOT $4 OR \
                 CASE a.name WHEN 'email' THEN o.email_verified WHEN 'phone_number' THEN o.phone_verified \
                 ELSE TRUE END) ORDER BY o.created_at_ms, o.id LIMIT 1)"
            ))
            .bind(pool_id)
            .bind(attribute)
            .bind(self::value_key(value_key))
            .bind(must_be_proven)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(|FullRow(user, row)| (user, row).into()))
    }

    /// What they may do who have this address (`email`, `phone_number`), as it is looked up, or whose name it
    /// is; but for `user_id`.
    pub(crate) async fn rights_at_address(
        &self,
        pool_id: &str,
        attribute: &str,
        address_key: &str,
        user_id: &str,
    ) -> Result<Vec<Permission>> {
        let rows: Vec<(String,)> = read!(self, connection => {
            sqlx::query_as(
                "SELECT DISTINCT r.permissions FROM roles r JOIN assignments a ON a.role_id = r.id \
                 WHERE a.user_id <> $1 AND a.user_id IN ( \
                 SELECT id FROM users WHERE pool_id = $2 AND username_key = $4 UNION \
                 SELECT user_id FROM user_attributes WHERE pool_id = $2 AND name = $3 AND value_key = $5)",
            )
            .bind(user_id)
            .bind(pool_id)
            .bind(attribute)
            .bind(address_key)
            .bind(value_key(address_key))
            .fetch_all(connection)
            .await?
        });
        Ok(rows.iter().flat_map(|(json,)| permissions(json)).collect())
    }

    /// Makes the account with its roles.
    pub async fn insert_account(&self, new: NewAccount<'_>, change: &Change) -> Result<()> {
        let user = new.user;
        let attributes = serde_json::to_string(&user.attributes).map_err(Error::internal)?;
        write_rights!(self, transaction => {
            if user.is_test {
                require_test_users!(transaction);
            }
            // A user is asked for by name or by id: nobody's name may be another's id.
            let namesake: Option<(String,)> = sqlx::query_as("SELECT id FROM users WHERE id = $1")
                .bind(new.identifiers.key(&user.username))
                .fetch_optional(&mut *transaction)
                .await?;
            if namesake.is_some() {
                return Err(user_exists(user.status));
            }
            let inserted = sqlx::query(
                "INSERT INTO users (id, pool_id, username, username_key, kind, status, enabled, email, \
                 email_key, email_verified, phone, phone_verified, attributes, password_hash, \
                 temporary_until_ms, srp_verifier, totp_enabled, totp_last_step, created_at_ms, \
                 updated_at_ms, version, is_test) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, \
                 $18, $19, $20, $21)",
            )
            .bind(user.id.as_str())
            .bind(new.pool_id)
            .bind(user.username.as_str())
            .bind(new.identifiers.key(&user.username))
            .bind(user.kind.as_str())
            .bind(user.status.as_str())
            .bind(user.enabled)
            .bind(user.email.as_deref())
            .bind(user.email.as_deref().map(str::to_lowercase))
            .bind(user.email_verified)
            .bind(user.phone.as_deref())
            .bind(user.phone_verified)
            .bind(attributes.as_str())
            .bind(new.password.map(|password| password.hash.as_str()))
            .bind(new.password.and_then(|password| password.temporary_until_ms))
            .bind(new.password.and_then(|password| password.srp_verifier.as_deref()))
            .bind(user.mfa_preference.software_token)
            .bind(user.created_at_ms)
            .bind(user.updated_at_ms)
            .bind(user.version)
            .bind(user.is_test)
            .execute(&mut *transaction)
            .await;
            unless_taken(inserted, || user_exists(user.status))?;
            claim_aliases!(transaction, new.pool_id, new.identifiers, user, new.takes_aliases, true);
            index_attributes!(transaction, new.pool_id, new.identifiers, user);
            let (user_id, now_ms) = (user.id.as_str(), user.created_at_ms);
            insert_assignments!(transaction, user_id, new.role_ids, new.created_by, now_ms);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Writes attributes, enabled and status; `user.version` is the version that was read. Who is disabled, or
    /// needs a new password, has no session any more. With `takes_aliases`, a proven address that stands for
    /// another user's name is taken from them.
    pub async fn update_user(
        &self,
        identifiers: &Identifiers,
        user: &User,
        takes_aliases: bool,
        change: &Change,
    ) -> Result<()> {
        let attributes = serde_json::to_string(&user.attributes).map_err(Error::internal)?;
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            let updated: Option<(String,)> = sqlx::query_as(
                "UPDATE users SET email = $3, email_key = $4, email_verified = $5, phone = $6, enabled = $7, \
                 attributes = $8, updated_at_ms = $9, phone_verified = $10, status = $11, \
                 version = version + 1 \
                 WHERE id = $1 AND version = $2 RETURNING pool_id",
            )
            .bind(user.id.as_str())
            .bind(user.version)
            .bind(user.email.as_deref())
            .bind(user.email.as_deref().map(str::to_lowercase))
            .bind(user.email_verified)
            .bind(user.phone.as_deref())
            .bind(user.enabled)
            .bind(attributes.as_str())
            .bind(user.updated_at_ms)
            .bind(user.phone_verified)
            .bind(user.status.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
            one_row(u64::from(updated.is_some()))?;
            if let Some((pool_id,)) = &updated {
                index_anew!(transaction, pool_id.as_str(), identifiers, user, takes_aliases);
            }
            if !user.enabled || user.status == UserStatus::ResetRequired {
                end_sessions!(transaction, user.id.as_str(), user.updated_at_ms);
            }
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Deletes the user; sessions, assignments and keys go by the tables' own rules.
    pub async fn delete_user(&self, user: &User, now_ms: i64, change: &Change) -> Result<()> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            let deleted = sqlx::query("DELETE FROM users WHERE id = $1 AND version = $2")
                .bind(user.id.as_str())
                .bind(user.version)
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Deletes all of these users, each with its event, or none.
    pub(crate) async fn delete_users(&self, users: &[(User, Change)], now_ms: i64) -> Result<()> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            delete_each!(transaction, users);
            Ok::<(), Error>(())
        })
    }

    /// Gives the passwords and ends the sessions but for one, deletes users, and keeps test users from being
    /// made, or nothing: nothing, too, when a user of the pool has become a test user or has got a role with `*`
    /// whose id isn't among those of whom it was `planned`. Whether it was done.
    #[expect(clippy::too_many_arguments, reason = "one transaction")]
    pub(crate) async fn secure_production(
        &self,
        pool_id: &str,
        planned: &BTreeSet<&str>,
        resets: &[PasswordReset],
        deletions: &[(User, Change)],
        kept_session: &str,
        now_ms: i64,
        change: &Change,
    ) -> Result<bool> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            let found: Vec<(String,)> = sqlx::query_as(
                "SELECT u.id FROM users u WHERE u.pool_id = $1 AND u.kind = 'account' AND (u.is_test OR EXISTS \
                 (SELECT 1 FROM assignments a JOIN roles r ON r.id = a.role_id WHERE a.user_id = u.id \
                 AND r.permissions LIKE '%\"*\"%'))",
            )
            .bind(pool_id)
            .fetch_all(&mut *transaction)
            .await?;
            if found.iter().any(|(id,)| !planned.contains(id.as_str())) {
                return Ok(false);
            }
            delete_each!(transaction, deletions);
            for reset in resets {
                write_password!(transaction, &reset.user, reset.user.version, &reset.password);
                end_other_sessions!(transaction, reset.user.id.as_str(), now_ms, kept_session);
                record!(transaction, &reset.change);
            }
            sqlx::query("INSERT INTO settings (name, value) VALUES ($1, '') ON CONFLICT (name) DO NOTHING")
                .bind(SWITCH)
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok::<bool, Error>(true)
        })
    }

    /// Keeps test users from being made.
    pub(crate) async fn forbid_test_users(&self, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            sqlx::query("INSERT INTO settings (name, value) VALUES ($1, '') ON CONFLICT (name) DO NOTHING")
                .bind(SWITCH)
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Takes back that test users are kept from being made.
    pub(crate) async fn allow_test_users(&self, change: &Change) -> Result<()> {
        write!(self, transaction => {
            sqlx::query("DELETE FROM settings WHERE name = $1")
                .bind(SWITCH)
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The accounts of the pool with a role that has `*`, by name.
    pub(crate) async fn admins(&self, pool_id: &str) -> Result<Vec<User>> {
        let rows: Vec<UserRow> = read!(self, connection => {
            sqlx::query_as(select_users!(
                "WHERE u.pool_id = $1 AND u.kind = 'account' AND u.gone_at_ms IS NULL AND EXISTS (SELECT 1 FROM assignments a \
                 JOIN roles r ON r.id = a.role_id WHERE a.user_id = u.id AND r.permissions LIKE '%\"*\"%') \
                 ORDER BY u.username_key"
            ))
            .bind(pool_id)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// The test users of the pool, by name.
    pub(crate) async fn test_users(&self, pool_id: &str) -> Result<Vec<User>> {
        let rows: Vec<UserRow> = read!(self, connection => {
            sqlx::query_as(select_users!("WHERE u.pool_id = $1 AND u.is_test AND u.gone_at_ms IS NULL ORDER BY u.username_key"))
                .bind(pool_id)
                .fetch_all(connection)
                .await?
        });
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// Writes enabled and the mark, makes the user's roles exactly these, and where there is a password, gives
    /// it and ends the sessions; `user.version` is the version that was read.
    pub(crate) async fn repair_test_user(
        &self,
        user: &User,
        password: Option<&PasswordRecord>,
        role_ids: &[String],
        created_by: &str,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            require_test_users!(transaction);
            let mut version = user.version;
            if let Some(password) = password {
                write_password!(transaction, user, version, password);
                end_sessions!(transaction, user.id.as_str(), user.updated_at_ms);
                version += 1;
            }
            let updated = sqlx::query(
                "UPDATE users SET enabled = $3, is_test = $4, updated_at_ms = $5, version = version + 1 \
                 WHERE id = $1 AND version = $2",
            )
            .bind(user.id.as_str())
            .bind(version)
            .bind(user.enabled)
            .bind(user.is_test)
            .bind(user.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            replace_assignments!(
                transaction,
                user.id.as_str(),
                role_ids,
                created_by,
                user.updated_at_ms
            );
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Gives the account of version `version` a password and a status, and ends its sessions.
    pub async fn set_password(
        &self,
        user: &User,
        version: i64,
        password: &PasswordRecord,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            write_password!(transaction, user, version, password);
            end_sessions!(transaction, user.id.as_str(), user.updated_at_ms);
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// As [`Store::set_password`], for an account of this pool that is used for the first time: with what its
    /// user has told.
    pub(crate) async fn begin_account(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        user: &User,
        version: i64,
        password: &PasswordRecord,
        change: &Change,
    ) -> Result<()> {
        let attributes = serde_json::to_string(&user.attributes).map_err(Error::internal)?;
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            write_password!(transaction, user, version, password);
            sqlx::query(
                "UPDATE users SET email = $2, email_key = $3, email_verified = $4, phone = $5, \
                 phone_verified = $6, attributes = $7 WHERE id = $1",
            )
            .bind(user.id.as_str())
            .bind(user.email.as_deref())
            .bind(user.email.as_deref().map(str::to_lowercase))
            .bind(user.email_verified)
            .bind(user.phone.as_deref())
            .bind(user.phone_verified)
            .bind(attributes.as_str())
            .execute(&mut *transaction)
            .await?;
            index_anew!(transaction, pool_id, identifiers, user, false);
            end_sessions!(transaction, user.id.as_str(), user.updated_at_ms);
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// As [`Store::set_password`], for a password that was forgotten: what this counter has counted is
    /// forgotten too.
    pub(crate) async fn recover_password(
        &self,
        user: &User,
        version: i64,
        password: &PasswordRecord,
        counter: &str,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            write_password!(transaction, user, version, password);
            end_sessions!(transaction, user.id.as_str(), user.updated_at_ms);
            sqlx::query(
                "DELETE FROM sign_in_failures WHERE counter = $2 \
                 AND pool_id = (SELECT pool_id FROM users WHERE id = $1)",
            )
            .bind(user.id.as_str())
            .bind(counter)
            .execute(&mut *transaction)
            .await?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// As [`Store::set_password`], but for the session `kept_session`, which goes on.
    pub(crate) async fn change_password(
        &self,
        user: &User,
        version: i64,
        password: &PasswordRecord,
        kept_session: &str,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            write_password!(transaction, user, version, password);
            end_other_sessions!(transaction, user.id.as_str(), user.updated_at_ms, kept_session);
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// The hashes of the user's password and of those before it that are remembered, the newest first.
    pub(crate) async fn password_hashes(&self, user_id: &str) -> Result<Vec<String>> {
        let rows: Vec<(String, i64)> = read!(self, connection => {
            sqlx::query_as(
                "SELECT password_hash, version FROM users WHERE id = $1 AND password_hash IS NOT NULL \
                 UNION ALL SELECT hash, version FROM past_passwords WHERE user_id = $1 ORDER BY 2 DESC",
            )
            .bind(user_id)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(|(hash, _)| hash).collect())
    }

    /// Keeps what was made anew of the password whose hash is `old`, unless the password was changed
    /// meanwhile.
    pub async fn replace_password_record(
        &self,
        user_id: &str,
        old: &str,
        new: &PasswordRecord,
    ) -> Result<()> {
        write!(self, transaction => {
            sqlx::query(
                "UPDATE users SET password_hash = $3, srp_verifier = $4 WHERE id = $1 AND password_hash = $2",
            )
            .bind(user_id)
            .bind(old)
            .bind(new.hash.as_str())
            .bind(new.srp_verifier.as_deref())
            .execute(&mut *transaction)
            .await?;
            Ok(())
        })
    }
}
