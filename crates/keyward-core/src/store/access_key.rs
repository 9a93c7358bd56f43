//! Access keys' rows.

use std::sync::Arc;

use super::api_key::last_use;
use super::{Store, TAKE_TURN, one_row, read, record, rows, write, write_rights};
use crate::access_key::{AccessKey, MAXIMUM_KEYS, too_many_keys};
use crate::audit::Change;
use crate::caller::Identity;
use crate::error::Result;
use crate::page::{Cursor, Page};

rows! {
    struct AccessKeyRow {
        id: String, user_id: String, username: String, created_by: String, created_at_ms: i64,
        last_used_at_ms: Option<i64>, last_used_address: Option<String>, last_used_agent: Option<String>,
        place: String,
    }
}

rows! {
    struct RecordRow { id: String, sealed: String, user_id: String, username: String, user_enabled: bool }
}

/// What must be known of an access key to let it in.
#[derive(Debug)]
pub struct AccessKeyRecord {
    /// Which key it is, and as whom it acts.
    pub identity: Arc<Identity>,
    /// Whether its user is enabled.
    pub user_enabled: bool,
    /// The secret.
    pub sealed: String,
}

impl From<AccessKeyRow> for AccessKey {
    fn from(row: AccessKeyRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            username: row.username,
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            last_used: last_use(row.last_used_at_ms, row.last_used_address, row.last_used_agent),
        }
    }
}

impl From<RecordRow> for AccessKeyRecord {
    fn from(row: RecordRow) -> Self {
        let identity =
            Identity::AccessKey { user_id: row.user_id, username: row.username, access_key_id: row.id };
        Self { identity: Arc::new(identity), user_enabled: row.user_enabled, sealed: row.sealed }
    }
}

/// `place` is what the keys are listed by: their users' names, which have no space in them, and then the ids.
macro_rules! select_access_keys {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.user_id, u.username, k.created_by, k.created_at_ms, k.last_used_at_ms, ",
            "k.last_used_address, k.last_used_agent, u.username_key || ' ' || k.id AS place ",
            "FROM access_keys k JOIN users u ON u.id = k.user_id ",
            $rest
        )
    };
}

impl Store {
    /// Makes the key, unless its user has as many as there may be.
    pub(crate) async fn insert_access_key(
        &self,
        key: &AccessKey,
        sealed: &str,
        change: &Change,
    ) -> Result<()> {
        // A new key changes nobody's rights: nothing that is kept in memory knows of it.
        write!(self, transaction => {
            // Of two keys made at once, the second must see the first.
            sqlx::query(TAKE_TURN).execute(&mut *transaction).await?;
            let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM access_keys WHERE user_id = $1")
                .bind(key.user_id.as_str())
                .fetch_one(&mut *transaction)
                .await?;
            if count >= MAXIMUM_KEYS {
                return Err(too_many_keys());
            }
            sqlx::query(
                "INSERT INTO access_keys (id, sealed, user_id, created_by, created_at_ms) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(key.id.as_str())
            .bind(sealed)
            .bind(key.user_id.as_str())
            .bind(key.created_by.as_str())
            .bind(key.created_at_ms)
            .execute(&mut *transaction)
            .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The keys that fit, by their users' names.
    pub async fn access_keys(&self, user_id: Option<&str>, page: &Cursor) -> Result<Page<AccessKey>> {
        let rows: Vec<AccessKeyRow> = read!(self, connection => {
            sqlx::query_as(select_access_keys!(
                "WHERE (CAST($1 AS TEXT) IS NULL OR k.user_id = $1) \
                 AND u.username_key || ' ' || k.id > $2 ORDER BY u.username_key || ' ' || k.id LIMIT $3"
            ))
            .bind(user_id)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        let page = page.page(rows, |row| &row.place);
        Ok(Page { items: page.items.into_iter().map(AccessKey::from).collect(), next: page.next })
    }

    /// The key of this id.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let row: Option<AccessKeyRow> = read!(self, connection => {
            sqlx::query_as(select_access_keys!("WHERE k.id = $1"))
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(AccessKey::from))
    }

    /// What must be known of the key of this id to let it in.
    pub async fn access_key_record(&self, id: &str) -> Result<Option<AccessKeyRecord>> {
        let row: Option<RecordRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT k.id, k.sealed, k.user_id, u.username, u.enabled AS user_enabled \
                 FROM access_keys k JOIN users u ON u.id = k.user_id WHERE k.id = $1",
            )
            .bind(id)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(AccessKeyRecord::from))
    }

    /// Deletes the key of this id.
    pub async fn delete_access_key(&self, id: &str, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            let deleted = sqlx::query("DELETE FROM access_keys WHERE id = $1")
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }
}
