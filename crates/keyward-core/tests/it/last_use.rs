//! When and from where a key was last used is shown, and noting it gets in nobody's way.

use std::net::IpAddr;
use std::sync::Arc;

use keyward_core::access::Credential;
use keyward_core::api_key::{ApiKeyQuery, ImportedApiKey, LastUse};
use keyward_core::caller::{Caller, Origin};
use keyward_core::page::Cursor;

use crate::support::{SECOND_MS, START_MS, TestDatabase, key, on_both, role, texts};

on_both! {
    the_last_use_of_each_secret_is_shown,
    two_nodes_note_the_uses_of_the_same_keys_at_once,
    what_could_not_be_written_is_kept,
}

fn from(address: &str, user_agent: &str) -> Origin {
    Origin {
        address: Some(address.parse::<IpAddr>().unwrap()),
        user_agent: Some(user_agent.into()),
        ..Origin::default()
    }
}

fn used(at_ms: i64, address: &str, user_agent: &str) -> LastUse {
    LastUse { at_ms, address: Some(address.parse().unwrap()), user_agent: Some(user_agent.into()) }
}

async fn the_last_use_of_each_secret_is_shown(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    keyward.assign_roles(&operator, "bot", &texts(&["reader"])).await.unwrap();
    let issued = key(&keyward, "CI", "bot").await;
    let old = Credential::parse(issued.secret.expose()).unwrap();
    assert_eq!(keyward.api_key(&operator, &issued.key.id).await.unwrap().last_used, None);

    keyward.authenticate(&old, from("203.0.113.7", "curl/8")).await.unwrap();
    keyward.clock().advance_ms(SECOND_MS);
    let rotated = keyward.rotate_api_key(&operator, &issued.key.id, 60).await.unwrap();
    let new = Credential::parse(rotated.secret.expose()).unwrap();
    keyward.authenticate(&new, from("2001:db8::1", "boto3")).await.unwrap();

    let listed = keyward.list_api_keys(&operator, &ApiKeyQuery::default()).await.unwrap().items.remove(0);
    assert_eq!(listed.last_used, Some(used(START_MS + SECOND_MS, "2001:db8::1", "boto3")));
    let previous = listed.previous.unwrap();
    assert_eq!(previous.public_id, issued.key.public_id);
    assert_eq!(previous.valid_until_ms, START_MS + 61 * SECOND_MS);
    assert_eq!(previous.last_used, Some(used(START_MS, "203.0.113.7", "curl/8")));

    // When it has ended, there is one secret alone, long before anybody throws the other away.
    keyward.clock().advance_ms(60 * SECOND_MS);
    assert_eq!(keyward.api_key(&operator, &issued.key.id).await.unwrap().previous, None);
    let listed = keyward.list_api_keys(&operator, &ApiKeyQuery::default()).await.unwrap().items.remove(0);
    assert_eq!(listed.previous, None);
}

async fn two_nodes_note_the_uses_of_the_same_keys_at_once(database: TestDatabase) {
    let (one, other) = (database.keyward().await, database.keyward().await);
    let operator = Caller::operator();
    role(&one, "reader", &["read:*"]).await;
    one.assign_roles(&operator, "bot", &texts(&["reader"])).await.unwrap();
    let secrets: Vec<String> = (0..300).map(|number| format!("vams_{number:064}")).collect();
    let rows: Vec<ImportedApiKey> =
        secrets.iter().enumerate().map(|(number, secret)| imported(number, secret)).collect();
    let keys = one.import_api_keys(&operator, &rows).await.unwrap();
    let first = keys.into_iter().next().unwrap().unwrap();

    for _ in 0..5 {
        for keyward in [&one, &other] {
            keyward.clock().advance_ms(SECOND_MS);
            for secret in &secrets {
                let credential = Credential::parse(secret).unwrap();
                keyward.authenticate(&credential, Origin::default()).await.unwrap();
            }
        }
        let query = ApiKeyQuery { page: Cursor::largest(), ..ApiKeyQuery::default() };
        let (one_listed, other_listed, updated) = tokio::join!(
            tokio::spawn(listed(Arc::clone(&one), query.clone())),
            tokio::spawn(listed(Arc::clone(&other), query.clone())),
            one.api_key(&operator, &first.id),
        );
        assert_eq!(one_listed.unwrap(), 300);
        assert_eq!(other_listed.unwrap(), 300);
        updated.unwrap();
    }
}

async fn listed(keyward: Arc<keyward_core::keyward::Keyward>, query: ApiKeyQuery) -> usize {
    keyward.list_api_keys(&Caller::operator(), &query).await.unwrap().items.len()
}

fn imported(number: usize, secret: &str) -> ImportedApiKey {
    ImportedApiKey {
        name: format!("key {number}"),
        user: "bot".into(),
        sha256: crate::support::sha256_hex(secret),
        active: true,
        ..ImportedApiKey::default()
    }
}

async fn what_could_not_be_written_is_kept(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    keyward.assign_roles(&operator, "bot", &texts(&["reader"])).await.unwrap();
    let issued = key(&keyward, "CI", "bot").await;
    let credential = Credential::parse(issued.secret.expose()).unwrap();
    keyward.authenticate(&credential, from("203.0.113.7", "curl/8")).await.unwrap();

    database.execute("ALTER TABLE api_key_secrets RENAME COLUMN last_used_agent TO agent").await;
    assert!(keyward.api_key(&operator, &issued.key.id).await.is_err());
    database.execute("ALTER TABLE api_key_secrets RENAME COLUMN agent TO last_used_agent").await;

    let shown = keyward.api_key(&operator, &issued.key.id).await.unwrap();
    assert_eq!(shown.last_used, Some(used(START_MS, "203.0.113.7", "curl/8")));
}
