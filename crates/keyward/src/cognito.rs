//! The Cognito protocol: `POST /` with `X-Amz-Target`, as AWS' own clients speak it, and the pool's discovery
//! document and keys.
//!
//! Source: the service model of botocore, `cognito-idp/2016-04-18`, for operations, members and their bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use serde::Serialize;
use serde_json::Value;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::cognito::fault::Fault;
use crate::cognito::signature::Signature;
use crate::http::{Body, Failure, HttpFailure, RawBody, RequestOrigin, current_request_id, speaking};

mod account;
mod app_clients;
mod auth_events;
mod discovery;
mod fault;
mod groups;
mod input;
mod mfa_preference;
mod model;
mod passkeys;
mod password;
mod pool_mfa;
mod resource_servers;
mod sign_in;
mod sign_up;
mod signature;
mod software_token;
mod tags;
mod token;
mod user_import;
mod user_pools;
mod users;
mod validation;

pub use model::{MODEL, Operation};

/// What `X-Amz-Target` begins with, before the operation's name.
const SERVICE: &str = "AWSCognitoIdentityProviderService.";
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const JSON_1_1: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
/// How long a browser may keep the answer to a preflight: as long as AWS says, two days.
const PREFLIGHT_LIFETIME: Duration = Duration::from_hours(48);

/// Writes the operations once, for those who serve them and for those who ask about them.
///
/// Each is put apart: a future with room for any of them would be many kilobytes, copied for each request.
macro_rules! operations {
    (
        unsigned { $($name:ident => $function:path;)* }
        signed { $($signed:ident => $signed_function:path;)* }
    ) => {
        /// Every operation that is served to whoever asks; who may have it done, its members tell. [`MODEL`]
        /// has those that aren't served too.
        pub const OPERATIONS: &[&str] = &[$(stringify!($name)),*];
        /// Every operation that is served to whoever signs the request.
        pub const SIGNED_OPERATIONS: &[&str] = &[$(stringify!($signed)),*];

        async fn perform(
            operation: &'static Operation,
            keyward: &Keyward,
            origin: &Origin,
            input: Value,
        ) -> Result<Vec<u8>, Fault> {
            match operation.name {
                $(stringify!($name) => {
                    written(&Box::pin($function(keyward, origin, input::read(input)?)).await?)
                })*
                _ => Err(not_offered(operation)),
            }
        }

        async fn perform_signed(
            operation: &'static Operation,
            keyward: &Keyward,
            caller: &Caller,
            input: Value,
        ) -> Result<Vec<u8>, Fault> {
            match operation.name {
                $(stringify!($signed) => {
                    written(&Box::pin($signed_function(keyward, caller, input::read(input)?)).await?)
                })*
                _ => Err(not_offered(operation)),
            }
        }
    };
}

operations! {
    unsigned {
        AssociateSoftwareToken => software_token::associate;
        ChangePassword => password::change;
        CompleteWebAuthnRegistration => passkeys::complete;
        ConfirmForgotPassword => password::confirm_forgot;
        ConfirmSignUp => sign_up::confirm;
        DeleteUser => account::delete_user;
        DeleteUserAttributes => account::delete_attributes;
        DeleteWebAuthnCredential => passkeys::delete;
        ForgotPassword => password::forgot;
        GetTokensFromRefreshToken => token::get;
        GetUser => account::get_user;
        GetUserAttributeVerificationCode => account::send_attribute_code;
        GetUserAuthFactors => mfa_preference::get_factors;
        GlobalSignOut => account::global_sign_out;
        InitiateAuth => sign_in::initiate_auth;
        ListWebAuthnCredentials => passkeys::list;
        ResendConfirmationCode => sign_up::resend;
        RespondToAuthChallenge => sign_in::respond_to_auth_challenge;
        RevokeToken => token::revoke;
        SetUserMFAPreference => mfa_preference::set;
        SignUp => sign_up::sign_up;
        StartWebAuthnRegistration => passkeys::start;
        UpdateUserAttributes => account::update_attributes;
        VerifySoftwareToken => software_token::verify;
        VerifyUserAttribute => account::verify_attribute;
    }
    signed {
        AddCustomAttributes => user_pools::add_attributes;
        AddUserPoolClientSecret => app_clients::add_secret;
        AdminAddUserToGroup => groups::admin_add_user_to_group;
        AdminConfirmSignUp => users::admin_confirm_sign_up;
        AdminCreateUser => users::admin_create_user;
        AdminDeleteSoftwareToken => software_token::admin_delete;
        AdminDeleteUser => users::admin_delete_user;
        AdminDeleteUserAttributes => users::admin_delete_user_attributes;
        AdminDisableUser => users::admin_disable_user;
        AdminEnableUser => users::admin_enable_user;
        AdminGetUser => users::admin_get_user;
        AdminGetUserAuthFactors => mfa_preference::admin_get_factors;
        AdminInitiateAuth => sign_in::admin_initiate_auth;
        AdminListGroupsForUser => groups::admin_list_groups_for_user;
        AdminListUserAuthEvents => auth_events::admin_list_user_auth_events;
        AdminRemoveUserFromGroup => groups::admin_remove_user_from_group;
        AdminResetUserPassword => users::admin_reset_user_password;
        AdminRespondToAuthChallenge => sign_in::admin_respond_to_auth_challenge;
        AdminSetUserMFAPreference => mfa_preference::admin_set;
        AdminSetUserPassword => users::admin_set_user_password;
        AdminUpdateUserAttributes => users::admin_update_user_attributes;
        AdminUserGlobalSignOut => users::admin_user_global_sign_out;
        CreateGroup => groups::create_group;
        CreateResourceServer => resource_servers::create;
        CreateUserPool => user_pools::create;
        CreateUserPoolClient => app_clients::create;
        DeleteGroup => groups::delete_group;
        DeleteResourceServer => resource_servers::delete;
        DeleteUserPool => user_pools::delete;
        DeleteUserPoolClient => app_clients::delete;
        DeleteUserPoolClientSecret => app_clients::delete_secret;
        DescribeResourceServer => resource_servers::describe;
        DescribeUserPool => user_pools::describe;
        DescribeUserPoolClient => app_clients::describe;
        GetCSVHeader => user_import::get_csv_header;
        GetGroup => groups::get_group;
        GetUserPoolMfaConfig => pool_mfa::get;
        ListGroups => groups::list_groups;
        ListResourceServers => resource_servers::list;
        ListTagsForResource => tags::list;
        ListUserPoolClientSecrets => app_clients::list_secrets;
        ListUserPoolClients => app_clients::list;
        ListUserPools => user_pools::list;
        ListUsers => users::list_users;
        ListUsersInGroup => groups::list_users_in_group;
        SetUserPoolMfaConfig => pool_mfa::set;
        TagResource => tags::tag;
        UntagResource => tags::untag;
        UpdateGroup => groups::update_group;
        UpdateResourceServer => resource_servers::update;
        UpdateUserPool => user_pools::update;
        UpdateUserPoolClient => app_clients::update;
    }
}

/// The routes of the protocol and of discovery, to be merged at the root.
pub fn router(keyward: &Arc<Keyward>) -> Router {
    let protocol = Router::new().route("/", post(operation)).with_state(Arc::clone(keyward));
    let protocol = speaking(protocol, fault::render).reset_fallback();
    let discovery = discovery::router(keyward).reset_fallback();
    protocol.merge(discovery).layer(cors())
}

async fn operation(
    State(keyward): State<Arc<Keyward>>,
    RequestOrigin(origin): RequestOrigin,
    request: Request,
) -> Result<Response, Failure> {
    let operation = target(request.headers()).ok_or(HttpFailure::UnknownRoute)?;
    let outcome = if SIGNED_OPERATIONS.contains(&operation.name) {
        answer_signed(operation, &keyward, origin, request).await
    } else {
        answer_unsigned(operation, &keyward, &origin, request).await
    };
    match outcome {
        Ok(body) => Ok(answer(StatusCode::OK, body)),
        Err(Fault::Failure(failure)) => Err(failure),
        Err(Fault::Named(name, error)) => Ok(fault::refusal(StatusCode::BAD_REQUEST, name, &error.message)),
    }
}

async fn answer_unsigned(
    operation: &'static Operation,
    keyward: &Keyward,
    origin: &Origin,
    request: Request,
) -> Result<Vec<u8>, Fault> {
    let Body(input) = Body::from_request(request, &()).await.map_err(malformed)?;
    perform(operation, keyward, origin, checked(operation, input)?).await
}

/// Nothing of the request is read for what it asks before it is known who asks.
async fn answer_signed(
    operation: &'static Operation,
    keyward: &Keyward,
    origin: Origin,
    request: Request,
) -> Result<Vec<u8>, Fault> {
    let is_waived = signature::is_waived(keyward, request.headers());
    let signature = if is_waived { None } else { Some(Signature::of(&request)?) };
    let RawBody(body) = RawBody::from_request(request, &()).await?;
    let caller = match signature {
        Some(signature) => signature.caller(keyward, &body, origin).await?,
        None => Caller::developer(origin),
    };
    let Body(input) = Body::parse(&body).map_err(malformed)?;
    perform_signed(operation, keyward, &caller, checked(operation, input)?).await
}

/// The input, when it is as the model says.
fn checked(operation: &Operation, mut input: Value) -> Result<Value, Fault> {
    input::remove_nulls(&mut input);
    validation::check(operation.input, &input)?;
    Ok(input)
}

/// Whatever is wrong with a body as a whole is a `SerializationException` here.
fn malformed(failure: Failure) -> Failure {
    match failure {
        Failure::Core(error) => HttpFailure::BodyMalformed(error.message).into(),
        failure @ Failure::Http(_) => failure,
    }
}

/// The operation that is asked for, when the model has it.
fn target(headers: &HeaderMap) -> Option<&'static Operation> {
    Operation::named(headers.get(X_AMZ_TARGET)?.to_str().ok()?.strip_prefix(SERVICE)?)
}

/// Said in the operation's own errors, so that a client of AWS' makes of it what it makes of any refusal.
fn not_offered(operation: &Operation) -> Fault {
    let name = operation.name;
    let message = format!("Keyward doesn't offer {name}; docs/COMPATIBILITY.md lists what it does.");
    Fault::Named(operation.refusal, Error::new(Code::Unsupported, message))
}

fn written(output: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(output).map_err(|error| Error::internal(error).into())
}

/// An answer of the protocol, good or bad.
fn answer(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = (status, [(CONTENT_TYPE, JSON_1_1)], body).into_response();
    if let Ok(id) = HeaderValue::from_str(current_request_id().as_str()) {
        response.headers_mut().insert(X_AMZN_REQUEST_ID, id);
    }
    response
}

/// Any origin, as AWS allows: there are no cookies here that a stranger's page could ride on.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(
            ["x-amzn-requestid", "x-amzn-errortype", "x-amzn-errormessage", "date"]
                .map(HeaderName::from_static),
        )
        .max_age(PREFLIGHT_LIFETIME)
}
