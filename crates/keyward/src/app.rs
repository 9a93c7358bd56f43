//! The application: every surface in one router, with what goes around all of them.
//!
//! The same router is served by `keyward serve`, by a function in the cloud, and by tests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
#[cfg(feature = "aws")]
use keyward_aws::{CognitoService, CognitoSettings};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Error, Result};
use keyward_core::keyward::{Home, Keyward, Settings};
use keyward_core::local_pool::password::{HashingCost, PasswordHasher, PasswordPolicy};
use keyward_core::local_pool::{LocalPool, PoolSettings};
use keyward_core::master_key::MasterKey;
use keyward_core::message::{Deliveries, Delivery};
use keyward_core::random::Random;
#[cfg(feature = "aws")]
use keyward_core::remote_pool::{RemotePool, RemotePoolSettings};
use keyward_core::store::Store;
use tokio::time::timeout;

#[cfg(feature = "aws")]
use crate::config::CognitoPool;
use crate::config::{Config, Database, Environment, Provider};
use crate::http::{self, Failure, plain, speaking};
use crate::{api, cognito, external_issuer, rawscribe, rawscribe_file, vams};

/// How long the store may take to answer whether it is there.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens the database and the home pool, made at the first start.
///
/// # Errors
/// What the database or the pool say; each with its sentence for the operator.
pub async fn open(config: &Config, random: Random, master_key: MasterKey) -> Result<Arc<Keyward>> {
    open_at(config, Clock::System, random, master_key).await
}

/// [`open`], by another clock.
pub async fn open_at(
    config: &Config,
    clock: Clock,
    random: Random,
    master_key: MasterKey,
) -> Result<Arc<Keyward>> {
    // Apart: it is done once, and everything that waits for it would have room for all of it.
    let keyward = Box::pin(open_home(config, store(config).await?, clock, random, master_key)).await?;
    keyward.move_in().await?;
    keyward.warn_of_test_users().await?;
    rawscribe_file::enter(&keyward, config, &config.rawscribe.now()).await?;
    Ok(Arc::new(keyward))
}

/// Opens what a server has opened before, for a command at the machine, which may run beside it.
///
/// # Errors
/// As [`open`]; `Conflict` for another home than the server's.
pub async fn open_beside(config: &Config, random: Random, master_key: MasterKey) -> Result<Arc<Keyward>> {
    let store = store(config).await?;
    let home = match &config.provider {
        Provider::Local => Home::Own,
        Provider::Jwt => Home::File,
        Provider::Cognito(pool) => Home::Elsewhere(&pool.user_pool_id),
    };
    Keyward::require_home(&store, home).await?;
    Ok(Arc::new(Box::pin(open_home(config, store, Clock::System, random, master_key)).await?))
}

async fn store(config: &Config) -> Result<Store> {
    let Database::Sqlite(file) = &config.database;
    Store::sqlite(file).await
}

async fn open_home(
    config: &Config,
    store: Store,
    clock: Clock,
    random: Random,
    master_key: MasterKey,
) -> Result<Keyward> {
    require_build(&config.provider)?;
    let cost = HashingCost {
        memory_kib: config.password_hashing.memory_kib,
        iterations: config.password_hashing.iterations,
        parallelism: config.password_hashing.parallelism,
    };
    let hasher = PasswordHasher::new(&random, cost, None, PasswordHasher::WAITING)?;
    let policy = &config.password_policy;
    let password_policy = PasswordPolicy {
        minimum_length: policy.minimum_length,
        require_uppercase: policy.require_uppercase,
        require_lowercase: policy.require_lowercase,
        require_numbers: policy.require_digit,
        require_symbols: policy.require_symbol,
        temporary_validity_days: policy.temporary_password_days,
        ..PasswordPolicy::default()
    };
    let pool = PoolSettings {
        region: config.region.clone(),
        issuer: config.issuer(),
        // A policy that the configuration says nothing of is what the pool's owner has made of it.
        password_policy: (password_policy != PasswordPolicy::default()).then_some(password_policy),
        refuses_common_passwords: policy.refuse_common,
        file: (config.provider == Provider::Jwt).then(|| config.rawscribe.now().tokens.clone()),
    };
    let pool =
        LocalPool::open_home(pool, hasher, store.clone(), clock.clone(), random.clone(), master_key.clone())
            .await?;
    let settings = Settings {
        environment: config.environment,
        api_key_prefix: config.api_key_prefix.clone(),
        revocation_bound_ms: i64::try_from(config.revocation_bound_ms).unwrap_or(i64::MAX),
        public_url: config.public_url(),
        failed_sign_ins_per_minute: config.failed_sign_ins_per_minute,
        dev: config.dev,
        deliveries: deliveries(config),
        makes_test_users: config.makes_test_users,
        test_users: config.test_users.clone(),
    };
    let keyward = Keyward::new(
        settings,
        store.clone(),
        clock.clone(),
        random.clone(),
        master_key.clone(),
        Arc::new(pool),
    );
    #[cfg(feature = "aws")]
    let keyward = match config.provider.cognito() {
        Some(pool) => {
            let settings = remote_pool_settings(pool, config.directory_bound_ms);
            let service = Arc::new(CognitoService::new(cognito_settings(pool)).await?);
            let opening = RemotePool::open(settings, service, store, clock, random, master_key);
            keyward.at_home_in(opening.await?)
        }
        None => keyward,
    };
    Ok(match &config.external_issuer {
        Some(settings) => keyward.believing(external_issuer::open(settings)?),
        None => keyward,
    })
}

/// By what calls to the pool in Amazon are made; what they are signed with, AWS' library finds.
#[cfg(feature = "aws")]
fn cognito_settings(pool: &CognitoPool) -> CognitoSettings {
    CognitoSettings {
        pool_id: pool.user_pool_id.clone(),
        client_id: pool.client_id.clone(),
        region: pool.region.clone(),
        endpoint: pool.endpoint.clone(),
        credentials: None,
    }
}

#[cfg(feature = "aws")]
fn remote_pool_settings(pool: &CognitoPool, bound_ms: u64) -> RemotePoolSettings {
    let CognitoPool { user_pool_id: id, client_id, region, endpoint, groups, .. } = pool;
    let amazon = format!("https://cognito-idp.{region}.amazonaws.com");
    let mut issuers = vec![format!("{amazon}/{id}")];
    // Another Keyward names itself; an emulator has Amazon's name in its tokens.
    issuers.extend(endpoint.as_ref().map(|endpoint| format!("{}/{id}", endpoint.trim_end_matches('/'))));
    RemotePoolSettings {
        id: id.clone(),
        client_id: client_id.clone(),
        endpoint: endpoint.clone().unwrap_or(amazon),
        issuers,
        groups: groups.clone(),
        bound_ms: i64::try_from(bound_ms).unwrap_or(i64::MAX),
    }
}

/// Refuses a home of users that isn't in this build.
fn require_build(provider: &Provider) -> Result<()> {
    match provider {
        Provider::Local | Provider::Jwt => Ok(()),
        Provider::Cognito(_) if cfg!(feature = "aws") => Ok(()),
        Provider::Cognito(_) => Err(Error::new(
            Code::Unsupported,
            "This build of Keyward doesn't have the provider cognito; take one with the feature aws.",
        )),
    }
}

/// Where nothing is set up to send messages, a developer reads them here; in earnest nobody would.
fn deliveries(config: &Config) -> Deliveries {
    let otherwise = match config.environment {
        Environment::Dev | Environment::Test => Delivery::Kept,
        Environment::Stage | Environment::Prod => Delivery::Refused,
    };
    let delivery = |is_set_up: bool| if is_set_up { Delivery::Sent } else { otherwise };
    Deliveries { email: delivery(config.mail.is_some()), sms: delivery(config.sms.is_some()) }
}

/// All routes: the surfaces', `/healthz` and `/readyz`, with the layers common to all.
///
/// Each surface comes wrapped in [`speaking`]; of those that stand at the root, exactly one has kept its answer
/// to unknown paths.
pub fn router(keyward: &Arc<Keyward>, config: &Config) -> Router {
    let own = if config.bench_hello { health().route("/hello", get(hello).post(hello)) } else { health() };
    let own = speaking(own.with_state(Arc::clone(keyward)), plain);
    let surfaces = own
        .merge(vams::router(keyward))
        .merge(rawscribe::router(keyward, config))
        .merge(api::router(keyward))
        .merge(cognito::router(keyward));
    http::layers(surfaces, config, keyward.random())
}

/// `GET /healthz` answers while the process lives, `GET /readyz` while it can do its work.
fn health() -> Router<Arc<Keyward>> {
    let readiness = async |State(keyward): State<Arc<Keyward>>| {
        let failed = match timeout(READY_TIMEOUT, keyward.ping()).await {
            Ok(Ok(())) => return Ok(fine()),
            Ok(Err(error)) => anyhow::Error::from(error),
            Err(elapsed) => elapsed.into(),
        };
        Err(Failure::from(
            Error::new(Code::Unavailable, "The store doesn't answer; try again.").because(failed),
        ))
    };
    Router::new().route("/healthz", get(async || fine())).route("/readyz", get(readiness))
}

/// What a request costs when nobody reads it.
async fn hello() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], r#"{"hello":"world"}"#)
}

fn fine() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#)
}
