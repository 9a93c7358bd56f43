//! Roles' rows, and who has them.

use super::{Store, read, record, rows, unless_taken, write_keeping_an_admin, write_rights};
use crate::audit::Change;
use crate::error::{Error, Result, Thing};
use crate::page::{Cursor, Page};
use crate::permission::Permission;
use crate::role::{Assignments, Grant, OWN_GRANT, Role, unassigned};
use crate::user::User;

rows! {
    struct RoleRow {
        id: String, pool_id: String, name: String, description: String, permissions: String,
        mfa_required: bool, source: Option<String>, source_identifier: Option<String>,
        precedence: Option<i64>, iam_role: Option<String>, created_at_ms: i64, updated_at_ms: i64,
        version: i64,
    }
}

rows! {
    struct GrantRow { name: String, permissions: String, mfa_required: bool }
}

rows! {
    struct AssignmentsRow {
        user_id: String, username: String, username_key: String, version: i64, roles: String,
        created_at_ms: i64,
    }
}

/// What a row holds that nobody can read allows nothing.
pub(super) fn permissions(json: &str) -> Vec<Permission> {
    serde_json::from_str(json).unwrap_or_default()
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self {
            id: row.id,
            pool_id: row.pool_id,
            name: row.name,
            description: row.description,
            permissions: permissions(&row.permissions),
            mfa_required: row.mfa_required,
            source: row.source,
            source_identifier: row.source_identifier,
            precedence: row.precedence,
            iam_role: row.iam_role,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            version: row.version,
        }
    }
}

impl From<AssignmentsRow> for Assignments {
    fn from(row: AssignmentsRow) -> Self {
        Self {
            user_id: row.user_id,
            username: row.username,
            roles: super::user::role_names(&row.roles),
            created_at_ms: row.created_at_ms,
            version: row.version,
        }
    }
}

/// Gives the roles in `$role_ids` to the user `$user_id`, within a transaction.
macro_rules! insert_assignments {
    ($transaction:expr, $user_id:expr, $role_ids:expr, $created_by:expr, $now_ms:expr) => {
        for role_id in $role_ids {
            let inserted = sqlx::query(
                "INSERT INTO assignments (user_id, role_id, created_by, created_at_ms) \
                 VALUES ($1, $2, $3, $4)",
            )
            .bind($user_id)
            .bind(role_id.as_str())
            .bind($created_by)
            .bind($now_ms)
            .execute(&mut *$transaction)
            .await;
            $crate::store::unless_taken(inserted, || {
                $crate::error::Error::already_exists(
                    $crate::error::Thing::Assignment,
                    "One or more roles already exist for this user",
                )
            })?;
        }
    };
}
pub(super) use insert_assignments;

/// Makes the roles of the user `$user_id` exactly those in `$role_ids`, within a transaction; those that stay
/// keep their date.
macro_rules! replace_assignments {
    ($transaction:expr, $user_id:expr, $role_ids:expr, $created_by:expr, $now_ms:expr) => {{
        let (user_id, role_ids): (&str, &[String]) = ($user_id, $role_ids);
        let held: Vec<(String,)> = sqlx::query_as("SELECT role_id FROM assignments WHERE user_id = $1")
            .bind(user_id)
            .fetch_all(&mut *$transaction)
            .await?;
        for (role_id,) in held.iter().filter(|(role_id,)| !role_ids.contains(role_id)) {
            sqlx::query("DELETE FROM assignments WHERE user_id = $1 AND role_id = $2")
                .bind(user_id)
                .bind(role_id.as_str())
                .execute(&mut *$transaction)
                .await?;
        }
        let added = role_ids.iter().filter(|role_id| !held.iter().any(|(held,)| held == *role_id));
        insert_assignments!($transaction, user_id, added, $created_by, $now_ms);
    }};
}
pub(super) use replace_assignments;

impl Store {
    /// Makes the role.
    pub async fn insert_role(&self, role: &Role, change: &Change) -> Result<()> {
        let permissions = serde_json::to_string(&role.permissions).map_err(Error::internal)?;
        write_rights!(self, transaction => {
            let inserted = sqlx::query(
                "INSERT INTO roles (id, name, description, permissions, mfa_required, source, \
                 source_identifier, created_at_ms, updated_at_ms, version, pool_id, precedence, iam_role) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(role.id.as_str())
            .bind(role.name.as_str())
            .bind(role.description.as_str())
            .bind(permissions.as_str())
            .bind(role.mfa_required)
            .bind(role.source.as_deref())
            .bind(role.source_identifier.as_deref())
            .bind(role.created_at_ms)
            .bind(role.updated_at_ms)
            .bind(role.version)
            .bind(role.pool_id.as_str())
            .bind(role.precedence)
            .bind(role.iam_role.as_deref())
            .execute(&mut *transaction)
            .await;
            unless_taken(inserted, || Error::already_exists(Thing::Role, "Role already exists"))?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// The role of this name in the home pool, or the group in another.
    pub async fn role(&self, pool_id: &str, name: &str) -> Result<Option<Role>> {
        if name.contains('\0') {
            return Ok(None);
        }
        let row: Option<RoleRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM roles WHERE pool_id = $1 AND name = $2")
                .bind(pool_id)
                .bind(name)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(Role::from))
    }

    /// The roles of the home pool, or the groups of another, by name.
    pub async fn roles(&self, pool_id: &str, page: &Cursor) -> Result<Page<Role>> {
        let rows: Vec<RoleRow> = read!(self, connection => {
            sqlx::query_as("SELECT * FROM roles WHERE pool_id = $1 AND name > $2 ORDER BY name LIMIT $3")
                .bind(pool_id)
                .bind(page.after())
                .bind(page.limit_and_one())
                .fetch_all(connection)
                .await?
        });
        Ok(page.page(rows.into_iter().map(Role::from).collect(), |role| &role.name))
    }

    /// The roles, or groups, of the user, by name.
    pub async fn groups_of(&self, user_id: &str, page: &Cursor) -> Result<Page<Role>> {
        let rows: Vec<RoleRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT r.* FROM assignments a JOIN roles r ON r.id = a.role_id \
                 WHERE a.user_id = $1 AND r.name > $2 ORDER BY r.name LIMIT $3",
            )
            .bind(user_id)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        Ok(page.page(rows.into_iter().map(Role::from).collect(), |role| &role.name))
    }

    /// Writes what can change of the role; `role.version` is the version that was read.
    pub async fn update_role(&self, role: &Role, change: &Change) -> Result<()> {
        let permissions = serde_json::to_string(&role.permissions).map_err(Error::internal)?;
        write_keeping_an_admin!(self, role.updated_at_ms, transaction => {
            let updated = sqlx::query(
                "UPDATE roles SET description = $3, permissions = $4, mfa_required = $5, source = $6, \
                 source_identifier = $7, updated_at_ms = $8, precedence = $9, iam_role = $10, \
                 version = version + 1 WHERE id = $1 AND version = $2",
            )
            .bind(role.id.as_str())
            .bind(role.version)
            .bind(role.description.as_str())
            .bind(permissions.as_str())
            .bind(role.mfa_required)
            .bind(role.source.as_deref())
            .bind(role.source_identifier.as_deref())
            .bind(role.updated_at_ms)
            .bind(role.precedence)
            .bind(role.iam_role.as_deref())
            .execute(&mut *transaction)
            .await?;
            super::one_row(updated.rows_affected())?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Deletes the role with its assignments.
    pub async fn delete_role(&self, role: &Role, now_ms: i64, change: &Change) -> Result<()> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            let deleted = sqlx::query("DELETE FROM roles WHERE id = $1 AND version = $2")
                .bind(role.id.as_str())
                .bind(role.version)
                .execute(&mut *transaction)
                .await?;
            super::one_row(deleted.rows_affected())?;
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// What the user's roles give, which are those of the home pool: those of a pool that was the home before
    /// mean nothing any more. Where they have permissions of their own, those and no others.
    pub(crate) async fn grants(&self, user_id: &str, home: &str) -> Result<Vec<Grant>> {
        let rows: Vec<GrantRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT r.name, CASE WHEN u.own_permissions IS NULL THEN r.permissions ELSE '[]' END \
                 AS permissions, r.mfa_required FROM assignments a JOIN roles r ON r.id = a.role_id \
                 JOIN users u ON u.id = a.user_id WHERE a.user_id = $1 AND r.pool_id = $2 \
                 UNION ALL SELECT $3, own_permissions, FALSE FROM users \
                 WHERE id = $1 AND pool_id = $2 AND own_permissions IS NOT NULL ORDER BY 1",
            )
            .bind(user_id)
            .bind(home)
            .bind(OWN_GRANT)
            .fetch_all(connection)
            .await?
        });
        let grant = |row: GrantRow| Grant {
            role: row.name,
            permissions: permissions(&row.permissions),
            mfa_required: row.mfa_required,
        };
        Ok(rows.into_iter().map(grant).collect())
    }

    /// Gives more roles to the user, all or none.
    pub async fn add_assignments(
        &self,
        user: &User,
        role_ids: &[String],
        created_by: &str,
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        write_rights!(self, transaction => {
            insert_assignments!(transaction, user.id.as_str(), role_ids, created_by, now_ms);
            sqlx::query("UPDATE users SET version = version + 1 WHERE id = $1")
                .bind(user.id.as_str())
                .execute(&mut *transaction)
                .await?;
            record!(transaction, change);
            Ok(())
        })
    }

    /// Makes the user's roles exactly these; those that stay keep their date. `user.version` is the version
    /// that was read: what was worked out from the roles of then must not bring back one that was taken away
    /// since.
    pub async fn set_assignments(
        &self,
        user: &User,
        role_ids: &[String],
        created_by: &str,
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            let updated = sqlx::query("UPDATE users SET version = version + 1 WHERE id = $1 AND version = $2")
                .bind(user.id.as_str())
                .bind(user.version)
                .execute(&mut *transaction)
                .await?;
            super::one_row(updated.rows_affected())?;
            replace_assignments!(transaction, user.id.as_str(), role_ids, created_by, now_ms);
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// Takes one role from the user, who has it and, where `version` is said, is of that version still.
    pub async fn remove_assignment(
        &self,
        user: &User,
        role_id: &str,
        version: Option<i64>,
        now_ms: i64,
        change: &Change,
    ) -> Result<()> {
        write_keeping_an_admin!(self, now_ms, transaction => {
            let updated = sqlx::query(
                "UPDATE users SET version = version + 1 \
                 WHERE id = $1 AND (CAST($2 AS BIGINT) IS NULL OR version = $2)",
            )
            .bind(user.id.as_str())
            .bind(version)
            .execute(&mut *transaction)
            .await?;
            super::one_row(updated.rows_affected())?;
            let removed = sqlx::query("DELETE FROM assignments WHERE user_id = $1 AND role_id = $2")
                .bind(user.id.as_str())
                .bind(role_id)
                .execute(&mut *transaction)
                .await?;
            if removed.rows_affected() == 0 {
                return Err(unassigned());
            }
            record!(transaction, change);
            Ok::<(), Error>(())
        })
    }

    /// The user's roles, when there are any.
    pub async fn assignments_of(&self, user_id: &str) -> Result<Option<Assignments>> {
        let row: Option<AssignmentsRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT u.id AS user_id, u.username, u.username_key, u.version, \
                 string_agg(r.name, '\n') AS roles, MIN(a.created_at_ms) AS created_at_ms \
                 FROM assignments a JOIN users u ON u.id = a.user_id JOIN roles r ON r.id = a.role_id \
                 WHERE u.id = $1 \
                 GROUP BY u.id, u.username, u.username_key, u.version",
            )
            .bind(user_id)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.map(Assignments::from))
    }

    /// The names of the pool's roles that have `*`, each as often as somebody has it, with their name; once
    /// where nobody has it.
    pub(crate) async fn powerful_roles(&self, pool_id: &str) -> Result<Vec<(String, Option<String>)>> {
        Ok(read!(self, connection => {
            sqlx::query_as(
                "SELECT r.name, u.username FROM roles r LEFT JOIN assignments a ON a.role_id = r.id \
                 LEFT JOIN users u ON u.id = a.user_id \
                 WHERE r.pool_id = $1 AND r.permissions LIKE '%\"*\"%' ORDER BY r.name, u.username_key",
            )
            .bind(pool_id)
            .fetch_all(connection)
            .await?
        }))
    }

    /// Who in the pool has which roles, by username.
    pub async fn assignments(&self, pool_id: &str, page: &Cursor) -> Result<Page<Assignments>> {
        let rows: Vec<AssignmentsRow> = read!(self, connection => {
            sqlx::query_as(
                "SELECT u.id AS user_id, u.username, u.username_key, u.version, \
                 string_agg(r.name, '\n') AS roles, MIN(a.created_at_ms) AS created_at_ms \
                 FROM assignments a JOIN users u ON u.id = a.user_id JOIN roles r ON r.id = a.role_id \
                 WHERE u.pool_id = $1 AND u.username_key > $2 \
                 GROUP BY u.id, u.username, u.username_key, u.version ORDER BY u.username_key LIMIT $3",
            )
            .bind(pool_id)
            .bind(page.after())
            .bind(page.limit_and_one())
            .fetch_all(connection)
            .await?
        });
        let page = page.page(rows, |row| &row.username_key);
        Ok(Page { items: page.items.into_iter().map(Assignments::from).collect(), next: page.next })
    }
}
