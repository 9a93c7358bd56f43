//! Where applications sign in, as RawScribe's own pages ask for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, Client, Result};

/// What `GET /api/config/runtime` answers.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RuntimeConfig {
    pub auth: AuthConfig,
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Who signs people in, and what an application must know of it, under the names of that provider.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct AuthConfig {
    pub provider: String,
    #[serde(default)]
    pub config: Map<String, Value>,
}

impl Client {
    pub(crate) async fn runtime_config(&self) -> Result<RuntimeConfig> {
        self.json(Call::get(&["api", "config", "runtime"])).await
    }
}
