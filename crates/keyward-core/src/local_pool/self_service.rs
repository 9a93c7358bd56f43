//! What anybody may ask for through an app client, by a user's name and without a token.

use std::sync::Arc;

use crate::app_client::PoolClient;
use crate::caller::Origin;
use crate::error::Result;
use crate::keyward::Keyward;
use crate::secret::Secret;

/// Who asks, and about whom.
#[derive(Debug, Clone, Copy)]
pub struct SelfService<'a> {
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Through which app client.
    pub client_id: &'a str,
    /// What proves that an application asks that knows the client's secret, where it has one.
    pub secret_hash: Option<&'a Secret>,
    /// The user's name, as it was typed.
    pub username: &'a str,
}

impl Keyward {
    /// The app client through which somebody asks.
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `Unauthenticated` for a secret hash that is missing or wrong.
    pub(super) async fn client_of(&self, asked: &SelfService<'_>) -> Result<Arc<PoolClient>> {
        let through = self.pool_client(asked.client_id).await?;
        through.check_secret_hash(asked.username, asked.secret_hash)?;
        Ok(through)
    }
}
