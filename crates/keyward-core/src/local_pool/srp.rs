//! The server's half of Cognito's Secure Remote Password protocol.
//!
//! It is SRP-6a (RFC 5054) over the 3072-bit group of RFC 3526 with generator 2, and Amazon's own choices in
//! three places: `k` hashes `00 ‖ N ‖ 02`, every number is hashed as the shortest two's complement of itself,
//! and the key comes from HKDF-SHA256 with the info `Caldera Derived Key`, cut to 16 bytes. Source: Amazon's
//! sample client, `AuthenticationHelper.java` of aws-samples/aws-cognito-java-desktop-app; pycognito and
//! amazon-cognito-identity-js do the same.
//!
//! A verifier is `g` to the power of one fast hash: whoever reads it can guess passwords at full speed. It
//! must only ever be stored sealed (see [`crate::master_key`]).
//!
//! Every function here computes for one to a few milliseconds and waits for nothing.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd, U3072};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::random::Random;
use crate::secret::Secret;

/// The prime of RFC 3526, section 4 (the 3072-bit group).
const MODULUS: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
                       020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
                       4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
                       EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05\
                       98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB\
                       9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
                       E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718\
                       3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33\
                       A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
                       ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864\
                       D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2\
                       08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";
const MODULUS_BITS: u32 = 3072;
const MODULUS_BYTES: usize = 384;

/// The server's secret exponent: 448 bits, above the largest estimate of RFC 3526, section 8, for this group
/// (420 bits).
const EXPONENT_BYTES: usize = 56;
/// What a stored exponent may be long at most; Amazon's clients draw 1024 bits for theirs.
const MAXIMUM_EXPONENT_BYTES: usize = 128;

const SALT_BYTES: usize = 16;

/// The longest text that is looked at for a number below the modulus. Clients send 768 digits at most, some
/// with a few zeros before them.
const MAXIMUM_HEX_DIGITS: usize = 1024;

struct Group {
    modulus: BoxedUint,
    params: BoxedMontyParams,
    generator: BoxedMontyForm,
    multiplier: BoxedMontyForm,
}

/// `BoxedUint` and not the fixed-size `Uint`: the generic code of the latter would be compiled here, without
/// optimisation in a dev build, and be five times slower there. Both take the same time for every value.
static GROUP: LazyLock<Group> = LazyLock::new(|| {
    const ODD: Odd<U3072> = Odd::<U3072>::from_be_hex(MODULUS);
    let odd = Odd::<BoxedUint>::from(ODD);
    let modulus = odd.as_ref().clone();
    let params = BoxedMontyParams::new_vartime(odd);
    let generator = BoxedMontyForm::new(number(&[2]), &params);
    let multiplier = number(&sha256(&[&padded(&modulus.to_be_bytes()), &[2]]));
    let multiplier = BoxedMontyForm::new(multiplier, &params);
    Group { modulus, params, generator, multiplier }
});

/// What the server keeps of a password for SRP. `Debug` shows none of it.
#[derive(Clone)]
pub struct Verifier {
    salt: String,
    verifier: Zeroizing<BoxedUint>,
}

impl Verifier {
    /// The verifier of a new password, under a new salt of 16 bytes. `user_id` is what the client will be
    /// given as `USER_ID_FOR_SRP`: changing it makes the verifier useless.
    pub fn new(random: &Random, pool_id: &str, user_id: &str, password: &Secret) -> Self {
        Self::with_salt(&random.bytes::<SALT_BYTES>(), pool_id, user_id, password)
    }

    /// The verifier that an unknown user of this name seems to have: the same each time, since a salt that
    /// changes between two attempts would tell that nobody has that name. `secret` is the pool's own and
    /// known to nobody else; no password is right for what comes out.
    pub fn simulated(secret: &Secret, pool_id: &str, username: &str) -> Self {
        let mut salt = [0; SALT_BYTES];
        derive(secret, "salt", pool_id, username, &mut salt);
        let mut bytes = Zeroizing::new([0; MODULUS_BYTES]);
        derive(secret, "verifier", pool_id, username, bytes.as_mut());
        // A real verifier is a power of 2, which is a square in this group; so a square it is.
        let root = Zeroizing::new(BoxedMontyForm::new(number(bytes.as_ref()), &GROUP.params));
        let verifier = Zeroizing::new(root.square().retrieve());
        Self { salt: minimal_hex(&salt), verifier }
    }

    /// Reads what [`Verifier::to_text`] wrote; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (salt, verifier) = text.split_once('.')?;
        let salt = bytes_of_hex(salt).filter(|bytes| bytes.len() <= SALT_BYTES)?;
        let verifier = Zeroizing::new(number_below_modulus(verifier)?);
        Some(Self { salt: minimal_hex(&salt), verifier })
    }

    /// Salt and verifier as one text, to be sealed before it is stored.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", self.salt, *minimal_hex_of(&self.verifier)))
    }

    /// `SALT` for the client, in hexadecimal without zeros at the front: pycognito hashes the digits as they
    /// were sent and amazon-cognito-identity-js the number that they mean, so only the shortest form is the
    /// same for both.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    fn with_salt(salt: &[u8], pool_id: &str, user_id: &str, password: &Secret) -> Self {
        let identity = Zeroizing::new(sha256(&[
            pool_name(pool_id).as_bytes(),
            user_id.as_bytes(),
            b":",
            password.expose().as_bytes(),
        ]));
        let exponent = Zeroizing::new(sha256(&[&padded(salt), identity.as_ref()]));
        let verifier = Zeroizing::new(power(&GROUP.generator, exponent.as_ref()).retrieve());
        Self { salt: minimal_hex(salt), verifier }
    }
}

/// The client's public number `A`, which is neither 0 nor beyond the modulus.
#[derive(Clone)]
pub struct ClientPublic(BoxedUint);

impl ClientPublic {
    /// Reads `SRP_A`.
    ///
    /// # Errors
    /// `InvalidInput` when it isn't hexadecimal, is too long, or is 0 or a multiple of the modulus: with such
    /// an `A` the key would be known to everybody, without a password.
    pub fn parse(srp_a: &str) -> Result<Self> {
        number_below_modulus(srp_a)
            .filter(|number| !bool::from(number.is_zero()))
            .map(Self)
            .ok_or_else(|| Error::invalid("srp_a", "SRP_A must be a hexadecimal number between 1 and N - 1."))
    }

    /// The number as hexadecimal text, which [`ClientPublic::parse`] reads.
    pub fn to_hex(&self) -> String {
        minimal_hex_of(&self.0).to_string()
    }
}

/// The server's key pair for one sign-in. `Debug` shows none of it.
#[derive(Clone)]
pub struct ServerKey {
    exponent: Zeroizing<Vec<u8>>,
    public: BoxedUint,
}

impl ServerKey {
    /// A new key for a sign-in of the user with this verifier.
    pub fn new(random: &Random, verifier: &Verifier) -> Self {
        Self::with_exponent(Zeroizing::new(random.bytes::<EXPONENT_BYTES>().to_vec()), verifier)
    }

    /// `SRP_B` for the client, in hexadecimal.
    pub fn public_hex(&self) -> String {
        minimal_hex_of(&self.public).to_string()
    }

    /// Reads what [`ServerKey::to_text`] wrote; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (exponent, public) = text.split_once('.')?;
        let exponent = Zeroizing::new(bytes_of_hex(exponent)?);
        if exponent.is_empty() || exponent.len() > MAXIMUM_EXPONENT_BYTES {
            return None;
        }
        Some(Self { exponent, public: number_below_modulus(public)? })
    }

    /// Both halves as one text, to be sealed into what the client brings back.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", *hex_of(&self.exponent), self.public_hex()))
    }

    fn with_exponent(exponent: Zeroizing<Vec<u8>>, verifier: &Verifier) -> Self {
        let group = &*GROUP;
        let verifier = Zeroizing::new(BoxedMontyForm::new((*verifier.verifier).clone(), &group.params));
        let public = group.multiplier.mul(&verifier).add(&power(&group.generator, &exponent)).retrieve();
        Self { exponent, public }
    }
}

/// The client's answer to `PASSWORD_VERIFIER`: the claim to know the password, and its proof.
#[derive(Clone, Copy)]
pub struct PasswordClaim<'a> {
    /// The whole id of the pool; its part after the first `_` is what is signed.
    pub pool_id: &'a str,
    /// The `USER_ID_FOR_SRP` that the client was given.
    pub user_id: &'a str,
    /// The `A` with which the sign-in began.
    pub client_public: &'a ClientPublic,
    /// The bytes (not the base64 text) of the `SECRET_BLOCK` that the client was given.
    pub secret_block: &'a [u8],
    /// `TIMESTAMP` as it came; [`parse_timestamp`] tells whether it is a recent one.
    pub timestamp: &'a str,
    /// `PASSWORD_CLAIM_SIGNATURE` as it came, base64.
    pub signature: &'a str,
}

impl PasswordClaim<'_> {
    /// Whether whoever made the claim knows the password behind `verifier`. The time that it takes tells
    /// nothing of how near they were.
    pub fn is_proven(&self, verifier: &Verifier, server_key: &ServerKey) -> bool {
        let key = self.shared_key(verifier, server_key);
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        context.update(pool_name(self.pool_id).as_bytes());
        context.update(self.user_id.as_bytes());
        context.update(self.secret_block);
        context.update(self.timestamp.as_bytes());
        let expected = context.sign();
        STANDARD
            .decode(self.signature)
            .is_ok_and(|signature| verify_slices_are_equal(expected.as_ref(), &signature).is_ok())
    }

    fn shared_key(&self, verifier: &Verifier, server_key: &ServerKey) -> Zeroizing<[u8; 16]> {
        let params = &GROUP.params;
        let scrambler = sha256(&[
            &padded(&self.client_public.0.to_be_bytes()),
            &padded(&server_key.public.to_be_bytes()),
        ]);
        let client_public = BoxedMontyForm::new(self.client_public.0.clone(), params);
        let verifier = Zeroizing::new(BoxedMontyForm::new((*verifier.verifier).clone(), params));
        let base = Zeroizing::new(client_public.mul(&power(&verifier, &scrambler)));
        let shared = Zeroizing::new(power(&base, &server_key.exponent).retrieve());
        let shared = Zeroizing::new(shared.to_be_bytes());

        let extract = hmac::Key::new(hmac::HMAC_SHA256, &padded(&scrambler));
        let pseudorandom = hmac::sign(&extract, &padded(&shared));
        let expand = hmac::Key::new(hmac::HMAC_SHA256, pseudorandom.as_ref());
        let block = hmac::sign(&expand, b"Caldera Derived Key\x01");
        let mut key = Zeroizing::new([0; 16]);
        key.iter_mut().zip(block.as_ref()).for_each(|(byte, derived)| *byte = *derived);
        key
    }
}

/// The `USER_ID_FOR_SRP` that an unknown user of this name seems to have: a UUID like a real one's, and the
/// same each time, for the reasons of [`Verifier::simulated`].
pub fn simulated_user_id(secret: &Secret, pool_id: &str, username: &str) -> String {
    let mut bytes = [0; 16];
    derive(secret, "user id", pool_id, username, &mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Seconds since the epoch of a client's `TIMESTAMP`, such as `Sun Nov 2 01:02:03 UTC 2026`; a day of two
/// digits or with a space before it is understood too. `None` for anything else, and for a wrong weekday.
pub fn parse_timestamp(timestamp: &str) -> Option<i64> {
    if timestamp.len() > 64 {
        return None;
    }
    let moment = DateTime::strptime("%a %b %d %H:%M:%S UTC %Y", timestamp).ok()?;
    Some(Offset::UTC.to_timestamp(moment).ok()?.as_second())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verifier(..)")
    }
}

impl fmt::Debug for ClientPublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientPublic(..)")
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerKey(..)")
    }
}

/// The part of a pool's id that SRP knows: `us-east-1_AbCdEf123` is `AbCdEf123` there.
fn pool_name(pool_id: &str) -> &str {
    pool_id.split_once('_').map_or(pool_id, |(_, name)| name)
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    hash
}

/// Fills `bytes` from HMAC-SHA256 in counter mode; each `purpose`, pool and name gives others.
fn derive(secret: &Secret, purpose: &str, pool_id: &str, username: &str, bytes: &mut [u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    for (counter, chunk) in (0_u64..).zip(bytes.chunks_mut(32)) {
        let mut context = hmac::Context::with_key(&key);
        context.update(b"keyward srp simulation");
        // INVARIANT: each part goes in with its length, so that no two triples are the same bytes.
        for part in [purpose, pool_id, username] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(&counter.to_be_bytes());
        chunk.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, derived)| *byte = *derived);
    }
}

/// `base` to the power of `exponent` (big endian), in a time that depends on the exponent's length alone.
fn power(base: &BoxedMontyForm, exponent: &[u8]) -> BoxedMontyForm {
    let bits = u32::try_from(exponent.len()).unwrap_or(u32::MAX).saturating_mul(8);
    base.pow(&Zeroizing::new(BoxedUint::from_be_slice_truncated(exponent, bits)))
}

/// The number that these bytes, big endian and 384 at most, are.
fn number(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_truncated(bytes, MODULUS_BITS)
}

fn number_below_modulus(hex: &str) -> Option<BoxedUint> {
    if hex.len() > MAXIMUM_HEX_DIGITS {
        return None;
    }
    let bytes = Zeroizing::new(bytes_of_hex(hex.trim_start_matches('0'))?);
    if bytes.len() > MODULUS_BYTES {
        return None;
    }
    Some(number(&bytes)).filter(|number| *number < GROUP.modulus)
}

/// The shortest two's complement of the number that these bytes are: no zeros at the front, but one where the
/// number would else look negative. Java's `BigInteger.toByteArray`, which Amazon's first client hashed.
fn padded(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    let significant = trim_zeros(bytes);
    if significant.first().is_none_or(|&byte| byte >= 0x80) {
        padded.push(0);
    }
    padded.extend_from_slice(significant);
    padded
}

fn trim_zeros(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|&byte| byte != 0).and_then(|first| bytes.get(first..)).unwrap_or_default()
}

/// The bytes of hexadecimal text of any length; an odd first digit is a byte of its own.
fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(
        hex.chars()
            .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
            .collect::<Option<_>>()?,
    );
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    let (first, rest) = digits.split_at(digits.len() % 2);
    bytes.extend_from_slice(first);
    bytes.extend(rest.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)));
    Some(bytes)
}

fn hex_of(bytes: &[u8]) -> Zeroizing<String> {
    let mut hex = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    hex.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    hex
}

fn minimal_hex(bytes: &[u8]) -> String {
    let hex = hex_of(bytes);
    let significant = hex.trim_start_matches('0');
    if significant.is_empty() { "0".to_owned() } else { significant.to_owned() }
}

fn minimal_hex_of(number: &BoxedUint) -> Zeroizing<String> {
    Zeroizing::new(minimal_hex(&Zeroizing::new(number.to_be_bytes())))
}

#[cfg(test)]
mod tests {
    use aws_cognito_srp::{SrpClient, User, VerificationParameters};
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        pool_id: String,
        user_id: String,
        password: Secret,
        salt: String,
        verifier: String,
        #[serde(rename = "A")]
        client_public: String,
        b: String,
        #[serde(rename = "B")]
        server_public: String,
        secret_block: String,
        timestamp: String,
        signature: String,
    }

    fn vectors() -> Vec<Vector> {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../tests/data/srp_vectors.json")).unwrap();
        assert_eq!(vectors.len(), 40);
        vectors
    }

    #[test]
    fn the_verifier_of_every_vector_comes_out() {
        for vector in vectors() {
            let salt = bytes_of_hex(&vector.salt).unwrap();

            let verifier = Verifier::with_salt(&salt, &vector.pool_id, &vector.user_id, &vector.password);

            assert_eq!(verifier.salt(), vector.salt);
            assert_eq!(
                *verifier.to_text(),
                format!("{}.{}", vector.salt, vector.verifier.trim_start_matches('0'))
            );
        }
    }

    #[test]
    fn every_vector_is_proven_and_no_altered_one_is() {
        for vector in vectors() {
            let verifier = Verifier::from_text(&format!("{}.{}", vector.salt, vector.verifier)).unwrap();
            let server_key =
                ServerKey::with_exponent(Zeroizing::new(bytes_of_hex(&vector.b).unwrap()), &verifier);
            assert_eq!(server_key.public_hex(), vector.server_public.trim_start_matches('0'));
            let client_public = ClientPublic::parse(&vector.client_public).unwrap();
            let secret_block = STANDARD.decode(&vector.secret_block).unwrap();
            let claim = PasswordClaim {
                pool_id: &vector.pool_id,
                user_id: &vector.user_id,
                client_public: &client_public,
                secret_block: &secret_block,
                timestamp: &vector.timestamp,
                signature: &vector.signature,
            };

            assert!(claim.is_proven(&verifier, &server_key));

            let other_timestamp = "Sun Nov 22 02:30:55 UTC 2026";
            assert!(!PasswordClaim { timestamp: other_timestamp, ..claim }.is_proven(&verifier, &server_key));
            assert!(!PasswordClaim { user_id: "mallory", ..claim }.is_proven(&verifier, &server_key));
            assert!(
                !PasswordClaim { secret_block: &secret_block[1..], ..claim }
                    .is_proven(&verifier, &server_key)
            );
            let shorter = &vector.signature[..40];
            assert!(!PasswordClaim { signature: shorter, ..claim }.is_proven(&verifier, &server_key));
            assert!(!PasswordClaim { signature: "", ..claim }.is_proven(&verifier, &server_key));
        }
    }

    /// Signs in with an independent client; gives whether the server is convinced.
    fn sign_in(random: &Random, server: &Verifier, user_id: &str, password: &str) -> bool {
        const POOL_ID: &str = "eu-central-1_k3Y9wRd0A";
        let client = SrpClient::new(User::new(POOL_ID, "a@x.co", password), "client", None);
        let client_public = ClientPublic::parse(&client.get_auth_parameters().a).unwrap();
        let server_key = ServerKey::new(random, server);
        let secret_block = random.bytes::<96>();

        let VerificationParameters { timestamp, password_claim_signature, .. } = client
            .verify(&STANDARD.encode(secret_block), user_id, server.salt(), &server_key.public_hex())
            .unwrap();

        // Both sides cross the network sealed, and come back as text.
        let server_key = ServerKey::from_text(&server_key.to_text()).unwrap();
        let client_public = ClientPublic::parse(&client_public.to_hex()).unwrap();
        let server = Verifier::from_text(&server.to_text()).unwrap();
        assert!(parse_timestamp(&timestamp).is_some());
        let claim = PasswordClaim {
            pool_id: POOL_ID,
            user_id,
            client_public: &client_public,
            secret_block: &secret_block,
            timestamp: &timestamp,
            signature: &password_claim_signature,
        };
        claim.is_proven(&server, &server_key)
    }

    #[test]
    fn an_independent_client_signs_in_with_the_right_password_alone() {
        let random = Random::System;
        for round in 0..4 {
            let user_id = random.uuid();
            let password = format!("Pass wörd-✓{round}{}", random.uuid());
            let verifier =
                Verifier::new(&random, "eu-central-1_k3Y9wRd0A", &user_id, &Secret::from(password.as_str()));

            assert!(sign_in(&random, &verifier, &user_id, &password));
            assert!(!sign_in(&random, &verifier, &user_id, "Pass wörd-✓"));
            assert!(!sign_in(&random, &verifier, &random.uuid(), &password));
        }
    }

    #[test]
    fn a_salt_with_zeros_at_its_front_works_for_an_independent_client() {
        let random = Random::seeded(7);
        for salt in [[0; 15].as_slice(), &[0, 0x80, 1], &[0x0f, 0xff], &[0xff, 0], &[0, 0]] {
            let verifier =
                Verifier::with_salt(salt, "eu-central-1_k3Y9wRd0A", "sub", &Secret::from("Correct-Horse-9!"));
            // An empty number is what that client makes of 0; no salt of 16 random bytes is one.
            if verifier.salt() != "0" {
                assert!(sign_in(&random, &verifier, "sub", "Correct-Horse-9!"));
            }
            assert_eq!(Verifier::from_text(&verifier.to_text()).unwrap().salt(), verifier.salt());
        }
    }

    #[test]
    fn a_verifier_that_changed_in_between_refuses_the_claim() {
        let random = Random::seeded(11);
        let old = Verifier::new(&random, "eu-central-1_k3Y9wRd0A", "sub", &Secret::from("Old-Passw0rd"));
        let new = Verifier::new(&random, "eu-central-1_k3Y9wRd0A", "sub", &Secret::from("New-Passw0rd"));
        let client =
            SrpClient::new(User::new("eu-central-1_k3Y9wRd0A", "sub", "Old-Passw0rd"), "client", None);
        let client_public = ClientPublic::parse(&client.get_auth_parameters().a).unwrap();
        let server_key = ServerKey::new(&random, &old);
        let answer = client.verify("", "sub", old.salt(), &server_key.public_hex()).unwrap();
        let claim = PasswordClaim {
            pool_id: "eu-central-1_k3Y9wRd0A",
            user_id: "sub",
            client_public: &client_public,
            secret_block: b"",
            timestamp: &answer.timestamp,
            signature: &answer.password_claim_signature,
        };

        assert!(claim.is_proven(&old, &server_key));
        assert!(!claim.is_proven(&new, &server_key));
    }

    #[test]
    fn a_client_number_that_would_give_the_key_away_is_refused() {
        let modulus = MODULUS.to_lowercase();
        let doubled = minimal_hex(&{
            let mut carry = 0;
            let mut bytes: Vec<u8> = bytes_of_hex(&modulus)
                .unwrap()
                .iter()
                .rev()
                .map(|&byte| {
                    let sum = u16::from(byte) * 2 + carry;
                    carry = sum >> 8;
                    sum.to_le_bytes()[0]
                })
                .collect();
            bytes.push(u8::try_from(carry).unwrap());
            bytes.reverse();
            bytes
        });

        for refused in ["", "0", "000", &modulus, &format!("00{MODULUS}"), &doubled, &"0".repeat(5000)] {
            assert!(ClientPublic::parse(refused).is_err(), "{refused}");
        }
        for refused in
            ["xyz", "-1", "+1", "0x1f", " 1f", "1f\n", "1é", "٣", &"f".repeat(769), &"1".repeat(100_000)]
        {
            assert!(ClientPublic::parse(refused).is_err(), "{refused}");
        }
        let below = format!("{}e", &modulus[..767]);
        for accepted in ["1", "2", "F", "0aBc", &below, &format!("00{below}")] {
            let number = ClientPublic::parse(accepted).unwrap();
            assert_eq!(number.to_hex(), accepted.trim_start_matches('0').to_lowercase());
        }
    }

    #[test]
    fn an_unknown_user_looks_the_same_each_time_and_unlike_any_other() {
        let secret = Secret::from("of this pool");
        let ann = Verifier::simulated(&secret, "us-east-1_AbCdEf123", "ann@x.co");

        assert_eq!(ann.to_text(), Verifier::simulated(&secret, "us-east-1_AbCdEf123", "ann@x.co").to_text());
        assert!(ann.salt().len() > 24 && ann.salt().len() <= 32);
        for other in [
            Verifier::simulated(&secret, "us-east-1_AbCdEf123", "bob@x.co"),
            Verifier::simulated(&secret, "us-east-1_AbCdEf12", "3ann@x.co"),
            Verifier::simulated(&Secret::from("of another"), "us-east-1_AbCdEf123", "ann@x.co"),
        ] {
            assert_ne!(ann.salt(), other.salt());
            assert_ne!(ann.to_text(), other.to_text());
        }
        assert!(!sign_in(&Random::seeded(3), &ann, "ann@x.co", "Correct-Horse-9!"));

        let user_id = simulated_user_id(&secret, "us-east-1_AbCdEf123", "ann@x.co");
        assert_eq!(user_id, simulated_user_id(&secret, "us-east-1_AbCdEf123", "ann@x.co"));
        assert_ne!(user_id, simulated_user_id(&secret, "us-east-1_AbCdEf123", "bob@x.co"));
        assert_eq!((user_id.len(), &user_id[14..15]), (36, "4"));
    }

    #[test]
    fn a_timestamp_is_understood_with_its_day_padded_or_not() {
        assert_eq!(parse_timestamp("Sun Nov 22 01:38:52 UTC 2026"), Some(1_795_311_532));
        for day in
            ["Sun Nov 1 01:02:03 UTC 2026", "Sun Nov 01 01:02:03 UTC 2026", "Sun Nov  1 01:02:03 UTC 2026"]
        {
            assert_eq!(parse_timestamp(day), Some(1_793_494_923), "{day}");
        }
        for wrong in [
            "",
            "Mon Nov 22 01:38:52 UTC 2026",
            "Sun Nov 31 01:38:52 UTC 2026",
            "Sun Nov 22 25:38:52 UTC 2026",
            "Sun Nov 22 01:38:52 CET 2026",
            "2026-11-22T01:38:52Z",
            "Sun Nov 22 01:38:52 UTC 2026 and more",
        ] {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_secret_is_shown_for_debugging() {
        let random = Random::seeded(5);
        let verifier = Verifier::new(&random, "a_b", "sub", &Secret::from("password"));
        let key = ServerKey::new(&random, &verifier);

        assert_eq!(format!("{verifier:?} {key:?}"), "Verifier(..) ServerKey(..)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn malformed_input_is_refused_and_breaks_nothing(
            text in "\\PC*", hex in "[0-9a-fA-F]{0,1100}", dotted in "[0-9a-f]{0,40}\\.[0-9a-f]{0,800}",
            bytes: Vec<u8>
        ) {
            let random = Random::seeded(1);
            let _ = (ClientPublic::parse(&text), parse_timestamp(&text));
            let _ = (Verifier::from_text(&text), ServerKey::from_text(&text));
            let _ = (Verifier::from_text(&dotted), ServerKey::from_text(&dotted));
            let verifier = Verifier::simulated(&Secret::from(text.as_str()), &text, &text);
            let server_key = ServerKey::new(&random, &verifier);
            if let Ok(client_public) = ClientPublic::parse(&hex) {
                let claim = PasswordClaim {
                    pool_id: &text,
                    user_id: &text,
                    client_public: &client_public,
                    secret_block: &bytes,
                    timestamp: &text,
                    signature: &text,
                };
                prop_assert!(!claim.is_proven(&verifier, &server_key));
            }
        }
    }
}
