//! What people write as names comes back as it was, on both databases; what a database can't hold is refused.

use keyward_core::api_key::{ApiKeyQuery, ApiKeyUpdate, ImportedApiKey};
use keyward_core::audit::AuditQuery;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error};
use keyward_core::page::Cursor;
use keyward_core::role::RoleUpdate;
use keyward_core::user::{NewUser, UserQuery, UserUpdate};

use crate::support::{TestDatabase, account, key, new_key, on_both, person, role, texts};

on_both! {
    roles_come_in_pages_without_gap_or_double,
    users_assignments_and_keys_come_in_pages_without_gap_or_double,
    events_come_in_pages_newest_first,
    users_are_found_by_the_start_of_name_or_address_whatever_the_case,
    a_text_that_no_database_holds_is_the_requests_fault,
    a_refusal_is_an_event_whatever_it_was_about,
}

/// Names that sort differently by bytes, by language and without regard to case.
const NAMES: [&str; 14] = ["a", "B", "Z", "z", "ä", "Ä", "é", "ß", "ﬀ", "日本", "_x", "a b", "10", "9"];

fn page(limit: usize, cursor: Option<&str>) -> Cursor {
    Cursor::new(Some(limit), cursor).unwrap()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

/// Whether it was the request's fault, as a reader of the answer would see it.
fn is_refused(error: &Error) -> bool {
    !matches!(error.code, Code::Internal | Code::Unavailable)
}

async fn roles_come_in_pages_without_gap_or_double(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    for name in NAMES {
        role(&keyward, name, &[]).await;
    }

    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let found = keyward.list_roles(&operator, &page(3, cursor.as_deref())).await.unwrap();
        seen.extend(found.items.into_iter().map(|role| role.name));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(sorted(seen), sorted(texts(&NAMES)));
}

async fn users_assignments_and_keys_come_in_pages_without_gap_or_double(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &[]).await;
    // Two names that differ in case alone would be one user.
    let users: Vec<String> = NAMES
        .iter()
        .filter(|name| **name != "Ä" && **name != "Z")
        .map(|name| format!("x{}@example.com", name.replace(' ', ".")))
        .collect();
    for (user, name) in users.iter().zip(NAMES) {
        account(&keyward, user, &["reader"]).await;
        key(&keyward, name, user).await;
    }

    let (mut seen, mut assigned, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut cursor = None;
    loop {
        let query = UserQuery { page: page(5, cursor.as_deref()), ..UserQuery::default() };
        let found = keyward.list_users(&operator, &query).await.unwrap();
        seen.extend(found.items.into_iter().map(|user| user.username));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let found = keyward.list_assignments(&operator, &page(5, cursor.as_deref())).await.unwrap();
        assigned.extend(found.items.into_iter().map(|assignments| assignments.username));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let query = ApiKeyQuery { page: page(5, cursor.as_deref()), ..ApiKeyQuery::default() };
        let found = keyward.list_api_keys(&operator, &query).await.unwrap();
        keys.extend(found.items.into_iter().map(|key| key.name));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(sorted(seen), sorted(users.clone()));
    assert_eq!(sorted(assigned), sorted(users.clone()));
    assert_eq!(sorted(keys), sorted(texts(&NAMES[..users.len()])));
}

async fn events_come_in_pages_newest_first(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    for number in 0..10 {
        keyward.clock().advance_ms(1);
        role(&keyward, &format!("role{number}"), &[]).await;
    }

    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let query = AuditQuery {
            action: Some("role.create".into()),
            page: page(3, cursor.as_deref()),
            ..AuditQuery::default()
        };
        let found = keyward.list_audit(&operator, &query).await.unwrap();
        seen.extend(found.items.into_iter().filter_map(|event| event.target_name));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }

    let expected: Vec<String> = (0..10).rev().map(|number| format!("role{number}")).collect();
    assert_eq!(seen, expected);
}

async fn users_are_found_by_the_start_of_name_or_address_whatever_the_case(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let new = NewUser {
        username: "Ada.Lovelace@example.com".into(),
        email: Some("Émilie@example.com".into()),
        ..NewUser::default()
    };
    keyward.create_user(&operator, new).await.unwrap();
    account(&keyward, "a_b@example.com", &[]).await;
    account(&keyward, "axb@example.com", &[]).await;
    let found = async |search: &str| {
        let query = UserQuery { search: Some(search.into()), ..UserQuery::default() };
        let found = keyward.list_users(&operator, &query).await.unwrap();
        found.items.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };

    assert_eq!(found("ADA.l").await, ["Ada.Lovelace@example.com"]);
    assert_eq!(found("émil").await, ["Ada.Lovelace@example.com"]);
    assert_eq!(found("ÉMIL").await, ["Ada.Lovelace@example.com"]);
    // What stands for something in a pattern is a character like any other.
    assert_eq!(found("a_").await, ["a_b@example.com"]);
    assert_eq!(found("%").await, Vec::<String>::new());
}

async fn a_text_that_no_database_holds_is_the_requests_fault(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    let user = account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;
    let nul = "a\0b";

    let mut outcomes: Vec<(&str, Option<Error>)> = Vec::new();
    outcomes.push(("role", keyward.role(&operator, nul).await.err()));
    outcomes.push(("update_role", {
        let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
        keyward.update_role(&operator, nul, update).await.err()
    }));
    outcomes.push(("delete_role", keyward.delete_role(&operator, nul, None).await.err()));
    outcomes.push(("user", keyward.user(&operator, nul).await.err()));
    outcomes.push(("delete_user", keyward.delete_user(&operator, nul, None).await.err()));
    outcomes.push(("update_user", {
        let update = UserUpdate { enabled: Some(true), ..UserUpdate::default() };
        keyward.update_user(&operator, nul, update).await.err()
    }));
    outcomes.push(("reset_password", keyward.reset_password(&operator, nul).await.err()));
    outcomes.push(("sign_out_user", keyward.sign_out_user(&operator, nul).await.err()));
    outcomes.push(("reset_mfa", keyward.reset_mfa(&operator, nul, None).await.err()));
    outcomes.push(("user_roles", keyward.user_roles(&operator, nul).await.err()));
    outcomes.push(("assign_roles to", keyward.assign_roles(&operator, nul, &texts(&["reader"])).await.err()));
    outcomes.push(("assign_roles", keyward.assign_roles(&operator, &user.id, &texts(&[nul])).await.err()));
    outcomes.push(("set_roles", keyward.set_roles(&operator, &user.id, &texts(&[nul]), None).await.err()));
    outcomes.push(("remove_role", keyward.remove_role(&operator, &user.id, nul, None).await.err()));
    outcomes.push(("create_user", {
        let new = NewUser { username: "bob@example.com".into(), roles: texts(&[nul]), ..NewUser::default() };
        keyward.create_user(&operator, new).await.err()
    }));
    outcomes.push(("create_user", {
        let new = NewUser { username: nul.into(), program: true, ..NewUser::default() };
        keyward.create_user(&operator, new).await.err()
    }));
    outcomes.push(("api_key", keyward.api_key(&operator, nul).await.err()));
    outcomes.push(("delete_api_key", keyward.delete_api_key(&operator, nul, None).await.err()));
    outcomes.push(("rotate_api_key", keyward.rotate_api_key(&operator, nul, 0).await.err()));
    outcomes.push((
        "create_api_key",
        keyward.create_api_key(&operator, new_key(nul, "ada@example.com")).await.err(),
    ));
    outcomes.push(("create_api_key", keyward.create_api_key(&operator, new_key("x", nul)).await.err()));
    for field in ["description", "expires_at", "scope", "allowed_addresses", "owner", "review_at"] {
        let update = ApiKeyUpdate {
            description: (field == "description").then(|| nul.into()),
            expires_at: (field == "expires_at").then(|| "2027-01-01\0".into()),
            scope: (field == "scope").then(|| Some(texts(&["a:\0"]))),
            allowed_addresses: (field == "allowed_addresses").then(|| texts(&["10.0.0.1\0"])),
            owner: (field == "owner").then(|| Some(nul.into())),
            review_at: (field == "review_at").then(|| Some("2027-01-01\0".into())),
            ..ApiKeyUpdate::default()
        };
        outcomes.push((field, keyward.update_api_key(&operator, &issued.key.id, update).await.err()));
    }
    for field in ["description", "permissions", "source", "source_identifier"] {
        let update = RoleUpdate {
            description: (field == "description").then(|| nul.into()),
            permissions: (field == "permissions").then(|| texts(&["a:\0"])),
            source: (field == "source").then(|| Some(nul.into())),
            source_identifier: (field == "source_identifier").then(|| Some(nul.into())),
            ..RoleUpdate::default()
        };
        outcomes.push((field, keyward.update_role(&operator, "reader", update).await.err()));
    }
    outcomes.push(("import", {
        let row = ImportedApiKey { name: nul.into(), user: nul.into(), ..ImportedApiKey::default() };
        keyward.import_api_keys(&operator, &[row]).await.unwrap().remove(0).err()
    }));
    for (what, error) in outcomes {
        let error = error.unwrap_or_else(|| panic!("{what} takes it"));
        assert!(is_refused(&error), "{what}: {error:?}");
    }

    // What only looks for something finds nothing, or says that this can't be looked for.
    let search = UserQuery { search: Some(nul.into()), ..UserQuery::default() };
    let by_name = ApiKeyQuery { name: Some(nul.into()), ..ApiKeyQuery::default() };
    let by_user = ApiKeyQuery { user: Some(nul.into()), ..ApiKeyQuery::default() };
    let by_actor = AuditQuery { actor: Some(nul.into()), ..AuditQuery::default() };
    let by_action = AuditQuery { action: Some(nul.into()), ..AuditQuery::default() };
    let by_target = AuditQuery { target: Some(nul.into()), ..AuditQuery::default() };
    let looked = [
        keyward.list_users(&operator, &search).await.map(|page| page.items.len()),
        keyward.list_api_keys(&operator, &by_name).await.map(|page| page.items.len()),
        keyward.list_api_keys(&operator, &by_user).await.map(|page| page.items.len()),
        keyward.list_audit(&operator, &by_actor).await.map(|page| page.items.len()),
        keyward.list_audit(&operator, &by_action).await.map(|page| page.items.len()),
        keyward.list_audit(&operator, &by_target).await.map(|page| page.items.len()),
    ];
    for outcome in looked {
        let is_nothing = outcome.as_ref().map_or_else(is_refused, |found| *found == 0);
        assert!(is_nothing, "{outcome:?}");
    }
}

async fn a_refusal_is_an_event_whatever_it_was_about(database: TestDatabase) {
    let keyward = database.keyward().await;
    account(&keyward, "ada@example.com", &[]).await;
    let ada = person(&keyward, "ada@example.com", false).await;
    let issued_secret = format!("vams_{}", "Aa0".repeat(22).get(..64).unwrap());
    let huge = "x".repeat(100_000);

    for name in ["a\0b", issued_secret.as_str(), huge.as_str()] {
        assert!(keyward.delete_api_key(&ada, name, None).await.is_err());
    }

    let query = AuditQuery { action: Some("api-key.delete".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    assert_eq!(events.len(), 3);
    for event in events {
        let name = event.target_name.unwrap();
        // Somebody gave the key itself where its id was wanted: that is no place to keep it.
        assert!(!name.contains(&issued_secret[20..]), "{name}");
        assert!(name.chars().count() <= 256, "{}", name.len());
    }
}
