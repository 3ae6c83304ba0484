//! Environment variables that override the configuration: `DURE_` and the name of a setting in capitals, two underscores
//! between table and key. Lists are separated by commas.

use toml::{Table, Value};

/// What they start with.
pub(super) const PREFIX: &str = "DURE_";

/// Variables with our prefix that are read elsewhere and look like settings.
const OTHER_VARIABLES: &[&str] = &["CONFIG", "KEY", "URL"];

/// The variables that are meant for the configuration, without their prefix, by name.
pub(super) fn overrides(
    known: &Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    let ours = |(name, value): (String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), value));
    let mut list: Vec<_> =
        environment.into_iter().filter_map(ours).filter(|(name, _)| meant_for_us(known, name)).collect();
    list.sort();
    list
}

/// Whether a variable is a setting, or nearly one. Others with our prefix are left alone: test switches, and what a
/// container platform puts there for a service called dure (`DURE_PORT`, `DURE_SERVICE_HOST`).
fn meant_for_us(known: &Table, name: &str) -> bool {
    let first = name.split("__").next().unwrap_or(name).to_ascii_lowercase();
    let near = |key: &String| distance(key, &first) <= if key.len() > 4 { 2 } else { 1 };
    !OTHER_VARIABLES.contains(&name) && (name.contains("__") || known.keys().any(near))
}

/// How many letters must be changed, added or left out to get from one word to the other.
fn distance(one: &str, two: &str) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, cell) in two.bytes().zip(row.iter_mut().skip(1)) {
            let cost = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = cost.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.pop().unwrap_or(0)
}

/// Sets the key `name` (`limits__receive_bytes`) to a value of the type the default has.
pub(super) fn set(table: &mut Table, known: &Table, name: &str, text: &str) -> Result<(), String> {
    let unknown = || "there is no such setting".to_owned();
    let mut value = known.get(name.split("__").next().unwrap_or(name)).ok_or_else(unknown)?;
    let mut here = table;
    let mut key = name;
    if let Some((outer, inner)) = name.split_once("__") {
        let below = value.as_table().ok_or_else(unknown)?;
        // Names of jobs are free, their schedules are text.
        const FREE: &Value = &Value::String(String::new());
        value = below.get(inner).or((outer == "jobs").then_some(FREE)).ok_or_else(unknown)?;
        let entry = here.entry(outer).or_insert_with(|| Value::Table(Table::new()));
        here = entry.as_table_mut().ok_or_else(unknown)?;
        key = inner;
    }
    here.insert(key.to_owned(), value_like(value, text)?);
    Ok(())
}

fn value_like(like: &Value, text: &str) -> Result<Value, String> {
    Ok(match like {
        Value::Integer(_) => Value::Integer(text.trim().parse().map_err(|_| format!("{text} is not a whole number"))?),
        Value::Boolean(_) => Value::Boolean(text.trim().parse().map_err(|_| format!("{text} is not true or false"))?),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        Value::Table(_) => return Err("this is a table; name one of its keys after two underscores".to_owned()),
        _ => Value::String(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        for (one, two, expected) in [
            ("", "", 0),
            ("zone", "zone", 0),
            ("listen", "listem", 1),
            ("hub", "hubs", 1),
            ("data", "", 4),
            ("keys", "keep", 2),
            ("sitting", "kitten", 3),
        ] {
            assert_eq!((distance(one, two), distance(two, one)), (expected, expected), "{one} {two}");
        }
    }
}
