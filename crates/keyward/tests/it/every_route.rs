//! Every route of every surface, without a credential and with poor ones.
//!
//! A route that answers otherwise than its surface does stands in [`EXCEPTIONS`], with its reason. The list
//! may only shrink, but for routes that are public on purpose.

use std::collections::BTreeSet;

use axum::http::Method;
use keyward::{cognito, rawscribe, vams};
use serde_json::{Value, json};

use crate::support::{App, Client, Request};

/// The statuses with which somebody is answered who shows no credential, one that can't be one, one that
/// nobody knows, and one that is good for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Statuses {
    nobody: u16,
    malformed: u16,
    unknown: u16,
    poor: u16,
}

const fn all(status: u16) -> Statuses {
    Statuses { nobody: status, malformed: status, unknown: status, poor: status }
}

const NATIVE: Statuses = Statuses { nobody: 401, malformed: 401, unknown: 401, poor: 403 };
/// VAMS' own authorizer answers 403 to a credential that isn't good.
const VAMS: Statuses = Statuses { nobody: 401, malformed: 403, unknown: 403, poor: 403 };
const RAWSCRIBE: Statuses = NATIVE;
/// The credential is in the body, or the request is signed; every failure is 400.
const COGNITO: Statuses = all(400);
/// What belongs to no surface asks nobody who they are.
const OWN: Statuses = all(200);

/// A good credential is all that it takes.
const fn for_everybody(surface: Statuses) -> Statuses {
    Statuses { poor: 200, ..surface }
}

/// What answers otherwise than its surface, and why.
const EXCEPTIONS: &[(&str, Statuses, &str)] = &[
    ("GET /api/v1/me", for_everybody(NATIVE), "everybody may ask who they are"),
    ("POST /api/v1/authorize", for_everybody(NATIVE), "everybody may ask what they themselves may do"),
    ("GET /api/version", all(200), "asked before anybody signs in; tells VAMS' version, which is no secret"),
    ("GET /api/amplify-config", all(200), "asked before anybody signs in, to learn where"),
    ("GET /secure-config", for_everybody(VAMS), "tells any user of VAMS what is switched on"),
    ("POST /auth/routes", for_everybody(VAMS), "tells users which of VAMS' pages they may see"),
    ("GET /auth/loginProfile/{userId}", VAMS, "only one's own; this asks for another's"),
    ("POST /auth/loginProfile/{userId}", VAMS, "only one's own; this asks for another's"),
    ("GET /health", all(200), "asked by whoever watches; tells what the deployment is for"),
    ("GET /api/config/runtime", all(200), "asked before anybody signs in, to learn where"),
    ("GET /api/auth/config", all(200), "asked before anybody signs in"),
    ("POST /api/auth/login", all(401), "the credential is in the body"),
    ("GET /api/auth/me", for_everybody(RAWSCRIBE), "everybody may ask who they are"),
    ("GET /api/config/private", for_everybody(RAWSCRIBE), "tells users what their page shows"),
    ("RevokeToken", COGNITO, "whoever holds a refresh token may give it back"),
];

/// A request that would be good, were it not for the credential.
struct Route {
    name: String,
    method: Method,
    path: String,
    header: Option<(&'static str, String)>,
    body: Option<Value>,
    expected: Statuses,
}

impl Route {
    fn request(&self, client: &Client) -> Request {
        let mut request = client.request(self.method.clone(), &self.path);
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        match &self.body {
            Some(body) => request.json(body.clone()),
            None => request,
        }
    }
}

fn own_routes() -> Vec<Route> {
    let route = |path: &str| Route {
        name: format!("GET {path}"),
        method: Method::GET,
        path: path.to_owned(),
        header: None,
        body: None,
        expected: OWN,
    };
    ["/", "/healthz", "/readyz", "/docs", "/openapi.json"].map(route).into_iter().collect()
}

/// The native API's, as its document tells them.
async fn native_routes(app: &App) -> Vec<Route> {
    let document = app.anonymous().get("/openapi.json").await.expect(200).json;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut filled = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "path" {
                    let example = parameter["schema"]["examples"][0].as_str().unwrap();
                    filled = filled.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), example);
                }
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            routes.push(Route {
                name: format!("{method} {path}"),
                method,
                path: filled,
                header: None,
                body: body.is_object().then(|| example(&document, body)),
                expected: NATIVE,
            });
        }
    }
    routes
}

/// What the schema asks for at least.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return example(document, &document["components"]["schemas"][name]);
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        let named = alternatives.iter().find(|alternative| alternative["$ref"].is_string()).unwrap();
        return example(document, named);
    }
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    let kind = if schema["type"].is_array() { &schema["type"][0] } else { &schema["type"] };
    match kind.as_str().unwrap() {
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let member = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), example(document, &schema["properties"][name]))
            };
            Value::Object(required.iter().map(member).collect())
        }
        "array" => json!([example(document, &schema["items"])]),
        "string" => json!("text"),
        other => panic!("no example of {other}"),
    }
}

fn vams_routes() -> Vec<Route> {
    let route = |route: &vams::Route| Route {
        name: format!("{} {}", route.method, route.path),
        method: route.method.parse().unwrap(),
        path: route.path.replace(['{', '}'], ""),
        header: None,
        body: (route.method != "GET").then(|| json!({ "routes": [] })),
        expected: VAMS,
    };
    vams::ROUTES.iter().map(route).collect()
}

fn rawscribe_routes() -> Vec<Route> {
    let route = |(method, path): &(&str, &str)| Route {
        name: format!("{method} {path}"),
        method: method.parse().unwrap(),
        path: path.replace(['{', '}'], ""),
        header: None,
        body: Some(
            json!({ "username": "a@example.com", "password": "Wrong-horse-1", "group": "CLINICIANS" }),
        ),
        expected: RAWSCRIBE,
    };
    rawscribe::ROUTES.iter().map(route).collect()
}

fn cognito_operations() -> Vec<Route> {
    let route = |operation: &cognito::Operation| Route {
        name: operation.name.to_owned(),
        method: Method::POST,
        path: "/".to_owned(),
        header: Some(("X-Amz-Target", format!("AWSCognitoIdentityProviderService.{}", operation.name))),
        body: Some(json!({})),
        expected: COGNITO,
    };
    cognito::MODEL.iter().map(route).collect()
}

#[tokio::test]
async fn every_route_asks_who_is_there_and_what_they_may() {
    let app = App::new().await;
    let malformed = app.client("vams_no-key");
    let unknown = app.client(&format!("vams_{}", "a".repeat(64)));
    let poor = app.holder(&["nothing:here"]).await;
    let mut routes = own_routes();
    routes.extend(native_routes(&app).await);
    routes.extend(vams_routes());
    routes.extend(rawscribe_routes());
    routes.extend(cognito_operations());

    let mut wrong = Vec::new();
    for route in &routes {
        let exception = EXCEPTIONS.iter().find(|(name, _, _)| *name == route.name);
        let expected = exception.map_or(route.expected, |(_, statuses, _)| *statuses);
        let status = async |client: &Client| route.request(client).await.status.as_u16();
        let found = Statuses {
            nobody: status(&app.anonymous()).await,
            malformed: status(&malformed).await,
            unknown: status(&unknown).await,
            poor: status(&poor).await,
        };
        if found != expected {
            wrong.push(format!("{}: {found:?}, expected {expected:?}", route.name));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: BTreeSet<&str> = routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names.len(), routes.len(), "a route is there twice");
    for (name, _, reason) in EXCEPTIONS {
        assert!(names.contains(name), "{name} is no route any more ({reason})");
    }
}
