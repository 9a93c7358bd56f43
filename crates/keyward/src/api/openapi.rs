//! The OpenAPI document: what the annotations of the routes say, and what they have in common.

use keyward_core::keyward::Settings;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder, Tag,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::api::problem::Problem;

/// The tags, in the order in which somebody new reads them.
const TAGS: [(&str, &str); 10] = [
    ("Access", "Who a credential stands for, and what they may do: what applications ask."),
    (
        "API keys",
        "Secrets with which a program acts as a user, never with more rights than the user has now.",
    ),
    (
        "Access keys",
        "What AWS' own clients sign their requests to the Cognito protocol with; each acts as a user.",
    ),
    (
        "Users",
        "People's accounts, and program users: names that Keyward alone knows, for programs to act as.",
    ),
    ("Roles", "Named sets of permissions."),
    ("Assignments", "Who has which roles."),
    (
        "User pools",
        "Pools of users beside the home pool, which have no roles and keys here, and applications' ways in.",
    ),
    (
        "Test users",
        "Accounts to try an application with, and getting rid of them before it is used in earnest.",
    ),
    ("Audit", "Who did what to whom, through which credential, when."),
    ("Messages", "Codes and temporary passwords on their way to people."),
];

const DESCRIPTION: &str = "Users, roles and API keys of an application.

JSON in and out. Times are RFC 3339 in UTC. Unknown members of a request's body and unknown parameters are \
refused, so that a typo can't be taken for consent. Failures are RFC 9457 problems.

Lists come in pieces: `next_cursor` of one is `cursor` for the next. What can be changed carries `version` \
and `ETag`; `If-Match` makes a change conditional on it. With an `Idempotency-Key`, the same request \
within 10 minutes gets the first answer again, secret included.

A permission is `action:resource`; a trailing `*` stands for any rest, and `*` alone for everything. \
Nobody grants, or takes over, more than they have.";

/// The document about `operations`.
pub(super) fn document(operations: OpenApi, settings: &Settings) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Keyward")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    let tag = |(name, description): (&str, &str)| -> Tag {
        TagBuilder::new().name(name).description(Some(description)).build()
    };
    let key = ApiKeyValue::with_description(
        "Authorization",
        &format!("An API key, as it is: `{}_...`", settings.api_key_prefix),
    );
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An ID or access token of the user pool, or an API key"))
        .build();
    let components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)))
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url(settings.public_url.as_str()).build()]))
        .components(Some(components))
        .security(Some(["api_key", "bearer"].map(|scheme| SecurityRequirement::new(scheme, [] as [&str; 0]))))
        .tags(Some(TAGS.map(tag)))
        .build()
        .merge_from(operations)
}
