//! People's accounts over the VAMS dialect; the numbers are those of its acceptance cases.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::Method;
use keyward_core::caller::Caller;
use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_BOT, Answer, App, Client};
use crate::vams_session::{bearer, done, first_sign_in, is_over, sign_in};

const ADA: &str = "ada@example.com";

async fn create(admin: &Client, user_id: &str, phone: Option<&str>) -> Answer {
    let mut body = json!({ "userId": user_id, "email": user_id });
    if let Some(phone) = phone {
        body["phone"] = phone.into();
    }
    admin.post("/user/cognito", body).await
}

async fn listed(admin: &Client, user_id: &str) -> Option<Value> {
    let list = admin.get("/user/cognito").await.expect(200);
    let users = list["users"].as_array().unwrap();
    users.iter().find(|user| user["userId"] == user_id).cloned()
}

/// 1
#[tokio::test]
async fn a_list_has_every_account_under_both_names_and_no_program_user() {
    let app = App::new().await;
    create(&app.admin(), ADA, Some("+12345678900")).await.expect(200);

    let list = app.admin().get("/user/cognito").await.expect(200);

    assert_eq!(list["users"], list["Items"]);
    assert_eq!(
        list["users"][0],
        json!({
            "userId": ADA,
            "email": ADA,
            "phone": "+12345678900",
            "userStatus": "FORCE_CHANGE_PASSWORD",
            "enabled": true,
            "userCreateDate": "2027-01-15T12:00:00.000000+00:00",
            "userLastModifiedDate": "2027-01-15T12:00:00.000000+00:00",
            "mfaEnabled": false,
        })
    );
    assert_eq!(list["users"][1]["userId"], ADMIN);
    assert_eq!(list["users"][1]["userStatus"], "CONFIRMED");
    assert_eq!(list["users"].as_array().unwrap().len(), 2);
    assert!(list.get("NextToken").is_none());
}

/// 2
#[tokio::test]
async fn a_list_can_be_read_page_by_page() {
    let app = App::new().await;
    let admin = app.admin();
    for number in 0..4 {
        create(&admin, &format!("user{number}@example.com"), None).await.expect(200);
    }

    let (mut seen, mut pages, mut token) = (HashSet::new(), 0, String::new());
    loop {
        let page = admin.get(&format!("/user/cognito?pageSize=2&startingToken={token}")).await.expect(200);
        seen.extend(page["Items"].as_array().unwrap().iter().map(|user| user["userId"].to_string()));
        pages += 1;
        match page["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }

    assert_eq!((seen.len(), pages), (5, 3));
}

#[tokio::test]
async fn a_page_has_1_to_60_users_and_a_wrong_size_is_said_to_be() {
    let app = App::new().await;
    let admin = app.admin();
    for number in 0..62 {
        create(&admin, &format!("user{number}@example.com"), None).await.expect(200);
    }

    for query in ["", "?pageSize=60", "?pageSize=100", "?maxItems=60&pageSize=1000"] {
        let page = admin.get(&format!("/user/cognito{query}")).await.expect(200);
        assert_eq!(page["users"].as_array().unwrap().len(), 60, "{query}");
    }
    let wrong = admin.get("/user/cognito?pageSize=abc").await.expect(400);
    assert_eq!(wrong.str("message"), "`pageSize` must be a whole number.");
    for query in ["pageSize=0", "pageSize=-1", "maxItems=0", "pageSize=1.5"] {
        admin.get(&format!("/user/cognito?{query}")).await.expect(400);
    }
    let wrong = admin.get("/user/cognito?startingToken=!").await.expect(400);
    assert_eq!(wrong.str("message"), "VAMS General Error: Error listing users");
}

/// 3
#[tokio::test]
async fn a_new_users_temporary_password_is_in_the_answer_and_in_its_message() {
    let app = App::new().await;

    let made = create(&app.admin(), ADA, None).await.expect(200);

    let password = made.str("temporaryPassword");
    assert!(password.len() >= 8);
    assert_eq!(
        made.str("message"),
        format!(
            "User {ADA} created successfully. The temporary password, to be changed at the next sign-in, is: \
             {password}"
        )
    );
    assert_eq!((made.str("userId"), made.str("operation")), (ADA, "create"));
    assert_eq!((&made["success"], made.str("timestamp")), (&json!(true), "2027-01-15T12:00:00.000000"));
    let answers = [admin_text(&app, "/user/cognito").await, admin_text(&app, "/user-roles").await];
    assert!(answers.iter().all(|answer| !answer.contains(password)));
}

/// 3
#[tokio::test]
async fn the_first_sign_in_with_the_temporary_password_asks_for_another_one() {
    let app = App::new().await;
    let made = create(&app.admin(), ADA, None).await.expect(200);

    let tokens = first_sign_in(&app, ADA, made.str("temporaryPassword"), "Chosen-1-by-Ada").await;

    let path = format!("/auth/loginProfile/{ADA}");
    bearer(&app, &tokens.access_token).get(&path).await.expect(200);
    assert_eq!(listed(&app.admin(), ADA).await.unwrap()["userStatus"], "CONFIRMED");
}

async fn admin_text(app: &App, path: &str) -> String {
    app.admin().get(path).await.expect(200).text
}

/// 4
#[tokio::test]
async fn nobody_is_created_twice_whatever_the_case() {
    let app = App::new().await;
    create(&app.admin(), ADA, None).await.expect(200);

    for name in [ADA, "ADA@example.com", ADMIN_BOT] {
        let again = create(&app.admin(), name, None).await.expect(400);
        assert_eq!(again.str("message"), "VAMS General Error: User already exists");
    }
}

/// 5
#[tokio::test]
async fn a_telephone_number_is_e_164() {
    let app = App::new().await;

    for phone in ["+12345678900", "+442071234567", "+123456789012345"] {
        create(&app.admin(), &format!("x{phone}@example.com"), Some(phone)).await.expect(200);
    }
    for (phone, message) in [
        ("12345678900", "phone must be in E.164 format (e.g., +12345678900)"),
        ("", "phone must be in E.164 format (e.g., +12345678900)"),
        ("+1 2345678900", "phone must contain only digits after the + sign"),
        ("+1-234-567-8900", "phone must contain only digits after the + sign"),
        ("+123", "phone must have 10-15 digits after the + sign"),
        ("+1234567890123456", "phone must have 10-15 digits after the + sign"),
    ] {
        assert_eq!(create(&app.admin(), ADA, Some(phone)).await.expect(400).str("message"), message);
    }
    assert_eq!(listed(&app.admin(), ADA).await, None);
}

/// 5
#[tokio::test]
async fn a_user_id_is_an_email_address_with_a_top_level_domain_of_any_length() {
    let app = App::new().await;
    let post = async |body: Value| app.admin().post("/user/cognito", body).await;

    create(&app.admin(), "x@corp.technology", None).await.expect(200);

    for (user_id, message) in [
        ("bob", "userId must be an email address, such as ada@example.com."),
        ("a b@example.com", r"userId is invalid. Must follow the regexp ^[\w\-\.\+\@]{3,256}$"),
        ("global", "userId is invalid. GLOBAL is not allowed for this field."),
        ("", "userId is a required field."),
    ] {
        let refused = post(json!({ "userId": user_id, "email": ADA })).await.expect(400);
        assert_eq!(refused.str("message"), message);
    }
    let refused = post(json!({ "userId": ADA, "email": "nowhere" })).await.expect(400);
    assert_eq!(
        refused.str("message"),
        r"email is invalid. Must follow the regexp ^[\w\-\.\+]+@([\w-]+\.)+[\w-]{2,}$"
    );
    let refused = post(json!({ "userId": ADA })).await.expect(400);
    assert_eq!(refused.str("message"), "email is a required field.");
    let refused = post(json!({ "userId": {}, "email": ADA })).await.expect(400);
    assert_eq!(refused.str("message"), "`userId` must be a text, not an object.");
}

/// 6
#[tokio::test]
async fn an_update_changes_what_it_names_and_keeps_the_rest() {
    let app = App::new().await;
    let admin = app.admin();
    create(&admin, ADA, Some("+12345678900")).await.expect(200);
    let path = format!("/user/cognito/{ADA}");

    let updated = admin.put(&path, json!({ "email": "new@example.com", "phone": null })).await.expect(200);
    assert_eq!(updated.str("message"), format!("User {ADA} updated successfully"));
    assert_eq!((updated.str("userId"), updated.str("operation")), (ADA, "update"));
    let user = listed(&admin, ADA).await.unwrap();
    assert_eq!((&user["email"], &user["phone"]), (&json!("new@example.com"), &json!("+12345678900")));

    admin.put(&path, json!({ "phone": "+442071234567" })).await.expect(200);
    let user = listed(&admin, ADA).await.unwrap();
    assert_eq!((&user["email"], &user["phone"]), (&json!("new@example.com"), &json!("+442071234567")));

    let empty = admin.put(&path, json!({})).await.expect(400);
    assert_eq!(empty.str("message"), "At least one field (email or phone) must be provided for update");
}

/// 7
#[tokio::test]
async fn a_deleted_user_is_gone_and_cannot_be_deleted_again() {
    let app = App::new().await;
    create(&app.admin(), ADA, None).await.expect(200);
    let path = format!("/user/cognito/{ADA}");

    let deleted = app.admin().delete(&path).await.expect(200);

    assert_eq!(deleted.str("operation"), "delete");
    assert_eq!(deleted.str("message"), format!("User {ADA} deleted successfully"));
    assert_eq!(listed(&app.admin(), ADA).await, None);
    for again in [app.admin().delete(&path), app.admin().put(&path, json!({ "phone": "+12345678900" }))] {
        assert_eq!(again.await.expect(400).str("message"), "VAMS General Error: User not found");
    }
}

/// 8
#[tokio::test]
async fn nothing_of_a_deleted_user_works_on_and_a_namesake_inherits_nothing() {
    let app = App::new().await;
    app.create_role("viewers", &["view:users"]).await;
    let made = create(&app.admin(), ADA, None).await.expect(200);
    app.give_roles(ADA, &["viewers"]).await;
    let key = app.key_of(ADA).await;
    let tokens = first_sign_in(&app, ADA, made.str("temporaryPassword"), "Chosen-1-by-Ada").await;
    let person = bearer(&app, &tokens.access_token);
    key.get("/user/cognito").await.expect(200);
    person.get("/user/cognito").await.expect(200);

    app.admin().delete(&format!("/user/cognito/{ADA}")).await.expect(200);

    for credential in [&key, &person] {
        assert_eq!(credential.get("/secure-config").await.expect(403).str("message"), "Forbidden");
    }
    assert!(is_over(&app, &tokens).await);
    create(&app.admin(), ADA, None).await.expect(200);
    key.get("/secure-config").await.expect(403);
    person.get("/secure-config").await.expect(403);
    assert!(!admin_text(&app, "/user-roles").await.contains(ADA));
    assert!(!admin_text(&app, "/auth/api-keys").await.contains(ADA));
}

/// 9
#[tokio::test]
async fn a_reset_password_is_in_the_answer_and_the_account_stays() {
    let app = App::new().await;
    let admin = app.admin();
    let first = create(&admin, ADA, Some("+12345678900")).await.expect(200);
    app.create_role("viewers", &["view:users"]).await;
    app.give_roles(ADA, &["viewers"]).await;
    let tokens = first_sign_in(&app, ADA, first.str("temporaryPassword"), "Chosen-1-by-Ada").await;
    let operator = Caller::operator();
    let before = app.keyward.user(&operator, ADA).await.unwrap();

    let path = format!("/user/cognito/{ADA}/resetPassword");
    let reset = admin.post(&path, json!({ "confirmReset": true })).await.expect(200);

    assert_eq!(reset.str("operation"), "resetPassword");
    let password = reset.str("temporaryPassword");
    assert_ne!(password, first.str("temporaryPassword"));
    assert_eq!(
        reset.str("message"),
        format!(
            "Password reset successfully for user {ADA}. The temporary password, to be changed at the next \
             sign-in, is: {password}"
        )
    );
    let after = app.keyward.user(&operator, ADA).await.unwrap();
    assert_eq!((after.id, after.roles, after.phone), (before.id, before.roles, before.phone));
    assert!(sign_in(&app, ADA, "Chosen-1-by-Ada").await.is_err());
    assert!(is_over(&app, &tokens).await);
    bearer(&app, &tokens.access_token).get("/secure-config").await.expect(403);
    first_sign_in(&app, ADA, password, "Chosen-2-by-Ada").await;
    done(sign_in(&app, ADA, "Chosen-2-by-Ada").await.unwrap());
    let unknown = "/user/cognito/nobody@example.com/resetPassword";
    let refused = admin.post(unknown, json!({ "confirmReset": true })).await.expect(400);
    assert_eq!(refused.str("message"), "VAMS General Error: User not found");
}

/// 9
#[tokio::test]
async fn a_reset_that_is_not_confirmed_changes_nothing() {
    let app = App::new().await;
    create(&app.admin(), ADA, None).await.expect(200);
    let before = listed(&app.admin(), ADA).await;
    app.advance(Duration::from_secs(1));
    let path = format!("/user/cognito/{ADA}/resetPassword");
    let reset = || app.admin().request(Method::POST, &path);

    for unconfirmed in [
        reset(),
        reset().json(json!({})),
        reset().json(json!({ "confirmReset": false })),
        reset().json(json!({ "confirmReset": null })),
    ] {
        let refused = unconfirmed.await.expect(400);
        assert_eq!(refused.str("message"), "confirmReset must be true to reset password");
    }
    reset().body("{").await.expect(400);
    reset().json(json!({ "confirmReset": "perhaps" })).await.expect(400);
    assert_eq!(listed(&app.admin(), ADA).await, before);
}

/// 10
#[tokio::test]
async fn who_lacks_the_permission_is_refused_and_nothing_changes() {
    let app = App::new().await;
    create(&app.admin(), ADA, None).await.expect(200);
    let viewer = app.holder(&["view:users"]).await;
    let path = format!("/user/cognito/{ADA}");

    for refused in [
        viewer.post("/user/cognito", json!({ "userId": "x@example.com", "email": "x@example.com" })),
        viewer.put(&path, json!({ "email": "x@example.com" })),
        viewer.post(&format!("{path}/resetPassword"), json!({ "confirmReset": true })),
        viewer.delete(&path),
        viewer.delete(&format!("/user/cognito/{ADMIN_BOT}")),
    ] {
        let refused = refused.await.expect(403);
        assert_eq!(refused.str("message"), "Not Authorized");
        assert!(refused.str("detail").contains("manage:users"));
    }
    assert_eq!(listed(&viewer, ADA).await.unwrap()["email"], ADA);
    app.holder(&["view:roles"]).await.get("/user/cognito").await.expect(403);
}

#[tokio::test]
async fn nobody_takes_over_somebody_with_more_rights() {
    let app = App::new().await;
    let clerk = app.holder(&["manage:users"]).await;
    let path = format!("/user/cognito/{ADMIN}");

    for refused in [
        clerk.put(&path, json!({ "email": "mine@example.com" })),
        clerk.post(&format!("{path}/resetPassword"), json!({ "confirmReset": true })),
        clerk.delete(&path),
    ] {
        let refused = refused.await.expect(403);
        assert_eq!(refused.str("message"), "Not Authorized");
        assert!(refused.str("detail").contains("rights above your own"));
    }
}

#[tokio::test]
async fn the_last_admin_who_can_sign_in_stays() {
    let app = App::new().await;

    let refused = app.admin().delete(&format!("/user/cognito/{ADMIN}")).await.expect(400);

    assert!(refused.str("message").contains("no admin"), "{}", refused.text);
}

#[tokio::test]
async fn a_program_user_has_no_account() {
    let app = App::new().await;
    let bot = app.holder(&["read:database"]).await;
    let path = format!("/user/cognito/{}", bot.username);

    for refused in [
        app.admin().put(&path, json!({ "email": "x@example.com" })),
        app.admin().post(&format!("{path}/resetPassword"), json!({ "confirmReset": true })),
        app.admin().delete(&path),
    ] {
        assert_eq!(refused.await.expect(400).str("message"), "VAMS General Error: User not found");
    }
}

#[tokio::test]
async fn a_repeated_request_with_the_same_idempotency_key_gets_the_same_password() {
    let app = App::new().await;
    let body = json!({ "userId": ADA, "email": ADA });
    let post = || app.admin().post("/user/cognito", body.clone()).header("idempotency-key", "one");

    let first = post().await.expect(200);
    let second = post().await.expect(200);

    assert_eq!(first.str("temporaryPassword"), second.str("temporaryPassword"));
}
