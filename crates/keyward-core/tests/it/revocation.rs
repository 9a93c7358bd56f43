//! Revoked means revoked: on the very next request here, within the bound elsewhere, and never answered from
//! memory that is older than the bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_core::api_key::{ApiKeyUpdate, IssuedApiKey};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::page::Cursor;
use keyward_core::role::RoleUpdate;
use keyward_core::user::UserUpdate;
use tokio::task::JoinSet;

use crate::support::{
    DAY_MS, SECOND_MS, START_MS, TestDatabase, account, code, key, let_in, new_key, on_both, role, texts,
    until_kept,
};

on_both! {
    a_key_is_refused_from_the_next_request_on,
    rights_change_with_the_next_request,
    a_key_ends_on_the_millisecond,
    a_user_is_told_of_as_they_are_after_every_change,
    a_change_made_elsewhere_is_seen_within_the_bound,
    what_is_kept_is_never_used_beyond_the_bound,
    a_write_that_has_returned_is_seen_by_every_read_after_it,
}

/// A node that answers from memory for as long as nobody tells it otherwise: its clock stands still.
async fn node(database: &TestDatabase) -> (Arc<Keyward>, JoinSet<()>) {
    let settings = Settings { revocation_bound_ms: 3_600_000, ..Settings::default() };
    running(database.keyward_with(Clock::fixed(START_MS), settings).await)
}

/// Keeps `keyward` going until the set is dropped.
fn running(keyward: Arc<Keyward>) -> (Arc<Keyward>, JoinSet<()>) {
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let keyward = Arc::clone(&keyward);
        async move { keyward.run().await }
    });
    (keyward, tasks)
}

/// A key of a user with the role `reader`, kept in memory.
async fn kept_key(database: &TestDatabase, keyward: &Keyward, user: &str) -> IssuedApiKey {
    let issued = key(keyward, &format!("key of {user}"), user).await;
    until_kept(database, keyward, &issued).await;
    issued
}

async fn a_key_is_refused_from_the_next_request_on(database: TestDatabase) {
    let (keyward, _running) = node(&database).await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    for way in
        ["disable", "expire", "delete", "rotate", "disable user", "delete user", "take role", "delete role"]
    {
        let user = account(&keyward, "ada@example.com", &["reader"]).await;
        let issued = kept_key(&database, &keyward, "ada@example.com").await;
        let id = &issued.key.id;

        let update = ApiKeyUpdate::default();
        match way {
            "disable" => {
                let update = ApiKeyUpdate { active: Some(false), ..update };
                keyward.update_api_key(&operator, id, update).await.map(drop)
            }
            "expire" => {
                let update = ApiKeyUpdate { expires_at: Some("2026-12-31T23:59:59Z".into()), ..update };
                keyward.update_api_key(&operator, id, update).await.map(drop)
            }
            "delete" => keyward.delete_api_key(&operator, id, None).await.map(drop),
            "rotate" => keyward.rotate_api_key(&operator, id, 0).await.map(drop),
            "disable user" => {
                let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
                keyward.update_user(&operator, &user.id, update).await.map(drop)
            }
            "delete user" => keyward.delete_user(&operator, &user.id, None).await.map(drop),
            "take role" => keyward.remove_role(&operator, &user.id, "reader", None).await,
            _ => keyward.delete_role(&operator, "reader", None).await.map(drop),
        }
        .unwrap();

        assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated, "{way}");
        let _ = keyward.delete_user(&operator, &user.id, None).await;
    }
}

async fn rights_change_with_the_next_request(database: TestDatabase) {
    let (keyward, _running) = node(&database).await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "writer", &["write:*"]).await;
    let user = account(&keyward, "ada@example.com", &["reader", "writer"]).await;
    let issued = kept_key(&database, &keyward, "ada@example.com").await;
    let rights = async || {
        let caller = let_in(&keyward, &issued).await.unwrap();
        (caller.may("read:a"), caller.may("write:a"))
    };

    let narrow = ApiKeyUpdate { scope: Some(Some(texts(&["read:*"]))), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, &issued.key.id, narrow).await.unwrap();
    assert_eq!(rights().await, (true, false));

    let widen = ApiKeyUpdate { scope: Some(None), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, &issued.key.id, widen).await.unwrap();
    assert_eq!(rights().await, (true, true));

    let strip = RoleUpdate { permissions: Some(texts(&["read:b"])), ..RoleUpdate::default() };
    keyward.update_role(&operator, "reader", strip).await.unwrap();
    assert_eq!(rights().await, (false, true));

    // Keys never count as MFA: a role that asks for it sleeps under a key.
    let ask_for_mfa = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&operator, "writer", ask_for_mfa).await.unwrap();
    assert_eq!(rights().await, (false, false));

    role(&keyward, "other", &["read:a"]).await;
    keyward.set_roles(&operator, &user.id, &texts(&["other"]), None).await.unwrap();
    assert_eq!(rights().await, (true, false));
}

async fn a_key_ends_on_the_millisecond(database: TestDatabase) {
    let (keyward, _running) = node(&database).await;
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let mut new = new_key("CI", "ada@example.com");
    new.expires_at = Some("2027-01-01".into());
    let issued = keyward.create_api_key(&Caller::operator(), new).await.unwrap();

    keyward.clock().advance_ms(DAY_MS - 2);
    assert!(let_in(&keyward, &issued).await.is_ok());
    keyward.clock().advance_ms(1);
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
    keyward.clock().advance_ms(-2 * SECOND_MS);

    let rotated = keyward.rotate_api_key(&Caller::operator(), &issued.key.id, 1).await.unwrap();
    assert!(let_in(&keyward, &issued).await.is_ok());
    keyward.clock().advance_ms(SECOND_MS);
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
    assert!(let_in(&keyward, &rotated).await.is_ok());
}

async fn a_user_is_told_of_as_they_are_after_every_change(database: TestDatabase) {
    let (keyward, _running) = node(&database).await;
    let operator = Caller::operator();
    let pool = keyward.local_pool();
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &[]).await;
    let name = UserUpdate {
        attributes: [("name".to_owned(), Some("Ada".to_owned()))].into(),
        ..UserUpdate::default()
    };
    let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    for change in ["nothing", "name", "disable", "password", "role", "delete role", "delete"] {
        let recent = keyward.recent_user_in(&**pool, &operator, "ADA@example.com").await.unwrap();
        assert_eq!(*recent, keyward.user(&operator, "ada@example.com").await.unwrap(), "before {change}");
        match change {
            "name" => drop(keyward.update_user(&operator, "ada@example.com", name.clone()).await.unwrap()),
            "disable" => {
                keyward.update_user(&operator, "ada@example.com", disabled.clone()).await.unwrap();
            }
            "password" => drop(keyward.reset_password(&operator, "ada@example.com").await.unwrap()),
            "role" => {
                keyward.assign_roles(&operator, "ada@example.com", &texts(&["reader"])).await.unwrap();
            }
            "delete role" => drop(keyward.delete_role(&operator, "reader", None).await.unwrap()),
            "delete" => drop(keyward.delete_user(&operator, "ada@example.com", None).await.unwrap()),
            _ => (),
        }
    }
    let gone = keyward.recent_user_in(&**pool, &operator, "ADA@example.com").await;
    assert_eq!(code(gone), Code::NotFound(Thing::User));
    let nobody = keyward.recent_user_in(&**pool, &Caller::nobody(Origin::default()), "ada@example.com").await;
    assert_eq!(code(nobody), Code::Unauthenticated);
}

async fn a_change_made_elsewhere_is_seen_within_the_bound(database: TestDatabase) {
    const BOUND: Duration = Duration::from_millis(200);
    let settings = Settings { revocation_bound_ms: 200, ..Settings::default() };
    let (keyward, _running) = running(database.keyward_with(Clock::System, settings).await);
    let elsewhere = database.keyward_with(Clock::System, Settings::default()).await;
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = kept_key(&database, &keyward, "ada@example.com").await;

    elsewhere.delete_api_key(&Caller::operator(), &issued.key.id, None).await.unwrap();
    let deleted = Instant::now();

    loop {
        let asked = deleted.elapsed();
        match let_in(&keyward, &issued).await {
            Ok(_) => assert!(asked <= BOUND, "let in {asked:?} after the deletion"),
            Err(error) => {
                assert_eq!(error.code, Code::Unauthenticated);
                break;
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn what_is_kept_is_never_used_beyond_the_bound(database: TestDatabase) {
    const BOUND: Duration = Duration::from_millis(200);
    let settings = Settings { revocation_bound_ms: 200, ..Settings::default() };
    let (keyward, _running) = running(database.keyward_with(Clock::System, settings).await);
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = kept_key(&database, &keyward, "ada@example.com").await;

    database.lose(&keyward).await;
    let lost = Instant::now();

    loop {
        let asked = lost.elapsed();
        match let_in(&keyward, &issued).await {
            Ok(_) => assert!(asked <= BOUND, "let in {asked:?} after the database was lost"),
            Err(error) => {
                assert_eq!(error.code, Code::Unavailable, "{error:?}");
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(code(keyward.list_roles(&Caller::operator(), &Cursor::default()).await), Code::Unavailable);

    if database.find_again().await {
        assert!(let_in(&keyward, &issued).await.is_ok());
    }
}

async fn a_write_that_has_returned_is_seen_by_every_read_after_it(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (keyward, operator) = (Arc::clone(&keyward), operator.clone());
        tasks.spawn(async move {
            for number in 0..25 {
                let name = format!("role {task} {number}");
                role(&keyward, &name, &["read:a"]).await;
                assert!(keyward.role(&operator, &name).await.is_ok(), "{name} isn't there yet");
                keyward.delete_role(&operator, &name, None).await.unwrap();
                assert!(keyward.role(&operator, &name).await.is_err(), "{name} is there still");
            }
        });
    }

    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap();
    }
}
