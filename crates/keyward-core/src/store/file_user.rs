//! The rows of users who are kept in a file.

use std::collections::BTreeMap;

use super::role::permissions;
use super::user::{aliases, claim_aliases, end_sessions, index_attributes, searched};
use super::{Store, read, record, rows, unless_taken, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result, Thing};
use crate::local_pool::factor::MfaPreference;
use crate::permission::Permission;
use crate::user::{User, UserKind, UserStatus};
use crate::user_pool::Identifiers;

/// Who gave the roles that the file says.
const GIVER: &str = "file of users";

rows! {
    struct FileAccountRow {
        id: String, username: String, email: Option<String>, attributes: String, enabled: bool,
        password_hash: Option<String>, own_permissions: Option<String>, role_ids: Option<String>,
    }
}

/// What the file says of an account, and its row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileAccount {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) password_hash: Option<String>,
    /// In order, each once.
    pub(crate) permissions: Option<Vec<Permission>>,
    /// In order, each once.
    pub(crate) role_ids: Vec<String>,
}

/// What is new in the file.
#[derive(Debug, Default)]
pub(crate) struct FileChanges {
    /// Who is new or another than before, and whether they have another password.
    pub(crate) entered: Vec<(FileAccount, bool)>,
    /// The ids of those who aren't there any more.
    pub(crate) gone: Vec<String>,
}

impl From<FileAccountRow> for FileAccount {
    fn from(row: FileAccountRow) -> Self {
        let attributes: BTreeMap<String, String> = serde_json::from_str(&row.attributes).unwrap_or_default();
        let mut role_ids: Vec<_> =
            row.role_ids.as_deref().unwrap_or_default().split_terminator('\n').map(str::to_owned).collect();
        role_ids.sort_unstable();
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            name: attributes.get("name").cloned(),
            enabled: row.enabled,
            password_hash: row.password_hash,
            permissions: row.own_permissions.as_deref().map(permissions),
            role_ids,
        }
    }
}

impl FileAccount {
    /// What users are found by.
    fn user(&self, now_ms: i64) -> User {
        User {
            id: self.id.clone(),
            username: self.username.clone(),
            kind: UserKind::Account,
            status: UserStatus::Confirmed,
            enabled: self.enabled,
            email: self.email.clone(),
            // Whoever writes the file vouches for it.
            email_verified: self.email.is_some(),
            phone: None,
            phone_verified: false,
            attributes: self.name.iter().map(|name| ("name".to_owned(), name.clone())).collect(),
            is_test: false,
            mfa: false,
            mfa_preference: MfaPreference::default(),
            roles: Vec::new(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        }
    }
}

impl Store {
    /// The accounts of this pool, as a file says them.
    pub(crate) async fn file_accounts(&self, pool_id: &str) -> Result<Vec<FileAccount>> {
        let rows: Vec<FileAccountRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT u.id, u.username, u.email, u.attributes, u.enabled, u.password_hash, \
                 u.own_permissions, (SELECT string_agg(a.role_id, '\n') FROM assignments a \
                 WHERE a.user_id = u.id AND a.created_by = $2) AS role_ids \
                 FROM users u WHERE u.pool_id = $1 AND u.kind = 'account'",
            )
            .bind(pool_id)
            .bind(GIVER)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(FileAccount::from).collect())
    }

    /// Makes the accounts of this pool what the file says. Roles that others have given stay.
    pub(crate) async fn enter_file_users(
        &self,
        pool_id: &str,
        identifiers: &Identifiers,
        changes: &FileChanges,
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            let entered = changes.entered.iter().map(|(account, _)| &account.id);
            // Names go from one to another: first nobody has any, then each their own. None has a space in it.
            for id in entered.chain(&changes.gone) {
                sqlx::query("UPDATE users SET username_key = 'id ' || id WHERE id = $1 AND pool_id = $2")
                    .bind(id)
                    .bind(pool_id)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("DELETE FROM user_attributes WHERE user_id = $1 AND pool_id = $2")
                    .bind(id)
                    .bind(pool_id)
                    .execute(&mut *transaction)
                    .await?;
            }
            for id in &changes.gone {
                sqlx::query(
                    "UPDATE users SET enabled = FALSE, password_hash = NULL, updated_at_ms = $3, \
                     version = version + 1 WHERE id = $1 AND pool_id = $2",
                )
                .bind(id)
                .bind(pool_id)
                .bind(now_ms)
                .execute(&mut *transaction)
                .await?;
                end_sessions!(transaction, id, now_ms);
            }
            for (account, is_other_password) in &changes.entered {
                let user = &account.user(now_ms);
                let attributes = serde_json::to_string(&user.attributes).map_err(Error::internal)?;
                let own = account.permissions.as_ref().map(serde_json::to_string).transpose();
                let entered = sqlx::query(
                    "INSERT INTO users (id, pool_id, username, username_key, kind, status, enabled, email, \
                     email_key, email_verified, phone_verified, attributes, password_hash, own_permissions, \
                     totp_enabled, totp_last_step, created_at_ms, updated_at_ms, version) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12, $13, FALSE, 0, $14, $14, 1) \
                     ON CONFLICT (id) DO UPDATE SET username = $3, username_key = $4, status = $6, enabled = $7, \
                     email = $8, email_key = $9, email_verified = $10, attributes = $11, password_hash = $12, \
                     own_permissions = $13, updated_at_ms = $14, version = users.version + 1 \
                     WHERE users.pool_id = $2 AND users.kind = $5",
                )
                .bind(user.id.as_str())
                .bind(pool_id)
                .bind(user.username.as_str())
                .bind(identifiers.key(&user.username))
                .bind(user.kind.as_str())
                .bind(user.status.as_str())
                .bind(user.enabled)
                .bind(user.email.as_deref())
                .bind(user.email.as_deref().map(str::to_lowercase))
                .bind(user.email_verified)
                .bind(attributes)
                .bind(account.password_hash.as_deref())
                .bind(own.map_err(Error::internal)?)
                .bind(now_ms)
                .execute(&mut *transaction)
                .await;
                let taken = || {
                    let id = account.id.escape_debug();
                    let message = format!(
                        "In lambda.auth, the user \"{id}\" has an id or a username that somebody else has; \
                         choose another."
                    );
                    Error::already_exists(Thing::User, message)
                };
                let entered = unless_taken(entered, taken)?;
                if entered.rows_affected() == 0 {
                    return Err(taken());
                }
                claim_aliases!(transaction, pool_id, identifiers, user, false, false);
                index_attributes!(transaction, pool_id, identifiers, user);
                if *is_other_password {
                    end_sessions!(transaction, user.id.as_str(), now_ms);
                }
                sqlx::query("DELETE FROM assignments WHERE user_id = $1 AND created_by = $2")
                    .bind(user.id.as_str())
                    .bind(GIVER)
                    .execute(&mut *transaction)
                    .await?;
                for role_id in &account.role_ids {
                    sqlx::query(
                        "INSERT INTO assignments (user_id, role_id, created_by, created_at_ms) \
                         VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, role_id) DO UPDATE SET created_by = $3",
                    )
                    .bind(user.id.as_str())
                    .bind(role_id.as_str())
                    .bind(GIVER)
                    .bind(now_ms)
                    .execute(&mut *transaction)
                    .await?;
                }
            }
            record!(transaction, change);
            Ok(())
        })
    }
}
