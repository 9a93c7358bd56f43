//! Which of several things that are wrong is told.

use keyward_core::api_key::NewApiKey;
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Thing};

use crate::support::{TestDatabase, code, new_key, on_both, role, texts};

on_both! {
    what_is_wrong_with_a_new_key_itself_comes_before_its_name_being_taken,
    a_name_that_no_database_can_hold_is_the_name_of_nothing,
}

async fn what_is_wrong_with_a_new_key_itself_comes_before_its_name_being_taken(database: TestDatabase) {
    let (keyward, operator) = (database.keyward().await, Caller::operator());
    role(&keyward, "reader", &["read:*"]).await;
    keyward.assign_roles(&operator, "ci-bot", &texts(&["reader"])).await.unwrap();
    let good = new_key("CI", "ci-bot");
    keyward.create_api_key(&operator, good.clone()).await.unwrap();

    for (field, wrong) in [
        ("description", NewApiKey { description: "x".repeat(257), ..good.clone() }),
        ("owner", NewApiKey { owner: Some(String::new()), ..good.clone() }),
        ("review_at", NewApiKey { review_at: Some("soon".into()), ..good.clone() }),
        ("expires_at", NewApiKey { expires_at: Some("soon".into()), ..good.clone() }),
    ] {
        let refused = keyward.create_api_key(&operator, wrong).await;
        assert_eq!(code(refused), Code::InvalidInput(field.into()));
    }
    // And the name being taken comes before its user's having no roles.
    let nobodys = keyward.create_api_key(&operator, new_key("CI", "nobody")).await;
    assert_eq!(code(nobodys), Code::AlreadyExists(Thing::ApiKey));
}

async fn a_name_that_no_database_can_hold_is_the_name_of_nothing(database: TestDatabase) {
    let (keyward, operator) = (database.keyward().await, Caller::operator());

    assert_eq!(code(keyward.role(&operator, "a\0b").await), Code::NotFound(Thing::Role));
}
