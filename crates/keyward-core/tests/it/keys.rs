//! What a key may do, for how long and from where, and who may say so.

use keyward_core::access::{Credential, Reason};
use keyward_core::api_key::{ApiKeyUpdate, ImportedApiKey, NewApiKey};
use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Result};
use keyward_core::keyward::Keyward;
use keyward_core::user::UserUpdate;

use crate::support::{
    DAY_MS, TestDatabase, account, code, key, let_in, new_key, on_both, person, role, sha256_hex, texts,
};

on_both! {
    a_key_may_do_what_its_user_and_its_scope_both_allow,
    nobody_arms_a_key_above_their_rights_while_it_sleeps,
    who_may_manage_keys_may_disable_any,
    an_expired_key_comes_back_only_when_that_is_said,
    a_key_is_used_from_its_addresses_alone,
    a_scope_that_is_no_list_of_permissions_is_refused,
    an_imported_key_works_as_it_is,
    each_row_of_an_import_has_its_own_answer,
    a_row_above_the_callers_rights_is_refused_and_noted,
    a_key_needs_a_user_with_a_role,
}

/// Ada, who manages keys and may read.
async fn ada(keyward: &Keyward) -> Caller {
    role(keyward, "keykeeper", &["manage:api-keys", "read:*"]).await;
    role(keyward, "reader", &["read:*"]).await;
    role(keyward, "writer", &["read:*", "write:*"]).await;
    account(keyward, "ada@example.com", &["keykeeper"]).await;
    account(keyward, "reader@example.com", &["reader"]).await;
    account(keyward, "writer@example.com", &["writer"]).await;
    person(keyward, "ada@example.com", false).await
}

fn scoped(name: &str, user: &str, scope: &[&str]) -> NewApiKey {
    NewApiKey { scope: Some(texts(scope)), ..new_key(name, user) }
}

async fn from(keyward: &Keyward, secret: &str, address: &str) -> Result<Caller> {
    let origin = Origin { address: Some(address.parse().unwrap()), ..Origin::default() };
    keyward.authenticate(&Credential::parse(secret).unwrap(), origin).await
}

async fn a_key_may_do_what_its_user_and_its_scope_both_allow(database: TestDatabase) {
    let keyward = database.keyward().await;
    let (ada, operator) = (ada(&keyward).await, Caller::operator());
    let new = || scoped("CI", "writer@example.com", &["read:a*", "delete:*"]);

    let issued = keyward.create_api_key(&operator, new()).await.unwrap();

    let caller = let_in(&keyward, &issued).await.unwrap();
    assert!(caller.may("read:a1"));
    assert!(!caller.may("read:b"));
    assert!(!caller.may("write:a"));
    assert!(!caller.may("delete:a"));
    assert!(!caller.has_mfa());
    // The writer's name in her hands would be more than Ada has, however little the key may do.
    let above = Code::Forbidden("write:*".into());
    assert_eq!(code(keyward.create_api_key(&ada, NewApiKey { name: "CI 2".into(), ..new() }).await), above);
    assert_eq!(code(keyward.rotate_api_key(&ada, &issued.key.id, 0).await), above);
    let nothing = scoped("CI 3", "writer@example.com", &[]);
    let issued = keyward.create_api_key(&operator, nothing).await.unwrap();
    assert!(let_in(&keyward, &issued).await.unwrap().standing.permissions.is_empty());
}

async fn nobody_arms_a_key_above_their_rights_while_it_sleeps(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    // Ada through a key that has less than she, which makes others of her that have no more than itself.
    let narrow = scoped("narrow", "ada@example.com", &["manage:*", "read:a"]);
    let ada = let_in(&keyward, &keyward.create_api_key(&ada, narrow).await.unwrap()).await.unwrap();
    let new = scoped("CI", "ada@example.com", &["read:a"]);
    let issued = keyward.create_api_key(&ada, new).await.unwrap();
    let id = &issued.key.id;

    // Widened while it is disabled, it would write as soon as anybody enabled it.
    let widen = ApiKeyUpdate { active: Some(false), scope: Some(None), ..ApiKeyUpdate::default() };
    assert!(matches!(code(keyward.update_api_key(&ada, id, widen).await), Code::Forbidden(_)));
    let expire = ApiKeyUpdate {
        expires_at: Some("2020-01-01".into()),
        scope: Some(Some(texts(&["read:*"]))),
        ..ApiKeyUpdate::default()
    };
    assert!(matches!(code(keyward.update_api_key(&ada, id, expire).await), Code::Forbidden(_)));

    assert_eq!(keyward.api_key(&ada, id).await.unwrap(), issued.key);
}

async fn who_may_manage_keys_may_disable_any(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    let issued = key(&keyward, "CI", "writer@example.com").await;
    let id = &issued.key.id;

    assert!(matches!(code(keyward.rotate_api_key(&ada, id, 0).await), Code::Forbidden(_)));
    let disable = ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&ada, id, disable).await.unwrap();
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
    let enable = ApiKeyUpdate { active: Some(true), ..ApiKeyUpdate::default() };
    assert!(matches!(code(keyward.update_api_key(&ada, id, enable).await), Code::Forbidden(_)));
    keyward.delete_api_key(&ada, id, None).await.unwrap();
    let reader = person(&keyward, "reader@example.com", true).await;
    assert!(matches!(code(keyward.delete_api_key(&reader, id, None).await), Code::Forbidden(_)));
}

async fn an_expired_key_comes_back_only_when_that_is_said(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    ada(&keyward).await;
    let new = NewApiKey { expires_at: Some("2027-01-01".into()), ..new_key("CI", "reader@example.com") };
    let issued = keyward.create_api_key(&operator, new).await.unwrap();
    let id = &issued.key.id;
    keyward.clock().advance_ms(DAY_MS);

    let clear = ApiKeyUpdate { expires_at: Some(String::new()), ..ApiKeyUpdate::default() };
    let cleared = keyward.update_api_key(&operator, id, clear.clone()).await.unwrap();
    assert_eq!((cleared.expires_at, cleared.active), (None, false));
    assert!(let_in(&keyward, &issued).await.is_err());

    let expire = ApiKeyUpdate { expires_at: Some("2026-12-31".into()), active: Some(true), ..clear.clone() };
    assert!(keyward.update_api_key(&operator, id, expire).await.unwrap().active);
    assert!(let_in(&keyward, &issued).await.is_err());
    let rotated = keyward.rotate_api_key(&operator, id, 0).await;
    assert_eq!(code(rotated), Code::Conflict);

    let revive = ApiKeyUpdate { active: Some(true), ..clear };
    keyward.update_api_key(&operator, id, revive).await.unwrap();
    assert!(let_in(&keyward, &issued).await.is_ok());

    let wrong = ApiKeyUpdate { expires_at: Some("soon".into()), ..ApiKeyUpdate::default() };
    assert_eq!(
        code(keyward.update_api_key(&operator, id, wrong).await),
        Code::InvalidInput("expires_at".into())
    );
    // What nobody can read counts as expired.
    database.execute("UPDATE api_keys SET expires_at = 'soon', expires_at_ms = NULL").await;
    assert!(let_in(&keyward, &issued).await.is_err());
    assert!(keyward.api_key(&operator, id).await.unwrap().is_expired(0));
}

async fn a_key_is_used_from_its_addresses_alone(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let allowed = texts(&["203.0.113.0/24", "::ffff:198.51.100.0/120", "2001:db8::/32"]);
    let new = NewApiKey { allowed_addresses: allowed, ..new_key("CI", "reader@example.com") };
    let issued = keyward.create_api_key(&Caller::operator(), new).await.unwrap();
    let secret = issued.secret.expose();

    for inside in
        ["203.0.113.7", "::ffff:203.0.113.7", "198.51.100.9", "::ffff:198.51.100.9", "2001:db8:1::1"]
    {
        assert!(from(&keyward, secret, inside).await.is_ok(), "{inside}");
    }
    for outside in ["203.0.114.7", "::ffff:203.0.114.7", "198.51.101.1", "2001:db9::1", "::203.0.113.7"] {
        assert_eq!(code(from(&keyward, secret, outside).await), Code::Unauthenticated, "{outside}");
    }
    // Whoever doesn't say where they come from isn't inside.
    assert!(let_in(&keyward, &issued).await.is_err());
    let credential = Credential::parse(secret).unwrap();
    let verified = keyward.verify(&Caller::operator(), Some(&credential), None).await.unwrap();
    assert_eq!(verified.reason, Some(Reason::AddressNotAllowed));
}

async fn a_scope_that_is_no_list_of_permissions_is_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let operator = Caller::operator();

    for scope in [&["read"][..], &["read:a", ""], &["read: a"], &["a\0:b"]] {
        let outcome = keyward.create_api_key(&operator, scoped("CI", "reader@example.com", scope)).await;
        assert_eq!(code(outcome), Code::InvalidInput("scope".into()), "{scope:?}");
    }
    // A scope that nobody can read allows nothing; a list of addresses that nobody can read lets nobody in.
    let issued = key(&keyward, "CI", "reader@example.com").await;
    database.execute("UPDATE api_keys SET scope = 'everything'").await;
    assert!(let_in(&keyward, &issued).await.unwrap().standing.permissions.is_empty());
    database.execute("UPDATE api_keys SET allowed_addresses = 'anywhere'").await;
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Internal);
}

/// A key as VAMS makes them: `vams_` and 64 characters.
fn vams_key(number: usize) -> String {
    format!("vams_{number:064}")
}

fn imported(name: &str, user: &str, secret: &str) -> ImportedApiKey {
    ImportedApiKey {
        name: name.into(),
        user: user.into(),
        description: "From VAMS".into(),
        sha256: sha256_hex(secret),
        expires_at: None,
        active: true,
    }
}

async fn an_imported_key_works_as_it_is(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    let mut row = imported("CI", "reader@example.com", &vams_key(1));
    row.sha256 = row.sha256.to_uppercase();

    let key = keyward.import_api_keys(&ada, &[row]).await.unwrap().remove(0).unwrap();

    assert!(key.imported);
    let caller = from(&keyward, &vams_key(1), "203.0.113.7").await.unwrap();
    assert_eq!(caller.name(), "reader@example.com");
    let rotated = keyward.rotate_api_key(&ada, &key.id, 0).await.unwrap();
    assert!(!rotated.key.imported);
    assert!(from(&keyward, &vams_key(1), "203.0.113.7").await.is_err());
    assert!(let_in(&keyward, &rotated).await.is_ok());
}

async fn each_row_of_an_import_has_its_own_answer(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    let reader = "reader@example.com";
    key(&keyward, "taken", reader).await;
    let rows = [
        imported("one", reader, &vams_key(1)),
        imported("one", reader, &vams_key(2)),
        imported("two", reader, &vams_key(1)),
        imported("two", reader, &vams_key(2)),
        imported("taken", reader, &vams_key(3)),
        imported("three", "nobody@example.com", &vams_key(4)),
        imported("four", "not a user", &vams_key(5)),
        ImportedApiKey { sha256: "abc".into(), ..imported("five", reader, &vams_key(6)) },
        ImportedApiKey { expires_at: Some("soon".into()), ..imported("six", reader, &vams_key(7)) },
        ImportedApiKey { active: false, ..imported("seven", reader, &vams_key(8)) },
        imported("", reader, &vams_key(9)),
    ];

    let answers = keyward.import_api_keys(&ada, &rows).await.unwrap();

    let answers: Vec<String> = answers
        .into_iter()
        .map(|answer| answer.map_or_else(|error| format!("{:?}", error.code), |key| key.name))
        .collect();
    let taken = "AlreadyExists(ApiKey)";
    let wrong = |field: &str| format!("InvalidInput({field:?})");
    let expected = [
        "one",
        taken,
        taken,
        "two",
        taken,
        &wrong("user"),
        &wrong("user"),
        &wrong("sha256"),
        &wrong("expires_at"),
        "seven",
        &wrong("name"),
    ];
    assert_eq!(answers, expected);
    assert!(from(&keyward, &vams_key(1), "203.0.113.7").await.is_ok());
    assert!(from(&keyward, &vams_key(2), "203.0.113.7").await.is_ok());
    for number in 3..10 {
        assert!(from(&keyward, &vams_key(number), "203.0.113.7").await.is_err(), "{number}");
    }
    let query = AuditQuery { action: Some("api-key.import".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    let mut names: Vec<_> = events.into_iter().filter_map(|event| event.target_name).collect();
    names.sort_unstable();
    assert_eq!(names, ["one", "seven", "two"]);
}

async fn a_row_above_the_callers_rights_is_refused_and_noted(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    let rows = [
        imported("mine", "reader@example.com", &vams_key(1)),
        imported("theirs", "writer@example.com", &vams_key(2)),
    ];

    let mut answers = keyward.import_api_keys(&ada, &rows).await.unwrap();

    assert_eq!(code(answers.remove(1)), Code::Forbidden("write:*".into()));
    assert!(answers.remove(0).is_ok());
    let query = AuditQuery { action: Some("api-key.import".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    let refused: Vec<_> = events.iter().filter(|event| event.outcome == Outcome::Refused).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].target_name.as_deref(), Some("theirs"));
    assert_eq!(refused[0].detail, serde_json::json!({ "missing": "write:*" }));

    // A database that is gone is no fault of the rows.
    database.execute("ALTER TABLE users RENAME TO people").await;
    assert!(
        keyward.import_api_keys(&ada, &[imported("x", "reader@example.com", &vams_key(3))]).await.is_err()
    );
}

async fn a_key_needs_a_user_with_a_role(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let ada = ada(&keyward).await;
    account(&keyward, "bare@example.com", &[]).await;

    for name in ["bare@example.com", "nobody@example.com"] {
        let outcome = keyward.create_api_key(&ada, new_key("CI", name)).await;
        assert_eq!(code(outcome), Code::InvalidInput("user".into()), "{name}");
    }
    let issued = key(&keyward, "CI", "reader@example.com").await;
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator, "reader@example.com", disable).await.unwrap();
    let credential = Credential::parse(issued.secret.expose()).unwrap();
    let verified = keyward.verify(&operator, Some(&credential), None).await.unwrap();
    assert_eq!(verified.reason, Some(Reason::UserDisabled));
}
