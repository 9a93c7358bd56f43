//! Access keys: what AWS' own clients sign their requests with (AWS Signature Version 4), each acting as a
//! user.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api_key::LastUse;
use crate::audit::Target;
use crate::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::page::{Cursor, Page};
use crate::permission::{MANAGE_API_KEYS, VIEW_API_KEYS};
use crate::secret::Secret;
use crate::store::AccessKeyRecord;

/// The most access keys of one user, as AWS has it: one, and one to take its place
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub(crate) const MAXIMUM_KEYS: i64 = 2;
/// How far the time of a request may be from ours, either way. AWS' answers say the same: "5 min."
pub const SIGNATURE_WINDOW_MS: i64 = 5 * 60 * 1000;
/// What the id of a key for good begins with
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
const ID_PREFIX: &str = "AKIA";
/// Characters of base 32 after it: 80 bits.
const ID_LENGTH: usize = 16;
/// 40 characters of base 64, as AWS' secrets have: 240 bits.
const SECRET_BYTES: usize = 30;
/// What a key's secret is sealed for.
const SEALED: &str = "access key";
/// As `strftime` writes it: `20270115T120000Z`.
const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// An access key, as it may be shown; the secret isn't in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA` and 16 characters of `A-Z2-7`; no secret.
    pub id: String,
    /// Whom the key acts as.
    pub user_id: String,
    /// That user's name.
    pub username: String,
    /// The name of who made the key.
    pub created_by: String,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// When and from where it was last used.
    pub last_used: Option<LastUse>,
}

/// A key with its secret: the only place where the secret exists in clear.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct IssuedAccessKey {
    pub key: AccessKey,
    pub secret: Secret,
}

/// Which keys to list.
#[derive(Debug, Clone, Default)]
pub struct AccessKeyQuery {
    /// The name or id of whom the keys act as.
    pub user: Option<String>,
    /// How many, from where.
    pub page: Cursor,
}

/// A signed request, as far as its signature goes. What a request consists of, its surface knows.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// By whose key it says it is signed.
    pub access_key_id: &'a str,
    /// When it says it was signed.
    pub at: SigningTime,
    /// For which region; part of what is signed.
    pub region: &'a str,
    /// For which service; part of what is signed.
    pub service: &'a str,
    /// The request in the form that both sides agree on
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
    pub canonical_request: &'a str,
    /// 64 hexadecimal digits.
    pub signature: &'a str,
}

/// Why a signature lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    /// There is no such key, or it is good for nothing: its user is disabled or has no role.
    UnknownKey,
    /// Signed longer ago than [`SIGNATURE_WINDOW_MS`], by our clock, which shows this.
    Expired(SigningTime),
    /// Signed further ahead than that, by our clock, which shows this.
    NotYetCurrent(SigningTime),
    /// Not made with this key's secret, or not of this request.
    Mismatch,
}

/// A second of UTC, written `20270115T120000Z` (ISO 8601, basic format).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SigningTime(Timestamp);

impl SigningTime {
    /// Reads `20270115T120000Z`, and nothing that is written otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::strptime(BASIC_FORMAT, text).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let time = Self(moment.timestamp());
        // What is signed is the text: there must be one for each moment.
        (time.to_string() == text).then_some(time)
    }

    /// The second that this moment (milliseconds since the epoch, UTC) is in.
    pub(crate) fn at_ms(ms: i64) -> Self {
        Self(Timestamp::from_second(ms.div_euclid(1000)).unwrap_or_default())
    }

    /// The time so many milliseconds later, or earlier.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self::at_ms(self.0.as_millisecond().saturating_add(ms))
    }

    /// The day: `20270115`.
    pub fn date(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }
}

impl fmt::Display for SigningTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime(BASIC_FORMAT).fmt(formatter)
    }
}

impl Signed<'_> {
    /// Whether whoever made the signature has the secret of `keys`. It takes as long for a wrong one as for a
    /// right one.
    pub(crate) fn is_made_with(&self, keys: &SigningKeys) -> bool {
        let Some(signature) = digest_of(self.signature) else { return false };
        let (at, request) = (self.at.to_string(), crate::sha256_hex(self.canonical_request.as_bytes()));
        // The day, which the time begins with.
        let scope = format!("{}/{}/{}/aws4_request", &at[..8], self.region, self.service);
        let string_to_sign = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{request}");
        hmac::verify(&keys.key_for(scope).1, string_to_sign.as_bytes(), &signature).is_ok()
    }
}

/// The secret of an access key, and the key that was last worked out from it to sign with: one for each day,
/// region and service, and so nearly always the same.
pub(crate) struct SigningKeys {
    secret: Secret,
    last: Mutex<Arc<(String, hmac::Key)>>,
}

impl SigningKeys {
    pub(crate) fn new(secret: Secret) -> Self {
        let of_no_scope = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        Self { secret, last: Mutex::new(Arc::new((String::new(), of_no_scope))) }
    }

    /// The key for `scope`, written `20270115/us-east-1/cognito-idp/aws4_request`.
    fn key_for(&self, scope: String) -> Arc<(String, hmac::Key)> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Arc::clone(&last());
        if known.0 == scope {
            return known;
        }
        let first = zeroize::Zeroizing::new(format!("AWS4{}", self.secret.expose()));
        let first = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
        let key = scope.split('/').fold(first, |key, part| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
        });
        let found = Arc::new((scope, key));
        *last() = Arc::clone(&found);
        found
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

impl Keyward {
    /// Makes a key that acts as a user who has a role. The secret is in the answer, in clear nowhere else.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys` or for a user with rights above the caller's, `NotFound(User)`,
    /// `InvalidInput` for a user without roles, `Conflict` for one who has two keys.
    pub async fn create_access_key(&self, caller: &Caller, name_or_id: &str) -> Result<IssuedAccessKey> {
        const ACTION: &str = "access-key.create";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            let user = self.known_user(name_or_id).await?;
            self.require_over(caller, &user.id).await?;
            if user.roles.is_empty() && !self.has_grants(&user.id).await? {
                return Err(Error::invalid(
                    "user",
                    format!("{} has no role; give them one before you make an access key.", user.username),
                ));
            }
            let request = user.id.clone();
            let create = async || {
                let secret = Secret::from(STANDARD.encode(self.random.bytes::<SECRET_BYTES>()));
                let sealed = self.master_key.seal(&self.random, SEALED, secret.expose().as_bytes())?;
                let key = AccessKey {
                    id: format!("{ID_PREFIX}{}", self.random.base32(ID_LENGTH)),
                    user_id: user.id,
                    username: user.username,
                    created_by: caller.name().to_owned(),
                    created_at_ms: self.clock.now_ms(),
                    last_used: None,
                };
                let target = Target::new("access-key", &key.id, &key.id);
                let detail = json!({ "user": key.username });
                let issued = IssuedAccessKey { key, secret };
                let change = self.change_with_reply(caller, ACTION, &request, &issued, target, detail)?;
                self.store.insert_access_key(&issued.key, &sealed, &change).await?;
                Ok(issued)
            };
            self.once(caller, ACTION, &request, create).await
        };
        self.audited(caller, ACTION, Target::named("user", name_or_id), outcome.await).await
    }

    /// The keys that fit, by their users' names.
    ///
    /// # Errors
    /// `Forbidden` without `view:api-keys` or `manage:api-keys`, `NotFound(User)`.
    pub async fn access_keys(&self, caller: &Caller, query: &AccessKeyQuery) -> Result<Page<AccessKey>> {
        caller.require_any(&[VIEW_API_KEYS, MANAGE_API_KEYS])?;
        let user_id = match &query.user {
            Some(name_or_id) => Some(self.known_user(name_or_id).await?.id),
            None => None,
        };
        self.flush_uses().await?;
        self.store.access_keys(user_id.as_deref(), &query.page).await
    }

    /// Deletes the key; the next request that is signed with it is refused.
    ///
    /// # Errors
    /// `Forbidden` without `manage:api-keys`, `NotFound(AccessKey)`.
    pub async fn delete_access_key(&self, caller: &Caller, id: &str) -> Result<AccessKey> {
        const ACTION: &str = "access-key.delete";
        let outcome = async {
            caller.require(MANAGE_API_KEYS)?;
            let key = self.store.access_key(id).await?.ok_or_else(|| {
                Error::not_found(
                    Thing::AccessKey,
                    "There is no such access key; the list shows those there are.",
                )
            })?;
            let target = Target::new("access-key", &key.id, &key.id);
            let change = self.change(caller, ACTION, target, json!({ "user": key.username }));
            self.store.delete_access_key(&key.id, &change).await?;
            Ok(key)
        };
        // In the place of the id may stand anything, the secret for one.
        let target = if is_well_formed(id) {
            Target::new("access-key", id, id)
        } else {
            Target::unknown("access-key")
        };
        self.audited(caller, ACTION, target, outcome.await).await
    }

    /// The secret of a key, from what is stored of it.
    pub(crate) fn access_key_secret(&self, record: &AccessKeyRecord) -> Result<Secret> {
        let opened = self.master_key.open(SEALED, &record.sealed);
        let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(Secret::from)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("an access key can't be opened")))
    }
}

/// Whether `id` looks like an access key's: what doesn't is refused before any look-up.
pub(crate) fn is_well_formed(id: &str) -> bool {
    id.strip_prefix(ID_PREFIX).is_some_and(|rest| {
        rest.len() == ID_LENGTH
            && rest.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
    })
}

/// The error for a user who has as many keys as there may be.
pub(crate) fn too_many_keys() -> Error {
    Error::conflict("The user has two access keys already; delete one of them first.")
}

/// The 32 bytes that these 64 hexadecimal digits stand for.
fn digest_of(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes().as_chunks::<2>().0;
    let mut digest = [0; 32];
    if digits.len() != digest.len() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(digits) {
        let value = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(value(high)? * 16 + value(low)?).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(Secret::from(secret))
    }

    /// The requests of AWS' test suite, with the signature and the time that each carries.
    fn requests() -> (SigningKeys, Vec<(String, String, String)>) {
        let suite: Value = serde_json::from_str(include_str!("../tests/data/sigv4_vectors.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let requests = suite["requests"].as_array().unwrap().iter().map(|request| {
            let mut headers = request["headers"].as_array().unwrap().iter().map(text);
            let authorization = headers.find(|header| header.starts_with("Authorization:")).unwrap();
            let signature = authorization.rsplit_once("Signature=").unwrap().1.to_owned();
            (text(&request["name"]), text(&request["canonical_request"]), signature)
        });
        (keys(&text(&suite["secret"])), requests.collect())
    }

    fn signed<'a>(canonical_request: &'a str, signature: &'a str) -> Signed<'a> {
        Signed {
            access_key_id: "AKIDEXAMPLE",
            at: SigningTime::parse("20150830T123600Z").unwrap(),
            region: "us-east-1",
            service: "service",
            canonical_request,
            signature,
        }
    }

    #[test]
    fn the_signatures_of_awss_test_suite_are_good() {
        let (keys, requests) = requests();
        assert_eq!(requests.len(), 21);
        for (name, canonical_request, signature) in requests {
            assert!(signed(&canonical_request, &signature).is_made_with(&keys), "{name}");
        }
    }

    #[test]
    fn a_signature_is_good_for_its_key_its_time_and_its_request_alone() {
        let (keys, requests) = requests();
        let (_, canonical_request, signature) = &requests[0];
        let good = signed(canonical_request, signature);
        assert!(good.is_made_with(&keys));

        let other = canonical_request.replace("value1", "value2");
        let flipped = signature.replace('c', "d");
        for wrong in [
            Signed { at: good.at.plus_ms(1000), ..good },
            Signed { region: "us-east-2", ..good },
            Signed { service: "cognito-idp", ..good },
            Signed { canonical_request: &other, ..good },
            Signed { signature: &flipped, ..good },
            Signed { signature: &signature[..62], ..good },
            Signed { signature: "", ..good },
        ] {
            assert!(!wrong.is_made_with(&keys), "{wrong:?}");
        }
        // The key of another scope that was worked out meanwhile doesn't stay.
        assert!(good.is_made_with(&keys));
        assert!(!good.is_made_with(&self::keys("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKE")));
        assert!(!good.is_made_with(&self::keys("")));
    }

    #[test]
    fn a_time_is_written_in_one_way() {
        let time = SigningTime::parse("20270115T120000Z").unwrap();
        assert_eq!((time.to_string().as_str(), time.date().as_str()), ("20270115T120000Z", "20270115"));
        assert_eq!(time.plus_ms(-SIGNATURE_WINDOW_MS).to_string(), "20270115T115500Z");
        for wrong in [
            "",
            "20270115",
            "20270115T120000",
            "20270115T120000z",
            "2027-01-15T12:00:00Z",
            "20270115T1200Z",
            "20270115T120000.0Z",
            "+0270115T120000Z",
            "20270230T120000Z",
            "20270115T250000Z",
            "20270115T120060Z",
            " 20270115T120000Z",
            "20270115T120000Z ",
        ] {
            assert_eq!(SigningTime::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_id_looks_as_awss_do() {
        assert!(is_well_formed("AKIAIOSFODNN7EXAMPLE"));
        for wrong in [
            "",
            "AKIA",
            "ASIAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7EXAMPL",
            "AKIAIOSFODNN7EXAMPLe",
            "AKIAIOSFODNN1EXAMPLE",
        ] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_signature_and_no_time_breaks_it(text in "\\PC*", digits in "[0-9a-fA-Fg]{60,66}") {
            let _ = SigningTime::parse(&text);
            let keys = keys("secret");
            prop_assert!(!signed(&text, &text).is_made_with(&keys));
            prop_assert!(!signed(&text, &digits).is_made_with(&keys));
        }
    }
}
