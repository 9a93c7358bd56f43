//! `keyward user import` and `user export`: what is sent of a file, what is told of it, and whole rounds against
//! a real server.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::cli_session::{Session, json_of, run, run_with};
use crate::cli_support::{Desk, Network, Ran, Reply, mode, problem};
use crate::support::App;

/// Openwall's test vector for bcrypt: the password is `U*U`.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const COLUMNS: [&str; 7] = [
    "cognito:username",
    "name",
    "email",
    "email_verified",
    "birthdate",
    "cognito:mfa_enabled",
    "custom:department",
];

/// A server that has these columns, has user `there` already and refuses user `bad`.
fn network() -> Network {
    Network::answering(|request, _| {
        if request.method == "GET" {
            return Reply::Json(200, json!({ "columns": COLUMNS }));
        }
        let results: Vec<Value> = request.json()["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| match user["username"].as_str().unwrap() {
                name @ "there" => json!({ "username": name, "outcome": "exists" }),
                name @ "bad" => {
                    let error = "The email must be an email address, such as ada@example.com.";
                    json!({ "username": name, "outcome": "refused", "field": "attributes", "error": error })
                }
                name => json!({ "username": name, "outcome": "created", "id": "7f1c" }),
            })
            .collect();
        Reply::Json(200, json!({ "results": results }))
    })
}

/// The users of the requests that came.
fn sent(network: &Network) -> Vec<Vec<Value>> {
    let posts = network.seen().into_iter().filter(|request| request.method == "POST");
    posts.map(|request| request.json()["users"].as_array().unwrap().clone()).collect()
}

fn import(desk: &Desk, text: &str) -> Ran {
    desk.run_with(&["user", "import", "-"], text)
}

#[test]
fn a_row_is_sent_by_cognitos_names_in_any_order_of_the_columns() {
    let network = network();
    let text = format!(
        "\u{feff}custom:department,cognito:mfa_enabled,cognito:username,name,email,email_verified,password_hash\r\n\
         \"R&D, Bern\",FALSE,ada,\"Ada \"\"A\"\" Lovelace\",ada@example.com,TRUE,\r\n\
         \r\n\
         1 Main Street\\, Bern,true,bob,,,, {HASH} \r\n"
    );

    let ran = import(&Desk::by_key(&network), &text);

    assert_snapshot!(ran, @r"
    exit 0
    --- stderr
    ✓ 2 user(s) imported.
    1 without a password: each sets one by a code (ForgotPassword) before signing in.
    1 with the password that they had: the first sign-in must be by password; until then, SRP is answered by PasswordResetRequiredException.
    ");
    assert_eq!(
        sent(&network),
        [[
            json!({
                "username": "ada", "mfa_enabled": false,
                "attributes": {
                    "custom:department": "R&D, Bern", "name": "Ada \"A\" Lovelace",
                    "email": "ada@example.com", "email_verified": "TRUE",
                },
            }),
            json!({
                "username": "bob", "mfa_enabled": true, "password_hash": HASH,
                "attributes": { "custom:department": "1 Main Street, Bern" },
            }),
        ]]
    );
}

#[test]
fn rows_are_sent_in_batches_that_the_server_takes() {
    let network = network();
    let desk = Desk::by_key(&network).with("KEYWARD_TIMEOUT", "60");
    let many: String = (0..501).fold("cognito:username,name\n".to_owned(), |mut text, number| {
        writeln!(text, "user-{number},").unwrap();
        text
    });

    let ran =
        desk.run_with(&["user", "import", "-", "--pool", "us-east-1_k3Y9wRd0A", "--json-output"], &many);

    let told = ran.expect(0).json();
    assert_eq!((&told["imported"], &told["existing"], &told["failed"]), (&json!(501), &json!(0), &json!(0)));
    assert_eq!(told["results"][500], json!({ "row": 502, "username": "user-500", "outcome": "created" }));
    assert_eq!(sent(&network).iter().map(Vec::len).collect::<Vec<_>>(), [500, 1]);
    assert_eq!(network.seen()[0].path, "/api/v1/user-import?pool=us-east-1_k3Y9wRd0A");
    assert_eq!(network.seen()[1].json()["pool"], "us-east-1_k3Y9wRd0A");

    let long = format!("cognito:username,name\n{}", format!("x,{}\n", "\"\"".repeat(7000)).repeat(50));
    import(&desk, &long).expect(0);
    let large = network.seen().iter().map(|request| request.body.len()).max().unwrap();
    assert!(large < 1024 * 1024, "{large}");
}

#[test]
fn refused_rows_are_told_with_their_row_and_written_to_be_corrected() {
    let network = network();
    let desk = Desk::by_key(&network);
    let text = format!(
        "cognito:username,email,cognito:mfa_enabled,password_hash\n\
         ada,ada@example.com,FALSE,{HASH}\n\
         there,there@example.com,FALSE,\n\
         \n\
         bad,\"nonsense, here\",FALSE,{HASH}\n\
         ,nobody@example.com,FALSE,\n\
         short,short@example.com\n\
         long,long@example.com,FALSE,,,\n\
         maybe,maybe@example.com,maybe,\n\
         huge,{},FALSE,\n",
        "x".repeat(16_000)
    );
    std::fs::write(desk.home().join("users.csv"), text).unwrap();

    let ran = desk.run(&["user", "import", "users.csv", "--failed-rows", "failed.csv"]);

    assert_snapshot!(ran, @r"
    exit 1
    --- stdout
    Row  Username  Refused because
    5    bad       The email must be an email address, such as ada@example.com.
    6              cognito:username is missing.
    7    short     The row has 2 columns instead of 4.
    8    long      The row has 6 columns instead of 4.
    9    maybe     cognito:mfa_enabled must be TRUE or FALSE.
    10   huge      A row can have 16000 characters at most.
    --- stderr
    1 user(s) imported, 1 were there already.
    1 with the password that they had: the first sign-in must be by password; until then, SRP is answered by PasswordResetRequiredException.
    error: 6 of 8 rows were refused.
    hint: correct them in failed.csv, and import that file
    ");
    let failed = desk.home().join("failed.csv");
    assert_eq!(mode(&failed), 0o600, "it holds a hash");
    let rows = std::fs::read_to_string(&failed).unwrap().replace(&"x".repeat(16_000), "xxx");
    assert_snapshot!(rows, @r#"
    cognito:username,email,cognito:mfa_enabled,password_hash,keyward:error
    bad,"nonsense, here",FALSE,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW,"The email must be an email address, such as ada@example.com."
    ,nobody@example.com,FALSE,,cognito:username is missing.
    short,short@example.com,The row has 2 columns instead of 4.
    long,long@example.com,FALSE,,,,The row has 6 columns instead of 4.
    maybe,maybe@example.com,maybe,,cognito:mfa_enabled must be TRUE or FALSE.
    huge,xxx,FALSE,,A row can have 16000 characters at most.
    "#);

    let ran = desk.run(&["user", "import", "failed.csv", "--json-output"]).expect(1);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told["code"], &told["failed"]), (&json!("partly-refused"), &json!(6)), "{ran}");
    assert_eq!(
        told["results"][0],
        json!({
            "row": 2, "username": "bad", "outcome": "refused", "field": "attributes",
            "error": "The email must be an email address, such as ada@example.com.",
        })
    );
    let again = desk.run(&["user", "import", "failed.csv", "--failed-rows", "./failed.csv"]).expect(2);
    assert!(again.stderr.contains("must name another file"), "{again}");
    desk.run(&["user", "import", "failed.csv", "--failed-rows", "again.csv"]).expect(1);
    let again = std::fs::read_to_string(desk.home().join("again.csv")).unwrap();
    assert_eq!(again.lines().next().unwrap().matches("keyward:error").count(), 1, "{again}");
}

#[test]
fn a_file_that_does_not_fit_is_refused_before_anything_is_sent() {
    let network = network();
    let desk = Desk::by_key(&network);
    let told = |text: &str| import(&desk, text).expect(1).stderr;

    for (text, why) in [
        ("", "The file names no users."),
        ("cognito:username,name\n", "The file names no users."),
        ("username,name\nada,Ada\n", "no \"username\". Did you mean cognito:username?"),
        ("cognito:username,E-Mail\nada,a\n", "no \"E-Mail\". Did you mean email?"),
        ("cognito:username,mfa_enabled\nada,FALSE\n", "Did you mean cognito:mfa_enabled?"),
        ("cognito:username,department\nada,x\n", "Did you mean custom:department?"),
        ("cognito:username,Email Verified\nada,x\n", "Did you mean email_verified?"),
        ("cognito:username,shoe size\nada,43\n", "The pool's users have no \"shoe size\".\n"),
        ("cognito:username,name,name\nada,A,B\n", "the column name twice"),
        ("name,email\nAda,ada@example.com\n", "must have the column cognito:username"),
        ("cognito:username;name\nada;Ada\n", "separated by commas"),
        ("cognito:username,name\nada,Ada\nbob,\"Bob\n", "Row 3 has a quoted field without an end"),
    ] {
        let said = told(text);
        assert!(said.contains(why), "{text:?}: {said}");
    }
    let latin = b"cognito:username,name\nada,Ada\nmueller,M\xfcller\n";
    std::fs::write(desk.home().join("latin.csv"), latin).unwrap();
    let ran = desk.run(&["user", "import", "latin.csv"]).expect(1);
    assert!(ran.stderr.contains("Row 3 isn't UTF-8; save the file as UTF-8. Nothing was imported."), "{ran}");
    let ran = desk.run(&["user", "import", "nowhere.csv"]).expect(1);
    assert!(ran.stderr.contains("The file couldn't be read (nowhere.csv)"), "{ran}");
    assert!(sent(&network).is_empty());
}

#[test]
fn an_import_that_breaks_off_says_how_far_it_came() {
    let network = Network::answering(|request, before| {
        if request.method == "GET" {
            return Reply::Json(200, json!({ "columns": COLUMNS }));
        }
        if before > 1 {
            return problem(503, "unavailable", "Not now.");
        }
        let users = request.json()["users"].as_array().unwrap().clone();
        let created =
            |user: &Value| json!({ "username": user["username"], "outcome": "created", "id": "7f1c" });
        Reply::Json(200, json!({ "results": users.iter().map(created).collect::<Vec<_>>() }))
    });

    let ran = import(&Desk::by_key(&network), &users(600));

    assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: Not now. (500 users were imported, 0 there already, 0 refused, 100 not tried; the same command goes on from there)
    hint: the server's log has it under request 01JD
    ");
}

/// A file of this many users, by the names of their numbers.
fn users(count: usize) -> String {
    (0..count).fold("cognito:username,name,email,email_verified\n".to_owned(), |mut text, number| {
        writeln!(text, "u{number:06},\"User, {number}\",u{number:06}@example.com,TRUE").unwrap();
        text
    })
}

async fn count(app: &App) -> usize {
    let mut cursor = String::new();
    let mut count = 0;
    loop {
        let page =
            app.admin().get(&format!("/api/v1/user-export?limit=1000&cursor={cursor}")).await.expect(200);
        count += page.json["items"].as_array().unwrap().len();
        match page.json["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return count,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_is_finished_by_running_it_again() {
    const USERS: usize = 6000;
    let session = Session::open().await;
    let desk = session.admin();
    std::fs::write(desk.home().join("users.csv"), users(USERS)).unwrap();
    let before = count(&session.app).await;
    let mut command = desk.command(&["user", "import", "users.csv"]);
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while count(&session.app).await == before {
        assert!(begun.elapsed() < Duration::from_mins(1));
        tokio::task::yield_now().await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let done = count(&session.app).await - before;
    assert!(done < USERS, "it was killed midway");

    let told = json_of(&desk, &["user", "import", "users.csv"]);

    assert_eq!(count(&session.app).await - before, USERS);
    // What the killed one had sent may have been made after it was gone.
    let existing = usize::try_from(told["existing"].as_u64().unwrap()).unwrap();
    assert!(existing >= done && existing < USERS, "{existing} of {done}");
    assert_eq!(told["imported"].as_u64().unwrap(), (USERS - existing) as u64);
    let third = run(&desk, &["user", "import", "users.csv"]).expect(0);
    assert_eq!(third.stderr, format!("✓ 0 user(s) imported, {USERS} were there already.\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_along_by_its_hash() {
    let session = Session::open().await;
    let desk = session.admin();
    let text = format!("cognito:username,email,password_hash\nada,ada@example.com,{HASH}\nbob,,$1$no$hash\n");

    let ran = run_with(&desk, &["user", "import", "-"], &text);

    assert_snapshot!(ran, @r"
    exit 1
    --- stdout
    Row  Username  Refused because
    3    bob       The password hash must be bcrypt ($2a$, $2b$ or $2y$) of cost 14 at most, or Argon2id in PHC form ($argon2id$v=19$m=...,t=...,p=...$salt$hash) of 256 MiB and 64 lanes at most, and 1 GiB times passes.
    --- stderr
    1 user(s) imported.
    1 with the password that they had: the first sign-in must be by password; until then, SRP is answered by PasswordResetRequiredException.
    error: 1 of 2 rows were refused.
    hint: `--failed-rows FILE` writes them to a file, to be corrected and imported again
    ");
    let login = ["auth", "login", "-u", "ada", "--password-stdin"];
    run_with(&session.desk(), &login, "U*U*").expect(1);
    run_with(&session.desk(), &login, "U*U").expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_can_be_imported_into_another_pool() {
    let session = Session::open().await;
    let desk = session.admin();
    let pool = session.app.keyward.create_user_pool(&keyward_core::caller::Caller::operator(), pool()).await;
    let pool = pool.unwrap().id;
    run_with(&desk, &["user", "import", "-"], &users(3)).expect(0);
    run(&desk, &["user", "disable", "-u", "u000001"]).expect(0);

    let ran = run(&desk, &["user", "export", "users.csv"]).expect(0);
    assert_snapshot!(ran, @r"
    exit 0
    --- stderr
    ✓ 3 user(s) exported to users.csv.
    1 disabled user(s) left out; --include-disabled exports them.
    ");
    assert_eq!(mode(&desk.home().join("users.csv")), 0o600);
    run(&desk, &["user", "import", "users.csv", "--pool", &pool]).expect(0);
    let there = run(&desk, &["user", "export", "--pool", &pool]).expect(0).stdout;

    assert_eq!(there, std::fs::read_to_string(desk.home().join("users.csv")).unwrap());
    assert_snapshot!(there, @r#"
    cognito:username,name,given_name,family_name,middle_name,nickname,preferred_username,profile,picture,website,email,email_verified,gender,birthdate,zoneinfo,locale,phone_number,phone_number_verified,address,updated_at,cognito:mfa_enabled
    admin@example.com,,,,,,,,,,admin@example.com,TRUE,,,,,,,,,FALSE
    u000000,"User, 0",,,,,,,,,u000000@example.com,TRUE,,,,,,,,,FALSE
    u000002,"User, 2",,,,,,,,,u000002@example.com,TRUE,,,,,,,,,FALSE
    "#);
    let all = run(&desk, &["user", "export", "--include-disabled"]).expect(0).stdout;
    assert_eq!(all.lines().count(), there.lines().count() + 1);
    let json = json_of(&desk, &["user", "export", "--include-disabled"]);
    let names: BTreeSet<&str> =
        json["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!(names.len(), all.lines().count() - 1);
    assert!(!json.to_string().contains("password"), "{json}");
}

fn pool() -> keyward_core::user_pool::NewUserPool {
    keyward_core::user_pool::NewUserPool {
        region: None,
        name: "Other".to_owned(),
        settings: keyward_core::user_pool::UserPoolSettings::default(),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_bar_moves_on_a_terminal_and_nowhere_else() {
    let network = network();
    let desk = Desk::by_key(&network);
    std::fs::write(desk.home().join("users.csv"), "cognito:username\nada\nthere\n").unwrap();

    let shown = desk.run_on_terminal(&format!("user import {}", desk.home().join("users.csv").display()));
    let piped = desk.run(&["user", "import", "users.csv"]).expect(0);

    assert!(shown.contains("Importing ["), "{shown}");
    assert!(!piped.to_string().contains("Importing"), "{piped}");
}
