//! What Keyward knows and does: users, roles, API keys, sign-in, audit. No HTTP, no AWS, no command line.
//!
//! [`keyward::Keyward`] is the one object that every surface holds; each noun's file has its types, then the
//! operations on it.
#![warn(missing_docs)]

pub mod access;
pub mod access_key;
pub mod api_key;
pub mod app_client;
pub mod audit;
pub mod caller;
pub mod clock;
pub mod code;
pub mod directory;
pub mod error;
pub mod external_issuer;
pub mod import;
pub mod jwt_file;
pub mod keyward;
pub mod local_pool;
pub mod master_key;
pub mod message;
pub mod page;
pub mod permission;
pub mod production;
pub mod provisioning;
pub mod random;
pub mod remote_pool;
pub mod role;
pub mod secret;
pub mod store;
pub mod test_user;
pub mod user;
pub mod user_pool;

/// `bytes` as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // Written out, since each request with a key needs it, and formatting takes longer than the hash itself.
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

/// SHA-256 of `bytes`, as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}
