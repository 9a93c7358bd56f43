//! A home of users that is kept in Amazon Cognito: the only crate that names a type of AWS.
//!
//! [`CognitoService`] makes the calls that `keyward_core::remote_pool` asks for, and gives what comes of them in
//! Keyward's words. It knows no rule and keeps nothing.
#![warn(missing_docs)]

mod cognito;
mod failure;
mod shape;

pub use self::cognito::{CognitoService, CognitoSettings, Credentials};
