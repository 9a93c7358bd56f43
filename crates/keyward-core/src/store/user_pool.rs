//! The pools' rows, and their signing keys.

use super::app_client::insert_app_client;
use super::{
    Store, TAKE_TURN, one_row, read, record, rows, too_many, write, write_keeping_an_admin, write_rights,
};
use crate::app_client::AppClient;
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::page::{Cursor, Page};
use crate::user_pool::UserPool;

rows! {
    struct PoolRow {
        id: String, name: String, settings: String, created_at_ms: i64, updated_at_ms: i64, version: i64,
    }
}

rows! {
    struct SigningKeyRow { kid: String, token_use: String, sealed: String }
}

/// A pool's signing key, as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SealedKey {
    pub(crate) kid: String,
    /// `id` or `access`.
    pub(crate) token_use: String,
    pub(crate) sealed: String,
}

impl TryFrom<PoolRow> for UserPool {
    type Error = Error;

    fn try_from(row: PoolRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            settings: serde_json::from_str(&row.settings).map_err(Error::internal)?,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            version: row.version,
        })
    }
}

/// Enters a pool with its signing keys, within a transaction.
macro_rules! insert_user_pool {
    ($transaction:expr, $pool:expr, $keys:expr) => {{
        let pool: &UserPool = $pool;
        let settings = serde_json::to_string(&pool.settings).map_err(Error::internal)?;
        sqlx::query(
            "INSERT INTO user_pools (id, name, settings, mfa, software_token_mfa, created_at_ms, \
             updated_at_ms, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(pool.id.as_str())
        .bind(pool.name.as_str())
        .bind(settings)
        .bind(pool.settings.mfa.as_str())
        .bind(pool.settings.software_token_mfa)
        .bind(pool.created_at_ms)
        .bind(pool.updated_at_ms)
        .bind(pool.version)
        .execute(&mut *$transaction)
        .await?;
        for key in $keys {
            sqlx::query(
                "INSERT INTO signing_keys (kid, pool_id, token_use, sealed, created_at_ms) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(key.kid.as_str())
            .bind(pool.id.as_str())
            .bind(key.token_use.as_str())
            .bind(key.sealed.as_str())
            .bind(pool.created_at_ms)
            .execute(&mut *$transaction)
            .await?;
        }
    }};
}

impl Store {
    /// Makes a home pool with its app client and its signing keys, and notes in the setting `place` which it is.
    pub(crate) async fn insert_home_pool(
        &self,
        place: &str,
        pool: &UserPool,
        client: &AppClient,
        keys: &[SealedKey],
        change: &Change,
    ) -> Result<()> {
        write!(self, transaction => {
            insert_user_pool!(transaction, pool, keys);
            insert_app_client!(transaction, client);
            sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2)")
                .bind(place)
                .bind(pool.id.as_str())
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Makes a pool with its signing keys, unless there are `maximum` pools.
    pub(crate) async fn insert_user_pool(
        &self,
        pool: &UserPool,
        keys: &[SealedKey],
        maximum: i64,
        change: &Change,
    ) -> Result<()> {
        // A new pool changes nobody's rights: nothing that is kept in memory knows of it.
        write!(self, transaction => {
            // Of two pools made at once, the second must see the first.
            sqlx::query(TAKE_TURN).execute(&mut *transaction).await?;
            let (count,): (i64,) =
                sqlx::query_as("SELECT COUNT(*) FROM user_pools").fetch_one(&mut *transaction).await?;
            if count >= maximum {
                return Err(too_many(maximum, "user pools"));
            }
            insert_user_pool!(transaction, pool, keys);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Writes what can change of the pool; `pool.version` is the version that was read.
    pub async fn update_user_pool(&self, pool: &UserPool, change: &Change) -> Result<()> {
        let settings = serde_json::to_string(&pool.settings).map_err(Error::internal)?;
        write_keeping_an_admin!(self, pool.updated_at_ms, transaction => {
            let updated = sqlx::query(
                "UPDATE user_pools SET name = $3, settings = $4, mfa = $5, software_token_mfa = $6, \
                 updated_at_ms = $7, version = version + 1 WHERE id = $1 AND version = $2",
            )
            .bind(pool.id.as_str())
            .bind(pool.version)
            .bind(pool.name.as_str())
            .bind(settings.as_str())
            .bind(pool.settings.mfa.as_str())
            .bind(pool.settings.software_token_mfa)
            .bind(pool.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Deletes the pool with all that is in it, by the tables' own rules.
    pub async fn delete_user_pool(&self, pool: &UserPool, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            let deleted = sqlx::query("DELETE FROM user_pools WHERE id = $1 AND version = $2")
                .bind(pool.id.as_str())
                .bind(pool.version)
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The pool of this id.
    pub async fn user_pool(&self, id: &str) -> Result<Option<UserPool>> {
        if id.contains('\0') {
            return Ok(None);
        }
        let row: Option<PoolRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM user_pools WHERE id = $1")
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        row.map(UserPool::try_from).transpose()
    }

    /// The pools, by their ids.
    pub async fn user_pools(&self, page: &Cursor) -> Result<Page<UserPool>> {
        let rows: Vec<PoolRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM user_pools WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(page.after())
                .bind(page.limit_and_one())
                .fetch_all(connection)
                .await?
        });
        let pools = rows.into_iter().map(UserPool::try_from).collect::<Result<_>>()?;
        Ok(page.page(pools, |pool| &pool.id))
    }

    /// How many accounts there are in the pool.
    pub async fn count_accounts(&self, pool_id: &str) -> Result<i64> {
        let (count,): (i64,) = read!(self, connection => {
            sqlx::query_as("SELECT COUNT(*) FROM users WHERE pool_id = $1 AND kind = 'account'")
                .bind(pool_id)
                .fetch_one(connection)
                .await?
        });
        Ok(count)
    }

    /// The signing keys of the pool, sealed.
    pub(crate) async fn signing_keys(&self, pool_id: &str) -> Result<Vec<SealedKey>> {
        let rows: Vec<SigningKeyRow> = read!(self, connection => {
            sqlx::query_as("SELECT kid, token_use, sealed FROM signing_keys WHERE pool_id = $1")
                .bind(pool_id)
                .fetch_all(connection)
                .await?
        });
        let key =
            |row: SigningKeyRow| SealedKey { kid: row.kid, token_use: row.token_use, sealed: row.sealed };
        Ok(rows.into_iter().map(key).collect())
    }

    /// The pool that the signing key of this id belongs to.
    pub(crate) async fn pool_of_signing_key(&self, kid: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = read!(self, connection => {
            sqlx::query_as("SELECT pool_id FROM signing_keys WHERE kid = $1")
                .bind(kid)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(|(pool_id,)| pool_id))
    }
}
