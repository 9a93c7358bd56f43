//! Keyward's own user pool, which speaks the Cognito protocol and needs no cloud.

pub mod password;
pub mod software_token;
pub mod srp;
pub mod token;
