//! What a pool does that fails in the middle, and a process that dies there: nothing is half-made, and the second
//! run completes.

use std::time::Duration;

use keyward_core::audit::AuditQuery;
use keyward_core::error::Code;
use keyward_core::remote_pool::UserPoolService as _;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserStatus};

use crate::elsewhere::behind_a_proxy;
use crate::evidence;
use crate::home::{Elsewhere, Home, PASSWORD, Place, new_user, open, operator};
use crate::proxy::{Fault, Proxy, Which};

/// More calls than making a user takes.
const MOST_CALLS: usize = 12;

/// An account with a password for good and two groups, which takes several calls.
fn new(name: &str) -> NewUser {
    NewUser { password: Some(Secret::from(PASSWORD)), ..new_user(name, &["RESEARCHERS", "CLINICIANS"]) }
}

/// Whether the account is there, and then whole.
async fn is_whole(elsewhere: &Elsewhere, name: &str) -> bool {
    let Some(user) = elsewhere.service.user(name).await.unwrap() else { return false };
    let mut groups = elsewhere.service.groups_of(name).await.unwrap();
    groups.sort_unstable();
    assert_eq!(
        (user.status, groups),
        (UserStatus::Confirmed, vec!["CLINICIANS".to_owned(), "RESEARCHERS".to_owned()])
    );
    true
}

/// Makes users while the n-th call fails so, for every n; then once more, with all well.
async fn fails_at_every_call(fault: Fault, which: fn(usize) -> Which) {
    let (home, proxy) = behind_a_proxy(Duration::from_mins(1)).await;
    for number in 1..=MOST_CALLS {
        let name = format!("user{number}@example.com");
        proxy.let_fail(which(number), fault);
        let first = home.keyward.create_user(&operator(), new(&name)).await;
        let was_hit = proxy.calls() >= number;
        proxy.heal();
        if let Err(error) = &first {
            let is_told = matches!(error.code, Code::Unavailable | Code::TooManyRequests(_));
            assert!(is_told, "{fault:?} at {number}: {error:?}");
        } else {
            assert!(is_whole(home.elsewhere(), &name).await);
        }

        let second = home.keyward.create_user(&operator(), new(&name)).await;

        match (&first, &second) {
            (Err(_), Ok(_)) | (Ok(_), Err(_)) => {}
            // It was whole when the answer was lost.
            (Err(_), Err(error)) => {
                assert!(matches!(error.code, Code::AlreadyExists(_)), "{number}: {error:?}");
            }
            (Ok(_), Ok(_)) => panic!("made twice"),
        }
        assert!(is_whole(home.elsewhere(), &name).await, "{fault:?} at {number}");
        let user = home.keyward.user(&operator(), &name).await.unwrap();
        assert_eq!(user.roles, ["CLINICIANS", "RESEARCHERS"]);
        let query = AuditQuery { target: Some(user.id.clone()), ..AuditQuery::default() };
        let events = home.keyward.list_audit(&operator(), &query).await.unwrap().items;
        let done: Vec<_> = events.iter().filter(|event| event.outcome.as_str() == "done").collect();
        assert_eq!(done.len(), 1, "{fault:?} at {number}: {events:?}");
        if !was_hit {
            return;
        }
    }
    panic!("making a user takes more than {MOST_CALLS} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_call_leaves_nothing_half_made() {
    fails_at_every_call(Fault::Throttled, Which::From).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_goes_down_leaves_nothing_half_made() {
    fails_at_every_call(Fault::Failed, Which::From).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_leaves_nothing_half_made() {
    fails_at_every_call(Fault::Failed, Which::Only).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cut_off_leaves_nothing_half_made() {
    fails_at_every_call(Fault::CutBefore, Which::Only).await;
    fails_at_every_call(Fault::CutAfter, Which::Only).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_all_cut_off_leave_nothing_half_made() {
    fails_at_every_call(Fault::CutAfter, Which::From).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_call_leaves_nothing_half_made() {
    fails_at_every_call(Fault::Delayed, Which::Only).await;
}

/// Kills a Keyward while it waits for the n-th call of making a user, and starts it again.
async fn is_killed_at_every_call(is_carried_out: bool) {
    for number in 1..=MOST_CALLS {
        let (folder, proxy) = (evidence::folder(), Proxy::start().await);
        let direct = Elsewhere::in_moto().await;
        // Once in peace, so that pool and roles are there.
        open(&folder, Some(&direct), 60_000).await.close().await;
        let proxied = direct.through(&proxy.url);
        let doomed =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let path = folder.path().to_owned();
        let (opened, is_open) = tokio::sync::oneshot::channel();
        let (go, may_go) = tokio::sync::oneshot::channel::<()>();
        let making = doomed.spawn(async move {
            let keyward = crate::home::open_in(&path, Some(&proxied), 60_000).await;
            opened.send(()).unwrap();
            may_go.await.unwrap();
            keyward.create_user(&operator(), new("ada@example.com")).await.map(drop)
        });
        is_open.await.unwrap();
        proxy.let_fail(Which::From(number), Fault::Hung { is_carried_out });
        go.send(()).unwrap();
        let was_killed = tokio::select! {
            () = proxy.hit() => true,
            made = making => {
                made.unwrap().unwrap();
                false
            }
        };
        doomed.shutdown_background();

        let home = Home::open(Place::Moto, folder, Some(direct.clone()), 60_000).await;
        let second = home.keyward.create_user(&operator(), new("ada@example.com")).await;

        if let Err(error) = &second {
            assert!(matches!(error.code, Code::AlreadyExists(_)), "{number}: {error:?}");
        }
        assert!(is_whole(&direct, "ada@example.com").await, "{number}");
        let user = home.keyward.user(&operator(), "ada@example.com").await.unwrap();
        assert_eq!(user.roles, ["CLINICIANS", "RESEARCHERS"]);
        if !was_killed {
            assert!(second.is_err());
            return;
        }
    }
    panic!("making a user takes more than {MOST_CALLS} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_any_call_is_settled_at_the_next_start() {
    is_killed_at_every_call(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_after_any_call_is_settled_at_the_next_start() {
    is_killed_at_every_call(true).await;
}
