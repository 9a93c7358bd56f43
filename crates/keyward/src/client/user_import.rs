//! Users in and out of a pool by the thousand.

use std::collections::BTreeMap;

use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use super::{Call, Client, Page, Result, Slice};

/// A user to be imported, or one that was exported, by Cognito's names.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PortableUser {
    pub username: String,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub mfa_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<Secret>,
    #[serde(default = "enabled", skip_serializing)]
    pub enabled: bool,
}

fn enabled() -> bool {
    true
}

/// What became of one imported user.
#[derive(Debug, Deserialize)]
pub(crate) struct UserImportResult {
    pub username: String,
    pub outcome: String,
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<UserImportResult>,
}

#[derive(Deserialize)]
struct Columns {
    columns: Vec<String>,
}

impl Client {
    /// The columns that a file of this pool's users has; of the home pool's when none is said.
    pub(crate) async fn user_columns(&self, pool: Option<&str>) -> Result<Vec<String>> {
        let answer: Columns =
            self.json(Call::get(&["api", "v1", "user-import"]).query(of_pool(pool))).await?;
        Ok(answer.columns)
    }

    pub(crate) async fn import_users(
        &self,
        pool: Option<&str>,
        users: &[&PortableUser],
    ) -> Result<Vec<UserImportResult>> {
        let path = ["api", "v1", "user-import"];
        let answer: Results =
            self.json(self.post(&path, &serde_json::json!({ "pool": pool, "users": users }))).await?;
        Ok(answer.results)
    }

    pub(crate) async fn export_users(&self, slice: Slice, pool: Option<&str>) -> Result<Page<PortableUser>> {
        let mut query = slice.query();
        query.extend(of_pool(pool));
        self.json(Call::get(&["api", "v1", "user-export"]).query(query)).await
    }
}

fn of_pool(pool: Option<&str>) -> Vec<(&'static str, String)> {
    pool.map(|pool| ("pool", pool.to_owned())).into_iter().collect()
}
