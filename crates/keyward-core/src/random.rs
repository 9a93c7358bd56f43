//! The only place that asks for entropy.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng};

use crate::secret::Secret;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Where Keyward takes its randomness from.
#[derive(Clone, Default)]
pub enum Random {
    /// The operating system's generator, through AWS-LC.
    #[default]
    System,
    /// A generator that a test has seeded: the same run, the same answers. Never for a server.
    Seeded(Arc<Mutex<ChaCha20Rng>>),
}

impl Random {
    /// A generator that gives the same bytes for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    ///
    /// # Panics
    /// When the operating system has no entropy to give: nothing that Keyward could then issue would be safe.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            #[expect(clippy::expect_used, reason = "without entropy nothing that we issue is safe")]
            Self::System => aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives entropy"),
            Self::Seeded(generator) => {
                generator.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
            }
        }
        bytes
    }

    /// A number below `bound`, each as likely as the other. `bound` is at least 1.
    pub fn below(&self, bound: u8) -> u8 {
        let bound = bound.max(1);
        let fair = u8::MAX - u8::MAX % bound;
        loop {
            let [byte] = self.bytes();
            if byte < fair {
                return byte % bound;
            }
        }
    }

    /// `length` characters of `0-9A-Za-z`, 5.95 bits each.
    pub fn base62(&self, length: usize) -> Secret {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let [byte] = self.bytes();
            // 248 is the largest multiple of 62 in a byte: above it some characters would be likelier.
            if byte < 248 {
                text.extend(BASE62.get(usize::from(byte % 62)).map(|&character| char::from(character)));
            }
        }
        Secret::from(text)
    }

    /// `length` characters of `0-9a-z`, as Cognito names its app clients.
    pub fn lower_alphanumeric(&self, length: usize) -> String {
        (0..length)
            .filter_map(|_| BASE62.get(usize::from(self.below(36))))
            .map(u8::to_ascii_lowercase)
            .map(char::from)
            .collect()
    }

    /// `length` decimal digits.
    pub fn digits(&self, length: usize) -> Secret {
        Secret::from((0..length).map(|_| char::from(b'0' + self.below(10))).collect::<String>())
    }

    /// `length` characters of `A-Z2-7`, 5 bits each, as AWS names its access keys (RFC 4648, section 6).
    pub fn base32(&self, length: usize) -> String {
        let characters = (0..length).filter_map(|_| BASE32.get(usize::from(self.below(32))));
        characters.map(|&character| char::from(character)).collect()
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// A UUID that sorts by the time `now_ms`, and within the millisecond by `order`, of which 12 bits count
    /// (version 7, RFC 9562, section 6.2, method 1).
    pub fn uuid_at(&self, now_ms: i64, order: u16) -> String {
        let millis = u64::try_from(now_ms).unwrap_or(0);
        let mut bytes = self.bytes::<10>();
        let (counter, _) = bytes.split_at_mut(2);
        counter.copy_from_slice(&order.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
    }
}

/// `number` as `length` digits of base 62, most significant first; what doesn't fit is cut off at the front.
pub(crate) fn to_base62(mut number: u32, length: usize) -> String {
    let mut digits = Vec::with_capacity(length);
    for _ in 0..length {
        digits.extend(BASE62.get((number % 62) as usize).map(|&digit| char::from(digit)));
        number /= 62;
    }
    digits.iter().rev().collect()
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::System => "Random::System",
            Self::Seeded(_) => "Random::Seeded",
        })
    }
}
