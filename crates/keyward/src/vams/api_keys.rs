//! API keys: `/auth/api-keys`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use keyward_core::api_key::{ApiKey, ApiKeyQuery, ApiKeyState, ApiKeyUpdate, NewApiKey};
use keyward_core::error::{Error, Result};
use keyward_core::keyward::Keyward;
use keyward_core::permission::{MANAGE_API_KEYS, Permission, VIEW_API_KEYS};
use keyward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Body, Failure, Path};
use crate::vams::caller::{Signed, read, told};
use crate::vams::field::{self, Text, present};
use crate::vams::moment::zoned;
use crate::vams::paging::Wanted;

pub(super) const SEE: &[&str] = &[VIEW_API_KEYS, MANAGE_API_KEYS];
pub(super) const MANAGE: &[&str] = &[MANAGE_API_KEYS];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    items: Vec<ShownKey>,
}

/// A key as VAMS shows it: all texts, also those that are dates or truths. Those from `publicId` on are ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownKey {
    api_key_id: String,
    api_key_name: String,
    description: String,
    user_id: String,
    created_by: String,
    created_at: String,
    updated_at: String,
    /// As it was written; empty when there is none.
    expires_at: String,
    is_active: &'static str,
    /// Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Secret>,
    public_id: String,
    state: ApiKeyState,
    scope: Option<Vec<Permission>>,
    allowed_addresses: Vec<String>,
    owner: Option<String>,
    review_at: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateApiKey {
    api_key_name: Option<Text>,
    user_id: Option<Text>,
    description: Option<Text>,
    expires_at: Option<Text>,
    scope: Option<Vec<String>>,
    allowed_addresses: Option<Vec<String>>,
    owner: Option<Text>,
    review_at: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "absent, cleared and set are three things")]
pub(super) struct UpdateApiKey {
    description: Option<Text>,
    expires_at: Option<Text>,
    is_active: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<Option<Vec<String>>>,
    allowed_addresses: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    owner: Option<Option<Text>>,
    #[serde(default, deserialize_with = "present")]
    review_at: Option<Option<Text>>,
}

impl ShownKey {
    fn new(keyward: &Keyward, key: ApiKey) -> Self {
        let state = key.state(keyward.clock().now_ms());
        let (last_used_at, last_used_from) = key.last_used.map_or((None, None), |last| {
            (Some(zoned(last.at_ms)), last.address.map(|address| address.to_string()))
        });
        Self {
            api_key_id: key.id,
            api_key_name: key.name,
            description: key.description,
            user_id: key.username,
            created_by: key.created_by,
            created_at: zoned(key.created_at_ms),
            updated_at: zoned(key.updated_at_ms),
            expires_at: key.expires_at.unwrap_or_default(),
            is_active: if key.active { "true" } else { "false" },
            api_key: None,
            public_id: key.public_id,
            state,
            scope: key.scope,
            allowed_addresses: key.allowed_addresses.iter().map(ToString::to_string).collect(),
            owner: key.owner,
            review_at: key.review_at,
            last_used_at,
            last_used_from,
        }
    }
}

impl CreateApiKey {
    fn check(self) -> Result<NewApiKey> {
        let name = field::required("apiKeyName", self.api_key_name)?;
        let name = field::string_256("apiKeyName", field::not_global("apiKeyName", name)?)?;
        Ok(NewApiKey {
            name,
            user: field::user_id("userId", self.user_id)?,
            description: field::string_256("description", field::required("description", self.description)?)?,
            expires_at: self.expires_at.map(|Text(text)| text),
            scope: self.scope,
            allowed_addresses: self.allowed_addresses.unwrap_or_default(),
            owner: filled(self.owner),
            review_at: filled(self.review_at),
        })
    }
}

impl UpdateApiKey {
    fn check(self) -> Result<ApiKeyUpdate> {
        let description =
            self.description.map(|Text(text)| field::string_256("description", text)).transpose()?;
        let update = ApiKeyUpdate {
            description,
            expires_at: self.expires_at.map(|Text(text)| text),
            active: self.is_active.map(is_active).transpose()?,
            scope: self.scope,
            allowed_addresses: self.allowed_addresses,
            owner: self.owner.map(filled),
            review_at: self.review_at.map(filled),
            if_match: None,
        };
        if changes_nothing(&update) {
            let message = "At least one of 'description', 'expiresAt', or 'isActive' must be provided";
            return Err(Error::invalid("description", message));
        }
        Ok(update)
    }
}

/// Every key, however many there are.
pub(super) async fn list(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
) -> Result<Json<Listed>, Failure> {
    let (keyward, caller) = (&keyward, &caller);
    let list = |page| async move {
        keyward.list_api_keys(caller, &ApiKeyQuery { page, ..ApiKeyQuery::default() }).await
    };
    let keys = Wanted::all().of(list).await?.items;
    Ok(Json(Listed { items: keys.into_iter().map(|key| ShownKey::new(keyward, key)).collect() }))
}

pub(super) async fn get(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Result<Json<ShownKey>, Failure> {
    let id = told(&caller, SEE, field::uuid("apiKeyId", &id).map_err(Failure::from))?;
    let key = keyward.api_key(&caller, &id).await?;
    Ok(Json(ShownKey::new(&keyward, key)))
}

pub(super) async fn create(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    body: Result<Body<CreateApiKey>, Failure>,
) -> Result<Json<ShownKey>, Failure> {
    let new = read(&caller, MANAGE, body, CreateApiKey::check)?;
    let issued = keyward.create_api_key(&caller, new).await?;
    Ok(Json(ShownKey { api_key: Some(issued.secret), ..ShownKey::new(&keyward, issued.key) }))
}

pub(super) async fn update(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    body: Result<Body<UpdateApiKey>, Failure>,
) -> Result<Json<ShownKey>, Failure> {
    let id = told(&caller, MANAGE, field::uuid("apiKeyId", &id).map_err(Failure::from))?;
    let update = read(&caller, MANAGE, body, UpdateApiKey::check)?;
    let key = keyward.update_api_key(&caller, &id, update).await?;
    Ok(Json(ShownKey::new(&keyward, key)))
}

pub(super) async fn delete(
    State(keyward): State<Arc<Keyward>>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let id = told(&caller, MANAGE, field::uuid("apiKeyId", &id).map_err(Failure::from))?;
    let key = keyward.delete_api_key(&caller, &id, None).await?;
    Ok(Json(json!({ "message": format!("API key '{}' deleted successfully", key.id) })))
}

/// VAMS keeps whatever it is sent, and then takes all but `true` for false: here a typing error is refused.
fn is_active(value: Value) -> Result<bool> {
    match value {
        Value::Bool(active) => Ok(active),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(Error::invalid("isActive", "isActive must be 'true' or 'false'")),
    }
}

fn changes_nothing(update: &ApiKeyUpdate) -> bool {
    update.description.is_none()
        && update.expires_at.is_none()
        && update.active.is_none()
        && update.scope.is_none()
        && update.allowed_addresses.is_none()
        && update.owner.is_none()
        && update.review_at.is_none()
}

/// An empty text stands for none, as it does in `expiresAt`.
fn filled(text: Option<Text>) -> Option<String> {
    text.map(|Text(text)| text).filter(|text| !text.is_empty())
}
