//! `make rs-*`: RawScribe's commands, run by make itself against a real server; and what its page about managing
//! users shows, word for word. `a12` is the twelfth acceptance case, `flaw_09` the ninth flaw that isn't ours.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli_session::{Session, run_with};
use crate::cli_support::{Desk, PROGRAM, Ran};
use crate::support::{ADMIN, ADMIN_PASSWORD, App};

const STAGE: [(&str, &str); 2] = [("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];
const PROD: [(&str, &str); 2] = [("KEYWARD_ENV", "prod"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];
const STAGE_ORG: [&str; 2] = ["ENV=stage", "ORG=myorg"];
const LIST: &str = "testadmin@example.com / TestAdmin123! [ADMINS] - CONFIRMED\n\
                    testresearcher@example.com / TestResearch123! [RESEARCHERS] - CONFIRMED\n\
                    testclinician@example.com / TestClinic123! [CLINICIANS] - CONFIRMED\n";
/// Passwords that a shell, make or a list of words would each make something else of.
const AWKWARD: [&str; 5] = [
    "xK9#mP2$vL8@wQ5!nR7&tY3^",
    "it's \"Quoted\" 1 `id` \\ end",
    "Two\nlines; touch pwned-1 #",
    "$(shell touch pwned-2)$$1Aa!${HOME}$(HOME)",
    "*'Aa1' && touch pwned-3 || %",
];

fn root() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap()
}

/// A desk where make finds the program, and nobody is signed in.
fn desk() -> Desk {
    Desk::new().with("KEYWARD", PROGRAM)
}

fn make(desk: &Desk, words: &[&str]) -> Ran {
    tokio::task::block_in_place(|| desk.run_other("make", words, &root()))
}

/// The same beside the server's data folder.
fn beside(app: &App) -> Desk {
    desk()
        .with("KEYWARD_DATA_DIR", app.folder.path().to_str().unwrap())
        .with("KEYWARD_MASTER_KEY", &"07".repeat(32))
}

/// The target for stage-myorg with more variables.
fn staged(desk: &Desk, target: &str, more: &[&str]) -> Ran {
    make(desk, &[&[target], &STAGE_ORG[..], more].concat())
}

fn set_up(desk: &Desk, session: &Session, profile: &str) {
    run_with(desk, &["setup", &session.url, "--profile", profile], "").expect(0);
}

fn sign_in(desk: &Desk, profile: &str) {
    let words = ["auth", "login", "-u", ADMIN, "--password-stdin", "--profile", profile];
    run_with(desk, &words, &format!("{ADMIN_PASSWORD}\n")).expect(0);
}

/// A server for stage, and a desk whose profile `stage-myorg` means it and is signed in there as the first admin.
async fn stage() -> (Session, Desk) {
    let session = Session::open_with(&STAGE).await;
    let desk = desk();
    set_up(&desk, &session, "stage-myorg");
    sign_in(&desk, "stage-myorg");
    (session, desk)
}

async fn signs_in(app: &App, username: &str, password: &str) -> bool {
    let body = serde_json::json!({ "username": username, "password": password });
    app.anonymous().post("/api/auth/login", body).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_a_token_is_one_line_that_is_good_for_a_request() {
    let (session, desk) = stage().await;
    let (user, password) = (format!("USER_NAME={ADMIN}"), format!("PASSWORD={ADMIN_PASSWORD}"));

    let token = staged(&desk, "get-rs-token", &[&user, &password]).expect(0);
    let wrong = staged(&desk, "get-rs-token", &[&user, "PASSWORD=Wrong-horse-1"]);

    assert_eq!(token.stdout.lines().count(), 1, "{token}");
    let client = session.app.client(&format!("Bearer {}", token.stdout.trim()));
    client.get("/api/v1/user-management/groups").await.expect(200);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.starts_with("error: Invalid username or password\n"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_on_an_empty_pool_the_admin_is_made_first_and_all_three_are_shown() {
    let session = Session::open_with(&STAGE).await;
    let desk = beside(&session.app);
    set_up(&desk, &session, "stage-myorg");

    let made = staged(&desk, "rs-create-test-users", &[]);

    assert_snapshot!(made, @r"
    exit 0
    --- stdout
    testadmin@example.com / TestAdmin123! [ADMINS]
    testresearcher@example.com / TestResearch123! [RESEARCHERS]
    testclinician@example.com / TestClinic123! [CLINICIANS]
    --- stderr
    Nobody is signed in with the profile stage-myorg, and the test admin can't be (ADMIN_USER and ADMIN_PASSWORD name somebody else): they are made at the machine itself.
    ✓ Test users created!
    ");
    assert!(signs_in(&session.app, "testclinician@example.com", "TestClinic123!").await);
    assert_eq!(staged(&desk, "rs-list-test-users", &[]).expect(0).stdout, LIST);
    let again = staged(&desk, "rs-create-test-users", &["BOOTSTRAP=true"]).expect(0);
    assert!(
        again.stdout.contains("testadmin@example.com / TestAdmin123! [ADMINS] - there already\n"),
        "{again}"
    );
    // Once it was secured, the machine makes no way in either.
    staged(&desk, "rs-secure-prod", &["CONFIRM=yes"]).expect(0);
    let refused = staged(&desk, "rs-create-test-users", &[]).expect(2);
    assert!(refused.stderr.contains("switched off when production was secured"), "{refused}");
    assert!(!signs_in(&session.app, "testadmin@example.com", "TestAdmin123!").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_the_admin_is_made_only_where_the_profiles_server_has_its_users() {
    let (stage, prod) = (Session::open_with(&STAGE).await, Session::open_with(&PROD).await);
    let other = App::with_rawscribe_file(r#"{ "lambda": {} }"#, &[]).await;
    let without_any = Session::open_with(&[&STAGE[..], &[("KEYWARD_TEST_USERS", "false")]].concat()).await;
    let (beside_prod, beside_other, beside_without) =
        (beside(&prod.app), beside(&other), beside(&without_any.app));
    set_up(&beside_without, &without_any, "stage-without");
    for desk in [&beside_prod, &beside_other] {
        set_up(desk, &stage, "stage-myorg");
        set_up(desk, &prod, "prod-myorg");
        set_up(desk, &prod, "stage-other");
    }

    let elsewhere = staged(&beside_other, "rs-create-test-users", &[]).expect(2);
    let person = ["USER_NAME=boss@example.com", "PASSWORD=Correct-horse-1", "GROUP=ADMINS", "BOOTSTRAP=true"];
    let person_elsewhere = staged(&beside_other, "rs-add-user", &person).expect(2);
    // Its pool is a copy of that of stage.
    let copied = staged(&beside_prod, "rs-create-test-users", &[]).expect(2);
    let misnamed = make(&beside_prod, &["rs-create-test-users", "ENV=stage", "ORG=other"]).expect(2);
    let in_prod = make(&beside_prod, &["rs-create-test-users", "ENV=prod", "ORG=myorg"]).expect(2);
    let without = make(&beside_without, &["rs-create-test-users", "ENV=stage", "ORG=without"]).expect(2);

    for refused in [&elsewhere, &person_elsewhere] {
        assert!(refused.stderr.contains("isn't that of the profile's server"), "{refused}");
    }
    for refused in [&copied, &misnamed] {
        let sentence = "The environment of this data folder's server is prod, and this command's is stage";
        assert!(refused.stderr.contains(sentence), "{refused}");
    }
    assert!(in_prod.stderr.contains("There are no test users in production."), "{in_prod}");
    assert!(in_prod.stderr.contains("Nobody is signed in with the profile prod-myorg"), "{in_prod}");
    assert!(without.stderr.contains("This data folder's server has other test users, or none"), "{without}");
    let beside_stage = beside(&stage.app);
    set_up(&beside_stage, &stage, "stage-myorg");
    staged(&beside_stage, "rs-add-user", &person).expect(0);
    assert!(signs_in(&stage.app, "boss@example.com", "Correct-horse-1").await);
    for session in [&stage, &prod, &without_any] {
        assert!(!signs_in(&session.app, "testadmin@example.com", "TestAdmin123!").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_a17_test_users_are_listed_as_the_page_shows_and_really_removed() {
    let (session, desk) = stage().await;
    staged(&desk, "rs-create-test-users", &[]).expect(0);

    let listed = staged(&desk, "rs-list-test-users", &[]).expect(0);
    let removed = staged(&desk, "rs-remove-test-users", &[]).expect(0);

    assert_eq!(listed.stdout, LIST);
    assert_eq!(removed.stdout.lines().count(), 3, "{removed}");
    assert!(!signs_in(&session.app, "testadmin@example.com", "TestAdmin123!").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_securing_production_asks_first_and_frames_the_passwords() {
    let (session, desk) = stage().await;
    staged(&desk, "rs-create-test-users", &[]).expect(0);
    let of_dev = make(&desk, &["rs-secure-prod", "ORG=myorg"]).expect(2);
    let unasked = staged(&desk, "rs-secure-prod", &[]);
    let plan = staged(&desk, "rs-secure-prod", &["PLAN=true"]).expect(0);
    assert!(signs_in(&session.app, ADMIN, ADMIN_PASSWORD).await);

    let secured = staged(&desk, "rs-secure-prod", &["CONFIRM=yes"]).expect(0);

    assert!(of_dev.stderr.contains("❌ rs-secure-prod only for stage/prod environments"), "{of_dev}");
    assert!(unasked.code == 2 && unasked.stderr.contains("Confirmation required"), "{unasked}");
    assert!(plan.stdout.starts_with("Nothing was changed."), "{plan}");
    let lines: Vec<&str> = secured.stdout.lines().take(5).collect();
    let rule = "=".repeat(48);
    assert_eq!(lines[0], "🔒 IMPORTANT: Save the new admin passwords below!");
    assert_eq!([lines[1], lines[3]], [&rule; 2]);
    let password = lines[2].strip_prefix("admin@example.com: ").unwrap();
    assert_eq!(lines[4], "⚠️  SAVE THESE PASSWORDS - They cannot be recovered!");
    assert!(signs_in(&session.app, ADMIN, password).await);
    assert!(!signs_in(&session.app, ADMIN, ADMIN_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn flaw_09_passwords_of_any_characters_arrive_as_they_were_given() {
    let (session, desk) = stage().await;
    set_up(&desk, &session, "stage-other");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("it's a $(file)");

    for (number, password) in AWKWARD.into_iter().enumerate() {
        let name = format!("user-{number}@example.com");
        let user = format!("USER_NAME={name}");
        let given = format!("PASSWORD={password}");
        staged(&desk, "rs-add-user", &[&user, &given]).expect(0);
        assert!(signs_in(&session.app, &name, password).await, "{password}");

        // The one after it, from a file.
        let next = AWKWARD[(number + 1) % AWKWARD.len()];
        fs::write(&file, format!("{next}\n")).unwrap();
        let from_file = format!("PASSWORD_FILE={}", file.display());
        staged(&desk, "rs-set-password", &[&user, &from_file]).expect(0);
        assert!(signs_in(&session.app, &name, next).await, "{next}");

        // Of who acts, and out of the environment.
        staged(&desk, "rs-set-group", &[&user, "GROUP=LAB_MANAGERS"]).expect(0);
        let acting = [format!("ADMIN_USER={name}"), format!("ADMIN_PASSWORD={next}")];
        let other = ["rs-list-groups", "ENV=stage", "ORG=other", &acting[0], &acting[1]];
        make(&desk, &other).expect(0);
        let variable = format!("PASSWORD={next}");
        let words = [&variable, "make", "get-rs-token", "ENV=stage", "ORG=myorg", &user];
        let token = tokio::task::block_in_place(|| desk.run_other("env", &words, &root())).expect(0);
        assert_eq!(token.stdout.split('.').count(), 3);
    }

    let made = fs::read_dir(root()).unwrap().chain(fs::read_dir(desk.home()).unwrap());
    let pwned = made.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("pwned"));
    assert_eq!(pwned.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn flaw_09_names_are_no_commands_either() {
    let (_session, desk) = stage().await;

    for name in ["x; touch pwned-4 #", "$(shell touch pwned-5)", "--help", "\"; touch pwned-6; \""] {
        let user = format!("USER_NAME={name}");
        let refused = staged(&desk, "rs-show-user", &[&user]);
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stderr.starts_with("error: "), "{refused}");
        let group = format!("GROUP={name}");
        staged(&desk, "rs-set-group", &["USER_NAME=admin@example.com", &group]).expect(2);
    }
    let made = fs::read_dir(root()).unwrap();
    let pwned = made.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("pwned"));
    assert_eq!(pwned.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn flaw_23_users_are_managed_and_a_failure_is_a_sentence_and_no_success() {
    let (session, desk) = stage().await;
    let (bob, nobody) = ("USER_NAME=bob@example.com", "USER_NAME=nobody@example.com");
    let password = "PASSWORD=Bobs-own-1";

    staged(&desk, "rs-add-user", &[bob, password]).expect(0);
    let again = staged(&desk, "rs-add-user", &[bob, password]);
    let shown = staged(&desk, "rs-show-user", &[bob]).expect(0);
    staged(&desk, "rs-set-group", &[bob, "GROUP=CLINICIANS"]).expect(0);
    staged(&desk, "rs-set-password", &[bob, "PASSWORD=Bobs-new-2"]).expect(0);
    let groups = staged(&desk, "rs-list-groups", &[]).expect(0);
    let config = staged(&desk, "rs-show-runtime-config", &[]).expect(0);

    assert!(again.code == 2 && again.stderr.contains("error: "), "{again}");
    assert!(shown.stdout.contains("RESEARCHERS"), "{shown}");
    let user = session.app.admin().get("/api/v1/users/bob@example.com").await.expect(200);
    assert_eq!(user["roles"], serde_json::json!(["CLINICIANS"]));
    assert!(signs_in(&session.app, "bob@example.com", "Bobs-new-2").await);
    assert!(groups.stdout.contains("LAB_MANAGERS") && groups.stdout.contains("manage:users"), "{groups}");
    assert!(config.stdout.contains(session.app.keyward.local_pool().id()), "{config}");
    staged(&desk, "rs-remove-user", &[bob]).expect(0);
    for (target, more) in [
        ("rs-remove-user", &[bob][..]),
        ("rs-show-user", &[nobody]),
        ("rs-set-password", &[nobody, password]),
        ("rs-set-group", &[nobody, "GROUP=CLINICIANS"]),
        ("rs-set-group", &["USER_NAME=admin@example.com", "GROUP=NO_SUCH_GROUP"]),
        ("rs-add-user", &[nobody, "PASSWORD=weak"]),
        ("rs-add-user", &[nobody, password, "GROUP=NO_SUCH_GROUP"]),
    ] {
        let failed = staged(&desk, target, more);
        assert!(failed.code == 2 && failed.stderr.starts_with("error: "), "{target}: {failed}");
        assert_eq!(failed.stdout, "");
    }
    session.app.admin().get("/api/v1/users/nobody@example.com").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let desk = desk();

    let no_org = make(&desk, &["rs-list-test-users"]);
    let no_user = staged(&desk, "rs-show-user", &[]);
    let no_profile = staged(&desk, "rs-show-runtime-config", &[]);
    let nobody = staged(&desk, "rs-list-test-users", &[]);

    assert!(
        no_org.code == 2 && no_org.stderr.contains("❌ ORG is required. Usage: make rs-list"),
        "{no_org}"
    );
    assert!(no_user.stderr.contains("❌ USER_NAME is required."), "{no_user}");
    assert!(no_profile.stderr.contains("Setup required for profile 'stage-myorg'."), "{no_profile}");
    assert!(nobody.stderr.contains("❌ Nobody is signed in with the profile stage-myorg"), "{nobody}");
}

/// The page's lines that are typed, all but `rs-deploy`, in its order.
const PAGE: [&str; 9] = [
    "make get-rs-token ENV=stage ORG=myorg \\\nUSER_NAME=user@example.com \\\nPASSWORD=SecurePass123!",
    "make rs-create-test-users ENV=stage ORG=myorg",
    "make rs-list-test-users ENV=stage ORG=myorg",
    "make rs-remove-test-users ENV=stage ORG=myorg",
    "make rs-secure-prod ENV=prod ORG=myorg",
    "make rs-list-test-users ENV=stage ORG=testorg",
    "curl -X POST \"https://api.example.com/api/auth/login\" \\\n-H \"Content-Type: application/json\" \\\n\
     -d '{\"username\":\"testadmin@example.com\",\"password\":\"TestAdmin123!\"}' | jq",
    "make rs-remove-test-users ENV=stage ORG=testorg",
    "make rs-secure-prod ENV=prod ORG=myorg",
];

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a23_the_pages_lines_work_as_they_are_written() {
    let (stage, desk) = stage().await;
    let prod = Session::open_with(&PROD).await;
    set_up(&desk, &prod, "prod-myorg");
    sign_in(&desk, "prod-myorg");
    set_up(&desk, &stage, "stage-testorg");
    let user = serde_json::json!({
        "username": "user@example.com", "password": "SecurePass123!", "group": "RESEARCHERS",
    });
    stage.app.admin().post("/api/v1/user-management/users", user).await.expect(200);
    let line = |line: &str| {
        let line = line.replace("https://api.example.com", &stage.url);
        tokio::task::block_in_place(|| desk.run_other("bash", &["-c", &line], &root())).expect(0).stdout
    };
    let agreed = |line: &str| {
        tokio::task::block_in_place(|| {
            let mut terminal = desk.line_at_terminal(line, &root());
            terminal.until("[y/N]: ");
            terminal.enter("y");
            let shown = terminal.until("SAVE THESE PASSWORDS - They cannot be recovered!");
            terminal.end();
            shown
        })
    };

    let token = line(PAGE[0]);
    let me = stage.app.client(&format!("Bearer {}", token.trim())).get("/api/auth/me").await.expect(200);
    assert_eq!(me.str("username"), "user@example.com");
    line(PAGE[1]);
    assert_eq!(line(PAGE[2]), LIST);
    line(PAGE[3]);
    let first = agreed(PAGE[4]);
    assert!(first.contains("🔒 IMPORTANT: Save the new admin passwords below!"), "{first}");
    // What rs-deploy does at its end.
    line(PAGE[1]);
    // Nobody is signed in with this profile: it is the test admin who looks.
    assert_eq!(line(PAGE[5]), LIST);
    let answer: Value = serde_json::from_str(&line(PAGE[6])).unwrap();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["user"]["groups"], serde_json::json!(["ADMINS"]));
    line(PAGE[7]);
    assert!(!signs_in(&stage.app, "testadmin@example.com", "TestAdmin123!").await);
    let (_, password) = first.split_once("admin@example.com: ").unwrap();
    let password = password.lines().next().unwrap().trim().to_owned();
    assert!(signs_in(&prod.app, ADMIN, &password).await);
    let second = agreed(PAGE[8]);
    assert!(!second.contains(&password), "another one");
}
