//! What users' rows tell of second factors.

use super::session::use_once;
use super::user::end_sessions;
use super::{Store, one_row, record, write, write_keeping_an_admin, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::local_pool::factor::MfaPreference;
use crate::local_pool::sign_in;
use crate::user::User;

/// Takes the software token, and one that is yet to be proven, from the account of version `$user.version`,
/// within a transaction.
macro_rules! delete_totp {
    ($transaction:expr, $user:expr) => {{
        let user: &User = $user;
        let preference = serde_json::to_string(&user.mfa_preference).map_err(Error::internal)?;
        let updated = sqlx::query(
            "UPDATE users SET totp_secret = NULL, totp_pending = NULL, totp_enabled = FALSE, \
             mfa_preference = $3, updated_at_ms = $4, version = version + 1 WHERE id = $1 AND version = $2",
        )
        .bind(user.id.as_str())
        .bind(user.version)
        .bind(preference.as_str())
        .bind(user.updated_at_ms)
        .execute(&mut *$transaction)
        .await?;
        one_row(updated.rows_affected())?;
    }};
}

/// Takes all that is shown beside a password, or in place of one, from the account of this version, and ends
/// its sessions, within a transaction.
macro_rules! forget_factors {
    ($transaction:expr, $user:expr, $change:expr) => {{
        let user: &User = $user;
        delete_totp!($transaction, user);
        for delete in
            ["DELETE FROM passkeys WHERE user_id = $1", "DELETE FROM passkey_ceremonies WHERE user_id = $1"]
        {
            sqlx::query(delete).bind(user.id.as_str()).execute(&mut *$transaction).await?;
        }
        end_sessions!($transaction, user.id.as_str(), user.updated_at_ms);
        record!($transaction, $change);
        Ok::<(), Error>(())
    }};
}

impl Store {
    /// Keeps a software token's secret, sealed, that isn't proven yet; the one in use stays until it is.
    pub async fn set_pending_totp(&self, user_id: &str, secret: &str, change: &Change) -> Result<()> {
        write!(self, transaction => {
            let updated = sqlx::query("UPDATE users SET totp_pending = $2 WHERE id = $1")
                .bind(user_id)
                .bind(secret)
                .execute(&mut *transaction)
                .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Puts the pending secret into use, which a code of this step has proven; that code is used up by it.
    pub async fn prove_totp(
        &self,
        user_id: &str,
        pending: &str,
        step: i64,
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE users SET totp_secret = totp_pending, totp_pending = NULL, totp_last_step = $3, \
                 updated_at_ms = $4, version = version + 1 WHERE id = $1 AND totp_pending = $2",
            )
            .bind(user_id)
            .bind(pending)
            .bind(step)
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Gives the account of version `user.version`, which has none, a software token that is on from now. The
    /// code of this step has proven it, and is used up by it, as is the challenge that asked for it (its id
    /// and its end).
    ///
    /// # Errors
    /// `Unauthenticated` when the challenge was answered before; `Conflict` when the user was changed.
    pub(crate) async fn enrol_totp(
        &self,
        user: &User,
        secret: &str,
        step: i64,
        challenge: (&str, i64),
        change: &Change,
    ) -> Result<()> {
        let preference = serde_json::to_string(&user.mfa_preference).map_err(Error::internal)?;
        write_rights!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE users SET totp_secret = $3, totp_pending = NULL, totp_enabled = TRUE, \
                 totp_last_step = $4, mfa_preference = $5, updated_at_ms = $6, version = version + 1 \
                 WHERE id = $1 AND version = $2 AND totp_secret IS NULL AND enabled",
            )
            .bind(user.id.as_str())
            .bind(user.version)
            .bind(secret)
            .bind(step)
            .bind(preference.as_str())
            .bind(user.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            let (id, expires_at_ms) = challenge;
            if use_once!(transaction, id, expires_at_ms) != 1 {
                return Err(sign_in::challenge_used());
            }
            record!(transaction, change);
            Ok(())
        })
    }

    /// Switches second factors of the account of version `user.version` on and off, as `user` says. Only a
    /// proven software token can be on.
    pub(crate) async fn set_mfa_preference(&self, user: &User, change: &Change) -> Result<()> {
        let MfaPreference { software_token, .. } = user.mfa_preference;
        let preference = serde_json::to_string(&user.mfa_preference).map_err(Error::internal)?;
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            let updated = sqlx::query(
                "UPDATE users SET totp_enabled = $3, mfa_preference = $4, updated_at_ms = $5, \
                 version = version + 1 WHERE id = $1 AND version = $2 AND (totp_secret IS NOT NULL OR NOT $3)",
            )
            .bind(user.id.as_str())
            .bind(user.version)
            .bind(software_token)
            .bind(preference.as_str())
            .bind(user.updated_at_ms)
            .execute(&mut *transaction)
            .await?;
            one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Takes the software token, and one that is yet to be proven, from the account of version
    /// `user.version`.
    pub(crate) async fn delete_totp(&self, user: &User, change: &Change) -> Result<()> {
        write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
            delete_totp!(transaction, user);
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Takes the software token, what is switched on and the passkeys from the account of version
    /// `user.version`, and ends its sessions. Whoever has the machine may do that to the last admin, too, and
    /// brings them back after it.
    pub(crate) async fn forget_factors(
        &self,
        user: &User,
        keeps_an_admin: bool,
        change: &Change,
    ) -> Result<()> {
        if keeps_an_admin {
            write_keeping_an_admin!(self, user.updated_at_ms, transaction => {
                forget_factors!(transaction, user, change)
            })
        } else {
            write_rights!(self, transaction => { forget_factors!(transaction, user, change) })
        }
    }
}
