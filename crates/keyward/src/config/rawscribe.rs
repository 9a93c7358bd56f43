//! RawScribe's own file of settings, read as it is: JSON, with the settings of its back end in `lambda`.
//!
//! What else is in it is RawScribe's, and left alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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

/// What RawScribe's file says beside what is a setting of ours, too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawScribe {
    /// Where it was read; none when there is no such file.
    pub path: Option<PathBuf>,
    /// The origins whose pages may call.
    pub allowed_origins: Option<Vec<String>>,
    /// What the pages are told once somebody has signed in.
    pub private_webapp: Map<String, Value>,
    /// The groups that it describes, by name.
    pub groups: BTreeMap<String, Group>,
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
}

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
    let groups = match auth {
        None => BTreeMap::new(),
        Some(Auth { provider, cognito }) => {
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
    let rawscribe = RawScribe {
        path: Some(path.to_path_buf()),
        allowed_origins: cors.and_then(|cors| cors.allowed_origins),
        private_webapp: private_webapp.unwrap_or_default(),
        groups,
    };
    Ok((File { path: path.to_path_buf(), texts }, rawscribe))
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
