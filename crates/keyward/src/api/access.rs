//! Who am I, may I: the questions that applications ask all the time.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use keyward_core::access::{
    About, Authorization, Credential, Decision as CoreDecision, Grounds as CoreGrounds,
};
use keyward_core::caller::{Identity, Standing};
use keyward_core::clock::rfc3339;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::permission::PermissionSet;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::problem::{Absent, Guarded, Known};
use crate::api::words::Reason;
use crate::http::{Asking, Body, Failure};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(show_caller)).routes(routes!(verify)).routes(routes!(authorize))
}

// Borrowed from what the core has: an answer that is given thousands of times a second copies no lists.
/// Who shows a credential, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
struct Caller<'a> {
    /// `person` for whoever signed in, `api_key` for a program.
    #[schema(examples("api_key"))]
    kind: &'static str,
    /// Who it is, or whom the key acts as.
    #[schema(format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    user_id: &'a str,
    #[schema(examples("ci-bot@example.com"))]
    username: &'a str,
    /// Absent for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = "uuid",
        examples("3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"))]
    api_key_id: Option<&'a str>,
    /// Absent for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, examples("CI"))]
    api_key_name: Option<&'a str>,
    /// The names of the roles that count.
    #[schema(value_type = Vec<String>, examples("readers"))]
    roles: &'a [String],
    /// What they may do now.
    #[serde(serialize_with = "as_list")]
    #[schema(value_type = Vec<String>, examples("read:*"))]
    permissions: &'a PermissionSet,
    /// Whether a second factor was shown.
    #[schema(examples(false))]
    mfa: bool,
    /// When the credential ends.
    #[schema(required = true, format = "date-time", examples("2027-06-30T23:59:59.999Z"))]
    expires_at: Option<String>,
}

/// A credential to look into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    /// As it stood in the `Authorization` header: a key or a token, with or without `Bearer`.
    #[schema(value_type = String, examples("vams_q7Xk2mPz0aBd..."))]
    credential: Secret,
    /// Where the application saw it come from; a key may be good for some addresses only.
    #[schema(examples("203.0.113.7"))]
    client_ip: Option<String>,
}

/// What a credential is worth.
#[derive(Debug, Serialize, ToSchema)]
struct Verification<'a> {
    /// Whether it is good.
    #[schema(examples(true))]
    allowed: bool,
    /// Why not; null when it is good.
    #[schema(required = true)]
    reason: Option<Reason>,
    /// Who shows it; null when it isn't good.
    #[schema(required = true, value_type = Option<Caller>)]
    caller: Option<&'a RawValue>,
}

/// What somebody may do. About oneself, unless one of `credential`, `as_user` and `as_key` is there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Authorize {
    /// 1 to 100, each `action:resource`. One that ends in `*` asks for all that it stands for.
    #[schema(min_items = 1, max_items = 100, examples("read:database"))]
    permissions: Vec<String>,
    /// About whoever shows this, given as for `/verify`.
    #[schema(value_type = Option<String>, examples("vams_q7Xk2mPz0aBd..."))]
    credential: Option<Secret>,
    /// About the user of this id or name, as if signed in without a second factor.
    as_user: Option<String>,
    /// About the key of this id.
    as_key: Option<String>,
    /// Where the application saw the credential come from.
    #[schema(examples("203.0.113.7"))]
    client_ip: Option<String>,
    /// Whether to tell what grants or withholds each permission.
    explain: Option<bool>,
}

/// What somebody may do.
#[derive(Debug, Serialize, ToSchema)]
struct Authorized<'a> {
    /// Whether all of it is allowed.
    #[schema(examples(true))]
    allowed: bool,
    /// Why the credential itself is no good; null when it is good.
    #[schema(required = true)]
    reason: Option<Reason>,
    /// The answer for each permission, in the order of the request.
    results: Vec<Decision<'a>>,
    /// Whom it is about; null when the credential isn't good.
    #[schema(required = true, value_type = Option<Caller>)]
    caller: Option<&'a RawValue>,
}

/// The answer for one permission.
#[derive(Debug, Serialize, ToSchema)]
struct Decision<'a> {
    #[schema(examples("read:database"))]
    permission: &'a str,
    #[schema(examples(true))]
    allowed: bool,
    /// Why not; null when it is allowed.
    #[schema(required = true)]
    reason: Option<Reason>,
    /// What grants or withholds it; absent unless `explain` was true.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation<'a>>,
}

/// What grants or withholds a permission.
#[derive(Debug, Serialize, ToSchema)]
struct Explanation<'a> {
    granted_by: Vec<Grounds<'a>>,
    withheld: Vec<Withheld<'a>>,
}

/// A pattern of a role that allows it.
#[derive(Debug, Serialize, ToSchema)]
struct Grounds<'a> {
    #[schema(examples("readers"))]
    role: &'a str,
    #[schema(examples("read:*"))]
    pattern: &'a str,
}

/// A pattern of a role that would allow it.
#[derive(Debug, Serialize, ToSchema)]
struct Withheld<'a> {
    #[schema(examples("operators"))]
    role: &'a str,
    #[schema(examples("*"))]
    pattern: &'a str,
    /// Why it doesn't.
    why: Reason,
}

fn as_list<S: Serializer>(permissions: &PermissionSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(permissions.iter().map(keyward_core::permission::Permission::as_str))
}

impl<'a> From<&'a Standing> for Caller<'a> {
    fn from(standing: &'a Standing) -> Self {
        let (api_key_id, api_key_name) = match &*standing.identity {
            Identity::ApiKey { key_id, key_name, .. } => (Some(key_id.as_str()), Some(key_name.as_str())),
            Identity::Person { .. }
            | Identity::AccessKey { .. }
            | Identity::Operator
            | Identity::Developer
            | Identity::External { .. }
            | Identity::Nobody => (None, None),
        };
        Self {
            kind: standing.identity.kind(),
            user_id: standing.identity.user_id().unwrap_or_default(),
            username: standing.identity.name(),
            api_key_id,
            api_key_name,
            roles: &standing.roles,
            permissions: &standing.permissions,
            mfa: standing.identity.has_mfa(),
            expires_at: standing.expires_at_ms.map(rfc3339),
        }
    }
}

/// The caller as JSON, which is written once for as long as nothing changes.
fn told(standing: &Standing) -> Result<&RawValue, Error> {
    if let Some(told) = standing.told.get() {
        return Ok(told);
    }
    let told = to_raw_value(&Caller::from(standing)).map_err(Error::internal)?;
    Ok(standing.told.get_or_init(|| told))
}

impl<'a> Decision<'a> {
    fn new(decision: &'a CoreDecision, explain: bool) -> Self {
        Self {
            permission: decision.permission.as_str(),
            allowed: decision.reason.is_none(),
            reason: decision.reason.map(Reason),
            explanation: explain.then(|| Explanation {
                granted_by: decision.granted_by.iter().map(Grounds::from).collect(),
                withheld: decision.withheld.iter().map(Withheld::from).collect(),
            }),
        }
    }
}

impl<'a> From<&'a CoreGrounds> for Grounds<'a> {
    fn from(grounds: &'a CoreGrounds) -> Self {
        Self { role: &grounds.role, pattern: grounds.pattern.as_str() }
    }
}

impl<'a> From<&'a (CoreGrounds, keyward_core::access::Reason)> for Withheld<'a> {
    fn from((grounds, why): &'a (CoreGrounds, keyward_core::access::Reason)) -> Self {
        Self { role: &grounds.role, pattern: grounds.pattern.as_str(), why: Reason(*why) }
    }
}

impl Authorize {
    fn about(&self) -> Result<About, Error> {
        match (&self.credential, &self.as_user, &self.as_key) {
            (None, None, None) => Ok(About::Caller),
            (Some(shown), None, None) => Ok(About::Credential(credential(shown))),
            (None, Some(user), None) => Ok(About::User(user.clone())),
            (None, None, Some(key)) => Ok(About::ApiKey(key.clone())),
            _ => Err(Error::invalid(
                "credential",
                "Ask about one thing at a time: give credential, as_user or as_key, or none of them.",
            )),
        }
    }
}

/// What may be a credential, as it stood in the header or after `Bearer` was taken off it.
fn credential(shown: &Secret) -> Option<Credential> {
    let text = shown.expose();
    Credential::parse(text).or_else(|| Credential::parse(Secret::from(["Bearer ", text].concat()).expose()))
}

fn client_address(text: Option<&str>) -> Result<Option<IpAddr>, Error> {
    let wrong = |_| Error::invalid("client_ip", "client_ip must be an IP address, such as 203.0.113.7.");
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// Written into a buffer that is large enough from the start for nearly every answer.
fn answer(found: &impl Serialize) -> Result<Response, Failure> {
    let mut text = Vec::with_capacity(512);
    serde_json::to_writer(&mut text, found).map_err(Error::internal)?;
    Ok(([(CONTENT_TYPE, JSON)], text).into_response())
}

/// Show who is asking
///
/// Who the credential stands for, and what they may do now.
#[utoipa::path(get, path = "/api/v1/me", tag = "Access",
    responses((status = OK, description = "Who is asking", body = Caller), Known))]
async fn show_caller(Asking(caller): Asking) -> Result<Response, Failure> {
    caller.require_credential()?;
    answer(&told(&caller.standing)?)
}

/// Verify a credential
///
/// For an application that was shown it. The status is 200 whatever the credential is worth; 401 and 403 are
/// about the asking application alone. Needs `verify:credentials`.
#[utoipa::path(post, path = "/api/v1/verify", tag = "Access", request_body = Verify,
    responses((status = OK, description = "What the credential is worth", body = Verification), Guarded))]
async fn verify(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(asked): Body<Verify>,
) -> Result<Response, Failure> {
    let address = client_address(asked.client_ip.as_deref())?;
    let found = keyward.verify(&caller, credential(&asked.credential).as_ref(), address).await?;
    answer(&Verification {
        allowed: found.reason.is_none(),
        reason: found.reason.map(Reason),
        caller: found.standing.as_deref().map(told).transpose()?,
    })
}

/// Ask what somebody may do
///
/// The status is 200 whatever the answer is; 401 and 403 are about the asking application alone. About
/// oneself it takes no permission, about a credential `verify:credentials`; `as_user`, `as_key` and `explain`
/// need `view:users`.
#[utoipa::path(post, path = "/api/v1/authorize", tag = "Access", request_body = Authorize,
    responses((status = OK, description = "The decisions", body = Authorized), Guarded, Absent))]
async fn authorize(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(asked): Body<Authorize>,
) -> Result<Response, Failure> {
    let (about, explain) = (asked.about()?, asked.explain.unwrap_or_default());
    let address = client_address(asked.client_ip.as_deref())?;
    let found = keyward.authorize(&caller, &about, &asked.permissions, address, explain).await?;
    answer(&Authorized::new(&found, explain)?)
}

impl<'a> Authorized<'a> {
    fn new(found: &'a Authorization, explain: bool) -> Result<Self, Error> {
        Ok(Self {
            allowed: found.allowed(),
            reason: found.reason.map(Reason),
            results: found.decisions.iter().map(|decision| Decision::new(decision, explain)).collect(),
            caller: found.standing.as_deref().map(told).transpose()?,
        })
    }
}
