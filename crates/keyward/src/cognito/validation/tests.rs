//! Over random inputs made by the model: what is good is taken, what is sensitive is never repeated.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use crate::cognito::model::{MODEL, Member, translated};

/// Begins every text of a sensitive shape that [`any_of`] makes.
const SECRET: &str = "hunter2";

/// Values that the shape allows.
fn good(shape: &'static Shape) -> BoxedStrategy<Value> {
    let length = |longest: usize| {
        let least = usize::try_from(shape.least.unwrap_or(0)).unwrap();
        least..=usize::try_from(shape.most.unwrap_or(i64::MAX)).unwrap().min(least + longest)
    };
    match shape.kind {
        Kind::Structure(members) => structure_of(members, |member| {
            let value = good(member.shape);
            if member.is_required { value.prop_map(Some).boxed() } else { option::of(value).boxed() }
        }),
        Kind::List(element) => vec(good(element), length(2)).prop_map(Value::from).boxed(),
        Kind::Map { key, value } => {
            let key = good(key).prop_map(|key| key.as_str().unwrap().to_owned());
            btree_map(key, good(value), length(1))
                .prop_map(|entries| Value::Object(entries.into_iter().collect()))
                .boxed()
        }
        Kind::Text(None) => {
            vec(any::<char>(), length(40)).prop_map(|text| String::from_iter(text).into()).boxed()
        }
        Kind::Text(Some(pattern)) => {
            string_regex(translated(pattern.text).trim_start_matches('^').trim_end_matches('$'))
                .unwrap()
                .prop_map(Value::from)
                .prop_filter("out of bounds", |text| is_met(shape, &measured(shape, text).ok().unwrap()))
                .boxed()
        }
        Kind::OneOf(words) => select(words).prop_map(Value::from).boxed(),
        Kind::Integer => {
            let least = shape.least.unwrap_or(i32::MIN.into());
            (least..=shape.most.unwrap_or(i32::MAX.into())).prop_map(Value::from).boxed()
        }
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Blob => vec(any::<u8>(), length(20)).prop_map(|bytes| STANDARD.encode(bytes).into()).boxed(),
        Kind::Document => select(vec![json!({ "a": [1, "b"] }), json!("text"), json!([])]).boxed(),
    }
}

fn structure_of(
    members: &'static [Member],
    value_of: impl Fn(&'static Member) -> BoxedStrategy<Option<Value>>,
) -> BoxedStrategy<Value> {
    let member = |member| value_of(member).prop_map(|value| Some((member.name.to_owned(), value?)));
    let members: Vec<_> = members.iter().map(member).collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

/// Values that the shape may allow or not, of the right type mostly.
fn any_of(shape: &'static Shape, is_sensitive: bool) -> BoxedStrategy<Value> {
    let is_sensitive = is_sensitive || shape.is_sensitive;
    let text =
        move || ".{0,8}".prop_map(move |text| if is_sensitive { format!("{SECRET}{text}") } else { text });
    let of_kind = match shape.kind {
        Kind::Structure(members) => {
            structure_of(members, |member| option::of(any_of(member.shape, is_sensitive)).boxed())
        }
        Kind::List(element) => vec(any_of(element, is_sensitive), 0..4).prop_map(Value::from).boxed(),
        Kind::Map { value, .. } => btree_map(text(), any_of(value, is_sensitive), 0..4)
            .prop_map(|entries| Value::Object(entries.into_iter().collect()))
            .boxed(),
        Kind::Text(_) | Kind::OneOf(_) | Kind::Blob => text().prop_map(Value::from).boxed(),
        Kind::Integer => any::<i32>().prop_map(Value::from).boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Document => Just(Value::Null).boxed(),
    };
    let of_another = prop_oneof![
        Just(Value::Null),
        text().prop_map(Value::from),
        text().prop_map(|text| json!([text])),
        text().prop_map(|text| json!({ (text): 1 })),
    ];
    prop_oneof![60 => of_kind, 1 => of_another].boxed()
}

fn input_of(index: usize) -> &'static Shape {
    MODEL[index].input
}

proptest! {
    #[test]
    fn what_the_model_allows_is_taken(
        (index, input) in (0..MODEL.len()).prop_flat_map(|index| (Just(index), good(input_of(index)))),
        unknown in any::<u32>(),
    ) {
        let mut input = input;
        input[format!("{unknown} isn't in the model")] = json!([null]);

        let taken = check(input_of(index), &input).map_err(|failure| failure.message().to_owned());

        prop_assert_eq!(taken, Ok(()), "{} {}", MODEL[index].name, input);
    }

    #[test]
    fn no_sentence_repeats_what_is_sensitive(
        (index, input) in
            (0..MODEL.len()).prop_flat_map(|index| (Just(index), any_of(input_of(index), false))),
    ) {
        if let Err(failure) = check(input_of(index), &input) {
            let message = failure.message();
            prop_assert!(!message.contains(SECRET), "{} {message}", MODEL[index].name);
            prop_assert!(!message.contains(char::is_control), "{message:?}");
            prop_assert!(message.len() < MOST_FAULTS * 2 * REPEATED_LENGTH, "{message}");
        }
    }
}

/// The model has no short value within a sensitive one that could be wrong. It may have one some day.
#[test]
fn what_is_around_or_within_a_sensitive_value_is_not_repeated_either() {
    const fn shape(kind: Kind, is_sensitive: bool) -> Shape {
        Shape { kind, least: Some(20), most: None, is_sensitive }
    }
    static OPEN: Shape = shape(Kind::Text(None), false);
    static SENSITIVE: Shape = shape(Kind::Text(None), true);
    static MEMBERS: [Member; 5] = [
        Member { name: "Open", is_required: false, shape: &OPEN },
        Member {
            name: "Within",
            is_required: false,
            shape: &shape(
                Kind::Structure(&[Member { name: "Text", is_required: false, shape: &OPEN }]),
                true,
            ),
        },
        Member { name: "Values", is_required: false, shape: &shape(Kind::List(&SENSITIVE), false) },
        Member {
            name: "Entries",
            is_required: false,
            shape: &shape(Kind::Map { key: &OPEN, value: &SENSITIVE }, false),
        },
        Member {
            name: "Names",
            is_required: false,
            shape: &shape(Kind::Map { key: &SENSITIVE, value: &OPEN }, false),
        },
    ];
    static INPUT: Shape =
        Shape { kind: Kind::Structure(&MEMBERS), least: None, most: None, is_sensitive: false };

    for (input, expected) in [
        (json!({ "Open": SECRET }), "Value 'hunter2' at 'open' "),
        (json!({ "Within": { "Text": SECRET } }), "Value at 'within.text' "),
        (json!({ "Values": [SECRET] }), "Value at 'values' "),
        (json!({ "Entries": { "a": SECRET } }), "Value at 'entries' "),
        (json!({ "Names": { (SECRET): "a" } }), "Value at 'names' "),
    ] {
        let failure = check(&INPUT, &input).unwrap_err();
        let (_, sentence) = failure.message().split_once(" detected: ").unwrap();
        assert!(sentence.starts_with(expected), "{sentence}");
        assert_eq!(sentence.contains(SECRET), expected.contains(SECRET), "{sentence}");
    }
}

/// One value that the shape allows, always the same.
fn example(shape: &'static Shape) -> Value {
    good(shape).new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// Each member that is required, wherever it is, is missed by its name and by nothing else.
#[test]
fn what_is_required_is_missed_wherever_it_is() {
    fn paths(shape: &'static Shape, place: &str) -> Vec<(String, Value)> {
        match shape.kind {
            Kind::Structure(members) => {
                let whole = example(shape);
                members
                    .iter()
                    .flat_map(|member| {
                        let dot = if place.is_empty() { "" } else { "." };
                        let name =
                            format!("{place}{dot}{}{}", member.name[..1].to_lowercase(), &member.name[1..]);
                        let mut without = whole.clone();
                        without.as_object_mut().unwrap().remove(member.name);
                        let missed = member.is_required.then(|| (name.clone(), without.clone()));
                        let within = paths(member.shape, &name).into_iter().map(move |(path, value)| {
                            let mut input = without.clone();
                            input[member.name] = value;
                            (path, input)
                        });
                        missed.into_iter().chain(within)
                    })
                    .collect()
            }
            Kind::List(element) => paths(element, &format!("{place}.1.member"))
                .into_iter()
                .map(|(path, value)| (path, json!([value])))
                .collect(),
            Kind::Map { value, .. } => paths(value, &format!("{place}.Level1.member"))
                .into_iter()
                .map(|(path, value)| (path, json!({ "Level1": value })))
                .collect(),
            _ => Vec::new(),
        }
    }

    let mut count = 0;
    for operation in MODEL {
        for (path, input) in paths(operation.input, "") {
            let failure = check(operation.input, &input).unwrap_err();
            assert_eq!(
                failure.message(),
                format!(
                    "1 validation error detected: Value null at '{path}' failed to satisfy constraint: \
                     Member must not be null"
                ),
                "{} {input}",
                operation.name
            );
            count += 1;
        }
    }
    assert!(count > 350, "{count}");
}
