//! Test users, and securing production.

use keyward_core::secret::Secret;
use keyward_core::test_user::{self, FoundTestUser, MadeOutcome};
use reqwest::Method;
use serde::Deserialize;

use super::{Call, Client, Result};

/// A test user as it stands.
#[derive(Debug, Deserialize)]
pub(crate) struct TestUser {
    pub username: String,
    /// None where it isn't what is configured any more.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The one that is configured.
    #[serde(default)]
    pub role: String,
    /// None where there is no account; nor is there a status then.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub enabled: bool,
}

/// What became of a test user that was to be there.
#[derive(Debug, Deserialize)]
pub(crate) struct MadeTestUser {
    pub username: String,
    #[serde(default)]
    pub role: String,
    /// `created`, `kept`, `repaired` or `foreign`.
    #[serde(default)]
    pub outcome: String,
    #[serde(default)]
    pub repaired: Vec<String>,
}

impl From<FoundTestUser> for TestUser {
    fn from(FoundTestUser { configured, user, password }: FoundTestUser) -> Self {
        Self {
            username: configured.username,
            password,
            role: configured.group,
            status: user.as_ref().map(|user| user.status.as_str().to_owned()),
            enabled: user.as_ref().is_some_and(|user| user.enabled),
            roles: user.map(|user| user.roles),
        }
    }
}

impl From<test_user::MadeTestUser> for MadeTestUser {
    fn from(test_user::MadeTestUser { user, group, outcome }: test_user::MadeTestUser) -> Self {
        let repaired = match &outcome {
            MadeOutcome::Repaired(wrong) => wrong.iter().map(|what| (*what).to_owned()).collect(),
            MadeOutcome::Created | MadeOutcome::Kept | MadeOutcome::Foreign => Vec::new(),
        };
        Self { username: user.username, role: group, outcome: outcome.as_str().to_owned(), repaired }
    }
}

/// What was done to secure production, or would be, and what was found.
#[derive(Debug, Deserialize)]
pub(crate) struct Secured {
    #[serde(default)]
    pub plan: bool,
    #[serde(default)]
    pub test_users: Vec<String>,
    #[serde(default)]
    pub admins: Vec<SecuredAdmin>,
    #[serde(default)]
    pub test_passwords: Vec<String>,
    #[serde(default)]
    pub api_keys: Option<Vec<RiskyKey>>,
    #[serde(default)]
    pub failures: Vec<SecuringFailure>,
    #[serde(default)]
    pub roles: Option<Vec<PowerfulRole>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SecuringFailure {
    pub username: String,
    pub detail: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SecuredAdmin {
    pub username: String,
    #[serde(default)]
    pub reset: bool,
    /// In this answer alone.
    #[serde(default)]
    pub password: Option<Secret>,
    #[serde(default)]
    pub mfa: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RiskyKey {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub username: String,
    /// `never_expires`, `unused`, `user_disabled`, `made_by_test_user`.
    #[serde(default)]
    pub risks: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PowerfulRole {
    pub name: String,
    #[serde(default)]
    pub holders: Vec<String>,
}

const TEST_USERS: [&str; 3] = ["api", "v1", "test-users"];

impl Client {
    pub(crate) async fn test_users(&self) -> Result<Vec<TestUser>> {
        #[derive(Deserialize)]
        struct Found {
            items: Vec<TestUser>,
        }
        let Found { items } = self.json(Call::get(&TEST_USERS)).await?;
        Ok(items)
    }

    /// May be repeated: who is there is left, or repaired.
    pub(crate) async fn create_test_users(&self) -> Result<Vec<MadeTestUser>> {
        #[derive(Deserialize)]
        struct Made {
            results: Vec<MadeTestUser>,
        }
        let Made { results } = self.json(Call::new(Method::POST, &TEST_USERS)).await?;
        Ok(results)
    }

    /// The names of who is gone.
    pub(crate) async fn delete_test_users(&self) -> Result<Vec<String>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Deleted {
            deleted: Vec<String>,
        }
        let Deleted { deleted } = self.json(Call::new(Method::DELETE, &TEST_USERS)).await?;
        Ok(deleted)
    }

    pub(crate) async fn allow_test_users(&self) -> Result<()> {
        self.nothing(Call::new(Method::POST, &["api", "v1", "test-users", "allow"])).await
    }

    /// With the same key within 10 minutes, the answer of the first time.
    pub(crate) async fn secure_production(&self, plan: bool, idempotency_key: &str) -> Result<Secured> {
        let mut call = Call::new(Method::POST, &["api", "v1", "secure-production"]);
        call.only_asks = plan;
        call.idempotency_key = Some(idempotency_key.to_owned());
        self.json(call.query(vec![("plan", plan.to_string())])).await
    }
}
