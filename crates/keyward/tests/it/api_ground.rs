//! What all calls of the native API have in common: failures as problems, and the document that describes
//! them.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App};

#[tokio::test]
async fn a_failure_is_a_problem() {
    let app = App::new().await;

    let answer =
        app.admin().get("/api/v1/roles/nothing").header("X-Request-Id", "request-1").await.expect(404);

    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-request-id"), "request-1");
    assert_eq!(
        answer.json,
        json!({
            "type": "https://keyward.dev/problems/not-found",
            "title": "Not found",
            "status": 404,
            "detail": "Role 'nothing' does not exist in the system",
            "code": "not-found",
            "request_id": "request-1",
        })
    );
}

#[tokio::test]
async fn each_kind_of_failure_has_its_code() {
    let app = App::new().await;
    let (admin, poor) = (app.admin(), app.holder(&["nothing:here"]).await);
    let users = "/api/v1/users";
    let check = |answer: Answer, status: u16, code: &str| -> Answer {
        let answer = answer.expect(status);
        assert_eq!(answer.str("code"), code);
        assert_eq!(answer["status"], status);
        assert_eq!(answer.str("type"), format!("https://keyward.dev/problems/{code}"));
        assert!(!answer.str("detail").is_empty() && !answer.str("title").is_empty());
        answer
    };

    check(admin.get("/api/v1/nothing").await, 404, "not-found");
    check(admin.get("/api/v1").await, 404, "not-found");
    let wrong = check(admin.delete("/api/v1/me").await, 405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    check(admin.request(Method::POST, users).await, 400, "invalid-input");
    check(admin.request(Method::POST, users).body("{").await, 400, "invalid-input");
    check(admin.post(users, json!([])).await, 400, "invalid-input");
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    check(admin.request(Method::POST, users).body(large).await, 413, "too-large");
    let packed = admin.post(users, json!({})).header("Content-Encoding", "gzip");
    check(packed.await, 415, "unsupported-media-type");
    let nobody = check(app.anonymous().get(users).await, 401, "unauthenticated");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    for authorization in ["", "x", "Basic YTpi", "Bearer x", "Bearer a.b.c", "vams_x"] {
        check(app.client(authorization).get(users).await, 401, "unauthenticated");
    }
    let refused = check(poor.get(users).await, 403, "forbidden");
    assert_eq!(refused.str("permission"), "view:users");
    check(admin.post(users, json!({ "username": "admin@example.com" })).await, 409, "already-exists");
    check(admin.delete("/api/v1/roles/ADMINS").await, 409, "conflict");
    check(
        admin.delete("/api/v1/roles/SERVICE").header("If-Match", "\"9\"").await,
        412,
        "precondition-failed",
    );
}

#[tokio::test]
async fn when_the_store_is_gone_nobody_is_let_in() {
    let app = App::new().await;
    app.keyward.close().await;

    for client in [app.admin(), app.client(&format!("vams_{}", "a".repeat(64)))] {
        let answer = client.get("/api/v1/users").await.expect(503);
        assert_eq!(answer.str("code"), "unavailable");
    }
}

#[tokio::test]
async fn no_failure_repeats_a_value_of_the_request() {
    let app = App::new().await;
    let secret = "Correct-horse-battery-1";

    for (path, body) in [
        ("/api/v1/users", json!({ "username": secret })),
        ("/api/v1/users", json!({ "username": "ada@example.com", "kind": secret })),
        ("/api/v1/users", json!({ "username": "ada@example.com", "enabled": secret })),
        ("/api/v1/users", json!(secret)),
        ("/api/v1/verify", json!({ "credential": secret, "client_ip": secret })),
        ("/api/v1/verify", json!({ "credential": [secret] })),
        ("/api/v1/authorize", json!({ "permissions": [secret] })),
        ("/api/v1/api-keys", json!({ "name": secret, "user": 1, "description": secret })),
    ] {
        let refused = app.admin().post(path, body.clone()).await.expect(400);
        assert!(!refused.text.contains(secret), "{body}: {}", refused.text);
    }
    for path in [format!("/api/v1/users?limit={secret}"), format!("/api/v1/audit?since={secret}")] {
        let refused = app.admin().get(&path).await.expect(400);
        assert!(!refused.text.contains(secret), "{path}: {}", refused.text);
    }
}

/// The document, as anybody may have it.
async fn document(app: &App) -> Value {
    let answer = app.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json
}

/// Every operation of the document: its path, its method, what it says.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_says_of_every_call_what_there_is_to_know() {
    let app = App::new().await;
    let document = document(&app).await;

    assert_eq!(document["openapi"], "3.1.0");
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!([&schemes["api_key"]["type"], &schemes["bearer"]["scheme"]], ["apiKey", "bearer"]);
    assert_eq!(document["security"], json!([{ "api_key": [] }, { "bearer": [] }]));
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let operations = operations(&document);
    assert_eq!(operations.len(), 55);
    let ids: BTreeSet<&str> =
        operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
    for (path, method, operation) in operations {
        let what = format!("{method} {path}");
        assert!(operation["summary"].is_string() && operation["description"].is_string(), "{what}");
        assert!(tags.contains(&&operation["tags"][0]), "{what}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{what}");
        for status in ["400", "401", "500", "503"] {
            let problem = &answers[status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{what} {status}");
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            assert!(has(name) && answers.contains_key("404"), "{what}");
        }
        assert_eq!(has("If-Match"), answers.contains_key("412"), "{what}");
        // An access key is never changed, nor a client's secret, so they have no versions; test users are many.
        let is_versioned = !path.starts_with("/api/v1/access-keys/")
            && !path.ends_with("/secrets/{secret}")
            && path != "/api/v1/test-users";
        assert_eq!(has("If-Match"), is_versioned && ["patch", "put", "delete"].contains(&method), "{what}");
        let without_body =
            ["/sign-out", "/reset-password", "/test-users", "/test-users/allow", "/secure-production"];
        assert_eq!(
            operation["requestBody"].is_object(),
            ["patch", "put"].contains(&method)
                || (method == "post" && !without_body.iter().any(|end| path.ends_with(end))),
            "{what}"
        );
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let app = App::new().await;
    let document = document(&app).await;
    let mut found = Vec::new();
    references(&document, &mut found);

    let schemas = document["components"]["schemas"].as_object().unwrap();
    let used: BTreeSet<&str> =
        found.iter().map(|reference| reference.strip_prefix("#/components/schemas/").unwrap()).collect();
    let known: BTreeSet<&str> = schemas.keys().map(String::as_str).collect();

    assert_eq!(used, known);
}

#[tokio::test]
async fn the_page_shows_every_call_and_needs_nothing_from_outside() {
    let app = App::with_settings(&[("KEYWARD_PUBLIC_URL", "https://keyward.example.com")]).await;

    let page = app.anonymous().get("/docs").await.expect(200);

    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"));
    for (path, method, operation) in operations(&document(&app).await) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.text.contains(&format!("<article id=\"{id}\">")), "{id}");
        assert!(page.text.contains(&format!("<code>{path}</code>")), "{method} {path}");
    }
    assert!(page.text.contains("curl https://keyward.example.com/api/v1/users "));
    for outside in ["<script", "<img", "<link", "<iframe", "@import", "url(", " style=", " onclick"] {
        assert!(!page.text.contains(outside), "{outside}");
    }
    let targets = page.text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for target in targets {
        let is_here = target.strip_prefix('#').is_some_and(|id| page.text.contains(&format!("id=\"{id}\"")));
        assert!(is_here || target == "/openapi.json", "{target}");
    }
}

#[tokio::test]
async fn what_describes_the_api_is_only_read() {
    let app = App::new().await;

    for path in ["/docs", "/openapi.json"] {
        let answer = app.anonymous().request(Method::POST, path).await.expect(405);
        assert_eq!(answer.header("allow"), "GET,HEAD");
        app.anonymous().request(Method::HEAD, path).await.expect(200);
    }
}

#[tokio::test]
async fn the_bare_route_is_there_for_the_benchmark_alone() {
    let bench = App::with_settings(&[("KEYWARD_BENCH_HELLO", "true")]).await;

    assert_eq!(bench.anonymous().get("/hello").await.expect(200).json, json!({ "hello": "world" }));
    App::new().await.anonymous().get("/hello").await.expect(404);
    App::with_settings(&[("KEYWARD_BENCH_HELLO", "false")]).await.anonymous().get("/hello").await.expect(404);
}
