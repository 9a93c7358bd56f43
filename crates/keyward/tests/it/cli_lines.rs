//! Every command line of the page "User and API Key Commands", and of the real client, as it is written
//! there.

use std::thread;

use crate::cli_support::{Desk, Network, Reply, problem};

/// The page "User and API Key Commands", whole, with an id where it says UUID.
const PAGE: &str = r#"
vamscli user cognito list
vamscli user cognito list --page-size 10 --max-items 20 --auto-paginate --json-output
vamscli user cognito list --starting-token abc
vamscli user cognito create -u user@example.com -e user@example.com -p +12345678900 --json-output
vamscli user cognito create --user-id user@example.com --email user@example.com --phone +442071234567
vamscli user cognito update -u user@example.com -e newemail@example.com
vamscli user cognito update -u user@example.com -p +12345678900
vamscli user cognito delete -u user@example.com --confirm
vamscli user cognito reset-password -u user@example.com --confirm
vamscli api-key list
vamscli api-key list --json-output
vamscli api-key create --name "CI Pipeline" --user-id ci-bot@example.com --description "CI/CD access"
vamscli api-key create --name "Temp Key" --user-id dev@example.com --description "Temporary" --expires-at 2027-06-30T23:59:59Z
vamscli api-key update --api-key-id 0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a --description "Updated description"
vamscli api-key update --api-key-id 0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a --is-active false
vamscli api-key update --api-key-id 0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a --expires-at ""
vamscli api-key delete --api-key-id 0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a --json-output
vamscli role user create -u ci-bot@example.com --role-name pipeline-runner
vamscli api-key create --name "GitHub Actions" --user-id ci-bot@example.com --description "CI/CD" --expires-at 2027-12-31T23:59:59Z --json-output
vamscli api-key create --name "CI Pipeline v2" --user-id ci-bot@example.com --description "Rotated key" --json-output
vamscli api-key delete --api-key-id OLD_KEY_ID
"#;

/// What the real client takes besides.
const CLIENT: &str = r#"
vamscli setup https://keyward.example.com --force --skip-version-check --json-output
vamscli --profile prod setup https://keyward.example.com -f
vamscli --verbose --profile prod user cognito list
vamscli user cognito list --profile prod --verbose
vamscli auth login -u ada@example.com -p word --save-credentials --skip-version-check --json-output
vamscli auth login --user-id ada@example.com --token-override token --expires-at +3600 --json-output
vamscli auth logout --json-output
vamscli auth status --json-output
vamscli auth refresh --json-output
vamscli auth set-override -u ada@example.com --token token --expires-at 2027-01-01T00:00:00Z --json-output
vamscli auth clear-override --json-output
vamscli profile list --json-output
vamscli profile switch prod --json-output
vamscli profile delete prod -f --json-output
vamscli profile delete prod --force
vamscli profile info prod --json-output
vamscli profile current --json-output
vamscli features list --json-output
vamscli features check GOVCLOUD --json-output
vamscli role list --page-size 200 --max-items 5000 --auto-paginate --json-output
vamscli role list --starting-token token123 --page-size 200
vamscli role create -r admin --description "Administrator role" --mfa-required --json-output
vamscli role create --role-name viewer --description "Read-only access" --source INTERNAL_SYSTEM --source-identifier x
vamscli role create -r admin --json-input '{"roleName":"admin","description":"Admin role"}'
vamscli role create --json-input '{"roleName":"admin","description":"Admin role"}'
vamscli role update -r admin --mfa-required
vamscli role update -r admin --no-mfa-required --description "Updated" --source "LDAP" --source-identifier "cn=admin"
vamscli role update --json-input '{"roleName":"admin","description":"Updated"}' --json-output
vamscli role delete -r viewer --confirm --json-output
vamscli role user list --page-size 10 --auto-paginate --max-items 10 --json-output
vamscli role user create -u ada@example.com --role-name admin --role-name viewer --json-output
vamscli role user create --json-input '{"userId":"ada@example.com","roleName":["admin","viewer"]}'
vamscli role user update -u ada@example.com --role-name viewer --json-output
vamscli role user delete -u ada@example.com --confirm --json-output
vamscli version
"#;

/// What a shell would make of a line without expansions.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ' ') => words.push(String::new()),
            (_, other) => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// Runs each line at `desk`, two at a time.
fn run_all(desk: &Desk, lines: &str) -> Vec<(String, i32)> {
    let lines: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    let run = |line: &&str| {
        let words = words(line);
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let ran = desk.run(&words);
        ((*line).to_owned(), ran.code)
    };
    thread::scope(|scope| {
        let halves: Vec<_> = lines
            .chunks(lines.len().div_ceil(2))
            .map(|half| scope.spawn(move || half.iter().map(run).collect::<Vec<_>>()))
            .collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}

#[test]
fn each_line_is_understood_under_both_names() {
    for name in ["keyward", "vamscli"] {
        let network = Network::answering(|_, _| problem(503, "unavailable", "Not now."));
        let desk = Desk::by_key(&network).under_name(name);

        for (line, code) in run_all(&desk, PAGE) {
            assert_eq!(code, 1, "the server's refusal, not a mistake: {line}");
        }
        for (line, code) in run_all(&desk, CLIENT) {
            assert!(matches!(code, 0 | 1), "exit {code}: {line}");
        }
        assert!(network.seen().len() > 30);
    }
}

#[test]
fn what_is_typed_wrongly_ends_with_2_and_reaches_no_server() {
    let network = Network::answering(|_, _| Reply::Cut);
    let desk = Desk::by_key(&network);
    let lines = r#"
keyward nonsense
keyward user nonsense
keyward --profile ab user list
keyward --profile help user list
keyward user list --page-size 0
keyward user list --page-size many
keyward user create -u a@example.com
keyward user create -e a@example.com
keyward user cognito update -u user@example.com
keyward user cognito delete --confirm
keyward api-key create --user-id u --description d
keyward api-key create --name n --description d
keyward api-key create --name n --user-id u
keyward api-key update --api-key-id x --is-active maybe
keyward api-key update --description d
keyward api-key rotate --api-key-id x --overlap soon
keyward api-key delete
keyward role create -r r
keyward role create --description d
keyward role create --json-input '{"description":"d"}'
keyward role create --json-input '{"roleName":"r","description":"d","permission":"typo"}'
keyward role create --json-input no-such-file.json
keyward role update -r r
keyward role update -r r --mfa-required --no-mfa-required
keyward role user create -u u
keyward role user create --role-name r
keyward role user create --json-input '{"userId":"u"}'
keyward role delete --confirm
keyward setup ftp://example.com
keyward setup nonsense
keyward setup https://user:word@example.com
keyward auth login --token-override t
keyward auth login --user-id u --token-override t --save-credentials
keyward auth login -u u -p w --password-stdin
keyward auth set-override -u u
keyward auth set-override -u u --token t --expires-at whenever
keyward can
keyward can a:b --as-user u --as-key k
keyward audit list --since yesterday
keyward completions tcsh
keyward profile switch ab
keyward profile delete ../../etc
"#;

    for (line, code) in run_all(&desk, lines) {
        assert_eq!(code, 2, "{line}");
    }
    assert_eq!(network.seen().len(), 0);
}

#[test]
fn a_setting_of_the_environment_that_means_nothing_ends_with_2() {
    let wrong = [
        ("KEYWARD_URL", "localhost:8480"),
        ("KEYWARD_URL", "https://user:word@example.com"),
        ("KEYWARD_PROFILE", "a/b"),
        ("KEYWARD_TIMEOUT", "soon"),
        ("KEYWARD_TIMEOUT", "0"),
        ("KEYWARD_CREDENTIAL_STORE", "vault"),
    ];
    for (name, value) in wrong {
        let ran = Desk::new().with(name, value).run(&["whoami"]).expect(2);
        assert!(ran.stderr.starts_with(&format!("error: {name}")), "{ran}");
        assert!(!ran.stderr.contains("word"), "{ran}");
    }
}

#[test]
fn what_is_typed_wrongly_is_told_in_json_in_json_mode() {
    let desk = Desk::new();

    let ran = desk.run(&["api-key", "create", "--json-output", "--name", "n"]).expect(2);
    insta::assert_snapshot!(ran, @r#"
    exit 2
    --- stdout
    {
      "error": "the following required arguments were not provided: --user-id <NAME> --description <TEXT>",
      "hint": "Usage: keyward api-key create --name <NAME> --user-id <NAME> --description <TEXT> --json-output",
      "code": "usage"
    }
    "#);

    let ran = desk.run(&["user", "cognito", "update", "-u", "u", "--json-output"]).expect(2);
    insta::assert_snapshot!(ran, @r#"
    exit 2
    --- stdout
    {
      "error": "At least one field must be provided for update. Use --email or --phone.",
      "code": "usage"
    }
    "#);

    let ran = desk.run(&["user", "--json-output"]).expect(2);
    assert_eq!(ran.json()["code"], "usage");
}

#[test]
fn without_confirm_nothing_is_done_and_the_answer_says_how() {
    let network = Network::answering(|_, _| Reply::Cut);
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["user", "cognito", "delete", "-u", "a b"]), @r"
    exit 1
    --- stderr
    error: Confirmation required for user deletion
    hint: `keyward user delete -u 'a b' --confirm`
    ");
    insta::assert_snapshot!(desk.run(&["user", "delete", "-u", "ada@example.com", "--json-output"]), @r#"
    exit 1
    --- stdout
    {
      "error": "Confirmation required",
      "hint": "`keyward user delete -u ada@example.com --confirm`",
      "code": "confirmation-required",
      "message": "User deletion requires the --confirm flag",
      "userId": "ada@example.com"
    }
    "#);
    insta::assert_snapshot!(desk.run(&["user", "reset-password", "-u", "ada@example.com"]), @r"
    exit 1
    --- stderr
    error: Confirmation required for password reset
    hint: `keyward user reset-password -u ada@example.com --confirm`
    ");
    insta::assert_snapshot!(desk.run(&["role", "delete", "-r", "viewer"]), @r"
    exit 1
    --- stderr
    error: Confirmation required for role deletion
    hint: `keyward role delete -r viewer --confirm`
    ");
    insta::assert_snapshot!(desk.run(&["role", "user", "delete", "-u", "ada@example.com", "--json-output"]), @r#"
    exit 1
    --- stdout
    {
      "error": "Confirmation required",
      "hint": "`keyward role user delete -u ada@example.com --confirm`",
      "code": "confirmation-required",
      "message": "User role deletion requires the --confirm flag",
      "userId": "ada@example.com"
    }
    "#);
    assert_eq!(network.seen().len(), 0);
}
