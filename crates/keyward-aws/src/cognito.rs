//! The calls to a pool in Amazon Cognito.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config;
use aws_sdk_cognitoidentityprovider::types::{
    AttributeType, AuthFlowType, EmailMfaSettingsType, MessageActionType, SmsMfaSettingsType,
    SoftwareTokenMfaSettingsType,
};
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::local_pool::factor::{MfaPreference, SecondFactor};
use keyward_core::local_pool::sign_in::Tokens;
use keyward_core::remote_pool::{RemoteFilter, RemotePoolFacts, RemoteSignIn, RemoteUser, UserPoolService};
use keyward_core::secret::Secret;
use serde_json::Value;

use crate::failure::{self, Call};
use crate::shape;

/// How long a call may take with all that is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// How long one try may take. A sign-in takes Amazon some hundred milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long it may take to be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a call is tried that was throttled or not answered; Amazon's own default.
const ATTEMPTS: u32 = 3;
/// The longest pause before the next try.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The most that Cognito lists in one page.
const PAGE: i32 = 60;

/// Which pool it is, and how it is reached.
#[derive(Debug, Clone)]
pub struct CognitoSettings {
    /// The pool's id, like `us-east-1_k3Y9wRd0A`.
    pub pool_id: String,
    /// The application's client.
    pub client_id: String,
    /// The pool's region.
    pub region: String,
    /// Where the service is, when it isn't Amazon's own: an emulator, or a Keyward.
    pub endpoint: Option<String>,
    /// What calls are signed with; what AWS' own programs would find (environment, profile, role) when not said.
    pub credentials: Option<Credentials>,
}

/// An access key.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each name says it")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

/// A pool in Amazon Cognito. One client is made for the process, and its connections are kept.
pub struct CognitoService {
    pool_id: String,
    client_id: String,
    client: Client,
    keys_url: String,
    http: reqwest::Client,
}

impl CognitoService {
    /// What reaches this pool; nothing is asked yet.
    ///
    /// # Errors
    /// `Internal` when the machine has no root certificates to trust.
    pub async fn new(settings: CognitoSettings) -> Result<Self> {
        let CognitoSettings { pool_id, client_id, region, endpoint, credentials } = settings;
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(CALL_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_PAUSE);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .timeout_config(timeouts)
            .retry_config(retries);
        if let Some(Credentials { access_key_id, secret_access_key }) = credentials {
            let secret = secret_access_key.expose();
            loader = loader.credentials_provider(config::Credentials::new(
                access_key_id,
                secret,
                None,
                None,
                "keyward",
            ));
        }
        let mut builder = config::Builder::from(&loader.load().await);
        if let Some(endpoint) = &endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        let host = endpoint.unwrap_or_else(|| format!("https://cognito-idp.{region}.amazonaws.com"));
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ATTEMPT_TIMEOUT)
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            keys_url: format!("{}/{pool_id}/.well-known/jwks.json", host.trim_end_matches('/')),
            client: Client::from_conf(builder.build()),
            pool_id,
            client_id,
            http,
        })
    }
}

/// Of a user or a group that isn't there: nothing.
fn unless_missing<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Err(Error { code: Code::NotFound(Thing::User | Thing::Role), .. }) => Ok(None),
        outcome => outcome.map(Some),
    }
}

#[async_trait]
impl UserPoolService for CognitoService {
    async fn pool(&self) -> Result<Option<RemotePoolFacts>> {
        let call = Call::new("DescribeUserPool", Thing::UserPool);
        let answer = self.client.describe_user_pool().user_pool_id(&self.pool_id).send().await;
        match answer {
            Ok(answer) => Ok(answer.user_pool.map(shape::pool)),
            Err(error) if failure::is_denied(&error) => Ok(None),
            Err(error) => Err(call.failed(&error)),
        }
    }

    async fn user(&self, name: &str) -> Result<Option<RemoteUser>> {
        let call = Call::new("AdminGetUser", Thing::UserPool);
        let answer = self.client.admin_get_user().user_pool_id(&self.pool_id).username(name).send().await;
        Ok(unless_missing(answer.map_err(|error| call.failed(&error)))?.map(shape::one_user))
    }

    async fn groups_of(&self, name: &str) -> Result<Vec<String>> {
        let call = Call::new("AdminListGroupsForUser", Thing::UserPool);
        let groups = self
            .client
            .admin_list_groups_for_user()
            .user_pool_id(&self.pool_id)
            .username(name)
            .into_paginator()
            .page_size(PAGE)
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await;
        let groups = unless_missing(groups.map_err(|error| call.failed(&error)))?.unwrap_or_default();
        Ok(groups.into_iter().filter_map(|group| group.group_name).collect())
    }

    async fn users(
        &self,
        filter: Option<RemoteFilter<'_>>,
        limit: usize,
        token: Option<&str>,
    ) -> Result<(Vec<RemoteUser>, Option<String>)> {
        let call = Call::new("ListUsers", Thing::UserPool);
        let limit = i32::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE);
        let answer = self
            .client
            .list_users()
            .user_pool_id(&self.pool_id)
            .limit(limit)
            .set_pagination_token(token.map(str::to_owned))
            .set_filter(filter.map(shape::filter))
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        let users = answer.users.unwrap_or_default().into_iter().map(shape::user).collect();
        Ok((users, answer.pagination_token.filter(|token| !token.is_empty())))
    }

    async fn members(&self, group: &str) -> Result<Vec<RemoteUser>> {
        let call = Call::new("ListUsersInGroup", Thing::Role);
        let members = self
            .client
            .list_users_in_group()
            .user_pool_id(&self.pool_id)
            .group_name(group)
            .into_paginator()
            .page_size(PAGE)
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await;
        let members = unless_missing(members.map_err(|error| call.failed(&error)))?.unwrap_or_default();
        Ok(members.into_iter().map(shape::user).collect())
    }

    async fn create_user(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        temporary_password: &Secret,
    ) -> Result<RemoteUser> {
        let call = Call::new("AdminCreateUser", Thing::UserPool);
        let once = config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = self
            .client
            .admin_create_user()
            .user_pool_id(&self.pool_id)
            .username(name)
            .set_user_attributes(Some(wire_attributes(attributes)?))
            .temporary_password(temporary_password.expose())
            .message_action(MessageActionType::Suppress)
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        answer.user.map(shape::user).ok_or_else(|| call.unreadable())
    }

    async fn set_password(&self, name: &str, password: &Secret, is_permanent: bool) -> Result<()> {
        let call = Call::new("AdminSetUserPassword", Thing::UserPool);
        let request = self.client.admin_set_user_password().user_pool_id(&self.pool_id).username(name);
        let answer = request.password(password.expose()).permanent(is_permanent).send().await;
        answer.map(drop).map_err(|error| call.failed(&error))
    }

    async fn set_attributes(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<()> {
        let call = Call::new("AdminUpdateUserAttributes", Thing::UserPool);
        let request = self.client.admin_update_user_attributes().user_pool_id(&self.pool_id).username(name);
        let answer = request.set_user_attributes(Some(wire_attributes(attributes)?)).send().await;
        answer.map(drop).map_err(|error| call.failed(&error))
    }

    async fn delete_attributes(&self, name: &str, attributes: &[String]) -> Result<()> {
        let call = Call::new("AdminDeleteUserAttributes", Thing::UserPool);
        let request = self.client.admin_delete_user_attributes().user_pool_id(&self.pool_id).username(name);
        let answer = request.set_user_attribute_names(Some(attributes.to_vec())).send().await;
        answer.map(drop).map_err(|error| call.failed(&error))
    }

    async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        if enabled {
            let call = Call::new("AdminEnableUser", Thing::UserPool);
            let answer =
                self.client.admin_enable_user().user_pool_id(&self.pool_id).username(name).send().await;
            answer.map(drop).map_err(|error| call.failed(&error))
        } else {
            let call = Call::new("AdminDisableUser", Thing::UserPool);
            let answer =
                self.client.admin_disable_user().user_pool_id(&self.pool_id).username(name).send().await;
            answer.map(drop).map_err(|error| call.failed(&error))
        }
    }

    async fn confirm(&self, name: &str) -> Result<()> {
        let call = Call::new("AdminConfirmSignUp", Thing::UserPool);
        let answer =
            self.client.admin_confirm_sign_up().user_pool_id(&self.pool_id).username(name).send().await;
        answer.map(drop).map_err(|error| call.failed(&error))
    }

    /// Of a factor that isn't on nothing is said: Amazon refuses to hear of one that the pool hasn't got.
    async fn forget_factors(&self, name: &str, factors: MfaPreference) -> Result<()> {
        if factors.enabled().next().is_none() {
            return Ok(());
        }
        let call = Call::new("AdminSetUserMFAPreference", Thing::UserPool);
        let mut request =
            self.client.admin_set_user_mfa_preference().user_pool_id(&self.pool_id).username(name);
        for factor in factors.enabled() {
            request = match factor {
                SecondFactor::SoftwareToken => request.software_token_mfa_settings(
                    SoftwareTokenMfaSettingsType::builder().enabled(false).build(),
                ),
                SecondFactor::Sms => {
                    request.sms_mfa_settings(SmsMfaSettingsType::builder().enabled(false).build())
                }
                SecondFactor::Email => {
                    request.email_mfa_settings(EmailMfaSettingsType::builder().enabled(false).build())
                }
            };
        }
        request.send().await.map(drop).map_err(|error| call.failed(&error))
    }

    async fn sign_out(&self, name: &str) -> Result<()> {
        let call = Call::new("AdminUserGlobalSignOut", Thing::UserPool);
        let request = self.client.admin_user_global_sign_out().user_pool_id(&self.pool_id).username(name);
        request.send().await.map(drop).map_err(|error| call.failed(&error))
    }

    async fn delete_user(&self, name: &str) -> Result<()> {
        let call = Call::new("AdminDeleteUser", Thing::UserPool);
        let answer = self.client.admin_delete_user().user_pool_id(&self.pool_id).username(name).send().await;
        unless_missing(answer.map_err(|error| call.failed(&error))).map(drop)
    }

    async fn create_group(&self, group: &str, description: &str) -> Result<()> {
        let call = Call::new("CreateGroup", Thing::UserPool);
        let request = self.client.create_group().user_pool_id(&self.pool_id).group_name(group);
        match request.description(description).send().await.map_err(|error| call.failed(&error)) {
            Err(Error { code: Code::AlreadyExists(Thing::Role), .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn delete_group(&self, group: &str) -> Result<()> {
        let call = Call::new("DeleteGroup", Thing::Role);
        let answer = self.client.delete_group().user_pool_id(&self.pool_id).group_name(group).send().await;
        unless_missing(answer.map_err(|error| call.failed(&error))).map(drop)
    }

    async fn add_to_group(&self, name: &str, group: &str) -> Result<()> {
        let call = Call::new("AdminAddUserToGroup", Thing::Role);
        let request = self.client.admin_add_user_to_group().user_pool_id(&self.pool_id).username(name);
        request.group_name(group).send().await.map(drop).map_err(|error| call.failed(&error))
    }

    async fn remove_from_group(&self, name: &str, group: &str) -> Result<()> {
        let call = Call::new("AdminRemoveUserFromGroup", Thing::Role);
        let request = self.client.admin_remove_user_from_group().user_pool_id(&self.pool_id).username(name);
        match request.group_name(group).send().await.map_err(|error| call.failed(&error)) {
            Err(Error { code: Code::NotFound(Thing::Role), .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn signing_keys(&self) -> Result<Value> {
        let unreachable = |cause: reqwest::Error| {
            Error::new(
                Code::Unavailable,
                "The user pool's public keys can't be had now, so no token can be checked; try again in a moment.",
            )
            .because(cause)
        };
        let answer = self.http.get(&self.keys_url).send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(unreachable)?.json().await.map_err(unreachable)
    }

    async fn sign_in(&self, name: &str, password: &Secret) -> Result<RemoteSignIn> {
        let call = Call::sign_in();
        let answer = self
            .client
            .initiate_auth()
            .client_id(&self.client_id)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", name)
            .auth_parameters("PASSWORD", password.expose())
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        if let Some(challenge) = answer.challenge_name {
            return Ok(RemoteSignIn::Challenge(challenge.as_str().to_owned()));
        }
        let tokens = answer.authentication_result.ok_or_else(|| call.unreadable())?;
        let (Some(id_token), Some(access_token)) = (tokens.id_token, tokens.access_token) else {
            return Err(call.unreadable());
        };
        Ok(RemoteSignIn::Done(Tokens {
            id_token: Secret::from(id_token),
            access_token: Secret::from(access_token),
            refresh_token: tokens.refresh_token.map(Secret::from),
            expires_in_seconds: i64::from(tokens.expires_in),
        }))
    }
}

fn wire_attributes(attributes: &BTreeMap<String, String>) -> Result<Vec<AttributeType>> {
    let wire = |(name, value)| AttributeType::builder().name(name).value(value).build();
    attributes
        .iter()
        .map(|(name, value)| wire((name.as_str(), value.as_str())).map_err(Error::internal))
        .collect()
}

impl fmt::Debug for CognitoService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CognitoService").field("pool_id", &self.pool_id).finish_non_exhaustive()
    }
}
