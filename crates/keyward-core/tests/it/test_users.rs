//! Accounts of the operator's configuration, to try an application with.

use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::{Environment, Keyward, Settings};
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest};
use keyward_core::provisioning::FirstAdmin;
use keyward_core::test_user::MadeOutcome;
use keyward_core::user::{NewUser, UserUpdate};

use crate::support::{START_MS, TestDatabase, account, client_id, code, on_both, person, role, texts};

on_both! {
    who_is_made_can_sign_in_and_is_marked,
    whoever_may_manage_users_makes_and_deletes_them,
    what_has_changed_is_repaired_and_told,
    an_account_that_only_has_the_name_is_left_alone,
    a_real_persons_account_is_no_test_user_for_whoever_may_do_everything_either,
    somebody_with_all_its_rights_may_make_a_test_user_of_an_account,
    a_group_that_is_not_there_makes_nobody,
    the_last_admin_is_not_deleted_and_nobody_else_either,
    there_are_none_in_production,
    none_are_made_where_they_are_switched_off,
}

const TEST_ADMIN: &str = "testadmin@example.com";
const RESEARCHER: &str = "testresearcher@example.com";
const PASSWORD: &str = "TestResearch123!";

/// With the default roles, and an admin.
async fn provisioned(database: &TestDatabase) -> std::sync::Arc<Keyward> {
    let keyward = database.keyward().await;
    let first = FirstAdmin { email: "ada@example.com".into(), password: Some("Correct-horse-1".into()) };
    keyward.bootstrap(first).await.unwrap();
    keyward
}

async fn manager(keyward: &Keyward) -> Caller {
    account(keyward, "manager@example.com", &["LAB_MANAGERS"]).await;
    person(keyward, "manager@example.com", false).await
}

async fn outcomes(keyward: &Keyward, caller: &Caller) -> Vec<MadeOutcome> {
    let made = keyward.create_test_users(caller).await.unwrap();
    made.into_iter().map(|made| made.outcome).collect()
}

async fn signs_in(keyward: &Keyward, username: &str, password: &str) -> bool {
    let (origin, client_id) = (Origin::default(), client_id(keyward).await);
    let request = SignInRequest::new(&origin, &client_id);
    matches!(keyward.sign_in_with_password(request, username, &password.into()).await, Ok(SignIn::Done(_)))
}

async fn who_is_made_can_sign_in_and_is_marked(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();

    assert_eq!(outcomes(&keyward, &operator).await, [const { MadeOutcome::Created }; 3]);
    assert_eq!(outcomes(&keyward, &operator).await, [const { MadeOutcome::Kept }; 3]);

    assert!(signs_in(&keyward, RESEARCHER, PASSWORD).await);
    let user = keyward.user(&operator, RESEARCHER).await.unwrap();
    assert!(user.is_test);
    assert_eq!(user.attributes.get("name").map(String::as_str), Some("Test Researcher"));
    assert!(!keyward.user(&operator, "ada@example.com").await.unwrap().is_test);
}

async fn whoever_may_manage_users_makes_and_deletes_them(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let manager = manager(&keyward).await;
    role(&keyward, "viewers", &["view:users"]).await;
    account(&keyward, "viewer@example.com", &["viewers"]).await;
    let viewer = person(&keyward, "viewer@example.com", false).await;

    assert_eq!(outcomes(&keyward, &manager).await, [const { MadeOutcome::Created }; 3]);
    let forbidden = Code::Forbidden("manage:users".into());
    assert_eq!(code(keyward.list_test_users(&viewer).await), forbidden);
    assert_eq!(code(keyward.create_test_users(&viewer).await), forbidden);
    assert_eq!(code(keyward.delete_test_users(&viewer).await), forbidden);

    let deleted = keyward.delete_test_users(&manager).await.unwrap();
    let names: Vec<&str> = deleted.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, [TEST_ADMIN, RESEARCHER, "testclinician@example.com"]);
    assert!(keyward.delete_test_users(&manager).await.unwrap().is_empty());
}

async fn what_has_changed_is_repaired_and_told(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();
    keyward.create_test_users(&operator).await.unwrap();
    let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator, RESEARCHER, disabled).await.unwrap();
    keyward.set_groups(&operator, RESEARCHER, &texts(&["CLINICIANS", "LAB_MANAGERS"])).await.unwrap();
    keyward.set_password(&operator, RESEARCHER, &"Changed-4-all".into(), false).await.unwrap();
    assert_eq!(keyward.list_test_users(&operator).await.unwrap()[1].password, None);

    let made = keyward.create_test_users(&operator).await.unwrap();

    assert_eq!(made[1].outcome, MadeOutcome::Repaired(vec!["enabled", "groups", "password"]));
    assert_eq!(made[0].outcome, MadeOutcome::Kept);
    assert!(signs_in(&keyward, RESEARCHER, PASSWORD).await);
    assert!(!signs_in(&keyward, RESEARCHER, "Changed-4-all").await);
    assert_eq!(keyward.user(&operator, RESEARCHER).await.unwrap().roles, ["RESEARCHERS"]);
    let found = keyward.list_test_users(&operator).await.unwrap();
    assert_eq!(found[1].password, Some(PASSWORD.into()));
}

async fn a_real_persons_account_is_no_test_user_for_whoever_may_do_everything_either(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();
    let new = |username: &str, password: &str| NewUser {
        username: username.into(),
        password: Some(password.into()),
        roles: texts(&["RESEARCHERS"]),
        ..NewUser::default()
    };
    keyward.create_user(&operator, new(RESEARCHER, "A-real-persons-1")).await.unwrap();
    keyward.create_user(&operator, new("testclinician@example.com", "TestClinic123!")).await.unwrap();

    let outcomes = outcomes(&keyward, &operator).await;

    // Whoever signs in with the configured password was made to be one.
    let adopted = MadeOutcome::Repaired(vec!["mark", "groups"]);
    assert_eq!(outcomes, [MadeOutcome::Created, MadeOutcome::Foreign, adopted]);
    assert!(signs_in(&keyward, RESEARCHER, "A-real-persons-1").await);
    keyward.delete_test_users(&operator).await.unwrap();
    assert!(keyward.user(&operator, RESEARCHER).await.is_ok());
}

async fn an_account_that_only_has_the_name_is_left_alone(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let (operator, manager) = (Caller::operator(), manager(&keyward).await);
    role(&keyward, "payroll", &["read:payroll"]).await;
    let new = NewUser {
        username: RESEARCHER.into(),
        password: Some(PASSWORD.into()),
        roles: texts(&["payroll"]),
        ..NewUser::default()
    };
    keyward.create_user(&operator, new).await.unwrap();
    keyward.assign_roles(&operator, "testclinician@example.com", &texts(&["payroll"])).await.unwrap();

    let outcomes = outcomes(&keyward, &manager).await;

    assert_eq!(outcomes, [MadeOutcome::Created, MadeOutcome::Foreign, MadeOutcome::Foreign]);
    let user = keyward.user(&operator, RESEARCHER).await.unwrap();
    assert_eq!((user.is_test, user.roles), (false, texts(&["payroll"])));
    // Nor is it told whether its password is the configured one.
    assert_eq!(keyward.list_test_users(&manager).await.unwrap()[1].password, None);
    keyward.delete_test_users(&manager).await.unwrap();
    assert!(keyward.user(&operator, RESEARCHER).await.is_ok());
}

async fn somebody_with_all_its_rights_may_make_a_test_user_of_an_account(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();
    let new = NewUser {
        username: TEST_ADMIN.into(),
        password: Some("TestAdmin123!".into()),
        roles: texts(&["ADMINS"]),
        ..NewUser::default()
    };
    keyward.create_user(&operator, new).await.unwrap();
    let (origin, client_id) = (Origin::default(), client_id(&keyward).await);
    let request = SignInRequest::new(&origin, &client_id);
    let signed_in = keyward.sign_in_with_password(request, TEST_ADMIN, &"TestAdmin123!".into()).await;
    let SignIn::Done(tokens) = signed_in.unwrap() else { panic!("more was asked for") };
    let test_admin = person(&keyward, TEST_ADMIN, false).await;

    let outcomes = outcomes(&keyward, &test_admin).await;

    assert_eq!(outcomes[0], MadeOutcome::Repaired(vec!["mark"]));
    assert!(keyward.user(&operator, TEST_ADMIN).await.unwrap().is_test);
    // Nothing but the mark was wrong, so the session goes on.
    assert!(keyward.refresh(request, &tokens.refresh_token.unwrap()).await.is_ok());
}

async fn a_group_that_is_not_there_makes_nobody(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();
    keyward.delete_role(&operator, "RESEARCHERS", None).await.unwrap();

    let made = keyward.create_test_users(&operator).await;

    assert_eq!(code(made), Code::NotFound(Thing::Role));
    assert_eq!(code(keyward.user(&operator, RESEARCHER).await), Code::NotFound(Thing::User));
}

async fn the_last_admin_is_not_deleted_and_nobody_else_either(database: TestDatabase) {
    let keyward = provisioned(&database).await;
    let operator = Caller::operator();
    keyward.create_test_users(&operator).await.unwrap();
    keyward.delete_user(&operator, "ada@example.com", None).await.unwrap();
    let before = database.contents().await;

    assert_eq!(code(keyward.delete_test_users(&operator).await), Code::Conflict);

    assert_eq!(database.contents().await, before);
}

async fn there_are_none_in_production(database: TestDatabase) {
    provisioned(&database).await;
    let settings = Settings { environment: Environment::Prod, ..Settings::default() };
    let keyward = database.keyward_with(Clock::fixed(START_MS), settings).await;
    let before = database.contents().await;

    assert_eq!(code(keyward.create_test_users(&Caller::operator()).await), Code::Conflict);

    assert_eq!(database.contents().await, before);
}

async fn none_are_made_where_they_are_switched_off(database: TestDatabase) {
    provisioned(&database).await;
    let settings = Settings { makes_test_users: false, ..Settings::default() };
    let keyward = database.keyward_with(Clock::fixed(START_MS), settings).await;

    let refused = keyward.create_test_users(&Caller::operator()).await.unwrap_err();

    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.message.contains("test_users"), "{}", refused.message);
}
