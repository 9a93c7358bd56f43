//! `/openapi.json`, and `/docs`, a page to read it that needs nothing from outside: no script, no font, no
//! picture.
//!
//! Both are made once, at the start.

use std::fmt::Write as _;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, PathItem, RefOr, Required, Response, Schema};

const STYLE: &str = include_str!("../../templates/docs.css");

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// The routes of both.
pub(super) fn router(document: &OpenApi) -> Router {
    let json = document.to_json().map_err(anyhow::Error::from);
    let page = page(document).map_err(anyhow::Error::from);
    match (json, page) {
        (Ok(json), Ok(page)) => serving(Bytes::from(json), Bytes::from(page)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(cause = format!("{error:#}"), "the API's description can't be made");
            Router::new()
        }
    }
}

fn serving(json: Bytes, page: Bytes) -> Router {
    let policy = content_security_policy();
    let page_headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let json_type = HeaderValue::from_static("application/json");
    Router::new()
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, json_type)], json).into_response()))
        .route("/docs", get(async move || (page_headers, page).into_response()))
}

/// The page may do nothing but show itself, in its own style.
fn content_security_policy() -> HeaderValue {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    let hash = STANDARD.encode(hash.as_ref());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn page(document: &OpenApi) -> Result<String, askama::Error> {
    let reader = Reader { document };
    let description = document.info.description.as_deref().unwrap_or_default();
    Docs {
        style: STYLE,
        version: &document.info.version,
        description: description.split("\n\n").map(prose).collect(),
        server: reader.server(),
        groups: reader.groups(),
        schemas: reader.schemas(),
    }
    .render()
}

/// What the template shows.
#[derive(Template)]
#[template(path = "docs.html")]
struct Docs<'a> {
    style: &'static str,
    version: &'a str,
    description: Vec<Vec<Piece<'a>>>,
    server: &'a str,
    groups: Vec<Group<'a>>,
    schemas: Vec<Described<'a>>,
}

/// The operations of one tag.
struct Group<'a> {
    name: &'a str,
    anchor: String,
    description: Vec<Piece<'a>>,
    operations: Vec<Call<'a>>,
}

/// One operation.
struct Call<'a> {
    anchor: &'a str,
    method: &'static str,
    path: &'a str,
    summary: &'a str,
    description: Vec<Piece<'a>>,
    parameters: Vec<Member<'a>>,
    body: Option<Described<'a>>,
    body_required: bool,
    answers: Vec<Answer<'a>>,
    curl: String,
    example: Option<String>,
}

/// One status that an operation answers with.
struct Answer<'a> {
    status: &'a str,
    description: Vec<Piece<'a>>,
    kind: Vec<Word>,
}

/// A schema with a name.
struct Described<'a> {
    name: &'a str,
    description: Vec<Piece<'a>>,
    members: Vec<Member<'a>>,
    words: Vec<String>,
}

/// A member of an object, or a parameter.
struct Member<'a> {
    name: &'a str,
    /// `path`, `query` or `header`; empty for a member.
    place: &'static str,
    required: bool,
    kind: Vec<Word>,
    description: Vec<Piece<'a>>,
}

/// A part of prose, set as code if it stood between backticks.
struct Piece<'a> {
    is_code: bool,
    text: &'a str,
}

/// A part of what says which values there may be; with the name of a schema to go to.
struct Word {
    text: String,
    link: Option<String>,
}

fn prose(text: &str) -> Vec<Piece<'_>> {
    let pieces = text.split('`').enumerate().map(|(index, text)| Piece { is_code: index % 2 == 1, text });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

fn anchor(text: &str) -> String {
    text.to_lowercase().replace(' ', "-")
}

/// Reads the document.
#[derive(Clone, Copy)]
struct Reader<'a> {
    document: &'a OpenApi,
}

impl<'a> Reader<'a> {
    fn server(self) -> &'a str {
        self.document.servers.iter().flatten().next().map_or("", |server| server.url.as_str())
    }

    fn groups(self) -> Vec<Group<'a>> {
        let tags = self.document.tags.iter().flatten();
        tags.map(|tag| Group {
            name: &tag.name,
            anchor: anchor(&tag.name),
            description: prose(tag.description.as_deref().unwrap_or_default()),
            operations: self.operations(&tag.name),
        })
        .collect()
    }

    fn operations(self, tag: &str) -> Vec<Call<'a>> {
        let has_tag = |operation: &Operation| operation.tags.iter().flatten().any(|own| own == tag);
        let paths = self.document.paths.paths.iter();
        paths
            .flat_map(|(path, item)| methods(item).map(move |(method, operation)| (path, method, operation)))
            .filter(|(_, _, operation)| has_tag(operation))
            .map(|(path, method, operation)| self.operation(path, method, operation))
            .collect()
    }

    fn operation(self, path: &'a str, method: &'static str, operation: &'a Operation) -> Call<'a> {
        let parameters = operation.parameters.iter().flatten().filter_map(present).collect::<Vec<_>>();
        let body = operation.request_body.as_ref().and_then(present);
        let body_schema = body.and_then(|body| first_schema(body.content.values()));
        let answers = &operation.responses.responses;
        let good = answers.iter().find(|(status, _)| status.starts_with('2'));
        let good_schema = good.and_then(|(_, answer)| first_schema(present(answer)?.content.values()));
        Call {
            anchor: operation.operation_id.as_deref().unwrap_or_default(),
            method,
            path,
            summary: operation.summary.as_deref().unwrap_or_default(),
            description: prose(operation.description.as_deref().unwrap_or_default()),
            parameters: parameters.iter().map(|&one| parameter(one)).collect(),
            body: body_schema.map(|schema| self.described(name_of(schema).unwrap_or_default(), schema)),
            body_required: body.is_some_and(|body| body.required == Some(Required::True)),
            answers: answers.iter().filter_map(|(status, one)| answer(status, one)).collect(),
            curl: self.curl(path, method, &parameters, body_schema),
            example: good_schema.map(|schema| self.example(schema, Shown::All)),
        }
    }

    fn schemas(self) -> Vec<Described<'a>> {
        let schemas = self.document.components.iter().flat_map(|components| &components.schemas);
        schemas.map(|(name, schema)| self.described(name, schema)).collect()
    }

    fn described(self, name: &'a str, schema: &'a RefOr<Schema>) -> Described<'a> {
        let schema = self.resolved(schema);
        let (description, words) = match schema {
            Some(Schema::Object(object)) => (object.description.as_deref(), words(object)),
            Some(Schema::AllOf(all)) => (all.description.as_deref(), Vec::new()),
            _ => (None, Vec::new()),
        };
        Described {
            name,
            description: prose(description.unwrap_or_default()),
            members: schema.map(|schema| self.members(schema)).unwrap_or_default(),
            words,
        }
    }

    fn members(self, schema: &'a Schema) -> Vec<Member<'a>> {
        let properties = self.properties(schema).into_iter();
        properties
            .map(|(name, schema, required)| Member {
                name,
                place: "",
                required,
                kind: kind(schema),
                description: prose(description_of(schema)),
            })
            .collect()
    }

    /// The properties of an object, those that it takes over from another included, and whether each is
    /// required.
    fn properties(self, schema: &'a Schema) -> Vec<(&'a str, &'a RefOr<Schema>, bool)> {
        match schema {
            Schema::Object(object) => object
                .properties
                .iter()
                .map(|(name, schema)| (name.as_str(), schema, object.required.contains(name)))
                .collect(),
            Schema::AllOf(all) => all
                .items
                .iter()
                .filter_map(|part| self.resolved(part))
                .flat_map(|part| self.properties(part))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn resolved(self, schema: &'a RefOr<Schema>) -> Option<&'a Schema> {
        match schema {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(_) => self.resolved(self.document.components.as_ref()?.schemas.get(name_of(schema)?)?),
        }
    }

    fn curl(
        self,
        path: &str,
        method: &'static str,
        parameters: &[&Parameter],
        body: Option<&'a RefOr<Schema>>,
    ) -> String {
        let mut path = path.to_owned();
        for parameter in parameters.iter().filter(|parameter| parameter.parameter_in == ParameterIn::Path) {
            let example = parameter.schema.as_ref().and_then(example_of).unwrap_or_default();
            path = path.replace(&format!("{{{}}}", parameter.name), &example);
        }
        let mut curl = "curl".to_owned();
        if method != "GET" && !(method == "POST" && body.is_some()) {
            // Writing to a String can't fail, here and below.
            let _ = write!(curl, " -X {method}");
        }
        let _ = write!(curl, " {}{path} \\\n  -H \"Authorization: $KEYWARD_API_KEY\"", self.server());
        if let Some(body) = body {
            let body = self.example(body, Shown::Typical).replace('\n', "\n  ");
            let _ = write!(curl, " \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'");
        }
        curl
    }

    /// A value of this schema, as JSON.
    fn example(self, schema: &'a RefOr<Schema>, shown: Shown) -> String {
        let Some(schema) = self.resolved(schema) else { return "null".to_owned() };
        match schema {
            Schema::Array(array) => match &array.items {
                ArrayItems::RefOrSchema(item) => {
                    let item = self.example(item, shown);
                    if item.contains('\n') { block('[', [item], ']') } else { format!("[{item}]") }
                }
                ArrayItems::False => "[]".to_owned(),
            },
            // Of a word that may be missing, none is the usual case: no reason, when it is allowed.
            Schema::OneOf(one) => match one.items.first() {
                Some(first) if !self.is_word(first) => self.example(first, shown),
                _ => "null".to_owned(),
            },
            Schema::Object(object) if object.properties.is_empty() => plain_example(object),
            _ => {
                let members = self.properties(schema).into_iter();
                let members = members.filter(|(_, schema, required)| {
                    *required || shown == Shown::All || self.has_example(schema)
                });
                let members =
                    members.map(|(name, schema, _)| format!("\"{name}\": {}", self.example(schema, shown)));
                block('{', members, '}')
            }
        }
    }

    fn is_word(self, schema: &'a RefOr<Schema>) -> bool {
        matches!(self.resolved(schema), Some(Schema::Object(object)) if object.enum_values.is_some())
    }

    fn has_example(self, schema: &'a RefOr<Schema>) -> bool {
        match self.resolved(schema) {
            Some(Schema::Object(object)) => !object.examples.is_empty(),
            Some(Schema::Array(array)) => match &array.items {
                ArrayItems::RefOrSchema(item) => self.has_example(item),
                ArrayItems::False => false,
            },
            _ => false,
        }
    }
}

/// How much of an object an example has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    /// What must be there, and what the schema has an example of.
    Typical,
}

fn methods(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// What stands here itself: this document refers to schemas alone.
fn present<T>(value: &RefOr<T>) -> Option<&T> {
    match value {
        RefOr::T(value) => Some(value),
        RefOr::Ref(_) => None,
    }
}

fn first_schema<'a>(
    mut contents: impl Iterator<Item = &'a RefOr<utoipa::openapi::Content>>,
) -> Option<&'a RefOr<Schema>> {
    present(contents.next()?)?.schema.as_ref()
}

fn parameter(parameter: &Parameter) -> Member<'_> {
    Member {
        name: &parameter.name,
        place: match parameter.parameter_in {
            ParameterIn::Path => "path",
            ParameterIn::Header => "header",
            ParameterIn::Cookie => "cookie",
            ParameterIn::Query | ParameterIn::QueryString => "query",
        },
        required: parameter.required == Required::True,
        kind: parameter.schema.as_ref().map(kind).unwrap_or_default(),
        description: prose(parameter.description.as_deref().unwrap_or_default()),
    }
}

fn answer<'a>(status: &'a str, answer: &'a RefOr<Response>) -> Option<Answer<'a>> {
    let answer = present(answer)?;
    let kind = first_schema(answer.content.values()).map(kind).unwrap_or_default();
    Some(Answer { status, description: prose(&answer.description), kind })
}

/// The name of the schema that is meant; of what may be null, too.
fn name_of(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix(SCHEMAS),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().find_map(name_of),
        RefOr::T(_) => None,
    }
}

fn description_of(schema: &RefOr<Schema>) -> &str {
    match schema {
        RefOr::Ref(reference) => &reference.description,
        RefOr::T(Schema::Object(object)) => object.description.as_deref().unwrap_or_default(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref().unwrap_or_default(),
        RefOr::T(Schema::OneOf(one)) => one.items.first().map(description_of).unwrap_or_default(),
        RefOr::T(_) => "",
    }
}

/// Which values there may be.
fn kind(schema: &RefOr<Schema>) -> Vec<Word> {
    let plain = |text: String| Word { text, link: None };
    match schema {
        RefOr::Ref(_) => {
            let name = name_of(schema).unwrap_or_default();
            vec![Word { text: name.to_owned(), link: Some(name.to_owned()) }]
        }
        RefOr::T(Schema::Object(object)) => vec![plain(type_text(&object.schema_type, object))],
        RefOr::T(Schema::Array(array)) => {
            let mut words = vec![plain("array of ".to_owned())];
            if let ArrayItems::RefOrSchema(item) = &array.items {
                words.extend(kind(item));
            }
            if types(&array.schema_type).contains(&Type::Null) {
                words.push(plain(" | null".to_owned()));
            }
            words
        }
        RefOr::T(Schema::OneOf(one)) => {
            let mut words = Vec::new();
            for item in &one.items {
                if !words.is_empty() {
                    words.push(plain(" | ".to_owned()));
                }
                words.extend(kind(item));
            }
            words
        }
        RefOr::T(_) => vec![plain("object".to_owned())],
    }
}

fn types(schema_type: &SchemaType) -> &[Type] {
    match schema_type {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(several) => several,
        SchemaType::AnyValue => &[],
    }
}

fn type_text(schema_type: &SchemaType, object: &Object) -> String {
    let name = |one: &Type| match one {
        Type::Object => "object",
        Type::String => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Array => "array",
        Type::Null => "null",
    };
    let mut text = String::new();
    for one in types(schema_type) {
        if !text.is_empty() {
            text.push_str(" | ");
        }
        text.push_str(name(one));
        if let (Type::String, Some(SchemaFormat::Custom(format))) = (one, &object.format) {
            let _ = write!(text, " ({format})");
        }
    }
    text
}

fn words(object: &Object) -> Vec<String> {
    let words = object.enum_values.iter().flatten();
    words.map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect()
}

/// The text of a plain schema's example.
fn example_of(schema: &RefOr<Schema>) -> Option<String> {
    match present(schema)? {
        Schema::Object(object) => object.examples.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn plain_example(object: &Object) -> String {
    if let Some(example) = object.examples.first() {
        return example.to_string();
    }
    if let Some(word) = object.enum_values.iter().flatten().next() {
        return word.to_string();
    }
    if types(&object.schema_type).contains(&Type::Null) {
        return "null".to_owned();
    }
    match types(&object.schema_type).first() {
        Some(Type::Boolean) => "false",
        Some(Type::Integer | Type::Number) => "0",
        Some(Type::String) => "\"...\"",
        _ => "{}",
    }
    .to_owned()
}

/// Items one below the other.
fn block(open: char, items: impl IntoIterator<Item = String>, close: char) -> String {
    let items: Vec<String> =
        items.into_iter().map(|item| format!("  {}", item.replace('\n', "\n  "))).collect();
    if items.is_empty() {
        format!("{open}{close}")
    } else {
        format!("{open}\n{}\n{close}", items.join(",\n"))
    }
}
