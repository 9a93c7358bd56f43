//! What the page about RawScribe's user management says, where the users live in moto; `a10` is the tenth acceptance
//! case. Where they live here, or in a file, the other tests of Keyward have the same.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_core::remote_pool::UserPoolService as _;
use keyward_core::secret::Secret;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cli_support::{Desk, PROGRAM, Ran, files};
use crate::evidence;
use crate::home::{Elsewhere, FIRST, PASSWORD};
use crate::over_http::{CREDENTIALS, Program, started, variables};

const MANAGEMENT: &str = "/api/v1/user-management";
const TEST_USERS: &str = "/api/v1/user-management/test-users";
const SECURE: &str = "/api/v1/user-management/secure-production";
const RUNTIME: &str = "/api/config/runtime";
const PEOPLE: [(&str, &str, &str); 3] = [
    ("testadmin@example.com", "TestAdmin123!", "ADMINS"),
    ("testresearcher@example.com", "TestResearch123!", "RESEARCHERS"),
    ("testclinician@example.com", "TestClinic123!", "CLINICIANS"),
];
const NAMES: [&str; 3] = [PEOPLE[0].0, PEOPLE[1].0, PEOPLE[2].0];

fn each(item: impl Fn(&str, &str, &str) -> Value) -> Value {
    PEOPLE.map(|(username, password, group)| item(username, password, group)).into_iter().collect()
}

/// The token of a new user of that group.
async fn member(program: &Program, name: &str, group: &str) -> String {
    let user = json!({ "username": name, "password": PASSWORD, "group": group });
    program.post(&format!("{MANAGEMENT}/users"), user).await;
    signed_in(program, name, PASSWORD).await
}

async fn signed_in(program: &Program, name: &str, password: &str) -> String {
    let (status, answer) = program.login(name, password).await;
    assert_eq!(status, StatusCode::OK, "{name}: {answer}");
    answer["token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

/// 16 to 20 characters of all four classes.
fn is_strong(password: &str) -> bool {
    let classes: [fn(char) -> bool; 4] = [
        char::is_uppercase,
        char::is_lowercase,
        |character| character.is_ascii_digit(),
        |character| character.is_ascii_punctuation(),
    ];
    (16..=20).contains(&password.len()) && classes.iter().all(|class| password.chars().any(class))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a01_a04_the_home_is_where_the_environment_says_or_else_the_file() {
    let (deployed, written) = (Elsewhere::in_moto().await, Elsewhere::in_moto().await);
    let endpoint = deployed.settings.endpoint.clone().unwrap();
    let folder = evidence::folder();
    let file = folder.path().join("config.json");
    let pool = json!({
        "userPoolId": written.settings.pool_id, "clientId": written.settings.client_id, "region": "us-east-1",
    });
    let auth = json!({ "provider": "cognito", "cognito": pool });
    fs::write(&file, json!({ "lambda": { "auth": auth } }).to_string()).unwrap();
    let told =
        [("KEYWARD_RAWSCRIBE_CONFIG", file.to_str().unwrap()), ("KEYWARD_COGNITO_ENDPOINT", &endpoint)];
    let environment = [
        ("COGNITO_USER_POOL_ID", deployed.settings.pool_id.as_str()),
        ("COGNITO_CLIENT_ID", &deployed.settings.client_id),
        ("COGNITO_REGION", "us-east-1"),
    ];
    let answer = |elsewhere: &Elsewhere, source: &str| {
        json!({ "auth": { "provider": "cognito", "config": {
            "userPoolId": elsewhere.settings.pool_id, "clientId": elsewhere.settings.client_id,
            "region": "us-east-1", "source": source, "endpoint": endpoint,
        } } })
    };
    let is_in = async |elsewhere: &Elsewhere| {
        let users = elsewhere.call("ListUsers", json!({})).await;
        users["Users"].as_array().unwrap().iter().any(|user| user["Username"] == FIRST)
    };
    let runtime = async |program: &Program| {
        let (status, answer) = program.send_by("", Method::GET, RUNTIME, None).await;
        assert_eq!(status, StatusCode::OK);
        answer
    };

    let program = Program::start_with(&[&told[..], &environment].concat()).await;
    assert_eq!(runtime(&program).await, answer(&deployed, "environment"));
    assert!(is_in(&deployed).await && !is_in(&written).await);

    let empty = environment.map(|(name, _)| (name, ""));
    for environment in [&[][..], &empty] {
        let program = Program::start_with(&[&told[..], environment].concat()).await;
        assert_eq!(runtime(&program).await, answer(&written, "config_file"));
        assert!(is_in(&written).await);
        assert_eq!(claims(&program.token)["aud"], written.settings.client_id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a10_a11_a13_a14_a16_a18_test_users_are_made_listed_and_removed() {
    let (program, elsewhere) = started().await;
    let researcher = member(&program, "researcher@example.com", "RESEARCHERS").await;
    let manager = member(&program, "manager@example.com", "LAB_MANAGERS").await;
    let made = |status: &'static str| {
        each(
            |name, _, group| json!({ "username": name, "group": group, "status": status, "is_test_user": true }),
        )
    };
    let listed = |is_there: bool| {
        each(|username, password, group| {
            let mut item = json!({ "username": username, "password": password, "group": group });
            if is_there {
                item["actual_groups"] = json!([group]);
            }
            item["status"] = json!(if is_there { "CONFIRMED" } else { "NOT_CREATED" });
            item["enabled"] = json!(is_there);
            item
        })
    };

    assert_eq!(program.get(TEST_USERS).await, listed(false));
    let (status, _) = program.send_by("", Method::POST, TEST_USERS, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, refused) = program.send_by(&researcher, Method::POST, TEST_USERS, None).await;
    assert_eq!(
        (status, &refused["detail"]),
        (StatusCode::FORBIDDEN, &json!("Requires manage:users permission"))
    );
    let (status, answer) = program.send_by(&manager, Method::POST, TEST_USERS, None).await;
    assert_eq!((status, answer), (StatusCode::OK, made("CONFIRMED")));
    assert_eq!(program.post(TEST_USERS, json!({})).await, made("EXISTS"));
    assert_eq!(program.get(TEST_USERS).await, listed(true));
    for (username, _, group) in PEOPLE {
        let groups = elsewhere.call("AdminListGroupsForUser", json!({ "Username": username })).await;
        assert_eq!(groups["Groups"][0]["GroupName"], group, "{groups}");
    }
    let (status, refused) = program.send(Method::POST, SECURE, None).await;
    let message = "secure-production only for stage/prod environments (current: dev)";
    assert_eq!((status, refused), (StatusCode::BAD_REQUEST, json!({ "detail": message })));
    let (status, removed) = program.send(Method::DELETE, TEST_USERS, None).await;
    assert_eq!((status, removed), (StatusCode::OK, json!({ "removed": NAMES, "count": 3 })));
    let (status, removed) = program.send(Method::DELETE, TEST_USERS, None).await;
    assert_eq!((status, removed), (StatusCode::OK, json!({ "removed": [], "count": 0 })));
    assert_eq!(program.get(TEST_USERS).await, listed(false));
    let left = elsewhere.call("ListUsers", json!({})).await;
    assert_eq!(left["Users"].as_array().unwrap().len(), 3, "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a22_a23_whoever_signs_in_may_do_what_the_page_says_and_no_more() {
    let (program, _elsewhere) = started().await;
    program.post(TEST_USERS, json!({})).await;
    let asked =
        ["submit:SOP1", "view:own", "draft:x", "view:group", "view:all", "submit:form1", "manage:users"];
    let allowed = [
        [true, true, true, true, true, true, true],
        [true, true, true, true, false, false, false],
        [true, true, true, false, false, false, false],
    ];

    for ((name, password, group), allowed) in PEOPLE.into_iter().zip(allowed) {
        for member in ["username", "email"] {
            let body = json!({ member: name, "password": password });
            let (status, answer) = program.send_by("", Method::POST, "/api/auth/login", Some(body)).await;

            assert_eq!((status, &answer["success"]), (StatusCode::OK, &json!(true)), "{answer}");
            assert_eq!(answer["user"]["groups"], json!([group]));
            let token = answer["token"].as_str().unwrap();
            assert_eq!(claims(token)["cognito:groups"], json!([group]));
            let question = Some(json!({ "permissions": asked }));
            let (_, answer) = program.send_by(token, Method::POST, "/api/v1/authorize", question).await;
            let decisions = answer["results"].as_array().unwrap().iter();
            let decided: Vec<_> = decisions.map(|decision| decision["allowed"].clone()).collect();
            assert_eq!(decided, allowed.map(Value::Bool), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a24_managing_takes_the_permission_not_a_group() {
    let elsewhere = Elsewhere::in_moto().await;
    let endpoint = elsewhere.settings.endpoint.clone().unwrap();
    let folder = evidence::folder();
    let file = folder.path().join("config.json");
    let groups = json!({
        "AUDITORS": { "description": "See all, manage users", "permissions": ["view:*", "manage:users"] },
        "LAB_MANAGERS": { "description": "Manage", "permissions": ["manage:users"] },
        "RESEARCHERS": { "description": "See their own", "permissions": ["view:own"] },
    });
    fs::write(&file, json!({ "lambda": { "auth": { "cognito": { "groups": groups } } } }).to_string())
        .unwrap();
    let file = [("KEYWARD_RAWSCRIBE_CONFIG", file.to_str().unwrap())];
    let program = Program::start(&endpoint, &elsewhere, &file).await;

    for (group, expected) in [
        ("AUDITORS", StatusCode::OK),
        ("LAB_MANAGERS", StatusCode::OK),
        ("RESEARCHERS", StatusCode::FORBIDDEN),
        // The file doesn't list it: it means nothing here.
        ("STRANGERS", StatusCode::FORBIDDEN),
    ] {
        let name = format!("{}@example.com", group.to_lowercase());
        let attributes = [("email".to_owned(), name.clone())].into();
        elsewhere.service.create_user(&name, &attributes, &Secret::from("Temporary-3")).await.unwrap();
        elsewhere.service.set_password(&name, &Secret::from(PASSWORD), true).await.unwrap();
        elsewhere.service.create_group(group, "").await.unwrap();
        elsewhere.service.add_to_group(&name, group).await.unwrap();

        let token = signed_in(&program, &name, PASSWORD).await;
        for (method, path) in
            [(Method::GET, format!("{MANAGEMENT}/users")), (Method::POST, TEST_USERS.into())]
        {
            let (status, answer) = program.send_by(&token, method, &path, None).await;
            assert_eq!(status, expected, "{group}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a19_a20_a26_the_admins_new_password_is_shown_once_and_kept_nowhere() {
    for environment in ["stage", "prod"] {
        let elsewhere = Elsewhere::in_moto().await;
        let endpoint = elsewhere.settings.endpoint.clone().unwrap();
        let settings = [
            ("KEYWARD_ENV", environment),
            ("KEYWARD_HASHING_MEMORY_KIB", "7168"),
            ("KEYWARD_LOG_LEVEL", "trace"),
        ];
        let program = Program::start(&endpoint, &elsewhere, &settings).await;
        let (status, _) = program.send(Method::POST, TEST_USERS, None).await;
        let has_test_users = environment == "stage";
        assert_eq!(status, if has_test_users { StatusCode::OK } else { StatusCode::CONFLICT });

        let secured = program.post(SECURE, json!({})).await;

        assert_eq!(secured["test_users_removed"], if has_test_users { json!(NAMES) } else { json!([]) });
        assert_eq!(secured["message"], "⚠️ SAVE THE ADMIN PASSWORDS ABOVE - They cannot be recovered!");
        let passwords = secured["admin_passwords_reset"].as_object().unwrap();
        assert_eq!(passwords.keys().collect::<Vec<_>>(), [FIRST]);
        let password = passwords[FIRST].as_str().unwrap();
        assert!(is_strong(password));
        assert_eq!(program.login(FIRST, PASSWORD).await.0, StatusCode::UNAUTHORIZED);
        for (name, password, _) in PEOPLE {
            assert_eq!(program.login(name, password).await.0, StatusCode::UNAUTHORIZED);
        }
        let token = signed_in(&program, FIRST, password).await;
        let (status, _) = program.send_by(&token, Method::POST, TEST_USERS, None).await;
        assert_eq!(status, StatusCode::CONFLICT);
        for path in [format!("{MANAGEMENT}/users/{FIRST}"), "/api/v1/audit".into(), TEST_USERS.into()] {
            let (status, later) = program.send_by(&token, Method::GET, &path, None).await;
            assert!(status == StatusCode::OK && !later.to_string().contains(password), "{path}: {later}");
        }
        let secrets = [password, PASSWORD, PEOPLE[0].1, &token, &program.token].map(str::to_owned);
        // The folder goes with the program.
        let stored: Vec<_> =
            files(program.folder.path()).into_iter().map(|file| fs::read(file).unwrap()).collect();
        let said = program.terminate();
        assert!(said.contains("DEBUG"), "the log is at its most talkative");
        for secret in secrets {
            assert!(!said.contains(&secret), "the log has it");
            for bytes in &stored {
                assert!(
                    !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                    "a file has it"
                );
            }
        }
    }
}

fn root() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a05_a12_a15_a17_a20_a21_the_pages_make_targets_work() {
    let elsewhere = Elsewhere::in_moto().await;
    let endpoint = elsewhere.settings.endpoint.clone().unwrap();
    let stage = [("KEYWARD_ENV", "stage"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];
    let program = Program::start(&endpoint, &elsewhere, &stage).await;
    let desk = Desk::new().with("KEYWARD", PROGRAM);
    let run = |desk: &Desk, words: &[&str], stdin: &str| {
        tokio::task::block_in_place(|| desk.run_with(words, stdin)).expect(0);
    };
    run(&desk, &["setup", &program.url, "--profile", "stage-myorg"], "");
    let staged = |desk: &Desk, target: &str, more: &[&str]| -> Ran {
        let words = [&[target, "ENV=stage", "ORG=myorg"], more].concat();
        tokio::task::block_in_place(|| desk.run_other("make", &words, &root()))
    };
    // The machine of the server itself, where its variables are.
    let mut machine = Desk::new().with("KEYWARD", PROGRAM);
    let folder = ("KEYWARD_DATA_DIR", program.folder.path().to_str().unwrap());
    for (name, value) in variables(&endpoint, &elsewhere).iter().chain(&CREDENTIALS).chain([&folder]) {
        machine = machine.with(name, value);
    }
    run(&machine, &["setup", &program.url, "--profile", "stage-myorg"], "");

    let made = staged(&machine, "rs-create-test-users", &["BOOTSTRAP=true"]).expect(0);
    for (name, password, group) in PEOPLE {
        assert!(made.stdout.contains(&format!("{name} / {password} [{group}]")), "{made}");
        signed_in(&program, name, password).await;
    }
    let list = PEOPLE.map(|(name, password, group)| format!("{name} / {password} [{group}] - CONFIRMED\n"));
    // Nobody is signed in at this desk: it is the test admin who looks.
    assert_eq!(staged(&desk, "rs-list-test-users", &[]).expect(0).stdout, list.concat());

    let user = format!("USER_NAME={FIRST}");
    let token = staged(&desk, "get-rs-token", &[&user, &format!("PASSWORD={PASSWORD}")]).expect(0);
    assert_eq!(token.stdout.lines().count(), 1, "{token}");
    let token = token.stdout.trim();
    let told = claims(token);
    assert_eq!(
        (&told["token_use"], &told["aud"]),
        (&json!("id"), &json!(elsewhere.settings.client_id)),
        "{told}"
    );
    let groups = format!("{MANAGEMENT}/groups");
    assert_eq!(program.send_by(token, Method::GET, &groups, None).await.0, StatusCode::OK);
    let wrong = staged(&desk, "get-rs-token", &[&user, "PASSWORD=Wrong-horse-1"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong}");

    let removed = staged(&desk, "rs-remove-test-users", &[]).expect(0);
    assert_eq!(removed.stdout.lines().count(), 3, "{removed}");
    assert_eq!(program.login(PEOPLE[0].0, PEOPLE[0].1).await.0, StatusCode::UNAUTHORIZED);

    program.post(TEST_USERS, json!({})).await;
    let password = format!("{PASSWORD}\n");
    run(&desk, &["auth", "login", "-u", FIRST, "--password-stdin", "--profile", "stage-myorg"], &password);
    let unasked = staged(&desk, "rs-secure-prod", &[]);
    assert!(unasked.code == 2 && unasked.stderr.contains("Confirmation required"), "{unasked}");
    signed_in(&program, FIRST, PASSWORD).await;
    let secured = staged(&desk, "rs-secure-prod", &["CONFIRM=yes"]).expect(0);
    let lines: Vec<&str> = secured.stdout.lines().take(5).collect();
    let rule = "=".repeat(48);
    assert_eq!(lines[0], "🔒 IMPORTANT: Save the new admin passwords below!");
    assert_eq!([lines[1], lines[3]], [&rule; 2]);
    let password = lines[2].strip_prefix(&format!("{FIRST}: ")).unwrap();
    assert_eq!(lines[4], "⚠️  SAVE THESE PASSWORDS - They cannot be recovered!");
    assert!(is_strong(password));
    signed_in(&program, FIRST, password).await;
    assert_eq!(program.login(FIRST, PASSWORD).await.0, StatusCode::UNAUTHORIZED);
}
