//! Test users, securing production and passwords over the native API.

use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_PASSWORD, App};

const TEST_USERS: &str = "/api/v1/test-users";
const SECURE: &str = "/api/v1/secure-production";
const ALLOW: &str = "/api/v1/test-users/allow";
const NAMES: [&str; 3] = ["testadmin@example.com", "testresearcher@example.com", "testclinician@example.com"];

async fn staged() -> App {
    App::with_settings(&[("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")]).await
}

fn outcomes(made: &Value) -> Vec<&str> {
    made["results"].as_array().unwrap().iter().map(|made| made["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn they_are_made_listed_repaired_and_deleted() {
    let app = App::new().await;
    let admin = app.admin();
    let absent = admin.get(TEST_USERS).await.expect(200);
    assert_eq!(
        absent["items"][1],
        json!({
            "username": NAMES[1], "password": "TestResearch123!", "role": "RESEARCHERS", "roles": null,
            "status": null, "enabled": false,
        })
    );

    let made = admin.post(TEST_USERS, json!({})).await.expect(200);
    assert_eq!(outcomes(&made), ["created"; 3]);
    let path = format!("/api/v1/users/{}", NAMES[1]);
    admin.post(&format!("{path}/set-password"), json!({ "password": "Another-4-all" })).await.expect(200);
    let drifted = admin.get(TEST_USERS).await.expect(200);
    assert_eq!(
        drifted["items"][1],
        json!({
            "username": NAMES[1], "password": null, "role": "RESEARCHERS", "roles": ["RESEARCHERS"],
            "status": "CONFIRMED", "enabled": true,
        })
    );
    let repaired = admin.post(TEST_USERS, json!({})).await.expect(200);
    assert_eq!(outcomes(&repaired), ["kept", "repaired", "kept"]);
    assert_eq!(repaired["results"][1]["repaired"], json!(["password"]));
    let deleted = admin.delete(TEST_USERS).await.expect(200);

    assert_eq!(deleted.json, json!({ "deleted": NAMES }));
    admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn whoever_may_do_everything_switches_them_on_again_after_production_was_secured() {
    let app = staged().await;
    let manager = app.holder_of("LAB_MANAGERS").await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
    app.admin().post(SECURE, json!({})).await.expect(200);

    let off = manager.post(TEST_USERS, json!({})).await.expect(409);
    let refused = manager.post(ALLOW, json!({})).await.expect(403);
    app.admin().post(TEST_USERS, json!({})).await.expect(409);
    app.admin().post(ALLOW, json!({})).await.expect(204);
    let made = manager.post(TEST_USERS, json!({})).await.expect(200);

    assert_eq!((off.str("code"), refused.str("permission")), ("conflict", "*"));
    assert_eq!(outcomes(&made), ["created"; 3]);
    let events = app.admin().get("/api/v1/audit?action=test-users.allow").await.expect(200);
    assert_eq!(events.pick("outcome"), ["done", "refused"]);
}

#[tokio::test]
async fn a_plan_and_what_is_done_have_the_same_form() {
    let app = staged().await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
    // A key that nobody ends is what App::admin shows.
    let key = json!([{ "id": app.admin().key_id, "name": "key 0", "username": "admin-bot@example.com", "risks": ["never_expires"] }]);

    let plan = app.admin().post(&format!("{SECURE}?plan=true"), json!({})).await.expect(200);
    let secured = app.admin().post(SECURE, json!({})).header("Idempotency-Key", "secure-1").await.expect(200);
    let again = app.admin().post(SECURE, json!({})).header("Idempotency-Key", "secure-1").await.expect(200);

    assert_eq!(
        plan.json,
        json!({
            "plan": true, "test_users": NAMES,
            "admins": [{ "username": ADMIN, "reset": true, "password": null, "mfa": false }],
            "test_passwords": NAMES, "api_keys": key, "failures": [],
            "roles": [{ "name": "ADMINS", "holders": ["admin-bot@example.com", ADMIN, NAMES[0]] }],
        })
    );
    let mut expected = plan.json.clone();
    expected["plan"] = json!(false);
    // The test admin is gone.
    expected["roles"][0]["holders"] = json!(["admin-bot@example.com", ADMIN]);
    expected["admins"][0]["password"] = secured["admins"][0]["password"].clone();
    assert_eq!(secured.json, expected);
    assert_eq!(secured.json, again.json);
    assert_eq!(secured.header("cache-control"), "no-store");
    let password = secured["admins"][0]["password"].as_str().unwrap();
    app.sign_in(ADMIN, password, &[]).await;
}

#[tokio::test]
async fn elsewhere_than_in_stage_and_prod_it_is_not_done() {
    let app = App::new().await;

    let refused = app.admin().post(SECURE, json!({})).await.expect(501);

    assert_eq!(refused.str("code"), "unsupported");
    app.sign_in(ADMIN, ADMIN_PASSWORD, &[]).await;
}

#[tokio::test]
async fn test_users_are_off_where_the_operator_says_so() {
    let app = App::with_settings(&[("KEYWARD_TEST_USERS", "false")]).await;

    let refused = app.admin().post(TEST_USERS, json!({})).await.expect(409);

    assert_eq!(
        refused.str("detail"),
        "Test users are switched off here; the server's operator can set test_users."
    );
}

#[tokio::test]
async fn the_operators_own_test_users_come_after_the_three() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("users.toml");
    let text = "[[test_users]]\nusername = 'testmanager@example.com'\npassword = 'TestManager123!'\n\
                group = 'LAB_MANAGERS'\n";
    std::fs::write(&file, text).unwrap();
    let app = App::with_settings(&[("KEYWARD_TEST_USERS_FILE", file.to_str().unwrap())]).await;

    let made = app.admin().post(TEST_USERS, json!({})).await.expect(200);

    assert_eq!(outcomes(&made), ["created"; 4]);
    let tokens = app.sign_in("testmanager@example.com", "TestManager123!", &[]).await;
    let manager = app.client(&format!("Bearer {}", tokens.access_token.expose()));
    manager.get(TEST_USERS).await.expect(200);
}

#[tokio::test]
async fn a_user_is_made_with_a_password_for_good_or_given_one() {
    let app = App::new().await;
    let new = json!({ "username": "ada@example.com", "password": "Chosen-by-4da", "roles": ["RESEARCHERS"] });

    let made = app.admin().post("/api/v1/users", new).await.expect(201);
    app.sign_in("ada@example.com", "Chosen-by-4da", &[]).await;
    let path = "/api/v1/users/ada@example.com/set-password";
    let weak = app.admin().post(path, json!({ "password": "weak" })).await.expect(400);
    let set = app.admin().post(path, json!({ "password": "An0ther-one" })).await.expect(200);
    app.sign_in("ada@example.com", "An0ther-one", &[]).await;
    let asked = json!({ "password": "F0r-once-only", "temporary": true });
    let asked = app.admin().post(path, asked).await.expect(200);
    let above = app
        .holder_of("LAB_MANAGERS")
        .await
        .post("/api/v1/users/admin@example.com/set-password", json!({ "password": "Taken-0ver!" }));

    assert_eq!((&made["temporary_password"], &made["user"]["status"]), (&json!(null), &json!("CONFIRMED")));
    assert_eq!(weak.str("code"), "password-rejected");
    assert_eq!((set.str("status"), set.header("etag")), ("CONFIRMED", "\"2\""));
    assert_eq!(asked.str("status"), "FORCE_CHANGE_PASSWORD");
    assert_eq!(above.await.expect(403).str("permission"), "*");
}
