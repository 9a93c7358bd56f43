//! Each act that concerns rights above one's own is refused by itself, and the refusal is an event.

use std::sync::Arc;

use keyward_core::access_key::AccessKeyQuery;
use keyward_core::api_key::{ApiKeyQuery, ApiKeyUpdate, ImportedApiKey, NewApiKey};
use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Error};
use keyward_core::import::ImportedUser;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use keyward_core::role::{NewRole, RoleUpdate};
use keyward_core::user::{NewUser, UserQuery, UserUpdate};

use crate::support::{TestDatabase, account, key, new_key, on_both, person, role, sha256_hex, texts};

on_both! {
    nothing_above_ones_own_rights_is_done,
    nothing_is_done_without_the_permission_for_it,
    nobody_is_asked_who_they_are_first,
}

#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn nothing_above_ones_own_rights_is_done(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "managers", &["manage:*", "read:*"]).await;
    role(&keyward, "readers", &["read:*"]).await;
    // One right more, asleep as long as there is no second factor.
    role(&keyward, "writers", &["write:a"]).await;
    let asleep = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&operator, "writers", asleep).await.unwrap();
    account(&keyward, "mallory@example.com", &["managers", "writers"]).await;
    account(&keyward, "reader@example.com", &["readers"]).await;
    account(&keyward, "writer@example.com", &["readers", "writers"]).await;
    let narrow = NewApiKey { scope: Some(texts(&["read:a"])), ..new_key("narrow", "writer@example.com") };
    let narrow = keyward.create_api_key(&operator, narrow).await.unwrap().key.id;
    let wide = key(&keyward, "wide", "writer@example.com").await.key.id;
    let mallory = &person(&keyward, "mallory@example.com", false).await;
    let (reader, writer) = ("reader@example.com", "writer@example.com");
    let writers = texts(&["writers"]);

    let new_role = |permissions: &[&str]| NewRole {
        name: "new".into(),
        description: "New".into(),
        permissions: texts(permissions),
        ..NewRole::default()
    };
    let new_user =
        NewUser { username: "new@example.com".into(), roles: writers.clone(), ..NewUser::default() };
    let new_bot = NewUser { username: "new-bot".into(), program: true, ..new_user.clone() };
    let widen = RoleUpdate { permissions: Some(texts(&["write:*"])), ..RoleUpdate::default() };
    let wake = RoleUpdate { mfa_required: Some(false), ..RoleUpdate::default() };
    let address = UserUpdate { email: Some("mallory@example.org".into()), ..UserUpdate::default() };
    let phone = UserUpdate { phone: Some(None), ..UserUpdate::default() };
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    let scope = ApiKeyUpdate { scope: Some(None), ..ApiKeyUpdate::default() };
    let anywhere = ApiKeyUpdate { allowed_addresses: Some(Vec::new()), ..ApiKeyUpdate::default() };
    let for_ever = ApiKeyUpdate { expires_at: Some(String::new()), ..ApiKeyUpdate::default() };
    let wake_key = ApiKeyUpdate { active: Some(true), ..ApiKeyUpdate::default() };
    let row = ImportedApiKey {
        name: "imported".into(),
        user: writer.into(),
        sha256: sha256_hex("secret"),
        active: true,
        ..ImportedApiKey::default()
    };
    let user_row = ImportedUser {
        username: "imported".into(),
        attributes: [("email", writer), ("email_verified", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..ImportedUser::default()
    };
    let refused: Vec<Option<Error>> = vec![
        keyward.create_role(mallory, new_role(&["write:a"])).await.err(),
        keyward.create_role(mallory, new_role(&["*"])).await.err(),
        keyward.update_role(mallory, "readers", widen.clone()).await.err(),
        keyward.update_role(mallory, "writers", wake).await.err(),
        keyward.delete_role(mallory, "writers", None).await.err(),
        keyward.create_user(mallory, new_user).await.err(),
        keyward.create_user(mallory, new_bot).await.err(),
        keyward.update_user(mallory, writer, address).await.err(),
        keyward.update_user(mallory, writer, phone).await.err(),
        keyward.update_user(mallory, writer, disable).await.err(),
        keyward.delete_user(mallory, writer, None).await.err(),
        keyward.reset_password(mallory, writer).await.err(),
        keyward.reset_password(mallory, "mallory@example.com").await.err(),
        keyward.set_password(mallory, writer, &"Correct-horse-1".into(), false).await.err(),
        keyward.sign_out_user(mallory, writer).await.err(),
        keyward.reset_mfa(mallory, writer, None).await.err(),
        keyward.assign_roles(mallory, reader, &writers).await.err(),
        keyward.assign_roles(mallory, "nobody-yet", &writers).await.err(),
        keyward.assign_roles(mallory, writer, &texts(&["managers"])).await.err(),
        keyward.set_roles(mallory, reader, &writers, None).await.err(),
        keyward.set_roles(mallory, writer, &texts(&["readers"]), None).await.err(),
        keyward.set_groups(mallory, reader, &writers).await.err(),
        keyward.set_groups(mallory, writer, &texts(&["readers"])).await.err(),
        keyward.remove_role(mallory, writer, "readers", None).await.err(),
        keyward.create_api_key(mallory, new_key("new", writer)).await.err(),
        keyward.update_api_key(mallory, &narrow, scope).await.err(),
        keyward.update_api_key(mallory, &wide, anywhere).await.err(),
        keyward.update_api_key(mallory, &wide, for_ever).await.err(),
        keyward.update_api_key(mallory, &wide, wake_key).await.err(),
        keyward.rotate_api_key(mallory, &wide, 0).await.err(),
        keyward.import_api_keys(mallory, &[row]).await.unwrap().remove(0).err(),
        keyward.import_users(mallory, None, &[user_row]).await.unwrap().remove(0).err(),
        keyward.create_access_key(mallory, writer).await.err(),
        keyward.create_access_key(mallory, "mallory@example.com").await.err(),
    ];

    let count = refused.len();
    for (number, error) in refused.into_iter().enumerate() {
        let code = error.unwrap_or_else(|| panic!("act {number} is done")).code;
        assert!(
            matches!(&code, Code::Forbidden(missing) if missing != "manage:users"),
            "act {number}: {code:?}"
        );
    }
    let query = AuditQuery { actor: mallory.user_id().map(str::to_owned), ..AuditQuery::default() };
    let events = keyward.list_audit(&operator, &query).await.unwrap().items;
    assert_eq!(events.len(), count);
    for event in events {
        assert_eq!(event.outcome, Outcome::Refused);
        assert!(event.detail["missing"].as_str().is_some_and(|missing| missing != "manage:users"));
    }

    // With the second factor, all that is hers to do.
    let mallory = &person(&keyward, "mallory@example.com", true).await;
    keyward.assign_roles(mallory, reader, &writers).await.unwrap();
    keyward.reset_password(mallory, writer).await.unwrap();
    keyward.rotate_api_key(mallory, &wide, 0).await.unwrap();
    keyward.create_access_key(mallory, writer).await.unwrap();
}

/// All acts, for somebody who may do none of them.
async fn every_act(keyward: &Arc<Keyward>, caller: &Caller) -> Vec<(&'static str, Option<Error>)> {
    let reader = "reader@example.com";
    let readers = texts(&["readers"]);
    let page = Cursor::default();
    let new_role = NewRole { name: "new".into(), description: "New".into(), ..NewRole::default() };
    let new_user = NewUser { username: "new@example.com".into(), ..NewUser::default() };
    let enable = UserUpdate { enabled: Some(true), ..UserUpdate::default() };
    vec![
        ("manage:roles", keyward.create_role(caller, new_role).await.err()),
        ("manage:roles", keyward.update_role(caller, "readers", RoleUpdate::default()).await.err()),
        ("manage:roles", keyward.delete_role(caller, "readers", None).await.err()),
        ("view:roles", keyward.role(caller, "readers").await.err()),
        ("view:roles", keyward.list_roles(caller, &page).await.err()),
        ("manage:users", keyward.list_groups(caller, &page).await.err()),
        ("manage:users", keyward.create_user(caller, new_user).await.err()),
        ("manage:users", keyward.update_user(caller, reader, enable).await.err()),
        ("manage:users", keyward.delete_user(caller, reader, None).await.err()),
        ("manage:users", keyward.reset_password(caller, reader).await.err()),
        ("manage:users", keyward.set_password(caller, reader, &"Correct-horse-1".into(), false).await.err()),
        ("manage:users", keyward.sign_out_user(caller, reader).await.err()),
        ("manage:users", keyward.reset_mfa(caller, reader, None).await.err()),
        ("manage:users", keyward.assign_roles(caller, reader, &readers).await.err()),
        ("manage:users", keyward.set_roles(caller, reader, &[], None).await.err()),
        ("manage:users", keyward.set_groups(caller, reader, &readers).await.err()),
        ("manage:users", keyward.remove_role(caller, reader, "readers", None).await.err()),
        ("manage:users", keyward.import_users(caller, None, &[]).await.err()),
        ("manage:users", keyward.list_test_users(caller).await.err()),
        ("manage:users", keyward.create_test_users(caller).await.err()),
        ("manage:users", keyward.delete_test_users(caller).await.err()),
        ("manage:users", keyward.secure_production(caller, true).await.err()),
        ("manage:users", keyward.secure_production(caller, false).await.err()),
        ("*", keyward.allow_test_users(caller).await.err()),
        ("view:users", keyward.export_users(caller, None, page.clone()).await.err()),
        ("view:users", keyward.user_columns(caller, None).await.err()),
        ("view:users", keyward.user(caller, reader).await.err()),
        ("view:users", keyward.user(caller, "nobody@example.com").await.err()),
        ("view:users", keyward.user_roles(caller, reader).await.err()),
        ("view:users", keyward.list_users(caller, &UserQuery::default()).await.err()),
        ("view:users", keyward.list_assignments(caller, &page).await.err()),
        ("manage:api-keys", keyward.create_api_key(caller, new_key("new", reader)).await.err()),
        ("manage:api-keys", keyward.update_api_key(caller, "id", ApiKeyUpdate::default()).await.err()),
        ("manage:api-keys", keyward.rotate_api_key(caller, "id", 0).await.err()),
        ("manage:api-keys", keyward.delete_api_key(caller, "id", None).await.err()),
        ("manage:api-keys", keyward.import_api_keys(caller, &[]).await.err()),
        ("view:api-keys", keyward.api_key(caller, "id").await.err()),
        ("view:api-keys", keyward.list_api_keys(caller, &ApiKeyQuery::default()).await.err()),
        ("manage:api-keys", keyward.create_access_key(caller, reader).await.err()),
        ("manage:api-keys", keyward.create_access_key(caller, "nobody@example.com").await.err()),
        ("manage:api-keys", keyward.delete_access_key(caller, "id").await.err()),
        ("view:api-keys", keyward.access_keys(caller, &AccessKeyQuery::default()).await.err()),
        ("view:audit", keyward.list_audit(caller, &AuditQuery::default()).await.err()),
        ("verify:credentials", keyward.verify(caller, None, None).await.err()),
        ("*", keyward.send_test_message(caller, reader).await.err()),
        ("*", keyward.outbox(caller, &page).await.err()),
    ]
}

async fn nothing_is_done_without_the_permission_for_it(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "readers", &["read:*", "view:own", "manage:user", "Manage:users"]).await;
    account(&keyward, "reader@example.com", &["readers"]).await;
    account(&keyward, "mallory@example.com", &["readers"]).await;
    let mallory = person(&keyward, "mallory@example.com", true).await;

    for (permission, error) in every_act(&keyward, &mallory).await {
        assert_eq!(error.unwrap().code, Code::Forbidden(permission.into()));
    }

    let query = AuditQuery { actor: Some("mallory@example.com".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    // Whoever only looked did nothing to note.
    assert_eq!(events.len(), 29);
    assert!(events.iter().all(|event| event.outcome == Outcome::Refused));
    // Oneself may be seen.
    assert!(keyward.user(&mallory, "mallory@example.com").await.is_ok());
    assert!(keyward.user_roles(&mallory, "mallory@example.com").await.is_ok());
}

async fn nobody_is_asked_who_they_are_first(database: TestDatabase) {
    let keyward = database.keyward().await;
    let nobody = Caller::nobody(Origin::default());

    for (permission, error) in every_act(&keyward, &nobody).await {
        assert_eq!(error.unwrap().code, Code::Unauthenticated, "{permission}");
    }
}
