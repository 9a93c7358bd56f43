//! Roles, and who holds them.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Call, Change, Client, Page, Result, Slice};

/// A role and what it permits.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Role {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub permissions: Vec<String>,
    #[serde(default)]
    pub mfa_required: bool,
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default)]
    pub source_identifier: Option<String>,
    #[serde(default)]
    pub created_at: String,
}

/// A role to be made.
#[derive(Debug, Serialize)]
pub(crate) struct NewRole {
    pub name: String,
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identifier: Option<String>,
}

/// What is to change about a role; what is absent stays.
#[derive(Debug, Default, Serialize)]
pub(crate) struct RoleChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_required: Option<bool>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub source: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub source_identifier: Change<String>,
}

impl RoleChange {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { description, permissions, mfa_required, source, source_identifier } = self;
        description.is_none()
            && permissions.is_none()
            && mfa_required.is_none()
            && source.is_keep()
            && source_identifier.is_keep()
    }
}

/// The roles that one user holds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Assignment {
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub created_at: Option<String>,
    /// Whether nobody had that name, so that a program user was made to hold the roles.
    #[serde(default)]
    pub created_program_user: bool,
}

impl Client {
    pub(crate) async fn roles(&self, slice: Slice) -> Result<Page<Role>> {
        self.json(Call::get(&["api", "v1", "roles"]).query(slice.query())).await
    }

    pub(crate) async fn role(&self, role: &str) -> Result<Role> {
        self.json(Call::get(&["api", "v1", "roles", role])).await
    }

    pub(crate) async fn create_role(&self, role: &NewRole) -> Result<Role> {
        self.json(self.post(&["api", "v1", "roles"], role)).await
    }

    pub(crate) async fn update_role(&self, role: &str, change: &RoleChange) -> Result<Role> {
        let path = ["api", "v1", "roles", role];
        self.json(Call::new(Method::PATCH, &path).body(super::body(change))).await
    }

    pub(crate) async fn delete_role(&self, role: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "roles", role])).await
    }
}
