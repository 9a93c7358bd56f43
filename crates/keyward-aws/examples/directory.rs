//! What Keyward adds to the calls of AWS' library: list, get and create of users in moto, by the library's
//! own client, by Keyward on it, and by a new client for each request. Run by `make bench-directory`, which
//! starts moto.
//!
//! `KEYWARD_BENCH_MOTO` is moto's URL, `KEYWARD_BENCH_ROUNDS` how often each is asked (200).
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program of its own, not a part of Keyward"
)]

use std::env;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::{self, BehaviorVersion, Region};
use aws_sdk_cognitoidentityprovider::types::{AttributeType, MessageActionType};
use keyward_aws::{CognitoService, CognitoSettings, Credentials};
use keyward_core::caller::Caller;
use keyward_core::clock::Clock;
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::password::{HashingCost, PasswordHasher};
use keyward_core::local_pool::{LocalPool, PoolSettings};
use keyward_core::master_key::MasterKey;
use keyward_core::page::Cursor;
use keyward_core::random::Random;
use keyward_core::remote_pool::{RemotePool, RemotePoolSettings};
use keyward_core::store::Store;
use keyward_core::user::{NewUser, UserKind, UserQuery};

const USERS: usize = 60;
const REGION: &str = "us-east-1";
const PASSWORD: &str = "Temporary-password-1";

#[tokio::main]
async fn main() {
    // Where a server answers its requests: on one of the runtime's threads.
    tokio::spawn(measure()).await.unwrap();
}

async fn measure() {
    let endpoint = env::var("KEYWARD_BENCH_MOTO").unwrap();
    let rounds = env::var("KEYWARD_BENCH_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    let client = new_client(&endpoint);
    let pool = client.create_user_pool().pool_name("bench").send().await.unwrap();
    let pool_id = pool.user_pool.unwrap().id.unwrap();
    for number in 0..USERS {
        create(&client, &pool_id, &format!("user{number}@example.com")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let keyward = keyward(&folder.path().join("keyward.db"), &endpoint, &pool_id).await;
    let operator = Caller::operator();

    println!("milliseconds for one, one after the other: median (95th percentile) of {rounds}");
    println!("{:<8} {:>16} {:>16} {:>16} {:>10}", "", "library", "Keyward", "new client", "added");
    let page = Cursor::new(Some(USERS), None).unwrap();
    let query = UserQuery { kind: Some(UserKind::Account), page, ..UserQuery::default() };
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        figures[0].push(timed(async { list(&client, &pool_id).await }).await);
        figures[1].push(timed(async { drop(keyward.list_users(&operator, &query).await.unwrap()) }).await);
        figures[2].push(timed(async { list(&new_client(&endpoint), &pool_id).await }).await);
    }
    tell("list", figures);
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        let name = format!("user{}@example.com", round % USERS);
        // Keyward has met everybody before: it writes a row for whom it sees first.
        keyward.user(&operator, &name).await.unwrap();
        figures[0].push(timed(Box::pin(get(&client, &pool_id, &name))).await);
        figures[1].push(timed(async { drop(keyward.user(&operator, &name).await.unwrap()) }).await);
        figures[2].push(timed(async { Box::pin(get(&new_client(&endpoint), &pool_id, &name)).await }).await);
    }
    tell("get", figures);
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        let name = |by: &str| format!("{by}{round}@example.com");
        let new = NewUser { username: name("keyward"), ..NewUser::default() };
        figures[0].push(timed(async { create(&client, &pool_id, &name("library")).await }).await);
        figures[1].push(timed(async { drop(keyward.create_user(&operator, new).await.unwrap()) }).await);
        figures[2].push(timed(async { create(&new_client(&endpoint), &pool_id, &name("new")).await }).await);
    }
    tell("create", figures);
}

async fn timed(call: impl Future<Output = ()>) -> f64 {
    let begun = Instant::now();
    call.await;
    begun.elapsed().as_secs_f64() * 1000.0
}

fn tell(what: &str, figures: [Vec<f64>; 3]) {
    let at = |figures: &[f64], percent: usize| figures[figures.len() * percent / 100];
    let sorted = figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures
    });
    let cell = |figures: &Vec<f64>| format!("{:.2} ({:.2})", at(figures, 50), at(figures, 95));
    let added = at(&sorted[1], 50) - at(&sorted[0], 50);
    let [library, keyward, anew] = &sorted;
    println!("{what:<8} {:>16} {:>16} {:>16} {added:>+10.2}", cell(library), cell(keyward), cell(anew));
}

fn new_client(endpoint: &str) -> Client {
    let settings = config::Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(config::Credentials::new("AKIABENCH", "secret", None, None, "bench"))
        .endpoint_url(endpoint);
    Client::from_conf(settings.build())
}

async fn list(client: &Client, pool_id: &str) {
    let limit = i32::try_from(USERS).unwrap();
    client.list_users().user_pool_id(pool_id).limit(limit).send().await.unwrap();
}

/// With the groups, as Keyward tells them.
async fn get(client: &Client, pool_id: &str, name: &str) {
    let user = client.admin_get_user().user_pool_id(pool_id).username(name).send();
    let groups = client.admin_list_groups_for_user().user_pool_id(pool_id).username(name).send();
    let (user, groups) = tokio::join!(user, groups);
    user.unwrap();
    groups.unwrap();
}

async fn create(client: &Client, pool_id: &str, name: &str) {
    let attribute =
        |name: &str, value: &str| AttributeType::builder().name(name).value(value).build().unwrap();
    client
        .admin_create_user()
        .user_pool_id(pool_id)
        .username(name)
        .user_attributes(attribute("email", name))
        .user_attributes(attribute("email_verified", "true"))
        .temporary_password(PASSWORD)
        .message_action(MessageActionType::Suppress)
        .send()
        .await
        .unwrap();
}

/// A Keyward whose users live in this pool.
async fn keyward(file: &std::path::Path, endpoint: &str, pool_id: &str) -> Keyward {
    let (store, random, clock) = (Store::sqlite(file).await.unwrap(), Random::System, Clock::System);
    let master_key = MasterKey::new(&[7; 32]);
    let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hasher = PasswordHasher::new(&random, cost, None, PasswordHasher::WAITING).unwrap();
    let settings = PoolSettings {
        region: REGION.to_owned(),
        issuer: "http://localhost/{pool}".to_owned(),
        password_policy: None,
        refuses_common_passwords: None,
        file: None,
    };
    let opened = LocalPool::open_home(
        settings,
        hasher,
        store.clone(),
        clock.clone(),
        random.clone(),
        master_key.clone(),
    );
    let local = Arc::new(opened.await.unwrap());
    let service = CognitoService::new(CognitoSettings {
        pool_id: pool_id.to_owned(),
        client_id: "bench".to_owned(),
        region: REGION.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(Credentials {
            access_key_id: "AKIABENCH".into(),
            secret_access_key: "secret".into(),
        }),
    });
    let settings = RemotePoolSettings {
        id: pool_id.to_owned(),
        client_id: "bench".to_owned(),
        endpoint: endpoint.to_owned(),
        issuers: Vec::new(),
        groups: ["ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS"].map(str::to_owned).into(),
        bound_ms: 60_000,
    };
    let service = Arc::new(service.await.unwrap());
    let opening =
        RemotePool::open(settings, service, store.clone(), clock.clone(), random.clone(), master_key.clone());
    let remote = opening.await.unwrap();
    let keyward =
        Keyward::new(Settings::default(), store, clock, random, master_key, local).at_home_in(remote);
    keyward.move_in().await.unwrap();
    keyward
}
