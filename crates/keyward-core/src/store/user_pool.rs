//! The pools' rows: the home pool, its app client, its signing keys.

use super::{Store, read, record, rows, write};
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::local_pool::password::PasswordPolicy;

rows! {
    struct PoolRow { id: String, name: String, password_policy: String }
}

rows! {
    struct ClientRow {
        id: String, pool_id: String, name: String, flows: String, hides_unknown_users: bool,
        access_token_seconds: i64, id_token_seconds: i64, refresh_token_seconds: i64,
    }
}

rows! {
    struct SigningKeyRow { kid: String, token_use: String, sealed: String }
}

/// A pool of users.
#[derive(Debug, Clone)]
pub struct UserPool {
    /// Like `us-east-1_k3Y9wRd0A`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What its passwords must be like.
    pub password_policy: PasswordPolicy,
}

/// An application's way into a pool.
#[derive(Debug, Clone)]
pub struct AppClient {
    /// 26 characters of `0-9a-z`.
    pub id: String,
    /// The pool that it leads to.
    pub pool_id: String,
    /// What people call it.
    pub name: String,
    /// The flows that are on, such as `ALLOW_USER_SRP_AUTH`.
    pub flows: Vec<String>,
    /// An unknown user and a wrong password look the same (`PreventUserExistenceErrors`: `ENABLED`).
    pub hides_unknown_users: bool,
    /// How long its access tokens live, in seconds.
    pub access_token_seconds: i64,
    /// How long its ID tokens live, in seconds.
    pub id_token_seconds: i64,
    /// How long its refresh tokens live, in seconds.
    pub refresh_token_seconds: i64,
}

/// A pool's signing key, as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SealedKey {
    pub(crate) kid: String,
    /// `id` or `access`.
    pub(crate) token_use: String,
    pub(crate) sealed: String,
}

impl Store {
    /// Makes the home pool with its app client and its signing keys, and notes that it is the home pool.
    pub(crate) async fn insert_home_pool(
        &self,
        pool: &UserPool,
        client: &AppClient,
        keys: &[SealedKey],
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        let policy = serde_json::to_string(&pool.password_policy).map_err(Error::internal)?;
        let flows = serde_json::to_string(&client.flows).map_err(Error::internal)?;
        write!(self, transaction => {
            sqlx::query(
                "INSERT INTO user_pools (id, name, password_policy, created_at_ms, updated_at_ms) \
                 VALUES ($1, $2, $3, $4, $4)",
            )
            .bind(pool.id.as_str())
            .bind(pool.name.as_str())
            .bind(policy.as_str())
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "INSERT INTO app_clients (id, pool_id, name, flows, hides_unknown_users, \
                 access_token_seconds, id_token_seconds, refresh_token_seconds, created_at_ms, \
                 updated_at_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            )
            .bind(client.id.as_str())
            .bind(pool.id.as_str())
            .bind(client.name.as_str())
            .bind(flows.as_str())
            .bind(client.hides_unknown_users)
            .bind(client.access_token_seconds)
            .bind(client.id_token_seconds)
            .bind(client.refresh_token_seconds)
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
            for key in keys {
                sqlx::query(
                    "INSERT INTO signing_keys (kid, pool_id, token_use, sealed, created_at_ms) \
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(key.kid.as_str())
                .bind(pool.id.as_str())
                .bind(key.token_use.as_str())
                .bind(key.sealed.as_str())
                .bind(now_ms)
                .execute(&mut *transaction)
                .await?;
            }
            sqlx::query("INSERT INTO settings (name, value) VALUES ('home_pool', $1)")
                .bind(pool.id.as_str())
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The pool of this id.
    pub async fn user_pool(&self, id: &str) -> Result<Option<UserPool>> {
        let row: Option<PoolRow> = read!(self, connection => {
            sqlx::query_as("SELECT id, name, password_policy FROM user_pools WHERE id = $1")
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        row.map(|row| {
            let password_policy = serde_json::from_str(&row.password_policy).map_err(Error::internal)?;
            Ok(UserPool { id: row.id, name: row.name, password_policy })
        })
        .transpose()
    }

    /// The app clients of the pool.
    pub async fn app_clients(&self, pool_id: &str) -> Result<Vec<AppClient>> {
        let rows: Vec<ClientRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM app_clients WHERE pool_id = $1 ORDER BY created_at_ms, id")
                .bind(pool_id)
                .fetch_all(connection)
                .await?
        });
        let client = |row: ClientRow| {
            Ok(AppClient {
                id: row.id,
                pool_id: row.pool_id,
                name: row.name,
                flows: serde_json::from_str(&row.flows).map_err(Error::internal)?,
                hides_unknown_users: row.hides_unknown_users,
                access_token_seconds: row.access_token_seconds,
                id_token_seconds: row.id_token_seconds,
                refresh_token_seconds: row.refresh_token_seconds,
            })
        };
        rows.into_iter().map(client).collect()
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
}
