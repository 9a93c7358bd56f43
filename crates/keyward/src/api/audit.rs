//! The audit log.

use std::sync::Arc;

use axum::extract::State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use keyward_core::audit::{self, AuditQuery};
use keyward_core::clock::rfc3339;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::page::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::page::Page;
use crate::api::problem::Guarded;
use crate::api::words::Outcome;
use crate::http::{Asking, Failure, Query};

pub(super) fn router() -> OpenApiRouter<Arc<Keyward>> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// Who did what to whom, through which credential, when. Nothing secret is ever in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEvent {
    /// Sorts by time.
    #[schema(format = "uuid", examples("019a2f4c-6d00-7c3e-8a51-4f0c2a9d1b7e"))]
    id: String,
    #[schema(format = "date-time", examples("2027-01-15T12:00:00.000Z"))]
    at: String,
    actor: Actor,
    /// The session's id or the key's public id; null when neither was shown.
    #[schema(required = true, examples("q7Xk2mPz0aBd"))]
    credential: Option<String>,
    /// `noun.verb`.
    #[schema(examples("api-key.create"))]
    action: String,
    target: Target,
    outcome: Outcome,
    /// What else is worth knowing.
    #[schema(value_type = Object, examples(json!({ "user": "ci-bot@example.com" })))]
    detail: serde_json::Value,
    #[schema(examples("4f0c2a9d1b7e4a55b9a3f1c0d2e8b761"))]
    request_id: String,
    #[schema(required = true, examples("203.0.113.7"))]
    address: Option<String>,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
struct Actor {
    /// `person`, `api_key`, `access_key`, `external` (a token of another issuer), `operator` (whoever has the
    /// machine), `developer` (whoever reaches a server that asks for no signature) or `nobody`.
    #[schema(examples("person"))]
    kind: String,
    #[schema(required = true, format = "uuid", examples("0b6a5c0e-7f5e-4d0e-9c8b-5a1f0c9f6f1e"))]
    id: Option<String>,
    #[schema(examples("admin@example.com"))]
    name: String,
}

/// What it was done to.
#[derive(Debug, Serialize, ToSchema)]
struct Target {
    #[schema(examples("api-key"))]
    kind: String,
    #[schema(required = true, examples("3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"))]
    id: Option<String>,
    #[schema(required = true, examples("CI"))]
    name: Option<String>,
}

type AuditEventPage = Page<AuditEvent>;

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// How many in one piece; 100 when not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the piece before.
    cursor: Option<String>,
    /// The id or name of who did it.
    actor: Option<String>,
    /// `noun.verb`, such as `api-key.create`.
    action: Option<String>,
    /// The id or name of what it was done to.
    target: Option<String>,
    /// From this time on: RFC 3339, or a date for the start of that day, UTC.
    since: Option<String>,
    /// Before this time: RFC 3339, or a date for the end of that day, UTC.
    until: Option<String>,
}

impl From<audit::AuditEvent> for AuditEvent {
    fn from(event: audit::AuditEvent) -> Self {
        Self {
            id: event.id,
            at: rfc3339(event.at_ms),
            actor: Actor { kind: event.actor_kind, id: event.actor_id, name: event.actor_name },
            credential: event.credential,
            action: event.action,
            target: Target { kind: event.target_kind, id: event.target_id, name: event.target_name },
            outcome: event.outcome.into(),
            detail: event.detail,
            request_id: event.request_id,
            address: event.address,
        }
    }
}

/// The moment that `text` means, milliseconds since the epoch; of a date the midnight that is `days` days
/// after its own.
fn moment(field: &'static str, text: &str, days: i64) -> Result<i64, Error> {
    let midnight = |date: Date| date.checked_add(days.days()).ok()?.to_zoned(TimeZone::UTC).ok();
    let moment = text.parse::<Timestamp>().ok();
    let moment = moment.or_else(|| Some(midnight(text.parse().ok()?)?.timestamp()));
    moment.map(Timestamp::as_millisecond).ok_or_else(|| {
        Error::invalid(
            field,
            format!(
                "{field} must be a date or a time in RFC 3339, such as 2027-01-15 or 2027-01-15T12:00:00Z."
            ),
        )
    })
}

/// List audit events
///
/// Newest first. Needs `view:audit`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "Audit", params(EventQuery),
    responses((status = OK, description = "A piece of the list", body = AuditEventPage), Guarded))]
async fn list_audit(
    State(keyward): State<Arc<Keyward>>,
    Asking(caller): Asking,
    Query(query): Query<EventQuery>,
) -> Result<AuditEventPage, Failure> {
    let query = AuditQuery {
        actor: query.actor,
        action: query.action,
        target: query.target,
        since_ms: query.since.map(|text| moment("since", &text, 0)).transpose()?,
        until_ms: query.until.map(|text| moment("until", &text, 1)).transpose()?,
        page: Cursor::new(query.limit, query.cursor.as_deref())?,
    };
    Ok(Page::of(keyward.list_audit(&caller, &query).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_whole_day() {
        let since = moment("since", "2027-01-15", 0).map(rfc3339).unwrap();
        let until = moment("until", "2027-01-15", 1).map(rfc3339).unwrap();

        assert_eq!([since, until], ["2027-01-15T00:00:00.000Z", "2027-01-16T00:00:00.000Z"]);
        assert_eq!(
            moment("since", "2027-01-15T14:00:00+02:00", 0).map(rfc3339).unwrap(),
            "2027-01-15T12:00:00.000Z"
        );
        assert!(moment("since", "yesterday", 0).is_err());
        assert!(moment("until", "9999-12-31", 1).is_err());
    }
}
