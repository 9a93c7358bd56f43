//! `keyward api-key`: keys for programs, each acting as a user.

mod import;
mod verify;

use clap::{Args, Subcommand, ValueEnum};
use keyward_core::api_key::checksum_fits;
use keyward_core::secret::Secret;
use serde::Serialize;

use super::confirmation::quoted;
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::{Output, Table};
use super::time;
use crate::client::{ApiKey, Change, Client, Error, KeyChange, NewApiKey, Page, Slice, Use};

pub(crate) use verify::told;

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    List(List),
    /// Show one key, never its secret
    #[command(after_help = "Example:\n  keyward api-key show --api-key-id UUID")]
    Show(Id),
    Create(Create),
    Update(Update),
    /// Delete a key: it is refused from the very next request on
    #[command(after_help = "Nothing is asked.\n\nExample:\n  keyward api-key delete --api-key-id UUID")]
    Delete(Id),
    Rotate(Rotate),
    Import(import::Import),
    Verify(verify::Verify),
}

/// List API keys, never their secrets
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward api-key list --user-id ci-bot@example.com")]
pub(crate) struct List {
    /// Only keys that act as this user
    #[arg(long, value_name = "NAME")]
    user_id: Option<String>,
    /// Only the key of this name
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Which key: its id, as `api-key list` shows it
    #[arg(long, value_name = "UUID")]
    api_key_id: String,
}

/// Create an API key, whose secret is shown once
///
/// The key acts as its user and has the rights that this user has at the time, except those of roles that
/// need a second factor.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  keyward api-key create --name "CI Pipeline" --user-id ci-bot@example.com \
      --description "CI/CD access"
  keyward api-key create --name "Temp Key" --user-id dev@example.com \
      --description "Temporary" --expires-at 2027-06-30"#)]
pub(crate) struct Create {
    /// Name of the key; it can't be changed later
    #[arg(long)]
    name: String,
    /// The user that the key acts as, who must hold a role
    #[arg(long, value_name = "NAME")]
    user_id: String,
    /// What the key is for
    #[arg(long, value_name = "TEXT")]
    description: String,
    /// When it ends, ISO 8601; a date alone means the end of that day, UTC [default: never]
    #[arg(long, value_name = "WHEN")]
    expires_at: Option<String>,
    /// Narrow the key to this permission (can be repeated)
    #[arg(long = "scope", value_name = "ACTION:RESOURCE")]
    scopes: Vec<String>,
    /// Accept the key only from these addresses (can be repeated)
    #[arg(long = "allowed-address", value_name = "CIDR")]
    allowed_addresses: Vec<String>,
    /// Who answers for the key
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// When somebody should look whether it is still needed
    #[arg(long, value_name = "DATE")]
    review_at: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Flag {
    True,
    False,
}

/// Change an API key; what isn't named stays as it is
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  keyward api-key update --api-key-id UUID --description "Updated description"
  keyward api-key update --api-key-id UUID --is-active false
  keyward api-key update --api-key-id UUID --expires-at """#)]
pub(crate) struct Update {
    #[command(flatten)]
    id: Id,
    /// What the key is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// When it ends, ISO 8601; "" for never. An expired key needs --is-active true besides
    #[arg(long, value_name = "WHEN")]
    expires_at: Option<String>,
    /// Whether the key is accepted
    #[arg(long, value_enum)]
    is_active: Option<Flag>,
    /// A permission of the new scope, which replaces the old (can be repeated)
    #[arg(long = "scope", value_name = "ACTION:RESOURCE", conflicts_with = "clear_scope")]
    scopes: Vec<String>,
    /// Narrow the key no more
    #[arg(long)]
    clear_scope: bool,
    /// An address of the new list, which replaces the old (can be repeated)
    #[arg(long = "allowed-address", value_name = "CIDR", conflicts_with = "clear_allowed_addresses")]
    allowed_addresses: Vec<String>,
    /// Accept the key from everywhere
    #[arg(long)]
    clear_allowed_addresses: bool,
    /// Who answers for the key; "" clears it
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// When somebody should look whether it is still needed; "" clears it
    #[arg(long, value_name = "DATE")]
    review_at: Option<String>,
}

/// Give a key a new secret, under the same name, scope and rights
///
/// The new secret is shown once. The old one works for as long as --overlap says, and never beyond its own
/// end; while both do, the list shows when and from where each was last used.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward api-key rotate --api-key-id UUID --overlap 24h")]
pub(crate) struct Rotate {
    #[command(flatten)]
    id: Id,
    /// How long the old secret works on: 90s, 30m, 24h, 7d
    #[arg(long, value_name = "SPAN", default_value = "0")]
    overlap: String,
}

/// A key as JSON: the shape that scripts of the real client read, all strings, and then what Keyward adds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    api_key_id: String,
    api_key_name: String,
    description: String,
    user_id: String,
    created_by: String,
    created_at: String,
    updated_at: String,
    expires_at: String,
    is_active: &'static str,
    public_id: Option<String>,
    state: String,
    expires_at_utc: Option<String>,
    scope: Option<Vec<String>>,
    allowed_addresses: Vec<String>,
    owner: Option<String>,
    review_at: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<String>,
    last_used_agent: Option<String>,
    previous: Option<PreviousJson>,
    imported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviousJson {
    public_id: Option<String>,
    valid_until: String,
    last_used_at: Option<String>,
    last_used_from: Option<String>,
    last_used_agent: Option<String>,
}

impl From<ApiKey> for KeyJson {
    fn from(key: ApiKey) -> Self {
        let (last_used_at, last_used_from, last_used_agent) = parts(key.last_used);
        let previous = key.previous.map(|previous| {
            let (last_used_at, last_used_from, last_used_agent) = parts(previous.last_used);
            PreviousJson {
                public_id: previous.public_id,
                valid_until: previous.valid_until,
                last_used_at,
                last_used_from,
                last_used_agent,
            }
        });
        Self {
            api_key_id: key.id,
            api_key_name: key.name,
            description: key.description.unwrap_or_default(),
            user_id: key.username,
            created_by: key.created_by.unwrap_or_default(),
            created_at: time::with_offset(&key.created_at),
            updated_at: time::with_offset(&key.updated_at),
            expires_at: key.expires_at.unwrap_or_default(),
            is_active: if key.active { "true" } else { "false" },
            public_id: key.public_id,
            state: key.state,
            expires_at_utc: key.expires_at_utc,
            scope: key.scope,
            allowed_addresses: key.allowed_addresses,
            owner: key.owner,
            review_at: key.review_at,
            last_used_at,
            last_used_from,
            last_used_agent,
            previous,
            imported: key.imported,
            api_key: key.secret,
        }
    }
}

pub(super) fn parts(last_used: Option<Use>) -> (Option<String>, Option<String>, Option<String>) {
    last_used.map_or((None, None, None), |it| (Some(it.at), it.address, it.user_agent))
}

#[derive(Serialize)]
struct AllKeys {
    #[serde(rename = "Items")]
    items: Vec<KeyJson>,
}

#[derive(Serialize)]
struct Message {
    message: String,
}

pub(crate) async fn run(context: &Context, command: ApiKeyCommand) -> Result<()> {
    match command {
        ApiKeyCommand::List(arguments) => list(context, arguments).await,
        ApiKeyCommand::Show(Id { api_key_id }) => show(context, &api_key_id).await,
        ApiKeyCommand::Create(arguments) => create(context, arguments).await,
        ApiKeyCommand::Update(arguments) => update(context, arguments).await,
        ApiKeyCommand::Delete(Id { api_key_id }) => delete(context, &api_key_id).await,
        ApiKeyCommand::Rotate(arguments) => rotate(context, arguments).await,
        ApiKeyCommand::Import(arguments) => import::run(context, arguments).await,
        ApiKeyCommand::Verify(arguments) => verify::run(context, arguments).await,
    }
}

async fn list(context: &Context, List { user_id, name }: List) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let fetched = all_keys(output, &client, user_id.as_deref(), name.as_deref());
    let mut keys = output.waiting("Fetching API keys", fetched).await?;
    if let Some(name) = &name {
        keys.retain(|key| key.name == *name);
    }
    if output.json {
        return output.json(&AllKeys { items: keys.into_iter().map(KeyJson::from).collect() });
    }
    if keys.is_empty() {
        output.line("No API keys found.")?;
        output.note("Create one: `keyward api-key create --name NAME --user-id USER --description TEXT`");
        return Ok(());
    }
    output.line(&format!("Found {} API key(s)", keys.len()))?;
    let mut table = Table::new()
        .column("Name")
        .whole_column("Key ID")
        .column("User ID")
        .column("Expires")
        .whole_column("Status")
        .column("Last used");
    for key in &keys {
        table.row(&[
            key.name.clone(),
            key.id.clone(),
            key.username.clone(),
            expiry(key),
            status(key),
            usage(key.last_used.as_ref()),
        ]);
        // Who still uses the old secret is what one must know before it ends.
        if let Some(previous) = &key.previous {
            table.row(&[
                "  old secret".to_owned(),
                previous.public_id.clone().unwrap_or_default(),
                String::new(),
                time::short(&previous.valid_until),
                "Overlap".to_owned(),
                usage(previous.last_used.as_ref()),
            ]);
        }
    }
    output.table(table)
}

/// Every key, page after page: scripts of the real client expect them all.
async fn all_keys(
    output: &Output,
    client: &Client,
    user: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<ApiKey>> {
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let slice = Slice { limit: Some(1000), cursor };
        let Page { items, next_cursor } = client.api_keys(slice, user, name).await?;
        keys.extend(items);
        output.detail(&format!("{} keys so far", keys.len()));
        match next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(keys),
        }
    }
}

/// The id of the key that `text` names: an id as it is, else the key of that name.
pub(crate) async fn id_of(client: &Client, text: &str) -> Result<String> {
    if uuid::Uuid::try_parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let page = client.api_keys(Slice::default(), None, Some(text)).await?;
    let found = page.items.into_iter().find(|key| key.name == text).map(|key| key.id);
    found.ok_or_else(|| {
        Failure::new("not-found", format!("There is no API key of the name '{text}'."))
            .hint("`keyward api-key list` shows the keys")
    })
}

async fn show(context: &Context, id: &str) -> Result<()> {
    let client = context.client()?;
    let key = context.output.waiting("Fetching the key", client.api_key(id)).await.map_err(known)?;
    tell(context, key, None)
}

async fn create(context: &Context, arguments: Create) -> Result<()> {
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let key = NewApiKey {
        name: arguments.name,
        user: arguments.user_id.clone(),
        description: arguments.description,
        expires_at: given(arguments.expires_at),
        scope: Some(arguments.scopes).filter(|scopes| !scopes.is_empty()),
        allowed_addresses: arguments.allowed_addresses,
        owner: given(arguments.owner),
        review_at: given(arguments.review_at),
    };
    let client = context.client()?;
    let made = client.create_api_key(&key);
    let made = context.output.waiting("Creating the key", made).await.map_err(|error| {
        let about_roles = matches!(&error, Error::Refused(problem) if problem.detail.contains("no role"));
        let failure = Failure::from(error);
        if about_roles {
            let user = quoted(&arguments.user_id);
            failure.hint(format!("`keyward role user create -u {user} --role-name ROLE` gives one"))
        } else {
            failure
        }
    })?;
    tell(context, made, Some("API key created successfully"))
}

async fn update(context: &Context, arguments: Update) -> Result<()> {
    let listed = |values: Vec<String>| Some(values).filter(|values| !values.is_empty());
    let change = KeyChange {
        description: arguments.description,
        expires_at: arguments.expires_at,
        active: arguments.is_active.map(|flag| matches!(flag, Flag::True)),
        scope: match listed(arguments.scopes) {
            _ if arguments.clear_scope => Change::Clear,
            Some(scopes) => Change::To(scopes),
            None => Change::Keep,
        },
        allowed_addresses: if arguments.clear_allowed_addresses {
            Some(Vec::new())
        } else {
            listed(arguments.allowed_addresses)
        },
        owner: Change::of_option(arguments.owner),
        review_at: Change::of_option(arguments.review_at),
    };
    if change.is_empty() {
        return Err(Failure::new(
            "usage",
            "At least one of --description, --expires-at, or --is-active must be provided",
        )
        .hint("or --scope, --allowed-address, --owner, --review-at"));
    }
    let client = context.client()?;
    let updated = client.update_api_key(&arguments.id.api_key_id, &change);
    let key = context.output.waiting("Updating the key", updated).await.map_err(known)?;
    let sleeps = key.state == "disabled" && change.active.is_none() && change.expires_at.is_some();
    tell(context, key, Some("API key updated successfully"))?;
    if sleeps {
        context.output.note("It had ended and stays disabled: `--is-active true` brings it back.");
    }
    Ok(())
}

async fn delete(context: &Context, id: &str) -> Result<()> {
    let client = context.client()?;
    context.output.waiting("Deleting the key", client.delete_api_key(id)).await.map_err(known)?;
    if context.output.json {
        return context.output.json(&Message { message: format!("API key '{id}' deleted successfully") });
    }
    context.output.success("API key deleted successfully: it is refused from now on.");
    Ok(())
}

async fn rotate(context: &Context, Rotate { id: Id { api_key_id }, overlap }: Rotate) -> Result<()> {
    let seconds = time::parse_span(&overlap)
        .ok_or_else(|| Failure::usage("--overlap must be a span of time: 90s, 30m, 24h, 7d."))?;
    let client = context.client()?;
    let rotated = client.rotate_api_key(&api_key_id, seconds);
    let key = context.output.waiting("Rotating the key", rotated).await.map_err(known)?;
    let old = key.previous.as_ref().map(|previous| time::short(&previous.valid_until));
    tell(context, key, Some("The key has a new secret."))?;
    match old {
        Some(until) => context.output.note(&format!(
            "The old secret works until {until}; `keyward api-key list` shows who still uses it."
        )),
        None => context.output.note("The old secret is refused from now on."),
    }
    Ok(())
}

/// Shows a key; its secret, where there is one, last and with a warning.
fn tell(context: &Context, mut key: ApiKey, success: Option<&str>) -> Result<()> {
    let output = &context.output;
    if output.json {
        return output.json(&KeyJson::from(key));
    }
    if let Some(success) = success {
        output.success(success);
        if key.state == "expired" {
            output.warning("Its end lies in the past: nobody is let in with it.");
        }
    }
    let secret = key.secret.take();
    let mut fields = vec![
        ("API Key ID", key.id.clone()),
        ("Name", key.name.clone()),
        ("User ID", key.username.clone()),
        ("Description", key.description.clone().unwrap_or_default()),
        ("Status", status(&key)),
        ("Expires At", expiry(&key)),
        ("Created By", key.created_by.clone().unwrap_or_default()),
        ("Created At", time::short(&key.created_at)),
        ("Last used", usage(key.last_used.as_ref())),
    ];
    fields.extend(key.scope.as_ref().map(|scope| ("Scope", scope.join(", "))));
    if !key.allowed_addresses.is_empty() {
        fields.push(("Allowed from", key.allowed_addresses.join(", ")));
    }
    fields.extend(key.owner.clone().map(|owner| ("Owner", owner)));
    fields.extend(key.review_at.as_deref().map(|at| ("Review at", time::short(at))));
    if let Some(previous) = &key.previous {
        let used = usage(previous.last_used.as_ref());
        let until = time::short(&previous.valid_until);
        fields.push(("Old secret", format!("works until {until}; last used: {used}")));
    }
    output.fields(&fields)?;
    if let Some(secret) = secret {
        output.line("")?;
        output.secret("API Key (SAVE THIS - shown only once)", secret.expose())?;
    }
    Ok(())
}

fn status(key: &ApiKey) -> String {
    match key.state.as_str() {
        "expired" => "Expired",
        "disabled" => "Disabled",
        "user_disabled" => "User disabled",
        "" if !key.active => "Disabled",
        _ => "Active",
    }
    .to_owned()
}

/// When the key ends, as it was written.
fn expiry(key: &ApiKey) -> String {
    key.expires_at.clone().filter(|expires_at| !expires_at.is_empty()).unwrap_or_else(|| "Never".to_owned())
}

pub(super) fn usage(last_used: Option<&Use>) -> String {
    match last_used {
        None => "never".to_owned(),
        Some(Use { at, address: Some(address), .. }) => format!("{} from {address}", time::short(at)),
        Some(Use { at, .. }) => time::short(at),
    }
}

/// A failure about a key, with what helps when there is no such key.
fn known(error: Error) -> Failure {
    let missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    if missing { failure.or_hint(|| "`keyward api-key list` shows the keys".to_owned()) } else { failure }
}

/// What to say of a refused key that is of our format, but whose checksum doesn't fit.
pub(crate) fn checksum_hint(key: &Secret) -> Option<String> {
    (checksum_fits(key.expose()) == Some(false))
        .then(|| "the key's checksum doesn't fit: was it copied whole?".to_owned())
}
