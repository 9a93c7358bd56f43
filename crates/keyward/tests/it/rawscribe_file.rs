//! Users who are kept in RawScribe's own file, and what else is read there, over HTTP; `a09` is the ninth acceptance
//! case of the page about managing users, `flaw_20` the twentieth flaw that isn't ours.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward::app;
use keyward::config::Config;
use keyward_core::api_key::NewApiKey;
use keyward_core::caller::Caller;
use keyward_core::jwt_file::UNCHANGEABLE;
use keyward_core::local_pool::password::{HashingCost, Line, PasswordHasher};
use keyward_core::random::Random;
use serde_json::{Value, json};

use crate::cli_session::{Session, run_with};
use crate::cli_support::{Desk, PROGRAM};
use crate::support::{App, Client, RAWSCRIBE_FILE};

const LOGIN: &str = "/api/auth/login";
const RUNTIME: &str = "/api/config/runtime";
const PASSWORD: &str = "Correct-Horse-9!";
const USER_MANAGEMENT: &str = "/api/v1/user-management";

/// As the page about RawScribe's user management has it.
const PAGE: &str = r#"{
  "lambda": {
    "auth": {
      "users": [
        {
          "id": "admin_user",
          "email": "admin@example.com",
          "username": "admin",
          "groups": ["ADMINS"],
          "permissions": ["*"]
        }
      ]
    }
  }
}"#;

/// At the lowest cost.
async fn hash(password: &str) -> String {
    let random = Random::System;
    let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hasher = PasswordHasher::new(&random, cost, None, 1).unwrap();
    hasher.hash(Line::Administration, &random, &password.into()).await.unwrap()
}

/// A file with an admin, a researcher and somebody with a list of their own; all with [`PASSWORD`].
async fn file() -> Value {
    let hash = hash(PASSWORD).await;
    json!({
        "private_webapp": { "theme": "dark" },
        "lambda": {
            "auth": {
                "provider": "jwt",
                "required": true,
                "users": [
                    { "id": "ada", "username": "ada", "email": "ada@example.com", "name": "Ada Lovelace",
                      "groups": ["ADMINS"], "password_hash": hash },
                    { "id": "bob", "username": "bob", "email": "bob@example.com",
                      "groups": ["RESEARCHERS"], "password_hash": hash },
                ],
                "jwt": {
                    "secret": "N4r0wG4t3-0f-4-l0ng-4nd-w1nd1ng-r04d",
                    "algorithm": "HS256",
                    "issuer": "claire-dev",
                    "audience": "claire-backend",
                    "mockUsers": [
                        { "id": "viewer", "username": "viewer", "email": "viewer@example.com",
                          "password_hash": hash, "name": "Viewer", "groups": ["viewer"],
                          "permissions": ["view:own"], "isAdmin": true },
                    ],
                },
            },
            "cors": { "allowedOrigins": ["https://lab.example.com"] },
        },
    })
}

async fn app_with(file: impl ToString) -> App {
    App::with_rawscribe_file(&file.to_string(), &[]).await
}

fn write(app: &App, file: &Value) {
    std::fs::write(app.folder.path().join(RAWSCRIBE_FILE), file.to_string()).unwrap();
}

async fn login(app: &App, name: &str) -> Value {
    let body = json!({ "username": name, "password": PASSWORD });
    app.anonymous().post(LOGIN, body).await.expect(200).json
}

async fn signed_in(app: &App, name: &str) -> Client {
    app.client(&format!("Bearer {}", login(app, name).await["token"].as_str().unwrap()))
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a09_the_users_of_the_page_are_known_but_cannot_sign_in_without_a_password() {
    let app = app_with(PAGE).await;

    let body = json!({ "username": "admin", "password": "admin" });
    let refused = app.anonymous().post(LOGIN, body).await.expect(401);
    assert_eq!((&refused["success"], refused["error"].is_string()), (&json!(false), true));
    let new = NewApiKey {
        name: "admin's".into(),
        user: "admin@example.com".into(),
        description: "A key".into(),
        ..NewApiKey::default()
    };
    let key = app.keyward.create_api_key(&Caller::operator(), new).await.unwrap();
    let admin = app.client(key.secret.expose());
    let me = admin.get("/api/auth/me").await.expect(200);
    assert_eq!(
        me.json,
        json!({
            "id": "admin_user", "email": "admin@example.com", "username": "admin", "name": "admin",
            "groups": ["ADMINS"], "permissions": ["*"], "isAdmin": true,
        })
    );
    // What RawScribe fails at (flaw 19).
    let shown = admin.get(&format!("{USER_MANAGEMENT}/users/admin")).await.expect(200);
    assert_eq!((&shown["groups"], &shown["enabled"]), (&json!(["ADMINS"]), &json!(true)));
    assert_eq!(admin.get("/api/v1/users/admin_user").await.expect(200)["username"], "admin");
    let runtime = app.anonymous().get(RUNTIME).await.expect(200);
    assert_eq!(
        runtime.json,
        json!({ "auth": { "provider": "jwt", "config": {
            "algorithm": "HS256", "issuer": null, "audience": null, "mockUsers": 0, "source": "config_file",
        } } })
    );
}

#[tokio::test]
async fn a04_a23_flaw_20_a_token_is_as_the_runtime_configuration_says_and_is_accepted() {
    let app = app_with(file().await).await;

    let runtime = app.anonymous().get(RUNTIME).await.expect(200);
    assert_eq!(
        runtime.json,
        json!({ "auth": { "provider": "jwt", "config": {
            "algorithm": "HS256", "issuer": "claire-dev", "audience": "claire-backend", "mockUsers": 1,
            "source": "config_file",
        } } })
    );
    assert_eq!(
        app.anonymous().get("/api/auth/config").await.expect(200).json,
        json!({ "provider": "jwt", "environment": "test", "cognito_region": null, "mock_users_count": 1 })
    );
    for name in ["username", "email"] {
        let body = json!({ name: "ada@example.com", "password": PASSWORD });
        let login = app.anonymous().post(LOGIN, body).await.expect(200);
        let token = login.str("token");
        let claims = part(token, 1);

        assert_eq!(part(token, 0), json!({ "typ": "JWT", "alg": "HS256" }));
        let told = ["sub", "email", "username", "name", "groups", "permissions", "isAdmin", "iss", "aud"];
        assert_eq!(
            told.map(|claim| claims[claim].clone()),
            [
                json!("ada"),
                json!("ada@example.com"),
                json!("ada"),
                json!("Ada Lovelace"),
                json!(["ADMINS"]),
                json!(["*"]),
                json!(true),
                json!("claire-dev"),
                json!("claire-backend"),
            ]
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 8 * 3600);
        let ada = app.client(&format!("Bearer {token}"));
        assert_eq!(ada.get("/api/auth/me").await.expect(200).json, login["user"]);
        let private = ada.get("/api/config/private").await.expect(200);
        assert_eq!(private["private_webapp"], json!({ "theme": "dark" }));
        ada.get("/api/v1/users").await.expect(200);
    }

    let ada = signed_in(&app, "ada").await;
    app.advance(Duration::from_hours(8));
    ada.get("/api/auth/me").await.expect(401);
}

#[tokio::test]
async fn a_list_of_permissions_is_all_that_somebody_may_do_whatever_else_the_file_says_of_them() {
    let app = app_with(file().await).await;

    let viewer = login(&app, "viewer").await;
    let bob = login(&app, "bob").await;

    assert_eq!(viewer["user"]["permissions"], json!(["view:own"]));
    assert_eq!((&viewer["user"]["isAdmin"], &viewer["user"]["groups"]), (&json!(false), &json!(["viewer"])));
    assert_eq!(bob["user"]["permissions"], json!(["view:group", "view:own", "draft:*", "submit:SOP*"]));
    for name in ["viewer", "bob"] {
        let refused = signed_in(&app, name).await.get(&format!("{USER_MANAGEMENT}/users")).await.expect(403);
        assert_eq!(refused["detail"], "Requires manage:users permission");
    }
}

#[tokio::test]
async fn flaw_05_flaw_06_what_is_no_token_of_ours_opens_nothing() {
    let file = file().await;
    let app = app_with(&file).await;
    let good = login(&app, "ada").await["token"].as_str().unwrap().to_owned();
    let secret = file.pointer("/lambda/auth/jwt/secret").unwrap().as_str().unwrap();
    let sign = |header: Value, claims: &Value, secret: &str| {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    };
    let header = || json!({ "alg": "HS256", "typ": "JWT" });
    let claims = part(&good, 1);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    app.client(&format!("Bearer {}", sign(header(), &claims, secret))).get("/api/auth/me").await.expect(200);

    for token in [
        sign(header(), &claims, "dev-secret"),
        sign(json!({ "alg": "none" }), &claims, secret),
        sign(json!({ "alg": "HS384", "typ": "JWT" }), &claims, secret),
        sign(json!({ "alg": "HS256", "dev_mode": true }), &claims, "anything"),
        sign(json!({ "alg": "HS256", "crit": ["b64"] }), &claims, secret),
        sign(header(), &without("exp"), secret),
        sign(header(), &without("iss"), secret),
        sign(header(), &without("aud"), secret),
        sign(header(), &without("origin_jti"), secret),
        sign(header(), &with("iss", json!("claire-backend")), secret),
        sign(header(), &with("aud", json!("another")), secret),
        sign(header(), &with("origin_jti", json!("another")), secret),
        sign(header(), &with("sub", json!("bob")), secret),
        sign(header(), &with("exp", json!(1)), secret),
        // As RawScribe signs one.
        sign(
            header(),
            &json!({ "sub": "ada", "email": "ada@example.com", "username": "ada", "groups": ["ADMINS"],
            "permissions": ["*"], "isAdmin": true, "exp": claims["exp"], "iat": claims["iat"],
            "iss": "claire-dev", "aud": "claire-backend" }),
            secret,
        ),
    ] {
        app.client(&format!("Bearer {token}")).get("/api/auth/me").await.expect(401);
    }
    // What a good one says of rights isn't believed.
    let bob = login(&app, "bob").await["token"].as_str().unwrap().to_owned();
    let mut claims = part(&bob, 1);
    (claims["permissions"], claims["isAdmin"]) = (json!("xx*"), json!(true));
    let bob = app.client(&format!("Bearer {}", sign(header(), &claims, secret)));
    assert_eq!(bob.get("/api/auth/me").await.expect(200)["isAdmin"], json!(false));
    bob.get(&format!("{USER_MANAGEMENT}/users")).await.expect(403);
}

#[tokio::test]
async fn flaw_08_guesses_lock_the_name() {
    let app = app_with(file().await).await;

    for _ in 0..6 {
        app.anonymous().post(LOGIN, json!({ "username": "ada", "password": "wrong" })).await.expect(401);
    }

    let right = json!({ "username": "ada@example.com", "password": PASSWORD });
    let locked = app.anonymous().post(LOGIN, right.clone()).await.expect(401);
    assert_eq!(locked["success"], json!(false));
    app.advance(Duration::from_mins(15));
    app.anonymous().post(LOGIN, right).await.expect(200);
}

#[tokio::test]
async fn a08_users_of_the_file_are_managed_in_the_file_alone() {
    let app = app_with(file().await).await;
    let ada = signed_in(&app, "ada").await;
    let user = json!({ "username": "new@example.com", "password": PASSWORD, "group": "ADMINS" });
    let at = |path: &str| format!("{USER_MANAGEMENT}/{path}");

    let refused = [
        ada.post(&at("users"), user.clone()).await,
        ada.post(&at("users"), json!({})).await,
        ada.delete(&at("users/bob")).await,
        ada.delete(&at("users/nobody")).await,
        ada.put(&at("users/bob/password"), json!({ "password": PASSWORD })).await,
        ada.put(&at("users/bob/group"), json!({ "group": "ADMINS" })).await,
        ada.post(&at("test-users"), json!({})).await,
        ada.delete(&at("test-users")).await,
    ];
    for refused in refused {
        assert_eq!(refused.expect(501).json, json!({ "detail": UNCHANGEABLE }));
    }
    assert_eq!(
        UNCHANGEABLE,
        "User management not supported for provider 'jwt'. On-prem deployments: edit users in config.json. AWS \
         deployments: use provider='cognito'."
    );
    ada.post(&at("secure-production"), json!({})).await.expect(400);
    app.anonymous().post(&at("users"), user.clone()).await.expect(401);
    signed_in(&app, "bob").await.post(&at("users"), user).await.expect(403);
    let native = ada.delete("/api/v1/users/bob").await.expect(501);
    assert_eq!(native["detail"], json!(UNCHANGEABLE));

    let hashing = ("KEYWARD_HASHING_MEMORY_KIB", "7168");
    let settings = [("KEYWARD_ENV", "stage"), hashing];
    let app = App::with_rawscribe_file(&file().await.to_string(), &settings).await;
    let ada = signed_in(&app, "ada").await;
    let refused = ada.post(&at("secure-production"), json!({})).await.expect(501);
    assert_eq!(refused["detail"], json!(UNCHANGEABLE));
}

#[tokio::test]
async fn a22_a24_members_of_the_files_groups_may_what_their_roles_say() {
    let hash = hash(PASSWORD).await;
    let users = ["ADMINS", "RESEARCHERS", "CLINICIANS", "AUDITORS", "STRANGERS"].map(|group| {
        let name = group.to_lowercase();
        let email = format!("{name}@example.com");
        json!({ "id": name, "username": name, "email": email, "groups": [group], "password_hash": hash })
    });
    let auditors = json!({ "description": "Manage users", "permissions": ["manage:users"] });
    let groups = json!({ "AUDITORS": auditors });
    let auth = json!({ "provider": "jwt", "users": users, "cognito": { "groups": groups } });
    let app = app_with(json!({ "lambda": { "auth": auth } })).await;
    let asked =
        ["submit:SOP1", "view:own", "draft:x", "view:group", "view:all", "submit:form1", "manage:users"];

    for (group, allowed) in [
        ("admins", [true, true, true, true, true, true, true]),
        ("researchers", [true, true, true, true, false, false, false]),
        ("clinicians", [true, true, true, false, false, false, false]),
        ("auditors", [false, false, false, false, false, false, true]),
        ("strangers", [false, false, false, false, false, false, false]),
    ] {
        let client = signed_in(&app, group).await;
        let answer = client.post("/api/v1/authorize", json!({ "permissions": asked })).await.expect(200);
        let decisions = answer["results"].as_array().unwrap().iter();
        let decided: Vec<_> = decisions.map(|decision| decision["allowed"].clone()).collect();
        assert_eq!(decided, allowed.map(Value::Bool), "{group}");
        let may_manage = allowed[6];
        client.get(&format!("{USER_MANAGEMENT}/users")).await.expect(if may_manage { 200 } else { 403 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_a08_make_gets_a_token_of_a_file_and_says_where_its_users_are_managed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RAWSCRIBE_FILE);
    std::fs::write(&path, file().await.to_string()).unwrap();
    let settings = [
        ("KEYWARD_RAWSCRIBE_CONFIG", path.to_str().unwrap()),
        ("KEYWARD_ENV", "stage"),
        ("KEYWARD_HASHING_MEMORY_KIB", "7168"),
    ];
    let session = Session::open_with(&settings).await;
    let desk = Desk::new().with("KEYWARD", PROGRAM);
    run_with(&desk, &["setup", &session.url, "--profile", "stage-myorg"], "").expect(0);
    let root = std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
    let make = |target: &str, more: &[&str]| {
        let words = [&[target, "ENV=stage", "ORG=myorg"], more].concat();
        tokio::task::block_in_place(|| desk.run_other("make", &words, &root))
    };
    let password = format!("PASSWORD={PASSWORD}");

    let token = make("get-rs-token", &["USER_NAME=ada", &password]).expect(0);
    let wrong = make("get-rs-token", &["USER_NAME=ada", "PASSWORD=Wrong-horse-1"]);

    assert_eq!(token.stdout.lines().count(), 1, "{token}");
    let ada = session.app.client(&format!("Bearer {}", token.stdout.trim()));
    assert_eq!(ada.get("/api/auth/me").await.expect(200)["username"], "ada");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong}");
    let acting = ["ADMIN_USER=ada", &format!("ADMIN_PASSWORD={PASSWORD}")];
    for (target, more) in [
        ("rs-create-test-users", &[][..]),
        ("rs-list-test-users", &[]),
        ("rs-remove-test-users", &[]),
        ("rs-set-group", &["USER_NAME=bob", "GROUP=CLINICIANS"]),
        ("rs-secure-prod", &["CONFIRM=yes"]),
        ("rs-add-user", &["USER_NAME=new@example.com", &password]),
        ("rs-set-password", &["USER_NAME=bob", &password]),
        ("rs-remove-user", &["USER_NAME=bob"]),
    ] {
        let refused = make(target, &[&acting, more].concat());
        assert!(
            refused.code == 2 && refused.stderr.contains("edit users in config.json"),
            "{target}: {refused}"
        );
        assert_eq!(refused.stdout, "", "{target}");
    }
    let shown = make("rs-show-runtime-config", &[]).expect(0);
    assert!(shown.stdout.contains("HS256") && !shown.stdout.contains("N4r0wG4t3"), "{shown}");
}

#[tokio::test]
async fn flaw_07_flaw_21_what_is_written_in_the_file_counts_at_once() {
    let mut file = file().await;
    let app = app_with(&file).await;
    let (ada, bob) = (signed_in(&app, "ada").await, signed_in(&app, "bob").await);
    let look = async || app.anonymous().get(RUNTIME).await.expect(200).json["auth"]["config"].clone();

    let users = file.pointer_mut("/lambda/auth/users").unwrap();
    users[1]["groups"] = json!(["LAB_MANAGERS"]);
    users[0]["password_hash"] = json!(hash("Another-Horse-9!").await);
    file["lambda"]["auth"]["jwt"]["mockUsers"] = json!([]);
    file["private_webapp"] = json!({ "theme": "light" });
    write(&app, &file);

    assert_eq!(look().await["mockUsers"], json!(0));
    bob.get(&format!("{USER_MANAGEMENT}/users")).await.expect(200);
    ada.get("/api/auth/me").await.expect(401);
    let private = bob.get("/api/config/private").await.expect(200);
    assert_eq!(private["private_webapp"], json!({ "theme": "light" }));
    let viewer = json!({ "username": "viewer", "password": PASSWORD });
    app.anonymous().post(LOGIN, viewer).await.expect(401);

    // Who is taken out is refused at the next sign-in, and with what they have.
    file["lambda"]["auth"]["users"].as_array_mut().unwrap().pop();
    write(&app, &file);
    app.anonymous().post(LOGIN, json!({ "username": "bob", "password": PASSWORD })).await.expect(401);
    bob.get("/api/auth/me").await.expect(401);

    // What can't be read changes nothing.
    std::fs::write(app.folder.path().join(RAWSCRIBE_FILE), "{").unwrap();
    assert_eq!(look().await["mockUsers"], json!(0));
    let body = json!({ "username": "ada", "password": "Another-Horse-9!" });
    app.anonymous().post(LOGIN, body).await.expect(200);
}

#[tokio::test]
async fn keys_of_users_of_the_file_work_and_those_of_a_home_before_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RAWSCRIBE_FILE);
    std::fs::write(&path, file().await.to_string()).unwrap();
    // A database whose home was its own pool, with an admin and their key.
    let app = App::with_settings(&[("KEYWARD_RAWSCRIBE_CONFIG", path.to_str().unwrap())]).await;

    app.admin().get("/api/v1/users").await.expect(401);
    let ada = signed_in(&app, "ada").await;
    let new = json!({ "name": "bob's", "user": "bob", "description": "A key" });
    let issued = ada.post("/api/v1/api-keys", new).await.expect(201);
    let bob = app.client(issued.str("secret"));
    let question = json!({ "permissions": ["submit:SOP1", "view:all"] });
    let answer = bob.post("/api/v1/authorize", question).await.expect(200);
    assert_eq!(answer["allowed"], json!(false));
    let verified =
        ada.post("/api/v1/verify", json!({ "credential": issued.str("secret") })).await.expect(200);
    assert_eq!(verified["allowed"], json!(true));
}

#[tokio::test]
async fn the_pages_that_the_file_names_may_call() {
    let app = app_with(file().await).await;
    let ask = async |app: &App, origin: &str| {
        let answer = app.anonymous().get(RUNTIME).header("origin", origin).await.expect(200);
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("access-control-allow-origin"), header("access-control-allow-credentials"))
    };

    let allowed = |origin: &str| (Some(origin.to_owned()), Some("true".to_owned()));
    assert_eq!(ask(&app, "https://lab.example.com").await, allowed("https://lab.example.com"));
    assert_eq!(ask(&app, "http://localhost:3000").await.0, None);
    let usual = app_with(PAGE).await;
    assert_eq!(ask(&usual, "http://localhost:5173").await, allowed("http://localhost:5173"));
    assert_eq!(ask(&usual, "https://lab.example.com").await.0, None);
    let without = App::new().await;
    assert_eq!(ask(&without, "https://lab.example.com").await, allowed("https://lab.example.com"));
}

#[tokio::test]
async fn flaw_17_the_groups_of_the_file_are_roles_of_any_home() {
    let file = json!({ "lambda": { "auth": { "provider": "local", "cognito": { "groups": {
        "AUDITORS": { "description": "See all, manage users", "permissions": ["view:*", "manage:users"] },
        "CLINICIANS": { "description": "See their own", "permissions": ["view:own"] },
    } } } } });
    let app = App::with_rawscribe_file(&file.to_string(), &[]).await;
    app.keyward.make_default_roles().await.unwrap();

    let auditor = app.holder_of("AUDITORS").await;
    let groups = auditor.get(&format!("{USER_MANAGEMENT}/groups")).await.expect(200);

    let names: Vec<_> = groups.json.as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
    assert_eq!(names, ["ADMINS", "AUDITORS", "CLINICIANS", "LAB_MANAGERS", "RESEARCHERS", "SERVICE"]);
    assert_eq!(groups.json[2]["permissions"], json!(["view:own"]));
}

#[tokio::test]
async fn a01_a04_the_pool_in_amazon_is_told_with_where_it_was_set_and_nothing_else() {
    let app = App::new().await;
    let stale = r#"{"lambda": {"auth": {"provider": "cognito", "cognito": {
        "userPoolId": "us-east-1_Stale1234", "clientId": "staleclient", "region": "us-east-1"}}}}"#;
    let path = app.folder.path().join(RAWSCRIBE_FILE);
    std::fs::write(&path, stale).unwrap();
    let environment = [
        ("COGNITO_USER_POOL_ID", "eu-west-1_QkkFFWXUA"),
        ("COGNITO_CLIENT_ID", "1ue2h7glihso8gpq4pm4s0rs42"),
        ("COGNITO_REGION", "eu-west-1"),
    ];
    let told = async |variables: &[(&str, &str)]| {
        let router = app::router(&app.keyward, &config(&path, variables));
        Client::new(&router, None).get(RUNTIME).await.expect(200)
    };
    let answer = |pool: &str, client: &str, region: &str, source: &str| {
        json!({ "auth": { "provider": "cognito", "config": {
            "userPoolId": pool, "clientId": client, "region": region, "source": source } } })
    };
    let from_file = answer("us-east-1_Stale1234", "staleclient", "us-east-1", "config_file");

    let from_environment = told(&environment).await;
    assert_eq!(
        from_environment.json,
        answer("eu-west-1_QkkFFWXUA", "1ue2h7glihso8gpq4pm4s0rs42", "eu-west-1", "environment")
    );
    assert_eq!(told(&[]).await.json, from_file);
    assert_eq!(told(&environment.map(|(name, _)| (name, ""))).await.json, from_file);
    assert_eq!(
        told(&environment[..1]).await.json,
        answer("eu-west-1_QkkFFWXUA", "staleclient", "us-east-1", "mixed")
    );
}

/// The settings that RawScribe's file and these variables make, as the environment gives them.
fn config(path: &Path, variables: &[(&str, &str)]) -> Config {
    let path = [("KEYWARD_RAWSCRIBE_CONFIG", path.to_str().unwrap())];
    // An empty variable is left out where the environment is read.
    let given = path.iter().chain(variables).filter(|(_, value)| !value.is_empty());
    Config::from_variables(&given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        .unwrap()
}
