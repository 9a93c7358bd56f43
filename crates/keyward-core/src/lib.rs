//! What Keyward knows and does: users, roles, API keys, sign-in, audit. No HTTP, no AWS, no command line.
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail"))]

pub mod clock;
pub mod error;
pub mod local_pool;
pub mod master_key;
pub mod random;
pub mod secret;
