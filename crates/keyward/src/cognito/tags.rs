//! The tags of pools: `TagResource`, `UntagResource`, `ListTagsForResource`.

use std::collections::BTreeMap;

use keyward_core::caller::Caller;
use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use serde::{Deserialize, Serialize};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::user_pools::arn;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource {
    resource_arn: String,
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfResource {
    resource_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) async fn tag(keyward: &Keyward, caller: &Caller, input: TagResource) -> Result<Nothing, Fault> {
    keyward.tag_pool(caller, pool_of(&input.resource_arn)?, input.tags).await?;
    Ok(Nothing {})
}

pub(super) async fn untag(
    keyward: &Keyward,
    caller: &Caller,
    input: UntagResource,
) -> Result<Nothing, Fault> {
    keyward.untag_pool(caller, pool_of(&input.resource_arn)?, &input.tag_keys).await?;
    Ok(Nothing {})
}

pub(super) async fn list(keyward: &Keyward, caller: &Caller, input: OfResource) -> Result<Tags, Fault> {
    let pool = keyward.described_user_pool(caller, pool_of(&input.resource_arn)?).await?;
    Ok(Tags { tags: pool.settings.tags })
}

/// The pool that this ARN names: pools are all that has tags.
fn pool_of(resource_arn: &str) -> Result<&str, Error> {
    let pool_id = resource_arn.rsplit_once(":userpool/").map(|(_, pool_id)| pool_id);
    pool_id
        .filter(|pool_id| arn(pool_id) == resource_arn)
        .ok_or_else(|| Error::invalid("ResourceArn", "Resource ARN does not name a user pool."))
}
