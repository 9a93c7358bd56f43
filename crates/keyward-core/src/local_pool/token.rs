//! Signed ID and access tokens (JWT, RFC 7519) with the claims of Cognito's.
//!
//! ID and access tokens are signed by different keys, as Amazon's are: a token of one kind can't be passed
//! off as the other, even where a verifier forgets to look at `token_use`. Source of the claims: the pages
//! "Understanding the identity (ID) token" and "Understanding the access token" of the Amazon Cognito
//! Developer Guide, and its page "Authentication levels with ACR and AMR claims".

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{LazyLock, Once};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// What an access token of a sign-in through the API is good for: its bearer's own account.
pub const SELF_SERVICE_SCOPE: &str = "aws.cognito.signin.user.admin";

/// The attributes that go into an ID token beside `custom:` ones: the standard claims of `OpenID` Connect
/// Core, section 5.1. All others stay out, so that no attribute can be taken for a claim of ours, such as
/// `exp`.
const CLAIMED_ATTRIBUTES: [&str; 19] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// Which of the two tokens a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUse {
    /// Tells an application who has signed in.
    Id,
    /// Lets its bearer call an API.
    Access,
}

/// Who a token is about.
#[derive(Debug, Clone, Default)]
pub struct TokenSubject {
    /// The user's immutable id.
    pub sub: String,
    /// The user's name in the pool.
    pub username: String,
    /// Groups, in the order in which they shall stand; the claim is left out when there are none.
    pub groups: Vec<String>,
    /// The IAM roles of the groups, in their order; for ID tokens.
    pub iam_roles: Vec<String>,
    /// The one of these that counts, where one does.
    pub preferred_iam_role: Option<String>,
    /// The attributes that the app client may read, by their Cognito names. Only an ID token shows them, and
    /// only the standard ones and those that begin with `custom:`.
    pub attributes: BTreeMap<String, String>,
    /// How the user has signed in, in the words of RFC 8176; `mfa` among them after a second factor.
    pub amr: Vec<String>,
}

/// A group of a user, as tokens tell of it.
#[derive(Debug, Clone)]
pub struct TokenGroup {
    /// Its name.
    pub name: String,
    /// The lower, the more it counts.
    pub precedence: Option<i64>,
    /// The ARN of its IAM role.
    pub iam_role: Option<String>,
}

impl TokenSubject {
    /// The same, who is in these groups. The lowest precedence comes first, none comes last; where the first
    /// groups that have an IAM role differ in it, none is preferred
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html>).
    #[must_use]
    pub(crate) fn in_groups(mut self, mut groups: Vec<TokenGroup>) -> Self {
        let rank = |group: &TokenGroup| group.precedence.unwrap_or(i64::MAX);
        groups.sort_by(|one, other| (rank(one), &one.name).cmp(&(rank(other), &other.name)));
        let mut first = None;
        for group in &groups {
            let Some(iam_role) = &group.iam_role else { continue };
            if !self.iam_roles.contains(iam_role) {
                self.iam_roles.push(iam_role.clone());
            }
            match first {
                None => {
                    first = Some(rank(group));
                    self.preferred_iam_role = Some(iam_role.clone());
                }
                Some(first) if first == rank(group) && self.preferred_iam_role.as_ref() != Some(iam_role) => {
                    self.preferred_iam_role = None;
                }
                Some(_) => {}
            }
        }
        self.groups = groups.into_iter().map(|group| group.name).collect();
        self
    }
}

/// What all tokens of one sign-in share; a refresh keeps it.
#[derive(Debug, Clone)]
pub struct TokenGrant {
    /// `iss`: the URL below which discovery and JWKS are.
    pub issuer: String,
    /// The app client.
    pub client_id: String,
    /// The id of the sign-in, by which all its tokens are revoked together.
    pub origin_jti: String,
    /// The id of the request that made the tokens.
    pub event_id: String,
    /// When the password was shown, in seconds since the epoch.
    pub auth_time: i64,
}

/// What a single token has of its own.
#[derive(Debug, Clone)]
pub struct TokenLife {
    /// The token's id.
    pub jti: String,
    /// When it is issued, in seconds since the epoch.
    pub iat: i64,
    /// From when on it is refused, in seconds since the epoch.
    pub exp: i64,
}

/// A token that was signed by us, for this issuer, and has not expired. Whether it was revoked, and whether
/// its user still exists and may sign in, is not in it and remains to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Which of the two it is.
    pub token_use: TokenUse,
    /// The user's immutable id.
    pub sub: String,
    /// The user's name when the token was issued.
    pub username: String,
    /// The app client: `aud` of an ID token, `client_id` of an access token.
    pub client_id: String,
    /// The id of the sign-in.
    pub origin_jti: String,
    /// The token's own id.
    pub jti: String,
    /// When the password was shown, in seconds since the epoch.
    pub auth_time: i64,
    /// When it was issued, in seconds since the epoch.
    pub iat: i64,
    /// From when on it is refused, in seconds since the epoch.
    pub exp: i64,
    /// Whether `amr` tells of a second factor; a token without that claim counts as one without.
    pub mfa: bool,
    /// What an access token is good for.
    pub scope: Option<String>,
}

/// A private RSA key of 2048 bits and what is made of it beforehand, so that nothing is parsed for each
/// token. `Debug` shows its id alone.
pub struct SigningKey {
    kid: String,
    /// Kept parsed: `jsonwebtoken` would parse and check it for each token, which takes four times as long as
    /// the signature itself.
    pair: KeyPair,
    verifying: DecodingKey,
    modulus: String,
    exponent: String,
    /// The header, encoded, with the dot after it.
    header: String,
}

impl SigningKey {
    /// A new key; takes some tenths of a second of one core. AWS-LC draws it from its own generator, the same
    /// that [`crate::random::Random::System`] asks: no key can be made of a seed.
    pub fn generate() -> Result<Self> {
        Ok(Self::from_pair(KeyPair::generate(KeySize::Rsa2048).map_err(Error::internal)?))
    }

    /// Reads what [`SigningKey::to_pkcs8`] wrote.
    ///
    /// # Errors
    /// `Internal` when it is no RSA key of 2048 bits or more.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self> {
        Ok(Self::from_pair(KeyPair::from_pkcs8(pkcs8).map_err(Error::internal)?))
    }

    /// The private key, as PKCS#8 (RFC 5208) in DER, to be sealed before it is stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(Error::internal)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The key's id: its thumbprint (RFC 7638), so that the same key has the same id wherever it is read.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn from_pair(pair: KeyPair) -> Self {
        install_provider();
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(&public.n), URL_SAFE_NO_PAD.encode(&public.e));
        let thumbprint = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, thumbprint.as_bytes()));
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"kid":"{kid}","alg":"RS256"}}"#)) + ".";
        let verifying = DecodingKey::from_rsa_raw_components(&public.n, &public.e);
        Self { kid, pair, verifying, modulus, exponent, header }
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.modulus, "e": self.exponent
        })
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<Secret> {
        let mut token = self.header.clone();
        let payload = serde_json::to_vec(claims).map_err(Error::internal)?;
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // This padding takes no randomness; AWS-LC ignores the generator that it is given.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(Error::internal)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::from(token))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.kid)
    }
}

/// The two keys of a pool: one signs its ID tokens, the other its access tokens.
#[derive(Debug)]
pub struct PoolKeys {
    id: SigningKey,
    access: SigningKey,
}

impl PoolKeys {
    /// The keys of a pool.
    ///
    /// # Errors
    /// `Internal` when both are the same.
    pub fn new(id: SigningKey, access: SigningKey) -> Result<Self> {
        if id.kid == access.kid {
            return Err(Error::internal(anyhow::anyhow!("the two signing keys of a pool are the same key")));
        }
        Ok(Self { id, access })
    }

    /// Two new keys; takes up to a second of one core.
    pub fn generate() -> Result<Self> {
        Self::new(SigningKey::generate()?, SigningKey::generate()?)
    }

    /// The key of the ID tokens.
    pub fn id(&self) -> &SigningKey {
        &self.id
    }

    /// The key of the access tokens.
    pub fn access(&self) -> &SigningKey {
        &self.access
    }

    /// Whether one of them has this id.
    pub fn has(&self, kid: &str) -> bool {
        self.id.kid == kid || self.access.kid == kid
    }

    /// The public halves, as a JWK set (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.id.jwk(), self.access.jwk()] })
    }

    /// An ID token for this subject.
    pub fn sign_id(&self, subject: &TokenSubject, grant: &TokenGrant, life: &TokenLife) -> Result<Secret> {
        self.id.sign(&Claims {
            aud: Some(&grant.client_id),
            cognito_username: Some(&subject.username),
            iam_roles: &subject.iam_roles,
            preferred_iam_role: subject.preferred_iam_role.as_deref(),
            attributes: attribute_claims(&subject.attributes),
            ..Claims::common(TokenUse::Id, subject, grant, life)
        })
    }

    /// An access token for this subject, good for [`SELF_SERVICE_SCOPE`].
    pub fn sign_access(
        &self,
        subject: &TokenSubject,
        grant: &TokenGrant,
        life: &TokenLife,
    ) -> Result<Secret> {
        self.access.sign(&Claims {
            client_id: Some(&grant.client_id),
            username: Some(&subject.username),
            scope: Some(SELF_SERVICE_SCOPE),
            ..Claims::common(TokenUse::Access, subject, grant, life)
        })
    }

    /// What `token` says, when it is one of ours for `issuer` and good at `now_seconds` (since the epoch).
    ///
    /// Only RS256 is accepted, and only under the one of our two keys that signs this kind of token; keys
    /// that a header brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used. There is no
    /// leeway: the clock that issued the token is ours.
    pub fn verify(&self, token: &str, issuer: &str, now_seconds: i64) -> Option<VerifiedToken> {
        let header = decode_header(token).ok()?;
        // An extension that must be understood is one that we don't (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return None;
        }
        let kid = header.kid?;
        let (key, token_use) = [(&self.id, TokenUse::Id), (&self.access, TokenUse::Access)]
            .into_iter()
            .find(|(key, _)| key.kid == kid)?;
        let claims = decode::<Presented>(token, &key.verifying, &SIGNATURE_ALONE).ok()?.claims;
        if claims.token_use != token_use || claims.iss != issuer || claims.exp <= now_seconds {
            return None;
        }
        let (client_id, username) = match token_use {
            TokenUse::Id => (claims.aud, claims.cognito_username),
            TokenUse::Access => (claims.client_id, claims.username),
        };
        Some(VerifiedToken {
            token_use,
            sub: claims.sub,
            username: username?,
            client_id: client_id.filter(|id| !id.is_empty())?,
            origin_jti: claims.origin_jti,
            jti: claims.jti,
            auth_time: claims.auth_time,
            iat: claims.iat,
            exp: claims.exp,
            mfa: claims.amr.iter().any(|method| method == "mfa"),
            scope: claims.scope,
        })
    }
}

/// The id of the key that a token says it was signed with; nothing of it is verified.
pub(crate) fn key_id(token: &str) -> Option<String> {
    decode_header(token).ok()?.kid.filter(|kid| !kid.contains('\0'))
}

/// `jsonwebtoken` checks algorithm and signature. The claims are checked by [`PoolKeys::verify`], since that
/// library would ask the machine's clock, not ours, and lets a token without `iss` pass.
pub(crate) static SIGNATURE_ALONE: LazyLock<Validation> = LazyLock::new(|| {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims = HashSet::new();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
});

/// Names the cryptography that `jsonwebtoken` shall use. It panics at the first token without a name as soon
/// as any crate of the build enables its other one. No [`SigningKey`] comes to be without passing here, and
/// without a key no token is signed or verified.
pub(crate) fn install_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody has named one before, which is as good.
        let _ = DEFAULT_PROVIDER.install_default();
    });
}

/// The claims of a token that we issue; which of the two it is decides what is left out.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iss: &'a str,
    token_use: TokenUse,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(rename = "cognito:username", skip_serializing_if = "Option::is_none")]
    cognito_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(rename = "cognito:groups", skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
    #[serde(rename = "cognito:roles", skip_serializing_if = "<[_]>::is_empty")]
    iam_roles: &'a [String],
    #[serde(rename = "cognito:preferred_role", skip_serializing_if = "Option::is_none")]
    preferred_iam_role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    /// How the user has signed in, in the words of RFC 8176.
    amr: &'a [String],
    origin_jti: &'a str,
    event_id: &'a str,
    jti: &'a str,
    auth_time: i64,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    attributes: BTreeMap<&'a str, Value>,
}

impl<'a> Claims<'a> {
    fn common(
        token_use: TokenUse,
        subject: &'a TokenSubject,
        grant: &'a TokenGrant,
        life: &'a TokenLife,
    ) -> Self {
        Self {
            sub: &subject.sub,
            iss: &grant.issuer,
            token_use,
            aud: None,
            client_id: None,
            cognito_username: None,
            username: None,
            groups: &subject.groups,
            iam_roles: &[],
            preferred_iam_role: None,
            scope: None,
            amr: &subject.amr,
            origin_jti: &grant.origin_jti,
            event_id: &grant.event_id,
            jti: &life.jti,
            auth_time: grant.auth_time,
            iat: life.iat,
            exp: life.exp,
            attributes: BTreeMap::new(),
        }
    }
}

/// What is read of a token that somebody shows; other claims mean nothing here.
#[derive(Deserialize)]
struct Presented {
    sub: String,
    iss: String,
    token_use: TokenUse,
    aud: Option<String>,
    client_id: Option<String>,
    #[serde(rename = "cognito:username")]
    cognito_username: Option<String>,
    username: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    origin_jti: String,
    jti: String,
    auth_time: i64,
    iat: i64,
    exp: i64,
}

/// The attributes as `OpenID` Connect Core, section 5.1, wants them: text, but for two booleans, one number
/// and the address. An address of mail or a phone number without a word about it counts as not verified.
fn attribute_claims(attributes: &BTreeMap<String, String>) -> BTreeMap<&str, Value> {
    let mut claims: BTreeMap<&str, Value> = attributes
        .iter()
        .filter(|(name, _)| name.starts_with("custom:") || CLAIMED_ATTRIBUTES.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = match name.as_str() {
                "email_verified" | "phone_number_verified" => json!(value.eq_ignore_ascii_case("true")),
                "updated_at" => value.parse::<i64>().map_or_else(|_| json!(value), Value::from),
                "address" => json!({ "formatted": value }),
                _ => json!(value),
            };
            (name.as_str(), value)
        })
        .collect();
    for (address, verified) in [("email", "email_verified"), ("phone_number", "phone_number_verified")] {
        if claims.contains_key(address) {
            claims.entry(verified).or_insert(Value::Bool(false));
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA512};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lowest_precedence_comes_first_and_brings_its_role() {
        let group = |name: &str, precedence: Option<i64>, iam_role: Option<&str>| TokenGroup {
            name: name.to_owned(),
            precedence,
            iam_role: iam_role.map(str::to_owned),
        };
        let claims = |groups: &[TokenGroup]| {
            let subject = TokenSubject::default().in_groups(groups.to_vec());
            (subject.groups.join(" "), subject.iam_roles.join(" "), subject.preferred_iam_role)
        };
        let (none, second) = (group("a", None, Some("arn:a")), group("b", Some(2), Some("arn:b")));
        let (first, tie) = (group("c", Some(0), None), group("d", Some(2), Some("arn:d")));
        let alike = group("e", Some(2), Some("arn:b"));

        let preferred = |name: &str| Some(name.to_owned());
        assert_eq!(claims(&[]), (String::new(), String::new(), None));
        assert_eq!(
            claims(&[none.clone(), second.clone(), first]),
            ("c b a".to_owned(), "arn:b arn:a".to_owned(), preferred("arn:b"))
        );
        assert_eq!(
            claims(&[tie.clone(), second.clone(), none.clone()]),
            ("b d a".to_owned(), "arn:b arn:d arn:a".to_owned(), None)
        );
        assert_eq!(claims(&[alike, second]), ("b e".to_owned(), "arn:b".to_owned(), preferred("arn:b")));
        assert_eq!(claims(&[none]), ("a".to_owned(), "arn:a".to_owned(), preferred("arn:a")));
    }

    const ISSUER: &str = "http://localhost:8480/us-east-1_k3Y9wRd0A";
    const NOW: i64 = 1_795_311_532;

    /// One pair for all tests here: a key takes long to make, and none of them changes it.
    fn keys() -> &'static PoolKeys {
        static KEYS: OnceLock<PoolKeys> = OnceLock::new();
        KEYS.get_or_init(|| PoolKeys::generate().unwrap())
    }

    fn subject() -> TokenSubject {
        TokenSubject {
            sub: "3f2c0e7e-1b6b-4f0e-9d0c-0a7d5f3f9c11".to_owned(),
            username: "ann@x.co".to_owned(),
            groups: vec!["ADMINS".to_owned(), "RESEARCHERS".to_owned()],
            iam_roles: vec!["arn:aws:iam::123456789012:role/lab".to_owned()],
            preferred_iam_role: Some("arn:aws:iam::123456789012:role/lab".to_owned()),
            attributes: [("email", "ann@x.co"), ("email_verified", "true"), ("custom:lab", "7")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            amr: ["pwd", "mfa", "otp"].map(str::to_owned).into(),
        }
    }

    fn grant() -> TokenGrant {
        TokenGrant {
            issuer: ISSUER.to_owned(),
            client_id: "4kq2m7c0example".to_owned(),
            origin_jti: "origin".to_owned(),
            event_id: "event".to_owned(),
            auth_time: NOW - 60,
        }
    }

    fn life() -> TokenLife {
        TokenLife { jti: "jti".to_owned(), iat: NOW, exp: NOW + 3600 }
    }

    fn id_token() -> Secret {
        keys().sign_id(&subject(), &grant(), &life()).unwrap()
    }

    fn access_token() -> Secret {
        keys().sign_access(&subject(), &grant(), &life()).unwrap()
    }

    fn part(token: &Secret, index: usize) -> Value {
        let part = token.expose().split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn verify(token: &str) -> Option<VerifiedToken> {
        keys().verify(token, ISSUER, NOW)
    }

    /// A token of any header and claims, signed with `key`.
    fn forge(key: &SigningKey, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header_of(key: &SigningKey) -> Value {
        json!({ "kid": key.kid, "alg": "RS256" })
    }

    /// The claims of `token` with `changes` made; a change to null takes the claim out.
    fn changed(token: &Secret, changes: &Value) -> Value {
        let mut claims = part(token, 1);
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    #[test]
    fn an_id_token_has_the_claims_of_cognito() {
        let token = id_token();

        assert_eq!(part(&token, 0), json!({ "kid": keys().id().kid(), "alg": "RS256" }));
        assert_eq!(
            part(&token, 1),
            json!({
                "sub": "3f2c0e7e-1b6b-4f0e-9d0c-0a7d5f3f9c11", "iss": ISSUER, "token_use": "id",
                "aud": "4kq2m7c0example", "cognito:username": "ann@x.co",
                "cognito:groups": ["ADMINS", "RESEARCHERS"],
                "cognito:roles": ["arn:aws:iam::123456789012:role/lab"],
                "cognito:preferred_role": "arn:aws:iam::123456789012:role/lab", "amr": ["pwd", "mfa", "otp"],
                "origin_jti": "origin", "event_id": "event", "jti": "jti",
                "auth_time": NOW - 60, "iat": NOW, "exp": NOW + 3600,
                "email": "ann@x.co", "email_verified": true, "custom:lab": "7",
            })
        );
    }

    #[test]
    fn an_access_token_has_the_claims_of_cognito_and_no_attributes() {
        let token = keys()
            .sign_access(
                &TokenSubject { groups: Vec::new(), amr: vec!["pwd".to_owned()], ..subject() },
                &grant(),
                &life(),
            )
            .unwrap();

        assert_eq!(part(&token, 0), json!({ "kid": keys().access().kid(), "alg": "RS256" }));
        assert_eq!(
            part(&token, 1),
            json!({
                "sub": "3f2c0e7e-1b6b-4f0e-9d0c-0a7d5f3f9c11", "iss": ISSUER, "token_use": "access",
                "client_id": "4kq2m7c0example", "username": "ann@x.co",
                "scope": "aws.cognito.signin.user.admin", "amr": ["pwd"],
                "origin_jti": "origin", "event_id": "event", "jti": "jti",
                "auth_time": NOW - 60, "iat": NOW, "exp": NOW + 3600,
            })
        );
    }

    #[test]
    fn both_tokens_are_verified_and_say_what_was_put_in() {
        let expected = VerifiedToken {
            token_use: TokenUse::Id,
            sub: subject().sub,
            username: "ann@x.co".to_owned(),
            client_id: "4kq2m7c0example".to_owned(),
            origin_jti: "origin".to_owned(),
            jti: "jti".to_owned(),
            auth_time: NOW - 60,
            iat: NOW,
            exp: NOW + 3600,
            mfa: true,
            scope: None,
        };

        assert_eq!(verify(id_token().expose()).unwrap(), expected);
        assert_eq!(
            verify(access_token().expose()).unwrap(),
            VerifiedToken {
                token_use: TokenUse::Access,
                scope: Some(SELF_SERVICE_SCOPE.to_owned()),
                ..expected
            }
        );
    }

    #[test]
    fn a_verifier_that_knows_only_the_jwks_accepts_our_tokens() {
        let jwks = keys().jwks();
        for (index, token) in [id_token(), access_token()].iter().enumerate() {
            let jwk = &jwks["keys"][index];
            assert_eq!(jwk["kid"], part(token, 0)["kid"]);
            assert_eq!(
                (&jwk["kty"], &jwk["alg"], &jwk["use"]),
                (&json!("RSA"), &json!("RS256"), &json!("sig"))
            );
            let component = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
            let public = RsaPublicKeyComponents { n: component("n"), e: component("e") };
            let (message, signature) = token.expose().rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();

            public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn a_key_is_the_same_after_it_was_stored() {
        let stored = SigningKey::from_pkcs8(&keys().access().to_pkcs8().unwrap()).unwrap();
        assert_eq!(stored.kid(), keys().access().kid());
        assert_eq!(stored.kid().len(), 43);
        let again = PoolKeys::new(SigningKey::generate().unwrap(), stored).unwrap();

        assert!(again.verify(access_token().expose(), ISSUER, NOW).is_some());
        assert!(again.verify(id_token().expose(), ISSUER, NOW).is_none());
        assert!(SigningKey::from_pkcs8(b"no key").is_err());
        assert!(SigningKey::from_pkcs8(&[]).is_err());
    }

    #[test]
    fn one_key_for_both_tokens_is_refused() {
        let copy = || SigningKey::from_pkcs8(&keys().id().to_pkcs8().unwrap()).unwrap();

        assert!(PoolKeys::new(copy(), copy()).is_err());
    }

    #[test]
    fn a_token_is_good_until_the_second_of_its_expiry() {
        for token in [id_token(), access_token()] {
            assert!(keys().verify(token.expose(), ISSUER, NOW + 3599).is_some());
            assert!(keys().verify(token.expose(), ISSUER, NOW + 3600).is_none());
            assert!(keys().verify(token.expose(), ISSUER, NOW + 3601).is_none());
            // The machine's own clock has no say.
            assert!(keys().verify(token.expose(), ISSUER, 0).is_some());
        }
    }

    #[test]
    fn a_token_of_another_issuer_is_refused() {
        for issuer in
            ["", "http://localhost:8480/us-east-1_other", &format!("{ISSUER}/"), &ISSUER.to_uppercase()]
        {
            assert!(keys().verify(id_token().expose(), issuer, NOW).is_none(), "{issuer}");
        }
    }

    #[test]
    fn a_token_without_amr_counts_as_one_without_a_second_factor() {
        let key = keys().access();
        for (amr, mfa) in [
            (Value::Null, false),
            (json!([]), false),
            (json!(["pwd"]), false),
            (json!(["pwd", "otp"]), false),
            (json!(["pwd", "otp", "mfa"]), true),
        ] {
            let claims = changed(&access_token(), &json!({ "amr": amr }));
            assert_eq!(verify(&forge(key, &header_of(key), &claims)).unwrap().mfa, mfa, "{amr}");
        }
        let claims = changed(&access_token(), &json!({ "amr": "mfa" }));
        assert!(verify(&forge(key, &header_of(key), &claims)).is_none());
    }

    #[test]
    fn a_token_without_signature_is_refused() {
        let claims = URL_SAFE_NO_PAD.encode(part(&access_token(), 1).to_string());
        for alg in ["none", "None", "NONE", "nOnE"] {
            let header = json!({ "alg": alg, "kid": keys().access().kid() });
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            assert!(verify(&format!("{header}.{claims}.")).is_none());
            assert!(verify(&format!("{header}.{claims}")).is_none());
        }
        let header = URL_SAFE_NO_PAD.encode(header_of(keys().access()).to_string());
        assert!(verify(&format!("{header}.{claims}.")).is_none());
        assert!(verify(&format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 256]))).is_none());
    }

    #[test]
    fn the_public_key_is_no_secret_to_sign_with() {
        let key = keys().access();
        let claims = part(&access_token(), 1);
        let public = key.pair.public_key().as_ref();
        let pem = format!(
            "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
            base64::engine::general_purpose::STANDARD.encode(public)
        );
        for secret in [public, pem.as_bytes(), key.modulus.as_bytes(), key.jwk().to_string().as_bytes(), b""]
        {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = Header { kid: Some(key.kid.clone()), ..Header::new(algorithm) };
                let token = encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
                assert!(verify(&token).is_none());
            }
        }
    }

    #[test]
    fn another_algorithm_of_the_same_key_is_refused() {
        let key = keys().access();
        let header = json!({ "kid": key.kid, "alg": "RS512" });
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(part(&access_token(), 1).to_string())
        );
        let mut signature = vec![0; 256];
        key.pair.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();

        assert!(verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).is_none());
        for alg in ["RS384", "PS256", "ES256", "EdDSA"] {
            let header = json!({ "kid": key.kid, "alg": alg });
            assert!(verify(&forge(key, &header, &part(&access_token(), 1))).is_none(), "{alg}");
        }
    }

    #[test]
    fn a_key_that_is_not_ours_is_refused_under_any_name() {
        let foreign = SigningKey::generate().unwrap();
        let claims = part(&access_token(), 1);

        assert!(verify(&forge(&foreign, &header_of(&foreign), &claims)).is_none());
        assert!(verify(&forge(&foreign, &header_of(keys().access()), &claims)).is_none());
        assert!(verify(&forge(keys().access(), &header_of(&foreign), &claims)).is_none());
        for kid in [json!(""), json!(7), Value::Null, json!([keys().access().kid()])] {
            let header = json!({ "kid": kid, "alg": "RS256" });
            assert!(verify(&forge(keys().access(), &header, &claims)).is_none());
        }
        assert!(verify(&forge(keys().access(), &json!({ "alg": "RS256" }), &claims)).is_none());
    }

    #[test]
    fn a_key_that_the_token_brings_along_is_not_used() {
        let foreign = SigningKey::generate().unwrap();
        let claims = part(&access_token(), 1);
        for (name, value) in [
            ("jwk", foreign.jwk()),
            ("jku", json!("https://evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/cert.pem")),
            ("x5c", json!(["MIIB"])),
        ] {
            for kid in [keys().access().kid(), foreign.kid()] {
                let mut header = json!({ "kid": kid, "alg": "RS256" });
                header[name] = value.clone();
                assert!(verify(&forge(&foreign, &header, &claims)).is_none(), "{name}");
            }
            let mut header = header_of(keys().access());
            header[name] = value;
            assert!(verify(&forge(keys().access(), &header, &claims)).is_some(), "{name} is ignored");
        }
        let header = json!({ "kid": keys().access().kid(), "alg": "RS256", "crit": ["b64"], "b64": false });
        assert!(verify(&forge(keys().access(), &header, &claims)).is_none());
    }

    #[test]
    fn a_token_signed_with_the_key_of_the_other_kind_is_refused() {
        let (id, access) = (keys().id(), keys().access());

        assert!(verify(&forge(access, &header_of(access), &part(&id_token(), 1))).is_none());
        assert!(verify(&forge(id, &header_of(id), &part(&access_token(), 1))).is_none());
        assert!(verify(&forge(access, &header_of(id), &part(&id_token(), 1))).is_none());
    }

    #[test]
    fn a_claim_that_is_missing_or_wrong_makes_no_good_token() {
        let (id, access) = (keys().id(), keys().access());
        for name in [
            "sub",
            "iss",
            "token_use",
            "username",
            "client_id",
            "origin_jti",
            "jti",
            "auth_time",
            "iat",
            "exp",
        ] {
            for value in [Value::Null, json!({}), json!([ISSUER]), json!(true), json!("")] {
                // Only three of them have a meaning when they are empty.
                if value == json!("") && ["sub", "username", "origin_jti", "jti"].contains(&name) {
                    continue;
                }
                let claims = changed(&access_token(), &json!({ name: value }));
                assert!(verify(&forge(access, &header_of(access), &claims)).is_none(), "{name} {value}");
            }
        }
        for changes in [
            json!({ "aud": null }),
            json!({ "aud": "" }),
            json!({ "aud": ["4kq2m7c0example"] }),
            json!({ "aud": null, "client_id": "4kq2m7c0example" }),
            json!({ "cognito:username": null }),
            json!({ "token_use": "access" }),
            json!({ "token_use": "ID" }),
            json!({ "exp": "1795315132" }),
            json!({ "exp": 1.8e300 }),
        ] {
            let claims = changed(&id_token(), &changes);
            assert!(verify(&forge(id, &header_of(id), &claims)).is_none(), "{changes}");
        }
    }

    #[test]
    fn no_character_of_a_token_can_be_changed() {
        let token = access_token();
        let token = token.expose();
        for (index, _) in token.char_indices().step_by(7).chain([(token.len() - 1, ' ')]) {
            let mut altered = token.as_bytes().to_vec();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            assert!(verify(std::str::from_utf8(&altered).unwrap()).is_none(), "at {index}");
        }
        for altered in [
            format!("{token}."),
            format!(".{token}"),
            format!("{token}=="),
            format!(" {token}"),
            token.replacen('.', "..", 1),
        ] {
            assert!(verify(&altered).is_none());
        }
    }

    #[test]
    fn no_attribute_is_taken_for_a_claim() {
        let mut subject = subject();
        for name in [
            "exp",
            "iss",
            "token_use",
            "sub",
            "aud",
            "amr",
            "cognito:groups",
            "scope",
            "client_id",
            "nbf",
            "identities",
        ] {
            subject.attributes.insert(name.to_owned(), "forged".to_owned());
        }

        let token = keys().sign_id(&subject, &grant(), &life()).unwrap();

        assert_eq!(token, id_token());
    }

    #[test]
    fn attributes_have_the_types_of_openid_connect() {
        let attributes = [
            ("email", "ann@x.co"),
            ("phone_number", "+12345678900"),
            ("phone_number_verified", "True"),
            ("updated_at", "1795311532"),
            ("address", "1 Main Street"),
            ("custom:true", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();

        assert_eq!(
            json!(attribute_claims(&attributes)),
            json!({
                "email": "ann@x.co", "email_verified": false,
                "phone_number": "+12345678900", "phone_number_verified": true,
                "updated_at": 1_795_311_532, "address": { "formatted": "1 Main Street" },
                "custom:true": "true",
            })
        );
        assert_eq!(attribute_claims(&BTreeMap::new()), BTreeMap::new());
    }

    #[test]
    fn a_key_shows_nothing_but_its_id() {
        let key = keys().id();
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_token(text in "\\PC*", header in "\\PC*", claims in "\\PC*") {
            prop_assert!(verify(&text).is_none());
            let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
            let dotted = format!("{header}.{claims}.{text}");
            prop_assert!(verify(&dotted).is_none());
            let ours = format!("{}{claims}.{}", keys().access().header, URL_SAFE_NO_PAD.encode(text));
            prop_assert!(verify(&ours).is_none());
        }
    }
}
