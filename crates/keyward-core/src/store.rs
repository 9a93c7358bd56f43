//! The database: all SQL, one text for SQLite and PostgreSQL.
//!
//! A method is one unit of work: its transaction never leaves it, and a change enters together with its audit
//! event. A transaction that changes what anybody may do begins with the revision's row, which on PostgreSQL
//! makes such transactions wait for each other as SQLite's single writer does; checks made inside it hold.

mod access_key;
mod api_key;
mod app_client;
mod audit;
pub(crate) mod code;
pub(crate) mod file_user;
mod import;
mod message;
mod mirror;
mod passkey;
mod role;
mod second_factor;
mod session;
mod user;
pub(crate) mod user_pool;

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Pool, SqlStr, Transaction};

pub use self::access_key::AccessKeyRecord;
pub use self::api_key::{KeyRecord, UsedKey};
pub(crate) use self::import::{ImportedAccount, Vacancy};
pub(crate) use self::mirror::{Intent, LOOKED_UP_AT_ONCE, Mirror, MirrorWrite};
pub use self::session::{NewSession, SessionRecord};
pub(crate) use self::session::{RefreshTokens, SignedIn};
pub(crate) use self::user::PasswordReset;
pub use self::user::{Account, NewAccount, PasswordRecord};
use crate::audit::Change;
use crate::error::{Code, Error, Result};

/// How long a writer waits for another before the answer is "unavailable".
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Database,
    epoch: Arc<Epoch>,
}

/// Which of the changes of rights that are made through this process has been seen.
#[derive(Debug, Default)]
pub(crate) struct Epoch {
    changes: AtomicU64,
    under_way: AtomicU64,
}

impl Epoch {
    /// The epoch that what is read from now on is of; none while a change is being committed, since another
    /// may have seen it already.
    pub(crate) fn now(&self) -> Option<u64> {
        // In this order: a change that was under way has moved the epoch when it isn't any more.
        let is_settled = self.under_way.load(Ordering::SeqCst) == 0;
        is_settled.then(|| self.changes.load(Ordering::SeqCst))
    }
}

/// A change of rights while it is being committed; then everything is forgotten that was read before.
pub(crate) struct Commit(Arc<Epoch>);

impl Drop for Commit {
    fn drop(&mut self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Which database it is.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// The embedded database: one connection writes, a few read beside it.
    Sqlite {
        /// SQLite has one writer; a queue of our own is fairer than its busy handler.
        writer: SqlitePool,
        /// Readers are never blocked by the writer (WAL).
        readers: SqlitePool,
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// Evaluates `$body` with `$connection`, a connection for reading.
macro_rules! read {
    ($store:expr, $connection:ident => $body:expr) => {
        match &$store.database {
            $crate::store::Database::Sqlite { readers, .. } => {
                #[allow(unused_mut, clippy::allow_attributes, reason = "not every body borrows it anew")]
                let mut acquired = readers.acquire().await?;
                let $connection = &mut *acquired;
                $body
            }
            $crate::store::Database::Postgres(pool) => {
                #[allow(unused_mut, clippy::allow_attributes, reason = "not every body borrows it anew")]
                let mut acquired = pool.acquire().await?;
                let $connection = &mut *acquired;
                $body
            }
        }
    };
}

/// Runs `$body` in a transaction of its own: committed when it is `Ok`, undone otherwise. After the commit,
/// `$then` is called.
macro_rules! write {
    ($store:expr, $transaction:ident => $body:block) => {
        $crate::store::write!($store, $transaction => $body, then || ())
    };
    ($store:expr, $transaction:ident => $body:block, then $then:expr) => {
        match &$store.database {
            $crate::store::Database::Sqlite { writer, .. } => {
                $crate::store::write!(@on writer, "BEGIN IMMEDIATE", $transaction => $body, $then)
            }
            $crate::store::Database::Postgres(pool) => {
                $crate::store::write!(@on pool, "BEGIN", $transaction => $body, $then)
            }
        }
    };
    (@on $pool:expr, $begin:literal, $transaction:ident => $body:block, $then:expr) => {{
        let mut begun = $crate::store::begin($pool, $begin).await?;
        let outcome: $crate::error::Result<_> = async {
            let $transaction = &mut *begun;
            $body
        }
        .await;
        $crate::store::end(begun, outcome, $then).await
    }};
}

/// Writes by one statement, which is a transaction of its own.
macro_rules! write_at_once {
    ($store:expr, $connection:ident => $body:expr) => {
        match &$store.database {
            $crate::store::Database::Sqlite { writer: $connection, .. } => $body,
            $crate::store::Database::Postgres($connection) => $body,
        }
    };
}

/// As `write!`, for what changes what somebody may do: the revision goes up first (see the module's comment),
/// and what this process keeps in memory is forgotten before anybody hears that the change was made.
macro_rules! write_rights {
    ($store:expr, $transaction:ident => $body:block) => {{
        let store = $store.clone();
        $crate::store::write!($store, $transaction => {
            let count_up = "UPDATE revision SET value = value + 1 WHERE id = 1";
            sqlx::query(count_up).execute(&mut *$transaction).await?;
            $body
        }, then {
            let commit = store.commit();
            move || drop(commit)
        })
    }};
}

/// As `write_rights!`, refused when the last admin who can sign in would go.
macro_rules! write_keeping_an_admin {
    ($store:expr, $now_ms:expr, $transaction:ident => $body:block) => {
        $crate::store::write_rights!($store, $transaction => {
            let now_ms: i64 = $now_ms;
            let before: (i64,) =
                sqlx::query_as($crate::store::ADMINS).bind(now_ms).fetch_one(&mut *$transaction).await?;
            let value = $body?;
            let after: (i64,) =
                sqlx::query_as($crate::store::ADMINS).bind(now_ms).fetch_one(&mut *$transaction).await?;
            if before.0 > 0 && after.0 == 0 {
                return Err($crate::error::Error::no_admin_left());
            }
            Ok(value)
        })
    };
}

/// Waits for the transactions that change rights, and keeps them waiting, as they do each other: on
/// PostgreSQL, two that change many rows in different order would else wait for each other for ever.
pub(crate) const TAKE_TURN: &str = "UPDATE revision SET value = value WHERE id = 1";

macro_rules! admins {
    () => {
        "FROM users u JOIN assignments a ON a.user_id = u.id JOIN roles r ON r.id = a.role_id \
         JOIN user_pools p ON p.id = u.pool_id WHERE u.enabled \
         AND (u.password_hash IS NOT NULL OR u.remote_name IS NOT NULL) \
         AND (u.status = 'CONFIRMED' OR (u.status = 'FORCE_CHANGE_PASSWORD' \
            AND (u.temporary_until_ms IS NULL OR u.temporary_until_ms > $1))) \
         AND (p.mfa = 'OFF' OR NOT u.totp_enabled OR p.software_token_mfa) \
         AND (NOT r.mfa_required OR (u.totp_enabled AND p.mfa <> 'OFF')) \
         AND r.permissions LIKE '%\"*\"%' AND u.pool_id = COALESCE( \
            (SELECT value FROM settings WHERE name = 'directory'), \
            (SELECT value FROM settings WHERE name = 'home_pool'))"
    };
}

/// How many users of the home pool could sign in at $1 and then do everything: enabled, with a password that is
/// good (or temporary and not too old; what is kept elsewhere has them there), no software token that is switched
/// on and that their pool has no use for any more, a role with `*`, and where that role asks for a second factor,
/// a software token that their pool asks for.
pub(crate) const ADMINS: &str = concat!("SELECT COUNT(DISTINCT u.id) ", admins!());

/// Who they are, and by which roles.
pub(crate) const ADMIN_ROLES: &str = concat!("SELECT u.id, r.id ", admins!());

/// Enters the change's audit event, its reply where the request asked for one, its codes and its messages, and
/// uses up the code that permits it.
macro_rules! record {
    ($transaction:expr, $change:expr) => {{
        let change: &$crate::audit::Change = $change;
        let event = &change.event;
        sqlx::query(
            "INSERT INTO audit_events (id, at_ms, actor_kind, actor_id, actor_name, credential, action, \
             target_kind, target_id, target_name, outcome, detail, request_id, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(&event.id)
        .bind(event.at_ms)
        .bind(event.actor_kind.as_str())
        .bind(event.actor_id.as_deref())
        .bind(event.actor_name.as_str())
        .bind(event.credential.as_deref())
        .bind(event.action.as_str())
        .bind(event.target_kind.as_str())
        .bind(event.target_id.as_deref())
        .bind(event.target_name.as_deref())
        .bind(event.outcome.as_str())
        .bind(event.detail.to_string())
        .bind(event.request_id.as_str())
        .bind(event.address.as_deref())
        .execute(&mut *$transaction)
        .await?;
        if let Some(reply) = &change.reply {
            let kept = sqlx::query(
                "INSERT INTO replies (id, fingerprint, sealed, expires_at_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (id) DO UPDATE SET fingerprint = $2, sealed = $3, expires_at_ms = $4 \
                 WHERE replies.expires_at_ms < $5",
            )
            .bind(reply.id.as_str())
            .bind(reply.fingerprint.as_str())
            .bind(reply.sealed.as_str())
            .bind(reply.expires_at_ms)
            .bind(event.at_ms)
            .execute(&mut *$transaction)
            .await?;
            if kept.rows_affected() == 0 {
                return Err($crate::error::Error::conflict(
                    "Another request with this Idempotency-Key came at the same time; repeat it to have its \
                     answer.",
                ));
            }
        }
        if let Some(code) = &change.used_code {
            $crate::store::code::use_code!($transaction, code);
        }
        for code in &change.codes {
            $crate::store::code::enter_code!($transaction, code);
        }
        for message in &change.messages {
            sqlx::query(
                "INSERT INTO messages (id, pool_id, channel, event_id, sealed, created_at_ms, due_at_ms, tries, \
                 expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $6, 0, $7)",
            )
            .bind(message.id.as_str())
            .bind(message.pool_id.as_str())
            .bind(message.channel.as_str())
            .bind(event.id.as_str())
            .bind(message.sealed.as_str())
            .bind(message.created_at_ms)
            .bind(message.expires_at_ms)
            .execute(&mut *$transaction)
            .await?;
        }
    }};
}

/// Declares what a query gives back, readable from both databases by the columns' names.
macro_rules! rows {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($column:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug)]
        $visibility struct $name { $($column: $type),* }
        $crate::store::rows!(@for sqlx::sqlite::SqliteRow, $name { $($column),* });
        $crate::store::rows!(@for sqlx::postgres::PgRow, $name { $($column),* });
    };
    (@for $row:ty, $name:ident { $($column:ident),* }) => {
        impl<'r> sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($column: row.try_get(stringify!($column))?),* })
            }
        }
    };
}

pub(crate) use {read, record, rows, write, write_at_once, write_keeping_an_admin, write_rights};

/// Begins a transaction. In a task of its own: when a client goes away just then, sqlx would put a PostgreSQL
/// connection back into the pool with its transaction open.
pub(crate) async fn begin<D: sqlx::Database>(
    pool: &Pool<D>,
    statement: &'static str,
) -> Result<Transaction<'static, D>> {
    let pool = pool.clone();
    Ok(tokio::spawn(async move { pool.begin_with(statement).await }).await.map_err(Error::internal)??)
}

/// Ends a transaction: commits it and calls `then` when `outcome` is `Ok`, undoes it otherwise. In a task of
/// its own: a commit can't be called back when a client goes away just then, and what depends on it must
/// follow.
pub(crate) async fn end<D: sqlx::Database, T>(
    transaction: Transaction<'static, D>,
    outcome: Result<T>,
    then: impl FnOnce() + Send + 'static,
) -> Result<T> {
    if outcome.is_ok() {
        let committing = tokio::spawn(async move {
            let committed = transaction.commit().await;
            then();
            committed
        });
        committing.await.map_err(Error::internal)??;
    } else if let Err(error) = transaction.rollback().await {
        // The database undoes it when the connection ends; the reader is told of what went wrong first.
        tracing::warn!(%error, "a transaction could not be undone at once");
    }
    outcome
}

impl Store {
    fn new(database: Database) -> Self {
        Self { database, epoch: Arc::default() }
    }

    pub(crate) fn epoch(&self) -> Arc<Epoch> {
        Arc::clone(&self.epoch)
    }

    /// To be held while a change of rights is committed.
    pub(crate) fn commit(&self) -> Commit {
        self.epoch.under_way.fetch_add(1, Ordering::SeqCst);
        Commit(Arc::clone(&self.epoch))
    }

    /// Makes everything forgotten that was read before now.
    pub(crate) fn forget(&self) {
        drop(self.commit());
    }

    /// Opens the SQLite database in `file`, made when it isn't there, and brings its tables up to date.
    ///
    /// # Errors
    /// `Unavailable` when the file can't be opened or written.
    pub async fn sqlite(file: &Path) -> Result<Self> {
        make_private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .optimize_on_close(true, None);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        migrator().run(&writer).await.map_err(not_migrated)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self::new(Database::Sqlite { writer, readers }))
    }

    /// Connects to the PostgreSQL database at `url` and brings its tables up to date.
    ///
    /// # Errors
    /// `InvalidInput("database")` for a URL that isn't one, `Unavailable` when the server doesn't answer.
    pub async fn postgres(url: &str) -> Result<Self> {
        let options: PgConnectOptions = url.parse().map_err(|cause: sqlx::Error| {
            Error::invalid("database", "The database must be a URL such as postgres://user@host/name.")
                .because(cause)
        })?;
        // Compiling a statement takes a hundred times as long as any of ours does.
        let options = options.options([("jit", "off")]);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        migrator().run(&pool).await.map_err(not_migrated)?;
        Ok(Self::new(Database::Postgres(pool)))
    }

    /// Whether it is a file that one process alone has open.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.database, Database::Sqlite { .. })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.revision().await.map(drop)
    }

    /// How many changes of rights there were; a cache of rights is good as long as this stays.
    pub async fn revision(&self) -> Result<i64> {
        let value: (i64,) = read!(self, connection => {
            sqlx::query_as("SELECT value FROM revision WHERE id = 1").fetch_one(connection).await?
        });
        Ok(value.0)
    }

    /// A setting's value.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = read!(self, connection => {
            sqlx::query_as("SELECT value FROM settings WHERE name = $1")
                .bind(name)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(|(value,)| value))
    }

    /// Gives a setting a value, whatever it had.
    pub(crate) async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        write!(self, transaction => {
            sqlx::query(
                "INSERT INTO settings (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = $2",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *transaction)
            .await?;
            Ok(())
        })
    }

    /// Throws away what has expired before `now_ms`: challenges, codes, failures, replies, sessions, rotated
    /// secrets. A session stays a day longer than its refresh token: an access token of it may outlive that
    /// one, by a day at most.
    pub async fn sweep(&self, now_ms: i64) -> Result<()> {
        write!(self, transaction => {
            sqlx::query(TAKE_TURN).execute(&mut *transaction).await?;
            for statement in [
                "DELETE FROM used_once WHERE expires_at_ms < $1",
                "DELETE FROM codes WHERE expires_at_ms < $1 AND counted_since_ms + 3600000 < $1",
                "DELETE FROM replies WHERE expires_at_ms < $1",
                "DELETE FROM sessions WHERE expires_at_ms + 86400000 < $1",
                "DELETE FROM sign_in_failures WHERE failed_at_ms + 3600000 < $1 AND locked_until_ms < $1",
                "DELETE FROM api_key_secrets WHERE valid_until_ms < $1",
            ] {
                sqlx::query(statement).bind(now_ms).execute(&mut *transaction).await?;
            }
            Ok(())
        })
    }

    /// The reply kept under `id`, with the fingerprint of the request that it answered.
    pub async fn reply(&self, id: &str, now_ms: i64) -> Result<Option<(String, String)>> {
        read!(self, connection => {
            Ok(sqlx::query_as("SELECT fingerprint, sealed FROM replies WHERE id = $1 AND expires_at_ms >= $2")
                .bind(id).bind(now_ms).fetch_optional(connection).await?)
        })
    }

    /// Enters an event that goes with no change: a failed sign-in, a refusal.
    pub async fn record_event(&self, change: &Change) -> Result<()> {
        write!(self, transaction => {
            record!(transaction, change);
            Ok(())
        })
    }

    /// Waits until everything is written, and closes.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

/// Makes the file, or keeps it, readable by its owner alone; SQLite gives the files beside it the same mode.
fn make_private(file: &Path) -> Result<()> {
    let private = || {
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)?;
        made.set_permissions(Permissions::from_mode(0o600))
    };
    private().map_err(|cause| {
        Error::new(
            Code::Unavailable,
            "The database's file can't be opened; make sure that this user may write to it.",
        )
        .because(cause)
    })
}

/// The tables of this version.
fn migrator() -> Migrator {
    Migrator::with_migrations(vec![Migration::new(
        1,
        "initial".into(),
        MigrationType::Simple,
        SqlStr::from_static(include_str!("../migrations/0001_initial.sql")),
        false,
    )])
}

fn not_migrated(cause: sqlx::migrate::MigrateError) -> Error {
    Error::new(
        Code::Unavailable,
        "The database can't be brought up to date; it may belong to a newer Keyward, or the disk may be \
         full.",
    )
    .because(cause)
}

/// The error of an insert that found its name taken: which statement failed says which name it was, for
/// SQLite reports no constraint's name.
pub(crate) fn unless_taken<T>(outcome: Result<T, sqlx::Error>, taken: impl FnOnce() -> Error) -> Result<T> {
    outcome.map_err(|error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => taken().because(error),
        _ => error.into(),
    })
}

impl From<sqlx::Error> for Error {
    /// What says that the database can't be reached or written now is `Unavailable`; a text that PostgreSQL
    /// can't hold is the request's fault; what points to a thing that is gone came too late; the rest is a
    /// defect of ours.
    fn from(error: sqlx::Error) -> Self {
        // character_not_in_repertoire (https://www.postgresql.org/docs/current/errcodes-appendix.html).
        // SQLite holds any text, and has none of the kind to find.
        if error.as_database_error().is_some_and(|database| database.code().as_deref() == Some("22021")) {
            return Self::invalid("text", "A text must not have the character NUL in it.").because(error);
        }
        if error.as_database_error().is_some_and(DatabaseError::is_foreign_key_violation) {
            return Error::changed_meanwhile().because(error);
        }
        let is_passing = match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_) => true,
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                // SQLite's primary result codes (https://sqlite.org/rescode.html): PERM, BUSY, LOCKED, NOMEM,
                // READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB; the extended ones keep them in the low
                // byte.
                let is_sqlite =
                    matches!(sqlite_primary(&code), Some(3 | 5 | 6 | 7 | 8 | 10 | 11 | 13 | 14 | 26));
                // PostgreSQL's classes: connection, who may connect (three of them), serialization,
                // resources, operator's intervention, system.
                let is_postgres = code.len() == 5
                    && ["08", "28", "3D", "55", "40", "53", "57", "58"]
                        .iter()
                        .any(|class| code.starts_with(class));
                is_sqlite || is_postgres
            }),
            _ => false,
        };
        if is_passing {
            Self::new(Code::Unavailable, "The database doesn't answer now; try again in a moment.")
                .because(error)
        } else {
            Self::internal(error)
        }
    }
}

fn sqlite_primary(code: &str) -> Option<u32> {
    // A code of five characters is PostgreSQL's; SQLite's extended codes have at most four digits.
    (code.len() < 5).then(|| code.parse::<u32>().ok()).flatten().map(|number| number & 0xFF)
}

/// The error for one more of what there are as many of as there may be.
pub(crate) fn too_many(maximum: i64, what: &str) -> Error {
    Error::conflict(format!("There can be {maximum} {what} at most; delete some first."))
}

/// The outcome of a change that was to meet one row of the version that was read.
pub(crate) fn one_row(rows_affected: u64) -> Result<()> {
    if rows_affected == 1 {
        return Ok(());
    }
    Err(Error::changed_meanwhile())
}
