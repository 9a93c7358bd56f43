//! Profiles: which server a command goes to.

use serde_json::json;

use crate::cli_support::{Desk, Network, Reply, files, mode, problem};

/// A server that can be set up, and refuses everything else.
fn server() -> Network {
    Network::answering(|request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "2.5.1" })),
        "/api/amplify-config" => Reply::Json(
            200,
            json!({ "region": "us-east-1", "api": "undefined", "cognitoUserPoolId": "us-east-1_k3Y9wRd0A",
                    "cognitoAppClientId": "client", "stackName": "undefined" }),
        ),
        _ => problem(503, "unavailable", "Not now."),
    })
}

#[test]
fn setup_keeps_what_the_server_says_and_makes_the_profile_the_active_one() {
    let network = server();
    let desk = Desk::new();

    let done = desk.run(&["setup", &format!("{}/", network.url), "--profile", "prod", "--json-output"]);
    let done = done.expect(0).json();

    assert_eq!(done["status"], "success");
    assert_eq!(done["profile"], "prod");
    assert_eq!(done["base_url"], network.url);
    assert_eq!(done["api_gateway_url"], network.url);
    assert_eq!(done["api_version"], "2.5.1");
    assert_eq!(done["version_match"], true);
    let current = desk.run(&["profile", "current", "--json-output"]).expect(0).json();
    assert_eq!(current["active_profile"], "prod");
    assert_eq!(current["config"]["amplify_config"]["cognitoUserPoolId"], "us-east-1_k3Y9wRd0A");
}

#[test]
fn a_second_setup_is_skipped_unless_forced() {
    let network = server();
    let desk = Desk::new();
    desk.run(&["setup", &network.url]).expect(0);
    let asked = network.seen().len();

    let skipped = desk.run(&["setup", "http://localhost:1", "--json-output"]).expect(0).json();
    assert_eq!(skipped["status"], "skipped");
    assert_eq!(skipped["force_required"], true);
    assert_eq!(network.seen().len(), asked);

    desk.run(&["setup", &network.url, "--force"]).expect(0);
    assert!(network.seen().len() > asked);
}

#[test]
fn a_profile_that_was_switched_to_counts_for_every_command() {
    let (one, two) = (server(), server());
    let desk = Desk::new().with("KEYWARD_API_KEY", "vams_test");
    desk.run(&["setup", &one.url, "--profile", "one"]).expect(0);
    desk.run(&["setup", &two.url, "--profile", "two"]).expect(0);
    let asked = |network: &Network, path: &str| {
        network.seen().iter().filter(|request| request.path.starts_with(path)).count()
    };

    desk.run(&["user", "list"]).expect(1);
    assert_eq!((asked(&one, "/api/v1/users"), asked(&two, "/api/v1/users")), (0, 1));

    desk.run(&["profile", "switch", "one"]).expect(0);
    desk.run(&["user", "list"]).expect(1);
    desk.run(&["api-key", "list"]).expect(1);
    assert_eq!((asked(&one, "/api/v1/users"), asked(&two, "/api/v1/users")), (1, 1));
    assert_eq!(asked(&one, "/api/v1/api-keys"), 1);

    desk.run(&["user", "list", "--profile", "two"]).expect(1);
    assert_eq!(asked(&two, "/api/v1/users"), 2);
    let desk = desk.with("KEYWARD_PROFILE", "two");
    desk.run(&["user", "list"]).expect(1);
    assert_eq!(asked(&two, "/api/v1/users"), 3);
    desk.run(&["--profile", "one", "user", "list"]).expect(1);
    assert_eq!(asked(&one, "/api/v1/users"), 2);
    let desk = desk.with("KEYWARD_URL", &one.url);
    desk.run(&["user", "list"]).expect(1);
    assert_eq!(asked(&one, "/api/v1/users"), 3);
}

#[test]
fn a_mistyped_profile_goes_to_no_server() {
    let desk = Desk::new().with("KEYWARD_API_KEY", "vams_test");

    insta::assert_snapshot!(desk.run(&["user", "list", "--profile", "prdo"]), @r"
    exit 1
    --- stderr
    error: Setup required for profile 'prdo'.
    hint: `keyward setup URL --profile prdo`, or name the server with KEYWARD_URL
    ");
    insta::assert_snapshot!(desk.run(&["profile", "switch", "prdo"]), @r"
    exit 1
    --- stderr
    error: Profile 'prdo' does not exist or is not configured.
    hint: `keyward setup URL --profile prdo` creates it
    ");
    let info = desk.run(&["profile", "info", "prdo", "--json-output"]).expect(0).json();
    assert_eq!(info["exists"], false);
    let deleted = desk.run(&["profile", "delete", "prdo", "--json-output"]).expect(0).json();
    assert_eq!(deleted["success"], false);
}

#[test]
fn without_any_setup_a_command_goes_to_the_server_on_this_machine() {
    let ran = Desk::new().with("KEYWARD_TIMEOUT", "5").run(&["whoami", "--verbose"]).expect(1);

    assert!(ran.stderr.contains("server: http://localhost:8480 (default)"), "{ran}");
    assert!(ran.stderr.contains("Not signed in at http://localhost:8480."), "{ran}");
    assert!(ran.stderr.contains("`keyward auth login -u NAME`"), "{ran}");
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let network = server();
    let desk = Desk::new();
    std::fs::create_dir_all(desk.file("profiles")).unwrap();

    desk.run(&["setup", &network.url]).expect(0);

    let all = files(&desk.file(""));
    assert_eq!(all.len(), 2, "{all:?}");
    for file in all {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for folder in ["", "profiles/default"] {
        assert_eq!(mode(&desk.file(folder)), 0o700, "{folder}");
    }
}

#[test]
fn profiles_are_listed_with_what_they_mean() {
    let network = server();
    let desk = Desk::new();

    insta::assert_snapshot!(desk.run(&["profile", "list"]), @r"
    exit 0
    --- stdout
    No profiles found.
    --- stderr
    Make one: `keyward setup URL`, or `keyward auth login -u NAME` for a server on this machine
    ");
    desk.run(&["setup", &network.url, "--profile", "prod"]).expect(0);
    desk.run(&["setup", &network.url, "--profile", "staging"]).expect(0);

    let listed = desk.run(&["profile", "list"]).to_string().replace(&network.url, "http://127.0.0.1:PORT");
    insta::assert_snapshot!(listed, @r"
    exit 0
    --- stdout
    Profile    Server
      prod     http://127.0.0.1:PORT
    * staging  http://127.0.0.1:PORT
    ");
    let listed = desk.run(&["profile", "list", "--json-output"]).expect(0).json();
    assert_eq!(listed["active_profile"], "staging");
    assert_eq!(listed["profiles"][0]["profile_name"], "prod");
    assert_eq!(listed["profiles"][0]["has_auth"], false);
}

#[test]
fn a_damaged_file_is_named_and_its_content_is_not_shown() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.file("profiles/default")).unwrap();
    std::fs::write(desk.file("profiles/default/config.json"), "{\"base_url\": hush}").unwrap();

    let ran = desk.run(&["whoami"]).expect(1);

    assert!(ran.stderr.contains("config.json is damaged"), "{ran}");
    assert!(!ran.stderr.contains("hush"), "{ran}");
}

#[test]
fn a_server_may_not_step_down_from_encryption_nor_name_nonsense() {
    let network = Network::answering(|request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "2.5.1" })),
        _ => Reply::Json(200, json!({ "api": "not an address" })),
    });

    let ran = Desk::new().run(&["setup", &network.url]).expect(1);

    assert!(ran.stderr.contains("names an address that isn't one"), "{ran}");
}

#[test]
fn what_is_no_keyward_server_is_not_set_up() {
    let network =
        Network::answering(|_, _| Reply::Text(404, "Content-Type: text/html\r\n", "<html>".to_owned()));
    let desk = Desk::new();

    let ran = desk.run(&["setup", &network.url]).expect(1);

    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: The server sent nothing at that address (404).
    hint: is this a Keyward server? `keyward setup URL` or KEYWARD_URL names another
    ");
    assert!(!desk.file("profiles/default").exists());
}
