//! The core against real databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a test may fail"
)]

mod support;

use keyward_core::access::Credential;
use keyward_core::api_key::{ApiKeyUpdate, NewApiKey};
use keyward_core::caller::Caller;
use keyward_core::caller::Origin;
use keyward_core::role::NewRole;

#[tokio::test]
async fn a_key_works_until_it_is_disabled() {
    let keyward = support::keyward().await;
    let operator = Caller::operator();
    keyward
        .create_role(
            &operator,
            NewRole {
                name: "reader".into(),
                description: "Reads".into(),
                permissions: vec!["read:*".into()],
                ..NewRole::default()
            },
        )
        .await
        .unwrap();
    keyward.assign_roles(&operator, "ci-bot@example.com", &["reader".into()]).await.unwrap();
    let issued = keyward
        .create_api_key(
            &operator,
            NewApiKey {
                name: "CI".into(),
                user: "ci-bot@example.com".into(),
                description: "CI".into(),
                ..NewApiKey::default()
            },
        )
        .await
        .unwrap();
    let credential = Credential::parse(issued.secret.expose()).unwrap();

    let caller = keyward.authenticate(&credential, Origin::default()).await.unwrap();
    assert!(caller.may("read:database"));

    keyward
        .update_api_key(
            &operator,
            &issued.key.id,
            ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() },
        )
        .await
        .unwrap();
    assert!(keyward.authenticate(&credential, Origin::default()).await.is_err());
}
