//! RawScribe's own file of settings, read as it is: JSON, with the settings of its back end in `lambda`.
//!
//! What else is in it is RawScribe's, and left alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use keyward_core::jwt_file::{FilePassword, FileUser};
use keyward_core::keyward::Environment;
use keyward_core::local_pool::file_token::{FileTokenSettings, HmacAlgorithm};
use keyward_core::role::NewRole;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Complaint, File, Source};

/// Where it stands in RawScribe's working folder.
pub(super) const DEFAULT_FILE: &str = "rawscribe/.config/config.json";
/// The variable that names another, for when that one isn't there. RawScribe goes on to a file in the folder
/// of temporary files, where anybody may put one; that isn't read here.
pub(super) const FILE_VARIABLE: &str = "CONFIG_PATH";
/// With `true`, RawScribe doesn't look at the other variable.
const TESTING_VARIABLE: &str = "TESTING";
pub(super) const VARIABLES: [&str; 2] = [FILE_VARIABLE, TESTING_VARIABLE];

/// The file as it was last read, the same for all who hold it.
#[derive(Debug, Clone, Default)]
pub struct RawScribeFile(Arc<RwLock<Arc<RawScribe>>>);

impl RawScribeFile {
    pub(super) fn new(rawscribe: RawScribe) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rawscribe))))
    }

    /// What it says.
    pub fn now(&self) -> Arc<RawScribe> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts what it says now in the place of what it said.
    pub fn replace(&self, rawscribe: RawScribe) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rawscribe);
    }
}

/// What RawScribe's file says beside what is a setting of ours, too.
#[derive(Debug, Clone, Default)]
pub struct RawScribe {
    /// Where it was read; none when there is no such file.
    pub path: Option<PathBuf>,
    /// The origins whose pages may call.
    pub allowed_origins: Option<Vec<String>>,
    /// What the pages are told once somebody has signed in.
    pub private_webapp: Map<String, Value>,
    /// The groups that it describes, by name.
    pub groups: BTreeMap<String, Group>,
    /// Who is kept in it.
    pub users: Vec<FileUser>,
    /// How many of them are its `mockUsers`.
    pub mock_users: usize,
    /// How their tokens are signed.
    pub tokens: FileTokenSettings,
    /// What it says of settings of ours.
    settings: BTreeMap<&'static str, String>,
}

/// A group, and what its members may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    lambda: Lambda,
    private_webapp: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Lambda {
    auth: Option<Auth>,
    cors: Option<Cors>,
}

#[derive(Deserialize)]
struct Auth {
    provider: Option<String>,
    cognito: Option<Cognito>,
    jwt: Option<Jwt>,
    users: Option<Vec<User>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jwt {
    secret: Option<Secret>,
    algorithm: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    mock_users: Option<Vec<User>>,
}

/// Whether somebody is an administrator (`isAdmin`), their permissions say.
#[derive(Deserialize)]
struct User {
    id: String,
    email: Option<String>,
    username: String,
    name: Option<String>,
    groups: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
    password: Option<Secret>,
    password_hash: Option<Secret>,
}

/// The members of a user. Others are RawScribe's, unless they are nearly one of these.
const USER_MEMBERS: [&str; 9] =
    ["id", "email", "username", "name", "groups", "permissions", "isAdmin", "password", "password_hash"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cognito {
    user_pool_id: Option<String>,
    client_id: Option<String>,
    region: Option<String>,
    groups: Option<BTreeMap<String, Group>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cors {
    allowed_origins: Option<Vec<String>>,
}

/// Where it is when nobody names it for Keyward: where it usually stands, else what the environment names for
/// RawScribe.
pub(super) fn find(usual: Option<&Path>, variables: &BTreeMap<String, String>) -> Option<(String, Source)> {
    if let Some(path) = usual.filter(|path| path.exists()).and_then(Path::to_str) {
        return Some((path.to_owned(), Source::Default));
    }
    let is_testing = variables.get(TESTING_VARIABLE).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let path = variables.get(FILE_VARIABLE).filter(|_| !is_testing)?;
    Some((path.clone(), Source::Environment(FILE_VARIABLE)))
}

/// What stands in it: settings of ours, and the rest.
pub(super) fn read(path: &Path) -> Result<(File, RawScribe), Complaint> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            Complaint::usage(format!("RawScribe's file of settings {shown} isn't there."))
                .hint("Check the path behind rawscribe_config or CONFIG_PATH, or take it away.")
        } else {
            Complaint::usage(format!("RawScribe's file of settings {shown} can't be read: {error}."))
        }
    })?;
    let Document { lambda, private_webapp } = parse(path, &text)?;
    let Lambda { auth, cors } = lambda;
    let mut texts = BTreeMap::new();
    let mut set = |name: &'static str, text: Option<String>| {
        texts.extend(text.filter(|text| !text.is_empty()).map(|text| (name, text)));
    };
    let mut jwt = Jwt::default();
    let mut users = Vec::new();
    let groups = match auth {
        None => BTreeMap::new(),
        Some(Auth { provider, cognito, jwt: own, users: own_users }) => {
            (jwt, users) = (own.unwrap_or_default(), own_users.unwrap_or_default());
            let Cognito { user_pool_id, client_id, region, groups } = cognito.unwrap_or_default();
            let groups = groups.unwrap_or_default();
            // RawScribe's own default.
            set("provider", Some(provider.unwrap_or_else(|| "jwt".to_owned())));
            set("cognito_user_pool_id", user_pool_id);
            set("cognito_client_id", client_id);
            set("cognito_region", region);
            set("cognito_groups", Some(groups.keys().cloned().collect::<Vec<_>>().join(",")));
            groups
        }
    };
    let algorithm = jwt.algorithm.as_deref().unwrap_or_default();
    let algorithm = match HmacAlgorithm::parse(algorithm) {
        Some(algorithm) => algorithm,
        None if algorithm.is_empty() => HmacAlgorithm::default(),
        None => {
            let sentence = format!("In {shown}, `lambda.auth.jwt.algorithm` must be HS256, HS384 or HS512.");
            return Err(
                Complaint::usage(sentence).hint("Tokens are signed with the secret that stands there.")
            );
        }
    };
    let mock_users = jwt.mock_users.unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let rawscribe = RawScribe {
        settings: texts.clone(),
        mock_users: mock_users.len(),
        users: users.into_iter().chain(mock_users).map(FileUser::from).collect(),
        tokens: FileTokenSettings {
            secret: jwt.secret.filter(|secret| !secret.is_empty()),
            algorithm,
            issuer: given(jwt.issuer),
            audience: given(jwt.audience),
        },
        path: Some(path.to_path_buf()),
        allowed_origins: cors.and_then(|cors| cors.allowed_origins),
        private_webapp: private_webapp.unwrap_or_default(),
        groups,
    };
    Ok((File { path: path.to_path_buf(), texts }, rawscribe))
}

impl From<User> for FileUser {
    fn from(user: User) -> Self {
        let given = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
        let hash = given(user.password_hash).map(FilePassword::Hash);
        Self {
            id: user.id,
            username: user.username,
            email: user.email.filter(|email| !email.is_empty()),
            name: user.name,
            groups: user.groups.unwrap_or_default(),
            permissions: user.permissions,
            password: hash.or_else(|| given(user.password).map(FilePassword::Clear)),
        }
    }
}

impl RawScribe {
    /// Its groups, as the roles of their names.
    pub fn roles(&self) -> Vec<NewRole> {
        let role = |(name, group): (&String, &Group)| NewRole {
            name: name.clone(),
            description: group.description.clone(),
            permissions: group.permissions.clone(),
            ..NewRole::default()
        };
        self.groups.iter().map(role).collect()
    }

    /// What it says now.
    ///
    /// # Errors
    /// What can't be read or used, as at the start.
    pub fn read_again(&self, environment: Environment, keeps_users: bool) -> Result<Self, Complaint> {
        let Some(path) = &self.path else { return Ok(Self::default()) };
        let (_, rawscribe) = read(path)?;
        if keeps_users {
            rawscribe.require_safe(environment)?;
        }
        Ok(rawscribe)
    }

    /// Whether this one says something else of what counts from the start alone: settings, and how tokens are
    /// signed.
    pub fn differs_at_start(&self, other: &Self) -> bool {
        self.settings != other.settings || self.tokens != other.tokens
    }

    /// The same, whose tokens are signed as this one's: as they were at the start.
    #[must_use]
    pub fn with_tokens_of(self, other: &Self) -> Self {
        Self { tokens: other.tokens.clone(), ..self }
    }

    /// Refuses, where it isn't a developer's, passwords that everybody can read, and in earnest a secret that
    /// anybody could find out.
    pub(super) fn require_safe(&self, environment: Environment) -> Result<(), Complaint> {
        let path = self.path.as_deref().unwrap_or(Path::new(DEFAULT_FILE)).display();
        let is_clear = |user: &&FileUser| matches!(user.password, Some(FilePassword::Clear(_)));
        if environment != Environment::Dev
            && let Some(user) = self.users.iter().find(is_clear)
        {
            let (name, environment) = (user.username.escape_debug(), environment.name());
            return Err(Complaint::usage(format!(
                "In {path}, the user \"{name}\" has a password in clear, and this deployment is for {environment}."
            ))
            .hint("Write `password_hash` instead, with what `keyward hash-password` gives."));
        }
        if matches!(environment, Environment::Stage | Environment::Prod)
            && let Some(weakness) = self.tokens.weakness()
        {
            let sentence = format!(
                "In {path}, `lambda.auth.jwt.secret` {weakness}: whoever finds it out can be anybody."
            );
            return Err(Complaint::usage(sentence)
                .hint("Make one with `openssl rand -hex 64`, or leave it out to have one made."));
        }
        Ok(())
    }
}

/// Refuses a member of a user that is nearly one that counts: what somebody may do must not hang on a typo.
fn refuse_typos(path: &Path, document: &Value) -> Result<(), Complaint> {
    for list in ["/lambda/auth/users", "/lambda/auth/jwt/mockUsers"] {
        let users = document.pointer(list).and_then(Value::as_array).into_iter().flatten();
        for name in users.filter_map(Value::as_object).flat_map(Map::keys) {
            let is_near = |known: &&&str| strsim::jaro_winkler(name, known) > 0.9;
            if !USER_MEMBERS.contains(&name.as_str())
                && let Some(known) = USER_MEMBERS.iter().find(is_near)
            {
                let sentence = format!("In {}, a user has the unknown member `{name}`.", path.display());
                return Err(Complaint::usage(sentence).hint(format!("Did you mean {known}?")));
            }
        }
    }
    Ok(())
}

fn parse(path: &Path, text: &str) -> Result<Document, Complaint> {
    let shown = path.display();
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Complaint::usage(format!("{shown} isn't JSON at line {}, column {}.", error.line(), error.column()))
            .hint("RawScribe's file of settings is a JSON object with the member `lambda`.")
    })?;
    if !value.get("lambda").is_some_and(Value::is_object) {
        return Err(Complaint::usage(format!("{shown} has no object `lambda`, so it isn't RawScribe's."))
            .hint("Name the file that RawScribe reads, or none: rawscribe_config, or CONFIG_PATH."));
    }
    refuse_typos(path, &value)?;
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let message = error.inner().to_string();
        // What serde says before that may repeat the value, which may be a password.
        let wanted = match message.rsplit_once(", expected ") {
            Some((_, "a sequence")) => "must be a list".to_owned(),
            Some((_, "a map")) => "must be an object".to_owned(),
            Some((_, wanted)) => format!("must be {wanted}"),
            None => message,
        };
        Complaint::usage(format!("In {shown}, `{}`: {wanted}.", error.path()))
            .hint("Write it as RawScribe has it, or take it out.")
    })
}
