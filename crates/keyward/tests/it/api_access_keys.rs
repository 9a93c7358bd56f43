//! Access keys over the native API.

use serde_json::json;

use crate::support::App;

const BOT: &str = "ci-bot@example.com";
const KEYS: &str = "/api/v1/access-keys";

async fn app_with_bot() -> App {
    let app = App::new().await;
    app.create_role("readers", &["read:*"]).await;
    app.give_roles(BOT, &["readers"]).await;
    app
}

#[tokio::test]
async fn a_new_key_is_shown_with_its_secret_once() {
    let app = app_with_bot().await;
    let admin = app.admin();

    let made = admin.post(KEYS, json!({ "user": BOT })).await.expect(201);

    let (id, secret) = (made.str("id"), made.str("secret"));
    assert!(id.len() == 20 && id.starts_with("AKIA") && secret.len() == 40, "{}", made.text);
    let mut shown = made.json.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(
        shown,
        json!({
            "id": id,
            "user_id": made["user_id"],
            "username": BOT,
            "created_by": "admin-bot@example.com",
            "created_at": "2027-01-15T12:00:00.000Z",
            "last_used": null,
        })
    );
    let listed = admin.get(KEYS).await.expect(200);
    assert_eq!(listed.json, json!({ "items": [shown], "next_cursor": null }));
    let events = admin.get("/api/v1/audit?action=access-key.create").await.expect(200);
    assert_eq!(events["items"][0]["target"], json!({ "kind": "access-key", "id": id, "name": id }));
    assert_eq!(events["items"][0]["detail"]["user"], BOT);
}

#[tokio::test]
async fn a_repeated_request_has_the_same_answer_and_a_third_key_is_refused() {
    let app = app_with_bot().await;
    let admin = app.admin();
    let create = || admin.post(KEYS, json!({ "user": BOT }));

    let first = create().header("idempotency-key", "one").await.expect(201);
    let again = create().header("idempotency-key", "one").await.expect(201);
    assert_eq!(first.json, again.json);
    create().await.expect(201);
    let third = create().await.expect(409);
    assert_eq!(third.str("detail"), "The user has two access keys already; delete one of them first.");

    admin.delete(&format!("{KEYS}/{}", first.str("id"))).await.expect(204);
    admin.delete(&format!("{KEYS}/{}", first.str("id"))).await.expect(404);
    create().await.expect(201);
}

#[tokio::test]
async fn keys_are_listed_in_pieces_and_by_their_users() {
    let app = app_with_bot().await;
    let admin = app.admin();
    app.give_roles("another-bot", &["readers"]).await;
    for user in [BOT, "another-bot", BOT] {
        admin.post(KEYS, json!({ "user": user })).await.expect(201);
    }

    let first = admin.get(&format!("{KEYS}?limit=2")).await.expect(200);
    let rest = admin.get(&format!("{KEYS}?cursor={}", first.str("next_cursor"))).await.expect(200);
    assert_eq!(
        (first.pick("username"), rest.pick("username")),
        (vec!["another-bot".into(), BOT.into()], vec![BOT.into()])
    );
    assert_eq!(admin.get(&format!("{KEYS}?user={BOT}")).await.expect(200).pick("username").len(), 2);
    admin.get(&format!("{KEYS}?user=nobody")).await.expect(404);
    admin.get(&format!("{KEYS}?users={BOT}")).await.expect(400);
}

#[tokio::test]
async fn a_key_is_for_somebody_who_is_there_and_has_a_role() {
    let app = app_with_bot().await;
    let admin = app.admin();
    admin.post("/api/v1/users", json!({ "username": "ada@example.com" })).await.expect(201);

    let without_roles = admin.post(KEYS, json!({ "user": "ada@example.com" })).await.expect(400);
    assert_eq!(without_roles["field"], "user");
    admin.post(KEYS, json!({ "user": "nobody@example.com" })).await.expect(404);
    admin.post(KEYS, json!({ "user": BOT, "scope": [] })).await.expect(400);
    admin.post(KEYS, json!({})).await.expect(400);
}

#[tokio::test]
async fn nobody_makes_a_key_above_their_own_rights() {
    let app = app_with_bot().await;
    let keykeeper = app.holder(&["manage:api-keys", "read:a"]).await;

    let refused = keykeeper.post(KEYS, json!({ "user": BOT })).await.expect(403);
    assert_eq!(refused["permission"], "read:*");
    keykeeper.post(KEYS, json!({ "user": "admin@example.com" })).await.expect(403);
    let own = keykeeper.post(KEYS, json!({ "user": keykeeper.username })).await.expect(201);
    assert_eq!(own["username"], keykeeper.username);
    // To take a key away is the right of everybody who manages keys.
    let made = app.admin().post(KEYS, json!({ "user": BOT })).await.expect(201);
    keykeeper.delete(&format!("{KEYS}/{}", made.str("id"))).await.expect(204);
}
