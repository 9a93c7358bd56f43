//! Pools of users, and their app clients.

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Call, Client, Page, Result, Slice};

/// A pool of users.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the pool's")]
pub(crate) struct UserPool {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub home: bool,
    #[serde(default)]
    pub issuer: String,
    #[serde(default)]
    pub mfa: String,
    #[serde(default)]
    pub username_attributes: Vec<String>,
    #[serde(default)]
    pub alias_attributes: Vec<String>,
    #[serde(default)]
    pub case_sensitive: bool,
    #[serde(default)]
    pub admin_create_only: bool,
    #[serde(default)]
    pub deletion_protection: bool,
    #[serde(default)]
    pub refuses_common_passwords: bool,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub accounts: Option<i64>,
}

/// A pool to be made. What isn't said is left to the server.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the pool's")]
pub(crate) struct NewUserPool {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub username_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alias_attributes: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub case_sensitive: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub admin_create_only: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deletion_protection: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refuses_common_passwords: bool,
}

/// An app client, and, in the one answer that has it, its secret.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AppClient {
    pub id: String,
    #[serde(default)]
    pub pool_id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub flows: Vec<String>,
    #[serde(default)]
    pub hides_unknown_users: bool,
    #[serde(default)]
    pub access_token_seconds: i64,
    #[serde(default)]
    pub id_token_seconds: i64,
    #[serde(default)]
    pub refresh_token_seconds: i64,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub secrets: Option<Vec<ClientSecret>>,
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// What is known of a client's secret, and, in the one answer that has it, the secret.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ClientSecret {
    pub id: String,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// An app client to be made. What isn't said is left to the server.
#[derive(Debug, Serialize)]
pub(crate) struct NewAppClient {
    pub name: String,
    pub with_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<Vec<String>>,
}

/// What to change of an app client; what isn't said stays.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AppClientChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hides_unknown_users: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_seconds: Option<u64>,
}

impl Client {
    pub(crate) async fn user_pools(&self, slice: Slice) -> Result<Page<UserPool>> {
        self.json(Call::get(&["api", "v1", "user-pools"]).query(slice.query())).await
    }

    pub(crate) async fn user_pool(&self, id: &str) -> Result<UserPool> {
        self.json(Call::get(&["api", "v1", "user-pools", id])).await
    }

    pub(crate) async fn create_user_pool(&self, new: &NewUserPool) -> Result<UserPool> {
        self.json(self.post(&["api", "v1", "user-pools"], new)).await
    }

    pub(crate) async fn delete_user_pool(&self, id: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "user-pools", id])).await
    }

    pub(crate) async fn app_clients(&self, pool: &str, slice: Slice) -> Result<Page<AppClient>> {
        self.json(Call::get(&["api", "v1", "user-pools", pool, "clients"]).query(slice.query())).await
    }

    pub(crate) async fn app_client(&self, pool: &str, id: &str) -> Result<AppClient> {
        self.json(Call::get(&["api", "v1", "user-pools", pool, "clients", id])).await
    }

    pub(crate) async fn create_app_client(&self, pool: &str, new: &NewAppClient) -> Result<AppClient> {
        self.json(self.post(&["api", "v1", "user-pools", pool, "clients"], new)).await
    }

    pub(crate) async fn update_app_client(
        &self,
        pool: &str,
        id: &str,
        change: &AppClientChange,
    ) -> Result<AppClient> {
        let path = ["api", "v1", "user-pools", pool, "clients", id];
        self.json(Call::new(Method::PATCH, &path).body(super::body(change))).await
    }

    pub(crate) async fn delete_app_client(&self, pool: &str, id: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "user-pools", pool, "clients", id])).await
    }

    pub(crate) async fn add_client_secret(&self, pool: &str, id: &str) -> Result<ClientSecret> {
        let path = ["api", "v1", "user-pools", pool, "clients", id, "secrets"];
        self.json(self.post(&path, &serde_json::json!({}))).await
    }

    pub(crate) async fn delete_client_secret(&self, pool: &str, id: &str, secret: &str) -> Result<()> {
        let path = ["api", "v1", "user-pools", pool, "clients", id, "secrets", secret];
        self.nothing(Call::new(Method::DELETE, &path)).await
    }
}
