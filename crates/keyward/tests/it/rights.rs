//! Nobody grants above their own rights, whatever requests they combine: the story of the core's own test,
//! told over HTTP in each dialect that has administrative acts.
//!
//! By the Cognito protocol they sign in and set up their second factors in all of them; its signed operations
//! are tried with access keys.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::http::{Method, StatusCode};
use keyward_core::clock::rfc3339;
use proptest::strategy::BoxedStrategy;
use serde_json::{Map, Value, json};

use crate::cognito_support::{PASSWORD, Signing, TEMPORARY, code, enrol};
use crate::escalation::{About, Act, Outcome, Rights, Surface, nobody_gains_rights, signed_acts};
use crate::evidence;
use crate::support::{Answer, App, Client, Request};

#[test]
fn nobody_gains_rights_by_any_acts_of_the_native_api() {
    nobody_gains_rights(50, async || Http::open(None).await);
}

#[test]
fn nobody_gains_rights_by_any_acts_of_vams() {
    nobody_gains_rights(50, async || Http::open(Some(vams)).await);
}

#[test]
fn nobody_gains_rights_by_any_signed_acts_of_cognito() {
    nobody_gains_rights(50, async || Signer(Http::open(None).await));
}

/// How a dialect asks for an act, of the key of this id where it is about one; nothing where it has no such
/// act.
type Dialect = fn(&Client, &Act, &str) -> Option<Request>;

/// A server that is asked in a dialect; by the native API without one, and for what the dialect hasn't.
struct Http {
    app: App,
    dialect: Option<Dialect>,
    admin: String,
    /// The secrets of the software tokens that were set up, by the user's name.
    software_tokens: Mutex<HashMap<String, Value>>,
}

impl Http {
    async fn open(dialect: Option<Dialect>) -> Self {
        let app = App::new().await;
        let admin = app.admin().secret().to_owned();
        Self { app, dialect, admin, software_tokens: Mutex::default() }
    }

    /// The id of the key of this name; one that nothing has when there is none.
    async fn key_id(&self, name: &str) -> String {
        let path = format!("/api/v1/api-keys?name={}", in_path(name));
        let ids = self.app.admin().get(&path).await.expect(200).pick("id");
        ids.into_iter().next().unwrap_or_else(|| "00000000-0000-4000-8000-000000000000".to_owned())
    }
}

impl Surface for Http {
    async fn perform(&self, authorization: &str, act: &Act) -> Outcome {
        let client = self.app.client(authorization);
        if let Act::ImportKey { secret, .. } = act {
            evidence::secret(secret);
        }
        let key_id = match act {
            Act::ChangeKey { key, .. } | Act::RotateKey { key } | Act::DeleteKey { key } => {
                self.key_id(key).await
            }
            _ => String::new(),
        };
        let request = self.dialect.and_then(|dialect| dialect(&client, act, &key_id));
        outcome(&request.unwrap_or_else(|| native(&client, act, &key_id)).await)
    }

    async fn sign_in(&self, username: &str, temporary_password: &str, mfa: bool) -> Option<String> {
        let app = &self.app;
        let asked = app.password_auth(username, temporary_password).await;
        if asked.status != StatusCode::OK {
            return None;
        }
        let chosen = json!({ "USERNAME": username, "NEW_PASSWORD": PASSWORD });
        let mut answer = app.respond(&asked, chosen).await.expect(200);
        if mfa && answer["ChallengeName"].is_null() {
            let token = enrol(app, &answer["AuthenticationResult"]["AccessToken"]).await;
            self.software_tokens.lock().unwrap().insert(username.to_owned(), token);
            answer = app.password_auth(username, PASSWORD).await.expect(200);
        }
        if answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA" {
            // A code is good once.
            app.clock.advance_ms(30_000);
            let code = code(&self.software_tokens.lock().unwrap()[username], &app.clock);
            let shown = json!({ "USERNAME": username, "SOFTWARE_TOKEN_MFA_CODE": code });
            answer = app.respond(&answer, shown).await.expect(200);
        }
        let token = answer["AuthenticationResult"]["AccessToken"].as_str().unwrap();
        Some(format!("Bearer {token}"))
    }

    async fn allowed(&self, about: About<'_>, permissions: &[&'static str]) -> Option<Rights> {
        let (client, question) = match about {
            About::Holder(authorization) => {
                (self.app.client(authorization), json!({ "permissions": permissions }))
            }
            About::User(name) => (self.app.admin(), json!({ "permissions": permissions, "as_user": name })),
            About::Key(id) => (self.app.admin(), json!({ "permissions": permissions, "as_key": id })),
        };
        let answer = client.post("/api/v1/authorize", question).await;
        if answer.status == StatusCode::UNAUTHORIZED && matches!(about, About::Holder(_)) {
            return None;
        }
        let answer = answer.expect(200);
        let results = answer["results"].as_array().unwrap().iter().zip(permissions);
        let allowed = results.filter(|(result, _)| result["allowed"] == true);
        answer["reason"].is_null().then(|| allowed.map(|(_, permission)| *permission).collect())
    }

    async fn listing(&self) -> Value {
        let admin = self.app.admin();
        let list = async |path| admin.get(path).await.expect(200).json["items"].take();
        json!({
            "roles": list("/api/v1/roles").await,
            "users": list("/api/v1/users").await,
            "keys": list("/api/v1/api-keys").await,
        })
    }

    fn admin(&self) -> &str {
        &self.admin
    }
}

/// The same server, where access keys are among the credentials; what isn't signed is asked for by the native
/// API.
struct Signer(Http);

impl Signer {
    /// What comes of an operation, signed with this access key now.
    async fn ask(&self, access_key: &str, operation: &str, mut input: Value) -> Answer {
        let app = &self.0.app;
        let (access_key_id, secret) = access_key.split_once(' ').unwrap();
        let now = rfc3339(app.clock.now_seconds() * 1000).replace(['-', ':'], "").replace(".000Z", "Z");
        let signing = Signing { at: now, ..Signing::with(access_key_id, secret) };
        input["UserPoolId"] = json!(app.keyward.local_pool().id());
        app.signed(&signing, operation, input).await
    }

    /// Signs somebody in as a back end does, with the password that all have who signed in before.
    async fn sign_in_as_back_end(&self, access_key: &str, username: &str) -> Outcome {
        let app = &self.0.app;
        let parameters = json!({ "USERNAME": username, "PASSWORD": PASSWORD });
        let input = json!({
            "ClientId": app.client_id(), "AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "AuthParameters": parameters,
        });
        let mut answer = self.ask(access_key, "AdminInitiateAuth", input).await;
        let has_second_factor = answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA";
        if has_second_factor {
            // A code is good once.
            app.clock.advance_ms(30_000);
            let code = code(&self.0.software_tokens.lock().unwrap()[username], &app.clock);
            let input = json!({
                "ClientId": app.client_id(), "ChallengeName": "SOFTWARE_TOKEN_MFA",
                "Session": answer["Session"],
                "ChallengeResponses": { "USERNAME": username, "SOFTWARE_TOKEN_MFA_CODE": code },
            });
            answer = self.ask(access_key, "AdminRespondToAuthChallenge", input).await;
        }
        let token = answer["AuthenticationResult"]["AccessToken"].as_str();
        match token {
            // Without a second factor, it is no more than they have.
            Some(token) => Outcome::Done { secret: has_second_factor.then(|| format!("Bearer {token}")) },
            None if answer.status == StatusCode::OK => Outcome::Failed,
            None => outcome(&answer),
        }
    }
}

impl Surface for Signer {
    async fn perform(&self, authorization: &str, act: &Act) -> Outcome {
        let Act::Signed { operation, user, role } = act else {
            return self.0.perform(authorization, act).await;
        };
        if *operation == "AdminInitiateAuth" {
            return self.sign_in_as_back_end(authorization, user).await;
        }
        let (name, input) = signed_input(operation, user, role);
        match outcome(&self.ask(authorization, name, input).await) {
            Outcome::Done { .. } => Outcome::Done { secret: Some(TEMPORARY.to_owned()) },
            otherwise => otherwise,
        }
    }

    async fn sign_in(&self, username: &str, temporary_password: &str, mfa: bool) -> Option<String> {
        self.0.sign_in(username, temporary_password, mfa).await
    }

    async fn allowed(&self, about: About<'_>, permissions: &[&'static str]) -> Option<Rights> {
        self.0.allowed(about, permissions).await
    }

    async fn listing(&self) -> Value {
        self.0.listing().await
    }

    fn admin(&self) -> &str {
        self.0.admin()
    }

    async fn access_key(&self, username: &str) -> Option<String> {
        let signing = self.0.app.signing(username).await;
        Some(format!("{} {}", signing.access_key_id, signing.secret))
    }

    fn acts() -> BoxedStrategy<Act> {
        signed_acts()
    }
}

/// The operation, and what it is asked with.
fn signed_input(operation: &'static str, user: &str, role: &str) -> (&'static str, Value) {
    let hers = json!([
        { "Name": "email", "Value": "mallory@example.org" }, { "Name": "email_verified", "Value": "true" },
    ]);
    let (name, more) = match operation {
        "AdminCreateUser" => {
            let attributes = json!([{ "Name": "name", "Value": user }]);
            (operation, json!({ "TemporaryPassword": TEMPORARY, "UserAttributes": attributes }))
        }
        "AdminCreateUser RESEND" => {
            ("AdminCreateUser", json!({ "TemporaryPassword": TEMPORARY, "MessageAction": "RESEND" }))
        }
        "AdminSetUserPassword" => (operation, json!({ "Password": TEMPORARY })),
        "AdminUpdateUserAttributes" => (operation, json!({ "UserAttributes": hers })),
        "AdminDeleteUserAttributes" => (operation, json!({ "UserAttributeNames": ["name"] })),
        "AdminSetUserMFAPreference" => {
            let off = json!({ "Enabled": false, "PreferredMfa": false });
            (operation, json!({ "SoftwareTokenMfaSettings": off }))
        }
        "UpdateGroup" => (operation, json!({ "Description": "A group", "Precedence": 1 })),
        "UpdateUserPool" => {
            let text = "Your code is {####}; show it at https://example.org.";
            (operation, json!({ "EmailVerificationMessage": text }))
        }
        "SetUserPoolMfaConfig" => {
            let text = "Your code is {####}; show it at https://example.org.";
            (operation, json!({ "EmailMfaConfiguration": { "Message": text } }))
        }
        _ => (operation, json!({})),
    };
    let mut input = json!({ "Username": user, "GroupName": role });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (name, input)
}

fn native(client: &Client, act: &Act, key_id: &str) -> Request {
    let api = |path: &str| format!("/api/v1{}", in_path(path));
    let user_path = |user: &str, rest: &str| api(&format!("/users/{user}{rest}"));
    let key_path = |rest: &str| api(&format!("/api-keys/{key_id}{rest}"));
    match act {
        Act::CreateRole { role, permissions, mfa_required } => client.post(
            &api("/roles"),
            json!({
                "name": role, "description": "A role", "permissions": permissions,
                "mfa_required": mfa_required,
            }),
        ),
        Act::ChangeRole { role, permissions, mfa_required } => {
            let update = [("permissions", json!(permissions)), ("mfa_required", json!(mfa_required))];
            client.patch(&api(&format!("/roles/{role}")), given(update))
        }
        Act::DeleteRole { role } => client.delete(&api(&format!("/roles/{role}"))),
        Act::CreateUser { user, roles } => {
            let kind = if user.contains('@') { "account" } else { "program" };
            client.post(&api("/users"), json!({ "username": user, "roles": roles, "kind": kind }))
        }
        Act::AssignRoles { user, roles } => {
            client.post(&user_path(user, "/roles"), json!({ "roles": roles }))
        }
        Act::SetRoles { user, roles } if roles.is_empty() => client.delete(&user_path(user, "/roles")),
        Act::SetRoles { user, roles } => client.put(&user_path(user, "/roles"), json!({ "roles": roles })),
        Act::RemoveRole { user, role } => client.delete(&user_path(user, &format!("/roles/{role}"))),
        Act::ResetPassword { user } => client.request(Method::POST, &user_path(user, "/reset-password")),
        Act::ChangeAddress { user } => {
            client.patch(&user_path(user, ""), json!({ "email": "mallory@example.org" }))
        }
        Act::SetEnabled { user, enabled } => {
            client.patch(&user_path(user, ""), json!({ "enabled": enabled }))
        }
        Act::DeleteUser { user } => client.delete(&user_path(user, "")),
        Act::CreateKey { key, user, scope } => client.post(
            &api("/api-keys"),
            json!({ "name": key, "user": user, "description": "A key", "scope": scope }),
        ),
        Act::ChangeKey { change, .. } => {
            let mut update =
                given([("active", json!(change.active)), ("expires_at", json!(change.expires_at))]);
            if let Some(scope) = &change.scope {
                update["scope"] = json!(scope);
            }
            client.patch(&key_path(""), update)
        }
        Act::RotateKey { .. } => client.request(Method::POST, &key_path("/rotate")),
        Act::ImportKey { key, user, secret } => client.post(
            &api("/api-keys/import"),
            json!({ "keys": [{ "name": key, "user": user, "sha256": sha256_hex(secret) }] }),
        ),
        Act::DeleteKey { .. } => client.delete(&key_path("")),
        Act::CreateAccessKey { user } => client.post(&api("/access-keys"), json!({ "user": user })),
        Act::Signed { operation, .. } => panic!("{operation} is none of this dialect's"),
    }
}

fn vams(client: &Client, act: &Act, key_id: &str) -> Option<Request> {
    let user_path = |user: &str, rest: &str| format!("/user/cognito/{user}{rest}");
    let key_path = format!("/auth/api-keys/{key_id}");
    Some(match act {
        Act::CreateRole { role, permissions, mfa_required } => client.post(
            "/roles",
            json!({
                "roleName": role, "description": "A role", "permissions": permissions,
                "mfaRequired": mfa_required,
            }),
        ),
        Act::ChangeRole { role, permissions, mfa_required } => {
            let update = [("permissions", json!(permissions)), ("mfaRequired", json!(mfa_required))];
            let mut update = given(update);
            update["roleName"] = json!(role);
            client.put("/roles", update)
        }
        Act::DeleteRole { role } => client.delete(&in_path(&format!("/roles/{role}"))),
        Act::CreateUser { user, roles } if user.contains('@') && roles.is_empty() => {
            client.post("/user/cognito", json!({ "userId": user, "email": user }))
        }
        Act::AssignRoles { user, roles } => {
            client.post("/user-roles", json!({ "userId": user, "roleName": roles }))
        }
        Act::SetRoles { user, roles } if roles.is_empty() => {
            client.request(Method::DELETE, "/user-roles").json(json!({ "userId": user }))
        }
        Act::SetRoles { user, roles } => {
            client.put("/user-roles", json!({ "userId": user, "roleName": roles }))
        }
        Act::ResetPassword { user } => {
            client.post(&user_path(user, "/resetPassword"), json!({ "confirmReset": true }))
        }
        Act::ChangeAddress { user } => {
            client.put(&user_path(user, ""), json!({ "email": "mallory@example.org" }))
        }
        Act::DeleteUser { user } if user.contains('@') => client.delete(&user_path(user, "")),
        Act::CreateKey { key, user, scope } => client.post(
            "/auth/api-keys",
            json!({ "apiKeyName": key, "userId": user, "description": "A key", "scope": scope }),
        ),
        Act::ChangeKey { change, .. } => {
            let mut update =
                given([("isActive", json!(change.active)), ("expiresAt", json!(change.expires_at))]);
            if let Some(scope) = &change.scope {
                update["scope"] = json!(scope);
            }
            client.put(&key_path, update)
        }
        Act::DeleteKey { .. } => client.delete(&key_path),
        Act::CreateUser { .. }
        | Act::RemoveRole { .. }
        | Act::SetEnabled { .. }
        | Act::DeleteUser { .. }
        | Act::RotateKey { .. }
        | Act::ImportKey { .. }
        | Act::CreateAccessKey { .. }
        | Act::Signed { .. } => return None,
    })
}

/// What became of the act, in whichever dialect it was answered.
fn outcome(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        200 | 201 | 204 => {}
        400 if REFUSALS.contains(&answer["__type"].as_str().unwrap_or_default()) => return Outcome::Refused,
        401 | 403 => return Outcome::Refused,
        400 | 404 | 409 | 501 => return Outcome::Failed,
        status => panic!("{status}: {}", answer.text),
    }
    match answer["results"][0]["error"].as_str() {
        Some(error) if error.starts_with("This concerns rights above your own") => return Outcome::Refused,
        Some(_) => return Outcome::Failed,
        None => {}
    }
    let secret = ["secret", "temporary_password", "apiKey", "temporaryPassword"]
        .into_iter()
        .find_map(|member| answer[member].as_str());
    // An access key is shown with its id.
    let id = answer["id"].as_str().filter(|id| id.starts_with("AKIA"));
    let secret = secret.map(|secret| id.map_or_else(|| secret.to_owned(), |id| format!("{id} {secret}")));
    Outcome::Done { secret }
}

/// How the Cognito protocol says that somebody isn't let in, or may not.
const REFUSALS: [&str; 2] = ["AccessDeniedException", "UnrecognizedClientException"];

/// An object of those members that have a value.
fn given<const N: usize>(members: [(&str, Value); N]) -> Value {
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Names here have spaces, and nothing else that a path can't hold.
fn in_path(text: &str) -> String {
    text.replace(' ', "%20")
}

/// What is stored of a key that was made elsewhere.
fn sha256_hex(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
