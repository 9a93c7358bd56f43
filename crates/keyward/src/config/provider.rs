//! Where the users of the application live.

use keyward_core::external_issuer::ExternalIssuerSettings;
use reqwest::Url;

use super::{Complaint, Source, Value, Values, Wrong, base_url, region, some_text};
use crate::client::is_loopback;

/// The longest bound of what is known of users kept elsewhere, milliseconds: what Amazon takes back must not
/// stay good for long.
const LONGEST_BOUND_MS: u64 = 10 * 60 * 1000;

/// Where the users of the application live: which pool is the home pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// In Keyward's own pool.
    Local,
    /// In a pool of Amazon Cognito's.
    Cognito(CognitoPool),
    /// In RawScribe's file of settings, which nobody changes through Keyward.
    Jwt,
}

/// A pool in Amazon Cognito, or elsewhere where its protocol is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CognitoPool {
    /// Like `us-east-1_k3Y9wRd0A`.
    pub user_pool_id: String,
    /// The app client that its users sign in through.
    pub client_id: String,
    /// Where it is.
    pub region: String,
    /// Where its protocol is spoken, when not by Amazon; an http or https URL.
    pub endpoint: Option<String>,
    /// The groups that are the roles of their names.
    pub groups: Vec<String>,
    /// Where pool, client and region were set, as RawScribe's runtime configuration tells it.
    pub source: ToldSource,
}

/// Where several values came from, in RawScribe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldSource {
    /// All of them from the environment, or a flag.
    Environment,
    /// All of them from files.
    ConfigFile,
    /// Some from here and some from there.
    Mixed,
}

impl Provider {
    /// The pool in Amazon Cognito, when they live there.
    pub fn cognito(&self) -> Option<&CognitoPool> {
        match self {
            Self::Cognito(pool) => Some(pool),
            Self::Local | Self::Jwt => None,
        }
    }
}

impl ToldSource {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::ConfigFile => "config_file",
            Self::Mixed => "mixed",
        }
    }

    /// What was worked out counts as neither.
    fn of<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let (mut outside, mut file) = (false, false);
        for value in values {
            match value.source {
                Source::Flag(_) | Source::Environment(_) => outside = true,
                Source::File(_) => file = true,
                Source::Default => {}
            }
        }
        match (outside, file) {
            (true, true) => Self::Mixed,
            (true, false) => Self::Environment,
            (false, _) => Self::ConfigFile,
        }
    }
}

impl Values {
    pub(super) fn provider(&self) -> Result<Provider, Complaint> {
        // Read in every case: what is wrong is wrong, whoever uses it.
        let user_pool_id = self.optional("cognito_user_pool_id", user_pool_id)?;
        let client_id = self.optional("cognito_client_id", client_id)?;
        let given_region = self.optional("cognito_region", region)?;
        let endpoint = self.optional("cognito_endpoint", base_url)?;
        let groups = self.optional("cognito_groups", groups)?.unwrap_or_default();
        match self.required("provider", name)? {
            Name::Local => return Ok(Provider::Local),
            Name::Jwt => return Ok(Provider::Jwt),
            Name::Cognito => {}
        }
        let (Some(user_pool_id), Some(client_id)) = (user_pool_id.clone(), client_id.clone()) else {
            let missing = [
                (user_pool_id.is_none(), "cognito_user_pool_id (COGNITO_USER_POOL_ID)"),
                (client_id.is_none(), "cognito_client_id (COGNITO_CLIENT_ID)"),
            ];
            let missing: Vec<_> = missing.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
            let sentence = format!("With the provider cognito, {} must be set.", missing.join(" and "));
            return Err(Complaint::usage(sentence).hint(
                "Both are outputs of the stack that made the pool; leave the provider out to keep users here.",
            ));
        };
        let region = match given_region {
            Some(region) => region,
            None => user_pool_id.split('_').next().and_then(|text| region(text).ok()).ok_or_else(|| {
                Complaint::usage("With the provider cognito, cognito_region (COGNITO_REGION) must be set.")
                    .hint("It is the region in which the pool was made, such as us-east-1.")
            })?,
        };
        let told = ["cognito_user_pool_id", "cognito_client_id", "cognito_region"];
        let told = told.into_iter().map(|name| self.value(name)).collect::<Result<Vec<_>, _>>()?;
        let source = ToldSource::of(told.into_iter());
        Ok(Provider::Cognito(CognitoPool { user_pool_id, client_id, region, endpoint, groups, source }))
    }
}

impl Values {
    pub(super) fn external_issuer(&self) -> Result<Option<ExternalIssuerSettings>, Complaint> {
        let issuer = self.optional("oidc_issuer", oidc_issuer)?;
        let audience = self.optional("oidc_audience", some_text)?;
        let roles = self.optional("oidc_roles", oidc_roles)?;
        let groups_claim = self.required("oidc_groups_claim", some_text)?;
        match (issuer, audience, roles) {
            (Some(issuer), Some(audience), Some(roles)) => {
                Ok(Some(ExternalIssuerSettings { issuer, audience, groups_claim, roles }))
            }
            (None, None, None) => Ok(None),
            _ => Err(Complaint::usage(
                "The settings oidc_issuer, oidc_audience and oidc_roles are of use together alone.",
            )
            .hint("Name the issuer, what its tokens have as aud, and which group has which role.")),
        }
    }
}

/// The text of `iss`, which is compared as it is: a slash at its end counts.
fn oidc_issuer(text: &str) -> Result<String, Wrong> {
    let is_good = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    let url = Url::parse(text).ok().filter(is_good);
    if url.is_some_and(|url| {
        url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    }) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("an https URL, or an http URL on this machine, without user, query or fragment")
            .hint("For example https://login.example.com/realms/lab, as the tokens have it in iss."))
    }
}

fn oidc_roles(text: &str) -> Result<Vec<(String, String)>, Wrong> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (group, role) = pair.rsplit_once('=')?;
        let (group, role) = (group.trim(), role.trim());
        (!group.is_empty() && !role.is_empty()).then(|| (group.to_owned(), role.to_owned()))
    });
    pairs.collect::<Option<_>>().ok_or_else(|| {
        Wrong::new("groups with their roles, as GROUP=ROLE with commas between")
            .hint("For example lab-admins=ADMINS,lab-staff=RESEARCHERS.")
    })
}

enum Name {
    Local,
    Cognito,
    Jwt,
}

fn name(text: &str) -> Result<Name, Wrong> {
    match text {
        "local" => Ok(Name::Local),
        "cognito" => Ok(Name::Cognito),
        "jwt" => Ok(Name::Jwt),
        _ => Err(Wrong::new("local, cognito or jwt")),
    }
}

/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html>
fn user_pool_id(text: &str) -> Result<String, Wrong> {
    let is_good = text.len() <= 55
        && text.split_once('_').is_some_and(|(region, rest)| !region.is_empty() && !rest.is_empty())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("the id of a pool").hint("For example us-east-1_k3Y9wRd0A."))
    }
}

fn client_id(text: &str) -> Result<String, Wrong> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+');
    if text.len() <= 128 && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("the id of an app client").hint("For example 1ue2h7glihso8gpq4pm4s0rs42."))
    }
}

fn groups(text: &str) -> Result<Vec<String>, Wrong> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.iter().all(|name| name.chars().count() <= 128) {
        Ok(names)
    } else {
        Err(Wrong::new("names of groups, of at most 128 characters, with commas between"))
    }
}

/// Milliseconds; a number alone is of seconds.
pub(super) fn directory_bound(text: &str) -> Result<u64, Wrong> {
    let (number, unit_ms) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(number), _) => (number, 1000),
            (None, Some(number)) => (number, 60_000),
            (None, None) => (text, 1000),
        },
    };
    let bound_ms = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    bound_ms.filter(|bound_ms| *bound_ms <= LONGEST_BOUND_MS).ok_or_else(|| {
        Wrong::new("a time of at most 10 minutes").hint("For example 60s, 500ms or 1m; 0s asks each time.")
    })
}
