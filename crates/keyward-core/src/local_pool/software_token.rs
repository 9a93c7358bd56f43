//! One-time codes of an authenticator application: TOTP (RFC 6238) with SHA-1, six digits and steps of 30
//! seconds, the only parameters that every application understands.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use totp_rs::{Algorithm, Builder};

use crate::random::Random;
use crate::secret::Secret;

const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;
/// 160 bits, as RFC 4226, section 4, recommends: exactly 32 characters of base32. pyotp refuses less than 112
/// bits, and Cognito's `SecretCode` allows letters and digits alone, so no padding.
const SECRET_BYTES: usize = 20;

/// A new secret to be shared with the application: 32 characters of base32, Cognito's `SecretCode`.
pub fn generate(random: &Random) -> Secret {
    Secret::from(totp_rs::Secret::new_stack(random.bytes::<SECRET_BYTES>()).to_base32())
}

/// The step (of 30 seconds, counted from the epoch) whose code `code` is: that of `now_seconds` (since the
/// epoch), the one before or the one after. `None` when it is none of them, when it isn't exactly six ASCII
/// digits, or when `secret` is no base32.
///
/// A code must be good once: the caller keeps the step of the last accepted code, and accepts later ones
/// alone (RFC 6238, section 5.2).
pub fn matching_step(secret: &Secret, code: &str, now_seconds: i64) -> Option<i64> {
    if code.len() != usize::from(DIGITS) || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let secret =
        totp_rs::Secret::try_from_base32(secret.expose()).ok().filter(|secret| !secret.is_empty())?;
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret)
        .build_noncompliant();
    let now = u64::try_from(now_seconds).ok()? / STEP_SECONDS;
    // All three are looked at, whichever matches. Where two steps have the same code, the later one counts:
    // it uses up both.
    let mut matching = None;
    for step in now.saturating_sub(1)..=now.saturating_add(1) {
        let expected = totp.generate(step.checked_mul(STEP_SECONDS)?).to_string();
        if verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok() {
            matching = i64::try_from(step).ok();
        }
    }
    matching
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The secret of RFC 6238, appendix B: `12345678901234567890`.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    /// Time and code of RFC 6238, appendix B, for SHA-1; the last six of its eight digits, which are the code
    /// of six digits (RFC 4226, section 5.3: both are the same number modulo a power of ten).
    const RFC_CODES: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn code_at(secret: &Secret, seconds: i64) -> String {
        let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
        let totp = Builder::new().with_secret(secret).build_noncompliant();
        totp.generate(u64::try_from(seconds).unwrap()).to_string()
    }

    #[test]
    fn the_codes_of_the_rfc_match_in_their_step_and_its_neighbours_alone() {
        let secret = Secret::from(RFC_SECRET);
        for (seconds, code) in RFC_CODES {
            let step = seconds / 30;

            assert_eq!(matching_step(&secret, code, seconds), Some(step));
            assert_eq!(matching_step(&secret, code, (step + 2) * 30 - 1), Some(step), "the step after");
            assert_eq!(matching_step(&secret, code, (step + 2) * 30), None, "two steps after");
            assert_eq!(matching_step(&secret, code, (step - 1) * 30), Some(step), "the step before");
            assert_eq!(matching_step(&secret, code, (step - 1) * 30 - 1), None, "two steps before");
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        let secret = Secret::from(RFC_SECRET);
        for wrong in ["", "28708", "2870822", "+87082", " 287082", "287 082", "28708２", "94287082", "287O82"]
        {
            assert_eq!(matching_step(&secret, wrong, 59), None, "{wrong}");
        }
        assert_eq!(matching_step(&secret, "287083", 59), None);
    }

    #[test]
    fn a_generated_secret_is_one_that_cognito_could_have_given() {
        let random = Random::seeded(1);
        let secret = generate(&random);

        assert_eq!(secret.expose().len(), 32);
        assert!(
            secret.expose().bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
        );
        assert!(secret != generate(&random));
        let code = code_at(&secret, 1_795_311_532);
        assert_eq!(matching_step(&secret, &code, 1_795_311_532), Some(1_795_311_532 / 30));
        assert_eq!(matching_step(&generate(&random), &code, 1_795_311_532), None);
    }

    #[test]
    fn the_later_of_two_steps_with_the_same_code_counts() {
        let secret = Secret::from(RFC_SECRET);
        let step = 910_737;
        assert_eq!(code_at(&secret, step * 30), "911617");
        assert_eq!(code_at(&secret, (step + 1) * 30), "911617");

        assert_eq!(matching_step(&secret, "911617", step * 30), Some(step + 1));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            secret in "\\PC*", base32 in "[A-Z2-7]{0,64}", code in "\\PC{0,8}", digits in "[0-9]{6}", now: i64
        ) {
            let _ = matching_step(&Secret::from(secret.as_str()), &code, now);
            let _ = matching_step(&Secret::from(base32.as_str()), &digits, now);
            let _ = matching_step(&Secret::from(RFC_SECRET), &digits, now);
        }
    }
}
