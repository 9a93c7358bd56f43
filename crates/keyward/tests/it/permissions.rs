//! `docs/permissions.txt`: which default role may do what, found out by doing it.
//!
//! `KEYWARD_UPDATE=1 cargo test -p keyward --test it permissions` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use axum::http::Method;
use keyward::cognito::SIGNED_OPERATIONS;
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::caller::Caller;
use keyward_core::secret::Secret;
use keyward_core::user::NewUser;
use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};

use crate::cognito_support::{PASSWORD, Signing, TEMPORARY};
use crate::support::{App, Client, Request};

const ROLES: [&str; 5] = ["ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS", "SERVICE"];

/// The permissions that guard Keyward's own acts.
const GUARDS: [&str; 9] = [
    "view:users",
    "manage:users",
    "view:roles",
    "manage:roles",
    "view:api-keys",
    "manage:api-keys",
    "view:audit",
    "manage:pools",
    "verify:credentials",
];

const HEAD: &str = "\
# Who may do what through the native API and, by the operations that AWS signs, through the Cognito protocol:
# the permissions of which any one is enough, and the default roles that have it. Where an act concerns
# somebody else's rights (a role is given, a key made, a user changed), the caller needs every one of those
# too; here nobody's are concerned.
#
# Found out by the test `permissions`, which does each as each. KEYWARD_UPDATE=1 writes the file anew.
";

/// What the acts of one caller are done to: nobody with any right, so that the act's own permission is what
/// decides.
struct Targets {
    tag: String,
    user: String,
    role: String,
    key: String,
    access_key: String,
    /// The session of the user's first sign-in, which waits for a new password.
    session: Secret,
    /// For the native API, and for the protocol.
    places: [Place; 2],
}

/// A pool with an app client that has a secret.
struct Place {
    pool: String,
    client: String,
    secret: String,
}

impl Place {
    async fn make(app: &App) -> Self {
        let (pool, _) = app.pool(UserPoolSettings::default()).await;
        let (operator, settings) = (Caller::operator(), AppClientSettings::default());
        let new = NewAppClient { name: "new".into(), settings, secret: NewSecret::Generated };
        let made = app.keyward.create_app_client(&operator, &pool, new).await.unwrap().client;
        Self { pool, client: made.id, secret: made.secrets[0].id.clone() }
    }
}

impl Targets {
    async fn make(app: &App, tag: String) -> Self {
        let (user, role) = (format!("user-{tag}@example.com"), format!("role-{tag}"));
        app.create_role(&role, &[]).await;
        let new = NewUser {
            username: user.clone(),
            roles: vec![role.clone()],
            temporary_password: Some(TEMPORARY.into()),
            ..NewUser::default()
        };
        app.keyward.create_user(&Caller::operator(), new).await.unwrap();
        for role in ["spare", "group", "old-group"] {
            app.create_role(&format!("{role}-{tag}"), &[]).await;
        }
        let new = NewUser { username: format!("other-{tag}@example.com"), ..NewUser::default() };
        app.keyward.create_user(&Caller::operator(), new).await.unwrap();
        let key = app.key_of(&user).await.key_id;
        let issued = app.keyward.create_access_key(&Caller::operator(), &user).await.unwrap();
        let access_key = issued.key.id;
        let asked = app.password_auth(&user, TEMPORARY).await.expect(200);
        let session = Secret::from(asked.str("Session"));
        let places = [Place::make(app).await, Place::make(app).await];
        Self { tag, user, role, key, access_key, session, places }
    }
}

/// Every operation, what is destructive last: its name in the document, what is special about this use of it,
/// the request.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn acts(
    app: &App,
    targets: &Targets,
    client: &Client,
    signing: Option<&Signing>,
) -> Vec<(&'static str, &'static str, Request)> {
    let Targets { tag, user, role, key, access_key, session, .. } = targets;
    let get = |path: &str| client.get(&format!("/api/v1/{path}"));
    let delete = |path: &str| client.delete(&format!("/api/v1/{path}"));
    let send = |method: Method, path: &str, body: Value| {
        client.request(method, &format!("/api/v1/{path}")).json(body)
    };
    let post = |path: &str, body: Value| send(Method::POST, path, body);
    let ask = |more: Value| {
        let mut body = json!({ "permissions": ["read:database"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("authorize", body)
    };
    let spare = json!({ "roles": [format!("spare-{tag}")] });
    let cognito = |operation: &str, input: Value| match signing {
        Some(signing) => app.signed(signing, operation, input),
        None => app.cognito(operation, input),
    };
    let someone = json!({ "UserPoolId": app.keyward.local_pool().id(), "Username": user });
    let signing_in = |more: Value| {
        let mut input = json!({ "UserPoolId": app.keyward.local_pool().id(), "ClientId": app.client_id() });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let mut acts = vec![
        (
            "AdminInitiateAuth",
            "",
            cognito(
                "AdminInitiateAuth",
                signing_in(json!({
                    "AuthFlow": "USER_SRP_AUTH", "AuthParameters": { "USERNAME": user, "SRP_A": "a1" },
                })),
            ),
        ),
        (
            "AdminRespondToAuthChallenge",
            "",
            cognito(
                "AdminRespondToAuthChallenge",
                signing_in(json!({
                    "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session,
                    "ChallengeResponses": { "NEW_PASSWORD": PASSWORD },
                })),
            ),
        ),
        ("GET /me", "", get("me")),
        ("POST /verify", "", post("verify", json!({ "credential": "x" }))),
        ("POST /authorize", "", ask(json!({}))),
        ("POST /authorize", "credential", ask(json!({ "credential": "x" }))),
        ("POST /authorize", "as_user", ask(json!({ "as_user": user }))),
        ("POST /authorize", "as_key", ask(json!({ "as_key": key }))),
        ("POST /authorize", "explain", ask(json!({ "explain": true }))),
        ("GET /users", "", get("users")),
        ("POST /users", "", post("users", json!({ "username": format!("new-{tag}@example.com") }))),
        ("GET /users/{user}", "", get(&format!("users/{user}"))),
        ("PATCH /users/{user}", "", send(Method::PATCH, &format!("users/{user}"), json!({ "phone": null }))),
        ("POST /users/{user}/reset-password", "", post(&format!("users/{user}/reset-password"), json!({}))),
        (
            "POST /users/{user}/set-password",
            "",
            post(&format!("users/{user}/set-password"), json!({ "password": PASSWORD })),
        ),
        ("POST /users/{user}/sign-out", "", post(&format!("users/{user}/sign-out"), json!({}))),
        ("DELETE /users/{user}/second-factors", "", delete(&format!("users/{user}/second-factors"))),
        ("GET /user-import", "", get("user-import")),
        (
            "POST /user-import",
            "",
            post("user-import", json!({ "users": [{ "username": format!("imported-{tag}") }] })),
        ),
        ("GET /user-export", "", get("user-export")),
        ("GET /assignments", "", get("assignments")),
        ("GET /users/{user}/roles", "", get(&format!("users/{user}/roles"))),
        ("POST /users/{user}/roles", "", post(&format!("users/{user}/roles"), spare.clone())),
        ("GET /roles", "", get("roles")),
        ("POST /roles", "", post("roles", json!({ "name": format!("new-{tag}"), "description": "x" }))),
        ("GET /roles/{role}", "", get(&format!("roles/{role}"))),
        (
            "PATCH /roles/{role}",
            "",
            send(Method::PATCH, &format!("roles/{role}"), json!({ "description": "y" })),
        ),
        ("GET /api-keys", "", get("api-keys")),
        (
            "POST /api-keys",
            "",
            post("api-keys", json!({ "name": format!("new-{tag}"), "user": user, "description": "x" })),
        ),
        (
            "POST /api-keys/import",
            "",
            post("api-keys/import", json!({ "keys": [{ "name": "x", "user": "nobody", "sha256": "x" }] })),
        ),
        ("GET /api-keys/{key}", "", get(&format!("api-keys/{key}"))),
        (
            "PATCH /api-keys/{key}",
            "",
            send(Method::PATCH, &format!("api-keys/{key}"), json!({ "owner": null })),
        ),
        ("POST /api-keys/{key}/rotate", "", post(&format!("api-keys/{key}/rotate"), json!({}))),
        ("GET /access-keys", "", get("access-keys")),
        ("POST /access-keys", "", post("access-keys", json!({ "user": user }))),
        ("DELETE /access-keys/{access_key}", "", delete(&format!("access-keys/{access_key}"))),
        ("GET /test-users", "", get("test-users")),
        ("POST /test-users", "", post("test-users", json!({}))),
        ("DELETE /test-users", "", delete("test-users")),
        ("POST /test-users/allow", "", post("test-users/allow", json!({}))),
        ("POST /secure-production", "", post("secure-production", json!({}))),
        ("GET /audit", "", get("audit")),
        ("GET /outbox", "", get("outbox")),
        ("POST /outbox/test", "", post("outbox/test", json!({ "to": "ada@example.com" }))),
        ("AdminGetUser", "", cognito("AdminGetUser", someone.clone())),
        ("AdminGetUserAuthFactors", "", cognito("AdminGetUserAuthFactors", someone.clone())),
        ("AdminSetUserMFAPreference", "", cognito("AdminSetUserMFAPreference", someone.clone())),
        ("AdminDeleteSoftwareToken", "", cognito("AdminDeleteSoftwareToken", someone)),
        ("DELETE /api-keys/{key}", "", delete(&format!("api-keys/{key}"))),
        ("DELETE /users/{user}/roles/{role}", "", delete(&format!("users/{user}/roles/{role}"))),
        ("PUT /users/{user}/roles", "", send(Method::PUT, &format!("users/{user}/roles"), spare)),
        ("DELETE /users/{user}/roles", "", delete(&format!("users/{user}/roles"))),
        ("DELETE /users/{user}", "", delete(&format!("users/{user}"))),
        ("DELETE /roles/{role}", "", delete(&format!("roles/{role}"))),
    ];
    acts.extend(native_pool_acts(client, &targets.places[0]));
    let of_cognito = user_and_group_acts(app, tag).into_iter().chain(pool_acts(&targets.places[1]));
    acts.extend(of_cognito.map(|(name, input)| (name, "", cognito(name, input))));
    acts
}

/// What is done to pools and app clients through the native API.
fn native_pool_acts(
    client: &Client,
    Place { pool, client: own, secret }: &Place,
) -> Vec<(&'static str, &'static str, Request)> {
    let of_pools = |rest: &str| format!("/api/v1/user-pools{rest}");
    let get = |rest: &str| client.get(&of_pools(rest));
    let post = |rest: &str, body: Value| client.post(&of_pools(rest), body);
    let patch = |rest: &str, body: Value| client.patch(&of_pools(rest), body);
    let delete = |rest: &str| client.delete(&of_pools(rest));
    let (pool, own) = (format!("/{pool}"), format!("/{pool}/clients/{own}"));
    let clients = format!("{pool}/clients");
    vec![
        ("GET /user-pools", "", get("")),
        ("POST /user-pools", "", post("", json!({ "name": "new" }))),
        ("GET /user-pools/{pool}", "", get(&pool)),
        ("GET /user-pools/{pool}/clients", "", get(&clients)),
        ("POST /user-pools/{pool}/clients", "", post(&clients, json!({ "name": "new" }))),
        ("GET /user-pools/{pool}/clients/{client}", "", get(&own)),
        ("PATCH /user-pools/{pool}/clients/{client}", "", patch(&own, json!({ "name": "other" }))),
        ("POST /user-pools/{pool}/clients/{client}/secrets", "", post(&format!("{own}/secrets"), json!({}))),
        (
            "DELETE /user-pools/{pool}/clients/{client}/secrets/{secret}",
            "",
            delete(&format!("{own}/secrets/{secret}")),
        ),
        ("DELETE /user-pools/{pool}/clients/{client}", "", delete(&own)),
        ("DELETE /user-pools/{pool}", "", delete(&pool)),
    ]
}

/// What AWS signs and is done to users and groups, to those that nothing else is done to, with its input.
fn user_and_group_acts(app: &App, tag: &str) -> Vec<(&'static str, Value)> {
    let about = |more: Value| {
        let mut input = json!({
            "UserPoolId": app.keyward.local_pool().id(), "Username": format!("other-{tag}@example.com"),
            "GroupName": format!("group-{tag}"),
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let attributes = json!([{ "Name": "name", "Value": "Other" }]);
    vec![
        ("AdminCreateUser", about(json!({ "Username": format!("made-{tag}"), "MessageAction": "SUPPRESS" }))),
        ("AdminUpdateUserAttributes", about(json!({ "UserAttributes": attributes }))),
        ("AdminDeleteUserAttributes", about(json!({ "UserAttributeNames": ["name"] }))),
        ("AdminSetUserPassword", about(json!({ "Password": PASSWORD, "Permanent": true }))),
        ("AdminResetUserPassword", about(json!({}))),
        ("AdminConfirmSignUp", about(json!({}))),
        ("AdminUserGlobalSignOut", about(json!({}))),
        ("AdminDisableUser", about(json!({}))),
        ("AdminEnableUser", about(json!({}))),
        ("AdminListUserAuthEvents", about(json!({}))),
        ("ListUsers", about(json!({}))),
        ("ListGroups", about(json!({}))),
        ("ListUsersInGroup", about(json!({}))),
        ("AdminListGroupsForUser", about(json!({}))),
        ("CreateGroup", about(json!({ "GroupName": format!("new-group-{tag}") }))),
        ("GetGroup", about(json!({}))),
        ("UpdateGroup", about(json!({ "Description": "A group" }))),
        ("AdminAddUserToGroup", about(json!({}))),
        ("AdminRemoveUserFromGroup", about(json!({}))),
        ("DeleteGroup", about(json!({ "GroupName": format!("old-group-{tag}") }))),
        ("AdminDeleteUser", about(json!({}))),
    ]
}

/// What AWS signs and is done to pools and app clients, with its input.
fn pool_acts(Place { pool, client, secret }: &Place) -> Vec<(&'static str, Value)> {
    let of_pool = json!({ "UserPoolId": pool });
    let of_client = json!({ "UserPoolId": pool, "ClientId": client });
    let of_server = json!({ "UserPoolId": pool, "Identifier": "api", "Name": "API" });
    let arn = format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool}");
    let of_secret = json!({ "UserPoolId": pool, "ClientId": client, "ClientSecretId": secret });
    let attributes = json!([{ "Name": "colour", "AttributeDataType": "String" }]);
    vec![
        ("CreateUserPool", json!({ "PoolName": "new" })),
        ("DescribeUserPool", of_pool.clone()),
        ("GetCSVHeader", of_pool.clone()),
        ("UpdateUserPool", of_pool.clone()),
        ("ListUserPools", json!({ "MaxResults": 1 })),
        ("AddCustomAttributes", json!({ "UserPoolId": pool, "CustomAttributes": attributes })),
        ("SetUserPoolMfaConfig", of_pool.clone()),
        ("GetUserPoolMfaConfig", of_pool.clone()),
        ("TagResource", json!({ "ResourceArn": arn, "Tags": { "stage": "test" } })),
        ("UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["stage"] })),
        ("ListTagsForResource", json!({ "ResourceArn": arn })),
        ("CreateResourceServer", of_server.clone()),
        ("DescribeResourceServer", of_server.clone()),
        ("UpdateResourceServer", of_server.clone()),
        ("ListResourceServers", of_pool.clone()),
        ("DeleteResourceServer", of_server),
        ("CreateUserPoolClient", json!({ "UserPoolId": pool, "ClientName": "new" })),
        ("DescribeUserPoolClient", of_client.clone()),
        ("UpdateUserPoolClient", of_client.clone()),
        ("ListUserPoolClients", of_pool.clone()),
        ("AddUserPoolClientSecret", of_client.clone()),
        ("ListUserPoolClientSecrets", of_client.clone()),
        ("DeleteUserPoolClientSecret", of_secret),
        ("DeleteUserPoolClient", of_client),
        ("DeleteUserPool", of_pool),
    ]
}

/// Which of the acts succeed for this caller; any other failure than a refusal is a mistake of this test.
async fn permitted(app: &App, client: &Client, tag: &str) -> Vec<bool> {
    let targets = Targets::make(app, tag.to_owned()).await;
    let signing = if client.user_id.is_empty() { None } else { Some(app.signing(&client.user_id).await) };
    let mut permitted = Vec::new();
    for (name, special, request) in acts(app, &targets, client, signing.as_ref()) {
        let answer = request.await;
        let status = answer.status.as_u16();
        let kind = answer["__type"].as_str().unwrap_or_default();
        let is_refused = [401, 403].contains(&status)
            || ["AccessDeniedException", "MissingAuthenticationTokenException"].contains(&kind);
        // Nobody in the home pool waits to be confirmed; that is told to whoever might.
        // Nor is this a production to secure.
        let idle = ["User cannot be confirmed.", "secure-production only for"];
        let is_idle = idle.iter().any(|sentence| answer.text.contains(sentence));
        assert!((200..300).contains(&status) || is_refused || is_idle, "{name} {special}: {}", answer.text);
        permitted.push(!is_refused);
    }
    permitted
}

/// The names of the operations in the document, and of those that AWS signs, as the table has them.
async fn documented(app: &App) -> BTreeSet<String> {
    let document = app.anonymous().get("/openapi.json").await.expect(200).json;
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let path = path.strip_prefix("/api/v1").unwrap();
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .chain(SIGNED_OPERATIONS.iter().map(|name| (*name).to_owned()))
        .collect()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "who runs the test says whether the file is to be written")]
async fn the_table_of_permissions_is_what_really_happens() {
    let app = App::new().await;
    let mut columns = Vec::new();
    for role in ROLES {
        columns.push(permitted(&app, &app.holder_of(role).await, role).await);
    }
    columns.push(permitted(&app, &app.anonymous(), "nobody").await);
    let mut guards = Vec::new();
    for (index, guard) in GUARDS.iter().enumerate() {
        guards.push(permitted(&app, &app.holder(&[guard]).await, &format!("guard-{index}")).await);
    }
    let poor = permitted(&app, &app.holder(&["nothing:here"]).await, "poor").await;

    let mut table = format!("{HEAD}\n{:<62}{:<11}{:<38}", "operation", "", "permission");
    let heads: Vec<&str> = ROLES.into_iter().chain(["nobody"]).collect();
    table.push_str(&heads.join("  "));
    let targets = Targets::make(&app, "names".to_owned()).await;
    let acts = acts(&app, &targets, &app.anonymous(), None);
    for (row, (name, special, _)) in acts.iter().enumerate() {
        let enough =
            GUARDS.iter().zip(&guards).filter(|(_, permitted)| permitted[row]).map(|(guard, _)| *guard);
        let enough = match enough.collect::<Vec<_>>().join(" | ") {
            _ if poor[row] => "any credential".to_owned(),
            // ADMINS have no other.
            enough if enough.is_empty() && columns[0][row] => "*".to_owned(),
            enough => enough,
        };
        assert!(!enough.is_empty(), "{name} {special} is permitted to nobody");
        write!(table, "\n{name:<62}{special:<11}{enough:<38}").unwrap();
        let cells = columns.iter().zip(&heads).map(|(column, head)| {
            format!("{:<width$}", if column[row] { "yes" } else { "-" }, width = head.len())
        });
        table.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    table.push('\n');

    let listed: BTreeSet<String> = acts.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!(listed, documented(&app).await);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.txt");
    if std::env::var("KEYWARD_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, &table).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        known == table,
        "docs/permissions.txt isn't true any more; KEYWARD_UPDATE=1 writes it anew:\n{table}"
    );
}
