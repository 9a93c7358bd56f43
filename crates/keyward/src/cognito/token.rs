//! Refresh tokens: `GetTokensFromRefreshToken`, `RevokeToken`.

use keyward_core::caller::Origin;
use keyward_core::error::Code;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::sign_in::AuthenticationResult;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RevokeToken {
    token: Secret,
    client_id: String,
    client_secret: Option<Secret>,
}

/// `DeviceKey` among the members means nothing: no device is remembered.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTokens {
    refresh_token: Secret,
    client_id: String,
    client_secret: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTokensAnswer {
    authentication_result: AuthenticationResult,
}

pub(super) async fn get(
    keyward: &Keyward,
    origin: &Origin,
    input: GetTokens,
) -> Result<GetTokensAnswer, Fault> {
    let GetTokens { refresh_token, client_id, client_secret } = input;
    match keyward.rotate(origin, &client_id, client_secret.as_ref(), &refresh_token).await {
        Ok(tokens) => Ok(GetTokensAnswer { authentication_result: tokens.into() }),
        Err(error) if error.code == Code::CodeExpired => {
            Err(Fault::Named("RefreshTokenReuseException", error))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn revoke(keyward: &Keyward, origin: &Origin, input: RevokeToken) -> Result<Nothing, Fault> {
    let RevokeToken { token, client_id, client_secret } = input;
    match keyward.revoke_refresh_token(origin, &client_id, client_secret.as_ref(), &token).await {
        Ok(()) => Ok(Nothing {}),
        Err(error) if error.code == Code::Conflict => {
            Err(Fault::Named("UnsupportedOperationException", error))
        }
        Err(error) if error.code == Code::Unsupported => {
            Err(Fault::Named("UnsupportedTokenTypeException", error))
        }
        Err(error) if error.code == Code::Unauthenticated => {
            Err(Fault::Named("UnauthorizedException", error))
        }
        Err(error) => Err(error.into()),
    }
}
