//! May somebody do that: the answer, its reason, and what it rests on.

use keyward_core::access::{About, Authorization, Credential, Grounds, Reason};
use keyward_core::api_key::{ApiKeyUpdate, NewApiKey};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::role::RoleUpdate;
use keyward_core::user::UserUpdate;

use crate::support::{
    DAY_MS, TestDatabase, account, code, key, let_in, new_key, on_both, person, role, texts,
};

on_both! {
    the_answer_about_a_key_says_why,
    the_answer_about_a_user_is_as_if_without_mfa,
    one_asks_about_oneself_without_any_right,
    asking_about_others_needs_a_right,
    one_to_a_hundred_permissions_are_asked_about,
    what_is_asked_all_the_time_stays_small,
}

/// May they read, write and delete: by key's id, with all that explains it.
async fn may(keyward: &Keyward, about: About) -> Authorization {
    let permissions = texts(&["read:a", "write:a", "delete:a"]);
    keyward.authorize(&Caller::operator(), &about, &permissions, None, true).await.unwrap()
}

fn reasons(authorization: &Authorization) -> Vec<Option<Reason>> {
    authorization.decisions.iter().map(|decision| decision.reason).collect()
}

fn grounds(role: &str, pattern: &str) -> Grounds {
    Grounds { role: role.into(), pattern: pattern.parse().unwrap() }
}

/// Ada, who reads, and writes with a second factor.
async fn ada(keyward: &Keyward) {
    role(keyward, "readers", &["read:*"]).await;
    role(keyward, "writers", &["write:*", "read:a"]).await;
    let asleep = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&Caller::operator(), "writers", asleep).await.unwrap();
    account(keyward, "ada@example.com", &["readers", "writers"]).await;
}

async fn the_answer_about_a_key_says_why(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    ada(&keyward).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;
    let id = &issued.key.id;
    let about = || About::ApiKey(id.clone());

    let answer = may(&keyward, about()).await;
    assert_eq!(answer.reason, None);
    assert_eq!(reasons(&answer), [None, Some(Reason::MfaRequired), Some(Reason::NotGranted)]);
    assert_eq!(answer.decisions[0].granted_by, [grounds("readers", "read:*")]);
    assert_eq!(answer.decisions[0].withheld, [(grounds("writers", "read:a"), Reason::MfaRequired)]);
    assert!(!answer.allowed());

    let narrow = ApiKeyUpdate { scope: Some(Some(texts(&["write:*"]))), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, id, narrow).await.unwrap();
    let answer = may(&keyward, about()).await;
    assert_eq!(
        reasons(&answer),
        [Some(Reason::OutsideScope), Some(Reason::MfaRequired), Some(Reason::NotGranted)]
    );

    // What concerns the key itself comes first, and nothing is allowed.
    let disable = ApiKeyUpdate { active: Some(false), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, id, disable).await.unwrap();
    let answer = may(&keyward, about()).await;
    assert_eq!((answer.reason, answer.standing.is_none()), (Some(Reason::Disabled), true));
    assert_eq!(reasons(&answer), [Some(Reason::Disabled); 3]);

    let enable = ApiKeyUpdate { active: Some(true), ..ApiKeyUpdate::default() };
    let expire = ApiKeyUpdate { expires_at: Some("2027-01-01".into()), ..enable.clone() };
    keyward.update_api_key(&operator, id, expire).await.unwrap();
    keyward.clock().advance_ms(DAY_MS);
    assert_eq!(may(&keyward, about()).await.reason, Some(Reason::Expired));

    let again = ApiKeyUpdate { expires_at: Some(String::new()), ..enable };
    keyward.update_api_key(&operator, id, again).await.unwrap();
    let here = ApiKeyUpdate { allowed_addresses: Some(texts(&["10.0.0.0/8"])), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, id, here).await.unwrap();
    assert_eq!(may(&keyward, about()).await.reason, Some(Reason::AddressNotAllowed));
    let inside = Some("10.1.2.3".parse().unwrap());
    let answer = keyward.authorize(&operator, &about(), &texts(&["read:a"]), inside, false).await.unwrap();
    assert_eq!(answer.reason, None);

    let anywhere = ApiKeyUpdate { allowed_addresses: Some(Vec::new()), ..ApiKeyUpdate::default() };
    keyward.update_api_key(&operator, id, anywhere).await.unwrap();
    keyward.set_roles(&operator, "ada@example.com", &[], None).await.unwrap();
    assert_eq!(may(&keyward, about()).await.reason, Some(Reason::NoRoles));
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&operator, "ada@example.com", disable).await.unwrap();
    assert_eq!(may(&keyward, about()).await.reason, Some(Reason::UserDisabled));

    keyward.delete_api_key(&operator, id, None).await.unwrap();
    let gone = keyward.authorize(&operator, &about(), &texts(&["read:a"]), None, false).await;
    assert_eq!(code(gone), Code::NotFound(Thing::ApiKey));
    let credential = Credential::parse(issued.secret.expose());
    let answer = may(&keyward, About::Credential(credential)).await;
    assert_eq!(answer.reason, Some(Reason::UnknownCredential));
    assert_eq!(may(&keyward, About::Credential(None)).await.reason, Some(Reason::UnknownCredential));
}

async fn the_answer_about_a_user_is_as_if_without_mfa(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let about = || About::User("Ada@example.com".into());

    let answer = may(&keyward, about()).await;
    assert_eq!(reasons(&answer), [None, Some(Reason::MfaRequired), Some(Reason::NotGranted)]);

    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&Caller::operator(), "ada@example.com", disable).await.unwrap();
    assert_eq!(may(&keyward, about()).await.reason, Some(Reason::UserDisabled));
    let nobody = About::User("nobody@example.com".into());
    let unknown = keyward.authorize(&Caller::operator(), &nobody, &texts(&["read:a"]), None, false).await;
    assert_eq!(code(unknown), Code::NotFound(Thing::User));
}

async fn one_asks_about_oneself_without_any_right(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let new = NewApiKey { scope: Some(texts(&["read:a*"])), ..new_key("CI", "ada@example.com") };
    let issued = keyward.create_api_key(&Caller::operator(), new).await.unwrap();
    let caller = let_in(&keyward, &issued).await.unwrap();

    let permissions = texts(&["read:a", "read:a*", "read:b", "write:a", "delete:a"]);
    let answer = keyward.authorize(&caller, &About::Caller, &permissions, None, false).await.unwrap();
    assert_eq!(
        reasons(&answer),
        [None, None, Some(Reason::OutsideScope), Some(Reason::MfaRequired), Some(Reason::NotGranted)]
    );
    let explained = keyward.authorize(&caller, &About::Caller, &permissions, None, true).await;
    assert_eq!(code(explained), Code::Forbidden("view:users".into()));
    let everything = texts(&["*", "read:*"]);
    let answer = keyward.authorize(&Caller::operator(), &About::Caller, &everything, None, false).await;
    assert!(answer.unwrap().allowed());
}

async fn asking_about_others_needs_a_right(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let issued = key(&keyward, "CI", "ada@example.com").await;
    let ada = person(&keyward, "ada@example.com", true).await;
    let about = Credential::parse(issued.secret.expose());
    let ask = async |about: About| code(keyward.authorize(&ada, &about, &texts(&["a:b"]), None, false).await);

    assert_eq!(ask(About::Credential(about)).await, Code::Forbidden("verify:credentials".into()));
    assert_eq!(ask(About::User("ada@example.com".into())).await, Code::Forbidden("view:users".into()));
    assert_eq!(ask(About::ApiKey(issued.key.id)).await, Code::Forbidden("view:users".into()));
}

async fn one_to_a_hundred_permissions_are_asked_about(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let ask = async |permissions: &[String]| {
        keyward.authorize(&operator, &About::Caller, permissions, None, false).await
    };

    assert_eq!(ask(&vec!["a:b".to_owned(); 100]).await.unwrap().decisions.len(), 100);
    for wrong in [vec![], vec!["a:b".to_owned(); 101], texts(&["a"]), texts(&["a:b", "a\0:b"])] {
        assert_eq!(code(ask(&wrong).await), Code::InvalidInput("permissions".into()));
    }
}

/// A future is allocated and copied as large as its rarest branch needs; queries are kilobytes.
async fn what_is_asked_all_the_time_stays_small(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let credential = Credential::parse(&format!("vams_{}", "x".repeat(64))).unwrap();
    let permissions = texts(&["read:a"]);

    let verify = keyward.verify(&operator, Some(&credential), None);
    let authenticate = keyward.authenticate(&credential, Origin::default());
    let authorize = keyward.authorize(&operator, &About::Caller, &permissions, None, false);

    let sizes = [size_of_val(&verify), size_of_val(&authenticate), size_of_val(&authorize)];
    assert!(sizes.iter().all(|size| *size <= 1280), "{sizes:?}");
}
