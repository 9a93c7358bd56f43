//! A client that goes away in the middle leaves nothing half-made and nothing stuck, and what was revoked for
//! it is revoked.

use std::pin::pin;
use std::task::Poll;

use keyward_core::access::Credential;
use keyward_core::api_key::ApiKeyUpdate;
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::keyward::Settings;
use keyward_core::page::Cursor;
use keyward_core::user::NewUser;

use crate::support::{START_MS, TestDatabase, key, on_both, role, texts, until_kept};

on_both! {
    a_change_that_nobody_waits_for_is_made_with_its_event_or_not_at_all,
    no_connection_stays_in_a_transaction,
    a_key_disabled_for_a_client_that_has_gone_is_refused,
}

/// How often to give up after: each number of times that the acts here wait, again and again, for what they
/// wait for differs from time to time.
fn waits() -> impl Iterator<Item = usize> {
    (0..12).cycle().take(120)
}

/// Drops `future` when it has had to wait `waits` times, as a server does when the client has gone.
async fn give_up_after<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = waits;
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Whether every connection comes out of its transaction, once what was given up is undone.
async fn is_at_rest(database: &TestDatabase) -> bool {
    let TestDatabase::Postgres { .. } = database else { return true };
    for _ in 0..100 {
        let stuck = "SELECT query FROM pg_stat_activity WHERE datname = current_database() \
            AND state LIKE 'idle in transaction%'";
        if database.column(stuck).await.is_empty() {
            return true;
        }
    }
    false
}

async fn a_change_that_nobody_waits_for_is_made_with_its_event_or_not_at_all(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;

    for (number, waits) in waits().enumerate() {
        let name = format!("user{number}@example.com");
        let new = NewUser { username: name.clone(), roles: texts(&["reader"]), ..NewUser::default() };
        let finished = give_up_after(waits, keyward.create_user(&operator, new)).await;

        // Writers wait for each other: after this one, the one that was given up has ended.
        role(&keyward, &format!("role{number}"), &[]).await;
        let users = format!("SELECT username FROM users WHERE username = '{name}'");
        let events = format!("SELECT target_name FROM audit_events WHERE target_name = '{name}'");
        let roles = format!(
            "SELECT a.role_id FROM assignments a JOIN users u ON u.id = a.user_id WHERE u.username = '{name}'"
        );
        let made = database.column(&users).await.len();
        assert_eq!(database.column(&events).await.len(), made, "after {waits}");
        assert_eq!(database.column(&roles).await.len(), made, "after {waits}");
        assert!(finished.is_none() || made == 1, "after {waits}");
    }
}

async fn no_connection_stays_in_a_transaction(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    for (number, waits) in waits().enumerate() {
        let (bot, reader) = (format!("bot{number}"), texts(&["reader"]));
        let _ = give_up_after(waits, keyward.assign_roles(&operator, &bot, &reader)).await;
        let _ = give_up_after(waits, keyward.list_roles(&operator, &Cursor::default())).await;
        assert!(is_at_rest(&database).await, "after {waits}");
    }

    for number in 0..20 {
        role(&keyward, &format!("role{number}"), &[]).await;
        assert!(keyward.role(&operator, &format!("role{number}")).await.is_ok());
    }
}

async fn a_key_disabled_for_a_client_that_has_gone_is_refused(database: TestDatabase) {
    // A clock that stands still keeps what is in memory good until it is told otherwise.
    let settings = Settings { revocation_bound_ms: 3_600_000, ..Settings::default() };
    let keyward = database.keyward_with(Clock::fixed(START_MS), settings).await;
    let running = tokio::spawn({
        let keyward = keyward.clone();
        async move { keyward.run().await }
    });
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    keyward.assign_roles(&operator, "bot", &texts(&["reader"])).await.unwrap();
    let issued = key(&keyward, "CI", "bot").await;
    let credential = Credential::parse(issued.secret.expose()).unwrap();

    for waits in waits() {
        let enable = ApiKeyUpdate { active: Some(true), ..ApiKeyUpdate::default() };
        keyward.update_api_key(&operator, &issued.key.id, enable).await.unwrap();
        until_kept(&database, &keyward, &issued).await;

        let disable = ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() };
        let _ = give_up_after(waits, keyward.update_api_key(&operator, &issued.key.id, disable)).await;

        // Whoever sees the key disabled must find it refused.
        for _ in 0..20 {
            let is_active = keyward.api_key(&operator, &issued.key.id).await.unwrap().active;
            let outcome = keyward.authenticate(&credential, Origin::default()).await;
            assert!(is_active || outcome.is_err(), "after {waits}");
        }
    }
    running.abort();
}
