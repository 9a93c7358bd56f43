//! Who signed a request: AWS Signature Version 4, in the `Authorization` header
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
//!
//! Here is what it has to do with HTTP: which request was signed, written in the form that both sides agree
//! on. Keys, times and the comparison are the core's. The region is the client's choice: there is one server,
//! and the key is the same for all.
//!
//! The sentences are AWS', as far as people have quoted them, but for what they repeat of the header: whoever
//! gets it wrong may have put a secret in it.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, DATE, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::{Uri, uri};
use keyward_core::access_key::{SIGNATURE_WINDOW_MS, SignatureFault, Signed, SigningTime};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cognito::X_AMZ_TARGET;
use crate::cognito::fault::Fault;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What the protocol is called where it is signed.
const SERVICE: &str = "cognito-idp";
const TERMINATOR: &str = "aws4_request";
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// What a canonical query has in it unchanged: the unreserved characters (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A signature, and the head of the request that it is said to be of.
#[derive(Debug)]
pub(super) struct Signature {
    access_key_id: String,
    at: SigningTime,
    region: String,
    /// The signature itself, in hexadecimal digits.
    digits: String,
    /// The canonical request up to the hash of the body.
    canonical_head: String,
}

impl Signature {
    /// The signature that the request shows. What can't be right is refused at once, before anybody reads the
    /// body.
    pub(super) fn of(request: &Request) -> Result<Self, Fault> {
        Self::read(request, SERVICE)
    }

    /// Who signed the request that has this body.
    pub(super) async fn caller(
        self,
        keyward: &Keyward,
        body: &[u8],
        origin: Origin,
    ) -> Result<Caller, Fault> {
        let canonical_request = self.canonical_head + &keyward_core::sha256_hex(body);
        let origin = Origin { region: Some(self.region.clone()), ..origin };
        let signed = Signed {
            access_key_id: &self.access_key_id,
            at: self.at,
            region: &self.region,
            service: SERVICE,
            canonical_request: &canonical_request,
            signature: &self.digits,
        };
        keyward.authenticate_signed(&signed, origin).await?.map_err(|fault| refusal(fault, self.at))
    }

    fn read(request: &Request, service: &str) -> Result<Self, Fault> {
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(fault("MissingAuthenticationTokenException", "Missing Authentication Token"));
        };
        // Two headers are two opinions about who is asking.
        let text = value.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default();
        let parameters =
            text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' ')).unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let [credential, signature, signed_headers] =
            ["Credential", "Signature", "SignedHeaders"].map(parameter);
        let (date_header, date) = match header(request, &X_AMZ_DATE) {
            Some(date) => (X_AMZ_DATE, Some(date)),
            None => (DATE, header(request, &DATE)),
        };
        let (Some(credential), Some(signature), Some(signed_headers), Some(date)) =
            (credential, signature, signed_headers, date.as_deref())
        else {
            return Err(incomplete(credential, signature, signed_headers, date.as_deref()));
        };
        let at = SigningTime::parse(date).ok_or_else(|| {
            fault(
                "IncompleteSignatureException",
                "Date must be in ISO-8601 'basic format': 20270115T120000Z.",
            )
        })?;
        let [access_key_id, scope @ ..] = five_parts(credential)?;
        let region = require_scope(scope, at, service)?;
        // Without its operation, a request that somebody saw could be made into another one. Whatever else
        // isn't signed, a proxy may have added.
        let target = request.headers().contains_key(X_AMZ_TARGET).then_some(X_AMZ_TARGET);
        for name in [HOST, date_header].into_iter().chain(target) {
            if !signed_headers.split(';').any(|signed| signed == name.as_str()) {
                let name = if name == HOST { "Host' or ':authority" } else { name.as_str() };
                let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
                return Err(fault("InvalidSignatureException", message));
            }
        }
        let canonical_head =
            canonical_head(request, signed_headers).ok_or_else(|| refusal(SignatureFault::Mismatch, at))?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            at,
            region: region.to_owned(),
            digits: signature.to_owned(),
            canonical_head,
        })
    }
}

/// The parts of `keyid/date/region/service/term`.
fn five_parts(credential: &str) -> Result<[&str; 5], Fault> {
    let parts: Vec<&str> = credential.split('/').collect();
    parts.try_into().map_err(|_| {
        fault(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        )
    })
}

/// The region that the signature is for, when the rest of its scope is right.
fn require_scope<'a>(
    [date, region, service, terminator]: [&'a str; 4],
    at: SigningTime,
    expected: &str,
) -> Result<&'a str, Fault> {
    let mut wrong = Vec::new();
    if service != expected {
        wrong.push(format!("Credential should be scoped to correct service: '{expected}'."));
    }
    if terminator != TERMINATOR {
        wrong.push(format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'."));
    }
    if date != at.date() {
        wrong.push(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}'.",
            at.date()
        ));
    }
    if wrong.is_empty() { Ok(region) } else { Err(fault("InvalidSignatureException", wrong.join(" "))) }
}

/// The canonical request up to the hash of the body. There is none when a header that is said to be signed
/// isn't there, or when they aren't in order and each named once: named ten thousand times, a long one would
/// fill the memory.
fn canonical_head(request: &Request, signed_headers: &str) -> Option<String> {
    if !signed_headers.split(';').is_sorted_by(|one, next| one < next) {
        return None;
    }
    let uri = request.uri();
    // `/` is the one path of the protocol, and canonical as it is.
    let mut head = format!(
        "{}\n{}\n{}\n",
        request.method(),
        uri.path(),
        canonical_query(uri.query().unwrap_or_default())
    );
    for name in signed_headers.split(';') {
        let value = header(request, &HeaderName::try_from(name).ok()?)?;
        head.extend([name, ":", &value, "\n"]);
    }
    head.extend(["\n", signed_headers, "\n"]);
    Some(head)
}

/// The header as it is signed: all its values, without needless white space. Over HTTP/2, the authority
/// stands in for `Host`.
fn header(request: &Request, name: &HeaderName) -> Option<String> {
    let mut values = request.headers().get_all(name).iter().peekable();
    if values.peek().is_none() {
        let authority = request.uri().authority().filter(|_| *name == HOST);
        return authority.map(uri::Authority::to_string);
    }
    let values = values.map(|value| {
        let words: Vec<&str> = std::str::from_utf8(value.as_bytes()).ok()?.split_ascii_whitespace().collect();
        Some(words.join(" "))
    });
    Some(values.collect::<Option<Vec<_>>>()?.join(","))
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encoded(&name), encoded(&value))).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Whether this server asks no signature of whoever sends these headers: it doesn't of any program, started
/// with `keyward serve --dev`, but does of a web page of another machine.
pub(super) fn is_waived(keyward: &Keyward, headers: &HeaderMap) -> bool {
    keyward.settings().dev && !is_of_a_page_from_elsewhere(headers)
}

/// Whether a web page of another machine sends this. Without a signature, it could do whatever its reader's
/// own programs can, for the protocol lets every page ask. A browser always says whose page it is, also to a
/// name that was made to lead here.
fn is_of_a_page_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().any(|origin| {
        let uri = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
    })
}

fn incomplete(
    credential: Option<&str>,
    signature: Option<&str>,
    signed_headers: Option<&str>,
    date: Option<&str>,
) -> Fault {
    let parameters =
        [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
    let missing = parameters.into_iter().filter(|(_, value)| value.is_none());
    let mut sentences: Vec<String> =
        missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter.")).collect();
    if date.is_none() {
        let sentence = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        sentences.push(sentence.to_owned());
    }
    fault("IncompleteSignatureException", sentences.join(" "))
}

/// How AWS says that a signature lets nobody in.
fn refusal(fault_of: SignatureFault, at: SigningTime) -> Fault {
    match fault_of {
        SignatureFault::UnknownKey => {
            fault("UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        SignatureFault::Expired(now) => {
            let bound = now.plus_ms(-SIGNATURE_WINDOW_MS);
            let message = format!("Signature expired: {at} is now earlier than {bound} ({now} - 5 min.)");
            fault("InvalidSignatureException", message)
        }
        SignatureFault::NotYetCurrent(now) => {
            let bound = now.plus_ms(SIGNATURE_WINDOW_MS);
            let message =
                format!("Signature not yet current: {at} is still later than {bound} ({now} + 5 min.)");
            fault("InvalidSignatureException", message)
        }
        SignatureFault::Mismatch => fault(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS \
             Secret Access Key and signing method. Consult the service documentation for details.",
        ),
    }
}

fn fault(name: &'static str, message: impl Into<Cow<'static, str>>) -> Fault {
    Fault::Named(name, Error::unauthenticated(message))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use percent_encoding::percent_encode_byte;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// A request of AWS' test suite.
    fn request_of(request: &Value) -> Request {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut builder =
            Request::builder().method(text(&request["method"]).as_str()).uri(text(&request["uri"]));
        for header in request["headers"].as_array().unwrap() {
            let header = text(header);
            let (name, value) = header.split_once(':').unwrap();
            builder = builder.header(name, value.trim());
        }
        builder.body(Body::from(text(&request["body"]))).unwrap()
    }

    fn requests() -> Vec<Value> {
        let suite = include_str!("../../../keyward-core/tests/data/sigv4_vectors.json");
        let suite: Value = serde_json::from_str(suite).unwrap();
        suite["requests"].as_array().unwrap().clone()
    }

    fn name_and_message(fault: Fault) -> (&'static str, String) {
        let Fault::Named(name, error) = fault else { panic!("{fault:?}") };
        (name, error.message.into_owned())
    }

    #[test]
    fn the_requests_of_awss_test_suite_are_canonical_as_aws_says() {
        for vector in requests() {
            let request = request_of(&vector);
            let body = vector["body"].as_str().unwrap();

            let signature = Signature::read(&request, "service").unwrap();

            let canonical_request = signature.canonical_head + &keyward_core::sha256_hex(body.as_bytes());
            assert_eq!(canonical_request, vector["canonical_request"], "{}", vector["name"]);
            assert_eq!(signature.access_key_id, "AKIDEXAMPLE");
            assert_eq!((signature.region.as_str(), signature.digits.len()), ("us-east-1", 64));
        }
    }

    #[test]
    fn over_http_2_the_authority_is_the_host() {
        let mut request = request_of(&requests()[0]);
        let with_host = Signature::read(&request, "service").unwrap().canonical_head;

        request.headers_mut().remove(HOST);
        assert!(Signature::read(&request, "service").is_err());
        *request.uri_mut() = Uri::from_static("https://example.amazonaws.com/");
        assert_eq!(Signature::read(&request, "service").unwrap().canonical_head, with_host);
    }

    #[test]
    fn the_signed_headers_are_in_order_and_each_there_once() {
        let request = request_of(&requests()[0]);
        let head = |names: &str| canonical_head(&request, names);

        assert!(head("host;x-amz-date").is_some());
        for wrong in ["x-amz-date;host", "host;host", "host;", ";host", "", "host;missing", "ho st"] {
            assert_eq!(head(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_date_may_stand_in_either_header_but_must_be_signed() {
        let mut request = request_of(&requests()[0]);
        let at = request.headers_mut().remove(X_AMZ_DATE).unwrap();
        request.headers_mut().insert(DATE, at);
        let authorization = |request: &mut Request, signed: &str| {
            let credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
            let value = format!("{ALGORITHM} {credential}, SignedHeaders={signed}, Signature=0");
            request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
        };

        authorization(&mut request, "date;host");
        let signature = Signature::read(&request, "service").unwrap();
        assert_eq!(signature.at, SigningTime::parse("20150830T123600Z").unwrap());
        assert!(signature.canonical_head.contains("\ndate:20150830T123600Z\n"));
        authorization(&mut request, "host");
        assert_eq!(
            name_and_message(Signature::read(&request, "service").unwrap_err()).1,
            "'date' must be a 'SignedHeader' in the AWS Authorization."
        );
    }

    #[test]
    fn what_is_wrong_with_a_scope_is_said_all_at_once() {
        let fault = Signature::read(&request_of(&requests()[0]), SERVICE).unwrap_err();
        assert_eq!(
            name_and_message(fault),
            (
                "InvalidSignatureException",
                "Credential should be scoped to correct service: 'cognito-idp'.".into()
            )
        );
        let at = SigningTime::parse("20270115T120000Z").unwrap();
        let fault = require_scope(["20270114", "us-east-1", "sts", "aws5_request"], at, SERVICE).unwrap_err();
        insta::assert_snapshot!(name_and_message(fault).1, @"Credential should be scoped to correct service: 'cognito-idp'. Credential should be scoped with a valid terminator: 'aws4_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20270115'.");
    }

    #[test]
    fn a_page_of_this_machine_is_told_from_others() {
        let from = |origin: &str| {
            let headers = HeaderMap::from_iter([(ORIGIN, origin.parse().unwrap())]);
            is_of_a_page_from_elsewhere(&headers)
        };
        assert!(!is_of_a_page_from_elsewhere(&HeaderMap::new()));
        for here in
            ["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://[::1]:3000"]
        {
            assert!(!from(here), "{here}");
        }
        for elsewhere in [
            "https://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://192.0.2.1",
            "http://[2001:db8::1]:3000",
            "null",
            "",
            "file://",
        ] {
            assert!(from(elsewhere), "{elsewhere}");
        }
    }

    proptest! {
        #[test]
        fn no_request_breaks_it(
            algorithm in "(AWS4-HMAC-SHA256 )?(Credential=)?[ -~]{0,80}",
            rest in "(, ?SignedHeaders=[ -~]{0,20})?(, ?Signature=[ -~]*)?",
            date in "[0-9TZ]{0,18}",
            query in "[!-~&&[^#<>\"\\\\^`{|}]]{0,40}",
        ) {
            let request = Request::post(format!("/?{query}"))
                .header(AUTHORIZATION, algorithm + &rest)
                .header(X_AMZ_DATE, date)
                .header(HOST, "localhost");
            prop_assert!(Signature::read(&request.body(Body::empty()).unwrap(), SERVICE).is_err());
        }

        #[test]
        fn a_canonical_query_is_one_for_all_orders_and_spellings(
            pairs in prop::collection::vec(("[a-zé /+&=%]{1,4}", "[a-zé /+&=%]{0,4}"), 0..5),
        ) {
            let mut serializer = form_urlencoded::Serializer::new(String::new());
            let canonical = canonical_query(&serializer.extend_pairs(&pairs).finish());
            let turned: Vec<_> = pairs.iter().rev().collect();
            let spelled = turned.iter().map(|(name, value)| {
                let all = |text: &str| text.bytes().map(percent_encode_byte).collect::<String>();
                format!("{}={}", all(name), all(value))
            });
            prop_assert_eq!(&canonical_query(&spelled.collect::<Vec<_>>().join("&")), &canonical);
            prop_assert_eq!(&canonical_query(&canonical), &canonical);
        }
    }
}
