//! Messages wait with the change that they tell of, are taken once, tried again, and given up in the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::audit::{AuditEvent, AuditQuery, Outcome};
use keyward_core::caller::Caller;
use keyward_core::clock::Clock;
use keyward_core::error::Code;
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::message::{Channel, Deliveries, Delivery, Message};
use keyward_core::page::Cursor;

use crate::support::{SECOND_MS, START_MS, TestDatabase, code, on_both};

on_both! {
    a_message_is_forgotten_once_it_is_sent,
    of_two_servers_one_sends_a_message,
    a_message_of_a_server_that_died_is_sent_by_another,
    what_is_not_sent_is_tried_again_until_it_expires,
    what_is_hopeless_is_given_up_at_once,
    what_cannot_be_read_is_given_up,
    who_sends_is_woken_when_the_message_is_there,
    the_outbox_keeps_messages_until_they_expire,
    a_channel_that_is_sent_is_not_in_the_outbox,
    a_message_to_nobody_is_thrown_away_unseen,
    without_a_way_nothing_is_done,
    an_address_is_one_line,
    nothing_of_a_message_lies_in_clear,
}

const ADA: &str = "ada@example.com";
const LIFETIME_MS: i64 = 15 * 60 * SECOND_MS;

async fn keyward(database: &TestDatabase, email: Delivery, sms: Delivery) -> (Arc<Keyward>, Clock) {
    let clock = Clock::fixed(START_MS);
    let settings = Settings { deliveries: Deliveries { email, sms }, ..Settings::default() };
    (database.keyward_with(clock.clone(), settings).await, clock)
}

async fn sending(database: &TestDatabase) -> (Arc<Keyward>, Clock) {
    keyward(database, Delivery::Sent, Delivery::Sent).await
}

async fn send(keyward: &Keyward, to: &str) -> String {
    keyward.send_test_message(&Caller::operator(), to).await.unwrap()
}

fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.id.as_str()).collect()
}

async fn given_up(keyward: &Keyward) -> Vec<AuditEvent> {
    let query = AuditQuery { action: Some("message.send".into()), ..AuditQuery::default() };
    keyward.list_audit(&Caller::operator(), &query).await.unwrap().items
}

async fn a_message_is_forgotten_once_it_is_sent(database: TestDatabase) {
    let (keyward, clock) = sending(&database).await;
    let (email, sms) = (send(&keyward, ADA).await, send(&keyward, "+15550100").await);

    let taken = keyward.take_messages(16).await.unwrap();

    assert_eq!(ids(&taken), [email, sms]);
    assert_eq!((taken[0].channel, taken[1].channel), (Channel::Email, Channel::Sms));
    assert_eq!(taken[0].content.to.expose(), ADA);
    assert_eq!(taken[0].content.subject.expose(), "Test message");
    assert!(taken[0].content.body.expose().starts_with("operator has sent this message"));
    assert_eq!(taken[0].expires_at_ms, START_MS + LIFETIME_MS);
    for message in &taken {
        keyward.message_sent(message).await.unwrap();
    }
    clock.advance_ms(LIFETIME_MS);
    assert_eq!(keyward.take_messages(16).await.unwrap(), []);
    assert_eq!(given_up(&keyward).await, []);
}

async fn of_two_servers_one_sends_a_message(database: TestDatabase) {
    let ((one, _), (other, _)) = (sending(&database).await, sending(&database).await);
    let mut made = BTreeSet::new();
    for number in 0..40 {
        made.insert(send(&one, &format!("user-{number}@example.com")).await);
    }

    let take_all = async |keyward: Arc<Keyward>| {
        let mut taken = Vec::new();
        // Who finds nothing may have waited for the other's, and looks again.
        for _ in 0..20 {
            taken.extend(keyward.take_messages(3).await.unwrap().into_iter().map(|message| message.id));
        }
        taken
    };
    let (by_one, by_other) = tokio::join!(tokio::spawn(take_all(one)), tokio::spawn(take_all(other)));
    let taken = [by_one.unwrap(), by_other.unwrap()].concat();

    assert_eq!(taken.len(), 40, "each once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), made);
}

async fn a_message_of_a_server_that_died_is_sent_by_another(database: TestDatabase) {
    let ((one, _), (other, clock)) = (sending(&database).await, sending(&database).await);
    let id = send(&one, ADA).await;

    assert_eq!(ids(&one.take_messages(16).await.unwrap()), [id.as_str()]);
    drop(one);

    clock.advance_ms(119 * SECOND_MS);
    assert_eq!(other.take_messages(16).await.unwrap(), []);
    clock.advance_ms(SECOND_MS);
    let taken = other.take_messages(16).await.unwrap();
    assert_eq!((ids(&taken), taken[0].tries), (vec![id.as_str()], 2));
}

async fn what_is_not_sent_is_tried_again_until_it_expires(database: TestDatabase) {
    let (keyward, clock) = sending(&database).await;
    let id = send(&keyward, ADA).await;
    let mut pauses = Vec::new();

    let mut waited = 0;
    while clock.now_ms() < START_MS + LIFETIME_MS {
        for message in keyward.take_messages(16).await.unwrap() {
            pauses.push(waited);
            waited = 0;
            keyward.message_not_sent(&message, false).await.unwrap();
        }
        clock.advance_ms(SECOND_MS);
        waited += 1;
    }
    clock.advance_ms(LIFETIME_MS);

    assert_eq!(pauses, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    assert_eq!(keyward.take_messages(16).await.unwrap(), []);
    let events = given_up(&keyward).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].outcome, Outcome::Failed);
    assert_eq!(events[0].target_id.as_deref(), Some(id.as_str()));
    assert_eq!((&events[0].detail["reason"], &events[0].detail["tries"]), (&"expired".into(), &10.into()));
    assert!(!events[0].detail.to_string().contains(ADA));
    assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
}

async fn what_is_hopeless_is_given_up_at_once(database: TestDatabase) {
    let (keyward, _) = sending(&database).await;
    send(&keyward, ADA).await;

    let message = keyward.take_messages(16).await.unwrap().remove(0);
    keyward.message_not_sent(&message, true).await.unwrap();

    assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
    let events = given_up(&keyward).await;
    assert_eq!(events[0].detail["reason"], "refused");
    // It leads to the change that the message told of.
    let query = AuditQuery { action: Some("message.test".into()), ..AuditQuery::default() };
    let made = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    assert_eq!(events[0].detail["event"], made[0].id.as_str());
}

async fn what_cannot_be_read_is_given_up(database: TestDatabase) {
    let (keyward, _) = sending(&database).await;
    send(&keyward, ADA).await;
    database.execute("UPDATE messages SET sealed = 'AAAA'").await;
    let readable = send(&keyward, ADA).await;

    let taken = keyward.take_messages(16).await.unwrap();

    assert_eq!(ids(&taken), [readable.as_str()]);
    assert_eq!(given_up(&keyward).await[0].detail["reason"], "unreadable");
}

async fn who_sends_is_woken_when_the_message_is_there(database: TestDatabase) {
    let (keyward, _) = sending(&database).await;
    let sender = tokio::spawn({
        let keyward = Arc::clone(&keyward);
        async move {
            keyward.message_made().await;
            keyward.take_messages(16).await.unwrap()
        }
    });

    let id = send(&keyward, ADA).await;

    let taken = tokio::time::timeout(Duration::from_mins(1), sender).await.unwrap().unwrap();
    assert_eq!(ids(&taken), [id.as_str()]);
}

async fn the_outbox_keeps_messages_until_they_expire(database: TestDatabase) {
    let (keyward, clock) = keyward(&database, Delivery::Kept, Delivery::Kept).await;
    let operator = Caller::operator();
    let first = send(&keyward, ADA).await;
    clock.advance_ms(60 * SECOND_MS);
    let second = send(&keyward, "+15550100").await;

    assert_eq!(keyward.take_messages(16).await.unwrap(), []);
    let page = keyward.outbox(&operator, &Cursor::new(Some(1), None).unwrap()).await.unwrap();
    assert_eq!(ids(&page.items), [first.as_str()]);
    assert_eq!(page.items[0].content.to.expose(), ADA);
    let page = keyward.outbox(&operator, &Cursor::new(Some(1), page.next.as_deref()).unwrap()).await.unwrap();
    assert_eq!((ids(&page.items), page.next), (vec![second.as_str()], None));

    clock.advance_ms(LIFETIME_MS - 60 * SECOND_MS);
    let page = keyward.outbox(&operator, &Cursor::default()).await.unwrap();
    assert_eq!(ids(&page.items), [second.as_str()]);
    assert_eq!(keyward.take_messages(16).await.unwrap(), []);
    assert_eq!(database.column("SELECT id FROM messages").await, [second]);
    assert_eq!(given_up(&keyward).await, []);
}

async fn a_channel_that_is_sent_is_not_in_the_outbox(database: TestDatabase) {
    let (keyward, _) = keyward(&database, Delivery::Sent, Delivery::Kept).await;
    let (email, sms) = (send(&keyward, ADA).await, send(&keyward, "+15550100").await);

    let page = keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
    let taken = keyward.take_messages(16).await.unwrap();

    assert_eq!(ids(&page.items), [sms]);
    assert_eq!(ids(&taken), [email]);
}

async fn a_message_to_nobody_is_thrown_away_unseen(database: TestDatabase) {
    for delivery in [Delivery::Sent, Delivery::Kept] {
        let (keyward, _) = keyward(&database, delivery, delivery).await;
        send(&keyward, ADA).await;
        database.execute("UPDATE messages SET channel = 'nowhere'").await;

        if delivery == Delivery::Kept {
            let page = keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
            assert_eq!(page.items, []);
        }
        assert_eq!(keyward.take_messages(16).await.unwrap(), []);
        assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
        assert_eq!(given_up(&keyward).await, []);
    }
}

async fn without_a_way_nothing_is_done(database: TestDatabase) {
    let (keyward, _) = keyward(&database, Delivery::Sent, Delivery::Refused).await;
    let operator = Caller::operator();

    assert_eq!(code(keyward.send_test_message(&operator, "+15550100").await), Code::DeliveryFailed);
    assert_eq!(code(keyward.require_channel(Channel::Sms)), Code::DeliveryFailed);
    assert!(keyward.require_channel(Channel::Email).is_ok());
    assert_eq!(code(keyward.outbox(&operator, &Cursor::default()).await), Code::Conflict);
    assert_eq!(database.column("SELECT id FROM messages").await, [""; 0]);
    let query = AuditQuery { action: Some("message.test".into()), ..AuditQuery::default() };
    assert_eq!(keyward.list_audit(&operator, &query).await.unwrap().items, []);
}

async fn an_address_is_one_line(database: TestDatabase) {
    let (keyward, _) = sending(&database).await;

    let too_long = format!("{}@example.com", "a".repeat(320));
    for wrong in [
        "",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\0",
        "vams_key",
        "+1 555",
        "+",
        &too_long,
    ] {
        let refused = keyward.send_test_message(&Caller::operator(), wrong).await;
        assert_eq!(code(refused), Code::InvalidInput("to".into()), "{wrong:?}");
    }
}

async fn nothing_of_a_message_lies_in_clear(database: TestDatabase) {
    let (keyward, _) = sending(&database).await;
    send(&keyward, ADA).await;

    let contents = database.contents().await;

    assert_eq!(contents["messages"].len(), 1);
    for clear in [ADA, "Test message", "has sent this message"] {
        assert!(!contents["messages"][0].contains(clear), "{clear}");
    }
}
