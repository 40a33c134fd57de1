use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Everything {
    count: usize,
    #[serde(default)]
    small: Option<u8>,
    #[serde(default)]
    share: f32,
    #[serde(default)]
    is_on: bool,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    colours: Vec<Colour>,
    #[serde(default)]
    any: Value,
    #[serde(default)]
    inside: Vec<Everything>,
}

fn read_error(json: &str) -> String {
    match read::<Object<Everything>>(json.as_bytes()) {
        Ok(_) => panic!("{json} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn syntax_errors_report_text_and_position() {
    for (json, expected) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("{\"count\": ", "unexpected end at line 1, column 10"),
        (
            "{\n \"count\": NaN}",
            "unexpected \"NaN}\" at line 2, column 11",
        ),
        ("nonsense", "unexpected \"onsense\" at line 1, column 2"),
        ("{\"count\": 1,}", "unexpected \"}\" at line 1, column 13"),
        (
            "{\"count\": 1} {}",
            "unexpected \"{}\" after its end at line 1, column 14",
        ),
        // The unknown field is not reported: the syntax is checked first.
        ("{\"nothing\": [[", "unexpected end at line 1, column 14"),
    ] {
        assert_eq!(read_error(json), expected, "{json:?}");
    }
    assert_eq!(
        read::<Value>(b"{\"a\": \"\xff\"}").unwrap_err().to_string(),
        "expected UTF-8, received an invalid byte at position 8"
    );
    let long = format!("{{\"count\": x{}", "y".repeat(1000));
    assert!(read_error(&long).len() < 100);
}

/// JSON that is not an `Everything`, and the errors.
const FAULTS: &[(&str, &str)] = &[
    ("[1]", "expected an object, received an array"),
    ("null", "expected an object, received null"),
    ("{}", "expected a field \"count\", received none"),
    (
        "{\"count\": \"1\"}",
        "count: expected a non-negative integer, received \"1\"",
    ),
    (
        "{\"count\": -1}",
        "count: expected a non-negative integer, received the number -1",
    ),
    (
        "{\"count\": -0}",
        "count: expected a non-negative integer, received the number -0",
    ),
    (
        "{\"count\": 1.0}",
        "count: expected a non-negative integer, received the number 1.0",
    ),
    (
        "{\"count\": 1e999}",
        "count: expected a non-negative integer, received the number 1e999",
    ),
    (
        "{\"count\": 18446744073709551616}",
        "count: expected an integer from 0 to 18446744073709551615, received the number 18446744073709551616",
    ),
    (
        "{\"count\": 99999999999999999999999999999}",
        "count: expected an integer from 0 to 18446744073709551615, received the number 99999999999999999999…",
    ),
    (
        "{\"small\": 256}",
        "small: expected an integer from 0 to 255, received the number 256",
    ),
    (
        "{\"small\": []}",
        "small: expected an integer from 0 to 255, received an array",
    ),
    (
        "{\"share\": \"NaN\"}",
        "share: expected a number, received \"NaN\"",
    ),
    (
        "{\"share\": -1e999}",
        "share: expected a number from -1.8e308 to 1.8e308, received the number -1e999",
    ),
    (
        "{\"is_on\": 1}",
        "is_on: expected true or false, received the number 1",
    ),
    ("{\"name\": true}", "name: expected a string, received true"),
    (
        "{\"name\": {\"a\": [1, {}]}}",
        "name: expected a string, received an object",
    ),
    (
        "{\"colours\": \"red\"}",
        "colours: expected an array, received \"red\"",
    ),
    (
        "{\"colours\": [\"red\", \"blue\"]}",
        "colours[1]: expected one of \"red\", \"green\", received \"blue\"",
    ),
    (
        "{\"colours\": [3]}",
        "colours[0]: expected one of \"red\", \"green\", received the number 3",
    ),
    (
        "{\"any\": {\"a\": [1e400]}}",
        "any.a[0]: expected a number from -1.8e308 to 1.8e308, received the number 1e400",
    ),
    (
        "{\"name\": \"\\ud800\"}",
        "name: expected Unicode characters, received half of a surrogate pair",
    ),
    (
        "{\"\\udc00\": 1}",
        "expected Unicode characters, received half of a surrogate pair",
    ),
    (
        "{\"name\": \"a\", \"name\": \"b\"}",
        "name is given twice; expected it once",
    ),
    (
        "{\"count\": 1, \"inside\": [{\"count\": 1}, {\"cuont\": [[]]}]}",
        "inside[1]: unknown field \"cuont\"; expected one of: count, small, share, is_on, name, colours, any, inside",
    ),
    (
        "{\"inside\": [{}]}",
        "inside[0]: expected a field \"count\", received none",
    ),
    (
        "{\"inside\": [[1]]}",
        "inside[0]: expected an object, received an array",
    ),
];

#[test]
fn faults_are_described_in_terms_of_json() {
    for (json, expected) in FAULTS {
        assert_eq!(read_error(json), *expected, "{json}");
    }
}

#[test]
fn errors_about_large_values_are_short() {
    let name = "n".repeat(10_000);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep = read_error(&format!("{{\"count\": 1, \"any\": {deep}}}"));
    let expected = "expected at most 127 arrays and objects inside one another, received more";
    assert!(
        deep.starts_with("any[0][0]") && deep.ends_with(expected),
        "{deep}"
    );
    for json in [
        format!("{{\"{name}\": 1}}"),
        format!("{{\"name\": {}}}", name.replace('n', "1")),
        format!("{{\"any\": {{\"{name}\": 1e999}}}}"),
    ] {
        assert!(read_error(&json).len() < 400, "{}", read_error(&json));
    }
}

#[test]
fn fields_are_reported_with_their_path() {
    for (json, field) in [
        ("[]", None),
        ("{}", Some("count")),
        ("{\"colours\": [\"blue\"]}", Some("colours[0]")),
        ("{\"inside\": [{\"x\": 1}]}", Some("inside[0].x")),
        ("{\"inside\": [{}]}", Some("inside[0].count")),
        ("{\"any\": {\"a\": {\"b\": 1e999}}}", Some("any.a.b")),
    ] {
        match read::<Object<Everything>>(json.as_bytes()).map(|_| ()) {
            Err(JsonError::Fault(fault)) => assert_eq!(fault.field().as_deref(), field, "{json}"),
            other => panic!("{json}: {other:?}"),
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\"\\\\\u{e9}\u{1f600}\n,:\\[\\]{} ]{0,8}".prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "count", "small", "share", "is_on", "name", "colours", "x",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn both_readers_agree(value in values(), is_pretty in any::<bool>()) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        prop_assert_eq!(&Value::deserialize(&mut Reader::new(&text)).unwrap(), &value);
        IgnoredAny::deserialize(&mut Reader::new(&text)).unwrap();
        let ours = Everything::deserialize(&mut Reader::new(&text));
        let Ok(Object(theirs)) = serde_json::from_str::<Object<Everything>>(&text) else {
            prop_assert!(ours.is_err(), "{}", text);
            return Ok(());
        };
        prop_assert_eq!(ours.unwrap(), theirs);
    }

    #[test]
    fn no_input_causes_a_panic(text in "[a-z0-9\"\\\\\\[\\]{},: .eE+-]{0,40}") {
        // Invalid syntax never reaches the reader; if it did, it would only be an error.
        let _ = Value::deserialize(&mut Reader::new(&text));
        let _ = Everything::deserialize(&mut Reader::new(&text));
        let _ = read::<Object<Everything>>(text.as_bytes());
    }
}
