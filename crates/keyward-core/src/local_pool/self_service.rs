//! What anybody may ask for through an app client, by a user's name and without a token.

use std::sync::Arc;

use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::Origin;
use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::user::User;

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

    /// Those of these channels by which anything can be sent from here. What can't be is left out for everybody,
    /// so that it tells nothing of anybody.
    ///
    /// # Errors
    /// `DeliveryFailed` when nothing can be sent by any of them.
    pub(super) fn sendable(&self, channels: Vec<Channel>) -> Result<Vec<Channel>> {
        let Some(first) = channels.first().copied() else { return Ok(channels) };
        let can_send = |channel: &Channel| self.require_channel(*channel).is_ok();
        let sendable: Vec<_> = channels.into_iter().filter(can_send).collect();
        if sendable.is_empty() {
            self.require_channel(first)?;
        }
        Ok(sendable)
    }
}

/// What an event is about: a user, or a name that nobody has.
pub(super) fn target(user: Option<&User>) -> Target {
    user.map_or_else(|| Target::unknown("user"), |user| Target::new("user", &user.id, &user.username))
}

/// The error for a name that nobody has.
pub(super) fn unknown_combination() -> Error {
    Error::not_found(Thing::User, "Username/client id combination not found.")
}
