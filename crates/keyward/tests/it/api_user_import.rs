//! Users in and out by the thousand, over the native API.

use serde_json::{Value, json};

use crate::cognito_users::Administrator;
use crate::support::App;

/// Openwall's test vector for bcrypt.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

#[tokio::test]
async fn each_user_gets_an_answer() {
    let app = App::new().await;
    let proven = json!({ "email": "ada@example.com", "email_verified": "true" });
    let body = json!({ "users": [
        { "username": "ada", "attributes": proven, "mfa_enabled": false, "password_hash": null },
        { "username": "bob", "password_hash": HASH },
        { "username": "ADA", "attributes": proven },
        { "username": "eve", "attributes": { "email": "eve@example.com" } },
        { "username": "" , "attributes": proven },
    ] });

    let answer = app.admin().post("/api/v1/user-import", body).await.expect(200);

    let results = answer.json["results"].as_array().unwrap();
    let outcomes: Vec<&str> = results.iter().map(|result| result["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["created", "created", "exists", "refused", "refused"]);
    let id = results[0]["id"].as_str().unwrap();
    assert_eq!(
        results[0],
        json!({
            "username": "ada", "outcome": "created", "id": id, "field": null, "error": null,
        })
    );
    assert_eq!(results[3]["field"], "attributes");
    assert_eq!(results[4]["field"], "username");
    let ada = app.admin().get("/api/v1/users/ada").await.expect(200);
    assert_eq!((ada.str("id"), ada.str("status")), (id, "RESET_REQUIRED"));
    assert_eq!(app.admin().get("/api/v1/users/bob").await.expect(200).str("status"), "CONFIRMED");
    let event = &app.admin().get("/api/v1/audit?action=user.import").await.expect(200).json["items"][0];
    assert_eq!(event["detail"]["users"], 2);
}

#[tokio::test]
async fn what_is_exported_has_all_that_an_import_takes_and_no_hash() {
    let app = App::new().await;
    let bob = json!({ "username": "bob", "attributes": { "name": "Bob" }, "password_hash": HASH });
    app.admin().post("/api/v1/user-import", json!({ "users": [bob] })).await.expect(200);

    let first = app.admin().get("/api/v1/user-export?limit=1").await.expect(200);
    let cursor = first.str("next_cursor");
    let second = app.admin().get(&format!("/api/v1/user-export?limit=1&cursor={cursor}")).await.expect(200);

    assert_eq!(first.json["items"][0]["username"], "admin@example.com");
    assert_eq!(
        second.json["items"],
        json!([{ "username": "bob", "attributes": { "name": "Bob" }, "mfa_enabled": false, "enabled": true }])
    );
    assert_eq!(second.json["next_cursor"], Value::Null);
}

/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool-csv-header.html>
#[tokio::test]
async fn the_columns_are_those_of_amazon() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;

    let columns = app.admin().get("/api/v1/user-import").await.expect(200)["columns"].clone();
    let header = admin.ask("GetCSVHeader", json!({})).await.expect(200);

    assert_eq!(header.json, json!({ "UserPoolId": admin.pool_id, "CSVHeader": columns }));
    let known = "cognito:username,name,given_name,family_name,middle_name,nickname,preferred_username,profile,\
                 picture,website,email,email_verified,gender,birthdate,zoneinfo,locale,phone_number,\
                 phone_number_verified,address,updated_at,cognito:mfa_enabled";
    assert_eq!(columns, json!(known.split(',').collect::<Vec<_>>()));
}

#[tokio::test]
async fn what_does_not_fit_is_a_problem() {
    let app = App::new().await;
    let post = async |body: Value| app.admin().post("/api/v1/user-import", body).await;

    assert_eq!(post(json!({ "users": [] })).await.expect(400).str("field"), "users");
    assert_eq!(post(json!({})).await.expect(400).str("field"), "users");
    let unknown = post(json!({ "users": [{ "username": "ada", "password": "x" }] })).await.expect(400);
    assert!(unknown.str("detail").contains("password"), "{}", unknown.text);
    let nowhere = json!({ "pool": "us-east-1_nowhere00", "users": [{ "username": "ada" }] });
    assert_eq!(post(nowhere).await.expect(404).str("code"), "not-found");
    let elsewhere = app.admin().get("/api/v1/user-export?pool=us-east-1_nowhere00").await.expect(404);
    assert_eq!(elsewhere.str("code"), "not-found");
    app.admin().get("/api/v1/user-export?limit=1001").await.expect(400);
}
