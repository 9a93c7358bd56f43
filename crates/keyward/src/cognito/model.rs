//! The service model: every operation of Cognito user pools, and what its input must be.
//!
//! The table itself is written by `scripts/cognito_model.py`. It is data of the program: nothing is read or
//! built at the start.

use std::sync::OnceLock;

use regex::Regex;

#[rustfmt::skip] // One item a line would make four times the lines of it.
mod table;

/// Every operation of the model, by name, whether it is served or not.
pub static MODEL: &[Operation] = &table::OPERATIONS;

/// What the model says of an operation.
#[derive(Debug)]
pub struct Operation {
    /// The name, as `X-Amz-Target` has it.
    pub name: &'static str,
    /// Whether AWS asks for a signature (Signature Version 4). What isn't signed is for applications without
    /// AWS credentials, and often has a token instead.
    pub is_signed: bool,
    /// With which of the errors that the model has for the operation it is refused where it isn't served.
    pub(super) refusal: &'static str,
    pub(super) input: &'static Shape,
}

impl Operation {
    /// The operation of exactly this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let index = MODEL.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        MODEL.get(index)
    }

    /// Fewer operations lack the error that fits best than have it.
    const fn without_not_enabled(mut self) -> Self {
        self.refusal = "InvalidParameterException";
        self
    }
}

const fn signed(name: &'static str, input: &'static Shape) -> Operation {
    Operation { name, is_signed: true, refusal: "OperationNotEnabledException", input }
}

const fn unsigned(name: &'static str, input: &'static Shape) -> Operation {
    Operation { is_signed: false, ..signed(name, input) }
}

/// What the model demands of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// The least value of an integer; the least length of what has one: characters, items, bytes.
    pub(super) least: Option<i64>,
    /// The greatest value or length.
    pub(super) most: Option<i64>,
    /// Whether no sentence may repeat the value, nor any part of it.
    pub(super) is_sensitive: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Structure(&'static [Member]),
    List(&'static Shape),
    Map {
        key: &'static Shape,
        value: &'static Shape,
    },
    Text(Option<&'static Pattern>),
    OneOf(&'static [&'static str]),
    /// 32 bits.
    Integer,
    Boolean,
    /// In base64; its length is that of the bytes.
    Blob,
    /// Any JSON.
    Document,
}

/// A member of a structure.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) shape: &'static Shape,
}

impl Shape {
    const fn new(kind: Kind) -> Self {
        Self { kind, least: None, most: None, is_sensitive: false }
    }

    /// Whether it is made of values that have constraints of their own and places of their own.
    pub(super) fn has_parts(&self) -> bool {
        matches!(self.kind, Kind::Structure(_) | Kind::List(_) | Kind::Map { .. })
    }

    const fn from(mut self, least: i64) -> Self {
        self.least = Some(least);
        self
    }

    const fn to(mut self, most: i64) -> Self {
        self.most = Some(most);
        self
    }

    const fn matching(mut self, pattern: &'static Pattern) -> Self {
        self.kind = Kind::Text(Some(pattern));
        self
    }

    const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }
}

const fn structure(members: &'static [Member]) -> Shape {
    Shape::new(Kind::Structure(members))
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: true, shape }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: false, shape }
}

const fn list(element: &'static Shape) -> Shape {
    Shape::new(Kind::List(element))
}

const fn map(key: &'static Shape, value: &'static Shape) -> Shape {
    Shape::new(Kind::Map { key, value })
}

const fn text() -> Shape {
    Shape::new(Kind::Text(None))
}

const fn one_of(words: &'static [&'static str]) -> Shape {
    Shape::new(Kind::OneOf(words))
}

const fn integer() -> Shape {
    Shape::new(Kind::Integer)
}

const fn boolean() -> Shape {
    Shape::new(Kind::Boolean)
}

const fn blob() -> Shape {
    Shape::new(Kind::Blob)
}

const fn document() -> Shape {
    Shape::new(Kind::Document)
}

/// A regular expression of Java's that a whole text must match; compiled when it is first asked for.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// In time that grows with the text's length alone, whatever the pattern.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.compiled.get_or_init(|| compiled(self.text)).is_match(text)
    }
}

#[expect(clippy::expect_used, reason = "a test compiles every pattern that there is")]
fn compiled(java: &str) -> Regex {
    Regex::new(&format!(r"\A(?:{})\z", translated(java))).expect("the pattern is one of the model's")
}

/// A pattern of Java's in the words of the crate `regex`, where `\w`, `\d` and `\s` know all of Unicode and
/// `.` takes more of what ends a line. In Java they know ASCII alone, unless told otherwise.
///
/// Source: `java.util.regex.Pattern`, "Predefined character classes" and "Line terminators".
pub(super) fn translated(java: &str) -> String {
    let mut rust = String::with_capacity(java.len());
    let is_dot_all = java.starts_with("(?s)");
    let mut is_in_class = false;
    let mut characters = java.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('w') => rust.push_str("[[:word:]]"),
                Some('W') => rust.push_str("[[:^word:]]"),
                Some('d') => rust.push_str("[[:digit:]]"),
                Some('D') => rust.push_str("[[:^digit:]]"),
                Some('s') => rust.push_str("[[:space:]]"),
                Some('S') => rust.push_str("[[:^space:]]"),
                escaped => rust.extend(std::iter::once('\\').chain(escaped)),
            },
            '.' if !is_in_class && !is_dot_all => rust.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            character => {
                is_in_class = character == '[' || (is_in_class && character != ']');
                rust.push(character);
            }
        }
    }
    rust
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every shape that an input can have in it, by the path to it.
    fn shapes() -> Vec<(String, &'static Shape)> {
        let mut found = Vec::new();
        let mut ahead: Vec<_> =
            MODEL.iter().map(|operation| (operation.name.to_owned(), operation.input)).collect();
        while let Some((path, shape)) = ahead.pop() {
            match shape.kind {
                Kind::Structure(members) => ahead
                    .extend(members.iter().map(|member| (format!("{path}.{}", member.name), member.shape))),
                Kind::List(element) => ahead.push((format!("{path}[]"), element)),
                Kind::Map { key, value } => {
                    ahead.extend([(format!("{path} key"), key), (format!("{path} value"), value)]);
                }
                _ => {}
            }
            found.push((path, shape));
        }
        found
    }

    fn pattern_of(path: &str) -> &'static Pattern {
        match shapes().into_iter().find(|(other, _)| other == path).unwrap().1.kind {
            Kind::Text(Some(pattern)) => pattern,
            _ => panic!("{path} has no pattern"),
        }
    }

    #[test]
    fn every_operation_is_found_by_its_name_alone() {
        assert_eq!(MODEL.len(), 141);
        assert_eq!(MODEL.iter().filter(|operation| !operation.is_signed).count(), 34);
        for operation in MODEL {
            assert_eq!(Operation::named(operation.name).unwrap().name, operation.name);
        }
        assert!(Operation::named("getuser").is_none() && Operation::named("").is_none());
        assert!(!Operation::named("GetUser").unwrap().is_signed);
        assert!(Operation::named("AdminGetUser").unwrap().is_signed);
    }

    #[test]
    fn every_pattern_compiles_and_takes_whole_texts() {
        let patterns = shapes().into_iter().filter_map(|(path, shape)| match shape.kind {
            Kind::Text(Some(pattern)) if pattern.text != "(?s).*" => Some((path, pattern)),
            _ => None,
        });
        let mut count = 0;
        for (path, pattern) in patterns {
            // None of them takes a blank and a control character together, wherever they are.
            assert!(!pattern.matches(" \u{1}"), "{path}");
            count += 1;
        }
        assert!(count > 400, "{count}");
    }

    #[test]
    fn a_pattern_means_what_it_means_in_java() {
        for (path, good, bad) in [
            ("GetUser.AccessToken", "aA0-_=.", "a+b"),
            ("InitiateAuth.ClientId", "a_b+0", "é"),
            ("InitiateAuth.ClientId", "a", "a\n"),
            ("AdminGetUser.UserPoolId", "us-east-1_a0", "us-east-1_ä"),
            ("AdminGetUser.Username", "jürgen@例え.jp", "two words"),
            ("AdminGetUser.Username", "a", ""),
            ("AdminSetUserPassword.Password", "\u{a0}\u{2003}ß", "a b"),
            ("CreateUserPool.PoolName", "a pool\u{b}", "a\u{a0}pool"),
            ("CreateUserPool.SmsVerificationMessage", "code {####}", "code\u{85}{####}"),
            ("CreateUserPool.SmsVerificationMessage", "code\t{####}", "code\n{####}"),
            ("CreateUserPool.EmailVerificationMessage", "dear\n{####}\n", "{###}"),
            ("CreateTerms.Links value", "https://example.com", "https://a b"),
            ("CreateUserPoolDomain.Domain", "a-b", "a-"),
            ("CreateIdentityProvider.ProviderName", "Login", "_Login"),
            (
                "AdminRevokeUserSession.SessionId",
                "tkn0123456789abcdefghijklmno",
                "abc0123456789abcdefghijklmno",
            ),
        ] {
            let pattern = pattern_of(path);
            assert!(pattern.matches(good), "{path} {good:?}");
            assert!(!pattern.matches(bad), "{path} {bad:?}");
        }
        assert!(compiled("(?s).*").is_match("one\nother\u{2028}"));
        assert!(compiled(r"\d\D\W\.").is_match("1x-."));
        assert!(!compiled(r"\d").is_match("٣"));
        assert!(!compiled(r"\.").is_match("x"));
        assert!(compiled("[.]").is_match("."));
    }
}
