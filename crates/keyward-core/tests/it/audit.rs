//! What was done, by whom, through what, in the order that it was done, and nothing secret.

use keyward_core::api_key::{ApiKeyQuery, ImportedApiKey};
use keyward_core::audit::{AuditEvent, AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::keyward::Keyward;
use keyward_core::user::NewUser;
use serde_json::json;

use crate::support::{
    SECOND_MS, START_MS, TestDatabase, account, key, let_in, new_key, on_both, role, sha256_hex, texts,
};

on_both! {
    an_event_says_who_did_what_to_whom_through_what,
    events_are_found_by_actor_action_target_and_time,
    events_of_one_moment_keep_their_order,
    nothing_secret_is_kept_in_clear,
}

async fn events(keyward: &Keyward, query: AuditQuery) -> Vec<AuditEvent> {
    keyward.list_audit(&Caller::operator(), &query).await.unwrap().items
}

fn targets(events: &[AuditEvent]) -> Vec<&str> {
    events.iter().filter_map(|event| event.target_name.as_deref()).collect()
}

async fn an_event_says_who_did_what_to_whom_through_what(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "managers", &["manage:*", "read:*"]).await;
    let ada = account(&keyward, "ada@example.com", &["managers"]).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;
    let origin = Origin {
        address: Some("203.0.113.7".parse().unwrap()),
        request_id: "request 1".into(),
        ..Origin::default()
    };
    let caller = Caller { origin, ..let_in(&keyward, &issued).await.unwrap() };

    let bob =
        NewUser { username: "bob@example.com".into(), roles: texts(&["managers"]), ..NewUser::default() };
    let bob = keyward.create_user(&caller, bob).await.unwrap().user;

    let query = AuditQuery { action: Some("user.create".into()), ..AuditQuery::default() };
    let event = events(&keyward, query).await.remove(0);
    let id = event.id.clone();
    let expected = AuditEvent {
        id,
        at_ms: START_MS,
        actor_kind: "api_key".into(),
        actor_id: Some(ada.id),
        actor_name: "ada@example.com".into(),
        credential: Some(issued.key.public_id),
        action: "user.create".into(),
        target_kind: "user".into(),
        target_id: Some(bob.id),
        target_name: Some("bob@example.com".into()),
        outcome: Outcome::Done,
        detail: json!({
            "kind": "account",
            "roles": ["managers"],
            "through_key": { "id": issued.key.id, "name": "CI" },
        }),
        request_id: "request 1".into(),
        address: Some("203.0.113.7".into()),
    };
    assert_eq!(event, expected);
}

async fn events_are_found_by_actor_action_target_and_time(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "one", &[]).await;
    keyward.clock().advance_ms(SECOND_MS);
    let two = role(&keyward, "two", &[]).await;
    keyward.clock().advance_ms(SECOND_MS);
    role(&keyward, "three", &[]).await;
    keyward.delete_role(&Caller::operator(), "two", None).await.unwrap();
    let created = || AuditQuery { action: Some("role.create".into()), ..AuditQuery::default() };

    let found = events(&keyward, created()).await;
    assert_eq!(targets(&found), ["three", "two", "one"]);
    let since = AuditQuery { since_ms: Some(START_MS + SECOND_MS), ..created() };
    assert_eq!(targets(&events(&keyward, since).await), ["three", "two"]);
    let until = AuditQuery { until_ms: Some(START_MS + SECOND_MS), ..created() };
    assert_eq!(targets(&events(&keyward, until).await), ["one"]);
    for target in [two.id, "two".into()] {
        let query = AuditQuery { target: Some(target), ..AuditQuery::default() };
        let actions: Vec<String> =
            events(&keyward, query).await.into_iter().map(|event| event.action).collect();
        assert_eq!(actions, ["role.delete", "role.create"]);
    }
    let by_nobody = AuditQuery { actor: Some("nobody".into()), ..AuditQuery::default() };
    assert_eq!(events(&keyward, by_nobody).await, []);
    let by_operator = AuditQuery { actor: Some("operator".into()), ..created() };
    assert_eq!(events(&keyward, by_operator).await.len(), 3);
}

async fn events_of_one_moment_keep_their_order(database: TestDatabase) {
    let keyward = database.keyward().await;
    let names: Vec<String> = (0..20).map(|number| format!("role {number}")).collect();
    for name in &names {
        role(&keyward, name, &[]).await;
    }

    let query = AuditQuery { action: Some("role.create".into()), ..AuditQuery::default() };
    let found = events(&keyward, query).await;

    let newest_first: Vec<&str> = names.iter().rev().map(String::as_str).collect();
    assert_eq!(targets(&found), newest_first);
}

async fn nothing_secret_is_kept_in_clear(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    let given = "Correct-horse-1";
    let repeating = |key: &str| {
        let origin = Origin { idempotency_key: Some(key.into()), ..Origin::default() };
        Caller { origin, ..operator.clone() }
    };
    let ada = NewUser {
        username: "ada@example.com".into(),
        roles: texts(&["reader"]),
        temporary_password: Some(given.into()),
        ..NewUser::default()
    };
    let mut secrets = vec![given.to_owned()];
    keyward.create_user(&repeating("user"), ada).await.unwrap();
    let bob = NewUser {
        username: "bob@example.com".into(),
        password: Some("Battery-staple-2".into()),
        ..NewUser::default()
    };
    secrets.push("Battery-staple-2".to_owned());
    keyward.create_user(&repeating("user-for-good"), bob).await.unwrap();
    let reset = keyward.reset_password(&repeating("reset"), "ada@example.com").await.unwrap();
    secrets.push(reset.temporary_password.unwrap().expose().to_owned());
    let issued = keyward.create_api_key(&repeating("key"), new_key("CI", "ada@example.com")).await.unwrap();
    let rotated = keyward.rotate_api_key(&repeating("rotate"), &issued.key.id, 60).await.unwrap();
    for secret in [issued.secret.expose(), rotated.secret.expose()] {
        let_in(&keyward, &rotated).await.unwrap();
        // Past what is safe to show.
        secrets.extend([secret.to_owned(), secret[17..].to_owned()]);
    }
    let elsewhere = format!("vams_{}", "x".repeat(64));
    let row = ImportedApiKey {
        name: "imported".into(),
        user: "ada@example.com".into(),
        sha256: sha256_hex(&elsewhere),
        active: true,
        ..ImportedApiKey::default()
    };
    keyward.import_api_keys(&operator, &[row]).await.unwrap().remove(0).unwrap();
    secrets.push(elsewhere);
    keyward.list_api_keys(&operator, &ApiKeyQuery::default()).await.unwrap();

    let contents = format!("{:?}", database.contents().await);

    for secret in secrets {
        assert!(!contents.contains(&secret), "{secret}");
    }
    assert!(contents.contains(&issued.key.public_id));
}
