//! What the tests stand on.

use std::sync::Arc;

use keyward_core::clock::Clock;
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::password::{HashingCost, PasswordHasher, PasswordPolicy};
use keyward_core::local_pool::{LocalPool, PoolSettings};
use keyward_core::master_key::MasterKey;
use keyward_core::random::Random;
use keyward_core::store::Store;

pub(crate) async fn keyward() -> Keyward {
    let folder = tempfile::tempdir().unwrap().keep();
    let store = Store::sqlite(&folder.join("keyward.db")).await.unwrap();
    let (clock, random, master_key) = (Clock::System, Random::System, MasterKey::new(&[7; 32]));
    let cost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let hasher = PasswordHasher::new(&random, cost, None, PasswordHasher::WAITING).unwrap();
    let settings = PoolSettings {
        region: "us-east-1".into(),
        issuer: "http://localhost:8480/{pool}".into(),
        password_policy: PasswordPolicy::default(),
    };
    let pool = LocalPool::open_home(
        settings,
        hasher,
        store.clone(),
        clock.clone(),
        random.clone(),
        master_key.clone(),
    )
    .await
    .unwrap();
    Keyward::new(Settings::default(), store, clock, random, master_key, Arc::new(pool))
}
