//! One-time codes' rows.

use super::{Store, read, record, rows, write};
use crate::audit::Change;
use crate::code::{GoodCode, Guess, Purpose, TRIES};
use crate::error::Result;
use crate::message::Channel;

rows! {
    struct CodeRow { channel: String, destination: String, replaces: String, fingerprint: String }
}

/// Makes this the code of its owner and purpose, within a transaction, unless too many were sent lately.
macro_rules! enter_code {
    ($transaction:expr, $code:expr) => {{
        let code: &$crate::code::StoredCode = $code;
        let counted_since_ms = code.created_at_ms - $crate::code::COUNTED_MS;
        let entered = sqlx::query(
            "INSERT INTO codes (pool_id, owner, purpose, channel, destination, replaces, fingerprint, tries, \
             sent, counted_since_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $11, $6, 0, $12, $13, $8) \
             ON CONFLICT (pool_id, owner, purpose) DO UPDATE SET channel = $4, destination = $5, \
             replaces = $11, fingerprint = $6, tries = 0, expires_at_ms = $8, \
             sent = CASE WHEN codes.counted_since_ms <= $9 THEN 1 ELSE codes.sent + 1 END, \
             counted_since_ms = CASE WHEN codes.counted_since_ms <= $9 THEN $7 ELSE codes.counted_since_ms END \
             WHERE codes.counted_since_ms <= $9 OR codes.sent < $10",
        )
        .bind(code.pool_id.as_str())
        .bind(code.owner.as_str())
        .bind(code.purpose.as_str())
        .bind(code.channel.as_str())
        .bind(code.destination.as_str())
        .bind(code.fingerprint.as_str())
        .bind(code.created_at_ms)
        .bind(code.expires_at_ms)
        .bind(counted_since_ms)
        .bind(code.sent_at_most)
        .bind(code.replaces.as_str())
        .bind(i64::from(code.is_counted))
        .bind(if code.is_counted { code.created_at_ms } else { 0 })
        .execute(&mut *$transaction)
        .await?;
        if entered.rows_affected() == 0 {
            let since: Option<(i64,)> = sqlx::query_as(
                "SELECT counted_since_ms FROM codes WHERE pool_id = $1 AND owner = $2 AND purpose = $3",
            )
            .bind(code.pool_id.as_str())
            .bind(code.owner.as_str())
            .bind(code.purpose.as_str())
            .fetch_optional(&mut *$transaction)
            .await?;
            let since_ms = since.map_or(counted_since_ms, |(since_ms,)| since_ms);
            return Err($crate::code::codes_exceeded(since_ms - counted_since_ms));
        }
    }};
}

/// Uses a code up, within the transaction of what it permits. How many were sent stays known.
macro_rules! use_code {
    ($transaction:expr, $code:expr) => {{
        let code: &$crate::code::GoodCode = $code;
        let used = sqlx::query(
            "UPDATE codes SET fingerprint = '', expires_at_ms = 0 \
             WHERE pool_id = $1 AND owner = $2 AND purpose = $3 AND fingerprint = $4",
        )
        .bind(code.pool_id.as_str())
        .bind(code.owner.as_str())
        .bind(code.purpose.as_str())
        .bind(code.fingerprint.as_str())
        .execute(&mut *$transaction)
        .await?;
        if used.rows_affected() == 0 {
            return Err($crate::code::code_void());
        }
    }};
}

pub(crate) use {enter_code, use_code};

impl Store {
    /// Counts a guess at the code of this owner and purpose, and says what `is_right` makes of it, which is
    /// given the address and the fingerprint; enters the one failure when it is wrong, and the other when
    /// there is none.
    pub(crate) async fn guess_code(
        &self,
        pool_id: &str,
        owner: &str,
        purpose: Purpose,
        now_ms: i64,
        is_right: impl Fn(&str, &str) -> Result<bool>,
        (wrong, void): (Option<&Change>, Option<&Change>),
    ) -> Result<Guess> {
        write!(self, transaction => {
            // Counted before it is looked at. Of guesses made at once, PostgreSQL lets each wait for the one
            // before it and count on from there.
            let row: Option<CodeRow> = sqlx::query_as(
                "UPDATE codes SET tries = tries + 1 WHERE pool_id = $1 AND owner = $2 AND purpose = $3 \
                 AND expires_at_ms > $4 AND tries < $5 RETURNING channel, destination, replaces, fingerprint",
            )
            .bind(pool_id)
            .bind(owner)
            .bind(purpose.as_str())
            .bind(now_ms)
            .bind(TRIES)
            .fetch_optional(&mut *transaction)
            .await?;
            let is_void = row.is_none();
            let right = match row {
                Some(row) if is_right(&row.destination, &row.fingerprint)? => Some(row),
                _ => None,
            };
            let Some(row) = right else {
                if let Some(failure) = if is_void { void } else { wrong } {
                    record!(transaction, failure);
                }
                return Ok(if is_void { Guess::Void } else { Guess::Wrong });
            };
            Ok(Guess::Right(GoodCode {
                pool_id: pool_id.to_owned(),
                owner: owner.to_owned(),
                purpose,
                fingerprint: row.fingerprint,
                channel: Channel::parse(&row.channel),
                destination: row.destination,
                replaces: row.replaces,
            }))
        })
    }

    /// The address that is to take the place of `replaces` once it is proven by a code of this purpose, whether
    /// or not that code is still good.
    pub(crate) async fn pending_address(
        &self,
        pool_id: &str,
        user_id: &str,
        purpose: Purpose,
        replaces: &str,
    ) -> Result<Option<String>> {
        let row: Option<(String,)> = read!(self, connection => {
            sqlx::query_as(
                "SELECT destination FROM codes WHERE pool_id = $1 AND owner = $2 AND purpose = $3 \
                 AND replaces = $4 AND destination <> $4 AND fingerprint <> ''",
            )
            .bind(pool_id)
            .bind(user_id)
            .bind(purpose.as_str())
            .bind(replaces)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(|(destination,)| destination))
    }
}
