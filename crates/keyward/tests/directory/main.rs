//! Homes of users: what each of them must do, and what one that is kept elsewhere must do beside. Apart from the
//! other tests, for it takes the feature `aws` and moto, which stands for Amazon Cognito.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a test may fail"
)]

mod acceptance;
#[expect(dead_code, reason = "here nobody types, and nothing of the network is played")]
#[path = "../it/cli_support.rs"]
mod cli_support;
mod conformance;
mod elsewhere;
#[path = "../../../keyward-core/tests/support/evidence.rs"]
mod evidence;
mod faults;
mod home;
mod moto;
mod over_http;
mod production;
mod proxy;
