//! What is known here of a directory kept elsewhere: its users' rows, and the changes in it that were begun.

use std::collections::BTreeMap;

use super::role::insert_assignments;
use super::user::{UserRow, index_attributes, require_test_users, searched, select_users};
use super::{ADMIN_ROLES, Store, read, record, rows, write, write_at_once, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result};
use crate::user::{User, UserKind};
use crate::user_pool::{Identifiers, UserPool};

/// How many users are looked up at once; as many as Amazon gives in one page.
pub(crate) const LOOKED_UP_AT_ONCE: usize = 60;

rows! {
    struct MirrorRow {
        remote_name: Option<String>, not_before_ms: Option<i64>, kept_session: Option<String>, mfa_since_ms: Option<i64>, gone_at_ms: Option<i64>,
        temporary_until_ms: Option<i64>,
    }
}

rows! {
    struct IntentRow { id: String, node: String, subject: String, plan: String, at_ms: i64 }
}

/// Both parts of one row.
struct FullRow(UserRow, MirrorRow);

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for FullRow
where
    UserRow: sqlx::FromRow<'r, R>,
    MirrorRow: sqlx::FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self(UserRow::from_row(row)?, MirrorRow::from_row(row)?))
    }
}

/// A user of a directory kept elsewhere, as far as is known here; or a program user beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// The user, with the version of the row.
    pub(crate) user: User,
    /// What the directory calls them; nothing of a program user.
    pub(crate) remote_name: Option<String>,
    /// Who signed in earlier is signed out.
    pub(crate) not_before_ms: Option<i64>,
    /// The sign-in that goes on though it was earlier.
    pub(crate) kept_session: Option<String>,
    /// Who signed in earlier has shown no second factor; nothing as long as none is on.
    pub(crate) mfa_since_ms: Option<i64>,
    /// Since when the directory has known of no such user.
    pub(crate) gone_at_ms: Option<i64>,
    /// Until when a temporary password may be good, at the latest; nothing of one for good.
    pub(crate) temporary_until_ms: Option<i64>,
}

/// A row to be written.
#[derive(Debug)]
pub(crate) struct MirrorWrite<'a> {
    /// As it is to be; the version is counted up here.
    pub(crate) mirror: &'a Mirror,
    /// The version that was read; none when there was no row.
    pub(crate) known: Option<i64>,
    /// The roles that are to be taken and given, by their ids.
    pub(crate) removed: &'a [String],
    pub(crate) added: &'a [String],
    /// The name of who gives them.
    pub(crate) by: &'a str,
    pub(crate) now_ms: i64,
    /// Whether a test user comes to be by it.
    pub(crate) makes_test_user: bool,
}

/// A change in a directory kept elsewhere that was begun.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    /// The process that has begun it.
    pub(crate) node: String,
    /// Whom it is about: a user's id, or the name of one to be made.
    pub(crate) subject: String,
    /// What is to be done, JSON.
    pub(crate) plan: String,
    pub(crate) at_ms: i64,
}

impl From<FullRow> for Mirror {
    fn from(FullRow(user, row): FullRow) -> Self {
        Self {
            user: user.into(),
            remote_name: row.remote_name,
            not_before_ms: row.not_before_ms,
            kept_session: row.kept_session,
            mfa_since_ms: row.mfa_since_ms,
            gone_at_ms: row.gone_at_ms,
            temporary_until_ms: row.temporary_until_ms,
        }
    }
}

impl From<IntentRow> for Intent {
    fn from(row: IntentRow) -> Self {
        Self { id: row.id, node: row.node, subject: row.subject, plan: row.plan, at_ms: row.at_ms }
    }
}

macro_rules! select_mirrors {
    ($rest:literal) => {
        select_users!(and ", u.remote_name, u.not_before_ms, u.kept_session, u.mfa_since_ms, u.gone_at_ms", $rest)
    };
}

/// Makes the row, by the same values that [`UPDATE_MIRROR`] takes.
const INSERT_MIRROR: &str = "INSERT INTO users (id, pool_id, version, username, username_key, status, enabled, email, \
    email_key, email_verified, phone, phone_verified, attributes, totp_enabled, mfa_preference, remote_name, \
    not_before_ms, mfa_since_ms, gone_at_ms, created_at_ms, updated_at_ms, is_test, kept_session, \
    temporary_until_ms, kind, totp_last_step) \
    VALUES ($1, $2, $3 + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
    $23, $24, 'account', 0) ON CONFLICT (id) DO NOTHING";
/// Writes the row of the version $3.
const UPDATE_MIRROR: &str = "UPDATE users SET version = $3 + 1, username = $4, username_key = $5, status = $6, \
    enabled = $7, email = $8, email_key = $9, email_verified = $10, phone = $11, phone_verified = $12, \
    attributes = $13, totp_enabled = $14, mfa_preference = $15, remote_name = $16, not_before_ms = $17, \
    mfa_since_ms = $18, gone_at_ms = $19, created_at_ms = $20, updated_at_ms = $21, is_test = $22, \
    kept_session = $23, temporary_until_ms = $24 WHERE id = $1 AND pool_id = $2 AND version = $3";

/// Writes the row, within a transaction.
macro_rules! write_mirror {
    ($transaction:expr, $pool_id:expr, $identifiers:expr, $write:expr) => {{
        let (pool_id, identifiers, write): (&str, &Identifiers, &MirrorWrite<'_>) =
            ($pool_id, $identifiers, $write);
        let Mirror {
            user,
            remote_name,
            not_before_ms,
            kept_session,
            mfa_since_ms,
            gone_at_ms,
            temporary_until_ms,
        } = write.mirror;
        let attributes = serde_json::to_string(&user.attributes).map_err(Error::internal)?;
        let preference = serde_json::to_string(&user.mfa_preference).map_err(Error::internal)?;
        // A name leads to one user. Who had it before in the directory has another one now, or is gone; a program
        // user keeps it, and the account is known by its id.
        let name_key = identifiers.key(&user.username);
        let holder: Option<(String, String)> =
            sqlx::query_as("SELECT id, kind FROM users WHERE pool_id = $1 AND username_key = $2 AND id <> $3")
                .bind(pool_id)
                .bind(name_key.as_str())
                .bind(user.id.as_str())
                .fetch_optional(&mut *$transaction)
                .await?;
        let is_free = gone_at_ms.is_none() && holder.as_ref().is_none_or(|(_, kind)| kind == "account");
        if is_free && let Some((holder, _)) = &holder {
            let renamed =
                "UPDATE users SET username = id, username_key = id, version = version + 1 WHERE id = $1";
            sqlx::query(renamed).bind(holder.as_str()).execute(&mut *$transaction).await?;
        }
        let written = sqlx::query(if write.known.is_some() { UPDATE_MIRROR } else { INSERT_MIRROR })
            .bind(user.id.as_str())
            .bind(pool_id)
            .bind(write.known.unwrap_or(0))
            .bind(if is_free { user.username.as_str() } else { user.id.as_str() })
            .bind(if is_free { name_key.as_str() } else { user.id.as_str() })
            .bind(user.status.as_str())
            .bind(user.enabled)
            .bind(user.email.as_deref())
            .bind(user.email.as_deref().map(str::to_lowercase))
            .bind(user.email_verified)
            .bind(user.phone.as_deref())
            .bind(user.phone_verified)
            .bind(attributes.as_str())
            .bind(user.mfa_preference.software_token)
            .bind(preference.as_str())
            .bind(remote_name.as_deref())
            .bind(*not_before_ms)
            .bind(*mfa_since_ms)
            .bind(*gone_at_ms)
            .bind(user.created_at_ms)
            .bind(user.updated_at_ms)
            .bind(user.is_test)
            .bind(kept_session.as_deref())
            .bind(*temporary_until_ms)
            .execute(&mut *$transaction)
            .await?;
        super::one_row(written.rows_affected())?;
        if write.known.is_some() {
            sqlx::query("DELETE FROM user_attributes WHERE user_id = $1")
                .bind(user.id.as_str())
                .execute(&mut *$transaction)
                .await?;
        }
        if gone_at_ms.is_none() {
            index_attributes!($transaction, pool_id, identifiers, user);
        }
        for role_id in write.removed {
            sqlx::query("DELETE FROM assignments WHERE user_id = $1 AND role_id = $2")
                .bind(user.id.as_str())
                .bind(role_id.as_str())
                .execute(&mut *$transaction)
                .await?;
        }
        insert_assignments!($transaction, user.id.as_str(), write.added, write.by, write.now_ms);
    }};
}

/// Notes that it is known what became of what was intended, within a transaction. Who comes second finds that it
/// is known already.
macro_rules! end_intent {
    ($transaction:expr, $intent:expr) => {
        let ended = sqlx::query("DELETE FROM intents WHERE id = $1")
            .bind($intent)
            .execute(&mut *$transaction)
            .await?;
        super::one_row(ended.rows_affected())?;
    };
}

impl Store {
    /// Enters the pool of a directory kept elsewhere, or what is set of it now.
    pub(crate) async fn mirror_pool(&self, pool: &UserPool) -> Result<()> {
        let settings = serde_json::to_string(&pool.settings).map_err(Error::internal)?;
        write_rights!(self, transaction => {
            sqlx::query(
                "INSERT INTO user_pools (id, name, settings, created_at_ms, updated_at_ms, version, mfa, \
                 software_token_mfa) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (id) DO UPDATE SET name = $2, settings = $3, updated_at_ms = $5, mfa = $7, \
                 software_token_mfa = $8, version = user_pools.version + 1",
            )
            .bind(pool.id.as_str())
            .bind(pool.name.as_str())
            .bind(settings.as_str())
            .bind(pool.created_at_ms)
            .bind(pool.updated_at_ms)
            .bind(pool.version)
            .bind(pool.settings.mfa.as_str())
            .bind(pool.settings.software_token_mfa)
            .execute(&mut *transaction)
            .await?;
            Ok(())
        })
    }

    /// Notes which pool is the home of who has roles and keys.
    pub(crate) async fn set_directory(&self, pool_id: &str) -> Result<()> {
        write_rights!(self, transaction => {
            sqlx::query(
                "INSERT INTO settings (name, value) VALUES ('directory', $1) \
                 ON CONFLICT (name) DO UPDATE SET value = $1",
            )
            .bind(pool_id)
            .execute(&mut *transaction)
            .await?;
            Ok(())
        })
    }

    /// The user of the pool with this id.
    pub(crate) async fn mirror_of_id(&self, pool_id: &str, id: &str) -> Result<Option<Mirror>> {
        if id.contains('\0') {
            return Ok(None);
        }
        let row: Option<FullRow> = read!(self, connection => {
            sqlx::query_as(select_mirrors!("WHERE u.pool_id = $1 AND u.id = $2"))
                .bind(pool_id)
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(Mirror::from))
    }

    /// The user of the pool with this id or else this name, as it is looked up.
    pub(crate) async fn mirror(&self, pool_id: &str, name_key: &str, id: &str) -> Result<Option<Mirror>> {
        if name_key.contains('\0') || id.contains('\0') {
            return Ok(None);
        }
        let row: Option<FullRow> = read!(self, connection => {
            sqlx::query_as(select_mirrors!(
                "WHERE u.pool_id = $1 AND (u.username_key = $2 OR u.id = $3) \
                 ORDER BY CASE WHEN u.id = $3 THEN 0 ELSE 1 END LIMIT 1"
            ))
                .bind(pool_id)
                .bind(name_key)
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(Mirror::from))
    }

    /// The users of the pool with these ids, at most [`LOOKED_UP_AT_ONCE`] of them.
    pub(crate) async fn mirrors(&self, pool_id: &str, ids: &[&str]) -> Result<BTreeMap<String, Mirror>> {
        let rows: Vec<FullRow> = read!(self, connection => {
            let mut query = sqlx::query_as(select_mirrors!(
                "WHERE u.pool_id = $1 AND u.id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                 $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, \
                 $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, \
                 $54, $55, $56, $57, $58, $59, $60, $61)"
            ))
            .bind(pool_id);
            for place in 0..LOOKED_UP_AT_ONCE {
                query = query.bind(ids.get(place).copied().unwrap_or_default());
            }
            query.fetch_all(connection).await?
        });
        Ok(rows.into_iter().map(Mirror::from).map(|mirror| (mirror.user.id.clone(), mirror)).collect())
    }

    /// The accounts of the pool that have one of its roles with this name.
    pub(crate) async fn holders(&self, pool_id: &str, role: &str) -> Result<Vec<Mirror>> {
        let rows: Vec<FullRow> = read!(self, connection => {
            sqlx::query_as(select_mirrors!(
                "JOIN assignments h ON h.user_id = u.id JOIN roles g ON g.id = h.role_id \
                 WHERE g.pool_id = $1 AND g.name = $2 AND u.kind = 'account'"
            ))
            .bind(pool_id)
            .bind(role)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(Mirror::from).collect())
    }

    /// Writes what the directory says of a user; nobody here has decided it.
    ///
    /// # Errors
    /// `Conflict` when somebody else has changed the row meanwhile.
    pub(crate) async fn write_mirror(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        write: &MirrorWrite<'_>,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            write_mirror!(transaction, pool_id, identifiers, write);
            Ok(())
        })
    }

    /// Notes what is about to be done in the directory, and tells how many others are open about the same; nothing
    /// where it `is_creation` and a program user has the name.
    pub(crate) async fn insert_intent(
        &self,
        pool_id: &str,
        intent: &Intent,
        is_creation: bool,
    ) -> Result<Option<i64>> {
        let others: Option<(i64,)> = write_at_once!(self, connection => {
            sqlx::query_as(
                "INSERT INTO intents (id, pool_id, node, subject, plan, at_ms) SELECT $1, $2, $3, $4, $5, $6 \
                 WHERE NOT ($7 AND EXISTS (SELECT 1 FROM users u WHERE u.pool_id = $2 AND u.kind = 'program' \
                 AND (u.username_key = $4 OR u.id = $4))) \
                 RETURNING (SELECT COUNT(*) FROM intents o WHERE o.pool_id = $2 AND o.subject = $4 AND o.id <> $1)",
            )
            .bind(intent.id.as_str())
            .bind(pool_id)
            .bind(intent.node.as_str())
            .bind(intent.subject.as_str())
            .bind(intent.plan.as_str())
            .bind(intent.at_ms)
            .bind(is_creation)
            .fetch_optional(connection)
            .await?
        });
        Ok(others.map(|(others,)| others))
    }

    /// Whether the intent is still open and its `node`'s, and so now is `claimant`'s.
    pub(crate) async fn claim_intent(&self, intent: &str, node: &str, claimant: &str) -> Result<bool> {
        write!(self, transaction => {
            let claimed = sqlx::query("UPDATE intents SET node = $3 WHERE id = $1 AND node = $2")
                .bind(intent)
                .bind(node)
                .bind(claimant)
                .execute(&mut *transaction)
                .await?;
            Ok(claimed.rows_affected() == 1)
        })
    }

    /// What was begun in the directory, the oldest first: about `subject`, where one is said.
    pub(crate) async fn intents(&self, pool_id: &str, subject: Option<&str>) -> Result<Vec<Intent>> {
        let rows: Vec<IntentRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT id, node, subject, plan, at_ms FROM intents \
                 WHERE pool_id = $1 AND (CAST($2 AS TEXT) IS NULL OR subject = $2) ORDER BY at_ms, id",
            )
            .bind(pool_id)
            .bind(subject)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(Intent::from).collect())
    }

    /// Enters what became of what was intended: the change, with the row as it is now.
    ///
    /// # Errors
    /// `Conflict` when that is known already, or somebody else has changed the row meanwhile.
    pub(crate) async fn end_intent(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        intent: &str,
        write: Option<&MirrorWrite<'_>>,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            if write.is_some_and(|write| write.makes_test_user) {
                require_test_users!(transaction);
            }
            end_intent!(transaction, intent);
            if let Some(write) = write {
                write_mirror!(transaction, pool_id, identifiers, write);
            }
            record!(transaction, change);
            Ok(())
        })
    }

    /// The same of a user who was deleted: the row goes, with roles and keys.
    pub(crate) async fn end_deletion(&self, intent: &str, user_id: &str, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            end_intent!(transaction, intent);
            sqlx::query("DELETE FROM users WHERE id = $1").bind(user_id).execute(&mut *transaction).await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The same of a role whose group was deleted.
    pub(crate) async fn end_role(&self, intent: &str, role_id: &str, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            end_intent!(transaction, intent);
            sqlx::query("DELETE FROM roles WHERE id = $1").bind(role_id).execute(&mut *transaction).await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Enters what was begun, and what didn't come of it.
    pub(crate) async fn end_failed(&self, intent: &str, change: &Change) -> Result<()> {
        write!(self, transaction => {
            end_intent!(transaction, intent);
            record!(transaction, change);
            Ok(())
        })
    }

    /// Marks the account of this version as a test user.
    pub(crate) async fn mark_test_user(&self, user: &User, change: &Change) -> Result<()> {
        write_rights!(self, transaction => {
            require_test_users!(transaction);
            let marked = sqlx::query(
                "UPDATE users SET is_test = TRUE, version = version + 1 WHERE id = $1 AND version = $2",
            )
            .bind(user.id.as_str())
            .bind(user.version)
            .execute(&mut *transaction)
            .await?;
            super::one_row(marked.rows_affected())?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Who may do everything and could sign in, and by which roles: users' and roles' ids.
    pub(crate) async fn admin_roles(&self, now_ms: i64) -> Result<Vec<(String, String)>> {
        Ok(read!(self, connection => {
            sqlx::query_as(ADMIN_ROLES).bind(now_ms).fetch_all(connection).await?
        }))
    }
}

impl Mirror {
    /// Whether it is a name that Keyward alone knows.
    pub(crate) fn is_program(&self) -> bool {
        self.user.kind == UserKind::Program
    }
}
