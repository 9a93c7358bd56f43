//! Tokens of an issuer of OpenID Connect that is nobody's home here: who shows one comes in with the roles that
//! the configuration gives to the groups of the token, and with no others.
//!
//! Such callers have no account here, so nothing of theirs can be taken back here but those roles: a token is
//! good until its end.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::remote_pool::SigningKeys;

/// Seconds that the issuer's clock may be ahead of ours.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// What is believed of whose tokens.
#[derive(Debug, Clone)]
pub struct ExternalIssuerSettings {
    /// `iss` of the tokens, exactly.
    pub issuer: String,
    /// What must be in `aud`.
    pub audience: String,
    /// The claim with the groups: a list of texts, or one text.
    pub groups_claim: String,
    /// Which group has which role.
    pub roles: Vec<(String, String)>,
}

/// The issuer itself, as far as it is asked.
#[async_trait]
pub trait IssuerService: Send + Sync {
    /// Its public keys, a JWK set (RFC 7517 §5), as its discovery says where they are.
    ///
    /// # Errors
    /// `Unavailable` when they can't be had.
    async fn signing_keys(&self) -> Result<Value>;
}

/// An issuer whose tokens are accepted.
pub struct ExternalIssuer {
    pub(crate) settings: ExternalIssuerSettings,
    service: Box<dyn IssuerService>,
    keys: SigningKeys,
}

/// Whoever shows a good token.
#[derive(Debug)]
pub(crate) struct ExternalToken {
    pub(crate) subject: String,
    /// What people call them.
    pub(crate) name: String,
    /// The names of the roles that their groups have here.
    pub(crate) roles: Vec<String>,
    pub(crate) mfa: bool,
    /// Seconds since the epoch.
    pub(crate) exp: i64,
}

/// What must be in a token.
#[derive(Deserialize)]
struct Presented {
    iss: String,
    sub: String,
    aud: OneOrMany,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(text) => text == wanted,
            Self::Many(texts) => texts.iter().any(|text| text == wanted),
        }
    }
}

impl ExternalIssuer {
    /// Believes what `settings` say, under the keys that `service` tells.
    pub fn new(settings: ExternalIssuerSettings, service: Box<dyn IssuerService>) -> Self {
        Self { settings, service, keys: SigningKeys::default() }
    }

    /// Whether the token says that it is of this issuer; nothing of it is verified.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let named = payload.and_then(|payload| serde_json::from_slice::<Named>(&payload).ok());
        named.is_some_and(|named| named.iss == self.settings.issuer)
    }

    /// What `token` says, when the issuer has signed it for us, its end not yet looked at.
    ///
    /// # Errors
    /// `Unavailable` when the keys can't be had.
    pub(crate) async fn verify(
        &self,
        token: &str,
        now_seconds: i64,
        monotonic_ms: i64,
    ) -> Result<Option<ExternalToken>> {
        let ask = async || self.service.signing_keys().await;
        let Some(claims) = self.keys.verified::<Presented>(token, monotonic_ms, ask).await? else {
            return Ok(None);
        };
        let is_early =
            [claims.nbf, claims.iat].into_iter().flatten().any(|at| at > now_seconds + CLOCK_SKEW_SECONDS);
        let ExternalIssuerSettings { issuer, audience, groups_claim, roles } = &self.settings;
        if claims.iss != *issuer || !claims.aud.has(audience) || claims.sub.is_empty() || is_early {
            return Ok(None);
        }
        let groups = texts(claims.rest.get(groups_claim));
        let roles = roles.iter().filter(|(group, _)| groups.contains(&group.as_str()));
        let names = ["preferred_username", "email", "cognito:username", "username"];
        let name = names.iter().find_map(|name| claims.rest.get(*name)?.as_str());
        let name = name.filter(|name| name.len() <= 256).unwrap_or(&claims.sub);
        Ok(Some(ExternalToken {
            name: name.to_owned(),
            roles: roles.map(|(_, role)| role.clone()).collect(),
            mfa: claims.amr.iter().any(|method| method == "mfa"),
            exp: claims.exp,
            subject: claims.sub,
        }))
    }
}

/// A list of texts, or one; nothing else is a group.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

impl fmt::Debug for ExternalIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ExternalIssuer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
