//! What everybody may know, and signing in, over the RawScribe dialect.

use axum::http::Method;
use keyward_core::caller::Caller;
use keyward_core::user::NewUser;
use serde_json::json;

use crate::support::{ADMIN, ADMIN_PASSWORD, App};

const LOGIN: &str = "/api/auth/login";

#[tokio::test]
async fn the_root_and_health_tell_that_it_lives() {
    let app = App::with_settings(&[("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")]).await;

    assert_eq!(
        app.anonymous().get("/").await.expect(200).json,
        json!({ "message": "CLAIRE API is running", "status": "healthy" })
    );
    assert_eq!(
        app.anonymous().get("/health").await.expect(200).json,
        json!({
            "status": "healthy",
            "service": "claire-api",
            "version": "1.0.0",
            "environment": "stage",
        })
    );
}

#[tokio::test]
async fn the_root_still_speaks_the_cognito_protocol() {
    let app = App::new().await;

    let refused = app.anonymous().post("/", json!({})).await;
    let wrong_method = app.anonymous().put("/", json!({})).await.expect(405);

    assert!(refused["__type"].is_string(), "{}", refused.text);
    assert!(wrong_method.header("allow").contains("POST"));
}

#[tokio::test]
async fn a04_the_runtime_configuration_tells_where_to_sign_in_and_nothing_secret() {
    let app = App::with_settings(&[("KEYWARD_PUBLIC_URL", "https://keyward.example.com")]).await;

    let config = app.anonymous().get("/api/config/runtime").await.expect(200);

    assert_eq!(
        config.json,
        json!({ "auth": { "provider": "cognito", "config": {
            "userPoolId": app.keyward.local_pool().id(),
            "clientId": app.client_id,
            "region": "us-east-1",
            "source": "local",
            "endpoint": "https://keyward.example.com",
        } } })
    );
    app.anonymous().post("/api/config/runtime", json!({})).await.expect(405);
}

#[tokio::test]
async fn the_auth_configuration_is_public_too() {
    let app = App::new().await;

    assert_eq!(
        app.anonymous().get("/api/auth/config").await.expect(200).json,
        json!({
            "provider": "cognito",
            "environment": "test",
            "cognito_region": "us-east-1",
            "mock_users_count": 0,
        })
    );
}

#[tokio::test]
async fn a23_the_name_may_be_sent_as_username_or_as_email() {
    let app = App::new().await;

    for name in ["username", "email"] {
        let body = json!({ name: ADMIN, "password": ADMIN_PASSWORD, "remember": true });
        let signed_in = app.anonymous().post(LOGIN, body).await.expect(200);

        assert_eq!((&signed_in["success"], &signed_in["error"]), (&json!(true), &json!(null)));
        let me =
            app.client(&format!("Bearer {}", signed_in.str("token"))).get("/api/auth/me").await.expect(200);
        assert_eq!(signed_in["user"], me.json);
        assert_eq!(
            me.json,
            json!({
                "id": me["id"],
                "email": ADMIN,
                "username": ADMIN,
                "name": ADMIN,
                "groups": ["ADMINS"],
                "permissions": ["*"],
                "isAdmin": true,
            })
        );
    }
}

#[tokio::test]
async fn a_login_gives_the_id_token_of_the_first_app_client() {
    let app = App::new().await;

    let body = json!({ "username": ADMIN, "password": ADMIN_PASSWORD });
    let signed_in = app.anonymous().post(LOGIN, body).await.expect(200);

    let claims = signed_in.str("token").split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["token_use"], &claims["aud"]), (&json!("id"), &json!(app.client_id)));
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_fail_alike() {
    let app = App::new().await;

    for (name, password) in [(ADMIN, "Wrong-horse-1"), ("nobody@example.com", ADMIN_PASSWORD)] {
        let failed = app.anonymous().post(LOGIN, json!({ "username": name, "password": password })).await;

        let failed = failed.expect(401);
        assert_eq!(
            failed.json,
            json!({
                "success": false,
                "token": null,
                "user": null,
                "error": "Incorrect username or password.",
                "detail": "Incorrect username or password.",
            })
        );
        assert_eq!(failed.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_temporary_password_is_told_as_a_challenge() {
    let app = App::new().await;
    let new = NewUser {
        username: "ada@example.com".to_owned(),
        temporary_password: Some("Temporary-3".into()),
        ..NewUser::default()
    };
    app.keyward.create_user(&Caller::operator(), new).await.unwrap();

    let body = json!({ "email": "ada@example.com", "password": "Temporary-3" });
    let asked = app.anonymous().post(LOGIN, body).await.expect(401);

    assert_eq!((&asked["success"], &asked["token"]), (&json!(false), &json!(null)));
    assert_eq!(asked.str("challenge"), "NEW_PASSWORD_REQUIRED");
    assert_eq!(asked["error"], asked["detail"]);
    assert!(!asked.str("session").is_empty());
}

#[tokio::test]
async fn a_login_without_its_members_hears_of_each() {
    let app = App::new().await;
    let message = "Field required";
    let missing =
        |member| json!({ "type": "missing", "loc": ["body", member], "msg": message, "input": null });

    let refused = app.anonymous().post(LOGIN, json!({})).await.expect(422);
    let not_text = app.anonymous().post(LOGIN, json!({ "username": ADMIN, "password": 1 })).await.expect(422);
    let no_body = app.anonymous().request(Method::POST, LOGIN).await.expect(422);
    let no_json = app.anonymous().request(Method::POST, LOGIN).body("{").await.expect(422);
    let list = app.anonymous().post(LOGIN, json!([])).await.expect(422);

    assert_eq!(refused["detail"], json!([missing("username"), missing("password")]));
    assert_eq!(not_text["detail"][0]["type"], "string_type");
    assert_eq!(not_text["detail"][0]["loc"], json!(["body", "password"]));
    assert_eq!(
        (&no_body["detail"][0]["type"], &no_body["detail"][0]["loc"]),
        (&json!("missing"), &json!(["body"]))
    );
    assert_eq!(no_json["detail"][0]["type"], "json_invalid");
    assert_eq!(list["detail"][0]["loc"], json!(["body"]));
}

#[tokio::test]
async fn flaw_01_the_private_configuration_is_for_whoever_has_signed_in() {
    let app = App::new().await;
    let person = app.person(&["RESEARCHERS"]).await;

    let config = person.get("/api/config/private").await.expect(200);
    let nobody = app.anonymous().get("/api/config/private").await.expect(401);
    let stranger = app.client("Bearer a.b.c").get("/api/config/private").await.expect(401);

    assert_eq!(config["private_webapp"], json!({}));
    assert_eq!(config["user"]["username"], person.username);
    assert_eq!(config["user"]["groups"], json!(["RESEARCHERS"]));
    assert_eq!(config["user"]["isAdmin"], false);
    assert_eq!(nobody.json, json!({ "detail": "Not authenticated" }));
    for refused in [nobody, stranger] {
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
}

/// By the table of the seed page
#[tokio::test]
async fn a22_the_groups_permissions_are_those_of_the_roles() {
    let app = App::new().await;

    for (group, permissions) in [
        ("RESEARCHERS", json!(["view:group", "view:own", "draft:*", "submit:SOP*"])),
        ("CLINICIANS", json!(["view:own", "draft:*", "submit:SOP*"])),
    ] {
        let me = app.person(&[group]).await.get("/api/auth/me").await.expect(200);
        assert_eq!(me["permissions"], permissions);
    }
}

#[tokio::test]
async fn what_is_nowhere_is_told_as_fastapi_does() {
    let app = App::new().await;

    for path in ["/api/auth/signup", "/api/config/nothing", "/api/v1/user-management/nothing"] {
        assert_eq!(app.anonymous().get(path).await.expect(404).text, r#"{"detail":"Not Found"}"#);
    }
    let wrong = app.anonymous().get(LOGIN).await.expect(405);
    assert_eq!((wrong.text.as_str(), wrong.header("allow")), (r#"{"detail":"Method Not Allowed"}"#, "POST"));
}

#[tokio::test]
async fn a_slash_too_many_leads_to_the_route_without_it() {
    let app = App::new().await;
    let anonymous = app.anonymous();

    for (path, location) in [
        ("/health/", "/health"),
        ("/api/config/runtime/", "/api/config/runtime"),
        ("/api/v1/user-management/users/?limit=2", "/api/v1/user-management/users?limit=2"),
        ("/api/v1/user-management/users/ada@example.com/", "/api/v1/user-management/users/ada@example.com"),
    ] {
        assert_eq!(anonymous.get(path).await.expect(307).header("location"), location);
    }
    anonymous.post("/api/auth/login/", json!({})).await.expect(307);
    anonymous.get("/api/config/nothing/").await.expect(404);
    anonymous.get("/api/config/runtime//").await.expect(404);
}
