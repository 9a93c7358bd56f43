//! An issuer of OpenID Connect, asked for its keys over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use keyward_core::error::{Code, Error, Result};
use keyward_core::external_issuer::{ExternalIssuer, ExternalIssuerSettings, IssuerService};
use reqwest::Url;
use serde_json::Value;

use crate::client::is_loopback;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any issuer's keys or discovery.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// Where the keys are is asked each time, as the issuer may have moved them.
struct OverHttp {
    http: reqwest::Client,
    issuer: String,
}

/// The issuer of these settings.
///
/// # Errors
/// `Internal` when there can be no HTTP client.
pub fn open(settings: &ExternalIssuerSettings) -> Result<ExternalIssuer> {
    let mut http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
    if settings.issuer.starts_with("http://") {
        http = http.tls_certs_only([]).no_proxy();
    }
    let http = http.build().map_err(Error::internal)?;
    let service = Box::new(OverHttp { http, issuer: settings.issuer.clone() });
    Ok(ExternalIssuer::new(settings.clone(), service))
}

impl OverHttp {
    async fn get(&self, url: Url) -> anyhow::Result<Value> {
        anyhow::ensure!(url.scheme() == "https" || is_loopback(&url), "{url} isn't https");
        let answer = self.http.get(url).send().await?.error_for_status()?;
        let length = answer.content_length().unwrap_or_default();
        anyhow::ensure!(length <= LONGEST_ANSWER, "an answer of {length} bytes");
        Ok(answer.json().await?)
    }

    /// As <https://openid.net/specs/openid-connect-discovery-1_0.html> has it.
    async fn keys(&self) -> anyhow::Result<Value> {
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery = self.get(Url::parse(&discovery)?).await?;
        let text = |name: &str| discovery.get(name).and_then(Value::as_str).unwrap_or_default();
        anyhow::ensure!(text("issuer") == self.issuer, "the discovery is of the issuer {:?}", text("issuer"));
        self.get(Url::parse(text("jwks_uri"))?).await
    }
}

#[async_trait]
impl IssuerService for OverHttp {
    async fn signing_keys(&self) -> Result<Value> {
        self.keys().await.map_err(|cause| {
            let message = "The issuer of this token can't be asked for its keys now; try again in a moment.";
            let error = Error::new(Code::Unavailable, message);
            tracing::warn!(
                issuer = self.issuer,
                cause = format!("{cause:#}"),
                "an issuer's keys can't be had"
            );
            error
        })
    }
}
