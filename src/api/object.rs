//! JSON objects written member by member, so that JSON that is in the store already is put in as it is.

use serde::Serialize;

/// An object being written.
#[derive(Debug)]
pub(super) struct Object(String);

impl Default for Object {
    fn default() -> Object {
        Object("{".to_owned())
    }
}

impl Object {
    /// A member.
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        // Our values are strings, numbers and lists of them, which can always be written.
        let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
        self.raw(name, &json);
    }

    /// A member that is JSON already; empty text is `null`. Names are ours and need no escapes.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(if json.is_empty() { "null" } else { json });
    }

    /// A member that is a list of objects.
    pub(super) fn list(&mut self, name: &str, objects: impl IntoIterator<Item = String>) {
        self.raw(name, &list(objects));
    }

    /// The text.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A list of what is JSON already.
pub(super) fn list(objects: impl IntoIterator<Item = String>) -> String {
    let mut text = "[".to_owned();
    for object in objects {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&object);
    }
    text.push(']');
    text
}

/// Several lists that are JSON already as one.
pub(super) fn join<'a>(lists: impl IntoIterator<Item = &'a str>) -> String {
    let inside = lists.into_iter().filter_map(|list| list.trim().strip_prefix('[')?.strip_suffix(']'));
    list(inside.filter(|inside| !inside.trim().is_empty()).map(str::to_owned))
}

/// A list of findings as it is stored; empty text is an empty list.
pub(super) fn findings(stored: &str) -> &str {
    if stored.is_empty() { "[]" } else { stored }
}

/// An instant as RFC 3339 in UTC with milliseconds.
pub(super) fn instant(at_ms: i64) -> Option<String> {
    let at = chrono::DateTime::from_timestamp_millis(at_ms)?;
    Some(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_in_order() {
        let mut object = Object::default();
        object.put("a", "x\"y");
        object.raw("b", "");
        object.list("c", [list([]), "1".to_owned()]);
        object.put("d", &instant(1_800_000_000_123));
        assert_eq!(object.end(), r#"{"a":"x\"y","b":null,"c":[[],1],"d":"2027-01-15T08:00:00.123Z"}"#);
        assert_eq!(Object::default().end(), "{}");
        assert_eq!(join(["[]", "[1,2]", "", "[ ]", "[3]"]), "[1,2,3]");
    }
}
