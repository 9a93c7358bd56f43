//! Servers that refuse, stall, break off, or ask for patience.

use serde_json::json;

use crate::cli_support::{Desk, Network, Reply, deserted_address, problem};

fn no_users() -> Reply {
    Reply::Json(200, json!({ "items": [], "next_cursor": null }))
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let address = deserted_address();
    let desk = Desk::new().with("KEYWARD_URL", &address).with("KEYWARD_API_KEY", "vams_test");

    let ran = desk.run(&["user", "list"]);

    insta::assert_snapshot!(ran.to_string().replace(&address, "http://127.0.0.1:PORT"), @r"
    exit 1
    --- stderr
    error: No answer from http://127.0.0.1:PORT: connection refused.
    hint: start the server with `keyward serve`, or name another with KEYWARD_URL
    ");
    let told = desk.run(&["user", "list", "--json-output"]).expect(1).json();
    assert_eq!(told["code"], "unreachable");
}

#[test]
fn a_server_that_stalls_is_given_up_after_the_timeout() {
    let network = Network::answering(|_, _| Reply::Silence);
    let desk = Desk::by_key(&network).with("KEYWARD_TIMEOUT", "1");

    let ran = desk.run(&["user", "list"]);

    insta::assert_snapshot!(ran.to_string().replace(&network.url, "http://127.0.0.1:PORT"), @r"
    exit 1
    --- stderr
    error: http://127.0.0.1:PORT gave no answer within 1 s.
    hint: KEYWARD_TIMEOUT sets how many seconds to wait
    ");
    assert!((1.0..8.0).contains(&ran.took.as_secs_f64()), "{:?}", ran.took);
    assert_eq!(network.seen().len(), 1);
    let ran = desk.run(&["auth", "login", "-u", "ada", "-p", "word", "--json-output"]).expect(1);
    assert_eq!(ran.json()["code"], "timed-out");
}

#[test]
fn two_429_and_then_an_answer_is_an_answer() {
    let patient = |_: &_, before: usize| match before {
        0 => Reply::Text(429, "Retry-After: 1\r\n", "{\"message\":\"Too Many Requests\"}".to_owned()),
        1 => problem(429, "too-many-requests", "Too much."),
        _ => no_users(),
    };
    let network = Network::answering(patient);
    let desk = Desk::by_key(&network).with("VAMS_CLI_INITIAL_RETRY_DELAY", "0.1");

    let ran = desk.run(&["user", "list"]).expect(0);
    assert_eq!(ran.stderr.lines().next(), Some("Rate limited. Retrying in 1.0s (attempt 1/6)..."), "{ran}");
    assert_eq!(
        ran.stderr.matches("Rate limited").count(),
        1,
        "waits of less than a second are not told: {ran}"
    );
    assert!(ran.took.as_secs_f64() >= 1.0);

    let network = Network::answering(patient);
    let desk = desk.with("KEYWARD_URL", &network.url);
    let ran = desk.run(&["user", "list", "--json-output"]).expect(0);
    assert_eq!(ran.json()["users"], json!([]));
    assert_eq!(network.seen().len(), 3);
}

#[test]
fn patience_ends_after_as_many_attempts_as_were_set() {
    let network = Network::answering(|_, _| problem(429, "too-many-requests", "Too much."));
    let desk = Desk::by_key(&network)
        .with("VAMS_CLI_INITIAL_RETRY_DELAY", "0.1")
        .with("VAMS_CLI_MAX_RETRY_DELAY", "0.1")
        .with("VAMS_CLI_MAX_RETRY_ATTEMPTS", "3");

    let ran = desk.run(&["user", "list", "--json-output"]).expect(1);

    assert_eq!(ran.json()["code"], "too-many-requests");
    assert_eq!(ran.json()["error"], "Too much. Asked 4 times in all.");
    assert_eq!(network.seen().len(), 4);
}

#[test]
fn a_creation_whose_connection_broke_is_repeated_under_the_same_key() {
    let network = Network::answering(|_, before| match before {
        0 | 1 => Reply::Cut,
        _ => Reply::Json(201, json!({ "id": "k-1", "name": "CI", "state": "active", "secret": "vams_once" })),
    });
    let desk = Desk::by_key(&network);

    let words =
        ["api-key", "create", "--name", "CI", "--user-id", "u", "--description", "d", "--json-output"];
    let ran = desk.run(&words).expect(0);

    assert_eq!(ran.json()["apiKey"], "vams_once");
    let keys: Vec<_> =
        network.seen().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    desk.run(&words).expect(0);
    assert_ne!(network.seen()[3].headers["idempotency-key"], keys[0], "another command, another key");
}

#[test]
fn a_creation_that_never_gets_an_answer_says_that_it_may_have_been_done() {
    let network = Network::answering(|_, _| Reply::Cut);

    let ran = Desk::by_key(&network).run(&["user", "create", "-u", "a@example.com", "-e", "a@example.com"]);

    let ran = ran.expect(1);
    assert!(ran.stderr.contains("hint: it may have been done all the same"), "{ran}");
    assert_eq!(network.seen().len(), 3);
}

#[test]
fn a_deletion_that_was_done_before_the_connection_broke_is_no_failure() {
    let network = Network::answering(|_, before| match before {
        0 => Reply::Cut,
        _ => problem(404, "not-found", "There is no such user."),
    });
    let desk = Desk::by_key(&network);

    desk.run(&["user", "delete", "-u", "a@example.com", "--confirm"]).expect(0);
    insta::assert_snapshot!(desk.run(&["user", "delete", "-u", "a@example.com", "--confirm"]), @r"
    exit 1
    --- stderr
    error: There is no such user.
    hint: `keyward user list`
    ");
}

#[test]
fn a_redirection_is_told_and_not_followed_with_the_credential() {
    let elsewhere = Network::answering(|_, _| Reply::Cut);
    let location: &'static str = format!("Location: {}/login\r\n", elsewhere.url).leak();
    let network = Network::answering(move |_, _| Reply::Text(302, location, String::new()));

    let ran = Desk::by_key(&network).run(&["user", "list"]).expect(1);

    assert!(ran.stderr.contains(&format!("a redirection to {}/login", elsewhere.url)), "{ran}");
    assert_eq!(elsewhere.seen().len(), 0);
}

#[test]
fn what_is_no_answer_of_keyward_is_told_as_such() {
    let told = [
        (200, "<html>hello</html>", "couldn't be read"),
        (404, "<html>gone</html>", "nothing at that address (404)"),
        (502, "", "status 502 Bad Gateway without a reason"),
        (503, "{\"message\":\"Service Unavailable\"}", "Service Unavailable"),
    ];
    for (status, body, words) in told {
        let network = Network::answering(move |_, _| Reply::Text(status, "", body.to_owned()));
        let ran = Desk::by_key(&network).run(&["user", "list"]).expect(1);
        assert!(ran.stderr.contains(words), "{status}: {ran}");
    }
}

#[test]
fn a_key_with_impossible_characters_is_not_sent() {
    let network = Network::answering(|_, _| no_users());
    let desk = Desk::by_key(&network).with("KEYWARD_API_KEY", "vams_\u{1}");

    let ran = desk.run(&["user", "list"]).expect(1);

    assert!(ran.stderr.contains("characters that no credential can have"), "{ran}");
    assert_eq!(network.seen().len(), 0);
}

#[test]
fn a_name_cannot_reach_beyond_itself() {
    let network = Network::answering(|_, _| Reply::Json(200, json!({})));
    let desk = Desk::by_key(&network);

    desk.run(&["role", "user", "delete", "-u", "ada", "--role-name", "..", "--confirm"]).expect(1);
    desk.run(&["user", "delete", "-u", "", "--confirm"]).expect(1);
    assert_eq!(network.seen().len(), 0);

    desk.run(&["user", "delete", "-u", "a/b?c#d", "--confirm"]).expect(0);
    assert_eq!(network.seen()[0].path, "/api/v1/users/a%2Fb%3Fc%23d");
}
