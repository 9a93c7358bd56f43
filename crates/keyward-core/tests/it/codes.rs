//! One-time codes: sent to one address, stored as fingerprints, guessed five times at most, used once.

use std::sync::Arc;

use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::code::CodeDelivery;
use keyward_core::error::{Code, Error, Result};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest};
use keyward_core::message::{Channel, Deliveries, Delivery};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::UserUpdate;

use crate::support::{DAY_MS, SECOND_MS, START_MS, TestDatabase, account, client_id, code, on_both};

on_both! {
    a_code_proves_the_address_that_it_was_sent_to,
    a_code_is_used_once,
    of_a_hundred_guesses_at_once_five_count,
    of_many_who_show_the_code_at_once_one_has_it,
    a_code_ends_after_a_day,
    a_new_code_makes_the_old_one_void,
    a_code_proves_no_address_that_was_set_since,
    five_codes_are_sent_in_an_hour,
    what_cannot_be_sent_makes_no_code,
    nothing_of_a_code_lies_in_clear,
    what_was_used_or_too_old_is_thrown_away,
}

const ADA: &str = "ada@example.com";
const HOUR_MS: i64 = 60 * 60 * SECOND_MS;

async fn keyward(database: &TestDatabase) -> (Arc<Keyward>, Clock) {
    let clock = Clock::fixed(START_MS);
    let settings = Settings { failed_sign_ins_per_minute: 0, ..Settings::default() };
    (database.keyward_with(clock.clone(), settings).await, clock)
}

/// The access token, good for two days, of a user whose address isn't proven.
async fn unproven(database: &TestDatabase, keyward: &Keyward) -> Secret {
    let client = client_id(keyward).await;
    let for_two_days = format!(
        "UPDATE app_clients SET settings = REPLACE(settings, '\"access_token_seconds\":3600', \
         '\"access_token_seconds\":172800') WHERE id = '{client}'"
    );
    database.execute(&for_two_days).await;
    let user = account(keyward, ADA, &[]).await;
    database.execute("UPDATE users SET email_verified = FALSE").await;
    let password = Secret::from("Correct-Horse-9!");
    let (pool, operator) = (keyward.local_pool(), Caller::operator());
    keyward.set_password_in(&**pool, &operator, &user.id, &password, false).await.unwrap();
    let origin = Origin::default();
    let request = SignInRequest::new(&origin, &client);
    match keyward.sign_in_with_password(request, ADA, &password).await.unwrap() {
        SignIn::Done(tokens) => tokens.access_token,
        SignIn::Challenge(challenge) => panic!("{challenge:?}"),
    }
}

async fn send(keyward: &Keyward, token: &Secret) -> Result<CodeDelivery> {
    keyward.send_attribute_code(&Origin::default(), token, "email").await
}

async fn show(keyward: &Keyward, token: &Secret, code: &str) -> Result<()> {
    keyward.verify_attribute(&Origin::default(), token, "email", &Secret::from(code)).await
}

/// The code in the message that was sent last.
async fn sent(keyward: &Keyward) -> String {
    let page = keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
    let body = page.items.last().unwrap().content.body.clone();
    let code = body.expose().strip_prefix("Your confirmation code is ").unwrap().to_owned();
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    code
}

/// Another code than this one.
fn wrong(code: &str, number: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1 + number) % 1_000_000)
}

async fn is_proven(keyward: &Keyward) -> bool {
    keyward.user(&Caller::operator(), ADA).await.unwrap().email_verified
}

async fn outcomes(keyward: &Keyward) -> Vec<Outcome> {
    let query = AuditQuery { action: Some("user.verify-attribute".into()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    events.into_iter().map(|event| event.outcome).collect()
}

async fn a_code_proves_the_address_that_it_was_sent_to(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;

    let delivery = send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;

    assert_eq!(delivery, CodeDelivery { channel: Channel::Email, masked: "a***@e***".into() });
    assert!(!is_proven(&keyward).await);
    let refused = show(&keyward, &token, &wrong(&code, 0)).await.unwrap_err();
    assert_eq!(refused.code, Code::CodeMismatch);
    assert_eq!(refused.message, "Invalid verification code provided, please try again.");
    show(&keyward, &token, &code).await.unwrap();
    assert!(is_proven(&keyward).await);
    assert_eq!(outcomes(&keyward).await, [Outcome::Done, Outcome::Failed]);
}

async fn a_code_is_used_once(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    assert_eq!(self::code(show(&keyward, &token, "123456").await), Code::CodeExpired);
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;

    show(&keyward, &token, &code).await.unwrap();

    let refused = show(&keyward, &token, &code).await.unwrap_err();
    assert_eq!(refused.code, Code::CodeExpired);
    assert_eq!(refused.message, "Invalid code provided, please request a code again.");
    assert_eq!(self::code(show(&keyward, &token, "").await), Code::CodeExpired);
    // Having used it makes no room for more of them.
    for _ in 0..4 {
        send(&keyward, &token).await.unwrap();
    }
    assert_eq!(self::code(send(&keyward, &token).await), Code::LimitExceeded(3600));
}

async fn of_a_hundred_guesses_at_once_five_count(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;

    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let (keyward, token, guess) = (Arc::clone(&keyward), token.clone(), wrong(&code, number));
            tokio::spawn(async move { show(&keyward, &token, &guess).await.unwrap_err().code })
        })
        .collect();
    let mut mismatches = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            Code::CodeMismatch => mismatches += 1,
            Code::CodeExpired => {}
            other => panic!("{other:?}"),
        }
    }

    assert_eq!(mismatches, 5);
    // The right one comes too late.
    assert_eq!(self::code(show(&keyward, &token, &code).await), Code::CodeExpired);
    assert!(!is_proven(&keyward).await);
    assert_eq!(outcomes(&keyward).await, [Outcome::Failed; 5]);
}

async fn of_many_who_show_the_code_at_once_one_has_it(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;

    let shown: Vec<_> = (0..20)
        .map(|_| {
            let (keyward, token, code) = (Arc::clone(&keyward), token.clone(), code.clone());
            tokio::spawn(async move { show(&keyward, &token, &code).await.map_err(|error| error.code) })
        })
        .collect();
    let mut good = 0;
    for shown in shown {
        match shown.await.unwrap() {
            Ok(()) => good += 1,
            // Who has read the user before the other's change finds them changed.
            Err(Code::CodeExpired | Code::Conflict) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    assert_eq!(good, 1);
    assert_eq!(outcomes(&keyward).await, [Outcome::Done]);
}

async fn a_code_ends_after_a_day(database: TestDatabase) {
    let (keyward, clock) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;

    clock.advance_ms(DAY_MS - 1);
    assert_eq!(self::code(show(&keyward, &token, &wrong(&code, 0)).await), Code::CodeMismatch);
    clock.advance_ms(1);
    assert_eq!(self::code(show(&keyward, &token, &code).await), Code::CodeExpired);
    assert!(!is_proven(&keyward).await);
}

async fn a_new_code_makes_the_old_one_void(database: TestDatabase) {
    let (keyward, clock) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let old = sent(&keyward).await;
    for number in 0..5 {
        show(&keyward, &token, &wrong(&old, number)).await.unwrap_err();
    }
    // Messages are listed by their time.
    clock.advance_ms(1);
    send(&keyward, &token).await.unwrap();
    let mut new = sent(&keyward).await;
    if old == new {
        clock.advance_ms(1);
        send(&keyward, &token).await.unwrap();
        new = sent(&keyward).await;
    }

    assert_eq!(self::code(show(&keyward, &token, &old).await), Code::CodeMismatch);
    show(&keyward, &token, &new).await.unwrap();
}

async fn a_code_proves_no_address_that_was_set_since(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;
    let update = UserUpdate { email: Some("admin@example.com".into()), ..UserUpdate::default() };
    keyward.update_user(&Caller::operator(), ADA, update).await.unwrap();

    let refused = show(&keyward, &token, &code).await;

    assert_eq!(self::code(refused), Code::CodeExpired);
    assert!(!is_proven(&keyward).await);
}

async fn five_codes_are_sent_in_an_hour(database: TestDatabase) {
    let (keyward, clock) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    let sending: Vec<_> = (0..20)
        .map(|_| {
            let (keyward, token) = (Arc::clone(&keyward), token.clone());
            tokio::spawn(async move { send(&keyward, &token).await })
        })
        .collect();
    let mut outcomes: Vec<Result<CodeDelivery>> = Vec::new();
    for sending in sending {
        outcomes.push(sending.await.unwrap());
    }

    let refused: Vec<Error> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 15);
    for refused in refused {
        assert_eq!(refused.code, Code::LimitExceeded(3600));
        assert_eq!(refused.message, "Attempt limit exceeded, please try after some time.");
    }
    assert_eq!(database.column("SELECT id FROM messages").await.len(), 5);
    clock.advance_ms(HOUR_MS - SECOND_MS);
    assert_eq!(self::code(send(&keyward, &token).await), Code::LimitExceeded(1));
    clock.advance_ms(SECOND_MS);
    send(&keyward, &token).await.unwrap();
}

async fn what_cannot_be_sent_makes_no_code(database: TestDatabase) {
    let (keyward, clock) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    let deliveries = Deliveries { email: Delivery::Refused, sms: Delivery::Refused };
    let settings = Settings { deliveries, ..Settings::default() };
    let keyward = database.keyward_with(clock, settings).await;

    assert_eq!(code(send(&keyward, &token).await), Code::DeliveryFailed);
    let by_phone = keyward.send_attribute_code(&Origin::default(), &token, "phone_number").await;
    assert_eq!(code(by_phone), Code::InvalidInput("attribute_name".into()));
    let by_name = keyward.send_attribute_code(&Origin::default(), &token, "name").await;
    assert_eq!(code(by_name), Code::InvalidInput("attribute_name".into()));
    assert_eq!(database.column("SELECT owner FROM codes").await, [""; 0]);
}

async fn nothing_of_a_code_lies_in_clear(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    let code = sent(&keyward).await;
    show(&keyward, &token, &wrong(&code, 0)).await.unwrap_err();

    let contents = database.contents().await;

    assert_eq!(contents["codes"].len(), 1);
    for (table, rows) in contents {
        let is_clear = rows.iter().any(|row| {
            // Six digits alone: they may well stand inside a longer number by chance.
            row.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| word == code)
        });
        assert!(!is_clear, "{table}");
    }
}

async fn what_was_used_or_too_old_is_thrown_away(database: TestDatabase) {
    let (keyward, _) = keyward(&database).await;
    let token = unproven(&database, &keyward).await;
    send(&keyward, &token).await.unwrap();
    show(&keyward, &token, &sent(&keyward).await).await.unwrap();
    let store = database.store().await;

    // How many were sent is known for an hour, also when they are used.
    store.sweep(START_MS + HOUR_MS).await.unwrap();
    assert_eq!(database.column("SELECT owner FROM codes").await.len(), 1);
    store.sweep(START_MS + HOUR_MS + 1).await.unwrap();
    assert_eq!(database.column("SELECT owner FROM codes").await, [""; 0]);
}
