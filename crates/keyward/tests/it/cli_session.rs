//! The command line against a real server: whole sessions, as people and pipelines have them.

use aws_lc_rs::digest;
use serde_json::{Value, json};

use crate::cli_support::{Desk, Ran};
use crate::support::App;

/// A real Keyward on a port of its own.
pub(crate) struct Session {
    pub app: App,
    pub url: String,
}

impl Session {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with these settings.
    pub(crate) async fn open_with(settings: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = App::with_settings(&[&[("KEYWARD_PUBLIC_URL", url.as_str())], settings].concat()).await;
        let service = app.router.clone().into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { app, url }
    }

    /// A desk where nobody is signed in.
    pub(crate) fn desk(&self) -> Desk {
        Desk::new().with("KEYWARD_URL", &self.url)
    }

    /// A desk that acts by an admin's API key.
    pub(crate) fn admin(&self) -> Desk {
        self.desk().with("KEYWARD_API_KEY", self.app.admin().secret())
    }
}

/// The digest as `api-key import` takes it.
fn sha256(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Runs a command without holding up the server, which lives in the same process.
pub(crate) fn run(desk: &Desk, words: &[&str]) -> Ran {
    run_with(desk, words, "")
}

pub(crate) fn run_with(desk: &Desk, words: &[&str], stdin: &str) -> Ran {
    tokio::task::block_in_place(|| desk.run_with(words, stdin))
}

pub(crate) fn json_of(desk: &Desk, words: &[&str]) -> Value {
    run(desk, &[words, &["--json-output"]].concat()).expect(0).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_gets_its_key_as_the_page_says() {
    let session = Session::open().await;
    let desk = session.admin().under_name("vamscli");

    run(
        &desk,
        &["role", "create", "-r", "pipeline-runner", "--description", "CI", "--permission", "submit:SOP*"],
    )
    .expect(0);
    run(&desk, &["role", "user", "create", "-u", "ci-bot@example.com", "--role-name", "pipeline-runner"])
        .expect(0);
    let made = json_of(
        &desk,
        &[
            "api-key",
            "create",
            "--name",
            "GitHub Actions",
            "--user-id",
            "ci-bot@example.com",
            "--description",
            "CI/CD",
            "--expires-at",
            "2027-12-31T23:59:59Z",
        ],
    );

    let key = made["apiKey"].as_str().unwrap();
    assert_eq!(key.len(), 69);
    assert!(key.starts_with("vams_"));
    assert_eq!(made["expiresAt"], "2027-12-31T23:59:59Z");
    let ci = session.desk().with("KEYWARD_API_KEY", key);
    assert_eq!(json_of(&ci, &["whoami"])["userId"], "ci-bot@example.com");
    run(&ci, &["can", "submit:SOP7"]).expect(0);
    run(&ci, &["can", "manage:users"]).expect(1);

    let second = json_of(
        &desk,
        &[
            "api-key",
            "create",
            "--name",
            "CI Pipeline v2",
            "--user-id",
            "ci-bot@example.com",
            "--description",
            "Rotated key",
        ],
    );
    run(&ci, &["whoami"]).expect(0);
    run(&desk, &["api-key", "delete", "--api-key-id", made["apiKeyId"].as_str().unwrap()]).expect(0);
    let refused = run(&ci, &["whoami"]).expect(1);
    assert!(refused.stderr.contains("KEYWARD_API_KEY is not accepted"), "{refused}");
    run(&session.desk().with("KEYWARD_API_KEY", second["apiKey"].as_str().unwrap()), &["whoami"]).expect(0);
    let again =
        run(&desk, &["api-key", "delete", "--api-key-id", made["apiKeyId"].as_str().unwrap()]).expect(1);
    assert!(again.stderr.contains("`vamscli api-key list`"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_listed_changed_and_deleted() {
    let session = Session::open().await;
    let desk = session.admin();
    let create = ["user", "cognito", "create", "-u", "a@x.co", "-e", "a@x.co", "-p", "+12345678900"];

    let made = json_of(&desk, &create);
    assert_eq!(made["operation"], "create");
    assert!(made["temporaryPassword"].as_str().unwrap().len() >= 8, "{made}");
    let twice = run(&desk, &create).expect(1);
    assert!(twice.stderr.contains("already exists"), "{twice}");
    for phone in ["12345678900", "+1 2345678900", "+1-2345678900"] {
        run(&desk, &["user", "create", "-u", "b@x.co", "-e", "b@x.co", "-p", phone]).expect(1);
    }
    run(&desk, &["user", "create", "-u", "bob", "-e", "b@x.co"]).expect(1);

    run(&desk, &["user", "update", "-u", "a@x.co", "-e", "new@x.co"]).expect(0);
    let shown = json_of(&desk, &["user", "show", "-u", "a@x.co"]);
    assert_eq!(shown["email"], "new@x.co");
    assert_eq!(shown["phone"], "+12345678900");
    assert_eq!(shown["userStatus"], "FORCE_CHANGE_PASSWORD");

    let all = json_of(&desk, &["user", "cognito", "list", "--auto-paginate", "--page-size", "1"]);
    assert_eq!(all["pageCount"], all["totalItems"]);
    assert!(all["totalItems"].as_u64().unwrap() >= 2);
    let first = json_of(&desk, &["user", "list", "--page-size", "1"]);
    let next = first["NextToken"].as_str().unwrap();
    let second = json_of(&desk, &["user", "list", "--page-size", "1", "--starting-token", next]);
    assert_ne!(first["Items"][0]["userId"], second["Items"][0]["userId"]);
    run(&desk, &["user", "list"]).expect(0);

    let program = json_of(&desk, &["user", "create", "-u", "bot@x.co", "--program"]);
    assert_eq!(program.get("temporaryPassword"), None);
    assert_eq!(
        json_of(&desk, &["user", "list", "--programs", "--search", "bot@"])["users"][0]["kind"],
        "program"
    );

    run(&desk, &["user", "disable", "-u", "a@x.co"]).expect(0);
    assert_eq!(json_of(&desk, &["user", "show", "-u", "a@x.co"])["enabled"], false);
    run(&desk, &["user", "enable", "-u", "a@x.co"]).expect(0);
    let reset = json_of(&desk, &["user", "reset-password", "-u", "a@x.co", "--confirm"]);
    assert_ne!(reset["temporaryPassword"], made["temporaryPassword"]);
    run(&desk, &["user", "cognito", "delete", "-u", "a@x.co"]).expect(1);
    run(&desk, &["user", "cognito", "delete", "-u", "a@x.co", "--confirm"]).expect(0);
    let gone = run(&desk, &["user", "cognito", "delete", "-u", "a@x.co", "--confirm"]).expect(1);
    assert!(gone.stderr.contains("`keyward user list`"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_user_without_roles_is_refused_with_the_line_to_type() {
    let session = Session::open().await;
    let desk = session.admin();
    run(&desk, &["user", "create", "-u", "a@x.co", "-e", "a@x.co"]).expect(0);
    let create = ["api-key", "create", "--name", "k", "--user-id", "a@x.co", "--description", "d"];

    let refused = run(&desk, &create).expect(1);
    assert!(refused.stderr.contains("`keyward role user create -u a@x.co --role-name ROLE`"), "{refused}");

    run(&desk, &["role", "user", "create", "-u", "a@x.co", "--role-name", "RESEARCHERS"]).expect(0);
    run(&desk, &create).expect(0);
    let taken = run(&desk, &create).expect(1);
    assert!(taken.stderr.contains("already exists"), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_rotated_and_expires() {
    let session = Session::open().await;
    let desk = session.admin();
    run(&desk, &["role", "user", "create", "-u", "bot@x.co", "--role-name", "RESEARCHERS"]).expect(0);
    let made =
        json_of(&desk, &["api-key", "create", "--name", "k", "--user-id", "bot@x.co", "--description", "d"]);
    let id = made["apiKeyId"].as_str().unwrap();
    let first = session.desk().with("KEYWARD_API_KEY", made["apiKey"].as_str().unwrap());
    assert_eq!(made["expiresAt"], "");

    let changed =
        json_of(&desk, &["api-key", "update", "--api-key-id", id, "--description", "e", "--owner", "Ada"]);
    assert_eq!(changed["description"], "e");
    assert_eq!(changed["owner"], "Ada");
    run(&desk, &["api-key", "update", "--api-key-id", id, "--is-active", "false"]).expect(0);
    run(&first, &["whoami"]).expect(1);
    run(&desk, &["api-key", "update", "--api-key-id", id, "--is-active", "true"]).expect(0);
    run(&first, &["whoami"]).expect(0);
    run(&desk, &["api-key", "update", "--api-key-id", id, "--scope", "view:own"]).expect(0);
    run(&first, &["can", "submit:SOP1"]).expect(1);
    run(&desk, &["api-key", "update", "--api-key-id", id, "--clear-scope"]).expect(0);
    run(&first, &["can", "submit:SOP1"]).expect(0);

    let rotated = json_of(&desk, &["api-key", "rotate", "--api-key-id", id, "--overlap", "24h"]);
    let second = session.desk().with("KEYWARD_API_KEY", rotated["apiKey"].as_str().unwrap());
    run(&first, &["whoami"]).expect(0);
    run(&second, &["whoami"]).expect(0);
    let listed = run(&desk, &["api-key", "list", "--user-id", "bot@x.co"]).expect(0);
    assert!(listed.stdout.contains("old secret"), "{listed}");
    run(&desk, &["api-key", "rotate", "--api-key-id", id]).expect(0);
    run(&first, &["whoami"]).expect(1);
    run(&second, &["whoami"]).expect(1);

    run(&desk, &["api-key", "update", "--api-key-id", id, "--expires-at", "2020-01-01"]).expect(0);
    let listed = run(&desk, &["api-key", "list", "--name", "k"]).expect(0);
    assert!(listed.stdout.contains("Expired"), "{listed}");
    run(&desk, &["api-key", "update", "--api-key-id", id, "--expires-at", "not-a-date"]).expect(1);
    run(&desk, &["api-key", "update", "--api-key-id", id, "--expires-at", "", "--is-active", "true"])
        .expect(0);
    let listed = run(&desk, &["api-key", "list", "--name", "k"]).expect(0);
    assert!(listed.stdout.contains("Never") && listed.stdout.contains("Active"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_system_are_imported_and_work() {
    let session = Session::open().await;
    let desk = session.admin();
    run(&desk, &["role", "user", "create", "-u", "bot@x.co", "--role-name", "RESEARCHERS"]).expect(0);
    let key = format!("vams_{}", "aB3-_".repeat(13).get(..64).unwrap());
    let digest = sha256(&key);
    let file =
        format!("name,user,sha256,expires_at\nold,bot@x.co,{digest},\nnobody's,nobody@x.co,{digest},\n");

    let told = run_with(&desk, &["api-key", "import", "-", "--json-output"], &file).expect(1).json();

    assert_eq!(told["imported"], 1);
    assert_eq!(told["failed"], 1);
    assert_eq!(told["results"][0]["apiKeyName"], "old");
    let imported = session.desk().with("KEYWARD_API_KEY", &key);
    assert_eq!(json_of(&imported, &["whoami"])["userId"], "bot@x.co");
    let verified =
        run_with(&desk, &["api-key", "verify", "--key-stdin", "--json-output"], &key).expect(0).json();
    assert_eq!(verified["caller"]["userId"], "bot@x.co");
    let by_itself = run_with(&session.desk(), &["api-key", "verify", "--key-stdin"], &key).expect(0);
    assert!(by_itself.stdout.contains("bot@x.co"), "{by_itself}");
    run_with(&session.desk(), &["api-key", "verify", "--key-stdin"], "vams_wrong").expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_made_changed_given_and_taken() {
    let session = Session::open().await;
    let desk = session.admin();

    run(
        &desk,
        &["role", "create", "-r", "viewer", "--description", "d", "--mfa-required", "--permission", "view:*"],
    )
    .expect(0);
    let twice = run(&desk, &["role", "create", "-r", "viewer", "--description", "d"]).expect(1);
    assert!(twice.stderr.contains("`keyward role update -r viewer`"), "{twice}");
    run(&desk, &["role", "update", "-r", "viewer", "--description", "e"]).expect(0);
    let role = json_of(&desk, &["role", "show", "-r", "viewer"]);
    assert_eq!((&role["description"], &role["mfaRequired"]), (&json!("e"), &json!(true)));
    assert_eq!(role["permissions"], json!(["view:*"]));
    run(&desk, &["role", "update", "-r", "viewer", "--no-mfa-required", "--clear-permissions"]).expect(0);
    assert_eq!(json_of(&desk, &["role", "show", "-r", "viewer"])["permissions"], json!([]));

    let given = json_of(&desk, &["role", "user", "create", "-u", "bot@x.co", "--role-name", "viewer"]);
    assert_eq!(given["createdProgramUser"], true);
    run(&desk, &["role", "user", "create", "-u", "bot@x.co", "--role-name", "nonsense"]).expect(1);
    run(&desk, &["role", "user", "update", "-u", "bot@x.co", "--role-name", "RESEARCHERS"]).expect(0);
    let listed = json_of(&desk, &["role", "user", "list"]);
    let bot = listed["Items"].as_array().unwrap().iter().find(|item| item["userId"] == "bot@x.co").unwrap();
    assert_eq!(bot["roleName"], json!(["RESEARCHERS"]));
    run(&desk, &["role", "user", "delete", "-u", "bot@x.co", "--role-name", "RESEARCHERS", "--confirm"])
        .expect(0);
    assert_eq!(json_of(&desk, &["user", "show", "-u", "bot@x.co"])["roles"], json!([]));

    run(&desk, &["role", "delete", "-r", "viewer"]).expect(1);
    run(&desk, &["role", "delete", "-r", "viewer", "--confirm"]).expect(0);
    let gone = run(&desk, &["role", "show", "-r", "viewer"]).expect(1);
    assert!(gone.stderr.contains("`keyward role list`"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_others_are_answered_with_reasons() {
    let session = Session::open().await;
    let desk = session.admin();
    run(
        &desk,
        &["role", "create", "-r", "strict", "--description", "d", "--mfa-required", "--permission", "a:b"],
    )
    .expect(0);
    run(&desk, &["role", "user", "create", "-u", "bot@x.co", "--role-name", "strict"]).expect(0);
    run(&desk, &["api-key", "create", "--name", "k", "--user-id", "bot@x.co", "--description", "d"])
        .expect(0);

    let told = run(&desk, &["can", "a:b", "--as-key", "k", "--explain"]).expect(1);
    assert!(
        told.stdout.contains("strict would grant it through a:b, but asks for a second factor"),
        "{told}"
    );
    let told = run(&desk, &["can", "c:d", "--as-user", "bot@x.co", "--explain"]).expect(1);
    assert!(told.stdout.contains("no role that is held has a pattern that fits"), "{told}");
    let unknown = run(&desk, &["can", "c:d", "--as-user", "nobody@x.co"]).expect(1);
    assert!(unknown.stderr.starts_with("error: "), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_in_the_audit_log() {
    let session = Session::open().await;
    let desk = session.admin();
    run(&desk, &["user", "create", "-u", "a@x.co", "-e", "a@x.co"]).expect(0);
    run(&desk, &["user", "delete", "-u", "a@x.co", "--confirm"]).expect(0);

    let listed = json_of(&desk, &["audit", "list", "--target", "a@x.co"]);
    let actions: Vec<&str> =
        listed["Items"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions.len(), 2, "{listed}");
    let told = run(&desk, &["audit", "list", "--since", "30d"]).expect(0);
    assert!(told.stdout.contains("a@x.co"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_right_is_told_which_one_it_lacks() {
    let session = Session::open().await;
    let reader = session.app.holder(&["view:own"]).await;
    let desk = session.desk().with("KEYWARD_API_KEY", reader.secret());

    let refused = run(&desk, &["user", "create", "-u", "a@x.co", "-e", "a@x.co"]).expect(1);

    assert!(refused.stderr.contains("manage:users"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_asks_a_real_server() {
    let session = Session::open().await;
    let desk = Desk::new();

    run(&desk, &["setup", &session.url, "--skip-version-check"]).expect(0);

    let info = json_of(&desk, &["profile", "info", "default"]);
    assert!(
        info["profile_info"]["amplify_config"]["cognitoUserPoolId"].as_str().unwrap().contains('_'),
        "{info}"
    );
    assert_eq!(json_of(&desk, &["setup", &session.url])["status"], "skipped");
}
