//! Where RawScribe is at fault and we aren't, and what its page says that has no place elsewhere; `a06` is the sixth
//! acceptance case, `flaw_07` the seventh flaw.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_core::caller::Caller;
use keyward_core::user::{NewUser, UserUpdate};
use serde_json::{Value, json};

use crate::cognito_support::Signing;
use crate::support::{ADMIN, ADMIN_BOT, ADMIN_PASSWORD, App, Client};

const LOGIN: &str = "/api/auth/login";
const MANAGEMENT: &str = "/api/v1/user-management";
const STAGE: [(&str, &str); 2] = [("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];
const PROD: [(&str, &str); 2] = [("KEYWARD_ENV", "prod"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];

async fn logged_in(app: &App, username: &str, password: &str) -> Option<Client> {
    let body = json!({ "username": username, "password": password });
    let answer = app.anonymous().post(LOGIN, body).await;
    (answer.status == 200).then(|| app.client(&format!("Bearer {}", answer.str("token"))))
}

async fn add(app: &App, username: &str, group: &str) -> Client {
    let body = json!({ "username": username, "password": "Chosen-by-4da", "group": group });
    app.admin().post(&format!("{MANAGEMENT}/users"), body).await.expect(200);
    logged_in(app, username, "Chosen-by-4da").await.unwrap()
}

#[tokio::test]
async fn a06_the_aws_cli_gets_an_id_token_by_either_name_of_the_flow() {
    let app = App::new().await;
    let signing: Signing = app.signing(ADMIN_BOT).await;

    for flow in ["ADMIN_NO_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"] {
        let input = json!({
            "UserPoolId": app.keyward.local_pool().id(), "ClientId": app.client_id, "AuthFlow": flow,
            "AuthParameters": { "USERNAME": ADMIN, "PASSWORD": ADMIN_PASSWORD },
        });
        let answer = app.signed(&signing, "AdminInitiateAuth", input).await.expect(200);
        let token = answer["AuthenticationResult"]["IdToken"].as_str().unwrap().to_owned();
        app.client(&format!("Bearer {token}")).get(&format!("{MANAGEMENT}/groups")).await.expect(200);
    }
}

#[tokio::test]
async fn a07_the_frontends_sdk_signs_in_with_the_password() {
    let app = App::new().await;
    let input = json!({
        "ClientId": app.client_id, "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": { "USERNAME": ADMIN, "PASSWORD": ADMIN_PASSWORD },
    });

    let answer = app.cognito("InitiateAuth", input).await.expect(200);

    let result = &answer["AuthenticationResult"];
    assert!(["IdToken", "AccessToken", "RefreshToken"].iter().all(|name| result[*name].is_string()));
    assert_eq!((&result["ExpiresIn"], &result["TokenType"]), (&json!(3600), &json!("Bearer")));
}

#[tokio::test]
async fn a19_prod_is_secured_as_stage_is() {
    let app = App::with_settings(&PROD).await;
    let admin = logged_in(&app, ADMIN, ADMIN_PASSWORD).await.unwrap();

    let secured = admin.post(&format!("{MANAGEMENT}/secure-production"), json!({})).await.expect(200);

    let password = secured["admin_passwords_reset"][ADMIN].as_str().unwrap();
    assert_eq!(secured["test_users_removed"], json!([]));
    assert!(logged_in(&app, ADMIN, ADMIN_PASSWORD).await.is_none());
    assert!(logged_in(&app, ADMIN, password).await.is_some());
}

#[tokio::test]
async fn a22_flaw_18_each_test_user_may_do_what_the_page_says_and_no_more() {
    let app = App::new().await;
    app.admin().post(&format!("{MANAGEMENT}/test-users"), json!({})).await.expect(200);
    let asked =
        ["submit:SOP1", "view:own", "draft:x", "view:group", "view:all", "submit:form1", "manage:users"];

    for (username, password, allowed) in [
        ("testadmin@example.com", "TestAdmin123!", [true; 7]),
        ("testresearcher@example.com", "TestResearch123!", [true, true, true, true, false, false, false]),
        ("testclinician@example.com", "TestClinic123!", [true, true, true, false, false, false, false]),
    ] {
        let client = logged_in(&app, username, password).await.unwrap();
        let answer = client.post("/api/v1/authorize", json!({ "permissions": asked })).await.expect(200);
        let decisions = answer["results"].as_array().unwrap().iter();
        let decided: Vec<&Value> = decisions.map(|decision| &decision["allowed"]).collect();
        assert_eq!(decided, allowed.map(Value::Bool).iter().collect::<Vec<_>>(), "{username}");
    }
}

#[tokio::test]
async fn flaw_02_a_manager_makes_no_admin_and_gives_none_a_password() {
    let app = App::new().await;
    let manager = add(&app, "manager@example.com", "LAB_MANAGERS").await;
    let body = json!({ "username": "new@example.com", "password": "Chosen-by-4da", "group": "ADMINS" });

    manager.post(&format!("{MANAGEMENT}/users"), body).await.expect(403);
    let path = format!("{MANAGEMENT}/users/{ADMIN}");
    manager.put(&format!("{path}/password"), json!({ "password": "Taken-0ver!" })).await.expect(403);
    manager.put(&format!("{path}/group"), json!({ "group": "CLINICIANS" })).await.expect(403);
    manager.delete(&path).await.expect(403);

    assert!(logged_in(&app, ADMIN, ADMIN_PASSWORD).await.is_some());
}

#[tokio::test]
async fn flaw_05_flaw_06_a_token_that_nobody_has_signed_is_refused() {
    let app = App::new().await;
    let claims = |more: Value| {
        let mut claims = json!({
            "sub": "x", "email": ADMIN, "username": ADMIN, "cognito:groups": ["ADMINS"], "permissions": ["*"],
            "isAdmin": true, "exp": 9_999_999_999_i64, "token_use": "id", "aud": app.client_id,
            "iss": "http://localhost:8480",
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let token = |head: Value, claims: Value, signature: &str| {
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("Bearer {}.{}.{signature}", part(head), part(claims))
    };

    for (head, claims, signature) in [
        (json!({ "alg": "HS256", "typ": "JWT", "dev_mode": true }), claims(json!({})), "x"),
        (json!({ "alg": "none" }), claims(json!({})), ""),
        (json!({ "alg": "RS256", "kid": "nope" }), claims(json!({})), "AAAA"),
        (json!({ "alg": "RS256" }), claims(json!({ "permissions": "xx*" })), "AAAA"),
    ] {
        let stranger = app.client(&token(head, claims, signature));
        let refused = stranger.get(&format!("{MANAGEMENT}/groups")).await.expect(401);
        assert!(refused["detail"].is_string());
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn flaw_07_a_token_is_worth_what_its_user_may_do_now() {
    let app = App::new().await;
    let operator = Caller::operator();
    let manager = add(&app, "manager@example.com", "LAB_MANAGERS").await;
    let rotated = add(&app, "rotated@example.com", "LAB_MANAGERS").await;
    let disabled = add(&app, "disabled@example.com", "LAB_MANAGERS").await;
    let groups = format!("{MANAGEMENT}/groups");
    for client in [&manager, &rotated, &disabled] {
        client.get(&groups).await.expect(200);
    }

    app.admin()
        .put(&format!("{MANAGEMENT}/users/manager@example.com/group"), json!({ "group": "CLINICIANS" }))
        .await
        .expect(200);
    app.admin()
        .put(
            &format!("{MANAGEMENT}/users/rotated@example.com/password"),
            json!({ "password": "An0ther-one" }),
        )
        .await
        .expect(200);
    let out = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    app.keyward.update_user(&operator, "disabled@example.com", out).await.unwrap();

    manager.get(&groups).await.expect(403);
    rotated.get(&groups).await.expect(401);
    disabled.get(&groups).await.expect(401);
    app.keyward.delete_user(&operator, "manager@example.com", None).await.unwrap();
    manager.get("/api/auth/me").await.expect(401);
}

#[tokio::test]
async fn flaw_11_the_last_admin_is_no_test_user_and_the_answer_says_what_to_do() {
    let app = App::with_settings(&STAGE).await;
    app.admin().post(&format!("{MANAGEMENT}/test-users"), json!({})).await.expect(200);
    // Only the test admin can sign in now.
    app.keyward.delete_user(&Caller::operator(), ADMIN, None).await.unwrap();
    let test_admin = logged_in(&app, "testadmin@example.com", "TestAdmin123!").await.unwrap();

    let refused = test_admin.post(&format!("{MANAGEMENT}/secure-production"), json!({})).await.expect(409);
    test_admin.delete(&format!("{MANAGEMENT}/test-users")).await.expect(409);

    let detail = refused.str("detail");
    assert!(detail.contains("no admin") && detail.contains("BOOTSTRAP=true"), "{detail}");
    assert!(logged_in(&app, "testadmin@example.com", "TestAdmin123!").await.is_some());
}

#[tokio::test]
async fn flaw_12_every_admin_gets_a_new_password_and_no_one_else() {
    let app = App::with_settings(&STAGE).await;
    add(&app, "boss@example.org", "ADMINS").await;
    add(&app, "manager@example.com", "LAB_MANAGERS").await;

    let secured = app.admin().post(&format!("{MANAGEMENT}/secure-production"), json!({})).await.expect(200);

    let reset = secured["admin_passwords_reset"].as_object().unwrap();
    assert_eq!(reset.keys().collect::<Vec<_>>(), [ADMIN, "boss@example.org"]);
    for (username, password) in reset {
        assert!(logged_in(&app, username, password.as_str().unwrap()).await.is_some());
    }
    assert!(logged_in(&app, "boss@example.org", "Chosen-by-4da").await.is_none());
    assert!(logged_in(&app, "manager@example.com", "Chosen-by-4da").await.is_some());
}

#[tokio::test]
async fn flaw_16_whoever_can_be_made_can_sign_in() {
    let app = App::new().await;

    for name in ["hyphen-ated@example.com", "plus+tag@example.com", "UPPER.Case@Example.org"] {
        let client = add(&app, name, "LAB_MANAGERS").await;
        client.get(&format!("{MANAGEMENT}/groups")).await.expect(200);
    }
    // Two names that differ in case alone are one.
    let body =
        json!({ "username": "upper.case@example.org", "password": "Chosen-by-4da", "group": "ADMINS" });
    app.admin().post(&format!("{MANAGEMENT}/users"), body).await.expect(409);
}

#[tokio::test]
async fn flaw_19_a_store_that_is_gone_is_told_as_such() {
    let app = App::new().await;
    let admin = app.admin();
    app.keyward.close().await;

    for path in ["users", "groups", "test-users"] {
        let answer = admin.get(&format!("{MANAGEMENT}/{path}")).await.expect(503);
        assert!(answer["detail"].is_string(), "{}", answer.text);
    }
}

#[tokio::test]
async fn flaw_20_a_failed_login_is_no_success() {
    let app = App::new().await;
    let new = NewUser { username: "new@example.com".into(), ..NewUser::default() };
    app.keyward.create_user(&Caller::operator(), new).await.unwrap();

    for body in [
        json!({ "username": ADMIN, "password": "Wrong-horse-1" }),
        json!({ "email": "new@example.com", "password": "Wrong-horse-1" }),
    ] {
        let failed = app.anonymous().post(LOGIN, body).await.expect(401);
        assert_eq!((&failed["success"], &failed["token"]), (&json!(false), &json!(null)));
    }
}

#[tokio::test]
async fn flaw_25_two_who_make_the_test_users_at_once_both_find_them_whole() {
    let app = App::new().await;
    let path = format!("{MANAGEMENT}/test-users");
    let make = || async { app.admin().post(&path, json!({})).await.expect(200) };

    let (one, other, third) = tokio::join!(make(), make(), make());

    for made in [one, other, third] {
        let whole = made.json.as_array().unwrap().iter().all(|made| made["is_test_user"] == true);
        assert!(whole, "{}", made.text);
    }
    let listed = app.admin().get(&path).await.expect(200);
    for (index, group) in ["ADMINS", "RESEARCHERS", "CLINICIANS"].into_iter().enumerate() {
        assert_eq!(listed.json[index]["actual_groups"], json!([group]));
        assert!(listed.json[index]["password"].is_string());
    }
}
