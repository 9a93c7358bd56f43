//! Messages that wait to be read instead of being sent.

use keyward_core::secret::Secret;
use serde::Deserialize;

use super::{Call, Client, Page, Result, Slice};

/// A message in the outbox.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Message {
    pub id: String,
    #[serde(default)]
    pub pool_id: String,
    #[serde(default)]
    pub channel: String,
    #[serde(default)]
    pub to: String,
    #[serde(default)]
    pub subject: String,
    #[serde(default)]
    pub body: Secret,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub expires_at: String,
}

/// What is told of a message that was sent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SentMessage {
    pub id: String,
}

impl Client {
    /// Newest last.
    pub(crate) async fn outbox(&self, slice: Slice) -> Result<Page<Message>> {
        self.json(Call::get(&["api", "v1", "outbox"]).query(slice.query())).await
    }

    pub(crate) async fn send_test_message(&self, to: &str) -> Result<SentMessage> {
        self.json(self.post(&["api", "v1", "outbox", "test"], &serde_json::json!({ "to": to }))).await
    }
}
