//! The program itself with `provider` `cognito`: every surface on users who live in moto.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::home::{Elsewhere, FIRST, PASSWORD};
use crate::proxy::{Fault, Proxy, Which};
use crate::{evidence, moto};

/// Where RawScribe has its users.
const USERS: &str = "/api/v1/user-management/users";
/// moto takes any.
pub(crate) const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "secret")];

/// A running `keyward serve`, whose first admin is signed in.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) folder: TempDir,
    /// Reads all that it says, so that the pipe never fills.
    listening: Option<JoinHandle<String>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What tells where the users live.
pub(crate) fn variables<'a>(endpoint: &'a str, elsewhere: &'a Elsewhere) -> [(&'a str, &'a str); 5] {
    [
        ("KEYWARD_PROVIDER", "cognito"),
        ("COGNITO_USER_POOL_ID", &elsewhere.settings.pool_id),
        ("COGNITO_CLIENT_ID", &elsewhere.settings.client_id),
        ("COGNITO_REGION", "us-east-1"),
        ("KEYWARD_COGNITO_ENDPOINT", endpoint),
    ]
}

impl Program {
    /// At home in a pool of moto's.
    pub(crate) async fn start(endpoint: &str, elsewhere: &Elsewhere, more: &[(&str, &str)]) -> Self {
        Self::start_with(&[&variables(endpoint, elsewhere), more].concat()).await
    }

    /// At home where these say.
    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = evidence::folder();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.args(["serve", "--listen", "0"]).current_dir(folder.path()).env_clear();
        command.envs(CREDENTIALS).envs(variables.iter().copied()).envs([
            ("KEYWARD_DATA_DIR", folder.path().to_str().unwrap()),
            ("KEYWARD_ADMIN_EMAIL", FIRST),
            ("KEYWARD_ADMIN_PASSWORD", PASSWORD),
        ]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut line) = (String::new(), String::new());
        let url = loop {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended with: {said}");
            said.push_str(&line);
            if let Some((_, url)) = line.split_once(" listening on ") {
                break url.trim().to_owned();
            }
        };
        let listening = std::thread::spawn(move || {
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        let mut program = Self { child, url, token: String::new(), folder, listening: Some(listening) };
        let (status, answer) = program.login(FIRST, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["token"].as_str().unwrap().clone_into(&mut program.token);
        program
    }

    /// Tells it to stop, waits for its end, and gives all that it said.
    pub(crate) fn terminate(mut self) -> String {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let said = self.listening.take().unwrap().join().unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }

    pub(crate) async fn login(&self, name: &str, password: &str) -> (StatusCode, Value) {
        let login = json!({ "username": name, "password": password });
        self.send_by("", Method::POST, "/api/auth/login", Some(login)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.send_by(&self.token, method, path, body).await
    }

    /// By whom this token is, or by nobody.
    pub(crate) async fn send_by(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = moto::http().request(method, format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send(Method::GET, path, None).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }
}

pub(crate) async fn started() -> (Program, Elsewhere) {
    let elsewhere = Elsewhere::in_moto().await;
    let endpoint = elsewhere.settings.endpoint.clone().unwrap();
    (Program::start(&endpoint, &elsewhere, &[]).await, elsewhere)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_native_api_manages_users_roles_and_keys() {
    let (program, _elsewhere) = started().await;

    let made = program
        .post("/api/v1/users", json!({ "username": "ada@example.com", "roles": ["RESEARCHERS"] }))
        .await;

    assert!(made["temporary_password"].is_string(), "{made}");
    let users = program.get("/api/v1/users").await;
    let names: Vec<_> =
        users["items"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ada@example.com", FIRST]);
    let role = json!({ "name": "auditors", "description": "See", "permissions": ["view:audit"] });
    program.post("/api/v1/roles", role).await;
    program.post("/api/v1/users/ada@example.com/roles", json!({ "roles": ["auditors"] })).await;
    let shown = program.get("/api/v1/users/ada@example.com").await;
    assert_eq!(shown["roles"], json!(["RESEARCHERS", "auditors"]));
    let key = program
        .post("/api/v1/api-keys", json!({ "name": "ci", "user": "ada@example.com", "description": "CI" }))
        .await;
    let verified = program.post("/api/v1/verify", json!({ "credential": key["secret"] })).await;
    assert_eq!(verified["allowed"], true, "{verified}");
    let disabled = json!({ "enabled": false });
    let (status, answer) = program.send(Method::PATCH, "/api/v1/users/ada@example.com", Some(disabled)).await;
    assert!(status.is_success(), "{answer}");
    let verified = program.post("/api/v1/verify", json!({ "credential": key["secret"] })).await;
    assert_eq!(verified["allowed"], false, "{verified}");
    let reset = program.post("/api/v1/users/ada@example.com/reset-password", json!({})).await;
    assert_ne!(reset["temporary_password"], made["temporary_password"]);
    let (status, answer) = program.send(Method::DELETE, &format!("/api/v1/users/{FIRST}"), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let events = program.get("/api/v1/audit?target=ada@example.com").await;
    assert!(events["items"].as_array().unwrap().len() >= 4, "{events}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vams_dialect_manages_people() {
    let (program, elsewhere) = started().await;

    let config = program.get("/api/amplify-config").await;
    assert_eq!(config["cognitoUserPoolId"], elsewhere.settings.pool_id.as_str());
    assert_eq!(config["cognitoAppClientId"], elsewhere.settings.client_id.as_str());
    let new = json!({ "userId": "ada@example.com", "email": "ada@example.com" });
    let made = program.post("/user/cognito", new).await;
    assert!(made["temporaryPassword"].is_string(), "{made}");
    let listed = program.get("/user/cognito").await;
    assert_eq!(listed["users"].as_array().unwrap().len(), 2, "{listed}");
    let roles = json!({ "userId": "ada@example.com", "roleName": ["RESEARCHERS"] });
    program.post("/user-roles", roles).await;
    let held = program.get("/user-roles").await.to_string();
    assert!(held.contains("RESEARCHERS") && held.contains("ada@example.com"), "{held}");
    let reset =
        program.post("/user/cognito/ada@example.com/resetPassword", json!({ "confirmReset": true })).await;
    assert!(reset["temporaryPassword"].is_string(), "{reset}");
    let (status, _) = program.send(Method::DELETE, "/user/cognito/ada@example.com", None).await;
    assert!(status.is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rawscribe_dialect_manages_users_and_signs_in() {
    let (program, elsewhere) = started().await;

    let new = json!({ "username": "ada@example.com", "password": PASSWORD, "group": "RESEARCHERS" });
    let made = program.post(USERS, new.clone()).await;

    assert_eq!((&made["status"], &made["group"]), (&json!("CONFIRMED"), &json!("RESEARCHERS")), "{made}");
    let (status, again) = program.send(Method::POST, USERS, Some(new)).await;
    assert_eq!(
        (status, &again["detail"]),
        (StatusCode::CONFLICT, &json!("User ada@example.com already exists"))
    );
    let weak = json!({ "username": "eve@example.com", "password": "weak", "group": "RESEARCHERS" });
    let (status, _) = program.send(Method::POST, USERS, Some(weak)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let unknown = json!({ "username": "eve@example.com", "password": PASSWORD, "group": "NO_SUCH_GROUP" });
    let (status, _) = program.send(Method::POST, USERS, Some(unknown)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = program.send(Method::GET, &format!("{USERS}/eve@example.com"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let shown = program.get(&format!("{USERS}/ada@example.com")).await;
    assert_eq!((&shown["groups"], &shown["enabled"]), (&json!(["RESEARCHERS"]), &json!(true)), "{shown}");
    let groups = program.get("/api/v1/user-management/groups").await;
    assert!(groups.to_string().contains("ADMINS"));
    let login = |password: &str| json!({ "username": "ada@example.com", "password": password });
    let (status, failed) =
        program.send(Method::POST, "/api/auth/login", Some(login("Wrong-password-1"))).await;
    assert_eq!((status, &failed["success"]), (StatusCode::UNAUTHORIZED, &json!(false)), "{failed}");
    let signed_in = program.post("/api/auth/login", login(PASSWORD)).await;
    assert_eq!(signed_in["user"]["groups"], json!(["RESEARCHERS"]), "{signed_in}");
    elsewhere
        .call(
            "AdminSetUserPassword",
            json!({ "Username": "ada@example.com", "Password": PASSWORD, "Permanent": false }),
        )
        .await;
    let (status, challenged) = program.send(Method::POST, "/api/auth/login", Some(login(PASSWORD))).await;
    assert_eq!(
        (status, &challenged["challenge"]),
        (StatusCode::UNAUTHORIZED, &json!("NEW_PASSWORD_REQUIRED"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_pool_lacks_is_no_defect_of_ours() {
    let proxy = Proxy::start().await;
    let elsewhere = Elsewhere::in_moto().await;
    let program = Program::start(&proxy.url, &elsewhere, &[]).await;
    let paths =
        ["/api/v1/users/ada@example.com", "/user/cognito", "/api/v1/user-management/users/ada@example.com"];

    proxy.let_fail(Which::From(1), Fault::Throttled);
    for path in paths {
        let request = moto::http().get(format!("{}{path}", program.url)).bearer_auth(&program.token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answer.headers()["retry-after"], "1", "{path}");
    }
    proxy.let_fail(Which::From(1), Fault::CutBefore);
    for path in paths {
        let begun = Instant::now();
        let (status, answer) = program.send(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    proxy.heal();
    program.get("/user/cognito").await;
}
