//! The one binary of integration tests: real sockets, real processes, real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a test may fail"
)]

<<<<<<< HEAD
mod serving;
=======
mod api_scratch;
>>>>>>> 1631408 (api: Serve the native API and its description)
mod support;
mod vams_api_keys;
mod vams_roles;
mod vams_routes;
mod vams_session;
mod vams_users;
