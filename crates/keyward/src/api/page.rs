//! Lists in pieces.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A piece of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub(super) fn of<U>(page: keyward_core::page::Page<U>) -> Self
    where
        T: From<U>,
    {
        Self::map(page, T::from)
    }

    /// The piece with `shape` applied to each item.
    pub(super) fn map<U>(page: keyward_core::page::Page<U>, shape: impl Fn(U) -> T) -> Self {
        Self { items: page.items.into_iter().map(shape).collect(), next_cursor: page.next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

// Derived, it would hold the item's schema a second time instead of pointing to it.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next_cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("For `cursor`, to have the next piece; null when this is the last."))
            .examples(["YWRhQGV4YW1wbGUuY29t"]);
        ObjectBuilder::new()
            .description(Some("A piece of a list."))
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next_cursor", next_cursor)
            .required("items")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Page", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
