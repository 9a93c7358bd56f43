//! Users and groups over the RawScribe dialect.

use std::collections::HashSet;

use keyward_core::caller::Caller;
use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_BOT, App, Client, PASSWORD};

const USERS: &str = "/api/v1/user-management/users";
const GROUPS: &str = "/api/v1/user-management/groups";
const ADA: &str = "ada@example.com";

fn ada() -> Value {
    json!({ "username": ADA, "password": PASSWORD, "group": "RESEARCHERS" })
}

async fn may_sign_in(app: &App, username: &str, password: &str) -> bool {
    let body = json!({ "username": username, "password": password });
    app.anonymous().post("/api/auth/login", body).await.status == 200
}

async fn count(client: &Client) -> usize {
    client.get(USERS).await.expect(200)["users"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_user_is_made_with_a_password_for_good_and_in_the_group() {
    let app = App::new().await;

    let made = app.admin().post(USERS, ada()).await.expect(200);

    assert_eq!(
        made.json,
        json!({ "username": ADA, "group": "RESEARCHERS", "status": "CONFIRMED", "is_test_user": false })
    );
    assert!(may_sign_in(&app, ADA, PASSWORD).await);
    let shown = json!({
        "username": ADA,
        "email": ADA,
        "status": "CONFIRMED",
        "enabled": true,
        "groups": ["RESEARCHERS"],
        "created": "2027-01-15T12:00:00.000000+00:00",
        "modified": "2027-01-15T12:00:00.000000+00:00",
        "is_test_user": false,
    });
    assert_eq!(app.admin().get(&format!("{USERS}/{ADA}")).await.expect(200).json, shown);
    assert_eq!(app.admin().get(&format!("{USERS}/ada%40example.com")).await.expect(200).json, shown);
}

#[tokio::test]
async fn attributes_are_kept_and_wrong_ones_make_nobody() {
    let app = App::new().await;
    let with = |attributes: Value| {
        let mut body = ada();
        body["attributes"] = attributes;
        body
    };

    app.admin().post(USERS, with(json!({ "nosuch": "x" }))).await.expect(422);
    let not_text = app.admin().post(USERS, with(json!({ "name": 1 }))).await.expect(422);
    let not_object = app.admin().post(USERS, with(json!("name"))).await.expect(422);
    app.admin().post(USERS, with(json!({ "name": "Ada", "nickname": "" }))).await.expect(200);

    assert_eq!(not_text["detail"][0]["loc"], json!(["body", "attributes"]));
    assert_eq!(not_object["detail"][0]["type"], "dict_type");
    let made = app.keyward.user(&Caller::operator(), ADA).await.unwrap();
    assert_eq!(made.attributes.get("name").map(String::as_str), Some("Ada"));
    assert!(!made.attributes.contains_key("nickname"));
}

#[tokio::test]
async fn flaw_14_an_unknown_group_or_a_weak_password_leaves_nobody_behind() {
    let app = App::new().await;
    let before = count(&app.admin()).await;
    let body = |password: &str, group: &str| json!({ "username": ADA, "password": password, "group": group });

    let unknown = app.admin().post(USERS, body(PASSWORD, "NOPE")).await.expect(404);
    app.admin().post(USERS, body(PASSWORD, "")).await.expect(404);
    app.admin().post(USERS, body("weak", "RESEARCHERS")).await.expect(400);

    assert_eq!(unknown.str("detail"), "Role 'NOPE' does not exist in the system");
    assert_eq!(count(&app.admin()).await, before);
    app.admin().post(USERS, ada()).await.expect(200);
}

#[tokio::test]
async fn nobody_is_made_twice() {
    let app = App::new().await;
    app.admin().post(USERS, ada()).await.expect(200);

    for name in [ADA, "ADA@example.com"] {
        let body = json!({ "username": name, "password": PASSWORD, "group": "ADMINS" });
        let again = app.admin().post(USERS, body).await.expect(409);
        assert_eq!(again.str("detail"), format!("User {name} already exists"));
    }
    let shown = app.admin().get(&format!("{USERS}/{ADA}")).await.expect(200);
    assert_eq!(shown["groups"], json!(["RESEARCHERS"]));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_new_user_is_told_at_once() {
    let app = App::new().await;

    let refused = app.admin().post(USERS, json!({ "username": "ada", "group": 1 })).await.expect(422);

    assert_eq!(
        refused["detail"],
        json!([
            {
                "type": "value_error",
                "loc": ["body", "username"],
                "msg": "value is not a valid email address: An email address must have an @-sign.",
                "input": null,
                "ctx": { "reason": "An email address must have an @-sign." },
            },
            {
                "type": "string_type",
                "loc": ["body", "group"],
                "msg": "Input should be a valid string",
                "input": null,
            },
            { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null },
        ])
    );
    let body = json!({ "username": "ada@", "password": PASSWORD, "group": "RESEARCHERS" });
    let refused = app.admin().post(USERS, body).await.expect(422);
    assert_eq!(refused["detail"][0]["loc"], json!(["body", "username"]));
}

/// No refusal repeats a password, wherever it was put.
#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_without_it() {
    let app = App::new().await;

    let refused = app.admin().post(USERS, json!({ "username": PASSWORD, "password": [PASSWORD] })).await;
    let unknown = app.admin().get(&format!("{USERS}/{PASSWORD}")).await.expect(404);

    assert!(!refused.expect(422).text.contains(PASSWORD));
    assert_eq!(unknown.text, r#"{"detail":"User not found"}"#);
}

#[tokio::test]
async fn flaw_22_the_list_has_every_account_page_by_page_and_no_program_user() {
    let app = App::new().await;
    for number in 0..4 {
        let username = format!("user{number}@example.com");
        let body = json!({ "username": username, "password": PASSWORD, "group": "CLINICIANS" });
        app.admin().post(USERS, body).await.expect(200);
    }

    let (mut seen, mut pages, mut cursor) = (HashSet::new(), 0, String::new());
    loop {
        let page = app.admin().get(&format!("{USERS}?limit=2&cursor={cursor}")).await.expect(200);
        let users = page["users"].as_array().unwrap();
        seen.extend(users.iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }

    assert_eq!((seen.len(), pages), (5, 3));
    assert!(seen.contains(ADMIN) && !seen.contains(ADMIN_BOT));
    for query in ["limit=0", "limit=x", "cursor=!"] {
        let wrong = app.admin().get(&format!("{USERS}?{query}")).await.expect(422);
        assert_eq!(wrong["detail"][0]["loc"][0], "query", "{query}");
    }
}

#[tokio::test]
async fn a_program_user_is_nobody_here() {
    let app = App::new().await;
    let path = format!("{USERS}/{ADMIN_BOT}");

    let unknown = app.admin().get(&path).await.expect(404);
    app.admin().delete(&path).await.expect(404);
    app.admin().put(&format!("{path}/group"), json!({ "group": "CLINICIANS" })).await.expect(404);

    assert_eq!(unknown.str("detail"), format!("User {ADMIN_BOT} not found"));
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_the_sessions() {
    let app = App::new().await;
    let ada = app.person(&["RESEARCHERS"]).await;
    let path = format!("{USERS}/{}/password", ada.username);

    let weak = app.admin().put(&path, json!({ "password": "weak" })).await.expect(400);
    let set = app.admin().put(&path, json!({ "password": "Another-4-Ada" })).await.expect(200);

    assert!(!weak.str("detail").is_empty());
    assert_eq!((set.str("username"), set.str("status")), (ada.username.as_str(), "CONFIRMED"));
    assert!(may_sign_in(&app, &ada.username, "Another-4-Ada").await);
    assert!(!may_sign_in(&app, &ada.username, PASSWORD).await);
    ada.get("/api/auth/me").await.expect(401);
}

#[tokio::test]
async fn a_group_replaces_all_that_the_user_was_in() {
    let app = App::new().await;
    let ada = app.person(&["RESEARCHERS", "CLINICIANS"]).await;
    let path = format!("{USERS}/{}/group", ada.username);

    let set = app.admin().put(&path, json!({ "group": "LAB_MANAGERS" })).await.expect(200);
    app.admin().put(&path, json!({ "group": "NOPE" })).await.expect(404);

    assert_eq!(set["groups"], json!(["LAB_MANAGERS"]));
    assert_eq!(ada.get("/api/auth/me").await.expect(200)["groups"], json!(["LAB_MANAGERS"]));
}

#[tokio::test]
async fn nobody_is_made_by_being_given_a_password_or_a_group() {
    let app = App::new().await;

    for (what, body) in
        [("password", json!({ "password": PASSWORD })), ("group", json!({ "group": "ADMINS" }))]
    {
        let path = format!("{USERS}/nobody@example.com/{what}");
        let unknown = app.admin().put(&path, body).await.expect(404);
        assert_eq!(unknown.str("detail"), "User nobody@example.com not found");
    }
    assert!(app.keyward.user(&Caller::operator(), "nobody@example.com").await.is_err());
}

#[tokio::test]
async fn a_deleted_user_is_gone_at_once() {
    let app = App::new().await;
    let ada = app.person(&["RESEARCHERS"]).await;
    let path = format!("{USERS}/{}", ada.username);

    let removed = app.admin().delete(&path).await.expect(200);

    assert_eq!(removed.json, json!({ "removed": [ada.username], "count": 1 }));
    ada.get("/api/auth/me").await.expect(401);
    app.admin().delete(&path).await.expect(404);
}

#[tokio::test]
async fn flaw_11_the_last_admin_stays() {
    let app = App::new().await;

    app.admin().delete(&format!("{USERS}/{ADMIN}")).await.expect(409);
    app.admin().put(&format!("{USERS}/{ADMIN}/group"), json!({ "group": "CLINICIANS" })).await.expect(409);

    app.admin().get(&format!("{USERS}/{ADMIN}")).await.expect(200);
}

#[tokio::test]
async fn flaw_02_nobody_grants_or_takes_over_more_than_they_have() {
    let app = App::new().await;
    let manager = app.person(&["LAB_MANAGERS"]).await;
    let admin = format!("{USERS}/{ADMIN}");
    let new_admin = json!({ "username": ADA, "password": PASSWORD, "group": "ADMINS" });

    manager.post(USERS, new_admin).await.expect(403);
    manager.put(&format!("{admin}/password"), json!({ "password": PASSWORD })).await.expect(403);
    manager.put(&format!("{admin}/group"), json!({ "group": "CLINICIANS" })).await.expect(403);
    manager.delete(&admin).await.expect(403);
    let own = format!("{USERS}/{}/group", manager.username);
    manager.put(&own, json!({ "group": "ADMINS" })).await.expect(403);

    manager.post(USERS, ada()).await.expect(200);
    assert!(!may_sign_in(&app, ADMIN, PASSWORD).await);
}

#[tokio::test]
async fn a11_a24_managing_takes_the_permission_not_a_group() {
    let app = App::new().await;
    let manager = app.holder(&["manage:users"]).await;
    let wild = app.holder(&["manage:*"]).await;

    for client in [app.admin(), app.holder_of("LAB_MANAGERS").await, manager, wild] {
        client.get(USERS).await.expect(200);
        client.get(GROUPS).await.expect(200);
        client.get(&format!("{USERS}/{ADMIN}")).await.expect(200);
    }
    for client in [app.holder_of("RESEARCHERS").await, app.holder(&["view:users"]).await] {
        for path in [USERS, GROUPS] {
            let refused = client.get(path).await.expect(403);
            assert_eq!(refused.text, r#"{"detail":"Requires manage:users permission"}"#);
        }
    }
    let nobody = app.anonymous().post(USERS, json!({})).await.expect(401);
    assert_eq!(nobody.text, r#"{"detail":"Not authenticated"}"#);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn the_groups_are_the_roles_with_their_permissions() {
    let app = App::new().await;

    let groups = app.admin().get(GROUPS).await.expect(200);

    let named = |name: &str| groups.as_array().unwrap().iter().find(|group| group["name"] == name).cloned();
    assert_eq!(
        named("LAB_MANAGERS").unwrap(),
        json!({
            "name": "LAB_MANAGERS",
            "description": "Run the lab and manage its users",
            "permissions": ["submit:SOP*", "view:*", "draft:*", "approve:*", "manage:users"],
        })
    );
    for name in ["ADMINS", "RESEARCHERS", "CLINICIANS"] {
        assert!(named(name).is_some(), "{name}");
    }
}
