//! What a home that is kept elsewhere must do beside what every home must.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward_core::caller::Origin;
use keyward_core::error::{Code, Thing};
use keyward_core::page::Cursor;
use keyward_core::provisioning::FirstAdmin;
use keyward_core::remote_pool::RemoteSignIn;
use keyward_core::role::RoleUpdate;
use keyward_core::secret::Secret;
use keyward_core::user::UserQuery;
use serde_json::json;

use crate::evidence;
use crate::home::{Elsewhere, FIRST, Home, PASSWORD, Place, code, new_user, open_in, operator, texts};
use crate::proxy::{Fault, Proxy, Which};

/// How old what is known may be in these tests.
const BOUND: Duration = Duration::from_millis(400);

/// A home in moto with a proxy before it.
pub(crate) async fn behind_a_proxy(bound: Duration) -> (Home, Proxy) {
    let proxy = Proxy::start().await;
    let elsewhere = Elsewhere::in_moto().await.through(&proxy.url);
    let bound_ms = i64::try_from(bound.as_millis()).unwrap();
    (Home::open(Place::Moto, evidence::folder(), Some(elsewhere), bound_ms).await, proxy)
}

async fn past_the_bound() {
    tokio::time::sleep(BOUND + Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_past_keyward_counts_within_the_bound() {
    let home = Home::with_bound(Place::Moto, i64::try_from(BOUND.as_millis()).unwrap()).await;
    let (user, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    assert!(home.let_in(&token).await.unwrap().may("view:group"));

    home.service().remove_from_group("ada@example.com", "RESEARCHERS").await.unwrap();
    home.service().create_group("CLINICIANS", "").await.unwrap();
    home.service().add_to_group("ada@example.com", "CLINICIANS").await.unwrap();
    home.service().create_group("STRANGERS", "").await.unwrap();
    home.service().add_to_group("ada@example.com", "STRANGERS").await.unwrap();

    past_the_bound().await;
    let caller = home.let_in(&token).await.unwrap();
    assert!(!caller.may("view:group") && caller.may("view:own"));
    assert_eq!(caller.standing.roles.to_vec(), ["CLINICIANS"]);
    home.service().set_enabled("ada@example.com", false).await.unwrap();
    past_the_bound().await;
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    home.service().set_enabled("ada@example.com", true).await.unwrap();
    past_the_bound().await;
    // Who was seen to be disabled must sign in again.
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let token = home.token("ada@example.com", PASSWORD).await;
    home.let_in(&token).await.unwrap();
    home.service().delete_user("ada@example.com").await.unwrap();
    past_the_bound().await;
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(home.keyward.user(&operator(), &user.id).await), Code::NotFound(Thing::User));
    let namesake = home.account("ada@example.com", &[]).await;
    assert!(namesake.id != user.id && namesake.roles.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_made_past_keyward_is_let_in_and_listed() {
    let home = Home::at(Place::Moto).await;
    home.service().create_group("LAB_MANAGERS", "").await.unwrap();
    let attributes = [("email".to_owned(), "eva@example.com".to_owned())].into();
    let made = home.service().create_user("eva", &attributes, &Secret::from("Temporary-3")).await.unwrap();
    home.service().set_password("eva", &Secret::from(PASSWORD), true).await.unwrap();
    home.service().add_to_group("eva", "LAB_MANAGERS").await.unwrap();

    let token = home.token("eva", PASSWORD).await;

    let caller = home.let_in(&token).await.unwrap();
    assert_eq!((caller.user_id(), caller.name()), (Some(made.id()), "eva"));
    assert!(caller.may("manage:users"));
    let listed = home.keyward.list_assignments(&operator(), &Cursor::default()).await.unwrap().items;
    assert!(listed.iter().any(|held| held.username == "eva" && held.roles == ["LAB_MANAGERS"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_counts_while_the_pool_does_not_answer() {
    let bound = Duration::from_secs(4);
    let (home, proxy) = behind_a_proxy(bound).await;
    let (_, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    home.let_in(&token).await.unwrap();

    proxy.let_fail(Which::From(1), Fault::Failed);

    home.let_in(&token).await.unwrap();
    tokio::time::sleep(bound).await;
    let begun = Instant::now();
    assert_eq!(code(home.let_in(&token).await), Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(10));
    proxy.heal();
    tokio::time::sleep(Duration::from_secs(1)).await;
    home.let_in(&token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_was_met_before_starts_while_the_pool_does_not_answer() {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;

    proxy.let_fail(Which::From(1), Fault::Failed);
    let keyward = open_in(home.folder.path(), Some(home.elsewhere()), 60_000).await;

    let first = FirstAdmin { email: FIRST.into(), password: Some(PASSWORD.into()) };
    assert!(keyward.bootstrap(first).await.unwrap().is_none());
    assert_eq!(code(keyward.user(&operator(), FIRST).await), Code::Unavailable);
    proxy.heal();
    keyward.user(&operator(), FIRST).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_hangs_is_told_within_ten_seconds() {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;

    proxy.let_fail(Which::From(1), Fault::Hung { is_carried_out: false });

    let begun = Instant::now();
    let (operator, everybody) = (operator(), UserQuery::default());
    let (found, listed, made) = tokio::join!(
        home.keyward.user(&operator, "ada@example.com"),
        home.keyward.list_users(&operator, &everybody),
        home.keyward.create_user(&operator, new_user("eva@example.com", &[])),
    );
    assert_eq!(
        [code(found), code(listed), code(made)],
        [Code::Unavailable, Code::Unavailable, Code::Unavailable]
    );
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_throttles_is_told_as_such() {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;

    proxy.let_fail(Which::From(1), Fault::Throttled);

    let refused = home.keyward.user(&operator(), "ada@example.com").await;
    assert_eq!(code(refused), Code::TooManyRequests(1));
    let refused = home.keyward.create_user(&operator(), new_user("eva@example.com", &[])).await;
    assert_eq!(code(refused), Code::TooManyRequests(1));
    proxy.heal();
    home.account("eva@example.com", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flaw_24_all_who_wait_for_one_user_share_one_question() {
    let (home, proxy) = behind_a_proxy(BOUND).await;
    let (_, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    home.let_in(&token).await.unwrap();
    let home = Arc::new(home);
    past_the_bound().await;
    proxy.count_anew();

    let asking = (0..40).map(|_| {
        let (home, token) = (Arc::clone(&home), token.clone());
        tokio::spawn(async move { home.let_in(&token).await.unwrap().may("view:own") })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert!(asked.await.unwrap());
    }

    let asked = proxy.operations();
    assert_eq!(asked.iter().filter(|operation| *operation == "AdminGetUser").count(), 1, "{asked:?}");
    assert!(asked.len() <= 3, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_on_behind_an_empty_page() {
    let (home, proxy) = behind_a_proxy(BOUND).await;
    for number in 0..3 {
        home.account(&format!("user{number}@example.com"), &["RESEARCHERS"]).await;
    }
    proxy.begin_lists_with_an_empty_page();
    past_the_bound().await;

    let listed = home.keyward.list_users(&operator(), &UserQuery::default()).await.unwrap();

    assert_eq!((listed.items.len(), listed.next), (4, None));
    let held = home.keyward.list_assignments(&operator(), &Cursor::default()).await.unwrap().items;
    assert_eq!(held.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_for_others_and_of_others_are_refused() {
    let home = Home::at(Place::Moto).await;
    let other = Home::at(Place::Moto).await;
    let (_, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    let (_, of_other_pool) = other.person("ada@example.com", &["RESEARCHERS"]).await;
    let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
    let client = json!({ "ClientName": "another", "ExplicitAuthFlows": flows });
    let client = home.elsewhere().call("CreateUserPoolClient", client).await;
    let client_id = client["UserPoolClient"]["ClientId"].as_str().unwrap();
    let parameters = json!({ "USERNAME": "ada@example.com", "PASSWORD": PASSWORD });
    let input =
        json!({ "ClientId": client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters });
    let for_other_client = home.elsewhere().call("InitiateAuth", input).await["AuthenticationResult"].clone();
    let signed_in =
        home.keyward.sign_in_elsewhere(&Origin::default(), "ada@example.com", &Secret::from(PASSWORD)).await;
    let RemoteSignIn::Done(tokens) = signed_in.unwrap() else { panic!("more is asked for") };

    home.let_in(&token).await.unwrap();
    home.let_in(tokens.access_token.expose()).await.unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let refused = [
        of_other_pool.as_str(),
        for_other_client["IdToken"].as_str().unwrap(),
        for_other_client["AccessToken"].as_str().unwrap(),
        &forged,
        "a.b.c",
    ];
    for token in refused {
        assert_eq!(code(home.let_in(token).await), Code::Unauthenticated, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_counts_for_who_signed_in_with_it_on() {
    let home = Home::with_bound(Place::Moto, i64::try_from(BOUND.as_millis()).unwrap()).await;
    let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    home.keyward.update_role(&operator(), "LAB_MANAGERS", update).await.unwrap();
    let (_, before) = home.person("ada@example.com", &["LAB_MANAGERS"]).await;
    assert!(!home.let_in(&before).await.unwrap().may("approve:x"));

    let input = json!({ "Username": "ada@example.com", "SMSMfaSettings": { "Enabled": true } });
    home.elsewhere().call("AdminSetUserMFAPreference", input).await;

    past_the_bound().await;
    assert!(!home.let_in(&before).await.unwrap().may("approve:x"));
    assert!(home.keyward.user(&operator(), "ada@example.com").await.unwrap().mfa);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = home.token("ada@example.com", PASSWORD).await;
    let caller = home.let_in(&after).await.unwrap();
    assert!(caller.has_mfa() && caller.may("approve:x"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_their_second_factor_is_asked_for_none() {
    let home = Home::at(Place::Moto).await;
    let (_, before) = home.person("ada@example.com", &["LAB_MANAGERS"]).await;
    let input = json!({ "Username": "ada@example.com", "SMSMfaSettings": { "Enabled": true } });
    home.elsewhere().call("AdminSetUserMFAPreference", input).await;
    assert!(home.keyward.user(&operator(), "ada@example.com").await.unwrap().mfa);

    home.keyward.reset_mfa(&operator(), "ada@example.com", None).await.unwrap();

    assert!(!home.keyward.user(&operator(), "ada@example.com").await.unwrap().mfa);
    let user = home.elsewhere().call("AdminGetUser", json!({ "Username": "ada@example.com" })).await;
    assert!(user["UserMFASettingList"].as_array().is_none_or(Vec::is_empty), "{user}");
    assert_eq!(code(home.let_in(&before).await), Code::Unauthenticated);
    assert!(home.let_in(&home.token("ada@example.com", PASSWORD).await).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_at_home_before_has_no_rights_any_more() {
    let home = Home::at(Place::Local).await;
    let (_, token) = home.person("ada@example.com", &["ADMINS"]).await;
    home.let_in(&token).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    home.keyward.close().await;
    std::fs::copy(home.folder.path().join("keyward.db"), folder.path().join("keyward.db")).unwrap();

    let moved = Home::open(Place::Moto, folder, Some(Elsewhere::in_moto().await), 60_000).await;

    assert_eq!(code(moved.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(moved.keyward.user(&operator(), "ada@example.com").await), Code::NotFound(Thing::User));
    let only = moved.keyward.delete_user(&operator(), FIRST, None).await;
    assert_eq!(code(only), Code::Conflict);
    moved.keyward.assign_roles(&operator(), "ci-bot", &texts(&["RESEARCHERS"])).await.unwrap();
}
