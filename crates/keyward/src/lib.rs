//! Everything of Keyward that people touch: the HTTP surfaces and the command line.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail"
    )
)]

pub mod api;
pub mod app;
pub mod cli;
mod client;
pub mod cognito;
pub mod complaint;
pub mod config;
pub mod data_folder;
pub mod delivery;
pub mod external_issuer;
pub mod http;
pub mod log;
pub mod rawscribe;
pub mod rawscribe_file;
pub mod server;
pub mod vams;
