//! Groups, which are roles in the home pool.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::caller::Caller;
use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};

use crate::cognito_support::{ANN, PASSWORD};
use crate::cognito_users::Administrator;
use crate::support::{ADMIN_BOT, App};

#[tokio::test]
async fn a_group_is_made_shown_changed_and_deleted() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let named = json!({ "GroupName": "chemists" });

    let made = admin
        .ask(
            "CreateGroup",
            json!({
                "GroupName": "chemists", "Description": "They mix", "Precedence": 0,
                "RoleArn": "arn:aws:iam::123456789012:role/chemists",
            }),
        )
        .await
        .expect(200);

    let group = json!({
        "GroupName": "chemists", "UserPoolId": admin.pool_id, "Description": "They mix", "Precedence": 0,
        "RoleArn": "arn:aws:iam::123456789012:role/chemists", "CreationDate": 1_800_014_400.0,
        "LastModifiedDate": 1_800_014_400.0,
    });
    assert_eq!(made.json, json!({ "Group": group }));
    assert_eq!(admin.ask("GetGroup", named.clone()).await.expect(200).json, made.json);
    admin
        .ask("CreateGroup", named.clone())
        .await
        .expect_refusal("GroupExistsException", "A group with the name already exists");

    app.clock.advance_ms(1000);
    let changed = admin.ask("UpdateGroup", json!({ "GroupName": "chemists", "Precedence": 7 })).await;
    let mut expected = group;
    expected["Precedence"] = json!(7);
    expected["LastModifiedDate"] = json!(1_800_014_401.0);
    assert_eq!(changed.expect(200)["Group"], expected);
    let changed = admin.ask("UpdateGroup", json!({ "GroupName": "chemists", "Description": "" })).await;
    assert_eq!(changed.expect(200)["Group"]["Description"], json!(null));
    admin.ask("UpdateGroup", named.clone()).await.expect(200);

    assert_eq!(admin.ask("DeleteGroup", named.clone()).await.expect(200).text, "{}");
    for operation in ["GetGroup", "UpdateGroup", "DeleteGroup"] {
        admin
            .ask(operation, named.clone())
            .await
            .expect_refusal("ResourceNotFoundException", "Group not found.");
    }
}

#[tokio::test]
async fn whoever_is_in_a_group_has_the_role() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    app.new_user().await;
    app.create_role("readers", &["read:*"]).await;
    let act = |operation: &'static str, username: &str, group: &str| {
        admin.ask(operation, json!({ "Username": username, "GroupName": group }))
    };
    let roles = async || app.keyward.user(&Caller::operator(), ANN).await.unwrap().roles;

    // Once or twice, it is the same.
    for _ in 0..2 {
        assert_eq!(act("AdminAddUserToGroup", ANN, "readers").await.expect(200).text, "{}");
        assert_eq!(roles().await, ["readers"]);
    }
    for _ in 0..2 {
        assert_eq!(act("AdminRemoveUserFromGroup", ANN, "readers").await.expect(200).text, "{}");
        assert_eq!(roles().await, Vec::<String>::new());
    }

    for operation in ["AdminAddUserToGroup", "AdminRemoveUserFromGroup"] {
        act(operation, ANN, "writers").await.expect_refusal("ResourceNotFoundException", "Group not found.");
        // Nobody becomes a program user by this protocol, nor is one in the pool.
        for nobody in ["nobody@example.com", ADMIN_BOT] {
            act(operation, nobody, "readers")
                .await
                .expect_refusal("UserNotFoundException", "User does not exist.");
        }
    }
}

#[tokio::test]
async fn a_role_above_ones_own_rights_is_no_group_to_manage() {
    let app = App::new().await;
    app.create_role("managers", &["manage:users", "manage:roles"]).await;
    app.give_roles("manager-bot", &["managers"]).await;
    app.new_user().await;
    app.give_roles(ANN, &["managers"]).await;
    let manager = Administrator::signing(&app, "manager-bot").await;
    let above = "This concerns rights above your own (*); ask somebody who holds them.";

    let member = json!({ "Username": ANN, "GroupName": "ADMINS" });
    for (operation, input) in [
        ("AdminAddUserToGroup", member.clone()),
        ("UpdateGroup", json!({ "GroupName": "ADMINS", "Precedence": 1 })),
        ("DeleteGroup", json!({ "GroupName": "ADMINS" })),
    ] {
        manager.ask(operation, input).await.expect_refusal("AccessDeniedException", above);
    }
    let made = manager.ask("CreateGroup", json!({ "GroupName": "chemists" })).await.expect(200);
    assert_eq!(made["Group"]["Description"], Value::Null);
    let role = app.keyward.role(&Caller::operator(), "chemists").await.unwrap();
    assert_eq!((role.permissions, role.mfa_required), (Vec::new(), false));
}

#[tokio::test]
async fn groups_and_their_members_are_listed_page_by_page() {
    let app = App::new().await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    let (groups, people) = (["a", "b", "c"], ["ada", "ben", "cid", "dan"]);
    for username in people {
        admin.make(username, &[]).await;
    }
    for group in groups {
        admin.ask("CreateGroup", json!({ "GroupName": group })).await.expect(200);
        admin.ask("AdminAddUserToGroup", json!({ "GroupName": group, "Username": "ada" })).await.expect(200);
    }
    for username in people {
        admin.ask("AdminAddUserToGroup", json!({ "GroupName": "b", "Username": username })).await.expect(200);
    }
    let list = async |operation: &str, mut input: Value, members: &str, name: &str| {
        let mut names = Vec::new();
        loop {
            let page = admin.ask(operation, input.clone()).await.expect(200);
            let items = page[members].as_array().unwrap().iter();
            names.extend(items.map(|item| item[name].as_str().unwrap().to_owned()));
            if page["NextToken"].is_null() {
                names.sort_unstable();
                return names;
            }
            input["NextToken"] = page["NextToken"].clone();
        }
    };

    for limit in [1, 2, 0] {
        let of = |more: Value| {
            let mut input = json!({ "Limit": limit });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        assert_eq!(list("ListGroups", of(json!({})), "Groups", "GroupName").await, groups);
        let mine = of(json!({ "Username": "ada" }));
        assert_eq!(list("AdminListGroupsForUser", mine, "Groups", "GroupName").await, groups);
        let members = of(json!({ "GroupName": "b" }));
        assert_eq!(list("ListUsersInGroup", members, "Users", "Username").await, people);
        let members = of(json!({ "GroupName": "a" }));
        assert_eq!(list("ListUsersInGroup", members, "Users", "Username").await, ["ada"]);
    }
    admin
        .ask("ListUsersInGroup", json!({ "GroupName": "d" }))
        .await
        .expect_refusal("ResourceNotFoundException", "Group not found.");
    admin
        .ask("AdminListGroupsForUser", json!({ "Username": "nobody" }))
        .await
        .expect_refusal("UserNotFoundException", "User does not exist.");
}

#[tokio::test]
async fn tokens_name_groups_by_precedence_with_their_iam_roles() {
    let app = App::new().await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    admin.make("ann", &[]).await;
    let password = json!({ "Username": "ann", "Password": PASSWORD, "Permanent": true });
    admin.ask("AdminSetUserPassword", password).await.expect(200);
    let arn = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    for (group, precedence) in [("a", json!(null)), ("b", json!(2)), ("c", json!(1))] {
        let new = json!({ "GroupName": group, "Precedence": precedence, "RoleArn": arn(group) });
        admin.ask("CreateGroup", new).await.expect(200);
        admin.ask("AdminAddUserToGroup", json!({ "GroupName": group, "Username": "ann" })).await.expect(200);
    }

    let tokens = admin.password_auth("ann", PASSWORD).await.expect(200)["AuthenticationResult"].clone();

    let (id, access) = (claims(&tokens["IdToken"]), claims(&tokens["AccessToken"]));
    assert_eq!(id["cognito:groups"], json!(["c", "b", "a"]));
    assert_eq!(id["cognito:roles"], json!([arn("c"), arn("b"), arn("a")]));
    assert_eq!(id["cognito:preferred_role"], arn("c"));
    assert_eq!(access["cognito:groups"], json!(["c", "b", "a"]));
    assert_eq!((&access["cognito:roles"], &access["cognito:preferred_role"]), (&Value::Null, &Value::Null));
}

/// What a token says.
fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
