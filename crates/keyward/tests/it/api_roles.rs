//! Roles over the native API.

use serde_json::{Value, json};

use crate::support::App;

const READERS: &str = "/api/v1/roles/readers";

fn readers() -> Value {
    json!({ "name": "readers", "description": "May read", "permissions": ["read:*", "list:*", "read:*"] })
}

#[tokio::test]
async fn a_role_is_made_and_shown() {
    let app = App::new().await;

    let made = app.admin().post("/api/v1/roles", readers()).await.expect(201);

    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(
        made.json,
        json!({
            "id": made["id"],
            "name": "readers",
            "description": "May read",
            "permissions": ["list:*", "read:*"],
            "mfa_required": false,
            "source": null,
            "source_identifier": null,
            "created_at": "2027-01-15T12:00:00.000Z",
            "updated_at": "2027-01-15T12:00:00.000Z",
            "version": 1,
        })
    );
    assert_eq!(app.admin().get(READERS).await.expect(200).json, made.json);
    let taken = app.admin().post("/api/v1/roles", readers()).await.expect(409);
    assert_eq!(taken.str("code"), "already-exists");
}

#[tokio::test]
async fn roles_come_in_pieces_by_name() {
    let app = App::new().await;

    let first = app.admin().get("/api/v1/roles?limit=3").await.expect(200);
    let rest = format!("/api/v1/roles?limit=3&cursor={}", first.str("next_cursor"));
    let rest = app.admin().get(&rest).await.expect(200);

    assert_eq!(first.pick("name"), ["ADMINS", "CLINICIANS", "LAB_MANAGERS"]);
    assert_eq!(rest.pick("name"), ["RESEARCHERS", "SERVICE"]);
    assert!(rest["next_cursor"].is_null());
}

#[tokio::test]
async fn what_is_no_role_is_refused_by_the_field_that_is_wrong() {
    let app = App::new().await;

    for (body, field) in [
        (json!({ "description": "x" }), "name"),
        (json!({ "name": "", "description": "x" }), "name"),
        (json!({ "name": "a/b", "description": "x" }), "name"),
        (json!({ "name": "r" }), "description"),
        (json!({ "name": "r", "description": "" }), "description"),
        (json!({ "name": "r", "description": "x", "permissions": ["read"] }), "permissions"),
        (json!({ "name": "r", "description": "x", "permissions": "read:*" }), "permissions"),
        (json!({ "name": "r", "description": "x", "permissions": [7] }), "permissions[0]"),
        (json!({ "name": "r", "description": "x", "mfa_required": 1 }), "mfa_required"),
        (json!({ "name": "r", "description": "x", "source": "LDAP" }), "source"),
        (json!({ "name": "r", "description": "x", "permission": [] }), "permission"),
    ] {
        let refused = app.admin().post("/api/v1/roles", body.clone()).await.expect(400);
        assert_eq!(refused.str("field"), field, "{body}");
    }
}

#[tokio::test]
async fn only_what_is_named_is_changed() {
    let app = App::new().await;
    let admin = app.admin();
    let mut body = readers();
    body["source"] = json!("INTERNAL_SYSTEM");
    body["source_identifier"] = json!("r-1");
    admin.post("/api/v1/roles", body).await.expect(201);

    let changed = admin.patch(READERS, json!({ "permissions": ["read:database"] })).await.expect(200);

    assert_eq!(changed["permissions"], json!(["read:database"]));
    assert_eq!(changed["description"], "May read");
    assert_eq!(changed["source"], "INTERNAL_SYSTEM");
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = admin.patch(READERS, json!({ "source": null, "mfa_required": true })).await.expect(200);
    assert_eq!(changed["source"], Value::Null);
    assert_eq!(changed["source_identifier"], "r-1");
    assert_eq!(changed["mfa_required"], true);
    for (body, field) in [
        (json!({ "description": null }), "description"),
        (json!({ "permissions": null }), "permissions"),
        (json!({ "name": "other" }), "name"),
        (json!({}), "description"),
    ] {
        assert_eq!(admin.patch(READERS, body).await.expect(400).str("field"), field);
    }
}

#[tokio::test]
async fn a_change_meant_for_another_version_changes_nothing() {
    let app = App::new().await;
    let admin = app.admin();
    admin.post("/api/v1/roles", readers()).await.expect(201);

    admin.patch(READERS, json!({ "description": "x" })).header("If-Match", "\"2\"").await.expect(412);
    admin.delete(READERS).header("If-Match", "\"2\"").await.expect(412);

    assert_eq!(admin.get(READERS).await.expect(200)["description"], "May read");
    admin.delete(READERS).header("If-Match", "\"1\"").await.expect(204);
    admin.get(READERS).await.expect(404);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = App::new().await;
    let admin = app.admin();

    for request in
        [admin.get(READERS), admin.patch(READERS, json!({ "description": "x" })), admin.delete(READERS)]
    {
        assert_eq!(request.await.expect(404).str("code"), "not-found");
    }
}

#[tokio::test]
async fn a_change_of_a_role_counts_at_the_next_request_of_everybody_who_has_it() {
    let app = App::new().await;
    app.create_role("readers", &["view:roles"]).await;
    let (key, person) = (app.holder_of("readers").await, app.person(&["readers"]).await);
    for client in [&key, &person] {
        client.get("/api/v1/roles").await.expect(200);
    }

    app.admin().patch(READERS, json!({ "permissions": ["view:audit"] })).await.expect(200);
    for client in [&key, &person] {
        client.get("/api/v1/roles").await.expect(403);
        client.get("/api/v1/audit").await.expect(200);
    }

    app.admin().delete(READERS).await.expect(204);
    // A key needs a user with a role; a person may sign in without any.
    key.get("/api/v1/me").await.expect(401);
    assert_eq!(person.get("/api/v1/me").await.expect(200)["roles"], json!([]));
    // A role made anew under the name is another one.
    app.create_role("readers", &["view:roles"]).await;
    person.get("/api/v1/roles").await.expect(403);
}

#[tokio::test]
async fn nobody_makes_or_changes_a_role_beyond_their_own_rights() {
    let app = App::new().await;
    let manager = app.holder(&["manage:roles", "read:*"]).await;
    app.create_role("writers", &["write:database"]).await;
    app.create_role("readers", &["read:database"]).await;
    let new = |permissions: Value| json!({ "name": "new", "description": "x", "permissions": permissions });

    for (request, missing) in [
        (manager.post("/api/v1/roles", new(json!(["write:database"]))), "write:database"),
        (manager.post("/api/v1/roles", new(json!(["*"]))), "*"),
        (manager.post("/api/v1/roles", new(json!(["read*:x"]))), "read*:x"),
        (manager.patch(READERS, json!({ "permissions": ["write:database"] })), "write:database"),
        (manager.patch("/api/v1/roles/writers", json!({ "permissions": [] })), "write:database"),
        (manager.patch("/api/v1/roles/writers", json!({ "mfa_required": true })), "write:database"),
        (manager.delete("/api/v1/roles/writers"), "write:database"),
        (manager.patch("/api/v1/roles/ADMINS", json!({ "description": "x" })), "*"),
    ] {
        assert_eq!(request.await.expect(403).str("permission"), missing);
    }

    manager.post("/api/v1/roles", new(json!(["read:database", "read:x*"]))).await.expect(201);
    manager.patch(READERS, json!({ "permissions": ["read:*"] })).await.expect(200);
}

#[tokio::test]
async fn a_role_that_needs_mfa_sleeps_without_it() {
    let app = App::new().await;
    app.create_mfa_role("operators", &["view:roles"]).await;
    let (key, person) = (app.holder_of("operators").await, app.person(&["operators"]).await);
    let with_mfa = app.person_with_mfa(&["operators"]).await;

    for (client, status) in [(&key, 403), (&person, 403), (&with_mfa, 200)] {
        client.get("/api/v1/roles").await.expect(status);
    }
    assert_eq!(key.get("/api/v1/me").await.expect(200)["roles"], json!([]));
    assert_eq!(with_mfa.get("/api/v1/me").await.expect(200)["roles"], json!(["operators"]));
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer() {
    let app = App::new().await;
    let create = || app.admin().post("/api/v1/roles", readers()).header("Idempotency-Key", "k1");

    let first = create().await.expect(201);

    assert_eq!(create().await.expect(201).json, first.json);
}
