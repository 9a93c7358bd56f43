//! Passkeys (<https://www.w3.org/TR/webauthn-3/>): what a device signs in with in place of a password.
//!
//! Whoever is signed in registers one; whoever signs in by choice may show it. User verification is always
//! asked for and always checked, also where the pool merely prefers it: a passkey without it is good for
//! whoever finds the device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, CredentialID, DiscoverableAuthentication, Passkey as Credential,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use crate::caller::Origin;
use crate::error::{Code, Error, PasskeyFault, Result, Thing};
use crate::keyward::Keyward;
use crate::page::{Cursor, Page};
use crate::secret::Secret;
use crate::user_pool::{FirstFactor, UserPoolSettings};

/// The most passkeys of one user
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html>).
pub const MAXIMUM_PASSKEYS: usize = 20;
/// How long a registration may take that was begun.
const REGISTRATION_MS: i64 = 5 * 60 * 1000;
/// How a device may be reached, as the model has it.
const TRANSPORTS: [&str; 5] = ["internal", "usb", "nfc", "ble", "hybrid"];
/// Where an authenticator is, as the model has it.
const ATTACHMENTS: [&str; 2] = ["platform", "cross-platform"];

/// A passkey, as its user may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// The credential's id, base64url.
    pub id: String,
    /// Made up; by which its user tells it from their others.
    pub name: String,
    /// The domain that it is for.
    pub relying_party_id: String,
    /// Whether it is on a device of its own (`cross-platform`) or on the one that is used (`platform`).
    pub attachment: Option<String>,
    /// How its device may be reached.
    pub transports: Vec<String>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
}

/// A passkey as it is stored.
#[derive(Debug)]
pub(crate) struct StoredPasskey {
    pub(crate) passkey: Passkey,
    pub(crate) user_id: String,
    /// The public key and what is known of it: JSON.
    pub(crate) credential: String,
}

/// A registration that was begun.
#[derive(Debug)]
pub(crate) struct PasskeyCeremony {
    pub(crate) client_id: String,
    /// The challenge, and what was asked for: JSON. No secret: the user's browser has it too.
    pub(crate) state: String,
    pub(crate) expires_at_ms: i64,
}

impl Keyward {
    /// Begins to register a passkey of whoever shows `access_token`: what their browser is to be asked
    /// (`PublicKeyCredentialCreationOptionsJSON`). Good for five minutes and once; a later one takes its
    /// place.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and in a session without MFA where signing in asks for
    /// it; `Passkey` where the pool has no use for passkeys; `Conflict` for who has twenty.
    pub async fn start_passkey(&self, origin: &Origin, access_token: &Secret) -> Result<Value> {
        let bearer = self.bearer(access_token).await?;
        let settings = bearer.pool.settings().await?;
        let relying_party = relying_party(&settings)?;
        let user = &bearer.account.user;
        let known = self.store.passkeys_of(&user.id).await?;
        self.require_second_factor(&bearer, &settings).await?;
        if known.len() >= MAXIMUM_PASSKEYS {
            return Err(too_many_passkeys());
        }
        let known: Vec<CredentialID> = known
            .iter()
            .map(|stored| Ok(read::<Credential>(&stored.credential)?.cred_id().clone()))
            .collect::<Result<_>>()?;
        let id = user.id.parse::<Uuid>().map_err(Error::internal)?;
        let (CreationChallengeResponse { public_key: mut options }, state) = relying_party
            .start_passkey_registration(id, &user.username, &user.username, Some(known))
            .map_err(Error::internal)?;
        if let Some(selection) = &mut options.authenticator_selection {
            // As Amazon asks for it: signing in names no passkey, so the device must find it by itself.
            (selection.resident_key, selection.require_resident_key) = (None, true);
        }
        let ceremony = PasskeyCeremony {
            client_id: bearer.session.client_id.clone(),
            state: serde_json::to_string(&state).map_err(Error::internal)?,
            expires_at_ms: self.clock.now_ms() + REGISTRATION_MS,
        };
        let change = self.change(&bearer.caller(origin), "user.start-passkey", bearer.target(), json!({}));
        self.store.begin_passkey(&user.id, &ceremony, &change).await?;
        serde_json::to_value(options).map_err(Error::internal)
    }

    /// Registers the passkey that the browser has made of it (`RegistrationResponseJSON`).
    ///
    /// # Errors
    /// As [`Keyward::start_passkey`]; `InvalidInput` for what is no such answer; `Passkey` for one that isn't
    /// good, after which the registration must begin anew.
    pub async fn finish_passkey(
        &self,
        origin: &Origin,
        access_token: &Secret,
        credential: Value,
    ) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        let settings = bearer.pool.settings().await?;
        let relying_party = relying_party(&settings)?;
        let known = self.store.passkeys_of(&bearer.account.user.id).await?;
        self.require_second_factor(&bearer, &settings).await?;
        let attachment = credential.pointer("/authenticatorAttachment").and_then(Value::as_str);
        let attachment = attachment.filter(|word| ATTACHMENTS.contains(word)).map(str::to_owned);
        let transports = credential.pointer("/response/transports").and_then(Value::as_array);
        let transports = transports.into_iter().flatten().filter_map(Value::as_str);
        let transports = TRANSPORTS.into_iter().filter(|word| transports.clone().any(|told| told == *word));
        let transports: Vec<_> = transports.map(str::to_owned).collect();
        let made: RegisterPublicKeyCredential = serde_json::from_value(credential).map_err(|_| {
            Error::invalid("credential", "The credential is no RegistrationResponseJSON of WebAuthn.")
        })?;
        let ceremony = self.store.take_passkey_ceremony(&bearer.account.user.id).await?;
        let ceremony = ceremony.filter(|ceremony| ceremony.expires_at_ms > self.clock.now_ms());
        let ceremony = ceremony.ok_or_else(|| fault(PasskeyFault::ChallengeNotFound))?;
        if ceremony.client_id != bearer.session.client_id {
            return Err(fault(PasskeyFault::ClientMismatch));
        }
        let state: PasskeyRegistration = read(&ceremony.state)?;
        let made = relying_party.finish_passkey_registration(&made, &state).map_err(refused)?;
        let number = known.iter().filter_map(|stored| stored.passkey.name.rsplit(' ').next()?.parse().ok());
        let stored = StoredPasskey {
            user_id: bearer.account.user.id.clone(),
            credential: serde_json::to_string(&made).map_err(Error::internal)?,
            passkey: Passkey {
                id: URL_SAFE_NO_PAD.encode(made.cred_id()),
                name: format!("Passkey {}", number.max().unwrap_or(0_u64) + 1),
                relying_party_id: settings.web_authn.relying_party_id.unwrap_or_default(),
                attachment,
                transports,
                created_at_ms: self.clock.now_ms(),
            },
        };
        let detail = json!({ "name": stored.passkey.name });
        let change = self.change(&bearer.caller(origin), "user.add-passkey", bearer.target(), detail);
        self.store.insert_passkey(bearer.pool.id(), &bearer.account.user, &stored, &change).await
    }

    /// The passkeys of whoever shows `access_token`, the oldest first.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good.
    pub async fn own_passkeys(&self, access_token: &Secret, page: &Cursor) -> Result<Page<Passkey>> {
        let bearer = self.bearer(access_token).await?;
        let all = self.store.passkeys_of(&bearer.account.user.id).await?.into_iter();
        // There are few.
        let keyed = all.map(|StoredPasskey { passkey, .. }| {
            (format!("{:020}/{}", passkey.created_at_ms, passkey.id), passkey)
        });
        let page = page.page(keyed.filter(|(key, _)| key.as_str() > page.after()).collect(), |(key, _)| key);
        Ok(Page { items: page.items.into_iter().map(|(_, passkey)| passkey).collect(), next: page.next })
    }

    /// Deletes the passkey of this id of whoever shows `access_token`.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that isn't good, and in a session without MFA where signing in asks for
    /// it; `NotFound(Passkey)`.
    pub async fn delete_passkey(&self, origin: &Origin, access_token: &Secret, id: &str) -> Result<()> {
        let bearer = self.bearer(access_token).await?;
        // Where it counts as both factors, who only knows the password could else register another after it.
        self.require_second_factor(&bearer, &bearer.pool.settings().await?).await?;
        let change = self.change(&bearer.caller(origin), "user.delete-passkey", bearer.target(), json!({}));
        self.store.delete_passkey(&bearer.account.user.id, id, &change).await
    }
}

/// What a sign-in by passkey begins with.
#[derive(Debug)]
pub(super) struct PasskeyChallenge {
    /// What the browser is to be asked (`PublicKeyCredentialRequestOptionsJSON`). It names no passkey: the
    /// browser knows those that it has, and nobody learns who has some.
    pub(super) options: Value,
    /// What the answer is held against: JSON, of the same length for everybody.
    pub(super) state: String,
}

/// A new challenge for a sign-in by passkey.
pub(super) fn challenge(settings: &UserPoolSettings) -> Result<PasskeyChallenge> {
    let (options, state) =
        relying_party(settings)?.start_discoverable_authentication().map_err(Error::internal)?;
    Ok(PasskeyChallenge {
        options: serde_json::to_value(options.public_key).map_err(Error::internal)?,
        state: serde_json::to_string(&state).map_err(Error::internal)?,
    })
}

/// What a browser has sent of a passkey (`AuthenticationResponseJSON`).
pub(super) fn assertion(credential: &Secret) -> Result<PublicKeyCredential> {
    serde_json::from_str(credential.expose())
        .map_err(|_| Error::invalid("credential", "CREDENTIAL is no AuthenticationResponseJSON of WebAuthn."))
}

impl Keyward {
    /// Whether one of these passkeys has answered the challenge; it has been used by that. Nothing tells how
    /// it was wrong.
    pub(super) async fn is_signed_by(
        &self,
        passkeys: &[StoredPasskey],
        settings: &UserPoolSettings,
        state: &str,
        assertion: &PublicKeyCredential,
    ) -> Result<bool> {
        let (relying_party, state) = (relying_party(settings)?, read::<DiscoverableAuthentication>(state)?);
        for StoredPasskey { passkey, credential, user_id } in passkeys {
            let mut credential: Credential = read(credential)?;
            if credential.cred_id().as_slice() != assertion.get_credential_id() {
                continue;
            }
            let checked = relying_party.finish_discoverable_authentication_v2(assertion, state, &credential);
            let Ok(result) = checked else { return Ok(false) };
            credential.update_credential(&result);
            let credential = serde_json::to_string(&credential).map_err(Error::internal)?;
            let counter = i64::from(result.counter());
            return self.store.use_passkey(user_id, &passkey.id, &credential, counter).await;
        }
        Ok(false)
    }
}

/// What checks passkeys of this pool: they are for its domain, and made on pages of it.
fn relying_party(settings: &UserPoolSettings) -> Result<Webauthn> {
    if !settings.first_factors().contains(&FirstFactor::WebAuthn) {
        return Err(fault(PasskeyFault::NotEnabled));
    }
    let id = settings.web_authn.relying_party_id.as_deref();
    let id = id.ok_or_else(|| fault(PasskeyFault::ConfigurationMissing))?;
    let origin = |scheme: &str| Url::parse(&format!("{scheme}://{id}")).map_err(Error::internal);
    let https = origin("https")?;
    let builder = WebauthnBuilder::new(id, &https).map_err(Error::internal)?;
    let mut builder = builder.allow_subdomains(true).allow_any_port(true);
    if id == "localhost" {
        // The only page without TLS on which browsers have passkeys.
        builder = builder.append_allowed_origin(&origin("http")?);
    }
    builder.build().map_err(Error::internal)
}

/// What was stored of a ceremony or a credential.
fn read<T: DeserializeOwned>(stored: &str) -> Result<T> {
    serde_json::from_str(stored).map_err(Error::internal)
}

/// Why what a browser sent is no passkey.
fn refused(error: WebauthnError) -> Error {
    let reason = match error {
        WebauthnError::MismatchedChallenge => PasskeyFault::ChallengeNotFound,
        WebauthnError::InvalidRPOrigin | WebauthnError::CredentialCrossOrigin => {
            PasskeyFault::OriginNotAllowed
        }
        WebauthnError::InvalidRPIDHash => PasskeyFault::RelyingPartyMismatch,
        _ => PasskeyFault::NotSupported,
    };
    fault(reason).because(error)
}

pub(crate) fn fault(fault: PasskeyFault) -> Error {
    let message = match fault {
        PasskeyFault::NotEnabled => "Passkeys aren't among the first factors of this user pool.",
        PasskeyFault::ConfigurationMissing => "This user pool has no relying party id for passkeys.",
        PasskeyFault::ChallengeNotFound => "The registration of the passkey has ended; start it again.",
        PasskeyFault::ClientMismatch => "The registration was started through another app client.",
        PasskeyFault::OriginNotAllowed => {
            "The passkey was made on a page outside of the relying party's domain."
        }
        PasskeyFault::RelyingPartyMismatch => "The passkey is for another relying party.",
        PasskeyFault::NotSupported => "This passkey isn't supported; try another device.",
    };
    Error::new(Code::Passkey(fault), message)
}

/// A user has as many passkeys as there may be.
pub(crate) fn too_many_passkeys() -> Error {
    Error::new(Code::Conflict, format!("There can be {MAXIMUM_PASSKEYS} passkeys; delete one of them first."))
}

/// The user has no passkey of this id.
pub(crate) fn unknown_passkey() -> Error {
    Error::not_found(Thing::Passkey, "There is no such passkey; the list shows those there are.")
}
