//! `keyward test-users`: accounts to try an application with.

use clap::Subcommand;
use keyward_core::secret::Secret;
use serde::Serialize;

use super::context::Context;
use super::failure::{Failure, Result};
use super::output::{Output, printable};
use crate::client::{Error, MadeTestUser, TestUser};

#[derive(Debug, Subcommand)]
pub(crate) enum TestUsersCommand {
    /// Make the test users, and repair what has changed of them
    ///
    /// Shows what one signs in with. Which users these are, the server's configuration says; in production
    /// there are none, and once it was secured they are switched off.
    #[command(after_help = "Example:\n  keyward test-users create")]
    Create,
    /// List the test users with their passwords, where these are still true
    #[command(after_help = "Example:\n  keyward test-users list")]
    List,
    /// Delete the test users, all or none
    #[command(after_help = "Example:\n  keyward test-users remove")]
    Remove,
    /// Switch them on again after `secure-production`; needs the permission *
    #[command(after_help = "Example:\n  keyward test-users allow")]
    Allow,
}

/// A test user as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestUserJson {
    user_id: String,
    password: Option<Secret>,
    group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_groups: Option<Vec<String>>,
    status: String,
    enabled: bool,
    /// What `create` has done: `created`, `kept`, `repaired` or `foreign`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repaired: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    test_users: Vec<TestUserJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RemovedUsers {
    success: bool,
    removed: Vec<String>,
    count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    success: bool,
    message: &'static str,
}

impl From<TestUser> for TestUserJson {
    fn from(user: TestUser) -> Self {
        Self {
            user_id: user.username,
            password: user.password,
            group: user.role,
            actual_groups: user.roles,
            status: user.status.unwrap_or_else(|| "NOT_CREATED".to_owned()),
            enabled: user.enabled,
            outcome: None,
            repaired: Vec::new(),
        }
    }
}

impl TestUserJson {
    /// `testadmin@example.com / TestAdmin123! [ADMINS]`
    fn credentials(&self) -> String {
        let password = self.password.as_ref().map_or("(another password)", Secret::expose);
        printable(&format!("{} / {password} [{}]", self.user_id, self.group))
    }
}

pub(crate) async fn run(context: &Context, command: TestUsersCommand) -> Result<()> {
    match command {
        TestUsersCommand::Create => create(context).await,
        TestUsersCommand::List => list(context).await,
        TestUsersCommand::Remove => remove(context).await,
        TestUsersCommand::Allow => allow(context).await,
    }
}

async fn create(context: &Context) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let made = client.create_test_users();
    let made = output.waiting("Making test users", made).await.map_err(refused)?;
    // The passwords are in this answer.
    let users = output.waiting("Listing test users", client.test_users()).await?;
    show_made(output, users, &made)
}

/// Shows what one signs in with, and what became of each.
pub(crate) fn show_made(output: &Output, users: Vec<TestUser>, made: &[MadeTestUser]) -> Result<()> {
    let users: Vec<_> = users.into_iter().map(|user| with_outcome(user.into(), made)).collect();
    let foreign: Vec<_> = users.iter().filter(|user| user.outcome.as_deref() == Some("foreign")).collect();
    for user in &foreign {
        output.warning(&format!(
            "{} is somebody's account: it has another password, or rights above yours; give the test user another \
             name.",
            user.user_id
        ));
    }
    let failed = !foreign.is_empty();
    if output.json {
        output.json(&Listed { test_users: users })?;
    } else {
        if !failed {
            output.success("Test users created!");
        }
        for user in users.iter().filter(|user| user.outcome.as_deref() != Some("foreign")) {
            let done = match user.outcome.as_deref() {
                Some("repaired") => format!(" - repaired: {}", user.repaired.join(", ")),
                Some("kept") => " - there already".to_owned(),
                _ => String::new(),
            };
            output.line(&format!("{}{}", user.credentials(), printable(&done)))?;
        }
    }
    if failed { Err(Failure::answered(1)) } else { Ok(()) }
}

fn with_outcome(user: TestUserJson, made: &[MadeTestUser]) -> TestUserJson {
    let of_user = made.iter().find(|made| made.username.eq_ignore_ascii_case(&user.user_id));
    match of_user {
        Some(made) => TestUserJson {
            outcome: Some(made.outcome.clone()),
            repaired: made.repaired.clone(),
            group: made.role.clone(),
            ..user
        },
        None => user,
    }
}

async fn list(context: &Context) -> Result<()> {
    let output = &context.output;
    let users = output.waiting("Listing test users", context.client()?.test_users()).await?;
    let users: Vec<TestUserJson> = users.into_iter().map(TestUserJson::from).collect();
    if output.json {
        return output.json(&Listed { test_users: users });
    }
    for user in &users {
        let state = if user.enabled || user.actual_groups.is_none() { "" } else { ", disabled" };
        output.line(&format!("{} - {}{state}", user.credentials(), printable(&user.status)))?;
    }
    if users.iter().all(|user| user.actual_groups.is_none()) {
        output.note("None of them is there: `keyward test-users create`");
    }
    Ok(())
}

async fn remove(context: &Context) -> Result<()> {
    let output = &context.output;
    let removed = context.client()?;
    let removed = output.waiting("Removing test users", removed.delete_test_users()).await?;
    if output.json {
        return output.json(&RemovedUsers { success: true, count: removed.len(), removed });
    }
    for name in &removed {
        output.line(&printable(name))?;
    }
    output.success(&format!("Test users removed: {}.", removed.len()));
    Ok(())
}

async fn allow(context: &Context) -> Result<()> {
    let output = &context.output;
    output.waiting("Asking the server", context.client()?.allow_test_users()).await?;
    let message = "Test users may be made again.";
    if output.json {
        return output.json(&Allowed { success: true, message });
    }
    output.success(message);
    Ok(())
}

fn refused(error: Error) -> Failure {
    let failure = Failure::from(error);
    if failure.message.contains("when production was secured") {
        failure.or_hint(|| "`keyward test-users allow` switches them on again".into())
    } else {
        failure
    }
}
