//! How often this machine can hash a password, and sign the two tokens of a sign-in, when it does nothing else:
//! the bare limits of signing in and of refreshing. Prints JSON; takes some seconds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use keyward_core::local_pool::password::{HashingCost, Line, PasswordHasher};
use keyward_core::local_pool::token::{PoolKeys, TokenGrant, TokenLife, TokenSubject};
use keyward_core::random::Random;
use keyward_core::secret::Secret;

const LASTS: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let cores = thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let hasher = PasswordHasher::new(&Random::System, HashingCost::default(), None, 1)?;
    let password = Secret::from("Correct-horse-1");
    let hash = runtime.block_on(hasher.hash(Line::SignIn, &Random::System, &password))?;
    let verifications = a_second(cores, || runtime.block_on(hasher.verify(&password, &hash)).map(drop))?;

    let keys = PoolKeys::generate()?;
    let subject = TokenSubject {
        sub: Random::System.uuid(),
        username: "ada@example.com".to_owned(),
        attributes: BTreeMap::from([("email".to_owned(), "ada@example.com".to_owned())]),
        ..TokenSubject::default()
    };
    let grant = TokenGrant {
        issuer: "http://localhost:8480/us-east-1_k3Y9wRd0A".to_owned(),
        client_id: "4kq0h5f0n1j2m3b4v5c6x7z8l9".to_owned(),
        origin_jti: Random::System.uuid(),
        event_id: Random::System.uuid(),
        auth_time: 1_798_761_600,
    };
    let life = TokenLife { jti: Random::System.uuid(), iat: 1_798_761_600, exp: 1_798_765_200 };
    let pairs = a_second(cores, || {
        keys.sign_id(&subject, &grant, &life)?;
        keys.sign_access(&subject, &grant, &life).map(drop)
    })?;
    let limits = serde_json::json!({ "password_hashes": verifications, "token_pairs": pairs });
    writeln!(std::io::stdout(), "{limits}")?;
    Ok(())
}

/// How often a second all cores together can do this.
fn a_second(cores: usize, work: impl Fn() -> keyward_core::error::Result<()> + Sync) -> anyhow::Result<f64> {
    let began = Instant::now();
    let counts = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0_u32;
                    while began.elapsed() < LASTS {
                        work()?;
                        count += 1;
                    }
                    Ok::<u32, keyward_core::error::Error>(count)
                })
            })
            .collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|outcome| Ok(outcome.map_err(|_| anyhow::anyhow!("a thread panicked"))??))
            .collect::<anyhow::Result<Vec<u32>>>()
    })?;
    Ok(f64::from(counts.into_iter().sum::<u32>()) / began.elapsed().as_secs_f64())
}
