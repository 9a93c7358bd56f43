//! `RevokeToken`.

use keyward_core::caller::Origin;
use keyward_core::error::Code;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::Deserialize;

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::input::{CLIENT_ID, Checks, TOKEN};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RevokeToken {
    token: Option<Secret>,
    client_id: Option<String>,
}

pub(super) async fn revoke(keyward: &Keyward, origin: &Origin, input: RevokeToken) -> Result<Nothing, Fault> {
    let mut checks = Checks::default();
    let token = checks.required("token", input.token, &TOKEN);
    let client_id = checks.required("clientId", input.client_id, &CLIENT_ID);
    checks.finish()?;
    match keyward.revoke_refresh_token(origin, &client_id, &token).await {
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
