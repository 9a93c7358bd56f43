//! Test users and securing production where the users live elsewhere.

use std::sync::Arc;
use std::time::Duration;

use keyward_core::caller::Caller;
use keyward_core::error::Code;
use keyward_core::production::Secured;
use keyward_core::secret::Secret;
use keyward_core::test_user::MadeOutcome;
use keyward_core::user::UserUpdate;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::elsewhere::behind_a_proxy;
use crate::home::{FIRST, Home, PASSWORD, Place, code, operator, texts};
use crate::proxy::{Fault, Which};

const TEST_USERS: [(&str, &str); 3] = [
    ("testadmin@example.com", "TestAdmin123!"),
    ("testresearcher@example.com", "TestResearch123!"),
    ("testclinician@example.com", "TestClinic123!"),
];
/// How many calls are tried at the same time; most of it is waiting.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn test_users_are_made_repaired_and_removed() {
    for place in [Place::Moto, Place::Keyward] {
        let home = Home::at(place).await;
        let keyward = &home.keyward;

        let made = keyward.create_test_users(&operator()).await.unwrap();

        assert!(made.iter().all(|made| made.outcome == MadeOutcome::Created && made.user.is_test));
        for (name, password) in TEST_USERS {
            let token = home.token(name, password).await;
            assert!(home.let_in(&token).await.unwrap().may("submit:SOP1"));
        }
        let again = keyward.create_test_users(&operator()).await.unwrap();
        assert!(again.iter().all(|made| made.outcome == MadeOutcome::Kept));
        home.set_password(TEST_USERS[0].0, PASSWORD).await;
        keyward.set_roles(&operator(), TEST_USERS[1].0, &texts(&["CLINICIANS"]), None).await.unwrap();
        let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
        keyward.update_user(&operator(), TEST_USERS[2].0, disabled).await.unwrap();
        let told = keyward.list_test_users(&operator()).await.unwrap();
        assert_eq!(told.iter().map(|told| told.password.is_some()).collect::<Vec<_>>(), [false, true, false]);
        let repaired = keyward.create_test_users(&operator()).await.unwrap();
        let outcomes: Vec<_> = repaired.iter().map(|made| made.outcome.clone()).collect();
        let [MadeOutcome::Repaired(first), MadeOutcome::Repaired(second), MadeOutcome::Repaired(third)] =
            &outcomes[..]
        else {
            panic!("{outcomes:?}")
        };
        assert_eq!((first.as_slice(), second.as_slice()), (&["password"][..], &["groups"][..]));
        assert!(third.contains(&"enabled"), "{third:?}");
        for (name, password) in TEST_USERS {
            home.token(name, password).await;
        }
        let removed = keyward.delete_test_users(&operator()).await.unwrap();
        let names: Vec<_> = removed.iter().map(|user| user.username.as_str()).collect();
        assert_eq!(names, TEST_USERS.map(|(name, _)| name));
        assert!(keyward.delete_test_users(&operator()).await.unwrap().is_empty());
    }
}

/// Everybody who can do everything is as the report says: the old password, or the new one.
async fn passwords_are_told(home: &Home, secured: &Secured, admins: &[&str]) {
    for name in admins {
        let told = secured.admins.iter().find(|admin| admin.username == *name).unwrap();
        let mut passwords = vec![Secret::from(PASSWORD)];
        if let Some(password) = &told.password {
            if told.is_reset {
                passwords.clear();
            }
            passwords.push(password.clone());
        }
        let mut is_told = false;
        for password in passwords {
            is_told |= home.sign_in(name, password.expose()).await.is_ok();
        }
        assert!(is_told, "{name}: {secured:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_is_secured_and_the_callers_own_session_stays() {
    let home = Home::at(Place::Moto).await;
    home.keyward.create_test_users(&operator()).await.unwrap();
    let token = home.token(FIRST, PASSWORD).await;
    let (_, of_other) = home.person("boss@example.com", &["ADMINS"]).await;
    let caller = home.let_in(&token).await.unwrap();

    let plan = home.keyward.secure_production(&caller, true).await.unwrap();
    assert!(plan.is_plan && plan.test_passwords.len() == 3, "{plan:?}");
    let secured = home.keyward.secure_production(&caller, false).await.unwrap();

    assert_eq!((&secured.failures, secured.test_users.len()), (&Vec::new(), 3));
    let names: Vec<_> = secured.admins.iter().map(|admin| admin.username.as_str()).collect();
    assert_eq!(names, ["boss@example.com", FIRST]);
    passwords_are_told(&home, &secured, &["boss@example.com", FIRST]).await;
    assert_eq!(code(home.sign_in(FIRST, PASSWORD).await), Code::Unauthenticated);
    assert_eq!(code(home.let_in(&of_other).await), Code::Unauthenticated);
    assert!(home.let_in(&token).await.unwrap().may("*"));
    assert_eq!(code(home.keyward.create_test_users(&caller).await), Code::Conflict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_admins_that_are_test_users_stay() {
    let home = Home::at(Place::Moto).await;
    home.keyward.create_test_users(&operator()).await.unwrap();
    home.keyward.remove_role(&operator(), FIRST, "ADMINS", None).await.unwrap();

    let refused = home.keyward.secure_production(&operator(), false).await;

    assert_eq!(code(refused), Code::Conflict);
    home.token(TEST_USERS[0].0, TEST_USERS[0].1).await;
    assert_eq!(home.keyward.create_test_users(&operator()).await.unwrap().len(), 3);
}

/// Secures production while the n-th call fails so, for every n of them; then once more, with all well.
async fn fails_at_every_call(fault: Fault) {
    // As many as there are when none fails.
    let calls = fails_at(fault, usize::MAX).await;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let trying: Vec<_> = (1..=calls)
        .map(|number| {
            let permits = Arc::clone(&permits);
            tokio::spawn(async move {
                let _permit = permits.acquire().await.unwrap();
                assert!(fails_at(fault, number).await >= number, "{fault:?} at {number}");
            })
        })
        .collect();
    for tried in trying {
        tried.await.unwrap();
    }
}

/// How many calls it made the first time.
async fn fails_at(fault: Fault, number: usize) -> usize {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;
    home.keyward.create_test_users(&operator()).await.unwrap();
    home.person("boss@example.com", &["ADMINS"]).await;
    let admins = [FIRST, "boss@example.com"];
    proxy.let_fail(Which::Only(number), fault);

    let first = home.keyward.secure_production(&Caller::operator(), false).await;

    let calls = proxy.calls();
    proxy.heal();
    match &first {
        Ok(secured) => passwords_are_told(&home, secured, &admins).await,
        Err(error) => {
            let is_told = matches!(error.code, Code::Unavailable | Code::TooManyRequests(_));
            assert!(is_told, "{number}: {error:?}");
            for name in admins {
                home.token(name, PASSWORD).await;
            }
        }
    }
    let second = home.keyward.secure_production(&operator(), false).await.unwrap();
    assert_eq!(second.failures, Vec::new(), "{fault:?} at {number}");
    passwords_are_told(&home, &second, &admins).await;
    assert!(second.admins.iter().all(|admin| admin.is_reset));
    let left = home.keyward.list_test_users(&operator()).await.unwrap();
    assert!(left.iter().all(|found| found.user.is_none()), "{fault:?} at {number}");
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_off_call_loses_no_password_and_no_admin() {
    fails_at_every_call(Fault::CutAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_call_loses_no_password_and_no_admin() {
    fails_at_every_call(Fault::Throttled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_good_is_told_of_the_one_it_concerns() {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;
    home.person("boss@example.com", &["ADMINS"]).await;
    proxy.let_operation_fail("AdminSetUserPassword", Fault::Throttled);

    let secured = home.keyward.secure_production(&operator(), false).await.unwrap();

    assert_eq!(secured.failures.len(), 2, "{secured:?}");
    proxy.heal();
    for name in [FIRST, "boss@example.com"] {
        home.token(name, PASSWORD).await;
    }
    let input = json!({ "Username": FIRST });
    assert_eq!(home.elsewhere().call("AdminGetUser", input).await["UserStatus"], "CONFIRMED");
}
