//! What comes by stdin, and what happens when nothing does. At a desk stdin is closed unless a test writes to
//! it.

use crate::cli_support::{Desk, Network, Reply, problem};
use serde_json::json;

#[test]
fn a_closed_stdin_is_an_answer_and_never_a_wait() {
    let network = Network::answering(|request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "9.9.9" })),
        _ => Reply::Json(200, json!({ "cognitoUserPoolId": "p", "cognitoAppClientId": "c" })),
    });
    let desk = Desk::at(&network);

    let ran = desk.run(&["auth", "login"]).expect(1);
    assert!(ran.stderr.contains("--username is required"), "{ran}");

    let ran = desk.run(&["auth", "login", "-u", "ada@example.com"]).expect(1);
    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: Password is needed, and there is no terminal to ask at.
    hint: `--password-stdin` reads it from stdin
    ");

    let ran = desk.run(&["auth", "login", "-u", "ada@example.com", "--password-stdin"]).expect(1);
    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: Password was to come by stdin, but nothing came.
    ");

    let ran = desk.run(&["auth", "set-override", "-u", "ada@example.com", "--token-stdin"]).expect(1);
    assert!(ran.stderr.contains("nothing came"), "{ran}");

    let ran = desk.run(&["api-key", "verify"]).expect(1);
    assert!(ran.stderr.contains("--key-stdin"), "{ran}");

    let ran = desk.run(&["setup", &network.url]).expect(1);
    insta::assert_snapshot!(ran.stderr.replace(&network.url, "URL"), @r"
    warning: Version mismatch: the server speaks 9.9.9, this program 2.5.1.
    Continue with setup? [y/N]: 
    error: Aborted!
    ");
    assert!(!desk.file("profiles/default/config.json").exists());
}

#[test]
fn json_mode_asks_nothing() {
    let network = Network::answering(|_, _| Reply::Cut);
    let desk = Desk::at(&network);

    let ran = desk.run(&["auth", "login", "-u", "ada@example.com", "--json-output"]).expect(1);
    assert_eq!(ran.json()["error"], "--password is required when using --json-output");

    let ran = desk.run(&["api-key", "verify", "--json-output"]).expect(1);
    assert_eq!(ran.json()["code"], "input-needed");
    assert_eq!(network.seen().len(), 0);
}

#[test]
fn deleting_a_profile_asks_unless_forced() {
    let network = Network::answering(|request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "2.5.1" })),
        _ => Reply::Json(200, json!({})),
    });
    let desk = Desk::new();
    let make = || desk.run(&["setup", &network.url, "--profile", "staging", "--force"]).expect(0);

    make();
    let ran = desk.run(&["profile", "delete", "staging"]).expect(1);
    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    Are you sure you want to delete profile 'staging'? [y/N]: 
    error: Aborted!
    ");
    let ran = desk.run_with(&["profile", "delete", "staging"], "n\n").expect(0);
    assert!(ran.stderr.contains("Deletion cancelled."), "{ran}");
    assert!(desk.file("profiles/staging").exists());

    let ran = desk.run_with(&["profile", "delete", "staging"], "y\n").expect(0);
    assert!(ran.stderr.contains("deleted successfully"), "{ran}");
    assert!(!desk.file("profiles/staging").exists());

    make();
    let ran = desk.run(&["profile", "delete", "staging", "--json-output"]).expect(0);
    assert_eq!(ran.json()["success"], true);

    let ran = desk.run(&["profile", "delete", "default", "--force"]).expect(1);
    assert!(ran.stderr.contains("Cannot delete the default profile"), "{ran}");
}

#[test]
fn json_input_is_text_a_file_or_stdin_and_options_go_before_it() {
    let network = Network::answering(|_, _| problem(503, "unavailable", "Not now."));
    let desk = Desk::by_key(&network);
    let role = r#"{"roleName":"one","description":"d","permissions":["a:b"],"mfaRequired":true}"#;
    std::fs::write(desk.home().join("role.json"), role).unwrap();

    desk.run(&["role", "create", "--json-input", role]).expect(1);
    desk.run(&["role", "create", "-r", "two", "--json-input", "role.json"]).expect(1);
    desk.run_with(&["role", "create", "--permission", "c:d", "--json-input", "-"], role).expect(1);
    // An item of `role list` can be given back as it is.
    let listed = r#"{"id":"1","roleName":"one","createdOn":"2026","source":null,"sourceIdentifier":null,
        "description":"e","mfaRequired":false,"permissions":[]}"#;
    desk.run(&["role", "update", "--json-input", listed]).expect(1);

    let sent: Vec<_> = network.seen().iter().map(|request| (request.path.clone(), request.json())).collect();
    let one = json!({ "name": "one", "description": "d", "permissions": ["a:b"], "mfa_required": true });
    let mut two = one.clone();
    two["name"] = "two".into();
    let mut three = one.clone();
    three["permissions"] = json!(["c:d"]);
    let four = json!({ "description": "e", "mfa_required": false, "permissions": [] });
    assert_eq!(sent[0], ("/api/v1/roles".to_owned(), one));
    assert_eq!(sent[1].1, two);
    assert_eq!(sent[2].1, three);
    assert_eq!(sent[3], ("/api/v1/roles/one".to_owned(), four));
}

#[test]
fn a_server_of_too_old_a_dialect_is_refused() {
    let network = Network::answering(|request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "2.1.0" })),
        _ => Reply::Json(200, json!({})),
    });
    let desk = Desk::at(&network);

    let ran = desk.run(&["setup", &network.url]).expect(1);
    assert!(ran.stderr.contains("API Unavailable"), "{ran}");
    let ran = desk.run(&["auth", "login", "-u", "ada", "-p", "word"]).expect(1);
    assert!(ran.stderr.contains("API Unavailable"), "{ran}");
}

#[test]
fn a_password_is_hashed_for_a_file() {
    let desk = Desk::new();

    let ran = desk.run_with(&["hash-password"], "Correct-Horse-9!\nnot this\n").expect(0);
    let again = desk.run_with(&["hash-password", "--json-output"], "Correct-Horse-9!\n").expect(0);

    let hash = ran.stdout.trim_end();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains('\n'), "{ran}");
    assert_ne!(again.json()["password_hash"], hash);
    desk.run(&["hash-password"]).expect(1);
}
