//! Sessions: what begins with a sign-in and ends with signing out, and the tokens that come of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::LocalPool;
use super::refresh_token::RefreshToken;
use super::sign_in::{Method, Proven, SignIn, SignInRequest, Tokens};
use super::token::{SELF_SERVICE_SCOPE, TokenGrant, TokenLife, TokenSubject, TokenUse, key_id};
use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::{Caller, Origin};
use crate::code::GoodCode;
use crate::error::{Error, Result};
use crate::keyward::Keyward;
use crate::message::Channel;
use crate::secret::Secret;
use crate::store::{Account, NewSession, SessionRecord, SignedIn};
use crate::user::User;

/// A sign-in that is to become a session.
pub(super) struct Opening<'a> {
    pub(super) request: SignInRequest<'a>,
    pub(super) through: &'a PoolClient,
    pub(super) account: &'a Account,
    pub(super) method: Method,
    /// What counts the failures of the step that came last; none where nothing was guessed.
    pub(super) counter: Option<&'a str>,
    /// The challenge that was answered: its id and its end.
    pub(super) challenge: Option<(&'a str, i64)>,
    /// The second factor that was shown; with it, the session is one with MFA.
    pub(super) second: Option<Shown>,
    /// The code that was shown in place of a password, to be used up.
    pub(super) first_code: Option<GoodCode>,
}

/// A second factor that was shown.
pub(super) enum Shown {
    /// A code of this step of the software token, to be used up; none where it is used up already.
    SoftwareToken { step: Option<i64> },
    /// A code that was sent, to be used up.
    Code(GoodCode),
    /// What a passkey is of its own: its device has made sure who uses it.
    VerifiedUser,
}

impl Shown {
    /// In the words of RFC 8176.
    fn amr(&self) -> &'static str {
        match self {
            Self::Code(GoodCode { channel: Channel::Sms, .. }) => "sms",
            Self::Code(_) | Self::SoftwareToken { .. } => "otp",
            Self::VerifiedUser => "user",
        }
    }
}

impl<'a> Opening<'a> {
    /// Of somebody who isn't asked for a second factor.
    pub(super) fn by_first_factor(proven: Proven<'a>) -> Self {
        let Proven { request, through, account, method, counter } = proven;
        Self { request, through, account, method, counter, challenge: None, second: None, first_code: None }
    }
}

/// Who shows a good access token.
pub(super) struct Bearer {
    pub(super) pool: Arc<LocalPool>,
    pub(super) account: Account,
    pub(super) session: SessionRecord,
}

impl Bearer {
    /// As the one who acts, in an audit event.
    pub(super) fn caller(&self, origin: &Origin) -> Caller {
        Caller::person(origin.clone(), &self.account.user, &self.session.id, self.session.mfa)
    }

    pub(super) fn target(&self) -> Target {
        Target::new("user", &self.account.user.id, &self.account.user.username)
    }
}

impl Keyward {
    /// Ends all sessions of whoever shows `access_token`.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good.
    pub async fn sign_out_everywhere(&self, origin: &Origin, access_token: &Secret) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        let change = self.change(
            &bearer.caller(origin),
            "user.sign-out",
            bearer.target(),
            json!({ "session": "all" }),
        );
        self.store.revoke_sessions(&bearer.account.user.id, self.clock.now_ms(), &change).await
    }

    /// The account of whoever shows `access_token`.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good.
    pub async fn own_account(&self, access_token: &Secret) -> Result<User> {
        Ok(self.bearer(access_token).await?.account.user)
    }

    /// The same with those of its attributes that the app client may read which the token was given to.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good.
    pub async fn own_attributes(&self, access_token: &Secret) -> Result<(User, BTreeMap<String, String>)> {
        let Bearer { account: Account { user, .. }, session, .. } = self.bearer(access_token).await?;
        let through = self.pool_client(&session.client_id).await?;
        let attributes = through.client.settings.readable(user.all_attributes());
        Ok((user, attributes))
    }

    /// Whoever shows `access_token`, asked of the database at once.
    ///
    /// # Errors
    /// `Unauthenticated` for what isn't an access token of ours, has expired or was revoked, and for a
    /// disabled user.
    pub(super) async fn bearer(&self, access_token: &Secret) -> Result<Bearer> {
        let invalid = || Error::unauthenticated("Invalid Access Token");
        let pool = self.pool_of_token(access_token).await?.ok_or_else(invalid)?;
        let token = pool
            .verify_token(access_token.expose())
            .filter(|token| token.token_use == TokenUse::Access)
            .ok_or_else(invalid)?;
        if token.exp <= self.clock.now_seconds() {
            return Err(Error::unauthenticated("Access Token has expired"));
        }
        let is_for_self_service = |scope: &str| scope.split(' ').any(|name| name == SELF_SERVICE_SCOPE);
        if !token.scope.as_deref().is_some_and(is_for_self_service) {
            return Err(Error::unauthenticated("Access Token does not have required scopes"));
        }
        let revoked = || Error::unauthenticated("Access Token has been revoked");
        let SignedIn { session, account, .. } = self
            .store
            .signed_in(&token.origin_jti)
            .await?
            .filter(|SignedIn { session, .. }| session.user_id == token.sub && session.pool_id == pool.id())
            .ok_or_else(revoked)?;
        if !session.user_enabled {
            return Err(user_disabled());
        }
        if session.revoked_at_ms.is_some() {
            return Err(revoked());
        }
        Ok(Bearer { pool, account, session })
    }

    /// Makes the session and its tokens.
    pub(super) async fn open_session(&self, opening: Opening<'_>) -> Result<SignIn> {
        let Opening { request, through, account, .. } = opening;
        let user = &account.user;
        let client = &through.client;
        let now_ms = self.clock.now_ms();
        let session_id = self.random.uuid();
        let refresh_token = RefreshToken::generate(&self.random, &self.master_key)?;
        let mfa = opening.second.is_some();
        let mut amr = opening.method.amr().to_owned();
        if let Some(shown) = &opening.second {
            amr = format!("{amr} mfa {}", shown.amr());
        }
        let tokens = self.sign_tokens(through, account, &session_id, now_ms.div_euclid(1000), &amr).await?;
        let target = Target::new("user", &user.id, &user.username);
        let detail = request.told(json!({ "client": client.id, "method": opening.method, "mfa": mfa }));
        let caller = Caller::person(request.origin.clone(), user, &session_id, mfa);
        let mut change = self.change(&caller, "user.sign-in", target, detail);
        if let Some(code) = opening.first_code {
            change = change.using_code(code);
        }
        let totp_step = match opening.second {
            Some(Shown::SoftwareToken { step }) => step,
            Some(Shown::Code(code)) => {
                change = change.using_code(code);
                None
            }
            Some(Shown::VerifiedUser) | None => None,
        };
        let session = NewSession {
            id: &session_id,
            user_id: &user.id,
            user_version: user.version,
            counter: opening.counter,
            challenge: opening.challenge,
            totp_step,
            client_id: &client.id,
            refresh_family: &RefreshToken(&refresh_token).family(),
            refresh_hash: &RefreshToken(&refresh_token).hash(),
            mfa,
            amr: &amr,
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(client.settings.refresh_token_seconds.saturating_mul(1000)),
        };
        self.store.insert_session(through.pool.id(), session, &change).await?;
        Ok(SignIn::Done(Tokens { refresh_token: Some(refresh_token), ..tokens }))
    }

    pub(super) async fn sign_tokens(
        &self,
        through: &PoolClient,
        Account { user, groups, .. }: &Account,
        session_id: &str,
        auth_time: i64,
        amr: &str,
    ) -> Result<Tokens> {
        let PoolClient { pool, client, .. } = through;
        let subject = TokenSubject {
            sub: user.id.clone(),
            username: user.username.clone(),
            attributes: client.settings.readable(user.all_attributes()),
            amr: amr.split(' ').map(str::to_owned).collect(),
            ..TokenSubject::default()
        };
        let subject = subject.in_groups(groups.clone());
        let grant = TokenGrant {
            issuer: pool.issuer().to_owned(),
            client_id: client.id.clone(),
            origin_jti: session_id.to_owned(),
            event_id: self.random.uuid(),
            auth_time,
        };
        let iat = self.clock.now_seconds();
        let life =
            |seconds: i64| TokenLife { jti: self.random.uuid(), iat, exp: iat.saturating_add(seconds) };
        let id_life = life(client.settings.id_token_seconds);
        let id_token = match &pool.file {
            None => pool.keys.sign_id(&subject, &grant, &id_life)?,
            Some(file) => {
                let has_mfa = subject.amr.iter().any(|method| method == "mfa");
                let grants = self.store.grants(&user.id, pool.id()).await?.into_iter();
                let grants = grants.filter(|grant| has_mfa || !grant.mfa_required);
                let permissions = grants.flat_map(|grant| grant.permissions).collect();
                file.sign(&subject, &permissions, &grant, &id_life)?
            }
        };
        Ok(Tokens {
            id_token,
            access_token: pool.keys.sign_access(
                &subject,
                &grant,
                &life(client.settings.access_token_seconds),
            )?,
            refresh_token: None,
            expires_in_seconds: client.settings.access_token_seconds,
        })
    }

    /// The pool whose signing key a token names.
    pub(super) async fn pool_of_token(&self, token: &Secret) -> Result<Option<Arc<LocalPool>>> {
        let Some(kid) = key_id(token.expose()) else { return Ok(None) };
        if self.local_pool.keys.has(&kid) {
            return Ok(Some(Arc::clone(&self.local_pool)));
        }
        match self.store.pool_of_signing_key(&kid).await? {
            Some(pool_id) => self.user_pool(&pool_id).await.map(Some),
            None => Ok(None),
        }
    }
}

pub(super) fn user_disabled() -> Error {
    Error::unauthenticated("User is disabled.")
}
