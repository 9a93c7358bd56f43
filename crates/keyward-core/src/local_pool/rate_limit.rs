//! How many sign-ins may fail that come from one client address.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;

const MINUTE_MS: i64 = 60 * 1000;
/// How many may have failed just now or be under way: a quarter of the line for a hash
/// (`PasswordHasher::WAITING`), the rest of which is for others.
const AT_ONCE: u32 = 16;
/// For so long it isn't told again that an address is refused.
const TOLD_MS: i64 = 15 * 60 * 1000;
/// How many addresses are remembered, which takes 2 MB. Those that came but once are forgotten first, so
/// nobody gets rid of their failures by coming from elsewhere too.
const ADDRESSES: usize = 10_000;
/// The bits of an IPv6 address that tell one client from another: a home has all addresses behind them
/// (<https://www.ripe.net/publications/docs/ripe-690/>, 4.2). Counted by its /64, it would have 256 limits
/// instead of one.
const IPV6_PREFIX: u32 = 56;

/// A token bucket for each address, kept as the time when it is full again (generic cell rate algorithm).
pub(crate) struct RateLimit {
    /// In which time one failure is forgotten; 0 without a limit.
    interval_ms: i64,
    /// In which time an empty bucket is full again.
    filling_ms: i64,
    /// Those whose address isn't known are one.
    addresses: Cache<Option<IpAddr>, Arc<Mutex<Bucket>>>,
}

#[derive(Default)]
struct Bucket {
    full_at_ms: i64,
    told_until_ms: i64,
}

/// Leave to try. It is given back when that succeeds; what isn't given back counts as a failure.
pub(crate) struct Leave {
    interval_ms: i64,
    bucket: Arc<Mutex<Bucket>>,
}

/// No leave: too many have failed, or are under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) after_seconds: u64,
    /// Whether it is the first one for a while.
    pub(super) is_news: bool,
}

impl RateLimit {
    /// So many failures a minute; 0 for any number.
    pub(crate) fn new(failures_per_minute: u32) -> Self {
        let interval_ms = MINUTE_MS.checked_div(failures_per_minute.into()).unwrap_or_default();
        let filling_ms = interval_ms * i64::from(failures_per_minute.min(AT_ONCE));
        Self { interval_ms, filling_ms, addresses: Cache::new(ADDRESSES) }
    }

    /// Takes one from the address's bucket, at a time that only grows.
    pub(super) fn take(&self, address: Option<IpAddr>, now_ms: i64) -> Result<Leave, Refusal> {
        let interval_ms = self.interval_ms;
        let new = || Ok::<_, Refusal>(Arc::default());
        let bucket = self.addresses.get_or_insert_with(&address.map(network), new)?;
        let mut state = lock(&bucket);
        let full_at_ms = state.full_at_ms.max(now_ms) + interval_ms;
        let excess_ms = full_at_ms - now_ms - self.filling_ms;
        if excess_ms > 0 {
            let is_news = state.told_until_ms <= now_ms;
            if is_news {
                state.told_until_ms = now_ms + TOLD_MS;
            }
            return Err(Refusal { after_seconds: excess_ms.unsigned_abs().div_ceil(1000), is_news });
        }
        state.full_at_ms = full_at_ms;
        drop(state);
        Ok(Leave { interval_ms, bucket })
    }
}

impl Leave {
    /// The leave of somebody who isn't limited.
    pub(super) fn of_nobody() -> Self {
        Self { interval_ms: 0, bucket: Arc::default() }
    }

    pub(crate) fn give_back(&self) {
        lock(&self.bucket).full_at_ms -= self.interval_ms;
    }
}

fn lock(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is counted as one client.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_PREFIX))).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_pool::password::PasswordHasher;

    /// How many of a hundred are let through at this time.
    fn taken(limit: &RateLimit, address: &str, now_ms: i64) -> usize {
        let address = address.parse().ok();
        (0..100).filter(|_| limit.take(address, now_ms).is_ok()).count()
    }

    #[test]
    fn a_quarter_of_the_line_at_once_and_then_one_after_another() {
        let limit = RateLimit::new(20);
        let taken = |address: &str, now_ms: i64| taken(&limit, address, now_ms);
        let after_seconds =
            |now_ms: i64| limit.take("192.0.2.1".parse().ok(), now_ms).err().unwrap().after_seconds;

        assert_eq!(taken("192.0.2.1", 0), PasswordHasher::WAITING / 4);
        assert_eq!([0, 1, 2000, 2999].map(after_seconds), [3, 3, 1, 1]);
        assert_eq!(taken("192.0.2.1", 3000), 1);
        assert_eq!(taken("192.0.2.1", 12_000), 3);
        // A day saves no more than what fits.
        assert_eq!(taken("192.0.2.1", 86_400_000), 16);
        assert_eq!(taken("192.0.2.2", 86_400_000), 16);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let limit = RateLimit::new(20);
        let leave = limit.take(None, 0).ok().unwrap();
        assert_eq!(taken(&limit, "unknown", 0), 15);

        leave.give_back();

        assert_eq!(taken(&limit, "unknown", 0), 1);
    }

    #[test]
    fn the_figure_may_be_any_and_none_at_all() {
        let taken = |per_minute: u32| {
            let limit = RateLimit::new(per_minute);
            (taken(&limit, "192.0.2.1", 0), taken(&limit, "192.0.2.1", 60_000))
        };

        assert_eq!(taken(0), (100, 100));
        assert_eq!(taken(1), (1, 1));
        assert_eq!(taken(7), (7, 7));
        assert_eq!(taken(6000), (16, 16));
    }

    #[test]
    fn a_refusal_is_news_once_in_a_quarter_of_an_hour() {
        let limit = RateLimit::new(1);
        let is_news = |now_ms: i64| limit.take(None, now_ms).err().map(|refusal| refusal.is_news);

        assert_eq!([0, 1, 2, TOLD_MS].map(is_news), [None, Some(true), Some(false), None]);
        assert_eq!([TOLD_MS, TOLD_MS + 1, TOLD_MS + 2].map(is_news), [Some(false), Some(true), Some(false)]);
    }

    #[test]
    fn one_client_is_an_address_or_what_a_home_has_of_them() {
        for (one, other, is_one) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:ff:ffff::", true),
            ("2001:db8::1", "2001:db8:0:100::1", false),
        ] {
            let limit = RateLimit::new(20);
            taken(&limit, one, 0);

            assert_eq!(taken(&limit, other, 0), if is_one { 0 } else { 16 }, "{one} and {other}");
        }
    }

    #[test]
    fn many_addresses_take_no_more_than_their_room_and_nobody_elses() {
        let limit = RateLimit::new(20);
        taken(&limit, "2001:db8::1", 0);
        for number in 0..5 * u32::try_from(ADDRESSES).unwrap() {
            limit.take(Some(IpAddr::from(number.to_be_bytes())), 0).ok().unwrap();
        }

        let kept = limit.addresses.len();
        assert!((ADDRESSES / 2..=ADDRESSES).contains(&kept), "{kept}");
        assert_eq!(taken(&limit, "2001:db8::1", 0), 0);
    }

    /// Held against a bucket that is counted out: it fills by one in each interval, and holds so many.
    #[test]
    fn it_is_a_token_bucket() {
        let limit = RateLimit::new(20);
        let random = crate::random::Random::seeded(1);
        let (mut now_ms, mut tokens_ms) = (0, 16 * 3000);
        for _ in 0..10_000 {
            let passed_ms = i64::from(random.below(250)) * i64::from(random.below(40));
            now_ms += passed_ms;
            tokens_ms = (tokens_ms + passed_ms).min(16 * 3000);
            let may = tokens_ms >= 3000;

            let leave = limit.take(None, now_ms);

            assert_eq!(leave.is_ok(), may, "at {now_ms}");
            if may {
                tokens_ms -= 3000;
            }
        }
    }
}
