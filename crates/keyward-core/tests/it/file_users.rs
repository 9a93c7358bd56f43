//! Users who are kept in a file.

use std::sync::Arc;

use keyward_core::access::Credential;
use keyward_core::audit::AuditQuery;
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::jwt_file::{FilePassword, FileUser, UNCHANGEABLE};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::file_token::{FileTokenSettings, HmacAlgorithm};
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest, Tokens};
use keyward_core::page::Cursor;
use keyward_core::role::NewRole;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserUpdate};

use crate::support::{START_MS, TestDatabase, client_id, code, key, let_in, on_both, texts};

on_both! {
    a_user_of_the_file_signs_in_by_name_or_address,
    an_own_list_of_permissions_is_the_whole_grant,
    who_leaves_the_file_is_out_at_once_and_comes_back_as_the_same,
    another_password_ends_the_sessions_and_the_same_does_not,
    names_may_go_from_one_to_another,
    what_cannot_be_is_refused_and_enters_nothing,
    nothing_of_a_user_of_the_file_is_changed,
    the_roles_of_the_file_enter_when_it_says_something_new,
    tokens_are_good_under_their_own_secret_alone,
}

const PASSWORD: &str = "Correct-Horse-9!";

/// Keyward whose users are kept in a file.
async fn keyward(database: &TestDatabase) -> Arc<Keyward> {
    keyward_with(database, FileTokenSettings::default()).await
}

async fn keyward_with(database: &TestDatabase, tokens: FileTokenSettings) -> Arc<Keyward> {
    let keyward = database.keyward_of_file(Clock::fixed(START_MS), tokens).await;
    keyward.make_default_roles().await.unwrap();
    keyward
}

/// Somebody in the file, with [`PASSWORD`] in clear.
fn user(id: &str, groups: &[&str]) -> FileUser {
    FileUser {
        id: id.into(),
        username: format!("{id}-name"),
        email: Some(format!("{id}@example.com")),
        name: Some("Ada Lovelace".into()),
        groups: texts(groups),
        permissions: None,
        password: Some(FilePassword::Clear(PASSWORD.into())),
    }
}

async fn sign_in(keyward: &Keyward, name: &str, password: &str) -> Result<Tokens> {
    let (origin, client_id) = (Origin::default(), client_id(keyward).await);
    let request = SignInRequest::new(&origin, &client_id);
    match keyward.sign_in_with_password(request, name, &password.into()).await? {
        SignIn::Done(tokens) => Ok(tokens),
        SignIn::Challenge(challenge) => panic!("{:?} is asked for", challenge.question),
    }
}

async fn caller(keyward: &Keyward, token: &Secret) -> Result<Caller> {
    keyward.authenticate(&Credential::Token(token.clone()), Origin::default()).await
}

async fn a_user_of_the_file_signs_in_by_name_or_address(database: TestDatabase) {
    let keyward = keyward(&database).await;
    keyward.enter_file_users(&[user("ada", &["RESEARCHERS", "NIGHT SHIFT"])]).await.unwrap();

    for name in ["ada-name", "ADA@example.com"] {
        let tokens = sign_in(&keyward, name, PASSWORD).await.unwrap();
        for token in [&tokens.id_token, &tokens.access_token] {
            let caller = caller(&keyward, token).await.unwrap();
            assert_eq!((caller.user_id(), caller.name()), (Some("ada"), "ada-name"));
            assert_eq!(*caller.standing.roles, texts(&["NIGHT SHIFT", "RESEARCHERS"]));
            assert!(caller.may("submit:SOP1") && !caller.may("view:all"));
        }
    }
    assert_eq!(code(sign_in(&keyward, "ada-name", "Correct-Horse-8!").await), Code::Unauthenticated);
    let known = keyward.user(&Caller::operator(), "ada").await.unwrap();
    assert_eq!((known.attributes["name"].as_str(), known.email_verified), ("Ada Lovelace", true));
    // Nothing of what is in clear in the file is in clear here.
    let everything = format!("{:?}", database.contents().await);
    assert!(!everything.contains(PASSWORD));
}

async fn an_own_list_of_permissions_is_the_whole_grant(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let own = |id: &str, groups: &[&str], permissions: &[&str]| FileUser {
        permissions: Some(texts(permissions)),
        ..user(id, groups)
    };
    let users =
        [own("less", &["ADMINS"], &["view:own"]), own("more", &[], &["*"]), own("none", &["ADMINS"], &[])];
    keyward.enter_file_users(&users).await.unwrap();

    let less =
        caller(&keyward, &sign_in(&keyward, "less-name", PASSWORD).await.unwrap().id_token).await.unwrap();
    assert!(less.may("view:own") && !less.may("view:users"));
    assert_eq!(*less.standing.roles, texts(&["ADMINS"]));
    let more =
        caller(&keyward, &sign_in(&keyward, "more-name", PASSWORD).await.unwrap().id_token).await.unwrap();
    assert!(more.may("manage:users") && more.standing.roles.is_empty());
    let none =
        caller(&keyward, &sign_in(&keyward, "none-name", PASSWORD).await.unwrap().id_token).await.unwrap();
    assert!(none.standing.permissions.iter().next().is_none());
    // A key is worth what its user is.
    let keys = [key(&keyward, "less", "less-name").await, key(&keyward, "more", "more-name").await];
    assert!(!let_in(&keyward, &keys[0]).await.unwrap().may("view:users"));
    assert!(let_in(&keyward, &keys[1]).await.unwrap().may("view:users"));

    // Without the list, the roles count again.
    let users = [user("less", &["ADMINS"]), own("more", &[], &["view:own"])];
    keyward.enter_file_users(&users).await.unwrap();
    assert!(let_in(&keyward, &keys[0]).await.unwrap().may("view:users"));
    assert!(!let_in(&keyward, &keys[1]).await.unwrap().may("view:users"));
}

async fn who_leaves_the_file_is_out_at_once_and_comes_back_as_the_same(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let both = [user("ada", &["ADMINS"]), user("bob", &["ADMINS"])];
    keyward.enter_file_users(&both).await.unwrap();
    let tokens = sign_in(&keyward, "ada-name", PASSWORD).await.unwrap();
    let issued = key(&keyward, "ada's", "ada-name").await;

    keyward.enter_file_users(&both[1..]).await.unwrap();

    assert_eq!(code(caller(&keyward, &tokens.id_token).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);
    assert_eq!(code(sign_in(&keyward, "ada-name", PASSWORD).await), Code::Unauthenticated);
    // Their name is free, and who has it now has nothing of theirs.
    let heir = FileUser { username: "ada-name".into(), email: None, ..user("heir", &["CLINICIANS"]) };
    keyward.enter_file_users(&[both[1].clone(), heir]).await.unwrap();
    let heir =
        caller(&keyward, &sign_in(&keyward, "ada-name", PASSWORD).await.unwrap().id_token).await.unwrap();
    assert_eq!(heir.user_id(), Some("heir"));
    assert_eq!(code(let_in(&keyward, &issued).await), Code::Unauthenticated);

    keyward.enter_file_users(&both).await.unwrap();
    assert_eq!(let_in(&keyward, &issued).await.unwrap().user_id(), Some("ada"));
    // What was signed out stays so.
    assert_eq!(code(caller(&keyward, &tokens.id_token).await), Code::Unauthenticated);
}

async fn another_password_ends_the_sessions_and_the_same_does_not(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let operator = Caller::operator();
    keyward.enter_file_users(&[user("ada", &["ADMINS"])]).await.unwrap();
    let tokens = sign_in(&keyward, "ada-name", PASSWORD).await.unwrap();
    let events = async || keyward.list_audit(&operator, &AuditQuery::default()).await.unwrap().items.len();
    let before = (events().await, database.contents().await["users"].clone());

    keyward.enter_file_users(&[user("ada", &["ADMINS"])]).await.unwrap();
    assert_eq!((events().await, database.contents().await["users"].clone()), before);
    let renamed = FileUser { username: "countess".into(), ..user("ada", &["ADMINS"]) };
    keyward.enter_file_users(std::slice::from_ref(&renamed)).await.unwrap();
    assert_eq!(caller(&keyward, &tokens.id_token).await.unwrap().name(), "countess");

    let other = FilePassword::Clear("Another-Horse-9!".into());
    keyward.enter_file_users(&[FileUser { password: Some(other), ..renamed.clone() }]).await.unwrap();
    assert_eq!(code(caller(&keyward, &tokens.id_token).await), Code::Unauthenticated);
    assert_eq!(code(sign_in(&keyward, "countess", PASSWORD).await), Code::Unauthenticated);
    let tokens = sign_in(&keyward, "countess", "Another-Horse-9!").await.unwrap();
    keyward.enter_file_users(&[FileUser { password: None, ..renamed }]).await.unwrap();
    assert_eq!(code(caller(&keyward, &tokens.id_token).await), Code::Unauthenticated);
    assert_eq!(code(sign_in(&keyward, "countess", "Another-Horse-9!").await), Code::Unauthenticated);
}

async fn names_may_go_from_one_to_another(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let (ada, bob) = (user("ada", &["ADMINS"]), user("bob", &[]));
    keyward.enter_file_users(&[ada.clone(), bob.clone()]).await.unwrap();

    let swapped = [
        FileUser { username: bob.username.clone(), email: bob.email.clone(), ..ada.clone() },
        FileUser { username: ada.username.clone(), email: ada.email.clone(), ..bob.clone() },
    ];
    keyward.enter_file_users(&swapped).await.unwrap();

    let operator = Caller::operator();
    for (name, id) in [("bob-name", "ada"), ("bob@example.com", "ada"), ("ada-name", "bob")] {
        assert_eq!(keyward.user(&operator, name).await.unwrap().id, id, "{name}");
    }
}

async fn what_cannot_be_is_refused_and_enters_nothing(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let operator = Caller::operator();
    let bot = NewUser { username: "ci-bot".into(), program: true, ..NewUser::default() };
    let bot = keyward.create_user(&operator, bot).await.unwrap().user;
    let ada = user("ada", &[]);
    let invalid = Code::InvalidInput("users".into());
    for wrong in [
        FileUser { id: String::new(), ..user("bob", &[]) },
        FileUser { username: "bob by name".into(), ..user("bob", &[]) },
        FileUser { username: "ADA-NAME".into(), ..user("bob", &[]) },
        FileUser { email: Some("ada".into()), ..user("bob", &[]) },
        FileUser { permissions: Some(texts(&["everything"])), ..user("bob", &[]) },
        FileUser { password: Some(FilePassword::Hash("5f4dcc3b5aa765d6".into())), ..user("bob", &[]) },
        user("ada", &[]),
    ] {
        let error = keyward.enter_file_users(&[ada.clone(), wrong]).await.unwrap_err();
        assert_eq!(error.code, invalid, "{error}");
        assert!(error.message.starts_with("In lambda.auth, "), "{error}");
    }
    for taken in [
        FileUser { id: bot.id.clone(), ..user("bob", &[]) },
        FileUser { username: "ci-bot".into(), ..user("bob", &[]) },
    ] {
        let refused = keyward.enter_file_users(&[ada.clone(), taken]).await;
        assert_eq!(code(refused), Code::AlreadyExists(Thing::User));
    }
    assert_eq!(code(keyward.user(&operator, "ada").await), Code::NotFound(Thing::User));
}

async fn nothing_of_a_user_of_the_file_is_changed(database: TestDatabase) {
    let keyward = keyward(&database).await;
    let hash = user("hash", &["ADMINS"]);
    keyward.enter_file_users(&[user("ada", &["ADMINS"]), FileUser { password: None, ..hash }]).await.unwrap();
    let tokens = sign_in(&keyward, "ada-name", PASSWORD).await.unwrap();
    let (operator, origin) = (Caller::operator(), Origin::default());
    let unsupported = |outcome: Result<()>| {
        let error = outcome.expect_err("nobody changes a user of the file");
        assert_eq!((error.code, error.message.as_ref()), (Code::Unsupported, UNCHANGEABLE));
    };
    let before = database.contents().await["users"].clone();
    let new = NewUser { username: "new@example.com".into(), ..NewUser::default() };
    let pool = keyward.local_pool();
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    let (password, access_token) = (Secret::from("Another-Horse-9!"), &tokens.access_token);

    unsupported(keyward.create_user(&operator, new).await.map(drop));
    unsupported(keyward.update_user(&operator, "ada", disable).await.map(drop));
    unsupported(keyward.delete_user(&operator, "ada", None).await.map(drop));
    unsupported(keyward.reset_password(&operator, "ada").await.map(drop));
    let set = keyward.set_password_in(&**pool, &operator, "ada", &password, false).await;
    unsupported(set.map(drop));
    unsupported(keyward.set_password(&operator, "ada", &password, false).await.map(drop));
    unsupported(keyward.assign_roles(&operator, "ada", &texts(&["CLINICIANS"])).await.map(drop));
    unsupported(keyward.set_roles(&operator, "ada", &texts(&["CLINICIANS"]), None).await.map(drop));
    unsupported(keyward.remove_role(&operator, "ada", "ADMINS", None).await.map(drop));
    unsupported(keyward.create_test_users(&operator).await.map(drop));
    unsupported(keyward.delete_test_users(&operator).await.map(drop));
    unsupported(keyward.recover_admin(Some("ada"), false).await.map(drop));
    let own = keyward.change_password(&origin, access_token, Some(&PASSWORD.into()), &password).await;
    unsupported(own);
    let named = [("name".to_owned(), "Nobody".to_owned())].into();
    unsupported(keyward.update_own_attributes(&origin, access_token, named).await.map(drop));
    unsupported(keyward.delete_own_account(&origin, access_token).await);

    assert_eq!(database.contents().await["users"], before);
    assert_eq!(keyward.user(&operator, "ada").await.unwrap().roles, texts(&["ADMINS"]));
    // Program users are Keyward's own.
    let bot = NewUser { username: "ci-bot".into(), program: true, ..NewUser::default() };
    keyward.create_user(&operator, bot).await.unwrap();
    keyward.assign_roles(&operator, "ci-bot", &texts(&["CLINICIANS"])).await.unwrap();
    keyward.delete_user(&operator, "ci-bot", None).await.unwrap();
}

async fn the_roles_of_the_file_enter_when_it_says_something_new(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let of_file = |name: &str, permissions: &[&str]| NewRole {
        name: name.into(),
        description: "As the file has it".into(),
        permissions: texts(permissions),
        ..NewRole::default()
    };
    let permissions = async |name: &str| {
        let role = keyward.role(&operator, name).await.unwrap();
        role.permissions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    keyward.make_default_roles().await.unwrap();
    let file = [of_file("AUDITORS", &["view:*"]), of_file("CLINICIANS", &["view:own"])];

    keyward.enter_file_roles(&file).await.unwrap();
    assert_eq!([permissions("AUDITORS").await, permissions("CLINICIANS").await], [["view:*"], ["view:own"]]);

    // What was changed here stays, until the file says something else.
    let wider = keyward_core::role::RoleUpdate {
        permissions: Some(texts(&["view:*", "draft:*"])),
        ..keyward_core::role::RoleUpdate::default()
    };
    keyward.update_role(&operator, "AUDITORS", wider).await.unwrap();
    keyward.enter_file_roles(&file).await.unwrap();
    assert_eq!(permissions("AUDITORS").await, ["draft:*", "view:*"]);
    keyward.enter_file_roles(&[of_file("AUDITORS", &["view:a"]), file[1].clone()]).await.unwrap();
    assert_eq!(permissions("AUDITORS").await, ["view:a"]);
    let page = keyward.list_roles(&operator, &Cursor::default()).await.unwrap();
    assert_eq!(page.items.len(), 6);
}

async fn tokens_are_good_under_their_own_secret_alone(database: TestDatabase) {
    let secret = |text: &str| FileTokenSettings {
        secret: Some(text.into()),
        algorithm: HmacAlgorithm::Hs512,
        issuer: Some("claire-dev".into()),
        audience: Some("claire-backend".into()),
    };
    let first = keyward_with(&database, secret("one that nobody else has, of more than thirty-two")).await;
    first.enter_file_users(&[user("ada", &["ADMINS"])]).await.unwrap();
    let tokens = sign_in(&first, "ada-name", PASSWORD).await.unwrap();
    let derived = keyward(&database).await;
    let made = sign_in(&derived, "ada-name", PASSWORD).await.unwrap();
    let after_restart = keyward(&database).await;

    assert!(caller(&first, &tokens.id_token).await.is_ok());
    for (keyward, token) in [(&derived, &tokens.id_token), (&first, &made.id_token)] {
        assert_eq!(code(caller(keyward, token).await), Code::Unauthenticated);
    }
    // The one that the master key leads to is the same after each start.
    assert!(caller(&after_restart, &made.id_token).await.is_ok());
    after_restart.clock().advance_ms(8 * 3600 * 1000);
    assert_eq!(code(caller(&after_restart, &made.id_token).await), Code::Unauthenticated);
}
