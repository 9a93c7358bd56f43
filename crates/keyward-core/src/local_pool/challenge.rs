//! What a client carries from one step of a sign-in to the next: sealed, bound to pool, app client, user and
//! step, good for some minutes and once. Nothing of it is kept here but the ids of what was used.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::LocalPool;
use super::sign_in::{Method, Question, invalid_session};
use crate::app_client::AppClient;
use crate::error::{Error, Result};
use crate::message::Channel;
use crate::secret::Secret;

/// What a `Session` is sealed for.
const CHALLENGE: &str = "sign-in challenge";
/// What a `Session` is sealed for before any factor was shown.
const CHOICE: &str = "sign-in choice";
/// What the `Session` of a confirmed sign-up is sealed for.
const CONFIRMED: &str = "confirmed sign-up";
/// What a `SECRET_BLOCK` is sealed for: none can be passed off as another.
const SECRET_BLOCK: &str = "srp secret block";

/// Something sealed, and what it is bound to.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope<T> {
    /// What is used up when it was answered.
    pub(super) id: String,
    pool_id: String,
    client_id: String,
    pub(super) expires_at_ms: i64,
    pub(super) content: T,
}

/// A step of a sign-in that waits for its answer.
#[derive(Serialize, Deserialize)]
pub(super) struct ChallengeState {
    pub(super) question: Question,
    pub(super) user_id: String,
    /// Whatever changes the user (a new password, disabling) makes the challenge void.
    pub(super) user_version: i64,
    pub(super) method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) set_up: Option<SetUp>,
}

/// How far somebody has come who must set up a software token before there are tokens.
#[derive(Serialize, Deserialize)]
pub(super) enum SetUp {
    /// They were shown this secret.
    Given(Secret),
    /// They have shown a code of it.
    Done,
}

/// A sign-in by choice, of which no factor was shown yet.
///
/// INVARIANT: as for [`SrpState`]. Whatever changes the user is seen when they are looked up again.
#[derive(Serialize, Deserialize)]
pub(super) struct ChoiceState {
    pub(super) question: Question,
    /// The name as it was typed.
    pub(super) username: String,
    /// The user's id, or the one that they seem to have.
    pub(super) user_id: String,
    /// Of a [`Question::WebAuthn`], what its answer is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) passkey: Option<String>,
}

/// A sign-up that a code has just confirmed, which stands for the code that a sign-in would ask for.
#[derive(Serialize, Deserialize)]
pub(super) struct ConfirmedState {
    pub(super) user_id: String,
    /// As it is once the sign-up is confirmed: whatever changes the user after that makes this void.
    pub(super) user_version: i64,
    /// By which way the code came.
    pub(super) channel: Channel,
}

/// A sign-in by SRP between its two steps.
///
/// INVARIANT: how long it is when sealed depends on nothing that only somebody who exists has: an unknown
/// user's is made with an id of the same length.
#[derive(Serialize, Deserialize)]
pub(super) struct SrpState {
    /// The name as it was typed.
    pub(super) username: String,
    /// What was given as `USER_ID_FOR_SRP`.
    pub(super) user_id: String,
    /// Whether the sign-in began by choice (`USER_AUTH`).
    pub(super) by_choice: bool,
    pub(super) client_public: String,
    pub(super) server_key: Secret,
}

impl LocalPool {
    /// The `Session` of a challenge: some 500 characters, of the 20 to 4096 that the protocol has for it.
    pub(super) fn seal_challenge(&self, client: &AppClient, state: ChallengeState) -> Result<Secret> {
        self.seal(CHALLENGE, client, state).map(Secret::from)
    }

    /// What was sealed into a `Session`.
    ///
    /// # Errors
    /// `Unauthenticated` when it isn't ours, is another client's or too old.
    pub(super) fn open_challenge(
        &self,
        client_id: &str,
        session: &Secret,
    ) -> Result<Envelope<ChallengeState>> {
        self.open(CHALLENGE, client_id, session.expose())
    }

    /// The `Session` of a challenge before any factor was shown.
    pub(super) fn seal_choice(&self, client: &AppClient, state: ChoiceState) -> Result<Secret> {
        self.seal(CHOICE, client, state).map(Secret::from)
    }

    /// What was sealed into such a `Session`.
    ///
    /// # Errors
    /// As for [`LocalPool::open_challenge`].
    pub(super) fn open_choice(&self, client_id: &str, session: &Secret) -> Result<Envelope<ChoiceState>> {
        self.open(CHOICE, client_id, session.expose())
    }

    /// The `Session` of a confirmed sign-up.
    pub(super) fn seal_confirmed(&self, client: &AppClient, state: ConfirmedState) -> Result<Secret> {
        self.seal(CONFIRMED, client, state).map(Secret::from)
    }

    /// What was sealed into such a `Session`.
    ///
    /// # Errors
    /// As for [`LocalPool::open_challenge`].
    pub(super) fn open_confirmed(
        &self,
        client_id: &str,
        session: &Secret,
    ) -> Result<Envelope<ConfirmedState>> {
        self.open(CONFIRMED, client_id, session.expose())
    }

    /// Whether a `Session` is one that was given before any factor was shown.
    pub(super) fn is_choice(&self, session: &Secret) -> bool {
        self.master_key.open(CHOICE, session.expose()).is_some()
    }

    /// The app client that a `Session` is for, when it is one of ours; whether it is good (still), its pool tells.
    pub(super) fn client_of_challenge(&self, session: &Secret) -> Result<String> {
        let plaintext = self.master_key.open(CHALLENGE, session.expose()).ok_or_else(invalid_session)?;
        let envelope: Envelope<ChallengeState> =
            serde_json::from_slice(&plaintext).map_err(|_| invalid_session())?;
        Ok(envelope.client_id)
    }

    /// The `SECRET_BLOCK` of a sign-in by SRP, base64 with padding as clients decode it. Some clients bring
    /// back no `Session` with it, so all is in here.
    pub(super) fn seal_secret_block(&self, client: &AppClient, state: SrpState) -> Result<Secret> {
        let sealed = self.seal(SECRET_BLOCK, client, state)?;
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(Error::internal)?;
        Ok(Secret::from(STANDARD.encode(bytes)))
    }

    /// What was sealed into a `SECRET_BLOCK`, and its bytes, which the client has signed.
    ///
    /// # Errors
    /// As for [`LocalPool::open_challenge`].
    pub(super) fn open_secret_block(
        &self,
        client_id: &str,
        block: &Secret,
    ) -> Result<(Envelope<SrpState>, Vec<u8>)> {
        let bytes = STANDARD.decode(block.expose()).map_err(|_| invalid_session())?;
        let opened = self.open(SECRET_BLOCK, client_id, &URL_SAFE_NO_PAD.encode(&bytes))?;
        Ok((opened, bytes))
    }

    fn seal<T: Serialize>(&self, purpose: &'static str, client: &AppClient, content: T) -> Result<String> {
        let envelope = Envelope {
            id: self.random.uuid(),
            pool_id: self.id.clone(),
            client_id: client.id.clone(),
            expires_at_ms: self.clock.now_ms() + client.settings.challenge_minutes * 60_000,
            content,
        };
        let plaintext = Zeroizing::new(serde_json::to_vec(&envelope).map_err(Error::internal)?);
        loop {
            let sealed = self.master_key.seal(&self.random, purpose, &plaintext)?;
            // What begins with a hyphen is an option to command lines, the one of AWS among them.
            if !sealed.starts_with('-') {
                return Ok(sealed);
            }
        }
    }

    fn open<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        client_id: &str,
        sealed: &str,
    ) -> Result<Envelope<T>> {
        let plaintext = self.master_key.open(purpose, sealed).ok_or_else(invalid_session)?;
        let envelope: Envelope<T> = serde_json::from_slice(&plaintext).map_err(|_| invalid_session())?;
        if envelope.pool_id != self.id || envelope.client_id != client_id {
            return Err(invalid_session());
        }
        if envelope.expires_at_ms <= self.clock.now_ms() {
            return Err(Error::unauthenticated("Invalid session for the user, session is expired."));
        }
        Ok(envelope)
    }
}
