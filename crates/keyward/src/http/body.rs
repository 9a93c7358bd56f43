//! Extractors whose refusals are failures of ours, so that each dialect can say them in its own form.
//!
//! No refusal repeats a value of the request: it may be a password in the wrong place.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, EXPECT};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError};
use keyward_core::error::Error;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::http::BODY_LIMIT;
use crate::http::failure::{Failure, HttpFailure};

/// Up to this length, bytes, a body that is too long is read all the same, and thrown away.
const DISCARD_LIMIT: u64 = 16 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest name out of a request that a sentence repeats, characters.
const NAME_LENGTH: usize = 64;

/// The JSON body of a request, at most 1 MiB and 128 levels deep, whatever its content type.
///
/// `Option<Body<T>>` takes a request without a body for `None`.
#[derive(Debug, Clone, Copy)]
pub struct Body<T>(pub T);

/// The body of a request as it came, at most 1 MiB; empty where there is none.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// The query of a request's URL.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The named parts of a request's path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request, BODY_TIMEOUT).await?;
        Self::parse(&bytes)
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// What these bytes say.
    ///
    /// # Errors
    /// As of a request that has them for its body.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.is_empty() {
            return Err(HttpFailure::BodyMissing.into());
        }
        parse(bytes).map(Self)
    }
}

impl<S: Sync> FromRequest<S> for RawBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        read(request, BODY_TIMEOUT).await.map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> OptionalFromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Failure> {
        let bytes = read(request, BODY_TIMEOUT).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        parse(&bytes).map(Self).map(Some)
    }
}

async fn read(request: Request, within: Duration) -> Result<Bytes, Failure> {
    if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(HttpFailure::UnsupportedMediaType.into());
    }
    // Such a client sends its body only once we begin to read (RFC 9110, section 10.1.1).
    let asks_first = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    let size = body.size_hint().lower();
    if size > BODY_LIMIT as u64 {
        if size <= DISCARD_LIMIT && !asks_first {
            // Many others read no answer before all of theirs is sent: to them, a connection that closes
            // meanwhile is broken. What doesn't arrive in time isn't waited for.
            let discard = async { while let Some(Ok(_)) = body.frame().await {} };
            let _ = tokio::time::timeout(within, discard).await;
        }
        return Err(HttpFailure::BodyTooLarge.into());
    }
    let mut reading = pin!(axum::body::to_bytes(body, BODY_LIMIT));
    // Nearly every body is there already, and then needs no timer.
    let read = match poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        Poll::Ready(read) => Ok(read),
        Poll::Pending => tokio::time::timeout(within, reading).await,
    };
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error))
            if std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) =>
        {
            Err(HttpFailure::BodyTooLarge.into())
        }
        Ok(Err(_)) => {
            Err(HttpFailure::BodyMalformed(Cow::Borrowed("The body broke off; send it again.")).into())
        }
        Err(_) => Err(HttpFailure::BodyTooSlow.into()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let value = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_value::<T>(bytes),
        Category::Syntax | Category::Eof | Category::Io => {
            HttpFailure::BodyMalformed(Cow::Owned(format!("The body isn't valid JSON: {error}."))).into()
        }
    })?;
    // serde takes a list for a struct, member by member: `["ada"]` would pass for `{"username": "ada"}`.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(invalid("", "invalid type: sequence, expected a map", "The body"));
    }
    Ok(value)
}

/// Reads the body a second time to find where it is wrong: keeping account of that costs more than reading, and
/// most bodies are right.
fn wrong_value<T: DeserializeOwned>(bytes: &[u8]) -> Failure {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => HttpFailure::BodyMalformed(Cow::Borrowed("The body can't be read; send it again.")).into(),
        Err(error) => {
            let text = error.inner().to_string();
            // serde_json ends its text with the place: "... at line 1 column 9".
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            invalid(&path_of(error.path()), text, "The body")
        }
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(deserializer)
            .map(Self)
            .map_err(|error| invalid(&path_of(error.path()), &error.inner().to_string(), "The query"))
    }
}

impl<T: DeserializeOwned + Send, S: Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    #[expect(clippy::disallowed_types, reason = "what this extractor stands on")]
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match axum::extract::Path::from_request_parts(parts, &()).await {
            Ok(axum::extract::Path(values)) => Ok(Self(values)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(match error.into_kind() {
                ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
                    let expected = expectation(expected_type);
                    Error::invalid(key.clone(), format!("`{key}` in the path must be {expected}.")).into()
                }
                ErrorKind::ParseError { expected_type, .. }
                | ErrorKind::ParseErrorAtIndex { expected_type, .. } => {
                    let expected = expectation(expected_type);
                    Error::invalid("path", format!("The last part of the path must be {expected}.")).into()
                }
                ErrorKind::InvalidUtf8InPathParam { key } => {
                    Error::invalid(key.clone(), format!("`{key}` in the path must be UTF-8.")).into()
                }
                ErrorKind::DeserializeError { key, message, .. } => invalid(&key, &message, "The path"),
                ErrorKind::Message(message) => invalid("", &message, "The path"),
                defect => Error::internal(anyhow::anyhow!("path parameters: {defect:?}")).into(),
            }),
            Err(defect) => Err(Error::internal(anyhow::anyhow!("path parameters: {defect:?}")).into()),
        }
    }
}

/// The place of a value, as `users[0].name`; empty for the whole.
fn path_of(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.extend(["[", &index.to_string(), "]"]),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&shortened(name));
            }
            Segment::Unknown => {}
        }
    }
    text
}

/// A name out of a request, fit to be repeated.
fn shortened(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(NAME_LENGTH).collect()
}

/// Says in our words what serde found wrong at `path`, without the value that it quotes. `whole` is what stands
/// for an empty path.
fn invalid(path: &str, found: &str, whole: &str) -> Failure {
    let place = if path.is_empty() { whole.to_owned() } else { format!("`{path}`") };
    let within = |name: &str| {
        let name = shortened(name);
        if path.is_empty() || path.ends_with(&name) { name } else { format!("{path}.{name}") }
    };
    let quoted = found.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(name, _)| name);
    // The value may itself hold ", expected ", so what is expected begins after the last one.
    let expected = found.rsplit_once(", expected ").map(|(_, expected)| expectation(expected));
    let (field, sentence) = match (found, quoted, expected) {
        (found, Some(name), _) if found.starts_with("missing field") => {
            (within(name), format!("`{}` is missing.", within(name)))
        }
        (found, Some(name), _) if found.starts_with("duplicate field") => {
            (within(name), format!("`{}` is given twice.", within(name)))
        }
        (found, Some(name), expected) if found.starts_with("unknown field") => {
            let known = expected.map_or(String::new(), |expected| {
                format!("; known here: {}", expected.trim_start_matches("one of "))
            });
            (within(name), format!("`{}` is unknown{known}.", within(name)))
        }
        (found, _, Some(expected)) if found.starts_with("unknown variant") => {
            (path.to_owned(), format!("{place} must be {expected}."))
        }
        (found, _, Some(expected)) if found.starts_with("invalid type") => {
            let kind = found.strip_prefix("invalid type: ").map_or("something else", kind);
            (path.to_owned(), format!("{place} must be {expected}, not {kind}."))
        }
        (_, _, Some(expected)) => (path.to_owned(), format!("{place} must be {expected}.")),
        ("invalid digit found in string" | "cannot parse integer from empty string", ..) => {
            (path.to_owned(), format!("{place} must be a whole number."))
        }
        ("provided string was not `true` or `false`", ..) => {
            (path.to_owned(), format!("{place} must be true or false."))
        }
        // The words of a type of ours that reads itself, or of `FromStr`: they quote nothing.
        (found, ..) => (path.to_owned(), format!("{place} can't be read: {}.", shortened_sentence(found))),
    };
    let field = if field.is_empty() { whole.trim_start_matches("The ").to_owned() } else { field };
    Error::invalid(field, sentence).into()
}

fn shortened_sentence(text: &str) -> String {
    text.trim_end_matches('.').chars().filter(|character| !character.is_control()).take(200).collect()
}

/// What serde calls the kind of a value, before it quotes the value.
fn kind(unexpected: &str) -> &'static str {
    match unexpected.split([' ', ',']).next() {
        Some("string" | "character") => "a text",
        Some("integer") => "a whole number",
        Some("floating") => "a fraction",
        Some("boolean") => "true or false",
        Some("null" | "unit" | "Option") => "null",
        Some("map") => "an object",
        Some("sequence") => "a list",
        _ => "something else",
    }
}

/// What serde or Rust calls a type, in the words of somebody who writes JSON.
fn expectation(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" => "a text".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged enum") => {
            "an object".to_owned()
        }
        _ if expected.starts_with("variant ") || expected.starts_with("enum ") => {
            "one of the known words".to_owned()
        }
        _ => expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::Router;
    use axum::http::{StatusCode, header};
    use axum::response::Response;
    use axum::routing::{get, post};
    use http_body::{Frame, SizeHint};
    use http_body_util::BodyExt as _;
    use keyward_core::error::Code;
    use serde::Deserialize;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::{RequestId, speaking};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading it is of interest")]
    struct NewUser {
        username: String,
        age: Option<u8>,
        #[serde(default)]
        roles: Vec<NewRole>,
        kind: Option<Kind>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only reading it is of interest")]
    struct NewRole {
        name: String,
        mfa_required: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Account,
        Program,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only reading it is of interest")]
    struct Page {
        limit: Option<u32>,
        kind: Option<Kind>,
        all: Option<bool>,
    }

    /// A body of unknown length: so many times 64 KiB of blanks, or one that never comes.
    enum Odd {
        Blanks(usize),
        Never,
        /// Says how long it is, and doesn't come.
        Announced(u64),
    }

    impl http_body::Body for Odd {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match &mut *self {
                Self::Blanks(0) => Poll::Ready(None),
                Self::Blanks(left) => {
                    *left -= 1;
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; 64 * 1024])))))
                }
                Self::Never | Self::Announced(_) => Poll::Pending,
            }
        }

        fn size_hint(&self) -> SizeHint {
            match self {
                Self::Announced(length) => SizeHint::with_exact(*length),
                Self::Blanks(_) | Self::Never => SizeHint::default(),
            }
        }
    }

    /// A dialect in one line: status, field, sentence.
    fn one_line(failure: &Failure, _: &RequestId) -> Response {
        let field = match failure {
            Failure::Core(Error { code: Code::InvalidInput(field), .. }) => format!(" [{field}]"),
            _ => String::new(),
        };
        let line = format!("{}{field} {}", failure.status().as_u16(), failure.message());
        Response::builder().status(failure.status()).body(line.into()).unwrap()
    }

    fn router() -> Router {
        let router = Router::new()
            .route("/users", post(|Body(_): Body<NewUser>| async { "fine" }))
            .route(
                "/optional",
                post(
                    |body: Option<Body<NewUser>>| async move { if body.is_some() { "some" } else { "none" } },
                ),
            )
            .route("/anything", post(|Body(_): Body<serde_json::Value>| async { "fine" }))
            .route("/page", get(|Query(_): Query<Page>| async { "fine" }))
            .route("/number/{number}", get(|Path(_): Path<u32>| async { "fine" }))
            .route("/text/{text}", get(|Path(text): Path<String>| async { text }));
        speaking(router, one_line)
    }

    async fn answer(request: Request) -> String {
        let response = router().oneshot(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    async fn posted(body: impl Into<axum::body::Body>) -> String {
        answer(Request::post("/users").body(body.into()).unwrap()).await
    }

    async fn got(uri: &str) -> String {
        answer(Request::get(uri).body(axum::body::Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_good_body_is_read_whatever_its_content_type() {
        let request = Request::post("/users").header(header::CONTENT_TYPE, "text/plain");

        assert_eq!(answer(request.body(r#"{"username":"ada"}"#.into()).unwrap()).await, "fine");
        assert_eq!(posted(r#"{"username":"ada","age":36,"kind":"program"}"#).await, "fine");
    }

    #[tokio::test]
    async fn a_wrong_body_is_told_with_the_place_and_without_the_value() {
        let bodies = [
            "",
            "{",
            "nonsense",
            r#"{"username":"ada"} x"#,
            r#"["ada"]"#,
            r#""hunter2""#,
            "{}",
            r#"{"username":"ada","username":"bob"}"#,
            r#"{"username":"ada","user_name":"bob"}"#,
            r#"{"username":123456}"#,
            r#"{"username":null}"#,
            r#"{"username":["hunter2"]}"#,
            r#"{"username":"ada","age":"hunter2"}"#,
            r#"{"username":"ada","age":"hunter2, expected u8"}"#,
            r#"{"username":"ada","age":300}"#,
            r#"{"username":"ada","age":1.5}"#,
            r#"{"username":"ada","roles":{}}"#,
            r#"{"username":"ada","roles":[{"name":"ADMINS","mfa_required":true},{"name":"x"}]}"#,
            r#"{"username":"ada","roles":[{"name":"ADMINS","mfa_required":"hunter2"}]}"#,
            r#"{"username":"ada","kind":"hunter2"}"#,
            r#"{"username":"ada","kind":7}"#,
            r#"["ada",30,[],"account"]"#,
        ];

        let mut answers = Vec::new();
        for body in bodies {
            answers.push(posted(body).await);
        }

        let answers = answers.join("\n");
        insta::assert_snapshot!(answers, @r"
        400 A body is needed; send a JSON object.
        400 The body isn't valid JSON: EOF while parsing an object at line 1 column 1.
        400 The body isn't valid JSON: expected ident at line 1 column 2.
        400 The body isn't valid JSON: trailing characters at line 1 column 20.
        400 [body] The body must be an object.
        400 [body] The body must be an object, not a text.
        400 [username] `username` is missing.
        400 [username] `username` is given twice.
        400 [user_name] `user_name` is unknown; known here: `username`, `age`, `roles`, `kind`.
        400 [username] `username` must be a text, not a whole number.
        400 [username] `username` must be a text, not null.
        400 [username] `username` must be a text, not a list.
        400 [age] `age` must be a whole number from 0 on, not a text.
        400 [age] `age` must be a whole number from 0 on, not a text.
        400 [age] `age` must be a whole number from 0 on.
        400 [age] `age` must be a whole number from 0 on, not a fraction.
        400 [roles] `roles` must be a list, not an object.
        400 [roles[1].mfa_required] `roles[1].mfa_required` is missing.
        400 [roles[0].mfa_required] `roles[0].mfa_required` must be true or false, not a text.
        400 [kind] `kind` must be `account` or `program`.
        400 The body isn't valid JSON: expected value at line 1 column 26.
        400 [body] The body must be an object, not a list.
        ");
        assert!(!answers.contains("hunter2") && !answers.contains("123456"));
    }

    #[tokio::test]
    async fn a_body_that_is_too_deep_is_refused() {
        let deep = Request::post("/anything").body("[".repeat(100_000).into()).unwrap();

        assert_eq!(
            answer(deep).await,
            "400 The body isn't valid JSON: recursion limit exceeded at line 1 column 128."
        );
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused_announced_or_not() {
        let large = "x".repeat(BODY_LIMIT + 1);

        assert_eq!(posted(large).await, "413 The body is too large; send at most 1 MiB.");
        assert_eq!(
            posted(axum::body::Body::new(Odd::Blanks(17))).await,
            "413 The body is too large; send at most 1 MiB."
        );
        let largest = format!(r#"{{"username":"{}"}}"#, "x".repeat(BODY_LIMIT - 15));
        assert_eq!((largest.len(), posted(largest).await.as_str()), (BODY_LIMIT, "fine"));
    }

    #[tokio::test]
    async fn who_asks_before_sending_too_much_is_told_at_once_and_nobody_is_waited_for_long() {
        let announced = || Request::new(axum::body::Body::new(Odd::Announced(BODY_LIMIT as u64 + 1)));
        let mut asking = announced();
        asking.headers_mut().insert(EXPECT, "100-continue".parse().unwrap());

        for (request, within) in [(asking, Duration::from_hours(1)), (announced(), Duration::from_millis(20))]
        {
            let outcome = tokio::time::timeout(Duration::from_mins(1), read(request, within)).await.unwrap();

            assert!(matches!(outcome, Err(Failure::Http(HttpFailure::BodyTooLarge))), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused() {
        let request = Request::post("/users").header(header::CONTENT_ENCODING, "gzip");

        assert!(answer(request.body("x".into()).unwrap()).await.starts_with("415 The body is compressed"));
    }

    #[tokio::test]
    async fn a_body_that_never_arrives_is_given_up() {
        let request = Request::new(axum::body::Body::new(Odd::Never));

        let failure = read(request, Duration::from_millis(1)).await.unwrap_err();

        assert!(matches!(failure, Failure::Http(HttpFailure::BodyTooSlow)), "{failure:?}");
    }

    #[tokio::test]
    async fn a_body_may_be_optional() {
        let post = |body: &'static str| Request::post("/optional").body(body.into()).unwrap();

        assert_eq!(answer(post("")).await, "none");
        assert_eq!(answer(post(r#"{"username":"ada"}"#)).await, "some");
        assert_eq!(answer(post("{}")).await, "400 [username] `username` is missing.");
    }

    #[tokio::test]
    async fn a_wrong_query_is_told_with_the_name() {
        assert_eq!(got("/page?limit=10&kind=account&unknown=1").await, "fine");
        assert_eq!(got("/page?limit=many").await, "400 [limit] `limit` must be a whole number.");
        assert_eq!(got("/page?limit=").await, "400 [limit] `limit` must be a whole number.");
        assert_eq!(got("/page?kind=hunter2").await, "400 [kind] `kind` must be `account` or `program`.");
        assert_eq!(got("/page?all=maybe").await, "400 [all] `all` must be true or false.");
    }

    #[tokio::test]
    async fn a_wrong_path_is_told() {
        assert_eq!(got("/number/7").await, "fine");
        assert_eq!(got("/text/a%20b").await, "a b");
        assert_eq!(
            got("/number/x").await,
            "400 [path] The last part of the path must be a whole number from 0 on."
        );
        assert_eq!(got("/text/%ff").await, "400 [text] `text` in the path must be UTF-8.");
    }

    #[tokio::test]
    async fn unknown_paths_and_wrong_methods_speak_the_dialect() {
        let deleted = Request::delete("/users").body(axum::body::Body::empty()).unwrap();
        let response = router().oneshot(deleted).await.unwrap();

        assert_eq!(got("/nowhere").await, "404 There is nothing at this path.");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
}
