//! Where applications sign in, as RawScribe's own pages ask for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, Client, Error, Result};

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

    /// The keys that the pool with this id signs its tokens with; none when there is no such pool.
    pub(crate) async fn signing_keys(&self, pool_id: &str) -> Result<Option<Value>> {
        match self.json(Call::get(&[pool_id, ".well-known", "jwks.json"])).await {
            Err(Error::Refused(problem)) if problem.status == 404 => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}
