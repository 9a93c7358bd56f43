//! Members of a request body that may be absent, null or given, which are three things.

use serde::{Deserialize, Deserializer};

/// For an `Option` with `#[serde(default)]`: absent is `None`, and null is refused, for it would mean
/// nothing.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For an `Option<Option<T>>` with `#[serde(default)]`: absent is `None`, null is `Some(None)`.
#[expect(clippy::option_option, reason = "absent, null and given are three things")]
pub(super) fn clearable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
