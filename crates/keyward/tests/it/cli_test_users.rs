//! `keyward test-users`, `secure-production`, `token` and `runtime-config`, against a real server.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;
use tempfile::TempDir;

use crate::cli_session::{Session, json_of, run, run_with};
use crate::cli_support::{Desk, Network, Reply};
use crate::support::{ADMIN, ADMIN_PASSWORD};

const STAGE: [(&str, &str); 2] = [("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];

#[tokio::test(flavor = "multi_thread")]
async fn test_users_are_made_listed_repaired_and_removed() {
    let session = Session::open().await;
    let desk = session.admin();

    assert_snapshot!(run(&desk, &["test-users", "list"]), @r"
    exit 0
    --- stdout
    testadmin@example.com / TestAdmin123! [ADMINS] - NOT_CREATED
    testresearcher@example.com / TestResearch123! [RESEARCHERS] - NOT_CREATED
    testclinician@example.com / TestClinic123! [CLINICIANS] - NOT_CREATED
    --- stderr
    None of them is there: `keyward test-users create`
    ");
    assert_snapshot!(run(&desk, &["test-users", "create"]), @r"
    exit 0
    --- stdout
    testadmin@example.com / TestAdmin123! [ADMINS]
    testresearcher@example.com / TestResearch123! [RESEARCHERS]
    testclinician@example.com / TestClinic123! [CLINICIANS]
    --- stderr
    ✓ Test users created!
    ");
    let password = ["user", "set-password", "-u", "testclinician@example.com", "--password-stdin"];
    run_with(&desk, &password, "Another-4-all\n").expect(0);
    run(&desk, &["user", "disable", "-u", "testresearcher@example.com"]).expect(0);
    assert_snapshot!(run(&desk, &["test-users", "list"]), @r"
    exit 0
    --- stdout
    testadmin@example.com / TestAdmin123! [ADMINS] - CONFIRMED
    testresearcher@example.com / TestResearch123! [RESEARCHERS] - CONFIRMED, disabled
    testclinician@example.com / (another password) [CLINICIANS] - CONFIRMED
    ");
    assert_snapshot!(run(&desk, &["test-users", "create"]), @r"
    exit 0
    --- stdout
    testadmin@example.com / TestAdmin123! [ADMINS] - there already
    testresearcher@example.com / TestResearch123! [RESEARCHERS] - repaired: enabled
    testclinician@example.com / TestClinic123! [CLINICIANS] - repaired: password
    --- stderr
    ✓ Test users created!
    ");
    assert_eq!(
        json_of(&desk, &["test-users", "list"])["testUsers"][2],
        json!({
            "userId": "testclinician@example.com", "password": "TestClinic123!", "group": "CLINICIANS",
            "actualGroups": ["CLINICIANS"], "status": "CONFIRMED", "enabled": true,
        })
    );
    assert_snapshot!(run(&desk, &["test-users", "remove"]), @r"
    exit 0
    --- stdout
    testadmin@example.com
    testresearcher@example.com
    testclinician@example.com
    --- stderr
    ✓ Test users removed: 3.
    ");
    assert_eq!(
        json_of(&desk, &["test-users", "remove"]),
        json!({ "success": true, "removed": [], "count": 0 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn production_is_secured_once_it_was_agreed_to() {
    let session = Session::open_with(&STAGE).await;
    let desk = session.admin();
    run(&desk, &["test-users", "create"]).expect(0);
    let key = &session.app.admin().key_id;

    assert_snapshot!(run(&desk, &["secure-production"]), @r"
    exit 1
    --- stderr
    error: Confirmation required for securing production
    hint: `keyward secure-production --plan` shows what it would do, `--yes` does it
    ");
    let plan = run(&desk, &["secure-production", "--plan"]).to_string().replace(key.as_str(), "KEY");
    assert_snapshot!(plan, @r"
    exit 0
    --- stdout
    Nothing was changed.
    Test users would be removed: testadmin@example.com, testresearcher@example.com, testclinician@example.com.
    admin@example.com: password would be reset, no second factor.
    testadmin@example.com: had the configured password of a test user.
    testresearcher@example.com: had the configured password of a test user.
    testclinician@example.com: had the configured password of a test user.
    API key key 0 (KEY) of admin-bot@example.com: never expires.
    Role ADMINS allows everything and is held by admin-bot@example.com, admin@example.com, testadmin@example.com.
    ");
    session.app.sign_in(ADMIN, ADMIN_PASSWORD, &[]).await;
    let secured = run(&desk, &["secure-production", "--yes"]).expect(0);
    let (_, password) = secured.stdout.split_once("admin@example.com: ").unwrap();
    let password = password.lines().next().unwrap().to_owned();
    session.app.sign_in(ADMIN, &password, &[]).await;
    assert_snapshot!(secured.to_string().replace(key.as_str(), "KEY").replace(&password, "PASSWORD"), @r"
    exit 0
    --- stdout
    🔒 IMPORTANT: Save the new admin passwords below!
    ================================================
    admin@example.com: PASSWORD
    ================================================
    ⚠️  SAVE THESE PASSWORDS - They cannot be recovered!
    Test users removed: testadmin@example.com, testresearcher@example.com, testclinician@example.com.
    admin@example.com: password reset, no second factor.
    testadmin@example.com: had the configured password of a test user.
    testresearcher@example.com: had the configured password of a test user.
    testclinician@example.com: had the configured password of a test user.
    API key key 0 (KEY) of admin-bot@example.com: never expires.
    Role ADMINS allows everything and is held by admin-bot@example.com, admin@example.com.
    ");
    assert_snapshot!(run(&desk, &["test-users", "create"]), @r"
    exit 1
    --- stderr
    error: Test users were switched off when production was secured; ask somebody who may do everything to switch them on again.
    hint: `keyward test-users allow` switches them on again
    ");
    run(&desk, &["test-users", "allow"]).expect(0);
    run(&desk, &["test-users", "create"]).expect(0);
    let json = json_of(&desk, &["secure-production", "--yes"]);
    assert_eq!(json["testUsersRemoved"].as_array().unwrap().len(), 3);
    assert!(json["adminPasswordsReset"][ADMIN].is_string());
    assert_eq!(json["report"]["apiKeys"][0]["risks"], json!(["never_expires"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_admin_would_be_left_it_is_said_how_to_make_one() {
    let session = Session::open_with(&STAGE).await;
    let desk = session.admin();
    run(&desk, &["test-users", "create"]).expect(0);
    run(&desk, &["user", "delete", "-u", ADMIN, "--confirm"]).expect(0);

    assert_snapshot!(run(&desk, &["secure-production", "--yes"]), @r"
    exit 1
    --- stderr
    error: This would leave no admin who can sign in; make another one first, with a role that has `*`.
    hint: `keyward user create` with a role that has `*`, or at the machine `keyward admin create-user`
    ");
    run(&desk, &["test-users", "remove"]).expect(1);
    let at_the_machine = desk
        .with("KEYWARD_DATA_DIR", session.app.folder.path().to_str().unwrap())
        .with("KEYWARD_ENV", "stage")
        .with("KEYWARD_MASTER_KEY", &"07".repeat(32))
        .with("THE_PASSWORD", "Chosen-by-4da");
    let create = ["admin", "create-user", "--user", "new@example.com", "--password-env", "THE_PASSWORD"];
    assert_snapshot!(run(&at_the_machine, &create), @r"
    exit 0
    --- stderr
    ✓ User new@example.com created successfully, with the role ADMINS.
    ");
    assert_snapshot!(run(&at_the_machine, &create), @r"
    exit 1
    --- stderr
    error: User new@example.com is there already.
    hint: `keyward admin recover --user new@example.com` lets them in again
    ");
    run(&at_the_machine, &[&create[..], &["--if-absent"]].concat()).expect(0);
    session.app.sign_in("new@example.com", "Chosen-by-4da", &[]).await;
    run(&at_the_machine, &["secure-production", "--yes"]).expect(0);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_securing_production_asks_first() {
    let session = Session::open_with(&STAGE).await;
    let desk = session.admin();

    tokio::task::block_in_place(|| {
        let mut terminal = desk.at_terminal("secure-production");
        terminal.until("[y/N]: ");
        terminal.enter("n");
        terminal.until("Nothing was changed.");
    });
    session.app.sign_in(ADMIN, ADMIN_PASSWORD, &[]).await;
    tokio::task::block_in_place(|| {
        let mut terminal = desk.at_terminal("secure-production");
        terminal.until("[y/N]: ");
        terminal.enter("y");
        terminal.until("cannot be recovered");
        terminal.end();
    });
}

#[test]
fn an_answer_that_was_cut_off_is_fetched_with_the_key_that_the_failure_names() {
    let network = Network::answering(|_, before| match before {
        0..3 => Reply::Cut,
        _ => Reply::Json(
            200,
            json!({ "plan": false, "admins": [
            { "username": "ada@example.com", "reset": true, "password": "xK9#mP2$vL8@wQ5!nR7^", "mfa": true },
        ] }),
        ),
    });
    let desk = Desk::by_key(&network);

    let cut = desk.run(&["secure-production", "--yes"]).expect(1);
    let (_, key) = cut.stderr.split_once("--idempotency-key ").unwrap();
    let key = key.split('`').next().unwrap();
    let fetched = desk.run(&["secure-production", "--yes", "--idempotency-key", key]).expect(0);

    assert!(fetched.stdout.contains("ada@example.com: xK9#mP2$vL8@wQ5!nR7^\n"), "{fetched}");
    let seen = network.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|request| request.headers["idempotency-key"] == key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_printed_of_who_is_signed_in_or_of_a_sign_in_for_this_alone() {
    let session = Session::open().await;
    let desk = session.desk().with("THE_PASSWORD", ADMIN_PASSWORD);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{ADMIN_PASSWORD}\n")).unwrap();
    let from_file = ["token", "-u", ADMIN, "--password-file", file.to_str().unwrap()];
    let from_variable = ["token", "-u", ADMIN, "--password-env", "THE_PASSWORD"];

    assert_snapshot!(run(&desk, &["token"]).to_string().replace(&session.url, "URL"), @r"
    exit 1
    --- stderr
    error: Not signed in at URL.
    hint: `keyward auth login -u NAME` signs in, `keyward token -u NAME` for this once
    ");
    for words in [&from_file, &from_variable] {
        let ran = run(&desk, words).expect(0);
        assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
        let me = session.app.client(&format!("Bearer {}", ran.stdout.trim())).get("/api/auth/me").await;
        assert_eq!(me.expect(200).str("username"), ADMIN);
    }
    run(&desk, &["whoami"]).expect(1);
    run(&desk, &["auth", "login", "-u", ADMIN, "--password-env", "THE_PASSWORD"]).expect(0);
    let kept = json_of(&desk, &["token"]);
    assert_eq!(kept["userId"], ADMIN);
    assert_eq!(kept["idToken"].as_str().unwrap().split('.').count(), 3);
    assert_snapshot!(run(&desk, &["token", "-u", ADMIN, "--password-env", "NOTHING"]), @r"
    exit 1
    --- stderr
    error: The environment variable NOTHING holds no password.
    ");
    assert_snapshot!(run(&desk, &["token", "--password-env", "THE_PASSWORD"]), @r"
    exit 2
    --- stderr
    error: Whose password is it? Name the user with -u.
    ");
    run(&session.admin(), &["token"]).expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_sign_in_is_renewed_before_its_token_is_printed() {
    let session = Session::open().await;
    let desk = session.desk();
    let password = format!("{ADMIN_PASSWORD}\n");
    run_with(&desk, &["auth", "login", "-u", ADMIN, "--password-stdin"], &password).expect(0);
    let file = desk.file("profiles/default/auth_profile.json");
    let first = json_of(&desk, &["token"]);
    let text = fs::read_to_string(&file).unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    kept["expires_at"] = json!(1);
    fs::write(&file, kept.to_string()).unwrap();
    session.app.advance(std::time::Duration::from_secs(1));

    let renewed = json_of(&desk, &["token"]);

    assert_ne!(first["idToken"], renewed["idToken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_config_is_what_applications_ask_for() {
    let session = Session::open().await;
    let pool = session.app.keyward.local_pool().id().to_owned();
    let client = &session.app.client_id;

    let shown = run(&session.desk(), &["runtime-config"]).to_string().replace(&session.url, "URL");
    assert_snapshot!(shown.replace(&pool, "POOL").replace(client.as_str(), "CLIENT"), @r"
    exit 0
    --- stdout
    provider:    cognito
    clientId:    CLIENT
    endpoint:    URL
    region:      us-east-1
    source:      local
    userPoolId:  POOL
    --- stderr
    The pool is the server's own.
    ");
    let json = json_of(&session.desk(), &["runtime-config"]);
    assert_eq!(json["auth"]["config"]["userPoolId"], pool);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_set_of_existing_users_alone_where_that_is_asked() {
    let session = Session::open().await;
    let desk = session.admin();
    let set = |name: &'static str| {
        ["role", "user", "update", "--existing", "-u", name, "--role-name", "RESEARCHERS"]
    };

    run(&desk, &["user", "create", "-u", "ada@example.com", "-e", "ada@example.com"]).expect(0);
    run(&desk, &set("ada@example.com")).expect(0);
    run(&desk, &set("nobody@example.com")).expect(1);

    assert_eq!(json_of(&desk, &["user", "show", "-u", "ada@example.com"])["roles"], json!(["RESEARCHERS"]));
    run(&desk, &["user", "show", "-u", "nobody@example.com"]).expect(1);
}
