//! The groups that users can be in, which are the roles.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::keyward::Keyward;
use keyward_core::page::{Cursor, MAXIMUM_LIMIT};
use keyward_core::permission::Permission;
use keyward_core::role::Role;
use serde::Serialize;

use crate::http::Failure;
use crate::rawscribe::caller::Manager;

#[derive(Serialize)]
pub(super) struct Group {
    name: String,
    description: String,
    permissions: Vec<Permission>,
}

impl From<Role> for Group {
    fn from(Role { name, description, permissions, .. }: Role) -> Self {
        Self { name, description, permissions }
    }
}

/// All of them, by name.
pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Manager(caller): Manager,
) -> Result<Json<Vec<Group>>, Failure> {
    let (mut groups, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next {
        let page = Cursor::new(Some(MAXIMUM_LIMIT), Some(&cursor))?;
        let page = keyward.list_groups(&caller, &page).await?;
        groups.extend(page.items.into_iter().map(Group::from));
        next = page.next;
    }
    Ok(Json(groups))
}
