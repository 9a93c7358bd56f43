//! Where a request came from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, HeaderName, USER_AGENT};
use axum::http::request::Parts;
use ipnet::IpNet;
use keyward_core::caller::Origin;
use keyward_core::error::Error;

use crate::http::failure::Failure;
use crate::http::request::{current_address, with_current_request_id};

/// The longest user agent that is kept, characters.
const USER_AGENT_LENGTH: usize = 256;
/// The longest `Idempotency-Key`, characters.
const IDEMPOTENCY_KEY_LENGTH: usize = 128;

/// The [`Origin`] of a request, for a handler that asks for it.
#[derive(Debug, Clone)]
pub struct RequestOrigin(pub Origin);

impl<S: Sync> FromRequestParts<S> for RequestOrigin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut request_id = "-".to_owned();
        with_current_request_id(|id| id.clone_into(&mut request_id));
        Ok(Self(Origin {
            address: current_address(),
            user_agent: user_agent(&parts.headers),
            request_id,
            idempotency_key: idempotency_key(&parts.headers)?,
            region: None,
        }))
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    let text =
        text.chars().filter(|character| !character.is_control()).take(USER_AGENT_LENGTH).collect::<String>();
    Some(text).filter(|text| !text.is_empty())
}

/// A key that we can't keep is refused: taken for none, the client would believe that repeating is safe.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let is_good = |text: &&str| {
        (1..=IDEMPOTENCY_KEY_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match value.to_str().ok().filter(is_good) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Error::invalid(
            "Idempotency-Key",
            "Idempotency-Key must be 1 to 128 visible ASCII characters.",
        )
        .into()),
    }
}

/// The client's address: the peer's, unless the peer is a trusted proxy. Then it is counted from the right of
/// `X-Forwarded-For`, past trusted proxies: each of them has appended the address that it saw, so what stands
/// left of the first stranger is only what the stranger claims.
///
/// `None` when a trusted proxy wrote what is no address.
pub(super) fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.ip().to_canonical();
    if trusted.is_empty() || !is_trusted(address) {
        return Some(address);
    }
    // Several headers of that name are one list, in their order (RFC 9110, section 5.3).
    for value in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        let Ok(value) = value.to_str() else { return None };
        for hop in value.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
            address = hop_address(hop)?;
            if !is_trusted(address) {
                return Some(address);
            }
        }
    }
    Some(address)
}

/// An address, with brackets or a port as some proxies write them.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()));
    let address = address.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Option<String> {
        let headers = forwarded
            .iter()
            .map(|value| (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap()))
            .collect();
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect::<Vec<_>>();
        let peer = SocketAddr::new(peer.parse().unwrap(), 40000);
        client_address(peer, &headers, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], &[]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], &["10.0.0.0/8"]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn the_client_is_the_first_stranger_from_the_right() {
        let seen = seen("10.0.0.1", &["198.51.100.7, 203.0.113.9, 10.0.0.2"], &["10.0.0.0/8"]);

        assert_eq!(seen.unwrap(), "203.0.113.9");
    }

    #[test]
    fn several_headers_are_one_list() {
        let seen = seen("10.0.0.1", &["203.0.113.9", "10.0.0.3,10.0.0.2"], &["10.0.0.0/8"]);

        assert_eq!(seen.unwrap(), "203.0.113.9");
    }

    #[test]
    fn if_all_are_trusted_the_farthest_is_the_client() {
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &["10.0.0.0/8"]).unwrap(), "10.0.0.3");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]).unwrap(), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let trusted = ["10.0.0.0/8"];

        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.9:5000"], &trusted).unwrap(), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["::ffff:203.0.113.9"], &trusted).unwrap(), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:5000"], &trusted).unwrap(), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]"], &trusted).unwrap(), "2001:db8::1");
        assert_eq!(seen("::ffff:192.0.2.1", &[], &[]).unwrap(), "192.0.2.1");
    }

    #[test]
    fn what_is_no_address_makes_the_client_unknown() {
        assert_eq!(seen("10.0.0.1", &["unknown"], &["10.0.0.0/8"]), None);
        assert_eq!(seen("10.0.0.1", &["unknown, 203.0.113.9"], &["10.0.0.0/8"]).unwrap(), "203.0.113.9");
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0_u8..4).prop_map(|last| IpAddr::from([10, 0, 0, last])),
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from),
        ]
    }

    proptest! {
        /// Whatever a client writes to the left of what the proxies append, the answer stays the same.
        #[test]
        fn a_client_cannot_choose_its_address(
            client in address(),
            proxies in proptest::collection::vec(0_u8..4, 1..5),
            claim in "[ -~]{0,40}",
        ) {
            let trusted = ["10.0.0.0/8".parse::<IpNet>().unwrap()];
            let client = client.to_canonical();
            prop_assume!(!trusted[0].contains(&client));
            let mut hops = vec![client.to_string()];
            hops.extend(proxies.iter().skip(1).map(|last| format!("10.0.0.{last}")));
            let peer = SocketAddr::from(([10, 0, 0, proxies[0]], 40000));
            let honest = hops.join(", ");
            let claimed = format!("{claim}, {honest}");
            let headers = |text: &str| {
                let mut headers = HeaderMap::new();
                headers.insert("x-forwarded-for", HeaderValue::from_str(text).unwrap());
                headers
            };

            prop_assert_eq!(client_address(peer, &headers(&honest), &trusted), Some(client));
            prop_assert_eq!(client_address(peer, &headers(&claimed), &trusted), Some(client));
        }

        /// The rule, said again in the simplest way: of all hops with the peer at the right end, the rightmost
        /// that is not trusted, or the leftmost when all are.
        #[test]
        fn the_rule_is_that_of_a_naive_reading(
            hops in proptest::collection::vec(address(), 0..6),
            peer in address(),
            split in 0_usize..6,
        ) {
            let trusted = ["10.0.0.0/8".parse::<IpNet>().unwrap()];
            let mut headers = HeaderMap::new();
            let (first, second) = hops.split_at(split.min(hops.len()));
            for part in [first, second] {
                let text = part.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                headers.append("x-forwarded-for", HeaderValue::from_str(&text).unwrap());
            }

            let all = hops.iter().copied().chain([peer]).map(|hop| hop.to_canonical()).collect::<Vec<_>>();
            let stranger = all.iter().rev().find(|hop| !trusted[0].contains(*hop));
            let expected = stranger.or(all.first()).copied();

            prop_assert_eq!(client_address(SocketAddr::new(peer, 1), &headers, &trusted), expected);
        }

        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), value)]);
            client_address(SocketAddr::from(([10, 0, 0, 1], 1)), &headers, &["10.0.0.0/8".parse().unwrap()]);
        }
    }
}
