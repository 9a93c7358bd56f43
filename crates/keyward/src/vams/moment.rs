//! Moments, in the three ways that VAMS writes them.

use keyward_core::clock::rfc3339;

/// `2027-01-15T12:00:00.000000+00:00`
pub(super) fn zoned(ms: i64) -> String {
    format!("{}+00:00", naive(ms))
}

/// `2027-01-15T12:00:00.000000`, in UTC.
pub(super) fn naive(ms: i64) -> String {
    format!("{}000", rfc3339(ms).trim_end_matches('Z'))
}

/// `2027-01-15T12:00:00`, in UTC.
pub(super) fn naive_seconds(ms: i64) -> String {
    let text = rfc3339(ms);
    text.split_once('.').map_or(text.as_str(), |(seconds, _)| seconds).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_vams_writes_it() {
        let ms = 1_800_014_400_123;

        assert_eq!(zoned(ms), "2027-01-15T12:00:00.123000+00:00");
        assert_eq!(naive(ms), "2027-01-15T12:00:00.123000");
        assert_eq!(naive_seconds(ms), "2027-01-15T12:00:00");
    }
}
