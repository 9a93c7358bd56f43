//! The messages that wait to be sent.

use super::{Store, read, record, rows, write};
use crate::audit::Change;
use crate::error::Result;
use crate::message::{Channel, StoredMessage};
use crate::page::{Cursor, Page};

rows! {
    struct MessageRow {
        id: String, pool_id: String, channel: String, event_id: String, sealed: String, created_at_ms: i64,
        tries: i64, expires_at_ms: i64,
    }
}

impl From<MessageRow> for StoredMessage {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            pool_id: row.pool_id,
            channel: row.channel,
            event_id: row.event_id,
            sealed: row.sealed,
            created_at_ms: row.created_at_ms,
            tries: row.tries,
            expires_at_ms: row.expires_at_ms,
        }
    }
}

/// Of these channels, the first or the second, for a statement that has a place for each; empty for none.
fn name(channels: &[Channel], index: usize) -> &'static str {
    channels.get(index).map_or("", |channel| channel.as_str())
}

impl Store {
    /// The messages by these channels (two at most) that have not expired, oldest first.
    pub(crate) async fn waiting_messages(
        &self,
        channels: &[Channel],
        now_ms: i64,
        page: &Cursor,
    ) -> Result<Page<StoredMessage>> {
        let rows: Vec<MessageRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT * FROM messages WHERE channel IN ($1, $2) AND expires_at_ms > $3 AND id > $4 \
                 ORDER BY id LIMIT $5",
            )
            .bind(name(channels, 0))
            .bind(name(channels, 1))
            .bind(now_ms)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        let page = page.page(rows, |row| &row.id);
        Ok(Page { items: page.items.into_iter().map(StoredMessage::from).collect(), next: page.next })
    }

    /// Takes messages that are due at `now_ms` by other channels than those that are `kept`, oldest first:
    /// they are due again at `until_ms`. Forgets the messages to nobody, and those by the channels `kept` that
    /// nobody has read in time.
    pub(crate) async fn take_messages(
        &self,
        kept: &[Channel],
        limit: usize,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<StoredMessage>> {
        let mut rows: Vec<MessageRow> = write!(self, transaction => {
            sqlx::query(
                "DELETE FROM messages WHERE channel = 'nowhere' \
                 OR (channel IN ($1, $2) AND expires_at_ms <= $3)",
            )
            .bind(name(kept, 0))
            .bind(name(kept, 1))
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
            // Of two who take at once, PostgreSQL lets the second wait for the rows of the first and look at
            // them again then: the outer condition keeps it from taking what was taken.
            Ok(sqlx::query_as(
                "UPDATE messages SET due_at_ms = $2, tries = tries + 1 WHERE due_at_ms <= $1 AND id IN (\
                 SELECT id FROM messages WHERE due_at_ms <= $1 AND channel NOT IN ('nowhere', $3, $4) \
                 ORDER BY due_at_ms, id LIMIT $5) RETURNING *",
            )
            .bind(now_ms)
            .bind(until_ms)
            .bind(name(kept, 0))
            .bind(name(kept, 1))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *transaction)
            .await?)
        })?;
        rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(rows.into_iter().map(StoredMessage::from).collect())
    }

    /// Forgets the message.
    pub(crate) async fn delete_message(&self, id: &str) -> Result<()> {
        write!(self, transaction => {
            sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&mut *transaction).await?;
            Ok(())
        })
    }

    /// Lets the message be taken again from `due_at_ms` on.
    pub(crate) async fn postpone_message(&self, id: &str, due_at_ms: i64) -> Result<()> {
        write!(self, transaction => {
            sqlx::query("UPDATE messages SET due_at_ms = $2 WHERE id = $1")
                .bind(id)
                .bind(due_at_ms)
                .execute(&mut *transaction)
                .await?;
            Ok(())
        })
    }

    /// Forgets the message, and enters that nobody got it.
    pub(crate) async fn give_message_up(&self, id: &str, change: &Change) -> Result<()> {
        write!(self, transaction => {
            sqlx::query("DELETE FROM messages WHERE id = $1").bind(id).execute(&mut *transaction).await?;
            record!(transaction, change);
            Ok(())
        })
    }
}
