//! API keys' rows, and those of their secrets.

use std::sync::Arc;

use ipnet::IpNet;

use super::{Store, one_row, read, record, rows, unless_taken, write, write_rights};
use crate::api_key::{ApiKey, LastUse, PreviousSecret, StoredSecret, name_taken};
use crate::audit::Change;
use crate::caller::Identity;
use crate::error::{Error, Result, Thing};
use crate::page::{Cursor, Page};
use crate::permission::Permission;

rows! {
    struct KeyRow {
        id: String, name: String, description: String, user_id: String, username: String, user_enabled: bool,
        created_by: String, expires_at: Option<String>, expires_at_ms: Option<i64>, active: bool,
        scope: Option<String>, allowed_addresses: String, owner: Option<String>, review_at: Option<String>,
        imported: bool, created_at_ms: i64, updated_at_ms: i64, version: i64, public_id: Option<String>,
        last_used_at_ms: Option<i64>, last_used_address: Option<String>, last_used_agent: Option<String>,
        previous_id: Option<String>, previous_until_ms: Option<i64>, previous_used_at_ms: Option<i64>,
        previous_used_address: Option<String>, previous_used_agent: Option<String>,
    }
}

rows! {
    struct RecordRow {
        id: String, name: String, user_id: String, username: String, user_enabled: bool,
        expires_at: Option<String>, expires_at_ms: Option<i64>, active: bool, scope: Option<String>,
        allowed_addresses: String, public_id: String, valid_until_ms: Option<i64>,
    }
}

/// What must be known of a key to let it in.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Which key it is, and as whom it acts.
    pub identity: Arc<Identity>,
    /// Whether its user is enabled.
    pub user_enabled: bool,
    /// Whether it is itself.
    pub active: bool,
    /// When the key ends, or this secret of it; milliseconds since the epoch, UTC. Long past where nobody can
    /// read it.
    pub ends_at_ms: Option<i64>,
    /// What narrows it.
    pub scope: Option<Vec<Permission>>,
    /// From where it may be used; from anywhere when there are none.
    pub allowed_addresses: Vec<IpNet>,
}

/// What was used.
#[derive(Debug, Clone)]
pub enum UsedKey {
    /// An API key's secret, by its SHA-256.
    Secret([u8; 32]),
    /// An access key, by its id.
    AccessKey(String),
}

/// A scope that nobody can read allows nothing.
fn scope(json: Option<&str>) -> Option<Vec<Permission>> {
    json.map(|json| serde_json::from_str(json).unwrap_or_default())
}

/// The ranges; an error when nobody can read them, for an empty list would allow any address.
fn addresses(json: &str) -> Result<Vec<IpNet>> {
    serde_json::from_str(json).map_err(Error::internal)
}

pub(super) fn last_use(
    at_ms: Option<i64>,
    address: Option<String>,
    user_agent: Option<String>,
) -> Option<LastUse> {
    let address = address.and_then(|address| address.parse().ok());
    at_ms.map(|at_ms| LastUse { at_ms, address, user_agent })
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self> {
        let previous = row.previous_until_ms.map(|valid_until_ms| PreviousSecret {
            public_id: row.previous_id.unwrap_or_default(),
            valid_until_ms,
            last_used: last_use(row.previous_used_at_ms, row.previous_used_address, row.previous_used_agent),
        });
        Ok(Self {
            id: row.id,
            public_id: row.public_id.unwrap_or_default(),
            name: row.name,
            description: row.description,
            user_id: row.user_id,
            username: row.username,
            user_enabled: row.user_enabled,
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            expires_at: row.expires_at,
            expires_at_ms: row.expires_at_ms,
            active: row.active,
            scope: scope(row.scope.as_deref()),
            allowed_addresses: addresses(&row.allowed_addresses)?,
            owner: row.owner,
            review_at: row.review_at,
            last_used: last_use(row.last_used_at_ms, row.last_used_address, row.last_used_agent),
            previous,
            imported: row.imported,
            version: row.version,
        })
    }
}

impl TryFrom<RecordRow> for KeyRecord {
    type Error = Error;

    fn try_from(row: RecordRow) -> Result<Self> {
        let expires_at_ms = row.expires_at.map(|_| row.expires_at_ms.unwrap_or(i64::MIN));
        Ok(Self {
            identity: Arc::new(Identity::ApiKey {
                user_id: row.user_id,
                username: row.username,
                key_id: row.id,
                key_name: row.name,
                public_id: row.public_id,
            }),
            user_enabled: row.user_enabled,
            active: row.active,
            ends_at_ms: [expires_at_ms, row.valid_until_ms].into_iter().flatten().min(),
            scope: scope(row.scope.as_deref()),
            allowed_addresses: addresses(&row.allowed_addresses)?,
        })
    }
}

macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.name, k.description, k.user_id, u.username, u.enabled AS user_enabled, ",
            "k.created_by, k.expires_at, k.expires_at_ms, k.active, k.scope, k.allowed_addresses, k.owner, ",
            "k.review_at, k.imported, k.created_at_ms, k.updated_at_ms, k.version, s.public_id, ",
            "s.last_used_at_ms, s.last_used_address, s.last_used_agent, p.public_id AS previous_id, ",
            "p.valid_until_ms AS previous_until_ms, p.last_used_at_ms AS previous_used_at_ms, ",
            "p.last_used_address AS previous_used_address, ",
            "p.last_used_agent AS previous_used_agent FROM api_keys k JOIN users u ON u.id = k.user_id ",
            "LEFT JOIN api_key_secrets s ON s.key_id = k.id AND s.valid_until_ms IS NULL ",
            "LEFT JOIN api_key_secrets p ON p.key_id = k.id AND p.valid_until_ms IS NOT NULL ",
            $rest
        )
    };
}

macro_rules! select_records {
    ($condition:literal) => {
        concat!(
            "SELECT k.id, k.name, k.user_id, u.username, u.enabled AS user_enabled, k.expires_at, ",
            "k.expires_at_ms, k.active, k.scope, k.allowed_addresses, s.hash, s.public_id, s.valid_until_ms ",
            "FROM api_key_secrets s JOIN api_keys k ON k.id = s.key_id JOIN users u ON u.id = k.user_id ",
            $condition
        )
    };
}

const INSERT_KEY: &str = "INSERT INTO api_keys (id, name, description, user_id, created_by, expires_at, \
    expires_at_ms, active, scope, allowed_addresses, owner, review_at, imported, created_at_ms, \
    updated_at_ms, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
    ON CONFLICT (name) DO NOTHING";

const INSERT_SECRET: &str = "INSERT INTO api_key_secrets (hash, algorithm, key_id, public_id, created_at_ms) \
    VALUES ($1, 'sha256', $2, $3, $4) ON CONFLICT (hash) DO NOTHING";

/// Inserts the key; evaluates to whether its name was free.
macro_rules! insert_key {
    ($transaction:expr, $key:expr, $scope:expr, $addresses:expr) => {
        sqlx::query(INSERT_KEY)
            .bind($key.id.as_str())
            .bind($key.name.as_str())
            .bind($key.description.as_str())
            .bind($key.user_id.as_str())
            .bind($key.created_by.as_str())
            .bind($key.expires_at.as_deref())
            .bind($key.expires_at_ms)
            .bind($key.active)
            .bind($scope.as_deref())
            .bind($addresses.as_str())
            .bind($key.owner.as_deref())
            .bind($key.review_at.as_deref())
            .bind($key.imported)
            .bind($key.created_at_ms)
            .bind($key.updated_at_ms)
            .bind($key.version)
            .execute(&mut *$transaction)
            .await?
            .rows_affected()
            == 1
    };
}

/// Inserts the key's newest secret; evaluates to whether no other key has it.
macro_rules! insert_secret {
    ($transaction:expr, $key:expr, $secret:expr) => {
        sqlx::query(INSERT_SECRET)
            .bind($secret.hash.as_str())
            .bind($key.id.as_str())
            .bind($secret.public_id.as_str())
            .bind($key.updated_at_ms)
            .execute(&mut *$transaction)
            .await?
            .rows_affected()
            == 1
    };
}

fn columns(key: &ApiKey) -> Result<(Option<String>, String)> {
    let scope = key.scope.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
    Ok((scope, serde_json::to_string(&key.allowed_addresses).map_err(Error::internal)?))
}

fn secret_taken() -> Error {
    Error::already_exists(Thing::ApiKey, "Another key has this secret already.")
}

impl Store {
    /// Whether a key has this name.
    pub async fn has_api_key(&self, name: &str) -> Result<bool> {
        let row: Option<(String,)> = read!(self, connection => {
            sqlx::query_as("SELECT id FROM api_keys WHERE name = $1")
                .bind(name)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.is_some())
    }

    /// Makes the key with its secret.
    pub(crate) async fn insert_api_key(
        &self,
        key: &ApiKey,
        secret: &StoredSecret,
        change: &Change,
    ) -> Result<()> {
        let (scope, addresses) = columns(key)?;
        // A new key changes nobody's rights: nothing that is kept in memory knows of it.
        write!(self, transaction => {
            if !insert_key!(transaction, key, scope, addresses) {
                return Err(name_taken(&key.name));
            }
            if !insert_secret!(transaction, key, secret) {
                return Err(secret_taken());
            }
            record!(transaction, change);
            Ok(())
        })
    }

    /// Makes many keys at once; each gets its own answer.
    pub(crate) async fn insert_api_keys(
        &self,
        keys: Vec<(ApiKey, StoredSecret, Change)>,
    ) -> Result<Vec<Result<ApiKey>>> {
        write!(self, transaction => {
            let mut results = Vec::with_capacity(keys.len());
            for (key, secret, change) in &keys {
                let (scope, addresses) = columns(key)?;
                if !insert_key!(transaction, key, scope, addresses) {
                    results.push(Err(name_taken(&key.name)));
                    continue;
                }
                if !insert_secret!(transaction, key, secret) {
                    sqlx::query("DELETE FROM api_keys WHERE id = $1")
                        .bind(key.id.as_str())
                        .execute(&mut *transaction)
                        .await?;
                    results.push(Err(secret_taken()));
                    continue;
                }
                record!(transaction, change);
                results.push(Ok(key.clone()));
            }
            Ok(results)
        })
    }

    /// The keys that fit, by name.
    pub async fn api_keys(
        &self,
        user_id: Option<&str>,
        name: Option<&str>,
        page: &Cursor,
    ) -> Result<Page<ApiKey>> {
        let rows: Vec<KeyRow> = read!(self, connection => {
            sqlx::query_as(select_keys!(
                "WHERE (CAST($1 AS TEXT) IS NULL OR k.user_id = $1) \
                 AND (CAST($2 AS TEXT) IS NULL OR k.name = $2) AND k.name > $3 ORDER BY k.name LIMIT $4"
            ))
            .bind(user_id)
            .bind(name)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        let page = page.page(rows, |row| &row.name);
        Ok(Page {
            items: page.items.into_iter().map(ApiKey::try_from).collect::<Result<_>>()?,
            next: page.next,
        })
    }

    /// The key of this id.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>> {
        let row: Option<KeyRow> = read!(self, connection => {
            sqlx::query_as(select_keys!("WHERE k.id = $1")).bind(id).fetch_optional(connection).await?
        });
        row.map(ApiKey::try_from).transpose()
    }

    /// What must be known of the key whose secret has this hash.
    pub async fn key_record(&self, hash: &str) -> Result<Option<KeyRecord>> {
        let row: Option<RecordRow> = read!(self, connection => {
            sqlx::query_as(select_records!("WHERE s.hash = $1 AND s.algorithm = 'sha256'"))
                .bind(hash)
                .fetch_optional(connection)
                .await?
        });
        row.map(KeyRecord::try_from).transpose()
    }

    /// The same of the key of this id, as if its newest secret were shown.
    pub async fn key_record_by_id(&self, id: &str) -> Result<Option<KeyRecord>> {
        let row: Option<RecordRow> = read!(self, connection => {
            sqlx::query_as(select_records!("WHERE k.id = $1 AND s.valid_until_ms IS NULL"))
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        row.map(KeyRecord::try_from).transpose()
    }

    /// Writes what can change of the key; `key.version` is the version that was read.
    pub async fn update_api_key(&self, key: &ApiKey, change: &Change) -> Result<()> {
        let (scope, addresses) = columns(key)?;
        write_rights!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE api_keys SET description = $3, expires_at = $4, expires_at_ms = $5, active = $6, \
                 scope = $7, allowed_addresses = $8, owner = $9, review_at = $10, updated_at_ms = $11, \
                 version = version + 1 WHERE id = $1 AND version = $2",
            )
            .bind(key.id.as_str())
            .bind(key.version)
            .bind(key.description.as_str())
            .bind(key.expires_at.as_deref())
            .bind(key.expires_at_ms)
            .bind(key.active)
            .bind(scope.as_deref())
            .bind(addresses.as_str())
            .bind(key.owner.as_deref())
            .bind(key.review_at.as_deref())
            .bind(key.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Deletes the key with its secrets.
    pub async fn delete_api_key(&self, key: &ApiKey, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            let deleted = sqlx::query("DELETE FROM api_keys WHERE id = $1 AND version = $2")
                .bind(key.id.as_str())
                .bind(key.version)
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Gives the key of version `version` a new secret; the newest until now works until `keep_until_ms`, or
    /// no longer at all, and the one before it is gone either way.
    pub(crate) async fn rotate_api_key(
        &self,
        key: &ApiKey,
        version: i64,
        secret: &StoredSecret,
        keep_until_ms: Option<i64>,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE api_keys SET imported = $3, updated_at_ms = $4, version = version + 1 \
                 WHERE id = $1 AND version = $2",
            )
            .bind(key.id.as_str())
            .bind(version)
            .bind(key.imported)
            .bind(key.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            let gone = if keep_until_ms.is_some() {
                "DELETE FROM api_key_secrets WHERE key_id = $1 AND valid_until_ms IS NOT NULL"
            } else {
                "DELETE FROM api_key_secrets WHERE key_id = $1"
            };
            sqlx::query(gone).bind(key.id.as_str()).execute(&mut *transaction).await?;
            sqlx::query("UPDATE api_key_secrets SET valid_until_ms = $2 WHERE key_id = $1")
                .bind(key.id.as_str())
                .bind(keep_until_ms)
                .execute(&mut *transaction)
                .await?;
            let inserted = sqlx::query(INSERT_SECRET)
                .bind(secret.hash.as_str())
                .bind(key.id.as_str())
                .bind(secret.public_id.as_str())
                .bind(key.updated_at_ms)
                .execute(&mut *transaction)
                .await;
            unless_taken(inserted, secret_taken)?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Notes when and from where these were last used. It is no change of the keys, and has no event.
    pub async fn record_uses(&self, uses: &[(UsedKey, LastUse)]) -> Result<()> {
        write!(self, transaction => {
            sqlx::query(super::TAKE_TURN).execute(&mut *transaction).await?;
            for (key, last_use) in uses {
                let (statement, id) = match key {
                    UsedKey::Secret(digest) => (
                        "UPDATE api_key_secrets SET last_used_at_ms = $2, last_used_address = $3, \
                         last_used_agent = $4 WHERE hash = $1 \
                         AND (last_used_at_ms IS NULL OR last_used_at_ms <= $2)",
                        crate::hex(digest),
                    ),
                    UsedKey::AccessKey(id) => (
                        "UPDATE access_keys SET last_used_at_ms = $2, last_used_address = $3, \
                         last_used_agent = $4 WHERE id = $1 \
                         AND (last_used_at_ms IS NULL OR last_used_at_ms <= $2)",
                        id.clone(),
                    ),
                };
                sqlx::query(statement)
                    .bind(id)
                    .bind(last_use.at_ms)
                    .bind(last_use.address.map(|address| address.to_string()))
                    .bind(last_use.user_agent.as_deref())
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(())
        })
    }
}
