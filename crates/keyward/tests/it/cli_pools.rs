//! `user-pool` and `app-client`: what is sent, shown and said when it fails.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::cli_answers::page;
use crate::cli_session::{Session, json_of, run};
use crate::cli_support::{Desk, Network, Reply, problem};

const POOL: &str = "us-east-1_k3Y9wRd0A";
const CLIENT: &str = "5h3kq0m1c8d2v7x9b4n6z1l0pa";
const SECRET: &str = "1p8v0q6m4x2k9d7b5h3n1c0z8l6j4g2f0s9a7y5w3t1r8e6u4i2o";

fn pool() -> Value {
    json!({
        "id": POOL, "name": "staging", "home": false, "issuer": format!("http://localhost:8480/{POOL}"),
        "mfa": "OPTIONAL", "username_attributes": ["email"], "alias_attributes": [], "case_sensitive": false,
        "admin_create_only": true, "deletion_protection": false, "refuses_common_passwords": true,
        "created_at": "2026-11-22T01:38:52.000Z",
        "updated_at": "2026-11-22T01:38:52.000Z", "version": 1,
    })
}

fn client() -> Value {
    json!({
        "id": CLIENT, "pool_id": POOL, "name": "web",
        "flows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], "hides_unknown_users": true,
        "access_token_seconds": 3600, "id_token_seconds": 3600, "refresh_token_seconds": 2_592_000,
        "created_at": "2026-11-22T01:38:52.000Z", "updated_at": "2026-11-22T01:38:52.000Z", "version": 1,
    })
}

#[test]
fn pools_are_listed_described_and_deleted() {
    let network = Network::answering(|request, _| match (request.method.as_str(), request.path.as_str()) {
        (_, path) if path.ends_with("/unknown") => problem(404, "not-found", "There is no such pool."),
        ("DELETE", _) => Reply::Text(204, "", String::new()),
        (_, path) if path.ends_with(POOL) => {
            let mut pool = pool();
            pool["accounts"] = json!(42);
            Reply::Json(200, pool)
        }
        _ => {
            let mut home = pool();
            (home["id"], home["name"], home["home"]) =
                (json!("us-east-1_000000000"), json!("home"), json!(true));
            Reply::Json(200, page(&json!([home, pool()])))
        }
    });
    let desk = Desk::by_key(&network);

    assert_snapshot!(desk.run(&["user-pool", "list"]), @r"
    exit 0
    --- stdout
    Found 2 user pool(s)
    User pool ID         Name     Created               Home
    us-east-1_000000000  home     2026-11-22 01:38 UTC  yes
    us-east-1_k3Y9wRd0A  staging  2026-11-22 01:38 UTC
    ");
    assert_snapshot!(desk.run(&["user-pool", "describe", POOL]), @r"
    exit 0
    --- stdout
    User pool ID:              us-east-1_k3Y9wRd0A
    Name:                      staging
    Home pool:                 no
    Issuer:                    http://localhost:8480/us-east-1_k3Y9wRd0A
    Users sign in by:          email
    Case matters:              no
    MFA:                       OPTIONAL
    Only admins make users:    yes
    Refuses common passwords:  yes
    Deletion protection:       no
    Users:                     42
    Created:                   2026-11-22 01:38 UTC
    ");
    assert_snapshot!(desk.run(&["user-pool", "describe", "unknown"]), @r"
    exit 1
    --- stderr
    error: There is no such pool.
    hint: `keyward user-pool list` shows the pools
    ");
    assert_snapshot!(desk.run(&["user-pool", "delete", POOL]), @r"
    exit 1
    --- stderr
    error: Confirmation required for user pool deletion
    hint: `keyward user-pool delete us-east-1_k3Y9wRd0A --confirm`
    ");
    assert_snapshot!(desk.run(&["user-pool", "delete", POOL, "--confirm"]), @r"
    exit 0
    --- stderr
    ✓ User pool deleted successfully: its tokens are refused from now on.
    ");
    let json = desk.run(&["user-pool", "describe", POOL, "--json-output"]).expect(0).json();
    assert_eq!(
        json,
        json!({
            "userPoolId": POOL, "name": "staging", "home": false,
            "issuer": format!("http://localhost:8480/{POOL}"), "mfa": "OPTIONAL",
            "usernameAttributes": ["email"], "aliasAttributes": [], "caseSensitive": false,
            "adminCreateOnly": true, "deletionProtection": false, "refusesCommonPasswords": true,
            "createdAt": "2026-11-22T01:38:52.000Z",
            "accounts": 42,
        })
    );
    let listed = desk.run(&["user-pool", "list", "--json-output"]).expect(0).json();
    assert_eq!(listed["Items"][1]["userPoolId"], POOL);
    let deleted = desk.run(&["user-pool", "delete", POOL, "--confirm", "--json-output"]).expect(0).json();
    assert_eq!(deleted, json!({ "message": format!("User pool '{POOL}' deleted successfully") }));
}

#[test]
fn a_new_pool_is_told_with_what_comes_next() {
    let network = Network::always(201, pool());
    let desk = Desk::by_key(&network);

    assert_snapshot!(desk.run(&["user-pool", "create", "staging"]), @r"
    exit 0
    --- stdout
    User pool ID:  us-east-1_k3Y9wRd0A
    Issuer:        http://localhost:8480/us-east-1_k3Y9wRd0A
    --- stderr
    ✓ User pool staging created successfully
    Give an application its way in: `keyward app-client create us-east-1_k3Y9wRd0A NAME`
    ");
    let words = [
        "--region",
        "eu-west-3",
        "--username-attribute",
        "email",
        "--case-sensitive",
        "--admin-create-only",
        "--deletion-protection",
        "--refuse-common-passwords",
    ];
    desk.run(&[["user-pool", "create", "customers"].as_slice(), &words].concat()).expect(0);
    desk.run(&["user-pool", "create", "a", "--alias-attribute", "email", "--username-attribute", "email"])
        .expect(2);

    let sent: Vec<Value> = network.seen().iter().map(crate::cli_support::Request::json).collect();
    assert_eq!(
        sent,
        [
            json!({ "name": "staging" }),
            json!({
                "name": "customers", "region": "eu-west-3", "username_attributes": ["email"],
                "case_sensitive": true, "admin_create_only": true, "deletion_protection": true,
                "refuses_common_passwords": true,
            }),
        ]
    );
    assert!(network.seen()[0].headers.contains_key("idempotency-key"));
}

#[test]
fn clients_are_listed_described_and_deleted() {
    let network = Network::answering(|request, _| match (request.method.as_str(), request.path.as_str()) {
        (_, path) if path.ends_with("/unknown") => problem(404, "not-found", "There is no such client."),
        (_, path) if path.contains("/empty/") => Reply::Json(200, page(&json!([]))),
        ("DELETE", _) => Reply::Text(204, "", String::new()),
        (_, path) if path.ends_with(CLIENT) => {
            let mut client = client();
            let id = format!("{CLIENT}--1795311532000");
            client["secrets"] = json!([{ "id": id, "created_at": "2026-11-22T01:38:52.000Z" }]);
            Reply::Json(200, client)
        }
        _ => Reply::Json(200, page(&json!([client()]))),
    });
    let desk = Desk::by_key(&network);

    assert_snapshot!(desk.run(&["app-client", "list", POOL]), @r"
    exit 0
    --- stdout
    Found 1 app client(s)
    Client ID                   Name  Created               Flows
    5h3kq0m1c8d2v7x9b4n6z1l0pa  web   2026-11-22 01:38 UTC  USER_SRP_AUTH, REFRESH_TOKEN_AUTH
    ");
    assert_snapshot!(desk.run(&["app-client", "list", "empty"]), @r"
    exit 0
    --- stdout
    No app clients found.
    --- stderr
    Create one: `keyward app-client create empty NAME`
    ");
    assert_snapshot!(desk.run(&["app-client", "describe", POOL, CLIENT]), @r"
    exit 0
    --- stdout
    Client ID:            5h3kq0m1c8d2v7x9b4n6z1l0pa
    Name:                 web
    User pool ID:         us-east-1_k3Y9wRd0A
    Flows:                USER_SRP_AUTH, REFRESH_TOKEN_AUTH
    Access tokens live:   3600 seconds
    ID tokens live:       3600 seconds
    Refresh tokens live:  2592000 seconds
    Created:              2026-11-22 01:38 UTC
    Secret ID:            5h3kq0m1c8d2v7x9b4n6z1l0pa--1795311532000  (made 2026-11-22 01:38 UTC)
    ");
    assert_snapshot!(desk.run(&["app-client", "describe", POOL, "unknown"]), @r"
    exit 1
    --- stderr
    error: There is no such client.
    hint: `keyward app-client list us-east-1_k3Y9wRd0A` shows the clients of the pool
    ");
    assert_snapshot!(desk.run(&["app-client", "delete", POOL, CLIENT]), @r"
    exit 1
    --- stderr
    error: Confirmation required for app client deletion
    hint: `keyward app-client delete us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa --confirm`
    ");
    assert_snapshot!(desk.run(&["app-client", "delete", POOL, CLIENT, "--confirm"]), @r"
    exit 0
    --- stderr
    ✓ App client deleted successfully
    ");
    let json = desk.run(&["app-client", "describe", POOL, CLIENT, "--json-output"]).expect(0).json();
    assert_eq!(
        json,
        json!({
            "clientId": CLIENT, "userPoolId": POOL, "name": "web",
            "flows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], "hidesUnknownUsers": true,
            "accessTokenSeconds": 3600, "idTokenSeconds": 3600, "refreshTokenSeconds": 2_592_000,
            "createdAt": "2026-11-22T01:38:52.000Z",
            "secrets": [{
                "secretId": format!("{CLIENT}--1795311532000"), "createdAt": "2026-11-22T01:38:52.000Z",
            }],
        })
    );
}

#[test]
fn a_clients_secret_is_shown_once() {
    let network = Network::answering(|request, _| {
        if request.path.ends_with("/secrets") {
            let id = format!("{CLIENT}--1795311532000");
            let created_at = "2026-11-22T01:38:52.000Z";
            return Reply::Json(201, json!({ "id": id, "created_at": created_at, "secret": SECRET }));
        }
        let mut client = client();
        client["secret"] = if request.json()["with_secret"] == true { json!(SECRET) } else { Value::Null };
        client["secrets"] = json!([]);
        Reply::Json(201, client)
    });
    let desk = Desk::by_key(&network);

    assert_snapshot!(desk.run(&["app-client", "create", POOL, "web"]), @r"
    exit 0
    --- stdout
    Client ID:     5h3kq0m1c8d2v7x9b4n6z1l0pa
    User pool ID:  us-east-1_k3Y9wRd0A
    --- stderr
    ✓ App client web created successfully
    ");
    let flows = ["--generate-secret", "--flow", "USER_SRP_AUTH", "--flow", "REFRESH_TOKEN_AUTH"];
    let words = [["app-client", "create", POOL, "web"].as_slice(), &flows].concat();
    assert_snapshot!(desk.run(&words), @r"
    exit 0
    --- stdout
    Client ID:     5h3kq0m1c8d2v7x9b4n6z1l0pa
    User pool ID:  us-east-1_k3Y9wRd0A
    Client secret (SAVE THIS - shown only once):  1p8v0q6m4x2k9d7b5h3n1c0z8l6j4g2f0s9a7y5w3t1r8e6u4i2o
    --- stderr
    ✓ App client web created successfully
    ");
    assert_snapshot!(desk.run(&["app-client", "add-secret", POOL, CLIENT]), @r"
    exit 0
    --- stdout
    Secret ID:  5h3kq0m1c8d2v7x9b4n6z1l0pa--1795311532000
    Client secret (SAVE THIS - shown only once):  1p8v0q6m4x2k9d7b5h3n1c0z8l6j4g2f0s9a7y5w3t1r8e6u4i2o
    --- stderr
    ✓ Secret added successfully
    The old secret stays good until it is deleted: `keyward app-client delete-secret us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa SECRET-ID`
    ");

    let json = desk.run(&[words.as_slice(), &["--json-output"]].concat()).expect(0).json();
    assert_eq!((&json["clientId"], &json["clientSecret"]), (&json!(CLIENT), &json!(SECRET)));
    let json = desk.run(&["app-client", "add-secret", POOL, CLIENT, "--json-output"]).expect(0).json();
    assert_eq!(json["clientSecret"], SECRET);
    let sent = network.seen();
    assert_eq!(sent[0].json(), json!({ "name": "web", "with_secret": false }));
    let flows = json!(["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]);
    assert_eq!(sent[1].json(), json!({ "name": "web", "with_secret": true, "flows": flows }));
    assert!(sent[2].headers.contains_key("idempotency-key"));
    desk.run(&["app-client", "create", POOL, "web", "--flow", "ALL"]).expect(2);
}

#[test]
fn a_client_is_changed_by_what_is_said_alone() {
    let network = Network::answering(|request, _| {
        if request.path.ends_with("unknown") {
            return problem(404, "not-found", "There is no such client.");
        }
        let mut client = client();
        client["secrets"] = json!([]);
        Reply::Json(200, client)
    });
    let desk = Desk::by_key(&network);

    let lifetimes =
        ["--access-token-lifetime", "15m", "--refresh-token-lifetime", "7d", "--show-unknown-users"];
    let words = [["app-client", "update", POOL, CLIENT].as_slice(), &lifetimes].concat();
    assert_snapshot!(desk.run(&words), @r"
    exit 0
    --- stderr
    ✓ App client web updated successfully
    ");
    let json = desk.run(&["app-client", "update", POOL, CLIENT, "--flow", "USER_AUTH", "--json-output"]);
    assert_eq!(json.expect(0).json()["clientId"], CLIENT);
    let sent = network.seen();
    assert_eq!((sent[0].method.as_str(), sent[1].method.as_str()), ("PATCH", "PATCH"));
    let lifetimes = json!({
        "hides_unknown_users": false, "access_token_seconds": 900, "refresh_token_seconds": 604_800,
    });
    assert_eq!(sent[0].json(), lifetimes);
    assert_eq!(sent[1].json(), json!({ "flows": ["ALLOW_USER_AUTH"] }));

    assert_snapshot!(desk.run(&["app-client", "update", POOL, "unknown", "--name", "web"]), @r"
    exit 1
    --- stderr
    error: There is no such client.
    hint: `keyward app-client list us-east-1_k3Y9wRd0A` shows the clients of the pool
    ");
    assert_snapshot!(desk.run(&["app-client", "update", POOL, CLIENT]), @r"
    exit 2
    --- stderr
    error: At least one thing to change must be given: --name, --flow, --hide-unknown-users, --show-unknown-users, --access-token-lifetime, --id-token-lifetime or --refresh-token-lifetime.
    ");
    assert_snapshot!(desk.run(&["app-client", "update", POOL, CLIENT, "--id-token-lifetime", "60"]), @r"
    exit 2
    --- stderr
    error: --id-token-lifetime must be a span of time: 15m, 24h, 30d.
    ");
}

#[test]
fn what_keeps_a_secret_from_being_replaced_comes_with_what_helps() {
    let refused = |words: &[&str], status: u16, code: &'static str, detail: &'static str| {
        let network = Network::answering(move |_, _| problem(status, code, detail));
        Desk::by_key(&network).run(words)
    };
    let add = ["app-client", "add-secret", POOL, CLIENT];
    let delete = ["app-client", "delete-secret", POOL, CLIENT, "x"];

    assert_snapshot!(refused(&add, 409, "conflict", "The app client has two secrets already."), @r"
    exit 1
    --- stderr
    error: The app client has two secrets already.
    hint: `keyward app-client describe us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa` shows them
    ");
    assert_snapshot!(refused(&add, 404, "not-found", "There is no such client."), @r"
    exit 1
    --- stderr
    error: There is no such client.
    hint: `keyward app-client list us-east-1_k3Y9wRd0A` shows the clients of the pool
    ");
    assert_snapshot!(refused(&delete, 409, "conflict", "The last secret can't be deleted."), @r"
    exit 1
    --- stderr
    error: The last secret can't be deleted.
    hint: `keyward app-client add-secret us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa` adds one
    ");
    assert_snapshot!(refused(&delete, 404, "not-found", "There is no such secret."), @r"
    exit 1
    --- stderr
    error: There is no such secret.
    hint: `keyward app-client describe us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa` shows its secrets
    ");
    let network = Network::answering(|_, _| Reply::Text(204, "", String::new()));
    assert_snapshot!(Desk::by_key(&network).run(&delete), @r"
    exit 0
    --- stderr
    ✓ Secret deleted successfully: it is refused from now on.
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_with_a_client_is_made_and_deleted_at_a_real_server() {
    let session = Session::open().await;
    let desk = session.admin();
    let alone = run(&desk, &["user-pool", "list"]).expect(0);
    assert!(alone.stderr.contains("keyward user-pool create NAME"), "{alone}");

    let pool = json_of(&desk, &["user-pool", "create", "staging"])["userPoolId"].clone();
    let pool = pool.as_str().unwrap();
    let made = json_of(&desk, &["app-client", "create", pool, "web", "--generate-secret"]);
    let client = made["clientId"].as_str().unwrap();
    let added = json_of(&desk, &["app-client", "add-secret", pool, client]);
    let old = made["secrets"][0]["secretId"].as_str().unwrap();
    run(&desk, &["app-client", "delete-secret", pool, client, old]).expect(0);

    let described = json_of(&desk, &["app-client", "describe", pool, client]);
    assert_eq!(described["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(described["secrets"][0]["secretId"], added["secretId"]);
    let update = ["app-client", "update", pool, client, "--flow", "USER_PASSWORD_AUTH"];
    assert_eq!(json_of(&desk, &update)["flows"], json!(["ALLOW_USER_PASSWORD_AUTH"]));
    let listed = json_of(&desk, &["app-client", "list", pool]);
    assert_eq!(listed["Items"][0]["clientId"], client);
    run(&desk, &["app-client", "delete", pool, client, "--confirm"]).expect(0);
    run(&desk, &["user-pool", "delete", pool, "--confirm"]).expect(0);
    run(&desk, &["user-pool", "describe", pool]).expect(1);
}
