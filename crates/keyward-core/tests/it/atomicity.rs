//! A change is made whole, with its event, or not at all; of many who want the same thing, one gets it.

use std::sync::Arc;

use keyward_core::access_key::AccessKeyQuery;
use keyward_core::api_key::{ApiKeyUpdate, ImportedApiKey};
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error, Result};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::mfa_preference::MfaChange;
use keyward_core::role::{NewRole, RoleUpdate};
use keyward_core::user::{NewUser, User, UserUpdate};
use tokio::task::JoinSet;

use crate::support::{TestDatabase, account, code, key, new_key, on_both, role, sha256_hex, texts};

on_both! {
    no_change_is_made_whose_event_cannot_be_entered,
    a_user_with_an_unknown_role_leaves_nothing,
    what_is_deleted_takes_with_it_what_belongs_to_it,
    of_fifty_who_take_a_name_at_once_one_gets_it,
    of_an_account_and_a_program_user_of_one_name_one_is_made,
    a_key_made_while_its_user_is_deleted_is_made_or_refused,
    a_role_given_while_it_is_deleted_is_given_or_refused,
    roles_taken_at_once_are_all_taken,
    of_two_changes_of_one_version_one_is_made,
}

/// The acts that change something, each on a thing of its own.
const ACTS: usize = 23;

async fn prepare(keyward: &Keyward) {
    for name in ["reader", "writer", "to-change", "to-delete"] {
        role(keyward, name, &["read:*"]).await;
    }
    let names =
        ["update", "delete", "reset", "sign-out", "assign", "set", "remove", "prefer", "lose", "forget"];
    for name in names {
        account(keyward, &format!("{name}@example.com"), &["reader"]).await;
    }
    for name in ["update", "rotate", "delete"] {
        key(keyward, name, "assign@example.com").await;
    }
    keyward.create_access_key(&Caller::operator(), "assign@example.com").await.unwrap();
}

async fn act(keyward: &Keyward, number: usize) -> Result<()> {
    let operator = &Caller::operator();
    let key = async |name: &str| {
        let query = keyward_core::api_key::ApiKeyQuery { name: Some(name.into()), ..Default::default() };
        keyward.list_api_keys(operator, &query).await.unwrap().items.remove(0).id
    };
    let user = |name: &str, program: bool| NewUser {
        username: name.into(),
        roles: texts(&["reader"]),
        program,
        ..NewUser::default()
    };
    let writer = texts(&["writer"]);
    match number {
        0 => keyward.create_user(operator, user("new@example.com", false)).await.map(drop),
        1 => keyward.create_user(operator, user("new-bot", true)).await.map(drop),
        2 => {
            let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
            keyward.update_user(operator, "update@example.com", update).await.map(drop)
        }
        3 => keyward.delete_user(operator, "delete@example.com", None).await.map(drop),
        4 => keyward.reset_password(operator, "reset@example.com").await.map(drop),
        5 => keyward.sign_out_user(operator, "sign-out@example.com").await,
        6 => {
            let new = NewRole { name: "new".into(), description: "New".into(), ..NewRole::default() };
            keyward.create_role(operator, new).await.map(drop)
        }
        7 => {
            let update = RoleUpdate { permissions: Some(texts(&["a:b"])), ..RoleUpdate::default() };
            keyward.update_role(operator, "to-change", update).await.map(drop)
        }
        8 => keyward.delete_role(operator, "to-delete", None).await.map(drop),
        9 => keyward.assign_roles(operator, "assign@example.com", &writer).await.map(drop),
        10 => keyward.assign_roles(operator, "bot-of-a-role", &writer).await.map(drop),
        11 => keyward.set_roles(operator, "set@example.com", &writer, None).await.map(drop),
        12 => keyward.remove_role(operator, "remove@example.com", "reader", None).await,
        13 => keyward.create_api_key(operator, new_key("new", "assign@example.com")).await.map(drop),
        14 => {
            let update = ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() };
            keyward.update_api_key(operator, &key("update").await, update).await.map(drop)
        }
        15 => keyward.rotate_api_key(operator, &key("rotate").await, 60).await.map(drop),
        16 => keyward.delete_api_key(operator, &key("delete").await, None).await.map(drop),
        17 => keyward.create_access_key(operator, "assign@example.com").await.map(drop),
        18 => {
            let keys = keyward.access_keys(operator, &AccessKeyQuery::default()).await.unwrap().items;
            keyward.delete_access_key(operator, &keys[0].id).await.map(drop)
        }
        19 => {
            let changes = MfaChange::software_token(false);
            keyward
                .set_mfa_preference_in(keyward.local_pool(), operator, "prefer@example.com", &changes)
                .await
        }
        20 => keyward.delete_software_token_in(keyward.local_pool(), operator, "lose@example.com").await,
        21 => keyward.reset_mfa(operator, "forget@example.com", None).await,
        _ => {
            let row = ImportedApiKey {
                name: "imported".into(),
                user: "assign@example.com".into(),
                sha256: sha256_hex("secret"),
                active: true,
                ..ImportedApiKey::default()
            };
            keyward.import_api_keys(operator, &[row]).await?.remove(0).map(drop)
        }
    }
}

async fn no_change_is_made_whose_event_cannot_be_entered(database: TestDatabase) {
    let keyward = database.keyward().await;
    prepare(&keyward).await;

    database.execute("ALTER TABLE audit_events RENAME TO misplaced").await;
    let before = database.contents().await;
    for number in 0..ACTS {
        assert_eq!(code(act(&keyward, number).await), Code::Internal, "act {number}");
        assert_eq!(database.contents().await, before, "act {number}");
    }

    // Each of them is made, with one event, when it can be.
    database.execute("ALTER TABLE misplaced RENAME TO audit_events").await;
    for number in 0..ACTS {
        let before = database.contents().await;
        act(&keyward, number).await.unwrap_or_else(|error| panic!("act {number}: {error:?}"));
        let after = database.contents().await;
        assert_eq!(after["audit_events"].len(), before["audit_events"].len() + 1, "act {number}");
        let is_changed = after.iter().any(|(table, rows)| table != "audit_events" && before[table] != *rows);
        assert!(is_changed, "act {number}");
    }
}

async fn a_user_with_an_unknown_role_leaves_nothing(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    let before = database.contents().await;

    for program in [false, true] {
        let new = NewUser {
            username: "ada@example.com".into(),
            roles: texts(&["reader", "unknown"]),
            program,
            ..NewUser::default()
        };
        assert!(keyward.create_user(&operator, new).await.is_err());
    }
    assert!(keyward.assign_roles(&operator, "bot", &texts(&["reader", "unknown"])).await.is_err());
    let weak = NewUser {
        username: "ada@example.com".into(),
        temporary_password: Some("weak".into()),
        ..NewUser::default()
    };
    let weak_for_good = NewUser { temporary_password: None, password: Some("weak".into()), ..weak.clone() };
    for weak in [weak, weak_for_good] {
        assert_eq!(code(keyward.create_user(&operator, weak).await), Code::PasswordRejected);
    }

    assert_eq!(database.contents().await, before);
}

async fn what_is_deleted_takes_with_it_what_belongs_to_it(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    let user = account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;
    keyward.rotate_api_key(&operator, &issued.key.id, 60).await.unwrap();
    keyward.create_access_key(&operator, "ada@example.com").await.unwrap();
    let client = crate::support::client_id(&keyward).await;
    database
        .execute(&format!(
            "INSERT INTO sessions (id, user_id, client_id, refresh_family, refresh_hash, mfa, created_at_ms, \
             expires_at_ms, amr) VALUES ('session', '{}', '{client}', 'family', 'hash', FALSE, 0, 1, 'pwd')",
            user.id
        ))
        .await;

    keyward.delete_user(&operator, "ada@example.com", None).await.unwrap();

    let contents = database.contents().await;
    for table in ["users", "assignments", "api_keys", "api_key_secrets", "access_keys", "sessions"] {
        assert_eq!(contents[table], Vec::<String>::new(), "{table}");
    }
    keyward.assign_roles(&operator, "bot", &texts(&["reader"])).await.unwrap();
    keyward.delete_role(&operator, "reader", None).await.unwrap();
    assert_eq!(database.contents().await["assignments"], Vec::<String>::new());
}

async fn of_fifty_who_take_a_name_at_once_one_gets_it(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    role(&nodes[0], "reader", &["read:*"]).await;
    account(&nodes[0], "reader@example.com", &["reader"]).await;
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let keyward = Arc::clone(&nodes[number % 2]);
        tasks.spawn(async move {
            let operator = Caller::operator();
            let new = NewUser { username: "Ada@example.com".into(), ..NewUser::default() };
            let role = NewRole { name: "new".into(), description: "New".into(), ..NewRole::default() };
            (
                keyward.create_api_key(&operator, new_key("CI", "reader@example.com")).await.map(drop),
                keyward.create_user(&operator, new).await.map(drop),
                keyward.create_role(&operator, role).await.map(drop),
            )
        });
    }

    let (mut keys, mut users, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(outcome) = tasks.join_next().await {
        let (key, user, role) = outcome.unwrap();
        keys.push(key);
        users.push(user);
        roles.push(role);
    }

    for outcomes in [keys, users, roles] {
        let errors: Vec<Error> = outcomes.into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 49);
        for error in errors {
            assert!(matches!(error.code, Code::AlreadyExists(_)), "{error:?}");
        }
    }
}

async fn of_an_account_and_a_program_user_of_one_name_one_is_made(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    role(&nodes[0], "reader", &["read:*"]).await;
    let operator = Caller::operator();
    for number in 0..10 {
        let new = NewUser { username: format!("Ada{number}@example.com"), ..NewUser::default() };
        let name = format!("ada{number}@EXAMPLE.com");

        let roles = texts(&["reader"]);
        let (account, program) = tokio::join!(
            nodes[0].create_user(&operator, new),
            nodes[1].assign_roles(&operator, &name, &roles),
        );

        // Either the account came first and got the role, or the program user did and kept the name.
        let user = nodes[0].user(&operator, &name).await.unwrap();
        match (account, program) {
            (Ok(made), Ok(_)) => assert_eq!(user.id, made.user.id),
            (Ok(made), Err(error)) => {
                assert!(matches!(error.code, Code::AlreadyExists(_)), "{error:?}");
                assert_eq!(user.id, made.user.id);
            }
            (Err(error), Ok(assigned)) => {
                assert!(matches!(error.code, Code::AlreadyExists(_)), "{error:?}");
                assert!(assigned.created_program_user);
            }
            (Err(one), Err(other)) => panic!("{one:?}, {other:?}"),
        }
    }
}

async fn a_key_made_while_its_user_is_deleted_is_made_or_refused(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    role(&nodes[0], "reader", &["read:*"]).await;
    let operator = Caller::operator();
    for number in 0..20 {
        let name = format!("ada{number}@example.com");
        account(&nodes[0], &name, &["reader"]).await;

        let new = new_key(&format!("key {number}"), &name);
        let (made, deleted) = tokio::join!(
            nodes[0].create_api_key(&operator, new),
            nodes[1].delete_user(&operator, &name, None),
        );

        deleted.unwrap();
        if let Err(error) = made {
            assert!(matches!(error.code, Code::Conflict | Code::InvalidInput(_)), "{error:?}");
        }
    }
    assert_eq!(database.contents().await["api_keys"], Vec::<String>::new());
}

async fn a_role_given_while_it_is_deleted_is_given_or_refused(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    let operator = Caller::operator();
    let user: User = account(&nodes[0], "ada@example.com", &[]).await;
    for _ in 0..20 {
        role(&nodes[0], "reader", &["read:*"]).await;

        let roles = texts(&["reader"]);
        let (given, deleted) = tokio::join!(
            nodes[0].assign_roles(&operator, &user.id, &roles),
            nodes[1].delete_role(&operator, "reader", None),
        );

        deleted.unwrap();
        if let Err(error) = given {
            assert!(matches!(error.code, Code::Conflict | Code::NotFound(_)), "{error:?}");
        }
        assert_eq!(nodes[0].user(&operator, &user.id).await.unwrap().roles, Vec::<String>::new());
    }
}

async fn roles_taken_at_once_are_all_taken(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    let operator = Caller::operator();
    let names = ["a", "b", "c", "d"];
    for name in names {
        role(&nodes[0], name, &["read:*"]).await;
    }
    account(&nodes[0], "ada@example.com", &[]).await;
    for _ in 0..10 {
        nodes[0].set_roles(&operator, "ada@example.com", &texts(&names), None).await.unwrap();

        let outcomes = tokio::join!(
            nodes[0].remove_role(&operator, "ada@example.com", "a", None),
            nodes[1].remove_role(&operator, "ada@example.com", "b", None),
            nodes[0].remove_role(&operator, "ada@example.com", "c", None),
        );

        assert!(matches!(outcomes, (Ok(()), Ok(()), Ok(()))), "{outcomes:?}");
        assert_eq!(nodes[0].user(&operator, "ada@example.com").await.unwrap().roles, ["d"]);
    }
    assert!(matches!(
        code(nodes[0].remove_role(&operator, "ada@example.com", "a", None).await),
        Code::NotFound(keyward_core::error::Thing::Assignment)
    ));
}

async fn of_two_changes_of_one_version_one_is_made(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    let operator = Caller::operator();
    let role = role(&nodes[0], "reader", &["read:*"]).await;

    let update = |text: &str| RoleUpdate {
        description: Some(text.into()),
        if_match: Some(role.version),
        ..RoleUpdate::default()
    };
    let (one, other) = tokio::join!(
        nodes[0].update_role(&operator, "reader", update("one")),
        nodes[1].update_role(&operator, "reader", update("other")),
    );

    let (made, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(nodes[0].role(&operator, "reader").await.unwrap().description, made.unwrap().description);
    assert!(matches!(code(refused), Code::Conflict | Code::PreconditionFailed));
}
