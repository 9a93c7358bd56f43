//! Groups of users: `CreateGroup` and so on. A group of the home pool is the role of that name.

use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use keyward_core::role::{NewRole, Role, RoleUpdate};
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::users::{ListedUser, epoch_seconds, found, limit};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribedGroup {
    user_pool_id: String,
    group_name: String,
    description: Option<String>,
    role_arn: Option<String>,
    precedence: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedGroup {
    user_pool_id: String,
    group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListGroups {
    user_pool_id: String,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMembers {
    user_pool_id: String,
    group_name: String,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListGroupsOfUser {
    user_pool_id: String,
    username: String,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupsAnswer {
    groups: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MembersAnswer {
    users: Vec<ListedUser>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Member {
    user_pool_id: String,
    username: String,
    group_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupAnswer {
    group: Group,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    #[serde(rename = "GroupName")]
    name: String,
    user_pool_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precedence: Option<i64>,
    creation_date: f64,
    last_modified_date: f64,
}

impl From<Role> for Group {
    fn from(role: Role) -> Self {
        Self {
            name: role.name,
            user_pool_id: role.pool_id,
            description: role.description,
            role_arn: role.iam_role,
            precedence: role.precedence,
            creation_date: epoch_seconds(role.created_at_ms),
            last_modified_date: epoch_seconds(role.updated_at_ms),
        }
    }
}

impl From<Role> for GroupAnswer {
    fn from(role: Role) -> Self {
        Self { group: role.into() }
    }
}

pub(super) async fn create_group(
    keyward: &Keyward,
    caller: &Caller,
    input: DescribedGroup,
) -> Result<GroupAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let new = NewRole {
        name: input.group_name,
        description: input.description.unwrap_or_default(),
        precedence: input.precedence,
        iam_role: input.role_arn,
        ..NewRole::default()
    };
    Ok(keyward.create_group_in(&*pool, caller, new).await?.into())
}

pub(super) async fn get_group(
    keyward: &Keyward,
    caller: &Caller,
    input: NamedGroup,
) -> Result<GroupAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    Ok(keyward.group_in(&*pool, caller, &input.group_name).await?.into())
}

pub(super) async fn list_groups(
    keyward: &Keyward,
    caller: &Caller,
    input: ListGroups,
) -> Result<GroupsAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let list = ["ListGroups", pool.id()];
    let cursor = keyward.opened_cursor(&list, limit(input.limit), input.next_token.as_deref())?;
    let page = keyward.list_groups_in(&*pool, caller, &cursor).await?;
    let next_token = keyward.page_token(&list, page.next.as_deref())?;
    Ok(GroupsAnswer { groups: page.items.into_iter().map(Group::from).collect(), next_token })
}

pub(super) async fn list_users_in_group(
    keyward: &Keyward,
    caller: &Caller,
    input: ListMembers,
) -> Result<MembersAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let list = ["ListUsersInGroup", pool.id(), &input.group_name];
    let cursor = keyward.opened_cursor(&list, limit(input.limit), input.next_token.as_deref())?;
    let page = keyward.list_members_in(&*pool, caller, &input.group_name, &cursor).await?;
    let next_token = keyward.page_token(&list, page.next.as_deref())?;
    Ok(MembersAnswer { users: page.items.into_iter().map(ListedUser::from).collect(), next_token })
}

pub(super) async fn admin_list_groups_for_user(
    keyward: &Keyward,
    caller: &Caller,
    input: ListGroupsOfUser,
) -> Result<GroupsAnswer, Fault> {
    let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
    let list = ["AdminListGroupsForUser", pool.id(), &username];
    let cursor = keyward.opened_cursor(&list, limit(input.limit), input.next_token.as_deref())?;
    let page = keyward.list_groups_of_in(&*pool, caller, &username, &cursor).await?;
    let next_token = keyward.page_token(&list, page.next.as_deref())?;
    Ok(GroupsAnswer { groups: page.items.into_iter().map(Group::from).collect(), next_token })
}

pub(super) async fn update_group(
    keyward: &Keyward,
    caller: &Caller,
    input: DescribedGroup,
) -> Result<GroupAnswer, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    let update = RoleUpdate {
        description: input.description,
        precedence: input.precedence,
        iam_role: input.role_arn,
        ..RoleUpdate::default()
    };
    Ok(keyward.update_group_in(&*pool, caller, &input.group_name, update).await?.into())
}

pub(super) async fn delete_group(
    keyward: &Keyward,
    caller: &Caller,
    input: NamedGroup,
) -> Result<Nothing, Fault> {
    let pool = keyward.user_pool(&input.user_pool_id).await?;
    keyward.delete_group_in(&*pool, caller, &input.group_name, None).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_add_user_to_group(
    keyward: &Keyward,
    caller: &Caller,
    input: Member,
) -> Result<Nothing, Fault> {
    let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
    keyward.add_to_group_in(&*pool, caller, &username, &input.group_name).await?;
    Ok(Nothing {})
}

pub(super) async fn admin_remove_user_from_group(
    keyward: &Keyward,
    caller: &Caller,
    input: Member,
) -> Result<Nothing, Fault> {
    let (pool, username) = found(keyward, caller, &input.user_pool_id, input.username).await?;
    keyward.remove_from_group_in(&*pool, caller, &username, &input.group_name).await?;
    Ok(Nothing {})
}
