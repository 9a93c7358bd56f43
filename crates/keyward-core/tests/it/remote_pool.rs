//! A home that is kept elsewhere: the rows of its users here, the changes that were begun there, and its tokens.

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_core::access::Credential;
use keyward_core::audit::AuditQuery;
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::provisioning::FirstAdmin;
use keyward_core::remote_pool::{RemoteSignIn, UserPoolService as _};
use keyward_core::role::{NewRole, RoleUpdate};
use keyward_core::secret::Secret;
use keyward_core::test_user::MadeOutcome;
use keyward_core::user::{NewUser, User, UserKind, UserQuery, UserStatus, UserUpdate};
use keyward_core::user_pool::{MfaMode, UserPoolSettings};
use serde_json::{Value, json};

use crate::elsewhere::{BOUND_MS, CLIENT, Elsewhere, Fault, KEY, KEY_ID, jwk, signed};
use crate::support::{SECOND_MS, START_MS, TestDatabase, account, code, key, let_in, on_both, texts};

on_both! {
    what_the_pool_says_of_its_users_counts_here,
    a_name_leads_to_who_has_it_now,
    lists_have_everybody_with_what_is_known_of_them,
    a_change_is_entered_with_its_event_and_none_stays_open,
    what_is_refused_there_is_entered_as_failed,
    what_was_cut_off_is_settled_once_by_whoever_comes_next,
    all_who_meet_somebody_new_at_once_are_answered,
    the_last_admin_stays_whoever_else_has_gone_past_us,
    nobody_counts_as_an_admin_whose_temporary_password_has_run_out,
    who_has_lost_their_second_factor_is_asked_for_none,
    an_account_that_is_there_becomes_a_test_user,
    a_test_user_who_was_half_made_when_production_was_secured_is_undone,
    an_answer_that_nobody_waits_for_any_more_is_not_lost,
    whoever_asks_again_meanwhile_waits_for_the_same_answer,
    an_answer_is_not_lost_with_the_server_either,
    production_is_not_secured_when_no_admin_could_sign_in,
    what_is_set_of_the_pool_is_known_while_it_does_not_answer,
    only_the_tokens_that_the_pool_has_signed_for_the_application_are_good,
    keys_are_asked_for_anew_and_not_too_often,
}

const FIRST: &str = "first@example.com";
const ADA: &str = "ada@example.com";
const POOL: &str = "us-east-1_Elsewhere";
/// Longer than any change takes: who has begun one is gone by then.
const ABANDONED_MS: i64 = 121 * SECOND_MS;

/// A Keyward at home elsewhere, with an admin.
struct Home {
    database: TestDatabase,
    clock: Clock,
    pool: Arc<Elsewhere>,
    keyward: Arc<Keyward>,
}

impl Home {
    async fn new(database: TestDatabase) -> Self {
        let clock = Clock::fixed(START_MS);
        let pool = Elsewhere::new(POOL, &clock);
        let keyward = database.keyward_elsewhere(&clock, &pool).await.unwrap();
        let first = FirstAdmin { email: FIRST.into(), password: Some("Correct-horse-1".into()) };
        keyward.bootstrap(first).await.unwrap();
        // Who signs in within the second of a change is taken to have signed in before.
        clock.advance_ms(SECOND_MS);
        Self { database, clock, pool, keyward }
    }

    /// Another process on the same database.
    async fn beside(&self) -> Arc<Keyward> {
        self.database.keyward_elsewhere(&self.clock, &self.pool).await.unwrap()
    }

    fn past_the_bound(&self) {
        self.clock.advance_ms(BOUND_MS + 1);
    }

    /// The ID token of a sign-in now.
    fn token(&self, sub: &str) -> String {
        signed(&header(), &self.pool.claims(sub))
    }

    async fn let_in(&self, token: &str) -> Result<Caller> {
        by_token(&self.keyward, token).await
    }

    /// Of whom the database has which name.
    async fn name_of(&self, sub: &str) -> Vec<String> {
        self.database.column(&format!("SELECT username FROM users WHERE id = '{sub}'")).await
    }

    async fn open_changes(&self) -> usize {
        self.database.column("SELECT id FROM intents").await.len()
    }

    /// What became of this user's changes, the first one first.
    async fn outcomes(&self, name: &str) -> Vec<String> {
        let columns = "SELECT action || ' ' || outcome FROM audit_events";
        self.database.column(&format!("{columns} WHERE target_name = '{name}' ORDER BY id")).await
    }
}

fn header() -> Value {
    json!({ "alg": "RS256", "kid": KEY_ID })
}

async fn by_token(keyward: &Keyward, token: &str) -> Result<Caller> {
    let credential = Credential::parse(&format!("Bearer {token}")).unwrap();
    keyward.authenticate(&credential, Origin::default()).await
}

fn operator() -> Caller {
    Caller::operator()
}

async fn what_the_pool_says_of_its_users_counts_here(database: TestDatabase) {
    let home = Home::new(database).await;
    let sub = home.pool.enroll(ADA, &["RESEARCHERS", "STRANGERS"]).await;
    let token = home.token(&sub);

    let caller = home.let_in(&token).await.unwrap();
    assert_eq!((caller.user_id(), caller.name()), (Some(sub.as_str()), ADA));
    assert_eq!(caller.standing.roles.to_vec(), ["RESEARCHERS"]);
    let issued = key(&home.keyward, "ada's", ADA).await;
    home.pool.remove_from_group(ADA, "RESEARCHERS").await.unwrap();
    home.pool.create_group("CLINICIANS", "").await.unwrap();
    home.pool.add_to_group(ADA, "CLINICIANS").await.unwrap();
    assert!(home.let_in(&token).await.unwrap().may("view:group"), "within the bound");
    home.past_the_bound();
    for caller in [home.let_in(&token).await.unwrap(), let_in(&home.keyward, &issued).await.unwrap()] {
        assert_eq!(caller.standing.roles.to_vec(), ["CLINICIANS"]);
    }

    home.pool.set_enabled(ADA, false).await.unwrap();
    home.past_the_bound();
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&home.keyward, &issued).await), Code::Unauthenticated);
    home.pool.set_enabled(ADA, true).await.unwrap();
    home.past_the_bound();
    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated, "sign in again");
    home.let_in(&home.token(&sub)).await.unwrap();
    let_in(&home.keyward, &issued).await.unwrap();

    home.pool.delete_user(ADA).await.unwrap();
    home.past_the_bound();
    assert_eq!(code(home.let_in(&home.token(&sub)).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&home.keyward, &issued).await), Code::Unauthenticated);
    assert_eq!(code(home.keyward.user(&operator(), ADA).await), Code::NotFound(Thing::User));
    home.pool.let_fail("user", Fault::Lost);
    home.past_the_bound();
    assert_eq!(code(home.let_in(&home.token(&sub)).await), Code::Unavailable, "nothing old counts");
}

async fn a_name_leads_to_who_has_it_now(database: TestDatabase) {
    let home = Home::new(database).await;
    let before = home.pool.enroll(ADA, &["RESEARCHERS"]).await;
    home.let_in(&home.token(&before)).await.unwrap();
    let of_before = key(&home.keyward, "before", ADA).await;

    home.pool.delete_user(ADA).await.unwrap();
    let after = home.pool.enroll(ADA, &[]).await;
    assert_eq!(home.let_in(&home.token(&after)).await.unwrap().name(), ADA);
    assert_eq!(
        [home.name_of(&before).await, home.name_of(&after).await],
        [[before.clone()], [ADA.to_owned()]]
    );
    assert_eq!(home.keyward.user(&operator(), ADA).await.unwrap().id, after);
    home.past_the_bound();
    assert_eq!(code(let_in(&home.keyward, &of_before).await), Code::Unauthenticated);

    // A program user keeps the name; the account is known by its id.
    home.keyward.assign_roles(&operator(), "ci-bot", &texts(&["CLINICIANS"])).await.unwrap();
    let account = home.pool.enroll("ci-bot", &["ADMINS"]).await;
    let caller = home.let_in(&home.token(&account)).await.unwrap();
    assert_eq!((caller.name(), caller.user_id()), (account.as_str(), Some(account.as_str())));
    let bot = home.keyward.user(&operator(), "ci-bot").await.unwrap();
    assert_eq!((bot.kind, bot.roles), (UserKind::Program, texts(&["CLINICIANS"])));
}

async fn lists_have_everybody_with_what_is_known_of_them(database: TestDatabase) {
    let home = Home::new(database).await;
    for number in 0..130 {
        let groups: &[&str] = if number % 50 == 0 { &["RESEARCHERS"] } else { &[] };
        home.pool.enroll(&format!("user{number:03}@example.com"), groups).await;
    }
    home.keyward.assign_roles(&operator(), "ci-bot", &texts(&["CLINICIANS"])).await.unwrap();
    let role = NewRole {
        name: "auditors".into(),
        description: "See".into(),
        permissions: texts(&["view:audit"]),
        ..NewRole::default()
    };
    home.keyward.create_role(&operator(), role).await.unwrap();
    home.keyward.assign_roles(&operator(), "user129@example.com", &texts(&["auditors"])).await.unwrap();
    home.past_the_bound();

    let (mut users, mut cursor) = (Vec::<User>::new(), None);
    loop {
        let page = Cursor::new(Some(70), cursor.as_deref()).unwrap();
        let query = UserQuery { page, ..UserQuery::default() };
        let found = home.keyward.list_users(&operator(), &query).await.unwrap();
        users.extend(found.items);
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }

    let mut names: Vec<_> = users.iter().map(|user| user.username.clone()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((users.len(), names.len()), (132, 132));
    let roles = |name: &str| users.iter().find(|user| user.username == name).unwrap().roles.clone();
    assert_eq!(roles("user050@example.com"), ["RESEARCHERS"]);
    assert_eq!(roles("user129@example.com"), ["auditors"]);
    assert_eq!((roles("ci-bot"), roles("user001@example.com")), (texts(&["CLINICIANS"]), Vec::new()));
    let search = UserQuery { search: Some("user12".into()), ..UserQuery::default() };
    assert_eq!(home.keyward.list_users(&operator(), &search).await.unwrap().items.len(), 10);
    let held = home.keyward.list_assignments(&operator(), &Cursor::default()).await.unwrap().items;
    assert_eq!(held.len(), 6);
}

async fn a_change_is_entered_with_its_event_and_none_stays_open(database: TestDatabase) {
    let home = Home::new(database).await;
    let keyward = &home.keyward;
    let role = NewRole { name: "NIGHT".into(), description: "At night".into(), ..NewRole::default() };
    keyward.create_role(&operator(), role).await.unwrap();

    let ada = account(keyward, ADA, &["RESEARCHERS"]).await;
    let password = Secret::from("Battery-staple-2");
    keyward.set_password_in(keyward.home(), &operator(), ADA, &password, false).await.unwrap();
    let update =
        UserUpdate { email: Some("ada@example.org".into()), enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator(), ADA, update).await.unwrap();
    let update = UserUpdate { enabled: Some(true), ..UserUpdate::default() };
    keyward.update_user(&operator(), ADA, update).await.unwrap();
    keyward.assign_roles(&operator(), ADA, &texts(&["NIGHT"])).await.unwrap();
    keyward.set_roles(&operator(), ADA, &texts(&["NIGHT", "CLINICIANS"]), None).await.unwrap();
    keyward.remove_role(&operator(), ADA, "CLINICIANS", None).await.unwrap();
    keyward.sign_out_user(&operator(), ADA).await.unwrap();

    assert_eq!(home.open_changes().await, 0);
    assert_eq!(
        home.outcomes(ADA).await,
        [
            "user.create done",
            "user.set-password done",
            "user.update done",
            "user.update done",
            "role.assign done",
            "role.set done",
            "role.remove done",
            "user.sign-out done",
        ]
    );
    // As another process has them, that knows the database and the pool alone.
    let seen = home.beside().await.user(&operator(), ADA).await.unwrap();
    assert_eq!((seen.id.as_str(), seen.email.as_deref()), (ada.id.as_str(), Some("ada@example.org")));
    assert_eq!((seen.status, seen.enabled, seen.roles), (UserStatus::Confirmed, true, texts(&["NIGHT"])));
    assert_eq!(home.pool.groups_of(ADA).await.unwrap(), ["NIGHT"]);
    key(keyward, "ada's", ADA).await;
    keyward.delete_role(&operator(), "NIGHT", None).await.unwrap();
    assert!(home.pool.groups_of(ADA).await.unwrap().is_empty());
    assert!(keyward.user(&operator(), ADA).await.unwrap().roles.is_empty());
    keyward.delete_user(&operator(), ADA, None).await.unwrap();
    assert_eq!(home.outcomes("NIGHT").await, ["role.create done", "role.delete done"]);
    assert_eq!(home.outcomes(ADA).await.last().unwrap(), "user.delete done");
    assert!(home.pool.user(ADA).await.unwrap().is_none() && home.name_of(&ada.id).await.is_empty());
    assert!(home.database.column("SELECT id FROM api_keys").await.is_empty());
    assert_eq!(home.open_changes().await, 0);
}

async fn what_is_refused_there_is_entered_as_failed(database: TestDatabase) {
    let home = Home::new(database).await;
    let new = || NewUser {
        username: ADA.into(),
        password: Some("Battery-staple-2".into()),
        roles: texts(&["RESEARCHERS"]),
        ..NewUser::default()
    };

    home.pool.let_fail("add_to_group", Fault::Throttled);
    let refused = home.keyward.create_user(&operator(), new()).await;

    assert_eq!(code(refused), Code::TooManyRequests(1));
    assert!(home.pool.user(ADA).await.unwrap().is_none());
    assert_eq!((home.outcomes(ADA).await, home.open_changes().await), (texts(&["user.create failed"]), 0));
    home.pool.heal();
    home.keyward.create_user(&operator(), new()).await.unwrap();
    assert_eq!(home.outcomes(ADA).await, ["user.create failed", "user.create done"]);
}

/// What may be cut off, and at which of its calls.
const CHANGES: [(&str, &[&str]); 8] = [
    ("user.create", &["create_user", "set_password", "add_to_group"]),
    ("user.update", &["set_enabled", "set_attributes"]),
    ("user.set-password", &["set_password"]),
    ("role.set", &["add_to_group", "remove_from_group"]),
    ("user.sign-out", &["sign_out"]),
    ("user.reset-mfa", &["forget_factors", "sign_out"]),
    ("user.delete", &["delete_user"]),
    ("role.delete", &["delete_group"]),
];

async fn carry_out(keyward: &Keyward, action: &str, name: &str) -> Result<()> {
    let operator = operator();
    match action {
        "user.create" => {
            let new = NewUser {
                username: name.into(),
                password: Some("Battery-staple-2".into()),
                roles: texts(&["RESEARCHERS", "auditors"]),
                ..NewUser::default()
            };
            keyward.create_user(&operator, new).await.map(drop)
        }
        "user.update" => {
            let (email, enabled) = (Some(format!("new-{name}")), Some(false));
            let update = UserUpdate { email, enabled, ..UserUpdate::default() };
            keyward.update_user(&operator, name, update).await.map(drop)
        }
        "user.set-password" => {
            let password = Secret::from("Another-staple-3");
            keyward.set_password_in(keyward.home(), &operator, name, &password, false).await.map(drop)
        }
        "role.set" => {
            keyward.set_roles(&operator, name, &texts(&["CLINICIANS", "auditors"]), None).await.map(drop)
        }
        "user.sign-out" => keyward.sign_out_user(&operator, name).await,
        "user.reset-mfa" => keyward.reset_mfa(&operator, name, None).await,
        "user.delete" => keyward.delete_user(&operator, name, None).await.map(drop),
        _ => keyward.delete_role(&operator, "NIGHT", None).await.map(drop),
    }
}

async fn what_was_cut_off_is_settled_once_by_whoever_comes_next(database: TestDatabase) {
    let home = Home::new(database).await;
    let role = |name: &str| NewRole {
        name: name.into(),
        description: "A role".into(),
        permissions: texts(&["view:audit"]),
        ..NewRole::default()
    };
    home.keyward.create_role(&operator(), role("auditors")).await.unwrap();
    let mut number = 0;
    for (action, calls) in CHANGES {
        for (call, is_carried_out) in calls.iter().flat_map(|call| [(*call, false), (*call, true)]) {
            number += 1;
            let name = format!("user{number}@example.com");
            let what = format!("{action} at {call}, carried out: {is_carried_out}");
            let is_role = action == "role.delete";
            if is_role {
                home.keyward.create_role(&operator(), role("NIGHT")).await.unwrap();
            }
            if action != "user.create" {
                account(&home.keyward, &name, if is_role { &["NIGHT"] } else { &["RESEARCHERS"] }).await;
            }
            let doomed = home.beside().await;
            home.pool.let_fail(call, Fault::Hung { is_carried_out });
            let cut_off = tokio::spawn({
                let (doomed, name) = (Arc::clone(&doomed), name.clone());
                async move { carry_out(&doomed, action, &name).await }
            });
            home.pool.hit().await;
            cut_off.abort();
            doomed.close().await;
            home.pool.heal();
            assert_eq!(home.open_changes().await, 1, "{what}");

            let (one, other) = (home.beside().await, home.beside().await);
            let settle = async |keyward: &Keyward, is_starting| {
                keyward.remote_pool().unwrap().settle(is_starting).await.unwrap();
            };
            // On a database that others may use too, who has begun it may still live.
            settle(&one, false).await;
            assert_eq!(home.open_changes().await, 1, "{what}");
            if let TestDatabase::Postgres { .. } = home.database {
                settle(&one, true).await;
                assert_eq!(home.open_changes().await, 1, "{what}");
                home.clock.advance_ms(ABANDONED_MS);
                tokio::join!(settle(&one, false), settle(&other, false));
            } else {
                tokio::join!(settle(&one, true), settle(&other, true));
            }

            assert_eq!(home.open_changes().await, 0, "{what}");
            let target = if is_role { "NIGHT" } else { &name };
            let outcomes = home.outcomes(target).await;
            let ours: Vec<_> = outcomes.iter().filter(|outcome| outcome.starts_with(action)).collect();
            let last = ours.last().unwrap().rsplit_once(' ').unwrap().1;
            // A role that is made anew each time has the events of all its lives.
            let ended = if is_role { ours.len() - usize::from(is_carried_out) } else { ours.len() };
            assert_eq!(ended, 1, "{what}: {outcomes:?}");
            let there = home.pool.user(&name).await.unwrap();
            let here = other.user(&operator(), &name).await.ok();
            assert_eq!(there.is_some(), here.is_some(), "{what}");
            if let (Some(there), Some(here)) = (there, &here) {
                let mut groups = home.pool.groups_of(&name).await.unwrap();
                let is_done = last == "done";
                let has_own = matches!(action, "user.create" | "role.set") && is_done;
                groups.extend(has_own.then(|| "auditors".to_owned()));
                assert_eq!(here.roles, groups, "{what}");
                assert_eq!((here.enabled, here.status), (there.enabled, there.status), "{what}");
                assert_eq!(here.email.as_ref(), there.attributes.get("email"), "{what}");
            }
            match action {
                "user.create" => assert_eq!(here.is_some(), last == "done", "{what}"),
                "user.delete" => assert_eq!(here.is_none(), last == "done", "{what}"),
                "role.delete" | "user.sign-out" | "user.reset-mfa" => assert_eq!(last, "done", "{what}"),
                _ => {}
            }
            one.close().await;
            other.close().await;
        }
    }
}

async fn all_who_meet_somebody_new_at_once_are_answered(database: TestDatabase) {
    let home = Home::new(database).await;
    let nodes = [home.beside().await, home.beside().await];
    for number in 0..5 {
        let sub = home.pool.enroll(&format!("user{number}@example.com"), &["RESEARCHERS"]).await;
        let token = home.token(&sub);
        let mut asking = tokio::task::JoinSet::new();
        for node in nodes.iter().cycle().take(8) {
            let (node, token) = (Arc::clone(node), token.clone());
            asking.spawn(async move { by_token(&node, &token).await.map(|caller| caller.may("view:group")) });
        }

        while let Some(asked) = asking.join_next().await {
            assert!(asked.unwrap().unwrap());
        }

        assert_eq!(home.name_of(&sub).await.len(), 1);
    }
}

async fn the_last_admin_stays_whoever_else_has_gone_past_us(database: TestDatabase) {
    let home = Home::new(database).await;
    home.pool.enroll("boss@example.com", &["ADMINS"]).await;
    home.keyward.user(&operator(), "boss@example.com").await.unwrap();
    home.pool.set_enabled("boss@example.com", false).await.unwrap();
    let demote = async || home.keyward.remove_role(&operator(), FIRST, "ADMINS", None).await;

    assert_eq!(code(demote().await), Code::Conflict);
    assert_eq!(code(home.keyward.delete_user(&operator(), FIRST, None).await), Code::Conflict);
    home.pool.set_enabled("boss@example.com", true).await.unwrap();
    demote().await.unwrap();
    assert_eq!(code(home.keyward.delete_role(&operator(), "ADMINS", None).await), Code::Conflict);
}

async fn nobody_counts_as_an_admin_whose_temporary_password_has_run_out(database: TestDatabase) {
    const DAY_MS: i64 = 24 * 60 * 60 * SECOND_MS;
    let home = Home::new(database).await;
    home.pool.enroll("boss@example.com", &["ADMINS"]).await;
    home.pool.set_password("boss@example.com", &Secret::from("Temporary-4"), false).await.unwrap();
    let demote = async || home.keyward.remove_role(&operator(), FIRST, "ADMINS", None).await;

    home.clock.advance_ms(6 * DAY_MS);
    // What else is changed of the account makes the password no younger.
    home.keyward.user(&operator(), "boss@example.com").await.unwrap();
    let attributes = [("name".to_owned(), "Boss".to_owned())].into();
    home.pool.set_attributes("boss@example.com", &attributes).await.unwrap();
    home.clock.advance_ms(DAY_MS - SECOND_MS);
    home.keyward.user(&operator(), "boss@example.com").await.unwrap();
    home.clock.advance_ms(2 * SECOND_MS);
    assert_eq!(code(demote().await), Code::Conflict);
    let phone = UserUpdate { phone: Some(Some("+12065550100".into())), ..UserUpdate::default() };
    home.keyward.update_user(&operator(), "boss@example.com", phone).await.unwrap();
    home.past_the_bound();
    assert_eq!(code(demote().await), Code::Conflict);

    home.keyward.reset_password(&operator(), "boss@example.com").await.unwrap();
    demote().await.unwrap();
}

async fn who_has_lost_their_second_factor_is_asked_for_none(database: TestDatabase) {
    let home = Home::new(database).await;
    let settings = UserPoolSettings { mfa: MfaMode::Optional, ..UserPoolSettings::default() };
    home.pool.set("people", settings);
    let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    let sub = home.pool.enroll(ADA, &["CLINICIANS"]).await;
    home.keyward.update_role(&operator(), "CLINICIANS", update).await.unwrap();
    home.pool.ask_for_sms(ADA).await;
    home.past_the_bound();
    let token = home.token(&sub);
    assert!(home.let_in(&token).await.unwrap().has_mfa());

    home.keyward.reset_mfa(&operator(), ADA, None).await.unwrap();

    assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated);
    home.clock.advance_ms(SECOND_MS);
    let caller = home.let_in(&home.token(&sub)).await.unwrap();
    assert!(!caller.has_mfa() && !caller.may("view:own"));
    assert!(!home.beside().await.user(&operator(), ADA).await.unwrap().mfa);
    assert_eq!(home.outcomes(ADA).await, ["user.reset-mfa done"]);
    assert_eq!(home.open_changes().await, 0);
}

async fn an_account_that_is_there_becomes_a_test_user(database: TestDatabase) {
    let home = Home::new(database).await;
    let (researcher, clinician) = ("testresearcher@example.com", "testclinician@example.com");
    home.pool.enroll(researcher, &["RESEARCHERS"]).await;
    home.pool.enroll(clinician, &["RESEARCHERS"]).await;
    home.pool.set_password(clinician, &Secret::from("TestClinic123!"), true).await.unwrap();

    let made = home.keyward.create_test_users(&operator()).await.unwrap();

    let outcomes: Vec<_> = made.into_iter().map(|made| made.outcome).collect();
    let repaired = MadeOutcome::Repaired(vec!["mark", "groups"]);
    // One has the name alone.
    assert_eq!(outcomes, [MadeOutcome::Created, MadeOutcome::Foreign, repaired]);
    assert!(home.beside().await.user(&operator(), clinician).await.unwrap().is_test);
    let query = AuditQuery { action: Some("user.repair".into()), ..AuditQuery::default() };
    assert_eq!(home.keyward.list_audit(&operator(), &query).await.unwrap().items.len(), 2);
    assert_eq!(home.keyward.delete_test_users(&operator()).await.unwrap().len(), 2);
    assert!(home.pool.user(researcher).await.unwrap().is_some());
    assert_eq!(home.open_changes().await, 0);
}

async fn a_test_user_who_was_half_made_when_production_was_secured_is_undone(database: TestDatabase) {
    let home = Home::new(database).await;
    let doomed = home.beside().await;
    home.pool.let_fail("add_to_group", Fault::Hung { is_carried_out: true });
    let cut_off = tokio::spawn(async move { doomed.create_test_users(&operator()).await.map(drop) });
    home.pool.hit().await;
    home.pool.heal();

    home.keyward.secure_production(&operator(), false).await.unwrap();
    cut_off.abort();
    home.clock.advance_ms(ABANDONED_MS);
    home.keyward.remote_pool().unwrap().settle(true).await.unwrap();

    assert!(home.pool.user("testadmin@example.com").await.unwrap().is_none());
    assert_eq!(home.outcomes("testadmin@example.com").await, ["user.create failed"]);
    assert_eq!(home.open_changes().await, 0);
    assert_eq!(code(home.keyward.create_test_users(&operator()).await), Code::Conflict);
}

/// The test admin, alone or with the others, asks for production to be secured; with the token and the key.
async fn asked_by_the_test_admin(home: &Home, is_alone: bool) -> (Caller, Credential, Origin) {
    for user in home.keyward.create_test_users(&operator()).await.unwrap() {
        if is_alone && user.user.username != "testadmin@example.com" {
            home.keyward.delete_user(&operator(), &user.user.id, None).await.unwrap();
        }
    }
    home.clock.advance_ms(SECOND_MS);
    let user = home.keyward.user(&operator(), "testadmin@example.com").await.unwrap();
    let token = Credential::parse(&format!("Bearer {}", home.token(&user.id))).unwrap();
    let origin = Origin { idempotency_key: Some("secure-1".into()), ..Origin::default() };
    (home.keyward.authenticate(&token, origin.clone()).await.unwrap(), token, origin)
}

async fn signs_in_with(home: &Home, password: &Secret) -> bool {
    matches!(home.pool.sign_in(FIRST, password).await, Ok(RemoteSignIn::Done(_)))
}

async fn an_answer_that_nobody_waits_for_any_more_is_not_lost(database: TestDatabase) {
    let home = Home::new(database).await;
    let (caller, token, origin) = asked_by_the_test_admin(&home, false).await;
    home.pool.let_fail("delete_user", Fault::Held);
    let (keyward, asking) = (Arc::clone(&home.keyward), caller.clone());
    let securing = tokio::spawn(async move { keyward.secure_production(&asking, false).await });
    home.pool.hit().await;

    securing.abort();
    home.pool.heal();

    // Who was let in before hears of it when it is done, and the token still fetches it afterwards.
    let told = home.keyward.secure_production(&caller, false).await.unwrap();
    let secured = home.keyward.secured_before(Some(&token), origin).await.unwrap().unwrap();
    assert_eq!(secured.admins[0].password, told.admins[0].password);
    assert_eq!((secured.test_users.len(), secured.failures.len()), (3, 0));
    assert!(signs_in_with(&home, secured.admins[0].password.as_ref().unwrap()).await);
}

async fn whoever_asks_again_meanwhile_waits_for_the_same_answer(database: TestDatabase) {
    let home = Home::new(database).await;
    let (caller, _, origin) = asked_by_the_test_admin(&home, false).await;
    let secure = |caller: Caller| {
        let keyward = Arc::clone(&home.keyward);
        tokio::spawn(async move { keyward.secure_production(&caller, false).await })
    };
    home.pool.let_fail("delete_user", Fault::Held);
    let first = secure(caller.clone());
    home.pool.hit().await;
    let again = secure(caller.clone());
    let other = Origin { idempotency_key: Some("secure-2".into()), ..origin };
    let gone = secure(Caller { origin: other, ..caller });
    first.abort();
    home.pool.heal();

    let (again, gone) = (again.await.unwrap().unwrap(), gone.await.unwrap());

    assert!(signs_in_with(&home, again.admins[0].password.as_ref().unwrap()).await);
    assert_eq!(home.pool.asked("set_password"), home.pool.asked("create_user") + 1);
    // With another key it is another request, of somebody who is gone by then.
    assert_eq!(code(gone), Code::Unauthenticated);
}

async fn an_answer_is_not_lost_with_the_server_either(database: TestDatabase) {
    let home = Home::new(database).await;
    let (caller, token, origin) = asked_by_the_test_admin(&home, true).await;
    let doomed = home.beside().await;
    home.pool.let_fail("delete_user", Fault::Hung { is_carried_out: true });
    let securing = tokio::spawn({
        let doomed = Arc::clone(&doomed);
        async move { doomed.secure_production(&caller, false).await.map(drop) }
    });
    home.pool.hit().await;
    securing.abort();
    doomed.close().await;
    home.pool.heal();
    assert!(home.pool.user("testadmin@example.com").await.unwrap().is_none());

    home.clock.advance_ms(ABANDONED_MS);
    home.keyward.remote_pool().unwrap().settle(true).await.unwrap();

    let secured = home.keyward.secured_before(Some(&token), origin).await.unwrap().unwrap();
    assert_eq!(secured.test_users, ["testadmin@example.com"]);
    assert!(signs_in_with(&home, secured.admins[0].password.as_ref().unwrap()).await);
    assert_eq!(home.open_changes().await, 0);
}

async fn production_is_not_secured_when_no_admin_could_sign_in(database: TestDatabase) {
    let home = Home::new(database).await;
    home.keyward.create_test_users(&operator()).await.unwrap();
    let manager = home.pool.enroll("manager@example.com", &["LAB_MANAGERS"]).await;
    home.pool.set_password(FIRST, &Secret::from("Temporary-4"), false).await.unwrap();
    home.clock.advance_ms(8 * 24 * 60 * 60 * SECOND_MS);
    let manager = home.let_in(&home.token(&manager)).await.unwrap();

    assert_eq!(code(home.keyward.secure_production(&manager, false).await), Code::Conflict);

    assert!(home.pool.user("testclinician@example.com").await.unwrap().is_some());
    assert!(home.keyward.create_test_users(&operator()).await.is_ok(), "nothing is switched off");
    // Whoever may give that admin a password makes one who can.
    assert!(home.keyward.secure_production(&operator(), false).await.is_ok());
}

async fn what_is_set_of_the_pool_is_known_while_it_does_not_answer(database: TestDatabase) {
    let home = Home::new(database).await;
    let mut settings = UserPoolSettings::default();
    settings.password_policy.minimum_length = 20;

    home.pool.set("everybody", settings.clone());
    home.past_the_bound();

    assert_eq!(home.keyward.home().settings().await.unwrap(), settings);
    let named = format!("SELECT name FROM user_pools WHERE id = '{POOL}'");
    assert_eq!(home.database.column(&named).await, ["everybody"]);
    home.pool.let_fail("pool", Fault::Lost);
    assert_eq!(home.beside().await.home().settings().await.unwrap(), settings);
    // One that was never met must answer.
    let other = Elsewhere::new("us-east-1_Stranger", &home.clock);
    other.let_fail("pool", Fault::Lost);
    assert_eq!(code(home.database.keyward_elsewhere(&home.clock, &other).await), Code::Unavailable);
    // Whose home it was has no rights in the next one.
    other.heal();
    let sub = home.pool.enroll(ADA, &["ADMINS"]).await;
    let token = home.token(&sub);
    home.let_in(&token).await.unwrap();
    let issued = key(&home.keyward, "ada's", ADA).await;
    let moved = home.database.keyward_elsewhere(&home.clock, &other).await.unwrap();
    assert_eq!(code(by_token(&moved, &token).await), Code::Unauthenticated);
    assert_eq!(code(let_in(&moved, &issued).await), Code::Unauthenticated);
    assert_eq!(code(moved.user(&operator(), ADA).await), Code::NotFound(Thing::User));
}

async fn only_the_tokens_that_the_pool_has_signed_for_the_application_are_good(database: TestDatabase) {
    let home = Home::new(database).await;
    let sub = home.pool.enroll(ADA, &["RESEARCHERS"]).await;
    let claims = home.pool.claims(&sub);
    let now = home.clock.now_seconds();
    let changed = |changes: &[(&str, Value)]| {
        let mut claims = claims.clone();
        for (name, value) in changes {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        signed(&header(), &claims)
    };
    let (absent, stranger) = (Value::Null, json!("another"));
    let access = [("token_use", json!("access")), ("aud", absent.clone()), ("client_id", json!(CLIENT))];

    home.let_in(&signed(&header(), &claims)).await.unwrap();
    home.let_in(&changed(&access)).await.unwrap();
    home.let_in(&changed(&[("exp", json!(now + 1))])).await.unwrap();

    let issuer = home.pool.issuer();
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = |header: Value| format!("{}.{}", encode(&header), encode(&claims));
    // The public key as a secret, the oldest trick.
    let modulus = jwk(KEY_ID, &KEY)["n"].as_str().unwrap().to_owned();
    let by_secret = unsigned(json!({ "alg": "HS256", "kid": KEY_ID }));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, modulus.as_bytes()), by_secret.as_bytes());
    let own_key = jwk(KEY_ID, &KeyPair::generate(KeySize::Rsa2048).unwrap());
    let good = signed(&header(), &claims);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let mut of_admin = claims.clone();
    of_admin["sub"] = json!(home.keyward.user(&operator(), FIRST).await.unwrap().id);
    for (what, token) in [
        ("ended now", changed(&[("exp", json!(now))])),
        ("ended long ago", changed(&[("exp", json!(1))])),
        ("without an end", changed(&[("exp", absent.clone())])),
        ("without a use", changed(&[("token_use", absent.clone())])),
        ("of another use", changed(&[("token_use", json!("refresh"))])),
        ("for another client", changed(&[("aud", stranger.clone())])),
        ("for several", changed(&[("aud", json!([CLIENT]))])),
        ("for nobody", changed(&[("aud", absent.clone())])),
        ("ID with the client of an access token", changed(&[access[1].clone(), access[2].clone()])),
        ("access with the audience of an ID token", changed(&access[..1])),
        ("access for another client", changed(&[access[0].clone(), ("client_id", stranger.clone())])),
        ("access for nobody", changed(&access[..2])),
        ("of another issuer", changed(&[("iss", json!(issuer.replace("Elsewhere", "Strangers")))])),
        ("of an issuer that begins alike", changed(&[("iss", json!(format!("{issuer}/")))])),
        ("of no issuer", changed(&[("iss", absent.clone())])),
        ("about nobody", changed(&[("sub", absent.clone())])),
        ("about who isn't there", changed(&[("sub", json!("7e9ac3a8-7a3c-4f2b-9a3e-0d8b7c6a5f41"))])),
        ("without its time", changed(&[("iat", absent)])),
        ("unsigned", format!("{}.", unsigned(json!({ "alg": "none", "kid": KEY_ID })))),
        (
            "none, with a signature",
            format!("{}.{signature}", unsigned(json!({ "alg": "none", "kid": KEY_ID }))),
        ),
        ("signed by secret", format!("{by_secret}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))),
        ("of another algorithm", signed(&json!({ "alg": "RS512", "kid": KEY_ID }), &claims)),
        ("of an unknown key", signed(&json!({ "alg": "RS256", "kid": "second" }), &claims)),
        ("of no key", signed(&json!({ "alg": "RS256" }), &claims)),
        ("with a key of its own", {
            let head = unsigned(json!({ "alg": "RS256", "kid": "mine", "jwk": own_key }));
            format!("{head}.{signature}")
        }),
        (
            "with what we must understand",
            signed(&json!({ "alg": "RS256", "kid": KEY_ID, "crit": ["exp"] }), &claims),
        ),
        ("about somebody else", format!("{}.{}.{signature}", encode(&header()), encode(&of_admin))),
    ] {
        assert_eq!(code(home.let_in(&token).await), Code::Unauthenticated, "{what}");
    }
    home.clock.advance_ms(3600 * SECOND_MS);
    assert_eq!(code(home.let_in(&good).await), Code::Unauthenticated);
}

async fn keys_are_asked_for_anew_and_not_too_often(database: TestDatabase) {
    let home = Home::new(database).await;
    let sub = home.pool.enroll(ADA, &[]).await;
    let by_key = |id: &str| signed(&json!({ "alg": "RS256", "kid": id }), &home.pool.claims(&sub));
    home.let_in(&by_key(KEY_ID)).await.unwrap();
    assert_eq!(home.pool.asked("signing_keys"), 1);

    home.pool.publish(&[KEY_ID, "second"]);
    for _ in 0..3 {
        // It has just been asked.
        assert_eq!(code(home.let_in(&by_key("second")).await), Code::Unauthenticated);
    }
    assert_eq!(home.pool.asked("signing_keys"), 1);
    home.clock.advance_ms(5 * SECOND_MS);
    home.let_in(&by_key("second")).await.unwrap();
    home.let_in(&by_key(KEY_ID)).await.unwrap();
    assert_eq!(home.pool.asked("signing_keys"), 2);

    // While nobody answers, what the known ones have signed is as good as before.
    home.pool.let_fail("signing_keys", Fault::Lost);
    home.clock.advance_ms(7 * 3600 * SECOND_MS);
    home.let_in(&by_key("second")).await.unwrap();
    home.clock.advance_ms(5 * SECOND_MS);
    assert_eq!(code(home.let_in(&by_key("third")).await), Code::Unavailable);
    home.pool.heal();
    // One that is published no more is given up within hours.
    home.pool.publish(&["second"]);
    home.clock.advance_ms(5 * SECOND_MS);
    home.let_in(&by_key("second")).await.unwrap();
    assert_eq!(code(home.let_in(&by_key(KEY_ID)).await), Code::Unauthenticated);
}
