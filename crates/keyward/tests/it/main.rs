//! The one binary of integration tests: real sockets, real processes, real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a test may fail"
)]

mod api_access;
mod api_access_keys;
mod api_assignments;
mod api_audit;
mod api_ground;
mod api_keys;
mod api_outbox;
mod api_pools;
mod api_roles;
mod api_test_users;
mod api_user_import;
mod api_users;
mod cli_answers;
mod cli_help;
mod cli_input;
mod cli_lines;
mod cli_network;
mod cli_pools;
mod cli_profile;
mod cli_session;
mod cli_session_sign_in;
mod cli_sign_in;
mod cli_support;
mod cli_test_users;
mod cli_user_import;
mod cognito_challenges;
mod cognito_groups;
mod cognito_list_users;
mod cognito_passkeys;
mod cognito_password;
mod cognito_pools;
mod cognito_protocol;
mod cognito_sign_in;
mod cognito_sign_up;
mod cognito_signature;
mod cognito_support;
mod cognito_users;
mod cognito_validation;
mod compatibility;
#[path = "../../../keyward-core/tests/support/escalation.rs"]
mod escalation;
mod every_route;
#[path = "../../../keyward-core/tests/support/evidence.rs"]
mod evidence;
mod external_issuer;
mod make_rawscribe;
mod permissions;
mod rawscribe_file;
mod rawscribe_flaws;
mod rawscribe_production;
mod rawscribe_session;
mod rawscribe_test_users;
mod rawscribe_users;
mod rights;
mod serving;
mod support;
mod vams_api_keys;
mod vams_roles;
mod vams_routes;
mod vams_session;
mod vams_users;
