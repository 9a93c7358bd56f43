//! `keyward whoami`: what the server makes of the credential.

use serde::Serialize;

use super::context::{Context, shown};
use super::failure::Result;
use super::time;
use crate::client::Caller;

/// A caller as JSON; `userId` is the name, as everywhere in this program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallerJson {
    pub kind: String,
    pub user_id: String,
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_name: Option<String>,
    pub roles: Vec<String>,
    pub permissions: Vec<String>,
    pub mfa: bool,
    pub expires_at: Option<String>,
}

impl From<Caller> for CallerJson {
    fn from(caller: Caller) -> Self {
        Self {
            kind: caller.kind,
            user_id: caller.username,
            sub: caller.user_id,
            api_key_id: caller.api_key_id,
            api_key_name: caller.api_key_name,
            roles: caller.roles,
            permissions: caller.permissions,
            mfa: caller.mfa,
            expires_at: caller.expires_at,
        }
    }
}

impl CallerJson {
    /// What a person reads.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let list = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let credential = match self.kind.as_str() {
            "api_key" => format!("API key {}", self.api_key_name.as_deref().unwrap_or_default()),
            _ if self.mfa => "signed in, with MFA".to_owned(),
            _ => "signed in, without MFA".to_owned(),
        };
        let mut fields =
            vec![("User", self.user_id.clone()), ("Credential", credential.trim_end().to_owned())];
        fields.push(("Roles", list(&self.roles)));
        fields.push(("Permissions", list(&self.permissions)));
        fields.extend(self.expires_at.as_ref().map(|at| ("Valid until", time::short(at))));
        fields
    }
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    caller: CallerJson,
    url: String,
    profile: String,
}

pub(crate) async fn run(context: &Context) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let caller = CallerJson::from(output.waiting("Asking the server", client.me()).await?);
    let url = shown(client.base());
    if output.json {
        return output.json(&Answer { caller, url, profile: context.profile.to_string() });
    }
    let mut fields = caller.fields();
    fields.insert(0, ("Server", url));
    output.fields(&fields)?;
    if caller.roles.is_empty() {
        output.note("Without a role nothing is allowed. Somebody who may give roles types:");
        output.note(&format!("`keyward role user create -u {} --role-name ROLE`", caller.user_id));
    }
    Ok(())
}
