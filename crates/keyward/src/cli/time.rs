//! Times as people write and read them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// `time` (RFC 3339) in the words of the VAMS dialect's `createdAt`: `2026-11-22T01:38:52.123000+00:00`.
pub(crate) fn with_offset(time: &str) -> String {
    time.parse::<Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string())
}

/// `time` (RFC 3339) in the words of the VAMS dialect's `createdOn`: UTC, without saying so.
pub(crate) fn naive_seconds(time: &str) -> String {
    time.parse::<Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// `time` (RFC 3339) in the words of the VAMS dialect's `timestamp`: UTC with microseconds, without saying
/// so.
pub(crate) fn naive_micros(time: &str) -> String {
    time.parse::<Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

/// `time` (RFC 3339) for a table: `2026-11-22 01:38 UTC`.
pub(crate) fn short(time: &str) -> String {
    time.parse::<Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Seconds since the epoch as RFC 3339 in UTC: `2026-11-22T01:38:52Z`.
pub(crate) fn from_seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// When a token ends: seconds since the epoch, `+3600` from now, or anything ISO 8601. A date alone means the
/// end of that day, and what names no zone is UTC.
pub(crate) fn parse_expiry(text: &str, now_seconds: i64) -> Option<i64> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix('+') {
        let seconds: i64 = seconds.parse().ok().filter(|&seconds| seconds > 0)?;
        return now_seconds.checked_add(seconds);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let in_utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok().map(Timestamp::as_second);
    if let Ok(day) = text.parse::<Date>()
        && !text.contains(['T', ' '])
    {
        return in_utc(day.at(23, 59, 59, 0));
    }
    in_utc(text.parse().ok()?)
}

/// A point in time to search from: RFC 3339 as it is, or `24h` for that long before now.
pub(crate) fn parse_moment(text: &str, now_seconds: i64) -> Option<String> {
    if let Some(seconds) = parse_duration(text) {
        return Some(from_seconds(now_seconds.checked_sub(i64::try_from(seconds).ok()?)?));
    }
    let date = text.parse::<Date>().ok().filter(|_| !text.contains(['T', ' ']));
    if let Some(date) = date {
        return Some(format!("{date}T00:00:00Z"));
    }
    if text.parse::<Timestamp>().is_ok() {
        return Some(text.to_owned());
    }
    text.parse::<DateTime>().ok().map(|time| format!("{time}Z"))
}

/// Seconds in `24h`, `90m`, `7d`, `1d12h`; a number alone counts seconds.
pub(crate) fn parse_duration(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.chars().next()?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
        rest = after.get(1..)?;
    }
    (total > 0 || text.starts_with('0')).then_some(total)
}

/// Seconds in a span of time that is said with its unit (or is none at all): a number alone would be seconds,
/// and whoever types 24 means hours.
pub(crate) fn parse_span(text: &str) -> Option<u64> {
    let has_unit = text == "0" || text.ends_with(|last: char| last.is_ascii_alphabetic());
    parse_duration(text).filter(|_| has_unit)
}

/// How long `seconds` are, in the two largest units: `1 day 3 hours`.
pub(crate) fn spoken(seconds: i64) -> String {
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (name, length) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_units() {
        assert_eq!(parse_duration("24h"), Some(86_400));
        assert_eq!(parse_duration("1d12h"), Some(129_600));
        assert_eq!(parse_duration("90"), Some(90));
        assert_eq!(parse_duration("0"), Some(0));
        assert_eq!(parse_duration("0s"), Some(0));
        for wrong in ["", "h", "24", "24x", "-1h", "1.5h", "24h x", "1ä", "99999999999999999999w"] {
            assert_eq!(parse_duration(wrong), wrong.parse().ok(), "{wrong}");
        }
    }

    #[test]
    fn an_expiry_without_a_zone_is_utc_and_a_date_lasts_to_its_end() {
        assert_eq!(parse_expiry("+3600", 1000), Some(4600));
        assert_eq!(parse_expiry("1735689599", 0), Some(1_735_689_599));
        assert_eq!(parse_expiry("2024-12-31T23:59:59Z", 0), Some(1_735_689_599));
        assert_eq!(parse_expiry("2024-12-31T23:59:59", 0), Some(1_735_689_599));
        assert_eq!(parse_expiry("2024-12-31", 0), Some(1_735_689_599));
        assert_eq!(parse_expiry("2025-01-01T00:59:59+01:00", 0), Some(1_735_689_599));
        for wrong in ["", "+", "+-5", "tomorrow", "2024-13-01"] {
            assert_eq!(parse_expiry(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn a_moment_may_be_so_long_ago() {
        assert_eq!(parse_moment("24h", 86_400).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(parse_moment("2026-11-22", 0).as_deref(), Some("2026-11-22T00:00:00Z"));
        assert_eq!(
            parse_moment("2026-11-22T10:00:00+01:00", 0).as_deref(),
            Some("2026-11-22T10:00:00+01:00")
        );
        assert_eq!(parse_moment("2026-11-22T10:00", 0).as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(parse_moment("yesterday", 0), None);
    }

    #[test]
    fn times_are_told_in_the_words_of_the_dialect() {
        let time = "2026-11-22T01:38:52.120Z";

        assert_eq!(with_offset(time), "2026-11-22T01:38:52.120000+00:00");
        assert_eq!(naive_seconds(time), "2026-11-22T01:38:52");
        assert_eq!(naive_micros(time), "2026-11-22T01:38:52.120000");
        assert_eq!(short(time), "2026-11-22 01:38 UTC");
        assert_eq!(short("whatever"), "whatever");
    }

    #[test]
    fn a_span_is_spoken_in_its_two_largest_units() {
        assert_eq!(spoken(97_200), "1 day 3 hours");
        assert_eq!(spoken(3600), "1 hour");
        assert_eq!(spoken(3661), "1 hour 1 minute");
        assert_eq!(spoken(86_401), "1 day");
        assert_eq!(spoken(0), "0 seconds");
        assert_eq!(spoken(-5), "0 seconds");
    }
}
