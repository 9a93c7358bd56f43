//! How old what is known of the directory's users is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use quick_cache::sync::Cache;

use super::Inner;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};

/// Of how many users it is remembered when they were asked for.
const REMEMBERED_USERS: usize = 50_000;
/// For how long those who wait, or come next, have the answer of an attempt that has failed.
const FAILURE_PAUSE_MS: i64 = 1000;

/// When the directory was last asked for what.
pub(super) struct Looks {
    users: Cache<String, Arc<Look>>,
    members: Look,
}

/// When something was last asked for, by the clock that nobody sets back and by the calendar's, which goes on
/// while the machine sleeps.
#[derive(Debug)]
pub(super) struct Look {
    at_ms: [AtomicI64; 2],
    failed_at_ms: AtomicI64,
    /// One asks, the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

/// A moment by both clocks.
pub(super) type Moment = [i64; 2];

/// Now.
pub(super) fn moment(clock: &Clock) -> Moment {
    [clock.monotonic_ms(), clock.now_ms()]
}

impl Default for Looks {
    fn default() -> Self {
        Self { users: Cache::new(REMEMBERED_USERS), members: Look::never() }
    }
}

impl Looks {
    fn user(&self, user_id: &str) -> Arc<Look> {
        if let Some(look) = self.users.get(user_id) {
            return look;
        }
        let new = || Ok::<_, std::convert::Infallible>(Arc::new(Look::never()));
        self.users.get_or_insert_with::<str, _>(user_id, new).unwrap_or_else(|never| match never {})
    }

    /// What is known of the user is of this moment.
    pub(super) fn note(&self, user_id: &str, moment: Moment) {
        self.user(user_id).note(moment);
    }

    /// What is known isn't to be gone by any more.
    pub(super) fn forget_members(&self) {
        self.members.note([i64::MIN / 2; 2]);
    }
}

impl Look {
    fn never() -> Self {
        Self {
            at_ms: [const { AtomicI64::new(i64::MIN / 2) }; 2],
            failed_at_ms: AtomicI64::new(i64::MIN / 2),
            asking: tokio::sync::Mutex::default(),
        }
    }

    fn note(&self, moment: Moment) {
        for (at_ms, now_ms) in self.at_ms.iter().zip(moment) {
            at_ms.store(now_ms, Ordering::Release);
        }
    }

    fn is_fresh(&self, now: Moment, bound_ms: i64) -> bool {
        let mut ages =
            self.at_ms.iter().zip(now).map(|(at, now_ms)| now_ms.saturating_sub(at.load(Ordering::Acquire)));
        ages.all(|age_ms| age_ms <= bound_ms)
    }

    /// Asks, unless somebody has just done so.
    async fn look(&self, inner: &Inner, ask: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let _asking = self.asking.lock().await;
        let now = moment(&inner.clock);
        if self.is_fresh(now, inner.settings.bound_ms) {
            return Ok(());
        }
        let [now_ms, _] = now;
        if now_ms.saturating_sub(self.failed_at_ms.load(Ordering::Acquire)) < FAILURE_PAUSE_MS {
            return Err(unreachable());
        }
        match ask().await {
            Ok(()) => {
                self.note(now);
                Ok(())
            }
            Err(error) => {
                self.failed_at_ms.store(inner.clock.monotonic_ms(), Ordering::Release);
                Err(error)
            }
        }
    }
}

impl Inner {
    pub(super) fn is_fresh(&self, user_id: &str) -> bool {
        let now = moment(&self.clock);
        self.looks.users.get(user_id).is_some_and(|look| look.is_fresh(now, self.settings.bound_ms))
    }

    pub(super) async fn refresh(&self, user_id: &str) -> Result<()> {
        let look = self.looks.user(user_id);
        // A program user, whom no directory knows, is found here without asking; so is nobody.
        look.look(self, async || self.find_by_id(user_id).await.map(drop)).await
    }

    pub(super) async fn look_at_members_within_bound(&self) -> Result<()> {
        let members = &self.looks.members;
        if members.is_fresh(moment(&self.clock), self.settings.bound_ms) {
            return Ok(());
        }
        members.look(self, async || self.look_at_members().await).await
    }
}

/// The error for a directory that has just failed to answer somebody else.
fn unreachable() -> Error {
    Error::new(Code::Unavailable, "The user pool doesn't answer now; try again in a moment.")
}
