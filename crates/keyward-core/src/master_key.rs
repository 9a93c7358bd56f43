//! The key under which everything is sealed that must not lie in the database in clear.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::random::Random;

const NONCE_LENGTH: usize = 12;

/// 32 bytes that the database doesn't know. Each purpose has a key of its own, derived by HKDF (RFC 5869), so
/// that what was sealed for one can't be passed off as another.
#[derive(Clone)]
pub struct MasterKey(Prk);

impl MasterKey {
    /// The key made of these 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Salt::new(HKDF_SHA256, b"keyward").extract(bytes))
    }

    /// Reads 64 hexadecimal digits, as the file in the data folder holds them; white space around is allowed.
    ///
    /// # Errors
    /// `InvalidInput` when it is anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = || Error::invalid("master_key", "The master key must be 64 hexadecimal digits.");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(index * 2..index * 2 + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self::new(&bytes))
    }

    /// The text of a new key, as [`MasterKey::parse`] reads it.
    pub fn generate(random: &Random) -> Zeroizing<String> {
        let bytes = Zeroizing::new(random.bytes::<32>());
        Zeroizing::new(crate::hex(bytes.as_slice()))
    }

    /// Seals `plaintext` for `purpose` (AES-256-GCM); text of the URL-safe base64 alphabet.
    pub fn seal(&self, random: &Random, purpose: &'static str, plaintext: &[u8]) -> Result<String> {
        let nonce = random.bytes::<NONCE_LENGTH>();
        let mut sealed = Vec::with_capacity(NONCE_LENGTH + plaintext.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(plaintext);
        self.key(purpose)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .map_err(|_| Error::internal(anyhow::anyhow!("sealing for {purpose} failed")))?;
        sealed.splice(0..0, nonce);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed for `purpose`; `None` for anything that this key didn't seal for it.
    pub fn open(&self, purpose: &'static str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).ok()?);
        if bytes.len() < NONCE_LENGTH {
            return None;
        }
        let (nonce, ciphertext) = bytes.split_at_mut(NONCE_LENGTH);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plaintext = self.key(purpose).ok()?.open_in_place(nonce, Aad::from(purpose), ciphertext).ok()?;
        Some(Zeroizing::new(plaintext.to_vec()))
    }

    /// What tells `text` from any other without giving it away: HMAC-SHA-256 under a key for `purpose`, in
    /// hexadecimal digits.
    pub fn fingerprint(&self, purpose: &'static str, text: &[u8]) -> Result<String> {
        let info = [b"fingerprint of ".as_slice(), purpose.as_bytes()];
        let key: hmac::Key = self.0.expand(&info, hmac::HMAC_SHA256).map(hmac::Key::from).map_err(|_| {
            Error::internal(anyhow::anyhow!("deriving the fingerprint key for {purpose} failed"))
        })?;
        Ok(crate::hex(hmac::sign(&key, text).as_ref()))
    }

    fn key(&self, purpose: &'static str) -> Result<LessSafeKey> {
        let info = [purpose.as_bytes()];
        self.0
            .expand(&info, &AES_256_GCM)
            .map(|okm| LessSafeKey::new(UnboundKey::from(okm)))
            .map_err(|_| Error::internal(anyhow::anyhow!("deriving the key for {purpose} failed")))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_for_one_purpose_cannot_be_opened_for_another() {
        let random = Random::seeded(1);
        let key = MasterKey::parse(&MasterKey::generate(&random)).unwrap();

        let sealed = key.seal(&random, "srp verifier", b"secret").unwrap();

        assert_eq!(key.open("srp verifier", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open("signing key", &sealed).is_none());
        assert!(MasterKey::new(&[7; 32]).open("srp verifier", &sealed).is_none());
        assert!(key.open("srp verifier", &sealed[1..]).is_none());
        assert!(key.open("srp verifier", "").is_none());
    }

    #[test]
    fn a_master_key_is_64_hexadecimal_digits() {
        assert!(MasterKey::parse(&"0a".repeat(32)).is_ok());
        assert!(MasterKey::parse(&"0a".repeat(31)).is_err());
        assert!(MasterKey::parse(&"zz".repeat(32)).is_err());
        assert!(MasterKey::parse(&"é".repeat(32)).is_err());
    }
}
