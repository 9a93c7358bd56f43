//! What the environment says to the command line.

use std::time::Duration;

use keyward_core::secret::Secret;
use reqwest::Url;

use super::failure::{Failure, Result};
use super::profile_store::ProfileName;
use crate::client::{Patience, server_address};
use crate::config;

/// The server of somebody who has set up nothing: the one that `keyward serve` starts.
pub(crate) const DEFAULT_URL: &str = "http://localhost:8480";

/// The settings of the command line that come from the environment.
pub(crate) struct Settings {
    /// `KEYWARD_URL`: the server, whatever the profile says.
    pub url: Option<Url>,
    /// `KEYWARD_API_KEY`: acts by this key, whoever is signed in.
    pub api_key: Option<Secret>,
    /// `KEYWARD_PROFILE`: the profile, unless `--profile` names one.
    pub profile: Option<ProfileName>,
    /// `KEYWARD_CREDENTIAL_STORE`: where a sign-in keeps its tokens, without trying.
    pub credential_store: Option<CredentialStore>,
    pub patience: Patience,
}

/// Where tokens are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CredentialStore {
    Keyring,
    File,
}

impl Settings {
    /// Reads them all; a value that means nothing stops the command, with exit code 2.
    pub(crate) fn read() -> Result<Self> {
        let url = config::environment("KEYWARD_URL").map(|text| {
            server_address(&text).ok_or_else(|| {
                Failure::usage("KEYWARD_URL must be a http:// or https:// address without credentials in it.")
            })
        });
        let profile = config::environment("KEYWARD_PROFILE").map(|name| {
            ProfileName::parse(&name).map_err(|why| Failure::usage(format!("KEYWARD_PROFILE: {why}")))
        });
        let credential_store =
            config::environment("KEYWARD_CREDENTIAL_STORE").map(|store| match store.as_str() {
                "file" => Ok(CredentialStore::File),
                "keyring" => Ok(CredentialStore::Keyring),
                _ => Err(Failure::usage("KEYWARD_CREDENTIAL_STORE must be `file` or `keyring`.")),
            });
        let api_key = config::environment("KEYWARD_API_KEY").map(|key| Secret::from(key.trim()));
        Ok(Self {
            url: url.transpose()?,
            api_key: api_key.filter(|key| !key.is_empty()),
            profile: profile.transpose()?,
            credential_store: credential_store.transpose()?,
            patience: patience()?,
        })
    }
}

fn patience() -> Result<Patience> {
    let timeout = match config::environment("KEYWARD_TIMEOUT") {
        None => 30.0,
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|seconds| (0.001..=3600.0).contains(seconds))
            .ok_or_else(|| Failure::usage("KEYWARD_TIMEOUT must be a number of seconds, at most 3600."))?,
    };
    // The names, defaults and bounds of the real client; what is out of bounds is drawn to the nearest.
    let number = |name, default: f64, least: f64, most: f64| {
        config::environment(name)
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|value| value.is_finite())
            .map_or(default, |value| value.clamp(least, most))
    };
    let retries =
        config::environment("VAMS_CLI_MAX_RETRY_ATTEMPTS").and_then(|text| text.parse::<i64>().ok());
    let retries = u32::try_from(retries.unwrap_or(5).clamp(0, 20)).unwrap_or(5);
    Ok(Patience {
        timeout: Duration::from_secs_f64(timeout),
        retries,
        first_delay: number("VAMS_CLI_INITIAL_RETRY_DELAY", 1.0, 0.1, 30.0),
        longest_delay: number("VAMS_CLI_MAX_RETRY_DELAY", 60.0, 0.1, 300.0),
        backoff: number("VAMS_CLI_RETRY_BACKOFF_MULTIPLIER", 2.0, 1.0, 5.0),
        jitter: number("VAMS_CLI_RETRY_JITTER", 0.1, 0.0, 0.5),
    })
}
