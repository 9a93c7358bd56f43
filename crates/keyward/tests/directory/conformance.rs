//! What every home of users must do, wherever it is. Where moto isn't as Amazon is, [`differences`] says so.

use std::collections::BTreeSet;

use keyward_core::access::Credential;
use keyward_core::api_key::NewApiKey;
use keyward_core::audit::{AuditEvent, AuditQuery};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Thing};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserKind, UserQuery, UserStatus, UserUpdate};

use crate::home::{FIRST, Home, PASSWORD, Place, code, new_user, operator, texts};

/// In what moto differs from Amazon Cognito, and so from the other homes.
mod differences {
    use crate::home::Place;

    /// moto compares names letter by letter; Amazon takes names that differ in case alone for one.
    pub(super) fn knows_names_in_any_case(place: Place) -> bool {
        place != Place::Moto
    }

    /// moto lets two users of a pool whose names are their own have the same name in different case.
    pub(super) fn says_when_a_user_was_changed(place: Place) -> bool {
        place != Place::Moto
    }
}

/// Makes of each function here a test of each home.
macro_rules! in_every_home {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::home::{Home, Place};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn here() {
                super::$name(Home::at(Place::Local).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_moto() {
                super::$name(Home::at(Place::Moto).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_another_keyward() {
                super::$name(Home::at(Place::Keyward).await).await;
            }
        }
    )*};
}

in_every_home![
    a_new_account_is_found_by_name_and_id,
    what_is_refused_leaves_nothing_behind,
    a_repeated_request_has_the_first_ones_answer,
    lists_have_everybody_once_whatever_the_size_of_a_page,
    a_search_finds_the_beginning_of_names_and_addresses,
    what_is_changed_of_an_account_stays_changed,
    a_change_of_an_old_version_is_refused,
    who_is_disabled_is_refused_at_once,
    who_is_deleted_is_gone_with_their_keys,
    a_reset_password_keeps_the_account_and_ends_its_sessions,
    a_password_that_is_set_signs_in,
    roles_count_on_the_next_request,
    an_api_key_has_the_rights_of_its_user,
    the_last_admin_stays,
    program_users_stand_beside_the_accounts,
    who_is_signed_out_signs_in_again,
    every_change_is_one_event_about_the_user,
];

async fn a_new_account_is_found_by_name_and_id(home: Home) {
    let keyward = &home.keyward;
    let new = NewUser { phone: Some("+12065550100".into()), ..new_user("ada@example.com", &["RESEARCHERS"]) };

    let made = keyward.create_user(&operator(), new).await.unwrap();

    assert_eq!((made.user.username.as_str(), made.user.kind), ("ada@example.com", UserKind::Account));
    assert_eq!((made.user.email.as_deref(), made.user.email_verified), (Some("ada@example.com"), true));
    assert_eq!((made.user.status, made.user.enabled), (UserStatus::ForceChangePassword, true));
    assert_eq!(made.user.roles, ["RESEARCHERS"]);
    for key in ["ada@example.com", made.user.id.as_str()] {
        let found = keyward.user(&operator(), key).await.unwrap();
        assert_eq!((&found.id, &found.username), (&made.user.id, &made.user.username));
        assert_eq!((found.email.as_deref(), found.email_verified), (Some("ada@example.com"), true));
        assert_eq!(found.phone.as_deref(), Some("+12065550100"));
        assert_eq!((found.status, &found.roles), (UserStatus::ForceChangePassword, &made.user.roles));
        assert!(found.created_at_ms > 0 && !found.mfa);
    }
    if differences::knows_names_in_any_case(home.place) {
        assert_eq!(keyward.user(&operator(), "ADA@example.com").await.unwrap().id, made.user.id);
    }
    let password = made.temporary_password.unwrap();
    let asked = home.sign_in("ada@example.com", password.expose()).await.unwrap();
    assert_eq!(asked, Err("NEW_PASSWORD_REQUIRED".to_owned()));
    assert_eq!(code(home.sign_in("ada@example.com", "Wrong-password-1").await), Code::Unauthenticated);
    assert_eq!(code(home.sign_in("nobody@example.com", "Wrong-password-1").await), Code::Unauthenticated);
    for key in ["nobody@example.com", "00000000-0000-4000-8000-000000000000"] {
        assert_eq!(code(keyward.user(&operator(), key).await), Code::NotFound(Thing::User));
    }
}

async fn what_is_refused_leaves_nothing_behind(home: Home) {
    let keyward = &home.keyward;
    home.account("taken@example.com", &[]).await;
    let weak = |name: &str| NewUser { temporary_password: Some(Secret::from("weak")), ..new_user(name, &[]) };

    let refused = [
        code(keyward.create_user(&operator(), new_user("eve@example.com", &["NO_SUCH_GROUP"])).await),
        code(keyward.create_user(&operator(), weak("eve@example.com")).await),
        code(keyward.create_user(&operator(), new_user("taken@example.com", &["ADMINS"])).await),
    ];

    let missing = Code::NotFound(Thing::Role);
    assert_eq!(refused, [missing, Code::PasswordRejected, Code::AlreadyExists(Thing::User)]);
    assert_eq!(code(keyward.user(&operator(), "eve@example.com").await), Code::NotFound(Thing::User));
    assert!(keyward.user(&operator(), "taken@example.com").await.unwrap().roles.is_empty());
    home.account("eve@example.com", &["RESEARCHERS"]).await;
    if differences::knows_names_in_any_case(home.place) {
        let again = keyward.create_user(&operator(), new_user("EVE@example.com", &[])).await;
        assert_eq!(code(again), Code::AlreadyExists(Thing::User));
    }
}

async fn a_repeated_request_has_the_first_ones_answer(home: Home) {
    let keyward = &home.keyward;
    let mut caller = operator();
    caller.origin.idempotency_key = Some("b2c1".into());

    let first = keyward.create_user(&caller, new_user("ada@example.com", &["RESEARCHERS"])).await.unwrap();
    let again = keyward.create_user(&caller, new_user("ada@example.com", &["RESEARCHERS"])).await.unwrap();

    assert_eq!((&first.user.id, &first.user.username), (&again.user.id, &again.user.username));
    let passwords = [first.temporary_password, again.temporary_password].map(Option::unwrap);
    assert_eq!(passwords[0].expose(), passwords[1].expose());
    assert_eq!(keyward.user(&operator(), &again.user.id).await.unwrap().username, "ada@example.com");
}

async fn lists_have_everybody_once_whatever_the_size_of_a_page(home: Home) {
    let mut names = BTreeSet::from([FIRST.to_owned(), "ci-bot".to_owned(), "zz-bot".to_owned()]);
    for number in 0..7 {
        let name = format!("user{number}@example.com");
        home.account(&name, if number == 3 { &["LAB_MANAGERS"] } else { &[] }).await;
        names.insert(name);
    }
    for bot in ["ci-bot", "zz-bot"] {
        home.keyward.assign_roles(&operator(), bot, &texts(&["RESEARCHERS"])).await.unwrap();
    }
    if home.place == Place::Keyward {
        names.insert("root@example.org".to_owned());
    }

    for limit in [1, 3, 100] {
        let (mut found, mut next) = (Vec::new(), None::<String>);
        loop {
            let page = Cursor::new(Some(limit), next.as_deref()).unwrap();
            let listed =
                home.keyward.list_users(&operator(), &UserQuery { page, ..UserQuery::default() }).await;
            let listed = listed.unwrap();
            assert!(listed.items.len() <= limit);
            found.extend(listed.items);
            next = listed.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), names.len(), "{limit}");
        assert_eq!(found.iter().map(|user| user.username.clone()).collect::<BTreeSet<_>>(), names, "{limit}");
        let manager = found.iter().find(|user| user.username == "user3@example.com").unwrap();
        assert_eq!(manager.roles, ["LAB_MANAGERS"]);
        let bot = found.iter().find(|user| user.username == "ci-bot").unwrap();
        assert_eq!((bot.kind, bot.roles.as_slice()), (UserKind::Program, texts(&["RESEARCHERS"]).as_slice()));
    }
    for (kind, count) in [(UserKind::Program, 2), (UserKind::Account, names.len() - 2)] {
        let query = UserQuery { kind: Some(kind), ..UserQuery::default() };
        let listed = home.keyward.list_users(&operator(), &query).await.unwrap();
        assert_eq!((listed.items.len(), listed.next), (count, None));
        assert!(listed.items.iter().all(|user| user.kind == kind));
    }
}

async fn a_search_finds_the_beginning_of_names_and_addresses(home: Home) {
    for name in ["ada@example.com", "adam@example.com", "bob@example.com"] {
        home.account(name, &[]).await;
    }
    let new = NewUser { email: Some("adele@example.com".into()), ..new_user("carol@example.com", &[]) };
    home.keyward.create_user(&operator(), new).await.unwrap();
    home.keyward.assign_roles(&operator(), "adapter", &texts(&["RESEARCHERS"])).await.unwrap();

    let query = |search: &str| UserQuery { search: Some(search.into()), ..UserQuery::default() };
    let mut found = Vec::new();
    for search in ["ad", "adam@", "carol", "x\"y"] {
        let page = home.keyward.list_users(&operator(), &query(search)).await.unwrap();
        assert_eq!(page.next, None);
        found.push(page.items.into_iter().map(|user| user.username).collect::<BTreeSet<_>>());
    }

    let names = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<BTreeSet<_>>();
    let ad = names(&["ada@example.com", "adam@example.com", "adapter", "carol@example.com"]);
    assert_eq!(found, [ad, names(&["adam@example.com"]), names(&["carol@example.com"]), names(&[])]);
}

async fn what_is_changed_of_an_account_stays_changed(home: Home) {
    let keyward = &home.keyward;
    let user = home.account("ada@example.com", &["RESEARCHERS"]).await;
    let attributes = [("name".to_owned(), Some("Ada".to_owned()))].into();
    let update = UserUpdate {
        email: Some("countess@example.com".into()),
        phone: Some(Some("+12065550100".into())),
        attributes,
        ..UserUpdate::default()
    };

    let changed = keyward.update_user(&operator(), "ada@example.com", update).await.unwrap();

    let found = keyward.user(&operator(), &user.id).await.unwrap();
    for user in [&changed, &found] {
        assert_eq!((user.email.as_deref(), user.email_verified), (Some("countess@example.com"), false));
        assert_eq!(
            (user.phone.as_deref(), user.username.as_str()),
            (Some("+12065550100"), "ada@example.com")
        );
        assert_eq!(user.attributes.get("name").map(String::as_str), Some("Ada"));
        assert_eq!(user.roles, ["RESEARCHERS"]);
    }
    if differences::says_when_a_user_was_changed(home.place) {
        assert!(found.updated_at_ms >= user.updated_at_ms);
    }
    let update = UserUpdate { phone: Some(None), ..UserUpdate::default() };
    keyward.update_user(&operator(), &user.id, update).await.unwrap();
    let found = keyward.user(&operator(), &user.id).await.unwrap();
    assert_eq!((found.phone, found.email.as_deref()), (None, Some("countess@example.com")));
}

async fn a_change_of_an_old_version_is_refused(home: Home) {
    let keyward = &home.keyward;
    let user = home.account("ada@example.com", &[]).await;
    let update = |version| UserUpdate {
        attributes: [("name".to_owned(), Some("Ada".to_owned()))].into(),
        if_match: Some(version),
        ..UserUpdate::default()
    };
    let read = keyward.user(&operator(), &user.id).await.unwrap();

    let changed = keyward.update_user(&operator(), &user.id, update(read.version)).await.unwrap();
    let refused = keyward.update_user(&operator(), &user.id, update(read.version)).await;

    assert_eq!(code(refused), Code::PreconditionFailed);
    assert_eq!(keyward.user(&operator(), &user.id).await.unwrap().version, changed.version);
    assert_eq!(
        code(keyward.delete_user(&operator(), &user.id, Some(read.version)).await),
        Code::PreconditionFailed
    );
    keyward.delete_user(&operator(), &user.id, Some(changed.version)).await.unwrap();
}

async fn who_is_disabled_is_refused_at_once(home: Home) {
    let keyward = &home.keyward;
    let (user, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    assert!(home.let_in(&token).await.unwrap().may("view:own"));
    let key = issue(&home, &user.id).await;
    let enabled = |enabled| UserUpdate { enabled: Some(enabled), ..UserUpdate::default() };

    keyward.update_user(&operator(), &user.id, enabled(false)).await.unwrap();

    assert!(!keyward.user(&operator(), &user.id).await.unwrap().enabled);
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&home, &key).await), Code::Unauthenticated);
    assert_eq!(code(home.sign_in("ada@example.com", PASSWORD).await), Code::Unauthenticated);
    keyward.update_user(&operator(), &user.id, enabled(true)).await.unwrap();
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert!(let_in(&home, &key).await.unwrap().may("view:own"));
}

async fn who_is_deleted_is_gone_with_their_keys(home: Home) {
    let keyward = &home.keyward;
    let (user, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    home.let_in(&token).await.unwrap();
    let key = issue(&home, &user.id).await;

    keyward.delete_user(&operator(), "ada@example.com", None).await.unwrap();

    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&home, &key).await), Code::Unauthenticated);
    assert_eq!(code(keyward.user(&operator(), &user.id).await), Code::NotFound(Thing::User));
    assert_eq!(code(keyward.delete_user(&operator(), &user.id, None).await), Code::NotFound(Thing::User));
    let namesake = home.account("ada@example.com", &[]).await;
    assert_ne!(namesake.id, user.id);
    assert!(namesake.roles.is_empty());
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
}

async fn a_reset_password_keeps_the_account_and_ends_its_sessions(home: Home) {
    let keyward = &home.keyward;
    let (user, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    home.let_in(&token).await.unwrap();

    let reset = keyward.reset_password(&operator(), "ada@example.com").await.unwrap();

    let password = reset.temporary_password.unwrap();
    assert_eq!((&reset.user.id, reset.user.status), (&user.id, UserStatus::ForceChangePassword));
    let found = keyward.user(&operator(), &user.id).await.unwrap();
    assert_eq!((found.status, found.roles), (UserStatus::ForceChangePassword, texts(&["RESEARCHERS"])));
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(home.sign_in("ada@example.com", PASSWORD).await), Code::Unauthenticated);
    let asked = home.sign_in("ada@example.com", password.expose()).await.unwrap();
    assert_eq!(asked, Err("NEW_PASSWORD_REQUIRED".to_owned()));
}

async fn a_password_that_is_set_signs_in(home: Home) {
    let user = home.account("ada@example.com", &["RESEARCHERS"]).await;
    let weak = Secret::from("weak");
    let refused =
        home.keyward.set_password_in(home.keyward.home(), &operator(), &user.id, &weak, false).await;
    assert_eq!(code(refused), Code::PasswordRejected);

    home.set_password(&user.id, PASSWORD).await;

    assert_eq!(home.keyward.user(&operator(), &user.id).await.unwrap().status, UserStatus::Confirmed);
    let first = home.token("ada@example.com", PASSWORD).await;
    let caller = home.let_in(&first).await.unwrap();
    assert_eq!(
        (caller.user_id(), caller.name(), caller.kind()),
        (Some(user.id.as_str()), "ada@example.com", "person")
    );
    assert!(caller.may("view:own") && !caller.may("manage:users") && !caller.has_mfa());
    home.set_password(&user.id, "Another-secret-3").await;
    assert_eq!(code(home.let_in(&first).await), Code::Unauthenticated);
    let second = home.token("ada@example.com", "Another-secret-3").await;
    home.let_in(&second).await.unwrap();
}

async fn roles_count_on_the_next_request(home: Home) {
    let keyward = &home.keyward;
    let (user, token) = home.person("ada@example.com", &[]).await;
    let may = async |permission: &str| home.let_in(&token).await.unwrap().may(permission);
    assert!(!may("view:own").await);

    keyward.assign_roles(&operator(), &user.id, &texts(&["RESEARCHERS", "CLINICIANS"])).await.unwrap();

    assert!(may("view:group").await);
    let again = keyward.assign_roles(&operator(), &user.id, &texts(&["CLINICIANS"])).await;
    assert_eq!(code(again), Code::AlreadyExists(Thing::Assignment));
    keyward.remove_role(&operator(), &user.id, "RESEARCHERS", None).await.unwrap();
    assert!(!may("view:group").await && may("view:own").await);
    let again = keyward.remove_role(&operator(), &user.id, "RESEARCHERS", None).await;
    assert_eq!(code(again), Code::NotFound(Thing::Assignment));
    let set =
        keyward.set_roles(&operator(), &user.id, &texts(&["SERVICE", "RESEARCHERS"]), None).await.unwrap();
    assert_eq!(set.assignments.roles, ["RESEARCHERS", "SERVICE"]);
    assert!(may("view:group").await && may("verify:credentials").await);
    let found = keyward.user(&operator(), &user.id).await.unwrap();
    assert_eq!(found.roles, ["RESEARCHERS", "SERVICE"]);
    let listed = keyward.list_assignments(&operator(), &Cursor::default()).await.unwrap().items;
    let listed = listed.iter().find(|held| held.user_id == user.id).unwrap();
    assert_eq!(listed.roles, ["RESEARCHERS", "SERVICE"]);
    keyward.set_roles(&operator(), &user.id, &[], None).await.unwrap();
    assert!(!may("view:own").await && !may("verify:credentials").await);
    assert!(keyward.user(&operator(), &user.id).await.unwrap().roles.is_empty());
}

async fn an_api_key_has_the_rights_of_its_user(home: Home) {
    let keyward = &home.keyward;
    let (user, _) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    let key = issue(&home, "ada@example.com").await;
    assert!(let_in(&home, &key).await.unwrap().may("view:group"));

    keyward.set_roles(&operator(), &user.id, &texts(&["CLINICIANS"]), None).await.unwrap();

    let caller = let_in(&home, &key).await.unwrap();
    assert!(!caller.may("view:group") && caller.may("view:own"));
    assert_eq!(caller.user_id(), Some(user.id.as_str()));
    keyward.set_roles(&operator(), &user.id, &[], None).await.unwrap();
    assert_eq!(code(let_in(&home, &key).await), Code::Unauthenticated);
}

async fn the_last_admin_stays(home: Home) {
    let keyward = &home.keyward;
    let other = home.account("boss@example.com", &["ADMINS"]).await;
    if home.place == Place::Keyward {
        keyward.remove_role(&operator(), "root@example.org", "ADMINS", None).await.unwrap();
    }
    keyward.delete_user(&operator(), &other.id, None).await.unwrap();

    let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    let refused = [
        code(keyward.delete_user(&operator(), FIRST, None).await),
        code(keyward.update_user(&operator(), FIRST, disabled).await),
        code(keyward.remove_role(&operator(), FIRST, "ADMINS", None).await),
        code(keyward.set_roles(&operator(), FIRST, &texts(&["RESEARCHERS"]), None).await),
        code(keyward.delete_role(&operator(), "ADMINS", None).await),
    ];

    assert!(refused.iter().all(|code| *code == Code::Conflict), "{refused:?}");
    let first = keyward.user(&operator(), FIRST).await.unwrap();
    assert_eq!((first.enabled, first.roles), (true, texts(&["ADMINS"])));
    home.account("heir@example.com", &["ADMINS"]).await;
    keyward.remove_role(&operator(), FIRST, "ADMINS", None).await.unwrap();
}

async fn program_users_stand_beside_the_accounts(home: Home) {
    let keyward = &home.keyward;
    let made =
        keyward.assign_roles(&operator(), "ci-bot@example.com", &texts(&["RESEARCHERS"])).await.unwrap();
    assert!(made.created_program_user);
    let key = issue(&home, "ci-bot@example.com").await;

    assert!(let_in(&home, &key).await.unwrap().may("view:own"));
    let taken = keyward.create_user(&operator(), new_user("ci-bot@example.com", &[])).await;
    assert_eq!(code(taken), Code::AlreadyExists(Thing::User));
    home.account("ada@example.com", &[]).await;
    let program = NewUser { program: true, ..new_user("ada@example.com", &[]) };
    assert_eq!(code(keyward.create_user(&operator(), program).await), Code::AlreadyExists(Thing::User));
    let found = keyward.user(&operator(), "ci-bot@example.com").await.unwrap();
    assert_eq!((found.kind, found.roles), (UserKind::Program, texts(&["RESEARCHERS"])));
    keyward.delete_user(&operator(), &found.id, None).await.unwrap();
    assert_eq!(code(let_in(&home, &key).await), Code::Unauthenticated);
    home.account("ci-bot@example.com", &[]).await;
}

async fn who_is_signed_out_signs_in_again(home: Home) {
    let (user, token) = home.person("ada@example.com", &["RESEARCHERS"]).await;
    home.let_in(&token).await.unwrap();

    home.keyward.sign_out_user(&operator(), &user.id).await.unwrap();

    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    let token = home.token("ada@example.com", PASSWORD).await;
    assert!(home.let_in(&token).await.unwrap().may("view:own"));
}

async fn every_change_is_one_event_about_the_user(home: Home) {
    let keyward = &home.keyward;
    let user = home.account("ada@example.com", &["RESEARCHERS"]).await;
    keyward.assign_roles(&operator(), &user.id, &texts(&["CLINICIANS"])).await.unwrap();
    keyward.reset_password(&operator(), &user.id).await.unwrap();
    let disabled = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator(), &user.id, disabled).await.unwrap();
    keyward.delete_user(&operator(), &user.id, None).await.unwrap();

    let query = AuditQuery { target: Some(user.id.clone()), ..AuditQuery::default() };
    let events = keyward.list_audit(&operator(), &query).await.unwrap().items;

    let told: Vec<_> = events.iter().rev().map(|AuditEvent { action, .. }| action.as_str()).collect();
    assert_eq!(told, ["user.create", "role.assign", "user.reset-password", "user.update", "user.delete"]);
    assert!(events.iter().all(|event| event.outcome.as_str() == "done" && event.actor_kind == "operator"));
    assert!(events.iter().all(|event| event.target_name.as_deref() == Some("ada@example.com")));
}

/// A new API key of this user.
async fn issue(home: &Home, user: &str) -> Secret {
    let name = format!("key of {user}");
    let new = NewApiKey { name, user: user.into(), description: "A key".into(), ..NewApiKey::default() };
    home.keyward.create_api_key(&operator(), new).await.unwrap().secret
}

async fn let_in(home: &Home, key: &Secret) -> keyward_core::error::Result<Caller> {
    let credential = Credential::parse(key.expose()).unwrap();
    home.keyward.authenticate(&credential, Origin::default()).await
}
