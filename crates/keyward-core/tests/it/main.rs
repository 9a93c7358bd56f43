//! The core against real databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a test may fail"
)]

mod elsewhere;
#[expect(dead_code, reason = "only HTTP has requests that are signed")]
#[path = "../support/escalation.rs"]
mod escalation;
#[path = "../support/evidence.rs"]
mod evidence;
#[path = "../support/postgres.rs"]
mod postgres;
mod support;

mod access_keys;
mod atomicity;
mod audit;
mod cancellation;
mod choices;
mod codes;
mod decisions;
mod file_users;
mod guards;
mod idempotency;
mod imports;
mod keys;
mod last_admin;
mod last_use;
mod messages;
mod names;
mod passkeys;
mod pool_users;
mod pools;
mod production;
mod recovery;
mod refresh;
mod refusals;
mod remote_pool;
mod revocation;
mod rights;
mod second_factors;
mod sign_in;
mod sign_up;
mod test_users;
mod texts;
