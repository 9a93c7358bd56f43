//! Passkeys' rows.

use super::{Store, one_row, read, record, rows, unless_taken, write};
use crate::audit::Change;
use crate::error::{Error, PasskeyFault, Result};
use crate::local_pool::passkey::{
    MAXIMUM_PASSKEYS, Passkey, PasskeyCeremony, StoredPasskey, fault, too_many_passkeys, unknown_passkey,
};
use crate::user::User;

rows! {
    struct PasskeyRow {
        id: String, user_id: String, name: String, relying_party_id: String, attachment: Option<String>,
        transports: String,
        credential: String, created_at_ms: i64,
    }
}

rows! {
    struct CeremonyRow { client_id: String, state: String, expires_at_ms: i64 }
}

impl From<PasskeyRow> for StoredPasskey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            passkey: Passkey {
                id: row.id,
                name: row.name,
                relying_party_id: row.relying_party_id,
                attachment: row.attachment,
                transports: serde_json::from_str(&row.transports).unwrap_or_default(),
                created_at_ms: row.created_at_ms,
            },
            user_id: row.user_id,
            credential: row.credential,
        }
    }
}

impl Store {
    /// Keeps what a registration was begun with, in place of one that the user has begun before.
    pub(crate) async fn begin_passkey(
        &self,
        user_id: &str,
        ceremony: &PasskeyCeremony,
        change: &Change,
    ) -> Result<()> {
        write!(self, transaction => {
            sqlx::query(
                "INSERT INTO passkey_ceremonies (user_id, client_id, state, expires_at_ms) \
                 VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (user_id) DO UPDATE SET client_id = $2, state = $3, expires_at_ms = $4",
            )
            .bind(user_id)
            .bind(ceremony.client_id.as_str())
            .bind(ceremony.state.as_str())
            .bind(ceremony.expires_at_ms)
            .execute(&mut *transaction)
            .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The registration that the user has begun last, which is used up by this.
    pub(crate) async fn take_passkey_ceremony(&self, user_id: &str) -> Result<Option<PasskeyCeremony>> {
        write!(self, transaction => {
            let row: Option<CeremonyRow> = sqlx::query_as(
                "DELETE FROM passkey_ceremonies WHERE user_id = $1 RETURNING client_id, state, expires_at_ms",
            )
            .bind(user_id)
            .fetch_optional(&mut *transaction)
            .await?;
            Ok(row.map(|row| PasskeyCeremony {
                client_id: row.client_id,
                state: row.state,
                expires_at_ms: row.expires_at_ms,
            }))
        })
    }

    /// Enters a passkey. No two users of a pool have the same.
    pub(crate) async fn insert_passkey(
        &self,
        pool_id: &str,
        user: &User,
        StoredPasskey { passkey, user_id, credential }: &StoredPasskey,
        change: &Change,
    ) -> Result<()> {
        let transports = serde_json::to_string(&passkey.transports).map_err(Error::internal)?;
        write!(self, transaction => {
            // Holds the account still: whose factors were reset meanwhile must not have this one.
            let unchanged = sqlx::query("UPDATE users SET version = version WHERE id = $1 AND version = $2")
                .bind(user_id.as_str())
                .bind(user.version)
                .execute(&mut *transaction)
                .await?;
            one_row(unchanged.rows_affected())?;
            let inserted = sqlx::query(
                "INSERT INTO passkeys (id, pool_id, user_id, name, relying_party_id, attachment, transports, \
                 credential, counter, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)",
            )
            .bind(passkey.id.as_str())
            .bind(pool_id)
            .bind(user_id.as_str())
            .bind(passkey.name.as_str())
            .bind(passkey.relying_party_id.as_str())
            .bind(passkey.attachment.as_deref())
            .bind(transports.as_str())
            .bind(credential.as_str())
            .bind(passkey.created_at_ms)
            .execute(&mut *transaction)
            .await;
            unless_taken(inserted, || fault(PasskeyFault::NotSupported))?;
            let count: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM passkeys WHERE user_id = $1")
                .bind(user_id.as_str())
                .fetch_one(&mut *transaction)
                .await?;
            if usize::try_from(count.0).is_ok_and(|count| count > MAXIMUM_PASSKEYS) {
                return Err(too_many_passkeys());
            }
            record!(transaction, change);
            Ok(())
        })
    }

    /// All passkeys of the user.
    pub(crate) async fn passkeys_of(&self, user_id: &str) -> Result<Vec<StoredPasskey>> {
        let rows: Vec<PasskeyRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT id, user_id, name, relying_party_id, attachment, transports, credential, \
                 created_at_ms FROM passkeys WHERE user_id = $1 ORDER BY created_at_ms, id",
            )
            .bind(user_id)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(StoredPasskey::from).collect())
    }

    /// Takes what a passkey has become by signing in: who has signed as often as this before, or more often,
    /// is a copy of it. Most keep no count: it is 0 then.
    pub(crate) async fn use_passkey(
        &self,
        user_id: &str,
        id: &str,
        credential: &str,
        counter: i64,
    ) -> Result<bool> {
        write!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE passkeys SET credential = $3, counter = $4 WHERE user_id = $1 AND id = $2 \
                 AND (counter < $4 OR (counter = 0 AND $4 = 0))",
            )
            .bind(user_id)
            .bind(id)
            .bind(credential)
            .bind(counter)
            .execute(&mut *transaction)
            .await?;
            Ok(updated.rows_affected() == 1)
        })
    }

    /// Deletes a passkey of the user.
    pub(crate) async fn delete_passkey(&self, user_id: &str, id: &str, change: &Change) -> Result<()> {
        write!(self, transaction => {
            let deleted = sqlx::query("DELETE FROM passkeys WHERE user_id = $1 AND id = $2")
                .bind(user_id)
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            if deleted.rows_affected() == 0 {
                return Err(unknown_passkey());
            }
            record!(transaction, change);
            Ok(())
        })
    }
}
