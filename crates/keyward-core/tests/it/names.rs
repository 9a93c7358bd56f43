//! A name means one user at a time, and whoever takes an old name inherits nothing.

use keyward_core::access::Credential;
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Thing};
use keyward_core::user::{NewUser, UserKind, UserQuery};

use crate::support::{TestDatabase, account, code, key, let_in, on_both, person, role, texts};

on_both! {
    a_user_made_anew_inherits_nothing,
    a_role_made_anew_is_given_to_nobody,
    a_role_given_to_a_new_name_makes_a_program_user,
    an_account_and_a_program_user_never_share_a_name,
    a_name_is_found_whatever_its_case,
    nobody_is_called_by_anothers_id,
    a_program_user_has_no_password,
}

async fn a_user_made_anew_inherits_nothing(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    for program in [false, true] {
        let new = NewUser {
            username: "ada@example.com".into(),
            roles: texts(&["reader"]),
            program,
            ..NewUser::default()
        };
        let old = keyward.create_user(&operator, new.clone()).await.unwrap().user;
        let issued = key(&keyward, "CI", "ada@example.com").await;
        keyward.delete_user(&operator, "ada@example.com", None).await.unwrap();

        let namesake =
            keyward.create_user(&operator, NewUser { roles: Vec::new(), ..new }).await.unwrap().user;

        assert_ne!(namesake.id, old.id);
        assert_eq!(namesake.roles, Vec::<String>::new());
        assert_eq!(code(keyward.user(&operator, &old.id).await), Code::NotFound(Thing::User));
        assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
        keyward.assign_roles(&operator, "ada@example.com", &texts(&["reader"])).await.unwrap();
        assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
        keyward.delete_user(&operator, "ada@example.com", None).await.unwrap();
    }
}

async fn a_role_made_anew_is_given_to_nobody(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "other", &["other:*"]).await;
    account(&keyward, "ada@example.com", &["reader", "other"]).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;

    keyward.delete_role(&operator, "reader", None).await.unwrap();
    role(&keyward, "reader", &["read:*"]).await;

    assert_eq!(keyward.user(&operator, "ada@example.com").await.unwrap().roles, ["other"]);
    assert!(!let_in(&keyward, &issued).await.unwrap().may("read:a"));
}

async fn a_role_given_to_a_new_name_makes_a_program_user(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "manager", &["manage:users"]).await;
    account(&keyward, "ada@example.com", &["manager"]).await;
    let ada = person(&keyward, "ada@example.com", false).await;

    let refused = keyward.assign_roles(&ada, "ci-bot", &texts(&["reader"])).await;
    assert_eq!(code(refused), Code::Forbidden("read:*".into()));
    assert_eq!(code(keyward.user(&operator, "ci-bot").await), Code::NotFound(Thing::User));

    let assigned = keyward.assign_roles(&operator, "ci-bot", &texts(&["reader"])).await.unwrap();
    assert!(assigned.created_program_user);
    assert_eq!(assigned.assignments.roles, ["reader"]);
    let bot = keyward.user(&operator, "ci-bot").await.unwrap();
    assert_eq!((bot.kind, bot.email), (UserKind::Program, None));
    assert!(let_in(&keyward, &key(&keyward, "CI", "ci-bot").await).await.unwrap().may("read:a"));

    let again = keyward.set_roles(&operator, "CI-bot", &texts(&["manager"]), None).await.unwrap();
    assert!(!again.created_program_user);
    assert_eq!(again.assignments.user_id, bot.id);

    // Taking everything from nobody makes nobody, and a name that can't be one makes nothing.
    assert_eq!(code(keyward.set_roles(&operator, "nobody", &[], None).await), Code::NotFound(Thing::User));
    for name in ["", "ab", "a b c", "a/b/c", "ada\n", &"x".repeat(257)] {
        let outcome = keyward.assign_roles(&operator, name, &texts(&["reader"])).await;
        assert_eq!(code(outcome), Code::InvalidInput("username".into()), "{name:?}");
    }
    let query = UserQuery::default();
    assert_eq!(keyward.list_users(&operator, &query).await.unwrap().items.len(), 2);
}

async fn an_account_and_a_program_user_never_share_a_name(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let new = |name: &str, program: bool| NewUser { username: name.into(), program, ..NewUser::default() };

    keyward.create_user(&operator, new("Ada@example.com", true)).await.unwrap();
    keyward.create_user(&operator, new("bob@example.com", false)).await.unwrap();

    for (name, program) in [
        ("ada@EXAMPLE.com", false),
        ("ada@example.com", true),
        ("BOB@example.com", true),
        ("Bob@example.com", false),
    ] {
        let outcome = keyward.create_user(&operator, new(name, program)).await;
        assert_eq!(code(outcome), Code::AlreadyExists(Thing::User), "{name} {program}");
    }
    // While it lives.
    keyward.delete_user(&operator, "ada@example.com", None).await.unwrap();
    let account = keyward.create_user(&operator, new("ada@example.com", false)).await.unwrap();
    assert_eq!(account.user.kind, UserKind::Account);
}

async fn a_name_is_found_whatever_its_case(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let made = account(&keyward, "Ädä.Lovelace@Example.com", &[]).await;

    for name in ["ädä.lovelace@example.com", "ÄDÄ.LOVELACE@EXAMPLE.COM", &made.id] {
        let found = keyward.user(&operator, name).await.unwrap();
        assert_eq!((found.id, found.username), (made.id.clone(), made.username.clone()), "{name}");
    }
    // What stands for something in a pattern is a character like any other.
    assert!(keyward.user(&operator, "%").await.is_err());
    assert!(keyward.user(&operator, "_dä.lovelace@example.com").await.is_err());
}

async fn nobody_is_called_by_anothers_id(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let ada = account(&keyward, "ada@example.com", &[]).await;

    for name in [ada.id.clone(), ada.id.to_uppercase()] {
        let new = NewUser { username: name, program: true, ..NewUser::default() };
        assert_eq!(code(keyward.create_user(&operator, new).await), Code::AlreadyExists(Thing::User));
    }
    assert_eq!(keyward.user(&operator, &ada.id).await.unwrap(), ada);
}

async fn a_program_user_has_no_password(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let new = NewUser { username: "ci-bot".into(), program: true, ..NewUser::default() };

    let made = keyward.create_user(&operator, new).await.unwrap();

    assert_eq!(made.temporary_password, None);
    assert_eq!(code(keyward.reset_password(&operator, "ci-bot").await), Code::Unsupported);
    assert_eq!(
        database.column("SELECT password_hash FROM users WHERE password_hash IS NOT NULL").await.len(),
        0
    );
    let nobody = Credential::parse("Bearer a.b.c").unwrap();
    assert_eq!(code(keyward.authenticate(&nobody, Origin::default()).await), Code::Unauthenticated);
}
