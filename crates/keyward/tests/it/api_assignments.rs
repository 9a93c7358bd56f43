//! Who has which roles, over the native API.

use serde_json::json;

use crate::support::{ADMIN, ADMIN_BOT, App};

const BOT: &str = "ci-bot@example.com";
const ROLES: &str = "/api/v1/users/ci-bot@example.com/roles";

#[tokio::test]
async fn a_role_for_a_name_that_nobody_has_makes_a_program_user() {
    let app = App::new().await;

    let given = app.admin().post(ROLES, json!({ "roles": ["RESEARCHERS"] })).await.expect(200);

    assert_eq!(
        given.json,
        json!({
            "user_id": given["user_id"],
            "username": BOT,
            "roles": ["RESEARCHERS"],
            "created_at": "2027-01-15T12:00:00.000Z",
            "version": 1,
            "created_program_user": true,
        })
    );
    let user = app.admin().get(&format!("/api/v1/users/{BOT}")).await.expect(200);
    assert_eq!(user["kind"], "program");
    assert_eq!(user["id"], given["user_id"]);
}

#[tokio::test]
async fn roles_are_added_all_or_none() {
    let app = App::new().await;
    let admin = app.admin();
    admin.post(ROLES, json!({ "roles": ["RESEARCHERS"] })).await.expect(200);

    let taken = admin.post(ROLES, json!({ "roles": ["CLINICIANS", "RESEARCHERS"] })).await.expect(409);
    let missing = admin.post(ROLES, json!({ "roles": ["CLINICIANS", "PILOTS"] })).await.expect(404);

    assert_eq!([taken.str("code"), missing.str("code")], ["already-exists", "not-found"]);
    assert_eq!(admin.get(ROLES).await.expect(200)["roles"], json!(["RESEARCHERS"]));
    let added = admin.post(ROLES, json!({ "roles": ["SERVICE", "CLINICIANS"] })).await.expect(200);
    assert_eq!(added["roles"], json!(["CLINICIANS", "RESEARCHERS", "SERVICE"]));
    assert_eq!(added["created_program_user"], false);
    assert_eq!(admin.post(ROLES, json!({ "roles": [] })).await.expect(400).str("field"), "roles");
    assert_eq!(admin.post(ROLES, json!({})).await.expect(400).str("field"), "roles");
    assert_eq!(admin.post(ROLES, json!({ "roles": [], "x": 1 })).await.expect(400).str("field"), "x");
}

#[tokio::test]
async fn roles_may_be_set_and_taken_away() {
    let app = App::new().await;
    let admin = app.admin();

    let set = admin.put(ROLES, json!({ "roles": ["SERVICE", "RESEARCHERS"] })).await.expect(200);
    assert_eq!(set["created_program_user"], true);
    let set = admin.put(ROLES, json!({ "roles": ["CLINICIANS", "RESEARCHERS"] })).await.expect(200);
    assert_eq!(set["roles"], json!(["CLINICIANS", "RESEARCHERS"]));

    admin.delete(&format!("{ROLES}/CLINICIANS")).await.expect(204);
    assert_eq!(admin.get(ROLES).await.expect(200)["roles"], json!(["RESEARCHERS"]));
    let missing = admin.delete(&format!("{ROLES}/CLINICIANS")).await.expect(404);
    assert_eq!(missing.str("detail"), "The user doesn't have this role.");
    admin.delete(ROLES).await.expect(204);
    assert_eq!(admin.get(ROLES).await.expect(200)["roles"], json!([]));
}

#[tokio::test]
async fn a_change_of_roles_meant_for_another_version_changes_nothing() {
    let app = App::new().await;
    let admin = app.admin();
    let set = || admin.put(ROLES, json!({ "roles": ["SERVICE"] }));
    // Nobody is made when something was to be there.
    set().header("If-Match", "\"1\"").await.expect(404);
    set().header("If-Match", "*").await.expect(404);
    let given = admin.post(ROLES, json!({ "roles": ["RESEARCHERS"] })).await.expect(200);
    assert_eq!(given.header("etag"), "\"1\"");

    for request in [set(), admin.delete(ROLES), admin.delete(&format!("{ROLES}/RESEARCHERS"))] {
        request.header("If-Match", "\"2\"").await.expect(412);
    }

    let shown = admin.get(ROLES).await.expect(200);
    assert_eq!(shown["roles"], json!(["RESEARCHERS"]));
    assert_eq!(shown.header("etag"), "\"1\"");
    let set = set().header("If-Match", "\"1\"").await.expect(200);
    assert_eq!(set.header("etag"), "\"2\"");
    assert_eq!(admin.get(&format!("/api/v1/users/{BOT}")).await.expect(200)["version"], 2);
    admin.delete(ROLES).header("If-Match", "\"1\"").await.expect(412);
    admin.delete(ROLES).header("If-Match", "*").await.expect(204);
}

#[tokio::test]
async fn two_who_take_roles_away_at_once_bring_none_back() {
    let app = App::new().await;
    let admin = app.admin();

    for round in 0..10 {
        let path = format!("/api/v1/users/bot-{round}/roles");
        admin.post(&path, json!({ "roles": ["RESEARCHERS", "CLINICIANS", "SERVICE"] })).await.expect(200);
        let (one, other) = tokio::join!(
            admin.delete(&format!("{path}/RESEARCHERS")).into_future(),
            admin.delete(&format!("{path}/CLINICIANS")).into_future(),
        );
        let left = admin.get(&path).await.expect(200)["roles"].clone();
        for (answer, role) in [(one, "RESEARCHERS"), (other, "CLINICIANS")] {
            let is_there = left.as_array().unwrap().iter().any(|name| name == role);
            assert_eq!(is_there, answer.status != 204, "{} answered, {left} are left", answer.status);
        }
    }
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let app = App::new().await;
    let manager = app.holder(&["manage:users", "view:own", "draft:*"]).await;

    for (roles, missing) in
        [(json!({ "roles": ["CLINICIANS"] }), "submit:SOP*"), (json!({ "roles": ["ADMINS"] }), "*")]
    {
        assert_eq!(manager.post(ROLES, roles.clone()).await.expect(403).str("permission"), missing);
        assert_eq!(manager.put(ROLES, roles).await.expect(403).str("permission"), missing);
    }

    app.admin().get(&format!("/api/v1/users/{BOT}")).await.expect(404);
    app.create_role("drafters", &["draft:letters"]).await;
    manager.post(ROLES, json!({ "roles": ["drafters"] })).await.expect(200);
}

#[tokio::test]
async fn a_role_given_or_taken_counts_at_the_next_request() {
    let app = App::new().await;
    let bot = app.holder(&["nothing:here"]).await;
    let path = format!("/api/v1/users/{}/roles", bot.user_id);
    bot.get("/api/v1/roles").await.expect(403);

    app.create_role("role-readers", &["view:roles"]).await;
    app.admin().post(&path, json!({ "roles": ["role-readers"] })).await.expect(200);
    bot.get("/api/v1/roles").await.expect(200);

    app.admin().delete(&format!("{path}/role-readers")).await.expect(204);
    bot.get("/api/v1/roles").await.expect(403);
}

#[tokio::test]
async fn everybody_may_see_their_own_roles_and_nobody_elses() {
    let app = App::new().await;
    let bot = app.holder(&["nothing:here"]).await;

    bot.get(&format!("/api/v1/users/{}/roles", bot.username)).await.expect(200);

    let refused = bot.get(&format!("/api/v1/users/{ADMIN}/roles")).await.expect(403);
    assert_eq!(refused.str("permission"), "view:users");
}

#[tokio::test]
async fn assignments_come_in_pieces_without_those_who_have_none() {
    let app = App::new().await;
    let admin = app.admin();
    admin.post("/api/v1/users", json!({ "username": "roleless@example.com" })).await.expect(201);
    admin.post(ROLES, json!({ "roles": ["SERVICE", "RESEARCHERS"] })).await.expect(200);

    let first = admin.get("/api/v1/assignments?limit=2").await.expect(200);
    let cursor = first.str("next_cursor");
    let second = admin.get(&format!("/api/v1/assignments?limit=2&cursor={cursor}")).await.expect(200);

    assert_eq!(first.pick("username"), [ADMIN_BOT, ADMIN]);
    assert_eq!(second.pick("username"), [BOT]);
    assert_eq!(second["items"][0]["roles"], json!(["RESEARCHERS", "SERVICE"]));
    assert!(second["next_cursor"].is_null());
}
