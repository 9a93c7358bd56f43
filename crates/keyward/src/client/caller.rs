//! Who am I, may I, and the same about others.

use keyward_core::secret::Secret;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Call, Client, Result};

/// Who a credential stands for, and what it may do now.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Caller {
    /// `person` or `api_key`.
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub user_id: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub api_key_id: Option<String>,
    #[serde(default)]
    pub api_key_name: Option<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub permissions: Vec<String>,
    #[serde(default)]
    pub mfa: bool,
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// Whether a credential is good.
#[derive(Debug, Deserialize)]
pub(crate) struct Verification {
    pub allowed: bool,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub caller: Option<Caller>,
}

/// Whether somebody may do something.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    pub permissions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Decision {
    pub allowed: bool,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub results: Vec<PermissionDecision>,
    #[serde(default)]
    pub caller: Option<Caller>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PermissionDecision {
    pub permission: String,
    pub allowed: bool,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub explanation: Option<Explanation>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Explanation {
    #[serde(default)]
    pub granted_by: Vec<Grant>,
    #[serde(default)]
    pub withheld: Vec<Grant>,
}

/// A role's pattern that fits; `why` when something took it away.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Grant {
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Client {
    pub(crate) async fn me(&self) -> Result<Caller> {
        self.json(Call::get(&["api", "v1", "me"])).await
    }

    pub(crate) async fn verify(&self, credential: &Secret, client_ip: Option<&str>) -> Result<Verification> {
        #[derive(Serialize)]
        struct Body<'a> {
            credential: &'a Secret,
            #[serde(skip_serializing_if = "Option::is_none")]
            client_ip: Option<&'a str>,
        }
        let path = ["api", "v1", "verify"];
        let mut call = Call::new(Method::POST, &path).body(super::body(&Body { credential, client_ip }));
        call.only_asks = true;
        self.json(call).await
    }

    pub(crate) async fn authorize(&self, question: &Question) -> Result<Decision> {
        let path = ["api", "v1", "authorize"];
        let mut call = Call::new(Method::POST, &path).body(super::body(question));
        call.only_asks = true;
        self.json(call).await
    }
}
