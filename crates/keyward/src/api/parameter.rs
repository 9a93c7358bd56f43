//! The parameters that many routes have in common, for their annotations.

use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// Declares parameters: where they are, their names, what they mean, an example.
macro_rules! parameters {
    ($(
        $(#[$meta:meta])* $name:ident: $place:ident $text:literal $description:literal $example:literal
    )+) => {$(
        $(#[$meta])*
        pub(super) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![parameter(ParameterIn::$place, $text, $description, $example)]
            }
        }
    )+};
}

parameters! {
    /// `{user}`
    UserPath: Path "user" "An id or a username" "ada@example.com"
    /// `{role}`
    RolePath: Path "role" "A role's name" "readers"
    /// `{key}`
    KeyPath: Path "key" "A key's id" "3f0d2b8e-5a11-4e0e-9a53-7c3c5a8d1b22"
    /// `{access_key}`
    AccessKeyPath: Path "access_key" "An access key's id" "AKIAIOSFODNN7EXAMPLE"
    /// `{pool}`
    PoolPath: Path "pool" "A user pool's id" "us-east-1_k3Y9wRd0A"
    /// `{client}`
    ClientPath: Path "client" "An app client's id" "5h3kq0m1c8d2v7x9b4n6z1l0pa"
    /// `{secret}`
    ClientSecretPath: Path "secret" "The id of a client's secret" "5h3kq0m1c8d2v7x9b4n6z1l0pa--1800014400000"
    /// On what changes a thing that has a version.
    IfMatchHeader: Header "If-Match"
        "The version that the change is meant for, as `ETag` tells it, or `*`" "\"1\""
    /// On what must not be done twice.
    IdempotencyHeader: Header "Idempotency-Key"
        "1 to 128 visible ASCII characters; the same request within 10 minutes gets the same answer again"
        "a-uuid"
}

fn parameter(place: ParameterIn, name: &str, description: &str, example: &str) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples([example])))
        .build()
}
