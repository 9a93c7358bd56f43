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

/// What `GET /api/auth/config` answers, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerFacts {
    /// `dev`, `test`, `stage` or `prod`.
    pub environment: String,
}

impl Client {
    pub(crate) async fn runtime_config(&self) -> Result<RuntimeConfig> {
        self.json(Call::get(&["api", "config", "runtime"])).await
    }

    pub(crate) async fn server_facts(&self) -> Result<ServerFacts> {
        self.json(Call::get(&["api", "auth", "config"])).await
    }
}
