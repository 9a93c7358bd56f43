//! The audit log's rows.

use super::{Store, read, rows};
use crate::audit::{AuditEvent, AuditQuery, Outcome};
use crate::error::Result;
use crate::page::{Cursor, Page};

rows! {
    struct AuditRow {
        id: String, at_ms: i64, actor_kind: String, actor_id: Option<String>, actor_name: String,
        credential: Option<String>, action: String, target_kind: String, target_id: Option<String>,
        target_name: Option<String>, outcome: String, detail: String, request_id: String,
        address: Option<String>,
    }
}

impl From<AuditRow> for AuditEvent {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at_ms: row.at_ms,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            credential: row.credential,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            target_name: row.target_name,
            outcome: Outcome::parse(&row.outcome),
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
            request_id: row.request_id,
            address: row.address,
        }
    }
}

impl Store {
    /// What became of the user's sign-ins, newest first.
    pub async fn sign_in_events(&self, user_id: &str, page: &Cursor) -> Result<Page<AuditEvent>> {
        let rows: Vec<AuditRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT * FROM audit_events WHERE target_id = $1 AND action = 'user.sign-in' \
                 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
            )
            .bind(user_id)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        Ok(page.page(rows.into_iter().map(AuditEvent::from).collect(), |event| &event.id))
    }

    /// The events that fit, newest first.
    pub async fn audit_events(&self, query: &AuditQuery) -> Result<Page<AuditEvent>> {
        let rows: Vec<AuditRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT * FROM audit_events \
                 WHERE (CAST($1 AS TEXT) IS NULL OR actor_id = $1 OR actor_name = $1) \
                 AND (CAST($2 AS TEXT) IS NULL OR action = $2) \
                 AND (CAST($3 AS TEXT) IS NULL OR target_id = $3 OR target_name = $3) \
                 AND (CAST($4 AS BIGINT) IS NULL OR at_ms >= $4) \
                 AND (CAST($5 AS BIGINT) IS NULL OR at_ms < $5) \
                 AND ($6 = '' OR id < $6) ORDER BY id DESC LIMIT $7",
            )
            .bind(query.actor.as_deref())
            .bind(query.action.as_deref())
            .bind(query.target.as_deref())
            .bind(query.since_ms)
            .bind(query.until_ms)
            .bind(query.page.after())
            .bind(query.page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        Ok(query.page.page(rows.into_iter().map(AuditEvent::from).collect(), |event| &event.id))
    }
}
