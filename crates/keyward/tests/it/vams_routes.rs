//! What holds on every route of the VAMS dialect.

use axum::http::Method;
use keyward::vams::{Needs, ROUTES, Route};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{App, Client, Request};

/// A request to the route, with something in each of the path's places.
fn request_to(client: &Client, route: &Route) -> Request {
    let path = route.path.replace("{apiKeyId}", "00000000-0000-4000-8000-000000000000");
    let path = path.replace("{userId}", "somebody@example.com").replace("{roleId}", "a-role");
    client.request(route.method.parse::<Method>().unwrap(), &path)
}

#[tokio::test]
async fn without_a_credential_only_what_is_public_answers() {
    let app = App::new().await;

    for route in ROUTES {
        let answer = request_to(&app.anonymous(), route).await;
        match route.needs {
            Needs::Nothing => answer.expect(200),
            Needs::Credential | Needs::AnyOf(_) => {
                assert_eq!(answer.json, json!({ "message": "Unauthorized" }));
                assert_eq!(answer.header("www-authenticate"), "Bearer");
                answer.expect(401)
            }
        };
    }
}

#[tokio::test]
async fn a_poor_credential_is_refused_before_anybody_looks_at_the_request() {
    let app = App::new().await;
    let poor = app.holder(&["read:database"]).await;

    for route in ROUTES.iter().filter(|route| matches!(route.needs, Needs::AnyOf(_))) {
        for request in [
            request_to(&poor, route),
            request_to(&poor, route).json(json!({})),
            request_to(&poor, route).body("{"),
            request_to(&poor, route).json(json!({ "userId": [], "roleName": {}, "apiKeyName": 1 })),
        ] {
            assert_eq!(request.await.expect(403).str("message"), "Not Authorized");
        }
    }
    for path in ["/user/cognito?pageSize=abc", "/roles?startingToken=%00", "/auth/api-keys/not-an-id"] {
        poor.get(path).await.expect(403);
    }
}

#[tokio::test]
async fn a_credential_that_is_not_good_is_forbidden_on_every_route_but_the_public_ones() {
    let app = App::new().await;
    let unknown = format!("vams_{}", "a".repeat(64));

    for authorization in [&*unknown, "vams_short", "Basic YTpi", "Bearer x", "Bearer a.b.c", "x", ""] {
        for route in ROUTES {
            let answer = request_to(&app.client(authorization), route).await;
            match route.needs {
                Needs::Nothing => answer.expect(200),
                Needs::Credential | Needs::AnyOf(_) => {
                    assert_eq!(answer.json, json!({ "message": "Forbidden" }));
                    answer.expect(403)
                }
            };
        }
    }
}

#[tokio::test]
async fn two_credentials_are_none() {
    let app = App::new().await;
    let secret = app.admin().secret().to_owned();

    app.admin().get("/secure-config").header("authorization", &secret).await.expect(403);
}

#[tokio::test]
async fn every_answer_is_json_that_nobody_keeps_and_any_page_may_read() {
    let app = App::new().await;

    for client in [app.admin(), app.anonymous()] {
        for route in ROUTES {
            let answer = request_to(&client, route).header("origin", "https://app.example.com").await;
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "no-cache, no-store");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
}

#[tokio::test]
async fn a_browser_may_ask_before_it_calls() {
    let app = App::new().await;

    for route in ROUTES {
        let path = route.path.replace(['{', '}'], "");
        let answer = app
            .anonymous()
            .request(Method::OPTIONS, &path)
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", route.method)
            .await
            .expect(200);
        assert_eq!(answer.header("access-control-allow-methods"), "HEAD,OPTIONS,GET,PUT,POST,PATCH,DELETE");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization,content-type,range,x-api-key"
        );
        assert_eq!(answer.header("access-control-max-age"), "3600");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_form_of_vams_under_its_paths() {
    let app = App::new().await;
    let admin = app.admin();

    for path in ["/auth/constraints", "/user/x", "/user/cognito/a/b/c", "/roles/a/b", "/user-roles/x"] {
        assert_eq!(admin.get(path).await.expect(404).json, json!({ "message": "Not Found" }));
    }
    let answer = admin.post("/roles/some", json!({})).await.expect(405);
    assert_eq!(answer.json, json!({ "message": "Method Not Allowed" }));
    assert_eq!(answer.header("allow"), "DELETE");
}

#[tokio::test]
async fn a_body_that_is_missing_or_broken_is_said_to_be() {
    let app = App::new().await;
    let admin = app.admin();

    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PUT")) {
        if route.path.ends_with("/resetPassword") || route.path.contains("loginProfile") {
            continue;
        }
        let missing = request_to(&admin, route).await.expect(400);
        assert_eq!(missing.json, json!({ "message": "Request body is required" }));
        let broken = request_to(&admin, route).body("{").await.expect(400);
        assert_eq!(broken.json, json!({ "message": "Invalid JSON in request body" }));
    }
}

/// JSON that is seldom what a route wants, and sometimes nearly.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "global",
            "2027-06-30",
            "true",
            "ADMINS",
            "a@b.co",
            "+12345678900",
            "\0"
        ])
        .prop_map(Value::from),
    ];
    let member = prop_oneof![
        9 => prop::sample::select(vec![
            "userId", "email", "phone", "confirmReset", "apiKeyName", "description", "expiresAt", "isActive",
            "scope", "allowedAddresses", "owner", "reviewAt", "roleName", "source", "sourceIdentifier",
            "mfaRequired", "permissions", "routes", "method", "route__path",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(member.clone(), inner, 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What no body of a test ever does is end the first admin or the key that the test goes by.
#[test]
fn no_body_and_no_query_ever_makes_a_defect_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(App::new());
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let input = (arbitrary_json(), "[ -~]{0,40}", "\\PC{0,12}");

    runner
        .run(&input, |(body, query, place)| {
            runtime.block_on(async {
                let admin = app.admin();
                for route in ROUTES {
                    let place: String =
                        place.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
                    let query: String =
                        form(&[("pageSize", &query), ("maxItems", "1"), ("startingToken", &query)]);
                    let path =
                        route.path.split('/').map(|part| if part.starts_with('{') { &place } else { part });
                    let path = format!("{}?{query}", path.collect::<Vec<_>>().join("/"));
                    let method: Method = route.method.parse().unwrap();
                    let answer = admin.request(method, &path).json(body.clone()).await;
                    prop_assert!(
                        answer.status.as_u16() < 500,
                        "{} {path} {body}: {}",
                        route.method,
                        answer.text
                    );
                    prop_assert!(answer.json.is_object(), "{}", answer.text);
                }
                Ok(())
            })
        })
        .unwrap();
    runtime.block_on(async { app.admin().get("/auth/api-keys").await.expect(200) });
}

fn form(members: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish()
}
