//! Securing production leaves no test user, and no password that somebody may know.

use std::sync::Arc;

use keyward_core::access::Credential;
use keyward_core::api_key::{ApiKeyUpdate, NewApiKey};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::{Environment, Keyward, Settings};
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest};
use keyward_core::production::{KeyRisk, PowerfulRole, RiskyKey, Secured};
use keyward_core::provisioning::FirstAdmin;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserUpdate};

use crate::support::{
    START_MS, TestDatabase, account, client_id, code, key, new_key, on_both, person, role, texts,
};

on_both! {
    test_users_go_and_admins_have_new_passwords,
    whoever_becomes_a_test_user_or_an_admin_meanwhile_is_secured_too,
    a_plan_changes_nothing,
    admins_above_the_caller_are_left_as_they_are,
    nothing_is_done_when_no_admin_would_be_left,
    it_is_for_stage_and_prod_and_whoever_may_manage_users,
    test_users_are_switched_off_until_somebody_who_may_do_everything_allows_them,
    a_lost_answer_can_be_had_again,
    a_test_user_who_went_with_it_can_have_the_answer_again,
    what_is_left_to_look_at_is_told,
    who_may_not_see_keys_and_roles_is_told_of_none,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const OLD: &str = "Correct-horse-1";

/// With the default roles, the test users, and two admins.
async fn staged(database: &TestDatabase) -> Arc<Keyward> {
    let settings = Settings { environment: Environment::Stage, ..Settings::default() };
    let keyward = database.keyward_with(Clock::fixed(START_MS), settings).await;
    let first = FirstAdmin { email: ADA.into(), password: Some(OLD.into()) };
    keyward.bootstrap(first).await.unwrap();
    let bob = NewUser {
        username: BOB.into(),
        password: Some(OLD.into()),
        roles: texts(&["ADMINS"]),
        ..NewUser::default()
    };
    keyward.create_user(&Caller::operator(), bob).await.unwrap();
    keyward.create_test_users(&Caller::operator()).await.unwrap();
    keyward
}

async fn manager(keyward: &Keyward) -> Caller {
    account(keyward, "manager@example.com", &["LAB_MANAGERS"]).await;
    person(keyward, "manager@example.com", false).await
}

async fn signs_in(keyward: &Keyward, username: &str, password: &str) -> bool {
    let (origin, client_id) = (Origin::default(), client_id(keyward).await);
    let request = SignInRequest::new(&origin, &client_id);
    matches!(keyward.sign_in_with_password(request, username, &password.into()).await, Ok(SignIn::Done(_)))
}

async fn token(keyward: &Keyward, username: &str, password: &str) -> Credential {
    let (origin, client_id) = (Origin::default(), client_id(keyward).await);
    let request = SignInRequest::new(&origin, &client_id);
    match keyward.sign_in_with_password(request, username, &password.into()).await.unwrap() {
        SignIn::Done(tokens) => Credential::Token(tokens.id_token),
        SignIn::Challenge(asked) => panic!("{asked:?}"),
    }
}

fn password<'a>(secured: &'a Secured, username: &str) -> Option<&'a str> {
    let admin = secured.admins.iter().find(|admin| admin.username == username)?;
    admin.password.as_ref().map(Secret::expose)
}

async fn test_users_go_and_admins_have_new_passwords(database: TestDatabase) {
    let keyward = staged(&database).await;
    let ada = person(&keyward, ADA, false).await;

    let secured = keyward.secure_production(&ada, false).await.unwrap();

    let test_users = ["testadmin@example.com", "testresearcher@example.com", "testclinician@example.com"];
    assert_eq!(secured.test_users, test_users);
    for name in test_users {
        assert_eq!(code(keyward.user(&ada, name).await), Code::NotFound(Thing::User));
    }
    // Whoever asks comes last.
    let names: Vec<&str> = secured.admins.iter().map(|admin| admin.username.as_str()).collect();
    assert_eq!(names, [BOB, ADA]);
    for name in [ADA, BOB] {
        let new = password(&secured, name).unwrap();
        assert_eq!(new.chars().count(), 20);
        assert!(!signs_in(&keyward, name, OLD).await);
        assert!(signs_in(&keyward, name, new).await);
    }
    assert_ne!(password(&secured, ADA), password(&secured, BOB));
    let again = keyward.secure_production(&ada, false).await.unwrap();
    assert!(again.test_users.is_empty());
    assert_ne!(password(&again, BOB), password(&secured, BOB));
}

async fn whoever_becomes_a_test_user_or_an_admin_meanwhile_is_secured_too(database: TestDatabase) {
    let keyward = staged(&database).await;
    let operator = Caller::operator();
    for round in 0..8 {
        keyward.allow_test_users(&operator).await.unwrap();
        let newcomer = format!("admin{round}@example.com");
        let admin = NewUser {
            username: newcomer.clone(),
            password: Some(OLD.into()),
            roles: texts(&["ADMINS"]),
            ..NewUser::default()
        };

        let (made, created, secured) = tokio::join!(
            keyward.create_test_users(&operator),
            keyward.create_user(&operator, admin),
            keyward.secure_production(&operator, false),
        );

        let secured = secured.unwrap();
        created.unwrap();
        // Before it, and they are gone, or after it, and they are refused.
        assert!(made.is_ok() || code(made) == Code::Conflict);
        let left = keyward.list_test_users(&operator).await.unwrap();
        assert!(left.iter().all(|test| test.user.is_none()), "round {round}");
        // Who is told of was made before it.
        let is_told = password(&secured, &newcomer).is_some();
        assert_eq!(signs_in(&keyward, &newcomer, OLD).await, !is_told, "round {round}");
    }
}

async fn a_plan_changes_nothing(database: TestDatabase) {
    let keyward = staged(&database).await;
    let before = database.contents().await;

    let plan = keyward.secure_production(&Caller::operator(), true).await.unwrap();

    assert!(plan.is_plan && plan.admins.iter().all(|admin| admin.is_reset && admin.password.is_none()));
    assert_eq!((plan.test_users.len(), plan.admins.len()), (3, 2));
    assert_eq!(database.contents().await, before);
}

async fn admins_above_the_caller_are_left_as_they_are(database: TestDatabase) {
    let keyward = staged(&database).await;
    let manager = manager(&keyward).await;

    let secured = keyward.secure_production(&manager, false).await.unwrap();

    assert_eq!(secured.test_users.len(), 3);
    assert!(secured.admins.iter().all(|admin| !admin.is_reset && admin.password.is_none()));
    assert!(signs_in(&keyward, ADA, OLD).await);
}

async fn nothing_is_done_when_no_admin_would_be_left(database: TestDatabase) {
    let keyward = staged(&database).await;
    let operator = Caller::operator();
    keyward.delete_user(&operator, ADA, None).await.unwrap();
    keyward.delete_user(&operator, BOB, None).await.unwrap();
    let before = database.contents().await;

    assert_eq!(code(keyward.secure_production(&operator, false).await), Code::Conflict);

    assert_eq!(database.contents().await, before);
}

async fn it_is_for_stage_and_prod_and_whoever_may_manage_users(database: TestDatabase) {
    let keyward = staged(&database).await;
    let settings = Settings { environment: Environment::Dev, ..Settings::default() };
    let dev = database.keyward_with(Clock::fixed(START_MS), settings).await;
    role(&keyward, "viewers", &["view:users"]).await;
    account(&keyward, "viewer@example.com", &["viewers"]).await;
    let viewer = person(&keyward, "viewer@example.com", false).await;

    for is_plan in [false, true] {
        let refused = dev.secure_production(&Caller::operator(), is_plan).await.unwrap_err();
        assert_eq!(refused.message, "secure-production only for stage/prod environments (current: dev)");
        assert_eq!(refused.code, Code::Unsupported);
        for keyward in [&keyward, &dev] {
            let refused = keyward.secure_production(&viewer, is_plan).await;
            assert_eq!(code(refused), Code::Forbidden("manage:users".into()));
        }
    }
}

async fn test_users_are_switched_off_until_somebody_who_may_do_everything_allows_them(
    database: TestDatabase,
) {
    let keyward = staged(&database).await;
    let operator = Caller::operator();
    keyward.secure_production(&operator, false).await.unwrap();
    let manager = manager(&keyward).await;

    assert_eq!(code(keyward.create_test_users(&operator).await), Code::Conflict);
    assert_eq!(code(keyward.allow_test_users(&manager).await), Code::Forbidden("*".into()));
    keyward.allow_test_users(&operator).await.unwrap();

    assert_eq!(keyward.create_test_users(&manager).await.unwrap().len(), 3);
}

async fn a_lost_answer_can_be_had_again(database: TestDatabase) {
    let keyward = staged(&database).await;
    let origin = Origin { idempotency_key: Some("secure-1".into()), ..Origin::default() };
    let ada = Caller { origin, ..person(&keyward, ADA, false).await };

    let first = keyward.secure_production(&ada, false).await.unwrap();
    let again = keyward.secure_production(&ada, false).await.unwrap();

    assert_eq!(password(&first, BOB), password(&again, BOB));
    assert_eq!(first.test_users, again.test_users);
    // Somebody who has lost rights since hears nothing.
    keyward.set_groups(&Caller::operator(), ADA, &texts(&["LAB_MANAGERS"])).await.unwrap();
    let demoted = Caller { origin: ada.origin.clone(), ..person(&keyward, ADA, false).await };
    assert_eq!(code(keyward.secure_production(&demoted, false).await), Code::Conflict);
}

async fn a_test_user_who_went_with_it_can_have_the_answer_again(database: TestDatabase) {
    let keyward = staged(&database).await;
    let (admin, researcher) = (
        token(&keyward, "testadmin@example.com", "TestAdmin123!").await,
        token(&keyward, "testresearcher@example.com", "TestResearch123!").await,
    );
    let origin = |key: &str| Origin { idempotency_key: Some(key.into()), ..Origin::default() };
    let before = async |token: &Credential, key: &str| {
        let before = keyward.secured_before(Some(token), origin(key)).await.unwrap();
        before.map(|secured| password(&secured, BOB).unwrap().to_owned())
    };
    assert_eq!(before(&admin, "secure-1").await, None);
    let caller = keyward.authenticate(&admin, origin("secure-1")).await.unwrap();

    let first = keyward.secure_production(&caller, false).await.unwrap();

    assert_eq!(code(keyward.authenticate(&admin, origin("secure-1")).await), Code::Unauthenticated);
    assert_eq!(before(&admin, "secure-1").await.as_deref(), password(&first, BOB));
    assert_eq!(before(&admin, "secure-2").await, None);
    assert_eq!(before(&researcher, "secure-1").await, None);
    let keyless = keyward.secured_before(Some(&admin), Origin::default()).await.unwrap();
    assert!(keyless.is_none());
}

async fn what_is_left_to_look_at_is_told(database: TestDatabase) {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let keyward = staged(&database).await;
    let operator = Caller::operator();
    let end = || Some("2099-12-31".to_owned());
    let ending = |name: &str| NewApiKey { expires_at: end(), ..new_key(name, BOB) };
    let old = key(&keyward, "old and for ever", BOB).await.key.id;
    let resting = keyward.create_api_key(&operator, ending("resting")).await.unwrap().key.id;
    let off = key(&keyward, "off", BOB).await.key.id;
    let disable = ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, &off, disable).await.unwrap();
    keyward.clock().advance_ms(90 * DAY_MS);
    keyward.create_api_key(&operator, ending("new and with an end")).await.unwrap();
    let young = key(&keyward, "young and for ever", ADA).await.key.id;
    // What a test user has made would outlive them.
    let tester = person(&keyward, "testadmin@example.com", false).await;
    let made = keyward.create_api_key(&tester, ending("way back")).await.unwrap().key.id;
    let access_key = keyward.create_access_key(&tester, ADA).await.unwrap().key.id;
    // An admin has taken a test user's password for their own.
    keyward.set_password(&operator, ADA, &"TestAdmin123!".into(), false).await.unwrap();
    role(&keyward, "owners", &["read:*", "*"]).await;
    role(&keyward, "starred", &["read:**"]).await;

    let plan = keyward.secure_production(&operator, true).await.unwrap();

    let risky = |id: &str, name: &str, username: &str, risks: &[KeyRisk]| RiskyKey {
        id: id.into(),
        name: name.into(),
        username: username.into(),
        risks: risks.into(),
    };
    assert_eq!(
        plan.keys.unwrap(),
        [
            risky(&old, "old and for ever", BOB, &[KeyRisk::NeverExpires, KeyRisk::Unused]),
            risky(&resting, "resting", BOB, &[KeyRisk::Unused]),
            risky(&made, "way back", BOB, &[KeyRisk::MadeByTestUser]),
            risky(&young, "young and for ever", ADA, &[KeyRisk::NeverExpires]),
            risky(&access_key, "access key", ADA, &[KeyRisk::NeverExpires, KeyRisk::MadeByTestUser]),
        ]
    );
    let roles = plan.roles.unwrap();
    let powerful = |name: &str, holders: &[&str]| PowerfulRole { name: name.into(), holders: texts(holders) };
    assert_eq!(roles, [powerful("ADMINS", &[ADA, BOB, "testadmin@example.com"]), powerful("owners", &[])]);
    let test_users = ["testadmin@example.com", "testresearcher@example.com", "testclinician@example.com"];
    assert_eq!(plan.test_passwords, [&test_users[..], &[ADA]].concat());

    // A key comes back with who is let in again.
    let out = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator, BOB, out).await.unwrap();
    let plan = keyward.secure_production(&operator, true).await.unwrap();
    let resting = plan.keys.unwrap().into_iter().find(|key| key.name == "resting").unwrap();
    assert_eq!(resting.risks, [KeyRisk::Unused, KeyRisk::UserDisabled]);
}

async fn who_may_not_see_keys_and_roles_is_told_of_none(database: TestDatabase) {
    let keyward = staged(&database).await;
    key(&keyward, "for ever", BOB).await;
    keyward.set_password(&Caller::operator(), ADA, &"TestAdmin123!".into(), false).await.unwrap();
    role(&keyward, "managers", &["manage:users"]).await;
    account(&keyward, "manager@example.com", &["managers"]).await;
    let manager = person(&keyward, "manager@example.com", false).await;

    let plan = keyward.secure_production(&manager, true).await.unwrap();

    assert_eq!((plan.keys, plan.roles), (None, None));
    // Nor of a password that lets them in above their rights.
    assert!(!plan.test_passwords.contains(&ADA.to_owned()));
}
