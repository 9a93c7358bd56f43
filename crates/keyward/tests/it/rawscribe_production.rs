//! Securing production over the RawScribe dialect; `a10` is the tenth acceptance case.

use serde_json::json;

use crate::support::{ADMIN, ADMIN_PASSWORD, App, Client};

const SECURE: &str = "/api/v1/user-management/secure-production";
const TEST_USERS: &str = "/api/v1/user-management/test-users";

async fn staged() -> App {
    let app = App::with_settings(&[("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")]).await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
    app
}

async fn signed_in(app: &App, password: &str) -> Option<Client> {
    let body = json!({ "username": ADMIN, "password": password });
    let answer = app.anonymous().post("/api/auth/login", body).await;
    (answer.status == 200).then(|| app.client(&format!("Bearer {}", answer.str("token"))))
}

#[tokio::test]
async fn a19_a20_test_users_go_and_the_admins_new_password_is_shown_once() {
    let app = staged().await;
    let admin = signed_in(&app, ADMIN_PASSWORD).await.unwrap();

    let secured = admin.post(SECURE, json!({})).await.expect(200);

    assert_eq!(
        secured["test_users_removed"],
        json!(["testadmin@example.com", "testresearcher@example.com", "testclinician@example.com"])
    );
    assert_eq!(secured.str("message"), "⚠️ SAVE THE ADMIN PASSWORDS ABOVE - They cannot be recovered!");
    let passwords = secured["admin_passwords_reset"].as_object().unwrap();
    assert_eq!(passwords.len(), 1);
    let password = passwords[ADMIN].as_str().unwrap();
    assert!((16..=20).contains(&password.len()));
    let classes: [fn(char) -> bool; 4] = [
        char::is_uppercase,
        char::is_lowercase,
        |character| character.is_ascii_digit(),
        |character| character.is_ascii_punctuation(),
    ];
    assert!(classes.iter().all(|class| password.chars().any(class)));
    assert_eq!(
        secured["report"]["admins"],
        json!([{ "username": ADMIN, "password": "reset", "mfa": false }])
    );
    assert!(signed_in(&app, ADMIN_PASSWORD).await.is_none());
    assert!(signed_in(&app, password).await.is_some());
    app.admin().post(TEST_USERS, json!({})).await.expect(409);
}

#[tokio::test]
async fn a18_it_is_for_stage_and_prod_alone() {
    let app = App::new().await;

    let refused = app.admin().post(SECURE, json!({})).await.expect(400);
    app.holder_of("RESEARCHERS").await.post(SECURE, json!({})).await.expect(403);

    assert_eq!(
        refused.text,
        r#"{"detail":"secure-production only for stage/prod environments (current: test)"}"#
    );
}

#[tokio::test]
async fn flaw_02_a_manager_hears_no_password_of_an_admin() {
    let app = staged().await;
    let manager = app.holder_of("LAB_MANAGERS").await;

    let secured = manager.post(SECURE, json!({})).await.expect(200);

    assert_eq!(secured["test_users_removed"].as_array().unwrap().len(), 3);
    assert_eq!(secured["admin_passwords_reset"], json!({}));
    assert_eq!(secured["report"]["admins"][0]["password"], "left");
    assert!(secured["report"]["admins"][0]["detail"].is_string());
    assert!(!secured.str("message").contains("SAVE"));
    assert!(signed_in(&app, ADMIN_PASSWORD).await.is_some());
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let app = staged().await;

    let plan = app.admin().post(&format!("{SECURE}?plan=true"), json!({})).await.expect(200);

    assert_eq!((&plan["test_users_removed"], &plan["admin_passwords_reset"]), (&json!([]), &json!({})));
    assert_eq!(plan["report"]["test_users"].as_array().unwrap().len(), 3);
    assert_eq!(plan["report"]["admins"], json!([{ "username": ADMIN, "password": "reset", "mfa": false }]));
    assert!(signed_in(&app, ADMIN_PASSWORD).await.is_some());
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
}

#[tokio::test]
async fn flaw_13_a_lost_answer_can_be_had_again_with_its_key() {
    let app = staged().await;
    let admin = signed_in(&app, ADMIN_PASSWORD).await.unwrap();
    let secure = || admin.post(SECURE, json!({})).header("Idempotency-Key", "secure-1");

    let first = secure().await.expect(200);
    let again = secure().await.expect(200);

    assert_eq!(first.json, again.json);
    assert!(signed_in(&app, first["admin_passwords_reset"][ADMIN].as_str().unwrap()).await.is_some());
}

#[tokio::test]
async fn flaw_13_a_test_user_who_went_with_the_others_can_have_the_answer_again() {
    let app = staged().await;
    let body = json!({ "username": "testadmin@example.com", "password": "TestAdmin123!" });
    let token = app.anonymous().post("/api/auth/login", body).await.expect(200).str("token").to_owned();
    let caller = app.client(&format!("Bearer {token}"));

    let first = caller.post(SECURE, json!({})).header("Idempotency-Key", "secure-1").await.expect(200);

    caller.get("/api/auth/me").await.expect(401);
    caller.post(SECURE, json!({})).await.expect(401);
    caller
        .post(&format!("{SECURE}?plan=true"), json!({}))
        .header("Idempotency-Key", "secure-1")
        .await
        .expect(401);
    for path in [SECURE, "/api/v1/secure-production"] {
        let again = caller.post(path, json!({})).header("Idempotency-Key", "secure-1").await.expect(200);
        let native = again.json["admins"][0]["password"].as_str();
        let password = again.json["admin_passwords_reset"][ADMIN].as_str().or(native).unwrap();
        assert_eq!(first["admin_passwords_reset"][ADMIN], password);
        assert!(signed_in(&app, password).await.is_some());
    }
}
