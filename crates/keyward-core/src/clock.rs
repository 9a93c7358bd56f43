//! The only place that asks what time it is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Where Keyward takes the time from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until a test moves it; milliseconds since the epoch, UTC.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now_ms` (milliseconds since the epoch, UTC) until it is moved.
    pub fn fixed(now_ms: i64) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Milliseconds since the epoch, UTC.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the time")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)),
            Self::Fixed(now_ms) => now_ms.load(Ordering::SeqCst),
        }
    }

    /// Whole seconds since the epoch, UTC, as tokens count time.
    pub fn now_seconds(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Milliseconds that only ever grow, from some moment on: for how long ago something was, whatever
    /// happens to the calendar.
    pub fn monotonic_ms(&self) -> i64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX),
            Self::Fixed(_) => self.now_ms(),
        }
    }

    /// Moves a fixed clock by `ms`; a system clock can't be moved and stays.
    pub fn advance_ms(&self, ms: i64) {
        if let Self::Fixed(now_ms) = self {
            now_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

/// `ms` (since the epoch, UTC) as RFC 3339 with milliseconds: `2027-06-30T23:59:59.000Z`.
///
/// A moment that no calendar knows is given as the epoch's bound, never as an error: it is only shown.
pub fn rfc3339(ms: i64) -> String {
    let timestamp =
        Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{timestamp:.3}")
}
