//! Test users: `/api/v1/user-management/test-users`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_core::test_user::{FoundTestUser, MadeOutcome, MadeTestUser};
use serde::Serialize;

use crate::http::Failure;
use crate::rawscribe::caller::Manager;
use crate::rawscribe::users::Removed;

#[derive(Serialize)]
pub(super) struct Found {
    username: String,
    /// Null where it isn't what one signs in with.
    password: Option<Secret>,
    group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_groups: Option<Vec<String>>,
    status: &'static str,
    enabled: bool,
}

#[derive(Serialize)]
pub(super) struct Made {
    username: String,
    group: String,
    /// `CONFIRMED` for who was made now, `EXISTS` for who was there.
    status: &'static str,
    is_test_user: bool,
    /// What was wrong with who was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<Vec<&'static str>>,
    /// What to do about who isn't a test user.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl From<FoundTestUser> for Found {
    fn from(FoundTestUser { configured, user, password }: FoundTestUser) -> Self {
        Self {
            username: configured.username,
            password,
            group: configured.group,
            status: user.as_ref().map_or("NOT_CREATED", |user| user.status.as_str()),
            enabled: user.as_ref().is_some_and(|user| user.enabled),
            actual_groups: user.map(|user| user.roles),
        }
    }
}

impl From<MadeTestUser> for Made {
    fn from(MadeTestUser { user, group, outcome }: MadeTestUser) -> Self {
        let (status, repaired, detail) = match outcome {
            MadeOutcome::Created => (user.status.as_str(), None, None),
            MadeOutcome::Kept => ("EXISTS", None, None),
            MadeOutcome::Repaired(wrong) => ("EXISTS", Some(wrong), None),
            MadeOutcome::Foreign => {
                let detail = "This is no test user; ask somebody who holds its rights to make it one.";
                ("EXISTS", None, Some(detail))
            }
        };
        let is_test_user = user.is_test;
        Self { username: user.username, group, status, is_test_user, repaired, detail }
    }
}

pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
) -> Result<Json<Vec<Found>>, Failure> {
    let found = keyward.list_test_users(&caller).await?;
    Ok(Json(found.into_iter().map(Found::from).collect()))
}

pub(super) async fn create(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
) -> Result<Json<Vec<Made>>, Failure> {
    let made = keyward.create_test_users(&caller).await?;
    Ok(Json(made.into_iter().map(Made::from).collect()))
}

pub(super) async fn delete(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
) -> Result<Json<Removed>, Failure> {
    let deleted = keyward.delete_test_users(&caller).await?;
    Ok(Json(deleted.into_iter().map(|user| user.username).collect()))
}
