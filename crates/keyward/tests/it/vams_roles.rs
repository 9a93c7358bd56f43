//! Roles and who has them over the VAMS dialect; the numbers are those of its acceptance cases.

use keyward_core::audit::AuditQuery;
use keyward_core::caller::Caller;
use keyward_core::role::NewRole;
use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_BOT, Answer, App, Client};

const BOT: &str = "ci-bot@example.com";

async fn create(admin: &Client, name: &str) -> Answer {
    admin.post("/roles", json!({ "roleName": name, "description": "For a test" })).await
}

async fn listed(admin: &Client, name: &str) -> Option<Value> {
    let list = admin.get("/roles").await.expect(200);
    list["message"]["Items"].as_array().unwrap().iter().find(|role| role["roleName"] == name).cloned()
}

async fn roles_of(admin: &Client, user_id: &str) -> Value {
    let list = admin.get("/user-roles").await.expect(200);
    let items = list["message"]["Items"].as_array().unwrap();
    items.iter().find(|item| item["userId"] == user_id).map_or(json!([]), |item| item["roleName"].clone())
}

fn given(user_id: &str, roles: &[&str]) -> Value {
    json!({ "userId": user_id, "roleName": roles })
}

/// 24
#[tokio::test]
async fn a_role_is_created_listed_updated_and_deleted() {
    let app = App::new().await;
    let admin = app.admin();
    let body = json!({
        "roleName": "pipeline-runner",
        "description": "Runs pipelines",
        "source": "INTERNAL_SYSTEM",
        "sourceIdentifier": "x",
        "mfaRequired": true,
        "permissions": ["submit:SOP*", "read:database"],
    });

    let made = admin.post("/roles", body).await.expect(200);

    assert_eq!(
        made.json,
        json!({
            "success": true,
            "message": "Role pipeline-runner created successfully",
            "roleName": "pipeline-runner",
            "operation": "create",
            "timestamp": "2027-01-15T12:00:00.000000",
        })
    );
    let mut role = listed(&admin, "pipeline-runner").await.unwrap();
    let id = role.as_object_mut().unwrap().remove("id").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(
        role,
        json!({
            "roleName": "pipeline-runner",
            "description": "Runs pipelines",
            "createdOn": "2027-01-15T12:00:00",
            "source": "INTERNAL_SYSTEM",
            "sourceIdentifier": "x",
            "mfaRequired": true,
            "permissions": ["read:database", "submit:SOP*"],
        })
    );
    let updated =
        admin.put("/roles", json!({ "roleName": "pipeline-runner", "description": "New" })).await.expect(200);
    assert_eq!(updated.str("message"), "Role pipeline-runner updated successfully");
    assert_eq!(updated.str("operation"), "update");
    let deleted = admin.delete("/roles/pipeline-runner").await.expect(200);
    assert_eq!(deleted.json, json!({ "message": "success" }));
    assert_eq!(listed(&admin, "pipeline-runner").await, None);
}

/// 24
#[tokio::test]
async fn a_role_is_created_once_and_deleted_once() {
    let app = App::new().await;
    create(&app.admin(), "team").await.expect(200);

    let again = create(&app.admin(), "team").await.expect(400);
    assert_eq!(again.str("message"), "VAMS General Error: Role already exists");

    app.admin().delete("/roles/team").await.expect(200);
    let again = app.admin().delete("/roles/team").await.expect(400);
    assert_eq!(again.json, json!({ "message": "Role does not exist" }));
    let unknown =
        app.admin().put("/roles", json!({ "roleName": "team", "description": "x" })).await.expect(400);
    assert_eq!(unknown.json, json!({ "message": "VAMS General Error: Role does not exist" }));
}

/// 24
#[tokio::test]
async fn a_deleted_role_is_taken_from_everybody_and_not_given_back_by_a_namesake() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, "team").await.expect(200);
    create(&admin, "teamA").await.expect(200);
    admin.post("/user-roles", given(BOT, &["team", "teamA"])).await.expect(200);

    admin.delete("/roles/team").await.expect(200);

    assert_eq!(roles_of(&admin, BOT).await, json!(["teamA"]));
    create(&admin, "team").await.expect(200);
    assert_eq!(roles_of(&admin, BOT).await, json!(["teamA"]));
}

#[tokio::test]
async fn what_is_wrong_with_a_role_is_said() {
    let app = App::new().await;
    let message =
        async |body: Value| app.admin().post("/roles", body).await.expect(400).str("message").to_owned();

    for body in [
        json!({}),
        json!({ "roleName": "x" }),
        json!({ "description": "x" }),
        json!({ "roleName": "", "description": "" }),
    ] {
        assert_eq!(message(body).await, "roleName and description are required");
    }
    let role = |name: &str, member: &str, value: Value| {
        let mut body = json!({ "roleName": name, "description": "d" });
        body[member] = value;
        body
    };
    assert_eq!(
        message(role("x", "source", json!("LDAP"))).await,
        "Invalid source. Allowed values: INTERNAL_SYSTEM"
    );
    assert_eq!(
        message(role("x", "sourceIdentifier", json!("x".repeat(257)))).await,
        "sourceIdentifier must be lower than 256 characters"
    );
    assert_eq!(
        message(role("x", "mfaRequired", json!("maybe"))).await,
        "`mfaRequired` must be true or false."
    );
    assert_eq!(
        message(role("a/b", "x", Value::Null)).await,
        r"roleName is invalid. Must follow the regexp ^[a-zA-Z0-9\-._\s]{1,256}$"
    );
    assert_eq!(
        message(role("GLOBAL", "x", Value::Null)).await,
        "roleName is invalid. GLOBAL is not allowed for this field."
    );
    assert!(message(role("x", "permissions", json!(["no permission"]))).await.contains("action:resource"));
    assert!(message(role("x", "permissions", json!("read:*"))).await.contains("must be a list"));
}

/// 25
#[tokio::test]
async fn an_update_keeps_what_it_does_not_name() {
    let app = App::new().await;
    let admin = app.admin();
    let body = json!({
        "roleName": "team",
        "description": "For a test",
        "source": "INTERNAL_SYSTEM",
        "sourceIdentifier": "x",
        "mfaRequired": true,
        "permissions": ["read:database"],
    });
    admin.post("/roles", body).await.expect(200);

    admin
        .put("/roles", json!({ "roleName": "team", "description": "Another", "source": null }))
        .await
        .expect(200);
    let role = listed(&admin, "team").await.unwrap();
    assert_eq!((&role["description"], &role["mfaRequired"]), (&json!("Another"), &json!(true)));
    assert_eq!((&role["source"], &role["sourceIdentifier"]), (&json!("INTERNAL_SYSTEM"), &json!("x")));
    assert_eq!(role["permissions"], json!(["read:database"]));

    admin.put("/roles", json!({ "roleName": "team", "mfaRequired": false })).await.expect(200);
    let role = listed(&admin, "team").await.unwrap();
    assert_eq!((&role["description"], &role["mfaRequired"]), (&json!("Another"), &json!(false)));

    admin.put("/roles", json!({ "roleName": "team", "permissions": [] })).await.expect(200);
    assert_eq!(listed(&admin, "team").await.unwrap()["permissions"], json!([]));
    let unnamed = admin.put("/roles", json!({ "description": "x" })).await.expect(400);
    assert_eq!(unnamed.str("message"), "roleName is a required field.");
    admin.put("/roles", json!({ "roleName": "team" })).await.expect(400);
}

#[tokio::test]
async fn roles_can_be_read_page_by_page() {
    let app = App::new().await;
    let admin = app.admin();

    let first = admin.get("/roles?pageSize=3").await.expect(200);
    let token = first["message"]["NextToken"].as_str().unwrap();
    let second = admin.get(&format!("/roles?pageSize=3&startingToken={token}")).await.expect(200);

    let names = |page: &Answer| -> Vec<String> {
        let items = page["message"]["Items"].as_array().unwrap();
        items.iter().map(|role| role["roleName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["ADMINS", "CLINICIANS", "LAB_MANAGERS"]);
    assert_eq!(names(&second), ["RESEARCHERS", "SERVICE"]);
    assert_eq!(second["message"]["NextToken"], Value::Null);
    assert_eq!(names(&admin.get("/roles").await.expect(200)).len(), 5);
    for query in ["pageSize=abc", "maxItems=0", "startingToken=!"] {
        admin.get(&format!("/roles?{query}")).await.expect(400);
    }
}

/// As VAMS does it, a page may hold more than the 1000 of a page of ours.
#[tokio::test]
async fn a_page_is_as_large_as_it_was_asked_for() {
    let app = App::new().await;
    let operator = Caller::operator();
    for number in 0..1100 {
        let role = NewRole {
            name: format!("role-{number:04}"),
            description: "For a test".to_owned(),
            ..NewRole::default()
        };
        app.keyward.create_role(&operator, role).await.unwrap();
    }
    let page = async |query: &str| {
        let page = app.admin().get(&format!("/roles{query}")).await.expect(200);
        let names: Vec<Value> = page["message"]["Items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role["roleName"].clone())
            .collect();
        (names, page["message"]["NextToken"].as_str().unwrap_or_default().to_owned())
    };

    let (all, end) = page("").await;
    let (first, token) = page("?pageSize=1050").await;
    let (rest, _) = page(&format!("?pageSize=1050&startingToken={token}")).await;

    assert_eq!((all.len(), end.as_str(), first.len(), rest.len()), (1105, "", 1050, 55));
    assert_eq!(all, [first, rest].concat());
}

/// 26
#[tokio::test]
async fn a_user_gets_several_roles_at_once_and_a_program_user_is_made_where_nobody_has_the_name() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, "A").await.expect(200);
    create(&admin, "B").await.expect(200);

    let made = admin.post("/user-roles", given(BOT, &["B", "A"])).await.expect(200);

    assert_eq!(
        made.json,
        json!({
            "success": true,
            "message": format!(
                "User roles created successfully. Nobody had the name {BOT}, so a program user was made for \
                 it."
            ),
            "userId": BOT,
            "operation": "create",
            "timestamp": "2027-01-15T12:00:00.000000",
        })
    );
    let list = admin.get("/user-roles").await.expect(200);
    let items = list["message"]["Items"].as_array().unwrap();
    assert!(
        items.contains(&json!({ "userId": BOT, "roleName": ["A", "B"], "createdOn": "2027-01-15T12:00:00" }))
    );
    let known = admin.post("/user-roles", given(BOT, &["ADMINS"])).await.expect(200);
    assert_eq!(known.str("message"), "User roles created successfully");
}

/// 26
#[tokio::test]
async fn roles_are_given_all_or_none() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, "A").await.expect(200);
    create(&admin, "B").await.expect(200);

    let unknown = admin.post("/user-roles", given(BOT, &["A", "no-such-role"])).await.expect(400);
    assert_eq!(
        unknown.str("message"),
        "VAMS General Error: Role 'no-such-role' does not exist in the system"
    );
    assert_eq!(roles_of(&admin, BOT).await, json!([]));

    admin.post("/user-roles", given(BOT, &["A"])).await.expect(200);
    let held = admin.post("/user-roles", given(BOT, &["B", "A"])).await.expect(400);
    assert_eq!(held.str("message"), "VAMS General Error: One or more roles already exist for this user");
    assert_eq!(roles_of(&admin, BOT).await, json!(["A"]));
}

/// 26
#[tokio::test]
async fn an_update_makes_it_exactly_these_roles_for_a_user_with_none_too() {
    let app = App::new().await;
    let admin = app.admin();
    for name in ["A", "B", "C"] {
        create(&admin, name).await.expect(200);
    }

    let made = admin.put("/user-roles", given(BOT, &["A", "B"])).await.expect(200);
    assert!(made.str("message").starts_with("User roles updated successfully. Nobody had the name"));
    assert_eq!(made.str("operation"), "update");

    let updated = admin.put("/user-roles", given(BOT, &["B", "C"])).await.expect(200);
    assert_eq!(updated.str("message"), "User roles updated successfully");
    assert_eq!(roles_of(&admin, BOT).await, json!(["B", "C"]));
}

/// 26
#[tokio::test]
async fn a_delete_takes_every_role_and_says_so_of_somebody_unknown_too() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, "A").await.expect(200);
    admin.post("/user-roles", given(BOT, &["A"])).await.expect(200);

    for user_id in [BOT, BOT, "nobody@example.com"] {
        let cleared = admin.delete("/user-roles").json(json!({ "userId": user_id })).await.expect(200);
        assert_eq!(cleared.str("message"), "User roles deleted successfully");
        assert_eq!((cleared.str("userId"), cleared.str("operation")), (user_id, "delete"));
    }

    assert_eq!(roles_of(&admin, BOT).await, json!([]));
    admin.delete("/user-roles").await.expect(400);
    admin.delete("/user-roles").json(json!({})).await.expect(400);
}

/// 26
#[tokio::test]
async fn what_is_wrong_with_an_assignment_is_said() {
    let app = App::new().await;

    for (body, message) in [
        (json!({ "userId": BOT, "roleName": [] }), "At least one role name is required"),
        (json!({ "userId": BOT, "roleName": "ADMINS" }), "roleName: value is not a valid list"),
        (json!({ "userId": BOT }), "roleName is a required field."),
        (json!({ "roleName": ["ADMINS"] }), "userId is a required field."),
        (given("a b", &["ADMINS"]), r"userId is invalid. Must follow the regexp ^[\w\-\.\+\@]{3,256}$"),
        (given("global", &["ADMINS"]), "userId is invalid. GLOBAL is not allowed for this field."),
    ] {
        for refused in
            [app.admin().post("/user-roles", body.clone()), app.admin().put("/user-roles", body.clone())]
        {
            assert_eq!(refused.await.expect(400).str("message"), message);
        }
    }
}

#[tokio::test]
async fn who_has_which_roles_can_be_read_page_by_page() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, "A").await.expect(200);
    for number in 0..4 {
        admin.post("/user-roles", given(&format!("bot{number}"), &["A"])).await.expect(200);
    }

    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/user-roles?pageSize=4&startingToken={token}")).await.expect(200);
        let items = page["message"]["Items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["userId"].as_str().unwrap().to_owned()));
        match page["message"]["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }

    assert_eq!(seen, [ADMIN_BOT, ADMIN, "bot0", "bot1", "bot2", "bot3"]);
    assert_eq!(
        admin.get("/user-roles?maxItems=2").await.expect(200)["message"]["Items"].as_array().unwrap().len(),
        2
    );
}

/// 27
#[tokio::test]
async fn nobody_gives_or_makes_a_role_above_their_own_rights() {
    let app = App::new().await;
    let clerk = app.holder(&["manage:users", "manage:roles"]).await;
    create(&app.admin(), "A").await.expect(200);

    for refused in [
        clerk.post("/user-roles", given(BOT, &["ADMINS"])),
        clerk.put("/user-roles", given(&clerk.username, &["ADMINS"])),
        clerk.delete("/user-roles").json(json!({ "userId": ADMIN })),
        clerk
            .post("/roles", json!({ "roleName": "x", "description": "d", "permissions": ["read:database"] })),
        clerk.put("/roles", json!({ "roleName": "A", "permissions": ["*"] })),
        clerk.put("/roles", json!({ "roleName": "ADMINS", "description": "Mine" })),
        clerk.delete("/roles/ADMINS"),
    ] {
        let refused = refused.await.expect(403);
        assert_eq!(refused.str("message"), "Not Authorized");
        assert!(refused.str("detail").contains("rights above your own"));
    }
    assert_eq!(roles_of(&app.admin(), ADMIN).await, json!(["ADMINS"]));
    assert_eq!(listed(&app.admin(), "x").await, None);
}

/// 27
#[tokio::test]
async fn who_may_only_look_is_refused_every_change() {
    let app = App::new().await;
    let viewer = app.holder(&["view:users", "view:roles"]).await;
    viewer.get("/roles").await.expect(200);
    viewer.get("/user-roles").await.expect(200);

    for refused in [
        viewer.post("/roles", json!({ "roleName": "x", "description": "d" })),
        viewer.put("/roles", json!({ "roleName": "SERVICE", "description": "d" })),
        viewer.delete("/roles/SERVICE"),
        viewer.post("/user-roles", given(BOT, &["SERVICE"])),
        viewer.put("/user-roles", given(BOT, &["SERVICE"])),
        viewer.delete("/user-roles").json(json!({ "userId": ADMIN_BOT })),
    ] {
        assert_eq!(refused.await.expect(403).str("message"), "Not Authorized");
    }
}

#[tokio::test]
async fn a_refusal_is_in_the_audit_log_with_whom_it_concerned() {
    let app = App::new().await;
    let clerk = app.holder(&["view:users"]).await;

    clerk.post("/user-roles", given(ADMIN, &["SERVICE"])).await.expect(403);

    let operator = Caller::operator();
    let events = app.keyward.list_audit(&operator, &AuditQuery::default()).await.unwrap().items;
    let event = events.iter().find(|event| event.outcome.as_str() == "refused").unwrap();
    assert_eq!((event.action.as_str(), event.target_name.as_deref()), ("role.assign", Some(ADMIN)));
    assert_eq!(event.actor_name, clerk.username);
}

#[tokio::test]
async fn the_last_admin_who_can_sign_in_keeps_the_role() {
    let app = App::new().await;
    let admin = app.admin();

    for refused in [
        admin.delete("/user-roles").json(json!({ "userId": ADMIN })),
        admin.put("/user-roles", given(ADMIN, &["SERVICE"])),
        admin.delete("/roles/ADMINS"),
        admin.put("/roles", json!({ "roleName": "ADMINS", "permissions": ["view:users"] })),
        admin.put("/roles", json!({ "roleName": "ADMINS", "mfaRequired": true })),
    ] {
        assert!(refused.await.expect(400).str("message").contains("no admin"));
    }
    assert_eq!(roles_of(&admin, ADMIN).await, json!(["ADMINS"]));
}
