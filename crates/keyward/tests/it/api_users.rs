//! Users over the native API.

use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_BOT, App};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn a_new_account_has_a_temporary_password_that_is_shown_once() {
    let app = App::new().await;
    let admin = app.admin();

    let made = admin
        .post("/api/v1/users", json!({ "username": ADA, "phone": "+12345678900", "roles": ["RESEARCHERS"] }))
        .await
        .expect(201);

    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(made.header("cache-control"), "no-store");
    assert!(made.str("temporary_password").len() >= 8);
    let id = made["user"]["id"].as_str().unwrap();
    assert_eq!(
        made["user"],
        json!({
            "id": id,
            "username": ADA,
            "kind": "account",
            "status": "FORCE_CHANGE_PASSWORD",
            "enabled": true,
            "email": ADA,
            "email_verified": true,
            "phone": "+12345678900",
            "mfa": false,
            "roles": ["RESEARCHERS"],
            "created_at": "2027-01-15T12:00:00.000Z",
            "updated_at": "2027-01-15T12:00:00.000Z",
            "version": 1,
        })
    );
    for name in [id, ADA, "ADA@example.com"] {
        let shown = admin.get(&format!("/api/v1/users/{name}")).await.expect(200);
        assert_eq!(shown.json, made["user"]);
        assert_eq!(shown.header("etag"), "\"1\"");
    }
}

#[tokio::test]
async fn the_temporary_password_may_be_given() {
    let app = App::new().await;
    let body = json!({ "username": ADA, "email": "mail@example.com", "temporary_password": "Given-by-me-1" });

    let made = app.admin().post("/api/v1/users", body).await.expect(201);

    assert_eq!(made.str("temporary_password"), "Given-by-me-1");
    assert_eq!(made["user"]["email"], "mail@example.com");
    let poor = json!({ "username": "bob@example.com", "temporary_password": "short" });
    let refused = app.admin().post("/api/v1/users", poor).await.expect(400);
    assert_eq!(refused.str("code"), "password-rejected");
    assert!(!refused.text.contains("short\""));
}

#[tokio::test]
async fn a_program_user_is_a_name_alone() {
    let app = App::new().await;
    let admin = app.admin();

    let made =
        admin.post("/api/v1/users", json!({ "username": "ci-bot", "kind": "program" })).await.expect(201);

    assert_eq!(made["temporary_password"], Value::Null);
    assert_eq!(made["user"]["kind"], "program");
    assert_eq!(made["user"]["email"], Value::Null);
    assert_eq!(made["user"]["status"], "CONFIRMED");
    for more in [
        json!({ "username": "x-bot", "kind": "program", "email": ADA }),
        json!({ "username": "x-bot", "kind": "program", "phone": "+12345678900" }),
        json!({ "username": "x-bot", "kind": "program", "temporary_password": "Given-by-me-1" }),
    ] {
        assert_eq!(admin.post("/api/v1/users", more).await.expect(400).str("field"), "kind");
    }
    let refused = admin.post("/api/v1/users/ci-bot/reset-password", json!({})).await.expect(501);
    assert_eq!(refused.str("code"), "unsupported");
    // The name is taken for accounts too.
    admin
        .post("/api/v1/users", json!({ "username": "bot@example.com", "kind": "program" }))
        .await
        .expect(201);
    let taken = admin.post("/api/v1/users", json!({ "username": "bot@example.com" })).await.expect(409);
    assert_eq!(taken.str("code"), "already-exists");
}

#[tokio::test]
async fn what_is_no_user_is_refused_by_the_field_that_is_wrong() {
    let app = App::new().await;

    for (body, field) in [
        (json!({}), "username"),
        (json!({ "username": "ada" }), "username"),
        (json!({ "username": 7 }), "username"),
        (json!({ "username": ADA, "email": "nobody" }), "email"),
        (json!({ "username": ADA, "phone": "0123" }), "phone"),
        (json!({ "username": ADA, "kind": "robot" }), "kind"),
        (json!({ "username": ADA, "roles": "ADMINS" }), "roles"),
        (json!({ "username": ADA, "role": [] }), "role"),
    ] {
        let refused = app.admin().post("/api/v1/users", body.clone()).await.expect(400);
        assert_eq!(refused.str("code"), "invalid-input");
        assert_eq!(refused.str("field"), field, "{body}");
    }
    app.admin().get("/api/v1/users/ada@example.com").await.expect(404);
}

#[tokio::test]
async fn with_a_role_that_is_not_there_nobody_is_made() {
    let app = App::new().await;
    let body = json!({ "username": ADA, "roles": ["RESEARCHERS", "PILOTS"] });

    let refused = app.admin().post("/api/v1/users", body).await.expect(404);

    assert_eq!(refused.str("code"), "not-found");
    app.admin().get(&format!("/api/v1/users/{ADA}")).await.expect(404);
}

#[tokio::test]
async fn users_come_in_pieces_by_name() {
    let app = App::new().await;
    let admin = app.admin();
    for name in ["c", "a", "B", "d", "e"] {
        let body = json!({ "username": format!("{name}-user"), "kind": "program" });
        admin.post("/api/v1/users", body).await.expect(201);
    }

    let (mut names, mut path) = (Vec::new(), "/api/v1/users?limit=2".to_owned());
    loop {
        let page = admin.get(&path).await.expect(200);
        assert!(page.pick("username").len() <= 2);
        names.extend(page.pick("username"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/users?limit=2&cursor={cursor}");
    }

    assert_eq!(names, ["a-user", ADMIN_BOT, ADMIN, "B-user", "c-user", "d-user", "e-user"]);
    for (query, expected) in [
        ("search=ADMIN", vec![ADMIN_BOT, ADMIN]),
        ("kind=account", vec![ADMIN]),
        ("kind=program&search=b", vec!["B-user"]),
        ("search=nobody", vec![]),
    ] {
        assert_eq!(admin.get(&format!("/api/v1/users?{query}")).await.expect(200).pick("username"), expected);
    }
}

#[tokio::test]
async fn a_list_that_is_asked_for_wrongly_is_refused() {
    let app = App::new().await;

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("limit=-1", "limit"),
        ("cursor=~", "cursor"),
        ("kind=robot", "kind"),
        ("serch=a", "serch"),
    ] {
        let refused = app.admin().get(&format!("/api/v1/users?{query}")).await.expect(400);
        assert_eq!(refused.str("field"), field, "{query}");
    }
}

#[tokio::test]
async fn only_what_is_named_is_changed() {
    let app = App::new().await;
    let admin = app.admin();
    let body = json!({ "username": ADA, "phone": "+12345678900" });
    admin.post("/api/v1/users", body).await.expect(201);
    let path = format!("/api/v1/users/{ADA}");

    let changed = admin.patch(&path, json!({ "email": "new@example.com" })).await.expect(200);

    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed["email"], "new@example.com");
    assert_eq!(changed["email_verified"], false);
    assert_eq!(changed["phone"], "+12345678900");
    let changed = admin.patch(&path, json!({ "phone": null, "enabled": false })).await.expect(200);
    assert_eq!(changed["phone"], Value::Null);
    assert_eq!(changed["enabled"], false);
    assert_eq!(changed["email"], "new@example.com");
    assert_eq!(changed["version"], 3);
    for (body, field) in [
        (json!({ "email": null }), "email"),
        (json!({ "enabled": null }), "enabled"),
        (json!({ "enabled": "false" }), "enabled"),
        (json!({ "username": "eve@example.com" }), "username"),
        (json!({}), "email"),
    ] {
        assert_eq!(admin.patch(&path, body).await.expect(400).str("field"), field);
    }
    assert_eq!(admin.get(&path).await.expect(200).json, changed.json);
}

#[tokio::test]
async fn a_change_meant_for_another_version_changes_nothing() {
    let app = App::new().await;
    let admin = app.admin();
    admin.post("/api/v1/users", json!({ "username": ADA })).await.expect(201);
    let path = format!("/api/v1/users/{ADA}");
    let disable = || admin.patch(&path, json!({ "enabled": false }));

    for stale in ["\"2\"", "W/\"7\""] {
        let refused = disable().header("If-Match", stale).await.expect(412);
        assert_eq!(refused.str("code"), "precondition-failed");
        admin.delete(&path).header("If-Match", stale).await.expect(412);
    }
    for malformed in ["two", "\"x\"", "\"1\", \"2\""] {
        let refused = disable().header("If-Match", malformed).await.expect(400);
        assert_eq!(refused.str("field"), "If-Match");
    }

    assert_eq!(admin.get(&path).await.expect(200)["version"], 1);
    disable().header("If-Match", "\"1\"").await.expect(200);
    disable().header("If-Match", "*").await.expect(200);
    admin.delete(&path).header("If-Match", "W/\"3\"").await.expect(204);
}

#[tokio::test]
async fn a_deleted_user_takes_sessions_roles_and_keys_along() {
    let app = App::new().await;
    let person = app.person(&["RESEARCHERS"]).await;
    let key = app.key_of(&person.username).await;
    person.get("/api/v1/me").await.expect(200);
    key.get("/api/v1/me").await.expect(200);

    let gone = app.admin().delete(&format!("/api/v1/users/{}", person.user_id)).await.expect(204);

    assert_eq!(gone.text, "");
    person.get("/api/v1/me").await.expect(401);
    key.get("/api/v1/me").await.expect(401);
    app.admin().get(&format!("/api/v1/users/{}", person.user_id)).await.expect(404);
    // Who comes under the name after them inherits nothing.
    app.admin().post("/api/v1/users", json!({ "username": person.username })).await.expect(201);
    let anew = app.admin().get(&format!("/api/v1/users/{}", person.username)).await.expect(200);
    assert_eq!(anew["roles"], json!([]));
    key.get("/api/v1/me").await.expect(401);
}

#[tokio::test]
async fn a_disabled_user_is_stopped_at_the_next_request() {
    let app = App::new().await;
    let person = app.person(&["RESEARCHERS"]).await;
    let key = app.key_of(&person.username).await;
    person.get("/api/v1/me").await.expect(200);
    key.get("/api/v1/me").await.expect(200);
    let path = format!("/api/v1/users/{}", person.user_id);

    app.admin().patch(&path, json!({ "enabled": false })).await.expect(200);

    person.get("/api/v1/me").await.expect(401);
    key.get("/api/v1/me").await.expect(401);
    app.admin().patch(&path, json!({ "enabled": true })).await.expect(200);
    // The session stays ended; the key, which nobody took away, works again.
    person.get("/api/v1/me").await.expect(401);
    key.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_reset_keeps_the_account_and_ends_its_sessions() {
    let app = App::new().await;
    let person = app.person(&["RESEARCHERS"]).await;

    let reset = app
        .admin()
        .post(&format!("/api/v1/users/{}/reset-password", person.username), json!({}))
        .await
        .expect(200);

    assert_eq!(reset["user"]["id"], person.user_id);
    assert_eq!(reset["user"]["status"], "FORCE_CHANGE_PASSWORD");
    assert_eq!(reset["user"]["roles"], json!(["RESEARCHERS"]));
    person.get("/api/v1/me").await.expect(401);
    app.sign_in(&person.username, reset.str("temporary_password"), &["Chosen-by-me-1"]).await;
}

#[tokio::test]
async fn signing_out_ends_every_session_and_no_key() {
    let app = App::new().await;
    let person = app.person(&["RESEARCHERS"]).await;
    let key = app.key_of(&person.username).await;

    app.admin().post(&format!("/api/v1/users/{}/sign-out", person.user_id), json!({})).await.expect(204);

    person.get("/api/v1/me").await.expect(401);
    key.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn lost_second_factors_are_taken_away_with_the_sessions() {
    let app = App::new().await;
    let person = app.person_with_mfa(&["LAB_MANAGERS"]).await;
    let key = app.key_of(&person.username).await;
    let path = format!("/api/v1/users/{}", person.user_id);
    let factors = format!("{path}/second-factors");
    assert_eq!(app.admin().get(&path).await.expect(200)["mfa"], true);

    // A key never has MFA.
    let refused = key.delete(&factors).await.expect(409);
    assert!(refused.str("detail").contains("Sign in with your second factor"), "{}", refused.text);
    app.admin().delete(&factors).header("If-Match", "\"1\"").await.expect(412);
    assert_eq!(app.admin().delete(&factors).await.expect(204).text, "");

    person.get("/api/v1/me").await.expect(401);
    assert_eq!(app.admin().get(&path).await.expect(200)["mfa"], false);
    let events = app.admin().get("/api/v1/audit?action=user.reset-mfa").await.expect(200);
    assert!(
        events["items"].as_array().unwrap().iter().any(|event| event["outcome"] == "done"),
        "{}",
        events.text
    );
}

#[tokio::test]
async fn everybody_may_see_themselves_and_nobody_else() {
    let app = App::new().await;
    let nobody_special = app.holder(&["nothing:here"]).await;

    let own = nobody_special.get(&format!("/api/v1/users/{}", nobody_special.username)).await.expect(200);

    assert_eq!(own["id"], nobody_special.user_id);
    let refused = nobody_special.get(&format!("/api/v1/users/{ADMIN}")).await.expect(403);
    assert_eq!(refused.str("permission"), "view:users");
    // Who may not look can't find out who is there either.
    nobody_special.get("/api/v1/users/nobody@example.com").await.expect(403);
}

#[tokio::test]
async fn who_is_not_there_is_not_found() {
    let app = App::new().await;
    let admin = app.admin();
    let path = "/api/v1/users/nobody@example.com";

    for request in [
        admin.get(path),
        admin.patch(path, json!({ "enabled": false })),
        admin.delete(path),
        admin.post(&format!("{path}/reset-password"), json!({})),
        admin.post(&format!("{path}/sign-out"), json!({})),
        admin.delete(&format!("{path}/second-factors")),
        admin.get(&format!("{path}/roles")),
        admin.delete(&format!("{path}/roles")),
        admin.delete(&format!("{path}/roles/ADMINS")),
    ] {
        let missing = request.await.expect(404);
        assert_eq!(missing.str("code"), "not-found");
        assert!(missing.str("detail").contains("nobody@example.com"));
    }
}

#[tokio::test]
async fn a_key_in_the_place_of_a_name_is_not_repeated() {
    let app = App::new().await;
    let key = app.holder(&["read:database"]).await;

    for path in [format!("/api/v1/users/{}", key.secret()), format!("/api/v1/api-keys?user={}", key.secret())]
    {
        let missing = app.admin().get(&path).await.expect(404);
        assert!(!missing.text.contains(key.secret()), "{}", missing.text);
    }
}

#[tokio::test]
async fn nobody_takes_over_somebody_with_more_rights() {
    let app = App::new().await;
    let manager = app.holder(&["manage:users", "read:*"]).await;
    app.create_role("auditors", &["view:audit"]).await;
    app.create_role("readers", &["read:*"]).await;
    let auditor = app.person(&["auditors"]).await;
    let path = format!("/api/v1/users/{}", auditor.user_id);

    for request in [
        manager.patch(&path, json!({ "email": "mine@example.com" })),
        manager.patch(&path, json!({ "enabled": false })),
        manager.delete(&path),
        manager.post(&format!("{path}/reset-password"), json!({})),
        manager.post(&format!("{path}/sign-out"), json!({})),
        manager.delete(&format!("{path}/second-factors")),
        manager.post(&format!("{path}/roles"), json!({ "roles": ["readers"] })),
        manager.put(&format!("{path}/roles"), json!({ "roles": [] })),
        manager.delete(&format!("{path}/roles")),
        manager.delete(&format!("{path}/roles/auditors")),
        manager.post("/api/v1/users", json!({ "username": ADA, "roles": ["auditors"] })),
    ] {
        assert_eq!(request.await.expect(403).str("permission"), "view:audit");
    }

    assert_eq!(auditor.get("/api/v1/me").await.expect(200)["permissions"], json!(["view:audit"]));
    app.admin().get(&format!("/api/v1/users/{ADA}")).await.expect(404);
    // Rights that only count with MFA are rights too.
    app.create_mfa_role("operators", &["operate:reactor"]).await;
    let operator = app.person(&["operators"]).await;
    let reset = manager.post(&format!("/api/v1/users/{}/reset-password", operator.user_id), json!({})).await;
    assert_eq!(reset.expect(403).str("permission"), "operate:reactor");
}

#[tokio::test]
async fn the_last_admin_who_can_sign_in_stays() {
    let app = App::new().await;
    let admin = app.admin();
    let path = format!("/api/v1/users/{ADMIN}");

    // The program with the same role can't sign in.
    for request in [
        admin.delete(&path),
        admin.patch(&path, json!({ "enabled": false })),
        admin.put(&format!("{path}/roles"), json!({ "roles": ["RESEARCHERS"] })),
        admin.delete(&format!("{path}/roles")),
        admin.delete(&format!("{path}/roles/ADMINS")),
        admin.delete("/api/v1/roles/ADMINS"),
        admin.patch("/api/v1/roles/ADMINS", json!({ "permissions": ["read:*"] })),
        admin.patch("/api/v1/roles/ADMINS", json!({ "mfa_required": true })),
    ] {
        assert_eq!(request.await.expect(409).str("code"), "conflict");
    }

    app.person(&["ADMINS"]).await;
    admin.delete(&path).await.expect(204);
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let app = App::new().await;
    let admin = app.admin();
    let create = |body: &Value| admin.post("/api/v1/users", body.clone()).header("Idempotency-Key", "k1");
    let body = json!({ "username": ADA });

    let first = create(&body).await.expect(201);
    let again = create(&body).await.expect(201);

    assert_eq!(again.json, first.json);
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = create(&json!({ "username": "bob@example.com" })).await.expect(409);
    assert_eq!(other.str("code"), "conflict");
    admin.get("/api/v1/users/bob@example.com").await.expect(404);
    // The key is the caller's own.
    let manager = app.holder(&["manage:users"]).await;
    manager.post("/api/v1/users", body.clone()).header("Idempotency-Key", "k1").await.expect(409);
    let reset = || {
        admin.post(&format!("/api/v1/users/{ADA}/reset-password"), json!({})).header("Idempotency-Key", "k2")
    };
    let first = reset().await.expect(200);
    assert_eq!(reset().await.expect(200).json, first.json);
    app.sign_in(ADA, first.str("temporary_password"), &["Chosen-by-me-1"]).await;
}

#[tokio::test]
async fn after_ten_minutes_a_key_of_idempotency_is_anybodys_again() {
    let app = App::new().await;
    let admin = app.admin();
    let create =
        |name: &str| admin.post("/api/v1/users", json!({ "username": name })).header("Idempotency-Key", "k1");
    create(ADA).await.expect(201);

    app.advance(std::time::Duration::from_secs(601));

    create("bob@example.com").await.expect(201);
    create("eve@example.com").await.expect(409);
}
