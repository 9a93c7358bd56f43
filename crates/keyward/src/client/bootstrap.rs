//! What a client asks before it knows who it is: `contracts` of the VAMS dialect that every client speaks.

use serde::{Deserialize, Serialize};

use super::{Call, Client, Result};

/// Where to sign in. A value that the server doesn't have is the text `undefined`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AmplifyConfig {
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub api: Option<String>,
    #[serde(default)]
    pub cognito_user_pool_id: Option<String>,
    #[serde(default)]
    pub cognito_app_client_id: Option<String>,
    /// Where the Cognito protocol is spoken, when that isn't the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cognito_endpoint: Option<String>,
    /// The rest, kept for who reads the profile.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
}

impl AmplifyConfig {
    /// The app client to sign in with; `None` when the server signs in elsewhere.
    pub(crate) fn client_id(&self) -> Option<&str> {
        let known = |value: &'_ Option<String>| {
            value.as_deref().is_some_and(|value| !matches!(value, "" | "undefined" | "null"))
        };
        if known(&self.cognito_user_pool_id) && known(&self.cognito_app_client_id) {
            self.cognito_app_client_id.as_deref()
        } else {
            None
        }
    }
}

impl Client {
    /// The version of the VAMS dialect that the server speaks: `2.5.1`.
    pub(crate) async fn dialect_version(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let Version { version } = self.json(Call::get(&["api", "version"])).await?;
        Ok(version)
    }

    pub(crate) async fn amplify_config(&self) -> Result<AmplifyConfig> {
        let config: AmplifyConfig = self.json(Call::get(&["api", "amplify-config"])).await?;
        self.sign_in_at(config.cognito_endpoint.as_deref())?;
        Ok(config)
    }

    /// The features that are on.
    pub(crate) async fn features(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct SecureConfig {
            #[serde(default)]
            features_enabled: String,
        }
        let config: SecureConfig = self.json(Call::get(&["secure-config"])).await?;
        let names = config.features_enabled.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut names: Vec<String> = names.map(ToOwned::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }
}
