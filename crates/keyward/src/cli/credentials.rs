//! Where the tokens of a sign-in are: in the system's keyring where there is one, else in a file for its
//! owner alone. The keyring is tried once, at sign-in; what came of it stands in the profile, so that a
//! keyring that hangs slows nobody twice.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::failure::{Failure, Result};
use super::profile_store::{ProfileName, ProfileStore, remove_file};
use super::settings::CredentialStore;

/// How long the keyring may take; one that asks to be unlocked is waited for no longer.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(5);
/// The name under which a keyring's own tools show our entries.
const SERVICE: &str = "keyward";

/// The tokens of a sign-in.
#[derive(Clone, Deserialize, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that OAuth gives them")]
pub(crate) struct Credentials {
    pub access_token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Secret>,
}

/// Keeps `credentials`, in the keyring if it takes them; gives back where they are now.
pub(crate) fn save(
    profiles: &ProfileStore,
    profile: &ProfileName,
    credentials: &Credentials,
    wanted: Option<CredentialStore>,
) -> Result<CredentialStore> {
    if wanted != Some(CredentialStore::File) {
        match save_in_keyring(profiles, profile, credentials) {
            Ok(()) => {
                remove_file(&profiles.credentials_file(profile))?;
                return Ok(CredentialStore::Keyring);
            }
            Err(why) if wanted == Some(CredentialStore::Keyring) => return Err(unusable(&why)),
            Err(_) => (),
        }
    }
    profiles.write(&profiles.credentials_file(profile), credentials)?;
    Ok(CredentialStore::File)
}

/// What `save` kept there; `None` when it is gone.
pub(crate) fn load(
    profiles: &ProfileStore,
    profile: &ProfileName,
    place: CredentialStore,
) -> Result<Option<Credentials>> {
    if place == CredentialStore::File {
        return profiles.read(&profiles.credentials_file(profile));
    }
    let account = account(profiles, profile);
    let kept = within_time(move || match keyring::Entry::new(SERVICE, &account)?.get_password() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    });
    let kept = kept.map_err(|why| unusable(&why))?;
    Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Deletes what `save` kept there.
pub(crate) fn delete(profiles: &ProfileStore, profile: &ProfileName, place: CredentialStore) -> Result<()> {
    remove_file(&profiles.credentials_file(profile))?;
    if place == CredentialStore::File {
        return Ok(());
    }
    let account = account(profiles, profile);
    let deleted = within_time(move || match keyring::Entry::new(SERVICE, &account)?.delete_credential() {
        Err(keyring::Error::NoEntry) => Ok(()),
        other => other,
    });
    deleted.map_err(|why| unusable(&why))
}

fn save_in_keyring(
    profiles: &ProfileStore,
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<(), String> {
    let account = account(profiles, profile);
    let text = Zeroizing::new(serde_json::to_string(credentials).map_err(|error| error.to_string())?);
    within_time(move || {
        let entry = keyring::Entry::new(SERVICE, &account)?;
        entry.set_password(&text)?;
        // Some keyrings take what they then don't give.
        if Zeroizing::new(entry.get_password()?).as_str() == text.as_str() {
            return Ok(());
        }
        Err(keyring::Error::NoEntry)
    })
}

/// The folder is part of the name: two folders of profiles don't share their `default`.
fn account(profiles: &ProfileStore, profile: &ProfileName) -> String {
    format!("{profile} ({})", profiles.folder(profile).display())
}

/// Runs `work` on a thread of its own, which is left behind when it takes too long.
fn within_time<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, keyring::Error> + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(KEYRING_TIMEOUT) {
        Ok(Ok(done)) => Ok(done),
        // Not the error itself: some variants carry what was stored.
        Ok(Err(keyring::Error::PlatformFailure(_) | keyring::Error::NoStorageAccess(_))) => {
            Err("it can't be reached or is locked".to_owned())
        }
        Ok(Err(keyring::Error::NoDefaultStore)) => Err("there is none on this system".to_owned()),
        Ok(Err(keyring::Error::TooLong(_, _))) => Err("the tokens are too long for it".to_owned()),
        Ok(Err(_)) => Err("it refused".to_owned()),
        Err(_) => Err(format!("it gave no answer within {} s", KEYRING_TIMEOUT.as_secs())),
    }
}

fn unusable(why: &str) -> Failure {
    Failure::new("keyring", format!("The system's keyring can't be used: {why}.")).hint(
        "KEYWARD_CREDENTIAL_STORE=file keeps tokens in a file that only you can read; sign in again with it",
    )
}
