//! `/user-pools`, and the app clients in them.

use axum::http::Method;
use serde_json::json;

use crate::cognito_support::ANN;
use crate::support::{ADMIN_BOT, App};

const POOLS: &str = "/api/v1/user-pools";

#[tokio::test]
async fn a_pool_is_made_shown_and_deleted() {
    let app = App::new().await;
    let admin = app.admin();

    let made = admin.post(POOLS, json!({ "name": "staging" })).await.expect(201);

    let id = made.str("id").to_owned();
    assert_eq!(
        made.json,
        json!({
            "id": id, "name": "staging", "home": false, "issuer": format!("http://localhost:8480/{id}"),
            "mfa": "OFF", "username_attributes": [], "alias_attributes": [], "case_sensitive": false,
            "admin_create_only": false, "deletion_protection": false, "refuses_common_passwords": false,
            "created_at": "2027-01-15T12:00:00.000Z", "updated_at": "2027-01-15T12:00:00.000Z", "version": 1,
        })
    );
    assert_eq!(made.header("etag"), "\"1\"");
    let path = format!("{POOLS}/{id}");
    let mut shown = admin.get(&path).await.expect(200).json;
    assert_eq!(shown.as_object_mut().unwrap().remove("accounts"), Some(json!(0)));
    assert_eq!(shown, made.json);
    let listed = admin.get(POOLS).await.expect(200);
    let home = app.keyward.local_pool().id().to_owned();
    let mut ids = [home.clone(), id];
    ids.sort();
    assert_eq!(listed.pick("id"), ids);
    let is_home: Vec<bool> =
        listed["items"].as_array().unwrap().iter().map(|pool| pool["home"] == true).collect();
    assert_eq!(is_home, ids.map(|id| id == home));

    let outdated = admin.request(Method::DELETE, &path).header("if-match", "\"2\"").await.expect(412);
    assert_eq!(outdated["code"], "precondition-failed");
    admin.request(Method::DELETE, &path).header("if-match", "\"1\"").await.expect(204);
    for request in [admin.get(&path), admin.delete(&path), admin.get(&format!("{path}/clients"))] {
        assert_eq!(request.await.expect(404)["code"], "not-found");
    }
    let refused = admin.delete(&format!("{POOLS}/{home}")).await.expect(409);
    assert_eq!(refused["detail"], "The home pool, whose users have roles and keys, can't be deleted.");
}

#[tokio::test]
async fn what_is_said_of_a_pool_counts() {
    let app = App::new().await;
    let admin = app.admin();
    let said = json!({
        "name": "customers", "region": "eu-west-3", "username_attributes": ["email"], "case_sensitive": true,
        "admin_create_only": true, "deletion_protection": true, "refuses_common_passwords": true,
    });

    let made = admin.post(POOLS, said.clone()).await.expect(201);

    assert!(made.str("id").starts_with("eu-west-3_"));
    for (name, value) in said.as_object().unwrap().iter().filter(|(name, _)| *name != "region") {
        assert_eq!(&made[name.as_str()], value);
    }
    admin.delete(&format!("{POOLS}/{}", made.str("id"))).await.expect(409);
    for (wrong, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a", "region": "x_y" }), "region"),
        (
            json!({ "name": "a", "username_attributes": ["email"], "alias_attributes": ["email"] }),
            "identifiers",
        ),
    ] {
        assert_eq!(admin.post(POOLS, wrong).await.expect(400)["field"], field);
    }
    for wrong in [
        json!({}),
        json!({ "name": "a", "colour": "red" }),
        json!({ "name": "a", "username_attributes": ["name"] }),
    ] {
        admin.post(POOLS, wrong).await.expect(400);
    }
}

#[tokio::test]
async fn a_clients_secret_is_shown_once_and_replaced() {
    let app = App::new().await;
    let admin = app.admin();
    let pool = admin.post(POOLS, json!({ "name": "staging" })).await.expect(201).str("id").to_owned();
    let clients = format!("{POOLS}/{pool}/clients");

    let made = admin.post(&clients, json!({ "name": "web", "with_secret": true })).await.expect(201);

    let (id, secret) = (made.str("id").to_owned(), made.str("secret").to_owned());
    assert_eq!(secret.len(), 52);
    assert_eq!(
        made.json,
        json!({
            "id": id, "pool_id": pool, "name": "web",
            "flows": ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            "hides_unknown_users": true, "access_token_seconds": 3600, "id_token_seconds": 3600,
            "refresh_token_seconds": 2_592_000, "created_at": "2027-01-15T12:00:00.000Z",
            "updated_at": "2027-01-15T12:00:00.000Z", "version": 1, "secret": secret,
            "secrets": [{ "id": format!("{id}--1800014400000"), "created_at": "2027-01-15T12:00:00.000Z" }],
        })
    );
    let path = format!("{clients}/{id}");
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(shown["secrets"], made["secrets"]);
    assert!(!shown.text.contains(&secret));
    assert!(!admin.get(&clients).await.expect(200).text.contains("secret"));

    let second = admin.post(&format!("{path}/secrets"), json!({})).await.expect(201);
    assert_eq!(second.str("secret").len(), 52);
    let third = admin.post(&format!("{path}/secrets"), json!({})).await.expect(409);
    assert_eq!(third["detail"], "The app client has two secrets already; delete one first.");
    let first = format!("{path}/secrets/{}", made["secrets"][0]["id"].as_str().unwrap());
    admin.delete(&first).await.expect(204);
    admin.delete(&first).await.expect(404);
    admin.delete(&format!("{path}/secrets/{}", second.str("id"))).await.expect(409);
    let chosen = json!({ "secret": "a_secret_of_ones_own_choice" });
    let chosen = admin.post(&format!("{path}/secrets"), chosen).await.expect(201);
    assert_eq!(chosen["secret"], "a_secret_of_ones_own_choice");

    admin.request(Method::DELETE, &path).header("if-match", "\"1\"").await.expect(412);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn what_a_change_of_a_client_does_not_name_stays() {
    let app = App::new().await;
    let admin = app.admin();
    let pool = admin.post(POOLS, json!({ "name": "staging" })).await.expect(201).str("id").to_owned();
    let clients = format!("{POOLS}/{pool}/clients");
    let made = admin.post(&clients, json!({ "name": "web", "with_secret": true })).await.expect(201);
    let path = format!("{clients}/{}", made.str("id"));
    let signing = app.signing(ADMIN_BOT).await;
    let in_cognitos_words = async || {
        let input = json!({ "UserPoolId": pool, "ClientId": made["id"] });
        let described = app.signed(&signing, "DescribeUserPoolClient", input).await.expect(200);
        described["UserPoolClient"].clone()
    };

    let change = json!({ "flows": ["ALLOW_USER_AUTH", "ALLOW_USER_AUTH"], "refresh_token_seconds": 5400 });
    let changed =
        admin.request(Method::PATCH, &path).header("if-match", "\"1\"").json(change).await.expect(200);

    let mut expected = made.json.clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["flows"] = json!(["ALLOW_USER_AUTH"]);
    expected["refresh_token_seconds"] = json!(5400);
    expected["version"] = json!(2);
    assert_eq!(changed.json, expected);
    let described = in_cognitos_words().await;
    assert_eq!(described["RefreshTokenValidity"], 5400);
    assert_eq!(described["TokenValidityUnits"]["RefreshToken"], "seconds");

    admin
        .request(Method::PATCH, &path)
        .header("if-match", "\"1\"")
        .json(json!({ "name": "x" }))
        .await
        .expect(412);
    for (wrong, field) in [
        (json!({ "access_token_seconds": 299 }), "token_validity"),
        (json!({ "name": "a/b" }), "name"),
        (json!({ "name": null }), "name"),
    ] {
        assert_eq!(admin.patch(&path, wrong).await.expect(400)["field"], field);
    }
    assert_eq!(admin.get(&path).await.expect(200).json, expected);
}

#[tokio::test]
async fn a_client_without_a_secret_lets_users_of_its_pool_in() {
    let app = App::new().await;
    let admin = app.admin();
    let pool = admin.post(POOLS, json!({ "name": "staging" })).await.expect(201).str("id").to_owned();
    let clients = format!("{POOLS}/{pool}/clients");
    let flows = json!(["ALLOW_USER_PASSWORD_AUTH"]);
    let said = json!({
        "name": "page", "flows": flows, "access_token_seconds": 300, "id_token_seconds": 600,
        "refresh_token_seconds": 3600,
    });

    let made = admin.post(&clients, said.clone()).await.expect(201);

    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&made[name.as_str()], value);
    }
    assert_eq!((&made["secret"], &made["secrets"]), (&json!(null), &json!([])));
    admin.post(&format!("{clients}/{}/secrets", made.str("id")), json!({})).await.expect(400);
    let input = json!({
        "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": made["id"],
        "AuthParameters": { "USERNAME": ANN, "PASSWORD": "Correct-horse-2" },
    });
    app.cognito("InitiateAuth", input)
        .await
        .expect_refusal("NotAuthorizedException", "Incorrect username or password.");
    for (wrong, field) in [
        (json!({ "name": "a", "flows": ["USER_SRP_AUTH"] }), "flows"),
        (json!({ "name": "a", "access_token_seconds": 299 }), "token_validity"),
        (json!({ "name": "a/b" }), "name"),
    ] {
        assert_eq!(admin.post(&clients, wrong).await.expect(400)["field"], field);
    }
}
