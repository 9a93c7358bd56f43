//! Messages over the native API: what is kept in development, and what is refused elsewhere.

use serde_json::json;

use crate::support::App;

const OUTBOX: &str = "/api/v1/outbox";
const TEST: &str = "/api/v1/outbox/test";

#[tokio::test]
async fn a_message_waits_in_the_outbox() {
    let app = App::new().await;
    let admin = app.admin();
    assert_eq!(admin.get(OUTBOX).await.expect(200).json, json!({ "items": [], "next_cursor": null }));

    let email = admin.post(TEST, json!({ "to": "ada@example.com" })).await.expect(202);
    let sms = admin.post(TEST, json!({ "to": "+15550100" })).await.expect(202);

    let listed = admin.get(OUTBOX).await.expect(200);
    assert_eq!(
        listed["items"][0],
        json!({
            "id": email["id"],
            "pool_id": app.keyward.local_pool().id(),
            "channel": "email",
            "to": "ada@example.com",
            "subject": "Test message",
            "body": "admin-bot@example.com has sent this message to see whether it arrives. There is nothing to do.",
            "html": false,
            "created_at": "2027-01-15T12:00:00.000Z",
            "expires_at": "2027-01-15T12:15:00.000Z",
        })
    );
    let last = &listed["items"][1];
    assert_eq!((&last["id"], &last["channel"]), (&sms["id"], &json!("sms")));
    assert_eq!((&last["to"], &last["subject"]), (&json!("+15550100"), &json!("")));
    let events = admin.get("/api/v1/audit?action=message.test").await.expect(200);
    assert_eq!(events["items"][1]["detail"]["to"], "a***@e***");
    assert_eq!(events["items"][1]["target"]["id"], email["id"]);
}

#[tokio::test]
async fn a_repeated_request_sends_one_message() {
    let app = App::new().await;
    let admin = app.admin();
    let send = || admin.post(TEST, json!({ "to": "ada@example.com" })).header("idempotency-key", "one");

    let first = send().await.expect(202);
    let again = send().await.expect(202);

    assert_eq!(first.json, again.json);
    assert_eq!(admin.get(OUTBOX).await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let app = App::new().await;

    for to in ["", "ada", "ada@example.com\nBcc: eve@example.com", "+49 30"] {
        let refused = app.admin().post(TEST, json!({ "to": to })).await.expect(400);
        assert_eq!(refused.str("field"), "to", "{to:?}");
    }
}

#[tokio::test]
async fn in_earnest_nothing_waits_to_be_read() {
    let settings = [("KEYWARD_ENV", "prod"), ("KEYWARD_HASHING_MEMORY_KIB", "7168")];
    let app = App::with_settings(&settings).await;
    let admin = app.admin();

    let refused = admin.post(TEST, json!({ "to": "ada@example.com" })).await.expect(503);
    assert_eq!(refused.str("code"), "delivery-failed");
    assert_eq!(
        refused.str("detail"),
        "This server sends no email; its operator can set smtp_url and mail_from for it."
    );
    let refused = admin.post(TEST, json!({ "to": "+15550100" })).await.expect(503);
    assert_eq!(
        refused.str("detail"),
        "This server sends no SMS; its operator can set sms_command or sms_webhook for it."
    );
    let refused = admin.get(OUTBOX).await.expect(409);
    assert_eq!(
        refused.str("detail"),
        "This server keeps no outbox: it sends its messages, or is not for development."
    );
}

#[tokio::test]
async fn what_is_sent_is_not_in_the_outbox() {
    let settings = [("KEYWARD_SMTP_URL", "smtp://localhost"), ("KEYWARD_MAIL_FROM", "keyward@example.com")];
    let app = App::with_settings(&settings).await;
    let admin = app.admin();

    admin.post(TEST, json!({ "to": "ada@example.com" })).await.expect(202);
    let sms = admin.post(TEST, json!({ "to": "+15550100" })).await.expect(202);

    let listed = admin.get(OUTBOX).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], sms["id"]);
}
