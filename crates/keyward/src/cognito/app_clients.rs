//! App clients, made and changed: `CreateUserPoolClient` and its like.

use keyward_core::app_client::{
    AppClient, AppClientSettings, ClientSecret, DescribedAppClient, NewAppClient, NewSecret, TimeUnit,
    TokenUnits,
};
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_core::user_pool::UserPool;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::input::remove_nulls;
use crate::cognito::user_pools::{concurrent_modification, cursor, limit_exceeded};
use crate::cognito::users::epoch_seconds;

/// What is kept as it came, and has no effect here: there is no hosted page to sign in at, and no OAuth.
const KEPT: [&str; 9] = [
    "AllowedOAuthFlows",
    "AllowedOAuthFlowsUserPoolClient",
    "AllowedOAuthScopes",
    "AnalyticsConfiguration",
    "CallbackURLs",
    "DefaultRedirectURI",
    "EnablePropagateAdditionalUserContextData",
    "LogoutURLs",
    "SupportedIdentityProviders",
];
/// The scopes that every pool has
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html>).
const STANDARD_SCOPES: [&str; 5] = ["phone", "email", "openid", "profile", "aws.cognito.signin.user.admin"];
/// How many are listed when nothing is said.
const DEFAULT_PAGE: usize = 60;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateUserPoolClient {
    user_pool_id: String,
    client_name: String,
    #[serde(default)]
    generate_secret: bool,
    client_secret: Option<Secret>,
    #[serde(flatten)]
    members: ClientMembers,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateUserPoolClient {
    user_pool_id: String,
    client_id: String,
    client_name: Option<String>,
    #[serde(flatten)]
    members: ClientMembers,
}

/// What both a new app client and a changed one are told.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ClientMembers {
    refresh_token_validity: Option<i64>,
    access_token_validity: Option<i64>,
    id_token_validity: Option<i64>,
    #[serde(default)]
    token_validity_units: WireUnits,
    read_attributes: Option<Vec<String>>,
    write_attributes: Option<Vec<String>>,
    explicit_auth_flows: Option<Vec<String>>,
    prevent_user_existence_errors: Option<String>,
    enable_token_revocation: Option<bool>,
    auth_session_validity: Option<i64>,
    refresh_token_rotation: Option<Rotation>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the model has them")]
struct WireUnits {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<TimeUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<TimeUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<TimeUnit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rotation {
    feature: String,
    retry_grace_period_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfClient {
    user_pool_id: String,
    client_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientAnswer {
    user_pool_client: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUserPoolClients {
    user_pool_id: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    client_type: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientList {
    user_pool_clients: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn create(
    keyward: &Keyward,
    caller: &Caller,
    input: CreateUserPoolClient,
) -> Result<ClientAnswer, Fault> {
    let secret = match (input.generate_secret, input.client_secret) {
        (true, Some(_)) => {
            let message = "Only one of GenerateSecret and ClientSecret can be given.";
            return Err(Error::invalid("ClientSecret", message).into());
        }
        (true, None) => NewSecret::Generated,
        (false, Some(secret)) => NewSecret::Chosen(secret),
        (false, None) => NewSecret::None,
    };
    let pool = keyward.described_user_pool(caller, &input.user_pool_id).await?;
    let default = AppClientSettings::unsaid();
    let settings = input.members.settings(&pool, default, !matches!(secret, NewSecret::None))?;
    let new = NewAppClient { name: input.client_name, settings, secret };
    let client = keyward.create_app_client(caller, &input.user_pool_id, new).await;
    Ok(ClientAnswer { user_pool_client: described(&client.map_err(limit_exceeded)?) })
}

pub(super) async fn describe(
    keyward: &Keyward,
    caller: &Caller,
    input: OfClient,
) -> Result<ClientAnswer, Fault> {
    let client = keyward.described_app_client(caller, &input.user_pool_id, &input.client_id).await?;
    Ok(ClientAnswer { user_pool_client: described(&client) })
}

pub(super) async fn update(
    keyward: &Keyward,
    caller: &Caller,
    input: UpdateUserPoolClient,
) -> Result<ClientAnswer, Fault> {
    let (pool_id, id, name) = (&input.user_pool_id, &input.client_id, input.client_name.as_deref());
    let pool = keyward.described_user_pool(caller, pool_id).await?;
    let has_secret = keyward.described_app_client(caller, pool_id, id).await?.secret.is_some();
    let default = keyward.unsaid_client_settings(pool_id, id).await?;
    let settings = input.members.settings(&pool, default, has_secret)?;
    let client = keyward.update_app_client(caller, pool_id, id, None, name, |_| settings).await;
    let client = client.map_err(concurrent_modification)?;
    Ok(ClientAnswer { user_pool_client: described(&client) })
}

pub(super) async fn delete(keyward: &Keyward, caller: &Caller, input: OfClient) -> Result<Nothing, Fault> {
    keyward.delete_app_client(caller, &input.user_pool_id, &input.client_id, None).await?;
    Ok(Nothing {})
}

pub(super) async fn list(
    keyward: &Keyward,
    caller: &Caller,
    input: ListUserPoolClients,
) -> Result<ClientList, Fault> {
    let page = cursor(input.max_results.unwrap_or(DEFAULT_PAGE), input.next_token.as_deref())?;
    let mut clients = keyward.app_clients(caller, &input.user_pool_id, &page).await?;
    if input.client_type.as_deref() == Some("DCR") {
        // No client registers itself here.
        clients.items.clear();
        clients.next = None;
    }
    let description = |client: &AppClient| json!({ "ClientId": client.id, "UserPoolId": client.pool_id, "ClientName": client.name });
    Ok(ClientList {
        user_pool_clients: clients.items.iter().map(description).collect(),
        next_token: clients.next,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddSecret {
    user_pool_id: String,
    client_id: String,
    client_secret: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the model has them")]
pub(super) struct DeleteSecret {
    user_pool_id: String,
    client_id: String,
    client_secret_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretAnswer {
    client_secret_descriptor: SecretDescriptor,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretList {
    client_secrets: Vec<SecretDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the model has them")]
struct SecretDescriptor {
    client_secret_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_value: Option<Secret>,
    client_secret_create_date: f64,
}

impl From<ClientSecret> for SecretDescriptor {
    fn from(secret: ClientSecret) -> Self {
        Self {
            client_secret_id: secret.id,
            client_secret_value: None,
            client_secret_create_date: epoch_seconds(secret.created_at_ms),
        }
    }
}

/// The secret is in the answer when it was made here; who has chosen it knows it.
pub(super) async fn add_secret(
    keyward: &Keyward,
    caller: &Caller,
    input: AddSecret,
) -> Result<SecretAnswer, Fault> {
    let chosen = input.client_secret.as_ref();
    let issued = keyward.add_client_secret(caller, &input.user_pool_id, &input.client_id, chosen).await;
    let issued = issued.map_err(limit_exceeded)?;
    let client_secret_value = chosen.is_none().then_some(issued.secret);
    let client_secret_descriptor = SecretDescriptor { client_secret_value, ..issued.stored.into() };
    Ok(SecretAnswer { client_secret_descriptor })
}

pub(super) async fn list_secrets(
    keyward: &Keyward,
    caller: &Caller,
    input: OfClient,
) -> Result<SecretList, Fault> {
    let described = keyward.described_app_client(caller, &input.user_pool_id, &input.client_id).await?;
    Ok(SecretList { client_secrets: described.client.secrets.into_iter().map(Into::into).collect() })
}

pub(super) async fn delete_secret(
    keyward: &Keyward,
    caller: &Caller,
    input: DeleteSecret,
) -> Result<Nothing, Fault> {
    let (pool_id, id) = (&input.user_pool_id, &input.client_id);
    keyward.delete_client_secret(caller, pool_id, id, &input.client_secret_id).await?;
    Ok(Nothing {})
}

impl ClientMembers {
    /// What isn't said is as in `default`.
    fn settings(
        self,
        pool: &UserPool,
        default: AppClientSettings,
        has_secret: bool,
    ) -> Result<AppClientSettings, Fault> {
        self.require_what_fits(pool, has_secret)?;
        let rotation = self.refresh_token_rotation.filter(|rotation| rotation.feature == "ENABLED");
        let rotation_grace_seconds =
            rotation.map(|rotation| rotation.retry_grace_period_seconds.unwrap_or_default());
        let flows = self.explicit_auth_flows.unwrap_or_else(|| {
            // A token that is replaced at each use has an operation of its own to be used by.
            let is_on =
                |flow: &String| rotation_grace_seconds.is_none() || flow != "ALLOW_REFRESH_TOKEN_AUTH";
            default.flows.into_iter().filter(is_on).collect()
        });
        let units = TokenUnits {
            access: self.token_validity_units.access_token,
            id: self.token_validity_units.id_token,
            refresh: self.token_validity_units.refresh_token,
        };
        // 0 counts as unsaid, as the model has it of refresh tokens.
        let seconds = |amount: Option<i64>, unit: Option<TimeUnit>, usual: TimeUnit, default: i64| {
            let amount = amount.filter(|amount| *amount > 0);
            amount.map_or(default, |amount| amount.saturating_mul(unit.unwrap_or(usual).seconds()))
        };
        let (hours, days) = (TimeUnit::Hours, TimeUnit::Days);
        Ok(AppClientSettings {
            flows,
            hides_unknown_users: self
                .prevent_user_existence_errors
                .map_or(default.hides_unknown_users, |word| word == "ENABLED"),
            access_token_seconds: seconds(
                self.access_token_validity,
                units.access,
                hours,
                default.access_token_seconds,
            ),
            id_token_seconds: seconds(self.id_token_validity, units.id, hours, default.id_token_seconds),
            refresh_token_seconds: seconds(
                self.refresh_token_validity,
                units.refresh,
                days,
                default.refresh_token_seconds,
            ),
            units,
            challenge_minutes: self.auth_session_validity.unwrap_or(default.challenge_minutes),
            revokes_tokens: self.enable_token_revocation.unwrap_or(default.revokes_tokens),
            rotation_grace_seconds,
            read_attributes: self.read_attributes,
            write_attributes: self.write_attributes,
            kept: self.others.into_iter().filter(|(name, _)| KEPT.contains(&name.as_str())).collect(),
        })
    }

    /// Refuses what somebody would rely on, and what AWS finds wrong with the members that are but kept.
    fn require_what_fits(&self, pool: &UserPool, has_secret: bool) -> Result<(), Fault> {
        let words = |name: &str| {
            let list = self.others.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).collect::<Vec<_>>()
        };
        if let Some(name) = words("SupportedIdentityProviders").iter().find(|name| **name != "COGNITO") {
            let message = format!("The provider {name} does not exist for this user pool.");
            return Err(Error::new(Code::Unsupported, message).into());
        }
        let is_known = |scope: &&str| {
            let (identifier, name) = scope.rsplit_once('/').unwrap_or_default();
            let server = pool.settings.resource_servers.get(identifier);
            STANDARD_SCOPES.contains(scope)
                || server.is_some_and(|server| server.scopes.iter().any(|scope| scope.name == name))
        };
        if let Some(scope) = words("AllowedOAuthScopes").iter().find(|scope| !is_known(scope)) {
            let error = Error::invalid("AllowedOAuthScopes", format!("Invalid scope requested: {scope}"));
            return Err(Fault::Named("ScopeDoesNotExistException", error));
        }
        let flows = words("AllowedOAuthFlows");
        let invalid = |message: &'static str| {
            Err(Fault::Named("InvalidOAuthFlowException", Error::invalid("AllowedOAuthFlows", message)))
        };
        if flows.contains(&"client_credentials") && flows.len() > 1 {
            return invalid(
                "client_credentials flow can not be selected along with code flow or implicit flow.",
            );
        }
        if flows.contains(&"client_credentials") && !has_secret {
            return invalid(
                "client_credentials flow can not be selected if client does not have a client secret.",
            );
        }
        Ok(())
    }
}

/// An app client as AWS describes it.
fn described(DescribedAppClient { client, secret }: &DescribedAppClient) -> Value {
    let settings = &client.settings;
    let default = AppClientSettings::default();
    let units = &settings.units;
    // What isn't as it is by default is told also when nobody has said it in so many words.
    let validity = |seconds: i64, unit: Option<TimeUnit>, usual: TimeUnit, default: i64| {
        (unit.is_some() || seconds != default).then(|| seconds / unit.unwrap_or(usual).seconds())
    };
    let rotation = settings
        .rotation_grace_seconds
        .map(|seconds| json!({ "Feature": "ENABLED", "RetryGracePeriodSeconds": seconds }));
    let mut described = json!({
        "UserPoolId": client.pool_id,
        "ClientName": client.name,
        "ClientId": client.id,
        "ClientSecret": secret,
        "LastModifiedDate": epoch_seconds(client.updated_at_ms),
        "CreationDate": epoch_seconds(client.created_at_ms),
        "RefreshTokenValidity":
            settings.refresh_token_seconds / units.refresh.unwrap_or(TimeUnit::Days).seconds(),
        "AccessTokenValidity": validity(
            settings.access_token_seconds, units.access, TimeUnit::Hours, default.access_token_seconds,
        ),
        "IdTokenValidity":
            validity(settings.id_token_seconds, units.id, TimeUnit::Hours, default.id_token_seconds),
        "TokenValidityUnits":
            WireUnits { access_token: units.access, id_token: units.id, refresh_token: units.refresh },
        "ReadAttributes": settings.read_attributes,
        "WriteAttributes": settings.write_attributes,
        "ExplicitAuthFlows": settings.flows,
        "PreventUserExistenceErrors": if settings.hides_unknown_users { "ENABLED" } else { "LEGACY" },
        "EnableTokenRevocation": settings.revokes_tokens,
        "AuthSessionValidity": settings.challenge_minutes,
        "RefreshTokenRotation": rotation,
        "AllowedOAuthFlowsUserPoolClient": false,
        "EnablePropagateAdditionalUserContextData": false,
        "ClientType": "REGULAR",
    });
    if let Some(members) = described.as_object_mut() {
        members.extend(settings.kept.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    remove_nulls(&mut described);
    described
}
