//! API keys over the VAMS dialect; the numbers are those of its acceptance cases.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::Method;
use keyward_core::api_key::ImportedApiKey;
use keyward_core::caller::Caller;
use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_BOT, Answer, App, Client};

const KEYS: &str = "/auth/api-keys";
const BOT: &str = "ci-bot@example.com";

/// An app with a bot that may list users, by which a test sees whether a key works.
async fn app_with_bot() -> App {
    let app = App::new().await;
    app.create_role("viewers", &["view:users"]).await;
    app.give_roles(BOT, &["viewers"]).await;
    app
}

fn new_key(name: &str) -> Value {
    json!({ "apiKeyName": name, "userId": BOT, "description": "For a test" })
}

/// A new key, and a client who shows it.
async fn create(app: &App, body: Value) -> (Answer, Client) {
    let made = app.admin().post(KEYS, body).await.expect(200);
    let client = app.client(made.str("apiKey"));
    (made, client)
}

async fn update(app: &App, key: &Answer, change: Value) -> Answer {
    app.admin().put(&format!("{KEYS}/{}", key.str("apiKeyId")), change).await
}

async fn assert_works(key: &Client) {
    key.get("/user/cognito").await.expect(200);
}

async fn assert_dead(key: &Client) {
    assert_eq!(key.get("/user/cognito").await.expect(403).json, json!({ "message": "Forbidden" }));
}

/// 11
#[tokio::test]
async fn a_user_without_roles_gets_no_key() {
    let app = app_with_bot().await;
    let make =
        |user: &str| app.admin().post(KEYS, json!({ "apiKeyName": "k", "userId": user, "description": "d" }));

    let refused = make("nobody@example.com").await.expect(400);

    assert_eq!(
        refused.str("message"),
        "User 'nobody@example.com' has no roles assigned. Cannot create API key for a user without roles."
    );
    app.admin()
        .post("/user-roles", json!({ "userId": "nobody@example.com", "roleName": ["viewers"] }))
        .await
        .expect(200);
    make("nobody@example.com").await.expect(200);
}

/// 11
#[tokio::test]
async fn a_new_key_is_shown_as_vams_shows_it() {
    let app = app_with_bot().await;

    let (made, _) = create(&app, new_key("CI Pipeline")).await;

    let key = made.str("apiKey");
    assert!(key.starts_with("vams_") && key.len() == 69, "{key}");
    let mut expected = json!({
        "apiKeyId": made.str("apiKeyId"),
        "apiKeyName": "CI Pipeline",
        "description": "For a test",
        "userId": BOT,
        "createdBy": ADMIN_BOT,
        "createdAt": "2027-01-15T12:00:00.000000+00:00",
        "updatedAt": "2027-01-15T12:00:00.000000+00:00",
        "expiresAt": "",
        "isActive": "true",
        "publicId": &key[5..17],
        "state": "active",
        "scope": null,
        "allowedAddresses": [],
        "owner": null,
        "reviewAt": null,
        "lastUsedAt": null,
        "lastUsedFrom": null,
    });
    let read = app.admin().get(&format!("{KEYS}/{}", made.str("apiKeyId"))).await.expect(200);
    assert_eq!(read.json, expected);
    expected["apiKey"] = key.into();
    assert_eq!(made.json, expected);
}

/// 12
#[tokio::test]
async fn the_key_itself_is_in_no_other_answer_and_in_no_file() {
    let app = app_with_bot().await;
    let (made, key) = create(&app, new_key("CI")).await;
    assert_works(&key).await;

    let answers = [
        app.admin().get(KEYS).await.expect(200).text,
        app.admin().get(&format!("{KEYS}/{}", made.str("apiKeyId"))).await.expect(200).text,
        update(&app, &made, json!({ "description": "x" })).await.expect(200).text,
    ];

    let secret = made.str("apiKey");
    assert!(answers.iter().all(|answer| !answer.contains(&secret[17..])));
    for file in std::fs::read_dir(app.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(46).any(|window| window == &secret.as_bytes()[17..63]));
    }
}

/// 13
#[tokio::test]
async fn each_of_the_three_fields_is_required() {
    let app = app_with_bot().await;

    for field in ["apiKeyName", "userId", "description"] {
        for nothing in [Some(json!("")), Some(Value::Null), None] {
            let mut body = new_key("CI");
            body.as_object_mut().unwrap().remove(field);
            if let Some(nothing) = nothing {
                body[field] = nothing;
            }
            let refused = app.admin().post(KEYS, body).await.expect(400);
            assert_eq!(refused.str("message"), format!("{field} is a required field."));
        }
    }
}

/// 13
#[tokio::test]
async fn a_name_is_given_once_and_other_cases_are_other_names() {
    let app = app_with_bot().await;
    create(&app, new_key("CI")).await;

    let refused = app.admin().post(KEYS, new_key("CI")).await.expect(400);

    assert_eq!(
        refused.str("message"),
        "An API key with the name 'CI' already exists. Please choose a different name."
    );
    create(&app, new_key("ci")).await;
}

/// 13
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_at_once_exactly_one_gets_the_name() {
    let app = app_with_bot().await;

    let requests: Vec<_> =
        (0..50).map(|_| tokio::spawn(app.admin().post(KEYS, new_key("CI")).into_future())).collect();
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(request.await.unwrap().status.as_u16());
    }

    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![400; 49]].concat());
}

#[tokio::test]
async fn the_request_is_checked_before_the_name_and_the_name_before_the_roles() {
    let app = app_with_bot().await;
    create(&app, new_key("CI")).await;
    let message = async |change: Value| {
        let mut body = new_key("CI");
        body["userId"] = "nobody@example.com".into();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        app.admin().post(KEYS, body).await.expect(400).str("message").to_owned()
    };

    assert!(message(json!({ "description": "x".repeat(257) })).await.contains("lower than 256"));
    assert!(message(json!({ "expiresAt": "soon" })).await.contains("Invalid date format: 'soon'"));
    assert!(message(json!({ "reviewAt": "soon" })).await.contains("review date"));
    assert!(message(json!({})).await.contains("already exists"));
    assert!(message(json!({ "apiKeyName": "other" })).await.contains("no roles"));
}

/// 14
#[tokio::test]
async fn an_end_is_kept_as_it_was_written() {
    let app = app_with_bot().await;

    for (number, end) in
        ["2027-06-30T23:59:59Z", "2027-06-30", "20270630", "2027-06-30T23:59:59.123456+00:00"]
            .iter()
            .enumerate()
    {
        let mut body = new_key(&number.to_string());
        body["expiresAt"] = (*end).into();
        let (made, key) = create(&app, body).await;
        assert_eq!(made.str("expiresAt"), *end);
        assert_works(&key).await;
    }
    let mut body = new_key("never");
    body["expiresAt"] = "not-a-date".into();
    assert_eq!(
        app.admin().post(KEYS, body).await.expect(400).str("message"),
        "Invalid date format: 'not-a-date'. Use ISO 8601 format (e.g. 2026-12-31 or 2026-12-31T23:59:59Z)"
    );
}

/// 14
#[tokio::test]
async fn a_key_that_has_ended_is_refused_however_its_end_is_written() {
    let app = app_with_bot().await;

    for (number, end) in [
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00Z",
        "2027-01-15T13:59:59+02:00",
        "2027-01-14",
    ]
    .iter()
    .enumerate()
    {
        let mut body = new_key(&number.to_string());
        body["expiresAt"] = (*end).into();
        let (made, key) = create(&app, body).await;
        assert_dead(&key).await;
        assert_eq!((made.str("isActive"), made.str("state")), ("true", "expired"), "{end}");
    }
}

/// 14
#[tokio::test]
async fn a_date_alone_is_the_end_of_that_day() {
    let app = app_with_bot().await;
    let mut body = new_key("CI");
    body["expiresAt"] = "2027-01-15".into();
    let (_, key) = create(&app, body).await;

    app.advance(Duration::from_secs(12 * 60 * 60 - 1));
    assert_works(&key).await;

    app.advance(Duration::from_secs(1));
    assert_dead(&key).await;
}

/// 15
#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let app = app_with_bot().await;
    let (made, _) = create(&app, new_key("CI")).await;
    app.advance(Duration::from_secs(1));

    let change =
        json!({ "description": "Updated", "expiresAt": "2027-12-31", "apiKeyName": "x", "userId": ADMIN });
    let updated = update(&app, &made, change).await.expect(200);

    assert_eq!((updated.str("description"), updated.str("expiresAt")), ("Updated", "2027-12-31"));
    assert_eq!((updated.str("apiKeyName"), updated.str("userId")), ("CI", BOT));
    assert_eq!(updated.str("updatedAt"), "2027-01-15T12:00:01.000000+00:00");
    let cleared = update(&app, &made, json!({ "expiresAt": "", "description": "" })).await.expect(200);
    assert_eq!((cleared.str("description"), cleared.str("expiresAt")), ("", ""));
}

/// 15
#[tokio::test]
async fn an_update_needs_a_field() {
    let app = app_with_bot().await;
    let (made, _) = create(&app, new_key("CI")).await;

    for nothing in [json!({}), json!({ "description": null, "isActive": null }), json!({ "apiKeyName": "x" })]
    {
        assert_eq!(
            update(&app, &made, nothing).await.expect(400).str("message"),
            "At least one of 'description', 'expiresAt', or 'isActive' must be provided"
        );
    }
}

/// 15
#[tokio::test]
async fn active_is_true_or_false_and_nothing_else() {
    let app = app_with_bot().await;
    let (made, key) = create(&app, new_key("CI")).await;

    for (active, shown) in [(json!("false"), "false"), (json!(true), "true"), (json!(false), "false")] {
        let updated = update(&app, &made, json!({ "isActive": active })).await.expect(200);
        assert_eq!(updated.str("isActive"), shown);
    }
    update(&app, &made, json!({ "isActive": "true" })).await.expect(200);
    for wrong in [json!("banana"), json!("TRUE"), json!(""), json!(1), json!({})] {
        let refused = update(&app, &made, json!({ "isActive": wrong })).await.expect(400);
        assert_eq!(refused.str("message"), "isActive must be 'true' or 'false'");
    }
    assert_works(&key).await;
}

#[tokio::test]
async fn clearing_the_end_of_a_dead_key_does_not_arm_it_again() {
    let app = app_with_bot().await;
    let mut body = new_key("CI");
    body["expiresAt"] = "2020-01-01".into();
    let (made, key) = create(&app, body).await;

    let cleared = update(&app, &made, json!({ "expiresAt": "" })).await.expect(200);
    assert_eq!((cleared.str("isActive"), cleared.str("state")), ("false", "disabled"));
    assert_dead(&key).await;

    update(&app, &made, json!({ "expiresAt": "", "isActive": "true" })).await.expect(200);
    assert_works(&key).await;
}

/// 16
#[tokio::test]
async fn the_very_next_request_with_a_disabled_or_deleted_key_is_refused() {
    let app = app_with_bot().await;
    let (made, key) = create(&app, new_key("CI")).await;
    for _ in 0..3 {
        assert_works(&key).await;
        update(&app, &made, json!({ "isActive": "false" })).await.expect(200);
        assert_dead(&key).await;
        update(&app, &made, json!({ "isActive": "true" })).await.expect(200);
    }
    assert_works(&key).await;

    let path = format!("{KEYS}/{}", made.str("apiKeyId"));
    let deleted = app.admin().delete(&path).await.expect(200);

    assert_dead(&key).await;
    let message = format!("API key '{}' deleted successfully", made.str("apiKeyId"));
    assert_eq!(deleted.json, json!({ "message": message }));
    for again in [
        app.admin().delete(&path),
        app.admin().get(&path),
        app.admin().put(&path, json!({ "description": "x" })),
    ] {
        assert_eq!(again.await.expect(400).json, json!({ "message": "API key not found" }));
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_said_to_be_none() {
    let app = App::new().await;

    let refused = app.admin().get(&format!("{KEYS}/not-an-id")).await.expect(400);

    assert!(
        refused.str("message").starts_with("apiKeyId is invalid. Must follow the regexp ^[0-9a-fA-F]{8}")
    );
}

/// 17
#[tokio::test]
async fn a_key_is_recognised_as_it_is_and_as_a_bearer_and_in_no_other_form() {
    let app = app_with_bot().await;
    let (made, _) = create(&app, new_key("CI")).await;
    let key = made.str("apiKey");

    for good in [key.to_owned(), format!("Bearer {key}"), format!("bearer {key}"), format!("BEARER  {key}")] {
        assert_works(&app.client(&good)).await;
    }
    for bad in [
        format!("Basic {key}"),
        format!("Bearer{key}"),
        key[..68].to_owned(),
        format!("{key}x"),
        key.to_uppercase(),
        key[5..].to_owned(),
        format!("vams_{}", "A".repeat(64)),
        "vams_".to_owned(),
        "Bearer".to_owned(),
    ] {
        assert_dead(&app.client(&bad)).await;
    }
    app.anonymous().get(KEYS).await.expect(401);
}

/// 18
#[tokio::test]
async fn a_key_has_the_roles_that_its_user_has_now() {
    let app = app_with_bot().await;
    let (_, key) = create(&app, new_key("CI")).await;
    assert_works(&key).await;

    app.admin().delete("/user-roles").json(json!({ "userId": BOT })).await.expect(200);
    assert_dead(&key).await;

    app.admin().post("/user-roles", json!({ "userId": BOT, "roleName": ["viewers"] })).await.expect(200);
    assert_works(&key).await;
}

/// 19
#[tokio::test]
async fn a_role_that_requires_mfa_sleeps_under_a_key() {
    let app = App::new().await;
    app.create_mfa_role("viewers", &["view:users"]).await;
    app.give_roles(BOT, &["viewers"]).await;

    let (_, key) = create(&app, new_key("CI")).await;

    assert_eq!(key.get("/user/cognito").await.expect(403).str("message"), "Not Authorized");
    for path in ["/secure-config".to_owned(), format!("/auth/loginProfile/{BOT}")] {
        key.get(&path).await.expect(200);
    }
    app.admin().put("/roles", json!({ "roleName": "viewers", "mfaRequired": false })).await.expect(200);
    assert_works(&key).await;
}

/// 20
#[tokio::test]
async fn the_ci_workflow_of_the_manual_runs_for_a_bot_that_nobody_created() {
    let app = App::new().await;
    let admin = app.admin();
    let role = json!({ "roleName": "pipeline-runner", "description": "CI", "permissions": ["view:users"] });
    admin.post("/roles", role).await.expect(200);

    admin.post("/user-roles", json!({ "userId": BOT, "roleName": ["pipeline-runner"] })).await.expect(200);
    let mut body = new_key("GitHub Actions");
    body["expiresAt"] = "2027-12-31T23:59:59Z".into();
    let (_, key) = create(&app, body).await;

    assert_works(&key).await;
}

/// 21
#[tokio::test]
async fn both_keys_of_a_rotation_work_until_the_old_one_is_deleted() {
    let app = app_with_bot().await;
    let (old, old_key) = create(&app, new_key("CI Pipeline")).await;
    let (_, new_key) = create(&app, new_key("CI Pipeline v2")).await;
    assert_works(&old_key).await;
    assert_works(&new_key).await;

    app.admin().delete(&format!("{KEYS}/{}", old.str("apiKeyId"))).await.expect(200);

    assert_dead(&old_key).await;
    assert_works(&new_key).await;
}

/// 22
#[tokio::test]
async fn more_than_three_thousand_keys_are_all_listed_and_keep_their_names() {
    let app = app_with_bot().await;
    let names: Vec<String> = (0..3100).map(|number| format!("key {number:04}")).collect();
    for (part, names) in names.chunks(1000).enumerate() {
        let keys: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(number, name)| ImportedApiKey {
                name: name.clone(),
                user: BOT.to_owned(),
                sha256: format!("{part:032x}{number:032x}"),
                active: true,
                ..ImportedApiKey::default()
            })
            .collect();
        let imported = app.keyward.import_api_keys(&Caller::operator(), &keys).await.unwrap();
        assert!(imported.iter().all(Result::is_ok));
    }

    let list = app.admin().get(KEYS).await.expect(200);

    let items = list["Items"].as_array().unwrap().iter();
    let listed: HashSet<&str> = items.map(|key| key["apiKeyName"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| listed.contains(name.as_str())));
    for name in [&names[0], &names[2999], &names[3099]] {
        assert!(
            app.admin().post(KEYS, new_key(name)).await.expect(400).str("message").contains("already exists")
        );
    }
}

/// 23
#[tokio::test]
async fn nobody_makes_a_key_for_somebody_with_more_rights() {
    let app = App::new().await;
    let clerk = app.holder(&["manage:api-keys", "read:*"]).await;
    app.create_role("readers", &["read:database"]).await;
    app.give_roles(BOT, &["readers"]).await;
    let make = |user: &str, name: &str| {
        clerk.post(KEYS, json!({ "apiKeyName": name, "userId": user, "description": "d" }))
    };

    for above in [ADMIN, ADMIN_BOT] {
        let refused = make(above, "sneaky").await.expect(403);
        assert_eq!(refused.str("message"), "Not Authorized");
    }
    make(&clerk.username, "own").await.expect(200);
    make(BOT, "below").await.expect(200);

    // Whatever its scope: the key would speak in the admin's name.
    let narrow = |user: &str| {
        let mut narrow = json!({ "apiKeyName": "narrow", "userId": user, "description": "d" });
        narrow["scope"] = json!(["read:database"]);
        narrow
    };
    clerk.post(KEYS, narrow(ADMIN_BOT)).await.expect(403);
    let narrow = app.admin().post(KEYS, narrow(ADMIN_BOT)).await.expect(200);
    let path = format!("{KEYS}/{}", narrow.str("apiKeyId"));
    clerk.put(&path, json!({ "scope": null })).await.expect(403);
    clerk.put(&path, json!({ "scope": ["read:database", "manage:users"] })).await.expect(403);
    app.client(narrow.str("apiKey")).get("/user/cognito").await.expect(403);
}

#[tokio::test]
async fn scope_addresses_owner_and_review_are_taken_and_given_back() {
    let app = app_with_bot().await;
    let mut body = new_key("CI");
    body["scope"] = json!(["view:users"]);
    body["allowedAddresses"] = json!(["192.0.2.0/24", "2001:db8::1"]);
    body["owner"] = "Ada".into();
    body["reviewAt"] = "2027-06-30".into();
    let (made, key) = create(&app, body).await;

    assert_eq!(made["scope"], json!(["view:users"]));
    assert_eq!(made["allowedAddresses"], json!(["192.0.2.0/24", "2001:db8::1/128"]));
    assert_eq!((made.str("owner"), made.str("reviewAt")), ("Ada", "2027-06-30"));
    assert_works(&key).await;
    key.get("/user/cognito").from("198.51.100.1").await.expect(403);

    let used = app.admin().get(&format!("{KEYS}/{}", made.str("apiKeyId"))).await.expect(200);
    assert_eq!(used.str("lastUsedAt"), "2027-01-15T12:00:00.000000+00:00");
    assert_eq!(used.str("lastUsedFrom"), "192.0.2.10");

    let change = json!({ "scope": ["read:nothing"], "allowedAddresses": [], "owner": null, "reviewAt": "" });
    let updated = update(&app, &made, change).await.expect(200);
    assert_eq!(updated["scope"], json!(["read:nothing"]));
    assert_eq!((&updated["owner"], &updated["reviewAt"]), (&Value::Null, &Value::Null));
    key.get("/user/cognito").from("198.51.100.1").await.expect(403);
    update(&app, &made, json!({ "scope": null })).await.expect(200);
    key.get("/user/cognito").from("198.51.100.1").await.expect(200);
    for wrong in
        [json!({ "scope": ["x y"] }), json!({ "allowedAddresses": ["x"] }), json!({ "reviewAt": "x" })]
    {
        update(&app, &made, wrong).await.expect(400);
    }
}

#[tokio::test]
async fn numbers_are_taken_for_texts_and_unknown_members_passed_over() {
    let app = app_with_bot().await;
    let mut body = new_key("CI");
    body["apiKeyName"] = json!(12);
    body["whatever"] = json!({ "x": [1] });

    let (made, _) = create(&app, body).await;

    assert_eq!(made.str("apiKeyName"), "12");
}

#[tokio::test]
async fn the_word_global_names_nothing_but_may_describe() {
    let app = app_with_bot().await;
    let mut body = new_key("Global");
    let refused = app.admin().post(KEYS, body.clone()).await.expect(400);
    assert_eq!(refused.str("message"), "apiKeyName is invalid. GLOBAL is not allowed for this field.");

    body["apiKeyName"] = "CI".into();
    body["description"] = "global".into();

    assert_eq!(create(&app, body).await.0.str("description"), "global");
}

#[tokio::test]
async fn who_may_only_see_keys_changes_none() {
    let app = app_with_bot().await;
    let (made, _) = create(&app, new_key("CI")).await;
    let viewer = app.holder(&["view:api-keys"]).await;
    let path = format!("{KEYS}/{}", made.str("apiKeyId"));

    viewer.get(KEYS).await.expect(200);
    viewer.get(&path).await.expect(200);

    for (method, path, body) in [
        (Method::POST, KEYS, new_key("x")),
        (Method::PUT, &*path, json!({ "isActive": "false" })),
        (Method::DELETE, &*path, Value::Null),
    ] {
        viewer.request(method, path).json(body).await.expect(403);
    }
}
