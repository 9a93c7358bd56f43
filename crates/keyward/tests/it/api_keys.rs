//! API keys over the native API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Client};

const BOT: &str = "ci-bot@example.com";

/// What `create` makes of these members and what must be there.
async fn create(app: &App, more: Value) -> (Client, Value) {
    let mut body = json!({ "name": "CI", "user": BOT, "description": "Runs the nightly import" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.admin().post("/api/v1/api-keys", body).await.expect(201);
    (app.client(made.str("secret")), made.json)
}

/// With a bot that may read, but has no key yet.
async fn app_with_bot() -> App {
    let app = App::new().await;
    app.create_role("readers", &["read:*", "view:roles"]).await;
    app.give_roles(BOT, &["readers"]).await;
    app
}

fn path_of(key: &Value) -> String {
    format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_new_key_is_shown_with_its_secret_once() {
    let app = app_with_bot().await;

    let (client, made) = create(
        &app,
        json!({
            "expires_at": "2027-06-30",
            "scope": ["read:database"],
            "allowed_addresses": ["192.0.2.0/24", "2001:db8::7"],
            "owner": "Ada",
            "review_at": "2027-06-01",
        }),
    )
    .await;

    let mut shown = made.clone();
    let secret = shown.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    let public_id = made["public_id"].as_str().unwrap();
    assert!(secret.starts_with(&format!("vams_{public_id}")) && secret.len() == 69);
    assert_eq!(
        shown,
        json!({
            "id": made["id"],
            "public_id": public_id,
            "name": "CI",
            "description": "Runs the nightly import",
            "user_id": made["user_id"],
            "username": BOT,
            "created_by": "admin-bot@example.com",
            "created_at": "2027-01-15T12:00:00.000Z",
            "updated_at": "2027-01-15T12:00:00.000Z",
            "expires_at": "2027-06-30",
            "expires_at_utc": "2027-06-30T23:59:59.999Z",
            "active": true,
            "state": "active",
            "scope": ["read:database"],
            "allowed_addresses": ["192.0.2.0/24", "2001:db8::7/128"],
            "owner": "Ada",
            "review_at": "2027-06-01",
            "last_used": null,
            "previous": null,
            "imported": false,
            "version": 1,
        })
    );
    assert_eq!(app.admin().get(&path_of(&made)).await.expect(200).json, shown);
    let me = client.get("/api/v1/me").await.expect(200);
    assert_eq!(
        me.json,
        json!({
            "kind": "api_key",
            "user_id": made["user_id"],
            "username": BOT,
            "api_key_id": made["id"],
            "api_key_name": "CI",
            "roles": ["readers"],
            "permissions": ["read:database"],
            "mfa": false,
            "expires_at": "2027-06-30T23:59:59.999Z",
        })
    );
    for form in [secret.to_owned(), format!("Bearer {secret}"), format!("bearer   {secret}")] {
        app.client(&form).get("/api/v1/me").await.expect(200);
    }
}

#[tokio::test]
async fn a_name_belongs_to_one_key() {
    let app = app_with_bot().await;
    create(&app, json!({})).await;
    let body = json!({ "name": "CI", "user": BOT, "description": "" });

    let taken = app.admin().post("/api/v1/api-keys", body).await.expect(409);

    assert_eq!(taken.str("code"), "already-exists");
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_the_field_that_is_wrong() {
    let app = app_with_bot().await;
    let good = json!({ "name": "CI", "user": BOT, "description": "x" });

    for (member, value, field) in [
        ("name", json!(""), "name"),
        ("name", json!(null), "name"),
        ("user", json!("nobody@example.com"), "user"),
        ("user", json!("?"), "user"),
        ("description", json!("x".repeat(257)), "description"),
        ("expires_at", json!("tomorrow"), "expires_at"),
        ("scope", json!(["read"]), "scope"),
        ("scope", json!("read:*"), "scope"),
        ("allowed_addresses", json!(["10.0.0.0/33"]), "allowed_addresses"),
        ("owner", json!(""), "owner"),
        ("review_at", json!("soon"), "review_at"),
        ("active", json!(true), "active"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = app.admin().post("/api/v1/api-keys", body.clone()).await.expect(400);
        assert_eq!(refused.str("field"), field, "{body}");
    }
    for member in ["name", "user", "description"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(member);
        let refused = app.admin().post("/api/v1/api-keys", body).await.expect(400);
        assert_eq!(refused.str("field"), member);
    }
    assert_eq!(
        app.admin().get(&format!("/api/v1/api-keys?user={BOT}")).await.expect(200)["items"],
        json!([])
    );
}

#[tokio::test]
async fn keys_come_in_pieces_by_name() {
    let app = app_with_bot().await;
    for name in ["b", "a", "c"] {
        create(&app, json!({ "name": name })).await;
    }
    let list = async |query: &str| app.admin().get(&format!("/api/v1/api-keys?{query}")).await.expect(200);

    let first = list("limit=2").await;
    let second = list(&format!("limit=2&cursor={}", first.str("next_cursor"))).await;

    assert_eq!(first.pick("name"), ["a", "b"]);
    assert_eq!(second.pick("name"), ["c", "key 0"]);
    assert!(second["next_cursor"].is_null());
    assert!(!first.text.contains("secret"));
    assert_eq!(list("name=b").await.pick("name"), ["b"]);
    assert_eq!(list(&format!("user={BOT}")).await.pick("name"), ["a", "b", "c"]);
    assert_eq!(list("name=x").await["items"], json!([]));
    app.admin().get("/api/v1/api-keys?user=nobody@example.com").await.expect(404);
}

#[tokio::test]
async fn only_what_is_named_is_changed() {
    let app = app_with_bot().await;
    let admin = app.admin();
    let (_, made) = create(
        &app,
        json!({
            "expires_at": "2027-06-30",
            "scope": ["read:database"],
            "owner": "Ada",
            "review_at": "2027-06-01",
        }),
    )
    .await;
    let path = path_of(&made);

    let changed = admin.patch(&path, json!({ "description": "New" })).await.expect(200);
    assert_eq!(changed["description"], "New");
    assert_eq!(changed["owner"], "Ada");
    assert_eq!(changed["expires_at"], "2027-06-30");
    assert_eq!(changed.header("etag"), "\"2\"");

    let cleared = json!({ "expires_at": "", "scope": null, "owner": null, "review_at": null });
    let changed = admin.patch(&path, cleared).await.expect(200);
    for member in ["expires_at", "expires_at_utc", "scope", "owner", "review_at"] {
        assert_eq!(changed[member], Value::Null, "{member}");
    }
    admin.patch(&path, json!({ "expires_at": "2028-01-01" })).await.expect(200);
    assert_eq!(
        admin.patch(&path, json!({ "expires_at": null })).await.expect(200)["expires_at"],
        Value::Null
    );

    for (body, field) in [
        (json!({ "description": null }), "description"),
        (json!({ "active": null }), "active"),
        (json!({ "active": "true" }), "active"),
        (json!({ "allowed_addresses": null }), "allowed_addresses"),
        (json!({ "allowed_addresses": ["here"] }), "allowed_addresses"),
        (json!({ "name": "other" }), "name"),
        (json!({ "user": "other" }), "user"),
        (json!({}), "description"),
    ] {
        assert_eq!(admin.patch(&path, body).await.expect(400).str("field"), field);
    }
}

#[tokio::test]
async fn a_change_meant_for_another_version_changes_nothing() {
    let app = app_with_bot().await;
    let (client, made) = create(&app, json!({})).await;
    let path = path_of(&made);

    app.admin().patch(&path, json!({ "active": false })).header("If-Match", "\"2\"").await.expect(412);
    app.admin().delete(&path).header("If-Match", "\"2\"").await.expect(412);

    client.get("/api/v1/me").await.expect(200);
    app.admin().delete(&path).header("If-Match", "\"1\"").await.expect(204);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = App::new().await;
    let admin = app.admin();

    for id in ["00000000-0000-4000-8000-000000000000", "no-uuid"] {
        let path = format!("/api/v1/api-keys/{id}");
        for request in [
            admin.get(&path),
            admin.patch(&path, json!({ "active": false })),
            admin.delete(&path),
            admin.post(&format!("{path}/rotate"), json!({})),
        ] {
            assert_eq!(request.await.expect(404).str("code"), "not-found");
        }
    }
}

#[tokio::test]
async fn a_key_is_refused_at_the_very_next_request() {
    let app = app_with_bot().await;
    let (client, made) = create(&app, json!({})).await;
    let path = path_of(&made);
    let works = async || {
        // Twice, so that the second answer may come out of memory.
        client.get("/api/v1/roles").await;
        client.get("/api/v1/roles").await.status.as_u16()
    };
    assert_eq!(works().await, 200);

    for (change, status) in [
        (json!({ "active": false }), 401),
        (json!({ "active": true }), 200),
        (json!({ "scope": ["read:*"] }), 403),
        (json!({ "scope": null }), 200),
        (json!({ "allowed_addresses": ["198.51.100.0/24"] }), 401),
        (json!({ "allowed_addresses": [] }), 200),
        (json!({ "expires_at": "2027-01-01" }), 401),
        (json!({ "expires_at": "2027-12-31", "active": true }), 200),
    ] {
        app.admin().patch(&path, change.clone()).await.expect(200);
        assert_eq!(works().await, status, "{change}");
    }

    app.admin().delete(&path).await.expect(204);
    assert_eq!(works().await, 401);
}

#[tokio::test]
async fn a_key_ends_when_its_time_has_come() {
    let app = app_with_bot().await;
    let (client, made) = create(&app, json!({ "expires_at": "2027-01-15T13:00:00+00:00" })).await;
    app.advance(Duration::from_millis(3_599_999));
    client.get("/api/v1/me").await.expect(200);

    app.advance(Duration::from_millis(1));

    client.get("/api/v1/me").await.expect(401);
    assert_eq!(app.admin().get(&path_of(&made)).await.expect(200)["state"], "expired");
    // Clearing the end of a dead key doesn't arm it; saying so does.
    let cleared = app.admin().patch(&path_of(&made), json!({ "expires_at": "" })).await.expect(200);
    assert_eq!(cleared["state"], "disabled");
    client.get("/api/v1/me").await.expect(401);
    app.admin().patch(&path_of(&made), json!({ "active": true })).await.expect(200);
    client.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn the_old_secret_works_for_the_overlap_and_no_longer() {
    let app = app_with_bot().await;
    let (old, made) = create(&app, json!({})).await;
    let path = path_of(&made);
    old.get("/api/v1/me").header("User-Agent", "ci/1").from("198.51.100.7").await.expect(200);

    let rotated =
        app.admin().post(&format!("{path}/rotate"), json!({ "overlap_seconds": 3600 })).await.expect(200);

    assert_eq!(
        [&rotated["id"], &rotated["name"], &rotated["version"]],
        [&made["id"], &made["name"], &json!(2)]
    );
    assert_eq!(rotated["previous"]["public_id"], made["public_id"]);
    assert_eq!(rotated["previous"]["valid_until"], "2027-01-15T13:00:00.000Z");
    let new = app.client(rotated.str("secret"));
    app.advance(Duration::from_millis(3_599_999));
    old.get("/api/v1/me").from("198.51.100.8").await.expect(200);
    new.get("/api/v1/me").header("User-Agent", "ci/2").from("198.51.100.9").await.expect(200);
    let shown = app.admin().get(&path).await.expect(200);
    assert_eq!(
        shown["last_used"],
        json!({ "at": "2027-01-15T12:59:59.999Z", "address": "198.51.100.9", "user_agent": "ci/2" })
    );
    assert_eq!(
        shown["previous"]["last_used"],
        json!({ "at": "2027-01-15T12:59:59.999Z", "address": "198.51.100.8", "user_agent": null })
    );

    app.advance(Duration::from_millis(1));

    old.get("/api/v1/me").await.expect(401);
    new.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn without_an_overlap_the_old_secret_is_dead_at_once() {
    let app = app_with_bot().await;
    let (old, made) = create(&app, json!({})).await;
    let path = format!("{}/rotate", path_of(&made));

    for body in [
        None,
        Some(json!({})),
        Some(json!({ "overlap_seconds": 0 })),
        Some(json!({ "overlap_seconds": null })),
    ] {
        let request = app.admin().request(axum::http::Method::POST, &path);
        let rotated = match body {
            Some(body) => request.json(body).await,
            None => request.await,
        };
        assert!(rotated.expect(200)["previous"].is_null());
    }

    old.get("/api/v1/me").await.expect(401);
    for (body, field) in [
        (json!({ "overlap_seconds": -1 }), "overlap_seconds"),
        (json!({ "overlap_seconds": 7_776_001 }), "overlap_seconds"),
        (json!({ "overlap_seconds": "1h" }), "overlap_seconds"),
        (json!({ "overlap": 1 }), "overlap"),
    ] {
        assert_eq!(app.admin().post(&path, body).await.expect(400).str("field"), field);
    }
}

#[tokio::test]
async fn a_dead_key_is_not_rotated() {
    let app = app_with_bot().await;
    let (_, made) = create(&app, json!({})).await;
    app.admin().patch(&path_of(&made), json!({ "active": false })).await.expect(200);

    let refused = app.admin().post(&format!("{}/rotate", path_of(&made)), json!({})).await.expect(409);

    assert_eq!(refused.str("code"), "conflict");
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_secret() {
    let app = app_with_bot().await;
    let body = json!({ "name": "CI", "user": BOT, "description": "x" });
    let create = || app.admin().post("/api/v1/api-keys", body.clone()).header("Idempotency-Key", "k1");
    let first = create().await.expect(201);

    let again = create().await.expect(201);

    assert_eq!(again.json, first.json);
    app.client(again.str("secret")).get("/api/v1/me").await.expect(200);
    let rotate = || {
        let path = format!("{}/rotate", path_of(&first.json));
        app.admin().post(&path, json!({ "overlap_seconds": 60 })).header("Idempotency-Key", "k2")
    };
    let rotated = rotate().await.expect(200);
    assert_eq!(rotate().await.expect(200).json, rotated.json);
    app.client(first.str("secret")).get("/api/v1/me").await.expect(200);
    for bad in ["", &"x".repeat(129), "ä"] {
        let refused = app.admin().post("/api/v1/api-keys", body.clone()).header("Idempotency-Key", bad).await;
        assert_eq!(refused.expect(400).str("field"), "Idempotency-Key");
    }
}

#[tokio::test]
async fn a_key_narrows_its_user_and_never_widens() {
    let app = app_with_bot().await;
    let (client, _) = create(&app, json!({ "scope": ["read:data*", "write:*"] })).await;

    let me = client.get("/api/v1/me").await.expect(200);

    assert_eq!(me["permissions"], json!(["read:data*"]));
    client.get("/api/v1/roles").await.expect(403);
}

#[tokio::test]
async fn nobody_makes_or_widens_a_key_beyond_their_own_rights() {
    let app = app_with_bot().await;
    let admin = app.admin();
    let manager = app.holder(&["manage:api-keys", "read:database"]).await;
    let body = |more: Value| {
        let mut body = json!({ "name": "Mine", "user": BOT, "description": "x" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    let refused = manager.post("/api/v1/api-keys", body(json!({}))).await.expect(403);
    assert_eq!(refused.str("code"), "forbidden");
    manager.post("/api/v1/api-keys", body(json!({ "scope": ["read:*"] }))).await.expect(403);
    let narrow = body(json!({ "scope": ["read:database"] }));
    manager.post("/api/v1/api-keys", narrow.clone()).await.expect(403);
    let narrow = admin.post("/api/v1/api-keys", narrow).await.expect(201);
    let (_, wide) = create(&app, json!({})).await;
    for (key, change) in [
        (&narrow.json, json!({ "scope": null })),
        (&narrow.json, json!({ "scope": ["read:*"] })),
        (&wide, json!({ "expires_at": "2030-01-01" })),
        (&wide, json!({ "allowed_addresses": ["0.0.0.0/0"] })),
        (&wide, json!({ "active": true })),
    ] {
        manager.patch(&path_of(key), change).await.expect(403);
    }
    manager.post(&format!("{}/rotate", path_of(&wide)), json!({})).await.expect(403);

    // What narrows or stops a key takes no more than the permission itself.
    manager.patch(&path_of(&wide), json!({ "description": "seen" })).await.expect(200);
    manager.patch(&path_of(&wide), json!({ "scope": ["read:database"] })).await.expect(200);
    admin.patch(&path_of(&wide), json!({ "scope": null })).await.expect(200);
    manager.patch(&path_of(&wide), json!({ "active": false })).await.expect(200);
    manager.delete(&path_of(&wide)).await.expect(204);
    // A role that sleeps under keys still counts for who may make one.
    app.create_mfa_role("operators", &["operate:reactor"]).await;
    app.give_roles("op-bot@example.com", &["operators"]).await;
    let other = body(json!({ "name": "Other", "user": "op-bot@example.com" }));
    let refused = manager.post("/api/v1/api-keys", other).await.expect(403);
    assert_eq!(refused.str("permission"), "operate:reactor");
}

#[tokio::test]
async fn a_key_from_elsewhere_works_as_it_is() {
    let app = app_with_bot().await;
    let secret = format!("vams_{}", "Zy9".repeat(22).split_at(64).0);
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    let sha256: Vec<String> = sha256.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let sha256 = sha256.concat();
    create(&app, json!({ "name": "taken" })).await;

    let imported = app
        .admin()
        .post(
            "/api/v1/api-keys/import",
            json!({ "keys": [
                { "name": "old", "user": BOT, "sha256": sha256 },
                { "name": "taken", "user": BOT, "sha256": "0".repeat(64) },
                { "name": "poor", "user": BOT, "sha256": "xyz" },
                { "name": "again", "user": BOT, "sha256": sha256 },
                { "name": "nobodys", "user": "nobody@example.com", "sha256": "1".repeat(64) },
                { "name": "asleep", "user": BOT, "sha256": "2".repeat(64), "expires_at": "2028-13" },
                { "name": "off", "user": BOT, "sha256": "3".repeat(64), "active": false },
            ] }),
        )
        .await
        .expect(200);

    let results = imported["results"].as_array().unwrap();
    let names: Vec<&str> = results.iter().map(|result| result["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["old", "taken", "poor", "again", "nobodys", "asleep", "off"]);
    for (index, result) in results.iter().enumerate() {
        let is_in = [0, 6].contains(&index);
        assert_eq!((result["id"].is_string(), result["error"].is_null()), (is_in, is_in), "{result}");
    }
    let key = app.client(&secret).get("/api/v1/me").await.expect(200);
    assert_eq!(key["api_key_id"], results[0]["id"]);
    let shown = app.admin().get(&format!("/api/v1/api-keys/{}", results[0]["id"].as_str().unwrap())).await;
    assert_eq!([&shown["imported"], &shown["public_id"]], [&json!(true), &json!("")]);
    // A rotation makes it one of ours.
    let path = format!("{}/rotate", path_of(&shown.json));
    let rotated = app.admin().post(&path, json!({})).await.expect(200);
    assert_eq!(rotated["imported"], false);
    app.client(&secret).get("/api/v1/me").await.expect(401);
}

#[tokio::test]
async fn an_import_is_bounded() {
    let app = app_with_bot().await;
    let keys = |count: usize| -> Value {
        (0..count)
            .map(
                |index| json!({ "name": format!("k{index}"), "user": BOT, "sha256": format!("{index:064}") }),
            )
            .collect()
    };
    let import = |keys: Value| app.admin().post("/api/v1/api-keys/import", json!({ "keys": keys }));

    assert_eq!(import(keys(0)).await.expect(400).str("field"), "keys");
    assert_eq!(import(keys(1001)).await.expect(400).str("field"), "keys");
    assert_eq!(
        import(json!([{ "name": "x", "user": BOT }])).await.expect(400).str("field"),
        "keys[0].sha256"
    );
    assert_eq!(import(keys(1000)).await.expect(200)["results"].as_array().unwrap().len(), 1000);
    let manager = app.holder(&["manage:api-keys"]).await;
    let refused = manager.post("/api/v1/api-keys/import", json!({ "keys": keys(1) })).await.expect(200);
    assert!(refused["results"][0]["error"].as_str().unwrap().contains("above your own"));
}
