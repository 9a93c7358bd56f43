//! Sign-ins' rows: sessions, failures, what may be used once.

use super::user::{FullRow, end_sessions, select_users};
use super::{Account, Store, read, record, rows, write, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::local_pool::sign_in;

rows! {
    struct SessionRow {
        id: String, user_id: String, username: String, user_enabled: bool, client_id: String, pool_id: String,
        mfa: bool, created_at_ms: i64, expires_at_ms: i64, revoked_at_ms: Option<i64>,
    }
}

rows! {
    struct SignedInRow {
        session_id: String, client_id: String, session_mfa: bool, signed_in_at_ms: i64, expires_at_ms: i64,
        revoked_at_ms: Option<i64>, refresh_hash: String, refresh_rotated: Option<String>, amr: String,
    }
}

/// Both parts of one row.
struct SignedInFullRow(SignedInRow, FullRow);

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for SignedInFullRow
where
    SignedInRow: sqlx::FromRow<'r, R>,
    FullRow: sqlx::FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self(SignedInRow::from_row(row)?, FullRow::from_row(row)?))
    }
}

/// A sign-in, with what must be known of its user.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// The tokens' `origin_jti`.
    pub id: String,
    /// Who signed in.
    pub user_id: String,
    /// Their name.
    pub username: String,
    /// Whether they are enabled.
    pub user_enabled: bool,
    /// Through which app client.
    pub client_id: String,
    /// In which pool.
    pub pool_id: String,
    /// Whether a second factor was shown.
    pub mfa: bool,
    /// When; milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// When the refresh token ends.
    pub expires_at_ms: i64,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// A sign-in with its user, read together: this is asked with each refresh.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) session: SessionRecord,
    pub(crate) account: Account,
    pub(crate) refresh_tokens: RefreshTokens,
    /// What was shown, in the words of RFC 8176, with spaces between.
    pub(crate) amr: String,
}

/// The refresh tokens of a sign-in, by their hashes. Where they rotate, each is followed by the next one.
#[derive(Debug)]
pub(crate) struct RefreshTokens {
    pub(crate) newest: String,
    /// Those before it that may be shown once more, and until when (milliseconds since the epoch, UTC).
    pub(crate) rotated: Vec<(String, i64)>,
}

/// A sign-in to be kept, if nothing has come between.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The tokens' `origin_jti`.
    pub id: &'a str,
    /// Who signed in.
    pub user_id: &'a str,
    /// The version of the user that all was checked against.
    pub user_version: i64,
    /// What counts the failures of the step that came last, and starts over now; none where nothing was
    /// guessed.
    pub counter: Option<&'a str>,
    /// The challenge that was answered, to be used up: its id and its end (milliseconds since the epoch,
    /// UTC).
    pub challenge: Option<(&'a str, i64)>,
    /// The step of the one-time code that was shown, to be used up.
    pub totp_step: Option<i64>,
    /// Through which app client.
    pub client_id: &'a str,
    /// SHA-256 of what all its refresh tokens begin with, hexadecimal digits.
    pub refresh_family: &'a str,
    /// SHA-256 of the refresh token, hexadecimal digits.
    pub refresh_hash: &'a str,
    /// Whether a second factor was shown.
    pub mfa: bool,
    /// What was shown, in the words of RFC 8176, with spaces between.
    pub amr: &'a str,
    /// When; milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// When the refresh token ends.
    pub expires_at_ms: i64,
}

impl From<SessionRow> for SessionRecord {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            username: row.username,
            user_enabled: row.user_enabled,
            client_id: row.client_id,
            pool_id: row.pool_id,
            mfa: row.mfa,
            created_at_ms: row.created_at_ms,
            expires_at_ms: row.expires_at_ms,
            revoked_at_ms: row.revoked_at_ms,
        }
    }
}

macro_rules! select_sessions {
    ($condition:literal) => {
        concat!(
            "SELECT s.id, s.user_id, u.username, u.enabled AS user_enabled, s.client_id, u.pool_id, s.mfa, ",
            "s.created_at_ms, s.expires_at_ms, s.revoked_at_ms FROM sessions s JOIN users u ON u.id = s.user_id ",
            $condition
        )
    };
}

macro_rules! select_signed_in {
    ($rest:literal) => {
        select_users!(
            and ", s.id AS session_id, s.client_id, s.mfa AS session_mfa, s.created_at_ms AS signed_in_at_ms, \
                s.expires_at_ms, s.revoked_at_ms, s.refresh_hash, s.refresh_rotated, s.amr",
            $rest
        )
    };
}

impl TryFrom<SignedInFullRow> for SignedIn {
    type Error = Error;

    fn try_from(SignedInFullRow(row, account): SignedInFullRow) -> Result<Self> {
        let account = Account::from(account);
        let rotated = row.refresh_rotated.as_deref().map(serde_json::from_str);
        Ok(Self {
            session: SessionRecord {
                id: row.session_id,
                user_id: account.user.id.clone(),
                username: account.user.username.clone(),
                user_enabled: account.user.enabled,
                client_id: row.client_id,
                pool_id: account.pool_id.clone(),
                mfa: row.session_mfa,
                created_at_ms: row.signed_in_at_ms,
                expires_at_ms: row.expires_at_ms,
                revoked_at_ms: row.revoked_at_ms,
            },
            refresh_tokens: RefreshTokens {
                newest: row.refresh_hash,
                rotated: rotated.transpose().map_err(Error::internal)?.unwrap_or_default(),
            },
            account,
            amr: row.amr,
        })
    }
}

/// Uses up an id, within a transaction; 1, or 0 when it was used before.
macro_rules! use_once {
    ($transaction:expr, $id:expr, $expires_at_ms:expr) => {
        sqlx::query("INSERT INTO used_once (id, expires_at_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind($id)
            .bind($expires_at_ms)
            .execute(&mut *$transaction)
            .await?
            .rows_affected()
    };
}
pub(super) use use_once;

/// Forgets a counter's failures, within a transaction, unless they lock further attempts.
macro_rules! forget_failures {
    ($transaction:expr, $pool_id:expr, $counter:expr, $now_ms:expr) => {{
        sqlx::query(
            "DELETE FROM sign_in_failures WHERE pool_id = $1 AND counter = $2 AND locked_until_ms <= $3",
        )
        .bind($pool_id)
        .bind($counter)
        .bind($now_ms)
        .execute(&mut *$transaction)
        .await?;
        // What is still there is locked.
        let locked: Option<(i64,)> = sqlx::query_as(
            "SELECT locked_until_ms FROM sign_in_failures WHERE pool_id = $1 AND counter = $2",
        )
        .bind($pool_id)
        .bind($counter)
        .fetch_optional(&mut *$transaction)
        .await?;
        if locked.is_some() {
            return Err(sign_in::attempts_exceeded());
        }
    }};
}

impl Store {
    /// Keeps a new sign-in, and forgets the failures before it. All that could have changed since it was
    /// checked is checked again in here: of a hundred guesses made at once, the right one is worth no more
    /// than one made after the others.
    ///
    /// # Errors
    /// `Unauthenticated` when attempts are locked, the user was changed, or the challenge was answered
    /// before; `CodeExpired` when the one-time code, or a later one, was used before.
    pub async fn insert_session(
        &self,
        pool_id: &str,
        session: NewSession<'_>,
        change: &Change,
    ) -> Result<()> {
        write!(self, transaction => {
            // Changes nothing, but takes the row's lock: what disables the user, or sets a password, comes
            // wholly before (and is seen here) or wholly after (and ends this session).
            let met = sqlx::query(
                "UPDATE users SET version = version WHERE id = $1 AND version = $2 AND enabled",
            )
            .bind(session.user_id)
            .bind(session.user_version)
            .execute(&mut *transaction)
            .await?;
            if met.rows_affected() != 1 {
                return Err(sign_in::user_changed());
            }
            if let Some(counter) = session.counter {
                forget_failures!(transaction, pool_id, counter, session.created_at_ms);
            }
            if let Some(step) = session.totp_step {
                let used = sqlx::query(
                    "UPDATE users SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2",
                )
                .bind(session.user_id)
                .bind(step)
                .execute(&mut *transaction)
                .await?;
                if used.rows_affected() != 1 {
                    return Err(sign_in::code_used());
                }
            }
            if let Some((id, expires_at_ms)) = session.challenge
                && use_once!(transaction, id, expires_at_ms) != 1
            {
                return Err(sign_in::challenge_used());
            }
            sqlx::query(
                "INSERT INTO sessions (id, user_id, client_id, refresh_hash, mfa, created_at_ms, \
                 expires_at_ms, refresh_family, amr) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(session.id)
            .bind(session.user_id)
            .bind(session.client_id)
            .bind(session.refresh_hash)
            .bind(session.mfa)
            .bind(session.created_at_ms)
            .bind(session.expires_at_ms)
            .bind(session.refresh_family)
            .bind(session.amr)
            .execute(&mut *transaction)
            .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Forgets the failures that this counter has, after an attempt that was right.
    ///
    /// # Errors
    /// `Unauthenticated` when attempts are locked: then a right one is refused as a wrong one is.
    pub async fn forget_sign_in_failures(&self, pool_id: &str, counter: &str, now_ms: i64) -> Result<()> {
        write!(self, transaction => {
            forget_failures!(transaction, pool_id, counter, now_ms);
            Ok(())
        })
    }

    /// The sign-in of this id.
    pub async fn session_record(&self, id: &str) -> Result<Option<SessionRecord>> {
        let row: Option<SessionRow> = read!(self, connection => {
            sqlx::query_as(select_sessions!("WHERE s.id = $1")).bind(id).fetch_optional(connection).await?
        });
        Ok(row.map(SessionRecord::from))
    }

    /// The sign-in of this id, with its user.
    pub(crate) async fn signed_in(&self, id: &str) -> Result<Option<SignedIn>> {
        let row: Option<SignedInFullRow> = read!(self, connection => {
            sqlx::query_as(select_signed_in!("JOIN sessions s ON s.user_id = u.id WHERE s.id = $1")).bind(id).fetch_optional(connection).await?
        });
        row.map(SignedIn::try_from).transpose()
    }

    /// The sign-in whose refresh tokens begin with what has this hash, with its user.
    pub(crate) async fn signed_in_by_refresh_family(&self, family: &str) -> Result<Option<SignedIn>> {
        let row: Option<SignedInFullRow> = read!(self, connection => {
            sqlx::query_as(select_signed_in!("JOIN sessions s ON s.user_id = u.id WHERE s.refresh_family = $1"))
                .bind(family)
                .fetch_optional(connection)
                .await?
        });
        row.map(SignedIn::try_from).transpose()
    }

    /// Puts `next` in the place of the newest refresh token, by their hashes, unless another came first;
    /// whether it did.
    pub(crate) async fn rotate_refresh_token(
        &self,
        session_id: &str,
        newest: &str,
        next: &RefreshTokens,
    ) -> Result<bool> {
        let rotated = serde_json::to_string(&next.rotated).map_err(Error::internal)?;
        write!(self, transaction => {
            let updated = sqlx::query(
                "UPDATE sessions SET refresh_hash = $3, refresh_rotated = $4 \
                 WHERE id = $1 AND refresh_hash = $2 AND revoked_at_ms IS NULL",
            )
            .bind(session_id)
            .bind(newest)
            .bind(next.newest.as_str())
            .bind(rotated.as_str())
            .execute(&mut *transaction)
            .await?;
            Ok(updated.rows_affected() == 1)
        })
    }

    /// Ends one sign-in: its refresh token and all tokens that came of it.
    pub async fn revoke_session(&self, id: &str, now_ms: i64, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            sqlx::query("UPDATE sessions SET revoked_at_ms = $2 WHERE id = $1 AND revoked_at_ms IS NULL")
                .bind(id)
                .bind(now_ms)
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Ends all sign-ins of the user.
    pub async fn revoke_sessions(&self, user_id: &str, now_ms: i64, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            end_sessions!(transaction, user_id, now_ms);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Uses up `id`, which nobody needs to remember after `expires_at_ms`; `false` when it was used before.
    pub async fn use_once(&self, id: &str, expires_at_ms: i64) -> Result<bool> {
        write!(self, transaction => { Ok(use_once!(transaction, id, expires_at_ms) == 1) })
    }

    /// Whether [`Store::use_once`] has used it up.
    pub async fn is_used(&self, id: &str) -> Result<bool> {
        let row: Option<(i64,)> = read!(self, connection => {
            sqlx::query_as("SELECT expires_at_ms FROM used_once WHERE id = $1")
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.is_some())
    }

    /// How many attempts have failed of late (since `since_ms`), and until when further ones are locked.
    pub async fn sign_in_failures(&self, pool_id: &str, counter: &str, since_ms: i64) -> Result<(i64, i64)> {
        let row: Option<(i64, i64)> = read!(self, connection => {
            sqlx::query_as(
                "SELECT failures, locked_until_ms FROM sign_in_failures \
                 WHERE pool_id = $1 AND counter = $2 AND failed_at_ms >= $3",
            )
            .bind(pool_id)
            .bind(counter)
            .bind(since_ms)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.unwrap_or_default())
    }

    /// Counts one more failed attempt at `now_ms`; what came before `since_ms` is forgotten. `lock_ms` says
    /// for how long so many failures lock. The count after it; nothing is counted, and nothing entered, while
    /// attempts are locked.
    pub async fn add_sign_in_failure(
        &self,
        pool_id: &str,
        counter: &str,
        now_ms: i64,
        since_ms: i64,
        lock_ms: fn(i64) -> i64,
        change: &Change,
    ) -> Result<Option<i64>> {
        write!(self, transaction => {
            // One statement that counts, so that attempts made at once are all counted.
            let after: Option<(i64,)> = sqlx::query_as(
                "INSERT INTO sign_in_failures (pool_id, counter, failures, failed_at_ms, locked_until_ms) \
                 VALUES ($1, $2, 1, $3, 0) ON CONFLICT (pool_id, counter) DO UPDATE SET failures = \
                 CASE WHEN sign_in_failures.failed_at_ms < $4 THEN 1 ELSE sign_in_failures.failures + 1 END, \
                 failed_at_ms = $3 WHERE sign_in_failures.locked_until_ms <= $3 RETURNING failures",
            )
            .bind(pool_id)
            .bind(counter)
            .bind(now_ms)
            .bind(since_ms)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some((failures,)) = after else { return Ok(None) };
            sqlx::query(
                "UPDATE sign_in_failures SET locked_until_ms = $3 WHERE pool_id = $1 AND counter = $2",
            )
            .bind(pool_id)
            .bind(counter)
            .bind(now_ms.saturating_add(lock_ms(failures)))
            .execute(&mut *transaction)
            .await?;
            record!(transaction, change);
            Ok(Some(failures))
        })
    }
}
