//! The outbox: messages that wait to be read instead of being sent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_core::clock::rfc3339;
use keyward_core::keyward::Keyward;
use keyward_core::message;
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::page::Page;
use crate::api::parameter::IdempotencyHeader;
use crate::api::problem::{Conflicting, Guarded, Sending};
use crate::http::{Asking, Body, Failure, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(list_outbox)).routes(routes!(send_test_message))
}

/// A message with a code or a temporary password in it, as it would be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    /// Sorts by time.
    #[schema(format = "uuid", examples("019a2f4c-6d00-7c3e-8a51-4f0c2a9d1b7e"))]
    id: String,
    /// Whose user it is for.
    #[schema(examples("us-east-1_k3Y9wRd0A"))]
    pool_id: String,
    /// `email` or `sms`.
    #[schema(examples("email"))]
    channel: &'static str,
    #[schema(value_type = String, examples("ada@example.com"))]
    to: Secret,
    /// Empty for an SMS.
    #[schema(value_type = String, examples("Your verification code"))]
    subject: Secret,
    #[schema(value_type = String, examples("Your confirmation code is 123456"))]
    body: Secret,
    /// Whether the body is HTML.
    #[schema(examples(false))]
    html: bool,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    created_at: String,
    /// When it is thrown away.
    #[schema(format = "date-time", examples("2027-01-15T13:00:00.000Z"))]
    expires_at: String,
}

/// Whom to send it to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTestMessage {
    /// An email address, or a phone number with `+` before it.
    #[schema(examples("ada@example.com"))]
    to: String,
}

/// The message, which the log has a line about should it not be sent.
#[derive(Debug, Serialize, ToSchema)]
struct TestMessage {
    #[schema(format = "uuid", examples("019a2f4c-6d00-7c3e-8a51-4f0c2a9d1b7e"))]
    id: String,
}

type MessagePage = Page<Message>;

/// Which messages to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OutboxQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Self {
        let message::Content { to, subject, body, is_html } = message.content;
        Self {
            id: message.id,
            pool_id: message.pool_id,
            channel: message.channel.as_str(),
            to,
            subject,
            body,
            html: is_html,
            created_at: rfc3339(message.created_at_ms),
            expires_at: rfc3339(message.expires_at_ms),
        }
    }
}

/// List the outbox
///
/// The messages that wait to be read here, newest last: in development, where nothing is set up to send them.
/// Needs `*`.
#[utoipa::path(get, path = "/api/v1/outbox", tag = "Messages", params(OutboxQuery),
    responses((status = OK, description = "A piece of the list", body = MessagePage), Guarded, Conflicting))]
async fn list_outbox(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<OutboxQuery>,
) -> Result<MessagePage, Failure> {
    let page = Cursor::new(query.limit, query.cursor.as_deref())?;
    Ok(Page::of(keyward.outbox(&caller, &page).await?))
}

/// Send a test message
///
/// To see whether messages arrive. Needs `*`.
#[utoipa::path(post, path = "/api/v1/outbox/test", tag = "Messages", request_body = NewTestMessage,
    params(IdempotencyHeader),
    responses((status = ACCEPTED, description = "It is on its way", body = TestMessage), Guarded, Conflicting,
        Sending))]
async fn send_test_message(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Body(new): Body<NewTestMessage>,
) -> Result<(StatusCode, Json<TestMessage>), Failure> {
    let id = keyward.send_test_message(&caller, &new.to).await?;
    Ok((StatusCode::ACCEPTED, Json(TestMessage { id })))
}
