//! Securing production: `/api/v1/user-management/secure-production`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::error::Code;
use keyward_core::jwt_file::UNCHANGEABLE;
use keyward_core::keyward::Keyward;
use keyward_core::production::{self, KeyRisk};
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize, Serializer};

use crate::http::{Failure, Query, Shown};
use crate::rawscribe::caller::Manager;
use crate::rawscribe::failure::Refusal;

const SAVE: &str = "⚠️ SAVE THE ADMIN PASSWORDS ABOVE - They cannot be recovered!";
const NOTHING_TO_SAVE: &str = "No admin has a new password; the report tells why.";
const MAKE_AN_ADMIN: &str =
    "For example: make rs-add-user ENV=... ORG=... USER_NAME=... GROUP=ADMINS BOOTSTRAP=true";
const PLANNED: &str = "Nothing was changed; the report tells what would be.";

#[derive(Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    plan: bool,
}

#[derive(Serialize)]
pub(super) struct Secured {
    test_users_removed: Vec<String>,
    /// Shown this once, by name; in the order of the report.
    #[serde(serialize_with = "as_map")]
    admin_passwords_reset: Vec<(String, Secret)>,
    message: &'static str,
    report: Report,
}

#[derive(Serialize)]
struct Report {
    plan: bool,
    test_users: Vec<String>,
    admins: Vec<Admin>,
    /// Accounts that had the configured password of a test user.
    test_passwords: Vec<String>,
    /// Null for who may not see keys.
    api_keys: Option<Vec<Key>>,
    /// What could not be done, by name; left out where all was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    failures: BTreeMap<String, String>,
    /// Those that allow everything; null for who may not see roles.
    roles: Option<Vec<Role>>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    username: String,
    risks: Vec<KeyRisk>,
}

#[derive(Serialize)]
struct Role {
    name: String,
    holders: Vec<String>,
}

#[derive(Serialize)]
struct Admin {
    username: String,
    password: &'static str,
    mfa: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<production::Secured> for Secured {
    fn from(secured: production::Secured) -> Self {
        let production::Secured { is_plan, test_users, admins, test_passwords, keys, failures, roles } =
            secured;
        let failures: BTreeMap<_, _> =
            failures.into_iter().map(|failure| (failure.username, failure.detail)).collect();
        let key =
            |key: production::RiskyKey| Key { name: key.name, username: key.username, risks: key.risks };
        let role = |role: production::PowerfulRole| Role { name: role.name, holders: role.holders };
        let passwords =
            admins.iter().filter_map(|admin| Some((admin.username.clone(), admin.password.clone()?)));
        let admin_passwords_reset: Vec<_> = passwords.collect();
        Self {
            message: match admin_passwords_reset.as_slice() {
                _ if is_plan => PLANNED,
                [] => NOTHING_TO_SAVE,
                _ => SAVE,
            },
            test_users_removed: if is_plan { Vec::new() } else { test_users.clone() },
            admin_passwords_reset,
            report: Report {
                plan: is_plan,
                test_users,
                admins: admins.into_iter().map(|admin| Admin::of(admin, &failures)).collect(),
                test_passwords,
                api_keys: keys.map(|keys| keys.into_iter().map(key).collect()),
                failures,
                roles: roles.map(|roles| roles.into_iter().map(role).collect()),
            },
        }
    }
}

impl Admin {
    fn of(admin: production::SecuredAdmin, failures: &BTreeMap<String, String>) -> Self {
        let failure = failures.get(&admin.username);
        let above = "This admin has rights above your own; ask somebody who holds them to run it.";
        Self {
            username: admin.username,
            password: if admin.is_reset { "reset" } else { "left" },
            mfa: admin.has_mfa,
            detail: (!admin.is_reset).then(|| failure.map_or(above, String::as_str).to_owned()),
        }
    }
}

fn as_map<S: Serializer>(passwords: &[(String, Secret)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(passwords.iter().map(|(name, password)| (name, password)))
}

/// With `?plan=true` it only tells what it would do.
pub(super) async fn secure(
    State(keyward): State<Arc<Keyward>>,
    manager: Result<Manager, Failure>,
    shown: Shown,
    options: Result<Query<Options>, Failure>,
) -> Result<Json<Secured>, Refusal> {
    let (caller, plan) = match (manager, options) {
        (Ok(Manager(caller)), options) => (caller, options?.0.plan),
        (Err(failure), Err(_) | Ok(Query(Options { plan: true }))) => return Err(failure.into()),
        (Err(failure), Ok(_)) => {
            let before = keyward.secured_before(shown.credential.as_ref(), shown.origin).await?;
            return Ok(Json(before.ok_or(failure)?.into()));
        }
    };
    let secured = keyward.secure_production(&caller, plan).await.map_err(|error| match error.code {
        Code::Unsupported if error.message != UNCHANGEABLE => {
            Refusal::Detail(StatusCode::BAD_REQUEST, error.message)
        }
        _ if error.is_no_admin_left() => {
            let detail = format!("{} {MAKE_AN_ADMIN}", error.message);
            Refusal::Detail(StatusCode::CONFLICT, detail.into())
        }
        _ => error.into(),
    })?;
    Ok(Json(secured.into()))
}
