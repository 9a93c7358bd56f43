//! `keyward runtime-config`: where applications sign in.

use serde_json::Value;

use super::context::Context;
use super::failure::Result;

/// What says where a value of the server came from.
const SOURCE: &str = "source";

pub(crate) async fn run(context: &Context) -> Result<()> {
    let output = &context.output;
    let asked = context.anonymous()?;
    let config = output.waiting("Asking the server", asked.runtime_config()).await?;
    if output.json {
        return output.json(&config);
    }
    let mut fields = vec![("provider", config.auth.provider.clone())];
    for (name, value) in &config.auth.config {
        let text = match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        fields.push((name, text));
    }
    output.fields(&fields)?;
    let source = config.auth.config.get(SOURCE).and_then(Value::as_str);
    let meaning = match source {
        Some("environment") => "The ids come from the server's environment, which wins over its file.",
        Some("config_file") => "The ids come from the server's file of settings: its environment has none.",
        Some("mixed") => "Some of the ids come from the server's environment, the others from its file.",
        Some("local") => "The pool is the server's own.",
        _ => return Ok(()),
    };
    output.note(meaning);
    Ok(())
}
