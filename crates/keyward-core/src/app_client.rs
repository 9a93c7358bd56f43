//! App clients: an application's way into a pool of users.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::user_pool::UserPoolSettings;

/// An application's way into a pool.
#[derive(Debug, Clone)]
pub struct AppClient {
    /// 26 characters of `0-9a-z`.
    pub id: String,
    /// The pool that it leads to.
    pub pool_id: String,
    /// What people call it.
    pub name: String,
    /// What can be set of it.
    pub settings: AppClientSettings,
    /// Its secrets, sealed; the older one first. Who comes through it must know one, where there are any.
    pub secrets: Vec<ClientSecret>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// Counts the changes.
    pub version: i64,
}

/// A secret of an app client, as it is stored.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// No secret itself.
    pub id: String,
    /// The secret, under the master key.
    pub sealed: String,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
}

/// What can be set of an app client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppClientSettings {
    /// The flows that are on, such as `ALLOW_USER_SRP_AUTH`.
    pub flows: Vec<String>,
    /// An unknown user and a wrong password look the same (`PreventUserExistenceErrors`: `ENABLED`).
    pub hides_unknown_users: bool,
    /// How long its access tokens live, in seconds.
    pub access_token_seconds: i64,
    /// How long its ID tokens live, in seconds.
    pub id_token_seconds: i64,
    /// How long its refresh tokens live, in seconds.
    pub refresh_token_seconds: i64,
    /// How long there is for the answer to a challenge, in minutes, 3 to 15 (`AuthSessionValidity`).
    pub challenge_minutes: i64,
    /// Whether refresh tokens can be revoked (`EnableTokenRevocation`).
    pub revokes_tokens: bool,
    /// Each refresh token brings a new one, and is itself good for so many seconds more, 0 to 60; none where
    /// a refresh token is good until its end (`RefreshTokenRotation`).
    pub rotation_grace_seconds: Option<i64>,
    /// The attributes that it may read; all when not said.
    pub read_attributes: Option<Vec<String>>,
    /// The attributes that it may write; all when not said.
    pub write_attributes: Option<Vec<String>>,
    /// What was set beside, kept as it came and without effect here.
    pub kept: Map<String, Value>,
}

impl Default for AppClientSettings {
    /// What Amazon's is when nothing is said, but for its flows.
    fn default() -> Self {
        Self {
            flows: Vec::new(),
            hides_unknown_users: false,
            access_token_seconds: 3600,
            id_token_seconds: 3600,
            refresh_token_seconds: 30 * 24 * 3600,
            challenge_minutes: 3,
            revokes_tokens: true,
            rotation_grace_seconds: None,
            read_attributes: None,
            write_attributes: None,
            kept: Map::new(),
        }
    }
}

/// An app client with the pool that it leads to, as both are set at this moment.
#[derive(Debug)]
pub struct PoolClient {
    /// The pool.
    pub pool: Arc<LocalPool>,
    /// What is set of the pool.
    pub settings: UserPoolSettings,
    /// The client.
    pub client: AppClient,
}

impl PoolClient {
    /// Refuses a flow that is not on; `flow` is without `ALLOW_`.
    ///
    /// # Errors
    /// `InvalidInput("auth_flow")`.
    pub fn require_flow(&self, flow: &str) -> Result<()> {
        if self.client.settings.flows.iter().any(|name| name.strip_prefix("ALLOW_") == Some(flow)) {
            return Ok(());
        }
        Err(Error::invalid("auth_flow", format!("{flow} flow not enabled for this client")))
    }
}

impl Keyward {
    /// The app client of this id, with its pool.
    ///
    /// # Errors
    /// `NotFound(AppClient)`.
    pub async fn pool_client(&self, id: &str) -> Result<Arc<PoolClient>> {
        self.access
            .pool_client(id, &self.clock, async || {
                let Some(client) = self.store.app_client(id).await? else { return Ok(None) };
                let pool = self.user_pool(&client.pool_id).await?;
                let settings = pool.settings().await?;
                Ok(Some(PoolClient { pool, settings, client }))
            })
            .await?
            .ok_or_else(|| unknown_client(id))
    }
}

/// The error for an app client that isn't there.
pub(crate) fn unknown_client(id: &str) -> Error {
    Error::not_found(Thing::AppClient, format!("User pool client {id} does not exist."))
}
