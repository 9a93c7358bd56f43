//! The audit log over the native API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ADMIN_BOT, App, CLIENT_ADDRESS};

#[tokio::test]
async fn a_change_is_told_with_who_made_it_and_by_what() {
    let app = App::new().await;
    let admin = app.admin();

    let made = admin
        .post("/api/v1/users", json!({ "username": "ada@example.com", "roles": ["RESEARCHERS"] }))
        .header("X-Request-Id", "request-1")
        .await
        .expect(201);

    let events = admin.get("/api/v1/audit?limit=1").await.expect(200);
    let event = &events["items"][0];
    assert_eq!(
        *event,
        json!({
            "id": event["id"],
            "at": "2027-01-15T12:00:00.000Z",
            "actor": { "kind": "api_key", "id": admin.user_id, "name": ADMIN_BOT },
            "credential": event["credential"],
            "action": "user.create",
            "target": { "kind": "user", "id": made["user"]["id"], "name": "ada@example.com" },
            "outcome": "done",
            "detail": {
                "kind": "account",
                "roles": ["RESEARCHERS"],
                "through_key": { "id": admin.key_id, "name": "key 0" },
            },
            "request_id": "request-1",
            "address": CLIENT_ADDRESS,
        })
    );
    assert!(admin.secret().contains(event["credential"].as_str().unwrap()));
    assert!(!events.text.contains(made.str("temporary_password")));
}

#[tokio::test]
async fn a_refusal_is_told_too() {
    let app = App::new().await;
    let poor = app.holder(&["view:audit"]).await;
    poor.post("/api/v1/roles", json!({ "name": "mine", "description": "x" })).await.expect(403);

    let events = poor.get("/api/v1/audit?limit=1").await.expect(200);

    let event = &events["items"][0];
    assert_eq!([&event["action"], &event["outcome"]], ["role.create", "refused"]);
    assert_eq!(event["detail"]["missing"], "manage:roles");
    assert_eq!(event["target"], json!({ "kind": "role", "id": null, "name": "mine" }));
}

#[tokio::test]
async fn events_are_picked_by_who_what_and_when() {
    let app = App::new().await;
    let admin = app.admin();
    let role = |name: &str| json!({ "name": name, "description": "x" });
    app.advance(Duration::from_hours(24));
    let first = admin.post("/api/v1/roles", role("first")).await.expect(201);
    app.advance(Duration::from_hours(1));
    let manager = app.holder(&["manage:roles"]).await;
    manager.post("/api/v1/roles", role("second")).await.expect(201);
    app.advance(Duration::from_hours(1));
    admin.delete("/api/v1/roles/first").await.expect(204);
    let list = async |query: &str| {
        let page = admin.get(&format!("/api/v1/audit?{query}")).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|event| {
                format!("{} {}", event["action"].as_str().unwrap(), event["target"]["name"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };

    assert_eq!(list(&format!("actor={}", manager.username)).await, ["role.create second"]);
    assert_eq!(list(&format!("actor={}", manager.user_id)).await, ["role.create second"]);
    assert_eq!(list("action=role.delete").await, ["role.delete first"]);
    assert_eq!(list("target=first").await, ["role.delete first", "role.create first"]);
    let by_id = format!("target={}", first["id"].as_str().unwrap());
    assert_eq!(list(&by_id).await, ["role.delete first", "role.create first"]);
    assert_eq!(list("since=2027-01-16T14:00:00Z").await, ["role.delete first"]);
    assert_eq!(list("until=2027-01-16T13:00:00Z&since=2027-01-16").await, ["role.create first"]);
    assert_eq!(list("since=2027-01-16&until=2027-01-16&target=first").await.len(), 2);
    assert_eq!(list("since=2027-01-17").await.len(), 0);
    assert_eq!(list("until=2027-01-15&action=role.delete").await.len(), 0);
    for (query, field) in
        [("since=yesterday", "since"), ("until=soon", "until"), ("when=now", "when"), ("limit=0", "limit")]
    {
        assert_eq!(admin.get(&format!("/api/v1/audit?{query}")).await.expect(400).str("field"), field);
    }
}

#[tokio::test]
async fn events_come_in_pieces_newest_first() {
    let app = App::new().await;
    let all = app.admin().get("/api/v1/audit?limit=1000").await.expect(200).pick("id");

    let (mut ids, mut path) = (Vec::new(), "/api/v1/audit?limit=3".to_owned());
    loop {
        let page = app.admin().get(&path).await.expect(200);
        ids.extend(page.pick("id"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/audit?limit=3&cursor={cursor}");
    }

    assert!(ids.len() > 3);
    assert_eq!(ids, all);
    assert!(ids.is_sorted_by(|one, next| one > next));
}

#[tokio::test]
async fn only_who_may_see_it_sees_it() {
    let app = App::new().await;

    let refused = app.holder(&["view:users", "manage:users"]).await.get("/api/v1/audit").await.expect(403);

    assert_eq!(refused.str("permission"), "view:audit");
    let page: Value = app.holder(&["view:audit"]).await.get("/api/v1/audit").await.expect(200).json;
    assert!(!page["items"].as_array().unwrap().is_empty());
}
