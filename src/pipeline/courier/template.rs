//! A request as a profile draws it: a JSON value whose texts hold `{name}`. A text that is nothing but `{#name}` becomes a
//! number, one that is nothing but `{?name}` is left out with its field if there is nothing to say; so is a number. A list
//! whose first member is `"*"` has its second member once for each parcel.

use serde_json::{Map, Number, Value};

use crate::format::template::fill;

/// What is written for a name.
pub(super) type Say<'s> = dyn Fn(&str) -> String + 's;

/// Levels of a template.
const MOST_LEVELS: usize = 20;

/// What a name in braces asks for.
fn sign(text: &str) -> Option<(char, &str)> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    let sign = inside.chars().next().filter(|first| matches!(first, '#' | '?'))?;
    inside.strip_prefix(sign).map(|name| (sign, name))
}

/// The list that is written once for each parcel.
fn repeated(items: &[Value]) -> Option<&Value> {
    match items {
        [first, each] if first == "*" => Some(each),
        _ => None,
    }
}

/// Every name in braces, and whether it stands in a list that is repeated; what is wrong with the template.
pub(super) fn names(template: &Value) -> Result<Vec<(String, bool)>, String> {
    let mut found = Vec::new();
    collect(template, false, 0, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, inside: bool, level: usize, found: &mut Vec<(String, bool)>) -> Result<(), String> {
    if level > MOST_LEVELS {
        return Err(format!("it is more than {MOST_LEVELS} levels deep"));
    }
    match value {
        Value::String(text) => {
            in_braces(text).for_each(|name| found.push((name.to_owned(), inside)));
            Ok(())
        }
        Value::Array(items) => match repeated(items) {
            Some(_) if inside => Err("a list with \"*\" stands in another".to_owned()),
            Some(each) => collect(each, true, level + 1, found),
            None if items.first().is_some_and(|first| first == "*") => {
                Err("a list with \"*\" has one member behind it".to_owned())
            }
            None => items.iter().try_for_each(|item| collect(item, inside, level + 1, found)),
        },
        Value::Object(fields) => fields.values().try_for_each(|value| collect(value, inside, level + 1, found)),
        _ => Ok(()),
    }
}

/// Names in braces in a text, without their sign.
pub(super) fn in_braces(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    parts.map(|(name, _)| name.trim_start_matches(['#', '?']))
}

/// The template filled in: names of the whole by `whole`, those of a parcel by one of `each`; of a template without a list
/// there is one parcel.
pub(super) fn write(template: &Value, whole: &Say<'_>, each: &[Box<Say<'_>>]) -> Value {
    let first = |name: &str| match (name.starts_with("parcel."), each.first()) {
        (true, Some(parcel)) => parcel(name),
        _ => whole(name),
    };
    put(template, &first, whole, each).unwrap_or(Value::Null)
}

fn put(value: &Value, say: &Say<'_>, whole: &Say<'_>, each: &[Box<Say<'_>>]) -> Option<Value> {
    match value {
        Value::String(text) => match sign(text) {
            Some(('#', name)) => say(name).parse::<Number>().ok().map(Value::Number),
            Some((_, name)) => Some(say(name)).filter(|said| !said.is_empty()).map(Value::String),
            None => Some(Value::String(fill(text, |name| Some(say(name))))),
        },
        Value::Array(items) => Some(Value::Array(match repeated(items) {
            Some(one) => each
                .iter()
                .filter_map(|parcel| {
                    let say = |name: &str| if name.starts_with("parcel.") { parcel(name) } else { whole(name) };
                    put(one, &say, whole, &[])
                })
                .collect(),
            None => items.iter().filter_map(|item| put(item, say, whole, each)).collect(),
        })),
        Value::Object(fields) => {
            let written = fields.iter().filter_map(|(name, value)| Some((name.clone(), put(value, say, whole, each)?)));
            Some(Value::Object(written.collect::<Map<_, _>>()))
        }
        other => Some(other.clone()),
    }
}

/// The way back, for the simulated courier: what stands in a request where the template has nothing but one of these names.
pub(super) fn read(template: &Value, request: &Value, name: &str, found: &mut Vec<String>) {
    match (template, request) {
        (Value::String(text), said) => {
            let asked = sign(text).map(|(_, name)| name);
            let asked = asked.or_else(|| text.strip_prefix('{')?.strip_suffix('}'));
            if asked == Some(name) {
                found.push(said.as_str().map_or_else(|| said.to_string(), str::to_owned));
            }
        }
        (Value::Array(items), Value::Array(said)) => match repeated(items) {
            Some(one) => said.iter().for_each(|said| read(one, said, name, found)),
            None => items.iter().zip(said).for_each(|(item, said)| read(item, said, name, found)),
        },
        // One value does not tell a list in XML and in forms.
        (Value::Array(items), said) => {
            if let Some(one) = repeated(items) {
                read(one, said, name, found);
            }
        }
        (Value::Object(fields), Value::Object(said)) => {
            for (field, template) in fields {
                if let Some(said) = said.get(field) {
                    read(template, said, name, found);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(template: &Value, expected: &Value) {
        let whole = |name: &str| match name {
            "order" => "4711 \"{number}\"".to_owned(),
            "cod.amount" => "54000".to_owned(),
            _ => String::new(),
        };
        let parcel =
            |place: usize| move |name: &str| if name == "parcel.number" { place.to_string() } else { String::new() };
        let each: Vec<Box<Say<'_>>> = vec![Box::new(parcel(1)), Box::new(parcel(2))];
        assert_eq!(write(template, &whole, &each), *expected);
    }

    #[test]
    fn what_is_written() {
        check(&json!({"a": "No. {order}", "b": true}), &json!({"a": "No. 4711 \"{number}\"", "b": true}));
        check(&json!({"n": "{#cod.amount}", "m": "{#parcel.weight_kg}"}), &json!({"n": 54000}));
        check(
            &json!({"a": "{?sender.phone}", "b": "{sender.phone}", "c": "{?order}"}),
            &json!({"b": "", "c": "4711 \"{number}\""}),
        );
        check(
            &json!({"p": ["*", {"n": "{#parcel.number}", "o": "{?cod.amount}"}]}),
            &json!({"p": [{"n": 1, "o": "54000"}, {"n": 2, "o": "54000"}]}),
        );
        check(&json!({"p": "{parcel.number}", "l": ["x", "{?nothing}"]}), &json!({"p": "1", "l": ["x"]}));
    }

    #[test]
    fn names_and_the_way_back() {
        let template = json!({"a": "{order}", "p": ["*", {"n": "{#parcel.number}", "r": "x {parcel.sscc}"}]});
        let found = names(&template).unwrap();
        let expected = [("order", false), ("parcel.number", true), ("parcel.sscc", true)];
        assert_eq!(found, expected.map(|(name, inside)| (name.to_owned(), inside)));
        let mut read_back = Vec::new();
        read(&template, &json!({"a": "1", "p": [{"n": 7, "r": "x"}, {"n": 8}]}), "parcel.number", &mut read_back);
        assert_eq!(read_back, ["7", "8"]);
        assert!(names(&json!(["*"])).is_err());
        assert!(names(&json!(["*", ["*", "x"]])).is_err());
    }
}
