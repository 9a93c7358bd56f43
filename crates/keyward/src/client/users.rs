//! Users, and the roles that they hold.

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Assignment, Call, Change, Client, Page, Result, Slice};

/// A person's account, or a program user.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct User {
    pub id: String,
    pub username: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub enabled: bool,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub mfa: bool,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub updated_at: String,
}

/// A user to be made.
#[derive(Debug, Serialize)]
pub(crate) struct NewUser {
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary_password: Option<Secret>,
    /// One for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

/// What is to change about a user.
#[derive(Debug, Default, Serialize)]
pub(crate) struct UserChange {
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub email: Change<String>,
    #[serde(skip_serializing_if = "Change::is_keep")]
    pub phone: Change<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A user together with a temporary password, which no other answer holds.
#[derive(Debug, Deserialize)]
pub(crate) struct UserWithPassword {
    pub user: User,
    #[serde(default)]
    pub temporary_password: Option<Secret>,
}

impl Client {
    pub(crate) async fn users(
        &self,
        slice: Slice,
        search: Option<&str>,
        kind: Option<&'static str>,
    ) -> Result<Page<User>> {
        let mut query = slice.query();
        query.extend(search.map(|search| ("search", search.to_owned())));
        query.extend(kind.map(|kind| ("kind", kind.to_owned())));
        self.json(Call::get(&["api", "v1", "users"]).query(query)).await
    }

    pub(crate) async fn create_user(&self, user: &NewUser) -> Result<UserWithPassword> {
        self.json(self.post(&["api", "v1", "users"], user)).await
    }

    pub(crate) async fn user(&self, user: &str) -> Result<User> {
        self.json(Call::get(&["api", "v1", "users", user])).await
    }

    pub(crate) async fn update_user(&self, user: &str, change: &UserChange) -> Result<User> {
        let path = ["api", "v1", "users", user];
        self.json(Call::new(Method::PATCH, &path).body(super::body(change))).await
    }

    pub(crate) async fn delete_user(&self, user: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "users", user])).await
    }

    pub(crate) async fn reset_password(&self, user: &str) -> Result<UserWithPassword> {
        self.json(self.post(&["api", "v1", "users", user, "reset-password"], &Empty {})).await
    }

    pub(crate) async fn set_password(&self, user: &str, password: &Secret, temporary: bool) -> Result<User> {
        let path = ["api", "v1", "users", user, "set-password"];
        let body = serde_json::json!({ "password": password.expose(), "temporary": temporary });
        self.json(Call::new(Method::POST, &path).body(body)).await
    }

    pub(crate) async fn sign_out_user(&self, user: &str) -> Result<()> {
        self.nothing(self.post(&["api", "v1", "users", user, "sign-out"], &Empty {})).await
    }

    pub(crate) async fn reset_mfa(&self, user: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "users", user, "second-factors"])).await
    }

    pub(crate) async fn assignments(&self, slice: Slice) -> Result<Page<Assignment>> {
        self.json(Call::get(&["api", "v1", "assignments"]).query(slice.query())).await
    }

    /// Gives `user` all of `roles` on top of what they hold, or none.
    pub(crate) async fn add_roles(&self, user: &str, roles: &[String]) -> Result<Assignment> {
        let path = ["api", "v1", "users", user, "roles"];
        self.json(self.post(&path, &serde_json::json!({ "roles": roles }))).await
    }

    /// Makes the roles of `user` exactly `roles`.
    pub(crate) async fn set_roles(&self, user: &str, roles: &[String]) -> Result<Assignment> {
        let path = ["api", "v1", "users", user, "roles"];
        self.json(Call::new(Method::PUT, &path).body(serde_json::json!({ "roles": roles }))).await
    }

    pub(crate) async fn take_all_roles(&self, user: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "users", user, "roles"])).await
    }

    pub(crate) async fn take_role(&self, user: &str, role: &str) -> Result<()> {
        self.nothing(Call::new(Method::DELETE, &["api", "v1", "users", user, "roles", role])).await
    }

    /// A `POST` that is safe to repeat, for it carries a key of its own.
    pub(super) fn post<'a>(&self, path: &'a [&'a str], content: &impl Serialize) -> Call<'a> {
        let mut call = Call::new(Method::POST, path).body(super::body(content));
        call.idempotency_key = Some(self.random.uuid());
        call
    }
}

#[derive(Serialize)]
struct Empty {}
