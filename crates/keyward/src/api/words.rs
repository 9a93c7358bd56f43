//! Members that hold one of a few words: the core's closed lists, as JSON and in the OpenAPI document.

use keyward_core::access::Reason as CoreReason;
use keyward_core::api_key::ApiKeyState as CoreApiKeyState;
use keyward_core::audit::Outcome as CoreOutcome;
use keyward_core::production::KeyRisk as CoreKeyRisk;
use keyward_core::user::{UserKind as CoreUserKind, UserStatus as CoreUserStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Wraps an enum of the core whose words are those of its own `Serialize`. A variant that is missing here
/// doesn't compile.
macro_rules! words {
    ($name:ident($core:ty) = $($variant:ident)|+, $description:literal $(, $derive:ident)?) => {
        #[derive(Debug, Clone, Copy, Serialize $(, $derive)?)]
        #[serde(transparent)]
        pub(super) struct $name(pub(super) $core);

        impl $name {
            const ALL: &[$core] = &[$(<$core>::$variant),+];
        }

        impl From<$core> for $name {
            fn from(word: $core) -> Self {
                match word {
                    $(<$core>::$variant)|+ => Self(word),
                }
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema_of(Self::ALL, $description)
            }
        }

        impl ToSchema for $name {}
    };
}

words!(
    UserKind(CoreUserKind) = Account | Program,
    "A person's account, or a name that Keyward alone knows, without password or sign-in.",
    Deserialize
);

words!(
    UserStatus(CoreUserStatus) = Unconfirmed | Confirmed | ResetRequired | ForceChangePassword,
    "Where an account stands, in Cognito's words."
);

words!(
    ApiKeyState(CoreApiKeyState) = Active | Disabled | Expired | UserDisabled,
    "Whether the key works now, and if not, why."
);

words!(
    KeyRisk(CoreKeyRisk) = NeverExpires | Unused | UserDisabled | MadeByTestUser,
    "What is wrong about a key: it has no end, was not used for 90 days, its user is disabled, with whom it \
     would come back, or a test user has made it."
);

words!(
    Outcome(CoreOutcome) = Done | Refused | Failed,
    "What became of the act: carried out, not permitted, or tried without success."
);

words!(
    Reason(CoreReason) = UnknownCredential
        | Expired
        | Disabled
        | UserDisabled
        | SignedOut
        | AddressNotAllowed
        | NoRoles
        | NotGranted
        | MfaRequired
        | OutsideScope,
    "Why the answer is no. `unknown_credential`: no such key or token, or not a good one. `expired`: it \
     has ended. `disabled`: the key was disabled. `user_disabled`: its user was. `signed_out`: the user \
     signed out, or was signed out. `address_not_allowed`: the key may not be used from that address. \
     `no_roles`: the user has no role. `not_granted`: no role grants it. `mfa_required`: a role that \
     needs MFA would. `outside_scope`: the user may, but the key's scope leaves it out."
);

fn schema_of<T: Serialize>(all: &[T], description: &str) -> RefOr<Schema> {
    let words = all.iter().map(|word| serde_json::to_value(word).unwrap_or_default()).collect::<Vec<Value>>();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .description(Some(description))
        .into()
}
