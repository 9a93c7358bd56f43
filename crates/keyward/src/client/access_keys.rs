//! Access keys.

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::Deserialize;

use super::{Call, Client, Page, Result, Slice, Use};

/// An access key, and, in the one answer that has it, its secret.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AccessKey {
    pub id: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub created_by: Option<String>,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub last_used: Option<Use>,
    #[serde(default)]
    pub secret: Option<Secret>,
}

impl Client {
    pub(crate) async fn access_keys(&self, slice: Slice, user: Option<&str>) -> Result<Page<AccessKey>> {
        let mut query = slice.query();
        query.extend(user.map(|user| ("user", user.to_owned())));
        self.json(Call::get(&["api", "v1", "access-keys"]).query(query)).await
    }

    pub(crate) async fn create_access_key(&self, user: &str) -> Result<AccessKey> {
        self.json(self.post(&["api", "v1", "access-keys"], &serde_json::json!({ "user": user }))).await
    }

    pub(crate) async fn delete_access_key(&self, id: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "access-keys", id])).await
    }
}
