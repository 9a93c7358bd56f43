//! What commands make of the server's answers: JSON in the shapes that scripts read, tables for people.

use serde_json::{Value, json};

use crate::cli_support::{Desk, Network, Reply, problem};

const KEY: &str = "0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a";

fn user(name: &str, status: &str) -> Value {
    json!({
        "id": "7f1c", "username": name, "kind": "account", "status": status, "enabled": true, "email": name,
        "email_verified": true, "phone": null, "mfa": false, "roles": ["RESEARCHERS"],
        "created_at": "2026-11-22T01:38:52.000Z", "updated_at": "2026-11-22T02:00:00.500Z", "version": 1,
    })
}

fn key(state: &str) -> Value {
    json!({
        "id": KEY, "public_id": "Ab3dEf6hIj9k", "name": "CI Pipeline", "description": "CI/CD access",
        "user_id": "7f1c", "username": "ci-bot@example.com", "created_by": "ada@example.com",
        "created_at": "2026-11-22T01:38:52.000Z", "updated_at": "2026-11-22T01:38:52.000Z",
        "expires_at": null, "expires_at_utc": null, "active": state != "disabled", "state": state,
        "scope": null, "allowed_addresses": [], "owner": null, "review_at": null, "last_used": null,
        "previous": null, "imported": false, "version": 1,
    })
}

pub(crate) fn page(items: &Value) -> Value {
    json!({ "items": items, "next_cursor": null })
}

#[test]
fn users_are_listed_under_both_names() {
    let network = Network::answering(|_, _| {
        let items = json!([user("ada@example.com", "CONFIRMED")]);
        Reply::Json(200, json!({ "items": items, "next_cursor": "next" }))
    });
    let desk = Desk::by_key(&network);

    let listed = desk.run(&["user", "cognito", "list", "--json-output"]).expect(0).json();

    let ada = json!({
        "userId": "ada@example.com", "email": "ada@example.com", "phone": "", "userStatus": "CONFIRMED",
        "enabled": true, "userCreateDate": "2026-11-22T01:38:52.000000+00:00",
        "userLastModifiedDate": "2026-11-22T02:00:00.500000+00:00", "mfaEnabled": false, "sub": "7f1c",
        "kind": "account", "roles": ["RESEARCHERS"],
    });
    assert_eq!(listed, json!({ "users": [ada], "Items": [ada], "NextToken": "next" }));
    assert_eq!(network.seen()[0].path, "/api/v1/users?limit=1000&kind=account");

    desk.run(&["user", "list", "--page-size", "5", "--starting-token", "a+b"]).expect(0);
    assert_eq!(network.seen()[1].path, "/api/v1/users?limit=5&cursor=a%2Bb");
}

#[test]
fn users_are_shown_in_a_table() {
    let network = Network::always(
        200,
        page(&json!([
            user("ada@example.com", "CONFIRMED"),
            user("bob@example.com", "FORCE_CHANGE_PASSWORD")
        ])),
    );

    insta::assert_snapshot!(Desk::by_key(&network).run(&["user", "list"]), @r"
    exit 0
    --- stdout
    Found 2 user(s):
    User ID          Status                 Enabled  MFA  Roles        Created
    ada@example.com  CONFIRMED              yes      no   RESEARCHERS  2026-11-22 01:38 UTC
    bob@example.com  FORCE_CHANGE_PASSWORD  yes      no   RESEARCHERS  2026-11-22 01:38 UTC
    ");
}

#[test]
fn a_table_fits_the_terminal_and_turns_into_blocks_where_it_cannot() {
    let mut used = key("active");
    used["last_used"] =
        json!({ "at": "2026-11-22T10:00:00.000Z", "address": "192.0.2.7", "user_agent": "curl" });
    let network = Network::always(200, page(&json!([used])));
    let desk = Desk::by_key(&network);

    let wide = desk.run(&["api-key", "list"]).expect(0);
    insta::assert_snapshot!(wide, @r"
    exit 0
    --- stdout
    Found 1 API key(s)
    Name         Key ID                                User ID             Expires  Status  Last used
    CI Pipeline  0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  Never    Active  2026-11-22 10:00 UTC from 192.0.2.7
    ");
    let desk = desk.with("COLUMNS", "110");
    let narrower = desk.run(&["api-key", "list"]).expect(0);
    insta::assert_snapshot!(narrower, @r"
    exit 0
    --- stdout
    Found 1 API key(s)
    Name         Key ID                                User ID             Expires  Status  Last used
    CI Pipeline  0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  Never    Active  2026-11-22 10:00 UTC
                                                                                            from 192.0.2.7
    ");
    assert!(narrower.stdout.lines().all(|line| line.chars().count() <= 110));
    let desk = desk.with("COLUMNS", "60");
    let narrow = desk.run(&["api-key", "list"]).expect(0);
    insta::assert_snapshot!(narrow, @r"
    exit 0
    --- stdout
    Found 1 API key(s)
    Name:       CI Pipeline
    Key ID:     0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a
    User ID:    ci-bot@example.com
    Expires:    Never
    Status:     Active
    Last used:  2026-11-22 10:00 UTC from 192.0.2.7
    ");
}

#[test]
fn what_a_name_holds_cannot_move_the_cursor() {
    let network = Network::always(200, page(&json!([user("\u{1b}[2Jada\u{202e}\r\n", "CONFIRMED")])));

    let ran = Desk::by_key(&network).run(&["user", "list"]).expect(0);

    assert!(ran.stdout.contains(r"\u{1b}[2Jada\u{202e}\r\n"), "{ran}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran}");
}

#[test]
fn an_empty_list_says_what_to_type_next() {
    let network = Network::always(200, page(&json!([])));
    let desk = Desk::by_key(&network);

    for words in [&["user", "list"][..], &["api-key", "list"], &["role", "list"], &["role", "user", "list"]] {
        let ran = desk.run(words).expect(0);
        assert!(ran.stdout.starts_with("No "), "{ran}");
        assert!(ran.stderr.contains("`keyward "), "{ran}");
    }
    assert_eq!(desk.run(&["audit", "list"]).expect(0).stdout, "No events found.\n");
    assert_eq!(desk.run(&["api-key", "list", "--json-output"]).expect(0).json(), json!({ "Items": [] }));
}

#[test]
fn auto_paginate_gathers_the_pages() {
    let network = Network::answering(|request, _| {
        let cursor = request.path.split(['?', '=', '&']).skip_while(|part| *part != "cursor").nth(1);
        let cursor = cursor.map_or(1, |cursor| cursor.parse().unwrap());
        let next = (cursor < 4).then(|| (cursor + 1).to_string());
        let name = format!("user-{cursor}@example.com");
        Reply::Json(200, json!({ "items": [user(&name, "CONFIRMED")], "next_cursor": next }))
    });
    let desk = Desk::by_key(&network);

    let words = ["user", "cognito", "list", "--auto-paginate", "--page-size", "1", "--json-output"];
    let all = desk.run(&words).expect(0).json();
    assert_eq!(all["totalItems"], 4);
    assert_eq!(all["pageCount"], 4);
    assert_eq!(all["autoPaginated"], true);
    assert_eq!(all["Items"][3]["userId"], "user-4@example.com");
    assert_eq!(all.get("note"), None);

    let words = [&words[..], &["--max-items", "2"]].concat();
    let some = desk.run(&words).expect(0).json();
    assert_eq!(some["totalItems"], 2);
    assert_eq!(some["note"], "Reached maximum of 2 items. More items may be available.");

    let ran = desk.run(&["user", "list", "--auto-paginate", "--starting-token", "3"]).expect(1);
    assert!(ran.stderr.contains("Cannot use --auto-paginate with --starting-token."), "{ran}");
    let ran = desk.run(&["user", "list", "--max-items", "2"]).expect(0);
    assert!(ran.stderr.contains("Ignoring --max-items."), "{ran}");
    assert!(ran.stderr.contains("Next token: 2"), "{ran}");
}

#[test]
fn a_new_user_comes_with_a_temporary_password_that_is_shown_once() {
    let network = Network::answering(|_, _| {
        let mut made = user("ada@example.com", "FORCE_CHANGE_PASSWORD");
        made["roles"] = json!([]);
        Reply::Json(201, json!({ "user": made, "temporary_password": "Tmp-Word-42" }))
    });
    let desk = Desk::by_key(&network);
    let words =
        ["user", "cognito", "create", "-u", "ada@example.com", "-e", "ada@example.com", "-p", "+12345678900"];

    insta::assert_snapshot!(desk.run(&words), @r"
    exit 0
    --- stdout
    Temporary password (shown only once):  Tmp-Word-42
    --- stderr
    ✓ User ada@example.com created successfully.
    The next sign-in with it asks for a new one.
    No role yet: `keyward role user create -u ada@example.com --role-name ROLE`
    ");

    let made = desk.run(&[&words[..], &["--json-output"]].concat()).expect(0).json();
    assert_eq!(made["success"], true);
    assert_eq!(made["operation"], "create");
    assert_eq!(made["userId"], "ada@example.com");
    assert_eq!(made["temporaryPassword"], "Tmp-Word-42");
    assert!(made["timestamp"].as_str().unwrap().len() == 26, "{made}");
    let sent = network.seen()[0].json();
    let expected =
        json!({ "username": "ada@example.com", "email": "ada@example.com", "phone": "+12345678900" });
    assert_eq!(sent, expected);
}

#[test]
fn an_update_sends_only_what_was_named() {
    let network = Network::always(200, user("ada@example.com", "CONFIRMED"));
    let desk = Desk::by_key(&network);

    desk.run(&["user", "update", "-u", "ada@example.com", "-e", "new@example.com"]).expect(0);
    desk.run(&["user", "update", "-u", "ada@example.com", "-p", ""]).expect(0);
    desk.run(&["user", "disable", "-u", "ada@example.com"]).expect(0);
    let enabled = desk.run(&["user", "enable", "-u", "ada@example.com", "--json-output"]).expect(0).json();

    assert_eq!(enabled["operation"], "enable");
    let sent: Vec<Value> = network.seen().iter().map(crate::cli_support::Request::json).collect();
    assert_eq!(sent[0], json!({ "email": "new@example.com" }));
    assert_eq!(sent[1], json!({ "phone": null }));
    assert_eq!(sent[2], json!({ "enabled": false }));
    assert_eq!(sent[3], json!({ "enabled": true }));
}

#[test]
fn confirmed_is_confirmed_and_nothing_is_asked() {
    let network = Network::answering(|request, _| {
        if request.method == "DELETE" {
            return Reply::Text(204, "", String::new());
        }
        let user = user("ada@example.com", "FORCE_CHANGE_PASSWORD");
        Reply::Json(200, json!({ "user": user, "temporary_password": "T-1" }))
    });
    let desk = Desk::by_key(&network);

    let ran = desk.run(&["user", "cognito", "delete", "-u", "ada@example.com", "--confirm"]).expect(0);
    assert_eq!(ran.stderr, "✓ User ada@example.com deleted successfully\n");
    let deleted = desk.run(&["user", "delete", "-u", "ada@example.com", "--confirm", "--json-output"]).json();
    assert_eq!(deleted["operation"], "delete");
    let reset =
        desk.run(&["user", "reset-password", "-u", "ada@example.com", "--confirm", "--json-output"]).json();
    assert_eq!(reset["operation"], "resetPassword");
    assert_eq!(reset["temporaryPassword"], "T-1");
    assert!(network.seen()[2].headers.contains_key("idempotency-key"));
    desk.run(&["role", "delete", "-r", "viewer", "--confirm"]).expect(0);
    desk.run(&["role", "user", "delete", "-u", "ada@example.com", "--confirm"]).expect(0);
}

#[test]
fn a_new_key_is_shown_once_with_its_warning() {
    let network = Network::answering(|_, _| {
        let mut made = key("active");
        made["expires_at"] = "2027-06-30".into();
        made["secret"] = "vams_SECRET".into();
        Reply::Json(201, made)
    });
    let desk = Desk::by_key(&network);
    let words = [
        "api-key",
        "create",
        "--name",
        "CI Pipeline",
        "--user-id",
        "ci-bot@example.com",
        "--description",
        "CI/CD access",
        "--expires-at",
        "2027-06-30",
        "--scope",
        "submit:*",
        "--allowed-address",
        "192.0.2.0/24",
    ];

    insta::assert_snapshot!(desk.run(&words), @r"
    exit 0
    --- stdout
    API Key ID:   0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a
    Name:         CI Pipeline
    User ID:      ci-bot@example.com
    Description:  CI/CD access
    Status:       Active
    Expires At:   2027-06-30
    Created By:   ada@example.com
    Created At:   2026-11-22 01:38 UTC
    Last used:    never

    API Key (SAVE THIS - shown only once):  vams_SECRET
    --- stderr
    ✓ API key created successfully
    ");

    let made = desk.run(&[&words[..], &["--json-output"]].concat()).expect(0).json();
    assert_eq!(made["apiKeyId"], KEY);
    assert_eq!(made["apiKeyName"], "CI Pipeline");
    assert_eq!(made["userId"], "ci-bot@example.com");
    assert_eq!(made["createdBy"], "ada@example.com");
    assert_eq!(made["createdAt"], "2026-11-22T01:38:52.000000+00:00");
    assert_eq!(made["expiresAt"], "2027-06-30");
    assert_eq!(made["isActive"], "true");
    assert_eq!(made["apiKey"], "vams_SECRET");
    let sent = network.seen()[0].json();
    assert_eq!(
        sent,
        json!({ "name": "CI Pipeline", "user": "ci-bot@example.com", "description": "CI/CD access",
                "expires_at": "2027-06-30", "scope": ["submit:*"], "allowed_addresses": ["192.0.2.0/24"] })
    );
}

#[test]
fn a_key_for_somebody_without_roles_says_how_to_give_one() {
    let network = Network::answering(|_, _| {
        let detail = "The user 'bot@example.com' has no roles; an API key needs one.";
        problem(400, "invalid-input", detail)
    });
    let words = ["api-key", "create", "--name", "n", "--user-id", "bot@example.com", "--description", "d"];

    insta::assert_snapshot!(Desk::by_key(&network).run(&words), @r"
    exit 1
    --- stderr
    error: The user 'bot@example.com' has no roles; an API key needs one.
    hint: `keyward role user create -u bot@example.com --role-name ROLE` gives one
    ");
}

#[test]
fn keys_are_all_listed_with_their_state_and_who_uses_which_secret() {
    let network = Network::answering(|request, _| {
        if !request.path.contains("cursor=") {
            let mut rotated = key("active");
            rotated["last_used"] = json!({ "at": "2026-11-22T10:00:00.000Z", "address": "192.0.2.7" });
            rotated["previous"] = json!({
                "public_id": "Zz3dEf6hIj9k", "valid_until": "2026-11-23T09:00:00.000Z",
                "last_used": { "at": "2026-11-22T09:30:00.000Z", "address": "198.51.100.4", "user_agent": null },
            });
            return Reply::Json(200, json!({ "items": [rotated], "next_cursor": "2" }));
        }
        let mut expired = key("expired");
        expired["name"] = "Old".into();
        expired["expires_at"] = "2026-01-01".into();
        let mut disabled = key("disabled");
        disabled["name"] = "Off".into();
        let mut orphan = key("user_disabled");
        orphan["name"] = "Orphan".into();
        Reply::Json(200, page(&json!([expired, disabled, orphan])))
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["api-key", "list"]), @r"
    exit 0
    --- stdout
    Found 4 API key(s)
    Name          Key ID                                User ID             Expires               Status         Last used
    CI Pipeline   0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  Never                 Active         2026-11-22 10:00 UTC from 192.0.2.7
      old secret  Zz3dEf6hIj9k                                              2026-11-23 09:00 UTC  Overlap        2026-11-22 09:30 UTC from 198.51.100.4
    Old           0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  2026-01-01            Expired        never
    Off           0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  Never                 Disabled       never
    Orphan        0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a  ci-bot@example.com  Never                 User disabled  never
    ");
    let listed = desk.run(&["api-key", "list", "--json-output"]).expect(0).json();
    let items = listed["Items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    assert_eq!(items[0]["expiresAt"], "");
    assert_eq!(items[0]["previous"]["lastUsedFrom"], "198.51.100.4");
    assert_eq!(items[2]["isActive"], "false");
    assert_eq!(items.iter().filter(|item| item.get("apiKey").is_some()).count(), 0);
}

#[test]
fn a_key_is_changed_only_in_what_was_named() {
    let network = Network::answering(|request, _| match request.method.as_str() {
        "DELETE" => Reply::Text(204, "", String::new()),
        _ => Reply::Json(200, key("active")),
    });
    let desk = Desk::by_key(&network);

    desk.run(&["api-key", "update", "--api-key-id", KEY, "--expires-at", ""]).expect(0);
    desk.run(&["api-key", "update", "--api-key-id", KEY, "--is-active", "false"]).expect(0);
    desk.run(&["api-key", "update", "--api-key-id", KEY, "--clear-scope", "--owner", ""]).expect(0);
    let deleted = desk.run(&["api-key", "delete", "--api-key-id", KEY, "--json-output"]).expect(0).json();
    let ran = desk.run(&["api-key", "update", "--api-key-id", KEY]).expect(1);

    assert_eq!(deleted, json!({ "message": format!("API key '{KEY}' deleted successfully") }));
    assert!(ran.stderr.contains("At least one of --description, --expires-at, or --is-active"), "{ran}");
    let seen = network.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[0].path, format!("/api/v1/api-keys/{KEY}"));
    assert_eq!(seen[0].json(), json!({ "expires_at": "" }));
    assert_eq!(seen[1].json(), json!({ "active": false }));
    assert_eq!(seen[2].json(), json!({ "scope": null, "owner": null }));
}

#[test]
fn a_rotation_shows_the_new_secret_and_how_long_the_old_one_works() {
    let network = Network::answering(|_, _| {
        let mut rotated = key("active");
        rotated["secret"] = "vams_NEW".into();
        rotated["previous"] =
            json!({ "public_id": "Zz", "valid_until": "2026-11-23T09:00:00.000Z", "last_used": null });
        Reply::Json(200, rotated)
    });
    let desk = Desk::by_key(&network);

    let ran = desk.run(&["api-key", "rotate", "--api-key-id", KEY, "--overlap", "24h"]).expect(0);

    insta::assert_snapshot!(ran, @r"
    exit 0
    --- stdout
    API Key ID:   0198f3c2-6a1e-7c0d-9b1a-2f5e8d7c4b3a
    Name:         CI Pipeline
    User ID:      ci-bot@example.com
    Description:  CI/CD access
    Status:       Active
    Expires At:   Never
    Created By:   ada@example.com
    Created At:   2026-11-22 01:38 UTC
    Last used:    never
    Old secret:   works until 2026-11-23 09:00 UTC; last used: never

    API Key (SAVE THIS - shown only once):  vams_NEW
    --- stderr
    ✓ The key has a new secret.
    The old secret works until 2026-11-23 09:00 UTC; `keyward api-key list` shows who still uses it.
    ");
    assert_eq!(network.seen()[0].json(), json!({ "overlap_seconds": 86400 }));
    let rotated = desk.run(&["api-key", "rotate", "--api-key-id", KEY, "--json-output"]).expect(0).json();
    assert_eq!(rotated["apiKey"], "vams_NEW");
    assert_eq!(network.seen()[1].json(), json!({ "overlap_seconds": 0 }));
}

#[test]
fn keys_are_imported_in_batches_and_the_refused_rows_are_told() {
    let network = Network::answering(|request, _| {
        let keys = request.json()["keys"].as_array().unwrap().clone();
        let results: Vec<Value> = keys
            .iter()
            .map(|key| match key["name"].as_str() {
                Some("taken") => {
                    json!({ "name": "taken", "id": null, "error": "There is a key of that name." })
                }
                name => json!({ "name": name, "id": KEY, "error": null }),
            })
            .collect();
        Reply::Json(200, json!({ "results": results }))
    });
    let desk = Desk::by_key(&network);
    let row = |name: &str| format!("{name},bot@example.com,{},\"a, b\"\n", "ab".repeat(32));
    let header = "name,user,sha256,description\n";

    let many: String = (0..501).map(|number| row(&format!("key-{number}"))).collect();
    std::fs::write(desk.home().join("keys.csv"), format!("{header}{many}")).unwrap();
    let ran = desk.run(&["api-key", "import", "keys.csv"]).expect(0);
    assert_eq!(ran.stderr, "✓ 501 API key(s) imported; they work as they are.\n");
    let sent = network.seen();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].json()["keys"].as_array().unwrap().len(), 500);
    assert_eq!(
        sent[1].json()["keys"][0],
        json!({ "name": "key-500", "user": "bot@example.com", "description": "a, b", "sha256": "ab".repeat(32) })
    );

    let mixed = format!("{header}{}{}", row("fresh"), row("taken"));
    insta::assert_snapshot!(desk.run_with(&["api-key", "import", "-"], &mixed), @r"
    exit 1
    --- stdout
    Line  Name   Refused because
    3     taken  There is a key of that name.
    --- stderr
    error: 1 of 2 keys were refused; the others were imported.
    ");
    let told = desk.run_with(&["api-key", "import", "-", "--json-output"], &mixed).expect(1).json();
    assert_eq!(told["imported"], 1);
    assert_eq!(told["failed"], 1);
    assert_eq!(told["results"][1]["line"], 3);

    let asked = network.seen().len();
    let ran =
        desk.run_with(&["api-key", "import", "-"], &format!("{header}{}broken\n", row("fresh"))).expect(1);
    assert!(ran.stderr.contains("Line 3 of the file doesn't fit"), "{ran}");
    assert_eq!(network.seen().len(), asked, "nothing is sent of a file that can't be read to its end");
}

#[test]
fn an_import_that_breaks_off_says_how_far_it_came() {
    let network = Network::answering(|request, before| {
        let keys = request.json()["keys"].as_array().unwrap().clone();
        if before > 0 {
            return problem(503, "unavailable", "Not now.");
        }
        let results: Vec<Value> =
            keys.iter().map(|key| json!({ "name": key["name"], "id": KEY, "error": null })).collect();
        Reply::Json(200, json!({ "results": results }))
    });
    let row =
        |number| json!({ "name": number, "user": "bot@example.com", "sha256": "ab".repeat(32) }).to_string();
    let rows: Vec<String> = (0..600).map(|number: u32| row(number.to_string())).collect();
    let rows = rows.join("\n");

    let ran = Desk::by_key(&network).run_with(&["api-key", "import", "-"], &rows).expect(1);

    assert!(ran.stderr.contains("500 keys were imported, 0 refused, 100 not tried"), "{ran}");
}

fn access_key() -> Value {
    json!({
        "id": "AKIAIOSFODNN7EXAMPLE", "user_id": "7f1c", "username": "ci-bot@example.com",
        "created_by": "ada@example.com", "created_at": "2026-11-22T01:38:52.000Z",
        "last_used": { "at": "2026-11-22T10:00:00.000Z", "address": "192.0.2.7", "user_agent": "aws-cli/2" },
    })
}

#[test]
fn a_new_access_key_is_shown_once_with_what_clients_need() {
    let mut made = access_key();
    made["secret"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into();
    made["last_used"] = Value::Null;
    let network = Network::always(201, made);
    let desk = Desk::by_key(&network);

    let shown = desk.run(&["access-key", "create", "ci-bot@example.com"]).to_string();
    insta::assert_snapshot!(shown.replace(&network.url, "URL"), @r"
    exit 0
    --- stdout
    Access key ID:  AKIAIOSFODNN7EXAMPLE
    User ID:        ci-bot@example.com
    Secret access key (SAVE THIS - shown only once):  wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    --- stderr
    ✓ Access key created successfully
    For AWS' clients: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION (what the pool's id begins with), and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=URL
    ");
    let mut json =
        desk.run(&["access-key", "create", "ci-bot@example.com", "--json-output"]).expect(0).json();
    let endpoint = json.as_object_mut().unwrap().remove("endpoint").unwrap();
    assert!(endpoint.as_str().unwrap().starts_with("http://127.0.0.1:"), "{endpoint}");
    assert_eq!(
        json,
        json!({
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userId": "ci-bot@example.com",
            "createdBy": "ada@example.com", "createdAt": "2026-11-22T01:38:52.000Z", "lastUsedAt": null,
            "lastUsedFrom": null, "lastUsedAgent": null,
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        })
    );
    let sent = &network.seen()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/api/v1/access-keys"));
    assert_eq!(sent.json(), json!({ "user": "ci-bot@example.com" }));
    assert!(sent.headers.contains_key("idempotency-key"));
}

#[test]
fn what_keeps_an_access_key_from_being_made_comes_with_what_helps() {
    let refused = |status: u16, code: &'static str, detail: &'static str| {
        let network = Network::answering(move |_, _| problem(status, code, detail));
        Desk::by_key(&network).run(&["access-key", "create", "ci bot"])
    };

    insta::assert_snapshot!(refused(400, "invalid-input", "ci bot has no role."), @r"
    exit 1
    --- stderr
    error: ci bot has no role.
    hint: `keyward role user create -u 'ci bot' --role-name ROLE` gives one
    ");
    insta::assert_snapshot!(refused(409, "conflict", "The user has two access keys already."), @r"
    exit 1
    --- stderr
    error: The user has two access keys already.
    hint: `keyward access-key list --user 'ci bot'` shows them
    ");
    insta::assert_snapshot!(refused(404, "not-found", "There is no user."), @r"
    exit 1
    --- stderr
    error: There is no user.
    hint: `keyward user list` shows the users
    ");
}

#[test]
fn access_keys_are_listed_and_deleted() {
    let network = Network::answering(|request, _| match request.method.as_str() {
        "DELETE" if request.path.ends_with("/unknown") => problem(404, "not-found", "There is no such key."),
        "DELETE" => Reply::Text(204, "", String::new()),
        _ => Reply::Json(200, page(&json!([access_key()]))),
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["access-key", "list", "--user", "ci-bot@example.com"]), @r"
    exit 0
    --- stdout
    Found 1 access key(s)
    Access key ID         User ID             Created               Last used
    AKIAIOSFODNN7EXAMPLE  ci-bot@example.com  2026-11-22 01:38 UTC  2026-11-22 10:00 UTC from 192.0.2.7
    ");
    assert_eq!(network.seen()[0].path, "/api/v1/access-keys?limit=1000&user=ci-bot%40example.com");
    let listed = desk.run(&["access-key", "list", "--json-output"]).expect(0).json();
    assert_eq!(listed["Items"][0]["accessKeyId"], "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(listed["Items"][0]["secretAccessKey"], Value::Null);

    insta::assert_snapshot!(desk.run(&["access-key", "delete", "AKIAIOSFODNN7EXAMPLE"]), @r"
    exit 0
    --- stderr
    ✓ Access key deleted successfully: it is refused from now on.
    ");
    insta::assert_snapshot!(desk.run(&["access-key", "delete", "unknown"]), @r"
    exit 1
    --- stderr
    error: There is no such key.
    hint: `keyward access-key list` shows the keys
    ");
    let json = desk.run(&["access-key", "delete", "AKIAIOSFODNN7EXAMPLE", "--json-output"]).expect(0).json();
    assert_eq!(json, json!({ "message": "Access key 'AKIAIOSFODNN7EXAMPLE' deleted successfully" }));
}

#[test]
fn the_outbox_shows_what_would_have_been_sent() {
    let network = Network::answering(|request, number| match (request.method.as_str(), number) {
        ("POST", _) => Reply::Json(202, json!({ "id": "019a2f4c" })),
        (_, 0) => Reply::Json(200, page(&json!([]))),
        _ => Reply::Json(
            200,
            page(&json!([
                {
                    "id": "m-1", "pool_id": "us-east-1_k3Y9wRd0A", "channel": "email", "to": "zoë@example.com",
                    "subject": "Your verification code", "body": "Your confirmation code is 123456", "html": false,
                    "created_at": "2026-11-22T01:38:52.000Z", "expires_at": "2026-11-23T01:38:52.000Z",
                },
                {
                    "id": "m-2", "pool_id": "us-east-1_k3Y9wRd0A", "channel": "sms", "to": "+15550100",
                    "subject": "", "body": "Your authentication code is 654321", "html": false,
                    "created_at": "2026-11-22T01:39:52.000Z", "expires_at": "2026-11-22T01:42:52.000Z",
                },
            ])),
        ),
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["outbox"]), @r"
    exit 0
    --- stdout
    No messages found.
    --- stderr
    `keyward outbox test ADDRESS` makes one
    ");
    insta::assert_snapshot!(desk.run(&["outbox"]), @r"
    exit 0
    --- stdout
    When                  To               Subject                 Message
    2026-11-22 01:38 UTC  zoë@example.com  Your verification code  Your confirmation code is 123456
    2026-11-22 01:39 UTC  +15550100                                Your authentication code is 654321
    ");
    let listed = desk.run(&["outbox", "--json-output"]).expect(0).json();
    assert_eq!(
        listed["Items"][0],
        json!({
            "messageId": "m-1", "userPoolId": "us-east-1_k3Y9wRd0A", "channel": "email", "to": "zoë@example.com",
            "subject": "Your verification code", "body": "Your confirmation code is 123456",
            "createdAt": "2026-11-22T01:38:52.000Z", "expiresAt": "2026-11-23T01:38:52.000Z",
        })
    );
    assert_eq!(network.seen()[0].path, "/api/v1/outbox?limit=1000");

    insta::assert_snapshot!(desk.run(&["outbox", "test", "ada@example.com"]), @r"
    exit 0
    --- stderr
    ✓ The message 019a2f4c is on its way.
    Should it not arrive, the server's log says why. In development it may be in `keyward outbox`.
    ");
    let json = desk.run(&["outbox", "test", "+15550100", "--json-output"]).expect(0).json();
    assert_eq!(json, json!({ "messageId": "019a2f4c" }));
    let sent = network.seen().into_iter().next_back().unwrap();
    assert_eq!((sent.path.as_str(), sent.json()), ("/api/v1/outbox/test", json!({ "to": "+15550100" })));
}

#[test]
fn a_server_that_sends_says_so_about_its_outbox() {
    let refused = |status: u16, code: &'static str, detail: &'static str, command: &[&str]| {
        let network = Network::answering(move |_, _| problem(status, code, detail));
        Desk::by_key(&network).run(command)
    };

    insta::assert_snapshot!(refused(409, "conflict", "This server keeps no outbox.", &["outbox"]), @r"
    exit 1
    --- stderr
    error: This server keeps no outbox.
    ");
    insta::assert_snapshot!(
        refused(503, "delivery-failed", "This server sends no email.", &["outbox", "test", "ada@example.com"]), @r"
    exit 1
    --- stderr
    error: This server sends no email.
    hint: `keyward serve --help` tells how messages are sent
    "
    );
}

#[test]
fn roles_are_listed_with_their_permissions() {
    let network = Network::answering(|_, _| {
        let role = json!({
            "id": "r-1", "name": "RESEARCHERS", "description": "Researchers", "permissions": ["submit:SOP*", "view:own"],
            "mfa_required": false, "source": null, "source_identifier": null,
            "created_at": "2026-11-22T01:38:52.000Z", "updated_at": "2026-11-22T01:38:52.000Z", "version": 1,
        });
        Reply::Json(200, page(&json!([role])))
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["role", "list"]), @r"
    exit 0
    --- stdout
    Found 1 role(s):
    Role         Permissions            Description
    RESEARCHERS  submit:SOP*, view:own  Researchers
    ");
    let listed = desk.run(&["role", "list", "--json-output"]).expect(0).json();
    let role = json!({
        "id": "r-1", "roleName": "RESEARCHERS", "description": "Researchers", "createdOn": "2026-11-22T01:38:52",
        "source": null, "sourceIdentifier": null, "mfaRequired": false, "permissions": ["submit:SOP*", "view:own"],
    });
    assert_eq!(listed, json!({ "Items": [role], "NextToken": null }));
}

#[test]
fn a_role_for_a_name_that_nobody_has_makes_a_program_user_and_says_so() {
    let network = Network::answering(|request, _| {
        let roles = request.json()["roles"].clone();
        Reply::Json(
            200,
            json!({ "user_id": "7f1c", "username": "ci-bot@example.com", "roles": roles,
                    "created_at": "2026-11-22T01:38:52.000Z", "created_program_user": request.method == "POST" }),
        )
    });
    let desk = Desk::by_key(&network);
    let words = ["role", "user", "create", "-u", "ci-bot@example.com", "--role-name", "pipeline-runner"];

    insta::assert_snapshot!(desk.run(&words), @r"
    exit 0
    --- stderr
    Nobody had the name ci-bot@example.com: it is a program user now, without password or sign-in.
    ✓ ci-bot@example.com holds: pipeline-runner
    ");

    let given = desk.run(&[&words[..], &["--json-output"]].concat()).expect(0).json();
    assert_eq!(given["success"], true);
    assert_eq!(given["message"], "User roles created successfully");
    assert_eq!(given["userId"], "ci-bot@example.com");
    assert_eq!(given["createdProgramUser"], true);
    let input = r#"{"userId":"ada","roleName":"viewer"}"#;
    let set = desk.run(&["role", "user", "update", "--json-input", input, "--json-output"]).expect(0).json();
    assert_eq!(set["operation"], "update");
    let seen = network.seen();
    assert_eq!(seen[2].method, "PUT");
    assert_eq!(seen[2].path, "/api/v1/users/ada/roles");
    assert_eq!(seen[2].json(), json!({ "roles": ["viewer"] }));
}

#[test]
fn who_holds_what_is_listed() {
    let network = Network::answering(|_, _| {
        let assignment = json!({ "user_id": "7f1c", "username": "ada@example.com", "roles": ["ADMINS", "SERVICE"],
                                 "created_at": "2026-11-22T01:38:52.000Z" });
        Reply::Json(200, page(&json!([assignment])))
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["role", "user", "list"]), @r"
    exit 0
    --- stdout
    Found 1 user(s) with roles:
    User ID          Roles            Since
    ada@example.com  ADMINS, SERVICE  2026-11-22 01:38 UTC
    ");
    let listed = desk.run(&["role", "user", "list", "--json-output"]).expect(0).json();
    let ada = json!({ "userId": "ada@example.com", "roleName": ["ADMINS", "SERVICE"], "createdOn": "2026-11-22T01:38:52" });
    assert_eq!(listed, json!({ "Items": [ada], "NextToken": null }));
}

#[test]
fn can_answers_by_its_exit_code() {
    let network = Network::answering(|request, _| {
        if request.path.starts_with("/api/v1/api-keys") {
            return Reply::Json(200, page(&json!([key("active")])));
        }
        let asked = request.json();
        let results: Vec<Value> = asked["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|permission| {
                let allowed = permission == "submit:SOP1";
                let explanation = json!({
                    "granted_by": if allowed { json!([{ "role": "RESEARCHERS", "pattern": "submit:SOP*" }]) } else { json!([]) },
                    "withheld": if allowed { json!([]) } else {
                        json!([{ "role": "ADMINS", "pattern": "*", "why": "mfa_required" }])
                    },
                });
                json!({ "permission": permission, "allowed": allowed, "explanation": explanation,
                        "reason": if allowed { json!(null) } else { json!("mfa_required") } })
            })
            .collect();
        let allowed = results.iter().all(|result| result["allowed"] == true);
        Reply::Json(
            200,
            json!({ "allowed": allowed, "reason": null, "results": results,
                                 "caller": { "username": "ada@example.com" } }),
        )
    });
    let desk = Desk::by_key(&network);

    assert_eq!(desk.run(&["can", "submit:SOP1", "--quiet"]).expect(0).stdout, "");
    insta::assert_snapshot!(desk.run(&["can", "submit:SOP1", "manage:users", "--explain"]), @r"
    exit 1
    --- stdout
    yes  submit:SOP1
         granted by RESEARCHERS through submit:SOP*
    no   manage:users (the role that grants it needs a second factor)
         ADMINS would grant it through *, but asks for a second factor
    ");
    let told =
        desk.run(&["can", "manage:users", "--as-key", "CI Pipeline", "--json-output"]).expect(1).json();
    assert_eq!(told["allowed"], false);
    assert_eq!(told["results"][0]["explanation"]["withheld"][0]["why"], "mfa_required");
    assert_eq!(network.seen().last().unwrap().json()["as_key"], KEY);
    desk.run(&["can", "submit:SOP1", "--as-key", "Other"]).expect(1);
    desk.run(&["can", "submit:SOP1", "--as-user", "bob@example.com"]).expect(0);
    let question = network.seen().last().unwrap().json();
    assert_eq!(question, json!({ "permissions": ["submit:SOP1"], "as_user": "bob@example.com" }));
}

#[test]
fn a_key_is_verified_by_right_or_else_by_itself() {
    let network = Network::answering(|request, _| match (request.path.as_str(), request.authorization()) {
        ("/api/v1/verify", "Bearer vams_test") => {
            let allowed = request.json()["credential"] == "vams_good";
            Reply::Json(
                200,
                json!({ "allowed": allowed, "reason": if allowed { json!(null) } else { json!("expired") },
                                     "caller": null }),
            )
        }
        ("/api/v1/verify", _) => problem(403, "forbidden", "You may not verify credentials."),
        ("/api/v1/me", "Bearer vams_good") => Reply::Json(
            200,
            json!({ "kind": "api_key", "user_id": "u", "username": "bot@example.com", "roles": ["SERVICE"],
                    "api_key_id": KEY, "api_key_name": "CI", "permissions": ["verify:credentials"], "mfa": false }),
        ),
        _ => problem(401, "unauthenticated", "The credential isn't good."),
    });
    let by_right = Desk::by_key(&network);
    let verify = ["api-key", "verify", "--key-stdin"];

    by_right.run_with(&verify, "vams_good\n").expect(0);
    insta::assert_snapshot!(by_right.run_with(&verify, "vams_bad"), @r"
    exit 1
    --- stderr
    error: The key is not good: it has expired.
    ");
    assert!(!by_right.run_with(&verify, "vams_bad").stderr.contains("vams_bad"));

    let without_right = Desk::by_key(&network).with("KEYWARD_API_KEY", "vams_other");
    insta::assert_snapshot!(without_right.run_with(&verify, "vams_good"), @r"
    exit 0
    --- stdout
    User:         bot@example.com
    Credential:   API key CI
    Roles:        SERVICE
    Permissions:  verify:credentials
    --- stderr
    ✓ The key is good.
    ");
    without_right.run_with(&verify, "vams_bad").expect(1);

    let nobody = Desk::at(&network);
    let told =
        nobody.run_with(&["api-key", "verify", "--key-stdin", "--json-output"], "vams_good").expect(0).json();
    assert_eq!(told["allowed"], true);
    assert_eq!(told["caller"]["userId"], "bot@example.com");
    let told =
        nobody.run_with(&["api-key", "verify", "--key-stdin", "--json-output"], "vams_bad").expect(1).json();
    assert_eq!(told["allowed"], false);
    assert_eq!(told["reason"], "unknown_credential");
}

#[test]
fn who_am_i_tells_the_credential_and_its_rights() {
    let network = Network::always(
        200,
        json!({ "kind": "person", "user_id": "7f1c", "username": "ada@example.com", "roles": ["ADMINS"],
                "permissions": ["*"], "mfa": true, "expires_at": "2026-11-22T11:00:00.000Z" }),
    );
    let desk = Desk::by_key(&network);

    let ran = desk.run(&["whoami"]).expect(0);
    insta::assert_snapshot!(ran.to_string().replace(&network.url, "http://127.0.0.1:PORT"), @r"
    exit 0
    --- stdout
    Server:       http://127.0.0.1:PORT
    User:         ada@example.com
    Credential:   signed in, with MFA
    Roles:        ADMINS
    Permissions:  *
    Valid until:  2026-11-22 11:00 UTC
    ");
    let told = desk.run(&["whoami", "--json-output"]).expect(0).json();
    assert_eq!(told["userId"], "ada@example.com");
    assert_eq!(told["sub"], "7f1c");
    assert_eq!(told["permissions"], json!(["*"]));
}

#[test]
fn the_audit_log_is_listed_newest_first_and_filtered() {
    let network = Network::answering(|_, _| {
        let event = json!({
            "id": "e-1", "at": "2026-11-22T10:00:00.000Z",
            "actor": { "kind": "person", "id": "7f1c", "name": "ada@example.com" }, "credential": null,
            "action": "user.delete", "target": { "kind": "user", "id": "8a", "name": "bob@example.com" },
            "outcome": "done", "detail": { "roles": 1 }, "request_id": "01JD", "address": "192.0.2.7",
        });
        Reply::Json(200, page(&json!([event])))
    });
    let desk = Desk::by_key(&network);

    insta::assert_snapshot!(desk.run(&["audit", "list"]), @r"
    exit 0
    --- stdout
    When                  Who              Action       To               Outcome  From
    2026-11-22 10:00 UTC  ada@example.com  user.delete  bob@example.com  done     192.0.2.7
    ");
    let words = ["audit", "list", "--actor", "ada@example.com", "--since", "2026-11-22", "--json-output"];
    let listed = desk.run(&words).expect(0).json();
    assert_eq!(listed["Items"][0]["detail"], json!({ "roles": 1 }));
    let path = network.seen().last().unwrap().path.clone();
    assert_eq!(path, "/api/v1/audit?limit=1000&actor=ada%40example.com&since=2026-11-22T00%3A00%3A00Z");
}

#[test]
fn features_are_listed_and_checked() {
    let network = Network::always(200, json!({ "featuresEnabled": "LOCATIONSERVICES,AUTHPROVIDER_COGNITO" }));
    let desk = Desk::by_key(&network);

    assert_eq!(desk.run(&["features", "list"]).expect(0).stdout, "AUTHPROVIDER_COGNITO\nLOCATIONSERVICES\n");
    let listed = desk.run(&["features", "list", "--json-output"]).expect(0).json();
    assert_eq!(listed["total"], 2);
    let told = desk.run(&["features", "check", "GOVCLOUD", "--json-output"]).expect(0).json();
    assert_eq!(told, json!({ "feature_name": "GOVCLOUD", "enabled": false }));
}

#[cfg(target_os = "linux")]
#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let network = Network::always(200, page(&json!([user("ada@example.com", "CONFIRMED")])));
    let desk = Desk::by_key(&network);

    assert!(desk.run_on_terminal("user list").contains("\u{1b}["));
    assert!(!desk.run(&["user", "list"]).stdout.contains('\u{1b}'));
    let desk = desk.with("NO_COLOR", "1");
    let seen = desk.run_on_terminal("user list");
    assert!(seen.contains("ada@example.com") && !seen.contains('\u{1b}'), "{seen:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_takes_long_moves_on_a_terminal_and_never_in_json() {
    let network = Network::answering(|_, _| Reply::Silence);
    let desk = Desk::by_key(&network).with("KEYWARD_TIMEOUT", "2");

    let seen = desk.run_on_terminal("user list");
    assert!(seen.contains("Fetching users"), "{seen:?}");
    let seen = desk.run_on_terminal("user list --json-output");
    assert!(seen.starts_with("{\r\n  \"error\""), "{seen:?}");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let many: Vec<Value> =
        (0..2000).map(|number| user(&format!("user-{number}@example.com"), "CONFIRMED")).collect();
    let network = Network::always(200, page(&json!(many)));

    let line = format!("{} user list | head -n 1", crate::cli_support::PROGRAM);
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{line}; echo ${{PIPESTATUS:-}}")])
        .env("KEYWARD_URL", &network.url)
        .env("KEYWARD_API_KEY", "vams_test")
        .output()
        .unwrap();

    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Found 2000 user(s):"));
}
