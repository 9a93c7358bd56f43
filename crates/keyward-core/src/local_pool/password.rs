//! Password hashes, the password policy, temporary passwords.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::password_hash::Error as HashError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::common_password::is_common;
use crate::error::{Code, Error, Result};
use crate::random::Random;
use crate::secret::Secret;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The dearest parameters that a stored hash may ask for: 1 GiB, 100 passes, 64 lanes. A row that was
/// tampered with can then cost a sign-in, but not the server.
const DEAREST: HashingCost = HashingCost { memory_kib: 1024 * 1024, iterations: 100, parallelism: 64 };

/// The dearest cost of a bcrypt hash that may be imported: about a second of one core.
const DEAREST_BCRYPT: u32 = 14;
/// The most memory that an imported Argon2id hash may take, and the most of it times passes, in KiB: 256 MiB, and
/// four passes over them, which is about a second of one core as well. Whoever imports users would else say how
/// long strangers can keep the server busy by signing in as them.
const MOST_IMPORTED_KIB: u32 = 256 * 1024;
const MOST_IMPORTED_KIB_PASSES: u32 = 1024 * 1024;
/// The shortest Argon2id output that may be imported; any shorter one fits too many passwords.
const SHORTEST_HASH_BYTES: usize = 16;

/// What one password hash costs (Argon2id, RFC 9106).
///
/// The default is the first choice of OWASP's password storage cheat sheet: 19 MiB, 2 passes, 1 lane, which
/// takes about 17 ms of one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HashingCost {
    /// Memory in KiB; at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes over the memory; at least 1.
    pub iterations: u32,
    /// Lanes; at least 1.
    pub parallelism: u32,
}

impl Default for HashingCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

impl HashingCost {
    fn to_params(self) -> Result<Params> {
        let wrong = || {
            Error::invalid(
                "hashing_cost",
                "The hashing cost must be 8 KiB of memory for each lane to 1 GiB, 1 to 100 iterations, \
                 and 1 to 64 lanes.",
            )
        };
        if !self.is_bearable() {
            return Err(wrong());
        }
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(HASH_BYTES)).map_err(|_| wrong())
    }

    fn of(params: &Params) -> Self {
        Self { memory_kib: params.m_cost(), iterations: params.t_cost(), parallelism: params.p_cost() }
    }

    fn is_bearable(self) -> bool {
        self.memory_kib <= DEAREST.memory_kib
            && self.iterations <= DEAREST.iterations
            && self.parallelism <= DEAREST.parallelism
    }

    fn may_be_imported(self) -> bool {
        self.memory_kib <= MOST_IMPORTED_KIB
            && self.memory_kib.saturating_mul(self.iterations) <= MOST_IMPORTED_KIB_PASSES
    }
}

/// Who waits for a hash. Each line has places of its own: no number of strangers keeps an admin out.
#[derive(Debug, Clone, Copy)]
pub enum Line {
    /// Whoever signs in.
    SignIn,
    /// Whoever has shown that they may set passwords.
    Administration,
}

/// Hashes passwords and checks them, on threads of their own and a few at a time.
///
/// Each hash takes a core and 19 MiB for 17 ms: two of them on the threads that answer requests would stall
/// the server, and a thousand at once would exhaust its memory. So `running` hash at once, and one more for
/// admins, whom no work of strangers keeps waiting; `waiting` more stand in either line, and whoever comes then
/// is told at once to come back later.
#[derive(Debug)]
pub struct PasswordHasher {
    params: Params,
    cost: HashingCost,
    /// Nobody's: as dear as a real one, and no password is right for it.
    dummy: String,
    memory: Arc<Memory>,
    running: Arc<Semaphore>,
    running_for_admins: Arc<Semaphore>,
    signing_in: Arc<Semaphore>,
    administering: Arc<Semaphore>,
}

/// The memory that hashes of the usual cost were worked out in, for the next ones, as many as run at once: to
/// have 19 MiB of the system for each, and give them back, takes it a good part of the time of the hash.
struct Memory {
    usual_blocks: usize,
    spare: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    /// The hash of `password`, of the length that the parameters say.
    fn hash(&self, argon2: &Argon2<'_>, password: &Secret, salt: &[u8]) -> Result<Output, HashError> {
        let blocks = argon2.params().block_count();
        let spare = if blocks == self.usual_blocks { self.spare().pop() } else { None };
        let mut memory = spare.unwrap_or_else(|| vec![Block::new(); blocks]);
        let mut output = [0; Output::MAX_LENGTH];
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = output.get_mut(..length).ok_or(HashError::OutputSize)?;
        argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, &mut memory)?;
        if blocks == self.usual_blocks {
            self.spare().push(memory);
        }
        Ok(Output::new(output)?)
    }

    /// Whether `password` is the one behind `phc`, or behind an imported bcrypt hash.
    fn is_behind(&self, password: &Secret, phc: &str) -> Result<bool> {
        if is_bcrypt(phc) {
            // Goes by the first 72 bytes, as every bcrypt does.
            return bcrypt::verify(password.expose(), phc).map_err(|_| unreadable_hash());
        }
        let (PasswordHash { algorithm, version, salt, hash, .. }, params) =
            parse(phc).ok_or_else(unreadable_hash)?;
        let (Some(salt), Some(hash)) = (salt, hash) else { return Err(unreadable_hash()) };
        let algorithm = Algorithm::try_from(algorithm.as_str()).map_err(Error::internal)?;
        let version = version.map_or(Ok(Version::default()), Version::try_from).map_err(Error::internal)?;
        let argon2 = Argon2::new(algorithm, version, params);
        // Compared in a time that doesn't depend on what they are.
        self.hash(&argon2, password, &salt).map(|output| output == hash).map_err(Error::internal)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Memory").field("usual_blocks", &self.usual_blocks).finish_non_exhaustive()
    }
}

impl PasswordHasher {
    /// How many may stand in each line when nothing else is said.
    pub const WAITING: usize = 64;

    /// A hasher of this cost that runs `running` hashes at once (`None`: as many as there are cores), and
    /// lets `waiting` more stand in each line.
    ///
    /// # Errors
    /// `InvalidInput` when the cost is beyond Argon2's bounds or ours.
    pub fn new(
        random: &Random,
        cost: HashingCost,
        running: Option<NonZeroUsize>,
        waiting: usize,
    ) -> Result<Self> {
        let params = cost.to_params()?;
        let dummy = dummy_hash(random, &params).map_err(Error::internal)?;
        let running = running
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
            .min(Semaphore::MAX_PERMITS);
        let places = || Arc::new(Semaphore::new(running.saturating_add(waiting).min(Semaphore::MAX_PERMITS)));
        Ok(Self {
            memory: Arc::new(Memory { usual_blocks: params.block_count(), spare: Mutex::default() }),
            params,
            cost,
            dummy,
            running: Arc::new(Semaphore::new(running)),
            running_for_admins: Arc::new(Semaphore::new(1)),
            signing_in: places(),
            administering: places(),
        })
    }

    /// The hash of `password` under a new salt, as PHC text (`$argon2id$v=19$m=19456,t=2,p=1$...`).
    ///
    /// # Errors
    /// `TooManyRequests` when too many stand in line.
    pub async fn hash(&self, line: Line, random: &Random, password: &Secret) -> Result<String> {
        let (memory, params, password) = (Arc::clone(&self.memory), self.params.clone(), password.clone());
        let salt = random.bytes::<SALT_BYTES>();
        self.run(line, move || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let output = memory.hash(&argon2, &password, &salt).map_err(Error::internal)?;
            phc(argon2.params(), &salt, output).map_err(Error::internal)
        })
        .await
    }

    /// Whether `password` is the one behind `phc`, or behind an imported bcrypt hash. The cost is the stored
    /// hash's own, so that hashes from before a change of cost keep working.
    ///
    /// # Errors
    /// `TooManyRequests` when too many stand in line, `Internal` when `phc` is no such hash.
    pub async fn verify(&self, password: &Secret, phc: &str) -> Result<bool> {
        let (memory, password, phc) = (Arc::clone(&self.memory), password.clone(), phc.to_owned());
        self.run(Line::SignIn, move || memory.is_behind(&password, &phc)).await
    }

    /// Whether `password` is one of those behind these hashes. They are looked at one after the other, as one
    /// piece of work in the line.
    ///
    /// # Errors
    /// As [`PasswordHasher::verify`].
    pub(crate) async fn is_one_of(&self, line: Line, password: &Secret, hashes: Vec<String>) -> Result<bool> {
        let (memory, password) = (Arc::clone(&self.memory), password.clone());
        self.run(line, move || {
            for phc in hashes {
                if memory.is_behind(&password, &phc)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    /// Does the work of [`PasswordHasher::verify`] for a user that isn't there, whom the time that an answer
    /// takes would else betray.
    ///
    /// # Errors
    /// `TooManyRequests` when too many stand in line.
    pub async fn verify_nothing(&self, password: &Secret) -> Result<()> {
        self.verify(password, &self.dummy).await.map(drop)
    }

    /// Whether `phc` was made at another cost (or by another algorithm) than this hasher's, and should be
    /// made anew when the password is next at hand.
    pub fn needs_rehash(&self, phc: &str) -> bool {
        parse(phc).is_none_or(|(hash, params)| {
            HashingCost::of(&params) != self.cost
                || hash.algorithm != ARGON2ID_IDENT
                || hash.version != Some(Version::V0x13.into())
                || hash.hash.is_none_or(|output| output.len() != HASH_BYTES)
        })
    }

    /// Runs what takes a core for some milliseconds, on the same threads and within the same bounds.
    ///
    /// # Errors
    /// `TooManyRequests` when too many stand in line, and what `work` says.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        line: Line,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let closed = |_| Error::internal(anyhow::anyhow!("the line of password hashes is closed"));
        let places = match line {
            Line::SignIn => &self.signing_in,
            Line::Administration => &self.administering,
        };
        let admitted = Arc::clone(places).try_acquire_owned().map_err(|_| {
            Error::new(
                Code::TooManyRequests(1),
                "Too many passwords are checked or set at once; try again in a second.",
            )
        })?;
        let running = Arc::clone(&self.running).acquire_owned();
        let running = match line {
            Line::SignIn => running.await,
            Line::Administration => tokio::select! {
                running = running => running,
                running = Arc::clone(&self.running_for_admins).acquire_owned() => running,
            },
        };
        let running = running.map_err(closed)?;
        // The permits go with the work: a client that hangs up doesn't make room while its hash still runs.
        let working = spawn_blocking(move || {
            let outcome = work();
            drop((running, admitted));
            outcome
        });
        working.await.map_err(Error::internal)?
    }
}

fn unreadable_hash() -> Error {
    Error::internal(anyhow::anyhow!("a stored password hash can't be read or is dearer than allowed"))
}

/// Whether this is a hash made elsewhere by which passwords can be checked here: bcrypt, or Argon2id in PHC
/// form.
///
/// # Errors
/// `InvalidInput("password_hash")` for anything else, and for what is too weak or too dear.
pub(crate) fn check_imported_hash(text: &str) -> Result<()> {
    let is_good = is_bcrypt(text)
        || parse(text).is_some_and(|(hash, params)| {
            HashingCost::of(&params).may_be_imported()
                && hash.algorithm == ARGON2ID_IDENT
                && hash.version == Some(Version::V0x13.into())
                && hash.hash.is_some_and(|output| output.len() >= SHORTEST_HASH_BYTES)
                // Others name a second secret, which isn't here.
                && hash.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()))
        });
    if is_good {
        return Ok(());
    }
    Err(Error::invalid(
        "password_hash",
        "The password hash must be bcrypt ($2a$, $2b$ or $2y$) of cost 14 at most, or Argon2id in PHC form \
         ($argon2id$v=19$m=...,t=...,p=...$salt$hash) of 256 MiB and 64 lanes at most, and 1 GiB times passes.",
    ))
}

/// Whether this is a bcrypt hash, and not dearer than allowed. `2x` marks hashes of a defective
/// implementation, and is none.
fn is_bcrypt(text: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version))
        && text
            .parse::<bcrypt::HashParts>()
            .is_ok_and(|parts| (4..=DEAREST_BCRYPT).contains(&parts.get_cost()))
}

/// A stored hash and what it was made with; `None` for what isn't one, or is dearer than the bounds.
fn parse(phc: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(phc).ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some())?;
    let params = Params::try_from(&hash).ok()?;
    HashingCost::of(&params).is_bearable().then_some((hash, params))
}

fn phc(params: &Params, salt: &[u8], hash: Output) -> Result<String, HashError> {
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(hash),
    };
    Ok(phc.to_string())
}

/// A hash of these parameters that no password was hashed for: random bytes, so it costs no time to make.
fn dummy_hash(random: &Random, params: &Params) -> Result<String, HashError> {
    let (salt, hash) = (random.bytes::<SALT_BYTES>(), random.bytes::<HASH_BYTES>());
    phc(params, &salt, Output::new(&hash)?)
}

/// What a pool demands of its passwords. The defaults are Cognito's.
///
/// Letters and digits are those of ASCII ("Basic Latin"), symbols those that Amazon lists; any other
/// character may be used and counts for the length alone. Source:
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are Cognito's, each a setting of its own")]
pub struct PasswordPolicy {
    /// Characters at least, 6 to 99.
    pub minimum_length: u32,
    /// Whether one of `A-Z` must be in it.
    pub require_uppercase: bool,
    /// Whether one of `a-z` must be in it.
    pub require_lowercase: bool,
    /// Whether one of `0-9` must be in it.
    pub require_numbers: bool,
    /// Whether a symbol must be in it; a space counts as one.
    pub require_symbols: bool,
    /// Days for which a temporary password is good, 1 to 365; 0 means 7, as it does for Amazon.
    pub temporary_validity_days: u32,
    /// How many of a user's last passwords, the one in use among them, can't be set again, 0 to 24.
    pub history_size: u32,
    /// Whether the passwords that most people choose are refused.
    pub refuses_common: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            require_uppercase: true,
            require_lowercase: true,
            require_numbers: true,
            require_symbols: true,
            temporary_validity_days: Self::DEFAULT_VALIDITY_DAYS,
            history_size: 0,
            refuses_common: false,
        }
    }
}

impl PasswordPolicy {
    /// Characters at most, whatever the policy.
    pub const MAXIMUM_LENGTH: usize = 256;
    /// Cognito's symbols beside the space.
    pub const SYMBOLS: &'static str = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+=";
    const DEFAULT_VALIDITY_DAYS: u32 = 7;

    /// Checks the policy itself.
    ///
    /// # Errors
    /// `InvalidInput` when a number is out of Cognito's bounds.
    pub fn validate(&self) -> Result<()> {
        if !(6..=99).contains(&self.minimum_length) {
            return Err(Error::invalid("minimum_length", "The minimum length of passwords must be 6 to 99."));
        }
        if self.temporary_validity_days > 365 {
            return Err(Error::invalid(
                "temporary_validity_days",
                "A temporary password can be good for 365 days at most.",
            ));
        }
        if self.history_size > 24 {
            return Err(Error::invalid(
                "history_size",
                "Of a user's passwords, 24 can be remembered at most.",
            ));
        }
        Ok(())
    }

    /// Checks a password that somebody has chosen.
    ///
    /// # Errors
    /// `PasswordRejected` with the sentence that Cognito would answer, for the first demand that isn't met.
    pub fn check(&self, password: &Secret) -> Result<()> {
        let text = password.expose();
        let length = text.chars().count();
        let lacks = |demanded: bool, class: fn(char) -> bool| demanded && !text.chars().any(class);
        let fault = if length < self.minimum_length as usize || text.is_empty() {
            "Password not long enough"
        } else if length > Self::MAXIMUM_LENGTH {
            "Password must not be longer than 256 characters"
        } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            "Password must not begin or end with a space"
        } else if lacks(self.require_uppercase, |character| character.is_ascii_uppercase()) {
            "Password must have uppercase characters"
        } else if lacks(self.require_lowercase, |character| character.is_ascii_lowercase()) {
            "Password must have lowercase characters"
        } else if lacks(self.require_numbers, |character| character.is_ascii_digit()) {
            "Password must have numeric characters"
        } else if lacks(self.require_symbols, is_symbol) {
            "Password must have symbol characters"
        } else if self.refuses_common && is_common(password) {
            "Password must not be one of the most common ones"
        } else {
            return Ok(());
        };
        Err(Error::new(Code::PasswordRejected, format!("Password did not conform with policy: {fault}")))
    }

    /// Milliseconds for which a temporary password is good.
    pub fn temporary_validity_ms(&self) -> i64 {
        let days = match self.temporary_validity_days {
            0 => Self::DEFAULT_VALIDITY_DAYS,
            days => days,
        };
        i64::from(days) * 24 * 60 * 60 * 1000
    }
}

fn is_symbol(character: char) -> bool {
    character == ' ' || PasswordPolicy::SYMBOLS.contains(character)
}

/// Characters that are easily read and typed: none of `0O1lI`.
const UPPERCASE: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWERCASE: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";
/// Symbols that mean nothing to a shell in the middle of a word.
const SAFE_SYMBOLS: &[u8] = b"-_.+@=";
const CLASSES: [&[u8]; 4] = [UPPERCASE, LOWERCASE, DIGITS, SAFE_SYMBOLS];

const TEMPORARY_LENGTH: usize = 16;
/// As long as the command lines of RawScribe tell their users to expect.
const PERMANENT_LENGTH: usize = 20;

/// A random password that meets `policy` (and every demand that a policy could make), to be shown once: at
/// least 16 characters, over 85 bits. It begins with a letter and ends with a letter or digit, so that no
/// shell takes it for an option and no full stop after it is copied along.
pub fn temporary_password(random: &Random, policy: &PasswordPolicy) -> Secret {
    password_of(random, (policy.minimum_length as usize).clamp(TEMPORARY_LENGTH, 99))
}

/// The same to be kept: at least 20 characters.
pub(crate) fn permanent_password(random: &Random, policy: &PasswordPolicy) -> Secret {
    password_of(random, (policy.minimum_length as usize).clamp(PERMANENT_LENGTH, 99))
}

fn password_of(random: &Random, length: usize) -> Secret {
    let all = CLASSES.concat();
    loop {
        // One of each class, the rest of any, then in any order. What begins or ends wrong is thrown away
        // whole: moving characters about would make some places easier to guess.
        let one_of_each = CLASSES.iter().filter_map(|class| pick(random, class));
        let of_any = std::iter::repeat_with(|| pick(random, &all)).flatten();
        let mut characters =
            zeroize::Zeroizing::new(one_of_each.chain(of_any).take(length).collect::<Vec<u8>>());
        shuffle(random, &mut characters);
        let begins_well = characters.first().is_some_and(u8::is_ascii_alphabetic);
        if begins_well && characters.last().is_some_and(u8::is_ascii_alphanumeric) {
            return Secret::from(characters.iter().map(|&byte| char::from(byte)).collect::<String>());
        }
    }
}

fn pick(random: &Random, characters: &[u8]) -> Option<u8> {
    characters.get(usize::from(random.below(u8::try_from(characters.len()).unwrap_or(u8::MAX)))).copied()
}

/// Fisher and Yates: every order as likely as any other.
fn shuffle(random: &Random, characters: &mut [u8]) {
    for last in (1..characters.len()).rev() {
        let chosen = random.below(u8::try_from(last + 1).unwrap_or(u8::MAX));
        characters.swap(last, usize::from(chosen));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const CHEAP: HashingCost = HashingCost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn hasher(cost: HashingCost, running: usize, waiting: usize) -> PasswordHasher {
        PasswordHasher::new(&Random::seeded(1), cost, NonZeroUsize::new(running), waiting).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = hasher(HashingCost::default(), 2, 2);
        let random = Random::seeded(2);

        let phc = hasher.hash(Line::SignIn, &random, &Secret::from("Correct-Horse-9!")).await.unwrap();

        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hasher.verify(&Secret::from("Correct-Horse-9!"), &phc).await.unwrap());
        assert!(!hasher.verify(&Secret::from("Correct-Horse-9?"), &phc).await.unwrap());
        assert!(!hasher.verify(&Secret::from(""), &phc).await.unwrap());
        assert_ne!(phc, hasher.hash(Line::SignIn, &random, &Secret::from("Correct-Horse-9!")).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_implementation_is_understood() {
        // The reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = hasher(CHEAP, 1, 1);

        assert!(hasher.verify(&Secret::from("password"), phc).await.unwrap());
        assert!(!hasher.verify(&Secret::from("Password"), phc).await.unwrap());
    }

    /// Source: the test vectors of Openwall's `crypt_blowfish` (`wrapper.c`), the last one under each prefix.
    #[tokio::test]
    async fn a_bcrypt_hash_of_another_implementation_is_understood_and_due_to_be_made_anew() {
        let hasher = hasher(CHEAP, 1, 1);
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        for (password, hash) in [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
            (long, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
            (long, "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
            (long, "$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
        ] {
            check_imported_hash(hash).unwrap();
            assert!(hasher.verify(&Secret::from(password), hash).await.unwrap(), "{hash}");
            assert!(!hasher.verify(&Secret::from("U*U*"), hash).await.unwrap(), "{hash}");
            assert!(hasher.needs_rehash(hash));
        }
        let longer = Secret::from(format!("{long}chars after 72 are ignored"));
        let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        assert!(hasher.verify(&longer, hash).await.unwrap());
    }

    #[test]
    fn only_hashes_that_can_be_checked_and_borne_are_imported() {
        let salt_and_hash = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let argon2 = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for cost in ["m=65536,t=2", "m=65536,t=16", "m=262144,t=4", "m=8,t=100"] {
            check_imported_hash(&argon2.replace("m=65536,t=2", cost)).unwrap();
        }
        check_imported_hash(&format!("$2b$14${salt_and_hash}")).unwrap();

        for wrong in [
            String::new(),
            "Correct-Horse-9!".to_owned(),
            "5f4dcc3b5aa765d61d8327deb882cf99".to_owned(),
            format!("$2x$05${salt_and_hash}"),
            format!("$2b$15${salt_and_hash}"),
            format!("$2b$03${salt_and_hash}"),
            format!("$2b$05${}", &salt_and_hash[1..]),
            format!("$2b$05${salt_and_hash}A"),
            format!("$2b$05${}", salt_and_hash.replace('E', "!")),
            argon2.replace("argon2id", "argon2i"),
            argon2.replace("argon2id", "argon2d"),
            argon2.replace("m=65536", "m=262145"),
            argon2.replace("t=2", "t=17"),
            argon2.replace("m=65536,t=2", "m=262144,t=5"),
            argon2.replace("m=65536,t=2", "m=64,t=101"),
            argon2.replace("t=2", "t=4294967295"),
            argon2.replace("v=19", "v=16"),
            argon2.replace("$v=19", ""),
            argon2.replace("p=1", "p=1,keyid=AAAA"),
            argon2.replace("$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""),
            argon2.replace("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXPJO1aFaMa"),
        ] {
            let error = check_imported_hash(&wrong).expect_err(&wrong);

            assert_eq!(error.code, Code::InvalidInput("password_hash".into()));
            assert!(wrong.is_empty() || !error.message.contains(&wrong), "{error}");
        }
    }

    #[tokio::test]
    async fn a_password_in_any_script_works() {
        let hasher = hasher(CHEAP, 1, 1);
        for password in ["Пароль-9a-Ärger", "密码密码Aa1!密码", "pässwörd 🔑 A1", &"é".repeat(256)]
        {
            let phc = hasher.hash(Line::SignIn, &Random::System, &Secret::from(password)).await.unwrap();

            assert!(hasher.verify(&Secret::from(password), &phc).await.unwrap());
            assert!(!hasher.verify(&Secret::from(format!("{password}a")), &phc).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_still_works_and_is_due_to_be_made_anew() {
        let random = Random::seeded(3);
        let old = hasher(CHEAP, 1, 1);
        let new = hasher(HashingCost { iterations: 2, ..CHEAP }, 1, 1);
        let phc = old.hash(Line::SignIn, &random, &Secret::from("Correct-Horse-9!")).await.unwrap();

        assert!(new.verify(&Secret::from("Correct-Horse-9!"), &phc).await.unwrap());
        assert!(new.needs_rehash(&phc));
        assert!(!old.needs_rehash(&phc));
        assert!(old.needs_rehash(&phc.replace("argon2id", "argon2i")));
        assert!(old.needs_rehash("no hash"));
    }

    #[tokio::test]
    async fn the_work_for_nobody_is_that_of_a_real_hash() {
        let hasher = hasher(CHEAP, 1, 1);
        let (_, params) = parse(&hasher.dummy).unwrap();

        assert_eq!(HashingCost::of(&params), CHEAP);
        assert!(!hasher.needs_rehash(&hasher.dummy));
        hasher.verify_nothing(&Secret::from("Correct-Horse-9!")).await.unwrap();
        assert!(!hasher.verify(&Secret::from(""), &hasher.dummy).await.unwrap());
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_broken_or_too_dear_is_an_error_that_shows_nothing_of_it() {
        let hasher = hasher(CHEAP, 1, 1);
        for phc in [
            "",
            "password",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$scrypt$ln=1,r=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ] {
            let error = hasher.verify(&Secret::from("Correct-Horse-9!"), phc).await.unwrap_err();

            assert_eq!(error.code, Code::Internal);
            assert!(!format!("{error:?}").contains("c29tZXNhbHQ"));
        }
    }

    #[tokio::test]
    async fn whoever_comes_when_the_line_is_full_is_sent_away_at_once() {
        let hasher = Arc::new(hasher(CHEAP, 1, 1));
        let running = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let _admitted = Arc::clone(&hasher.signing_in).acquire_owned().await.unwrap();
        let in_line = tokio::spawn({
            let hasher = Arc::clone(&hasher);
            async move { hasher.verify_nothing(&Secret::from("first")).await }
        });
        while hasher.signing_in.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = hasher.hash(Line::SignIn, &Random::System, &Secret::from("second")).await.unwrap_err();

        assert_eq!(refused.code, Code::TooManyRequests(1));
        drop(running);
        in_line.await.unwrap().unwrap();
        assert_eq!(hasher.signing_in.available_permits(), 1);
        hasher.hash(Line::SignIn, &Random::System, &Secret::from("third")).await.unwrap();
    }

    #[tokio::test]
    async fn those_who_sign_in_leave_the_places_of_admins_alone() {
        let hasher = hasher(CHEAP, 1, 1);
        let all = u32::try_from(hasher.signing_in.available_permits()).unwrap();
        let _signing_in = hasher.signing_in.acquire_many(all).await.unwrap();
        let (random, password) = (Random::System, Secret::from("password"));

        let refused = hasher.verify_nothing(&password).await.unwrap_err();
        assert_eq!(refused.code, Code::TooManyRequests(1));
        hasher.hash(Line::Administration, &random, &password).await.unwrap();
    }

    #[tokio::test]
    async fn the_work_of_those_who_sign_in_keeps_no_admin_waiting() {
        let hasher = hasher(CHEAP, 2, 1);
        let _working = hasher.running.acquire_many(2).await.unwrap();
        let (random, password) = (Random::System, Secret::from("password"));

        let mut signing_in = Box::pin(hasher.hash(Line::SignIn, &random, &password));
        let is_waiting =
            std::future::poll_fn(|task| std::task::Poll::Ready(signing_in.as_mut().poll(task).is_pending()));
        assert!(is_waiting.await);
        for _ in 0..2 {
            hasher.hash(Line::Administration, &random, &password).await.unwrap();
        }

        // One more at once, and no third thread.
        let _working = hasher.running_for_admins.acquire().await.unwrap();
        let mut administering = Box::pin(hasher.hash(Line::Administration, &random, &password));
        let is_waiting = std::future::poll_fn(|task| {
            std::task::Poll::Ready(administering.as_mut().poll(task).is_pending())
        });
        assert!(is_waiting.await);
    }

    #[tokio::test]
    async fn whoever_hangs_up_in_line_leaves_their_place() {
        let hasher = hasher(CHEAP, 1, 0);
        let running = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let secret = Secret::from("password");
        {
            let waiting = hasher.verify_nothing(&secret);
            tokio::pin!(waiting);
            assert!(
                std::future::poll_fn(|task| std::task::Poll::Ready(waiting.as_mut().poll(task).is_pending()))
                    .await
            );
            assert_eq!(hasher.signing_in.available_permits(), 0);
        }

        assert_eq!(hasher.signing_in.available_permits(), 1);
        drop(running);
        hasher.verify_nothing(&secret).await.unwrap();
    }

    #[test]
    fn a_cost_out_of_bounds_is_refused() {
        for cost in [
            HashingCost { memory_kib: 7, ..CHEAP },
            HashingCost { memory_kib: u32::MAX, ..CHEAP },
            HashingCost { iterations: 0, ..CHEAP },
            HashingCost { iterations: 101, ..CHEAP },
            HashingCost { parallelism: 0, ..CHEAP },
            HashingCost { parallelism: 9, ..CHEAP },
        ] {
            let error = PasswordHasher::new(&Random::System, cost, None, 1).unwrap_err();
            assert_eq!(error.code, Code::InvalidInput("hashing_cost".into()), "{cost:?}");
        }
    }

    #[track_caller]
    fn assert_rejected(policy: &PasswordPolicy, password: &str, fault: &str) {
        let error = policy.check(&Secret::from(password)).unwrap_err();
        assert_eq!(error.code, Code::PasswordRejected);
        assert_eq!(error.message, format!("Password did not conform with policy: {fault}"));
    }

    #[test]
    fn the_default_policy_says_what_is_missing_in_the_words_of_cognito() {
        let policy = PasswordPolicy::default();

        assert_rejected(&policy, "", "Password not long enough");
        assert_rejected(&policy, "Aa1!Aa1", "Password not long enough");
        assert_rejected(&policy, "aaaa1111!", "Password must have uppercase characters");
        assert_rejected(&policy, "AAAA1111!", "Password must have lowercase characters");
        assert_rejected(&policy, "AAAAaaaa!", "Password must have numeric characters");
        assert_rejected(&policy, "AAAAaaaa1", "Password must have symbol characters");
        assert_rejected(&policy, "ÄÄÄÄaaaa1!", "Password must have uppercase characters");
        assert_rejected(&policy, "AAAAaaaa٣!", "Password must have numeric characters");
        assert_rejected(&policy, "AAAAaaaa1§", "Password must have symbol characters");
        assert_rejected(&policy, " AAAAaaaa1", "Password must not begin or end with a space");
        assert_rejected(&policy, "AAAAaaaa1\n", "Password must not begin or end with a space");
        let too_long = format!("Aa1!{}", "é".repeat(253));
        assert_rejected(&policy, &too_long, "Password must not be longer than 256 characters");
    }

    #[test]
    fn every_symbol_of_cognito_counts_and_so_does_a_space_within() {
        let policy = PasswordPolicy::default();
        for symbol in PasswordPolicy::SYMBOLS.chars().chain([' ']) {
            policy.check(&Secret::from(format!("AAAA{symbol}aaa1"))).unwrap();
        }
        assert_eq!(PasswordPolicy::SYMBOLS.chars().count(), 32);
        policy.check(&Secret::from("Пароль Aa1")).unwrap();
        policy.check(&Secret::from(format!("Aa1!{}", "é".repeat(252)))).unwrap();
    }

    #[test]
    fn a_policy_that_demands_little_is_content_with_little() {
        let policy: PasswordPolicy = serde_json::from_str(
            r#"{"minimum_length": 6, "require_uppercase": false, "require_lowercase": false,
                "require_numbers": false, "require_symbols": false}"#,
        )
        .unwrap();

        policy.validate().unwrap();
        policy.check(&Secret::from("密码密码密码")).unwrap();
        assert_rejected(&policy, "密码密码密", "Password not long enough");
        assert_eq!(serde_json::from_str::<PasswordPolicy>("{}").unwrap(), PasswordPolicy::default());
    }

    #[test]
    fn a_policy_out_of_the_bounds_of_cognito_is_refused() {
        let default = PasswordPolicy::default;
        for policy in [
            PasswordPolicy { minimum_length: 5, ..default() },
            PasswordPolicy { minimum_length: 100, ..default() },
            PasswordPolicy { temporary_validity_days: 366, ..default() },
            PasswordPolicy { history_size: 25, ..default() },
        ] {
            assert!(policy.validate().is_err());
        }
        let zero = PasswordPolicy { temporary_validity_days: 0, ..default() };
        zero.validate().unwrap();
        assert_eq!(zero.temporary_validity_ms(), default().temporary_validity_ms());
        assert_eq!(default().temporary_validity_ms(), 604_800_000);
    }

    proptest! {
        #[test]
        fn a_temporary_password_meets_the_policy_and_is_easy_to_copy(
            seed: u64, minimum_length in 6..=99_u32
        ) {
            let policy = PasswordPolicy { minimum_length, ..PasswordPolicy::default() };

            let password = temporary_password(&Random::seeded(seed), &policy);

            policy.check(&password).unwrap();
            let text = password.expose();
            prop_assert!(text.len() >= 16);
            prop_assert!(!text.contains(['0', 'O', '1', 'l', 'I']));
            prop_assert!(text.starts_with(|first: char| first.is_ascii_alphabetic()));
            prop_assert!(text.ends_with(|last: char| last.is_ascii_alphanumeric()));
            prop_assert!(text.bytes().all(|byte| CLASSES.concat().contains(&byte)));
        }

        #[test]
        fn no_text_breaks_the_policy(text in "\\PC*") {
            let _ = PasswordPolicy::default().check(&Secret::from(text.as_str()));
            let _ = parse(&text);
            let _ = check_imported_hash(&text);
            let _ = check_imported_hash(&format!("$2b$05${text}"));
        }
    }

    #[test]
    fn temporary_passwords_differ_and_use_every_character_in_every_place() {
        let random = Random::seeded(4);
        let passwords: Vec<Secret> =
            (0..4000).map(|_| temporary_password(&random, &PasswordPolicy::default())).collect();

        let distinct: BTreeSet<&str> = passwords.iter().map(Secret::expose).collect();
        assert_eq!(distinct.len(), passwords.len());
        for place in 1..15 {
            let mut seen: BTreeMap<u8, u32> = BTreeMap::new();
            for password in &passwords {
                *seen.entry(password.expose().as_bytes()[place]).or_default() += 1;
            }
            assert_eq!(seen.len(), CLASSES.concat().len(), "at {place}");
            // 63 characters: 63 of each expected, the digits and symbols more often, since each class must be
            // in.
            assert!(seen.values().all(|&times| (25..250).contains(&times)), "at {place}: {seen:?}");
        }
    }
}
