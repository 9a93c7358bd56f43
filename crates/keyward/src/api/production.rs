//! Securing production.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::keyward::Keyward;
use keyward_core::production;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::parameter::IdempotencyHeader;
use crate::api::problem::{Conflicting, Guarded, Hashing, NotHere};
use crate::api::words::KeyRisk;
use crate::http::{Asking, Failure, Query, Shown};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(secure_production))
}

/// Whether to do it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SecureQuery {
    /// Only tell what would be done.
    #[serde(default)]
    #[param(required = false)]
    plan: bool,
}

/// What was done, or would be, and what was found.
#[derive(Debug, Serialize, ToSchema)]
struct SecuredProduction {
    /// Whether nothing was changed.
    plan: bool,
    /// Who goes.
    #[schema(examples("testadmin@example.com"))]
    test_users: Vec<String>,
    /// Everybody else who may do everything, the caller last.
    admins: Vec<SecuredAdmin>,
    /// Accounts that had the configured password of a test user: of these, of the admins whom the caller may
    /// give a password, and of who has the name of a test user.
    #[schema(examples("testadmin@example.com"))]
    test_passwords: Vec<String>,
    /// Those to look at; null for who may not see keys.
    #[schema(required = true)]
    api_keys: Option<Vec<RiskyKey>>,
    /// What could not be done, or isn't known to be. Only where users live in another user pool: whatever comes
    /// after it is done all the same, and a second run does the rest.
    failures: Vec<SecuringFailure>,
    /// The roles that have `*`; null for who may not see roles.
    #[schema(required = true)]
    roles: Option<Vec<PowerfulRole>>,
}

/// What becomes of an admin.
#[derive(Debug, Serialize, ToSchema)]
struct SecuredAdmin {
    #[schema(examples("admin@example.com"))]
    username: String,
    /// Whether the password is another one; it isn't where the admin has rights that the caller hasn't.
    #[schema(examples(true))]
    reset: bool,
    /// The new password, in this answer alone; null in a plan.
    #[schema(required = true, value_type = Option<String>, examples("xK9#mP2$vL8@wQ5!nR7^"))]
    password: Option<Secret>,
    /// Whether signing in asks for a second factor.
    #[schema(examples(false))]
    mfa: bool,
}

/// What could not be done of somebody.
#[derive(Debug, Serialize, ToSchema)]
struct SecuringFailure {
    #[schema(examples("admin@example.com"))]
    username: String,
    #[schema(examples("The user pool takes no more requests now; try again in a moment."))]
    detail: String,
}

/// An API key that works and shouldn't go on like that.
#[derive(Debug, Serialize, ToSchema)]
struct RiskyKey {
    #[schema(format = "uuid", examples("3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"))]
    id: String,
    #[schema(examples("CI Pipeline"))]
    name: String,
    #[schema(examples("ci-bot@example.com"))]
    username: String,
    risks: Vec<KeyRisk>,
}

/// A role that allows everything, and who holds it.
#[derive(Debug, Serialize, ToSchema)]
struct PowerfulRole {
    #[schema(examples("ADMINS"))]
    name: String,
    #[schema(examples("admin@example.com"))]
    holders: Vec<String>,
}

impl From<production::Secured> for SecuredProduction {
    fn from(secured: production::Secured) -> Self {
        let keys = |keys: Vec<production::RiskyKey>| keys.into_iter().map(RiskyKey::from).collect();
        let roles =
            |roles: Vec<production::PowerfulRole>| roles.into_iter().map(PowerfulRole::from).collect();
        Self {
            plan: secured.is_plan,
            test_users: secured.test_users,
            admins: secured.admins.into_iter().map(SecuredAdmin::from).collect(),
            test_passwords: secured.test_passwords,
            api_keys: secured.keys.map(keys),
            failures: secured.failures.into_iter().map(SecuringFailure::from).collect(),
            roles: secured.roles.map(roles),
        }
    }
}

impl From<production::SecuredAdmin> for SecuredAdmin {
    fn from(admin: production::SecuredAdmin) -> Self {
        let production::SecuredAdmin { username, is_reset, password, has_mfa } = admin;
        Self { username, reset: is_reset, password, mfa: has_mfa }
    }
}

impl From<production::SecuringFailure> for SecuringFailure {
    fn from(production::SecuringFailure { username, detail }: production::SecuringFailure) -> Self {
        Self { username, detail }
    }
}

impl From<production::RiskyKey> for RiskyKey {
    fn from(production::RiskyKey { id, name, username, risks }: production::RiskyKey) -> Self {
        Self { id, name, username, risks: risks.into_iter().map(KeyRisk::from).collect() }
    }
}

impl From<production::PowerfulRole> for PowerfulRole {
    fn from(production::PowerfulRole { name, holders }: production::PowerfulRole) -> Self {
        Self { name, holders }
    }
}

/// Secure production
///
/// Deletes the test users, keeps others from being made, gives every admin a new password, shown in this
/// answer alone, and ends their sessions: all of it, or nothing. It tells what else there is to look at. In
/// stage and prod alone. Needs `manage:users`; admins with rights above the caller's are left as they are.
/// With an `Idempotency-Key` a lost answer can be had again, also by a test user whom it has deleted.
#[utoipa::path(post, path = "/api/v1/secure-production", tag = "Test users",
    params(SecureQuery, IdempotencyHeader),
    responses((status = OK, description = "What was done, and found", body = SecuredProduction),
        Guarded, Conflicting, Hashing, NotHere))]
async fn secure_production(
    State(keyward): State<Arc<Keyward>>,
    asking: Result<Asking, Failure>,
    shown: Shown,
    query: Result<Query<SecureQuery>, Failure>,
) -> Result<Json<SecuredProduction>, Failure> {
    let secured = match (asking, query) {
        (Ok(Asking(caller)), query) => keyward.secure_production(&caller, query?.0.plan).await?,
        (Err(failure), Err(_) | Ok(Query(SecureQuery { plan: true }))) => return Err(failure),
        (Err(failure), Ok(_)) => {
            keyward.secured_before(shown.credential.as_ref(), shown.origin).await?.ok_or(failure)?
        }
    };
    Ok(Json(secured.into()))
}
