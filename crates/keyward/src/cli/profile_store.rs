//! The profiles on disk: which servers there are, and who is signed in where. No secret is in these files;
//! those are the business of `credentials`. Folders are for their owner alone (0700), and so are files
//! (0600).

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use keyward_core::random::Random;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Result};
use super::settings::CredentialStore;
use crate::client::AmplifyConfig;

/// The profile of somebody who names none.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// A profile's name: 3 to 50 of `A-Z a-z 0-9 _ -`, safe as the name of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProfileName(String);

impl ProfileName {
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let length_fits = (3..=50).contains(&name.len());
        let characters_fit =
            name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
        if !length_fits || !characters_fit {
            return Err(format!(
                "Invalid profile name '{name}'. Profile names must be 3-50 characters, alphanumeric with \
                 hyphens and underscores only."
            ));
        }
        if matches!(name.to_ascii_lowercase().as_str(), "help" | "version" | "list") {
            return Err(format!("Invalid profile name '{name}'. help, version and list can't be profiles."));
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn default_profile() -> Self {
        Self(DEFAULT_PROFILE.to_owned())
    }

    pub(crate) fn is_default(&self) -> bool {
        self.0 == DEFAULT_PROFILE
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What `setup` learnt of a server: `config.json`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the real client's file has")]
pub(crate) struct Setup {
    pub base_url: String,
    pub api_gateway_url: String,
    #[serde(default)]
    pub amplify_config: AmplifyConfig,
    #[serde(default)]
    pub cli_version: String,
    /// UTC, RFC 3339.
    #[serde(default)]
    pub setup_timestamp: String,
}

/// Who is signed in, and where the tokens are: `auth_profile.json`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Session {
    /// The server that the tokens are for; they are sent to no other.
    pub url: String,
    /// `Bearer`, or `override` for a token from elsewhere.
    pub token_type: String,
    pub user_id: String,
    /// When the access token ends; seconds since the epoch, UTC.
    #[serde(default)]
    pub expires_at: Option<i64>,
    #[serde(default)]
    pub client_id: Option<String>,
    /// Where they came from and are renewed, when that isn't the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cognito_endpoint: Option<String>,
    pub credential_store: CredentialStore,
}

impl Session {
    pub(crate) fn is_override(&self) -> bool {
        self.token_type == "override"
    }

    pub(crate) fn is_expired(&self, now_seconds: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now_seconds)
    }
}

#[derive(Deserialize, Serialize)]
struct ActiveProfile {
    active_profile: String,
    #[serde(default)]
    updated_at: String,
}

/// The folder of all profiles.
pub(crate) struct ProfileStore {
    root: PathBuf,
    random: Random,
}

impl ProfileStore {
    /// The store of this user of the machine; nothing is made before something is kept in it.
    pub(crate) fn open(random: Random) -> Result<Self> {
        let folders = etcetera::choose_base_strategy().map_err(|_| {
            Failure::new("file", "There is no home folder to keep profiles in.")
                .hint("set HOME or XDG_CONFIG_HOME")
        })?;
        Ok(Self { root: folders.config_dir().join("keyward"), random })
    }

    pub(crate) fn folder(&self, profile: &ProfileName) -> PathBuf {
        self.root.join("profiles").join(profile.as_str())
    }

    fn setup_file(&self, profile: &ProfileName) -> PathBuf {
        self.folder(profile).join("config.json")
    }

    fn session_file(&self, profile: &ProfileName) -> PathBuf {
        self.folder(profile).join("auth_profile.json")
    }

    pub(crate) fn credentials_file(&self, profile: &ProfileName) -> PathBuf {
        self.folder(profile).join("credentials.json")
    }

    /// The profile that `profile switch` chose last.
    pub(crate) fn active(&self) -> Result<ProfileName> {
        let active: Option<ActiveProfile> = self.read(&self.root.join("active_profile.json"))?;
        let name = active.and_then(|active| ProfileName::parse(&active.active_profile).ok());
        Ok(name.unwrap_or_else(ProfileName::default_profile))
    }

    pub(crate) fn set_active(&self, profile: &ProfileName, now: String) -> Result<()> {
        let active = ActiveProfile { active_profile: profile.to_string(), updated_at: now };
        self.write(&self.root.join("active_profile.json"), &active)
    }

    /// All profiles that there is a folder of, by name.
    pub(crate) fn all(&self) -> Result<Vec<ProfileName>> {
        let folder = self.root.join("profiles");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::file("The profiles couldn't be listed", &folder, &error)),
        };
        let names = entries.filter_map(|entry| {
            let entry = entry.ok().filter(|entry| entry.path().is_dir())?;
            ProfileName::parse(entry.file_name().to_str()?).ok()
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    pub(crate) fn exists(&self, profile: &ProfileName) -> bool {
        self.folder(profile).is_dir()
    }

    pub(crate) fn setup(&self, profile: &ProfileName) -> Result<Option<Setup>> {
        self.read(&self.setup_file(profile))
    }

    pub(crate) fn save_setup(&self, profile: &ProfileName, setup: &Setup) -> Result<()> {
        self.write(&self.setup_file(profile), setup)
    }

    pub(crate) fn session(&self, profile: &ProfileName) -> Result<Option<Session>> {
        self.read(&self.session_file(profile))
    }

    pub(crate) fn save_session(&self, profile: &ProfileName, session: &Session) -> Result<()> {
        self.write(&self.session_file(profile), session)
    }

    pub(crate) fn forget_session(&self, profile: &ProfileName) -> Result<()> {
        remove_file(&self.session_file(profile))
    }

    pub(crate) fn delete(&self, profile: &ProfileName) -> Result<()> {
        let folder = self.folder(profile);
        fs::remove_dir_all(&folder)
            .map_err(|error| Failure::file("The profile couldn't be deleted", &folder, &error))
    }

    /// What is in a file of ours; `None` when there is no such file.
    #[expect(clippy::unused_self, reason = "files are read and written through the store")]
    pub(crate) fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file("A profile couldn't be read", path, &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            // The error's own words could quote what is in the file.
            let place = format!("line {}, column {}", error.line(), error.column());
            Failure::new("file", format!("{} is damaged ({place}).", path.display())).hint(
                "delete that file, then `keyward setup URL --force` and `keyward auth login` write it anew",
            )
        })
    }

    /// Replaces a file of ours as a whole: readers see the old or the new, nobody else sees either.
    pub(crate) fn write(&self, path: &Path, content: &impl Serialize) -> Result<()> {
        let failed = |error: &io::Error| Failure::file("A profile couldn't be saved", path, error);
        let folder = path.parent().unwrap_or(&self.root);
        self.make_folder(folder).map_err(|error| failed(&error))?;
        let text = serde_json::to_string_pretty(content).map_err(|error| failed(&error.into()))?;
        let text = zeroize::Zeroizing::new(text);
        let beside = path.with_extension(format!("{}.new", self.random.base62(12).expose()));
        let written = write_new(&beside, text.as_bytes()).and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| {
            let _ = fs::remove_file(&beside);
            failed(&error)
        })
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        #[cfg(unix)]
        for folder in [self.root.as_path(), folder] {
            use std::os::unix::fs::PermissionsExt as _;
            if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            }
        }
        Ok(())
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Deletes a file; one that isn't there is deleted already.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::file("A file couldn't be deleted", path, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_name_is_safe_as_the_name_of_a_folder() {
        for right in ["default", "prod-1", "a_b", &"x".repeat(50)] {
            assert!(ProfileName::parse(right).is_ok(), "{right}");
        }
        for wrong in ["", "ab", &"x".repeat(51), "../etc", "a b c", "help", "Version", "list", "ähm", "a/b/c"]
        {
            assert!(ProfileName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
