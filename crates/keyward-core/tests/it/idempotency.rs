//! A request that is repeated with its `Idempotency-Key` is carried out once, and answered alike each time.

use std::sync::Arc;

use keyward_core::caller::{Caller, Origin, Standing};
use keyward_core::error::{Code, Thing};
use keyward_core::role::NewRole;
use keyward_core::user::NewUser;
use tokio::task::JoinSet;

use crate::support::{
    SECOND_MS, TestDatabase, account, code, key, let_in, new_key, on_both, person, role, texts,
};

on_both! {
    the_same_request_has_the_same_answer,
    the_same_key_with_another_request_is_a_conflict,
    another_caller_has_keys_of_their_own,
    of_many_at_once_one_is_carried_out_and_all_are_answered,
    after_ten_minutes_the_key_is_forgotten,
    an_answer_is_not_given_to_somebody_with_fewer_rights,
    what_is_no_key_is_refused,
    what_is_kept_is_sealed,
}

fn repeating(caller: &Caller, idempotency_key: &str) -> Caller {
    let origin = Origin { idempotency_key: Some(idempotency_key.into()), ..Origin::default() };
    Caller { origin, ..caller.clone() }
}

fn ada() -> NewUser {
    NewUser { username: "ada@example.com".into(), roles: texts(&["reader"]), ..NewUser::default() }
}

async fn the_same_request_has_the_same_answer(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;

    let caller = repeating(&operator, "user");
    let first = keyward.create_user(&caller, ada()).await.unwrap();
    let again = keyward.create_user(&caller, ada()).await.unwrap();
    assert_eq!(again.user, first.user);
    assert_eq!(again.temporary_password, first.temporary_password);

    let caller = repeating(&operator, "key");
    let first = keyward.create_api_key(&caller, new_key("CI", "ada@example.com")).await.unwrap();
    let again = keyward.create_api_key(&caller, new_key("CI", "ada@example.com")).await.unwrap();
    assert_eq!((again.key, &again.secret), (first.key.clone(), &first.secret));

    let caller = repeating(&operator, "rotate");
    let rotated = keyward.rotate_api_key(&caller, &first.key.id, 0).await.unwrap();
    let again = keyward.rotate_api_key(&caller, &first.key.id, 0).await.unwrap();
    assert_eq!((again.key, again.secret), (rotated.key.clone(), rotated.secret.clone()));
    assert!(let_in(&keyward, &rotated).await.is_ok());

    let caller = repeating(&operator, "reset");
    let reset = keyward.reset_password(&caller, "ada@example.com").await.unwrap();
    let again = keyward.reset_password(&caller, "ada@example.com").await.unwrap();
    assert_eq!(again.temporary_password, reset.temporary_password);

    let caller = repeating(&operator, "role");
    let new = NewRole { name: "new".into(), description: "New".into(), ..NewRole::default() };
    let first = keyward.create_role(&caller, new.clone()).await.unwrap();
    assert_eq!(keyward.create_role(&caller, new).await.unwrap(), first);

    let events = database.column("SELECT action FROM audit_events WHERE target_name IN ('CI', 'new')").await;
    assert_eq!(events.len(), 3, "{events:?}");
}

async fn the_same_key_with_another_request_is_a_conflict(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    let caller = repeating(&Caller::operator(), "key");
    keyward.create_user(&caller, ada()).await.unwrap();

    let with_password = NewUser { temporary_password: Some("Correct-horse-1".into()), ..ada() };
    assert_eq!(code(keyward.create_user(&caller, with_password).await), Code::Conflict);
    let new = NewRole { name: "new".into(), description: "New".into(), ..NewRole::default() };
    assert_eq!(code(keyward.create_role(&caller, new).await), Code::Conflict);
    assert_eq!(code(keyward.reset_password(&caller, "ada@example.com").await), Code::Conflict);
}

async fn another_caller_has_keys_of_their_own(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "manager", &["read:*", "manage:*"]).await;
    account(&keyward, "bob@example.com", &["manager"]).await;
    let bob = repeating(&person(&keyward, "bob@example.com", false).await, "key");
    keyward.create_user(&repeating(&Caller::operator(), "key"), ada()).await.unwrap();

    let outcome = keyward.create_user(&bob, ada()).await;

    assert_eq!(code(outcome), Code::AlreadyExists(Thing::User));
    let other = NewUser { username: "other@example.com".into(), ..NewUser::default() };
    assert!(keyward.create_user(&bob, other).await.is_ok());
}

async fn of_many_at_once_one_is_carried_out_and_all_are_answered(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    role(&nodes[0], "reader", &["read:*"]).await;
    account(&nodes[0], "bob@example.com", &["reader"]).await;
    let rotating = key(&nodes[0], "rotating", "bob@example.com").await;
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let keyward = Arc::clone(&nodes[number % 2]);
        let id = rotating.key.id.clone();
        tasks.spawn(async move {
            let caller = |key: &str| repeating(&Caller::operator(), key);
            let user = keyward.create_user(&caller("user"), ada()).await.unwrap();
            let key = keyward.create_api_key(&caller("key"), new_key("CI", "bob@example.com")).await.unwrap();
            let rotated = keyward.rotate_api_key(&caller("rotate"), &id, 0).await.unwrap();
            let secrets = [user.temporary_password.unwrap(), key.secret, rotated.secret];
            secrets.map(|secret| secret.expose().to_owned())
        });
    }

    let mut answers = tasks.join_all().await;

    answers.dedup();
    assert_eq!(answers.len(), 1);
    let made =
        "SELECT action FROM audit_events WHERE action IN ('api-key.rotate', 'api-key.create', 'user.create')";
    assert_eq!(database.column(made).await.len(), 2 + 2 + 1);
}

async fn after_ten_minutes_the_key_is_forgotten(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    let caller = repeating(&Caller::operator(), "key");
    let first = keyward.create_user(&caller, ada()).await.unwrap();
    keyward.delete_user(&Caller::operator(), "ada@example.com", None).await.unwrap();

    keyward.clock().advance_ms(10 * 60 * SECOND_MS);
    assert_eq!(keyward.create_user(&caller, ada()).await.unwrap().user.id, first.user.id);
    // Whether or not anybody has swept up since.
    keyward.clock().advance_ms(1);
    let second = keyward.create_user(&caller, ada()).await.unwrap();
    assert_ne!(second.user.id, first.user.id);
    assert_eq!(keyward.create_user(&caller, ada()).await.unwrap().user.id, second.user.id);
}

async fn an_answer_is_not_given_to_somebody_with_fewer_rights(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "manager", &["read:*", "manage:*"]).await;
    account(&keyward, "bob@example.com", &["manager"]).await;
    account(&keyward, "reader@example.com", &["reader"]).await;
    let bob = repeating(&person(&keyward, "bob@example.com", false).await, "key");
    let new = || new_key("CI", "reader@example.com");
    keyward.create_api_key(&bob, new()).await.unwrap();
    let made = repeating(&bob, "user");
    keyward.create_user(&made, ada()).await.unwrap();

    // The same Bob, through a key that can't read.
    let narrow = keyward_core::api_key::NewApiKey {
        scope: Some(texts(&["manage:*"])),
        ..new_key("narrow", "bob@example.com")
    };
    let issued = keyward.create_api_key(&Caller::operator(), narrow).await.unwrap();
    let Standing { roles, permissions, .. } = &*let_in(&keyward, &issued).await.unwrap().standing;
    let standing = Standing::new(bob.standing.identity.clone(), roles.clone(), permissions.clone());
    let narrow = Caller { standing: standing.into(), origin: Origin::default() };
    let as_bob = |key: &str| repeating(&narrow, key);

    let outcome = keyward.create_api_key(&as_bob("key"), new()).await;
    assert_eq!(code(outcome), Code::Forbidden("read:*".into()));
    let outcome = keyward.create_user(&as_bob("user"), ada()).await;
    assert_eq!(code(outcome.map(drop)), Code::Forbidden("read:*".into()));
}

async fn what_is_no_key_is_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    for wrong in ["", "a b", "ä", "a\0", &"x".repeat(129)] {
        let caller = repeating(&Caller::operator(), wrong);
        let new = NewUser { username: "ada@example.com".into(), ..NewUser::default() };
        let outcome = keyward.create_user(&caller, new).await;
        assert_eq!(code(outcome), Code::InvalidInput("idempotency_key".into()), "{wrong:?}");
    }
}

async fn what_is_kept_is_sealed(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    let operator = Caller::operator();
    let user = keyward.create_user(&repeating(&operator, "user"), ada()).await.unwrap();
    let new = new_key("CI", "ada@example.com");
    let issued = keyward.create_api_key(&repeating(&operator, "key"), new).await.unwrap();

    let contents = format!("{:?}", database.contents().await);

    assert_eq!(database.contents().await["replies"].len(), 2);
    assert!(!contents.contains(user.temporary_password.unwrap().expose()));
    let secret = issued.secret.expose();
    assert!(!contents.contains(secret));
    // Past what is safe to show.
    assert!(!contents.contains(&secret[17..]));
    assert!(contents.contains(&secret[5..17]));
}
