//! `RevokeToken`.

use keyward_core::caller::Origin;
use keyward_core::error::Code;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::Deserialize;

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RevokeToken {
    token: Secret,
    client_id: String,
}

pub(super) async fn revoke(keyward: &Keyward, origin: &Origin, input: RevokeToken) -> Result<Nothing, Fault> {
    match keyward.revoke_refresh_token(origin, &input.client_id, &input.token).await {
        Ok(()) => Ok(Nothing {}),
        Err(error) if error.code == Code::Unsupported => {
            Err(Fault::Named("UnsupportedTokenTypeException", error))
        }
        Err(error) if error.code == Code::Unauthenticated => {
            Err(Fault::Named("UnauthorizedException", error))
        }
        Err(error) => Err(error.into()),
    }
}
