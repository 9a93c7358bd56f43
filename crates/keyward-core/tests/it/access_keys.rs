//! Who signs with an access key is its user, as long as both are there.

use std::sync::Arc;

use aws_lc_rs::hmac;
use keyward_core::access_key::{
    AccessKeyQuery, IssuedAccessKey, SIGNATURE_WINDOW_MS, SignatureFault, Signed, SigningTime,
};
use keyward_core::api_key::LastUse;
use keyward_core::caller::{Caller, Identity, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::page::Cursor;
use keyward_core::role::RoleUpdate;
use keyward_core::user::UserUpdate;
use tokio::task::JoinSet;

use crate::evidence;
use crate::support::{START_MS, TestDatabase, account, code, on_both, person, role, sha256_hex, texts};

on_both! {
    who_signs_is_the_keys_user,
    nobody_else_is_let_in,
    a_signature_is_good_for_five_minutes,
    a_key_is_refused_from_the_next_request_on,
    a_user_has_two_keys_at_most,
    keys_are_listed_by_their_users_with_their_last_use,
    a_repeated_request_makes_one_key,
    a_key_needs_a_user_with_a_role,
    a_secret_in_the_place_of_an_id_is_not_kept,
}

/// What a client asks for; what is in it is the surface's business.
const REQUEST: &str = "POST\n/\n\nhost:localhost\n\nhost\nhash of the body";
/// When a test begins.
const NOW: &str = "20270101T000000Z";

async fn access_key(keyward: &Keyward, user: &str) -> IssuedAccessKey {
    let issued = keyward.create_access_key(&Caller::operator(), user).await.unwrap();
    evidence::secret(issued.secret.expose());
    issued
}

/// As AWS' clients sign (AWS Signature Version 4).
fn signature(secret: &str, at: &str) -> String {
    let key = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let date = at.split_once('T').unwrap().0;
    let first = key(format!("AWS4{secret}").as_bytes(), date);
    let signing = key(&key(&key(&first, "us-east-1"), "cognito-idp"), "aws4_request");
    let scope = format!("{date}/us-east-1/cognito-idp/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", sha256_hex(REQUEST));
    key(&signing, &text).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

async fn shown(
    keyward: &Keyward,
    id: &str,
    secret: &str,
    at: &str,
    origin: Origin,
) -> Result<Caller, SignatureFault> {
    let signed = Signed {
        access_key_id: id,
        at: SigningTime::parse(at).unwrap(),
        region: "us-east-1",
        service: "cognito-idp",
        canonical_request: REQUEST,
        signature: &signature(secret, at),
    };
    keyward.authenticate_signed(&signed, origin).await.unwrap()
}

async fn let_in(keyward: &Keyward, issued: &IssuedAccessKey) -> Result<Caller, SignatureFault> {
    shown(keyward, &issued.key.id, issued.secret.expose(), NOW, Origin::default()).await
}

async fn who_signs_is_the_keys_user(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    role(&keyward, "writer", &["write:*"]).await;
    let asleep = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&Caller::operator(), "writer", asleep).await.unwrap();
    let user = account(&keyward, "ada@example.com", &["reader", "writer"]).await;

    let issued = access_key(&keyward, "ada@example.com").await;
    let caller = let_in(&keyward, &issued).await.unwrap();

    assert_eq!(issued.secret.expose().len(), 40);
    assert_eq!(
        *caller.standing.identity,
        Identity::AccessKey {
            user_id: user.id.clone(),
            username: "ada@example.com".into(),
            access_key_id: issued.key.id.clone(),
        }
    );
    assert_eq!((caller.kind(), caller.credential()), ("access_key", Some(issued.key.id.as_str())));
    assert!(caller.may("read:a") && !caller.may("write:a") && !caller.has_mfa());
    // It is sealed, not hashed; in clear it lies nowhere.
    let contents = format!("{:?}", database.contents().await);
    assert!(contents.contains(&issued.key.id) && !contents.contains(issued.secret.expose()));
    let events = database.column("SELECT detail FROM audit_events WHERE action = 'access-key.create'").await;
    assert_eq!(events, [r#"{"user":"ada@example.com"}"#]);
}

async fn nobody_else_is_let_in(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let (one, other) =
        (access_key(&keyward, "ada@example.com").await, access_key(&keyward, "ada@example.com").await);
    let show =
        async |id: &str, secret: &str| shown(&keyward, id, secret, NOW, Origin::default()).await.map(|_| ());

    let secret = one.secret.expose();
    assert_eq!(show(&one.key.id, secret).await, Ok(()));
    assert_eq!(show(&other.key.id, secret).await, Err(SignatureFault::Mismatch));
    assert_eq!(show(&one.key.id, &secret[1..]).await, Err(SignatureFault::Mismatch));
    assert_eq!(show(&one.key.id, "").await, Err(SignatureFault::Mismatch));
    for unknown in ["AKIAIOSFODNN7EXAMPLE", "", &one.key.id.to_lowercase(), &one.key.user_id, "' OR 1=1"] {
        assert_eq!(show(unknown, secret).await, Err(SignatureFault::UnknownKey), "{unknown}");
    }
}

async fn a_signature_is_good_for_five_minutes(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = access_key(&keyward, "ada@example.com").await;
    let signed = SigningTime::parse(NOW).unwrap();
    let clock = keyward.clock();

    clock.advance_ms(SIGNATURE_WINDOW_MS + 999);
    assert!(let_in(&keyward, &issued).await.is_ok());
    clock.advance_ms(1);
    let now = signed.plus_ms(SIGNATURE_WINDOW_MS + 1000);
    assert_eq!(let_in(&keyward, &issued).await.err(), Some(SignatureFault::Expired(now)));
    clock.advance_ms(-2 * SIGNATURE_WINDOW_MS - 1000);
    assert!(let_in(&keyward, &issued).await.is_ok());
    clock.advance_ms(-1);
    let now = signed.plus_ms(-SIGNATURE_WINDOW_MS - 1000);
    assert_eq!(let_in(&keyward, &issued).await.err(), Some(SignatureFault::NotYetCurrent(now)));
}

async fn a_key_is_refused_from_the_next_request_on(database: TestDatabase) {
    // A node that answers from memory for as long as nobody tells it otherwise: its clock stands still.
    let settings = Settings { revocation_bound_ms: 3_600_000, ..Settings::default() };
    let keyward = database.keyward_with(Clock::fixed(START_MS), settings).await;
    let mut running = JoinSet::new();
    running.spawn({
        let keyward = Arc::clone(&keyward);
        async move { keyward.run().await }
    });
    let operator = Caller::operator();
    for way in ["delete", "disable user", "delete user", "take role", "delete role"] {
        role(&keyward, "reader", &["read:*"]).await;
        let user = account(&keyward, "ada@example.com", &["reader"]).await;
        let issued = access_key(&keyward, "ada@example.com").await;
        until_kept(&database, &keyward, &issued).await;

        match way {
            "delete" => keyward.delete_access_key(&operator, &issued.key.id).await.map(drop),
            "disable user" => {
                let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
                keyward.update_user(&operator, &user.id, update).await.map(drop)
            }
            "delete user" => keyward.delete_user(&operator, &user.id, None).await.map(drop),
            "take role" => keyward.remove_role(&operator, &user.id, "reader", None).await,
            _ => keyward.delete_role(&operator, "reader", None).await.map(drop),
        }
        .unwrap();

        assert_eq!(let_in(&keyward, &issued).await.err(), Some(SignatureFault::UnknownKey), "{way}");
        let _ = keyward.delete_user(&operator, &user.id, None).await;
        let _ = keyward.delete_role(&operator, "reader", None).await;
    }
}

/// Waits until `keyward` knows the key from memory: until it doesn't see that its row is gone for a moment.
async fn until_kept(database: &TestDatabase, keyward: &Keyward, issued: &IssuedAccessKey) {
    let rename = |from: &str, to: &str| format!("UPDATE access_keys SET id = '{to}' WHERE id = '{from}'");
    for _ in 0..2000 {
        let_in(keyward, issued).await.unwrap();
        database.execute(&rename(&issued.key.id, "elsewhere")).await;
        let is_kept = let_in(keyward, issued).await.is_ok();
        database.execute(&rename("elsewhere", &issued.key.id)).await;
        if is_kept {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("nothing is kept in memory; is Keyward::run running?");
}

async fn a_user_has_two_keys_at_most(database: TestDatabase) {
    let nodes = [database.keyward().await, database.keyward().await];
    role(&nodes[0], "reader", &["read:*"]).await;
    account(&nodes[0], "ada@example.com", &["reader"]).await;
    account(&nodes[0], "ben@example.com", &["reader"]).await;
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let keyward = Arc::clone(&nodes[number % 2]);
        tasks.spawn(async move { keyward.create_access_key(&Caller::operator(), "ada@example.com").await });
    }

    let (mut made, mut refused) = (Vec::new(), 0);
    while let Some(outcome) = tasks.join_next().await {
        match outcome.unwrap() {
            Ok(issued) => made.push(issued.key.id),
            Err(error) => {
                assert_eq!(error.code, Code::Conflict);
                refused += 1;
            }
        }
    }

    assert_eq!((made.len(), refused), (2, 18));
    access_key(&nodes[0], "ben@example.com").await;
    nodes[0].delete_access_key(&Caller::operator(), &made[0]).await.unwrap();
    access_key(&nodes[1], "ada@example.com").await;
    assert_eq!(
        code(nodes[0].delete_access_key(&Caller::operator(), &made[0]).await),
        Code::NotFound(Thing::AccessKey)
    );
}

async fn keys_are_listed_by_their_users_with_their_last_use(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    role(&keyward, "reader", &["read:*"]).await;
    for user in ["Cid@example.com", "ada@example.com", "bot-1"] {
        keyward.assign_roles(&operator, user, &texts(&["reader"])).await.unwrap();
        for _ in 0..2 {
            access_key(&keyward, user).await;
        }
    }
    let used = access_key(&keyward, &account(&keyward, "dan@example.com", &["reader"]).await.id).await;
    let address = "203.0.113.7".parse().unwrap();
    let origin = Origin { address: Some(address), user_agent: Some("aws-cli/2".into()), ..Origin::default() };
    shown(&keyward, &used.key.id, used.secret.expose(), NOW, origin).await.unwrap();

    let (mut users, mut cursor) = (Vec::new(), None);
    loop {
        let page = Cursor::new(Some(3), cursor.as_deref()).unwrap();
        let query = AccessKeyQuery { page, ..AccessKeyQuery::default() };
        let found = keyward.access_keys(&operator, &query).await.unwrap();
        users.extend(found.items.into_iter().map(|key| key.username));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    let twice = ["ada@example.com", "bot-1", "Cid@example.com"].map(|user| [user, user]).concat();
    assert_eq!(users, [twice, vec!["dan@example.com"]].concat());

    let query = AccessKeyQuery { user: Some("DAN@example.com".into()), ..AccessKeyQuery::default() };
    let found = keyward.access_keys(&operator, &query).await.unwrap().items;
    let last_used = LastUse { at_ms: START_MS, address: Some(address), user_agent: Some("aws-cli/2".into()) };
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, &found[0].last_used), (&used.key.id, &Some(last_used)));
    let query = AccessKeyQuery { user: Some("nobody@example.com".into()), ..AccessKeyQuery::default() };
    assert_eq!(code(keyward.access_keys(&operator, &query).await), Code::NotFound(Thing::User));
}

async fn a_repeated_request_makes_one_key(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    let user = account(&keyward, "ada@example.com", &["reader"]).await;
    let origin = Origin { idempotency_key: Some("once".into()), ..Origin::default() };
    let caller = Caller { origin, ..Caller::operator() };

    let first = keyward.create_access_key(&caller, "ada@example.com").await.unwrap();
    let again = keyward.create_access_key(&caller, &user.id).await.unwrap();

    assert_eq!((again.key, again.secret), (first.key, first.secret));
}

async fn a_key_needs_a_user_with_a_role(database: TestDatabase) {
    let keyward = database.keyward().await;
    account(&keyward, "ada@example.com", &[]).await;
    let operator = Caller::operator();

    let without_roles = keyward.create_access_key(&operator, "ada@example.com").await;
    assert_eq!(code(without_roles), Code::InvalidInput("user".into()));
    let nobody = keyward.create_access_key(&operator, "nobody@example.com").await;
    assert_eq!(code(nobody), Code::NotFound(Thing::User));
}

async fn a_secret_in_the_place_of_an_id_is_not_kept(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "reader", &["read:*"]).await;
    account(&keyward, "ada@example.com", &["reader"]).await;
    let issued = access_key(&keyward, "ada@example.com").await;
    let ada = person(&keyward, "ada@example.com", false).await;

    for id in [issued.secret.expose(), &issued.key.id] {
        let refused = code(keyward.delete_access_key(&ada, id).await);
        assert_eq!(refused, Code::Forbidden("manage:api-keys".into()));
    }

    let named = "SELECT COALESCE(target_id, '-') FROM audit_events WHERE outcome = 'refused' ORDER BY id";
    assert_eq!(database.column(named).await, ["-", &issued.key.id]);
}
