//! Who am I, may I: over the native API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ADMIN, App, Client};

/// An application that asks about the credentials it is shown.
async fn service(app: &App) -> Client {
    app.holder_of("SERVICE").await
}

/// Somebody who may ask about everybody, and why.
async fn auditor(app: &App) -> Client {
    app.holder(&["verify:credentials", "view:users"]).await
}

async fn verify(app: &App, body: Value) -> Value {
    service(app).await.post("/api/v1/verify", body).await.expect(200).json
}

#[tokio::test]
async fn a_good_credential_is_told_with_who_is_behind_it() {
    let app = App::new().await;
    let (key, person) = (app.holder(&["read:*"]).await, app.person(&["RESEARCHERS"]).await);

    for client in [&key, &person] {
        let answer = verify(&app, json!({ "credential": client.secret() })).await;

        assert_eq!(answer["allowed"], true);
        assert_eq!(answer["reason"], Value::Null);
        assert_eq!(answer["caller"], client.get("/api/v1/me").await.expect(200).json);
    }
}

#[tokio::test]
async fn a_credential_is_taken_in_the_forms_in_which_an_application_has_it() {
    let app = App::new().await;
    let (key, person) = (app.holder(&["read:*"]).await, app.person(&[]).await);
    let token = person.secret().trim_start_matches("Bearer ");

    for form in [
        key.secret().to_owned(),
        format!("Bearer {}", key.secret()),
        token.to_owned(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
    ] {
        assert_eq!(verify(&app, json!({ "credential": form })).await["allowed"], true, "{form}");
    }
    let id_token = app.sign_in(&person.username, crate::support::PASSWORD, &[]).await.id_token;
    assert_eq!(verify(&app, json!({ "credential": id_token.expose() })).await["allowed"], true);
}

#[tokio::test]
async fn what_can_be_no_credential_is_an_unknown_one() {
    let app = App::new().await;
    let unknown = format!("vams_{}", "a".repeat(64));
    let forged = format!("{}x", app.person(&[]).await.secret());

    for credential in ["", "x", "Basic YTpi", "vams_short", "a.b.c", "Bearer", &unknown, &forged, "\u{0}"] {
        let answer = verify(&app, json!({ "credential": credential })).await;
        assert_eq!(answer, json!({ "allowed": false, "reason": "unknown_credential", "caller": null }));
    }
}

#[tokio::test]
async fn each_reason_why_a_credential_is_no_good_is_told() {
    let app = App::new().await;
    let admin = app.admin();
    let key = app.holder(&["read:*"]).await;
    let path = format!("/api/v1/api-keys/{}", key.key_id);
    let reason = async |client: &Client| {
        verify(&app, json!({ "credential": client.secret() })).await["reason"].clone()
    };

    admin.patch(&path, json!({ "active": false })).await.expect(200);
    assert_eq!(reason(&key).await, "disabled");
    admin.patch(&path, json!({ "active": true, "expires_at": "2027-01-01" })).await.expect(200);
    assert_eq!(reason(&key).await, "expired");
    admin.patch(&path, json!({ "active": true, "expires_at": "" })).await.expect(200);
    let user = format!("/api/v1/users/{}", key.user_id);
    admin.patch(&user, json!({ "enabled": false })).await.expect(200);
    assert_eq!(reason(&key).await, "user_disabled");
    admin.patch(&user, json!({ "enabled": true })).await.expect(200);
    admin.patch(&path, json!({ "allowed_addresses": ["203.0.113.0/24"] })).await.expect(200);
    assert_eq!(reason(&key).await, "address_not_allowed");
    admin.patch(&path, json!({ "allowed_addresses": [] })).await.expect(200);
    admin.delete(&format!("{user}/roles")).await.expect(204);
    assert_eq!(reason(&key).await, "no_roles");
    admin.delete(&path).await.expect(204);
    assert_eq!(reason(&key).await, "unknown_credential");

    let person = app.person(&["RESEARCHERS"]).await;
    assert_eq!(reason(&person).await, Value::Null);
    admin.post(&format!("/api/v1/users/{}/sign-out", person.user_id), json!({})).await.expect(204);
    assert_eq!(reason(&person).await, "signed_out");
    let late = app.person(&["RESEARCHERS"]).await;
    app.advance(Duration::from_hours(1));
    assert_eq!(reason(&late).await, "expired");
}

#[tokio::test]
async fn the_addresses_of_a_key_are_those_that_the_application_tells() {
    let app = App::new().await;
    let key = app.holder(&["read:*"]).await;
    let addresses = json!({ "allowed_addresses": ["203.0.113.0/24", "2001:db8::/32"] });
    app.admin().patch(&format!("/api/v1/api-keys/{}", key.key_id), addresses).await.expect(200);

    for (client_ip, allowed) in [
        (json!("203.0.113.7"), true),
        (json!("::ffff:203.0.113.7"), true),
        (json!("2001:db8::1"), true),
        (json!("198.51.100.7"), false),
        (json!("2001:db9::1"), false),
        (Value::Null, false),
    ] {
        let answer = verify(&app, json!({ "credential": key.secret(), "client_ip": client_ip })).await;
        assert_eq!(answer["allowed"], allowed, "{client_ip}");
        let body = json!({ "permissions": ["read:x"], "credential": key.secret(), "client_ip": client_ip });
        let answer = service(&app).await.post("/api/v1/authorize", body).await.expect(200);
        assert_eq!(answer["allowed"], allowed, "{client_ip}");
    }
    for wrong in ["", "here", "203.0.113.0/24", "203.0.113.7:80"] {
        let body = json!({ "credential": key.secret(), "client_ip": wrong });
        let refused = service(&app).await.post("/api/v1/verify", body).await.expect(400);
        assert_eq!(refused.str("field"), "client_ip");
    }
    // The key itself is bound too: what counts is where its request comes from.
    key.get("/api/v1/me").from("203.0.113.9").await.expect(200);
    key.get("/api/v1/me").from("198.51.100.9").await.expect(401);
}

#[tokio::test]
async fn only_who_may_verify_credentials_may() {
    let app = App::new().await;
    let poor = app.holder(&["view:users"]).await;
    let body = json!({ "credential": poor.secret() });

    let refused = poor.post("/api/v1/verify", body.clone()).await.expect(403);

    assert_eq!(refused.str("permission"), "verify:credentials");
    app.anonymous().post("/api/v1/verify", body).await.expect(401);
    let good = service(&app).await;
    for (body, field) in [
        (json!({}), "credential"),
        (json!({ "credential": 7 }), "credential"),
        (json!({ "credential": "x", "ip": "x" }), "ip"),
    ] {
        assert_eq!(good.post("/api/v1/verify", body).await.expect(400).str("field"), field);
    }
}

#[tokio::test]
async fn anybody_may_ask_about_themselves() {
    let app = App::new().await;
    let client = app.holder(&["read:*", "submit:SOP*"]).await;

    let body = json!({ "permissions": ["read:database", "submit:SOP*", "submit:*", "write:database"] });
    let answer = client.post("/api/v1/authorize", body).await.expect(200);

    assert_eq!(
        answer.json,
        json!({
            "allowed": false,
            "reason": null,
            "results": [
                { "permission": "read:database", "allowed": true, "reason": null },
                { "permission": "submit:SOP*", "allowed": true, "reason": null },
                { "permission": "submit:*", "allowed": false, "reason": "not_granted" },
                { "permission": "write:database", "allowed": false, "reason": "not_granted" },
            ],
            "caller": client.get("/api/v1/me").await.json,
        })
    );
    let answer = client.post("/api/v1/authorize", json!({ "permissions": ["read:x"] })).await.expect(200);
    assert_eq!(answer["allowed"], true);
    app.anonymous().post("/api/v1/authorize", json!({ "permissions": ["read:x"] })).await.expect(401);
}

#[tokio::test]
async fn each_reason_why_something_is_not_allowed_is_told() {
    let app = App::new().await;
    app.create_role("readers", &["read:*"]).await;
    app.create_mfa_role("operators", &["operate:*"]).await;
    app.give_roles("bot@example.com", &["readers", "operators"]).await;
    let key = app.key_of("bot@example.com").await;
    let scope = json!({ "scope": ["read:data*", "operate:*"] });
    app.admin().patch(&format!("/api/v1/api-keys/{}", key.key_id), scope).await.expect(200);

    let permissions = json!(["read:database", "read:log", "operate:reactor", "write:log"]);
    let body = json!({ "permissions": permissions, "credential": key.secret() });
    let answer = service(&app).await.post("/api/v1/authorize", body).await.expect(200);

    let reasons: Vec<&Value> =
        answer["results"].as_array().unwrap().iter().map(|result| &result["reason"]).collect();
    assert_eq!(json!(reasons), json!([null, "outside_scope", "mfa_required", "not_granted"]));
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["reason"], Value::Null);
    assert_eq!(answer["caller"]["api_key_id"], key.key_id);
    // With MFA the role wakes up.
    let body = json!({ "permissions": ["operate:reactor"] });
    let (without, with) = (app.person(&["operators"]).await, app.person_with_mfa(&["operators"]).await);
    let answer = without.post("/api/v1/authorize", body.clone()).await.expect(200);
    assert_eq!(answer["results"][0]["reason"], "mfa_required");
    assert_eq!(with.post("/api/v1/authorize", body).await.expect(200)["allowed"], true);
    let roleless = app.person(&[]).await;
    let body = json!({ "permissions": ["read:x"], "as_user": roleless.username });
    let answer = auditor(&app).await.post("/api/v1/authorize", body).await.expect(200);
    assert_eq!(answer["results"][0]["reason"], "no_roles");
}

#[tokio::test]
async fn the_reasons_are_those_of_this_moment() {
    let app = App::new().await;
    app.create_role("readers", &["read:*"]).await;
    app.create_mfa_role("operators", &["operate:*"]).await;
    app.give_roles("bot@example.com", &["readers"]).await;
    let key = app.key_of("bot@example.com").await;
    let path = format!("/api/v1/api-keys/{}", key.key_id);
    let reasons = async || {
        let permissions = json!({ "permissions": ["read:log", "operate:reactor"] });
        // Twice, so that the second answer may come out of memory.
        key.post("/api/v1/authorize", permissions.clone()).await.expect(200);
        let answer = key.post("/api/v1/authorize", permissions).await.expect(200);
        answer["results"].as_array().unwrap().iter().map(|result| result["reason"].clone()).collect::<Value>()
    };
    assert_eq!(reasons().await, json!([null, "not_granted"]));

    app.give_roles("bot@example.com", &["operators"]).await;
    assert_eq!(reasons().await, json!([null, "mfa_required"]));
    app.admin().patch(&path, json!({ "scope": ["read:database"] })).await.expect(200);
    assert_eq!(reasons().await, json!(["outside_scope", "mfa_required"]));
    app.admin().delete("/api/v1/users/bot@example.com/roles/readers").await.expect(204);
    assert_eq!(reasons().await, json!(["not_granted", "mfa_required"]));
}

#[tokio::test]
async fn a_credential_that_is_no_good_may_nothing() {
    let app = App::new().await;
    let body = |credential: &str| json!({ "permissions": ["read:x", "read:y"], "credential": credential });

    let answer = service(&app).await.post("/api/v1/authorize", body("nonsense")).await.expect(200);

    let unknown = "unknown_credential";
    let refused = |permission: &str| json!({ "permission": permission, "allowed": false, "reason": unknown });
    assert_eq!(
        answer.json,
        json!({
            "allowed": false,
            "reason": "unknown_credential",
            "results": [refused("read:x"), refused("read:y")],
            "caller": null,
        })
    );
}

#[tokio::test]
async fn a_user_or_a_key_may_be_asked_about_by_name() {
    let app = App::new().await;
    let auditor = auditor(&app).await;
    let key = app.holder(&["read:*"]).await;
    let ask = async |more: Value| {
        let mut body = json!({ "permissions": ["read:database"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        auditor.post("/api/v1/authorize", body).await
    };

    for about in [
        json!({ "as_user": key.username }),
        json!({ "as_user": key.user_id }),
        json!({ "as_key": key.key_id }),
    ] {
        let answer = ask(about).await.expect(200);
        assert_eq!(answer["allowed"], true);
        assert_eq!(answer["caller"]["user_id"], key.user_id);
    }
    let key_path = format!("/api/v1/api-keys/{}", key.key_id);
    app.admin().patch(&key_path, json!({ "active": false })).await.expect(200);
    assert_eq!(ask(json!({ "as_key": key.key_id })).await.expect(200)["reason"], "disabled");
    assert_eq!(ask(json!({ "as_user": key.username })).await.expect(200)["allowed"], true);
    app.admin()
        .patch(&format!("/api/v1/users/{}", key.user_id), json!({ "enabled": false }))
        .await
        .expect(200);
    assert_eq!(ask(json!({ "as_user": key.username })).await.expect(200)["reason"], "user_disabled");
    ask(json!({ "as_user": "nobody@example.com" })).await.expect(404);
    ask(json!({ "as_key": "nothing" })).await.expect(404);
    for two in [
        json!({ "as_user": ADMIN, "as_key": "x" }),
        json!({ "as_user": ADMIN, "credential": "x" }),
        json!({ "credential": "x", "as_key": "x", "as_user": "x" }),
    ] {
        assert_eq!(ask(two).await.expect(400).str("field"), "credential");
    }
    // Null is as good as absent.
    ask(json!({ "as_user": null, "as_key": null, "credential": null, "explain": null })).await.expect(200);
}

#[tokio::test]
async fn asking_about_others_takes_permission() {
    let app = App::new().await;
    let poor = app.holder(&["read:*"]).await;

    for (more, missing) in [
        (json!({ "credential": "x" }), "verify:credentials"),
        (json!({ "as_user": ADMIN }), "view:users"),
        (json!({ "as_user": poor.username }), "view:users"),
        (json!({ "as_key": "x" }), "view:users"),
        (json!({ "explain": true }), "view:users"),
    ] {
        let mut body = json!({ "permissions": ["read:x"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = poor.post("/api/v1/authorize", body).await.expect(403);
        assert_eq!(refused.str("permission"), missing, "{more}");
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let app = App::new().await;

    for (permissions, field) in [
        (json!([]), "permissions"),
        (json!(vec!["read:x"; 101]), "permissions"),
        (json!(["read"]), "permissions"),
        (json!("read:x"), "permissions"),
        (json!([null]), "permissions[0]"),
    ] {
        let refused =
            app.admin().post("/api/v1/authorize", json!({ "permissions": permissions })).await.expect(400);
        assert_eq!(refused.str("field"), field);
    }
    let hundred = json!({ "permissions": vec!["read:x"; 100] });
    let answer = app.admin().post("/api/v1/authorize", hundred).await.expect(200);
    assert_eq!(answer["results"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn an_explanation_tells_what_grants_and_what_withholds() {
    let app = App::new().await;
    let auditor = auditor(&app).await;
    app.create_role("readers", &["read:*", "read:data*"]).await;
    app.create_mfa_role("operators", &["*"]).await;
    app.give_roles("bot@example.com", &["readers", "operators"]).await;
    let key = app.key_of("bot@example.com").await;
    let path = format!("/api/v1/api-keys/{}", key.key_id);
    let change = json!({ "scope": ["read:database"], "expires_at": "2028-01-01" });
    app.admin().patch(&path, change).await.expect(200);
    let asleep = json!({ "role": "operators", "pattern": "*", "why": "mfa_required" });
    let withheld = |why: &str| {
        json!([
            { "role": "operators", "pattern": "*", "why": why },
            { "role": "readers", "pattern": "read:*", "why": why },
            { "role": "readers", "pattern": "read:data*", "why": why },
        ])
    };
    let explain = async |permission: &str, about: Value| {
        let mut body = json!({ "permissions": [permission], "explain": true });
        body.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        let answer = auditor.post("/api/v1/authorize", body).await.expect(200);
        (
            answer["results"][0]["reason"].clone(),
            answer["results"][0]["explanation"].clone(),
            answer["caller"].clone(),
        )
    };

    for about in [json!({ "credential": key.secret() }), json!({ "as_key": key.key_id })] {
        let (reason, explanation, caller) = explain("read:database", about.clone()).await;
        assert_eq!(reason, Value::Null);
        let granted = json!([
            { "role": "readers", "pattern": "read:*" },
            { "role": "readers", "pattern": "read:data*" },
        ]);
        assert_eq!(explanation, json!({ "granted_by": granted, "withheld": [asleep] }));
        assert_eq!(caller["expires_at"], "2028-01-01T23:59:59.999Z");

        let (reason, explanation, _) = explain("read:log", about.clone()).await;
        assert_eq!(reason, "outside_scope");
        let outside = json!({ "role": "readers", "pattern": "read:*", "why": "outside_scope" });
        assert_eq!(explanation, json!({ "granted_by": [], "withheld": [asleep, outside] }));
    }
    let (_, explanation, _) = explain("write:log", json!({ "as_user": "bot@example.com" })).await;
    assert_eq!(explanation, json!({ "granted_by": [], "withheld": [asleep] }));

    for (change, why) in [
        (json!({ "active": false }), "disabled"),
        (json!({ "active": true, "expires_at": "2026-01-01" }), "expired"),
        (
            json!({ "active": true, "expires_at": "", "allowed_addresses": ["203.0.113.7"] }),
            "address_not_allowed",
        ),
    ] {
        app.admin().patch(&path, change).await.expect(200);
        for about in [json!({ "credential": key.secret() }), json!({ "as_key": key.key_id })] {
            let (reason, explanation, caller) = explain("read:database", about).await;
            assert_eq!((reason, caller), (json!(why), Value::Null));
            assert_eq!(explanation, json!({ "granted_by": [], "withheld": withheld(why) }));
        }
    }
    let (_, explanation, _) = explain("read:x", json!({ "credential": "nonsense" })).await;
    assert_eq!(explanation, json!({ "granted_by": [], "withheld": [] }));
    let (reason, explanation, caller) = explain("view:users", json!({})).await;
    assert_eq!(reason, Value::Null);
    assert_eq!(explanation["granted_by"].as_array().unwrap().len(), 1);
    assert_eq!(caller["username"], auditor.username);
}
