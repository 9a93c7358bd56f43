//! App clients' rows, and their secrets.

use super::{Store, one_row, read, record, rows, too_many, write_rights};
use crate::app_client::{AppClient, ClientSecret};
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::page::{Cursor, Page};

rows! {
    struct ClientRow {
        id: String, pool_id: String, name: String, settings: String, created_at_ms: i64, updated_at_ms: i64,
        version: i64,
    }
}

rows! {
    struct SecretRow { id: String, sealed: String, created_at_ms: i64 }
}

impl ClientRow {
    fn with_secrets(self, secrets: Vec<SecretRow>) -> Result<AppClient> {
        let secret = |row: SecretRow| ClientSecret {
            id: row.id,
            sealed: row.sealed,
            created_at_ms: row.created_at_ms,
        };
        Ok(AppClient {
            id: self.id,
            pool_id: self.pool_id,
            name: self.name,
            settings: serde_json::from_str(&self.settings).map_err(Error::internal)?,
            secrets: secrets.into_iter().map(secret).collect(),
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
            version: self.version,
        })
    }
}

/// Enters an app client with its secrets, within a transaction.
macro_rules! insert_app_client {
    ($transaction:expr, $client:expr) => {{
        let client: &$crate::app_client::AppClient = $client;
        let settings = serde_json::to_string(&client.settings).map_err($crate::error::Error::internal)?;
        sqlx::query(
            "INSERT INTO app_clients (id, pool_id, name, settings, created_at_ms, updated_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(client.id.as_str())
        .bind(client.pool_id.as_str())
        .bind(client.name.as_str())
        .bind(settings)
        .bind(client.created_at_ms)
        .bind(client.updated_at_ms)
        .bind(client.version)
        .execute(&mut *$transaction)
        .await?;
        for secret in &client.secrets {
            $crate::store::app_client::insert_client_secret!($transaction, client.id.as_str(), secret);
        }
    }};
}
pub(super) use insert_app_client;

/// Enters a secret of an app client, within a transaction.
macro_rules! insert_client_secret {
    ($transaction:expr, $client_id:expr, $secret:expr) => {
        sqlx::query(
            "INSERT INTO app_client_secrets (id, client_id, sealed, created_at_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind($secret.id.as_str())
        .bind($client_id)
        .bind($secret.sealed.as_str())
        .bind($secret.created_at_ms)
        .execute(&mut *$transaction)
        .await?
    };
}
pub(super) use insert_client_secret;

impl Store {
    /// Makes the app client with its secrets, unless its pool has `maximum` of them.
    pub async fn insert_app_client(&self, client: &AppClient, maximum: i64, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM app_clients WHERE pool_id = $1")
                .bind(client.pool_id.as_str())
                .fetch_one(&mut *transaction)
                .await?;
            if count >= maximum {
                return Err(too_many(maximum, "app clients in a user pool"));
            }
            insert_app_client!(transaction, client);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Writes what can change of the app client but for its secrets; `client.version` is the version that was
    /// read.
    pub async fn update_app_client(&self, client: &AppClient, change: &Change) -> Result<()> {
        let settings = serde_json::to_string(&client.settings).map_err(Error::internal)?;
        write_rights!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE app_clients SET name = $3, settings = $4, updated_at_ms = $5, version = version + 1 \
                 WHERE id = $1 AND version = $2",
            )
            .bind(client.id.as_str())
            .bind(client.version)
            .bind(client.name.as_str())
            .bind(settings.as_str())
            .bind(client.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Deletes the app client; the sessions that began through it end.
    pub async fn delete_app_client(&self, client: &AppClient, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            let deleted = sqlx::query("DELETE FROM app_clients WHERE id = $1 AND version = $2")
                .bind(client.id.as_str())
                .bind(client.version)
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The app client of this id, whichever pool it leads to.
    pub async fn app_client(&self, id: &str) -> Result<Option<AppClient>> {
        if id.contains('\0') {
            return Ok(None);
        }
        read!(self, connection => {
            let row: Option<ClientRow> = sqlx::query_as("SELECT * FROM app_clients WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *connection)
                .await?;
            let secrets: Vec<SecretRow> = sqlx::query_as(
                "SELECT id, sealed, created_at_ms FROM app_client_secrets WHERE client_id = $1 \
                 ORDER BY created_at_ms, id",
            )
            .bind(id)
            .fetch_all(&mut *connection)
            .await?;
            row.map(|row| row.with_secrets(secrets)).transpose()
        })
    }

    /// The app client of the pool that was made first, without its secrets.
    pub async fn first_app_client(&self, pool_id: &str) -> Result<Option<AppClient>> {
        let row: Option<ClientRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM app_clients WHERE pool_id = $1 ORDER BY created_at_ms, id LIMIT 1")
                .bind(pool_id)
                .fetch_optional(connection)
                .await?
        });
        row.map(|row| row.with_secrets(Vec::new())).transpose()
    }

    /// The app clients of the pool, by their ids, without their secrets.
    pub async fn app_clients(&self, pool_id: &str, page: &Cursor) -> Result<Page<AppClient>> {
        let rows: Vec<ClientRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM app_clients WHERE pool_id = $1 AND id > $2 ORDER BY id LIMIT $3")
                .bind(pool_id)
                .bind(page.after())
                .bind(page.limit_and_one())
                .fetch_all(connection)
                .await?
        });
        let clients = rows.into_iter().map(|row| row.with_secrets(Vec::new())).collect::<Result<_>>()?;
        Ok(page.page(clients, |client: &AppClient| &client.id))
    }

    /// Gives the app client of version `client.version` one secret more.
    pub async fn insert_client_secret(
        &self,
        client: &AppClient,
        secret: &ClientSecret,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            let updated =
                sqlx::query("UPDATE app_clients SET version = version + 1 WHERE id = $1 AND version = $2")
                    .bind(client.id.as_str())
                    .bind(client.version)
                    .execute(&mut *transaction)
                    .await?;
            one_row(updated.rows_affected())?;
            insert_client_secret!(transaction, client.id.as_str(), secret);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Takes a secret from the app client of version `client.version`.
    pub async fn delete_client_secret(
        &self,
        client: &AppClient,
        secret_id: &str,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            let updated =
                sqlx::query("UPDATE app_clients SET version = version + 1 WHERE id = $1 AND version = $2")
                    .bind(client.id.as_str())
                    .bind(client.version)
                    .execute(&mut *transaction)
                    .await?;
            one_row(updated.rows_affected())?;
            let deleted = sqlx::query("DELETE FROM app_client_secrets WHERE id = $1 AND client_id = $2")
                .bind(secret_id)
                .bind(client.id.as_str())
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }
}
