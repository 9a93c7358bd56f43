//! API keys.

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Call, Change, Client, Page, Result, Slice};

/// An API key, and, in the one answer that has it, its secret.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ApiKey {
    pub id: String,
    #[serde(default)]
    pub public_id: Option<String>,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub created_by: Option<String>,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub updated_at: String,
    /// As somebody wrote it.
    #[serde(default)]
    pub expires_at: Option<String>,
    #[serde(default)]
    pub expires_at_utc: Option<String>,
    #[serde(default)]
    pub active: bool,
    /// `active`, `disabled`, `expired` or `user_disabled`.
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub scope: Option<Vec<String>>,
    #[serde(default)]
    pub allowed_addresses: Vec<String>,
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub review_at: Option<String>,
    #[serde(default)]
    pub last_used: Option<Use>,
    /// The secret that was rotated away and still works.
    #[serde(default)]
    pub previous: Option<Previous>,
    #[serde(default)]
    pub imported: bool,
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// When and from where a key was used last.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Use {
    pub at: String,
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub user_agent: Option<String>,
}

/// The older of two secrets of one key.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Previous {
    #[serde(default)]
    pub public_id: Option<String>,
    #[serde(default)]
    pub valid_until: String,
    #[serde(default)]
    pub last_used: Option<Use>,
}

/// A key to be made.
#[derive(Debug, Serialize)]
pub(crate) struct NewApiKey {
    pub name: String,
    pub user: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_at: Option<String>,
}

/// What is to change about a key; what is absent stays.
#[derive(Debug, Default, Serialize)]
pub(crate) struct KeyChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub scope: Change<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_addresses: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub owner: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub review_at: Change<String>,
}

impl KeyChange {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { description, expires_at, active, scope, allowed_addresses, owner, review_at } = self;
        description.is_none()
            && expires_at.is_none()
            && active.is_none()
            && scope.is_keep()
            && allowed_addresses.is_none()
            && owner.is_keep()
            && review_at.is_keep()
    }
}

/// A key that exists elsewhere, known by its SHA-256 alone.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ImportedKey {
    pub name: String,
    pub user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// What became of one imported key.
#[derive(Debug, Deserialize)]
pub(crate) struct ImportResult {
    pub name: String,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct ImportResults {
    results: Vec<ImportResult>,
}

impl Client {
    pub(crate) async fn api_keys(
        &self,
        slice: Slice,
        user: Option<&str>,
        name: Option<&str>,
    ) -> Result<Page<ApiKey>> {
        let mut query = slice.query();
        query.extend(user.map(|user| ("user", user.to_owned())));
        query.extend(name.map(|name| ("name", name.to_owned())));
        self.json(Call::get(&["api", "v1", "api-keys"]).query(query)).await
    }

    pub(crate) async fn api_key(&self, key: &str) -> Result<ApiKey> {
        self.json(Call::get(&["api", "v1", "api-keys", key])).await
    }

    pub(crate) async fn create_api_key(&self, key: &NewApiKey) -> Result<ApiKey> {
        self.json(self.post(&["api", "v1", "api-keys"], key)).await
    }

    pub(crate) async fn update_api_key(&self, key: &str, change: &KeyChange) -> Result<ApiKey> {
        let path = ["api", "v1", "api-keys", key];
        self.json(Call::new(Method::PATCH, &path).body(super::body(change))).await
    }

    pub(crate) async fn delete_api_key(&self, key: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "api-keys", key])).await
    }

    /// A new secret for `key`; the old one works for `overlap_seconds` more.
    pub(crate) async fn rotate_api_key(&self, key: &str, overlap_seconds: u64) -> Result<ApiKey> {
        let path = ["api", "v1", "api-keys", key, "rotate"];
        self.json(self.post(&path, &serde_json::json!({ "overlap_seconds": overlap_seconds }))).await
    }

    /// At most 1000 at a time.
    pub(crate) async fn import_api_keys(&self, keys: &[ImportedKey]) -> Result<Vec<ImportResult>> {
        let path = ["api", "v1", "api-keys", "import"];
        let answer: ImportResults = self.json(self.post(&path, &serde_json::json!({ "keys": keys }))).await?;
        Ok(answer.results)
    }
}
