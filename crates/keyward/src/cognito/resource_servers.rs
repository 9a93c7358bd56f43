//! The resource servers of a pool: kept and told; nothing here asks for their scopes.

use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use keyward_core::user_pool::{ResourceServer, Scope, unknown_resource_server};
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::user_pools::{cursor, limit_exceeded};

/// How many are listed when nothing is said, and at most.
const DEFAULT_PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetResourceServer {
    user_pool_id: String,
    identifier: String,
    name: String,
    #[serde(default)]
    scopes: Vec<WireScope>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireScope {
    scope_name: String,
    scope_description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfResourceServer {
    user_pool_id: String,
    identifier: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceServerAnswer {
    resource_server: WireResourceServer,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireResourceServer {
    user_pool_id: String,
    identifier: String,
    name: String,
    scopes: Vec<WireScope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListResourceServers {
    user_pool_id: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceServerList {
    resource_servers: Vec<WireResourceServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn create(
    keyward: &Keyward,
    caller: &Caller,
    input: SetResourceServer,
) -> Result<ResourceServerAnswer, Fault> {
    let (pool_id, identifier, server) = input.parts();
    let created = keyward.create_resource_server(caller, &pool_id, &identifier, &server).await;
    created.map_err(limit_exceeded)?;
    Ok(ResourceServerAnswer { resource_server: told(pool_id, identifier, server) })
}

pub(super) async fn update(
    keyward: &Keyward,
    caller: &Caller,
    input: SetResourceServer,
) -> Result<ResourceServerAnswer, Fault> {
    let (pool_id, identifier, server) = input.parts();
    keyward.update_resource_server(caller, &pool_id, &identifier, &server).await?;
    Ok(ResourceServerAnswer { resource_server: told(pool_id, identifier, server) })
}

pub(super) async fn describe(
    keyward: &Keyward,
    caller: &Caller,
    input: OfResourceServer,
) -> Result<ResourceServerAnswer, Fault> {
    let OfResourceServer { user_pool_id, identifier } = input;
    let mut pool = keyward.described_user_pool(caller, &user_pool_id).await?;
    let server = pool.settings.resource_servers.remove(&identifier);
    let server = server.ok_or_else(|| unknown_resource_server(&identifier))?;
    Ok(ResourceServerAnswer { resource_server: told(user_pool_id, identifier, server) })
}

pub(super) async fn delete(
    keyward: &Keyward,
    caller: &Caller,
    input: OfResourceServer,
) -> Result<Nothing, Fault> {
    keyward.delete_resource_server(caller, &input.user_pool_id, &input.identifier).await?;
    Ok(Nothing {})
}

pub(super) async fn list(
    keyward: &Keyward,
    caller: &Caller,
    input: ListResourceServers,
) -> Result<ResourceServerList, Fault> {
    let page = cursor(input.max_results.unwrap_or(DEFAULT_PAGE), input.next_token.as_deref())?;
    let pool_id = &input.user_pool_id;
    let servers = keyward.resource_servers(caller, pool_id, &page).await?;
    let told = |(identifier, server)| told(pool_id.clone(), identifier, server);
    Ok(ResourceServerList {
        resource_servers: servers.items.into_iter().map(told).collect(),
        next_token: servers.next,
    })
}

impl SetResourceServer {
    fn parts(self) -> (String, String, ResourceServer) {
        let scope = |scope: WireScope| Scope { name: scope.scope_name, description: scope.scope_description };
        let scopes = self.scopes.into_iter().map(scope).collect();
        (self.user_pool_id, self.identifier, ResourceServer { name: self.name, scopes })
    }
}

fn told(user_pool_id: String, identifier: String, server: ResourceServer) -> WireResourceServer {
    let scope = |scope: Scope| WireScope { scope_name: scope.name, scope_description: scope.description };
    let scopes = server.scopes.into_iter().map(scope).collect();
    WireResourceServer { user_pool_id, identifier, name: server.name, scopes }
}
