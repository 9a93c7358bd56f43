//! Test users over the RawScribe dialect; `a10` is the tenth acceptance case.

use keyward_core::caller::Caller;
use serde_json::{Value, json};

use crate::support::App;

const TEST_USERS: &str = "/api/v1/user-management/test-users";
const CREDENTIALS: [(&str, &str, &str); 3] = [
    ("testadmin@example.com", "TestAdmin123!", "ADMINS"),
    ("testresearcher@example.com", "TestResearch123!", "RESEARCHERS"),
    ("testclinician@example.com", "TestClinic123!", "CLINICIANS"),
];

fn each(item: impl Fn(&str, &str, &str) -> Value) -> Value {
    CREDENTIALS.map(|(username, password, group)| item(username, password, group)).into_iter().collect()
}

#[tokio::test]
async fn a10_a13_the_three_are_made_and_then_they_exist() {
    let app = App::new().await;
    let with = |status: &'static str| {
        each(
            |name, _, group| json!({ "username": name, "group": group, "status": status, "is_test_user": true }),
        )
    };

    let made = app.admin().post(TEST_USERS, json!({})).await.expect(200);
    let again = app.admin().post(TEST_USERS, "junk").await.expect(200);

    assert_eq!(made.json, with("CONFIRMED"));
    assert_eq!(again.json, with("EXISTS"));
}

#[tokio::test]
async fn a11_making_them_takes_the_permission_to_manage_users() {
    let app = App::new().await;

    app.anonymous().post(TEST_USERS, json!({})).await.expect(401);
    let refused = app.holder_of("RESEARCHERS").await.post(TEST_USERS, json!({})).await.expect(403);
    app.holder_of("LAB_MANAGERS").await.post(TEST_USERS, json!({})).await.expect(200);

    assert_eq!(refused.str("detail"), "Requires manage:users permission");
}

#[tokio::test]
async fn a14_they_are_listed_before_and_after_they_are_made() {
    let app = App::new().await;

    let before = app.admin().get(TEST_USERS).await.expect(200);
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
    let after = app.admin().get(TEST_USERS).await.expect(200);

    let absent = each(|username, password, group| {
        json!({
            "username": username,
            "password": password,
            "group": group,
            "status": "NOT_CREATED",
            "enabled": false,
        })
    });
    let present = each(|username, password, group| {
        json!({
            "username": username,
            "password": password,
            "group": group,
            "actual_groups": [group],
            "status": "CONFIRMED",
            "enabled": true,
        })
    });
    assert_eq!((before.json, after.json), (absent, present));
}

#[tokio::test]
async fn flaw_04_flaw_15_a_password_is_shown_while_it_is_true_and_repaired_when_it_is_not() {
    let app = App::new().await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);
    let path = "/api/v1/user-management/users/testclinician@example.com";
    app.admin().put(&format!("{path}/password"), json!({ "password": "Another-4-all" })).await.expect(200);
    app.admin().put(&format!("{path}/group"), json!({ "group": "RESEARCHERS" })).await.expect(200);

    let drifted = app.admin().get(TEST_USERS).await.expect(200);
    let repaired = app.admin().post(TEST_USERS, json!({})).await.expect(200);
    let after = app.admin().get(TEST_USERS).await.expect(200);

    assert_eq!(drifted.json[2]["password"], json!(null));
    assert_eq!(drifted.json[2]["actual_groups"], json!(["RESEARCHERS"]));
    assert_eq!(repaired.json[2]["status"], "EXISTS");
    assert_eq!(repaired.json[2]["repaired"], json!(["groups", "password"]));
    assert_eq!(
        (&after.json[2]["password"], &after.json[2]["actual_groups"]),
        (&json!("TestClinic123!"), &json!(["CLINICIANS"]))
    );
}

#[tokio::test]
async fn a22_one_can_sign_in_as_each_of_them() {
    let app = App::new().await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);

    for (username, password, group) in CREDENTIALS {
        let body = json!({ "username": username, "password": password });
        let signed_in = app.anonymous().post("/api/auth/login", body).await.expect(200);
        assert_eq!(signed_in["user"]["groups"], json!([group]));
    }
}

#[tokio::test]
async fn a16_they_are_removed_in_their_order_and_then_they_are_gone() {
    let app = App::new().await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);

    let removed = app.admin().delete(TEST_USERS).await.expect(200);
    let again = app.admin().delete(TEST_USERS).await.expect(200);

    let names = CREDENTIALS.map(|(username, ..)| username);
    assert_eq!(removed.json, json!({ "removed": names, "count": 3 }));
    assert_eq!(again.json, json!({ "removed": [], "count": 0 }));
    for name in names {
        assert!(app.keyward.user(&Caller::operator(), name).await.is_err());
    }
}

#[tokio::test]
async fn a_user_who_is_shown_tells_whether_it_is_a_test_user() {
    let app = App::new().await;
    app.admin().post(TEST_USERS, json!({})).await.expect(200);

    let list = app.admin().get("/api/v1/user-management/users").await.expect(200);

    let marked = list["users"].as_array().unwrap().iter().filter(|user| user["is_test_user"] == true);
    assert_eq!(marked.count(), 3);
}

#[tokio::test]
async fn an_account_that_only_has_the_name_is_told_to_be_none() {
    let app = App::new().await;
    app.create_role("payroll", &["read:payroll"]).await;
    let body =
        json!({ "username": "testclinician@example.com", "password": "TestClinic123!", "group": "payroll" });
    app.admin().post("/api/v1/user-management/users", body).await.expect(200);

    let made = app.holder_of("LAB_MANAGERS").await.post(TEST_USERS, json!({})).await.expect(200);
    let listed = app.admin().get(TEST_USERS).await.expect(200);

    assert_eq!((&made.json[2]["status"], &made.json[2]["is_test_user"]), (&json!("EXISTS"), &json!(false)));
    assert!(made.json[2]["detail"].is_string());
    assert_eq!(listed.json[2]["password"], json!(null));
    assert_eq!(listed.json[2]["actual_groups"], json!(["payroll"]));
}

#[tokio::test]
async fn flaw_04_there_are_none_in_production() {
    let app = App::with_settings(&[("KEYWARD_ENV", "prod"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")]).await;

    let refused = app.admin().post(TEST_USERS, json!({})).await.expect(409);

    assert_eq!(refused.text, r#"{"detail":"There are no test users in production."}"#);
}
