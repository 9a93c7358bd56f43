//! Refresh tokens: what a sign-in lasts by beyond its first tokens.
//!
//! All refresh tokens of a sign-in begin alike, and it is found by the hash of that beginning. Where they
//! rotate, each is followed by one that is made from it under the master key: who asks once more with the same
//! one, within the grace, gets the same answer. So there is one newest token at any time, whoever has it, and
//! one that is neither the newest nor within the grace was shown before: it may have been stolen, and the
//! sign-in ends. Each bears a mark that is made of it under the master key, so that one which was cut off or
//! mistyped isn't taken for one that was shown before.

use std::sync::Arc;

use serde_json::json;
use zeroize::Zeroizing;

use super::session::{Bearer, user_disabled};
use super::sign_in::{SignInRequest, Tokens};
use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::{Caller, Origin};
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::master_key::MasterKey;
use crate::random::Random;
use crate::secret::Secret;
use crate::store::{RefreshTokens, SignedIn};
use crate::user::User;
use crate::user_pool::MfaMode;

/// The flow that a client must have for refreshing, where its refresh tokens don't rotate.
const FLOW: &str = "REFRESH_TOKEN_AUTH";
/// How long one is without its mark, 381 bits: nobody guesses one, so its hash alone need be kept.
const LENGTH: usize = 64;
/// How much of it all of a sign-in have in common: 131 bits, which nobody guesses either.
const FAMILY_LENGTH: usize = 22;
/// The mark: 128 bits in hexadecimal digits.
const MARK_LENGTH: usize = 32;
/// How many that were rotated are remembered for the time of their grace. While there are so many, none is
/// rotated: were one forgotten, it would be taken for stolen, or a thief could have what they stole from
/// forgotten.
const REMEMBERED: usize = 16;

/// A refresh token as it is given or shown.
pub(super) struct RefreshToken<'a>(pub(super) &'a Secret);

impl RefreshToken<'_> {
    /// The first one of a sign-in.
    pub(super) fn generate(random: &Random, master_key: &MasterKey) -> Result<Secret> {
        marked(random.base62(LENGTH).expose(), master_key)
    }

    /// What its sign-in is found by.
    pub(super) fn family(&self) -> String {
        let text = self.0.expose();
        crate::sha256_hex(text.get(..FAMILY_LENGTH).unwrap_or(text).as_bytes())
    }

    pub(super) fn hash(&self) -> String {
        crate::sha256_hex(self.0.expose().as_bytes())
    }

    /// The one that follows it: 168 bits that nobody can tell without it and the master key.
    fn next(&self, master_key: &MasterKey) -> Result<Secret> {
        let text = self.0.expose();
        let rest = Secret::from(master_key.fingerprint("refresh token", text.as_bytes())?);
        let family = text.get(..FAMILY_LENGTH).unwrap_or_default();
        let next =
            Zeroizing::new(family.chars().chain(rest.expose().chars()).take(LENGTH).collect::<String>());
        marked(&next, master_key)
    }

    /// Whether it was given out, now or at any time before.
    fn is_genuine(&self, master_key: &MasterKey) -> Result<bool> {
        match self.0.expose().split_at_checked(LENGTH) {
            Some((unmarked, _)) => Ok(marked(unmarked, master_key)? == *self.0),
            None => Ok(false),
        }
    }
}

fn marked(unmarked: &str, master_key: &MasterKey) -> Result<Secret> {
    let mark = master_key.fingerprint("refresh token mark", unmarked.as_bytes())?;
    Ok(Secret::from(unmarked.chars().chain(mark.chars().take(MARK_LENGTH)).collect::<String>()))
}

impl RefreshTokens {
    /// After `next` has followed the newest one, which is good for `grace_ms` more.
    ///
    /// # Errors
    /// `TooManyRequests` while too many of them are within their grace.
    fn followed_by(&self, next: &RefreshToken<'_>, grace_ms: i64, now_ms: i64) -> Result<Self> {
        let newly = (self.newest.clone(), now_ms.saturating_add(grace_ms));
        let rotated = std::iter::once(&newly).chain(&self.rotated).filter(|(_, until_ms)| *until_ms > now_ms);
        let rotated: Vec<_> = rotated.cloned().collect();
        match rotated.last() {
            Some((_, until_ms)) if rotated.len() > REMEMBERED => {
                let after_seconds = (until_ms - now_ms).unsigned_abs().div_ceil(1000);
                Err(Error::new(
                    Code::TooManyRequests(after_seconds),
                    format!(
                        "Rate exceeded: too many refresh tokens follow one another; wait {after_seconds} s."
                    ),
                ))
            }
            _ => Ok(Self { newest: next.hash(), rotated }),
        }
    }

    fn is_within_grace(&self, hash: &str, now_ms: i64) -> bool {
        self.rotated.iter().any(|(rotated, until_ms)| rotated == hash && *until_ms > now_ms)
    }
}

impl Keyward {
    /// New ID and access tokens of the sign-in that `refresh_token` belongs to, with the user's roles of this
    /// moment.
    ///
    /// # Errors
    /// `Forbidden` for a back end that may not; `NotFound(AppClient)`; `InvalidInput` when the client may not
    /// do this; `Unauthenticated` for a token that is unknown, another client's, revoked or expired, and for a
    /// disabled user.
    pub async fn refresh(&self, request: SignInRequest<'_>, refresh_token: &Secret) -> Result<Tokens> {
        let through = self.admitted(&request, FLOW).await?;
        if through.client.settings.rotation_grace_seconds.is_some() {
            // Begins with Cognito's words.
            return Err(Error::invalid(
                "auth_flow",
                format!(
                    "{FLOW} flow not enabled for this client: its refresh tokens rotate; use \
                     GetTokensFromRefreshToken."
                ),
            ));
        }
        let knows_secret = |user: &User| request.check_secret(&through, &[&user.username, &user.id]);
        let renewed =
            self.renewed(request.origin, &through, &RefreshToken(refresh_token), knows_secret).await;
        // From when they rotated: this flow has no error of its own for it.
        renewed.map_err(|error| match error.code {
            Code::CodeExpired => Error::unauthenticated(error.message),
            _ => error,
        })
    }

    /// As [`Keyward::refresh`], for clients whose refresh tokens may rotate: then there is a new one of it
    /// too, and the one that was shown is good for the client's grace only.
    ///
    /// # Errors
    /// As there, and `CodeExpired` for a refresh token that has been rotated: with it, the sign-in ends.
    pub async fn rotate(
        &self,
        origin: &Origin,
        client_id: &str,
        client_secret: Option<&Secret>,
        refresh_token: &Secret,
    ) -> Result<Tokens> {
        let through = self.pool_client(client_id).await?;
        if through.client.settings.rotation_grace_seconds.is_none() {
            through.require_flow(FLOW)?;
        }
        through.check_secret(client_secret)?;
        self.renewed(origin, &through, &RefreshToken(refresh_token), |_| Ok(())).await
    }

    /// Ends the sign-in that `refresh_token` belongs to, with all tokens that came of it. A token that nobody
    /// knows is nothing to revoke, which is no error (RFC 7009 §2.2).
    ///
    /// # Errors
    /// `NotFound(AppClient)`; `Conflict` where the client doesn't revoke tokens; `Unsupported` for an ID or
    /// access token; `Unauthenticated` for another client's token.
    pub async fn revoke_refresh_token(
        &self,
        origin: &Origin,
        client_id: &str,
        client_secret: Option<&Secret>,
        refresh_token: &Secret,
    ) -> Result<()> {
        let through = self.pool_client(client_id).await?;
        through.check_secret(client_secret)?;
        if !through.client.settings.revokes_tokens {
            return Err(Error::conflict("Token revocation isn't enabled for this client."));
        }
        let pool = &through.pool;
        if pool.verify_token(refresh_token.expose()).is_some() {
            return Err(Error::new(Code::Unsupported, "Only a refresh token can be revoked; send that one."));
        }
        let family = RefreshToken(refresh_token).family();
        let Some(signed_in) = self.store.signed_in_by_refresh_family(&family).await? else { return Ok(()) };
        let SignedIn { session, account, .. } = signed_in;
        if session.pool_id != pool.id() || session.revoked_at_ms.is_some() {
            return Ok(());
        }
        if session.client_id != through.client.id {
            return Err(Error::unauthenticated("The refresh token belongs to another client."));
        }
        let bearer = Bearer { pool: Arc::clone(pool), account, session };
        let detail = json!({ "session": bearer.session.id });
        let change = self.change(&bearer.caller(origin), "user.sign-out", bearer.target(), detail);
        self.store.revoke_session(&bearer.session.id, self.clock.now_ms(), &change).await
    }

    async fn renewed(
        &self,
        origin: &Origin,
        through: &PoolClient,
        shown: &RefreshToken<'_>,
        check: impl Fn(&User) -> Result<()>,
    ) -> Result<Tokens> {
        let (family, hash) = (shown.family(), shown.hash());
        loop {
            let grace_seconds = through.client.settings.rotation_grace_seconds;
            let find = async || self.store.signed_in_by_refresh_family(&family).await;
            let signed_in = match grace_seconds {
                None => self.access.signed_in(&family, &self.clock, find).await?,
                Some(_) => find().await?.map(Arc::new),
            };
            let signed_in = signed_in.filter(|signed_in| signed_in.session.client_id == through.client.id);
            let signed_in = signed_in.ok_or_else(|| Error::unauthenticated("Invalid Refresh Token."))?;
            let SignedIn { session, account, refresh_tokens, amr } = &*signed_in;
            let (user, now_ms) = (&account.user, self.clock.now_ms());
            check(user)?;
            if !user.enabled {
                return Err(user_disabled());
            }
            if session.revoked_at_ms.is_some() {
                return Err(Error::unauthenticated("Refresh Token has been revoked"));
            }
            if session.expires_at_ms <= now_ms {
                return Err(Error::unauthenticated("Refresh Token has expired"));
            }
            // From before the pool asked everybody: what was enough then isn't any more.
            if through.settings.mfa == MfaMode::On && !session.mfa {
                return Err(Error::unauthenticated(
                    "This user pool asks everybody for a second factor; sign in again.",
                ));
            }
            let is_newest = refresh_tokens.newest == hash;
            if !is_newest && !refresh_tokens.is_within_grace(&hash, now_ms) {
                if !shown.is_genuine(&self.master_key)? {
                    return Err(Error::unauthenticated("Invalid Refresh Token."));
                }
                let target = Target::new("user", &user.id, &user.username);
                let detail = json!({ "session": session.id, "reason": "refresh_token_reuse" });
                let change = self.change(&Caller::nobody(origin.clone()), "user.sign-out", target, detail);
                self.store.revoke_session(&session.id, now_ms, &change).await?;
                return Err(Error::new(
                    Code::CodeExpired,
                    "Refresh Token has been used before, so the session was ended; sign in again.",
                ));
            }
            let next = match (is_newest, grace_seconds) {
                (true, None) => None,
                _ => Some(shown.next(&self.master_key)?),
            };
            let auth_time = session.created_at_ms.div_euclid(1000);
            let tokens = self.sign_tokens(through, account, &session.id, auth_time, amr).await?;
            if let (true, Some(grace_seconds), Some(next)) = (is_newest, grace_seconds, &next) {
                let next = refresh_tokens.followed_by(&RefreshToken(next), grace_seconds * 1000, now_ms)?;
                if !self.store.rotate_refresh_token(&session.id, &hash, &next).await? {
                    // Somebody was faster: by now it isn't the newest any more, or the session has ended.
                    continue;
                }
            }
            return Ok(Tokens { refresh_token: next, ..tokens });
        }
    }
}
