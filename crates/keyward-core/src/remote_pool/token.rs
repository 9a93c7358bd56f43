//! Tokens that a pool kept elsewhere has signed, held against its public keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet, PublicKeyUse};
use jsonwebtoken::{DecodingKey, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Inner;
use crate::error::{Code, Error, Result};
use crate::local_pool::token::{SIGNATURE_ALONE, TokenUse, install_provider};

/// Keys that are older are asked for anew: Amazon may have given one up.
const KEYS_MAXIMUM_AGE_MS: i64 = 6 * 60 * 60 * 1000;
/// How often they are asked for at most, whatever tokens name as their key.
const KEYS_PAUSE_MS: i64 = 5000;

/// A token that the pool has signed for the application. Whether its user may still come in is to be looked up.
#[derive(Debug)]
pub(crate) struct RemoteToken {
    pub(crate) sub: String,
    /// The sign-in's id; where the pool doesn't tell it, the token's own.
    pub(crate) session_id: String,
    /// When the user signed in, seconds since the epoch.
    pub(crate) auth_time: i64,
    /// Seconds since the epoch.
    pub(crate) exp: i64,
}

/// The public keys, and when they were asked for.
#[derive(Default)]
pub(crate) struct SigningKeys {
    known: Mutex<Option<Arc<KeySet>>>,
    /// When they were last asked for, whether or not they came.
    asked_at_ms: tokio::sync::Mutex<Option<i64>>,
}

struct KeySet {
    by_id: HashMap<String, DecodingKey>,
    at_ms: i64,
}

/// What is read of a token; all of it must be there but for what one of the two kinds lacks.
#[derive(Deserialize)]
struct Presented {
    sub: String,
    iss: String,
    token_use: TokenUse,
    aud: Option<String>,
    client_id: Option<String>,
    origin_jti: Option<String>,
    jti: Option<String>,
    auth_time: Option<i64>,
    iat: i64,
    exp: i64,
}

impl SigningKeys {
    fn known(&self) -> Option<Arc<KeySet>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a token says that was signed (RS256) with one of the keys that `ask` tells; nothing else of it is
    /// looked at.
    ///
    /// # Errors
    /// `Unavailable` when the keys can't be had.
    pub(crate) async fn verified<T: DeserializeOwned>(
        &self,
        token: &str,
        now_ms: i64,
        ask: impl AsyncFnOnce() -> Result<Value>,
    ) -> Result<Option<T>> {
        install_provider();
        let Ok(header) = decode_header(token) else { return Ok(None) };
        let (None, Some(kid)) = (header.crit, header.kid) else { return Ok(None) };
        let Some(keys) = self.with(&kid, now_ms, ask).await? else { return Ok(None) };
        let Some(key) = keys.by_id.get(&kid) else { return Ok(None) };
        Ok(decode::<T>(token, key, &SIGNATURE_ALONE).ok().map(|decoded| decoded.claims))
    }

    /// The keys, asked for anew when none has this id or they are old.
    async fn with(
        &self,
        kid: &str,
        now_ms: i64,
        ask: impl AsyncFnOnce() -> Result<Value>,
    ) -> Result<Option<Arc<KeySet>>> {
        let is_good = |keys: &Arc<KeySet>| {
            keys.by_id.contains_key(kid) && now_ms.saturating_sub(keys.at_ms) < KEYS_MAXIMUM_AGE_MS
        };
        let known = self.known();
        if let Some(keys) = known.filter(is_good) {
            return Ok(Some(keys));
        }
        let mut asked_at_ms = self.asked_at_ms.lock().await;
        let known = self.known();
        if known.as_ref().is_some_and(is_good)
            || asked_at_ms.is_some_and(|asked_at_ms| now_ms.saturating_sub(asked_at_ms) < KEYS_PAUSE_MS)
        {
            return match known {
                Some(keys) => Ok(Some(keys)),
                None => Err(no_keys()),
            };
        }
        *asked_at_ms = Some(now_ms);
        match ask().await {
            Ok(jwks) => {
                let keys = Arc::new(KeySet { by_id: read_keys(jwks)?, at_ms: now_ms });
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
                Ok(Some(keys))
            }
            // What they sign is as good as before; only what they don't is not known.
            Err(error) => match known.filter(|keys| keys.by_id.contains_key(kid)) {
                Some(keys) => Ok(Some(keys)),
                None => Err(error),
            },
        }
    }
}

impl Inner {
    /// What `token` says, when the pool has signed it for the application. Only RS256 is accepted, and only under
    /// the keys that the pool publishes: what a header brings along or points to is never used.
    ///
    /// # Errors
    /// `Unavailable` when the keys can't be had.
    pub(super) async fn verify_token(&self, token: &str) -> Result<Option<RemoteToken>> {
        let ask = async || self.service.signing_keys().await;
        let claims = self.keys.verified::<Presented>(token, self.clock.monotonic_ms(), ask).await?;
        let Some(claims) = claims else { return Ok(None) };
        let client = match claims.token_use {
            TokenUse::Id => claims.aud,
            TokenUse::Access => claims.client_id,
        };
        if !self.settings.issuers.contains(&claims.iss) || client.as_ref() != Some(&self.settings.client_id) {
            return Ok(None);
        }
        Ok(Some(RemoteToken {
            sub: claims.sub,
            session_id: claims.origin_jti.or(claims.jti).unwrap_or_default(),
            auth_time: claims.auth_time.unwrap_or(claims.iat),
            exp: claims.exp,
        }))
    }
}

fn read_keys(jwks: Value) -> Result<HashMap<String, DecodingKey>> {
    let set: JwkSet = serde_json::from_value(jwks).map_err(|cause| no_keys().because(cause))?;
    let keys = set.keys.into_iter().filter_map(|jwk| {
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|is| *is == PublicKeyUse::Signature);
        let is_rsa = matches!(jwk.algorithm, AlgorithmParameters::RSA(_));
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| is_for_signatures && is_rsa)?;
        Some((jwk.common.key_id?, key))
    });
    Ok(keys.collect())
}

fn no_keys() -> Error {
    Error::new(
        Code::Unavailable,
        "The issuer's public keys can't be had now, so no token can be checked; try again in a moment.",
    )
}
