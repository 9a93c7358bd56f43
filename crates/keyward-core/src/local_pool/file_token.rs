//! Tokens of users who are kept in RawScribe's file of settings: JWT under the secret that stands there, with
//! RawScribe's claims, so that its back ends take them.
//!
//! Unlike RawScribe's, one is good only while its session is: it names the session, and nothing that a token
//! says of groups and permissions is believed here.

use std::collections::HashSet;
use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::token::{TokenGrant, TokenLife, TokenSubject, TokenUse, VerifiedToken, install_provider};
use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::permission::{Permission, PermissionSet};
use crate::secret::Secret;

/// Who issues tokens when nothing is said of it: what RawScribe's back end calls itself.
const DEFAULT_ISSUER: &str = "claire-backend";
/// The shortest secret that guards anything, bytes.
const SHORTEST_SECRET: usize = 32;
/// What secrets have in them that were never meant to be kept.
const PLACEHOLDERS: [&str; 5] = ["secret", "password", "changeme", "change-me", "replace"];
/// A secret with fewer different characters was typed, not drawn.
const LEAST_CHARACTERS: usize = 10;

/// How the tokens are signed, and what they say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTokenSettings {
    /// What they are signed with; one that the master key leads to when not said.
    pub secret: Option<Secret>,
    /// By which function.
    pub algorithm: HmacAlgorithm,
    /// Who issues them.
    pub issuer: Option<String>,
    /// Whom they are for.
    pub audience: Option<String>,
}

/// The functions that sign with a secret (RFC 7518 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HmacAlgorithm {
    /// With SHA-256.
    #[default]
    Hs256,
    /// With SHA-384.
    Hs384,
    /// With SHA-512.
    Hs512,
}

impl HmacAlgorithm {
    /// By its name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hs256, Self::Hs384, Self::Hs512].into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Hs384 => Algorithm::HS384,
            Self::Hs512 => Algorithm::HS512,
        }
    }

    /// Bytes that a key must have at least (RFC 7518 §3.2).
    fn key_length(self) -> usize {
        match self {
            Self::Hs256 => SHORTEST_SECRET,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

impl FileTokenSettings {
    /// What is wrong with the secret, when somebody could find it out; words that follow "The secret".
    pub fn weakness(&self) -> Option<String> {
        let secret = self.secret.as_ref()?.expose();
        let lowered = secret.to_lowercase();
        let characters: HashSet<char> = secret.chars().collect();
        if secret.len() < self.algorithm.key_length() {
            let (algorithm, length) = (self.algorithm.as_str(), self.algorithm.key_length());
            Some(format!("is shorter than the {length} characters that {algorithm} takes"))
        } else if PLACEHOLDERS.iter().any(|placeholder| lowered.contains(placeholder)) {
            Some("is one to be replaced".to_owned())
        } else if characters.len() < LEAST_CHARACTERS {
            Some("has too few different characters".to_owned())
        } else {
            None
        }
    }
}

/// Signs the tokens and knows them again.
pub(crate) struct FileTokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: Option<String>,
}

impl FileTokens {
    pub(crate) fn new(settings: &FileTokenSettings, master_key: &MasterKey) -> Result<Self> {
        install_provider();
        let secret = match &settings.secret {
            Some(secret) => secret.clone(),
            None => Secret::from(master_key.fingerprint("tokens of users of a file", b"")?),
        };
        let secret = secret.expose().as_bytes();
        let algorithm = settings.algorithm.algorithm();
        let mut validation = Validation::new(algorithm);
        // What is left out here, `verify` looks at, as in `token.rs`.
        validation.required_spec_claims = HashSet::new();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Ok(Self {
            header: Header::new(algorithm),
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            validation,
            issuer: settings.issuer.clone().unwrap_or_else(|| DEFAULT_ISSUER.to_owned()),
            audience: settings.audience.clone(),
        })
    }

    /// A token for this subject, who may do this at the moment.
    pub(crate) fn sign(
        &self,
        subject: &TokenSubject,
        permissions: &PermissionSet,
        grant: &TokenGrant,
        life: &TokenLife,
    ) -> Result<Secret> {
        let attribute = |name: &str| subject.attributes.get(name).map(String::as_str);
        let claims = Claims {
            sub: &subject.sub,
            email: attribute("email"),
            username: &subject.username,
            name: attribute("name").unwrap_or(&subject.username),
            groups: &subject.groups,
            permissions: permissions.iter().collect(),
            is_admin: permissions.allows_text("*"),
            amr: &subject.amr,
            client_id: &grant.client_id,
            origin_jti: &grant.origin_jti,
            jti: &life.jti,
            auth_time: grant.auth_time,
            iat: life.iat,
            exp: life.exp,
            iss: &self.issuer,
            aud: self.audience.as_deref(),
        };
        encode(&self.header, &claims, &self.signing).map(Secret::from).map_err(Error::internal)
    }

    /// What a token of ours says, its end not yet looked at; `None` for one that isn't ours.
    pub(crate) fn verify(&self, token: &str) -> Option<VerifiedToken> {
        let token = decode::<Presented>(token, &self.verifying, &self.validation).ok()?;
        // An extension that must be understood is one that we don't (RFC 7515, section 4.1.11).
        if token.header.crit.is_some() || token.claims.iss != self.issuer || token.claims.aud != self.audience
        {
            return None;
        }
        let claims = token.claims;
        Some(VerifiedToken {
            token_use: TokenUse::Id,
            sub: claims.sub,
            username: claims.username,
            client_id: claims.client_id,
            origin_jti: claims.origin_jti,
            jti: claims.jti,
            auth_time: claims.auth_time,
            iat: claims.iat,
            exp: claims.exp,
            mfa: claims.amr.iter().any(|method| method == "mfa"),
            scope: None,
        })
    }
}

impl fmt::Debug for FileTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileTokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// RawScribe's claims, and below them ours.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    email: Option<&'a str>,
    username: &'a str,
    name: &'a str,
    groups: &'a [String],
    permissions: Vec<&'a Permission>,
    #[serde(rename = "isAdmin")]
    is_admin: bool,
    exp: i64,
    iat: i64,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    amr: &'a [String],
    client_id: &'a str,
    origin_jti: &'a str,
    jti: &'a str,
    auth_time: i64,
}

/// What is read of a token that somebody shows; other claims mean nothing here.
#[derive(Deserialize)]
struct Presented {
    sub: String,
    username: String,
    iss: String,
    aud: Option<String>,
    amr: Vec<String>,
    client_id: String,
    origin_jti: String,
    jti: String,
    auth_time: i64,
    iat: i64,
    exp: i64,
}
